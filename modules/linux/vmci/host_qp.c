// SPDX-License-Identifier: GPL-2.0-only
/*
 * host_qp.c - the broker of queue pairs between this host and its virtual machines
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vmci.md 5.7 to 5.10, 8.7.
 *
 * Theory of operation
 *
 * One end is a virtual machine, the other a client in this kernel, and either may be first.  All
 * memory is the virtual machine's, pages of its monitor that are pinned while the pair has them:
 *
 *	CREATED --attach--> ATTACHED --detach--> SHUTDOWN --detach--> gone
 *	   `------------------------detach-------------------^
 *
 * and in each state with memory or without: an old monitor provides it later, and each one may
 * take it back for a while (unmap, map).  The client then sees the indexes of that moment, and
 * waits if it has bytes to move.
 *
 * broker_lock guards all states, and the lists of the virtual machines; it is held for short:
 * user memory is pinned and released without it.  Who asks for a pair is judged before pages are
 * pinned for it, and once more after that.  pair->lock nests inside and guards the memory: a client
 * is a reader of it while it looks at indexes or copies, and who takes the memory back a writer.
 * A client waits for nothing in there (qpair.c), so a monitor never waits for it.
 *
 * What a virtual machine wrote before it detached can still be read: the unread bytes are
 * copied then, at the expense of its monitor.
 */
#include <linux/highmem.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include <common/ring.h>
#include <vmci/errors.h>
#include <vmci/ioctl.h>

#include "announcement.h"
#include "context.h"
#include "host_qp.h"
#include "inbox.h"
#include "local_qp.h"
#include "qpair.h"
#include "resource.h"

/* Data pages of all queue pairs of a virtual machine; their headers are limited by their number */
#define MAX_RING_PAGES (VMCI_MAX_GUEST_QP_MEMORY >> PAGE_SHIFT)

/**
 * struct host_qp - a queue pair
 * @resource: the handle, and the lifetime of this structure
 * @creator: context
 * @attacher: context, VMCI_INVALID_ID before
 * @peer: who may attach
 * @flags: of the creator
 * @trusted: the creator was
 * @restricted: the creator's context is
 * @shut: had two ends, or was to have them, and one has gone
 * @told: who was there first knows of the other
 * @vm: the virtual machine, NULL while it is not there
 * @node: in vm->pairs
 * @client: the end in this kernel, NULL while it is not there
 * @lock: see above; guards the following
 * @memory: pinned pages of the virtual machine
 * @quiesced: its memory has been taken back for a while
 * @produce: ring that the virtual machine writes
 * @consume: ring that it reads
 * @saved: their headers while there is no memory
 * @rest: unread data pages of @produce after the virtual machine has left
 * @resumed: woken up when @quiesced ends
 * @attach: told to the client once
 * @detach: told to the client once
 * @attach_letter: room to tell the virtual machine the same once, so that memory never lacks then
 * @detach_letter: room to tell the virtual machine the same once
 */
struct host_qp {
	struct vmci_resource resource;
	u32 creator;
	u32 attacher;
	u32 peer;
	u32 flags;
	bool trusted;
	bool restricted;
	bool shut;
	bool told;
	struct vmci_context *vm;
	struct list_head node;
	struct vmci_qp *client;

	struct rw_semaphore lock;
	struct vmci_user_pages memory;
	bool quiesced;
	struct vmci_queue produce;
	struct vmci_queue consume;
	struct vmci_queue_header saved[2];
	struct page **rest;
	wait_queue_head_t resumed;

	struct vmci_announcement attach;
	struct vmci_announcement detach;
	struct vmci_letter *attach_letter;
	struct vmci_letter *detach_letter;
};

static DEFINE_MUTEX(broker_lock);
static LIST_HEAD(clients_only);		/* pairs that no virtual machine has */

static struct host_qp *to_pair(struct vmci_resource *resource)
{
	return container_of(resource, struct host_qp, resource);
}

static u64 data_pages(u64 size)
{
	return vmci_queue_pages(size, PAGE_SHIFT) - 1;
}

static void free_letters(struct host_qp *pair)
{
	vmci_letter_free(pair->attach_letter);
	vmci_letter_free(pair->detach_letter);
}

static void free_pair(struct vmci_resource *resource)
{
	struct host_qp *pair = to_pair(resource);

	free_letters(pair);
	vmci_ring_pages_put(pair->rest, data_pages(pair->produce.size));
	kfree_rcu(pair, resource.rcu);
}

