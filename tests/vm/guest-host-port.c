// SPDX-License-Identifier: GPL-2.0-or-later
/* guest-host-port - our drivers in a guest talk to programs on its host through ports
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A device as of old, that has no registers in memory: each byte of a datagram is an access.
 *
 * vm-modules: vmsock
 * vm-device: --cid 42 --uds %D/host --classic
 * vm-args: VMSOCK_DEVICE_CID=42
 * vm-timeout: 900
 * vm-kernels: 7.3 debug
 */
#include "guest-host.h"

static void in_turn(void)
{
	sequence(3, 17);
}

static const struct vmtest rows[] = {
	{ "guest-port", "the context is the device's", context },
	{ "guest-port", "the guest calls: bytes both ways, all sizes of queues", guest_calls, 600 },
	{ "guest-port", "half-close", half_close, 60 },
	{ "guest-port", "nobody listens on the host: ECONNRESET", nobody },
	{ "guest-port", "nobody listens in the guest: the host is told", nobody_here },
	{ "guest-port", "the host leaves bytes unread", abort_here, 60 },
	{ "guest-port", "connections one after the other", in_turn, 300 },
	{ "guest-port", "many connections at a time", parallel, 120 },
	{ "guest-port", "datagrams both ways, with their sender", datagrams, 300 },
};

int main(int argc, char **argv)
{
	port_io = true;
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
