// SPDX-License-Identifier: GPL-2.0-only
/*
 * resource.c - what has a handle: datagram endpoints, doorbells, queue pairs
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Theory of operation
 *
 * One hash table for all types, hashed by resource id: an entry may have been registered
 * for any context, and a search may be for any context (vmci.md 1.3), so the context
 * cannot be part of the key.  Readers run under RCU in any context, writers in process
 * context under table_lock, which nests inside everything.
 *
 * A resource has two counters.  `refs` keeps its memory: the table has one, so has
 * everything queued for it.  `users` keeps its client: a callback runs only between
 * vmci_resource_enter() and vmci_resource_leave(), and vmci_resource_retire() waits until
 * nobody is inside and lets nobody in again.  A destroyer thus waits for its own callback
 * and for nothing else; what is still queued finds the door shut and is dropped.
 */
#include <linux/hashtable.h>
#include <linux/spinlock.h>

#include <vmci/errors.h>

#include "resource.h"

#define TABLE_BITS	12
#define FIRST_AUTO_ID	(VMCI_RESERVED_RESOURCE_ID_MAX + 1)

static DEFINE_HASHTABLE(table, TABLE_BITS);
static DEFINE_SPINLOCK(table_lock);
static u32 next_id = FIRST_AUTO_ID;

static bool matches(const struct vmci_resource *resource, struct vmci_handle handle,
		    enum vmci_resource_type type)
{
	u32 context = resource->handle.context;

	return resource->type == type && resource->handle.resource == handle.resource &&
	       (context == handle.context || context == VMCI_INVALID_ID ||
		handle.context == VMCI_INVALID_ID);
}

static bool is_exactly(const struct vmci_resource *resource, struct vmci_handle handle,
		       enum vmci_resource_type type)
{
	return resource->type == type && resource->handle.resource == handle.resource &&
	       resource->handle.context == handle.context;
}

/**
 * vmci_resource_find() - the resource behind a handle
 * @handle: its context may be VMCI_INVALID_ID for any
 * @type: name space
 *
 * Context: the caller is in an RCU read-side section or holds table_lock; the result is
 * valid only there.
 */
struct vmci_resource *vmci_resource_find(struct vmci_handle handle, enum vmci_resource_type type)
{
	struct vmci_resource *resource;

	hash_for_each_possible_rcu(table, resource, node, handle.resource,
				   lockdep_is_held(&table_lock)) {
		if (matches(resource, handle, type))
			return resource;
	}
	return NULL;
}

/**
 * vmci_resource_get() - the same with a reference, which the caller puts
 * @handle: as for vmci_resource_find()
 * @type: name space
 */
struct vmci_resource *vmci_resource_get(struct vmci_handle handle, enum vmci_resource_type type)
{
	struct vmci_resource *resource;

	rcu_read_lock();
	resource = vmci_resource_find(handle, type);
	if (resource && !kref_get_unless_zero(&resource->refs))
		resource = NULL;
	rcu_read_unlock();
	return resource;
}

/* One cycle through all ids that may be assigned (vmci.md 1.3); table_lock is held. */
static bool assign_id(struct vmci_handle *handle, enum vmci_resource_type type)
{
	u32 first = next_id;

	do {
		handle->resource = next_id++;
		if (next_id == VMCI_INVALID_ID)
			next_id = FIRST_AUTO_ID;
		if (!vmci_resource_find(*handle, type))
			return true;
	} while (next_id != first);
	return false;
}

/**
 * vmci_resource_add() - give a resource its handle and put it into the table
 * @resource: to be initialised; the table takes the first reference
 * @type: name space
 * @handle: wanted; resource VMCI_INVALID_ID has one assigned
 * @release: frees the object when its last reference goes, its memory after a grace
 *	period; any context
 *
 * Return: VMCI_SUCCESS, NO_HANDLE or ALREADY_EXISTS; @resource is the caller's to free then.
 */
int vmci_resource_add(struct vmci_resource *resource, enum vmci_resource_type type,
		      struct vmci_handle handle, void (*release)(struct vmci_resource *))
{
	int result = VMCI_SUCCESS;

	resource->type = type;
	resource->release = release;
	kref_init(&resource->refs);
	refcount_set(&resource->users, 1);
	init_completion(&resource->idle);

	spin_lock(&table_lock);
	if (handle.resource == VMCI_INVALID_ID) {
		if (!assign_id(&handle, type))
			result = VMCI_ERROR_NO_HANDLE;
	} else if (vmci_resource_find(handle, type)) {
		result = VMCI_ERROR_ALREADY_EXISTS;
	}
	if (result == VMCI_SUCCESS) {
		resource->handle = handle;
		hash_add_rcu(table, &resource->node, handle.resource);
	}
	spin_unlock(&table_lock);
	return result;
}

/**
 * vmci_resource_remove() - take a resource out of the table
 * @handle: exactly as registered
 * @type: name space, compared as well
 *
 * Return: the resource with the table's reference, or NULL.
 */
struct vmci_resource *vmci_resource_remove(struct vmci_handle handle,
					   enum vmci_resource_type type)
{
	struct vmci_resource *resource, *found = NULL;

	spin_lock(&table_lock);
	hash_for_each_possible(table, resource, node, handle.resource) {
		if (is_exactly(resource, handle, type)) {
			hash_del_rcu(&resource->node);
			found = resource;
			break;
		}
	}
	spin_unlock(&table_lock);
	return found;
}

void vmci_resource_hold(struct vmci_resource *resource)
{
	kref_get(&resource->refs);
}

static void last_put(struct kref *refs)
{
	struct vmci_resource *resource = container_of(refs, struct vmci_resource, refs);

	resource->release(resource);
}

void vmci_resource_put(struct vmci_resource *resource)
{
	kref_put(&resource->refs, last_put);
}

/**
 * vmci_resource_enter() - may its client be called now
 * @resource: with a reference, or found in this RCU read-side section
 *
 * Return: true, vmci_resource_leave() must follow; false when it is being destroyed.
 */
bool vmci_resource_enter(struct vmci_resource *resource)
{
	return refcount_inc_not_zero(&resource->users);
}

void vmci_resource_leave(struct vmci_resource *resource)
{
	if (refcount_dec_and_test(&resource->users))
		complete(&resource->idle);
}

/**
 * vmci_resource_retire() - wait until its client is not called and never will be again
 * @resource: removed from the table
 *
 * Context: process context, may sleep; never from a callback of @resource.
 */
void vmci_resource_retire(struct vmci_resource *resource)
{
	vmci_resource_leave(resource);
	wait_for_completion(&resource->idle);
}
