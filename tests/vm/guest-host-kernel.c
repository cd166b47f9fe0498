// SPDX-License-Identifier: GPL-2.0-or-later
/* guest-host-kernel - the kernel's own drivers in a guest talk to programs on its host
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The driver takes a second for each connection that the host closes first, so there are few.
 *
 * vm-modules: vmw_vsock_vmci_transport
 * vm-device: --cid 42 --uds %D/host --control %D/host_4000
 * vm-args: VMSOCK_TEST_FAMILY=40 VMSOCK_DEVICE_CID=42
 * vm-timeout: 1200
 * vm-kernels: 5.10 6.1 7.3
 */
#include "guest-host.h"
#include "bell.h"

#define MODULE		"vmw_vsock_vmci_transport"

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

/* Connections and datagrams that the host goes on with when this end has gone */
static void traffic(void)
{
	static char bytes[4096];
	int fds[4], socket = dgram_bound(VMADDR_PORT_ANY);

	for (int i = 0; i < 4; i++)
		fds[i] = ordered(ROLE_SOURCE, 1024 * MIB, 65536);
	for (int i = 0; i < 4; i++)
		need(recv(fds[i], bytes, sizeof(bytes), MSG_WAITALL) == sizeof(bytes));
	/* As many as find room, while the host gives them back */
	for (int i = 0; i < (port_io ? 4 : 20); i++)
		if (send_to(socket, bytes, port_io ? 64 : sizeof(bytes), HOST, PORT_DATAGRAMS) < 0)
			need(errno == ENOBUFS);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	close(socket);
}

/* It may not lose its device while connections are open: 6.1 and 7.3 then use what is no more */
static void reload(void)
{
	for (int i = 0; i < (full() ? 5 : 3); i++) {
		traffic();
		for (int tries = 100; system(MODPROBE " -r " MODULE " 2>/dev/null"); tries--) {
			need(tries);
			usleep(50000);
		}
		need(system(MODPROBE " " MODULE) == 0);
		half_close();
	}
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
	{ "guest-host", "driver reload under traffic", reload, 120 },
	/* The last one: nothing is built here for the kernel that is old */
	{ "guest-host", "a doorbell", doorbell },
};

int main(int argc, char **argv)
{
	port_io = is_old();
	bell_module = "vm_kernel_bell";
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows) - is_old());
}
