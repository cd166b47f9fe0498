/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * doorbell.h - doorbells of this machine
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef VMSOCK_VMCI_DOORBELL_H
#define VMSOCK_VMCI_DOORBELL_H

#include <vmci/wire.h>

int vmci_doorbell_ring(struct vmci_handle handle, u32 priv);

#endif /* VMSOCK_VMCI_DOORBELL_H */
