#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# demo - what scripts/demo.sh shows: two programs on one kernel talk through our modules
#
# Copyright (C) 2026 The vmsock authors
#
# vm-programs: vmsock-tools/vmsock examples/server.c examples/client.c
# vm-programs: examples/datagram-server.c examples/datagram-client.c

. tap.sh

parameters=/sys/module/vmsock/parameters
packets=/sys/kernel/debug/vmsock/packets
step=0

# step TITLE
step()
{
	step=$((step + 1))
	echo "$step. $1"
}

# shows COMMAND: the command and what it prints
shows()
{
	printf '   $ %s\n' "$1"
	sh -c "$1" >shown 2>&1
	status=$?
	sed 's/^/     /' shown
	return "$status"
}

heard() { grep -qsE '(listening|receiving|datagrams) on' messages; }

# server COMMAND: in the background, until it says that it listens
server()
{
	printf '   $ %s &\n' "$1"
	: >messages
	sh -c "exec $1" </dev/null 2>messages &
	server=$!
	eventually 10 heard || diag "$(cat messages)"
}

# What the server said meanwhile
server_says() { sed -n '/ on /!s/^/     (server) /p' messages; }

stop_server()
{
	kill "$server" 2>/dev/null
	wait "$server" 2>/dev/null
}

echo "Linux $(uname -r) without a VMCI device: context 2 is this machine."

step "The modules"
shows "modprobe vmsock"
shows "lsmod | grep -E '^(vmci|vmsock)'"
ok "vmsock.ko brought vmci.ko along" test -d /sys/module/vmci
ok "the control device is there" test -c /dev/vmsock
is "$(cat $parameters/family_in_use)" 0 "no family number is taken before somebody asks"

step "What is here"
shows "vmsock info"
ok "our stack answers" grep -q vmsock,.dynamic shown

step "A file over a stream"
head -c 8000000 /dev/urandom >file
server "vmsock cat --listen --verbose 5000 >copy"
shows "vmsock cat self:5000 <file"
wait "$server"
shows "md5sum file copy"
ok "8000000 bytes arrived as they were sent" cmp file copy

step "Datagrams there and back"
server "vmsock echo --datagram --verbose 5001"
shows "echo 'who is there?' | vmsock cat --datagram self:5001"
is "$(cat shown)" "who is there?" "the datagram came back"
stop_server

step "The sample programs of examples/, written with vmci_sockets.h alone"
server "server 5002 >copy"
shows "client 2 5002 <file"
server_says
is "$(cat shown)" "8000000 bytes received" "the server counted every byte"
ok "and has the same file" cmp file copy
stop_server
server "datagram-server 5003 >/dev/null"
shows "datagram-client 2 5003 'hello from a datagram'"
is "$(cat shown)" "hello from a datagram" "the server sent it back"
stop_server

step "The control packets that made this happen"
shows "grep -v 'sent 0 received 0' $packets"
is "$(awk '$3 != $5' $packets)" '' "each packet that was sent was received"
is "$(awk '/^OFFER/ {print $3}' $packets)" 2 "one OFFER for each of the two streams"

step "All is given back"
shows "cat $parameters/family_in_use"
ok "the family number is free again" eventually 2 grep -qx 0 $parameters/family_in_use
shows "modprobe -r vmsock"
shows "dmesg | grep vmsock: | tail -n 2"
ok "both modules are gone" test ! -d /sys/module/vmsock -a ! -d /sys/module/vmci
ok "and the device with them" test ! -e /dev/vmsock
done_testing
