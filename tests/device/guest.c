// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * guest.c - a guest in user space, for the host end of the device
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Datagrams for the guest arrive in an inbox and are handled by a timer, the interrupt; what it
 * sends reaches the host end at once, as a hypercall does.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/ring.h"
#include "guest.h"
#include "memory.h"
#include "vmci/errors.h"

#define BASE_PAGE 0x100000u	/* number of the first page, as the device sees it */

static struct guest *guest_of(struct function *function)
{
	return (struct guest *)(void *)function;
}

static struct guest *guest_of_machine(struct machine *machine)
{
	return (struct guest *)(void *)((char *)machine - offsetof(struct guest, machine));
}

/*
 * The function
 */

static void interrupt_soon(struct function *function)
{
	if (!function->deaf)
		timer_set(function->interrupt, 0);
}

__s32 function_send(struct function *function, const struct vmci_datagram *datagram)
{
	size_t size = sizeof(*datagram) + datagram->payload_size;
	struct letter *letter;

	if (function->absent)
		return VMCI_ERROR_UNAVAILABLE;
	if (size > VMCI_MAX_DG_SIZE)
		return VMCI_ERROR_INVALID_ARGS;
	if (function->waiting && function->waiting + size > function->most) {
		function->starved = true;
		return VMCI_ERROR_NO_RESOURCES;
	}
	letter = calloc(1, sizeof(*letter));
	letter->datagram = malloc(size);
	memcpy(letter->datagram, datagram, size);
	*function->inbox_end = letter;
	function->inbox_end = &letter->next;
	function->waiting += size;
	interrupt_soon(function);
	return (__s32)size;
}

__s32 function_pair_event(struct function *function, enum vmci_event_id event,
			  struct vmci_handle handle)
{
	struct vmci_event_msg message = {
		.hdr.dst = { GUEST_CID, VMCI_EVENT_HANDLER },
		.hdr.payload_size = VMCI_EVENT_QP_SIZE,
		.data.event = event,
		.data.u.qp = { .handle = handle, .peer = VMCI_HOST_CONTEXT_ID },
	};

	return function_send(function, &message.hdr);
}

__s32 function_ring(struct function *function, struct vmci_handle handle)
{
	(void)function;
	(void)handle;
	return VMCI_ERROR_NOT_FOUND;
}

void function_unreached(struct function *function, __u32 port)
{
	(void)port;
	function->unreached++;
}

__u32 function_cid(const struct function *function)
{
	(void)function;
	return GUEST_CID;
}

static struct vmci_datagram *inbox_pop(struct function *function)
{
	struct letter *letter = function->inbox;
	struct vmci_datagram *datagram = letter->datagram;

	function->inbox = letter->next;
	if (!function->inbox)
		function->inbox_end = &function->inbox;
	function->waiting -= sizeof(*datagram) + datagram->payload_size;
	free(letter);
	return datagram;
}

/*
 * Queue pairs
 */

/* What the hypercall does (vmci.md 4.12); pages come from the stack in a disorder of their own */
static struct pair *pair_alloc(struct guest *guest, const struct vmci_qp_alloc_msg *message,
			       const __u64 *ppns, __s32 *result)
{
	struct function *function = &guest->function;
	__u64 bytes = message->produce_size + message->consume_size;
	struct pair *pair;

	*result = vmci_queue_pair_check(message->produce_size, message->consume_size);
	if (*result == VMCI_SUCCESS && bytes > VMCI_MAX_GUEST_QP_MEMORY - function->allocated)
		*result = VMCI_ERROR_NO_RESOURCES;
	if (*result < 0)
		return NULL;
	pair = pair_new(function->memory, 12, message, ppns, result);
	if (!pair)
		return NULL;
	*result = function->host->ops->pair_alloc(function->host, pair);
	if (*result < 0) {
		pair_free(pair);
		return NULL;
	}
	function->allocated += bytes;
	return pair;
}

static struct vmci_qp_alloc_msg alloc_message(struct vmci_handle handle, __u32 peer, __u32 flags,
					      __u64 size)
{
	return (struct vmci_qp_alloc_msg){
		.handle = handle,
		.peer = peer,
		.flags = flags,
		.produce_size = size,
		.consume_size = size,
		.ppn_count = vmci_queue_pair_pages(size, size, 12),
	};
}

static void give_back(struct guest *guest, const __u64 *ppns, __u64 count)
{
	for (__u64 i = 0; i < count; i++)
		guest->free_pages[guest->free_count++] = ppns[i];
}

struct pair *guest_pair(struct guest *guest, struct vmci_handle handle, __u32 peer, __u32 flags,
			__u64 size, __s32 *result)
{
	struct vmci_qp_alloc_msg message = alloc_message(handle, peer, flags, size);

	return pair_alloc(guest, &message,
			  guest->free_pages + guest->free_count - message.ppn_count, result);
}

void guest_pair_leave(struct guest *guest, struct pair *pair)
{
	struct function *function = &guest->function;

	if (!pair)
		return;
	function->host->ops->pair_detach(function->host, pair);
	function->allocated -= pair->in_size + pair->out_size;
	pair_free(pair);
}

