/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cat.c - standard input to a peer, and what the peer sends to standard output
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Two relays run side by side.  Each direction ends for itself: the end of input is passed on as a
 * half-close, and the other direction goes on until its own end.  Over datagrams, which have no
 * end, silence takes its place.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay.h"
#include "tool.h"

#define STREAM_CHUNK (256 * 1024)
#define DATAGRAM_CHUNK (16 * 1024)
/* How long a datagram client waits for answers after the end of its input. */
#define ANSWER_MS 1000
/* How often to look whether a peer that has ended sending still receives. */
#define PROBE_MS 500

static struct {
	gboolean listen, datagram, keep_open;
	guint32 source_port;
	guint64 buffer_size, datagram_size, count;
} options = { .source_port = VMSOCK_PORT_ANY, .datagram_size = DATAGRAM_CHUNK };

struct cat {
	VmsockStack *stack;
	VmsockAddress *address;
	VmsockListener *listener;
	VmsockConnection *connection;
	VmsockDatagramSocket *datagrams;
	GMainLoop *loop;
	enum tool_exit code;

	gint64 connections_left;	/* -1: no limit */

	struct port input, output, peer;
	struct relay up, down;		/* input to peer, peer to output */
	bool input_ended;

	guint limit_ms;			/* of silence; 0 for none */
	gint64 last_activity;
	guint timer;
	guint probe;
};

static void quit(struct cat *cat, enum tool_exit code)
{
	if (cat->code == TOOL_OK)
		cat->code = code;
	g_main_loop_quit(cat->loop);
}

/* Silence */

static void on_silence(struct cat *cat)
{
	bool answered = cat->datagrams && (cat->input_ended || cat->peer.received);

	if (answered) {
		quit(cat, TOOL_OK);
		return;
	}
	tool_complain("nothing happened for %g seconds", cat->limit_ms / 1000.0);
	quit(cat, TOOL_TIMED_OUT);
}

static gboolean on_timer(gpointer data);

static void arm_timer(struct cat *cat, gint64 microseconds)
{
	cat->timer = g_timeout_add((guint)(microseconds / 1000 + 1), on_timer, cat);
}

static gboolean on_timer(gpointer data)
{
	struct cat *cat = data;
	gint64 silent = g_get_monotonic_time() - cat->last_activity;
	gint64 limit = (gint64)cat->limit_ms * 1000;

	cat->timer = 0;
	if (silent >= limit)
		on_silence(cat);
	else
		arm_timer(cat, limit - silent);
	return G_SOURCE_REMOVE;
}

static void limit_silence(struct cat *cat, guint limit_ms)
{
	cat->limit_ms = limit_ms;
	cat->last_activity = g_get_monotonic_time();
	g_clear_handle_id(&cat->timer, g_source_remove);
	if (limit_ms)
		arm_timer(cat, (gint64)limit_ms * 1000);
}

static void note_activity(struct cat *cat)
{
	cat->last_activity = g_get_monotonic_time();
}

/* Both directions */

static void start_up(struct cat *cat, gsize chunk);
static void accept_next(struct cat *cat);

static bool reached_count(const struct cat *cat)
{
	return cat->peer.limit && cat->peer.received >= cat->peer.limit &&
	       !relay_holds_data(&cat->down);
}

static void on_moved(struct relay *relay)
{
	struct cat *cat = relay->data;

	note_activity(cat);
	if (!cat->datagrams)
		return;
	if (reached_count(cat))
		quit(cat, TOOL_OK);
	else if (cat->peer.peer && !cat->up.buffer && !cat->input_ended)
		start_up(cat, options.datagram_size);
}

static bool expects_more_peers(const struct cat *cat)
{
	return cat->listener && cat->connections_left != 0;
}

static void end_session(struct cat *cat)
{
	relay_stop(&cat->up);
	relay_stop(&cat->down);
	g_clear_handle_id(&cat->probe, g_source_remove);
	if (cat->connection)
		g_io_stream_close(G_IO_STREAM(cat->connection), NULL, NULL);
	g_clear_object(&cat->connection);
	if (expects_more_peers(cat))
		accept_next(cat);
	else
		quit(cat, TOOL_OK);
}

static void end_session_if_over(struct cat *cat)
{
	if (!cat->up.running && !cat->down.running)
		end_session(cat);
}

static void lose_session(struct cat *cat)
{
	cat->code = TOOL_IO;
	end_session(cat);
}

