// SPDX-License-Identifier: GPL-2.0-or-later
/* raw - control packets that no socket of ours would send (vsock.md 5, 12.J, 12.K)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-modules: vmsock vm_raw
 * vm-timeout: 240
 *
 * vm_raw.ko sends what a row writes, in the name of a port of this machine.  What our sockets
 * answer goes to a silent_port(), where it counts and has no effect; so a row plays a client
 * that says what it likes (RAW), or a server (SERVER to a client bound to CLIENT).  Packets to one
 * socket are handled in order: where nothing must happen, the next packet is one to which
 * something does.
 */
#include "debugfs.h"

#define SEND_FILE	"/sys/kernel/debug/vm_raw/send"
#define FLOOD_FILE	"/sys/kernel/debug/vm_raw/flood"
#define STALL_FILE	"/sys/kernel/debug/vm_raw/stall"
#define BREAK_FILE	"/sys/kernel/debug/vm_raw/break"
#define RAW		7000u	/* a client made of packets */
#define LISTENER	7001u	/* what it talks to */
#define SERVER		7002u	/* a server made of packets */
#define CLIENT		7003u	/* who connects to it */
#define NOBODY		7004u

#define SIZE		4096u

/* --- packets ------------------------------------------------------------------------------ */

static struct vmsock_packet packet(int type, unsigned int from, unsigned int to)
{
	struct vmsock_packet pkt;

	memset(&pkt, 0, sizeof(pkt));
	pkt.dg.dst = (struct vmci_handle){ vm_cid, VMCI_SOCKET_CONTROL_RID };
	pkt.dg.src = pkt.dg.dst;
	pkt.dg.payload_size = VMSOCK_PACKET_PAYLOAD_SIZE;
	pkt.version = VMSOCK_PACKET_VERSION;
	pkt.type = type;
	pkt.src_port = from;
	pkt.dst_port = to;
	return pkt;
}

static void write_to(const char *file, const void *bytes, size_t len)
{
	int fd = need_ok(open(file, O_WRONLY | O_CLOEXEC));

	need(write(fd, bytes, len) == (ssize_t)len);
	close(fd);
}

static void write_raw(const void *bytes, size_t len)
{
	write_to(SEND_FILE, bytes, len);
}

static void inject(struct vmsock_packet pkt)
{
	if (pkt.type < VMSOCK_PACKET_TYPE_COUNT)
		injected[pkt.type]++;
	write_raw(&pkt, sizeof(pkt));
}

static void say(int type, unsigned int from, unsigned int to)
{
	inject(packet(type, from, to));
}

static void say_size(int type, unsigned int from, unsigned int to, int proto, uint64_t size)
{
	struct vmsock_packet pkt = packet(type, from, to);

	pkt.proto = proto;
	pkt.u.size = size;
	inject(pkt);
}

static void say_handle(int type, unsigned int from, unsigned int to, struct vmci_handle handle)
{
	struct vmsock_packet pkt = packet(type, from, to);

	pkt.u.handle = handle;
	inject(pkt);
}

static void say_mode(unsigned int from, unsigned int to, uint64_t mode)
{
	struct vmsock_packet pkt = packet(P(SHUTDOWN), from, to);

	pkt.u.mode = mode;
	inject(pkt);
}

static const struct vmci_handle no_handle = { VMCI_INVALID_ID, VMCI_INVALID_ID };

/* --- a client that is no socket ------------------------------------------------------------ */

static int raw_listener(int backlog)
{
	int fd;

	silent_port(RAW, LISTENER);
	fd = stream_bound(LISTENER);
	need_ok(listen(fd, backlog));
	mark();
	return fd;
}

static void request(void)
{
	say_size(P(REQUEST2), RAW, LISTENER, 1, SIZE);
}

static void two_requests(void)
{
	int sockets;

	raw_listener(1);
	sockets = count_sockets();
	request();
	expect_packets({ P(NEGOTIATE2), 1 });
	say(P(RST), RAW, LISTENER);
	expect_soon(count_sockets() == sockets);
	say_size(P(REQUEST), RAW, LISTENER, 0, SIZE);
	expect_packets({ P(NEGOTIATE2), 1 }, { P(NEGOTIATE), 1 });
}

/* What was refused takes no place of the backlog. */
static void expect_room(void)
{
	expect_ok(connect_to(stream_socket(), vm_cid, LISTENER));
}

