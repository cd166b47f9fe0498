/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * perf-run.c - one measurement of vmsock perf, the client's side
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Each flow is a connection with a thread of its own.  Connections are made before the clock
 * starts; the threads stop by the clock, and the main thread shows progress meanwhile.
 */
#include "perf-run.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "exchange.h"
#include "interrupt.h"
#include "terminal.h"

/* How long the server may take for an answer, if --timeout does not say. */
#define ANSWER_MS 10000
#define TICK_US (G_USEC_PER_SEC / 10)

struct flow {
	const struct perf_plan *plan;
	enum perf_mode mode;
	VmsockConnection *connection;
	VmsockDatagramSocket *datagrams;
	VmsockAddress *target;		/* of datagrams */
	gint64 start, end;
	guint8 *block, *reference;
	guint64 bytes, blocks, wrong;	/* @bytes is read while the thread runs */
	struct perf_result result;
	bool has_result;
	struct latency latency;
	enum tool_exit code;
	GThread *thread;
};

static gint64 answer_us(void)
{
	return (gint64)(common.timeout_ms ? common.timeout_ms : ANSWER_MS) * 1000;
}

/* When to give up if nothing comes. */
static gint64 patience(void)
{
	return g_get_monotonic_time() + answer_us();
}

static bool is_running(const struct flow *flow)
{
	return g_get_monotonic_time() < flow->end &&
	       !g_cancellable_is_cancelled(flow->plan->interrupt);
}

static void note_block(struct flow *flow, gsize size)
{
	flow->blocks++;
	__atomic_store_n(&flow->bytes, flow->bytes + size, __ATOMIC_RELAXED);
}

/* Messages of threads end the flow, not the others. */
static bool fail_flow(struct flow *flow, const char *what, enum exchange_end end)
{
	if (end == EXCHANGE_INTERRUPTED)
		return false;
	if (end == EXCHANGE_TIME)
		tool_complain("%s: the server does not answer", what);
	else
		tool_complain("%s: %s", what, end == EXCHANGE_CLOSED ?
			      "the server has closed the connection" : g_strerror(errno));
	flow->code = end == EXCHANGE_TIME ? TOOL_TIMED_OUT : TOOL_IO;
	return false;
}

static enum exchange_end transfer(struct flow *flow, const void *out, gsize out_size, void *in,
				  gsize in_size, gsize *received, gint64 deadline)
{
	struct exchange exchange = {
		.fd = perf_fd(flow->connection),
		.out = out, .out_size = out_size,
		.in = in, .in_size = in_size,
	};
	enum exchange_end end = exchange_run(&exchange, flow->plan->interrupt, deadline);

	if (received)
		*received = exchange.received;
	return end;
}

static bool take_result(struct flow *flow)
{
	enum exchange_end end;

	end = transfer(flow, NULL, 0, &flow->result, sizeof(flow->result), NULL, patience());
	if (end != EXCHANGE_DONE)
		return fail_flow(flow, "result", end);
	perf_swap_result(&flow->result);
	flow->has_result = true;
	return true;
}

static void end_sending(struct flow *flow)
{
	vmsock_connection_shutdown(flow->connection, FALSE, TRUE, NULL);
}

/* Wait until block @number may go; false if the end comes first. */
static bool pace(const struct flow *flow, guint64 number)
{
	gint64 due;

	if (!flow->plan->rate)
		return true;
	due = flow->start + perf_due(number, flow->plan->size, flow->plan->rate);
	return due < flow->end && interrupt_sleep(flow->plan->interrupt, due);
}

/* What the threads do */

static void send_blocks(struct flow *flow)
{
	gsize size = flow->plan->size;

	while (is_running(flow) && pace(flow, flow->blocks)) {
		enum exchange_end end;

		perf_number(flow->block, size, flow->blocks);
		end = transfer(flow, flow->block, size, NULL, 0, NULL,
			       common.timeout_ms ? patience() : 0);
		if (end != EXCHANGE_DONE) {
			fail_flow(flow, "sending", end);
			return;
		}
		note_block(flow, size);
	}
	end_sending(flow);
	take_result(flow);
}

static void receive_blocks(struct flow *flow)
{
	gsize size = flow->plan->size, received;
	enum exchange_end end;

	for (;;) {
		end = transfer(flow, NULL, 0, flow->block, size, &received,
			       flow->end + answer_us());
		if (end != EXCHANGE_DONE)
			break;
		if (flow->plan->verify &&
		    !perf_check(flow->reference, flow->block, size, flow->blocks))
			flow->wrong++;
		note_block(flow, size);
	}
	if (end != EXCHANGE_CLOSED)
		fail_flow(flow, "receiving", end);
}

