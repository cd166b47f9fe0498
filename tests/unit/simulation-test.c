// SPDX-License-Identifier: GPL-2.0-or-later
/* simulation-test.c - two endpoints, random sizes and random order of everything
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A client and a server made of modules/common alone are joined by two FIFOs of
 * control packets and two rings.  At each end a writer, a reader and the
 * delivery of packets take small steps; a seed decides who goes next, so any of
 * them may be slow.  Between two steps of one call the other end may do
 * anything; at the same end the call owns the socket, as a kernel does it.  A
 * seed fails when a byte is wrong or missing, when nobody can go on before both
 * ends are done (a lost wake-up), or when it never ends.
 *
 * Usage: simulation-test [first seed [number of seeds]]
 */
#include <common/address.h>
#include <common/handshake.h>
#include <common/notify.h>
#include <common/ring.h>

#include "tap.h"

#define SEEDS		2000u
#define SEEDS_A_TEST	200u
#define STEPS_MAX	2000000u
#define INBOX_MAX	4096u

enum ending {
	END_HALF_CLOSE,		/* SHUTDOWN when written, close when all is read */
	END_ABRUPT,		/* the client closes as soon as it has written */
	ENDINGS
};

enum server_kind {
	SERVER_CURRENT,
	SERVER_OLD,		/* first generation: INVALID, then RST, to REQUEST2 */
	SERVER_OLD_POLITE,	/* INVALID alone */
	SERVER_KINDS
};

enum process_state {
	CLOSED_YET,	/* not connected */
	RUNNING,
	MOVED,		/* index moved, not told yet; owns the socket */
	BLOCKING,	/* nothing to do, not told yet; owns the socket */
	TESTING,	/* told, tests once more; owns the socket */
	SLEEPING,
	FINISHED,
};

struct ring {
	uint8_t *bytes;
	uint64_t size, tail, head;
};

struct item {
	bool detach;		/* else a packet */
	struct vmsock_packet pkt;
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
	struct item *inbox;
	unsigned int first, count;
	uint64_t to_write;
	bool attached, gone, told_end;
	bool chatty;		/* tells after every move, as a simple peer may (vsock.md 6.5) */
	bool waiting_read, waiting_write;	/* announcements on their way or unanswered */
};

struct world {
	uint64_t seed, random;
	enum ending ending;
	enum server_kind server_kind;
	bool old_protocol, test_again;
	uint64_t page;
	unsigned int weight[6];
	struct ring rings[2];
	struct end client, server;
	const char *failure;
};

static const struct vmci_handle queue_pair = { 77, 1025 };

static uint64_t roll(struct world *w, uint64_t sides)
{
	w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (w->random >> 33) % sides;
}

static void fail(struct world *w, const char *why)
{
	if (!w->failure)
		w->failure = why;
}

static bool is_client(const struct end *e)
{
	return e->hs.local.cid == 77;
}

/* What byte @i from this end is */
static uint8_t pattern(const struct world *w, const struct end *e, uint64_t i)
{
	return (uint8_t)((i * 2654435761u + w->seed * 40503u + (is_client(e) ? 0 : 91)) >> 7);
}

/*
 * Packets
 */

static void post(struct world *w, struct end *to, const struct vmsock_packet *pkt)
{
	struct item *item;

	if (to->count == INBOX_MAX) {
		fail(w, "flood of packets");
		return;
	}
	item = &to->inbox[(to->first + to->count++) % INBOX_MAX];
	memset(item, 0, sizeof(*item));
	item->detach = !pkt;
	if (pkt)
		item->pkt = *pkt;
}

static void check_announcement(struct world *w, bool *waiting, uint16_t proto)
{
	if (proto == VMSOCK_PROTO_QUEUE_STATE)
		fail(w, "12.171: WAITING packet in queue-state style");
	if (*waiting)
		fail(w, "12.173, 12.174: announced twice");
	*waiting = true;
}

static void send_packet(struct world *w, struct end *e, struct vmsock_packet pkt)
{
	pkt.dg.src.context = e->hs.local.cid;
	if (vmsock_packet_check(&pkt.dg, sizeof(pkt)) != VMSOCK_PACKET_OK)
		fail(w, "a bad packet was made");
	if (pkt.type == VMSOCK_PACKET_WAITING_READ)
		check_announcement(w, &e->waiting_read, e->hs.proto);
	if (pkt.type == VMSOCK_PACKET_WAITING_WRITE)
		check_announcement(w, &e->waiting_write, e->hs.proto);
	post(w, e->other, &pkt);
}

