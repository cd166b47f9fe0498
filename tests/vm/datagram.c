// SPDX-License-Identifier: GPL-2.0-or-later
/* datagram - datagram sockets (vsock.md 7, 12.I)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-modules: vmsock
 */
#include "vmtest.h"

#define LARGEST		69608	/* bytes of payload */

/* A receiver, and a sender that is or is not connected to it. */
struct dgrams {
	int to;
	int from;
	unsigned int port;
};

static struct dgrams make_dgrams(void)
{
	struct dgrams d = { .to = dgram_bound(VMADDR_PORT_ANY), .from = dgram_socket() };

	d.port = port_of(d.to);
	return d;
}

static struct dgrams make_connected(void)
{
	struct dgrams d = make_dgrams();

	need_ok(connect_to(d.from, vm_cid, d.port));
	return d;
}

/* Nothing is there, nor does anything come: a datagram sent later is the next one. */
static void vm_expect_nothing(struct dgrams *d, const char *file, int line)
{
	int probe = dgram_socket();
	char buf[8];
	ssize_t n;

	need_ok(send_to(probe, "probe!", 6, vm_cid, d->port));
	n = recv(d->to, buf, sizeof(buf), 0);
	if (n != 6 || memcmp(buf, "probe!", 6))
		vm_fail(file, line, "something was received: %zd bytes", n);
	close(probe);
}
#define expect_nothing(d) vm_expect_nothing((d), __FILE__, __LINE__)

static void one_of_size(struct dgrams *d, size_t len)
{
	static uint8_t out[LARGEST + 1], in[LARGEST + 1];

	fill_bytes(out, len, len, 0);
	expect_is(expect_ok(send_to(d->from, out, len, vm_cid, d->port)), len);
	expect_is(expect_ok(recv(d->to, in, sizeof(in), 0)), len);
	expect_is(first_wrong(in, len, len, 0), len);
}

static void sizes(void)
{
	static const size_t lens[] = { 0, 1, 2, 24, 4071, 4072, 4073, 65536, LARGEST - 1, LARGEST };
	static uint8_t buf[LARGEST + 1];
	struct dgrams d = make_dgrams();

	for (size_t i = 0; i < ARRAY_SIZE(lens); i++)
		one_of_size(&d, lens[i]);
	expect_errno(send_to(d.from, buf, LARGEST + 1, vm_cid, d.port), EMSGSIZE);
	expect_errno(send_to(d.from, buf, LARGEST + 1, vm_cid, VMADDR_PORT_ANY), EINVAL);
	expect_nothing(&d);
	one_of_size(&d, LARGEST);
}

static void payload_length(void)
{
	struct dgrams d = make_connected();
	struct iovec iov[] = { { "abc", 3 }, { "defg", 4 } };

	expect_is(send(d.from, "12345", 5, 0), 5);
	expect_is(send(d.from, "", 0, 0), 0);
	expect_is(writev(d.from, iov, 2), 7);
	expect_is(recv(d.to, (char[9]){ 0 }, 9, 0), 5);
	expect_is(recv(d.to, (char[9]){ 0 }, 9, 0), 0);
	expect_is(recv(d.to, (char[9]){ 0 }, 9, 0), 7);
}

static void no_destination(void)
{
	struct dgrams d = make_dgrams();

	expect_errno(send(d.from, "x", 1, 0), EINVAL);
	expect_errno(send(d.to, "x", 1, 0), EINVAL);
	expect_nothing(&d);
}

static void wildcards(void)
{
	struct dgrams d = make_dgrams();
	char byte;

	expect_errno(send_to(d.from, "x", 1, vm_cid, VMADDR_PORT_ANY), EINVAL);
	expect_errno(send_to(d.from, "x", 1, VMADDR_CID_ANY, VMADDR_PORT_ANY), EINVAL);
	expect_is(send_to(d.from, "y", 1, VMADDR_CID_ANY, d.port), 1);
	expect_is(recv(d.to, &byte, 1, 0), 1);
	expect_is(byte, 'y');
}

/* There is no monitor here: port 14 fails like the others, only later. */
static void hypervisor(void)
{
	static const unsigned int ports[] = { 0, 1, 13, 14, 15, 5000 };
	struct dgrams d = make_dgrams();

	for (size_t i = 0; i < ARRAY_SIZE(ports); i++)
		expect_errno(send_to(d.from, "x", 1, 0, ports[i]), EINVAL);
	expect_errno(connect_to(d.from, 0, 13), EINVAL);
	expect_errno(getpeername(d.from, NULL, NULL), ENOTCONN);
	expect_ok(connect_to(d.from, 0, 14));
	expect_errno(send(d.from, "x", 1, 0), EINVAL);
}

