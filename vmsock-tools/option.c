/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * option.c - options as a table, from which everything about them is made
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "option.h"

#include <math.h>
#include <string.h>
#include <vmsock/vmsock.h>

struct common common;

static const struct option common_options[] = {
	{ "family", 'F', OPTION_TEXT, &common.family, "N", "auto, or the family number to use",
	  "Use the stack with this family number; 40 is the kernel's own vsock.\n"
	  "Without this option, or with\n.Cm auto ,\nthe vmsock module is preferred.", "auto 40" },
	{ "timeout", 'w', OPTION_SECONDS, &common.timeout_ms, "SECONDS",
	  "give up after so long with nothing happening",
	  "Give up when connecting takes longer, or when nothing happens for so long.\n"
	  "Fractions are possible.", NULL },
	{ "deadline", 0, OPTION_SECONDS, &common.deadline_ms, "SECONDS",
	  "limit to connecting, retries included",
	  "The time that connecting may take in all, with everything that\n"
	  ".Fl -retry\ntries.", NULL },
	{ "retry", 0, OPTION_FLAG, &common.retry, NULL, "connect until it succeeds",
	  "Try to connect until it succeeds or the time of\n.Fl -deadline\nhas run out.", NULL },
	{ "json", 'j', OPTION_FLAG, &common.json, NULL, "print JSON", NULL, NULL },
	{ "quiet", 'q', OPTION_FLAG, &common.quiet, NULL, "print no progress and no remarks",
	  NULL, NULL },
	{ "verbose", 'v', OPTION_FLAG, &common.verbose, NULL, "tell more on standard error",
	  NULL, NULL },
	{ "help", 'h', OPTION_FLAG, &common.help, NULL, "print a summary of the options",
	  NULL, NULL },
};

/* Values */

static bool unit_factor(const char *unit, guint64 *factor)
{
	static const char prefixes[] = "KMGT";
	const char *prefix;

	*factor = 1;
	if (!*unit)
		return true;
	prefix = strchr(prefixes, g_ascii_toupper(*unit));
	if (!prefix || (unit[1] && (g_ascii_tolower(unit[1]) != 'i' || unit[2])))
		return false;
	*factor = G_GUINT64_CONSTANT(1) << 10 * (prefix - prefixes + 1);
	return true;
}

bool option_parse_size(const char *text, guint64 *bytes)
{
	char *unit;
	guint64 factor;
	guint64 number = g_ascii_strtoull(text, &unit, 10);

	if (!g_ascii_isdigit(*text) || number == 0 || !unit_factor(unit, &factor) ||
	    number > G_MAXINT64 / factor)
		return false;
	*bytes = number * factor;
	return true;
}

bool option_parse_seconds(const char *text, guint *milliseconds)
{
	char *end;
	double seconds = g_ascii_strtod(text, &end);

	if (!g_ascii_isdigit(*text) || *end || !(seconds >= 0.001 && seconds <= 1e6))
		return false;
	*milliseconds = (guint)lround(seconds * 1000);
	return true;
}

bool option_parse_port(const char *text, guint32 *port)
{
	g_autofree char *as_address = g_strconcat("vsock::", text, NULL);
	g_autoptr(VmsockAddress) address = vmsock_address_parse(as_address, NULL);

	if (!address)
		return false;
	*port = vmsock_address_get_port(address);
	return true;
}

bool option_parse_count(const char *text, guint64 *count)
{
	return g_ascii_string_to_unsigned(text, 10, 1, G_MAXINT64, count, NULL);
}

static void append(char ***list, const char *text)
{
	gsize length = *list ? g_strv_length(*list) : 0;

	*list = g_renew(char *, *list, length + 2);
	(*list)[length] = g_strdup(text);
	(*list)[length + 1] = NULL;
}

