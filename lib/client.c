/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client.c - makes connections
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The socket is wrapped before it is connected, and GSocket does the connecting: so it knows the
 * peer's address and that it is connected, which it cannot find out by itself for this family.
 * The wait is ours, for the exact system error and for cancellation.
 */
#include "private.h"

#include <errno.h>
#include <unistd.h>

/**
 * VmsockClient:
 *
 * Makes connections, with the settings that a socket must have before it connects. Settings hold
 * for connections made afterwards.
 */
struct _VmsockClient {
	GObject parent_instance;
	VmsockStack *stack;
	VmsockAddress *local_address;
	guint connect_timeout;
	guint64 buffer_size;
};

G_DEFINE_FINAL_TYPE(VmsockClient, vmsock_client, G_TYPE_OBJECT)

enum {
	PROP_STACK = 1,
	PROP_LOCAL_ADDRESS,
	PROP_CONNECT_TIMEOUT,
	PROP_BUFFER_SIZE,
	N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
	VmsockClient *client = VMSOCK_CLIENT(object);

	switch (id) {
	case PROP_STACK:
		g_value_set_object(value, client->stack);
		break;
	case PROP_LOCAL_ADDRESS:
		g_value_set_object(value, client->local_address);
		break;
	case PROP_CONNECT_TIMEOUT:
		g_value_set_uint(value, client->connect_timeout);
		break;
	case PROP_BUFFER_SIZE:
		g_value_set_uint64(value, client->buffer_size);
		break;
	default:
		G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
	}
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
	VmsockClient *client = VMSOCK_CLIENT(object);

	switch (id) {
	case PROP_STACK:
		vmsock_client_set_stack(client, g_value_get_object(value));
		break;
	case PROP_LOCAL_ADDRESS:
		vmsock_client_set_local_address(client, g_value_get_object(value));
		break;
	case PROP_CONNECT_TIMEOUT:
		vmsock_client_set_connect_timeout(client, g_value_get_uint(value));
		break;
	case PROP_BUFFER_SIZE:
		vmsock_client_set_buffer_size(client, g_value_get_uint64(value));
		break;
	default:
		G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
	}
}

static void dispose(GObject *object)
{
	VmsockClient *client = VMSOCK_CLIENT(object);

	g_clear_object(&client->stack);
	g_clear_object(&client->local_address);
	G_OBJECT_CLASS(vmsock_client_parent_class)->dispose(object);
}

static void vmsock_client_class_init(VmsockClientClass *class)
{
	const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
				  G_PARAM_EXPLICIT_NOTIFY;
	GObjectClass *object_class = G_OBJECT_CLASS(class);

	object_class->get_property = get_property;
	object_class->set_property = set_property;
	object_class->dispose = dispose;

	/**
	 * VmsockClient:stack:
	 *
	 * The stack to connect through; %NULL for the default one.
	 */
	properties[PROP_STACK] = g_param_spec_object("stack", NULL, NULL, VMSOCK_TYPE_STACK, flags);
	/**
	 * VmsockClient:local-address:
	 *
	 * The address to connect from; %NULL to have one chosen.
	 */
	properties[PROP_LOCAL_ADDRESS] = g_param_spec_object("local-address", NULL, NULL,
							     VMSOCK_TYPE_ADDRESS, flags);
	/**
	 * VmsockClient:connect-timeout:
	 *
	 * How long a peer may take to answer, in milliseconds; 0 for the stack's own limit (2 s).
	 */
	properties[PROP_CONNECT_TIMEOUT] = g_param_spec_uint("connect-timeout", NULL, NULL, 0,
							     G_MAXUINT, 0, flags);
	/**
	 * VmsockClient:buffer-size:
	 *
	 * Size of the queues of a connection in bytes; 0 for the stack's own.
	 */
	properties[PROP_BUFFER_SIZE] = g_param_spec_uint64("buffer-size", NULL, NULL, 0,
							   G_MAXUINT64, 0, flags);
	g_object_class_install_properties(object_class, N_PROPERTIES, properties);
}

