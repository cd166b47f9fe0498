// SPDX-License-Identifier: GPL-2.0-or-later
/* handshake.c - fuzz target: the state machine under any packets and calls (vsock.md 5.5)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The input is a list of things that happen to one socket, in any order: calls that a user
 * makes, packets of the peer, packets of strangers.  What must be true after each of them is in
 * the check_*() functions; what happened in the attempt so far is kept beside the machine.
 */
#include <common/address.h>
#include <common/handshake.h>

#include "fuzz.h"

struct history {
	bool created, attached;		/* asked for in this attempt */
	bool established, failed;
	bool as_server;
	unsigned int requests;
	bool has_last;
	struct vmsock_packet last;	/* sent */
};

static const struct vmsock_addr local = { 77, 1024 }, peer = { 2, 15000 };

/* Which state may follow which, whatever happens; by row the old one */
static const bool follows[VMSOCK_CLOSED + 1][VMSOCK_CLOSED + 1] = {
	[VMSOCK_IDLE] = { [VMSOCK_IDLE] = true },
	[VMSOCK_REQUESTED] = { [VMSOCK_REQUESTED] = true, [VMSOCK_OFFERED] = true,
			       [VMSOCK_CLOSED] = true },
	[VMSOCK_OFFERED] = { [VMSOCK_OFFERED] = true, [VMSOCK_ESTABLISHED] = true,
			     [VMSOCK_CLOSED] = true },
	[VMSOCK_PENDING] = { [VMSOCK_PENDING] = true, [VMSOCK_ESTABLISHED] = true,
			     [VMSOCK_CLOSED] = true },
	[VMSOCK_ESTABLISHED] = { [VMSOCK_ESTABLISHED] = true, [VMSOCK_CLOSING] = true,
				 [VMSOCK_CLOSED] = true },
	[VMSOCK_CLOSING] = { [VMSOCK_CLOSING] = true, [VMSOCK_CLOSED] = true },
	[VMSOCK_CLOSED] = { [VMSOCK_CLOSED] = true },
};

/* What the strictest receiver known takes (vsock.md 5.2) */
static void check_sent(const struct vmsock_packet *sent)
{
	struct vmsock_packet pkt = *sent;
	bool sized = pkt.type == VMSOCK_PACKET_REQUEST || pkt.type == VMSOCK_PACKET_REQUEST2 ||
		     pkt.type == VMSOCK_PACKET_NEGOTIATE || pkt.type == VMSOCK_PACKET_NEGOTIATE2;
	bool handled = pkt.type == VMSOCK_PACKET_OFFER || pkt.type == VMSOCK_PACKET_ATTACH;
	bool second = pkt.type >= VMSOCK_PACKET_REQUEST2;

	require(pkt.dg.src.context == VMCI_INVALID_ID);
	pkt.dg.src.context = local.cid;
	require(vmsock_packet_check(&pkt.dg, sizeof(pkt)) == VMSOCK_PACKET_OK);
	require(pkt.dg.payload_size == VMSOCK_PACKET_PAYLOAD_SIZE && !pkt.reserved);
	require(pkt.proto == (second ? VMSOCK_PROTO_QUEUE_STATE : 0));
	require(!sized || pkt.u.size);
	require(!handled || vmci_handle_valid(pkt.u.handle));
	require(pkt.u.wait.offset == 0);
	require(sized || handled || pkt.type == VMSOCK_PACKET_SHUTDOWN || !pkt.u.size);
	require(pkt.type != VMSOCK_PACKET_SHUTDOWN ||
		(pkt.u.mode && pkt.u.mode <= VMSOCK_SHUTDOWN_MASK));
}

static void check_state(const struct vmsock_handshake *hs, const struct history *now)
{
	require(hs->state <= VMSOCK_CLOSED);
	require(!(hs->fallback && hs->ignore_rst));
	require(!(hs->fallback || hs->ignore_rst) || hs->state == VMSOCK_REQUESTED ||
		hs->state == VMSOCK_CLOSED);
	require(hs->peer_shutdown <= VMSOCK_SHUTDOWN_MASK);
	require(hs->proto == VMSOCK_PROTO_PACKET || hs->proto == VMSOCK_PROTO_QUEUE_STATE);
	if (hs->state >= VMSOCK_OFFERED && hs->state <= VMSOCK_CLOSING)
		require(hs->size >= 2);
	if (hs->state == VMSOCK_OFFERED || hs->state == VMSOCK_ESTABLISHED)
		require(vmci_handle_valid(hs->handle));
	if (hs->state == VMSOCK_CLOSING)
		require(hs->was_established && hs->peer_shutdown == VMSOCK_SHUTDOWN_MASK);
	require(!hs->was_established || now->established);
	require((hs->state == VMSOCK_ESTABLISHED || hs->state == VMSOCK_CLOSING) <=
		now->established);
	require(!vmsock_handshake_succeeded(hs) || now->established);
}

