// SPDX-License-Identifier: GPL-2.0-or-later
/* slots-test.c - who gets which byte of the notification bitmap (vmci.md 6.2)
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <common/slots.h>

#include "tap.h"

#define COUNT 8u

static uint16_t users[COUNT];
static struct vmci_slots slots;

static void begin(void)
{
	memset(users, 0, sizeof(users));
	slots = (struct vmci_slots){ .users = users, .count = COUNT };
}

static void test_own(void)
{
	begin();
	for (uint32_t i = 0; i < COUNT; i++)
		is_u64(vmci_slots_get(&slots), i, "the lowest that is unused: %u", i);
	is_u64(slots.limit, COUNT, "all are scanned");
	vmci_slots_put(&slots, 3);
	is_u64(slots.limit, COUNT, "a gap is scanned, too");
	is_u64(vmci_slots_get(&slots), 3, "12.4 no. 16: the gap, not what is behind");
}

static void test_shared(void)
{
	uint32_t given[COUNT] = { 0 };

	begin();
	for (uint32_t i = 0; i < 3 * COUNT; i++)
		given[vmci_slots_get(&slots)]++;
	for (uint32_t i = 0; i < COUNT; i++)
		is_u64(given[i], 3, "shared evenly: %u", i);
	vmci_slots_put(&slots, 5);
	is_u64(vmci_slots_get(&slots), 5, "the one with the fewest");
}

static void test_full(void)
{
	begin();
	for (uint32_t i = 0; i < COUNT; i++)
		users[i] = 0xffff;
	is_u64(vmci_slots_get(&slots), COUNT, "no more than can be counted");
	is_u64(users[0], 0xffff, "and nothing is counted then");
}

static void test_limit(void)
{
	begin();
	for (uint32_t i = 0; i < 4; i++)
		vmci_slots_get(&slots);
	vmci_slots_put(&slots, 1);
	vmci_slots_put(&slots, 2);
	vmci_slots_put(&slots, 3);
	is_u64(slots.limit, 1, "the range that is scanned shrinks");
	vmci_slots_put(&slots, 0);
	is_u64(slots.limit, 0, "to nothing");
}

int main(void)
{
	test_own();
	test_shared();
	test_full();
	test_limit();
	return done_testing();
}
