/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * echo.c - sends back what it receives, over streams and datagrams
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Every connection is a relay from a socket to itself.  A client that ends sending gets all its
 * bytes back and then the end of the connection.
 */
#include <glib-unix.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "relay.h"
#include "tool.h"

#define STREAM_CHUNK (64 * 1024)
/* Pause after an accept that failed for want of descriptors or memory. */
#define ACCEPT_RETRY_MS 100
/* Datagrams to answer before the connections get their turn. */
#define DATAGRAM_ROUNDS 64

static struct {
	gboolean once, streams, datagrams;
	guint64 buffer_size, count;
} options;

struct echo {
	VmsockStack *stack;
	VmsockAddress *address;
	VmsockListener *listener;
	VmsockDatagramSocket *datagrams;
	GSource *datagram_source;
	guint8 *datagram;
	GMainLoop *loop;
	enum tool_exit code;
	uint64_t accepted, answered;	/* connections and datagrams so far */
	uint64_t bytes, dropped;
	guint open;			/* connections */
};

struct client {
	struct echo *echo;
	VmsockConnection *connection;
	struct port port;
	struct relay relay;
};

static bool has_all(const struct echo *echo)
{
	return options.count && echo->accepted + echo->answered >= options.count;
}

static void stop_taking(struct echo *echo)
{
	if (echo->listener)
		g_socket_listener_close(G_SOCKET_LISTENER(echo->listener));
	if (echo->datagram_source)
		g_source_destroy(echo->datagram_source);
}

static void quit_if_served(struct echo *echo)
{
	if (!has_all(echo))
		return;
	stop_taking(echo);
	if (!echo->open)
		g_main_loop_quit(echo->loop);
}

/* Streams */

static void free_client(struct client *client)
{
	relay_stop(&client->relay);
	port_clear(&client->port);
	g_io_stream_close(G_IO_STREAM(client->connection), NULL, NULL);
	g_object_unref(client->connection);
	g_free(client);
}

static void on_client_done(struct relay *relay, enum relay_end end, int system_error)
{
	struct client *client = relay->data;
	struct echo *echo = client->echo;
	g_autoptr(VmsockAddress) peer = NULL;

	peer = vmsock_connection_get_remote_address(client->connection, NULL);
	if (end == RELAY_EOF)
		vmsock_connection_shutdown(client->connection, FALSE, TRUE, NULL);
	else
		tool_remark("connection failed: %s", g_strerror(system_error));
	tool_tell("end of connection from", peer);
	echo->bytes += relay->bytes;
	echo->open--;
	free_client(client);
	quit_if_served(echo);
}

static void add_client(struct echo *echo, VmsockConnection *connection)
{
	struct client *client = g_new0(struct client, 1);
	g_autoptr(VmsockAddress) peer = NULL;

	client->echo = echo;
	client->connection = connection;
	port_init_socket(&client->port,
			 g_socket_connection_get_socket(G_SOCKET_CONNECTION(connection)));
	client->relay = (struct relay){
		.from = &client->port,
		.to = &client->port,
		.done = on_client_done,
		.data = client,
	};
	echo->accepted++;
	echo->open++;
	peer = vmsock_connection_get_remote_address(connection, NULL);
	tool_tell("connection from", peer);
	relay_start(&client->relay, STREAM_CHUNK);
}

static void accept_next(struct echo *echo);

static gboolean on_accept_retry(gpointer data)
{
	accept_next(data);
	return G_SOURCE_REMOVE;
}

static void on_accepted(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(GError) error = NULL;
	struct echo *echo = data;
	VmsockConnection *connection;

	connection = vmsock_listener_accept_finish(VMSOCK_LISTENER(source), result, &error);
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CLOSED))
		return;
	if (error) {
		tool_complain("cannot accept: %s", error->message);
		g_timeout_add(ACCEPT_RETRY_MS, on_accept_retry, echo);
		return;
	}
	add_client(echo, connection);
	if (has_all(echo))
		stop_taking(echo);
	else
		accept_next(echo);
}

