// SPDX-License-Identifier: GPL-2.0-or-later
/* host-stress - the host's sockets and machines that come and go, at random (vsock.md 12.L)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-kernels: 6.1 6.12 7.3 debug
 * vm-modules: vmsock
 * vm-timeout: 120
 * vm-sources: tests/monitor/machine.c tests/monitor/vm.c
 * vm-sources: modules/common/address.c modules/common/handshake.c modules/common/notify.c
 * vm-sources: modules/common/packet.c modules/common/ring.c
 *
 * Threads of the host connect and accept, say and read a pattern, and close when they like; so do
 * the sockets of a machine, in the main thread, which also sends packets that make no sense, and
 * is killed and started again.  Bytes that arrive are the right ones, nothing hangs, and at the
 * end nothing is left.  VMSOCK_STRESS_SECONDS says how long it goes on.
 */
#include "../monitor/script.h"
#include "memory.h"

#define WORKERS		4
#define MACHINE_PORT	6000u
#define MOST_SOCKETS	40u
#define LIFE_MS		1500	/* of a machine, at most */

static volatile bool stop;
static int listening;
static unsigned int host_port;
static unsigned long long host_bytes, host_connections, machine_connections, machines;

static unsigned int roll(unsigned int *seed, unsigned int sides)
{
	return rand_r(seed) % sides;
}

/* --- the host ------------------------------------------------------------------------------- */

struct talk {
	int fd;
	unsigned int *seed;
	uint64_t sent, got;
};

static bool talk_send(struct talk *talk)
{
	uint8_t buf[3000];
	size_t n = 1 + roll(talk->seed, sizeof(buf));
	ssize_t sent;

	for (size_t i = 0; i < n; i++)
		buf[i] = pattern(talk->sent + i);
	sent = send(talk->fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent > 0)
		talk->sent += sent;
	return sent > 0 || errno == EAGAIN;
}

static bool talk_receive(struct talk *talk)
{
	uint8_t buf[3000];
	ssize_t got = recv(talk->fd, buf, 1 + roll(talk->seed, sizeof(buf)), MSG_DONTWAIT);

	for (ssize_t i = 0; i < got; i++)
		need(buf[i] == pattern(talk->got + i));
	if (got > 0)
		talk->got += got;
	return got > 0 || (got < 0 && errno == EAGAIN);
}

/* Until it does not like to go on, or cannot */
static void converse(int fd, unsigned int *seed)
{
	struct talk talk = { .fd = fd, .seed = seed };
	bool going = true;

	while (going && roll(seed, 60)) {
		switch (roll(seed, 8)) {
		case 0:
			revents_within(fd, POLLIN, roll(seed, 5));
			break;
		case 1:
			if (roll(seed, 10) == 0)
				shutdown(fd, roll(seed, 3));
			break;
		case 2: case 3: case 4:
			talk_send(&talk);
			break;
		default:
			going = talk_receive(&talk);
		}
	}
	__atomic_add_fetch(&host_bytes, talk.sent + talk.got, __ATOMIC_RELAXED);
	__atomic_add_fetch(&host_connections, 1, __ATOMIC_RELAXED);
	close(fd);
}

static void call(unsigned int *seed)
{
	static const uint64_t queues[] = { 128, 4096, 5000, 65536 };
	struct timeval limit = { .tv_usec = 1000 + roll(seed, 200000) };
	int fd = stream_socket();

	set_size(fd, queues[roll(seed, ARRAY_SIZE(queues))]);
	need_ok(setsockopt(fd, vm_family, SO_VMCI_CONNECT_TIMEOUT, &limit, sizeof(limit)));
	if (roll(seed, 10) == 0)
		set_blocking(fd, false);
	if (connect_to(fd, GUEST_CID, MACHINE_PORT) == 0)
		converse(fd, seed);
	else
		close(fd);
}

static void work(void *arg)
{
	unsigned int seed = (uintptr_t)arg;
	int fd;

	while (!stop) {
		if (roll(&seed, 2)) {
			call(&seed);
			continue;
		}
		revents_within(listening, POLLIN, 5);
		fd = accept(listening, NULL, NULL);
		if (fd >= 0)
			converse(fd, &seed);
	}
}

/* --- the machine ---------------------------------------------------------------------------- */

static struct socket *any_socket(struct vm *vm, unsigned int *seed)
{
	struct socket *socket = vm->machine.sockets;

	for (unsigned int i = roll(seed, MOST_SOCKETS); i && socket->next; i--)
		socket = socket->next;
	return socket;
}

static unsigned int count(const struct vm *vm)
{
	unsigned int n = 0;

	for (const struct socket *socket = vm->machine.sockets; socket; socket = socket->next)
		n++;
	return n;
}

