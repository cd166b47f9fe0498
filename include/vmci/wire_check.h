/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * wire_check.h - compile-time checks of every size and offset on the wire
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Include it in one source file of each program that speaks VMCI.
 */
#ifndef VMCI_WIRE_CHECK_H
#define VMCI_WIRE_CHECK_H

#include <vmci/errors.h>
#include <vmci/ioctl.h>
#include <vmci/packet.h>
#include <vmci/regs.h>
#include <vmci/wire.h>

#ifdef __cplusplus
#define VMCI_ASSERT(condition) static_assert(condition, #condition)
#else
#define VMCI_ASSERT(condition) _Static_assert(condition, #condition)
#endif

#define VMCI_SIZE_IS(type, bytes)	VMCI_ASSERT(sizeof(type) == (bytes))
#define VMCI_FIELD_AT(type, field, offset) \
	VMCI_ASSERT(__builtin_offsetof(type, field) == (offset))

/* vmci.md 1.1, 3.1 */
VMCI_SIZE_IS(struct vmci_handle, 8);
VMCI_FIELD_AT(struct vmci_handle, resource, 4);
VMCI_SIZE_IS(struct vmci_datagram, 24);
VMCI_FIELD_AT(struct vmci_datagram, src, 8);
VMCI_FIELD_AT(struct vmci_datagram, payload_size, 16);
VMCI_ASSERT(VMCI_MAX_DG_SIZE == 69632);
VMCI_ASSERT(VMCI_MAX_DG_PAYLOAD_SIZE == 69608);
VMCI_ASSERT(VMCI_MAX_DATAGRAM_QUEUE_SIZE == 139264);
VMCI_ASSERT(VMCI_MAX_DATAGRAM_AND_EVENT_QUEUE_SIZE == 188416);
VMCI_ASSERT(VMCI_MAX_GUEST_QP_MEMORY == 134217728);

/* vmci.md 2.7 */
VMCI_SIZE_IS(struct vmci_dma_header, 24);
VMCI_FIELD_AT(struct vmci_dma_header, opcode, 4);
VMCI_FIELD_AT(struct vmci_dma_header, size, 8);
VMCI_FIELD_AT(struct vmci_dma_header, result, 16);
VMCI_SIZE_IS(struct vmci_dma_element, 16);
VMCI_FIELD_AT(struct vmci_dma_element, length, 8);

/* vmci.md 4.4 to 4.13 */
VMCI_SIZE_IS(struct vmci_resources_query_msg, 32);
VMCI_FIELD_AT(struct vmci_resources_query_msg, count, 24);
VMCI_SIZE_IS(struct vmci_set_notify_bitmap_msg, 32);
VMCI_FIELD_AT(struct vmci_set_notify_bitmap_msg, bitmap_ppn, 24);
VMCI_SIZE_IS(struct vmci_doorbell_link_msg, 40);
VMCI_FIELD_AT(struct vmci_doorbell_link_msg, handle, 24);
VMCI_FIELD_AT(struct vmci_doorbell_link_msg, notify_index, 32);
VMCI_SIZE_IS(struct vmci_handle_msg, 32);
VMCI_FIELD_AT(struct vmci_handle_msg, handle, 24);
VMCI_SIZE_IS(struct vmci_wellknown_map_msg, 32);
VMCI_SIZE_IS(struct vmci_event_subscribe_msg, 32);
VMCI_FIELD_AT(struct vmci_event_subscribe_msg, event, 24);
VMCI_SIZE_IS(struct vmci_qp_alloc_msg, 64);
VMCI_FIELD_AT(struct vmci_qp_alloc_msg, handle, 24);
VMCI_FIELD_AT(struct vmci_qp_alloc_msg, peer, 32);
VMCI_FIELD_AT(struct vmci_qp_alloc_msg, flags, 36);
VMCI_FIELD_AT(struct vmci_qp_alloc_msg, produce_size, 40);
VMCI_FIELD_AT(struct vmci_qp_alloc_msg, consume_size, 48);
VMCI_FIELD_AT(struct vmci_qp_alloc_msg, ppn_count, 56);

/* vmci.md 5.1, 7.1 */
VMCI_SIZE_IS(struct vmci_queue_header, 24);
VMCI_FIELD_AT(struct vmci_queue_header, producer_tail, 8);
VMCI_FIELD_AT(struct vmci_queue_header, consumer_head, 16);
VMCI_SIZE_IS(struct vmci_event_data, 24);
VMCI_FIELD_AT(struct vmci_event_data, u, 8);
VMCI_FIELD_AT(struct vmci_event_data, u.qp.peer, 16);
VMCI_SIZE_IS(struct vmci_event_msg, 48);
VMCI_ASSERT(sizeof(struct vmci_datagram) + VMCI_EVENT_CONTEXT_SIZE == 40);
VMCI_ASSERT(sizeof(struct vmci_datagram) + VMCI_EVENT_QP_SIZE == 48);

