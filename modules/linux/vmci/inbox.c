// SPDX-License-Identifier: GPL-2.0-only
/*
 * inbox.c - what waits for a virtual machine: datagrams and rung doorbells
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vmci.md 3.12, 8.6, 8.8, 8.9.
 *
 * Theory of operation
 *
 * Anybody in any context but NMI puts things in, the monitor takes them out by ioctl.  One
 * lock guards it all, so that the flag byte in the monitor's memory is 1 whenever something
 * waits, and 0 once both queues have been found empty.  The page of the flag is pinned, and
 * set and dropped under that lock.
 *
 * A doorbell is registered once and is in `rung` at most once, so ringing allocates nothing
 * and cannot fail.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <vmci/errors.h>
#include <vmci/ioctl.h>

#include "inbox.h"

/**
 * struct bell - a doorbell that the virtual machine has
 * @handle: as registered, of whichever context
 * @node: in inbox->bells
 * @rung: in inbox->rung, empty while it is silent
 */
struct bell {
	struct vmci_handle handle;
	struct hlist_node node;
	struct list_head rung;
};

static bool is_empty(const struct vmci_inbox *inbox)
{
	return !inbox->count && !inbox->rung_count;
}

static void write_flag(struct vmci_inbox *inbox, u8 value)
{
	lockdep_assert_held(&inbox->lock);
	if (inbox->flag)
		WRITE_ONCE(*inbox->flag, value);
}

static void signal(struct vmci_inbox *inbox)
{
	write_flag(inbox, 1);
	wake_up_interruptible(&inbox->wait);
}

static void clear_if_empty(struct vmci_inbox *inbox)
{
	if (is_empty(inbox))
		write_flag(inbox, 0);
}

/* ---- Datagrams ---- */

/**
 * vmci_letter_new() - room for a datagram
 * @payload_size: bytes of its payload
 * @gfp: how to allocate; where that may sleep, large ones need no contiguous memory
 *
 * Return: what vmci_inbox_post() or vmci_letter_free() takes, NULL without memory.
 */
struct vmci_letter *vmci_letter_new(u64 payload_size, gfp_t gfp)
{
	struct vmci_letter *letter;
	size_t size = struct_size(letter, payload, payload_size);

	gfp |= __GFP_NOWARN;
	return gfpflags_allow_blocking(gfp) ? kvmalloc(size, gfp) : kmalloc(size, gfp);
}

/* @dg has the payload size, or less, that @letter was made for */
void vmci_letter_write(struct vmci_letter *letter, const struct vmci_datagram *dg)
{
	letter->size = sizeof(*dg) + dg->payload_size;
	letter->dg = *dg;
	memcpy(letter->payload, dg + 1, dg->payload_size);
}

void vmci_letter_free(struct vmci_letter *letter)
{
	kvfree(letter);
}

/* The hypervisor's events have some room to themselves (vmci.md 3.12) */
static bool has_room(const struct vmci_inbox *inbox, const struct vmci_letter *letter)
{
	u32 bytes = inbox->bytes + letter->size;

	if (bytes < VMCI_MAX_DATAGRAM_QUEUE_SIZE)
		return true;
	return letter->dg.src.context == VMCI_HYPERVISOR_CONTEXT_ID &&
	       letter->dg.src.resource == VMCI_CONTEXT_RESOURCE_ID &&
	       bytes < VMCI_MAX_DATAGRAM_AND_EVENT_QUEUE_SIZE;
}

/**
 * vmci_inbox_post() - a letter for the virtual machine
 * @inbox: its context is referenced
 * @letter: written; it is taken over, also on failure
 *
 * Context: any but NMI.
 * Return: bytes, header included; NO_RESOURCES over the quota, INVALID_ARGS when the machine is
 * gone.
 */
