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

unsigned char pattern(__u64 position)
{
	return (unsigned char)(position * 151 + (position >> 8) * 7 + (position >> 16));
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

static void *page(const struct guest *guest, __u64 ppn)
{
	return guest->file + (ppn - BASE_PAGE) * GUEST_PAGE;
}

static __u64 consume_header_page(const struct socket *socket)
{
	return vmci_queue_pages(socket->hs.size, 12);
}

struct vmci_queue_header *guest_header(const struct socket *socket)
{
	return page(socket->guest, socket->ppns[0]);
}

static struct vmci_queue_header *host_header(const struct socket *socket)
{
	return page(socket->guest, socket->ppns[consume_header_page(socket)]);
}

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

static bool qp_open(struct socket *socket, struct vmci_handle handle, __u32 flags)
{
	struct guest *guest = socket->guest;
	struct vmci_qp_alloc_msg message = alloc_message(handle, VMCI_HOST_CONTEXT_ID, flags,
							 socket->hs.size);
	__s32 result;

	if (message.ppn_count > guest->free_count ||
	    message.ppn_count > sizeof(socket->ppns) / sizeof(socket->ppns[0]))
		return false;
	for (__u64 i = 0; i < message.ppn_count; i++)
		socket->ppns[i] = guest->free_pages[--guest->free_count];
	socket->pair = pair_alloc(guest, &message, socket->ppns, &result);
	guest->last_result = result;
	if (!socket->pair) {
		give_back(guest, socket->ppns, message.ppn_count);
		return false;
	}
	socket->tail = socket->head = 0;
	vmsock_notify_init(&socket->notify, socket->hs.proto, socket->hs.size, GUEST_PAGE);
	return true;
}

static void qp_close(struct socket *socket)
{
	struct function *function = &socket->guest->function;

	if (!socket->pair)
		return;
	function->host->ops->pair_detach(function->host, socket->pair);
	give_back(socket->guest, socket->pair->ppns, socket->pair->ppn_count);
	function->allocated -= socket->pair->in_size + socket->pair->out_size;
	pair_free(socket->pair);
	socket->pair = NULL;
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

/*
 * Sending
 */

__s32 guest_packet(struct guest *guest, const struct vmsock_packet *pkt)
{
	struct vmsock_packet copy = *pkt;

	copy.dg.src.context = GUEST_CID;
	guest->last_result = guest->function.host->ops->datagram(guest->function.host, &copy.dg);
	return guest->last_result;
}

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
	result = guest->function.host->ops->datagram(guest->function.host, datagram);
	free(datagram);
	return result;
}

static void step(struct socket *socket, struct vmsock_step step)
{
	for (;;) {
		if (step.action == VMSOCK_ACT_CREATE_QP) {
			struct vmci_handle handle = { GUEST_CID, ++socket->guest->last_resource };

			step = qp_open(socket, handle, 0) ?
				vmsock_handshake_qp_created(&socket->hs, handle) :
				vmsock_handshake_qp_failed(&socket->hs);
			continue;
		}
		if (step.action == VMSOCK_ACT_ATTACH_QP) {
			step = qp_open(socket, socket->hs.handle, VMCI_QPFLAG_ATTACH_ONLY) ?
				vmsock_handshake_qp_attached(&socket->hs) :
				vmsock_handshake_qp_failed(&socket->hs);
			continue;
		}
		socket->failed |= step.action == VMSOCK_ACT_FAILED;
		if (!step.send || guest_packet(socket->guest, &step.packet) > 0)
			break;
		step = vmsock_handshake_send_failed(&socket->hs, &step.packet);
	}
	if (socket->failed)
		qp_close(socket);
	else
		guest_run(socket);
}

static void notifications(struct socket *socket, unsigned int what)
{
	static const __u8 types[] = { VMSOCK_PACKET_WROTE, VMSOCK_PACKET_READ,
				      VMSOCK_PACKET_WAITING_READ, VMSOCK_PACKET_WAITING_WRITE };

	for (unsigned int i = 0; i < 4; i++) {
		struct vmsock_packet pkt;

		if (!(what & (1u << i)))
			continue;
		vmsock_packet_init(&pkt, types[i], socket->hs.local, socket->hs.peer);
		if (i >= 2)
			pkt.u.wait = socket->notify.wait;
		vmsock_notify_sent(&socket->notify, 1u << i,
				   guest_packet(socket->guest, &pkt) > 0);
	}
}

/*
 * Data
 */

static __u64 in_ready(const struct socket *socket)
{
	__u64 tail = __atomic_load_n(&host_header(socket)->producer_tail, __ATOMIC_ACQUIRE);

	return (__u64)vmci_ring_ready(tail, socket->head, socket->hs.size);
}

static __u64 out_free(const struct socket *socket)
{
	__u64 head = __atomic_load_n(&host_header(socket)->consumer_head, __ATOMIC_ACQUIRE);

	return (__u64)vmci_ring_free(socket->tail, head, socket->hs.size);
}

static unsigned char *byte_at(const struct socket *socket, __u64 first, __u64 index)
{
	unsigned char *data = page(socket->guest, socket->ppns[first + index / GUEST_PAGE]);

	return data + index % GUEST_PAGE;
}

static __u64 at_most(__u64 a, __u64 b)
{
	return a < b ? a : b;
}

static __u64 write_some(struct socket *socket)
{
	__u64 count = at_most(out_free(socket), socket->to_write - socket->written);
	__u64 before = socket->tail, size = socket->hs.size;

	count = at_most(count, socket->chunk);
	if (!count)
		return 0;
	for (__u64 i = 0; i < count; i++) {
		*byte_at(socket, 1, socket->tail) = pattern(socket->written++);
		socket->tail = vmci_ring_advance(socket->tail, 1, size);
	}
	__atomic_store_n(&guest_header(socket)->producer_tail, socket->tail, __ATOMIC_SEQ_CST);
	notifications(socket, vmsock_notify_enqueued(&socket->notify, count, before,
						     size - 1 - out_free(socket)));
	return count;
}

static __u64 read_some(struct socket *socket)
{
	__u64 count = at_most(in_ready(socket), socket->chunk);
	__u64 before = socket->head, first = consume_header_page(socket) + 1;

	if (!count)
		return 0;
	for (__u64 i = 0; i < count; i++) {
		socket->wrong += *byte_at(socket, first, socket->head) !=
				 pattern(socket->received++);
		socket->head = vmci_ring_advance(socket->head, 1, socket->hs.size);
	}
	__atomic_store_n(&guest_header(socket)->consumer_head, socket->head, __ATOMIC_SEQ_CST);
	notifications(socket, vmsock_notify_dequeued(&socket->notify, count, before,
						     socket->hs.size - 1 - in_ready(socket)));
	return count;
}

static void run_writer(struct socket *socket)
{
	if (socket->hs.peer_shutdown & VMSOCK_SHUTDOWN_RECEIVE)
		return;
	while (socket->written < socket->to_write)
		if (!write_some(socket)) {
			notifications(socket, vmsock_notify_send_block(&socket->notify,
						socket->tail, out_free(socket)));
			if (!out_free(socket))
				return;
		}
	if (socket->finish && !socket->finished) {
		socket->finished = true;
		guest_shutdown(socket, VMSOCK_SHUTDOWN_SEND);
	}
}

static void run_reader(struct socket *socket)
{
	while (socket->reading && !socket->ended) {
		if (read_some(socket))
			continue;
		if (socket->hs.peer_shutdown & VMSOCK_SHUTDOWN_SEND) {
			socket->ended = true;
			return;
		}
		notifications(socket, vmsock_notify_recv_block(&socket->notify, socket->head,
					socket->hs.size - 1 - in_ready(socket), 1, false));
		if (!in_ready(socket))
			return;
	}
}

void guest_run(struct socket *socket)
{
	if (!socket->pair || !vmsock_handshake_succeeded(&socket->hs))
		return;
	if (socket->hs.state == VMSOCK_ESTABLISHED)
		run_writer(socket);
	run_reader(socket);
	if (socket->closes && socket->written == socket->to_write)
		qp_close(socket);
}

void guest_shutdown(struct socket *socket, unsigned int bits)
{
	struct vmsock_step next = vmsock_handshake_shutdown(&socket->hs, (__u8)bits);

	if (next.send)
		guest_packet(socket->guest, &next.packet);
}

/*
 * Receiving
 */

static struct socket *socket_new(struct guest *guest)
{
	struct socket *socket = calloc(1, sizeof(*socket));

	socket->guest = guest;
	socket->chunk = 1000;
	socket->next = guest->sockets;
	guest->sockets = socket;
	return socket;
}

/* Nothing can reach it any more */
static bool gone(const struct socket *socket)
{
	return socket->failed || (vmsock_handshake_succeeded(&socket->hs) && !socket->pair);
}

static struct socket *find(struct guest *guest, const struct vmsock_packet *pkt)
{
	struct socket *listener = NULL;

	for (struct socket *socket = guest->sockets; socket; socket = socket->next) {
		if (socket->hs.local.port != pkt->dst_port)
			continue;
		if (socket->listens)
			listener = socket;
		else if (socket->hs.peer.port == pkt->src_port && !gone(socket))
			return socket;
	}
	return listener;
}

static void refuse(struct guest *guest, const struct vmsock_packet *cause)
{
	struct vmsock_packet pkt;

	if (cause->type == VMSOCK_PACKET_RST)
		return;
	vmsock_packet_reply(&pkt, VMSOCK_PACKET_RST, cause);
	guest_packet(guest, &pkt);
}

static void request(struct socket *listener, const struct vmsock_packet *pkt)
{
	struct vmsock_handshake hs = { .state = VMSOCK_IDLE };
	struct vmsock_step next = vmsock_handshake_listen(&hs, listener->hs.limits, pkt, true);
	struct socket *child;

	if (hs.state != VMSOCK_PENDING) {
		if (next.send)
			guest_packet(listener->guest, &next.packet);
		return;
	}
	child = socket_new(listener->guest);
	child->hs = hs;
	child->accepted = true;
	child->to_write = listener->to_write;
	child->reading = listener->reading;
	child->finish = listener->finish;
	child->closes = listener->closes;
	child->chunk = listener->chunk;
	step(child, next);
}

static void packet_received(struct guest *guest, const struct vmsock_packet *pkt)
{
	struct socket *socket = find(guest, pkt);
	struct vmsock_step next;

	if (pkt->type < VMSOCK_PACKET_TYPE_COUNT)
		guest->packets[pkt->type]++;
	if (!socket && pkt->dst_port != guest->by_hand)
		refuse(guest, pkt);
	if (!socket)
		return;
	if (socket->listens) {
		request(socket, pkt);
		return;
	}
	next = vmsock_handshake_packet(&socket->hs, pkt, socket->pair && in_ready(socket) > 0);
	if (next.action == VMSOCK_ACT_NOTIFY && socket->pair)
		notifications(socket, vmsock_notify_packet(&socket->notify, pkt->type,
				socket->hs.size - 1 - out_free(socket),
				socket->hs.size - 1 - in_ready(socket)));
	step(socket, next);
}

static void event_received(struct guest *guest, const struct vmci_event_msg *message)
{
	struct socket *socket = guest->sockets;

	if (message->data.event == VMCI_EVENT_QP_PEER_ATTACH) {
		guest->function.attached++;
		return;
	}
	guest->function.detached++;
	while (socket && (!socket->pair ||
			  !vmci_handle_equal(socket->pair->handle, message->data.u.qp.handle)))
		socket = socket->next;
	if (!socket)
		return;
	socket->detached = true;
	step(socket, vmsock_handshake_detached(&socket->hs, in_ready(socket) > 0));
}

static void datagram_received(struct guest *guest, struct vmci_datagram *datagram)
{
	if (datagram->src.context == 0 && datagram->dst.resource == VMCI_EVENT_HANDLER) {
		event_received(guest, (const struct vmci_event_msg *)(void *)datagram);
	} else if (datagram->dst.resource == VMCI_SOCKET_CONTROL_RID) {
		packet_received(guest, (const struct vmsock_packet *)(void *)datagram);
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

/*
 * Sockets
 */

static struct vmsock_limits limits_of(__u64 size)
{
	return (struct vmsock_limits){ .size = size, .min = 2, .max = 1u << 20 };
}

struct socket *guest_connect(struct guest *guest, __u32 port, __u64 size, bool packet_style)
{
	struct vmsock_addr local = { GUEST_CID, ++guest->last_port };
	struct vmsock_addr peer = { VMCI_HOST_CONTEXT_ID, port };
	struct socket *socket = socket_new(guest);

	vmsock_handshake_init(&socket->hs, local);
	step(socket, vmsock_handshake_connect(&socket->hs, peer, limits_of(size), packet_style));
	return socket;
}

struct socket *guest_listen(struct guest *guest, __u32 port, __u64 size)
{
	struct vmsock_addr local = { GUEST_CID, port };
	struct socket *socket = socket_new(guest);

	vmsock_handshake_init(&socket->hs, local);
	socket->hs.limits = limits_of(size);
	socket->listens = true;
	return socket;
}

struct socket *guest_accepted(struct guest *guest, __u32 port)
{
	struct socket *socket = guest->sockets;

	while (socket && (!socket->accepted || socket->hs.local.port != port))
		socket = socket->next;
	return socket;
}

void guest_close(struct socket *socket)
{
	struct socket **at = &socket->guest->sockets;

	qp_close(socket);
	while (*at != socket)
		at = &(*at)->next;
	*at = socket->next;
	free(socket);
}

void guest_forget(struct guest *guest)
{
	free(inbox_pop(&guest->function));
}

void guest_reset(struct guest *guest)
{
	while (guest->sockets)
		guest_close(guest->sockets);
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
	guest->last_port = 2000;
	guest->last_resource = VMCI_RESERVED_RESOURCE_ID_MAX;
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
