/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exchange.c - a request over a stream and its answer
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "exchange.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "interrupt.h"

static bool must_wait(void)
{
	return errno == EAGAIN || errno == EINTR;
}

static bool send_some(struct exchange *exchange)
{
	ssize_t put;

	if (exchange->sent == exchange->out_size)
		return true;
	put = send(exchange->fd, exchange->out + exchange->sent,
		   exchange->out_size - exchange->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (put > 0)
		exchange->sent += (gsize)put;
	return put >= 0 || must_wait();
}

static enum exchange_end receive_some(struct exchange *exchange)
{
	ssize_t got;

	if (exchange->received == exchange->in_size)
		return EXCHANGE_DONE;
	got = recv(exchange->fd, exchange->in + exchange->received,
		   exchange->in_size - exchange->received, MSG_DONTWAIT);
	if (got > 0)
		exchange->received += (gsize)got;
	if (got == 0)
		return EXCHANGE_CLOSED;
	return got > 0 || must_wait() ? EXCHANGE_DONE : EXCHANGE_FAILED;
}

enum exchange_end exchange_run(struct exchange *exchange, GCancellable *interrupt, gint64 deadline)
{
	for (;;) {
		enum exchange_end end;
		short events = 0;
		int ready;

		if (!send_some(exchange))
			return EXCHANGE_FAILED;
		end = receive_some(exchange);
		if (end != EXCHANGE_DONE)
			return end;
		if (exchange->sent < exchange->out_size)
			events |= POLLOUT;
		if (exchange->received < exchange->in_size)
			events |= POLLIN;
		if (!events)
			return EXCHANGE_DONE;
		ready = interrupt_poll(interrupt, exchange->fd, events, deadline);
		if (ready <= 0)
			return ready < 0 ? EXCHANGE_INTERRUPTED : EXCHANGE_TIME;
	}
}
