// SPDX-License-Identifier: GPL-2.0-only
/*
 * personality.c - the two halves of the driver, and which of them takes what
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A half is active while its operations are set.  Those of the host half are, from load to
 * unload; but on a machine that is a guest it is active only while it has virtual machines
 * itself (vmci.md 8.1).  The guest half becomes active when a VMCI device has been bound, and
 * from then on decides who this machine is.  Pointers are to constants of this module and stay
 * valid.
 */
#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/mutex.h>

#include <vmci/errors.h>

#include "context.h"
#include "personality.h"
#include "vmci_api.h"

static const struct vmci_personality *halves[VMCI_ROUTE_COUNT];

static atomic_t vm_count;	/* virtual machines of this machine */

static DEFINE_MUTEX(vsock_callback_mutex);
static void (*vsock_callback)(bool is_host);
static bool vsock_host_called;	/* the one that is registered, with true */

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

	if (guest && !atomic_read(&vm_count))
		host = NULL;
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

static int find(struct vmci_handle dst, struct vmci_handle *src, unsigned int facts,
		const struct vmci_personality **out)
{
	struct state state = sample();
	int route;

	/* Nobody takes the place of this machine itself */
	if (dst.context != state.own_cid && vmci_context_exists(dst.context))
		facts |= VMCI_ROUTE_DST_EXISTS;
	route = vmci_route(&dst, src, state.facts | facts, state.own_cid);
	if (route < 0)
		return route;
	*out = state.halves[route];
	return VMCI_SUCCESS;
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
	return find(dst, src, 0, out);
}

/**
 * vmci_personality_find_for_vm() - the same for something that a monitor sends
 * @dst: where to
 * @src: where from
 * @out: the half that takes it, never that of the device
 */
int vmci_personality_find_for_vm(struct vmci_handle dst, struct vmci_handle *src,
				 const struct vmci_personality **out)
{
	return find(dst, src, VMCI_ROUTE_FROM_GUEST, out);
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

/* Once for each registration (vmci.md 8.5); vsock_callback_mutex is held */
static void call_vsock_for_host(void)
{
	if (!vsock_callback || vsock_host_called)
		return;
	vsock_host_called = true;
	vsock_callback(true);
}

/* vmci_host_is_active() - the H of vmci.md section 11 */
bool vmci_host_is_active(void)
{
	return sample().halves[VMCI_ROUTE_HOST];
}

/* This machine has one more virtual machine, or one less; process context, may sleep */
void vmci_host_vm_begins(void)
{
	mutex_lock(&vsock_callback_mutex);
	atomic_inc(&vm_count);
	call_vsock_for_host();
	mutex_unlock(&vsock_callback_mutex);
}

void vmci_host_vm_ends(void)
{
	atomic_dec(&vm_count);
}

int vmsock_vmci_register_vsock_callback(void (*cb)(bool is_host))
{
	int err = 0;

	mutex_lock(&vsock_callback_mutex);
	if (cb && vsock_callback) {
		err = -EBUSY;
	} else {
		vsock_callback = cb;
		vsock_host_called = false;
		if (cb && halves[VMCI_ROUTE_GUEST])
			cb(false);
		if (atomic_read(&vm_count))
			call_vsock_for_host();
	}
	mutex_unlock(&vsock_callback_mutex);
	return err;
}
EXPORT_SYMBOL_GPL(vmsock_vmci_register_vsock_callback);
