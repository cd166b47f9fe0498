#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tools-wait - vmsock wait and vmsock scan: what comes later, and every outcome of a port
#
# Copyright (C) 2026 The vmsock authors
#
# vm-kernels: 6.1
# vm-programs: vmsock-tools/vmsock tests/tools/json-check docs/json/scan.json
# vm-boot: own
# vm-timeout: 120

. tap.sh

heard() { grep -qs 'streams on' "$1"; }

# A socket of family 40 must not load the kernel's vsock behind our back.
echo >/proc/sys/kernel/modprobe

vmsock wait --cid --deadline 0.3 2>err
is $? 6 "no CID comes"
like "$(cat err)" "time is up: .*modprobe vmsock" "and the reason"
vmsock wait --device /dev/vmsock --timeout 0.3 2>err
is $? 6 "no device comes"
vmsock wait --device /dev/vmsock &
device=$!
vmsock wait --cid >cid &
cid=$!
vmsock wait --deadline 30 --verbose host:5000 2>err.wait &
peer=$!
eventually 5 grep -qs modprobe err.wait
modprobe vmsock
wait $device
is $? 0 "the device has come"
wait $cid
is "$?$(cat cid)" 02 "a CID has come, and is printed"
eventually 5 grep -qs "nobody listens\|start the" err.wait
vmsock echo --verbose 5000 2>err.echo &
server=$!
wait $peer
is $? 0 "the peer has come" || diag "$(cat err.wait)"
vmsock wait --verbose self:5001 2>err &
peer=$!
eventually 20 grep -qs "nobody listens" err
kill -INT $peer
wait $peer
is $? 5 "interrupted: what the last look would have ended with"

# scan
vmsock scan self 4990-5010 >out
is $? 0 "an open port"
like "$(cat out)" "^ +5000 +open$" "is printed"
like "$(cat out)" "^1 open, 20 refused, 0 silent, 0 unreachable, 0 denied, 0 failed of 21" "counts"
vmsock scan --all --json self 5000-5003,6000 >out
ok "JSON follows its schema" sh -c "json-check /usr/share/vmsock/scan.json <out"
is "$(grep -c refused out)" 5 "JSON: all ports and the sum"
vmsock scan --quiet self 6000-6010 >out
is "$?$(cat out)" 5 "all refused"
vmsock scan 77 1-3 >out
is $? 5 "no such machine"
like "$(cat out)" "3 unreachable" "is unreachable"
begin=$(cut -d. -f1 /proc/uptime)
vmsock scan --rate 10 self 6001-6030 >out
ok "--rate holds it back" test "$(($(cut -d. -f1 /proc/uptime) - begin))" -ge 2
ok "a thousand ports" sh -c "vmsock scan --rate 5000 self 4501-5500 | grep '^1 open, 999 refused'"
mount -t debugfs none /sys/kernel/debug 2>/dev/null
before=$(awk '/^RST/ {print $5}' /sys/kernel/debug/vmsock/packets)
vmsock scan --rate 10 self 6001-7000 >out &
scan=$!
some_connects() { [ "$(awk '/^RST/ {print $5}' /sys/kernel/debug/vmsock/packets)" -gt "$before" ]; }
eventually 20 some_connects
kill -INT $scan
wait $scan
is $? 8 "interrupted: partly"
like "$(cat out)" "refused, .* of 1000 ports" "and what was found so far"
vmsock scan --rate 10 --deadline 0.5 self 6001-7000 >out
is $? 8 "--deadline: partly"
like "$(cat out)" "refused, .* of 1000 ports" "... with what was found so far"
kill $server
wait $server

vmsock scan --family 39 self 1 2>err
is $? 3 "no such family"
done_testing
