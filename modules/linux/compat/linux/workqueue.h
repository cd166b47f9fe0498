/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * workqueue.h - the flag of Linux 6.17 for workqueues that are bound to a processor
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef COMPAT_LINUX_WORKQUEUE_H
#define COMPAT_LINUX_WORKQUEUE_H

#include_next <linux/workqueue.h>

/* Before, all were that were not unbound */
#ifndef COMPAT_HAVE_WQ_PERCPU
#define WQ_PERCPU 0
#endif

#endif /* COMPAT_LINUX_WORKQUEUE_H */
