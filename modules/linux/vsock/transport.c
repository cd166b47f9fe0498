// SPDX-License-Identifier: GPL-2.0-only
/*
 * transport.c - control packets and queue-pair events in and out of vmci.ko
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vsock.md 5.4, 6, 8.  Theory of operation: vmci.ko calls
 * control_received() and peer_detached(), what one sender sends in the order of
 * sending; on this machine that is in the context of the sender, with its socket
 * lock held.  Each finds the socket, tries to get its lock, and handles the packet
 * at once.  If somebody has the lock, an entry is appended to the input list of the
 * socket, and the owner handles it before or right after it releases the lock; so
 * nobody waits for the lock of another socket.  A handshake between two sockets of
 * one machine thus takes place in connect(), without a change of context.
 * WROTE and READ of an established connection in queue-state style only wake
 * somebody and need no lock at all.
 *
 * What the protocol wants is decided by common/handshake and common/notify;
 * vmsock_step() carries it out.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/slab.h>

#include "vmsock.h"

/* Control packets that may wait for delivery; what a datagram socket gets would be too few */
#define CONTROL_QUOTA		65536
#define UNSENT_DELAY_MS		10
#define INPUT_BATCH		64

/* Packets that may wait for one socket, so that its peer cannot fill memory: a whole backlog */
#define INPUT_QUOTA		4096

struct vmsock_input_entry {
	struct list_head link;
	bool detached;			/* event instead of a packet */
	struct vmsock_packet pkt;
};

static struct vmci_handle control_handle;
static u32 detach_subscription;

/**
 * vmsock_send_packet() - send a control packet
 * @pkt: complete but for the source context
 *
 * Context: process context, may sleep.
 * Return: VMCI result.
 */
int vmsock_send_packet(struct vmsock_packet *pkt)
{
	gfp_t gfp = GFP_KERNEL;
	int result;

	/* Nobody repeats it, and a peer that never hears of it waits for ever */
	if (pkt->type == VMSOCK_PACKET_SHUTDOWN)
		gfp |= __GFP_NOFAIL;
	result = vmci_datagram_send_gfp(&pkt->dg, gfp);
	if (result > 0)
		vmsock_stats_sent(pkt->type);
	return result;
}

static void send_reply(u8 type, const struct vmsock_packet *cause)
{
	struct vmsock_packet reply;

	vmsock_packet_reply(&reply, type, cause);
	if (vmsock_send_packet(&reply) < 0)
		pr_debug("reply %s could not be sent\n", vmsock_packet_type_name(type));
}

/* RST is never answered with RST */
static void refuse(const struct vmsock_packet *cause)
{
	if (cause->type != VMSOCK_PACKET_RST)
		send_reply(VMSOCK_PACKET_RST, cause);
}

/* ---- Steps of the handshake ---- */

static int qp_open(struct vmsock_sock *vsk, u32 flags)
{
	const struct vmsock_handshake *hs = &vsk->hs;
	bool trusted = vmsock_trusted(vsk, hs->peer.cid);
	struct vmci_handle handle = hs->handle;
	int result;

	if (hs->peer.cid == vmci_get_context_id())
		flags |= VMCI_QPFLAG_LOCAL;
	if (!(flags & VMCI_QPFLAG_ATTACH_ONLY))
		handle = (struct vmci_handle){ VMCI_INVALID_ID, VMCI_INVALID_ID };
	result = vmci_qpair_alloc(&vsk->qp, &handle, hs->size, hs->size, hs->peer.cid, flags,
				  trusted ? VMCI_PRIVILEGE_FLAG_TRUSTED : 0);
	if (result == VMCI_ERROR_NO_ACCESS && trusted)
		result = vmci_qpair_alloc(&vsk->qp, &handle, hs->size, hs->size, hs->peer.cid,
					  flags, VMCI_NO_PRIVILEGE_FLAGS);
	if (result < 0)
		return result;
	vsk->hs.handle = handle;
	vmsock_notify_init(&vsk->notify, hs->proto, hs->size, PAGE_SIZE);
	vmsock_table_set_handle(vsk);
	return VMCI_SUCCESS;
}

static struct vmsock_step step_create_qp(struct vmsock_sock *vsk, int *result)
{
	*result = qp_open(vsk, 0);
	if (*result < 0)
		return vmsock_handshake_qp_failed(&vsk->hs);
	return vmsock_handshake_qp_created(&vsk->hs, vsk->hs.handle);
}

