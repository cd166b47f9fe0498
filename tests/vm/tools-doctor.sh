#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tools-doctor - vmsock doctor in a guest: modules come and go, nodes are closed and hidden
#
# Copyright (C) 2026 The vmsock authors
#
# vm-kernels: 6.1 7.3
# vm-programs: vmsock-tools/vmsock tests/tools/json-check docs/json/doctor.json
# vm-boot: own
# vm-timeout: 120

. tap.sh

# finds CHECK VERDICT PATTERN
finds() { like "$(vmsock doctor --verbose "$1")" "^$2 .*$3" "$what: $1: $2, $3"; }

echo >/proc/sys/kernel/modprobe
what="no module"
finds loaded-vmci FAILURE "not loaded"
finds loaded-vmsock FAILURE "not loaded"
finds file-vmci OK "updates/vmsock/vmci.ko"
finds file-vmsock OK "updates/vmsock/vmsock.ko"
finds vermagic OK "built for $(uname -r | sed 's/[.+]/\\&/g')"
finds stack FAILURE "modprobe vmsock"
finds self-stream - "no vsock"
vmsock doctor >/dev/null
is $? 8 "$what: exit code"

what="our modules"
modprobe vmsock
for check in loaded-vmci loaded-vmsock versions fresh clash-vmci clash-vsock family node-vmsock \
		node-vsock permission stack cid self-stream self-datagram descriptors; do
	finds $check OK .
done
vmsock doctor loaded-vmsock self-stream self-datagram >/dev/null
is $? 0 "$what: exit code if nothing fails"
ok "$what: JSON follows its schema" \
	sh -c "vmsock doctor --json | json-check /usr/share/vmsock/doctor.json"
is "$(cat /sys/module/vmsock/parameters/family_in_use)" 0 "$what: the number is given back"

what="the bundle"
mount -t debugfs none /sys/kernel/debug 2>/dev/null
vmsock doctor --quiet --bundle b.tar >/dev/null
ok "$what: is an archive" tar -xf b.tar
like "$(cat vmsock-bundle/dmesg)" "vmci: version" "$what: messages of the kernel"
like "$(cat vmsock-bundle/sockets)" "type" "$what: the table of sockets"
like "$(cat vmsock-bundle/info)" "^Stack: *vmsock" "$what: vmsock info"
like "$(cat vmsock-bundle/parameters-vmsock)" "^family 0" "$what: parameters"
like "$(cat vmsock-bundle/doctor)" "^OK .*stream to itself" "$what: what was found"

what="node denied"
chmod 600 /dev/vmsock /dev/vsock
like "$(su nobody -c 'vmsock doctor permission')" "^FAILURE .*may not be opened" "$what"
chmod 666 /dev/vmsock
what="few descriptors"
# shellcheck disable=SC3045 # busybox has it
like "$(ulimit -n 100; vmsock doctor descriptors)" "^WARNING .*100 open files" "$what"

what="beside the kernel's"
modprobe vsock_loopback
finds clash-vsock OK "beside ours"
finds self-datagram OK .
like "$(vmsock doctor --verbose --family 40 self-datagram)" "^- .*no datagrams" "$what: --family"
modprobe -r vmsock
modprobe -r vmci
what="the kernel's alone"
modprobe -r vsock_loopback
modprobe vsock_loopback
finds clash-vsock WARNING "only the kernel's"
finds self-stream OK "works"
finds self-datagram - "no datagrams"
what="a clash"
modprobe vmw_vmci
finds clash-vmci FAILURE "vmw_vmci, is loaded"
modprobe vmsock
finds clash-vmci WARNING "vmw_vmci, is loaded"
done_testing
