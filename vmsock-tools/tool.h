/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tool.h - what all subcommands share: exit codes, messages, addresses, the stack
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef TOOL_H
#define TOOL_H

#include <vmsock/vmsock.h>

#include "option.h"

/* Their meaning is fixed and documented in vmsock(1). */
enum tool_exit {
	TOOL_OK = 0,
	TOOL_USAGE = 1,
	TOOL_IO = 2,
	TOOL_NO_STACK = 3,
	TOOL_DENIED = 4,
	TOOL_REFUSED = 5,
	TOOL_TIMED_OUT = 6,
	TOOL_MISMATCH = 7,		/* what arrived is not what was sent */
	TOOL_PARTLY = 8			/* some of it succeeded */
};

/* All of them, in the order of --help; ends with NULL. */
extern const struct command *const tool_commands[];

/* An address to connect to, or to listen on, where a port alone will do; NULL after a message. */
VmsockAddress *tool_parse_address(const char *text);
VmsockAddress *tool_parse_listen_address(const char *text);

/* A context ID or one of its names; false after a message. */
bool tool_parse_cid(const char *text, guint32 *cid);

/* Context IDs of options that hold "3,4,guest"; NULL after a message. */
GArray *tool_parse_cids(GStrv lists);

/* The number of --family, 0 for "auto"; false after a message. */
bool tool_parse_family(guint64 *number);

/* The stack for --family, the default one without it; NULL after a message, with @code set. */
VmsockStack *tool_acquire_stack(enum tool_exit *code);

/* The same if @address needs one; a path does not, and then @stack is NULL.  False on failure. */
bool tool_acquire_stack_for(VmsockAddress *address, VmsockStack **stack, enum tool_exit *code);

/* A client as --timeout, --deadline and --retry say; @buffer_size may be 0. */
VmsockClient *tool_new_client(VmsockStack *stack, guint64 buffer_size);

/* "vmsock NAME: message" on stderr. */
void tool_complain(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* The same with --verbose only, and "WHAT ADDRESS" with --verbose only if there is an address. */
void tool_remark(const char *format, ...) G_GNUC_PRINTF(1, 2);
void tool_tell(const char *what, VmsockAddress *address);

/* Complain with a hint at --help; TOOL_USAGE. */
enum tool_exit tool_misused(const char *problem);

/* The exit code that belongs to an error of the library. */
enum tool_exit tool_exit_for(const GError *error);

/* Print an error and return its exit code. */
enum tool_exit tool_fail(const GError *error);

#endif
