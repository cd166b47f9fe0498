// SPDX-License-Identifier: GPL-2.0-or-later
/* address.c - fuzz target: checks and comparison of socket addresses (vsock.md 3, 4.2)
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <common/address.h>

#include "fuzz.h"

/* From the bytes of the table in 3.1 */
static enum vmsock_addr_error expected(const uint8_t *bytes, uint64_t length, uint16_t family)
{
	if (length < 16)
		return VMSOCK_ADDR_SHORT;
	if (bytes[0] != (family & 0xff) || bytes[1] != family >> 8)
		return VMSOCK_ADDR_FAMILY;
	return bytes[12] & 0xfe ? VMSOCK_ADDR_BAD_FLAGS : VMSOCK_ADDR_OK;
}

static void check_from_program(struct input *in, uint16_t family)
{
	uint64_t length = take(in, 1) % 64;
	struct vmsock_sockaddr sa;
	uint8_t bytes[16];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)take(in, 1);
	memcpy(&sa, bytes, sizeof(sa));
	require(vmsock_sockaddr_check(&sa, length, family) == expected(bytes, length, family));
	require(vmsock_sockaddr_check(NULL, length, family) == VMSOCK_ADDR_SHORT);
}

static void check_to_program(struct vmsock_addr addr, uint16_t family)
{
	static const uint8_t zeros[4];
	struct vmsock_sockaddr sa;
	uint8_t bytes[16];

	memset(&sa, 0xa5, sizeof(sa));
	vmsock_sockaddr_fill(&sa, family, addr);
	require(vmsock_sockaddr_check(&sa, sizeof(sa), family) == VMSOCK_ADDR_OK);
	require(sa.cid == addr.cid && sa.port == addr.port && sa.family == family);
	memcpy(bytes, &sa, sizeof(sa));
	require(memcmp(bytes + 2, zeros, 2) == 0 && memcmp(bytes + 12, zeros, 4) == 0);
}

/* Two binds are in conflict if, and only if, something is for both (bound ports only) */
static void check_binds(struct vmsock_addr a, struct vmsock_addr b, struct vmsock_addr dst)
{
	struct vmsock_addr both = { a.cid == VMSOCK_CID_ANY ? b.cid : a.cid, a.port };
	bool conflict = vmsock_addr_conflict(a, b);

	require(conflict == vmsock_addr_conflict(b, a));
	require(vmsock_addr_conflict(a, a) && vmsock_addr_equal(a, a));
	require(vmsock_addr_equal(a, b) == vmsock_addr_equal(b, a));
	require(!vmsock_addr_equal(a, b) || conflict);
	require(!vmsock_addr_receives(a, dst) || vmsock_addr_conflict(a, dst));
	require(vmsock_addr_receives(a, a) == vmsock_addr_bound(a));
	if (vmsock_addr_receives(a, dst) && vmsock_addr_receives(b, dst))
		require(conflict);
	if (conflict && vmsock_addr_bound(a))
		require(vmsock_addr_receives(a, both) && vmsock_addr_receives(b, both));
}

static void check_ports(uint32_t port)
{
	uint32_t next = vmsock_port_next(port);

	require(!vmsock_port_privileged(next) && next != VMSOCK_PORT_ANY);
	require(next == port + 1 || next == VMSOCK_LAST_PRIVILEGED_PORT + 1);
	require(next != port);
	require(vmsock_port_privileged(port) == (port < 1024));
}

/* Few numbers, so that some are equal, or any */
static uint32_t take_number(struct input *in)
{
	static const uint32_t numbers[] = { 0, 1, 2, 77, 1023, 1024, UINT32_MAX - 1, UINT32_MAX };
	uint64_t choice = take(in, 1);

	return choice < 248 ? numbers[choice % 8] : (uint32_t)take(in, 4);
}

static struct vmsock_addr take_addr(struct input *in)
{
	uint32_t cid = take_number(in);

	return (struct vmsock_addr){ .cid = cid, .port = take_number(in) };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
	struct input in = { data, length };
	uint16_t family = (uint16_t)take(&in, 2);
	struct vmsock_addr a, b, dst;

	check_from_program(&in, family);
	a = take_addr(&in);
	b = take_addr(&in);
	dst = take_addr(&in);
	check_to_program(a, family);
	check_binds(a, b, dst);
	check_binds(b, a, dst);
	check_ports(a.port);
	require(!vmsock_addr_bound(vmsock_addr_any()));
	return 0;
}
