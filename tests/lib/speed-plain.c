/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * speed-plain.c - the library beside bare sockets: throughput and connections
 *
 * Copyright (C) 2026 The vmsock authors
 *
 *	speed-plain CID/FAMILY [SECONDS]
 *
 * Rounds alternate between the two, so that whatever else the machine does hits both; of each the
 * best round counts.  The least ratios are goals only where time is what is executed, not what
 * a clock says: if SECONDS are given.  Lost data is a failure anywhere.
 *
 * Connections are measured twice: as a server in a thread of its own closes them and the client
 * reads the end; and with nothing at all around them, both ends in one thread, which is all cost
 * of the objects and the most that they can cost.  Without GIO's own objects that would be nearly
 * the bare sockets: so the library is compared with bare sockets in those, and what it costs with
 * what GIO's client and listener cost on UNIX sockets.
 */
#include "tap.h"

#include <gio/gunixsocketaddress.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "place.h"
#include "vmci_sockets.h"

#define ROUNDS 2
/* So many fit into a second for sure. */
#define CONNECTIONS 5000

static double round_seconds = 0.4;
static bool has_goals;
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

static GObject *wrap(int fd)
{
	g_autoptr(GSocket) socket = g_socket_new_from_fd(fd, NULL);

	return g_object_new(G_TYPE_SOCKET_CONNECTION, "socket", socket, NULL);
}

/* The same, where the bare ones have objects of GIO around them: what those cost, the library
 * cannot avoid. */
static double wrapped_connections(bool bare, gsize unused)
{
	struct sockaddr_vm native;
	double begun;
	int fd, count = 0;

	if (!bare)
		return connections(false, unused);
	fd = bare_listener(&native);
	begun = now();
	for (; now() < begun + round_seconds; count++) {
		GObject *one = wrap(bare_connect(&native));
		GObject *other = wrap(accept(fd, NULL, NULL));

		g_object_unref(one);
		g_object_unref(other);
	}
	close(fd);
	return count / (now() - begun);
}

static void meet_unix_bare(int listener, const struct sockaddr *address, socklen_t length)
{
	int one = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), other;

	if (connect(one, address, length) < 0)
		g_error("no UNIX connection");
	other = accept(listener, NULL, NULL);
	close(one);
	close(other);
}

static void meet_unix(GSocketClient *client, GSocketListener *listener, GSocketAddress *address)
{
	GObject *one = G_OBJECT(g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address), NULL,
							NULL));
	GObject *other = G_OBJECT(g_socket_listener_accept(listener, NULL, NULL, NULL));

	g_object_unref(one);
	g_object_unref(other);
}

/* UNIX connections a second, bare and by GIO. */
static double unix_connections(bool bare, gsize unused G_GNUC_UNUSED)
{
	g_autoptr(GSocketListener) listener = g_socket_listener_new();
	g_autoptr(GSocketClient) client = g_socket_client_new();
	g_autoptr(GSocketAddress) address = NULL;
	struct sockaddr_un native;
	socklen_t length;
	double begun;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), count = 0;

	address = g_unix_socket_address_new_with_type(bare ? "speed-bare" : "speed-gio", -1,
						      G_UNIX_SOCKET_ADDRESS_ABSTRACT);
	length = (socklen_t)g_socket_address_get_native_size(address);
	g_socket_address_to_native(address, &native, sizeof(native), NULL);
	if (bare && (bind(fd, (struct sockaddr *)&native, length) < 0 || listen(fd, 10) < 0))
		g_error("no UNIX listener");
	if (!bare)
		g_socket_listener_add_address(listener, address, G_SOCKET_TYPE_STREAM, 0, NULL,
					      NULL, NULL);
	begun = now();
	for (; now() < begun + round_seconds; count++) {
		if (bare)
			meet_unix_bare(fd, (struct sockaddr *)&native, length);
		else
			meet_unix(client, listener, address);
	}
	close(fd);
	return count / (now() - begun);
}

