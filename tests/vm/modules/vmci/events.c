// SPDX-License-Identifier: GPL-2.0-only
/*
 * events - subscriptions, and the events of local queue pairs
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <linux/delay.h>
#include <linux/wait.h>

#include "client.h"

struct listener {
	u32 id;
	atomic_t count;
	struct vmci_event_data last;
	u32 last_id;
	struct completion *gate;
	struct completion entered;
};

static DECLARE_WAIT_QUEUE_HEAD(progress);

static void hear(u32 id, const struct vmci_event_data *event, void *data)
{
	struct listener *listener = data;

	might_sleep();
	complete(&listener->entered);
	if (listener->gate)
		wait_for_completion(listener->gate);
	listener->last = *event;
	listener->last_id = id;
	atomic_inc(&listener->count);
	wake_up(&progress);
}

static bool listen(struct listener *listener, u32 event)
{
	memset(listener, 0, sizeof(*listener));
	init_completion(&listener->entered);
	return expect_is(vmci_event_subscribe(event, hear, listener, &listener->id),
			 VMCI_SUCCESS);
}

static void end(struct listener *listener)
{
	expect_is(vmci_event_unsubscribe(listener->id), VMCI_SUCCESS);
}

static void expect_heard(struct listener *listener, int count)
{
	wait_event_timeout(progress, atomic_read(&listener->count) >= count, SOON);
	expect_is(atomic_read(&listener->count), count);
}

/* A pair that comes and goes: an attach event and a detach event */
struct vmci_handle attach_and_detach(void)
{
	struct vmci_handle pair = handle_of(NONE, NONE);
	struct vmci_qp *a, *b;

	expect_is(vmci_qpair_alloc(&a, &pair, 4096, 8192, HOST, VMCI_QPFLAG_LOCAL, 0),
		  VMCI_SUCCESS);
	expect_is(vmci_qpair_alloc(&b, &pair, 8192, 4096, HOST, VMCI_QPFLAG_LOCAL, 0),
		  VMCI_SUCCESS);
	expect_is(vmci_qpair_detach(&a), VMCI_SUCCESS);
	expect_is(vmci_qpair_detach(&b), VMCI_SUCCESS);
	return pair;
}

static void bad_subscriptions(void)
{
	u32 id = 77;

	expect_is(vmci_event_subscribe(VMCI_EVENT_MEM_ACCESS_ON, hear, NULL, &id),
		  VMCI_ERROR_INVALID_ARGS);
	expect_is(vmci_event_subscribe(NONE, hear, NULL, &id), VMCI_ERROR_INVALID_ARGS);
	expect_is(vmci_event_subscribe(0, NULL, NULL, &id), VMCI_ERROR_INVALID_ARGS);
	expect_is(vmci_event_subscribe(0, hear, NULL, NULL), VMCI_ERROR_INVALID_ARGS);
	expect_is(id, 77);
	expect_is(vmci_event_unsubscribe(0), VMCI_ERROR_NOT_FOUND);
	expect_is(vmci_event_unsubscribe(NONE), VMCI_ERROR_NOT_FOUND);
}

static void each_subscriber_hears(void)
{
	struct listener attach[2], detach, other[3];
	struct vmci_handle pair;

	if (!listen(&attach[0], VMCI_EVENT_QP_PEER_ATTACH) ||
	    !listen(&attach[1], VMCI_EVENT_QP_PEER_ATTACH) ||
	    !listen(&detach, VMCI_EVENT_QP_PEER_DETACH) ||
	    !listen(&other[0], VMCI_EVENT_CTX_ID_UPDATE) ||
	    !listen(&other[1], VMCI_EVENT_CTX_REMOVED) ||
	    !listen(&other[2], VMCI_EVENT_QP_RESUMED))
		return;
	expect(attach[0].id && attach[1].id && attach[0].id != attach[1].id);

	pair = attach_and_detach();
	expect_heard(&detach, 1);
	expect_heard(&attach[0], 1);
	expect_heard(&attach[1], 1);
	expect_is(attach[0].last_id, attach[0].id);
	expect_is(attach[1].last_id, attach[1].id);
	expect_is(attach[0].last.event, VMCI_EVENT_QP_PEER_ATTACH);
	expect_is(detach.last.event, VMCI_EVENT_QP_PEER_DETACH);
	expect(same_handle(attach[0].last.u.qp.handle, pair));
	expect(same_handle(detach.last.u.qp.handle, pair));
	expect_is(detach.last.u.qp.peer, HOST);
	expect_is(detach.last.pad | detach.last.u.qp.pad, 0);

	end(&attach[0]);
	attach_and_detach();
	expect_heard(&detach, 2);
	expect_is(atomic_read(&attach[0].count), 1);
	expect_is(atomic_read(&attach[1].count), 2);
	end(&attach[1]);
	end(&detach);
	end(&other[0]);
	end(&other[1]);
	end(&other[2]);
	expect_is(atomic_read(&other[0].count) + atomic_read(&other[1].count) +
		  atomic_read(&other[2].count), 0);
	expect_is(vmci_event_unsubscribe(detach.id), VMCI_ERROR_NOT_FOUND);
}

static void end_in_thread(void *arg)
{
	end(arg);
}

static void unsubscribe_waits(void)
{
	struct listener listener;
	struct completion gate;
	struct worker worker;

	init_completion(&gate);
	if (!listen(&listener, VMCI_EVENT_QP_PEER_DETACH))
		return;
	listener.gate = &gate;
	attach_and_detach();
	attach_and_detach();
	expect_soon(&listener.entered);
	start_worker(&worker, end_in_thread, &listener);
	expect(!wait_for_completion_timeout(&worker.done, A_MOMENT));
	complete_all(&gate);
	expect_soon(&worker.done);
	expect_is(atomic_read(&listener.count), 1);
}

static void subscribe_in_thread(void *arg)
{
	bool *stop = arg;
	struct listener listener;

	while (!READ_ONCE(*stop)) {
		if (!listen(&listener, VMCI_EVENT_QP_PEER_DETACH))
			return;
		usleep_range(100, 200);
		end(&listener);
	}
}

static void subscribers_come_and_go(void)
{
	unsigned long start = jiffies;
	struct worker workers[2];
	bool stop = false;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(workers); i++)
		start_worker(&workers[i], subscribe_in_thread, &stop);
	while (go_on(start))
		attach_and_detach();
	WRITE_ONCE(stop, true);
	for (i = 0; i < ARRAY_SIZE(workers); i++)
		join_worker(&workers[i]);
}

const struct ktap_test event_tests[] = {
	{ "event: subscription refuses what it must", bad_subscriptions },
	{ "event: each subscriber hears of its event", each_subscriber_hears },
	{ "event: unsubscribing waits for the callback", unsubscribe_waits },
	{ "event: subscribers come and go", subscribers_come_and_go },
};
const size_t event_tests_count = ARRAY_SIZE(event_tests);
