/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * forwarder.h - joins two streams
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef VMSOCK_FORWARDER_H
#define VMSOCK_FORWARDER_H

#include <gio/gio.h>
#include <vmsock/version.h>

G_BEGIN_DECLS

/**
 * VmsockDirection:
 * @VMSOCK_DIRECTION_FORTH: from the first stream to the second
 * @VMSOCK_DIRECTION_BACK: from the second stream to the first
 *
 * One of the two ways between two streams.
 */
typedef enum {
	VMSOCK_DIRECTION_FORTH,
	VMSOCK_DIRECTION_BACK
} VmsockDirection;

/**
 * VmsockForwarderEnd:
 * @VMSOCK_FORWARDER_END_INPUT: everything up to the end of input was written
 * @VMSOCK_FORWARDER_END_REFUSED: nobody takes what is written any more
 * @VMSOCK_FORWARDER_END_READ_FAILED: reading has failed
 * @VMSOCK_FORWARDER_END_WRITE_FAILED: writing has failed
 *
 * How a direction has ended.
 */
typedef enum {
	VMSOCK_FORWARDER_END_INPUT,
	VMSOCK_FORWARDER_END_REFUSED,
	VMSOCK_FORWARDER_END_READ_FAILED,
	VMSOCK_FORWARDER_END_WRITE_FAILED
} VmsockForwarderEnd;

#define VMSOCK_TYPE_DIRECTION (vmsock_direction_get_type())
VMSOCK_AVAILABLE_IN_0_1
GType vmsock_direction_get_type(void);

#define VMSOCK_TYPE_FORWARDER_END (vmsock_forwarder_end_get_type())
VMSOCK_AVAILABLE_IN_0_1
GType vmsock_forwarder_end_get_type(void);

#define VMSOCK_TYPE_FORWARDER (vmsock_forwarder_get_type())
VMSOCK_AVAILABLE_IN_0_1
G_DECLARE_FINAL_TYPE(VmsockForwarder, vmsock_forwarder, VMSOCK, FORWARDER, GObject)

VMSOCK_AVAILABLE_IN_0_1
VmsockForwarder *vmsock_forwarder_new(GIOStream *one, GIOStream *other);

VMSOCK_AVAILABLE_IN_0_1
void vmsock_forwarder_set_portion(VmsockForwarder *forwarder, gsize bytes);
VMSOCK_AVAILABLE_IN_0_1
gsize vmsock_forwarder_get_portion(VmsockForwarder *forwarder);
VMSOCK_AVAILABLE_IN_0_1
void vmsock_forwarder_set_idle_timeout(VmsockForwarder *forwarder, guint milliseconds);
VMSOCK_AVAILABLE_IN_0_1
guint vmsock_forwarder_get_idle_timeout(VmsockForwarder *forwarder);
VMSOCK_AVAILABLE_IN_0_1
void vmsock_forwarder_set_head(VmsockForwarder *forwarder, VmsockDirection direction, GBytes *head);

VMSOCK_AVAILABLE_IN_0_1
gboolean vmsock_forwarder_run(VmsockForwarder *forwarder, GCancellable *cancellable,
			      GError **error);
VMSOCK_AVAILABLE_IN_0_1
void vmsock_forwarder_run_async(VmsockForwarder *forwarder, GCancellable *cancellable,
				GAsyncReadyCallback callback, gpointer user_data);
VMSOCK_AVAILABLE_IN_0_1
gboolean vmsock_forwarder_run_finish(VmsockForwarder *forwarder, GAsyncResult *result,
				     GError **error);

VMSOCK_AVAILABLE_IN_0_1
guint64 vmsock_forwarder_get_bytes_forth(VmsockForwarder *forwarder);
VMSOCK_AVAILABLE_IN_0_1
guint64 vmsock_forwarder_get_bytes_back(VmsockForwarder *forwarder);
VMSOCK_AVAILABLE_IN_0_1
gsize vmsock_forwarder_get_unsent(VmsockForwarder *forwarder, VmsockDirection direction);

G_END_DECLS

#endif
