/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * commands.c - the list of subcommands
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "tool.h"

extern const struct command info_command;
extern const struct command cat_command;
extern const struct command echo_command;
extern const struct command ping_command;
extern const struct command doctor_command;
extern const struct command perf_command;
extern const struct command forward_command;
extern const struct command wait_command;
extern const struct command scan_command;
extern const struct command stat_command;

const struct command *const tool_commands[] = {
	&info_command,
	&doctor_command,
	&cat_command,
	&echo_command,
	&ping_command,
	&perf_command,
	&forward_command,
	&wait_command,
	&scan_command,
	&stat_command,
	NULL
};
