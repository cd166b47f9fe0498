// SPDX-License-Identifier: GPL-2.0-only
/*
 * direct - receivers that a sender calls itself, and when it must not
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <linux/delay.h>
#include <linux/sched.h>

#include "client.h"

struct receiver {
	struct vmci_handle handle;
	struct task_struct *caller;	/* of the last callback */
	u32 numbers[4];			/* what came, in order */
	atomic_t count;
	struct completion *gate;	/* the callback waits for it */
	struct completion entered;
};

static int receive(void *data, struct vmci_datagram *dg)
{
	struct receiver *receiver = data;
	int at = atomic_read(&receiver->count);

	complete(&receiver->entered);
	if (receiver->gate)
		wait_for_completion(receiver->gate);
	receiver->caller = current;
	if (at < ARRAY_SIZE(receiver->numbers))
		receiver->numbers[at] = container_of(dg, struct note, dg)->number;
	atomic_inc(&receiver->count);
	return 0;
}

static bool open_receiver(struct receiver *receiver, u32 flags, struct completion *gate)
{
	memset(receiver, 0, sizeof(*receiver));
	receiver->gate = gate;
	init_completion(&receiver->entered);
	return expect_is(vmci_datagram_create_handle(NONE, flags, receive, receiver,
						     &receiver->handle), VMCI_SUCCESS);
}

static void close_receiver(struct receiver *receiver)
{
	expect_is(vmci_datagram_destroy_handle(receiver->handle), VMCI_SUCCESS);
}

static void send_number(struct receiver *to, u32 number, gfp_t gfp)
{
	struct note note = make_note(to->handle, to->handle, number);

	expect_is(vmci_datagram_send_gfp(&note.dg, gfp), sizeof(note));
}

static void by_the_sender(void)
{
	struct receiver receiver;

	if (!open_receiver(&receiver, VMCI_FLAG_DG_DIRECT_CB, NULL))
		return;
	vmci_flush();
	send_number(&receiver, 1, GFP_KERNEL);
	expect_is(atomic_read(&receiver.count), 1);
	expect(receiver.caller == current);
	send_number(&receiver, 2, GFP_ATOMIC);
	vmci_flush();
	expect_is(atomic_read(&receiver.count), 2);
	expect(receiver.caller != current);
	close_receiver(&receiver);
}

static void by_the_worker(void)
{
	struct receiver receiver;

	if (!open_receiver(&receiver, 0, NULL))
		return;
	vmci_flush();
	send_number(&receiver, 1, GFP_KERNEL);
	vmci_flush();
	expect_is(atomic_read(&receiver.count), 1);
	expect(receiver.caller != current);
	close_receiver(&receiver);
}

static void not_past_what_waits(void)
{
	DECLARE_COMPLETION_ONSTACK(gate);
	struct receiver slow, direct;

	if (!open_receiver(&slow, 0, &gate) ||
	    !open_receiver(&direct, VMCI_FLAG_DG_DIRECT_CB, NULL))
		return;
	send_number(&slow, 0, GFP_KERNEL);
	expect_soon(&slow.entered);
	send_number(&direct, 1, GFP_KERNEL);
	send_number(&direct, 2, GFP_ATOMIC);
	send_number(&direct, 3, GFP_KERNEL);
	expect_is(atomic_read(&direct.count), 0);
	complete_all(&gate);
	vmci_flush();
	expect_is(atomic_read(&direct.count), 3);
	expect_is(direct.numbers[0], 1);
	expect_is(direct.numbers[1], 2);
	expect_is(direct.numbers[2], 3);
	close_receiver(&slow);
	close_receiver(&direct);
}

static void send_one(void *arg)
{
	send_number(arg, 1, GFP_KERNEL);
}

static int receive_nothing(void *data, struct vmci_datagram *dg)
{
	return *(int *)data;
}

static void expect_result(int of_receiver, gfp_t gfp, int of_send)
{
	struct vmci_handle handle;
	struct note note;

	if (!expect_is(vmci_datagram_create_handle(NONE, VMCI_FLAG_DG_DIRECT_CB, receive_nothing,
						   &of_receiver, &handle), VMCI_SUCCESS))
		return;
	vmci_flush();
	note = make_note(handle, handle, 1);
	expect_is(vmci_datagram_send_gfp(&note.dg, gfp), of_send);
	expect_is(vmci_datagram_destroy_handle(handle), VMCI_SUCCESS);
}

