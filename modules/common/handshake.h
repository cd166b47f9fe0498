/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * handshake.h - set-up and end of a connection as a state machine
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vsock.md 5.5 to 5.9.  Theory of operation: the user
 * holds one struct vmsock_handshake for each stream socket, calls one function
 * for each thing that happens, and carries out the returned step: first the
 * action, then, if step.send is set, sending step.packet.  When that fails it
 * calls vmsock_handshake_send_failed() with that packet.  Nothing here sleeps,
 * allocates or locks; the user serialises the calls for one socket.
 *
 *	client	IDLE --connect--> REQUESTED --NEGOTIATE--> (create queue pair)
 *		--qp_created--> OFFERED --ATTACH--> ESTABLISHED
 *	server	(listener) --REQUEST--> PENDING --OFFER--> (attach queue pair)
 *		--qp_attached--> ESTABLISHED
 *	both	ESTABLISHED --RST, detach--> CLOSING or stay, by unread data; CLOSED
 */
#ifndef VMSOCK_COMMON_HANDSHAKE_H
#define VMSOCK_COMMON_HANDSHAKE_H

#include "common/packet.h"

enum vmsock_state {
	VMSOCK_IDLE,		/* C0 */
	VMSOCK_REQUESTED,	/* C1: request sent, no queue pair */
	VMSOCK_OFFERED,		/* C2: offer sent, queue pair exists */
	VMSOCK_PENDING,		/* P: child of a listener, negotiation sent */
	VMSOCK_ESTABLISHED,	/* C3 */
	VMSOCK_CLOSING,		/* C4: reset by the peer, nothing left to read */
	VMSOCK_CLOSED,		/* C5 */
};

/**
 * enum vmsock_action - what the user does before it sends step.packet
 * @VMSOCK_ACT_NONE: nothing
 * @VMSOCK_ACT_CREATE_QP: create a queue pair of @size bytes each way with peer.cid, set up
 *	notification in style @proto, then call vmsock_handshake_qp_created(),
 *	or vmsock_handshake_qp_failed()
 * @VMSOCK_ACT_ATTACH_QP: attach @handle, then call vmsock_handshake_qp_attached(),
 *	or vmsock_handshake_qp_failed()
 * @VMSOCK_ACT_ESTABLISHED: enter the connected table (before sending), wake connect or accept
 * @VMSOCK_ACT_FAILED: undo the queue pair if there is one; report step.error to connect,
 *	or drop the pending child and uncount it exactly once
 * @VMSOCK_ACT_NOTIFY: hand WROTE, READ, WAITING_* to the notification layer
 * @VMSOCK_ACT_WAKE: peer_shutdown or state changed: wake all sleepers
 */
enum vmsock_action {
	VMSOCK_ACT_NONE,
	VMSOCK_ACT_CREATE_QP,
	VMSOCK_ACT_ATTACH_QP,
	VMSOCK_ACT_ESTABLISHED,
	VMSOCK_ACT_FAILED,
	VMSOCK_ACT_NOTIFY,
	VMSOCK_ACT_WAKE,
};

/**
 * enum vmsock_failure - why a handshake failed
 * @VMSOCK_FAIL_NONE: it did not
 * @VMSOCK_FAIL_RESET: the peer refused or went away (ECONNRESET)
 * @VMSOCK_FAIL_PROTOCOL: the peer broke the rules (EPROTO)
 * @VMSOCK_FAIL_INVALID: proposal outside our limits, unknown protocol bit (EINVAL)
 * @VMSOCK_FAIL_LOCAL: the user knows: its queue pair or send call failed
 */
enum vmsock_failure {
	VMSOCK_FAIL_NONE,
	VMSOCK_FAIL_RESET,
	VMSOCK_FAIL_PROTOCOL,
	VMSOCK_FAIL_INVALID,
	VMSOCK_FAIL_LOCAL,
};

struct vmsock_step {
	enum vmsock_action action;
	enum vmsock_failure error;
	_Bool send;
	struct vmsock_packet packet;
};

/**
 * struct vmsock_limits - buffer settings of a socket, bytes
 * @size: wanted for a connection's queues, each way
 * @min: smallest accepted
 * @max: largest accepted
 */
struct vmsock_limits {
	__u64 size;
	__u64 min;
	__u64 max;
};

/**
 * struct vmsock_handshake - one end of a connection
 * @state: see above; written only by the functions of this file
 * @local: own address; the context follows the packets received (vsock.md 5.12)
 * @peer: the other end
 * @limits: settings the negotiation uses, taken over at connect or from the listener
 * @size: bytes of each queue, 0 before NEGOTIATE
 * @proto: notification style agreed on: VMSOCK_PROTO_PACKET or VMSOCK_PROTO_QUEUE_STATE
 * @handle: queue pair, valid from qp_created or OFFER on
 * @fallback: REQUEST2 was sent, INVALID may turn to REQUEST (flag F)
 * @ignore_rst: the next RST belongs to the INVALID before it (flag G)
 * @shut_down: SHUTDOWN was sent in this attempt or connection
 * @peer_shutdown: VMSOCK_SHUTDOWN_* bits the peer announced
 * @was_established: the connection once was established and has ended (recv returns 0)
 */
