// SPDX-License-Identifier: GPL-2.0-or-later
/* wire-test.c - hypercalls, events, DMA headers, ioctl blocks and queue headers as bytes
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Each vector of vmci.md 14.1 to 14.6 is built from the structures of
 * include/vmci and compared with its text.
 */
#include <vmci/wire_check.h>

#include <common/packet.h>
#include <common/ring.h>

#include "vector.h"

#define CID	UINT32_C(0x6f3a1b2c)

static const struct vmci_handle anonymous = { VMCI_INVALID_ID, VMCI_INVALID_ID };
static const struct vmci_handle queue_pair = { CID, 0x401 };
static const struct vmci_handle doorbell = { CID, 0x400 };
static const struct vmci_handle host_doorbell = { VMCI_HOST_CONTEXT_ID, 0x400 };

static struct vmci_datagram header(struct vmci_handle dst, struct vmci_handle src, size_t total)
{
	return (struct vmci_datagram) {
		.dst = dst,
		.src = src,
		.payload_size = total - sizeof(struct vmci_datagram),
	};
}

static struct vmci_datagram call(enum vmci_function function, size_t total)
{
	struct vmci_handle dst = { VMCI_HYPERVISOR_CONTEXT_ID, (uint32_t)function };

	return header(dst, anonymous, total);
}

static void test_resources_query(void)
{
	struct {
		struct vmci_resources_query_msg msg;
		uint32_t functions[12];
	} query = { .msg = { .hdr = call(VMCI_RESOURCES_QUERY, 36), .count = 1 },
		    .functions = { VMCI_GET_CONTEXT_ID } };

	is_vector(&query, 36,
		  "00 00 00 00 00 00 00 00 ff ff ff ff ff ff ff ff"
		  "0c 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00"
		  "01 00 00 00",
		  "A1: RESOURCES_QUERY for one function");
	query.msg.hdr = call(VMCI_RESOURCES_QUERY, sizeof(query));
	query.msg.count = 12;
	for (uint32_t i = 0; i < 12; i++)
		query.functions[i] = i;
	is_vector(&query, sizeof(query),
		  "00 00 00 00 00 00 00 00 ff ff ff ff ff ff ff ff"
		  "38 00 00 00 00 00 00 00 0c 00 00 00 00 00 00 00"
		  "00 00 00 00 01 00 00 00 02 00 00 00 03 00 00 00"
		  "04 00 00 00 05 00 00 00 06 00 00 00 07 00 00 00"
		  "08 00 00 00 09 00 00 00 0a 00 00 00 0b 00 00 00",
		  "A2: RESOURCES_QUERY for functions 0 to 11");
}

static void test_context_and_bitmap(void)
{
	struct vmci_datagram id = call(VMCI_GET_CONTEXT_ID, 24);
	struct vmci_set_notify_bitmap_msg bitmap = {
		.hdr = call(VMCI_SET_NOTIFY_BITMAP, sizeof(bitmap)),
		.bitmap_ppn = 0x0001a2b3,
	};

	is_vector(&id, sizeof(id),
		  "00 00 00 00 01 00 00 00 ff ff ff ff ff ff ff ff"
		  "00 00 00 00 00 00 00 00",
		  "A3: GET_CONTEXT_ID");
	is_vector(&bitmap, sizeof(bitmap),
		  "00 00 00 00 02 00 00 00 ff ff ff ff ff ff ff ff"
		  "08 00 00 00 00 00 00 00 b3 a2 01 00 00 00 00 00",
		  "A4: SET_NOTIFY_BITMAP, 32-bit page number");
	bitmap.bitmap_ppn = UINT64_C(0x123456789a);
	is_vector(&bitmap, sizeof(bitmap),
		  "00 00 00 00 02 00 00 00 ff ff ff ff ff ff ff ff"
		  "08 00 00 00 00 00 00 00 9a 78 56 34 12 00 00 00",
		  "A5: SET_NOTIFY_BITMAP, 64-bit page number");
}

