/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * datagram.c - datagrams with addresses
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "private.h"

#include <errno.h>
#include <unistd.h>

/**
 * VmsockDatagramSocket:
 *
 * Sends and receives datagrams. There is no acknowledgement: what a full queue cannot take is lost
 * or refused.
 *
 * Calls wait or not as [method@Gio.Socket.set_blocking] of the socket says.
 */
struct _VmsockDatagramSocket {
	GObject parent_instance;
	VmsockStack *stack;
	GSocket *socket;
};

G_DEFINE_FINAL_TYPE(VmsockDatagramSocket, vmsock_datagram_socket, G_TYPE_OBJECT)

static void dispose(GObject *object)
{
	VmsockDatagramSocket *self = VMSOCK_DATAGRAM_SOCKET(object);

	g_clear_object(&self->socket);
	g_clear_object(&self->stack);
	G_OBJECT_CLASS(vmsock_datagram_socket_parent_class)->dispose(object);
}

static void vmsock_datagram_socket_class_init(VmsockDatagramSocketClass *class)
{
	G_OBJECT_CLASS(class)->dispose = dispose;
}

static void vmsock_datagram_socket_init(VmsockDatagramSocket *self G_GNUC_UNUSED)
{
}

/**
 * vmsock_datagram_socket_new:
 * @stack: (nullable): the stack to use, %NULL for the default one
 * @local_address: (nullable): where to receive; without, an address is chosen at the first sending
 * @error: where to put an error
 *
 * Makes a socket.
 *
 * Errors: [enum@Vmsock.Error.NO_DEVICE] if the stack has no datagrams,
 * [enum@Vmsock.Error.ADDRESS_IN_USE], [enum@Vmsock.Error.ADDRESS_NOT_LOCAL],
 * [enum@Vmsock.Error.DENIED] for a privileged port, and those of [func@Vmsock.Stack.acquire].
 *
 * Returns: (transfer full): the socket
 */
VmsockDatagramSocket *vmsock_datagram_socket_new(VmsockStack *stack, VmsockAddress *local_address,
						 GError **error)
{
	g_autoptr(VmsockStack) used = _vmsock_stack_resolve(stack, error);
	VmsockDatagramSocket *self;
	GSocket *socket = NULL;
	int fd;

	if (!used)
		return NULL;
	fd = _vmsock_stack_make_socket(used, G_SOCKET_TYPE_DATAGRAM, error);
	if (fd < 0)
		return NULL;
	if (!local_address || _vmsock_address_bind(local_address, used, fd, error))
		socket = g_socket_new_from_fd(fd, error);
	if (!socket) {
		close(fd);
		return NULL;
	}
	self = g_object_new(VMSOCK_TYPE_DATAGRAM_SOCKET, NULL);
	self->socket = socket;
	self->stack = g_steal_pointer(&used);
	return self;
}

/**
 * vmsock_datagram_socket_get_socket:
 * @socket: a datagram socket
 *
 * The socket underneath, to wait on or to set options of.
 *
 * Returns: (transfer none): the socket
 */
GSocket *vmsock_datagram_socket_get_socket(VmsockDatagramSocket *socket)
{
	g_return_val_if_fail(VMSOCK_IS_DATAGRAM_SOCKET(socket), NULL);
	return socket->socket;
}

/**
 * vmsock_datagram_socket_get_local_address:
 * @socket: a datagram socket
 * @error: where to put an error
 *
 * Where the socket receives.
 *
 * Errors: [enum@Vmsock.Error.FAILED] if the socket was closed.
 *
 * Returns: (transfer full): the address
 */
VmsockAddress *vmsock_datagram_socket_get_local_address(VmsockDatagramSocket *socket,
							GError **error)
{
	VmsockAddress *address;

	g_return_val_if_fail(VMSOCK_IS_DATAGRAM_SOCKET(socket), NULL);
	address = _vmsock_address_of_socket(g_socket_get_fd(socket->socket));
	if (!address)
		_vmsock_error_set(error, VMSOCK_OPERATION_RECEIVE, errno, "no local address");
	return address;
}

/* After EAGAIN: wait and return TRUE to try again, or set the error that the caller gets. */
static gboolean wait_for(VmsockDatagramSocket *self, GIOCondition condition,
			 GCancellable *cancellable, GError **error)
{
	if (g_socket_get_blocking(self->socket))
		return g_socket_condition_wait(self->socket, condition, cancellable, error);
	g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK,
			    "the datagram socket would have to wait");
	return FALSE;
}