static void accept_next(struct echo *echo)
{
	vmsock_listener_accept_async(echo->listener, NULL, on_accepted, echo);
}

static bool start_streams(struct echo *echo, VmsockAddress **bound, GError **error)
{
	echo->listener = vmsock_listener_new();
	g_socket_listener_set_backlog(G_SOCKET_LISTENER(echo->listener), 128);
	vmsock_listener_set_stack(echo->listener, echo->stack);
	vmsock_listener_set_buffer_size(echo->listener, options.buffer_size);
	if (!vmsock_listener_add_address(echo->listener, echo->address, bound, error))
		return false;
	accept_next(echo);
	return true;
}

/* Datagrams */

static bool is_would_block(const GError *error)
{
	return g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
}

static void answer(struct echo *echo, VmsockAddress *sender, gsize size)
{
	g_autoptr(GError) error = NULL;
	gssize sent = vmsock_datagram_socket_send_to(echo->datagrams, sender, echo->datagram, size,
						     NULL, &error);

	echo->answered++;
	if (sent >= 0) {
		echo->bytes += (uint64_t)sent;
		return;
	}
	echo->dropped++;
	tool_remark("%s", error->message);
}

/* False when nothing is left to answer. */
static bool answer_one(struct echo *echo)
{
	g_autoptr(VmsockAddress) sender = NULL;
	g_autoptr(GError) error = NULL;
	gssize got = vmsock_datagram_socket_receive_from(echo->datagrams, &sender, echo->datagram,
							 VMSOCK_DATAGRAM_MAX, NULL, &error);

	if (got >= 0 && sender)
		answer(echo, sender, (gsize)got);
	else if (got < 0 && !is_would_block(error))
		tool_complain("%s", error->message);
	return got >= 0;
}

static gboolean on_datagram(GSocket *socket G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED,
			    gpointer data)
{
	struct echo *echo = data;

	for (int i = 0; i < DATAGRAM_ROUNDS && !has_all(echo) && answer_one(echo); i++)
		;
	quit_if_served(echo);
	return G_SOURCE_CONTINUE;
}

static bool start_datagrams(struct echo *echo, VmsockAddress *address, GError **error)
{
	GSocket *socket;

	echo->datagrams = vmsock_datagram_socket_new(echo->stack, address, error);
	if (!echo->datagrams)
		return false;
	echo->datagram = g_malloc(VMSOCK_DATAGRAM_MAX);
	socket = vmsock_datagram_socket_get_socket(echo->datagrams);
	g_socket_set_blocking(socket, FALSE);
	echo->datagram_source = g_socket_create_source(socket, G_IO_IN, NULL);
	g_source_set_callback(echo->datagram_source, G_SOURCE_FUNC(on_datagram), echo, NULL);
	g_source_attach(echo->datagram_source, NULL);
	return true;
}

/* Both, or what the stack and the address allow */

static bool wants(const struct echo *echo, VmsockStackAbilities ability)
{
	GSocketType type = vmsock_address_get_socket_type(echo->address);
	bool only_streams = options.streams || type == G_SOCKET_TYPE_STREAM;
	bool only_datagrams = options.datagrams || type == G_SOCKET_TYPE_DATAGRAM;

	if (ability == VMSOCK_STACK_ABILITIES_STREAM)
		return !only_datagrams;
	if (only_streams)
		return false;
	return only_datagrams || vmsock_stack_get_abilities(echo->stack) & ability;
}

