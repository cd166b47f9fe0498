// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * device - a VMCI function for fuzz targets, and laws that hold whatever a guest does
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The host end takes every datagram and pair, answers each with a datagram, and moves bytes
 * through each pair, so that indexes that the input has spoiled are used.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <unistd.h>

#include "device.h"
#include "fuzz.h"
#include "loop.h"
#include "memory.h"
#include "queue_pair.h"
#include "vmci/errors.h"
#include "vmci/regs.h"

#define PATTERN	0x5a

/* How many there should be, for the laws */
static unsigned int pairs, links;

static void use_pair(struct pair *pair)
{
	struct iovec pieces[PAIR_PIECES];
	int count = 0;
	ssize_t bytes = pair_readable(pair, pieces, &count);
	size_t sum = 0;

	for (int i = 0; bytes > 0 && i < count; i++) {
		sum += pieces[i].iov_len;
		require(memchr(pieces[i].iov_base, 0, pieces[i].iov_len) || pieces[i].iov_len);
	}
	require(bytes <= 0 || sum == (size_t)bytes);
	require(bytes < (ssize_t)pair->in_size || !pair->in_size);
	if (bytes > 0)
		pair_consume(pair, (size_t)bytes);
	bytes = pair_writable(pair, pieces, &count);
	for (int i = 0; bytes > 0 && i < count; i++)
		memset(pieces[i].iov_base, 1, pieces[i].iov_len);
	require(bytes < (ssize_t)pair->out_size || !pair->out_size);
	if (bytes > 0)
		pair_produce(pair, (size_t)bytes);
}

static __s32 take_datagram(struct host *host, const struct vmci_datagram *datagram)
{
	struct vmci_datagram answer = *datagram;

	require(datagram->src.context == function_cid(host->function));
	require(datagram->dst.context == VMCI_HOST_CONTEXT_ID);
	require(datagram->payload_size <= VMCI_MAX_DG_PAYLOAD_SIZE);
	answer.dst = datagram->src;
	answer.src = datagram->dst;
	answer.payload_size = 0;
	function_send(host->function, &answer);
	for (GHashTableIter *iter = &(GHashTableIter){ 0 }; iter; iter = NULL) {
		struct pair *pair;

		pairs_iter(host->function, iter);
		while ((pair = pairs_next(iter)))
			use_pair(pair);
	}
	return (__s32)(sizeof(*datagram) + datagram->payload_size);
}

static __s32 take_pair(struct host *host, struct pair *pair)
{
	pairs++;
	use_pair(pair);
	function_pair_event(host->function, VMCI_EVENT_QP_PEER_ATTACH, pair->handle);
	return VMCI_SUCCESS;
}

static void leave_pair(__attribute__((unused)) struct host *host, struct pair *pair)
{
	use_pair(pair);
	require(pairs > 0);
	pairs--;
}

static __s32 rung(struct host *host, struct vmci_handle handle)
{
	return function_ring(host->function, handle);
}

static __s32 linked(__attribute__((unused)) struct host *host,
		    __attribute__((unused)) struct vmci_handle handle)
{
	links++;
	return VMCI_SUCCESS;
}

static void unlinked(__attribute__((unused)) struct host *host,
		     __attribute__((unused)) struct vmci_handle handle)
{
	require(links > 0);
	links--;
}

static void nothing(__attribute__((unused)) struct host *host)
{
}

static const struct host_ops taking_ops = {
	.datagram = take_datagram,
	.pair_alloc = take_pair,
	.pair_detach = leave_pair,
	.doorbell = rung,
	.doorbell_link = linked,
	.doorbell_unlink = unlinked,
	.room = nothing,
	.renamed = nothing,
	.reset = nothing,
};

static void silent(__attribute__((unused)) const gchar *domain,
		   __attribute__((unused)) GLogLevelFlags level,
		   __attribute__((unused)) const gchar *message,
		   __attribute__((unused)) gpointer data)
{
}

