/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * listener.c - takes connections
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * GSocketListener waits, on one socket or several, synchronously or not; this class makes the
 * sockets, which GIO cannot, and connections that know their addresses.
 */
#include "private.h"

#include <errno.h>
#include <unistd.h>

typedef struct {
	VmsockStack *stack;
	guint64 buffer_size;
} VmsockListenerPrivate;

/**
 * VmsockListener:
 *
 * Listens on addresses and takes connections. Those of [class@Gio.SocketListener] that accept work
 * too, but return connections without vsock addresses.
 */
G_DEFINE_TYPE_WITH_PRIVATE(VmsockListener, vmsock_listener, G_TYPE_SOCKET_LISTENER)

enum {
	PROP_STACK = 1,
	PROP_BUFFER_SIZE,
	N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];

static VmsockListenerPrivate *private_of(gpointer listener)
{
	return vmsock_listener_get_instance_private(VMSOCK_LISTENER(listener));
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
	VmsockListenerPrivate *private = private_of(object);

	switch (id) {
	case PROP_STACK:
		g_value_set_object(value, private->stack);
		break;
	case PROP_BUFFER_SIZE:
		g_value_set_uint64(value, private->buffer_size);
		break;
	default:
		G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
	}
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
	VmsockListener *listener = VMSOCK_LISTENER(object);

	switch (id) {
	case PROP_STACK:
		vmsock_listener_set_stack(listener, g_value_get_object(value));
		break;
	case PROP_BUFFER_SIZE:
		vmsock_listener_set_buffer_size(listener, g_value_get_uint64(value));
		break;
	default:
		G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
	}
}

static void dispose(GObject *object)
{
	g_clear_object(&private_of(object)->stack);
	G_OBJECT_CLASS(vmsock_listener_parent_class)->dispose(object);
}

static void vmsock_listener_class_init(VmsockListenerClass *class)
{
	const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
				  G_PARAM_EXPLICIT_NOTIFY;
	GObjectClass *object_class = G_OBJECT_CLASS(class);

	object_class->get_property = get_property;
	object_class->set_property = set_property;
	object_class->dispose = dispose;

	/**
	 * VmsockListener:stack:
	 *
	 * The stack to listen on; %NULL for the default one.
	 */
	properties[PROP_STACK] = g_param_spec_object("stack", NULL, NULL, VMSOCK_TYPE_STACK, flags);
	/**
	 * VmsockListener:buffer-size:
	 *
	 * Size of the queues of accepted connections in bytes; 0 for the stack's own.
	 */
	properties[PROP_BUFFER_SIZE] = g_param_spec_uint64("buffer-size", NULL, NULL, 0,
							   G_MAXUINT64, 0, flags);
	g_object_class_install_properties(object_class, N_PROPERTIES, properties);
}

static void vmsock_listener_init(VmsockListener *listener G_GNUC_UNUSED)
{
}

/**
 * vmsock_listener_new:
 *
 * Makes a listener that has no address yet.
 *
 * Returns: (transfer full): the listener
 */
VmsockListener *vmsock_listener_new(void)
{
	return g_object_new(VMSOCK_TYPE_LISTENER, NULL);
}

/**
 * vmsock_listener_set_stack:
 * @listener: a listener
 * @stack: (nullable): the stack for addresses added from now on, %NULL for the default one
 *
 * Chooses the stack.
 */
void vmsock_listener_set_stack(VmsockListener *listener, VmsockStack *stack)
{
	g_return_if_fail(VMSOCK_IS_LISTENER(listener));
	if (g_set_object(&private_of(listener)->stack, stack))
		g_object_notify_by_pspec(G_OBJECT(listener), properties[PROP_STACK]);
}

/**
 * vmsock_listener_get_stack:
 * @listener: a listener
 *
 * Returns: (transfer none) (nullable): the stack that was set
 */
VmsockStack *vmsock_listener_get_stack(VmsockListener *listener)
{
	g_return_val_if_fail(VMSOCK_IS_LISTENER(listener), NULL);
	return private_of(listener)->stack;
}

/**
 * vmsock_listener_set_buffer_size:
 * @listener: a listener
 * @bytes: the size for addresses added from now on, 0 for the stack's own
 *
 * Sets the size of the queues of connections to come.
 */
void vmsock_listener_set_buffer_size(VmsockListener *listener, guint64 bytes)
{
	g_return_if_fail(VMSOCK_IS_LISTENER(listener));
	if (private_of(listener)->buffer_size == bytes)
		return;
	private_of(listener)->buffer_size = bytes;
	g_object_notify_by_pspec(G_OBJECT(listener), properties[PROP_BUFFER_SIZE]);
}

/**
 * vmsock_listener_get_buffer_size:
 * @listener: a listener
 *
 * Returns: the size in bytes, 0 for the stack's own
 */
guint64 vmsock_listener_get_buffer_size(VmsockListener *listener)
{
	g_return_val_if_fail(VMSOCK_IS_LISTENER(listener), 0);
	return private_of(listener)->buffer_size;
}

static gboolean start_listening(VmsockListener *listener, VmsockAddress *address, int fd,
				GError **error)
{
	g_autofree char *text = NULL;
	int backlog;

	g_object_get(listener, "listen-backlog", &backlog, NULL);
	if (listen(fd, backlog) == 0)
		return TRUE;
	text = vmsock_address_to_string(address);
	_vmsock_error_set(error, VMSOCK_OPERATION_LISTEN, errno, "cannot listen on %s", text);
	return FALSE;
}

