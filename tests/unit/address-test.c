// SPDX-License-Identifier: GPL-2.0-or-later
/* address-test.c - socket addresses against vsock.md 3, 4.2 and 13
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <common/address.h>

#include "vector.h"

#define ANY	VMSOCK_CID_ANY

static void test_vectors(void)
{
	struct vmsock_sockaddr sa;

	memset(&sa, 0xff, sizeof(sa));
	vmsock_sockaddr_fill(&sa, 40, (struct vmsock_addr){ .cid = 2, .port = 976 });
	is_vector(&sa, sizeof(sa), "28000000 d0030000 02000000 00000000",
		  "TV-01: family 40, host, port 976");
	vmsock_sockaddr_fill(&sa, 45, vmsock_addr_any());
	is_vector(&sa, sizeof(sa), "2d000000 ffffffff ffffffff 00000000",
		  "TV-02: dynamic family, any context, any port");
	vmsock_sockaddr_fill(&sa, 40, (struct vmsock_addr){ .cid = 77, .port = 5000 });
	sa.flags = VMSOCK_ADDR_FLAG_TO_HOST;
	is_vector(&sa, sizeof(sa), "28000000 88130000 4d000000 01000000",
		  "TV-03: context 77, port 5000, to-host flag");
}

static const struct {
	const char *name;
	uint64_t length;
	uint16_t family;
	uint8_t flags, zero;
	uint16_t reserved;
	enum vmsock_addr_error verdict;
} checks[] = {
	{ "as it should be", 16, 23, 0, 0, 0, VMSOCK_ADDR_OK },
	{ "to-host flag", 16, 23, 1, 0, 0, VMSOCK_ADDR_OK },
	{ "longer, excess ignored", 128, 23, 0, 0, 0, VMSOCK_ADDR_OK },
	{ "reserved1 and padding not checked", 16, 23, 0, 0xff, 0xffff, VMSOCK_ADDR_OK },
	{ "length 0", 0, 23, 0, 0, 0, VMSOCK_ADDR_SHORT },
	{ "length 15", 15, 23, 0, 0, 0, VMSOCK_ADDR_SHORT },
	{ "short comes before family and flags", 15, 40, 0xff, 0, 0, VMSOCK_ADDR_SHORT },
	{ "other family", 16, 40, 0, 0, 0, VMSOCK_ADDR_FAMILY },
	{ "AF_UNSPEC", 16, 0, 0, 0, 0, VMSOCK_ADDR_FAMILY },
	{ "family comes before flags", 16, 40, 0xff, 0, 0, VMSOCK_ADDR_FAMILY },
	{ "flag 2", 16, 23, 2, 0, 0, VMSOCK_ADDR_BAD_FLAGS },
	{ "flag 0x80 beside a good one", 16, 23, 0x81, 0, 0, VMSOCK_ADDR_BAD_FLAGS },
};

static void test_checks(void)
{
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		struct vmsock_sockaddr sa = {
			.family = checks[i].family,
			.reserved1 = checks[i].reserved,
			.port = 5000,
			.cid = 2,
			.flags = checks[i].flags,
			.zero = { checks[i].zero, checks[i].zero, checks[i].zero },
		};

		is_u64(vmsock_sockaddr_check(&sa, checks[i].length, 23), checks[i].verdict,
		       "vsock.md 3.2: %s", checks[i].name);
	}
	is_u64(vmsock_sockaddr_check(NULL, 16, 23), VMSOCK_ADDR_SHORT, "vsock.md 3.2: missing");
}

static const struct {
	const char *name;
	struct vmsock_addr a, b;
	bool equal, conflict;
} pairs[] = {
	{ "same port, same context", { 2, 5000 }, { 2, 5000 }, true, true },
	{ "same port, different contexts", { 2, 5000 }, { 1, 5000 }, false, false },
	{ "same port, one any", { ANY, 5000 }, { 2, 5000 }, false, true },
	{ "same port, both any", { ANY, 5000 }, { ANY, 5000 }, true, true },
	{ "different ports, same context", { 2, 5000 }, { 2, 5001 }, false, false },
	{ "different ports, both any", { ANY, 5000 }, { ANY, 5001 }, false, false },
	{ "port 0 is a port", { 2, 0 }, { ANY, 0 }, false, true },
};

static void test_pairs(void)
{
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct vmsock_addr a = pairs[i].a, b = pairs[i].b;

		ok(vmsock_addr_conflict(a, b) == pairs[i].conflict &&
			   vmsock_addr_conflict(b, a) == pairs[i].conflict,
		   "vsock.md 4.2: conflict rule, %s", pairs[i].name);
		ok(vmsock_addr_equal(a, b) == pairs[i].equal &&
			   vmsock_addr_equal(b, a) == pairs[i].equal,
		   "equality, %s", pairs[i].name);
	}
}

static const struct {
	const char *name;
	struct vmsock_addr bound, dst;
	bool receives;
} deliveries[] = {
	{ "exact", { 2, 5000 }, { 2, 5000 }, true },
	{ "bound to any context", { ANY, 5000 }, { 2, 5000 }, true },
	{ "other context", { 2, 5000 }, { 77, 5000 }, false },
	{ "other port", { 2, 5000 }, { 2, 5001 }, false },
	{ "other port, any context", { ANY, 5000 }, { 2, 5001 }, false },
	{ "unbound gets nothing", { ANY, VMSOCK_PORT_ANY }, { 2, VMSOCK_PORT_ANY }, false },
};

static void test_deliveries(void)
{
	for (size_t i = 0; i < sizeof(deliveries) / sizeof(deliveries[0]); i++)
		ok(vmsock_addr_receives(deliveries[i].bound, deliveries[i].dst) ==
			   deliveries[i].receives,
		   "vsock.md 5.4 step 3: %s", deliveries[i].name);
	ok(!vmsock_addr_bound(vmsock_addr_any()), "vsock.md 4.10: unbound is (any, any)");
	ok(vmsock_addr_bound((struct vmsock_addr){ ANY, 0 }), "port 0 is bound");
}

static const struct {
	uint32_t port, next;
	bool privileged;
} ports[] = {
	{ 0, 1024, true },
	{ 1022, 1024, true },
	{ 1023, 1024, true },
	{ 1024, 1025, false },
	{ 0x7fffffff, 0x80000000, false },
	{ 0xfffffffd, 0xfffffffe, false },
	{ 0xfffffffe, 1024, false },
	{ 0xffffffff, 1024, false },
};

static void test_ports(void)
{
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		is_u64(vmsock_port_next(ports[i].port), ports[i].next,
		       "vsock.md 4.2: port after %" PRIu32, ports[i].port);
		ok(vmsock_port_privileged(ports[i].port) == ports[i].privileged,
		   "vsock.md 4.2: is %" PRIu32 " privileged", ports[i].port);
	}
}

int main(void)
{
	test_vectors();
	test_checks();
	test_pairs();
	test_deliveries();
	test_ports();
	return done_testing();
}
