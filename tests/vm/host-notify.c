// SPDX-License-Identifier: GPL-2.0-or-later
/* host-notify - flow between the host and a virtual machine (vsock.md 6, 12.K)
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

#define MIB	(1024 * 1024ull)

/* --- queue-state style -------------------------------------------------------------------- */

static void wrote_once(void)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = host_connects(&line, SIZE);

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 20; i++)
			need_ok(send(fd, "abc", 3, 0));
		hear(&line, P(WROTE));
		hear_nothing(&line);
		expect_is(vm_pair_read(line.pair, (char[100]){ 0 }, 100), 60);
	}
}

static void never_waiting(void)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = host_connects(&line, SIZE);

	set_timeout(fd, SO_RCVTIMEO, 50);
	set_timeout(fd, SO_SNDTIMEO, 50);
	expect_errno(recv(fd, (char[1]){ 0 }, 1, 0), EAGAIN);
	expect_is(revents(fd), POLLOUT | POLLWRNORM);
	hear_nothing(&line);
	expect_is(fill_queue(fd, 1), SIZE - 1);
	hear(&line, P(WROTE));
	expect_errno(send(fd, "x", 1, 0), EAGAIN);
	expect_is(revents(fd), 0);
	hear_nothing(&line);
}

static void drained(void)
{
	static uint8_t bytes[SIZE];
	struct line line = { boot(), GUEST_PORT };
	int fd = host_connects(&line, SIZE);

	for (int round = 0; round < 3; round++) {
		fill_bytes(bytes, SIZE - 1, 3, 0);
		produce(&line, bytes, SIZE - 1);
		receive_bytes(fd, SIZE - 1, 3, 0);
		hear(&line, P(READ));
		while (line.vm->heard_count)
			hear(&line, P(READ));
	}
}

/* The host's writer sleeps until it hears of the room */
struct writer {
	struct task task;
	int fd;
	ssize_t result;
};

static void write_one(void *arg)
{
	struct writer *writer = arg;

	writer->result = send(writer->fd, "z", 1, MSG_NOSIGNAL);
}

static void woken(void)
{
	static uint8_t bytes[SIZE];
	struct line line = { boot(), GUEST_PORT };
	struct writer writer = { .fd = host_connects(&line, SIZE) };

	expect_is(fill_queue(writer.fd, 1), SIZE - 1);
	hear(&line, P(WROTE));
	start_task(&writer.task, write_one, &writer);
	wait_in_syscall(&writer.task, SYS_sendto);
	consume(&line, bytes, SIZE - 1);
	join_task(&writer.task);
	expect_is(writer.result, 1);
	expect_is(first_wrong(bytes, SIZE - 1, 1, 0), SIZE - 1);
	consume(&line, bytes, 1);
	expect_is(bytes[0], 'z');
}

static void spurious(void)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = host_connects(&line, SIZE);

	for (int i = 0; i < 100; i++) {
		say(&line, P(WROTE));
		say(&line, P(READ));
	}
	expect_errno(recv(fd, (char[1]){ 0 }, 1, MSG_DONTWAIT), EAGAIN);
	hear_nothing(&line);
	expect_line_works(&line, fd);
}

/* --- packet style ------------------------------------------------------------------------- */

static void blocked_reader(void)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = host_falls_back(&line, SIZE);
	char byte = 0;

	set_timeout(fd, SO_RCVTIMEO, 50);
	for (int i = 0; i < 3; i++)
		expect_errno(recv(fd, &byte, 1, 0), EAGAIN);
	hear(&line, P(WAITING_READ));
	expect_is(line.heard.u.wait.offset, 1);
	expect_is(line.heard.u.wait.generation, 0);
	hear_nothing(&line);
	produce(&line, "x", 1);
	need(recv(fd, &byte, 1, 0) == 1);
	for (int i = 0; i < 3; i++)
		expect_errno(recv(fd, &byte, 1, 0), EAGAIN);
	hear(&line, P(WAITING_READ));
	expect_is(line.heard.u.wait.offset, 2);
	hear_nothing(&line);
}