static int make_listener(VmsockListener *listener, VmsockStack *stack, VmsockAddress *address,
			 GError **error)
{
	guint64 size = private_of(listener)->buffer_size;
	int fd;

	if (vmsock_address_get_socket_type(address) == G_SOCKET_TYPE_DATAGRAM) {
		g_set_error_literal(error, VMSOCK_ERROR, VMSOCK_ERROR_NOT_SUPPORTED,
				    "a datagram address has no connections to listen for");
		return -1;
	}
	fd = _vmsock_stack_make_socket(stack, vmsock_address_get_socket_type(address), error);
	if (fd < 0)
		return -1;
	if ((!size || _vmsock_stack_set_buffer_size(stack, fd, size, error)) &&
	    _vmsock_address_bind(address, stack, fd, error) &&
	    start_listening(listener, address, fd, error))
		return fd;
	close(fd);
	return -1;
}

/**
 * vmsock_listener_add_address:
 * @listener: a listener
 * @address: where to listen; any context and any port are possible
 * @effective_address: (out) (optional) (transfer full): the address that was bound, with the port
 *   that was chosen
 * @error: where to put an error
 *
 * Starts to listen on an address. The backlog is that of
 * [method@Gio.SocketListener.set_backlog] at this moment.
 *
 * Errors: [enum@Vmsock.Error.ADDRESS_IN_USE], [enum@Vmsock.Error.ADDRESS_NOT_LOCAL],
 * [enum@Vmsock.Error.DENIED] for a privileged port, and those of [func@Vmsock.Stack.acquire].
 *
 * Returns: whether it listens there now
 */
gboolean vmsock_listener_add_address(VmsockListener *listener, VmsockAddress *address,
				     VmsockAddress **effective_address, GError **error)
{
	g_autoptr(VmsockStack) stack = NULL;
	g_autoptr(GSocket) socket = NULL;
	int fd;

	g_return_val_if_fail(VMSOCK_IS_LISTENER(listener), FALSE);
	g_return_val_if_fail(VMSOCK_IS_ADDRESS(address), FALSE);
	stack = _vmsock_stack_resolve(private_of(listener)->stack, error);
	if (!stack)
		return FALSE;
	fd = make_listener(listener, stack, address, error);
	if (fd < 0)
		return FALSE;
	socket = g_socket_new_from_fd(fd, error);
	if (!socket) {
		close(fd);
		return FALSE;
	}
	if (!g_socket_listener_add_socket(G_SOCKET_LISTENER(listener), socket, NULL, error))
		return FALSE;
	if (effective_address)
		*effective_address = _vmsock_address_of_socket(fd);
	return TRUE;
}

/**
 * vmsock_listener_accept:
 * @listener: a listener
 * @cancellable: (nullable): to give up early
 * @error: where to put an error
 *
 * Waits for a connection on any of the addresses.
 *
 * Errors: those of [method@Gio.SocketListener.accept].
 *
 * Returns: (transfer full): the connection
 */
VmsockConnection *vmsock_listener_accept(VmsockListener *listener, GCancellable *cancellable,
					 GError **error)
{
	g_autoptr(GSocket) socket = NULL;

	g_return_val_if_fail(VMSOCK_IS_LISTENER(listener), NULL);
	socket = g_socket_listener_accept_socket(G_SOCKET_LISTENER(listener), NULL, cancellable,
						 error);
	return socket ? vmsock_connection_new_from_socket(socket) : NULL;
}

static void on_accepted(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GTask) task = data;
	g_autoptr(GSocket) socket = NULL;
	GError *error = NULL;

	socket = g_socket_listener_accept_socket_finish(G_SOCKET_LISTENER(source), result, NULL,
							&error);
	if (socket)
		g_task_return_pointer(task, vmsock_connection_new_from_socket(socket),
				      g_object_unref);
	else
		g_task_return_error(task, error);
}

/**
 * vmsock_listener_accept_async:
 * @listener: a listener
 * @cancellable: (nullable): to give up early
 * @callback: (scope async): called when there is a connection
 * @user_data: for @callback
 *
 * Takes a connection without waiting.
 */
void vmsock_listener_accept_async(VmsockListener *listener, GCancellable *cancellable,
				  GAsyncReadyCallback callback, gpointer user_data)
{
	GTask *task;

	g_return_if_fail(VMSOCK_IS_LISTENER(listener));
	task = g_task_new(listener, cancellable, callback, user_data);
	g_task_set_source_tag(task, vmsock_listener_accept_async);
	g_socket_listener_accept_socket_async(G_SOCKET_LISTENER(listener), cancellable,
					      on_accepted, task);
}

/**
 * vmsock_listener_accept_finish:
 * @listener: a listener
 * @result: what the callback was given
 * @error: where to put an error
 *
 * Ends what [method@Vmsock.Listener.accept_async] began.
 *
 * Returns: (transfer full): the connection
 */
VmsockConnection *vmsock_listener_accept_finish(VmsockListener *listener, GAsyncResult *result,
						GError **error)
{
	g_return_val_if_fail(g_task_is_valid(result, listener), NULL);
	return g_task_propagate_pointer(G_TASK(result), error);
}
