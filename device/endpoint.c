// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * endpoint.c - the host end of VMCI sockets: plays context 2 to the guest
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * What arrives from the guest finds its stream by the two ports and is answered at once; the
 * result of the guest's datagram is positive also when the answer is RST (vsock.md 5.16).  What
 * goes to the guest goes through the outbox when the guest's queue is full.
 */
#include <stdlib.h>
#include <string.h>

#include "common/address.h"
#include "endpoint_private.h"
#include "queue_pair.h"
#include "vmci/errors.h"

/* Packets and events that may wait: a guest that reads none of so many reads none at all */
#define OUTBOX_MAX	16384u

#define PENDING_TIMEOUT_MS	10000u

/* Ports given to programs of the host (vfio-user.md 9.1) */
#define FIRST_PORT	0x40000000u
#define LAST_PORT	0x7fffffffu

struct outbox_entry {
	struct outbox_entry *next;
	bool is_event;
	enum vmci_event_id event;
	struct vmci_handle handle;
	struct vmsock_packet pkt;
};

static struct endpoint *endpoint_of(struct host *host)
{
	return (struct endpoint *)(void *)host;
}

/*
 * Streams
 */

static struct stream **bucket(struct endpoint *endpoint, __u32 guest_port, __u32 host_port)
{
	return &endpoint->buckets[(guest_port * 31u + host_port) % STREAM_BUCKETS];
}

struct stream *endpoint_find(struct endpoint *endpoint, __u32 guest_port, __u32 host_port)
{
	struct stream *stream = *bucket(endpoint, guest_port, host_port);

	while (stream && (stream->hs.peer.port != guest_port || stream->hs.local.port != host_port))
		stream = stream->next;
	return stream;
}

void endpoint_list(struct stream *stream)
{
	struct stream **at = bucket(stream->endpoint, stream->hs.peer.port, stream->hs.local.port);

	stream->next = *at;
	*at = stream;
	stream->listed = true;
}

void endpoint_unlist(struct stream *stream)
{
	struct stream **at;

	if (!stream->listed)
		return;
	at = bucket(stream->endpoint, stream->hs.peer.port, stream->hs.local.port);
	while (*at != stream)
		at = &(*at)->next;
	*at = stream->next;
	stream->next = NULL;
	stream->listed = false;
}

__u32 endpoint_port(struct endpoint *endpoint, __u32 guest_port)
{
	do {
		endpoint->last_port = endpoint->last_port < LAST_PORT ? endpoint->last_port + 1 :
									FIRST_PORT;
	} while (endpoint_find(endpoint, guest_port, endpoint->last_port));
	return endpoint->last_port;
}

void endpoint_reap(struct stream *stream)
{
	struct endpoint *endpoint = stream->endpoint;

	stream->next = endpoint->closed;
	endpoint->closed = stream;
	timer_set(endpoint->reaper, 0);
}

static void reap(void *data)
{
	struct endpoint *endpoint = data;

	while (endpoint->closed) {
		struct stream *stream = endpoint->closed;

		/* One that waits for room is freed when it leaves that list */
		endpoint->closed = stream->next;
		stream->next = NULL;
		if (stream->in_unsent)
			stream->reaped = true;
		else
			stream_free(stream);
	}
}

/*
 * To the guest
 */

static __s32 send_entry(struct endpoint *endpoint, const struct outbox_entry *entry)
{
	struct function *function = endpoint->host.function;

	if (entry->is_event)
		return function_pair_event(function, entry->event, entry->handle);
	return function_send(function, &entry->pkt.dg);
}

static bool keep(struct endpoint *endpoint, const struct outbox_entry *entry)
{
	struct outbox_entry *copy;

	if (endpoint->waiting >= OUTBOX_MAX)
		return false;
	copy = malloc(sizeof(*copy));
	if (!copy)
		return false;
	*copy = *entry;
	copy->next = NULL;
	*endpoint->outbox_end = copy;
	endpoint->outbox_end = &copy->next;
	endpoint->waiting++;
	return true;
}

/* Now, or behind what waits already */
static bool post(struct endpoint *endpoint, const struct outbox_entry *entry)
{
	__s32 result = VMCI_ERROR_NO_RESOURCES;

	if (!endpoint->outbox)
		result = send_entry(endpoint, entry);
	if (result == VMCI_ERROR_NO_RESOURCES)
		return keep(endpoint, entry);
	return result >= 0;
}

static void outbox_pop(struct endpoint *endpoint)
{
	struct outbox_entry *entry = endpoint->outbox;

	endpoint->outbox = entry->next;
	if (!endpoint->outbox)
		endpoint->outbox_end = &endpoint->outbox;
	endpoint->waiting--;
	free(entry);
}

static void outbox_clear(struct endpoint *endpoint)
{
	while (endpoint->outbox)
		outbox_pop(endpoint);
}