static struct vmsock_step step_attach_qp(struct vmsock_sock *vsk, int *result)
{
	*result = qp_open(vsk, VMCI_QPFLAG_ATTACH_ONLY);
	if (*result < 0)
		return vmsock_handshake_qp_failed(&vsk->hs);
	vsk->sk.sk_state = TCP_ESTABLISHED;
	return vmsock_handshake_qp_attached(&vsk->hs);
}

static int failure_errno(enum vmsock_failure failure, int result)
{
	switch (failure) {
	case VMSOCK_FAIL_RESET:
		return ECONNRESET;
	case VMSOCK_FAIL_PROTOCOL:
		return EPROTO;
	case VMSOCK_FAIL_LOCAL:
		return -vmsock_errno(result);
	default:
		return EINVAL;
	}
}

static void step_failed(struct vmsock_sock *vsk, int error)
{
	vmsock_stream_reset(vsk);
	if (vsk->listener)
		vmsock_child_drop(vsk);
	else
		vmsock_connect_done(vsk, error);
}

static void step_established(struct vmsock_sock *vsk)
{
	if (vsk->listener)
		vmsock_child_ready(vsk);
	else
		vmsock_connect_done(vsk, 0);
}

/* The peer shut down, reset or detached: what programs see follows the state */
static void step_wake(struct vmsock_sock *vsk)
{
	struct sock *sk = &vsk->sk;

	if (vsk->hs.state == VMSOCK_CLOSING)
		sk->sk_state = TCP_CLOSING;
	else if (vsk->hs.state == VMSOCK_CLOSED)
		sk->sk_state = TCP_CLOSE;
	sk->sk_state_change(sk);
}

/**
 * vmsock_step() - carry out what the handshake wants
 * @vsk: socket lock held, or the socket is not visible yet
 * @step: from a function of common/handshake
 */
void vmsock_step(struct vmsock_sock *vsk, struct vmsock_step step)
{
	int result = VMCI_SUCCESS;

	for (;;) {
		if (step.action == VMSOCK_ACT_CREATE_QP) {
			step = step_create_qp(vsk, &result);
			continue;
		}
		if (step.action == VMSOCK_ACT_ATTACH_QP) {
			step = step_attach_qp(vsk, &result);
			continue;
		}
		if (step.action == VMSOCK_ACT_FAILED)
			step_failed(vsk, failure_errno(step.error, result));
		if (!step.send)
			break;
		result = vmsock_send_packet(&step.packet);
		if (result > 0)
			break;
		step = vmsock_handshake_send_failed(&vsk->hs, &step.packet);
	}
	/* A child is for accept() only after ATTACH was sent */
	if (step.action == VMSOCK_ACT_ESTABLISHED)
		step_established(vsk);
	else if (step.action == VMSOCK_ACT_WAKE)
		step_wake(vsk);
}

/* ---- Notifications ---- */

static const u8 notification_types[] = {
	VMSOCK_PACKET_WROTE,		/* VMSOCK_SEND_WROTE */
	VMSOCK_PACKET_READ,		/* VMSOCK_SEND_READ */
	VMSOCK_PACKET_WAITING_READ,	/* VMSOCK_SEND_WAITING_READ */
	VMSOCK_PACKET_WAITING_WRITE,	/* VMSOCK_SEND_WAITING_WRITE */
};

#define VMSOCK_SEND_ALL	(VMSOCK_SEND_WROTE | VMSOCK_SEND_READ | \
			 VMSOCK_SEND_WAITING_READ | VMSOCK_SEND_WAITING_WRITE)

/* Nobody is there to be told: WROTE without a reader, READ without a writer */
static bool notification_pointless(const struct vmsock_sock *vsk, u8 type)
{
	u8 gone = vsk->hs.peer_shutdown;

	return READ_ONCE(vsk->detached) ||
	       (type == VMSOCK_PACKET_WROTE && (gone & VMSOCK_SHUTDOWN_RECEIVE)) ||
	       (type == VMSOCK_PACKET_READ && (gone & VMSOCK_SHUTDOWN_SEND));
}

static bool send_notification(struct vmsock_sock *vsk, u8 type)
{
	struct vmsock_packet pkt;
	int attempt;

	if (notification_pointless(vsk, type))
		return true;
	vmsock_packet_init(&pkt, type, vsk->hs.local, vsk->hs.peer);
	if (type == VMSOCK_PACKET_WAITING_READ || type == VMSOCK_PACKET_WAITING_WRITE)
		pkt.u.wait = vsk->notify.wait;
	for (attempt = 0; attempt < VMSOCK_NOTIFY_RETRIES; attempt++)
		if (vmsock_send_packet(&pkt) > 0)
			return true;
	return false;
}