static void test_doorbells(void)
{
	struct vmci_doorbell_link_msg link = {
		.hdr = call(VMCI_DOORBELL_LINK, sizeof(link)),
		.handle = doorbell,
		.notify_index = 7,
	};
	struct vmci_handle_msg unlink = {
		.hdr = call(VMCI_DOORBELL_UNLINK, sizeof(unlink)),
		.handle = doorbell,
	};
	struct vmci_handle_msg notify = {
		.hdr = call(VMCI_DOORBELL_NOTIFY, sizeof(notify)),
		.handle = host_doorbell,
	};

	is_vector(&link, sizeof(link),
		  "00 00 00 00 03 00 00 00 ff ff ff ff ff ff ff ff"
		  "10 00 00 00 00 00 00 00 2c 1b 3a 6f 00 04 00 00"
		  "07 00 00 00 00 00 00 00",
		  "A6: DOORBELL_LINK");
	is_vector(&unlink, sizeof(unlink),
		  "00 00 00 00 04 00 00 00 ff ff ff ff ff ff ff ff"
		  "08 00 00 00 00 00 00 00 2c 1b 3a 6f 00 04 00 00",
		  "A7: DOORBELL_UNLINK");
	is_vector(&notify, sizeof(notify),
		  "00 00 00 00 05 00 00 00 ff ff ff ff ff ff ff ff"
		  "08 00 00 00 00 00 00 00 02 00 00 00 00 04 00 00",
		  "A8: DOORBELL_NOTIFY");
}

static struct vmci_qp_alloc_msg alloc_message(size_t total)
{
	return (struct vmci_qp_alloc_msg) {
		.hdr = call(VMCI_QUEUEPAIR_ALLOC, total),
		.handle = queue_pair,
		.peer = VMCI_HOST_CONTEXT_ID,
		.produce_size = 8192,
		.consume_size = 4096,
		.ppn_count = vmci_queue_pair_pages(8192, 4096, 12),
	};
}

static void test_queue_pair(void)
{
	struct {
		struct vmci_qp_alloc_msg msg;
		uint32_t ppns[5];
	} narrow = { .ppns = { 0x11000, 0x11001, 0x11002, 0x22000, 0x22001 } };
	struct {
		struct vmci_qp_alloc_msg msg;
		uint64_t ppns[5];
	} wide;
	struct vmci_handle_msg detach = {
		.hdr = call(VMCI_QUEUEPAIR_DETACH, sizeof(detach)),
		.handle = queue_pair,
	};
	size_t narrow_size = sizeof(narrow.msg) + sizeof(narrow.ppns);

	narrow.msg = alloc_message(narrow_size);
	is_vector(&narrow, narrow_size,
		  "00 00 00 00 0a 00 00 00 ff ff ff ff ff ff ff ff"
		  "3c 00 00 00 00 00 00 00 2c 1b 3a 6f 01 04 00 00"
		  "02 00 00 00 00 00 00 00 00 20 00 00 00 00 00 00"
		  "00 10 00 00 00 00 00 00 05 00 00 00 00 00 00 00"
		  "00 10 01 00 01 10 01 00 02 10 01 00 00 20 02 00"
		  "01 20 02 00",
		  "A9: QUEUEPAIR_ALLOC, 32-bit page numbers");
	wide.msg = alloc_message(sizeof(wide));
	for (int i = 0; i < 5; i++)
		wide.ppns[i] = narrow.ppns[i] + (UINT64_C(1) << 32);
	is_vector(&wide, sizeof(wide),
		  "00 00 00 00 0a 00 00 00 ff ff ff ff ff ff ff ff"
		  "50 00 00 00 00 00 00 00 2c 1b 3a 6f 01 04 00 00"
		  "02 00 00 00 00 00 00 00 00 20 00 00 00 00 00 00"
		  "00 10 00 00 00 00 00 00 05 00 00 00 00 00 00 00"
		  "00 10 01 00 01 00 00 00 01 10 01 00 01 00 00 00"
		  "02 10 01 00 01 00 00 00 00 20 02 00 01 00 00 00"
		  "01 20 02 00 01 00 00 00",
		  "A10: QUEUEPAIR_ALLOC, 64-bit page numbers");
	is_vector(&detach, sizeof(detach),
		  "00 00 00 00 0b 00 00 00 ff ff ff ff ff ff ff ff"
		  "08 00 00 00 00 00 00 00 2c 1b 3a 6f 01 04 00 00",
		  "A11: QUEUEPAIR_DETACH");
}

/*
 * The negative cases of 14.1 as bytes: what makes them wrong is seen through the
 * same structures and formulas that a device uses.  The answers are its matter.
 */
