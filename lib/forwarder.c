/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * forwarder.c - joins two streams
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Two flows run side by side in one main context.  A flow holds one portion: while that is being
 * written nothing is read, so a slow reader slows the writer down.  The portion is a pipe if both
 * ends are sockets that can be spliced, which the first try tells; else it is memory.  What comes
 * from vsock is not spliced: before Linux 6.5 a socket may hand its own pages to the pipe, which
 * refuses them with ENODATA, and then the bytes are lost.
 *
 * A flow ends for itself.  The end of what is read is passed on as a half-close when everything
 * before has been written; that nobody takes what is written is passed back to the source, whose
 * reading half is closed.  A failure ends both flows.
 */
#define _GNU_SOURCE	/* splice() */
#include <fcntl.h>

#include "private.h"

#include <errno.h>
#include <unistd.h>

#define PORTION (256 * 1024)
/* How often to move before the other sources of the main context get their turn. */
#define ROUNDS 16

enum flow_need { FLOW_MORE, FLOW_READABLE, FLOW_WRITABLE, FLOW_CLOSING, FLOW_OVER };

struct flow {
	VmsockForwarder *forwarder;	/* borrowed */
	GInputStream *from;
	GOutputStream *to;
	GSocket *from_socket, *to_socket;	/* NULL unless the stream is one of a bare socket */
	guint8 *buffer;			/* NULL while splicing */
	gsize start, end;		/* buffer[start..end) waits to be written */
	int pipe[2];			/* -1 unless splicing */
	gsize in_pipe;
	guint64 bytes;			/* written */
	GSource *source;
	gboolean over;
};

/**
 * VmsockForwarder:
 *
 * Copies what can be read from each of two streams to the other, with half-close: an end that
 * is read on one side is an end on the other, and the opposite direction goes on. The streams must
 * be pollable, as those of sockets and of TLS are. They are not closed.
 */
struct _VmsockForwarder {
	GObject parent_instance;
	GIOStream *one, *other;
	struct flow forth, back;
	GTask *task;			/* while it runs */
	int closing;			/* streams whose closing is under way */
};

G_DEFINE_FINAL_TYPE(VmsockForwarder, vmsock_forwarder, G_TYPE_OBJECT)

static void flow_stop(struct flow *flow)
{
	if (flow->source) {
		g_source_destroy(flow->source);
		g_clear_pointer(&flow->source, g_source_unref);
	}
	g_clear_pointer(&flow->buffer, g_free);
	for (int i = 0; i < 2; i++) {
		if (flow->pipe[i] >= 0)
			close(flow->pipe[i]);
		flow->pipe[i] = -1;
	}
	flow->over = TRUE;
}

static void finalize(GObject *object)
{
	VmsockForwarder *forwarder = VMSOCK_FORWARDER(object);

	flow_stop(&forwarder->forth);
	flow_stop(&forwarder->back);
	g_clear_object(&forwarder->one);
	g_clear_object(&forwarder->other);
	G_OBJECT_CLASS(vmsock_forwarder_parent_class)->finalize(object);
}

static void vmsock_forwarder_class_init(VmsockForwarderClass *class)
{
	G_OBJECT_CLASS(class)->finalize = finalize;
}

static void vmsock_forwarder_init(VmsockForwarder *forwarder)
{
	struct flow *flows[] = { &forwarder->forth, &forwarder->back };

	for (gsize i = 0; i < G_N_ELEMENTS(flows); i++) {
		flows[i]->forwarder = forwarder;
		flows[i]->pipe[0] = flows[i]->pipe[1] = -1;
	}
}

static GSocket *socket_of(GIOStream *stream)
{
	return G_IS_SOCKET_CONNECTION(stream) ?
	       g_socket_connection_get_socket(G_SOCKET_CONNECTION(stream)) : NULL;
}

static void join(struct flow *flow, GIOStream *from, GIOStream *to)
{
	flow->from = g_io_stream_get_input_stream(from);
	flow->to = g_io_stream_get_output_stream(to);
	flow->from_socket = socket_of(from);
	flow->to_socket = socket_of(to);
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
	join(&forwarder->forth, one, other);
	join(&forwarder->back, other, one);
	return forwarder;
}

/* Moving through a pipe */

