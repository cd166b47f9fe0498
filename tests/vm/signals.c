// SPDX-License-Identifier: GPL-2.0-or-later
/* signals - a storm of signals during blocking calls (vsock.md 4.4 to 4.7, 12.E-76)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-modules: vmsock
 * vm-timeout: 120
 *
 * A timer interrupts the calling thread again and again, each time after another fraction of a
 * millisecond, so that signals meet every point of a call.  A call that is interrupted says EINTR
 * or goes on by itself (SA_RESTART), and what it promised holds: nothing is lost, nothing comes
 * twice, and no connection ends.  Interrupted connects are in connect.c.
 */
#include "vmtest.h"

#include <linux/sched.h>

#define STORM	1000	/* signals that a row must survive */

/* --- the storm ---------------------------------------------------------------------------- */

static __thread struct {
	volatile bool on;
	timer_t timer;
	unsigned int seed;
	volatile int signals;
} storm;

static void arm(long us)
{
	struct itimerspec its = { .it_value.tv_nsec = us * 1000 };

	timer_settime(storm.timer, 0, &its, NULL);
}

static void on_signal(int sig UNUSED)
{
	int error = errno;

	storm.signals++;
	if (storm.on)
		arm(20 + rand_r(&storm.seed) % 700);
	errno = error;
}

static void start_storm(int flags)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = flags };
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1 };

	ev._sigev_un._tid = syscall(SYS_gettid);
	sigaction(SIGUSR1, &sa, NULL);
	need(timer_create(CLOCK_MONOTONIC, &ev, &storm.timer) == 0);
	storm.seed = 1;
	storm.signals = 0;
	storm.on = true;
	arm(100);
}

static int end_storm(void)
{
	storm.on = false;
	timer_delete(storm.timer);
	return storm.signals;
}

/* May a call end like this?  A restarted one does not even say EINTR. */
static bool only_interrupted(int flags)
{
	return errno == EINTR && !(flags & SA_RESTART);
}

/* --- streams ------------------------------------------------------------------------------ */

#define RING	4096

struct side {
	struct task task;
	int fd;
	int flags;
	long bytes;
};

/* Sends until the storm was long enough. */
static void send_in_storm(void *arg)
{
	struct side *side = arg;
	uint8_t buf[6000];
	unsigned int seed = 2;
	ssize_t n;

	start_storm(side->flags);
	while (storm.signals < STORM) {
		size_t len = 1 + rand_r(&seed) % sizeof(buf);

		fill_bytes(buf, len, 1, side->bytes);
		n = send(side->fd, buf, len, MSG_NOSIGNAL);
		need(n >= 0 || only_interrupted(side->flags));
		side->bytes += n > 0 ? n : 0;
	}
	end_storm();
	need_ok(shutdown(side->fd, SHUT_WR));
}

static void receive_in_storm(struct side *side)
{
	uint8_t buf[RING - 100];
	unsigned int seed = 3;
	ssize_t n;

	start_storm(side->flags);
	do {
		n = recv(side->fd, buf, 1 + rand_r(&seed) % sizeof(buf),
			 rand_r(&seed) % 2 ? MSG_WAITALL : 0);
		need(n >= 0 || only_interrupted(side->flags));
		if (n > 0)
			need(first_wrong(buf, n, 1, side->bytes) == (size_t)n);
		side->bytes += n > 0 ? n : 0;
	} while (n);
	expect(end_storm() > STORM / 10);
}

static void transfer(int flags)
{
	struct pair pair = make_pair_of(RING);
	struct side from = { .fd = pair.client, .flags = flags };
	struct side to = { .fd = pair.server, .flags = flags };

	start_task(&from.task, send_in_storm, &from);
	receive_in_storm(&to);
	join_task(&from.task);
	diag("%ld bytes", from.bytes);
	expect_is(to.bytes, from.bytes);
	expect_is(send(pair.server, "x", 1, MSG_NOSIGNAL), 1);
	expect_is(recv(pair.client, &(char){ 0 }, 1, 0), 1);
}

/* --- accept and poll ---------------------------------------------------------------------- */

#define VISITS	rounds(1500)

struct visits {
	struct task task;
	unsigned int port;
	int fd;
	sem_t answered;
};

/* One client after the other says its number, and waits until it was heard. */
static void visit(void *arg)
{
	struct visits *v = arg;

	for (int i = 0; i < VISITS; i++) {
		int fd = stream_socket();

		need_ok(connect_to(fd, vm_cid, v->port));
		need(send(fd, &i, sizeof(i), 0) == sizeof(i));
		while (sem_wait(&v->answered))
			;
		close(fd);
	}
}

