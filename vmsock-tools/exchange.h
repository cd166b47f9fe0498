/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exchange.h - a request over a stream and its answer
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include <gio/gio.h>
#include <stdbool.h>

/* What to send and where to put what comes; both advance, so that it can be gone on with. */
struct exchange {
	int fd;				/* a connected stream, never blocked on */
	const guint8 *out;
	gsize sent, out_size;
	guint8 *in;
	gsize received, in_size;
};

enum exchange_end {
	EXCHANGE_DONE,
	EXCHANGE_TIME,			/* the deadline has come */
	EXCHANGE_INTERRUPTED,
	EXCHANGE_CLOSED,		/* by the peer, before everything was received */
	EXCHANGE_FAILED			/* errno says why */
};

/* Send and receive at the same time, so that small queues do no harm. */
enum exchange_end exchange_run(struct exchange *exchange, GCancellable *interrupt, gint64 deadline);

#endif
