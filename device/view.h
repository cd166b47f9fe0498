/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * view.h - scattered pages of the guest side by side in this process
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vfio-user.md 6.7.  For a kernel that takes the pages of a queue pair as one range of addresses
 * (vmci.md 5.9).  Nothing here reads or writes them.
 */
#ifndef DEVICE_VIEW_H
#define DEVICE_VIEW_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "memory.h"

/* Pages that are neighbours in their file, too, are one mapping */
struct view_run {
	struct memory_place place;
	size_t length;
};

struct view {
	void *base;		/* NULL while there is none */
	size_t size;
	struct view_run *runs;
	unsigned int count;
};

/* Pages of a guest, by number */
struct view_pages {
	struct memory *memory;
	const __u64 *numbers;
	__u64 count;
	unsigned int shift;	/* log2 of the size of a page */
};

/**
 * view_open() - map pages in the order of their list
 * @view: has none yet
 * @pages: which
 * @most: mappings that this may cost
 *
 * Return: 0, or a negative errno: -EFAULT when a page is no memory, -ENOSPC when more than @most
 * mappings would be needed, -ENOMEM, -EINVAL when the file has larger pages.
 */
int view_open(struct view *view, const struct view_pages *pages, unsigned int most);
void view_close(struct view *view);

/* Does @view still show what is at these pages of the guest? */
bool view_current(const struct view *view, const struct view_pages *pages);

#endif /* DEVICE_VIEW_H */
