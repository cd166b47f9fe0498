/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forwarder-test.c - two streams joined: bytes, ends, back-pressure, failures
 *
 * Copyright (C) 2026 The vmsock authors
 *
 *	forwarder-test [CID/FAMILY...]
 *
 *	near <-> inner  =  forwarder  =  outer <-> far
 *
 * Without arguments all is on UNIX sockets.  The forwarder runs in a thread.
 */
#include "tap.h"

#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "place.h"

#define LARGE (8 * 1024 * 1024)

struct chain {
	GIOStream *near, *inner, *outer, *far;
	VmsockForwarder *forwarder;
	int ends[2];		/* VmsockForwarderEnd by direction, -1 before; -2 for two of them */
	guint moves;
	GCancellable *cancellable;
	GThread *thread;
	gboolean good;
	GError *error;
};

static GIOStream *pipe_stream(int in, int out)
{
	g_autoptr(GInputStream) input = g_unix_input_stream_new(in, TRUE);
	g_autoptr(GOutputStream) output = g_unix_output_stream_new(out, TRUE);

	return g_simple_io_stream_new(input, output);
}

static void make_pipes(GIOStream **one, GIOStream **other)
{
	int forth[2], back[2];

	if (pipe(forth) < 0 || pipe(back) < 0)
		g_error("no pipes");
	*one = pipe_stream(back[0], forth[1]);
	*other = pipe_stream(forth[0], back[1]);
}

static gpointer run(gpointer data)
{
	struct chain *chain = data;

	chain->good = vmsock_forwarder_run(chain->forwarder, chain->cancellable, &chain->error);
	return NULL;
}

static void on_moved(VmsockForwarder *forwarder G_GNUC_UNUSED,
		     VmsockDirection direction G_GNUC_UNUSED, gpointer data)
{
	((struct chain *)data)->moves++;
}

static void on_ended(VmsockForwarder *forwarder G_GNUC_UNUSED, VmsockDirection direction,
		     VmsockForwarderEnd end, const GError *error, gpointer data)
{
	struct chain *chain = data;
	bool failed = end == VMSOCK_FORWARDER_END_READ_FAILED ||
		      end == VMSOCK_FORWARDER_END_WRITE_FAILED;

	chain->ends[direction] = chain->ends[direction] == -1 && failed == (error != NULL) ?
				 (int)end : -2;
}

static void chain_join_streams(struct chain *chain)
{
	chain->forwarder = vmsock_forwarder_new(chain->inner, chain->outer);
	chain->ends[0] = chain->ends[1] = -1;
	g_signal_connect(chain->forwarder, "moved", G_CALLBACK(on_moved), chain);
	g_signal_connect(chain->forwarder, "ended", G_CALLBACK(on_ended), chain);
}

static void chain_run(struct chain *chain)
{
	chain->thread = g_thread_new("forwarder", run, chain);
}

/* The near pair may be one of pipes instead of sockets. */
static void chain_make(struct chain *chain, struct place *place, bool pipes)
{
	*chain = (struct chain){ .cancellable = g_cancellable_new() };
	if (pipes)
		make_pipes(&chain->near, &chain->inner);
	else
		place_pair(place, &chain->near, &chain->inner);
	place_pair(place, &chain->outer, &chain->far);
	chain_join_streams(chain);
}

static void chain_start(struct chain *chain, struct place *place, bool pipes)
{
	chain_make(chain, place, pipes);
	chain_run(chain);
}

static void chain_join(struct chain *chain)
{
	g_thread_join(g_steal_pointer(&chain->thread));
}

static void chain_clear(struct chain *chain)
{
	g_clear_object(&chain->forwarder);
	g_clear_object(&chain->near);
	g_clear_object(&chain->inner);
	g_clear_object(&chain->outer);
	g_clear_object(&chain->far);
	g_clear_object(&chain->cancellable);
	g_clear_error(&chain->error);
}

static int fd_of(GIOStream *connection)
{
	return g_socket_get_fd(g_socket_connection_get_socket(G_SOCKET_CONNECTION(connection)));
}

static bool put(GIOStream *connection, const void *bytes, gsize size)
{
	return g_output_stream_write_all(g_io_stream_get_output_stream(connection),
					 bytes, size, NULL, NULL, NULL);
}

static gsize get(GIOStream *connection, void *bytes, gsize size)
{
	gsize got = 0;

	g_input_stream_read_all(g_io_stream_get_input_stream(connection), bytes, size,
				&got, NULL, NULL);
	return got;
}

static bool end(GIOStream *stream)
{
	if (VMSOCK_IS_CONNECTION(stream))
		return vmsock_connection_shutdown(VMSOCK_CONNECTION(stream), FALSE, TRUE, NULL);
	return g_output_stream_close(g_io_stream_get_output_stream(stream), NULL, NULL);
}

