// SPDX-License-Identifier: GPL-2.0-or-later
/* guest-hostile - a program with the device's registers in its hands (vmci.md 12.2 S4 to S13)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-kernels: 6.1 7.3 debug
 * vm-device: --cid 42 --uds %D/host
 * vm-timeout: 180
 *
 * It is a driver in user space: registers through sysfs, and a page of its own as the buffer of
 * messages. After each thing that no driver does, the device must still answer; at the end a
 * real driver gets it.
 */
#include <fcntl.h>
#include <glob.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

#include <vmci/vmci_sockets.h>

#include "../../include/vmci/errors.h"
#include "../../include/vmci/regs.h"
#include "../../include/vmci/wire.h"

#define CID		42u
#define HOST		2u
#define PAGE		4096u
#define NO_RAM		0xfec00000ull	/* the I/O APIC is there */
#define BEYOND		(1ull << 40)
#define FLOOD		20000
#define COMMAND		4		/* in configuration space */
#define COMMAND_DECODE	0x0003u		/* ports and memory */
#define COMMAND_MASTER	0x0004u

static int config;
static volatile uint8_t *regs;
static struct vmci_dma_header *page;	/* buffer of messages */
static uint64_t page_address;

static void fatal(const char *what)
{
	printf("Bail out! %s\n", what);
	exit(1);
}

/* --- the device --------------------------------------------------------------------------- */

static void put(unsigned int reg, uint32_t value)
{
	*(volatile uint32_t *)(regs + reg) = value;
}

static uint32_t get(unsigned int reg)
{
	return *(volatile uint32_t *)(regs + reg);
}

static void set_command(uint16_t value)
{
	if (pwrite(config, &value, sizeof(value), COMMAND) != sizeof(value))
		fatal("no configuration space");
}

static int open_in(const char *folder, const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDWR);
	if (fd < 0)
		fatal(path);
	return fd;
}

static bool is_ours(const char *folder)
{
	int fd = open_in(folder, "config");
	uint16_t ids[2] = { 0 };
	bool read = pread(fd, ids, sizeof(ids), 0) == sizeof(ids);

	close(fd);
	return read && ids[0] == VMCI_PCI_VENDOR_ID && ids[1] == VMCI_PCI_DEVICE_ID;
}

static void find_device(void)
{
	glob_t found;
	size_t i;
	void *map;

	if (glob("/sys/bus/pci/devices/*", 0, NULL, &found))
		fatal("no PCI devices");
	for (i = 0; i < found.gl_pathc && !is_ours(found.gl_pathv[i]); i++)
		;
	if (i == found.gl_pathc)
		fatal("no VMCI device");
	config = open_in(found.gl_pathv[i], "config");
	set_command(COMMAND_DECODE | COMMAND_MASTER);
	map = mmap(NULL, VMCI_MMIO_BAR1_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		   open_in(found.gl_pathv[i], "resource1"), 0);
	if (map == MAP_FAILED)
		fatal("no registers");
	regs = (uint8_t *)map + VMCI_MMIO_REGS_OFFSET;
}

/* Where in the machine's memory a page of this program is */
static uint64_t address_of(void *memory)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	off_t at = (uintptr_t)memory / PAGE * sizeof(uint64_t);
	uint64_t entry = 0;

	if (fd < 0 || pread(fd, &entry, sizeof(entry), at) != sizeof(entry))
		fatal("no pagemap");
	close(fd);
	return (entry & ((1ull << 55) - 1)) * PAGE;
}

static void *new_page(void)
{
	void *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE | MAP_LOCKED, -1, 0);

	if (memory == MAP_FAILED)
		fatal("no memory");
	memset(memory, 0, PAGE);
	return memory;
}

static void start(void)
{
	put(VMCI_REG_CONTROL, VMCI_CONTROL_RESET);
	put(VMCI_REG_CAPS, VMCI_CAPS_DATAGRAM | VMCI_CAPS_NOTIFICATIONS | VMCI_CAPS_PPN64 |
			   VMCI_CAPS_DMA_DATAGRAM);
	put(VMCI_REG_GUEST_PAGE_SHIFT, 12);
	put(VMCI_REG_DATA_IN_HIGH, page_address >> 32);
	put(VMCI_REG_DATA_OUT_HIGH, page_address >> 32);
}

