// SPDX-License-Identifier: GPL-2.0-or-later
/* notify.c - fuzz target: flow notification between two ends, and under hostile numbers
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The first byte chooses.  Two ends: the input is the order in which a writer and a reader of one
 * direction and the packets between them go on; afterwards everybody goes on until nobody can,
 * and then every byte must have arrived (no wake-up is lost, vsock.md 6.5).  Hostile: calls with
 * any numbers; the windows stay in their bounds and only known bits come out.
 */
#include <common/notify.h>
#include <common/ring.h>

#include "fuzz.h"

#define KNOWN_BITS	0x3fu
#define PACKETS_MAX	256u

struct channel {
	uint8_t types[PACKETS_MAX];
	unsigned int first, count;
};

struct pair {
	uint64_t size, tail, head, left, target;
	struct vmsock_notify producer, consumer;
	bool writer_sleeps, reader_sleeps, polls;
	bool asked_read, asked_write;	/* announcements without an answer */
	struct channel to_producer, to_consumer;
};

static void check_windows(const struct vmsock_notify *n)
{
	require(n->window <= n->size && n->min_window <= n->size);
	require(n->window >= n->min_window);
}

/*
 * Two ends
 */

static uint64_t ready(const struct pair *p)
{
	return (uint64_t)vmci_ring_ready(p->tail, p->head, p->size);
}

static uint64_t space(const struct pair *p)
{
	return (uint64_t)vmci_ring_free(p->tail, p->head, p->size);
}

/* More than this would be a flood: at most one packet for each byte that can be in the ring */
static void post(struct channel *to, uint8_t type)
{
	require(to->count < PACKETS_MAX);
	to->types[(to->first + to->count++) % PACKETS_MAX] = type;
}

static void check_announcement(bool *asked, uint16_t proto)
{
	require(proto == VMSOCK_PROTO_PACKET);	/* 12.171 */
	require(!*asked);			/* 12.173, 12.174 */
	*asked = true;
}

static void send_bits(struct pair *p, struct vmsock_notify *n, struct channel *to,
		      unsigned int bits)
{
	static const struct {
		unsigned int bit;
		uint8_t type;
	} packets[] = {
		{ VMSOCK_SEND_WAITING_READ, VMSOCK_PACKET_WAITING_READ },
		{ VMSOCK_SEND_WAITING_WRITE, VMSOCK_PACKET_WAITING_WRITE },
		{ VMSOCK_SEND_WROTE, VMSOCK_PACKET_WROTE },
		{ VMSOCK_SEND_READ, VMSOCK_PACKET_READ },
	};

	require((bits & ~KNOWN_BITS) == 0);
	check_windows(n);
	if (bits & VMSOCK_SEND_WAITING_READ)
		check_announcement(&p->asked_read, n->proto);
	if (bits & VMSOCK_SEND_WAITING_WRITE)
		check_announcement(&p->asked_write, n->proto);
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		if (!(bits & packets[i].bit))
			continue;
		post(to, packets[i].type);
		vmsock_notify_sent(n, packets[i].bit, true);
	}
}

static void producer_sends(struct pair *p, unsigned int bits)
{
	require(!(bits & (VMSOCK_SEND_READ | VMSOCK_SEND_WAITING_READ)));
	send_bits(p, &p->producer, &p->to_consumer, bits);
	if (bits & VMSOCK_WAKE_WRITERS)
		p->writer_sleeps = false;
}

static void consumer_sends(struct pair *p, unsigned int bits)
{
	require(!(bits & (VMSOCK_SEND_WROTE | VMSOCK_SEND_WAITING_WRITE)));
	send_bits(p, &p->consumer, &p->to_producer, bits);
	if (bits & VMSOCK_WAKE_READERS)
		p->reader_sleeps = false;
}

/* 12.170: in queue-state style WROTE says "no longer empty", and nothing else */
static void check_wrote(const struct pair *p, unsigned int bits, bool was_empty)
{
	if (p->producer.proto == VMSOCK_PROTO_QUEUE_STATE)
		require(bits == (was_empty ? VMSOCK_SEND_WROTE : 0));
	else
		require(bits == 0 || bits == VMSOCK_SEND_WROTE);
}

static bool write_step(struct pair *p, uint64_t most)
{
	uint64_t count = most < space(p) ? most : space(p), before = p->tail;
	bool was_empty = !ready(p);
	unsigned int bits;

	if (p->writer_sleeps || !p->left)
		return false;
	count = count < p->left ? count : p->left;
	if (count) {
		p->tail = vmci_ring_advance(p->tail, count, p->size);
		p->left -= count;
		bits = vmsock_notify_enqueued(&p->producer, count, before, ready(p));
		check_wrote(p, bits, was_empty);
	} else {
		p->writer_sleeps = true;
		bits = vmsock_notify_send_block(&p->producer, p->tail, 0);
	}
	producer_sends(p, bits);
	return true;
}

/* 12.172: what empties a ring that was full tells the writer, now or when it asks */
static bool read_step(struct pair *p, uint64_t most)
{
	uint64_t count = most < ready(p) ? most : ready(p), before = p->head;
	bool was_full = !space(p);
	unsigned int bits;

	if (p->reader_sleeps)
		return false;
	if (count) {
		p->head = vmci_ring_advance(p->head, count, p->size);
		bits = vmsock_notify_dequeued(&p->consumer, count, before, space(p));
		if (p->consumer.proto == VMSOCK_PROTO_QUEUE_STATE && was_full && !ready(p))
			require(bits & VMSOCK_SEND_READ);
	} else {
		p->reader_sleeps = true;
		bits = vmsock_notify_recv_block(&p->consumer, p->head, space(p),
						p->polls ? 1 : p->target, p->polls);
	}
	consumer_sends(p, bits);
	return true;
}

