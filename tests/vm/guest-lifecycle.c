// SPDX-License-Identifier: GPL-2.0-or-later
/* guest-lifecycle - the device goes and comes back, while sockets are open
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Through sysfs: unbinding, reset, a suspend that stops when all devices sleep.  A function that is
 * alone behind a root port is reset together with its bus.
 *
 * vm-kernels: 6.1 7.3 debug
 * vm-modules: vmsock
 * vm-device: --cid 42 --uds %D/host
 * vm-qemu: -device pcie-root-port,id=root1,slot=1
 * vm-bus: root1
 * vm-timeout: 300
 */
#include "guest-device.h"

/* --- rows --------------------------------------------------------------------------------- */

static void unbound(void)
{
	int fd, idle, other;

	find_function();
	fd = call_host();
	idle = call_host();
	need(fd >= 0 && idle >= 0);
	expect_echo(fd);
	unbind();
	expect_ended(fd);
	expect_ended(idle);
	expect_itself(HOST);
	other = stream_socket();
	expect(connect_to(other, HOST, PORT_ORDERS) < 0);
	close(other);
	bind_again();
	expect_itself(DEVICE_CID);
	expect_ended(fd);
	close(fd);
	expect_host();
	close(idle);
	expect_host();
}

/* What was received before the device went can still be read */
static void unread(void)
{
	char got[6] = "";
	int fd;

	find_function();
	fd = call_host();
	need(fd >= 0);
	need(send(fd, "hello", 5, 0) == 5);
	wait_for(fd, POLLIN);
	need(soon(recv(fd, got, 5, MSG_PEEK) == 5));
	unbind();
	expect_is(recv(fd, got, 5, 0), 5);
	expect(!strcmp(got, "hello"));
	expect(recv(fd, got, 5, 0) <= 0);
	close(fd);
	bind_again();
	expect_host();
}

static void unbound_under_traffic(void)
{
	under_traffic(rebind, rounds(20));
	expect_itself(DEVICE_CID);
}

static void reset_function(void)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", function);
	need(put(path, "1"));
}

static void was_reset(void)
{
	int fd;

	find_function();
	fd = call_host();
	need(fd >= 0);
	expect_echo(fd);
	reset_function();
	expect_ended(fd);
	close(fd);
	expect_itself(DEVICE_CID);
	expect_host();
}

static void reset_under_traffic(void)
{
	under_traffic(reset_function, rounds(20));
	expect_itself(DEVICE_CID);
}

static void suspended(void)
{
	int fd;

	find_function();
	if (access("/sys/power/pm_test", W_OK)) {
		diag("this kernel does not test suspending");
		return;
	}
	fd = call_host();
	need(fd >= 0);
	need(put("/sys/power/pm_test", "devices"));
	need(put("/sys/power/state", "freeze"));
	expect_ended(fd);
	close(fd);
	expect_itself(DEVICE_CID);
	expect_host();
	put("/sys/power/pm_test", "none");
}

static void hibernated(void)
{
	int fd;

	find_function();
	if (access("/sys/power/pm_test", W_OK)) {
		diag("this kernel does not test hibernating");
		return;
	}
	fd = call_host();
	need(fd >= 0);
	need(put("/sys/power/pm_test", "devices"));
	if (put("/sys/power/state", "disk"))
		expect_ended(fd);
	else
		diag("this kernel does not hibernate: %s", strerror(errno));
	close(fd);
	expect_itself(DEVICE_CID);
	expect_host();
	put("/sys/power/pm_test", "none");
}

static const struct vmtest rows[] = {
	{ "guest-lifecycle", "2.12 unbinding ends connections, binding brings new ones", unbound },
	{ "guest-lifecycle", "2.12 what was received stays", unread },
	{ "guest-lifecycle", "2.12 unbinding and binding under traffic", unbound_under_traffic,
	  120 },
	{ "guest-lifecycle", "2.13 a reset of the function", was_reset },
	{ "guest-lifecycle", "2.13 resets of the function under traffic", reset_under_traffic,
	  120 },
	{ "guest-lifecycle", "2.14 suspending", suspended, 60 },
	{ "guest-lifecycle", "2.14 hibernating", hibernated, 60 },
};

int main(int argc, char **argv)
{
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
