// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * regs - the registers of the VMCI function
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A read may have any width and gets the bytes of the registers that it touches.  A write counts
 * only if it is one whole register; the data ports take bytes however many come at a time.
 */
#include <string.h>

#include "dma.h"
#include "function.h"
#include "regs.h"
#include "vmci/regs.h"

void regs_reset(struct function *function)
{
	memset(&function->regs, 0, sizeof(function->regs));
	function->regs.page_shift = VMCI_PAGE_SHIFT_DEFAULT;
}

void regs_set_result(struct function *function, __s64 result)
{
	function->regs.result = (__u64)result;
}

static __u32 read_result(struct function *function)
{
	port_result_read(function);
	return (__u32)function->regs.result;
}

static __u32 read_register(struct function *function, __u64 offset)
{
	switch (offset) {
	case VMCI_REG_STATUS:
		return function->causes.enabled ? VMCI_STATUS_INT_ON : 0;
	case VMCI_REG_ICR:
		return cause_acknowledge(function);
	case VMCI_REG_CAPS:
		return function->options.caps;
	case VMCI_REG_RESULT_LOW:
		return read_result(function);
	case VMCI_REG_RESULT_HIGH:
		return (__u32)(function->regs.result >> 32);
	default:
		return 0;
	}
}

static void write_control(struct function *function, __u32 value)
{
	if (value & VMCI_CONTROL_RESET)
		function_reset(function);
	if (value & VMCI_CONTROL_INT_DISABLE)
		function->causes.enabled = false;
	if (value & VMCI_CONTROL_INT_ENABLE)
		function->causes.enabled = true;
	cause_update(function);
}

static void write_caps(struct function *function, __u32 value)
{
	function->regs.caps = value & function->options.caps;
	function->regs.negotiated = true;
}

static void write_page_shift(struct function *function, __u32 value)
{
	if (value >= VMCI_PAGE_SHIFT_MIN && value <= VMCI_PAGE_SHIFT_MAX)
		function->regs.page_shift = value;
	else
		function->regs.page_shift = VMCI_PAGE_SHIFT_DEFAULT;
}

static void write_register(struct function *function, __u64 offset, __u32 value)
{
	struct regs *regs = &function->regs;

	switch (offset) {
	case VMCI_REG_CONTROL:
		write_control(function, value);
		break;
	case VMCI_REG_IMR:
		function->causes.mask = value;
		cause_update(function);
		break;
	case VMCI_REG_CAPS:
		write_caps(function, value);
		break;
	case VMCI_REG_DATA_OUT_LOW:
		dma_send(function, (__u64)regs->out_high << 32 | value);
		break;
	case VMCI_REG_DATA_OUT_HIGH:
		regs->out_high = value;
		break;
	case VMCI_REG_DATA_IN_LOW:
		dma_receive(function, (__u64)regs->in_high << 32 | value);
		break;
	case VMCI_REG_DATA_IN_HIGH:
		regs->in_high = value;
		break;
	case VMCI_REG_GUEST_PAGE_SHIFT:
		write_page_shift(function, value);
		break;
	}
}

void regs_read(struct function *function, enum regs_space space, __u64 offset, __u8 *to,
	       __u32 count)
{
	if (space == REGS_PORTS && offset == VMCI_REG_DATA_IN) {
		port_read(function, to, count);
		return;
	}
	while (count) {
		__u32 value = read_register(function, offset & ~3ull);
		__u32 skip = offset & 3, piece = MIN(4 - skip, count);

		memcpy(to, (__u8 *)&value + skip, piece);
		to += piece;
		offset += piece;
		count -= piece;
	}
}

void regs_write(struct function *function, enum regs_space space, __u64 offset, const __u8 *from,
		__u32 count)
{
	__u32 value;

	if (space == REGS_PORTS && offset == VMCI_REG_DATA_OUT) {
		port_write(function, from, count);
		return;
	}
	if (count != sizeof(value) || offset % sizeof(value))
		return;
	memcpy(&value, from, sizeof(value));
	write_register(function, offset, value);
}
