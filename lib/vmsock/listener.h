/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * listener.h - takes connections
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef VMSOCK_LISTENER_H
#define VMSOCK_LISTENER_H

#include <vmsock/address.h>
#include <vmsock/connection.h>
#include <vmsock/stack.h>

G_BEGIN_DECLS

#define VMSOCK_TYPE_LISTENER (vmsock_listener_get_type())
VMSOCK_AVAILABLE_IN_0_1
G_DECLARE_DERIVABLE_TYPE(VmsockListener, vmsock_listener, VMSOCK, LISTENER, GSocketListener)

/**
 * VmsockListenerClass:
 *
 * Class of [class@Vmsock.Listener].
 */
struct _VmsockListenerClass {
	/*< private >*/
	GSocketListenerClass parent_class;
	gpointer padding[8];
};

VMSOCK_AVAILABLE_IN_0_1
VmsockListener *vmsock_listener_new(void);

VMSOCK_AVAILABLE_IN_0_1
void vmsock_listener_set_stack(VmsockListener *listener, VmsockStack *stack);
VMSOCK_AVAILABLE_IN_0_1
VmsockStack *vmsock_listener_get_stack(VmsockListener *listener);
VMSOCK_AVAILABLE_IN_0_1
void vmsock_listener_set_buffer_size(VmsockListener *listener, guint64 bytes);
VMSOCK_AVAILABLE_IN_0_1
guint64 vmsock_listener_get_buffer_size(VmsockListener *listener);
VMSOCK_AVAILABLE_IN_0_1
void vmsock_listener_set_allowed_cids(VmsockListener *listener, const guint32 *cids, gsize count);
VMSOCK_AVAILABLE_IN_0_1
gboolean vmsock_listener_add_address(VmsockListener *listener, VmsockAddress *address,
				     VmsockAddress **effective_address, GError **error);
VMSOCK_AVAILABLE_IN_0_1
int vmsock_listener_add_inherited(VmsockListener *listener, GError **error);

VMSOCK_AVAILABLE_IN_0_1
VmsockConnection *vmsock_listener_accept(VmsockListener *listener, GCancellable *cancellable,
					 GError **error);
VMSOCK_AVAILABLE_IN_0_1
void vmsock_listener_accept_async(VmsockListener *listener, GCancellable *cancellable,
				  GAsyncReadyCallback callback, gpointer user_data);
VMSOCK_AVAILABLE_IN_0_1
VmsockConnection *vmsock_listener_accept_finish(VmsockListener *listener, GAsyncResult *result,
						GError **error);

G_END_DECLS

#endif