static void vmsock_client_init(VmsockClient *client G_GNUC_UNUSED)
{
}

/**
 * vmsock_client_new:
 *
 * Makes a client with the stack's own settings.
 *
 * Returns: (transfer full): the client
 */
VmsockClient *vmsock_client_new(void)
{
	return g_object_new(VMSOCK_TYPE_CLIENT, NULL);
}

/**
 * vmsock_client_set_stack:
 * @client: a client
 * @stack: (nullable): the stack to connect through, %NULL for the default one
 *
 * Chooses the stack.
 */
void vmsock_client_set_stack(VmsockClient *client, VmsockStack *stack)
{
	g_return_if_fail(VMSOCK_IS_CLIENT(client));
	if (g_set_object(&client->stack, stack))
		g_object_notify_by_pspec(G_OBJECT(client), properties[PROP_STACK]);
}

/**
 * vmsock_client_get_stack:
 * @client: a client
 *
 * Returns: (transfer none) (nullable): the stack that was set
 */
VmsockStack *vmsock_client_get_stack(VmsockClient *client)
{
	g_return_val_if_fail(VMSOCK_IS_CLIENT(client), NULL);
	return client->stack;
}

/**
 * vmsock_client_set_local_address:
 * @client: a client
 * @address: (nullable): where to connect from, %NULL to have an address chosen
 *
 * Chooses the address, and so the port, that the peer sees.
 */
void vmsock_client_set_local_address(VmsockClient *client, VmsockAddress *address)
{
	g_return_if_fail(VMSOCK_IS_CLIENT(client));
	if (g_set_object(&client->local_address, address))
		g_object_notify_by_pspec(G_OBJECT(client), properties[PROP_LOCAL_ADDRESS]);
}

/**
 * vmsock_client_get_local_address:
 * @client: a client
 *
 * Returns: (transfer none) (nullable): the address that was set
 */
VmsockAddress *vmsock_client_get_local_address(VmsockClient *client)
{
	g_return_val_if_fail(VMSOCK_IS_CLIENT(client), NULL);
	return client->local_address;
}

/**
 * vmsock_client_set_connect_timeout:
 * @client: a client
 * @milliseconds: the limit, 0 for the stack's own
 *
 * Limits how long a peer may take to answer.
 */
void vmsock_client_set_connect_timeout(VmsockClient *client, guint milliseconds)
{
	g_return_if_fail(VMSOCK_IS_CLIENT(client));
	if (client->connect_timeout == milliseconds)
		return;
	client->connect_timeout = milliseconds;
	g_object_notify_by_pspec(G_OBJECT(client), properties[PROP_CONNECT_TIMEOUT]);
}

/**
 * vmsock_client_get_connect_timeout:
 * @client: a client
 *
 * Returns: the limit in milliseconds, 0 for the stack's own
 */
guint vmsock_client_get_connect_timeout(VmsockClient *client)
{
	g_return_val_if_fail(VMSOCK_IS_CLIENT(client), 0);
	return client->connect_timeout;
}

/**
 * vmsock_client_set_buffer_size:
 * @client: a client
 * @bytes: the size, 0 for the stack's own
 *
 * Sets the size of the queues of connections to come.
 */
void vmsock_client_set_buffer_size(VmsockClient *client, guint64 bytes)
{
	g_return_if_fail(VMSOCK_IS_CLIENT(client));
	if (client->buffer_size == bytes)
		return;
	client->buffer_size = bytes;
	g_object_notify_by_pspec(G_OBJECT(client), properties[PROP_BUFFER_SIZE]);
}

/**
 * vmsock_client_get_buffer_size:
 * @client: a client
 *
 * Returns: the size in bytes, 0 for the stack's own
 */
