#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tools-cat - vmsock cat over streams: transfers, half-close, listening, exit codes
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

# heard FILE: has a program with its messages in FILE begun to listen?
heard() { grep -qs 'listening on' "$1"; }

# listener NAME OPTION...: starts one in the background; input NAME.in, output NAME.out
listener()
{
	name=$1
	shift
	[ -e "$name.in" ] || : >"$name.in"
	rm -f "$name.err"
	# shellcheck disable=SC2086 # an option or nothing
	vmsock cat --listen --verbose $option "$@" <"$name.in" >"$name.out" 2>"$name.err" &
	pid=$!
	eventually 5 heard "$name.err" || diag "no listener: $(cat "$name.err")"
}

# ended STATUS DESCRIPTION: waits for the listener
ended()
{
	status=0
	wait "$pid" || status=$?
	is "$status" "$1" "$2" || diag "$(cat "$name.err")"
}

same() { ok "$3" cmp "$1" "$2"; }

transfers()
{
	head -c "$1" /dev/urandom >up
	head -c "$2" /dev/urandom >both.in
	listener both 5000
	ok "$what: $1 bytes there, $2 bytes back" sh -c "vmsock cat $option $cid:5000 <up >down"
	ended 0 "$what: the listener ends with the connection"
	same up both.out "$what: all bytes arrived there"
	same both.in down "$what: all bytes arrived back"
}

# What follows the end of input comes through: md5sum answers only then, and cat must have closed
# its output to make it answer.
half_close()
{
	mkfifo answer
	rm -f half.err
	# shellcheck disable=SC2086,SC2094 # an option or nothing; two ends of a pipe
	vmsock cat --listen --verbose $option 5001 <answer 2>half.err | md5sum >answer &
	eventually 5 heard half.err || diag "$(cat half.err)"
	is "$(cat_here "$cid:5001" <up)" "$(md5sum <up)" \
		"$what: an answer that follows the end of input"
	wait
	rm answer
}

silent_client()
{
	echo "what the listener says" >silent.in
	listener silent 5002
	is "$(cat_here "$cid:5002" </dev/null)" "what the listener says" \
		"$what: a client without input receives everything"
	ended 0 "$what: and the listener ends"
}

listens_on()
{
	: >many.in
	listener many --count 3 5003
	for i in 1 2 3; do
		ok "$what: connection $i" sh -c "echo line $i | vmsock cat $option $cid:5003"
	done
	ended 0 "$what: --count 3 ends after the third"
	is "$(cat many.out)" "line 1
line 2
line 3" "$what: all three arrived, in order"

	listener keep --keep-open 5004
	for i in 1 2 3 4; do
		ok "$what: connection $i to --keep-open" \
			sh -c "echo $i | vmsock cat $option $cid:5004"
	done
	ok "$what: --keep-open still listens" kill "$pid"
	wait "$pid"
	is "$(tr -d '\n' <keep.out)" 1234 "$what: what all of them sent arrived"
}

addresses()
{
	listener source 5005
	ok "$what: a source port" sh -c "vmsock cat $option -p 6001 $cid:5005 </dev/null"
	ended 0 "$what: its listener ends"
	like "$(cat source.err)" "connection from vsock:[0-9]+:6001" "$what: the peer sees it"

	listener named vsock-stream:any:0x1390
	ok "$what: hexadecimal and named" \
		sh -c "vmsock cat $option vsock://$cid:0x1390 </dev/null"
	ended 0 "$what: its listener ends"

	listener taken 5007
	cat_here --listen 5007 </dev/null 2>err
	is $? 2 "$what: a port in use"
	like "$(cat err)" "another socket has that port" "$what: and the cause"
	kill "$pid"
	wait "$pid"
}

