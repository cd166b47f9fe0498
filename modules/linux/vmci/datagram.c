// SPDX-License-Identifier: GPL-2.0-only
/*
 * datagram.c - datagram endpoints and the way to them
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Theory of operation
 *
 * The datagram of a sender on this machine is copied once and waits in the queue of
 * delivery.c, with a reference to the endpoint.  The endpoint counts what waits for it,
 * until its callback has returned, and turns away what is over its quota.  A sender that
 * may sleep calls an endpoint with VMCI_FLAG_DG_DIRECT_CB itself, unless something waits.
 * When an endpoint is destroyed, what still waits for it finds it retired and is freed.
 *
 * A virtual machine's monitor calls the endpoint itself, too, whatever waits: it does one thing
 * after the other.  What is for a virtual machine goes straight into its inbox.
 */
#include <linux/atomic.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <vmci/errors.h>

#include "context.h"
#include "datagram.h"
#include "delivery.h"
#include "personality.h"
#include "privilege.h"
#include "resource.h"
#include "vmci_api.h"

/**
 * struct endpoint - receives datagrams
 * @resource: name, and lifetime of everything here
 * @priv: VMCI_PRIVILEGE_FLAG_*
 * @direct: created with VMCI_FLAG_DG_DIRECT_CB
 * @cb: the client, called only inside vmci_resource_enter()
 * @data: for @cb
 * @waiting: datagrams on their way to @cb, the running one included
 * @quota: how many there may be
 */
struct endpoint {
	struct vmci_resource resource;
	u32 priv;
	bool direct;
	vmci_datagram_cb cb;
	void *data;
	atomic_t waiting;
	u32 quota;
};

/**
 * struct parcel - a datagram on its way
 * @delivery: in the queue
 * @to: receiver, with a reference and counted there
 * @dg: header
 * @payload: follows it
 */
struct parcel {
	struct vmci_delivery delivery;
	struct endpoint *to;
	struct vmci_datagram dg;
	u8 payload[];
};

static struct endpoint *to_endpoint(struct vmci_resource *resource)
{
	return container_of(resource, struct endpoint, resource);
}

static void release_endpoint(struct vmci_resource *resource)
{
	struct endpoint *endpoint = to_endpoint(resource);

	kfree_rcu(endpoint, resource.rcu);
}

int vmsock_vmci_datagram_create_handle_priv(u32 rid, u32 flags, u32 priv, vmci_datagram_cb cb,
					    void *data, struct vmci_handle *out)
{
	struct vmci_handle handle = { VMCI_INVALID_ID, rid };
	struct endpoint *endpoint;
	int result;

	if (!cb || !out || (priv & ~VMCI_PRIVILEGE_ALL_FLAGS) ||
	    (flags & VMCI_FLAG_WELLKNOWN_DG_HND))
		return VMCI_ERROR_INVALID_ARGS;
	if (!(flags & VMCI_FLAG_ANYCID_DG_HND)) {
		handle.context = vmsock_vmci_get_context_id();
		if (handle.context == VMCI_INVALID_ID)
			return VMCI_ERROR_NO_RESOURCES;
	}

	endpoint = kzalloc(sizeof(*endpoint), GFP_KERNEL_ACCOUNT);
	if (!endpoint)
		return VMCI_ERROR_NO_MEM;
	endpoint->priv = priv;
	endpoint->direct = flags & VMCI_FLAG_DG_DIRECT_CB;
	endpoint->cb = cb;
	endpoint->data = data;
	endpoint->quota = VMCI_MAX_DELAYED_DG_HOST_COUNT;

	result = vmci_resource_add(&endpoint->resource, VMCI_RESOURCE_DATAGRAM, handle,
				   release_endpoint);
	if (result < 0)
		kfree(endpoint);
	else
		*out = endpoint->resource.handle;
	return result;
}
EXPORT_SYMBOL_GPL(vmsock_vmci_datagram_create_handle_priv);