/* Has the peer closed altogether, so that nobody will take what we might still send? */
static bool peer_is_gone(const struct cat *cat)
{
	return send(cat->peer.fd, "", 0, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN;
}

/* Is there input that could have been sent?  What was not read yet, a later peer may get. */
static bool input_is_left(struct cat *cat)
{
	GPollFD poll_fd = { .fd = cat->input.fd, .events = G_IO_IN };
	char byte;

	if (relay_holds_data(&cat->up))
		return true;
	if (expects_more_peers(cat))
		return false;
	return g_poll(&poll_fd, 1, 0) > 0 && cat->input.ops->read(&cat->input, &byte, 1) > 0;
}

static void complain_unsent(void)
{
	tool_complain("the peer closed the connection before everything was sent");
}

static void send_end(struct cat *cat)
{
	g_autoptr(GError) error = NULL;

	if (!cat->connection ||
	    vmsock_connection_shutdown(cat->connection, FALSE, TRUE, &error))
		return;
	tool_complain("cannot end sending: %s", error->message);
	cat->code = TOOL_IO;
}

static void fail_datagram(struct cat *cat, int system_error)
{
	g_autofree char *why = vmsock_stack_explain(VMSOCK_OPERATION_SEND, system_error);
	g_autoptr(GError) error = NULL;

	g_set_error(&error, VMSOCK_ERROR,
		    vmsock_error_from_errno(VMSOCK_OPERATION_SEND, system_error),
		    "cannot send: %s", why);
	quit(cat, tool_fail(error));
}

static void fail_sending(struct cat *cat, int system_error)
{
	if (cat->datagrams) {
		fail_datagram(cat, system_error);
		return;
	}
	if (system_error == EPIPE || system_error == ENOTCONN)
		complain_unsent();
	else
		tool_complain("cannot send: %s", g_strerror(system_error));
	cat->code = TOOL_IO;
	end_session_if_over(cat);
}

static void on_up_done(struct relay *relay, enum relay_end end, int system_error)
{
	struct cat *cat = relay->data;

	note_activity(cat);
	if (end == RELAY_WRITE_FAILED) {
		fail_sending(cat, system_error);
		return;
	}
	if (end == RELAY_READ_FAILED) {
		tool_complain("standard input: %s", g_strerror(system_error));
		cat->code = TOOL_IO;
	}
	cat->input_ended = true;
	send_end(cat);
	if (cat->datagrams && !options.listen)
		limit_silence(cat, cat->limit_ms ? cat->limit_ms : ANSWER_MS);
	else if (!cat->datagrams)
		end_session_if_over(cat);
}

/* Whoever reads our output learns of its end now, not when we are done sending. */
static void close_output(struct cat *cat)
{
	int null;

	if (expects_more_peers(cat))
		return;
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null < 0)
		return;
	port_clear(&cat->output);
	dup2(null, STDOUT_FILENO);
	close(null);
}

static void give_up_sending(struct cat *cat)
{
	if (input_is_left(cat)) {
		complain_unsent();
		cat->code = TOOL_IO;
	}
	relay_stop(&cat->up);
	end_session_if_over(cat);
}

/* poll() does not tell the end of a connection from the end of its first half. */
static gboolean on_probe(gpointer data)
{
	struct cat *cat = data;

	if (!peer_is_gone(cat))
		return G_SOURCE_CONTINUE;
	cat->probe = 0;
	give_up_sending(cat);
	return G_SOURCE_REMOVE;
}

static void on_end_of_peer(struct cat *cat)
{
	close_output(cat);
	if (!cat->up.running)
		end_session(cat);
	else if (peer_is_gone(cat))
		give_up_sending(cat);
	else
		cat->probe = g_timeout_add(PROBE_MS, on_probe, cat);
}

static void on_down_done(struct relay *relay, enum relay_end end, int system_error)
{
	struct cat *cat = relay->data;

	note_activity(cat);
	switch (end) {
	case RELAY_EOF:
		if (cat->datagrams)
			quit(cat, TOOL_OK);
		else
			on_end_of_peer(cat);
		break;
	case RELAY_READ_FAILED:
		tool_complain("cannot receive: %s", g_strerror(system_error));
		lose_session(cat);
		break;
	case RELAY_WRITE_FAILED:
		/* A reader that has had enough is no accident: head(1) does it. */
		if (system_error != EPIPE)
			tool_complain("standard output: %s", g_strerror(system_error));
		quit(cat, TOOL_IO);
		break;
	}
}

static void start_up(struct cat *cat, gsize chunk)
{
	cat->up = (struct relay){
		.from = &cat->input,
		.to = &cat->peer,
		.done = on_up_done,
		.moved = on_moved,
		.data = cat,
	};
	relay_start(&cat->up, chunk);
}

