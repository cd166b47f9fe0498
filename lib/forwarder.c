/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * forwarder.c - joins two streams
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Two flows (flow.c) run side by side in one main context.  Each ends for itself; a failure of one
 * ends both.  The task returns when both have settled, so that nobody uses the streams any more.
 */
#include "flow.h"

#define PORTION (256 * 1024)
#define PORTION_MIN 1024
#define PORTION_MAX (1024 * 1024)
/* How often to look whether a peer that sends no more has gone altogether. */
#define PROBE_MS 100

/**
 * VmsockForwarder:
 *
 * Copies what can be read from each of two streams to the other, with half-close: an end that
 * is read on one side is an end on the other, and the opposite direction goes on. Any streams will
 * do, files too; those that can be polled, as those of sockets, pipes and of TLS are, need no
 * threads. No stream is closed, except that an output stream that is not one of a socket is closed
 * when everything has been written.
 *
 * Nothing is read while what was read before waits to be written, so a slow reader slows the writer
 * down, and no more than [property@Vmsock.Forwarder:portion] is held in each direction.
 */
struct _VmsockForwarder {
	GObject parent_instance;
	GIOStream *one, *other;
	struct flow flows[2];		/* by direction */
	gsize portion;
	guint idle_timeout;		/* milliseconds; 0 for none */
	GTask *task;			/* while it runs */
	GError *problem;		/* the first */
	GSource *cancelled, *idle, *probe;	/* while it runs; NULL if not needed */
	gint64 last_moved;
};

G_DEFINE_FINAL_TYPE(VmsockForwarder, vmsock_forwarder, G_TYPE_OBJECT)

G_DEFINE_ENUM_TYPE(VmsockDirection, vmsock_direction,
	G_DEFINE_ENUM_VALUE(VMSOCK_DIRECTION_FORTH, "forth"),
	G_DEFINE_ENUM_VALUE(VMSOCK_DIRECTION_BACK, "back"))

G_DEFINE_ENUM_TYPE(VmsockForwarderEnd, vmsock_forwarder_end,
	G_DEFINE_ENUM_VALUE(VMSOCK_FORWARDER_END_INPUT, "input"),
	G_DEFINE_ENUM_VALUE(VMSOCK_FORWARDER_END_REFUSED, "refused"),
	G_DEFINE_ENUM_VALUE(VMSOCK_FORWARDER_END_READ_FAILED, "read-failed"),
	G_DEFINE_ENUM_VALUE(VMSOCK_FORWARDER_END_WRITE_FAILED, "write-failed"))

enum {
	PROP_PORTION = 1,
	PROP_IDLE_TIMEOUT,
	N_PROPERTIES
};

enum {
	SIGNAL_MOVED,
	SIGNAL_ENDED,
	N_SIGNALS
};

static GParamSpec *properties[N_PROPERTIES];
static guint signals[N_SIGNALS];

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
	VmsockForwarder *forwarder = VMSOCK_FORWARDER(object);

	switch (id) {
	case PROP_PORTION:
		g_value_set_uint64(value, forwarder->portion);
		break;
	case PROP_IDLE_TIMEOUT:
		g_value_set_uint(value, forwarder->idle_timeout);
		break;
	default:
		G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
	}
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
	VmsockForwarder *forwarder = VMSOCK_FORWARDER(object);

	switch (id) {
	case PROP_PORTION:
		vmsock_forwarder_set_portion(forwarder, g_value_get_uint64(value));
		break;
	case PROP_IDLE_TIMEOUT:
		vmsock_forwarder_set_idle_timeout(forwarder, g_value_get_uint(value));
		break;
	default:
		G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
	}
}

/* While a forwarder runs, its task keeps it, and so its flows have settled here. */
static void finalize(GObject *object)
{
	VmsockForwarder *forwarder = VMSOCK_FORWARDER(object);

	for (int i = 0; i < 2; i++)
		g_clear_pointer(&forwarder->flows[i].head, g_bytes_unref);
	g_clear_object(&forwarder->one);
	g_clear_object(&forwarder->other);
	G_OBJECT_CLASS(vmsock_forwarder_parent_class)->finalize(object);
}

