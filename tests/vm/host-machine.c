// SPDX-License-Identifier: GPL-2.0-or-later
/* host-machine - machines that die, lie, pause, or are not trusted (vsock.md 5.13, 8, 11.1, 12.L)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-modules: vmsock
 * vm-timeout: 240
 * vm-sources: tests/monitor/machine.c tests/monitor/vm.c
 * vm-sources: modules/common/address.c modules/common/handshake.c modules/common/notify.c
 * vm-sources: modules/common/packet.c modules/common/ring.c
 */
#include "../monitor/script.h"

#define RESTRICTED	VMCI_PRIVILEGE_FLAG_RESTRICTED
#define SOMEBODY	1000u	/* a user */

/* --- a machine in another process ----------------------------------------------------------- */

/* What may be killed: it says when it is where the row wants it */
struct monitor {
	pid_t pid;
	int told;
};

static struct monitor start_monitor(void (*run)(int tell, unsigned int port), unsigned int port)
{
	struct monitor monitor;
	int ends[2];

	need_ok(pipe2(ends, O_CLOEXEC));
	monitor.pid = need_ok(fork());
	if (monitor.pid == 0) {
		run(ends[1], port);
		_exit(1);
	}
	close(ends[1]);
	monitor.told = ends[0];
	return monitor;
}

static void tell(int fd)
{
	need(write(fd, "!", 1) == 1);
}

static void wait_for_monitor(const struct monitor *monitor)
{
	need(read(monitor->told, (char[1]){ 0 }, 1) == 1);
}

static void kill_monitor(const struct monitor *monitor)
{
	need_ok(kill(monitor->pid, SIGKILL));
	need(waitpid(monitor->pid, NULL, 0) == monitor->pid);
}

static void two_connections(int fd, unsigned int port)
{
	struct vm *vm = boot();

	machine_connect(&vm->machine, port, SIZE, false);
	machine_connect(&vm->machine, port, SIZE, false);
	tell(fd);
	for (;;) {
		vm_pump(vm);
		vm_wait(vm, 1000);
	}
}

struct sleeper {
	struct task task;
	int fd;
	ssize_t result;
	int error;
};

static void receive_one(void *arg)
{
	struct sleeper *sleeper = arg;

	sleeper->result = recv(sleeper->fd, (char[1]){ 0 }, 1, 0);
	sleeper->error = errno;
}

static void send_one(void *arg)
{
	struct sleeper *sleeper = arg;

	sleeper->result = send(sleeper->fd, "x", 1, MSG_NOSIGNAL);
	sleeper->error = errno;
}

static void killed(void)
{
	int listening = listener(4);
	struct monitor monitor = start_monitor(two_connections, port_of(listening));
	struct sleeper reader = { .fd = need_ok(accept(listening, NULL, NULL)) };
	struct sleeper writer = { .fd = need_ok(accept(listening, NULL, NULL)) };

	fill_queue(writer.fd, 1);
	start_task(&reader.task, receive_one, &reader);
	start_task(&writer.task, send_one, &writer);
	wait_in_syscall(&reader.task, SYS_recvfrom);
	wait_in_syscall(&writer.task, SYS_sendto);
	kill_monitor(&monitor);
	join_task(&reader.task);
	join_task(&writer.task);
	expect_is(reader.result, 0);
	expect_is(writer.result, -1);
	expect_is(writer.error, EPIPE);
	expect_eof(reader.fd);
	expect_errno(send(reader.fd, "x", 1, MSG_NOSIGNAL), EPIPE);
}

/* Offered, and gone before it attaches */
static void dies_when_offered(int fd, unsigned int port)
{
	struct line line = { boot(), port };

	tell(fd);
	hear(&line, P(REQUEST2));
	say_size(&line, P(NEGOTIATE2), 1, SIZE);
	hear(&line, P(OFFER));
	kill(getpid(), SIGKILL);
}

static void dies_when_attached(int fd, unsigned int port)
{
	struct line line = { boot(), port };

	tell(fd);
	hear(&line, P(REQUEST2));
	say_size(&line, P(NEGOTIATE2), 1, SIZE);
	hear(&line, P(OFFER));
	attach_pair(&line, SIZE);
	kill(getpid(), SIGKILL);
}

