/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tool.h - what all subcommands share: exit codes, options, messages
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef TOOL_H
#define TOOL_H

#include <stdbool.h>
#include <vmsock/vmsock.h>

/* Their meaning is fixed and documented in vmsock(1). */
enum tool_exit {
	TOOL_OK = 0,
	TOOL_USAGE = 1,
	TOOL_IO = 2,
	TOOL_NO_STACK = 3,
	TOOL_DENIED = 4,
	TOOL_REFUSED = 5,
	TOOL_TIMED_OUT = 6
};

/* One subcommand; main() sets the program name to "vmsock NAME" before. */
struct command {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
};

extern const struct command info_command;
extern const struct command cat_command;
extern const struct command echo_command;

/*
 * Parse options.  What is left in @argv, without the program name, must be from @min to @max
 * arguments.  @arguments and @summary are for --help.  False: a message has been printed, the exit
 * code is TOOL_USAGE.
 */
struct tool_usage {
	const char *arguments;
	const char *summary;
	const char *description;
	int min, max;
};
bool tool_parse_options(const struct tool_usage *usage, const GOptionEntry *entries,
			int *argc, char ***argv);

/* Option values; messages are printed where they return false. */
bool tool_parse_size(const char *option, const char *text, guint64 *bytes);
bool tool_parse_seconds(const char *option, const char *text, guint *milliseconds);
bool tool_parse_port(const char *option, const char *text, guint32 *port);

/* An address to connect to, or to listen on, where a port alone will do; NULL after a message. */
VmsockAddress *tool_parse_address(const char *text);
VmsockAddress *tool_parse_listen_address(const char *text);

/* The stack for --family, "auto" or NULL being the default one; NULL with @code set. */
VmsockStack *tool_acquire_stack(const char *family, enum tool_exit *code);

/* "vmsock NAME: message" on stderr. */
void tool_complain(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* The exit code that belongs to an error of the library. */
enum tool_exit tool_exit_for(const GError *error);

/* Print an error and return its exit code. */
enum tool_exit tool_fail(const GError *error);

#endif