/* vmci.md 8.4 */
VMCI_SIZE_IS(struct vmci_init_block, 8);
VMCI_SIZE_IS(struct vmci_datagram_block, 16);
VMCI_FIELD_AT(struct vmci_datagram_block, length, 8);
VMCI_FIELD_AT(struct vmci_datagram_block, result, 12);
VMCI_SIZE_IS(struct vmci_qp_alloc_block, 56);
VMCI_FIELD_AT(struct vmci_qp_alloc_block, pages_address, 32);
VMCI_FIELD_AT(struct vmci_qp_alloc_block, result, 48);
VMCI_SIZE_IS(struct vmci_qp_alloc_block_old, 72);
VMCI_FIELD_AT(struct vmci_qp_alloc_block_old, result, 64);
VMCI_SIZE_IS(struct vmci_qp_setva_block, 32);
VMCI_FIELD_AT(struct vmci_qp_setva_block, address, 8);
VMCI_FIELD_AT(struct vmci_qp_setva_block, result, 28);
VMCI_SIZE_IS(struct vmci_qp_page_file_block, 64);
VMCI_FIELD_AT(struct vmci_qp_page_file_block, result, 40);
VMCI_FIELD_AT(struct vmci_qp_page_file_block, produce_address, 48);
VMCI_SIZE_IS(struct vmci_qp_detach_block, 16);
VMCI_SIZE_IS(struct vmci_ctx_notification_block, 8);
VMCI_SIZE_IS(struct vmci_checkpoint_block, 24);
VMCI_FIELD_AT(struct vmci_checkpoint_block, type, 8);
VMCI_FIELD_AT(struct vmci_checkpoint_block, result, 16);
VMCI_SIZE_IS(struct vmci_set_notify_block, 16);
VMCI_SIZE_IS(struct vmci_notify_resource_block, 16);
VMCI_FIELD_AT(struct vmci_notify_resource_block, resource, 8);
VMCI_FIELD_AT(struct vmci_notify_resource_block, action, 10);
VMCI_FIELD_AT(struct vmci_notify_resource_block, result, 12);
VMCI_SIZE_IS(struct vmci_notifications_receive_block, 40);
VMCI_FIELD_AT(struct vmci_notifications_receive_block, result, 32);
VMCI_SIZE_IS(struct vmci_doorbell_checkpoint, 16);
VMCI_SIZE_IS(struct vmci_uuid_to_cid, 136);

/* vsock.md 3.1, 5.1, 9 */
VMCI_SIZE_IS(struct vmsock_sockaddr, 16);
VMCI_FIELD_AT(struct vmsock_sockaddr, port, 4);
VMCI_FIELD_AT(struct vmsock_sockaddr, cid, 8);
VMCI_FIELD_AT(struct vmsock_sockaddr, flags, 12);
VMCI_SIZE_IS(struct vmsock_packet, VMSOCK_PACKET_SIZE);
VMCI_FIELD_AT(struct vmsock_packet, version, 24);
VMCI_FIELD_AT(struct vmsock_packet, type, 25);
VMCI_FIELD_AT(struct vmsock_packet, proto, 26);
VMCI_FIELD_AT(struct vmsock_packet, src_port, 28);
VMCI_FIELD_AT(struct vmsock_packet, dst_port, 32);
VMCI_FIELD_AT(struct vmsock_packet, reserved, 36);
VMCI_FIELD_AT(struct vmsock_packet, u, 40);
VMCI_FIELD_AT(struct vmsock_packet, u.handle.resource, 44);
VMCI_FIELD_AT(struct vmsock_packet, u.wait.offset, 48);
VMCI_ASSERT(IOCTL_VMCI_SOCKETS_VERSION == 1972);
VMCI_ASSERT(IOCTL_VMCI_SOCKETS_GET_AF_VALUE == 1976);
VMCI_ASSERT(IOCTL_VMCI_SOCKETS_GET_LOCAL_CID == 1977);
VMCI_ASSERT(IOCTL_VMCI_SOCKETS_UUID_2_CID == 1991);
VMCI_ASSERT(IOCTL_VMCI_VERSION == 1951);
VMCI_ASSERT(IOCTL_VMCI_SET_NOTIFY == 1995);
VMCI_ASSERT(VMCI_SOCKETS_MAKE_VERSION(9, 8, 1) == 0x09080001);

#endif /* VMCI_WIRE_CHECK_H */
