// SPDX-License-Identifier: GPL-2.0-or-later
/* options - socket options and ioctls (vsock.md 4.12, 4.13, 12.H)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-modules: vmsock
 */
#include "vmtest.h"

#include <linux/sockios.h>
#include <sys/utsname.h>

#define TIMEOUT_NEW	8	/* SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW, two 64-bit words */

static int get(int fd, int level, int option, void *value, socklen_t len)
{
	socklen_t given = len;
	int ret = getsockopt(fd, level, option, value, &given);

	if (ret == 0)
		expect_is(given, len);
	return ret;
}

static uint64_t size_of(int fd, int option)
{
	uint64_t value = 0;

	need_ok(get(fd, vm_family, option, &value, sizeof(value)));
	return value;
}

static int set_size_of(int fd, int option, uint64_t value)
{
	return setsockopt(fd, vm_family, option, &value, sizeof(value));
}

#define expect_sizes(fd, size, min, max) ({					\
	expect_is(size_of((fd), SO_VMCI_BUFFER_SIZE), (size));			\
	expect_is(size_of((fd), SO_VMCI_BUFFER_MIN_SIZE), (min));		\
	expect_is(size_of((fd), SO_VMCI_BUFFER_MAX_SIZE), (max)); })

static int set_time(int fd, int64_t sec, int64_t usec)
{
	struct timeval tv = { .tv_sec = sec, .tv_usec = usec };

	return setsockopt(fd, vm_family, SO_VMCI_CONNECT_TIMEOUT, &tv, sizeof(tv));
}

static int set_time_new(int fd, int64_t sec, int64_t usec)
{
	int64_t tv[2] = { sec, usec };

	return setsockopt(fd, vm_family, TIMEOUT_NEW, tv, sizeof(tv));
}

/* Both layouts say the same time; ticks make it coarse, upwards. */
static void vm_expect_time(int fd, int64_t sec, int64_t usec, const char *file, int line)
{
	int64_t want = sec * 1000000 + usec, new[2] = { -1, -1 };
	struct timeval tv = { -1, -1 };

	need_ok(get(fd, vm_family, SO_VMCI_CONNECT_TIMEOUT, &tv, sizeof(tv)));
	need_ok(get(fd, vm_family, TIMEOUT_NEW, new, sizeof(new)));
	if (tv.tv_sec != new[0] || tv.tv_usec != new[1])
		vm_fail(file, line, "options 6 and 8 differ");
	new[0] = new[0] * 1000000 + new[1];
	if (new[0] < want || new[0] > want + 10000)
		vm_fail(file, line, "timeout is %lld us, want %lld", (long long)new[0],
			(long long)want);
}
#define expect_time(fd, sec, usec) vm_expect_time((fd), (sec), (usec), __FILE__, __LINE__)

static void defaults(void)
{
	int fd = stream_socket();
	struct timeval tv;

	expect_sizes(fd, 262144, 128, 262144);
	need_ok(get(fd, vm_family, SO_VMCI_CONNECT_TIMEOUT, &tv, sizeof(tv)));
	expect(tv.tv_sec == 2 && tv.tv_usec == 0);
	expect_time(fd, 2, 0);
}

static void size_lengths(void)
{
	int fd = stream_socket();
	uint64_t value[2] = { 4096, 0x5a5a5a5a };

	for (int option = 0; option <= 2; option++) {
		expect_errno(setsockopt(fd, vm_family, option, value, 4), EINVAL);
		expect_errno(setsockopt(fd, vm_family, option, value, 0), EINVAL);
		expect_errno(setsockopt(fd, vm_family, option, (void *)8, 8), EFAULT);
		expect_errno(get(fd, vm_family, option, value, 4), EINVAL);
		expect_errno(get(fd, vm_family, option, value, 0), EINVAL);
		expect_errno(get(fd, vm_family, option, (void *)8, 8), EFAULT);
	}
	expect_is(value[0], 4096);
	expect_sizes(fd, 262144, 128, 262144);
	expect_ok(setsockopt(fd, vm_family, SO_VMCI_BUFFER_SIZE, value, 16));
	expect_is(size_of(fd, SO_VMCI_BUFFER_SIZE), 4096);
}

static void longer_get(void)
{
	int fd = stream_socket();
	uint64_t value[2] = { 0, 0x5a5a5a5a };
	socklen_t len = sizeof(value);

	expect_ok(getsockopt(fd, vm_family, SO_VMCI_BUFFER_SIZE, value, &len));
	expect_is(len, 8);
	expect_is(value[0], 262144);
	expect_is(value[1], 0x5a5a5a5a);
}

