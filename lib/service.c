/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * service.c - serves whoever connects
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A service accepts in the main context that was the default of the thread that made it.  A
 * connection counts from its acceptance until its last reference is gone, which may be in any
 * thread: @lock guards what that touches, and an idle source brings the news to the main context.
 * Each counted connection keeps a reference to its service.
 */
#include "private.h"

/* After an accept that failed, for want of descriptors, say. */
#define PAUSE_MS 100

typedef struct {
	GMainContext *context;
	gboolean active;
	GCancellable *accepting;	/* ends the accept under way; NULL if there is none */
	GSource *pause;
	GMutex lock;
	guint connections, max_connections;
	GList *drains;			/* tasks that wait for the last connection to end */
} VmsockServicePrivate;

/**
 * VmsockService:
 *
 * A listener that accepts by itself and tells of each connection with
 * [signal@Vmsock.Service::incoming], in the main context that was the default one of the thread
 * that made the service. Add addresses, connect the signal, and start it.
 */
G_DEFINE_TYPE_WITH_PRIVATE(VmsockService, vmsock_service, VMSOCK_TYPE_LISTENER)

enum {
	PROP_ACTIVE = 1,
	PROP_MAX_CONNECTIONS,
	N_PROPERTIES
};

static GParamSpec *properties[N_PROPERTIES];
static guint incoming_signal;

static VmsockServicePrivate *private_of(gpointer service)
{
	return vmsock_service_get_instance_private(VMSOCK_SERVICE(service));
}

static void update(VmsockService *service);

/* Connections that come and go */

/* In the main context, after the number of connections has changed. */
static gboolean on_count(gpointer data)
{
	VmsockService *service = data;
	VmsockServicePrivate *private = private_of(service);
	GList *drains = NULL;

	g_mutex_lock(&private->lock);
	if (private->connections == 0)
		drains = g_steal_pointer(&private->drains);
	g_mutex_unlock(&private->lock);
	for (GList *link = drains; link; link = link->next)
		g_task_return_boolean(link->data, TRUE);
	g_list_free_full(drains, g_object_unref);
	update(service);
	return G_SOURCE_REMOVE;
}

static void look_at_count(VmsockService *service)
{
	g_autoptr(GSource) source = g_idle_source_new();

	g_source_set_priority(source, G_PRIORITY_DEFAULT);
	g_source_set_callback(source, on_count, g_object_ref(service), g_object_unref);
	g_source_attach(source, private_of(service)->context);
}

/* In any thread; takes the reference that the connection had. */
static void on_connection_gone(gpointer data, GObject *connection G_GNUC_UNUSED)
{
	g_autoptr(VmsockService) service = data;
	VmsockServicePrivate *private = private_of(service);
	gboolean is_awaited;

	g_mutex_lock(&private->lock);
	is_awaited = private->connections == private->max_connections ||
		     (private->connections == 1 && private->drains);
	private->connections--;
	g_mutex_unlock(&private->lock);
	if (is_awaited)
		look_at_count(service);
}

static void count_connection(VmsockService *service, VmsockConnection *connection)
{
	VmsockServicePrivate *private = private_of(service);

	g_mutex_lock(&private->lock);
	private->connections++;
	g_mutex_unlock(&private->lock);
	g_object_weak_ref(G_OBJECT(connection), on_connection_gone, g_object_ref(service));
}

static gboolean has_room(VmsockServicePrivate *private)
{
	gboolean room;

	g_mutex_lock(&private->lock);
	room = !private->max_connections || private->connections < private->max_connections;
	g_mutex_unlock(&private->lock);
	return room;
}

/* Accepting */

static gboolean on_pause_over(gpointer service)
{
	g_clear_pointer(&private_of(service)->pause, g_source_unref);
	update(service);
	return G_SOURCE_REMOVE;
}

static void end_pause(VmsockServicePrivate *private)
{
	if (!private->pause)
		return;
	g_source_destroy(private->pause);
	g_clear_pointer(&private->pause, g_source_unref);
}

static void pause_a_while(VmsockService *service)
{
	VmsockServicePrivate *private = private_of(service);

	end_pause(private);
	private->pause = g_timeout_source_new(PAUSE_MS);
	g_source_set_callback(private->pause, on_pause_over, service, NULL);
	g_source_attach(private->pause, private->context);
}

static gboolean is_final(const GError *error)
{
	return g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CLOSED);
}

static void on_accepted(GObject *source, GAsyncResult *result, gpointer data G_GNUC_UNUSED)
{
	VmsockService *service = VMSOCK_SERVICE(source);
	VmsockServicePrivate *private = private_of(service);
	g_autoptr(VmsockConnection) connection = NULL;
	g_autoptr(GError) error = NULL;
	gboolean handled;

	g_clear_object(&private->accepting);
	connection = vmsock_listener_accept_finish(VMSOCK_LISTENER(source), result, &error);
	if (connection) {
		count_connection(service, connection);
		g_signal_emit(service, incoming_signal, 0, connection, &handled);
		g_clear_object(&connection);
	} else if (is_final(error)) {
		vmsock_service_stop(service);
	} else if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
		pause_a_while(service);
	}
	update(service);
}

