// SPDX-License-Identifier: GPL-2.0-or-later
/* module-device - the control device and socket options, from 64-bit and 32-bit processes
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vsock.md 9, 4.13 and 12.A.  The 32-bit run of this test is 12.A-18: both runs compare with the
 * same values.
 *
 * vm-bits: 64 32
 * vm-timeout: 180
 */
#include "module.h"

#include <linux/sockios.h>

#define DRIVER_VERSION	0x09080001u

static const char * const nodes[] = { "/dev/vmsock", "/dev/vsock" };

static const unsigned int queries[] = {
	IOCTL_VMCI_SOCKETS_VERSION, IOCTL_VMCI_SOCKETS_GET_AF_VALUE,
	IOCTL_VMCI_SOCKETS_GET_LOCAL_CID,
};

/* --- answers ------------------------------------------------------------------------------ */

/* The answer of one query of one node; @around sees that nothing else is written. */
static uint32_t answer(const char *node, unsigned int request)
{
	struct { uint32_t before, value, after; } around = { 0x11111111, 0x22222222, 0x33333333 };
	int fd = need_ok(open(node, O_RDONLY | O_CLOEXEC));

	expect_is(need_ok(ioctl(fd, request, &around.value)), 0);
	expect_is(around.before, 0x11111111);
	expect_is(around.after, 0x33333333);
	close(fd);
	return around.value;
}

static void version(void)
{
	load_vmsock();
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		expect_is(answer(nodes[i], IOCTL_VMCI_SOCKETS_VERSION), DRIVER_VERSION);
}

static void local_cid(void)
{
	load_vmsock();
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		expect_is(answer(nodes[i], IOCTL_VMCI_SOCKETS_GET_LOCAL_CID), VMADDR_CID_HOST);
}

static void family(void)
{
	load_vmsock();
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		expect_is(answer(nodes[i], IOCTL_VMCI_SOCKETS_GET_AF_VALUE), FIRST_CHOICE);
	expect_is(family_in_use(), 0);
}

static void all_requests(void)
{
	version();
	expect_is(answer("/dev/vmsock", IOCTL_VMCI_SOCKETS_GET_AF_VALUE), FIRST_CHOICE);
	expect_is(answer("/dev/vmsock", IOCTL_VMCI_SOCKETS_GET_LOCAL_CID), VMADDR_CID_HOST);
}

/* --- refusals ----------------------------------------------------------------------------- */

static void uuid(void)
{
	unsigned char io[136], before[136];
	int fd;

	load_vmsock();
	fd = open_control();
	memset(io, 'a', sizeof(io));
	memcpy(before, io, sizeof(io));
	expect_errno(ioctl(fd, IOCTL_VMCI_SOCKETS_UUID_2_CID, io), EINVAL);
	expect(memcmp(io, before, sizeof(io)) == 0);
}

static void unknown_requests(void)
{
	static const struct { unsigned int first, last; } unknown[] = {
		{ 0, 0 }, { 3, 16 }, { 1951, 1971 }, { 1973, 1975 }, { 1978, 1990 }, { 1992, 1995 },
		{ 0x5401, 0x5401 }, { 0x80000000u + 1976, 0x80000000u + 1976 },
		{ 0xffffffffu, 0xffffffffu },
	};
	int fd;

	load_vmsock();
	fd = open_control();
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		for (unsigned int n = 0; n <= unknown[i].last - unknown[i].first; n++) {
			unsigned int request = unknown[i].first + n;
			int32_t value = 12345;

			if (!expect_errno(ioctl(fd, request, &value), EINVAL))
				diag("request %u", request);
			expect_is(value, 12345);
		}
	expect_is(family_in_use(), 0);
}

static void no_flood(void)
{
	int fd;

	load_vmsock();
	fd = open_control();
	mark_log();
	for (unsigned int i = 0; i < 5000; i++)
		ioctl(fd, 3000 + i % 7, NULL);
	expect(log_lines("vmsock: ") <= 10);
}