static guint8 *make_noise(guint32 seed)
{
	guint8 *bytes = g_malloc(LARGE);

	for (gsize i = 0; i < LARGE; i++) {
		seed = seed * 1664525 + 1013904223;
		bytes[i] = (guint8)(seed >> 24);
	}
	return bytes;
}

/* A question, its end, and an answer after it. */
static void check_half_close(struct place *place, bool back, bool pipes)
{
	GIOStream *asks, *answers;
	struct chain chain;
	char text[32];

	chain_start(&chain, place, pipes);
	asks = back ? chain.far : chain.near;
	answers = back ? chain.near : chain.far;
	ok(put(asks, "question", 8) && end(asks), "a question %s%s, and its end",
	   back ? "back" : "forth", pipes ? ", over pipes" : "");
	is_u64(get(answers, text, sizeof(text)), 8, "... arrive");
	is_mem(text, "question", 8, "... unchanged");
	ok(put(answers, "answer", 6), "an answer after the end");
	is_u64(get(asks, text, 6), 6, "... arrives");
	ok(end(answers), "the end of the answer");
	is_u64(get(asks, text, sizeof(text)), 0, "... arrives");
	chain_join(&chain);
	ok(chain.good && !chain.error, "both directions are over");
	is_u64(vmsock_forwarder_get_bytes_forth(chain.forwarder), back ? 6 : 8, "bytes forth");
	is_u64(vmsock_forwarder_get_bytes_back(chain.forwarder), back ? 8 : 6, "bytes back");
	ok(chain.ends[0] == VMSOCK_FORWARDER_END_INPUT &&
	   chain.ends[1] == VMSOCK_FORWARDER_END_INPUT && chain.moves > 0,
	   "movement and ends are told");
	chain_clear(&chain);
}

/* What one thread has to send. */
struct load {
	GIOStream *connection;
	const guint8 *bytes;
	bool good;
};

static gpointer send_load(gpointer data)
{
	struct load *load = data;

	load->good = put(load->connection, load->bytes, LARGE) && end(load->connection);
	return NULL;
}

static gpointer receive_load(gpointer data)
{
	struct load *load = data;
	g_autofree guint8 *bytes = g_malloc(LARGE + 1);

	load->good = get(load->connection, bytes, LARGE + 1) == LARGE &&
		     memcmp(bytes, load->bytes, LARGE) == 0;
	return NULL;
}

static void check_both_ways(struct place *place, bool pipes)
{
	g_autofree guint8 *forth = make_noise(1), *back = make_noise(2);
	struct load loads[4];
	GThread *threads[4];
	struct chain chain;

	chain_start(&chain, place, pipes);
	loads[0] = (struct load){ chain.near, forth, false };
	loads[1] = (struct load){ chain.far, back, false };
	loads[2] = (struct load){ chain.far, forth, false };
	loads[3] = (struct load){ chain.near, back, false };
	for (int i = 0; i < 4; i++)
		threads[i] = g_thread_new("load", i < 2 ? send_load : receive_load, &loads[i]);
	for (int i = 0; i < 4; i++)
		g_thread_join(threads[i]);
	chain_join(&chain);
	ok(loads[0].good && loads[1].good, "8 MiB each way at once are sent%s",
	   pipes ? ", over pipes" : "");
	ok(loads[2].good && loads[3].good, "... and received");
	is_u64(vmsock_forwarder_get_bytes_forth(chain.forwarder), LARGE, "... and counted");
	is_u64(vmsock_forwarder_get_bytes_back(chain.forwarder), LARGE, "... both ways");
	ok(chain.good, "... to the end");
	chain_clear(&chain);
}

/* Nobody reads: what can be written comes to an end long before all memory is full. */
static void check_back_pressure(struct place *place)
{
	g_autofree guint8 *bytes = make_noise(3), *got = g_malloc(LARGE);
	struct chain chain;
	gsize sent = 0;
	int idle = 0;

	chain_start(&chain, place, false);
	while (sent < LARGE && idle < 20) {
		gssize now = send(fd_of(chain.near), bytes + sent, LARGE - sent,
				  MSG_DONTWAIT | MSG_NOSIGNAL);

		if (now > 0) {
			sent += (gsize)now;
			idle = 0;
		} else {
			idle++;
			g_usleep(10000);
		}
	}
	ok(sent > 0 && sent < LARGE / 2, "while nobody reads, %zu bytes can be written", sent);
	ok(end(chain.near), "the writer ends");
	is_u64(get(chain.far, got, LARGE), sent, "... and the reader gets all of them");
	is_mem(got, bytes, sent, "... unchanged");
	ok(end(chain.far), "the reader ends");
	chain_join(&chain);
	ok(chain.good, "... and so does all");
	chain_clear(&chain);
}

