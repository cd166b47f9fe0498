// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * channel-test - datagrams to the guest through both channels, doorbells, and interrupts
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vmci.md 2.7, 2.8, 3.4, 3.8, 3.12, section 6 and 14.4; vfio-user.md 4.4 to 4.6, 5.4 and 10.4.
 */
#define _GNU_SOURCE
#include <unistd.h>

#include "client.h"
#include "irq.h"
#include "tap.h"
#include "vector.h"
#include "vmci/errors.h"
#include "vmci/regs.h"

#define B3 "2c 1b 3a 6f 00 00 00 00 00 00 00 00 00 00 00 00 18 00 00 00 00 00 00 00 " \
	"03 00 00 00 00 00 00 00 2c 1b 3a 6f 01 04 00 00 02 00 00 00 00 00 00 00 " \
	"2c 1b 3a 6f 01 00 00 00 02 00 00 00 01 00 00 00 05 00 00 00 00 00 00 00 " \
	"68 65 6c 6c 6f 00 00 00 ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff " \
	"ff ff ff ff ff ff ff ff"

static const struct function_options classic = {
	.cid = CLIENT_CID, .caps = 0x1c, .interrupts = PCI_MSIX, .classic = true,
	.pair_memory = VMCI_MAX_GUEST_QP_MEMORY, .pair_count = VMCI_MAX_GUEST_QP_COUNT,
};
static struct client client;

static __s32 to_guest(const void *payload, size_t size)
{
	__u8 bytes[VMCI_MAX_DG_SIZE + 64] = { 0 };
	struct vmci_datagram *datagram = (void *)bytes;

	datagram->dst.context = CLIENT_CID;
	datagram->dst.resource = 1;
	datagram->src.context = VMCI_HOST_CONTEXT_ID;
	datagram->src.resource = 1;
	datagram->payload_size = size;
	memcpy(bytes + sizeof(*datagram), payload, MIN(size, VMCI_MAX_DG_PAYLOAD_SIZE));
	return function_send(client.function, datagram);
}

static void queue_two(void)
{
	const struct vmci_handle handle = { CLIENT_CID, 0x401 };

	function_pair_event(client.function, VMCI_EVENT_QP_PEER_ATTACH, handle);
	to_guest("hello", 5);
}

/* Three vectors, all enabled */
static void enable(unsigned int vectors)
{
	client_set_vectors(&client, IRQ_MSIX, vectors);
	client_set_reg(&client, VMCI_REG_IMR, 7);
	client_set_reg(&client, VMCI_REG_CONTROL, VMCI_CONTROL_INT_ENABLE);
}

static __u64 signals(unsigned int vector)
{
	return client_signals(&client, IRQ_MSIX, vector);
}

static void test_dma(void)
{
	uint8_t want[VECTOR_MAX];
	size_t size = unhex(B3, want);
	const uint8_t *area;

	client_open(&client, NULL);
	is_s64(to_guest("x", 1), VMCI_ERROR_UNAVAILABLE, "3.12 no driver listens");
	client_boot(&client, 0x3c);
	queue_two();
	enable(3);
	ok(signals(0) > 0, "2.8 what waits is told when interrupts are enabled");
	memset(client.ram + 0x201000, 0x5a, 0x20000);
	area = client_receive(&client, 69632);
	is_mem(area, want, size, "B3 what is received");
	is_u64(area[size], 0x5a, "B3 and not a byte more");
	is_u64(client.ram[0x200000], 1, "B2 busy");
	is_u64(signals(2), 1, "5.4 one interrupt for the end of it");
	is_u64(signals(0), 0, "5.4 no other");
	client_receive(&client, 69632);
	is_u64(area[4], 0xff, "10.4 nothing queued: a terminator");
	is_u64(signals(2), 1, "10.4 and an interrupt");
	queue_two();
	is_u64(signals(0), 2, "2.8 an interrupt for each datagram");
	client_receive(&client, 48 + 24);
	is_mem(area, want, 48, "10.4 the first of two fits");
	is_mem(area + 48, want + 80, 24, "10.4 then a terminator");
	is_u64(signals(2), 1, "10.4 an interrupt for the end");
	is_u64(signals(0), 1, "10.4 and one for what is left");
	client_receive(&client, 40);
	is_mem(area, want + 48, 32, "the second fits, without terminator");
	client_close(&client);
}

