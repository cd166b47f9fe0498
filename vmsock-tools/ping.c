/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ping.c - how long a message takes to a peer and back
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Three ways: over one stream or by datagrams to a peer that echoes, or by connecting, where the
 * refusal of a port that nobody listens on is an answer, too.  Each has a struct way.
 *
 * A late answer over a stream is still on its way when the next message is sent; its bytes are
 * waited for and passed over first.  A late datagram is told by its contents.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "exchange.h"
#include "format.h"
#include "interrupt.h"
#include "json.h"
#include "latency.h"
#include "tool.h"

#define USUAL_SIZE 64
#define LARGEST_STREAM (1024 * 1024)
/* --flood paces itself by answers; this long after a loss. */
#define FLOOD_PAUSE_US 1000

static struct {
	guint64 count, size;
	guint interval_ms, wait_ms;
	gboolean flood, datagram, connect;
} options = { .size = USUAL_SIZE, .interval_ms = 1000, .wait_ms = 2000 };

enum reply {
	REPLY_GOOD,
	REPLY_LATE,
	REPLY_WRONG,			/* not what was sent */
	REPLY_INTERRUPTED,
	REPLY_BROKEN			/* no further one will come; the code is set */
};

struct ping;

struct way {
	const char *name;
	bool (*begin)(struct ping *ping);
	enum reply (*send)(struct ping *ping, gint64 deadline);
};

struct ping {
	const struct way *way;
	VmsockStack *stack;
	VmsockAddress *address;
	VmsockClient *client;
	VmsockConnection *connection;
	VmsockDatagramSocket *datagrams;
	GCancellable *interrupt;
	guint8 *out, *in;
	gsize owed;			/* bytes of late answers over the stream */
	guint64 sent, received, wrong;
	struct latency latency;
	gint64 start;			/* microseconds */
	enum tool_exit code;
};

static guint64 nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (guint64)now.tv_sec * 1000000000 + (guint64)now.tv_nsec;
}

static void fill(struct ping *ping)
{
	for (gsize i = 0; i < options.size; i++)
		ping->out[i] = (guint8)(ping->sent * 31 + i * 7 + (ping->sent >> 8 * (i & 7)));
}

static enum reply broken(struct ping *ping, const GError *error)
{
	ping->code = tool_fail(error);
	return REPLY_BROKEN;
}

static VmsockConnection *connect_once(struct ping *ping, GError **error)
{
	return vmsock_client_connect(ping->client, ping->address, ping->interrupt, error);
}

/* Over one stream */

static bool stream_begin(struct ping *ping)
{
	g_autoptr(GError) error = NULL;

	ping->connection = connect_once(ping, &error);
	if (!ping->connection)
		broken(ping, error);
	else
		tool_tell("connected to", ping->address);
	return ping->connection;
}

static enum reply stream_failed(struct ping *ping, enum exchange_end end)
{
	switch (end) {
	case EXCHANGE_TIME:
		return REPLY_LATE;
	case EXCHANGE_INTERRUPTED:
		return REPLY_INTERRUPTED;
	case EXCHANGE_CLOSED:
		tool_complain("the peer has closed the connection; is it a 'vmsock echo'?");
		break;
	default:
		tool_complain("the connection broke: %s", g_strerror(errno));
	}
	ping->code = TOOL_IO;
	return REPLY_BROKEN;
}

/* Pass over what earlier answers still owe. */
static enum exchange_end skip_late(struct ping *ping, struct exchange *exchange, gint64 deadline)
{
	enum exchange_end end = EXCHANGE_DONE;

	while (ping->owed && end == EXCHANGE_DONE) {
		exchange->received = 0;
		exchange->in_size = MIN(ping->owed, options.size);
		end = exchange_run(exchange, ping->interrupt, deadline);
		ping->owed -= exchange->received;
	}
	exchange->received = 0;
	exchange->in_size = options.size;
	return end;
}

static enum reply stream_send(struct ping *ping, gint64 deadline)
{
	GSocket *socket = g_socket_connection_get_socket(G_SOCKET_CONNECTION(ping->connection));
	struct exchange exchange = {
		.fd = g_socket_get_fd(socket),
		.out = ping->out,
		.out_size = options.size,
		.in = ping->in,
	};
	enum exchange_end end = skip_late(ping, &exchange, deadline);

	if (end == EXCHANGE_DONE)
		end = exchange_run(&exchange, ping->interrupt, deadline);
	if (end != EXCHANGE_DONE) {
		ping->owed += exchange.sent - MIN(exchange.received, exchange.sent);
		return stream_failed(ping, end);
	}
	return memcmp(ping->out, ping->in, options.size) == 0 ? REPLY_GOOD : REPLY_WRONG;
}

/* Datagrams */

static bool datagram_begin(struct ping *ping)
{
	g_autoptr(GError) error = NULL;

	ping->datagrams = vmsock_datagram_socket_new(ping->stack, NULL, &error);
	if (!ping->datagrams) {
		broken(ping, error);
		return false;
	}
	g_socket_set_blocking(vmsock_datagram_socket_get_socket(ping->datagrams), FALSE);
	return true;
}