static void test_negative_calls(void)
{
	struct vmci_qp_alloc_msg alloc;
	struct vmci_resources_query_msg query;
	uint8_t bytes[VECTOR_MAX];

	unhex("00 00 00 00 0a 00 00 00 ff ff ff ff ff ff ff ff"
	      "3c 00 00 00 00 00 00 00 2c 1b 3a 6f 01 04 00 00"
	      "02 00 00 00 00 00 00 00 00 20 00 00 00 00 00 00"
	      "00 10 00 00 00 00 00 00 04 00 00 00 00 00 00 00",
	      bytes);
	memcpy(&alloc, bytes, sizeof(alloc));
	is_u64(alloc.ppn_count, 4, "A9 negative: the count at offset 56 is 4");
	ok(alloc.ppn_count !=
		   vmci_queue_pair_pages(alloc.produce_size, alloc.consume_size, 12),
	   "A9 negative: not the count that the sizes give");
	ok(alloc.hdr.payload_size !=
		   sizeof(alloc) - sizeof(alloc.hdr) + 4 * alloc.ppn_count,
	   "A9 negative: not the count that the length gives");
	is_s64(VMCI_ERROR_INVALID_ARGS, (int32_t)0xfffffffe, "A9 negative: INVALID_ARGS");

	unhex("00 00 00 00 11 00 00 00 ff ff ff ff ff ff ff ff"
	      "0c 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00",
	      bytes);
	memcpy(&query, bytes, sizeof(query));
	ok(query.hdr.dst.resource >= VMCI_RESOURCE_MAX, "A1 negative: function 17 is none");
	is_s64(VMCI_ERROR_INVALID_RESOURCE, (int32_t)0xffffffff, "A1 negative: INVALID_RESOURCE");
	is_s64(VMCI_ERROR_DUPLICATE_ENTRY, (int32_t)0xfffffff7, "A6 repeated: DUPLICATE_ENTRY");
	is_s64(VMCI_ERROR_NOT_FOUND, (int32_t)0xffffffeb, "A7 repeated: NOT_FOUND");
}

static struct vmci_event_msg event(enum vmci_event_id id, size_t payload)
{
	struct vmci_handle dst = { CID, VMCI_EVENT_HANDLER };
	struct vmci_handle src = { VMCI_HYPERVISOR_CONTEXT_ID, VMCI_CONTEXT_RESOURCE_ID };

	return (struct vmci_event_msg) {
		.hdr = header(dst, src, sizeof(struct vmci_datagram) + payload),
		.data = { .event = (uint32_t)id },
	};
}

static struct vmci_event_msg qp_event(enum vmci_event_id id)
{
	struct vmci_event_msg msg = event(id, VMCI_EVENT_QP_SIZE);

	msg.data.u.qp.handle = queue_pair;
	msg.data.u.qp.peer = VMCI_HOST_CONTEXT_ID;
	return msg;
}

static void test_events(void)
{
	struct vmci_event_msg removed = event(VMCI_EVENT_CTX_REMOVED, VMCI_EVENT_CONTEXT_SIZE);
	struct vmci_event_msg update = event(VMCI_EVENT_CTX_ID_UPDATE, VMCI_EVENT_CONTEXT_SIZE);
	struct vmci_event_msg attach = qp_event(VMCI_EVENT_QP_PEER_ATTACH);
	struct vmci_event_msg detach = qp_event(VMCI_EVENT_QP_PEER_DETACH);

	removed.data.u.ctx.context = VMCI_HOST_CONTEXT_ID;
	is_vector(&removed, 40,
		  "2c 1b 3a 6f 00 00 00 00 00 00 00 00 00 00 00 00"
		  "10 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00"
		  "02 00 00 00 00 00 00 00",
		  "A12: CTX_REMOVED");
	update.data.u.ctx.context = UINT32_C(0x8d51c0de);
	is_vector(&update, 40,
		  "2c 1b 3a 6f 00 00 00 00 00 00 00 00 00 00 00 00"
		  "10 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"
		  "de c0 51 8d 00 00 00 00",
		  "A13: CTX_ID_UPDATE, top bit set");
	is_vector(&attach, sizeof(attach),
		  "2c 1b 3a 6f 00 00 00 00 00 00 00 00 00 00 00 00"
		  "18 00 00 00 00 00 00 00 03 00 00 00 00 00 00 00"
		  "2c 1b 3a 6f 01 04 00 00 02 00 00 00 00 00 00 00",
		  "A14: QP_PEER_ATTACH");
	is_vector(&detach, sizeof(detach),
		  "2c 1b 3a 6f 00 00 00 00 00 00 00 00 00 00 00 00"
		  "18 00 00 00 00 00 00 00 04 00 00 00 00 00 00 00"
		  "2c 1b 3a 6f 01 04 00 00 02 00 00 00 00 00 00 00",
		  "A15: QP_PEER_DETACH");
}

