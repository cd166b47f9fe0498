// SPDX-License-Identifier: GPL-2.0-only
/*
 * guest_qp.c - queue pairs between this virtual machine and what is behind its VMCI device
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vmci.md 4.12, 4.13, 5.6, 2.12.
 *
 * Theory of operation
 *
 * All memory of a pair is ours, whoever creates it: pages of the kernel, mapped for the device
 * as long as it has the pair.  When the device goes, pages are unmapped and stay with the client,
 * which may be reading what is left in them; they are freed when it detaches.  A pair that the
 * device refuses to let go when its client detaches stays, handle included, until the device is
 * reset.
 *
 * qp_lock guards the list of pairs and what the device knows of them.  Headers are written by
 * the device before the peer hears of a pair, so they are left alone here.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include <common/ring.h>

#include "announcement.h"
#include "event.h"
#include "guest.h"
#include "qpair.h"
#include "resource.h"
#include "vmci_api.h"

/**
 * struct guest_qp - a queue pair whose other end is elsewhere
 * @resource: the handle, and the lifetime of this structure
 * @guest: the device
 * @node: in guest->qps
 * @peer: who may attach
 * @mapped: the device has it
 * @left: its client has detached
 * @reported: its client has been told that the peer has gone
 * @produce: what the client writes
 * @consume: what it reads
 * @page_count: of both, headers included
 * @pages: in the order of vmci.md 4.12
 * @addresses: of @pages, as the device addresses them
 */
struct guest_qp {
	struct vmci_resource resource;
	struct vmci_guest *guest;
	struct list_head node;
	u32 peer;
	bool mapped;
	bool left;
	bool reported;
	struct vmci_queue produce;
	struct vmci_queue consume;
	u64 page_count;
	struct page **pages;
	dma_addr_t *addresses;
};

static struct guest_qp *to_pair(struct vmci_resource *resource)
{
	return container_of(resource, struct guest_qp, resource);
}

/* ---- Memory ---- */

static void free_pages_of(struct guest_qp *pair)
{
	u64 i;

	for (i = 0; pair->pages && i < pair->page_count; i++)
		if (pair->pages[i])
			__free_page(pair->pages[i]);
	kvfree(pair->pages);
	kvfree(pair->addresses);
}

static bool alloc_pages_for(struct guest_qp *pair)
{
	gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN;
	u64 i;

	pair->pages = kvcalloc(pair->page_count, sizeof(*pair->pages), gfp);
	pair->addresses = kvcalloc(pair->page_count, sizeof(*pair->addresses), gfp);
	if (!pair->pages || !pair->addresses)
		return false;
	for (i = 0; i < pair->page_count; i++) {
		pair->pages[i] = alloc_page(gfp);
		if (!pair->pages[i])
			return false;
	}
	return true;
}

static void set_queue(struct vmci_queue *queue, struct page **pages, u64 size)
{
	queue->header = page_address(pages[0]);
	queue->pages = pages + 1;
	queue->size = size;
}

static void unmap_pages(struct guest_qp *pair, u64 count)
{
	struct device *dev = &pair->guest->pdev->dev;

	while (count--)
		dma_unmap_page(dev, pair->addresses[count], PAGE_SIZE, DMA_BIDIRECTIONAL);
}

/*
 * Both ends use the very same memory, so a copy in a bounce buffer would not do.  Before 6.10, and
 * later with CONFIG_DMA_API_DEBUG, whatever an IOMMU translates is said to need synchronisation;
 * the IOMMU knows better.
 */
static bool is_shared(struct device *dev, struct page *page, dma_addr_t address)
{
	struct iommu_domain *domain;

	if (!dma_need_sync(dev, address))
		return true;
	domain = iommu_get_domain_for_dev(dev);
	return domain && dev_is_dma_coherent(dev) &&
	       iommu_iova_to_phys(domain, address) == page_to_phys(page);
}

static bool map_page(struct device *dev, struct page *page, dma_addr_t *address)
{
	*address = dma_map_page(dev, page, 0, PAGE_SIZE, DMA_BIDIRECTIONAL);
	if (dma_mapping_error(dev, *address))
		return false;
	if (is_shared(dev, page, *address))
		return true;
	dev_err_once(dev, "the device cannot reach memory of this machine for queue pairs\n");
	dma_unmap_page(dev, *address, PAGE_SIZE, DMA_BIDIRECTIONAL);
	return false;
}

static bool map_pages(struct guest_qp *pair)
{
	u64 i;

	for (i = 0; i < pair->page_count; i++) {
		if (!map_page(&pair->guest->pdev->dev, pair->pages[i], &pair->addresses[i])) {
			unmap_pages(pair, i);
			return false;
		}
	}
	return true;
}

static void free_pair(struct vmci_resource *resource)
{
	struct guest_qp *pair = to_pair(resource);

	free_pages_of(pair);
	kfree_rcu(pair, resource.rcu);
}