/* --- messages ----------------------------------------------------------------------------- */

/* Is the device done with the buffer?  It answers a read after all that was written before. */
static bool is_done(void)
{
	get(VMCI_REG_STATUS);
	for (int i = 0; i < 1000; i++) {
		if (!*(volatile uint32_t *)&page->busy)
			return true;
		usleep(1000);
	}
	return false;
}

static int32_t send_as(uint32_t opcode, uint32_t size)
{
	page->busy = 1;
	page->opcode = opcode;
	page->size = size;
	page->result = 0;
	put(VMCI_REG_DATA_OUT_LOW, page_address);
	return is_done() ? (int32_t)get(VMCI_REG_RESULT_LOW) : INT32_MAX;
}

static int32_t send_message(const void *message, size_t size)
{
	memcpy(page + 1, message, size);
	return send_as(VMCI_DMA_OPCODE_INLINE, size);
}

static struct vmci_datagram call(enum vmci_function function, size_t size)
{
	return (struct vmci_datagram) {
		.dst = { VMCI_HYPERVISOR_CONTEXT_ID, function },
		.src = { VMCI_INVALID_ID, VMCI_INVALID_ID },
		.payload_size = size - sizeof(struct vmci_datagram),
	};
}

static bool lives(void)
{
	struct vmci_datagram message = call(VMCI_GET_CONTEXT_ID, sizeof(message));

	return send_message(&message, sizeof(message)) == (int32_t)CID;
}

/* A result, and the device goes on */
static void result_is(int32_t got, int32_t want, const char *what)
{
	is_s64(got, want, "12.2 %s", what);
	if (!lives())
		ok(false, "12.2 %s: the device still answers", what);
}

/* --- rows --------------------------------------------------------------------------------- */

static void messages(void)
{
	struct vmci_datagram message = call(VMCI_GET_CONTEXT_ID, sizeof(message));

	memcpy(page + 1, &message, sizeof(message));
	result_is(send_as(VMCI_DMA_OPCODE_INLINE, 23), VMCI_ERROR_INVALID_ARGS,
		  "S4 less than a header");
	result_is(send_as(VMCI_DMA_OPCODE_INLINE, 0), VMCI_ERROR_INVALID_ARGS, "S4 nothing");
	message.payload_size = ~0ull;
	result_is(send_message(&message, sizeof(message)), VMCI_ERROR_INVALID_ARGS,
		  "S5 payload of 2^64 - 1 bytes");
	message.payload_size = 1ull << 32;
	result_is(send_message(&message, sizeof(message)), VMCI_ERROR_INVALID_ARGS,
		  "S5 payload of 2^32 bytes");
	message = call(VMCI_GET_CONTEXT_ID, sizeof(message));
	memcpy(page + 1, &message, sizeof(message));
	ok(send_as(7, sizeof(message)) < 0 && lives(), "12.2 S10 an unknown opcode");
	ok(send_as(VMCI_DMA_OPCODE_INLINE, 0xffffffff) < 0 && lives(), "12.2 S10 2^32 - 1 bytes");
	ok(send_as(VMCI_DMA_OPCODE_SCATTER, 0xffffffff) < 0 && lives(),
	   "12.2 S10 2^32 - 1 elements");
}

static void queries(void)
{
	struct {
		struct vmci_resources_query_msg query;
		uint32_t functions[40];
	} message = { .query.count = 0 };
	static const uint32_t counts[] = { 0, 32, 0xffffffff };

	message.query.hdr = call(VMCI_RESOURCES_QUERY, sizeof(message));
	for (unsigned int i = 0; i < 3; i++) {
		char what[40];

		message.query.count = counts[i];
		snprintf(what, sizeof(what), "S6 %u functions", counts[i]);
		result_is(send_message(&message, sizeof(message)), VMCI_ERROR_INVALID_ARGS, what);
	}
}

