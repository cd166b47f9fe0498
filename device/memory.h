/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * memory.h - the guest's memory: which of its addresses lie where in which shared file
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vfio-user.md section 6.  Knows neither vfio-user nor VMCI.
 */
#ifndef DEVICE_MEMORY_H
#define DEVICE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct memory;

#define MEMORY_READ	1u
#define MEMORY_WRITE	2u

struct memory *memory_new(void);
void memory_free(struct memory *memory);

/**
 * memory_map() - the guest has memory at these addresses
 * @memory: of one VM
 * @address: first byte as the device addresses it
 * @size: bytes; both are multiples of 4096
 * @flags: MEMORY_READ and MEMORY_WRITE
 * @fd: file that backs the range, -1 for memory that cannot be accessed; becomes @memory's,
 *	also when this fails
 * @offset: of the range in the file
 *
 * Return: 0, or a negative errno: -EINVAL, -EEXIST when it overlaps another, -ENOSPC, -ENOMEM.
 */
int memory_map(struct memory *memory, uint64_t address, uint64_t size, unsigned int flags, int fd,
	       uint64_t offset);

/**
 * memory_unmap() - these addresses are no longer there
 * @memory: of one VM
 * @address: first byte
 * @size: bytes; whole mappings, one or several
 *
 * Return: 0, or -ENOENT when nothing is mapped there, -EINVAL when it would cut a mapping.
 */
int memory_unmap(struct memory *memory, uint64_t address, uint64_t size);

/* Takes away all mappings */
void memory_clear(struct memory *memory);

/**
 * memory_at() - where a piece of the guest's memory is in this process
 * @memory: of one VM
 * @address: first byte
 * @length: bytes; all in one mapping, so ask for a page at most
 * @flags: what it is for
 *
 * The pointer is good until the next call that maps or unmaps.  What lies there may change
 * at any time: read once, check, use the copy (vmci.md 12.2).
 *
 * Return: the pointer, or NULL when some of it is not accessible.
 */
void *memory_at(struct memory *memory, uint64_t address, size_t length, unsigned int flags);

/* Where a piece of the guest's memory lies, for who maps it himself */
struct memory_place {
	dev_t device;
	ino_t inode;		/* of a file; both tell it from others while it is used */
	int fd;			/* of the memory: good as long as the pointer of memory_at() */
	uint64_t offset;	/* in the file */
};

/* As memory_at(); false when some of it is not accessible */
bool memory_find(struct memory *memory, uint64_t address, size_t length, unsigned int flags,
		 struct memory_place *place);

/* Copies across mappings; false, and perhaps a part copied, when some of it is not accessible */
bool memory_read(struct memory *memory, void *to, uint64_t address, size_t length);
bool memory_write(struct memory *memory, uint64_t address, const void *from, size_t length);

/**
 * memory_enable() - may memory be accessed at all?
 * @memory: of one VM
 * @enabled: while the guest has bus mastering on; so at first
 *
 * Mappings come and go all the same.
 */
void memory_enable(struct memory *memory, bool enabled);
bool memory_enabled(const struct memory *memory);

/*
 * Counts the calls that mapped or unmapped, or changed whether there is access: a pointer taken
 * at another count is stale.
 */
uint64_t memory_generation(const struct memory *memory);

/* Is there memory that can be written, but none that is shared (vfio-user.md 6.3)? */
bool memory_unshared(const struct memory *memory);

/* Is there memory from @address on, and is all of it, up to @length bytes, zeros? */
bool memory_blank(struct memory *memory, uint64_t address, size_t length);

/**
 * memory_guard() - survive that a file of the guest's memory becomes shorter
 * @memory: of the only VM of this process
 *
 * Takes over SIGBUS.  Pages that are gone read as zeros from then on.
 *
 * Return: 0, or a negative errno.
 */
int memory_guard(struct memory *memory);

#endif /* DEVICE_MEMORY_H */
