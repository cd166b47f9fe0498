// SPDX-License-Identifier: GPL-2.0-only
/*
 * context.c - the contexts of this machine: the host and its virtual machines
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The host context exists as long as the module is loaded.  Readers run under RCU.
 */
#include <linux/export.h>
#include <linux/spinlock.h>

#include <vmci/wire.h>

#include "context.h"
#include "vmci_api.h"

static LIST_HEAD(contexts);
static DEFINE_SPINLOCK(contexts_lock);

static struct vmci_context host_context = {
	.cid = VMCI_HOST_CONTEXT_ID,
	.priv = VMCI_DEFAULT_PROC_PRIVILEGE_FLAGS,
	.owner = INVALID_UID,
};

static const struct vmci_context *find(u32 cid)
{
	const struct vmci_context *context;

	list_for_each_entry_rcu(context, &contexts, node) {
		if (context->cid == cid)
			return context;
	}
	return NULL;
}

bool vmci_context_exists(u32 cid)
{
	bool exists;

	rcu_read_lock();
	exists = find(cid);
	rcu_read_unlock();
	return exists;
}

u32 vmsock_vmci_context_get_priv_flags(u32 cid)
{
	const struct vmci_context *context;
	u32 priv;

	rcu_read_lock();
	context = find(cid);
	priv = context ? context->priv : VMCI_LEAST_PRIVILEGE_FLAGS;
	rcu_read_unlock();
	return priv;
}
EXPORT_SYMBOL_GPL(vmsock_vmci_context_get_priv_flags);

bool vmsock_vmci_is_context_owner(u32 cid, kuid_t uid)
{
	const struct vmci_context *context;
	bool is_owner;

	rcu_read_lock();
	context = find(cid);
	is_owner = context && uid_valid(context->owner) && uid_eq(context->owner, uid);
	rcu_read_unlock();
	return is_owner;
}
EXPORT_SYMBOL_GPL(vmsock_vmci_is_context_owner);

void vmci_context_init(void)
{
	spin_lock(&contexts_lock);
	list_add_tail_rcu(&host_context.node, &contexts);
	spin_unlock(&contexts_lock);
}

void vmci_context_exit(void)
{
	spin_lock(&contexts_lock);
	list_del_rcu(&host_context.node);
	spin_unlock(&contexts_lock);
	synchronize_rcu();
}
