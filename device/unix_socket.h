/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unix_socket.h - listening on a path of which somebody else may have left the remains
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef DEVICE_UNIX_SOCKET_H
#define DEVICE_UNIX_SOCKET_H

#include <glib.h>

/**
 * unix_socket_listen() - a listening stream socket that does not block
 * @path: at most 107 bytes; a socket there that nobody listens on is replaced
 * @mode: its permissions
 * @error: set when -1 is returned
 */
int unix_socket_listen(const char *path, unsigned int mode, GError **error);

/* The next connection, which does not block either; -1 when there is none */
int unix_socket_accept(int fd);

#endif /* DEVICE_UNIX_SOCKET_H */