static void unknown_protocols(void)
{
	raw_listener(0);
	say_size(P(REQUEST2), RAW, LISTENER, 0, SIZE);
	say_size(P(REQUEST2), RAW, LISTENER, 0xfffe, SIZE);
	expect_packets({ P(RST), 2 });
	expect_room();
}

static void all_protocols(void)
{
	raw_listener(8);
	say_size(P(REQUEST2), RAW, LISTENER, 0xffff, SIZE);
	expect_packets({ P(NEGOTIATE2), 1 });
}

static void no_size(void)
{
	raw_listener(0);
	say_size(P(REQUEST), RAW, LISTENER, 0, 0);
	say_size(P(REQUEST2), RAW, LISTENER, 1, 0);
	expect_packets({ P(RST), 2 });
	expect_room();
}

/* The child that a request made ends with this handle in the offer, and the listener lives. */
static void expect_offer_refused(struct vmci_handle handle)
{
	int fd = raw_listener(0), sockets = count_sockets();

	request();
	expect_packets({ P(NEGOTIATE2), 1 });
	expect_is(count_sockets(), sockets + 1);
	say_handle(P(OFFER), RAW, LISTENER, handle);
	expect_packets({ P(NEGOTIATE2), 1 }, { P(RST), 1 });
	expect_soon(count_sockets() == sockets);
	expect_is(revents(fd), 0);
	expect_room();
}

static void offer_of_nothing(void)
{
	expect_offer_refused(no_handle);
}

static void offer_of_no_pair(void)
{
	expect_offer_refused((struct vmci_handle){ vm_cid, 0x7ffffff0 });
}

static void offer_of_a_foreign_pair(void)
{
	expect_offer_refused((struct vmci_handle){ 77, 1025 });
}

static void offer_without_request(void)
{
	int sockets;

	raw_listener(0);
	sockets = count_sockets();
	say_handle(P(OFFER), RAW, LISTENER, (struct vmci_handle){ vm_cid, 1025 });
	expect_packets({ P(RST), 1 });
	expect_is(count_sockets(), sockets);
}

static void request_twice(void)
{
	int sockets;

	raw_listener(8);
	sockets = count_sockets();
	request();
	expect_packets({ P(NEGOTIATE2), 1 });
	request();
	expect_packets({ P(NEGOTIATE2), 1 }, { P(RST), 1 });
	expect_soon(count_sockets() == sockets);
}

/* A client that gave up may try again at once. */
static void request_after_reset(void)
{
	raw_listener(8);
	for (int i = 0; i < 100; i++) {
		mark();
		request();
		expect_packets({ P(NEGOTIATE2), 1 });
		say(P(RST), RAW, LISTENER);
		request();
		expect_packets({ P(NEGOTIATE2), 2 });
		say(P(RST), RAW, LISTENER);
	}
}

/* Both may be there before the listener has looked at the first. */
static void requests_back_to_back(void)
{
	int sockets;

	raw_listener(8);
	sockets = count_sockets();
	for (int i = 0; i < 100; i++) {
		mark();
		request();
		request();
		expect_packets({ P(NEGOTIATE2), 1 }, { P(RST), 1 });
		if (!expect_soon(count_sockets() == sockets))
			return;
	}
}

#define REFUSALS	10000

/* Nobody has the ports of these clients: what answers NEGOTIATE2 is RST. */
static void reset_handshakes(void)
{
	int fd = listener(4), sockets = count_sockets(), count = rounds(REFUSALS);
	unsigned int port = port_of(fd);

	mark();
	for (int i = 1; i <= count; i++) {
		say_size(P(REQUEST2), 100000 + i, port, 1, SIZE);
		if (i % 4 == 0)
			need(soon(sent_since(P(RST)) == i && count_sockets() == sockets));
	}
	expect_packets({ P(NEGOTIATE2), count }, { P(RST), count });
	expect_soon(count_sockets() == sockets);
	expect_is(revents(fd), 0);
	for (int i = 0; i < 5; i++)
		need_ok(connect_to(stream_socket(), vm_cid, port));
	expect_errno(connect_to(stream_socket(), vm_cid, port), ECONNRESET);
}