/**
 * vmsock_send_notifications() - send what common/notify asked for
 * @vsk: socket lock held
 * @what: VMSOCK_SEND_* bits, others are ignored
 *
 * What cannot be sent now, because the receiver's quota is used up, is tried again until
 * it can: a notification that gets lost would stall the peer for ever.
 */
void vmsock_send_notifications(struct vmsock_sock *vsk, unsigned int what)
{
	unsigned int i;

	what &= VMSOCK_SEND_ALL;
	for (i = 0; what >> i; i++) {
		unsigned int bit = 1u << i;
		bool delivered;

		if (!(what & bit))
			continue;
		delivered = send_notification(vsk, notification_types[i]);
		vmsock_notify_sent(&vsk->notify, bit, delivered);
		vsk->unsent = delivered ? vsk->unsent & ~bit : vsk->unsent | bit;
	}
	if (vsk->unsent)
		vmsock_arm(vsk, &vsk->unsent_timer, msecs_to_jiffies(UNSENT_DELAY_MS));
}

void vmsock_unsent_timeout(struct work_struct *work)
{
	struct vmsock_sock *vsk = container_of(work, struct vmsock_sock, unsent_timer.work);

	vmsock_lock(vsk);
	if (vsk->qp)
		vmsock_send_notifications(vsk, vsk->unsent);
	vmsock_unlock(vsk);
	sock_put(&vsk->sk);
}

static void notify_received(struct vmsock_sock *vsk, u8 type)
{
	unsigned int what;

	if (!vsk->qp)
		return;
	what = vmsock_notify_packet(&vsk->notify, type, vmci_qpair_produce_buf_ready(vsk->qp),
				    vmci_qpair_consume_free_space(vsk->qp));
	vmsock_send_notifications(vsk, what);
	if (what & VMSOCK_WAKE_READERS)
		vsk->sk.sk_data_ready(&vsk->sk);
	if (what & VMSOCK_WAKE_WRITERS)
		vsk->sk.sk_write_space(&vsk->sk);
}

/* ---- Input ---- */

/* A connection that is over gives its place in the tables free for the next one */
static void leave_tables_if_over(struct vmsock_sock *vsk)
{
	if (vsk->hs.was_established)
		vmsock_table_disconnect(vsk);
}

static int deliver_packet(struct vmsock_sock *vsk, const struct vmsock_packet *pkt);

/*
 * Since a packet was queued its listener may have made the child that it is for, or its child
 * may have ended, so that it is the listener's; true if somebody else has got it now.
 */
static bool passed_on(struct vmsock_sock *vsk, const struct vmsock_packet *pkt)
{
	struct vmsock_sock *now;

	if (vsk->sk.sk_state != TCP_LISTEN && vsk->hs.state != VMSOCK_CLOSED)
		return false;
	now = vmsock_table_find(pkt);
	if (!now)
		return false;
	if (now != vsk)
		deliver_packet(now, pkt);
	sock_put(&now->sk);
	return now != vsk;
}

static void handle_packet(struct vmsock_sock *vsk, const struct vmsock_packet *pkt)
{
	struct vmsock_step step;

	if (passed_on(vsk, pkt))
		return;
	if (vsk->sk.sk_state == TCP_LISTEN) {
		vmsock_accept_request(vsk, pkt);
		return;
	}
	/* Queued for an attempt that was given up, see connect_forget_port() */
	if (pkt->dst_port != vsk->hs.local.port) {
		refuse(pkt);
		return;
	}
	step = vmsock_handshake_packet(&vsk->hs, pkt, vmsock_stream_unread(vsk) > 0);
	if (step.action == VMSOCK_ACT_NOTIFY)
		notify_received(vsk, pkt->type);
	vmsock_step(vsk, step);
	if (pkt->type == VMSOCK_PACKET_RST)
		leave_tables_if_over(vsk);
}

static void handle_detach(struct vmsock_sock *vsk)
{
	vmsock_step(vsk, vmsock_handshake_detached(&vsk->hs, vmsock_stream_unread(vsk) > 0));
	leave_tables_if_over(vsk);
}

/* @pkt or, if it is NULL, the peer's detaching; socket lock held */
static void handle(struct vmsock_sock *vsk, const struct vmsock_packet *pkt)
{
	if (pkt)
		handle_packet(vsk, pkt);
	else
		handle_detach(vsk);
}

static struct vmsock_input_entry *input_pop(struct vmsock_input *input)
{
	struct vmsock_input_entry *entry;

