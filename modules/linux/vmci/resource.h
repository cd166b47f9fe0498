/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * resource.h - what has a handle: datagram endpoints, doorbells, queue pairs
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef VMSOCK_VMCI_RESOURCE_H
#define VMSOCK_VMCI_RESOURCE_H

#include <linux/completion.h>
#include <linux/kref.h>
#include <linux/rculist.h>
#include <linux/refcount.h>
#include <vmci/wire.h>

/*
 * Name spaces: one resource id may be in use once per type.  Queue pairs have one for
 * all, because their events carry nothing but the handle.
 */
enum vmci_resource_type {
	VMCI_RESOURCE_DATAGRAM,
	VMCI_RESOURCE_DOORBELL,
	VMCI_RESOURCE_QUEUE_PAIR,
};

/**
 * struct vmci_resource - embedded in the thing that has the handle
 * @handle: constant while in the table
 * @type: name space
 * @node: in the table, under RCU
 * @rcu: for @release
 * @refs: references to the memory
 * @release: called when @refs is gone
 * @users: calls into the client that run now, plus one until vmci_resource_retire()
 * @idle: completed when @users is gone
 */
struct vmci_resource {
	struct vmci_handle handle;
	enum vmci_resource_type type;
	struct hlist_node node;
	struct rcu_head rcu;
	struct kref refs;
	void (*release)(struct vmci_resource *resource);
	refcount_t users;
	struct completion idle;
};

/* Both halves (vmci.md 1.3); one of them has a meaning of its own */
static inline bool vmci_handle_is_invalid(struct vmci_handle handle)
{
	return handle.context == VMCI_INVALID_ID && handle.resource == VMCI_INVALID_ID;
}

int vmci_resource_add(struct vmci_resource *resource, enum vmci_resource_type type,
		      struct vmci_handle handle, void (*release)(struct vmci_resource *));
struct vmci_resource *vmci_resource_find(struct vmci_handle handle, enum vmci_resource_type type);
struct vmci_resource *vmci_resource_get(struct vmci_handle handle, enum vmci_resource_type type);
struct vmci_resource *vmci_resource_remove(struct vmci_handle handle,
					   enum vmci_resource_type type);
void vmci_resource_hold(struct vmci_resource *resource);
void vmci_resource_put(struct vmci_resource *resource);
bool vmci_resource_enter(struct vmci_resource *resource);
void vmci_resource_leave(struct vmci_resource *resource);
void vmci_resource_retire(struct vmci_resource *resource);

#endif /* VMSOCK_VMCI_RESOURCE_H */
