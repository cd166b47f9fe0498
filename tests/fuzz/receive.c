// SPDX-License-Identifier: GPL-2.0-or-later
/* receive.c - fuzz target: what a device may deliver (vmci.md 3.7, 12.2 S24)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The first byte chooses the channel, the others are what the device delivers, over and over.
 * Whatever it is, reads stay in the buffer, what is found has been read and is not found twice,
 * and between two reads a pass comes to an end.
 */
#include <common/receive.h>

#include "fuzz.h"

#define WINDOW		64u
#define CAPACITY	(8 * WINDOW)
#define MOST_READS	64

static void fill(uint8_t *buffer, struct vmci_receive *pass, const uint8_t *data, size_t size,
		 size_t *taken)
{
	require(pass->offset == pass->kept && pass->length > 0);
	require(pass->offset + pass->length <= CAPACITY && pass->from + pass->kept <= CAPACITY);
	require(pass->offset + pass->length == pass->valid);
	memmove(buffer, buffer + pass->from, pass->kept);
	for (uint32_t i = 0; i < pass->length; i++)
		buffer[pass->offset + i] = data[(*taken)++ % size];
	vmci_receive_filled(pass);
}

/* Where the search may go on after what was found, so that nothing is seen twice */
static uint32_t check(const struct vmci_receive *pass, const struct vmci_datagram *header,
		      uint32_t offset, uint32_t from)
{
	uint64_t end = offset + sizeof(*header) + header->payload_size;

	require(offset >= from && offset % VMCI_DG_ALIGNMENT == 0);
	require(header->payload_size <= CAPACITY && end <= CAPACITY);
	require(pass->length || (pass->at >= end && pass->at + sizeof(*header) <= pass->valid));
	return (uint32_t)end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t window, offset, end = 0, reads = 0, steps = 0;
	static uint8_t buffer[CAPACITY];
	enum vmci_receive_result found;
	struct vmci_datagram header;
	struct vmci_receive pass;
	size_t taken = 0;

	if (size < 2)
		return 0;
	window = data[0] & 1 ? WINDOW : 0;
	memset(buffer, 0, sizeof(buffer));
	vmci_receive_begin(&pass, window, CAPACITY);
	do {
		if (pass.length) {
			if (++reads > MOST_READS)
				break;
			fill(buffer, &pass, data + 1, size - 1, &taken);
			end = steps = 0;
		}
		require(pass.at + sizeof(header) <= pass.valid && ++steps <= CAPACITY);
		memcpy(&header, buffer + pass.at, sizeof(header));
		found = vmci_receive_next(&pass, &header, &offset);
		if (found == VMCI_RECEIVE_DATAGRAM)
			end = check(&pass, &header, offset, end);
	} while (found <= VMCI_RECEIVE_DATAGRAM);
	return 0;
}
