// SPDX-License-Identifier: GPL-2.0-or-later
/* inside - a guest and the VMCI sockets of its host, both kernels (tests/nested)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The first start ends in the midst of connections with the death of this machine, the second with
 * a reboot; the third ends with silence. The host counts them.
 */
#include "../vm/guest-host.h"

#include <sys/reboot.h>

static void in_turn(void)
{
	sequence(3, 50);
}

/* The host's driver hears of the connection, and of its end right behind that */
static void closes_at_once(void)
{
	for (int i = 0; i < 10; i++) {
		int listening = listener(1), fd = host_connection(PORT_ORDERS, 0);
		struct order order = { .role = ROLE_ECHO, .port = port_of(listening) };

		need(send(fd, &order, sizeof(order), 0) == sizeof(order));
		close(need_ok(accept(listening, NULL, NULL)));
		expect_is(verdict(fd), VERDICT_GOOD);
		close(listening);
		close(fd);
	}
}

/* The kernel's own host lets the packet fail instead of an answer (vfio-user.md 9.2) */
static void nobody_there(void)
{
	int fd = patient_socket();

	expect_errno(connect_to(fd, HOST, PORT_NOBODY),
		     getenv("VMSOCK_HOST_FAILS") ? EINVAL : ECONNRESET);
	close(fd);
}

/*
 * The first byte of the host is announced right behind the end of the handshake.  Kernels that
 * hand out the last of several datagrams first can let one overtake the other (vmci.md 12.4 no. 6)
 */
static void host_speaks(void)
{
	int overtaken = 0;

	for (int i = 0; i < 30; i++) {
		int fd = patient_socket();

		if (connect_to(fd, HOST, PORT_SPEAKS) < 0) {
			expect(errno == EPROTO || errno == ECONNRESET);
			overtaken++;
		} else {
			expect_is(verdict(fd), VERDICT_GOOD);
		}
		close(fd);
	}
	if (!getenv("VMSOCK_HOST_FAILS"))
		expect_is(overtaken, 0);
	else if (overtaken)
		printf("# %d of 30 connections failed\n", overtaken);
}

/* --- access to memory --------------------------------------------------------------------- */

#define FUNCTIONS	"/sys/bus/pci/devices"
#define PCI_IDS		0x074015adu
#define PCI_COMMAND	4
#define PCI_MASTER	4

/* The device's configuration space */
static int configuration(void)
{
	DIR *functions = opendir(FUNCTIONS);
	struct dirent *function;
	uint32_t ids = 0;
	char path[300];
	int fd = -1;

	need(functions);
	while (ids != PCI_IDS && (function = readdir(functions))) {
		close(fd);
		snprintf(path, sizeof(path), FUNCTIONS "/%s/config", function->d_name);
		fd = open(path, O_RDWR);
		if (pread(fd, &ids, sizeof(ids), 0) != sizeof(ids))
			ids = 0;
	}
	closedir(functions);
	need(ids == PCI_IDS);
	return fd;
}

static void allow_access(int config, bool allowed)
{
	uint16_t command;

	need(pread(config, &command, sizeof(command), PCI_COMMAND) == sizeof(command));
	command = allowed ? command | PCI_MASTER : command & ~PCI_MASTER;
	need(pwrite(config, &command, sizeof(command), PCI_COMMAND) == sizeof(command));
}

