// SPDX-License-Identifier: GPL-2.0-or-later
/* host-handshake - connections between the host and a virtual machine (vsock.md 5, 12.J)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-modules: vmsock
 * vm-timeout: 240
 * vm-sources: tests/monitor/machine.c tests/monitor/vm.c
 * vm-sources: modules/common/address.c modules/common/handshake.c modules/common/notify.c
 * vm-sources: modules/common/packet.c modules/common/ring.c
 *
 * The machine is a script (monitor/script.h).  raw.c has the same rows with both ends on one
 * machine; here packets come through /dev/vmci, and queue pairs are real.
 */
#include "../monitor/script.h"

/* --- the host asks ------------------------------------------------------------------------ */

/* All 56 bytes; the rest of them are seen by all rows (vm.c) */
static void request_bytes(void)
{
	struct line line = { boot(), GUEST_PORT };
	struct vmsock_packet want;
	int fd = stream_socket();

	set_size(fd, 65536);
	host_calls_with(&line, fd);
	memset(&want, 0, sizeof(want));
	want.dg.dst = (struct vmci_handle){ GUEST_CID, 1 };
	want.dg.src = (struct vmci_handle){ HOST, 1 };
	want.dg.payload_size = 32;
	want.version = 1;
	want.type = 11;
	want.proto = 1;
	want.src_port = port_of(fd);
	want.dst_port = GUEST_PORT;
	want.u.size = 65536;
	expect(memcmp(&want, &line.heard, sizeof(want)) == 0);
}

/* The address that the peer used, and the peer's */
static void names(void)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = host_connects(&line, SIZE);

	expect(line.there >= 1024);
	expect_addr(local_of(fd), HOST, line.there);
	expect_addr(peer_of(fd), GUEST_CID, GUEST_PORT);
	expect_line_works(&line, fd);
}

static void names_of_a_child(void)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = guest_connects(&line, 1, SIZE);

	expect_addr(local_of(fd), HOST, line.there);
	expect_addr(peer_of(fd), GUEST_CID, GUEST_PORT);
	expect_line_works(&line, fd);
}

static void nobody(void)
{
	struct vm *vm = boot();
	struct line line = { vm, GUEST_PORT };
	int fd = host_calls(&line);

	say(&line, P(RST));
	expect_failed(fd, ECONNRESET);
	expect_can_connect(&line, fd);
}

static void no_such_machine(void)
{
	int fd;

	boot();
	fd = stream_socket();
	expect(connect_to(fd, OTHER_CID, GUEST_PORT) < 0);
	expect(errno == EINVAL || errno == EHOSTUNREACH || errno == ENETUNREACH ||
	       errno == ENODEV || errno == EPERM);
}

/* Who sends nothing is given up, whatever he does later */
static void silence(void)
{
	struct timeval moment = { .tv_usec = 200000 };
	struct line line = { boot(), GUEST_PORT };
	int fd = stream_socket();

	need_ok(setsockopt(fd, vm_family, SO_VMCI_CONNECT_TIMEOUT, &moment, sizeof(moment)));
	expect_errno(connect_to(fd, GUEST_CID, GUEST_PORT), ETIMEDOUT);
	hear(&line, P(REQUEST2));
	say_size(&line, P(NEGOTIATE2), 1, SIZE);
	hear(&line, P(RST));
	expect_can_connect(&line, fd);
}

static void interrupted(int sig UNUSED)
{
}

struct attempt {
	struct task task;
	int fd;
	int error;
};

static void connect_now(void *arg)
{
	struct attempt *attempt = arg;

	attempt->error = connect_to(attempt->fd, GUEST_CID, GUEST_PORT) ? errno : 0;
}

static void a_signal(void)
{
	struct line line = { boot(), GUEST_PORT };
	struct sigaction sa = { .sa_handler = interrupted };
	struct attempt attempt = { .fd = stream_socket() };

	need_ok(sigaction(SIGUSR1, &sa, NULL));
	start_task(&attempt.task, connect_now, &attempt);
	wait_in_syscall(&attempt.task, SYS_connect);
	pthread_kill(attempt.task.thread, SIGUSR1);
	join_task(&attempt.task);
	expect_is(attempt.error, EINTR);
	hear(&line, P(REQUEST2));
	say_size(&line, P(NEGOTIATE2), 1, SIZE);
	hear(&line, P(RST));
	expect_can_connect(&line, attempt.fd);
}