/* What a value must be if it is none, else NULL. */
static const char *set_value(const struct option *option, const char *text)
{
	switch (option->kind) {
	case OPTION_FLAG:
		*(gboolean *)option->value = TRUE;
		return NULL;
	case OPTION_TEXT:
		g_free(*(char **)option->value);
		*(char **)option->value = g_strdup(text);
		return NULL;
	case OPTION_LIST:
		append(option->value, text);
		return NULL;
	case OPTION_COUNT:
		return option_parse_count(text, option->value) ? NULL : "a number from 1";
	case OPTION_SIZE:
		return option_parse_size(text, option->value) ? NULL :
		       "a size like 4096, 64K or 1Mi";
	case OPTION_SECONDS:
		return option_parse_seconds(text, option->value) ? NULL :
		       "a number of seconds from 0.001 to 1000000";
	case OPTION_PORT:
		return option_parse_port(text, option->value) ? NULL : "a port";
	}
	g_assert_not_reached();
}

/* Parsing */

void option_for_each(const struct command *command,
		     void (*visit)(const struct option *option, void *data), void *data)
{
	for (const struct option *option = command->options; option && option->name; option++)
		visit(option, data);
	for (gsize i = 0; i < G_N_ELEMENTS(common_options); i++)
		if ((command->common | COMMON_HELP) & 1u << i)
			visit(&common_options[i], data);
}

/* The option that GLib calls "--name" or "-x". */
struct search {
	const char *given;
	const struct option *found;
};

static void compare(const struct option *option, void *data)
{
	struct search *search = data;

	if (search->given[1] == '-' ? strcmp(search->given + 2, option->name) == 0
				    : search->given[1] == option->letter)
		search->found = option;
}

static gboolean on_option(const char *given, const char *text, gpointer command, GError **error)
{
	struct search search = { .given = given };
	const char *expected;

	option_for_each(command, compare, &search);
	expected = set_value(search.found, text);
	if (expected)
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "--%s: '%s' is not %s", search.found->name, text, expected);
	return !expected;
}

static void add_entry(const struct option *option, void *entries)
{
	const GOptionEntry entry = {
		.long_name = option->name,
		.short_name = option->letter,
		.flags = option->kind == OPTION_FLAG ? G_OPTION_FLAG_NO_ARG : 0,
		.arg = G_OPTION_ARG_CALLBACK,
		.arg_data = (gpointer)on_option,
	};

	g_array_append_val(entries, entry);
}

static void drop_first(int *argc, char ***argv)
{
	(*argc)--;
	(*argv)++;
}

bool option_parse(const struct command *command, int *argc, char ***argv, char **problem)
{
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	GOptionGroup *group = g_option_group_new(NULL, NULL, NULL, (gpointer)command, NULL);
	g_autoptr(GArray) entries = g_array_new(TRUE, TRUE, sizeof(GOptionEntry));
	g_autoptr(GError) error = NULL;

	option_for_each(command, add_entry, entries);
	g_option_group_add_entries(group, (const GOptionEntry *)(void *)entries->data);
	g_option_context_set_main_group(context, group);
	g_option_context_set_help_enabled(context, FALSE);
	if (!g_option_context_parse(context, argc, argv, &error)) {
		*problem = g_strdup(error->message);
		return false;
	}
	if (*argc > 1 && strcmp((*argv)[1], "--") == 0)
		drop_first(argc, argv);
	drop_first(argc, argv);
	if (common.help || (*argc >= command->min && *argc <= command->max))
		return true;
	*problem = g_strdup(*argc < command->min ? "an argument is missing"
						 : "there are too many arguments");
	return false;
}

/* Help */

#define HELP_COLUMN 28

/* Who reads this knows --help. */
static void print_option(const struct option *option, void *file)
{
	g_autofree char *text = g_strdup_printf("%s--%s%s%s", option->letter ? "" : "    ",
						option->name, option->argument ? "=" : "",
						option->argument ? option->argument : "");

	if (option->value == &common.help)
		return;
	if (option->letter)
		fprintf(file, "  -%c, %-*s %s\n", option->letter, HELP_COLUMN - 7, text,
			option->help);
	else
		fprintf(file, "  %-*s %s\n", HELP_COLUMN - 3, text, option->help);
}

void option_print_help(const struct command *command, FILE *file)
{
	fprintf(file, "Usage: vmsock %s [OPTION...]%s%s\n%s\n", command->name,
		command->arguments ? " " : "", command->arguments ? command->arguments : "",
		command->purpose);
	option_for_each(command, print_option, file);
}