static void start_down(struct cat *cat, gsize chunk)
{
	cat->down = (struct relay){
		.from = &cat->peer,
		.to = &cat->output,
		.done = on_down_done,
		.moved = on_moved,
		.data = cat,
	};
	relay_start(&cat->down, chunk);
}

/* Streams */

static void start_session(struct cat *cat, VmsockConnection *connection)
{
	cat->connection = connection;
	port_init_socket(&cat->peer,
			 g_socket_connection_get_socket(G_SOCKET_CONNECTION(connection)));
	note_activity(cat);
	start_down(cat, STREAM_CHUNK);
	if (cat->input_ended)
		send_end(cat);
	else
		start_up(cat, STREAM_CHUNK);
}

static void on_accepted(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(VmsockAddress) peer = NULL;
	g_autoptr(GError) error = NULL;
	struct cat *cat = data;
	VmsockConnection *connection;

	connection = vmsock_listener_accept_finish(VMSOCK_LISTENER(source), result, &error);
	if (!connection) {
		quit(cat, tool_fail(error));
		return;
	}
	if (cat->connections_left > 0 && --cat->connections_left == 0)
		g_socket_listener_close(G_SOCKET_LISTENER(source));
	peer = vmsock_connection_get_remote_address(connection, NULL);
	tool_tell("connection from", peer);
	start_session(cat, connection);
}

static void accept_next(struct cat *cat)
{
	vmsock_listener_accept_async(cat->listener, NULL, on_accepted, cat);
}

static bool listen_for_streams(struct cat *cat)
{
	g_autoptr(VmsockAddress) bound = NULL;
	g_autoptr(GError) error = NULL;

	cat->listener = vmsock_listener_new();
	vmsock_listener_set_stack(cat->listener, cat->stack);
	vmsock_listener_set_buffer_size(cat->listener, options.buffer_size);
	if (!vmsock_listener_add_address(cat->listener, cat->address, &bound, &error)) {
		cat->code = tool_fail(error);
		return false;
	}
	tool_tell("listening on", bound);
	accept_next(cat);
	return true;
}

static bool connect_stream(struct cat *cat)
{
	g_autoptr(VmsockClient) client = tool_new_client(cat->stack, options.buffer_size);
	g_autoptr(VmsockAddress) from = NULL;
	g_autoptr(GError) error = NULL;
	VmsockConnection *connection;

	if (options.source_port != VMSOCK_PORT_ANY)
		from = vmsock_address_new(VMSOCK_CID_ANY, options.source_port);
	vmsock_client_set_local_address(client, from);
	connection = vmsock_client_connect(client, cat->address, NULL, &error);
	if (!connection) {
		cat->code = tool_fail(error);
		return false;
	}
	tool_tell("connected to", cat->address);
	start_session(cat, connection);
	return true;
}

/* Datagrams */

static bool start_datagrams(struct cat *cat)
{
	g_autoptr(VmsockAddress) from = NULL;
	g_autoptr(VmsockAddress) bound = NULL;
	g_autoptr(GError) error = NULL;

	if (options.listen)
		from = g_object_ref(cat->address);
	else if (options.source_port != VMSOCK_PORT_ANY)
		from = vmsock_address_new(VMSOCK_CID_ANY, options.source_port);
	cat->datagrams = vmsock_datagram_socket_new(cat->stack, from, &error);
	if (!cat->datagrams) {
		cat->code = tool_fail(error);
		return false;
	}
	port_init_datagrams(&cat->peer, cat->datagrams, options.listen ? NULL : cat->address);
	cat->peer.limit = options.count;
	start_down(cat, VMSOCK_DATAGRAM_MAX);
	bound = vmsock_datagram_socket_get_local_address(cat->datagrams, NULL);
	if (options.listen)
		tool_tell("listening on", bound);
	else
		start_up(cat, options.datagram_size);
	return true;
}

static bool start(struct cat *cat)
{
	if (options.datagram)
		return start_datagrams(cat);
	return options.listen ? listen_for_streams(cat) : connect_stream(cat);
}

/* Options */

static const char *problem(void)
{
	if (!options.listen && options.keep_open)
		return "--keep-open goes with --listen only";
	if (!options.listen && options.count && !options.datagram)
		return "--count goes with --listen or --datagram only";
	if (options.listen && options.source_port != VMSOCK_PORT_ANY)
		return "--source-port does not go with --listen";
	if (options.datagram && options.buffer_size)
		return "--buffer-size is for streams; see --datagram-size";
	if (!options.datagram && options.datagram_size != DATAGRAM_CHUNK)
		return "--datagram-size goes with --datagram only";
	if (options.datagram_size > VMSOCK_DATAGRAM_MAX)
		return "--datagram-size: a datagram holds 69608 bytes at most";
	return NULL;
}

