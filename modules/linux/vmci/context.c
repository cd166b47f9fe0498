// SPDX-License-Identifier: GPL-2.0-only
/*
 * context.c - the contexts of this machine: the host and its virtual machines
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Theory of operation
 *
 * The host context exists as long as the module is loaded, that of a virtual machine from
 * INIT_CONTEXT until its monitor closes the file.  Then it leaves the table, everything in it is
 * given up at once, and what still refers to it finds it closed; the last reference frees
 * nothing but the structure, so it may be dropped in any context and with any lock.
 *
 * Readers run under RCU.  The id that this machine has itself, as somebody's guest, is given to
 * no virtual machine of its own.
 */
#include <linux/cred.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

#include <vmci/errors.h>
#include <vmci/ioctl.h>

#include "context.h"
#include "personality.h"
#include "vmci_api.h"

static DEFINE_XARRAY_ALLOC(contexts);
static DEFINE_MUTEX(take_id_mutex);	/* own id is reserved meanwhile */

static struct vmci_context host_context = {
	.cid = VMCI_HOST_CONTEXT_ID,
	.priv = VMCI_DEFAULT_PROC_PRIVILEGE_FLAGS,
	.version = VMCI_VERSION_CURRENT,
	.owner = INVALID_UID,
	.refs = KREF_INIT(1),
	.pairs = LIST_HEAD_INIT(host_context.pairs),
};

/* ---- Finding ---- */

static struct vmci_context *find(u32 cid)
{
	return cid == VMCI_INVALID_ID ? NULL : xa_load(&contexts, cid);
}

bool vmci_context_exists(u32 cid)
{
	bool exists;

	rcu_read_lock();
	exists = find(cid);
	rcu_read_unlock();
	return exists;
}

/**
 * vmci_context_get() - the context with this id
 * @cid: id
 *
 * Context: any but NMI.
 * Return: the context with a reference, or NULL.
 */
struct vmci_context *vmci_context_get(u32 cid)
{
	struct vmci_context *context;

	rcu_read_lock();
	context = find(cid);
	if (context && !kref_get_unless_zero(&context->refs))
		context = NULL;
	rcu_read_unlock();
	return context;
}

static void release(struct kref *refs)
{
	kfree_rcu(container_of(refs, struct vmci_context, refs), rcu);
}

void vmci_context_put(struct vmci_context *context)
{
	kref_put(&context->refs, release);
}

/**
 * vmci_context_priv() - privilege flags of a context of this machine
 * @cid: id
 * @priv: VMCI_PRIVILEGE_FLAG_*, written only if there is such a context
 */
bool vmci_context_priv(u32 cid, u32 *priv)
{
	const struct vmci_context *context;

	rcu_read_lock();
	context = find(cid);
	if (context)
		*priv = context->priv;
	rcu_read_unlock();
	return context;
}

u32 vmsock_vmci_context_get_priv_flags(u32 cid)
{
	u32 priv = VMCI_LEAST_PRIVILEGE_FLAGS;

	if (!vmci_host_is_active())
		return VMCI_NO_PRIVILEGE_FLAGS;
	vmci_context_priv(cid, &priv);
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
	return is_owner && vmci_host_is_active();
}
EXPORT_SYMBOL_GPL(vmsock_vmci_is_context_owner);

/* ---- Virtual machines come and go ---- */

/* The first id that is free from @first on, or else from the beginning (vmci.md 8.5) */
static int take_next_id(struct vmci_context *context, u32 first)
{
	struct xa_limit above = XA_LIMIT(first, VMCI_INVALID_ID - 1);
	struct xa_limit all = XA_LIMIT(VMCI_RESERVED_CID_LIMIT, VMCI_INVALID_ID - 1);
	int err = -EBUSY;

	if (above.min <= above.max)
		err = xa_alloc(&contexts, &context->cid, context, above, GFP_KERNEL);
	if (err == -EBUSY)
		err = xa_alloc(&contexts, &context->cid, context, all, GFP_KERNEL);
	return err;
}

/* The id wanted if it is free; what this machine is to its own host is not */
static int take_id(struct vmci_context *context)
{
	u32 own = vmsock_vmci_get_context_id();
	int err;

	mutex_lock(&take_id_mutex);
	err = xa_reserve(&contexts, own, GFP_KERNEL);
	if (!err)
		err = xa_insert(&contexts, context->cid, context, GFP_KERNEL);
	if (err == -EBUSY)
		err = take_next_id(context, max(context->cid, VMCI_RESERVED_CID_LIMIT - 1) + 1);
	xa_release(&contexts, own);
	mutex_unlock(&take_id_mutex);
	return err;
}

