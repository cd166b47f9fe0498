// SPDX-License-Identifier: GPL-2.0-or-later
/* stress - threads that do everything to the same sockets at once, at random (vsock.md 12.L-186)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-modules: vmsock
 * vm-timeout: 180
 *
 * VMSOCK_STRESS_SECONDS says how long. All descriptors are in one table that all threads take
 * from and put into, so that every call meets every other one on the same socket. What the calls
 * return does not matter; that each kind succeeded often enough, that nobody hangs, and that
 * nothing is left behind does. The kernel's own checks see the rest.
 */
#include "debugfs.h"
#include "memory.h"

#include <sys/epoll.h>

#define THREADS	6
#define SLOTS	48
#define ENOUGH	10	/* successful calls of each kind */
#define PORTS	5	/* listeners and datagram sockets share few ports */
#define FIRST	6000

static int slots[SLOTS];
static int epoll;	/* of all threads */
static volatile bool stop;

enum { CONNECTED, ACCEPTED, SENT, RECEIVED, DATAGRAMS, SHUTDOWNS, EVENTS, CLOSED, KINDS };
static const char *const kind_names[KINDS] = {
	"connected", "accepted", "sent", "received", "datagrams received", "shut down", "events",
	"closed",
};
static long done[KINDS];
static int working;

static void count(int kind, bool good)
{
	if (good)
		__atomic_add_fetch(&done[kind], 1, __ATOMIC_RELAXED);
}

struct worker {
	struct task task;
	unsigned int seed;
};

static unsigned int chance(struct worker *w, unsigned int n)
{
	return (unsigned int)rand_r(&w->seed) % n;
}

static int *some_slot(struct worker *w)
{
	return &slots[chance(w, SLOTS)];
}

static int some_fd(struct worker *w)
{
	return __atomic_load_n(some_slot(w), __ATOMIC_RELAXED);
}

static unsigned int some_port(struct worker *w)
{
	return FIRST + chance(w, PORTS);
}

/* The new socket takes the place of another one, which is closed. */
static void put(struct worker *w, int fd)
{
	int old = __atomic_exchange_n(some_slot(w), fd, __ATOMIC_RELAXED);

	if (old >= 0)
		count(CLOSED, close(old) == 0);
}

/*
 * No call may wait for long.  Another thread may use the new number already, because it knew
 * an old socket by it, and wait without limit: see close_all().
 */
static void make_short_tempered(int fd)
{
	struct timeval tv = { .tv_usec = 20000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	setsockopt(fd, vm_family, SO_VMCI_CONNECT_TIMEOUT, &tv, sizeof(tv));
}

static int short_tempered(int type)
{
	int fd = socket(vm_family, type, 0);

	make_short_tempered(fd);
	return fd;
}

static void do_listen(struct worker *w)
{
	int fd = short_tempered(SOCK_STREAM);

	if (bind_to(fd, VMADDR_CID_ANY, some_port(w)) < 0 || listen(fd, chance(w, 8)) < 0)
		close(fd);
	else
		put(w, fd);
}

static void do_connect(struct worker *w)
{
	uint64_t size = 128 << chance(w, 12);
	int fd = short_tempered(SOCK_STREAM);

	setsockopt(fd, vm_family, SO_VMCI_BUFFER_SIZE, &size, sizeof(size));
	if (chance(w, 2))
		set_blocking(fd, false);
	count(CONNECTED, connect_to(fd, vm_cid, some_port(w)) == 0 ||
			 (errno == EINPROGRESS && revents_within(fd, POLLOUT, chance(w, 20))));
	put(w, fd);
}

static void do_reconnect(struct worker *w)
{
	connect_to(some_fd(w), vm_cid, some_port(w));
}

static void do_accept(struct worker *w)
{
	struct sockaddr_vm addr;
	socklen_t len = sizeof(addr);
	int fd = accept4(some_fd(w), SA(&addr), &len, chance(w, 2) ? SOCK_NONBLOCK : 0);

	count(ACCEPTED, fd >= 0);
	if (fd >= 0) {
		make_short_tempered(fd);	/* time-outs are not inherited */
		put(w, fd);
	}
}

static void do_send(struct worker *w)
{
	static const char buf[20000];
	int flags = MSG_NOSIGNAL | (chance(w, 2) ? MSG_DONTWAIT : 0);

	count(SENT, send(some_fd(w), buf, chance(w, sizeof(buf)), flags) > 0);
}

static void do_recv(struct worker *w)
{
	static const int flags[] = { 0, MSG_DONTWAIT, MSG_PEEK, MSG_WAITALL, MSG_TRUNC };
	char buf[20000];

	count(RECEIVED, recv(some_fd(w), buf, chance(w, sizeof(buf)),
			     flags[chance(w, ARRAY_SIZE(flags))]) > 0);
}

static void do_shutdown(struct worker *w)
{
	if (chance(w, 4) == 0)
		count(SHUTDOWNS, shutdown(some_fd(w), chance(w, 3)) == 0);
}

static void do_poll(struct worker *w)
{
	struct pollfd pfds[8];

	for (size_t i = 0; i < ARRAY_SIZE(pfds); i++)
		pfds[i] = (struct pollfd){ .fd = some_fd(w), .events = POLL_ALL };
	poll(pfds, ARRAY_SIZE(pfds), chance(w, 3));
}

/* Sockets that are closed leave by themselves. */
static void do_epoll(struct worker *w)
{
	static const uint32_t modes[] = { 0, EPOLLET, EPOLLONESHOT, EPOLLEXCLUSIVE };
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT };
	int fd = some_fd(w);

	event.events |= modes[chance(w, ARRAY_SIZE(modes))];
	event.data.fd = fd;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 && errno == EEXIST)
		epoll_ctl(epoll, chance(w, 2) ? EPOLL_CTL_DEL : EPOLL_CTL_MOD, fd, &event);
	count(EVENTS, epoll_wait(epoll, &event, 1, chance(w, 3)) > 0);
}

