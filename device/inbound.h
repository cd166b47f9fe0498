/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inbound.h - the queue of datagrams for the guest
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vmci.md 3.8 and 3.12: first in, first out, with a limit that leaves room for events.
 */
#ifndef DEVICE_INBOUND_H
#define DEVICE_INBOUND_H

#include <glib.h>
#include <stdbool.h>

#include "vmci/wire.h"

struct function;

/* A datagram as the guest gets it */
struct parcel {
	size_t size;		/* of datagram, with zeros up to a multiple of VMCI_DG_ALIGNMENT */
	size_t charge;		/* without them: what counts for the limit */
	struct vmci_datagram datagram;	/* the payload follows */
};

struct inbound {
	GQueue parcels;
	size_t bytes;		/* charged */
	bool refused;		/* somebody waits for room */
};

void inbound_init(struct function *function);
/* Drops all of them */
void inbound_reset(struct function *function);

/**
 * inbound_push() - queue a datagram and raise the cause
 * @function: of the VM
 * @datagram: copied; its destination is the guest
 *
 * Return: its size; VMCI_ERROR_UNAVAILABLE while no driver listens, VMCI_ERROR_INVALID_ARGS when
 * it is too large, VMCI_ERROR_NO_RESOURCES when the queue is full, VMCI_ERROR_NO_MEM.
 */
__s32 inbound_push(struct function *function, const struct vmci_datagram *datagram);

/* An event from the hypervisor; @data: event id and what belongs to it */
__s32 inbound_push_event(struct function *function, const struct vmci_event_data *data,
			 size_t size);

/* The oldest, or NULL; it stays until inbound_pop() */
const struct parcel *inbound_peek(struct function *function);
void inbound_pop(struct function *function);

/* After popping: says again that there are some, and that there is room */
void inbound_settle(struct function *function);

#endif /* DEVICE_INBOUND_H */
