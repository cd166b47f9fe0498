/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * receive.h - finds the datagrams in what a VMCI device delivers
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vmci.md 3.7.  One pass over the receive channel, as a state machine: it
 * says what to read to which place of a buffer and where the next header is; the caller reads,
 * and copies each header once before it asks what it means (vmci.md 12.2 S24).
 *
 *	vmci_receive_begin(&pass, window, capacity);
 *	do {
 *		if (pass.length) {
 *			move pass.kept bytes from pass.from to the start of the buffer,
 *			read pass.length bytes to pass.offset behind them
 *			vmci_receive_filled(&pass);
 *		}
 *		header = 24 bytes at pass.at
 *		found = vmci_receive_next(&pass, &header, &offset);
 *		if (found == VMCI_RECEIVE_DATAGRAM)
 *			header, and header.payload_size bytes at offset + 24
 *	} while (found <= VMCI_RECEIVE_DATAGRAM);
 */
#ifndef VMSOCK_COMMON_RECEIVE_H
#define VMSOCK_COMMON_RECEIVE_H

#include <vmci/wire.h>

/**
 * struct vmci_receive - one pass
 * @window: bytes after which the port channel begins anew, 0 on the DMA channel
 * @capacity: bytes of the buffer, a multiple of 8 and of @window
 * @valid: bytes of the buffer that have been read
 * @at: offset of the next header; 24 bytes are valid there
 * @from: where the bytes to be kept are
 * @kept: how many
 * @offset: where to read to
 * @length: how many bytes, 0 when nothing has to be read
 */
struct vmci_receive {
	__u32 window;
	__u32 capacity;
	__u32 valid;
	__u32 at;
	__u32 from;
	__u32 kept;
	__u32 offset;
	__u32 length;
};

enum vmci_receive_result {
	VMCI_RECEIVE_AGAIN,	/* the header is elsewhere now, perhaps after a read */
	VMCI_RECEIVE_DATAGRAM,
	VMCI_RECEIVE_END,	/* the device has no more */
	VMCI_RECEIVE_BROKEN,	/* no datagram can be that large: nothing behind it is trusted */
};

/**
 * vmci_receive_begin() - begin a pass
 * @pass: to be initialised; its first read is set
 * @window: page size on the port channel, 0 on the DMA channel
 * @capacity: bytes of the buffer
 */
void vmci_receive_begin(struct vmci_receive *pass, __u32 window, __u32 capacity);

/* The bytes asked for are in the buffer */
void vmci_receive_filled(struct vmci_receive *pass);

/**
 * vmci_receive_next() - what is at pass->at
 * @pass: nothing is to be read
 * @header: copy of the 24 bytes there
 * @offset: of the datagram, written with VMCI_RECEIVE_DATAGRAM: header->payload_size bytes
 *	follow the header and are valid.  It is to be used before anything is read
 */
enum vmci_receive_result vmci_receive_next(struct vmci_receive *pass,
					   const struct vmci_datagram *header, __u32 *offset);

#endif /* VMSOCK_COMMON_RECEIVE_H */
