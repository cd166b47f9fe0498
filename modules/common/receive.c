// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * receive.c - finds the datagrams in what a VMCI device delivers
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Steps are those of vmci.md 3.7.  Where that would read on behind a datagram larger than any
 * can be, the pass ends (vmci.md 12.2 S24): such a header is not one.
 */
#include "common/receive.h"

static const __u32 header_size = sizeof(struct vmci_datagram);

static __u32 left(const struct vmci_receive *pass)
{
	return pass->valid - pass->at;
}

/* Steps 6 and 8: keep what is there of a datagram, and fill the buffer behind it */
static void ask(struct vmci_receive *pass, __u32 kept, __u32 valid)
{
	pass->from = pass->at;
	pass->kept = kept;
	pass->offset = kept;
	pass->length = valid - kept;
	pass->valid = valid;
	pass->at = 0;
}

/* Step 3: the device has filled up its window, and may have begun the next */
static enum vmci_receive_result next_window(struct vmci_receive *pass)
{
	if (!pass->window || left(pass) <= pass->window)
		return VMCI_RECEIVE_END;
	pass->at += pass->window - pass->at % pass->window;
	return left(pass) < header_size ? VMCI_RECEIVE_END : VMCI_RECEIVE_AGAIN;
}

void vmci_receive_begin(struct vmci_receive *pass, __u32 window, __u32 capacity)
{
	pass->window = window;
	pass->capacity = capacity;
	pass->at = 0;
	ask(pass, 0, window ? window : capacity);
}

void vmci_receive_filled(struct vmci_receive *pass)
{
	pass->length = 0;
}

enum vmci_receive_result vmci_receive_next(struct vmci_receive *pass,
					   const struct vmci_datagram *header, __u32 *offset)
{
	__u32 needed;

	if (header->dst.resource == VMCI_INVALID_ID)
		return next_window(pass);
	if (header->payload_size > pass->capacity - header_size)
		return VMCI_RECEIVE_BROKEN;
	needed = header_size + (__u32)header->payload_size;
	needed = (needed + VMCI_DG_ALIGNMENT - 1) & ~(VMCI_DG_ALIGNMENT - 1);
	if (needed > left(pass)) {
		ask(pass, left(pass), pass->capacity);
		return VMCI_RECEIVE_AGAIN;
	}
	*offset = pass->at;
	pass->at += needed;
	if (left(pass) < header_size)
		ask(pass, 0, pass->valid);
	return VMCI_RECEIVE_DATAGRAM;
}
