/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * queue_pair.h - a queue pair in the guest's memory, as the host end sees it
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vmci.md section 5.  "In" is what the guest produces, "out" what it consumes.  The pages stay
 * the guest's: it can change a byte or an index at any moment, and the mapping can go away.
 */
#ifndef DEVICE_QUEUE_PAIR_H
#define DEVICE_QUEUE_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "view.h"
#include "vmci/wire.h"

struct memory;

/* Most pieces that pair_readable() and pair_writable() give at once */
#define PAIR_PIECES 64

struct pair {
	struct vmci_handle handle;
	__u32 peer;		/* who else may attach, as the allocation said */
	__u32 flags;		/* VMCI_QPFLAG_* */
	__u64 in_size;		/* bytes of the ring that the guest produces */
	__u64 out_size;
	void *owner;		/* of the host end */
	/* the rest belongs to queue_pair.c */
	struct memory *memory;
	unsigned int page_shift;
	__u64 *ppns;		/* in the order of vmci.md 4.12 */
	__u64 ppn_count;
	__u64 in_head;		/* private copies of the own indexes (vmci.md 12.2 S2) */
	__u64 out_tail;
};

/**
 * pair_new() - a queue pair of pages that the guest named
 * @memory: of the VM
 * @page_shift: log2 of the size of its pages
 * @message: the allocation, checked by the caller but for the pages
 * @ppns: @message's list, widened to 64 bits
 * @result: VMCI_ERROR_INVALID_ARGS when a page is no memory or twice there,
 *	VMCI_ERROR_NO_MEM
 *
 * Writes both header pages (vmci.md 4.12).
 *
 * Return: the pair, or NULL.
 */
struct pair *pair_new(struct memory *memory, unsigned int page_shift,
		      const struct vmci_qp_alloc_msg *message, const __u64 *ppns, __s32 *result);
void pair_free(struct pair *pair);

/**
 * pair_readable() - what the guest has written, for writev()
 * @pair: the pair
 * @pieces: PAIR_PIECES of them
 * @count: set to those in use
 *
 * Return: bytes in @pieces, perhaps less than there are; VMCI_ERROR_INVALID_SIZE when an index
 * is corrupt, VMCI_ERROR_QUEUEPAIR_NOTATTACHED when the memory is gone.
 */
ssize_t pair_readable(struct pair *pair, struct iovec *pieces, int *count);
/* Bytes of them have been taken */
void pair_consume(struct pair *pair, size_t bytes);

/* The same for room to write, for readv(), and for bytes that have been put there */
ssize_t pair_writable(struct pair *pair, struct iovec *pieces, int *count);
void pair_produce(struct pair *pair, size_t bytes);

/* Its pages, guest's header first, in the order of vmci.md 5.9; good as long as the pair */
struct view_pages pair_pages(const struct pair *pair);

/* Bytes ready and free, or an error as above */
__s64 pair_in_ready(struct pair *pair);
__s64 pair_out_free(struct pair *pair);

#endif /* DEVICE_QUEUE_PAIR_H */
