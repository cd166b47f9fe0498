/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client.c - makes connections
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * What a connect does is in attempt.c; here is what waits for it.
 */
#include "attempt.h"

/**
 * VmsockClient:
 *
 * Makes connections, with the settings that a socket must have before it connects. Settings hold
 * for connections made afterwards.
 */
struct _VmsockClient {
	GObject parent_instance;
	struct attempt_settings settings;
	VmsockStack *kept;	/* the default one, so that it is not looked up for each connect */
};

G_DEFINE_FINAL_TYPE(VmsockClient, vmsock_client, G_TYPE_OBJECT)

enum {
	PROP_STACK = 1,
	PROP_LOCAL_ADDRESS,
	PROP_CONNECT_TIMEOUT,
	PROP_BUFFER_SIZE,
	PROP_DEADLINE,
	PROP_RETRY,
	N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];
static guint event_signal;

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
	VmsockClient *client = VMSOCK_CLIENT(object);

	switch (id) {
	case PROP_STACK:
		g_value_set_object(value, client->settings.stack);
		break;
	case PROP_LOCAL_ADDRESS:
		g_value_set_object(value, client->settings.local_address);
		break;
	case PROP_CONNECT_TIMEOUT:
		g_value_set_uint(value, client->settings.connect_timeout);
		break;
	case PROP_BUFFER_SIZE:
		g_value_set_uint64(value, client->settings.buffer_size);
		break;
	case PROP_DEADLINE:
		g_value_set_uint(value, client->settings.deadline);
		break;
	case PROP_RETRY:
		g_value_set_boolean(value, client->settings.retry);
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
	case PROP_DEADLINE:
		vmsock_client_set_deadline(client, g_value_get_uint(value));
		break;
	case PROP_RETRY:
		vmsock_client_set_retry(client, g_value_get_boolean(value));
		break;
	default:
		G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
	}
}

static void dispose(GObject *object)
{
	VmsockClient *client = VMSOCK_CLIENT(object);

	g_clear_object(&client->settings.stack);
	g_clear_object(&client->settings.local_address);
	g_clear_object(&client->kept);
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
	 * The stack to connect through; %NULL for the default one, which is kept from one connect
	 * to the next, and looked up again after one that failed.
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
	 * It holds for each try.
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
	/**
	 * VmsockClient:deadline:
	 *
	 * How long a connect may take in all, retries and pauses included, in milliseconds; 0 for
	 * no limit.
	 */
	properties[PROP_DEADLINE] = g_param_spec_uint("deadline", NULL, NULL, 0, G_MAXUINT, 0,
						      flags);
	/**
	 * VmsockClient:retry:
	 *
	 * Whether to try again after failures that may pass, above all while nobody listens yet.
	 */
	properties[PROP_RETRY] = g_param_spec_boolean("retry", NULL, NULL, FALSE, flags);
	g_object_class_install_properties(object_class, N_PROPERTIES, properties);

	/**
	 * VmsockClient::event:
	 * @client: the client
	 * @event: what happens
	 * @connectable: the address
	 * @connection: (nullable): the connection, as far as it is made
	 *
	 * Tells of progress, as [signal@Gio.SocketClient::event] does:
	 * %G_SOCKET_CLIENT_CONNECTING before each try, %G_SOCKET_CLIENT_CONNECTED,
	 * %G_SOCKET_CLIENT_PROXY_NEGOTIATING and %G_SOCKET_CLIENT_PROXY_NEGOTIATED around the
	 * handshake with a monitor, %G_SOCKET_CLIENT_COMPLETE. Handlers run in the thread that
	 * connects.
	 */
	event_signal = g_signal_new("event", VMSOCK_TYPE_CLIENT, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
				    NULL, G_TYPE_NONE, 3, G_TYPE_SOCKET_CLIENT_EVENT,
				    G_TYPE_SOCKET_CONNECTABLE, G_TYPE_IO_STREAM);
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
	if (g_set_object(&client->settings.stack, stack))
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
	return client->settings.stack;
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
	if (g_set_object(&client->settings.local_address, address))
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
	return client->settings.local_address;
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
	if (client->settings.connect_timeout == milliseconds)
		return;
	client->settings.connect_timeout = milliseconds;
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
	return client->settings.connect_timeout;
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
	if (client->settings.buffer_size == bytes)
		return;
	client->settings.buffer_size = bytes;
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
	return client->settings.buffer_size;
}

/**
 * vmsock_client_set_deadline:
 * @client: a client
 * @milliseconds: the limit, 0 for none
 *
 * Limits how long a connect may take in all, retries and pauses included.
 */
void vmsock_client_set_deadline(VmsockClient *client, guint milliseconds)
{
	g_return_if_fail(VMSOCK_IS_CLIENT(client));
	if (client->settings.deadline == milliseconds)
		return;
	client->settings.deadline = milliseconds;
	g_object_notify_by_pspec(G_OBJECT(client), properties[PROP_DEADLINE]);
}

/**
 * vmsock_client_get_deadline:
 * @client: a client
 *
 * Returns: the limit in milliseconds, 0 for none
 */
