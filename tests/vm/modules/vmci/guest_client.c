// SPDX-License-Identifier: GPL-2.0-only
/*
 * guest_client - a kernel client of a virtual machine with a VMCI device
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * What the device answers is in docs/protocol/vmci.md section 4; a client has no other way to it
 * than the interface of vmci.ko.
 */
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/wait.h>

#include "client.h"

static ulong bells = PAGE_SIZE;
module_param(bells, ulong, 0444);
MODULE_PARM_DESC(bells, "how many doorbells the device takes");

static DECLARE_WAIT_QUEUE_HEAD(progress);

/* --- the hypervisor ----------------------------------------------------------------------- */

static int ignore(void *data, struct vmci_datagram *dg)
{
	return VMCI_SUCCESS;
}

static struct vmci_handle endpoint(vmci_datagram_cb cb, void *data)
{
	struct vmci_handle handle = handle_of(NONE, NONE);

	expect_is(vmci_datagram_create_handle(NONE, 0, cb, data, &handle), VMCI_SUCCESS);
	return handle;
}

static void end(struct vmci_handle handle)
{
	expect_is(vmci_datagram_destroy_handle(handle), VMCI_SUCCESS);
}

static int call(struct vmci_handle from, u32 function)
{
	struct vmci_datagram dg = { .dst = { 0, function }, .src = from };

	return vmci_datagram_send(&dg);
}

static void context(void)
{
	u32 cid = vmci_get_context_id();

	expect(cid >= VMCI_RESERVED_CID_LIMIT && cid != NONE);
	expect_is(vmci_is_context_owner(cid, GLOBAL_ROOT_UID), 0);
}

static void functions(void)
{
	struct vmci_handle own = endpoint(ignore, NULL);
	struct {
		struct vmci_resources_query_msg msg;
		u32 numbers[12];
	} query = {
		.msg.hdr = { { 0, VMCI_RESOURCES_QUERY }, own,
			     sizeof(query) - sizeof(struct vmci_datagram) },
		.msg.count = 12,
		.numbers = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 },
	};

	expect_is(own.context, vmci_get_context_id());
	expect_is(vmci_datagram_send(&query.msg.hdr), 0xf3f);
	expect_is((u32)call(own, VMCI_GET_CONTEXT_ID), vmci_get_context_id());
	expect_is(call(own, VMCI_RESOURCE_MAX), VMCI_ERROR_INVALID_RESOURCE);
	expect_is(call(own, VMCI_SET_NOTIFY_BITMAP), VMCI_ERROR_INVALID_ARGS);
	end(own);
}

static void sources(void)
{
	struct vmci_handle own = endpoint(ignore, NULL);

	expect_is(call(handle_of(NONE, own.resource), VMCI_GET_CONTEXT_ID), own.context);
	expect_is(call(handle_of(NONE, NONE), VMCI_GET_CONTEXT_ID), VMCI_ERROR_NO_HANDLE);
	expect_is(call(handle_of(own.context + 1, own.resource), VMCI_GET_CONTEXT_ID),
		  VMCI_ERROR_NO_HANDLE);
	expect_is(call(handle_of(HOST, own.resource), VMCI_GET_CONTEXT_ID),
		  VMCI_ERROR_INVALID_ARGS);
	end(own);
	expect_is(call(own, VMCI_GET_CONTEXT_ID), VMCI_ERROR_NO_HANDLE);
}

static void destinations(void)
{
	struct vmci_handle own = endpoint(ignore, NULL);

	expect_is(send_note(own, handle_of(own.context + 1, 1), 0), VMCI_ERROR_DST_UNREACHABLE);
	expect(send_note(own, handle_of(HOST, 999), 0) < 0);
	expect_is(send_note(own, handle_of(NONE, 1), 0), VMCI_ERROR_INVALID_ARGS);
	end(own);
}

static void largest(void)
{
	struct vmci_handle own = endpoint(ignore, NULL);
	struct vmci_datagram *dg = kvzalloc(VMCI_MAX_DG_SIZE, GFP_KERNEL);

	if (expect(dg)) {
		*dg = (struct vmci_datagram) { { 0, VMCI_GET_CONTEXT_ID }, own,
					       VMCI_MAX_DG_PAYLOAD_SIZE };
		expect_is(vmci_datagram_send(dg), own.context);
		dg->payload_size++;
		expect_is(vmci_datagram_send(dg), VMCI_ERROR_INVALID_ARGS);
	}
	kvfree(dg);
	end(own);
}

/* --- this machine ------------------------------------------------------------------------- */

#define NOTES 100

struct inbox {
	unsigned int count;
	bool in_order;
	struct completion full;
};

