/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cancel-test.c - connect and accept, cancelled before each system call that they make
 *
 * Copyright (C) 2026 The vmsock authors
 *
 *	cancel-test [CID/FAMILY...]
 *
 * Without arguments all is on UNIX sockets, a monitor's among them.  The calls that count are
 * caught on their way to the C library, in the thread of the test.  Whatever comes of it is a
 * connection that works or G_IO_ERROR_CANCELLED, and no descriptor is left.  Who waits to be
 * accepted waits on, or is told that it is over.
 */
#define _GNU_SOURCE	/* RTLD_NEXT */
#include "tap.h"

#include <dlfcn.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "monitor.h"
#include "place.h"

#define MOST_POINTS 1000
#define PATIENCE 10000		/* milliseconds */

/* How many calls there are to go until @victim is cancelled; 0: none will be. */
static __thread int countdown;
static GCancellable *victim;

static void point(void)
{
	if (countdown > 0 && --countdown == 0)
		g_cancellable_cancel(victim);
}

static void *next(const char *name)
{
	void *function = dlsym(RTLD_NEXT, name);

	return function ? function : (abort(), NULL);
}

#define CATCH(type, name, parameters, arguments)	\
	type name parameters				\
	{						\
		static type (*real) parameters;		\
							\
		if (!real)				\
			*(void **)&real = next(#name);	\
		point();				\
		return real arguments;			\
	}

CATCH(int, socket, (int family, int type, int protocol), (family, type, protocol))
CATCH(int, bind, (int fd, __CONST_SOCKADDR_ARG address, socklen_t size), (fd, address, size))
CATCH(int, connect, (int fd, __CONST_SOCKADDR_ARG address, socklen_t size), (fd, address, size))
CATCH(int, accept, (int fd, __SOCKADDR_ARG address, socklen_t *size), (fd, address, size))
CATCH(int, accept4, (int fd, __SOCKADDR_ARG address, socklen_t *size, int flags),
      (fd, address, size, flags))
CATCH(int, poll, (struct pollfd *fds, nfds_t count, int timeout), (fds, count, timeout))
CATCH(ssize_t, send, (int fd, const void *bytes, size_t size, int flags), (fd, bytes, size, flags))
CATCH(ssize_t, recv, (int fd, void *bytes, size_t size, int flags), (fd, bytes, size, flags))
CATCH(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *size),
      (fd, level, name, value, size))
CATCH(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t size),
      (fd, level, name, value, size))

/* One attempt */

struct trial {
	VmsockClient *client;
	VmsockAddress *address;		/* to connect to */
	VmsockListener *listener;
	GCancellable *cancellable;
	bool over;
	VmsockConnection *connection;
	GError *error;
};

static void on_connected(GObject *source, GAsyncResult *result, gpointer data)
{
	struct trial *trial = data;

	trial->connection = vmsock_client_connect_finish(VMSOCK_CLIENT(source), result,
							 &trial->error);
	trial->over = true;
}

static void on_accepted(GObject *source, GAsyncResult *result, gpointer data)
{
	struct trial *trial = data;

	trial->connection = vmsock_listener_accept_finish(VMSOCK_LISTENER(source), result,
							  &trial->error);
	trial->over = true;
}

static void run_until_over(struct trial *trial)
{
	trial->over = false;
	while (!trial->over)
		g_main_context_iteration(NULL, TRUE);
}

static void connect_now(struct trial *trial)
{
	trial->connection = vmsock_client_connect(trial->client, trial->address,
						  trial->cancellable, &trial->error);
}

static void connect_later(struct trial *trial)
{
	vmsock_client_connect_async(trial->client, trial->address, trial->cancellable, on_connected,
				    trial);
	run_until_over(trial);
}

static void accept_now(struct trial *trial)
{
	trial->connection = vmsock_listener_accept(trial->listener, trial->cancellable,
						   &trial->error);
}

