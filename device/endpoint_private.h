/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * endpoint_private.h - what endpoint.c and stream.c share
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef DEVICE_ENDPOINT_PRIVATE_H
#define DEVICE_ENDPOINT_PRIVATE_H

#include "broker.h"
#include "endpoint.h"
#include "loop.h"
#include "stream.h"

#define STREAM_BUCKETS	1024u

/* Bytes kept of guests that left before the host's programs had read all */
#define SAVED_MAX	((size_t)VMCI_MAX_GUEST_QP_MEMORY)

struct outbox_entry;

struct endpoint {
	struct host host;
	struct loop *loop;
	struct backend *backend;
	struct endpoint_options options;
	struct broker *broker;
	struct stream *buckets[STREAM_BUCKETS];
	unsigned int streams;
	__u32 last_port;
	size_t saved;
	struct stream *unsent;		/* streams with notifications to be sent again */
	struct stream *closed;		/* to be freed when nobody is at work with them */
	struct timer *reaper;
	struct outbox_entry *outbox, **outbox_end;	/* first in, first out */
	unsigned int waiting;
};

/*
 * Control packets and events keep their order: what finds no room waits, and all else behind it.
 * False when it will never be sent.
 */
bool endpoint_send(struct endpoint *endpoint, struct vmsock_packet *pkt);
bool endpoint_event(struct endpoint *endpoint, enum vmci_event_id event,
		    struct vmci_handle handle);

/* A notification that nobody waits behind: the result of function_send() */
__s32 endpoint_notify(struct endpoint *endpoint, struct vmsock_packet *pkt);

/* RST, but never for RST */
void endpoint_refuse(struct endpoint *endpoint, const struct vmsock_packet *cause);

/* Streams by their ports */
struct stream *endpoint_find(struct endpoint *endpoint, __u32 guest_port, __u32 host_port);
void endpoint_list(struct stream *stream);
void endpoint_unlist(struct stream *stream);
/* A port of the host that no stream to @guest_port has */
__u32 endpoint_port(struct endpoint *endpoint, __u32 guest_port);

/* Tries again when there is room; frees when the present work is done */
void endpoint_unsent(struct stream *stream);
void endpoint_reap(struct stream *stream);

#endif /* DEVICE_ENDPOINT_PRIVATE_H */