static void killed_when_attached(void)
{
	struct monitor monitor = start_monitor(dies_when_attached, GUEST_PORT);

	wait_for_monitor(&monitor);
	expect_errno(connect_to(patient(stream_socket()), GUEST_CID, GUEST_PORT), ECONNRESET);
}

/* It never had the pair, and the next machine of its number cannot have it either */
static void killed_when_offered(void)
{
	struct monitor monitor = start_monitor(dies_when_offered, GUEST_PORT);
	int fd = patient(stream_socket());

	wait_for_monitor(&monitor);
	expect_errno(connect_to(fd, GUEST_CID, GUEST_PORT), ECONNRESET);
}

/* The next machine of this number is another */
static void succeeded(void)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = host_connects(&line, SIZE);
	struct line next = { NULL, GUEST_PORT, line.there };

	vm_free(line.vm);
	next.vm = boot();
	say(&next, P(WROTE));
	hear(&next, P(RST));
	expect_eof(fd);
	expect_errno(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	close(fd);
	next.there = 0;
	expect_line_works(&next, host_connects(&next, SIZE));
}

/* --- ends of a connection -------------------------------------------------------------------- */

static void half_closes(void)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = host_connects(&line, SIZE);

	produce(&line, "all", 3);
	say_mode(&line, VMSOCK_SHUTDOWN_SEND);
	wait_for(fd, POLLRDHUP);
	expect_is(recv(fd, (char[8]){ 0 }, 8, 0), 3);
	expect_eof(fd);
	need(send(fd, "more", 4, 0) == 4);
	hear(&line, P(WROTE));
	need_ok(shutdown(fd, SHUT_WR));
	hear(&line, P(SHUTDOWN));
	expect_is(line.heard.u.mode, VMSOCK_SHUTDOWN_SEND);
	consume(&line, (char[4]){ 0 }, 4);
}

static void machine_stops_receiving(void)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = host_connects(&line, SIZE);

	say_mode(&line, VMSOCK_SHUTDOWN_RECEIVE);
	expect_errno(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	produce(&line, "y", 1);
	expect_is(recv(fd, (char[1]){ 0 }, 1, 0), 1);
}

static void host_closes(void)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = host_connects(&line, SIZE);
	unsigned int detached = line.vm->detached;

	need(send(fd, "last", 4, 0) == 4);
	hear(&line, P(WROTE));
	close(fd);
	until(line.vm, line.vm->detached == detached + 1);
	expect(vmci_handle_equal(line.vm->last_event.u.qp.handle, line.pair->handle));
	expect_is(line.vm->last_event.u.qp.peer, HOST);
	consume(&line, (char[4]){ 0 }, 4);
	hear(&line, P(RST));
	expect_is(vm_pair_free(line.pair), VMCI_SUCCESS);
}

#define LINGER_MS	100
#define ROUNDING_MS	10

static struct socket *machine_connects(struct vm *vm, int *fd)
{
	int listening = listener(1);
	struct socket *socket = machine_connect(&vm->machine, port_of(listening), SIZE, false);

	need(until(vm, revents_within(listening, POLLIN, 0)));
	*fd = need_ok(accept(listening, NULL, NULL));
	close(listening);
	return socket;
}

/* Closes @fd, has the machine go on, and returns how long it takes until that hears of it, in ms */
static long long close_and_hear(struct vm *vm, struct socket *socket, int fd)
{
	unsigned int detached = vm->detached;
	long long start = now_ms();

	close(fd);
	machine_run(socket);
	until(vm, vm->detached == detached + 1);
	return now_ms() - start;
}

/* A guest may hear of its connection later than of its end, if both come together */
static void host_closes_at_once(void)
{
	struct vm *vm = boot();
	int fd;
	struct socket *socket = machine_connects(vm, &fd);

	expect(close_and_hear(vm, socket, fd) >= LINGER_MS - ROUNDING_MS);
}

static void host_closes_what_is_known(void)
{
	struct vm *vm = boot();
	long long took = LINGER_MS;

	for (int i = 0; i < 10 && took >= LINGER_MS - ROUNDING_MS; i++) {
		int fd;
		struct socket *socket = machine_connects(vm, &fd);

		need(send(fd, (char[]){ pattern(0) }, 1, 0) == 1);
		socket->reading = true;
		took = close_and_hear(vm, socket, fd);
		expect_is(socket->received, 1);
	}
	expect(took < LINGER_MS - ROUNDING_MS);
}

