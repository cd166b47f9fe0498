// SPDX-License-Identifier: GPL-2.0-or-later
/* receive-test.c - what a device delivers, taken apart (vmci.md 3.7, 3.8, 12.2 S24)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A device is a row of bytes that reads take from; what the passes find in it is compared with
 * what was put there.
 */
#include <common/receive.h>

#include "vector.h"

#define PAGE		4096u
#define CAPACITY	VMCI_MAX_DG_SIZE
#define MOST		64

/* --- a driver over a row of bytes --------------------------------------------------------- */

static struct {
	const uint8_t *bytes;
	size_t length, taken;
	unsigned int reads;
} device;

static struct {
	struct vmci_datagram headers[MOST];
	uint8_t first[MOST], last[MOST];	/* byte of the payload */
	unsigned int count;
	enum vmci_receive_result end;
} found;

static uint8_t buffer[CAPACITY];

/* Behind its last byte a device has nothing but filler */
static void take(uint8_t *to, uint32_t length)
{
	size_t there = device.length - device.taken;

	if (there > length)
		there = length;
	memcpy(to, device.bytes + device.taken, there);
	memset(to + there, 0xff, length - there);
	device.taken += there;
	device.reads++;
}

static void fill(struct vmci_receive *pass)
{
	memmove(buffer, buffer + pass->from, pass->kept);
	take(buffer + pass->offset, pass->length);
	vmci_receive_filled(pass);
}

static void note(const struct vmci_datagram *header, uint32_t offset)
{
	const uint8_t *payload = buffer + offset + sizeof(*header);

	if (found.count == MOST)
		return;
	found.headers[found.count] = *header;
	found.first[found.count] = header->payload_size ? payload[0] : 0;
	found.last[found.count] = header->payload_size ? payload[header->payload_size - 1] : 0;
	found.count++;
}

static void receive(const uint8_t *bytes, size_t length, uint32_t window)
{
	struct vmci_datagram header;
	struct vmci_receive pass;
	uint32_t offset;

	device.bytes = bytes;
	device.length = length;
	device.taken = 0;
	device.reads = 0;
	memset(&found, 0, sizeof(found));
	vmci_receive_begin(&pass, window, CAPACITY);
	do {
		if (pass.length)
			fill(&pass);
		memcpy(&header, buffer + pass.at, sizeof(header));
		found.end = vmci_receive_next(&pass, &header, &offset);
		if (found.end == VMCI_RECEIVE_DATAGRAM)
			note(&header, offset);
	} while (found.end <= VMCI_RECEIVE_DATAGRAM && device.reads < 100);
}

/* --- bytes to be received ----------------------------------------------------------------- */

static uint8_t stream[8 * CAPACITY];
static size_t length;

static void put(uint32_t resource, uint64_t payload)
{
	struct vmci_datagram dg = {
		.dst = { 0x6f3a1b2c, resource },
		.src = { 2, 7 },
		.payload_size = payload,
	};

	memcpy(stream + length, &dg, sizeof(dg));
	memset(stream + length + sizeof(dg), 0, payload + 7);
	memset(stream + length + sizeof(dg), (int)resource, payload);
	length = (length + sizeof(dg) + payload + 7) & ~7ull;
}

static void filler_to(size_t end)
{
	memset(stream + length, 0xff, end - length);
	length = end;
}

static void is_found(unsigned int nth, uint32_t resource, uint64_t payload, const char *what)
{
	const struct vmci_datagram *dg = &found.headers[nth];

	ok(nth < found.count && dg->dst.resource == resource && dg->payload_size == payload &&
	   found.first[nth] == (payload ? (uint8_t)resource : 0) &&
	   found.last[nth] == (payload ? (uint8_t)resource : 0),
	   "%s: %u is for resource %u and has %" PRIu64 " bytes", what, nth, resource, payload);
}

/* --- tests -------------------------------------------------------------------------------- */

static const char b3[] =
	"2c 1b 3a 6f 00 00 00 00 00 00 00 00 00 00 00 00"
	"18 00 00 00 00 00 00 00 03 00 00 00 00 00 00 00"
	"2c 1b 3a 6f 01 04 00 00 02 00 00 00 00 00 00 00"
	"2c 1b 3a 6f 01 00 00 00 02 00 00 00 01 00 00 00"
	"05 00 00 00 00 00 00 00 68 65 6c 6c 6f 00 00 00"
	"ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff"
	"ff ff ff ff ff ff ff ff";

