// SPDX-License-Identifier: GPL-2.0-only
/*
 * inside - what no client can do to vmci.ko: a device, hostile memory, bad events
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * This module has a copy of vmci.ko's sources in it, with data of its own.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "inside.h"
#include "ktap.h"
#include "vmci/context.h"
#include "vmci/delivery.h"
#include "vmci/event.h"
#include "vmci/local_qp.h"
#include "vmci/personality.h"
#include "vmci/qpair.h"
#include "vmci_api.h"

#define NONE VMCI_INVALID_ID

/* --- events from a device (vmci.md 7.1, 12.2 S25) ----------------------------------------- */

static struct vmci_event_data heard;
static u32 heard_count;

static void hear(u32 id, const struct vmci_event_data *event, void *data)
{
	heard = *event;
	heard_count++;
}

static void event_sizes(void)
{
	static const struct {
		u32 event;
		u64 size;
		int result;
	} rows[] = {
		{ VMCI_EVENT_CTX_ID_UPDATE, 0, VMCI_ERROR_INVALID_ARGS },
		{ VMCI_EVENT_CTX_ID_UPDATE, 4, VMCI_ERROR_INVALID_ARGS },
		{ VMCI_EVENT_CTX_ID_UPDATE, 15, VMCI_ERROR_INVALID_ARGS },
		{ VMCI_EVENT_CTX_ID_UPDATE, 16, VMCI_SUCCESS },
		{ VMCI_EVENT_CTX_ID_UPDATE, 24, VMCI_SUCCESS },
		{ VMCI_EVENT_CTX_ID_UPDATE, 25, VMCI_ERROR_INVALID_ARGS },
		{ VMCI_EVENT_CTX_ID_UPDATE, (1ull << 32) + 16, VMCI_ERROR_INVALID_ARGS },
		{ VMCI_EVENT_CTX_ID_UPDATE, U64_MAX, VMCI_ERROR_INVALID_ARGS },
		{ VMCI_EVENT_CTX_REMOVED, 8, VMCI_ERROR_INVALID_ARGS },
		{ VMCI_EVENT_CTX_REMOVED, 16, VMCI_SUCCESS },
		{ VMCI_EVENT_QP_RESUMED, 7, VMCI_ERROR_INVALID_ARGS },
		{ VMCI_EVENT_QP_RESUMED, 8, VMCI_SUCCESS },
		{ VMCI_EVENT_QP_PEER_ATTACH, 16, VMCI_ERROR_INVALID_ARGS },
		{ VMCI_EVENT_QP_PEER_ATTACH, 23, VMCI_ERROR_INVALID_ARGS },
		{ VMCI_EVENT_QP_PEER_ATTACH, 24, VMCI_SUCCESS },
		{ VMCI_EVENT_QP_PEER_DETACH, 24, VMCI_SUCCESS },
		{ VMCI_EVENT_MEM_ACCESS_ON, 24, VMCI_ERROR_EVENT_UNKNOWN },
		{ VMCI_EVENT_MAX, 24, VMCI_ERROR_EVENT_UNKNOWN },
		{ U32_MAX, 24, VMCI_ERROR_EVENT_UNKNOWN },
	};
	u32 ids[VMCI_EVENT_LAST_DELIVERABLE + 1], expected = 0;
	struct vmci_event_msg msg;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ids); i++)
		expect_is(vmci_event_subscribe(i, hear, NULL, &ids[i]), VMCI_SUCCESS);
	heard_count = 0;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		int result;

		memset(&msg, 0xa5, sizeof(msg));
		msg.hdr.payload_size = rows[i].size;
		msg.data.event = rows[i].event;
		result = vmci_event_dispatch(&msg.hdr, false);
		if (result != rows[i].result)
			ktap_fail(__FILE__, __LINE__, "row %u: %d", i, result);
		expected += rows[i].result == VMCI_SUCCESS;
		expect_is(heard_count, expected);
	}
	for (i = 0; i < ARRAY_SIZE(ids); i++)
		expect_is(vmci_event_unsubscribe(ids[i]), VMCI_SUCCESS);
}

