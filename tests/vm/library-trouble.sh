#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# library-trouble - peers that stall, reset and half-close, and cancellation, on both stacks
# (tests/lib/cancel-test.c, tests/lib/trouble-test.c)
#
# Copyright (C) 2026 The vmsock authors
#
# vm-modules: vmsock vsock_loopback
# vm-kernels: 6.1 7.3
# vm-programs: tests/lib/cancel-plain tests/lib/trouble-plain
# vm-timeout: 120

. tap.sh

# all PROGRAM: its points are ours
all()
{
	"$1" 2/0 1/40 >out || echo "not ok 0 - $1 ends with $?" >>out
	grep -q '^1\.\.' out || echo "not ok 0 - $1 has no plan" >>out
	while IFS= read -r line; do
		case $line in
		'ok '*) tap_result 0 "$1: ${line#* - }" ;;
		'not ok '*) tap_result 1 "$1: ${line#* - }" ;;
		'#'*) echo "$line" ;;
		esac
	done <out
}

all cancel-plain
all trouble-plain
# The kernel's own vsock may keep a closed socket, and so its module, for eight seconds.
seconds=0
while [ "$(cat /sys/module/vsock_loopback/refcnt)" != 0 ] && [ $((seconds += 1)) -le 20 ]; do
	sleep 1
done
done_testing