static void try_to_splice(struct flow *flow)
{
	if (!flow->from_socket || !flow->to_socket ||
	    g_socket_get_family(flow->from_socket) == G_SOCKET_FAMILY_INVALID)
		return;
	if (pipe2(flow->pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		flow->pipe[0] = flow->pipe[1] = -1;
	else
		fcntl(flow->pipe[0], F_SETPIPE_SZ, PORTION);
}

static gboolean is_splicing(struct flow *flow)
{
	return flow->pipe[0] >= 0;
}

/* Sockets of this kind cannot be spliced: go on with memory, with what is in the pipe already. */
static void stop_splicing(struct flow *flow)
{
	gssize got;

	flow->buffer = g_malloc(PORTION);
	flow->start = flow->end = 0;
	while (flow->in_pipe && flow->end < PORTION &&
	       (got = read(flow->pipe[0], flow->buffer + flow->end, PORTION - flow->end)) > 0) {
		flow->end += (gsize)got;
		flow->in_pipe -= (gsize)got;
	}
	close(flow->pipe[0]);
	close(flow->pipe[1]);
	flow->pipe[0] = flow->pipe[1] = -1;
}

static gssize move(int from, int to, gsize size)
{
	gssize moved;

	do {
		moved = splice(from, NULL, to, NULL, size, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
	} while (moved < 0 && errno == EINTR);
	return moved;
}

static gboolean cannot_splice(int system_error)
{
	return system_error == EINVAL || system_error == ENOSYS || system_error == EOPNOTSUPP;
}

/* Ends */

static void set_io_error(GError **error, int system_error, const char *what)
{
	g_set_error(error, G_IO_ERROR, g_io_error_from_errno(system_error), "cannot %s: %s", what,
		    g_strerror(system_error));
}

/* Nobody takes what is written: whoever writes shall know. */
static void pass_refusal_back(struct flow *flow)
{
	if (flow->from_socket)
		g_socket_shutdown(flow->from_socket, TRUE, FALSE, NULL);
}

static void on_closed(GObject *stream, GAsyncResult *result, gpointer data);

/* Everything was written: the other end reads to the end, too. */
static enum flow_need end_of_input(struct flow *flow)
{
	if (flow->to_socket) {
		g_socket_shutdown(flow->to_socket, FALSE, TRUE, NULL);
		return FLOW_OVER;
	}
	g_object_ref(flow->forwarder);
	flow->forwarder->closing++;
	g_output_stream_close_async(flow->to, G_PRIORITY_DEFAULT, NULL, on_closed, flow);
	return FLOW_CLOSING;
}

/* Takes @problem. */
static enum flow_need write_failed(struct flow *flow, GError *problem, GError **error)
{
	if (g_error_matches(problem, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
		g_error_free(problem);
		return FLOW_WRITABLE;
	}
	if (g_error_matches(problem, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED)) {
		g_error_free(problem);
		pass_refusal_back(flow);
	} else {
		g_propagate_error(error, problem);
	}
	return FLOW_OVER;
}

/* Steps */

static enum flow_need splice_in(struct flow *flow, GError **error)
{
	gssize moved = move(g_socket_get_fd(flow->from_socket), flow->pipe[1], PORTION);

	if (moved > 0) {
		flow->in_pipe += (gsize)moved;
		return FLOW_MORE;
	}
	if (moved == 0)
		return end_of_input(flow);
	if (errno == EAGAIN)
		return FLOW_READABLE;
	if (cannot_splice(errno)) {
		stop_splicing(flow);
		return FLOW_MORE;
	}
	set_io_error(error, errno, "receive");
	return FLOW_OVER;
}

static enum flow_need splice_out(struct flow *flow, GError **error)
{
	gssize moved = move(flow->pipe[0], g_socket_get_fd(flow->to_socket), flow->in_pipe);
	GError *problem = NULL;

	if (moved > 0) {
		flow->in_pipe -= (gsize)moved;
		flow->bytes += (guint64)moved;
		return FLOW_MORE;
	}
	/* Nothing at all, and no reason: some sockets take pages, and then do not. */
	if (moved == 0 || cannot_splice(errno)) {
		stop_splicing(flow);
		return FLOW_MORE;
	}
	set_io_error(&problem, errno, "send");
	return write_failed(flow, problem, error);
}

static enum flow_need read_some(struct flow *flow, GError **error)
{
	GError *problem = NULL;
	gssize got;

	got = g_pollable_input_stream_read_nonblocking(G_POLLABLE_INPUT_STREAM(flow->from),
						       flow->buffer, PORTION, NULL, &problem);
	if (got > 0) {
		flow->start = 0;
		flow->end = (gsize)got;
		return FLOW_MORE;
	}
	if (got == 0)
		return end_of_input(flow);
	if (g_error_matches(problem, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
		g_error_free(problem);
		return FLOW_READABLE;
	}
	g_propagate_error(error, problem);
	return FLOW_OVER;
}

static enum flow_need write_some(struct flow *flow, GError **error)
{
	GError *problem = NULL;
	gssize put;

	put = g_pollable_output_stream_write_nonblocking(G_POLLABLE_OUTPUT_STREAM(flow->to),
							 flow->buffer + flow->start,
							 flow->end - flow->start, NULL, &problem);
	if (put < 0)
		return write_failed(flow, problem, error);
	flow->start += (gsize)put;
	flow->bytes += (guint64)put;
	return FLOW_MORE;
}

static enum flow_need step(struct flow *flow, GError **error)
{
	if (is_splicing(flow))
		return flow->in_pipe ? splice_out(flow, error) : splice_in(flow, error);
	return flow->start < flow->end ? write_some(flow, error) : read_some(flow, error);
}

/* Waiting */

static gboolean on_ready(GObject *stream, gpointer data);

static void wait_for(struct flow *flow, enum flow_need need)
{
	GCancellable *cancellable = g_task_get_cancellable(flow->forwarder->task);

	if (flow->source) {
		g_source_destroy(flow->source);
		g_source_unref(flow->source);
	}
	if (need == FLOW_READABLE)
		flow->source = g_pollable_input_stream_create_source(
			G_POLLABLE_INPUT_STREAM(flow->from), cancellable);
	else
		flow->source = g_pollable_output_stream_create_source(
			G_POLLABLE_OUTPUT_STREAM(flow->to), cancellable);
	g_source_set_callback(flow->source, G_SOURCE_FUNC(on_ready), flow, NULL);
	g_source_attach(flow->source, g_task_get_context(flow->forwarder->task));
}

/* @error is taken, NULL if all went well. */
static void conclude(VmsockForwarder *forwarder, GError *error)
{
	g_autoptr(GTask) task = g_steal_pointer(&forwarder->task);

	flow_stop(&forwarder->forth);
	flow_stop(&forwarder->back);
	if (error)
		g_task_return_error(task, error);
	else
		g_task_return_boolean(task, TRUE);
}

/* Takes @error.  Afterwards the forwarder may be gone. */
static void end_flow(struct flow *flow, GError *error)
{
	VmsockForwarder *forwarder = flow->forwarder;

	flow_stop(flow);
	if (error || (forwarder->forth.over && forwarder->back.over))
		conclude(forwarder, error);
}

static void on_closed(GObject *stream, GAsyncResult *result, gpointer data)
{
	struct flow *flow = data;
	g_autoptr(VmsockForwarder) forwarder = flow->forwarder;

	g_output_stream_close_finish(G_OUTPUT_STREAM(stream), result, NULL);
	forwarder->closing--;
	if (!flow->over)
		end_flow(flow, NULL);
}

/* Move until that would have to wait; then wait.  Afterwards the forwarder may be gone. */
static void run_flow(struct flow *flow)
{
	enum flow_need need = FLOW_MORE;
	GError *error = NULL;

	for (int i = 0; i < ROUNDS && need == FLOW_MORE; i++)
		need = step(flow, &error);
	if (need == FLOW_MORE)
		need = flow->in_pipe || flow->start < flow->end ? FLOW_WRITABLE : FLOW_READABLE;
	if (need == FLOW_OVER)
		end_flow(flow, error);
	else if (need != FLOW_CLOSING)
		wait_for(flow, need);
}

static gboolean on_ready(GObject *stream G_GNUC_UNUSED, gpointer data)
{
	struct flow *flow = data;
	GTask *task = flow->forwarder->task;
	GError *error = NULL;

	if (g_cancellable_set_error_if_cancelled(g_task_get_cancellable(task), &error))
		conclude(flow->forwarder, error);
	else
		run_flow(flow);
	return G_SOURCE_REMOVE;
}

static gboolean is_pollable(struct flow *flow)
{
	return G_IS_POLLABLE_INPUT_STREAM(flow->from) && G_IS_POLLABLE_OUTPUT_STREAM(flow->to) &&
	       g_pollable_input_stream_can_poll(G_POLLABLE_INPUT_STREAM(flow->from)) &&
	       g_pollable_output_stream_can_poll(G_POLLABLE_OUTPUT_STREAM(flow->to));
}

static void start_flow(struct flow *flow)
{
	flow->over = FALSE;
	flow->bytes = 0;
	flow->in_pipe = flow->start = flow->end = 0;
	try_to_splice(flow);
	if (!is_splicing(flow))
		flow->buffer = g_malloc(PORTION);
	wait_for(flow, FLOW_READABLE);
}

/**
 * vmsock_forwarder_run_async:
 * @forwarder: a forwarder that does not run
 * @cancellable: (nullable): to stop
 * @callback: (scope async): called when both directions have ended, or one has failed
 * @user_data: for @callback
 *
 * Forwards without waiting.
 */
void vmsock_forwarder_run_async(VmsockForwarder *forwarder, GCancellable *cancellable,
				GAsyncReadyCallback callback, gpointer user_data)
{
	GTask *task;

	g_return_if_fail(VMSOCK_IS_FORWARDER(forwarder));
	g_return_if_fail(!forwarder->task);
	task = g_task_new(forwarder, cancellable, callback, user_data);
	g_task_set_source_tag(task, vmsock_forwarder_run_async);
	if (!is_pollable(&forwarder->forth) || !is_pollable(&forwarder->back)) {
		g_task_return_new_error(task, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
					"only pollable streams can be forwarded");
		g_object_unref(task);
		return;
	}
	forwarder->task = task;
	start_flow(&forwarder->forth);
	start_flow(&forwarder->back);
}

/**
 * vmsock_forwarder_run_finish:
 * @forwarder: a forwarder
 * @result: what the callback was given
 * @error: where to put an error
 *
 * Ends what [method@Vmsock.Forwarder.run_async] began, with the same errors as
 * [method@Vmsock.Forwarder.run].
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
 * Errors: those of [error@Gio.IOErrorEnum], %G_IO_ERROR_CANCELLED and %G_IO_ERROR_NOT_SUPPORTED,
 * for streams that cannot be polled, among them.
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
	while (!result || forwarder->closing)
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
	return forwarder->forth.bytes;
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
	return forwarder->back.bytes;
}