/* ---- Memory ---- */

static void read_header(struct vmci_queue_header *to, struct vmci_queue_header *from)
{
	to->producer_tail = READ_ONCE(from->producer_tail);
	to->consumer_head = READ_ONCE(from->consumer_head);
}

static void set_queue(struct vmci_queue *queue, struct page **pages)
{
	queue->header = kmap(pages[0]);
	queue->pages = pages + 1;
}

/* Takes @memory over; broker_lock is held */
static void give_memory(struct host_qp *pair, struct vmci_user_pages *memory)
{
	down_write(&pair->lock);
	pair->memory = *memory;
	*memory = (struct vmci_user_pages){};
	set_queue(&pair->produce, pair->memory.pages);
	set_queue(&pair->consume,
		  pair->memory.pages + vmci_queue_pages(pair->produce.size, PAGE_SHIFT));
	pair->quiesced = false;
	up_write(&pair->lock);
	wake_up_all(&pair->resumed);
}

static void drop_queue(struct vmci_queue *queue, struct vmci_queue_header *saved)
{
	read_header(saved, queue->header);
	kunmap(queue->pages[-1]);
	queue->header = saved;
	queue->pages = NULL;
}

/* The caller releases @memory after broker_lock; nobody uses it then.  pair->lock is held. */
static void drop_memory(struct host_qp *pair, struct vmci_user_pages *memory)
{
	if (!pair->memory.pages)
		return;
	drop_queue(&pair->produce, &pair->saved[0]);
	drop_queue(&pair->consume, &pair->saved[1]);
	*memory = pair->memory;
	pair->memory = (struct vmci_user_pages){};
}

static bool copy_pages(struct page **to, struct page **from, u64 offset, u64 count)
{
	u64 index = offset >> PAGE_SHIFT;

	for (; count && index << PAGE_SHIFT < offset + count; index++) {
		if (to[index])
			continue;
		to[index] = vmci_ring_page_get(GFP_KERNEL_ACCOUNT);
		if (!to[index])
			return false;
		copy_highpage(to[index], from[index]);
	}
	return true;
}

/* Bytes that the client has not read become its own; pair->lock is held */
static void keep_rest(struct host_qp *pair)
{
	struct vmci_queue *queue = &pair->produce;
	u64 tail = READ_ONCE(queue->header->producer_tail);
	u64 head = READ_ONCE(pair->client->head);
	s64 unread = vmci_ring_ready(tail, head, queue->size);
	struct vmci_ring_span span;

	if (unread <= 0)
		return;
	pair->rest = kvcalloc(data_pages(queue->size), sizeof(*pair->rest),
			      GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!pair->rest)
		return;
	span = vmci_ring_cut(head, unread, queue->size);
	if (copy_pages(pair->rest, queue->pages, span.offset, span.first) &&
	    copy_pages(pair->rest, queue->pages, 0, span.second)) {
		pair->saved[0].producer_tail = tail;
		return;
	}
	vmci_ring_pages_put(pair->rest, data_pages(queue->size));
	pair->rest = NULL;
}

/* The virtual machine has gone and takes its memory along; broker_lock is held */
static void lose_memory(struct host_qp *pair, struct vmci_user_pages *memory)
{
	u64 tail;

	down_write(&pair->lock);
	if (pair->client && pair->memory.pages)
		keep_rest(pair);
	tail = pair->saved[0].producer_tail;
	drop_memory(pair, memory);
	if (pair->rest) {
		pair->saved[0].producer_tail = tail;
		pair->produce.pages = pair->rest;
	}
	pair->quiesced = false;
	up_write(&pair->lock);
	wake_up_all(&pair->resumed);
}

/* ---- The client's end ---- */

/* May the client go ahead?  pair->lock is held for reading. */
static bool is_usable(const struct host_qp *pair, enum vmci_qp_use use)
{
	if (pair->memory.pages)
		return true;
	if (pair->rest && use != VMCI_QP_PRODUCE)
		return true;
	return pair->quiesced && use == VMCI_QP_LOOK;
}

