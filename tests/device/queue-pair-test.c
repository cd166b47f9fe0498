// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * queue-pair-test.c - the host end of a queue pair over scattered pages of a shared file
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The guest is played by hand: its pages lie backwards in the file, so that no two neighbours of
 * the ring are neighbours in memory.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <unistd.h>

#include "common/ring.h"
#include "memory.h"
#include "queue_pair.h"
#include "tap.h"

#define PAGE		4096u
#define PAGES		256u
#define BASE		0x100000000u	/* where the guest has the file */
#define FIRST_PPN	(BASE / PAGE)

static struct memory *memory;
static uint8_t *file;		/* the guest's view */
static int file_fd;

static void set_up(void)
{
	file_fd = memfd_create("guest", MFD_CLOEXEC);
	if (file_fd < 0 || ftruncate(file_fd, PAGES * PAGE))
		exit(EXIT_FAILURE);
	file = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file_fd, 0);
	memory = memory_new();
	if (memory_map(memory, BASE, PAGES * PAGE, MEMORY_READ | MEMORY_WRITE, dup(file_fd), 0))
		exit(EXIT_FAILURE);
}

static void tear_down(void)
{
	memory_free(memory);
	munmap(file, PAGES * PAGE);
	close(file_fd);
}

/* Page @index of the list of a pair: the last of the file comes first, and every other is unused */
static uint64_t ppn_at(uint64_t index)
{
	return FIRST_PPN + PAGES - 1 - 2 * index;
}

static uint8_t *page_at(uint64_t index)
{
	return file + (ppn_at(index) - FIRST_PPN) * PAGE;
}

static struct vmci_queue_header *header_at(uint64_t index)
{
	return (struct vmci_queue_header *)(void *)page_at(index);
}

static struct vmci_qp_alloc_msg message_of(uint64_t in, uint64_t out)
{
	return (struct vmci_qp_alloc_msg){
		.handle = { 3, 1024 },
		.peer = 2,
		.produce_size = in,
		.consume_size = out,
		.ppn_count = vmci_queue_pair_pages(in, out, 12),
	};
}

static struct pair *make(uint64_t in, uint64_t out, __s32 *result)
{
	struct vmci_qp_alloc_msg message = message_of(in, out);
	__u64 ppns[PAGES];

	for (uint64_t i = 0; i < message.ppn_count; i++)
		ppns[i] = ppn_at(i);
	return pair_new(memory, 12, &message, ppns, result);
}

static void creation(void)
{
	struct vmci_qp_alloc_msg message = message_of(10000, 5000);
	__u64 ppns[] = { ppn_at(0), ppn_at(1), ppn_at(2), ppn_at(3), ppn_at(4), ppn_at(5),
			 ppn_at(6) };
	struct pair *pair;
	__s32 result;

	memset(file, 0xee, PAGES * PAGE);
	pair = pair_new(memory, 12, &message, ppns, &result);
	is_s64(result, VMCI_SUCCESS, "a pair of seven scattered pages");
	is_u64(pair->in_size, 10000, "what the guest produces comes in");
	is_u64(pair->out_size, 5000, "what it consumes goes out");
	for (int i = 0; i < 2; i++) {
		const struct vmci_queue_header *header = header_at(i ? 4 : 0);

		ok(header->handle.context == 3 && header->handle.resource == 1024 &&
		   !header->producer_tail && !header->consumer_head,
		   "4.12 header %d has been written", i);
	}
	is_s64(pair_in_ready(pair), 0, "nothing to read");
	is_s64(pair_out_free(pair), 4999, "one byte less than the size can be written");
	pair_free(pair);

	ppns[5] = ppns[2];
	ok(!pair_new(memory, 12, &message, ppns, &result), "S7 a page that is there twice");
	is_s64(result, VMCI_ERROR_INVALID_ARGS, "S7 is an invalid argument");
	ppns[5] = FIRST_PPN + PAGES;
	ok(!pair_new(memory, 12, &message, ppns, &result), "S7 a page that is no memory");
	is_s64(result, VMCI_ERROR_INVALID_ARGS, "S7 is an invalid argument");
	ppns[5] = UINT64_MAX / PAGE + 1 + ppn_at(5);
	ok(!pair_new(memory, 12, &message, ppns, &result), "S7 a page number that overflows");
}

