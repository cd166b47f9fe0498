/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * user_pages.h - memory of a monitor that the kernel uses for long
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef VMSOCK_VMCI_USER_PAGES_H
#define VMSOCK_VMCI_USER_PAGES_H

#include <linux/types.h>

struct mm_struct;
struct page;

/**
 * struct vmci_user_range - pages that follow each other in a process
 * @address: in the first one
 * @count: how many
 */
struct vmci_user_range {
	u64 address;
	u64 count;
};

/**
 * struct vmci_user_pages - pages that are pinned
 * @pages: in the order of the ranges
 * @count: how many
 * @mm: whose limit of locked memory they count against
 */
struct vmci_user_pages {
	struct page **pages;
	u64 count;
	struct mm_struct *mm;
};

int vmci_user_pages_pin(struct vmci_user_pages *out, const struct vmci_user_range *ranges,
			unsigned int range_count);
void vmci_user_pages_unpin(struct vmci_user_pages *pinned);
struct page *vmci_user_page_pin(u64 address);

#endif /* VMSOCK_VMCI_USER_PAGES_H */
