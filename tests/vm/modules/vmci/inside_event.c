// SPDX-License-Identifier: GPL-2.0-only
/*
 * inside_event - event.c of vmci.ko, and its counter of ids
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "vmci/event.c"

#include "inside.h"

void set_last_subscription(u32 id)
{
	last_id = id;
}
