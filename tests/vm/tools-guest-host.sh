#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tools-guest-host - every subcommand in a guest, with its host as the peer
#
# Copyright (C) 2026 The vmsock authors
#
# The host's part is tools-guest-host.host.  It begins with the servers of the host, ports 6000 on,
# and then connects to those of the guest, 7000 on.
#
# vm-kernels: 6.1
# vm-device: --cid 42 --uds %D/host
# vm-programs: vmsock-tools/vmsock tests/tools/json-check docs/json/info.json
# vm-timeout: 180

. tap.sh

mount -t debugfs none /sys/kernel/debug 2>/dev/null
modprobe vmsock
says() { grep -qsE "$1" "$2"; }

like "$(vmsock info)" "^CID: +42 \(guest" "info: the context"
like "$(vmsock info)" "^VMCI: +0000:[0-9a-f:.]+, driver vmci, [1-9][0-9]* message interrupts, " \
	"info: the device"
like "$(vmsock info)" "^VMCI: .*, capabilities .*datagram" "info: its capabilities"
vmsock info --json >out
ok "info: JSON follows its schema" sh -c "json-check /usr/share/vmsock/info.json <out"
ok "doctor: the device" vmsock doctor device driver enabled interrupts cid

# Servers of the guest, for later
vmsock echo --verbose 7000 2>err.echo &
echo_server=$!
vmsock perf --server --verbose 7001 2>err.perf &
perf_server=$!
vmsock cat --listen --keep-open --from=host --exec 'tr a-z A-Z' 7002 2>err.cat &
cat_server=$!
vmsock forward --verbose 7003=self:7000 2>err.forward &
forwarder=$!
eventually 20 says 'streams on' err.echo
eventually 20 says 'serving on' err.perf
eventually 20 says 'is forwarded' err.forward

ok "wait: until the host's servers are there" vmsock wait --deadline 60 host:6003
is "$(echo hello | vmsock cat host:6000)" hello "cat: an echo of the host"
head -c 1000001 /dev/urandom >file
ok "cat: a file there and back" sh -c "vmsock cat host:6000 <file | cmp - file"
is "$(echo word | vmsock cat --retry host:6001)" WORD "cat: a command of the host"
vmsock ping -c 5 -i 0.01 host:6000 >out
is $? 0 "ping: the host answers" || diag "$(cat out)"
vmsock ping --connect -c 3 -i 0.01 host:6999 >out
is $? 0 "ping: a refusal is an answer" || diag "$(cat out)"
vmsock perf -t 1 -V host:6002 >out
is $? 0 "perf: to the host" || diag "$(cat out)"
vmsock perf -t 1 -V -R host:6002 >out
is $? 0 "perf: from the host" || diag "$(cat out)"
vmsock perf -t 1 -V -r host:6002 >out
is $? 0 "perf: requests" || diag "$(cat out)"
ok "forward: through one of the host" sh -c "vmsock cat host:6003 <file | cmp - file"
vmsock scan host 5999-6004 >out
is $? 0 "scan: the host's ports" || diag "$(cat out)"
like "$(cat out)" "^4 open, 2 refused, 0 silent" "scan: are open, or not"
vmsock cat host:6999 </dev/null 2>err
is $? 5 "cat: nobody listens there" || diag "$(cat err)"

# The host's turn
ok "the host has found the guest's servers" eventually 60 says 'connection' err.forward
ok "the host is done" vmsock cat --listen --timeout 100 7009 </dev/null
kill $echo_server $perf_server $cat_server $forwarder
wait
like "$(cat err.echo)" "[1-9][0-9]* connections, .* bytes" "echo: has served it"
like "$(cat err.perf)" "client vsock:2:" "perf: has seen a client of context 2"
like "$(cat err.forward)" "[1-9][0-9]* connections, 0 not allowed" "forward: has served it"
done_testing