/* Nobody takes what is written: the writer learns it, and the other direction goes on. */
static void check_refusal(struct place *place)
{
	static const guint8 portion[65536];
	struct chain chain;
	char text[16];
	int tries = 0;

	chain_start(&chain, place, false);
	ok(vmsock_connection_shutdown(VMSOCK_CONNECTION(chain.far), TRUE, FALSE, NULL),
	   "the reader takes no more");
	while (tries < 2000 &&
	       send(fd_of(chain.near), portion, sizeof(portion), MSG_NOSIGNAL) >= 0)
		tries++;
	ok(tries < 2000, "... the writer learns it");
	ok(put(chain.far, "still", 5) && end(chain.far), "... but may be written to");
	is_u64(get(chain.near, text, sizeof(text)), 5, "... to the end");
	chain_join(&chain);
	ok(chain.good, "... which is no failure%s%s", chain.error ? ": " : "",
	   chain.error ? chain.error->message : "");
	is_s64(chain.ends[VMSOCK_DIRECTION_FORTH], VMSOCK_FORWARDER_END_REFUSED,
	       "... but told as a refusal");
	ok(vmsock_forwarder_get_unsent(chain.forwarder, VMSOCK_DIRECTION_FORTH) > 0,
	   "... with what was lost");
	chain_clear(&chain);
}

static void check_gone(struct place *place)
{
	struct chain chain;
	char text[16];

	chain_start(&chain, place, false);
	ok(put(chain.near, "last words", 10), "a peer writes");
	g_clear_object(&chain.near);
	is_u64(get(chain.far, text, sizeof(text)), 10, "... and goes; all arrives");
	g_clear_object(&chain.far);
	chain_join(&chain);
	ok(chain.good, "both peers have gone");
	chain_clear(&chain);
}

static void check_cancelled(struct place *place)
{
	struct chain chain;

	chain_start(&chain, place, false);
	g_usleep(20000);
	g_cancellable_cancel(chain.cancellable);
	chain_join(&chain);
	ok(!chain.good && g_error_matches(chain.error, G_IO_ERROR, G_IO_ERROR_CANCELLED),
	   "forwarding is cancelled");
	ok(vmsock_connection_is_alive(VMSOCK_CONNECTION(chain.near)) && put(chain.far, "x", 1),
	   "... and the streams are left as they are");
	chain_clear(&chain);
}

/* A peer goes that the other side does not write to: that ends both directions. */
static void check_vanished(struct place *place)
{
	struct chain chain;
	char text[16];

	chain_start(&chain, place, false);
	ok(put(chain.far, "bye", 3), "a peer writes");
	g_clear_object(&chain.far);
	is_u64(get(chain.near, text, sizeof(text)), 3, "... and goes; all arrives, and the end");
	chain_join(&chain);
	ok(chain.good, "... and the direction to it ends, though its writer is idle");
	is_s64(chain.ends[VMSOCK_DIRECTION_FORTH], VMSOCK_FORWARDER_END_REFUSED,
	       "... because nobody takes it");
	chain_clear(&chain);
}

/* Something before the first byte, while that is on its way already. */
static void check_head(struct place *place)
{
	g_autoptr(GBytes) head = g_bytes_new_static("PROXY", 5);
	struct chain chain;
	char text[16];

	chain_make(&chain, place, false);
	vmsock_forwarder_set_head(chain.forwarder, VMSOCK_DIRECTION_FORTH, head);
	vmsock_forwarder_set_portion(chain.forwarder, 1);
	is_u64(vmsock_forwarder_get_portion(chain.forwarder), 1024, "the least portion");
	ok(put(chain.near, " body", 5) && end(chain.near), "bytes for behind a head");
	chain_run(&chain);
	is_u64(get(chain.far, text, sizeof(text)), 10, "... arrive");
	is_mem(text, "PROXY body", 10, "... behind the head");
	ok(put(chain.far, "answer", 6) && end(chain.far) && get(chain.near, text, 16) == 6,
	   "an answer has none");
	chain_join(&chain);
	is_u64(vmsock_forwarder_get_bytes_forth(chain.forwarder), 5, "... and it does not count");
	chain_clear(&chain);
}

static void check_idle(struct place *place)
{
	struct chain chain;

	chain_make(&chain, place, false);
	vmsock_forwarder_set_idle_timeout(chain.forwarder, 50);
	chain_run(&chain);
	chain_join(&chain);
	ok(!chain.good && g_error_matches(chain.error, VMSOCK_ERROR, VMSOCK_ERROR_TIMED_OUT),
	   "silence ends forwarding");
	ok(chain.ends[0] == -1 && chain.ends[1] == -1, "... in both directions");
	ok(vmsock_connection_is_alive(VMSOCK_CONNECTION(chain.near)) && put(chain.far, "x", 1),
	   "... and the streams are left as they are");
	chain_clear(&chain);
}

