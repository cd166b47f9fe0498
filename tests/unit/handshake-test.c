// SPDX-License-Identifier: GPL-2.0-or-later
/* handshake-test.c - the state machine against vsock.md 5.4 to 5.12, row by row
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A row of the test names the row of the table, the situation (reached by real
 * calls), what happens, and what must come of it.  Whatever is sent is checked
 * to be a packet that a strict receiver takes.
 */
#include <common/address.h>
#include <common/handshake.h>

#include "tap.h"

#define CLIENT_CID	UINT32_C(1234567890)
#define SERVER_CID	VMCI_HOST_CONTEXT_ID
#define SIZE		VMSOCK_DEFAULT_BUFFER_SIZE
#define NO_PACKET	(-1)

static const struct vmsock_addr client = { CLIENT_CID, 1024 };
static const struct vmsock_addr server = { SERVER_CID, 15000 };
static const struct vmsock_limits limits = { SIZE, VMSOCK_DEFAULT_BUFFER_MIN,
					     VMSOCK_DEFAULT_BUFFER_MAX };
static const struct vmci_handle queue_pair = { CLIENT_CID, 1025 };
static const struct vmci_handle other_pair = { CLIENT_CID, 1026 };
static const struct vmci_handle no_handle = { VMCI_INVALID_ID, VMCI_INVALID_ID };

/* A packet as received: source context filled in */
static struct vmsock_packet from(struct vmsock_addr src, struct vmsock_addr dst, uint8_t type)
{
	struct vmsock_packet pkt;

	vmsock_packet_init(&pkt, type, src, dst);
	pkt.dg.src.context = src.cid;
	return pkt;
}

static struct vmsock_packet sized(struct vmsock_packet pkt, uint16_t proto, uint64_t size)
{
	pkt.proto = proto;
	pkt.u.size = size;
	return pkt;
}

static struct vmsock_packet handled(struct vmsock_packet pkt, struct vmci_handle handle)
{
	pkt.u.handle = handle;
	return pkt;
}

/*
 * Situations
 */

enum situation {
	IDLE,		/* C0 */
	C1,		/* REQUEST2 sent: F = 1, G = 0 */
	C1_OLD,		/* REQUEST sent from the start: F = 0, G = 0 */
	C1_FELL_BACK,	/* REQUEST sent after INVALID: F = 0, G = 1 */
	C1_RST_IGNORED,	/* and the RST behind it came: F = 0, G = 0 */
	C1_CREATING,	/* NEGOTIATE2 came, queue pair in the making */
	C2,
	C2_PACKET,	/* packet style */
	C3,		/* client, queue-state style */
	C3_PACKET,	/* client, packet style */
	C3_SERVER,
	C3_ENDED,	/* reset by the peer, data left to read */
	C4,
	C5,		/* failed */
	C5_ENDED,	/* was established, peer detached */
	P,
	P_ATTACHING,	/* OFFER came, attaching the queue pair */
	SITUATIONS
};

static struct vmsock_step receive(struct vmsock_handshake *hs, struct vmsock_packet pkt,
				  bool readable)
{
	return vmsock_handshake_packet(hs, &pkt, readable);
}

static void client_until(struct vmsock_handshake *hs, enum situation s)
{
	struct vmsock_packet negotiate2 =
		sized(from(server, client, VMSOCK_PACKET_NEGOTIATE2), 1, SIZE);
	struct vmsock_packet attach =
		handled(from(server, client, VMSOCK_PACKET_ATTACH), queue_pair);
	struct vmsock_packet rst = from(server, client, VMSOCK_PACKET_RST);

	vmsock_handshake_connect(hs, server, limits, false);
	if (s == C1)
		return;
	if (s == C5) {
		receive(hs, rst, false);
		return;
	}
	receive(hs, negotiate2, false);
	if (s == C1_CREATING)
		return;
	vmsock_handshake_qp_created(hs, queue_pair);
	if (s == C2)
		return;
	receive(hs, attach, false);
	if (s == C3_ENDED || s == C4)
		receive(hs, rst, s == C3_ENDED);
	if (s == C5_ENDED)
		vmsock_handshake_detached(hs, false);
}

static void old_client_until(struct vmsock_handshake *hs, enum situation s)
{
	struct vmsock_packet negotiate =
		sized(from(server, client, VMSOCK_PACKET_NEGOTIATE), 0, SIZE);
	struct vmsock_packet attach =
		handled(from(server, client, VMSOCK_PACKET_ATTACH), queue_pair);

	vmsock_handshake_connect(hs, server, limits, s == C1_OLD);
	if (s == C1_OLD)
		return;
	receive(hs, from(server, client, VMSOCK_PACKET_INVALID), false);
	if (s == C1_RST_IGNORED)
		receive(hs, from(server, client, VMSOCK_PACKET_RST), false);
	if (s == C1_FELL_BACK || s == C1_RST_IGNORED)
		return;
	receive(hs, negotiate, false);
	vmsock_handshake_qp_created(hs, queue_pair);
	if (s == C3_PACKET)
		receive(hs, attach, false);
}

static void server_until(struct vmsock_handshake *hs, enum situation s)
{
	struct vmsock_packet request =
		sized(from(client, server, VMSOCK_PACKET_REQUEST2), 1, SIZE);

	vmsock_handshake_listen(hs, limits, &request, true);
	if (s == P)
		return;
	receive(hs, handled(from(client, server, VMSOCK_PACKET_OFFER), queue_pair), false);
	if (s == C3_SERVER)
		vmsock_handshake_qp_attached(hs);
}

static bool is_server(enum situation s)
{
	return s == P || s == P_ATTACHING || s == C3_SERVER;
}

static struct vmsock_handshake reach(enum situation s)
{
	struct vmsock_handshake hs;

	memset(&hs, 0xa5, sizeof(hs));
	vmsock_handshake_init(&hs, is_server(s) ? server : client);
	switch (s) {
	case IDLE:
		break;
	case C1_OLD:
	case C1_FELL_BACK:
	case C1_RST_IGNORED:
	case C2_PACKET:
	case C3_PACKET:
		old_client_until(&hs, s);
		break;
	case P:
	case P_ATTACHING:
	case C3_SERVER:
		server_until(&hs, s);
		break;
	default:
		client_until(&hs, s);
	}
	return hs;
}

static const struct {
	const char *name;
	enum vmsock_state state;
	bool fallback, ignore_rst;
} situations[SITUATIONS] = {
	[IDLE] = { "C0", VMSOCK_IDLE, false, false },
	[C1] = { "C1", VMSOCK_REQUESTED, true, false },
	[C1_OLD] = { "C1, old protocol", VMSOCK_REQUESTED, false, false },
	[C1_FELL_BACK] = { "C1, fallen back", VMSOCK_REQUESTED, false, true },
	[C1_RST_IGNORED] = { "C1, RST ignored", VMSOCK_REQUESTED, false, false },
	[C1_CREATING] = { "C1, creating", VMSOCK_REQUESTED, false, false },
	[C2] = { "C2", VMSOCK_OFFERED, false, false },
	[C2_PACKET] = { "C2, packet style", VMSOCK_OFFERED, false, false },
	[C3] = { "C3", VMSOCK_ESTABLISHED, false, false },
	[C3_PACKET] = { "C3, packet style", VMSOCK_ESTABLISHED, false, false },
	[C3_SERVER] = { "C3, server", VMSOCK_ESTABLISHED, false, false },
	[C3_ENDED] = { "C3, ended", VMSOCK_ESTABLISHED, false, false },
	[C4] = { "C4", VMSOCK_CLOSING, false, false },
	[C5] = { "C5", VMSOCK_CLOSED, true, false },
	[C5_ENDED] = { "C5, ended", VMSOCK_CLOSED, false, false },
	[P] = { "P", VMSOCK_PENDING, false, false },
	[P_ATTACHING] = { "P, attaching", VMSOCK_PENDING, false, false },
};

