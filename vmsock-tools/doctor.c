/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doctor.c - why a connection may fail, and what to do about it
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Runs the checks of doctor-checks.c one after the other and prints what they found.
 */
#include "doctor.h"

#include <gio/gio.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "json.h"
#include "terminal.h"
#include "tool.h"

static struct {
	char *bundle, *root;
	gboolean list;
} options;

static const struct {
	const char *name, *mark;
	enum terminal_colour colour;
} verdicts[] = {
	[DOCTOR_OK] = { "ok", "OK     ", COLOUR_GREEN },
	[DOCTOR_WARNING] = { "warning", "WARNING", COLOUR_YELLOW },
	[DOCTOR_FAILURE] = { "failure", "FAILURE", COLOUR_RED },
	[DOCTOR_NOT_APPLICABLE] = { "not applicable", "-      ", COLOUR_NONE },
};

/* For the checks */

void doctor_find(struct doctor *doctor, enum doctor_verdict verdict, char *text,
		 const char *remedy)
{
	doctor->verdict = verdict;
	doctor->text = text;
	doctor->remedy = g_strdup(remedy);
}

char *doctor_path(const struct doctor *doctor, const char *path)
{
	return g_strconcat(doctor->root, path, NULL);
}

bool doctor_exists(const struct doctor *doctor, const char *path)
{
	g_autofree char *file = doctor_path(doctor, path);

	return g_file_test(file, G_FILE_TEST_EXISTS);
}

char *doctor_read(const struct doctor *doctor, const char *path)
{
	g_autofree char *file = doctor_path(doctor, path);
	char *text;

	return g_file_get_contents(file, &text, NULL, NULL) ? g_strstrip(text) : NULL;
}

char *doctor_ask(const char *const *argv)
{
	g_autoptr(GSubprocess) process = NULL;
	g_autofree char *text = NULL;

	process = g_subprocess_newv(argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE |
				    G_SUBPROCESS_FLAGS_STDERR_SILENCE, NULL);
	if (!process || !g_subprocess_communicate_utf8(process, NULL, NULL, &text, NULL, NULL) ||
	    !g_subprocess_get_successful(process))
		return NULL;
	return g_strstrip(g_steal_pointer(&text));
}

/* What is found, as text for people and for a bundle, and as JSON */

struct findings {
	struct json json;
	GString *text;
	guint counts[G_N_ELEMENTS(verdicts)];
};

static void print_finding(const struct doctor *doctor, const struct doctor_check *check)
{
	if (common.json || (common.quiet && doctor->verdict != DOCTOR_FAILURE) ||
	    (doctor->verdict == DOCTOR_NOT_APPLICABLE && !common.verbose))
		return;
	terminal_print(stdout, verdicts[doctor->verdict].colour, verdicts[doctor->verdict].mark);
	printf("  %s: %s\n", check->title, doctor->text);
	if (doctor->remedy)
		printf("         -> %s\n", doctor->remedy);
}

static void keep_finding(const struct doctor *doctor, const struct doctor_check *check,
			 struct findings *findings)
{
	findings->counts[doctor->verdict]++;
	g_string_append_printf(findings->text, "%s  %s: %s\n", verdicts[doctor->verdict].mark,
			       check->title, doctor->text);
	json_open(&findings->json, NULL, '{');
	json_string(&findings->json, "name", check->name);
	json_string(&findings->json, "title", check->title);
	json_string(&findings->json, "verdict", verdicts[doctor->verdict].name);
	json_string(&findings->json, "text", doctor->text);
	json_string(&findings->json, "remedy", doctor->remedy);
	json_close(&findings->json, '}');
}

static void run_check(struct doctor *doctor, const struct doctor_check *check,
		      struct findings *findings)
{
	if (check->live && *doctor->root)
		doctor_find(doctor, DOCTOR_NOT_APPLICABLE,
			    g_strdup("asks the system that runs, not files"), NULL);
	else
		check->look(doctor);
	print_finding(doctor, check);
	keep_finding(doctor, check, findings);
	g_clear_pointer(&doctor->text, g_free);
	g_clear_pointer(&doctor->remedy, g_free);
}

static void print_counts(struct findings *findings)
{
	json_close(&findings->json, ']');
	json_number(&findings->json, "failures", findings->counts[DOCTOR_FAILURE]);
	json_number(&findings->json, "warnings", findings->counts[DOCTOR_WARNING]);
	if (common.json)
		json_finish(&findings->json);
	else
		g_string_free(findings->json.text, TRUE);
	if (!common.json && !common.quiet)
		printf("%u checks: %u OK, %u warnings, %u failures, %u not applicable\n",
		       (guint)doctor_check_count, findings->counts[DOCTOR_OK],
		       findings->counts[DOCTOR_WARNING], findings->counts[DOCTOR_FAILURE],
		       findings->counts[DOCTOR_NOT_APPLICABLE]);
}