int vmci_inbox_post(struct vmci_inbox *inbox, struct vmci_letter *letter)
{
	unsigned long flags;
	int result;

	spin_lock_irqsave(&inbox->lock, flags);
	if (!inbox->open) {
		result = VMCI_ERROR_INVALID_ARGS;
	} else if (!has_room(inbox, letter)) {
		result = VMCI_ERROR_NO_RESOURCES;
	} else {
		result = letter->size;
		list_add_tail(&letter->node, &inbox->letters);
		inbox->bytes += letter->size;
		inbox->count++;
		signal(inbox);
	}
	spin_unlock_irqrestore(&inbox->lock, flags);
	if (result < 0)
		vmci_letter_free(letter);
	return result;
}

/**
 * vmci_inbox_put() - a datagram for the virtual machine
 * @inbox: its context is referenced
 * @dg: header and payload, sizes checked
 * @gfp: how to allocate
 *
 * Context: any but NMI.
 * Return: as vmci_inbox_post(), or NO_MEM.
 */
int vmci_inbox_put(struct vmci_inbox *inbox, const struct vmci_datagram *dg, gfp_t gfp)
{
	struct vmci_letter *letter = vmci_letter_new(dg->payload_size, gfp);

	if (!letter)
		return VMCI_ERROR_NO_MEM;
	vmci_letter_write(letter, dg);
	return vmci_inbox_post(inbox, letter);
}

static u32 first_size(const struct vmci_inbox *inbox)
{
	return inbox->count ? list_first_entry(&inbox->letters, struct vmci_letter, node)->size : 0;
}

/**
 * vmci_inbox_take() - the first datagram
 * @inbox: where from
 * @room: bytes that the caller has for it
 * @out: the datagram, written only on success, the caller frees it
 * @next_size: bytes of the one behind it, 0 when it was the last; only on success
 *
 * Return: VMCI_SUCCESS, NO_MORE_DATAGRAMS, or NO_MEM when it does not fit and stays.
 */
int vmci_inbox_take(struct vmci_inbox *inbox, u32 room, struct vmci_letter **out, u32 *next_size)
{
	int result = VMCI_SUCCESS;
	struct vmci_letter *letter;

	spin_lock_irq(&inbox->lock);
	if (!inbox->count) {
		result = VMCI_ERROR_NO_MORE_DATAGRAMS;
	} else if (first_size(inbox) > room) {
		result = VMCI_ERROR_NO_MEM;
	} else {
		letter = list_first_entry(&inbox->letters, struct vmci_letter, node);
		list_del(&letter->node);
		inbox->bytes -= letter->size;
		inbox->count--;
		*next_size = first_size(inbox);
		*out = letter;
	}
	clear_if_empty(inbox);
	spin_unlock_irq(&inbox->lock);
	return result;
}

/* ---- Doorbells ---- */

static struct bell *find_bell(struct vmci_inbox *inbox, struct vmci_handle handle)
{
	struct bell *bell;

	hash_for_each_possible(inbox->bells, bell, node, handle.resource) {
		if (bell->handle.context == handle.context &&
		    bell->handle.resource == handle.resource)
			return bell;
	}
	return NULL;
}

static int add_bell(struct vmci_inbox *inbox, struct bell *bell)
{
	if (find_bell(inbox, bell->handle))
		return VMCI_ERROR_DUPLICATE_ENTRY;
	if (inbox->bell_count >= VMCI_INBOX_BELLS)
		return VMCI_ERROR_NO_MEM;
	hash_add(inbox->bells, &bell->node, bell->handle.resource);
	inbox->bell_count++;
	return VMCI_SUCCESS;
}

/**
 * vmci_inbox_bell_add() - the virtual machine has a doorbell
 * @inbox: where rings are noted
 * @handle: its name, not looked at
 *
 * Context: process context, may sleep.
 * Return: VMCI_SUCCESS, DUPLICATE_ENTRY, or NO_MEM, also over the quota.
 */
