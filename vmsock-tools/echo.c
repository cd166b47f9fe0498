/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * echo.c - a peer that sends back, takes everything, or sends without end
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Every connection is a relay from a socket to itself.  A client that ends sending gets all its
 * bytes back and then the end of the connection.  With --discard the relay ends nowhere instead;
 * with --chargen a second one sends the lines of the character generator until nobody takes them.
 */
#include <errno.h>
#include <glib-unix.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "listen.h"
#include "manager.h"
#include "relay.h"
#include "tool.h"

#define STREAM_CHUNK (64 * 1024)
/* A datagram of the character generator: RFC 864 says up to 512 bytes. */
#define CHARGEN_DATAGRAM 512
/* Pause after an accept that failed for want of descriptors or memory. */
#define ACCEPT_RETRY_MS 100
/* And of --retry, before the next look whether the address is free */
#define BIND_RETRY_MS 100
/* Datagrams to answer before the connections get their turn. */
#define DATAGRAM_ROUNDS 64

static struct {
	gboolean once, streams, datagrams, discard, chargen;
	guint64 buffer_size, count;
} options;

struct echo {
	VmsockStack *stack;
	VmsockAddress *address;		/* NULL: what a service manager has passed on */
	VmsockAddress *bound;
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
	struct port socket, nowhere, generator;
	struct relay relay;		/* what the client sends */
	struct relay generated;		/* what it gets, of --chargen */
	GSource *idle;			/* --timeout; put off whenever something moves */
};

static bool has_all(const struct echo *echo)
{
	return options.count && echo->accepted + echo->answered >= options.count;
}

