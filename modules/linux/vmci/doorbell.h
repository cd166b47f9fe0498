/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * doorbell.h - doorbells of this machine
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef VMSOCK_VMCI_DOORBELL_H
#define VMSOCK_VMCI_DOORBELL_H

#include <linux/list.h>
#include <vmci/wire.h>

struct vmci_context;
struct vmci_resource;

/**
 * struct vmci_doorbell_link - a doorbell as a device knows it
 * @doorbell: what is rung
 * @node: in the list of all doorbells
 * @at_index: with the others that have this index, under RCU; unhashed when not linked
 * @index: byte of the device's notification page
 */
struct vmci_doorbell_link {
	struct vmci_resource *doorbell;
	struct list_head node;
	struct hlist_node at_index;
	u32 index;
};

/**
 * struct vmci_doorbell_device - who can ring doorbells of this machine from outside
 * @link: tell the device of a doorbell; returns a VMCI result
 * @unlink: and that it goes; only for what has been linked
 *
 * Context: process context, one call at a time.
 */
struct vmci_doorbell_device {
	int (*link)(struct vmci_doorbell_link *link);
	void (*unlink)(struct vmci_doorbell_link *link);
};

int vmci_doorbell_ring(struct vmci_handle handle, u32 priv);
int vmci_doorbell_ring_from_vm(const struct vmci_context *from, struct vmci_handle handle);
void vmci_doorbell_device_set(const struct vmci_doorbell_device *device);
void vmci_doorbell_rung(struct vmci_doorbell_link *link);

#endif /* VMSOCK_VMCI_DOORBELL_H */
