// SPDX-License-Identifier: GPL-2.0-only
/*
 * datagrams - endpoints: creation, sizes, routing, privileges, quotas, destruction
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <linux/delay.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>

#include "client.h"

/* An endpoint that counts, compares, and may be held up */
struct sink {
	struct vmci_handle handle;
	atomic_t received;
	struct completion entered;	/* a callback runs */
	struct completion *gate;	/* callbacks wait for it, if there is one */
	struct vmci_datagram last;
	bool bad_payload;
};

static DECLARE_WAIT_QUEUE_HEAD(progress);

/* Every payload longer than a note has this pattern. */
static u8 pattern(size_t at)
{
	return at * 131 + (at >> 8) * 7;
}

static bool payload_is_good(const struct vmci_datagram *dg)
{
	const u8 *payload = (const u8 *)(dg + 1);
	u64 i;

	for (i = sizeof(struct note) - sizeof(*dg); i < dg->payload_size; i++)
		if (payload[i] != pattern(i))
			return false;
	return true;
}

static int receive(void *data, struct vmci_datagram *dg)
{
	struct sink *sink = data;

	complete(&sink->entered);
	if (sink->gate)
		wait_for_completion(sink->gate);
	sink->last = *dg;
	if (!payload_is_good(dg))
		sink->bad_payload = true;
	atomic_inc(&sink->received);
	wake_up(&progress);
	return 0;
}

static void init_sink(struct sink *sink)
{
	memset(sink, 0, sizeof(*sink));
	init_completion(&sink->entered);
}

static bool open_sink_priv(struct sink *sink, u32 rid, u32 flags, u32 priv)
{
	init_sink(sink);
	return expect_is(vmci_datagram_create_handle_priv(rid, flags, priv, receive, sink,
							  &sink->handle), VMCI_SUCCESS);
}

static bool open_sink(struct sink *sink)
{
	return open_sink_priv(sink, NONE, VMCI_FLAG_DG_NONE, VMCI_NO_PRIVILEGE_FLAGS);
}

static void close_sink(struct sink *sink)
{
	expect_is(vmci_datagram_destroy_handle(sink->handle), VMCI_SUCCESS);
	expect(!sink->bad_payload);
}

static void expect_received(struct sink *sink, u32 count)
{
	wait_event_timeout(progress, atomic_read(&sink->received) >= count, SOON);
	expect_is(atomic_read(&sink->received), count);
}

/* --- creation ----------------------------------------------------------------------------- */

static void bad_creations(void)
{
	struct vmci_handle out = handle_of(7, 7);

	expect_is(vmci_datagram_create_handle(NONE, 0, NULL, NULL, &out),
		  VMCI_ERROR_INVALID_ARGS);
	expect_is(vmci_datagram_create_handle(NONE, 0, receive, NULL, NULL),
		  VMCI_ERROR_INVALID_ARGS);
	expect_is(vmci_datagram_create_handle(NONE, VMCI_FLAG_WELLKNOWN_DG_HND, receive, NULL,
					      &out), VMCI_ERROR_INVALID_ARGS);
	expect_is(vmci_datagram_create_handle_priv(NONE, 0, 4, receive, NULL, &out),
		  VMCI_ERROR_INVALID_ARGS);
	expect_is(vmci_datagram_destroy_handle(handle_of(HOST, 4711)), VMCI_ERROR_NOT_FOUND);
	expect(same_handle(out, handle_of(7, 7)));
}

static void assigned_ids(void)
{
	struct sink a, b;

	if (!open_sink(&a) || !open_sink(&b))
		return;
	expect_is(a.handle.context, HOST);
	expect(a.handle.resource > VMCI_RESERVED_RESOURCE_ID_MAX);
	expect(b.handle.resource > a.handle.resource);
	close_sink(&a);
	close_sink(&b);
}

/* Ids are assigned in turn, and the next one has somebody asked for. */
static void assigned_past_taken(void)
{
	struct sink a, taken, b;

	if (!open_sink(&a) || !open_sink_priv(&taken, a.handle.resource + 1, 0, 0) ||
	    !open_sink(&b))
		return;
	expect_is(b.handle.resource, a.handle.resource + 2);
	close_sink(&a);
	close_sink(&taken);
	close_sink(&b);
}

