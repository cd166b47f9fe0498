/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handle.h - handles as keys of hash tables
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef DEVICE_HANDLE_H
#define DEVICE_HANDLE_H

#include <glib.h>

#include "vmci/wire.h"

/* Not a handle at all (vmci.md 1.3) */
static inline gboolean handle_invalid(struct vmci_handle handle)
{
	return handle.context == VMCI_INVALID_ID && handle.resource == VMCI_INVALID_ID;
}

/* A key of g_int64_hash() and g_int64_equal() tables */
static inline gint64 handle_key(struct vmci_handle handle)
{
	return (gint64)((guint64)handle.context << 32 | handle.resource);
}

static inline struct vmci_handle handle_of_key(gint64 key)
{
	struct vmci_handle handle = {
		.context = (__u32)((guint64)key >> 32),
		.resource = (__u32)key,
	};

	return handle;
}

#endif /* DEVICE_HANDLE_H */
