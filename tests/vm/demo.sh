#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# demo - what scripts/demo.sh shows: programs in a guest and on its host talk through our modules
#
# Copyright (C) 2026 The vmsock authors
#
# What the host does is in demo.host.
#
# vm-kernels: 6.1 7.3
# vm-device: --cid 42 --uds %D/host
# vm-timeout: 180
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

echo "Linux $(uname -r) in a virtual machine with a VMCI device: it is context 42, the host 2."

step "The modules"
shows "modprobe vmsock"
shows "lsmod | grep -E '^(vmci|vmsock)'"
shows "dmesg | grep 'vmci 0'"
ok "vmsock.ko brought vmci.ko along, which drives the device" test -e /sys/bus/pci/drivers/vmci/0*
ok "the control device is there" test -c /dev/vmsock
is "$(cat $parameters/family_in_use)" 0 "no family number is taken before somebody asks"

step "What is here"
shows "vmsock info"
ok "our stack answers" grep -q vmsock,.dynamic shown

step "A file from the guest to its host"
head -c 8000000 /dev/urandom >file
sum=$(md5sum <file)
shows "vmsock cat --retry --deadline 30 host:6000 <file"
shows "md5sum file"
shows "vmsock cat --retry --deadline 30 host:6001 </dev/null"
is "$(cat shown)" "$sum" "the host has the same"

step "A file from the host to the guest"
shows "vmsock cat --listen --verbose 6002 >copy"
shows "md5sum copy"
sum=$(vmsock cat --retry --deadline 30 host:6003 </dev/null)
is "$(md5sum <copy)" "$sum" "the host sent the same"

step "A file within the guest"
server "vmsock cat --listen --verbose 5004 >copy"
shows "vmsock cat self:5004 <file"
wait "$server"
shows "md5sum file copy"
ok "8000000 bytes arrived as they were sent" cmp file copy

step "Datagrams to the host and back"
shows "echo 'who is there?' | vmsock cat --datagram host:5006"
is "$(cat shown)" "who is there?" "the datagram came back"

step "Datagrams within the guest"
server "vmsock echo --datagram --verbose 5005"
shows "echo 'who is there?' | vmsock cat --datagram self:5005"
is "$(cat shown)" "who is there?" "the datagram came back"
stop_server

step "The sample programs of examples/, written with vmci_sockets.h alone"
server "server 5006 >copy"
shows "client 42 5006 <file"
server_says
is "$(cat shown)" "8000000 bytes received" "the server counted every byte"
ok "and has the same file" cmp file copy
stop_server
server "datagram-server 5007 >/dev/null"
shows "datagram-client 42 5007 'hello from a datagram'"
is "$(cat shown)" "hello from a datagram" "the server sent it back"
stop_server

step "The control packets that made this happen"
shows "grep -v 'sent 0 received 0' $packets"
is "$(awk '/^OFFER/ {print $3}' $packets)" 5 "one OFFER sent for each stream that was opened here"
is "$(awk '/^OFFER/ {print $5}' $packets)" 3 "one received for each that ended here"

step "All is given back"
shows "cat $parameters/family_in_use"
ok "the family number is free again" eventually 2 grep -qx 0 $parameters/family_in_use
shows "modprobe -r vmsock"
shows "dmesg | grep vmsock: | tail -n 2"
ok "both modules are gone" test ! -d /sys/module/vmsock -a ! -d /sys/module/vmci
ok "and the device with them" test ! -e /dev/vmsock
done_testing
