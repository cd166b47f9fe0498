/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * perf.h - what client and server of vmsock perf say to each other
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Each connection begins with a hello of the client that says what it is for.  Numbers are little
 * endian.
 *
 *	SINK	the client sends blocks up to its end of sending; then the server sends its result
 *	SOURCE	the server sends blocks for the time that the hello says, and ends sending
 *	ECHO	the server sends each block back; at the client's end of sending its result
 *	COUNT	the server sends a result whose @port is where it receives datagrams; at the
 *		client's end of sending, and when no more come, what it has received
 *
 * A connection without a hello only measures how long connecting takes.
 *
 * A block has its number in the first 8 bytes, if it has so many, and known bytes after it.
 */
#ifndef PERF_H
#define PERF_H

#include <gio/gio.h>
#include <stdbool.h>
#include <vmsock/vmsock.h>

#define PERF_MAGIC "vmsperf1"
#define PERF_BLOCK_MAX (16 * 1024 * 1024)

enum perf_mode { PERF_SINK = 1, PERF_SOURCE, PERF_ECHO, PERF_COUNT };

struct perf_hello {
	char magic[8];
	guint32 mode, size;		/* of a block */
	guint32 verify, reserved;
	guint64 rate;			/* of SOURCE, bytes a second; 0: as fast as it can */
	guint64 microseconds;		/* of SOURCE */
};
G_STATIC_ASSERT(sizeof(struct perf_hello) == 40);

struct perf_result {
	guint64 bytes, blocks, wrong, reordered;
	guint64 cpu_us;			/* processor time that the server has used for it */
	guint64 port;
};
G_STATIC_ASSERT(sizeof(struct perf_result) == 48);

/* Between the machine's byte order and the one of the wire, in either direction. */
void perf_swap_hello(struct perf_hello *hello);
void perf_swap_result(struct perf_result *result);

/* A block with everything but its number; perf_number() writes that, perf_check() compares. */
guint8 *perf_new_block(gsize size);
void perf_number(guint8 *block, gsize size, guint64 number);
bool perf_check(const guint8 *reference, const guint8 *block, gsize size, guint64 number);
guint64 perf_number_of(const guint8 *block);

/* When block @number may be sent at @rate bytes a second, in microseconds after the first. */
gint64 perf_due(guint64 number, gsize size, guint64 rate);

/* Processor time of this thread or process (RUSAGE_THREAD, RUSAGE_SELF), in microseconds. */
guint64 perf_cpu_time(int who);

/* The descriptor of a connection. */
int perf_fd(VmsockConnection *connection);

/* Serve until interrupted, or @once: one client's connection. */
int perf_serve(VmsockAddress *address, guint64 buffer_size, bool once);

#endif
