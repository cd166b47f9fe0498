/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trouble-test.c - streams amid a transfer: a peer that stalls, resets, or ends one half
 *
 * Copyright (C) 2026 The vmsock authors
 *
 *	trouble-test [CID/FAMILY...]
 *
 * Without arguments all is on UNIX sockets.
 */
#include "tap.h"

#include "place.h"

#define LARGE (4 * 1024 * 1024)
#define MOMENT_US 50000

static guint8 bytes[LARGE], got[LARGE];

struct pair {
	GIOStream *near, *far;
	GCancellable *cancellable;
	/* What writing from near has come to */
	bool good, over;
	gsize written;
	GError *error;
};

static void pair_init(struct pair *pair, struct place *place)
{
	*pair = (struct pair){ .cancellable = g_cancellable_new() };
	place_pair(place, &pair->near, &pair->far);
}

static void pair_clear(struct pair *pair)
{
	g_clear_object(&pair->near);
	g_clear_object(&pair->far);
	g_clear_object(&pair->cancellable);
	g_clear_error(&pair->error);
}

static GSocket *socket_of(GIOStream *stream)
{
	return g_socket_connection_get_socket(G_SOCKET_CONNECTION(stream));
}

static bool shut(GIOStream *stream, bool reading)
{
	return g_socket_shutdown(socket_of(stream), reading, !reading, NULL);
}

static gssize read_some(GIOStream *stream, void *buffer, gsize size, GCancellable *cancellable,
			GError **error)
{
	return g_input_stream_read(g_io_stream_get_input_stream(stream), buffer, size, cancellable,
				   error);
}

static bool passes(GIOStream *from, GIOStream *to)
{
	guint8 byte = 0;

	return g_output_stream_write(g_io_stream_get_output_stream(from), "x", 1, NULL, NULL) ==
		       1 &&
	       read_some(to, &byte, 1, NULL, NULL) == 1 && byte == 'x';
}

/* Does this come from the stream, and then its end? */
static bool rest_is(GIOStream *stream, gsize size)
{
	gsize received = 0;

	return g_input_stream_read_all(g_io_stream_get_input_stream(stream), got, LARGE, &received,
				       NULL, NULL) &&
	       received == size && memcmp(got, bytes, size) == 0;
}

static VmsockError cause(GIOStream *stream, const GError *error)
{
	return vmsock_connection_get_cause(VMSOCK_CONNECTION(stream), error);
}

static gpointer cancel_soon(gpointer cancellable)
{
	g_usleep(MOMENT_US);
	g_cancellable_cancel(cancellable);
	return NULL;
}

static gboolean on_cancel(gpointer cancellable)
{
	g_cancellable_cancel(cancellable);
	return G_SOURCE_REMOVE;
}

static gpointer write_large(gpointer data)
{
	struct pair *pair = data;

	pair->good = g_output_stream_write_all(g_io_stream_get_output_stream(pair->near), bytes,
					       LARGE, &pair->written, pair->cancellable,
					       &pair->error);
	return NULL;
}

static void on_written(GObject *stream, GAsyncResult *result, gpointer data)
{
	struct pair *pair = data;

	pair->good = g_output_stream_write_all_finish(G_OUTPUT_STREAM(stream), result,
						      &pair->written, &pair->error);
	pair->over = true;
}

static void on_read(GObject *stream, GAsyncResult *result, gpointer data)
{
	struct pair *pair = data;

	pair->good = g_input_stream_read_finish(G_INPUT_STREAM(stream), result, &pair->error) > 0;
	pair->over = true;
}

static void run_and_cancel(struct pair *pair)
{
	g_timeout_add(MOMENT_US / 1000, on_cancel, pair->cancellable);
	while (!pair->over)
		g_main_context_iteration(NULL, TRUE);
	pair->over = false;
}