/* The scheme may ask for datagrams; it must not contradict the option. */
static bool parse_address(struct cat *cat, const char *text)
{
	GSocketType type;

	cat->address = options.listen ? tool_parse_listen_address(text) : tool_parse_address(text);
	if (!cat->address)
		return false;
	type = vmsock_address_get_socket_type(cat->address);
	if (type == G_SOCKET_TYPE_DATAGRAM)
		options.datagram = TRUE;
	if (options.datagram && type != G_SOCKET_TYPE_DATAGRAM && type != G_SOCKET_TYPE_INVALID) {
		tool_complain("--datagram: '%s' is no address for datagrams", text);
		return false;
	}
	return true;
}

static void clean_up(struct cat *cat)
{
	relay_stop(&cat->up);
	relay_stop(&cat->down);
	g_clear_handle_id(&cat->timer, g_source_remove);
	g_clear_handle_id(&cat->probe, g_source_remove);
	port_clear(&cat->peer);
	port_clear(&cat->output);
	g_clear_object(&cat->connection);
	g_clear_object(&cat->datagrams);
	g_clear_object(&cat->listener);
	g_clear_object(&cat->address);
	g_clear_object(&cat->stack);
	g_clear_pointer(&cat->loop, g_main_loop_unref);
}

static void transfer(struct cat *cat)
{
	cat->stack = tool_acquire_stack(&cat->code);
	if (!cat->stack)
		return;
	cat->loop = g_main_loop_new(NULL, FALSE);
	port_init_input(&cat->input, STDIN_FILENO);
	port_init_output(&cat->output, STDOUT_FILENO);
	cat->connections_left = options.keep_open ? -1 : (gint64)MAX(options.count, 1);
	if (!start(cat))
		return;
	limit_silence(cat, common.timeout_ms);
	g_main_loop_run(cat->loop);
}

static int run(int argc G_GNUC_UNUSED, char **argv)
{
	struct cat cat = { 0 };

	if (!parse_address(&cat, argv[0]))
		cat.code = TOOL_USAGE;
	else if (problem())
		cat.code = tool_misused(problem());
	else
		transfer(&cat);
	clean_up(&cat);
	return cat.code;
}

static const struct option option_table[] = {
	{ "listen", 'l', OPTION_FLAG, &options.listen, NULL,
	  "wait for a peer instead of connecting",
	  "Wait for a peer instead of connecting.\n"
	  "The address may be a port alone, for any context ID of this machine.", NULL },
	{ "keep-open", 'k', OPTION_FLAG, &options.keep_open, NULL,
	  "listen again after a connection has ended",
	  "Listen again when a connection has ended, without end.\n"
	  "Connections are served one after the other.\n"
	  "Input is read while there is a connection, and what was read for one is not sent to\n"
	  "the next.\n"
	  "When the input has ended, later ones are only received from.", NULL },
	{ "datagram", 'd', OPTION_FLAG, &options.datagram, NULL,
	  "datagrams instead of a stream", NULL, NULL },
	{ "count", 'n', OPTION_COUNT, &options.count, "N",
	  "end after N connections, or datagrams received", NULL, NULL },
	{ "source-port", 'p', OPTION_PORT, &options.source_port, "PORT",
	  "connect or send from this port",
	  "Connect or send from this port.\n"
	  "Ports below 1024 are for privileged programs, and prove to some peers that you are one.",
	  NULL },
	{ "buffer-size", 'b', OPTION_SIZE, &options.buffer_size, "SIZE",
	  "size of the queues of a stream",
	  "The size of the queues of a stream, such as\n.Li 64K\nor\n.Li 1Mi .\n"
	  "The usual size is 256 KiB.", NULL },
	{ "datagram-size", 's', OPTION_SIZE, &options.datagram_size, "SIZE",
	  "largest datagram to make of the input [16K]",
	  "The largest datagram to make of the input, 16 KiB if not said and 69608 bytes at most.",
	  NULL },
	{ 0 }
};

const struct command cat_command = {
	.name = "cat",
	.summary = "send standard input to a peer and print what it sends",
	.arguments = "ADDRESS | --listen ADDRESS|PORT",
	.purpose = "Sends standard input to a peer and prints what the peer sends.",
	.min = 1,
	.max = 1,
	.common = COMMON_CONNECT | COMMON_QUIET | COMMON_VERBOSE,
	.options = option_table,
	.run = run,
};
