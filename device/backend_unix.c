// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * backend_unix.c - programs of the host reach the guest's sockets by UNIX sockets
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vfio-user.md 9.1.  This file has the paths and who listens there; program.c has the
 * connections, mailbox.c the datagrams.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend_private.h"
#include "unix_socket.h"

/* What may follow PATH in a name: "_4294967295.dgram" */
#define SUFFIX_MAX	17u
#define ACCEPT_AT_ONCE	16
#define PAUSE_MS	100u

static struct unix_backend *unix_of(struct backend *backend)
{
	return (struct unix_backend *)(void *)backend;
}

/*
 * Paths
 */

socklen_t backend_port_address(struct sockaddr_un *address, const char *path, __u32 port,
			       const char *suffix)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	g_snprintf(address->sun_path, sizeof(address->sun_path), "%s_%u%s", path, port, suffix);
	return sizeof(*address);
}

/*
 * What the endpoint asks
 */

static bool listens(struct backend *backend, __u32 port)
{
	struct sockaddr_un address;
	struct stat status;

	backend_port_address(&address, unix_of(backend)->path, port, "");
	return !stat(address.sun_path, &status) && S_ISSOCK(status.st_mode);
}

static void *incoming(struct backend *backend, struct stream *stream, __u32 port)
{
	return program_reach(unix_of(backend), stream, port);
}

static __s32 datagram(struct backend *backend, __u32 from, __u32 to, const void *payload,
		      size_t length)
{
	return mailbox_deliver(unix_of(backend)->mailbox, from, to, payload, length);
}

static void room(struct backend *backend)
{
	mailbox_room(unix_of(backend)->mailbox);
}

static const struct backend_ops unix_ops = {
	.listens = listens,
	.incoming = incoming,
	.established = program_established,
	.ready = program_ready,
	.closed = program_closed,
	.datagram = datagram,
	.room = room,
};

/*
 * Programs that come
 */

static void accept_again(void *data)
{
	struct unix_backend *self = data;

	watch_events(self->watch, EPOLLIN);
}

/* Without descriptors the socket would stay readable, and the loop busy */
static void accept_later(struct unix_backend *self)
{
	watch_events(self->watch, 0);
	timer_set(self->pause, PAUSE_MS);
}

static void accept_some(void *data, uint32_t events)
{
	struct unix_backend *self = data;

	(void)events;
	for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
		int fd = unix_socket_accept(self->listener);

		if (fd < 0) {
			if (errno != EAGAIN)
				accept_later(self);
			return;
		}
		program_accept(self, fd);
	}
}

/*
 * Beginning and end
 */

static bool begin(struct unix_backend *self, GError **error)
{
	self->listener = unix_socket_listen(self->path, self->mode, error);
	if (self->listener < 0)
		return false;
	self->mailbox = mailbox_new(self, error);
	if (!self->mailbox)
		return false;
	self->pause = loop_timer(self->loop, accept_again, self);
	if (self->pause)
		self->watch = loop_watch(self->loop, self->listener, EPOLLIN, accept_some, self);
	if (!self->watch)
		g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "%s: %s",
			    self->path, g_strerror(errno));
	return self->watch;
}

struct backend *backend_unix_new(struct loop *loop, const char *path, unsigned int mode,
				 unsigned int connections, GError **error)
{
	struct sockaddr_un address;
	struct unix_backend *self;

	if (!*path || strlen(path) + SUFFIX_MAX >= sizeof(address.sun_path)) {
		g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NAMETOOLONG,
			    "%s: the path must have 1 to %zu bytes", path,
			    sizeof(address.sun_path) - SUFFIX_MAX - 1);
		return NULL;
	}
	self = g_new0(struct unix_backend, 1);
	self->backend.ops = &unix_ops;
	self->loop = loop;
	self->path = g_strdup(path);
	self->mode = mode;
	self->most = connections;
	if (begin(self, error))
		return &self->backend;
	backend_unix_free(&self->backend);
	return NULL;
}

void backend_unix_free(struct backend *backend)
{
	struct unix_backend *self;

	if (!backend)
		return;
	self = unix_of(backend);
	while (self->programs)
		program_end(self->programs);
	mailbox_free(self->mailbox);
	timer_remove(self->pause);
	watch_remove(self->watch);
	if (self->listener >= 0) {
		close(self->listener);
		unlink(self->path);
	}
	g_free(self->path);
	g_free(self);
}
