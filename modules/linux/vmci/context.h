/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * context.h - the contexts of this machine: the host and its virtual machines
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef VMSOCK_VMCI_CONTEXT_H
#define VMSOCK_VMCI_CONTEXT_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/uidgid.h>

#include "inbox.h"

/* Only ids that belong to no virtual machine can be watched: 0, 1, 2, and "none" */
#define VMCI_MAX_WATCHED	4u

/**
 * struct vmci_context - an addressable party
 * @cid: context id
 * @priv: VMCI_PRIVILEGE_FLAG_*
 * @version: what the monitor declared (vmci.md 8.3)
 * @owner: real user id of who started the virtual machine, INVALID_UID for the host
 * @refs: references to the memory, one for the table
 * @rcu: the table is read under RCU
 * @inbox: what waits for the virtual machine; the host has none
 * @pairs: its queue pairs, guarded by the broker's lock
 * @pair_count: how many
 * @ring_pages: data pages of theirs that are pinned
 * @watched_lock: guards the following
 * @watched: contexts whose end it wants to hear of
 * @watched_count: how many
 */
struct vmci_context {
	u32 cid;
	u32 priv;
	s32 version;
	kuid_t owner;
	struct kref refs;
	struct rcu_head rcu;
	struct vmci_inbox inbox;

	struct list_head pairs;
	u32 pair_count;
	u64 ring_pages;

	spinlock_t watched_lock;
	u32 watched[VMCI_MAX_WATCHED];
	u32 watched_count;
};

static inline bool vmci_is_vm(u32 cid)
{
	return cid != VMCI_INVALID_ID && cid > VMCI_HOST_CONTEXT_ID;
}

int vmci_context_init(void);
void vmci_context_exit(void);
bool vmci_context_exists(u32 cid);

int vmci_context_create(u32 cid, u32 priv, s32 version, struct vmci_context **out);
void vmci_context_remove(struct vmci_context *context);
void vmci_context_for_each(void (*show)(struct vmci_context *context, void *data), void *data);
struct vmci_context *vmci_context_get(u32 cid);
void vmci_context_put(struct vmci_context *context);
bool vmci_context_priv(u32 cid, u32 *priv);

int vmci_context_watch(struct vmci_context *context, u32 cid);
int vmci_context_unwatch(struct vmci_context *context, u32 cid);
u32 vmci_context_watched(struct vmci_context *context, u32 out[VMCI_MAX_WATCHED]);

#endif /* VMSOCK_VMCI_CONTEXT_H */