static void blocked_writer(void)
{
	static uint8_t bytes[SIZE];
	struct line line = { boot(), GUEST_PORT };
	int fd = host_falls_back(&line, SIZE);

	set_timeout(fd, SO_SNDTIMEO, 50);
	expect_is(fill_queue(fd, 1), SIZE - 1);
	for (int i = 0; i < 3; i++)
		expect_errno(send(fd, "x", 1, 0), EAGAIN);
	hear(&line, P(WAITING_WRITE));
	hear_nothing(&line);
	consume(&line, bytes, SIZE - 1);
	expect_is(fill_queue(fd, 1), SIZE - 1);
	for (int i = 0; i < 3; i++)
		expect_errno(send(fd, "x", 1, 0), EAGAIN);
	hear(&line, P(WAITING_WRITE));
	hear_nothing(&line);
}

static void waiting_peer(void)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = host_falls_back(&line, SIZE);

	need_ok(send(fd, "x", 1, 0));
	hear_nothing(&line);
	say(&line, P(WAITING_READ));
	hear(&line, P(WROTE));
	say(&line, P(WAITING_WRITE));
	hear(&line, P(READ));
	hear_nothing(&line);
}

/* What stands in it is of no use, and may be anything */
static void mad_wait_info(void)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = host_falls_back(&line, SIZE);
	struct vmsock_packet pkt = packet(&line, P(WAITING_READ));

	pkt.u.wait.generation = pkt.u.wait.offset = UINT64_MAX;
	need(transmit(&line, &pkt) > 0);
	need_ok(send(fd, "x", 1, 0));
	hear(&line, P(WROTE));
	consume(&line, (char[1]){ 0 }, 1);
	expect_line_works(&line, fd);
}

/* N = 65536, head 65500, 100 bytes wanted (TV-15) */
static void wait_info_of_reader(void)
{
	static uint8_t bytes[65536];
	struct line line = { boot(), GUEST_PORT };
	int fd = host_falls_back(&line, 65536);

	produce(&line, bytes, 65500);
	need(recv(fd, bytes, 65500, MSG_WAITALL) == 65500);
	set_timeout(fd, SO_RCVTIMEO, 50);
	expect_errno(recv(fd, bytes, 100, MSG_WAITALL), EAGAIN);
	hear(&line, P(WAITING_READ));
	expect_is(line.heard.u.wait.generation, 1);
	expect_is(line.heard.u.wait.offset, 64);
}

/* N = 65536, tail 100 with the head in front of it, 1 byte wanted (TV-16) */
static void wait_info_of_writer(void)
{
	static uint8_t bytes[100];
	struct line line = { boot(), GUEST_PORT };
	int fd = host_falls_back(&line, 65536);

	need(send(fd, bytes, 100, 0) == 100);
	__atomic_store_n(&line.pair->out->consumer_head, 101, __ATOMIC_SEQ_CST);
	set_timeout(fd, SO_SNDTIMEO, 50);
	expect_errno(send(fd, bytes, 1, 0), EAGAIN);
	hear(&line, P(WAITING_WRITE));
	expect_is(line.heard.u.wait.generation, -1);
	expect_is(line.heard.u.wait.offset, 102);
}

/* --- much --------------------------------------------------------------------------------- */

/* Both ways at once: this end writes and reads the machine's pattern */
struct host_end {
	struct task writer, reader;
	int fd;
	uint64_t bytes;
	bool done;
};

static void host_writes(void *arg)
{
	struct host_end *end = arg;
	uint8_t buf[8000];
	uint64_t at = 0;

	while (at < end->bytes) {
		size_t n = end->bytes - at < sizeof(buf) ? end->bytes - at : sizeof(buf);

		for (size_t i = 0; i < n; i++)
			buf[i] = pattern(at + i);
		at += need_ok(send(end->fd, buf, n, MSG_NOSIGNAL));
	}
	need_ok(shutdown(end->fd, SHUT_WR));
}

