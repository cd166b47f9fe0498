/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * perf-wire.c - hello, result and blocks of vmsock perf
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <string.h>
#include <sys/resource.h>

#include "perf.h"

void perf_swap_hello(struct perf_hello *hello)
{
	hello->mode = GUINT32_TO_LE(hello->mode);
	hello->size = GUINT32_TO_LE(hello->size);
	hello->verify = GUINT32_TO_LE(hello->verify);
	hello->rate = GUINT64_TO_LE(hello->rate);
	hello->microseconds = GUINT64_TO_LE(hello->microseconds);
}

void perf_swap_result(struct perf_result *result)
{
	result->bytes = GUINT64_TO_LE(result->bytes);
	result->blocks = GUINT64_TO_LE(result->blocks);
	result->wrong = GUINT64_TO_LE(result->wrong);
	result->reordered = GUINT64_TO_LE(result->reordered);
	result->cpu_us = GUINT64_TO_LE(result->cpu_us);
	result->port = GUINT64_TO_LE(result->port);
}

guint8 *perf_new_block(gsize size)
{
	guint8 *block = g_malloc(size);

	for (gsize i = 0; i < size; i++)
		block[i] = (guint8)(i * 131 + (i >> 8) * 7 + (i >> 16));
	return block;
}

void perf_number(guint8 *block, gsize size, guint64 number)
{
	number = GUINT64_TO_LE(number);
	if (size >= sizeof(number))
		memcpy(block, &number, sizeof(number));
}

guint64 perf_number_of(const guint8 *block)
{
	guint64 number;

	memcpy(&number, block, sizeof(number));
	return GUINT64_FROM_LE(number);
}

bool perf_check(const guint8 *reference, const guint8 *block, gsize size, guint64 number)
{
	if (size < sizeof(number))
		return memcmp(reference, block, size) == 0;
	return perf_number_of(block) == number &&
	       memcmp(reference + sizeof(number), block + sizeof(number),
		      size - sizeof(number)) == 0;
}

gint64 perf_due(guint64 number, gsize size, guint64 rate)
{
	return rate ? (gint64)((double)number * (double)size * G_USEC_PER_SEC / (double)rate) : 0;
}

guint64 perf_cpu_time(int who)
{
	struct rusage usage;

	getrusage(who, &usage);
	return (guint64)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * G_USEC_PER_SEC +
	       (guint64)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

int perf_fd(VmsockConnection *connection)
{
	return g_socket_get_fd(g_socket_connection_get_socket(G_SOCKET_CONNECTION(connection)));
}
