/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * perf.c - throughput, latency, connect rate and loss between two machines
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Options and output; perf-run.c measures, perf-server.c is the other side.  A list of sizes is one
 * measurement after the other.  JSON names are those of iperf3 where it has one.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "format.h"
#include "interrupt.h"
#include "perf-run.h"

#define USUAL_MS 10000

static struct {
	gboolean server, once, reverse, both, request, connects, datagram, verify;
	char *sizes;
	guint64 parallel, rate, buffer_size;
	guint time_ms, warm_up_ms;
} options = { .parallel = 1, .time_ms = USUAL_MS };

static const struct {
	const char *name;
	gsize size;			/* that is usual */
} tests[] = {
	[PERF_TEST_STREAM] = { "stream", 128 * 1024 },
	[PERF_TEST_REQUEST] = { "request", 64 },
	[PERF_TEST_CONNECT] = { "connect", 64 },
	[PERF_TEST_DATAGRAM] = { "datagram", 1024 },
};

/* A second's worth */
static double per_second(guint64 amount, gint64 microseconds)
{
	return (double)amount * G_USEC_PER_SEC / (double)MAX(microseconds, 1);
}

static double cpu_per_gib(guint64 cpu_us, guint64 bytes)
{
	return bytes ? (double)cpu_us / G_USEC_PER_SEC / ((double)bytes / 1073741824) : 0;
}

static guint64 lost(const struct perf_outcome *outcome)
{
	return outcome->sent_blocks - MIN(outcome->arrived_blocks, outcome->sent_blocks);
}

static double lost_percent(const struct perf_outcome *outcome)
{
	return outcome->sent_blocks ? 100.0 * (double)lost(outcome) / (double)outcome->sent_blocks :
	       0;
}

/* For people */

static void print_direction(const char *name, guint64 bytes, const struct perf_outcome *outcome)
{
	g_autofree char *amount = format_bytes((double)bytes);
	g_autofree char *rate = format_bytes(per_second(bytes, outcome->microseconds));

	printf("  %s %s, %s/s", name, amount, rate);
}

static void print_stream(const struct perf_plan *plan, const struct perf_outcome *outcome)
{
	if (plan->up)
		print_direction("sent", outcome->arrived ? outcome->arrived : outcome->sent,
				outcome);
	if (plan->down)
		print_direction("received", outcome->down, outcome);
	printf("  CPU %.2f s/GiB", cpu_per_gib(outcome->cpu_us, outcome->sent + outcome->down));
	if (outcome->remote_cpu_us)
		printf(", server %.2f s/GiB",
		       cpu_per_gib(outcome->remote_cpu_us, outcome->arrived));
	putchar('\n');
}

static void print_times(const struct perf_outcome *outcome, const char *noun)
{
	printf("  %" G_GUINT64_FORMAT " %s, %.0f/s\n", outcome->sent_blocks, noun,
	       per_second(outcome->sent_blocks, outcome->microseconds));
	latency_print(&outcome->latency);
	if (isatty(STDOUT_FILENO) && !common.quiet)
		latency_print_histogram(&outcome->latency);
}

static void print_outcome(const struct perf_plan *plan, const struct perf_outcome *outcome)
{
	g_autofree char *size = format_bytes((double)plan->size);

	if (plan->test == PERF_TEST_CONNECT)
		printf("connections:");
	else
		printf("%s blocks:", size);
	switch (plan->test) {
	case PERF_TEST_STREAM:
		print_stream(plan, outcome);
		break;
	case PERF_TEST_REQUEST:
		print_times(outcome, "requests");
		break;
	case PERF_TEST_CONNECT:
		print_times(outcome, "connections");
		break;
	case PERF_TEST_DATAGRAM:
		print_direction("received", outcome->arrived, outcome);
		printf("  lost %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " (%.2f%%)\n",
		       lost(outcome), outcome->sent_blocks, lost_percent(outcome));
		break;
	}
	if (plan->verify)
		printf("  verified, %" G_GUINT64_FORMAT " blocks wrong\n", outcome->wrong);
	fflush(stdout);
}

/* For programs */

