#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# library-cid - VmsockStack::cid-changed when the machine gets a context ID, and loses it
#
# Copyright (C) 2026 The vmsock authors
#
# The kernel's own vsock has one, 2, as long as something serves virtual machines.
#
# vm-modules: vsock_loopback
# vm-kernels: 6.1
# vm-programs: tests/lib/cid-plain

. tap.sh

seen() { [ "$(cat seen)" = "$1" ]; }

cid-plain 2 >seen 2>err &
ok "the watch begins" eventually 10 grep -q watching seen
before=$(sed -n 's/^watching //p' seen)
modprobe vhost_vsock
ok "a context ID comes" eventually 10 seen "watching $before
2"
modprobe -r vhost_vsock
ok "... and goes" eventually 10 seen "watching $before
2
$before"
status=0
wait $! || status=$?
is "$status" 0 "the watch ends" || cat err
done_testing
