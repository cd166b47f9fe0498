// SPDX-License-Identifier: GPL-2.0-only
/*
 * qpairs - local queue pairs: who may create, attach and leave
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "client.h"

#define MIB	(1ull << 20)
#define LOCAL	VMCI_QPFLAG_LOCAL
#define ATTACH	(VMCI_QPFLAG_LOCAL | VMCI_QPFLAG_ATTACH_ONLY)

static struct vmci_handle any_handle(void)
{
	return handle_of(NONE, NONE);
}

static int alloc(struct vmci_qp **qp, struct vmci_handle *handle, u64 produce, u64 consume,
		 u32 flags)
{
	return vmci_qpair_alloc(qp, handle, produce, consume, HOST, flags, 0);
}

static void detach(struct vmci_qp *qp)
{
	expect_is(vmci_qpair_detach(&qp), VMCI_SUCCESS);
	expect(!qp);
}

static void bad_allocations(void)
{
	static const struct {
		u64 produce, consume;
		u32 context, peer, flags, priv;
		int result;
	} rows[] = {
		{ 0, 0, NONE, HOST, LOCAL, 0, VMCI_ERROR_INVALID_ARGS },
		{ 128 * MIB + 1, 0, NONE, HOST, LOCAL, 0, VMCI_ERROR_NO_RESOURCES },
		{ 64 * MIB, 64 * MIB + 1, NONE, HOST, LOCAL, 0, VMCI_ERROR_NO_RESOURCES },
		{ U64_MAX, 2, NONE, HOST, LOCAL, 0, VMCI_ERROR_NO_RESOURCES },
		{ U64_MAX, U64_MAX, NONE, HOST, LOCAL, 0, VMCI_ERROR_NO_RESOURCES },
		{ 1ull << 63, 1ull << 63, NONE, HOST, LOCAL, 0, VMCI_ERROR_NO_RESOURCES },
		{ 4096, 4096, NONE, HOST, LOCAL | VMCI_QPFLAG_NONBLOCK, 0,
		  VMCI_ERROR_INVALID_ARGS },
		{ 4096, 4096, NONE, HOST, LOCAL | VMCI_QPFLAG_PINNED, 0,
		  VMCI_ERROR_INVALID_ARGS },
		{ 4096, 4096, NONE, HOST, LOCAL | 0x10, 0, VMCI_ERROR_INVALID_ARGS },
		{ 4096, 4096, NONE, HOST, LOCAL, 4, VMCI_ERROR_INVALID_ARGS },
		{ 4096, 4096, NONE, 99, LOCAL, 0, VMCI_ERROR_NO_ACCESS },
		{ 4096, 4096, 99, HOST, LOCAL, 0, VMCI_ERROR_NO_ACCESS },
		{ 4096, 4096, HOST, HOST, ATTACH, 0, VMCI_ERROR_NOT_FOUND },
		{ 4096, 4096, NONE, HOST, ATTACH, 0, VMCI_ERROR_NOT_FOUND },
		{ 4096, 4096, 99, 98, 0, 0, VMCI_ERROR_NO_ACCESS },
		{ 4096, 4096, 99, NONE, 0, 0, VMCI_ERROR_NO_ACCESS },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		u32 rid = rows[i].context == NONE ? NONE : 4711;
		struct vmci_handle handle = handle_of(rows[i].context, rid);
		struct vmci_qp *qp = (void *)&handle;
		int result = vmci_qpair_alloc(&qp, &handle, rows[i].produce, rows[i].consume,
					      rows[i].peer, rows[i].flags, rows[i].priv);

		if (result != rows[i].result)
			ktap_fail(__FILE__, __LINE__, "row %u: %d, not %d", i, result,
				  rows[i].result);
		expect((void *)qp == &handle);
		expect(same_handle(handle, handle_of(rows[i].context, rid)));
	}
}

/* For a virtual machine that has not come yet: nothing can be moved (vmci.md 5.10) */
static void not_attached(void)
{
	struct vmci_handle handle = any_handle();
	struct vmci_qp *qp, *other;
	char byte = 0;
	u64 tail, head;

	if (!expect_is(vmci_qpair_alloc(&qp, &handle, 4096, 8192, 99, 0, 0), VMCI_SUCCESS))
		return;
	expect_is(handle.context, HOST);
	expect_is(vmci_qpair_alloc(&other, &handle, 4096, 8192, 99, 0, 0),
		  VMCI_ERROR_ALREADY_EXISTS);
	expect_is(vmci_qpair_enqueue(qp, &byte, 1), VMCI_ERROR_QUEUEPAIR_NOTATTACHED);
	expect_is(vmci_qpair_dequeue(qp, &byte, 1), VMCI_ERROR_QUEUEPAIR_NOTATTACHED);
	expect_is(vmci_qpair_peek(qp, &byte, 1), VMCI_ERROR_QUEUEPAIR_NOTATTACHED);
	expect_is(vmci_qpair_produce_free_space(qp), 0);
	expect_is(vmci_qpair_produce_buf_ready(qp), 0);
	expect_is(vmci_qpair_consume_free_space(qp), 0);
	expect_is(vmci_qpair_consume_buf_ready(qp), 0);
	expect_is(vmci_qpair_get_produce_indexes(qp, &tail, &head),
		  VMCI_ERROR_QUEUEPAIR_NOTATTACHED);
	detach(qp);
	if (expect_is(vmci_qpair_alloc(&qp, &handle, 1, 1, 99, 0, 0), VMCI_SUCCESS))
		detach(qp);
}