static struct guest_qp *new_pair(struct vmci_guest *guest, u64 produce_size, u64 consume_size,
				 u32 peer)
{
	struct guest_qp *pair = kzalloc(sizeof(*pair), GFP_KERNEL_ACCOUNT);

	if (!pair)
		return NULL;
	kref_init(&pair->resource.refs);
	pair->resource.release = free_pair;
	pair->guest = guest;
	pair->peer = peer;
	pair->page_count = vmci_queue_pair_pages(produce_size, consume_size, PAGE_SHIFT);
	if (!alloc_pages_for(pair)) {
		vmci_resource_put(&pair->resource);
		return NULL;
	}
	set_queue(&pair->produce, pair->pages, produce_size);
	set_queue(&pair->consume, pair->pages + vmci_queue_pages(produce_size, PAGE_SHIFT),
		  consume_size);
	return pair;
}

/* ---- What the device knows ---- */

static size_t ppn_size(const struct vmci_guest *guest)
{
	return guest->caps & VMCI_CAPS_PPN64 ? sizeof(u64) : sizeof(u32);
}

static void fill_ppns(struct vmci_qp_alloc_msg *msg, const struct guest_qp *pair)
{
	u64 *wide = (void *)(msg + 1);
	u32 *narrow = (void *)(msg + 1);
	u64 i;

	for (i = 0; i < pair->page_count; i++) {
		if (ppn_size(pair->guest) == sizeof(*wide))
			wide[i] = pair->addresses[i] >> PAGE_SHIFT;
		else
			narrow[i] = pair->addresses[i] >> PAGE_SHIFT;
	}
}

static int call_alloc(struct guest_qp *pair, u32 flags)
{
	size_t list_size = pair->page_count * ppn_size(pair->guest);
	struct vmci_qp_alloc_msg *msg = kvmalloc(sizeof(*msg) + list_size, GFP_KERNEL_ACCOUNT);
	int result;

	if (!msg)
		return VMCI_ERROR_NO_MEM;
	*msg = (struct vmci_qp_alloc_msg) {
		.hdr.dst = { VMCI_HYPERVISOR_CONTEXT_ID, VMCI_QUEUEPAIR_ALLOC },
		.hdr.src = { VMCI_INVALID_ID, VMCI_INVALID_ID },
		.hdr.payload_size = sizeof(*msg) - sizeof(msg->hdr) + list_size,
		.handle = pair->resource.handle,
		.peer = pair->peer,
		.flags = flags,
		.produce_size = pair->produce.size,
		.consume_size = pair->consume.size,
		.ppn_count = pair->page_count,
	};
	fill_ppns(msg, pair);
	result = vmci_guest_send(pair->guest, &msg->hdr);
	kvfree(msg);
	return result;
}

static void device_has_let_go(struct guest_qp *pair)
{
	if (pair->mapped)
		unmap_pages(pair, pair->page_count);
	pair->mapped = false;
}

/* Nobody has it any more; qp_lock is held */
static void forget(struct guest_qp *pair)
{
	list_del(&pair->node);
	vmci_resource_remove(pair->resource.handle, VMCI_RESOURCE_QUEUE_PAIR);
	vmci_resource_put(&pair->resource);
}

static int call_detach(struct guest_qp *pair)
{
	int result = vmci_guest_call_handle(pair->guest, VMCI_QUEUEPAIR_DETACH,
					    pair->resource.handle);

	if (result >= 0 || result == VMCI_ERROR_NOT_FOUND)
		device_has_let_go(pair);
	return result;
}

static int detach(struct vmci_qp *qp)
{
	struct guest_qp *pair = qp->provider;
	struct vmci_guest *guest = pair->guest;
	int result = VMCI_SUCCESS;

	mutex_lock(&guest->qp_lock);
	pair->left = true;
	if (pair->mapped)
		result = call_detach(pair);
	if (!pair->mapped)
		forget(pair);
	mutex_unlock(&guest->qp_lock);
	return min(result, VMCI_SUCCESS);
}

static const struct vmci_qp_ops guest_qp_ops = {
	.detach = detach,
};

static int enter_mapped(struct vmci_guest *guest, struct guest_qp *pair, u32 flags)
{
	int result;

	if (!map_pages(pair))
		return VMCI_ERROR_NO_MEM;
	pair->mapped = true;
	result = call_alloc(pair, flags);
	/* A device that hangs may yet do it: the pages wait for its reset, without a client */
	if (result == VMCI_ERROR_TIMEOUT) {
		pair->left = true;
		list_add_tail(&pair->node, &guest->qps);
		return result;
	}
	if (result < 0)
		device_has_let_go(pair);
	else
		list_add_tail(&pair->node, &guest->qps);
	return result;
}

