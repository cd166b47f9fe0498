// SPDX-License-Identifier: GPL-2.0-or-later
/* simulation-socket.c - what a driver makes of modules/common: rings, packets, notifications
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "simulation-world.h"

static const struct vmci_handle queue_pair = { 77, 1025 };

static bool is_client(const struct end *e)
{
	return e->hs.local.port == client_addr.port;
}

/* What byte @i from this end is */
static uint8_t pattern(const struct world *w, const struct end *e, uint64_t i)
{
	return (uint8_t)((i * 2654435761u + w->seed * 40503u + (is_client(e) ? 0 : 91)) >> 7);
}

/*
 * Notifications
 */

static void check_announcement(struct world *w, bool *waiting, uint16_t proto)
{
	if (proto == VMSOCK_PROTO_QUEUE_STATE)
		fail(w, "12.171: WAITING packet in queue-state style");
	if (*waiting)
		fail(w, "12.173, 12.174: announced twice");
	*waiting = true;
}

/* Nobody is there to be told: WROTE without a reader, READ without a writer (vsock.md 6) */
static bool pointless(const struct end *e, unsigned int bit)
{
	uint8_t gone = e->hs.peer_shutdown;

	return e->detached || (bit == VMSOCK_SEND_WROTE && (gone & VMSOCK_SHUTDOWN_RECEIVE)) ||
	       (bit == VMSOCK_SEND_READ && (gone & VMSOCK_SHUTDOWN_SEND));
}

static bool send_notification(struct world *w, struct end *e, unsigned int bit, uint8_t type)
{
	struct vmsock_packet pkt;

	if (pointless(e, bit))
		return true;
	if (!has_room(w, e->other))
		return false;
	vmsock_packet_init(&pkt, type, e->hs.local, e->hs.peer);
	if (bit == VMSOCK_SEND_WAITING_READ)
		check_announcement(w, &e->waiting_read, e->hs.proto);
	if (bit == VMSOCK_SEND_WAITING_WRITE)
		check_announcement(w, &e->waiting_write, e->hs.proto);
	if (bit & (VMSOCK_SEND_WAITING_READ | VMSOCK_SEND_WAITING_WRITE))
		pkt.u.wait = e->notify.wait;
	send_packet(w, e, pkt);
	return true;
}

void wake(struct process *p)
{
	if (p->state == SLEEPING)
		p->state = RUNNING;
}

void carry_out(struct world *w, struct end *e, unsigned int bits)
{
	static const struct {
		unsigned int bit;
		uint8_t type;
	} order[] = {
		{ VMSOCK_SEND_WAITING_READ, VMSOCK_PACKET_WAITING_READ },
		{ VMSOCK_SEND_WAITING_WRITE, VMSOCK_PACKET_WAITING_WRITE },
		{ VMSOCK_SEND_WROTE, VMSOCK_PACKET_WROTE },
		{ VMSOCK_SEND_READ, VMSOCK_PACKET_READ },
	};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		unsigned int bit = order[i].bit;
		bool delivered;

		if (!(bits & bit))
			continue;
		delivered = send_notification(w, e, bit, order[i].type);
		vmsock_notify_sent(&e->notify, bit, delivered);
		e->unsent = delivered ? e->unsent & ~bit : e->unsent | bit;
	}
	if (bits & VMSOCK_WAKE_READERS)
		wake(&e->reader);
	if (bits & VMSOCK_WAKE_WRITERS)
		wake(&e->writer);
}

/*
 * Rings
 */

uint64_t ring_free(const struct ring *r)
{
	return (uint64_t)vmci_ring_free(r->tail, r->head, r->size);
}

uint64_t ring_ready(const struct ring *r)
{
	return (uint64_t)vmci_ring_ready(r->tail, r->head, r->size);
}

void put(struct world *w, struct end *e, uint64_t count)
{
	struct ring *r = e->produce;
	struct vmci_ring_span span = vmci_ring_cut(r->tail, count, r->size);

	for (uint64_t i = 0; i < count; i++) {
		uint64_t at = i < span.first ? span.offset + i : i - span.first;

		r->bytes[at] = pattern(w, e, e->writer.total + i);
	}
	r->tail = vmci_ring_advance(r->tail, count, r->size);
	if (r->tail >= r->size)
		fail(w, "an index left the ring");
}

void take(struct world *w, struct end *e, uint64_t count)
{
	struct ring *r = e->consume;
	struct vmci_ring_span span = vmci_ring_cut(r->head, count, r->size);

	for (uint64_t i = 0; i < count; i++) {
		uint64_t at = i < span.first ? span.offset + i : i - span.first;

		if (r->bytes[at] != pattern(w, e->other, e->reader.total + i))
			fail(w, "wrong byte");
	}
	r->head = vmci_ring_advance(r->head, count, r->size);
	if (r->head >= r->size)
		fail(w, "an index left the ring");
}

static void make_rings(struct world *w, uint64_t size)
{
	for (int i = 0; i < 2; i++)
		w->rings[i] = (struct ring){ .bytes = malloc(size), .size = size };
}

