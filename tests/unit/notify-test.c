// SPDX-License-Identifier: GPL-2.0-or-later
/* notify-test.c - flow notification against vsock.md 6, row by row
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <common/notify.h>

#include "tap.h"

#define PAGE	4096
#define SIZE	262144

#define PACKET	VMSOCK_PROTO_PACKET
#define QSTATE	VMSOCK_PROTO_QUEUE_STATE

#define WROTE		VMSOCK_SEND_WROTE
#define READ		VMSOCK_SEND_READ
#define WAITING_READ	VMSOCK_SEND_WAITING_READ
#define WAITING_WRITE	VMSOCK_SEND_WAITING_WRITE
#define READERS		VMSOCK_WAKE_READERS
#define WRITERS		VMSOCK_WAKE_WRITERS

static struct vmsock_notify start(uint16_t proto, uint64_t size)
{
	struct vmsock_notify n;

	memset(&n, 0xa5, sizeof(n));
	vmsock_notify_init(&n, proto, size, PAGE);
	return n;
}

/* 6.1 */
static void test_initial(void)
{
	static const struct {
		uint16_t proto;
		uint64_t size, window, min_window;
	} rows[] = {
		{ PACKET, SIZE, SIZE, PAGE }, { QSTATE, SIZE, SIZE, PAGE },
		{ PACKET, 128, 128, 128 },    { QSTATE, 128, 128, 128 },
		{ QSTATE, PAGE, PAGE, PAGE }, { QSTATE, 2, 2, 2 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vmsock_notify n = start(rows[i].proto, rows[i].size);

		is_u64(n.window, rows[i].window, "6.1: W = N = %d", (int)rows[i].size);
		is_u64(n.min_window, rows[i].min_window, "6.1: M");
		ok(!n.peer_waits_write && !n.detected && !n.peer_waits_read && !n.announced_read &&
			   !n.announced_write && !n.notify_on_block && !n.produce_generation &&
			   !n.consume_generation,
		   "6.1: all others 0");
	}
}

/*
 * 6.2 steps 1 to 4.  The decision is asked by taking a byte in packet style,
 * where PWW is what WAITING_WRITE made it.
 */
static const struct {
	const char *name;
	uint64_t size, window, min_window;
	bool waits, detected;
	uint64_t free;
	unsigned int bits;
	uint64_t window_after;
	bool detected_after;
} decisions[] = {
	{ "1: PWW = 0", SIZE, SIZE, PAGE, false, false, SIZE - 1, 0, SIZE, false },
	{ "2: DET = 0, window shrinks by a page", SIZE, SIZE, PAGE, true, false, 1, 0,
	  SIZE - PAGE, true },
	{ "2: DET = 1, window stays", SIZE, SIZE - PAGE, PAGE, true, true, 1, 0, SIZE - PAGE,
	  true },
	{ "2: not below M", SIZE, PAGE + 100, PAGE, true, false, 1, 0, PAGE, true },
	{ "2: W = M stays", SIZE, PAGE, PAGE, true, false, 1, 0, PAGE, true },
	{ "2: W < PAGE becomes M", 128, 128, 128, true, false, 0, 0, 128, true },
	{ "2: W < PAGE becomes a smaller M", 3000, 3000, 1000, true, false, 1, 0, 1000, true },
	{ "4: free at the limit", SIZE, SIZE - PAGE, PAGE, true, true, PAGE, 0, SIZE - PAGE, true },
	{ "4: free above the limit", SIZE, SIZE - PAGE, PAGE, true, true, PAGE + 1, READ,
	  SIZE - PAGE, false },
	{ "13: first full event, 4096 free", SIZE, SIZE, PAGE, true, false, 4096, 0, 258048, true },
	{ "13: first full event, 4097 free", SIZE, SIZE, PAGE, true, false, 4097, READ, 258048,
	  false },
	{ "13: N = 128, 0 free", 128, 128, 128, true, false, 0, 0, 128, true },
	{ "13: N = 128, 1 free", 128, 128, 128, true, false, 1, READ, 128, false },
	{ "6.5: empty is late enough, window at its least", SIZE, PAGE, PAGE, true, true, SIZE - 1,
	  READ, PAGE, false },
};

static void test_decisions(void)
{
	for (size_t i = 0; i < sizeof(decisions) / sizeof(decisions[0]); i++) {
		struct vmsock_notify n = start(PACKET, decisions[i].size);
		unsigned int bits;

		n.window = decisions[i].window;
		n.min_window = decisions[i].min_window;
		n.peer_waits_write = decisions[i].waits;
		n.detected = decisions[i].detected;
		bits = vmsock_notify_dequeued(&n, 1, 0, decisions[i].free);
		is_u64(bits, decisions[i].bits, "6.2 %s: answer", decisions[i].name);
		is_u64(n.window, decisions[i].window_after, "6.2 %s: W", decisions[i].name);
		ok(n.detected == decisions[i].detected_after, "6.2 %s: DET", decisions[i].name);
		ok(n.peer_waits_write == decisions[i].waits, "6.2 %s: PWW is kept until it is sent",
		   decisions[i].name);
	}
}

/* 6.2, caller on "yes" */
static void test_outcomes(void)
{
	struct vmsock_notify n = start(PACKET, SIZE);

	n.peer_waits_write = 1;
	vmsock_notify_sent(&n, READ, false);
	ok(n.peer_waits_write, "6.2: ten failed attempts leave PWW set");
	vmsock_notify_sent(&n, READ, true);
	ok(!n.peer_waits_write, "6.2: READ sent or skipped clears PWW");
	n.peer_waits_read = 1;
	vmsock_notify_sent(&n, WROTE, false);
	ok(n.peer_waits_read, "6.3: WROTE not sent leaves PWR set");
	vmsock_notify_sent(&n, WROTE, true);
	ok(!n.peer_waits_read, "6.3: WROTE sent clears PWR");
	vmsock_notify_sent(&n, WAITING_READ, false);
	vmsock_notify_sent(&n, WAITING_WRITE, false);
	ok(!n.announced_read && !n.announced_write, "6.3: failed announcements do not count");
	vmsock_notify_sent(&n, WAITING_READ, true);
	ok(n.announced_read && !n.announced_write, "6.3: WAITING_READ sent: SWR := 1");
	vmsock_notify_sent(&n, WAITING_WRITE, true);
	ok(n.announced_write, "6.3: WAITING_WRITE sent: SWW := 1");
	n.peer_waits_read = 1;
	n.peer_waits_write = 1;
	vmsock_notify_sent(&n, READERS, true);
	ok(n.peer_waits_read && n.peer_waits_write && n.announced_read && n.announced_write,
	   "waking is not sending");
}

/* 6.2, window growth */
static const struct {
	const char *name;
	uint64_t size, window, min_window, target;
	uint64_t window_after, min_after;
	bool on_block;
} targets[] = {
	{ "T + 1 below M", SIZE, PAGE, PAGE, 100, PAGE, PAGE, false },
	{ "T + 1 = M", SIZE, PAGE, PAGE, PAGE - 1, PAGE, PAGE, false },
	{ "T + 1 above M and W", SIZE, PAGE, PAGE, PAGE, PAGE + 1, PAGE + 1, true },
	{ "T + 1 above M, W larger", SIZE, SIZE, PAGE, 10000, SIZE, 10001, false },
	{ "T + 1 above M, W equal", SIZE, 10001, PAGE, 10000, 10001, 10001, false },
	{ "T = N - 1", 8192, PAGE, PAGE, 8191, 8192, 8192, true },
	{ "T = N, which recv refuses", 8192, PAGE, PAGE, 8192, 8192, 8192, true },
	{ "T beyond everything", 8192, PAGE, PAGE, UINT64_MAX, 8192, 8192, true },
	{ "T = 1, smallest ring", 2, 2, 2, 1, 2, 2, false },
};

static void test_targets(void)
{
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		struct vmsock_notify n = start(QSTATE, targets[i].size);

		n.window = targets[i].window;
		n.min_window = targets[i].min_window;
		n.notify_on_block = true;
		vmsock_notify_recv_begin(&n, targets[i].target);
		is_u64(n.window, targets[i].window_after, "6.2 %s: W", targets[i].name);
		is_u64(n.min_window, targets[i].min_after, "6.2 %s: M", targets[i].name);
		ok(n.notify_on_block == targets[i].on_block, "6.2 %s: notify on block",
		   targets[i].name);
	}
}