/* Takes so many connections and closes them. */
struct closer {
	int fd;				/* -1: @library */
	VmsockListener *library;
	int count;
};

static gpointer closer_run(gpointer data)
{
	struct closer *closer = data;

	for (int i = 0; i < closer->count; i++) {
		if (closer->fd >= 0)
			close(accept(closer->fd, NULL, NULL));
		else
			g_object_unref(vmsock_listener_accept(closer->library, NULL, NULL));
	}
	return NULL;
}

static void meet_bare(const struct sockaddr_vm *address)
{
	int fd = bare_connect(address);
	char byte;

	if (recv(fd, &byte, 1, 0) != 0)
		ok(false, "a bare connection ends");
	close(fd);
}

static void meet_library(VmsockClient *client, VmsockAddress *address)
{
	g_autoptr(VmsockConnection) connection = vmsock_client_connect(client, address, NULL, NULL);
	char byte;

	if (g_input_stream_read(g_io_stream_get_input_stream(G_IO_STREAM(connection)), &byte, 1,
				NULL, NULL) != 0)
		ok(false, "a connection ends");
}

/* Connections a second, to a server that closes them. */
static double served_connections(bool bare, gsize unused G_GNUC_UNUSED)
{
	g_autoptr(VmsockListener) listener = vmsock_listener_new();
	g_autoptr(VmsockClient) client = place_client(&place);
	g_autoptr(VmsockAddress) address = NULL;
	struct closer closer = { .fd = -1, .library = listener,
				 .count = (int)(round_seconds * CONNECTIONS) };
	struct sockaddr_vm native;
	GThread *thread;
	double begun;

	if (bare)
		closer.fd = bare_listener(&native);
	else
		address = place_listen(&place, listener);
	thread = g_thread_new("closer", closer_run, &closer);
	begun = now();
	for (int i = 0; i < closer.count; i++) {
		if (bare)
			meet_bare(&native);
		else
			meet_library(client, address);
	}
	g_thread_join(thread);
	if (bare)
		close(closer.fd);
	return closer.count / (now() - begun);
}

/* Returns what a unit costs more than with bare sockets, in microseconds. */
static double compare(const char *what, double (*measure)(bool bare, gsize size), gsize size,
		      double unit, const char *name, double goal)
{
	double bare = 0, library = 0;

	for (int i = 0; i < ROUNDS; i++) {
		bare = MAX(bare, measure(true, size));
		library = MAX(library, measure(false, size));
	}
	diag("%s: %.0f %s, bare %.0f, ratio %.3f", what, library / unit, name, bare / unit,
	     library / bare);
	ok(bare > 0 && library >= bare * (has_goals ? goal : 0), "%s: at least %.2f", what, goal);
	return (1 / library - 1 / bare) * unit * G_USEC_PER_SEC;
}

static void compare_connections(void)
{
	double library, gio;

	compare("connections to a server", served_connections, 0, 1, "a second", 0.5);
	library = compare("connections in one thread", connections, 0, 1, "a second", 0.5);
	compare("the same, bare in objects of GIO", wrapped_connections, 0, 1, "a second", 0.8);
	gio = compare("GIO's own on UNIX sockets", unix_connections, 0, 1, "a second", 0.4);
	diag("a connection costs %.1f us more than with bare sockets, GIO's own %.1f", library,
	     gio);
	ok(!has_goals || library <= gio * 1.25, "that is at most a quarter more than GIO's own");
}

int main(int argc, char **argv)
{
	static const gsize sizes[] = { 4096, 16384, 65536, 262144 };

	if (argc < 2)
		return 2;
	if (argc > 2)
		round_seconds = g_ascii_strtod(argv[2], NULL);
	has_goals = argc > 2;
	place_init(&place, argv[1]);
	for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
		g_autofree char *what = g_strdup_printf("%zu bytes at a time", sizes[i]);

		compare(what, throughput, sizes[i], 1024 * 1024, "MiB/s",
			sizes[i] < 16384 ? 0.85 : 0.95);
	}
	compare_connections();
	place_clear(&place);
	return done_testing();
}
