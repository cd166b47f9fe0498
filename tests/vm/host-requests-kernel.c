// SPDX-License-Identifier: GPL-2.0-or-later
/* host-requests-kernel - the requests of host-requests to the kernel's own driver
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * What is the same here and there, and what differs for a reason, is in one table.
 *
 * vm-modules: vmw_vmci
 * vm-kernels: 6.1 6.12 7.3
 * vm-timeout: 240
 */
#include "host-requests.h"

int main(int argc, char **argv)
{
	host_run(argc, argv, host_rows, ARRAY_SIZE(host_rows));
	return done_testing();
}