static void send_notification(struct world *w, struct end *e, unsigned int bit, uint8_t type)
{
	struct vmsock_packet pkt;

	if (!(e->hs.peer_shutdown & VMSOCK_SHUTDOWN_RECEIVE)) {
		vmsock_packet_init(&pkt, type, e->hs.local, e->hs.peer);
		if (bit & (VMSOCK_SEND_WAITING_READ | VMSOCK_SEND_WAITING_WRITE))
			pkt.u.wait = e->notify.wait;
		send_packet(w, e, pkt);
	}
	vmsock_notify_sent(&e->notify, bit, true);
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

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (bits & order[i].bit)
			send_notification(w, e, order[i].bit, order[i].type);
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

static void put(const struct world *w, struct end *e, uint64_t count)
{
	struct ring *r = e->produce;
	struct vmci_ring_span span = vmci_ring_cut(r->tail, count, r->size);

	for (uint64_t i = 0; i < count; i++) {
		uint64_t at = i < span.first ? span.offset + i : i - span.first;

		r->bytes[at] = pattern(w, e, e->writer.total + i);
	}
	r->tail = vmci_ring_advance(r->tail, count, r->size);
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

/*
 * Delivery
 */

static void act(struct world *w, struct end *e, struct vmsock_step step, uint8_t type)
{
	switch (step.action) {
	case VMSOCK_ACT_CREATE_QP:
		make_rings(w, e->hs.size);
		attach(w, e);
		act(w, e, vmsock_handshake_qp_created(&e->hs, queue_pair), type);
		return;
	case VMSOCK_ACT_ATTACH_QP:
		attach(w, e);
		act(w, e, vmsock_handshake_qp_attached(&e->hs), type);
		return;
	case VMSOCK_ACT_ESTABLISHED:
		e->writer.state = RUNNING;
		e->reader.state = RUNNING;
		break;
	case VMSOCK_ACT_FAILED:
		fail(w, "handshake failed");
		break;
	case VMSOCK_ACT_NOTIFY:
		if (type == VMSOCK_PACKET_WROTE)
			e->waiting_read = false;
		if (type == VMSOCK_PACKET_READ)
			e->waiting_write = false;
		carry_out(w, e,
			  vmsock_notify_packet(&e->notify, type, ring_ready(e->produce),
					       ring_free(e->consume)));
		break;
	case VMSOCK_ACT_WAKE:
		wake(&e->reader);
		wake(&e->writer);
		break;
	case VMSOCK_ACT_NONE:
		break;
	}
	if (step.send)
		send_packet(w, e, step.packet);
}

static void answer(struct world *w, struct end *e, uint8_t type, const struct vmsock_packet *cause)
{
	struct vmsock_packet pkt;

	vmsock_packet_reply(&pkt, type, cause);
	send_packet(w, e, pkt);
}

static void at_listener(struct world *w, struct end *e, const struct vmsock_packet *pkt)
{
	if (w->server_kind != SERVER_CURRENT && pkt->type == VMSOCK_PACKET_REQUEST2) {
		answer(w, e, VMSOCK_PACKET_INVALID, pkt);
		if (w->server_kind == SERVER_OLD)
			answer(w, e, VMSOCK_PACKET_RST, pkt);
		return;
	}
	act(w, e, vmsock_handshake_listen(&e->hs, e->limits, pkt, true), pkt->type);
}

static void deliver(struct world *w, struct end *e)
{
	struct item item = e->inbox[e->first];

	e->first = (e->first + 1) % INBOX_MAX;
	e->count--;
	if (e->gone) {
		if (!item.detach && item.pkt.type != VMSOCK_PACKET_RST)
			answer(w, e, VMSOCK_PACKET_RST, &item.pkt);
	} else if (item.detach) {
		act(w, e, vmsock_handshake_detached(&e->hs, readable(e)), 0);
	} else if (e->hs.state == VMSOCK_IDLE) {
		at_listener(w, e, &item.pkt);
	} else {
		act(w, e, vmsock_handshake_packet(&e->hs, &item.pkt, readable(e)), item.pkt.type);
	}
}

/*
 * Writer
 */

static void close_end(struct world *w, struct end *e)
{
	e->gone = true;
	e->writer.state = FINISHED;
	e->reader.state = FINISHED;
	e->owner = NULL;
	if (!e->other->gone)
		post(w, e->other, NULL);
}

static void close_if_done(struct world *w, struct end *e)
{
	if (!e->gone && e->writer.state == FINISHED && e->reader.state == FINISHED)
		close_end(w, e);
}

static void written(struct world *w, struct end *e)
{
	struct vmsock_step step;

	e->writer.state = FINISHED;
	if (w->ending == END_ABRUPT && is_client(e)) {
		close_end(w, e);
		return;
	}
	step = vmsock_handshake_shutdown(&e->hs, VMSOCK_SHUTDOWN_SEND);
	if (step.send)
		send_packet(w, e, step.packet);
	close_if_done(w, e);
}

static void write_some(struct world *w, struct end *e)
{
	struct process *p = &e->writer;
	uint64_t left = e->to_write - p->total, room;

	if (!left || (e->hs.peer_shutdown & VMSOCK_SHUTDOWN_RECEIVE)) {
		written(w, e);
		return;
	}
	e->owner = p;
	room = ring_free(e->produce);
	if (!room) {
		p->state = BLOCKING;
		return;
	}
	p->moved = room < left ? room : left;
	if (roll(w, 2))
		p->moved = 1 + roll(w, p->moved);
	p->index = e->produce->tail;
	put(w, e, p->moved);
	p->total += p->moved;
	p->state = MOVED;
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

static bool may_end(const struct end *e)
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

static void read_some(struct world *w, struct end *e)
{
	struct process *p = &e->reader;
	uint64_t ready;

	if (p->polling || p->got >= p->target)
		begin_recv(w, e);
	ready = ring_ready(e->consume);
	if (!ready && may_end(e)) {
		p->state = FINISHED;
		e->told_end = true;
		close_if_done(w, e);
		return;
	}
	e->owner = p;
	if (!ready) {
		p->state = BLOCKING;
		return;
	}
	p->moved = roll(w, 2) ? ready : 1 + roll(w, ready);
	p->index = e->consume->head;
	take(w, e, p->moved);
	p->total += p->moved;
	p->got += p->moved;
	p->state = MOVED;
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
	return p->state != CLOSED_YET && p->state != SLEEPING && p->state != FINISHED;
}

/* Actors 0 to 2 are the client's writer, reader and delivery, 3 to 5 the server's */
static bool step_actor(struct world *w, unsigned int actor)
{
	struct end *e = actor < 3 ? &w->client : &w->server;

	switch (actor % 3) {
	case 0:
		if (!can_run(e, &e->writer))
			return false;
		writer_step(w, e);
		return true;
	case 1:
		if (!can_run(e, &e->reader))
			return false;
		reader_step(w, e);
		return true;
	default:
		if (!e->count || e->owner)
			return false;
		deliver(w, e);
		return true;
	}
}

static unsigned int choose(struct world *w)
{
	unsigned int sum = 0, at;

	for (unsigned int i = 0; i < 6; i++)
		sum += w->weight[i];
	at = (unsigned int)roll(w, sum);
	for (unsigned int i = 0; i < 6; i++) {
		if (at < w->weight[i])
			return i;
		at -= w->weight[i];
	}
	return 0;
}

/* A receive queue is finite: its end goes first when it fills up */
static const struct end *overdue(const struct world *w)
{
	if (w->client.count > INBOX_MAX / 2)
		return &w->client;
	return w->server.count > INBOX_MAX / 2 ? &w->server : NULL;
}

static unsigned int choose_first(struct world *w)
{
	const struct end *e = overdue(w);
	unsigned int actor;

	if (!e)
		return choose(w);
	actor = e == &w->client ? 0 : 3;
	if (!e->owner)
		return actor + 2;
	return e->owner == &e->writer ? actor : actor + 1;
}

static bool step_someone(struct world *w)
{
	unsigned int first = choose_first(w);

	for (unsigned int i = 0; i < 6; i++)
		if (step_actor(w, (first + i) % 6))
			return true;
	return false;
}

/*
 * One seed
 */

static uint64_t random_size(struct world *w)
{
	static const uint64_t most[] = { 4, 32, 400, 9000 };

	return 2 + roll(w, most[roll(w, 4)]);
}

static void set_up_end(struct world *w, struct end *e, struct end *other, const char *name,
		       struct vmsock_addr local)
{
	e->name = name;
	e->other = other;
	e->limits = (struct vmsock_limits){ random_size(w), 2, 1u << 20 };
	e->to_write = roll(w, 8) ? roll(w, 1 + 6 * e->limits.size) : 0;
	e->chatty = !roll(w, 5);
	e->inbox = malloc(INBOX_MAX * sizeof(*e->inbox));
	vmsock_handshake_init(&e->hs, local);
}

static struct world *set_up(uint64_t seed)
{
	struct vmsock_addr client = { 77, 1024 }, server = { 2, 15000 };
	struct world *w = calloc(1, sizeof(*w));
	struct vmsock_step step;

	w->seed = seed;
	w->random = seed * UINT64_C(0x9e3779b97f4a7c15);
	w->ending = (enum ending)roll(w, ENDINGS);
	w->server_kind = roll(w, 3) ? SERVER_CURRENT : (enum server_kind)roll(w, SERVER_KINDS);
	w->old_protocol = !roll(w, 4);
	w->test_again = roll(w, 2);
	w->page = 1 + roll(w, roll(w, 2) ? 64 : 4096);
	for (unsigned int i = 0; i < 6; i++)
		w->weight[i] = roll(w, 3) ? 8 : 1 + (unsigned int)roll(w, 64);
	set_up_end(w, &w->client, &w->server, "client", client);
	set_up_end(w, &w->server, &w->client, "server", server);
	step = vmsock_handshake_connect(&w->client.hs, server, w->client.limits, w->old_protocol);
	send_packet(w, &w->client, step.packet);
	return w;
}

static void tear_down(struct world *w)
{
	free(w->client.inbox);
	free(w->server.inbox);
	free(w->rings[0].bytes);
	free(w->rings[1].bytes);
	free(w);
}

static void judge(struct world *w)
{
	struct end *c = &w->client, *s = &w->server;

	if (!c->gone || !s->gone)
		fail(w, "stall");
	else if (c->writer.total != c->to_write || s->reader.total != c->to_write)
		fail(w, "data of the client is missing");
	else if (!s->told_end)
		fail(w, "server was not told the end");
	else if (w->ending == END_HALF_CLOSE &&
		 (s->writer.total != s->to_write || c->reader.total != s->to_write))
		fail(w, "data of the server is missing");
}

static void report(const struct world *w, unsigned int steps)
{
	const struct end *ends[] = { &w->client, &w->server };

	diag("seed %" PRIu64 ": %s after %u steps", w->seed, w->failure, steps);
	diag("ending %d, server kind %d, old protocol %d, page %" PRIu64, (int)w->ending,
	     (int)w->server_kind, w->old_protocol, w->page);
	for (int i = 0; i < 2; i++)
		diag("%s: state %d, size %" PRIu64 ", style %u, wrote %" PRIu64 " of %" PRIu64
		     ", read %" PRIu64 ", writer %d, reader %d, W %" PRIu64 " M %" PRIu64 " PWW %d",
		     ends[i]->name, (int)ends[i]->hs.state, (uint64_t)ends[i]->hs.size,
		     ends[i]->hs.proto, ends[i]->writer.total, ends[i]->to_write,
		     ends[i]->reader.total, (int)ends[i]->writer.state,
		     (int)ends[i]->reader.state, (uint64_t)ends[i]->notify.window,
		     (uint64_t)ends[i]->notify.min_window, ends[i]->notify.peer_waits_write);
}

static bool run_seed(uint64_t seed, uint64_t *bytes)
{
	struct world *w = set_up(seed);
	unsigned int steps = 0;
	bool good;

	while (!w->failure && step_someone(w))
		if (++steps == STEPS_MAX)
			fail(w, "no end");
	if (!w->failure)
		judge(w);
	good = !w->failure;
	if (!good)
		report(w, steps);
	*bytes += w->client.reader.total + w->server.reader.total;
	tear_down(w);
	return good;
}

int main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	uint64_t last = first + (argc > 2 ? strtoull(argv[2], NULL, 0) : argc > 1 ? 1 : SEEDS);

	while (first < last) {
		uint64_t until = last - first < SEEDS_A_TEST ? last : first + SEEDS_A_TEST;
		uint64_t bytes = 0;
		bool good = true;

		for (uint64_t seed = first; seed < until; seed++)
			good = run_seed(seed, &bytes) && good;
		ok(good, "seeds %" PRIu64 " to %" PRIu64 ": every byte arrives, nobody stalls",
		   first, until - 1);
		diag("%" PRIu64 " bytes", bytes);
		first = until;
	}
	return done_testing();
}
