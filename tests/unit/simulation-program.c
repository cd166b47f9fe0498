// SPDX-License-Identifier: GPL-2.0-or-later
/* simulation-program.c - who uses a socket: a writer, a reader, and their deeds
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "simulation-world.h"

/*
 * Programs
 */

bool is_done(const struct end *e)
{
	return e->writer.state == FINISHED && e->reader.state == FINISHED;
}

static void close_if_done(struct end *e)
{
	if (!e->gone && !e->lingers && is_done(e))
		close_end(e);
}

/* Closed, or back from a connect that failed */
bool has_left(const struct end *e)
{
	return e->gone || e->failed;
}

/* Both processes start; what was shut down while connecting stays so */
void start_program(struct end *e)
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

void give_up(struct end *e)
{
	if (!connecting(e) && e->hs.state != VMSOCK_PENDING)
		return;
	vmsock_handshake_cancel(&e->hs);
	leave_attempt(e);
}

void do_deed(struct world *w, struct end *e)
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

void writer_step(struct world *w, struct end *e)
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

bool at_end(const struct end *e)
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

void reader_step(struct world *w, struct end *e)
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