static guint64 nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (guint64)now.tv_sec * 1000000000 + (guint64)now.tv_nsec;
}

static void ask(struct flow *flow)
{
	gsize size = flow->plan->size;

	while (is_running(flow) && pace(flow, flow->blocks)) {
		guint64 begin;
		enum exchange_end end;

		perf_number(flow->reference, size, flow->blocks);
		begin = nanoseconds();
		end = transfer(flow, flow->reference, size, flow->block, size, NULL,
			       patience());
		if (end != EXCHANGE_DONE) {
			fail_flow(flow, "request", end);
			return;
		}
		latency_add(&flow->latency, nanoseconds() - begin);
		if (flow->plan->verify && memcmp(flow->reference, flow->block, size) != 0)
			flow->wrong++;
		note_block(flow, size);
	}
	end_sending(flow);
	take_result(flow);
}

static void send_datagrams(struct flow *flow)
{
	gsize size = flow->plan->size;

	while (is_running(flow) && pace(flow, flow->blocks)) {
		g_autoptr(GError) error = NULL;

		perf_number(flow->block, size, flow->blocks);
		vmsock_datagram_socket_send_to(flow->datagrams, flow->target, flow->block, size,
					       NULL, &error);
		/* A full queue loses it, which is what is measured. */
		if (error && !g_error_matches(error, VMSOCK_ERROR, VMSOCK_ERROR_NO_RESOURCES) &&
		    !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) {
			flow->code = tool_fail(error);
			break;
		}
		note_block(flow, size);
	}
	end_sending(flow);
	take_result(flow);
}

static bool open_connection(struct flow *flow);

/*
 * A connection is over when the server has closed it, too: clients that do not wait for that
 * overrun the queue of the listener.
 */
static bool finish_connection(struct flow *flow)
{
	guint8 byte;
	enum exchange_end end;

	end_sending(flow);
	end = transfer(flow, NULL, 0, &byte, 1, NULL, patience());
	g_io_stream_close(G_IO_STREAM(flow->connection), NULL, NULL);
	g_clear_object(&flow->connection);
	return end == EXCHANGE_CLOSED || fail_flow(flow, "end of connection", end);
}

static void make_connections(struct flow *flow)
{
	while (is_running(flow) && pace(flow, flow->blocks)) {
		guint64 begin = nanoseconds();

		if (!open_connection(flow))
			return;
		latency_add(&flow->latency, nanoseconds() - begin);
		note_block(flow, 0);
		if (!finish_connection(flow))
			return;
	}
}

static gpointer run_flow(gpointer data)
{
	struct flow *flow = data;

	switch (flow->mode) {
	case PERF_SINK:
		send_blocks(flow);
		break;
	case PERF_SOURCE:
		receive_blocks(flow);
		break;
	case PERF_ECHO:
		ask(flow);
		break;
	case PERF_COUNT:
		send_datagrams(flow);
		break;
	default:
		make_connections(flow);
	}
	return NULL;
}

/* Before and after */

static bool open_connection(struct flow *flow)
{
	g_autoptr(VmsockClient) client = tool_new_client(flow->plan->stack,
							 flow->plan->buffer_size);
	g_autoptr(GError) error = NULL;

	flow->connection = vmsock_client_connect(client, flow->plan->address, flow->plan->interrupt,
						 &error);
	if (!flow->connection && !g_cancellable_is_cancelled(flow->plan->interrupt))
		flow->code = tool_fail(error);
	return flow->connection;
}

static bool send_hello(struct flow *flow)
{
	struct perf_hello hello = {
		.magic = PERF_MAGIC,
		.mode = flow->mode,
		.size = (guint32)flow->plan->size,
		.verify = flow->plan->verify,
		.rate = flow->plan->rate,
		.microseconds = (guint64)flow->plan->microseconds,
	};
	enum exchange_end end;

	perf_swap_hello(&hello);
	end = transfer(flow, &hello, sizeof(hello), NULL, 0, NULL, patience());
	return end == EXCHANGE_DONE || fail_flow(flow, "hello", end);
}

static bool open_datagrams(struct flow *flow)
{
	g_autoptr(GError) error = NULL;

	if (!take_result(flow))
		return false;
	flow->has_result = false;
	if (flow->result.port == VMSOCK_PORT_ANY) {
		tool_complain("the server has no datagrams; only VMCI has them");
		flow->code = TOOL_NO_STACK;
		return false;
	}
	flow->target = vmsock_address_new(vmsock_address_get_cid(flow->plan->address),
					  (guint32)flow->result.port);
	flow->datagrams = vmsock_datagram_socket_new(flow->plan->stack, NULL, &error);
	if (flow->datagrams)
		return true;
	flow->code = tool_fail(error);
	return false;
}

