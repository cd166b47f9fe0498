#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tools-info - vmsock info: our stack, the kernel's, none, and why not
#
# Copyright (C) 2026 The vmsock authors
#
# vm-kernels: 6.1 7.3
# vm-programs: vmsock-tools/vmsock tests/tools/json-check docs/json/info.json
# vm-boot: own

. tap.sh

# info STATUS PATTERN...: prints lines that match each pattern and ends with the status
info()
{
	status=0
	text=$(vmsock info 2>&1) || status=$?
	is "$status" "$1" "$what: exit code"
	shift
	for pattern; do
		like "$text" "$pattern" "$what: $pattern"
	done
}

# A socket of family 40 must not load the kernel's vsock behind our back.
echo >/proc/sys/kernel/modprobe
mount -t debugfs none /sys/kernel/debug 2>/dev/null

what="no module"
info 3 "^Stack: +none" "no vsock module is loaded; load one with: modprobe vmsock"
vmsock info --cid 2>err
is $? 3 "$what: no CID"
vmsock cat host:1 </dev/null 2>err
is $? 3 "$what: cat fails in the same way"
like "$(cat err)" "modprobe vmsock" "$what: and says the same"

what="vmci alone"
modprobe vmci
info 3 "module vmci is loaded but vmsock is not"

what="our modules"
modprobe vmsock
info 0 "^Stack: +vmsock, dynamic family number" "^Family: +22" "^CID: +2 \(host" \
	"^Limits: +queues of streams 256 KiB, .* datagrams of 69608 bytes" \
	"^In use: +0 sockets, 0 queue pairs" "^Options: .*vmsock.family=0" \
	"^API: +[0-9]+\.[0-9]+\.[0-9]+" "^Sockets: +stream datagram$" \
	"^Modules: .*vmci \(.*\) vmsock \(" "^Devices: .*/dev/vmsock"
is "$(vmsock info --cid)" 2 "$what: the CID alone"
json=$(vmsock info --json | tr -d ' \n')
like "$json" '^\{"stack":"vmsock","family":22,"cid":2,"api":"[0-9.]+","stream":true,' "$what: JSON"
vmsock info --json >out
ok "$what: JSON follows its schema" sh -c "json-check /usr/share/vmsock/info.json <out"
like "$json" ',"datagram":true,"seqpacket":false,"limits":\{"queue":262144,' "$what: its limits"
like "$json" ',"modules":\[\{"name":"vmci",' "$what: more of it"
is "$(cat /sys/module/vmsock/parameters/family)" 0 "$what: the number is given back"

what="node missing"
mount -t tmpfs none /dev
info 3 "module vmsock is loaded but there is no /dev/vmsock here"
umount /dev

what="node denied"
mkdir -p /etc
echo 'nobody:x:99:99::/:/bin/sh' >/etc/passwd
chmod 600 /dev/vmsock /dev/vsock
status=0
text=$(su nobody -c 'vmsock info' 2>&1) || status=$?
is "$status" 4 "$what: exit code"
like "$text" "/dev/vmsock may not be opened" "$what: the reason"
like "$text" "/dev/vmsock \(no permission\)" "$what: the device"
chmod 666 /dev/vmsock
status=0
su nobody -c 'vmsock cat --listen 1023' </dev/null 2>err || status=$?
is "$status" 4 "privileged port: exit code"
like "$(cat err)" "ports below 1024" "privileged port: the reason"

what="both stacks"
modprobe vsock_loopback
like "$(vmsock info --family=40)" "^Stack: +the kernel's own" "$what: the other one, by --family"
info 0 "^Stack: +vmsock" "^Family: +22" "vsock_loopback"

what="the kernel's vsock"
modprobe -r vmsock
modprobe -r vmci
info 0 "^Stack: +the kernel's own vsock" "^CID: +none, or not to be found out"
what="the kernel's vsock, loaded first"
modprobe -r vsock_loopback
modprobe vsock_loopback
info 0 "^Stack: +the kernel's own vsock" "^Family: +40" "^CID: +1 \(loopback" \
	"^Sockets: +stream seqpacket$"
modprobe -r vsock_loopback
done_testing
