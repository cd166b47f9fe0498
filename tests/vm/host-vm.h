/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host-vm.h - a virtual machine that a row plays on /dev/vmci step by step
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * It has the packets of modules/common and rings in its own memory, and at most one connection.
 * The host may have any driver.
 */
#ifndef TESTS_VM_HOST_VM_H
#define TESTS_VM_HOST_VM_H

#include "host.h"

#include <common/packet.h>
#include <common/ring.h>

#define VM		FIRST_CID
#define VM_PORT		700u
#define RING		PAGE

/**
 * struct vm - a virtual machine with at most one connection
 * @fd: of its monitor
 * @local: its end
 * @peer: the host's end
 * @handle: queue pair
 * @memory: of the queue pair, RING bytes each way
 * @tail: of the ring that it writes
 * @head: of the ring that it reads
 */
struct vm {
	int fd;
	struct vmsock_addr local;
	struct vmsock_addr peer;
	struct vmci_handle handle;
	uint8_t *memory;
	uint64_t tail;
	uint64_t head;
};

UNUSED static struct vm vm_of(uint32_t flags)
{
	return (struct vm){
		.fd = monitor_of(VMCI_VERSION_CURRENT, VM, flags),
		.local = { VM, VM_PORT },
		/* Theirs keeps the pair of a closed socket for a second */
		.handle = { VM, 3000 + getpid() },
	};
}

/* --- control packets ------------------------------------------------------------------------ */

UNUSED static int32_t send_packet(struct vm *vm, struct vmsock_packet *pkt)
{
	pkt->dg.src.context = VM;
	return send_bytes(vm->fd, pkt, sizeof(*pkt));
}

UNUSED static struct vmsock_packet packet(const struct vm *vm, uint8_t type)
{
	struct vmsock_packet pkt;

	vmsock_packet_init(&pkt, type, vm->local, vm->peer);
	return pkt;
}

UNUSED static void send_type(struct vm *vm, uint8_t type)
{
	struct vmsock_packet pkt = packet(vm, type);

	expect_is(send_packet(vm, &pkt), VMSOCK_PACKET_SIZE);
}

/* The next datagram, whatever it is */
UNUSED static union message *next_message(struct vm *vm)
{
	union message *got;

	need(revents_within(vm->fd, POLLIN, SOON_MS) == POLLIN);
	need(receive_message(vm->fd, &got) >= 0);
	return got;
}

UNUSED static bool is_event(const union message *got, uint32_t event)
{
	const struct vmci_event_msg *msg = (const void *)got;

	return msg->hdr.src.context == 0 && msg->hdr.dst.resource == VMCI_EVENT_HANDLER &&
	       msg->data.event == event;
}

UNUSED static bool is_notification(uint8_t type)
{
	return type == VMSOCK_PACKET_WROTE || type == VMSOCK_PACKET_READ;
}

/* The next packet that is no notification of flow; events end the row unless they attach */
UNUSED static struct vmsock_packet next_packet(struct vm *vm)
{
	struct vmsock_packet pkt;

	do {
		union message *got = next_message(vm);

		if (is_event(got, VMCI_EVENT_QP_PEER_ATTACH)) {
			pkt.type = VMSOCK_PACKET_WROTE;
			continue;
		}
		need(got->dg.payload_size == VMSOCK_PACKET_PAYLOAD_SIZE);
		memcpy(&pkt, got, sizeof(pkt));
		need(pkt.dg.dst.resource == VMCI_SOCKET_CONTROL_RID);
	} while (is_notification(pkt.type));
	return pkt;
}

UNUSED static struct vmsock_packet need_packet(struct vm *vm, uint8_t type)
{
	struct vmsock_packet pkt = next_packet(vm);

	expect_is(pkt.type, type);
	need(pkt.type == type);
	expect_is(pkt.dg.src.context, HOST);
	expect_is(pkt.dst_port, vm->local.port);
	return pkt;
}

/* The peer's end of the queue pair, with nothing but notifications before */
UNUSED static void need_detach(struct vm *vm)
{
	union message *got;
	const struct vmci_event_msg *msg;

	do
		got = next_message(vm);
	while (!is_event(got, VMCI_EVENT_QP_PEER_DETACH));
	msg = (const void *)got;
	expect_is(msg->hdr.payload_size, VMCI_EVENT_QP_SIZE);
	expect_is(msg->data.u.qp.peer, HOST);
	expect_is(msg->data.u.qp.handle.resource, vm->handle.resource);
	/* S23: nothing of the kernel's memory */
	expect_is(msg->data.pad | msg->data.u.qp.pad, 0);
}

/* --- connections ---------------------------------------------------------------------------- */

UNUSED static void open_pair(struct vm *vm)
{
	vm->memory = pair_memory(vm->handle, RING, RING);
	need(alloc_pair(vm->fd, vm->handle, HOST, RING, RING, vm->memory) == 0);
}

