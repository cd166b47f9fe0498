// SPDX-License-Identifier: GPL-2.0-or-later
/* route-test.c - the routing decision against vmci.md 11 and 14.8
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "linux/vmci/route.h"
#include "tap.h"

#include <vmci/errors.h>

#define CID		0x80001234u	/* of this virtual machine; the top bit is usual */
#define NONE		VMCI_INVALID_ID

#define FROM_GUEST	VMCI_ROUTE_FROM_GUEST
#define H		VMCI_ROUTE_HOST_ACTIVE
#define G		VMCI_ROUTE_GUEST_ACTIVE
#define EXISTS		VMCI_ROUTE_DST_EXISTS

/* --- vmci.md 14.8 ------------------------------------------------------------------------- */

static const struct {
	struct vmci_handle dst, src;
	unsigned int facts;
	int route;
	struct vmci_handle filled;
} vectors[] = {
	{ { 0, 1 }, { NONE, NONE }, G, VMCI_ROUTE_GUEST, { NONE, NONE } },
	{ { 0, 1 }, { NONE, 5 }, G, VMCI_ROUTE_GUEST, { CID, 5 } },
	{ { 0, 1 }, { CID, 5 }, FROM_GUEST | H, VMCI_ERROR_DST_UNREACHABLE, { CID, 5 } },
	{ { 2, 1 }, { NONE, 1 }, H, VMCI_ROUTE_HOST, { 2, 1 } },
	{ { 2, 1 }, { NONE, 1 }, H | G, VMCI_ROUTE_GUEST, { CID, 1 } },
	{ { 2, 1 }, { CID, 1 }, FROM_GUEST | H | G, VMCI_ROUTE_HOST, { CID, 1 } },
	{ { 2, 0 }, { 0, 0 }, H | G, VMCI_ROUTE_HOST, { 0, 0 } },
	{ { CID, 1 }, { 2, 1 }, H | EXISTS, VMCI_ROUTE_HOST, { 2, 1 } },
	{ { CID, 1 }, { CID + 1, 1 }, FROM_GUEST | H | EXISTS, VMCI_ERROR_DST_UNREACHABLE,
	  { CID + 1, 1 } },
	{ { 99, 1 }, { 2, 1 }, H, VMCI_ERROR_DST_UNREACHABLE, { 2, 1 } },
	{ { 99, 1 }, { 2, 1 }, 0, VMCI_ERROR_DEVICE_NOT_FOUND, { 2, 1 } },
	{ { NONE, 1 }, { 2, 1 }, H | G | EXISTS, VMCI_ERROR_INVALID_ARGS, { 2, 1 } },
	/* traffic of a nested machine must not leave through our device (12.4 no. 2) */
	{ { 99, 1 }, { CID, 1 }, FROM_GUEST | H | G, VMCI_ERROR_DST_UNREACHABLE, { CID, 1 } },
};

static void test_vectors(void)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct vmci_handle src = vectors[i].src;
		int route = vmci_route(&vectors[i].dst, &src, vectors[i].facts, CID);

		is_s64(route, vectors[i].route, "vmci.md 14.8 row %zu: route", i + 1);
		ok(src.context == vectors[i].filled.context &&
		   src.resource == vectors[i].filled.resource,
		   "vmci.md 14.8 row %zu: source", i + 1);
	}
}

/* --- vmci.md 11, the table as it is printed ----------------------------------------------- */

enum condition { ANY, NO, YES };
enum dst { DST_ANY, DST_EXISTS, DST_ABSENT };
enum src { SRC_ANY, SRC_ZERO, SRC_TWO, SRC_NONE, SRC_OTHER_VM };
enum fill { KEEP, FILL_HOST, FILL_CID, FILL_CID_UNLESS_ANONYMOUS };