/* A page of 64 KiB may begin and end in the middle of mappings */
static void large_pages(void)
{
	struct vmci_qp_alloc_msg message = message_of(100000, 100);
	__u64 ppns[] = { BASE >> 16, (BASE >> 16) + 1, (BASE >> 16) + 2, (BASE >> 16) + 3,
			 (BASE >> 16) + 4 };
	struct iovec pieces[PAIR_PIECES];
	struct pair *pair;
	__s32 result;
	int count;

	message.ppn_count = 5;
	pair = pair_new(memory, 16, &message, ppns, &result);
	is_s64(result, VMCI_SUCCESS, "2.6 a pair of pages of 64 KiB");
	((struct vmci_queue_header *)(void *)file)->producer_tail = 99999;
	is_s64(pair_readable(pair, pieces, &count), 99999, "all of it can be read at once");
	is_s64(count, 1, "as one piece, as the pages are neighbours");
	ok(pieces[0].iov_len == 99999, "which has all bytes");
	pair_free(pair);
}

/* The guest's half: copies byte by byte, with indexes of its own */
struct guest {
	uint64_t in, out;	/* sizes */
	uint64_t tail, head;
	uint64_t sent, received;
};

static uint8_t pattern(uint64_t position)
{
	return (uint8_t)(position * 151 + (position >> 8) * 7);
}

static void guest_writes(struct guest *guest, uint64_t count)
{
	uint64_t own = 0, other = vmci_queue_pages(guest->in, 12);
	uint64_t head = header_at(other)->consumer_head;

	for (; count && (guest->tail + 1) % guest->in != head; count--) {
		uint8_t *page = page_at(own + 1 + guest->tail / PAGE);

		page[guest->tail % PAGE] = pattern(guest->sent++);
		guest->tail = (guest->tail + 1) % guest->in;
	}
	header_at(own)->producer_tail = guest->tail;
}

static uint64_t guest_reads(struct guest *guest, uint64_t count)
{
	uint64_t own = 0, other = vmci_queue_pages(guest->in, 12);
	uint64_t tail = header_at(other)->producer_tail, wrong = 0;

	for (; count && guest->head != tail; count--) {
		wrong += page_at(other + 1 + guest->head / PAGE)[guest->head % PAGE] !=
			 pattern(guest->received++);
		guest->head = (guest->head + 1) % guest->out;
	}
	header_at(own)->consumer_head = guest->head;
	return wrong;
}

static uint64_t host_reads(struct pair *pair, uint64_t most, uint64_t *position)
{
	struct iovec pieces[PAIR_PIECES];
	uint64_t wrong = 0, done = 0;
	int count;

	if (pair_readable(pair, pieces, &count) < 0)
		return UINT64_MAX;
	for (int i = 0; i < count; i++)
		for (size_t k = 0; k < pieces[i].iov_len && done < most; k++, done++)
			wrong += ((uint8_t *)pieces[i].iov_base)[k] != pattern((*position)++);
	pair_consume(pair, done);
	return wrong;
}

static uint64_t host_writes(struct pair *pair, uint64_t most, uint64_t *position)
{
	struct iovec pieces[PAIR_PIECES];
	uint64_t done = 0;
	int count;

	if (pair_writable(pair, pieces, &count) < 0)
		return UINT64_MAX;
	for (int i = 0; i < count; i++)
		for (size_t k = 0; k < pieces[i].iov_len && done < most; k++, done++)
			((uint8_t *)pieces[i].iov_base)[k] = pattern((*position)++);
	pair_produce(pair, done);
	return 0;
}

/* Both ways at once, in portions of every size up to the ring's, until it has wrapped often */
static void transfer(uint64_t in, uint64_t out)
{
	struct guest guest = { .in = in, .out = out };
	uint64_t wrong = 0, read = 0, written = 0;
	struct pair *pair;
	__s32 result;

	pair = make(in, out, &result);
	for (uint64_t round = 0; read < 200 * in || guest.received < 200 * out; round++) {
		guest_writes(&guest, round % in + 1);
		wrong += host_reads(pair, round * 7 % in + 1, &read);
		wrong += host_writes(pair, round * 5 % out + 1, &written);
		wrong += guest_reads(&guest, round * 3 % out + 1);
	}
	while (read < guest.sent || guest.received < written)
		wrong += host_reads(pair, in, &read) + guest_reads(&guest, out);
	is_u64(wrong, 0, "in %" PRIu64 ", out %" PRIu64 ": all bytes in their places", in, out);
	ok(guest.sent == read && guest.received == written && read >= 200 * in,
	   "in %" PRIu64 ", out %" PRIu64 ": and none is lost or there twice", in, out);
	pair_free(pair);
}