/* Each end asks the other's port */
static void both_call(void)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = host_calls(&line);

	say_size(&line, P(REQUEST2), 1, SIZE);
	hear(&line, P(RST));
	expect_failed(fd, EPROTO);
	expect_can_connect(&line, fd);
}

static void old_server(void)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = host_falls_back(&line, SIZE);

	expect_line_works(&line, fd);
}

static void second_refusals(void)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = host_calls(&line);

	say(&line, P(INVALID));
	hear(&line, P(REQUEST));
	say(&line, P(INVALID));
	say(&line, P(RST));
	say(&line, P(INVALID));
	say(&line, P(RST));
	expect_failed(fd, ECONNRESET);
	hear_nothing(&line);
	expect_can_connect(&line, fd);
}

/* An answer that ends the attempt */
static void expect_refused(int proto, uint64_t size)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = host_calls(&line);

	say_size(&line, P(NEGOTIATE2), proto, size);
	hear(&line, P(RST));
	expect_failed(fd, EINVAL);
	expect_can_connect(&line, fd);
}

static void size_below(void)
{
	expect_refused(1, SMALLEST_SIZE - 1);
}

static void size_above(void)
{
	expect_refused(1, DEFAULT_SIZE + 1);
}

static void size_huge(void)
{
	expect_refused(1, (1ull << 32) + SIZE);
}

static void proto_two(void)
{
	expect_refused(2, SIZE);
}

static void proto_three(void)
{
	expect_refused(3, SIZE);
}

/* Neither another machine nor another port of the same one */
static void answers_of_strangers(void)
{
	struct line line = { boot(), GUEST_PORT };
	struct line stranger = { boot_as(OTHER_CID, 0), GUEST_PORT };
	int fd = host_calls(&line);
	struct line neighbour = { line.vm, GUEST_PORT + 1, line.there };

	stranger.there = line.there;
	for (int type = 0; type < VMSOCK_PACKET_TYPE_COUNT; type++) {
		if (type == P(RST))
			continue;
		say_size(&stranger, type, 1, SIZE);
		hear(&stranger, P(RST));
		say_size(&neighbour, type, 1, SIZE);
		hear(&neighbour, P(RST));
	}
	say(&stranger, P(RST));
	say(&neighbour, P(RST));
	expect_is(revents(fd), 0);
	say_size(&line, P(NEGOTIATE2), 1, SIZE);
	hear(&line, P(OFFER));
	say_handle(&stranger, P(ATTACH), line.heard.u.handle);
	hear(&stranger, P(RST));
	accept_offer(&line, fd, SIZE);
	expect_line_works(&line, fd);
}

static void expect_protocol_error(struct line *line, int fd)
{
	hear(line, P(RST));
	expect_failed(fd, EPROTO);
	expect_can_connect(line, fd);
}

static void second_answer(void)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = host_offers(&line, SIZE);

	say_size(&line, P(NEGOTIATE2), 1, SIZE);
	expect_protocol_error(&line, fd);
}

static void expect_attach_refused(bool any)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = host_offers(&line, SIZE);
	struct vmci_handle handle = line.heard.u.handle;

	handle.resource++;
	say_handle(&line, P(ATTACH), any ? no_handle : handle);
	expect_protocol_error(&line, fd);
}

static void attach_of_another(void)
{
	expect_attach_refused(false);
}

static void attach_of_nothing(void)
{
	expect_attach_refused(true);
}

/* The pair that was offered is gone, and the socket has no memory of it */
static void retry_after_offer(void)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = host_offers(&line, SIZE);
	struct vmci_handle handle = line.heard.u.handle;
	__s32 result;

	say(&line, P(RST));
	expect_failed(fd, ECONNRESET);
	expect(!vm_pair_new(line.vm, handle, HOST, VMCI_QPFLAG_ATTACH_ONLY, SIZE, &result));
	expect_is(result, VMCI_ERROR_NOT_FOUND);
	expect_can_connect(&line, fd);
}

/* Attached, then gone, before ATTACH */
static void leaves_before_attach(void)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = host_offers(&line, SIZE);

	attach_pair(&line, SIZE);
	expect_is(vm_pair_free(line.pair), VMCI_SUCCESS);
	expect_failed(fd, ECONNRESET);
	expect_can_connect(&line, fd);
}

