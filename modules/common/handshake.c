/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * handshake.c - set-up and end of a connection as a state machine
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "common/address.h"
#include "common/handshake.h"

static const struct vmci_handle no_handle = {
	.context = VMCI_INVALID_ID,
	.resource = VMCI_INVALID_ID,
};

/* A ring of 1 byte is full and empty at once (vsock.md 4.13) */
#define LEAST_SIZE	2u

/* The choice of a protocol among the common ones is trivial as long as there is one */
_Static_assert(VMSOCK_PROTO_SUPPORTED == VMSOCK_PROTO_QUEUE_STATE, "one bit is supported");

/*
 * Steps: what the functions below are made of
 */

static struct vmsock_step act(enum vmsock_action action)
{
	return (struct vmsock_step) { .action = action };
}

static struct vmsock_step answer(__u8 type, const struct vmsock_packet *cause)
{
	struct vmsock_step step = act(VMSOCK_ACT_NONE);

	vmsock_packet_reply(&step.packet, type, cause);
	step.send = 1;
	return step;
}

/* RST, but never for RST (vsock.md 5.11) */
static struct vmsock_step refuse(const struct vmsock_packet *pkt)
{
	if (pkt->type == VMSOCK_PACKET_RST)
		return act(VMSOCK_ACT_NONE);
	return answer(VMSOCK_PACKET_RST, pkt);
}

static struct vmsock_step tell(const struct vmsock_handshake *hs, enum vmsock_action action,
			       __u8 type)
{
	struct vmsock_step step = act(action);

	vmsock_packet_init(&step.packet, type, hs->local, hs->peer);
	step.send = 1;
	return step;
}

static struct vmsock_step tell_size(const struct vmsock_handshake *hs, __u8 type, __u16 proto,
				    __u64 size)
{
	struct vmsock_step step = tell(hs, VMSOCK_ACT_NONE, type);

	step.packet.proto = proto;
	step.packet.u.size = size;
	return step;
}

static struct vmsock_step tell_handle(const struct vmsock_handshake *hs,
				      enum vmsock_action action, __u8 type)
{
	struct vmsock_step step = tell(hs, action, type);

	step.packet.u.handle = hs->handle;
	return step;
}

/* The attempt is over, the peer knows already or need not know */
static struct vmsock_step fail(struct vmsock_handshake *hs, enum vmsock_failure error)
{
	struct vmsock_step step = act(VMSOCK_ACT_FAILED);

	hs->state = VMSOCK_CLOSED;
	step.error = error;
	return step;
}

/* The attempt is over, and the peer is told */
static struct vmsock_step reset(struct vmsock_handshake *hs, enum vmsock_failure error)
{
	struct vmsock_step step = tell(hs, VMSOCK_ACT_FAILED, VMSOCK_PACKET_RST);

	hs->state = VMSOCK_CLOSED;
	step.error = error;
	return step;
}

/*
 * Client (vsock.md 5.5)
 */

static _Bool size_allowed(const struct vmsock_limits *limits, __u64 size)
{
	return size >= LEAST_SIZE && size >= limits->min && size <= limits->max;
}

static struct vmsock_step negotiated(struct vmsock_handshake *hs, const struct vmsock_packet *pkt)
{
	/* Sizes are agreed on already, the queue pair is being made */
	if (hs->size || !pkt->u.size)
		return reset(hs, VMSOCK_FAIL_PROTOCOL);
	if (!size_allowed(&hs->limits, pkt->u.size))
		return reset(hs, VMSOCK_FAIL_INVALID);
	if (pkt->type == VMSOCK_PACKET_NEGOTIATE2 && pkt->proto != VMSOCK_PROTO_QUEUE_STATE)
		return reset(hs, VMSOCK_FAIL_INVALID);
	hs->fallback = 0;
	hs->ignore_rst = 0;
	hs->size = pkt->u.size;
	hs->proto = pkt->type == VMSOCK_PACKET_NEGOTIATE2 ? VMSOCK_PROTO_QUEUE_STATE :
							    VMSOCK_PROTO_PACKET;
	return act(VMSOCK_ACT_CREATE_QP);
}

/*
 * An older server does not know REQUEST2.  It did not understand a SHUTDOWN behind it either,
 * and its RST would be ignored: the attempt ends as it does with a current server.
 */
