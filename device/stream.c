// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stream.c - a connection between a port of the host and one of the guest
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * What the protocol wants is decided by common/handshake and common/notify; stream_step() carries
 * it out.  A back end that is called may close the stream; it stays in memory until the loop is
 * back (endpoint_reap()), so whoever called looks at stream->closed afterwards.
 *
 * A guest that closes takes its memory along, with bytes that it has written and nobody has read.
 * stream_detached() lets the back end move what its socket takes at once and copies the rest
 * (vsock.md 5.16).
 *
 * Guests may handle the event that the host has left before the packet with ATTACH that was sent
 * first, and then connect() fails though the connection was there.  A program that accepts and
 * closes at once therefore lingers: SHUTDOWN tells the guest, and the pair is left as soon as the
 * guest has shown that it got so far, or after a time.
 *
 * Listeners of kernels wait a second for what follows a request (vsock.md 5.10).  A guest that
 * reads its packets byte by byte, or has little of a busy machine, takes longer, and would be told
 * ECONNRESET; here a handshake that waits costs a socket of the guest's own share, so it may.
 */
#include <stdlib.h>
#include <string.h>

#include "endpoint_private.h"

/* Unit of the windows of common/notify; a constant of tuning */
#define NOTIFY_PAGE 4096u

static const struct backend_ops *backend(const struct stream *stream)
{
	return stream->endpoint->backend->ops;
}

static size_t saved(const struct stream *stream)
{
	return stream->saved_tail - stream->saved_head;
}

/* The guest's memory, as long as both ends are there */
static struct pair *pair_of(const struct stream *stream)
{
	return stream->bond ? stream->bond->pair : NULL;
}

/* Bytes that can be read now; errors count as none, stream_readable() will report them */
static size_t unread(const struct stream *stream)
{
	struct pair *pair = pair_of(stream);
	__s64 ready = pair ? pair_in_ready(pair) : 0;

	return saved(stream) + (ready > 0 ? (size_t)ready : 0);
}

/*
 * Beginning and end
 */

static void timed_out(void *data);

static struct stream *stream_new(struct endpoint *endpoint)
{
	struct stream *stream;

	if (endpoint->streams >= endpoint->options.connections)
		return NULL;
	stream = calloc(1, sizeof(*stream));
	if (!stream)
		return NULL;
	stream->timer = loop_timer(endpoint->loop, timed_out, stream);
	if (!stream->timer) {
		free(stream);
		return NULL;
	}
	stream->endpoint = endpoint;
	endpoint->streams++;
	return stream;
}

void stream_free(struct stream *stream)
{
	free(stream->saved);
	free(stream);
}

static void drop_saved(struct stream *stream)
{
	stream->endpoint->saved -= stream->saved_tail;
	free(stream->saved);
	stream->saved = NULL;
	stream->saved_head = stream->saved_tail = 0;
}

void stream_end(struct stream *stream)
{
	struct endpoint *endpoint = stream->endpoint;

	if (stream->closed)
		return;
	stream->closed = true;
	stream->connection = NULL;
	endpoint->streams--;
	endpoint_unlist(stream);
	vmsock_handshake_cancel(&stream->hs);
	timer_remove(stream->timer);
	stream->timer = NULL;
	drop_saved(stream);
	if (stream->bond && broker_host_leave(endpoint->broker, stream->bond) &&
	    !stream->guest_leaves)
		endpoint_event(endpoint, VMCI_EVENT_QP_PEER_DETACH, stream->hs.handle);
	stream->bond = NULL;
	endpoint_reap(stream);
}

/* A connection that the guest made and may not know of yet */
static bool guest_unaware(const struct stream *stream)
{
	struct pair *pair = pair_of(stream);

	return stream->hs.state == VMSOCK_ESTABLISHED && pair && !stream->heard &&
	       !stream->guest_leaves && stream->hs.handle.context != VMCI_HOST_CONTEXT_ID &&
	       !pair->in_head && !pair_in_ready(pair);
}

void stream_close(struct stream *stream)
{
	if (stream->closed || stream->lingers)
		return;
	if (!guest_unaware(stream)) {
		stream_end(stream);
		return;
	}
	stream_shutdown(stream, VMSOCK_SHUTDOWN_MASK);
	stream->lingers = true;
	stream->connection = NULL;
	timer_set(stream->timer, stream->endpoint->options.pending_timeout_ms);
}

void stream_reset(struct stream *stream)
{
	struct vmsock_packet pkt;

	vmsock_packet_init(&pkt, VMSOCK_PACKET_RST, stream->hs.local, stream->hs.peer);
	endpoint_send(stream->endpoint, &pkt);
	stream_end(stream);
}

