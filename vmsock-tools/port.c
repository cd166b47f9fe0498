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

#include "terminal.h"

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

/* Progress must not stand in the way on the same terminal. */
static ssize_t terminal_write(struct port *port, const void *buffer, size_t size)
{
	progress_clear_any();
	return write(port->fd, buffer, size);
}

static const struct port_ops terminal_ops = {
	.read = file_read,
	.write = terminal_write,
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

/* Packets */

static ssize_t packets_read(struct port *port, void *buffer, size_t size)
{
	struct iovec part = { .iov_base = buffer, .iov_len = size };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t got = recvmsg(port->fd, &message, MSG_DONTWAIT);

	if (got < 0 || !(message.msg_flags & MSG_TRUNC))
		return got;
	errno = EMSGSIZE;
	return -1;
}

static ssize_t packets_write(struct port *port, const void *buffer, size_t size)
{
	ssize_t put = send(port->fd, buffer, size, MSG_NOSIGNAL);

	if (put < 0 && errno == EAGAIN)
		errno = ETIMEDOUT;
	return put;
}

static const struct port_ops packet_ops = {
	.read = packets_read,
	.write = packets_write,
};

void port_init_packets(struct port *port, GSocket *socket)
{
	struct timeval limit = { .tv_sec = PORT_WAIT_SECONDS };
	int fd = g_socket_get_fd(socket);

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	*port = (struct port){ .ops = &packet_ops, .fd = fd };
}

/* The character generator, and what takes everything */

#define LINE_LENGTH 72
#define CHARACTERS ('~' - ' ' + 1)

static guint8 character_at(guint64 at)
{
	guint64 line = at / (LINE_LENGTH + 2), column = at % (LINE_LENGTH + 2);

	if (column >= LINE_LENGTH)
		return column == LINE_LENGTH ? '\r' : '\n';
	return (guint8)(' ' + (line + column) % CHARACTERS);
}

void port_generate(guint8 *buffer, size_t size, guint64 from)
{
	for (size_t i = 0; i < size; i++)
		buffer[i] = character_at(from + i);
}

static ssize_t chargen_read(struct port *port, void *buffer, size_t size)
{
	port_generate(buffer, size, port->generated);
	port->generated += size;
	return (ssize_t)size;
}

static const struct port_ops chargen_ops = {
	.read = chargen_read,
};

/* Devices that are always ready stand for what needs no waiting. */
void port_init_chargen(struct port *port)
{
	*port = (struct port){
		.ops = &chargen_ops,
		.fd = open("/dev/zero", O_RDONLY | O_CLOEXEC),
		.owns_fd = true,
	};
}

void port_init_discard(struct port *port)
{
	*port = (struct port){
		.ops = &file_ops,
		.fd = open("/dev/null", O_WRONLY | O_CLOEXEC),
		.owns_fd = true,
	};
}

/* Datagrams */

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

static bool is_allowed(const struct port *port, VmsockAddress *sender)
{
	guint32 cid = vmsock_address_get_cid(sender);

	for (guint i = 0; port->allowed && i < port->allowed->len; i++)
		if (g_array_index(port->allowed, guint32, i) == cid)
			return true;
	return !port->allowed;
}

/* Is there something to pass on?  An empty datagram is no end of input, it just has nothing. */
static bool take_sender(struct port *port, VmsockAddress *sender)
{
	if (!sender)
		return !port->peer_fixed && !port->allowed;
	if (!is_allowed(port, sender))
		return false;
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

int port_own_output(int fd)
{
	int own = kind_of(fd) == S_IFIFO ? reopen_pipe(fd) : -1;

	return own < 0 ? fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1) : own;
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
		*port = (struct port){ .ops = isatty(fd) ? &terminal_ops : &file_ops, .fd = fd };
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