static void attach(struct world *w, struct end *e)
{
	e->attached = true;
	e->produce = &w->rings[is_client(e) ? 0 : 1];
	e->consume = &w->rings[is_client(e) ? 1 : 0];
	if (e->produce->size != e->hs.size || e->consume->size != e->hs.size)
		fail(w, "ends disagree on the size");
	vmsock_notify_init(&e->notify, e->hs.proto, e->hs.size, w->page);
}

bool readable(const struct end *e)
{
	return e->attached && ring_ready(e->consume) > 0;
}

/* The memory stays, what was written can be read; the peer is told by an event */
static void detach(struct end *e)
{
	struct end *other = e->other;

	if (!e->attached)
		return;
	e->attached = false;
	if (!other->attached)
		return;
	other->event = true;
	other->before_event = other->wire.count;
}

/*
 * States
 */

bool connecting(const struct end *e)
{
	return e->hs.state == VMSOCK_REQUESTED || e->hs.state == VMSOCK_OFFERED;
}

bool established(const struct end *e)
{
	return e->hs.state == VMSOCK_ESTABLISHED;
}

void close_end(struct end *e)
{
	e->gone = true;
	e->writer.state = FINISHED;
	e->reader.state = FINISHED;
	e->owner = NULL;
	e->unsent = 0;
	e->input.count = 0;
	e->event_arrived = false;
	vmsock_handshake_cancel(&e->hs);
	detach(e);
}

/* An attempt is over: a listener goes on listening, a client only waits for its close */
void leave_attempt(struct end *e)
{
	detach(e);
	e->failed = is_client(e);
	if (!is_client(e)) {
		vmsock_handshake_init(&e->hs, server_addr);
		e->input.count = 0;
	}
}

/*
 * Packets
 */

static bool queue_pair_fails(struct world *w)
{
	if (roll(w, 100) >= w->queue_pair_fails)
		return false;
	w->disturbed = true;
	return true;
}

static struct vmsock_step create_queue_pair(struct world *w, struct end *e)
{
	if (queue_pair_fails(w))
		return vmsock_handshake_qp_failed(&e->hs);
	make_rings(w, e->hs.size);
	attach(w, e);
	return vmsock_handshake_qp_created(&e->hs, queue_pair);
}

/* There is nothing to attach to when the client has left */
static struct vmsock_step attach_queue_pair(struct world *w, struct end *e)
{
	if (!e->other->attached || queue_pair_fails(w))
		return vmsock_handshake_qp_failed(&e->hs);
	attach(w, e);
	return vmsock_handshake_qp_attached(&e->hs);
}

static void notified(struct world *w, struct end *e, uint8_t type)
{
	if (type == VMSOCK_PACKET_WROTE)
		e->waiting_read = false;
	if (type == VMSOCK_PACKET_READ)
		e->waiting_write = false;
	if (e->attached)
		carry_out(w, e,
			  vmsock_notify_packet(&e->notify, type, ring_ready(e->produce),
					       ring_free(e->consume)));
}

static void handshake_failed(struct world *w, struct end *e)
{
	if (!w->disturbed)
		fail(w, "the handshake failed");
	leave_attempt(e);
}

static void act(struct world *w, struct end *e, struct vmsock_step step, uint8_t type)
{
	switch (step.action) {
	case VMSOCK_ACT_CREATE_QP:
		act(w, e, create_queue_pair(w, e), type);
		return;
	case VMSOCK_ACT_ATTACH_QP:
		act(w, e, attach_queue_pair(w, e), type);
		return;
	case VMSOCK_ACT_NOTIFY:
		notified(w, e, type);
		break;
	case VMSOCK_ACT_WAKE:
		wake(&e->reader);
		wake(&e->writer);
		break;
	default:
		break;
	}
	if (step.send)
		send_packet(w, e, step.packet);
	if (step.action == VMSOCK_ACT_ESTABLISHED)
		start_program(e);
	if (step.action == VMSOCK_ACT_FAILED)
		handshake_failed(w, e);
}

static void at_listener(struct world *w, struct end *e, const struct vmsock_packet *pkt)
{
	if (w->server_kind != SERVER_CURRENT && pkt->type == VMSOCK_PACKET_REQUEST2) {
		answer(w, e, VMSOCK_PACKET_INVALID, pkt);
		if (w->server_kind == SERVER_OLD)
			answer(w, e, VMSOCK_PACKET_RST, pkt);
		return;
	}
	act(w, e, vmsock_handshake_listen(&e->hs, e->limits, pkt, from_peer(e, pkt)), pkt->type);
}

static void handle_packet(struct world *w, struct end *e, const struct vmsock_packet *pkt)
{
	if (e->hs.state == VMSOCK_IDLE)
		at_listener(w, e, pkt);
	else
		act(w, e, vmsock_handshake_packet(&e->hs, pkt, readable(e)), pkt->type);
}

/* The socket is free: the next thing that waits for it */
void handle_input(struct world *w, struct end *e)
{
	struct vmsock_packet pkt;

	if (e->event_arrived && !e->input_before) {
		e->event_arrived = false;
		act(w, e, vmsock_handshake_detached(&e->hs, readable(e)), 0);
		return;
	}
	pkt = pop(&e->input);
	if (e->event_arrived)
		e->input_before--;
	handle_packet(w, e, &pkt);
}
