/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * perf-server.c - the side of vmsock perf that waits for clients
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A thread serves each connection.  What a client asks for is limited: in memory by the largest
 * block, in time by the client's own life, in number by the descriptors of the process.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "exchange.h"
#include "interrupt.h"
#include "listen.h"
#include "perf.h"
#include "tool.h"

/* How long datagrams may still be on their way after the client has sent the last one. */
#define DRAIN_US (G_USEC_PER_SEC / 5)
/* How long a client may take for its hello. */
#define HELLO_US (10 * G_USEC_PER_SEC)

struct server {
	VmsockStack *stack;
	VmsockListener *listener;
	GCancellable *interrupt;
};

struct session {
	struct server *server;
	VmsockConnection *connection;
	int fd;
	struct perf_hello hello;
	struct perf_result result;
	guint8 *block, *reference;
};

static enum exchange_end receive(struct session *session, void *buffer, gsize size, gsize *received,
				 gint64 deadline)
{
	struct exchange exchange = { .fd = session->fd, .in = buffer, .in_size = size };
	enum exchange_end end = exchange_run(&exchange, session->server->interrupt, deadline);

	*received = exchange.received;
	return end;
}

static bool transmit(struct session *session, const void *buffer, gsize size)
{
	struct exchange exchange = { .fd = session->fd, .out = buffer, .out_size = size };

	return exchange_run(&exchange, session->server->interrupt, 0) == EXCHANGE_DONE;
}

static void send_result(struct session *session)
{
	struct perf_result result = session->result;

	result.cpu_us = perf_cpu_time(RUSAGE_THREAD);
	perf_swap_result(&result);
	transmit(session, &result, sizeof(result));
}

static void note_block(struct session *session, gsize size)
{
	struct perf_result *result = &session->result;

	if (session->hello.verify && size == session->hello.size &&
	    !perf_check(session->reference, session->block, size, result->blocks))
		result->wrong++;
	result->bytes += size;
	result->blocks++;
}

static void sink(struct session *session)
{
	enum exchange_end end;
	gsize received;

	do {
		end = receive(session, session->block, session->hello.size, &received, 0);
		if (received)
			note_block(session, received);
	} while (end == EXCHANGE_DONE);
	if (end == EXCHANGE_CLOSED)
		send_result(session);
}

static void source(struct session *session)
{
	gint64 start = g_get_monotonic_time();
	gint64 end = start + (gint64)MIN(session->hello.microseconds, G_MAXINT64 / 2);

	for (guint64 number = 0; g_get_monotonic_time() < end; number++) {
		gint64 due = start + perf_due(number, session->hello.size, session->hello.rate);

		if (session->hello.rate &&
		    !interrupt_sleep(session->server->interrupt, MIN(due, end)))
			return;
		perf_number(session->block, session->hello.size, number);
		if (!transmit(session, session->block, session->hello.size))
			return;
	}
	vmsock_connection_shutdown(session->connection, FALSE, TRUE, NULL);
	/* Until the client has closed, nothing that is still on its way may be lost. */
	receive(session, session->block, 1, &(gsize){ 0 }, 0);
}

static void echo(struct session *session)
{
	enum exchange_end end;
	gsize received;

	for (;;) {
		end = receive(session, session->block, session->hello.size, &received, 0);
		if (end != EXCHANGE_DONE ||
		    !transmit(session, session->block, session->hello.size))
			break;
		session->result.blocks++;
		session->result.bytes += received;
	}
	if (end == EXCHANGE_CLOSED)
		send_result(session);
}

static void note_datagram(struct session *session, gsize size, guint64 *next)
{
	struct perf_result *result = &session->result;
	guint64 number;

	if (size != session->hello.size || size < sizeof(number)) {
		result->wrong++;
		return;
	}
	number = perf_number_of(session->block);
	if (session->hello.verify &&
	    !perf_check(session->reference, session->block, size, number))
		result->wrong++;
	if (number < *next)
		result->reordered++;
	*next = MAX(*next, number + 1);
	result->blocks++;
	result->bytes += size;
}

