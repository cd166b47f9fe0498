/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * delivery.h - traffic that stays on this machine, queued or at once
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef VMSOCK_VMCI_DELIVERY_H
#define VMSOCK_VMCI_DELIVERY_H

#include <linux/llist.h>
#include <linux/workqueue.h>

/**
 * struct vmci_delivery - embedded in what is delivered
 * @node: in the queue
 * @deliver: hands it to its receiver and gives up the queue's reference; process context
 */
struct vmci_delivery {
	struct llist_node node;
	void (*deliver)(struct vmci_delivery *delivery);
};

int vmci_delivery_init(void);
void vmci_delivery_exit(void);
void vmci_deliver(struct vmci_delivery *delivery);
void vmci_deliver_directly(struct vmci_delivery *delivery);
int vmci_direct_begin(void);
bool vmci_direct_allowed(void);
void vmci_direct_end(int section);
bool vmci_delivery_work(struct work_struct *work);

#endif /* VMSOCK_VMCI_DELIVERY_H */