static void test_scatter(void)
{
	struct vmci_dma_header *header;
	struct vmci_dma_element *elements;
	uint8_t want[VECTOR_MAX];

	client_open(&client, NULL);
	client_boot(&client, 0x3c);
	unhex(B3, want);
	header = (void *)(client.ram + 0x200000);
	elements = (void *)(header + 1);
	queue_two();
	header->opcode = VMCI_DMA_OPCODE_SCATTER;
	header->size = 4;
	elements[0] = (struct vmci_dma_element){ 0x300ffb, 7 };
	elements[1] = (struct vmci_dma_element){ 0x310000, 0 };
	elements[2] = (struct vmci_dma_element){ 0x320001, 42 };
	elements[3] = (struct vmci_dma_element){ 0x330000, 4096 };
	client_set_reg(&client, VMCI_REG_DATA_IN_LOW, 0x200000);
	is_mem(client.ram + 0x300ffb, want, 7, "2.7.2 in pieces: the first");
	is_mem(client.ram + 0x320001, want + 7, 42, "2.7.2 the third");
	is_mem(client.ram + 0x330000, want + 49, 55, "2.7.2 the last");
	queue_two();
	header->busy = 0;
	header->size = 17;
	client_set_reg(&client, VMCI_REG_DATA_IN_LOW, 0x200000);
	is_u64(header->busy, 1, "S10 too many elements: nothing, and an end");
	header->busy = 0;
	header->size = 1;
	elements[0] = (struct vmci_dma_element){ 0xffffffffffffff00, ~0ull };
	client_set_reg(&client, VMCI_REG_DATA_IN_LOW, 0x200000);
	is_u64(header->busy, 1, "S10 an element without memory: nothing, and an end");
	is_mem(client_receive(&client, 69632), want, 104, "what was queued still is");
	client_close(&client);
}

static void test_queue(void)
{
	static __u8 big[VMCI_MAX_DG_SIZE];
	const struct vmci_handle handle = { CLIENT_CID, 1 };
	unsigned int events = 0;

	client_open(&client, NULL);
	client_boot(&client, 0x3c);
	is_s64(to_guest(big, VMCI_MAX_DG_PAYLOAD_SIZE + 1), VMCI_ERROR_INVALID_ARGS,
	       "3.12 a datagram of more than 69632 bytes");
	is_s64(to_guest(big, VMCI_MAX_DG_PAYLOAD_SIZE), VMCI_MAX_DG_SIZE, "3.12 the largest");
	is_s64(to_guest(big, 60000), 60024, "3.12 another");
	is_s64(to_guest(big, 9583), 9607, "3.12 up to a byte below the limit");
	is_s64(to_guest(big, 0), VMCI_ERROR_NO_RESOURCES, "3.12 it is full");
	while (function_pair_event(client.function, VMCI_EVENT_QP_PEER_DETACH, handle) > 0)
		events++;
	is_u64(events, 1024, "3.12 but for 1024 events");
	client_receive(&client, 69632);
	is_u64(client.host.rooms, 0, "no room is told while little is");
	client_receive(&client, 69632);
	is_u64(client.host.rooms, 1, "then it is, once");
	client_receive(&client, 69632);
	is_u64(client.host.rooms, 1, "not again");
	client_set_reg(&client, VMCI_REG_CONTROL, VMCI_CONTROL_RESET);
	is_u64(client.function->inbound.bytes, 0, "2.13 a reset drops all");
	client_close(&client);
}

static void port_read_all(uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		bytes[i] = (uint8_t)client_read(&client, VFIO_BAR0, VMCI_REG_DATA_IN, 1);
}