/* What it wrote before is the reader's, as from any other peer (vsock.md 4.9, 5.16) */
static void machine_closes(void)
{
	static uint8_t bytes[SIZE - 1];
	struct line line = { boot(), GUEST_PORT };
	int fd = host_connects(&line, SIZE);

	fill_bytes(bytes, sizeof(bytes), 7, 0);
	produce(&line, bytes, sizeof(bytes));
	expect_is(vm_pair_free(line.pair), VMCI_SUCCESS);
	wait_for(fd, POLLRDHUP);
	receive_bytes(fd, sizeof(bytes), 7, 0);
	expect_eof(fd);
	expect_errno(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
}

static void machine_dies_unread(void)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = host_connects(&line, SIZE);

	produce(&line, "will", 4);
	vm_free(line.vm);
	wait_for(fd, POLLRDHUP);
	expect_is(recv(fd, (char[8]){ 0 }, 8, 0), 4);
	expect_eof(fd);
}

#define MANY	100

/* Half of them made by the machine */
static void many(void)
{
	struct vm *vm = boot();
	int listening = listener(MANY), fds[MANY];
	struct socket *socket;

	machine_listen(&vm->machine, 6000, 16384)->reading = true;
	for (int i = 0; i < MANY / 2; i++)
		machine_connect(&vm->machine, port_of(listening), 16384, i % 2)->reading = true;
	for (int i = 0; i < MANY / 2; i++) {
		need(until(vm, revents_within(listening, POLLIN, 0)));
		fds[i] = need_ok(accept(listening, NULL, NULL));
	}
	for (int i = MANY / 2; i < MANY; i++) {
		fds[i] = patient(stream_socket());
		set_blocking(fds[i], false);
		expect_errno(connect_to(fds[i], GUEST_CID, 6000), EINPROGRESS);
	}
	for (int i = MANY / 2; i < MANY; i++)
		need(until(vm, revents_within(fds[i], POLLOUT, 0) == POLLOUT));
	for (int i = 0; i < MANY; i++)
		need(send(fds[i], (char[]){ pattern(0) }, 1, 0) == 1);
	for (socket = vm->machine.sockets; socket; socket = socket->next) {
		if (socket->listens)
			continue;
		until(vm, socket->received == 1);
		expect_is(socket->wrong, 0);
		socket->to_write = 1;
		machine_run(socket);
	}
	for (int i = 0; i < MANY; i++) {
		wait_for(fds[i], POLLIN);
		need(recv(fds[i], (char[1]){ 0 }, 1, 0) == 1);
	}
}

/* --- lies -------------------------------------------------------------------------------- */

static const uint64_t bad_indexes[] = { SIZE, SIZE + 1, 1ull << 32, 1ull << 63, UINT64_MAX };

static ssize_t call_recv(int fd)
{
	return recv(fd, (char[1]){ 0 }, 1, MSG_DONTWAIT);
}

static ssize_t call_peek(int fd)
{
	return recv(fd, (char[1]){ 0 }, 1, MSG_PEEK | MSG_DONTWAIT);
}