/* The back end hears of it last, and calls nothing any more */
static void stream_fail(struct stream *stream)
{
	void *connection = stream->connection;
	const struct backend_ops *ops = backend(stream);

	stream_end(stream);
	if (connection)
		ops->closed(connection);
}

/* The guest is not told (vsock.md 5.5, 5.6) */
static void timed_out(void *data)
{
	struct stream *stream = data;

	if (stream->hs.state == VMSOCK_REQUESTED)
		function_unreached(stream->endpoint->host.function, stream->hs.peer.port);
	stream_fail(stream);
}

/*
 * Handshake
 */

static void pair_ready(struct stream *stream)
{
	vmsock_notify_init(&stream->notify, stream->hs.proto, stream->hs.size, NOTIFY_PAGE);
}

/* The guest has answered: it has as long again for the next packet */
static struct vmsock_step step_create(struct stream *stream)
{
	timer_set(stream->timer, stream->endpoint->options.connect_timeout_ms);
	stream->bond = broker_offer(stream->endpoint->broker, stream, stream->hs.size);
	if (!stream->bond)
		return vmsock_handshake_qp_failed(&stream->hs);
	pair_ready(stream);
	return vmsock_handshake_qp_created(&stream->hs, stream->bond->handle);
}

static struct vmsock_step step_attach(struct stream *stream)
{
	struct vmci_handle handle = stream->hs.handle;
	__s32 result;

	stream->bond = broker_host_enter(stream->endpoint->broker, stream, handle,
					 stream->hs.size, &result);
	if (!stream->bond)
		return vmsock_handshake_qp_failed(&stream->hs);
	pair_ready(stream);
	endpoint_event(stream->endpoint, VMCI_EVENT_QP_PEER_ATTACH, handle);
	return vmsock_handshake_qp_attached(&stream->hs);
}

static void established(struct stream *stream)
{
	/* A guest that says so without having attached */
	if (!pair_of(stream)) {
		void *connection = stream->connection;

		stream_reset(stream);
		backend(stream)->closed(connection);
		return;
	}
	timer_stop(stream->timer);
	backend(stream)->established(stream->connection);
}

static void stream_step(struct stream *stream, struct vmsock_step step)
{
	bool failed = false;

	for (;;) {
		if (step.action == VMSOCK_ACT_CREATE_QP) {
			step = step_create(stream);
			continue;
		}
		if (step.action == VMSOCK_ACT_ATTACH_QP) {
			step = step_attach(stream);
			continue;
		}
		failed |= step.action == VMSOCK_ACT_FAILED;
		if (!step.send || endpoint_send(stream->endpoint, &step.packet))
			break;
		step = vmsock_handshake_send_failed(&stream->hs, &step.packet);
	}
	if (failed)
		stream_fail(stream);
	else if (step.action == VMSOCK_ACT_ESTABLISHED)
		established(stream);
	else if (step.action == VMSOCK_ACT_WAKE)
		backend(stream)->ready(stream->connection);
}

struct stream *stream_connect(struct endpoint *endpoint, __u32 port, void *connection)
{
	const struct endpoint_options *options = &endpoint->options;
	struct vmsock_addr peer = { .cid = function_cid(endpoint->host.function), .port = port };
	struct vmsock_addr local = { .cid = VMCI_HOST_CONTEXT_ID };
	struct vmsock_step step;
	struct stream *stream;

	if (port == VMSOCK_PORT_ANY)
		return NULL;
	stream = stream_new(endpoint);
	if (!stream)
		return NULL;
	local.port = endpoint_port(endpoint, port);
	stream->connection = connection;
	vmsock_handshake_init(&stream->hs, local);
	step = vmsock_handshake_connect(&stream->hs, peer, options->sizes, options->packet_style);
	if (!step.send || !endpoint_send(endpoint, &step.packet)) {
		function_unreached(endpoint->host.function, port);
		stream_close(stream);
		return NULL;
	}
	endpoint_list(stream);
	timer_set(stream->timer, options->connect_timeout_ms);
	return stream;
}

/* Somebody who listens, and has room for one more */
static struct stream *admit(struct endpoint *endpoint, __u32 port)
{
	struct stream *stream = stream_new(endpoint);

	if (!stream)
		return NULL;
	stream->connection = endpoint->backend->ops->incoming(endpoint->backend, stream, port);
	if (stream->connection)
		return stream;
	stream_close(stream);
	return NULL;
}

void stream_request(struct endpoint *endpoint, const struct vmsock_packet *pkt)
{
	struct vmsock_limits limits = endpoint->options.sizes;
	struct vmsock_handshake hs = { .state = VMSOCK_IDLE };
	struct vmsock_step step = vmsock_handshake_listen(&hs, limits, pkt, true);
	struct stream *stream = NULL;

	if (hs.state == VMSOCK_PENDING) {
		stream = admit(endpoint, pkt->dst_port);
		if (!stream)
			step = vmsock_handshake_listen(&hs, limits, pkt, false);
	}
	if (!stream) {
		if (step.send)
			endpoint_send(endpoint, &step.packet);
		return;
	}
	stream->hs = hs;
	endpoint_list(stream);
	timer_set(stream->timer, endpoint->options.pending_timeout_ms);
	stream_step(stream, step);
}

