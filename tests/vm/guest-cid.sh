#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# guest-cid - a device that tells context ids that are none is not used
#
# Copyright (C) 2026 The vmsock authors
#
# vm-kernels: 6.1 7.3 debug
# vm-device: --cid 77 --uds %D/host --hostile=cid
# vm-timeout: 120

. tap.sh
. driver.sh

driver=/sys/bus/pci/drivers/vmci
ok "the module loads without the device" modprobe vmci
for wrong in 0x0 0x1 0x2 0xffffffff 0xfffffffe 0xffffffd7 0xfffffe0c 0xfffffc18; do
	like "$(dmesg | grep 'context id is' | tail -n 1)" "the context id is $wrong\$" \
		"12.2 S26: $wrong is refused"
	is "$(ls -d $driver/0000:* 2>/dev/null)" "" "12.2 S26: after $wrong the device is not bound"
	vmci_function >$driver/bind 2>/dev/null
done
like "$(last_word)" "context 2$" "this machine is alone"
ok "the module goes" modprobe -r vmci
done_testing
