/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * private.h - what the files of libvmsock share among themselves
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef VMSOCK_PRIVATE_H
#define VMSOCK_PRIVATE_H

#include <vmsock/vmsock.h>

#include <sys/un.h>

#include "vmci_sockets.h"

/* Bytes of the longest path that a UNIX socket can have. */
#define VMSOCK_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

/* Set @error for a system error: "WHAT: explanation", code and errno to match. */
void _vmsock_error_set(GError **error, VmsockOperation operation, int system_error,
		       const char *what, ...) G_GNUC_PRINTF(4, 5);

/* Set @error for text that is no address; @offset is where in the text, in bytes. */
void _vmsock_error_set_offset(GError **error, VmsockError code, gsize offset,
			      const char *format, ...) G_GNUC_PRINTF(4, 5);

/* The cause and the remedy, or NULL if the table has neither. */
const char *_vmsock_error_cause(VmsockOperation operation, int system_error);

/* A close-on-exec descriptor of the stack, or -1 with @error set. */
int _vmsock_stack_make_socket(VmsockStack *stack, GSocketType type, gboolean blocks,
			      GError **error);

/* A reference to @stack, or to the default one if it is NULL. */
VmsockStack *_vmsock_stack_resolve(VmsockStack *stack, GError **error);

/* Set the queue size of streams to come, minimum and maximum moved as far as needed. */
gboolean _vmsock_stack_set_buffer_size(VmsockStack *stack, int fd, guint64 bytes, GError **error);

/* Set how long connect() waits, with the option that the stack knows. */
gboolean _vmsock_stack_set_connect_timeout(VmsockStack *stack, int fd, guint milliseconds,
					   GError **error);

/* @path with "./" before it if it does not say where it begins. */
char *_vmsock_address_normal_path(const char *path);

/* @address as the kernel wants it on this stack. */
void _vmsock_address_fill(VmsockAddress *address, VmsockStack *stack, struct sockaddr_vm *native);

/* A reference to @chosen, or to the default stack, which then lives as long as @client; or until
 * the client forgets it, since there may be another one by now. */
VmsockStack *_vmsock_client_get_stack(VmsockClient *client, VmsockStack *chosen, GError **error);
void _vmsock_client_drop_stack(VmsockClient *client);

/* Tell who listens to the client's progress; @connection may be NULL. */
void _vmsock_client_tell(VmsockClient *client, GSocketClientEvent event, VmsockAddress *address,
			 VmsockConnection *connection);

/* A connection whose peer is called @remote. */
VmsockConnection *_vmsock_connection_new(GSocket *socket, VmsockAddress *remote);

/* Is somebody at the other end of a connected stream, as far as that can be seen? */
gboolean _vmsock_connection_peer_is_there(GSocket *socket);

/* The port of this end, as a virtual machine behind a monitor sees it. */
void _vmsock_connection_set_port(VmsockConnection *connection, guint32 port);

/* bind(2), with @error as the library has it; an address with a path needs no stack. */
gboolean _vmsock_address_bind(VmsockAddress *address, VmsockStack *stack, int fd, GError **error);

/* Where @fd is bound; NULL with errno set. */
VmsockAddress *_vmsock_address_of_socket(int fd);

#endif