/*
 * Notifications
 */

static const __u8 notification_types[] = {
	VMSOCK_PACKET_WROTE,		/* VMSOCK_SEND_WROTE */
	VMSOCK_PACKET_READ,		/* VMSOCK_SEND_READ */
	VMSOCK_PACKET_WAITING_READ,	/* VMSOCK_SEND_WAITING_READ */
	VMSOCK_PACKET_WAITING_WRITE,	/* VMSOCK_SEND_WAITING_WRITE */
};

#define SEND_ALL	(VMSOCK_SEND_WROTE | VMSOCK_SEND_READ | \
			 VMSOCK_SEND_WAITING_READ | VMSOCK_SEND_WAITING_WRITE)

/* Nobody is there to be told: WROTE without a reader, READ without a writer */
static bool pointless(const struct stream *stream, __u8 type)
{
	__u8 gone = stream->hs.peer_shutdown;

	return !pair_of(stream) || stream->hs.state != VMSOCK_ESTABLISHED ||
	       gone == VMSOCK_SHUTDOWN_MASK ||
	       (type == VMSOCK_PACKET_WROTE && (gone & VMSOCK_SHUTDOWN_RECEIVE)) ||
	       (type == VMSOCK_PACKET_READ && (gone & VMSOCK_SHUTDOWN_SEND));
}

static bool notification(struct stream *stream, __u8 type)
{
	struct vmsock_packet pkt;

	if (pointless(stream, type))
		return true;
	vmsock_packet_init(&pkt, type, stream->hs.local, stream->hs.peer);
	if (type == VMSOCK_PACKET_WAITING_READ || type == VMSOCK_PACKET_WAITING_WRITE)
		pkt.u.wait = stream->notify.wait;
	return endpoint_notify(stream->endpoint, &pkt) > 0;
}

static void notifications(struct stream *stream, unsigned int what)
{
	what &= SEND_ALL;
	for (unsigned int i = 0; what >> i; i++) {
		unsigned int bit = 1u << i;
		bool delivered;

		if (!(what & bit))
			continue;
		delivered = notification(stream, notification_types[i]);
		vmsock_notify_sent(&stream->notify, bit, delivered);
		stream->unsent = delivered ? stream->unsent & ~bit : stream->unsent | bit;
	}
	if (stream->unsent)
		endpoint_unsent(stream);
}

bool stream_retry(struct stream *stream)
{
	notifications(stream, stream->unsent);
	return !stream->unsent;
}

static __u64 at_least_0(__s64 number)
{
	return number < 0 ? 0 : (__u64)number;
}

/* Bytes of the guest's ring that are free, and of ours that it has not read; both cannot fail */
static __u64 in_free(const struct stream *stream, struct pair *pair)
{
	return stream->hs.size - 1 - at_least_0(pair_in_ready(pair));
}

static __u64 out_ready(const struct stream *stream, struct pair *pair)
{
	return stream->hs.size - 1 - at_least_0(pair_out_free(pair));
}

static void notified(struct stream *stream, __u8 type)
{
	struct pair *pair = pair_of(stream);
	unsigned int what;

	if (!pair)
		return;
	what = vmsock_notify_packet(&stream->notify, type, out_ready(stream, pair),
				    in_free(stream, pair));
	notifications(stream, what);
	if (what & (VMSOCK_WAKE_READERS | VMSOCK_WAKE_WRITERS))
		backend(stream)->ready(stream->connection);
}

/* What a host's program may not know: a connection that is over gives its ports free */
static void unlist_if_over(struct stream *stream)
{
	if (stream->hs.was_established)
		endpoint_unlist(stream);
}

void stream_packet(struct stream *stream, const struct vmsock_packet *pkt)
{
	struct vmsock_step step;

	stream->heard |= stream->hs.state == VMSOCK_ESTABLISHED;
	if (stream->lingers) {
		stream_end(stream);
		return;
	}
	step = vmsock_handshake_packet(&stream->hs, pkt, unread(stream) > 0);
	unlist_if_over(stream);
	if (step.action == VMSOCK_ACT_NOTIFY)
		notified(stream, pkt->type);
	else
		stream_step(stream, step);
}

/*
 * The guest leaves
 */

