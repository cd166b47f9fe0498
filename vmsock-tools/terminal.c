/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * terminal.c - colour and progress, where there is a terminal to show them
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "terminal.h"

#include <unistd.h>

#include "format.h"
#include "option.h"

#define REFRESH_US (G_USEC_PER_SEC / 5)
/* Weight of the last interval in the rate that is shown. */
#define FRESHNESS 0.3

/* What is on the terminal, and the thread that put it there. */
static struct progress *current;
static GThread *owner;

static bool is_terminal(FILE *file)
{
	return isatty(fileno(file)) && g_strcmp0(g_getenv("TERM"), "dumb") != 0;
}

void terminal_print(FILE *file, enum terminal_colour colour, const char *text)
{
	static const char *const codes[] = { "0", "31", "32", "33" };

	if (colour == COLOUR_NONE || g_getenv("NO_COLOR") || !is_terminal(file))
		fputs(text, file);
	else
		fprintf(file, "\033[%sm%s\033[0m", codes[colour], text);
}

void progress_start(struct progress *progress, guint64 total)
{
	gint64 now = g_get_monotonic_time();

	*progress = (struct progress){
		.total = total,
		.start = now,
		.next = now + REFRESH_US,
		.time_before = now,
		.off = common.quiet || !is_terminal(stderr),
	};
}

static void update_rate(struct progress *progress, guint64 bytes, gint64 now)
{
	double rate = (double)(bytes - progress->bytes_before) * G_USEC_PER_SEC /
		      (double)MAX(now - progress->time_before, 1);

	progress->rate = progress->shown ?
			 FRESHNESS * rate + (1 - FRESHNESS) * progress->rate : rate;
	progress->bytes_before = bytes;
	progress->time_before = now;
}

static char *time_left(const struct progress *progress, guint64 bytes)
{
	g_autofree char *left = NULL;

	if (progress->rate < 1 || bytes >= progress->total)
		return g_strdup("");
	left = format_clock((double)(progress->total - bytes) / progress->rate);
	return g_strconcat("  left ", left, NULL);
}

void progress_show(struct progress *progress, guint64 bytes)
{
	gint64 now = progress->off ? 0 : g_get_monotonic_time();
	g_autofree char *done = NULL, *rate = NULL, *left = NULL;

	if (progress->off || now < progress->next)
		return;
	progress->next = now + REFRESH_US;
	update_rate(progress, bytes, now);
	done = format_bytes((double)bytes);
	rate = format_bytes(progress->rate);
	left = progress->total ? time_left(progress, bytes) : g_strdup("");
	if (progress->total)
		fprintf(stderr, "\r\033[K%3.0f%%  ",
			100.0 * (double)bytes / (double)progress->total);
	else
		fputs("\r\033[K", stderr);
	fprintf(stderr, "%s  %s/s%s", done, rate, left);
	fflush(stderr);
	progress->shown = true;
	owner = g_thread_self();
	current = progress;
}

void progress_clear(struct progress *progress)
{
	if (progress->shown)
		fputs("\r\033[K", stderr);
	progress->shown = false;
	if (current == progress)
		current = NULL;
}

void progress_clear_any(void)
{
	if (g_thread_self() == owner && current)
		progress_clear(current);
}
