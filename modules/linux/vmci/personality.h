/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * personality.h - the two halves of the driver, and which of them takes what
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef VMSOCK_VMCI_PERSONALITY_H
#define VMSOCK_VMCI_PERSONALITY_H

#include <linux/gfp.h>
#include <vmci/wire.h>

#include "route.h"

struct vmci_qp;

/**
 * struct vmci_personality - what a half of the driver can do
 * @context_id: the id this machine has in that role
 * @datagram_send: header and payload with checked sizes and a filled-in source;
 *	returns bytes or an error
 * @doorbell_notify: ring a doorbell with the ringer's privileges
 * @qpair_alloc: give @qp its queues and @io its value, as vmsock_vmci_qpair_alloc() says;
 *	NULL while that half has no broker
 *
 * Functions may be called while the half is being deactivated and have to find out
 * themselves; they then return UNAVAILABLE or DEVICE_NOT_FOUND.
 */
struct vmci_personality {
	u32 (*context_id)(void);
	int (*datagram_send)(const struct vmci_datagram *dg, gfp_t gfp);
	int (*doorbell_notify)(struct vmci_handle handle, u32 priv);
	int (*qpair_alloc)(struct vmci_qp *qp, struct vmci_handle *io, u64 produce_size,
			   u64 consume_size, u32 peer, u32 flags, u32 priv);
};

extern const struct vmci_personality vmci_host_personality;

void vmci_personality_set(enum vmci_route half, const struct vmci_personality *personality);
int vmci_personality_find(struct vmci_handle dst, struct vmci_handle *src,
			  const struct vmci_personality **out);
int vmci_personality_find_for_vm(struct vmci_handle dst, struct vmci_handle *src,
				 const struct vmci_personality **out);
const struct vmci_personality *vmci_personality_for_peer(u32 peer);
bool vmci_host_is_active(void);
void vmci_host_vm_begins(void);
void vmci_host_vm_ends(void);

#endif /* VMSOCK_VMCI_PERSONALITY_H */