static void stop_taking(struct echo *echo)
{
	if (echo->listener)
		listen_close(&echo->listener, &echo->bound);
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

/* What is printed */

static void write_line(const char *type, const char *name, VmsockAddress *address, guint64 bytes)
{
	g_autofree char *text = address ? vmsock_address_to_string(address) : NULL;
	struct json json;

	if (!common.json)
		return;
	json_start_line(&json);
	json_string(&json, "type", type);
	json_string(&json, name, text);
	if (strcmp(type, "connection") == 0)
		json_number(&json, "bytes", (gint64)bytes);
	json_finish(&json);
}

static void tell_bound(const char *what, VmsockAddress *address)
{
	g_autofree char *message = g_strconcat(what, " on", NULL);

	tool_tell(message, address);
	write_line(what, "address", address, 0);
}

/* Streams */

static void free_client(struct client *client)
{
	relay_stop(&client->relay);
	relay_stop(&client->generated);
	if (client->idle)
		g_source_destroy(client->idle);
	g_clear_pointer(&client->idle, g_source_unref);
	port_clear(&client->socket);
	port_clear(&client->nowhere);
	port_clear(&client->generator);
	g_io_stream_close(G_IO_STREAM(client->connection), NULL, NULL);
	g_object_unref(client->connection);
	g_free(client);
}

static void end_client(struct client *client)
{
	struct echo *echo = client->echo;
	g_autoptr(VmsockAddress) peer = NULL;
	guint64 bytes = options.chargen ? client->generated.bytes : client->relay.bytes;

	peer = vmsock_connection_get_remote_address(client->connection, NULL);
	tool_tell("end of connection from", peer);
	write_line("connection", "peer", peer, bytes);
	echo->bytes += bytes;
	echo->open--;
	free_client(client);
	quit_if_served(echo);
}

static void on_client_done(struct relay *relay, enum relay_end end, int system_error)
{
	struct client *client = relay->data;

	/* Who ends sending to --chargen may well go on reading. */
	if (end == RELAY_EOF && options.chargen)
		return;
	if (end == RELAY_EOF)
		vmsock_connection_shutdown(client->connection, FALSE, TRUE, NULL);
	else
		tool_remark("connection failed: %s", g_strerror(system_error));
	end_client(client);
}

/* It ends when the client has had enough. */
static void on_generated_done(struct relay *relay, enum relay_end end G_GNUC_UNUSED,
			      int system_error)
{
	if (system_error != EPIPE && system_error != ECONNRESET)
		tool_remark("connection failed: %s", g_strerror(system_error));
	end_client(relay->data);
}

static gboolean on_idle(gpointer data)
{
	struct client *client = data;

	tool_remark("nothing has happened for %g seconds", common.timeout_ms / 1000.0);
	end_client(client);
	return G_SOURCE_REMOVE;
}

static void put_off(struct client *client)
{
	gint64 patience = (gint64)common.timeout_ms * 1000;

	if (client->idle)
		g_source_set_ready_time(client->idle, g_get_monotonic_time() + patience);
}

static void on_moved(struct relay *relay)
{
	put_off(relay->data);
}

static void watch_idle(struct client *client)
{
	if (!common.timeout_ms)
		return;
	client->idle = g_timeout_source_new(common.timeout_ms);
	g_source_set_callback(client->idle, on_idle, client, NULL);
	g_source_attach(client->idle, NULL);
}

static void start_client(struct client *client)
{
	bool takes = options.discard || options.chargen;

	if (takes)
		port_init_discard(&client->nowhere);
	client->relay = (struct relay){
		.from = &client->socket,
		.to = takes ? &client->nowhere : &client->socket,
		.done = on_client_done,
		.moved = on_moved,
		.data = client,
	};
	relay_start(&client->relay, STREAM_CHUNK);
	if (!options.chargen)
		return;
	port_init_chargen(&client->generator);
	client->generated = (struct relay){
		.from = &client->generator,
		.to = &client->socket,
		.done = on_generated_done,
		.moved = on_moved,
		.data = client,
	};
	relay_start(&client->generated, STREAM_CHUNK);
}

static void add_client(struct echo *echo, VmsockConnection *connection)
{
	struct client *client = g_new0(struct client, 1);
	g_autoptr(VmsockAddress) peer = NULL;

	client->echo = echo;
	client->connection = connection;
	port_init_socket(&client->socket,
			 g_socket_connection_get_socket(G_SOCKET_CONNECTION(connection)));
	echo->accepted++;
	echo->open++;
	peer = vmsock_connection_get_remote_address(connection, NULL);
	tool_tell("connection from", peer);
	watch_idle(client);
	start_client(client);
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

static bool start_streams(struct echo *echo, GError **error)
{
	const struct listen_settings settings = {
		.stack = echo->stack,
		.buffer_size = options.buffer_size,
	};

	echo->listener = listen_open(&settings, echo->address, &echo->bound, error);
	if (!echo->listener)
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
	gssize sent;

	echo->answered++;
	if (options.discard) {
		echo->bytes += size;
		return;
	}
	if (options.chargen) {
		size = CHARGEN_DATAGRAM;
		port_generate(echo->datagram, size, 0);
	}
	sent = vmsock_datagram_socket_send_to(echo->datagrams, sender, echo->datagram, size, NULL,
					      &error);
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
	GSocketType type = echo->address ? vmsock_address_get_socket_type(echo->address) :
			   G_SOCKET_TYPE_STREAM;
	bool only_streams = options.streams || type == G_SOCKET_TYPE_STREAM;
	bool only_datagrams = options.datagrams || type == G_SOCKET_TYPE_DATAGRAM;

	if (!echo->stack)
		return ability == VMSOCK_STACK_ABILITIES_STREAM;
	if (ability == VMSOCK_STACK_ABILITIES_STREAM)
		return !only_datagrams;
	if (only_streams)
		return false;
	return only_datagrams || vmsock_stack_get_abilities(echo->stack) & ability;
}

static bool start(struct echo *echo, GError **error)
{
	g_autoptr(VmsockAddress) bound = NULL;
	bool good = true;

	if (wants(echo, VMSOCK_STACK_ABILITIES_STREAM)) {
		good = start_streams(echo, error);
		if (good)
			tell_bound("streams", echo->bound);
	}
	/* A port that was chosen for streams serves datagrams too. */
	if (good && wants(echo, VMSOCK_STACK_ABILITIES_DATAGRAM)) {
		good = start_datagrams(echo, echo->bound ? echo->bound : echo->address, error);
		if (good)
			bound = vmsock_datagram_socket_get_local_address(echo->datagrams, NULL);
		if (good)
			tell_bound("datagrams", bound);
	}
	return good;
}

static bool may_start_again(const GError *error, gint64 end)
{
	return common.retry && g_error_matches(error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE) &&
	       (!end || g_get_monotonic_time() < end);
}

/* Until the address is free, with --retry */
static bool start_in_time(struct echo *echo, gint64 end)
{
	g_autoptr(GError) error = NULL;

	while (!start(echo, &error)) {
		if (!may_start_again(error, end)) {
			echo->code = tool_fail(error);
			return false;
		}
		g_clear_error(&error);
		listen_close(&echo->listener, &echo->bound);
		g_usleep(BIND_RETRY_MS * 1000);
	}
	return true;
}

static gboolean on_signal(gpointer data)
{
	struct echo *echo = data;

	g_main_loop_quit(echo->loop);
	return G_SOURCE_CONTINUE;
}

static void print_summary(const struct echo *echo)
{
	struct json json;

	if (common.json) {
		json_start_line(&json);
		json_string(&json, "type", "summary");
		json_number(&json, "connections", (gint64)echo->accepted);
		json_number(&json, "datagrams", (gint64)echo->answered);
		json_number(&json, "dropped", (gint64)echo->dropped);
		json_number(&json, "bytes", (gint64)echo->bytes);
		json_finish(&json);
	}
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
	listen_close(&echo->listener, &echo->bound);
	g_clear_object(&echo->address);
	g_clear_object(&echo->stack);
	g_clear_pointer(&echo->datagram, g_free);
	g_clear_pointer(&echo->loop, g_main_loop_unref);
}

static void serve(struct echo *echo)
{
	gint64 end = common.deadline_ms ?
		     g_get_monotonic_time() + (gint64)common.deadline_ms * 1000 : 0;

	if (echo->address && !tool_acquire_stack_for(echo->address, &echo->stack, &echo->code))
		return;
	echo->loop = g_main_loop_new(NULL, FALSE);
	if (!start_in_time(echo, end))
		return;
	g_unix_signal_add(SIGINT, on_signal, echo);
	g_unix_signal_add(SIGTERM, on_signal, echo);
	if (common.deadline_ms)
		g_timeout_add(common.deadline_ms, on_signal, echo);
	manager_notify("READY=1");
	g_main_loop_run(echo->loop);
	manager_notify("STOPPING=1");
	print_summary(echo);
}

static const char *problem(void)
{
	if (options.streams && options.datagrams)
		return "--stream and --datagram exclude each other";
	if (options.discard && options.chargen)
		return "--discard and --chargen exclude each other";
	if (options.once && options.count)
		return "--once and --count exclude each other";
	return NULL;
}

static bool is_passed_on(int argc, char **argv)
{
	return argc ? strcmp(argv[0], "systemd") == 0 : g_getenv("LISTEN_FDS") != NULL;
}

static int run(int argc, char **argv)
{
	struct echo echo = { 0 };
	bool passed_on = is_passed_on(argc, argv);

	if (problem())
		return tool_misused(problem());
	if (!argc && !passed_on)
		return tool_misused("an argument is missing");
	if (!passed_on) {
		echo.address = tool_parse_listen_address(argv[0]);
		if (!echo.address)
			return TOOL_USAGE;
	}
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
	{ "discard", 'D', OPTION_FLAG, &options.discard, NULL, "take everything and answer nothing",
	  NULL, NULL },
	{ "chargen", 'G', OPTION_FLAG, &options.chargen, NULL,
	  "send lines of characters without end",
	  "Send lines of characters without end, as RFC 864 has them, whatever the peer sends;\n"
	  "to a datagram, one of 512 bytes.", NULL },
	{ "once", '1', OPTION_FLAG, &options.once, NULL, "end after one connection or datagram",
	  NULL, NULL },
	{ "count", 'n', OPTION_COUNT, &options.count, "N", "end after N connections and datagrams",
	  "Take\n.Ar n\nconnections and datagrams altogether, and end when the last connection\n"
	  "has.", NULL },
	{ "buffer-size", 'b', OPTION_SIZE, &options.buffer_size, "SIZE",
	  "size of the queues of a stream",
	  "The size of the queues of a stream, such as\n.Li 64K\nor\n.Li 1Mi .\n"
	  "The usual size is 256 KiB.", NULL },
	{ "timeout", 'w', OPTION_SECONDS, &common.timeout_ms, "SECONDS",
	  "end a connection in which nothing happens",
	  "End a connection in which nothing happens for so long.", NULL },
	{ "deadline", 0, OPTION_SECONDS, &common.deadline_ms, "SECONDS", "end after so long",
	  "End after so long, connections and all.", NULL },
	{ "retry", 0, OPTION_FLAG, &common.retry, NULL, "wait for an address that is in use",
	  "Wait for an address that is in use, until the time of\n.Fl -deadline\nhas run out.",
	  NULL },
	{ 0 }
};

const struct command echo_command = {
	.name = "echo",
	.summary = "send back what peers send, over streams and datagrams",
	.arguments = "ADDRESS|PORT|systemd",
	.purpose = "Sends back what peers send, over streams and datagrams.",
	.min = 0,
	.max = 1,
	.common = COMMON_FAMILY | COMMON_JSON | COMMON_QUIET | COMMON_VERBOSE,
	.options = option_table,
	.run = run,
};
