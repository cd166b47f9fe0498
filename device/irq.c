// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * irq - interrupts of a vfio-user device: eventfds that the client gives and takes away
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * An eventfd that is full, or is none, is no error: the client has what it deserves, and nobody
 * waits.  INTx is a level that masks itself when it is signalled, until the client unmasks it by
 * a message or through an eventfd of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "irq.h"
#include "loop.h"

/* Kinds of data and actions of a request */
#define DATA_NONE	0x01u
#define DATA_BOOL	0x02u
#define DATA_EVENTFD	0x04u
#define DATA_ALL	0x07u
#define ACTION_MASK	0x08u
#define ACTION_UNMASK	0x10u
#define ACTION_TRIGGER	0x20u
#define ACTION_ALL	0x38u

struct irqs {
	struct loop *loop;
	void (*changed)(void *data);
	void *data;
	uint32_t vectors[IRQ_TYPES];
	int fds[IRQ_TYPES][IRQ_VECTORS_MAX];
	bool high;		/* level of INTx */
	bool masked;		/* INTx, by itself or by the client */
	int unmask_fd;
	struct watch *unmask_watch;
};

struct irqs *irqs_new(struct loop *loop, const uint32_t vectors[IRQ_TYPES],
		      void (*changed)(void *data), void *data)
{
	struct irqs *irqs = calloc(1, sizeof(*irqs));

	if (!irqs)
		return NULL;
	irqs->loop = loop;
	irqs->changed = changed;
	irqs->data = data;
	irqs->unmask_fd = -1;
	for (unsigned int type = 0; type < IRQ_TYPES; type++) {
		irqs->vectors[type] = vectors[type];
		for (unsigned int i = 0; i < IRQ_VECTORS_MAX; i++)
			irqs->fds[type][i] = -1;
	}
	return irqs;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void drop_unmask(struct irqs *irqs)
{
	if (irqs->unmask_watch)
		watch_remove(irqs->unmask_watch);
	irqs->unmask_watch = NULL;
	close_fd(&irqs->unmask_fd);
}

static void drop_vectors(struct irqs *irqs, enum irq_type type, uint32_t start, uint32_t count)
{
	for (uint32_t i = start; i < start + count; i++)
		close_fd(&irqs->fds[type][i]);
	if (type == IRQ_INTX)
		irqs->masked = false;
}

void irqs_clear(struct irqs *irqs)
{
	for (unsigned int type = 0; type < IRQ_TYPES; type++)
		drop_vectors(irqs, type, 0, irqs->vectors[type]);
	drop_unmask(irqs);
	irqs->high = false;
}

void irqs_free(struct irqs *irqs)
{
	if (!irqs)
		return;
	irqs_clear(irqs);
	free(irqs);
}

uint32_t irqs_vectors(const struct irqs *irqs, enum irq_type type)
{
	return irqs->vectors[type];
}

unsigned int irqs_assigned(const struct irqs *irqs, enum irq_type type)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < irqs->vectors[type]; i++)
		count += irqs->fds[type][i] >= 0;
	return count;
}

bool irqs_has(const struct irqs *irqs, enum irq_type type, unsigned int vector)
{
	return vector < irqs->vectors[type] && irqs->fds[type][vector] >= 0;
}

bool irqs_signal(struct irqs *irqs, enum irq_type type, unsigned int vector)
{
	uint64_t one = 1;

	if (!irqs_has(irqs, type, vector))
		return false;
	if (write(irqs->fds[type][vector], &one, sizeof(one)) < 0)
		return true;	/* full: it is pending anyway; no eventfd: the client's fault */
	return true;
}

/* An asserted line that is not masked is signalled once */
static void update_line(struct irqs *irqs)
{
	if (irqs->high && !irqs->masked && irqs_signal(irqs, IRQ_INTX, 0))
		irqs->masked = true;
}

void irqs_line(struct irqs *irqs, bool high)
{
	irqs->high = high;
	update_line(irqs);
}

static void unmask(struct irqs *irqs)
{
	irqs->masked = false;
	irqs->changed(irqs->data);
	update_line(irqs);
}

