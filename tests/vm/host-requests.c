// SPDX-License-Identifier: GPL-2.0-or-later
/* host-requests - /dev/vmci request by request and version by version
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-modules: vmci
 * vm-bits: 64 32
 * vm-timeout: 240
 */
#include "host-requests.h"
#include "module.h"

#include <stdatomic.h>

/* --- a client of the host ----------------------------------------------------------------- */

#define RING_FILE	"/sys/module/vm_bell/parameters/ring"

static void rung_by_client(void)
{
	struct vmci_handle rung[2];
	int fd = monitor(FIRST_CID);

	need_ok(insert("vm_bell"));
	need(create_bell(fd, (struct vmci_handle){ FIRST_CID, 7 }) == VMCI_SUCCESS);
	expect_errno(put_text(RING_FILE, "100 8"), ENXIO);
	expect_errno(put_text(RING_FILE, "101 7"), ENXIO);
	expect_is(revents(fd), 0);
	expect_ok(put_text(RING_FILE, "100 7"));
	expect_is(revents(fd), POLLIN);
	expect_is(take_rung(fd, rung, ARRAY_SIZE(rung)), 1);
	expect_is(rung[0].context, FIRST_CID);
	expect_is(rung[0].resource, 7);
	need_ok(take_out("vm_bell"));
}

/* --- races ---------------------------------------------------------------------------------- */

struct racers {
	int fd;
	uint8_t *pages;
	atomic_bool stop;
	atomic_int set;
};

static void race_set(void *arg)
{
	struct racers *racers = arg;

	while (!racers->stop)
		if (set_notify(racers->fd, racers->pages + rand() % (4 * PAGE)) == 0)
			racers->set++;
}

static void race_unset(void *arg)
{
	struct racers *racers = arg;

	while (!racers->stop)
		set_notify(racers->fd, NULL);
}

/* CVE-2025-38102, 12.4 no. 13: on the debug kernel nothing is used that is free */
static void flag_races(void)
{
	struct racers racers = { .fd = monitor(FIRST_CID), .pages = map_pages(4) };
	struct task tasks[3];

	start_task(&tasks[0], race_set, &racers);
	start_task(&tasks[1], race_set, &racers);
	start_task(&tasks[2], race_unset, &racers);
	for (int i = 0; i < rounds(500); i++) {
		union message *got;

		send_message(racers.fd, mine, mine, 0);
		receive_message(racers.fd, &got);
	}
	racers.stop = true;
	for (int i = 0; i < 3; i++)
		join_task(&tasks[i]);
	expect(racers.set > 0);
	expect_is(set_notify(racers.fd, NULL), VMCI_SUCCESS);
	expect_is(set_notify(racers.fd, racers.pages), VMCI_SUCCESS);
}

/* --- how many pairs ---------------------------------------------------------------------- */

/* The kernel's driver has the same limit, and takes minutes to detach so many again */
static void pair_quota(void)
{
	struct vmci_handle handle = { FIRST_CID, 0 };
	int fd = monitor_of(VMCI_VERSION_NOTIFY, FIRST_CID, 0);

	for (; handle.resource < VMCI_MAX_GUEST_QP_COUNT; handle.resource++)
		need(alloc_old(fd, handle, HOST, 0, 1, 1) == VMCI_SUCCESS_QUEUEPAIR_CREATE);
	expect_is(alloc_old(fd, handle, HOST, 0, 1, 1), VMCI_ERROR_NO_MEM);
	handle.resource--;
	expect_is(detach_pair(fd, handle), VMCI_SUCCESS_LAST_DETACH);
	expect_is(alloc_old(fd, handle, HOST, 0, 1, 1), VMCI_SUCCESS_QUEUEPAIR_CREATE);
}

/* --- what pages cost --------------------------------------------------------------------- */

static void pages_are_charged(void)
{
	int fd = monitor(FIRST_CID);

	expect_is(locked_kib(), 0);
	need(alloc_block(fd, good_block()) == 0);
	expect_is(locked_kib(), 16);
	need(set_va(fd, pair, NULL) == 0);
	expect_is(locked_kib(), 0);
	need(set_va(fd, pair, pair_memory(pair, PAGE, PAGE)) == 0);
	expect_is(locked_kib(), 16);
	expect_is(alloc_pair(fd, mine, HOST, PAGE, PAGE, nowhere()), VMCI_ERROR_NO_MEM);
	expect_is(locked_kib(), 16);
	close(fd);
	expect_is(locked_kib(), 0);
}

static void pages_are_limited(void)
{
	struct rlimit limit = { 5 * PAGE, 5 * PAGE };
	struct vmci_handle next = { FIRST_CID, 2001 };
	int fd = monitor(FIRST_CID);

	need_ok(setrlimit(RLIMIT_MEMLOCK, &limit));
	drop_privileges();
	expect_is(alloc_block(fd, good_block()), VMCI_SUCCESS);
	expect_is(alloc_pair(fd, next, HOST, PAGE, PAGE, map_pages(4)), VMCI_ERROR_NO_RESOURCES);
	expect_is(detach_pair(fd, next), VMCI_ERROR_NOT_FOUND);
	need(detach_pair(fd, pair) == 0);
	expect_is(alloc_pair(fd, next, HOST, PAGE, PAGE, map_pages(4)), VMCI_SUCCESS);
}

static const struct vmtest own_rows[] = {
	{ "6.4", "a client of the host rings the machine's doorbell", rung_by_client },
	{ "8.12 N4 A11", "how many queue pairs a context has", pair_quota, 120 },
	{ "8.12 S19", "pinned pages are locked memory", pages_are_charged },
	{ "8.12 S19", "and limited like it", pages_are_limited },
	{ "8.8 A13", "SET_NOTIFY: several at a time", flag_races, 60 },
};

int main(int argc, char **argv)
{
	host_run(argc, argv, host_rows, ARRAY_SIZE(host_rows));
	host_run(argc, argv, own_rows, ARRAY_SIZE(own_rows));
	return done_testing();
}