static size_t hello(struct vmci_handle dst, struct vmci_handle src, uint8_t *bytes)
{
	struct vmci_datagram dg = header(dst, src, sizeof(dg) + 5);

	memcpy(bytes, &dg, sizeof(dg));
	memcpy(bytes + sizeof(dg), "hello", 5);
	return sizeof(dg) + 5;
}

static void test_datagram(void)
{
	struct vmci_handle guest = { CID, VMCI_SOCKET_CONTROL_RID };
	struct vmci_handle host = { VMCI_HOST_CONTEXT_ID, VMCI_SOCKET_CONTROL_RID };
	uint8_t bytes[32];

	is_vector(bytes, hello(host, guest, bytes),
		  "02 00 00 00 01 00 00 00 2c 1b 3a 6f 01 00 00 00"
		  "05 00 00 00 00 00 00 00 68 65 6c 6c 6f",
		  "A16: datagram \"hello\"");
}

static void test_dma(void)
{
	struct {
		struct vmci_dma_header header;
		struct vmci_datagram dg;
	} send = { .header = { .busy = 1, .opcode = VMCI_DMA_OPCODE_INLINE, .size = 24 },
		   .dg = call(VMCI_GET_CONTEXT_ID, 24) };
	struct vmci_dma_header done = { .size = 24, .result = CID };
	struct {
		struct vmci_dma_header header;
		struct vmci_dma_element element;
	} receive = { .header = { .opcode = VMCI_DMA_OPCODE_SCATTER, .size = 1 },
		      .element = { 0x7f001000, VMCI_MAX_DG_SIZE } };

	is_vector(&send, sizeof(send),
		  "01 00 00 00 00 00 00 00 18 00 00 00 00 00 00 00"
		  "00 00 00 00 00 00 00 00 00 00 00 00 01 00 00 00"
		  "ff ff ff ff ff ff ff ff 00 00 00 00 00 00 00 00",
		  "B1: transmit buffer");
	is_vector(&done, sizeof(done),
		  "00 00 00 00 00 00 00 00 18 00 00 00 00 00 00 00"
		  "2c 1b 3a 6f 00 00 00 00",
		  "B1r: transmit buffer after completion");
	is_vector(&receive, sizeof(receive),
		  "00 00 00 00 01 00 00 00 01 00 00 00 00 00 00 00"
		  "00 00 00 00 00 00 00 00 00 10 00 7f 00 00 00 00"
		  "00 10 01 00 00 00 00 00",
		  "B2: receive buffer, one element");
}

static void test_dma_receive_area(void)
{
	struct vmci_handle guest = { CID, VMCI_SOCKET_CONTROL_RID };
	struct vmci_handle host = { VMCI_HOST_CONTEXT_ID, VMCI_SOCKET_CONTROL_RID };
	struct vmci_event_msg attach = qp_event(VMCI_EVENT_QP_PEER_ATTACH);
	uint8_t area[104] = { 0 };
	size_t at = sizeof(attach);
	size_t length;

	memcpy(area, &attach, at);
	length = hello(guest, host, area + at);
	is_u64(length, 29, "B3: length of the second datagram");
	at += (length + VMCI_DG_ALIGNMENT - 1) / VMCI_DG_ALIGNMENT * VMCI_DG_ALIGNMENT;
	is_u64(at, 80, "B3: padded to a multiple of 8");
	memset(area + at, 0xff, sizeof(struct vmci_datagram));
	is_vector(area, sizeof(area),
		  "2c 1b 3a 6f 00 00 00 00 00 00 00 00 00 00 00 00"
		  "18 00 00 00 00 00 00 00 03 00 00 00 00 00 00 00"
		  "2c 1b 3a 6f 01 04 00 00 02 00 00 00 00 00 00 00"
		  "2c 1b 3a 6f 01 00 00 00 02 00 00 00 01 00 00 00"
		  "05 00 00 00 00 00 00 00 68 65 6c 6c 6f 00 00 00"
		  "ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff"
		  "ff ff ff ff ff ff ff ff",
		  "B3: receive area");
}