static void size_clamped(void)
{
	int fd = stream_socket();

	expect_ok(set_size_of(fd, SO_VMCI_BUFFER_SIZE, 1 << 20));
	expect_sizes(fd, 262144, 128, 262144);
	expect_ok(set_size_of(fd, SO_VMCI_BUFFER_SIZE, 1));
	expect_sizes(fd, 128, 128, 262144);
	expect_ok(set_size_of(fd, SO_VMCI_BUFFER_SIZE, 5000));
	expect_sizes(fd, 5000, 128, 262144);
	expect_ok(set_size_of(fd, SO_VMCI_BUFFER_SIZE, UINT64_MAX));
	expect_sizes(fd, 262144, 128, 262144);
}

static void limits_move_size(void)
{
	int fd = stream_socket();

	expect_ok(set_size_of(fd, SO_VMCI_BUFFER_MAX_SIZE, 65536));
	expect_sizes(fd, 65536, 128, 65536);
	expect_ok(set_size_of(fd, SO_VMCI_BUFFER_SIZE, 1000));
	expect_ok(set_size_of(fd, SO_VMCI_BUFFER_MIN_SIZE, 2000));
	expect_sizes(fd, 2000, 2000, 65536);
	expect_ok(set_size_of(fd, SO_VMCI_BUFFER_MAX_SIZE, UINT64_MAX));
	expect_sizes(fd, 2000, 2000, UINT64_MAX);
}

static void maximum_wins(void)
{
	int fd = stream_socket();

	expect_ok(set_size_of(fd, SO_VMCI_BUFFER_MIN_SIZE, 524288));
	expect_sizes(fd, 262144, 524288, 262144);
	expect_ok(set_size_of(fd, SO_VMCI_BUFFER_SIZE, 1000));
	expect_sizes(fd, 262144, 524288, 262144);
	expect_ok(set_size_of(fd, SO_VMCI_BUFFER_MAX_SIZE, 4096));
	expect_sizes(fd, 4096, 524288, 4096);
}

/* A live connection keeps its queues. */
static void size_while_connected(void)
{
	struct pair pair = make_pair();

	expect_ok(set_size_of(pair.client, SO_VMCI_BUFFER_SIZE, 4096));
	expect_is(size_of(pair.client, SO_VMCI_BUFFER_SIZE), 4096);
	expect_is(fill_queue(pair.client, 1), DEFAULT_SIZE - 1);
}

static void timeout_range(int (*set)(int fd, int64_t sec, int64_t usec))
{
	int fd = stream_socket();

	expect_ok(set(fd, 5, 100000));
	expect_time(fd, 5, 100000);
	expect_errno(set(fd, 0, 1000000), ERANGE);
	expect_errno(set(fd, -1, 0), ERANGE);
	expect_errno(set(fd, 0, -1), ERANGE);
	expect_errno(set(fd, 0, -1000000), ERANGE);
	if (sizeof(long) == 8)
		expect_errno(set(fd, INT64_MAX, 0), ERANGE);
	expect_time(fd, 5, 100000);
	expect_ok(set(fd, 0, 0));
	expect_time(fd, 2, 0);
	expect_ok(set(fd, 0, 1));
	expect_time(fd, 0, 1);
	close(fd);
}

static void timeouts(void)
{
	timeout_range(set_time);
	timeout_range(set_time_new);
}

static void timeout_lengths(void)
{
	int fd = stream_socket();
	int64_t tv[3] = { 3, 0, 0 };
	socklen_t len = sizeof(tv);

	expect_errno(setsockopt(fd, vm_family, TIMEOUT_NEW, tv, 8), EINVAL);
	expect_errno(setsockopt(fd, vm_family, TIMEOUT_NEW, (void *)8, 16), EFAULT);
	expect_errno(get(fd, vm_family, TIMEOUT_NEW, tv, 15), EINVAL);
	expect_errno(setsockopt(fd, vm_family, 6, tv, sizeof(struct timeval) - 1), EINVAL);
	expect_time(fd, 2, 0);
	expect_ok(getsockopt(fd, vm_family, TIMEOUT_NEW, tv, &len));
	expect_is(len, 16);
	expect_is(tv[0], 2);
}

static void unknown_options(void)
{
	static const int options[] = { 3, 4, 5, 7, 9, 10, 11, 99, -1 };
	int fd = stream_socket();
	uint64_t value = 1;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		expect_errno(setsockopt(fd, vm_family, options[i], &value, 8), ENOPROTOOPT);
		expect_errno(get(fd, vm_family, options[i], &value, 8), ENOPROTOOPT);
	}
}

