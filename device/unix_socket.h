/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unix_socket.h - a socket at a path of which somebody else may have left the remains
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef DEVICE_UNIX_SOCKET_H
#define DEVICE_UNIX_SOCKET_H

#include <glib.h>

/**
 * unix_socket_bind() - a socket that does not block
 * @path: at most 107 bytes; a socket there that nobody has any more is replaced
 * @type: SOCK_STREAM, which listens, or SOCK_DGRAM
 * @mode: its permissions
 * @error: set when -1 is returned
 */
int unix_socket_bind(const char *path, int type, unsigned int mode, GError **error);
int unix_socket_listen(const char *path, unsigned int mode, GError **error);

/* The next connection, which does not block either; -1 when there is none */
int unix_socket_accept(int fd);

#endif /* DEVICE_UNIX_SOCKET_H */