static void test_ioctl_datagrams(void)
{
	struct vmci_init_block init = { .cid = CID };
	struct vmci_datagram_block send = { .address = UINT64_C(0x7ffd12340000), .length = 29 };

	is_vector(&init, sizeof(init), "2c 1b 3a 6f 00 00 00 00", "C1: INIT_CONTEXT");
	is_vector(&send, sizeof(send), "00 00 34 12 fd 7f 00 00 1d 00 00 00 00 00 00 00",
		  "C2: DATAGRAM_SEND");
	send.result = 29;
	is_vector(&send, sizeof(send), "00 00 34 12 fd 7f 00 00 1d 00 00 00 1d 00 00 00",
		  "C2r: DATAGRAM_SEND after success");
}

static void test_ioctl_queue_pairs(void)
{
	struct vmci_qp_alloc_block alloc = {
		.handle = queue_pair,
		.peer = VMCI_HOST_CONTEXT_ID,
		.produce_size = 8192,
		.consume_size = 4096,
		.pages_address = UINT64_C(0x7f5500000000),
		.page_count = 5,
	};
	struct vmci_qp_setva_block setva = {
		.handle = queue_pair,
		.address = UINT64_C(0x7f5500000000),
		.page_count = 5,
	};

	is_vector(&alloc, sizeof(alloc),
		  "2c 1b 3a 6f 01 04 00 00 02 00 00 00 00 00 00 00"
		  "00 20 00 00 00 00 00 00 00 10 00 00 00 00 00 00"
		  "00 00 00 00 55 7f 00 00 05 00 00 00 00 00 00 00"
		  "00 00 00 00 00 00 00 00",
		  "C3: QUEUEPAIR_ALLOC");
	is_vector(&setva, sizeof(setva),
		  "2c 1b 3a 6f 01 04 00 00 00 00 00 00 55 7f 00 00"
		  "05 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
		  "C4: QUEUEPAIR_SETVA");
}

static void test_ioctl_notifications(void)
{
	struct vmci_notify_resource_block ring = {
		.handle = host_doorbell,
		.resource = VMCI_NOTIFY_RESOURCE_DOORBELL,
		.action = VMCI_NOTIFY_RESOURCE_ACTION_NOTIFY,
	};
	struct vmci_notifications_receive_block receive = {
		.doorbell_address = UINT64_C(0x7f5500010000),
		.doorbell_size = 64,
	};
	struct vmci_checkpoint_block state = {
		.address = UINT64_C(0x7f5500020000),
		.type = VMCI_CPT_DOORBELLS,
		.size = 4096,
	};

	is_vector(&ring, sizeof(ring), "02 00 00 00 00 04 00 00 01 00 00 00 00 00 00 00",
		  "C5: NOTIFY_RESOURCE");
	is_vector(&receive, sizeof(receive),
		  "00 00 01 00 55 7f 00 00 40 00 00 00 00 00 00 00"
		  "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"
		  "00 00 00 00 00 00 00 00",
		  "C6: NOTIFICATIONS_RECEIVE");
	is_vector(&state, sizeof(state),
		  "00 00 02 00 55 7f 00 00 06 00 00 00 00 10 00 00"
		  "00 00 00 00 00 00 00 00",
		  "C7: CTX_GET_CPT_STATE");
	is_u64(VMCI_VERSION_CURRENT, 720896, "14.5: version 11.0");
	is_u64(VMCI_VERSION_PREHOSTQP, 524288, "14.5: version 8.0");
	is_u64(VMCI_VERSION_HOSTQP, 589824, "14.5: version 9.0");
}

static void test_queue_header(void)
{
	struct vmci_queue_header header = { .handle = queue_pair };

	is_vector(&header, sizeof(header),
		  "2c 1b 3a 6f 01 04 00 00 00 00 00 00 00 00 00 00"
		  "00 00 00 00 00 00 00 00",
		  "D1: queue header as initialised");
	header.producer_tail = vmci_ring_advance(header.producer_tail, 10, 4096);
	is_vector(&header, sizeof(header),
		  "2c 1b 3a 6f 01 04 00 00 0a 00 00 00 00 00 00 00"
		  "00 00 00 00 00 00 00 00",
		  "D2: produce header after 10 bytes");
}