static void left_overs(void)
{
	static const int types[] = { P(WROTE), P(READ), P(WAITING_WRITE), P(WAITING_READ) };
	struct line line = { boot(), GUEST_PORT };
	int fd = host_calls(&line);

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		say(&line, types[i]);
	say_mode(&line, 3);
	say_size(&line, P(NEGOTIATE2), 1, SIZE);
	hear(&line, P(OFFER));
	accept_offer(&line, fd, SIZE);
	expect_line_works(&line, fd);
}

/* Data, and even the end, right behind ATTACH */
static void wrote_behind_attach(void)
{
	struct line line = { boot(), GUEST_PORT };

	for (int i = 0; i < rounds(1000); i++) {
		int fd;

		line.there = 0;
		fd = host_offers(&line, SIZE);
		attach_pair(&line, SIZE);
		need(vm_pair_write(line.pair, "hello", 5) == 5);
		say_handle(&line, P(ATTACH), line.pair->handle);
		say(&line, P(WROTE));
		say_mode(&line, VMSOCK_SHUTDOWN_SEND);
		set_blocking(fd, true);
		need(connect_to(fd, GUEST_CID, GUEST_PORT) == 0 || errno == EISCONN);
		need(recv(fd, (char[8]){ 0 }, 8, MSG_WAITALL) == 5);
		close(fd);
		vm_pair_free(line.pair);
	}
}

/* --- the machine asks --------------------------------------------------------------------- */

static void sizes(void)
{
	static const struct {
		uint64_t asked, got;
	} table[] = {
		{ 128, 128 }, { 4096, 4096 }, { DEFAULT_SIZE, DEFAULT_SIZE },
		{ 127, DEFAULT_SIZE }, { DEFAULT_SIZE + 1, DEFAULT_SIZE },
		{ 1ull << 32, DEFAULT_SIZE }, { UINT64_MAX, DEFAULT_SIZE },
	};
	struct line line = { boot(), GUEST_PORT };

	host_listens(&line, 20);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		say_size(&line, P(REQUEST2), 1, table[i].asked);
		hear(&line, P(NEGOTIATE2));
		expect_is(line.heard.u.size, table[i].got);
		expect_is(line.heard.proto, 1);
		line.here++;
	}
}

static void two_requests(void)
{
	struct line line = { boot(), GUEST_PORT };
	struct line old = { line.vm, GUEST_PORT + 1 };
	int listening = host_listens(&line, 4), fd, old_fd;

	old.there = line.there;
	fd = guest_connects_to(&line, listening, 1, SIZE);
	old_fd = guest_connects_to(&old, listening, 0, SIZE);
	expect_line_works(&line, fd);
	expect_line_works(&old, old_fd);
}

static void unknown_protocols(void)
{
	struct line line = { boot(), GUEST_PORT };
	int listening = host_listens(&line, 0);

	say_size(&line, P(REQUEST2), 0, SIZE);
	hear(&line, P(RST));
	say_size(&line, P(REQUEST2), 0xfffe, SIZE);
	hear(&line, P(RST));
	expect_line_works(&line, guest_connects_to(&line, listening, 1, SIZE));
}

static void all_protocols(void)
{
	struct line line = { boot(), GUEST_PORT };

	host_listens(&line, 0);
	say_size(&line, P(REQUEST2), 0xffff, SIZE);
	hear(&line, P(NEGOTIATE2));
	expect_is(line.heard.proto, 1);
	expect_is(line.heard.u.size, SIZE);
}

static void no_size(void)
{
	struct line line = { boot(), GUEST_PORT };
	int listening = host_listens(&line, 0);

	say_size(&line, P(REQUEST), 0, 0);
	hear(&line, P(RST));
	say_size(&line, P(REQUEST2), 1, 0);
	hear(&line, P(RST));
	expect_line_works(&line, guest_connects_to(&line, listening, 1, SIZE));
}

/* The child is gone, and with it its place in the backlog */
static void expect_offer_refused(struct line *line, struct vmci_handle handle)
{
	int listening = host_listens(line, 0);

	say_size(line, P(REQUEST2), 1, SIZE);
	hear(line, P(NEGOTIATE2));
	say_handle(line, P(OFFER), handle);
	hear(line, P(RST));
	expect_is(revents(listening), 0);
	line->here++;
	expect_line_works(line, guest_connects_to(line, listening, 1, SIZE));
}

static void offer_of_nothing(void)
{
	struct line line = { boot(), GUEST_PORT };

	expect_offer_refused(&line, no_handle);
}