/* More pieces than there is room for: what is given is whole and in order */
static void many_pieces(void)
{
	struct iovec pieces[PAIR_PIECES];
	struct pair *pair;
	__s32 result;
	int count;

	pair = make(80 * PAGE, 100, &result);
	header_at(0)->producer_tail = 80 * PAGE - 1;
	is_s64(pair_readable(pair, pieces, &count), PAIR_PIECES * PAGE,
	       "as many bytes as there are pieces");
	is_s64(count, PAIR_PIECES, "and all pieces are in use");
	pair_consume(pair, 40 * PAGE);
	header_at(0)->producer_tail = 10 * PAGE;
	is_s64(pair_readable(pair, pieces, &count), 50 * PAGE, "behind them the ring wraps");
	strcpy((char *)page_at(1), "first");
	is_str(pieces[40].iov_base, "first", "to its first page");
	pair_free(pair);
}

static void hostile_indexes(void)
{
	static const uint64_t bad[] = { 1000, 1001, UINT32_MAX, UINT64_MAX };
	struct iovec pieces[PAIR_PIECES];
	struct pair *pair;
	__s32 result;
	int count;

	pair = make(1000, 1000, &result);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		header_at(0)->producer_tail = header_at(0)->consumer_head = bad[i];
		is_s64(pair_readable(pair, pieces, &count), VMCI_ERROR_INVALID_SIZE,
		       "S1 a tail of %" PRIu64 " is corrupt", bad[i]);
		is_s64(pair_writable(pair, pieces, &count), VMCI_ERROR_INVALID_SIZE,
		       "S1 a head of %" PRIu64 " is corrupt", bad[i]);
		is_s64(count, 0, "and there is no piece");
	}
	header_at(0)->producer_tail = 10;
	header_at(0)->consumer_head = 0;
	pair_consume(pair, 4);
	pair_produce(pair, 5);
	header_at(2)->producer_tail = header_at(2)->consumer_head = UINT64_MAX;
	is_s64(pair_in_ready(pair), 6, "S2 the own head is a private copy");
	is_s64(pair_out_free(pair), 994, "S2 the own tail is, too");
	pair_consume(pair, 1);
	is_u64(header_at(2)->consumer_head, 5, "and it is what the guest sees next");
	pair_free(pair);
}

static void empty_ring(void)
{
	struct iovec pieces[PAIR_PIECES];
	struct pair *pair;
	__s32 result;
	int count;

	pair = make(0, 100, &result);
	is_s64(pair_readable(pair, pieces, &count), VMCI_ERROR_INVALID_SIZE,
	       "5.1 a ring of no bytes cannot be used");
	pair_free(pair);
}

static void memory_goes(void)
{
	struct iovec pieces[PAIR_PIECES];
	struct pair *pair;
	__s32 result;
	int count;

	pair = make(1000, 1000, &result);
	header_at(0)->producer_tail = 10;
	memory_unmap(memory, BASE, PAGES * PAGE);
	is_s64(pair_readable(pair, pieces, &count), VMCI_ERROR_QUEUEPAIR_NOTATTACHED,
	       "6.6 nothing is read from memory that has gone");
	is_s64(pair_writable(pair, pieces, &count), VMCI_ERROR_QUEUEPAIR_NOTATTACHED,
	       "6.6 nor written");
	pair_produce(pair, 1);
	memory_map(memory, BASE, PAGES * PAGE, MEMORY_READ | MEMORY_WRITE, dup(file_fd), 0);
	is_s64(pair_readable(pair, pieces, &count), 10, "6.6 when it is back it is found again");
	memory_unmap(memory, BASE, PAGES * PAGE);
	memory_map(memory, BASE, PAGES * PAGE, MEMORY_READ, dup(file_fd), 0);
	is_s64(pair_writable(pair, pieces, &count), VMCI_ERROR_QUEUEPAIR_NOTATTACHED,
	       "6.4 nothing is written to memory that may only be read");
	pair_free(pair);
}

int main(void)
{
	set_up();
	creation();
	large_pages();
	transfer(128, 128);
	transfer(129, 4097);
	transfer(4096, 1000);
	transfer(3 * PAGE + 17, 2 * PAGE);
	many_pieces();
	hostile_indexes();
	empty_ring();
	memory_goes();
	tear_down();
	return done_testing();
}
