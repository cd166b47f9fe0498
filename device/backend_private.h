/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backend_private.h - what the files of the UNIX back end share
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef DEVICE_BACKEND_PRIVATE_H
#define DEVICE_BACKEND_PRIVATE_H

#include <stdbool.h>
#include <sys/un.h>

#include "backend_unix.h"
#include "loop.h"

struct mailbox;
struct program;

struct unix_backend {
	struct backend backend;
	struct loop *loop;
	char *path;
	unsigned int mode;	/* of the sockets at it */
	int listener;
	struct watch *watch;
	struct timer *pause;		/* while there are no descriptors for more programs */
	struct mailbox *mailbox;
	struct program *programs;
	unsigned int connected;
	unsigned int most;
};

/* The address PATH_@port with @suffix; it fits, backend_unix_new() has looked */
socklen_t backend_port_address(struct sockaddr_un *address, const char *path, __u32 port,
			       const char *suffix);

/* program.c: a connection with a program of the host */
/* One that has been accepted at PATH: it owes a command; @fd is taken over */
void program_accept(struct unix_backend *unix_backend, int fd);
/* One that listens at PATH_port; NULL when it cannot be reached */
struct program *program_reach(struct unix_backend *unix_backend, struct stream *stream,
			      __u32 port);
void program_established(void *connection);
void program_ready(void *connection);
void program_closed(void *connection);
/* Ends the connection on both sides */
void program_end(struct program *program);

/* mailbox.c: the datagrams */
struct mailbox *mailbox_new(struct unix_backend *unix_backend, GError **error);
void mailbox_free(struct mailbox *mailbox);
__s32 mailbox_deliver(struct mailbox *mailbox, __u32 from, __u32 to, const void *payload,
		      size_t length);
void mailbox_room(struct mailbox *mailbox);

#endif /* DEVICE_BACKEND_PRIVATE_H */
