#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tools-transfer - vmsock cat and vmsock forward: many bytes, and ends at any time
#
# Copyright (C) 2026 The vmsock authors
#
# Each round is a connection whose two directions carry as many bytes as chance will have it, and
# so end one before the other; by cat alone, and through two forwarders with a UNIX socket between
# them.  Twice 128 MiB; VMSOCK_FULL=1 makes it a GiB each.
#
# vm-modules: vmsock
# vm-kernels: 6.1
# vm-programs: vmsock-tools/vmsock tests/tools/bytes.c
# vm-timeout: 300

. tap.sh

mib=128
[ -z "${VMSOCK_FULL-}" ] || mib=1024

says() { grep -qs "$1" "$2"; }
random() { echo $(($(hexdump -n 4 -e '1/4 "%u"' /dev/urandom) % $1)); }

vmsock forward --verbose 5001=unix:middle 2>err.1 &
first=$!
vmsock forward --verbose unix:middle=self:5000 2>err.2 &
second=$!
eventually 20 says "is forwarded" err.1
eventually 20 says "is forwarded" err.2

# round SEED FORTH BACK ADDRESS: bytes each way
round()
{
	rm -f err.cat
	bytes send "-$1" "$3" | vmsock cat --listen --verbose 5000 2>err.cat |
		bytes check "$1" "$2" 2>err.forth &
	listener=$!
	eventually 20 says "listening on" err.cat
	status=0
	bytes send "$1" "$2" | vmsock cat "$4" 2>err.client | bytes check "-$1" "$3" 2>err.back ||
		status=1
	wait $listener && [ $status = 0 ]
}

# rounds ADDRESS DESCRIPTION: until all bytes have been moved
rounds()
{
	left=$((mib << 20)) count=0
	while [ $left -gt 0 ]; do
		forth=$(random $(((mib << 20) / 4))) back=$(random $(((mib << 20) / 4)))
		case $((count % 4)) in
		0) forth=0 ;;
		1) back=0 ;;
		esac
		count=$((count + 1))
		if ! round $count "$forth" "$back" "$1"; then
			ok "$2: round $count, $forth bytes there and $back back" false
			diag "$(cat err.cat err.forth err.client err.back err.1 err.2)"
			return
		fi
		left=$((left - forth - back))
	done
	ok "$2: $mib MiB in $count connections, every byte" true
}

rounds self:5000 "cat alone"
rounds self:5001 "through two forwarders"
kill $first $second
wait $first
is $? 0 "the first forwarder ends"
wait $second
is $? 0 "the second forwarder ends"
done_testing