/* The client's buffer limits bind the peer (12.150) */
static void check_created(const struct vmsock_handshake *hs)
{
	require(hs->state == VMSOCK_REQUESTED);
	require(hs->size >= hs->limits.min && hs->size <= hs->limits.max);
}

/* Each end of an attempt is told once; after that it is over */
static void check_action(const struct vmsock_handshake *hs, const struct vmsock_step *step,
			 struct history *now)
{
	require((step->error != VMSOCK_FAIL_NONE) == (step->action == VMSOCK_ACT_FAILED));
	switch (step->action) {
	case VMSOCK_ACT_CREATE_QP:
		require(!now->created && !now->as_server && !step->send);
		check_created(hs);
		now->created = true;
		break;
	case VMSOCK_ACT_ATTACH_QP:
		require(!now->attached && now->as_server && !step->send);
		require(hs->state == VMSOCK_PENDING && vmci_handle_valid(hs->handle));
		now->attached = true;
		break;
	case VMSOCK_ACT_ESTABLISHED:
		require(hs->state == VMSOCK_ESTABLISHED && !now->established && !now->failed);
		require(now->as_server ? now->attached : now->created);
		now->established = true;
		break;
	case VMSOCK_ACT_FAILED:
		require(hs->state == VMSOCK_CLOSED && !now->failed);
		now->failed = true;
		break;
	case VMSOCK_ACT_NOTIFY:
		require(hs->state == VMSOCK_ESTABLISHED);
		break;
	case VMSOCK_ACT_WAKE:
		require(hs->peer_shutdown);
		break;
	default:
		break;
	}
}

static void check_step(const struct vmsock_handshake *hs, const struct vmsock_step *step,
		       struct history *now)
{
	check_action(hs, step, now);
	check_state(hs, now);
	if (!step->send)
		return;
	check_sent(&step->packet);
	now->last = step->packet;
	now->has_last = true;
	if (step->packet.type == VMSOCK_PACKET_REQUEST ||
	    step->packet.type == VMSOCK_PACKET_REQUEST2)
		require(++now->requests <= 2);
}

/*
 * What may happen
 */

static struct vmsock_limits take_limits(struct input *in)
{
	uint64_t size = take_size(in), min = take_size(in);

	return (struct vmsock_limits){ size, min, take_size(in) };
}

static struct vmsock_packet take_packet(struct input *in, struct vmsock_addr src)
{
	struct vmsock_packet pkt;
	uint64_t form = take(in, 1);

	vmsock_packet_init(&pkt, (uint8_t)take(in, 1) % 16, src, local);
	pkt.dg.src.context = src.cid;
	pkt.proto = (uint16_t)(form % 4);
	pkt.reserved = (uint32_t)(form >> 7);
	if (pkt.type == VMSOCK_PACKET_OFFER || pkt.type == VMSOCK_PACKET_ATTACH)
		pkt.u.handle = form & 4 ? (struct vmci_handle){ VMCI_INVALID_ID, VMCI_INVALID_ID } :
					  (struct vmci_handle){ 77, 1024 + (form >> 3) % 3 };
	else
		pkt.u.size = take_size(in);
	return pkt;
}

static void connect_again(struct input *in, struct vmsock_handshake *hs, struct history *now)
{
	struct vmsock_limits limits = take_limits(in);
	struct vmsock_step step;

	if (hs->state != VMSOCK_IDLE && hs->state != VMSOCK_CLOSED)
		return;
	*now = (struct history){ .as_server = false };
	step = vmsock_handshake_connect(hs, peer, limits, take(in, 1) & 1);
	require(step.send == (hs->state == VMSOCK_REQUESTED));
	check_step(hs, &step, now);
}

