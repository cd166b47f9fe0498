// SPDX-License-Identifier: GPL-2.0-or-later
/* packets - control packets of each kind of traffic, counted (vsock.md 5.9, 6.5)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-modules: vmsock
 *
 * Both ends are this machine, so each packet is sent once and received once.  A row does one
 * thing, and compares what was sent with the specification's sequence.
 */
#include "debugfs.h"

#define HANDSHAKE(n) { P(REQUEST2), (n) }, { P(NEGOTIATE2), (n) }, { P(OFFER), (n) }, \
		     { P(ATTACH), (n) }

static void one_connection(void)
{
	struct pair pair;

	mark();
	pair = make_pair();
	expect_packets(HANDSHAKE(1));
	close_pair(&pair);
	expect_packets(HANDSHAKE(1));
}

static void many_connections(void)
{
	mark();
	for (int i = 0; i < 100; i++) {
		struct pair pair = make_pair();

		close_pair(&pair);
	}
	expect_packets(HANDSHAKE(100));
}

static void refused(void)
{
	int fd = stream_socket(), idle = stream_bound(VMADDR_PORT_ANY);
	unsigned int port = port_of(idle);

	mark();
	expect_errno(connect_to(fd, vm_cid, port), ECONNRESET);
	expect_packets({ P(REQUEST2), 1 }, { P(RST), 1 });
	close(idle);
	expect_errno(connect_to(fd, vm_cid, port), ECONNRESET);
	expect_packets({ P(REQUEST2), 2 }, { P(RST), 2 });
}

static void backlog_full(void)
{
	int fd = listener(0);

	need_ok(connect_to(stream_socket(), vm_cid, port_of(fd)));
	mark();
	expect_errno(connect_to(stream_socket(), vm_cid, port_of(fd)), ECONNRESET);
	expect_packets({ P(REQUEST2), 1 }, { P(RST), 1 });
}

static void size_refused(void)
{
	int fd = stream_socket(), server = listener(1);
	uint64_t size = 524288;

	set_size(fd, size);
	need_ok(setsockopt(fd, vm_family, SO_VMCI_BUFFER_MIN_SIZE, &size, sizeof(size)));
	mark();
	expect_errno(connect_to(fd, vm_cid, port_of(server)), EINVAL);
	expect_packets({ P(REQUEST2), 1 }, { P(NEGOTIATE2), 1 }, { P(RST), 1 });
}

static void local_errors(void)
{
	struct pair pair = make_pair();
	struct sockaddr_vm bad = { .svm_family = 77 };

	mark();
	expect_errno(connect_to(pair.client, vm_cid, 5000), EISCONN);
	expect_errno(connect_to(pair.listener, vm_cid, 5000), EINVAL);
	expect_errno(connect(stream_socket(), SA(&bad), sizeof(bad)), EINVAL);
	expect_errno(connect_to(stream_socket(), VMADDR_CID_LOCAL, 5000), ENETUNREACH);
	expect_errno(send(pair.client, "x", 1, MSG_OOB), EOPNOTSUPP);
	expect_errno(shutdown(pair.client, 7), EINVAL);
	expect_packets({ 0 });
}

static void half_close(void)
{
	struct pair pair = make_pair();

	mark();
	need_ok(shutdown(pair.client, SHUT_WR));
	expect_packets({ P(SHUTDOWN), 1 });
	need_ok(shutdown(pair.client, SHUT_WR));
	need_ok(shutdown(pair.server, SHUT_RDWR));
	expect_packets({ P(SHUTDOWN), 3 });
	close_pair(&pair);
	expect_packets({ P(SHUTDOWN), 3 });
}

static void close_is_silent(void)
{
	struct pair pair = make_pair();

	need_ok(send(pair.client, "unread", 6, 0));
	expect_soon(all_received());
	mark();
	close(pair.client);
	wait_for(pair.server, POLLRDHUP);
	expect_packets({ 0 });
	close(pair.server);
	close(pair.listener);
	expect_packets({ 0 });
}

static void unaccepted(void)
{
	int fd = listener(4), clients[3];

	mark();
	for (int i = 0; i < 3; i++) {
		clients[i] = stream_socket();
		need_ok(connect_to(clients[i], vm_cid, port_of(fd)));
	}
	close(fd);
	for (int i = 0; i < 3; i++)
		wait_for(clients[i], POLLRDHUP);
	expect_packets(HANDSHAKE(3));
}

