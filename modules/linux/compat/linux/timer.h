/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * timer.h - the timer names of Linux 6.2 and 6.16
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef COMPAT_LINUX_TIMER_H
#define COMPAT_LINUX_TIMER_H

#include_next <linux/timer.h>

/* 6.2 named the functions that stop a timer after what they do to it */
#ifndef COMPAT_HAVE_TIMER_DELETE_SYNC
#define timer_delete		del_timer
#define timer_delete_sync	del_timer_sync
#endif

/* 6.16 renamed from_timer() and destroy_timer_on_stack() */
#ifndef timer_container_of
#define timer_container_of(object, timer, field) \
	container_of(timer, typeof(*object), field)
#define timer_destroy_on_stack	destroy_timer_on_stack
#endif

#endif /* COMPAT_LINUX_TIMER_H */
