#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# guest-probe - the device with datagrams by DMA, and each kind of interrupt
#
# Copyright (C) 2026 The vmsock authors
#
# vm-kernels: 6.1 7.3 debug
# vm-device: --cid 77 --uds %D/host
# vm-timeout: 300

. tap.sh
. driver.sh

dma="DMA datagrams, 64-bit page numbers"
drive msix "$dma" "MSI-X with all vectors"
drive intx "$dma" "INTx" disable_msix=1 disable_msi=1
like "$(grep -c vmci /proc/interrupts)" '^0$' "no interrupt is left behind"
done_testing
