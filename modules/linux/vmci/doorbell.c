// SPDX-License-Identifier: GPL-2.0-only
/*
 * doorbell.c - doorbells of this machine
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * An immediate doorbell calls its client in the context of whoever rings it, under RCU.
 * A delayed one queues a work item that holds a reference; rings that come before it runs
 * are merged into it.
 *
 * While there is a device, it is told of all doorbells, those included that were there first.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/export.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/slab.h>

#include <vmci/errors.h>

#include "context.h"
#include "delivery.h"
#include "doorbell.h"
#include "personality.h"
#include "privilege.h"
#include "resource.h"
#include "vmci_api.h"

/**
 * struct doorbell - calls its client when rung
 * @resource: name, and lifetime of everything here
 * @priv: VMCI_PRIVILEGE_FLAG_*
 * @cb: the client, called only inside vmci_resource_enter()
 * @data: for @cb
 * @delayed: call from @work
 * @work: has a reference while it is queued
 * @link: as the device knows it
 */
struct doorbell {
	struct vmci_resource resource;
	u32 priv;
	vmci_doorbell_cb cb;
	void *data;
	bool delayed;
	struct work_struct work;
	struct vmci_doorbell_link link;
};

/* The device, if there is one, and all doorbells that it is or will be told of */
static DEFINE_MUTEX(device_lock);
static const struct vmci_doorbell_device *device;
static LIST_HEAD(links);

static struct doorbell *to_doorbell(struct vmci_resource *resource)
{
	return container_of(resource, struct doorbell, resource);
}

static void release_doorbell(struct vmci_resource *resource)
{
	struct doorbell *doorbell = to_doorbell(resource);

	kfree_rcu(doorbell, resource.rcu);
}

static void call(struct doorbell *doorbell)
{
	if (!vmci_resource_enter(&doorbell->resource))
		return;
	doorbell->cb(doorbell->data);
	vmci_resource_leave(&doorbell->resource);
}

static void call_later(struct work_struct *work)
{
	struct doorbell *doorbell = container_of(work, struct doorbell, work);

	call(doorbell);
	vmci_resource_put(&doorbell->resource);
}

/* The handle wanted, after vmci.md 6.3 */
static int choose_handle(struct vmci_handle wanted, struct vmci_handle *out)
{
	u32 own_cid = vmsock_vmci_get_context_id();

	if (vmci_handle_is_invalid(wanted)) {
		if (own_cid == VMCI_INVALID_ID)
			return VMCI_ERROR_NO_RESOURCES;
		wanted.context = own_cid;
	} else if (wanted.resource == VMCI_INVALID_ID ||
		   (wanted.context != VMCI_HOST_CONTEXT_ID && wanted.context != own_cid)) {
		return VMCI_ERROR_INVALID_ARGS;
	}
	*out = wanted;
	return VMCI_SUCCESS;
}

static bool is_linked(const struct vmci_doorbell_link *link)
{
	return !hlist_unhashed(&link->at_index);
}

static int link_doorbell(struct vmci_doorbell_link *link, struct vmci_resource *doorbell)
{
	int result = VMCI_SUCCESS;

	link->doorbell = doorbell;
	INIT_HLIST_NODE(&link->at_index);
	mutex_lock(&device_lock);
	if (device)
		result = device->link(link);
	if (result >= 0)
		list_add_tail(&link->node, &links);
	mutex_unlock(&device_lock);
	return result;
}

static void unlink_doorbell(struct vmci_doorbell_link *link)
{
	mutex_lock(&device_lock);
	list_del(&link->node);
	if (is_linked(link))
		device->unlink(link);
	mutex_unlock(&device_lock);
}

/**
 * vmci_doorbell_device_set() - a device has come, or goes
 * @new: it, NULL when it goes: doorbells are unlinked then, and not called by it any more
 *
 * Context: process context, may sleep.
 */
void vmci_doorbell_device_set(const struct vmci_doorbell_device *new)
{
	struct vmci_doorbell_link *link;

	mutex_lock(&device_lock);
	list_for_each_entry(link, &links, node) {
		if (!new && is_linked(link))
			device->unlink(link);
		if (new && new->link(link) < 0)
			pr_warn("the device does not take doorbell {%u, %u}\n",
				link->doorbell->handle.context, link->doorbell->handle.resource);
	}
	device = new;
	mutex_unlock(&device_lock);
}

static void retire(struct vmci_resource *resource)
{
	vmci_resource_retire(resource);
	vmci_resource_put(resource);
}

int vmsock_vmci_doorbell_create(struct vmci_handle *io, u32 flags, u32 priv, vmci_doorbell_cb cb,
				void *data)
{
	struct vmci_handle handle;
	struct doorbell *doorbell;
	int result;

	if (!io || !cb || (flags & ~VMCI_FLAG_DELAYED_CB) || (priv & ~VMCI_PRIVILEGE_ALL_FLAGS))
		return VMCI_ERROR_INVALID_ARGS;
	result = choose_handle(*io, &handle);
	if (result < 0)
		return result;

	doorbell = kzalloc(sizeof(*doorbell), GFP_KERNEL);
	if (!doorbell)
		return VMCI_ERROR_NO_MEM;
	doorbell->priv = priv;
	doorbell->cb = cb;
	doorbell->data = data;
	doorbell->delayed = flags & VMCI_FLAG_DELAYED_CB;
	INIT_WORK(&doorbell->work, call_later);

	result = vmci_resource_add(&doorbell->resource, VMCI_RESOURCE_DOORBELL, handle,
				   release_doorbell);
	if (result < 0) {
		kfree(doorbell);
		return result;
	}
	handle = doorbell->resource.handle;
	result = link_doorbell(&doorbell->link, &doorbell->resource);
	if (result < 0) {
		vmci_resource_remove(handle, VMCI_RESOURCE_DOORBELL);
		retire(&doorbell->resource);
		return result;
	}
	*io = handle;
	return VMCI_SUCCESS;
}
EXPORT_SYMBOL_GPL(vmsock_vmci_doorbell_create);

