#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tools-forward - vmsock forward: every pair of ends, limits, PROXY, service managers, a bad peer
#
# Copyright (C) 2026 The vmsock authors
#
# The debug kernel has no TCP/IP.
#
# vm-modules: vmsock vsock_loopback
# vm-kernels: 6.1
# vm-programs: vmsock-tools/vmsock tests/tools/activate.c
# vm-timeout: 180

. tap.sh

heard() { grep -qs 'streams on' err.echo; }
forwarding() { grep -qs 'is forwarded' err.forward; }
listening() { grep -qs 'listening on' err.cat; }

# Has the second connection been made, which nobody has accepted?
waits_for_its_turn()
{
	[ "$(vmsock stat --quiet --state=established --port=5003 |
		grep -c "$waiter/vmsock")" = 1 ]
}

# forward OPTION...: in the background
forward()
{
	rm -f err.forward
	# shellcheck disable=SC2086 # an option or nothing
	vmsock forward --verbose $option "$@" 2>err.forward &
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

# through TO DESCRIPTION: a file goes there, and comes back whole after its end
through()
{
	# shellcheck disable=SC2086 # an option or nothing
	ok "$what: $2" sh -c "vmsock forward $option 'stdio=$1' <file | cmp - file"
}

mount -t debugfs none /sys/kernel/debug 2>/dev/null
ifconfig lo up
head -c 3000001 /dev/urandom >file

suite()
{
	what=$1 cid=$2 option=$3
	rm -f err.echo
	# shellcheck disable=SC2086 # an option or nothing
	vmsock echo --verbose $option 5000 2>err.echo &
	server=$!
	eventually 5 heard || diag "$(cat err.echo)"
	through "$cid:5000" "standard input to vsock"
	forward "tcp:8080=$cid:5000" "unix:sock=$cid:5000" 5001=tcp:127.0.0.1:8080 5002=unix:sock
	through tcp:127.0.0.1:8080 "TCP to vsock"
	through unix:sock "UNIX to vsock"
	through "$cid:5001" "vsock to TCP to vsock"
	through "$cid:5002" "vsock to UNIX to vsock"
	ended "a signal ends it"
	like "$(cat err.forward)" "forward: 6 connections, 0 not allowed, [0-9]+ bytes" \
		"$what: and it says what it did"
	fails "$what: its socket is gone" test -e sock

	printf '# rules\n\n5003 = %s:5000   # one\n' "$cid" >config
	forward --config config --allow "77,$cid,2"
	through "$cid:5003" "a rule of a file, an allowed context"
	ended "a signal ends it"
	forward --allow 77 "5003=$cid:5000"
	# shellcheck disable=SC2086 # an option or nothing
	is "$(vmsock forward $option "stdio=$cid:5003" </dev/null 2>/dev/null)" "" \
		"$what: nothing for a context that is not allowed"
	eventually 5 grep -q "is not allowed" err.forward
	like "$(cat err.forward)" "context [0-9]+ is not allowed" "$what: and it says so"
	ended "a signal ends it"

	# One at a time: the second waits for the first.
	forward --limit 1 "5003=$cid:5000"
	mkfifo first
	# shellcheck disable=SC2086 # an option or nothing
	vmsock forward $option "stdio=$cid:5003" <first >first.out &
	holder=$!
	exec 3>first
	echo one >&3
	eventually 5 grep -qs one first.out
	# shellcheck disable=SC2086 # an option or nothing
	echo two | vmsock forward $option "stdio=$cid:5003" >second.out 3>&- &
	waiter=$!
	eventually 20 waits_for_its_turn
	is "$(cat second.out)" "" "$what: beyond the limit it waits"
	exec 3>&-
	wait $holder
	wait $waiter
	is "$?$(cat second.out)" 0two "$what: and gets its turn"
	rm first
	ended "a signal ends it"

	rm -f err.cat
	: >nothing
	# shellcheck disable=SC2086 # an option or nothing
	vmsock cat --listen --verbose $option 5004 <nothing >seen 2>err.cat &
	eventually 5 listening || diag "$(cat err.cat)"
	forward --proxy "5003=$cid:5004"
	# shellcheck disable=SC2086 # an option or nothing
	echo hello | vmsock forward $option "stdio=$cid:5003"
	eventually 5 grep -qs hello seen
	is "$(head -c 14 seen | hexdump -v -e '1/1 "%02x"')" 0d0a0d0a000d0a515549540a2100 \
		"$what: PROXY, version 2"
	like "$(tail -c +20 seen)" "^vsock:[0-9]+:[0-9]+hello$" "$what: with who it was"
	ended "a signal ends it"

	# shellcheck disable=SC2086 # an option or nothing
	is "$(echo ssh | vmsock forward $option --ssh-proxy "vsock/$cid" 5000)" ssh \
		"$what: --ssh-proxy"
	# shellcheck disable=SC2086 # an option or nothing
	vmsock forward $option --ssh-proxy "$cid" </dev/null 2>err
	is $? 5 "$what: no ssh server"
	kill $server
	wait $server
}

suite "dynamic family" self ""
suite "family 40" 1 --family=40

what="service manager" option=
rm -f err.echo
vmsock echo --verbose 5000 2>err.echo &
server=$!
eventually 5 heard
activate -n notes -u passed vmsock forward systemd=self:5000 2>err.forward &
forwarder=$!
eventually 5 grep -qs READY=1 notes
is "$(cat notes)" READY=1 "$what: is told when it is ready"
through unix:passed "a UNIX socket that was passed on"
ended "a signal ends it"
eventually 5 grep -q STOPPING notes
is "$(tail -n 1 notes)" STOPPING=1 "$what: and that it stops"
activate -v 6000 vmsock forward --verbose systemd=self:5000 2>err.forward &
forwarder=$!
eventually 20 forwarding
option=--family=40
through local:6000 "a vsock socket that was passed on, to the other family"
ended "a signal ends it"
option=
vmsock forward systemd=self:5000 2>err
is $? 2 "$what: no sockets"

# A client that stops amid its transfer holds up nobody else.
what="a hostile peer"
forward 5001=self:5000 --buffer-size 16K
yes | vmsock cat self:5001 >/dev/null 2>&1 &
hostile=$!
stuffed() { vmsock stat --json --state=established --port=5001 | grep -q '"received": [1-9]'; }
eventually 20 stuffed
kill -STOP $hostile
for i in 1 2 3 4 5; do
	through self:5001 "others are served, $i"
done
kill -KILL $hostile
head -c 100000 /dev/urandom | vmsock cat self:5001 2>/dev/null | head -c 10 >/dev/null
through self:5001 "nor one that leaves early"
ended "a signal ends it"
kill $server
wait $server

done_testing