static struct vmsock_step fall_back(struct vmsock_handshake *hs)
{
	if (!hs->fallback)
		return act(VMSOCK_ACT_NONE);
	if (hs->shut_down)
		return fail(hs, VMSOCK_FAIL_RESET);
	hs->fallback = 0;
	hs->ignore_rst = 1;
	return tell_size(hs, VMSOCK_PACKET_REQUEST, 0, hs->limits.size);
}

/* The oldest servers send RST right behind INVALID */
static struct vmsock_step request_refused(struct vmsock_handshake *hs)
{
	if (!hs->ignore_rst)
		return fail(hs, VMSOCK_FAIL_RESET);
	hs->ignore_rst = 0;
	return act(VMSOCK_ACT_NONE);
}

static struct vmsock_step in_requested(struct vmsock_handshake *hs,
				       const struct vmsock_packet *pkt)
{
	switch (pkt->type) {
	case VMSOCK_PACKET_NEGOTIATE:
	case VMSOCK_PACKET_NEGOTIATE2:
		return negotiated(hs, pkt);
	case VMSOCK_PACKET_INVALID:
		return fall_back(hs);
	case VMSOCK_PACKET_RST:
		return request_refused(hs);
	case VMSOCK_PACKET_WROTE:
	case VMSOCK_PACKET_READ:
	case VMSOCK_PACKET_SHUTDOWN:
	case VMSOCK_PACKET_WAITING_WRITE:
	case VMSOCK_PACKET_WAITING_READ:
		/* Left over from an earlier connection of the same two ports */
		return act(VMSOCK_ACT_NONE);
	default:
		return reset(hs, VMSOCK_FAIL_PROTOCOL);
	}
}

static struct vmsock_step in_offered(struct vmsock_handshake *hs, const struct vmsock_packet *pkt)
{
	switch (pkt->type) {
	case VMSOCK_PACKET_ATTACH:
		if (!vmci_handle_equal(pkt->u.handle, hs->handle))
			return reset(hs, VMSOCK_FAIL_PROTOCOL);
		hs->state = VMSOCK_ESTABLISHED;
		return act(VMSOCK_ACT_ESTABLISHED);
	case VMSOCK_PACKET_INVALID:
		return act(VMSOCK_ACT_NONE);
	case VMSOCK_PACKET_RST:
		return fail(hs, VMSOCK_FAIL_RESET);
	default:
		return reset(hs, VMSOCK_FAIL_PROTOCOL);
	}
}

/*
 * Server (vsock.md 5.6)
 */

/* Bytes of each queue of a child: what the client wants if we may, else what we want */
static __u64 child_size(const struct vmsock_limits *limits, __u64 wanted)
{
	return size_allowed(limits, wanted) ? wanted : limits->size;
}

static _Bool acceptable(const struct vmsock_limits *limits, const struct vmsock_packet *pkt)
{
	if (pkt->type == VMSOCK_PACKET_REQUEST2 && !(pkt->proto & VMSOCK_PROTO_SUPPORTED))
		return 0;
	return (pkt->type == VMSOCK_PACKET_REQUEST || pkt->type == VMSOCK_PACKET_REQUEST2) &&
	       pkt->u.size && child_size(limits, pkt->u.size) >= LEAST_SIZE;
}

static struct vmsock_step in_pending(struct vmsock_handshake *hs, const struct vmsock_packet *pkt)
{
	if (pkt->type == VMSOCK_PACKET_RST)
		return fail(hs, VMSOCK_FAIL_RESET);
	if (pkt->type != VMSOCK_PACKET_OFFER || vmci_handle_valid(hs->handle) ||
	    !vmci_handle_valid(pkt->u.handle))
		return reset(hs, VMSOCK_FAIL_PROTOCOL);
	hs->handle = pkt->u.handle;
	return act(VMSOCK_ACT_ATTACH_QP);
}

/*
 * Both (vsock.md 5.7)
 */

/* The peer is gone for good; what it wrote may still be read */
static struct vmsock_step ended(struct vmsock_handshake *hs, enum vmsock_state then,
				_Bool readable)
{
	hs->was_established = 1;
	hs->peer_shutdown = VMSOCK_SHUTDOWN_MASK;
	if (!readable)
		hs->state = then;
	return act(VMSOCK_ACT_WAKE);
}

static struct vmsock_step peer_shuts_down(struct vmsock_handshake *hs, __u64 mode)
{
	__u8 bits = (__u8)(mode & VMSOCK_SHUTDOWN_MASK);