struct vmsock_handshake {
	enum vmsock_state state;
	struct vmsock_addr local;
	struct vmsock_addr peer;
	struct vmsock_limits limits;
	__u64 size;
	__u16 proto;
	struct vmci_handle handle;
	_Bool fallback;
	_Bool ignore_rst;
	_Bool shut_down;
	__u8 peer_shutdown;
	_Bool was_established;
};

/* A fresh or retrying socket: state IDLE, no queue pair, addresses and limits as given */
void vmsock_handshake_init(struct vmsock_handshake *hs, struct vmsock_addr local);

/**
 * vmsock_handshake_connect() - start an attempt: REQUEST2, or REQUEST
 * @hs: in state IDLE or CLOSED; all of an earlier attempt is forgotten but the local address
 * @peer: where to
 * @limits: settings of this attempt
 * @old_protocol: use REQUEST (packet style), no fallback
 *
 * Limits with a size below 2 give FAILED with INVALID: such a queue carries nothing.
 */
struct vmsock_step vmsock_handshake_connect(struct vmsock_handshake *hs, struct vmsock_addr peer,
					    struct vmsock_limits limits, _Bool old_protocol);

/**
 * vmsock_handshake_listen() - a packet reached a listener and no pending child of it
 * @child: filled in state PENDING when the step says so (action NONE, send, child->state
 *	== VMSOCK_PENDING); otherwise untouched
 * @limits: of the listener
 * @pkt: the packet
 * @admit: backlog, memory and policy allow a child
 *
 * The step holds NEGOTIATE or NEGOTIATE2 for a child, RST for a refusal, INVALID
 * for an unknown type, or nothing at all (vsock.md 5.6, state L).
 */
struct vmsock_step vmsock_handshake_listen(struct vmsock_handshake *child,
					   struct vmsock_limits limits,
					   const struct vmsock_packet *pkt, _Bool admit);

/**
 * vmsock_handshake_packet() - a packet for a socket that is no listener
 * @hs: any state
 * @pkt: checked packet
 * @readable: the consume queue holds data (decides CLOSING after RST)
 *
 * IDLE and CLOSED answer RST to all but RST.  A packet that is not from
 * @hs->peer is answered with RST and changes nothing (vsock.md 5.4 step 7).
 * An unknown type is answered with INVALID and changes nothing (step 4).
 */
struct vmsock_step vmsock_handshake_packet(struct vmsock_handshake *hs,
					   const struct vmsock_packet *pkt, _Bool readable);

/*
 * The queue pair asked for by CREATE_QP exists: OFFER.  Call before anything is sent.  This and
 * the next three return action NONE and send nothing when the attempt has ended meanwhile: the
 * user sees it by hs->state and releases the queue pair.
 */
struct vmsock_step vmsock_handshake_qp_created(struct vmsock_handshake *hs,
					       struct vmci_handle handle);

/* The queue pair asked for by ATTACH_QP is attached: ESTABLISHED, then ATTACH is sent */
struct vmsock_step vmsock_handshake_qp_attached(struct vmsock_handshake *hs);

/* Creating or attaching failed: FAILED (LOCAL on the client, on a child too), RST is sent */
struct vmsock_step vmsock_handshake_qp_failed(struct vmsock_handshake *hs);

/**
 * vmsock_handshake_send_failed() - the packet of a step could not be sent
 * @hs: any state
 * @pkt: that packet, step.packet
 *
 * FAILED with LOCAL where a rule of 5.5 or 5.6 says so (REQUEST*, NEGOTIATE*, OFFER,
 * ATTACH), then RST unless it was the first request.  For all other packets nothing.
 */
struct vmsock_step vmsock_handshake_send_failed(struct vmsock_handshake *hs,
						const struct vmsock_packet *pkt);

/**
 * vmsock_handshake_detached() - the peer detached, or queue pairs were resumed
 * @hs: any state
 * @readable: unread data is left and stays readable
 *
 * Call it in order with the packets: a detach that overtakes ATTACH fails a connection that
 * was accepted and closed at once.
 *
 * Before ESTABLISHED: FAILED with RESET, nothing while there is no queue pair yet; but
 * in OFFERED with @readable only peer_shutdown becomes 3, for ATTACH is still on its way
 * (vsock.md 5.5).
 * After: peer_shutdown becomes 3, WAKE; CLOSED unless @readable (vsock.md 5.7).
 */
struct vmsock_step vmsock_handshake_detached(struct vmsock_handshake *hs, _Bool readable);

/* Timeout, signal or pending timer: CLOSED without a packet.  No effect once ESTABLISHED */
void vmsock_handshake_cancel(struct vmsock_handshake *hs);

/**
 * vmsock_handshake_shutdown() - local shutdown(2) or half-close: a SHUTDOWN packet
 * @hs: after connect; sent to hs->peer
 * @mode: VMSOCK_SHUTDOWN_* bits
 *
 * Before NEGOTIATE it ends the attempt: the server answers with RST, or is too old for it and
 * the client does not fall back (vsock.md 5.5).
 *
 * Nothing is sent where nobody can receive it: IDLE, CLOSING, CLOSED, or no bit in @mode.
 */
struct vmsock_step vmsock_handshake_shutdown(struct vmsock_handshake *hs, __u8 mode);

/* ESTABLISHED, or was (CLOSING counts as established for connect, vsock.md 11.2) */
_Bool vmsock_handshake_succeeded(const struct vmsock_handshake *hs);

#endif /* VMSOCK_COMMON_HANDSHAKE_H */
