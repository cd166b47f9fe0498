// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hypercall - fuzz target: messages to the hypervisor, lists of pages above all (vmci.md 4)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A message is made as a driver would, with fields that the input chooses; between messages the
 * input writes to queue headers that are in use.
 */
#include "datagram.h"
#include "device.h"
#include "fuzz.h"
#include "vmci/errors.h"
#include "vmci/regs.h"

#define PAGES	(RAM_SIZE / 4096)

union message {
	struct vmci_datagram hdr;
	struct vmci_resources_query_msg query;
	struct vmci_set_notify_bitmap_msg bitmap;
	struct vmci_doorbell_link_msg link;
	struct vmci_handle_msg handle;
	struct vmci_qp_alloc_msg alloc;
	uint8_t bytes[sizeof(struct vmci_qp_alloc_msg) + 256 * 8];
};

/* Few handles, so that they meet again */
static struct vmci_handle take_handle(struct input *in)
{
	static const uint32_t contexts[] = { 42, 2, 0xffffffff, 0, 43 };
	struct vmci_handle handle = {
		.context = contexts[take(in, 1) % 5],
		.resource = 0xffffffff << take(in, 1) % 4 * 8,
	};

	return handle;
}

/* The list of a pair: pages of RAM in a row, but for one perhaps */
static size_t fill_pages(struct machine *machine, struct input *in, union message *message)
{
	size_t width = machine->function->regs.caps & VMCI_CAPS_PPN64 ? 8 : 4;
	uint64_t count = message->alloc.ppn_count, first = take(in, 1), odd = take(in, 1);

	for (uint64_t i = 0; i < count && i < 256; i++) {
		uint64_t ppn = i == odd ? take(in, 8) : (first + i) % PAGES;

		memcpy(message->bytes + sizeof(message->alloc) + i * width, &ppn, width);
	}
	return sizeof(message->alloc) + (count < 256 ? count : 256) * width;
}

static uint64_t pages(uint64_t size, unsigned int shift)
{
	return (size >> shift) + ((size & ((1ull << shift) - 1)) != 0) + 1;
}

static size_t make_alloc(struct machine *machine, struct input *in, union message *message)
{
	unsigned int shift = machine->function->regs.page_shift;
	struct vmci_qp_alloc_msg *alloc = &message->alloc;

	alloc->handle = take_handle(in);
	alloc->peer = 2;
	alloc->flags = (uint32_t)take(in, 1) % 32;
	alloc->produce_size = take_size(in);
	alloc->consume_size = take_size(in);
	alloc->ppn_count = pages(alloc->produce_size, shift) + pages(alloc->consume_size, shift);
	if (take(in, 1) == 255)
		alloc->ppn_count = take(in, 8);
	return fill_pages(machine, in, message);
}

static size_t make_query(struct input *in, union message *message)
{
	message->query.count = (uint32_t)take(in, 1);
	for (size_t i = 0; i < 40; i++)
		message->bytes[sizeof(message->query) + 4 * i] = (uint8_t)take(in, 1);
	return sizeof(message->query) + take(in, 1) % 160;
}

static size_t make(struct machine *machine, struct input *in, union message *message)
{
	switch (message->hdr.dst.resource) {
	case VMCI_RESOURCES_QUERY:
		return make_query(in, message);
	case VMCI_SET_NOTIFY_BITMAP:
		message->bitmap.bitmap_ppn = take_size(in);
		return sizeof(message->bitmap);
	case VMCI_DOORBELL_LINK:
		message->link.handle = take_handle(in);
		message->link.notify_index = take_size(in);
		return sizeof(message->link);
	case VMCI_QUEUEPAIR_ALLOC:
		return make_alloc(machine, in, message);
	default:
		message->handle.handle = take_handle(in);
		return sizeof(message->handle);
	}
}

static void send_one(struct machine *machine, struct input *in)
{
	static const uint32_t contexts[] = { 0, 0, 0, 0, 2, 42, 1, 0xffffffff };
	union message *message = g_new0(union message, 1);
	size_t size;
	int64_t result;

	message->hdr.dst.context = contexts[take(in, 1) % 8];
	message->hdr.dst.resource = (uint32_t)take(in, 1) % 18;
	message->hdr.src.context = take(in, 1) % 8 ? 0xffffffff : 42;
	size = make(machine, in, message);
	message->hdr.payload_size = size - sizeof(message->hdr);
	if (take(in, 1) == 255)
		message->hdr.payload_size = take(in, 8);
	/* In a buffer of just that size */
	message = g_realloc(message, size);
	result = datagram_send(machine->function, &message->hdr, size);
	require(result >= VMCI_ERROR_LAST && result <= INT32_MAX);
	g_free(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct machine *machine = machine_new((uint32_t)take(&in, 1));

	while (in.left) {
		uint64_t step = take(&in, 1);

		if (step < 224) {
			send_one(machine, &in);
		} else if (step < 240) {
			uint64_t page = take(&in, 1) % (ROM_AT / 4096), value = take_size(&in);

			memcpy(machine->ram + page * 4096 + 8 * (1 + step % 2), &value, 8);
		} else {
			machine_set(machine, VMCI_REG_GUEST_PAGE_SHIFT,
				    (uint32_t)take(&in, 1) % 20);
		}
		machine_check(machine);
	}
	machine_free(machine);
	return 0;
}