failures()
{
	cat_here "$cid:5999" </dev/null 2>err
	is $? 5 "$what: nobody listens"
	like "$(cat err)" "nobody listens on that port" "$what: and the cause"

	cat_here --listen --timeout 0.5 5010 </dev/null 2>err
	is $? 6 "$what: nobody comes"
	like "$(cat err)" "nothing happened for 0.5 seconds" "$what: and the cause"

	listener stalled 5011
	mkfifo open
	exec 3<>open
	cat_here --timeout 0.5 "$cid:5011" <&3 2>err
	is $? 6 "$what: nothing is sent"
	exec 3>&-
	rm open
	ended 0 "$what: the other side sees the end"

	listener gone 5014
	mkfifo open
	exec 3<>open
	# shellcheck disable=SC2086 # an option or nothing
	vmsock cat $option "$cid:5014" <&3 2>err &
	client=$!
	eventually 5 grep -q "connection from" gone.err
	kill "$pid"
	status=0
	wait "$client" || status=$?
	is "$status" 0 "$what: a peer that closes ends a client that has nothing to send"
	exec 3>&-
	rm open

	rm -f early.err
	cat_here --listen --verbose 5012 </dev/null 2>early.err | head -c 1 >/dev/null &
	eventually 5 heard early.err
	head -c 4000000 /dev/zero | cat_here "$cid:5012" >/dev/null 2>err
	is $? 2 "$what: the peer goes before all is sent"
	like "$(cat err)" "before everything was sent|cannot (send|receive)" "$what: and the cause"
	wait

	listener small --buffer-size 8K 5013
	ok "$what: small queues" sh -c "vmsock cat --buffer-size 8K $option $cid:5013 <up"
	ended 0 "$what: small queues, the listener"
	same up small.out "$what: small queues, all bytes"
}

peers()
{
	listener chosen --from 77,78 --keep-open 5020
	is "$(echo stranger | cat_here "$cid:5020" 2>/dev/null)" "" \
		"$what: --from: nothing for a stranger"
	kill "$pid"
	ended 0 "$what: its listener"
	is "$(cat chosen.out)" "" "$what: and nothing of it"
	listener chosen --from "77,$cid,2" 5020
	ok "$what: --from: a friend" sh -c "echo friend | vmsock cat $option $cid:5020"
	ended 0 "$what: its listener"
	is "$(cat chosen.out)" friend "$what: and what it sent"

	listener shouts --keep-open --exec "tr a-z A-Z" 5021
	is "$(echo word | cat_here "$cid:5021")" WORD "$what: --exec"
	# shellcheck disable=SC2016 # for the other shell
	ok "$what: --sh as a client" cat_here --sh \
		'echo $VMSOCK_PEER; read -r line; echo "$line" >heard' "$cid:5021"
	like "$(cat heard)" "^VSOCK:[0-9]+:5021$" "$what: with the peer's address"
	kill "$pid"
	ended 0 "$what: its listener"
}

packets()
{
	listener packets --seqpacket 5030
	printf 'packet 1\npacket 2\npacket 3\n' >three
	cat_here --seqpacket "$cid:5030" <three 2>err
	is $? 0 "seqpacket: a client" || diag "$(cat err)"
	ended 0 "seqpacket: its listener"
	same three packets.out "seqpacket: everything"
	listener packets "vsock-seqpacket::5031"
	head -c 1000000 /dev/urandom >up
	ok "seqpacket: many" sh -c "vmsock cat $option vsock-seqpacket:$cid:5031 <up"
	ended 0 "seqpacket: its listener"
	same up packets.out "seqpacket: all bytes"
	cat_here "$cid:5032" --seqpacket </dev/null 2>err
	is $? 5 "seqpacket: nobody listens"
}

suite()
{
	what=$1 cid=$2 family=$3 option=${3:+--family=$3}
	rm -f -- *.in
	transfers 100000 1
	transfers 1 100000
	transfers 3000001 2000003
	half_close
	silent_client
	listens_on
	addresses
	failures
	peers
	ok "$what: a transfer of 32 MiB" sh -c "head -c 33554432 /dev/urandom >up"
	transfers 33554432 0
	rm -f up down -- *.out
}

suite "dynamic family" self ""
suite "family 40" local 40
packets
vmsock cat --seqpacket self:1 </dev/null 2>err
is $? 3 "no sequenced packets over VMCI"
like "$(cat err)" "no sequenced packets; .* --family=40" "and where there are some"
done_testing
