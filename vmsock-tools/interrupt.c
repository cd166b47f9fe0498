/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * interrupt.c - SIGINT and SIGTERM as a cancellable, so that a summary can still be printed
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "interrupt.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>

static sigset_t signals;

/* The thread lives on without the mask: it is the one that takes the second signal. */
static gpointer watch_signals(gpointer interrupt)
{
	int signal_number;

	while (sigwait(&signals, &signal_number) != 0)
		;
	g_cancellable_cancel(interrupt);
	pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
	while (poll(NULL, 0, -1) < 0)
		;
	return NULL;
}

GCancellable *interrupt_catch(void)
{
	GCancellable *interrupt = g_cancellable_new();

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	g_thread_unref(g_thread_new("signals", watch_signals, interrupt));
	return interrupt;
}

static int milliseconds_until(gint64 deadline)
{
	gint64 left;

	if (!deadline)
		return -1;
	left = deadline - g_get_monotonic_time();
	return left <= 0 ? 0 : (int)MIN((left + 999) / 1000, G_MAXINT);
}

int interrupt_poll(GCancellable *interrupt, int fd, short events, gint64 deadline)
{
	struct pollfd fds[2] = {
		{ .fd = fd, .events = events },
		{ .fd = g_cancellable_get_fd(interrupt), .events = POLLIN },
	};
	int count;

	do
		count = poll(fds, 2, milliseconds_until(deadline));
	while (count < 0 || (count == 0 && deadline && g_get_monotonic_time() < deadline));
	g_cancellable_release_fd(interrupt);
	return fds[1].revents ? -1 : count ? fds[0].revents : 0;
}

bool interrupt_sleep(GCancellable *interrupt, gint64 deadline)
{
	return interrupt_poll(interrupt, -1, 0, deadline) >= 0;
}
