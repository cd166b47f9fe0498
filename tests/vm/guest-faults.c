// SPDX-License-Identifier: GPL-2.0-or-later
/* guest-faults - every allocation of the device's driver fails once (vsock.md 12.L-187)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Binding allocates in the kernel's core, too, and what that does with its faults is not asked
 * here: the driver must not keep half a device, and the next binding must be good.  The function is
 * enabled before, or a thousand faults of ACPI would be among them.  Where the kernel got no memory
 * for a file of an interrupt in /proc, it warns when it takes that file away.
 *
 * vm-modules: vmsock
 * vm-device: --cid 42 --uds %D/host
 * vm-kernels: debug
 * vm-timeout: 300
 * vm-allow: Call Trace:|kmemleak: [0-9]+ new|remove_proc_entry
 */
#include "guest-device.h"
#include "faults.h"

/* --- binding ------------------------------------------------------------------------------ */

static void prepare_unbound(void)
{
	if (exists(DRIVER "/%s", function))
		unbind();
}

static void set_enabled(const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/enable", function);
	prepare_unbound();
	need(put(path, value));
}

/* The file is opened before: opening may fail by itself */
static bool bind_with_fault(int fd, unsigned int nth, bool lasts, bool *used)
{
	ssize_t n;

	let_me_fail(lasts);
	fail_nth(nth);
	n = write(fd, function, strlen(function));
	*used = fault_was_used();
	let_me_fail(false);
	return n > 0;
}

static void bind_with_each_fault(bool lasts)
{
	int fd = need_ok(open(DRIVER "/bind", O_WRONLY | O_CLOEXEC));
	unsigned int nth = 0, refused = 0;
	bool used;

	fail_nth(0);
	do {
		prepare_unbound();
		if (!bind_with_fault(fd, ++nth, lasts, &used)) {
			refused++;
			expect(used);
			if (!exists(DRIVER "/%s", function))
				bind_again();
		}
		expect_is(VMCISock_GetLocalCID(), DEVICE_CID);
		if (nth % 8 == 0)
			expect_host();
	} while (used && !*vm_failures);
	diag("%u faults, %u refusals", nth - 1, refused);
	expect(refused >= 5);
	close(fd);
}

static void binding(void)
{
	find_function();
	set_enabled("1");
	bind_with_each_fault(false);
	/* Tables have a second way to memory: none from the fault on */
	set_chance("100");
	bind_with_each_fault(true);
	set_chance("0");
	set_enabled("0");
	bind_again();
	expect_host();
	expect_itself(DEVICE_CID);
}

/* --- a connection to the host ------------------------------------------------------------- */

static int client;

static void prepare_client(void)
{
	client = stream_socket();
}

static long call_connect(void)
{
	return connect_to(client, HOST, PORT_ORDERS);
}

static void check_client(long result)
{
	struct order order = { .role = ROLE_ECHO };

	if (result == 0) {
		expect_is(send(client, &order, sizeof(order), MSG_NOSIGNAL), sizeof(order));
		expect_echo(client);
	}
	close(client);
}

/* Most of it is done where the answers arrive: here only on a machine that is slow enough */
static void connecting(void)
{
	fail_each(&(struct attempt){ "connect to the host", prepare_client, call_connect,
				     check_client, 2, true });
	expect_host();
}

/* --- queue pairs, which are made where packets are delivered -------------------------------- */

#define TRIES	40

static void delivering(void)
{
	long before = faults_injected();
	int good = 0;

	fail_often("10");
	for (int i = 0; i < TRIES; i++) {
		int fd;

		let_workers_fail("1");
		fd = stream_socket();
		if (connect_to(fd, HOST, PORT_ORDERS) == 0)
			good++;
		else
			expect(proper_end(errno));
		close(fd);
	}
	fail_no_more();
	diag("%d of %d connected, %ld faults", good, TRIES, faults_injected() - before);
	expect(good < TRIES);
	expect_host();
}

static const struct vmtest rows[] = {
	{ "faults", "bind the driver", binding, 120 },
	{ "faults", "connect to the host", connecting, 60 },
	{ "faults", "packets of the host are delivered without memory", delivering, 60 },
};

int main(int argc, char **argv)
{
	vmtest_begin();
	faults_prepare();
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