static int keep(void *data, struct vmci_datagram *dg)
{
	struct note *note = (struct note *)dg;
	struct inbox *inbox = data;

	inbox->in_order &= note->number == inbox->count;
	if (++inbox->count == NOTES)
		complete(&inbox->full);
	return VMCI_SUCCESS;
}

static void to_itself(void)
{
	struct inbox inbox = { .in_order = true };
	struct vmci_handle from, to, host;
	u32 i;

	init_completion(&inbox.full);
	from = endpoint(ignore, NULL);
	to = endpoint(keep, &inbox);
	host = handle_of(HOST, to.resource);
	for (i = 0; i < NOTES; i++)
		expect_is(send_note(from, to, i), sizeof(struct note));
	expect_soon(&inbox.full);
	expect(inbox.in_order);
	expect(send_note(from, host, 0) < 0);
	expect_is(inbox.count, NOTES);
	end(from);
	end(to);
}

/* --- doorbells ---------------------------------------------------------------------------- */

struct bell {
	struct vmci_handle handle;
	atomic_t rung;
	bool atomic;
};

static void ring(void *data)
{
	struct bell *bell = data;

	bell->atomic = in_atomic();
	atomic_inc(&bell->rung);
	wake_up(&progress);
}

static int hang(struct bell *bell, u32 flags)
{
	*bell = (struct bell) { .handle = { NONE, NONE } };
	return vmci_doorbell_create(&bell->handle, flags, 0, ring, bell);
}

static void take_down(struct bell *bell)
{
	expect_is(vmci_doorbell_destroy(bell->handle), VMCI_SUCCESS);
}

static void expect_rung(struct bell *bell)
{
	expect(wait_event_timeout(progress, atomic_read(&bell->rung), SOON));
}

static void through_the_bitmap(void)
{
	struct bell now, later, silent;

	expect_is(hang(&now, 0), VMCI_SUCCESS);
	expect_is(hang(&later, VMCI_FLAG_DELAYED_CB), VMCI_SUCCESS);
	expect_is(hang(&silent, 0), VMCI_SUCCESS);
	expect_is(now.handle.context, vmci_get_context_id());
	expect_is(vmci_doorbell_notify(now.handle, 0), VMCI_SUCCESS);
	expect_is(vmci_doorbell_notify(later.handle, 0), VMCI_SUCCESS);
	expect_rung(&now);
	expect_rung(&later);
	expect(now.atomic || !IS_ENABLED(CONFIG_PREEMPT_COUNT));
	expect(!later.atomic);
	expect_is(atomic_read(&silent.rung), 0);
	take_down(&now);
	expect_is(vmci_doorbell_notify(now.handle, 0), VMCI_ERROR_NOT_FOUND);
	take_down(&later);
	take_down(&silent);
	expect_is(vmci_doorbell_notify(handle_of(HOST, 4711), 0), VMCI_ERROR_NOT_FOUND);
}

static void every_ring(void)
{
	struct bell bell;
	int i;

	expect_is(hang(&bell, 0), VMCI_SUCCESS);
	for (i = 1; i <= 200; i++) {
		atomic_set(&bell.rung, 0);
		expect_is(vmci_doorbell_notify(bell.handle, 0), VMCI_SUCCESS);
		if (!expect(wait_event_timeout(progress, atomic_read(&bell.rung), SOON)))
			break;
	}
	take_down(&bell);
}

/* One that names the host's context is linked, but a ring goes to the host */
static void names(void)
{
	struct vmci_handle host = handle_of(HOST, 777), other;
	struct bell bell = {};

	expect_is(vmci_doorbell_create(&host, 0, 0, ring, &bell), VMCI_SUCCESS);
	expect_is(vmci_doorbell_notify(host, 0), VMCI_ERROR_NOT_FOUND);
	expect_is(vmci_doorbell_create(&host, 0, 0, ring, &bell), VMCI_ERROR_ALREADY_EXISTS);
	expect_is(vmci_doorbell_destroy(host), VMCI_SUCCESS);
	other = handle_of(vmci_get_context_id() + 1, 777);
	expect_is(vmci_doorbell_create(&other, 0, 0, ring, &bell), VMCI_ERROR_INVALID_ARGS);
}

static void every_index(void)
{
	struct bell *all = kvcalloc(bells + 1, sizeof(*all), GFP_KERNEL);
	ulong i, count = 0, step = bells / 64 + 1;

	if (!expect(all))
		return;
	while (count <= bells && hang(&all[count], 0) == VMCI_SUCCESS)
		count++;
	expect_is(count, bells);
	expect_is(hang(&all[bells], 0), VMCI_ERROR_NO_MEM);
	for (i = 0; i < count; i += step) {
		expect_is(vmci_doorbell_notify(all[count - 1 - i].handle, 0), VMCI_SUCCESS);
		expect_rung(&all[count - 1 - i]);
	}
	for (i = 0; i < count; i++)
		expect_is(atomic_read(&all[i].rung), (count - 1 - i) % step == 0);
	while (count--)
		take_down(&all[count]);
	kvfree(all);
}

