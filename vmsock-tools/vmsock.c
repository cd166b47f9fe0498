/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmsock.c - the vmsock command: finds the subcommand and runs it
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

static void print_help(FILE *file)
{
	fputs("Usage: vmsock COMMAND [OPTION...] [ARGUMENT...]\n"
	      "Talk over VMCI sockets and other vsock, between host and guest.\n\n"
	      "Commands:\n", file);
	for (gsize i = 0; tool_commands[i]; i++)
		fprintf(file, "  %-10s%s\n", tool_commands[i]->name, tool_commands[i]->summary);
	fputs("\n"
	      "Addresses: vsock:CID:PORT, CID:PORT, vsock-dgram:CID:PORT and others, with CID a\n"
	      "number or any, hypervisor, local, host or self.\n\n"
	      "Exit codes: 0 success, 1 usage, 2 input or output failed, 3 no vsock here,\n"
	      "4 permission denied, 5 refused or unreachable, 6 timed out, 7 verification\n"
	      "failed, 8 partly failed.\n\n"
	      "vmsock COMMAND --help and the manual page vmsock-COMMAND(1) tell more.\n", file);
}

static int unknown(const char *name)
{
	tool_complain("there is no command '%s'; try: vmsock --help", name);
	return TOOL_USAGE;
}

static int run_with_options(const struct command *command, int argc, char **argv)
{
	g_autofree char *problem = NULL;

	if (!option_parse(command, &argc, &argv, &problem))
		return tool_misused(problem);
	if (common.help) {
		option_print_help(command, stdout);
		return TOOL_OK;
	}
	return command->run(argc, argv);
}

static int run_command(int argc, char **argv)
{
	for (gsize i = 0; tool_commands[i]; i++) {
		if (strcmp(argv[0], tool_commands[i]->name) == 0) {
			g_autofree char *name = g_strconcat("vmsock ", argv[0], NULL);

			g_set_prgname(name);
			return run_with_options(tool_commands[i], argc, argv);
		}
	}
	return unknown(argv[0]);
}

/* "vmsock help cat" is "vmsock cat --help". */
static int run_help(int argc, char **argv)
{
	static char option[] = "--help";
	char *help[] = { NULL, option, NULL };

	if (argc < 2) {
		print_help(stdout);
		return TOOL_OK;
	}
	help[0] = argv[1];
	return run_command(2, help);
}

/* A socket must not become standard input because somebody closed that. */
static bool fill_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return false;
	return true;
}

/* What was printed must have arrived. */
static int check_output(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	tool_complain("standard output: %s", strerror(errno));
	return code == TOOL_OK ? TOOL_IO : code;
}

static int dispatch(int argc, char **argv)
{
	if (argc < 2) {
		print_help(stderr);
		return TOOL_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		puts(PACKAGE_STRING);
		return TOOL_OK;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0)
		return run_help(argc - 1, argv + 1);
	return run_command(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	if (!fill_standard_descriptors())
		return TOOL_IO;
	setlocale(LC_ALL, "");
	g_set_prgname("vmsock");
	return check_output(dispatch(argc, argv));
}