static bool open_flow(struct flow *flow)
{
	if (!flow->mode)
		return true;
	return open_connection(flow) && send_hello(flow) &&
	       (flow->mode != PERF_COUNT || open_datagrams(flow));
}

static void close_flow(struct flow *flow)
{
	if (flow->connection)
		g_io_stream_close(G_IO_STREAM(flow->connection), NULL, NULL);
	g_clear_object(&flow->connection);
	g_clear_object(&flow->datagrams);
	g_clear_object(&flow->target);
	g_free(flow->block);
	g_free(flow->reference);
}

static enum perf_mode mode_of(const struct perf_plan *plan, guint flow)
{
	switch (plan->test) {
	case PERF_TEST_REQUEST:
		return PERF_ECHO;
	case PERF_TEST_DATAGRAM:
		return PERF_COUNT;
	case PERF_TEST_CONNECT:
		return 0;
	default:
		return plan->up && (!plan->down || flow % 2 == 0) ? PERF_SINK : PERF_SOURCE;
	}
}

static void add_up(const struct flow *flow, struct perf_outcome *outcome)
{
	if (flow->mode == PERF_SOURCE) {
		outcome->down += flow->bytes;
		outcome->down_blocks += flow->blocks;
	} else {
		outcome->sent += flow->bytes;
		outcome->sent_blocks += flow->blocks;
	}
	outcome->wrong += flow->wrong;
	latency_merge(&outcome->latency, &flow->latency);
	if (!flow->has_result)
		return;
	outcome->arrived += flow->result.bytes;
	outcome->arrived_blocks += flow->result.blocks;
	outcome->wrong += flow->result.wrong;
	outcome->reordered += flow->result.reordered;
	outcome->remote_cpu_us += flow->result.cpu_us;
}

static void show_progress(const struct perf_plan *plan, const struct flow *flows, guint count,
			  gint64 end)
{
	struct progress progress;

	progress_start(&progress, 0);
	while (interrupt_sleep(plan->interrupt, MIN(g_get_monotonic_time() + TICK_US, end)) &&
	       g_get_monotonic_time() < end) {
		guint64 bytes = 0;

		for (guint i = 0; i < count; i++)
			bytes += __atomic_load_n(&flows[i].bytes, __ATOMIC_RELAXED);
		progress_show(&progress, bytes);
	}
	progress_clear(&progress);
}

static enum tool_exit open_flows(const struct perf_plan *plan, struct flow *flows, guint count)
{
	for (guint i = 0; i < count; i++) {
		flows[i].plan = plan;
		flows[i].mode = mode_of(plan, i);
		flows[i].block = perf_new_block(plan->size);
		flows[i].reference = perf_new_block(plan->size);
		if (!open_flow(&flows[i]))
			return flows[i].code;
	}
	return TOOL_OK;
}

static enum tool_exit run_flows(const struct perf_plan *plan, struct flow *flows, guint count)
{
	gint64 start = g_get_monotonic_time();
	enum tool_exit code = TOOL_OK;

	for (guint i = 0; i < count; i++) {
		flows[i].start = start;
		flows[i].end = start + plan->microseconds;
		flows[i].thread = g_thread_new("flow", run_flow, &flows[i]);
	}
	show_progress(plan, flows, count, start + plan->microseconds);
	for (guint i = 0; i < count; i++) {
		g_thread_join(flows[i].thread);
		if (code == TOOL_OK)
			code = flows[i].code;
	}
	return code;
}

enum tool_exit perf_run(const struct perf_plan *plan, struct perf_outcome *outcome)
{
	guint count = plan->up && plan->down ? 2 * plan->flows : plan->flows;
	g_autofree struct flow *flows = g_new0(struct flow, count);
	guint64 cpu = perf_cpu_time(RUSAGE_SELF);
	enum tool_exit code;
	gint64 start;

	memset(outcome, 0, sizeof(*outcome));
	code = open_flows(plan, flows, count);
	start = g_get_monotonic_time();
	if (code == TOOL_OK)
		code = run_flows(plan, flows, count);
	outcome->microseconds = g_get_monotonic_time() - start;
	outcome->cpu_us = perf_cpu_time(RUSAGE_SELF) - cpu;
	for (guint i = 0; i < count; i++) {
		add_up(&flows[i], outcome);
		close_flow(&flows[i]);
	}
	return code;
}
