/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * socket-table.h - the vsock sockets of this machine: ours, and those of the kernel's vsock
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef SOCKET_TABLE_H
#define SOCKET_TABLE_H

#include <glib.h>
#include <stdbool.h>

#define SOCKET_UNKNOWN G_MAXUINT64

struct socket_row {
	int family;
	const char *type, *state;
	guint32 local_cid, local_port, peer_cid, peer_port;	/* CID and port "any": not set */
	guint64 inode;
	/* SOCKET_UNKNOWN where the kernel does not tell */
	guint64 sent, received, send_queue, receive_queue, send_size, receive_size;
	guint pid;			/* 0 if it was not found */
	char process[32];
};

/*
 * Append the sockets of our module, or of the kernel's vsock.  False with @error set if they cannot
 * be found out; that the stack is not there at all is no error, there are no sockets then.
 */
bool socket_table_read_ours(GArray *rows, GError **error);
bool socket_table_read_kernel(GArray *rows, GError **error);

/* Find out which processes have them, as far as we may look. */
void socket_table_find_processes(GArray *rows);

#endif
