// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * broker.c - who may meet whom at which queue pair
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <stdlib.h>

#include "broker.h"
#include "common/packet.h"
#include "queue_pair.h"
#include "vmci/errors.h"

#define BUCKETS 1024u

struct broker {
	struct bond *buckets[BUCKETS];
	__u32 last_resource;	/* given to an offer */
};

struct broker *broker_new(void)
{
	struct broker *broker = calloc(1, sizeof(*broker));

	if (broker)
		broker->last_resource = VMCI_RESERVED_RESOURCE_ID_MAX;
	return broker;
}

void broker_free(struct broker *broker)
{
	for (unsigned int i = 0; broker && i < BUCKETS; i++)
		while (broker->buckets[i]) {
			struct bond *bond = broker->buckets[i];

			broker->buckets[i] = bond->next;
			free(bond);
		}
	free(broker);
}

static struct bond **bucket(struct broker *broker, struct vmci_handle handle)
{
	return &broker->buckets[(handle.resource * 31u + handle.context) % BUCKETS];
}

static struct bond *find(struct broker *broker, struct vmci_handle handle)
{
	struct bond *bond = *bucket(broker, handle);

	while (bond && !vmci_handle_equal(bond->handle, handle))
		bond = bond->next;
	return bond;
}

static struct bond *add(struct broker *broker, struct vmci_handle handle)
{
	struct bond *bond = calloc(1, sizeof(*bond));
	struct bond **at = bucket(broker, handle);

	if (!bond)
		return NULL;
	bond->handle = handle;
	bond->next = *at;
	*at = bond;
	return bond;
}

static void forget(struct broker *broker, struct bond *bond)
{
	struct bond **at = bucket(broker, bond->handle);

	while (*at != bond)
		at = &(*at)->next;
	*at = bond->next;
	free(bond);
}

static struct vmci_handle unused_handle(struct broker *broker)
{
	struct vmci_handle handle = { .context = VMCI_HOST_CONTEXT_ID };

	do {
		broker->last_resource++;
		if (broker->last_resource <= VMCI_RESERVED_RESOURCE_ID_MAX ||
		    broker->last_resource == VMCI_INVALID_ID)
			broker->last_resource = VMCI_RESERVED_RESOURCE_ID_MAX + 1;
		handle.resource = broker->last_resource;
	} while (find(broker, handle));
	return handle;
}

struct bond *broker_offer(struct broker *broker, struct stream *stream, __u64 size)
{
	struct bond *bond = add(broker, unused_handle(broker));

	if (!bond)
		return NULL;
	bond->stream = stream;
	bond->size = size;
	return bond;
}

/* Flags that creator and attacher must have in common (vmci.md 5.4) */
static bool flags_match(__u32 creator, __u32 attacher)
{
	return (creator & ~VMCI_QP_ASYMM) == (attacher & ~VMCI_QP_ASYMM_PEER);
}

static bool sizes_match(const struct pair *pair, __u64 size)
{
	return pair->in_size == size && pair->out_size == size;
}

/* Table "create" of vmci.md 5.7 */
static __s32 guest_creates(struct broker *broker, __u32 cid, struct pair *pair)
{
	struct bond *bond;

	if (pair->flags & VMCI_QPFLAG_ATTACH_ONLY)
		return VMCI_ERROR_NOT_FOUND;
	if (pair->handle.resource == VMCI_INVALID_ID)
		return VMCI_ERROR_NO_HANDLE;
	if (pair->handle.context != cid && pair->handle.context != pair->peer)
		return VMCI_ERROR_NO_ACCESS;
	if (pair->peer != VMCI_INVALID_ID && pair->peer > VMCI_HOST_CONTEXT_ID)
		return VMCI_ERROR_DST_UNREACHABLE;
	bond = add(broker, pair->handle);
	if (!bond)
		return VMCI_ERROR_NO_MEM;
	bond->pair = pair;
	pair->owner = bond;
	return VMCI_SUCCESS;
}

/* Table "attach", where the host has created and lets the one guest in */
static __s32 guest_attaches(struct bond *bond, struct pair *pair)
{
	if (bond->pair)
		return VMCI_ERROR_ALREADY_EXISTS;
	if (!flags_match(0, pair->flags) || !sizes_match(pair, bond->size))
		return VMCI_ERROR_QUEUEPAIR_MISMATCH;
	bond->pair = pair;
	pair->owner = bond;
	return VMCI_SUCCESS;
}

__s32 broker_guest_enter(struct broker *broker, __u32 cid, struct pair *pair)
{
	struct bond *bond = find(broker, pair->handle);

	return bond ? guest_attaches(bond, pair) : guest_creates(broker, cid, pair);
}

void broker_guest_leave(struct broker *broker, struct bond *bond)
{
	bond->pair = NULL;
	bond->over = true;
	if (!bond->stream)
		forget(broker, bond);
}

/* Table "attach", where the guest has created; the memory is there, or the pair would not be */
static __s32 host_may_attach(const struct bond *bond, __u64 size)
{
	if (!bond)
		return VMCI_ERROR_NOT_FOUND;
	if (bond->over || !bond->pair)
		return VMCI_ERROR_UNAVAILABLE;
	if (bond->stream)
		return VMCI_ERROR_ALREADY_EXISTS;
	if (bond->pair->peer != VMCI_INVALID_ID && bond->pair->peer != VMCI_HOST_CONTEXT_ID)
		return VMCI_ERROR_NO_ACCESS;
	if (!flags_match(bond->pair->flags, 0) || !sizes_match(bond->pair, size))
		return VMCI_ERROR_QUEUEPAIR_MISMATCH;
	return VMCI_SUCCESS;
}

struct bond *broker_host_enter(struct broker *broker, struct stream *stream,
			       struct vmci_handle handle, __u64 size, __s32 *result)
{
	struct bond *bond = find(broker, handle);
	__s32 verdict = host_may_attach(bond, size);

	if (verdict < 0) {
		*result = verdict;
		return NULL;
	}
	bond->stream = stream;
	return bond;
}

bool broker_host_leave(struct broker *broker, struct bond *bond)
{
	bool guest_stays = bond->pair;

	bond->stream = NULL;
	bond->over = true;
	if (!guest_stays)
		forget(broker, bond);
	return guest_stays;
}
