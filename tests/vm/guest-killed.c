// SPDX-License-Identifier: GPL-2.0-or-later
/* guest-killed - QEMU is killed in the middle of connections and started again
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-kernels: 6.1 7.3 debug
 * vm-modules: vmsock
 * vm-device: --cid 42 --uds %D/host
 * vm-qemu: -pidfile %D/qemu.pid
 * vm-killed: 1
 * vm-timeout: 600
 */
#include "guest-host.h"

static void die(void)
{
	busy();
	host_connection(PORT_KILLS, 0);
	pause();
}

static const struct vmtest first_start[] = {
	{ "guest-host", "connections, and its end", die },
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