static void no_memory_is_told(void)
{
	expect_result(VMCI_ERROR_NO_MEM, GFP_KERNEL, VMCI_ERROR_NO_MEM);
	expect_result(VMCI_ERROR_NO_ACCESS, GFP_KERNEL, sizeof(struct note));
	expect_result(VMCI_ERROR_NO_MEM, GFP_ATOMIC, sizeof(struct note));
}

static void flush_once(void *arg)
{
	vmci_flush();
	*(bool *)arg = true;
}

static void flush_waits(void)
{
	DECLARE_COMPLETION_ONSTACK(gate);
	struct worker sender, flusher;
	struct receiver receiver;
	bool flushed = false;

	if (!open_receiver(&receiver, VMCI_FLAG_DG_DIRECT_CB, &gate))
		return;
	vmci_flush();
	start_worker(&sender, send_one, &receiver);
	expect_soon(&receiver.entered);
	start_worker(&flusher, flush_once, &flushed);
	schedule_timeout_uninterruptible(A_MOMENT);
	expect(!READ_ONCE(flushed));
	complete_all(&gate);
	join_worker(&sender);
	join_worker(&flusher);
	close_receiver(&receiver);
}

/* --- events ------------------------------------------------------------------------------- */

struct hearer {
	struct task_struct *caller;
	u32 id;
};

static void hear(u32 id, const struct vmci_event_data *event, void *data)
{
	struct hearer *hearer = data;

	WRITE_ONCE(hearer->caller, current);
}

static void cause_detach(void)
{
	vmci_flush();
	attach_and_detach();
}

static void event_by_who_causes_it(void)
{
	struct hearer direct = {}, other = {};

	expect_is(vmci_event_subscribe_direct(VMCI_EVENT_QP_PEER_DETACH, hear, &direct,
					      &direct.id), VMCI_SUCCESS);
	cause_detach();
	expect(direct.caller == current);

	expect_is(vmci_event_subscribe(VMCI_EVENT_QP_PEER_DETACH, hear, &other, &other.id),
		  VMCI_SUCCESS);
	cause_detach();
	vmci_flush();
	expect(other.caller && other.caller != current);
	expect(direct.caller == other.caller);
	expect_is(vmci_event_unsubscribe(other.id), VMCI_SUCCESS);

	cause_detach();
	expect(direct.caller == current);
	expect_is(vmci_event_unsubscribe(direct.id), VMCI_SUCCESS);
}

static void event_not_past_what_waits(void)
{
	DECLARE_COMPLETION_ONSTACK(gate);
	struct hearer hearer = {};
	struct receiver slow;

	expect_is(vmci_event_subscribe_direct(VMCI_EVENT_QP_PEER_DETACH, hear, &hearer,
					      &hearer.id), VMCI_SUCCESS);
	if (open_receiver(&slow, 0, &gate)) {
		send_number(&slow, 0, GFP_KERNEL);
		expect_soon(&slow.entered);
		attach_and_detach();
		expect(!READ_ONCE(hearer.caller));
		complete_all(&gate);
		vmci_flush();
		expect(hearer.caller && hearer.caller != current);
		close_receiver(&slow);
	}
	expect_is(vmci_event_unsubscribe(hearer.id), VMCI_SUCCESS);
}

const struct ktap_test direct_tests[] = {
	{ "direct: a sender that may sleep calls the receiver", by_the_sender },
	{ "direct: only one that allows it", by_the_worker },
	{ "direct: never past what waits", not_past_what_waits },
	{ "direct: no memory at the receiver is told the sender", no_memory_is_told },
	{ "direct: flush waits for it", flush_waits },
	{ "direct: an event, if all subscribers allow it", event_by_who_causes_it },
	{ "direct: an event never passes what waits either", event_not_past_what_waits },
};
const size_t direct_tests_count = ARRAY_SIZE(direct_tests);
