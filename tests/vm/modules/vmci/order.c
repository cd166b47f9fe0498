// SPDX-License-Identifier: GPL-2.0-only
/*
 * order - local traffic arrives in the order in which it was sent
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <linux/sched.h>
#include <linux/wait.h>

#include "client.h"

#define SENDERS 4

static DECLARE_WAIT_QUEUE_HEAD(progress);

/* --- several senders, one receiver -------------------------------------------------------- */

struct stream {
	struct vmci_handle from;
	struct vmci_handle to;
	u32 id;
	u32 sent;
};

static struct {
	u32 next[SENDERS];
	u32 disordered;
	atomic_t total;
} seen;

static int receive(void *data, struct vmci_datagram *dg)
{
	struct note *note = container_of(dg, struct note, dg);

	if (note->sender >= SENDERS || note->number != seen.next[note->sender]++)
		seen.disordered++;
	atomic_inc(&seen.total);
	wake_up(&progress);
	return 0;
}

/* When the receiver's quota is used up, wait for it and try again. */
static void send_stream(void *arg)
{
	unsigned long start = jiffies;
	struct stream *stream = arg;
	u32 number;
	int result;

	for (number = 0; go_on(start); number++) {
		struct note note = make_note(stream->from, stream->to, number);

		note.sender = stream->id;
		while ((result = vmci_datagram_send(&note.dg)) == VMCI_ERROR_NO_RESOURCES)
			schedule_timeout_uninterruptible(1);
		if (!expect_is(result, sizeof(note)))
			return;
		stream->sent++;
		if (number % 64 == 0)
			cond_resched();
	}
}

static void senders_in_order(void)
{
	struct stream streams[SENDERS];
	struct worker workers[SENDERS];
	struct vmci_handle to;
	u32 sent = 0, i;

	memset(&seen, 0, sizeof(seen));
	expect_is(vmci_datagram_create_handle(NONE, 0, receive, NULL, &to), VMCI_SUCCESS);
	for (i = 0; i < SENDERS; i++) {
		streams[i] = (struct stream) { to, to, i, 0 };
		start_worker(&workers[i], send_stream, &streams[i]);
	}
	for (i = 0; i < SENDERS; i++) {
		join_worker(&workers[i]);
		expect(streams[i].sent > 0);
		sent += streams[i].sent;
	}
	wait_event_timeout(progress, atomic_read(&seen.total) == sent, SOON);
	expect_is(atomic_read(&seen.total), sent);
	expect_is(seen.disordered, 0);
	expect_is(vmci_datagram_destroy_handle(to), VMCI_SUCCESS);
}

/* --- datagrams and events ----------------------------------------------------------------- */

#define ROUNDS		200
#define STEPS		7	/* what a round delivers, see one_round() */

static struct {
	char steps[ROUNDS * STEPS + 1];
	atomic_t count;
} story;

static void tell(char what)
{
	int at = atomic_read(&story.count);

	if (at < ROUNDS * STEPS)
		story.steps[at] = what;
	atomic_inc(&story.count);
	wake_up(&progress);
}

static int tell_datagram(void *data, struct vmci_datagram *dg)
{
	tell('0' + container_of(dg, struct note, dg)->number);
	return 0;
}

static void tell_attach(u32 id, const struct vmci_event_data *event, void *data)
{
	tell('A');
}

static void tell_detach(u32 id, const struct vmci_event_data *event, void *data)
{
	tell('D');
}

static void one_round(struct vmci_handle endpoint)
{
	struct vmci_handle pair = handle_of(NONE, NONE);
	struct vmci_qp *a, *b;

	expect_is(send_note(endpoint, endpoint, 1), sizeof(struct note));
	expect_is(vmci_qpair_alloc(&a, &pair, 4096, 4096, HOST, VMCI_QPFLAG_LOCAL, 0),
		  VMCI_SUCCESS);
	expect_is(send_note(endpoint, endpoint, 2), sizeof(struct note));
	expect_is(vmci_qpair_alloc(&b, &pair, 4096, 4096, HOST,
				   VMCI_QPFLAG_LOCAL | VMCI_QPFLAG_ATTACH_ONLY, 0),
		  VMCI_SUCCESS);
	expect_is(send_note(endpoint, endpoint, 3), sizeof(struct note));
	expect_is(send_note(endpoint, endpoint, 4), sizeof(struct note));
	expect_is(vmci_qpair_detach(&a), VMCI_SUCCESS);
	expect_is(vmci_qpair_detach(&b), VMCI_SUCCESS);
	expect_is(send_note(endpoint, endpoint, 5), sizeof(struct note));
}

static void expect_story(void)
{
	static const char round[STEPS + 1] = "12A34D5";
	int i;

	for (i = 0; i < ROUNDS; i++) {
		if (memcmp(&story.steps[i * STEPS], round, STEPS)) {
			ktap_fail(__FILE__, __LINE__, "round %d: %.*s", i, STEPS,
				  &story.steps[i * STEPS]);
			return;
		}
	}
}

static void events_in_order(void)
{
	struct vmci_handle endpoint;
	u32 attach, detach;
	int i;

	memset(&story, 0, sizeof(story));
	expect_is(vmci_datagram_create_handle(NONE, 0, tell_datagram, NULL, &endpoint),
		  VMCI_SUCCESS);
	expect_is(vmci_datagram_set_quota(endpoint, ROUNDS * STEPS), VMCI_SUCCESS);
	expect_is(vmci_event_subscribe(VMCI_EVENT_QP_PEER_ATTACH, tell_attach, NULL, &attach),
		  VMCI_SUCCESS);
	expect_is(vmci_event_subscribe(VMCI_EVENT_QP_PEER_DETACH, tell_detach, NULL, &detach),
		  VMCI_SUCCESS);
	for (i = 0; i < ROUNDS; i++)
		one_round(endpoint);
	wait_event_timeout(progress, atomic_read(&story.count) >= ROUNDS * STEPS, SOON);
	expect_is(vmci_event_unsubscribe(attach), VMCI_SUCCESS);
	expect_is(vmci_event_unsubscribe(detach), VMCI_SUCCESS);
	expect_is(vmci_datagram_destroy_handle(endpoint), VMCI_SUCCESS);
	expect_is(atomic_read(&story.count), ROUNDS * STEPS);
	expect_story();
}

const struct ktap_test order_tests[] = {
	{ "order: what one sender sends arrives in order, among others", senders_in_order },
	{ "order: events and datagrams do not overtake each other", events_in_order },
};
const size_t order_tests_count = ARRAY_SIZE(order_tests);