bool endpoint_send(struct endpoint *endpoint, struct vmsock_packet *pkt)
{
	struct outbox_entry entry = { .pkt = *pkt };

	entry.pkt.dg.src.context = VMCI_HOST_CONTEXT_ID;
	return post(endpoint, &entry);
}

bool endpoint_event(struct endpoint *endpoint, enum vmci_event_id event, struct vmci_handle handle)
{
	struct outbox_entry entry = { .is_event = true, .event = event, .handle = handle };

	return post(endpoint, &entry);
}

__s32 endpoint_notify(struct endpoint *endpoint, struct vmsock_packet *pkt)
{
	if (endpoint->outbox)
		return VMCI_ERROR_NO_RESOURCES;
	pkt->dg.src.context = VMCI_HOST_CONTEXT_ID;
	return function_send(endpoint->host.function, &pkt->dg);
}

static void reply(struct endpoint *endpoint, __u8 type, const struct vmsock_packet *cause)
{
	struct vmsock_packet pkt;

	vmsock_packet_reply(&pkt, type, cause);
	endpoint_send(endpoint, &pkt);
}

void endpoint_refuse(struct endpoint *endpoint, const struct vmsock_packet *cause)
{
	if (cause->type != VMSOCK_PACKET_RST)
		reply(endpoint, VMSOCK_PACKET_RST, cause);
}

void endpoint_unsent(struct stream *stream)
{
	struct endpoint *endpoint = stream->endpoint;

	if (stream->in_unsent)
		return;
	stream->in_unsent = true;
	stream->next_unsent = endpoint->unsent;
	endpoint->unsent = stream;
}

/* Leaves the list; false when the stream is no longer there */
static bool take_unsent(struct endpoint *endpoint, struct stream **stream)
{
	*stream = endpoint->unsent;
	endpoint->unsent = (*stream)->next_unsent;
	(*stream)->in_unsent = false;
	if ((*stream)->reaped)
		stream_free(*stream);
	else if (!(*stream)->closed)
		return true;
	return false;
}

static void room(struct host *host)
{
	struct endpoint *endpoint = endpoint_of(host);
	struct stream *stream;

	while (endpoint->outbox) {
		if (send_entry(endpoint, endpoint->outbox) == VMCI_ERROR_NO_RESOURCES)
			return;
		outbox_pop(endpoint);
	}
	while (endpoint->unsent)
		if (take_unsent(endpoint, &stream) && !stream_retry(stream))
			return;
	endpoint->backend->ops->room(endpoint->backend);
}

/*
 * From the guest
 */

static void control_packet(struct endpoint *endpoint, const struct vmsock_packet *pkt,
			   bool known_type)
{
	struct stream *stream = endpoint_find(endpoint, pkt->src_port, pkt->dst_port);
	struct backend *backend = endpoint->backend;

	if (stream)
		stream_packet(stream, pkt);
	else if (pkt->type == VMSOCK_PACKET_REQUEST || pkt->type == VMSOCK_PACKET_REQUEST2)
		stream_request(endpoint, pkt);
	else if (!known_type && backend->ops->listens(backend, pkt->dst_port))
		reply(endpoint, VMSOCK_PACKET_INVALID, pkt);
	else
		endpoint_refuse(endpoint, pkt);
}

static __s32 control(struct endpoint *endpoint, const struct vmci_datagram *datagram)
{
	const struct vmsock_packet *pkt = (const struct vmsock_packet *)(const void *)datagram;
	__u64 total = sizeof(*datagram) + datagram->payload_size;

	switch (vmsock_packet_check(datagram, total)) {
	case VMSOCK_PACKET_DROP:
		return VMCI_ERROR_INVALID_ARGS;
	case VMSOCK_PACKET_REFUSE:
		endpoint_refuse(endpoint, pkt);
		break;
	case VMSOCK_PACKET_UNKNOWN:
		control_packet(endpoint, pkt, false);
		break;
	default:
		control_packet(endpoint, pkt, true);
	}
	return (__s32)total;
}

static __s32 datagram_received(struct host *host, const struct vmci_datagram *datagram)
{
	struct endpoint *endpoint = endpoint_of(host);
	struct backend *backend = endpoint->backend;
	__s32 result;

	if (datagram->dst.resource == VMCI_SOCKET_CONTROL_RID)
		return control(endpoint, datagram);
	result = backend->ops->datagram(backend, datagram->src.resource, datagram->dst.resource,
					datagram + 1, datagram->payload_size);
	return result < 0 ? result : (__s32)(sizeof(*datagram) + datagram->payload_size);
}

/* What no socket may send from or to: events, and the channel of control packets */
static bool reserved(__u32 port)
{
	return port == VMCI_EVENT_HANDLER || port == VMCI_SOCKET_CONTROL_RID ||
	       port == VMSOCK_PORT_ANY;
}

