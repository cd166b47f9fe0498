/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * connection.c - a connected stream
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * GSocket knows no vsock family: a descriptor that was connected before it was wrapped counts as
 * unconnected, and addresses come back as bare bytes.  Asking a wrapped socket for the result of
 * its connect makes it notice; addresses are made here.  The peer's is kept from the start, since
 * the kernel forgets it at the first half-close (vsock.md 4.8).
 */
#include "private.h"

#include <errno.h>

/**
 * VmsockConnection:
 *
 * A connected stream, with the input and output streams of [class@Gio.IOStream].
 */
struct _VmsockConnection {
	GSocketConnection parent_instance;
	VmsockAddress *remote;
};

G_DEFINE_FINAL_TYPE(VmsockConnection, vmsock_connection, G_TYPE_SOCKET_CONNECTION)

static GSocket *socket_of(VmsockConnection *connection)
{
	return g_socket_connection_get_socket(G_SOCKET_CONNECTION(connection));
}

static void constructed(GObject *object)
{
	VmsockConnection *connection = VMSOCK_CONNECTION(object);
	GSocket *socket;

	G_OBJECT_CLASS(vmsock_connection_parent_class)->constructed(object);
	socket = socket_of(connection);
	connection->remote = _vmsock_address_of_peer(g_socket_get_fd(socket));
	if (connection->remote && !g_socket_is_connected(socket))
		g_socket_check_connect_result(socket, NULL);
}

static void finalize(GObject *object)
{
	g_clear_object(&VMSOCK_CONNECTION(object)->remote);
	G_OBJECT_CLASS(vmsock_connection_parent_class)->finalize(object);
}

static void vmsock_connection_class_init(VmsockConnectionClass *class)
{
	G_OBJECT_CLASS(class)->constructed = constructed;
	G_OBJECT_CLASS(class)->finalize = finalize;
}

static void vmsock_connection_init(VmsockConnection *connection G_GNUC_UNUSED)
{
}

/**
 * vmsock_connection_new_from_socket:
 * @socket: a connected vsock stream socket
 *
 * Makes a connection of a socket that was connected or accepted elsewhere.
 *
 * Returns: (transfer full): the connection
 */
VmsockConnection *vmsock_connection_new_from_socket(GSocket *socket)
{
	g_return_val_if_fail(G_IS_SOCKET(socket), NULL);
	return g_object_new(VMSOCK_TYPE_CONNECTION, "socket", socket, NULL);
}

static VmsockAddress *no_address(const char *whose, int system_error, GError **error)
{
	g_set_error(error, G_IO_ERROR, g_io_error_from_errno(system_error),
		    "no %s address: %s", whose, g_strerror(system_error));
	return NULL;
}

/**
 * vmsock_connection_get_local_address:
 * @connection: a connection
 * @error: where to put an error
 *
 * This end's address.
 *
 * Errors: those of [error@Gio.IOErrorEnum], if the connection was closed.
 *
 * Returns: (transfer full): the address
 */
VmsockAddress *vmsock_connection_get_local_address(VmsockConnection *connection, GError **error)
{
	VmsockAddress *address;

	g_return_val_if_fail(VMSOCK_IS_CONNECTION(connection), NULL);
	address = _vmsock_address_of_socket(g_socket_get_fd(socket_of(connection)));
	return address ? address : no_address("local", errno, error);
}

/**
 * vmsock_connection_get_remote_address:
 * @connection: a connection
 * @error: where to put an error
 *
 * The peer's address, also after a half-close and after the connection has ended.
 *
 * Errors: [enum@Gio.IOErrorEnum.NOT_CONNECTED] if the peer had gone before @connection was made.
 *
 * Returns: (transfer full): the address
 */
VmsockAddress *vmsock_connection_get_remote_address(VmsockConnection *connection, GError **error)
{
	g_return_val_if_fail(VMSOCK_IS_CONNECTION(connection), NULL);
	if (!connection->remote)
		return no_address("remote", ENOTCONN, error);
	return g_object_ref(connection->remote);
}

/**
 * vmsock_connection_shutdown:
 * @connection: a connection
 * @shutdown_read: whether to stop receiving
 * @shutdown_write: whether to stop sending; the peer reads to the end of what was sent
 * @error: where to put an error
 *
 * Closes one direction or both, and leaves the descriptor open. That the peer has gone already is
 * no error.
 *
 * Errors: those of [method@Gio.Socket.shutdown].
 *
 * Returns: whether the directions are closed now
 */
gboolean vmsock_connection_shutdown(VmsockConnection *connection, gboolean shutdown_read,
				    gboolean shutdown_write, GError **error)
{
	GError *problem = NULL;

	g_return_val_if_fail(VMSOCK_IS_CONNECTION(connection), FALSE);
	if (g_socket_shutdown(socket_of(connection), shutdown_read, shutdown_write, &problem))
		return TRUE;
	if (g_error_matches(problem, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED)) {
		g_error_free(problem);
		return TRUE;
	}
	g_propagate_error(error, problem);
	return FALSE;
}
