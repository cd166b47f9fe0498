/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backend_unix.h - programs of the host reach the guest's sockets by UNIX sockets
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * docs/device-sockets.md says what a program does.
 */
#ifndef DEVICE_BACKEND_UNIX_H
#define DEVICE_BACKEND_UNIX_H

#include <glib.h>

#include "endpoint.h"

/**
 * backend_unix_new() - listen at PATH and PATH.dgram
 * @loop: runs it
 * @path: of this VM; a socket there that nobody serves any more is replaced
 * @mode: permissions of both
 * @connections: at a time, those of which the command is still being read included
 * @error: says what is wrong with the path
 *
 * Give it to endpoint_new() next.
 *
 * Return: the back end, or NULL.
 */
struct backend *backend_unix_new(struct loop *loop, const char *path, unsigned int mode,
				 unsigned int connections, GError **error);

/* Closes all connections and removes both sockets; before endpoint_free() */
void backend_unix_free(struct backend *backend);

#endif /* DEVICE_BACKEND_UNIX_H */
