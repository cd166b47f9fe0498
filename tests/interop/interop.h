/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * interop.h - what a test in a guest asks of its peer on the host
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef TESTS_INTEROP_H
#define TESTS_INTEROP_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Ports of context 2 */
#define PORT_ORDERS		5000	/* takes a struct order, then does it */
#define PORT_CLOSES_FIRST	5001	/* closes what it accepts at once */
#define PORT_CLOSES_SECOND	5002	/* waits for the end first */
#define PORT_MEASURES		5003	/* takes one order after the other, of the counted kind */
#define PORT_COUNTS		5004	/* takes a byte, says in one how many have come to it */
#define PORT_KILLS		5005	/* ends the virtual machine at once */
#define PORT_DATAGRAMS		5006	/* sends each datagram back */
#define PORT_SPEAKS		5007	/* says a byte at once */
#define PORT_NOBODY		5099	/* has no listener */

/* The largest payload of a datagram */
#define DATAGRAM_MAX		69608

enum role {
	ROLE_ECHO,	/* what comes goes back, until its end */
	ROLE_SINK,	/* takes order.bytes, and their end; then a verdict, then the end */
	ROLE_SOURCE,	/* sends order.bytes, then the end; waits for the other's end */
	ROLE_BOTH,	/* sink and source at the same time, no verdict */
	ROLE_ABORT,	/* closes with bytes unread */
	ROLE_SILENCE,	/* nothing reaches the guest any more; then calls order.port in vain */
	/* Counted: order.bytes and no more, on a connection that goes on */
	ROLE_TAKE,	/* receives them, unchecked; then a verdict */
	ROLE_GIVE,	/* sends them */
	ROLE_REFLECT,	/* gives each back */
};

/*
 * On the connection that brought it, or, with a port, on one that the host makes to that port of
 * the guest; in that case verdicts come on the connection that brought it: one when that
 * connection is there (or not), one when the role has been played.
 */
struct order {
	uint32_t role;
	uint32_t port;
	uint64_t bytes;
};

#define VERDICT_GOOD	'+'
#define VERDICT_BAD	'-'

/*
 * The bytes of all streams: the same random ones again and again. A prime number of them agrees
 * with the size of no queue, and there are twice as many so that a piece never ends early.
 */
#define BYTES_PERIOD	1048583u
static uint8_t interop_bytes[2 * BYTES_PERIOD];

static inline void make_interop_bytes(void)
{
	uint64_t x = 88172645463325252u;

	for (uint32_t i = 0; i < BYTES_PERIOD; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		interop_bytes[i] = x;
	}
	memcpy(interop_bytes + BYTES_PERIOD, interop_bytes, BYTES_PERIOD);
}

/* The bytes at this place of a stream; good for up to BYTES_PERIOD of them */
static inline const uint8_t *bytes_at(uint64_t at)
{
	return interop_bytes + at % BYTES_PERIOD;
}

static inline bool good_bytes(const void *got, uint64_t at, size_t count)
{
	return !memcmp(got, bytes_at(at), count);
}

#endif /* TESTS_INTEROP_H */
