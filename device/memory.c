// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * memory - the guest's memory: which of its addresses lie where in which shared file
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vfio-user.md section 6.2.  QEMU maps and unmaps pieces of the same few files all the time, so
 * each file is mapped once and whole; a piece of the guest's memory is an entry of a sorted table.
 * Descriptors stay as many as there are files, and behind a virtual IOMMU, where each page is
 * a piece of its own, a lookup is a binary search.
 *
 * A file that is made shorter while it is mapped kills who touches what is gone (SIGBUS).
 * memory_guard() has such pages replaced by zeros.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"

#define GRANULE		4096u
#define RANGES_MAX	65535u
#define FILES_MAX	64u

struct file {
	dev_t device;
	ino_t inode;
	bool writable;
	unsigned int ranges;	/* that lie in it; unused when there are none */
	int fd;
	uint8_t *base;
	uint64_t size;
};

struct range {
	uint64_t address;
	uint64_t size;
	uint64_t offset;
	unsigned int flags;
	int file;		/* index, or -1: known, but not accessible */
};

struct memory {
	struct range *ranges;	/* by address */
	size_t count;
	size_t room;
	uint64_t generation;
	bool enabled;
	struct file files[FILES_MAX];
};

/* Whose pages memory_guard() replaces: a process has one VM */
static struct memory *guarded;

struct memory *memory_new(void)
{
	struct memory *memory = calloc(1, sizeof(*memory));

	if (memory)
		memory->enabled = true;
	return memory;
}

void memory_free(struct memory *memory)
{
	if (!memory)
		return;
	memory_clear(memory);
	if (guarded == memory)
		guarded = NULL;
	free(memory->ranges);
	free(memory);
}

static void file_close(struct file *file)
{
	munmap(file->base, file->size);
	close(file->fd);
	memset(file, 0, sizeof(*file));
}

static void file_unref(struct memory *memory, int index)
{
	if (index >= 0 && --memory->files[index].ranges == 0)
		file_close(&memory->files[index]);
}

static int file_find(const struct memory *memory, const struct stat *status, bool writable)
{
	for (unsigned int i = 0; i < FILES_MAX; i++) {
		const struct file *file = &memory->files[i];

		if (file->ranges && file->device == status->st_dev &&
		    file->inode == status->st_ino && file->writable == writable)
			return (int)i;
	}
	return -ENOENT;
}

static int file_unused(const struct memory *memory)
{
	for (unsigned int i = 0; i < FILES_MAX; i++)
		if (!memory->files[i].ranges)
			return (int)i;
	return -ENOSPC;
}

static void *map_whole(int fd, uint64_t size, bool writable)
{
	void *base = mmap(NULL, size, writable ? PROT_READ | PROT_WRITE : PROT_READ,
			  MAP_SHARED | MAP_NORESERVE, fd, 0);

	return base == MAP_FAILED ? NULL : base;
}

/* The file has become longer since it was mapped */
static int file_grow(struct file *file, uint64_t size)
{
	uint8_t *base = map_whole(file->fd, size, file->writable);

	if (!base)
		return -ENOMEM;
	munmap(file->base, file->size);
	file->base = base;
	file->size = size;
	return 0;
}

static int file_open(struct memory *memory, const struct stat *status, bool writable, int fd)
{
	int index = file_unused(memory);
	struct file *file;

	if (index < 0)
		return index;
	file = &memory->files[index];
	file->base = map_whole(fd, (uint64_t)status->st_size, writable);
	if (!file->base)
		return -ENOMEM;
	file->device = status->st_dev;
	file->inode = status->st_ino;
	file->writable = writable;
	file->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	file->size = (uint64_t)status->st_size;
	if (file->fd < 0) {
		munmap(file->base, file->size);
		return -ENOSPC;
	}
	return index;
}

