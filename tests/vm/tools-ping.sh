#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tools-ping - vmsock ping: streams, datagrams, connecting, losses, exit codes, JSON
#
# Copyright (C) 2026 The vmsock authors
#
# vm-kernels: 6.1
# vm-modules: vmsock vsock_loopback
# vm-programs: vmsock-tools/vmsock tests/tools/json-check docs/json/ping.json
# vm-timeout: 120

. tap.sh

schema=/usr/share/vmsock/ping.json
# Has a program with its messages in FILE begun?
heard() { grep -qs 'streams on' "$1"; }
listening() { grep -qs 'listening on' "$1"; }

# ping STATUS DESCRIPTION OPTION...: output in out
ping()
{
	want=$1 description=$2
	shift 2
	status=0
	# shellcheck disable=SC2086 # an option or nothing
	vmsock ping $option "$@" >out 2>err || status=$?
	is "$status" "$want" "$what: $description" || diag "$(cat out err)"
}

streams()
{
	what=$1 cid=$2 option=$3
	rm -f err.echo
	# shellcheck disable=SC2086 # an option or nothing
	vmsock echo --verbose $option 5000 2>err.echo &
	server=$!
	eventually 5 heard err.echo || diag "$(cat err.echo)"
	ping 0 "three messages" -c 3 -i 0.01 "$cid:5000"
	is "$(grep -c '^reply [0-9]* after' out)" 3 "$what: a line for each"
	like "$(cat out)" "3 sent, 3 received, 0.0% lost" "$what: the summary"
	like "$(cat out)" "^p50 .*p90 .*p99 .*p99.9 " "$what: percentiles"
	ping 0 "flood" -f -c 500 "$cid:5000"
	is "$(grep -c '^reply' out)" 0 "$what: a flood prints no lines"
	ping 0 "a message larger than the queues" -c 2 -i 0.01 -s 1M "$cid:5000"
	ping 0 "JSON" --json -c 4 -i 0.01 "$cid:5000"
	ok "$what: JSON follows its schema" sh -c "json-check $schema <out"
	is "$(wc -l <out)" 5 "$what: an object for each message and one for all"
	ping 0 "--quiet" -q -c 2 -i 0.01 "$cid:5000"
	is "$(grep -c '^reply' out)" 0 "$what: --quiet prints no lines"
	# shellcheck disable=SC2086 # an option or nothing
	vmsock ping $option -i 0.05 "$cid:5000" >out 2>err &
	client=$!
	eventually 5 grep -qs 'reply 3 after' out
	kill -INT $client
	wait $client
	is $? 0 "$what: SIGINT"
	like "$(cat out)" "sent, .* received, 0.0% lost" "$what: and the summary so far"
	kill $server
	wait $server
	ping 5 "nobody listens" -c 1 "$cid:5000"
	ping 0 "but connecting is answered" -C -c 3 -i 0.01 "$cid:5000"

	# A peer that takes everything and answers nothing.
	mkfifo nothing
	rm -f err.cat
	# shellcheck disable=SC2086 # an option or nothing
	vmsock cat --listen --verbose $option 5001 <nothing >/dev/null 2>err.cat &
	exec 3>nothing
	eventually 5 listening err.cat || diag "$(cat err.cat)"
	ping 6 "no answer at all" -c 2 -i 0.01 -W 0.2 "$cid:5001"
	like "$(cat out)" "reply 1 did not come in time" "$what: and it says so"
	exec 3>&-
	wait
	rm nothing

	# A peer that sends something else.
	head -c 64 /dev/zero >zeros
	rm -f err.cat
	# shellcheck disable=SC2086 # an option or nothing
	vmsock cat --listen --verbose $option 5002 <zeros >/dev/null 2>err.cat &
	eventually 5 listening err.cat || diag "$(cat err.cat)"
	ping 7 "a wrong answer" -c 1 "$cid:5002"
	like "$(cat out)" "is not what was sent" "$what: and it says so"
	wait
}

streams "dynamic family" self ""
streams "family 40" local --family=40

what="datagrams" option=
rm -f err.echo
vmsock echo --verbose 5000 2>err.echo &
server=$!
eventually 5 heard err.echo
ping 0 "by option" -d -c 3 -i 0.01 self:5000
ping 0 "by address" -f -c 300 vsock-dgram:self:5000
like "$(cat out)" "by datagram: 300 sent, 300 received" "$what: all of a flood"
ping 0 "the largest" -s 69608 -c 2 -i 0.01 vsock-dgram:self:5000
kill $server
wait $server
ping 5 "nobody receives" -d -c 1 self:5000
rm -f err.cat
vmsock cat --datagram --listen --verbose --count 3 5003 </dev/null >/dev/null 2>err.cat &
eventually 5 listening err.cat
ping 6 "no answer" -d -c 3 -i 0.01 -W 0.2 self:5003
wait
ping 3 "no such family" -c 1 --family 39 self:1
ping 1 "an address that is none" -c 1 self
done_testing
