#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tools-transfer - vmsock cat and vmsock forward: many bytes, and ends at any time
#
# Copyright (C) 2026 The vmsock authors
#
# Each round is a connection through two forwarders, by a UNIX socket between them, whose two
# directions carry as many bytes as chance will have it and so end one before the other.  Twice
# 16 MiB; VMSOCK_FULL=1 makes it a GiB each, and needs VMSOCK_STRESS_SECONDS=3600 beside it.
#
# vm-modules: vmsock
# vm-kernels: 6.1
# vm-programs: vmsock-tools/vmsock
# vm-timeout: 180

. tap.sh

mib=16
[ -z "${VMSOCK_FULL-}" ] || mib=1024

says() { grep -qs "$1" "$2"; }
random() { echo $(($(hexdump -n 4 -e '1/4 "%u"' /dev/urandom) % $1)); }

head -c $((8 << 20)) /dev/urandom >pool
vmsock forward --verbose 5001=unix:middle 2>err.1 &
first=$!
vmsock forward --verbose unix:middle=self:5000 2>err.2 &
second=$!
eventually 20 says "is forwarded" err.1
eventually 20 says "is forwarded" err.2

# piece BYTES: of the pool, over and over, from anywhere
piece()
{
	from=$(random 1000)
	while cat pool; do :; done 2>/dev/null | tail -c "+$from" | head -c "$1"
}

# round FORTH BACK: bytes each way
round()
{
	rm -f err.cat
	mkfifo forth back
	md5sum <forth >forth.sum &
	forth_sum=$!
	md5sum <back >back.sum &
	back_sum=$!
	# shellcheck disable=SC2094 # two ends of pipes
	piece "$2" | tee back | vmsock cat --listen --verbose 5000 2>err.cat | md5sum >forth.got &
	listener=$!
	eventually 20 says "listening on" err.cat
	piece "$1" | tee forth | vmsock cat "$3" 2>err.client | md5sum >back.got
	wait $listener $forth_sum $back_sum
	rm forth back
	[ "$(cat forth.got)" = "$(cat forth.sum)" ] && [ "$(cat back.got)" = "$(cat back.sum)" ]
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
		if ! round "$forth" "$back" "$1"; then
			ok "$2: round $count, $forth bytes there and $back back" false
			diag "$(cat err.cat err.client err.1 err.2)"
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
