// SPDX-License-Identifier: GPL-2.0-only
/*
 * delivery.c - traffic that stays on this machine, queued or at once
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Theory of operation
 *
 * Datagrams between endpoints of this machine and the events of its local queue pairs
 * share one list and one work item.  Adding is a single atomic exchange and possible in
 * any context; whoever finds the list empty queues the work.  The worker takes the whole
 * list and turns it round, so everybody's things are delivered in the order in which they
 * were added, and nothing overtakes anything.  A work item never runs twice at a time,
 * and a list that fills up while it runs has queued it again.
 *
 * A callback that sleeps holds up all traffic behind it.
 *
 * Some receivers may be called by the sender itself, which saves two context switches.
 * That is allowed while the queue has nothing undelivered: whatever the sender, or anybody
 * whose effects it has seen, sent earlier is then where it should be.  Such deliveries run
 * side by side in a read-side section, so that vmsock_vmci_flush() can wait for them.
 *
 * The worker runs on the processor of the sender: waking it up there costs a fraction of
 * waking it up elsewhere.  At normal priority it takes what a busy sender has queued all
 * at once; at high priority it interrupts the sender for every single datagram, and half
 * as many of them get through.
 */
#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/srcu.h>

#include "delivery.h"
#include "vmci_api.h"

static struct workqueue_struct *workqueue;
static LLIST_HEAD(waiting);
static atomic_t undelivered;	/* in the list, or being delivered by the worker */
DEFINE_STATIC_SRCU(direct_deliveries);

static void deliver_all(struct work_struct *work)
{
	struct llist_node *batch = llist_reverse_order(llist_del_all(&waiting));
	struct vmci_delivery *delivery, *next;

	llist_for_each_entry_safe(delivery, next, batch, node) {
		delivery->deliver(delivery);
		/* Pairs with vmci_direct_allowed() */
		atomic_dec_return_release(&undelivered);
		cond_resched();
	}
}

static DECLARE_WORK(delivery_work, deliver_all);

/**
 * vmci_deliver() - queue something for delivery
 * @delivery: the queue takes a reference of the caller
 *
 * Context: any but NMI.
 */
void vmci_deliver(struct vmci_delivery *delivery)
{
	atomic_inc(&undelivered);
	if (llist_add(&delivery->node, &waiting))
		queue_work(workqueue, &delivery_work);
}

/**
 * vmci_direct_begin() - begin a section in which a receiver may be called
 *
 * Context: process context.
 * Return: for vmci_direct_end().
 */
int vmci_direct_begin(void) __acquires(&direct_deliveries)
{
	return srcu_read_lock(&direct_deliveries);
}

/**
 * vmci_direct_allowed() - may it be called now, or does something wait that came earlier
 */
bool vmci_direct_allowed(void)
{
	/* Whoever sees the queue empty sees what its worker did */
	return !atomic_read_acquire(&undelivered);
}

void vmci_direct_end(int section) __releases(&direct_deliveries)
{
	srcu_read_unlock(&direct_deliveries, section);
}

/**
 * vmci_deliver_directly() - deliver in this context, or queue it behind what waits
 * @delivery: the queue takes a reference of the caller
 *
 * Context: process context, may sleep.
 */
void vmci_deliver_directly(struct vmci_delivery *delivery)
{
	int section = vmci_direct_begin();

	if (vmci_direct_allowed())
		delivery->deliver(delivery);
	else
		vmci_deliver(delivery);
	vmci_direct_end(section);
}

/**
 * vmci_delivery_work() - run something of its own kind, in no order with the rest
 * @work: of the caller
 *
 * Return: false when it was queued already.
 */
bool vmci_delivery_work(struct work_struct *work)
{
	return queue_work(workqueue, work);
}

void vmsock_vmci_flush(void)
{
	might_sleep();
	synchronize_srcu_expedited(&direct_deliveries);
	flush_work(&delivery_work);
}
EXPORT_SYMBOL_GPL(vmsock_vmci_flush);

int vmci_delivery_init(void)
{
	workqueue = alloc_workqueue("vmci", WQ_PERCPU, 0);
	return workqueue ? 0 : -ENOMEM;
}

/* Delivers what is left: by now it finds its receivers gone, and is freed. */
void vmci_delivery_exit(void)
{
	destroy_workqueue(workqueue);
}
