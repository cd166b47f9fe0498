/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * latency.c - many measured times in little memory: percentiles and a histogram
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "latency.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format.h"

#define HISTOGRAM_ROWS 16
#define HISTOGRAM_WIDTH 40

/* Below 2 * LATENCY_STEPS a bucket is a nanosecond, above it the 32nd part of a power of two. */
static guint bucket_of(guint64 value)
{
	guint shift = 0;

	while (value >> shift >= 2 * LATENCY_STEPS)
		shift++;
	return MIN(shift * LATENCY_STEPS + (guint)(value >> shift), LATENCY_BUCKETS - 1);
}

/* The largest time that goes into a bucket. */
static guint64 bucket_end(guint bucket)
{
	guint shift;

	if (bucket < 2 * LATENCY_STEPS)
		return bucket;
	shift = bucket / LATENCY_STEPS - 1;
	return ((guint64)(bucket - shift * LATENCY_STEPS + 1) << shift) - 1;
}

void latency_add(struct latency *latency, guint64 nanoseconds)
{
	if (!latency->count || nanoseconds < latency->min)
		latency->min = nanoseconds;
	latency->max = MAX(latency->max, nanoseconds);
	latency->count++;
	latency->sum += (double)nanoseconds;
	latency->sum_of_squares += (double)nanoseconds * (double)nanoseconds;
	latency->buckets[bucket_of(nanoseconds)]++;
}

void latency_merge(struct latency *into, const struct latency *from)
{
	if (!from->count)
		return;
	into->min = into->count ? MIN(into->min, from->min) : from->min;
	into->max = MAX(into->max, from->max);
	into->count += from->count;
	into->sum += from->sum;
	into->sum_of_squares += from->sum_of_squares;
	for (guint i = 0; i < LATENCY_BUCKETS; i++)
		into->buckets[i] += from->buckets[i];
}

guint64 latency_percentile(const struct latency *latency, double percent)
{
	guint64 wanted = (guint64)ceil((double)latency->count * percent / 100);
	guint64 seen = 0;

	for (guint i = 0; i < LATENCY_BUCKETS; i++) {
		seen += latency->buckets[i];
		if (seen && seen >= wanted)
			return CLAMP(bucket_end(i), latency->min, latency->max);
	}
	return 0;
}

double latency_mean(const struct latency *latency)
{
	return latency->count ? latency->sum / (double)latency->count : 0;
}

double latency_deviation(const struct latency *latency)
{
	double mean = latency_mean(latency);

	if (!latency->count)
		return 0;
	return sqrt(MAX(latency->sum_of_squares / (double)latency->count - mean * mean, 0));
}

static const double percents[] = { 50, 90, 99, 99.9 };
static const char *const percent_names[] = { "p50", "p90", "p99", "p99.9" };

void latency_print(const struct latency *latency)
{
	g_autofree char *min = format_time(latency->min);
	g_autofree char *max = format_time(latency->max);
	g_autofree char *mean = format_time((guint64)latency_mean(latency));
	g_autofree char *deviation = format_time((guint64)latency_deviation(latency));

	if (!latency->count)
		return;
	printf("min %s  mean %s  max %s  deviation %s\n", min, mean, max, deviation);
	for (gsize i = 0; i < G_N_ELEMENTS(percents); i++) {
		g_autofree char *time = format_time(latency_percentile(latency, percents[i]));

		printf("%s%s %s", i ? "  " : "", percent_names[i], time);
	}
	putchar('\n');
}

/* Rows are equal steps of the logarithm, from the shortest time to the longest. */
static void fill_rows(const struct latency *latency, guint64 rows[HISTOGRAM_ROWS])
{
	guint first = bucket_of(latency->min), span = bucket_of(latency->max) - first + 1;

	memset(rows, 0, HISTOGRAM_ROWS * sizeof(*rows));
	for (guint i = 0; i < span; i++)
		rows[i * HISTOGRAM_ROWS / MAX(span, HISTOGRAM_ROWS)] +=
			latency->buckets[first + i];
}

void latency_print_histogram(const struct latency *latency)
{
	guint first = bucket_of(latency->min), span = bucket_of(latency->max) - first + 1;
	guint64 rows[HISTOGRAM_ROWS], most = 1;

	if (!latency->count)
		return;
	fill_rows(latency, rows);
	for (guint i = 0; i < HISTOGRAM_ROWS; i++)
		most = MAX(most, rows[i]);
	for (guint i = 0; i < MIN(span, HISTOGRAM_ROWS); i++) {
		guint last = (i + 1) * MAX(span, HISTOGRAM_ROWS) / HISTOGRAM_ROWS - 1;
		guint64 width = (rows[i] * HISTOGRAM_WIDTH + most - 1) / most;
		g_autofree char *time = format_time(bucket_end(first + last));
		g_autofree char *bar = g_strnfill(width, '#');

		printf("%12s |%-*s| %" G_GUINT64_FORMAT "\n", time, HISTOGRAM_WIDTH, bar, rows[i]);
	}
}

void latency_write(const struct latency *latency, struct json *json, const char *name)
{
	json_open(json, name, '{');
	json_number(json, "count", (gint64)latency->count);
	json_double(json, "min_us", (double)latency->min / 1000);
	json_double(json, "mean_us", latency_mean(latency) / 1000);
	json_double(json, "max_us", (double)latency->max / 1000);
	json_double(json, "stddev_us", latency_deviation(latency) / 1000);
	for (gsize i = 0; i < G_N_ELEMENTS(percents); i++) {
		g_autofree char *member = g_strconcat(percent_names[i], "_us", NULL);

		json_double(json, member,
			    (double)latency_percentile(latency, percents[i]) / 1000);
	}
	json_close(json, '}');
}
