#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# library-host - libvmsock in a guest and on its host, each way (tests/lib/far-plain.c)
#
# Copyright (C) 2026 The vmsock authors
#
# vm-modules: vmsock
# vm-kernels: 6.1 7.3
# vm-device: --cid 42 --uds %D/host
# vm-programs: tests/lib/far-plain
# vm-timeout: 240

. tap.sh
far-plain listen vsock::7000 10 2 2>served &
server=$!
ok "the guest calls, and all comes back" far-plain call vsock:2:7001 10
compare() { far-plain compare vsock:2:7003 400 >rates 2>&1; }
ok "connections: at most 30 % fewer a second than with bare sockets" compare
diag "$(cat rates)"
ok "nobody listens on the host" far-plain refused vsock:2:7002
status=0
wait "$server" || status=$?
is "$status" 0 "the guest is called by context 2" || diag "$(cat served)"
is "$(cat /sys/module/vmsock/refcnt)" 0 "nothing is left"
done_testing
