#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vmci-nomem - every allocation of vmci.ko fails once
#
# Copyright (C) 2026 The vmsock authors
#
# vm-kernels: debug

for kind in failslab fail_page_alloc; do
	echo 0 >/sys/kernel/debug/$kind/verbose
	echo N >/sys/kernel/debug/$kind/ignore-gfp-wait
done
echo 0 >/sys/kernel/debug/fail_page_alloc/min-order
modprobe vm_vmci_nomem || exit
cat /sys/kernel/debug/ktap/vmci-nomem
