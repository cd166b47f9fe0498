// SPDX-License-Identifier: GPL-2.0-or-later
/* bulk - much data in both directions at once, in odd pieces (vsock.md 12.F-85)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-modules: vmsock
 * vm-timeout: 240
 */
#include "vmtest.h"

#include <sys/random.h>

/* Random bytes, sent round and round: a prime length agrees with no queue size. */
#define SOURCE	1048583u
static uint8_t *source;

static void make_source(void)
{
	size_t have = 0;

	source = malloc(2 * SOURCE);
	need(source);
	while (have < SOURCE) {
		ssize_t n = getrandom(source + have, SOURCE - have, 0);

		need(n > 0);
		have += n;
	}
	memcpy(source + SOURCE, source, SOURCE);
}

/* One direction of a connection. */
struct transfer {
	int fd;
	size_t total;
	size_t largest;		/* piece */
	unsigned int seed;
	bool by_poll;		/* non-blocking calls and poll() */
};

static size_t piece(struct transfer *t, size_t done)
{
	size_t len = 1 + rand_r(&t->seed) % t->largest;

	return len < t->total - done ? len : t->total - done;
}

static void send_source(void *arg)
{
	struct transfer *t = arg;
	size_t done = 0;

	while (done < t->total) {
		ssize_t n = send(t->fd, source + done % SOURCE, piece(t, done),
				 t->by_poll ? MSG_DONTWAIT : 0);

		if (n < 0 && t->by_poll && errno == EAGAIN) {
			wait_for(t->fd, POLLOUT);
			continue;
		}
		need(n > 0);
		done += n;
	}
	need_ok(shutdown(t->fd, SHUT_WR));
}

static void receive_source(void *arg)
{
	struct transfer *t = arg;
	uint8_t *buf = malloc(t->largest);
	size_t done = 0;
	ssize_t n;

	for (;;) {
		n = recv(t->fd, buf, 1 + rand_r(&t->seed) % t->largest,
			 t->by_poll ? MSG_DONTWAIT : 0);
		if (n < 0 && t->by_poll && errno == EAGAIN) {
			wait_for(t->fd, POLLIN);
			continue;
		}
		need_ok(n);
		if (n == 0)
			break;
		need(memcmp(buf, source + done % SOURCE, n) == 0);
		done += n;
	}
	expect_is(done, t->total);
	free(buf);
}

/* Four threads: both ends send and receive. */
static void both_ways(uint64_t size, size_t total, size_t largest, bool by_poll)
{
	struct pair pair = make_pair_of(size);
	struct transfer t[4];
	struct task task[4];

	make_source();
	for (int i = 0; i < 4; i++) {
		t[i] = (struct transfer){
			.fd = i % 2 ? pair.client : pair.server, .total = rounds(total),
			.largest = largest, .seed = i, .by_poll = by_poll,
		};
		start_task(&task[i], i < 2 ? send_source : receive_source, &t[i]);
	}
	for (int i = 0; i < 4; i++)
		join_task(&task[i]);
	close_pair(&pair);
}

static void default_size(void)
{
	both_ways(DEFAULT_SIZE, 10 << 20, 300000, false);
}

static void default_size_poll(void)
{
	both_ways(DEFAULT_SIZE, 10 << 20, 10000, true);
}

static void smallest_size(void)
{
	both_ways(SMALLEST_SIZE, 1 << 20, 1000, false);
}

static void smallest_size_poll(void)
{
	both_ways(SMALLEST_SIZE, 1 << 20, 1000, true);
}

static void odd_size(void)
{
	both_ways(5003, 2 << 20, 7000, false);
}

static const struct vmtest rows[] = {
	{ "12.F-85", "10 MiB both ways, queues of 262144", default_size, 60 },
	{ "12.F-85", "10 MiB both ways, queues of 262144, by poll", default_size_poll, 60 },
	{ "12.F-85", "1 MiB both ways, queues of 128", smallest_size, 120 },
	{ "12.F-85", "1 MiB both ways, queues of 128, by poll", smallest_size_poll, 120 },
	{ "12.F-85", "2 MiB both ways, queues of 5003", odd_size, 60 },
};

int main(int argc, char **argv)
{
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