int vmci_inbox_bell_add(struct vmci_inbox *inbox, struct vmci_handle handle)
{
	struct bell *bell = kzalloc(sizeof(*bell), GFP_KERNEL_ACCOUNT);
	int result;

	if (!bell)
		return VMCI_ERROR_NO_MEM;
	bell->handle = handle;
	INIT_LIST_HEAD(&bell->rung);
	spin_lock_irq(&inbox->lock);
	result = add_bell(inbox, bell);
	spin_unlock_irq(&inbox->lock);
	if (result < 0)
		kfree(bell);
	return result;
}

static void silence(struct vmci_inbox *inbox, struct bell *bell)
{
	if (list_empty(&bell->rung))
		return;
	list_del_init(&bell->rung);
	inbox->rung_count--;
}

/**
 * vmci_inbox_bell_remove() - and has it no more
 * @inbox: where it is
 * @handle: as added
 *
 * Return: VMCI_SUCCESS or NOT_FOUND.
 */
int vmci_inbox_bell_remove(struct vmci_inbox *inbox, struct vmci_handle handle)
{
	struct bell *bell;

	spin_lock_irq(&inbox->lock);
	bell = find_bell(inbox, handle);
	if (bell) {
		silence(inbox, bell);
		hash_del(&bell->node);
		inbox->bell_count--;
	}
	spin_unlock_irq(&inbox->lock);
	kfree(bell);
	return bell ? VMCI_SUCCESS : VMCI_ERROR_NOT_FOUND;
}

static void note_ring(struct vmci_inbox *inbox, struct bell *bell)
{
	if (!list_empty(&bell->rung))
		return;
	list_add_tail(&bell->rung, &inbox->rung);
	inbox->rung_count++;
	signal(inbox);
}

/**
 * vmci_inbox_bell_ring() - ring it
 * @inbox: where it is, its context is referenced
 * @handle: of the doorbell
 *
 * Context: any but NMI.
 * Return: VMCI_SUCCESS or NOT_FOUND.
 */
int vmci_inbox_bell_ring(struct vmci_inbox *inbox, struct vmci_handle handle)
{
	unsigned long flags;
	struct bell *bell;

	spin_lock_irqsave(&inbox->lock, flags);
	bell = find_bell(inbox, handle);
	if (bell)
		note_ring(inbox, bell);
	spin_unlock_irqrestore(&inbox->lock, flags);
	return bell ? VMCI_SUCCESS : VMCI_ERROR_NOT_FOUND;
}

/**
 * vmci_inbox_bell_list() - all doorbells, for a checkpoint
 * @inbox: of whom
 * @out: as many as fit
 * @room: entries of @out
 *
 * Return: how many there are.
 */
u32 vmci_inbox_bell_list(struct vmci_inbox *inbox, struct vmci_doorbell_checkpoint *out, u32 room)
{
	struct bell *bell;
	u32 bucket, count = 0;

	spin_lock_irq(&inbox->lock);
	hash_for_each(inbox->bells, bucket, bell, node) {
		if (count < room)
			out[count] = (struct vmci_doorbell_checkpoint){ .handle = bell->handle };
		count++;
	}
	spin_unlock_irq(&inbox->lock);
	return count;
}

/**
 * vmci_inbox_rung_take() - the doorbells that have been rung, which are silent then
 * @inbox: of whom
 * @out: gets them, all or none
 * @room: entries of @out
 *
 * Return: how many there were; with more than @room they are rung as before.
 */
u32 vmci_inbox_rung_take(struct vmci_inbox *inbox, struct vmci_handle *out, u32 room)
{
	struct bell *bell, *next;
	u32 count;

	spin_lock_irq(&inbox->lock);
	count = inbox->rung_count;
	if (count <= room) {
		list_for_each_entry_safe(bell, next, &inbox->rung, rung) {
			*out++ = bell->handle;
			silence(inbox, bell);
		}
	}
	spin_unlock_irq(&inbox->lock);
	return count;
}

/**
 * vmci_inbox_rung_return() - end what vmci_inbox_rung_take() began
 * @inbox: of whom
 * @rung: doorbells that could not be told, rung again unless they have gone
 * @count: how many, 0 when all were told
 */