static bool start(struct echo *echo)
{
	g_autoptr(VmsockAddress) bound = NULL;
	g_autoptr(GError) error = NULL;
	bool good = true;

	if (wants(echo, VMSOCK_STACK_ABILITIES_STREAM)) {
		good = start_streams(echo, &bound, &error);
		tool_tell("streams on", bound);
	}
	/* A port that was chosen for streams serves datagrams too. */
	if (good && wants(echo, VMSOCK_STACK_ABILITIES_DATAGRAM)) {
		good = start_datagrams(echo, bound ? bound : echo->address, &error);
		g_clear_object(&bound);
		if (good)
			bound = vmsock_datagram_socket_get_local_address(echo->datagrams, NULL);
		tool_tell("datagrams on", bound);
	}
	if (!good)
		echo->code = tool_fail(error);
	return good;
}

static gboolean on_signal(gpointer data)
{
	struct echo *echo = data;

	g_main_loop_quit(echo->loop);
	return G_SOURCE_CONTINUE;
}

static void print_summary(const struct echo *echo)
{
	tool_remark("%" PRIu64 " connections, %" PRIu64 " datagrams "
		    "(%" PRIu64 " answers dropped), %" PRIu64 " bytes",
		    echo->accepted, echo->answered, echo->dropped, echo->bytes);
}

static void clean_up(struct echo *echo)
{
	if (echo->datagram_source) {
		g_source_destroy(echo->datagram_source);
		g_source_unref(echo->datagram_source);
	}
	g_clear_object(&echo->datagrams);
	g_clear_object(&echo->listener);
	g_clear_object(&echo->address);
	g_clear_object(&echo->stack);
	g_clear_pointer(&echo->datagram, g_free);
	g_clear_pointer(&echo->loop, g_main_loop_unref);
}

static void serve(struct echo *echo)
{
	echo->stack = tool_acquire_stack(&echo->code);
	if (!echo->stack)
		return;
	echo->loop = g_main_loop_new(NULL, FALSE);
	if (!start(echo))
		return;
	g_unix_signal_add(SIGINT, on_signal, echo);
	g_unix_signal_add(SIGTERM, on_signal, echo);
	g_main_loop_run(echo->loop);
	print_summary(echo);
}

static const char *problem(void)
{
	if (options.streams && options.datagrams)
		return "--stream and --datagram exclude each other";
	if (options.once && options.count)
		return "--once and --count exclude each other";
	return NULL;
}

static int run(int argc G_GNUC_UNUSED, char **argv)
{
	struct echo echo = { 0 };

	if (problem())
		return tool_misused(problem());
	echo.address = tool_parse_listen_address(argv[0]);
	if (!echo.address)
		return TOOL_USAGE;
	if (options.once)
		options.count = 1;
	serve(&echo);
	clean_up(&echo);
	return echo.code;
}

static const struct option option_table[] = {
	{ "stream", 's', OPTION_FLAG, &options.streams, NULL, "serve streams only", NULL, NULL },
	{ "datagram", 'd', OPTION_FLAG, &options.datagrams, NULL, "serve datagrams only",
	  NULL, NULL },
	{ "once", '1', OPTION_FLAG, &options.once, NULL, "end after one connection or datagram",
	  NULL, NULL },
	{ "count", 'n', OPTION_COUNT, &options.count, "N", "end after N connections and datagrams",
	  "Take\n.Ar n\nconnections and datagrams altogether, and end when the last connection\n"
	  "has.", NULL },
	{ "buffer-size", 'b', OPTION_SIZE, &options.buffer_size, "SIZE",
	  "size of the queues of a stream",
	  "The size of the queues of a stream, such as\n.Li 64K\nor\n.Li 1Mi .\n"
	  "The usual size is 256 KiB.", NULL },
	{ 0 }
};

const struct command echo_command = {
	.name = "echo",
	.summary = "send back what peers send, over streams and datagrams",
	.arguments = "ADDRESS|PORT",
	.purpose = "Sends back what peers send, over streams and datagrams.",
	.min = 1,
	.max = 1,
	.common = COMMON_FAMILY | COMMON_VERBOSE,
	.options = option_table,
	.run = run,
};