static void host_reads(void *arg)
{
	struct host_end *end = arg;
	uint8_t buf[8000];
	uint64_t at = 0;
	ssize_t n;

	while ((n = need_ok(recv(end->fd, buf, sizeof(buf), 0))) > 0)
		for (ssize_t i = 0; i < n; i++)
			need(buf[i] == pattern(at++));
	expect_is(at, end->bytes);
	__atomic_store_n(&end->done, true, __ATOMIC_RELEASE);
}

/* @style: 0 packets, 1 queue state; @talks: a packet for every transfer */
static void transfer(int style, unsigned int size, uint64_t bytes, bool talks)
{
	struct vm *vm = boot();
	struct line line = { vm, 6000 };
	int listening = host_listens(&line, 1);
	struct socket *socket = machine_connect(&vm->machine, line.there, size, !style);
	struct host_end end = { .bytes = bytes };

	socket->to_write = bytes;
	socket->reading = socket->finish = true;
	socket->talks = talks;
	socket->chunk = size;
	need(until(vm, revents_within(listening, POLLIN, 0)));
	end.fd = need_ok(accept(listening, NULL, NULL));
	start_task(&end.writer, host_writes, &end);
	start_task(&end.reader, host_reads, &end);
	machine_run(socket);
	for (long long start = now_ms(); !socket->ended || !end.done;) {
		if (!vm_pump(vm))
			vm_wait(vm, 100);
		need(now_ms() - start < 1000ll * 25 * (on_debug_kernel() ? 4 : 1));
	}
	join_task(&end.writer);
	join_task(&end.reader);
	expect_is(socket->received, bytes);
	expect_is(socket->wrong, 0);
	close(end.fd);
	close(listening);
	vm_free(vm);
}

/* By hand with VMSOCK_STRESS_SECONDS as much more as they are more than 20 */
static uint64_t amount(uint64_t bytes)
{
	return bytes * stress_seconds() / 20 / (on_debug_kernel() ? 4 : 1);
}

static void packet_small(void)
{
	transfer(0, 128, amount(MIB / 8), false);
}

static void packet_large(void)
{
	transfer(0, DEFAULT_SIZE, amount(8 * MIB), false);
}

static void queue_state_small(void)
{
	transfer(1, 128, amount(MIB / 8), false);
}

static void queue_state_large(void)
{
	transfer(1, DEFAULT_SIZE, amount(8 * MIB), false);
}

static void talkative(void)
{
	transfer(1, SIZE, amount(MIB), true);
	transfer(0, SIZE, amount(MIB), true);
}

static const struct vmtest rows[] = {
	{ "12.K-170", "one WROTE for an empty queue, none for others", wrote_once },
	{ "12.K-171", "queue-state style has no WAITING packets", never_waiting },
	{ "12.K-172", "READ when a full queue has been drained", drained },
	{ "6.5", "READ wakes the host's writer", woken },
	{ "12.K-178", "spurious WROTE and READ", spurious },
	{ "12.K-173", "packet style: a blocked reader says so once", blocked_reader },
	{ "12.K-174", "packet style: a blocked writer says so once", blocked_writer },
	{ "12.K-175,176", "packet style: who waits is answered at once", waiting_peer },
	{ "6.3", "packet style: wait info that makes no sense", mad_wait_info },
	{ "12.K-177", "wait info of a reader as in TV-15", wait_info_of_reader },
	{ "12.K-177", "wait info of a writer as in TV-16", wait_info_of_writer },
	{ "12.K-180", "packet style, queues of 128 bytes", packet_small, 60 },
	{ "12.K-180", "packet style, queues of 262144 bytes", packet_large, 60 },
	{ "12.K-180", "queue-state style, queues of 128 bytes", queue_state_small, 60 },
	{ "12.K-180", "queue-state style, queues of 262144 bytes", queue_state_large, 60 },
	{ "12.K-179", "WROTE for every write, READ for every read", talkative, 60 },
};

int main(int argc, char **argv)
{
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
