/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bundle.c - a tar archive with what a bug report needs
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The archive is made here, so that it can be made where there is no tar: ustar, a header of 512
 * bytes for each file, and two blocks of zeros at the end.
 */
#include "doctor.h"

#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define BLOCK 512
#define FOLDER "vmsock-bundle/"
/* What is kept of a file. */
#define FILE_MAX (1024 * 1024)

/* ustar: texts end in zeros, numbers are octal digits */
struct header {
	char name[100], mode[8], owner[8], group[8], size[12], time[12], checksum[8];
	char type, link[100], magic[6], version[2], owner_name[32], group_name[32];
	char major[8], minor[8], prefix[155], padding[12];
};
G_STATIC_ASSERT(sizeof(struct header) == BLOCK);

static void fill_checksum(struct header *header)
{
	const guint8 *bytes = (const guint8 *)header;
	guint sum = 0;

	memset(header->checksum, ' ', sizeof(header->checksum));
	for (gsize i = 0; i < sizeof(*header); i++)
		sum += bytes[i];
	g_snprintf(header->checksum, sizeof(header->checksum), "%06o", sum);
}

static void add_file(GByteArray *archive, const char *name, const char *text)
{
	static const guint8 zeros[BLOCK];
	gsize size = MIN(strlen(text), FILE_MAX);
	struct header header = { .mode = "0000644", .owner = "0000000", .group = "0000000",
				 .type = '0', .magic = "ustar", .version = { '0', '0' } };

	g_snprintf(header.name, sizeof(header.name), FOLDER "%s", name);
	g_snprintf(header.size, sizeof(header.size), "%011o", (guint)size);
	g_snprintf(header.time, sizeof(header.time), "%011llo", (unsigned long long)time(NULL));
	fill_checksum(&header);
	g_byte_array_append(archive, (const guint8 *)&header, sizeof(header));
	g_byte_array_append(archive, (const guint8 *)text, (guint)size);
	g_byte_array_append(archive, zeros, (guint)(-size % BLOCK));
}

static const struct {
	const char *name, *path;
} files[] = {
	{ "version", "/proc/version" },
	{ "cmdline", "/proc/cmdline" },
	{ "modules", "/proc/modules" },
	{ "interrupts", "/proc/interrupts" },
	{ "protocols", "/proc/net/protocols" },
	{ "meminfo", "/proc/meminfo" },
	{ "os-release", "/etc/os-release" },
	{ "sockets", "/sys/kernel/debug/vmsock/sockets" },
	{ "packets", "/sys/kernel/debug/vmsock/packets" },
	{ "modprobe.conf", "/etc/modprobe.d/vmsock.conf" },
};

static const struct {
	const char *name, *argv[6];
} programs[] = {
	{ "info", { "vmsock", "info", NULL } },
	{ "modinfo-vmci", { "modinfo", "vmci", NULL } },
	{ "modinfo-vmsock", { "modinfo", "vmsock", NULL } },
	{ "lspci", { "lspci", "-nnk", NULL } },
	{ "devices", { "ls", "-l", "/dev/vmsock", "/dev/vsock", NULL } },
	{ "ss", { "ss", "--vsock", "--all", NULL } },
};

/* The lines of the kernel's log, or of its configuration, that are about us. */
static char *lines_about(const char *text, const char *pattern)
{
	g_autoptr(GString) kept = g_string_new(NULL);
	g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);

	for (char **line = lines; *line; line++)
		if (g_regex_match_simple(pattern, *line, G_REGEX_CASELESS, 0))
			g_string_append_printf(kept, "%s\n", *line);
	return g_string_free(g_steal_pointer(&kept), FALSE);
}

static void add_kernel(const struct doctor *doctor, GByteArray *archive)
{
	static const char *const dmesg[] = { "dmesg", NULL };
	g_autofree char *log = doctor_ask(dmesg);
	g_autofree char *messages = lines_about(log, "vmci|vmsock|vsock");
	g_autofree char *config = lines_about(doctor->config, "VSOCK|VMCI|MODULE_SIG|PCI_MSI=");

	add_file(archive, "dmesg", messages);
	add_file(archive, "config", config);
}

static void add_parameters(GByteArray *archive, const char *module)
{
	g_autofree char *path = g_build_filename("/sys/module", module, "parameters", NULL);
	g_autofree char *name = g_strconcat("parameters-", module, NULL);
	g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
	g_autoptr(GString) text = g_string_new(NULL);
	const char *parameter;

	while (folder && (parameter = g_dir_read_name(folder))) {
		g_autofree char *file = g_build_filename(path, parameter, NULL);
		g_autofree char *value = NULL;

		g_file_get_contents(file, &value, NULL, NULL);
		g_string_append_printf(text, "%s %s\n", parameter,
				       value ? g_strchomp(value) : "?");
	}
	add_file(archive, name, text->str);
}

bool bundle_write(const struct doctor *doctor, const char *path, const char *report,
		  GError **error)
{
	g_autoptr(GByteArray) archive = g_byte_array_new();
	static const guint8 end[2 * BLOCK];

	add_file(archive, "doctor", report);
	for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *text = doctor_read(doctor, files[i].path);

		if (text)
			add_file(archive, files[i].name, text);
	}
	for (gsize i = 0; i < G_N_ELEMENTS(programs) && !*doctor->root; i++) {
		g_autofree char *text = doctor_ask(programs[i].argv);

		if (text)
			add_file(archive, programs[i].name, text);
	}
	if (!*doctor->root) {
		add_kernel(doctor, archive);
		add_parameters(archive, "vmci");
		add_parameters(archive, "vmsock");
	}
	g_byte_array_append(archive, end, sizeof(end));
	return g_file_set_contents(path, (const char *)archive->data, (gssize)archive->len, error);
}