/* Nothing to be moved needs no memory; pair->lock is held for reading */
static int nothing_to_do(const struct vmci_qp *qp, enum vmci_qp_use use)
{
	u64 head = READ_ONCE(qp->head), tail = READ_ONCE(qp->tail);

	if (use == VMCI_QP_CONSUME && vmci_ring_ready(qp->consume->header->producer_tail, head,
						      qp->consume->size) == 0)
		return VMCI_ERROR_QUEUEPAIR_NODATA;
	if (use == VMCI_QP_PRODUCE && vmci_ring_free(tail, qp->consume->header->consumer_head,
						     qp->produce->size) == 0)
		return VMCI_ERROR_QUEUEPAIR_NOSPACE;
	return VMCI_ERROR_QUEUEPAIR_NOT_READY;
}

static int try_enter(const struct vmci_qp *qp, enum vmci_qp_use use)
{
	struct host_qp *pair = qp->provider;
	int result;

	down_read(&pair->lock);
	if (is_usable(pair, use))
		return VMCI_SUCCESS;
	result = pair->quiesced ? nothing_to_do(qp, use) : VMCI_ERROR_QUEUEPAIR_NOTATTACHED;
	up_read(&pair->lock);
	return result;
}

/* Killable while the virtual machine's memory is away */
static int enter(const struct vmci_qp *qp, enum vmci_qp_use use)
{
	struct host_qp *pair = qp->provider;
	int result;

	while ((result = try_enter(qp, use)) == VMCI_ERROR_QUEUEPAIR_NOT_READY)
		if (wait_event_killable(pair->resumed, !READ_ONCE(pair->quiesced)))
			return VMCI_ERROR_WOULD_BLOCK;
	return result;
}

static void leave(const struct vmci_qp *qp)
{
	struct host_qp *pair = qp->provider;

	up_read(&pair->lock);
}

/* Nobody has it any more; broker_lock is held */
static void forget(struct host_qp *pair)
{
	list_del(&pair->node);
	vmci_resource_remove(pair->resource.handle, VMCI_RESOURCE_QUEUE_PAIR);
	vmci_resource_put(&pair->resource);
}

/* Once for each of the letters */
static void tell_vm(const struct host_qp *pair, struct vmci_letter **letter, u32 event, u32 peer)
{
	struct vmci_event_msg msg = vmci_qp_event(pair->vm->cid, event, pair->resource.handle,
						  peer);

	vmci_letter_write(*letter, &msg.hdr);
	vmci_inbox_post(&pair->vm->inbox, *letter);
	*letter = NULL;
}

static int detach(struct vmci_qp *qp)
{
	struct host_qp *pair = qp->provider;

	mutex_lock(&broker_lock);
	pair->client = NULL;
	if (pair->vm) {
		pair->shut = true;
		tell_vm(pair, &pair->detach_letter, VMCI_EVENT_QP_PEER_DETACH,
			VMCI_HOST_CONTEXT_ID);
	} else {
		forget(pair);
	}
	mutex_unlock(&broker_lock);
	return VMCI_SUCCESS;
}

static const struct vmci_qp_ops host_qp_ops = {
	.enter = enter,
	.leave = leave,
	.detach = detach,
};

/* ---- Who may have which pair (vmci.md 5.7) ---- */

/**
 * struct applicant - somebody who asks for a pair
 * @cid: context
 * @restricted: that context is
 * @trusted: the caller is
 * @version: of the monitor
 */
struct applicant {
	u32 cid;
	bool restricted;
	bool trusted;
	s32 version;
};

static int check_spec(const struct vmci_pair_spec *spec)
{
	if (spec->handle.context == VMCI_INVALID_ID || (spec->flags & ~VMCI_QP_ALL_FLAGS) ||
	    (spec->flags & VMCI_QPFLAG_LOCAL))
		return VMCI_ERROR_INVALID_ARGS;
	return vmci_queue_pair_check(spec->produce_size, spec->consume_size);
}

/* The pair with this handle, or NULL; broker_lock is held, and keeps it */
static struct host_qp *find_pair(struct vmci_handle handle)
{
	struct vmci_resource *resource;

	lockdep_assert_held(&broker_lock);
	if (handle.resource == VMCI_INVALID_ID)
		return NULL;
	rcu_read_lock();
	resource = vmci_resource_find(handle, VMCI_RESOURCE_QUEUE_PAIR);
	rcu_read_unlock();
	return resource && resource->release == free_pair ? to_pair(resource) : NULL;
}