static void vmsock_forwarder_class_init(VmsockForwarderClass *class)
{
	const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
				  G_PARAM_EXPLICIT_NOTIFY;
	GObjectClass *object_class = G_OBJECT_CLASS(class);

	object_class->get_property = get_property;
	object_class->set_property = set_property;
	object_class->finalize = finalize;

	/**
	 * VmsockForwarder:portion:
	 *
	 * The most that is read at once and held in each direction, in bytes, from 1 KiB to 1 MiB.
	 */
	properties[PROP_PORTION] = g_param_spec_uint64("portion", NULL, NULL, PORTION_MIN,
						       PORTION_MAX, PORTION, flags);
	/**
	 * VmsockForwarder:idle-timeout:
	 *
	 * How long nothing may move in either direction, in milliseconds; 0 for no limit.
	 */
	properties[PROP_IDLE_TIMEOUT] = g_param_spec_uint("idle-timeout", NULL, NULL, 0, G_MAXUINT,
							  0, flags);
	g_object_class_install_properties(object_class, N_PROPERTIES, properties);

	/**
	 * VmsockForwarder::moved:
	 * @forwarder: the forwarder
	 * @direction: where
	 *
	 * Bytes have been read or written. Emitted once for all that could be moved without
	 * waiting, in the main context that forwards.
	 */
	signals[SIGNAL_MOVED] = g_signal_new("moved", VMSOCK_TYPE_FORWARDER, G_SIGNAL_RUN_LAST, 0,
					     NULL, NULL, NULL, G_TYPE_NONE, 1,
					     VMSOCK_TYPE_DIRECTION);
	/**
	 * VmsockForwarder::ended:
	 * @forwarder: the forwarder
	 * @direction: where
	 * @end: how
	 * @error: (type GLib.Error) (nullable): what has failed
	 *
	 * One direction has come to its end. Not emitted for a direction that ends because the
	 * opposite one has failed, or because of a cancellation or a time-out.
	 */
	signals[SIGNAL_ENDED] = g_signal_new("ended", VMSOCK_TYPE_FORWARDER, G_SIGNAL_RUN_LAST, 0,
					     NULL, NULL, NULL, G_TYPE_NONE, 3,
					     VMSOCK_TYPE_DIRECTION, VMSOCK_TYPE_FORWARDER_END,
					     G_TYPE_ERROR);
}

static void on_moved(struct flow *flow);
static void on_ended(struct flow *flow, VmsockForwarderEnd end, GError *error);
static void on_settled(struct flow *flow);

static void vmsock_forwarder_init(VmsockForwarder *forwarder)
{
	forwarder->portion = PORTION;
	for (int i = 0; i < 2; i++) {
		forwarder->flows[i].moved = on_moved;
		forwarder->flows[i].ended = on_ended;
		forwarder->flows[i].settled = on_settled;
		forwarder->flows[i].owner = forwarder;
	}
}

/**
 * vmsock_forwarder_new:
 * @one: a stream
 * @other: another stream
 *
 * Makes a forwarder that does nothing yet.
 *
 * Returns: (transfer full): the forwarder
 */
VmsockForwarder *vmsock_forwarder_new(GIOStream *one, GIOStream *other)
{
	VmsockForwarder *forwarder;

	g_return_val_if_fail(G_IS_IO_STREAM(one), NULL);
	g_return_val_if_fail(G_IS_IO_STREAM(other), NULL);
	forwarder = g_object_new(VMSOCK_TYPE_FORWARDER, NULL);
	forwarder->one = g_object_ref(one);
	forwarder->other = g_object_ref(other);
	_vmsock_flow_init(&forwarder->flows[VMSOCK_DIRECTION_FORTH], one, other);
	_vmsock_flow_init(&forwarder->flows[VMSOCK_DIRECTION_BACK], other, one);
	return forwarder;
}

/**
 * vmsock_forwarder_set_portion:
 * @forwarder: a forwarder that does not run
 * @bytes: the size, from 1 KiB to 1 MiB
 *
 * Sets how much is read at once and held in each direction.
 */
void vmsock_forwarder_set_portion(VmsockForwarder *forwarder, gsize bytes)
{
	g_return_if_fail(VMSOCK_IS_FORWARDER(forwarder));
	g_return_if_fail(!forwarder->task);
	bytes = CLAMP(bytes, PORTION_MIN, PORTION_MAX);
	if (forwarder->portion == bytes)
		return;
	forwarder->portion = bytes;
	g_object_notify_by_pspec(G_OBJECT(forwarder), properties[PROP_PORTION]);
}