static const struct {
	uint64_t size, window, after;
} growths[] = {
	{ SIZE, PAGE, 2 * PAGE },
	{ SIZE, SIZE - PAGE, SIZE },
	{ SIZE, SIZE - 1, SIZE },
	{ SIZE, SIZE, SIZE },
	{ 128, 128, 128 },
	{ 5000, 1000, 5000 },
};

static void test_growth(void)
{
	for (size_t i = 0; i < sizeof(growths) / sizeof(growths[0]); i++) {
		struct vmsock_notify blocks = start(QSTATE, growths[i].size);
		struct vmsock_notify polls = start(QSTATE, growths[i].size);

		blocks.window = growths[i].window;
		polls.window = growths[i].window;
		is_u64(vmsock_notify_recv_block(&blocks, 0, growths[i].size - 1, 1, false), 0,
		       "6.4 consumer blocks: nothing is sent");
		is_u64(blocks.window, growths[i].after, "6.4 consumer blocks: W %d grows",
		       (int)growths[i].window);
		is_u64(vmsock_notify_recv_block(&polls, 0, growths[i].size - 1, 1, true), 0,
		       "6.4 consumer polls: nothing is sent");
		is_u64(polls.window, growths[i].after, "6.4 consumer polls: W %d grows",
		       (int)growths[i].window);
	}
}

