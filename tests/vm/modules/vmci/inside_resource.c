// SPDX-License-Identifier: GPL-2.0-only
/*
 * inside_resource - resource.c of vmci.ko, and its counter of ids
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "vmci/resource.c"

#include "inside.h"

void set_next_resource(u32 id)
{
	next_id = id;
}