static void set_send_error(VmsockAddress *address, int system_error, GError **error)
{
	g_autofree char *text = vmsock_address_to_string(address);

	_vmsock_error_set(error, VMSOCK_OPERATION_SEND, system_error, "cannot send to %s", text);
}

/**
 * vmsock_datagram_socket_send_to:
 * @socket: a datagram socket
 * @address: where to
 * @buffer: (array length=size) (element-type guint8): the bytes
 * @size: how many, at most [const@Vmsock.DATAGRAM_MAX]
 * @cancellable: (nullable): to give up early
 * @error: where to put an error
 *
 * Sends one datagram.
 *
 * Errors: [enum@Vmsock.Error.NO_LISTENER], [enum@Vmsock.Error.NO_RESOURCES] if the peer's queue is
 * full, [enum@Vmsock.Error.TOO_LONG], [enum@Vmsock.Error.UNREACHABLE],
 * [enum@Vmsock.Error.DENIED].
 *
 * Returns: the number of bytes sent, -1 on failure
 */
gssize vmsock_datagram_socket_send_to(VmsockDatagramSocket *socket, VmsockAddress *address,
				      const guint8 *buffer, gsize size, GCancellable *cancellable,
				      GError **error)
{
	struct sockaddr_vm native;

	g_return_val_if_fail(VMSOCK_IS_DATAGRAM_SOCKET(socket), -1);
	g_return_val_if_fail(VMSOCK_IS_ADDRESS(address), -1);
	g_return_val_if_fail(buffer != NULL || size == 0, -1);
	_vmsock_address_fill(address, socket->stack, &native);
	for (;;) {
		gssize sent;

		if (g_cancellable_set_error_if_cancelled(cancellable, error))
			return -1;
		sent = sendto(g_socket_get_fd(socket->socket), buffer, size, MSG_NOSIGNAL,
			      (struct sockaddr *)&native, sizeof(native));
		if (sent >= 0)
			return sent;
		if (errno == EAGAIN) {
			if (!wait_for(socket, G_IO_OUT, cancellable, error))
				return -1;
		} else if (errno != EINTR) {
			set_send_error(address, errno, error);
			return -1;
		}
	}
}

/**
 * vmsock_datagram_socket_receive_from:
 * @socket: a datagram socket
 * @address: (out) (optional) (nullable) (transfer full): where the datagram came from
 * @buffer: (array length=size) (element-type guint8) (out caller-allocates): where to put it
 * @size: bytes in @buffer; what of a datagram exceeds them is lost, so give
 *   [const@Vmsock.DATAGRAM_MAX]
 * @cancellable: (nullable): to give up early
 * @error: where to put an error
 *
 * Receives one datagram. One may be empty.
 *
 * Errors: [enum@Gio.IOErrorEnum.CANCELLED], [enum@Gio.IOErrorEnum.WOULD_BLOCK].
 *
 * Returns: the number of bytes received, -1 on failure
 */
gssize vmsock_datagram_socket_receive_from(VmsockDatagramSocket *socket, VmsockAddress **address,
					   guint8 *buffer, gsize size, GCancellable *cancellable,
					   GError **error)
{
	g_return_val_if_fail(VMSOCK_IS_DATAGRAM_SOCKET(socket), -1);
	g_return_val_if_fail(buffer != NULL || size == 0, -1);
	for (;;) {
		struct sockaddr_vm native = { 0 };
		socklen_t length = sizeof(native);
		gssize got;

		if (g_cancellable_set_error_if_cancelled(cancellable, error))
			return -1;
		got = recvfrom(g_socket_get_fd(socket->socket), buffer, size, 0,
			       (struct sockaddr *)&native, &length);
		if (got >= 0) {
			if (address)
				*address = vmsock_address_new_from_native(&native, length);
			return got;
		}
		if (errno == EAGAIN) {
			if (!wait_for(socket, G_IO_IN, cancellable, error))
				return -1;
		} else if (errno != EINTR) {
			_vmsock_error_set(error, VMSOCK_OPERATION_RECEIVE, errno,
					  "cannot receive a datagram");
			return -1;
		}
	}
}