static void test_notify_on_block(uint16_t proto, const char *style)
{
	unsigned int announcement = proto == PACKET ? WAITING_READ : 0;
	struct vmsock_notify n = start(proto, SIZE);
	unsigned int bits;

	n.window = PAGE;
	n.peer_waits_write = 1;
	n.detected = 1;
	vmsock_notify_recv_begin(&n, 3 * PAGE);
	is_u64(vmsock_notify_recv_block(&n, 0, SIZE - PAGE, 1, true), announcement,
	       "6.2 notify on block, %s: poll does not ask", style);
	bits = vmsock_notify_recv_block(&n, 0, SIZE - PAGE, 3 * PAGE, false);
	is_u64(bits, announcement | READ, "6.2 notify on block, %s: READ once", style);
	bits = vmsock_notify_recv_block(&n, 0, SIZE - PAGE, 3 * PAGE, false);
	is_u64(bits, announcement, "6.2 notify on block, %s: then forgotten", style);
	vmsock_notify_recv_begin(&n, 4 * PAGE);
	vmsock_notify_recv_begin(&n, 1);
	is_u64(vmsock_notify_recv_block(&n, 0, SIZE - PAGE, 1, false), announcement,
	       "6.2 notify on block, %s: forgotten by the next recv", style);
}

/* 6.3, wait info */
static const struct {
	const char *name;
	uint64_t size, index, generation, target;	/* target 0: WAITING_WRITE */
	uint64_t want_generation, want_offset;
} waits[] = {
	{ "TV-15", 65536, 65500, 0, 100, 1, 64 },
	{ "WAITING_READ, T = left", 65536, 65436, 7, 100, 8, 0 },
	{ "WAITING_READ, T = left - 1", 65536, 65435, 7, 100, 7, 65535 },
	{ "WAITING_READ, from the start", 65536, 0, 7, 1, 7, 1 },
	{ "WAITING_READ, generation wraps", 65536, 65535, UINT64_MAX, 1, 0, 0 },
	{ "TV-16", 65536, 100, 0, 0, UINT64_MAX, 102 },
	{ "WAITING_WRITE, R + 1 = left", 65536, 65534, 7, 0, 7, 0 },
	{ "WAITING_WRITE, R + 1 > left", 65536, 65535, 7, 0, 7, 1 },
	{ "WAITING_WRITE, R + 1 < left", 65536, 65533, 7, 0, 6, 65535 },
	{ "WAITING_WRITE, smallest ring", 2, 0, 0, 0, 0, 0 },
};

