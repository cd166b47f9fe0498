// SPDX-License-Identifier: GPL-2.0-only
/*
 * local_qp.c - queue pairs with both ends in this kernel (vmci.md 5.6)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Theory of operation
 *
 * A pair is made by the first endpoint that asks for its handle, attached to by the
 * second, and takes no third one, not even after one of the two has left:
 *
 *	CREATED --attach--> ATTACHED --detach--> SHUTDOWN --detach--> GONE
 *	   `------------------------detach-------------------------^
 *
 * pair->lock guards the state.  The announcements of attach and detach are queued under
 * it, so they come in this order; they are part of the pair, so they cannot fail.  Where
 * nobody minds, the detacher dispatches its announcement itself.
 *
 * The endpoint that remains still reads what was written, so the rings stay until the
 * last one leaves; the structure itself lives on while an announcement is on its way.
 *
 * Data pages come when they are first written, at the expense of whoever writes: a socket
 * that is opened and closed costs no more than the page table.  All pairs together never
 * have more than half of the machine's memory.
 */
#include <linux/atomic.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include <vmci/errors.h>

#include "announcement.h"
#include "local_qp.h"
#include "qpair.h"
#include "resource.h"
#include "vmci_api.h"

enum pair_state {
	PAIR_CREATED,
	PAIR_ATTACHED,
	PAIR_SHUTDOWN,
	PAIR_GONE,
};

/* A header on its own cache line, as it would be on its own page */
struct local_header {
	struct vmci_queue_header header ____cacheline_aligned_in_smp;
};

/**
 * struct pair - two rings and at most two endpoints
 * @resource: the handle, and the lifetime of this structure
 * @lock: guards @state
 * @state: who is there
 * @queues: what the creator writes, and what it reads
 * @headers: of @queues
 * @attach: told once
 * @detach: told once
 */
struct pair {
	struct vmci_resource resource;
	spinlock_t lock;
	enum pair_state state;
	struct vmci_queue queues[2];
	struct local_header headers[2];
	struct vmci_announcement attach;
	struct vmci_announcement detach;
};

static atomic_long_t pages_in_use;
static long pages_limit;

/**
 * vmci_ring_page_get() - memory for a ring that is in this kernel
 * @gfp: how to allocate
 *
 * Return: a page of zeros, or NULL, also when rings have their share of memory.
 */
struct page *vmci_ring_page_get(gfp_t gfp)
{
	struct page *page;

	if (atomic_long_inc_return(&pages_in_use) > pages_limit)
		page = NULL;
	else
		page = alloc_page(gfp | __GFP_ZERO | __GFP_NOWARN);
	if (!page)
		atomic_long_dec(&pages_in_use);
	return page;
}

/* Only the ring's one writer gets here; the reader learns of the page by the tail. */
static u64 reserve(struct vmci_qp *qp, u64 offset, u64 count, gfp_t gfp)
{
	struct page **pages = qp->produce->pages;
	u64 index = offset >> PAGE_SHIFT;

	for (; index << PAGE_SHIFT < offset + count; index++) {
		if (!pages[index])
			pages[index] = vmci_ring_page_get(gfp);
		if (!pages[index])
			break;
	}
	index <<= PAGE_SHIFT;
	return index <= offset ? 0 : min(count, index - offset);
}

static u64 pages_of(const struct vmci_queue *queue)
{
	return DIV_ROUND_UP(queue->size, PAGE_SIZE);
}