static enum reply datagram_wait(struct ping *ping, gint64 deadline)
{
	int fd = g_socket_get_fd(vmsock_datagram_socket_get_socket(ping->datagrams));

	for (;;) {
		int ready = interrupt_poll(ping->interrupt, fd, POLLIN, deadline);
		gssize got;

		if (ready <= 0)
			return ready < 0 ? REPLY_INTERRUPTED : REPLY_LATE;
		got = vmsock_datagram_socket_receive_from(ping->datagrams, NULL, ping->in,
							  VMSOCK_DATAGRAM_MAX, NULL, NULL);
		if (got == (gssize)options.size && memcmp(ping->in, ping->out, options.size) == 0)
			return REPLY_GOOD;
		if (got >= 0)
			ping->wrong++;
	}
}

static enum reply datagram_send(struct ping *ping, gint64 deadline)
{
	g_autoptr(GError) error = NULL;

	if (vmsock_datagram_socket_send_to(ping->datagrams, ping->address, ping->out, options.size,
					   NULL, &error) >= 0)
		return datagram_wait(ping, deadline);
	if (g_error_matches(error, VMSOCK_ERROR, VMSOCK_ERROR_NO_RESOURCES))
		return REPLY_LATE;
	return broken(ping, error);
}

/* Connecting */

static bool connect_begin(struct ping *ping G_GNUC_UNUSED)
{
	return true;
}

static enum reply connect_send(struct ping *ping, gint64 deadline G_GNUC_UNUSED)
{
	g_autoptr(VmsockConnection) connection = NULL;
	g_autoptr(GError) error = NULL;

	connection = connect_once(ping, &error);
	if (connection || g_error_matches(error, VMSOCK_ERROR, VMSOCK_ERROR_NO_LISTENER))
		return REPLY_GOOD;
	if (g_cancellable_is_cancelled(ping->interrupt))
		return REPLY_INTERRUPTED;
	if (g_error_matches(error, VMSOCK_ERROR, VMSOCK_ERROR_TIMED_OUT))
		return REPLY_LATE;
	return broken(ping, error);
}

static const struct way ways[] = {
	{ "stream", stream_begin, stream_send },
	{ "datagram", datagram_begin, datagram_send },
	{ "connect", connect_begin, connect_send },
};

/* What is printed */

static void print_reply(const struct ping *ping, guint64 time)
{
	g_autofree char *text = format_time(time);
	struct json json;

	if (common.json) {
		json_start_line(&json);
		json_string(&json, "type", "reply");
		json_number(&json, "seq", (gint64)ping->sent);
		json_double(&json, "time_us", (double)time / 1000);
		json_finish(&json);
	} else if (!common.quiet && !options.flood) {
		printf("reply %" G_GUINT64_FORMAT " after %s\n", ping->sent, text);
		fflush(stdout);
	}
}

static void print_loss(const struct ping *ping, const char *why)
{
	struct json json;

	if (common.json) {
		json_start_line(&json);
		json_string(&json, "type", "loss");
		json_number(&json, "seq", (gint64)ping->sent);
		json_string(&json, "reason", why);
		json_finish(&json);
	} else if (!common.quiet && !options.flood) {
		printf("reply %" G_GUINT64_FORMAT " %s\n", ping->sent, why);
		fflush(stdout);
	}
}

static void write_summary(const struct ping *ping, double seconds)
{
	g_autofree char *address = vmsock_address_to_string(ping->address);
	struct json json;

	json_start_line(&json);
	json_string(&json, "type", "summary");
	json_string(&json, "address", address);
	json_string(&json, "way", ping->way->name);
	json_number(&json, "size", (gint64)options.size);
	json_number(&json, "sent", (gint64)ping->sent);
	json_number(&json, "received", (gint64)ping->received);
	json_number(&json, "wrong", (gint64)ping->wrong);
	json_double(&json, "seconds", seconds);
	latency_write(&ping->latency, &json, "latency");
	json_finish(&json);
}

static void print_summary(const struct ping *ping)
{
	double seconds = (double)(g_get_monotonic_time() - ping->start) / G_USEC_PER_SEC;
	g_autofree char *address = vmsock_address_to_string(ping->address);

	if (common.json) {
		write_summary(ping, seconds);
		return;
	}
	printf("%s by %s: %" G_GUINT64_FORMAT " sent, %" G_GUINT64_FORMAT " received, %.1f%% lost, "
	       "%.1f s\n", address, ping->way->name, ping->sent, ping->received,
	       ping->sent ? 100.0 * (double)(ping->sent - ping->received) / (double)ping->sent : 0,
	       seconds);
	latency_print(&ping->latency);
}

/* The loop */