static void *map(size_t size, int access)
{
	void *address = mmap(NULL, size, access, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	need(address != MAP_FAILED);
	return address;
}

/* Addresses to which nothing can be written. */
static void bad_pointers(void)
{
	long page = sysconf(_SC_PAGESIZE);
	char *none = map(2 * page, PROT_READ | PROT_WRITE);
	char *fixed = map(page, PROT_READ);
	void *bad[] = { NULL, (void *)1, (void *)-4096L, (void *)-1L, none + page,
			none + page - 2, fixed };
	int fd;

	need_ok(munmap(none + page, page));
	load_vmsock();
	fd = open_control();
	for (size_t q = 0; q < ARRAY_SIZE(queries); q++)
		for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
			if (!expect_errno(ioctl(fd, queries[q], bad[i]), EFAULT))
				diag("request %u to %p", queries[q], bad[i]);
	expect_is(family_in_use(), 0);
	close(fd);
	expect_vmsock_works();
}

static void other_calls(void)
{
	char byte = 0;
	int fd;

	load_vmsock();
	fd = need_ok(open("/dev/vmsock", O_RDWR | O_CLOEXEC));
	expect_errno(read(fd, &byte, 1), EINVAL);
	expect_errno(write(fd, &byte, 1), EINVAL);
	expect_errno(lseek(fd, 1, SEEK_SET), ESPIPE);
	expect(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
	expect_is(errno, ENODEV);
}

/* --- the nodes ---------------------------------------------------------------------------- */

static void expect_node(const char *path, const char *sysfs)
{
	struct stat st;

	need_ok(stat(path, &st));
	expect(S_ISCHR(st.st_mode));
	expect_is(st.st_mode & 07777, 0600);
	expect_is(st.st_uid, 0);
	expect_is(st.st_rdev, device_in(sysfs));
}

static void node_modes(void)
{
	load_vmsock();
	expect_node("/dev/vmsock", "/sys/class/vmsock/vmsock/dev");
	expect_node("/dev/vsock", "/sys/class/vmsock/vsock/dev");
	unload_vmsock();
	expect(!exists("/dev/vmsock"));
	expect(!exists("/dev/vsock"));
	expect(!exists("/sys/class/vmsock"));
}

static void nodes_are_restricted(void)
{
	load_vmsock();
	drop_privileges();
	expect_errno(open("/dev/vmsock", O_RDONLY), EACCES);
	expect_errno(open("/dev/vsock", O_RDONLY), EACCES);
}

static void opened_nodes_serve_everybody(void)
{
	int32_t value;
	int fd;

	load_vmsock();
	need_ok(chmod("/dev/vmsock", 0666));
	drop_privileges();
	fd = open_control();
	for (size_t i = 0; i < ARRAY_SIZE(queries); i++)
		expect_ok(ioctl(fd, queries[i], &value));
	vm_family = ask_family(fd);
	stream_socket();
}

/* --- control resource --------------------------------------------------------------------- */

static void control_resource_taken(void)
{
	need_ok(insert("vmci"));
	need_ok(insert("vm_control_rid"));
	mark_log();
	expect(insert("vmsock") < 0);
	diag("loading: %s", strerrorname_np(errno));
	expect_is(log_lines("vmsock: "), 1);
	expect(!loaded("vmsock"));
	expect(!exists("/dev/vmsock"));
	expect(!exists("/dev/vsock"));
	expect(!exists("/sys/class/vmsock"));
	need_ok(take_out("vm_control_rid"));
	need_ok(insert("vmsock"));
	expect_vmsock_works();
}

/* --- socket options ----------------------------------------------------------------------- */

static void expect_option(int fd, int option, const void *want, socklen_t size)
{
	unsigned char got[32];
	socklen_t len = sizeof(got);

	memset(got, 0xa5, sizeof(got));
	expect_ok(getsockopt(fd, vm_family, option, got, &len));
	if (!expect_is(len, size) || !expect(memcmp(got, want, size) == 0))
		diag("option %d", option);
	expect_is(got[size], 0xa5);
	len = size - 1;
	expect_errno(getsockopt(fd, vm_family, option, got, &len), EINVAL);
}

static void set_option(int fd, int option, const void *value, socklen_t size)
{
	expect_errno(setsockopt(fd, vm_family, option, value, size - 1), EINVAL);
	expect_ok(setsockopt(fd, vm_family, option, value, size));
	expect_option(fd, option, value, size);
}

static void size_options(void)
{
	static const uint64_t defaults[] = { 262144, 128, 262144 };
	static const uint64_t changed[] = { 65536, 4096, 131072 };
	int fd;

	load_vmsock();
	take_family();
	fd = stream_socket();
	for (int option = 0; option < 3; option++)
		expect_option(fd, option, &defaults[option], sizeof(uint64_t));
	for (int option = 0; option < 3; option++)
		set_option(fd, option, &changed[option], sizeof(uint64_t));
}

/* Option 6 has the longs of the process, option 8 is the same everywhere; one value behind both. */
static void timeout_options(void)
{
	static const long old_values[][2] = { { 2, 0 }, { 3, 500000 }, { 7, 0 } };
	static const int64_t new_values[][2] = { { 2, 0 }, { 3, 500000 }, { 7, 0 } };
	int fd;

	load_vmsock();
	take_family();
	fd = stream_socket();
	expect_option(fd, 6, old_values[0], sizeof(old_values[0]));
	expect_option(fd, 8, new_values[0], sizeof(new_values[0]));
	set_option(fd, 6, old_values[1], sizeof(old_values[1]));
	expect_option(fd, 8, new_values[1], sizeof(new_values[1]));
	set_option(fd, 8, new_values[2], sizeof(new_values[2]));
	expect_option(fd, 6, old_values[2], sizeof(old_values[2]));
}

static void bad_timeouts(void)
{
	static const long old_bad[][2] = { { 0, 1000000 }, { -1, 0 }, { 0, -1 } };
	static const int64_t new_bad[][2] = {
		{ 0, 1000000 }, { -1, 0 }, { 0, -1 }, { INT64_MAX, 0 },
	};
	static const int64_t unchanged[2] = { 2, 0 };
	int fd;

	load_vmsock();
	take_family();
	fd = stream_socket();
	for (size_t i = 0; i < ARRAY_SIZE(old_bad); i++)
		expect_errno(setsockopt(fd, vm_family, 6, old_bad[i], sizeof(old_bad[i])), ERANGE);
	for (size_t i = 0; i < ARRAY_SIZE(new_bad); i++)
		expect_errno(setsockopt(fd, vm_family, 8, new_bad[i], sizeof(new_bad[i])), ERANGE);
	expect_option(fd, 8, unchanged, sizeof(unchanged));
}

static void queue_requests(void)
{
	struct pair pair;
	int bytes = -1;

	load_vmsock();
	take_family();
	pair = make_pair();
	expect_ok(ioctl(pair.client, SIOCINQ, &bytes));
	expect_is(bytes, 0);
	need_ok(send(pair.client, "twelve bytes", 12, 0));
	expect_ok(ioctl(pair.client, SIOCOUTQ, &bytes));
	expect_is(bytes, 12);
	wait_for(pair.server, POLLIN);
	expect_ok(ioctl(pair.server, SIOCINQ, &bytes));
	expect_is(bytes, 12);
	expect_errno(ioctl(pair.server, SIOCINQ, NULL), EFAULT);
	close_pair(&pair);
}

static void data_passes(void)
{
	load_vmsock();
	expect_vmsock_works();
	expect_is(sizeof(struct sockaddr_vm), 16);
}

static const struct vmtest rows[] = {
	{ "12.A-13", "request 1972 writes the driver word", version },
	{ "12.A-14", "request 1977 writes the local CID", local_cid },
	{ "12.A-2", "request 1976 writes the family, on both nodes", family },
	{ "12.A-15", "request 1991 fails with EINVAL", uuid },
	{ "12.A-16", "unknown requests fail likewise", unknown_requests },
	{ "12.A-16", "unknown requests do not flood the log", no_flood },
	{ "12.A-17", "bad pointers give EFAULT and change nothing", bad_pointers },
	{ "12.A-19", "two nodes of mode 0600", node_modes },
	{ "12.A-19", "who is not root cannot open them", nodes_are_restricted },
	{ "12.A-19", "mode 0666 serves everybody", opened_nodes_serve_everybody },
	{ "9", "nothing but requests is offered", other_calls },
	{ "12.A-20", "loading fails cleanly when control resource 1 is taken",
	  control_resource_taken },
	{ "12.H-116", "sizes: defaults, change, length", size_options },
	{ "12.H-116", "time limit of connect in both layouts", timeout_options },
	{ "12.H-120", "impossible time limits give ERANGE", bad_timeouts },
	{ "12.H-124", "bytes queued", queue_requests },
	{ "12.A-18", "the requests of a process of any width", all_requests },
	{ "12.A-18", "streams and datagrams", data_passes },
};

int main(int argc, char **argv)
{
	return module_main(argc, argv, rows, ARRAY_SIZE(rows));
}
