/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tool.c - what all subcommands share: exit codes, options, messages
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "tool.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void tool_complain(const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	fprintf(stderr, "%s: %s\n", g_get_prgname(), text);
}

enum tool_exit tool_exit_for(const GError *error)
{
	if (error->domain != VMSOCK_ERROR)
		return TOOL_IO;
	switch ((VmsockError)error->code) {
	case VMSOCK_ERROR_INVALID_ADDRESS:
		return TOOL_USAGE;
	case VMSOCK_ERROR_NO_STACK:
	case VMSOCK_ERROR_NO_DEVICE:
		return TOOL_NO_STACK;
	case VMSOCK_ERROR_DENIED:
		return TOOL_DENIED;
	case VMSOCK_ERROR_NO_LISTENER:
	case VMSOCK_ERROR_UNREACHABLE:
		return TOOL_REFUSED;
	case VMSOCK_ERROR_TIMED_OUT:
		return TOOL_TIMED_OUT;
	default:
		return TOOL_IO;
	}
}

enum tool_exit tool_fail(const GError *error)
{
	tool_complain("%s", error->message);
	return tool_exit_for(error);
}

static bool usage_error(const char *problem)
{
	tool_complain("%s; try: %s --help", problem, g_get_prgname());
	return false;
}

bool tool_parse_options(const struct tool_usage *usage, const GOptionEntry *entries,
			int *argc, char ***argv)
{
	g_autoptr(GOptionContext) context = g_option_context_new(usage->arguments);
	g_autoptr(GError) error = NULL;

	g_option_context_set_summary(context, usage->summary);
	g_option_context_set_description(context, usage->description);
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, argc, argv, &error))
		return usage_error(error->message);
	if (*argc > 1 && strcmp((*argv)[1], "--") == 0) {
		(*argc)--;
		(*argv)++;
	}
	(*argc)--;
	(*argv)++;
	if (*argc < usage->min)
		return usage_error("an argument is missing");
	if (*argc > usage->max)
		return usage_error("there are too many arguments");
	return true;
}

static bool bad_value(const char *option, const char *text, const char *expected)
{
	tool_complain("%s: '%s' is not %s", option, text, expected);
	return false;
}

static bool unit_factor(const char *unit, guint64 *factor)
{
	static const struct {
		const char *unit;
		guint64 factor;
	} units[] = {
		{ "", 1 },
		{ "K", G_GUINT64_CONSTANT(1) << 10 },
		{ "Ki", G_GUINT64_CONSTANT(1) << 10 },
		{ "M", G_GUINT64_CONSTANT(1) << 20 },
		{ "Mi", G_GUINT64_CONSTANT(1) << 20 },
		{ "G", G_GUINT64_CONSTANT(1) << 30 },
		{ "Gi", G_GUINT64_CONSTANT(1) << 30 },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(units); i++) {
		if (g_ascii_strcasecmp(unit, units[i].unit) == 0) {
			*factor = units[i].factor;
			return true;
		}
	}
	return false;
}

bool tool_parse_size(const char *option, const char *text, guint64 *bytes)
{
	char *unit;
	guint64 factor;
	guint64 number = g_ascii_strtoull(text, &unit, 10);

	if (!g_ascii_isdigit(*text) || number == 0 || !unit_factor(unit, &factor) ||
	    number > G_MAXINT64 / factor)
		return bad_value(option, text, "a size like 4096, 64K or 1Mi");
	*bytes = number * factor;
	return true;
}

bool tool_parse_seconds(const char *option, const char *text, guint *milliseconds)
{
	char *end;
	double seconds = g_ascii_strtod(text, &end);

	if (!g_ascii_isdigit(*text) || *end || !(seconds >= 0.001 && seconds <= 1e6))
		return bad_value(option, text, "a number of seconds from 0.001 to 1000000");
	*milliseconds = (guint)lround(seconds * 1000);
	return true;
}

bool tool_parse_port(const char *option, const char *text, guint32 *port)
{
	g_autofree char *as_address = g_strconcat("vsock::", text, NULL);
	g_autoptr(VmsockAddress) address = vmsock_address_parse(as_address, NULL);

	if (!address)
		return bad_value(option, text, "a port");
	*port = vmsock_address_get_port(address);
	return true;
}

VmsockAddress *tool_parse_address(const char *text)
{
	g_autoptr(GError) error = NULL;
	VmsockAddress *address = vmsock_address_parse(text, &error);

	if (!address)
		tool_complain("%s", error->message);
	return address;
}

VmsockAddress *tool_parse_listen_address(const char *text)
{
	g_autofree char *with_cid = NULL;

	if (strchr(text, ':') == NULL)
		with_cid = g_strconcat("vsock::", text, NULL);
	return tool_parse_address(with_cid ? with_cid : text);
}

VmsockStack *tool_acquire_stack(const char *family, enum tool_exit *code)
{
	g_autoptr(GError) error = NULL;
	VmsockStack *stack;
	guint64 number = 0;

	if (!family || strcmp(family, "auto") == 0) {
		stack = vmsock_stack_acquire(&error);
	} else if (g_ascii_string_to_unsigned(family, 10, 1, 255, &number, NULL)) {
		stack = vmsock_stack_acquire_family((int)number, &error);
	} else {
		bad_value("--family", family, "'auto' or a family number");
		*code = TOOL_USAGE;
		return NULL;
	}
	if (!stack)
		*code = tool_fail(error);
	return stack;
}
