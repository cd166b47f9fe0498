// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * loop.c - one thread that waits for many descriptors and for time
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A watch that is removed while its event is among those that epoll_wait() has already
 * delivered is only marked, and freed when all of them are through.  Set timers are a heap with
 * the next one at the top.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "loop.h"

#define EVENTS_AT_ONCE 64

struct watch {
	struct loop *loop;
	int fd;
	uint32_t events;
	void (*call)(void *data, uint32_t events);
	void *data;
	bool removed;
	struct watch *next;	/* in the list of removed ones */
};

struct timer {
	struct loop *loop;
	void (*call)(void *data);
	void *data;
	uint64_t when;		/* milliseconds of the monotonic clock */
	size_t place;		/* in the heap, counted from 1; 0 while not set */
};

struct loop {
	int epoll;
	bool quit;
	struct watch *removed;
	struct timer **heap;	/* heap[0] is not used */
	size_t set;		/* timers in the heap */
	size_t timers;		/* that exist; the heap has room for all of them */
	size_t room;
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/*
 * The heap: each timer is due no later than the two below it
 */

static void heap_put(struct loop *loop, size_t place, struct timer *timer)
{
	loop->heap[place] = timer;
	timer->place = place;
}

/* Where @timer belongs, from @place towards the top */
static void heap_rise(struct loop *loop, size_t place, struct timer *timer)
{
	for (; place > 1 && timer->when < loop->heap[place / 2]->when; place /= 2)
		heap_put(loop, place, loop->heap[place / 2]);
	heap_put(loop, place, timer);
}

/* The same, towards the bottom */
static void heap_sink(struct loop *loop, size_t place, struct timer *timer)
{
	size_t below;

	for (; (below = 2 * place) <= loop->set; place = below) {
		if (below < loop->set && loop->heap[below + 1]->when < loop->heap[below]->when)
			below++;
		if (timer->when <= loop->heap[below]->when)
			break;
		heap_put(loop, place, loop->heap[below]);
	}
	heap_put(loop, place, timer);
}

struct timer *loop_timer(struct loop *loop, void (*call)(void *data), void *data)
{
	struct timer *timer;

	if (loop->timers + 1 >= loop->room) {
		size_t room = 2 * loop->room;
		struct timer **heap = realloc(loop->heap, room * sizeof(struct timer *));

		if (!heap)
			return NULL;
		loop->heap = heap;
		loop->room = room;
	}
	timer = calloc(1, sizeof(*timer));
	if (!timer)
		return NULL;
	timer->loop = loop;
	timer->call = call;
	timer->data = data;
	loop->timers++;
	return timer;
}

void timer_set(struct timer *timer, unsigned int milliseconds)
{
	timer_stop(timer);
	timer->when = now_ms() + milliseconds;
	heap_rise(timer->loop, ++timer->loop->set, timer);
}

void timer_stop(struct timer *timer)
{
	struct loop *loop = timer->loop;
	size_t place = timer->place;
	struct timer *last;

	if (!place)
		return;
	timer->place = 0;
	last = loop->heap[loop->set--];
	if (last == timer)
		return;
	heap_sink(loop, place, last);
	heap_rise(loop, last->place, last);
}

void timer_remove(struct timer *timer)
{
	if (!timer)
		return;
	timer_stop(timer);
	timer->loop->timers--;
	free(timer);
}

/* Milliseconds until the next timer is due, for epoll_wait() */
static int time_left(const struct loop *loop)
{
	uint64_t now = now_ms();

	if (!loop->set)
		return -1;
	if (loop->heap[1]->when <= now)
		return 0;
	return loop->heap[1]->when - now < 60000 ? (int)(loop->heap[1]->when - now) : 60000;
}

/* What is due now; not what the callbacks set, so that descriptors get their turn */
static void run_timers(struct loop *loop)
{
	uint64_t now = now_ms();
	size_t left = loop->set;

	while (left-- && loop->set && loop->heap[1]->when <= now && !loop->quit) {
		struct timer *timer = loop->heap[1];

		timer_stop(timer);
		timer->call(timer->data);
	}
}

/*
 * Descriptors
 */

struct watch *loop_watch(struct loop *loop, int fd, uint32_t events,
			 void (*call)(void *data, uint32_t events), void *data)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	struct epoll_event event = { .events = events, .data.ptr = watch };

	if (!watch)
		return NULL;
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event)) {
		free(watch);
		return NULL;
	}
	watch->loop = loop;
	watch->fd = fd;
	watch->events = events;
	watch->call = call;
	watch->data = data;
	return watch;
}

void watch_events(struct watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	if (watch->events == events)
		return;
	/* Cannot fail: the descriptor is there, and nothing is allocated */
	epoll_ctl(watch->loop->epoll, EPOLL_CTL_MOD, watch->fd, &event);
	watch->events = events;
}

void watch_remove(struct watch *watch)
{
	if (!watch)
		return;
	epoll_ctl(watch->loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
	watch->removed = true;
	watch->next = watch->loop->removed;
	watch->loop->removed = watch;
}

static void free_removed(struct loop *loop)
{
	while (loop->removed) {
		struct watch *watch = loop->removed;

		loop->removed = watch->next;
		free(watch);
	}
}

/*
 * The loop
 */

struct loop *loop_new(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	loop->room = 16;
	loop->heap = calloc(loop->room, sizeof(struct timer *));
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->heap && loop->epoll >= 0)
		return loop;
	loop_free(loop);
	return NULL;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	free_removed(loop);
	if (loop->epoll >= 0)
		close(loop->epoll);
	free(loop->heap);
	free(loop);
}

static void run_once(struct loop *loop)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int count = epoll_wait(loop->epoll, events, EVENTS_AT_ONCE, time_left(loop));

	for (int i = 0; i < count && !loop->quit; i++) {
		struct watch *watch = events[i].data.ptr;

		if (!watch->removed)
			watch->call(watch->data, events[i].events);
	}
	if (!loop->quit)
		run_timers(loop);
	free_removed(loop);
}

void loop_run(struct loop *loop)
{
	loop->quit = false;
	while (!loop->quit)
		run_once(loop);
}

void loop_quit(struct loop *loop)
{
	loop->quit = true;
}
