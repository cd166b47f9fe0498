// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pairs - the queue pairs that the guest has allocated
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Sizes and counts are the guest's words: everything is compared before it is added, and nothing
 * is allocated before the message holds as many pages as it says (vmci.md 12.2 S7, S8).
 */
#include <string.h>

#include "function.h"
#include "handle.h"
#include "memory.h"
#include "pairs.h"
#include "queue_pair.h"
#include "vmci/errors.h"
#include "vmci/regs.h"

struct entry {
	gint64 key;
	struct pair *pair;	/* NULL when it has ended and only its handle is left */
	__u64 bytes;
};

void pairs_init(struct function *function)
{
	function->pairs.by_handle = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL,
							  g_free);
}

void pairs_free(struct function *function)
{
	g_hash_table_destroy(function->pairs.by_handle);
}

unsigned int pairs_count(const struct function *function)
{
	return g_hash_table_size(function->pairs.by_handle);
}

void pairs_iter(struct function *function, GHashTableIter *iter)
{
	g_hash_table_iter_init(iter, function->pairs.by_handle);
}

struct pair *pairs_next(GHashTableIter *iter)
{
	gpointer entry;

	while (g_hash_table_iter_next(iter, NULL, &entry))
		if (((struct entry *)entry)->pair)
			return ((struct entry *)entry)->pair;
	return NULL;
}

/* Ends @entry's pair, if it has one still */
static void end(struct function *function, struct entry *entry)
{
	struct pair *pair = entry->pair;

	if (!pair)
		return;
	entry->pair = NULL;
	function->pairs.bytes -= entry->bytes;
	if (function->host)
		function->host->ops->pair_detach(function->host, pair);
	pair_free(pair);
}

void pairs_end(struct function *function)
{
	GHashTableIter iter;
	gpointer entry;

	g_hash_table_iter_init(&iter, function->pairs.by_handle);
	while (g_hash_table_iter_next(&iter, NULL, &entry))
		end(function, entry);
}

void pairs_reset(struct function *function)
{
	pairs_end(function);
	g_hash_table_remove_all(function->pairs.by_handle);
}

static __u64 pages_of(__u64 size, unsigned int shift)
{
	return (size >> shift) + ((size & ((1ull << shift) - 1)) != 0) + 1;
}

static __s32 check_sizes(const struct function *function, const struct vmci_qp_alloc_msg *message)
{
	__u64 produce = message->produce_size, consume = message->consume_size;
	__u64 limit = function->options.pair_memory;

	if (!produce && !consume)
		return VMCI_ERROR_INVALID_ARGS;
	if (produce > limit || consume > limit - produce ||
	    produce + consume > limit - function->pairs.bytes)
		return VMCI_ERROR_NO_RESOURCES;
	return VMCI_SUCCESS;
}

static bool good_handle(const struct function *function, struct vmci_handle handle)
{
	return handle.context == function->cid || handle.context == VMCI_HOST_CONTEXT_ID;
}

static __s32 check(const struct function *function, const struct vmci_qp_alloc_msg *message,
		   size_t width)
{
	unsigned int shift = function->regs.page_shift;
	__u64 count = message->ppn_count;
	__s32 result;

	if ((message->flags & ~VMCI_QP_ALL_FLAGS) || (message->flags & VMCI_QPFLAG_LOCAL) ||
	    message->handle.context == VMCI_INVALID_ID)
		return VMCI_ERROR_INVALID_ARGS;
	result = check_sizes(function, message);
	if (result < 0)
		return result;
	if (count != pages_of(message->produce_size, shift) +
		     pages_of(message->consume_size, shift) ||
	    message->hdr.payload_size != sizeof(*message) - sizeof(message->hdr) + width * count)
		return VMCI_ERROR_INVALID_ARGS;
	if (!good_handle(function, message->handle))
		return VMCI_ERROR_NO_ACCESS;
	if (pairs_count(function) >= function->options.pair_count)
		return VMCI_ERROR_NO_RESOURCES;
	if (!memory_enabled(function->memory))
		return VMCI_ERROR_UNAVAILABLE;
	return VMCI_SUCCESS;
}

/* The list as 64-bit numbers */
static __u64 *widen(const void *list, __u64 count, size_t width)
{
	__u64 *ppns = g_try_new(__u64, count);

	if (!ppns)
		return NULL;
	if (width == sizeof(*ppns)) {
		memcpy(ppns, list, count * width);
		return ppns;
	}
	for (__u64 i = 0; i < count; i++) {
		__u32 ppn;

		memcpy(&ppn, (const __u8 *)list + i * width, sizeof(ppn));
		ppns[i] = ppn;
	}
	return ppns;
}

static __s32 offer(struct function *function, struct pair *pair)
{
	if (!function->host)
		return VMCI_ERROR_UNAVAILABLE;
	return function->host->ops->pair_alloc(function->host, pair);
}

static __s32 add(struct function *function, const struct vmci_qp_alloc_msg *message,
		 struct pair *pair)
{
	struct entry *entry = g_new(struct entry, 1);
	__s32 result;

	entry->key = handle_key(message->handle);
	entry->pair = pair;
	entry->bytes = message->produce_size + message->consume_size;
	g_hash_table_insert(function->pairs.by_handle, &entry->key, entry);
	function->pairs.bytes += entry->bytes;
	result = offer(function, pair);
	if (result >= 0)
		return result;
	function->pairs.bytes -= entry->bytes;
	g_hash_table_remove(function->pairs.by_handle, &entry->key);
	pair_free(pair);
	return result;
}

__s32 pairs_alloc(struct function *function, const struct vmci_datagram *datagram)
{
	size_t width = function->regs.caps & VMCI_CAPS_PPN64 ? sizeof(__u64) : sizeof(__u32);
	struct vmci_qp_alloc_msg message;
	struct pair *pair;
	__u64 *ppns;
	__s32 result;
	gint64 key;

	memcpy(&message, datagram, sizeof(message));
	result = check(function, &message, width);
	if (result < 0)
		return result;
	key = handle_key(message.handle);
	if (g_hash_table_contains(function->pairs.by_handle, &key))
		return VMCI_ERROR_ALREADY_EXISTS;
	ppns = widen((const __u8 *)datagram + sizeof(message), message.ppn_count, width);
	if (!ppns)
		return VMCI_ERROR_NO_MEM;
	pair = pair_new(function->memory, function->regs.page_shift, &message, ppns, &result);
	g_free(ppns);
	return pair ? add(function, &message, pair) : result;
}

__s32 pairs_detach(struct function *function, struct vmci_handle handle)
{
	gint64 key = handle_key(handle);
	struct entry *entry = g_hash_table_lookup(function->pairs.by_handle, &key);

	if (!entry)
		return VMCI_ERROR_NOT_FOUND;
	end(function, entry);
	g_hash_table_remove(function->pairs.by_handle, &key);
	return VMCI_SUCCESS;
}