static void test_situations(void)
{
	for (enum situation s = 0; s < SITUATIONS; s++) {
		struct vmsock_handshake hs = reach(s);

		is_u64(hs.state, situations[s].state, "situation %s: state", situations[s].name);
		ok(hs.fallback == situations[s].fallback &&
			   hs.ignore_rst == situations[s].ignore_rst,
		   "situation %s: flags F and G", situations[s].name);
	}
}

/*
 * What is sent
 */

static bool u_is_zero(const struct vmsock_packet *pkt, size_t used)
{
	static const uint8_t zero[16];

	return memcmp((const uint8_t *)&pkt->u + used, zero, sizeof(zero) - used) == 0;
}

/* The rules for senders in vsock.md 5.2 */
static bool conforms(const struct vmsock_packet *pkt)
{
	struct vmsock_packet routed = *pkt;
	bool second = pkt->type == VMSOCK_PACKET_REQUEST2 || pkt->type == VMSOCK_PACKET_NEGOTIATE2;

	routed.dg.src.context = SERVER_CID;
	if (vmsock_packet_check(&routed.dg, sizeof(routed)) != VMSOCK_PACKET_OK ||
	    pkt->dg.payload_size != 32 || pkt->reserved)
		return false;
	if (second ? pkt->proto != VMSOCK_PROTO_QUEUE_STATE : pkt->proto != 0)
		return false;
	switch (pkt->type) {
	case VMSOCK_PACKET_REQUEST:
	case VMSOCK_PACKET_REQUEST2:
	case VMSOCK_PACKET_NEGOTIATE:
	case VMSOCK_PACKET_NEGOTIATE2:
		return pkt->u.size && u_is_zero(pkt, 8);
	case VMSOCK_PACKET_OFFER:
	case VMSOCK_PACKET_ATTACH:
		return vmci_handle_valid(pkt->u.handle) && u_is_zero(pkt, 8);
	case VMSOCK_PACKET_SHUTDOWN:
		return pkt->u.mode && u_is_zero(pkt, 8);
	default:
		return u_is_zero(pkt, 0);
	}
}

static bool addressed(const struct vmsock_packet *pkt, struct vmsock_addr src,
		      struct vmsock_addr dst)
{
	return pkt->src_port == src.port && vmsock_addr_equal(vmsock_packet_dst(pkt), dst);
}

/*
 * Rows: a packet of the peer
 */

struct row {
	const char *name;
	enum situation situation;
	uint8_t type;
	uint16_t proto;
	uint64_t size;			/* first 8 bytes of u */
	bool readable;
	enum vmsock_action action;
	enum vmsock_failure error;
	int sent;			/* type, or NO_PACKET */
	enum vmsock_state state;
};

#define INVALID		VMSOCK_PACKET_INVALID
#define REQUEST		VMSOCK_PACKET_REQUEST
#define NEGOTIATE	VMSOCK_PACKET_NEGOTIATE
#define OFFER		VMSOCK_PACKET_OFFER
#define ATTACH		VMSOCK_PACKET_ATTACH
#define WROTE		VMSOCK_PACKET_WROTE
#define READ		VMSOCK_PACKET_READ
#define RST		VMSOCK_PACKET_RST
#define SHUTDOWN	VMSOCK_PACKET_SHUTDOWN
#define WAITING_WRITE	VMSOCK_PACKET_WAITING_WRITE
#define WAITING_READ	VMSOCK_PACKET_WAITING_READ
#define REQUEST2	VMSOCK_PACKET_REQUEST2
#define NEGOTIATE2	VMSOCK_PACKET_NEGOTIATE2

#define HANDLE(cid, rid)	((uint64_t)(rid) << 32 | (cid))
#define GOOD_HANDLE		HANDLE(CLIENT_CID, 1025)
#define WRONG_HANDLE		HANDLE(CLIENT_CID, 1026)
#define ALL_ONES		UINT64_MAX

/* Ends of a row: action, error, packet sent, state afterwards */
#define FAILS(error, sent) VMSOCK_ACT_FAILED, VMSOCK_FAIL_##error, sent, VMSOCK_CLOSED
#define STAYS(state) VMSOCK_ACT_NONE, VMSOCK_FAIL_NONE, NO_PACKET, VMSOCK_##state
#define ANSWERS(sent, state) VMSOCK_ACT_NONE, VMSOCK_FAIL_NONE, sent, VMSOCK_##state
#define ACTS(action, state) VMSOCK_ACT_##action, VMSOCK_FAIL_NONE, NO_PACKET, VMSOCK_##state

