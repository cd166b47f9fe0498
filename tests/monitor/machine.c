// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * machine.c - VMCI sockets of a machine that is a program
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <stdlib.h>

#include "common/ring.h"
#include "machine.h"

void machine_init(struct machine *machine, const struct machine_ops *ops, __u32 cid)
{
	*machine = (struct machine){
		.ops = ops,
		.cid = cid,
		.last_port = 2000,
		.last_resource = VMCI_RESERVED_RESOURCE_ID_MAX,
	};
}

unsigned char pattern(__u64 position)
{
	return (unsigned char)(position * 151 + (position >> 8) * 7 + (position >> 16));
}

static __u64 consume_header_page(const struct socket *socket)
{
	return vmci_queue_pages(socket->hs.size, MACHINE_PAGE_SHIFT);
}

struct vmci_queue_header *machine_header(const struct socket *socket)
{
	return (void *)socket->pages[0];
}

static struct vmci_queue_header *host_header(const struct socket *socket)
{
	return (void *)socket->pages[consume_header_page(socket)];
}

/*
 * Sending
 */

__s32 machine_packet(struct machine *machine, const struct vmsock_packet *pkt)
{
	struct vmsock_packet copy = *pkt;

	copy.dg.src.context = machine->cid;
	machine->last_result = machine->ops->send(machine, &copy.dg);
	return machine->last_result;
}

static void close_pair(struct socket *socket)
{
	if (socket->pair)
		socket->machine->ops->close(socket);
	socket->pair = NULL;
}

static bool open_pair(struct socket *socket, struct vmci_handle handle, __u32 flags)
{
	if (!socket->machine->ops->open(socket, handle, flags))
		return false;
	socket->tail = socket->head = 0;
	vmsock_notify_init(&socket->notify, socket->hs.proto, socket->hs.size, MACHINE_PAGE);
	return true;
}

static void step(struct socket *socket, struct vmsock_step step)
{
	for (;;) {
		if (step.action == VMSOCK_ACT_CREATE_QP) {
			struct vmci_handle handle = {
				socket->machine->cid, ++socket->machine->last_resource
			};

			step = open_pair(socket, handle, 0) ?
				vmsock_handshake_qp_created(&socket->hs, handle) :
				vmsock_handshake_qp_failed(&socket->hs);
			continue;
		}
		if (step.action == VMSOCK_ACT_ATTACH_QP) {
			step = open_pair(socket, socket->hs.handle, VMCI_QPFLAG_ATTACH_ONLY) ?
				vmsock_handshake_qp_attached(&socket->hs) :
				vmsock_handshake_qp_failed(&socket->hs);
			continue;
		}
		socket->failed |= step.action == VMSOCK_ACT_FAILED;
		if (!step.send || machine_packet(socket->machine, &step.packet) > 0)
			break;
		step = vmsock_handshake_send_failed(&socket->hs, &step.packet);
	}
	if (socket->failed)
		close_pair(socket);
	else
		machine_run(socket);
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
				   machine_packet(socket->machine, &pkt) > 0);
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
	unsigned char *data = socket->pages[first + index / MACHINE_PAGE];

	return data + index % MACHINE_PAGE;
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
	__atomic_store_n(&machine_header(socket)->producer_tail, socket->tail, __ATOMIC_SEQ_CST);
	notifications(socket, vmsock_notify_enqueued(&socket->notify, count, before,
						     size - 1 - out_free(socket)) |
		      (socket->talks ? VMSOCK_SEND_WROTE : 0));
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
	__atomic_store_n(&machine_header(socket)->consumer_head, socket->head, __ATOMIC_SEQ_CST);
	notifications(socket, vmsock_notify_dequeued(&socket->notify, count, before,
						     socket->hs.size - 1 - in_ready(socket)) |
		      (socket->talks ? VMSOCK_SEND_READ : 0));
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
		machine_shutdown(socket, VMSOCK_SHUTDOWN_SEND);
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

void machine_run(struct socket *socket)
{
	if (!socket->pair || !vmsock_handshake_succeeded(&socket->hs))
		return;
	if (socket->hs.state == VMSOCK_ESTABLISHED)
		run_writer(socket);
	run_reader(socket);
	if (socket->closes && socket->written == socket->to_write)
		close_pair(socket);
}

