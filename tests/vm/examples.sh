#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# examples - the sample programs talk to each other, and to the vmsock command
#
# Copyright (C) 2026 The vmsock authors
#
# vm-kernels: 6.1 7.3
# vm-modules: vmsock
# vm-programs: examples/server.c examples/client.c
# vm-programs: examples/datagram-server.c examples/datagram-client.c vmsock-tools/vmsock

. tap.sh

heard() { grep -qs "$1" "$2"; }

server 5000 >received 2>log &
server=$!
ok "the server listens" eventually 5 heard "listening on 2:5000" log
head -c 5000000 /dev/urandom >file
is "$(client 2 5000 <file)" "5000000 bytes received" "a file is sent and acknowledged"
ok "... and has arrived" cmp file received
is "$(vmsock cat host:5000 </dev/null)" "0 bytes received" "the command is a client, too"
is "$(grep -c ' bytes from 2:' log)" 2 "the server knew where both came from"
kill "$server"
wait "$server"
client 2 5000 </dev/null 2>err
is $? 1 "without a server the client fails"
like "$(cat err)" "connect: Connection reset by peer" "... and says why"

vmsock cat --listen --verbose 5001 </dev/null >received 2>log.cat &
eventually 5 heard "listening" log.cat
ok "the command is a server, too" sh -c "client 2 5001 <file"
wait $!
ok "... and receives everything" cmp file received

datagram-server 5000 >received 2>log.datagram &
server=$!
ok "the datagram server receives" eventually 5 heard "receiving on 2:5000" log.datagram
is "$(datagram-client 2 5000 hello)" hello "a datagram comes back"
is "$(echo hello | vmsock cat vsock-dgram:host:5000)" hello "... to the command, too"
like "$(cat received)" "^5 bytes from 2:[0-9]+" "the server says what it received"
kill "$server"
wait "$server"
is "$(cat /sys/module/vmsock/parameters/family)" 0 "the family number is given back"
done_testing
