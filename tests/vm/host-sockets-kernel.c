// SPDX-License-Identifier: GPL-2.0-or-later
/* host-sockets-kernel - the rows of host-sockets on the kernel's own drivers
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-modules: vmw_vsock_vmci_transport
 * vm-kernels: 6.1 7.3
 * vm-sources: modules/common/packet.c modules/common/ring.c
 * vm-args: VMSOCK_TEST_FAMILY=40 VMSOCK_TEST_CID=2
 * vm-timeout: 400
 */
#include "host-sockets.h"

int main(int argc, char **argv)
{
	vmtest_begin();
	host_run(argc, argv, host_rows, ARRAY_SIZE(host_rows));
	return done_testing();
}
