/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * irq.h - interrupts of a vfio-user device: eventfds that the client gives and takes away
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vfio-user.md 3.6 and 4.4 to 4.6.  Knows nothing of what an interrupt is for.
 */
#ifndef DEVICE_IRQ_H
#define DEVICE_IRQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct irqs;
struct loop;

/* Index of an interrupt type, as the protocol numbers them */
enum irq_type {
	IRQ_INTX,
	IRQ_MSI,
	IRQ_MSIX,
	IRQ_ERR,
	IRQ_REQ,
	IRQ_TYPES
};

#define IRQ_VECTORS_MAX 4u

/* A request of the client (vfio-user.md 3.6) */
struct irq_request {
	uint32_t flags;
	uint32_t type;
	uint32_t start;
	uint32_t count;
	const uint8_t *selected;	/* of BOOL: one byte a vector */
	size_t selected_size;
	int *fds;			/* those taken are set to -1 */
	unsigned int fd_count;
};

/**
 * irqs_new() - interrupts without eventfds
 * @loop: where unmask eventfds are watched
 * @vectors: how many there are of each type
 * @changed: called after eventfds have come or gone, or INTx was unmasked
 * @data: for @changed
 */
struct irqs *irqs_new(struct loop *loop, const uint32_t vectors[IRQ_TYPES],
		      void (*changed)(void *data), void *data);
void irqs_free(struct irqs *irqs);

uint32_t irqs_vectors(const struct irqs *irqs, enum irq_type type);

/* Returns 0, or the errno for the client */
int irqs_request(struct irqs *irqs, const struct irq_request *request);

/* Closes all eventfds: the client has gone */
void irqs_clear(struct irqs *irqs);

/* How many vectors of this type have an eventfd; is @vector one of them? */
unsigned int irqs_assigned(const struct irqs *irqs, enum irq_type type);
bool irqs_has(const struct irqs *irqs, enum irq_type type, unsigned int vector);

/* Signals a vector; false when it has no eventfd */
bool irqs_signal(struct irqs *irqs, enum irq_type type, unsigned int vector);

/* The level of the INTx line; signals and masks itself as vfio-user.md 4.6 says */
void irqs_line(struct irqs *irqs, bool high);

#endif /* DEVICE_IRQ_H */