/* A pair of 4096 bytes each way: four pages */
static int32_t make_pair(uint64_t produce, uint64_t count, const uint64_t ppns[4])
{
	struct {
		struct vmci_qp_alloc_msg alloc;
		uint64_t ppns[4];
	} message = {
		.alloc.handle = { CID, 5000 },
		.alloc.peer = HOST,
		.alloc.produce_size = produce,
		.alloc.consume_size = PAGE,
		.alloc.ppn_count = count,
	};

	memcpy(message.ppns, ppns, sizeof(message.ppns));
	message.alloc.hdr = call(VMCI_QUEUEPAIR_ALLOC, sizeof(message));
	return send_message(&message, sizeof(message));
}

static void pairs(void)
{
	uint64_t good[4], bad[4];

	for (int i = 0; i < 4; i++)
		good[i] = address_of(new_page()) / PAGE;
	result_is(make_pair(PAGE, 3, good), VMCI_ERROR_INVALID_ARGS, "S7 a page too few");
	result_is(make_pair(PAGE, 1ull << 61, good), VMCI_ERROR_INVALID_ARGS, "S7 2^61 pages");
	memcpy(bad, good, sizeof(bad));
	bad[3] = bad[1];
	result_is(make_pair(PAGE, 4, bad), VMCI_ERROR_INVALID_ARGS, "S7 a page twice");
	bad[3] = NO_RAM / PAGE;
	result_is(make_pair(PAGE, 4, bad), VMCI_ERROR_INVALID_ARGS, "S7 a page of a device");
	bad[3] = BEYOND / PAGE;
	result_is(make_pair(PAGE, 4, bad), VMCI_ERROR_INVALID_ARGS, "S7 a page without memory");
	bad[3] = ~0ull;
	result_is(make_pair(PAGE, 4, bad), VMCI_ERROR_INVALID_ARGS, "S7 page 2^64 - 1");
	result_is(make_pair(129ull << 20, 4, good), VMCI_ERROR_NO_RESOURCES, "S8 129 MiB");
	result_is(make_pair(~0ull, 4, good), VMCI_ERROR_NO_RESOURCES, "S8 2^64 - 1 bytes");
	result_is(make_pair(PAGE, 4, good), VMCI_SUCCESS, "S7 four good pages");
	result_is(make_pair(PAGE, 4, good), VMCI_ERROR_ALREADY_EXISTS, "S7 the same again");
}

static int32_t link_bell(uint32_t resource, uint64_t index)
{
	struct vmci_doorbell_link_msg message = {
		.hdr = call(VMCI_DOORBELL_LINK, sizeof(message)),
		.handle = { CID, resource },
		.notify_index = index,
	};

	return send_message(&message, sizeof(message));
}

static int32_t set_bitmap(uint64_t ppn)
{
	struct vmci_set_notify_bitmap_msg message = {
		.hdr = call(VMCI_SET_NOTIFY_BITMAP, sizeof(message)),
		.bitmap_ppn = ppn,
	};

	return send_message(&message, sizeof(message));
}

static void bells(void)
{
	uint32_t linked;

	result_is(set_bitmap(NO_RAM / PAGE), VMCI_ERROR_INVALID_ARGS, "S9 bitmap in a device");
	result_is(set_bitmap(BEYOND / PAGE), VMCI_ERROR_INVALID_ARGS, "S9 bitmap nowhere");
	result_is(set_bitmap(~0ull), VMCI_ERROR_INVALID_ARGS, "S9 bitmap at page 2^64 - 1");
	result_is(set_bitmap(address_of(new_page()) / PAGE), VMCI_SUCCESS, "S9 a good bitmap");
	result_is(link_bell(1, PAGE), VMCI_ERROR_INVALID_ARGS, "S9 index 4096");
	result_is(link_bell(1, 1ull << 32), VMCI_ERROR_INVALID_ARGS, "S9 index 2^32");
	for (linked = 0; linked < FLOOD && !link_bell(5000 + linked, linked % PAGE); linked++)
		;
	is_u64(linked, PAGE, "12.2 S13 as many doorbells as there are bytes");
	result_is(link_bell(4999, 0), VMCI_ERROR_NO_MEM, "S13 and no more");
}

static int32_t datagram(uint32_t from, uint32_t to)
{
	struct vmci_datagram message = { .dst = { to, 1 }, .src = { from, 1 } };

	return send_message(&message, sizeof(message));
}

