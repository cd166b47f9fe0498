/* SPDX-License-Identifier: GPL-2.0-or-later */
/* simulation-world.h - what the files of the simulation share
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef TESTS_UNIT_SIMULATION_WORLD_H
#define TESTS_UNIT_SIMULATION_WORLD_H

#include <common/address.h>
#include <common/handshake.h>
#include <common/notify.h>
#include <common/ring.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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

static const struct vmsock_addr client_addr = { 77, 1024 }, server_addr = { 2, 15000 };

/* simulation.c */
uint64_t roll(struct world *w, uint64_t sides);
void fail(struct world *w, const char *why);

/* simulation-transport.c */
struct vmsock_packet pop(struct queue *q);
void send_packet(struct world *w, struct end *e, struct vmsock_packet pkt);
void answer(struct world *w, struct end *e, uint8_t type, const struct vmsock_packet *cause);
bool has_room(const struct world *w, const struct end *to);
bool from_peer(const struct end *e, const struct vmsock_packet *pkt);
void arrive(struct world *w, struct end *e);
void make_noise(struct world *w);
void leave_behind(struct world *w);

/* simulation-socket.c */
void wake(struct process *p);
void carry_out(struct world *w, struct end *e, unsigned int bits);
uint64_t ring_free(const struct ring *r);
uint64_t ring_ready(const struct ring *r);
void put(struct world *w, struct end *e, uint64_t count);
void take(struct world *w, struct end *e, uint64_t count);
bool readable(const struct end *e);
bool connecting(const struct end *e);
bool established(const struct end *e);
void close_end(struct end *e);
void leave_attempt(struct end *e);
void handle_input(struct world *w, struct end *e);

/* simulation-program.c */
bool is_done(const struct end *e);
bool has_left(const struct end *e);
void start_program(struct end *e);
void give_up(struct end *e);
void do_deed(struct world *w, struct end *e);
void writer_step(struct world *w, struct end *e);
bool at_end(const struct end *e);
void reader_step(struct world *w, struct end *e);

#endif /* TESTS_UNIT_SIMULATION_WORLD_H */
