/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host-sockets.h - sockets of the host and a virtual machine that a process plays on /dev/vmci
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * What the virtual machine does, a row says step by step.  ours(x, y) as in host.h.
 */
#ifndef TESTS_VM_HOST_SOCKETS_H
#define TESTS_VM_HOST_SOCKETS_H

#include "host-vm.h"

/* --- datagrams ------------------------------------------------------------------------------ */

static void dgram_to_vm(void)
{
	struct vm vm = vm_of(0);
	int fd = dgram_bound(VMADDR_PORT_ANY);
	union message *got;

	need(send_to(fd, "datagram", 8, VM, 77) == 8);
	got = next_message(&vm);
	expect_is(got->dg.dst.context, VM);
	expect_is(got->dg.dst.resource, 77);
	expect_is(got->dg.src.context, HOST);
	expect_is(got->dg.src.resource, port_of(fd));
	expect_is(got->dg.payload_size, 8);
	expect(memcmp(got->bytes + HDR, "datagram", 8) == 0);
	need(send_to(fd, "", 0, VM, 77) == 0);
	got = next_message(&vm);
	expect_is(got->dg.payload_size, 0);
}

static void dgram_from_vm(void)
{
	struct vm vm = vm_of(0);
	int fd = dgram_bound(VMADDR_PORT_ANY);
	struct vmci_handle to = { HOST, port_of(fd) }, from = { VM, 88 };
	struct sockaddr_vm addr;
	socklen_t len = sizeof(addr);
	uint8_t bytes[200];

	expect_is(send_message(vm.fd, to, from, 100), HDR + 100);
	wait_for(fd, POLLIN);
	expect_is(recvfrom(fd, bytes, sizeof(bytes), 0, SA(&addr), &len), 100);
	expect_addr(addr, VM, 88);
	expect_is(bytes[99], 99);
	close(fd);
	expect_is(send_message(vm.fd, to, from, 100), VMCI_ERROR_INVALID_RESOURCE);
}

/* A6, M2: theirs hands out the last one first */
static void dgram_order(void)
{
	struct vm vm = vm_of(0);
	int fd = dgram_bound(VMADDR_PORT_ANY);

	for (int i = 0; i < 50; i++)
		need(send_to(fd, &i, sizeof(i), VM, 77) == sizeof(i));
	for (int i = 0; i < 50; i++) {
		int value;

		memcpy(&value, next_message(&vm)->bytes + HDR, sizeof(value));
		expect_is(value, ours(i, 49 - i));
	}
}

static void dgram_quota(void)
{
	struct vm vm = vm_of(0);
	int fd = dgram_bound(VMADDR_PORT_ANY), count = 0;
	uint8_t bytes[1000] = {};

	while (send_to(fd, bytes, sizeof(bytes), VM, 77) == sizeof(bytes))
		count++;
	expect_is(errno, ENOBUFS);
	expect_is(count, (VMCI_MAX_DATAGRAM_QUEUE_SIZE - 1) / (HDR + sizeof(bytes)));
	next_message(&vm);
	expect_is(send_to(fd, bytes, sizeof(bytes), VM, 77), sizeof(bytes));
}

static void dgram_gone(void)
{
	int fd = dgram_bound(VMADDR_PORT_ANY);
	struct vm vm = vm_of(0);

	need(send_to(fd, "x", 1, VM, 77) == 1);
	close(vm.fd);
	expect_errno(send_to(fd, "x", 1, VM, 77), ours(EINVAL, ENOENT));
	vm = vm_of(0);
	need(send_to(fd, "x", 1, VM, 77) == 1);
}

/* 5.13: a restricted machine, whose owner is root, or the user of the socket */
static void restricted_dgram(void)
{
	struct vm vm = vm_of(VMCI_PRIVILEGE_FLAG_RESTRICTED);
	int root = dgram_bound(VMADDR_PORT_ANY), stranger;
	struct vmci_handle from = { VM, 88 };

	expect_is(send_to(root, "x", 1, VM, 77), 1);
	expect_is(send_message(vm.fd, (struct vmci_handle){ HOST, port_of(root) }, from, 1),
		  HDR + 1);
	drop_privileges();
	stranger = dgram_bound(VMADDR_PORT_ANY);
	expect_errno(send_to(stranger, "x", 1, VM, 77), EPERM);
	expect_is(send_message(vm.fd, (struct vmci_handle){ HOST, port_of(stranger) }, from, 1),
		  VMCI_ERROR_NO_ACCESS);
	/* Theirs finds out when the answer does not come, or with a result as errno */
	expect(connect_to(stream_socket(), VM, VM_PORT) < 0);
	if (is_ours())
		expect_is(errno, EPERM);
}