guint vmsock_client_get_deadline(VmsockClient *client)
{
	g_return_val_if_fail(VMSOCK_IS_CLIENT(client), 0);
	return client->settings.deadline;
}

/**
 * vmsock_client_set_retry:
 * @client: a client
 * @retry: whether to try again
 *
 * Chooses what happens when nobody listens, the machine cannot be reached, it does not answer in
 * time, it ends the connection at once, or resources are short: whether the connect fails, or tries
 * again until the deadline or until it is cancelled. The first pause is 10 ms, each further one
 * twice as long, up to a second.
 */
void vmsock_client_set_retry(VmsockClient *client, gboolean retry)
{
	g_return_if_fail(VMSOCK_IS_CLIENT(client));
	retry = !!retry;
	if (client->settings.retry == retry)
		return;
	client->settings.retry = retry;
	g_object_notify_by_pspec(G_OBJECT(client), properties[PROP_RETRY]);
}

/**
 * vmsock_client_get_retry:
 * @client: a client
 *
 * Returns: whether failures that may pass are tried again
 */
gboolean vmsock_client_get_retry(VmsockClient *client)
{
	g_return_val_if_fail(VMSOCK_IS_CLIENT(client), FALSE);
	return client->settings.retry;
}

/* Takes @stack.  Any number of threads may connect at once. */
static void keep(VmsockClient *client, VmsockStack *stack)
{
	if (!g_atomic_pointer_compare_and_exchange(&client->kept, NULL, stack))
		g_object_unref(stack);
}

VmsockStack *_vmsock_client_get_stack(VmsockClient *client, VmsockStack *chosen, GError **error)
{
	VmsockStack *stack = _vmsock_stack_resolve(chosen, error);

	if (stack && !chosen && !g_atomic_pointer_get(&client->kept))
		keep(client, g_object_ref(stack));
	return stack;
}

void _vmsock_client_drop_stack(VmsockClient *client)
{
	VmsockStack *kept = g_atomic_pointer_get(&client->kept);

	if (kept && g_atomic_pointer_compare_and_exchange(&client->kept, kept, NULL))
		g_object_unref(kept);
}

void _vmsock_client_tell(VmsockClient *client, GSocketClientEvent event, VmsockAddress *address,
			 VmsockConnection *connection)
{
	g_signal_emit(client, event_signal, 0, event, address, connection);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsockAttempt, _vmsock_attempt_free)

/* Waiting without a main loop */

static void sleep_until_cancelled(gint64 microseconds, GCancellable *cancellable)
{
	int milliseconds = microseconds < 0 ? -1 : (int)MIN((microseconds + 999) / 1000, G_MAXINT);
	GPollFD poll_fd = { 0 };
	gboolean usable = g_cancellable_make_pollfd(cancellable, &poll_fd);

	g_poll(&poll_fd, usable ? 1 : 0, milliseconds);
	if (usable)
		g_cancellable_release_fd(cancellable);
}

static GIOCondition condition_for(enum attempt_need need)
{
	return need == ATTEMPT_READABLE ? G_IO_IN : G_IO_OUT;
}

/* What else goes wrong than the time running out, the attempt sees for itself. */
static void wait_for(VmsockAttempt *attempt, enum attempt_need need, GCancellable *cancellable)
{
	gint64 patience = _vmsock_attempt_get_patience(attempt);

	if (need == ATTEMPT_TIME)
		sleep_until_cancelled(patience, cancellable);
	else
		g_socket_condition_timed_wait(_vmsock_attempt_get_socket(attempt),
					      condition_for(need), patience, cancellable, NULL);
}

/**
 * vmsock_client_connect:
 * @client: a client
 * @address: where to connect to
 * @cancellable: (nullable): to give up early
 * @error: where to put an error
 *
 * Connects, and waits until that has succeeded or failed. To a port behind a monitor's UNIX socket
 * the handshake with the monitor is a part of it. The local address is for context IDs only.
 *
 * Errors: [error@Gio.IOErrorEnum.CANCELLED]; [error@Vmsock.Error.NO_LISTENER],
 * [error@Vmsock.Error.UNREACHABLE], [error@Vmsock.Error.TIMED_OUT] also at the deadline,
 * [error@Vmsock.Error.DENIED], [error@Vmsock.Error.NO_DEVICE], [error@Vmsock.Error.NO_RESOURCES],
 * [error@Vmsock.Error.PROTOCOL], [error@Vmsock.Error.NOT_SUPPORTED]; those of binding, if there is
 * a local address; those of [func@Vmsock.Stack.acquire].
 *
 * Returns: (transfer full): the connection
 */
VmsockConnection *vmsock_client_connect(VmsockClient *client, VmsockAddress *address,
					GCancellable *cancellable, GError **error)
{
	g_autoptr(VmsockAttempt) attempt = NULL;
	enum attempt_need need;

	g_return_val_if_fail(VMSOCK_IS_CLIENT(client), NULL);
	g_return_val_if_fail(VMSOCK_IS_ADDRESS(address), NULL);
	attempt = _vmsock_attempt_new(client, &client->settings, address, !cancellable);
	for (;;) {
		if (g_cancellable_set_error_if_cancelled(cancellable, error))
			return NULL;
		need = _vmsock_attempt_advance(attempt, error);
		if (need == ATTEMPT_DONE)
			return _vmsock_attempt_take_connection(attempt);
		if (need == ATTEMPT_FAILED)
			return NULL;
		wait_for(attempt, need, cancellable);
	}
}