static void test_port_in(void)
{
	static uint8_t window[VMCI_MAX_DG_SIZE], ones[VMCI_MAX_DG_SIZE];
	uint8_t want[VECTOR_MAX], payload[4096] = { 1, 2, 3 };

	memset(ones, 0xff, sizeof(ones));
	client_open(&client, &classic);
	client_boot(&client, 0x1c);
	client_set_vectors(&client, IRQ_MSIX, 2);
	client_set_reg(&client, VMCI_REG_IMR, 3);
	client_set_reg(&client, VMCI_REG_CONTROL, VMCI_CONTROL_INT_ENABLE);
	unhex(B3, want);
	port_read_all(window, 4096);
	is_mem(window, ones, 4096, "10.4 nothing queued: ones");
	queue_two();
	is_u64(signals(0), 2, "3.8 an interrupt for each");
	port_read_all(window, 100);
	to_guest("later", 5);
	port_read_all(window + 100, 3996);
	is_mem(window, want, 80, "14.4 two datagrams");
	is_mem(window + 80, ones, 4016, "14.4 then ones, whatever came meanwhile");
	is_u64(signals(0), 2, "3.8 it is told again at the end");
	port_read_all(window, 4096);
	is_mem(window + 24, "later", 5, "3.8 and comes with the next window");
	to_guest(payload, 4000);
	to_guest(payload, 49);
	port_read_all(window, 4096);
	is_mem(window + 4024, ones, 72, "3.8 one of 80 bytes does not fit into the last 72");
	port_read_all(window, 4096);
	is_mem(window + 24, payload, 49, "3.8 it begins the next window");
	client_close(&client);
}

static void test_port_large(void)
{
	static uint8_t window[VMCI_MAX_DG_SIZE], payload[VMCI_MAX_DG_SIZE];

	memset(payload, 0x77, sizeof(payload));
	client_open(&client, &classic);
	client_boot(&client, 0x1c);
	to_guest("small", 5);
	to_guest(payload, 5000);
	to_guest("behind", 6);
	port_read_all(window, 4096);
	is_mem(window + 24, "small", 5, "3.8 the small one");
	is_u64(window[36], 0xff, "3.8 a larger one than a window does not follow it");
	port_read_all(window, VMCI_MAX_DG_SIZE);
	is_mem(window + 24, payload, 5000, "3.8 it has a pass of its own");
	is_u64(window[5024], 0xff, "3.8 with nothing behind it");
	is_u64(window[VMCI_MAX_DG_SIZE - 1], 0xff, "3.8 to the end of 17 windows");
	port_read_all(window, 4096);
	is_mem(window + 24, "behind", 6, "3.8 then the others");
	client_close(&client);
}

static void port_write_text(const char *text)
{
	uint8_t bytes[VECTOR_MAX];
	size_t size = unhex(text, bytes);

	for (size_t i = 0; i < size; i++)
		client_write(&client, VFIO_BAR0, VMCI_REG_DATA_OUT, bytes[i], 1);
}

static __s32 result(void)
{
	return (__s32)client_reg(&client, VMCI_REG_RESULT_LOW);
}

static void test_port_out(void)
{
	client_open(&client, &classic);
	client_boot(&client, 0x1c);
	port_write_text("00 00 00 00 01 00 00 00 ff ff ff ff ff ff ff ff 00 00 00 00 00 00 00 00");
	is_s64(result(), CLIENT_CID, "3.4 GET_CONTEXT_ID by bytes");
	port_write_text("02 00 00 00 01 00 00 00 2c 1b 3a 6f 01 00 00 00 05 00 00 00 00 00 00 00 "
			"68 65 6c 6c 6f");
	is_s64(result(), 29, "A16 by bytes");
	is_mem(client.host.payload, "hello", 5, "A16 arrives");
	port_write_text("02 00 00 00 01 00 00 00 2c 1b 3a 6f 01 00 00 00 05 00 00 00 00 00 00 00 "
			"68 65");
	is_s64(result(), VMCI_ERROR_DATAGRAM_INCOMPLETE, "3.4 a result before the end");
	is_s64(result(), VMCI_ERROR_DATAGRAM_INCOMPLETE, "3.4 stays");
	port_write_text("02 00 00 00 01 00 00 00 2c 1b 3a 6f 01 00 00 00 e9 0f 01 00 00 00 00 00");
	is_s64(result(), VMCI_ERROR_PAYLOAD_TOO_LARGE, "S5 69609 bytes for the host");
	port_write_text("02 00 00 00 01 00 00 00 2c 1b 3a 6f 01 00 00 00 ff ff ff ff ff ff ff ff");
	is_s64(result(), VMCI_ERROR_PAYLOAD_TOO_LARGE, "S5 2^64 - 1 bytes");
	port_write_text("00 00 00 00 01 00 00 00 ff ff ff ff ff ff ff ff 00 00 00 00 00 00 00 00");
	is_s64(result(), CLIENT_CID, "and the next one is taken");
	port_write_text("00 00 00 00 01 00");
	client_set_reg(&client, VMCI_REG_CONTROL, VMCI_CONTROL_RESET);
	is_s64(result(), 0, "3.4 a reset drops what is not complete");
	client_write(&client, VFIO_BAR0, VMCI_REG_DATA_OUT, 0x0000000100000000, 4);
	client_write(&client, VFIO_BAR0, VMCI_REG_DATA_OUT, 1, 4);
	client_write(&client, VFIO_BAR0, VMCI_REG_DATA_OUT, ~0u, 4);
	client_write(&client, VFIO_BAR0, VMCI_REG_DATA_OUT, ~0u, 4);
	client_write(&client, VFIO_BAR0, VMCI_REG_DATA_OUT, 0, 4);
	client_write(&client, VFIO_BAR0, VMCI_REG_DATA_OUT, 0, 2);
	client_write(&client, VFIO_BAR0, VMCI_REG_DATA_OUT, 0, 2);
	is_s64(result(), CLIENT_CID, "5.1 two and four bytes at a time");
	client_close(&client);
}