static void offer_of_no_pair(void)
{
	struct line line = { boot(), GUEST_PORT };

	expect_offer_refused(&line, (struct vmci_handle){ GUEST_CID, 0x7ffffff0 });
}

/* It exists, and is for the host, but is another's */
static void offer_of_a_foreign_pair(void)
{
	struct line line = { boot(), GUEST_PORT };
	struct line other = { boot_as(OTHER_CID, 0), GUEST_PORT };

	create_pair(&other, SIZE);
	expect_offer_refused(&line, other.pair->handle);
}

static void offer_of_another_size(void)
{
	struct line line = { boot(), GUEST_PORT };

	create_pair(&line, 2 * SIZE);
	expect_offer_refused(&line, line.pair->handle);
}

static void offer_for_nobody(void)
{
	struct line line = { boot(), GUEST_PORT };
	__s32 result;

	line.pair = vm_pair_new(line.vm, new_handle(&line), GUEST_CID, 0, SIZE, &result);
	if (line.pair)
		expect_offer_refused(&line, line.pair->handle);
	else
		expect_is(result, VMCI_ERROR_DST_UNREACHABLE);
}

/* A pair that another connection has */
static void offer_twice(void)
{
	struct line line = { boot(), GUEST_PORT };
	struct line second = { line.vm, GUEST_PORT + 1 };
	int fd = guest_connects(&line, 1, SIZE);

	expect_offer_refused(&second, line.pair->handle);
	expect_line_works(&line, fd);
}

static void offer_without_request(void)
{
	struct line line = { boot(), GUEST_PORT };
	int listening = host_listens(&line, 0);

	create_pair(&line, SIZE);
	say_handle(&line, P(OFFER), line.pair->handle);
	hear(&line, P(RST));
	expect_is(revents(listening), 0);
}

/* The pair was created, offered, and is gone before the host has attached */
static void offer_and_gone(void)
{
	struct line line = { boot(), GUEST_PORT };
	struct vmci_handle handle;

	create_pair(&line, SIZE);
	handle = line.pair->handle;
	expect_is(vm_pair_free(line.pair), VMCI_SUCCESS);
	expect_offer_refused(&line, handle);
}

static void request_twice(void)
{
	struct line line = { boot(), GUEST_PORT };
	int listening = host_listens(&line, 0);

	say_size(&line, P(REQUEST2), 1, SIZE);
	hear(&line, P(NEGOTIATE2));
	say_size(&line, P(REQUEST2), 1, SIZE);
	hear(&line, P(RST));
	expect_line_works(&line, guest_connects_to(&line, listening, 1, SIZE));
}

/* All that a pending child does not expect */
static void pending_types(void)
{
	struct line line = { boot(), GUEST_PORT };

	host_listens(&line, 4);
	for (int type = 0; type < VMSOCK_PACKET_TYPE_COUNT; type++) {
		if (type == P(RST) || type == P(OFFER))
			continue;
		say_size(&line, P(REQUEST2), 1, SIZE);
		hear(&line, P(NEGOTIATE2));
		say_size(&line, type, 1, SIZE);
		hear(&line, P(RST));
	}
}

#define REFUSALS	10000

static void reset_handshakes(void)
{
	struct line line = { boot(), GUEST_PORT };
	int listening = host_listens(&line, 1);

	for (int i = 0; i < rounds(REFUSALS); i++) {
		say_size(&line, P(REQUEST2), 1, SIZE);
		hear(&line, P(NEGOTIATE2));
		say(&line, P(RST));
		line.here = GUEST_PORT + i % 800;
	}
	expect_is(revents(listening), 0);
	expect_line_works(&line, guest_connects_to(&line, listening, 1, SIZE));
}

static void silent_client(void)
{
	struct line line = { boot(), GUEST_PORT };
	struct line other = { line.vm, GUEST_PORT + 1 };
	int listening = host_listens(&line, 0);
	long long start = now_ms();

	other.there = line.there;
	say_size(&line, P(REQUEST2), 1, SIZE);
	hear(&line, P(NEGOTIATE2));
	do {
		need(now_ms() - start < SOON_MS);
		say_size(&other, P(REQUEST2), 1, SIZE);
		until(line.vm, line.vm->heard_count);
		need(vm_heard(line.vm, &other.heard));
	} while (other.heard.type == P(RST));
	expect(now_ms() - start >= 990);
	expect_is(other.heard.type, P(NEGOTIATE2));
	create_pair(&line, SIZE);
	say_handle(&line, P(OFFER), line.pair->handle);
	hear(&line, P(RST));
	create_pair(&other, SIZE);
	say_handle(&other, P(OFFER), other.pair->handle);
	hear(&other, P(ATTACH));
	expect_line_works(&other, need_ok(accept(listening, NULL, NULL)));
}