/**
 * vmsock_forwarder_get_portion:
 * @forwarder: a forwarder
 *
 * Returns: how many bytes are read at once
 */
gsize vmsock_forwarder_get_portion(VmsockForwarder *forwarder)
{
	g_return_val_if_fail(VMSOCK_IS_FORWARDER(forwarder), 0);
	return forwarder->portion;
}

/**
 * vmsock_forwarder_set_idle_timeout:
 * @forwarder: a forwarder that does not run
 * @milliseconds: the limit, 0 for none
 *
 * Limits how long nothing may move, after which forwarding fails.
 */
void vmsock_forwarder_set_idle_timeout(VmsockForwarder *forwarder, guint milliseconds)
{
	g_return_if_fail(VMSOCK_IS_FORWARDER(forwarder));
	g_return_if_fail(!forwarder->task);
	if (forwarder->idle_timeout == milliseconds)
		return;
	forwarder->idle_timeout = milliseconds;
	g_object_notify_by_pspec(G_OBJECT(forwarder), properties[PROP_IDLE_TIMEOUT]);
}

/**
 * vmsock_forwarder_get_idle_timeout:
 * @forwarder: a forwarder
 *
 * Returns: the limit in milliseconds, 0 if there is none
 */
guint vmsock_forwarder_get_idle_timeout(VmsockForwarder *forwarder)
{
	g_return_val_if_fail(VMSOCK_IS_FORWARDER(forwarder), 0);
	return forwarder->idle_timeout;
}

/**
 * vmsock_forwarder_set_head:
 * @forwarder: a forwarder that does not run
 * @direction: where
 * @head: (nullable): bytes, %NULL for none
 *
 * Sets what is written before anything is copied in a direction, such as a PROXY header. It does
 * not count as forwarded.
 */
void vmsock_forwarder_set_head(VmsockForwarder *forwarder, VmsockDirection direction, GBytes *head)
{
	struct flow *flow;

	g_return_if_fail(VMSOCK_IS_FORWARDER(forwarder));
	g_return_if_fail(direction <= VMSOCK_DIRECTION_BACK);
	g_return_if_fail(!forwarder->task);
	flow = &forwarder->flows[direction];
	g_clear_pointer(&flow->head, g_bytes_unref);
	flow->head = head ? g_bytes_ref(head) : NULL;
}

static VmsockDirection direction_of(struct flow *flow)
{
	VmsockForwarder *forwarder = flow->owner;

	return flow == &forwarder->flows[VMSOCK_DIRECTION_FORTH] ? VMSOCK_DIRECTION_FORTH
								 : VMSOCK_DIRECTION_BACK;
}

static struct flow *opposite(struct flow *flow)
{
	VmsockForwarder *forwarder = flow->owner;

	return &forwarder->flows[!direction_of(flow)];
}

/* The end */

static void drop_source(GSource **source)
{
	if (!*source)
		return;
	g_source_destroy(*source);
	g_clear_pointer(source, g_source_unref);
}

/* Afterwards the forwarder may be gone. */
static void return_if_settled(VmsockForwarder *forwarder)
{
	GError *problem;
	GTask *task;

	if (!forwarder->task || !_vmsock_flow_is_settled(&forwarder->flows[0]) ||
	    !_vmsock_flow_is_settled(&forwarder->flows[1]))
		return;
	drop_source(&forwarder->cancelled);
	drop_source(&forwarder->idle);
	drop_source(&forwarder->probe);
	task = g_steal_pointer(&forwarder->task);
	problem = g_steal_pointer(&forwarder->problem);
	if (problem)
		g_task_return_error(task, problem);
	else
		g_task_return_boolean(task, TRUE);
	g_object_unref(task);
}

/* Takes @problem.  Afterwards the forwarder may be gone. */
static void fail(VmsockForwarder *forwarder, GError *problem)
{
	if (forwarder->problem)
		g_error_free(problem);
	else
		forwarder->problem = problem;
	for (int i = 0; i < 2; i++)
		_vmsock_flow_stop(&forwarder->flows[i]);
	return_if_settled(forwarder);
}

static void on_settled(struct flow *flow)
{
	return_if_settled(flow->owner);
}

/* Peers that have gone */