static void expect_echo(int fd, const char *text)
{
	char got[16] = "";

	need(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
	expect_is(recv(fd, got, strlen(text), MSG_WAITALL), strlen(text));
	expect(!strcmp(got, text));
}

/* The kernel of the host gives the pages of the connection back, and gets them again */
static void access_returns(void)
{
	int fd = ordered(ROLE_ECHO, 0, 0), config = configuration();

	expect_echo(fd, "there");
	for (int i = 0; i < 3; i++) {
		allow_access(config, false);
		allow_access(config, true);
		expect_echo(fd, "again");
	}
	close(config);
	close(fd);
}

/*
 * ... or does not, and nobody there waits for it.  The driver does not wait for the device much
 * longer, either: five seconds.
 */
static void access_ends(void)
{
	int fd = ordered(ROLE_ECHO, 0, 0), config = configuration();

	expect_echo(fd, "there");
	allow_access(config, false);
	sleep(3);
	allow_access(config, true);
	need(revents_within(fd, POLLIN, SOON_MS) & POLLIN);
	expect(recv(fd, &(char){ 0 }, 1, 0) <= 0);
	close(config);
	close(fd);
	fd = ordered(ROLE_ECHO, 0, 0);
	expect_echo(fd, "anew");
	close(fd);
}

static void die(void)
{
	busy();
	host_connection(PORT_KILLS, 0);
	pause();
}

static void reboot_at_once(void)
{
	busy();
	need_ok(reboot(RB_AUTOBOOT));
}

/* Neither end hears of the other: the host says in its log how that was for it */
static void silence(void)
{
	int listening = listener(1), fd = host_connection(PORT_ORDERS, 0);
	struct order order = { .role = ROLE_SILENCE, .port = port_of(listening) };

	need(send(fd, &order, sizeof(order), 0) == sizeof(order));
	/* A connect that comes before the silence gets through: the host has a queue for it */
	for (int tries = 0; tries < 20; tries++) {
		int other = stream_socket();

		errno = 0;
		if (connect_to(other, HOST, PORT_ORDERS) < 0) {
			expect_is(errno, ETIMEDOUT);
			return;
		}
		close(other);
	}
	expect(!"silence");
}

/*
 * The kernel's own driver sends with interrupts off and spins until the device has answered.  While
 * bus mastering is off that cannot be, and often nothing is left that would turn it on again
 */
#define ROWS_WITHOUT_ACCESS	2

static const struct vmtest first_start[] = {
	{ "nested", "bus mastering off and on: connections go on", access_returns },
	{ "nested", "bus mastering off for long: connections end", access_ends },
	{ "nested", "the context is the device's", context },
	{ "nested", "the guest calls: bytes both ways, all sizes of queues", guest_calls, 300 },
	{ "nested", "the host calls: bytes both ways, all sizes of queues", host_calls, 300 },
	{ "nested", "half-close", half_close },
	{ "nested", "nobody listens on the host: ECONNRESET, on one with vmw_vmci EINVAL",
	  nobody_there },
	{ "nested", "nobody listens in the guest: the host is told", nobody_here },
	{ "nested", "the host leaves bytes unread", abort_here },
	{ "nested", "the host speaks first", host_speaks, 120 },
	{ "nested", "connections one after the other", in_turn, 300 },
	{ "nested", "the guest closes at once: the host has been connected", closes_at_once },
	{ "nested", "200 connections at a time", parallel, 120 },
	{ "nested", "datagrams both ways, with their sender", datagrams },
	{ "nested", "connections, and its end", die },
};

static const struct vmtest second_start[] = {
	{ "nested", "another machine: half-close", half_close },
	{ "nested", "connections, and a reboot", reboot_at_once },
};

static const struct vmtest third_start[] = {
	{ "nested", "rebooted: half-close", half_close },
	{ "nested", "a silent host: ETIMEDOUT", silence },
};

int main(int argc, char **argv)
{
	size_t skipped = getenv("VMSOCK_TEST_FAMILY") ? ROWS_WITHOUT_ACCESS : 0;

	some_mib = 2;
	many = MANY_MAX;
	vmtest_begin();
	switch (starts()) {
	case 1:
		return vmtest_main(argc, argv, first_start + skipped,
				   ARRAY_SIZE(first_start) - skipped);
	case 2:
		return vmtest_main(argc, argv, second_start, ARRAY_SIZE(second_start));
	default:
		return vmtest_main(argc, argv, third_start, ARRAY_SIZE(third_start));
	}
}
