/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * machine-test.c - why there is no stack, on machines made up of folders
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "tap.h"

#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "machine.h"

static const struct {
	const char *what;
	const char *paths[6];	/* a trailing '!' takes the permissions away */
	const char *reason;
} cases[] = {
	{ "an empty machine", { NULL }, "no vsock module is loaded" },
	{ "vmci alone", { "sys/module/vmci" }, "vmci is loaded but vmsock is not" },
	{ "no node", { "sys/module/vmci", "sys/module/vmsock" }, "there is no /dev/vmsock" },
	{ "our node denied", { "sys/module/vmsock", "dev/vmsock!" }, "/dev/vmsock may not be" },
	{ "our node denied, no module seen", { "dev/vmsock!" }, "/dev/vmsock may not be opened" },
	{ "no number", { "sys/module/vmsock", "dev/vmsock" }, "gave no family number" },
	{ "the classic file name", { "sys/module/vsock/parameters/family", "dev/vsock" },
	  "gave no family number" },
	{ "the classic file name without a node", { "sys/module/vsock/parameters/family" },
	  "there is no /dev/vmsock" },
	{ "the kernel's vsock", { "sys/module/vsock", "dev/vsock" }, "refuses sockets here" },
	{ "the other node denied", { "dev/vsock!" }, "/dev/vsock may not be opened" },
};

static void make(const char *root, const char *path)
{
	bool denied = g_str_has_suffix(path, "!");
	g_autofree char *name = g_strndup(path, strlen(path) - denied);
	g_autofree char *full = g_build_filename(root, name, NULL);
	g_autofree char *folder = g_path_get_dirname(full);

	g_mkdir_with_parents(folder, 0755);
	if (g_str_has_prefix(name, "dev/")) {
		g_file_set_contents(full, "", 0, NULL);
		g_chmod(full, denied ? 0 : 0644);
	} else {
		g_mkdir_with_parents(full, 0755);
	}
}

static void check_case(gsize i)
{
	g_autofree char *root = g_dir_make_tmp("machine-XXXXXX", NULL);
	g_autofree char *remove = g_strdup_printf("rm -rf '%s'", root);
	struct machine machine;

	g_chmod(root, 0755);
	for (gsize p = 0; p < G_N_ELEMENTS(cases[i].paths) && cases[i].paths[p]; p++)
		make(root, cases[i].paths[p]);
	/* Root may open everything. */
	if (geteuid() == 0 && seteuid(65534) != 0)
		g_error("cannot become nobody");
	_vmsock_machine_read(&machine, root);
	if (getuid() == 0 && seteuid(0) != 0)
		g_error("cannot become root again");
	if (!ok(strstr(_vmsock_machine_why_not(&machine), cases[i].reason), "%s", cases[i].what))
		diag("%s", _vmsock_machine_why_not(&machine));
	is_s64(system(remove), 0, "... cleaned up");
}

int main(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
		check_case(i);
	return done_testing();
}