static void write_sum(struct json *json, const char *name, guint64 bytes, gint64 microseconds,
		      bool sender)
{
	json_open(json, name, '{');
	json_number(json, "start", 0);
	json_double(json, "end", (double)microseconds / G_USEC_PER_SEC);
	json_double(json, "seconds", (double)microseconds / G_USEC_PER_SEC);
	json_number(json, "bytes", (gint64)bytes);
	json_double(json, "bits_per_second", 8 * per_second(bytes, microseconds));
	json_bool(json, "sender", sender);
	json_close(json, '}');
}

static void write_start(struct json *json, const struct perf_plan *plan)
{
	json_open(json, "start", '{');
	json_string(json, "version", PACKAGE_STRING);
	json_open(json, "connecting_to", '{');
	if (vmsock_address_get_path(plan->address))
		json_string(json, "host", vmsock_address_get_path(plan->address));
	else
		json_number(json, "host", vmsock_address_get_cid(plan->address));
	if (vmsock_address_get_kind(plan->address) != VMSOCK_ADDRESS_KIND_UNIX)
		json_number(json, "port", vmsock_address_get_port(plan->address));
	json_close(json, '}');
	json_open(json, "test_start", '{');
	json_string(json, "protocol", tests[plan->test].name);
	json_number(json, "num_streams", plan->flows);
	json_number(json, "blksize", (gint64)plan->size);
	json_double(json, "omit", options.warm_up_ms / 1000.0);
	json_double(json, "duration", (double)plan->microseconds / G_USEC_PER_SEC);
	json_number(json, "reverse", plan->down && !plan->up);
	json_number(json, "bidir", plan->down && plan->up);
	json_number(json, "target_bitrate", (gint64)(8 * plan->rate));
	json_close(json, '}');
	json_close(json, '}');
}

static void write_streams(struct json *json, const struct perf_plan *plan,
			  const struct perf_outcome *outcome)
{
	gint64 time = outcome->microseconds;

	if (plan->up) {
		write_sum(json, "sum_sent", outcome->sent, time, true);
		write_sum(json, "sum_received", outcome->arrived, time, true);
	}
	if (plan->down)
		write_sum(json, plan->up ? "sum_received_bidir_reverse" : "sum_received",
			  outcome->down, time, false);
}

static void write_datagrams(struct json *json, const struct perf_outcome *outcome)
{
	json_open(json, "sum", '{');
	json_double(json, "seconds", (double)outcome->microseconds / G_USEC_PER_SEC);
	json_number(json, "bytes", (gint64)outcome->arrived);
	json_double(json, "bits_per_second",
		    8 * per_second(outcome->arrived, outcome->microseconds));
	json_number(json, "packets", (gint64)outcome->sent_blocks);
	json_number(json, "lost_packets", (gint64)lost(outcome));
	json_double(json, "lost_percent", lost_percent(outcome));
	json_number(json, "out_of_order", (gint64)outcome->reordered);
	json_close(json, '}');
}

static void write_cpu(struct json *json, const struct perf_outcome *outcome)
{
	json_open(json, "cpu_utilization_percent", '{');
	json_double(json, "host_total", 100 * per_second(outcome->cpu_us, outcome->microseconds) /
					G_USEC_PER_SEC);
	json_double(json, "remote_total", 100 * per_second(outcome->remote_cpu_us,
							   outcome->microseconds) / G_USEC_PER_SEC);
	json_close(json, '}');
	json_double(json, "cpu_seconds_per_gib",
		    cpu_per_gib(outcome->cpu_us, outcome->sent + outcome->down));
}

static void write_outcome(const struct perf_plan *plan, const struct perf_outcome *outcome)
{
	struct json json;

	json_start_line(&json);
	write_start(&json, plan);
	json_open(&json, "end", '{');
	if (plan->test == PERF_TEST_STREAM)
		write_streams(&json, plan, outcome);
	else if (plan->test == PERF_TEST_DATAGRAM)
		write_datagrams(&json, outcome);
	if (outcome->latency.count) {
		json_double(&json, "per_second",
			    per_second(outcome->sent_blocks, outcome->microseconds));
		latency_write(&outcome->latency, &json, "latency");
	}
	write_cpu(&json, outcome);
	if (plan->verify)
		json_number(&json, "wrong_blocks", (gint64)outcome->wrong);
	json_close(&json, '}');
	json_finish(&json);
}

