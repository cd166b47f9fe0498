/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * child.c - a command whose standard input and output are a connection
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "child.h"

#include <fcntl.h>
#include <string.h>

struct child {
	void (*ended)(const GError *error, void *data);
	void *data;
};

static void on_exit_of_child(GPid pid, int status, gpointer data)
{
	g_autofree struct child *child = data;
	g_autoptr(GError) error = NULL;

	g_spawn_check_wait_status(status, &error);
	g_spawn_close_pid(pid);
	child->ended(error, child->data);
}

static char **arguments_of(const char *command, bool shell, GError **error)
{
	char **argv;

	if (!shell)
		return g_shell_parse_argv(command, NULL, &argv, error) ? argv : NULL;
	argv = g_new0(char *, 4);
	argv[0] = g_strdup("/bin/sh");
	argv[1] = g_strdup("-c");
	argv[2] = g_strdup(command);
	return argv;
}

static char **environment_for(VmsockConnection *connection)
{
	g_autoptr(VmsockAddress) peer = vmsock_connection_get_remote_address(connection, NULL);
	g_autofree char *text = peer ? vmsock_address_to_string(peer) : g_strdup("");

	return g_environ_setenv(g_get_environ(), "VMSOCK_PEER", text, TRUE);
}

/* Programs expect their standard input to wait. */
static int blocking_descriptor(VmsockConnection *connection)
{
	int fd = g_socket_get_fd(g_socket_connection_get_socket(G_SOCKET_CONNECTION(connection)));

	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	return fd;
}

bool child_start(VmsockConnection *connection, const char *command, bool shell,
		 void (*ended)(const GError *error, void *data), void *data, GError **error)
{
	g_auto(GStrv) argv = arguments_of(command, shell, error);
	g_auto(GStrv) environment = environment_for(connection);
	int fd = blocking_descriptor(connection);
	struct child *child;
	GPid pid;

	if (!argv || !g_spawn_async_with_fds(NULL, argv, environment,
					     G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD,
					     NULL, NULL, &pid, fd, fd, -1, error))
		return false;
	child = g_new(struct child, 1);
	*child = (struct child){ ended, data };
	g_child_watch_add(pid, on_exit_of_child, child);
	return true;
}
