// SPDX-License-Identifier: GPL-2.0-or-later
/* simulation-transport.c - what carries packets and events, and noise on it
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * What it may do, and what may overtake, is said in simulation.c.
 */
#include "simulation-world.h"

/*
 * Transport
 */

static void push(struct world *w, struct queue *q, const struct vmsock_packet *pkt)
{
	if (q->count == QUEUE_MAX)
		fail(w, "flood of packets");
	else
		q->packets[(q->first + q->count++) % QUEUE_MAX] = *pkt;
}

struct vmsock_packet pop(struct queue *q)
{
	struct vmsock_packet pkt = q->packets[q->first];

	q->first = (q->first + 1) % QUEUE_MAX;
	q->count--;
	return pkt;
}

/* What a stranger gets is of no interest, as long as it is a refusal */
static void send_to_stranger(struct world *w, const struct vmsock_packet *pkt)
{
	if (pkt->type != VMSOCK_PACKET_RST && pkt->type != VMSOCK_PACKET_INVALID)
		fail(w, "12.166: a stranger was answered");
}

void send_packet(struct world *w, struct end *e, struct vmsock_packet pkt)
{
	pkt.dg.src.context = e->hs.local.cid;
	if (vmsock_packet_check(&pkt.dg, sizeof(pkt)) != VMSOCK_PACKET_OK)
		fail(w, "12.141: a bad packet was made");
	if (vmsock_addr_equal(vmsock_packet_dst(&pkt), e->other->hs.local))
		push(w, &e->other->wire, &pkt);
	else
		send_to_stranger(w, &pkt);
}

void answer(struct world *w, struct end *e, uint8_t type, const struct vmsock_packet *cause)
{
	struct vmsock_packet pkt;

	vmsock_packet_reply(&pkt, type, cause);
	send_packet(w, e, pkt);
}

static void refuse(struct world *w, struct end *e, const struct vmsock_packet *pkt)
{
	if (pkt->type != VMSOCK_PACKET_RST)
		answer(w, e, VMSOCK_PACKET_RST, pkt);
}

bool has_room(const struct world *w, const struct end *to)
{
	return to->wire.count + to->input.count < w->quota;
}

/*
 * Arrival
 */

bool from_peer(const struct end *e, const struct vmsock_packet *pkt)
{
	return vmsock_addr_equal(vmsock_packet_src(pkt), e->other->hs.local);
}

static bool handled_at_once(const struct world *w, struct end *e, const struct vmsock_packet *pkt)
{
	if (w->at_once == AT_ONCE_NEVER || (w->at_once == AT_ONCE_UNOWNED && e->owner) ||
	    !established(e) || e->hs.proto != VMSOCK_PROTO_QUEUE_STATE || !from_peer(e, pkt))
		return false;
	if (pkt->type == VMSOCK_PACKET_WROTE)
		wake(&e->reader);
	else if (pkt->type == VMSOCK_PACKET_READ)
		wake(&e->writer);
	return pkt->type == VMSOCK_PACKET_WROTE || pkt->type == VMSOCK_PACKET_READ;
}

static bool may_overtake(const struct world *w, const struct end *e)
{
	return w->events_overtake &&
	       (established(e) || (e->hs.state == VMSOCK_OFFERED && readable(e)));
}

static void event_arrives(struct end *e, bool overtakes)
{
	e->event = false;
	if (e->gone || !e->attached)
		return;
	e->detached = true;
	e->event_arrived = true;
	e->input_before = overtakes ? 0 : e->input.count;
}

static void packet_arrives(struct world *w, struct end *e)
{
	struct vmsock_packet pkt = pop(&e->wire);

	if (e->event && e->before_event)
		e->before_event--;
	if (e->gone)
		refuse(w, e, &pkt);
	else if (!handled_at_once(w, e, &pkt))
		push(w, &e->input, &pkt);
}

void arrive(struct world *w, struct end *e)
{
	if (e->event && (!e->wire.count || (may_overtake(w, e) && roll(w, 2))))
		event_arrives(e, e->wire.count);
	else if (e->event && !e->before_event)
		event_arrives(e, false);
	else
		packet_arrives(w, e);
}

/*
 * Noise: packets that change nothing
 */

static struct vmsock_packet noise_packet(struct world *w, uint8_t type, struct vmsock_addr src,
					 const struct end *to)
{
	struct vmsock_packet pkt;

	vmsock_packet_init(&pkt, type, src, to->hs.local);
	pkt.dg.src.context = src.cid;
	pkt.proto = (uint16_t)roll(w, 4);
	pkt.u.wait = (struct vmsock_wait_info){ roll(w, 5), roll(w, 3) };
	return pkt;
}

/* Nearly the peer: another context, or another port */
static void stranger_sends(struct world *w, struct end *to)
{
	struct vmsock_addr src = to->other->hs.local;
	struct vmsock_packet pkt;

	if (roll(w, 2))
		src.cid += 1 + (uint32_t)roll(w, 9);
	else
		src.port += 1 + (uint32_t)roll(w, 9);
	pkt = noise_packet(w, (uint8_t)roll(w, VMSOCK_PACKET_TYPE_COUNT + 2), src, to);
	push(w, &to->wire, &pkt);
}

/* What an established connection ignores (12.165, 12.168); spurious WROTE and READ (12.178) */
static void peer_babbles(struct world *w, struct end *to)
{
	static const uint8_t types[] = {
		VMSOCK_PACKET_INVALID, VMSOCK_PACKET_REQUEST, VMSOCK_PACKET_NEGOTIATE,
		VMSOCK_PACKET_OFFER, VMSOCK_PACKET_ATTACH, VMSOCK_PACKET_REQUEST2,
		VMSOCK_PACKET_NEGOTIATE2, VMSOCK_PACKET_SHUTDOWN, VMSOCK_PACKET_WROTE,
		VMSOCK_PACKET_READ, VMSOCK_PACKET_TYPE_COUNT,
	};
	struct vmsock_packet pkt;

	pkt = noise_packet(w, types[roll(w, sizeof(types))], to->other->hs.local, to);
	if (pkt.type == VMSOCK_PACKET_SHUTDOWN)
		pkt.u.mode = ~UINT64_C(3);
	push(w, &to->wire, &pkt);
}

void make_noise(struct world *w)
{
	struct end *to = roll(w, 2) ? &w->client : &w->server;

	w->noise--;
	if (established(to) && !to->other->gone && roll(w, 2))
		peer_babbles(w, to);
	else
		stranger_sends(w, to);
}

/* Of an earlier connection between the same ports (vsock.md 5.5) */
void leave_behind(struct world *w)
{
	static const uint8_t types[] = {
		VMSOCK_PACKET_WROTE, VMSOCK_PACKET_READ, VMSOCK_PACKET_SHUTDOWN,
		VMSOCK_PACKET_WAITING_READ, VMSOCK_PACKET_WAITING_WRITE,
	};
	struct vmsock_packet pkt;

	for (uint64_t i = roll(w, 4); i > 0; i--) {
		pkt = noise_packet(w, types[roll(w, sizeof(types))], server_addr, &w->client);
		push(w, &w->client.wire, &pkt);
	}
}
