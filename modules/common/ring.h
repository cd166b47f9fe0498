/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ring.h - arithmetic of queue pairs on untrusted indexes
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vmci.md 5.1 to 5.5.  Tail and head come in as values:
 * the caller reads each of them from shared memory exactly once (vmci.md 12.2
 * S1), and owns all barriers.  A ring of `size` bytes holds at most size - 1.
 */
#ifndef VMSOCK_COMMON_RING_H
#define VMSOCK_COMMON_RING_H

#include <vmci/errors.h>
#include <vmci/wire.h>

/**
 * struct vmci_ring_span - a transfer, cut where the ring wraps
 * @offset: ring offset of the first part
 * @first: bytes from @offset on
 * @second: bytes from ring offset 0 on, 0 when the transfer does not wrap
 */
struct vmci_ring_span {
	__u64 offset;
	__u64 first;
	__u64 second;
};

/**
 * vmci_ring_free() - bytes that can be written
 * @tail: next byte to be written
 * @head: next byte to be read
 * @size: bytes of the ring
 *
 * Return: bytes, or VMCI_ERROR_INVALID_SIZE when an index is not below @size.
 */
__s64 vmci_ring_free(__u64 tail, __u64 head, __u64 size);

/**
 * vmci_ring_ready() - bytes that can be read
 * @tail: next byte to be written
 * @head: next byte to be read
 * @size: bytes of the ring
 *
 * Return: bytes, or VMCI_ERROR_INVALID_SIZE when an index is not below @size.
 */
__s64 vmci_ring_ready(__u64 tail, __u64 head, __u64 size);

/**
 * vmci_ring_advance() - move an index, never overflowing
 * @index: below @size
 * @count: bytes, below or equal @size
 * @size: bytes of the ring
 */
__u64 vmci_ring_advance(__u64 index, __u64 count, __u64 size);

/**
 * vmci_ring_cut() - split a transfer at the wrap
 * @index: where it starts, below @size
 * @count: bytes, at most @size
 * @size: bytes of the ring
 */
struct vmci_ring_span vmci_ring_cut(__u64 index, __u64 count, __u64 size);

/**
 * vmci_queue_pages() - pages of one queue, its header page included
 * @size: bytes of the ring
 * @page_shift: log2 of the page size
 */
__u64 vmci_queue_pages(__u64 size, unsigned int page_shift);

/**
 * vmci_queue_pair_pages() - length of the page list of a queue pair (vmci.md 4.12)
 * @produce_size: bytes of one ring
 * @consume_size: bytes of the other
 * @page_shift: log2 of the page size
 */
__u64 vmci_queue_pair_pages(__u64 produce_size, __u64 consume_size, unsigned int page_shift);

/**
 * vmci_queue_pair_check() - are these sizes allowed at all (vmci.md 5.5)
 * @produce_size: bytes of one ring
 * @consume_size: bytes of the other
 *
 * Return: VMCI_SUCCESS; VMCI_ERROR_INVALID_ARGS when both are 0;
 * VMCI_ERROR_NO_RESOURCES when their sum wraps or exceeds 128 MiB.
 */
__s32 vmci_queue_pair_check(__u64 produce_size, __u64 consume_size);

#endif /* VMSOCK_COMMON_RING_H */
