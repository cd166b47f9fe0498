/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * interrupt.h - SIGINT and SIGTERM as a cancellable, so that a summary can still be printed
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include <gio/gio.h>
#include <stdbool.h>

/*
 * From now on the first such signal cancels what this returns, which is never freed; the second one
 * ends the process as usual.  To be called once, before there are other threads.
 */
GCancellable *interrupt_catch(void);

/* Wait until @fd is ready for @events or the time has come; @fd may be -1.  The poll events, 0 if
 * the time has come, -1 if interrupted.  @deadline is of g_get_monotonic_time(), 0 for none.
 */
int interrupt_poll(GCancellable *interrupt, int fd, short events, gint64 deadline);

/* Wait until then; false if interrupted. */
bool interrupt_sleep(GCancellable *interrupt, gint64 deadline);

#endif