static ssize_t call_send(int fd)
{
	return send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The call that meets it fails, and the connection ends for both */
static void expect_broken(bool tail, ssize_t (*call)(int fd))
{
	struct line line = { boot(), GUEST_PORT };

	for (size_t i = 0; i < ARRAY_SIZE(bad_indexes); i++) {
		int fd;

		line.there = 0;
		fd = host_connects(&line, SIZE);
		__atomic_store_n(tail ? &line.pair->out->producer_tail :
					&line.pair->out->consumer_head,
				 bad_indexes[i], __ATOMIC_SEQ_CST);
		expect_errno(call(fd), ECONNRESET);
		hear(&line, P(RST));
		expect_is(socket_error(fd), ECONNRESET);
		expect_eof(fd);
		expect_errno(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
		close(fd);
		vm_pair_free(line.pair);
	}
}

static void bad_tail_recv(void)
{
	expect_broken(true, call_recv);
}

static void bad_tail_peek(void)
{
	expect_broken(true, call_peek);
}

static void bad_head_send(void)
{
	expect_broken(false, call_send);
}

struct liar {
	struct task task;
	volatile struct vmci_queue_header *header;
	volatile bool stop;
};

static void lie(void *arg)
{
	struct liar *liar = arg;
	unsigned int seed = 5;

	while (!liar->stop) {
		liar->header->producer_tail = rand_r(&seed) % (SIZE + SIZE / 16);
		liar->header->consumer_head = rand_r(&seed) % (SIZE + SIZE / 16);
	}
}

/* Indexes that change all the time: bytes come and go, nothing hangs, nothing breaks */
static void changing_indexes(void)
{
	struct line line = { boot(), GUEST_PORT };
	static uint8_t bytes[SIZE];
	long long end = now_ms() + 2000;

	while (now_ms() < end) {
		struct liar liar = { .stop = false };
		int fd;

		line.there = 0;
		fd = host_connects(&line, SIZE);
		liar.header = line.pair->out;
		start_task(&liar.task, lie, &liar);
		for (int i = 0; i < 200; i++) {
			ssize_t sent = send(fd, bytes, 1 + i * 17 % SIZE,
					    MSG_DONTWAIT | MSG_NOSIGNAL);
			ssize_t got = recv(fd, bytes, 1 + i * 13 % SIZE, MSG_DONTWAIT);

			expect(sent < (ssize_t)SIZE && got < (ssize_t)SIZE);
			revents(fd);
		}
		close(fd);
		liar.stop = true;
		join_task(&liar.task);
		vm_pair_free(line.pair);
		while (vm_pump(line.vm) || line.vm->heard_count)
			line.vm->heard_count = 0;
	}
	line.there = 0;
	expect_line_works(&line, host_connects(&line, SIZE));
}

/* The host's own half of the headers is its own business */
static void overwritten_header(void)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = host_connects(&line, SIZE);

	produce(&line, "abc", 3);
	memset(line.pair->in, 0xee, MACHINE_PAGE);
	line.pair->out->handle = no_handle;
	expect_is(recv(fd, (char[8]){ 0 }, 8, 0), 3);
	need(send(fd, "d", 1, 0) == 1);
	hear(&line, P(WROTE));
	expect_is(line.pair->in->producer_tail, 1);
	expect_is(line.pair->in->consumer_head, 3);
}

/* The pages are gone from the monitor's own memory, not from the host's */
static void unmapped_memory(void)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = host_connects(&line, SIZE);

	produce(&line, "abc", 3);
	need_ok(munmap(line.pair->memory, line.pair->bytes));
	expect_is(recv(fd, (char[8]){ 0 }, 8, 0), 3);
	expect_is(fill_queue(fd, 1), SIZE - 1);
	close(fd);
	vm_free(line.vm);
}

/* --- a machine that pauses ------------------------------------------------------------------- */

/* Its memory is elsewhere afterwards */
static void move_memory(struct vm_pair *pair)
{
	unsigned char *memory = mmap(NULL, pair->bytes, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t queue = (unsigned char *)pair->in - pair->memory;

	need(memory != MAP_FAILED);
	memcpy(memory, pair->memory, pair->bytes);
	munmap(pair->memory, pair->bytes);
	pair->memory = memory;
	pair->out = (void *)memory;
	pair->in = (void *)(memory + queue);
}

static void paused(void)
{
	struct line line = { boot(), GUEST_PORT };
	struct sleeper writer = { .fd = host_connects(&line, SIZE) };

	produce(&line, "kept", 4);
	need(vm_pair_map(line.pair, false) == VMCI_SUCCESS);
	start_task(&writer.task, send_one, &writer);
	move_memory(line.pair);
	need(vm_pair_map(line.pair, true) == VMCI_SUCCESS);
	join_task(&writer.task);
	expect_is(writer.result, 1);
	expect_is(recv(writer.fd, (char[8]){ 0 }, 8, 0), 4);
	consume(&line, (char[1]){ 0 }, 1);
	say_mode(&line, VMSOCK_SHUTDOWN_SEND);
	expect_eof(writer.fd);
}

/* Whoever has to do with it meanwhile can be killed, and the machine can end */
static void paused_and_gone(void)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = host_connects(&line, SIZE), status;
	pid_t pid;

	need(vm_pair_map(line.pair, false) == VMCI_SUCCESS);
	pid = need_ok(fork());
	if (pid == 0) {
		send(fd, "x", 1, MSG_NOSIGNAL);
		pause();
		_exit(0);
	}
	usleep(100000);
	need_ok(kill(pid, SIGKILL));
	expect_soon(waitpid(pid, &status, WNOHANG) == pid);
	vm_free(line.vm);
	expect_eof(fd);
	expect_errno(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	close(fd);
}

static void closed_in_a_pause(void)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = host_connects(&line, SIZE);

	need(vm_pair_map(line.pair, false) == VMCI_SUCCESS);
	close(fd);
	until(line.vm, line.vm->detached == 1);
	expect_is(vm_pair_free(line.pair), VMCI_SUCCESS);
	line.there = 0;
	expect_line_works(&line, host_connects(&line, SIZE));
}