/* --- queue pairs -------------------------------------------------------------------------- */

static int make_pair(struct vmci_qp **qp, struct vmci_handle *handle, u64 produce, u64 consume,
		     u32 flags)
{
	return vmci_qpair_alloc(qp, handle, produce, consume, HOST, flags, 0);
}

static void refused_pairs(void)
{
	struct vmci_handle handle = handle_of(NONE, NONE), other = handle_of(HOST, 5555);
	struct vmci_qp *qp = NULL;

	expect_is(vmci_qpair_alloc(&qp, &handle, 4096, 4096, HOST, 0, VMCI_PRIVILEGE_FLAG_TRUSTED),
		  VMCI_ERROR_NO_ACCESS);
	expect_is(make_pair(&qp, &other, 4096, 4096, VMCI_QPFLAG_ATTACH_ONLY),
		  VMCI_ERROR_NOT_FOUND);
	other = handle_of(vmci_get_context_id() + 1, 5555);
	expect(make_pair(&qp, &other, 4096, 4096, 0) < 0);
	expect(!qp);
	expect(same_handle(handle, handle_of(NONE, NONE)));
}

static void local_pairs(void)
{
	u32 cid = vmci_get_context_id();
	struct vmci_handle handle = handle_of(NONE, NONE);
	struct vmci_qp *a = NULL, *b = NULL;
	char text[6] = "";

	expect_is(vmci_qpair_alloc(&a, &handle, 4096, 8192, cid, VMCI_QPFLAG_LOCAL, 0),
		  VMCI_SUCCESS);
	expect_is(handle.context, cid);
	expect_is(vmci_qpair_alloc(&b, &handle, 8192, 4096, cid, VMCI_QPFLAG_LOCAL, 0),
		  VMCI_SUCCESS);
	if (a && b) {
		expect_is(vmci_qpair_enqueue(a, "hello", 6), 6);
		expect_is(vmci_qpair_dequeue(b, text, 6), 6);
		expect_is(strcmp(text, "hello"), 0);
	}
	vmci_qpair_detach(&a);
	vmci_qpair_detach(&b);
}

/* A handle is the name of one pair, wherever its ends are */
static void names_of_pairs(void)
{
	u32 cid = vmci_get_context_id();
	struct vmci_handle handle = handle_of(NONE, NONE);
	struct vmci_qp *outer = NULL, *local = NULL;

	expect_is(make_pair(&outer, &handle, 4096, 4096, 0), VMCI_SUCCESS);
	expect_is(vmci_qpair_alloc(&local, &handle, 4096, 4096, cid, VMCI_QPFLAG_LOCAL, 0),
		  VMCI_ERROR_ALREADY_EXISTS);
	expect(!local);
	vmci_qpair_detach(&outer);
}

/* --- how long it takes -------------------------------------------------------------------- */

static void speed(void)
{
	struct vmci_handle own = endpoint(ignore, NULL);
	ktime_t start = ktime_get();
	int i;

	for (i = 0; i < 1000; i++)
		expect_is((u32)call(own, VMCI_GET_CONTEXT_ID), own.context);
	pr_info("vm_vmci_guest: %lld us for a call\n", ktime_us_delta(ktime_get(), start) / 1000);
	end(own);
}

static const struct ktap_test tests[] = {
	{ "guest: the context id is the device's", context },
	{ "guest: 14.1 functions of the hypervisor", functions },
	{ "guest: 3.10 sources", sources },
	{ "guest: 3.10 destinations", destinations },
	{ "guest: 1.5 the largest datagram", largest },
	{ "guest: what is for this machine stays here", to_itself },
	{ "guest: 6.1 doorbells ring through the bitmap", through_the_bitmap },
	{ "guest: 6.1 no ring is lost", every_ring },
	{ "guest: 6.3 handles of doorbells", names },
	{ "guest: 6.2 as many doorbells as there are indexes, and no more", every_index },
	{ "guest: 5.6 queue pairs that cannot be", refused_pairs },
	{ "guest: 5.6 local queue pairs", local_pairs },
	{ "guest: 5.6 names of queue pairs", names_of_pairs },
	{ "guest: a thousand calls", speed },
};

static int __init vm_vmci_guest_init(void)
{
	return ktap_run("vmci-guest", tests, ARRAY_SIZE(tests));
}

static void __exit vm_vmci_guest_exit(void)
{
	ktap_end();
}

module_init(vm_vmci_guest_init);
module_exit(vm_vmci_guest_exit);
MODULE_DESCRIPTION("A kernel client of a virtual machine with a VMCI device");
MODULE_LICENSE("GPL");