static void taken_ids(void)
{
	struct vmci_handle out = handle_of(7, 7);
	struct sink here, any;

	if (!open_sink_priv(&here, 500, 0, 0))
		return;
	expect(same_handle(here.handle, handle_of(HOST, 500)));
	expect_is(vmci_datagram_create_handle(500, 0, receive, NULL, &out),
		  VMCI_ERROR_ALREADY_EXISTS);
	expect_is(vmci_datagram_create_handle(500, VMCI_FLAG_ANYCID_DG_HND, receive, NULL, &out),
		  VMCI_ERROR_ALREADY_EXISTS);
	close_sink(&here);

	if (!open_sink_priv(&any, 500, VMCI_FLAG_ANYCID_DG_HND, 0))
		return;
	expect(same_handle(any.handle, handle_of(NONE, 500)));
	expect_is(vmci_datagram_create_handle(500, 0, receive, NULL, &out),
		  VMCI_ERROR_ALREADY_EXISTS);
	expect(same_handle(out, handle_of(7, 7)));
	expect_is(vmci_datagram_destroy_handle(handle_of(HOST, 500)), VMCI_ERROR_NOT_FOUND);
	close_sink(&any);
	expect_is(vmci_datagram_destroy_handle(any.handle), VMCI_ERROR_NOT_FOUND);
}

/* CVE-2024-46738: a doorbell of the same name is something else. */
static void ring_nothing(void *data)
{
}

static void types_are_apart(void)
{
	struct vmci_handle bell;
	struct sink sink;

	if (!open_sink(&sink))
		return;
	bell = sink.handle;
	expect_is(vmci_doorbell_create(&bell, 0, 0, ring_nothing, NULL), VMCI_SUCCESS);
	expect(same_handle(bell, sink.handle));
	expect_is(vmci_datagram_destroy_handle(sink.handle), VMCI_SUCCESS);
	expect_is(vmci_datagram_destroy_handle(sink.handle), VMCI_ERROR_NOT_FOUND);
	expect_is(vmci_doorbell_notify(bell, 0), VMCI_SUCCESS);
	expect_is(vmci_doorbell_destroy(bell), VMCI_SUCCESS);
}

static void many_endpoints(void)
{
	const unsigned int count = 5000;
	struct sink *sinks = kvcalloc(count, sizeof(*sinks), GFP_KERNEL);
	unsigned int i;

	if (!expect(sinks))
		return;
	for (i = 0; i < count; i++)
		open_sink(&sinks[i]);
	for (i = 0; i < count; i++)
		expect_is(send_note(sinks[0].handle, sinks[i].handle, i), sizeof(struct note));
	for (i = 0; i < count; i++) {
		expect_received(&sinks[i], 1);
		close_sink(&sinks[i]);
	}
	kvfree(sinks);
}

/* --- sending ------------------------------------------------------------------------------ */

static int send_size(struct sink *from, struct sink *to, u64 claimed, size_t real, gfp_t gfp)
{
	struct vmci_datagram *dg = vmalloc(sizeof(*dg) + real);
	u8 *payload = (u8 *)(dg + 1);
	size_t i;
	int result;

	if (!expect(dg))
		return VMCI_ERROR_NO_MEM;
	*dg = (struct vmci_datagram) { to->handle, from->handle, claimed };
	for (i = 0; i < real; i++)
		payload[i] = pattern(i);
	result = vmci_datagram_send_gfp(dg, gfp);
	vfree(dg);
	return result;
}

static void sizes(void)
{
	static const u32 good[] = { 0, 1, 7, 8, 4071, 4072, 4073, 8192,
				    VMCI_MAX_DG_PAYLOAD_SIZE };
	static const u64 bad[] = { VMCI_MAX_DG_PAYLOAD_SIZE + 1, VMCI_MAX_DG_SIZE,
				   1ull << 32, (1ull << 32) + 8, U64_MAX - 23, U64_MAX };
	struct sink sink;
	unsigned int i;

	if (!open_sink(&sink))
		return;
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		expect_is(send_size(&sink, &sink, good[i], good[i], GFP_KERNEL), 24 + good[i]);
		expect_received(&sink, i + 1);
		expect_is(sink.last.payload_size, good[i]);
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		expect_is(send_size(&sink, &sink, bad[i], VMCI_MAX_DG_SIZE, GFP_KERNEL),
			  VMCI_ERROR_INVALID_ARGS);
	expect_is(vmci_datagram_send(NULL), VMCI_ERROR_INVALID_ARGS);
	expect_received(&sink, ARRAY_SIZE(good));
	close_sink(&sink);
}

