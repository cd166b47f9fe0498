#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tools-outcomes - what the commands make of a host that is silent, and of connects that are denied
#
# Copyright (C) 2026 The vmsock authors
#
# vm-device: --cid 42 --uds %D/host --fault in:drop@1+
# vm-modules: vmsock
# vm-kernels: 6.1
# vm-programs: vmsock-tools/vmsock tests/tools/deny.c
# vm-timeout: 60

. tap.sh

# ends CODE PATTERN COMMAND...: with the code, and says something like it
ends()
{
	want=$1 pattern=$2
	shift 2
	status=0
	"$@" </dev/null >out 2>&1 || status=$?
	is $status "$want" "$*" || diag "$(cat out)"
	like "$(cat out)" "$pattern" "... and it says so"
}

ends 6 "^0 open, 0 refused, 3 silent, 0 unreachable, 0 denied" vmsock scan --wait 0.3 host 1-3
ends 6 "^0 open, 0 refused, 1 silent" vmsock scan --timeout 0.3 host 1
ends 6 "^0 open, 0 refused, 2 silent" vmsock scan --retry --timeout 0.3 host 1-2
ends 6 "did not answer in time" vmsock cat --timeout 0.3 host:1
ends 6 "did not come in time" vmsock ping --connect --wait 0.3 --count 1 host:1
ends 6 "time is up: .*did not answer in time" vmsock wait --deadline 0.5 host:1
ends 6 "did not answer in time" vmsock forward --timeout 0.3 stdio=host:1
ends 6 "did not answer in time" vmsock perf --timeout 0.3 host:1

ends 4 "^0 open, 0 refused, 0 silent, 0 unreachable, 3 denied" deny vmsock scan host 1-3
ends 4 "cannot connect .*" deny vmsock cat host:1
ends 4 "cannot connect .*" deny vmsock ping --connect --count 1 host:1
ends 4 "cannot connect .*" deny vmsock perf host:1
ends 4 "cannot connect .*" deny vmsock forward stdio=host:1
ends 8 "^FAILURE.*stream" deny vmsock doctor self-stream
done_testing
