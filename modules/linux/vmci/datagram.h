/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * datagram.h - datagram endpoints and the way to them
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef VMSOCK_VMCI_DATAGRAM_H
#define VMSOCK_VMCI_DATAGRAM_H

#include <linux/gfp.h>
#include <vmci/wire.h>

struct vmci_context;

int vmci_datagram_dispatch(const struct vmci_datagram *dg, gfp_t gfp);
int vmci_datagram_deliver(const struct vmci_datagram *dg, gfp_t gfp);
int vmci_datagram_from_vm(struct vmci_context *from, struct vmci_datagram *dg);
int vmci_datagram_receive(struct vmci_datagram *dg);
bool vmci_datagram_has_sender(const struct vmci_datagram *dg);

#endif /* VMSOCK_VMCI_DATAGRAM_H */