/* A packet of any type, with or without sense, in the name of a connection */
static void babble(struct vm *vm, const struct socket *socket, unsigned int *seed)
{
	struct line line = { vm, socket->hs.local.port, socket->hs.peer.port };
	struct vmsock_packet pkt;

	if (roll(seed, 4) == 0)
		line.there = host_port;
	pkt = packet(&line, roll(seed, 15));
	pkt.proto = roll(seed, 4);
	if (roll(seed, 2))
		pkt.u.handle = socket->hs.handle;
	else
		pkt.u.size = roll(seed, 10000);
	transmit(&line, &pkt);
}

static void one_closes(struct socket *socket)
{
	expect_is(socket->wrong, 0);
	machine_close(socket);
}

static void act(struct vm *vm, unsigned int *seed)
{
	struct socket *socket = any_socket(vm, seed);
	unsigned int what = roll(seed, 40);

	if (what < 10 && count(vm) < MOST_SOCKETS) {
		socket = machine_connect(&vm->machine, host_port, 128u << roll(seed, 10),
					 roll(seed, 2));
		socket->reading = true;
		socket->to_write = roll(seed, 100000);
		machine_connections++;
	} else if (socket->listens) {
		return;
	} else if (what < 14) {
		one_closes(socket);
	} else if (what < 16) {
		machine_shutdown(socket, 1 + roll(seed, 3));
	} else if (what < 19) {
		babble(vm, socket, seed);
	} else {
		socket->reading = true;
		socket->to_write += roll(seed, 10000);
		machine_run(socket);
	}
}

/* One machine from its start to its end */
static void live(unsigned int *seed)
{
	struct vm *vm = boot();
	struct socket *server = machine_listen(&vm->machine, MACHINE_PORT, 65536);
	long long end = now_ms() + 10 + roll(seed, LIFE_MS);

	server->reading = true;
	server->to_write = 20000;
	while (!stop && now_ms() < end) {
		if (!vm_pump(vm))
			vm_wait(vm, 2);
		for (int i = 0; i < 4; i++)
			act(vm, seed);
		while (count(vm) > 2 * MOST_SOCKETS)
			one_closes(vm->machine.sockets);
		need(!vm->wrong);
	}
	for (struct socket *socket = vm->machine.sockets; socket; socket = socket->next)
		expect_is(socket->wrong, 0);
	vm_free(vm);
	machines++;
}

/* --- what is left --------------------------------------------------------------------------- */

/* Pages that the kernel holds for somebody; 0 where it does not count them */
static long long pinned(void)
{
	long long acquired = 0, released = 0, value;
	char name[64];
	FILE *f = fopen("/proc/vmstat", "re");

	need(f);
	while (fscanf(f, "%63s %lld", name, &value) == 2) {
		if (!strcmp(name, "nr_foll_pin_acquired"))
			acquired = value;
		if (!strcmp(name, "nr_foll_pin_released"))
			released = value;
	}
	fclose(f);
	return acquired - released;
}

static void run_for(unsigned int seconds)
{
	long long end = now_ms() + seconds * 1000ll;
	struct task tasks[WORKERS];
	unsigned int seed = 12345;

	stop = false;
	listening = listener(20);
	set_blocking(listening, false);
	host_port = port_of(listening);
	for (int i = 0; i < WORKERS; i++)
		start_task(&tasks[i], work, (void *)(uintptr_t)(i + 1));
	while (now_ms() < end)
		live(&seed);
	stop = true;
	for (int i = 0; i < WORKERS; i++)
		join_task(&tasks[i]);
	close(listening);
}

static void works_afterwards(void)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = host_connects(&line, SIZE);

	expect_line_works(&line, fd);
	vm_free(line.vm);
}

static void stress(void)
{
	long long pins = pinned();
	struct memory before;

	run_for(2);
	before = memory_now();
	run_for(stress_seconds());
	diag("%llu connections of the host, %llu of machines, %llu machines, %llu KiB",
	     host_connections, machine_connections, machines, host_bytes / 1024);
	expect(host_connections > 10 && machine_connections > 10 && machines > 1);
	expect(host_bytes > 0);
	if (!expect_soon(pinned() == pins))
		diag("pinned pages: %lld before, %lld now", pins, pinned());
	if (!expect_soon(memory_is_back(before))) {
		show_memory("before", before);
		show_memory("after", memory_now());
	}
	works_afterwards();
}

static const struct vmtest rows[] = {
	{ "12.L-186,187", "connections at random, with machines that come and go", stress, 4000 },
};

int main(int argc, char **argv)
{
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
