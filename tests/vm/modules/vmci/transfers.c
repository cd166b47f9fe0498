// SPDX-License-Identifier: GPL-2.0-only
/*
 * transfers - bytes through queue pairs: indexes, wraps, faults, two threads
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "client.h"

struct pair {
	struct vmci_qp *a, *b;
};

/* The byte at a position of the stream that goes through a ring */
static u8 byte_at(u64 at)
{
	return (at * 0x9e3779b97f4a7c15ull) >> 56;
}

static void fill(u8 *buf, size_t size, u64 at)
{
	size_t i;

	for (i = 0; i < size; i++)
		buf[i] = byte_at(at + i);
}

static bool is_filled(const u8 *buf, size_t size, u64 at)
{
	size_t i;

	for (i = 0; i < size; i++)
		if (buf[i] != byte_at(at + i))
			return false;
	return true;
}

static bool open_pair(struct pair *pair, u64 size)
{
	struct vmci_handle handle = handle_of(NONE, NONE);

	return expect_is(vmci_qpair_alloc(&pair->a, &handle, size, size, HOST,
					  VMCI_QPFLAG_LOCAL, 0), VMCI_SUCCESS) &&
	       expect_is(vmci_qpair_alloc(&pair->b, &handle, size, size, HOST,
					  VMCI_QPFLAG_LOCAL | VMCI_QPFLAG_ATTACH_ONLY, 0),
			 VMCI_SUCCESS);
}

static void close_pair(struct pair *pair)
{
	expect_is(vmci_qpair_detach(&pair->a), VMCI_SUCCESS);
	expect_is(vmci_qpair_detach(&pair->b), VMCI_SUCCESS);
}

/* --- indexes ------------------------------------------------------------------------------ */

static void expect_indexes(struct pair *pair, u64 tail, u64 head)
{
	u64 t = 99, h = 99;

	expect_is(vmci_qpair_get_produce_indexes(pair->a, &t, &h), VMCI_SUCCESS);
	expect_is(t, tail);
	expect_is(h, head);
	expect_is(vmci_qpair_get_consume_indexes(pair->b, &t, NULL), VMCI_SUCCESS);
	expect_is(vmci_qpair_get_consume_indexes(pair->b, NULL, &h), VMCI_SUCCESS);
	expect_is(t, tail);
	expect_is(h, head);
}

static void expect_space(struct pair *pair, s64 space, s64 ready)
{
	expect_is(vmci_qpair_produce_free_space(pair->a), space);
	expect_is(vmci_qpair_produce_buf_ready(pair->a), ready);
	expect_is(vmci_qpair_consume_free_space(pair->b), space);
	expect_is(vmci_qpair_consume_buf_ready(pair->b), ready);
}

/* vmci.md 14.7, the row of ring size 10 among others */
static void indexes_and_space(void)
{
	u8 buf[16] = "0123456789abcde";
	struct pair pair;

	if (!open_pair(&pair, 10))
		return;
	expect_indexes(&pair, 0, 0);
	expect_space(&pair, 9, 0);
	expect_is(vmci_qpair_enqueue(pair.a, buf, 16), 9);
	expect_indexes(&pair, 9, 0);
	expect_space(&pair, 0, 9);
	expect_is(vmci_qpair_enqueue(pair.a, buf, 1), VMCI_ERROR_QUEUEPAIR_NOSPACE);
	expect_is(vmci_qpair_peek(pair.b, buf, 5), 5);
	expect_indexes(&pair, 9, 0);
	expect_is(vmci_qpair_dequeue(pair.b, buf, 5), 5);
	expect_indexes(&pair, 9, 5);
	expect_space(&pair, 5, 4);
	expect_is(vmci_qpair_enqueue(pair.a, "xyz", 3), 3);
	expect_indexes(&pair, 2, 5);
	expect_space(&pair, 2, 7);
	expect_is(vmci_qpair_dequeue(pair.b, buf, 16), 7);
	expect(!memcmp(buf, "5678xyz", 7));
	expect_indexes(&pair, 2, 2);
	expect_is(vmci_qpair_dequeue(pair.b, buf, 1), VMCI_ERROR_QUEUEPAIR_NODATA);
	expect_is(vmci_qpair_peek(pair.b, buf, 1), VMCI_ERROR_QUEUEPAIR_NODATA);
	expect_is(vmci_qpair_enqueue(pair.a, buf, 0), 0);
	expect_space(&pair, 9, 0);
	close_pair(&pair);
}

