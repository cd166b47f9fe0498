/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest-host.h - a guest and its host, whatever driver the guest has
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The host's part is tests/interop/peer, behind the UNIX sockets of the virtual device.
 * VMSOCK_FULL in the environment asks for all counts; VMSOCK_DEVICE_CID says which context the
 * device has.
 */
#ifndef TESTS_VM_GUEST_HOST_H
#define TESTS_VM_GUEST_HOST_H

#include "vmtest.h"
#include "../interop/interop.h"

#define HOST		2u
#define MIB		(1024 * 1024ull)

static const uint64_t sizes[] = { 128, 4096, 65536, 262144, 1048576 };

/* Each byte of a control packet is an access to a port of its own: everything takes long. */
static bool port_io;

/* MiB of a stream, at most, unless all counts are asked for */
static unsigned int some_mib = 16;

/* Connections at a time */
#define MANY_MAX	200
static int many = 100;

UNUSED static bool full(void)
{
	return getenv("VMSOCK_FULL") && !port_io;
}

/* As many bytes as make the ring of a queue wrap often enough, but not more than @most MiB */
UNUSED static uint64_t much(uint64_t queue, unsigned int most)
{
	uint64_t wraps = full() ? 10000 : 100, limit = (full() ? most : some_mib) * MIB;

	return wraps * queue < limit ? wraps * queue + 1 : limit + 1;
}

/* --- connections -------------------------------------------------------------------------- */

/* A machine with much to do may take longer than the usual time-out */
#define PATIENCE_S	60

UNUSED static int patient_socket(void)
{
	struct timeval patience = { .tv_sec = PATIENCE_S };
	int fd = stream_socket();

	need_ok(setsockopt(fd, vm_family, SO_VMCI_CONNECT_TIMEOUT, &patience, sizeof(patience)));
	return fd;
}

UNUSED static int host_connection(unsigned int port, uint64_t queue)
{
	int fd = patient_socket();

	if (queue)
		set_size(fd, queue);
	need_ok(connect_to(fd, HOST, port));
	return fd;
}

/* A connection on which the host plays a role */
UNUSED static int ordered(enum role role, uint64_t bytes, uint64_t queue)
{
	struct order order = { .role = role, .bytes = bytes };
	int fd = host_connection(PORT_ORDERS, queue);

	need(send(fd, &order, sizeof(order), 0) == sizeof(order));
	return fd;
}

UNUSED static char verdict(int fd)
{
	char byte = 0;

	return recv(fd, &byte, 1, 0) == 1 ? byte : 0;
}

/* The same on a connection that the host makes; @orders gets the one with the verdicts */
UNUSED static int called(enum role role, uint64_t bytes, uint64_t queue, int *orders)
{
	int listening = stream_bound(VMADDR_PORT_ANY), fd;
	struct order order = { .role = role, .bytes = bytes };

	if (queue)
		set_size(listening, queue);
	need_ok(listen(listening, 1));
	order.port = port_of(listening);
	*orders = host_connection(PORT_ORDERS, 0);
	need(send(*orders, &order, sizeof(order), 0) == sizeof(order));
	fd = need_ok(accept(listening, NULL, NULL));
	need(verdict(*orders) == VERDICT_GOOD);
	close(listening);
	return fd;
}

/* --- bytes -------------------------------------------------------------------------------- */

struct flow {
	int fd;
	uint64_t bytes;
};

UNUSED static void send_flow(void *arg)
{
	struct flow *flow = arg;
	unsigned int seed = 1;
	size_t n;

	for (uint64_t at = 0; at < flow->bytes; at += n) {
		n = 1 + rand_r(&seed) % 100000;
		n = flow->bytes - at < n ? flow->bytes - at : n;
		n = need_ok(send(flow->fd, bytes_at(at), n, MSG_NOSIGNAL));
	}
	need_ok(shutdown(flow->fd, SHUT_WR));
}