/* --- trust --------------------------------------------------------------------------------- */

/* A socket that SOMEBODY has made, without any capability */
static int socket_of_somebody(int type)
{
	int fd;

	need_ok(setresuid(SOMEBODY, SOMEBODY, 0));
	fd = need_ok(socket(vm_family, type | SOCK_CLOEXEC, 0));
	need_ok(setresuid(0, 0, 0));
	return fd;
}

static struct vm *machine_of_somebody(unsigned int flags)
{
	struct vm *vm;

	need_ok(setresuid(SOMEBODY, 0, 0));
	vm = boot_as(GUEST_CID, flags);
	need_ok(setresuid(0, 0, 0));
	return vm;
}

static int listener_of_somebody(struct line *line)
{
	int fd = socket_of_somebody(SOCK_STREAM);

	need_ok(bind_to(fd, VMADDR_CID_ANY, VMADDR_PORT_ANY));
	need_ok(listen(fd, 1));
	line->there = port_of(fd);
	return fd;
}

/* Dropped without an answer; only the monitor learns of it */
static void expect_deaf(struct line *line, int fd)
{
	line->there = port_of(fd);
	for (int type = 0; type < VMSOCK_PACKET_TYPE_COUNT; type++) {
		struct vmsock_packet pkt = packet(line, type);

		pkt.proto = 1;
		pkt.u.size = SIZE;
		expect_is(transmit(line, &pkt), VMCI_ERROR_NO_ACCESS);
	}
	hear_nothing(line);
}

static void restricted_for_others(void)
{
	struct line line = { boot_as(GUEST_CID, RESTRICTED), GUEST_PORT };
	int fd = socket_of_somebody(SOCK_STREAM);

	expect_errno(connect_to(fd, GUEST_CID, GUEST_PORT), EPERM);
	hear_nothing(&line);
}

static void restricted_is_not_heard(void)
{
	struct line line = { boot_as(GUEST_CID, RESTRICTED), GUEST_PORT };
	int listening = listener_of_somebody(&line);

	expect_deaf(&line, listening);
	expect_is(revents(listening), 0);
}

static int mail(struct vm *vm, unsigned int from, unsigned int to, const void *bytes, size_t len)
{
	static union { struct vmci_datagram dg; char space[VMCI_MAX_DG_SIZE + 8]; } it;

	it.dg = (struct vmci_datagram){ { HOST, to }, { vm->machine.cid, from }, len };
	memcpy(&it.dg + 1, bytes, len);
	return vm_send(vm, &it, sizeof(it.dg) + len);
}

static void restricted_datagrams(void)
{
	struct vm *vm = boot_as(GUEST_CID, RESTRICTED);
	int others = socket_of_somebody(SOCK_DGRAM), trusted = dgram_bound(6003);
	char byte;

	need_ok(bind_to(others, VMADDR_CID_ANY, 6001));
	expect_errno(send_to(others, "x", 1, GUEST_CID, 6002), EPERM);
	expect_is(mail(vm, 6002, 6001, "x", 1), VMCI_ERROR_NO_ACCESS);
	expect_errno(recv(others, &byte, 1, MSG_DONTWAIT), EAGAIN);
	expect_is(send_to(trusted, "x", 1, GUEST_CID, 6002), 1);
	expect_is(mail(vm, 6002, 6003, "x", 1), 25);
	expect_is(recv(trusted, &byte, 1, 0), 1);
	vm_pump(vm);
	expect_is(vm->mail_count, 1);
}