static void null_arguments(void)
{
	struct vmci_handle handle = any_handle();
	struct vmci_qp *qp = NULL;

	expect_is(alloc(NULL, &handle, 1, 1, LOCAL), VMCI_ERROR_INVALID_ARGS);
	expect_is(alloc(&qp, NULL, 1, 1, LOCAL), VMCI_ERROR_INVALID_ARGS);
	expect_is(vmci_qpair_detach(&qp), VMCI_ERROR_INVALID_ARGS);
	expect_is(vmci_qpair_detach(NULL), VMCI_ERROR_INVALID_ARGS);
}

static void names(void)
{
	struct vmci_handle a = any_handle(), b = handle_of(HOST, NONE), c = handle_of(HOST, 700);
	struct vmci_qp *pairs[3];
	int i;

	expect_is(alloc(&pairs[0], &a, 4096, 4096, LOCAL), VMCI_SUCCESS);
	expect_is(alloc(&pairs[1], &b, 4096, 4096, LOCAL), VMCI_SUCCESS);
	expect_is(alloc(&pairs[2], &c, 4096, 4096, LOCAL), VMCI_SUCCESS);
	expect_is(a.context, HOST);
	expect(a.resource > VMCI_RESERVED_RESOURCE_ID_MAX && b.resource > a.resource);
	expect(same_handle(c, handle_of(HOST, 700)));
	for (i = 0; i < 3; i++)
		detach(pairs[i]);
}

static void at_most_two(void)
{
	struct vmci_handle handle = any_handle();
	struct vmci_qp *a, *b, *c;

	expect_is(alloc(&a, &handle, 4096, 8192, LOCAL), VMCI_SUCCESS);
	expect_is(alloc(&b, &handle, 4096, 8192, LOCAL), VMCI_ERROR_QUEUEPAIR_MISMATCH);
	expect_is(alloc(&b, &handle, 8192, 4097, ATTACH), VMCI_ERROR_QUEUEPAIR_MISMATCH);
	expect_is(vmci_qpair_alloc(&b, &handle, 8192, 4096, 99, ATTACH, 0), VMCI_ERROR_NO_ACCESS);
	expect_is(vmci_qpair_alloc(&b, &handle, 8192, 4096, NONE, ATTACH, 0), VMCI_SUCCESS);
	expect_is(alloc(&c, &handle, 8192, 4096, ATTACH), VMCI_ERROR_UNAVAILABLE);
	expect_is(alloc(&c, &handle, 4096, 8192, LOCAL), VMCI_ERROR_UNAVAILABLE);
	detach(a);
	expect_is(alloc(&c, &handle, 4096, 8192, LOCAL), VMCI_ERROR_UNAVAILABLE);
	detach(b);
	expect_is(alloc(&c, &handle, 4096, 8192, ATTACH), VMCI_ERROR_NOT_FOUND);
	expect_is(alloc(&c, &handle, 64, 32, LOCAL), VMCI_SUCCESS);
	detach(c);
}