static void accept_in_storm(int flags)
{
	int server = listener(4), heard, fd, signals;
	struct visits v = { .port = port_of(server) };

	sem_init(&v.answered, 0, 0);
	start_task(&v.task, visit, &v);
	start_storm(flags);
	for (int i = 0; i < VISITS; i++) {
		while ((fd = accept(server, NULL, NULL)) < 0)
			need(only_interrupted(flags));
		while (recv(fd, &heard, sizeof(heard), MSG_WAITALL) < 0)
			need(only_interrupted(flags));
		expect_is(heard, i);
		close(fd);
		sem_post(&v.answered);
	}
	signals = end_storm();
	join_task(&v.task);
	diag("%d signals", signals);
	expect(signals > STORM / 10);
	expect_is(revents(server), 0);
}

static void send_numbers(void *arg)
{
	struct visits *v = arg;

	for (int i = 0; i < VISITS; i++) {
		need(send(v->fd, &i, sizeof(i), 0) == sizeof(i));
		while (sem_wait(&v->answered))
			;
	}
}

/* @fd brings one number after the other; poll() is never restarted. */
static void poll_in_storm(int fd, int from, int flags)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct visits v = { .fd = from };
	int heard, signals;

	sem_init(&v.answered, 0, 0);
	start_task(&v.task, send_numbers, &v);
	start_storm(flags);
	for (int i = 0; i < VISITS; i++) {
		if (i % 2)
			while (poll(&pfd, 1, -1) < 0)
				need(errno == EINTR);
		while (recv(fd, &heard, sizeof(heard), 0) < 0)
			need(only_interrupted(flags));
		expect_is(heard, i);
		sem_post(&v.answered);
	}
	signals = end_storm();
	join_task(&v.task);
	diag("%d signals", signals);
	expect(signals > STORM / 10);
	expect_errno(recv(fd, &heard, sizeof(heard), MSG_DONTWAIT), EAGAIN);
}

static void poll_stream(int flags)
{
	struct pair pair = make_pair();

	poll_in_storm(pair.server, pair.client, flags);
}

static void poll_dgram(int flags)
{
	int to = dgram_bound(VMADDR_PORT_ANY), from = dgram_socket();

	need_ok(connect_to(from, vm_cid, port_of(to)));
	poll_in_storm(to, from, flags);
}

/* --- close -------------------------------------------------------------------------------- */

static int connect_from(unsigned int port, int server)
{
	int fd = stream_bound(port);

	need_ok(connect_to(fd, vm_cid, port_of(server)));
	return fd;
}

/* Closing waits for what is on its way, whatever happens: the port may be used again at once. */
static void close_in_storm(int flags)
{
	int server = listener(4), client, child, signals = 0;

	for (int i = 0; i < rounds(500) || signals < 100; i++) {
		client = connect_from(5999, server);
		child = need_ok(accept(server, NULL, NULL));
		start_storm(flags);
		expect_is(close(client), 0);
		signals += end_storm();
		expect_eof(child);
		close(child);
	}
	diag("%d signals", signals);
}

/* --- rows --------------------------------------------------------------------------------- */

#define WITH_AND_WITHOUT_RESTART(name)				\
static void name##_eintr(void) { name(0); }			\
static void name##_restart(void) { name(SA_RESTART); }

WITH_AND_WITHOUT_RESTART(transfer)
WITH_AND_WITHOUT_RESTART(accept_in_storm)
WITH_AND_WITHOUT_RESTART(poll_stream)
WITH_AND_WITHOUT_RESTART(poll_dgram)
WITH_AND_WITHOUT_RESTART(close_in_storm)

static const struct vmtest rows[] = {
	{ "4.6", "send and recv, interrupted", transfer_eintr },
	{ "4.6", "send and recv, restarted", transfer_restart },
	{ "4.4", "accept, interrupted", accept_in_storm_eintr },
	{ "4.4", "accept, restarted", accept_in_storm_restart },
	{ "4.11", "poll and recv of a stream, interrupted", poll_stream_eintr },
	{ "4.11", "poll and recv of a stream, restarted", poll_stream_restart },
	{ "7.3", "poll and recv of datagrams, interrupted", poll_dgram_eintr },
	{ "7.3", "poll and recv of datagrams, restarted", poll_dgram_restart },
	{ "4.12", "close, with a handler that interrupts", close_in_storm_eintr },
	{ "4.12", "close, with a handler that restarts", close_in_storm_restart },
};

int main(int argc, char **argv)
{
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
