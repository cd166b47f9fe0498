/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * connection.h - a connected stream
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef VMSOCK_CONNECTION_H
#define VMSOCK_CONNECTION_H

#include <vmsock/address.h>
#include <vmsock/error.h>

G_BEGIN_DECLS

#define VMSOCK_TYPE_CONNECTION (vmsock_connection_get_type())
VMSOCK_AVAILABLE_IN_0_1
G_DECLARE_FINAL_TYPE(VmsockConnection, vmsock_connection, VMSOCK, CONNECTION, GSocketConnection)

VMSOCK_AVAILABLE_IN_0_1
VmsockConnection *vmsock_connection_new_from_socket(GSocket *socket);
VMSOCK_AVAILABLE_IN_0_1
VmsockConnection *vmsock_connection_new_from_fd(int fd, GError **error);

VMSOCK_AVAILABLE_IN_0_1
VmsockAddress *vmsock_connection_get_local_address(VmsockConnection *connection, GError **error);
VMSOCK_AVAILABLE_IN_0_1
VmsockAddress *vmsock_connection_get_remote_address(VmsockConnection *connection, GError **error);
VMSOCK_AVAILABLE_IN_0_1
gboolean vmsock_connection_shutdown(VmsockConnection *connection, gboolean shutdown_read,
				    gboolean shutdown_write, GError **error);

VMSOCK_AVAILABLE_IN_0_1
guint32 vmsock_connection_get_peer_cid(VmsockConnection *connection);
VMSOCK_AVAILABLE_IN_0_1
gboolean vmsock_connection_is_alive(VmsockConnection *connection);
VMSOCK_AVAILABLE_IN_0_1
gssize vmsock_connection_get_queued_input(VmsockConnection *connection, GError **error);
VMSOCK_AVAILABLE_IN_0_1
gssize vmsock_connection_get_queued_output(VmsockConnection *connection, GError **error);
VMSOCK_AVAILABLE_IN_0_1
guint64 vmsock_connection_get_buffer_size(VmsockConnection *connection);
VMSOCK_AVAILABLE_IN_0_1
VmsockError vmsock_connection_get_cause(VmsockConnection *connection, const GError *error);

G_END_DECLS

#endif
