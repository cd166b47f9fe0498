// SPDX-License-Identifier: GPL-2.0-only
/*
 * guest_bell.c - the notification bitmap, by which the VMCI device rings doorbells
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vmci.md section 6.
 *
 * Theory of operation
 *
 * The device sets a byte of the notification page and interrupts.  The work item takes each
 * byte back before it calls the doorbells of that index, so a ring during a call is not lost.
 * Doorbells of an index are a list under RCU.  Whoever links and unlinks holds the lock of
 * doorbell.c.  A doorbell is in its list before the device hears of it, so it may be called a
 * little early, which clients have to tolerate anyway.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/bottom_half.h>
#include <linux/mm.h>
#include <linux/rculist.h>

#include "doorbell.h"
#include "guest.h"
#include "resource.h"

/* The device of link() and unlink(), which know no other */
static struct vmci_guest *bell_guest;

/* Indexes left from before a resume are not ours any more (vmci.md 2.14) */
static int tell(struct vmci_handle handle, u32 index)
{
	int result = vmci_guest_call_link(bell_guest, handle, index);

	if (result == VMCI_ERROR_DUPLICATE_ENTRY) {
		vmci_guest_call_handle(bell_guest, VMCI_DOORBELL_UNLINK, handle);
		result = vmci_guest_call_link(bell_guest, handle, index);
	}
	return result > 0 ? VMCI_ERROR_INVALID_ARGS : result;
}

static void forget(struct vmci_doorbell_link *link)
{
	hlist_del_init_rcu(&link->at_index);
	vmci_slots_put(&bell_guest->slots, link->index);
}

static int link_bell(struct vmci_doorbell_link *link)
{
	u32 index = vmci_slots_get(&bell_guest->slots);
	int result;

	if (index >= bell_guest->slots.count)
		return VMCI_ERROR_NO_RESOURCES;
	link->index = index;
	hlist_add_head_rcu(&link->at_index, &bell_guest->bells[index]);
	result = tell(link->doorbell->handle, index);
	if (result < 0)
		forget(link);
	return result;
}

static void unlink_bell(struct vmci_doorbell_link *link)
{
	vmci_guest_call_handle(bell_guest, VMCI_DOORBELL_UNLINK, link->doorbell->handle);
	forget(link);
}

static const struct vmci_doorbell_device bell_device = {
	.link = link_bell,
	.unlink = unlink_bell,
};

static void call_bells(struct vmci_guest *guest, u32 index)
{
	struct vmci_doorbell_link *link;

	rcu_read_lock();
	hlist_for_each_entry_rcu(link, &guest->bells[index], at_index)
		vmci_doorbell_rung(link);
	rcu_read_unlock();
}

/* Calls those that were rung.  Callbacks are atomic: they may share locks with soft interrupts. */
void vmci_guest_bell_work(struct work_struct *work)
{
	struct vmci_guest *guest = container_of(work, struct vmci_guest, bell_work);
	u8 *bytes = guest->bitmap.memory;
	u32 index, limit = READ_ONCE(guest->slots.limit);

	for (index = 0; index < limit; index++) {
		if (!(READ_ONCE(bytes[index]) & 1) || !(xchg(&bytes[index], 0) & 1))
			continue;
		local_bh_disable();
		call_bells(guest, index);
		local_bh_enable();
	}
}

static void free_tables(struct vmci_guest *guest)
{
	kvfree(guest->bells);
	kvfree(guest->slots.users);
	guest->bells = NULL;
	guest->slots = (struct vmci_slots) {};
}

static int alloc_tables(struct vmci_guest *guest)
{
	guest->bells = kvcalloc(PAGE_SIZE, sizeof(*guest->bells), GFP_KERNEL);
	guest->slots.users = kvcalloc(PAGE_SIZE, sizeof(*guest->slots.users), GFP_KERNEL);
	guest->slots.count = PAGE_SIZE;
	if (guest->bells && guest->slots.users)
		return 0;
	free_tables(guest);
	return -ENOMEM;
}

/**
 * vmci_guest_bell_start() - tell the device of all doorbells
 * @guest: the device has the notification page, if it has doorbells at all
 *
 * Return: 0 or -ENOMEM.
 */
int vmci_guest_bell_start(struct vmci_guest *guest)
{
	int err;

	if (!guest->bitmap.memory)
		return 0;
	err = alloc_tables(guest);
	if (err)
		return err;
	bell_guest = guest;
	vmci_doorbell_device_set(&bell_device);
	return 0;
}

/**
 * vmci_guest_bell_stop() - forget that the device knew doorbells; the reset made it forget, too
 * @guest: nothing is sent and the bitmap not looked at any more
 */
void vmci_guest_bell_stop(struct vmci_guest *guest)
{
	if (!guest->bells)
		return;
	vmci_doorbell_device_set(NULL);
	free_tables(guest);
}
