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
G_DECLARE_FINAL_TYPE(VmsockDatagramSocket, vmsock_datagram_socket, VMSOCK, DATAGRAM_SOCKET, GObject)

VmsockDatagramSocket *vmsock_datagram_socket_new(VmsockStack *stack, VmsockAddress *local_address,
						 GError **error);

GSocket *vmsock_datagram_socket_get_socket(VmsockDatagramSocket *socket);
VmsockAddress *vmsock_datagram_socket_get_local_address(VmsockDatagramSocket *socket,
							GError **error);

gsize vmsock_datagram_socket_get_max_payload(VmsockDatagramSocket *socket);
gint64 vmsock_datagram_socket_get_dropped(VmsockDatagramSocket *socket, GError **error);
GSource *vmsock_datagram_socket_create_source(VmsockDatagramSocket *socket, GIOCondition condition,
					      GCancellable *cancellable);

gssize vmsock_datagram_socket_send_to(VmsockDatagramSocket *socket, VmsockAddress *address,
				      const guint8 *buffer, gsize size, GCancellable *cancellable,
				      GError **error);
gssize vmsock_datagram_socket_receive_from(VmsockDatagramSocket *socket, VmsockAddress **address,
					   guint8 *buffer, gsize size, GCancellable *cancellable,
					   GError **error);
void vmsock_datagram_socket_send_to_async(VmsockDatagramSocket *socket, VmsockAddress *address,
					  GBytes *bytes, GCancellable *cancellable,
					  GAsyncReadyCallback callback, gpointer user_data);
gssize vmsock_datagram_socket_send_to_finish(VmsockDatagramSocket *socket, GAsyncResult *result,
					     GError **error);
void vmsock_datagram_socket_receive_from_async(VmsockDatagramSocket *socket,
					       GCancellable *cancellable,
					       GAsyncReadyCallback callback, gpointer user_data);
GBytes *vmsock_datagram_socket_receive_from_finish(VmsockDatagramSocket *socket,
						   GAsyncResult *result, VmsockAddress **address,
						   GError **error);

G_END_DECLS

#endif
