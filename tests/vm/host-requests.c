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

#include <stdatomic.h>

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

static const struct vmtest own_rows[] = {
	{ "8.8 A13", "SET_NOTIFY: several at a time", flag_races, 60 },
};

int main(int argc, char **argv)
{
	host_run(argc, argv, host_rows, ARRAY_SIZE(host_rows));
	host_run(argc, argv, own_rows, ARRAY_SIZE(own_rows));
	return done_testing();
}