#define SET_BITMAP "00 00 00 00 02 00 00 00 ff ff ff ff ff ff ff ff 08 00 00 00 00 00 00 00 " \
	"00 03 00 00 00 00 00 00"

/* The first MiB of a machine is never blank */
static void test_port_private(void)
{
	client_open(&client, &classic);
	client_boot(&client, 0x1c);
	client.ram[0x400] = 0xf8;
	port_write_text(SET_BITMAP);
	is_s64(result(), 0, "6.3 a machine's memory");
	client.ram[0x400] = 0;
	port_write_text(SET_BITMAP);
	is_s64(result(), 0, "6.3 is looked at once");
	client_close(&client);
	client_open(&client, &classic);
	client_boot(&client, 0x1c);
	port_write_text(SET_BITMAP);
	is_s64(result(), -1, "6.3 blank memory is not the guest's: all registers read as ones");
	client_close(&client);
}

static void test_registers(void)
{
	client_open(&client, NULL);
	client_boot(&client, 0x3c);
	is_u64(client_read(&client, VFIO_BAR0, VMCI_REG_CAPS, 1), 0x3c, "10.4 CAPS, one byte");
	is_u64(client_read(&client, VFIO_BAR0, VMCI_REG_CAPS + 1, 2), 0, "5.1 the others");
	is_u64(client_read(&client, VFIO_BAR1, 0x10000, 4), 0, "10.4 pending bits");
	is_u64(client_read(&client, VFIO_BAR1, 0x30000, 4), 0, "10.4 behind the registers");
	is_u64(client_read(&client, VFIO_BAR1, VMCI_MMIO_REGS_OFFSET + VMCI_REG_DATA_IN, 4), 0,
	       "2.3 no byte stream in memory");
	is_u64(client_read(&client, VFIO_BAR1, 0x3fffc, 4), 0, "the last of BAR1");
	is_u64(client_read(&client, VFIO_BAR1, 0x1fffc, 8), 0, "half before the registers");
	client_set_reg(&client, VMCI_REG_GUEST_PAGE_SHIFT, 16);
	is_u64(client.function->regs.page_shift, 16, "2.6 64 KiB");
	client_set_reg(&client, VMCI_REG_GUEST_PAGE_SHIFT, 11);
	is_u64(client.function->regs.page_shift, 12, "2.6 2 KiB are none");
	client_set_reg(&client, VMCI_REG_GUEST_PAGE_SHIFT, 17);
	is_u64(client.function->regs.page_shift, 12, "S11 nor are 128 KiB");
	client_write(&client, VFIO_BAR1, VMCI_MMIO_REGS_OFFSET + VMCI_REG_IMR, 7, 1);
	is_u64(client.function->causes.mask, 0, "5.1 a narrow write counts for nothing");
	enable(3);
	is_u64(client_reg(&client, VMCI_REG_STATUS), 1, "2.4 INT_ON");
	client_set_reg(&client, VMCI_REG_CONTROL, VMCI_CONTROL_INT_DISABLE);
	is_u64(client_reg(&client, VMCI_REG_STATUS), 0, "2.4 off again");
	client_call(&client, RESET, &(int){ 0 }, 0, 0, NULL, 0);
	is_u64(client_reg(&client, VMCI_REG_IMR), 0, "10.4 IMR after a reset");
	is_u64(client_reg(&client, VMCI_REG_CAPS), 0x3c, "2.13 CAPS are offered again");
	ok(!client.function->regs.negotiated, "2.13 and none accepted");
	client_close(&client);
}