/* Who closes a listener leaves children that the machine has not finished */
static void listener_gone(void)
{
	struct line line = { boot(), GUEST_PORT };
	int listening = host_listens(&line, 4);

	say_size(&line, P(REQUEST2), 1, SIZE);
	hear(&line, P(NEGOTIATE2));
	close(listening);
	create_pair(&line, SIZE);
	say_handle(&line, P(OFFER), line.pair->handle);
	hear(&line, P(RST));
}

/* --- packets for anybody ------------------------------------------------------------------- */

static void unknown_types(void)
{
	struct line line = { boot(), GUEST_PORT };
	struct line nobody = { line.vm, GUEST_PORT, 999998 };

	host_listens(&line, 1);
	for (int type = VMSOCK_PACKET_TYPE_COUNT; type < 256; type++) {
		say(&line, type);
		hear(&line, P(INVALID));
		say(&nobody, type);
		hear(&nobody, P(RST));
	}
}

static void reset_is_not_answered(void)
{
	struct line line = { boot(), GUEST_PORT };
	int listening = host_listens(&line, 1);
	unsigned int there = line.there;

	stream_bound(5000);
	for (int i = 0; i < 3; i++) {
		line.there = (unsigned int[]){ there, 5000, 5001 }[i];
		say(&line, P(RST));
		hear_nothing(&line);
		say(&line, P(READ));
		hear(&line, P(RST));
	}
	expect_is(revents(listening), 0);
}

static void bad_datagrams(void)
{
	struct line line = { boot(), GUEST_PORT };
	struct vmsock_packet pkt;

	host_listens(&line, 1);
	for (int missing = 1; missing <= 32; missing++) {
		pkt = packet(&line, P(REQUEST2));
		pkt.dg.payload_size -= missing;
		expect(transmit(&line, &pkt) < 0);
	}
	for (unsigned int resource = 0; resource < 20; resource++) {
		pkt = packet(&line, P(REQUEST2));
		pkt.dg.src.resource = resource;
		if (resource != VMCI_SOCKET_CONTROL_RID)
			expect(transmit(&line, &pkt) < 0);
	}
	hear_nothing(&line);
}

/* Nobody speaks in the name of another, or of the hypervisor */
static void forged_sources(void)
{
	static const unsigned int contexts[] = { 0, 1, HOST, OTHER_CID, VMCI_INVALID_ID };
	struct line line = { boot(), GUEST_PORT };
	struct line other = { boot_as(OTHER_CID, 0), GUEST_PORT };
	struct vmsock_packet pkt;

	host_listens(&line, 1);
	for (size_t i = 0; i < ARRAY_SIZE(contexts); i++) {
		pkt = packet(&line, P(REQUEST2));
		pkt.dg.src.context = contexts[i];
		if (contexts[i] == 0)
			pkt.dg.src.resource = VMCI_SOCKET_HYPERVISOR_RID;
		expect(transmit(&line, &pkt) < 0);
	}
	other.there = line.there;
	hear_nothing(&other);
	hear_nothing(&line);
}

/* Only the host itself has events: that a peer has left, or that all have */
static void forged_events(void)
{
	static const struct vmci_handle sources[] = { { 0, 0 }, { GUEST_CID, 0 } };
	struct line line = { boot(), GUEST_PORT };
	int fd = host_connects(&line, SIZE);

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		for (unsigned int event = 0; event < VMCI_EVENT_MAX; event++) {
			struct vmci_event_msg message = {
				.hdr = { { HOST, 0 }, sources[i], VMCI_EVENT_QP_SIZE },
				.data = { .event = event, .u.qp = { line.pair->handle,
								    GUEST_CID, 0 } },
			};

			expect(vm_send(line.vm, &message, sizeof(message)) < 0);
		}
	expect_is(revents(fd), POLLOUT | POLLWRNORM);
	expect_line_works(&line, fd);
}

