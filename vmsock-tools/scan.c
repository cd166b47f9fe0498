/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scan.c - which ports of a context answer
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A timer starts connects at the rate that is allowed, as long as not too many are under way; each
 * ends in one of the outcomes below.
 */
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "terminal.h"
#include "tool.h"

#define MOST_PORTS 65536

static struct {
	gboolean all;
	guint64 rate, parallel;
	guint wait_ms;
} options = { .rate = 200, .parallel = 16, .wait_ms = 1000 };

enum outcome {
	OUTCOME_OPEN, OUTCOME_REFUSED, OUTCOME_SILENT, OUTCOME_UNREACHABLE, OUTCOME_DENIED,
	OUTCOME_FAILED, OUTCOMES
};

static const struct {
	const char *name;
	enum terminal_colour colour;
	enum tool_exit code;		/* if it is the outcome of all */
} outcomes[OUTCOMES] = {
	[OUTCOME_OPEN] = { "open", COLOUR_GREEN, TOOL_OK },
	[OUTCOME_REFUSED] = { "refused", COLOUR_NONE, TOOL_REFUSED },
	[OUTCOME_SILENT] = { "silent", COLOUR_YELLOW, TOOL_TIMED_OUT },
	[OUTCOME_UNREACHABLE] = { "unreachable", COLOUR_RED, TOOL_REFUSED },
	[OUTCOME_DENIED] = { "denied", COLOUR_RED, TOOL_DENIED },
	[OUTCOME_FAILED] = { "failed", COLOUR_RED, TOOL_IO },
};

struct scan {
	VmsockClient *client;
	VmsockStack *stack;
	GCancellable *cancellable;
	GMainLoop *loop;
	guint32 cid;
	GArray *ports;			/* guint32 */
	guint8 *found;			/* an outcome for each, OUTCOMES if none yet */
	GArray *again;			/* guint, indexes of those to ask once more: --retry */
	guint started, ended;
	guint counts[OUTCOMES];
	enum tool_exit code;
};

struct probe {
	struct scan *scan;
	guint index;
	bool first;			/* time that this port is asked */
};

static enum outcome outcome_of(const GError *error)
{
	if (!error)
		return OUTCOME_OPEN;
	if (error->domain != VMSOCK_ERROR)
		return OUTCOME_FAILED;
	switch ((VmsockError)error->code) {
	case VMSOCK_ERROR_NO_LISTENER:
	case VMSOCK_ERROR_RESET:
		return OUTCOME_REFUSED;
	case VMSOCK_ERROR_TIMED_OUT:
		return OUTCOME_SILENT;
	case VMSOCK_ERROR_UNREACHABLE:
	case VMSOCK_ERROR_NO_DEVICE:
		return OUTCOME_UNREACHABLE;
	case VMSOCK_ERROR_DENIED:
		return OUTCOME_DENIED;
	default:
		return OUTCOME_FAILED;
	}
}

static bool has_started_all(const struct scan *scan)
{
	return scan->started == scan->ports->len + scan->again->len ||
	       g_cancellable_is_cancelled(scan->cancellable);
}

static bool is_over(const struct scan *scan)
{
	return scan->ended == scan->started && has_started_all(scan);
}

/* What came of a probe; silence may be asked once more */
static void note(struct scan *scan, const struct probe *probe, enum outcome outcome)
{
	guint8 *found = &scan->found[probe->index];

	if (outcome == OUTCOME_SILENT && common.retry && probe->first)
		g_array_append_val(scan->again, probe->index);
	if (*found != OUTCOMES)
		scan->counts[*found]--;
	*found = (guint8)outcome;
	scan->counts[outcome]++;
}

static void on_connected(GObject *client, GAsyncResult *result, gpointer data)
{
	struct probe *probe = data;
	struct scan *scan = probe->scan;
	g_autoptr(GError) error = NULL;
	VmsockConnection *connection;
	enum outcome outcome;

	connection = vmsock_client_connect_finish(VMSOCK_CLIENT(client), result, &error);
	outcome = outcome_of(error);
	if (error)
		tool_remark("port %u: %s", g_array_index(scan->ports, guint32, probe->index),
			    error->message);
	if (connection)
		g_io_stream_close(G_IO_STREAM(connection), NULL, NULL);
	g_clear_object(&connection);
	scan->ended++;
	if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
		note(scan, probe, outcome);
	g_free(probe);
	if (is_over(scan))
		g_main_loop_quit(scan->loop);
}

