// SPDX-License-Identifier: GPL-2.0-or-later
/* guest-host - our drivers in a guest talk to programs on its host
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-modules: vmsock
 * vm-device: --cid 42 --uds %D/host --control %D/host_4000
 * vm-args: VMSOCK_DEVICE_CID=42
 * vm-timeout: 1200
 */
#include "guest-host.h"
#include "bell.h"

static void in_turn(void)
{
	sequence(full() ? 1000 : 200, full() ? 1000 : 200);
}

static void reload(void)
{
	under_traffic(rebind, full() ? 20 : 5);
}

static const struct vmtest rows[] = {
	{ "guest-host", "the context is the device's", context },
	{ "guest-host", "the guest calls: bytes both ways, all sizes of queues", guest_calls, 600 },
	{ "guest-host", "the host calls: bytes both ways, all sizes of queues", host_calls, 600 },
	{ "guest-host", "half-close", half_close },
	{ "guest-host", "nobody listens on the host: ECONNRESET", nobody },
	{ "guest-host", "nobody listens in the guest: the host is told", nobody_here },
	{ "guest-host", "the host leaves bytes unread", abort_here },
	{ "guest-host", "connections one after the other", in_turn, 300 },
	{ "guest-host", "many connections at a time", parallel },
	{ "guest-host", "datagrams both ways, with their sender", datagrams },
	{ "guest-host", "a doorbell", doorbell },
	{ "guest-host", "driver reload under traffic", reload, 120 },
};

int main(int argc, char **argv)
{
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