static const struct row rows[] = {
	/* 5.5, in the order of the table */
	{ "5.5 C1 NEGOTIATE2 size 0", C1, NEGOTIATE2, 1, 0, false, FAILS(PROTOCOL, RST) },
	{ "5.5 C1 NEGOTIATE size 0", C1, NEGOTIATE, 0, 0, false, FAILS(PROTOCOL, RST) },
	{ "5.5 C1 NEGOTIATE2 below minimum", C1, NEGOTIATE2, 1, 127, false, FAILS(INVALID, RST) },
	{ "5.5 C1 NEGOTIATE2 above maximum", C1, NEGOTIATE2, 1, SIZE + 1, false,
	  FAILS(INVALID, RST) },
	{ "5.5 C1 NEGOTIATE below minimum", C1, NEGOTIATE, 0, 1, false, FAILS(INVALID, RST) },
	{ "5.5 C1 NEGOTIATE above maximum", C1, NEGOTIATE, 0, UINT64_MAX, false,
	  FAILS(INVALID, RST) },
	{ "11.2 C1 NEGOTIATE2 size is not cut to 32 bits", C1, NEGOTIATE2, 1,
	  (UINT64_C(1) << 32) + SIZE, false, FAILS(INVALID, RST) },
	{ "5.5 C1 NEGOTIATE2 proto 0", C1, NEGOTIATE2, 0, SIZE, false, FAILS(INVALID, RST) },
	{ "5.5 C1 NEGOTIATE2 proto 2", C1, NEGOTIATE2, 2, SIZE, false, FAILS(INVALID, RST) },
	{ "5.5 C1 NEGOTIATE2 proto 3", C1, NEGOTIATE2, 3, SIZE, false, FAILS(INVALID, RST) },
	{ "5.5 C1 NEGOTIATE2 proto 0xffff", C1, NEGOTIATE2, 0xffff, SIZE, false,
	  FAILS(INVALID, RST) },
	{ "5.5 C1 NEGOTIATE2 good", C1, NEGOTIATE2, 1, SIZE, false, ACTS(CREATE_QP, REQUESTED) },
	{ "5.5 C1 NEGOTIATE2 at the minimum", C1, NEGOTIATE2, 1, 128, false,
	  ACTS(CREATE_QP, REQUESTED) },
	{ "5.5 C1 NEGOTIATE good, packet style", C1, NEGOTIATE, 0, SIZE, false,
	  ACTS(CREATE_QP, REQUESTED) },
	{ "5.2 C1 NEGOTIATE, proto not looked at", C1, NEGOTIATE, 0xffff, SIZE, false,
	  ACTS(CREATE_QP, REQUESTED) },
	{ "5.5 C1 after REQUEST, NEGOTIATE good", C1_OLD, NEGOTIATE, 0, SIZE, false,
	  ACTS(CREATE_QP, REQUESTED) },
	{ "5.5 C1 after REQUEST, NEGOTIATE2 good", C1_OLD, NEGOTIATE2, 1, SIZE, false,
	  ACTS(CREATE_QP, REQUESTED) },
	{ "5.5 C1 fallen back, NEGOTIATE good", C1_FELL_BACK, NEGOTIATE, 0, SIZE, false,
	  ACTS(CREATE_QP, REQUESTED) },
	{ "5.5 C1 RST ignored, NEGOTIATE good", C1_RST_IGNORED, NEGOTIATE, 0, SIZE, false,
	  ACTS(CREATE_QP, REQUESTED) },
	{ "5.5 C1 creating, NEGOTIATE2 again", C1_CREATING, NEGOTIATE2, 1, SIZE, false,
	  FAILS(PROTOCOL, RST) },
	{ "5.5 C2 NEGOTIATE", C2, NEGOTIATE, 0, SIZE, false, FAILS(PROTOCOL, RST) },
	{ "5.5 C2 NEGOTIATE2", C2, NEGOTIATE2, 1, SIZE, false, FAILS(PROTOCOL, RST) },
	{ "5.5 C1 ATTACH, no queue pair", C1, ATTACH, 0, GOOD_HANDLE, false,
	  FAILS(PROTOCOL, RST) },
	{ "5.5 C1 ATTACH all ones, no queue pair", C1, ATTACH, 0, ALL_ONES, false,
	  FAILS(PROTOCOL, RST) },
	{ "5.5 C1 creating, ATTACH", C1_CREATING, ATTACH, 0, GOOD_HANDLE, false,
	  FAILS(PROTOCOL, RST) },
	{ "5.5 C2 ATTACH invalid handle", C2, ATTACH, 0, ALL_ONES, false, FAILS(PROTOCOL, RST) },
	{ "5.5 C2 ATTACH different handle", C2, ATTACH, 0, WRONG_HANDLE, false,
	  FAILS(PROTOCOL, RST) },
	{ "5.5 C2 ATTACH equal handle", C2, ATTACH, 0, GOOD_HANDLE, false,
	  ACTS(ESTABLISHED, ESTABLISHED) },
	{ "5.5 C2 packet style, ATTACH", C2_PACKET, ATTACH, 0, GOOD_HANDLE, false,
	  ACTS(ESTABLISHED, ESTABLISHED) },
	{ "5.5 C1 INVALID, F = 1", C1, INVALID, 0, 0, false, ANSWERS(REQUEST, REQUESTED) },
	{ "5.5 C1 INVALID, F = 0", C1_FELL_BACK, INVALID, 0, 0, false, STAYS(REQUESTED) },
	{ "5.5 C1 INVALID, F = 0 from the start", C1_OLD, INVALID, 0, 0, false,
	  STAYS(REQUESTED) },
	{ "5.5 C1 creating, INVALID", C1_CREATING, INVALID, 0, 0, false, STAYS(REQUESTED) },
	{ "5.5 C2 INVALID", C2, INVALID, 0, 0, false, STAYS(OFFERED) },
	{ "5.5 C1 RST, G = 1", C1_FELL_BACK, RST, 0, 0, false, STAYS(REQUESTED) },
	{ "5.5 C1 RST, G = 0", C1, RST, 0, 0, false, FAILS(RESET, NO_PACKET) },
	{ "5.5 C1 RST, G = 0 again", C1_RST_IGNORED, RST, 0, 0, false, FAILS(RESET, NO_PACKET) },
	{ "5.5 C1 creating, RST", C1_CREATING, RST, 0, 0, false, FAILS(RESET, NO_PACKET) },
	{ "5.5 C2 RST", C2, RST, 0, 0, false, FAILS(RESET, NO_PACKET) },
	{ "5.5 C2 after fallback, RST: G was cleared", C2_PACKET, RST, 0, 0, false,
	  FAILS(RESET, NO_PACKET) },
	{ "5.5 C1 REQUEST: simultaneous connect", C1, REQUEST, 0, SIZE, false,
	  FAILS(PROTOCOL, RST) },
	{ "5.5 C1 REQUEST2: simultaneous connect", C1, REQUEST2, 1, SIZE, false,
	  FAILS(PROTOCOL, RST) },
	{ "5.5 C1 OFFER", C1, OFFER, 0, GOOD_HANDLE, false, FAILS(PROTOCOL, RST) },
	{ "5.5 C1 WROTE of an earlier connection", C1, WROTE, 0, 0, false, STAYS(REQUESTED) },
	{ "5.5 C1 READ of an earlier connection", C1, READ, 0, 0, false, STAYS(REQUESTED) },
	{ "5.5 C1 SHUTDOWN of an earlier connection", C1, SHUTDOWN, 0, 3, false, STAYS(REQUESTED) },
	{ "5.5 C1 WAITING_READ of an earlier connection", C1, WAITING_READ, 0, 0, false,
	  STAYS(REQUESTED) },
	{ "5.5 C1 WAITING_WRITE of an earlier connection", C1, WAITING_WRITE, 0, 0, false,
	  STAYS(REQUESTED) },
	{ "5.5 C2 REQUEST", C2, REQUEST, 0, SIZE, false, FAILS(PROTOCOL, RST) },
	{ "5.5 C2 REQUEST2", C2, REQUEST2, 1, SIZE, false, FAILS(PROTOCOL, RST) },
	{ "5.5 C2 OFFER", C2, OFFER, 0, GOOD_HANDLE, false, FAILS(PROTOCOL, RST) },
	{ "5.5 C2 WROTE", C2, WROTE, 0, 0, true, FAILS(PROTOCOL, RST) },
	{ "5.5 C2 READ", C2, READ, 0, 0, false, FAILS(PROTOCOL, RST) },
	{ "5.5 C2 SHUTDOWN", C2, SHUTDOWN, 0, 3, false, FAILS(PROTOCOL, RST) },
	{ "5.5 C2 WAITING_READ", C2_PACKET, WAITING_READ, 0, 0, false, FAILS(PROTOCOL, RST) },
	{ "5.5 C2 WAITING_WRITE", C2_PACKET, WAITING_WRITE, 0, 0, false, FAILS(PROTOCOL, RST) },
	{ "5.5 C5 ATTACH", C5, ATTACH, 0, GOOD_HANDLE, false, ANSWERS(RST, CLOSED) },
	{ "5.5 C5 NEGOTIATE2", C5, NEGOTIATE2, 1, SIZE, false, ANSWERS(RST, CLOSED) },
	{ "5.5 C5 RST", C5, RST, 0, 0, false, STAYS(CLOSED) },
	/* 5.6, a pending child */
	{ "5.6 P OFFER invalid handle", P, OFFER, 0, ALL_ONES, false, FAILS(PROTOCOL, RST) },
	{ "5.6 P OFFER", P, OFFER, 0, GOOD_HANDLE, false, ACTS(ATTACH_QP, PENDING) },
	{ "5.6 P RST", P, RST, 0, 0, false, FAILS(RESET, NO_PACKET) },
	{ "5.6 P REQUEST again", P, REQUEST, 0, SIZE, false, FAILS(PROTOCOL, RST) },
	{ "5.6 P REQUEST2 again", P, REQUEST2, 1, SIZE, false, FAILS(PROTOCOL, RST) },
	{ "5.6 P INVALID", P, INVALID, 0, 0, false, FAILS(PROTOCOL, RST) },
	{ "5.6 P NEGOTIATE", P, NEGOTIATE, 0, SIZE, false, FAILS(PROTOCOL, RST) },
	{ "5.6 P NEGOTIATE2", P, NEGOTIATE2, 1, SIZE, false, FAILS(PROTOCOL, RST) },
	{ "5.6 P ATTACH", P, ATTACH, 0, GOOD_HANDLE, false, FAILS(PROTOCOL, RST) },
	{ "5.6 P WROTE", P, WROTE, 0, 0, false, FAILS(PROTOCOL, RST) },
	{ "5.6 P READ", P, READ, 0, 0, false, FAILS(PROTOCOL, RST) },
	{ "4.8 P SHUTDOWN of a client still connecting", P, SHUTDOWN, 0, 3, false,
	  FAILS(PROTOCOL, RST) },
	{ "5.6 P WAITING_READ", P, WAITING_READ, 0, 0, false, FAILS(PROTOCOL, RST) },
	{ "5.6 P WAITING_WRITE", P, WAITING_WRITE, 0, 0, false, FAILS(PROTOCOL, RST) },
	{ "5.6 P attaching, OFFER again", P_ATTACHING, OFFER, 0, GOOD_HANDLE, false,
	  FAILS(PROTOCOL, RST) },
	{ "5.6 P attaching, RST", P_ATTACHING, RST, 0, 0, false, FAILS(RESET, NO_PACKET) },
	/* 5.7 */
	{ "5.7 C3 SHUTDOWN 1", C3, SHUTDOWN, 0, 1, false, ACTS(WAKE, ESTABLISHED) },
	{ "5.7 C3 SHUTDOWN 2", C3, SHUTDOWN, 0, 2, false, ACTS(WAKE, ESTABLISHED) },
	{ "5.7 C3 SHUTDOWN 3", C3_SERVER, SHUTDOWN, 0, 3, false, ACTS(WAKE, ESTABLISHED) },
	{ "5.7 C3 SHUTDOWN 0", C3, SHUTDOWN, 0, 0, false, STAYS(ESTABLISHED) },
	{ "5.7 C3 SHUTDOWN without a known bit", C3, SHUTDOWN, 0, UINT64_MAX - 3, false,
	  STAYS(ESTABLISHED) },
	{ "5.7 C3 RST, data left", C3, RST, 0, 0, true, ACTS(WAKE, ESTABLISHED) },
	{ "5.7 C3 RST, nothing left", C3, RST, 0, 0, false, ACTS(WAKE, CLOSING) },
	{ "5.7 C3 server, RST", C3_SERVER, RST, 0, 0, false, ACTS(WAKE, CLOSING) },
	{ "5.7 C3 ended, RST again after reading", C3_ENDED, RST, 0, 0, false,
	  ACTS(WAKE, CLOSING) },
	{ "5.7 C3 WROTE", C3, WROTE, 0, 0, true, ACTS(NOTIFY, ESTABLISHED) },
	{ "5.7 C3 READ", C3, READ, 0, 0, false, ACTS(NOTIFY, ESTABLISHED) },
	{ "5.7 C3 packet style, WAITING_READ", C3_PACKET, WAITING_READ, 0, 1, false,
	  ACTS(NOTIFY, ESTABLISHED) },
	{ "5.7 C3 packet style, WAITING_WRITE", C3_PACKET, WAITING_WRITE, 0, 1, false,
	  ACTS(NOTIFY, ESTABLISHED) },
	{ "5.7 C3 packet style, WROTE", C3_PACKET, WROTE, 0, 0, true, ACTS(NOTIFY, ESTABLISHED) },
	{ "5.7 C3 WAITING_READ", C3, WAITING_READ, 0, 1, false, STAYS(ESTABLISHED) },
	{ "5.7 C3 WAITING_WRITE", C3_SERVER, WAITING_WRITE, 0, 1, false, STAYS(ESTABLISHED) },
	{ "5.7 C3 INVALID", C3, INVALID, 0, 0, false, STAYS(ESTABLISHED) },
	{ "5.7 C3 REQUEST", C3, REQUEST, 0, SIZE, false, STAYS(ESTABLISHED) },
	{ "5.7 C3 REQUEST2", C3_SERVER, REQUEST2, 1, SIZE, false, STAYS(ESTABLISHED) },
	{ "5.7 C3 NEGOTIATE", C3, NEGOTIATE, 0, SIZE, false, STAYS(ESTABLISHED) },
	{ "5.7 C3 NEGOTIATE2", C3, NEGOTIATE2, 1, SIZE, false, STAYS(ESTABLISHED) },
	{ "5.7 C3 OFFER", C3_SERVER, OFFER, 0, GOOD_HANDLE, false, STAYS(ESTABLISHED) },
	{ "5.7 C3 ATTACH", C3, ATTACH, 0, GOOD_HANDLE, false, STAYS(ESTABLISHED) },
	{ "5.7 C4 RST", C4, RST, 0, 0, false, STAYS(CLOSING) },
	{ "5.7 C4 WROTE", C4, WROTE, 0, 0, false, ANSWERS(RST, CLOSING) },
	{ "5.7 C4 SHUTDOWN", C4, SHUTDOWN, 0, 3, false, ANSWERS(RST, CLOSING) },
	{ "5.7 C5 WROTE", C5_ENDED, WROTE, 0, 0, false, ANSWERS(RST, CLOSED) },
	{ "5.7 C5 RST", C5_ENDED, RST, 0, 0, false, STAYS(CLOSED) },
	/* 5.11 */
	{ "5.11 bound but idle", IDLE, REQUEST2, 1, SIZE, false, ANSWERS(RST, IDLE) },
	{ "5.11 bound but idle, RST", IDLE, RST, 0, 0, false, STAYS(IDLE) },
};

