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

#define VMSOCK_TYPE_FORWARDER (vmsock_forwarder_get_type())
VMSOCK_AVAILABLE_IN_0_1
G_DECLARE_FINAL_TYPE(VmsockForwarder, vmsock_forwarder, VMSOCK, FORWARDER, GObject)

VMSOCK_AVAILABLE_IN_0_1
VmsockForwarder *vmsock_forwarder_new(GIOStream *one, GIOStream *other);

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

G_END_DECLS

#endif