static void silent_client(void)
{
	int fd = raw_listener(0), client = stream_socket(), refused = 0;
	long long start = now_ms();

	request();
	expect_packets({ P(NEGOTIATE2), 1 });
	expect_errno(connect_to(client, vm_cid, LISTENER), ECONNRESET);
	for (refused = 1; connect_to(client, vm_cid, LISTENER) < 0; refused++) {
		need(errno == ECONNRESET && now_ms() - start < SOON_MS);
		breathe();
	}
	expect(now_ms() - start >= 990);
	expect_works(client, need_ok(accept(fd, NULL, NULL)));
	expect_is(sent_since(P(RST)), refused);
	say_handle(P(OFFER), RAW, LISTENER, (struct vmci_handle){ vm_cid, 1025 });
	expect_soon(sent_since(P(RST)) == refused + 1);
}

/* --- packets for anybody ------------------------------------------------------------------- */

static void unknown_types(void)
{
	raw_listener(1);
	for (int type = VMSOCK_PACKET_TYPE_COUNT; type < 256; type++)
		say(type, RAW, LISTENER);
	expect_packets({ P(INVALID), 256 - VMSOCK_PACKET_TYPE_COUNT });
	for (int type = VMSOCK_PACKET_TYPE_COUNT; type < 256; type++)
		say(type, RAW, NOBODY);
	expect_packets({ P(INVALID), 256 - VMSOCK_PACKET_TYPE_COUNT },
		       { P(RST), 256 - VMSOCK_PACKET_TYPE_COUNT });
}

static void reset_is_not_answered(void)
{
	raw_listener(1);
	stream_bound(NOBODY + 1);
	for (unsigned int port = LISTENER; port <= NOBODY + 1; port++) {
		say(P(RST), RAW, port);
		say(P(READ), RAW, port);
	}
	expect_packets({ P(RST), NOBODY + 2 - LISTENER });
}

static void bad_datagrams(void)
{
	struct vmsock_packet pkt;
	int stranger = dgram_bound(VMADDR_PORT_ANY);

	raw_listener(1);
	for (int missing = 1; missing <= 32; missing++) {
		pkt = packet(P(READ), RAW, LISTENER);
		pkt.dg.payload_size -= missing;
		write_raw(&pkt, sizeof(pkt) - missing);
	}
	pkt = packet(P(READ), RAW, LISTENER);
	pkt.dg.src.resource = port_of(stranger);
	write_raw(&pkt, sizeof(pkt));
	say(P(READ), RAW, LISTENER);
	expect_packets({ P(RST), 1 });
}

static void wrong_version(void)
{
	struct vmsock_packet pkt;

	raw_listener(1);
	pkt = packet(P(REQUEST2), RAW, LISTENER);
	pkt.proto = 1;
	pkt.u.size = SIZE;
	pkt.version = 2;
	inject(pkt);
	expect_packets({ P(RST), 1 });
}

static void long_packet(void)
{
	struct { struct vmsock_packet pkt; char more[96]; } it;

	raw_listener(1);
	memset(&it, 0xee, sizeof(it));
	it.pkt = packet(P(REQUEST2), RAW, LISTENER);
	it.pkt.dg.payload_size += sizeof(it.more);
	it.pkt.proto = 1;
	it.pkt.u.size = SIZE;
	injected[P(REQUEST2)]++;
	write_raw(&it, sizeof(it));
	expect_packets({ P(NEGOTIATE2), 1 });
}

/* --- a server that is no socket ------------------------------------------------------------ */

/* A client whose request has reached the server. */
static int raw_connect(void)
{
	int fd;

	silent_port(SERVER, CLIENT);
	fd = stream_bound(CLIENT);
	set_blocking(fd, false);
	mark();
	expect_errno(connect_to(fd, vm_cid, SERVER), EINPROGRESS);
	expect_packets({ P(REQUEST2), 1 });
	return fd;
}

static void negotiate2(int proto, uint64_t size)
{
	say_size(P(NEGOTIATE2), SERVER, CLIENT, proto, size);
}

static void expect_failed(int fd, int error)
{
	need(revents_within(fd, 0, SOON_MS) & POLLERR);
	expect_is(socket_error(fd), error);
}

/* Whatever became of the attempt, the socket can connect. */
static void expect_can_connect(int fd)
{
	int server = listener(1);

	set_blocking(fd, true);
	expect_ok(connect_to(fd, vm_cid, port_of(server)));
	expect_works(fd, need_ok(accept(server, NULL, NULL)));
}

