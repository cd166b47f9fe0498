// SPDX-License-Identifier: GPL-2.0-only
/*
 * event.c - events of this machine and who subscribed to them
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Theory of operation
 *
 * Subscriptions are lists, one per event; no message is exchanged for them.  A dispatcher
 * walks a list inside a sleepable read-side section, so callbacks may sleep; they must
 * neither unsubscribe nor wait for somebody who does.  Writers hold subscribe_mutex, and
 * wait for the readers before they free.
 *
 * An event that nobody has subscribed to need not be sent at all, and one whose subscribers
 * are all direct can be dispatched by whoever causes it.
 */
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/string.h>

#include <vmci/errors.h>

#include "event.h"
#include "vmci_api.h"

#define EVENT_COUNT (VMCI_EVENT_LAST_DELIVERABLE + 1)

/**
 * struct subscription - one client's interest in one event
 * @id: as the client knows it
 * @event: which
 * @cb: the client
 * @data: for @cb
 * @direct: may be called by whoever causes the event
 * @node: in the list of its event
 */
struct subscription {
	u32 id;
	u32 event;
	vmci_event_cb cb;
	void *data;
	bool direct;
	struct list_head node;
};

/* Payload bytes without which an event means nothing (vmci.md 7.1, 7.2) */
static const u32 form_size[EVENT_COUNT] = {
	[VMCI_EVENT_CTX_ID_UPDATE] = VMCI_EVENT_CONTEXT_SIZE,
	[VMCI_EVENT_CTX_REMOVED] = VMCI_EVENT_CONTEXT_SIZE,
	[VMCI_EVENT_QP_RESUMED] = offsetof(struct vmci_event_data, u),
	[VMCI_EVENT_QP_PEER_ATTACH] = VMCI_EVENT_QP_SIZE,
	[VMCI_EVENT_QP_PEER_DETACH] = VMCI_EVENT_QP_SIZE,
};

static struct list_head subscriptions[EVENT_COUNT];

/* How many there are in each list, and how many of them are not direct */
static struct {
	unsigned int all, indirect;
} counts[EVENT_COUNT];

static DEFINE_MUTEX(subscribe_mutex);
static u32 last_id;	/* given last */
DEFINE_STATIC_SRCU(callbacks);

static struct subscription *find(u32 id)
{
	struct subscription *subscription;
	unsigned int event;

	for (event = 0; event < EVENT_COUNT; event++) {
		list_for_each_entry(subscription, &subscriptions[event], node) {
			if (subscription->id == id)
				return subscription;
		}
	}
	return NULL;
}

/* vmci.md 7.3; 0 when no id was found */
static u32 assign_id(void)
{
	int attempt;

	for (attempt = 0; attempt < VMCI_EVENT_MAX_ATTEMPTS; attempt++) {
		if (++last_id == 0)
			last_id = 1;
		if (!find(last_id))
			return last_id;
	}
	return 0;
}

static void count(u32 event, const struct subscription *subscription, int change)
{
	WRITE_ONCE(counts[event].all, counts[event].all + change);
	if (!subscription->direct)
		WRITE_ONCE(counts[event].indirect, counts[event].indirect + change);
}

/**
 * vmci_event_has_subscribers() - would anybody learn of this event
 * @event: 0 to VMCI_EVENT_LAST_DELIVERABLE
 */
bool vmci_event_has_subscribers(u32 event)
{
	return READ_ONCE(counts[event].all);
}

/* vmci_event_is_direct() - may whoever causes this event dispatch it */
bool vmci_event_is_direct(u32 event)
{
	return !READ_ONCE(counts[event].indirect);
}

