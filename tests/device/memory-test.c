// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * memory-test - ranges of guest memory, in files that come, grow, shrink and go
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vfio-user.md sections 3.1, 3.2 and 6.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory.h"
#include "tap.h"

#define PAGE	4096u
#define BOTH	(MEMORY_READ | MEMORY_WRITE)

static int file_of(size_t pages)
{
	int fd = memfd_create("guest", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)(pages * PAGE)) < 0)
		abort();
	return fd;
}

static unsigned int descriptors(void)
{
	unsigned int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void test_arguments(void)
{
	struct memory *memory = memory_new();
	int fd = file_of(4);

	is_s64(memory_map(memory, 0, 0, BOTH, dup(fd), 0), -EINVAL, "3.1 no bytes");
	is_s64(memory_map(memory, 1, PAGE, BOTH, dup(fd), 0), -EINVAL, "3.1 odd address");
	is_s64(memory_map(memory, 0, PAGE + 1, BOTH, dup(fd), 0), -EINVAL, "3.1 odd size");
	is_s64(memory_map(memory, 0, PAGE, BOTH, dup(fd), 1), -EINVAL, "3.1 odd offset");
	is_s64(memory_map(memory, -(uint64_t)PAGE, 2 * PAGE, BOTH, dup(fd), 0), -EINVAL,
	       "3.1 beyond the last address");
	is_s64(memory_map(memory, 0, PAGE, BOTH, dup(fd), 4 * PAGE), -EINVAL,
	       "6.2 beyond the end of the file");
	is_s64(memory_map(memory, 0, PAGE, BOTH, dup(fd), -(uint64_t)PAGE), -EINVAL,
	       "6.2 offset and size wrap");
	is_s64(memory_map(memory, 0, PAGE, BOTH, open("/", O_RDONLY | O_CLOEXEC), 0), -EINVAL,
	       "7.3 a folder instead of a file");
	is_s64(memory_map(memory, -(uint64_t)PAGE, PAGE, BOTH, dup(fd), 0), 0, "the last page");
	ok(memory_at(memory, UINT64_MAX, 1, BOTH), "and its last byte");
	ok(!memory_at(memory, UINT64_MAX, 2, BOTH), "not one more");
	is_s64(memory_unmap(memory, -(uint64_t)PAGE, 2 * PAGE), -EINVAL, "3.2 range wraps");
	close(fd);
	memory_free(memory);
}

static void test_overlap(void)
{
	struct memory *memory = memory_new();
	uint64_t before;

	is_s64(memory_map(memory, 4 * PAGE, 4 * PAGE, BOTH, -1, 0), 0, "3.1 no descriptor is good");
	before = memory_generation(memory);
	for (uint64_t page = 1; page < 8; page++)
		is_s64(memory_map(memory, page * PAGE, 4 * PAGE, BOTH, -1, 0), -EEXIST,
		       "3.1 overlap at page %" PRIu64, page);
	is_u64(memory_generation(memory), before, "what fails changes nothing");
	is_s64(memory_map(memory, 0, 4 * PAGE, BOTH, -1, 0), 0, "just before");
	is_s64(memory_map(memory, 8 * PAGE, PAGE, BOTH, -1, 0), 0, "just behind");
	is_s64(memory_unmap(memory, 5 * PAGE, PAGE), -EINVAL, "3.2 a part of a mapping");
	is_s64(memory_unmap(memory, 0, 6 * PAGE), -EINVAL, "3.2 one and a half");
	is_s64(memory_unmap(memory, 16 * PAGE, PAGE), -ENOENT, "3.2 nothing there");
	is_s64(memory_unmap(memory, 0, 8 * PAGE), 0, "3.2 two at once");
	is_s64(memory_unmap(memory, 0, 8 * PAGE), -ENOENT, "which are gone");
	is_s64(memory_unmap(memory, 8 * PAGE, PAGE), 0, "the third is not");
	memory_free(memory);
}

static void test_access(void)
{
	struct memory *memory = memory_new();
	int fd = file_of(8);
	uint8_t bytes[3 * PAGE], back[sizeof(bytes)];

	memset(bytes, 0x5a, sizeof(bytes));
	memory_map(memory, 0x10000, PAGE, BOTH, dup(fd), 5 * PAGE);
	memory_map(memory, 0x11000, PAGE, BOTH, dup(fd), 2 * PAGE);
	memory_map(memory, 0x12000, PAGE, BOTH, dup(fd), 7 * PAGE);
	memory_map(memory, 0x13000, PAGE, MEMORY_READ, dup(fd), 0);
	memory_map(memory, 0x14000, PAGE, BOTH, -1, 0);
	ok(memory_write(memory, 0x10800, bytes, 2 * PAGE), "6.4 a buffer over three pieces");
	ok(memory_read(memory, back, 0x10800, 2 * PAGE), "can be read");
	is_mem(back, bytes, 2 * PAGE, "and is the same");
	ok(pread(fd, back, 1, 2 * PAGE) == 1 && back[0] == 0x5a, "it is where the table says");
	ok(!memory_at(memory, 0x10800, PAGE, MEMORY_READ), "no pointer across two pieces");
	ok(memory_at(memory, 0x13000, PAGE, MEMORY_READ), "6.4 ROM can be read");
	ok(!memory_at(memory, 0x13000, 1, MEMORY_WRITE), "6.4 and not written");
	ok(!memory_at(memory, 0x14000, 1, MEMORY_READ), "6.4 no memory without a descriptor");
	ok(!memory_write(memory, 0x12800, bytes, PAGE), "no writing into ROM");
	ok(!memory_read(memory, back, 0x13800, PAGE), "no reading into a hole");
	ok(!memory_at(memory, 0xffff, 1, MEMORY_READ), "nothing before the first");
	ok(!memory_at(memory, 0x15000, 1, MEMORY_READ), "nothing behind the last");
	close(fd);
	memory_free(memory);
}

static void test_files(void)
{
	unsigned int before = descriptors();
	struct memory *memory = memory_new();
	int fd = file_of(2);
	uint8_t *at;

	ok(!memory_unshared(memory), "6.3 no memory yet");
	memory_map(memory, 0x100000, PAGE, BOTH, -1, 0);
	ok(memory_unshared(memory), "6.3 none of it is shared");
	memory_map(memory, 0, PAGE, BOTH, dup(fd), 0);
	ok(!memory_unshared(memory), "6.3 some is");
	memory_map(memory, PAGE, PAGE, BOTH, dup(fd), PAGE);
	is_u64(descriptors(), before + 2, "6.2 one descriptor a file");
	memory_write(memory, 0, "old", 4);
	if (ftruncate(fd, 16 * PAGE) < 0)
		abort();
	is_s64(memory_map(memory, 2 * PAGE, PAGE, BOTH, dup(fd), 15 * PAGE), 0, "the file grew");
	at = memory_at(memory, 0, 4, MEMORY_READ);
	ok(at && strcmp((char *)at, "old") == 0, "what was there still is");
	at = memory_at(memory, 2 * PAGE, PAGE, BOTH);
	ok(at && at[PAGE - 1] == 0, "and the new page, too");
	memory_unmap(memory, 0, 3 * PAGE);
	is_u64(descriptors(), before + 1, "6.6 the last range closes the file");
	is_s64(memory_map(memory, 0, PAGE, BOTH, dup(fd), 0), 0, "it can come again");
	close(fd);
	memory_free(memory);
	is_u64(descriptors(), before, "nothing stays open");
}

static void test_many(void)
{
	struct memory *memory = memory_new();
	int fd = file_of(1);
	unsigned int mapped = 0;

	/* From the top down and with holes, as behind a virtual IOMMU */
	for (uint64_t i = 65536; i > 0; i--)
		mapped += memory_map(memory, i * 2 * PAGE, PAGE, BOTH, dup(fd), 0) == 0;
	is_u64(mapped, 65535, "6.5 65535 mappings, and no more");
	ok(memory_at(memory, 40000 * 2 * (uint64_t)PAGE, 1, BOTH), "each of them is found");
	ok(!memory_at(memory, 40000 * 2 * (uint64_t)PAGE + PAGE, 1, BOTH), "and the holes are not");
	memory_clear(memory);
	ok(!memory_at(memory, 40000 * 2 * (uint64_t)PAGE, 1, BOTH), "6.6 and all can go at once");
	close(fd);
	memory_free(memory);
}

static void test_shrinking(void)
{
	struct memory *memory = memory_new();
	int fd = file_of(4);
	volatile uint8_t *at;

	is_s64(memory_guard(memory), 0, "SIGBUS is taken over");
	memory_map(memory, 0, 4 * PAGE, BOTH, dup(fd), 0);
	at = memory_at(memory, 2 * PAGE, PAGE, BOTH);
	at[5] = 1;
	if (ftruncate(fd, PAGE) < 0)
		abort();
	is_u64(at[5], 0, "7.3 a page that is gone reads as zeros");
	at[5] = 2;
	is_u64(at[5], 2, "7.3 and can be written");
	close(fd);
	memory_free(memory);
}

int main(void)
{
	test_arguments();
	test_overlap();
	test_access();
	test_files();
	test_many();
	test_shrinking();
	return done_testing();
}