/* Measuring */

/* What is thrown away: caches, windows and clock frequencies get where they stay. */
static enum tool_exit warm_up(const struct perf_plan *plan)
{
	struct perf_plan shorter = *plan;
	struct perf_outcome outcome;

	if (!options.warm_up_ms)
		return TOOL_OK;
	shorter.microseconds = (gint64)options.warm_up_ms * 1000;
	return perf_run(&shorter, &outcome);
}

static enum tool_exit measure(struct perf_plan *plan)
{
	struct perf_outcome outcome;
	enum tool_exit code = warm_up(plan);

	if (code != TOOL_OK || g_cancellable_is_cancelled(plan->interrupt))
		return code;
	code = perf_run(plan, &outcome);
	if (code != TOOL_OK && !outcome.sent_blocks && !outcome.down_blocks)
		return code;
	if (common.json)
		write_outcome(plan, &outcome);
	else
		print_outcome(plan, &outcome);
	return plan->verify && outcome.wrong ? TOOL_MISMATCH : code;
}

static enum tool_exit measure_sizes(struct perf_plan *plan, const gsize *sizes, guint count)
{
	enum tool_exit code;

	plan->interrupt = interrupt_catch();
	if (!tool_acquire_stack_for(plan->address, &plan->stack, &code))
		return code;
	code = TOOL_OK;
	for (guint i = 0; i < count && code == TOOL_OK &&
	     !g_cancellable_is_cancelled(plan->interrupt); i++) {
		plan->size = sizes[i];
		code = measure(plan);
	}
	g_clear_object(&plan->stack);
	return code;
}

/* Options */

static GArray *parse_sizes(enum perf_test test)
{
	g_autoptr(GArray) sizes = g_array_new(FALSE, FALSE, sizeof(gsize));
	gsize least = test == PERF_TEST_DATAGRAM ? 8 : 1;
	gsize most = test == PERF_TEST_DATAGRAM ? VMSOCK_DATAGRAM_MAX : PERF_BLOCK_MAX;
	g_auto(GStrv) words = NULL;

	if (!options.sizes)
		g_array_append_val(sizes, tests[test].size);
	words = g_strsplit(options.sizes ? options.sizes : "", ",", -1);
	for (char **word = words; *word; word++) {
		guint64 size;

		if (!option_parse_size(*word, &size) || size < least || size > most) {
			tool_complain("--length: '%s' is not a size from %zu to %zu", *word, least,
				      most);
			return NULL;
		}
		g_array_append_val(sizes, size);
	}
	return g_steal_pointer(&sizes);
}

/* Datagrams are agreed upon over a stream. */
static VmsockAddress *as_stream(VmsockAddress *address)
{
	if (vmsock_address_get_path(address))
		return g_object_ref(address);
	return vmsock_address_new(vmsock_address_get_cid(address),
				  vmsock_address_get_port(address));
}

static enum perf_test chosen_test(VmsockAddress *address)
{
	if (vmsock_address_get_socket_type(address) == G_SOCKET_TYPE_DATAGRAM)
		options.datagram = TRUE;
	return options.request ? PERF_TEST_REQUEST : options.connects ? PERF_TEST_CONNECT :
	       options.datagram ? PERF_TEST_DATAGRAM : PERF_TEST_STREAM;
}

static const char *problem(void)
{
	if (!!options.request + !!options.connects + !!options.datagram +
	    (options.reverse || options.both) > 1)
		return "--request, --connects, --datagram and directions exclude each other";
	if (options.reverse && options.both)
		return "--reverse and --both exclude each other";
	if (options.once && !options.server)
		return "--once goes with --server only";
	if (options.parallel > 1000)
		return "--parallel: 1000 at most";
	return NULL;
}

