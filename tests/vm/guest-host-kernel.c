// SPDX-License-Identifier: GPL-2.0-or-later
/* guest-host-kernel - the kernel's own drivers in a guest talk to programs on its host
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The driver takes a second for each connection that the host closes first, so there are few.
 *
 * vm-modules: vmw_vsock_vmci_transport
 * vm-device: --cid 42 --uds %D/host
 * vm-args: VMSOCK_TEST_FAMILY=40 VMSOCK_DEVICE_CID=42
 * vm-timeout: 1200
 * vm-kernels: 5.10 6.1 7.3
 */
#include "guest-host.h"

#include <sys/utsname.h>

static void in_turn(void)
{
	if (port_io)
		sequence(3, 17);
	else
		sequence(full() ? 10 : 3, full() ? 200 : 50);
}

/* The driver before 5.18 knows no other channel */
static bool is_old(void)
{
	struct utsname name;

	return uname(&name) == 0 && atoi(name.release) < 6;
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
	{ "guest-host", "many connections at a time", parallel, 120 },
	{ "guest-host", "datagrams both ways, with their sender", datagrams, 300 },
};

int main(int argc, char **argv)
{
	port_io = is_old();
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