int vmsock_vmci_datagram_create_handle(u32 rid, u32 flags, vmci_datagram_cb cb, void *data,
				       struct vmci_handle *out)
{
	return vmsock_vmci_datagram_create_handle_priv(rid, flags,
						       VMCI_DEFAULT_PROC_PRIVILEGE_FLAGS, cb,
						       data, out);
}
EXPORT_SYMBOL_GPL(vmsock_vmci_datagram_create_handle);

int vmsock_vmci_datagram_set_quota(struct vmci_handle handle, u32 count)
{
	struct vmci_resource *resource;

	rcu_read_lock();
	resource = vmci_resource_find(handle, VMCI_RESOURCE_DATAGRAM);
	if (resource)
		WRITE_ONCE(to_endpoint(resource)->quota, min_t(u32, count, INT_MAX));
	rcu_read_unlock();
	return resource ? VMCI_SUCCESS : VMCI_ERROR_NOT_FOUND;
}
EXPORT_SYMBOL_GPL(vmsock_vmci_datagram_set_quota);

int vmsock_vmci_datagram_destroy_handle(struct vmci_handle handle)
{
	struct vmci_resource *resource;

	might_sleep();
	resource = vmci_resource_remove(handle, VMCI_RESOURCE_DATAGRAM);
	if (!resource)
		return VMCI_ERROR_NOT_FOUND;
	vmci_resource_retire(resource);
	vmci_resource_put(resource);
	return VMCI_SUCCESS;
}
EXPORT_SYMBOL_GPL(vmsock_vmci_datagram_destroy_handle);

/* Counts one more on its way, unless that were over the quota */
static bool admit(struct endpoint *endpoint)
{
	int quota = READ_ONCE(endpoint->quota);
	int waiting = atomic_read(&endpoint->waiting);

	do {
		if (waiting >= quota)
			return false;
	} while (!atomic_try_cmpxchg(&endpoint->waiting, &waiting, waiting + 1));
	return true;
}

/*
 * Finds sender and receiver, and applies steps 3 and 4 of vmci.md 3.11 to them.  On success
 * the receiver has been referenced.
 */
static int find_receiver(const struct vmci_datagram *dg, struct endpoint **out)
{
	struct vmci_resource *from, *to;
	int result = VMCI_SUCCESS;

	rcu_read_lock();
	from = vmci_resource_find(dg->src, VMCI_RESOURCE_DATAGRAM);
	to = vmci_resource_find(dg->dst, VMCI_RESOURCE_DATAGRAM);
	if (!from)
		result = VMCI_ERROR_INVALID_ARGS;
	else if (!to)
		result = VMCI_ERROR_INVALID_RESOURCE;
	else if (!vmci_privilege_allows(to_endpoint(from)->priv, to_endpoint(to)->priv))
		result = VMCI_ERROR_NO_ACCESS;
	else if (!kref_get_unless_zero(&to->refs))
		result = VMCI_ERROR_INVALID_RESOURCE;
	rcu_read_unlock();
	if (result == VMCI_SUCCESS)
		*out = to_endpoint(to);
	return result;
}

static void dismiss(struct endpoint *endpoint)
{
	atomic_dec(&endpoint->waiting);
	vmci_resource_put(&endpoint->resource);
}

static int call(struct endpoint *endpoint, struct vmci_datagram *dg)
{
	int result;

	if (!vmci_resource_enter(&endpoint->resource))
		return VMCI_ERROR_INVALID_RESOURCE;
	result = endpoint->cb(endpoint->data, dg);
	vmci_resource_leave(&endpoint->resource);
	return result;
}

static void deliver_parcel(struct vmci_delivery *delivery)
{
	struct parcel *parcel = container_of(delivery, struct parcel, delivery);
	struct endpoint *endpoint = parcel->to;

	call(endpoint, &parcel->dg);
	kvfree(parcel);
	dismiss(endpoint);
}

/* Large ones need no contiguous memory where it is allowed to sleep. */
static struct parcel *alloc_parcel(size_t payload_size, gfp_t gfp)
{
	struct parcel *parcel;
	size_t size = struct_size(parcel, payload, payload_size);

