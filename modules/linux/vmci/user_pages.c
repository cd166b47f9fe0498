// SPDX-License-Identifier: GPL-2.0-only
/*
 * user_pages.c - memory of a monitor that the kernel uses for long
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The pages are pinned for writing and for long, so that none stays where memory must be
 * movable and none belongs to a file whose storage would not notice; and they count against
 * the locked memory of the process (RLIMIT_MEMLOCK).
 */
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include <vmci/errors.h>

#include "user_pages.h"

#define PIN_FLAGS (FOLL_WRITE | FOLL_LONGTERM)

/* Addresses are 64 bits wide for whatever caller */
static bool is_possible(const struct vmci_user_range *range)
{
	return range->address <= ULONG_MAX &&
	       range->count <= (ULONG_MAX - range->address) >> PAGE_SHIFT;
}

static bool pin_range(const struct vmci_user_range *range, struct page **pages, u64 *pinned)
{
	unsigned long start = range->address & PAGE_MASK;
	u64 done = 0;

	if (!is_possible(range))
		return false;
	while (done < range->count) {
		int count = min_t(u64, range->count - done, INT_MAX);

		count = pin_user_pages_fast(start + (done << PAGE_SHIFT), count, PIN_FLAGS,
					    pages + done);
		if (count <= 0)
			break;
		done += count;
		*pinned += count;
	}
	return done == range->count;
}

static bool pin_all(struct vmci_user_pages *out, const struct vmci_user_range *ranges,
		    unsigned int range_count)
{
	u64 pinned = 0;
	unsigned int i;

	for (i = 0; i < range_count; i++) {
		if (!pin_range(&ranges[i], out->pages + pinned, &pinned)) {
			unpin_user_pages(out->pages, pinned);
			return false;
		}
	}
	return true;
}

/**
 * vmci_user_pages_pin() - pin pages of the current process
 * @out: filled in on success
 * @ranges: where they are; an address need not be that of a page's first byte
 * @range_count: how many
 *
 * Context: process context, may sleep as long as user memory needs to come in; killable.
 * Return: VMCI_SUCCESS; NO_RESOURCES over the limit of locked memory; NO_MEM when they
 * cannot be pinned.
 */
int vmci_user_pages_pin(struct vmci_user_pages *out, const struct vmci_user_range *ranges,
			unsigned int range_count)
{
	struct vmci_user_pages new = { .mm = current->mm };
	unsigned int i;

	for (i = 0; i < range_count; i++)
		new.count += ranges[i].count;
	new.pages = kvmalloc_array(new.count, sizeof(*new.pages),
				   GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!new.pages)
		return VMCI_ERROR_NO_MEM;
	if (account_locked_vm(new.mm, new.count, true)) {
		kvfree(new.pages);
		return VMCI_ERROR_NO_RESOURCES;
	}
	if (!pin_all(&new, ranges, range_count)) {
		account_locked_vm(new.mm, new.count, false);
		kvfree(new.pages);
		return VMCI_ERROR_NO_MEM;
	}
	mmgrab(new.mm);
	*out = new;
	return VMCI_SUCCESS;
}

/**
 * vmci_user_pages_unpin() - the kernel does not use them any more
 * @pinned: all zero afterwards; nothing happens if it is already
 *
 * Context: process context, may sleep.
 */
void vmci_user_pages_unpin(struct vmci_user_pages *pinned)
{
	if (!pinned->pages)
		return;
	unpin_user_pages_dirty_lock(pinned->pages, pinned->count, true);
	account_locked_vm(pinned->mm, pinned->count, false);
	mmdrop(pinned->mm);
	kvfree(pinned->pages);
	*pinned = (struct vmci_user_pages){};
}

/**
 * vmci_user_page_pin() - pin one page of the current process
 * @address: in it
 *
 * Return: the page, which unpin_user_pages_dirty_lock() releases, or NULL.
 */
struct page *vmci_user_page_pin(u64 address)
{
	struct vmci_user_range range = { address, 1 };
	struct page *page = NULL;
	u64 pinned = 0;

	return pin_range(&range, &page, &pinned) ? page : NULL;
}
