#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# library-silent - libvmsock's limits of time, at a host that does not answer
#
# Copyright (C) 2026 The vmsock authors
#
# vm-modules: vmsock
# vm-kernels: 6.1 7.3
# vm-device: --cid 42 --uds %D/host --fault in:drop@1+
# vm-programs: tests/lib/far-plain

. tap.sh
silent() { far-plain silent vsock:2:7000 2>err; }
ok "each limit ends the attempt in its time, and is named" silent || diag "$(cat err)"
is "$(cat /sys/module/vmsock/refcnt)" 0 "nothing is left"
done_testing