	spin_lock(&input->lock);
	entry = list_first_entry_or_null(&input->entries, struct vmsock_input_entry, link);
	if (entry) {
		list_del(&entry->link);
		input->count--;
	}
	spin_unlock(&input->lock);
	return entry;
}

static bool input_waits(const struct vmsock_sock *vsk)
{
	return !list_empty(&vsk->input.entries);
}

/* A limited number, so that the owner of the lock gets on with its own work */
static void input_run_batch(struct vmsock_sock *vsk)
{
	struct vmsock_input_entry *entry;
	int i;

	for (i = 0; i < INPUT_BATCH && input_waits(vsk); i++) {
		entry = input_pop(&vsk->input);
		if (!entry)
			break;
		handle(vsk, entry->detached ? NULL : &entry->pkt);
		kfree(entry);
	}
}

/**
 * vmsock_input_run() - handle what came while the lock was held
 * @vsk: socket lock held
 */
void vmsock_input_run(struct vmsock_sock *vsk)
{
	if (!vsk->input.deferred)
		input_run_batch(vsk);
}

static void input_later(struct vmsock_sock *vsk)
{
	sock_hold(&vsk->sk);
	if (!queue_work(vmsock_wq, &vsk->input.work))
		__sock_put(&vsk->sk);
}

/**
 * vmsock_unlock() - release the socket lock, and leave nothing behind in the input list
 * @vsk: the caller has a reference
 *
 * Who appends to the list tries to get the lock afterwards, and we look at the list after
 * we released it: one of the two sees the other.
 */
void vmsock_unlock(struct vmsock_sock *vsk)
{
	vmsock_input_run(vsk);
	mutex_unlock(&vsk->lock);
	/* Pairs with the barrier of input_push() */
	smp_mb();
	if (unlikely(input_waits(vsk)))
		input_later(vsk);
}

static void input_work(struct work_struct *work)
{
	struct vmsock_sock *vsk = container_of(work, struct vmsock_sock, input.work);

	vmsock_lock(vsk);
	input_run_batch(vsk);
	vmsock_unlock(vsk);
	sock_put(&vsk->sk);
}

void vmsock_input_init(struct vmsock_input *input)
{
	spin_lock_init(&input->lock);
	INIT_LIST_HEAD(&input->entries);
	INIT_WORK(&input->work, input_work);
}

/* Takes @entry over; false if the socket takes nothing any more, or too much waits already */
static bool input_push(struct vmsock_sock *vsk, struct vmsock_input_entry *entry)
{
	bool open;

	spin_lock(&vsk->input.lock);
	open = !vsk->input.closed && (entry->detached || vsk->input.count < INPUT_QUOTA);
	if (open) {
		list_add_tail(&entry->link, &vsk->input.entries);
		vsk->input.count++;
	}
	spin_unlock(&vsk->input.lock);
	if (!open) {
		kfree(entry);
		return false;
	}
	/* Pairs with the barrier of vmsock_unlock() */
	smp_mb();
	if (mutex_trylock(&vsk->lock))
		vmsock_unlock(vsk);
	return true;
}

/* Handle it here and now, unless somebody has the lock; what came earlier goes first */
static bool input_now(struct vmsock_sock *vsk, const struct vmsock_packet *pkt)
{
	bool open;

	if (!mutex_trylock(&vsk->lock))
		return false;
	vmsock_input_run(vsk);
	open = !vsk->input.closed && !vsk->input.deferred && !input_waits(vsk);
	if (open)
		handle(vsk, pkt);
	vmsock_unlock(vsk);
	return open;
}

/**
 * vmsock_input_stop() - queue nothing any more; what waits is still handled
 * @vsk: leaving the tables or out of them; socket lock held
 */
void vmsock_input_stop(struct vmsock_sock *vsk)
{
	spin_lock(&vsk->input.lock);
	vsk->input.closed = true;
	spin_unlock(&vsk->input.lock);
}

/* The same, and what waits is forgotten */
void vmsock_input_close(struct vmsock_sock *vsk)
{
	struct vmsock_input_entry *entry;

	vmsock_input_stop(vsk);
	while ((entry = input_pop(&vsk->input)))
		kfree(entry);
}

