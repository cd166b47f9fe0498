// SPDX-License-Identifier: GPL-2.0-only
/*
 * personality.c - the two halves of the driver, and which of them takes what
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A half is active while its operations are set.  The host half is, from load to unload.
 * The guest half becomes active when a VMCI device has been bound, and from then on
 * decides who this machine is.  Pointers are to constants of this module and stay valid.
 */
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/mutex.h>

#include <vmci/errors.h>

#include "context.h"
#include "datagram.h"
#include "doorbell.h"
#include "personality.h"
#include "vmci_api.h"

static const struct vmci_personality *halves[VMCI_ROUTE_COUNT];

static DEFINE_MUTEX(vsock_callback_mutex);
static void (*vsock_callback)(bool is_host);

/**
 * vmci_personality_set() - activate or deactivate a half of the driver
 * @half: which
 * @personality: its operations, NULL to deactivate it
 *
 * Context: process context, may sleep.
 */
void vmci_personality_set(enum vmci_route half, const struct vmci_personality *personality)
{
	mutex_lock(&vsock_callback_mutex);
	smp_store_release(&halves[half], personality);
	if (half == VMCI_ROUTE_GUEST && personality && vsock_callback)
		vsock_callback(false);
	mutex_unlock(&vsock_callback_mutex);
}

/* Both halves, each looked at once */
struct state {
	const struct vmci_personality *halves[VMCI_ROUTE_COUNT];
	unsigned int facts;
	u32 own_cid;
};

static struct state sample(void)
{
	const struct vmci_personality *host = smp_load_acquire(&halves[VMCI_ROUTE_HOST]);
	const struct vmci_personality *guest = smp_load_acquire(&halves[VMCI_ROUTE_GUEST]);

	return (struct state) {
		.halves = {
			[VMCI_ROUTE_HOST] = host,
			[VMCI_ROUTE_GUEST] = guest,
		},
		.facts = (host ? VMCI_ROUTE_HOST_ACTIVE : 0) |
			 (guest ? VMCI_ROUTE_GUEST_ACTIVE : 0),
		.own_cid = guest ? guest->context_id() : VMCI_INVALID_ID,
	};
}

/**
 * vmci_personality_find() - who takes something that a kernel client sends
 * @dst: where to
 * @src: where from, filled in as vmci.md section 11 says
 * @out: the half that takes it, written only on success
 *
 * Context: any but NMI.
 * Return: VMCI_SUCCESS or the error of the routing table.
 */
int vmci_personality_find(struct vmci_handle dst, struct vmci_handle *src,
			  const struct vmci_personality **out)
{
	struct state state = sample();
	int route;

	if (vmci_context_exists(dst.context))
		state.facts |= VMCI_ROUTE_DST_EXISTS;
	route = vmci_route(&dst, src, state.facts, state.own_cid);
	if (route < 0)
		return route;
	*out = state.halves[route];
	return VMCI_SUCCESS;
}

/**
 * vmci_personality_for_peer() - who makes a queue pair with this peer (vmci.md 5.11)
 * @peer: context id, may be VMCI_INVALID_ID
 *
 * Return: a half, or NULL when none is active.
 */
const struct vmci_personality *vmci_personality_for_peer(u32 peer)
{
	struct vmci_handle dst = { peer, VMCI_INVALID_ID };
	struct vmci_handle src = { VMCI_INVALID_ID, VMCI_INVALID_ID };
	const struct vmci_personality *found;
	struct state state;

	if (vmci_personality_find(dst, &src, &found) == VMCI_SUCCESS)
		return found;
	state = sample();
	return state.halves[VMCI_ROUTE_GUEST] ?: state.halves[VMCI_ROUTE_HOST];
}

u32 vmsock_vmci_get_context_id(void)
{
	struct state state = sample();

	if (state.halves[VMCI_ROUTE_GUEST])
		return state.own_cid;
	return state.halves[VMCI_ROUTE_HOST] ? state.halves[VMCI_ROUTE_HOST]->context_id() :
					       VMCI_INVALID_ID;
}
EXPORT_SYMBOL_GPL(vmsock_vmci_get_context_id);

int vmsock_vmci_register_vsock_callback(void (*cb)(bool is_host))
{
	int err = 0;

	mutex_lock(&vsock_callback_mutex);
	if (cb && vsock_callback)
		err = -EBUSY;
	else
		vsock_callback = cb;
	if (!err && cb && halves[VMCI_ROUTE_GUEST])
		cb(false);
	mutex_unlock(&vsock_callback_mutex);
	return err;
}
EXPORT_SYMBOL_GPL(vmsock_vmci_register_vsock_callback);

static u32 host_context_id(void)
{
	return VMCI_HOST_CONTEXT_ID;
}

const struct vmci_personality vmci_host_personality = {
	.context_id = host_context_id,
	.datagram_send = vmci_datagram_dispatch,
	.doorbell_notify = vmci_doorbell_ring,
};