static gboolean start_next(gpointer data)
{
	struct scan *scan = data;
	g_autoptr(VmsockAddress) address = NULL;
	struct probe *probe;
	guint number = scan->started, ports = scan->ports->len;

	if (is_over(scan)) {
		g_main_loop_quit(scan->loop);
		return G_SOURCE_REMOVE;
	}
	if (has_started_all(scan) || scan->started - scan->ended >= options.parallel)
		return G_SOURCE_CONTINUE;
	scan->started++;
	probe = g_new(struct probe, 1);
	*probe = (struct probe){ scan, number, true };
	if (number >= ports)
		*probe = (struct probe){ scan, g_array_index(scan->again, guint, number - ports) };
	address = vmsock_address_new(scan->cid, g_array_index(scan->ports, guint32, probe->index));
	vmsock_client_connect_async(scan->client, address, scan->cancellable, on_connected, probe);
	return G_SOURCE_CONTINUE;
}

/* A GLib timeout counts milliseconds; above a thousand a second several start at once. */
static gboolean on_tick(gpointer data)
{
	guint64 count = MAX(options.rate / 1000, 1);

	while (count-- > 1)
		if (start_next(data) == G_SOURCE_REMOVE)
			return G_SOURCE_REMOVE;
	return start_next(data);
}

static gboolean on_signal(gpointer data)
{
	struct scan *scan = data;

	g_cancellable_cancel(scan->cancellable);
	return G_SOURCE_CONTINUE;
}

/* What is printed */

static void print_ports(const struct scan *scan)
{
	for (guint i = 0; i < scan->ports->len; i++) {
		guint8 found = scan->found[i];

		if (found == OUTCOMES || (found != OUTCOME_OPEN && !options.all))
			continue;
		printf("%10u  ", g_array_index(scan->ports, guint32, i));
		terminal_print(stdout, outcomes[found].colour, outcomes[found].name);
		putchar('\n');
	}
	if (common.quiet)
		return;
	for (guint i = 0; i < OUTCOMES; i++)
		printf("%s%u %s", i ? ", " : "", scan->counts[i], outcomes[i].name);
	printf(" of %u ports\n", scan->ports->len);
}

static void write_ports(const struct scan *scan)
{
	struct json json;

	json_start(&json);
	json_number(&json, "cid", scan->cid);
	json_open(&json, "ports", '[');
	for (guint i = 0; i < scan->ports->len; i++) {
		guint8 found = scan->found[i];

		if (found == OUTCOMES || (found != OUTCOME_OPEN && !options.all))
			continue;
		json_open(&json, NULL, '{');
		json_number(&json, "port", g_array_index(scan->ports, guint32, i));
		json_string(&json, "outcome", outcomes[found].name);
		json_close(&json, '}');
	}
	json_close(&json, ']');
	for (guint i = 0; i < OUTCOMES; i++)
		json_number(&json, outcomes[i].name, scan->counts[i]);
	json_finish(&json);
}

/* Open if any is; else what all have in common, or partly. */
static enum tool_exit verdict(const struct scan *scan)
{
	if (scan->counts[OUTCOME_OPEN])
		return TOOL_OK;
	for (guint i = 0; i < OUTCOMES; i++)
		if (scan->counts[i] == scan->ports->len)
			return outcomes[i].code;
	return TOOL_PARTLY;
}

/* Ports */

static bool parse_range(const char *word, guint64 *first, guint64 *last)
{
	g_auto(GStrv) ends = g_strsplit(word, "-", 2);
	const char *end = ends[0] && ends[1] ? ends[1] : ends[0];

	return ends[0] &&
	       g_ascii_string_to_unsigned(ends[0], 10, 0, G_MAXUINT32 - 1, first, NULL) &&
	       g_ascii_string_to_unsigned(end, 10, *first, G_MAXUINT32 - 1, last, NULL);
}

