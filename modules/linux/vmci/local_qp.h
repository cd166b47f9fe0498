/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * local_qp.h - queue pairs with both ends in this kernel
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef VMSOCK_VMCI_LOCAL_QP_H
#define VMSOCK_VMCI_LOCAL_QP_H

#include <linux/gfp.h>
#include <linux/types.h>
#include <vmci/wire.h>

struct page;
struct vmci_qp;

void vmci_local_qp_init(void);
int vmci_local_qp_alloc(struct vmci_qp *qp, struct vmci_handle *io, u64 produce_size,
			u64 consume_size, u32 peer, u32 flags);
struct page *vmci_ring_page_get(gfp_t gfp);
void vmci_ring_pages_put(struct page **pages, u64 count);

#endif /* VMSOCK_VMCI_LOCAL_QP_H */
