// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dma - datagrams through buffers in the guest's memory
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Both directions are carried out at once, within the write of the register.  The end of a
 * sending is told by the busy flag alone, for which the driver spins; the end of a receiving also
 * by an interrupt, always: the write is posted, and a driver that saw no end when it looked
 * goes to sleep.
 *
 * Either may come at the moment when bus mastering goes off: it waits until that is on again, as
 * the driver does.  One that gives up a device which never answers resets it; the kernel's own
 * never gives up.
 */
#include <string.h>

#include "datagram.h"
#include "dma.h"
#include "fault.h"
#include "function.h"
#include "memory.h"
#include "vmci/errors.h"
#include "vmci/regs.h"

#define ELEMENTS_MAX	16u

/* Where what is received goes: @count pieces of the guest's memory */
struct target {
	struct vmci_dma_element elements[ELEMENTS_MAX];
	unsigned int count;
	__u64 left;		/* bytes in all of them */
};

/* A field of a header, which lies in one page since buffers are aligned */
static void *field(struct function *function, __u64 address, size_t size)
{
	return memory_at(function->memory, address, size, MEMORY_WRITE);
}

/* The header's last word to the driver; whatever was written before is there first */
static bool finish(struct function *function, __u64 buffer, __s64 value, __u32 busy)
{
	__u64 *result = field(function, buffer + offsetof(struct vmci_dma_header, result),
			      sizeof(*result));
	__u32 *flag = field(function, buffer + offsetof(struct vmci_dma_header, busy),
			    sizeof(*flag));

	if (!result || !flag)
		return false;
	if (busy || !fault_mute(function))
		__atomic_store_n(result, (__u64)value, __ATOMIC_RELAXED);
	if (!fault_stuck(function, busy))
		__atomic_store_n(flag, busy, __ATOMIC_RELEASE);
	return true;
}

static bool usable(const struct function *function, __u64 buffer)
{
	return (function->regs.caps & VMCI_CAPS_DMA_DATAGRAM) && memory_enabled(function->memory) &&
	       !(buffer % 8);
}

/*
 * A driver sets busy and a size before it writes the register.  Who reads neither has memory
 * of his own in place of the guest's (vfio-user.md 6.3).
 */
static bool is_private(struct function *function, const struct vmci_dma_header *header)
{
	if (function->memory_proved)
		return false;
	if (!header->busy && !header->size)
		return true;
	function->memory_proved = true;
	return false;
}

static __s64 send_inline(struct function *function, __u64 address, __u32 size)
{
	struct vmci_datagram *datagram;
	__s64 result;

	if (size < sizeof(*datagram))
		return VMCI_ERROR_INVALID_ARGS;
	if (size > VMCI_MAX_DG_SIZE)
		return VMCI_ERROR_PAYLOAD_TOO_LARGE;
	datagram = g_try_malloc(size);
	if (!datagram)
		return VMCI_ERROR_NO_MEM;
	result = VMCI_ERROR_INVALID_ARGS;
	if (memory_read(function->memory, datagram, address, size))
		result = datagram_send(function, datagram, size);
	g_free(datagram);
	return result;
}

static __s64 send_buffer(struct function *function, __u64 buffer)
{
	struct vmci_dma_header header;

	if (!usable(function, buffer))
		return VMCI_ERROR_UNAVAILABLE;
	if (!memory_read(function->memory, &header, buffer, sizeof(header)))
		return VMCI_ERROR_INVALID_ARGS;
	if (is_private(function, &header)) {
		function_fail(function);
		return VMCI_ERROR_UNAVAILABLE;
	}
	if (header.opcode != VMCI_DMA_OPCODE_INLINE)
		return VMCI_ERROR_INVALID_ARGS;
	return send_inline(function, buffer + sizeof(header), header.size);
}

/* Whether it has to wait for access to memory */
static bool defer(struct function *function, struct deferred *deferred, __u64 buffer)
{
	*deferred = (struct deferred){ buffer, !memory_enabled(function->memory) };
	return deferred->waits;
}

void dma_send(struct function *function, __u64 buffer)
{
	__s64 result;

	if (defer(function, &function->regs.send, buffer)) {
		regs_set_result(function, VMCI_ERROR_UNAVAILABLE);
		return;
	}
	result = send_buffer(function, buffer);
	regs_set_result(function, result);
	if (!usable(function, buffer) || !finish(function, buffer, result, 0))
		cause_raise(function, VMCI_CAUSE_DMA_DATAGRAM);
}

static void add_element(struct target *target, __u64 address, __u64 length)
{
	__u64 most = 1u << 30;

	target->elements[target->count].address = address;
	target->elements[target->count++].length = MIN(length, most);
	target->left += MIN(length, most);
}

static bool find_target(struct function *function, __u64 buffer, struct target *target)
{
	struct vmci_dma_element elements[ELEMENTS_MAX];
	struct vmci_dma_header header;

	if (!memory_read(function->memory, &header, buffer, sizeof(header)))
		return false;
	buffer += sizeof(header);
	if (header.opcode == VMCI_DMA_OPCODE_INLINE) {
		add_element(target, buffer, header.size);
		return true;
	}
	if (header.opcode != VMCI_DMA_OPCODE_SCATTER || header.size > ELEMENTS_MAX ||
	    !memory_read(function->memory, elements, buffer, header.size * sizeof(elements[0])))
		return false;
	for (__u32 i = 0; i < header.size; i++)
		add_element(target, elements[i].address, elements[i].length);
	return true;
}

/* Writes the next bytes of @target, which has as many; false when its memory has not */
static bool put(struct function *function, struct target *target, const void *from, size_t size)
{
	const __u8 *bytes = from;
	struct vmci_dma_element *element = target->elements;

	target->left -= size;
	while (size) {
		size_t piece = MIN(size, element->length);

		if (!memory_write(function->memory, element->address, bytes, piece))
			return false;
		element->address += piece;
		element->length -= piece;
		bytes += piece;
		size -= piece;
		if (!element->length)
			element++;
	}
	target->count -= (unsigned int)(element - target->elements);
	memmove(target->elements, element, target->count * sizeof(*element));
	return true;
}

static bool receive(struct function *function, __u64 buffer)
{
	static const struct vmci_datagram none = { { -1u, -1u }, { -1u, -1u }, -1ull };
	const struct parcel *parcel;
	struct target target = { .count = 0 };

	if (!find_target(function, buffer, &target))
		return false;
	while ((parcel = inbound_peek(function)) && parcel->size <= target.left) {
		if (!put(function, &target, &parcel->datagram, parcel->size))
			return false;
		inbound_pop(function);
	}
	return target.left < sizeof(none) || put(function, &target, &none, sizeof(none));
}

void dma_receive(struct function *function, __u64 buffer)
{
	bool good;

	if (defer(function, &function->regs.receive, buffer))
		return;
	good = usable(function, buffer) && receive(function, buffer);
	if (usable(function, buffer))
		finish(function, buffer, 0, 1);
	cause_raise(function, VMCI_CAUSE_DMA_DATAGRAM);
	if (good)
		inbound_settle(function);
}

void dma_resume(struct function *function)
{
	if (function->regs.send.waits)
		dma_send(function, function->regs.send.buffer);
	if (function->regs.receive.waits)
		dma_receive(function, function->regs.receive.buffer);
}