static bool qp_open(struct socket *socket, struct vmci_handle handle, __u32 flags)
{
	struct guest *guest = guest_of_machine(socket->machine);
	struct vmci_qp_alloc_msg message = alloc_message(handle, VMCI_HOST_CONTEXT_ID, flags,
							 socket->hs.size);
	__u64 ppns[sizeof(socket->pages) / sizeof(socket->pages[0])];
	__s32 result;

	if (message.ppn_count > guest->free_count ||
	    message.ppn_count > sizeof(ppns) / sizeof(ppns[0]))
		return false;
	for (__u64 i = 0; i < message.ppn_count; i++) {
		ppns[i] = guest->free_pages[--guest->free_count];
		socket->pages[i] = guest->file + (ppns[i] - BASE_PAGE) * GUEST_PAGE;
	}
	socket->pair = pair_alloc(guest, &message, ppns, &result);
	guest->machine.last_result = result;
	if (!socket->pair)
		give_back(guest, ppns, message.ppn_count);
	return socket->pair;
}

static void qp_close(struct socket *socket)
{
	struct guest *guest = guest_of_machine(socket->machine);
	struct pair *pair = socket->pair;

	give_back(guest, pair->ppns, pair->ppn_count);
	guest_pair_leave(guest, pair);
}

/*
 * Sending
 */

static __s32 to_host(struct machine *machine, const struct vmci_datagram *datagram)
{
	struct host *host = guest_of_machine(machine)->function.host;

	return host->ops->datagram(host, datagram);
}

static const struct machine_ops machine_ops = {
	.send = to_host,
	.open = qp_open,
	.close = qp_close,
};

__s32 guest_send(struct guest *guest, __u32 from, __u32 to, const void *payload, size_t length)
{
	struct vmci_datagram *datagram = malloc(sizeof(*datagram) + length);
	__s32 result;

	*datagram = (struct vmci_datagram){
		.dst = { VMCI_HOST_CONTEXT_ID, to },
		.src = { GUEST_CID, from },
		.payload_size = length,
	};
	memcpy(datagram + 1, payload, length);
	result = to_host(&guest->machine, datagram);
	free(datagram);
	return result;
}

/*
 * Receiving
 */

static void event_received(struct guest *guest, const struct vmci_event_msg *message)
{
	if (message->data.event == VMCI_EVENT_QP_PEER_ATTACH) {
		guest->function.attached++;
		return;
	}
	guest->function.detached++;
	machine_detached(&guest->machine, message->data.u.qp.handle);
}

static void datagram_received(struct guest *guest, struct vmci_datagram *datagram)
{
	if (datagram->src.context == 0 && datagram->dst.resource == VMCI_EVENT_HANDLER) {
		event_received(guest, (const struct vmci_event_msg *)(void *)datagram);
	} else if (datagram->dst.resource == VMCI_SOCKET_CONTROL_RID) {
		machine_packet_received(&guest->machine,
					(const struct vmsock_packet *)(void *)datagram);
	} else {
		guest->function.datagrams++;
		free(guest->received);
		guest->received = datagram;
		return;
	}
	free(datagram);
}

/* One datagram an interrupt, so that others run in between */
static void interrupt(void *data)
{
	struct function *function = data;

	if (function->inbox)
		datagram_received(guest_of(function), inbox_pop(function));
	if (function->starved) {
		function->starved = false;
		function->host->ops->room(function->host);
	}
	if (function->inbox)
		interrupt_soon(function);
}

void guest_forget(struct guest *guest)
{
	free(inbox_pop(&guest->function));
}

void guest_reset(struct guest *guest)
{
	while (guest->machine.sockets)
		machine_close(guest->machine.sockets);
	while (guest->function.inbox)
		guest_forget(guest);
	guest->function.starved = false;
	guest->function.host->ops->reset(guest->function.host);
}

/*
 * Beginning and end
 */

struct guest *guest_new(struct loop *loop, __u64 pages)
{
	struct guest *guest = calloc(1, sizeof(*guest));
	struct function *function = &guest->function;
	__u64 size = pages * GUEST_PAGE;

	guest->fd = memfd_create("guest", MFD_CLOEXEC);
	if (guest->fd < 0 || ftruncate(guest->fd, (off_t)size))
		exit(EXIT_FAILURE);
	guest->file = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, guest->fd, 0);
	guest->pages = pages;
	guest->free_pages = calloc(pages, sizeof(__u64));
	/* Every seventh page after the other, so that neighbours are rare */
	for (__u64 start = 0; start < 7; start++)
		for (__u64 i = start; i < pages; i += 7)
			guest->free_pages[guest->free_count++] = BASE_PAGE + i;
	machine_init(&guest->machine, &machine_ops, GUEST_CID);
	function->loop = loop;
	function->interrupt = loop_timer(loop, interrupt, function);
	function->inbox_end = &function->inbox;
	function->most = VMCI_MAX_DATAGRAM_QUEUE_SIZE;
	function->memory = memory_new();
	if (memory_map(function->memory, (__u64)BASE_PAGE * GUEST_PAGE, size,
		       MEMORY_READ | MEMORY_WRITE, dup(guest->fd), 0))
		exit(EXIT_FAILURE);
	return guest;
}

void guest_set_host(struct guest *guest, struct host *host)
{
	guest->function.host = host;
	host->function = &guest->function;
}

void guest_free(struct guest *guest)
{
	guest_reset(guest);
	timer_remove(guest->function.interrupt);
	memory_free(guest->function.memory);
	munmap(guest->file, guest->pages * GUEST_PAGE);
	close(guest->fd);
	free(guest->free_pages);
	free(guest->received);
	free(guest);
}
