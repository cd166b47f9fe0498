// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vm.c - a program that plays a virtual machine on /dev/vmci
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vmci/errors.h>
#include <vmci/ioctl.h>

#include "common/ring.h"
#include "vm.h"

#define REQUEST_FAILED	(-1000)	/* no VMCI result */

static unsigned char buffer[VMCI_MAX_DG_SIZE];

static struct vm *vm_of(struct machine *machine)
{
	return (struct vm *)(void *)((char *)machine - offsetof(struct vm, machine));
}

/*
 * Queue pairs
 */

static struct vm_pair *pair_memory(struct vmci_handle handle, __u64 size)
{
	size_t queue = vmci_queue_pages(size, MACHINE_PAGE_SHIFT) * MACHINE_PAGE;
	struct vm_pair *pair = calloc(1, sizeof(*pair));

	pair->handle = handle;
	pair->size = size;
	pair->bytes = 2 * queue;
	pair->memory = mmap(NULL, pair->bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pair->memory == MAP_FAILED) {
		free(pair);
		return NULL;
	}
	pair->out = (void *)pair->memory;
	pair->in = (void *)(pair->memory + queue);
	pair->out->handle = pair->in->handle = handle;
	return pair;
}

static void pair_memory_free(struct vm_pair *pair)
{
	munmap(pair->memory, pair->bytes);
	free(pair);
}

struct vm_pair *vm_pair_new(struct vm *vm, struct vmci_handle handle, __u32 peer, __u32 flags,
			    __u64 size, __s32 *result)
{
	struct vm_pair *pair = pair_memory(handle, size);
	struct vmci_qp_alloc_block block = {
		.handle = handle,
		.peer = peer,
		.flags = flags,
		.produce_size = size,
		.consume_size = size,
		.result = REQUEST_FAILED,
		.version = VMCI_VERSION_CURRENT,
	};

	*result = VMCI_ERROR_NO_MEM;
	if (!pair)
		return NULL;
	pair->vm = vm;
	block.pages_address = (uintptr_t)pair->memory;
	block.page_count = pair->bytes / MACHINE_PAGE;
	if (ioctl(vm->fd, IOCTL_VMCI_QUEUEPAIR_ALLOC, &block))
		block.result = REQUEST_FAILED;
	*result = block.result;
	if (block.result >= 0)
		return pair;
	pair_memory_free(pair);
	return NULL;
}

__s32 vm_pair_free(struct vm_pair *pair)
{
	struct vmci_qp_detach_block block = { .handle = pair->handle };

	if (ioctl(pair->vm->fd, IOCTL_VMCI_QUEUEPAIR_DETACH, &block))
		block.result = REQUEST_FAILED;
	pair_memory_free(pair);
	return block.result;
}

__s32 vm_pair_map(struct vm_pair *pair, bool mapped)
{
	struct vmci_qp_setva_block block = {
		.handle = pair->handle,
		.address = mapped ? (uintptr_t)pair->memory : 0,
		.page_count = pair->bytes / MACHINE_PAGE,
		.version = VMCI_VERSION_CURRENT,
	};

	if (ioctl(pair->vm->fd, IOCTL_VMCI_QUEUEPAIR_SETVA, &block))
		return REQUEST_FAILED;
	return block.result;
}

static void copy(struct vm_pair *pair, struct vmci_queue_header *header, __u64 at,
		 unsigned char *bytes, size_t count, bool in)
{
	struct vmci_ring_span span = vmci_ring_cut(at, count, pair->size);
	unsigned char *ring = (unsigned char *)header + MACHINE_PAGE;

	memcpy(in ? bytes : ring + span.offset, in ? ring + span.offset : bytes, span.first);
	memcpy(in ? bytes + span.first : ring, in ? ring : bytes + span.first, span.second);
}

static size_t at_most(size_t count, __s64 limit)
{
	if (limit < 0)
		return 0;
	return count < (size_t)limit ? count : (size_t)limit;
}

