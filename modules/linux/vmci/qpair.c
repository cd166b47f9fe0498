// SPDX-License-Identifier: GPL-2.0-only
/*
 * qpair.c - queue pairs as clients see them, whoever provides the memory
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Theory of operation
 *
 * Each endpoint keeps its own indexes to itself and publishes them with a release store
 * after the bytes have been moved.  The peer's indexes are loaded once per call, with
 * acquire semantics, checked by common/ring against the size of the ring, and nothing but
 * the checked copy is used (vmci.md 5.3, 12.2 S1).  There is no lock: the client has one
 * writer and one reader at a time, and asks for indexes and space whenever it likes.
 *
 * A transfer is a copy between an iterator and at most two runs of pages.  If it faults,
 * the iterator goes back to where it was and no index moves.
 *
 * The memory of a queue pair with a virtual machine is that machine's monitor's, who may take it
 * back at any time and waits then until nobody is inside enter() and leave().  So a client in
 * there waits for nothing: its own memory is brought in before, and if it has gone again, the
 * transfer is tried once more.
 */
#include <linux/align.h>
#include <linux/export.h>
#include <linux/highmem.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/uio.h>

#include <common/ring.h>
#include <vmci/errors.h>

#include "local_qp.h"
#include "personality.h"
#include "qpair.h"
#include "vmci_api.h"

#define API_FLAGS (VMCI_QPFLAG_ATTACH_ONLY | VMCI_QPFLAG_LOCAL)

/* How often memory of the caller may vanish between being brought in and being used */
#define TRANSFER_ATTEMPTS 16

/* The peer's indexes; smp_load_acquire() makes them the only copy */
static u64 peer_head(const struct vmci_qp *qp)
{
	return smp_load_acquire(&qp->consume->header->consumer_head);
}

static u64 peer_tail(const struct vmci_qp *qp)
{
	return smp_load_acquire(&qp->consume->header->producer_tail);
}

static u64 own_tail(const struct vmci_qp *qp)
{
	return READ_ONCE(qp->tail);
}

static u64 own_head(const struct vmci_qp *qp)
{
	return READ_ONCE(qp->head);
}

static void produced(struct vmci_qp *qp, u64 count)
{
	u64 tail = vmci_ring_advance(qp->tail, count, qp->produce->size);

	WRITE_ONCE(qp->tail, tail);
	smp_store_release(&qp->produce->header->producer_tail, tail);
}

static void consumed(struct vmci_qp *qp, u64 count)
{
	u64 head = vmci_ring_advance(qp->head, count, qp->consume->size);

	WRITE_ONCE(qp->head, head);
	smp_store_release(&qp->produce->header->consumer_head, head);
}

static s64 free_space(const struct vmci_qp *qp)
{
	return vmci_ring_free(own_tail(qp), peer_head(qp), qp->produce->size);
}

static s64 buf_ready(const struct vmci_qp *qp)
{
	return vmci_ring_ready(peer_tail(qp), own_head(qp), qp->consume->size);
}

static int enter(const struct vmci_qp *qp, enum vmci_qp_use use)
{
	return qp->ops->enter ? qp->ops->enter(qp, use) : VMCI_SUCCESS;
}

static void leave(const struct vmci_qp *qp)
{
	if (qp->ops->leave)
		qp->ops->leave(qp);
}

/* An expression about the indexes of @qp, 0 when its memory is gone */
#define looked(qp, expression) ({					\
	s64 looked_ = 0;						\
	if (enter(qp, VMCI_QP_LOOK) >= 0) {				\
		looked_ = (expression);					\
		leave(qp);						\
	}								\
	looked_; })

s64 vmsock_vmci_qpair_produce_free_space(const struct vmci_qp *qp)
{
	return looked(qp, free_space(qp));
}
EXPORT_SYMBOL_GPL(vmsock_vmci_qpair_produce_free_space);

s64 vmsock_vmci_qpair_produce_buf_ready(const struct vmci_qp *qp)
{
	return looked(qp, vmci_ring_ready(own_tail(qp), peer_head(qp), qp->produce->size));
}
EXPORT_SYMBOL_GPL(vmsock_vmci_qpair_produce_buf_ready);