/* The virtual machine connects to a listener of the host, which has its end then */
UNUSED static int vm_connects(struct vm *vm, int listening)
{
	struct vmsock_packet pkt;
	int fd;

	vm->peer = (struct vmsock_addr){ HOST, port_of(listening) };
	pkt = packet(vm, VMSOCK_PACKET_REQUEST2);
	pkt.proto = VMSOCK_PROTO_QUEUE_STATE;
	pkt.u.size = RING;
	need(send_packet(vm, &pkt) > 0);
	pkt = need_packet(vm, VMSOCK_PACKET_NEGOTIATE2);
	expect_is(pkt.u.size, RING);
	open_pair(vm);
	pkt = packet(vm, VMSOCK_PACKET_OFFER);
	pkt.u.handle = vm->handle;
	need(send_packet(vm, &pkt) > 0);
	need_packet(vm, VMSOCK_PACKET_ATTACH);
	fd = need_ok(accept(listening, NULL, NULL));
	set_timeout(fd, SO_RCVTIMEO, SOON_MS);
	set_timeout(fd, SO_SNDTIMEO, SOON_MS);
	return fd;
}

UNUSED static int host_listener(void)
{
	int fd = stream_bound(VMADDR_PORT_ANY);

	set_size(fd, RING);
	need_ok(listen(fd, 8));
	return fd;
}

UNUSED static int vm_connection(struct vm *vm)
{
	int listening = host_listener(), fd = vm_connects(vm, listening);

	close(listening);
	return fd;
}

/* A host's socket on its way to the virtual machine */
UNUSED static int host_connects(void)
{
	int fd = stream_socket();

	set_size(fd, RING);
	set_blocking(fd, false);
	expect_errno(connect_to(fd, VM, VM_PORT), EINPROGRESS);
	return fd;
}

UNUSED static void vm_accepts(struct vm *vm)
{
	struct vmsock_packet pkt = need_packet(vm, VMSOCK_PACKET_REQUEST2);

	vm->peer = vmsock_packet_src(&pkt);
	pkt = packet(vm, VMSOCK_PACKET_NEGOTIATE2);
	pkt.proto = VMSOCK_PROTO_QUEUE_STATE;
	pkt.u.size = RING;
	need(send_packet(vm, &pkt) > 0);
	pkt = need_packet(vm, VMSOCK_PACKET_OFFER);
	vm->handle = pkt.u.handle;
	open_pair(vm);
	pkt = packet(vm, VMSOCK_PACKET_ATTACH);
	pkt.u.handle = vm->handle;
	need(send_packet(vm, &pkt) > 0);
}

/* --- rings ---------------------------------------------------------------------------------- */

UNUSED static struct vmci_queue_header *produce_header(struct vm *vm)
{
	return (void *)vm->memory;
}

UNUSED static struct vmci_queue_header *consume_header(struct vm *vm)
{
	return (void *)(vm->memory + PAGE + RING);
}

/* So many bytes of stream @seed, at position @at of it; there is space */
UNUSED static void vm_writes(struct vm *vm, size_t count, uint64_t seed, uint64_t at)
{
	uint8_t *ring = vm->memory + PAGE;

	for (size_t i = 0; i < count; i++) {
		ring[vm->tail] = byte_at(seed, at + i);
		vm->tail = vmci_ring_advance(vm->tail, 1, RING);
	}
	__atomic_store_n(&produce_header(vm)->producer_tail, vm->tail, __ATOMIC_SEQ_CST);
	send_type(vm, VMSOCK_PACKET_WROTE);
}

UNUSED static uint64_t vm_ready(struct vm *vm)
{
	uint64_t tail = __atomic_load_n(&consume_header(vm)->producer_tail, __ATOMIC_SEQ_CST);

	return vmci_ring_ready(tail, vm->head, RING);
}

UNUSED static bool vm_reads(struct vm *vm, size_t count, uint64_t seed, uint64_t at)
{
	uint8_t *ring = vm->memory + 2 * PAGE + RING;
	bool same = true;

	for (size_t i = 0; i < count; i++) {
		need(vm_ready(vm) || soon(vm_ready(vm)));
		same = same && ring[vm->head] == byte_at(seed, at + i);
		vm->head = vmci_ring_advance(vm->head, 1, RING);
		__atomic_store_n(&produce_header(vm)->consumer_head, vm->head, __ATOMIC_SEQ_CST);
	}
	send_type(vm, VMSOCK_PACKET_READ);
	return same;
}

UNUSED static void drain(struct vm *vm)
{
	union message *got;

	while (receive_message(vm->fd, &got) >= 0)
		;
}

/* Both ways, more than the rings hold */
UNUSED static void expect_carries(struct vm *vm, int fd)
{
	uint8_t bytes[1000];

	for (uint64_t at = 0; at < 5000; at += sizeof(bytes)) {
		vm_writes(vm, sizeof(bytes), 1, at);
		need(receive_bytes(fd, sizeof(bytes), 1, at));
		fill_bytes(bytes, sizeof(bytes), 2, at);
		need(send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) == sizeof(bytes));
		need(vm_reads(vm, sizeof(bytes), 2, at));
		drain(vm);
	}
}

#endif /* TESTS_VM_HOST_VM_H */
