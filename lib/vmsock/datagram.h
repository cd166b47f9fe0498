/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * datagram.h - datagrams with addresses
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef VMSOCK_DATAGRAM_H
#define VMSOCK_DATAGRAM_H

#include <vmsock/address.h>
#include <vmsock/stack.h>

G_BEGIN_DECLS

/**
 * VMSOCK_DATAGRAM_MAX:
 *
 * The most bytes a datagram can carry.
 */
#define VMSOCK_DATAGRAM_MAX 69608

#define VMSOCK_TYPE_DATAGRAM_SOCKET (vmsock_datagram_socket_get_type())
VMSOCK_AVAILABLE_IN_0_1
G_DECLARE_FINAL_TYPE(VmsockDatagramSocket, vmsock_datagram_socket, VMSOCK, DATAGRAM_SOCKET, GObject)

VMSOCK_AVAILABLE_IN_0_1
VmsockDatagramSocket *vmsock_datagram_socket_new(VmsockStack *stack, VmsockAddress *local_address,
						 GError **error);

VMSOCK_AVAILABLE_IN_0_1
GSocket *vmsock_datagram_socket_get_socket(VmsockDatagramSocket *socket);
VMSOCK_AVAILABLE_IN_0_1
VmsockAddress *vmsock_datagram_socket_get_local_address(VmsockDatagramSocket *socket,
							GError **error);

VMSOCK_AVAILABLE_IN_0_1
gsize vmsock_datagram_socket_get_max_payload(VmsockDatagramSocket *socket);
VMSOCK_AVAILABLE_IN_0_1
gint64 vmsock_datagram_socket_get_dropped(VmsockDatagramSocket *socket, GError **error);
VMSOCK_AVAILABLE_IN_0_1
GSource *vmsock_datagram_socket_create_source(VmsockDatagramSocket *socket, GIOCondition condition,
					      GCancellable *cancellable);

VMSOCK_AVAILABLE_IN_0_1
gssize vmsock_datagram_socket_send_to(VmsockDatagramSocket *socket, VmsockAddress *address,
				      const guint8 *buffer, gsize size, GCancellable *cancellable,
				      GError **error);
VMSOCK_AVAILABLE_IN_0_1
gssize vmsock_datagram_socket_receive_from(VmsockDatagramSocket *socket, VmsockAddress **address,
					   guint8 *buffer, gsize size, GCancellable *cancellable,
					   GError **error);
VMSOCK_AVAILABLE_IN_0_1
void vmsock_datagram_socket_send_to_async(VmsockDatagramSocket *socket, VmsockAddress *address,
					  GBytes *bytes, GCancellable *cancellable,
					  GAsyncReadyCallback callback, gpointer user_data);
VMSOCK_AVAILABLE_IN_0_1
gssize vmsock_datagram_socket_send_to_finish(VmsockDatagramSocket *socket, GAsyncResult *result,
					     GError **error);
VMSOCK_AVAILABLE_IN_0_1
void vmsock_datagram_socket_receive_from_async(VmsockDatagramSocket *socket,
					       GCancellable *cancellable,
					       GAsyncReadyCallback callback, gpointer user_data);
VMSOCK_AVAILABLE_IN_0_1
GBytes *vmsock_datagram_socket_receive_from_finish(VmsockDatagramSocket *socket,
						   GAsyncResult *result, VmsockAddress **address,
						   GError **error);

G_END_DECLS

#endif
