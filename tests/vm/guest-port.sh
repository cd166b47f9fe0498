#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# guest-port - datagrams by port I/O, as of older devices, and each kind of interrupt
#
# Copyright (C) 2026 The vmsock authors
#
# vm-kernels: 6.1 7.3 debug
# vm-device: --cid 77 --classic --caps=0x0c --uds %D/host
# vm-timeout: 300

. tap.sh
. driver.sh

port="port I/O, 32-bit page numbers"
drive msix "$port" "MSI-X with all vectors"
drive intx "$port" "INTx" disable_msix=1 disable_msi=1
like "$(grep -c vmci /proc/interrupts)" '^0$' "no interrupt is left behind"
done_testing
