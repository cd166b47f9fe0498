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
#include <inttypes.h>
#include <stdio.h>

#include "simulation.h"
#include "simulation-world.h"

#define STEPS_MAX	2000000u

uint64_t roll(struct world *w, uint64_t sides)
{
	w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (w->random >> 33) % sides;
}

/* Small numbers as often as large ones */
static uint64_t roll_magnitude(struct world *w, unsigned int bits)
{
	return roll(w, UINT64_C(2) << roll(w, bits));
}

void fail(struct world *w, const char *why)
{
	if (!w->failure)
		w->failure = why;
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