void vmci_inbox_rung_return(struct vmci_inbox *inbox, const struct vmci_handle *rung, u32 count)
{
	struct bell *bell;
	u32 i;

	spin_lock_irq(&inbox->lock);
	for (i = 0; i < count; i++) {
		bell = find_bell(inbox, rung[i]);
		if (bell)
			note_ring(inbox, bell);
	}
	clear_if_empty(inbox);
	spin_unlock_irq(&inbox->lock);
}

/* ---- The monitor is told ---- */

static void drop_flag_page(struct page *page)
{
	if (!page)
		return;
	kunmap(page);
	unpin_user_pages_dirty_lock(&page, 1, true);
}

/**
 * vmci_inbox_flag_set() - where the monitor wants to see whether anything waits
 * @inbox: of whom
 * @page: pinned for writing; the inbox takes it over on success
 * @offset: of the byte in @page
 *
 * Context: process context, may sleep.
 * Return: VMCI_SUCCESS, or DUPLICATE_ENTRY when there is one already.
 */
int vmci_inbox_flag_set(struct vmci_inbox *inbox, struct page *page, u32 offset)
{
	u8 *mapped = kmap(page);
	bool set;

	spin_lock_irq(&inbox->lock);
	set = !inbox->flag;
	if (set) {
		inbox->flag_page = page;
		inbox->flag = mapped + offset;
		if (!is_empty(inbox))
			signal(inbox);
	}
	spin_unlock_irq(&inbox->lock);
	if (set)
		return VMCI_SUCCESS;
	kunmap(page);
	return VMCI_ERROR_DUPLICATE_ENTRY;
}

/* Nowhere any more */
void vmci_inbox_flag_unset(struct vmci_inbox *inbox)
{
	struct page *page;

	spin_lock_irq(&inbox->lock);
	page = inbox->flag_page;
	inbox->flag_page = NULL;
	inbox->flag = NULL;
	spin_unlock_irq(&inbox->lock);
	drop_flag_page(page);
}

__poll_t vmci_inbox_poll(struct vmci_inbox *inbox, struct file *file, poll_table *table)
{
	bool empty;

	poll_wait(file, &inbox->wait, table);
	spin_lock_irq(&inbox->lock);
	empty = is_empty(inbox);
	spin_unlock_irq(&inbox->lock);
	return empty ? 0 : EPOLLIN;
}

/* ---- Beginning and end ---- */

void vmci_inbox_init(struct vmci_inbox *inbox)
{
	spin_lock_init(&inbox->lock);
	inbox->open = true;
	INIT_LIST_HEAD(&inbox->letters);
	hash_init(inbox->bells);
	INIT_LIST_HEAD(&inbox->rung);
	init_waitqueue_head(&inbox->wait);
}

static void free_bells(struct vmci_inbox *inbox)
{
	struct hlist_node *next;
	struct bell *bell;
	u32 bucket;

	hash_for_each_safe(inbox->bells, bucket, next, bell, node) {
		hash_del(&bell->node);
		kfree(bell);
	}
}

/**
 * vmci_inbox_close() - take nothing any more, and free what waits
 * @inbox: of a machine that is gone; nobody takes anything out
 *
 * Context: process context, may sleep.
 */
void vmci_inbox_close(struct vmci_inbox *inbox)
{
	struct vmci_letter *letter, *next;
	LIST_HEAD(letters);

	vmci_inbox_flag_unset(inbox);
	spin_lock_irq(&inbox->lock);
	inbox->open = false;
	list_splice_init(&inbox->letters, &letters);
	inbox->count = 0;
	inbox->bytes = 0;
	free_bells(inbox);
	INIT_LIST_HEAD(&inbox->rung);
	inbox->rung_count = 0;
	inbox->bell_count = 0;
	spin_unlock_irq(&inbox->lock);
	list_for_each_entry_safe(letter, next, &letters, node)
		vmci_letter_free(letter);
}
