#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tools-forward-load - vmsock forward: 1000 connections at once, and a gibibyte through one
#
# Copyright (C) 2026 The vmsock authors
#
# vm-modules: vmsock
# vm-programs: vmsock-tools/vmsock
# vm-memory: 1536
# vm-timeout: 400

. tap.sh

forwarding() { grep -qs 'is forwarded' err.forward; }
listening() { grep -qs 'listening on' err.cat; }
serving() { grep -qs 'serving on' err.server; }

# forward OPTION...: in the background
forward()
{
	rm -f err.forward
	vmsock forward --verbose "$@" 2>err.forward &
	forwarder=$!
	eventually 5 forwarding || diag "$(cat err.forward)"
}

# ended DESCRIPTION: ends the forwarder, which succeeds
ended()
{
	kill "$forwarder"
	status=0
	wait "$forwarder" || status=$?
	is "$status" 0 "$what: $1" || diag "$(cat err.forward)"
}

what="many at once"
rm -f err.server
vmsock perf --server --verbose --buffer-size 16K 5000 2>err.server &
server=$!
eventually 5 serving
forward --buffer-size 16K 5001=self:5000
vmsock perf --request --parallel 1000 --buffer-size 16K --verify --rate 640 --time 3 self:5001 \
	>out 2>err
is $? 0 "$what: 1000 connections, verified" || diag "$(cat out err)"
diag "$(cat out)"
ended "a signal ends it"
like "$(cat err.forward)" "forward: 1000 connections" "$what: it has seen them"

what="a gibibyte"
forward 5001=self:5000
vmsock perf --time 8 --verify --length 64K self:5001 >out 2>err
is $? 0 "$what: throughput through a forwarder, verified" || diag "$(cat out err)"
diag "$(cat out)"
ended "a signal ends it"
kill $server
rm -f err.cat
head -c 1073741824 /dev/zero | md5sum >want
vmsock cat --listen --verbose 5002 </dev/null 2>err.cat | md5sum >got &
sum=$!
eventually 5 listening
forward 5001=self:5002
head -c 1073741824 /dev/zero | vmsock cat self:5001 >/dev/null
wait $sum
is "$(cat got)" "$(cat want)" "$what: with the right sum"
ended "a signal ends it"
done_testing