guint64 vmsock_client_get_buffer_size(VmsockClient *client)
{
	g_return_val_if_fail(VMSOCK_IS_CLIENT(client), 0);
	return client->buffer_size;
}

static gboolean set_connect_timeout(VmsockStack *stack, int fd, guint milliseconds, GError **error)
{
	struct timeval limit = {
		.tv_sec = milliseconds / 1000,
		.tv_usec = milliseconds % 1000 * 1000,
	};

	if (setsockopt(fd, vmsock_stack_get_family(stack), SO_VMCI_CONNECT_TIMEOUT,
		       &limit, sizeof(limit)) == 0)
		return TRUE;
	_vmsock_error_set(error, VMSOCK_OPERATION_OPTION, errno,
			  "cannot set the connect timeout to %u ms", milliseconds);
	return FALSE;
}

static gboolean prepare(VmsockClient *client, VmsockStack *stack, int fd, GError **error)
{
	if (client->buffer_size &&
	    !_vmsock_stack_set_buffer_size(stack, fd, client->buffer_size, error))
		return FALSE;
	if (client->connect_timeout &&
	    !set_connect_timeout(stack, fd, client->connect_timeout, error))
		return FALSE;
	return !client->local_address ||
	       _vmsock_address_bind(client->local_address, stack, fd, error);
}

static GSocket *make_socket(VmsockClient *client, VmsockStack *stack, GSocketType type,
			    GError **error)
{
	GSocket *socket;
	int fd;

	if (type == G_SOCKET_TYPE_DATAGRAM) {
		g_set_error_literal(error, VMSOCK_ERROR, VMSOCK_ERROR_NOT_SUPPORTED,
				    "a datagram address cannot be connected to as a stream");
		return NULL;
	}
	fd = _vmsock_stack_make_socket(stack, type, error);
	if (fd < 0)
		return NULL;
	socket = prepare(client, stack, fd, error) ? g_socket_new_from_fd(fd, error) : NULL;
	if (!socket)
		close(fd);
	return socket;
}

static void set_connect_error(VmsockAddress *address, int system_error, GError **error)
{
	g_autofree char *text = vmsock_address_to_string(address);

	_vmsock_error_set(error, VMSOCK_OPERATION_CONNECT, system_error, "cannot connect to %s",
			  text);
}

/* A socket whose connection is made or being made.  Without a place for its own error, GSocket
 * leaves that of connect() in errno. */
static GSocket *start(VmsockClient *client, VmsockAddress *address, GError **error)
{
	g_autoptr(VmsockStack) stack = _vmsock_stack_resolve(client->stack, error);
	g_autoptr(VmsockAddress) bound = NULL;
	g_autoptr(GSocket) socket = NULL;

	if (!stack)
		return NULL;
	socket = make_socket(client, stack, vmsock_address_get_socket_type(address), error);
	if (!socket)
		return NULL;
	bound = _vmsock_address_for_stack(address, stack);
	g_socket_set_blocking(socket, FALSE);
	errno = 0;
	if (!g_socket_connect(socket, G_SOCKET_ADDRESS(bound), NULL, NULL) &&
	    errno != EINPROGRESS) {
		set_connect_error(address, errno ? errno : EIO, error);
		return NULL;
	}
	return g_steal_pointer(&socket);
}

/* What became of it, once it is writable. */
static VmsockConnection *conclude(GSocket *socket, VmsockAddress *address, GError **error)
{
	int system_error = 0;

	if (!g_socket_get_option(socket, SOL_SOCKET, SO_ERROR, &system_error, error))
		return NULL;
	if (system_error) {
		set_connect_error(address, system_error, error);
		return NULL;
	}
	if (!g_socket_check_connect_result(socket, error))
		return NULL;
	g_socket_set_blocking(socket, TRUE);
	return vmsock_connection_new_from_socket(socket);
}

