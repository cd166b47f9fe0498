/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * flow.c - one direction of two joined streams
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A flow holds one portion: while that is being written nothing is read, so a slow reader slows
 * the writer down.  The portion is a pipe if both ends are sockets that can be spliced, which the
 * first try tells; else it is memory.  What comes from vsock is not spliced: before Linux 6.5 a
 * socket may hand its own pages to the pipe, which refuses them with ENODATA, and then the bytes
 * are lost.
 *
 * A stream that can be polled is waited for with a source, and then moved from or to without
 * waiting.  With another one, a file say, a call that waits is under way (busy).
 *
 * The end of what is read is passed on as a half-close when everything before has been written;
 * that nobody takes what is written is passed back to the source, whose reading half is closed.
 */
#define _GNU_SOURCE	/* splice() */
#include <fcntl.h>

#include "flow.h"

#include <errno.h>
#include <gio/gfiledescriptorbased.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

/* How often to move before the other sources of the main context get their turn. */
#define ROUNDS 16

enum flow_need { FLOW_MORE, FLOW_READABLE, FLOW_WRITABLE, FLOW_BUSY, FLOW_OVER };

static void run(struct flow *flow);

static GSocket *socket_of(GIOStream *stream)
{
	return G_IS_SOCKET_CONNECTION(stream) ?
	       g_socket_connection_get_socket(G_SOCKET_CONNECTION(stream)) : NULL;
}

void _vmsock_flow_init(struct flow *flow, GIOStream *from, GIOStream *to)
{
	flow->from = g_io_stream_get_input_stream(from);
	flow->to = g_io_stream_get_output_stream(to);
	flow->from_socket = socket_of(from);
	flow->to_socket = socket_of(to);
	flow->pipe[0] = flow->pipe[1] = -1;
}

gboolean _vmsock_flow_is_settled(const struct flow *flow)
{
	return !flow->running && !flow->busy;
}

static gsize head_left(const struct flow *flow)
{
	return flow->head ? g_bytes_get_size(flow->head) - flow->head_done : 0;
}

gsize _vmsock_flow_get_unsent(const struct flow *flow)
{
	return flow->running ? flow->in_pipe + flow->end - flow->start : flow->unsent;
}

static void close_pipe(struct flow *flow)
{
	for (int i = 0; i < 2; i++) {
		if (flow->pipe[i] >= 0)
			close(flow->pipe[i]);
		flow->pipe[i] = -1;
	}
}

static void drop_source(struct flow *flow)
{
	if (!flow->source)
		return;
	g_source_destroy(flow->source);
	g_clear_pointer(&flow->source, g_source_unref);
}

/* What a call under way uses stays until that has returned. */
static void release(struct flow *flow)
{
	if (flow->busy)
		return;
	g_clear_pointer(&flow->buffer, g_free);
	g_clear_pointer(&flow->context, g_main_context_unref);
	g_clear_object(&flow->stop);
}

void _vmsock_flow_stop(struct flow *flow)
{
	if (!flow->running)
		return;
	flow->unsent = _vmsock_flow_get_unsent(flow);
	flow->running = FALSE;
	drop_source(flow);
	close_pipe(flow);
	if (flow->busy)
		g_cancellable_cancel(flow->stop);
	release(flow);
}

static void tell(struct flow *flow)
{
	if (!flow->has_moved)
		return;
	flow->has_moved = FALSE;
	flow->moved(flow);
}

/* Takes @error.  Afterwards the owner may be gone. */
static void conclude(struct flow *flow, VmsockForwarderEnd end, GError *error)
{
	tell(flow);
	_vmsock_flow_stop(flow);
	flow->ended(flow, end, error);
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
		fcntl(flow->pipe[0], F_SETPIPE_SZ, (int)MIN(flow->portion, G_MAXINT));
}

static gboolean is_splicing(const struct flow *flow)
{
	return flow->pipe[0] >= 0;
}

