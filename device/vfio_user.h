/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vfio_user.h - the server's side of a vfio-user connection
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vfio-user.md sections 1 to 3.  Messages, descriptors, replies; knows PCI by its regions and
 * interrupts, and no VMCI.
 */
#ifndef DEVICE_VFIO_USER_H
#define DEVICE_VFIO_USER_H

#include <stdbool.h>
#include <stdint.h>

#include "irq.h"

struct loop;
struct memory;
struct vfio_user;

/* Regions of a PCI function */
enum vfio_region {
	VFIO_BAR0,
	VFIO_BAR1,
	VFIO_ROM = 6,
	VFIO_CONFIG = 7,
	VFIO_REGIONS = 9
};

/*
 * The device.  A reading or writing lies within its region; none of these may block.  Errors
 * are positive errno values, for the client.
 */
struct vfio_ops {
	/* All mappings known so far: may the device be used? */
	int (*start)(void *data);
	int (*read)(void *data, uint32_t region, uint64_t offset, uint8_t *to, uint32_t count);
	int (*write)(void *data, uint32_t region, uint64_t offset, const uint8_t *from,
		     uint32_t count);
	void (*reset)(void *data);
	/* Mappings of the guest's memory have; the client does not know yet */
	void (*memory)(void *data);
	/* Eventfds have come or gone, or INTx was unmasked */
	void (*interrupts)(void *data);
};

struct vfio_device {
	uint64_t regions[VFIO_REGIONS];		/* sizes, 0 for those that are not there */
	uint32_t vectors[IRQ_TYPES];
	const struct vfio_ops *ops;
	void *data;
	struct memory *memory;			/* gets what the client maps */
	/* The connection is over, for @reason; free it when it suits */
	void (*closed)(void *owner, const char *reason);
	void *owner;
};

/**
 * vfio_user_new() - serve a connection
 * @loop: which waits for it
 * @fd: a stream socket that does not block; becomes the connection's
 * @device: what it is for; outlives the connection
 *
 * Return: the connection, or NULL with errno set and @fd closed.
 */
struct vfio_user *vfio_user_new(struct loop *loop, int fd, const struct vfio_device *device);
/* Not from within a callback other than closed() */
void vfio_user_free(struct vfio_user *vfio);

struct irqs *vfio_user_irqs(struct vfio_user *vfio);

/* Messages since the connection began */
uint64_t vfio_user_messages(const struct vfio_user *vfio);

#endif /* DEVICE_VFIO_USER_H */
