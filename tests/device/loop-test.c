// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * loop-test.c - descriptors and timers call back, and may be removed at any time
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "loop.h"
#include "tap.h"

#define TIMERS 500

static struct loop *loop;

static void quit(void *data)
{
	(void)data;
	loop_quit(loop);
}

/*
 * Timers
 */

static struct due {
	struct timer *timer;
	uint64_t from, to;	/* when it is due lies between the two */
	unsigned int fired;
} timers[TIMERS];
static unsigned int fired, disorder;
static uint64_t latest;

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void fires(void *data)
{
	struct due *due = data;

	disorder += due->to < latest;
	if (due->from > latest)
		latest = due->from;
	due->fired++;
	fired++;
}

static void set(struct due *due, unsigned int delay)
{
	due->timer = loop_timer(loop, fires, due);
	due->from = now_ms() + delay;
	timer_set(due->timer, delay);
	due->to = now_ms() + delay;
}

static unsigned int count_fired(size_t first, size_t step)
{
	unsigned int count = 0;

	for (size_t i = first; i < TIMERS; i += step)
		count += timers[i].fired;
	return count;
}

static void timers_in_order(void)
{
	struct timer *end = loop_timer(loop, quit, NULL);

	for (size_t i = 0; i < TIMERS; i++)
		set(&timers[i], 20 * (unsigned int)(i * 7919 % 20) + 100);
	for (size_t i = 0; i < TIMERS; i += 5)
		timer_stop(timers[i].timer);
	timer_set(end, 600);
	loop_run(loop);
	is_u64(count_fired(0, 5), 0, "stopped timers do not fire");
	is_u64(fired, TIMERS - TIMERS / 5, "all others do, once");
	is_u64(disorder, 0, "in the order of their time");
	for (size_t i = 0; i < TIMERS; i++)
		timer_remove(timers[i].timer);
	timer_remove(end);
}

static struct timer *again;
static unsigned int rounds;

static void sets_itself(void *data)
{
	(void)data;
	if (++rounds == 100)
		loop_quit(loop);
	else
		timer_set(again, 0);
}

static void timer_sets_itself(void)
{
	again = loop_timer(loop, sets_itself, NULL);
	timer_set(again, 0);
	loop_run(loop);
	is_u64(rounds, 100, "a timer may set itself again");
	timer_remove(again);
}

/*
 * Descriptors
 */

static int near_end[2], far_end[2];
static struct watch *watches[2];
static unsigned int calls[2];

/* Whichever comes first removes both, so the other's event, already delivered, must get lost */
static void removes_both(void *data, uint32_t events)
{
	size_t self = data ? 1 : 0;

	calls[self]++;
	ok(events & EPOLLIN, "a readable descriptor is reported as such");
	for (int i = 0; i < 2; i++) {
		watch_remove(watches[i]);
		watches[i] = NULL;
	}
	loop_quit(loop);
}

static void make_pairs(void)
{
	for (int i = 0; i < 2; i++) {
		int ends[2];

		if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
			exit(EXIT_FAILURE);
		near_end[i] = ends[0];
		far_end[i] = ends[1];
	}
}

static void close_pairs(void)
{
	for (int i = 0; i < 2; i++) {
		close(near_end[i]);
		close(far_end[i]);
	}
}

static void removed_in_a_callback(void)
{
	struct timer *end = loop_timer(loop, quit, NULL);

	make_pairs();
	for (int i = 0; i < 2; i++) {
		watches[i] = loop_watch(loop, near_end[i], EPOLLIN, removes_both,
					i ? &calls[1] : NULL);
		if (write(far_end[i], "x", 1) != 1)
			exit(EXIT_FAILURE);
	}
	loop_run(loop);
	timer_set(end, 20);
	loop_run(loop);
	is_u64(calls[0] + calls[1], 1, "a watch that was removed is not called any more");
	timer_remove(end);
	close_pairs();
}

static unsigned int writable;

static void counts(void *data, uint32_t events)
{
	(void)data;
	writable += (events & EPOLLOUT) != 0;
	loop_quit(loop);
}

static void events_change(void)
{
	struct timer *end = loop_timer(loop, quit, NULL);
	struct watch *watch;

	make_pairs();
	watch = loop_watch(loop, near_end[0], 0, counts, NULL);
	timer_set(end, 20);
	loop_run(loop);
	is_u64(writable, 0, "a watch for nothing is not called");
	watch_events(watch, EPOLLOUT);
	loop_run(loop);
	is_u64(writable, 1, "it is when what it waits for has changed");
	watch_remove(watch);
	timer_remove(end);
	close_pairs();
	ok(!loop_watch(loop, near_end[0], EPOLLIN, counts, NULL),
	   "a closed descriptor cannot be watched");
}

int main(void)
{
	loop = loop_new();
	timers_in_order();
	timer_sets_itself();
	removed_in_a_callback();
	events_change();
	loop_free(loop);
	return done_testing();
}
