// SPDX-License-Identifier: GPL-2.0-only
/*
 * announcement.c - events of a queue pair on their way to the clients of this machine
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * They are queued while the pair's state is locked, so they come in the order of the changes.
 * Where nobody minds, who detaches dispatches the event itself, after unlocking.
 */
#include "announcement.h"
#include "event.h"
#include "resource.h"

/**
 * vmci_qp_event() - the message that announces something about a queue pair
 * @to: context
 * @event: VMCI_EVENT_QP_PEER_ATTACH or _DETACH
 * @handle: of the queue pair
 * @peer: who came or went
 */
struct vmci_event_msg vmci_qp_event(u32 to, u32 event, struct vmci_handle handle, u32 peer)
{
	return (struct vmci_event_msg) {
		.hdr.dst = { to, VMCI_EVENT_HANDLER },
		.hdr.src = { VMCI_HYPERVISOR_CONTEXT_ID, VMCI_CONTEXT_RESOURCE_ID },
		.hdr.payload_size = VMCI_EVENT_QP_SIZE,
		.data.event = event,
		.data.u.qp.handle = handle,
		.data.u.qp.peer = peer,
	};
}

static void deliver(struct vmci_delivery *delivery)
{
	struct vmci_announcement *announcement =
		container_of(delivery, struct vmci_announcement, delivery);

	vmci_event_dispatch(&announcement->msg.hdr, announcement->direct);
	vmci_resource_put(announcement->pair);
}

/* With a reference to the pair, for deliver() */
static void prepare(struct vmci_announcement *announcement, struct vmci_resource *pair, u32 event,
		    u32 to, u32 peer)
{
	announcement->delivery.deliver = deliver;
	announcement->pair = pair;
	announcement->msg = vmci_qp_event(to, event, pair->handle, peer);
	vmci_resource_hold(pair);
}

/**
 * vmci_announce_attach() - the other end has come
 * @announcement: of @pair
 * @pair: its state is locked
 * @to: context of this machine
 * @peer: who came
 */
void vmci_announce_attach(struct vmci_announcement *announcement, struct vmci_resource *pair,
			  u32 to, u32 peer)
{
	if (!vmci_event_has_subscribers(VMCI_EVENT_QP_PEER_ATTACH))
		return;
	prepare(announcement, pair, VMCI_EVENT_QP_PEER_ATTACH, to, peer);
	vmci_deliver(&announcement->delivery);
}

/**
 * vmci_announce_detach() - the other end has gone
 * @announcement: of @pair
 * @pair: its state is locked
 * @to: context of this machine
 * @peer: who went
 *
 * Return: true when the caller has to call vmci_deliver_directly() after unlocking.
 */
bool vmci_announce_detach(struct vmci_announcement *announcement, struct vmci_resource *pair,
			  u32 to, u32 peer)
{
	prepare(announcement, pair, VMCI_EVENT_QP_PEER_DETACH, to, peer);
	announcement->direct = vmci_event_is_direct(VMCI_EVENT_QP_PEER_DETACH);
	if (!announcement->direct)
		vmci_deliver(&announcement->delivery);
	return announcement->direct;
}
