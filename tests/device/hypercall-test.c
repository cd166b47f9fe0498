// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hypercall-test - the hypervisor's functions, byte for byte, and from a guest that means harm
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Vectors of vmci.md 14, and the rows S4 to S14 of its table 12.2.
 */
#include "client.h"
#include "pairs.h"
#include "queue_pair.h"
#include "tap.h"
#include "vector.h"
#include "vmci/errors.h"
#include "vmci/regs.h"

#define A1 "00 00 00 00 00 00 00 00 ff ff ff ff ff ff ff ff 0c 00 00 00 00 00 00 00 " \
	"01 00 00 00 00 00 00 00 01 00 00 00"
#define A2 "00 00 00 00 00 00 00 00 ff ff ff ff ff ff ff ff 38 00 00 00 00 00 00 00 " \
	"0c 00 00 00 00 00 00 00 00 00 00 00 01 00 00 00 02 00 00 00 03 00 00 00 " \
	"04 00 00 00 05 00 00 00 06 00 00 00 07 00 00 00 08 00 00 00 09 00 00 00 " \
	"0a 00 00 00 0b 00 00 00"
#define A3 "00 00 00 00 01 00 00 00 ff ff ff ff ff ff ff ff 00 00 00 00 00 00 00 00"
#define A4 "00 00 00 00 02 00 00 00 ff ff ff ff ff ff ff ff 08 00 00 00 00 00 00 00 " \
	"b3 a2 01 00 00 00 00 00"
#define A5 "00 00 00 00 02 00 00 00 ff ff ff ff ff ff ff ff 08 00 00 00 00 00 00 00 " \
	"9a 78 56 34 12 00 00 00"
#define A6 "00 00 00 00 03 00 00 00 ff ff ff ff ff ff ff ff 10 00 00 00 00 00 00 00 " \
	"2c 1b 3a 6f 00 04 00 00 07 00 00 00 00 00 00 00"
#define A7 "00 00 00 00 04 00 00 00 ff ff ff ff ff ff ff ff 08 00 00 00 00 00 00 00 " \
	"2c 1b 3a 6f 00 04 00 00"
#define A8 "00 00 00 00 05 00 00 00 ff ff ff ff ff ff ff ff 08 00 00 00 00 00 00 00 " \
	"02 00 00 00 00 04 00 00"
#define A9 "00 00 00 00 0a 00 00 00 ff ff ff ff ff ff ff ff 3c 00 00 00 00 00 00 00 " \
	"2c 1b 3a 6f 01 04 00 00 02 00 00 00 00 00 00 00 00 20 00 00 00 00 00 00 " \
	"00 10 00 00 00 00 00 00 05 00 00 00 00 00 00 00 00 10 01 00 01 10 01 00 " \
	"02 10 01 00 00 20 02 00 01 20 02 00"
#define A10 "00 00 00 00 0a 00 00 00 ff ff ff ff ff ff ff ff 50 00 00 00 00 00 00 00 " \
	"2c 1b 3a 6f 01 04 00 00 02 00 00 00 00 00 00 00 00 20 00 00 00 00 00 00 " \
	"00 10 00 00 00 00 00 00 05 00 00 00 00 00 00 00 00 10 01 00 01 00 00 00 " \
	"01 10 01 00 01 00 00 00 02 10 01 00 01 00 00 00 00 20 02 00 01 00 00 00 " \
	"01 20 02 00 01 00 00 00"
#define A11 "00 00 00 00 0b 00 00 00 ff ff ff ff ff ff ff ff 08 00 00 00 00 00 00 00 " \
	"2c 1b 3a 6f 01 04 00 00"
#define A16 "02 00 00 00 01 00 00 00 2c 1b 3a 6f 01 00 00 00 05 00 00 00 00 00 00 00 " \
	"68 65 6c 6c 6f"
#define D1 "2c 1b 3a 6f 01 04 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"

static struct client client;