/* One message; false if it was the last one. */
static bool ping_once(struct ping *ping)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)options.wait_ms * 1000;
	guint64 begin = nanoseconds();
	enum reply reply;

	ping->sent++;
	fill(ping);
	begin = nanoseconds();
	reply = ping->way->send(ping, deadline);
	begin = nanoseconds() - begin;
	switch (reply) {
	case REPLY_GOOD:
		ping->received++;
		latency_add(&ping->latency, begin);
		print_reply(ping, begin);
		return true;
	case REPLY_LATE:
		print_loss(ping, "did not come in time");
		return !options.flood || interrupt_sleep(ping->interrupt,
							 g_get_monotonic_time() + FLOOD_PAUSE_US);
	case REPLY_WRONG:
		ping->wrong++;
		print_loss(ping, "is not what was sent");
		return true;
	case REPLY_INTERRUPTED:
		ping->sent--;
		return false;
	case REPLY_BROKEN:
		return false;
	}
	g_assert_not_reached();
}

static void ping_all(struct ping *ping)
{
	gint64 next = ping->start = g_get_monotonic_time();

	while (ping_once(ping) && (!options.count || ping->sent < options.count)) {
		next = MAX(next + (gint64)options.interval_ms * 1000, g_get_monotonic_time());
		if (g_cancellable_is_cancelled(ping->interrupt) ||
		    (!options.flood && !interrupt_sleep(ping->interrupt, next)))
			return;
	}
}

static enum tool_exit verdict(const struct ping *ping)
{
	if (ping->code != TOOL_OK)
		return ping->code;
	if (ping->wrong && !options.datagram)
		return TOOL_MISMATCH;
	if (ping->received == ping->sent)
		return TOOL_OK;
	return ping->received ? TOOL_PARTLY : TOOL_TIMED_OUT;
}

static void clean_up(struct ping *ping)
{
	g_clear_object(&ping->connection);
	g_clear_object(&ping->datagrams);
	g_clear_object(&ping->client);
	g_clear_object(&ping->address);
	g_clear_object(&ping->stack);
	g_free(ping->out);
	g_free(ping->in);
}

static void measure(struct ping *ping)
{
	ping->interrupt = interrupt_catch();
	if (!tool_acquire_stack_for(ping->address, &ping->stack, &ping->code))
		return;
	ping->client = tool_new_client(ping->stack, 0);
	if (options.connect)
		vmsock_client_set_connect_timeout(ping->client, options.wait_ms);
	ping->out = g_malloc(MAX(options.size, 1));
	ping->in = g_malloc(MAX(options.size, VMSOCK_DATAGRAM_MAX));
	if (!ping->way->begin(ping))
		return;
	ping_all(ping);
	print_summary(ping);
	ping->code = verdict(ping);
}

static const char *problem(const struct ping *ping)
{
	if (options.datagram && options.connect)
		return "--datagram and --connect exclude each other";
	if (options.datagram && vmsock_address_get_path(ping->address))
		return "--datagram: a UNIX socket has streams only";
	if (options.datagram && options.size > VMSOCK_DATAGRAM_MAX)
		return "--size: a datagram holds 69608 bytes at most";
	if (options.size > LARGEST_STREAM)
		return "--size: 1 MiB at most";
	return NULL;
}

static int run(int argc G_GNUC_UNUSED, char **argv)
{
	struct ping ping = { .address = tool_parse_address(argv[0]) };

	if (!ping.address)
		return TOOL_USAGE;
	if (vmsock_address_get_socket_type(ping.address) == G_SOCKET_TYPE_DATAGRAM)
		options.datagram = TRUE;
	ping.way = &ways[options.datagram ? 1 : options.connect ? 2 : 0];
	if (problem(&ping))
		ping.code = tool_misused(problem(&ping));
	else
		measure(&ping);
	clean_up(&ping);
	return ping.code;
}

static const struct option option_table[] = {
	{ "count", 'c', OPTION_COUNT, &options.count, "N", "end after N messages", NULL, NULL },
	{ "interval", 'i', OPTION_SECONDS, &options.interval_ms, "SECONDS",
	  "time between messages [1]", NULL, NULL },
	{ "size", 's', OPTION_SIZE, &options.size, "SIZE", "bytes of a message [64]",
	  "Bytes of a message, 64 if not said, up to 1 MiB, or 69608 for datagrams.", NULL },
	{ "wait", 'W', OPTION_SECONDS, &options.wait_ms, "SECONDS",
	  "how long to wait for an answer [2]", NULL, NULL },
	{ "flood", 'f', OPTION_FLAG, &options.flood, NULL,
	  "send the next message with the answer to the last",
	  "Send the next message as soon as the last one is answered, and print no line for each.",
	  NULL },
	{ "datagram", 'd', OPTION_FLAG, &options.datagram, NULL, "datagrams instead of a stream",
	  NULL, NULL },
	{ "connect", 'C', OPTION_FLAG, &options.connect, NULL,
	  "measure connecting; needs no program at the peer",
	  "Measure how long connecting takes.\n"
	  "A refusal is an answer, too, so the peer need not run any program.", NULL },
	{ 0 }
};

const struct command ping_command = {
	.name = "ping",
	.summary = "measure how long a message takes to a peer and back",
	.arguments = "ADDRESS",
	.purpose = "Measures round trips to a 'vmsock echo', or the time to connect.",
	.min = 1,
	.max = 1,
	.common = COMMON_CONNECT | COMMON_JSON | COMMON_QUIET | COMMON_VERBOSE,
	.options = option_table,
	.run = run,
};
