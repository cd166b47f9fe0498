// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * client - plays QEMU and the guest to a device in the same process
 *
 * Copyright (C) 2026 The vmsock authors
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "loop.h"
#include "vmci/errors.h"
#include "vmci/regs.h"

#define OUT_BUFFER	0x100000u
#define IN_BUFFER	0x200000u
#define MESSAGE_MAX	(80u << 10)

static void require(bool good, const char *what)
{
	if (good)
		return;
	printf("Bail out! %s\n", what);
	exit(EXIT_FAILURE);
}

/*
 * The host end
 */

static struct counting_host *host_of(struct host *host)
{
	return (struct counting_host *)host;
}

static __s32 host_datagram(struct host *base, const struct vmci_datagram *datagram)
{
	struct counting_host *host = host_of(base);
	size_t size = MIN(sizeof(host->payload), datagram->payload_size);

	host->datagrams++;
	host->last = *datagram;
	memcpy(host->payload, datagram + 1, size);
	return host->result < 0 ? host->result :
	       (__s32)(sizeof(*datagram) + datagram->payload_size);
}

static __s32 host_pair_alloc(struct host *base, struct pair *pair)
{
	struct counting_host *host = host_of(base);

	host->pairs++;
	host->pair = pair;
	return host->result;
}

static void host_pair_detach(struct host *base, __attribute__((unused)) struct pair *pair)
{
	host_of(base)->detaches++;
}

static __s32 host_doorbell(struct host *base, __attribute__((unused)) struct vmci_handle handle)
{
	host_of(base)->doorbells++;
	return host_of(base)->result;
}

static __s32 host_link(struct host *base, __attribute__((unused)) struct vmci_handle handle)
{
	host_of(base)->links++;
	return host_of(base)->result;
}

static void host_unlink(struct host *base, __attribute__((unused)) struct vmci_handle handle)
{
	host_of(base)->unlinks++;
}

static void host_room(struct host *base)
{
	host_of(base)->rooms++;
}

static void host_reset(struct host *base)
{
	host_of(base)->resets++;
}

static void host_renamed(struct host *base)
{
	host_of(base)->renames++;
}

static const struct host_ops counting_ops = {
	.datagram = host_datagram,
	.pair_alloc = host_pair_alloc,
	.pair_detach = host_pair_detach,
	.doorbell = host_doorbell,
	.doorbell_link = host_link,
	.doorbell_unlink = host_unlink,
	.room = host_room,
	.renamed = host_renamed,
	.reset = host_reset,
};

/*
 * The connection
 */

static void closed(void *owner, const char *reason)
{
	struct client *client = owner;

	client->closed = reason;
	function_connect(client->function, NULL);
	vfio_user_free(client->vfio);
	client->vfio = NULL;
}

static void make_ram(struct client *client)
{
	client->ram_fd = memfd_create("ram", MFD_CLOEXEC);
	require(client->ram_fd >= 0 && ftruncate(client->ram_fd, CLIENT_RAM) == 0, "memfd");
	client->ram = mmap(NULL, CLIENT_RAM, PROT_READ | PROT_WRITE, MAP_SHARED, client->ram_fd,
			   0);
	require(client->ram != MAP_FAILED, "mmap");
}

void client_open(struct client *client, const struct function_options *options)
{
	static const struct function_options all = {
		.cid = CLIENT_CID, .caps = 0x3c, .interrupts = PCI_MSIX,
		.pair_memory = VMCI_MAX_GUEST_QP_MEMORY, .pair_count = VMCI_MAX_GUEST_QP_COUNT,
	};
	int fds[2];

	memset(client, 0, sizeof(*client));
	memset(client->eventfds, -1, sizeof(client->eventfds));
	require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0,
		"socketpair");
	make_ram(client);
	client->fd = fds[0];
	client->loop = loop_new();
	client->function = function_new(client->loop, options ? options : &all);
	client->host.base.ops = &counting_ops;
	function_set_host(client->function, &client->host.base);
	function_describe(client->function, &client->device);
	client->device.closed = closed;
	client->device.owner = client;
	client->vfio = vfio_user_new(client->loop, fds[1], &client->device);
	require(client->vfio, "vfio_user_new");
	function_connect(client->function, vfio_user_irqs(client->vfio));
	memset(&client->host.datagrams, 0, sizeof(unsigned int) * 9);
}

void client_close(struct client *client)
{
	for (unsigned int type = 0; type < IRQ_TYPES; type++)
		for (unsigned int i = 0; i < IRQ_VECTORS_MAX; i++)
			if (client->eventfds[type][i] >= 0)
				close(client->eventfds[type][i]);
	close(client->fd);
	if (client->vfio)
		client_pump(client);
	function_free(client->function);
	loop_free(client->loop);
	munmap(client->ram, CLIENT_RAM);
	close(client->ram_fd);
}

static void stop(void *data)
{
	loop_quit(data);
}

void client_pump(struct client *client)
{
	struct timer *timer = loop_timer(client->loop, stop, client->loop);

	/* Once to read all that is there, once more for what came of it */
	for (int i = 0; i < 2; i++) {
		timer_set(timer, 0);
		loop_run(client->loop);
	}
	timer_remove(timer);
}