s64 vmsock_vmci_qpair_consume_free_space(const struct vmci_qp *qp)
{
	return looked(qp, vmci_ring_free(peer_tail(qp), own_head(qp), qp->consume->size));
}
EXPORT_SYMBOL_GPL(vmsock_vmci_qpair_consume_free_space);

s64 vmsock_vmci_qpair_consume_buf_ready(const struct vmci_qp *qp)
{
	return looked(qp, buf_ready(qp));
}
EXPORT_SYMBOL_GPL(vmsock_vmci_qpair_consume_buf_ready);

static int get_indexes(u64 tail, u64 head, u64 size, u64 *tail_out, u64 *head_out)
{
	if (vmci_ring_ready(tail, head, size) < 0)
		return VMCI_ERROR_INVALID_SIZE;
	if (tail_out)
		*tail_out = tail;
	if (head_out)
		*head_out = head;
	return VMCI_SUCCESS;
}

int vmsock_vmci_qpair_get_produce_indexes(const struct vmci_qp *qp, u64 *tail, u64 *head)
{
	int result = enter(qp, VMCI_QP_LOOK);

	if (result < 0)
		return result;
	result = get_indexes(own_tail(qp), peer_head(qp), qp->produce->size, tail, head);
	leave(qp);
	return result;
}
EXPORT_SYMBOL_GPL(vmsock_vmci_qpair_get_produce_indexes);

int vmsock_vmci_qpair_get_consume_indexes(const struct vmci_qp *qp, u64 *tail, u64 *head)
{
	int result = enter(qp, VMCI_QP_LOOK);

	if (result < 0)
		return result;
	result = get_indexes(peer_tail(qp), own_head(qp), qp->consume->size, tail, head);
	leave(qp);
	return result;
}
EXPORT_SYMBOL_GPL(vmsock_vmci_qpair_get_consume_indexes);

typedef size_t (*copy_page_fn)(struct page *page, size_t offset, size_t bytes,
			       struct iov_iter *iter);

/* A copy, whatever the iterator: a pipe of before 6.5 would keep the ring's own page */
static size_t copy_page_out(struct page *page, size_t offset, size_t bytes, struct iov_iter *iter)
{
	void *from = kmap_local_page(page);
	size_t copied = copy_to_iter(from + offset, bytes, iter);

	kunmap_local(from);
	return copied;
}

/* Copies a run of bytes that does not wrap; returns how many could be copied */
static u64 copy_run(const struct vmci_queue *queue, u64 offset, u64 count, struct iov_iter *iter,
		    copy_page_fn copy_page)
{
	u64 done = 0;

	while (done < count) {
		u64 at = offset + done;
		size_t in_page = offset_in_page(at);
		size_t part = min_t(u64, count - done, PAGE_SIZE - in_page);
		size_t copied = copy_page(queue->pages[at >> PAGE_SHIFT], in_page, part, iter);

		done += copied;
		if (copied < part)
			break;
	}
	return done;
}

/* All of @count or nothing */
static int copy_ring(const struct vmci_queue *queue, u64 index, u64 count, struct iov_iter *iter,
		     copy_page_fn copy_page)
{
	struct vmci_ring_span span = vmci_ring_cut(index, count, queue->size);
	u64 done = copy_run(queue, span.offset, span.first, iter, copy_page);

	if (done == span.first)
		done += copy_run(queue, 0, span.second, iter, copy_page);
	if (done == count)
		return VMCI_SUCCESS;
	iov_iter_revert(iter, done);
	return VMCI_ERROR_INVALID_ARGS;
}

/* How much of a write there is memory for */
static u64 reserve(struct vmci_qp *qp, u64 count, gfp_t gfp)
{
	struct vmci_ring_span span = vmci_ring_cut(qp->tail, count, qp->produce->size);
	u64 done;

	if (!qp->ops->reserve)
		return count;
	done = qp->ops->reserve(qp, span.offset, span.first, gfp);
	if (done == span.first && span.second)
		done += qp->ops->reserve(qp, 0, span.second, gfp);
	return done;
}

