// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * queue_pair.c - a queue pair in the guest's memory, as the host end sees it
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vmci.md 5.1 to 5.3.  No pointer into the guest's memory is kept: each call looks up the pages
 * it needs, so what was mapped elsewhere meanwhile is found there, and what is gone is not touched
 * (vfio-user.md 6.6).  The guest's two indexes are read once a call; the own ones are never
 * read back, for the guest can write them, too.
 */
#include <stdlib.h>
#include <string.h>

#include "common/ring.h"
#include "memory.h"
#include "queue_pair.h"

/* Pages lie whole in a mapping only as long as they are no larger than this */
#define GRANULE 4096u

/* Where in its header page an index is: this queue's tail, the other queue's head */
#define TAIL	offsetof(struct vmci_queue_header, producer_tail)
#define HEAD	offsetof(struct vmci_queue_header, consumer_head)

/* Index in the list of pages: the guest's header, or ours */
static __u64 guest_header(const struct pair *pair)
{
	(void)pair;
	return 0;
}

static __u64 own_header(const struct pair *pair)
{
	return vmci_queue_pages(pair->in_size, pair->page_shift);
}

static __u64 page_address(const struct pair *pair, __u64 page)
{
	return pair->ppns[page] << pair->page_shift;
}

/* One read of one index; false when the page is gone */
static bool index_read(const struct pair *pair, __u64 page, size_t field, __u64 *index)
{
	const __u64 *at = memory_at(pair->memory, page_address(pair, page) + field, sizeof(*at),
				    MEMORY_READ);

	if (!at)
		return false;
	*index = __atomic_load_n(at, __ATOMIC_ACQUIRE);
	return true;
}

static void index_write(const struct pair *pair, size_t field, __u64 index)
{
	__u64 *at = memory_at(pair->memory, page_address(pair, own_header(pair)) + field,
			      sizeof(*at), MEMORY_WRITE);

	/* Gone: the next call that reads says so */
	if (at)
		__atomic_store_n(at, index, __ATOMIC_RELEASE);
}

/*
 * Creation
 */