int vmsock_vmci_doorbell_destroy(struct vmci_handle handle)
{
	struct vmci_resource *resource;

	might_sleep();
	if (handle.context == VMCI_INVALID_ID || handle.resource == VMCI_INVALID_ID)
		return VMCI_ERROR_INVALID_ARGS;
	resource = vmci_resource_remove(handle, VMCI_RESOURCE_DOORBELL);
	if (!resource)
		return VMCI_ERROR_NOT_FOUND;
	unlink_doorbell(&to_doorbell(resource)->link);
	retire(resource);
	return VMCI_SUCCESS;
}
EXPORT_SYMBOL_GPL(vmsock_vmci_doorbell_destroy);

static bool ring_later(struct doorbell *doorbell)
{
	if (!kref_get_unless_zero(&doorbell->resource.refs))
		return false;
	if (!vmci_delivery_work(&doorbell->work))
		vmci_resource_put(&doorbell->resource);
	return true;
}

static bool ring(struct doorbell *doorbell)
{
	if (doorbell->delayed)
		return ring_later(doorbell);
	call(doorbell);
	return true;
}

/**
 * vmci_doorbell_rung() - the device has rung a doorbell
 * @link: found in an RCU read-side section
 *
 * Context: any but NMI.
 */
void vmci_doorbell_rung(struct vmci_doorbell_link *link)
{
	ring(to_doorbell(link->doorbell));
}

/* A doorbell of the host; @priv are the ringer's, NULL if it is the host itself */
static int ring_of_host(struct vmci_handle handle, const u32 *priv)
{
	struct vmci_resource *resource;
	int result = VMCI_ERROR_NOT_FOUND;

	rcu_read_lock();
	resource = vmci_resource_find(handle, VMCI_RESOURCE_DOORBELL);
	if (resource && priv && !vmci_privilege_allows(*priv, to_doorbell(resource)->priv))
		result = VMCI_ERROR_NO_ACCESS;
	else if (resource && ring(to_doorbell(resource)))
		result = VMCI_SUCCESS;
	rcu_read_unlock();
	return result;
}

/* A doorbell of a virtual machine; @priv as above, NULL if it is the machine itself */
static int ring_of_vm(struct vmci_handle handle, const u32 *priv)
{
	struct vmci_context *context = vmci_context_get(handle.context);
	int result;

	if (!context)
		return VMCI_ERROR_NOT_FOUND;
	if (priv && !vmci_privilege_allows(*priv, context->priv))
		result = VMCI_ERROR_NO_ACCESS;
	else
		result = vmci_inbox_bell_ring(&context->inbox, handle);
	vmci_context_put(context);
	return result;
}

/**
 * vmci_doorbell_ring() - a client of the host rings (vmci.md 6.4)
 * @handle: of a doorbell of the host or of a virtual machine
 * @priv: the client's privileges, 0 for those of the host
 *
 * Context: any but NMI.
 * Return: VMCI_SUCCESS, NOT_FOUND or NO_ACCESS.
 */
int vmci_doorbell_ring(struct vmci_handle handle, u32 priv)
{
	if (handle.context == VMCI_HOST_CONTEXT_ID)
		return ring_of_host(handle, NULL);
	return ring_of_vm(handle, &priv);
}

/**
 * vmci_doorbell_ring_from_vm() - a virtual machine rings (vmci.md 6.4)
 * @from: the virtual machine
 * @handle: of the doorbell, not invalid
 *
 * Context: process context.
 * Return: VMCI_SUCCESS, NOT_FOUND, DST_UNREACHABLE or NO_ACCESS.
 */
int vmci_doorbell_ring_from_vm(const struct vmci_context *from, struct vmci_handle handle)
{
	if (handle.context == from->cid)
		return ring_of_vm(handle, NULL);
	if (!vmci_context_exists(handle.context))
		return VMCI_ERROR_NOT_FOUND;
	if (vmci_is_vm(handle.context))
		return VMCI_ERROR_DST_UNREACHABLE;
	return ring_of_host(handle, &from->priv);
}

int vmsock_vmci_doorbell_notify(struct vmci_handle handle, u32 priv)
{
	struct vmci_handle src = { VMCI_INVALID_ID, VMCI_INVALID_ID };
	const struct vmci_personality *personality;
	int result;

	if (handle.context == VMCI_INVALID_ID || handle.resource == VMCI_INVALID_ID)
		return VMCI_ERROR_INVALID_ARGS;
	result = vmci_personality_find(handle, &src, &personality);
	if (result < 0)
		return result;
	return personality->doorbell_notify(handle, priv);
}
EXPORT_SYMBOL_GPL(vmsock_vmci_doorbell_notify);