void machine_shutdown(struct socket *socket, unsigned int bits)
{
	struct vmsock_step next = vmsock_handshake_shutdown(&socket->hs, (__u8)bits);

	if (next.send)
		machine_packet(socket->machine, &next.packet);
}

/*
 * Receiving
 */

static struct socket *socket_new(struct machine *machine)
{
	struct socket *socket = calloc(1, sizeof(*socket));

	socket->machine = machine;
	socket->chunk = 1000;
	socket->next = machine->sockets;
	machine->sockets = socket;
	return socket;
}

/* Nothing can reach it any more */
static bool gone(const struct socket *socket)
{
	return socket->failed || (vmsock_handshake_succeeded(&socket->hs) && !socket->pair);
}

static struct socket *find(struct machine *machine, const struct vmsock_packet *pkt)
{
	struct socket *listener = NULL;

	for (struct socket *socket = machine->sockets; socket; socket = socket->next) {
		if (socket->hs.local.port != pkt->dst_port)
			continue;
		if (socket->listens)
			listener = socket;
		else if (socket->hs.peer.port == pkt->src_port && !gone(socket))
			return socket;
	}
	return listener;
}

static void refuse(struct machine *machine, const struct vmsock_packet *cause)
{
	struct vmsock_packet pkt;

	if (cause->type == VMSOCK_PACKET_RST)
		return;
	vmsock_packet_reply(&pkt, VMSOCK_PACKET_RST, cause);
	machine_packet(machine, &pkt);
}

static void request(struct socket *listener, const struct vmsock_packet *pkt)
{
	struct vmsock_handshake hs = { .state = VMSOCK_IDLE };
	struct vmsock_step next = vmsock_handshake_listen(&hs, listener->hs.limits, pkt, true);
	struct socket *child;

	if (hs.state != VMSOCK_PENDING) {
		if (next.send)
			machine_packet(listener->machine, &next.packet);
		return;
	}
	child = socket_new(listener->machine);
	child->hs = hs;
	child->accepted = true;
	child->to_write = listener->to_write;
	child->reading = listener->reading;
	child->finish = listener->finish;
	child->closes = listener->closes;
	child->talks = listener->talks;
	child->chunk = listener->chunk;
	step(child, next);
}

void machine_packet_received(struct machine *machine, const struct vmsock_packet *pkt)
{
	struct socket *socket = find(machine, pkt);
	struct vmsock_step next;

	if (pkt->type < VMSOCK_PACKET_TYPE_COUNT)
		machine->packets[pkt->type]++;
	if (!socket && pkt->dst_port != machine->by_hand)
		refuse(machine, pkt);
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

void machine_detached(struct machine *machine, struct vmci_handle handle)
{
	struct socket *socket = machine->sockets;

	while (socket && (!socket->pair || !vmci_handle_equal(socket->hs.handle, handle)))
		socket = socket->next;
	if (!socket)
		return;
	socket->detached = true;
	step(socket, vmsock_handshake_detached(&socket->hs, in_ready(socket) > 0));
}

/*
 * Sockets
 */

static struct vmsock_limits limits_of(__u64 size)
{
	return (struct vmsock_limits){ .size = size, .min = 2, .max = 1u << 20 };
}

struct socket *machine_connect(struct machine *machine, __u32 port, __u64 size, bool packet_style)
{
	struct vmsock_addr local = { machine->cid, ++machine->last_port };
	struct vmsock_addr peer = { VMCI_HOST_CONTEXT_ID, port };
	struct socket *socket = socket_new(machine);

	vmsock_handshake_init(&socket->hs, local);
	step(socket, vmsock_handshake_connect(&socket->hs, peer, limits_of(size), packet_style));
	return socket;
}

struct socket *machine_listen(struct machine *machine, __u32 port, __u64 size)
{
	struct vmsock_addr local = { machine->cid, port };
	struct socket *socket = socket_new(machine);

	vmsock_handshake_init(&socket->hs, local);
	socket->hs.limits = limits_of(size);
	socket->listens = true;
	return socket;
}

struct socket *machine_accepted(struct machine *machine, __u32 port)
{
	struct socket *socket = machine->sockets;

	while (socket && (!socket->accepted || socket->hs.local.port != port))
		socket = socket->next;
	return socket;
}

void machine_close(struct socket *socket)
{
	struct socket **at = &socket->machine->sockets;

	close_pair(socket);
	while (*at != socket)
		at = &(*at)->next;
	*at = socket->next;
	free(socket);
}