static void do_options(struct worker *w)
{
	int fd = some_fd(w), error, lowat = 1 + chance(w, 2000), queued;
	uint64_t size = 1 + chance(w, 400000);
	struct sockaddr_vm addr;
	socklen_t len = sizeof(size);

	setsockopt(fd, vm_family, chance(w, 3), &size, sizeof(size));
	getsockopt(fd, vm_family, chance(w, 3), &size, &len);
	setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &lowat, sizeof(lowat));
	len = sizeof(error);
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	len = sizeof(addr);
	getsockname(fd, SA(&addr), &len);
	getpeername(fd, SA(&addr), &len);
	ioctl(fd, FIONREAD, &queued);
}

static void do_dgram(struct worker *w)
{
	int fd = short_tempered(SOCK_DGRAM);

	if (bind_to(fd, VMADDR_CID_ANY, some_port(w)) < 0)
		close(fd);
	else
		put(w, fd);
}

static void do_dgram_traffic(struct worker *w)
{
	char buf[3000] = "";
	int fd = some_fd(w);

	send_to(fd, buf, chance(w, sizeof(buf)), vm_cid, some_port(w));
	if (chance(w, 8) == 0)
		connect_to(fd, vm_cid, some_port(w));
	count(DATAGRAMS, recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0);
}

static void do_close(struct worker *w)
{
	put(w, -1);
}

static void (*const deeds[])(struct worker *w) = {
	do_listen, do_connect, do_connect, do_reconnect, do_accept, do_accept, do_send, do_send,
	do_recv, do_recv, do_shutdown, do_poll, do_epoll, do_options, do_dgram, do_dgram_traffic,
	do_close,
};

static void work(void *arg)
{
	struct worker *w = arg;

	while (!stop) {
		deeds[chance(w, ARRAY_SIZE(deeds))](w);
		if (chance(w, 4) == 0)
			nanosleep(&(struct timespec){ .tv_nsec = chance(w, 300000) }, NULL);
	}
	__atomic_sub_fetch(&working, 1, __ATOMIC_RELEASE);
}

/* Whoever waits for one of the sockets or for its peer waits no more */
static void close_all(void)
{
	for (int i = 0; i < SLOTS; i++) {
		int fd = __atomic_exchange_n(&slots[i], -1, __ATOMIC_RELAXED);

		if (fd < 0)
			continue;
		shutdown(fd, SHUT_RDWR);
		close(fd);
	}
}

/* A slow machine takes longer */
static bool enough_done(void)
{
	for (int i = 0; i < KINDS; i++)
		if (__atomic_load_n(&done[i], __ATOMIC_RELAXED) <= ENOUGH)
			return false;
	return true;
}

static void stress(void)
{
	struct memory before = memory_now();
	struct worker workers[THREADS];

	for (int i = 0; i < SLOTS; i++)
		slots[i] = -1;
	epoll = need_ok(epoll_create1(EPOLL_CLOEXEC));
	working = THREADS;
	for (int i = 0; i < THREADS; i++) {
		workers[i].seed = 1000 + i;
		start_task(&workers[i].task, work, &workers[i]);
	}
	for (unsigned int i = 0; i < stress_seconds() ||
				 (i < stress_seconds() + 40 && !enough_done()); i++)
		sleep(1);
	stop = true;
	while (__atomic_load_n(&working, __ATOMIC_ACQUIRE)) {
		close_all();
		usleep(10000);
	}
	for (int i = 0; i < THREADS; i++)
		join_task(&workers[i].task);
	close_all();
	for (int i = 0; i < KINDS; i++) {
		diag("%s: %ld", kind_names[i], done[i]);
		expect(done[i] > ENOUGH);
	}
	expect_soon(count_sockets() == 0);
	show_memory("before", before);
	show_memory("after", memory_now());
}

/* --- a listener that comes and goes --------------------------------------------------------- */

static void connect_for_ever(void *arg UNUSED)
{
	while (!stop) {
		int fd = short_tempered(SOCK_STREAM);

		count(CONNECTED, connect_to(fd, vm_cid, FIRST) == 0);
		close(fd);
	}
}

/* It closes while handshakes arrive, are under way, and have just ended. */
static void listener_comes_and_goes(void)
{
	struct task tasks[THREADS];

	for (int i = 0; i < THREADS; i++)
		start_task(&tasks[i], connect_for_ever, NULL);
	for (int i = 0; i < rounds(2000); i++) {
		int fd = stream_bound(FIRST);

		need_ok(listen(fd, 4));
		if (i % 4)
			usleep(i % 7 * 100);
		close(fd);
	}
	stop = true;
	for (int i = 0; i < THREADS; i++)
		join_task(&tasks[i]);
	diag("%ld connections", done[CONNECTED]);
	expect(done[CONNECTED] > 10);
	expect_soon(count_sockets() == 0);
}

/* Children whose handshake did not end live for a second. */
static void nothing_left(void)
{
	struct pair pair;

	expect_soon(count_sockets() == 0);
	for (unsigned int port = FIRST; port < FIRST + PORTS; port++) {
		stream_bound(port);
		dgram_bound(port);
	}
	pair = make_pair();
	expect_works(pair.client, pair.server);
}

int main(int argc, char **argv)
{
	const struct vmtest rows[] = {
		{ "12.L-186", "everything at once, at random", stress, stress_seconds() + 60 },
		{ "12.L-186", "nothing is left behind", nothing_left },
		{ "12.L-187", "a listener closes while handshakes arrive",
		  listener_comes_and_goes, 60 },
	};

	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