/* Configuration and release below a root are those of the kernel whose modules are there. */
static char *release_of(const char *root)
{
	g_autofree char *path = g_strconcat(root, "/lib/modules", NULL);
	g_autoptr(GDir) folder = *root ? g_dir_open(path, 0, NULL) : NULL;
	const char *name = folder ? g_dir_read_name(folder) : NULL;
	struct utsname names;

	uname(&names);
	return g_strdup(name ? name : names.release);
}

static char *read_config(const struct doctor *doctor)
{
	g_autofree char *beside = g_strdup_printf("/lib/modules/%s/config", doctor->release);
	g_autofree char *boot = g_strdup_printf("/boot/config-%s", doctor->release);
	static const char *const unpack[] = { "zcat", "/proc/config.gz", NULL };
	g_autofree char *text = doctor_read(doctor, boot);

	if (!text)
		text = doctor_read(doctor, beside);
	if (!text && !*doctor->root)
		text = doctor_ask(unpack);
	return text ? g_strconcat("\n", text, NULL) : NULL;
}

/* @family is 0 for any. */
static void prepare(struct doctor *doctor, guint64 family)
{
	g_autoptr(GError) error = NULL;

	doctor->root = g_strdup(options.root ? options.root : "");
	doctor->release = release_of(doctor->root);
	doctor->config = read_config(doctor);
	if (*doctor->root)
		return;
	doctor->stack = family ? vmsock_stack_acquire_family((int)family, &error) :
				 vmsock_stack_acquire(&error);
	if (!doctor->stack)
		doctor->reason = g_strdup(error->message);
}

static void clean_up(struct doctor *doctor)
{
	g_clear_object(&doctor->stack);
	g_free(doctor->root);
	g_free(doctor->release);
	g_free(doctor->config);
	g_free(doctor->reason);
	g_free(doctor->device);
}

static enum tool_exit pack(const struct doctor *doctor, const struct findings *findings)
{
	g_autoptr(GError) error = NULL;

	if (!bundle_write(doctor, options.bundle, findings->text->str, &error))
		return tool_fail(error);
	if (!common.quiet)
		tool_complain("%s is written; look what is in it before you pass it on",
			      options.bundle);
	return TOOL_OK;
}

static int list_checks(void)
{
	for (gsize i = 0; i < doctor_check_count; i++)
		printf("%-16s %s\n", doctor_checks[i].name, doctor_checks[i].title);
	return TOOL_OK;
}

static bool is_wanted(const struct doctor_check *check, int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], check->name) == 0)
			return true;
	return argc == 0;
}

static bool are_checks(int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		gsize n = 0;

		while (n < doctor_check_count && strcmp(doctor_checks[n].name, argv[i]) != 0)
			n++;
		if (n == doctor_check_count) {
			tool_complain("there is no check '%s'; try: vmsock doctor --list", argv[i]);
			return false;
		}
	}
	return true;
}

static int run(int argc, char **argv)
{
	struct findings findings = { .text = g_string_new(NULL) };
	struct doctor doctor = { 0 };
	enum tool_exit code;
	guint64 family;

	if (options.list)
		return list_checks();
	if (!are_checks(argc, argv) || !tool_parse_family(&family))
		return TOOL_USAGE;
	prepare(&doctor, family);
	json_start(&findings.json);
	json_string(&findings.json, "kernel", doctor.release);
	json_open(&findings.json, "checks", '[');
	for (gsize i = 0; i < doctor_check_count; i++)
		if (is_wanted(&doctor_checks[i], argc, argv))
			run_check(&doctor, &doctor_checks[i], &findings);
	print_counts(&findings);
	code = findings.counts[DOCTOR_FAILURE] ? TOOL_PARTLY : TOOL_OK;
	if (options.bundle && pack(&doctor, &findings) != TOOL_OK)
		code = TOOL_IO;
	g_string_free(findings.text, TRUE);
	clean_up(&doctor);
	return code;
}

static const struct option option_table[] = {
	{ "bundle", 'b', OPTION_TEXT, &options.bundle, "FILE",
	  "pack what a bug report needs",
	  "Write a tar archive with what a bug report needs: what was found, versions,\n"
	  "parameters, messages of the kernel about vsock and VMCI, interrupts, the modules'\n"
	  "statistics.", "file" },
	{ "root", 'r', OPTION_TEXT, &options.root, "DIR", "look at the system in this folder",
	  "Look at the files of another system, mounted in this folder.\n"
	  "Checks that ask the running kernel are left out.", "file" },
	{ "list", 'l', OPTION_FLAG, &options.list, NULL, "print the names of the checks", NULL,
	  NULL },
	{ 0 }
};

const struct command doctor_command = {
	.name = "doctor",
	.summary = "why a connection may fail, and what to do about it",
	.arguments = "[CHECK...]",
	.purpose = "Looks for reasons why connections may fail, and says what to do about them.",
	.max = G_MAXINT,
	.common = COMMON_FAMILY | COMMON_JSON | COMMON_QUIET | COMMON_VERBOSE,
	.options = option_table,
	.run = run,
};