static void short_event_is_padded(void)
{
	struct vmci_event_msg msg;
	u32 id;

	memset(&msg, 0xa5, sizeof(msg));
	msg.hdr.payload_size = VMCI_EVENT_CONTEXT_SIZE;
	msg.data.event = VMCI_EVENT_CTX_REMOVED;
	memset(&heard, 0x5a, sizeof(heard));
	expect_is(vmci_event_subscribe(VMCI_EVENT_CTX_REMOVED, hear, NULL, &id), VMCI_SUCCESS);
	expect_is(vmci_event_dispatch(&msg.hdr, false), VMCI_SUCCESS);
	expect_is(vmci_event_unsubscribe(id), VMCI_SUCCESS);
	expect_is(heard.event, VMCI_EVENT_CTX_REMOVED);
	expect_is(heard.u.ctx.context, 0xa5a5a5a5);
	expect_is(heard.u.qp.peer, 0);
	expect_is(heard.u.qp.pad, 0);
}

/* --- ids, after four thousand million of them (vmci.md 1.3, 7.3) --------------------------- */

static u32 subscribe(void)
{
	u32 id = 0;

	expect_is(vmci_event_subscribe(VMCI_EVENT_QP_RESUMED, hear, NULL, &id), VMCI_SUCCESS);
	return id;
}

static void subscriptions_begin_again(void)
{
	u32 ids[VMCI_EVENT_MAX_ATTEMPTS + 1], none = 77;
	unsigned int i;

	set_last_subscription(U32_MAX - 1);
	ids[0] = subscribe();
	expect_is(ids[0], U32_MAX);
	for (i = 1; i < ARRAY_SIZE(ids); i++) {
		ids[i] = subscribe();
		expect_is(ids[i], i);
	}

	set_last_subscription(U32_MAX);
	expect_is(vmci_event_subscribe(VMCI_EVENT_QP_RESUMED, hear, NULL, &none),
		  VMCI_ERROR_NO_RESOURCES);
	expect_is(none, 77);
	for (i = 0; i < ARRAY_SIZE(ids); i++)
		expect_is(vmci_event_unsubscribe(ids[i]), VMCI_SUCCESS);
	set_last_subscription(0);
}

static int ignore(void *data, struct vmci_datagram *dg)
{
	return 0;
}

static struct vmci_handle open_endpoint(void)
{
	struct vmci_handle handle = { NONE, NONE };

	expect_is(vmci_datagram_create_handle(NONE, 0, ignore, NULL, &handle), VMCI_SUCCESS);
	return handle;
}

static void resources_begin_again(void)
{
	struct vmci_handle first, last, next;

	set_next_resource(VMCI_RESERVED_RESOURCE_ID_MAX + 1);
	first = open_endpoint();
	set_next_resource(NONE - 1);
	last = open_endpoint();
	next = open_endpoint();
	expect_is(first.resource, VMCI_RESERVED_RESOURCE_ID_MAX + 1);
	expect_is(last.resource, NONE - 1);
	expect_is(next.resource, VMCI_RESERVED_RESOURCE_ID_MAX + 2);
	expect_is(vmci_datagram_destroy_handle(first), VMCI_SUCCESS);
	expect_is(vmci_datagram_destroy_handle(last), VMCI_SUCCESS);
	expect_is(vmci_datagram_destroy_handle(next), VMCI_SUCCESS);
}

/* --- a guest personality ------------------------------------------------------------------ */

#define GUEST_CID 0x80001234	/* as configuration files have them (vmci.md 1.2) */

static struct vmci_datagram sent;
static struct vmci_handle rung;
static u32 allocated_for;
static unsigned int sends;

static u32 guest_context_id(void)
{
	return GUEST_CID;
}

static int guest_send(const struct vmci_datagram *dg, gfp_t gfp)
{
	sent = *dg;
	sends++;
	return VMCI_ERROR_UNAVAILABLE;
}

static int guest_notify(struct vmci_handle handle, u32 priv)
{
	rung = handle;
	return VMCI_SUCCESS;
}

static int guest_qpair_alloc(struct vmci_qp *qp, struct vmci_handle *io, u64 produce_size,
			     u64 consume_size, u32 peer, u32 flags, u32 priv)
{
	allocated_for = peer;
	return VMCI_ERROR_NO_ACCESS;
}