static GArray *parse_ports(const char *text)
{
	g_autoptr(GArray) ports = g_array_new(FALSE, FALSE, sizeof(guint32));
	g_auto(GStrv) words = g_strsplit(text, ",", -1);

	for (char **word = words; *word; word++) {
		guint64 first, last;

		if (!parse_range(*word, &first, &last)) {
			tool_complain("'%s' is no port and no range like 1-1023", *word);
			return NULL;
		}
		if (last - first >= MOST_PORTS - ports->len) {
			tool_complain("these are more than %d ports", MOST_PORTS);
			return NULL;
		}
		for (guint64 port = first; port <= last; port++) {
			guint32 one = (guint32)port;

			g_array_append_val(ports, one);
		}
	}
	return g_steal_pointer(&ports);
}

static void clean_up(struct scan *scan)
{
	g_clear_object(&scan->client);
	g_clear_object(&scan->stack);
	g_clear_object(&scan->cancellable);
	g_clear_pointer(&scan->loop, g_main_loop_unref);
	g_clear_pointer(&scan->ports, g_array_unref);
	g_clear_pointer(&scan->again, g_array_unref);
	g_free(scan->found);
}

static void look(struct scan *scan)
{
	scan->stack = tool_acquire_stack(&scan->code);
	if (!scan->stack)
		return;
	scan->client = tool_new_client(scan->stack, 0);
	vmsock_client_set_connect_timeout(scan->client, options.wait_ms);
	vmsock_client_set_deadline(scan->client, 0);
	vmsock_client_set_retry(scan->client, FALSE);
	scan->cancellable = g_cancellable_new();
	scan->loop = g_main_loop_new(NULL, FALSE);
	scan->again = g_array_new(FALSE, FALSE, sizeof(guint));
	scan->found = g_malloc(scan->ports->len);
	memset(scan->found, OUTCOMES, scan->ports->len);
	g_unix_signal_add(SIGINT, on_signal, scan);
	g_unix_signal_add(SIGTERM, on_signal, scan);
	if (common.deadline_ms)
		g_timeout_add(common.deadline_ms, on_signal, scan);
	g_timeout_add((guint)MAX(1000 / options.rate, 1), on_tick, scan);
	g_main_loop_run(scan->loop);
	if (common.json)
		write_ports(scan);
	else
		print_ports(scan);
	scan->code = verdict(scan);
}

static int run(int argc G_GNUC_UNUSED, char **argv)
{
	struct scan scan = { .code = TOOL_USAGE };

	if (tool_parse_cid(argv[0], &scan.cid) && (scan.ports = parse_ports(argv[1])))
		look(&scan);
	clean_up(&scan);
	return scan.code;
}

static const struct option option_table[] = {
	{ "all", 'a', OPTION_FLAG, &options.all, NULL, "print all ports, not only open ones", NULL,
	  NULL },
	{ "rate", 'r', OPTION_COUNT, &options.rate, "N", "connects in a second [200]", NULL, NULL },
	{ "parallel", 'P', OPTION_COUNT, &options.parallel, "N", "connects at once [16]", NULL,
	  NULL },
	{ "wait", 'W', OPTION_SECONDS, &options.wait_ms, "SECONDS",
	  "how long to wait for an answer [1]", NULL, NULL },
	{ "timeout", 'w', OPTION_SECONDS, &options.wait_ms, "SECONDS", "the same as --wait",
	  "The same as\n.Fl -wait .", NULL },
	{ "deadline", 0, OPTION_SECONDS, &common.deadline_ms, "SECONDS",
	  "end after so long, with what was found", NULL, NULL },
	{ "retry", 0, OPTION_FLAG, &common.retry, NULL, "ask ports that are silent once more", NULL,
	  NULL },
	{ 0 }
};

const struct command scan_command = {
	.name = "scan",
	.summary = "which ports of a machine answer",
	.arguments = "CID PORTS",
	.purpose = "Tries which ports of a machine answer; PORTS are as 1-1023,5000.",
	.min = 2,
	.max = 2,
	.common = COMMON_FAMILY | COMMON_JSON | COMMON_QUIET | COMMON_VERBOSE,
	.options = option_table,
	.run = run,
};