/* Tables written out again, so that a slip in the one place they are declared in shows */
static const struct {
	const char *name;
	int64_t got, want;
} numbers[] = {
	/* vsock.md 5.3 */
	{ "INVALID", VMSOCK_PACKET_INVALID, 0 },
	{ "REQUEST", VMSOCK_PACKET_REQUEST, 1 },
	{ "NEGOTIATE", VMSOCK_PACKET_NEGOTIATE, 2 },
	{ "OFFER", VMSOCK_PACKET_OFFER, 3 },
	{ "ATTACH", VMSOCK_PACKET_ATTACH, 4 },
	{ "WROTE", VMSOCK_PACKET_WROTE, 5 },
	{ "READ", VMSOCK_PACKET_READ, 6 },
	{ "RST", VMSOCK_PACKET_RST, 7 },
	{ "SHUTDOWN", VMSOCK_PACKET_SHUTDOWN, 8 },
	{ "WAITING_WRITE", VMSOCK_PACKET_WAITING_WRITE, 9 },
	{ "WAITING_READ", VMSOCK_PACKET_WAITING_READ, 10 },
	{ "REQUEST2", VMSOCK_PACKET_REQUEST2, 11 },
	{ "NEGOTIATE2", VMSOCK_PACKET_NEGOTIATE2, 12 },
	/* vmci.md 2.3 */
	{ "STATUS", VMCI_REG_STATUS, 0x00 },
	{ "CONTROL", VMCI_REG_CONTROL, 0x04 },
	{ "ICR", VMCI_REG_ICR, 0x08 },
	{ "IMR", VMCI_REG_IMR, 0x0c },
	{ "DATA_OUT", VMCI_REG_DATA_OUT, 0x10 },
	{ "DATA_IN", VMCI_REG_DATA_IN, 0x14 },
	{ "CAPS", VMCI_REG_CAPS, 0x18 },
	{ "RESULT_LOW", VMCI_REG_RESULT_LOW, 0x1c },
	{ "RESULT_HIGH", VMCI_REG_RESULT_HIGH, 0x20 },
	{ "DATA_OUT_LOW", VMCI_REG_DATA_OUT_LOW, 0x24 },
	{ "DATA_OUT_HIGH", VMCI_REG_DATA_OUT_HIGH, 0x28 },
	{ "DATA_IN_LOW", VMCI_REG_DATA_IN_LOW, 0x2c },
	{ "DATA_IN_HIGH", VMCI_REG_DATA_IN_HIGH, 0x30 },
	{ "GUEST_PAGE_SHIFT", VMCI_REG_GUEST_PAGE_SHIFT, 0x34 },
	/* vmci.md 8.2 */
	{ "VERSION", IOCTL_VMCI_VERSION, 1951 },
	{ "INIT_CONTEXT", IOCTL_VMCI_INIT_CONTEXT, 1952 },
	{ "QUEUEPAIR_SETVA", IOCTL_VMCI_QUEUEPAIR_SETVA, 1956 },
	{ "NOTIFY_RESOURCE", IOCTL_VMCI_NOTIFY_RESOURCE, 1957 },
	{ "NOTIFICATIONS_RECEIVE", IOCTL_VMCI_NOTIFICATIONS_RECEIVE, 1958 },
	{ "VERSION2", IOCTL_VMCI_VERSION2, 1959 },
	{ "QUEUEPAIR_ALLOC", IOCTL_VMCI_QUEUEPAIR_ALLOC, 1960 },
	{ "QUEUEPAIR_SETPAGEFILE", IOCTL_VMCI_QUEUEPAIR_SETPAGEFILE, 1961 },
	{ "QUEUEPAIR_DETACH", IOCTL_VMCI_QUEUEPAIR_DETACH, 1962 },
	{ "DATAGRAM_SEND", IOCTL_VMCI_DATAGRAM_SEND, 1963 },
	{ "DATAGRAM_RECEIVE", IOCTL_VMCI_DATAGRAM_RECEIVE, 1964 },
	{ "DATAGRAM_REQUEST_MAP", IOCTL_VMCI_DATAGRAM_REQUEST_MAP, 1965 },
	{ "DATAGRAM_REMOVE_MAP", IOCTL_VMCI_DATAGRAM_REMOVE_MAP, 1966 },
	{ "CTX_ADD_NOTIFICATION", IOCTL_VMCI_CTX_ADD_NOTIFICATION, 1967 },
	{ "CTX_REMOVE_NOTIFICATION", IOCTL_VMCI_CTX_REMOVE_NOTIFICATION, 1968 },
	{ "CTX_GET_CPT_STATE", IOCTL_VMCI_CTX_GET_CPT_STATE, 1969 },
	{ "CTX_SET_CPT_STATE", IOCTL_VMCI_CTX_SET_CPT_STATE, 1970 },
	{ "GET_CONTEXT_ID", IOCTL_VMCI_GET_CONTEXT_ID, 1971 },
	{ "SET_NOTIFY", IOCTL_VMCI_SET_NOTIFY, 1995 },
	/* vsock.md 9 */
	{ "SOCKETS_VERSION", IOCTL_VMCI_SOCKETS_VERSION, 1972 },
	{ "SOCKETS_GET_AF_VALUE", IOCTL_VMCI_SOCKETS_GET_AF_VALUE, 1976 },
	{ "SOCKETS_GET_LOCAL_CID", IOCTL_VMCI_SOCKETS_GET_LOCAL_CID, 1977 },
	{ "SOCKETS_UUID_2_CID", IOCTL_VMCI_SOCKETS_UUID_2_CID, 1991 },
	/* vmci.md 4.1 */
	{ "RESOURCES_QUERY", VMCI_RESOURCES_QUERY, 0 },
	{ "GET_CONTEXT_ID", VMCI_GET_CONTEXT_ID, 1 },
	{ "SET_NOTIFY_BITMAP", VMCI_SET_NOTIFY_BITMAP, 2 },
	{ "DOORBELL_LINK", VMCI_DOORBELL_LINK, 3 },
	{ "DOORBELL_UNLINK", VMCI_DOORBELL_UNLINK, 4 },
	{ "DOORBELL_NOTIFY", VMCI_DOORBELL_NOTIFY, 5 },
	{ "DATAGRAM_REQUEST_MAP", VMCI_DATAGRAM_REQUEST_MAP, 6 },
	{ "DATAGRAM_REMOVE_MAP", VMCI_DATAGRAM_REMOVE_MAP, 7 },
	{ "EVENT_SUBSCRIBE", VMCI_EVENT_SUBSCRIBE, 8 },
	{ "EVENT_UNSUBSCRIBE", VMCI_EVENT_UNSUBSCRIBE, 9 },
	{ "QUEUEPAIR_ALLOC", VMCI_QUEUEPAIR_ALLOC, 10 },
	{ "QUEUEPAIR_DETACH", VMCI_QUEUEPAIR_DETACH, 11 },
	{ "HGFS_TRANSPORT", VMCI_HGFS_TRANSPORT, 13 },
	{ "UNITY_PBRPC_REGISTER", VMCI_UNITY_PBRPC_REGISTER, 14 },
	{ "RPC_PRIVILEGED", VMCI_RPC_PRIVILEGED, 15 },
	{ "RPC_UNPRIVILEGED", VMCI_RPC_UNPRIVILEGED, 16 },
	/* vmci.md 7.2 */
	{ "CTX_ID_UPDATE", VMCI_EVENT_CTX_ID_UPDATE, 0 },
	{ "CTX_REMOVED", VMCI_EVENT_CTX_REMOVED, 1 },
	{ "QP_RESUMED", VMCI_EVENT_QP_RESUMED, 2 },
	{ "QP_PEER_ATTACH", VMCI_EVENT_QP_PEER_ATTACH, 3 },
	{ "QP_PEER_DETACH", VMCI_EVENT_QP_PEER_DETACH, 4 },
	{ "MEM_ACCESS_ON", VMCI_EVENT_MEM_ACCESS_ON, 5 },
	{ "MEM_ACCESS_OFF", VMCI_EVENT_MEM_ACCESS_OFF, 6 },
	/* vmci.md 10: successes and what is not in the contiguous range */
	{ "SUCCESS_QUEUEPAIR_ATTACH", VMCI_SUCCESS_QUEUEPAIR_ATTACH, 5 },
	{ "SUCCESS_QUEUEPAIR_CREATE", VMCI_SUCCESS_QUEUEPAIR_CREATE, 4 },
	{ "SUCCESS_LAST_DETACH", VMCI_SUCCESS_LAST_DETACH, 3 },
	{ "SUCCESS_ACCESS_GRANTED", VMCI_SUCCESS_ACCESS_GRANTED, 2 },
	{ "SUCCESS_ENTRY_DEAD", VMCI_SUCCESS_ENTRY_DEAD, 1 },
	{ "SUCCESS", VMCI_SUCCESS, 0 },
	{ "CLIENT_MIN", VMCI_ERROR_CLIENT_MIN, -500 },
	{ "CLIENT_MAX", VMCI_ERROR_CLIENT_MAX, -550 },
	{ "BAD_CONTEXT", VMCI_SHAREDMEM_ERROR_BAD_CONTEXT, -1000 },
	/* vsock.md 2.6 */
	{ "driver word 9.8.1.0", VMCI_SOCKETS_MAKE_VERSION(9, 8, 1), 0x09080001 },
	{ "driver word 1.0.0.0", VMCI_SOCKETS_MAKE_VERSION(1, 0, 0), 0x01000000 },
};