static void expect_refused_answer(int proto, uint64_t size)
{
	int fd = raw_connect();

	negotiate2(proto, size);
	expect_failed(fd, EINVAL);
	expect_packets({ P(REQUEST2), 1 }, { P(RST), 1 });
	expect_can_connect(fd);
}

static void size_below(void)
{
	expect_refused_answer(1, SMALLEST_SIZE - 1);
}

static void size_above(void)
{
	expect_refused_answer(1, DEFAULT_SIZE + 1);
}

static void proto_two(void)
{
	expect_refused_answer(2, SIZE);
}

static void proto_three(void)
{
	expect_refused_answer(3, SIZE);
}

static void answer_of_a_stranger(void)
{
	int fd = raw_connect();

	silent_port(RAW, LISTENER);
	mark();
	say_size(P(NEGOTIATE2), RAW, CLIENT, 1, SIZE);
	expect_packets({ P(RST), 1 });
	expect_is(revents(fd), 0);
	negotiate2(1, SIZE);
	expect_packets({ P(RST), 1 }, { P(OFFER), 1 });
}

static int raw_offered(void)
{
	int fd = raw_connect();

	negotiate2(1, SIZE);
	expect_packets({ P(REQUEST2), 1 }, { P(OFFER), 1 });
	return fd;
}

static void expect_protocol_error(int fd)
{
	expect_failed(fd, EPROTO);
	expect_packets({ P(REQUEST2), 1 }, { P(OFFER), 1 }, { P(RST), 1 });
	expect_can_connect(fd);
}

static void second_answer(void)
{
	int fd = raw_offered();

	negotiate2(1, SIZE);
	expect_protocol_error(fd);
}

static void attach_of_another(void)
{
	int fd = raw_offered();

	say_handle(P(ATTACH), SERVER, CLIENT, (struct vmci_handle){ vm_cid, 1 });
	expect_protocol_error(fd);
}

static void attach_of_nothing(void)
{
	int fd = raw_offered();

	say_handle(P(ATTACH), SERVER, CLIENT, no_handle);
	expect_protocol_error(fd);
}

static void retry_after_offer(void)
{
	int fd = raw_offered();

	say(P(RST), SERVER, CLIENT);
	expect_failed(fd, ECONNRESET);
	expect_packets({ P(REQUEST2), 1 }, { P(OFFER), 1 });
	expect_can_connect(fd);
}

static void left_overs(void)
{
	static const int types[] = { P(WROTE), P(READ), P(WAITING_WRITE), P(WAITING_READ) };
	int fd = raw_connect();

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		say(types[i], SERVER, CLIENT);
	say_mode(SERVER, CLIENT, 3);
	negotiate2(1, SIZE);
	expect_packets({ P(REQUEST2), 1 }, { P(OFFER), 1 });
	expect_is(revents(fd), 0);
}

/* --- a server of the first generation ------------------------------------------------------ */

/* It says INVALID, then RST, and understands the older request. */
static int old_connect(void)
{
	int fd = raw_connect();

	say(P(INVALID), SERVER, CLIENT);
	expect_packets({ P(REQUEST2), 1 }, { P(REQUEST), 1 });
	return fd;
}

static void second_refusals(void)
{
	int fd = old_connect();

	say(P(INVALID), SERVER, CLIENT);
	say(P(RST), SERVER, CLIENT);
	say(P(INVALID), SERVER, CLIENT);
	say(P(RST), SERVER, CLIENT);
	expect_failed(fd, ECONNRESET);
	expect_packets({ P(REQUEST2), 1 }, { P(REQUEST), 1 });
	expect_can_connect(fd);
}

/*
 * Connected in packet style; nobody has attached to the queue pair, so nobody reads or writes.
 * Handles are given out in turn, and a datagram port is one.
 */
static int old_connected(void)
{
	int fd = old_connect();
	struct vmci_handle handle = { vm_cid, 0 };

	say(P(RST), SERVER, CLIENT);
	handle.resource = port_of(dgram_bound(VMADDR_PORT_ANY)) + 1;
	say_size(P(NEGOTIATE), SERVER, CLIENT, 0, SIZE);
	expect_packets({ P(REQUEST2), 1 }, { P(REQUEST), 1 }, { P(OFFER), 1 });
	say_handle(P(ATTACH), SERVER, CLIENT, handle);
	set_blocking(fd, true);	/* poll() would be a reader that waits */
	need(connect_to(fd, vm_cid, SERVER) == 0 || errno == EISCONN);
	set_timeout(fd, SO_RCVTIMEO, 50);
	set_timeout(fd, SO_SNDTIMEO, 50);
	mark();
	return fd;
}