static ssize_t produce_some(struct vmci_qp *qp, struct iov_iter *iter, size_t size, gfp_t gfp)
{
	s64 space = free_space(qp);
	u64 count, wanted;
	int result;

	if (space < 0)
		return space;
	if (!space)
		return VMCI_ERROR_QUEUEPAIR_NOSPACE;
	wanted = min3((u64)space, (u64)size, (u64)iov_iter_count(iter));
	if (!wanted)
		return 0;
	count = reserve(qp, wanted, gfp);
	if (!count)
		return VMCI_ERROR_NO_MEM;
	result = copy_ring(qp->produce, qp->tail, count, iter, copy_page_from_iter);
	if (result < 0)
		return result;
	produced(qp, count);
	return count;
}

static ssize_t peek_some(struct vmci_qp *qp, struct iov_iter *iter, size_t size, gfp_t gfp)
{
	s64 ready = buf_ready(qp);
	u64 count;
	int result;

	if (ready < 0)
		return ready;
	if (!ready)
		return VMCI_ERROR_QUEUEPAIR_NODATA;
	count = min3((u64)ready, (u64)size, (u64)iov_iter_count(iter));
	result = copy_ring(qp->consume, qp->head, count, iter, copy_page_out);
	return result < 0 ? result : (ssize_t)count;
}

static ssize_t consume_some(struct vmci_qp *qp, struct iov_iter *iter, size_t size, gfp_t gfp)
{
	ssize_t count = peek_some(qp, iter, size, gfp);

	if (count > 0)
		consumed(qp, count);
	return count;
}

typedef ssize_t (*transfer_fn)(struct vmci_qp *qp, struct iov_iter *iter, size_t size, gfp_t gfp);

/* Memory of this process that the copy needs, all of it; false if it has none there */
static bool bring_in(const struct iov_iter *iter, size_t size)
{
	size = min(size, iov_iter_count(iter));
	if (iov_iter_rw(iter) == WRITE)
		return !fault_in_iov_iter_readable(iter, size);
	return !fault_in_iov_iter_writeable(iter, size);
}

static ssize_t transfer_inside(struct vmci_qp *qp, enum vmci_qp_use use, struct iov_iter *iter,
			       size_t size, gfp_t gfp, transfer_fn some)
{
	ssize_t result = enter(qp, use);

	if (result < 0)
		return result;
	pagefault_disable();
	result = some(qp, iter, size, gfp);
	pagefault_enable();
	leave(qp);
	return result;
}

/* Part of a page is little enough to be still there when it is wanted */
static ssize_t transfer(struct vmci_qp *qp, enum vmci_qp_use use, struct iov_iter *iter,
			size_t size, gfp_t gfp, transfer_fn some)
{
	ssize_t result;
	int attempt;

	if (!qp->ops->enter)
		return some(qp, iter, size, gfp);
	for (attempt = 0; attempt < TRANSFER_ATTEMPTS; attempt++) {
		result = transfer_inside(qp, use, iter, size, gfp, some);
		if (result != VMCI_ERROR_INVALID_ARGS || !user_backed_iter(iter) ||
		    !bring_in(iter, size))
			break;
		if (attempt)
			size = min_t(size_t, size, PAGE_SIZE);
	}
	return result;
}

static ssize_t produce(struct vmci_qp *qp, struct iov_iter *iter, size_t size, gfp_t gfp)
{
	return transfer(qp, VMCI_QP_PRODUCE, iter, size, gfp, produce_some);
}

static ssize_t consume(struct vmci_qp *qp, struct iov_iter *iter, size_t size)
{
	return transfer(qp, VMCI_QP_CONSUME, iter, size, 0, consume_some);
}

static ssize_t peek(struct vmci_qp *qp, struct iov_iter *iter, size_t size)
{
	return transfer(qp, VMCI_QP_CONSUME, iter, size, 0, peek_some);
}

ssize_t vmsock_vmci_qpair_enquev(struct vmci_qp *qp, struct msghdr *msg, size_t size)
{
	return produce(qp, &msg->msg_iter, size, GFP_KERNEL_ACCOUNT);
}
EXPORT_SYMBOL_GPL(vmsock_vmci_qpair_enquev);

