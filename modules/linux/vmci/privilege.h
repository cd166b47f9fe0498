/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * privilege.h - who may talk to whom (vmci.md 1.4)
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef VMSOCK_VMCI_PRIVILEGE_H
#define VMSOCK_VMCI_PRIVILEGE_H

#include <vmci/wire.h>

/* A restricted party talks only to trusted ones; both directions have to be allowed. */
static inline int vmci_privilege_allows(__u32 a, __u32 b)
{
	if ((a & VMCI_PRIVILEGE_FLAG_RESTRICTED) && !(b & VMCI_PRIVILEGE_FLAG_TRUSTED))
		return 0;
	if ((b & VMCI_PRIVILEGE_FLAG_RESTRICTED) && !(a & VMCI_PRIVILEGE_FLAG_TRUSTED))
		return 0;
	return 1;
}

#endif /* VMSOCK_VMCI_PRIVILEGE_H */