static bool step_is(const struct vmsock_step *step, enum vmsock_action action,
		    enum vmsock_failure error, int sent)
{
	return step->action == action && step->error == error && step->send == (sent >= 0) &&
	       (sent < 0 || step->packet.type == sent);
}

static void explain(const struct vmsock_step *step, const struct vmsock_handshake *hs)
{
	diag("got action %d, error %d, %s, state %d", (int)step->action, (int)step->error,
	     step->send ? vmsock_packet_type_name(step->packet.type) : "no packet",
	     (int)hs->state);
}

static void test_rows(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct vmsock_handshake hs = reach(r->situation);
		bool serves = is_server(r->situation);
		struct vmsock_addr self = serves ? server : client;
		struct vmsock_addr peer = serves ? client : server;
		struct vmsock_step step =
			receive(&hs, sized(from(peer, self, r->type), r->proto, r->size),
				r->readable);

		if (!ok(step_is(&step, r->action, r->error, r->sent) && hs.state == r->state,
			"vsock.md %s", r->name))
			explain(&step, &hs);
		if (step.send)
			ok(conforms(&step.packet) && addressed(&step.packet, self, peer),
			   "vsock.md %s: the answer is a good one", r->name);
	}
}

/*
 * Contents
 */

static void test_negotiated(void)
{
	struct vmsock_handshake hs = reach(C1_CREATING);
	struct vmsock_step step;

	is_u64(hs.size, SIZE, "5.5 C1 NEGOTIATE2: size taken over");
	is_u64(hs.proto, VMSOCK_PROTO_QUEUE_STATE, "5.5 C1 NEGOTIATE2: queue-state style");
	step = vmsock_handshake_qp_created(&hs, queue_pair);
	ok(step_is(&step, VMSOCK_ACT_NONE, VMSOCK_FAIL_NONE, OFFER) && hs.state == VMSOCK_OFFERED,
	   "5.5 C1 queue pair created: OFFER");
	ok(conforms(&step.packet) && addressed(&step.packet, client, server) &&
		   vmci_handle_equal(step.packet.u.handle, queue_pair),
	   "5.5 OFFER carries the handle");
	ok(vmci_handle_equal(hs.handle, queue_pair) && hs.size == SIZE,
	   "5.5 R: handle and size recorded before OFFER is sent");
	hs = reach(C2_PACKET);
	is_u64(hs.proto, VMSOCK_PROTO_PACKET, "5.5 C1 NEGOTIATE: packet style");
	hs = reach(C1_FELL_BACK);
	receive(&hs, sized(from(server, client, NEGOTIATE), 0, SIZE), false);
	ok(!hs.fallback && !hs.ignore_rst, "5.5 C1 NEGOTIATE good: F, G := 0");
}

