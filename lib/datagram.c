/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * datagram.c - datagrams with addresses
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "private.h"

#include <errno.h>
#include <linux/sock_diag.h>
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
 * Errors: [error@Vmsock.Error.NO_DEVICE] if the stack has no datagrams,
 * [error@Vmsock.Error.ADDRESS_IN_USE], [error@Vmsock.Error.ADDRESS_NOT_LOCAL],
 * [error@Vmsock.Error.DENIED] for a privileged port, and those of [func@Vmsock.Stack.acquire].
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
	fd = _vmsock_stack_make_socket(used, G_SOCKET_TYPE_DATAGRAM, FALSE, error);
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
 * Errors: [error@Vmsock.Error.FAILED] if the socket was closed.
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

/**
 * vmsock_datagram_socket_get_max_payload:
 * @socket: a datagram socket
 *
 * Returns: the most bytes that a datagram can carry
 */
gsize vmsock_datagram_socket_get_max_payload(VmsockDatagramSocket *socket)
{
	g_return_val_if_fail(VMSOCK_IS_DATAGRAM_SOCKET(socket), 0);
	return VMSOCK_DATAGRAM_MAX;
}

/**
 * vmsock_datagram_socket_get_dropped:
 * @socket: a datagram socket
 * @error: where to put an error
 *
 * How many datagrams were lost since the socket was made because nobody read those before them.
 *
 * Errors: [error@Vmsock.Error.NOT_SUPPORTED] on a kernel that does not tell.
 *
 * Returns: the number, modulo 2^32; -1 on failure
 */
gint64 vmsock_datagram_socket_get_dropped(VmsockDatagramSocket *socket, GError **error)
{
	guint32 counts[SK_MEMINFO_VARS] = { 0 };
	socklen_t length = sizeof(counts);

	g_return_val_if_fail(VMSOCK_IS_DATAGRAM_SOCKET(socket), -1);
	if (getsockopt(g_socket_get_fd(socket->socket), SOL_SOCKET, SO_MEMINFO, counts,
		       &length) == 0 && length > SK_MEMINFO_DROPS * sizeof(counts[0]))
		return counts[SK_MEMINFO_DROPS];
	_vmsock_error_set(error, VMSOCK_OPERATION_OPTION, errno, "cannot see how many were lost");
	return -1;
}

/**
 * vmsock_datagram_socket_create_source: (skip)
 * @socket: a datagram socket
 * @condition: what to wait for
 * @cancellable: (nullable): to be called for, too
 *
 * Makes a source whose callback, a [callback@Gio.SocketSourceFunc], is called whenever the socket
 * can be read from or written to, as [method@Gio.Socket.create_source] does. Let the socket not
 * block, then read until that would have to wait.
 *
 * Returns: (transfer full): the source
 */
