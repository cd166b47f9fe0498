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
#include <sys/ioctl.h>
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

/* An empty pipe takes its whole size at once, another that polls writable at least PIPE_BUF. */
static size_t pipe_room(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };
	int queued, size;

	if (poll(&poll_fd, 1, 0) <= 0)
		return 0;
	if (ioctl(fd, FIONREAD, &queued) == 0 && queued == 0) {
		size = fcntl(fd, F_GETPIPE_SZ);
		if (size > 0)
			return (size_t)size;
	}
	return PIPE_BUF;
}

static ssize_t pipe_write(struct port *port, const void *buffer, size_t size)
{
	size_t room = pipe_room(port->fd);

	if (!room) {
		errno = EAGAIN;
		return -1;
	}
	return write(port->fd, buffer, MIN(size, room));
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

static const struct port_ops *ops_for(int fd)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return &file_ops;
	if (S_ISSOCK(status.st_mode))
		return &socket_ops;
	return S_ISFIFO(status.st_mode) ? &pipe_ops : &file_ops;
}

void port_init_fd(struct port *port, int fd)
{
	*port = (struct port){ .ops = ops_for(fd), .fd = fd };
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
}
