/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * announcement.h - events of a queue pair on their way to the clients of this machine
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef VMSOCK_VMCI_ANNOUNCEMENT_H
#define VMSOCK_VMCI_ANNOUNCEMENT_H

#include <vmci/wire.h>

#include "delivery.h"

struct vmci_resource;

/**
 * struct vmci_announcement - an event, part of its queue pair so that it cannot fail
 * @delivery: in the queue, with a reference to the pair
 * @pair: that it is about
 * @direct: dispatched by who causes it
 * @msg: as a device would send it
 */
struct vmci_announcement {
	struct vmci_delivery delivery;
	struct vmci_resource *pair;
	bool direct;
	struct vmci_event_msg msg;
};

struct vmci_event_msg vmci_qp_event(u32 to, u32 event, struct vmci_handle handle, u32 peer);
void vmci_announce_attach(struct vmci_announcement *announcement, struct vmci_resource *pair,
			  u32 to, u32 peer);
bool vmci_announce_detach(struct vmci_announcement *announcement, struct vmci_resource *pair,
			  u32 to, u32 peer);

#endif /* VMSOCK_VMCI_ANNOUNCEMENT_H */