static void test_requests(void)
{
	struct vmsock_limits odd = { 65536, 128, 262144 };
	struct vmsock_handshake hs = reach(IDLE);
	struct vmsock_step step = vmsock_handshake_connect(&hs, server, odd, false);

	ok(step_is(&step, VMSOCK_ACT_NONE, VMSOCK_FAIL_NONE, REQUEST2) &&
		   hs.state == VMSOCK_REQUESTED && hs.fallback && !hs.ignore_rst,
	   "5.5 connect: REQUEST2, F := 1, G := 0");
	ok(conforms(&step.packet) && addressed(&step.packet, client, server) &&
		   step.packet.u.size == 65536 && step.packet.proto == 1,
	   "5.5 connect: buffer size and protocol mask");
	step = receive(&hs, from(server, client, INVALID), false);
	ok(step.packet.u.size == 65536 && step.packet.proto == 0 && !hs.fallback && hs.ignore_rst,
	   "5.5 C1 INVALID: REQUEST with the buffer size, F := 0, G := 1");
	hs = reach(IDLE);
	step = vmsock_handshake_connect(&hs, server, odd, true);
	ok(step_is(&step, VMSOCK_ACT_NONE, VMSOCK_FAIL_NONE, REQUEST) && !hs.fallback &&
		   step.packet.u.size == 65536 && conforms(&step.packet),
	   "5.5 connect, old protocol: REQUEST, F := 0");
}

static void test_small_limits(void)
{
	for (uint64_t size = 0; size < 4; size++) {
		struct vmsock_limits small = { size, 0, SIZE };
		struct vmsock_handshake hs = reach(IDLE);
		struct vmsock_step step = vmsock_handshake_connect(&hs, server, small, false);

		if (size < 2)
			ok(step_is(&step, VMSOCK_ACT_FAILED, VMSOCK_FAIL_INVALID, NO_PACKET) &&
				   hs.state == VMSOCK_CLOSED,
			   "4.13 R: connect with size %d is refused", (int)size);
		else
			ok(step_is(&step, VMSOCK_ACT_NONE, VMSOCK_FAIL_NONE, REQUEST2),
			   "4.13 R: connect with size %d", (int)size);
		hs = reach(IDLE);
		vmsock_handshake_connect(&hs, server, (struct vmsock_limits){ 4, 0, SIZE }, false);
		step = receive(&hs, sized(from(server, client, NEGOTIATE2), 1, size), false);
		is_u64(step.action, size < 2 ? VMSOCK_ACT_FAILED : VMSOCK_ACT_CREATE_QP,
		       "4.13 R: NEGOTIATE2 of size %d", (int)size);
	}
}

static void test_retry(void)
{
	static const enum situation ended[] = { C5, C5_ENDED };

	for (size_t i = 0; i < 2; i++) {
		struct vmsock_handshake hs = reach(ended[i]), fresh = reach(IDLE);
		struct vmsock_addr elsewhere = { 77, 1 };

		vmsock_handshake_connect(&hs, elsewhere, limits, false);
		vmsock_handshake_connect(&fresh, elsewhere, limits, false);
		ok(hs.state == VMSOCK_REQUESTED && !hs.size && !hs.was_established &&
			   !hs.peer_shutdown && !vmci_handle_valid(hs.handle) &&
			   vmsock_addr_equal(hs.local, fresh.local),
		   "4.5 R: after %s a new attempt starts clean", situations[ended[i]].name);
		receive(&hs, sized(from(elsewhere, client, NEGOTIATE2), 1, SIZE), false);
		ok(hs.size == SIZE, "4.5 R: and is not refused");
	}
}

/*
 * Listener (5.6, state L)
 */

struct listen_row {
	const char *name;
	struct vmsock_limits limits;
	uint8_t type;
	uint16_t proto;
	uint64_t size;
	bool admit;
	int sent;
	uint64_t agreed;	/* size of the child, 0 for none */
	uint16_t child_proto;
};

#define DEFAULTS	{ SIZE, 128, SIZE }
#define QSTATE		VMSOCK_PROTO_QUEUE_STATE
#define PACKET		VMSOCK_PROTO_PACKET