static void directions_are_apart(void)
{
	struct pair pair;
	char text[4];

	if (!open_pair(&pair, 4096))
		return;
	expect_is(vmci_qpair_enqueue(pair.a, "ab", 2), 2);
	expect_is(vmci_qpair_enqueue(pair.b, "cde", 3), 3);
	expect_space(&pair, 4093, 2);
	expect_is(vmci_qpair_consume_buf_ready(pair.a), 3);
	expect_is(vmci_qpair_dequeue(pair.a, text, 4), 3);
	expect(!memcmp(text, "cde", 3));
	expect_is(vmci_qpair_dequeue(pair.b, text, 4), 2);
	expect(!memcmp(text, "ab", 2));
	close_pair(&pair);
}

/* A ring of one byte holds nothing. */
static void smallest_ring(void)
{
	struct pair pair;
	char byte = 'x';

	if (!open_pair(&pair, 1))
		return;
	expect_space(&pair, 0, 0);
	expect_is(vmci_qpair_enqueue(pair.a, &byte, 1), VMCI_ERROR_QUEUEPAIR_NOSPACE);
	expect_is(vmci_qpair_dequeue(pair.b, &byte, 1), VMCI_ERROR_QUEUEPAIR_NODATA);
	close_pair(&pair);
}

/* --- one thread, random pieces ------------------------------------------------------------ */

static bool random_pieces(struct pair *pair, u64 size, u8 *buf, size_t most, u64 total)
{
	u64 written = 0, read = 0;
	struct rnd_state rnd;

	prandom_seed_state(&rnd, size);
	while (read < total) {
		size_t part = prandom_u32_state(&rnd) % most + 1;
		ssize_t count;

		fill(buf, part, written);
		count = vmci_qpair_enqueue(pair->a, buf, part);
		if (!expect(count == VMCI_ERROR_QUEUEPAIR_NOSPACE ||
			    count == min_t(u64, part, size - 1 - (written - read))))
			return false;
		written += max_t(ssize_t, count, 0);

		part = prandom_u32_state(&rnd) % most + 1;
		count = vmci_qpair_dequeue(pair->b, buf, part);
		if (!expect(count == VMCI_ERROR_QUEUEPAIR_NODATA ||
			    count == min_t(u64, part, written - read)))
			return false;
		if (count > 0 && !expect(is_filled(buf, count, read)))
			return false;
		read += max_t(ssize_t, count, 0);
		cond_resched();
	}
	return true;
}

static void wraps(void)
{
	static const u32 sizes[] = { 2, 3, 10, 128, 4095, 4096, 4097, 8192, 10000, 65536, 100001 };
	const size_t most = 12000;
	u8 *buf = kmalloc(most, GFP_KERNEL);
	struct pair pair;
	unsigned int i;

	if (!expect(buf))
		return;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (!open_pair(&pair, sizes[i]))
			break;
		random_pieces(&pair, sizes[i], buf, min_t(size_t, 2 * sizes[i], most),
			      min(40ull * sizes[i], 1ull << 20));
		close_pair(&pair);
	}
	kfree(buf);
}

static DEFINE_SPINLOCK(some_lock);

static void atomic_transfers(void)
{
	const size_t size = 6000;
	u8 *buf = kmalloc(size, GFP_KERNEL);
	unsigned long flags;
	struct pair pair;

	if (!expect(buf) || !open_pair(&pair, 3 * 4096))
		return;
	fill(buf, size, 0);
	spin_lock_irqsave(&some_lock, flags);
	expect_is(vmci_qpair_enqueue(pair.a, buf, size), size);
	memset(buf, 0, size);
	expect_is(vmci_qpair_peek(pair.b, buf, size), size);
	expect(is_filled(buf, size, 0));
	memset(buf, 0, size);
	expect_is(vmci_qpair_dequeue(pair.b, buf, size), size);
	spin_unlock_irqrestore(&some_lock, flags);
	expect(is_filled(buf, size, 0));
	close_pair(&pair);
	kfree(buf);
}

