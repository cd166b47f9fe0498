// SPDX-License-Identifier: GPL-2.0-or-later
/* packet-test.c - control packets against vsock.md 5.1 to 5.4 and 13
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <stddef.h>

#include <common/packet.h>

#include "vector.h"

#define GUEST	UINT32_C(1234567890)

static const struct vmsock_addr guest = { GUEST, 1024 };
static const struct vmsock_addr host = { VMCI_HOST_CONTEXT_ID, 15000 };
static const struct vmsock_addr guest_rpc = { GUEST, 1023 };
static const struct vmsock_addr hypervisor = { VMCI_HYPERVISOR_CONTEXT_ID, 976 };
static const struct vmci_handle queue_pair = { GUEST, 1025 };

/* A packet as it is seen after routing: the source context is filled in (vsock.md 1.6) */
static struct vmsock_packet routed(uint8_t type, struct vmsock_addr src, struct vmsock_addr dst)
{
	struct vmsock_packet pkt;

	memset(&pkt, 0xa5, sizeof(pkt));
	vmsock_packet_init(&pkt, type, src, dst);
	is_u64(pkt.dg.src.context, VMSOCK_CID_ANY, "vsock.md 5.1: %s leaves its source to routing",
	       vmsock_packet_type_name(type));
	pkt.dg.src.context = src.cid;
	return pkt;
}

static void is_packet(const struct vmsock_packet *pkt, const char *text, const char *name)
{
	is_vector(pkt, sizeof(*pkt), text, name);
	is_u64(vmsock_packet_check(&pkt->dg, sizeof(*pkt)), VMSOCK_PACKET_OK, "%s passes the check",
	       name);
}

static void test_set_up(void)
{
	struct vmsock_packet pkt = routed(VMSOCK_PACKET_REQUEST2, guest, host);

	pkt.proto = VMSOCK_PROTO_SUPPORTED;
	pkt.u.size = VMSOCK_DEFAULT_BUFFER_SIZE;
	is_packet(&pkt,
		  "02000000 01000000 d2029649 01000000 20000000 00000000 010b0100 00040000 "
		  "983a0000 00000000 00000400 00000000 00000000 00000000",
		  "TV-04: REQUEST2");
	pkt = routed(VMSOCK_PACKET_NEGOTIATE2, host, guest);
	pkt.proto = VMSOCK_PROTO_QUEUE_STATE;
	pkt.u.size = VMSOCK_DEFAULT_BUFFER_SIZE;
	is_packet(&pkt,
		  "d2029649 01000000 02000000 01000000 20000000 00000000 010c0100 983a0000 "
		  "00040000 00000000 00000400 00000000 00000000 00000000",
		  "TV-05: NEGOTIATE2");
	pkt = routed(VMSOCK_PACKET_OFFER, guest, host);
	pkt.u.handle = queue_pair;
	is_packet(&pkt,
		  "02000000 01000000 d2029649 01000000 20000000 00000000 01030000 00040000 "
		  "983a0000 00000000 d2029649 01040000 00000000 00000000",
		  "TV-06: OFFER");
	pkt = routed(VMSOCK_PACKET_ATTACH, host, guest);
	pkt.u.handle = queue_pair;
	is_packet(&pkt,
		  "d2029649 01000000 02000000 01000000 20000000 00000000 01040000 983a0000 "
		  "00040000 00000000 d2029649 01040000 00000000 00000000",
		  "TV-07: ATTACH");
}