static void one_wrote(void)
{
	struct pair pair = make_pair();
	char buf[100] = "";

	mark();
	need_ok(send(pair.client, buf, sizeof(buf), 0));
	expect_packets({ P(WROTE), 1 });
	for (int i = 0; i < 50; i++)
		need_ok(send(pair.client, buf, sizeof(buf), 0));
	expect_packets({ P(WROTE), 1 });
	need_ok(recv(pair.server, buf, 1, MSG_PEEK));
	need_ok(recv(pair.server, buf, 1, 0));
	expect_packets({ P(WROTE), 1 });
}

/* Neither blocked readers and writers nor poll announce themselves. */
static void no_waiting(void)
{
	struct pair pair = make_pair_of(4096);

	mark();
	expect_is(revents_within(pair.server, POLLIN, 50), 0);
	expect_errno(recv(pair.server, (char[1]){ 0 }, 1, MSG_DONTWAIT), EAGAIN);
	set_timeout(pair.server, SO_RCVTIMEO, 50);
	expect_errno(recv(pair.server, (char[1]){ 0 }, 1, 0), EAGAIN);
	expect_packets({ 0 });
	fill_queue(pair.client, 1);
	expect_is(revents_within(pair.client, POLLOUT, 50), 0);
	set_timeout(pair.client, SO_SNDTIMEO, 50);
	expect_errno(send(pair.client, "x", 1, 0), EAGAIN);
	expect_packets({ P(WROTE), 1 });
}

static void drained(void)
{
	struct pair pair = make_pair_of(4096);
	size_t len = fill_queue(pair.client, 1);

	expect_soon(all_received());
	mark();
	expect(receive_bytes(pair.server, len, 1, 0));
	expect_soon(all_received());
	expect(sent_since(P(READ)) >= 1);
	expect_is(sent_since(P(READ)), sent_since(-1));
}

/* A request and its answer, again and again: one WROTE each, no READ. */
static void ping_pong(void)
{
	struct pair pair = make_pair();

	mark();
	for (int i = 0; i < 100; i++)
		expect_works(pair.client, pair.server);
	expect_packets({ P(WROTE), 200 });
}

static void datagrams(void)
{
	int to = dgram_bound(VMADDR_PORT_ANY), from = dgram_socket();

	mark();
	for (int i = 0; i < 10; i++) {
		need_ok(send_to(from, "x", 1, vm_cid, port_of(to)));
		need_ok(recv(to, (char[1]){ 0 }, 1, 0));
	}
	expect_packets({ 0 });
}

/* Is there a line of @type in the list of sockets? */
static bool listed(const char *type)
{
	FILE *f = fopen(SOCKETS_FILE, "re");
	char line[256];
	bool found = false;

	need(f);
	while (fgets(line, sizeof(line), f))
		found |= strncmp(line, type, strlen(type)) == 0;
	fclose(f);
	return found;
}

static void types_listed(void)
{
	int fds[] = { stream_socket(), dgram_socket(), socket(vm_family, SOCK_SEQPACKET, 0) };

	expect_is(count_sockets(), ARRAY_SIZE(fds));
	expect(listed("stream ") && listed("dgram ") && listed("seqpacket "));
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		need_ok(close(fds[i]));
	expect_is(count_sockets(), 0);
}

static const struct vmtest rows[] = {
	{ "5.9", "a connection is four packets, its close none", one_connection },
	{ "5.9", "a hundred connections", many_connections },
	{ "5.9", "a refusal is a request and a reset", refused },
	{ "5.9", "a full backlog is a request and a reset", backlog_full },
	{ "5.5", "a refused size: request, answer, reset", size_refused },
	{ "4.5", "what fails here sends nothing", local_errors },
	{ "5.9", "half-close is one SHUTDOWN for each call", half_close },
	{ "5.9", "close sends nothing, whatever is unread", close_is_silent },
	{ "5.9", "a closing listener sends nothing", unaccepted },
	{ "12.K-170", "writing into an empty queue sends one WROTE", one_wrote },
	{ "12.K-171", "waiting sends nothing", no_waiting },
	{ "12.K-172", "draining a full queue sends READ", drained },
	{ "6.5", "request and answer are one WROTE each", ping_pong },
	{ "7.1", "datagrams need no control packets", datagrams },
	{ "packets", "sockets of each type are listed", types_listed },
};

int main(int argc, char **argv)
{
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