static void one_way(void)
{
	struct vmci_handle handle = any_handle();
	struct vmci_qp *a, *b;
	char byte = 'x';

	expect_is(alloc(&a, &handle, 4096, 0, LOCAL), VMCI_SUCCESS);
	expect_is(alloc(&b, &handle, 0, 4096, ATTACH), VMCI_SUCCESS);
	expect_is(vmci_qpair_enqueue(a, &byte, 1), 1);
	expect_is(vmci_qpair_enqueue(b, &byte, 1), VMCI_ERROR_INVALID_SIZE);
	expect_is(vmci_qpair_produce_free_space(b), VMCI_ERROR_INVALID_SIZE);
	expect_is(vmci_qpair_dequeue(a, &byte, 1), VMCI_ERROR_INVALID_SIZE);
	expect_is(vmci_qpair_dequeue(b, &byte, 1), 1);
	detach(a);
	detach(b);
}

/* --- what is left when one leaves --------------------------------------------------------- */

static void data_outlives_its_writer(void)
{
	struct vmci_handle handle = any_handle();
	struct vmci_qp *a, *b;
	char text[8] = "";
	u64 tail = 1, head = 1;

	expect_is(alloc(&a, &handle, 64, 16, LOCAL), VMCI_SUCCESS);
	expect_is(alloc(&b, &handle, 16, 64, ATTACH), VMCI_SUCCESS);
	expect_is(vmci_qpair_enqueue(a, "unread", 6), 6);
	detach(a);
	expect_is(vmci_qpair_consume_buf_ready(b), 6);
	expect_is(vmci_qpair_produce_free_space(b), 15);
	expect_is(vmci_qpair_enqueue(b, "into the void, ..", 17), 15);
	expect_is(vmci_qpair_enqueue(b, "x", 1), VMCI_ERROR_QUEUEPAIR_NOSPACE);
	expect_is(vmci_qpair_dequeue(b, text, sizeof(text)), 6);
	expect(!memcmp(text, "unread", 6));
	expect_is(vmci_qpair_dequeue(b, text, sizeof(text)), VMCI_ERROR_QUEUEPAIR_NODATA);
	expect_is(vmci_qpair_get_consume_indexes(b, &tail, &head), VMCI_SUCCESS);
	expect_is(tail, 6);
	expect_is(head, 6);
	detach(b);
}

static void written_before_attach(void)
{
	struct vmci_handle handle = any_handle();
	struct vmci_qp *a, *b;
	char text[8] = "";

	expect_is(alloc(&a, &handle, 64, 64, LOCAL), VMCI_SUCCESS);
	expect_is(vmci_qpair_enqueue(a, "early", 5), 5);
	expect_is(alloc(&b, &handle, 64, 64, ATTACH), VMCI_SUCCESS);
	expect_is(vmci_qpair_dequeue(b, text, sizeof(text)), 5);
	expect(!memcmp(text, "early", 5));
	detach(b);
	detach(a);
}

/* --- quantities --------------------------------------------------------------------------- */

