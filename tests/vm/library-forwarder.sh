#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# library-forwarder - VmsockForwarder on both stacks (tests/lib/forwarder-test.c)
#
# Copyright (C) 2026 The vmsock authors
#
# vm-modules: vmsock vsock_loopback
# vm-kernels: 6.1 7.3
# vm-programs: tests/lib/forwarder-plain
# vm-timeout: 200

forwarder-plain 2/0 1/40
status=$?
# The kernel's own vsock may keep a closed socket, and so its module, for eight seconds.
seconds=0
while [ "$(cat /sys/module/vsock_loopback/refcnt)" != 0 ] && [ $((seconds += 1)) -le 20 ]; do
	sleep 1
done
exit "$status"
