#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# speed - how our paths compare with those of the other transports, counted in instructions
#
# Copyright (C) 2026 The vmsock authors
#
# The guest's time is what has been executed, on one processor: the ratios are the same on any
# machine, however busy. What wake-ups between processors cost, scripts/bench.sh measures.
#
# The kernel's own driver is loaded first: who comes later has no /dev/vmci.
#
# vm-kernels: 6.1
# vm-modules: vsock_loopback vmw_vsock_vmci_transport vmsock
# vm-clock: instructions
# vm-cpus: 1
# vm-memory: 1024
# vm-timeout: 600
# vm-programs: tests/bench/bench.c

. tap.sh
ip link set lo up
measured() { bench -r 1 -s 0.1 >results 2>&1; }

# ratio MEASUREMENT TRANSPORT PEER
ratio()
{
	awk -F '"' -v m="$1" -v t="$2" -v p="$3" '
		$4 == m { split($0, part, "\"value\":"); value[$12] = part[2] + 0 }
		END { if (value[p] > 0) print value[t] / value[p]; else print "none" }' results
}

# than RELATION LIMIT MEASUREMENT PEER: our ratio to the peer
than()
{
	found=$(ratio "$3" vmsock "$4")
	diag "$3: $found times $4"
	ok "$3: $1 $2 of $4" awk -v r="$found" -v l="$2" -v how="$1" \
		'BEGIN { exit !(r != "none" && (how == "at least" ? r >= l : r <= l)) }'
}

ok "everything is measured" measured
diag "$(cat results)"
than "at least" 0.8 "stream 64 B" unix
for size in "4 KiB" "64 KiB" "256 KiB"; do
	than "at least" 1 "stream $size" unix
done
than "at most" 1.5 "round trip median" unix
than "at least" 0.3 "connections, server closes first" unix
than "at least" 0.15 "connections, client closes first" unix
for what in "stream 64 B" "stream 4 KiB" "stream 64 KiB" "stream 256 KiB"; do
	than "at least" 1 "$what" vsock_loopback
done
than "at most" 1 "round trip median" vsock_loopback
than "at most" 1 "round trip p99" vsock_loopback
for what in "round trips 64 B" "round trips 4 KiB"; do
	than "at least" 1 "datagram $what" vmw_vmci
done
for size in "64 B" "4 KiB"; do
	than "at least" 1 "datagrams one way $size" vmw_vmci
done
done_testing
