/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cat.c - standard input to a peer, and what the peer sends to standard output
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Two relays run side by side.  Each direction ends for itself: the end of input is passed on as a
 * half-close, and the other direction goes on until its own end.  Over datagrams, which have no
 * end, silence takes its place.  With --exec or --sh a command has the connection instead.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "format.h"
#include "json.h"
#include "listen.h"
#include "relay.h"
#include "terminal.h"
#include "tool.h"

#define STREAM_CHUNK (256 * 1024)
#define DATAGRAM_CHUNK (16 * 1024)
/* How long a datagram client waits for answers after the end of its input. */
#define ANSWER_MS 1000
/* How often to look whether a peer that has ended sending still receives. */
#define PROBE_MS 500
/* Commands at once; further peers wait. */
#define MOST_CHILDREN 64

static struct {
	gboolean listen, datagram, seqpacket, keep_open, send_only, recv_only;
	char *exec, *sh;
	GStrv from;
	guint32 source_port;
	guint64 buffer_size, datagram_size, count;
} options = { .source_port = VMSOCK_PORT_ANY, .datagram_size = DATAGRAM_CHUNK };

struct cat {
	VmsockStack *stack;
	VmsockAddress *address, *bound;
	GArray *allowed;		/* CIDs, NULL for all */
	VmsockListener *listener;
	VmsockConnection *connection;
	VmsockDatagramSocket *datagrams;
	GMainLoop *loop;
	bool over, interrupted, accepting;
	enum tool_exit code;

	gint64 connections_left;	/* -1: no limit */

	struct port input, output, peer;
	struct relay up, down;		/* input to peer, peer to output */
	bool input_ended;
	guint children;

	gint64 start;			/* microseconds */
	guint64 sent, received;		/* bytes of sessions that have ended */
	guint64 sessions;
	struct progress progress;
	bool progress_of_input;

	guint limit_ms;			/* of silence; 0 for none */
	gint64 last_activity;
	guint timer;
	guint probe;
};

static void quit(struct cat *cat, enum tool_exit code)
{
	if (cat->code == TOOL_OK)
		cat->code = code;
	cat->over = true;
	g_main_loop_quit(cat->loop);
}

static const char *command(void)
{
	return options.exec ? options.exec : options.sh;
}

static bool has_packets(void)
{
	return options.datagram || options.seqpacket;
}

/* Silence */