static void source_is_filled_in(void)
{
	struct note note;
	struct sink sink;

	if (!open_sink(&sink))
		return;
	note = make_note(handle_of(NONE, sink.handle.resource), sink.handle, 1);
	expect_is(vmci_datagram_send(&note.dg), sizeof(note));
	expect(same_handle(note.dg.src, sink.handle));
	expect_received(&sink, 1);
	expect(same_handle(sink.last.src, sink.handle));
	expect(same_handle(sink.last.dst, sink.handle));
	close_sink(&sink);
}

static void any_context_receives(void)
{
	struct sink any;

	if (!open_sink_priv(&any, 501, VMCI_FLAG_ANYCID_DG_HND, 0))
		return;
	expect_is(send_note(handle_of(HOST, 501), handle_of(HOST, 501), 1), sizeof(struct note));
	expect_received(&any, 1);
	close_sink(&any);
}

/* vmci.md 11 and 3.11, from an endpoint that exists */
static void not_reached(void)
{
	static const struct {
		u32 dst_context, dst_resource, src_context;
		int result;
	} rows[] = {
		{ NONE, 1, HOST, VMCI_ERROR_INVALID_ARGS },
		{ 0, VMCI_GET_CONTEXT_ID, HOST, VMCI_ERROR_DEVICE_NOT_FOUND },
		{ 0, VMCI_GET_CONTEXT_ID, NONE, VMCI_ERROR_DEVICE_NOT_FOUND },
		{ 1, 1, HOST, VMCI_ERROR_DST_UNREACHABLE },
		{ 3, 1, HOST, VMCI_ERROR_DST_UNREACHABLE },
		{ 99, 1, HOST, VMCI_ERROR_DST_UNREACHABLE },
		{ 0xfffffffe, 1, NONE, VMCI_ERROR_DST_UNREACHABLE },
		{ HOST, 4711, HOST, VMCI_ERROR_INVALID_RESOURCE },
		{ HOST, NONE, HOST, VMCI_ERROR_INVALID_RESOURCE },
		{ HOST, 1500, 99, VMCI_ERROR_NO_ACCESS },
		{ HOST, 1500, 1, VMCI_ERROR_NO_ACCESS },
		{ HOST, 0, 0, VMCI_ERROR_NO_ACCESS },	/* an event from outside, S31 */
	};
	struct sink sink;
	unsigned int i;

	if (!open_sink_priv(&sink, 1500, 0, 0))
		return;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct note note = make_note(handle_of(rows[i].src_context, 1500),
					     handle_of(rows[i].dst_context, rows[i].dst_resource),
					     i);
		struct vmci_handle src = note.dg.src;
		int result = vmci_datagram_send(&note.dg);

		if (result != rows[i].result)
			ktap_fail(__FILE__, __LINE__, "row %u: %d, not %d", i, result,
				  rows[i].result);
		if (result != VMCI_ERROR_INVALID_RESOURCE)
			expect(same_handle(src, note.dg.src));
	}
	expect_is(send_note(handle_of(HOST, 4711), sink.handle, 1), VMCI_ERROR_INVALID_ARGS);
	expect_is(atomic_read(&sink.received), 0);
	close_sink(&sink);
}

/* vmci.md 1.4, all sixteen */
static void privileges(void)
{
	static const bool allowed[4][4] = {
		{ true, false, true, false },
		{ false, false, true, false },
		{ true, true, true, true },
		{ false, false, true, true },
	};
	struct sink from, to;
	u32 a, b;

	for (a = 0; a < 4; a++) {
		for (b = 0; b < 4; b++) {
			if (!open_sink_priv(&from, NONE, 0, a) || !open_sink_priv(&to, NONE, 0, b))
				return;
			expect_is(send_note(from.handle, to.handle, 1),
				  allowed[a][b] ? (int)sizeof(struct note) : VMCI_ERROR_NO_ACCESS);
			expect_received(&to, allowed[a][b]);
			close_sink(&from);
			close_sink(&to);
		}
	}
}

/* --- contexts ----------------------------------------------------------------------------- */

static DEFINE_SPINLOCK(some_lock);

struct ringer {
	struct timer_list timer;
	struct sink *sink;
	struct completion done;
};