/* --- streams -------------------------------------------------------------------------------- */

static void vm_calls(void)
{
	struct vm vm = vm_of(0);
	int listening = host_listener(), fd = vm_connects(&vm, listening);

	expect_addr(peer_of(fd), VM, VM_PORT);
	expect_addr(local_of(fd), HOST, vm.peer.port);
	expect_carries(&vm, fd);
}

static void host_calls(void)
{
	struct vm vm = vm_of(0);
	int fd = host_connects();

	vm_accepts(&vm);
	wait_for(fd, POLLOUT);
	set_blocking(fd, true);
	expect_is(socket_error(fd), 0);
	expect_addr(peer_of(fd), VM, VM_PORT);
	expect_carries(&vm, fd);
}

static void host_closes(void)
{
	struct vm vm = vm_of(0);
	int fd = vm_connection(&vm);

	close(fd);
	need_detach(&vm);
	expect_is(detach_pair(vm.fd, vm.handle), VMCI_SUCCESS);
	open_pair(&vm);
}

static void vm_closes(void)
{
	struct vm vm = vm_of(0);
	int fd = vm_connection(&vm);
	struct vmsock_packet pkt = packet(&vm, VMSOCK_PACKET_SHUTDOWN);

	pkt.u.mode = VMSOCK_SHUTDOWN_MASK;
	need(send_packet(&vm, &pkt) > 0);
	need(detach_pair(vm.fd, vm.handle) == 0);
	wait_for(fd, POLLIN);
	expect_eof(fd);
	expect_errno(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
}

/* M7: theirs loses what the host has not read */
static void vm_closes_unread(void)
{
	struct vm vm = vm_of(0);
	int fd = vm_connection(&vm);

	/* Once round, so that the rest has two parts */
	vm_writes(&vm, 3000, 1, 0);
	need(receive_bytes(fd, 3000, 1, 0));
	vm_writes(&vm, 2000, 1, 3000);
	need(detach_pair(vm.fd, vm.handle) == 0);
	memset(vm.memory, 0xee, 4 * PAGE);
	if (is_ours()) {
		expect(receive_bytes(fd, 2000, 1, 3000));
		expect_eof(fd);
	} else {
		char byte;

		expect(recv(fd, &byte, 1, 0) <= 0);
	}
}

static void vm_dies(void)
{
	struct vm vm = vm_of(0);
	int fd = vm_connection(&vm);
	char byte;

	close(vm.fd);
	wait_for(fd, POLLIN);
	expect(recv(fd, &byte, 1, 0) <= 0);
	expect_errno(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	close(monitor(VM));
}

static void refused(void)
{
	struct vm vm = vm_of(0);
	int fd = host_connects();
	struct vmsock_packet pkt = need_packet(&vm, VMSOCK_PACKET_REQUEST2);

	vm.peer = vmsock_packet_src(&pkt);
	send_type(&vm, VMSOCK_PACKET_RST);
	wait_for(fd, POLLOUT);
	expect_is(socket_error(fd), ECONNRESET);

	/* And the other way round */
	vm.peer = (struct vmsock_addr){ HOST, 54321 };
	pkt = packet(&vm, VMSOCK_PACKET_REQUEST2);
	pkt.proto = VMSOCK_PROTO_QUEUE_STATE;
	pkt.u.size = RING;
	expect(ours(send_packet(&vm, &pkt) > 0, send_packet(&vm, &pkt) < 0));
	need_packet(&vm, VMSOCK_PACKET_RST);
}

/* --- memory that goes away for a while (5.8) ------------------------------------------------- */

struct sending {
	int fd;
	ssize_t result;
};

static void send_byte(void *arg)
{
	struct sending *sending = arg;

	sending->result = send(sending->fd, "q", 1, MSG_NOSIGNAL);
}

static void quiesced(void)
{
	struct vm vm = vm_of(0);
	int fd = vm_connection(&vm);
	struct sending sending = { .fd = fd };
	uint8_t *elsewhere;
	struct task task;
	char byte;

	vm_writes(&vm, 100, 1, 0);
	need(receive_bytes(fd, 50, 1, 0));
	need(set_va(vm.fd, vm.handle, NULL) == 0);
	/* Indexes are known, bytes are not to be had */
	expect_is(revents(fd) & (POLLIN | POLLOUT), POLLIN | POLLOUT);
	start_task(&task, send_byte, &sending);
	wait_in_syscall(&task, SYS_sendto);
	elsewhere = map_pages(4);
	memcpy(elsewhere, vm.memory, 4 * PAGE);
	memset(vm.memory, 0xee, 4 * PAGE);
	vm.memory = elsewhere;
	expect_is(sending.result, 0);
	need(set_va(vm.fd, vm.handle, elsewhere) == 0);
	join_task(&task);
	expect_is(sending.result, 1);
	need(soon(vm_ready(&vm) == 1));
	expect_is(vm.memory[2 * PAGE + RING], 'q');
	expect(receive_bytes(fd, 50, 1, 50));
	set_blocking(fd, false);
	expect_errno(recv(fd, &byte, 1, 0), EAGAIN);
}

static void quiesced_gone(void)
{
	struct vm vm = vm_of(0);
	int fd = vm_connection(&vm);
	struct sending sending = { .fd = fd };
	struct task task;

	need(set_va(vm.fd, vm.handle, NULL) == 0);
	start_task(&task, send_byte, &sending);
	wait_in_syscall(&task, SYS_sendto);
	need(detach_pair(vm.fd, vm.handle) == 0);
	join_task(&task);
	expect(sending.result < 0);
}

/* --- hostile machines ------------------------------------------------------------------------ */

/* S1: indexes that are out of the ring end the connection */
static void bad_index(void)
{
	static const uint64_t bad[] = { RING, RING + 1, UINT32_MAX, 1ull << 32, UINT64_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct vm vm = vm_of(0);
		char byte;
		int fd;

		vm.handle.resource += i << 24;
		fd = vm_connection(&vm);
		produce_header(&vm)->producer_tail = bad[i];
		send_type(&vm, VMSOCK_PACKET_WROTE);
		expect(recv(fd, &byte, 1, 0) < 0);
		close(fd);
		close(vm.fd);
	}
}

/* S14: a pair of the host with somebody else is nobody's to take */
static void others_pair(void)
{
	struct vm vm = vm_of(0);
	int fd = host_connects(), other = monitor(VM + 1);
	struct vmsock_packet pkt = need_packet(&vm, VMSOCK_PACKET_REQUEST2);
	void *memory;

	need(fd >= 0);
	vm.peer = vmsock_packet_src(&pkt);
	pkt = packet(&vm, VMSOCK_PACKET_NEGOTIATE2);
	pkt.proto = VMSOCK_PROTO_QUEUE_STATE;
	pkt.u.size = RING;
	need(send_packet(&vm, &pkt) > 0);
	pkt = need_packet(&vm, VMSOCK_PACKET_OFFER);
	vm.handle = pkt.u.handle;
	memory = pair_memory(vm.handle, RING, RING);
	expect_is(alloc_pair(other, vm.handle, HOST, RING, RING, memory), VMCI_ERROR_NO_ACCESS);
	expect_is(alloc_pair(vm.fd, vm.handle, HOST, 2 * RING, RING, map_pages(5)),
		  VMCI_ERROR_QUEUEPAIR_MISMATCH);
	expect_is(alloc_pair(vm.fd, vm.handle, HOST, RING, RING, memory), VMCI_SUCCESS);
	expect_is(alloc_pair(vm.fd, vm.handle, HOST, RING, RING, memory),
		  VMCI_ERROR_ALREADY_EXISTS);
}

/* 5.7 rule 7: a monitor from before host queue pairs */
static void too_old(void)
{
	struct vm vm = { monitor_of(VMCI_VERSION_PREHOSTQP, VM, 0), { VM, VM_PORT } };
	int fd = host_connects();
	struct vmsock_packet pkt = need_packet(&vm, VMSOCK_PACKET_REQUEST2);
	struct vmci_qp_alloc_block_old block = { .peer = HOST, .result = NO_RESULT };

	need(fd >= 0);
	vm.peer = vmsock_packet_src(&pkt);
	pkt = packet(&vm, VMSOCK_PACKET_NEGOTIATE2);
	pkt.proto = VMSOCK_PROTO_QUEUE_STATE;
	pkt.u.size = RING;
	need(send_packet(&vm, &pkt) > 0);
	pkt = need_packet(&vm, VMSOCK_PACKET_OFFER);
	block.handle = pkt.u.handle;
	block.produce_size = block.consume_size = RING;
	expect_is(request(vm.fd, IOCTL_VMCI_QUEUEPAIR_ALLOC, &block),
		  VMCI_ERROR_INVALID_RESOURCE);
}

/* An old monitor gives memory later, and the host learns of it then */
static void old_style(void)
{
	struct vm vm = { monitor_of(VMCI_VERSION_NOTIFY, VM, 0), { VM, VM_PORT } };
	int fd = host_connects();
	struct vmsock_packet pkt = need_packet(&vm, VMSOCK_PACKET_REQUEST2);
	struct vmci_qp_alloc_block_old block = { .peer = HOST, .result = NO_RESULT };
	struct vmci_qp_page_file_block store = { .result = NO_RESULT };

	vm.peer = vmsock_packet_src(&pkt);
	pkt = packet(&vm, VMSOCK_PACKET_NEGOTIATE2);
	pkt.proto = VMSOCK_PROTO_QUEUE_STATE;
	pkt.u.size = RING;
	need(send_packet(&vm, &pkt) > 0);
	pkt = need_packet(&vm, VMSOCK_PACKET_OFFER);
	vm.handle = block.handle = store.handle = pkt.u.handle;
	block.produce_size = block.consume_size = RING;
	expect_is(request(vm.fd, IOCTL_VMCI_QUEUEPAIR_ALLOC, &block),
		  VMCI_SUCCESS_QUEUEPAIR_CREATE);
	vm.memory = pair_memory(vm.handle, RING, RING);
	store.produce_address = address_of(vm.memory);
	store.consume_address = address_of(consume_header(&vm));
	expect_is(request(vm.fd, IOCTL_VMCI_QUEUEPAIR_SETPAGEFILE, &store), VMCI_SUCCESS);
	pkt = packet(&vm, VMSOCK_PACKET_ATTACH);
	pkt.u.handle = vm.handle;
	need(send_packet(&vm, &pkt) > 0);
	wait_for(fd, POLLOUT);
	set_blocking(fd, true);
	expect_carries(&vm, fd);
}

static void restricted_stream(void)
{
	struct vm vm = vm_of(VMCI_PRIVILEGE_FLAG_RESTRICTED);

	expect_carries(&vm, vm_connection(&vm));
}

static const struct vmtest host_rows[] = {
	{ "8.6", "a datagram from the host", dgram_to_vm },
	{ "8.6", "a datagram to the host", dgram_from_vm },
	{ "3.12 A6 M2", "datagrams from the host in order", dgram_order },
	{ "3.12", "more datagrams than are read", dgram_quota },
	{ "8.11", "a datagram to a machine that is gone", dgram_gone },
	{ "5.13", "a restricted machine and who may talk to it", restricted_dgram },
	{ "5.12", "the machine calls", vm_calls },
	{ "5.12", "the host calls", host_calls },
	{ "5.8", "the host closes", host_closes },
	{ "5.8", "the machine closes", vm_closes },
	{ "5.8 M7", "the machine closes, and not all was read", vm_closes_unread },
	{ "8.11", "the machine dies", vm_dies },
	{ "5.12", "nobody listens, there or here", refused },
	{ "5.8", "memory that goes and comes back elsewhere", quiesced },
	{ "5.8", "memory that goes and does not come back", quiesced_gone },
	{ "5.2 S1", "indexes that are no indexes", bad_index },
	{ "5.7 S14", "the pair of another machine", others_pair },
	{ "5.7", "a monitor that is too old", too_old },
	{ "5.8", "an old monitor, memory comes later", old_style },
	{ "5.13", "streams of a restricted machine", restricted_stream },
};

#endif /* TESTS_VM_HOST_SOCKETS_H */