static void on_silence(struct cat *cat)
{
	bool answered = cat->datagrams &&
			((cat->input_ended && !options.recv_only) || cat->peer.received);

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
	if (cat->children)
		arm_timer(cat, limit);
	else if (silent >= limit)
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
	progress_show(&cat->progress, cat->progress_of_input ? cat->sent + cat->up.bytes :
							       cat->received + cat->down.bytes);
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
	cat->sent += cat->up.bytes;
	cat->received += cat->down.bytes;
	cat->up.bytes = cat->down.bytes = 0;
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
	if (options.send_only && cat->datagrams)
		quit(cat, TOOL_OK);
	else if (options.send_only)
		end_session(cat);
	else if (cat->datagrams && !options.listen)
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

/* Commands */

static void on_child_ended(const GError *error, void *data)
{
	struct cat *cat = data;

	cat->children--;
	if (error)
		tool_complain("'%s': %s", command(), error->message);
	if (error && !options.keep_open)
		cat->code = TOOL_IO;
	if (expects_more_peers(cat))
		accept_next(cat);
	else if (!cat->children)
		quit(cat, TOOL_OK);
}

static void start_command(struct cat *cat, VmsockConnection *connection)
{
	g_autoptr(GError) error = NULL;

	if (child_start(connection, command(), options.sh, on_child_ended, cat, &error)) {
		cat->children++;
	} else {
		tool_complain("'%s': %s", command(), error->message);
		cat->code = TOOL_IO;
	}
	g_io_stream_close(G_IO_STREAM(connection), NULL, NULL);
	g_object_unref(connection);
	if (expects_more_peers(cat))
		accept_next(cat);
	else if (!cat->children)
		quit(cat, TOOL_OK);
}

/* Streams */

static void start_relays(struct cat *cat, VmsockConnection *connection)
{
	GSocket *socket = g_socket_connection_get_socket(G_SOCKET_CONNECTION(connection));

	cat->connection = connection;
	if (options.seqpacket)
		port_init_packets(&cat->peer, socket);
	else
		port_init_socket(&cat->peer, socket);
	start_down(cat, STREAM_CHUNK);
	if (!cat->input_ended) {
		start_up(cat, options.seqpacket ? options.datagram_size : STREAM_CHUNK);
		return;
	}
	send_end(cat);
	if (options.send_only)
		end_session(cat);
}

static void start_session(struct cat *cat, VmsockConnection *connection)
{
	note_activity(cat);
	cat->sessions++;
	if (command())
		start_command(cat, connection);
	else
		start_relays(cat, connection);
}

static void on_accepted(GObject *source, GAsyncResult *result, gpointer data)
{
	g_autoptr(VmsockAddress) peer = NULL;
	g_autoptr(GError) error = NULL;
	struct cat *cat = data;
	VmsockConnection *connection;

	cat->accepting = false;
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
	if (cat->accepting || cat->children >= MOST_CHILDREN)
		return;
	cat->accepting = true;
	vmsock_listener_accept_async(cat->listener, NULL, on_accepted, cat);
}

static bool listen_for_streams(struct cat *cat)
{
	const struct listen_settings settings = {
		.stack = cat->stack,
		.buffer_size = options.buffer_size,
		.allowed = cat->allowed,
	};
	g_autoptr(GError) error = NULL;

	cat->listener = listen_open(&settings, cat->address, &cat->bound, &error);
	if (!cat->listener) {
		cat->code = tool_fail(error);
		return false;
	}
	tool_tell("listening on", cat->bound);
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
	cat->peer.allowed = cat->allowed;
	start_down(cat, VMSOCK_DATAGRAM_MAX);
	bound = vmsock_datagram_socket_get_local_address(cat->datagrams, NULL);
	if (options.listen)
		tool_tell("listening on", bound);
	else if (!cat->input_ended)
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
	if (!options.listen && options.from)
		return "--from goes with --listen only";
	if (options.datagram && options.seqpacket)
		return "--datagram and --seqpacket exclude each other";
	if (options.send_only && options.recv_only)
		return "--send-only and --recv-only exclude each other";
	if (!!options.exec + !!options.sh + (options.send_only || options.recv_only) > 1)
		return "--exec, --sh, --send-only and --recv-only exclude each other";
	if (command() && options.datagram)
		return "--exec and --sh do not go with datagrams";
	if (!options.listen && options.count && !options.datagram)
		return "--count goes with --listen or --datagram only";
	if (options.listen && options.source_port != VMSOCK_PORT_ANY)
		return "--source-port does not go with --listen";
	if (options.datagram && options.buffer_size)
		return "--buffer-size is for streams; see --datagram-size";
	if (!has_packets() && options.datagram_size != DATAGRAM_CHUNK)
		return "--datagram-size goes with --datagram or --seqpacket only";
	if (options.datagram_size > VMSOCK_DATAGRAM_MAX)
		return "--datagram-size: a datagram holds 69608 bytes at most";
	return NULL;
}

static GSocketType wanted_type(void)
{
	return options.datagram ? G_SOCKET_TYPE_DATAGRAM :
	       options.seqpacket ? G_SOCKET_TYPE_SEQPACKET : G_SOCKET_TYPE_STREAM;
}

/* An address that says nothing of the type is one for packets by --seqpacket. */
static void set_type(struct cat *cat, GSocketType type)
{
	g_autoptr(VmsockAddress) given = g_steal_pointer(&cat->address);

	cat->address = vmsock_address_new_with_type(vmsock_address_get_cid(given),
						    vmsock_address_get_port(given), type);
}

/* The scheme may ask for a type; it must not contradict the option. */
static bool parse_address(struct cat *cat, const char *text)
{
	GSocketType type;

	cat->address = options.listen ? tool_parse_listen_address(text) : tool_parse_address(text);
	if (!cat->address)
		return false;
	type = vmsock_address_get_socket_type(cat->address);
	if (type == G_SOCKET_TYPE_DATAGRAM)
		options.datagram = TRUE;
	if (type == G_SOCKET_TYPE_SEQPACKET)
		options.seqpacket = TRUE;
	if (type != G_SOCKET_TYPE_INVALID && type != wanted_type()) {
		tool_complain("--%s: '%s' is no address for that",
			      options.datagram ? "datagram" : "seqpacket", text);
		return false;
	}
	if (options.seqpacket)
		set_type(cat, G_SOCKET_TYPE_SEQPACKET);
	return true;
}

static bool parse_from(struct cat *cat)
{
	if (options.from)
		cat->allowed = tool_parse_cids(options.from);
	return !options.from || cat->allowed;
}

/* Progress and the summary */

static bool is_file(int fd, guint64 *left)
{
	struct stat status;
	off_t at = lseek(fd, 0, SEEK_CUR);

	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
		return false;
	*left = (guint64)MAX(status.st_size - MAX(at, 0), 0);
	return true;
}

/* Of the file that is sent, or else of the one that is received. */
static void start_progress(struct cat *cat)
{
	guint64 left = 0, ignored;

	cat->progress_of_input = !options.recv_only && is_file(STDIN_FILENO, &left);
	progress_start(&cat->progress, left);
	if (command() || (!cat->progress_of_input && !is_file(STDOUT_FILENO, &ignored)))
		cat->progress.off = true;
}

static void write_summary(const struct cat *cat, double seconds)
{
	struct json json;

	json_start_line(&json);
	json_number(&json, "connections", (gint64)cat->sessions);
	json_number(&json, "sent", (gint64)cat->sent);
	json_number(&json, "received", (gint64)cat->received);
	json_double(&json, "seconds", seconds);
	json_bool(&json, "interrupted", cat->interrupted);
	json_number(&json, "code", cat->code);
	json_finish_to(&json, stderr);
}

/* Standard output is the peer's, so this goes to standard error. */
static void print_summary(struct cat *cat)
{
	double seconds = (double)(g_get_monotonic_time() - cat->start) / G_USEC_PER_SEC;
	g_autofree char *sent = NULL, *received = NULL;

	progress_clear(&cat->progress);
	cat->sent += cat->up.bytes;
	cat->received += cat->down.bytes;
	sent = format_bytes((double)cat->sent);
	received = format_bytes((double)cat->received);
	if (common.json)
		write_summary(cat, seconds);
	else if (command() && (common.verbose || (cat->interrupted && !common.quiet)))
		tool_complain("%" G_GUINT64_FORMAT " connections in %.1f s", cat->sessions,
			      seconds);
	else if (common.verbose || (cat->interrupted && !common.quiet))
		tool_complain("%s sent, %s received in %.1f s", sent, received, seconds);
}

/* What has no end of its own is ended so. */
static bool is_endless(void)
{
	return options.keep_open || (options.listen && options.datagram && !options.count);
}

static gboolean on_signal(gpointer data)
{
	struct cat *cat = data;

	cat->interrupted = true;
	quit(cat, is_endless() ? TOOL_OK : TOOL_PARTLY);
	return G_SOURCE_CONTINUE;
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
	listen_close(&cat->listener, &cat->bound);
	g_clear_pointer(&cat->allowed, g_array_unref);
	g_clear_object(&cat->address);
	g_clear_object(&cat->stack);
	g_clear_pointer(&cat->loop, g_main_loop_unref);
}

static bool check_ability(struct cat *cat)
{
	if (!options.seqpacket ||
	    vmsock_stack_get_abilities(cat->stack) & VMSOCK_STACK_ABILITIES_SEQPACKET)
		return true;
	tool_complain("this vsock, family %d, has no sequenced packets; the kernel's own has: "
		      "--family=40", vmsock_stack_get_family(cat->stack));
	cat->code = TOOL_NO_STACK;
	return false;
}

static void open_ports(struct cat *cat)
{
	port_init_input(&cat->input, STDIN_FILENO);
	if (options.send_only)
		port_init_discard(&cat->output);
	else
		port_init_output(&cat->output, STDOUT_FILENO);
	cat->input_ended = options.recv_only;
}

static void transfer(struct cat *cat)
{
	if (!tool_acquire_stack_for(cat->address, &cat->stack, &cat->code) || !check_ability(cat))
		return;
	cat->loop = g_main_loop_new(NULL, FALSE);
	open_ports(cat);
	cat->connections_left = options.keep_open ? -1 : (gint64)MAX(options.count, 1);
	g_unix_signal_add(SIGINT, on_signal, cat);
	g_unix_signal_add(SIGTERM, on_signal, cat);
	cat->start = g_get_monotonic_time();
	start_progress(cat);
	if (!start(cat))
		return;
	limit_silence(cat, common.timeout_ms);
	if (!cat->over)
		g_main_loop_run(cat->loop);
	print_summary(cat);
}

static int run(int argc G_GNUC_UNUSED, char **argv)
{
	struct cat cat = { 0 };

	if (!parse_address(&cat, argv[0]) || !parse_from(&cat))
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
	{ "exec", 'e', OPTION_TEXT, &options.exec, "COMMAND", "have a command talk to the peer",
	  "Have a command talk to the peer: the connection is its standard input and output, and\n"
	  ".Ev VMSOCK_PEER\nthe peer's address.\n"
	  "With\n.Fl -keep-open\nup to 64 peers are served at once.", NULL },
	{ "sh", 'c', OPTION_TEXT, &options.sh, "SCRIPT", "the same, a script for sh -c", NULL,
	  NULL },
	{ "from", 'f', OPTION_LIST, &options.from, "CIDS", "take only these contexts as peers",
	  "Take only these contexts as peers, numbers or names with commas between.\n"
	  "Connections of others are closed, their datagrams passed over.\nMay be repeated.",
	  NULL },
	{ "send-only", 'S', OPTION_FLAG, &options.send_only, NULL,
	  "pass over what the peer sends",
	  "Pass over what the peer sends, and end with the end of the input.", NULL },
	{ "recv-only", 'R', OPTION_FLAG, &options.recv_only, NULL,
	  "do not read standard input",
	  "Do not read standard input; the peer is told at once that nothing will come.", NULL },
	{ "datagram", 'd', OPTION_FLAG, &options.datagram, NULL,
	  "datagrams instead of a stream", NULL, NULL },
	{ "seqpacket", 'Q', OPTION_FLAG, &options.seqpacket, NULL,
	  "sequenced packets, where the stack has them",
	  "Sequenced packets, where the stack has them: the kernel's own over some transports.\n"
	  "What is read of the input at once is a packet.", NULL },
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
	  "The largest datagram or packet to make of the input, 16 KiB if not said and\n"
	  "69608 bytes at most.", NULL },
	{ 0 }
};

const struct command cat_command = {
	.name = "cat",
	.summary = "send standard input to a peer and print what it sends",
	.arguments = "ADDRESS | --listen ADDRESS|PORT",
	.purpose = "Sends standard input to a peer and prints what the peer sends.",
	.min = 1,
	.max = 1,
	.common = COMMON_CONNECT | COMMON_JSON | COMMON_QUIET | COMMON_VERBOSE,
	.options = option_table,
	.run = run,
};