static void send_from_timer(struct timer_list *timer)
{
	struct ringer *ringer = container_of(timer, struct ringer, timer);

	expect_is(send_note(ringer->sink->handle, ringer->sink->handle, 1), sizeof(struct note));
	complete(&ringer->done);
}

static void atomic_senders(void)
{
	struct ringer ringer;
	unsigned long flags;
	struct sink sink;

	if (!open_sink(&sink))
		return;
	spin_lock_irqsave(&some_lock, flags);
	expect_is(send_note(sink.handle, sink.handle, 1), sizeof(struct note));
	spin_unlock_irqrestore(&some_lock, flags);

	ringer.sink = &sink;
	init_completion(&ringer.done);
	timer_setup_on_stack(&ringer.timer, send_from_timer, 0);
	mod_timer(&ringer.timer, jiffies + 1);
	expect_soon(&ringer.done);
	timer_delete_sync(&ringer.timer);
	timer_destroy_on_stack(&ringer.timer);

	expect_received(&sink, 2);
	close_sink(&sink);
}

/* A callback may sleep, send, and create and destroy others. */
static int busy_callback(void *data, struct vmci_datagram *dg)
{
	struct sink *sink = data, other;

	might_sleep();
	usleep_range(1000, 2000);
	if (open_sink(&other)) {
		expect_is(send_note(other.handle, sink->handle, 1), sizeof(struct note));
		expect_is(send_note(other.handle, other.handle, 1), sizeof(struct note));
		close_sink(&other);
	}
	return -1;
}

static void busy_callbacks(void)
{
	struct vmci_handle busy;
	struct sink sink;
	int i;

	if (!open_sink(&sink))
		return;
	expect_is(vmci_datagram_create_handle(NONE, 0, busy_callback, &sink, &busy),
		  VMCI_SUCCESS);
	for (i = 0; i < 20; i++)
		expect_is(send_note(sink.handle, busy, i), sizeof(struct note));
	expect_received(&sink, 20);
	expect_is(vmci_datagram_destroy_handle(busy), VMCI_SUCCESS);
	close_sink(&sink);
}

/* --- quotas ------------------------------------------------------------------------------- */

static void fill_quota(struct sink *sink, struct completion *gate, u32 quota)
{
	u32 i;

	reinit_completion(gate);
	for (i = 0; i < quota; i++)
		expect_is(send_note(sink->handle, sink->handle, i), sizeof(struct note));
	expect_is(send_note(sink->handle, sink->handle, i), VMCI_ERROR_NO_RESOURCES);
	expect_is(send_note(sink->handle, sink->handle, i), VMCI_ERROR_NO_RESOURCES);
	complete_all(gate);
}

static void quotas(void)
{
	struct sink sink, other;
	struct completion gate;

	if (!open_sink(&sink) || !open_sink(&other))
		return;
	init_completion(&gate);
	sink.gate = &gate;
	fill_quota(&sink, &gate, VMCI_MAX_DELAYED_DG_HOST_COUNT);
	expect_received(&sink, VMCI_MAX_DELAYED_DG_HOST_COUNT);

	atomic_set(&sink.received, 0);
	/* the last one counts until its callback has returned */
	expect_is(send_note(other.handle, other.handle, 1), sizeof(struct note));
	expect_received(&other, 1);
	expect_is(vmci_datagram_set_quota(sink.handle, 3), VMCI_SUCCESS);
	fill_quota(&sink, &gate, 3);
	expect_received(&sink, 3);

	expect_is(vmci_datagram_set_quota(sink.handle, 0), VMCI_SUCCESS);
	expect_is(send_note(sink.handle, sink.handle, 1), VMCI_ERROR_NO_RESOURCES);
	expect_is(vmci_datagram_set_quota(handle_of(HOST, 4711), 5), VMCI_ERROR_NOT_FOUND);
	close_sink(&sink);
	close_sink(&other);
}

/* --- destruction -------------------------------------------------------------------------- */

static void destroy_in_thread(void *arg)
{
	close_sink(arg);
}