static void old_server(void)
{
	int fd = old_connected();

	expect_is(peer_of(fd).svm_port, SERVER);
	expect_packets({ 0 });
}

static void blocked_reader(void)
{
	int fd = old_connected();
	char byte;

	for (int i = 0; i < 3; i++)
		expect_errno(recv(fd, &byte, 1, 0), EAGAIN);
	expect_packets({ P(WAITING_READ), 1 });
	say(P(WROTE), SERVER, CLIENT);
	expect_soon(all_received());
	for (int i = 0; i < 3; i++)
		expect_errno(recv(fd, &byte, 1, 0), EAGAIN);
	expect_packets({ P(WAITING_READ), 2 });
}

static void blocked_writer(void)
{
	int fd = old_connected();

	expect_is(fill_queue(fd, 1), SIZE - 1);
	for (int i = 0; i < 3; i++)
		expect_errno(send(fd, "x", 1, 0), EAGAIN);
	expect_packets({ P(WAITING_WRITE), 1 });
	say(P(READ), SERVER, CLIENT);
	expect_soon(all_received());
	for (int i = 0; i < 3; i++)
		expect_errno(send(fd, "x", 1, 0), EAGAIN);
	expect_packets({ P(WAITING_WRITE), 2 });
}

static void waiting_peer(void)
{
	int fd = old_connected();

	need_ok(send(fd, "x", 1, 0));
	expect_packets({ 0 });
	say(P(WAITING_READ), SERVER, CLIENT);
	expect_packets({ P(WROTE), 1 });
	say(P(WAITING_WRITE), SERVER, CLIENT);
	expect_packets({ P(WROTE), 1 }, { P(READ), 1 });
}

/* --- packets for a connection -------------------------------------------------------------- */

/* The ports of a connection, to speak in the name of its ends. */
struct ports {
	unsigned int client;
	unsigned int server;
};

static struct ports ports_of(const struct pair *pair)
{
	return (struct ports){ port_of(pair->client), port_of(pair->listener) };
}

static void unexpected_types(void)
{
	static const int types[] = {
		P(INVALID), P(REQUEST), P(NEGOTIATE), P(OFFER), P(ATTACH), P(WAITING_WRITE),
		P(WAITING_READ), P(REQUEST2), P(NEGOTIATE2),
	};
	struct pair pair = make_pair();
	struct ports ports = ports_of(&pair);

	mark();
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		say(types[i], ports.client, ports.server);
		say(types[i], ports.server, ports.client);
	}
	expect_works(pair.client, pair.server);
	say_mode(ports.client, ports.server, VMSOCK_SHUTDOWN_SEND);
	say_mode(ports.server, ports.client, VMSOCK_SHUTDOWN_SEND);
	wait_for(pair.client, POLLRDHUP);
	wait_for(pair.server, POLLRDHUP);
	expect_packets({ P(WROTE), 2 });
}

static void third_party(void)
{
	struct pair pair = make_pair();
	unsigned int port = port_of(pair.client);

	silent_port(RAW, LISTENER);
	mark();
	for (int type = 0; type < VMSOCK_PACKET_TYPE_COUNT; type++)
		say(type, RAW, port);
	say_mode(RAW, port, 3);
	say(P(READ), RAW, port);
	expect_packets({ P(RST), VMSOCK_PACKET_TYPE_COUNT + 1 });
	expect_is(revents(pair.client), POLLOUT | POLLWRNORM);
	expect_works(pair.client, pair.server);
}

static bool send_breaks(int fd)
{
	return send(fd, "x", 1, MSG_NOSIGNAL) < 0;
}

static void mode_without_bits(void)
{
	struct pair pair = make_pair();
	struct ports ports = ports_of(&pair);

	say_mode(ports.client, ports.server, 0xfffffffffffffffc);
	say_mode(ports.client, ports.server, 0xfffffffffffffffc | VMSOCK_SHUTDOWN_RECEIVE);
	expect_soon(send_breaks(pair.server));
	expect_is(revents_within(pair.server, POLLIN | POLLRDHUP, 0), 0);
	need_ok(send(pair.client, "y", 1, 0));
	expect_is(recv(pair.server, (char[2]){ 0 }, 2, 0), 1);
}

