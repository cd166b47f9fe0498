// SPDX-License-Identifier: GPL-2.0-only
/*
 * delivery.c - the one queue of traffic that stays on this machine
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
 * The worker runs on the processor of the sender: waking it up there costs a fraction of
 * waking it up elsewhere.  At normal priority it takes what a busy sender has queued all
 * at once; at high priority it interrupts the sender for every single datagram, and half
 * as many of them get through.
 */
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/sched.h>

#include "delivery.h"
#include "vmci_api.h"

static struct workqueue_struct *workqueue;
static LLIST_HEAD(waiting);

static void deliver_all(struct work_struct *work)
{
	struct llist_node *batch = llist_reverse_order(llist_del_all(&waiting));
	struct vmci_delivery *delivery, *next;

	llist_for_each_entry_safe(delivery, next, batch, node) {
		delivery->deliver(delivery);
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
	if (llist_add(&delivery->node, &waiting))
		queue_work(workqueue, &delivery_work);
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