/* Between machines there is no way */
static void machine_to_machine(void)
{
	struct line line = { boot(), GUEST_PORT };
	struct line other = { boot_as(OTHER_CID, 0), GUEST_PORT };
	struct vmsock_packet pkt = packet(&line, P(READ));

	pkt.dg.dst.context = OTHER_CID;
	expect_is(transmit(&line, &pkt), VMCI_ERROR_DST_UNREACHABLE);
	pkt.dg.dst.context = 0;
	expect_is(transmit(&line, &pkt), VMCI_ERROR_DST_UNREACHABLE);
	hear_nothing(&other);
}

static void long_packet(void)
{
	struct line line = { boot(), GUEST_PORT };
	struct { struct vmsock_packet pkt; char more[96]; } it;

	host_listens(&line, 1);
	memset(&it, 0xee, sizeof(it));
	it.pkt = packet(&line, P(REQUEST2));
	it.pkt.dg.payload_size += sizeof(it.more);
	it.pkt.proto = 1;
	it.pkt.u.size = SIZE;
	expect_is(transmit(&line, &it.pkt), sizeof(it));
	hear(&line, P(NEGOTIATE2));
}

static void wrong_version(void)
{
	struct line line = { boot(), GUEST_PORT };
	struct vmsock_packet pkt;

	host_listens(&line, 1);
	pkt = packet(&line, P(REQUEST2));
	pkt.proto = 1;
	pkt.u.size = SIZE;
	pkt.version = 2;
	expect_is(transmit(&line, &pkt), VMSOCK_PACKET_SIZE);
	hear(&line, P(RST));
}

/* --- packets for a connection -------------------------------------------------------------- */

static void unexpected_types(void)
{
	static const int types[] = {
		P(INVALID), P(REQUEST), P(NEGOTIATE), P(OFFER), P(ATTACH), P(WAITING_WRITE),
		P(WAITING_READ), P(REQUEST2), P(NEGOTIATE2),
	};
	struct line line = { boot(), GUEST_PORT };
	struct line child = { line.vm, GUEST_PORT + 1 };
	int fd = host_connects(&line, SIZE), child_fd = guest_connects(&child, 1, SIZE);

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		say(&line, types[i]);
		say(&child, types[i]);
	}
	hear_nothing(&line);
	expect_line_works(&line, fd);
	expect_line_works(&child, child_fd);
}

static void third_parties(void)
{
	struct line line = { boot(), GUEST_PORT };
	struct line stranger = { boot_as(OTHER_CID, 0), GUEST_PORT };
	int fd = host_connects(&line, SIZE);
	struct line neighbour = { line.vm, GUEST_PORT + 1, line.there };

	stranger.there = line.there;
	say_mode(&stranger, 3);
	hear(&stranger, P(RST));
	say_mode(&neighbour, 3);
	hear(&neighbour, P(RST));
	for (int type = 0; type < VMSOCK_PACKET_TYPE_COUNT; type++) {
		say(&stranger, type);
		if (type != P(RST))
			hear(&stranger, P(RST));
		say(&neighbour, type);
		if (type != P(RST))
			hear(&neighbour, P(RST));
	}
	expect_is(revents(fd), POLLOUT | POLLWRNORM);
	expect_line_works(&line, fd);
}

static bool send_breaks(int fd)
{
	return send(fd, "x", 1, MSG_NOSIGNAL) < 0;
}

static void mode_without_bits(void)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = host_connects(&line, SIZE);

	say_mode(&line, 0xfffffffffffffffc);
	expect_line_works(&line, fd);
	say_mode(&line, 0xfffffffffffffffc | VMSOCK_SHUTDOWN_RECEIVE);
	expect_soon(send_breaks(fd));
	expect_is(revents_within(fd, POLLIN | POLLRDHUP, 0), 0);
	produce(&line, "y", 1);
	expect_is(recv(fd, (char[2]){ 0 }, 2, 0), 1);
}

static void reset_of_a_connection(void)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = host_connects(&line, SIZE);

	produce(&line, "queued", 6);
	say(&line, P(RST));
	wait_for(fd, POLLRDHUP);
	expect_is(recv(fd, (char[4]){ 0 }, 4, 0), 4);
	expect_is(recv(fd, (char[4]){ 0 }, 4, 0), 2);
	expect_eof(fd);
	expect_is(socket_error(fd), 0);
	expect_errno(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
}

