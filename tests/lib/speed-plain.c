/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * speed-plain.c - the library beside bare sockets: throughput and connections
 *
 * Copyright (C) 2026 The vmsock authors
 *
 *	speed-plain CID/FAMILY [SECONDS]
 *
 * Rounds alternate between the two, so that whatever else the machine does hits both; of each the
 * best round counts. Prints ratios, and fails on none of them: a guest's clock is no judge. It
 * fails if data is lost.
 */
#include "tap.h"

#include <sys/socket.h>
#include <unistd.h>

#include "place.h"
#include "vmci_sockets.h"

#define ROUNDS 5

static double round_seconds = 0.4;
static struct place place;

static double now(void)
{
	return (double)g_get_monotonic_time() / G_USEC_PER_SEC;
}

/* Sends @size at a time until the round is over, then ends; the peer counts in a thread. */
struct sink {
	bool bare;
	gsize size;
	int listener;
	VmsockListener *library;
	guint64 bytes;
	double end;
};

static guint64 drain_bare(int fd, guint8 *buffer, gsize size)
{
	guint64 bytes = 0;
	ssize_t got;

	while ((got = recv(fd, buffer, size, 0)) > 0)
		bytes += (guint64)got;
	close(fd);
	return bytes;
}

static guint64 drain_library(VmsockConnection *connection, guint8 *buffer, gsize size)
{
	GInputStream *input = g_io_stream_get_input_stream(G_IO_STREAM(connection));
	guint64 bytes = 0;
	gssize got;

	while ((got = g_input_stream_read(input, buffer, size, NULL, NULL)) > 0)
		bytes += (guint64)got;
	g_object_unref(connection);
	return bytes;
}

static gpointer sink_run(gpointer data)
{
	struct sink *sink = data;
	g_autofree guint8 *buffer = g_malloc(sink->size);

	if (sink->bare)
		sink->bytes = drain_bare(accept(sink->listener, NULL, NULL), buffer, sink->size);
	else
		sink->bytes = drain_library(vmsock_listener_accept(sink->library, NULL, NULL),
					    buffer, sink->size);
	sink->end = now();
	return NULL;
}

static int bare_listener(struct sockaddr_vm *address)
{
	socklen_t length = sizeof(*address);
	int family = vmsock_stack_get_family(place.stack);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_vm){
		.svm_family = (sa_family_t)family, .svm_cid = VMADDR_CID_ANY,
		.svm_port = VMADDR_PORT_ANY,
	};
	if (bind(fd, (struct sockaddr *)address, sizeof(*address)) < 0 || listen(fd, 10) < 0 ||
	    getsockname(fd, (struct sockaddr *)address, &length) < 0)
		g_error("no bare listener");
	address->svm_cid = place.cid;
	return fd;
}

static int bare_connect(const struct sockaddr_vm *address)
{
	int fd = socket(address->svm_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		g_error("no bare connection");
	return fd;
}

static guint64 fill_bare(int fd, const guint8 *buffer, gsize size, double until)
{
	guint64 bytes = 0;
	ssize_t put;

	while (now() < until && (put = send(fd, buffer, size, MSG_NOSIGNAL)) > 0)
		bytes += (guint64)put;
	close(fd);
	return bytes;
}

static guint64 fill_library(VmsockConnection *connection, const guint8 *buffer, gsize size,
			    double until)
{
	GOutputStream *output = g_io_stream_get_output_stream(G_IO_STREAM(connection));
	guint64 bytes = 0;
	gssize put;

	while (now() < until &&
	       (put = g_output_stream_write(output, buffer, size, NULL, NULL)) > 0)
		bytes += (guint64)put;
	g_object_unref(connection);
	return bytes;
}

/* Bytes a second. */
static double throughput(bool bare, gsize size)
{
	g_autoptr(VmsockListener) listener = vmsock_listener_new();
	g_autoptr(VmsockClient) client = place_client(&place);
	g_autoptr(VmsockAddress) address = NULL;
	g_autofree guint8 *buffer = g_malloc0(size);
	struct sink sink = { .bare = bare, .size = size, .library = listener, .listener = -1 };
	struct sockaddr_vm native;
	GThread *thread;
	guint64 sent;
	double begun;

	if (bare)
		sink.listener = bare_listener(&native);
	else
		address = place_listen(&place, listener);
	thread = g_thread_new("sink", sink_run, &sink);
	begun = now();
	sent = bare ? fill_bare(bare_connect(&native), buffer, size, begun + round_seconds)
		    : fill_library(vmsock_client_connect(client, address, NULL, NULL), buffer, size,
				   begun + round_seconds);
	g_thread_join(thread);
	if (bare)
		close(sink.listener);
	if (sent != sink.bytes)
		ok(false, "%zu bytes at a time: all arrive", size);
	return (double)sent / (sink.end - begun);
}

/* Connections a second, made and accepted in one thread. */
static double connections(bool bare, gsize unused)
{
	g_autoptr(VmsockListener) listener = vmsock_listener_new();
	g_autoptr(VmsockClient) client = place_client(&place);
	g_autoptr(VmsockAddress) address = NULL;
	struct sockaddr_vm native;
	double begun;
	int fd = -1, count = 0;

	(void)unused;
	if (bare)
		fd = bare_listener(&native);
	else
		address = place_listen(&place, listener);
	begun = now();
	for (; now() < begun + round_seconds; count++) {
		if (bare) {
			int one = bare_connect(&native), other = accept(fd, NULL, NULL);

			close(one);
			close(other);
		} else {
			VmsockConnection *one = vmsock_client_connect(client, address, NULL, NULL);
			VmsockConnection *other = vmsock_listener_accept(listener, NULL, NULL);

			g_object_unref(one);
			g_object_unref(other);
		}
	}
	if (bare)
		close(fd);
	return count / (now() - begun);
}

static void compare(const char *what, double (*measure)(bool bare, gsize size), gsize size,
		    double unit, const char *name)
{
	double bare = 0, library = 0;

	for (int i = 0; i < ROUNDS; i++) {
		bare = MAX(bare, measure(true, size));
		library = MAX(library, measure(false, size));
	}
	ok(bare > 0 && library > 0, "%s: library %.0f %s, bare %.0f, ratio %.3f", what,
	   library / unit, name, bare / unit, library / bare);
}

int main(int argc, char **argv)
{
	static const gsize sizes[] = { 4096, 16384, 65536, 262144 };

	if (argc < 2)
		return 2;
	if (argc > 2)
		round_seconds = g_ascii_strtod(argv[2], NULL);
	place_init(&place, argv[1]);
	for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
		g_autofree char *what = g_strdup_printf("%zu bytes at a time", sizes[i]);

		compare(what, throughput, sizes[i], 1024 * 1024, "MiB/s");
	}
	compare("connections", connections, 0, 1, "a second");
	place_clear(&place);
	return done_testing();
}
