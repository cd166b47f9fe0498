/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * inside.h - counters of the copy of vmci.ko that its tests set, to be where they get in years
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef TESTS_VM_INSIDE_H
#define TESTS_VM_INSIDE_H

#include <linux/types.h>

void set_last_subscription(u32 id);
void set_next_resource(u32 id);

#endif /* TESTS_VM_INSIDE_H */
