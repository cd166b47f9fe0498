/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * context.h - the contexts of this machine: the host and its virtual machines
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef VMSOCK_VMCI_CONTEXT_H
#define VMSOCK_VMCI_CONTEXT_H

#include <linux/rculist.h>
#include <linux/uidgid.h>

/**
 * struct vmci_context - an addressable party
 * @cid: context id
 * @priv: VMCI_PRIVILEGE_FLAG_*
 * @owner: real user id of who started the virtual machine, INVALID_UID for the host
 * @node: in the table, under RCU
 */
struct vmci_context {
	u32 cid;
	u32 priv;
	kuid_t owner;
	struct list_head node;
};

void vmci_context_init(void);
void vmci_context_exit(void);
bool vmci_context_exists(u32 cid);

#endif /* VMSOCK_VMCI_CONTEXT_H */