static const struct vmci_personality guest = {
	.context_id = guest_context_id,
	.datagram_send = guest_send,
	.doorbell_notify = guest_notify,
	.qpair_alloc = guest_qpair_alloc,
};

static int calls_for_guest, calls_for_host;

static void personality_changed(bool is_host)
{
	if (is_host)
		calls_for_host++;
	else
		calls_for_guest++;
}

/* Result of sending; the guest's own is UNAVAILABLE. */
static int send_to(u32 context, u32 resource, u32 src_context, u32 src_resource)
{
	struct vmci_datagram dg = {
		{ context, resource }, { src_context, src_resource }, 0,
	};

	memset(&sent, 0, sizeof(sent));
	return vmci_datagram_send(&dg);
}

static void expect_sent(u32 context, u32 src_context, u32 src_resource)
{
	expect_is(sent.dst.context, context);
	expect_is(sent.src.context, src_context);
	expect_is(sent.src.resource, src_resource);
}

static void guest_takes_over(void)
{
	struct vmci_handle handle, pair = { NONE, NONE };
	struct vmci_qp *qp;

	expect_is(vmci_register_vsock_callback(personality_changed), 0);
	vmci_personality_set(VMCI_ROUTE_GUEST, &guest);
	expect_is(calls_for_guest, 1);
	expect_is(vmci_get_context_id(), GUEST_CID);
	expect_is(vmci_datagram_create_handle(NONE, 0, ignore, NULL, &handle), VMCI_SUCCESS);
	expect_is(handle.context, GUEST_CID);

	sends = 0;
	expect_is(send_to(0, 1, NONE, NONE), VMCI_ERROR_UNAVAILABLE);
	expect_sent(0, NONE, NONE);
	expect_is(send_to(0, 1, NONE, 5), VMCI_ERROR_UNAVAILABLE);
	expect_sent(0, GUEST_CID, 5);
	expect_is(send_to(2, 1, NONE, 5), VMCI_ERROR_UNAVAILABLE);
	expect_sent(2, GUEST_CID, 5);
	expect_is(send_to(77, 1, NONE, 5), VMCI_ERROR_UNAVAILABLE);
	expect_sent(77, GUEST_CID, 5);
	expect_is(sends, 4);
	expect_is(send_to(0, 1, 2, 5), VMCI_ERROR_INVALID_ARGS);
	expect_is(send_to(2, 0, 0, 0), VMCI_ERROR_DEVICE_NOT_FOUND);
	expect_is(sends, 4);

	expect_is(vmci_doorbell_notify(handle, 0), VMCI_SUCCESS);
	expect_is(rung.context, GUEST_CID);
	expect_is(vmci_qpair_alloc(&qp, &pair, 4096, 4096, 2, 0, 0), VMCI_ERROR_NO_ACCESS);
	expect_is(allocated_for, 2);
	expect_is(vmci_qpair_alloc(&qp, &pair, 4096, 4096, NONE, 0, 0), VMCI_ERROR_NO_ACCESS);
	expect_is(vmci_qpair_alloc(&qp, &pair, 4096, 4096, GUEST_CID, VMCI_QPFLAG_LOCAL, 0),
		  VMCI_SUCCESS);
	expect_is(pair.context, GUEST_CID);
	expect_is(vmci_qpair_detach(&qp), VMCI_SUCCESS);
	expect_is(vmci_datagram_destroy_handle(handle), VMCI_SUCCESS);

	expect_is(vmci_register_vsock_callback(NULL), 0);
	expect_is(vmci_register_vsock_callback(personality_changed), 0);
	expect_is(calls_for_guest, 2);
	vmci_personality_set(VMCI_ROUTE_GUEST, NULL);
	expect_is(vmci_get_context_id(), VMCI_HOST_CONTEXT_ID);
	expect_is(vmci_register_vsock_callback(NULL), 0);
	expect_is(calls_for_guest, 2);
	expect_is(calls_for_host, 0);
}

