#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tools-echo - vmsock echo: streams and datagrams, many clients, an end
#
# Copyright (C) 2026 The vmsock authors
#
# vm-kernels: 6.1
# vm-modules: vmsock vsock_loopback
# vm-programs: vmsock-tools/vmsock
# vm-timeout: 180

. tap.sh

# The command on the stack that the suite is about.
cat_here() { vmsock cat ${family:+"--family=$family"} "$@"; }

# Both kinds of sockets, or the one that was asked for
heard() { grep -qsE "${kind:-streams} on" "$1"; }

# server OPTION...
server()
{
	rm -f err
	# shellcheck disable=SC2086 # an option or nothing
	vmsock echo --verbose $option "$@" 2>err &
	pid=$!
	eventually 5 heard err || diag "no server: $(cat err)"
}

# ended STATUS DESCRIPTION: waits for the server
ended()
{
	status=0
	wait "$pid" || status=$?
	is "$status" "$1" "$2" || diag "$(cat err)"
}

one_client()
{
	head -c "$1" /dev/urandom >"in.$2"
	cat_here "$cid:5000" <"in.$2" >"out.$2" && cmp "in.$2" "out.$2" && : >"good.$2"
}

many_clients()
{
	rm -f good.*
	for i in 1 2 3 4 5 6 7 8; do
		one_client 1000000 $i &
		clients="$clients $!"
	done
	# shellcheck disable=SC2086 # a list
	wait $clients
	is "$(echo good.*)" "good.1 good.2 good.3 good.4 good.5 good.6 good.7 good.8" \
		"$what: eight clients at once, all bytes come back"
}

suite()
{
	what=$1 cid=$2 family=$3 option=${3:+--family=$3} clients=
	server 5000
	is "$(cat_here "$cid:5000" </dev/null)" "" "$what: nothing for nothing"
	is "$(echo hello | cat_here "$cid:5000")" hello "$what: a line comes back"
	many_clients
	kill "$pid"
	ended 0 "$what: a signal ends it"
	like "$(cat err)" "10 connections, 0 datagrams .*, 8000006 bytes" \
		"$what: and it says what it did"

	server --once 5001
	is "$(echo once | cat_here "$cid:5001")" once "$what: --once"
	ended 0 "$what: ends after one"

	server --count 2 --stream --buffer-size 4K 5002
	head -c 300000 /dev/urandom >file
	ok "$what: small queues" sh -c "vmsock cat -b 4K $option $cid:5002 <file | cmp - file"
	is "$(echo two | cat_here "$cid:5002")" two "$what: the second of two"
	ended 0 "$what: --count 2 ends after the second"
}

# Two peers that answer nothing, and without end
references()
{
	server --discard 5004
	head -c 1000000 /dev/urandom >file
	is "$(cat_here "$cid:5004" <file)" "" "$what: discard answers nothing"
	kill "$pid"
	ended 0 "$what: discard ends"
	like "$(cat err)" "1 connections, .* 1000000 bytes" "$what: and has taken everything"
	server --chargen 5004
	cat_here --recv-only "$cid:5004" 2>/dev/null | head -c 100000 >file
	is "$(wc -l <file)" 1351 "$what: chargen sends lines"
	is "$(head -n 95 file | sort -u | wc -l)" 95 "$what: 95 different ones"
	kill "$pid"
	ended 0 "$what: chargen ends"
}

suite "dynamic family" self ""
references

kind=datagrams
server --discard --datagram 5005
is "$(echo datagram | vmsock cat -d -w 0.5 self:5005)" "" "discard answers no datagram"
kill "$pid"
ended 0 "it ends"
like "$(cat err)" "1 datagrams .* 9 bytes" "and has counted it"
server --chargen --once --datagram 5005
is "$(echo datagram | vmsock cat -d -n 1 -w 20 self:5005 | head -n 1 | cut -c 1-8)" " !\"#\$%&'" \
	"chargen answers a datagram"
ended 0 "it ends"

server --retry 5003
vmsock echo --once 5003 2>second
is $? 2 "an address that is in use"
vmsock echo --retry --deadline 0.3 5003 2>second
is $? 2 "--retry, until the time is over"
vmsock echo --retry --once --verbose 5003 2>second &
second=$!
kill "$pid"
ended 0 "a server ends"
eventually 10 grep -q "datagrams on" second
is "$(echo next | vmsock cat self:5003)" next "--retry: the next has its address"
wait "$second"

server 5003
is "$(echo datagram | vmsock cat -d -w 0.5 self:5003)" datagram "a datagram comes back"
is "$(echo stream | vmsock cat self:5003)" stream "and a stream, from the same port"
head -c 69608 /dev/urandom >file
ok "the largest datagram" sh -c "vmsock cat -d -w 0.5 -s 69608 self:5003 <file | cmp - file"
kill "$pid"
ended 0 "a signal ends it"

server vsock:self:any
port=$(sed -n 's/.*streams on vsock:.*:\([0-9]*\)$/\1/p' err)
is "$(echo any | vmsock cat -d -w 0.5 "self:$port")" any "one chosen port serves datagrams"
is "$(echo any | vmsock cat "self:$port")" any "and streams"
kill "$pid"
ended 0 "a signal ends it"

kind=
suite "family 40" local 40
references
done_testing
