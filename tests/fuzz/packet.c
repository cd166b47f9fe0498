// SPDX-License-Identifier: GPL-2.0-or-later
/* packet.c - fuzz target: verdicts on control packets (vsock.md 5.1 to 5.4)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The input is the datagram, in a buffer of just its length.  The verdict is compared with one
 * made here from the bytes of the table in 5.1, and answers with what a strict receiver wants.
 */
#include <common/packet.h>

#include "fuzz.h"

static uint32_t u32_at(const uint8_t *bytes, size_t offset)
{
	return (uint32_t)bytes[offset] | (uint32_t)bytes[offset + 1] << 8 |
	       (uint32_t)bytes[offset + 2] << 16 | (uint32_t)bytes[offset + 3] << 24;
}

static bool has_payload(const uint8_t *bytes)
{
	return u32_at(bytes, 20) || u32_at(bytes, 16) >= 32;
}

static enum vmsock_verdict expected(const uint8_t *bytes, size_t length)
{
	uint32_t source, resource;

	if (length < 56 || !has_payload(bytes))
		return VMSOCK_PACKET_DROP;
	source = u32_at(bytes, 8);
	resource = u32_at(bytes, 12);
	if (source == 1 || resource != (source == 0 ? 15 : 1))
		return VMSOCK_PACKET_DROP;
	if (u32_at(bytes, 28) == UINT32_MAX || u32_at(bytes, 32) == UINT32_MAX)
		return VMSOCK_PACKET_DROP;
	if (bytes[24] != 1)
		return bytes[25] == VMSOCK_PACKET_RST ? VMSOCK_PACKET_DROP : VMSOCK_PACKET_REFUSE;
	return bytes[25] < 13 ? VMSOCK_PACKET_OK : VMSOCK_PACKET_UNKNOWN;
}

/* Back to where the cause came from, and nothing in it that was not written */
static void check_answer(const struct vmsock_packet *cause, uint8_t type)
{
	static const uint8_t zeros[16];
	uint8_t bytes[56], before[56];
	struct vmsock_packet pkt;
	uint32_t to = cause->dg.src.context, from = cause->dg.dst.context;

	memset(&pkt, 0xa5, sizeof(pkt));
	memcpy(before, cause, 56);
	vmsock_packet_reply(&pkt, type, cause);
	require(memcmp(before, cause, 56) == 0);
	memcpy(bytes, &pkt, 56);
	require(u32_at(bytes, 0) == to && u32_at(bytes, 4) == (to == 0 ? 15 : 1));
	require(u32_at(bytes, 8) == UINT32_MAX && u32_at(bytes, 12) == (from == 0 ? 15 : 1));
	require(u32_at(bytes, 16) == 32 && u32_at(bytes, 20) == 0);
	require(bytes[24] == 1 && bytes[25] == type && bytes[26] == 0 && bytes[27] == 0);
	require(u32_at(bytes, 28) == cause->dst_port && u32_at(bytes, 32) == cause->src_port);
	require(u32_at(bytes, 36) == 0 && memcmp(bytes + 40, zeros, 16) == 0);
	if (from == VMCI_WELL_KNOWN_CONTEXT_ID)
		return;
	pkt.dg.src.context = from;
	require(vmsock_packet_check(&pkt.dg, sizeof(pkt)) == VMSOCK_PACKET_OK);
}

static void check_handles(const struct vmsock_packet *pkt)
{
	struct vmci_handle a = pkt->u.handle, b = pkt->dg.dst;

	require(vmci_handle_equal(a, a));
	require(vmci_handle_equal(a, b) == vmci_handle_equal(b, a));
	require(vmci_handle_equal(a, b) == (memcmp(&a, &b, sizeof(a)) == 0));
	require(vmci_handle_valid(a) == ((a.context & a.resource) != UINT32_MAX));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
	uint8_t *exact = malloc(length ? length : 1);
	struct vmsock_packet pkt;
	enum vmsock_verdict verdict;

	memcpy(exact, data, length);
	verdict = vmsock_packet_check((const struct vmci_datagram *)(const void *)exact, length);
	require(verdict == expected(exact, length));
	require(length < 56 || memcmp(exact, data, length) == 0);
	if (verdict != VMSOCK_PACKET_DROP) {
		memcpy(&pkt, exact, sizeof(pkt));
		require((strcmp(vmsock_packet_type_name(pkt.type), "?") == 0) == (pkt.type >= 13));
		require(verdict != VMSOCK_PACKET_REFUSE || pkt.type != VMSOCK_PACKET_RST);
		check_answer(&pkt, VMSOCK_PACKET_RST);
		check_answer(&pkt, VMSOCK_PACKET_INVALID);
		check_handles(&pkt);
	}
	free(exact);
	return 0;
}
