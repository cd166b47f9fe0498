/* SPDX-License-Identifier: GPL-2.0-or-later */
/* debugfs.h - what vmsock.ko says of itself: control packets counted, sockets listed
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef TESTS_VM_DEBUGFS_H
#define TESTS_VM_DEBUGFS_H

#include "vmtest.h"

#include <vmci/packet.h>

#define PACKETS_FILE	"/sys/kernel/debug/vmsock/packets"
#define SOCKETS_FILE	"/sys/kernel/debug/vmsock/sockets"

struct packet_counts {
	long long sent[VMSOCK_PACKET_TYPE_COUNT];
	long long received[VMSOCK_PACKET_TYPE_COUNT];
};

static const char *const packet_names[] = {
#define PACKET_NAME(name, number) [number] = #name,
	VMSOCK_PACKET_TYPES(PACKET_NAME)
#undef PACKET_NAME
};

static int packet_number(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(packet_names); i++)
		if (strcmp(packet_names[i], name) == 0)
			return i;
	return -1;
}

/* All totals since the module was loaded; each type has its line. */
UNUSED static struct packet_counts read_packets(void)
{
	struct packet_counts counts = { 0 };
	long long sent, received;
	unsigned int types = 0;
	char name[32];
	FILE *f = fopen(PACKETS_FILE, "re");

	need(f);
	while (fscanf(f, "%31s sent %lld received %lld", name, &sent, &received) == 3) {
		int number = packet_number(name);

		need(number >= 0);
		counts.sent[number] = sent;
		counts.received[number] = received;
		types++;
	}
	fclose(f);
	need(types == VMSOCK_PACKET_TYPE_COUNT);
	return counts;
}

/* Sockets of the family there are: lines after the heading. */
UNUSED static int count_sockets(void)
{
	FILE *f = fopen(SOCKETS_FILE, "re");
	char line[256];
	int lines = 0;

	need(f);
	while (fgets(line, sizeof(line), f))
		lines++;
	fclose(f);
	return lines - 1;
}

/* --- what a row sends --------------------------------------------------------------------- */

/*
 * A row reads the totals, does one thing, and compares the difference with a list.  Nothing else
 * uses the family meanwhile.
 */
struct want {
	int type;
	int count;
};

#define P(name)	VMSOCK_PACKET_##name
#define WANTS	8

static struct packet_counts before;
static long long *injected;	/* of each type, by raw.c instead of a socket; else NULL */

/* Nothing is on its way. */
UNUSED static bool all_received(void)
{
	struct packet_counts now = read_packets();

	for (int i = 0; i < VMSOCK_PACKET_TYPE_COUNT; i++)
		if (now.received[i] != now.sent[i] + (injected ? injected[i] : 0))
			return false;
	return true;
}

UNUSED static void mark(void)
{
	expect_soon(all_received());
	before = read_packets();
}

/* Packets of a type, or of all if it is negative, sent since mark(). */
UNUSED static long long sent_since(int type)
{
	struct packet_counts now = read_packets();
	long long sum = 0;

	for (int i = 0; i < VMSOCK_PACKET_TYPE_COUNT; i++)
		if (type < 0 || i == type)
			sum += now.sent[i] - before.sent[i];
	return sum;
}

static int wanted(const struct want *want, int type)
{
	int count = 0;

	for (int i = 0; i < WANTS; i++)
		if (want[i].count && want[i].type == type)
			count += want[i].count;
	return count;
}

static bool all_sent(const struct want *want)
{
	for (int type = 0; type < VMSOCK_PACKET_TYPE_COUNT; type++)
		if (sent_since(type) < wanted(want, type))
			return false;
	return true;
}

/* Since mark() exactly these packets were sent, and all have arrived. */
UNUSED static void vm_expect_packets(const struct want want[WANTS], const char *file, int line)
{
	if (!soon(all_sent(want) && all_received()))
		vm_fail(file, line, "not everything was sent and received");
	for (int type = 0; type < VMSOCK_PACKET_TYPE_COUNT; type++)
		if (sent_since(type) != wanted(want, type))
			vm_fail(file, line, "%s: sent %lld, want %d", packet_names[type],
				sent_since(type), wanted(want, type));
}
#define expect_packets(...) \
	vm_expect_packets((const struct want[WANTS]){ __VA_ARGS__ }, __FILE__, __LINE__)

#endif /* TESTS_VM_DEBUGFS_H */
