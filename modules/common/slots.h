/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * slots.h - who gets which byte of the notification bitmap
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vmci.md 6.2.  A doorbell has a slot of its own as long as there are
 * unused ones, then shares one.  The lowest is taken, so that the range to be scanned is small.
 */
#ifndef VMSOCK_COMMON_SLOTS_H
#define VMSOCK_COMMON_SLOTS_H

#include <vmci/wire.h>

/**
 * struct vmci_slots - the bytes of a bitmap page
 * @users: doorbells of each slot, @count of them
 * @count: slots; every slot that is given out is below
 * @limit: slots from here on are unused
 */
struct vmci_slots {
	__u16 *users;
	__u32 count;
	__u32 limit;
};

/**
 * vmci_slots_get() - take a slot: the lowest without a user, or else one with the fewest
 * @slots: the caller serialises
 *
 * Return: the slot, or slots->count when each has as many users as can be counted.
 */
__u32 vmci_slots_get(struct vmci_slots *slots);

/* Give a slot back that vmci_slots_get() returned */
void vmci_slots_put(struct vmci_slots *slots, __u32 slot);

#endif /* VMSOCK_COMMON_SLOTS_H */