static bool init_queue(struct vmci_queue *queue, struct vmci_queue_header *header, u64 size)
{
	queue->header = header;
	queue->size = size;
	queue->pages = kvcalloc(pages_of(queue), sizeof(*queue->pages),
				GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	return queue->pages;
}

/**
 * vmci_ring_pages_put() - free pages that vmci_ring_page_get() returned, and their table
 * @pages: those that are NULL are left out; may be NULL
 * @count: of the table
 */
void vmci_ring_pages_put(struct page **pages, u64 count)
{
	u64 index, freed = 0;

	if (!pages)
		return;
	for (index = 0; index < count; index++) {
		if (pages[index]) {
			__free_page(pages[index]);
			freed++;
		}
	}
	atomic_long_sub(freed, &pages_in_use);
	kvfree(pages);
}

static void free_queue(struct vmci_queue *queue)
{
	vmci_ring_pages_put(queue->pages, pages_of(queue));
}

static void free_queues(struct pair *pair)
{
	free_queue(&pair->queues[0]);
	free_queue(&pair->queues[1]);
}

static struct pair *to_pair(struct vmci_resource *resource)
{
	return container_of(resource, struct pair, resource);
}

static void release_pair(struct vmci_resource *resource)
{
	struct pair *pair = to_pair(resource);

	kfree_rcu(pair, resource.rcu);
}

/* Both ends are in the context that the handle names */
static u32 context_of(const struct pair *pair)
{
	return pair->resource.handle.context;
}

static int detach(struct vmci_qp *qp)
{
	struct pair *pair = qp->provider;
	bool last, direct = false;

	spin_lock(&pair->lock);
	last = pair->state != PAIR_ATTACHED;
	if (last) {
		pair->state = PAIR_GONE;
	} else {
		pair->state = PAIR_SHUTDOWN;
		direct = vmci_announce_detach(&pair->detach, &pair->resource, context_of(pair),
					      context_of(pair));
	}
	spin_unlock(&pair->lock);
	if (direct)
		vmci_deliver_directly(&pair->detach.delivery);

	if (last) {
		vmci_resource_remove(pair->resource.handle, VMCI_RESOURCE_QUEUE_PAIR);
		free_queues(pair);
		vmci_resource_put(&pair->resource);
	}
	return VMCI_SUCCESS;
}

static const struct vmci_qp_ops local_qp_ops = {
	.reserve = reserve,
	.detach = detach,
};

static void give_queues(struct vmci_qp *qp, struct pair *pair, unsigned int produce)
{
	qp->ops = &local_qp_ops;
	qp->provider = pair;
	qp->produce = &pair->queues[produce];
	qp->consume = &pair->queues[!produce];
}

/* Flags need no comparison: an attacher's may differ from the creator's in ATTACH_ONLY. */
static int join(struct pair *pair, u64 produce_size, u64 consume_size)
{
	if (pair->state == PAIR_GONE)
		return VMCI_ERROR_NOT_FOUND;
	if (pair->state != PAIR_CREATED)
		return VMCI_ERROR_UNAVAILABLE;
	if (produce_size != pair->queues[1].size || consume_size != pair->queues[0].size)
		return VMCI_ERROR_QUEUEPAIR_MISMATCH;
	pair->state = PAIR_ATTACHED;
	vmci_announce_attach(&pair->attach, &pair->resource, context_of(pair), context_of(pair));
	return VMCI_SUCCESS;
}

static int attach(struct vmci_qp *qp, struct vmci_handle handle, u64 produce_size,
		  u64 consume_size)
{
	struct vmci_resource *resource = vmci_resource_get(handle, VMCI_RESOURCE_QUEUE_PAIR);
	struct pair *pair;
	int result;

	if (!resource)
		return VMCI_ERROR_NOT_FOUND;
	/* The name of a queue pair that has an end elsewhere */
	if (resource->release != release_pair) {
		vmci_resource_put(resource);
		return VMCI_ERROR_ALREADY_EXISTS;
	}
	pair = to_pair(resource);
	spin_lock(&pair->lock);
	result = join(pair, produce_size, consume_size);
	if (result == VMCI_SUCCESS)
		give_queues(qp, pair, 1);
	spin_unlock(&pair->lock);
	vmci_resource_put(resource);
	return result;
}

static int create(struct vmci_qp *qp, struct vmci_handle *io, u64 produce_size, u64 consume_size)
{
	struct pair *pair = kzalloc(sizeof(*pair), GFP_KERNEL_ACCOUNT);
	int result = VMCI_ERROR_NO_MEM;

	if (!pair)
		return VMCI_ERROR_NO_MEM;
	spin_lock_init(&pair->lock);
	if (!init_queue(&pair->queues[0], &pair->headers[0].header, produce_size) ||
	    !init_queue(&pair->queues[1], &pair->headers[1].header, consume_size))
		goto free;

	give_queues(qp, pair, 0);
	result = vmci_resource_add(&pair->resource, VMCI_RESOURCE_QUEUE_PAIR, *io, release_pair);
	if (result < 0)
		goto free;
	*io = pair->resource.handle;
	pair->headers[0].header.handle = *io;
	pair->headers[1].header.handle = *io;
	return VMCI_SUCCESS;
free:
	free_queues(pair);
	kfree(pair);
	return result;
}

/**
 * vmci_local_qp_alloc() - create a local queue pair, or attach to one
 * @qp: gets its queues
 * @io: handle wanted, or invalid to have one assigned; the handle on success
 * @produce_size: bytes, both sizes have been checked
 * @consume_size: bytes
 * @peer: own context or VMCI_INVALID_ID
 * @flags: VMCI_QPFLAG_*
 *
 * Context: process context, may sleep.
 * Return: VMCI_SUCCESS, DEVICE_NOT_FOUND, NO_ACCESS, NOT_FOUND, UNAVAILABLE,
 * QUEUEPAIR_MISMATCH, NO_MEM, NO_HANDLE, or ALREADY_EXISTS when somebody else created it
 * this moment.
 */
int vmci_local_qp_alloc(struct vmci_qp *qp, struct vmci_handle *io, u64 produce_size,
			u64 consume_size, u32 peer, u32 flags)
{
	u32 own_cid = vmsock_vmci_get_context_id();
	int result = VMCI_ERROR_NOT_FOUND;

	if (own_cid == VMCI_INVALID_ID)
		return VMCI_ERROR_DEVICE_NOT_FOUND;
	if (vmci_handle_is_invalid(*io))
		io->context = own_cid;
	if (io->context != own_cid || (peer != own_cid && peer != VMCI_INVALID_ID))
		return VMCI_ERROR_NO_ACCESS;
	if (io->resource != VMCI_INVALID_ID)
		result = attach(qp, *io, produce_size, consume_size);
	if (result == VMCI_ERROR_NOT_FOUND && !(flags & VMCI_QPFLAG_ATTACH_ONLY))
		result = create(qp, io, produce_size, consume_size);
	return result;
}

void vmci_local_qp_init(void)
{
	pages_limit = totalram_pages() / 2;
}