static void unmask_ready(void *data, uint32_t events)
{
	struct irqs *irqs = data;
	uint64_t count;
	ssize_t got = read(irqs->unmask_fd, &count, sizeof(count));

	if (got < 0 && errno == EAGAIN && !(events & (EPOLLHUP | EPOLLERR)))
		return;
	/* What is no eventfd would be ready for ever */
	if (got != sizeof(count))
		drop_unmask(irqs);
	unmask(irqs);
}

static int take_fd(int *fd)
{
	int taken = *fd;
	int flags = fcntl(taken, F_GETFL);

	*fd = -1;
	if (flags < 0 || fcntl(taken, F_SETFL, flags | O_NONBLOCK) < 0) {
		close(taken);
		return -1;
	}
	return taken;
}

/* EVENTFD and UNMASK: a descriptor that unmasks when it becomes readable */
static int set_unmask_fd(struct irqs *irqs, const struct irq_request *request)
{
	drop_unmask(irqs);
	if (!request->fd_count)
		return 0;
	irqs->unmask_fd = take_fd(&request->fds[0]);
	if (irqs->unmask_fd < 0)
		return EINVAL;
	irqs->unmask_watch = loop_watch(irqs->loop, irqs->unmask_fd, EPOLLIN, unmask_ready, irqs);
	if (irqs->unmask_watch)
		return 0;
	close_fd(&irqs->unmask_fd);
	return EINVAL;
}

static int set_eventfds(struct irqs *irqs, const struct irq_request *request)
{
	drop_vectors(irqs, request->type, request->start, request->count);
	for (unsigned int i = 0; i < request->fd_count; i++)
		irqs->fds[request->type][request->start + i] = take_fd(&request->fds[i]);
	irqs->changed(irqs->data);
	if (request->type == IRQ_INTX)
		update_line(irqs);
	return 0;
}

static bool selects(const struct irq_request *request, uint32_t i)
{
	return !(request->flags & DATA_BOOL) || request->selected[i];
}

static int trigger(struct irqs *irqs, const struct irq_request *request)
{
	if (!request->count) {
		drop_vectors(irqs, request->type, 0, irqs->vectors[request->type]);
		irqs->changed(irqs->data);
		return 0;
	}
	for (uint32_t i = 0; i < request->count; i++)
		if (selects(request, i))
			irqs_signal(irqs, request->type, request->start + i);
	return 0;
}

/* MASK and UNMASK without descriptors; only INTx can be masked */
static int mask(struct irqs *irqs, const struct irq_request *request)
{
	if (request->type != IRQ_INTX)
		return EINVAL;
	if (!request->count || !selects(request, 0))
		return 0;
	if (request->flags & ACTION_UNMASK)
		unmask(irqs);
	else
		irqs->masked = true;
	return 0;
}

static bool one_bit(uint32_t bits)
{
	return bits && !(bits & (bits - 1));
}

static bool good_request(const struct irqs *irqs, const struct irq_request *request)
{
	uint32_t data = request->flags & DATA_ALL, action = request->flags & ACTION_ALL;
	uint32_t vectors;

	if (request->type >= IRQ_TYPES || !one_bit(data) || !one_bit(action) ||
	    (request->flags & ~(DATA_ALL | ACTION_ALL)))
		return false;
	vectors = irqs->vectors[request->type];
	if (request->start > vectors || request->count > vectors - request->start)
		return false;
	if (!request->count && request->flags != (DATA_NONE | ACTION_TRIGGER))
		return false;
	if (data == DATA_EVENTFD)
		return !request->fd_count || request->fd_count == request->count;
	return !request->fd_count &&
	       (data != DATA_BOOL || request->selected_size >= request->count);
}

int irqs_request(struct irqs *irqs, const struct irq_request *request)
{
	if (!good_request(irqs, request))
		return EINVAL;
	switch (request->flags) {
	case DATA_EVENTFD | ACTION_TRIGGER:
		return set_eventfds(irqs, request);
	case DATA_EVENTFD | ACTION_UNMASK:
		return request->type == IRQ_INTX ? set_unmask_fd(irqs, request) : EINVAL;
	case DATA_NONE | ACTION_TRIGGER:
	case DATA_BOOL | ACTION_TRIGGER:
		return trigger(irqs, request);
	case DATA_EVENTFD | ACTION_MASK:
		return EINVAL;
	default:
		return mask(irqs, request);
	}
}