/* All of them, and then their end */
UNUSED static void receive_flow(struct flow *flow)
{
	static uint8_t got[100000];
	unsigned int seed = 2;
	uint64_t at = 0;
	ssize_t n;

	while ((n = need_ok(recv(flow->fd, got, 1 + rand_r(&seed) % sizeof(got), 0))) > 0) {
		need(good_bytes(got, at, n));
		at += n;
	}
	expect_is(at, flow->bytes);
}

UNUSED static void to_host(int fd, uint64_t bytes)
{
	struct flow flow = { .fd = fd, .bytes = bytes };

	send_flow(&flow);
	expect_is(verdict(fd), VERDICT_GOOD);
	expect_eof(fd);
}

UNUSED static void from_host(int fd, uint64_t bytes)
{
	receive_flow(&(struct flow){ .fd = fd, .bytes = bytes });
}

UNUSED static void both_ways(int fd, uint64_t bytes)
{
	struct flow out = { .fd = fd, .bytes = bytes }, in = out;
	struct task task;

	start_task(&task, send_flow, &out);
	receive_flow(&in);
	join_task(&task);
}

/* --- rows --------------------------------------------------------------------------------- */

UNUSED static void context(void)
{
	expect_is(vm_cid, strtoul(getenv("VMSOCK_DEVICE_CID"), NULL, 0));
}

UNUSED static void guest_calls(void)
{
	make_interop_bytes();
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint64_t bytes = much(sizes[i], 1024);
		int fd = ordered(ROLE_SINK, bytes, sizes[i]);

		to_host(fd, bytes);
		close(fd);
		fd = ordered(ROLE_SOURCE, bytes, sizes[i]);
		from_host(fd, bytes);
		close(fd);
		bytes = much(sizes[i], 128);
		fd = ordered(ROLE_BOTH, bytes, sizes[i]);
		both_ways(fd, bytes);
		close(fd);
	}
}

UNUSED static void host_calls(void)
{
	int fd, orders;

	make_interop_bytes();
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint64_t bytes = much(sizes[i], 128);

		fd = called(ROLE_SINK, bytes, sizes[i], &orders);
		to_host(fd, bytes);
		close(fd);
		expect_is(verdict(orders), VERDICT_GOOD);
		close(orders);
		fd = called(ROLE_SOURCE, bytes, sizes[i], &orders);
		from_host(fd, bytes);
		close(fd);
		expect_is(verdict(orders), VERDICT_GOOD);
		close(orders);
	}
}

UNUSED static void half_close(void)
{
	int orders, fd = ordered(ROLE_ECHO, 0, 0);
	char text[16] = "";

	need(send(fd, "there", 5, 0) == 5);
	need_ok(shutdown(fd, SHUT_WR));
	expect_is(recv(fd, text, sizeof(text), MSG_WAITALL), 5);
	expect(!strcmp(text, "there"));
	expect_eof(fd);
	close(fd);
	fd = called(ROLE_ECHO, 0, 0, &orders);
	need(send(fd, "again", 5, 0) == 5);
	need_ok(shutdown(fd, SHUT_WR));
	expect_is(recv(fd, text, sizeof(text), MSG_WAITALL), 5);
	expect(!strcmp(text, "again"));
	expect_eof(fd);
	close(fd);
	close(orders);
}

UNUSED static void nobody(void)
{
	int fd = patient_socket();

	expect_errno(connect_to(fd, HOST, PORT_NOBODY), ECONNRESET);
	close(fd);
}

/* The host calls a port where nobody listens */
UNUSED static void nobody_here(void)
{
	struct order order = { .role = ROLE_ECHO, .port = PORT_NOBODY };
	int fd = host_connection(PORT_ORDERS, 0);

	need(send(fd, &order, sizeof(order), 0) == sizeof(order));
	expect_is(verdict(fd), VERDICT_BAD);
	close(fd);
}

/* The host goes and leaves bytes unread: sending ends soon, and nothing hangs */
UNUSED static void abort_here(void)
{
	int fd = ordered(ROLE_ABORT, 0, 0);
	ssize_t n;

	make_interop_bytes();
	do {
		n = send(fd, bytes_at(0), 100000, MSG_NOSIGNAL);
	} while (n > 0);
	expect(errno == EPIPE || errno == ECONNRESET);
	close(fd);
}

