// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * slots.c - who gets which byte of the notification bitmap
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "common/slots.h"

#define MOST_USERS	0xffffu

static __u32 least_used(const struct vmci_slots *slots)
{
	__u32 slot, best = 0;

	for (slot = 0; slot < slots->count && slots->users[best]; slot++)
		if (slots->users[slot] < slots->users[best])
			best = slot;
	return best;
}

__u32 vmci_slots_get(struct vmci_slots *slots)
{
	__u32 slot = least_used(slots);

	if (slots->users[slot] == MOST_USERS)
		return slots->count;
	slots->users[slot]++;
	if (slot >= slots->limit)
		slots->limit = slot + 1;
	return slot;
}

void vmci_slots_put(struct vmci_slots *slots, __u32 slot)
{
	slots->users[slot]--;
	while (slots->limit && !slots->users[slots->limit - 1])
		slots->limit--;
}
