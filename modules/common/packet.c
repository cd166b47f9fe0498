/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * packet.c - build, parse and validate control packets
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "common/packet.h"

/* Only the hypervisor has its control channel elsewhere (vsock.md 1.3) */
static __u32 control_resource(__u32 context)
{
	return context == VMCI_HYPERVISOR_CONTEXT_ID ? VMCI_SOCKET_HYPERVISOR_RID :
						       VMCI_SOCKET_CONTROL_RID;
}

void vmsock_packet_init(struct vmsock_packet *pkt, __u8 type, struct vmsock_addr src,
			struct vmsock_addr dst)
{
	__builtin_memset(pkt, 0, sizeof(*pkt));
	pkt->dg.dst.context = dst.cid;
	pkt->dg.dst.resource = control_resource(dst.cid);
	pkt->dg.src.context = VMCI_INVALID_ID;
	pkt->dg.src.resource = control_resource(src.cid);
	pkt->dg.payload_size = VMSOCK_PACKET_PAYLOAD_SIZE;
	pkt->version = VMSOCK_PACKET_VERSION;
	pkt->type = type;
	pkt->src_port = src.port;
	pkt->dst_port = dst.port;
}

void vmsock_packet_reply(struct vmsock_packet *pkt, __u8 type, const struct vmsock_packet *cause)
{
	vmsock_packet_init(pkt, type, vmsock_packet_dst(cause), vmsock_packet_src(cause));
}

/* Steps 1, 2 and 6 of vsock.md 5.4: what may be looked at as a control packet at all */
static _Bool readable(const struct vmci_datagram *dg, __u64 total)
{
	return total >= VMSOCK_PACKET_SIZE && dg->payload_size >= VMSOCK_PACKET_PAYLOAD_SIZE &&
	       dg->src.resource == control_resource(dg->src.context) &&
	       dg->src.context != VMCI_WELL_KNOWN_CONTEXT_ID;
}

enum vmsock_verdict vmsock_packet_check(const struct vmci_datagram *dg, __u64 total)
{
	const struct vmsock_packet *pkt = (const struct vmsock_packet *)(const void *)dg;

	if (!readable(dg, total))
		return VMSOCK_PACKET_DROP;
	if (pkt->src_port == VMSOCK_PORT_ANY || pkt->dst_port == VMSOCK_PORT_ANY)
		return VMSOCK_PACKET_DROP;
	if (pkt->version != VMSOCK_PACKET_VERSION)
		return pkt->type == VMSOCK_PACKET_RST ? VMSOCK_PACKET_DROP : VMSOCK_PACKET_REFUSE;
	if (pkt->type >= VMSOCK_PACKET_TYPE_COUNT)
		return VMSOCK_PACKET_UNKNOWN;
	return VMSOCK_PACKET_OK;
}

struct vmsock_addr vmsock_packet_src(const struct vmsock_packet *pkt)
{
	return (struct vmsock_addr) { .cid = pkt->dg.src.context, .port = pkt->src_port };
}

struct vmsock_addr vmsock_packet_dst(const struct vmsock_packet *pkt)
{
	return (struct vmsock_addr) { .cid = pkt->dg.dst.context, .port = pkt->dst_port };
}

const char *vmsock_packet_type_name(__u8 type)
{
	static const char *const names[] = {
#define NAME(name, number) [number] = #name,
		VMSOCK_PACKET_TYPES(NAME)
#undef NAME
	};

	return type < VMSOCK_PACKET_TYPE_COUNT ? names[type] : "?";
}

_Bool vmci_handle_equal(struct vmci_handle a, struct vmci_handle b)
{
	return a.context == b.context && a.resource == b.resource;
}

_Bool vmci_handle_valid(struct vmci_handle handle)
{
	return handle.context != VMCI_INVALID_ID || handle.resource != VMCI_INVALID_ID;
}