/* A function without the MMIO generation's registers */
static void test_classic_registers(void)
{
	client_open(&client, &classic);
	client_boot(&client, 0x1c);
	is_u64(client.device.regions[VFIO_BAR1], 8192, "2.2 BAR1 of 8 KiB");
	is_u64(client.device.vectors[IRQ_MSIX], 2, "2.1 two vectors");
	is_u64(client_read(&client, VFIO_BAR1, 0x18, 4), 0, "2.2 no registers in it");
	is_u64(client_reg(&client, VMCI_REG_CAPS), 0x1c, "2.4 capabilities 0x1c");
	client_close(&client);
}

static void ring_set_up(void)
{
	uint8_t bytes[VECTOR_MAX];
	size_t size = unhex("00 00 00 00 02 00 00 00 ff ff ff ff ff ff ff ff "
			    "08 00 00 00 00 00 00 00 00 03 00 00 00 00 00 00", bytes);

	client_send(&client, bytes, size);
	size = unhex("00 00 00 00 03 00 00 00 ff ff ff ff ff ff ff ff 10 00 00 00 00 00 00 00 "
		     "2c 1b 3a 6f 00 04 00 00 07 00 00 00 00 00 00 00", bytes);
	client_send(&client, bytes, size);
}

static void test_doorbells(void)
{
	const struct vmci_handle bell = { CLIENT_CID, 0x400 }, other = { CLIENT_CID, 0x401 };
	uint64_t unmap[3] = { 24, 0, CLIENT_RAM };

	client_open(&client, NULL);
	client_boot(&client, 0x3c);
	enable(3);
	ring_set_up();
	is_s64(function_ring(client.function, other), VMCI_ERROR_NOT_FOUND, "6.4 no such doorbell");
	is_s64(function_ring(client.function, bell), 0, "6.4 one that there is");
	is_u64(client.ram[0x300007], 1, "6.1 its byte");
	is_u64(signals(1), 1, "6.1 an interrupt");
	function_ring(client.function, bell);
	is_u64(signals(1), 0, "6.1 several rings are one until the driver has looked");
	client.ram[0x300007] = 0xfe;
	function_ring(client.function, bell);
	is_u64(client.ram[0x300007], 0xff, "6.1 the other bits stay");
	is_u64(signals(1), 1, "6.1 it rings again");
	client_call(&client, DMA_UNMAP, unmap, sizeof(unmap), 0, NULL, 0);
	is_s64(function_ring(client.function, bell), VMCI_ERROR_UNAVAILABLE,
	       "6.6 the bitmap's memory has gone");
	client_map(&client, 0, 0, CLIENT_RAM);
	client.ram[0x300007] = 0;
	is_s64(function_ring(client.function, bell), 0, "6.6 and come again");
	client_close(&client);
}

/* One vector, of MSI-X or MSI: ICR is read */
static void test_one_vector(enum irq_type type, enum pci_interrupts kind, const char *name)
{
	struct function_options options = {
		.cid = CLIENT_CID, .caps = 0x3c, .interrupts = kind,
		.pair_memory = 1 << 20, .pair_count = 1,
	};

	client_open(&client, &options);
	client_boot(&client, 0x3c);
	client_set_vectors(&client, type, 1);
	client_set_reg(&client, VMCI_REG_IMR, 1);
	client_set_reg(&client, VMCI_REG_CONTROL, VMCI_CONTROL_INT_ENABLE);
	queue_two();
	is_u64(client_signals(&client, type, 0), 1, "2.8 %s: one signal for the first", name);
	is_u64(client_reg(&client, VMCI_REG_ICR), 1, "2.8 %s: ICR says why", name);
	is_u64(client_reg(&client, VMCI_REG_ICR), 0, "2.8 %s: reading clears it", name);
	queue_two();
	is_u64(client_signals(&client, type, 0), 1, "2.8 %s: and the next is told", name);
	client_receive(&client, 69632);
	is_u64(client_reg(&client, VMCI_REG_ICR), 5, "2.8 %s: both causes", name);
	client_receive(&client, 69632);
	is_u64(client_signals(&client, type, 0), 0, "2.8 %s: a masked cause is not told", name);
	client_set_reg(&client, VMCI_REG_IMR, 7);
	is_u64(client_signals(&client, type, 0), 1, "2.8 %s: until it is unmasked", name);
	client_close(&client);
}