static void test_numbers(void)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		is_s64(numbers[i].got, numbers[i].want, "number of %s", numbers[i].name);
}

/* vmci.md 10: from -1 down without a gap */
static const char *const errors[] = {
	"VMCI_ERROR_INVALID_RESOURCE", "VMCI_ERROR_INVALID_ARGS", "VMCI_ERROR_NO_MEM",
	"VMCI_ERROR_DATAGRAM_FAILED", "VMCI_ERROR_MORE_DATA", "VMCI_ERROR_NO_MORE_DATAGRAMS",
	"VMCI_ERROR_NO_ACCESS", "VMCI_ERROR_NO_HANDLE", "VMCI_ERROR_DUPLICATE_ENTRY",
	"VMCI_ERROR_DST_UNREACHABLE", "VMCI_ERROR_PAYLOAD_TOO_LARGE", "VMCI_ERROR_INVALID_PRIV",
	"VMCI_ERROR_GENERIC", "VMCI_ERROR_PAGE_ALREADY_SHARED", "VMCI_ERROR_CANNOT_SHARE_PAGE",
	"VMCI_ERROR_CANNOT_UNSHARE_PAGE", "VMCI_ERROR_NO_PROCESS", "VMCI_ERROR_NO_DATAGRAM",
	"VMCI_ERROR_NO_RESOURCES", "VMCI_ERROR_UNAVAILABLE", "VMCI_ERROR_NOT_FOUND",
	"VMCI_ERROR_ALREADY_EXISTS", "VMCI_ERROR_NOT_PAGE_ALIGNED", "VMCI_ERROR_INVALID_SIZE",
	"VMCI_ERROR_REGION_ALREADY_SHARED", "VMCI_ERROR_TIMEOUT",
	"VMCI_ERROR_DATAGRAM_INCOMPLETE", "VMCI_ERROR_INCORRECT_IRQL",
	"VMCI_ERROR_EVENT_UNKNOWN", "VMCI_ERROR_OBSOLETE", "VMCI_ERROR_QUEUEPAIR_MISMATCH",
	"VMCI_ERROR_QUEUEPAIR_NOTSET", "VMCI_ERROR_QUEUEPAIR_NOTOWNER",
	"VMCI_ERROR_QUEUEPAIR_NOTATTACHED", "VMCI_ERROR_QUEUEPAIR_NOSPACE",
	"VMCI_ERROR_QUEUEPAIR_NODATA", "VMCI_ERROR_BUSMEM_INVALIDATION",
	"VMCI_ERROR_MODULE_NOT_LOADED", "VMCI_ERROR_DEVICE_NOT_FOUND",
	"VMCI_ERROR_QUEUEPAIR_NOT_READY", "VMCI_ERROR_WOULD_BLOCK",
};

