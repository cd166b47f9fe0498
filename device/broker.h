/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * broker.h - who may meet whom at which queue pair
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vmci.md 5.7 and 5.8, for one guest and the host.  A pair has two ends, and is known as long as
 * one of them is there.
 */
#ifndef DEVICE_BROKER_H
#define DEVICE_BROKER_H

#include <stdbool.h>

#include "vmci/wire.h"

struct broker;
struct pair;
struct stream;

/* A queue pair and its ends */
struct bond {
	struct vmci_handle handle;
	__u64 size;		/* of either ring, as the host has offered it */
	struct pair *pair;	/* the guest's end, which has the memory */
	struct stream *stream;	/* the host's */
	bool over;		/* the host has left: nobody can attach any more */
	struct bond *next;
};

struct broker *broker_new(void);
void broker_free(struct broker *broker);

/* A pair that the guest may attach to; NULL without memory */
struct bond *broker_offer(struct broker *broker, struct stream *stream, __u64 size);

/**
 * broker_guest_enter() - the guest creates a pair, or attaches to one that was offered
 * @broker: of one VM
 * @cid: of the guest
 * @pair: its owner is set on success
 *
 * Return: VMCI_SUCCESS or why it may not.
 */
__s32 broker_guest_enter(struct broker *broker, __u32 cid, struct pair *pair);

/* The guest is gone from @bond; frees it when it was the last */
void broker_guest_leave(struct broker *broker, struct bond *bond);

/**
 * broker_host_enter() - the host attaches to a pair that the guest has created
 * @broker: of one VM
 * @stream: the host's end
 * @handle: of the pair
 * @size: expected of either ring
 * @result: why it may not, written when it may not
 *
 * Return: the bond, or NULL.
 */
struct bond *broker_host_enter(struct broker *broker, struct stream *stream,
			       struct vmci_handle handle, __u64 size, __s32 *result);

/* The host is gone from @bond; true when the guest is still there and wants to know */
bool broker_host_leave(struct broker *broker, struct bond *bond);

#endif /* DEVICE_BROKER_H */