/* The entry for @fd with a reference for one range more; @fd itself may be closed then */
static int file_ref(struct memory *memory, int fd, uint64_t end)
{
	struct stat status;
	int mode = fcntl(fd, F_GETFL), index;
	bool writable = mode >= 0 && (mode & O_ACCMODE) == O_RDWR;

	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size <= 0 ||
	    end > (uint64_t)status.st_size)
		return -EINVAL;
	index = file_find(memory, &status, writable);
	if (index < 0)
		index = file_open(memory, &status, writable, fd);
	else if (end > memory->files[index].size &&
		 file_grow(&memory->files[index], (uint64_t)status.st_size) < 0)
		index = -ENOMEM;
	if (index >= 0)
		memory->files[index].ranges++;
	return index;
}

/* Index of the first range that ends behind @address */
static size_t range_find(const struct memory *memory, uint64_t address)
{
	size_t low = 0, high = memory->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct range *range = &memory->ranges[middle];

		if (range->address + (range->size - 1) < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int make_room(struct memory *memory)
{
	size_t room = memory->room ? 2 * memory->room : 64;
	struct range *ranges;

	if (memory->count >= RANGES_MAX)
		return -ENOSPC;
	if (memory->count < memory->room)
		return 0;
	ranges = realloc(memory->ranges, room * sizeof(*ranges));
	if (!ranges)
		return -ENOMEM;
	memory->ranges = ranges;
	memory->room = room;
	return 0;
}

static bool good_range(uint64_t address, uint64_t size)
{
	return size && !(size % GRANULE) && !(address % GRANULE) &&
	       size - 1 <= UINT64_MAX - address;
}

/* @fd stays the caller's */
static int map_range(struct memory *memory, struct range *range, int fd)
{
	size_t at = range_find(memory, range->address);
	uint64_t last = range->address + (range->size - 1);
	int error;

	if (at < memory->count && memory->ranges[at].address <= last)
		return -EEXIST;
	error = make_room(memory);
	if (error)
		return error;
	range->file = -1;
	if (fd >= 0) {
		range->file = file_ref(memory, fd, range->offset + range->size);
		if (range->file < 0)
			return range->file;
	}
	memmove(&memory->ranges[at + 1], &memory->ranges[at],
		(memory->count - at) * sizeof(*range));
	memory->ranges[at] = *range;
	memory->count++;
	memory->generation++;
	return 0;
}

int memory_map(struct memory *memory, uint64_t address, uint64_t size, unsigned int flags, int fd,
	       uint64_t offset)
{
	struct range range = { .address = address, .size = size, .offset = offset, .flags = flags };
	int error = -EINVAL;

	if (good_range(address, size) && !(offset % GRANULE) && size <= UINT64_MAX - offset)
		error = map_range(memory, &range, fd);
	if (fd >= 0)
		close(fd);
	return error;
}

int memory_unmap(struct memory *memory, uint64_t address, uint64_t size)
{
	size_t first, end;
	uint64_t last;

	if (!good_range(address, size))
		return -EINVAL;
	last = address + (size - 1);
	first = end = range_find(memory, address);
	for (; end < memory->count && memory->ranges[end].address <= last; end++) {
		const struct range *range = &memory->ranges[end];

		if (range->address < address || range->address + (range->size - 1) > last)
			return -EINVAL;
	}
	if (first == end)
		return -ENOENT;
	for (size_t i = first; i < end; i++)
		file_unref(memory, memory->ranges[i].file);
	memmove(&memory->ranges[first], &memory->ranges[end],
		(memory->count - end) * sizeof(struct range));
	memory->count -= end - first;
	memory->generation++;
	return 0;
}

void memory_clear(struct memory *memory)
{
	for (size_t i = 0; i < memory->count; i++)
		file_unref(memory, memory->ranges[i].file);
	memory->count = 0;
	memory->generation++;
}

/* The file that has all of the piece, and in @offset where; NULL when it is not accessible */
static const struct file *locate(struct memory *memory, uint64_t address, size_t length,
				 unsigned int flags, uint64_t *offset)
{
	size_t at = range_find(memory, address);
	const struct range *range = &memory->ranges[at];
	const struct file *file;
	uint64_t skip;

	if (!memory->enabled || at == memory->count || range->address > address || range->file < 0)
		return NULL;
	file = &memory->files[range->file];
	skip = address - range->address;
	if (length > range->size - skip || (range->flags & flags) != flags ||
	    ((flags & MEMORY_WRITE) && !file->writable))
		return NULL;
	*offset = range->offset + skip;
	return file;
}

void *memory_at(struct memory *memory, uint64_t address, size_t length, unsigned int flags)
{
	uint64_t offset;
	const struct file *file = locate(memory, address, length, flags, &offset);

	return file ? file->base + offset : NULL;
}

bool memory_find(struct memory *memory, uint64_t address, size_t length, unsigned int flags,
		 struct memory_place *place)
{
	uint64_t offset;
	const struct file *file = locate(memory, address, length, flags, &offset);

	if (!file)
		return false;
	*place = (struct memory_place){ file->device, file->inode, file->fd, offset };
	return true;
}

/* From @address, the bytes up to the end of its granule, at most @length */
static size_t step(uint64_t address, size_t length)
{
	size_t left = GRANULE - (size_t)(address % GRANULE);

	return left < length ? left : length;
}

bool memory_read(struct memory *memory, void *to, uint64_t address, size_t length)
{
	uint8_t *bytes = to;

	while (length) {
		size_t piece = step(address, length);
		const void *from = memory_at(memory, address, piece, MEMORY_READ);

		if (!from)
			return false;
		memcpy(bytes, from, piece);
		bytes += piece;
		address += piece;
		length -= piece;
	}
	return true;
}

bool memory_write(struct memory *memory, uint64_t address, const void *from, size_t length)
{
	const uint8_t *bytes = from;

	while (length) {
		size_t piece = step(address, length);
		void *to = memory_at(memory, address, piece, MEMORY_WRITE);

		if (!to)
			return false;
		memcpy(to, bytes, piece);
		bytes += piece;
		address += piece;
		length -= piece;
	}
	return true;
}

void memory_enable(struct memory *memory, bool enabled)
{
	if (memory->enabled != enabled)
		memory->generation++;
	memory->enabled = enabled;
}

bool memory_enabled(const struct memory *memory)
{
	return memory->enabled;
}

uint64_t memory_generation(const struct memory *memory)
{
	return memory->generation;
}

bool memory_unshared(const struct memory *memory)
{
	bool writable = false;

	for (size_t i = 0; i < memory->count; i++) {
		if (memory->ranges[i].file >= 0)
			return false;
		writable |= memory->ranges[i].flags & MEMORY_WRITE;
	}
	return writable;
}

static bool all_zeros(const uint8_t *bytes, size_t length)
{
	return !bytes[0] && !memcmp(bytes, bytes + 1, length - 1);
}

bool memory_blank(struct memory *memory, uint64_t address, size_t length)
{
	bool found = false;

	while (length) {
		size_t piece = step(address, length);
		const uint8_t *bytes = memory_at(memory, address, piece, MEMORY_READ);

		if (bytes && !all_zeros(bytes, piece))
			return false;
		found |= bytes != NULL;
		address += piece;
		length -= piece;
	}
	return found;
}

/* Signal handler: only system calls here, and reading what the interrupted thread has */
static void replace_page(int number, siginfo_t *info, void *context)
{
	uint8_t *address = info->si_addr;

	(void)context;
	for (unsigned int i = 0; guarded && i < FILES_MAX; i++) {
		const struct file *file = &guarded->files[i];
		void *page = (void *)((uintptr_t)address & ~(uintptr_t)(GRANULE - 1));

		if (file->base && address >= file->base && address < file->base + file->size &&
		    mmap(page, GRANULE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED)
			return;
	}
	signal(number, SIG_DFL);
}

int memory_guard(struct memory *memory)
{
	struct sigaction action = { .sa_sigaction = replace_page, .sa_flags = SA_SIGINFO };

	guarded = memory;
	return sigaction(SIGBUS, &action, NULL) < 0 ? -errno : 0;
}