/* Pages where the vectors have them: at offsets of the file that follow each other */
static void map_vectors(void)
{
	client_map(&client, 0x1a2b3000, 0x400000, 0x1000);
	client_map(&client, 0x123456789a000, 0x401000, 0x1000);
	client_map(&client, 0x11000000, 0x402000, 0x3000);
	client_map(&client, 0x22000000, 0x405000, 0x2000);
	client_map(&client, 0x100011000000, 0x407000, 0x3000);
	client_map(&client, 0x100022000000, 0x40a000, 0x2000);
}

static __s32 send_bytes(const void *bytes, size_t size)
{
	return (__s32)client_send(&client, bytes, size);
}

static __s32 send_text(const char *text)
{
	uint8_t bytes[VECTOR_MAX];
	size_t size = unhex(text, bytes);

	return send_bytes(bytes, size);
}

/* A vector with a byte changed */
static __s32 send_changed(const char *text, size_t offset, uint8_t value)
{
	uint8_t bytes[VECTOR_MAX];
	size_t size = unhex(text, bytes);

	bytes[offset] = value;
	return send_bytes(bytes, size);
}

static void test_vectors(void)
{
	uint8_t want[VECTOR_MAX];
	const uint8_t *ram;

	client_open(&client, NULL);
	client_boot(&client, 0x3c);
	map_vectors();
	ram = client.ram;
	is_s64(send_text(A1), 1, "A1 RESOURCES_QUERY of the probe");
	is_s64(send_text(A2), 0xf3f, "A2 RESOURCES_QUERY for all");
	is_s64(send_text(A3), CLIENT_CID, "A3 GET_CONTEXT_ID");
	is_u64(client_reg(&client, VMCI_REG_RESULT_LOW), CLIENT_CID, "2.7.1 read twice, the same");
	is_u64(client_reg(&client, VMCI_REG_RESULT_HIGH), 0, "2.7.1 and is no negative number");
	is_s64(send_text(A5), 0, "A5 SET_NOTIFY_BITMAP, 64 bits");
	is_s64(send_text(A6), 0, "A6 DOORBELL_LINK");
	is_u64(client.host.links, 1, "the host end hears of it");
	is_s64(send_text(A6), VMCI_ERROR_DUPLICATE_ENTRY, "A6 again");
	is_s64(send_text(A7), 0, "A7 DOORBELL_UNLINK");
	is_s64(send_text(A7), VMCI_ERROR_NOT_FOUND, "A7 again");
	is_u64(client.host.unlinks, 1, "the host end heard of one");
	is_s64(send_text(A8), 0, "A8 DOORBELL_NOTIFY");
	client.host.result = VMCI_ERROR_NOT_FOUND;
	is_s64(send_text(A8), VMCI_ERROR_NOT_FOUND, "A8 no such doorbell");
	client.host.result = 0;
	memset(client.ram + 0x407000, 0xa5, 0x5000);
	is_s64(send_text(A10), 0, "A10 QUEUEPAIR_ALLOC, 64 bits");
	is_u64(client.host.pairs, 1, "the host end hears of it");
	is_u64(client.host.pair->in_size, 8192, "with the produce size");
	is_u64(client.host.pair->out_size, 4096, "and the consume size");
	is_mem(ram + 0x407000, want, unhex(D1, want), "D1 the produce header");
	is_mem(ram + 0x40a000, want, unhex(D1, want), "D1 the consume header");
	is_s64(send_text(A10), VMCI_ERROR_ALREADY_EXISTS, "A10 again");
	is_s64(send_text(A11), 0, "A11 QUEUEPAIR_DETACH");
	is_u64(client.host.detaches, 1, "the host end hears of it");
	is_s64(send_text(A11), VMCI_ERROR_NOT_FOUND, "A11 again");
	is_s64(send_text(A16), 29, "A16 a datagram to the host");
	is_mem(client.host.payload, "hello", 5, "which gets it");
	client_close(&client);
}

