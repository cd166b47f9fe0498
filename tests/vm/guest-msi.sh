#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# guest-msi - a device that has one MSI interrupt for all causes
#
# Copyright (C) 2026 The vmsock authors
#
# vm-kernels: 6.1 7.3 debug
# vm-device: --cid 77 --uds %D/host --interrupts=msi
# vm-timeout: 300

. tap.sh
. driver.sh

drive msi "DMA datagrams, 64-bit page numbers" "MSI"
done_testing