static void expect_both_ways(struct line *line, int fd, int listening)
{
	struct line child = { line->vm, GUEST_PORT + 1, port_of(listening) };

	host_calls_with(line, fd);
	say_size(line, P(NEGOTIATE2), 1, SIZE);
	hear(line, P(OFFER));
	accept_offer(line, fd, SIZE);
	expect_line_works(line, fd);
	expect_line_works(&child, guest_connects_to(&child, listening, 1, SIZE));
}

/* Made with CAP_NET_ADMIN, whoever uses it then */
static void restricted_for_trusted(void)
{
	struct line line = { boot_as(GUEST_CID, RESTRICTED), GUEST_PORT };
	int fd = stream_socket(), listening = listener(1);

	drop_privileges();
	expect_both_ways(&line, fd, listening);
}

static void restricted_for_owner(void)
{
	struct line line = { machine_of_somebody(RESTRICTED), GUEST_PORT };
	int listening = listener_of_somebody(&line);

	line.there = 0;
	expect_both_ways(&line, socket_of_somebody(SOCK_STREAM), listening);
}

static void unrestricted_for_others(void)
{
	struct line line = { boot(), GUEST_PORT };
	int listening = listener_of_somebody(&line);

	line.there = 0;
	expect_both_ways(&line, socket_of_somebody(SOCK_STREAM), listening);
}

/* What holds for a machine does not hold for the next one of its number */
static void trust_changes(void)
{
	int mail_fd = socket_of_somebody(SOCK_DGRAM), fd = socket_of_somebody(SOCK_STREAM);

	for (int round = 0; round < 4; round++) {
		struct vm *vm = boot_as(GUEST_CID, round % 2 ? RESTRICTED : 0);
		struct line line = { vm, GUEST_PORT };

		if (round % 2) {
			expect_errno(send_to(mail_fd, "x", 1, GUEST_CID, 6002), EPERM);
			expect_errno(connect_to(fd, GUEST_CID, GUEST_PORT), EPERM);
		} else {
			expect_is(send_to(mail_fd, "x", 1, GUEST_CID, 6002), 1);
			host_calls_with(&line, fd);
			say(&line, P(RST));
			expect_failed(fd, ECONNRESET);
		}
		vm_free(vm);
	}
}

/* --- datagrams ------------------------------------------------------------------------------ */

static void datagram_sizes(void)
{
	static const size_t lengths[] = { 0, 1, 4096, VMCI_MAX_DG_PAYLOAD_SIZE };
	static uint8_t bytes[VMCI_MAX_DG_PAYLOAD_SIZE + 1], got[sizeof(bytes)];
	struct vm *vm = boot();
	int fd = dgram_bound(6001);

	fill_bytes(bytes, sizeof(bytes), 9, 0);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct sockaddr_vm from;
		socklen_t size = sizeof(from);
		struct vmci_datagram *dg;

		expect_is(send_to(fd, bytes, lengths[i], GUEST_CID, 6002), lengths[i]);
		need(until(vm, vm->mail_count));
		dg = vm_mail(vm);
		expect_is(dg->payload_size, lengths[i]);
		expect_is(dg->src.context, HOST);
		expect_is(dg->src.resource, 6001);
		expect_is(dg->dst.resource, 6002);
		expect(memcmp(dg + 1, bytes, lengths[i]) == 0);
		free(dg);
		expect_is(mail(vm, 6002, 6001, bytes, lengths[i]), lengths[i] + 24);
		expect_is(recvfrom(fd, got, sizeof(got), 0, SA(&from), &size), lengths[i]);
		expect(memcmp(got, bytes, lengths[i]) == 0);
		expect_addr(from, GUEST_CID, 6002);
	}
	expect_errno(send_to(fd, bytes, sizeof(bytes), GUEST_CID, 6002), EMSGSIZE);
	expect_is(mail(vm, 6002, 6009, "x", 1), VMCI_ERROR_INVALID_RESOURCE);
}