/* Nobody is there to take what this flow waits for. */
static gboolean is_vain(struct flow *flow)
{
	return flow->running && flow->to_socket && !opposite(flow)->running &&
	       !_vmsock_flow_get_unsent(flow) &&
	       !_vmsock_connection_peer_is_there(flow->to_socket);
}

/* poll() does not tell the end of a connection from the end of its first half. */
static gboolean on_probe(gpointer data)
{
	g_autoptr(VmsockForwarder) forwarder = g_object_ref(data);

	for (int i = 0; i < 2; i++)
		if (is_vain(&forwarder->flows[i]))
			_vmsock_flow_refuse(&forwarder->flows[i]);
	return G_SOURCE_CONTINUE;
}

static GSource *start_timer(VmsockForwarder *forwarder, gint64 microseconds, GSourceFunc func)
{
	GSource *source = g_timeout_source_new((guint)((microseconds + 999) / 1000));

	g_source_set_callback(source, func, forwarder, NULL);
	g_source_attach(source, g_task_get_context(forwarder->task));
	return source;
}

static void watch_peer(VmsockForwarder *forwarder, struct flow *flow)
{
	if (is_vain(flow))
		_vmsock_flow_refuse(flow);
	else if (flow->running && flow->to_socket && !forwarder->probe)
		forwarder->probe = start_timer(forwarder, PROBE_MS * 1000, on_probe);
}

/* What flows tell */

static void on_moved(struct flow *flow)
{
	VmsockForwarder *forwarder = flow->owner;

	forwarder->last_moved = g_get_monotonic_time();
	g_signal_emit(forwarder, signals[SIGNAL_MOVED], 0, direction_of(flow));
}

static void on_ended(struct flow *flow, VmsockForwarderEnd end, GError *error)
{
	g_autoptr(VmsockForwarder) forwarder = g_object_ref(flow->owner);

	forwarder->last_moved = g_get_monotonic_time();
	g_signal_emit(forwarder, signals[SIGNAL_ENDED], 0, direction_of(flow), end, error);
	if (error) {
		fail(forwarder, error);
		return;
	}
	if (end == VMSOCK_FORWARDER_END_INPUT)
		watch_peer(forwarder, opposite(flow));
	return_if_settled(forwarder);
}

static gboolean on_cancelled(GCancellable *cancellable, gpointer data)
{
	GError *error = NULL;

	if (g_cancellable_set_error_if_cancelled(cancellable, &error))
		fail(data, error);
	return G_SOURCE_REMOVE;
}

static gboolean on_idle(gpointer data)
{
	VmsockForwarder *forwarder = data;
	gint64 left = forwarder->last_moved + (gint64)forwarder->idle_timeout * 1000 -
		      g_get_monotonic_time();
	GError *error = NULL;

	drop_source(&forwarder->idle);
	if (left > 0) {
		forwarder->idle = start_timer(forwarder, left, on_idle);
	} else {
		g_set_error(&error, VMSOCK_ERROR, VMSOCK_ERROR_TIMED_OUT,
			    "nothing has moved for %g seconds", forwarder->idle_timeout / 1000.0);
		fail(forwarder, error);
	}
	return G_SOURCE_REMOVE;
}

static void start(VmsockForwarder *forwarder)
{
	GMainContext *context = g_task_get_context(forwarder->task);
	GCancellable *cancellable = g_task_get_cancellable(forwarder->task);

	if (cancellable) {
		forwarder->cancelled = g_cancellable_source_new(cancellable);
		g_source_set_callback(forwarder->cancelled, G_SOURCE_FUNC(on_cancelled), forwarder,
				      NULL);
		g_source_attach(forwarder->cancelled, context);
	}
	forwarder->last_moved = g_get_monotonic_time();
	if (forwarder->idle_timeout)
		forwarder->idle = start_timer(forwarder, (gint64)forwarder->idle_timeout * 1000,
					      on_idle);
	for (int i = 0; i < 2; i++) {
		forwarder->flows[i].portion = forwarder->portion;
		_vmsock_flow_start(&forwarder->flows[i], context);
	}
}

/**
 * vmsock_forwarder_run_async:
 * @forwarder: a forwarder that does not run
 * @cancellable: (nullable): to stop
 * @callback: (scope async): called when both directions have ended, or one has failed
 * @user_data: for @callback
 *
 * Forwards without waiting. [method@Vmsock.Forwarder.run_finish] says how it went.
 */
