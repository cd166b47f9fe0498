// SPDX-License-Identifier: GPL-2.0-only
/*
 * doorbells - of this machine: creation, ringing, destruction
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <linux/delay.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "client.h"

struct bell {
	struct vmci_handle handle;
	atomic_t rung;
	struct task_struct *ringer;	/* who was current in the last callback */
	struct completion entered;
	struct completion *gate;
};

static DECLARE_WAIT_QUEUE_HEAD(progress);

static void ring(void *data)
{
	struct bell *bell = data;

	bell->ringer = current;
	complete(&bell->entered);
	if (bell->gate)
		wait_for_completion(bell->gate);
	atomic_inc(&bell->rung);
	wake_up(&progress);
}

static bool hang(struct bell *bell, u32 flags, u32 priv)
{
	memset(bell, 0, sizeof(*bell));
	init_completion(&bell->entered);
	bell->handle = handle_of(NONE, NONE);
	return expect_is(vmci_doorbell_create(&bell->handle, flags, priv, ring, bell),
			 VMCI_SUCCESS);
}

static void take_down(struct bell *bell)
{
	expect_is(vmci_doorbell_destroy(bell->handle), VMCI_SUCCESS);
}

static void expect_rung(struct bell *bell, int count)
{
	wait_event_timeout(progress, atomic_read(&bell->rung) >= count, SOON);
	expect_is(atomic_read(&bell->rung), count);
}

static void bad_creations(void)
{
	struct vmci_handle any = handle_of(NONE, NONE), vm = handle_of(99, 1);
	struct vmci_handle no_id = handle_of(HOST, NONE), no_context = handle_of(NONE, 1);

	expect_is(vmci_doorbell_create(NULL, 0, 0, ring, NULL), VMCI_ERROR_INVALID_ARGS);
	expect_is(vmci_doorbell_create(&any, 0, 0, NULL, NULL), VMCI_ERROR_INVALID_ARGS);
	expect_is(vmci_doorbell_create(&any, 2, 0, ring, NULL), VMCI_ERROR_INVALID_ARGS);
	expect_is(vmci_doorbell_create(&any, 0, 4, ring, NULL), VMCI_ERROR_INVALID_ARGS);
	expect_is(vmci_doorbell_create(&vm, 0, 0, ring, NULL), VMCI_ERROR_INVALID_ARGS);
	expect_is(vmci_doorbell_create(&no_id, 0, 0, ring, NULL), VMCI_ERROR_INVALID_ARGS);
	expect_is(vmci_doorbell_create(&no_context, 0, 0, ring, NULL), VMCI_ERROR_INVALID_ARGS);
	expect(same_handle(any, handle_of(NONE, NONE)));
	expect_is(vmci_doorbell_destroy(any), VMCI_ERROR_INVALID_ARGS);
	expect_is(vmci_doorbell_destroy(handle_of(HOST, 4711)), VMCI_ERROR_NOT_FOUND);
}

static void names(void)
{
	struct vmci_handle handle = handle_of(HOST, 600);
	struct bell bell;

	expect_is(vmci_doorbell_create(&handle, 0, 0, ring, &bell), VMCI_SUCCESS);
	expect(same_handle(handle, handle_of(HOST, 600)));
	expect_is(vmci_doorbell_create(&handle, 0, 0, ring, &bell), VMCI_ERROR_ALREADY_EXISTS);
	expect_is(vmci_doorbell_destroy(handle), VMCI_SUCCESS);
	expect_is(vmci_doorbell_destroy(handle), VMCI_ERROR_NOT_FOUND);
	if (hang(&bell, 0, 0)) {
		expect_is(bell.handle.context, HOST);
		expect(bell.handle.resource > VMCI_RESERVED_RESOURCE_ID_MAX);
		take_down(&bell);
	}
}

static void nobody_there(void)
{
	expect_is(vmci_doorbell_notify(handle_of(NONE, NONE), 0), VMCI_ERROR_INVALID_ARGS);
	expect_is(vmci_doorbell_notify(handle_of(HOST, 4711), 0), VMCI_ERROR_NOT_FOUND);
	expect_is(vmci_doorbell_notify(handle_of(0, 1), 0), VMCI_ERROR_DEVICE_NOT_FOUND);
	expect_is(vmci_doorbell_notify(handle_of(99, 1), 0), VMCI_ERROR_DST_UNREACHABLE);
}

static DEFINE_SPINLOCK(some_lock);

