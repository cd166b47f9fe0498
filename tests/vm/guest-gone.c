// SPDX-License-Identifier: GPL-2.0-or-later
/* guest-gone - the device lies about sizes, then vanishes: registers read as ones
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-kernels: 6.1 7.3 debug
 * vm-modules: vmsock
 * vm-device: --cid 42 --uds %D/host --control %D/host_4000
 * vm-timeout: 300
 */
#include "guest-device.h"

/* Some datagrams arrive with sizes that cannot be; commands only go out, so they get there */
static void sizes(void)
{
	int fd = commander(), tried = 0, other;

	need(fd >= 0);
	order_device(fd, "hostile sizes on");
	for (long long end = now_ms() + 4000; now_ms() < end; tried++) {
		other = stream_socket();
		need_ok(fcntl(other, F_SETFL, O_NONBLOCK));
		connect_to(other, HOST, PORT_ORDERS);
		poll(&(struct pollfd){ .fd = other, .events = POLLOUT }, 1, 20);
		close(other);
	}
	diag("%d attempts to connect", tried);
	order_device(fd, "hostile sizes off");
	close(fd);
	expect_soon(command_device("stats"));
	expect_host();
	expect_itself(DEVICE_CID);
}

static void gone(void)
{
	int idle = call_host(), fd = commander(), other;

	find_function();
	need(idle >= 0 && fd >= 0);
	order_device(fd, "all-ones on");
	other = stream_socket();
	expect_soon(connect_to(other, HOST, PORT_ORDERS) < 0);
	close(other);
	expect_ended(idle);
	expect_itself(DEVICE_CID);
	unbind();
	expect_itself(HOST);
	expect(!put(DRIVER "/bind", function));
	expect_itself(HOST);
}

static const struct vmtest rows[] = {
	{ "guest-gone", "12.2 S24 sizes that cannot be", sizes, 60 },
	{ "guest-gone", "12.2 S27 the device vanishes", gone, 60 },
};

int main(int argc, char **argv)
{
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