static void wrong_levels(void)
{
	static const int levels[] = { 40, 0, 6, 286, 287, 999, -1 };
	int fd = stream_socket();
	uint64_t value = 4096;

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (levels[i] == vm_family)
			continue;
		expect_errno(setsockopt(fd, levels[i], 0, &value, 8), ENOPROTOOPT);
		expect_errno(get(fd, levels[i], 0, &value, 8), ENOPROTOOPT);
	}
	expect_is(size_of(fd, SO_VMCI_BUFFER_SIZE), 262144);
}

static void datagram_options(void)
{
	int fd = dgram_socket();
	uint64_t value = 4096;

	for (int option = 0; option <= 8; option++) {
		expect_errno(setsockopt(fd, vm_family, option, &value, 8), EOPNOTSUPP);
		expect_errno(get(fd, vm_family, option, &value, 8), EOPNOTSUPP);
	}
}

/* What an ioctl that fills in an int says, or -1 with errno. */
static int ask(int fd, unsigned long request)
{
	int value = -77;

	return ioctl(fd, request, &value) < 0 ? -1 : value;
}

static void queued_bytes(void)
{
	struct pair pair = make_pair();
	size_t total;

	expect_is(ask(pair.server, SIOCINQ), 0);
	expect_is(ask(pair.client, SIOCOUTQ), 0);
	need_ok(send(pair.client, "12345", 5, 0));
	wait_for(pair.server, POLLIN);
	expect_is(ask(pair.server, SIOCINQ), 5);
	expect_is(ask(pair.client, SIOCOUTQ), 5);
	expect_is(ask(pair.client, SIOCINQ), 0);
	expect_is(ask(pair.server, SIOCOUTQ), 0);
	need_ok(recv(pair.server, (char[3]){ 0 }, 3, 0));
	expect_is(ask(pair.server, SIOCINQ), 2);
	expect_is(ask(pair.client, SIOCOUTQ), 2);
	total = fill_queue(pair.client, 1);
	expect_is(ask(pair.client, SIOCOUTQ), total + 2);
	expect_is(ask(pair.server, SIOCINQ), total + 2);
	close(pair.client);
	wait_for(pair.server, POLLRDHUP);
	expect_is(ask(pair.server, SIOCINQ), total + 2);
}

static void unconnected_ioctls(void)
{
	int fd = listener(1);

	expect_errno(ask(fd, SIOCINQ), EINVAL);
	expect_errno(ask(fd, SIOCOUTQ), EINVAL);
	expect_is(ask(stream_socket(), SIOCINQ), 0);
	expect_is(ask(stream_socket(), SIOCOUTQ), 0);
	expect_errno(ioctl(make_pair().client, SIOCINQ, (void *)8), EFAULT);
}

static void datagram_ioctls(void)
{
	int fd = dgram_bound(VMADDR_PORT_ANY), from = dgram_socket();

	expect_is(ask(fd, SIOCINQ), 0);
	expect_is(ask(fd, SIOCOUTQ), 0);
	need_ok(send_to(from, "123", 3, vm_cid, port_of(fd)));
	need_ok(send_to(from, "45678", 5, vm_cid, port_of(fd)));
	wait_for(fd, POLLIN);
	expect_is(ask(fd, SIOCINQ), 3);
	need_ok(recv(fd, (char[1]){ 0 }, 1, 0));
	wait_for(fd, POLLIN);
	expect_is(ask(fd, SIOCINQ), 5);
}

static void unknown_ioctls(void)
{
	int fds[] = { stream_socket(), make_pair().client, dgram_socket() };

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		expect_errno(ask(fds[i], 0x1234), ENOTTY);
		expect_errno(ask(fds[i], IOCTL_VMCI_SOCKETS_GET_AF_VALUE), ENOTTY);
		expect_errno(ask(fds[i], SIOCATMARK), ENOTTY);
	}
}

static void error_cleared(void)
{
	int idle = stream_bound(VMADDR_PORT_ANY), fd = stream_socket();

	set_blocking(fd, false);
	expect_errno(connect_to(fd, vm_cid, port_of(idle)), EINPROGRESS);
	wait_for(fd, POLLERR);
	expect_is(socket_error(fd), ECONNRESET);
	expect_is(socket_error(fd), 0);
}

static int set_zerocopy(int fd, int value)
{
	return setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &value, sizeof(value));
}

/* Before 6.7 the kernel's generic code refuses the option for all families but two. */
static bool option_reaches_family(void)
{
	struct utsname name;
	int major, minor;

	need_ok(uname(&name));
	need(sscanf(name.release, "%d.%d", &major, &minor) == 2);
	return major > 6 || (major == 6 && minor >= 7);
}