static int subscribe(u32 event, vmci_event_cb cb, void *data, bool direct, u32 *id)
{
	struct subscription *subscription;
	int result = VMCI_SUCCESS;

	if (event >= EVENT_COUNT || !cb || !id)
		return VMCI_ERROR_INVALID_ARGS;
	subscription = kzalloc(sizeof(*subscription), GFP_KERNEL);
	if (!subscription)
		return VMCI_ERROR_NO_MEM;
	subscription->cb = cb;
	subscription->data = data;
	subscription->direct = direct;
	subscription->event = event;

	mutex_lock(&subscribe_mutex);
	subscription->id = assign_id();
	if (subscription->id) {
		*id = subscription->id;
		count(event, subscription, 1);
		list_add_tail_rcu(&subscription->node, &subscriptions[event]);
	} else {
		kfree(subscription);
		result = VMCI_ERROR_NO_RESOURCES;
	}
	mutex_unlock(&subscribe_mutex);
	return result;
}

int vmsock_vmci_event_subscribe(u32 event, vmci_event_cb cb, void *data, u32 *id)
{
	return subscribe(event, cb, data, false, id);
}
EXPORT_SYMBOL_GPL(vmsock_vmci_event_subscribe);

int vmsock_vmci_event_subscribe_direct(u32 event, vmci_event_cb cb, void *data, u32 *id)
{
	return subscribe(event, cb, data, true, id);
}
EXPORT_SYMBOL_GPL(vmsock_vmci_event_subscribe_direct);

int vmsock_vmci_event_unsubscribe(u32 id)
{
	struct subscription *subscription;

	mutex_lock(&subscribe_mutex);
	subscription = find(id);
	if (subscription) {
		list_del_rcu(&subscription->node);
		count(subscription->event, subscription, -1);
	}
	mutex_unlock(&subscribe_mutex);
	if (!subscription)
		return VMCI_ERROR_NOT_FOUND;
	synchronize_srcu(&callbacks);
	kfree(subscription);
	return VMCI_SUCCESS;
}
EXPORT_SYMBOL_GPL(vmsock_vmci_event_unsubscribe);

/* Copies what the event carries into a zeroed buffer, or says what is wrong with it */
static int parse(const struct vmci_datagram *dg, struct vmci_event_data *out)
{
	const struct vmci_event_data *data = (const void *)(dg + 1);
	u64 size = dg->payload_size;
	u32 event;

	if (size < offsetof(struct vmci_event_data, u) || size > sizeof(*out))
		return VMCI_ERROR_INVALID_ARGS;
	event = data->event;
	if (event >= EVENT_COUNT)
		return VMCI_ERROR_EVENT_UNKNOWN;
	event = array_index_nospec(event, EVENT_COUNT);
	if (size < form_size[event])
		return VMCI_ERROR_INVALID_ARGS;
	memset(out, 0, sizeof(*out));
	memcpy(out, data, size);
	out->event = event;
	return VMCI_SUCCESS;
}

/**
 * vmci_event_dispatch() - call the subscribers of an event
 * @dg: an event datagram; its payload size is backed by memory, nothing else is trusted
 * @direct: by whoever causes the event: those who do not allow that are left out, they
 *	subscribed after vmci_event_is_direct() was asked
 *
 * Context: process context, may sleep.
 * Return: VMCI_SUCCESS, INVALID_ARGS for a bad size or EVENT_UNKNOWN.
 */
int vmci_event_dispatch(const struct vmci_datagram *dg, bool direct)
{
	struct subscription *subscription;
	struct vmci_event_data data;
	int result = parse(dg, &data);
	int section;

	if (result < 0)
		return result;
	section = srcu_read_lock(&callbacks);
	list_for_each_entry_srcu(subscription, &subscriptions[data.event], node,
				 srcu_read_lock_held(&callbacks))
		if (subscription->direct || !direct)
			subscription->cb(subscription->id, &data, subscription->data);
	srcu_read_unlock(&callbacks, section);
	return VMCI_SUCCESS;
}

void vmci_event_init(void)
{
	unsigned int event;

	for (event = 0; event < EVENT_COUNT; event++)
		INIT_LIST_HEAD(&subscriptions[event]);
}
