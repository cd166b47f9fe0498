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

const struct command *const tool_commands[] = {
	&info_command,
	&cat_command,
	&echo_command,
	&ping_command,
	NULL
};
