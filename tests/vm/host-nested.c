// SPDX-License-Identifier: GPL-2.0-or-later
/* host-nested - a machine that has a device, and machines of its own (vsock.md 5.12, vmci.md 11)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-modules: vmsock
 * vm-device: --cid 42 --uds %D/host --control %D/host_4000
 * vm-timeout: 120
 * vm-sources: tests/monitor/machine.c tests/monitor/vm.c
 * vm-sources: modules/common/address.c modules/common/handshake.c modules/common/notify.c
 * vm-sources: modules/common/packet.c modules/common/ring.c
 *
 * For its own machines this one is context 2, as every host; for its host it is 42.
 */
#include "../monitor/script.h"
#include "guest-device.h"

/* Nothing of a machine's leaves through the device of its host: no way, and nobody hears of it */
static void no_way_out(void)
{
	static const unsigned int contexts[] = { 0, 1, 3, DEVICE_CID, OTHER_CID, 5000 };
	struct line line = { boot(), GUEST_PORT };
	struct vmsock_packet pkt = packet(&line, P(READ));

	for (size_t i = 0; i < ARRAY_SIZE(contexts); i++) {
		pkt.dg.dst.context = contexts[i];
		expect_is(transmit(&line, &pkt), VMCI_ERROR_DST_UNREACHABLE);
		pkt.dg.dst.resource = contexts[i] ? VMCI_SOCKET_CONTROL_RID :
						    VMCI_SOCKET_HYPERVISOR_RID;
		expect_is(transmit(&line, &pkt), VMCI_ERROR_DST_UNREACHABLE);
	}
	expect_host();
}

/* Each connection has the name that its peer used */
static void names(void)
{
	struct line line = { boot(), GUEST_PORT };
	int outer = call_host(), fd = host_connects(&line, SIZE);

	need(outer >= 0);
	expect_echo(outer);
	expect_line_works(&line, fd);
	expect_is(local_of(fd).svm_cid, HOST);
	expect_is(peer_of(fd).svm_cid, GUEST_CID);
	expect_is(local_of(outer).svm_cid, DEVICE_CID);
	expect_is(peer_of(outer).svm_cid, HOST);
	expect_is(VMCISock_GetLocalCID(), DEVICE_CID);
}

/* The host's connections are not those of the machine, whatever they call themselves */
static void one_listener(void)
{
	struct line line = { boot(), GUEST_PORT };
	int listening = host_listens(&line, 4), mine = stream_socket(), fd;

	fd = guest_connects_to(&line, listening, 1, SIZE);
	expect_line_works(&line, fd);
	expect_addr(local_of(fd), HOST, line.there);
	need_ok(connect_to(mine, DEVICE_CID, line.there));
	fd = need_ok(accept(listening, NULL, NULL));
	expect_works(mine, fd);
	expect_is(local_of(fd).svm_cid, DEVICE_CID);
	expect_host();
}

/* With the machine its half of the driver goes, the other stays */
static void machine_ends(void)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = host_connects(&line, SIZE), outer = call_host();

	need(outer >= 0);
	vm_free(line.vm);
	expect_eof(fd);
	expect(connect_to(stream_socket(), GUEST_CID, GUEST_PORT) < 0);
	expect_echo(outer);
	expect_host();
	expect_itself(DEVICE_CID);
	line.vm = boot();
	line.there = 0;
	expect_line_works(&line, host_connects(&line, SIZE));
}

/* The device goes, the machines stay */
static void device_ends(void)
{
	struct line line = { boot(), GUEST_PORT };
	int fd = host_connects(&line, SIZE), outer = call_host();

	need(outer >= 0);
	find_function();
	unbind();
	expect_ended(outer);
	expect_line_works(&line, fd);
	bind_again();
	expect_soon(VMCISock_GetLocalCID() == DEVICE_CID);
	expect_line_works(&line, fd);
	expect_host();
}

static const struct vmtest rows[] = {
	{ "12.2 S30", "a machine's packets stay here", no_way_out },
	{ "5.12", "each connection has the name that its peer used", names },
	{ "5.12", "one listener for the machine and for this one", one_listener },
	{ "8.1", "the machine ends, the host outside stays", machine_ends },
	{ "8.1", "the device ends, the machine stays", device_ends },
};

int main(int argc, char **argv)
{
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