/* Without PPN64 and with a page shift that the driver never wrote */
static void test_narrow(void)
{
	uint8_t want[VECTOR_MAX];

	client_open(&client, NULL);
	client_boot(&client, 0x2c);
	map_vectors();
	is_s64(send_text(A4), 0, "A4 SET_NOTIFY_BITMAP, 32 bits");
	is_s64(send_changed(A4, 28, 1), 0, "2.9 the upper half does not count");
	is_s64(send_text(A9), 0, "A9 QUEUEPAIR_ALLOC, 32 bits");
	is_mem(client.ram + 0x402000, want, unhex(D1, want), "D1 the produce header");
	is_s64(send_text(A11), 0, "A11 QUEUEPAIR_DETACH");
	is_s64(send_changed(A9, 56, 4), VMCI_ERROR_INVALID_ARGS, "14.1 one page too few");
	is_s64(send_text(A10), VMCI_ERROR_INVALID_ARGS, "S7 a list of the wrong width");
	is_s64(send_changed(A1, 4, 17), VMCI_ERROR_INVALID_RESOURCE, "14.1 function 17");
	client_close(&client);
}

/* Rows of functions: a vector, a byte of it, and what comes of it */
static const struct {
	const char *what, *text;
	size_t offset;
	uint8_t value;
	__s32 result;
} changed[] = {
	{ "S6 no functions", A1, 24, 0, VMCI_ERROR_INVALID_ARGS },
	{ "S6 32 functions", A1, 24, 32, VMCI_ERROR_INVALID_ARGS },
	{ "S6 255 functions", A1, 24, 255, VMCI_ERROR_INVALID_ARGS },
	{ "S6 two functions, one number", A1, 24, 2, VMCI_ERROR_INVALID_ARGS },
	{ "4.4 an unknown function", A1, 32, 200, 0 },
	{ "4.2 function 6", A4, 4, 6, VMCI_ERROR_OBSOLETE },
	{ "4.2 function 12", A4, 4, 12, VMCI_ERROR_INVALID_RESOURCE },
	{ "4.2 function 255", A4, 4, 255, VMCI_ERROR_INVALID_RESOURCE },
	{ "4.2 short payload", A4, 16, 7, VMCI_ERROR_INVALID_ARGS },
	{ "S5 payload longer than the message", A4, 16, 9, VMCI_ERROR_INVALID_ARGS },
	{ "S5 payload of 2^56 bytes", A4, 23, 1, VMCI_ERROR_INVALID_ARGS },
	{ "S5 payload of nearly 2^64", A4, 23, 255, VMCI_ERROR_INVALID_ARGS },
	{ "S9 bitmap where no memory is", A5, 29, 0x80, VMCI_ERROR_INVALID_ARGS },
	{ "S9 bitmap beyond all addresses", A5, 31, 0xff, VMCI_ERROR_INVALID_ARGS },
	{ "S9 index 4096", A6, 33, 0x10, VMCI_ERROR_INVALID_ARGS },
	{ "S9 index beyond 32 bits", A6, 39, 1, VMCI_ERROR_INVALID_ARGS },
	{ "4.11 event 5", A4, 4, 8, VMCI_ERROR_EVENT_UNKNOWN },
	{ "S14 pair of a third context", A10, 24, 0x2d, VMCI_ERROR_NO_ACCESS },
	{ "4.12 flag 0x10", A10, 36, 0x10, VMCI_ERROR_INVALID_ARGS },
	{ "4.12 flag LOCAL", A10, 36, 2, VMCI_ERROR_INVALID_ARGS },
	{ "S8 produce above all limits", A10, 47, 0xff, VMCI_ERROR_NO_RESOURCES },
	{ "S8 consume above all limits", A10, 55, 0x80, VMCI_ERROR_NO_RESOURCES },
	{ "S8 129 MiB", A10, 43, 8, VMCI_ERROR_NO_RESOURCES },
	{ "S7 count of pages", A10, 56, 6, VMCI_ERROR_INVALID_ARGS },
	{ "S7 count of 2^61 pages", A10, 63, 0x20, VMCI_ERROR_INVALID_ARGS },
	{ "S7 a page twice", A10, 72, 2, VMCI_ERROR_INVALID_ARGS },
	{ "S7 a page that is no memory", A10, 69, 0x80, VMCI_ERROR_INVALID_ARGS },
	{ "S7 a page beyond all addresses", A10, 71, 0xff, VMCI_ERROR_INVALID_ARGS },
	{ "5.5 one byte more is a page more", A10, 40, 1, VMCI_ERROR_INVALID_ARGS },
};