static void sources(void)
{
	int32_t refused = 0;

	result_is(datagram(CID + 1, HOST), VMCI_ERROR_NO_ACCESS, "S12 another machine's word");
	result_is(datagram(HOST, HOST), VMCI_ERROR_NO_ACCESS, "S12 the host's word");
	result_is(datagram(VMCI_HYPERVISOR_CONTEXT_ID, HOST), VMCI_ERROR_NO_ACCESS,
		  "S12 the hypervisor's word");
	for (int i = 0; i < FLOOD; i++)
		refused += datagram(CID, HOST) == INT32_MAX;
	ok(!refused && lives(), "12.2 S13 %d datagrams that are no packets", FLOOD);
}

static int32_t receive_to(uint64_t address, uint64_t length, uint32_t count)
{
	struct vmci_dma_element *element = (void *)(page + 1);

	*element = (struct vmci_dma_element){ .address = address, .length = length };
	page->opcode = VMCI_DMA_OPCODE_SCATTER;
	page->size = count;
	page->busy = 0;
	put(VMCI_REG_DATA_IN_LOW, page_address);
	get(VMCI_REG_STATUS);
	return 0;
}

static void addresses(void)
{
	put(VMCI_REG_DATA_OUT_HIGH, 0x100);
	put(VMCI_REG_DATA_OUT_LOW, 0);
	put(VMCI_REG_DATA_OUT_HIGH, 0);
	put(VMCI_REG_DATA_OUT_LOW, NO_RAM);
	put(VMCI_REG_DATA_OUT_LOW, 0xfffffffc);
	put(VMCI_REG_DATA_OUT_HIGH, page_address >> 32);
	ok(lives(), "12.2 S11 messages where no memory is");
	receive_to(BEYOND, PAGE, 1);
	receive_to(NO_RAM, PAGE, 1);
	receive_to(~0ull, ~0ull, 1);
	receive_to(page_address, 1, 0xffffffff);
	ok(lives(), "12.2 S10 elements that cannot be");
	for (uint32_t shift = 0; shift < 64; shift += 21) {
		put(VMCI_REG_GUEST_PAGE_SHIFT, shift);
		ok(lives(), "12.2 S11 pages of 2^%u bytes", shift);
	}
	put(VMCI_REG_GUEST_PAGE_SHIFT, 12);
	set_command(COMMAND_DECODE);
	page->busy = 1;
	put(VMCI_REG_DATA_OUT_LOW, page_address);
	get(VMCI_REG_STATUS);
	ok(page->busy == 1, "12.2 S11 no bus mastering, no memory");
	set_command(COMMAND_DECODE | COMMAND_MASTER);
	ok(lives(), "12.2 S11 and with it again");
}

/* Any value to any register, again and again; no bus master, or it would write anywhere */
static void storm(void)
{
	unsigned int seed = 1;

	set_command(COMMAND_DECODE);
	for (int i = 0; i < FLOOD; i++) {
		unsigned int reg = rand_r(&seed) % 16 * 4;

		put(reg, rand_r(&seed) * 2654435761u);
		get(rand_r(&seed) % 16 * 4);
	}
	set_command(COMMAND_DECODE | COMMAND_MASTER);
	start();
	ok(lives(), "12.2 S13 a storm of %d registers", 2 * FLOOD);
}

/* A driver, and a program of the host */
static void after_all(void)
{
	struct sockaddr_vm address = { .svm_cid = HOST, .svm_port = 5002 };
	int fd;

	ok(system("modprobe vmsock") == 0, "a driver finds the device in order");
	is_u64(VMCISock_GetLocalCID(), CID, "which is that of the same machine");
	address.svm_family = VMCISock_GetAFValueFd(&fd);
	fd = socket(address.svm_family, SOCK_STREAM, 0);
	ok(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0,
	   "and the host takes a connection");
}

int main(void)
{
	find_device();
	page = new_page();
	page_address = address_of(page);
	start();
	ok(lives(), "the device answers");
	messages();
	queries();
	pairs();
	bells();
	sources();
	addresses();
	storm();
	after_all();
	return done_testing();
}