/* Take datagrams until the client has ended sending and none comes any more. */
static void take_datagrams(struct session *session, VmsockDatagramSocket *datagrams)
{
	GSocket *socket = vmsock_datagram_socket_get_socket(datagrams);
	gint64 until = 0;
	guint64 next = 0;

	g_socket_set_blocking(socket, FALSE);
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = g_socket_get_fd(socket), .events = POLLIN },
			{ .fd = until ? -1 : session->fd, .events = POLLIN },
		};
		gint64 left = until ? MAX(until - g_get_monotonic_time(), 0) : G_USEC_PER_SEC;
		gssize got = -1;

		if (poll(fds, 2, (int)(left / 1000)) < 0 && errno != EINTR)
			return;
		if (fds[0].revents)
			got = vmsock_datagram_socket_receive_from(datagrams, NULL, session->block,
								  VMSOCK_DATAGRAM_MAX, NULL, NULL);
		if (got >= 0)
			note_datagram(session, (gsize)got, &next);
		if (fds[1].revents || (until && got >= 0))
			until = g_get_monotonic_time() + DRAIN_US;
		else if ((until && got < 0 && g_get_monotonic_time() >= until) ||
			 g_cancellable_is_cancelled(session->server->interrupt))
			return;
	}
}

static void count(struct session *session)
{
	g_autoptr(VmsockDatagramSocket) datagrams = NULL;
	g_autoptr(VmsockAddress) any = vmsock_address_new(VMSOCK_CID_ANY, VMSOCK_PORT_ANY);
	g_autoptr(VmsockAddress) address = NULL;

	if (session->server->stack)
		datagrams = vmsock_datagram_socket_new(session->server->stack, any, NULL);
	if (datagrams)
		address = vmsock_datagram_socket_get_local_address(datagrams, NULL);
	session->result.port = address ? vmsock_address_get_port(address) : VMSOCK_PORT_ANY;
	send_result(session);
	if (!address)
		return;
	take_datagrams(session, datagrams);
	send_result(session);
}

static void run_mode(struct session *session)
{
	gsize size = session->hello.mode == PERF_COUNT ? VMSOCK_DATAGRAM_MAX : session->hello.size;

	session->reference = perf_new_block(MAX(size, session->hello.size));
	session->block = perf_new_block(MAX(size, session->hello.size));
	switch (session->hello.mode) {
	case PERF_SINK:
		sink(session);
		break;
	case PERF_SOURCE:
		source(session);
		break;
	case PERF_ECHO:
		echo(session);
		break;
	case PERF_COUNT:
		count(session);
		break;
	}
	g_free(session->reference);
	g_free(session->block);
}

static bool read_hello(struct session *session)
{
	struct perf_hello *hello = &session->hello;
	gsize received;

	if (receive(session, hello, sizeof(*hello), &received,
		    g_get_monotonic_time() + HELLO_US) != EXCHANGE_DONE)
		return false;
	perf_swap_hello(hello);
	return memcmp(hello->magic, PERF_MAGIC, sizeof(hello->magic)) == 0 &&
	       hello->size >= 1 && hello->size <= PERF_BLOCK_MAX;
}

static gpointer serve_connection(gpointer data)
{
	struct session *session = data;
	g_autoptr(VmsockAddress) peer = NULL;

	peer = vmsock_connection_get_remote_address(session->connection, NULL);
	if (read_hello(session)) {
		tool_tell("client", peer);
		run_mode(session);
	}
	g_io_stream_close(G_IO_STREAM(session->connection), NULL, NULL);
	g_object_unref(session->connection);
	g_free(session);
	return NULL;
}

static enum tool_exit accept_all(struct server *server, bool once)
{
	g_autoptr(GError) error = NULL;
	VmsockConnection *connection;

	while ((connection = vmsock_listener_accept(server->listener, server->interrupt, &error))) {
		struct session *session = g_new0(struct session, 1);

		session->server = server;
		session->connection = connection;
		session->fd = perf_fd(connection);
		if (once) {
			serve_connection(session);
			return TOOL_OK;
		}
		g_thread_unref(g_thread_new("client", serve_connection, session));
	}
	return g_cancellable_is_cancelled(server->interrupt) ? TOOL_OK : tool_fail(error);
}

int perf_serve(VmsockAddress *address, guint64 buffer_size, bool once)
{
	/* Threads that still run when this returns use it up to the end of the process. */
	static struct server server;
	struct listen_settings settings = { .buffer_size = buffer_size };
	g_autoptr(VmsockAddress) bound = NULL;
	g_autoptr(GError) error = NULL;
	enum tool_exit code = TOOL_OK;

	server.interrupt = interrupt_catch();
	if (!tool_acquire_stack_for(address, &server.stack, &code))
		return code;
	settings.stack = server.stack;
	server.listener = listen_open(&settings, address, &bound, &error);
	if (!server.listener)
		return tool_fail(error);
	tool_tell("serving on", bound);
	code = accept_all(&server, once);
	listen_close(&server.listener, &bound);
	return code;
}
