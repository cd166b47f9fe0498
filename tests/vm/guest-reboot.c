// SPDX-License-Identifier: GPL-2.0-or-later
/* guest-reboot - a guest reboots in the middle of its connections, and talks to its host again
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-kernels: 6.1 7.3 debug
 * vm-modules: vmsock
 * vm-device: --cid 42 --uds %D/host
 * vm-qemu: -action reboot=reset
 * vm-timeout: 600
 */
#include "guest-host.h"

#include <sys/reboot.h>

static void die(void)
{
	busy();
	sync();
	reboot(RB_AUTOBOOT);
}

static const struct vmtest first_start[] = {
	{ "guest-host", "connections, and a reboot", die },
};

static const struct vmtest second_start[] = {
	{ "guest-host", "bytes both ways again, all sizes of queues", guest_calls, 300 },
	{ "guest-host", "the host calls again", host_calls, 300 },
	{ "guest-host", "many connections at a time", parallel },
};

int main(int argc, char **argv)
{
	vmtest_begin();
	if (starts() == 1)
		return vmtest_main(argc, argv, first_start, ARRAY_SIZE(first_start));
	return vmtest_main(argc, argv, second_start, ARRAY_SIZE(second_start));
}
