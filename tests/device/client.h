/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * client.h - plays QEMU and the guest to a device in the same process
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The device is the real one behind a socket pair; its loop runs while the client waits for an
 * answer.  What context 2 would be is a host end that counts.
 */
#ifndef TESTS_DEVICE_CLIENT_H
#define TESTS_DEVICE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "function.h"
#include "host.h"
#include "vfio_user.h"

#define CLIENT_CID	0x6f3a1b2cu	/* of the vectors of vmci.md 14 */
#define CLIENT_RAM	(8u << 20)

/* Commands of vfio-user.md 3 */
enum client_command {
	VERSION = 1, DMA_MAP, DMA_UNMAP, GET_INFO, GET_REGION_INFO, GET_REGION_FDS, GET_IRQ_INFO,
	SET_IRQS, REGION_READ, REGION_WRITE, RESET = 13, DIRTY_PAGES, WRITE_MULTI
};

/* A host end that takes everything, unless told otherwise */
struct counting_host {
	struct host base;
	__s32 result;			/* of all calls, if negative */
	unsigned int datagrams, pairs, detaches, doorbells, links, unlinks, rooms, renames, resets;
	struct vmci_datagram last;
	__u8 payload[64];		/* first bytes of the last datagram */
	struct pair *pair;		/* the newest */
};

struct client {
	struct loop *loop;
	struct function *function;
	struct vfio_device device;
	struct vfio_user *vfio;
	struct counting_host host;
	const char *closed;		/* why, when the device has closed it */
	int fd;				/* our end */
	int ram_fd;
	uint8_t *ram;
	int eventfds[IRQ_TYPES][IRQ_VECTORS_MAX];
	uint16_t id;
	int error;			/* of the last reply */
};

/* NULL: everything that the device has, MSI-X with three vectors */
void client_open(struct client *client, const struct function_options *options);
void client_close(struct client *client);

/* Lets the device work until it has nothing more to do */
void client_pump(struct client *client);

/* Raw bytes, with descriptors, which stay ours; then what came back: bytes, 0 if nothing */
void client_put(struct client *client, const void *bytes, size_t size, const int *fds,
		unsigned int fd_count);
size_t client_get(struct client *client, void *bytes, size_t size);

/**
 * client_call() - a command and its reply
 * @client: the client, whose @error is set to that of the reply, or -1 without one
 * @command: number
 * @payload: of the command, and, of at most @room bytes, of the reply
 * @size: bytes of the command's
 *
 * Return: bytes of the reply's payload.
 */
size_t client_call(struct client *client, uint16_t command, void *payload, size_t size,
		   size_t room, const int *fds, unsigned int fd_count);

/* RAM at @address, from @offset of the file */
void client_map(struct client *client, uint64_t address, uint64_t offset, uint64_t size);
/* All of it at 0, bus mastering, eventfds; then the driver's first steps with @caps */
void client_boot(struct client *client, uint32_t caps);

uint64_t client_read(struct client *client, uint32_t region, uint64_t offset, uint32_t count);
void client_write(struct client *client, uint32_t region, uint64_t offset, uint64_t value,
		  uint32_t count);
/* Registers, through BAR1, or through BAR0 in a classic function */
uint32_t client_reg(struct client *client, uint32_t reg);
void client_set_reg(struct client *client, uint32_t reg, uint32_t value);

/* Gives an interrupt type its first @count eventfds; how often one was signalled since */
void client_set_vectors(struct client *client, enum irq_type type, unsigned int count);
uint64_t client_signals(struct client *client, enum irq_type type, unsigned int vector);

/* Sends a datagram through the DMA buffer at 1 MiB; the result register */
uint32_t client_send(struct client *client, const void *datagram, size_t size);
/* Receives through the DMA buffer at 2 MiB to 2 MiB + 4 KiB; @room: of that area */
const uint8_t *client_receive(struct client *client, uint32_t room);

#endif /* TESTS_DEVICE_CLIENT_H */
