#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# guest-one-vector - a device that has one MSI-X vector for all causes, and short page numbers
#
# Copyright (C) 2026 The vmsock authors
#
# vm-kernels: 6.1 7.3 debug
# vm-device: --cid 77 --uds %D/host --interrupts=msix1 --caps=0x2c
# vm-timeout: 300

. tap.sh
. driver.sh

drive msix1 "DMA datagrams, 32-bit page numbers" "MSI-X with one vector"
done_testing
