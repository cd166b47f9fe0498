/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * format.h - numbers as people read them; the texts are the caller's to free
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef FORMAT_H
#define FORMAT_H

#include <glib.h>

char *format_bytes(double bytes);		/* "12.3 MiB" */
char *format_time(guint64 nanoseconds);		/* "12.3 us" */
char *format_clock(double seconds);		/* "1:02:03" or "2:03" */

#endif
