/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * qpair.h - queue pairs as clients see them, whoever provides the memory
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef VMSOCK_VMCI_QPAIR_H
#define VMSOCK_VMCI_QPAIR_H

#include <linux/cache.h>
#include <linux/gfp.h>
#include <vmci/wire.h>

struct page;

/**
 * struct vmci_queue - one ring in memory (vmci.md 5.1)
 * @header: written by the ring's producer alone
 * @pages: data
 * @size: bytes of the ring
 */
struct vmci_queue {
	struct vmci_queue_header *header;
	struct page **pages;
	u64 size;
};

/* What a client is about to do with a queue pair */
enum vmci_qp_use {
	VMCI_QP_LOOK,		/* at indexes */
	VMCI_QP_PRODUCE,
	VMCI_QP_CONSUME,
};

/**
 * struct vmci_qp_ops - what differs between the kinds of queue pairs
 * @reserve: back up to @count bytes of the produce ring from @offset on (no wrap) with
 *	memory; returns how many it could.  NULL where all memory is there from the start
 * @enter: the queues stay as they are until @leave; returns a VMCI result, and needs no
 *	@leave when that is an error.  Nobody waits for user memory in between.  NULL, both,
 *	where the memory is this kernel's own
 * @leave: see @enter
 * @detach: leave; the queues are not touched again.  Returns a VMCI result
 */
struct vmci_qp_ops {
	u64 (*reserve)(struct vmci_qp *qp, u64 offset, u64 count, gfp_t gfp);
	int (*enter)(const struct vmci_qp *qp, enum vmci_qp_use use);
	void (*leave)(const struct vmci_qp *qp);
	int (*detach)(struct vmci_qp *qp);
};

/**
 * struct vmci_qp - an endpoint of a queue pair
 * @ops: of its kind
 * @provider: for @ops
 * @produce: the ring that this endpoint writes
 * @consume: the ring that it reads
 * @tail: next byte to be written to @produce, changed by the one writer
 * @head: next byte to be read from @consume, changed by the one reader
 *
 * The peer can write to the shared headers, so the own indexes are kept here, and only
 * published there (vmci.md 12.2 S2).
 */
struct vmci_qp {
	const struct vmci_qp_ops *ops;
	void *provider;
	struct vmci_queue *produce;
	struct vmci_queue *consume;
	u64 tail ____cacheline_aligned_in_smp;
	u64 head ____cacheline_aligned_in_smp;
};

#endif /* VMSOCK_VMCI_QPAIR_H */
