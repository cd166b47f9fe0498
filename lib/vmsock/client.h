/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client.h - makes connections
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef VMSOCK_CLIENT_H
#define VMSOCK_CLIENT_H

#include <vmsock/address.h>
#include <vmsock/connection.h>
#include <vmsock/stack.h>

G_BEGIN_DECLS

#define VMSOCK_TYPE_CLIENT (vmsock_client_get_type())
VMSOCK_AVAILABLE_IN_0_1
G_DECLARE_FINAL_TYPE(VmsockClient, vmsock_client, VMSOCK, CLIENT, GObject)

VMSOCK_AVAILABLE_IN_0_1
VmsockClient *vmsock_client_new(void);

VMSOCK_AVAILABLE_IN_0_1
void vmsock_client_set_stack(VmsockClient *client, VmsockStack *stack);
VMSOCK_AVAILABLE_IN_0_1
VmsockStack *vmsock_client_get_stack(VmsockClient *client);
VMSOCK_AVAILABLE_IN_0_1
void vmsock_client_set_local_address(VmsockClient *client, VmsockAddress *address);
VMSOCK_AVAILABLE_IN_0_1
VmsockAddress *vmsock_client_get_local_address(VmsockClient *client);
VMSOCK_AVAILABLE_IN_0_1
void vmsock_client_set_connect_timeout(VmsockClient *client, guint milliseconds);
VMSOCK_AVAILABLE_IN_0_1
guint vmsock_client_get_connect_timeout(VmsockClient *client);
VMSOCK_AVAILABLE_IN_0_1
void vmsock_client_set_buffer_size(VmsockClient *client, guint64 bytes);
VMSOCK_AVAILABLE_IN_0_1
guint64 vmsock_client_get_buffer_size(VmsockClient *client);
VMSOCK_AVAILABLE_IN_0_1
void vmsock_client_set_deadline(VmsockClient *client, guint milliseconds);
VMSOCK_AVAILABLE_IN_0_1
guint vmsock_client_get_deadline(VmsockClient *client);
VMSOCK_AVAILABLE_IN_0_1
void vmsock_client_set_retry(VmsockClient *client, gboolean retry);
VMSOCK_AVAILABLE_IN_0_1
gboolean vmsock_client_get_retry(VmsockClient *client);

VMSOCK_AVAILABLE_IN_0_1
VmsockConnection *vmsock_client_connect(VmsockClient *client, VmsockAddress *address,
					GCancellable *cancellable, GError **error);
VMSOCK_AVAILABLE_IN_0_1
void vmsock_client_connect_async(VmsockClient *client, VmsockAddress *address,
				 GCancellable *cancellable, GAsyncReadyCallback callback,
				 gpointer user_data);
VMSOCK_AVAILABLE_IN_0_1
VmsockConnection *vmsock_client_connect_finish(VmsockClient *client, GAsyncResult *result,
					       GError **error);
VMSOCK_AVAILABLE_IN_0_1
VmsockConnection *vmsock_client_connect_to(VmsockClient *client, const char *text,
					   guint32 default_port, GCancellable *cancellable,
					   GError **error);
VMSOCK_AVAILABLE_IN_0_1
void vmsock_client_connect_to_async(VmsockClient *client, const char *text, guint32 default_port,
				    GCancellable *cancellable, GAsyncReadyCallback callback,
				    gpointer user_data);

G_END_DECLS

#endif
