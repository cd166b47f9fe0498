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
#define _GNU_SOURCE	/* POLLRDHUP */
#include "private.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>

union native {
	struct sockaddr any;
	struct sockaddr_vm vsock;
	struct sockaddr_un path;
	struct sockaddr_storage space;
};

/**
 * VmsockConnection:
 *
 * A connected stream, with the input and output streams of [class@Gio.IOStream].
 */
struct _VmsockConnection {
	GSocketConnection parent_instance;
	union native peer;
	socklen_t peer_length;	/* 0 if the kernel did not know it */
	VmsockAddress *remote;	/* instead of @peer, if not NULL */
	VmsockAddress *local;	/* as the peer sees it, where the socket does not tell */
};

G_DEFINE_FINAL_TYPE(VmsockConnection, vmsock_connection, G_TYPE_SOCKET_CONNECTION)

static GSocket *socket_of(VmsockConnection *connection)
{
	return g_socket_connection_get_socket(G_SOCKET_CONNECTION(connection));
}

static int fd_of(VmsockConnection *connection)
{
	return g_socket_get_fd(socket_of(connection));
}

/* Addresses become objects when somebody asks: most connections live without. */
static guint32 cid_of(const union native *native, socklen_t length)
{
	switch (length ? native->any.sa_family : AF_UNSPEC) {
	case AF_UNSPEC:
	case AF_UNIX:
	case AF_INET:
	case AF_INET6:
		return VMSOCK_CID_ANY;
	default:
		return length < sizeof(native->vsock) ? VMSOCK_CID_ANY : native->vsock.svm_cid;
	}
}

static void note_peer(VmsockConnection *connection, int fd)
{
	socklen_t length = sizeof(connection->peer);

	if (getpeername(fd, &connection->peer.any, &length) == 0)
		connection->peer_length = (socklen_t)MIN(length, sizeof(connection->peer));
}

static void constructed(GObject *object)
{
	VmsockConnection *connection = VMSOCK_CONNECTION(object);
	GSocket *socket;

	G_OBJECT_CLASS(vmsock_connection_parent_class)->constructed(object);
	socket = socket_of(connection);
	note_peer(connection, g_socket_get_fd(socket));
	if (connection->peer_length && !g_socket_is_connected(socket))
		g_socket_check_connect_result(socket, NULL);
}

