// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * view - scattered pages of the guest side by side in this process
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A range of addresses is reserved, then covered piece by piece with the files of the guest's
 * memory.  Each piece is one of the mappings that the kernel limits (vm.max_map_count).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "view.h"

static bool follows(const struct view_run *run, const struct memory_place *place)
{
	return run->place.device == place->device && run->place.inode == place->inode &&
	       run->place.fd == place->fd && run->place.offset + run->length == place->offset;
}

static bool place_of(const struct view_pages *pages, __u64 index, struct memory_place *place)
{
	return pages->numbers[index] <= UINT64_MAX >> pages->shift &&
	       memory_find(pages->memory, pages->numbers[index] << pages->shift,
			   (size_t)1 << pages->shift, MEMORY_READ | MEMORY_WRITE, place);
}

/* The runs of @pages, at most @most; their number, or a negative errno */
static int find_runs(const struct view_pages *pages, struct view_run *runs, unsigned int most)
{
	unsigned int count = 0;

	for (__u64 i = 0; i < pages->count; i++) {
		struct memory_place place;

		if (!place_of(pages, i, &place))
			return -EFAULT;
		if (!count || !follows(&runs[count - 1], &place)) {
			if (count == most)
				return -ENOSPC;
			runs[count++] = (struct view_run){ .place = place };
		}
		runs[count - 1].length += (size_t)1 << pages->shift;
	}
	return (int)count;
}

static int map_runs(struct view *view)
{
	char *at = view->base;

	for (unsigned int i = 0; i < view->count; i++) {
		const struct view_run *run = &view->runs[i];

		if (mmap(at, run->length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			 run->place.fd, (off_t)run->place.offset) == MAP_FAILED)
			return -errno;
		at += run->length;
	}
	return 0;
}

static int reserve(struct view *view, size_t size)
{
	void *base = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			  0);

	if (base == MAP_FAILED)
		return -errno;
	view->base = base;
	view->size = size;
	return 0;
}

int view_open(struct view *view, const struct view_pages *pages, unsigned int most)
{
	int result;

	if (most > pages->count)
		most = (unsigned int)pages->count;
	view->runs = calloc(most ? most : 1, sizeof(*view->runs));
	if (!view->runs)
		return -ENOMEM;
	result = find_runs(pages, view->runs, most);
	if (result >= 0) {
		view->count = (unsigned int)result;
		result = reserve(view, pages->count << pages->shift);
	}
	if (!result)
		result = map_runs(view);
	if (result)
		view_close(view);
	return result;
}

void view_close(struct view *view)
{
	if (view->base)
		munmap(view->base, view->size);
	free(view->runs);
	memset(view, 0, sizeof(*view));
}

/* One step of view_current(): the piece of @view that @place should be */
static bool matches(const struct view *view, unsigned int *run, size_t *done,
		    const struct memory_place *place)
{
	const struct view_run *at;

	if (*done == view->runs[*run].length) {
		*done = 0;
		++*run;
	}
	at = &view->runs[*run];
	return at->place.device == place->device && at->place.inode == place->inode &&
	       at->place.offset + *done == place->offset;
}

bool view_current(const struct view *view, const struct view_pages *pages)
{
	unsigned int run = 0;
	size_t done = 0;

	for (__u64 i = 0; i < pages->count; i++) {
		struct memory_place place;

		if (!place_of(pages, i, &place) || !matches(view, &run, &done, &place))
			return false;
		done += (size_t)1 << pages->shift;
	}
	return true;
}