static void destroy_waits(void)
{
	struct completion gate;
	struct worker worker;
	struct sink sink;

	if (!open_sink(&sink))
		return;
	init_completion(&gate);
	sink.gate = &gate;
	expect_is(send_note(sink.handle, sink.handle, 1), sizeof(struct note));
	expect_is(send_note(sink.handle, sink.handle, 2), sizeof(struct note));
	expect_soon(&sink.entered);
	start_worker(&worker, destroy_in_thread, &sink);
	expect(!wait_for_completion_timeout(&worker.done, A_MOMENT));
	expect_is(send_note(sink.handle, sink.handle, 3), VMCI_ERROR_INVALID_ARGS);
	complete_all(&gate);
	expect_soon(&worker.done);
	expect_is(atomic_read(&sink.received), 1);
}

/* Destroying waits for the own callback, not for the one that holds everything up. */
static void destroy_drops(void)
{
	struct completion gate;
	struct sink slow, fast;
	int i;

	if (!open_sink(&slow) || !open_sink(&fast))
		return;
	init_completion(&gate);
	slow.gate = &gate;
	expect_is(send_note(slow.handle, slow.handle, 1), sizeof(struct note));
	expect_soon(&slow.entered);
	for (i = 0; i < 100; i++)
		expect_is(send_note(slow.handle, fast.handle, i), sizeof(struct note));
	close_sink(&fast);
	complete_all(&gate);
	expect_received(&slow, 1);
	close_sink(&slow);
	expect_is(atomic_read(&fast.received), 0);
}

struct race {
	u32 rid;
	struct vmci_handle from;
	bool stop;
	atomic_t sent;
};

static void send_all_the_time(void *arg)
{
	struct race *race = arg;
	int result;

	while (!READ_ONCE(race->stop)) {
		result = send_note(race->from, handle_of(HOST, race->rid), 1);
		if (result > 0)
			atomic_inc(&race->sent);
		else
			expect(result == VMCI_ERROR_INVALID_RESOURCE ||
			       result == VMCI_ERROR_NO_RESOURCES);
		cond_resched();
	}
}

static int receive_once_more(void *data, struct vmci_datagram *dg)
{
	bool *alive = data;

	expect(*alive);
	return 0;
}

/* Endpoints come and go while two threads send to them. */
static void destroy_against_delivery(void)
{
	struct race race = { .rid = 900 };
	struct worker senders[2];
	unsigned long start = jiffies;
	struct vmci_handle handle;
	struct sink from;
	unsigned int i;
	bool *alive;

	if (!open_sink(&from))
		return;
	race.from = from.handle;
	for (i = 0; i < ARRAY_SIZE(senders); i++)
		start_worker(&senders[i], send_all_the_time, &race);
	for (i = 0; go_on(start); i++) {
		alive = kzalloc(sizeof(*alive), GFP_KERNEL);
		if (!expect(alive))
			break;
		*alive = true;
		expect_is(vmci_datagram_create_handle(race.rid, 0, receive_once_more, alive,
						      &handle), VMCI_SUCCESS);
		if (i % 8 == 0)
			usleep_range(100, 200);
		expect_is(vmci_datagram_destroy_handle(handle), VMCI_SUCCESS);
		*alive = false;
		kfree(alive);
	}
	WRITE_ONCE(race.stop, true);
	for (i = 0; i < ARRAY_SIZE(senders); i++)
		join_worker(&senders[i]);
	expect(atomic_read(&race.sent) > 0);
	close_sink(&from);
}

const struct ktap_test datagram_tests[] = {
	{ "datagram: creation refuses what it must", bad_creations },
	{ "datagram: assigned ids begin after the reserved ones", assigned_ids },
	{ "datagram: what is assigned next leaves out taken ids", assigned_past_taken },
	{ "datagram: an id is taken once, for any context too", taken_ids },
	{ "datagram: doorbells have names of their own", types_are_apart },
	{ "datagram: five thousand endpoints", many_endpoints },
	{ "datagram: sizes", sizes },
	{ "datagram: the source context is filled in", source_is_filled_in },
	{ "datagram: an endpoint for any context receives", any_context_receives },
	{ "datagram: routing and dispatch errors", not_reached },
	{ "datagram: privileges", privileges },
	{ "datagram: atomic context", atomic_senders },
	{ "datagram: callbacks may sleep, send, create and destroy", busy_callbacks },
	{ "datagram: quotas", quotas },
	{ "datagram: destroying waits for the own callback", destroy_waits },
	{ "datagram: destroying drops what waits", destroy_drops },
	{ "datagram: destroying against delivery", destroy_against_delivery },
};
const size_t datagram_tests_count = ARRAY_SIZE(datagram_tests);