static void thousands_of_pairs(void)
{
	/* Slow with checks */
	const unsigned int count = IS_ENABLED(CONFIG_KASAN) ? 1000 : 10000;
	struct vmci_qp **pairs = kvcalloc(2 * count, sizeof(*pairs), GFP_KERNEL);
	struct vmci_handle handle;
	unsigned int i;

	if (!expect(pairs))
		return;
	for (i = 0; i < count; i++) {
		handle = any_handle();
		if (!expect_is(alloc(&pairs[2 * i], &handle, 256 << 10, 256 << 10, LOCAL), 0) ||
		    !expect_is(alloc(&pairs[2 * i + 1], &handle, 256 << 10, 256 << 10, ATTACH), 0))
			break;
		expect_is(vmci_qpair_enqueue(pairs[2 * i], &i, sizeof(i)), sizeof(i));
	}
	for (i = 0; i < 2 * count && pairs[i]; i++)
		detach(pairs[i]);
	kvfree(pairs);
}

/* Writes until it gets no more memory, or the ring is full; returns bytes */
static u64 stuff(struct vmci_qp *qp, const void *chunk, size_t size, ssize_t *result)
{
	u64 total = 0;

	while ((*result = vmci_qpair_enqueue(qp, chunk, size)) > 0) {
		total += *result;
		cond_resched();
	}
	return total;
}

/* All pairs together stop at half of the memory, and give it back. */
static void half_of_memory(void)
{
	u64 limit = (u64)totalram_pages() * PAGE_SIZE / 2, total = 0;
	unsigned int count = limit / (128 * MIB) + 2, i;
	struct vmci_qp **pairs = kcalloc(count, sizeof(*pairs), GFP_KERNEL);
	void *chunk = vzalloc(MIB);
	ssize_t result = 0;

	if (!expect(pairs && chunk))
		return;
	for (i = 0; i < count; i++) {
		struct vmci_handle handle = any_handle();

		expect_is(alloc(&pairs[i], &handle, 128 * MIB, 0, LOCAL), VMCI_SUCCESS);
		total += stuff(pairs[i], chunk, MIB, &result);
	}
	expect_is(result, VMCI_ERROR_NO_MEM);
	expect(total > limit / 2 && total <= limit);
	detach(pairs[0]);
	expect_is(vmci_qpair_enqueue(pairs[count - 1], chunk, 4096), 4096);
	for (i = 1; i < count; i++)
		detach(pairs[i]);
	vfree(chunk);
	kfree(pairs);
}

/* --- races -------------------------------------------------------------------------------- */

static void attach_and_leave(void *arg)
{
	unsigned long start = jiffies;
	struct vmci_qp *qp;
	int i;

	for (i = 0; go_on(start); i++) {
		struct vmci_handle handle = handle_of(HOST, 800);
		int result = alloc(&qp, &handle, 4096, 4096, LOCAL);

		if (result == VMCI_SUCCESS) {
			vmci_qpair_enqueue(qp, &i, sizeof(i));
			detach(qp);
		} else {
			expect(result == VMCI_ERROR_UNAVAILABLE ||
			       result == VMCI_ERROR_ALREADY_EXISTS);
		}
		if (i % 64 == 0)
			cond_resched();
	}
}

static void create_attach_detach_at_once(void)
{
	struct worker workers[3];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(workers); i++)
		start_worker(&workers[i], attach_and_leave, NULL);
	for (i = 0; i < ARRAY_SIZE(workers); i++)
		join_worker(&workers[i]);
}

const struct ktap_test qpair_tests[] = {
	{ "queue pair: allocation refuses what it must", bad_allocations },
	{ "queue pair: missing arguments", null_arguments },
	{ "queue pair: for a machine that has not come", not_attached },
	{ "queue pair: names wanted and assigned", names },
	{ "queue pair: two endpoints with swapped sizes, never a third", at_most_two },
	{ "queue pair: one direction only", one_way },
	{ "queue pair: what was written outlives its writer", data_outlives_its_writer },
	{ "queue pair: what was written before the peer came", written_before_attach },
	{ "queue pair: thousands at once", thousands_of_pairs },
	{ "queue pair: all together get half of the memory", half_of_memory },
	{ "queue pair: create, attach and detach at once", create_attach_detach_at_once },
};
const size_t qpair_tests_count = ARRAY_SIZE(qpair_tests);