static void reset_of_a_connection(void)
{
	struct pair pair = make_pair();
	struct ports ports = ports_of(&pair);
	char buf[8];

	need_ok(send(pair.client, "queued", 6, 0));
	wait_for(pair.server, POLLIN);
	say(P(RST), ports.client, ports.server);
	wait_for(pair.server, POLLRDHUP);
	expect_is(recv(pair.server, buf, 4, 0), 4);
	expect_is(recv(pair.server, buf, 4, 0), 2);
	expect_eof(pair.server);
	expect_is(socket_error(pair.server), 0);
	expect_errno(send(pair.server, "x", 1, MSG_NOSIGNAL), EPIPE);
}

static void spurious(void)
{
	struct pair pair = make_pair();
	struct ports ports = ports_of(&pair);

	mark();
	for (int i = 0; i < 100; i++) {
		say(P(WROTE), ports.client, ports.server);
		say(P(READ), ports.client, ports.server);
		say(P(WROTE), ports.server, ports.client);
		say(P(READ), ports.server, ports.client);
	}
	expect_soon(all_received());
	expect_is(revents(pair.client), POLLOUT | POLLWRNORM);
	expect_errno(recv(pair.server, (char[1]){ 0 }, 1, MSG_DONTWAIT), EAGAIN);
	expect_works(pair.client, pair.server);
}

/* A peer of ours that says more than it has to. */
static void talkative(void)
{
	struct pair pair = make_pair_of(SMALLEST_SIZE);
	struct ports ports = ports_of(&pair);
	uint8_t buf[100];

	for (int i = 0; i < 200; i++) {
		fill_bytes(buf, sizeof(buf), 5, i * sizeof(buf));
		need_ok(send(pair.client, buf, sizeof(buf), 0));
		say(P(WROTE), ports.client, ports.server);
		need(receive_bytes(pair.server, sizeof(buf), 5, i * sizeof(buf)));
		say(P(READ), ports.server, ports.client);
	}
	expect_works(pair.client, pair.server);
}

/* While a socket is locked; what it takes waits until somebody uses it. */
static void send_to_locked(int fd, struct vmsock_packet pkt, uint32_t count)
{
	struct { uint32_t fd, count; struct vmsock_packet pkt; } it = { fd, count, pkt };

	injected[pkt.type] += count;
	write_to(FLOOD_FILE, &it, sizeof(it));
}

#define FLOOD	20000

/* What waits for a socket that somebody holds is limited; the rest is refused. */
static void flood(void)
{
	struct pair pair = make_pair(), other;
	struct ports ports = ports_of(&pair);

	mark();
	send_to_locked(pair.server, packet(P(SHUTDOWN), ports.client, ports.server), FLOOD);
	expect(sent_since(P(RST)) > FLOOD / 2);
	expect(sent_since(P(RST)) < FLOOD);
	expect_soon(all_received());
	other = make_pair();
	expect_works(other.client, other.server);
}

/* --- a way that is blocked ---------------------------------------------------------------- */

/* Nothing is delivered, and no control packet taken, until the descriptor is closed. */
static int stall(void)
{
	int fd = need_ok(open(STALL_FILE, O_WRONLY | O_CLOEXEC));

	need(write(fd, "0", 1) == 1);
	return fd;
}

/* Answers come late, when the same socket tries again from another port. */
static void answer_to_an_earlier_attempt(void)
{
	struct timeval moment = { .tv_usec = 50000 };
	int server = listener(4), fd = stream_socket(), stalled;
	struct vmsock_packet late;
	unsigned int port;

	need_ok(setsockopt(fd, vm_family, SO_VMCI_CONNECT_TIMEOUT, &moment, sizeof(moment)));
	mark();
	stalled = need_ok(open(STALL_FILE, O_WRONLY | O_CLOEXEC));
	expect_errno(connect_to(fd, vm_cid, port_of(server)), ETIMEDOUT);
	close(stalled);
	expect_packets({ P(REQUEST2), 1 }, { P(NEGOTIATE2), 1 }, { P(RST), 1 });
	port = port_of(fd);
	late = packet(P(NEGOTIATE2), port_of(server), port);
	late.proto = 1;
	late.u.size = SIZE;
	mark();
	send_to_locked(fd, late, 1);
	expect_ok(connect_to(fd, vm_cid, port_of(server)));
	expect(port_of(fd) != port);
	expect_packets({ P(RST), 1 }, { P(REQUEST2), 1 }, { P(NEGOTIATE2), 1 }, { P(OFFER), 1 },
		       { P(ATTACH), 1 });
	expect_works(fd, need_ok(accept(server, NULL, NULL)));
}

