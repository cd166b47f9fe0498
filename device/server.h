/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * server.h - the socket that QEMU connects to; one connection at a time
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vfio-user.md 1.1 and 6.6.
 */
#ifndef DEVICE_SERVER_H
#define DEVICE_SERVER_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct function;
struct loop;
struct server;

/**
 * server_new() - listen for a client of @function
 * @loop: which waits
 * @path: of the socket; one that nobody listens on any more is replaced
 * @mode: permissions of the socket
 * @function: for whoever connects
 * @error: set when NULL is returned
 */
struct server *server_new(struct loop *loop, const char *path, unsigned int mode,
			  struct function *function, GError **error);
/* Removes the socket, too */
void server_free(struct server *server);

bool server_connected(const struct server *server);
uint64_t server_messages(const struct server *server);

#endif /* DEVICE_SERVER_H */