static void ask_listener(struct input *in, struct vmsock_handshake *hs, struct history *now)
{
	struct vmsock_packet pkt = take_packet(in, peer);
	struct vmsock_limits limits = take_limits(in);
	struct vmsock_handshake child;
	struct vmsock_step step;
	bool admit = take(in, 1) & 1, old = pkt.type == VMSOCK_PACKET_REQUEST;

	memset(&child, 0xa5, sizeof(child));
	child.state = VMSOCK_IDLE;
	step = vmsock_handshake_listen(&child, limits, &pkt, admit);
	require(step.action == VMSOCK_ACT_NONE);
	require(step.send || pkt.type == VMSOCK_PACKET_RST);
	if (step.send)
		check_sent(&step.packet);
	if (child.state != VMSOCK_PENDING) {
		require(!step.send || step.packet.type == VMSOCK_PACKET_RST ||
			step.packet.type == VMSOCK_PACKET_INVALID);
		return;
	}
	require(admit && (old || pkt.type == VMSOCK_PACKET_REQUEST2));
	require(step.packet.type ==
		(old ? VMSOCK_PACKET_NEGOTIATE : VMSOCK_PACKET_NEGOTIATE2));
	require(old || (pkt.proto & VMSOCK_PROTO_QUEUE_STATE));		/* 12.145 */
	require(step.packet.u.size == child.size);
	if (pkt.u.size >= limits.min && pkt.u.size <= limits.max && pkt.u.size >= 2)
		require(child.size == pkt.u.size);			/* 12.143 */
	else
		require(child.size == limits.size);
	if (hs->state != VMSOCK_IDLE && hs->state != VMSOCK_CLOSED)
		return;
	*hs = child;
	*now = (struct history){ .as_server = true };
	check_state(hs, now);
}

/* Row for row, what nobody but the peer may bring about (5.4 step 7, 5.11) */
static struct vmsock_step receive(struct input *in, struct vmsock_handshake *hs, bool stranger)
{
	struct vmsock_addr src = peer;
	struct vmsock_handshake before;
	struct vmsock_packet pkt;
	struct vmsock_step step;
	bool readable = take(in, 1) & 1, other;

	if (stranger)
		src.port += 1 + (uint32_t)take(in, 1);
	pkt = take_packet(in, src);
	memcpy(&before, hs, sizeof(before));
	step = vmsock_handshake_packet(hs, &pkt, readable);
	require(!step.send || pkt.type != VMSOCK_PACKET_RST);
	other = stranger || pkt.type >= VMSOCK_PACKET_TYPE_COUNT || before.state == VMSOCK_IDLE ||
		before.state == VMSOCK_CLOSED;
	if (other)
		require(memcmp(&before, hs, sizeof(before)) == 0 &&
			step.action == VMSOCK_ACT_NONE);
	if (other && pkt.type != VMSOCK_PACKET_RST)
		require(step.send && (step.packet.type == VMSOCK_PACKET_RST ||
				      step.packet.type == VMSOCK_PACKET_INVALID));
	if (before.state == VMSOCK_ESTABLISHED && !other)
		require(!step.send);
	if (step.action == VMSOCK_ACT_ESTABLISHED)
		require(vmci_handle_equal(pkt.u.handle, before.handle));
	require((before.peer_shutdown & ~hs->peer_shutdown) == 0);
	return step;
}

static struct vmsock_step send_fails(struct vmsock_handshake *hs, struct history *now)
{
	static const struct vmsock_step nothing;

	if (!now->has_last)
		return nothing;
	now->has_last = false;
	return vmsock_handshake_send_failed(hs, &now->last);
}

static struct vmsock_step happen(struct input *in, struct vmsock_handshake *hs,
				 struct history *now)
{
	struct vmci_handle pair = { 77, 1024 };

	switch (take(in, 1) % 10) {
	case 0:
		return vmsock_handshake_qp_created(hs, pair);
	case 1:
		return vmsock_handshake_qp_attached(hs);
	case 2:
		return vmsock_handshake_qp_failed(hs);
	case 3:
		return send_fails(hs, now);
	case 4:
		return vmsock_handshake_detached(hs, take(in, 1) & 1);
	case 5:
		return vmsock_handshake_shutdown(hs, (uint8_t)take(in, 1));
	case 6:
		return receive(in, hs, true);
	default:
		return receive(in, hs, false);
	}
}

static void happen_next(struct input *in, struct vmsock_handshake *hs, struct history *now)
{
	enum vmsock_state before = hs->state;
	struct vmsock_step step;

	switch (take(in, 1) % 16) {
	case 0:
		connect_again(in, hs, now);
		return;
	case 1:
		ask_listener(in, hs, now);
		return;
	case 2:
		vmsock_handshake_cancel(hs);
		require(hs->state == (before >= VMSOCK_ESTABLISHED || before == VMSOCK_IDLE ?
				      before : VMSOCK_CLOSED));
		now->failed |= hs->state == VMSOCK_CLOSED;
		check_state(hs, now);
		break;
	default:
		step = happen(in, hs, now);
		check_step(hs, &step, now);
	}
	require(follows[before][hs->state]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
	struct input in = { data, length };
	struct history now = { .as_server = false };
	struct vmsock_handshake hs;

	vmsock_handshake_init(&hs, local);
	while (in.left)
		happen_next(&in, &hs, &now);
	return 0;
}