/* --- user memory -------------------------------------------------------------------------- */

#define MAPPED	(2 * PAGE_SIZE)

/* Memory of the process that loads this module; the last page cannot be touched. */
static unsigned long map_two_pages(void)
{
	unsigned long at = vm_mmap(NULL, 0, MAPPED + PAGE_SIZE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, 0);

	if (!expect(!IS_ERR_VALUE(at)))
		return 0;
	expect_is(vm_munmap(at + MAPPED, PAGE_SIZE), 0);
	return at;
}

static ssize_t transfer(ssize_t (*call)(struct vmci_qp *, struct msghdr *, size_t),
			struct vmci_qp *qp, unsigned int direction, unsigned long at, size_t size,
			size_t *left)
{
	struct msghdr msg = {};
	ssize_t result;

	iov_iter_ubuf(&msg.msg_iter, direction, (void __user *)at, size);
	result = call(qp, &msg, size);
	*left = iov_iter_count(&msg.msg_iter);
	return result;
}

static ssize_t enquev(struct vmci_qp *qp, struct msghdr *msg, size_t size)
{
	return vmci_qpair_enquev(qp, msg, size);
}

static ssize_t dequev(struct vmci_qp *qp, struct msghdr *msg, size_t size)
{
	return vmci_qpair_dequev(qp, msg, size);
}

static ssize_t peekv(struct vmci_qp *qp, struct msghdr *msg, size_t size)
{
	return vmci_qpair_peekv(qp, msg, size);
}

static void user_memory(void)
{
	unsigned long at = map_two_pages();
	struct pair pair;
	size_t left;
	u8 out[100], in[100] = {};

	if (!at || !open_pair(&pair, 65536))
		return;
	fill(out, sizeof(out), 0);
	expect_is(copy_to_user((void __user *)at, out, sizeof(out)), 0);
	expect_is(transfer(enquev, pair.a, ITER_SOURCE, at, 100, &left), 100);
	expect_is(left, 0);
	expect_is(transfer(peekv, pair.b, ITER_DEST, at + 1000, 40, &left), 40);
	expect_is(transfer(dequev, pair.b, ITER_DEST, at + 1000, 150, &left), 100);
	expect_is(left, 50);
	expect_is(copy_from_user(in, (void __user *)at + 1000, sizeof(in)), 0);
	expect(is_filled(in, sizeof(in), 0));
	close_pair(&pair);
	vm_munmap(at, MAPPED);
}

/* A fault in mid-transfer moves nothing: no index, and not the iterator. */
static void faults(void)
{
	unsigned long at = map_two_pages();
	unsigned long late = at + MAPPED - 100;	/* good for 100 bytes */
	struct pair pair;
	size_t left;

	/* the ring wraps in the middle of what follows */
	if (!at || !open_pair(&pair, MAPPED + 50))
		return;
	expect_is(transfer(enquev, pair.a, ITER_SOURCE, at, MAPPED, &left), MAPPED);
	expect_is(transfer(enquev, pair.a, ITER_SOURCE, late, 120, &left), 49);
	expect_is(transfer(dequev, pair.b, ITER_DEST, at, MAPPED, &left), MAPPED);
	expect_indexes(&pair, MAPPED + 49, MAPPED);

	expect_is(transfer(enquev, pair.a, ITER_SOURCE, late, 200, &left),
		  VMCI_ERROR_INVALID_ARGS);
	expect_is(left, 200);
	expect_is(transfer(enquev, pair.a, ITER_SOURCE, at + MAPPED, 1, &left),
		  VMCI_ERROR_INVALID_ARGS);
	expect_indexes(&pair, MAPPED + 49, MAPPED);

	expect_is(transfer(enquev, pair.a, ITER_SOURCE, at, 5000, &left), 5000);
	expect_is(transfer(peekv, pair.b, ITER_DEST, late, 200, &left), VMCI_ERROR_INVALID_ARGS);
	expect_is(left, 200);
	expect_is(transfer(dequev, pair.b, ITER_DEST, late, 200, &left),
		  VMCI_ERROR_INVALID_ARGS);
	expect_is(left, 200);
	expect_indexes(&pair, 4999, MAPPED);
	expect_is(transfer(dequev, pair.b, ITER_DEST, late, 100, &left), 100);
	expect_indexes(&pair, 4999, 50);
	close_pair(&pair);
	vm_munmap(at, MAPPED);
}

