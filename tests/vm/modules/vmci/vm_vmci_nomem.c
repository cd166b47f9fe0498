// SPDX-License-Identifier: GPL-2.0-only
/*
 * vm_vmci_nomem - every allocation of vmci.ko fails once
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * For kernels with fault injection: each call is repeated with its first, second, third
 * allocation failing, until it needs no more of them. It must say so and leave nothing.
 */
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "client.h"

#define MOST_ALLOCATIONS 200

static int ignore(void *data, struct vmci_datagram *dg)
{
	return 0;
}

static void ignore_event(u32 id, const struct vmci_event_data *event, void *data)
{
}

static void ignore_ring(void *data)
{
}

/*
 * @attempt undoes what it did if that succeeded. Returns how often it had to say
 * VMCI_ERROR_NO_MEM; some allocations, of kmemleak and of RCU say, nobody misses.
 */
static unsigned int fail_each(int (*attempt)(void))
{
	unsigned int nth, left, refused = 0;
	int result;

	for (nth = 1; nth < MOST_ALLOCATIONS; nth++) {
		WRITE_ONCE(current->fail_nth, nth);
		result = attempt();
		left = READ_ONCE(current->fail_nth);
		WRITE_ONCE(current->fail_nth, 0);
		if (result < 0 && expect_is(result, VMCI_ERROR_NO_MEM))
			refused++;
		if (left) {
			expect(result >= 0);
			return refused;
		}
	}
	return MOST_ALLOCATIONS;
}

/*
 * @attempt has so many allocations, and each was seen to fail.  A slab that grows just
 * then hides the next one, so it may take a few rounds.
 */
static void expect_refusals(int (*attempt)(void), unsigned int wanted)
{
	unsigned int round, most = 0;

	for (round = 0; round < 8 && most < wanted; round++)
		most = max(most, fail_each(attempt));
	expect(most >= wanted);
}

static struct vmci_handle endpoint;
static struct vmci_datagram *datagram;
static struct vmci_qp *pair;

static int create_endpoint(void)
{
	struct vmci_handle handle;
	int result = vmci_datagram_create_handle(NONE, 0, ignore, NULL, &handle);

	if (result >= 0)
		vmci_datagram_destroy_handle(handle);
	return result;
}

static int send_small(void)
{
	datagram->payload_size = 64;
	return vmci_datagram_send(datagram);
}

static int send_large(void)
{
	datagram->payload_size = VMCI_MAX_DG_PAYLOAD_SIZE;
	return vmci_datagram_send(datagram);
}

static int create_doorbell(void)
{
	struct vmci_handle handle = handle_of(NONE, NONE);
	int result = vmci_doorbell_create(&handle, 0, 0, ignore_ring, NULL);

	if (result >= 0)
		vmci_doorbell_destroy(handle);
	return result;
}

static int subscribe(void)
{
	u32 id;
	int result = vmci_event_subscribe(VMCI_EVENT_QP_RESUMED, ignore_event, NULL, &id);

	if (result >= 0)
		vmci_event_unsubscribe(id);
	return result;
}

static int create_pair(void)
{
	struct vmci_handle handle = handle_of(NONE, NONE);
	struct vmci_qp *qp;
	int result = vmci_qpair_alloc(&qp, &handle, 65536, 65536, HOST, VMCI_QPFLAG_LOCAL, 0);

	if (result >= 0)
		vmci_qpair_detach(&qp);
	return result;
}

static int write_first_byte(void)
{
	return vmci_qpair_enqueue(pair, "x", 1);
}

static void control_calls(void)
{
	expect_refusals(create_endpoint, 1);
	expect_refusals(create_doorbell, 1);
	expect_refusals(subscribe, 1);
	expect_refusals(create_pair, 4);
}

static void datagrams(void)
{
	datagram = kvzalloc(VMCI_MAX_DG_SIZE, GFP_KERNEL);
	if (!expect(datagram))
		return;
	expect_is(vmci_datagram_create_handle(NONE, 0, ignore, NULL, &endpoint), VMCI_SUCCESS);
	datagram->src = endpoint;
	datagram->dst = endpoint;
	expect_refusals(send_small, 1);
	expect_refusals(send_large, 1);
	expect_is(vmci_datagram_destroy_handle(endpoint), VMCI_SUCCESS);
	kvfree(datagram);
}

/* What cannot be stored is not written; what can, is. */
static void ring_pages(void)
{
	struct vmci_handle handle = handle_of(NONE, NONE);
	u8 *buf = kzalloc(3 * PAGE_SIZE, GFP_KERNEL);
	s64 half;

	if (!expect(buf))
		return;
	expect_is(vmci_qpair_alloc(&pair, &handle, 4 * PAGE_SIZE, 64, HOST, VMCI_QPFLAG_LOCAL, 0),
		  VMCI_SUCCESS);
	expect_refusals(write_first_byte, 1);
	half = PAGE_SIZE / 2 - vmci_qpair_produce_buf_ready(pair);
	expect_is(vmci_qpair_enqueue(pair, buf, half), half);

	WRITE_ONCE(current->fail_nth, 1);
	expect_is(vmci_qpair_enqueue(pair, buf, 2 * PAGE_SIZE), PAGE_SIZE / 2);
	expect_is(READ_ONCE(current->fail_nth), 0);
	expect_is(vmci_qpair_produce_buf_ready(pair), PAGE_SIZE);
	expect_is(vmci_qpair_enqueue(pair, buf, 2 * PAGE_SIZE), 2 * PAGE_SIZE);
	expect_is(vmci_qpair_detach(&pair), VMCI_SUCCESS);
	kfree(buf);
}

static const struct ktap_test tests[] = {
	{ "no memory: endpoints, doorbells, subscriptions, queue pairs", control_calls },
	{ "no memory: datagrams", datagrams },
	{ "no memory: pages of a ring", ring_pages },
};

static int __init vm_vmci_nomem_init(void)
{
	return ktap_run("vmci-nomem", tests, ARRAY_SIZE(tests));
}

static void __exit vm_vmci_nomem_exit(void)
{
	ktap_end();
}

module_init(vm_vmci_nomem_init);
module_exit(vm_vmci_nomem_exit);
MODULE_DESCRIPTION("Tests of vmci.ko without memory");
MODULE_LICENSE("GPL");