static void test_wait_info(void)
{
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		struct vmsock_notify n = start(PACKET, waits[i].size);
		unsigned int bits;

		n.produce_generation = waits[i].generation;
		n.consume_generation = waits[i].generation;
		if (waits[i].target)
			bits = vmsock_notify_recv_block(&n, waits[i].index, waits[i].size - 1,
							waits[i].target, false);
		else
			bits = vmsock_notify_send_block(&n, waits[i].index, 0);
		is_u64(bits, waits[i].target ? WAITING_READ : WAITING_WRITE, "6.3 %s: asked for",
		       waits[i].name);
		is_u64(n.wait.generation, waits[i].want_generation, "6.3 %s: generation",
		       waits[i].name);
		is_u64(n.wait.offset, waits[i].want_offset, "6.3 %s: offset", waits[i].name);
	}
}

/* 6.3, consumer */
static void test_packet_consumer(void)
{
	struct vmsock_notify n = start(PACKET, SIZE);

	n.window = PAGE;
	is_u64(vmsock_notify_recv_block(&n, 0, SIZE - 1, 1, false), WAITING_READ,
	       "6.3 consumer about to block: WAITING_READ");
	is_u64(n.window, 2 * PAGE, "6.3 consumer about to block: W grows");
	ok(!n.announced_read, "6.3 consumer about to block: SWR only when sent");
	vmsock_notify_sent(&n, WAITING_READ, true);
	is_u64(vmsock_notify_recv_block(&n, 0, SIZE - 1, 1, false), 0,
	       "6.3 consumer about to block, SWR = 1: nothing");
	is_u64(n.window, 2 * PAGE, "6.3 consumer about to block, SWR = 1: W stays");
	is_u64(vmsock_notify_recv_block(&n, 0, SIZE - 1, 1, true), 0,
	       "6.3 poll, SWR = 1: nothing");
	is_u64(vmsock_notify_packet(&n, VMSOCK_PACKET_WROTE, 0, SIZE - 10), READERS,
	       "6.3 WROTE received: wake readers");
	ok(!n.announced_read, "6.3 WROTE received: SWR := 0");
	is_u64(vmsock_notify_recv_block(&n, 0, SIZE - 1, 1, true), WAITING_READ,
	       "6.3 poll: WAITING_READ");
	vmsock_notify_sent(&n, WAITING_READ, false);
	is_u64(vmsock_notify_recv_block(&n, 0, SIZE - 1, 1, true), WAITING_READ,
	       "6.3 announcement failed: tried again");
	is_u64(vmsock_notify_dequeued(&n, 10, 0, SIZE - 1), 0, "6.3 dequeued, PWW = 0: nothing");
	is_u64(vmsock_notify_dequeued(&n, 10, 0, 10), 0,
	       "6.3 dequeued from a full queue, PWW = 0: nothing");
	ok(!n.peer_waits_write, "6.3 a full queue does not set PWW");
	is_u64(vmsock_notify_packet(&n, VMSOCK_PACKET_WAITING_WRITE, 0, 0), 0,
	       "6.3 WAITING_WRITE received, queue full: not now");
	ok(n.peer_waits_write, "6.3 WAITING_WRITE received: PWW := 1");
	is_u64(vmsock_notify_dequeued(&n, SIZE - 1, 0, SIZE - 1), READ,
	       "6.3 dequeued everything, PWW = 1: READ");
	vmsock_notify_sent(&n, READ, true);
	is_u64(vmsock_notify_packet(&n, VMSOCK_PACKET_WAITING_WRITE, 0, SIZE - 1), READ,
	       "6.3 WAITING_WRITE received, queue empty: READ at once");
	vmsock_notify_sent(&n, READ, false);
	ok(n.peer_waits_write, "6.3 WAITING_WRITE: PWW stays when READ was not sent");
}

