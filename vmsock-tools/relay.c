/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * relay.c - copies one direction, from a port to a port
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "relay.h"

#include <errno.h>
#include <glib-unix.h>

/* How often to copy before the other sources get their turn. */
#define ROUNDS 16
/* Pause after a full queue that poll() knows nothing of. */
#define RETRY_MS 1

static gboolean on_ready(gint fd, GIOCondition condition, gpointer data);
static gboolean on_retry(gpointer data);

static void set_source(struct relay *relay, GSource *source)
{
	if (relay->source) {
		g_source_destroy(relay->source);
		g_source_unref(relay->source);
	}
	relay->source = source;
	if (source)
		g_source_attach(source, NULL);
}

static void wait_for_fd(struct relay *relay, int fd, GIOCondition condition)
{
	GSource *source;

	if (relay->source && relay->source_fd == fd && relay->source_condition == condition)
		return;
	source = g_unix_fd_source_new(fd, condition);
	g_source_set_callback(source, G_SOURCE_FUNC(on_ready), relay, NULL);
	set_source(relay, source);
	relay->source_fd = fd;
	relay->source_condition = condition;
}

static void wait_a_moment(struct relay *relay)
{
	GSource *source = g_timeout_source_new(RETRY_MS);

	g_source_set_callback(source, on_retry, relay, NULL);
	set_source(relay, source);
	relay->source_fd = -1;
}

static void wait_for_next(struct relay *relay)
{
	if (relay_holds_data(relay))
		wait_for_fd(relay, relay->to->fd, G_IO_OUT);
	else
		wait_for_fd(relay, relay->from->fd, G_IO_IN);
}

static void finish(struct relay *relay, enum relay_end end, int system_error)
{
	set_source(relay, NULL);
	relay->running = false;
	relay->done(relay, end, system_error);
}

/* What became of one step. */
enum step {
	STEP_ON,		/* go on at once */
	STEP_WAIT,		/* wait until the port is ready */
	STEP_PAUSE,		/* wait a moment */
	STEP_OVER		/* done() has been called */
};

static enum step read_some(struct relay *relay)
{
	ssize_t got = relay->from->ops->read(relay->from, relay->buffer, relay->size);

	if (got > 0) {
		relay->start = 0;
		relay->end = (gsize)got;
		return STEP_ON;
	}
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return STEP_WAIT;
	finish(relay, got == 0 ? RELAY_EOF : RELAY_READ_FAILED, got == 0 ? 0 : errno);
	return STEP_OVER;
}

static enum step write_some(struct relay *relay)
{
	ssize_t put = relay->to->ops->write(relay->to, relay->buffer + relay->start,
					    relay->end - relay->start);

	if (put >= 0) {
		relay->start += (gsize)put;
		relay->bytes += (guint64)put;
		return STEP_ON;
	}
	switch (errno) {
	case EAGAIN:
	case EINTR:
		return STEP_WAIT;
	case ENOBUFS:
		return STEP_PAUSE;
	default:
		finish(relay, RELAY_WRITE_FAILED, errno);
		return STEP_OVER;
	}
}

/* Read once per wake-up: poll() promises no more than one read that does not block. */
static enum step copy_once(struct relay *relay)
{
	enum step step = STEP_ON;

	if (!relay_holds_data(relay))
		step = read_some(relay);
	while (step == STEP_ON && relay_holds_data(relay))
		step = write_some(relay);
	return step;
}

static bool may_read_again(const struct relay *relay)
{
	GPollFD poll_fd = { .fd = relay->from->fd, .events = G_IO_IN };

	return g_poll(&poll_fd, 1, 0) > 0;
}

static void copy(struct relay *relay)
{
	enum step step = STEP_ON;

	for (int round = 0; round < ROUNDS && step == STEP_ON; round++) {
		if (round && !may_read_again(relay))
			break;
		step = copy_once(relay);
	}
	if (step == STEP_OVER)
		return;
	if (step == STEP_PAUSE)
		wait_a_moment(relay);
	else
		wait_for_next(relay);
	if (relay->moved)
		relay->moved(relay);
}

static gboolean on_ready(gint fd G_GNUC_UNUSED, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
	copy(data);
	return G_SOURCE_CONTINUE;
}

static gboolean on_retry(gpointer data)
{
	copy(data);
	return G_SOURCE_CONTINUE;
}

bool relay_holds_data(const struct relay *relay)
{
	return relay->start < relay->end;
}

void relay_start(struct relay *relay, gsize size)
{
	relay->buffer = g_malloc(size);
	relay->size = size;
	relay->start = relay->end = 0;
	relay->bytes = 0;
	relay->running = true;
	wait_for_next(relay);
}

void relay_stop(struct relay *relay)
{
	set_source(relay, NULL);
	relay->running = false;
	g_clear_pointer(&relay->buffer, g_free);
}