static void test_b3(uint32_t window, const char *channel)
{
	uint8_t bytes[VECTOR_MAX];
	size_t count = unhex(b3, bytes);

	receive(bytes, count, window);
	is_u64(found.count, 2, "14.4 B3 %s: two datagrams", channel);
	is_u64(found.headers[0].payload_size, 24, "14.4 B3 %s: the event", channel);
	is_u64(found.headers[1].payload_size, 5, "14.4 B3 %s: the greeting", channel);
	ok(found.first[1] == 'h' && found.last[1] == 'o', "14.4 B3 %s: its bytes", channel);
	is_s64(found.end, VMCI_RECEIVE_END, "14.4 B3 %s: then the end", channel);
	is_u64(device.reads, 1, "14.4 B3 %s: one read", channel);
}

static void test_nothing(void)
{
	receive(stream, 0, 0);
	ok(found.end == VMCI_RECEIVE_END && !found.count && device.reads == 1,
	   "2.7.2: nothing but a terminator");
	receive(stream, 0, PAGE);
	ok(found.end == VMCI_RECEIVE_END && !found.count && device.reads == 1,
	   "3.8 rule 6: nothing but filler");
}

static void test_one_window_after_the_other(void)
{
	length = 0;
	put(10, PAGE - 24);
	put(11, PAGE - 24 - 32);
	put(12, 8);
	put(13, 100);
	filler_to(3 * PAGE);
	receive(stream, length, PAGE);
	is_u64(found.count, 4, "3.8 rule 2: full windows");
	is_found(0, 10, PAGE - 24, "3.8 rule 2");
	is_found(2, 12, 8, "3.8 rule 2");
	is_found(3, 13, 100, "3.8 rule 2");
}

static void test_large_by_port(void)
{
	length = 0;
	put(20, CAPACITY - 24);
	receive(stream, length, PAGE);
	is_u64(found.count, 1, "3.8 rule 4: the largest datagram");
	is_found(0, 20, CAPACITY - 24, "3.8 rule 4");
	is_s64(found.end, VMCI_RECEIVE_END, "3.8 rule 4: then the end");

	length = 0;
	put(21, 5000);
	filler_to(3 * PAGE);
	put(22, 1);
	filler_to(CAPACITY);
	receive(stream, length, PAGE);
	is_u64(found.count, 2, "3.7 step 3: a datagram begins at a later page of a burst");
	is_found(0, 21, 5000, "3.7 step 3");
	is_found(1, 22, 1, "3.7 step 3");
}

/* The first window ends in the middle of a datagram that is not its first */
static void test_split_by_port(void)
{
	length = 0;
	put(30, 1000);
	put(31, 4000);
	filler_to(PAGE + CAPACITY);
	receive(stream, length, PAGE);
	is_u64(found.count, 2, "3.7 step 6: what is split is put together");
	is_found(0, 30, 1000, "3.7 step 6");
	is_found(1, 31, 4000, "3.7 step 6");
	is_u64(device.reads, 2, "3.7 step 6: with one more read");
}

static void test_full_by_dma(void)
{
	length = 0;
	put(40, 2 * PAGE);
	put(41, CAPACITY - 24 - 2 * PAGE - 24 - 8);
	filler_to(length + 8);
	receive(stream, length, 0);
	is_u64(found.count, 2, "2.7.2 step 5: no room for a terminator");
	is_u64(device.reads, 2, "2.7.2 step 5: so there is another read");
	is_s64(found.end, VMCI_RECEIVE_END, "2.7.2 step 5: and its terminator is the end");

	length = 0;
	put(42, PAGE);
	put(43, CAPACITY - 24);
	receive(stream, length, 0);
	is_u64(found.count, 2, "2.7.2: split over two receives");
	is_found(1, 43, CAPACITY - 24, "2.7.2: split");
}

static void test_sizes_that_are_none(uint32_t window)
{
	static const uint64_t sizes[] = {
		CAPACITY - 23, CAPACITY, 0xffffffe8, 0xffffffffull, 0x100000000ull,
		0xffffffe0ull + 0x100000000ull, UINT64_MAX - 31, UINT64_MAX - 23, UINT64_MAX,
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct vmci_datagram dg = { .payload_size = sizes[i] };

		length = 0;
		put(50, 16);
		memcpy(stream + length, &dg, sizeof(dg));
		receive(stream, length + sizeof(dg), window);
		ok(found.end == VMCI_RECEIVE_BROKEN && found.count == 1,
		   "12.2 S24: a size of %" PRIu64 ", window %u", sizes[i], window);
	}
}

int main(void)
{
	test_b3(0, "by DMA");
	test_b3(PAGE, "by port");
	test_nothing();
	test_one_window_after_the_other();
	test_large_by_port();
	test_split_by_port();
	test_full_by_dma();
	test_sizes_that_are_none(0);
	test_sizes_that_are_none(PAGE);
	return done_testing();
}