/* One file for all machines of the process */
static int ram_file(uint8_t **ram)
{
	static int fd = -1;
	static uint8_t *bytes;

	if (fd < 0) {
		g_log_set_default_handler(silent, NULL);
		fd = memfd_create("ram", MFD_CLOEXEC);
		require(fd >= 0 && ftruncate(fd, RAM_SIZE) == 0);
		bytes = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		require(bytes != MAP_FAILED);
	}
	*ram = bytes;
	return fd;
}

static void set_command(struct machine *machine, uint16_t value)
{
	machine->device.ops->write(machine->function, VFIO_CONFIG, 4, (uint8_t *)&value, 2);
}

static void add_ram(struct machine *machine, int fd)
{
	const unsigned int both = MEMORY_READ | MEMORY_WRITE;
	struct memory *memory = machine->function->memory;

	memset(machine->ram, 0, RAM_SIZE);
	memset(machine->ram + ROM_AT, PATTERN, 4096);
	require(!memory_map(memory, 0, ROM_AT, both, dup(fd), 0));
	require(!memory_map(memory, ROM_AT, 4096, MEMORY_READ, dup(fd), ROM_AT));
	require(!memory_map(memory, ROM_AT + 8192, RAM_SIZE - ROM_AT - 8192, both, dup(fd),
			    ROM_AT + 8192));
	require(!memory_map(memory, HIGH, RAM_SIZE / 4, both, dup(fd), RAM_SIZE / 4 * 3));
}

struct machine *machine_new(uint32_t caps)
{
	static struct host host = { .ops = &taking_ops };
	const struct function_options options = {
		.cid = 42, .caps = 0x3c, .interrupts = PCI_MSIX,
		.pair_memory = 1 << 20, .pair_count = 16,
	};
	struct machine *machine = g_new0(struct machine, 1);
	int fd = ram_file(&machine->ram);

	pairs = links = 0;
	machine->loop = loop_new();
	machine->function = function_new(machine->loop, &options);
	function_set_host(machine->function, &host);
	function_describe(machine->function, &machine->device);
	add_ram(machine, fd);
	machine->function->memory_proved = true;
	set_command(machine, 7);
	machine_set(machine, VMCI_REG_CAPS, caps);
	return machine;
}

void machine_free(struct machine *machine)
{
	machine_check(machine);
	function_reset(machine->function);
	require(pairs == 0 && links == 0);
	require(machine->function->pairs.bytes == 0 && machine->function->inbound.bytes == 0);
	for (unsigned int i = 0; i < 4096; i++)
		require(machine->ram[ROM_AT + i] == PATTERN);
	function_free(machine->function);
	loop_free(machine->loop);
	g_free(machine);
}

uint32_t machine_get(struct machine *machine, uint32_t reg)
{
	uint32_t value = 0;

	machine->device.ops->read(machine->function, VFIO_BAR1, VMCI_MMIO_REGS_OFFSET + reg,
				  (uint8_t *)&value, sizeof(value));
	return value;
}

void machine_set(struct machine *machine, uint32_t reg, uint32_t value)
{
	machine->device.ops->write(machine->function, VFIO_BAR1, VMCI_MMIO_REGS_OFFSET + reg,
				   (uint8_t *)&value, sizeof(value));
}

void machine_check(const struct machine *machine)
{
	const struct function *function = machine->function;

	require(function->pairs.bytes <= function->options.pair_memory);
	require(pairs_count(function) <= function->options.pair_count);
	require(pairs_count(function) == pairs);
	require(function->inbound.bytes < VMCI_MAX_DATAGRAM_AND_EVENT_QUEUE_SIZE);
	require(g_hash_table_size(function->doorbells.indexes) == links && links <= 65536);
	require((function->regs.caps & ~function->options.caps) == 0);
	require(function->regs.page_shift >= 12 && function->regs.page_shift <= 16);
	require(function->port.out_have < VMCI_MAX_HYPERCALL_DG_SIZE);
	require(function->port.in_done <= function->port.in_size || !function->port.in_size);
}