static const struct vmtest rows[] = {
	{ "12.J-140,141", "the host's request, byte for byte", request_bytes },
	{ "12.E-80", "the host's names of a connection that it made", names },
	{ "12.E-81", "and of one that the machine made", names_of_a_child },
	{ "12.E-67", "nobody listens in the machine: ECONNRESET", nobody },
	{ "4.5", "no such machine", no_such_machine },
	{ "12.E-74,78", "a silent machine: ETIMEDOUT, a late answer gets RST", silence },
	{ "12.E-76", "a signal: EINTR, a late answer gets RST", a_signal },
	{ "12.E-82", "each end asks the other: EPROTO", both_call },
	{ "12.J-148", "INVALID and RST fall back; bytes both ways", old_server },
	{ "12.J-149", "the second RST ends the attempt, INVALID does not", second_refusals },
	{ "12.J-150", "a size below the minimum: EINVAL and RST", size_below },
	{ "12.J-150", "a size above the maximum: EINVAL and RST", size_above },
	{ "12.J-150", "a size of more than 32 bits: EINVAL and RST", size_huge },
	{ "12.J-151", "protocol 2: EINVAL and RST", proto_two },
	{ "12.J-151", "protocols 1 and 2: EINVAL and RST", proto_three },
	{ "12.J-152", "another machine or port answers: RST, the attempt survives",
	  answers_of_strangers },
	{ "12.J-153", "a second NEGOTIATE2: EPROTO and RST", second_answer },
	{ "12.J-154", "ATTACH with another handle: EPROTO and RST", attach_of_another },
	{ "12.J-154", "ATTACH without a handle: EPROTO and RST", attach_of_nothing },
	{ "12.E-79", "retry after a failure that follows OFFER", retry_after_offer },
	{ "12.L-182", "the machine leaves between OFFER and ATTACH", leaves_before_attach },
	{ "5.5", "packets of an earlier connection are ignored", left_overs },
	{ "12.J-167", "WROTE and SHUTDOWN right behind ATTACH", wrote_behind_attach, 90 },
	{ "12.J-143", "sizes that the machine asks for", sizes },
	{ "12.J-142,144", "REQUEST gets NEGOTIATE, REQUEST2 gets NEGOTIATE2", two_requests },
	{ "12.J-145", "protocols that nobody knows get RST", unknown_protocols },
	{ "12.J-146", "all protocols get NEGOTIATE2 with one", all_protocols },
	{ "12.J-147", "size 0 gets RST", no_size },
	{ "12.J-155", "OFFER without a handle: RST, the child is gone", offer_of_nothing },
	{ "12.J-156", "OFFER of no queue pair: the same", offer_of_no_pair },
	{ "12.J-156", "OFFER of another machine's pair: the same", offer_of_a_foreign_pair },
	{ "12.J-156", "OFFER of a pair of another size: the same", offer_of_another_size },
	{ "12.J-156", "OFFER of a pair that is not for the host: the same", offer_for_nobody },
	{ "12.J-156", "OFFER of another connection's pair: the same", offer_twice },
	{ "12.J-156", "OFFER of a pair that is gone: the same", offer_and_gone },
	{ "12.J-157", "OFFER without a request gets RST", offer_without_request },
	{ "12.J-158", "a second request gets RST, the child is gone", request_twice },
	{ "5.6", "what a pending child does not expect gets RST", pending_types },
	{ "12.J-159", "10,000 handshakes reset by the machine", reset_handshakes, 120 },
	{ "12.J-160", "a silent client frees its place after a second", silent_client },
	{ "5.6", "OFFER after the listener has gone gets RST", listener_gone },
	{ "12.J-161", "unknown types get INVALID, or RST from nobody", unknown_types },
	{ "12.J-162", "RST is never answered", reset_is_not_answered },
	{ "12.J-163", "short packets and wrong resources get no answer", bad_datagrams },
	{ "12.2 S16", "sources that the machine does not have", forged_sources },
	{ "12.2 S31", "events that the machine says", forged_events },
	{ "7.5", "no way from machine to machine", machine_to_machine },
	{ "12.J-164", "a longer packet is as good", long_packet },
	{ "5.2", "another version gets RST", wrong_version },
	{ "12.J-165", "unexpected types do not disturb a connection", unexpected_types },
	{ "12.J-166", "nor does anything from third parties", third_parties },
	{ "12.J-168", "SHUTDOWN without a known bit changes nothing", mode_without_bits },
	{ "12.J-169", "RST on a connection: data, then end of file", reset_of_a_connection },
};

int main(int argc, char **argv)
{
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