static void test_data(void)
{
	struct vmsock_packet pkt = routed(VMSOCK_PACKET_WROTE, guest, host);

	is_packet(&pkt,
		  "02000000 01000000 d2029649 01000000 20000000 00000000 01050000 00040000 "
		  "983a0000 00000000 00000000 00000000 00000000 00000000",
		  "TV-08: WROTE");
	pkt = routed(VMSOCK_PACKET_READ, host, guest);
	is_packet(&pkt,
		  "d2029649 01000000 02000000 01000000 20000000 00000000 01060000 983a0000 "
		  "00040000 00000000 00000000 00000000 00000000 00000000",
		  "TV-09: READ");
	pkt = routed(VMSOCK_PACKET_SHUTDOWN, guest, host);
	pkt.u.mode = VMSOCK_SHUTDOWN_SEND;
	is_packet(&pkt,
		  "02000000 01000000 d2029649 01000000 20000000 00000000 01080000 00040000 "
		  "983a0000 00000000 02000000 00000000 00000000 00000000",
		  "TV-10: SHUTDOWN(send)");
	pkt = routed(VMSOCK_PACKET_WAITING_READ, guest, host);
	pkt.u.wait = (struct vmsock_wait_info){ .generation = 1, .offset = 64 };
	is_packet(&pkt,
		  "02000000 01000000 d2029649 01000000 20000000 00000000 010a0000 00040000 "
		  "983a0000 00000000 01000000 00000000 40000000 00000000",
		  "TV-15: WAITING_READ");
	pkt = routed(VMSOCK_PACKET_WAITING_WRITE, guest, host);
	pkt.u.wait = (struct vmsock_wait_info){ .generation = UINT64_MAX, .offset = 102 };
	is_packet(&pkt,
		  "02000000 01000000 d2029649 01000000 20000000 00000000 01090000 00040000 "
		  "983a0000 00000000 ffffffff ffffffff 66000000 00000000",
		  "TV-16: WAITING_WRITE");
}

static void test_refusals(void)
{
	struct vmsock_packet request = routed(VMSOCK_PACKET_REQUEST2, guest, host);
	struct vmsock_packet pkt;

	vmsock_packet_reply(&pkt, VMSOCK_PACKET_RST, &request);
	pkt.dg.src.context = VMCI_HOST_CONTEXT_ID;
	is_packet(&pkt,
		  "d2029649 01000000 02000000 01000000 20000000 00000000 01070000 983a0000 "
		  "00040000 00000000 00000000 00000000 00000000 00000000",
		  "TV-11: RST");
	vmsock_packet_reply(&pkt, VMSOCK_PACKET_INVALID, &request);
	pkt.dg.src.context = VMCI_HOST_CONTEXT_ID;
	is_packet(&pkt,
		  "d2029649 01000000 02000000 01000000 20000000 00000000 01000000 983a0000 "
		  "00040000 00000000 00000000 00000000 00000000 00000000",
		  "TV-12: INVALID");
}

static void test_first_generation(void)
{
	struct vmsock_packet pkt = routed(VMSOCK_PACKET_REQUEST, guest, host);

	pkt.u.size = 65536;
	is_packet(&pkt,
		  "02000000 01000000 d2029649 01000000 20000000 00000000 01010000 00040000 "
		  "983a0000 00000000 00000100 00000000 00000000 00000000",
		  "TV-13: REQUEST");
	pkt = routed(VMSOCK_PACKET_NEGOTIATE, host, guest);
	pkt.u.size = 65536;
	is_packet(&pkt,
		  "d2029649 01000000 02000000 01000000 20000000 00000000 01020000 983a0000 "
		  "00040000 00000000 00000100 00000000 00000000 00000000",
		  "TV-14: NEGOTIATE");
}

static void test_hypervisor(void)
{
	struct vmsock_packet pkt = routed(VMSOCK_PACKET_REQUEST2, guest_rpc, hypervisor);
	struct vmsock_packet reply;

	pkt.proto = VMSOCK_PROTO_SUPPORTED;
	pkt.u.size = VMSOCK_DEFAULT_BUFFER_SIZE;
	is_packet(&pkt,
		  "00000000 0f000000 d2029649 01000000 20000000 00000000 010b0100 ff030000 "
		  "d0030000 00000000 00000400 00000000 00000000 00000000",
		  "TV-17: REQUEST2 to the hypervisor");
	reply = routed(VMSOCK_PACKET_NEGOTIATE2, hypervisor, guest_rpc);
	reply.proto = VMSOCK_PROTO_QUEUE_STATE;
	reply.u.size = VMSOCK_DEFAULT_BUFFER_SIZE;
	is_packet(&reply,
		  "d2029649 01000000 00000000 0f000000 20000000 00000000 010c0100 d0030000 "
		  "ff030000 00000000 00000400 00000000 00000000 00000000",
		  "TV-18: NEGOTIATE2 of the hypervisor");
	vmsock_packet_reply(&reply, VMSOCK_PACKET_RST, &pkt);
	is_u64(reply.dg.src.resource, VMCI_SOCKET_HYPERVISOR_RID,
	       "vsock.md 5.1: the hypervisor's answer comes from resource 15");
}

