#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tools-perf - vmsock perf: each measurement, a known rate, verification, JSON, exit codes
#
# Copyright (C) 2026 The vmsock authors
#
# vm-kernels: 6.1
# vm-modules: vmsock vsock_loopback
# vm-programs: vmsock-tools/vmsock tests/tools/json-check docs/json/perf.json
# vm-timeout: 240

. tap.sh

schema=/usr/share/vmsock/perf.json
serving() { grep -qs 'serving on' err.server; }
one_more_client() { [ "$(grep -c client err.server)" -gt "$before" ]; }

# server OPTION...
server()
{
	rm -f err.server
	# shellcheck disable=SC2086 # an option or nothing
	vmsock perf --server --verbose $option "$@" 2>err.server &
	server=$!
	eventually 5 serving || diag "$(cat err.server)"
}

# perf STATUS DESCRIPTION OPTION...: output in out
perf()
{
	want=$1 description=$2
	shift 2
	status=0
	# shellcheck disable=SC2086 # an option or nothing
	vmsock perf $option "$@" >out 2>err || status=$?
	is "$status" "$want" "$what: $description" || diag "$(cat out err)"
}

# number NAME: the first member of that name in out
number() { sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" out | head -n 1; }

# about NAME WANT: within a tenth
about()
{
	got=$(number "$1")
	ok "$what: $1 is about $2, $got" \
		test "$((got * 10))" -ge "$(($2 * 9))" -a "$((got * 10))" -le "$(($2 * 11))"
}

suite()
{
	what=$1 cid=$2 option=$3
	server 5000
	perf 0 "streams, verified" --time=1 --verify --length=4K,64K "$cid:5000"
	is "$(grep -c 'blocks: *sent' out)" 2 "$what: a line for each size"
	is "$(grep -c ' 0 blocks wrong' out)" 2 "$what: and nothing wrong"
	perf 0 "three at once, back" -t 1 -P 3 -R -V "$cid:5000"
	like "$(cat out)" "received .*iB, .*/s" "$what: what was received"
	perf 0 "both directions" -t 1 -B -V --json "$cid:5000"
	ok "$what: JSON of both directions" sh -c "json-check $schema <out"
	like "$(cat out)" '"sum_sent": .*"sum_received_bidir_reverse": .*"wrong_blocks": 0' \
		"$what: both are in it"
	perf 0 "odd sizes" -t 0.5 -V -l 1,7,1001 "$cid:5000"
	perf 0 "small queues" -t 0.5 -V -z 4K -l 64K "$cid:5000"
	perf 0 "requests" -t 1 -r -V --json "$cid:5000"
	ok "$what: JSON of requests" sh -c "json-check $schema <out"
	perf 0 "connections" -t 1 -C --json "$cid:5000"
	ok "$what: JSON of connections" sh -c "json-check $schema <out"
	perf 0 "a warm-up" -t 0.5 -O 0.5 -q "$cid:5000"

	# A known rate, seen by whoever receives.
	perf 0 "1 MiB/s" -t 3 -b 1M -l 16K -j "$cid:5000"
	sed -i 's/.*"sum_received"/{"sum_received"/' out
	about bytes 3145728
	perf 0 "1 MiB/s back" -R -t 3 -b 1M -l 16K -j "$cid:5000"
	about bytes 3145728
	perf 0 "20 requests/s" -r -t 3 -b 1280 -j "$cid:5000"
	about count 60

	before=$(grep -c client err.server)
	# shellcheck disable=SC2086 # an option or nothing
	vmsock perf $option --time=60 "$cid:5000" >out 2>err &
	client=$!
	eventually 20 one_more_client
	kill -INT $client
	wait $client
	is $? 0 "$what: SIGINT"
	like "$(cat out)" "sent .*B, .*/s" "$what: and the result so far"
	kill -INT "$server"
	wait "$server"
	is $? 0 "$what: the server ends by a signal"
	perf 5 "nobody serves" -t 1 "$cid:5000"
	server --once 5001
	perf 0 "--once" -t 0.2 "$cid:5001"
	wait "$server"
	is $? 0 "$what: the server ends with its client"
}

suite "dynamic family" self ""

what="datagrams"
server 5002
perf 0 "a rate that can be taken" -d -t 3 -b 100K -l 1K -V --json self:5002
ok "$what: JSON" sh -c "json-check $schema <out"
is "$(number lost_packets)" 0 "$what: none lost"
about packets 300
perf 0 "as fast as it goes" -t 1 vsock-dgram:self:5002
like "$(cat out)" "lost [0-9]+ of [0-9]+" "$what: tells how many were lost"
kill "$server"
wait "$server"

suite "family 40" local --family=40
server 5002
perf 3 "no datagrams over the kernel's vsock" -d -t 1 local:5002
kill "$server"
wait "$server"

# A server that sends back something else than it should.
what="verification" option=
head -c 1000000 /dev/zero >zeros
rm -f err.cat
vmsock cat --listen --verbose 5003 <zeros >/dev/null 2>err.cat &
eventually 5 grep -qs "listening on" err.cat
perf 7 "wrong answers" -r -V -t 60 -l 10000 self:5003
wait
done_testing
