// SPDX-License-Identifier: GPL-2.0-or-later
/* simulation.c - a connection of modules/common with itself, as a seed wants it
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A client and a server made of modules/common alone are joined by a transport
 * and two rings.  At each end a writer, a reader, the arrival of packets, their
 * handling and a timer take small steps; a seed decides who goes next, so any of
 * them may be slow.  Between two steps of one call the other end may do
 * anything; at the same end the call owns the socket, as in a kernel.
 *
 * The transport does what VMCI may do.  Packets of one sender arrive in order
 * (vmci.md 1.1, 3.12; vsock.md 5.10, 5.15), after any time.  What may overtake:
 *
 *	- strangers' packets and those of the peer each other, for their senders differ;
 *	- WROTE and READ all that waits for the socket (vsock.md 5.4 step 9), for
 *	  they may be handled before, even while a call owns it;
 *	- a detach event all packets of the peer (vsock.md 8.2: any context), but not
 *	  ATTACH with nothing in the ring (handshake.h: it would fail the connection);
 *	- packets of an earlier connection of the same ports our NEGOTIATE (5.5);
 *	- a notification that was refused, for the receiver's quota was used up, and is
 *	  tried again by the timer, arrives after packets that were sent later.
 *
 * Either end may shut down, close or give up at any moment, the handshake
 * included.  A seed fails when
 *
 *	- a byte is wrong, or one that was accepted before the writer's end shut down
 *	  in order is not delivered to a reader that wants it, or the end of file is;
 *	- somebody sleeps and nothing happens that could wake him: this is looked for
 *	  whenever everything is quiet, not only at the end;
 *	- a connection fails although nobody gave it a reason;
 *	- a packet is malformed or announces twice; or it never ends.
 */
#include <common/address.h>
#include <common/handshake.h>
#include <common/notify.h>
#include <common/ring.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulation.h"

#define STEPS_MAX	2000000u
#define QUEUE_MAX	1024u
#define DEEDS		2u
#define ACTORS_OF_END	5u
#define NOISE		(2 * ACTORS_OF_END)
#define ACTORS		(NOISE + 1)

enum server_kind {
	SERVER_CURRENT,
	SERVER_OLD,		/* first generation: INVALID, then RST, to REQUEST2 */
	SERVER_OLD_POLITE,	/* INVALID alone */
	SERVER_KINDS
};

/* When WROTE and READ wake without waiting for the socket (vsock.md 5.4 step 9) */
enum at_once {
	AT_ONCE_NEVER,
	AT_ONCE_UNOWNED,
	AT_ONCE_ALWAYS,
	AT_ONCE_KINDS
};

enum process_state {
	CLOSED_YET,	/* not connected */
	RUNNING,
	MOVED,		/* index moved, not told yet; owns the socket */
	BLOCKING,	/* nothing to do, not told yet; owns the socket */
	TESTING,	/* told, tests once more; owns the socket */
	SLEEPING,
	PAUSED,		/* the program has nothing to write for now */
	FINISHED,
};

/* What a program, or time, does to a socket */
enum deed_kind {
	DEED_SHUT_RECEIVE = VMSOCK_SHUTDOWN_RECEIVE,
	DEED_SHUT_SEND = VMSOCK_SHUTDOWN_SEND,
	DEED_SHUT_BOTH = VMSOCK_SHUTDOWN_MASK,
	DEED_CLOSE,
	DEED_GIVE_UP,	/* time-out or signal of connect, second of a pending child */
	DEED_KINDS
};

struct deed {
	enum deed_kind kind;
	unsigned int when;	/* steps of the world */
};

struct ring {
	uint8_t *bytes;
	uint64_t size, tail, head;
};

struct queue {
	struct vmsock_packet *packets;
	unsigned int first, count;
};

struct process {
	enum process_state state;
	uint64_t total;		/* bytes moved */
	uint64_t moved, index;	/* of the step that has not been told yet */
	uint64_t target, got;	/* reader: low-water mark of this recv, and progress */
	bool polling;		/* reader: waits in poll, not in recv */
};