/* Waiting with a main loop */

static void advance(GTask *task);

static gboolean on_time(gpointer task)
{
	advance(task);
	return G_SOURCE_REMOVE;
}

static gboolean on_socket(GSocket *socket G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED,
			  gpointer task)
{
	advance(task);
	return G_SOURCE_REMOVE;
}

static GSource *make_timer(gint64 microseconds)
{
	return g_timeout_source_new((guint)MIN((microseconds + 999) / 1000, G_MAXUINT));
}

/* Make @source end when @child would. */
static void add_child(GSource *source, GSource *child)
{
	g_source_set_dummy_callback(child);
	g_source_add_child_source(source, child);
	g_source_unref(child);
}

static void wait_for_time(GTask *task, gint64 patience)
{
	g_autoptr(GSource) source = make_timer(patience);

	if (g_task_get_cancellable(task))
		add_child(source, g_cancellable_source_new(g_task_get_cancellable(task)));
	g_task_attach_source(task, source, on_time);
}

static void wait_for_socket(GTask *task, GSocket *socket, GIOCondition condition, gint64 patience)
{
	g_autoptr(GSource) source = NULL;

	source = g_socket_create_source(socket, condition, g_task_get_cancellable(task));
	if (patience >= 0)
		add_child(source, make_timer(patience));
	g_task_attach_source(task, source, G_SOURCE_FUNC(on_socket));
}

static void advance(GTask *task)
{
	VmsockAttempt *attempt = g_task_get_task_data(task);
	GError *error = NULL;
	enum attempt_need need;

	if (g_task_return_error_if_cancelled(task))
		return;
	need = _vmsock_attempt_advance(attempt, &error);
	switch (need) {
	case ATTEMPT_DONE:
		g_task_return_pointer(task, _vmsock_attempt_take_connection(attempt),
				      g_object_unref);
		break;
	case ATTEMPT_FAILED:
		g_task_return_error(task, error);
		break;
	case ATTEMPT_TIME:
		wait_for_time(task, _vmsock_attempt_get_patience(attempt));
		break;
	default:
		wait_for_socket(task, _vmsock_attempt_get_socket(attempt), condition_for(need),
				_vmsock_attempt_get_patience(attempt));
	}
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

	g_return_if_fail(VMSOCK_IS_CLIENT(client));
	g_return_if_fail(VMSOCK_IS_ADDRESS(address));
	task = g_task_new(client, cancellable, callback, user_data);
	g_task_set_source_tag(task, vmsock_client_connect_async);
	g_task_set_task_data(task,
			     _vmsock_attempt_new(client, &client->settings, address, FALSE),
			     (GDestroyNotify)_vmsock_attempt_free);
	advance(task);
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

/**
 * vmsock_client_connect_to:
 * @client: a client
 * @text: where to connect to, as [func@Vmsock.Address.parse] has it
 * @default_port: the port of a text that may go without one
 * @cancellable: (nullable): to give up early
 * @error: where to put an error
 *
 * Connects to an address that somebody has written.
 *
 * Errors: those of [func@Vmsock.Address.parse] and [method@Vmsock.Client.connect].
 *
 * Returns: (transfer full): the connection
 */
VmsockConnection *vmsock_client_connect_to(VmsockClient *client, const char *text,
					   guint32 default_port, GCancellable *cancellable,
					   GError **error)
{
	g_autoptr(VmsockAddress) address = NULL;

	g_return_val_if_fail(VMSOCK_IS_CLIENT(client), NULL);
	address = vmsock_address_parse_with_default_port(text, default_port, error);
	return address ? vmsock_client_connect(client, address, cancellable, error) : NULL;
}

/**
 * vmsock_client_connect_to_async:
 * @client: a client
 * @text: where to connect to, as [func@Vmsock.Address.parse] has it
 * @default_port: the port of a text that may go without one
 * @cancellable: (nullable): to give up early
 * @callback: (scope async): called when the connection is made or has failed
 * @user_data: for @callback
 *
 * Connects to an address that somebody has written, without waiting. End it with
 * [method@Vmsock.Client.connect_finish].
 */
void vmsock_client_connect_to_async(VmsockClient *client, const char *text, guint32 default_port,
				    GCancellable *cancellable, GAsyncReadyCallback callback,
				    gpointer user_data)
{
	g_autoptr(VmsockAddress) address = NULL;
	GError *error = NULL;

	g_return_if_fail(VMSOCK_IS_CLIENT(client));
	address = vmsock_address_parse_with_default_port(text, default_port, &error);
	if (address)
		vmsock_client_connect_async(client, address, cancellable, callback, user_data);
	else
		g_task_report_error(client, callback, user_data, vmsock_client_connect_to_async,
				    error);
}