static int serve(const char *text)
{
	g_autoptr(VmsockAddress) address = tool_parse_listen_address(text);

	return address ? perf_serve(address, options.buffer_size, options.once) : TOOL_USAGE;
}

static int run(int argc G_GNUC_UNUSED, char **argv)
{
	g_autoptr(VmsockAddress) address = NULL, control = NULL;
	g_autoptr(GArray) sizes = NULL;
	struct perf_plan plan;

	if (problem())
		return tool_misused(problem());
	if (options.server)
		return serve(argv[0]);
	address = tool_parse_address(argv[0]);
	if (!address)
		return TOOL_USAGE;
	control = as_stream(address);
	if (options.datagram && vmsock_address_get_path(address))
		return tool_misused("--datagram: a UNIX socket has streams only");
	plan = (struct perf_plan){
		.test = chosen_test(address),
		.address = control,
		.buffer_size = options.buffer_size,
		.rate = options.rate,
		.microseconds = (gint64)options.time_ms * 1000,
		.flows = (guint)options.parallel,
		.up = !options.reverse,
		.down = options.reverse || options.both,
		.verify = options.verify,
	};
	sizes = parse_sizes(plan.test);
	if (!sizes)
		return TOOL_USAGE;
	return measure_sizes(&plan, (const gsize *)(void *)sizes->data, sizes->len);
}

static const struct option option_table[] = {
	{ "server", 's', OPTION_FLAG, &options.server, NULL,
	  "serve clients at this ADDRESS or PORT", NULL, NULL },
	{ "once", '1', OPTION_FLAG, &options.once, NULL, "server: end after one connection", NULL,
	  NULL },
	{ "length", 'l', OPTION_TEXT, &options.sizes, "SIZES", "sizes of blocks, as 4K,64K",
	  "The size of blocks, or several, one after the other, as in\n.Li 4K,64K .\n"
	  "Without it 128 KiB, 64 bytes for requests, 1 KiB for datagrams; 16 MiB at most.", NULL },
	{ "parallel", 'P', OPTION_COUNT, &options.parallel, "N", "connections at once [1]", NULL,
	  NULL },
	{ "time", 't', OPTION_SECONDS, &options.time_ms, "SECONDS", "for so long [10]",
	  "Measure for so long, 10 seconds if not said, each of the sizes.", NULL },
	{ "omit", 'O', OPTION_SECONDS, &options.warm_up_ms, "SECONDS", "warm up before",
	  "Do the same for so long before, and throw away the result.", NULL },
	{ "reverse", 'R', OPTION_FLAG, &options.reverse, NULL, "from the server to the client",
	  NULL, NULL },
	{ "both", 'B', OPTION_FLAG, &options.both, NULL, "in both directions at once",
	  "In both directions at once, over as many connections each.", NULL },
	{ "request", 'r', OPTION_FLAG, &options.request, NULL,
	  "requests and responses, and their latency", NULL, NULL },
	{ "connects", 'C', OPTION_FLAG, &options.connects, NULL, "connections in a second", NULL,
	  NULL },
	{ "datagram", 'd', OPTION_FLAG, &options.datagram, NULL,
	  "datagrams, and how many are lost", NULL, NULL },
	{ "rate", 'b', OPTION_SIZE, &options.rate, "SIZE", "send so much in a second",
	  "Send so many bytes in a second over each connection, and not as fast as it goes.",
	  NULL },
	{ "verify", 'V', OPTION_FLAG, &options.verify, NULL, "compare what arrives",
	  "Compare what arrives with what was sent.", NULL },
	{ "buffer-size", 'z', OPTION_SIZE, &options.buffer_size, "SIZE",
	  "size of the queues of a stream", NULL, NULL },
	{ 0 }
};

const struct command perf_command = {
	.name = "perf",
	.summary = "measure throughput, latency, connect rate and loss",
	.arguments = "ADDRESS | --server ADDRESS|PORT",
	.purpose = "Measures how fast two machines talk; one runs 'vmsock perf --server'.",
	.min = 1,
	.max = 1,
	.common = COMMON_CONNECT | COMMON_JSON | COMMON_QUIET | COMMON_VERBOSE,
	.options = option_table,
	.run = run,
};