static void accept_later(struct trial *trial)
{
	vmsock_listener_accept_async(trial->listener, trial->cancellable, on_accepted, trial);
	run_until_over(trial);
}

/* @attempt, cancelled before call @number; was there such a call? */
static bool cancel_at(struct trial *trial, void (*attempt)(struct trial *trial), int number)
{
	bool reached;

	trial->cancellable = victim = g_cancellable_new();
	countdown = number;
	attempt(trial);
	reached = countdown == 0;
	countdown = 0;
	g_clear_object(&trial->cancellable);
	return reached;
}

/* A connection that works, or an error that says why there is none; and nothing if not @reached. */
static bool is_consistent(const struct trial *trial, bool reached)
{
	if (trial->connection)
		return !trial->error;
	if (reached && g_error_matches(trial->error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		return true;
	diag("%s", trial->error ? trial->error->message : "neither connection nor error");
	return false;
}

static bool put(VmsockConnection *connection, char byte)
{
	return g_output_stream_write(g_io_stream_get_output_stream(G_IO_STREAM(connection)), &byte,
				     1, NULL, NULL) == 1;
}

static bool get(VmsockConnection *connection, char want)
{
	char byte = 0;

	return g_input_stream_read(g_io_stream_get_input_stream(G_IO_STREAM(connection)), &byte, 1,
				   NULL, NULL) == 1 && byte == want;
}

static void drop(VmsockConnection **connection)
{
	if (*connection)
		g_io_stream_close(G_IO_STREAM(*connection), NULL, NULL);
	g_clear_object(connection);
}

static void forget(struct trial *trial)
{
	drop(&trial->connection);
	g_clear_error(&trial->error);
}

/* Whoever serves may still be closing. */
static bool come_back_to(int descriptors)
{
	for (int waited = 0; waited < PATIENCE && count_descriptors() > descriptors; waited++)
		g_usleep(1000);
	return count_descriptors() <= descriptors;
}

/* Connecting, to somebody who sends back what comes */

/* Some connects wait, and then it must be possible to cancel them. */
static void check_connect(struct trial *trial, void (*attempt)(struct trial *trial), bool waits,
			  const char *what)
{
	int before, number = 0, cancelled = 0;
	bool reached, good = true;

	attempt(trial);
	forget(trial);
	before = count_settled();
	do {
		reached = cancel_at(trial, attempt, ++number);
		good = is_consistent(trial, reached) && good;
		if (trial->connection)
			good = put(trial->connection, 'x') && get(trial->connection, 'x') && good;
		else
			cancelled++;
		forget(trial);
	} while (reached && good && number < MOST_POINTS);
	ok(good && !reached && number > 4, "%s: cancelled before each of %d calls", what,
	   number - 1);
	ok(cancelled > 0 || !waits, "... %d times with an effect", cancelled);
	if (!ok(come_back_to(before), "... no descriptor is left"))
		diag("%d, not %d", count_descriptors(), before);
}

/* Accepting */

static bool has_ended(VmsockConnection *peer)
{
	GSocket *socket = g_socket_connection_get_socket(G_SOCKET_CONNECTION(peer));

	return g_socket_condition_check(socket, G_IO_IN | G_IO_HUP) != 0;
}

/* After an accept that was cancelled, @peer is accepted now, or was closed. */
static bool accept_again(struct trial *trial, VmsockConnection *peer)
{
	bool ended = false;

	g_clear_error(&trial->error);
	trial->cancellable = g_cancellable_new();
	vmsock_listener_accept_async(trial->listener, trial->cancellable, on_accepted, trial);
	for (trial->over = false; !trial->over; g_usleep(100)) {
		ended = has_ended(peer);
		if (ended)
			g_cancellable_cancel(trial->cancellable);
		g_main_context_iteration(NULL, FALSE);
	}
	g_clear_object(&trial->cancellable);
	return trial->connection || (ended && is_consistent(trial, true));
}

static void check_accept(struct trial *trial, void (*attempt)(struct trial *trial),
			 const char *what)
{
	int before = count_settled(), number = 0, cancelled = 0;
	bool reached, good = true;

	do {
		VmsockConnection *peer = vmsock_client_connect(trial->client, trial->address, NULL,
							       &trial->error);

		reached = peer && cancel_at(trial, attempt, ++number);
		good = peer && is_consistent(trial, reached);
		if (good && !trial->connection) {
			cancelled++;
			good = accept_again(trial, peer);
		}
		if (good && trial->connection)
			good = put(trial->connection, 'x') && get(peer, 'x') && put(peer, 'y') &&
			       get(trial->connection, 'y');
		forget(trial);
		drop(&peer);
	} while (reached && good && number < MOST_POINTS);
	ok(good && !reached && number > 2, "%s: cancelled before each of %d calls", what,
	   number - 1);
	ok(cancelled > 0, "... %d times with an effect", cancelled);
	if (!ok(come_back_to(before), "... no descriptor is left"))
		diag("%d, not %d", count_descriptors(), before);
}

static gpointer echo_all(gpointer data)
{
	struct trial *server = data;
	VmsockConnection *connection;

	while ((connection = vmsock_listener_accept(server->listener, server->cancellable, NULL))) {
		g_output_stream_splice(g_io_stream_get_output_stream(G_IO_STREAM(connection)),
				       g_io_stream_get_input_stream(G_IO_STREAM(connection)), 0,
				       NULL, NULL);
		drop(&connection);
	}
	return NULL;
}

static void trial_init(struct trial *trial, struct place *place)
{
	*trial = (struct trial){ .listener = vmsock_listener_new(), .client = place_client(place) };
	g_socket_listener_set_backlog(G_SOCKET_LISTENER(trial->listener), 128);
	trial->address = place_listen(place, trial->listener);
}

static void trial_clear(struct trial *trial)
{
	if (trial->listener)
		g_socket_listener_close(G_SOCKET_LISTENER(trial->listener));
	g_clear_object(&trial->listener);
	g_clear_object(&trial->client);
	g_clear_object(&trial->address);
	g_clear_object(&trial->cancellable);
}

static void check_place(const char *name)
{
	struct trial trial, server = { .cancellable = g_cancellable_new() };
	VmsockConnection *first;
	struct place place;
	GThread *thread;

	diag("%s", name ? name : "a UNIX socket");
	place_init(&place, name);
	trial_init(&trial, &place);
	/* GLib keeps some descriptors of its own from the first use on. */
	connect_now(&trial);
	first = g_steal_pointer(&trial.connection);
	accept_again(&trial, first);
	forget(&trial);
	drop(&first);
	check_accept(&trial, accept_now, "accept");
	check_accept(&trial, accept_later, "accept, asynchronous");
	server.listener = g_object_ref(trial.listener);
	thread = g_thread_new("echo", echo_all, &server);
	check_connect(&trial, connect_now, place.stack != NULL, "connect");
	check_connect(&trial, connect_later, true, "connect, asynchronous");
	g_cancellable_cancel(server.cancellable);
	g_thread_join(thread);
	trial_clear(&server);
	trial_clear(&trial);
	place_clear(&place);
}

static void check_monitor(void)
{
	struct trial trial = { .client = vmsock_client_new() };
	struct monitor monitor;

	monitor_init(&monitor, "<CONNECT_1024$ >OK_5001$ |");
	monitor_start(&monitor);
	trial.address = vmsock_address_new_mux(monitor.path, 1024);
	check_connect(&trial, connect_now, true, "connect by a monitor");
	check_connect(&trial, connect_later, true, "connect by a monitor, asynchronous");
	trial_clear(&trial);
	monitor_clear(&monitor);
}

int main(int argc, char **argv)
{
	if (argc == 1) {
		check_place(NULL);
		check_monitor();
	}
	for (int i = 1; i < argc; i++)
		check_place(argv[i]);
	return done_testing();
}
