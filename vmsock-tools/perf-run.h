/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * perf-run.h - one measurement of vmsock perf
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef PERF_RUN_H
#define PERF_RUN_H

#include "latency.h"
#include "perf.h"
#include "tool.h"

enum perf_test {
	PERF_TEST_STREAM,	/* throughput, in the directions that are asked for */
	PERF_TEST_REQUEST,	/* request and response */
	PERF_TEST_CONNECT,	/* connections made one after the other */
	PERF_TEST_DATAGRAM	/* loss at a rate */
};

/* What to measure. */
struct perf_plan {
	enum perf_test test;
	VmsockStack *stack;
	VmsockAddress *address;
	GCancellable *interrupt;
	guint64 buffer_size, rate;	/* 0: the usual; as fast as it goes */
	gint64 microseconds;
	guint flows;
	bool up, down, verify;
	gsize size;
};

/* What came out, of all flows together.  Up is from client to server. */
struct perf_outcome {
	guint64 sent, sent_blocks;			/* bytes and blocks, up */
	guint64 arrived, arrived_blocks;		/* up, as the server says */
	guint64 down, down_blocks;
	guint64 wrong, reordered;
	gint64 microseconds;				/* what it took */
	guint64 cpu_us, remote_cpu_us;
	struct latency latency;				/* of requests and of connecting */
};

/* Do it; TOOL_OK, or the code after a message.  @outcome is filled in either case. */
enum tool_exit perf_run(const struct perf_plan *plan, struct perf_outcome *outcome);

#endif