/* 6.3, producer */
static void test_packet_producer(void)
{
	struct vmsock_notify n = start(PACKET, SIZE);

	is_u64(vmsock_notify_send_block(&n, 5, 0), WAITING_WRITE,
	       "6.3 producer about to block, free = 0: WAITING_WRITE");
	ok(!n.announced_write, "6.3 producer about to block: SWW only when sent");
	vmsock_notify_sent(&n, WAITING_WRITE, true);
	is_u64(vmsock_notify_send_block(&n, 5, 0), 0,
	       "6.3 producer about to block, SWW = 1: nothing");
	is_u64(vmsock_notify_packet(&n, VMSOCK_PACKET_READ, SIZE - 1, 0), WRITERS,
	       "6.3 READ received: wake writers");
	ok(!n.announced_write, "6.3 READ received: SWW := 0");
	is_u64(vmsock_notify_send_block(&n, 5, 1), 0, "6.3 poll, free > 0: nothing");
	is_u64(vmsock_notify_enqueued(&n, 10, 0, 10), 0, "6.3 enqueued, PWR = 0: nothing");
	is_u64(vmsock_notify_packet(&n, VMSOCK_PACKET_WAITING_READ, 0, 0), 0,
	       "6.3 WAITING_READ received, nothing ready: not now");
	ok(n.peer_waits_read, "6.3 WAITING_READ received: PWR := 1");
	is_u64(vmsock_notify_enqueued(&n, 10, 0, 0), 0,
	       "6.3 enqueued, PWR = 1, already taken: nothing");
	is_u64(vmsock_notify_enqueued(&n, 10, 0, 20), WROTE, "6.3 enqueued, PWR = 1: WROTE");
	vmsock_notify_sent(&n, WROTE, true);
	is_u64(vmsock_notify_enqueued(&n, 10, 0, 30), 0, "6.3 enqueued again: nothing");
	is_u64(vmsock_notify_packet(&n, VMSOCK_PACKET_WAITING_READ, 1, 0), WROTE,
	       "6.3 WAITING_READ received, data ready: WROTE at once");
	vmsock_notify_sent(&n, WROTE, false);
	is_u64(vmsock_notify_enqueued(&n, 1, 0, 31), WROTE,
	       "6.3 WROTE not sent: the next write tries again");
}

static void test_generations(void)
{
	struct vmsock_notify n = start(PACKET, 100);

	vmsock_notify_enqueued(&n, 9, 90, 9);
	is_u64(n.produce_generation, 0, "6.3 enqueued, k < N - t: Gp stays");
	vmsock_notify_enqueued(&n, 10, 90, 10);
	is_u64(n.produce_generation, 1, "6.3 enqueued, k = N - t: Gp + 1");
	vmsock_notify_enqueued(&n, 11, 90, 11);
	is_u64(n.produce_generation, 2, "6.3 enqueued, k > N - t: Gp + 1");
	vmsock_notify_dequeued(&n, 9, 90, 50);
	is_u64(n.consume_generation, 0, "6.3 dequeued, k < N - h: Gc stays");
	vmsock_notify_dequeued(&n, 10, 90, 50);
	is_u64(n.consume_generation, 1, "6.3 dequeued, k = N - h: Gc + 1");
	vmsock_notify_dequeued(&n, 11, 90, 50);
	is_u64(n.consume_generation, 2, "6.3 dequeued, k > N - h: Gc + 1");
	ok(vmsock_notify_dequeued(&n, 0, 0, 0) == 0 && vmsock_notify_enqueued(&n, 0, 0, 0) == 0,
	   "nothing moved: nothing");
}