/* Accept if, and only if, everything is in favour of it. */
static void update(VmsockService *service)
{
	VmsockServicePrivate *private = private_of(service);

	if (!private->active || !has_room(private)) {
		if (private->accepting)
			g_cancellable_cancel(private->accepting);
		return;
	}
	if (private->accepting || private->pause)
		return;
	private->accepting = g_cancellable_new();
	g_main_context_push_thread_default(private->context);
	vmsock_listener_accept_async(VMSOCK_LISTENER(service), private->accepting, on_accepted,
				     NULL);
	g_main_context_pop_thread_default(private->context);
}

/* There is another address to accept on, or none any more. */
static void changed(GSocketListener *listener)
{
	VmsockServicePrivate *private = private_of(listener);

	if (private->accepting)
		g_cancellable_cancel(private->accepting);
}

static gboolean incoming(VmsockService *service G_GNUC_UNUSED,
			 VmsockConnection *connection G_GNUC_UNUSED)
{
	return FALSE;
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
	VmsockService *service = VMSOCK_SERVICE(object);

	switch (id) {
	case PROP_ACTIVE:
		g_value_set_boolean(value, vmsock_service_is_active(service));
		break;
	case PROP_MAX_CONNECTIONS:
		g_value_set_uint(value, vmsock_service_get_max_connections(service));
		break;
	default:
		G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
	}
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
	VmsockService *service = VMSOCK_SERVICE(object);

	switch (id) {
	case PROP_ACTIVE:
		if (g_value_get_boolean(value))
			vmsock_service_start(service);
		else
			vmsock_service_stop(service);
		break;
	case PROP_MAX_CONNECTIONS:
		vmsock_service_set_max_connections(service, g_value_get_uint(value));
		break;
	default:
		G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
	}
}

static void finalize(GObject *object)
{
	VmsockServicePrivate *private = private_of(object);

	end_pause(private);
	g_clear_object(&private->accepting);
	g_main_context_unref(private->context);
	g_mutex_clear(&private->lock);
	G_OBJECT_CLASS(vmsock_service_parent_class)->finalize(object);
}

static void vmsock_service_class_init(VmsockServiceClass *class)
{
	const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
				  G_PARAM_EXPLICIT_NOTIFY;
	GObjectClass *object_class = G_OBJECT_CLASS(class);

	object_class->get_property = get_property;
	object_class->set_property = set_property;
	object_class->finalize = finalize;
	G_SOCKET_LISTENER_CLASS(class)->changed = changed;
	class->incoming = incoming;

	/**
	 * VmsockService:active:
	 *
	 * Whether the service accepts.
	 */
	properties[PROP_ACTIVE] = g_param_spec_boolean("active", NULL, NULL, FALSE, flags);
	/**
	 * VmsockService:max-connections:
	 *
	 * How many connections there may be at a time; 0 for no limit. Those beyond wait in the
	 * queue of the socket.
	 */
	properties[PROP_MAX_CONNECTIONS] = g_param_spec_uint("max-connections", NULL, NULL, 0,
							     G_MAXUINT, 0, flags);
	g_object_class_install_properties(object_class, N_PROPERTIES, properties);

	/**
	 * VmsockService::incoming:
	 * @service: the service
	 * @connection: a connection; take a reference to keep it open
	 *
	 * Somebody has connected.
	 *
	 * Returns: %TRUE to keep other handlers from being called
	 */
	incoming_signal = g_signal_new("incoming", VMSOCK_TYPE_SERVICE, G_SIGNAL_RUN_LAST,
				       G_STRUCT_OFFSET(VmsockServiceClass, incoming),
				       g_signal_accumulator_true_handled, NULL, NULL,
				       G_TYPE_BOOLEAN, 1, VMSOCK_TYPE_CONNECTION);
}

static void vmsock_service_init(VmsockService *service)
{
	VmsockServicePrivate *private = private_of(service);

	private->context = g_main_context_ref_thread_default();
	g_mutex_init(&private->lock);
}

/**
 * vmsock_service_new:
 *
 * Makes a service that has no address yet and is not started.
 *
 * Returns: (transfer full): the service
 */
VmsockService *vmsock_service_new(void)
{
	return g_object_new(VMSOCK_TYPE_SERVICE, NULL);
}

static void set_active(VmsockService *service, gboolean active)
{
	g_return_if_fail(VMSOCK_IS_SERVICE(service));
	if (private_of(service)->active != active) {
		private_of(service)->active = active;
		g_object_notify_by_pspec(G_OBJECT(service), properties[PROP_ACTIVE]);
	}
	update(service);
}

