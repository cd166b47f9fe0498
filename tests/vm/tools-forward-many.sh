#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tools-forward-many - vmsock forward: a thousand connections at once, and peers that do their worst
#
# Copyright (C) 2026 The vmsock authors
#
# vm-boot: own
# vm-memory: 1024
# vm-modules: vmsock
# vm-kernels: 6.1
# vm-programs: vmsock-tools/vmsock
# vm-timeout: 180

. tap.sh

many=1000
mount -t debugfs none /sys/kernel/debug 2>/dev/null
# shellcheck disable=SC3045 # busybox has it
ulimit -n 8192

says() { grep -qs "$1" "$2"; }
# Both ends of what comes to the forwarder
established() { grep -cE '^stream +1 .*:5001 ' /sys/kernel/debug/vmsock/sockets; }

vmsock perf --server --verbose --buffer-size 16K 5000 2>err.server &
server=$!
eventually 20 says "serving on" err.server
vmsock echo --buffer-size 16K 5003 &
echo_server=$!
vmsock forward --verbose --buffer-size 16K 5001=self:5000 5002=self:5003 2>err.forward &
forwarder=$!
eventually 20 says "5002 is forwarded" err.forward

# Who sends and never reads, who says nothing, and who leaves amid a transfer
yes | vmsock cat --buffer-size 16K self:5002 >/dev/null 2>&1 &
stuck=$!
eventually 20 says "connection from" err.forward
kill -STOP $stuck
mkfifo silence
exec 3<>silence
vmsock cat --buffer-size 16K self:5002 <silence >/dev/null 2>&1 3>&- &
silent=$!

vmsock perf --request --parallel $many --length 100 --time 10 --timeout 60 --verify --json \
	--buffer-size 16K self:5001 >out 2>err &
client=$!
all_there() { [ "$(established)" -ge $((2 * many)) ]; }
ok "$many connections are there at once" eventually 60 all_there || diag "$(established)"
for _ in 1 2 3 4 5 6 7 8; do
	head -c 100000 /dev/urandom | vmsock cat --buffer-size 16K self:5002 2>/dev/null |
		head -c 10 >/dev/null
done
wait $client
is $? 0 "all of them end well" || diag "$(cat err)"
like "$(cat out)" '"num_streams": 1000,.*"wrong_blocks": 0' "and no byte is wrong"
like "$(cat out)" '"latency": \{"count": [0-9]{4,}' "each has been answered" || diag "$(cat out)"

kill -KILL $stuck
exec 3>&-
wait $silent
over() { [ "$(established)" = 0 ]; }
ok "nothing is left of them" eventually 20 over || diag "$(vmsock stat --port=5001 | head)"
descriptors() { find "/proc/$forwarder/fd" | wc -l; }
ok "nor of their descriptors" test "$(descriptors)" -lt 20 || diag "$(descriptors)"
kill $forwarder
wait $forwarder
is $? 0 "the forwarder ends"
like "$(cat err.forward)" "forward: 10[0-9]{2} connections, 0 not allowed" "and has counted them"
kill $server $echo_server
wait
done_testing