	if (!bits)
		return act(VMSOCK_ACT_NONE);
	hs->peer_shutdown = (__u8)(hs->peer_shutdown | bits);
	return act(VMSOCK_ACT_WAKE);
}

static struct vmsock_step in_established(struct vmsock_handshake *hs,
					 const struct vmsock_packet *pkt, _Bool readable)
{
	switch (pkt->type) {
	case VMSOCK_PACKET_SHUTDOWN:
		return peer_shuts_down(hs, pkt->u.mode);
	case VMSOCK_PACKET_RST:
		return ended(hs, VMSOCK_CLOSING, readable);
	case VMSOCK_PACKET_WROTE:
	case VMSOCK_PACKET_READ:
		return act(VMSOCK_ACT_NOTIFY);
	case VMSOCK_PACKET_WAITING_READ:
	case VMSOCK_PACKET_WAITING_WRITE:
		return act(hs->proto == VMSOCK_PROTO_PACKET ? VMSOCK_ACT_NOTIFY :
							      VMSOCK_ACT_NONE);
	default:
		return act(VMSOCK_ACT_NONE);
	}
}

/*
 * What the user calls
 */

void vmsock_handshake_init(struct vmsock_handshake *hs, struct vmsock_addr local)
{
	__builtin_memset(hs, 0, sizeof(*hs));
	hs->local = local;
	hs->peer = vmsock_addr_any();
	hs->handle = no_handle;
}

struct vmsock_step vmsock_handshake_connect(struct vmsock_handshake *hs, struct vmsock_addr peer,
					    struct vmsock_limits limits, _Bool old_protocol)
{
	vmsock_handshake_init(hs, hs->local);
	hs->peer = peer;
	hs->limits = limits;
	if (limits.size < LEAST_SIZE)
		return fail(hs, VMSOCK_FAIL_INVALID);
	hs->state = VMSOCK_REQUESTED;
	hs->fallback = !old_protocol;
	if (old_protocol)
		return tell_size(hs, VMSOCK_PACKET_REQUEST, 0, limits.size);
	return tell_size(hs, VMSOCK_PACKET_REQUEST2, VMSOCK_PROTO_SUPPORTED, limits.size);
}

struct vmsock_step vmsock_handshake_listen(struct vmsock_handshake *child,
					   struct vmsock_limits limits,
					   const struct vmsock_packet *pkt, _Bool admit)
{
	if (pkt->type >= VMSOCK_PACKET_TYPE_COUNT)
		return answer(VMSOCK_PACKET_INVALID, pkt);
	if (!admit || !acceptable(&limits, pkt))
		return refuse(pkt);
	vmsock_handshake_init(child, vmsock_packet_dst(pkt));
	child->state = VMSOCK_PENDING;
	child->peer = vmsock_packet_src(pkt);
	child->size = child_size(&limits, pkt->u.size);
	child->limits = limits;
	child->limits.size = child->size;
	if (pkt->type == VMSOCK_PACKET_REQUEST)
		return tell_size(child, VMSOCK_PACKET_NEGOTIATE, 0, child->size);
	child->proto = VMSOCK_PROTO_QUEUE_STATE;
	return tell_size(child, VMSOCK_PACKET_NEGOTIATE2, child->proto, child->size);
}

struct vmsock_step vmsock_handshake_packet(struct vmsock_handshake *hs,
					   const struct vmsock_packet *pkt, _Bool readable)
{
	if (pkt->type >= VMSOCK_PACKET_TYPE_COUNT)
		return answer(VMSOCK_PACKET_INVALID, pkt);
	if (hs->state == VMSOCK_IDLE || hs->state == VMSOCK_CLOSED ||
	    !vmsock_addr_equal(vmsock_packet_src(pkt), hs->peer))
		return refuse(pkt);
	hs->local.cid = pkt->dg.dst.context;
	switch (hs->state) {
	case VMSOCK_REQUESTED:
		return in_requested(hs, pkt);
	case VMSOCK_OFFERED:
		return in_offered(hs, pkt);
	case VMSOCK_PENDING:
		return in_pending(hs, pkt);
	case VMSOCK_ESTABLISHED:
		return in_established(hs, pkt, readable);
	default:
		return refuse(pkt);
	}
}

/* CREATE_QP was asked for and nothing came between */
static _Bool awaits_qp(const struct vmsock_handshake *hs)
{
	return hs->state == VMSOCK_REQUESTED && hs->size;
}

