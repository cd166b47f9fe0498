/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * terminal.h - colour and progress, where there is a terminal to show them
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef TERMINAL_H
#define TERMINAL_H

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

enum terminal_colour { COLOUR_NONE, COLOUR_RED, COLOUR_GREEN, COLOUR_YELLOW };

/* Print @text in a colour if @file is a terminal and NO_COLOR is not set. */
void terminal_print(FILE *file, enum terminal_colour colour, const char *text);

/*
 * A line on standard error that is written over again: bytes, rate, and the time left if @total is
 * known (not 0).  Nothing at all unless standard error is a terminal and --quiet was not given.
 */
struct progress {
	guint64 total;
	gint64 start, next;		/* microseconds */
	guint64 bytes_before;		/* for the rate */
	gint64 time_before;
	double rate;
	bool shown, off;
};

void progress_start(struct progress *progress, guint64 total);
void progress_show(struct progress *progress, guint64 bytes);	/* as often as you like */
void progress_clear(struct progress *progress);	/* before anything else is printed */

/* Clear the line of whatever progress is shown: before a message. */
void progress_clear_any(void);

#endif
