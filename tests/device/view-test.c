// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * view-test - scattered pages of the guest side by side
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vfio-user.md 6.7.  That a kernel takes them is seen in tests/nested.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tap.h"
#include "view.h"

#define SHIFT	12u
#define PAGE	(1u << SHIFT)
#define PAGES	16u
#define BOTH	(MEMORY_READ | MEMORY_WRITE)
#define MANY	100u
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* 16 pages of memory, each beginning with its number, at twice 8 pages of addresses with a hole */
static int file;

static struct memory *guest_memory(void)
{
	struct memory *memory = memory_new();

	file = memfd_create("guest", MFD_CLOEXEC);
	for (unsigned char i = 0; i < PAGES; i++)
		if (pwrite(file, &i, 1, (off_t)i * PAGE) != 1)
			abort();
	if (ftruncate(file, (off_t)PAGES * PAGE) < 0)
		abort();
	memory_map(memory, 0, 8 * PAGE, BOTH, dup(file), 0);
	memory_map(memory, 100 * PAGE, 8 * PAGE, BOTH, dup(file), (uint64_t)8 * PAGE);
	memory_map(memory, 200 * PAGE, PAGE, MEMORY_READ, dup(file), 0);
	return memory;
}

static void guest_free(struct memory *memory)
{
	memory_free(memory);
	close(file);
}

static struct view_pages pages_of(struct memory *memory, const __u64 *numbers, size_t count)
{
	return (struct view_pages){ memory, numbers, count, SHIFT };
}

static void test_order(void)
{
	static const __u64 numbers[] = { 3, 4, 5, 100, 7, 101, 0, 103, 104 };
	static const unsigned char want[] = { 3, 4, 5, 8, 7, 9, 0, 11, 12 };
	struct memory *memory = guest_memory();
	struct view_pages pages = pages_of(memory, numbers, COUNT(numbers));
	struct view view = { NULL };
	unsigned char *at;

	is_s64(view_open(&view, &pages, MANY), 0, "pages in any order");
	is_u64(view.size, COUNT(numbers) * PAGE, "one behind the other");
	is_u64(view.count, 6, "neighbours are one mapping");
	at = view.base;
	for (size_t i = 0; i < COUNT(numbers); i++)
		is_u64(at[i * PAGE], want[i], "page %zu", i);
	at[3 * PAGE] = 77;
	is_u64(*(unsigned char *)memory_at(memory, 100 * PAGE, 1, BOTH), 77,
	       "it is the guest's memory, and no copy");
	ok(view_current(&view, &pages), "and shows what is there");
	view_close(&view);
	ok(!view.base && !view.count, "closed");
	guest_free(memory);
}

/* Mappings that lie at neighbouring addresses, and at neighbouring places of the file */
static void test_across(void)
{
	static const __u64 numbers[] = { 7, 100 };
	struct memory *memory = guest_memory();
	struct view_pages pages = pages_of(memory, numbers, COUNT(numbers));
	struct view view = { NULL };

	is_s64(view_open(&view, &pages, MANY), 0, "neighbours of the file");
	is_u64(view.count, 1, "are one mapping, wherever the guest has them");
	view_close(&view);
	guest_free(memory);
}

static void test_refused(void)
{
	static const __u64 hole[] = { 1, 50 }, read_only[] = { 1, 200 }, beyond[] = { ~0ull },
			   scattered[] = { 1, 3, 5, 7 };
	struct memory *memory = guest_memory();
	struct view_pages pages = pages_of(memory, hole, COUNT(hole));
	struct view view = { NULL };

	is_s64(view_open(&view, &pages, MANY), -EFAULT, "a page that is no memory");
	pages = pages_of(memory, read_only, COUNT(read_only));
	is_s64(view_open(&view, &pages, MANY), -EFAULT, "a page that is read only");
	pages = pages_of(memory, beyond, COUNT(beyond));
	is_s64(view_open(&view, &pages, MANY), -EFAULT, "a number beyond all addresses");
	pages = pages_of(memory, scattered, COUNT(scattered));
	is_s64(view_open(&view, &pages, 3), -ENOSPC, "more mappings than allowed");
	is_s64(view_open(&view, &pages, 0), -ENOSPC, "none allowed");
	ok(!view.base && !view.runs, "nothing is left");
	is_s64(view_open(&view, &pages, 4), 0, "as many as allowed");
	view_close(&view);
	guest_free(memory);
}

static void test_changes(void)
{
	static const __u64 numbers[] = { 2, 3, 101 };
	struct memory *memory = guest_memory();
	struct view_pages pages = pages_of(memory, numbers, COUNT(numbers));
	struct view view = { NULL };

	is_s64(view_open(&view, &pages, MANY), 0, "a view");
	memory_enable(memory, false);
	ok(!view_current(&view, &pages), "no access: it shows what nobody may see");
	memory_enable(memory, true);
	ok(view_current(&view, &pages), "access again");
	memory_unmap(memory, 100 * PAGE, 8 * PAGE);
	ok(!view_current(&view, &pages), "a page has gone");
	memory_map(memory, 96 * PAGE, 8 * PAGE, BOTH, dup(file), (uint64_t)4 * PAGE);
	ok(view_current(&view, &pages), "it is back, in a larger piece");
	memory_unmap(memory, 96 * PAGE, 8 * PAGE);
	memory_map(memory, 96 * PAGE, 8 * PAGE, BOTH, dup(file), 0);
	ok(!view_current(&view, &pages), "another page is there");
	view_close(&view);
	guest_free(memory);
}

int main(void)
{
	test_order();
	test_across();
	test_refused();
	test_changes();
	return done_testing();
}