static void datagram_order(void)
{
	struct vm *vm = boot();
	int fd = dgram_bound(6001);

	for (int i = 0; i < 200; i++)
		need(send_to(fd, &i, sizeof(i), GUEST_CID, 6002) == sizeof(i));
	vm_pump(vm);
	for (int i = 0; i < 200; i++) {
		struct vmci_datagram *dg = vm_mail(vm);

		need(dg);
		if (!expect_is(*(int *)(dg + 1), i))
			return;
		free(dg);
	}
}

static int send_until_full(int fd, size_t len)
{
	static char bytes[1000];
	int sent = 0;

	while (sent < 10000 && send_to(fd, bytes, len, GUEST_CID, 6002) >= 0)
		sent++;
	expect_is(errno, ENOBUFS);
	return sent;
}

/* A machine that does not listen: the host's sender hears of it and never waits */
static void datagram_flood(void)
{
	struct vm *vm = boot();
	int fd = dgram_bound(6001), sent = send_until_full(fd, 1000);

	expect_is(sent, (VMCI_MAX_DATAGRAM_QUEUE_SIZE - 1) / 1024);
	sent += send_until_full(fd, 0);
	expect_errno(connect_to(stream_socket(), GUEST_CID, GUEST_PORT), ENOBUFS);
	vm_pump(vm);
	expect_is(vm->mail_count, sent);
	expect_is(send_to(fd, "x", 1, GUEST_CID, 6002), 1);
}

static const struct vmtest rows[] = {
	{ "12.L-181", "a killed machine: blocked recv 0, blocked send EPIPE", killed },
	{ "12.L-182", "a machine killed before ATTACH: ECONNRESET", killed_when_attached },
	{ "12.L-182", "a machine killed right after OFFER: the same", killed_when_offered },
	{ "8.2", "the next machine of the same number has no part in it", succeeded },
	{ "12.F-101,105", "the machine half-closes, the host goes on", half_closes },
	{ "12.F-102", "the machine stops receiving: EPIPE", machine_stops_receiving },
	{ "8.2", "the host closes: an event, the data stays readable", host_closes },
	{ "5.7", "the host closes at once: the event does not come right behind ATTACH",
	  host_closes_at_once },
	{ "5.7", "but as soon as the machine has read a byte", host_closes_what_is_known },
	{ "12.F-106", "the machine closes: the host reads what is left", machine_closes },
	{ "12.F-106", "the machine dies: the same", machine_dies_unread },
	{ "12.F-100", "100 connections both ways", many },
	{ "12.L-185", "a tail out of range: recv ends the connection", bad_tail_recv },
	{ "12.L-185", "a tail out of range: so does a look at the data", bad_tail_peek },
	{ "12.L-185", "a head out of range: so does send", bad_head_send },
	{ "12.2 S1", "indexes that change all the time", changing_indexes },
	{ "12.2 S2", "the host's own header overwritten", overwritten_header },
	{ "12.2 S19", "memory that the monitor unmaps", unmapped_memory },
	{ "5.8", "a machine that pauses, and goes on elsewhere", paused },
	{ "12.4 A21", "a machine that pauses and ends", paused_and_gone },
	{ "5.8", "close while the machine pauses", closed_in_a_pause },
	{ "12.E-83", "a restricted machine: EPERM for another user", restricted_for_others },
	{ "12.L-191", "nor does it hear anything from there", restricted_is_not_heard },
	{ "12.L-191", "a restricted machine: datagrams", restricted_datagrams },
	{ "12.L-191", "a restricted machine: trusted sockets", restricted_for_trusted },
	{ "12.L-191", "a restricted machine: its owner's sockets", restricted_for_owner },
	{ "5.13", "another user's sockets and a machine that is not", unrestricted_for_others },
	{ "5.13", "restricted, not restricted, with the same number", trust_changes },
	{ "12.I-128,129", "datagrams of all sizes both ways", datagram_sizes },
	{ "12.I-138", "a machine that does not listen: ENOBUFS", datagram_flood },
	{ "12.4 A6", "datagrams arrive in order", datagram_order },
};

int main(int argc, char **argv)
{
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