static bool was_cancelled(struct pair *pair)
{
	bool cancelled = !pair->good &&
			 g_error_matches(pair->error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

	g_clear_error(&pair->error);
	g_cancellable_reset(pair->cancellable);
	return cancelled;
}

/* A peer that does not read, or does not write: waiting can be given up, and nothing is lost. */
static void check_stall(struct place *place, bool async)
{
	const char *how = async ? ", asynchronous" : "";
	GThread *thread;
	struct pair pair;
	guint8 byte;

	pair_init(&pair, place);
	if (async) {
		g_input_stream_read_async(g_io_stream_get_input_stream(pair.near), &byte, 1,
					  G_PRIORITY_DEFAULT, pair.cancellable, on_read, &pair);
		run_and_cancel(&pair);
	} else {
		thread = g_thread_new("cancel", cancel_soon, pair.cancellable);
		pair.good = read_some(pair.near, &byte, 1, pair.cancellable, &pair.error) > 0;
		g_thread_join(thread);
	}
	ok(was_cancelled(&pair), "a peer that is silent%s: reading is cancelled", how);
	ok(passes(pair.far, pair.near), "... and later reads what comes");
	if (async) {
		g_output_stream_write_all_async(g_io_stream_get_output_stream(pair.near), bytes,
						LARGE, G_PRIORITY_DEFAULT, pair.cancellable,
						on_written, &pair);
		run_and_cancel(&pair);
	} else {
		thread = g_thread_new("cancel", cancel_soon, pair.cancellable);
		write_large(&pair);
		g_thread_join(thread);
	}
	ok(was_cancelled(&pair), "a peer that does not read%s: writing is cancelled", how);
	ok(pair.written > 0 && pair.written < LARGE && shut(pair.near, false) &&
	   rest_is(pair.far, pair.written), "... and it gets as much as was written");
	pair_clear(&pair);
}

static void check_time(struct place *place)
{
	struct pair pair;
	guint8 byte;

	pair_init(&pair, place);
	g_socket_set_timeout(socket_of(pair.near), 1);
	pair.good = read_some(pair.near, &byte, 1, NULL, &pair.error) > 0;
	ok(!pair.good && cause(pair.near, pair.error) == VMSOCK_ERROR_TIMED_OUT,
	   "a time limit: reading fails, because of it");
	g_clear_error(&pair.error);
	write_large(&pair);
	ok(!pair.good && cause(pair.near, pair.error) == VMSOCK_ERROR_TIMED_OUT,
	   "... and writing");
	ok(shut(pair.near, false) && rest_is(pair.far, pair.written), "... and nothing is lost");
	pair_clear(&pair);
}

/* @reading: it takes no more, but sends; else it is gone. */
static void check_reset(struct place *place, bool reading)
{
	const char *who = reading ? "a peer that takes no more" : "a peer that goes";
	struct pair pair;
	GThread *thread;
	gssize size;

	pair_init(&pair, place);
	thread = g_thread_new("write", write_large, &pair);
	g_input_stream_read_all(g_io_stream_get_input_stream(pair.far), got, 100000, NULL, NULL,
				NULL);
	if (reading)
		shut(pair.far, true);
	else
		g_clear_object(&pair.far);
	g_thread_join(thread);
	ok(!pair.good && cause(pair.near, pair.error) == VMSOCK_ERROR_RESET,
	   "%s: writing fails, because of it", who);
	ok(pair.written >= 65536 && pair.written < LARGE, "... amid the transfer");
	g_clear_error(&pair.error);
	if (reading) {
		ok(passes(pair.far, pair.near), "... and reading goes on");
	} else {
		size = read_some(pair.near, got, 1, NULL, &pair.error);
		ok(size == 0 || (size < 0 && cause(pair.near, pair.error) == VMSOCK_ERROR_RESET),
		   "... and reading is at its end");
	}
	pair_clear(&pair);
}

static void check_half_close(struct place *place)
{
	struct pair pair;
	GThread *thread;
	guint8 byte;

	pair_init(&pair, place);
	thread = g_thread_new("write", write_large, &pair);
	g_input_stream_read_all(g_io_stream_get_input_stream(pair.far), got, 100000, NULL, NULL,
				NULL);
	shut(pair.far, false);
	ok(read_some(pair.near, &byte, 1, NULL, NULL) == 0, "a peer that sends no more: the end");
	ok(g_input_stream_read_all(g_io_stream_get_input_stream(pair.far), got + 100000,
				   LARGE - 100000, NULL, NULL, NULL) &&
	   memcmp(got, bytes, LARGE) == 0, "... and it gets all that is written");
	g_thread_join(thread);
	ok(pair.good && pair.written == LARGE, "... which was a success");
	pair_clear(&pair);
}

static void check_place(const char *name)
{
	struct place place;

	diag("%s", name ? name : "a UNIX socket");
	place_init(&place, name);
	check_stall(&place, false);
	check_stall(&place, true);
	check_time(&place);
	check_reset(&place, false);
	/*
	 * A UNIX socket with a full queue does not tell whoever polls it.  The kernel's own vsock
	 * does not, either (docs/known-defects.md, M14).
	 */
	if (place.stack && vmsock_stack_get_kind(place.stack) == VMSOCK_STACK_KIND_VMSOCK)
		check_reset(&place, true);
	check_half_close(&place);
	place_clear(&place);
}

int main(int argc, char **argv)
{
	for (gsize i = 0; i < LARGE; i++)
		bytes[i] = (guint8)(i * 131 + (i >> 8) * 7 + (i >> 16));
	if (argc == 1)
		check_place(NULL);
	for (int i = 1; i < argc; i++)
		check_place(argv[i]);
	return done_testing();
}