static void test_addresses(void)
{
	struct vmsock_packet pkt = routed(VMSOCK_PACKET_WROTE, guest, host);
	struct vmsock_addr src = vmsock_packet_src(&pkt), dst = vmsock_packet_dst(&pkt);

	is_u64(src.cid, guest.cid, "source context");
	is_u64(src.port, guest.port, "source port");
	is_u64(dst.cid, host.cid, "destination context");
	is_u64(dst.port, host.port, "destination port");
}

/* Received datagrams: a good REQUEST2 with one thing changed */
struct received {
	const char *name;
	size_t offset, width;		/* what is changed, nothing if width is 0 */
	uint64_t value;
	uint64_t total;
	enum vmsock_verdict verdict;
};

#define OK	VMSOCK_PACKET_OK
#define DROP	VMSOCK_PACKET_DROP
#define REFUSE	VMSOCK_PACKET_REFUSE
#define UNKNOWN	VMSOCK_PACKET_UNKNOWN
#define FIELD(field) offsetof(struct vmsock_packet, field), \
	sizeof(((struct vmsock_packet *)NULL)->field)

static const struct received received[] = {
	{ "5.4 1: source resource 1", FIELD(dg.src.resource), 1, 56, OK },
	{ "5.4 1: source resource 0", FIELD(dg.src.resource), 0, 56, DROP },
	{ "5.4 1: source resource 15 of a guest", FIELD(dg.src.resource), 15, 56, DROP },
	{ "5.4 1: source resource 1 of the hypervisor", FIELD(dg.src.context), 0, 56, DROP },
	{ "5.4 1: source resource all ones", FIELD(dg.src.resource), 0xffffffff, 56, DROP },
	{ "5.4 2: 55 bytes", 0, 0, 0, 55, DROP },
	{ "5.4 2: header only", 0, 0, 0, 24, DROP },
	{ "5.4 2: nothing", 0, 0, 0, 0, DROP },
	{ "5.4 2: 57 bytes, excess ignored", 0, 0, 0, 57, OK },
	{ "5.4 2: largest datagram", 0, 0, 0, VMCI_MAX_DG_SIZE, OK },
	{ "5.4 2: total beyond 32 bits", 0, 0, 0, (UINT64_C(1) << 32) + 56, OK },
	{ "5.2: payload size says 31", FIELD(dg.payload_size), 31, 56, DROP },
	{ "5.2: payload size says 0", FIELD(dg.payload_size), 0, 56, DROP },
	{ "5.2: payload size says more", FIELD(dg.payload_size), 33, 57, OK },
	{ "5.2: payload size lies, 2^32", FIELD(dg.payload_size), UINT64_C(1) << 32, 56, OK },
	{ "5.2: payload size lies, total short", FIELD(dg.payload_size), UINT64_MAX, 55, DROP },
	{ "5.2: version 0", FIELD(version), 0, 56, REFUSE },
	{ "5.2: version 2", FIELD(version), 2, 56, REFUSE },
	{ "5.2: source port all ones", FIELD(src_port), 0xffffffff, 56, DROP },
	{ "5.2: destination port all ones", FIELD(dst_port), 0xffffffff, 56, DROP },
	{ "5.2: reserved not checked", FIELD(reserved), 0xffffffff, 56, OK },
	{ "5.2: proto not checked", FIELD(proto), 0xffff, 56, OK },
	{ "5.4 4: last known type", FIELD(type), 12, 56, OK },
	{ "5.4 4: type 13", FIELD(type), 13, 56, UNKNOWN },
	{ "5.4 4: type 255", FIELD(type), 255, 56, UNKNOWN },
	{ "5.4 6: source context 1", FIELD(dg.src.context), 1, 56, DROP },
	{ "destination resource is routing's matter", FIELD(dg.dst.resource), 7, 56, OK },
};

