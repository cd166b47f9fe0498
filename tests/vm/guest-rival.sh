#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# guest-rival - two drivers for one VMCI device: who was first keeps it (DESIGN D1)
#
# Copyright (C) 2026 The vmsock authors
#
# vm-kernels: 6.1 7.3 debug
# vm-device: --cid 42 --uds %D/host
# vm-programs: vmsock-tools/vmsock

. tap.sh

# driver: which has the device
driver()
{
	for device in /sys/bus/pci/devices/*; do
		grep -qx 0x0740 "$device/device" || continue
		basename "$(readlink "$device/driver")"
	done
}

context() { vmsock info | sed -n 's/^ *CID: *\([0-9]*\).*/\1/p'; }

ok "the kernel's driver is first" modprobe vmw_vmci
ok "ours loads, too" modprobe vmsock
is "$(driver)" vmw_vmci "who was first has the device"
is "$(dmesg | grep -c 'vmci: driver vmw_vmci has the VMCI device')" 1 "one line says so"
is "$(context)" 2 "without the device this machine is context 2"
ok "ours goes" modprobe -r vmsock
ok "theirs goes" modprobe -r vmw_vmci

ok "ours is first" modprobe vmsock
is "$(driver)" vmci "and has the device"
is "$(context)" 42 "this machine is what the device says"
ok "the kernel's driver loads, too" modprobe vmw_vmci
is "$(driver)" vmci "who was first has the device still"
is "$(context)" 42 "and its context"
done_testing