	gfp |= __GFP_NOWARN;
	return gfpflags_allow_blocking(gfp) ? kvmalloc(size, gfp) : kmalloc(size, gfp);
}

/*
 * In the sender's context; a receiver that allows this leaves the datagram as it is.  What it
 * says is not told, as it could not be if the datagram had been queued; but that there was no
 * memory for a datagram is the same wherever it happens.
 */
static bool deliver_now(struct endpoint *endpoint, const struct vmci_datagram *dg, gfp_t gfp,
			int *result)
{
	bool allowed;
	int section;

	if (!endpoint->direct || !gfpflags_allow_blocking(gfp))
		return false;
	section = vmci_direct_begin();
	allowed = vmci_direct_allowed();
	if (allowed) {
		if (call(endpoint, (struct vmci_datagram *)dg) == VMCI_ERROR_NO_MEM)
			*result = VMCI_ERROR_NO_MEM;
		vmci_resource_put(&endpoint->resource);
	}
	vmci_direct_end(section);
	return allowed;
}

/* Takes the caller's reference over */
static int deliver_later(struct endpoint *endpoint, const struct vmci_datagram *dg, gfp_t gfp)
{
	struct parcel *parcel;

	if (!admit(endpoint)) {
		vmci_resource_put(&endpoint->resource);
		return VMCI_ERROR_NO_RESOURCES;
	}
	parcel = alloc_parcel(dg->payload_size, gfp);
	if (!parcel) {
		dismiss(endpoint);
		return VMCI_ERROR_NO_MEM;
	}
	parcel->delivery.deliver = deliver_parcel;
	parcel->to = endpoint;
	parcel->dg = *dg;
	memcpy(parcel->payload, dg + 1, dg->payload_size);
	vmci_deliver(&parcel->delivery);
	return VMCI_SUCCESS;
}

static int bytes_of(const struct vmci_datagram *dg)
{
	return sizeof(*dg) + dg->payload_size;
}

/**
 * vmci_datagram_deliver() - hand a datagram to an endpoint of this machine
 * @dg: from another endpoint of it, sizes checked, source filled in
 * @gfp: how to allocate
 *
 * Context: any but NMI.
 * Return: bytes, header included, or an error as vmsock_vmci_datagram_send().
 */
int vmci_datagram_deliver(const struct vmci_datagram *dg, gfp_t gfp)
{
	struct endpoint *endpoint;
	int result = find_receiver(dg, &endpoint);

	if (result == VMCI_SUCCESS && !deliver_now(endpoint, dg, gfp, &result))
		result = deliver_later(endpoint, dg, gfp);
	return result < 0 ? result : bytes_of(dg);
}

/* What an endpoint of this machine sends to a virtual machine of it; steps 3 and 5 */
static int send_to_vm(const struct vmci_datagram *dg, gfp_t gfp)
{
	struct vmci_context *to;
	struct vmci_resource *from;
	int result;
	u32 priv;

	rcu_read_lock();
	from = vmci_resource_find(dg->src, VMCI_RESOURCE_DATAGRAM);
	priv = from ? to_endpoint(from)->priv : 0;
	rcu_read_unlock();
	if (!from)
		return VMCI_ERROR_INVALID_ARGS;
	to = vmci_context_get(dg->dst.context);
	if (!to)
		return VMCI_ERROR_INVALID_ARGS;
	if (vmci_privilege_allows(priv, to->priv))
		result = vmci_inbox_put(&to->inbox, dg, gfp);
	else
		result = VMCI_ERROR_NO_ACCESS;
	vmci_context_put(to);
	return result;
}

/**
 * vmci_datagram_dispatch() - what a client of the host sends (vmci.md 3.11)
 * @dg: as for vmci_datagram_deliver()
 * @gfp: how to allocate
 */