/* Sockets of this kind cannot be spliced: go on with memory, with what is in the pipe already,
 * which may be more than a portion. */
static void stop_splicing(struct flow *flow)
{
	gsize size = MAX(flow->portion, flow->in_pipe);
	gssize got;

	g_free(flow->buffer);
	flow->buffer = g_malloc(size);
	flow->start = flow->end = 0;
	while (flow->in_pipe &&
	       (got = read(flow->pipe[0], flow->buffer + flow->end, flow->in_pipe)) > 0) {
		flow->end += (gsize)got;
		flow->in_pipe -= (gsize)got;
	}
	close_pipe(flow);
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

static GError *io_error(int system_error, const char *what)
{
	return g_error_new(G_IO_ERROR, g_io_error_from_errno(system_error), "cannot %s: %s", what,
			   g_strerror(system_error));
}

/* Ends */

/* A call of a stream has returned; is there still somebody who wants its result? */
static gboolean goes_on(struct flow *flow)
{
	flow->busy = FALSE;
	if (flow->running)
		return TRUE;
	release(flow);
	flow->settled(flow);
	return FALSE;
}

/* A file is complete when it could be closed; of a connection all was said before. */
static void on_closed(GObject *stream, GAsyncResult *result, gpointer data)
{
	struct flow *flow = data;
	GError *error = NULL;

	g_output_stream_close_finish(G_OUTPUT_STREAM(stream), result, &error);
	if (!flow->writes_async)
		g_clear_error(&error);
	if (!goes_on(flow))
		g_clear_error(&error);
	else
		conclude(flow, error ? VMSOCK_FORWARDER_END_WRITE_FAILED
				     : VMSOCK_FORWARDER_END_INPUT, error);
}

/* Everything was written: the other end reads to the end, too. */
static enum flow_need end_of_input(struct flow *flow)
{
	if (flow->to_socket) {
		g_socket_shutdown(flow->to_socket, FALSE, TRUE, NULL);
		conclude(flow, VMSOCK_FORWARDER_END_INPUT, NULL);
		return FLOW_OVER;
	}
	flow->busy = TRUE;
	g_output_stream_close_async(flow->to, G_PRIORITY_DEFAULT, flow->stop, on_closed, flow);
	return FLOW_BUSY;
}

/* Nobody takes what is written: whoever writes shall know. */
void _vmsock_flow_refuse(struct flow *flow)
{
	if (flow->from_socket)
		g_socket_shutdown(flow->from_socket, TRUE, FALSE, NULL);
	conclude(flow, VMSOCK_FORWARDER_END_REFUSED, NULL);
}

/* Takes @problem. */
static enum flow_need write_failed(struct flow *flow, GError *problem)
{
	if (g_error_matches(problem, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
		g_error_free(problem);
		return FLOW_WRITABLE;
	}
	if (g_error_matches(problem, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED)) {
		g_error_free(problem);
		_vmsock_flow_refuse(flow);
	} else {
		conclude(flow, VMSOCK_FORWARDER_END_WRITE_FAILED, problem);
	}
	return FLOW_OVER;
}

/* Takes @problem. */
static enum flow_need read_failed(struct flow *flow, GError *problem)
{
	if (g_error_matches(problem, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
		g_error_free(problem);
		return FLOW_READABLE;
	}
	conclude(flow, VMSOCK_FORWARDER_END_READ_FAILED, problem);
	return FLOW_OVER;
}

/* Steps */

static enum flow_need splice_in(struct flow *flow)
{
	gssize moved = move(g_socket_get_fd(flow->from_socket), flow->pipe[1], flow->portion);

	if (moved > 0) {
		flow->in_pipe += (gsize)moved;
		flow->has_moved = TRUE;
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
	return read_failed(flow, io_error(errno, "receive"));
}

static enum flow_need splice_out(struct flow *flow)
{
	gssize moved = move(flow->pipe[0], g_socket_get_fd(flow->to_socket), flow->in_pipe);

	if (moved > 0) {
		flow->in_pipe -= (gsize)moved;
		flow->bytes += (guint64)moved;
		flow->has_moved = TRUE;
		return FLOW_MORE;
	}
	/* Nothing at all, and no reason: some sockets take pages, and then do not. */
	if (moved == 0 || cannot_splice(errno)) {
		stop_splicing(flow);
		return FLOW_MORE;
	}
	return write_failed(flow, io_error(errno, "send"));
}

static enum flow_need after_read(struct flow *flow, gssize got, GError *problem)
{
	if (got < 0)
		return read_failed(flow, problem);
	if (got == 0)
		return end_of_input(flow);
	flow->start = 0;
	flow->end = (gsize)got;
	flow->has_moved = TRUE;
	return FLOW_MORE;
}

static enum flow_need after_write(struct flow *flow, gssize put, GError *problem)
{
	if (put < 0)
		return write_failed(flow, problem);
	flow->has_moved = TRUE;
	if (head_left(flow)) {
		flow->head_done += (gsize)put;
	} else {
		flow->start += (gsize)put;
		flow->bytes += (guint64)put;
	}
	return FLOW_MORE;
}

/* Go on where a call of a stream has led to. */
static void resume(struct flow *flow, enum flow_need need);

static void on_read(GObject *stream, GAsyncResult *result, gpointer data)
{
	struct flow *flow = data;
	GError *error = NULL;
	gssize got = g_input_stream_read_finish(G_INPUT_STREAM(stream), result, &error);

	if (goes_on(flow))
		resume(flow, after_read(flow, got, error));
	else
		g_clear_error(&error);
}

static void on_written(GObject *stream, GAsyncResult *result, gpointer data)
{
	struct flow *flow = data;
	GError *error = NULL;
	gssize put = g_output_stream_write_finish(G_OUTPUT_STREAM(stream), result, &error);

	if (goes_on(flow))
		resume(flow, after_write(flow, put, error));
	else
		g_clear_error(&error);
}

static enum flow_need read_some(struct flow *flow)
{
	GError *error = NULL;
	gssize got;

	if (!flow->buffer)
		flow->buffer = g_malloc(flow->portion);
	if (flow->reads_async) {
		flow->busy = TRUE;
		g_input_stream_read_async(flow->from, flow->buffer, flow->portion,
					  G_PRIORITY_DEFAULT, flow->stop, on_read, flow);
		return FLOW_BUSY;
	}
	got = g_pollable_input_stream_read_nonblocking(G_POLLABLE_INPUT_STREAM(flow->from),
						       flow->buffer, flow->portion, NULL, &error);
	return after_read(flow, got, error);
}

static enum flow_need write_bytes(struct flow *flow, const guint8 *bytes, gsize size)
{
	GError *error = NULL;
	gssize put;

	if (flow->writes_async) {
		flow->busy = TRUE;
		g_output_stream_write_async(flow->to, bytes, size, G_PRIORITY_DEFAULT, flow->stop,
					    on_written, flow);
		return FLOW_BUSY;
	}
	put = g_pollable_output_stream_write_nonblocking(G_POLLABLE_OUTPUT_STREAM(flow->to), bytes,
							 MIN(size, flow->write_max), NULL, &error);
	return after_write(flow, put, error);
}

static enum flow_need write_head(struct flow *flow)
{
	const guint8 *bytes = g_bytes_get_data(flow->head, NULL);

	return write_bytes(flow, bytes + flow->head_done, head_left(flow));
}

static enum flow_need step(struct flow *flow)
{
	if (head_left(flow))
		return write_head(flow);
	if (is_splicing(flow))
		return flow->in_pipe ? splice_out(flow) : splice_in(flow);
	if (flow->start < flow->end)
		return write_bytes(flow, flow->buffer + flow->start, flow->end - flow->start);
	return read_some(flow);
}

/* Waiting */

static gboolean on_ready(GObject *stream G_GNUC_UNUSED, gpointer data)
{
	run(data);
	return G_SOURCE_REMOVE;
}

static gboolean on_turn(gpointer data)
{
	run(data);
	return G_SOURCE_REMOVE;
}

static void set_source(struct flow *flow, GSource *source, GSourceFunc func)
{
	drop_source(flow);
	flow->source = source;
	g_source_set_callback(source, func, flow, NULL);
	g_source_attach(source, flow->context);
}

/* For its turn, if the stream has no better way to say when. */
static void wait_for(struct flow *flow, enum flow_need need)
{
	GSource *source;

	if (need == FLOW_READABLE && !flow->reads_async) {
		source = g_pollable_input_stream_create_source(
			G_POLLABLE_INPUT_STREAM(flow->from), NULL);
		set_source(flow, source, G_SOURCE_FUNC(on_ready));
	} else if (need == FLOW_WRITABLE && !flow->writes_async) {
		source = g_pollable_output_stream_create_source(
			G_POLLABLE_OUTPUT_STREAM(flow->to), NULL);
		set_source(flow, source, G_SOURCE_FUNC(on_ready));
	} else {
		source = g_idle_source_new();
		g_source_set_priority(source, G_PRIORITY_DEFAULT);
		set_source(flow, source, on_turn);
	}
}

static enum flow_need next_need(const struct flow *flow)
{
	return head_left(flow) || flow->in_pipe || flow->start < flow->end ? FLOW_WRITABLE
									   : FLOW_READABLE;
}

static void resume(struct flow *flow, enum flow_need need)
{
	for (int i = 0; i < ROUNDS && need == FLOW_MORE; i++)
		need = step(flow);
	if (need == FLOW_OVER)
		return;
	if (need == FLOW_MORE)
		need = next_need(flow);
	if (need != FLOW_BUSY)
		wait_for(flow, need);
	tell(flow);
}

/* Move until that would have to wait; then wait.  Afterwards the owner may be gone. */
static void run(struct flow *flow)
{
	resume(flow, FLOW_MORE);
}

/* A pipe that blocks takes so much without waiting when it polls writable, and no more for sure. */
static gsize find_write_max(GOutputStream *stream)
{
	struct stat status;
	int fd;

	if (!G_IS_FILE_DESCRIPTOR_BASED(stream))
		return G_MAXSIZE;
	fd = g_file_descriptor_based_get_fd(G_FILE_DESCRIPTOR_BASED(stream));
	if (fstat(fd, &status) < 0 || S_ISREG(status.st_mode) || fcntl(fd, F_GETFL) & O_NONBLOCK)
		return G_MAXSIZE;
	return PIPE_BUF;
}

static gboolean can_poll_input(GInputStream *stream)
{
	return G_IS_POLLABLE_INPUT_STREAM(stream) &&
	       g_pollable_input_stream_can_poll(G_POLLABLE_INPUT_STREAM(stream));
}

static gboolean can_poll_output(GOutputStream *stream)
{
	return G_IS_POLLABLE_OUTPUT_STREAM(stream) &&
	       g_pollable_output_stream_can_poll(G_POLLABLE_OUTPUT_STREAM(stream));
}

void _vmsock_flow_start(struct flow *flow, GMainContext *context)
{
	flow->running = TRUE;
	flow->has_moved = FALSE;
	flow->bytes = 0;
	flow->head_done = flow->in_pipe = flow->start = flow->end = flow->unsent = 0;
	flow->reads_async = !can_poll_input(flow->from);
	flow->writes_async = !can_poll_output(flow->to);
	flow->write_max = find_write_max(flow->to);
	flow->context = context ? g_main_context_ref(context) : NULL;
	flow->stop = g_cancellable_new();
	try_to_splice(flow);
	wait_for(flow, next_need(flow));
}