static const struct {
	const char *name;
	int32_t value;
} result_codes[] = {
#define RESULT_ROW(name, value) { #name, value },
	VMCI_RESULT_CODES(RESULT_ROW)
#undef RESULT_ROW
};

static const char *result_name(int32_t value)
{
	for (size_t i = 0; i < sizeof(result_codes) / sizeof(result_codes[0]); i++)
		if (result_codes[i].value == value)
			return result_codes[i].name;
	return NULL;
}

static void test_errors(void)
{
	const int32_t count = sizeof(errors) / sizeof(errors[0]);

	is_s64(VMCI_ERROR_LAST, -count, "vmci.md 10: number of errors in a row");
	for (int32_t i = 0; i < count; i++)
		is_str(result_name(-1 - i), errors[i], "vmci.md 10: result %d", (int)(-1 - i));
	is_str(result_name(-1 - count), NULL, "vmci.md 10: no more");
}

int main(void)
{
	test_resources_query();
	test_context_and_bitmap();
	test_doorbells();
	test_queue_pair();
	test_negative_calls();
	test_events();
	test_datagram();
	test_dma();
	test_dma_receive_area();
	test_ioctl_datagrams();
	test_ioctl_queue_pairs();
	test_ioctl_notifications();
	test_queue_header();
	test_numbers();
	test_errors();
	return done_testing();
}