/* Rows from 12 on are for all contexts that no row before is for. */
static const struct row {
	int number;
	int64_t dst;		/* -1: other */
	enum dst exists;
	enum condition from_guest, host, guest;
	enum src src;
	int route;
	enum fill fill;
} rows[] = {
	{ 1, NONE, 0, ANY, ANY, ANY, SRC_ANY, VMCI_ERROR_INVALID_ARGS, KEEP },
	{ 2, 0, 0, YES, ANY, ANY, SRC_ANY, VMCI_ERROR_DST_UNREACHABLE, KEEP },
	{ 3, 0, 0, NO, ANY, NO, SRC_ANY, VMCI_ERROR_DEVICE_NOT_FOUND, KEEP },
	{ 4, 0, 0, NO, ANY, YES, SRC_TWO, VMCI_ERROR_INVALID_ARGS, KEEP },
	{ 5, 0, 0, NO, ANY, YES, SRC_ANY, VMCI_ROUTE_GUEST, FILL_CID_UNLESS_ANONYMOUS },
	{ 6, 2, 0, ANY, YES, ANY, SRC_ZERO, VMCI_ROUTE_HOST, KEEP },
	{ 7, 2, 0, ANY, NO, ANY, SRC_ZERO, VMCI_ERROR_DEVICE_NOT_FOUND, KEEP },
	{ 8, 2, 0, NO, ANY, YES, SRC_ANY, VMCI_ROUTE_GUEST, FILL_CID },
	{ 9, 2, 0, ANY, NO, ANY, SRC_ANY, VMCI_ERROR_DEVICE_NOT_FOUND, KEEP },
	{ 10, 2, 0, YES, YES, ANY, SRC_NONE, VMCI_ERROR_INVALID_ARGS, KEEP },
	{ 11, 2, 0, ANY, YES, ANY, SRC_ANY, VMCI_ROUTE_HOST, FILL_HOST },
	{ 12, -1, DST_EXISTS, YES, YES, ANY, SRC_NONE, VMCI_ERROR_INVALID_ARGS, KEEP },
	{ 13, -1, DST_EXISTS, ANY, YES, ANY, SRC_OTHER_VM, VMCI_ERROR_DST_UNREACHABLE, KEEP },
	{ 14, -1, DST_EXISTS, ANY, YES, ANY, SRC_ANY, VMCI_ROUTE_HOST, FILL_HOST },
	{ 15, -1, DST_ABSENT, ANY, YES, NO, SRC_ANY, VMCI_ERROR_DST_UNREACHABLE, KEEP },
	{ 16, -1, DST_ANY, ANY, NO, NO, SRC_ANY, VMCI_ERROR_DEVICE_NOT_FOUND, KEEP },
	{ 17, -1, DST_ANY, YES, ANY, YES, SRC_ANY, VMCI_ERROR_DST_UNREACHABLE, KEEP },
	{ 18, -1, DST_ANY, NO, ANY, YES, SRC_ANY, VMCI_ROUTE_GUEST, FILL_CID },
};

static bool is_met(enum condition condition, bool fact)
{
	return condition == ANY || (condition == YES) == fact;
}

static bool is_source(enum src kind, uint32_t src, uint32_t dst)
{
	switch (kind) {
	case SRC_ZERO:
		return src == 0;
	case SRC_TWO:
		return src == 2;
	case SRC_NONE:
		return src == NONE;
	case SRC_OTHER_VM:
		return src > 2 && src != NONE && src != dst;
	default:
		return true;
	}
}

static const struct row *first_match(uint32_t dst, uint32_t src, unsigned int facts)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];

		if (row->dst >= 0 && row->dst != dst)
			continue;
		if (row->exists && (row->exists == DST_EXISTS) != !!(facts & EXISTS))
			continue;
		if (is_met(row->from_guest, facts & FROM_GUEST) &&
		    is_met(row->host, facts & H) && is_met(row->guest, facts & G) &&
		    is_source(row->src, src, dst))
			return row;
	}
	return NULL;
}

static uint32_t filled(const struct row *row, struct vmci_handle src)
{
	if (src.context != NONE || row->fill == KEEP)
		return src.context;
	if (row->fill == FILL_HOST)
		return VMCI_HOST_CONTEXT_ID;
	if (row->fill == FILL_CID_UNLESS_ANONYMOUS && src.resource == NONE)
		return NONE;
	return CID;
}

/* Does the decision agree with the table? Marks the row as seen. */
static bool agrees(struct vmci_handle dst, struct vmci_handle src, unsigned int facts, bool *seen)
{
	const struct row *row = first_match(dst.context, src.context, facts);
	struct vmci_handle routed = src;
	int route;

	if (!row) {
		printf("# no row for %u <- %u, facts %u\n", dst.context, src.context, facts);
		return false;
	}
	seen[row->number] = true;
	route = vmci_route(&dst, &routed, facts, CID);
	if (route == row->route && routed.context == filled(row, src) &&
	    routed.resource == src.resource)
		return true;
	printf("# row %d: %u <- {%u, %u}, facts %u: %d, source %u\n", row->number, dst.context,
	       src.context, src.resource, facts, route, routed.context);
	return false;
}

static void test_table(void)
{
	static const uint32_t contexts[] = { 0, 1, 2, 3, 15, 16, 99, CID, NONE - 1, NONE };
	static const uint32_t resources[] = { 0, 1, 1024, NONE };
	const size_t count = sizeof(contexts) / sizeof(contexts[0]);
	bool seen[19] = { false };
	unsigned int wrong = 0;

	for (size_t d = 0; d < count; d++)
		for (size_t s = 0; s < count; s++)
			for (size_t r = 0; r < 4; r++)
				for (unsigned int facts = 0; facts < 16; facts++)
					wrong += !agrees((struct vmci_handle){ contexts[d], 1 },
							 (struct vmci_handle){ contexts[s],
									       resources[r] },
							 facts, seen);
	is_u64(wrong, 0, "vmci.md 11: all combinations as the table says");
	for (int number = 1; number <= 18; number++)
		ok(seen[number], "vmci.md 11: row %d was needed", number);
}

int main(void)
{
	test_vectors();
	test_table();
	return done_testing();
}