/* Through ports the largest datagram takes seconds in each direction */
#define DATAGRAM_MS	60000

static int trips(size_t length)
{
	if (!port_io || length < 4096)
		return 10;
	return length == DATAGRAM_MAX ? 2 : 4;
}

UNUSED /* Each size goes to the host and comes back, with the sender's address */
static void datagrams(void)
{
	static const size_t lengths[] = { 0, 1, 4096, DATAGRAM_MAX };
	static uint8_t got[DATAGRAM_MAX + 1];
	int fd = dgram_bound(VMADDR_PORT_ANY);

	make_interop_bytes();
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
		for (int round = 0; round < trips(lengths[i]); round++) {
			struct sockaddr_vm from = { .svm_port = 0 };
			socklen_t size = sizeof(from);
			ssize_t n = lengths[i];

			expect_is(send_to(fd, bytes_at(round), n, HOST, PORT_DATAGRAMS), n);
			need(revents_within(fd, POLLIN, DATAGRAM_MS) == POLLIN);
			n = recvfrom(fd, got, sizeof(got), 0, (struct sockaddr *)&from, &size);
			expect_is(n, lengths[i]);
			expect(good_bytes(got, round, lengths[i]));
			expect_is(from.svm_cid, HOST);
			expect_is(from.svm_port, PORT_DATAGRAMS);
		}
	expect_errno(send_to(fd, "?", 1, HOST, PORT_NOBODY), EHOSTUNREACH);
	close(fd);
}

static void connect_and_close(unsigned int port, int count, bool wait)
{
	for (int i = 0; i < count; i++) {
		int fd = host_connection(port, 0);

		if (wait)
			expect_is(recv(fd, &(char){ 0 }, 1, 0), 0);
		close(fd);
	}
}

/* Connections in turn that the host, and that the guest, closes first */
UNUSED static void sequence(int host_first, int guest_first)
{
	connect_and_close(PORT_CLOSES_FIRST, host_first, true);
	connect_and_close(PORT_CLOSES_SECOND, guest_first, false);
}

UNUSED static void parallel(void)
{
	int fds[MANY_MAX], count = port_io ? 8 : many;
	char text[32], got[32];

	for (int i = 0; i < count; i++)
		fds[i] = ordered(ROLE_ECHO, 0, 16384);
	for (int i = 0; i < count; i++) {
		int n = snprintf(text, sizeof(text), "connection %d", i);

		need(send(fds[i], text, n, 0) == n);
	}
	for (int i = 0; i < count; i++) {
		int n = snprintf(text, sizeof(text), "connection %d", i);

		need_ok(shutdown(fds[i], SHUT_WR));
		expect_is(recv(fds[i], got, sizeof(got), MSG_WAITALL), n);
		expect(!memcmp(got, text, n));
		close(fds[i]);
	}
}

/* How often has this guest been started? */
UNUSED static unsigned int starts(void)
{
	int fd = host_connection(PORT_COUNTS, 0);
	uint8_t count = 0;

	need(send(fd, &count, 1, 0) == 1);
	need(recv(fd, &count, 1, 0) == 1);
	close(fd);
	return count;
}

/* Connections in both directions with much to say, and some of it said */
UNUSED static void busy(void)
{
	static uint8_t got[8192];
	int fds[8], orders[8];

	make_interop_bytes();
	for (int i = 0; i < 8; i++)
		fds[i] = i % 2 ? ordered(ROLE_SOURCE, 1024 * MIB, 65536) :
				 called(ROLE_SOURCE, 1024 * MIB, 65536, &orders[i]);
	for (int i = 0; i < 8; i++)
		need(recv(fds[i], got, sizeof(got), MSG_WAITALL) == sizeof(got));
}

#endif /* TESTS_VM_GUEST_HOST_H */
