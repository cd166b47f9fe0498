/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * notify.h - flow notification of a connection, packet and queue-state styles
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vsock.md section 6.  Theory of operation: the user
 * calls one function for each event with indexes it has read once, and sends
 * what the returned bits ask for.  Bits are VMSOCK_SEND_*; after sending it
 * reports the outcome, because some variables change only when the packet was
 * really sent.  The user serialises the calls for one socket, keeps asking,
 * sending and reporting in one critical section, and provides the full barriers
 * of 6.4 between moving an index and reading the other one.
 */
#ifndef VMSOCK_COMMON_NOTIFY_H
#define VMSOCK_COMMON_NOTIFY_H

#include <vmci/packet.h>

#define VMSOCK_SEND_WROTE		0x1u
#define VMSOCK_SEND_READ		0x2u
#define VMSOCK_SEND_WAITING_READ	0x4u
#define VMSOCK_SEND_WAITING_WRITE	0x8u
#define VMSOCK_WAKE_READERS		0x10u
#define VMSOCK_WAKE_WRITERS		0x20u

/**
 * struct vmsock_notify - variables of vsock.md 6.1
 * @proto: VMSOCK_PROTO_PACKET or VMSOCK_PROTO_QUEUE_STATE
 * @size: N, bytes of each ring
 * @page: tuning constant PAGE, bytes, at least 2: a window of 1 byte never opens
 * @window: W
 * @min_window: M
 * @peer_waits_write: PWW
 * @detected: DET
 * @peer_waits_read: PWR (packet style)
 * @announced_read: SWR, WAITING_READ outstanding (packet style)
 * @announced_write: SWW, WAITING_WRITE outstanding (packet style)
 * @notify_on_block: ask for READ once before sleeping
 * @produce_generation: Gp
 * @consume_generation: Gc
 * @wait: wait info for the WAITING_* packet asked for last
 */
struct vmsock_notify {
	__u16 proto;
	__u64 size;
	__u64 page;
	__u64 window;
	__u64 min_window;
	_Bool peer_waits_write;
	_Bool detected;
	_Bool peer_waits_read;
	_Bool announced_read;
	_Bool announced_write;
	_Bool notify_on_block;
	__u64 produce_generation;
	__u64 consume_generation;
	struct vmsock_wait_info wait;
};

/* Mode chosen and size known: initial values */
void vmsock_notify_init(struct vmsock_notify *n, __u16 proto, __u64 size, __u64 page);

/* recv enters, wanting at least @target bytes: may raise the windows */
void vmsock_notify_recv_begin(struct vmsock_notify *n, __u64 target);

/**
 * vmsock_notify_recv_block() - the reader is about to sleep, or poll finds too little data
 * @n: of the connection
 * @head: own head in the consume queue
 * @free: free bytes of the consume queue
 * @target: bytes wanted; poll passes 1
 * @poll: called by poll: never asks for READ
 *
 * Return: bits to send, WAITING_READ before READ; the first one failing ends the call.
 */
unsigned int vmsock_notify_recv_block(struct vmsock_notify *n, __u64 head, __u64 free,
				      __u64 target, _Bool poll);

/**
 * vmsock_notify_dequeued() - bytes were taken from the consume queue, not peeked
 * @n: of the connection
 * @count: bytes taken
 * @head: own head before
 * @free: free bytes of the consume queue now, read after a full barrier
 *
 * Return: bits to send; VMSOCK_WAKE_READERS when data is left for another reader
 * (queue-state style, where no WROTE will tell it).
 */
unsigned int vmsock_notify_dequeued(struct vmsock_notify *n, __u64 count, __u64 head, __u64 free);

/**
 * vmsock_notify_send_block() - the writer is about to sleep, or poll finds no space
 * @n: of the connection
 * @tail: own tail in the produce queue
 * @free: free bytes of the produce queue; nothing is asked for while > 0
 *
 * Return: bits to send.
 */
unsigned int vmsock_notify_send_block(struct vmsock_notify *n, __u64 tail, __u64 free);

/**
 * vmsock_notify_enqueued() - bytes were put into the produce queue
 * @n: of the connection
 * @count: bytes
 * @tail: own tail before
 * @ready: bytes ready in the produce queue now, read after a full barrier
 *
 * Return: bits to send.
 */
unsigned int vmsock_notify_enqueued(struct vmsock_notify *n, __u64 count, __u64 tail, __u64 ready);

/**
 * vmsock_notify_packet() - WROTE, READ or WAITING_* was received
 * @n: of the connection
 * @type: its type; WAITING_* are ignored in queue-state style
 * @produce_ready: bytes ready in the produce queue
 * @consume_free: free bytes of the consume queue
 *
 * Return: bits to send, and whom to wake.
 */
unsigned int vmsock_notify_packet(struct vmsock_notify *n, __u8 type, __u64 produce_ready,
				  __u64 consume_free);

/**
 * vmsock_notify_sent() - outcome of one packet asked for
 * @n: of the connection
 * @what: one VMSOCK_SEND_* bit
 * @delivered: it was sent, or (READ, WROTE) skipped because the peer does not receive
 */
void vmsock_notify_sent(struct vmsock_notify *n, unsigned int what, _Bool delivered);

#endif /* VMSOCK_COMMON_NOTIFY_H */
