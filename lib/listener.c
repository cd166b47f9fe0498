/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * listener.c - takes connections
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * GSocketListener waits, on one socket or several, synchronously or not; this class makes the
 * sockets, which GIO cannot, and connections that know their addresses.  Its sockets do not block:
 * a client that another thread or process has taken meanwhile must not make accept() wait.
 */
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* The first descriptor that a service manager passes on. */
#define INHERITED_FIRST 3

typedef struct {
	VmsockStack *stack;
	guint64 buffer_size;
	GArray *allowed;	/* context IDs; NULL for all */
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

static void finalize(GObject *object)
{
	g_clear_pointer(&private_of(object)->allowed, g_array_unref);
	G_OBJECT_CLASS(vmsock_listener_parent_class)->finalize(object);
}

static void vmsock_listener_class_init(VmsockListenerClass *class)
{
	const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
				  G_PARAM_EXPLICIT_NOTIFY;
	GObjectClass *object_class = G_OBJECT_CLASS(class);

	object_class->get_property = get_property;
	object_class->set_property = set_property;
	object_class->dispose = dispose;
	object_class->finalize = finalize;

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

/**
 * vmsock_listener_set_allowed_cids:
 * @listener: a listener
 * @cids: (array length=count) (nullable): context IDs, %NULL for all
 * @count: how many
 *
 * Chooses who may connect. Connections of others are closed at once, unseen by the program. Without
 * a context ID are those that come through a UNIX socket; [const@Vmsock.CID_ANY] allows them.
 */
void vmsock_listener_set_allowed_cids(VmsockListener *listener, const guint32 *cids, gsize count)
{
	VmsockListenerPrivate *private;

	g_return_if_fail(VMSOCK_IS_LISTENER(listener));
	private = private_of(listener);
	g_clear_pointer(&private->allowed, g_array_unref);
	if (!cids)
		return;
	private->allowed = g_array_new(FALSE, FALSE, sizeof(*cids));
	g_array_append_vals(private->allowed, cids, (guint)count);
}

static gboolean is_welcome(VmsockListener *listener, VmsockConnection *connection)
{
	GArray *allowed = private_of(listener)->allowed;
	guint32 cid = vmsock_connection_get_peer_cid(connection);

	if (!allowed)
		return TRUE;
	for (guint i = 0; i < allowed->len; i++)
		if (g_array_index(allowed, guint32, i) == cid)
			return TRUE;
	return FALSE;
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

/* Where a monitor connects to for a port that the virtual machine calls: PATH_PORT. */
static VmsockAddress *path_of_port(VmsockAddress *address)
{
	g_autofree char *path = NULL;

	if (vmsock_address_get_kind(address) != VMSOCK_ADDRESS_KIND_MUX)
		return g_object_ref(address);
	path = g_strdup_printf("%s_%u", vmsock_address_get_path(address),
			       vmsock_address_get_port(address));
	return vmsock_address_new_unix(path);
}

static int make_unix_listener(VmsockListener *listener, VmsockAddress *address, GError **error)
{
	g_autoptr(VmsockAddress) bound = path_of_port(address);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0) {
		_vmsock_error_set(error, VMSOCK_OPERATION_SOCKET, errno, "cannot make a socket");
		return -1;
	}
	if (_vmsock_address_bind(bound, NULL, fd, error) &&
	    start_listening(listener, bound, fd, error))
		return fd;
	close(fd);
	return -1;
}

static int make_vsock_listener(VmsockListener *listener, VmsockStack *stack, VmsockAddress *address,
			       GError **error)
{
	guint64 size = private_of(listener)->buffer_size;
	int fd;

	if (vmsock_address_get_socket_type(address) == G_SOCKET_TYPE_DATAGRAM) {
		g_set_error_literal(error, VMSOCK_ERROR, VMSOCK_ERROR_NOT_SUPPORTED,
				    "a datagram address has no connections to listen for");
		return -1;
	}
	fd = _vmsock_stack_make_socket(stack, vmsock_address_get_socket_type(address), FALSE,
				       error);
	if (fd < 0)
		return -1;
	if ((!size || _vmsock_stack_set_buffer_size(stack, fd, size, error)) &&
	    _vmsock_address_bind(address, stack, fd, error) &&
	    start_listening(listener, address, fd, error))
		return fd;
	close(fd);
	return -1;
}

static int make_listener(VmsockListener *listener, VmsockAddress *address, GError **error)
{
	g_autoptr(VmsockStack) stack = NULL;

	if (vmsock_address_get_kind(address) != VMSOCK_ADDRESS_KIND_VSOCK)
		return make_unix_listener(listener, address, error);
	stack = _vmsock_stack_resolve(private_of(listener)->stack, error);
	return stack ? make_vsock_listener(listener, stack, address, error) : -1;
}

static gboolean add_descriptor(VmsockListener *listener, int fd, GError **error)
{
	g_autoptr(GSocket) socket = g_socket_new_from_fd(fd, error);

	if (!socket) {
		close(fd);
		return FALSE;
	}
	g_socket_set_blocking(socket, FALSE);
	return g_socket_listener_add_socket(G_SOCKET_LISTENER(listener), socket, NULL, error);
}

static VmsockAddress *effective_address_of(VmsockAddress *address, int fd)
{
	return vmsock_address_get_kind(address) == VMSOCK_ADDRESS_KIND_VSOCK ?
	       _vmsock_address_of_socket(fd) : g_object_ref(address);
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
 * [method@Gio.SocketListener.set_backlog] at this moment. For a port behind a monitor's UNIX
 * socket that is the UNIX socket `PATH_PORT`, to which the monitor connects when the virtual
 * machine calls that port. UNIX sockets are left in the file system, as GIO does it.
 *
 * Errors: [error@Vmsock.Error.ADDRESS_IN_USE], [error@Vmsock.Error.ADDRESS_NOT_LOCAL],
 * [error@Vmsock.Error.DENIED] for a privileged port, [error@Vmsock.Error.NOT_SUPPORTED] for an
 * address of datagrams, and those of [func@Vmsock.Stack.acquire].
 *
 * Returns: whether it listens there now
 */
gboolean vmsock_listener_add_address(VmsockListener *listener, VmsockAddress *address,
				     VmsockAddress **effective_address, GError **error)
{
	g_autoptr(VmsockAddress) effective = NULL;
	int fd;

	g_return_val_if_fail(VMSOCK_IS_LISTENER(listener), FALSE);
	g_return_val_if_fail(VMSOCK_IS_ADDRESS(address), FALSE);
	fd = make_listener(listener, address, error);
	if (fd < 0)
		return FALSE;
	effective = effective_address_of(address, fd);
	if (!add_descriptor(listener, fd, error))
		return FALSE;
	if (effective_address)
		*effective_address = g_steal_pointer(&effective);
	return TRUE;
}

/* How many descriptors the service manager has passed to this process. */
static int count_inherited(void)
{
	const char *process = g_getenv("LISTEN_PID"), *count = g_getenv("LISTEN_FDS");
	guint64 pid, fds;

	if (!process || !count ||
	    !g_ascii_string_to_unsigned(process, 10, 1, G_MAXINT, &pid, NULL) ||
	    !g_ascii_string_to_unsigned(count, 10, 1, G_MAXINT16, &fds, NULL) ||
	    pid != (guint64)getpid())
		return 0;
	return (int)fds;
}

static gboolean is_listening(int fd)
{
	int accepts = 0;
	socklen_t length = sizeof(accepts);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &length) == 0 && accepts;
}

/**
 * vmsock_listener_add_inherited:
 * @listener: a listener
 * @error: where to put an error
 *
 * Takes over the listening sockets that a service manager has passed on as `LISTEN_FDS` says,
 * whatever their family; other descriptors are left alone. The variables are removed, so that
 * neither a second call nor a child takes them again. Call this before there are other threads.
 *
 * Errors: those of [method@Gio.SocketListener.add_socket].
 *
 * Returns: the number of sockets, 0 if there are none, -1 on failure
 */
int vmsock_listener_add_inherited(VmsockListener *listener, GError **error)
{
	int count = count_inherited(), added = 0;

	g_return_val_if_fail(VMSOCK_IS_LISTENER(listener), -1);
	g_unsetenv("LISTEN_PID");
	g_unsetenv("LISTEN_FDS");
	g_unsetenv("LISTEN_FDNAMES");
	for (int fd = INHERITED_FIRST; fd < INHERITED_FIRST + count; fd++) {
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		if (!is_listening(fd))
			continue;
		if (!add_descriptor(listener, fd, error))
			return -1;
		added++;
	}
	return added;
}

/* The connection of an accepted socket, or NULL if it is not wanted. */
static VmsockConnection *admit(VmsockListener *listener, GSocket *socket)
{
	g_autoptr(VmsockConnection) connection = vmsock_connection_new_from_socket(socket);

	return is_welcome(listener, connection) ? g_steal_pointer(&connection) : NULL;
}

/* Somebody else was faster. */
static gboolean is_gone(const GError *error)
{
	return g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
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
	VmsockConnection *connection = NULL;

	g_return_val_if_fail(VMSOCK_IS_LISTENER(listener), NULL);
	while (!connection) {
		g_autoptr(GSocket) socket = NULL;
		GError *problem = NULL;

		socket = g_socket_listener_accept_socket(G_SOCKET_LISTENER(listener), NULL,
							 cancellable, &problem);
		if (socket) {
			connection = admit(listener, socket);
		} else if (is_gone(problem)) {
			g_error_free(problem);
		} else {
			g_propagate_error(error, problem);
			break;
		}
	}
	return connection;
}

static void accept_next(GTask *task);

static void on_accepted(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GTask) task = data;
	g_autoptr(GSocket) socket = NULL;
	VmsockConnection *connection = NULL;
	GError *error = NULL;

	socket = g_socket_listener_accept_socket_finish(G_SOCKET_LISTENER(source), result, NULL,
							&error);
	if (socket)
		connection = admit(VMSOCK_LISTENER(source), socket);
	if (connection) {
		g_task_return_pointer(task, connection, g_object_unref);
	} else if (socket || is_gone(error)) {
		g_clear_error(&error);
		accept_next(task);
	} else {
		g_task_return_error(task, error);
	}
}

static void accept_next(GTask *task)
{
	g_socket_listener_accept_socket_async(g_task_get_source_object(task),
					      g_task_get_cancellable(task), on_accepted,
					      g_object_ref(task));
}

/**
 * vmsock_listener_accept_async:
 * @listener: a listener
 * @cancellable: (nullable): to give up early
 * @callback: (scope async): called when there is a connection
 * @user_data: for @callback
 *
 * Takes a connection without waiting. One that was taken already when @cancellable is triggered is
 * closed.
 */
void vmsock_listener_accept_async(VmsockListener *listener, GCancellable *cancellable,
				  GAsyncReadyCallback callback, gpointer user_data)
{
	g_autoptr(GTask) task = NULL;

	g_return_if_fail(VMSOCK_IS_LISTENER(listener));
	task = g_task_new(listener, cancellable, callback, user_data);
	g_task_set_source_tag(task, vmsock_listener_accept_async);
	accept_next(task);
}

/**
 * vmsock_listener_accept_finish:
 * @listener: a listener
 * @result: what the callback was given
 * @error: where to put an error
 *
 * Ends what [method@Vmsock.Listener.accept_async] began, with the same errors as
 * [method@Vmsock.Listener.accept].
 *
 * Returns: (transfer full): the connection
 */
VmsockConnection *vmsock_listener_accept_finish(VmsockListener *listener, GAsyncResult *result,
						GError **error)
{
	g_return_val_if_fail(g_task_is_valid(result, listener), NULL);
	return g_task_propagate_pointer(G_TASK(result), error);
}