static const struct listen_row listen_rows[] = {
	{ "5.6 L REQUEST size 0", DEFAULTS, REQUEST, 0, 0, true, RST, 0, 0 },
	{ "5.6 L REQUEST2 size 0", DEFAULTS, REQUEST2, 1, 0, true, RST, 0, 0 },
	{ "5.6 L REQUEST2, backlog full or no memory", DEFAULTS, REQUEST2, 1, SIZE, false, RST, 0,
	  0 },
	{ "5.6 L REQUEST, backlog full or no memory", DEFAULTS, REQUEST, 0, SIZE, false, RST, 0,
	  0 },
	{ "5.6 L REQUEST2 proto 0", DEFAULTS, REQUEST2, 0, SIZE, true, RST, 0, 0 },
	{ "5.6 L REQUEST2 proto 0xfffe", DEFAULTS, REQUEST2, 0xfffe, SIZE, true, RST, 0, 0 },
	{ "5.6 L REQUEST2", DEFAULTS, REQUEST2, 1, SIZE, true, NEGOTIATE2, SIZE, QSTATE },
	{ "5.6 L REQUEST2 proto 0xffff", DEFAULTS, REQUEST2, 0xffff, SIZE, true, NEGOTIATE2, SIZE,
	  QSTATE },
	{ "5.6 L REQUEST", DEFAULTS, REQUEST, 0, SIZE, true, NEGOTIATE, SIZE, PACKET },
	{ "5.2 L REQUEST, proto not looked at", DEFAULTS, REQUEST, 0xffff, SIZE, true, NEGOTIATE,
	  SIZE, PACKET },
	{ "5.8 both default", DEFAULTS, REQUEST2, 1, 262144, true, NEGOTIATE2, 262144, QSTATE },
	{ "5.8 client smaller", DEFAULTS, REQUEST2, 1, 65536, true, NEGOTIATE2, 65536, QSTATE },
	{ "5.8 client above the maximum", DEFAULTS, REQUEST2, 1, 1048576, true, NEGOTIATE2, 262144,
	  QSTATE },
	{ "5.8 client below the minimum", DEFAULTS, REQUEST2, 1, 64, true, NEGOTIATE2, 262144,
	  QSTATE },
	{ "5.6 L size at the minimum", DEFAULTS, REQUEST, 0, 128, true, NEGOTIATE, 128, PACKET },
	{ "11.2 L size is not cut to 32 bits", DEFAULTS, REQUEST2, 1, (UINT64_C(1) << 32) + 1024,
	  true, NEGOTIATE2, SIZE, QSTATE },
	{ "4.13 R: size 1 within the limits", { 4096, 0, SIZE }, REQUEST2, 1, 1, true, NEGOTIATE2,
	  4096, QSTATE },
	{ "4.13 R: own size 1", { 1, 1, 1 }, REQUEST2, 1, SIZE, true, RST, 0, 0 },
	{ "4.13 R: own size 0, good request", { 0, 0, SIZE }, REQUEST2, 1, SIZE, true, NEGOTIATE2,
	  SIZE, QSTATE },
	{ "10.1 maximum below minimum", { 4096, 8192, 4096 }, REQUEST2, 1, 4096, true, NEGOTIATE2,
	  4096, QSTATE },
	{ "5.6 L RST", DEFAULTS, RST, 0, 0, true, NO_PACKET, 0, 0 },
	{ "5.6 L INVALID", DEFAULTS, INVALID, 0, 0, true, RST, 0, 0 },
	{ "5.6 L NEGOTIATE", DEFAULTS, NEGOTIATE, 0, SIZE, true, RST, 0, 0 },
	{ "5.6 L OFFER", DEFAULTS, OFFER, 0, GOOD_HANDLE, true, RST, 0, 0 },
	{ "5.6 L ATTACH", DEFAULTS, ATTACH, 0, GOOD_HANDLE, true, RST, 0, 0 },
	{ "5.6 L WROTE", DEFAULTS, WROTE, 0, 0, true, RST, 0, 0 },
	{ "5.6 L READ", DEFAULTS, READ, 0, 0, true, RST, 0, 0 },
	{ "5.6 L SHUTDOWN", DEFAULTS, SHUTDOWN, 0, 3, true, RST, 0, 0 },
	{ "5.6 L WAITING_WRITE", DEFAULTS, WAITING_WRITE, 0, 0, true, RST, 0, 0 },
	{ "5.6 L WAITING_READ", DEFAULTS, WAITING_READ, 0, 0, true, RST, 0, 0 },
	{ "5.6 L NEGOTIATE2", DEFAULTS, NEGOTIATE2, 1, SIZE, true, RST, 0, 0 },
	{ "5.4 4: type 13 to a listener", DEFAULTS, 13, 0, 0, true, INVALID, 0, 0 },
	{ "5.4 4: type 255 to a listener", DEFAULTS, 255, 0, 0, true, INVALID, 0, 0 },
};

static void check_child(const struct listen_row *r, const struct vmsock_handshake *child,
			const struct vmsock_step *step)
{
	ok(child->state == VMSOCK_PENDING && child->size == r->agreed &&
		   child->limits.size == r->agreed && child->limits.min == r->limits.min &&
		   child->limits.max == r->limits.max && child->proto == r->child_proto,
	   "vsock.md %s: size, limits and style of the child", r->name);
	ok(vmsock_addr_equal(child->local, server) && vmsock_addr_equal(child->peer, client) &&
		   !vmci_handle_valid(child->handle),
	   "vsock.md %s: addresses of the child", r->name);
	ok(step->packet.u.size == r->agreed && step->packet.proto == r->child_proto,
	   "vsock.md %s: proposal", r->name);
}

static void test_listener(void)
{
	for (size_t i = 0; i < sizeof(listen_rows) / sizeof(listen_rows[0]); i++) {
		const struct listen_row *r = &listen_rows[i];
		struct vmsock_packet pkt = sized(from(client, server, r->type), r->proto, r->size);
		struct vmsock_handshake child, untouched;
		struct vmsock_step step;

		memset(&child, 0xa5, sizeof(child));
		memcpy(&untouched, &child, sizeof(child));
		step = vmsock_handshake_listen(&child, r->limits, &pkt, r->admit);
		if (!ok(step_is(&step, VMSOCK_ACT_NONE, VMSOCK_FAIL_NONE, r->sent), "vsock.md %s",
			r->name))
			explain(&step, &child);
		if (step.send)
			ok(conforms(&step.packet) && addressed(&step.packet, server, client),
			   "vsock.md %s: the answer is a good one", r->name);
		if (r->agreed)
			check_child(r, &child, &step);
		else
			ok(memcmp(&child, &untouched, sizeof(child)) == 0,
			   "vsock.md %s: no child", r->name);
	}
}

/*
 * Things that are no packets
 */

static void test_queue_pair_outcome(void)
{
	for (enum situation s = 0; s < SITUATIONS; s++) {
		struct vmsock_handshake hs = reach(s), before = hs;
		struct vmsock_step step = vmsock_handshake_qp_failed(&hs);

		if (s == C1_CREATING || s == P_ATTACHING)
			ok(step_is(&step, VMSOCK_ACT_FAILED, VMSOCK_FAIL_LOCAL, RST) &&
				   hs.state == VMSOCK_CLOSED && conforms(&step.packet) &&
				   addressed(&step.packet, before.local, before.peer),
			   "5.5, 5.6 queue pair fails in %s: undo, RST", situations[s].name);
		else
			ok(step_is(&step, VMSOCK_ACT_NONE, VMSOCK_FAIL_NONE, NO_PACKET) &&
				   hs.state == before.state,
			   "queue pair fails in %s: too late, nothing", situations[s].name);

		hs = before;
		step = vmsock_handshake_qp_created(&hs, other_pair);
		ok(step.send == (s == C1_CREATING) &&
			   (hs.state == VMSOCK_OFFERED) ==
				   (before.state == VMSOCK_OFFERED || s == C1_CREATING) &&
			   (step.send || vmci_handle_equal(hs.handle, before.handle)),
		   "queue pair created in %s", situations[s].name);

		hs = before;
		step = vmsock_handshake_qp_attached(&hs);
		ok((s == P_ATTACHING) == step_is(&step, VMSOCK_ACT_ESTABLISHED, VMSOCK_FAIL_NONE,
						 ATTACH) &&
			   (s == P_ATTACHING || (!step.send && hs.state == before.state)),
		   "queue pair attached in %s", situations[s].name);
	}
}

static void test_attached(void)
{
	struct vmsock_handshake hs = reach(P_ATTACHING);
	struct vmsock_step step = vmsock_handshake_qp_attached(&hs);

	ok(hs.state == VMSOCK_ESTABLISHED && step.action == VMSOCK_ACT_ESTABLISHED && step.send,
	   "5.6 P OFFER: established before ATTACH is sent");
	ok(conforms(&step.packet) && addressed(&step.packet, server, client) &&
		   vmci_handle_equal(step.packet.u.handle, queue_pair),
	   "5.6 P OFFER: ATTACH echoes the handle");
}

