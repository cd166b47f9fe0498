/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * latency.h - many measured times in little memory: percentiles and a histogram
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Times are nanoseconds.  Percentiles are exact to 1/32, minimum, maximum and mean to the last.
 */
#ifndef LATENCY_H
#define LATENCY_H

#include <glib.h>

#include "json.h"

#define LATENCY_STEPS 32	/* of each power of two */
#define LATENCY_BUCKETS (60 * LATENCY_STEPS)

struct latency {
	guint64 count, min, max;
	double sum, sum_of_squares;
	guint64 buckets[LATENCY_BUCKETS];
};

void latency_add(struct latency *latency, guint64 nanoseconds);
void latency_merge(struct latency *into, const struct latency *from);

/* The time that @percent of all are not longer than; 0 if there is none at all. */
guint64 latency_percentile(const struct latency *latency, double percent);
double latency_mean(const struct latency *latency);
double latency_deviation(const struct latency *latency);

/* One line "min ... ms" and the histogram, for people. */
void latency_print(const struct latency *latency);
void latency_print_histogram(const struct latency *latency);

/* An object of that name, in microseconds. */
void latency_write(const struct latency *latency, struct json *json, const char *name);

#endif