static void test_changed(void)
{
	client_open(&client, NULL);
	client_boot(&client, 0x3c);
	map_vectors();
	for (size_t i = 0; i < G_N_ELEMENTS(changed); i++)
		is_s64(send_changed(changed[i].text, changed[i].offset, changed[i].value),
		       changed[i].result, "%s", changed[i].what);
	is_u64(client.host.pairs, 0, "nothing of that reached the host end");
	is_s64(send_text(A10), 0, "and the pair can still be made");
	client_close(&client);
}

/* S12: whose word is it? */
static void test_sources(void)
{
	client_open(&client, NULL);
	client_boot(&client, 0x3c);
	is_s64(send_changed(A3, 11, 0x6f), VMCI_ERROR_NO_ACCESS, "S12 function, foreign source");
	is_s64(send_changed(A16, 8, 0x2d), VMCI_ERROR_NO_ACCESS, "S12 datagram, foreign source");
	is_s64(send_text("02 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 05 00 00 00 00 00 00 00 "
			 "68 65 6c 6c 6f"), VMCI_ERROR_NO_ACCESS, "S31 an event for the host");
	is_s64(send_text("2c 1b 3a 6f 00 00 00 00 00 00 00 00 00 00 00 00 10 00 00 00 00 00 00 00 "
			 "00 00 00 00 00 00 00 00 ff ff ff ff 00 00 00 00"), VMCI_ERROR_NO_ACCESS,
	       "S31 an event for itself");
	is_u64(client.host.datagrams, 0, "none of them arrived");
	is_s64(send_changed(A16, 0, 1), VMCI_ERROR_DST_UNREACHABLE, "3.10 context 1");
	is_s64(send_changed(A16, 0, 99), VMCI_ERROR_DST_UNREACHABLE, "3.10 another machine");
	is_s64(send_text("ff ff ff ff 01 00 00 00 2c 1b 3a 6f 01 00 00 00 00 00 00 00 00 00 00 00"),
	       VMCI_ERROR_INVALID_ARGS, "14.8 nowhere");
	is_s64(send_text("02 00 00 00 01 00 00 00 ff ff ff ff 09 00 00 00 00 00 00 00 00 00 00 00"),
	       24, "9.2 no source context");
	is_u64(client.host.last.src.context, CLIENT_CID, "which is the guest's own");
	is_u64(client.host.last.src.resource, 9, "its resource stays");
	is_s64(send_text("2c 1b 3a 6f 07 00 00 00 2c 1b 3a 6f 01 00 00 00 00 00 00 00 00 00 00 00"),
	       24, "3.10 a datagram to itself");
	is_mem(client_receive(&client, 69632), "\x2c\x1b\x3a\x6f\x07", 5, "comes back");
	client_close(&client);
}