/**
 * vmci_context_create() - a virtual machine
 * @cid: id wanted, valid; it gets another one if that is in use
 * @priv: VMCI_PRIVILEGE_FLAG_*
 * @version: of its monitor
 * @out: with a reference that vmci_context_remove() takes back, written only on success
 *
 * Context: process context of the monitor, may sleep.
 * Return: 0 or a negative errno.
 */
int vmci_context_create(u32 cid, u32 priv, s32 version, struct vmci_context **out)
{
	struct vmci_context *context = kzalloc(sizeof(*context), GFP_KERNEL_ACCOUNT);
	int err;

	if (!context)
		return -ENOMEM;
	context->cid = cid;
	context->priv = priv;
	context->version = version;
	context->owner = current_uid();
	kref_init(&context->refs);
	vmci_inbox_init(&context->inbox);
	INIT_LIST_HEAD(&context->pairs);
	spin_lock_init(&context->watched_lock);
	err = take_id(context);
	if (err) {
		kfree(context);
		return err;
	}
	*out = context;
	return 0;
}

/**
 * vmci_context_remove() - the virtual machine is gone
 * @context: as created; it has no queue pairs
 *
 * Context: process context, may sleep.
 */
void vmci_context_remove(struct vmci_context *context)
{
	xa_erase(&contexts, context->cid);
	vmci_inbox_close(&context->inbox);
	vmci_context_put(context);
}

/**
 * vmci_context_for_each() - look at all contexts, in the order of their ids
 * @show: called for each, may sleep
 * @data: for @show
 */
void vmci_context_for_each(void (*show)(struct vmci_context *context, void *data), void *data)
{
	struct vmci_context *context;
	unsigned long cid;

	xa_for_each(&contexts, cid, context) {
		context = vmci_context_get(cid);	/* it may have gone just now */
		if (context) {
			show(context, data);
			vmci_context_put(context);
		}
	}
}

/* ---- Who wants to hear of whose end (vmci.md 7.4, 8.10) ---- */

static u32 *find_watched(struct vmci_context *context, u32 cid)
{
	u32 i;

	for (i = 0; i < context->watched_count; i++)
		if (context->watched[i] == cid)
			return &context->watched[i];
	return NULL;
}

/**
 * vmci_context_watch() - a virtual machine wants to be told when a context ends
 * @context: who
 * @cid: whose end
 *
 * One machine does not learn of another, so what is left are contexts that outlive it, and no
 * event ever comes of this; the list is kept for the monitor's checkpoint.
 * Return: VMCI_SUCCESS, DST_UNREACHABLE, NO_ACCESS or ALREADY_EXISTS.
 */
int vmci_context_watch(struct vmci_context *context, u32 cid)
{
	int result = VMCI_SUCCESS;

	if (vmci_is_vm(cid))
		return VMCI_ERROR_DST_UNREACHABLE;
	if (context->priv & VMCI_PRIVILEGE_FLAG_RESTRICTED)
		return VMCI_ERROR_NO_ACCESS;
	spin_lock(&context->watched_lock);
	if (find_watched(context, cid))
		result = VMCI_ERROR_ALREADY_EXISTS;
	else
		context->watched[context->watched_count++] = cid;
	spin_unlock(&context->watched_lock);
	return result;
}

/**
 * vmci_context_unwatch() - and no more
 * @context: who
 * @cid: whose end
 *
 * Return: VMCI_SUCCESS or NOT_FOUND.
 */
int vmci_context_unwatch(struct vmci_context *context, u32 cid)
{
	u32 *found;

	spin_lock(&context->watched_lock);
	found = find_watched(context, cid);
	if (found)
		*found = context->watched[--context->watched_count];
	spin_unlock(&context->watched_lock);
	return found ? VMCI_SUCCESS : VMCI_ERROR_NOT_FOUND;
}

/* vmci_context_watched() - whose ends; returns how many */
u32 vmci_context_watched(struct vmci_context *context, u32 out[VMCI_MAX_WATCHED])
{
	u32 count;

	spin_lock(&context->watched_lock);
	count = context->watched_count;
	memcpy(out, context->watched, count * sizeof(*out));
	spin_unlock(&context->watched_lock);
	return count;
}

/* ---- Module ---- */

/**
 * vmci_context_init() - the host context is there
 *
 * Return: 0 or -ENOMEM.
 */
int vmci_context_init(void)
{
	return xa_insert(&contexts, VMCI_HOST_CONTEXT_ID, &host_context, GFP_KERNEL);
}

void vmci_context_exit(void)
{
	xa_erase(&contexts, VMCI_HOST_CONTEXT_ID);
	synchronize_rcu();
	xa_destroy(&contexts);
}