void client_put(struct client *client, const void *bytes, size_t size, const int *fds,
		unsigned int fd_count)
{
	char control[CMSG_SPACE(64 * sizeof(int))] __attribute__((aligned(8)));
	struct iovec piece = { .iov_base = (void *)bytes, .iov_len = size };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };

	if (fd_count) {
		struct cmsghdr *part = (struct cmsghdr *)(void *)control;

		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		part->cmsg_level = SOL_SOCKET;
		part->cmsg_type = SCM_RIGHTS;
		part->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(part), fds, fd_count * sizeof(int));
	}
	require(sendmsg(client->fd, &message, MSG_NOSIGNAL) == (ssize_t)size || client->closed,
		"the device takes no more");
}

size_t client_get(struct client *client, void *bytes, size_t size)
{
	ssize_t got;

	client_pump(client);
	got = recv(client->fd, bytes, size, MSG_DONTWAIT);
	return got > 0 ? (size_t)got : 0;
}

size_t client_call(struct client *client, uint16_t command, void *payload, size_t size,
		   size_t room, const int *fds, unsigned int fd_count)
{
	static uint8_t message[MESSAGE_MAX];
	uint32_t total = (uint32_t)(16 + size), error;
	size_t got;

	memset(message, 0, 16);
	memcpy(message, &client->id, 2);
	memcpy(message + 2, &command, 2);
	memcpy(message + 4, &total, 4);
	memcpy(message + 16, payload, size);
	client->id++;
	client_put(client, message, total, fds, fd_count);
	got = client_get(client, message, sizeof(message));
	client->error = -1;
	if (got < 16)
		return 0;
	memcpy(&error, message + 12, 4);
	client->error = (int)error;
	memcpy(payload, message + 16, MIN(got - 16, room));
	return got - 16;
}

void client_map(struct client *client, uint64_t address, uint64_t offset, uint64_t size)
{
	uint64_t map[4] = { 3ull << 32 | 32, offset, address, size };

	client_call(client, DMA_MAP, map, sizeof(map), 0, &client->ram_fd, 1);
}

uint64_t client_read(struct client *client, uint32_t region, uint64_t offset, uint32_t count)
{
	uint64_t access[3] = { offset, (uint64_t)count << 32 | region, 0 };

	client_call(client, REGION_READ, access, 16, sizeof(access), NULL, 0);
	return access[2];
}

void client_write(struct client *client, uint32_t region, uint64_t offset, uint64_t value,
		  uint32_t count)
{
	uint64_t access[3] = { offset, (uint64_t)count << 32 | region, value };

	client_call(client, REGION_WRITE, access, 16 + count, 16, NULL, 0);
}

static uint64_t base(const struct client *client)
{
	return client->function->options.classic ? 0 : VMCI_MMIO_REGS_OFFSET;
}

static uint32_t bar(const struct client *client)
{
	return client->function->options.classic ? VFIO_BAR0 : VFIO_BAR1;
}

uint32_t client_reg(struct client *client, uint32_t reg)
{
	return (uint32_t)client_read(client, bar(client), base(client) + reg, 4);
}

void client_set_reg(struct client *client, uint32_t reg, uint32_t value)
{
	client_write(client, bar(client), base(client) + reg, value, 4);
}

void client_set_vectors(struct client *client, enum irq_type type, unsigned int count)
{
	uint32_t set[5] = { 20, 0x24, type, 0, count };

	for (unsigned int i = 0; i < count; i++)
		if (client->eventfds[type][i] < 0)
			client->eventfds[type][i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	client_call(client, SET_IRQS, set, sizeof(set), 0, client->eventfds[type], count);
}

uint64_t client_signals(struct client *client, enum irq_type type, unsigned int vector)
{
	uint64_t count = 0;

	client_pump(client);
	if (read(client->eventfds[type][vector], &count, sizeof(count)) < 0)
		return 0;
	return count;
}

void client_boot(struct client *client, uint32_t caps)
{
	static const struct { uint16_t major, minor; } version = { 0, 0 };
	uint8_t payload[256];

	memcpy(payload, &version, sizeof(version));
	client_call(client, VERSION, payload, sizeof(version), sizeof(payload), NULL, 0);
	client_map(client, 0, 0, CLIENT_RAM);
	client_write(client, VFIO_CONFIG, 4, 7, 2);
	client_set_reg(client, VMCI_REG_CAPS, caps);
}

uint32_t client_send(struct client *client, const void *datagram, size_t size)
{
	struct vmci_dma_header *header = (void *)(client->ram + OUT_BUFFER);

	header->busy = 1;
	header->opcode = VMCI_DMA_OPCODE_INLINE;
	header->size = (__u32)size;
	memcpy(header + 1, datagram, size);
	client_set_reg(client, VMCI_REG_DATA_OUT_LOW, OUT_BUFFER);
	return client_reg(client, VMCI_REG_RESULT_LOW);
}

const uint8_t *client_receive(struct client *client, uint32_t room)
{
	struct vmci_dma_header *header = (void *)(client->ram + IN_BUFFER);
	struct vmci_dma_element *element = (void *)(header + 1);

	header->busy = 0;
	header->opcode = VMCI_DMA_OPCODE_SCATTER;
	header->size = 1;
	element->address = IN_BUFFER + 4096;
	element->length = room;
	client_set_reg(client, VMCI_REG_DATA_IN_LOW, IN_BUFFER);
	return client->ram + IN_BUFFER + 4096;
}