/* A client of a host hears of the first virtual machine, and once (vmci.md 8.5) */
static void virtual_machines_begin(void)
{
	calls_for_host = 0;
	expect_is(vmci_register_vsock_callback(personality_changed), 0);
	expect_is(calls_for_host, 0);
	vmci_host_vm_begins();
	expect_is(calls_for_host, 1);
	vmci_host_vm_begins();
	expect_is(calls_for_host, 1);
	expect_is(vmci_register_vsock_callback(NULL), 0);
	vmci_host_vm_begins();
	expect_is(calls_for_host, 1);
	expect_is(vmci_register_vsock_callback(personality_changed), 0);
	expect_is(calls_for_host, 2);
	vmci_host_vm_ends();
	vmci_host_vm_ends();
	vmci_host_vm_ends();
	expect_is(calls_for_host, 2);
	expect_is(vmci_register_vsock_callback(NULL), 0);
}

static void no_personality(void)
{
	struct vmci_handle handle = { NONE, NONE };
	struct vmci_qp *qp;

	vmci_personality_set(VMCI_ROUTE_HOST, NULL);
	expect_is(vmci_get_context_id(), NONE);
	expect_is(vmci_datagram_create_handle(NONE, 0, ignore, NULL, &handle),
		  VMCI_ERROR_NO_RESOURCES);
	expect_is(send_to(2, 1, NONE, 5), VMCI_ERROR_DEVICE_NOT_FOUND);
	expect_is(vmci_qpair_alloc(&qp, &handle, 64, 64, 2, 0, 0), VMCI_ERROR_DEVICE_NOT_FOUND);
	expect_is(vmci_qpair_alloc(&qp, &handle, 64, 64, NONE, VMCI_QPFLAG_LOCAL, 0),
		  VMCI_ERROR_DEVICE_NOT_FOUND);
	vmci_personality_set(VMCI_ROUTE_HOST, &vmci_host_personality);
}

/* --- hostile queue memory (vmci.md 12.2 S1, S2) ------------------------------------------- */

#define RING 10000

static bool open_pair(struct vmci_qp **a, struct vmci_qp **b)
{
	struct vmci_handle handle = { NONE, NONE };

	return expect_is(vmci_qpair_alloc(a, &handle, RING, RING, 2, VMCI_QPFLAG_LOCAL, 0), 0) &&
	       expect_is(vmci_qpair_alloc(b, &handle, RING, RING, 2, VMCI_QPFLAG_LOCAL, 0), 0);
}

static void close_pair(struct vmci_qp *a, struct vmci_qp *b)
{
	expect_is(vmci_qpair_detach(&a), VMCI_SUCCESS);
	expect_is(vmci_qpair_detach(&b), VMCI_SUCCESS);
}

static void expect_refused(struct vmci_qp *qp)
{
	u64 tail = 1, head = 2;
	char byte = 0;

	expect_is(vmci_qpair_consume_buf_ready(qp), VMCI_ERROR_INVALID_SIZE);
	expect_is(vmci_qpair_consume_free_space(qp), VMCI_ERROR_INVALID_SIZE);
	expect_is(vmci_qpair_produce_buf_ready(qp), VMCI_ERROR_INVALID_SIZE);
	expect_is(vmci_qpair_produce_free_space(qp), VMCI_ERROR_INVALID_SIZE);
	expect_is(vmci_qpair_dequeue(qp, &byte, 1), VMCI_ERROR_INVALID_SIZE);
	expect_is(vmci_qpair_peek(qp, &byte, 1), VMCI_ERROR_INVALID_SIZE);
	expect_is(vmci_qpair_enqueue(qp, &byte, 1), VMCI_ERROR_INVALID_SIZE);
	expect_is(vmci_qpair_get_consume_indexes(qp, &tail, &head), VMCI_ERROR_INVALID_SIZE);
	expect_is(vmci_qpair_get_produce_indexes(qp, &tail, &head), VMCI_ERROR_INVALID_SIZE);
	expect_is(tail, 1);
	expect_is(head, 2);
}

