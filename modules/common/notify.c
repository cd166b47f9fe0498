/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * notify.c - flow notification of a connection, packet and queue-state styles
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "common/notify.h"

static _Bool packet_style(const struct vmsock_notify *n)
{
	return n->proto == VMSOCK_PROTO_PACKET;
}

void vmsock_notify_init(struct vmsock_notify *n, __u16 proto, __u64 size, __u64 page)
{
	__builtin_memset(n, 0, sizeof(*n));
	n->proto = proto;
	n->size = size;
	n->page = page;
	n->window = size;
	n->min_window = page < size ? page : size;
}

static void grow_window(struct vmsock_notify *n)
{
	n->window = n->size - n->window > n->page ? n->window + n->page : n->size;
}

static void shrink_window(struct vmsock_notify *n)
{
	__u64 less = n->window < n->page ? 0 : n->window - n->page;

	n->window = less < n->min_window ? n->min_window : less;
}

/* Should READ be sent now (vsock.md 6.2)?  Returns the bit that says so, or 0 */
static unsigned int read_due(struct vmsock_notify *n, __u64 free)
{
	if (!n->peer_waits_write)
		return 0;
	if (!n->detected) {
		n->detected = 1;
		shrink_window(n);
	}
	if (free <= n->size - n->window)
		return 0;
	n->detected = 0;
	return VMSOCK_SEND_READ;
}

void vmsock_notify_recv_begin(struct vmsock_notify *n, __u64 target)
{
	/* A target that the ring cannot hold is refused by recv, and must not break the windows */
	__u64 least = target < n->size ? target + 1 : n->size;

	n->notify_on_block = 0;
	if (n->min_window >= least)
		return;
	n->min_window = least;
	if (n->window >= least)
		return;
	n->window = least;
	n->notify_on_block = 1;
}

/* What to tell the writer when the reader wants @target bytes (vsock.md 6.3, wait info) */
static unsigned int announce_read(struct vmsock_notify *n, __u64 head, __u64 target)
{
	__u64 left = n->size - head;
	_Bool wraps = target >= left;

	n->wait.offset = wraps ? target - left : head + target;
	n->wait.generation = n->consume_generation + wraps;
	return VMSOCK_SEND_WAITING_READ;
}

/* The same for a writer that wants room for one byte; one more tells full from empty */
static unsigned int announce_write(struct vmsock_notify *n, __u64 tail)
{
	const __u64 need = 1 + 1;
	__u64 left = n->size - tail;
	_Bool wraps = need >= left;

	n->wait.offset = wraps ? need - left : tail + need;
	n->wait.generation = n->produce_generation - !wraps;
	return VMSOCK_SEND_WAITING_WRITE;
}

unsigned int vmsock_notify_recv_block(struct vmsock_notify *n, __u64 head, __u64 free,
				      __u64 target, _Bool poll)
{
	unsigned int bits = 0;

	if (!packet_style(n)) {
		grow_window(n);
	} else if (!n->announced_read) {
		grow_window(n);
		bits |= announce_read(n, head, target);
	}
	if (!poll && n->notify_on_block) {
		n->notify_on_block = 0;
		bits |= read_due(n, free);
	}
	return bits;
}

unsigned int vmsock_notify_dequeued(struct vmsock_notify *n, __u64 count, __u64 head, __u64 free)
{
	unsigned int bits = 0;

	if (!count)
		return 0;
	if (packet_style(n)) {
		if (count >= n->size - head)
			n->consume_generation++;
	} else {
		if (free == count)
			n->peer_waits_write = 1;
		if (free < n->size - 1)
			bits |= VMSOCK_WAKE_READERS;
	}
	return bits | read_due(n, free);
}

unsigned int vmsock_notify_send_block(struct vmsock_notify *n, __u64 tail, __u64 free)
{
	if (free || !packet_style(n) || n->announced_write)
		return 0;
	return announce_write(n, tail);
}

static unsigned int packet_style_enqueued(struct vmsock_notify *n, __u64 count, __u64 tail,
					  __u64 ready)
{
	if (count >= n->size - tail)
		n->produce_generation++;
	return n->peer_waits_read && ready ? VMSOCK_SEND_WROTE : 0;
}

unsigned int vmsock_notify_enqueued(struct vmsock_notify *n, __u64 count, __u64 tail, __u64 ready)
{
	if (!count)
		return 0;
	if (packet_style(n))
		return packet_style_enqueued(n, count, tail, ready);
	return ready == count ? VMSOCK_SEND_WROTE : 0;
}

static unsigned int waiting_packet(struct vmsock_notify *n, __u8 type, __u64 produce_ready,
				   __u64 consume_free)
{
	switch (type) {
	case VMSOCK_PACKET_WAITING_READ:
		n->peer_waits_read = 1;
		return produce_ready ? VMSOCK_SEND_WROTE : 0;
	case VMSOCK_PACKET_WAITING_WRITE:
		n->peer_waits_write = 1;
		return read_due(n, consume_free);
	default:
		return 0;
	}
}

unsigned int vmsock_notify_packet(struct vmsock_notify *n, __u8 type, __u64 produce_ready,
				  __u64 consume_free)
{
	switch (type) {
	case VMSOCK_PACKET_WROTE:
		n->announced_read = 0;
		return VMSOCK_WAKE_READERS;
	case VMSOCK_PACKET_READ:
		n->announced_write = 0;
		return VMSOCK_WAKE_WRITERS;
	default:
		return packet_style(n) ? waiting_packet(n, type, produce_ready, consume_free) : 0;
	}
}

void vmsock_notify_sent(struct vmsock_notify *n, unsigned int what, _Bool delivered)
{
	if (!delivered)
		return;
	switch (what) {
	case VMSOCK_SEND_READ:
		n->peer_waits_write = 0;
		break;
	case VMSOCK_SEND_WROTE:
		n->peer_waits_read = 0;
		break;
	case VMSOCK_SEND_WAITING_READ:
		n->announced_read = 1;
		break;
	case VMSOCK_SEND_WAITING_WRITE:
		n->announced_write = 1;
		break;
	}
}