/**
 * vmsock_service_start:
 * @service: a service
 *
 * Begins to accept, if it does not already. Call it in the thread of the service's main context.
 */
void vmsock_service_start(VmsockService *service)
{
	set_active(service, TRUE);
}

/**
 * vmsock_service_stop:
 * @service: a service
 *
 * Ends accepting. Sockets stay open, whoever connects waits in their queues; connections go on.
 */
void vmsock_service_stop(VmsockService *service)
{
	set_active(service, FALSE);
}

/**
 * vmsock_service_is_active:
 * @service: a service
 *
 * Returns: whether the service accepts
 */
gboolean vmsock_service_is_active(VmsockService *service)
{
	g_return_val_if_fail(VMSOCK_IS_SERVICE(service), FALSE);
	return private_of(service)->active;
}

/**
 * vmsock_service_set_max_connections:
 * @service: a service
 * @count: the limit, 0 for none
 *
 * Limits how many connections there may be at a time. A connection counts until its last
 * reference is gone.
 */
void vmsock_service_set_max_connections(VmsockService *service, guint count)
{
	VmsockServicePrivate *private;
	gboolean differs;

	g_return_if_fail(VMSOCK_IS_SERVICE(service));
	private = private_of(service);
	g_mutex_lock(&private->lock);
	differs = private->max_connections != count;
	private->max_connections = count;
	g_mutex_unlock(&private->lock);
	if (differs)
		g_object_notify_by_pspec(G_OBJECT(service), properties[PROP_MAX_CONNECTIONS]);
	update(service);
}

/**
 * vmsock_service_get_max_connections:
 * @service: a service
 *
 * Returns: the limit, 0 if there is none
 */
guint vmsock_service_get_max_connections(VmsockService *service)
{
	g_return_val_if_fail(VMSOCK_IS_SERVICE(service), 0);
	return private_of(service)->max_connections;
}

/**
 * vmsock_service_get_connections:
 * @service: a service
 *
 * Returns: how many connections there are now; may be called in any thread
 */
guint vmsock_service_get_connections(VmsockService *service)
{
	VmsockServicePrivate *private;
	guint connections;

	g_return_val_if_fail(VMSOCK_IS_SERVICE(service), 0);
	private = private_of(service);
	g_mutex_lock(&private->lock);
	connections = private->connections;
	g_mutex_unlock(&private->lock);
	return connections;
}

static gboolean on_drain_cancelled(GCancellable *cancellable G_GNUC_UNUSED, gpointer data)
{
	GTask *task = data;
	VmsockServicePrivate *private = private_of(g_task_get_source_object(task));
	GList *link;

	g_mutex_lock(&private->lock);
	link = g_list_find(private->drains, task);
	private->drains = g_list_remove_link(private->drains, link);
	g_mutex_unlock(&private->lock);
	if (link) {
		g_task_return_error_if_cancelled(task);
		g_list_free_full(link, g_object_unref);
	}
	return G_SOURCE_REMOVE;
}

/**
 * vmsock_service_drain_async:
 * @service: a service
 * @cancellable: (nullable): to wait no longer
 * @callback: (scope async): called when the last connection has ended
 * @user_data: for @callback
 *
 * Ends the service: it accepts no more, closes its addresses, and waits for its connections to end.
 * Call it in the thread of the service's main context.
 */
void vmsock_service_drain_async(VmsockService *service, GCancellable *cancellable,
				GAsyncReadyCallback callback, gpointer user_data)
{
	g_autoptr(GSource) source = NULL;
	VmsockServicePrivate *private;
	GTask *task;

	g_return_if_fail(VMSOCK_IS_SERVICE(service));
	private = private_of(service);
	task = g_task_new(service, cancellable, callback, user_data);
	g_task_set_source_tag(task, vmsock_service_drain_async);
	vmsock_service_stop(service);
	g_socket_listener_close(G_SOCKET_LISTENER(service));
	if (cancellable) {
		source = g_cancellable_source_new(cancellable);
		g_task_attach_source(task, source, G_SOURCE_FUNC(on_drain_cancelled));
	}
	g_mutex_lock(&private->lock);
	private->drains = g_list_prepend(private->drains, task);
	g_mutex_unlock(&private->lock);
	look_at_count(service);
}

/**
 * vmsock_service_drain_finish:
 * @service: a service
 * @result: what the callback was given
 * @error: where to put an error
 *
 * Ends what [method@Vmsock.Service.drain_async] began.
 *
 * Errors: [error@Gio.IOErrorEnum.CANCELLED].
 *
 * Returns: whether all connections have ended
 */
gboolean vmsock_service_drain_finish(VmsockService *service, GAsyncResult *result, GError **error)
{
	g_return_val_if_fail(g_task_is_valid(result, service), FALSE);
	return g_task_propagate_boolean(G_TASK(result), error);
}