/* With a handle, and known to the device; qp_lock is held.  Takes @pair over if it is mapped. */
static int enter(struct vmci_guest *guest, struct guest_qp *pair, struct vmci_handle handle,
		 u32 flags)
{
	int result;

	if (!guest->qp_open)
		return VMCI_ERROR_UNAVAILABLE;
	result = vmci_resource_add(&pair->resource, VMCI_RESOURCE_QUEUE_PAIR, handle, free_pair);
	if (result < 0)
		return result;
	result = enter_mapped(guest, pair, flags);
	if (result < 0 && !pair->mapped)
		vmci_resource_remove(pair->resource.handle, VMCI_RESOURCE_QUEUE_PAIR);
	return result;
}

/**
 * vmci_guest_qp_alloc() - create a queue pair, or attach to one of the host
 * @guest: the device
 * @qp: gets its queues
 * @io: handle wanted, or invalid to have one assigned; the handle on success
 * @produce_size: bytes, both sizes have been checked
 * @consume_size: bytes
 * @peer: who may attach
 * @flags: VMCI_QPFLAG_ATTACH_ONLY or 0
 * @priv: must be 0
 *
 * Context: process context, may sleep.
 * Return: VMCI_SUCCESS, NO_ACCESS, UNAVAILABLE, ALREADY_EXISTS, NO_HANDLE, NO_MEM, or what the
 * device says (vmci.md 4.12).
 */
int vmci_guest_qp_alloc(struct vmci_guest *guest, struct vmci_qp *qp, struct vmci_handle *io,
			u64 produce_size, u64 consume_size, u32 peer, u32 flags, u32 priv)
{
	struct vmci_handle handle = *io;
	struct guest_qp *pair;
	bool taken;
	int result;

	if (priv)
		return VMCI_ERROR_NO_ACCESS;
	if (vmci_handle_is_invalid(handle))
		handle.context = READ_ONCE(guest->cid);
	pair = new_pair(guest, produce_size, consume_size, peer);
	if (!pair)
		return VMCI_ERROR_NO_MEM;

	mutex_lock(&guest->qp_lock);
	result = enter(guest, pair, handle, flags);
	if (result >= 0) {
		qp->ops = &guest_qp_ops;
		qp->provider = pair;
		qp->produce = &pair->produce;
		qp->consume = &pair->consume;
		*io = pair->resource.handle;
	}
	taken = pair->mapped;
	mutex_unlock(&guest->qp_lock);
	if (!taken)
		vmci_resource_put(&pair->resource);
	return min(result, VMCI_SUCCESS);
}

/**
 * vmci_guest_qp_has() - is this a queue pair with an end elsewhere?
 * @handle: from the device
 */
bool vmci_guest_qp_has(struct vmci_handle handle)
{
	struct vmci_resource *resource;
	bool found;

	rcu_read_lock();
	resource = vmci_resource_find(handle, VMCI_RESOURCE_QUEUE_PAIR);
	found = resource && resource->release == free_pair;
	rcu_read_unlock();
	return found;
}

/* ---- The device comes and goes ---- */

/* From now on queue pairs can be made */
void vmci_guest_qp_start(struct vmci_guest *guest)
{
	mutex_lock(&guest->qp_lock);
	guest->qp_open = true;
	mutex_unlock(&guest->qp_lock);
}

/* No more new ones, and all leave their peers (step 2 of vmci.md 2.12) */
void vmci_guest_qp_leave(struct vmci_guest *guest)
{
	struct guest_qp *pair;

	mutex_lock(&guest->qp_lock);
	guest->qp_open = false;
	list_for_each_entry(pair, &guest->qps, node)
		if (pair->mapped)
			call_detach(pair);
	mutex_unlock(&guest->qp_lock);
}

/* The device has been reset: what it did not let go before is ours again */
void vmci_guest_qp_lost(struct vmci_guest *guest)
{
	struct guest_qp *pair, *next;

	mutex_lock(&guest->qp_lock);
	list_for_each_entry_safe(pair, next, &guest->qps, node) {
		device_has_let_go(pair);
		if (pair->left)
			forget(pair);
	}
	mutex_unlock(&guest->qp_lock);
}

/* A pair whose client does not know yet, with a reference */
static struct guest_qp *next_to_report(struct vmci_guest *guest)
{
	struct guest_qp *pair, *found = NULL;

	mutex_lock(&guest->qp_lock);
	list_for_each_entry(pair, &guest->qps, node) {
		if (pair->left || pair->reported)
			continue;
		pair->reported = true;
		vmci_resource_hold(&pair->resource);
		found = pair;
		break;
	}
	mutex_unlock(&guest->qp_lock);
	return found;
}

/**
 * vmci_guest_qp_report() - tell the clients of all queue pairs that their peers have gone
 * @guest: the device
 *
 * Context: process context, may sleep.
 */
void vmci_guest_qp_report(struct vmci_guest *guest)
{
	struct guest_qp *pair;

	while ((pair = next_to_report(guest))) {
		struct vmci_event_msg msg = vmci_qp_event(READ_ONCE(guest->cid),
							  VMCI_EVENT_QP_PEER_DETACH,
							  pair->resource.handle, pair->peer);

		vmci_event_dispatch(&msg.hdr, false);
		vmci_resource_put(&pair->resource);
	}
}