void vmsock_forwarder_run_async(VmsockForwarder *forwarder, GCancellable *cancellable,
				GAsyncReadyCallback callback, gpointer user_data)
{
	g_return_if_fail(VMSOCK_IS_FORWARDER(forwarder));
	g_return_if_fail(!forwarder->task);
	forwarder->task = g_task_new(forwarder, cancellable, callback, user_data);
	g_task_set_source_tag(forwarder->task, vmsock_forwarder_run_async);
	g_task_set_check_cancellable(forwarder->task, FALSE);
	start(forwarder);
}

/**
 * vmsock_forwarder_run_finish:
 * @forwarder: a forwarder
 * @result: what the callback was given
 * @error: where to put an error
 *
 * Ends what [method@Vmsock.Forwarder.run_async] began.
 *
 * Errors: those of [method@Vmsock.Forwarder.run].
 *
 * Returns: whether both directions have come to their end
 */
gboolean vmsock_forwarder_run_finish(VmsockForwarder *forwarder, GAsyncResult *result,
				     GError **error)
{
	g_return_val_if_fail(g_task_is_valid(result, forwarder), FALSE);
	return g_task_propagate_boolean(G_TASK(result), error);
}

static void keep_result(GObject *source G_GNUC_UNUSED, GAsyncResult *result, gpointer kept)
{
	*(GAsyncResult **)kept = g_object_ref(result);
}

/**
 * vmsock_forwarder_run:
 * @forwarder: a forwarder that does not run
 * @cancellable: (nullable): to stop
 * @error: where to put an error
 *
 * Forwards until both directions have ended. That one side takes no more is no failure.
 *
 * Errors: [error@Gio.IOErrorEnum.CANCELLED]; [error@Vmsock.Error.TIMED_OUT] if nothing has moved
 * for too long; what reading from the streams or writing to them has failed with, which
 * [method@Vmsock.Connection.get_cause] sorts.
 *
 * Returns: whether both directions have come to their end
 */
gboolean vmsock_forwarder_run(VmsockForwarder *forwarder, GCancellable *cancellable, GError **error)
{
	g_autoptr(GMainContext) context = NULL;
	g_autoptr(GAsyncResult) result = NULL;

	g_return_val_if_fail(VMSOCK_IS_FORWARDER(forwarder), FALSE);
	context = g_main_context_new();
	g_main_context_push_thread_default(context);
	vmsock_forwarder_run_async(forwarder, cancellable, keep_result, &result);
	while (!result)
		g_main_context_iteration(context, TRUE);
	g_main_context_pop_thread_default(context);
	return vmsock_forwarder_run_finish(forwarder, result, error);
}

/**
 * vmsock_forwarder_get_bytes_forth:
 * @forwarder: a forwarder
 *
 * Returns: how many bytes went from the first stream to the second, so far or in the last run
 */
guint64 vmsock_forwarder_get_bytes_forth(VmsockForwarder *forwarder)
{
	g_return_val_if_fail(VMSOCK_IS_FORWARDER(forwarder), 0);
	return forwarder->flows[VMSOCK_DIRECTION_FORTH].bytes;
}

/**
 * vmsock_forwarder_get_bytes_back:
 * @forwarder: a forwarder
 *
 * Returns: how many bytes went from the second stream to the first, so far or in the last run
 */
guint64 vmsock_forwarder_get_bytes_back(VmsockForwarder *forwarder)
{
	g_return_val_if_fail(VMSOCK_IS_FORWARDER(forwarder), 0);
	return forwarder->flows[VMSOCK_DIRECTION_BACK].bytes;
}

/**
 * vmsock_forwarder_get_unsent:
 * @forwarder: a forwarder
 * @direction: where
 *
 * What was read and could not be written. After the end it is lost.
 *
 * Returns: how many bytes
 */
gsize vmsock_forwarder_get_unsent(VmsockForwarder *forwarder, VmsockDirection direction)
{
	g_return_val_if_fail(VMSOCK_IS_FORWARDER(forwarder), 0);
	g_return_val_if_fail(direction <= VMSOCK_DIRECTION_BACK, 0);
	return _vmsock_flow_get_unsent(&forwarder->flows[direction]);
}
