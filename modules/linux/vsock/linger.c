// SPDX-License-Identifier: GPL-2.0-only
/*
 * linger.c - queue pairs of connections that ended before the client knew of them
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vsock.md 5.7.  A client hears of its connection by a packet, ATTACH, and
 * of the server's leaving by an event.  The kernel's own driver handles events at once and
 * packets in a work item: if both come together, its connect() fails with ECONNRESET.  So a server
 * that leaves at once leaves its queue pair for a moment, until the client has moved a byte.
 * A client on this machine is always told in order.
 */
#include <linux/atomic.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include "vmsock.h"

/* How often to look whether the client has moved a byte: 100 ms in all */
#define LOOKS			20
#define BETWEEN_LOOKS_MS	5

/* Memory of guests that is bound meanwhile, so that none can have it used up */
#define LINGERING_MAX		64

struct lingering {
	struct vmci_qp *qp;
	unsigned int looks;
	struct delayed_work work;
};

static atomic_t lingering_count;

/* Bytes that went either way show that the client knows; so does a queue without memory */
static bool client_moved(const struct vmci_qp *qp)
{
	u64 tail, head;

	if (vmci_qpair_get_produce_indexes(qp, &tail, &head) < 0 || head)
		return true;
	return vmci_qpair_get_consume_indexes(qp, &tail, &head) < 0 || tail;
}

static bool client_unaware(const struct vmsock_sock *vsk)
{
	const struct vmsock_handshake *hs = &vsk->hs;

	return vsk->qp && hs->state == VMSOCK_ESTABLISHED &&
	       hs->handle.context == hs->peer.cid && hs->peer.cid != vmci_get_context_id() &&
	       !vsk->detached && !hs->peer_shutdown && !client_moved(vsk->qp);
}

static void count_down(void)
{
	if (atomic_dec_and_test(&lingering_count))
		wake_up_var(&lingering_count);
}

static void linger_work(struct work_struct *work)
{
	struct lingering *lingering = container_of(work, struct lingering, work.work);

	if (--lingering->looks && !client_moved(lingering->qp)) {
		queue_delayed_work(vmsock_wq, &lingering->work, msecs_to_jiffies(BETWEEN_LOOKS_MS));
		return;
	}
	vmci_qpair_detach(&lingering->qp);
	kfree(lingering);
	count_down();
}

/**
 * vmsock_linger() - take over the queue pair of a socket whose client may not know of it yet
 * @vsk: closing; socket lock held.  Its queue pair is gone then, or else the caller's to detach
 */
void vmsock_linger(struct vmsock_sock *vsk)
{
	struct lingering *lingering;

	if (!client_unaware(vsk) || !atomic_add_unless(&lingering_count, 1, LINGERING_MAX))
		return;
	lingering = kmalloc(sizeof(*lingering), GFP_KERNEL);
	if (!lingering) {
		count_down();
		return;
	}
	lingering->qp = vsk->qp;
	lingering->looks = LOOKS;
	vsk->qp = NULL;
	INIT_DELAYED_WORK(&lingering->work, linger_work);
	queue_delayed_work(vmsock_wq, &lingering->work, msecs_to_jiffies(BETWEEN_LOOKS_MS));
}

/* There are no sockets any more: wait for the last queue pair */
void vmsock_linger_exit(void)
{
	wait_var_event(&lingering_count, !atomic_read(&lingering_count));
}