static int judge_create(const struct applicant *who, const struct vmci_pair_spec *spec)
{
	if (spec->flags & VMCI_QPFLAG_ATTACH_ONLY)
		return VMCI_ERROR_NOT_FOUND;
	if (spec->handle.context != who->cid && spec->handle.context != spec->peer)
		return VMCI_ERROR_NO_ACCESS;
	if (vmci_is_vm(who->cid) && vmci_is_vm(spec->peer))
		return VMCI_ERROR_DST_UNREACHABLE;
	return VMCI_SUCCESS;
}

/* Rules 4 to 6: privileges */
static int judge_access(const struct host_qp *pair, const struct applicant *who)
{
	if ((who->restricted && !pair->trusted) || (pair->restricted && !who->trusted))
		return VMCI_ERROR_NO_ACCESS;
	if (pair->peer != VMCI_INVALID_ID && pair->peer != who->cid)
		return VMCI_ERROR_NO_ACCESS;
	return VMCI_SUCCESS;
}

/* Rules 8, 9 */
static bool fits(const struct host_qp *pair, const struct vmci_pair_spec *spec)
{
	return (pair->flags & ~VMCI_QP_ASYMM) == (spec->flags & ~VMCI_QP_ASYMM_PEER) &&
	       pair->produce.size == spec->produce_size &&
	       pair->consume.size == spec->consume_size;
}

static int judge_attach(const struct host_qp *pair, const struct applicant *who,
			const struct vmci_pair_spec *spec)
{
	s32 version = vmci_is_vm(who->cid) || !pair->vm ? who->version : pair->vm->version;
	int result;

	if (pair->attacher != VMCI_INVALID_ID || pair->shut)
		return VMCI_ERROR_UNAVAILABLE;
	if (pair->creator == who->cid)
		return VMCI_ERROR_ALREADY_EXISTS;
	if (vmci_is_vm(pair->creator) && vmci_is_vm(who->cid))
		return VMCI_ERROR_DST_UNREACHABLE;
	/* A client has the handle from its peer, who must not name another's pair */
	if (!vmci_is_vm(who->cid) && spec->peer != VMCI_INVALID_ID && spec->peer != pair->creator)
		return VMCI_ERROR_NO_ACCESS;
	result = judge_access(pair, who);
	if (result < 0)
		return result;
	if (version < VMCI_VERSION_HOSTQP)
		return VMCI_ERROR_INVALID_RESOURCE;
	if (!fits(pair, spec))
		return VMCI_ERROR_QUEUEPAIR_MISMATCH;
	if (!vmci_is_vm(who->cid) && !pair->memory.pages)
		return VMCI_ERROR_UNAVAILABLE;
	return VMCI_SUCCESS;
}

/* @pair is what there is, NULL if it has to be created; broker_lock is held */
static int judge(const struct host_qp *pair, const struct applicant *who,
		 const struct vmci_pair_spec *spec)
{
	return pair ? judge_attach(pair, who, spec) : judge_create(who, spec);
}

static void discard_pair(struct host_qp *pair)
{
	free_letters(pair);
	kfree(pair);
}

static struct host_qp *alloc_pair(void)
{
	struct host_qp *pair = kzalloc(sizeof(*pair), GFP_KERNEL_ACCOUNT);

	if (!pair)
		return NULL;
	pair->attach_letter = vmci_letter_new(sizeof(struct vmci_event_data), GFP_KERNEL_ACCOUNT);
	pair->detach_letter = vmci_letter_new(sizeof(struct vmci_event_data), GFP_KERNEL_ACCOUNT);
	if (pair->attach_letter && pair->detach_letter)
		return pair;
	discard_pair(pair);
	return NULL;
}

static struct host_qp *new_pair(const struct applicant *who, const struct vmci_pair_spec *spec)
{
	struct host_qp *pair = alloc_pair();

	if (!pair)
		return NULL;
	pair->creator = who->cid;
	pair->attacher = VMCI_INVALID_ID;
	pair->peer = spec->peer;
	pair->flags = spec->flags;
	pair->trusted = who->trusted;
	pair->restricted = who->restricted;
	init_rwsem(&pair->lock);
	init_waitqueue_head(&pair->resumed);
	pair->produce.header = &pair->saved[0];
	pair->produce.size = spec->produce_size;
	pair->consume.header = &pair->saved[1];
	pair->consume.size = spec->consume_size;
	return pair;
}

/* A new pair with its handle; broker_lock is held */
static int create_pair(const struct applicant *who, const struct vmci_pair_spec *spec,
		       struct host_qp **out)
{
	struct host_qp *pair = new_pair(who, spec);
	int result;

