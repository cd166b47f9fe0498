// SPDX-License-Identifier: GPL-2.0-only
/*
 * wait - waiting for the peer, at first without sleeping
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * To wake a process on another processor takes longer than a peer on this machine takes to
 * answer. So who was answered quickly the last time keeps looking for a moment before it
 * sleeps, as long as nobody else wants its processor.
 */

#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>

#include "vmsock.h"

#define SPIN_MAX_US 1000

static unsigned int spin_us = 50;

static int set_spin(const char *text, const struct kernel_param *param)
{
	return param_set_uint_minmax(text, param, 0, SPIN_MAX_US);
}

static const struct kernel_param_ops spin_ops = {
	.set = set_spin,
	.get = param_get_uint,
};

module_param_cb(spin_us, &spin_ops, &spin_us, 0644);
MODULE_PARM_DESC(spin_us, "microseconds to look for an answer before sleeping, 0 for none");

static bool woken(const struct wait_queue_entry *wait)
{
	return READ_ONCE(wait->flags) & WQ_FLAG_WOKEN;
}

/* Is the processor ours alone? */
static bool may_spin(void)
{
	return single_task_running() && !need_resched() && !signal_pending(current);
}

/* Look for as long as the last waits make it likely to pay */
static void spin(const struct vmsock_sock *vsk, const struct wait_queue_entry *wait, u64 start)
{
	u64 end = start + READ_ONCE(vsk->spin_ns);

	while (!woken(wait) && may_spin() && ktime_get_ns() < end)
		cpu_relax();
}

/* A wait that ended within twice that time would have been no sleep if it had not been one */
static void learn(struct vmsock_sock *vsk, u64 waited)
{
	u64 most = (u64)READ_ONCE(spin_us) * NSEC_PER_USEC;

	WRITE_ONCE(vsk->spin_ns, waited < 2 * most ? most : 0);
}

/**
 * vmsock_wait() - wait until woken
 * @vsk: socket lock held, released while waiting
 * @wait: of woken_wake_function(), in the socket's wait queue
 * @timeout: jiffies
 *
 * Return: jiffies left.
 */
long vmsock_wait(struct vmsock_sock *vsk, struct wait_queue_entry *wait, long timeout)
{
	u64 start = ktime_get_ns();

	vmsock_unlock(vsk);
	spin(vsk, wait, start);
	timeout = wait_woken(wait, TASK_INTERRUPTIBLE, timeout);
	learn(vsk, ktime_get_ns() - start);
	vmsock_lock(vsk);
	return timeout;
}