static size_t copy_out(struct pair *pair, char *to, size_t length)
{
	struct iovec pieces[PAIR_PIECES];
	size_t done = 0;
	int count;

	while (done < length && pair_readable(pair, pieces, &count) > 0) {
		size_t before = done;

		for (int i = 0; i < count && done < length; i++) {
			size_t step = pieces[i].iov_len;

			if (step > length - done)
				step = length - done;
			memcpy(to + done, pieces[i].iov_base, step);
			done += step;
		}
		pair_consume(pair, done - before);
	}
	return done;
}

/* False when there is no memory for it: the end of the stream would be a lie then */
static bool save_unread(struct stream *stream, struct pair *pair)
{
	struct endpoint *endpoint = stream->endpoint;
	__s64 ready = pair_in_ready(pair);

	if (ready <= 0)
		return !ready;
	if ((size_t)ready > SAVED_MAX - endpoint->saved)
		return false;
	stream->saved = malloc((size_t)ready);
	if (!stream->saved)
		return false;
	stream->saved_tail = copy_out(pair, stream->saved, (size_t)ready);
	endpoint->saved += stream->saved_tail;
	return true;
}

void stream_detached(struct stream *stream)
{
	struct vmsock_step step = vmsock_handshake_detached(&stream->hs, unread(stream) > 0);

	stream->guest_leaves = true;
	unlist_if_over(stream);
	if (stream->hs.state < VMSOCK_ESTABLISHED || stream->lingers) {
		stream_fail(stream);
		return;
	}
	stream_step(stream, step);
	if (!stream->closed && !save_unread(stream, pair_of(stream)))
		stream_fail(stream);
}

/*
 * An established connection goes on (vsock.md 5.12).  The guest may not speak in its old name, so
 * the host does first: something that wakes sleepers and changes nothing.
 */
void stream_renamed(struct stream *stream, __u32 cid)
{
	stream->hs.peer.cid = cid;
	if (stream->hs.state == VMSOCK_ESTABLISHED && !stream->lingers)
		notifications(stream, VMSOCK_SEND_WROTE | VMSOCK_SEND_READ);
}

void stream_guest_gone(struct stream *stream)
{
	stream->guest_leaves = true;
	if (!stream->hs.was_established)
		stream_fail(stream);
}

/*
 * For back ends
 */

__u32 stream_port(const struct stream *stream)
{
	return stream->hs.local.port;
}

ssize_t stream_readable(struct stream *stream, struct iovec *pieces, int *count)
{
	struct pair *pair = pair_of(stream);

	*count = 0;
	if (saved(stream)) {
		pieces[0] = (struct iovec){ stream->saved + stream->saved_head, saved(stream) };
		*count = 1;
		return (ssize_t)saved(stream);
	}
	return pair ? pair_readable(pair, pieces, count) : 0;
}

void stream_consumed(struct stream *stream, size_t bytes)
{
	struct pair *pair = pair_of(stream);
	__u64 head;

	if (saved(stream)) {
		stream->saved_head += bytes;
		if (!saved(stream))
			drop_saved(stream);
		return;
	}
	head = pair->in_head;
	pair_consume(pair, bytes);
	/* Pairs with the guest's: our head is visible before its tail is read */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	notifications(stream, vmsock_notify_dequeued(&stream->notify, bytes, head,
						     in_free(stream, pair)));
}

void stream_wait_read(struct stream *stream)
{
	struct pair *pair = pair_of(stream);

	if (pair)
		notifications(stream, vmsock_notify_recv_block(&stream->notify, pair->in_head,
							       in_free(stream, pair), 1, false));
}

bool stream_read_ended(struct stream *stream)
{
	return (stream->hs.peer_shutdown & VMSOCK_SHUTDOWN_SEND) && !unread(stream);
}

ssize_t stream_writable(struct stream *stream, struct iovec *pieces, int *count)
{
	struct pair *pair = pair_of(stream);

	*count = 0;
	return pair ? pair_writable(pair, pieces, count) : 0;
}

void stream_produced(struct stream *stream, size_t bytes)
{
	struct pair *pair = pair_of(stream);
	__u64 tail = pair->out_tail;

	pair_produce(pair, bytes);
	/* Pairs with the guest's: our tail is visible before its head is read */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	notifications(stream, vmsock_notify_enqueued(&stream->notify, bytes, tail,
						     out_ready(stream, pair)));
}

void stream_wait_write(struct stream *stream)
{
	struct pair *pair = pair_of(stream);

	if (pair)
		notifications(stream, vmsock_notify_send_block(&stream->notify, pair->out_tail,
					at_least_0(pair_out_free(pair))));
}

bool stream_write_ended(const struct stream *stream)
{
	return stream->hs.peer_shutdown & VMSOCK_SHUTDOWN_RECEIVE;
}

void stream_shutdown(struct stream *stream, unsigned int bits)
{
	bits &= stream->guest_leaves ? 0 : ~stream->told;
	stream->told |= bits;
	stream_step(stream, vmsock_handshake_shutdown(&stream->hs, (__u8)bits));
}
