// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * doorbell - the doorbells of the guest, and the bitmap that tells which rang
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The bitmap is a page of the guest, found anew for each ring: its memory may be mapped elsewhere
 * by then.
 */
#include "doorbell.h"
#include "function.h"
#include "handle.h"
#include "memory.h"
#include "vmci/errors.h"
#include "vmci/regs.h"

struct link {
	gint64 key;
	__u64 index;
};

void doorbell_init(struct function *function)
{
	function->doorbells.indexes = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL,
							    g_free);
}

void doorbell_free(struct function *function)
{
	g_hash_table_destroy(function->doorbells.indexes);
}

static void tell_unlinked(struct function *function, struct vmci_handle handle)
{
	if (function->host)
		function->host->ops->doorbell_unlink(function->host, handle);
}

void doorbell_reset(struct function *function)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, function->doorbells.indexes);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct vmci_handle handle = handle_of_key(((struct link *)value)->key);

		g_hash_table_iter_remove(&iter);
		tell_unlinked(function, handle);
	}
	function->doorbells.bitmap = false;
}

/* All of the page must be there now, and can go away later */
static bool writable(struct function *function, __u64 address, __u64 size)
{
	for (__u64 done = 0; done < size; done += 4096)
		if (!memory_at(function->memory, address + done, 4096,
			       MEMORY_READ | MEMORY_WRITE))
			return false;
	return true;
}

__s32 doorbell_set_bitmap(struct function *function, __u64 ppn)
{
	unsigned int shift = function->regs.page_shift;
	__u64 address = ppn << shift, size = 1ull << shift;

	if (!memory_enabled(function->memory))
		return VMCI_ERROR_UNAVAILABLE;
	if (ppn > G_MAXUINT64 >> shift || !writable(function, address, size))
		return VMCI_ERROR_INVALID_ARGS;
	function->doorbells.bitmap = true;
	function->doorbells.bitmap_address = address;
	function->doorbells.bitmap_size = size;
	return VMCI_SUCCESS;
}

static struct link *find(struct function *function, struct vmci_handle handle)
{
	gint64 key = handle_key(handle);

	return g_hash_table_lookup(function->doorbells.indexes, &key);
}

__s32 doorbell_link(struct function *function, struct vmci_handle handle, __u64 index)
{
	GHashTable *indexes = function->doorbells.indexes;
	__u64 page = 1ull << function->regs.page_shift;
	struct link *link;

	if (handle_invalid(handle) || index >= page)
		return VMCI_ERROR_INVALID_ARGS;
	if (find(function, handle))
		return VMCI_ERROR_DUPLICATE_ENTRY;
	if (g_hash_table_size(indexes) >= page)
		return VMCI_ERROR_NO_MEM;
	link = g_new(struct link, 1);
	link->key = handle_key(handle);
	link->index = index;
	g_hash_table_insert(indexes, &link->key, link);
	if (function->host) {
		__s32 result = function->host->ops->doorbell_link(function->host, handle);

		if (result < 0) {
			g_hash_table_remove(indexes, &link->key);
			return result;
		}
	}
	return VMCI_SUCCESS;
}

__s32 doorbell_unlink(struct function *function, struct vmci_handle handle)
{
	gint64 key = handle_key(handle);

	if (handle_invalid(handle))
		return VMCI_ERROR_INVALID_ARGS;
	if (!g_hash_table_remove(function->doorbells.indexes, &key))
		return VMCI_ERROR_NOT_FOUND;
	tell_unlinked(function, handle);
	return VMCI_SUCCESS;
}

__s32 doorbell_notify(struct function *function, struct vmci_handle handle)
{
	if (handle_invalid(handle))
		return VMCI_ERROR_INVALID_ARGS;
	if (handle.context == VMCI_HOST_CONTEXT_ID && function->host)
		return function->host->ops->doorbell(function->host, handle);
	if (handle.context == function->cid)
		return doorbell_ring(function, handle);
	return VMCI_ERROR_NOT_FOUND;
}

__s32 doorbell_ring(struct function *function, struct vmci_handle handle)
{
	struct doorbells *doorbells = &function->doorbells;
	struct link *link = find(function, handle);
	__u8 *byte;

	if (!link)
		return VMCI_ERROR_NOT_FOUND;
	if (!doorbells->bitmap || link->index >= doorbells->bitmap_size)
		return VMCI_ERROR_UNAVAILABLE;
	byte = memory_at(function->memory, doorbells->bitmap_address + link->index, 1,
			 MEMORY_READ | MEMORY_WRITE);
	if (!byte)
		return VMCI_ERROR_UNAVAILABLE;
	function->stats.rings++;
	if (!(__atomic_fetch_or(byte, 1, __ATOMIC_ACQ_REL) & 1))
		cause_raise(function, VMCI_CAUSE_NOTIFICATION);
	return VMCI_SUCCESS;
}
