/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * option.h - options as a table, from which everything about them is made
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The table of a command gives what parsing needs, the lines of --help, the completions of the
 * shells and the OPTIONS section of the manual page (tables.c writes the last two).
 */
#ifndef OPTION_H
#define OPTION_H

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

enum option_kind {
	OPTION_FLAG,		/* gboolean */
	OPTION_TEXT,		/* char *, the last one given */
	OPTION_LIST,		/* GStrv, each one given */
	OPTION_COUNT,		/* guint64, from 1 */
	OPTION_SIZE,		/* guint64, bytes */
	OPTION_SECONDS,		/* guint, milliseconds */
	OPTION_PORT,		/* guint32 */
};

struct option {
	const char *name;
	char letter;			/* or 0 */
	enum option_kind kind;
	void *value;
	const char *argument;		/* what --help calls the value; NULL for a flag */
	const char *help;		/* fits the line of --help */
	const char *manual;		/* sentences in mdoc; NULL: @help as a sentence */
	const char *words;		/* values to complete, "a b c"; "file" for names of files */
};

/* Options that mean the same wherever they are; each command says which ones it takes. */
enum {
	COMMON_FAMILY = 1 << 0,
	COMMON_TIMEOUT = 1 << 1,
	COMMON_DEADLINE = 1 << 2,
	COMMON_RETRY = 1 << 3,
	COMMON_JSON = 1 << 4,
	COMMON_QUIET = 1 << 5,
	COMMON_VERBOSE = 1 << 6,
	COMMON_HELP = 1 << 7,		/* each command */

	COMMON_CONNECT = COMMON_FAMILY | COMMON_TIMEOUT | COMMON_DEADLINE | COMMON_RETRY,
};

/* What the common options were given as; 0 and NULL where they were not. */
extern struct common {
	char *family;
	guint timeout_ms, deadline_ms;
	gboolean retry, json, quiet, verbose, help;
} common;

/* One subcommand; @options ends with an entry without a name, and may be NULL. */
struct command {
	const char *name;
	const char *summary;		/* for the list of commands */
	const char *arguments;		/* for the first line of --help, NULL for none */
	const char *purpose;		/* a sentence for --help */
	int min, max;			/* number of arguments */
	unsigned int common;
	const struct option *options;
	int (*run)(int argc, char **argv);	/* with the arguments alone */
};

/* Call @visit for each option of @command, common ones last. */
void option_for_each(const struct command *command,
		     void (*visit)(const struct option *option, void *data), void *data);

/*
 * Parse @argv, which begins with the name of the command, and leave its arguments there.  False
 * with a message in @problem otherwise; --help is no reason to complain of arguments.
 */
bool option_parse(const struct command *command, int *argc, char ***argv, char **problem);

void option_print_help(const struct command *command, FILE *file);

/* Values; false and nothing written if @text is none. */
bool option_parse_size(const char *text, guint64 *bytes);
bool option_parse_seconds(const char *text, guint *milliseconds);
bool option_parse_port(const char *text, guint32 *port);
bool option_parse_count(const char *text, guint64 *count);

#endif
