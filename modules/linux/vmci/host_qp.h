/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * host_qp.h - the broker of queue pairs between this host and its virtual machines
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef VMSOCK_VMCI_HOST_QP_H
#define VMSOCK_VMCI_HOST_QP_H

#include <vmci/wire.h>

#include "user_pages.h"

struct vmci_context;
struct vmci_qp;

/**
 * struct vmci_pair_spec - a queue pair that somebody asks for
 * @handle: its name
 * @peer: context that may attach
 * @flags: VMCI_QPFLAG_*
 * @produce_size: bytes of the ring that the virtual machine writes
 * @consume_size: bytes of the ring that it reads
 */
struct vmci_pair_spec {
	struct vmci_handle handle;
	u32 peer;
	u32 flags;
	u64 produce_size;
	u64 consume_size;
};

/**
 * struct vmci_pair_info - a queue pair as an administrator sees it
 * @spec: as created, with its handle
 * @creator: context
 * @attacher: context, VMCI_INVALID_ID before
 * @state: as vmci.md 5.8 calls it
 * @pages: that are pinned
 */
struct vmci_pair_info {
	struct vmci_pair_spec spec;
	u32 creator;
	u32 attacher;
	const char *state;
	u64 pages;
};

/* For a virtual machine; process context of its monitor, may sleep */
int vmci_host_qp_vm_alloc(struct vmci_context *vm, const struct vmci_pair_spec *spec,
			  const struct vmci_user_range *range);
int vmci_host_qp_vm_set_store(struct vmci_context *vm, struct vmci_handle handle,
			      const u64 addresses[2]);
int vmci_host_qp_vm_map(struct vmci_context *vm, struct vmci_handle handle, u64 address);
int vmci_host_qp_vm_unmap(struct vmci_context *vm, struct vmci_handle handle);
int vmci_host_qp_vm_detach(struct vmci_context *vm, struct vmci_handle handle);
void vmci_host_qp_vm_leave_all(struct vmci_context *vm);
void vmci_host_qp_for_each(void (*show)(const struct vmci_pair_info *info, void *data),
			   void *data);

/* For a client in this kernel, see struct vmci_personality */
int vmci_host_qp_alloc(struct vmci_qp *qp, struct vmci_handle *io, u64 produce_size,
		       u64 consume_size, u32 peer, u32 flags, u32 priv);

#endif /* VMSOCK_VMCI_HOST_QP_H */