static void peer_indexes_out_of_range(void)
{
	static const u64 bad[] = { RING, RING + 1, 1ull << 32, 1ull << 63, U64_MAX };
	struct vmci_qp *a, *b;
	unsigned int i;

	if (!open_pair(&a, &b))
		return;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		a->consume->header->producer_tail = bad[i];
		a->consume->header->consumer_head = bad[i];
		expect_refused(a);
	}
	a->consume->header->producer_tail = 0;
	a->consume->header->consumer_head = 0;
	expect_is(vmci_qpair_enqueue(a, "x", 1), 1);
	close_pair(a, b);
}

/* The peer can write our header, too: it is never read. */
static void own_header_overwritten(void)
{
	struct vmci_qp *a, *b;
	char text[4];

	if (!open_pair(&a, &b))
		return;
	expect_is(vmci_qpair_enqueue(a, "ab", 2), 2);
	a->produce->header->producer_tail = U64_MAX;
	a->produce->header->consumer_head = 5000;
	expect_is(vmci_qpair_produce_buf_ready(a), 2);
	expect_is(vmci_qpair_enqueue(a, "cd", 2), 2);
	expect_is(a->produce->header->producer_tail, 4);
	expect_is(vmci_qpair_consume_buf_ready(a), 0);
	a->produce->header->consumer_head = 0;
	expect_is(vmci_qpair_dequeue(b, text, 4), 4);
	expect(!memcmp(text, "abcd", 4));
	close_pair(a, b);
}

static int scribble(void *arg)
{
	struct vmci_queue_header *header = arg;
	struct rnd_state rnd;

	prandom_seed_state(&rnd, 4711);
	while (!kthread_should_stop()) {
		u64 value = prandom_u32_state(&rnd) % (RING + RING / 4);

		WRITE_ONCE(header->producer_tail, value);
		WRITE_ONCE(header->consumer_head, value ^ 1);
		cond_resched();
	}
	return 0;
}

/* Indexes change all the time; whatever a call returns, it stays within the ring. */
static void indexes_in_motion(void)
{
	static char buf[RING];
	struct task_struct *task;
	unsigned long start = jiffies;
	struct vmci_qp *a, *b;

	if (!open_pair(&a, &b))
		return;
	expect_is(vmci_qpair_enqueue(b, buf, sizeof(buf)), RING - 1);
	task = kthread_run(scribble, a->consume->header, "vm_scribble");
	if (expect(!IS_ERR(task))) {
		while (time_before(jiffies, start + 3 * HZ / 2)) {
			ssize_t n = vmci_qpair_dequeue(a, buf, sizeof(buf));

			expect(n < RING && n != 0);
			n = vmci_qpair_enqueue(a, buf, sizeof(buf));
			expect(n < RING && n != 0);
			cond_resched();
		}
		kthread_stop(task);
	}
	close_pair(a, b);
}

static const struct ktap_test tests[] = {
	{ "event: sizes and ids", event_sizes },
	{ "event: what is not carried is zero", short_event_is_padded },
	{ "event: ids begin again, and may be used up", subscriptions_begin_again },
	{ "resource: ids begin again, past those taken", resources_begin_again },
	{ "personality: a guest takes over, and gives back", guest_takes_over },
	{ "personality: the first virtual machine", virtual_machines_begin },
	{ "personality: none at all", no_personality },
	{ "ring: indexes of the peer out of range", peer_indexes_out_of_range },
	{ "ring: own header overwritten by the peer", own_header_overwritten },
	{ "ring: indexes that change all the time", indexes_in_motion },
};

static int __init vm_vmci_inside_init(void)
{
	int err = vmci_delivery_init();

	if (err)
		return err;
	vmci_event_init();
	vmci_local_qp_init();
	vmci_context_init();
	vmci_personality_set(VMCI_ROUTE_HOST, &vmci_host_personality);
	err = ktap_run("vmci-inside", tests, ARRAY_SIZE(tests));
	vmci_personality_set(VMCI_ROUTE_HOST, NULL);
	vmci_context_exit();
	vmci_delivery_exit();
	return err;
}

static void __exit vm_vmci_inside_exit(void)
{
	ktap_end();
}

module_init(vm_vmci_inside_init);
module_exit(vm_vmci_inside_exit);
MODULE_DESCRIPTION("Tests of vmci.ko from within");
MODULE_LICENSE("GPL");