size_t vm_pair_write(struct vm_pair *pair, const void *bytes, size_t count)
{
	__u64 head = __atomic_load_n(&pair->in->consumer_head, __ATOMIC_ACQUIRE);

	count = at_most(count, vmci_ring_free(pair->tail, head, pair->size));
	copy(pair, pair->out, pair->tail, (unsigned char *)(uintptr_t)bytes, count, false);
	pair->tail = vmci_ring_advance(pair->tail, count, pair->size);
	__atomic_store_n(&pair->out->producer_tail, pair->tail, __ATOMIC_SEQ_CST);
	return count;
}

size_t vm_pair_ready(const struct vm_pair *pair)
{
	__u64 tail = __atomic_load_n(&pair->in->producer_tail, __ATOMIC_ACQUIRE);

	return at_most(pair->size, vmci_ring_ready(tail, pair->head, pair->size));
}

size_t vm_pair_read(struct vm_pair *pair, void *bytes, size_t count)
{
	count = at_most(count, (__s64)vm_pair_ready(pair));
	copy(pair, pair->in, pair->head, bytes, count, true);
	pair->head = vmci_ring_advance(pair->head, count, pair->size);
	__atomic_store_n(&pair->out->consumer_head, pair->head, __ATOMIC_SEQ_CST);
	return count;
}

/*
 * The way of the machine's sockets to the host
 */

static __s32 machine_send(struct machine *machine, const struct vmci_datagram *datagram)
{
	return vm_send(vm_of(machine), datagram, sizeof(*datagram) + datagram->payload_size);
}

static bool machine_open(struct socket *socket, struct vmci_handle handle, __u32 flags)
{
	struct machine *machine = socket->machine;
	struct vm_pair *pair = vm_pair_new(vm_of(machine), handle, VMCI_HOST_CONTEXT_ID, flags,
					   socket->hs.size, &machine->last_result);

	for (size_t i = 0; pair && i < pair->bytes / MACHINE_PAGE; i++)
		socket->pages[i] = pair->memory + i * MACHINE_PAGE;
	socket->pair = pair;
	return pair;
}

static void machine_shut(struct socket *socket)
{
	vm_pair_free(socket->pair);
}

static const struct machine_ops ops = {
	.send = machine_send,
	.open = machine_open,
	.close = machine_shut,
};

/*
 * Datagrams
 */

__s32 vm_send(struct vm *vm, const void *datagram, size_t length)
{
	struct vmci_datagram_block block = {
		.address = (uintptr_t)datagram,
		.length = (__u32)length,
	};

	if (ioctl(vm->fd, IOCTL_VMCI_DATAGRAM_SEND, &block))
		return REQUEST_FAILED;
	return block.result;
}

/* What a strict peer demands of every packet (vsock.md 5.2); the host is context 2 */
static bool good(const struct vm *vm, const struct vmsock_packet *pkt, size_t length)
{
	bool negotiates = pkt->type == VMSOCK_PACKET_REQUEST2 ||
			  pkt->type == VMSOCK_PACKET_NEGOTIATE2;
	bool waits = pkt->type == VMSOCK_PACKET_WAITING_READ ||
		     pkt->type == VMSOCK_PACKET_WAITING_WRITE;
	bool empty = pkt->type == VMSOCK_PACKET_INVALID || pkt->type == VMSOCK_PACKET_RST ||
		     pkt->type == VMSOCK_PACKET_WROTE || pkt->type == VMSOCK_PACKET_READ;

	return length == VMSOCK_PACKET_SIZE && pkt->dg.dst.context == vm->machine.cid &&
	       pkt->dg.src.context == VMCI_HOST_CONTEXT_ID &&
	       pkt->dg.src.resource == VMCI_SOCKET_CONTROL_RID &&
	       pkt->version == VMSOCK_PACKET_VERSION && pkt->type < VMSOCK_PACKET_TYPE_COUNT &&
	       (negotiates || !pkt->proto) && !pkt->reserved && pkt->src_port != VMSOCK_PORT_ANY &&
	       (waits || !pkt->u.wait.offset) && (!empty || !pkt->u.size);
}

static void packet_received(struct vm *vm, const struct vmsock_packet *pkt, size_t length)
{
	if (!good(vm, pkt, length)) {
		vm->wrong++;
		return;
	}
	if (pkt->dst_port < VM_BY_HAND) {
		machine_packet_received(&vm->machine, pkt);
	} else if (vm->heard_count < VM_KEPT) {
		vm->heard[(vm->heard_first + vm->heard_count++) % VM_KEPT] = *pkt;
	}
}

