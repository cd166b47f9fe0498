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

#endif /* TESTS_VM_DEBUGFS_H */
