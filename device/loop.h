/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * loop.h - one thread that waits for many descriptors and for time
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Over epoll(7), because a thousand connections are nothing unusual.  Callbacks may add and
 * remove anything, themselves included.
 */
#ifndef DEVICE_LOOP_H
#define DEVICE_LOOP_H

#include <stdint.h>

struct loop;
struct watch;
struct timer;

struct loop *loop_new(void);
void loop_free(struct loop *loop);

/* Runs until loop_quit() */
void loop_run(struct loop *loop);
void loop_quit(struct loop *loop);

/**
 * loop_watch() - call when a descriptor is ready
 * @loop: the loop
 * @fd: stays the caller's
 * @events: EPOLLIN, EPOLLOUT, ...; 0 for none yet
 * @call: gets what is ready
 * @data: for @call
 *
 * Return: the watch, or NULL with errno set.
 */
struct watch *loop_watch(struct loop *loop, int fd, uint32_t events,
			 void (*call)(void *data, uint32_t events), void *data);
void watch_events(struct watch *watch, uint32_t events);
void watch_remove(struct watch *watch);

/* A timer that is not set; timer_set() has it call once after that many milliseconds */
struct timer *loop_timer(struct loop *loop, void (*call)(void *data), void *data);
void timer_set(struct timer *timer, unsigned int milliseconds);
void timer_stop(struct timer *timer);
void timer_remove(struct timer *timer);

#endif /* DEVICE_LOOP_H */
