// SPDX-License-Identifier: GPL-2.0-or-later
/* ring.c - fuzz target: ring arithmetic on hostile indexes (vmci.md 5.1 to 5.5)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Laws on any numbers, then a ring and a counter that must agree, with indexes that a
 * peer overwrites now and then.
 */
#include <common/ring.h>

#include "fuzz.h"

typedef unsigned __int128 u128;

#define SANE_SIZE	((uint64_t)1 << 62)

static void laws_of_indexes(uint64_t tail, uint64_t head, uint64_t size)
{
	int64_t space = vmci_ring_free(tail, head, size);
	int64_t ready = vmci_ring_ready(tail, head, size);

	if (tail >= size || head >= size) {
		require(space == VMCI_ERROR_INVALID_SIZE);
		require(ready == VMCI_ERROR_INVALID_SIZE);
		return;
	}
	if (size > SANE_SIZE)
		return;
	require(space >= 0 && ready >= 0);
	require((uint64_t)space + (uint64_t)ready == size - 1);
	require((ready == 0) == (tail == head));
	require(((u128)head + (uint64_t)ready) % size == tail);
}

static void laws_of_transfers(uint64_t index, uint64_t count, uint64_t size)
{
	struct vmci_ring_span span;
	uint64_t next;

	if (index >= size || count > size)
		return;
	next = vmci_ring_advance(index, count, size);
	require(next < size);
	require(next == (uint64_t)(((u128)index + count) % size));
	span = vmci_ring_cut(index, count, size);
	require(span.offset == index);
	require((u128)span.first + span.second == count);
	require(span.first <= size - index);
	require(span.second <= index);
	require(!span.second || span.first == size - index);
}

static void laws_of_sizes(uint64_t produce, uint64_t consume, unsigned int shift)
{
	u128 page = (u128)1 << shift, sum = (u128)produce + consume;
	int32_t allowed = vmci_queue_pair_check(produce, consume);

	require(vmci_queue_pages(produce, shift) == (uint64_t)(1 + (produce + page - 1) / page));
	require(vmci_queue_pair_pages(produce, consume, shift) ==
		(uint64_t)(vmci_queue_pages(produce, shift) + vmci_queue_pages(consume, shift)));
	if (!sum)
		require(allowed == VMCI_ERROR_INVALID_ARGS);
	else
		require((allowed == VMCI_SUCCESS) == (sum <= VMCI_MAX_GUEST_QP_MEMORY));
	require(allowed == VMCI_SUCCESS || allowed < 0);
}

/* Bytes go in and out; only how many there are is counted beside the ring */
static void use_ring(struct input *in, uint64_t size)
{
	uint64_t tail = 0, head = 0, held = 0;

	while (in->left) {
		uint64_t what = take(in, 1), count = take_size(in);
		int64_t space = vmci_ring_free(tail, head, size);
		int64_t ready = vmci_ring_ready(tail, head, size);

		if (what == 0xff)	/* the peer writes what it likes */
			laws_of_indexes(take(in, 8), head, size);
		require(ready == (int64_t)held && space == (int64_t)(size - 1 - held));
		if (what & 1) {
			count = count < (uint64_t)space ? count : (uint64_t)space;
			laws_of_transfers(tail, count, size);
			tail = vmci_ring_advance(tail, count, size);
			held += count;
		} else {
			count = count < held ? count : held;
			laws_of_transfers(head, count, size);
			head = vmci_ring_advance(head, count, size);
			held -= count;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
	struct input in = { data, length };
	uint64_t size = take_size(&in), tail = take_size(&in), head = take_size(&in);
	uint64_t count = take_size(&in);

	laws_of_indexes(tail, head, size);
	laws_of_transfers(tail, count, size);
	laws_of_transfers(head, count, size);
	laws_of_sizes(tail, head, 12 + (unsigned int)(count % 5));
	if (size && size <= SANE_SIZE)
		use_ring(&in, size);
	return 0;
}