static const struct {
	const char *name;
	enum situation situation;
	uint8_t type;
	enum vmsock_action action;
	enum vmsock_failure error;
	int sent;
	enum vmsock_state state;
} send_rows[] = {
	{ "4.5 10: REQUEST2", C1, REQUEST2, FAILS(LOCAL, NO_PACKET) },
	{ "4.5 10: REQUEST of the old protocol", C1_OLD, REQUEST, FAILS(LOCAL, NO_PACKET) },
	{ "5.5 C1 INVALID: REQUEST", C1_FELL_BACK, REQUEST, FAILS(LOCAL, RST) },
	{ "5.5 C1 OFFER", C2, OFFER, FAILS(LOCAL, RST) },
	{ "5.6 L NEGOTIATE", P, NEGOTIATE, FAILS(LOCAL, RST) },
	{ "5.6 L NEGOTIATE2", P, NEGOTIATE2, FAILS(LOCAL, RST) },
	{ "5.6 P ATTACH", C3_SERVER, ATTACH, FAILS(LOCAL, RST) },
	{ "5.11 RST", C1, RST, STAYS(REQUESTED) },
	{ "5.11 RST", C2, RST, STAYS(OFFERED) },
	{ "5.11 RST", P, RST, STAYS(PENDING) },
	{ "5.11 RST", IDLE, RST, STAYS(IDLE) },
	{ "5.11 RST", C5, RST, STAYS(CLOSED) },
	{ "INVALID", C3, INVALID, STAYS(ESTABLISHED) },
	{ "4.8 SHUTDOWN", C3, SHUTDOWN, STAYS(ESTABLISHED) },
	{ "4.8 SHUTDOWN", C1, SHUTDOWN, STAYS(REQUESTED) },
	{ "OFFER of an attempt that has ended", C5, OFFER, STAYS(CLOSED) },
};

static void test_send_failed(void)
{
	for (size_t i = 0; i < sizeof(send_rows) / sizeof(send_rows[0]); i++) {
		enum situation s = send_rows[i].situation;
		struct vmsock_handshake hs = reach(s);
		struct vmsock_packet pkt;
		struct vmsock_step step;

		vmsock_packet_init(&pkt, send_rows[i].type, hs.local, hs.peer);
		step = vmsock_handshake_send_failed(&hs, &pkt);
		if (!ok(step_is(&step, send_rows[i].action, send_rows[i].error,
				send_rows[i].sent) &&
				hs.state == send_rows[i].state,
			"vsock.md %s cannot be sent in %s", send_rows[i].name, situations[s].name))
			explain(&step, &hs);
	}
}

static const struct {
	const char *name;
	enum situation situation;
	bool readable;
	enum vmsock_action action;
	enum vmsock_failure error;
	int sent;
	enum vmsock_state state;
} detach_rows[] = {
	{ "5.5 C2 peer-detach, no readable data", C2, false, FAILS(RESET, NO_PACKET) },
	{ "5.5 C2 peer-detach, ATTACH on its way", C2, true, STAYS(OFFERED) },
	{ "8.2 P peer-detach", P_ATTACHING, false, FAILS(RESET, NO_PACKET) },
	{ "5.7 C3 peer-detach, nothing left", C3, false, ACTS(WAKE, CLOSED) },
	{ "5.7 C3 peer-detach, data left", C3, true, ACTS(WAKE, ESTABLISHED) },
	{ "5.7 C3 peer-detach, server", C3_SERVER, false, ACTS(WAKE, CLOSED) },
	{ "5.7 C3 ended, then peer-detach", C3_ENDED, true, ACTS(WAKE, ESTABLISHED) },
	{ "5.7 C4 peer-detach", C4, false, ACTS(WAKE, CLOSED) },
	{ "8.2 C0: no handle", IDLE, false, STAYS(IDLE) },
	{ "8.2 C1: no handle", C1, false, STAYS(REQUESTED) },
	{ "8.2 C1 creating: no handle", C1_CREATING, false, STAYS(REQUESTED) },
	{ "8.2 P: no handle", P, false, STAYS(PENDING) },
	{ "8.2 C5", C5, false, STAYS(CLOSED) },
	{ "8.2 C5 ended", C5_ENDED, false, STAYS(CLOSED) },
};

static void test_detached(void)
{
	for (size_t i = 0; i < sizeof(detach_rows) / sizeof(detach_rows[0]); i++) {
		struct vmsock_handshake hs = reach(detach_rows[i].situation);
		struct vmsock_step step = vmsock_handshake_detached(&hs, detach_rows[i].readable);

		if (!ok(step_is(&step, detach_rows[i].action, detach_rows[i].error,
				detach_rows[i].sent) &&
				hs.state == detach_rows[i].state,
			"vsock.md %s", detach_rows[i].name))
			explain(&step, &hs);
		if (step.action == VMSOCK_ACT_WAKE)
			ok(hs.was_established && hs.peer_shutdown == VMSOCK_SHUTDOWN_MASK,
			   "vsock.md %s: done, peer neither sends nor receives",
			   detach_rows[i].name);
	}
}

static void test_detached_before_attach(void)
{
	struct vmsock_handshake hs = reach(C2);

	vmsock_handshake_detached(&hs, true);
	receive(&hs, handled(from(server, client, ATTACH), queue_pair), true);
	ok(hs.state == VMSOCK_ESTABLISHED && hs.peer_shutdown == VMSOCK_SHUTDOWN_MASK,
	   "5.5 server wrote and closed before ATTACH was seen: established, then end of data");
}

static void test_cancel(void)
{
	for (enum situation s = 0; s < SITUATIONS; s++) {
		struct vmsock_handshake hs = reach(s);
		enum vmsock_state before = hs.state;
		bool attempt = before == VMSOCK_REQUESTED || before == VMSOCK_OFFERED ||
			       before == VMSOCK_PENDING;

		vmsock_handshake_cancel(&hs);
		is_u64(hs.state, attempt ? VMSOCK_CLOSED : before,
		       "5.5, 5.6, 4.5 MUST: timeout or signal in %s", situations[s].name);
	}
}

static void test_shutdown(void)
{
	for (enum situation s = 0; s < SITUATIONS; s++) {
		struct vmsock_handshake hs = reach(s), before;
		bool heard = hs.state != VMSOCK_IDLE && hs.state != VMSOCK_CLOSING &&
			     hs.state != VMSOCK_CLOSED;
		struct vmsock_step step;

		memcpy(&before, &hs, sizeof(hs));
		before.shut_down = heard;
		step = vmsock_handshake_shutdown(&hs, 0xff);
		ok(step_is(&step, VMSOCK_ACT_NONE, VMSOCK_FAIL_NONE,
			   heard ? SHUTDOWN : NO_PACKET) &&
			   memcmp(&hs, &before, sizeof(hs)) == 0,
		   "4.8 shutdown in %s", situations[s].name);
		if (step.send)
			ok(step.packet.u.mode == VMSOCK_SHUTDOWN_MASK && conforms(&step.packet) &&
				   addressed(&step.packet, hs.local, hs.peer),
			   "4.8 shutdown in %s: only known bits", situations[s].name);
		step = vmsock_handshake_shutdown(&hs, 0xfc);
		ok(!step.send, "4.8 shutdown in %s: no known bit, no packet", situations[s].name);
	}
}

/* Whoever does not know REQUEST2 forgets the SHUTDOWN behind it; its RST would be ignored (G) */
static void test_shutdown_before_fallback(void)
{
	struct vmsock_handshake hs = reach(C1);
	struct vmsock_step step;

	vmsock_handshake_shutdown(&hs, VMSOCK_SHUTDOWN_SEND);
	step = receive(&hs, from(server, client, INVALID), false);
	ok(step_is(&step, VMSOCK_ACT_FAILED, VMSOCK_FAIL_RESET, NO_PACKET) &&
		   hs.state == VMSOCK_CLOSED,
	   "4.8, 5.5 C1 INVALID after shutdown: the attempt ends");
}

