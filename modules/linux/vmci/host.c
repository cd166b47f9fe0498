// SPDX-License-Identifier: GPL-2.0-only
/*
 * host.c - this machine as the host of virtual machines: what clients in the kernel ask of it
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <vmci/wire.h>

#include "datagram.h"
#include "doorbell.h"
#include "host_qp.h"
#include "personality.h"

static u32 context_id(void)
{
	return VMCI_HOST_CONTEXT_ID;
}

const struct vmci_personality vmci_host_personality = {
	.context_id = context_id,
	.datagram_send = vmci_datagram_dispatch,
	.doorbell_notify = vmci_doorbell_ring,
	.qpair_alloc = vmci_host_qp_alloc,
};