	if (!pair)
		return VMCI_ERROR_NO_MEM;
	result = vmci_resource_add(&pair->resource, VMCI_RESOURCE_QUEUE_PAIR, spec->handle,
				   free_pair);
	if (result < 0) {
		discard_pair(pair);
		return result;
	}
	list_add_tail(&pair->node, &clients_only);
	*out = pair;
	return VMCI_SUCCESS;
}

/* The pair that is asked for, made or attached to; broker_lock is held */
static int take_pair(const struct applicant *who, const struct vmci_pair_spec *spec,
		     struct host_qp **out)
{
	struct host_qp *pair = find_pair(spec->handle);
	int result = judge(pair, who, spec);

	if (result < 0)
		return result;
	if (!pair)
		return create_pair(who, spec, out);
	pair->attacher = who->cid;
	*out = pair;
	return VMCI_SUCCESS;
}

/* Rule 15: who was there first learns that all is ready; broker_lock is held */
static void tell_attach(struct host_qp *pair)
{
	if (pair->told || pair->attacher == VMCI_INVALID_ID || !pair->memory.pages)
		return;
	pair->told = true;
	if (vmci_is_vm(pair->creator))
		tell_vm(pair, &pair->attach_letter, VMCI_EVENT_QP_PEER_ATTACH, pair->attacher);
	else if (pair->client)
		vmci_announce_attach(&pair->attach, &pair->resource, VMCI_HOST_CONTEXT_ID,
				     pair->attacher);
}

/* ---- A client asks ---- */

/**
 * vmci_host_qp_alloc() - a client of this kernel creates a queue pair, or attaches to one
 * @qp: gets its queues
 * @io: handle wanted, or invalid to have one assigned; the handle on success
 * @produce_size: bytes that the client writes, both sizes have been checked
 * @consume_size: bytes that it reads
 * @peer: who may attach
 * @flags: VMCI_QPFLAG_ATTACH_ONLY or 0
 * @priv: VMCI_PRIVILEGE_FLAG_TRUSTED or 0
 *
 * There is memory when the virtual machine has attached; until then nothing can be moved.
 * Context: process context, may sleep.
 */
int vmci_host_qp_alloc(struct vmci_qp *qp, struct vmci_handle *io, u64 produce_size,
		       u64 consume_size, u32 peer, u32 flags, u32 priv)
{
	struct applicant who = {
		.cid = VMCI_HOST_CONTEXT_ID,
		.trusted = priv & VMCI_PRIVILEGE_FLAG_TRUSTED,
		.version = VMCI_VERSION_CURRENT,
	};
	struct vmci_pair_spec spec = { *io, peer, flags, consume_size, produce_size };
	struct host_qp *pair;
	int result;

	if (vmci_handle_is_invalid(spec.handle))
		spec.handle.context = VMCI_HOST_CONTEXT_ID;
	result = check_spec(&spec);
	if (result < 0)
		return result;
	mutex_lock(&broker_lock);
	pair = find_pair(spec.handle);
	result = pair && pair->client ? VMCI_ERROR_ALREADY_EXISTS : take_pair(&who, &spec, &pair);
	if (result >= 0) {
		qp->ops = &host_qp_ops;
		qp->provider = pair;
		qp->produce = &pair->consume;
		qp->consume = &pair->produce;
		pair->client = qp;
		*io = pair->resource.handle;
		tell_attach(pair);
	}
	mutex_unlock(&broker_lock);
	return result;
}

/* ---- A virtual machine asks ---- */

/* The pair that a virtual machine has, or NULL; broker_lock is held */
static struct host_qp *pair_of(const struct vmci_context *vm, struct vmci_handle handle)
{
	struct host_qp *pair = find_pair(handle);

	return pair && pair->vm == vm ? pair : NULL;
}

static u64 ring_pages(u64 produce_size, u64 consume_size)
{
	return data_pages(produce_size) + data_pages(consume_size);
}

/* Room for one more pair, before its pages are pinned; broker_lock is held */
static int reserve(struct vmci_context *vm, u64 pages)
{
	if (vm->pair_count >= VMCI_MAX_GUEST_QP_COUNT)
		return VMCI_ERROR_NO_MEM;
	if (pages > MAX_RING_PAGES - vm->ring_pages)
		return VMCI_ERROR_NO_RESOURCES;
	vm->pair_count++;
	vm->ring_pages += pages;
	return VMCI_SUCCESS;
}

