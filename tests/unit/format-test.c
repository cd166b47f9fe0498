// SPDX-License-Identifier: GPL-2.0-or-later
/* format-test.c - vectors of vsock.md 13 that are no stream control packets
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * sock_diag, vsockmon and the time limit are the kernel's formats: their
 * structures come from its headers.  The historic SEQPACKET trial (TV-26) has
 * none anywhere; its 8 bytes behind the datagram header are declared here.
 */
#include <linux/time_types.h>
#include <linux/vm_sockets_diag.h>
#include <linux/vsockmon.h>

#include <vmci/ioctl.h>
#include <vmci/packet.h>

#include "vector.h"

#define GUEST	UINT32_C(1234567890)

static const struct vmci_handle queue_pair = { GUEST, 1025 };

static void test_datagram(void)
{
	struct {
		struct vmci_datagram dg;
		char payload[4];
	} ping = {
		.dg = {
			.dst = { VMCI_HOST_CONTEXT_ID, 7777 },
			.src = { GUEST, 1026 },
			.payload_size = 4,
		},
		.payload = { 'p', 'i', 'n', 'g' },
	};

	is_vector(&ping, 28,
		  "02000000 611e0000 d2029649 02040000 04000000 00000000 70696e67",
		  "TV-19: datagram");
}

static void test_events(void)
{
	struct vmci_event_msg detach = {
		.hdr = {
			.dst = { GUEST, VMCI_EVENT_HANDLER },
			.payload_size = VMCI_EVENT_QP_SIZE,
		},
		.data = {
			.event = VMCI_EVENT_QP_PEER_DETACH,
			.u.qp = { .handle = queue_pair, .peer = VMCI_HOST_CONTEXT_ID },
		},
	};
	struct vmci_event_msg resumed = {
		.hdr = { .dst = { GUEST, VMCI_EVENT_HANDLER }, .payload_size = 8 },
		.data = { .event = VMCI_EVENT_QP_RESUMED },
	};

	is_vector(&detach, sizeof(detach),
		  "d2029649 00000000 00000000 00000000 18000000 00000000 04000000 00000000 "
		  "d2029649 01040000 02000000 00000000",
		  "TV-20: peer detached");
	is_vector(&resumed, 32,
		  "d2029649 00000000 00000000 00000000 08000000 00000000 02000000 00000000",
		  "TV-21: queue pairs resumed");
}

static void test_diag(void)
{
	struct vsock_diag_req request = { .sdiag_family = 40, .vdiag_states = 0xffffffff };
	struct vsock_diag_msg listener = {
		.vdiag_family = 40,
		.vdiag_type = 1,
		.vdiag_state = 10,
		.vdiag_src_cid = VMSOCK_CID_ANY,
		.vdiag_src_port = 5000,
		.vdiag_dst_cid = VMSOCK_CID_ANY,
		.vdiag_dst_port = VMSOCK_PORT_ANY,
		.vdiag_ino = 0x1234,
		.vdiag_cookie = { 1, 0 },
	};

	is_vector(&request, sizeof(request),
		  "28000000 ffffffff 00000000 00000000 00000000 00000000",
		  "TV-22: sock_diag request");
	is_vector(&listener, sizeof(listener),
		  "28010a00 ffffffff 88130000 ffffffff ffffffff 34120000 01000000 00000000",
		  "TV-23: sock_diag answer");
}

static void test_capture(void)
{
	struct af_vsockmon_hdr header = {
		.src_cid = 3,
		.dst_cid = VMCI_HOST_CONTEXT_ID,
		.src_port = 1024,
		.dst_port = 5000,
		.op = AF_VSOCK_OP_CONNECT,
		.transport = AF_VSOCK_TRANSPORT_NO_INFO,
	};

	is_vector(&header, sizeof(header),
		  "03000000 00000000 02000000 00000000 00040000 88130000 01000100 00000000",
		  "TV-24: capture header");
}

static void test_timeout(void)
{
	struct __kernel_sock_timeval value = { .tv_sec = 5, .tv_usec = 100000 };

	is_vector(&value, sizeof(value), "05000000 00000000 a0860100 00000000",
		  "TV-25: time limit of connect");
}

static void test_historic_seqpacket(void)
{
	struct {
		struct vmci_datagram dg;
		uint8_t version, type;
		uint16_t data_offset;
		int32_t value;
	} connect = {
		.dg = {
			.dst = { VMCI_HYPERVISOR_CONTEXT_ID, 16 },
			.src = { GUEST, 1030 },
			.payload_size = 8,
		},
		.version = 1,
		.type = 1,
		.data_offset = 32,
	};

	is_vector(&connect, sizeof(connect),
		  "00000000 10000000 d2029649 06040000 08000000 00000000 01012000 00000000",
		  "TV-26: historic SEQPACKET connect");
}

static void test_uuid(void)
{
	struct vmci_uuid_to_cid request = { .cid = VMSOCK_CID_ANY, .uuid = "56 4d 07 d8 cc d" };

	is_vector(&request, 24, "ffffffff 00000000 35362034 64203037 20643820 63632064",
		  "TV-27: head of a UUID query");
}

int main(void)
{
	test_datagram();
	test_events();
	test_diag();
	test_capture();
	test_timeout();
	test_historic_seqpacket();
	test_uuid();
	return done_testing();
}