/* The near side takes nothing and has a pipe that blocks; the other direction must go on. */
static void check_full_pipe(struct place *place)
{
	g_autofree guint8 *bytes = make_noise(4);
	struct load sent = { .bytes = bytes }, received = { .bytes = bytes };
	struct chain chain;
	GThread *thread;
	char text[16];

	chain_start(&chain, place, true);
	sent.connection = chain.far;
	received.connection = chain.near;
	thread = g_thread_new("load", send_load, &sent);
	g_usleep(100000);
	ok(put(chain.near, "still here", 10), "behind a full pipe somebody writes");
	is_u64(get(chain.far, text, 10), 10, "... and is heard");
	receive_load(&received);
	g_thread_join(thread);
	ok(sent.good && received.good, "... and the pipe gets everything");
	ok(end(chain.near), "... to the end");
	chain_join(&chain);
	chain_clear(&chain);
}

/* Files cannot be waited for. */
static void check_files(struct place *place)
{
	g_autofree guint8 *bytes = make_noise(5), *got = g_malloc(LARGE + 1);
	g_autofree char *name = NULL, *copied = NULL;
	struct chain chain = { 0 };
	gsize size;
	int fd;

	fd = g_file_open_tmp("vmsock-forwarder-XXXXXX", &name, NULL);
	if (fd < 0 || write(fd, bytes, LARGE) != LARGE || lseek(fd, 0, SEEK_SET) != 0)
		g_error("no file");
	place_pair(place, &chain.near, &chain.outer);
	chain.inner = pipe_stream(fd, g_open("copy", O_CREAT | O_TRUNC | O_WRONLY, 0600));
	chain_join_streams(&chain);
	chain_run(&chain);
	is_u64(get(chain.near, got, LARGE + 1), LARGE, "a file is sent to its end");
	is_mem(got, bytes, LARGE, "... unchanged");
	ok(put(chain.near, bytes, LARGE) && end(chain.near), "... and may be received");
	chain_join(&chain);
	ok(chain.good && g_file_get_contents("copy", &copied, &size, NULL) && size == LARGE &&
	   memcmp(copied, bytes, LARGE) == 0, "... complete");
	g_unlink("copy");
	g_unlink(name);
	chain_clear(&chain);
}

/* Memory, without a descriptor; and a failure to write. */
static void check_full_disk(struct place *place)
{
	g_autoptr(GInputStream) input = g_memory_input_stream_new_from_data("x", 1, NULL);
	g_autoptr(GOutputStream) output = NULL;
	struct chain chain = { 0 };

	output = g_unix_output_stream_new(g_open("/dev/full", O_WRONLY, 0), TRUE);
	place_pair(place, &chain.near, &chain.outer);
	chain.inner = g_simple_io_stream_new(input, output);
	chain_join_streams(&chain);
	ok(put(chain.near, "too much", 8), "bytes for a disk that is full");
	chain_run(&chain);
	chain_join(&chain);
	ok(!chain.good && g_error_matches(chain.error, G_IO_ERROR, G_IO_ERROR_NO_SPACE),
	   "... are a failure");
	is_s64(chain.ends[VMSOCK_DIRECTION_BACK], VMSOCK_FORWARDER_END_WRITE_FAILED,
	       "... to write");
	is_u64(vmsock_forwarder_get_unsent(chain.forwarder, VMSOCK_DIRECTION_BACK), 8,
	       "... and not sent");
	chain_clear(&chain);
}

static void check_ends(struct place *place)
{
	for (int i = 0; i < 4; i++)
		check_half_close(place, i & 1, i & 2);
	check_refusal(place);
	check_gone(place);
	check_vanished(place);
	check_head(place);
	check_idle(place);
	check_cancelled(place);
}

static void check_place(const char *name)
{
	struct place place;
	int before;

	diag("%s", name ? name : "a UNIX socket");
	place_init(&place, name);
	check_ends(&place);
	check_both_ways(&place, false);
	check_both_ways(&place, true);
	check_back_pressure(&place);
	check_full_pipe(&place);
	check_files(&place);
	check_full_disk(&place);
	/* GLib keeps some descriptors of its own from the first use on. */
	before = count_settled();
	check_ends(&place);
	is_s64(count_settled(), before, "no descriptor is left");
	place_clear(&place);
}

int main(int argc, char **argv)
{
	if (argc == 1)
		check_place(NULL);
	for (int i = 1; i < argc; i++)
		check_place(argv[i]);
	return done_testing();
}