static void unreserve(struct vmci_context *vm, u64 pages)
{
	vm->pair_count--;
	vm->ring_pages -= pages;
}

static struct applicant applicant_of(const struct vmci_context *vm)
{
	return (struct applicant) {
		.cid = vm->cid,
		.restricted = vm->priv & VMCI_PRIVILEGE_FLAG_RESTRICTED,
		.version = vm->version,
	};
}

/* Before pages are pinned: would it get the pair? */
static int apply(struct vmci_context *vm, const struct vmci_pair_spec *spec)
{
	struct applicant who = applicant_of(vm);
	struct host_qp *pair;
	int result;

	mutex_lock(&broker_lock);
	pair = find_pair(spec->handle);
	if (pair && pair->vm == vm)
		result = VMCI_ERROR_ALREADY_EXISTS;
	else
		result = judge(pair, &who, spec);
	if (result >= 0)
		result = reserve(vm, ring_pages(spec->produce_size, spec->consume_size));
	mutex_unlock(&broker_lock);
	return result;
}

/* After that: it gets the pair; @memory is taken over on success, if there is any */
static int join(struct vmci_context *vm, const struct vmci_pair_spec *spec,
		struct vmci_user_pages *memory)
{
	struct applicant who = applicant_of(vm);
	struct host_qp *pair;
	int result = take_pair(&who, spec, &pair);

	if (result < 0)
		return result;
	pair->vm = vm;
	list_move_tail(&pair->node, &vm->pairs);
	if (memory->pages)
		give_memory(pair, memory);
	tell_attach(pair);
	return VMCI_SUCCESS;
}

static u64 pages_of(u64 produce_size, u64 consume_size)
{
	return vmci_queue_pair_pages(produce_size, consume_size, PAGE_SHIFT);
}

/**
 * vmci_host_qp_vm_alloc() - a virtual machine creates a queue pair, or attaches to one
 * @vm: which
 * @spec: what it asks for, unchecked
 * @range: its pages, unchecked, in the order of vmci.md 5.9; NULL if they come later
 *
 * Return: VMCI_SUCCESS, or an error of vmci.md 5.7; nothing has changed then.
 */
int vmci_host_qp_vm_alloc(struct vmci_context *vm, const struct vmci_pair_spec *spec,
			  const struct vmci_user_range *range)
{
	struct vmci_user_pages memory = {};
	int result = check_spec(spec);

	if (result < 0)
		return result;
	if (range && range->count != pages_of(spec->produce_size, spec->consume_size))
		return VMCI_ERROR_INVALID_ARGS;
	result = apply(vm, spec);
	if (result < 0)
		return result;
	if (range)
		result = vmci_user_pages_pin(&memory, range, 1);
	mutex_lock(&broker_lock);
	if (result >= 0)
		result = join(vm, spec, &memory);
	if (result < 0)
		unreserve(vm, ring_pages(spec->produce_size, spec->consume_size));
	mutex_unlock(&broker_lock);
	vmci_user_pages_unpin(&memory);
	return result;
}

/* The sizes of a pair that may get memory; @judge says whether it may */
static int ask_sizes(struct vmci_context *vm, struct vmci_handle handle,
		     int (*judge)(const struct host_qp *pair), u64 *produce_size,
		     u64 *consume_size)
{
	struct host_qp *pair;
	int result = VMCI_ERROR_NOT_FOUND;

	mutex_lock(&broker_lock);
	pair = pair_of(vm, handle);
	if (pair) {
		result = judge(pair);
		*produce_size = pair->produce.size;
		*consume_size = pair->consume.size;
	}
	mutex_unlock(&broker_lock);
	return result;
}

/* @memory is taken over on success; meanwhile the pair may have gone, and another come */
static int put_memory(struct vmci_context *vm, struct vmci_handle handle,
		      int (*judge)(const struct host_qp *pair), struct vmci_user_pages *memory)
{
	struct host_qp *pair;
	int result = VMCI_ERROR_NOT_FOUND;

	mutex_lock(&broker_lock);
	pair = pair_of(vm, handle);
	if (pair)
		result = judge(pair);
	if (result >= 0 &&
	    memory->count != pages_of(pair->produce.size, pair->consume.size))
		result = VMCI_ERROR_NOT_FOUND;
	if (result >= 0) {
		give_memory(pair, memory);
		tell_attach(pair);
	}
	mutex_unlock(&broker_lock);
	return result;
}