static void event_received(struct vm *vm, const struct vmci_event_msg *message)
{
	vm->last_event = message->data;
	if (message->data.event == VMCI_EVENT_QP_PEER_ATTACH) {
		vm->attached++;
	} else if (message->data.event == VMCI_EVENT_QP_PEER_DETACH) {
		vm->detached++;
		machine_detached(&vm->machine, message->data.u.qp.handle);
	} else {
		vm->other_events++;
	}
}

static void mail_received(struct vm *vm, const struct vmci_datagram *datagram, size_t length)
{
	if (vm->mail_count == VM_KEPT)
		return;
	vm->mail[vm->mail_count] = malloc(length);
	memcpy(vm->mail[vm->mail_count++], datagram, length);
}

static void received(struct vm *vm)
{
	const struct vmci_datagram *datagram = (const void *)buffer;
	size_t length = sizeof(*datagram) + datagram->payload_size;

	if (datagram->src.context == VMCI_HYPERVISOR_CONTEXT_ID &&
	    datagram->dst.resource == VMCI_EVENT_HANDLER)
		event_received(vm, (const void *)buffer);
	else if (datagram->dst.resource == VMCI_SOCKET_CONTROL_RID)
		packet_received(vm, (const void *)buffer, length);
	else
		mail_received(vm, datagram, length);
}

bool vm_pump(struct vm *vm)
{
	struct vmci_datagram_block block = { .address = (uintptr_t)buffer };
	bool something = false;

	for (;;) {
		block.length = sizeof(buffer);
		if (ioctl(vm->fd, IOCTL_VMCI_DATAGRAM_RECEIVE, &block) || block.result < 0)
			return something;
		something = true;
		received(vm);
	}
}

void vm_wait(struct vm *vm, int ms)
{
	poll(&(struct pollfd){ .fd = vm->fd, .events = POLLIN }, 1, ms);
}

bool vm_heard(struct vm *vm, struct vmsock_packet *pkt)
{
	if (!vm->heard_count)
		return false;
	*pkt = vm->heard[vm->heard_first];
	vm->heard_first = (vm->heard_first + 1) % VM_KEPT;
	vm->heard_count--;
	return true;
}

struct vmci_datagram *vm_mail(struct vm *vm)
{
	struct vmci_datagram *oldest = vm->mail[0];

	if (!vm->mail_count)
		return NULL;
	memmove(vm->mail, vm->mail + 1, --vm->mail_count * sizeof(vm->mail[0]));
	return oldest;
}

/*
 * Beginning and end
 */

static bool begin(struct vm *vm, __u32 cid, __u32 flags)
{
	struct vmci_init_block init = { .cid = cid, .flags = flags };
	__s32 version = VMCI_VERSION_CURRENT;
	struct vmci_set_notify_block notify = { .address = (uintptr_t)vm->notify };

	vm->fd = open("/dev/vmci", O_RDWR | O_CLOEXEC);
	if (vm->fd < 0 || ioctl(vm->fd, IOCTL_VMCI_VERSION2, &version) < 0 ||
	    ioctl(vm->fd, IOCTL_VMCI_INIT_CONTEXT, &init) < 0 ||
	    ioctl(vm->fd, IOCTL_VMCI_SET_NOTIFY, &notify) < 0)
		return false;
	machine_init(&vm->machine, &ops, init.cid);
	if (notify.result < 0)
		errno = EIO;
	return notify.result >= 0;
}

struct vm *vm_new(__u32 cid, __u32 flags)
{
	struct vm *vm = calloc(1, sizeof(*vm));

	vm->notify = mmap(NULL, MACHINE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	if (begin(vm, cid, flags))
		return vm;
	if (vm->fd >= 0)
		close(vm->fd);
	munmap((void *)vm->notify, MACHINE_PAGE);
	free(vm);
	return NULL;
}

void vm_free(struct vm *vm)
{
	struct vmci_datagram *mail;

	close(vm->fd);
	while (vm->machine.sockets)
		machine_close(vm->machine.sockets);
	while ((mail = vm_mail(vm)))
		free(mail);
	munmap((void *)vm->notify, MACHINE_PAGE);
	free(vm);
}