struct sleeper {
	struct task task;
	int fd;
	ssize_t result;
};

static void receive_one(void *arg)
{
	struct sleeper *sleeper = arg;

	sleeper->result = recv(sleeper->fd, (char[1]){ 0 }, 1, 0);
}

static void send_one(void *arg)
{
	struct sleeper *sleeper = arg;

	sleeper->result = send(sleeper->fd, "x", 1, MSG_NOSIGNAL);
}

/* The reader sleeps on, and learns of the byte when the way is free. */
static void late_wrote(void)
{
	struct pair pair = make_pair();
	struct sleeper reader = { .fd = pair.server };
	int stalled;

	start_task(&reader.task, receive_one, &reader);
	wait_in_syscall(&reader.task, SYS_recvfrom);
	mark();
	stalled = stall();
	need(send(pair.client, "x", 1, 0) == 1);
	expect_is(sent_since(P(WROTE)), 0);
	expect(sleeps_in(reader.task.tid, SYS_recvfrom));
	close(stalled);
	join_task(&reader.task);
	expect_is(reader.result, 1);
	expect_works(pair.client, pair.server);
}

/* So does the writer; and one who owes two notifications sends both. */
static void late_read(void)
{
	struct pair pair = make_pair_of(SIZE);
	struct sleeper writer = { .fd = pair.client };
	size_t count = fill_queue(pair.client, 1);
	int stalled;

	start_task(&writer.task, send_one, &writer);
	wait_in_syscall(&writer.task, SYS_sendto);
	mark();
	stalled = stall();
	receive_bytes(pair.server, count, 1, 0);
	need(send(pair.server, "y", 1, 0) == 1);
	expect_is(sent_since(P(READ)) + sent_since(P(WROTE)), 0);
	expect(sleeps_in(writer.task.tid, SYS_sendto));
	close(stalled);
	join_task(&writer.task);
	expect_is(writer.result, 1);
	expect_soon(sent_since(P(READ)) == 1 && sent_since(P(WROTE)) == 2);
	expect_is(recv(pair.client, (char[2]){ 0 }, 2, 0), 1);
	expect_is(recv(pair.server, (char[2]){ 0 }, 2, 0), 1);
	expect_works(pair.client, pair.server);
}

/* --- a queue that the peer has broken ------------------------------------------------------ */

static const uint64_t bad_indexes[] = { SIZE, SIZE + 1, 1ull << 32, 1ull << 63, UINT64_MAX };

static void break_queue(int fd, uint64_t index)
{
	struct { uint32_t fd, pad; uint64_t tail, head; } damage = { fd, 0, index, index };

	write_to(BREAK_FILE, &damage, sizeof(damage));
}

/* Whoever meets the bad index ends the connection, for both sides. */
static void expect_reset(struct pair *pair, ssize_t (*call)(int fd))
{
	expect_is(revents(pair->server), POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM);
	expect_errno(ioctl(pair->server, FIONREAD, &(int){ 0 }), ECONNRESET);
	expect_is(sent_since(-1), 0);
	expect_errno(call(pair->server), ECONNRESET);
	expect_packets({ P(RST), 1 });
	expect_is(socket_error(pair->server), ECONNRESET);
	expect_eof(pair->server);
	expect_errno(send(pair->server, "x", 1, MSG_NOSIGNAL), EPIPE);
	expect_eof(pair->client);
	expect_errno(send(pair->client, "x", 1, MSG_NOSIGNAL), EPIPE);
}

static void broken_queue(ssize_t (*call)(int fd))
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_indexes); i++) {
		struct pair pair = make_pair_of(SIZE);

		mark();
		break_queue(pair.server, bad_indexes[i]);
		expect_reset(&pair, call);
		close_pair(&pair);
	}
}

static ssize_t call_recv(int fd)
{
	return recv(fd, (char[1]){ 0 }, 1, 0);
}

static ssize_t call_peek(int fd)
{
	return recv(fd, (char[1]){ 0 }, 1, MSG_PEEK);
}