int vmci_datagram_dispatch(const struct vmci_datagram *dg, gfp_t gfp)
{
	if (dg->src.context != VMCI_HOST_CONTEXT_ID)
		return VMCI_ERROR_NO_ACCESS;
	if (dg->dst.context == VMCI_HOST_CONTEXT_ID)
		return vmci_datagram_deliver(dg, gfp);
	return send_to_vm(dg, gfp);
}

/* Step 4: the endpoint is called by the monitor, so what it says is told */
static int vm_calls(const struct vmci_context *from, struct vmci_datagram *dg)
{
	struct vmci_resource *to = vmci_resource_get(dg->dst, VMCI_RESOURCE_DATAGRAM);
	int result;

	if (!to)
		return VMCI_ERROR_INVALID_RESOURCE;
	if (vmci_privilege_allows(from->priv, to_endpoint(to)->priv))
		result = call(to_endpoint(to), dg);
	else
		result = VMCI_ERROR_NO_ACCESS;
	vmci_resource_put(to);
	return result < 0 ? result : bytes_of(dg);
}

/**
 * vmci_datagram_from_vm() - what a virtual machine of this machine sends (vmci.md 3.11)
 * @from: the virtual machine
 * @dg: private copy of its monitor's, with checked sizes; nothing else is trusted
 *
 * Context: process context, may sleep.
 * Return: bytes, header included, or an error.
 */
int vmci_datagram_from_vm(struct vmci_context *from, struct vmci_datagram *dg)
{
	const struct vmci_personality *personality;
	struct vmci_handle src = dg->src;
	int result = vmci_personality_find_for_vm(dg->dst, &src, &personality);

	if (result < 0)
		return result;
	if (dg->src.context != from->cid)
		return VMCI_ERROR_NO_ACCESS;
	if (dg->dst.context == VMCI_HOST_CONTEXT_ID)
		return vm_calls(from, dg);
	if (dg->dst.context == from->cid)
		return vmci_inbox_put(&from->inbox, dg, GFP_KERNEL_ACCOUNT);
	return VMCI_ERROR_DST_UNREACHABLE;
}

/**
 * vmci_datagram_has_sender() - is the source an endpoint of this machine?
 * @dg: of a kernel client
 */
bool vmci_datagram_has_sender(const struct vmci_datagram *dg)
{
	bool found;

	rcu_read_lock();
	found = vmci_resource_find(dg->src, VMCI_RESOURCE_DATAGRAM);
	rcu_read_unlock();
	return found;
}

/**
 * vmci_datagram_receive() - hand over a datagram that a device delivered (vmci.md 3.9)
 * @dg: private copy of the caller, its size is checked
 *
 * Context: process context, may sleep.
 * Return: what the receiver says, or INVALID_RESOURCE without one.
 */
int vmci_datagram_receive(struct vmci_datagram *dg)
{
	struct vmci_resource *to = vmci_resource_get(dg->dst, VMCI_RESOURCE_DATAGRAM);
	int result;

	if (!to)
		return VMCI_ERROR_INVALID_RESOURCE;
	result = call(to_endpoint(to), dg);
	vmci_resource_put(to);
	return result;
}

int vmsock_vmci_datagram_send_gfp(struct vmci_datagram *dg, gfp_t gfp)
{
	const struct vmci_personality *personality;
	struct vmci_handle src;
	int result;

	if (!dg || dg->payload_size > VMCI_MAX_DG_PAYLOAD_SIZE)
		return VMCI_ERROR_INVALID_ARGS;
	src = dg->src;
	result = vmci_personality_find(dg->dst, &src, &personality);
	if (result < 0)
		return result;
	dg->src = src;
	return personality->datagram_send(dg, gfp);
}
EXPORT_SYMBOL_GPL(vmsock_vmci_datagram_send_gfp);

int vmsock_vmci_datagram_send(struct vmci_datagram *dg)
{
	return vmsock_vmci_datagram_send_gfp(dg, GFP_ATOMIC);
}
EXPORT_SYMBOL_GPL(vmsock_vmci_datagram_send);