/* ATTACH_QP was asked for and nothing came between */
static _Bool awaits_attach(const struct vmsock_handshake *hs)
{
	return hs->state == VMSOCK_PENDING && vmci_handle_valid(hs->handle);
}

struct vmsock_step vmsock_handshake_qp_created(struct vmsock_handshake *hs,
					       struct vmci_handle handle)
{
	if (!awaits_qp(hs))
		return act(VMSOCK_ACT_NONE);
	hs->state = VMSOCK_OFFERED;
	hs->handle = handle;
	return tell_handle(hs, VMSOCK_ACT_NONE, VMSOCK_PACKET_OFFER);
}

struct vmsock_step vmsock_handshake_qp_attached(struct vmsock_handshake *hs)
{
	if (!awaits_attach(hs))
		return act(VMSOCK_ACT_NONE);
	hs->state = VMSOCK_ESTABLISHED;
	return tell_handle(hs, VMSOCK_ACT_ESTABLISHED, VMSOCK_PACKET_ATTACH);
}

struct vmsock_step vmsock_handshake_qp_failed(struct vmsock_handshake *hs)
{
	if (!awaits_qp(hs) && !awaits_attach(hs))
		return act(VMSOCK_ACT_NONE);
	return reset(hs, VMSOCK_FAIL_LOCAL);
}

struct vmsock_step vmsock_handshake_send_failed(struct vmsock_handshake *hs,
						const struct vmsock_packet *pkt)
{
	/* The state in which each of these packets leaves, all others may get lost */
	static const __u8 needed_in[VMSOCK_PACKET_TYPE_COUNT] = {
		[VMSOCK_PACKET_REQUEST] = VMSOCK_REQUESTED,
		[VMSOCK_PACKET_REQUEST2] = VMSOCK_REQUESTED,
		[VMSOCK_PACKET_OFFER] = VMSOCK_OFFERED,
		[VMSOCK_PACKET_NEGOTIATE] = VMSOCK_PENDING,
		[VMSOCK_PACKET_NEGOTIATE2] = VMSOCK_PENDING,
		[VMSOCK_PACKET_ATTACH] = VMSOCK_ESTABLISHED,
	};

	if (hs->state == VMSOCK_IDLE || needed_in[pkt->type] != hs->state)
		return act(VMSOCK_ACT_NONE);
	/* Nobody has heard of a first request that was not sent */
	if (hs->state == VMSOCK_REQUESTED && !hs->ignore_rst)
		return fail(hs, VMSOCK_FAIL_LOCAL);
	return reset(hs, VMSOCK_FAIL_LOCAL);
}

struct vmsock_step vmsock_handshake_detached(struct vmsock_handshake *hs, _Bool readable)
{
	if (!vmci_handle_valid(hs->handle))
		return act(VMSOCK_ACT_NONE);
	switch (hs->state) {
	case VMSOCK_OFFERED:
		if (!readable)
			return fail(hs, VMSOCK_FAIL_RESET);
		hs->peer_shutdown = VMSOCK_SHUTDOWN_MASK;
		return act(VMSOCK_ACT_NONE);
	case VMSOCK_PENDING:
		return fail(hs, VMSOCK_FAIL_RESET);
	case VMSOCK_ESTABLISHED:
	case VMSOCK_CLOSING:
		return ended(hs, VMSOCK_CLOSED, readable);
	default:
		return act(VMSOCK_ACT_NONE);
	}
}

void vmsock_handshake_cancel(struct vmsock_handshake *hs)
{
	if (hs->state != VMSOCK_IDLE && hs->state < VMSOCK_ESTABLISHED)
		hs->state = VMSOCK_CLOSED;
}

struct vmsock_step vmsock_handshake_shutdown(struct vmsock_handshake *hs, __u8 mode)
{
	struct vmsock_step step;

	mode &= VMSOCK_SHUTDOWN_MASK;
	if (!mode || hs->state == VMSOCK_IDLE || hs->state > VMSOCK_ESTABLISHED)
		return act(VMSOCK_ACT_NONE);
	hs->shut_down = 1;
	step = tell(hs, VMSOCK_ACT_NONE, VMSOCK_PACKET_SHUTDOWN);
	step.packet.u.mode = mode;
	return step;
}

_Bool vmsock_handshake_succeeded(const struct vmsock_handshake *hs)
{
	return hs->state == VMSOCK_ESTABLISHED || hs->state == VMSOCK_CLOSING ||
	       hs->was_established;
}
