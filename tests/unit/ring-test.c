// SPDX-License-Identifier: GPL-2.0-or-later
/* ring-test.c - queue-pair arithmetic against vmci.md 5.1, 5.2, 5.5 and 14.7
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <common/ring.h>

#include "tap.h"

static const struct {
	uint64_t size, tail, head;
	int64_t free, ready;
} counts[] = {
	/* vmci.md 14.7 */
	{ 4096, 0, 0, 4095, 0 },
	{ 4096, 10, 0, 4085, 10 },
	{ 4096, 4095, 0, 0, 4095 },
	{ 4096, 0, 1, 0, 4095 },
	{ 4096, 100, 4000, 3899, 196 },
	{ 4096, 5, 4095, 4089, 6 },
	{ 4096, 4096, 0, VMCI_ERROR_INVALID_SIZE, VMCI_ERROR_INVALID_SIZE },
	{ 10, 9, 5, 5, 4 },
	{ 1, 0, 0, 0, 0 },
	/* what a hostile peer may write (vmci.md 12.2 S1) */
	{ 4096, 0, 4096, VMCI_ERROR_INVALID_SIZE, VMCI_ERROR_INVALID_SIZE },
	{ 4096, UINT64_MAX, 0, VMCI_ERROR_INVALID_SIZE, VMCI_ERROR_INVALID_SIZE },
	{ 4096, 0, UINT64_MAX, VMCI_ERROR_INVALID_SIZE, VMCI_ERROR_INVALID_SIZE },
	{ 4096, UINT64_MAX, UINT64_MAX, VMCI_ERROR_INVALID_SIZE, VMCI_ERROR_INVALID_SIZE },
	{ 4096, UINT64_C(1) << 32, 0, VMCI_ERROR_INVALID_SIZE, VMCI_ERROR_INVALID_SIZE },
	{ 0, 0, 0, VMCI_ERROR_INVALID_SIZE, VMCI_ERROR_INVALID_SIZE },
	/* vsock.md 1.7, capacity of the default size; the largest queue there is */
	{ 262144, 0, 0, 262143, 0 },
	{ 134217728, 134217727, 0, 0, 134217727 },
};

static void test_counts(void)
{
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		uint64_t size = counts[i].size, tail = counts[i].tail, head = counts[i].head;

		is_s64(vmci_ring_free(tail, head, size), counts[i].free,
		       "vmci.md 14.7: free, size %" PRIu64 " tail %" PRIu64 " head %" PRIu64, size,
		       tail, head);
		is_s64(vmci_ring_ready(tail, head, size), counts[i].ready,
		       "vmci.md 14.7: ready, size %" PRIu64 " tail %" PRIu64 " head %" PRIu64,
		       size, tail, head);
	}
}

static const struct {
	uint64_t size, index, count, result;
} advances[] = {
	/* vmci.md 14.7 */
	{ 4096, 4090, 6, 0 },
	{ 4096, 4090, 10, 4 },
	{ 4096, 0, 4095, 4095 },
	{ 10, 9, 1, 0 },
	{ 10, 3, 9, 2 },
	/* limits */
	{ 1, 0, 0, 0 },
	{ 10, 9, 0, 9 },
	{ 10, 3, 10, 3 },
	{ UINT64_MAX, UINT64_MAX - 1, UINT64_MAX - 1, UINT64_MAX - 2 },
};

static void test_advances(void)
{
	for (size_t i = 0; i < sizeof(advances) / sizeof(advances[0]); i++)
		is_u64(vmci_ring_advance(advances[i].index, advances[i].count, advances[i].size),
		       advances[i].result,
		       "vmci.md 14.7: advance %" PRIu64 " by %" PRIu64 " in %" PRIu64,
		       advances[i].index, advances[i].count, advances[i].size);
}

static const struct {
	unsigned int page_shift;
	uint64_t produce, consume, pages;
	uint64_t message32, message64;
} layouts[] = {
	/* vmci.md 14.7 */
	{ 12, 8192, 4096, 5, 84, 104 },
	{ 12, 1, 0, 3, 76, 88 },
	{ 12, 4097, 65536, 20, 144, 224 },
	{ 16, 65536, 131072, 5, 84, 104 },
	{ 12, 67108864, 67108864, 32770, 131144, 262224 },
	/* vsock.md 13: default size, both directions */
	{ 12, 262144, 262144, 130, 584, 1104 },
	/* vmci.md 1.5: the largest allocation message */
	{ 12, 134217727 - 4096, 4097, 32771, 131148, VMCI_MAX_HYPERCALL_DG_SIZE },
};