static enum vmsock_verdict check(struct vmsock_packet *pkt, uint64_t total)
{
	/* A heap copy of the bytes that are there, so that reading more is seen */
	size_t size = total < sizeof(*pkt) ? (size_t)total : sizeof(*pkt);
	void *bytes = malloc(size ? size : 1);
	enum vmsock_verdict verdict;

	memcpy(bytes, pkt, size);
	verdict = vmsock_packet_check(bytes, total);
	free(bytes);
	return verdict;
}

static void test_received(void)
{
	for (size_t i = 0; i < sizeof(received) / sizeof(received[0]); i++) {
		const struct received *r = &received[i];
		struct vmsock_packet pkt;

		vmsock_packet_init(&pkt, VMSOCK_PACKET_REQUEST2, guest, host);
		pkt.dg.src.context = GUEST;
		memcpy((uint8_t *)&pkt + r->offset, &r->value, r->width);
		is_u64(check(&pkt, r->total), r->verdict, "vsock.md %s", r->name);
	}
}

static void test_received_rst(void)
{
	struct vmsock_packet pkt;

	vmsock_packet_init(&pkt, VMSOCK_PACKET_RST, guest, host);
	pkt.dg.src.context = GUEST;
	is_u64(check(&pkt, 56), VMSOCK_PACKET_OK, "RST goes to its socket");
	pkt.version = 2;
	is_u64(check(&pkt, 56), VMSOCK_PACKET_DROP,
	       "vsock.md 5.11: RST of another version is not answered");
	vmsock_packet_init(&pkt, VMSOCK_PACKET_NEGOTIATE2, hypervisor, guest);
	pkt.dg.src.context = VMCI_HYPERVISOR_CONTEXT_ID;
	is_u64(check(&pkt, 56), VMSOCK_PACKET_OK, "vsock.md 5.4 1: hypervisor, resource 15");
}

static void test_names(void)
{
	static const char *const names[] = {
		"INVALID", "REQUEST", "NEGOTIATE", "OFFER", "ATTACH", "WROTE", "READ", "RST",
		"SHUTDOWN", "WAITING_WRITE", "WAITING_READ", "REQUEST2", "NEGOTIATE2", "?",
	};

	for (uint8_t type = 0; type < sizeof(names) / sizeof(names[0]); type++)
		is_str(vmsock_packet_type_name(type), names[type], "vsock.md 5.3: type %u", type);
	is_str(vmsock_packet_type_name(255), "?", "vsock.md 5.3: type 255");
}

static void test_handles(void)
{
	struct vmci_handle none = { VMCI_INVALID_ID, VMCI_INVALID_ID };
	struct vmci_handle half = { VMCI_INVALID_ID, 1025 };
	struct vmci_handle other_half = { GUEST, VMCI_INVALID_ID };

	ok(vmci_handle_equal(queue_pair, queue_pair), "equal handles");
	ok(!vmci_handle_equal(queue_pair, half), "other context");
	ok(!vmci_handle_equal(queue_pair, other_half), "other resource");
	ok(!vmci_handle_valid(none), "vsock.md 5.2: all ones is no handle");
	ok(vmci_handle_valid(half) && vmci_handle_valid(other_half) &&
		   vmci_handle_valid(queue_pair),
	   "all others are");
}

int main(void)
{
	test_set_up();
	test_data();
	test_refusals();
	test_first_generation();
	test_hypervisor();
	test_addresses();
	test_received();
	test_received_rst();
	test_names();
	test_handles();
	return done_testing();
}