/* --- two threads, no lock ----------------------------------------------------------------- */

/* One direction: a thread that writes and one that reads */
struct flow {
	struct vmci_qp *from, *to;
	u32 seed;
	u64 written;
	bool all_written;
};

#define FLOW_PART 9000

static void write_flow(void *arg)
{
	u8 *buf = kmalloc(FLOW_PART, GFP_KERNEL);
	unsigned long start = jiffies;
	struct flow *flow = arg;
	struct rnd_state rnd;

	prandom_seed_state(&rnd, flow->seed);
	while (expect(buf) && go_on(start)) {
		size_t part = prandom_u32_state(&rnd) % FLOW_PART + 1;
		ssize_t count;

		fill(buf, part, flow->written);
		count = vmci_qpair_enqueue(flow->from, buf, part);
		if (count == VMCI_ERROR_QUEUEPAIR_NOSPACE)
			schedule();
		else if (!expect(count > 0))
			break;
		else
			flow->written += count;
	}
	smp_store_release(&flow->all_written, true);
	kfree(buf);
}

static void read_flow(void *arg)
{
	u8 *buf = kmalloc(FLOW_PART, GFP_KERNEL);
	struct flow *flow = arg;
	struct rnd_state rnd;
	u64 done = 0;

	prandom_seed_state(&rnd, ~flow->seed);
	while (expect(buf)) {
		bool last = smp_load_acquire(&flow->all_written);
		size_t part = prandom_u32_state(&rnd) % FLOW_PART + 1;
		ssize_t count = vmci_qpair_dequeue(flow->to, buf, part);

		if (count == VMCI_ERROR_QUEUEPAIR_NODATA && last)
			break;
		if (count == VMCI_ERROR_QUEUEPAIR_NODATA) {
			schedule();
			continue;
		}
		if (!expect(count > 0) || !expect(is_filled(buf, count, done)))
			break;
		done += count;
	}
	expect_is(done, flow->written);
	kfree(buf);
}

/* Both directions of a ring of this size at once; each wraps many times. */
static void both_ways(u64 size)
{
	struct worker workers[4];
	struct flow flows[2];
	struct pair pair;
	int i;

	if (!open_pair(&pair, size))
		return;
	flows[0] = (struct flow) { .from = pair.a, .to = pair.b, .seed = size };
	flows[1] = (struct flow) { .from = pair.b, .to = pair.a, .seed = ~size };
	for (i = 0; i < 2; i++) {
		start_worker(&workers[i], write_flow, &flows[i]);
		start_worker(&workers[2 + i], read_flow, &flows[i]);
	}
	for (i = 0; i < 4; i++)
		join_worker(&workers[i]);
	expect(flows[0].written > 2 * size && flows[1].written > 2 * size);
	close_pair(&pair);
}

static void four_threads(void)
{
	both_ways(128);
	both_ways(4096);
	both_ways(100001);
}

const struct ktap_test transfer_tests[] = {
	{ "transfer: indexes and space", indexes_and_space },
	{ "transfer: the directions have nothing to do with each other", directions_are_apart },
	{ "transfer: a ring of one byte", smallest_ring },
	{ "transfer: wraps at all kinds of sizes", wraps },
	{ "transfer: atomic context", atomic_transfers },
	{ "transfer: user memory", user_memory },
	{ "transfer: a fault moves nothing", faults },
	{ "transfer: both directions in four threads", four_threads },
};
const size_t transfer_tests_count = ARRAY_SIZE(transfer_tests);