static ssize_t call_send(int fd)
{
	return send(fd, "x", 1, MSG_NOSIGNAL);
}

static void broken_for_recv(void)
{
	broken_queue(call_recv);
}

static void broken_for_peek(void)
{
	broken_queue(call_peek);
}

static void broken_for_send(void)
{
	broken_queue(call_send);
}

static const struct vmtest rows[] = {
	{ "12.J-144", "REQUEST gets NEGOTIATE, REQUEST2 gets NEGOTIATE2", two_requests },
	{ "12.J-145", "protocols that nobody knows get RST", unknown_protocols },
	{ "12.J-146", "all protocols get NEGOTIATE2", all_protocols },
	{ "12.J-147", "size 0 gets RST", no_size },
	{ "12.J-148", "INVALID and RST fall back to the old request", old_server },
	{ "12.J-149", "the second RST ends the attempt, INVALID does not", second_refusals },
	{ "12.J-150", "a size below the minimum: EINVAL and RST", size_below },
	{ "12.J-150", "a size above the maximum: EINVAL and RST", size_above },
	{ "12.J-151", "protocol 2: EINVAL and RST", proto_two },
	{ "12.J-151", "protocols 1 and 2: EINVAL and RST", proto_three },
	{ "12.J-152", "NEGOTIATE2 of another port gets RST, the attempt survives",
	  answer_of_a_stranger },
	{ "12.J-153", "a second NEGOTIATE2: EPROTO and RST", second_answer },
	{ "12.J-154", "ATTACH with another handle: EPROTO and RST", attach_of_another },
	{ "12.J-154", "ATTACH without a handle: EPROTO and RST", attach_of_nothing },
	{ "12.E-79", "retry after a failure that follows OFFER", retry_after_offer },
	{ "5.5", "packets of an earlier connection are ignored", left_overs },
	{ "12.J-155", "OFFER without a handle: RST, the child is gone", offer_of_nothing },
	{ "12.J-156", "OFFER of no queue pair: RST, the child is gone", offer_of_no_pair },
	{ "12.J-156", "OFFER of another context's queue pair: the same", offer_of_a_foreign_pair },
	{ "12.J-157", "OFFER without a request gets RST", offer_without_request },
	{ "12.J-158", "a second request gets RST", request_twice },
	{ "12.J-158", "even right behind the first", requests_back_to_back },
	{ "5.6", "a request right behind a reset is a new one", request_after_reset },
	{ "12.J-159", "10,000 handshakes reset by the client", reset_handshakes, 120 },
	{ "12.J-160", "a silent client frees its place after a second", silent_client },
	{ "12.J-161", "unknown types get INVALID, or RST from nobody", unknown_types },
	{ "12.J-162", "RST is never answered", reset_is_not_answered },
	{ "12.J-163", "short packets and wrong resources get no answer", bad_datagrams },
	{ "5.2", "another version gets RST", wrong_version },
	{ "12.J-164", "a longer packet is as good", long_packet },
	{ "12.J-165", "unexpected types do not disturb a connection", unexpected_types },
	{ "12.J-166", "nor does anything from a third party", third_party },
	{ "12.J-168", "SHUTDOWN without a known bit changes nothing", mode_without_bits },
	{ "12.J-169", "RST on a connection: data, then end of file", reset_of_a_connection },
	{ "11.1", "packets that wait for a socket are limited", flood },
	{ "5.5", "the answer to an attempt from another port gets RST",
	  answer_to_an_earlier_attempt },
	{ "5.10", "WROTE that cannot be sent is sent later", late_wrote },
	{ "5.10", "READ that cannot be sent is sent later", late_read },
	{ "4.7", "a bad index of the peer: recv ends the connection", broken_for_recv },
	{ "4.7", "a bad index of the peer: so does a look at the data", broken_for_peek },
	{ "4.6", "a bad index of the peer: so does send", broken_for_send },
	{ "12.K-173", "packet style: a blocked reader says so once", blocked_reader },
	{ "12.K-174", "packet style: a blocked writer says so once", blocked_writer },
	{ "12.K-175,176", "packet style: who waits is answered at once", waiting_peer },
	{ "12.K-178", "spurious WROTE and READ", spurious },
	{ "12.K-179", "WROTE for every write, READ for every read", talkative },
};

int main(int argc, char **argv)
{
	injected = mmap(NULL, VMSOCK_PACKET_TYPE_COUNT * sizeof(*injected), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
