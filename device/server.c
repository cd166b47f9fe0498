// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * server - the socket that QEMU connects to; one connection at a time
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A connection is a virtual machine.  When it ends, for whatever reason, everything that the
 * guest had goes, and the next one starts anew.
 */
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "function.h"
#include "loop.h"
#include "server.h"
#include "unix_socket.h"
#include "vfio_user.h"

struct server {
	struct loop *loop;
	struct function *function;
	char *path;
	int fd;
	struct watch *watch;
	struct vfio_device device;
	struct vfio_user *client;
};

static void closed(void *data, const char *reason)
{
	struct server *server = data;

	g_message("the virtual machine has gone: %s", reason);
	function_connect(server->function, NULL);
	vfio_user_free(server->client);
	server->client = NULL;
}

static void connected(void *data, __attribute__((unused)) uint32_t events)
{
	struct server *server = data;
	int fd = unix_socket_accept(server->fd);

	if (fd < 0)
		return;
	if (server->client) {
		function_warn(server->function,
			      "a second client was turned away: one virtual machine at a time");
		close(fd);
		return;
	}
	server->client = vfio_user_new(server->loop, fd, &server->device);
	if (!server->client)
		return;
	g_message("a virtual machine has come");
	function_connect(server->function, vfio_user_irqs(server->client));
}

struct server *server_new(struct loop *loop, const char *path, unsigned int mode,
			  struct function *function, GError **error)
{
	int fd = unix_socket_listen(path, mode, error);
	struct server *server;

	if (fd < 0)
		return NULL;
	server = g_new0(struct server, 1);
	server->loop = loop;
	server->function = function;
	server->path = g_strdup(path);
	server->fd = fd;
	server->watch = loop_watch(loop, fd, EPOLLIN, connected, server);
	function_describe(function, &server->device);
	server->device.closed = closed;
	server->device.owner = server;
	return server;
}

void server_free(struct server *server)
{
	if (!server)
		return;
	vfio_user_free(server->client);
	function_connect(server->function, NULL);
	watch_remove(server->watch);
	close(server->fd);
	unlink(server->path);
	g_free(server->path);
	g_free(server);
}

bool server_connected(const struct server *server)
{
	return server->client != NULL;
}

uint64_t server_messages(const struct server *server)
{
	return server->client ? vfio_user_messages(server->client) : 0;
}