/* In the context of the ringer, before the call returns; privileges do not matter within one. */
static void immediate(void)
{
	struct bell bell;
	unsigned long flags;
	int i;

	if (!hang(&bell, 0, VMCI_PRIVILEGE_FLAG_RESTRICTED))
		return;
	for (i = 1; i <= 3; i++) {
		expect_is(vmci_doorbell_notify(bell.handle, VMCI_NO_PRIVILEGE_FLAGS),
			  VMCI_SUCCESS);
		expect_is(atomic_read(&bell.rung), i);
		expect(bell.ringer == current);
	}
	spin_lock_irqsave(&some_lock, flags);
	expect_is(vmci_doorbell_notify(bell.handle, 0), VMCI_SUCCESS);
	spin_unlock_irqrestore(&some_lock, flags);
	expect_is(atomic_read(&bell.rung), 4);
	take_down(&bell);
	expect_is(vmci_doorbell_notify(bell.handle, 0), VMCI_ERROR_NOT_FOUND);
}

/* Rings while a call is queued are merged; one while it runs is not lost. */
static void delayed(void)
{
	struct completion gate;
	struct bell bell;
	int i;

	init_completion(&gate);
	if (!hang(&bell, VMCI_FLAG_DELAYED_CB, 0))
		return;
	bell.gate = &gate;
	expect_is(vmci_doorbell_notify(bell.handle, 0), VMCI_SUCCESS);
	expect_soon(&bell.entered);
	expect(bell.ringer != current);
	for (i = 0; i < 100; i++)
		expect_is(vmci_doorbell_notify(bell.handle, 0), VMCI_SUCCESS);
	complete_all(&gate);
	expect_rung(&bell, 2);
	msleep(20);
	expect_is(atomic_read(&bell.rung), 2);
	take_down(&bell);
}

static void take_down_in_thread(void *arg)
{
	take_down(arg);
}

static void destroy_waits(void)
{
	struct completion gate;
	struct worker worker;
	struct bell bell;

	init_completion(&gate);
	if (!hang(&bell, VMCI_FLAG_DELAYED_CB, 0))
		return;
	bell.gate = &gate;
	expect_is(vmci_doorbell_notify(bell.handle, 0), VMCI_SUCCESS);
	expect_soon(&bell.entered);
	expect_is(vmci_doorbell_notify(bell.handle, 0), VMCI_SUCCESS);
	start_worker(&worker, take_down_in_thread, &bell);
	expect(!wait_for_completion_timeout(&worker.done, A_MOMENT));
	complete_all(&gate);
	expect_soon(&worker.done);
	expect_is(atomic_read(&bell.rung), 1);
}

static struct vmci_handle contended;
static bool stop_ringing;

static void ring_all_the_time(void *arg)
{
	while (!READ_ONCE(stop_ringing)) {
		int result = vmci_doorbell_notify(contended, 0);

		expect(result == VMCI_SUCCESS || result == VMCI_ERROR_NOT_FOUND);
		cond_resched();
	}
}

static void ring_once_more(void *data)
{
	bool *alive = data;

	expect(READ_ONCE(*alive));
}

static void destroy_against_ringing(void)
{
	unsigned long start = jiffies;
	struct worker ringers[2];
	unsigned int i;
	bool alive;

	contended = handle_of(HOST, 601);
	stop_ringing = false;
	for (i = 0; i < ARRAY_SIZE(ringers); i++)
		start_worker(&ringers[i], ring_all_the_time, NULL);
	for (i = 0; go_on(start); i++) {
		struct vmci_handle handle = contended;

		WRITE_ONCE(alive, true);
		expect_is(vmci_doorbell_create(&handle, i % 2 ? VMCI_FLAG_DELAYED_CB : 0, 0,
					       ring_once_more, &alive), VMCI_SUCCESS);
		if (i % 8 < 2)
			usleep_range(100, 200);
		expect_is(vmci_doorbell_destroy(handle), VMCI_SUCCESS);
		WRITE_ONCE(alive, false);
	}
	WRITE_ONCE(stop_ringing, true);
	for (i = 0; i < ARRAY_SIZE(ringers); i++)
		join_worker(&ringers[i]);
}

const struct ktap_test doorbell_tests[] = {
	{ "doorbell: creation refuses what it must", bad_creations },
	{ "doorbell: names wanted and assigned", names },
	{ "doorbell: ringing where there is none", nobody_there },
	{ "doorbell: immediate ones call at once", immediate },
	{ "doorbell: delayed ones call later, merged", delayed },
	{ "doorbell: destroying waits for the callback", destroy_waits },
	{ "doorbell: destroying against ringing", destroy_against_ringing },
};
const size_t doorbell_tests_count = ARRAY_SIZE(doorbell_tests);