/* 6.4, producer */
static void test_qstate_producer(void)
{
	struct vmsock_notify n = start(QSTATE, SIZE);

	is_u64(vmsock_notify_enqueued(&n, 10, 0, 10), WROTE, "6.4 enqueued into an empty queue");
	is_u64(vmsock_notify_enqueued(&n, 10, 10, 20), 0, "6.4 enqueued into a used queue");
	is_u64(vmsock_notify_enqueued(&n, 10, 20, 5), 0,
	       "6.4 enqueued, the reader was faster: it is awake");
	is_u64(vmsock_notify_enqueued(&n, 0, 0, 0), 0, "6.4 nothing enqueued");
	is_u64(vmsock_notify_send_block(&n, 0, 0), 0, "6.4 about to block: nothing to send");
	is_u64(vmsock_notify_packet(&n, VMSOCK_PACKET_READ, 0, 0), WRITERS,
	       "6.4 READ received: wake writers");
}

/* 6.4, consumer */
static void test_qstate_consumer(void)
{
	struct vmsock_notify n = start(QSTATE, SIZE);

	is_u64(vmsock_notify_dequeued(&n, 10, 0, 20), READERS,
	       "6.4 dequeued, was not full: nothing to send, others may read on");
	ok(!n.peer_waits_write, "6.4 dequeued, was not full: PWW stays");
	is_u64(vmsock_notify_dequeued(&n, 10, 0, 10), READERS,
	       "6.4 dequeued from a full queue: not yet");
	ok(n.peer_waits_write, "6.4 dequeued from a full queue: PWW := 1");
	is_u64(n.window, SIZE - PAGE, "6.4 dequeued from a full queue: W shrinks");
	is_u64(vmsock_notify_dequeued(&n, PAGE - 10, 10, PAGE), READERS, "6.4 at the limit");
	is_u64(vmsock_notify_dequeued(&n, 1, PAGE, PAGE + 1), READ | READERS,
	       "6.4 limit passed: READ");
	vmsock_notify_sent(&n, READ, true);
	is_u64(vmsock_notify_dequeued(&n, SIZE - PAGE - 2, PAGE + 1, SIZE - 1), 0,
	       "6.4 dequeued the rest: nobody else to wake");
	is_u64(vmsock_notify_dequeued(&n, SIZE - 1, 0, SIZE - 1), READ,
	       "12.172: draining a full queue at once sends READ");
	is_u64(vmsock_notify_dequeued(&n, 0, 0, 0), 0, "6.4 nothing dequeued");
	is_u64(vmsock_notify_packet(&n, VMSOCK_PACKET_WROTE, 0, 0), READERS,
	       "6.4 WROTE received: wake readers");
}

static void test_qstate_ignores(void)
{
	struct vmsock_notify n = start(QSTATE, SIZE);

	is_u64(vmsock_notify_packet(&n, VMSOCK_PACKET_WAITING_READ, 100, SIZE - 1), 0,
	       "6.4 WAITING_READ is ignored");
	is_u64(vmsock_notify_packet(&n, VMSOCK_PACKET_WAITING_WRITE, 100, SIZE - 1), 0,
	       "6.4 WAITING_WRITE is ignored");
	ok(!n.peer_waits_read && !n.peer_waits_write, "6.4 WAITING_* change nothing");
	for (uint8_t type = 0; type < VMSOCK_PACKET_TYPE_COUNT; type++) {
		struct vmsock_notify p = start(PACKET, SIZE);

		if (type == VMSOCK_PACKET_WROTE || type == VMSOCK_PACKET_READ ||
		    type == VMSOCK_PACKET_WAITING_READ || type == VMSOCK_PACKET_WAITING_WRITE)
			continue;
		is_u64(vmsock_notify_packet(&n, type, 1, 1) | vmsock_notify_packet(&p, type, 1, 1),
		       0, "type %u is none of this layer", type);
	}
}