static uint64_t line(void)
{
	return client_signals(&client, IRQ_INTX, 0);
}

static void unmask_line(void)
{
	uint32_t set[5] = { 20, 0x11, IRQ_INTX, 0, 1 };

	client_call(&client, SET_IRQS, set, sizeof(set), 0, NULL, 0);
}

static void test_line(void)
{
	struct function_options options = {
		.cid = CLIENT_CID, .caps = 0x3c, .interrupts = PCI_INTX,
		.pair_memory = 1 << 20, .pair_count = 1,
	};
	uint32_t set[5] = { 20, 0x14, IRQ_INTX, 0, 1 };
	uint64_t one = 1;

	client_open(&client, &options);
	client_boot(&client, 0x3c);
	is_u64(client_read(&client, VFIO_CONFIG, 0x34, 1), 0, "no capability");
	client_set_vectors(&client, IRQ_INTX, 1);
	client_set_reg(&client, VMCI_REG_IMR, 1);
	queue_two();
	is_u64(line(), 0, "4.6 not enabled");
	client_set_reg(&client, VMCI_REG_CONTROL, VMCI_CONTROL_INT_ENABLE);
	is_u64(line(), 1, "4.6 enabled: signalled");
	unmask_line();
	is_u64(line(), 1, "4.6 unmasked while it is high: again");
	is_u64(client_reg(&client, VMCI_REG_ICR), 1, "4.6 the cause");
	unmask_line();
	is_u64(line(), 0, "4.6 unmasked while it is low: nothing");
	queue_two();
	is_u64(line(), 1, "4.6 the next");
	set[1] = 0x14;
	client.eventfds[IRQ_INTX][1] = dup(client.eventfds[IRQ_INTX][0]);
	client_call(&client, SET_IRQS, set, sizeof(set), 0, &client.eventfds[IRQ_INTX][1], 1);
	ok(write(client.eventfds[IRQ_INTX][1], &one, 8) == 8, "an unmask eventfd is written");
	client_pump(&client);
	client_pump(&client);
	is_u64(line(), 1, "4.6 which unmasks as well");
	client_write(&client, VFIO_CONFIG, 4, 0x0407, 2);
	client_reg(&client, VMCI_REG_ICR);
	unmask_line();
	queue_two();
	is_u64(line(), 0, "4.6 COMMAND forbids it");
	client_write(&client, VFIO_CONFIG, 4, 7, 2);
	is_u64(line(), 1, "4.6 and allows it again");
	client_close(&client);
}

/* Vectors that come late, go, or are not wanted */
static void test_vectors(void)
{
	uint32_t off[5] = { 20, 0x21, IRQ_MSIX, 0, 0 };

	client_open(&client, NULL);
	client_boot(&client, 0x3c);
	client_write(&client, VFIO_CONFIG, 0x42, 0x8002, 2);
	client_set_reg(&client, VMCI_REG_IMR, 7);
	client_set_reg(&client, VMCI_REG_CONTROL, VMCI_CONTROL_INT_ENABLE);
	queue_two();
	client_set_vectors(&client, IRQ_MSIX, 3);
	is_u64(signals(0), 1, "4.4 what came before its eventfd is told then");
	client_call(&client, SET_IRQS, off, sizeof(off), 0, NULL, 0);
	client_set_vectors(&client, IRQ_MSIX, 2);
	client_receive(&client, 69632);
	client_set_vectors(&client, IRQ_MSIX, 3);
	is_u64(signals(2), 0, "4.4 a cause whose vector is not there is not wanted");
	client_close(&client);
}

int main(void)
{
	test_dma();
	test_scatter();
	test_queue();
	test_port_in();
	test_port_large();
	test_port_out();
	test_port_private();
	test_registers();
	test_classic_registers();
	test_doorbells();
	test_one_vector(IRQ_MSIX, PCI_MSIX_ONE, "one MSI-X vector");
	test_one_vector(IRQ_MSIX, PCI_MSIX, "one of three MSI-X vectors");
	test_one_vector(IRQ_MSI, PCI_MSI, "MSI");
	test_line();
	test_vectors();
	return done_testing();
}