struct end {
	const char *name;
	struct end *other;
	struct vmsock_handshake hs;
	struct vmsock_notify notify;
	struct vmsock_limits limits;
	struct ring *produce, *consume;
	struct process writer, reader;
	struct process *owner;
	struct queue wire;		/* sent to this end */
	struct queue input;		/* arrived, waits for the socket */
	bool event;			/* a detach event is on its way, */
	unsigned int before_event;	/* behind so many packets */
	bool event_arrived;		/* it waits for the socket, */
	unsigned int input_before;	/* behind so many packets */
	uint64_t to_write, pause_at;
	uint8_t shut;			/* VMSOCK_SHUTDOWN_* bits of our own */
	bool attached, detached, gone, failed, was_connected;
	bool told_end;
	bool closes_early;	/* as soon as everything is written */
	bool lingers;		/* stays open when nothing is left to do */
	bool chatty;		/* tells after every move, as a simple peer may (vsock.md 6.5) */
	bool waiting_read, waiting_write;	/* announcements on their way or unanswered */
	unsigned int unsent;	/* VMSOCK_SEND_* that the transport refused */
	struct deed deeds[DEEDS];
	unsigned int deeds_left;
};

struct world {
	uint64_t seed, random;
	unsigned int steps;
	enum server_kind server_kind;
	enum at_once at_once;
	bool old_protocol, test_again, events_overtake;
	bool disturbed;		/* there is a reason for the handshake to fail */
	uint64_t page;
	unsigned int quota;	/* packets waiting at an end until notifications are refused */
	unsigned int noise;	/* packets of strangers to come */
	unsigned int queue_pair_fails;	/* percent */
	unsigned int weight[ACTORS];
	struct ring rings[2];
	struct end client, server;
	const char *failure;
};

static const struct vmci_handle queue_pair = { 77, 1025 };
static const struct vmsock_addr client_addr = { 77, 1024 }, server_addr = { 2, 15000 };

static uint64_t roll(struct world *w, uint64_t sides)
{
	w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (w->random >> 33) % sides;
}

/* Small numbers as often as large ones */
static uint64_t roll_magnitude(struct world *w, unsigned int bits)
{
	return roll(w, UINT64_C(2) << roll(w, bits));
}

static void fail(struct world *w, const char *why)
{
	if (!w->failure)
		w->failure = why;
}

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
 * Transport
 */

static void push(struct world *w, struct queue *q, const struct vmsock_packet *pkt)
{
	if (q->count == QUEUE_MAX)
		fail(w, "flood of packets");
	else
		q->packets[(q->first + q->count++) % QUEUE_MAX] = *pkt;
}

static struct vmsock_packet pop(struct queue *q)
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

static void send_packet(struct world *w, struct end *e, struct vmsock_packet pkt)
{
	pkt.dg.src.context = e->hs.local.cid;
	if (vmsock_packet_check(&pkt.dg, sizeof(pkt)) != VMSOCK_PACKET_OK)
		fail(w, "12.141: a bad packet was made");
	if (vmsock_addr_equal(vmsock_packet_dst(&pkt), e->other->hs.local))
		push(w, &e->other->wire, &pkt);
	else
		send_to_stranger(w, &pkt);
}

static void answer(struct world *w, struct end *e, uint8_t type, const struct vmsock_packet *cause)
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