static void nobody_there(void)
{
	struct dgrams d = make_dgrams();

	close(d.to);
	expect_errno(send_to(d.from, "x", 1, vm_cid, d.port), EHOSTUNREACH);
	d.to = dgram_bound(d.port);
	expect_is(send_to(d.from, "x", 1, vm_cid, d.port), 1);
	expect_is(recv(d.to, (char[1]){ 0 }, 1, 0), 1);
}

static void no_such_context(void)
{
	struct dgrams d = make_dgrams();

	expect_errno(send_to(d.from, "x", 1, 77, d.port), EINVAL);
	expect_errno(send_to(d.from, "x", 1, 1, d.port), EINVAL);
	expect_nothing(&d);
}

/* Receive one datagram into @len bytes; what recvmsg() said about it. */
static ssize_t receive_flags(int fd, size_t len, int flags, int *out)
{
	char buf[64];
	struct iovec iov = { buf, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = recvmsg(fd, &msg, flags);

	*out = msg.msg_flags;
	return n;
}

static void short_buffer(void)
{
	struct dgrams d = make_connected();
	int flags;

	for (int i = 0; i < 3; i++)
		need_ok(send(d.from, "0123456789", 10, 0));
	expect_is(receive_flags(d.to, 4, 0, &flags), 4);
	expect_is(flags, MSG_TRUNC);
	expect_is(receive_flags(d.to, 10, 0, &flags), 10);
	expect_is(flags, 0);
	expect_is(receive_flags(d.to, 0, 0, &flags), 0);
	expect_is(flags, MSG_TRUNC);
	expect_nothing(&d);
}

static void real_length(void)
{
	struct dgrams d = make_connected();
	int flags;

	for (int i = 0; i < 2; i++)
		need_ok(send(d.from, "0123456789", 10, 0));
	expect_is(receive_flags(d.to, 4, MSG_TRUNC | MSG_PEEK, &flags), 10);
	expect_is(flags & MSG_TRUNC, MSG_TRUNC);
	expect_is(receive_flags(d.to, 4, MSG_TRUNC, &flags), 10);
	expect_is(flags & MSG_TRUNC, MSG_TRUNC);
	expect_is(receive_flags(d.to, 20, MSG_TRUNC, &flags), 10);
	expect_is(flags & MSG_TRUNC, 0);
	expect_nothing(&d);
}

static void peek(void)
{
	struct dgrams d = make_connected();
	char buf[8] = "";

	need_ok(send(d.from, "one", 3, 0));
	need_ok(send(d.from, "three", 5, 0));
	expect_is(recv(d.to, buf, 8, MSG_PEEK), 3);
	expect_is(recv(d.to, buf, 8, MSG_PEEK), 3);
	expect_is(recv(d.to, buf, 8, 0), 3);
	expect(memcmp(buf, "one", 3) == 0);
	expect_is(recv(d.to, buf, 8, 0), 5);
	expect(memcmp(buf, "three", 5) == 0);
	expect_errno(recv(d.to, buf, 8, MSG_PEEK | MSG_DONTWAIT), EAGAIN);
}

static void bad_flags(void)
{
	struct dgrams d = make_connected();
	char byte;

	need_ok(send(d.from, "k", 1, 0));
	expect_errno(recv(d.to, &byte, 1, MSG_OOB), EOPNOTSUPP);
	expect_errno(recv(d.to, &byte, 1, MSG_ERRQUEUE), EOPNOTSUPP);
	expect_errno(send(d.from, "x", 1, MSG_OOB), EOPNOTSUPP);
	expect_is(recv(d.to, &byte, 1, 0), 1);
	expect_is(byte, 'k');
	expect_nothing(&d);
}

/* UDP's rule: a connected socket hears its peer, nobody else. */
static void only_from_peer(void)
{
	struct dgrams d = make_connected();
	int stranger = dgram_socket();
	char byte;

	need_ok(send(d.from, "p", 1, 0));
	need_ok(connect_to(d.to, vm_cid, port_of(d.from)));
	send_to(stranger, "s", 1, vm_cid, d.port);
	need_ok(send(d.from, "q", 1, 0));
	expect_is(recv(d.to, &byte, 1, 0), 1);
	expect_is(byte, 'p');
	expect_is(recv(d.to, &byte, 1, 0), 1);
	expect_is(byte, 'q');
	expect_errno(recv(d.to, &byte, 1, MSG_DONTWAIT), EAGAIN);
	need_ok(connect_to(d.to, vm_cid, port_of(stranger)));
	need_ok(send_to(stranger, "t", 1, vm_cid, d.port));
	expect_is(recv(d.to, &byte, 1, 0), 1);
	expect_is(byte, 't');
}

static void autobind(void)
{
	struct dgrams d = make_dgrams();
	struct sockaddr_vm addr;
	socklen_t len = sizeof(addr);
	unsigned int port;

	need_ok(send_to(d.from, "x", 1, vm_cid, d.port));
	port = port_of(d.from);
	expect(port >= 1024 && port != VMADDR_PORT_ANY);
	expect_is(recvfrom(d.to, (char[1]){ 0 }, 1, 0, SA(&addr), &len), 1);
	expect_addr(addr, vm_cid, port);
	d.from = dgram_socket();
	need_ok(connect_to(d.from, vm_cid, d.port));
	expect(port_of(d.from) >= 1024 && port_of(d.from) != VMADDR_PORT_ANY);
}

/* A receiver that does not read: its queue is bounded and the sender never waits. */
static void flood(void)
{
	struct dgrams d = make_connected();
	char buf[4096] = "";
	long long start = now_ms();
	int sent = 0, refused = 0, got = 0;

	for (int i = 0; i < 5000; i++) {
		if (send(d.from, buf, sizeof(buf), 0) == sizeof(buf))
			sent++;
		else if (expect_is(errno, ENOBUFS))
			refused++;
	}
	expect(now_ms() - start < 20000);
	while (revents_within(d.to, POLLIN, 200) && recv(d.to, buf, sizeof(buf), 0) > 0)
		got++;
	diag("%d sent, %d refused, %d received", sent, refused, got);
	expect(got > 10 && got < 1000 && got <= sent);
	expect_nothing(&d);
	expect_is(send(d.from, buf, 1, 0), 1);
	expect_is(recv(d.to, buf, 2, 0), 1);
}

/* SO_RCVBUF bounds what waits for the reader. Delivery is in order, a second pair comes last. */
static void receive_buffer(void)
{
	struct dgrams d = make_connected(), last = make_connected();
	int size = 20000, got = 0;
	char buf[2048] = "";

	need_ok(setsockopt(d.to, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)));
	for (int i = 0; i < 500; i++)
		send(d.from, buf, sizeof(buf), 0);
	expect_is(send(last.from, buf, 1, 0), 1);
	expect_is(recv(last.to, buf, sizeof(buf), 0), 1);
	while (revents_within(d.to, POLLIN, 0) && recv(d.to, buf, sizeof(buf), 0) > 0)
		got++;
	diag("%d received", got);
	expect(got >= 3 && got <= 150);
}