/* Step 9 of vsock.md 5.4: wake without the socket lock where that is all there is to do */
static bool handle_at_once(struct vmsock_sock *vsk, const struct vmsock_packet *pkt)
{
	struct vmsock_handshake *hs = &vsk->hs;
	struct sock *sk = &vsk->sk;

	if (READ_ONCE(hs->state) != VMSOCK_ESTABLISHED ||
	    hs->proto != VMSOCK_PROTO_QUEUE_STATE ||
	    !vmsock_addr_equal(hs->local, vmsock_packet_dst(pkt)) ||
	    !vmsock_addr_equal(hs->peer, vmsock_packet_src(pkt)))
		return false;
	switch (pkt->type) {
	case VMSOCK_PACKET_WROTE:
		sk->sk_data_ready(sk);
		return true;
	case VMSOCK_PACKET_READ:
		sk->sk_write_space(sk);
		return true;
	default:
		return false;
	}
}

/* Who never heard of the other side's end would wait for ever; all else is refused or repeated */
static gfp_t entry_gfp(u8 type)
{
	bool end = type == VMSOCK_PACKET_SHUTDOWN || type == VMSOCK_PACKET_RST;

	return end ? GFP_KERNEL | __GFP_NOFAIL : GFP_KERNEL;
}

static int deliver_packet(struct vmsock_sock *vsk, const struct vmsock_packet *pkt)
{
	struct vmsock_input_entry *entry;

	if (!vmsock_peer_allowed(vsk, pkt->dg.src.context))
		return VMCI_ERROR_NO_ACCESS;
	if (handle_at_once(vsk, pkt) || input_now(vsk, pkt))
		return VMCI_SUCCESS;
	entry = kmalloc(sizeof(*entry), entry_gfp(pkt->type));
	if (!entry) {
		refuse(pkt);
		return VMCI_ERROR_NO_MEM;
	}
	entry->detached = false;
	entry->pkt = *pkt;
	if (!input_push(vsk, entry))
		refuse(pkt);
	return VMCI_SUCCESS;
}

static int control_received(void *data, struct vmci_datagram *dg)
{
	const struct vmsock_packet *pkt = (const struct vmsock_packet *)dg;
	enum vmsock_verdict verdict = vmsock_packet_check(dg, sizeof(*dg) + dg->payload_size);
	struct vmsock_sock *vsk;
	int result = VMCI_SUCCESS;

	if (verdict == VMSOCK_PACKET_DROP)
		return VMCI_ERROR_INVALID_ARGS;
	if (dg->src.context == VMCI_WELL_KNOWN_CONTEXT_ID)
		return VMCI_ERROR_NO_ACCESS;
	vmsock_stats_received(pkt->type);
	vsk = verdict == VMSOCK_PACKET_REFUSE ? NULL : vmsock_table_find(pkt);
	if (!vsk)
		refuse(pkt);
	else if (verdict == VMSOCK_PACKET_UNKNOWN)
		send_reply(VMSOCK_PACKET_INVALID, pkt);
	else
		result = deliver_packet(vsk, pkt);
	if (vsk)
		sock_put(&vsk->sk);
	return result;
}

/* Losing this event would leave the socket open for ever, so the allocation must not fail */
static void peer_detached(u32 id, const struct vmci_event_data *event, void *data)
{
	struct vmsock_sock *vsk = vmsock_table_find_by_handle(event->u.qp.handle);
	struct vmsock_input_entry *entry;

	if (!vsk)
		return;
	WRITE_ONCE(vsk->detached, true);
	if (!input_now(vsk, NULL)) {
		entry = kzalloc(sizeof(*entry), GFP_KERNEL | __GFP_NOFAIL);
		entry->detached = true;
		input_push(vsk, entry);
	}
	sock_put(&vsk->sk);
}

/* ---- Module ---- */

int vmsock_transport_init(void)
{
	int result = vmci_datagram_create_handle_priv(VMCI_SOCKET_CONTROL_RID,
						      VMCI_FLAG_ANYCID_DG_HND |
						      VMCI_FLAG_DG_DIRECT_CB,
						      VMCI_PRIVILEGE_FLAG_TRUSTED,
						      control_received, NULL, &control_handle);

	if (result == VMCI_ERROR_ALREADY_EXISTS)
		pr_err("another driver has the control channel of VMCI sockets (resource %u)\n",
		       VMCI_SOCKET_CONTROL_RID);
	if (result < 0)
		return vmsock_errno(result);
	vmci_datagram_set_quota(control_handle, CONTROL_QUOTA);
	result = vmci_event_subscribe_direct(VMCI_EVENT_QP_PEER_DETACH, peer_detached, NULL,
					     &detach_subscription);
	if (result < 0) {
		vmci_datagram_destroy_handle(control_handle);
		return vmsock_errno(result);
	}
	return 0;
}

void vmsock_transport_exit(void)
{
	vmci_event_unsubscribe(detach_subscription);
	vmci_datagram_destroy_handle(control_handle);
}