static void test_peer_shutdown(void)
{
	struct vmsock_handshake hs = reach(C3);

	receive(&hs, sized(from(server, client, SHUTDOWN), 0, UINT64_MAX - 3), false);
	is_u64(hs.peer_shutdown, 0, "12.168: mode 0xfffffffffffffffc changes nothing");
	receive(&hs, sized(from(server, client, SHUTDOWN), 0, 0xf2), false);
	is_u64(hs.peer_shutdown, VMSOCK_SHUTDOWN_SEND, "5.7 C3 SHUTDOWN: other bits masked");
	receive(&hs, sized(from(server, client, SHUTDOWN), 0, 1), false);
	is_u64(hs.peer_shutdown, VMSOCK_SHUTDOWN_MASK, "5.7 C3 SHUTDOWN: bits add up");
	hs = reach(C3);
	receive(&hs, from(server, client, RST), true);
	ok(hs.was_established && hs.peer_shutdown == VMSOCK_SHUTDOWN_MASK,
	   "5.7 C3 RST: done flag, peer flags := 3");
}

static void test_succeeded(void)
{
	for (enum situation s = 0; s < SITUATIONS; s++) {
		struct vmsock_handshake hs = reach(s);

		ok(vmsock_handshake_succeeded(&hs) ==
			   (hs.state == VMSOCK_ESTABLISHED || s == C4 || s == C5_ENDED),
		   "11.2: has connect in %s succeeded", situations[s].name);
	}
}

/*
 * Over all states and types
 */

static bool stranger_refused(enum situation s, struct vmsock_addr stranger, uint8_t type)
{
	struct vmsock_handshake hs = reach(s), before;
	struct vmsock_addr self = hs.local;
	struct vmsock_step step;

	memcpy(&before, &hs, sizeof(hs));
	self.cid = 99;
	step = receive(&hs, sized(from(stranger, self, type), 1, SIZE), true);
	return memcmp(&hs, &before, sizeof(hs)) == 0 &&
	       step_is(&step, VMSOCK_ACT_NONE, VMSOCK_FAIL_NONE, type == RST ? NO_PACKET : RST) &&
	       (!step.send || (conforms(&step.packet) &&
			       addressed(&step.packet, self, stranger)));
}

static void test_strangers(void)
{
	static const struct vmsock_addr strangers[] = {
		{ SERVER_CID, 15001 }, { 77, 15000 }, { CLIENT_CID, 1025 }, { 77, 1024 },
		{ 0, 976 },
	};

	for (enum situation s = 0; s < SITUATIONS; s++) {
		bool right = true;

		for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
			for (uint8_t type = 0; type < VMSOCK_PACKET_TYPE_COUNT; type++) {
				right = right && stranger_refused(s, strangers[i], type);
			}
		}
		ok(right, "5.4 7: packets of a third party in %s: RST, nothing changes",
		   situations[s].name);
	}
}

static void test_unknown_types(void)
{
	for (enum situation s = 0; s < SITUATIONS; s++) {
		bool right = true;

		for (unsigned int type = VMSOCK_PACKET_TYPE_COUNT; type < 256; type++) {
			struct vmsock_handshake hs = reach(s), before;
			struct vmsock_addr peer = is_server(s) ? client : server;
			struct vmsock_step step;

			memcpy(&before, &hs, sizeof(hs));
			step = receive(&hs, from(peer, hs.local, (uint8_t)type), true);
			right = right && memcmp(&hs, &before, sizeof(hs)) == 0 &&
				step_is(&step, VMSOCK_ACT_NONE, VMSOCK_FAIL_NONE, INVALID) &&
				conforms(&step.packet) && addressed(&step.packet, hs.local, peer);
		}
		ok(right, "5.4 4: types 13 to 255 in %s: INVALID, nothing changes",
		   situations[s].name);
	}
}

static void test_local_context(void)
{
	for (enum situation s = 0; s < SITUATIONS; s++) {
		struct vmsock_handshake hs = reach(s);
		struct vmsock_addr peer = is_server(s) ? client : server;
		struct vmsock_addr moved = { 4242, hs.local.port };
		bool alive = hs.state != VMSOCK_IDLE && hs.state != VMSOCK_CLOSED;
		uint32_t before = hs.local.cid;

		receive(&hs, from(peer, moved, WROTE), true);
		is_u64(hs.local.cid, alive ? moved.cid : before,
		       "5.12: local context follows the packets in %s", situations[s].name);
	}
}

static void test_any_context(void)
{
	struct vmsock_addr any = { VMSOCK_CID_ANY, 1024 };
	struct vmsock_handshake hs;

	vmsock_handshake_init(&hs, any);
	vmsock_handshake_connect(&hs, server, limits, false);
	is_u64(hs.local.cid, VMSOCK_CID_ANY, "4.10: any until NEGOTIATE reveals it");
	receive(&hs, sized(from(server, client, NEGOTIATE2), 1, SIZE), false);
	is_u64(hs.local.cid, CLIENT_CID, "5.5 C1: local context is what the peer used");
}

/* 5.9, both ends against each other; the counts that 12 and the module's counters go by */
static void test_sequence(void)
{
	static const uint8_t order[] = { REQUEST2, NEGOTIATE2, OFFER, ATTACH };
	struct vmsock_handshake c = reach(IDLE), s;
	struct vmsock_step step = vmsock_handshake_connect(&c, server, limits, false);
	uint8_t seen[4];

	seen[0] = step.packet.type;
	step.packet.dg.src.context = CLIENT_CID;
	step = vmsock_handshake_listen(&s, limits, &step.packet, true);
	seen[1] = step.packet.type;
	step.packet.dg.src.context = SERVER_CID;
	step = vmsock_handshake_packet(&c, &step.packet, false);
	step = vmsock_handshake_qp_created(&c, queue_pair);
	seen[2] = step.packet.type;
	step.packet.dg.src.context = CLIENT_CID;
	step = vmsock_handshake_packet(&s, &step.packet, false);
	step = vmsock_handshake_qp_attached(&s);
	seen[3] = step.packet.type;
	step.packet.dg.src.context = SERVER_CID;
	step = vmsock_handshake_packet(&c, &step.packet, false);
	is_mem(seen, order, sizeof(order), "5.9: TV-04, TV-05, TV-06, TV-07 in order");
	ok(c.state == VMSOCK_ESTABLISHED && s.state == VMSOCK_ESTABLISHED && !step.send,
	   "5.9: both established by four packets");
	ok(vmci_handle_equal(c.handle, s.handle) && c.size == s.size && c.proto == s.proto,
	   "5.9: both agree on queue pair, size and style");
}

static void test_init(void)
{
	struct vmsock_handshake hs = reach(IDLE);

	ok(hs.state == VMSOCK_IDLE && vmsock_addr_equal(hs.local, client) &&
		   vmsock_addr_equal(hs.peer, vmsock_addr_any()) &&
		   vmci_handle_equal(hs.handle, no_handle),
	   "a fresh socket: idle, no peer, no queue pair");
}

int main(void)
{
	test_situations();
	test_init();
	test_rows();
	test_negotiated();
	test_requests();
	test_small_limits();
	test_retry();
	test_listener();
	test_queue_pair_outcome();
	test_attached();
	test_send_failed();
	test_detached();
	test_detached_before_attach();
	test_cancel();
	test_shutdown();
	test_shutdown_before_fallback();
	test_peer_shutdown();
	test_succeeded();
	test_strangers();
	test_unknown_types();
	test_local_context();
	test_any_context();
	test_sequence();
	return done_testing();
}
