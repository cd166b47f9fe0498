/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * port.c - where a relay reads from and writes to
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "config.h"

#include "port.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static ssize_t file_read(struct port *port, void *buffer, size_t size)
{
	return read(port->fd, buffer, size);
}

static ssize_t file_write(struct port *port, const void *buffer, size_t size)
{
	return write(port->fd, buffer, size);
}

static const struct port_ops file_ops = {
	.read = file_read,
	.write = file_write,
};

/* A pipe that polls writable takes PIPE_BUF bytes without waiting. */
static bool has_room(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };

	return poll(&poll_fd, 1, 0) > 0;
}

static ssize_t pipe_write(struct port *port, const void *buffer, size_t size)
{
	if (!has_room(port->fd)) {
		errno = EAGAIN;
		return -1;
	}
	return write(port->fd, buffer, MIN(size, PIPE_BUF));
}

static const struct port_ops pipe_ops = {
	.read = file_read,
	.write = pipe_write,
};

static ssize_t socket_read(struct port *port, void *buffer, size_t size)
{
	return recv(port->fd, buffer, size, MSG_DONTWAIT);
}

static ssize_t socket_write(struct port *port, const void *buffer, size_t size)
{
	return send(port->fd, buffer, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static const struct port_ops socket_ops = {
	.read = socket_read,
	.write = socket_write,
};

static int errno_of(GError *error)
{
	int system_error = vmsock_error_get_errno(error);

	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
		system_error = EAGAIN;
	g_error_free(error);
	return system_error ? system_error : EIO;
}

/* Any context is the peer's if we called it so: the answer tells its number. */
static bool is_from_peer(const struct port *port, VmsockAddress *sender)
{
	guint32 cid = vmsock_address_get_cid(port->peer);

	return vmsock_address_get_port(port->peer) == vmsock_address_get_port(sender) &&
	       (cid == VMSOCK_CID_ANY || cid == vmsock_address_get_cid(sender));
}

/* Is there something to pass on?  An empty datagram is no end of input, it just has nothing. */
static bool take_sender(struct port *port, VmsockAddress *sender)
{
	if (!sender)
		return !port->peer_fixed;
	if (port->peer_fixed)
		return is_from_peer(port, sender);
	g_set_object(&port->peer, sender);
	return true;
}

static ssize_t datagrams_read(struct port *port, void *buffer, size_t size)
{
	g_autoptr(VmsockAddress) sender = NULL;
	GError *error = NULL;
	gssize got;

	if (port->limit && port->received >= port->limit)
		return 0;
	got = vmsock_datagram_socket_receive_from(port->datagrams, &sender, buffer, size, NULL,
						  &error);
	if (got < 0) {
		errno = errno_of(error);
		return -1;
	}
	if (!take_sender(port, sender)) {
		errno = EAGAIN;
		return -1;
	}
	port->received++;
	if (got == 0) {
		errno = EAGAIN;
		return -1;
	}
	return got;
}

static ssize_t datagrams_write(struct port *port, const void *buffer, size_t size)
{
	GError *error = NULL;
	gssize sent = vmsock_datagram_socket_send_to(port->datagrams, port->peer, buffer, size,
						     NULL, &error);

	if (sent < 0)
		errno = errno_of(error);
	return sent;
}

static const struct port_ops datagram_ops = {
	.read = datagrams_read,
	.write = datagrams_write,
};

static mode_t kind_of(int fd)
{
	struct stat status;

	return fstat(fd, &status) < 0 ? 0 : status.st_mode & S_IFMT;
}

void port_init_input(struct port *port, int fd)
{
	*port = (struct port){
		.ops = kind_of(fd) == S_IFSOCK ? &socket_ops : &file_ops,
		.fd = fd,
	};
}

/* A way of our own into the same pipe, so that not to block is our affair alone. */
static int reopen_pipe(int fd)
{
	char path[32];

	g_snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
}

static void init_pipe(struct port *port, int fd)
{
	int own = reopen_pipe(fd);

	*port = (struct port){
		.ops = own < 0 ? &pipe_ops : &file_ops,
		.fd = own < 0 ? fd : own,
		.owns_fd = own >= 0,
	};
}

void port_init_output(struct port *port, int fd)
{
	switch (kind_of(fd)) {
	case S_IFIFO:
		init_pipe(port, fd);
		break;
	case S_IFSOCK:
		*port = (struct port){ .ops = &socket_ops, .fd = fd };
		break;
	default:
		*port = (struct port){ .ops = &file_ops, .fd = fd };
	}
}

void port_init_socket(struct port *port, GSocket *socket)
{
	*port = (struct port){ .ops = &socket_ops, .fd = g_socket_get_fd(socket) };
}

void port_init_datagrams(struct port *port, VmsockDatagramSocket *socket, VmsockAddress *peer)
{
	GSocket *base = vmsock_datagram_socket_get_socket(socket);

	g_socket_set_blocking(base, FALSE);
	*port = (struct port){
		.ops = &datagram_ops,
		.fd = g_socket_get_fd(base),
		.datagrams = socket,
		.peer = peer ? g_object_ref(peer) : NULL,
		.peer_fixed = peer != NULL,
	};
}

void port_clear(struct port *port)
{
	g_clear_object(&port->peer);
	if (port->owns_fd)
		close(port->fd);
	port->owns_fd = false;
}