/* 6.6: the states are what the indexes say, so a row is a walk through a small ring */
static void test_producer_states(void)
{
	struct vmsock_notify n = start(QSTATE, 128);

	is_u64(vmsock_notify_enqueued(&n, 100, 0, 100), WROTE, "6.6 EMPTY, write: WROTE");
	is_u64(vmsock_notify_enqueued(&n, 10, 100, 110), 0, "6.6 PARTIAL, write: PARTIAL");
	is_u64(vmsock_notify_enqueued(&n, 17, 110, 127), 0, "6.6 PARTIAL, write: FULL");
	is_u64(vmsock_notify_send_block(&n, 127, 0), 0, "6.6 FULL, writer blocks");
	is_u64(vmsock_notify_packet(&n, VMSOCK_PACKET_READ, 100, 0), WRITERS,
	       "6.6 FULL(blocked), READ: wake");
	is_u64(vmsock_notify_enqueued(&n, 127, 127, 127), WROTE, "6.6 EMPTY, write: FULL, WROTE");
}

static void test_consumer_states(void)
{
	struct vmsock_notify n = start(QSTATE, 10000);

	n.window = PAGE;
	is_u64(vmsock_notify_recv_block(&n, 0, 9999, 1, false), 0, "6.6 EMPTY, reader blocks");
	is_u64(n.window, 2 * PAGE, "6.6 EMPTY, reader blocks: window grows");
	is_u64(vmsock_notify_packet(&n, VMSOCK_PACKET_WROTE, 0, 9000), READERS,
	       "6.6 EMPTY(blocked), WROTE: wake");
	is_u64(vmsock_notify_dequeued(&n, 100, 0, 9100), READERS,
	       "6.6 PARTIAL, read: no READ while PWW = 0");
	is_u64(vmsock_notify_dequeued(&n, 100, 0, 100), READERS, "6.6 FULL, read: PWW := 1");
	ok(n.peer_waits_write && n.window == PAGE, "6.6 FULL, read: PWW := 1, W shrinks");
	is_u64(vmsock_notify_dequeued(&n, 10000 - PAGE - 100, 100, 10000 - PAGE), READERS,
	       "6.6 PARTIAL with PWW, read: up to the limit nothing");
	is_u64(vmsock_notify_dequeued(&n, 1, 10000 - PAGE, 10000 - PAGE + 1), READ | READERS,
	       "6.6 PARTIAL with PWW, read: READ when the limit is passed");
	vmsock_notify_sent(&n, READ, true);
	ok(!n.peer_waits_write, "6.6 PARTIAL with PWW: cleared");
}

/* Section 6.2, effect: a fast producer is woken later and later, down to M bytes used */
static void test_window_evolution(void)
{
	struct vmsock_notify n = start(QSTATE, SIZE);
	uint64_t window = SIZE;

	for (int i = 0; i < 70; i++) {
		uint64_t least = window - PAGE < PAGE ? PAGE : window - PAGE;

		vmsock_notify_dequeued(&n, 1, 0, 1);
		if (n.window != least ||
		    vmsock_notify_dequeued(&n, 1, 0, SIZE - least) != READERS ||
		    vmsock_notify_dequeued(&n, 1, 0, SIZE - least + 1) != (READ | READERS))
			break;
		vmsock_notify_sent(&n, READ, true);
		window = n.window;
	}
	is_u64(window, PAGE, "6.2 effect: the window shrinks by a page for each full event, to M");
}

int main(void)
{
	test_initial();
	test_decisions();
	test_outcomes();
	test_targets();
	test_growth();
	test_notify_on_block(PACKET, "packet style");
	test_notify_on_block(QSTATE, "queue-state style");
	test_wait_info();
	test_packet_consumer();
	test_packet_producer();
	test_generations();
	test_qstate_producer();
	test_qstate_consumer();
	test_qstate_ignores();
	test_producer_states();
	test_consumer_states();
	test_window_evolution();
	return done_testing();
}