/**
 * vmsock_client_connect:
 * @client: a client
 * @address: where to connect to
 * @cancellable: (nullable): to give up early
 * @error: where to put an error
 *
 * Connects, and waits until that has succeeded or failed.
 *
 * Errors: [enum@Gio.IOErrorEnum.CANCELLED]; [enum@Vmsock.Error.NO_LISTENER],
 * [enum@Vmsock.Error.UNREACHABLE], [enum@Vmsock.Error.TIMED_OUT], [enum@Vmsock.Error.DENIED],
 * [enum@Vmsock.Error.NO_DEVICE], [enum@Vmsock.Error.NO_RESOURCES],
 * [enum@Vmsock.Error.PROTOCOL]; those of binding, if there is a local address; those of
 * [func@Vmsock.Stack.acquire].
 *
 * Returns: (transfer full): the connection
 */
VmsockConnection *vmsock_client_connect(VmsockClient *client, VmsockAddress *address,
					GCancellable *cancellable, GError **error)
{
	g_autoptr(GSocket) socket = NULL;

	g_return_val_if_fail(VMSOCK_IS_CLIENT(client), NULL);
	g_return_val_if_fail(VMSOCK_IS_ADDRESS(address), NULL);
	if (g_cancellable_set_error_if_cancelled(cancellable, error))
		return NULL;
	socket = start(client, address, error);
	if (!socket || !g_socket_condition_wait(socket, G_IO_OUT, cancellable, error))
		return NULL;
	return conclude(socket, address, error);
}

static gboolean on_writable(GSocket *socket, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
	GTask *task = data;
	VmsockConnection *connection;
	GError *error = NULL;

	if (g_task_return_error_if_cancelled(task))
		return G_SOURCE_REMOVE;
	connection = conclude(socket, g_task_get_task_data(task), &error);
	if (connection)
		g_task_return_pointer(task, connection, g_object_unref);
	else
		g_task_return_error(task, error);
	return G_SOURCE_REMOVE;
}

/**
 * vmsock_client_connect_async:
 * @client: a client
 * @address: where to connect to
 * @cancellable: (nullable): to give up early
 * @callback: (scope async): called when the connection is made or has failed
 * @user_data: for @callback
 *
 * Connects without waiting. Settings of @client may be changed while this goes on.
 */
void vmsock_client_connect_async(VmsockClient *client, VmsockAddress *address,
				 GCancellable *cancellable, GAsyncReadyCallback callback,
				 gpointer user_data)
{
	g_autoptr(GTask) task = NULL;
	g_autoptr(GSource) source = NULL;
	g_autoptr(GSocket) socket = NULL;
	GError *error = NULL;

	g_return_if_fail(VMSOCK_IS_CLIENT(client));
	g_return_if_fail(VMSOCK_IS_ADDRESS(address));
	task = g_task_new(client, cancellable, callback, user_data);
	g_task_set_source_tag(task, vmsock_client_connect_async);
	g_task_set_task_data(task, g_object_ref(address), g_object_unref);
	if (g_task_return_error_if_cancelled(task))
		return;
	socket = start(client, address, &error);
	if (!socket) {
		g_task_return_error(task, error);
		return;
	}
	source = g_socket_create_source(socket, G_IO_OUT, cancellable);
	g_task_attach_source(task, source, G_SOURCE_FUNC(on_writable));
}

/**
 * vmsock_client_connect_finish:
 * @client: a client
 * @result: what the callback was given
 * @error: where to put an error
 *
 * Ends what [method@Vmsock.Client.connect_async] began, with the same errors as
 * [method@Vmsock.Client.connect].
 *
 * Returns: (transfer full): the connection
 */
VmsockConnection *vmsock_client_connect_finish(VmsockClient *client, GAsyncResult *result,
					       GError **error)
{
	g_return_val_if_fail(g_task_is_valid(result, client), NULL);
	return g_task_propagate_pointer(G_TASK(result), error);
}