static int compare(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

/* The same page at two places would let one ring write into the other */
static bool distinct(const __u64 *ppns, __u64 count, __u64 *scratch)
{
	memcpy(scratch, ppns, count * sizeof(*ppns));
	qsort(scratch, count, sizeof(*scratch), compare);
	for (__u64 i = 1; i < count; i++)
		if (scratch[i] == scratch[i - 1])
			return false;
	return true;
}

static bool is_memory(const struct pair *pair, __u64 page)
{
	__u64 size = (__u64)1 << pair->page_shift;

	if (pair->ppns[page] > UINT64_MAX >> pair->page_shift)
		return false;
	for (__u64 offset = 0; offset < size; offset += GRANULE)
		if (!memory_at(pair->memory, page_address(pair, page) + offset, GRANULE,
			       MEMORY_READ | MEMORY_WRITE))
			return false;
	return true;
}

static bool all_memory(const struct pair *pair)
{
	for (__u64 i = 0; i < pair->ppn_count; i++)
		if (!is_memory(pair, i))
			return false;
	return true;
}

/* Both ends rely on it whoever creates the pair (vmci.md 4.12) */
static void write_headers(const struct pair *pair)
{
	const struct vmci_queue_header header = { .handle = pair->handle };

	memory_write(pair->memory, page_address(pair, guest_header(pair)), &header, sizeof(header));
	memory_write(pair->memory, page_address(pair, own_header(pair)), &header, sizeof(header));
}

static struct pair *pair_of(struct memory *memory, unsigned int page_shift,
			    const struct vmci_qp_alloc_msg *message)
{
	struct pair *pair = calloc(1, sizeof(*pair));

	if (!pair)
		return NULL;
	pair->handle = message->handle;
	pair->peer = message->peer;
	pair->flags = message->flags;
	pair->in_size = message->produce_size;
	pair->out_size = message->consume_size;
	pair->memory = memory;
	pair->page_shift = page_shift;
	pair->ppn_count = message->ppn_count;
	return pair;
}

struct pair *pair_new(struct memory *memory, unsigned int page_shift,
		      const struct vmci_qp_alloc_msg *message, const __u64 *ppns, __s32 *result)
{
	struct pair *pair = pair_of(memory, page_shift, message);
	__u64 *scratch;

	*result = VMCI_ERROR_NO_MEM;
	if (!pair)
		return NULL;
	pair->ppns = calloc(pair->ppn_count, sizeof(*ppns));
	scratch = calloc(pair->ppn_count, sizeof(*ppns));
	if (!pair->ppns || !scratch)
		goto fail;
	*result = VMCI_ERROR_INVALID_ARGS;
	memcpy(pair->ppns, ppns, pair->ppn_count * sizeof(*ppns));
	if (!distinct(pair->ppns, pair->ppn_count, scratch) || !all_memory(pair))
		goto fail;
	free(scratch);
	write_headers(pair);
	*result = VMCI_SUCCESS;
	return pair;
fail:
	free(scratch);
	pair_free(pair);
	return NULL;
}

void pair_free(struct pair *pair)
{
	if (!pair)
		return;
	free(pair->ppns);
	free(pair);
}

struct view_pages pair_pages(const struct pair *pair)
{
	return (struct view_pages){
		.memory = pair->memory,
		.numbers = pair->ppns,
		.count = pair->ppn_count,
		.shift = pair->page_shift,
	};
}

/*
 * Spans of a ring as pieces of this process's memory
 */

struct pieces {
	struct iovec *at;
	int count;
	size_t bytes;
};

/* False when there is no room for one more piece */
static bool piece_add(struct pieces *pieces, void *address, size_t length)
{
	struct iovec *last = pieces->count ? &pieces->at[pieces->count - 1] : NULL;

	if (last && (char *)last->iov_base + last->iov_len == address) {
		last->iov_len += length;
	} else if (pieces->count < PAIR_PIECES) {
		pieces->at[pieces->count++] = (struct iovec){ address, length };
	} else {
		return false;
	}
	pieces->bytes += length;
	return true;
}

/* From @offset of the ring whose first data page is @page; stops early when pieces run out */
static __s32 span_add(const struct pair *pair, __u64 page, __u64 offset, __u64 length,
		      unsigned int flags, struct pieces *pieces)
{
	__u64 mask = ((__u64)1 << pair->page_shift) - 1;

	while (length) {
		__u64 address = page_address(pair, page + (offset >> pair->page_shift)) +
				(offset & mask);
		__u64 left = GRANULE - address % GRANULE;
		size_t step = left < length ? left : length;
		void *at = memory_at(pair->memory, address, step, flags);

		if (!at)
			return VMCI_ERROR_QUEUEPAIR_NOTATTACHED;
		if (!piece_add(pieces, at, step))
			break;
		offset += step;
		length -= step;
	}
	return VMCI_SUCCESS;
}

static ssize_t ring_pieces(const struct pair *pair, __u64 page, __u64 size, __u64 index,
			   __s64 length, unsigned int flags, struct iovec *at, int *count)
{
	struct pieces pieces = { .at = at };
	struct vmci_ring_span span;
	__s32 result;

	*count = 0;
	if (length <= 0)
		return length;
	span = vmci_ring_cut(index, (__u64)length, size);
	result = span_add(pair, page, span.offset, span.first, flags, &pieces);
	if (result == VMCI_SUCCESS && pieces.bytes == span.first)
		result = span_add(pair, page, 0, span.second, flags, &pieces);
	if (result < 0)
		return result;
	*count = pieces.count;
	return (ssize_t)pieces.bytes;
}

/*
 * What the guest produces
 */

__s64 pair_in_ready(struct pair *pair)
{
	__u64 tail;

	if (!index_read(pair, guest_header(pair), TAIL, &tail))
		return VMCI_ERROR_QUEUEPAIR_NOTATTACHED;
	return vmci_ring_ready(tail, pair->in_head, pair->in_size);
}

ssize_t pair_readable(struct pair *pair, struct iovec *pieces, int *count)
{
	return ring_pieces(pair, guest_header(pair) + 1, pair->in_size, pair->in_head,
			   pair_in_ready(pair), MEMORY_READ, pieces, count);
}

void pair_consume(struct pair *pair, size_t bytes)
{
	pair->in_head = vmci_ring_advance(pair->in_head, bytes, pair->in_size);
	index_write(pair, HEAD, pair->in_head);
}

/*
 * What it consumes
 */

__s64 pair_out_free(struct pair *pair)
{
	__u64 head;

	if (!index_read(pair, guest_header(pair), HEAD, &head))
		return VMCI_ERROR_QUEUEPAIR_NOTATTACHED;
	return vmci_ring_free(pair->out_tail, head, pair->out_size);
}

ssize_t pair_writable(struct pair *pair, struct iovec *pieces, int *count)
{
	return ring_pieces(pair, own_header(pair) + 1, pair->out_size, pair->out_tail,
			   pair_out_free(pair), MEMORY_WRITE, pieces, count);
}

void pair_produce(struct pair *pair, size_t bytes)
{
	pair->out_tail = vmci_ring_advance(pair->out_tail, bytes, pair->out_size);
	index_write(pair, TAIL, pair->out_tail);
}
