/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * listen.h - listening sockets of all commands: made here, or passed on by a service manager
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef LISTEN_H
#define LISTEN_H

#include <gio/gio.h>
#include <stdbool.h>
#include <vmsock/vmsock.h>

/* Options, zero for what is usual. */
struct listen_settings {
	VmsockStack *stack;
	guint64 buffer_size;
	int backlog;
	GArray *allowed;		/* CIDs that may connect; NULL for all */
};

/*
 * A listener at @address, and where that is in @bound; NULL with @error set.  For NULL as the
 * address it has the sockets that a service manager has passed on, and @bound becomes NULL.
 */
VmsockListener *listen_open(const struct listen_settings *settings, VmsockAddress *address,
			    VmsockAddress **bound, GError **error);

/* End listening at @bound, which may be NULL, and remove its UNIX socket; clears both. */
void listen_close(VmsockListener **listener, VmsockAddress **bound);

/* Remove a UNIX socket that nobody listens on any more. */
void listen_remove_stale(const char *path);

#endif
