/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * client.h - what the tests of vmci.ko share
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef TESTS_VM_CLIENT_H
#define TESTS_VM_CLIENT_H

#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <vmci_api.h>

#include "ktap.h"

#define HOST		VMCI_HOST_CONTEXT_ID
#define NONE		VMCI_INVALID_ID
#define SOON		(10 * HZ)	/* longest wait for what must happen */
#define A_MOMENT	(HZ / 10)	/* wait for what must not happen */

/* Races are run for a time, not for a count: kernels with checks are ten times slower. */
#define A_WHILE		(3 * HZ / 2)

static inline bool go_on(unsigned long since)
{
	return time_before(jiffies, since + A_WHILE);
}

static inline struct vmci_handle handle_of(u32 context, u32 resource)
{
	return (struct vmci_handle) { context, resource };
}

static inline bool same_handle(struct vmci_handle a, struct vmci_handle b)
{
	return a.context == b.context && a.resource == b.resource;
}

static inline bool expect_soon(struct completion *done)
{
	return expect(wait_for_completion_timeout(done, SOON));
}

/* A datagram whose payload is one number */
struct note {
	struct vmci_datagram dg;
	u32 number;
	u32 sender;
};

static inline struct note make_note(struct vmci_handle from, struct vmci_handle to, u32 number)
{
	return (struct note) {
		.dg.dst = to,
		.dg.src = from,
		.dg.payload_size = sizeof(struct note) - sizeof(struct vmci_datagram),
		.number = number,
	};
}

static inline int send_note(struct vmci_handle from, struct vmci_handle to, u32 number)
{
	struct note note = make_note(from, to, number);

	return vmci_datagram_send(&note.dg);
}

/* A thread that a test waits for */
struct worker {
	void (*run)(void *arg);
	void *arg;
	struct completion done;
};

void start_worker(struct worker *worker, void (*run)(void *arg), void *arg);
void join_worker(struct worker *worker);

/* events.c */
struct vmci_handle attach_and_detach(void);

/* The tables of the other files */
#define TESTS(name) extern const struct ktap_test name[]; extern const size_t name##_count
TESTS(datagram_tests);
TESTS(order_tests);
TESTS(direct_tests);
TESTS(event_tests);
TESTS(doorbell_tests);
TESTS(qpair_tests);
TESTS(transfer_tests);

#endif /* TESTS_VM_CLIENT_H */