struct reader {
	int fd;
	ssize_t ret;
	int error;
};

static void read_one(void *arg)
{
	struct reader *r = arg;
	char byte;

	r->ret = recv(r->fd, &byte, 1, 0);
	r->error = errno;
}

static void shutdown_wakes(void)
{
	struct reader r = { .fd = dgram_bound(VMADDR_PORT_ANY) };
	struct task task;

	start_task(&task, read_one, &r);
	wait_in_syscall(&task, SYS_recvfrom);
	expect_errno(shutdown(r.fd, SHUT_RD), ENOTCONN);
	join_task(&task);
	expect_is(r.ret, 0);
	expect_errno(shutdown(r.fd, 3), EINVAL);
}

/* Shutting down ends the association; with an address sending goes on. */
static void shutdown_connected(void)
{
	struct dgrams d = make_connected();

	expect_ok(shutdown(d.from, SHUT_WR));
	expect_errno(getpeername(d.from, NULL, NULL), ENOTCONN);
	expect_errno(send(d.from, "x", 1, 0), EINVAL);
	expect_is(send_to(d.from, "y", 1, vm_cid, d.port), 1);
	expect_is(recv(d.to, (char[2]){ 0 }, 2, 0), 1);
}

static void waiting(void)
{
	struct dgrams d = make_connected();
	struct reader r = { .fd = d.to };
	struct task task;

	expect_errno(recv(d.to, (char[1]){ 0 }, 1, MSG_DONTWAIT), EAGAIN);
	set_timeout(d.to, SO_RCVTIMEO, 100);
	expect_errno(recv(d.to, (char[1]){ 0 }, 1, 0), EAGAIN);
	set_timeout(d.to, SO_RCVTIMEO, 0);
	start_task(&task, read_one, &r);
	wait_in_syscall(&task, SYS_recvfrom);
	need_ok(send(d.from, "x", 1, 0));
	join_task(&task);
	expect_is(r.ret, 1);
}