__s32 endpoint_datagram(struct endpoint *endpoint, __u32 from, __u32 to, const void *payload,
			size_t length)
{
	struct vmci_datagram *datagram;
	__s32 result;

	if (reserved(from) || reserved(to) || length > VMCI_MAX_DG_PAYLOAD_SIZE)
		return VMCI_ERROR_INVALID_ARGS;
	datagram = malloc(sizeof(*datagram) + length);
	if (!datagram)
		return VMCI_ERROR_NO_MEM;
	*datagram = (struct vmci_datagram){
		.dst = { function_cid(endpoint->host.function), to },
		.src = { VMCI_HOST_CONTEXT_ID, from },
		.payload_size = length,
	};
	if (length)
		memcpy(datagram + 1, payload, length);
	result = function_send(endpoint->host.function, datagram);
	free(datagram);
	return result;
}

static __s32 pair_alloc(struct host *host, struct pair *pair)
{
	return broker_guest_enter(endpoint_of(host)->broker, function_cid(host->function), pair);
}

static void pair_detach(struct host *host, struct pair *pair)
{
	struct endpoint *endpoint = endpoint_of(host);
	struct bond *bond = pair->owner;

	if (bond->stream)
		stream_detached(bond->stream);
	broker_guest_leave(endpoint->broker, bond);
}

/* Sockets of the host have no doorbells */
static __s32 doorbell(struct host *host, struct vmci_handle handle)
{
	(void)host;
	(void)handle;
	return VMCI_ERROR_NOT_FOUND;
}

static __s32 doorbell_link(struct host *host, struct vmci_handle handle)
{
	(void)host;
	(void)handle;
	return VMCI_SUCCESS;
}

static void doorbell_unlink(struct host *host, struct vmci_handle handle)
{
	(void)host;
	(void)handle;
}

static void renamed(struct host *host)
{
	struct endpoint *endpoint = endpoint_of(host);
	__u32 cid = function_cid(host->function);

	for (unsigned int i = 0; i < STREAM_BUCKETS; i++)
		for (struct stream *stream = endpoint->buckets[i]; stream; stream = stream->next)
			stream_renamed(stream, cid);
}

/* Connections that are still listed had not been established, or their pairs would have left */
static void reset(struct host *host)
{
	struct endpoint *endpoint = endpoint_of(host);

	outbox_clear(endpoint);
	for (unsigned int i = 0; i < STREAM_BUCKETS; i++)
		for (struct stream *stream = endpoint->buckets[i], *next; stream; stream = next) {
			next = stream->next;
			stream_guest_gone(stream);
		}
	endpoint->backend->ops->room(endpoint->backend);
}

static const struct host_ops endpoint_ops = {
	.datagram = datagram_received,
	.pair_alloc = pair_alloc,
	.pair_detach = pair_detach,
	.doorbell = doorbell,
	.doorbell_link = doorbell_link,
	.doorbell_unlink = doorbell_unlink,
	.room = room,
	.renamed = renamed,
	.reset = reset,
};

/*
 * Beginning and end
 */

struct endpoint_options endpoint_defaults(void)
{
	return (struct endpoint_options){
		.sizes = {
			.size = VMSOCK_DEFAULT_BUFFER_SIZE,
			.min = VMSOCK_DEFAULT_BUFFER_MIN,
			.max = ENDPOINT_MAX_SIZE,
		},
		.connections = ENDPOINT_CONNECTIONS,
		.connect_timeout_ms = 1000 * VMSOCK_CONNECT_TIMEOUT_S,
		.pending_timeout_ms = PENDING_TIMEOUT_MS,
	};
}

struct endpoint *endpoint_new(struct loop *loop, const struct endpoint_options *options,
			      struct backend *backend)
{
	struct endpoint *endpoint = calloc(1, sizeof(*endpoint));

	if (!endpoint)
		return NULL;
	endpoint->host.ops = &endpoint_ops;
	endpoint->loop = loop;
	endpoint->options = *options;
	endpoint->backend = backend;
	endpoint->last_port = FIRST_PORT - 1;
	endpoint->outbox_end = &endpoint->outbox;
	endpoint->broker = broker_new();
	endpoint->reaper = loop_timer(loop, reap, endpoint);
	if (!endpoint->broker || !endpoint->reaper) {
		endpoint_free(endpoint);
		return NULL;
	}
	backend->endpoint = endpoint;
	return endpoint;
}

void endpoint_free(struct endpoint *endpoint)
{
	struct stream *stream;

	if (!endpoint)
		return;
	for (unsigned int i = 0; i < STREAM_BUCKETS; i++)
		while (endpoint->buckets[i])
			stream_end(endpoint->buckets[i]);
	outbox_clear(endpoint);
	while (endpoint->unsent)
		take_unsent(endpoint, &stream);
	reap(endpoint);
	timer_remove(endpoint->reaper);
	broker_free(endpoint->broker);
	free(endpoint);
}

__u32 endpoint_guest(const struct endpoint *endpoint)
{
	return function_cid(endpoint->host.function);
}

struct host *endpoint_host(struct endpoint *endpoint)
{
	return &endpoint->host;
}