static bool deliver(struct channel *to, uint8_t *type)
{
	if (!to->count)
		return false;
	*type = to->types[to->first];
	to->first = (to->first + 1) % PACKETS_MAX;
	to->count--;
	return true;
}

static bool deliver_to_producer(struct pair *p)
{
	uint8_t type;

	if (!deliver(&p->to_producer, &type))
		return false;
	if (type == VMSOCK_PACKET_READ)
		p->asked_write = false;
	producer_sends(p, vmsock_notify_packet(&p->producer, type, ready(p), p->size - 1));
	return true;
}

static bool deliver_to_consumer(struct pair *p)
{
	uint8_t type;

	if (!deliver(&p->to_consumer, &type))
		return false;
	if (type == VMSOCK_PACKET_WROTE)
		p->asked_read = false;
	consumer_sends(p, vmsock_notify_packet(&p->consumer, type, 0, space(p)));
	return true;
}

static bool begin_recv(struct pair *p, struct input *in)
{
	p->target = 1 + take_size(in) % (p->size - 1);
	p->polls = take(in, 1) & 1;
	if (!p->polls)
		vmsock_notify_recv_begin(&p->consumer, p->target);
	check_windows(&p->consumer);
	return true;
}

/* A signal or another call: both look at the ring once more */
static bool wake_both(struct pair *p)
{
	p->writer_sleeps = false;
	p->reader_sleeps = false;
	return true;
}

/* Spurious packets are harmless (12.178) */
static bool babble(struct pair *p)
{
	if (p->to_consumer.count < 8)
		post(&p->to_consumer, VMSOCK_PACKET_WROTE);
	if (p->to_producer.count < 8)
		post(&p->to_producer, VMSOCK_PACKET_READ);
	return true;
}

static bool step(struct pair *p, struct input *in)
{
	switch (take(in, 1) % 9) {
	case 0:
		return write_step(p, take_size(in) | 1);
	case 1:
		return write_step(p, 1);
	case 2:
		return read_step(p, take_size(in) | 1);
	case 3:
		return read_step(p, 1);
	case 4:
		return deliver_to_producer(p);
	case 5:
		return deliver_to_consumer(p);
	case 6:
		return begin_recv(p, in);
	case 7:
		return wake_both(p);
	default:
		return babble(p);
	}
}

static void drain(struct channel *c, struct pair *p, bool (*deliver_one)(struct pair *))
{
	while (c->count > PACKETS_MAX / 2)
		deliver_one(p);
}

static void two_ends(struct input *in, uint16_t proto)
{
	uint64_t size = 2 + take(in, 2) % 5000, page = 2 + take(in, 2) % 5000;
	struct pair p = { .size = size, .target = 1 };

	p.left = take(in, 2) % (8 * size);
	vmsock_notify_init(&p.producer, proto, size, page);
	vmsock_notify_init(&p.consumer, proto, size, page);
	while (in->left) {
		step(&p, in);
		drain(&p.to_consumer, &p, deliver_to_consumer);
		drain(&p.to_producer, &p, deliver_to_producer);
	}
	/* Nothing but the packets moves the ends now */
	while (deliver_to_consumer(&p) || deliver_to_producer(&p) || read_step(&p, size) ||
	       write_step(&p, size))
		;
	require(p.left == 0);
	require(ready(&p) == 0);
}

/*
 * Hostile
 */

static unsigned int call(struct vmsock_notify *n, struct input *in)
{
	uint64_t a = take_size(in), b = take_size(in), c = take_size(in);

	switch (take(in, 1) % 7) {
	case 0:
		vmsock_notify_recv_begin(n, a);
		return 0;
	case 1:
		return vmsock_notify_recv_block(n, a, b, c, false);
	case 2:
		return vmsock_notify_recv_block(n, a, b, c, true);
	case 3:
		return vmsock_notify_dequeued(n, a, b, c);
	case 4:
		return vmsock_notify_send_block(n, a, b);
	case 5:
		return vmsock_notify_enqueued(n, a, b, c);
	default:
		return vmsock_notify_packet(n, (uint8_t)a, b, c);
	}
}

static void hostile(struct input *in, uint16_t proto)
{
	const unsigned int waiting = VMSOCK_SEND_WAITING_READ | VMSOCK_SEND_WAITING_WRITE;
	uint64_t size = 2 + take_size(in) % VMCI_MAX_GUEST_QP_MEMORY, page = 2 + take_size(in);
	struct vmsock_notify n;

	vmsock_notify_init(&n, proto, size, page);
	while (in->left) {
		unsigned int bits = call(&n, in);

		require((bits & ~KNOWN_BITS) == 0);
		require(proto == VMSOCK_PROTO_PACKET || !(bits & waiting));
		check_windows(&n);
		for (unsigned int i = 0; i < 4; i++)
			if (bits & 1u << i)
				vmsock_notify_sent(&n, 1u << i, take(in, 1) & 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
	struct input in = { data, length };
	uint64_t choice = take(&in, 1);
	uint16_t proto = choice & 1 ? VMSOCK_PROTO_QUEUE_STATE : VMSOCK_PROTO_PACKET;

	if (choice & 2)
		hostile(&in, proto);
	else
		two_ends(&in, proto);
	return 0;
}