static void bad_buffer(void)
{
	struct dgrams d = make_connected();
	char buf[8] = "";

	expect_errno(send(d.from, (void *)8, 10, 0), EFAULT);
	expect_nothing(&d);
	need_ok(send(d.from, "keep me", 7, 0));
	expect_errno(recv(d.to, (void *)8, 100, MSG_PEEK), EFAULT);
	expect_errno(recv(d.to, (void *)8, 100, 0), EFAULT);
	expect_errno(recv(d.to, (void *)8, 100, MSG_TRUNC), EFAULT);
	expect_is(recv(d.to, buf, sizeof(buf), 0), 7);
	expect(memcmp(buf, "keep me", 7) == 0);
	expect_nothing(&d);
}

/* Closing drops what was not read: the next owner of the port starts with nothing. */
static void close_drops(void)
{
	struct dgrams d = make_dgrams();

	for (int i = 0; i < 50; i++) {
		need_ok(send_to(d.from, "stale", 5, vm_cid, d.port));
		close(d.to);
		d.to = dgram_bound(d.port);
		expect_nothing(&d);
	}
}

static void connect_to_any(void)
{
	int to = dgram_bound(VMADDR_PORT_ANY), from = dgram_socket();

	expect_ok(connect_to(from, VMADDR_CID_ANY, port_of(to)));
	expect_addr(peer_of(from), vm_cid, port_of(to));
	expect_errno(connect_to(from, VMADDR_CID_ANY, VMADDR_PORT_ANY), EINVAL);
	expect_is(send(from, "any", 3, 0), 3);
	wait_for(to, POLLIN);
	expect_is(recv(to, (char[4]){ 0 }, 4, 0), 3);
}

static void unprivileged(void)
{
	int to, from;

	drop_privileges();
	to = dgram_bound(VMADDR_PORT_ANY);
	from = dgram_socket();
	expect_is(send_to(from, "user", 4, vm_cid, port_of(to)), 4);
	wait_for(to, POLLIN);
	expect_is(recv(to, (char[8]){ 0 }, 8, 0), 4);
}

/* What nobody knows counts as restricted, as for streams. */
static void unprivileged_out_of_reach(void)
{
	struct dgrams d = make_dgrams();
	int from;

	drop_privileges();
	from = dgram_socket();
	expect_errno(send_to(from, "x", 1, 77, d.port), EPERM);
	expect_errno(send_to(d.from, "x", 1, 77, d.port), EINVAL);
	expect_is(send_to(from, "x", 1, vm_cid, d.port), 1);
	expect_is(recv(d.to, (char[2]){ 0 }, 2, 0), 1);
}

static const struct vmtest rows[] = {
	{ "12.I-128", "0 to 69608 bytes arrive, 69609 give EMSGSIZE", sizes },
	{ "12.I-129", "sendto returns the payload length", payload_length },
	{ "12.I-130", "no destination gives EINVAL", no_destination },
	{ "12.I-131", "port any gives EINVAL, CID any is this machine", wildcards },
	{ "12.I-132", "CID 0 gives EINVAL without a monitor", hypervisor },
	{ "12.I-133", "a port without handler gives EHOSTUNREACH", nobody_there },
	{ "7.2", "contexts out of reach give EINVAL", no_such_context },
	{ "12.I-134", "a short buffer sets MSG_TRUNC", short_buffer },
	{ "defect-11", "recv with MSG_TRUNC returns the real length", real_length },
	{ "7.3", "MSG_PEEK", peek },
	{ "12.I-135", "MSG_OOB and MSG_ERRQUEUE give EOPNOTSUPP", bad_flags },
	{ "12.I-136", "a connected socket receives only from its peer", only_from_peer },
	{ "12.I-137", "an unbound sender is bound", autobind },
	{ "12.I-138", "flooding never blocks", flood },
	{ "4.13", "SO_RCVBUF bounds the queue", receive_buffer },
	{ "12.I-139", "shutdown wakes a blocked recv", shutdown_wakes },
	{ "7.2", "shutdown of a connected socket", shutdown_connected },
	{ "7.3", "recv waits, times out, and does not wait", waiting },
	{ "defect-10", "a datagram outlives recv into a bad buffer", bad_buffer },
	{ "4.9", "close drops queued datagrams", close_drops },
	{ "7.4", "connect to CID any means this machine", connect_to_any },
	{ "5.13", "who has no privileges sends and receives, too", unprivileged },
	{ "5.13", "but gets EPERM for contexts out of reach", unprivileged_out_of_reach },
};

int main(int argc, char **argv)
{
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
