/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * child.h - a command whose standard input and output are a connection
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef CHILD_H
#define CHILD_H

#include <gio/gio.h>
#include <stdbool.h>
#include <vmsock/vmsock.h>

/*
 * Start @command, for sh -c if @shell, with the connection and, in VMSOCK_PEER, the address of its
 * peer.  The connection is the child's from then on, and should be closed here.  @ended is called
 * from the main context: with an error unless it exited with 0.
 */
bool child_start(VmsockConnection *connection, const char *command, bool shell,
		 void (*ended)(const GError *error, void *data), void *data, GError **error);

#endif