/* S10, S11: the header and the addresses of the DMA channel */
static void test_buffers(void)
{
	struct vmci_dma_header *header;
	uint8_t bytes[24];

	client_open(&client, NULL);
	client_boot(&client, 0x3c);
	client_set_vectors(&client, IRQ_MSIX, 3);
	client_set_reg(&client, VMCI_REG_IMR, 7);
	client_set_reg(&client, VMCI_REG_CONTROL, VMCI_CONTROL_INT_ENABLE);
	unhex(A3, bytes);
	is_s64(send_bytes(bytes, 24), CLIENT_CID, "B1 a sending");
	header = (void *)(client.ram + 0x100000);
	is_u64(header->busy, 0, "B1r the buffer is free again");
	is_u64(header->result, CLIENT_CID, "B1r with the result");
	is_s64(send_bytes(bytes, 23), VMCI_ERROR_INVALID_ARGS, "S4 less than a header");
	header->size = VMCI_MAX_DG_SIZE + 1;
	client_set_reg(&client, VMCI_REG_DATA_OUT_LOW, 0x100000);
	is_s64((__s32)client_reg(&client, VMCI_REG_RESULT_LOW), VMCI_ERROR_PAYLOAD_TOO_LARGE,
	       "S10 more than a datagram");
	header->busy = 1;
	header->size = 24;
	header->opcode = 7;
	client_set_reg(&client, VMCI_REG_DATA_OUT_LOW, 0x100000);
	is_s64((__s32)client_reg(&client, VMCI_REG_RESULT_LOW), VMCI_ERROR_INVALID_ARGS,
	       "S10 an unknown opcode");
	is_u64(header->busy, 0, "S10 the driver is not left waiting");
	client_signals(&client, IRQ_MSIX, 2);
	client_set_reg(&client, VMCI_REG_DATA_OUT_LOW, 0xf0000000);
	is_s64((__s32)client_reg(&client, VMCI_REG_RESULT_LOW), VMCI_ERROR_INVALID_ARGS,
	       "7.3 an address without memory");
	is_u64(client_signals(&client, IRQ_MSIX, 2), 1, "7.3 and an interrupt");
	client_set_reg(&client, VMCI_REG_DATA_OUT_HIGH, 0xffffffff);
	client_set_reg(&client, VMCI_REG_DATA_OUT_LOW, 0xfffffff8);
	is_s64((__s32)client_reg(&client, VMCI_REG_RESULT_LOW), VMCI_ERROR_INVALID_ARGS,
	       "S11 the last address of all");
	client_set_reg(&client, VMCI_REG_DATA_OUT_HIGH, 0);
	client_set_reg(&client, VMCI_REG_DATA_IN_LOW, 0xf0000000);
	is_u64(client_signals(&client, IRQ_MSIX, 2), 2, "7.3 receiving where no memory is");
	client_write(&client, VFIO_CONFIG, 4, 3, 2);
	is_s64(send_bytes(bytes, 24), VMCI_ERROR_UNAVAILABLE, "S11 no bus mastering, no memory");
	is_u64(header->busy, 1, "S11 nothing is written");
	client_write(&client, VFIO_CONFIG, 4, 7, 2);
	is_u64(header->busy, 0, "2.7.1 but with bus mastering it is");
	is_u64(header->result, CLIENT_CID, "2.7.1 with its result");
	client_write(&client, VFIO_CONFIG, 4, 3, 2);
	*header = (struct vmci_dma_header){ .opcode = VMCI_DMA_OPCODE_INLINE, .size = 24 };
	client_set_reg(&client, VMCI_REG_DATA_IN_LOW, 0x100000);
	is_u64(header->busy, 0, "S11 nor is anything received");
	client_signals(&client, IRQ_MSIX, 2);
	client_write(&client, VFIO_CONFIG, 4, 7, 2);
	is_u64(header->busy, 1, "2.7.2 with bus mastering it is, too");
	is_u64(client_signals(&client, IRQ_MSIX, 2), 1, "2.7.2 and an interrupt says so");
	client_close(&client);
}

/* S13: quotas */
static void test_quotas(void)
{
	static const struct function_options few = {
		.cid = CLIENT_CID, .caps = 0x3c, .interrupts = PCI_MSIX,
		.pair_memory = 1 << 20, .pair_count = 3,
	};
	uint8_t link[40], alloc[VECTOR_MAX];
	unsigned int taken = 0;
	size_t size;

	client_open(&client, &few);
	client_boot(&client, 0x3c);
	map_vectors();
	send_text(A5);
	unhex(A6, link);
	for (uint32_t i = 0; i < 4100; i++) {
		memcpy(link + 28, &i, 4);
		taken += send_bytes(link, 40) == 0;
	}
	is_u64(taken, 4096, "4.7 as many doorbells as bytes of a page");
	is_s64(send_bytes(link, 40), VMCI_ERROR_NO_MEM, "4.7 not one more");
	size = unhex(A10, alloc);
	for (uint8_t i = 0; i < 4; i++) {
		alloc[28] = i;
		is_s64(send_bytes(alloc, size), i < 3 ? 0 : VMCI_ERROR_NO_RESOURCES,
		       "4.12 pair %u of 3", i + 1);
	}
	is_u64(client.function->pairs.bytes, 3 * 12288, "5.5 what they have");
	client_set_reg(&client, VMCI_REG_CONTROL, VMCI_CONTROL_RESET);
	is_u64(client.host.detaches, 3, "2.13 a reset ends all pairs");
	is_u64(client.host.unlinks, 4096, "2.13 and all doorbells");
	is_u64(client.host.resets, 1, "2.13 and the host end hears of it");
	is_u64(client.function->pairs.bytes, 0, "5.5 nothing is left");
	is_u64(pairs_count(client.function), 0, "no pair");
	client_close(&client);
}

