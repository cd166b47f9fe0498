#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tools-stat - vmsock stat: states, bytes, queues, processes and filters, on both stacks
#
# Copyright (C) 2026 The vmsock authors
#
# vm-kernels: 6.1 7.3
# vm-modules: vmsock vsock_loopback
# vm-programs: vmsock-tools/vmsock tests/tools/json-check docs/json/stat.json
# vm-timeout: 120

. tap.sh

heard() { grep -qs 'streams on' err.echo; }

mount -t debugfs none /sys/kernel/debug 2>/dev/null
is "$(vmsock stat | wc -l)" 1 "no sockets, a heading"
vmsock echo --verbose 5000 2>err.echo &
server=$!
eventually 5 heard
like "$(vmsock stat)" "^22 +stream +listening +[0-9*]+:5000 .* $server/vmsock$" "a listener"
like "$(vmsock stat)" "^22 +dgram .*:5000 .* $server/vmsock$" "a datagram socket"

# A client that has sent 1,000 bytes, and a server that has them back to it; nobody reads them.
mkfifo hold fill
vmsock cat --buffer-size 64K self:5000 <hold >fill 2>/dev/null &
client=$!
exec 3>hold 4<fill
head -c 1000 /dev/zero >&3
settled() { vmsock stat --json --pid "$client" | grep -q '"sent": 1000, "received": 1000'; }
ok "bytes sent and received" eventually 5 settled
vmsock stat --json --state established >json
ok "JSON follows its schema" sh -c "json-check /usr/share/vmsock/stat.json <json"
is "$(vmsock stat -q --state established | wc -l)" 2 "both ends of a connection"
is "$(vmsock stat -q --port 5000 --pid "$client" | wc -l)" 1 "one is the client's"
is "$(vmsock stat -q --state established,listening | wc -l)" 3 "two states"
is "$(vmsock stat -q --type dgram | wc -l)" 1 "datagrams only"
is "$(vmsock stat -q --process dog | wc -l)" 0 "no such program"
is "$(vmsock stat -q --cid 77 | wc -l)" 0 "no such context"
is "$(vmsock stat -q --port 5001 | wc -l)" 0 "no such port"
like "$(vmsock stat --pid "$client")" " 0/65535 +0/65535 " "queues: empty, and their size"

# The pipe to nobody takes 64 KiB, cat holds a buffer, and then the queues fill.
head -c 1000000 /dev/zero >&3 &
full() { vmsock stat -q --pid "$client" | grep -q "65535/65535 *65535/65535"; }
ok "queues that are full" eventually 10 full || diag "$(vmsock stat)"
exec 3>&- 4<&-
kill $client $server
wait

vmsock echo --family 40 --verbose 5000 2>err.echo &
server=$!
eventually 5 heard
like "$(vmsock stat --family 40)" "^40 +stream +listening .*:5000 .* - +- +$server/vmsock" \
	"family 40: a listener"
vmsock stat --json --family 40 >json
like "$(vmsock stat --verbose 2>&1 >/dev/null)" "1 sockets, 1 of them of the kernel's own" \
	"--verbose"
ok "family 40: JSON follows its schema" sh -c "json-check /usr/share/vmsock/stat.json <json"

vmsock stat --watch 0.2 >watch &
watcher=$!
three() { [ "$(grep -c '^AF' watch)" -ge 3 ]; }
ok "--watch prints again and again" eventually 5 three
kill -INT $watcher
wait $watcher
is $? 0 "until it is interrupted"
kill $server
wait $server

vmsock echo 5000 &
server=$!
eventually 5 sh -c "vmsock stat -q | grep -q listening"
su nobody -c 'vmsock stat' >out 2>err
is $? 4 "only root may"
like "$(cat err)" "only root" "and it says so"
umount /sys/kernel/debug
vmsock stat >out 2>err
is $? 2 "no debugfs"
like "$(cat err)" "mount -t debugfs" "and what to do"
mount -t debugfs none /sys/kernel/debug
kill $server
done_testing