/* An old monitor provides memory once, after the pair has been made */
static int may_set_store(const struct host_qp *pair)
{
	return pair->memory.pages || pair->shut ? VMCI_ERROR_UNAVAILABLE : VMCI_SUCCESS;
}

/**
 * vmci_host_qp_vm_set_store() - the pages of a pair that was made without
 * @vm: whose pair it is
 * @handle: of the pair
 * @addresses: of the pages of both queues
 *
 * Return: VMCI_SUCCESS, INVALID_ARGS, NOT_FOUND, UNAVAILABLE, NO_MEM or NO_RESOURCES.
 */
int vmci_host_qp_vm_set_store(struct vmci_context *vm, struct vmci_handle handle,
			      const u64 addresses[2])
{
	struct vmci_user_range ranges[2] = { { addresses[0] }, { addresses[1] } };
	struct vmci_user_pages memory = {};
	u64 sizes[2];
	int result;

	if (!addresses[0] || !addresses[1])
		return VMCI_ERROR_INVALID_ARGS;
	result = ask_sizes(vm, handle, may_set_store, &sizes[0], &sizes[1]);
	if (result < 0)
		return result;
	ranges[0].count = vmci_queue_pages(sizes[0], PAGE_SHIFT);
	ranges[1].count = vmci_queue_pages(sizes[1], PAGE_SHIFT);
	result = vmci_user_pages_pin(&memory, ranges, ARRAY_SIZE(ranges));
	if (result < 0)
		return result;
	result = put_memory(vm, handle, may_set_store, &memory);
	vmci_user_pages_unpin(&memory);
	return result;
}

/* With memory there is nothing to be done */
static int may_map(const struct host_qp *pair)
{
	return pair->memory.pages ? VMCI_ERROR_ALREADY_EXISTS : VMCI_SUCCESS;
}

/**
 * vmci_host_qp_vm_map() - the memory of a pair is there again, perhaps elsewhere
 * @vm: whose pair it is
 * @handle: of the pair
 * @address: of the pages
 *
 * Return: VMCI_SUCCESS, also if the pair has memory, and keeps it; NOT_FOUND, NO_MEM,
 * NO_RESOURCES.
 */
int vmci_host_qp_vm_map(struct vmci_context *vm, struct vmci_handle handle, u64 address)
{
	struct vmci_user_range range = { address };
	struct vmci_user_pages memory = {};
	u64 produce_size, consume_size;
	int result = ask_sizes(vm, handle, may_map, &produce_size, &consume_size);

	if (result >= 0) {
		range.count = pages_of(produce_size, consume_size);
		result = vmci_user_pages_pin(&memory, &range, 1);
	}
	if (result >= 0)
		result = put_memory(vm, handle, may_map, &memory);
	vmci_user_pages_unpin(&memory);
	return result == VMCI_ERROR_ALREADY_EXISTS ? VMCI_SUCCESS : result;
}

/**
 * vmci_host_qp_vm_unmap() - the memory of a pair goes away for a while
 * @vm: whose pair it is
 * @handle: of the pair
 *
 * When this returns nobody uses it.  A pair without memory is left as it is.
 * Return: VMCI_SUCCESS or NOT_FOUND.
 */
int vmci_host_qp_vm_unmap(struct vmci_context *vm, struct vmci_handle handle)
{
	struct vmci_user_pages memory = {};
	struct host_qp *pair;

	mutex_lock(&broker_lock);
	pair = pair_of(vm, handle);
	if (pair && pair->memory.pages) {
		down_write(&pair->lock);
		drop_memory(pair, &memory);
		pair->quiesced = true;
		up_write(&pair->lock);
	}
	mutex_unlock(&broker_lock);
	vmci_user_pages_unpin(&memory);
	return pair ? VMCI_SUCCESS : VMCI_ERROR_NOT_FOUND;
}

/* broker_lock is held; true when pair->detach has to be delivered after it, with a reference */
static bool vm_leaves(struct host_qp *pair, struct vmci_user_pages *memory)
{
	struct vmci_context *vm = pair->vm;

	unreserve(vm, ring_pages(pair->produce.size, pair->consume.size));
	lose_memory(pair, memory);
	pair->vm = NULL;
	if (!pair->client) {
		forget(pair);
		return false;
	}
	list_move_tail(&pair->node, &clients_only);
	pair->shut = true;
	return vmci_announce_detach(&pair->detach, &pair->resource, VMCI_HOST_CONTEXT_ID, vm->cid);
}

