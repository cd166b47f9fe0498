#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# guest-bounce - a machine whose devices see copies of its memory: no queue pairs, but datagrams
#
# Copyright (C) 2026 The vmsock authors
#
# vm-modules: vmsock
# vm-device: --cid 42 --uds %D/host
# vm-args: swiotlb=force
# vm-kernels: debug
# vm-programs: vmsock-tools/vmsock

. tap.sh

ok "the device is there" sh -c 'vmsock info | grep "CID: *42"'
fails "a connection to the host is refused" vmsock cat 2:5002
is "$(dmesg | grep -c 'the device cannot reach memory of this machine')" 1 "one line says why"
done_testing