static void test_capabilities(void)
{
	client_open(&client, NULL);
	client_boot(&client, 0x24);
	map_vectors();
	is_s64(send_text(A4), VMCI_ERROR_UNAVAILABLE, "4.2 bitmap without NOTIFICATIONS");
	is_s64(send_text(A6), VMCI_ERROR_UNAVAILABLE, "4.2 doorbell without NOTIFICATIONS");
	is_s64(send_text(A2), 0xf3f, "4.4 what is offered, not what was accepted");
	client_set_reg(&client, VMCI_REG_CAPS, 0x1c);
	is_s64(send_text(A3), VMCI_ERROR_UNAVAILABLE, "2.5 no DMA unless accepted");
	client_set_reg(&client, VMCI_REG_CAPS, 0xffffffff);
	is_u64(client.function->regs.caps, 0x3c, "2.5 not more than offered");
	client_close(&client);
}

/* A snapshot and a new context ID (vmci.md 2.14) */
static void test_resume(void)
{
	client_open(&client, NULL);
	client_boot(&client, 0x3c);
	map_vectors();
	send_text(A10);
	function_resumed(client.function);
	is_u64(client.host.detaches, 1, "2.14 pairs have ended");
	is_s64(send_text(A11), 0, "2.14 but can be left");
	is_s64(send_text(A11), VMCI_ERROR_NOT_FOUND, "2.14 once");
	function_set_cid(client.function, 0x8d51c0de);
	is_u64(client.host.renames, 1, "5.12 the host end hears of it");
	is_s64(send_text(A3), (__s32)0x8d51c0de, "A13 another context ID");
	is_u64(client_reg(&client, VMCI_REG_RESULT_HIGH), 0, "with the top bit set");
	is_mem(client_receive(&client, 69632) + 40,
	       "\x2c\x1b\x3a\x6f\0\0\0\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
	       "\xde\xc0\x51\x8d\0\0\0", 40, "A13 and the event that says so");
	client_close(&client);
	ok(function_good_cid(16) && function_good_cid(0x8d51c0de) && function_good_cid(0xfffffd00),
	   "1.2 context IDs");
	for (unsigned int i = 0; i < 16; i++)
		ok(!function_good_cid(i), "1.2 context %u is none for a machine", i);
	ok(!function_good_cid(0xffffffff) && !function_good_cid((__u32)-41) &&
	   !function_good_cid((__u32)-500) && !function_good_cid((__u32)-550) &&
	   !function_good_cid((__u32)-1000), "4.3 nor is an error");
}

/* The guest writes elsewhere than where the device reads */
static void test_private(void)
{
	client_open(&client, NULL);
	client_boot(&client, 0x3c);
	client_set_reg(&client, VMCI_REG_DATA_OUT_LOW, 0x300000);
	is_u64(client_reg(&client, VMCI_REG_CAPS), 0xffffffff, "6.3 memory that is not shared");
	is_s64(send_text(A3), -1, "6.3 and all registers read as ones");
	is_u64(client_read(&client, VFIO_CONFIG, 0, 4), 0x074015ad, "but configuration space");
	client_close(&client);
}

int main(void)
{
	test_vectors();
	test_narrow();
	test_changed();
	test_sources();
	test_buffers();
	test_quotas();
	test_capabilities();
	test_resume();
	test_private();
	return done_testing();
}