/**
 * vmci_host_qp_vm_detach() - a virtual machine leaves a pair
 * @vm: whose pair it is
 * @handle: of the pair
 *
 * When this returns nobody uses its memory.
 * Return: VMCI_SUCCESS or NOT_FOUND.
 */
int vmci_host_qp_vm_detach(struct vmci_context *vm, struct vmci_handle handle)
{
	struct vmci_user_pages memory = {};
	struct host_qp *pair;
	bool direct = false;

	mutex_lock(&broker_lock);
	pair = pair_of(vm, handle);
	if (pair)
		direct = vm_leaves(pair, &memory);
	mutex_unlock(&broker_lock);
	vmci_user_pages_unpin(&memory);
	if (direct)
		vmci_deliver_directly(&pair->detach.delivery);
	return pair ? VMCI_SUCCESS : VMCI_ERROR_NOT_FOUND;
}

static bool first_handle(struct vmci_context *vm, struct vmci_handle *out)
{
	struct host_qp *pair;

	mutex_lock(&broker_lock);
	pair = list_first_entry_or_null(&vm->pairs, struct host_qp, node);
	if (pair)
		*out = pair->resource.handle;
	mutex_unlock(&broker_lock);
	return pair;
}

/* A pair made for this virtual machine, which has not come; broker_lock is held */
static struct host_qp *find_expectant(const struct vmci_context *vm)
{
	struct host_qp *pair;

	list_for_each_entry(pair, &clients_only, node)
		if (pair->client && !pair->shut && pair->attacher == VMCI_INVALID_ID &&
		    pair->peer == vm->cid)
			return pair;
	return NULL;
}

/* Its client learns that nobody will come; false when there is none */
static bool disappoint(struct vmci_context *vm)
{
	struct host_qp *pair;
	bool direct = false;

	mutex_lock(&broker_lock);
	pair = find_expectant(vm);
	if (pair) {
		pair->shut = true;
		direct = vmci_announce_detach(&pair->detach, &pair->resource,
					      VMCI_HOST_CONTEXT_ID, vm->cid);
	}
	mutex_unlock(&broker_lock);
	if (direct)
		vmci_deliver_directly(&pair->detach.delivery);
	return pair;
}

/* A virtual machine that is gone leaves all its pairs; it makes none meanwhile */
void vmci_host_qp_vm_leave_all(struct vmci_context *vm)
{
	struct vmci_handle handle;

	while (first_handle(vm, &handle))
		vmci_host_qp_vm_detach(vm, handle);
	while (disappoint(vm))
		;
}

/* ---- An administrator looks ---- */

static const char *state_of(const struct host_qp *pair)
{
	bool memory = pair->memory.pages;

	if (pair->shut)
		return memory ? "SHUTDOWN_MEM" : "SHUTDOWN_NO_MEM";
	if (pair->attacher == VMCI_INVALID_ID)
		return memory ? "CREATED_MEM" : "CREATED_NO_MEM";
	return memory ? "ATTACHED_MEM" : "ATTACHED_NO_MEM";
}

static void show_pairs(struct list_head *pairs,
		       void (*show)(const struct vmci_pair_info *info, void *data), void *data)
{
	struct host_qp *pair;

	list_for_each_entry(pair, pairs, node) {
		struct vmci_pair_info info = {
			.spec = {
				pair->resource.handle, pair->peer, pair->flags,
				pair->produce.size, pair->consume.size,
			},
			.creator = pair->creator,
			.attacher = pair->attacher,
			.state = state_of(pair),
			.pages = pair->memory.count,
		};

		show(&info, data);
	}
}

struct showing {
	void (*show)(const struct vmci_pair_info *info, void *data);
	void *data;
};

static void show_pairs_of(struct vmci_context *vm, void *data)
{
	struct showing *showing = data;

	show_pairs(&vm->pairs, showing->show, showing->data);
}

/**
 * vmci_host_qp_for_each() - look at all queue pairs
 * @show: called for each, must not wait
 * @data: for @show
 */
void vmci_host_qp_for_each(void (*show)(const struct vmci_pair_info *info, void *data),
			   void *data)
{
	struct showing showing = { show, data };

	mutex_lock(&broker_lock);
	show_pairs(&clients_only, show, data);
	vmci_context_for_each(show_pairs_of, &showing);
	mutex_unlock(&broker_lock);
}