static void finalize(GObject *object)
{
	g_clear_object(&VMSOCK_CONNECTION(object)->remote);
	g_clear_object(&VMSOCK_CONNECTION(object)->local);
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

VmsockConnection *_vmsock_connection_new(GSocket *socket, VmsockAddress *remote)
{
	VmsockConnection *connection = vmsock_connection_new_from_socket(socket);

	if (!connection->peer_length ||
	    vmsock_address_get_kind(remote) == VMSOCK_ADDRESS_KIND_MUX)
		g_set_object(&connection->remote, remote);
	return connection;
}

void _vmsock_connection_set_port(VmsockConnection *connection, guint32 port)
{
	g_clear_object(&connection->local);
	connection->local = vmsock_address_new(VMSOCK_CID_HOST, port);
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

/**
 * vmsock_connection_new_from_fd:
 * @fd: a connected stream socket; it belongs to the connection if that is made
 * @error: where to put an error
 *
 * Makes a connection of a descriptor, say one that a service manager has passed on.
 *
 * Errors: those of [ctor@Gio.Socket.new_from_fd].
 *
 * Returns: (transfer full): the connection
 */
VmsockConnection *vmsock_connection_new_from_fd(int fd, GError **error)
{
	g_autoptr(GSocket) socket = g_socket_new_from_fd(fd, error);

	return socket ? vmsock_connection_new_from_socket(socket) : NULL;
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
 * This end's address. Of a connection to a port behind a monitor's UNIX socket it is the host's,
 * with the port that the virtual machine sees.
 *
 * Errors: those of [error@Gio.IOErrorEnum], if the connection was closed.
 *
 * Returns: (transfer full): the address
 */
VmsockAddress *vmsock_connection_get_local_address(VmsockConnection *connection, GError **error)
{
	VmsockAddress *address;

	g_return_val_if_fail(VMSOCK_IS_CONNECTION(connection), NULL);
	if (connection->local)
		return g_object_ref(connection->local);
	address = _vmsock_address_of_socket(fd_of(connection));
	return address ? address : no_address("local", errno, error);
}

/**
 * vmsock_connection_get_remote_address:
 * @connection: a connection
 * @error: where to put an error
 *
 * The peer's address, also after a half-close and after the connection has ended.
 *
 * Errors: [error@Gio.IOErrorEnum.NOT_CONNECTED] if the peer had gone before @connection was made.
 *
 * Returns: (transfer full): the address
 */
VmsockAddress *vmsock_connection_get_remote_address(VmsockConnection *connection, GError **error)
{
	VmsockAddress *address = NULL;

	g_return_val_if_fail(VMSOCK_IS_CONNECTION(connection), NULL);
	if (connection->remote)
		return g_object_ref(connection->remote);
	if (connection->peer_length)
		address = vmsock_address_new_from_native(&connection->peer,
							 connection->peer_length);
	return address ? address : no_address("remote", ENOTCONN, error);
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

/**
 * vmsock_connection_get_peer_cid:
 * @connection: a connection
 *
 * Returns: the context ID of the peer; [const@Vmsock.CID_ANY] if it has none that is known, as
 *   behind a UNIX socket
 */
guint32 vmsock_connection_get_peer_cid(VmsockConnection *connection)
{
	g_return_val_if_fail(VMSOCK_IS_CONNECTION(connection), VMSOCK_CID_ANY);
	if (connection->remote)
		return vmsock_address_get_cid(connection->remote);
	return cid_of(&connection->peer, connection->peer_length);
}

/* Is anybody there, as far as poll() and a sending of nothing can tell?  The second tells a peer
 * that has gone from one that has only ended sending (vsock.md 4.6, 4.11). */
static gboolean peer_is_there(int fd, gboolean is_unix)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN | POLLRDHUP };

	if (poll(&poll_fd, 1, 0) < 0)
		return errno == EINTR;
	if (poll_fd.revents & (POLLHUP | POLLERR | POLLNVAL))
		return FALSE;
	if (is_unix || !(poll_fd.revents & POLLRDHUP))
		return TRUE;
	return send(fd, "", 0, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 || errno == EAGAIN;
}

static gboolean has_unix_socket(VmsockConnection *connection)
{
	return g_socket_get_family(socket_of(connection)) == G_SOCKET_FAMILY_UNIX;
}

gboolean _vmsock_connection_peer_is_there(GSocket *socket)
{
	return !g_socket_is_closed(socket) &&
	       peer_is_there(g_socket_get_fd(socket),
			     g_socket_get_family(socket) == G_SOCKET_FAMILY_UNIX);
}

/**
 * vmsock_connection_is_alive:
 * @connection: a connection
 *
 * Looks whether the peer is still there, or has left something to read.
 * [method@Gio.SocketConnection.is_connected] knows only what this end has done. That a connection
 * is alive is no promise that the next call succeeds.
 *
 * Returns: whether reading or writing can still make sense
 */
gboolean vmsock_connection_is_alive(VmsockConnection *connection)
{
	g_return_val_if_fail(VMSOCK_IS_CONNECTION(connection), FALSE);
	if (g_socket_is_closed(socket_of(connection)))
		return FALSE;
	return _vmsock_connection_peer_is_there(socket_of(connection)) ||
	       vmsock_connection_get_queued_input(connection, NULL) > 0;
}

static gssize ask_queue(VmsockConnection *connection, unsigned long request, const char *which,
			GError **error)
{
	int bytes = 0;

	if (ioctl(fd_of(connection), request, &bytes) == 0)
		return bytes;
	_vmsock_error_set(error, VMSOCK_OPERATION_OPTION, errno, "cannot see how much is %s",
			  which);
	return -1;
}

/**
 * vmsock_connection_get_queued_input:
 * @connection: a connection
 * @error: where to put an error
 *
 * How much has arrived and was not read yet.
 *
 * Errors: [error@Vmsock.Error.NOT_SUPPORTED], which depends on the stack.
 *
 * Returns: the number of bytes, -1 on failure
 */
gssize vmsock_connection_get_queued_input(VmsockConnection *connection, GError **error)
{
	g_return_val_if_fail(VMSOCK_IS_CONNECTION(connection), -1);
	return ask_queue(connection, SIOCINQ, "to be read", error);
}

/**
 * vmsock_connection_get_queued_output:
 * @connection: a connection
 * @error: where to put an error
 *
 * How much was written and not read by the peer, or not sent, which depends on the stack.
 *
 * Errors: [error@Vmsock.Error.NOT_SUPPORTED], which depends on the stack.
 *
 * Returns: the number of bytes, -1 on failure
 */
gssize vmsock_connection_get_queued_output(VmsockConnection *connection, GError **error)
{
	g_return_val_if_fail(VMSOCK_IS_CONNECTION(connection), -1);
	return ask_queue(connection, SIOCOUTQ, "on its way", error);
}

/* The number of the family is the level of its options. */
static gboolean get_vsock_size(int fd, guint64 *size)
{
	struct sockaddr_vm native = { 0 };
	socklen_t length = sizeof(native), size_length = sizeof(*size);

	return getsockname(fd, (struct sockaddr *)&native, &length) == 0 &&
	       getsockopt(fd, native.svm_family, SO_VMCI_BUFFER_SIZE, size, &size_length) == 0;
}

/**
 * vmsock_connection_get_buffer_size:
 * @connection: a connection
 *
 * Size of the queues of a connection, as it was set when the connection was made.
 *
 * Returns: the size in bytes of each queue, 0 if it cannot be found out
 */
guint64 vmsock_connection_get_buffer_size(VmsockConnection *connection)
{
	guint64 size = 0;
	int bytes = 0;

	g_return_val_if_fail(VMSOCK_IS_CONNECTION(connection), 0);
	if (!has_unix_socket(connection))
		return get_vsock_size(fd_of(connection), &size) ? size : 0;
	return g_socket_get_option(socket_of(connection), SOL_SOCKET, SO_SNDBUF, &bytes, NULL) ?
	       (guint64)bytes : 0;
}

/* A socket keeps the address that it was connected from. Context IDs up to 2 belong to roles, not
 * to machines. */
static gboolean has_moved(VmsockConnection *connection)
{
	g_autoptr(VmsockStack) stack = NULL;
	union native local;
	socklen_t length = sizeof(local);
	guint32 then, now;

	if (getsockname(fd_of(connection), &local.any, &length) < 0)
		return FALSE;
	then = cid_of(&local, length);
	if (then <= VMSOCK_CID_HOST || then == VMSOCK_CID_ANY)
		return FALSE;
	stack = vmsock_stack_acquire(NULL);
	now = stack ? vmsock_stack_get_local_cid(stack) : VMSOCK_CID_ANY;
	return now != VMSOCK_CID_ANY && now != then;
}

static VmsockError cause_of(VmsockConnection *connection, const GError *error)
{
	if (error->domain != G_IO_ERROR)
		return error->domain == VMSOCK_ERROR ? error->code : VMSOCK_ERROR_FAILED;
	switch ((GIOErrorEnum)error->code) {
	case G_IO_ERROR_CONNECTION_CLOSED:
	case G_IO_ERROR_CLOSED:
	case G_IO_ERROR_NOT_CONNECTED:
		return has_moved(connection) ? VMSOCK_ERROR_PEER_RESTARTED : VMSOCK_ERROR_RESET;
	case G_IO_ERROR_TIMED_OUT:
		return VMSOCK_ERROR_TIMED_OUT;
	case G_IO_ERROR_PERMISSION_DENIED:
		return VMSOCK_ERROR_DENIED;
	case G_IO_ERROR_NO_SPACE:
	case G_IO_ERROR_TOO_MANY_OPEN_FILES:
		return VMSOCK_ERROR_NO_RESOURCES;
	case G_IO_ERROR_HOST_UNREACHABLE:
	case G_IO_ERROR_NETWORK_UNREACHABLE:
		return VMSOCK_ERROR_UNREACHABLE;
	case G_IO_ERROR_NOT_SUPPORTED:
		return VMSOCK_ERROR_NOT_SUPPORTED;
	default:
		return VMSOCK_ERROR_FAILED;
	}
}

/**
 * vmsock_connection_get_cause:
 * @connection: a connection
 * @error: what reading from its streams or writing to them failed with
 *
 * Sorts an error of the streams, which is one of [error@Gio.IOErrorEnum], by cause.
 * [error@Vmsock.Error.PEER_RESTARTED] is what a connection ends with when this machine got another
 * context ID meanwhile, because it was resumed or moved.
 *
 * Returns: the cause, [error@Vmsock.Error.FAILED] for anything unusual
 */
VmsockError vmsock_connection_get_cause(VmsockConnection *connection, const GError *error)
{
	g_return_val_if_fail(VMSOCK_IS_CONNECTION(connection), VMSOCK_ERROR_FAILED);
	g_return_val_if_fail(error != NULL, VMSOCK_ERROR_FAILED);
	return cause_of(connection, error);
}