static void zerocopy_refused(void)
{
	struct pair pair = make_pair();

	for (int value = -1; value <= 2; value++)
		expect_errno(set_zerocopy(pair.client, value), EOPNOTSUPP);
	expect_works(pair.client, pair.server);
}

static void zerocopy(void)
{
	struct pair pair = make_pair();
	int fd = stream_socket();

	if (!option_reaches_family()) {
		zerocopy_refused();
		return;
	}
	expect_errno(set_zerocopy(pair.client, 2), EINVAL);
	expect_errno(set_zerocopy(pair.client, 1), EOPNOTSUPP);
	expect_errno(set_zerocopy(fd, -1), EINVAL);
	expect_ok(set_zerocopy(fd, 1));
	expect_errno(connect_to(fd, vm_cid, port_of(pair.listener)), EOPNOTSUPP);
	expect_is(revents(pair.listener), 0);
	expect_ok(set_zerocopy(fd, 0));
	expect_ok(connect_to(fd, vm_cid, port_of(pair.listener)));
	expect_works(pair.client, pair.server);
}

static int socket_int(int fd, int option)
{
	int value = -77;

	need_ok(get(fd, SOL_SOCKET, option, &value, sizeof(value)));
	return value;
}

static void generic_options(void)
{
	struct pair pair = make_pair();
	int dgram = dgram_socket();

	expect_is(socket_int(pair.client, SO_DOMAIN), vm_family);
	expect_is(socket_int(dgram, SO_DOMAIN), vm_family);
	expect_is(socket_int(pair.server, SO_DOMAIN), vm_family);
	expect_is(socket_int(pair.server, SO_TYPE), SOCK_STREAM);
	expect_is(socket_int(dgram, SO_TYPE), SOCK_DGRAM);
	expect_is(socket_int(pair.server, SO_PROTOCOL), 0);
	expect_is(socket_int(pair.listener, SO_ACCEPTCONN), 1);
	expect_is(socket_int(pair.server, SO_ACCEPTCONN), 0);
}

/* Accepted, readable again, and of no consequence. */
static void idle_options(void)
{
	static const int options[] = { SO_REUSEADDR, SO_KEEPALIVE, SO_BROADCAST };
	struct pair pair = make_pair();
	int one = 1, small = 4096;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		expect_ok(setsockopt(pair.client, SOL_SOCKET, options[i], &one, sizeof(one)));
		expect_is(socket_int(pair.client, options[i]), 1);
	}
	expect_ok(setsockopt(pair.client, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)));
	expect_ok(setsockopt(pair.server, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
	expect_is(fill_queue(pair.client, 1), DEFAULT_SIZE - 1);
	expect(receive_bytes(pair.server, DEFAULT_SIZE - 1, 1, 0));
}

static const struct vmtest rows[] = {
	{ "12.H-116", "defaults", defaults },
	{ "12.H-117", "sizes need 8 bytes", size_lengths },
	{ "4.13", "get writes exactly the value", longer_get },
	{ "12.H-118", "the size is clamped", size_clamped },
	{ "4.13", "limits move the size", limits_move_size },
	{ "12.H-119", "the maximum wins over the minimum", maximum_wins },
	{ "4.13", "a live connection keeps its size", size_while_connected },
	{ "12.H-120", "range of the connect timeout", timeouts },
	{ "4.13", "length of the connect timeout", timeout_lengths },
	{ "12.H-121", "unknown options give ENOPROTOOPT", unknown_options },
	{ "12.H-122", "a wrong level gives ENOPROTOOPT", wrong_levels },
	{ "12.H-123", "options on a datagram socket give EOPNOTSUPP", datagram_options },
	{ "12.H-124", "SIOCINQ and SIOCOUTQ of a connection", queued_bytes },
	{ "12.H-124", "SIOCINQ and SIOCOUTQ of a listener give EINVAL", unconnected_ioctls },
	{ "12.H-124", "SIOCINQ of a datagram socket", datagram_ioctls },
	{ "4.12", "unknown ioctls give ENOTTY", unknown_ioctls },
	{ "12.H-125", "SO_ERROR clears the error", error_cleared },
	{ "12.H-126", "SO_ZEROCOPY is refused", zerocopy },
	{ "12.H-127", "SO_DOMAIN, SO_TYPE, SO_PROTOCOL, SO_ACCEPTCONN", generic_options },
	{ "4.13", "options without effect", idle_options },
};

int main(int argc, char **argv)
{
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