static void test_layouts(void)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		uint64_t pages = vmci_queue_pair_pages(layouts[i].produce, layouts[i].consume,
						       layouts[i].page_shift);

		is_u64(pages, layouts[i].pages,
		       "vmci.md 14.7: pages of %" PRIu64 " and %" PRIu64 ", page shift %u",
		       layouts[i].produce, layouts[i].consume, layouts[i].page_shift);
		is_u64(sizeof(struct vmci_qp_alloc_msg) + 4 * pages, layouts[i].message32,
		       "vmci.md 14.7: ALLOC message, 32-bit pages");
		is_u64(sizeof(struct vmci_qp_alloc_msg) + 8 * pages, layouts[i].message64,
		       "vmci.md 14.7: ALLOC message, 64-bit pages");
	}
	is_u64(vmci_queue_pages(0, 12), 1, "vmci.md 5.1: an unusable queue is its header page");
	is_u64(vmci_queue_pages(UINT64_MAX, 12), (UINT64_C(1) << 52) + 1,
	       "vmci.md 12.2 S8: no overflow at the largest number");
}

static const struct {
	uint64_t produce, consume;
	int32_t result;
} sizes[] = {
	{ 0, 0, VMCI_ERROR_INVALID_ARGS },
	{ 1, 0, VMCI_SUCCESS },
	{ 0, 1, VMCI_SUCCESS },
	{ 67108864, 67108864, VMCI_SUCCESS },
	{ 134217728, 0, VMCI_SUCCESS },
	{ 134217728, 1, VMCI_ERROR_NO_RESOURCES },
	{ 67108865, 67108864, VMCI_ERROR_NO_RESOURCES },
	{ 134217729, 0, VMCI_ERROR_NO_RESOURCES },
	{ 0, 134217729, VMCI_ERROR_NO_RESOURCES },
	{ UINT64_MAX, 1, VMCI_ERROR_NO_RESOURCES },
	{ 1, UINT64_MAX, VMCI_ERROR_NO_RESOURCES },
	{ UINT64_C(1) << 63, UINT64_C(1) << 63, VMCI_ERROR_NO_RESOURCES },
	{ UINT64_C(1) << 32, 0, VMCI_ERROR_NO_RESOURCES },
};

static void test_sizes(void)
{
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		is_s64(vmci_queue_pair_check(sizes[i].produce, sizes[i].consume), sizes[i].result,
		       "vmci.md 5.5: sizes %" PRIu64 " and %" PRIu64, sizes[i].produce,
		       sizes[i].consume);
}

/* Every state of every small ring against counting on fingers */
static bool small_ring_is_right(uint64_t size, uint64_t tail, uint64_t head)
{
	uint64_t ready = 0;

	for (uint64_t at = head; at != tail; at = (at + 1) % size)
		ready++;
	if (vmci_ring_ready(tail, head, size) != (int64_t)ready ||
	    vmci_ring_free(tail, head, size) != (int64_t)(size - 1 - ready))
		return false;
	for (uint64_t count = 0; count <= size; count++) {
		struct vmci_ring_span span = vmci_ring_cut(tail, count, size);

		if (vmci_ring_advance(tail, count, size) != (tail + count) % size)
			return false;
		if (span.offset != tail || span.first + span.second != count ||
		    span.offset + span.first > size || span.second > tail ||
		    (span.second && span.offset + span.first != size))
			return false;
	}
	return true;
}

static void test_small_rings(void)
{
	for (uint64_t size = 1; size <= 24; size++) {
		bool right = true;

		for (uint64_t tail = 0; tail < size; tail++)
			for (uint64_t head = 0; head < size; head++)
				right = right && small_ring_is_right(size, tail, head);
		ok(right, "vmci.md 5.2: all states and transfers of a ring of %" PRIu64, size);
	}
}

int main(void)
{
	test_counts();
	test_advances();
	test_layouts();
	test_sizes();
	test_small_rings();
	return done_testing();
}
