/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ring.c - arithmetic of queue pairs on untrusted indexes
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "common/ring.h"

__s64 vmci_ring_free(__u64 tail, __u64 head, __u64 size)
{
	if (tail >= size || head >= size)
		return VMCI_ERROR_INVALID_SIZE;
	if (tail >= head)
		return (__s64)(size - (tail - head) - 1);
	return (__s64)(head - tail - 1);
}

__s64 vmci_ring_ready(__u64 tail, __u64 head, __u64 size)
{
	if (tail >= size || head >= size)
		return VMCI_ERROR_INVALID_SIZE;
	if (tail >= head)
		return (__s64)(tail - head);
	return (__s64)(size - (head - tail));
}

__u64 vmci_ring_advance(__u64 index, __u64 count, __u64 size)
{
	return index >= size - count ? index - (size - count) : index + count;
}

struct vmci_ring_span vmci_ring_cut(__u64 index, __u64 count, __u64 size)
{
	__u64 left = size - index;
	__u64 first = count < left ? count : left;

	return (struct vmci_ring_span) {
		.offset = index,
		.first = first,
		.second = count - first,
	};
}

__u64 vmci_queue_pages(__u64 size, unsigned int page_shift)
{
	__u64 partial = size & (((__u64)1 << page_shift) - 1);

	return 1 + (size >> page_shift) + (partial ? 1 : 0);
}

__u64 vmci_queue_pair_pages(__u64 produce_size, __u64 consume_size, unsigned int page_shift)
{
	return vmci_queue_pages(produce_size, page_shift) +
	       vmci_queue_pages(consume_size, page_shift);
}

__s32 vmci_queue_pair_check(__u64 produce_size, __u64 consume_size)
{
	if (!produce_size && !consume_size)
		return VMCI_ERROR_INVALID_ARGS;
	if (produce_size > VMCI_MAX_GUEST_QP_MEMORY ||
	    consume_size > VMCI_MAX_GUEST_QP_MEMORY - produce_size)
		return VMCI_ERROR_NO_RESOURCES;
	return VMCI_SUCCESS;
}