static bool has_room(const struct world *w, const struct end *to)
{
	return to->wire.count + to->input.count < w->quota;
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

static void wake(struct process *p)
{
	if (p->state == SLEEPING)
		p->state = RUNNING;
}

static void carry_out(struct world *w, struct end *e, unsigned int bits)
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

static uint64_t ring_free(const struct ring *r)
{
	return (uint64_t)vmci_ring_free(r->tail, r->head, r->size);
}

static uint64_t ring_ready(const struct ring *r)
{
	return (uint64_t)vmci_ring_ready(r->tail, r->head, r->size);
}

static void put(struct world *w, struct end *e, uint64_t count)
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

static void take(struct world *w, struct end *e, uint64_t count)
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

static bool readable(const struct end *e)
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
 * Programs
 */

static bool connecting(const struct end *e)
{
	return e->hs.state == VMSOCK_REQUESTED || e->hs.state == VMSOCK_OFFERED;
}

static bool established(const struct end *e)
{
	return e->hs.state == VMSOCK_ESTABLISHED;
}

static void close_end(struct end *e)
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

static bool is_done(const struct end *e)
{
	return e->writer.state == FINISHED && e->reader.state == FINISHED;
}

static void close_if_done(struct end *e)
{
	if (!e->gone && !e->lingers && is_done(e))
		close_end(e);
}

/* Closed, or back from a connect that failed */
static bool has_left(const struct end *e)
{
	return e->gone || e->failed;
}

/* Both processes start; what was shut down while connecting stays so */
static void start_program(struct end *e)
{
	e->was_connected = true;
	e->writer.state = e->shut & VMSOCK_SHUTDOWN_SEND ? FINISHED : RUNNING;
	e->reader.state = e->shut & VMSOCK_SHUTDOWN_RECEIVE ? FINISHED : RUNNING;
	close_if_done(e);
}

static void shut_down(struct world *w, struct end *e, uint8_t mode)
{
	struct vmsock_step step;

	if (!connecting(e) && !established(e))
		return;
	e->shut |= mode;
	step = vmsock_handshake_shutdown(&e->hs, mode);
	if (step.send)
		send_packet(w, e, step.packet);
	if (!e->was_connected)
		return;
	if (mode & VMSOCK_SHUTDOWN_SEND)
		e->writer.state = FINISHED;
	if (mode & VMSOCK_SHUTDOWN_RECEIVE)
		e->reader.state = FINISHED;
	close_if_done(e);
}

/* An attempt is over: a listener goes on listening, a client only waits for its close */
static void leave_attempt(struct end *e)
{
	detach(e);
	e->failed = is_client(e);
	if (!is_client(e)) {
		vmsock_handshake_init(&e->hs, server_addr);
		e->input.count = 0;
	}
}

static void give_up(struct end *e)
{
	if (!connecting(e) && e->hs.state != VMSOCK_PENDING)
		return;
	vmsock_handshake_cancel(&e->hs);
	leave_attempt(e);
}

static void do_deed(struct world *w, struct end *e)
{
	struct deed *deed = &e->deeds[--e->deeds_left];

	if (!w->client.was_connected)
		w->disturbed = true;
	switch (deed->kind) {
	case DEED_CLOSE:
		close_end(e);
		break;
	case DEED_GIVE_UP:
		give_up(e);
		break;
	default:
		shut_down(w, e, (uint8_t)deed->kind);
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

static bool from_peer(const struct end *e, const struct vmsock_packet *pkt)
{
	return vmsock_addr_equal(vmsock_packet_src(pkt), e->other->hs.local);
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
static void handle_input(struct world *w, struct end *e)
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

static void arrive(struct world *w, struct end *e)
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

static void make_noise(struct world *w)
{
	struct end *to = roll(w, 2) ? &w->client : &w->server;

	w->noise--;
	if (established(to) && !to->other->gone && roll(w, 2))
		peer_babbles(w, to);
	else
		stranger_sends(w, to);
}

/* Of an earlier connection between the same ports (vsock.md 5.5) */
static void leave_behind(struct world *w)
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

/*
 * Writer
 */

static void written(struct world *w, struct end *e)
{
	if (e->closes_early)
		close_end(e);
	else
		shut_down(w, e, VMSOCK_SHUTDOWN_SEND);
}

/* The peer wants no more: EPIPE */
static void write_refused(struct world *w, struct end *e)
{
	if (!has_left(e->other) && !(e->other->shut & VMSOCK_SHUTDOWN_RECEIVE))
		fail(w, "EPIPE, and the peer wants to read");
	e->writer.state = FINISHED;
	e->shut |= VMSOCK_SHUTDOWN_SEND;
	close_if_done(e);
}

static void write_bytes(struct world *w, struct end *e, uint64_t most)
{
	struct process *p = &e->writer;

	p->moved = roll(w, 2) ? 1 + roll(w, most) : most;
	p->index = e->produce->tail;
	put(w, e, p->moved);
	p->total += p->moved;
	p->state = MOVED;
}

static void write_some(struct world *w, struct end *e)
{
	struct process *p = &e->writer;
	uint64_t left = e->to_write - p->total, room = ring_free(e->produce);

	if (e->hs.peer_shutdown & VMSOCK_SHUTDOWN_RECEIVE) {
		write_refused(w, e);
	} else if (!left) {
		written(w, e);
	} else if (p->total >= e->pause_at) {
		e->pause_at = UINT64_MAX;
		p->state = PAUSED;
	} else {
		e->owner = p;
		if (room)
			write_bytes(w, e, room < left ? room : left);
		else
			p->state = BLOCKING;
	}
}

/* End of a step that owned the socket; the process goes on, or sleeps */
static void release(struct end *e, struct process *p, bool sleeps)
{
	p->state = sleeps ? SLEEPING : RUNNING;
	e->owner = NULL;
}

static void writer_step(struct world *w, struct end *e)
{
	struct process *p = &e->writer;

	switch (p->state) {
	case RUNNING:
		write_some(w, e);
		break;
	case MOVED:
		carry_out(w, e,
			  vmsock_notify_enqueued(&e->notify, p->moved, p->index,
						 ring_ready(e->produce)) |
				  (e->chatty ? VMSOCK_SEND_WROTE : 0));
		release(e, p, false);
		break;
	case BLOCKING:
		carry_out(w, e, vmsock_notify_send_block(&e->notify, e->produce->tail, 0));
		p->state = TESTING;
		break;
	default: /* TESTING */
		release(e, p, !w->test_again || !ring_free(e->produce));
	}
}

/*
 * Reader
 */

static bool at_end(const struct end *e)
{
	return e->hs.peer_shutdown & VMSOCK_SHUTDOWN_SEND;
}

static void begin_recv(struct world *w, struct end *e)
{
	struct process *p = &e->reader;

	p->polling = !roll(w, 4);
	p->got = 0;
	p->target = roll(w, 2) ? 1 : 1 + roll(w, e->consume->size - 1);
	if (!p->polling)
		vmsock_notify_recv_begin(&e->notify, p->target);
}

static void end_of_file(struct world *w, struct end *e)
{
	struct end *other = e->other;

	if (!has_left(other) && !(other->shut & VMSOCK_SHUTDOWN_SEND))
		fail(w, "end of file, and the peer goes on writing");
	if (e->reader.total != other->writer.total)
		fail(w, "end of file, and bytes are missing");
	e->reader.state = FINISHED;
	e->told_end = true;
	close_if_done(e);
}

static void read_bytes(struct world *w, struct end *e, uint64_t ready)
{
	struct process *p = &e->reader;

	p->moved = roll(w, 2) ? ready : 1 + roll(w, ready);
	p->index = e->consume->head;
	take(w, e, p->moved);
	p->total += p->moved;
	p->got += p->moved;
	p->state = MOVED;
}

static void read_some(struct world *w, struct end *e)
{
	struct process *p = &e->reader;
	uint64_t ready;

	if (p->polling || p->got >= p->target)
		begin_recv(w, e);
	/* recv looks at the state first (vsock.md 4.7 row 2) */
	ready = established(e) ? ring_ready(e->consume) : 0;
	if (!established(e) || (!ready && at_end(e))) {
		end_of_file(w, e);
		return;
	}
	e->owner = p;
	if (ready)
		read_bytes(w, e, ready);
	else
		p->state = BLOCKING;
}

static void reader_step(struct world *w, struct end *e)
{
	struct process *p = &e->reader;

	switch (p->state) {
	case RUNNING:
		read_some(w, e);
		break;
	case MOVED:
		carry_out(w, e,
			  vmsock_notify_dequeued(&e->notify, p->moved, p->index,
						 ring_free(e->consume)) |
				  (e->chatty ? VMSOCK_SEND_READ : 0));
		release(e, p, false);
		break;
	case BLOCKING:
		carry_out(w, e,
			  vmsock_notify_recv_block(&e->notify, e->consume->head,
						   ring_free(e->consume),
						   p->polling ? 1 : p->target, p->polling));
		p->state = TESTING;
		break;
	default: /* TESTING */
		release(e, p, !w->test_again || !ring_ready(e->consume));
	}
}

/*
 * Scheduling
 */

static bool can_run(const struct end *e, const struct process *p)
{
	if (e->gone || (e->owner && e->owner != p))
		return false;
	return p->state == RUNNING || p->state == MOVED || p->state == BLOCKING ||
	       p->state == TESTING;
}

static bool step_process(struct world *w, struct end *e, struct process *p,
			 void (*step)(struct world *, struct end *))
{
	if (!can_run(e, p))
		return false;
	step(w, e);
	return true;
}

static bool step_arrival(struct world *w, struct end *e)
{
	if (!e->wire.count && !e->event)
		return false;
	arrive(w, e);
	return true;
}

static bool step_input(struct world *w, struct end *e)
{
	if (e->owner || (!e->input.count && !e->event_arrived))
		return false;
	handle_input(w, e);
	return true;
}

static bool step_timer(struct world *w, struct end *e)
{
	if (e->owner || !e->unsent || !has_room(w, e->other))
		return false;
	carry_out(w, e, e->unsent);
	return true;
}

static bool step_noise(struct world *w)
{
	if (!w->noise)
		return false;
	make_noise(w);
	return true;
}

static bool step_actor(struct world *w, unsigned int actor)
{
	struct end *e = actor < ACTORS_OF_END ? &w->client : &w->server;

	if (actor == NOISE)
		return step_noise(w);
	switch (actor % ACTORS_OF_END) {
	case 0:
		return step_process(w, e, &e->writer, writer_step);
	case 1:
		return step_process(w, e, &e->reader, reader_step);
	case 2:
		return step_arrival(w, e);
	case 3:
		return step_input(w, e);
	default:
		return step_timer(w, e);
	}
}

static unsigned int choose(struct world *w)
{
	unsigned int sum = 0, at;

	for (unsigned int i = 0; i < ACTORS; i++)
		sum += w->weight[i];
	at = (unsigned int)roll(w, sum);
	for (unsigned int i = 0; i < ACTORS; i++) {
		if (at < w->weight[i])
			return i;
		at -= w->weight[i];
	}
	return 0;
}

static bool do_due_deed(struct world *w, struct end *e)
{
	if (!e->deeds_left || e->gone || e->owner || e->deeds[e->deeds_left - 1].when > w->steps)
		return false;
	do_deed(w, e);
	return true;
}

static bool step_someone(struct world *w)
{
	unsigned int first = choose(w);

	if (do_due_deed(w, &w->client) || do_due_deed(w, &w->server))
		return true;
	for (unsigned int i = 0; i < ACTORS; i++)
		if (step_actor(w, (first + i) % ACTORS))
			return true;
	return false;
}

/*
 * When all is quiet: is it right so, and what time brings
 */

static void judge_sleepers(struct world *w, const struct end *e)
{
	if (e->gone)
		return;
	if (e->writer.state == SLEEPING)
		fail(w, "stall: a writer sleeps, and nobody will wake it");
	if (e->reader.state == SLEEPING && e->other->writer.state != PAUSED)
		fail(w, "stall: a reader sleeps, and nobody will wake it");
	if (e->reader.state == SLEEPING && (readable(e) || at_end(e)))
		fail(w, "stall: a reader sleeps, and there is something to read");
}

/* A peer that is no more, or answered INVALID with one RST too few, is noticed by time alone */
static void judge_attempt(struct world *w, const struct end *e)
{
	if (!e->gone && (connecting(e) || e->hs.state == VMSOCK_PENDING) && !w->disturbed)
		fail(w, "stall: the handshake does not go on");
}

static bool resume(struct process *p)
{
	if (p->state != PAUSED)
		return false;
	p->state = RUNNING;
	return true;
}

static bool do_next_deed(struct world *w)
{
	struct end *first = roll(w, 2) ? &w->client : &w->server;

	for (int i = 0; i < 2; i++, first = first->other) {
		if (!first->deeds_left || first->gone)
			continue;
		do_deed(w, first);
		return true;
	}
	return false;
}

static bool time_out(struct end *e)
{
	if (e->gone || (!connecting(e) && e->hs.state != VMSOCK_PENDING))
		return false;
	give_up(e);
	return true;
}

/* A program closes what is done or failed, and a listener that nobody will ask any more */
static bool close_unused(struct end *e)
{
	if (e->gone || !(is_done(e) || e->failed ||
			 (e->hs.state == VMSOCK_IDLE && has_left(e->other))))
		return false;
	close_end(e);
	return true;
}

static bool time_passes(struct world *w)
{
	struct end *c = &w->client, *s = &w->server;

	judge_sleepers(w, c);
	judge_sleepers(w, s);
	judge_attempt(w, c);
	judge_attempt(w, s);
	if (w->failure)
		return false;
	if (roll(w, 2) && do_next_deed(w))
		return true;
	return resume(&c->writer) || resume(&s->writer) || time_out(c) || time_out(s) ||
	       do_next_deed(w) || close_unused(c) || close_unused(s);
}

/*
 * One seed
 */

static uint64_t random_size(struct world *w)
{
	static const uint64_t most[] = { 4, 32, 400, 9000 };

	return 2 + roll(w, most[roll(w, 4)]);
}

static void set_up_deeds(struct world *w, struct end *e)
{
	e->deeds_left = (unsigned int)roll(w, DEEDS + 1);
	for (unsigned int i = 0; i < e->deeds_left; i++) {
		e->deeds[i].kind = (enum deed_kind)(1 + roll(w, DEED_KINDS - 1));
		e->deeds[i].when = (unsigned int)roll_magnitude(w, 14);
	}
}

static void set_up_end(struct world *w, struct end *e, struct end *other, const char *name,
		       struct vmsock_addr local)
{
	e->name = name;
	e->other = other;
	e->limits = (struct vmsock_limits){ random_size(w), 2, 1u << 20 };
	e->to_write = roll(w, 8) ? roll(w, 1 + 6 * e->limits.size) : 0;
	e->pause_at = roll(w, 2) ? roll(w, 1 + e->to_write) : UINT64_MAX;
	e->chatty = !roll(w, 5);
	e->closes_early = !roll(w, 6);
	e->lingers = !roll(w, 3);
	e->wire.packets = malloc(QUEUE_MAX * sizeof(*e->wire.packets));
	e->input.packets = malloc(QUEUE_MAX * sizeof(*e->input.packets));
	vmsock_handshake_init(&e->hs, local);
}

static void set_up_transport(struct world *w)
{
	w->at_once = (enum at_once)roll(w, AT_ONCE_KINDS);
	/* Who is woken at any moment has to look again before he sleeps; others need not */
	w->test_again = w->at_once == AT_ONCE_ALWAYS || roll(w, 2);
	w->events_overtake = roll(w, 2);
	w->quota = roll(w, 3) ? QUEUE_MAX / 2 : 1 + (unsigned int)roll(w, 8);
	w->queue_pair_fails = roll(w, 16) ? 0 : 50;
	w->noise = roll(w, 2) ? (unsigned int)roll_magnitude(w, 6) : 0;
	for (unsigned int i = 0; i < ACTORS; i++)
		w->weight[i] = roll(w, 3) ? 8 : 1 + (unsigned int)roll(w, 64);
}

static struct world *set_up(uint64_t seed)
{
	struct world *w = calloc(1, sizeof(*w));

	w->seed = seed;
	w->random = seed * UINT64_C(0x9e3779b97f4a7c15);
	w->server_kind = roll(w, 3) ? SERVER_CURRENT : (enum server_kind)roll(w, SERVER_KINDS);
	w->old_protocol = !roll(w, 4);
	w->page = 2 + roll(w, roll(w, 2) ? 64 : 4096);
	set_up_transport(w);
	set_up_end(w, &w->client, &w->server, "client", client_addr);
	set_up_end(w, &w->server, &w->client, "server", server_addr);
	if (roll(w, 2)) {
		set_up_deeds(w, &w->client);
		set_up_deeds(w, &w->server);
	}
	if (!roll(w, 4))
		leave_behind(w);
	return w;
}

static void start(struct world *w)
{
	struct vmsock_step step = vmsock_handshake_connect(&w->client.hs, server_addr,
							   w->client.limits, w->old_protocol);

	send_packet(w, &w->client, step.packet);
}

static void tear_down(struct world *w)
{
	free(w->client.wire.packets);
	free(w->client.input.packets);
	free(w->server.wire.packets);
	free(w->server.input.packets);
	free(w->rings[0].bytes);
	free(w->rings[1].bytes);
	free(w);
}

/* Who did not stop reading by himself was told the end, and then he had every byte */
static void judge_reader(struct world *w, const struct end *e)
{
	if (!e->gone)
		fail(w, "an end was not closed");
	if (e->told_end && e->reader.total != e->other->writer.total)
		fail(w, "bytes came after the end of file");
}

static void judge(struct world *w)
{
	judge_reader(w, &w->client);
	judge_reader(w, &w->server);
}

static void add_up(const struct world *w, struct simulation_sums *sums)
{
	const struct end *c = &w->client, *s = &w->server;

	sums->bytes += c->reader.total + s->reader.total;
	sums->established += c->was_connected && s->was_connected;
	sums->cut += c->writer.total < c->to_write || s->writer.total < s->to_write;
	sums->steps += w->steps;
}

static void describe_end(FILE *to, const struct end *e)
{
	fprintf(to,
		"%s: state %d, size %" PRIu64 ", style %u, wrote %" PRIu64 " of %" PRIu64
		", read %" PRIu64 ", writer %d, reader %d, shut %u, peer shut %u, gone %d,"
		" unsent 0x%x, wire %u, input %u, W %" PRIu64 " M %" PRIu64 " PWW %d\n",
		e->name, (int)e->hs.state, (uint64_t)e->hs.size, e->hs.proto, e->writer.total,
		e->to_write, e->reader.total, (int)e->writer.state, (int)e->reader.state, e->shut,
		e->hs.peer_shutdown, e->gone, e->unsent, e->wire.count, e->input.count,
		(uint64_t)e->notify.window, (uint64_t)e->notify.min_window,
		e->notify.peer_waits_write);
}

static char *describe(const struct world *w)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	fprintf(to, "%s, after %u steps\n", w->failure, w->steps);
	fprintf(to, "server kind %d, old protocol %d, page %" PRIu64
		", at once %d, test again %d, overtake %d, quota %u\n",
		(int)w->server_kind, w->old_protocol, w->page, (int)w->at_once, w->test_again,
		w->events_overtake, w->quota);
	describe_end(to, &w->client);
	describe_end(to, &w->server);
	fclose(to);
	return text;
}

char *simulation_run(uint64_t seed, struct simulation_sums *sums)
{
	struct world *w = set_up(seed);
	char *fault;

	start(w);
	while (!w->failure && (step_someone(w) || time_passes(w)))
		if (++w->steps == STEPS_MAX)
			fail(w, "no end");
	if (!w->failure)
		judge(w);
	fault = w->failure ? describe(w) : NULL;
	add_up(w, sums);
	tear_down(w);
	return fault;
}