GSource *vmsock_datagram_socket_create_source(VmsockDatagramSocket *socket, GIOCondition condition,
					      GCancellable *cancellable)
{
	g_return_val_if_fail(VMSOCK_IS_DATAGRAM_SOCKET(socket), NULL);
	return g_socket_create_source(socket->socket, condition, cancellable);
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

/* One sendto(); -1 with errno. */
static gssize try_send(VmsockDatagramSocket *self, VmsockAddress *address, gconstpointer buffer,
		       gsize size)
{
	struct sockaddr_vm native;
	gssize sent;

	_vmsock_address_fill(address, self->stack, &native);
	do {
		sent = sendto(g_socket_get_fd(self->socket), buffer, size,
			      MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&native,
			      sizeof(native));
	} while (sent < 0 && errno == EINTR);
	return sent;
}

/* One recvfrom(); -1 with errno.  @address, if not NULL, is written on success only. */
static gssize try_receive(VmsockDatagramSocket *self, VmsockAddress **address, gpointer buffer,
			  gsize size)
{
	struct sockaddr_vm native = { 0 };
	socklen_t length = sizeof(native);
	gssize got;

	do {
		got = recvfrom(g_socket_get_fd(self->socket), buffer, size, MSG_DONTWAIT,
			       (struct sockaddr *)&native, &length);
	} while (got < 0 && errno == EINTR);
	if (got >= 0 && address)
		*address = vmsock_address_new_from_native(&native, length);
	return got;
}

static void set_receive_error(int system_error, GError **error)
{
	_vmsock_error_set(error, VMSOCK_OPERATION_RECEIVE, system_error,
			  "cannot receive a datagram");
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
 * Errors: [error@Vmsock.Error.NO_LISTENER], [error@Vmsock.Error.NO_RESOURCES] if the peer's queue
 * is full, [error@Vmsock.Error.TOO_LONG], [error@Vmsock.Error.UNREACHABLE],
 * [error@Vmsock.Error.DENIED].
 *
 * Returns: the number of bytes sent, -1 on failure
 */
gssize vmsock_datagram_socket_send_to(VmsockDatagramSocket *socket, VmsockAddress *address,
				      const guint8 *buffer, gsize size, GCancellable *cancellable,
				      GError **error)
{
	g_return_val_if_fail(VMSOCK_IS_DATAGRAM_SOCKET(socket), -1);
	g_return_val_if_fail(VMSOCK_IS_ADDRESS(address), -1);
	g_return_val_if_fail(buffer != NULL || size == 0, -1);
	for (;;) {
		gssize sent;

		if (g_cancellable_set_error_if_cancelled(cancellable, error))
			return -1;
		sent = try_send(socket, address, buffer, size);
		if (sent >= 0)
			return sent;
		if (errno != EAGAIN) {
			set_send_error(address, errno, error);
			return -1;
		}
		if (!wait_for(socket, G_IO_OUT, cancellable, error))
			return -1;
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
 * Errors: [error@Gio.IOErrorEnum.CANCELLED], [error@Gio.IOErrorEnum.WOULD_BLOCK].
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
		gssize got;

		if (g_cancellable_set_error_if_cancelled(cancellable, error))
			return -1;
		got = try_receive(socket, address, buffer, size);
		if (got >= 0)
			return got;
		if (errno != EAGAIN) {
			set_receive_error(errno, error);
			return -1;
		}
		if (!wait_for(socket, G_IO_IN, cancellable, error))
			return -1;
	}
}

/* A datagram on its way out, or one that has come in. */
struct parcel {
	VmsockAddress *address;
	GBytes *bytes;
};

static void parcel_free(gpointer data)
{
	struct parcel *parcel = data;

	g_clear_object(&parcel->address);
	g_clear_pointer(&parcel->bytes, g_bytes_unref);
	g_free(parcel);
}

/* Call @step again when the socket is ready, or @task was cancelled. */
static void wait_async(GTask *task, GIOCondition condition, GSocketSourceFunc step)
{
	VmsockDatagramSocket *self = g_task_get_source_object(task);
	g_autoptr(GSource) source = NULL;

	source = g_socket_create_source(self->socket, condition, g_task_get_cancellable(task));
	g_task_attach_source(task, source, G_SOURCE_FUNC(step));
}

static gboolean send_step(GSocket *socket G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED,
			  gpointer task)
{
	struct parcel *parcel = g_task_get_task_data(task);
	GError *error = NULL;
	gconstpointer data;
	gssize sent;
	gsize size;

	if (g_task_return_error_if_cancelled(task))
		return G_SOURCE_REMOVE;
	data = g_bytes_get_data(parcel->bytes, &size);
	sent = try_send(g_task_get_source_object(task), parcel->address, data, size);
	if (sent < 0 && errno == EAGAIN) {
		wait_async(task, G_IO_OUT, send_step);
	} else if (sent < 0) {
		set_send_error(parcel->address, errno, &error);
		g_task_return_error(task, error);
	} else {
		g_task_return_int(task, sent);
	}
	return G_SOURCE_REMOVE;
}

/**
 * vmsock_datagram_socket_send_to_async:
 * @socket: a datagram socket
 * @address: where to
 * @bytes: what to send, at most [const@Vmsock.DATAGRAM_MAX] bytes
 * @cancellable: (nullable): to give up early
 * @callback: (scope async): called when it was sent or has failed
 * @user_data: for @callback
 *
 * Sends one datagram without waiting.
 */
void vmsock_datagram_socket_send_to_async(VmsockDatagramSocket *socket, VmsockAddress *address,
					  GBytes *bytes, GCancellable *cancellable,
					  GAsyncReadyCallback callback, gpointer user_data)
{
	g_autoptr(GTask) task = NULL;
	struct parcel *parcel;

	g_return_if_fail(VMSOCK_IS_DATAGRAM_SOCKET(socket));
	g_return_if_fail(VMSOCK_IS_ADDRESS(address));
	g_return_if_fail(bytes != NULL);
	parcel = g_new0(struct parcel, 1);
	parcel->address = g_object_ref(address);
	parcel->bytes = g_bytes_ref(bytes);
	task = g_task_new(socket, cancellable, callback, user_data);
	g_task_set_source_tag(task, vmsock_datagram_socket_send_to_async);
	g_task_set_task_data(task, parcel, parcel_free);
	send_step(socket->socket, G_IO_OUT, task);
}

/**
 * vmsock_datagram_socket_send_to_finish:
 * @socket: a datagram socket
 * @result: what the callback was given
 * @error: where to put an error
 *
 * Ends what [method@Vmsock.DatagramSocket.send_to_async] began, with the same errors as
 * [method@Vmsock.DatagramSocket.send_to].
 *
 * Returns: the number of bytes sent, -1 on failure
 */
gssize vmsock_datagram_socket_send_to_finish(VmsockDatagramSocket *socket, GAsyncResult *result,
					     GError **error)
{
	g_return_val_if_fail(g_task_is_valid(result, socket), -1);
	return g_task_propagate_int(G_TASK(result), error);
}

static gboolean receive_step(GSocket *socket G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED,
			     gpointer task)
{
	g_autofree guint8 *buffer = NULL;
	struct parcel *parcel;
	GError *error = NULL;
	int system_error;
	gssize got;

	if (g_task_return_error_if_cancelled(task))
		return G_SOURCE_REMOVE;
	buffer = g_malloc(VMSOCK_DATAGRAM_MAX);
	parcel = g_new0(struct parcel, 1);
	got = try_receive(g_task_get_source_object(task), &parcel->address, buffer,
			  VMSOCK_DATAGRAM_MAX);
	if (got >= 0) {
		parcel->bytes = g_bytes_new(buffer, (gsize)got);
		g_task_return_pointer(task, parcel, parcel_free);
		return G_SOURCE_REMOVE;
	}
	system_error = errno;
	g_free(parcel);
	if (system_error == EAGAIN) {
		wait_async(task, G_IO_IN, receive_step);
	} else {
		set_receive_error(system_error, &error);
		g_task_return_error(task, error);
	}
	return G_SOURCE_REMOVE;
}

/**
 * vmsock_datagram_socket_receive_from_async:
 * @socket: a datagram socket
 * @cancellable: (nullable): to give up early
 * @callback: (scope async): called when there is a datagram
 * @user_data: for @callback
 *
 * Receives one datagram without waiting.
 */
void vmsock_datagram_socket_receive_from_async(VmsockDatagramSocket *socket,
					       GCancellable *cancellable,
					       GAsyncReadyCallback callback, gpointer user_data)
{
	g_autoptr(GTask) task = NULL;

	g_return_if_fail(VMSOCK_IS_DATAGRAM_SOCKET(socket));
	task = g_task_new(socket, cancellable, callback, user_data);
	g_task_set_source_tag(task, vmsock_datagram_socket_receive_from_async);
	receive_step(socket->socket, G_IO_IN, task);
}

/**
 * vmsock_datagram_socket_receive_from_finish:
 * @socket: a datagram socket
 * @result: what the callback was given
 * @address: (out) (optional) (nullable) (transfer full): where the datagram came from
 * @error: where to put an error
 *
 * Ends what [method@Vmsock.DatagramSocket.receive_from_async] began.
 *
 * Errors: [error@Gio.IOErrorEnum.CANCELLED].
 *
 * Returns: (transfer full): the datagram
 */
GBytes *vmsock_datagram_socket_receive_from_finish(VmsockDatagramSocket *socket,
						   GAsyncResult *result, VmsockAddress **address,
						   GError **error)
{
	struct parcel *parcel;
	GBytes *bytes;

	g_return_val_if_fail(g_task_is_valid(result, socket), NULL);
	parcel = g_task_propagate_pointer(G_TASK(result), error);
	if (!parcel)
		return NULL;
	bytes = g_steal_pointer(&parcel->bytes);
	if (address)
		*address = g_steal_pointer(&parcel->address);
	parcel_free(parcel);
	return bytes;
}
