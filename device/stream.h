/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stream.h - a connection between a port of the host and one of the guest
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The first part is for back ends: bytes are moved between their descriptor and the pieces of the
 * guest's memory that stream_readable() and stream_writable() name.  Who gets 0 from one of them
 * calls the wait function of the same direction, looks once more, and is told by ready().
 */
#ifndef DEVICE_STREAM_H
#define DEVICE_STREAM_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "common/handshake.h"
#include "common/notify.h"
#include "queue_pair.h"

struct bond;
struct endpoint;
struct stream;
struct timer;

/**
 * stream_connect() - a program of the host connects to a port of the guest
 * @endpoint: of the VM
 * @port: of the guest
 * @connection: the back end's name for it
 *
 * Established() or closed() follows, not before this returns.
 *
 * Return: the stream, or NULL when there are too many, no memory, or nobody to ask.
 */
struct stream *stream_connect(struct endpoint *endpoint, __u32 port, void *connection);

/* The host's port */
__u32 stream_port(const struct stream *stream);

/* What the guest has written: bytes in pieces (PAIR_PIECES), or an error: stream_reset() then */
ssize_t stream_readable(struct stream *stream, struct iovec *pieces, int *count);
void stream_consumed(struct stream *stream, size_t bytes);
/* Nothing left to read for the moment */
void stream_wait_read(struct stream *stream);
/* Nothing left to read, and nothing will come */
bool stream_read_ended(struct stream *stream);

/* The same for room to write */
ssize_t stream_writable(struct stream *stream, struct iovec *pieces, int *count);
void stream_produced(struct stream *stream, size_t bytes);
void stream_wait_write(struct stream *stream);
/* The guest does not receive any more */
bool stream_write_ended(const struct stream *stream);

/* VMSOCK_SHUTDOWN_* bits that the host's program means; each is told once */
void stream_shutdown(struct stream *stream, unsigned int bits);

/* The host's end is closed; the guest can still read what is in its queue.  No callback follows */
void stream_close(struct stream *stream);
/* The same for a broken one: the guest gets RST */
void stream_reset(struct stream *stream);

/*
 * For endpoint.c
 */

struct stream {
	struct endpoint *endpoint;
	struct stream *next;		/* in its bucket, or in the list of closed ones */
	struct stream *next_unsent;
	struct vmsock_handshake hs;
	struct vmsock_notify notify;
	struct bond *bond;
	struct timer *timer;		/* until established */
	void *connection;		/* of the back end */
	unsigned int unsent;		/* notifications that found no room */
	unsigned int told;		/* VMSOCK_SHUTDOWN_* that the guest knows of */
	bool heard;			/* something that shows that the guest knows of ATTACH */
	bool lingers;			/* closed by the host, which waits for that */
	bool guest_leaves;		/* and knows of it */
	bool listed;			/* can be found by its ports */
	bool in_unsent;
	bool closed;
	bool reaped;			/* would be free but for the list of the unsent */
	char *saved;			/* what the guest wrote before it left */
	size_t saved_head, saved_tail;
};

/* The guest asks for a connection to a port where somebody listens */
void stream_request(struct endpoint *endpoint, const struct vmsock_packet *pkt);
void stream_packet(struct stream *stream, const struct vmsock_packet *pkt);
/* The guest is about to leave the queue pair */
void stream_detached(struct stream *stream);
/* Without a word to anybody but the guest's queue pair */
void stream_end(struct stream *stream);
/* Once more what could not be sent; false when there still is no room */
bool stream_retry(struct stream *stream);
/* The guest has another context ID, which its end learns from the next packet */
void stream_renamed(struct stream *stream, __u32 cid);
/* The guest is gone: what it said is moved on to the program, all else ends */
void stream_guest_gone(struct stream *stream);
void stream_free(struct stream *stream);

#endif /* DEVICE_STREAM_H */