ssize_t vmsock_vmci_qpair_dequev(struct vmci_qp *qp, struct msghdr *msg, size_t size)
{
	return consume(qp, &msg->msg_iter, size);
}
EXPORT_SYMBOL_GPL(vmsock_vmci_qpair_dequev);

ssize_t vmsock_vmci_qpair_peekv(struct vmci_qp *qp, struct msghdr *msg, size_t size)
{
	return peek(qp, &msg->msg_iter, size);
}
EXPORT_SYMBOL_GPL(vmsock_vmci_qpair_peekv);

ssize_t vmsock_vmci_qpair_enqueue(struct vmci_qp *qp, const void *buf, size_t size)
{
	struct kvec vec = { (void *)buf, size };
	struct iov_iter iter;

	iov_iter_kvec(&iter, ITER_SOURCE, &vec, 1, size);
	return produce(qp, &iter, size, GFP_ATOMIC);
}
EXPORT_SYMBOL_GPL(vmsock_vmci_qpair_enqueue);

ssize_t vmsock_vmci_qpair_dequeue(struct vmci_qp *qp, void *buf, size_t size)
{
	struct kvec vec = { buf, size };
	struct iov_iter iter;

	iov_iter_kvec(&iter, ITER_DEST, &vec, 1, size);
	return consume(qp, &iter, size);
}
EXPORT_SYMBOL_GPL(vmsock_vmci_qpair_dequeue);

ssize_t vmsock_vmci_qpair_peek(struct vmci_qp *qp, void *buf, size_t size)
{
	struct kvec vec = { buf, size };
	struct iov_iter iter;

	iov_iter_kvec(&iter, ITER_DEST, &vec, 1, size);
	return peek(qp, &iter, size);
}
EXPORT_SYMBOL_GPL(vmsock_vmci_qpair_peek);

/* Both ends here, or one of them where the personality for @peer says */
static int provide(struct vmci_qp *qp, struct vmci_handle *io, u64 produce_size,
		   u64 consume_size, u32 peer, u32 flags, u32 priv)
{
	const struct vmci_personality *personality;

	if (flags & VMCI_QPFLAG_LOCAL)
		return vmci_local_qp_alloc(qp, io, produce_size, consume_size, peer, flags);
	personality = vmci_personality_for_peer(peer);
	if (!personality || !personality->qpair_alloc)
		return VMCI_ERROR_DEVICE_NOT_FOUND;
	return personality->qpair_alloc(qp, io, produce_size, consume_size, peer, flags, priv);
}

int vmsock_vmci_qpair_alloc(struct vmci_qp **qp, struct vmci_handle *io, u64 produce_size,
			    u64 consume_size, u32 peer, u32 flags, u32 priv)
{
	struct vmci_handle handle;
	struct vmci_qp *created;
	int result;

	if (!qp || !io || (flags & ~API_FLAGS) || (priv & ~VMCI_PRIVILEGE_ALL_FLAGS))
		return VMCI_ERROR_INVALID_ARGS;
	result = vmci_queue_pair_check(produce_size, consume_size);
	if (result < 0)
		return result;

	created = kzalloc(sizeof(*created), GFP_KERNEL_ACCOUNT);
	if (!created)
		return VMCI_ERROR_NO_MEM;
	handle = *io;
	result = provide(created, &handle, produce_size, consume_size, peer, flags, priv);
	if (result < 0) {
		kfree(created);
		return result;
	}
	*io = handle;
	*qp = created;
	return VMCI_SUCCESS;
}
EXPORT_SYMBOL_GPL(vmsock_vmci_qpair_alloc);

int vmsock_vmci_qpair_detach(struct vmci_qp **qp)
{
	int result;

	if (!qp || !*qp)
		return VMCI_ERROR_INVALID_ARGS;
	result = (*qp)->ops->detach(*qp);
	kfree(*qp);
	*qp = NULL;
	return result;
}
EXPORT_SYMBOL_GPL(vmsock_vmci_qpair_detach);
