#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# unix-test.sh - what the commands do with a peer, over UNIX sockets, where no vsock is needed
#
# Copyright (C) 2026 The vmsock authors
#
# Uses top_builddir and top_srcdir of the environment.

set -u
: "${top_builddir:=.}" "${top_srcdir:=.}"
build=$(cd "$top_builddir" && pwd) source=$(cd "$top_srcdir" && pwd)
run=$build/run
work=$(mktemp -d) || exit
trap 'rm -rf "$work"' EXIT
cd "$work" || exit
# shellcheck source=tests/vm/harness/tap.sh
. "$source/tests/vm/harness/tap.sh"

usleep() { sleep 0.05; }

result()	# STATUS DESCRIPTION
{
	tap_result "$1" "$2" && return
	for file in out err server.out server.err; do
		[ ! -s $file ] || head -c 2000 $file | tr -cd '[:print:]\n' | sed "s/^/# $file: /"
	done
}

# In the background without this function, so that $! is the program
vmsock() { "$run" vmsock "$@"; }
follows() { "$build/tests/tools/json-check" "$source/docs/json/$1.json" <"$2" >>err 2>&1; }

begun() { grep -qsE ' on |is forwarded' server.err; }

server()	# COMMAND...: in the background, until it listens
{
	rm -f server.err
	"$run" vmsock "$@" --verbose <input >server.out 2>server.err &
	server=$!
	eventually 20 begun
}

ended()		# STATUS DESCRIPTION
{
	status=0
	wait $server || status=$?
	is $status "$1" "$2"
}

: >input
head -c 3000001 /dev/urandom >file

# Commands for peers
server cat --listen --keep-open --exec 'tr a-z A-Z' unix:s
is "$(echo one | vmsock cat unix:s)" ONE "--exec"
is "$(echo two | vmsock cat unix:s)" TWO "... and again"
kill -INT $server
ended 0 "a signal ends it, as it should"
grep -q '2 connections in' server.err
result $? "... with the summary so far"
[ ! -e s ]
result $? "... and its socket is gone"
# shellcheck disable=SC2016 # for the other shell
server cat --listen --sh 'read -r line; echo "$line of ${VMSOCK_PEER%%:*}"; exit 3' unix:s
is "$(echo word | vmsock cat unix:s)" "word of unix" "--sh, and VMSOCK_PEER"
ended 2 "a command that fails"
# shellcheck disable=SC2016 # for the other shell
server cat --listen --keep-open --sh 'read -r line; sleep "$line"; echo "$line"' unix:s
echo 600 >seconds
"$run" vmsock cat unix:s <seconds >slow 2>err &
slow=$!
eventually 20 grep -q 'connection from' server.err
is "$(echo 0 | vmsock cat unix:s)" 0 "a slow command holds up no other"
kill $slow $server
wait $slow
is $? 8 "interrupted amid a transfer: partly"
ended 0 "the listener"
server cat --listen --exec /nonexistent unix:s
vmsock cat unix:s </dev/null >out 2>err
ended 2 "a command that does not exist"
server cat --listen unix:s
vmsock cat --exec "cat $work/file" unix:s
result $? "--exec on the client's side"
ended 0 "its peer"
cmp server.out file >err
result $? "... got what the command wrote"

# One direction alone
server cat --listen unix:s
vmsock cat --send-only --json unix:s <file >out 2>err
is "$?$(cat out)" 0 "--send-only"
grep -q '"sent": 3000001' err && cp err summary && follows cat summary
result $? "--json follows its schema"
ended 0 "its peer"
cmp server.out file >err
result $? "... got everything"
yes | head -c 1000000 >input
server cat --listen unix:s
mkfifo open
exec 3<>open
vmsock cat --recv-only unix:s <&3 >out
exec 3>&-
cmp out input
result $? "--recv-only ends, with open input, and has everything"
ended 0 "its peer"
: >input

# Peers of reference
server echo --json unix:s
is "$(echo back | vmsock cat unix:s)" back "echo"
kill $server
ended 0 "echo"
[ "$(wc -l <server.out)" -eq 3 ] && follows echo server.out
result $? "... --json follows its schema"
server echo --timeout 0.2 --deadline 1.5 unix:s
sleep 5 | vmsock cat unix:s &
idle=$!
is "$(echo quick | vmsock cat unix:s)" quick "echo --timeout"
wait $idle
ended 0 "echo --deadline"
grep -q 'nothing has happened for 0.2 seconds' server.err && grep -q '2 connections' server.err
result $? "... an idle connection has ended"
server echo --discard unix:s
is "$(vmsock cat unix:s <file)" "" "discard answers nothing"
kill $server
ended 0 "discard"
grep -q ' 3000001 bytes' server.err
result $? "... and took everything"
server echo --chargen --json unix:s
vmsock cat --recv-only unix:s | head -c 700000 >out
cut -c 1-72 out | head -n 95 | sort -u | wc -l >lines
is "$(tail -n +2 out | head -n 1 | cut -c 1-71)" "$(head -n 1 out | cut -c 2-72)" "chargen rotates"
is "$(cat lines)" 95 "... through 95 lines"
eventually 20 grep -q connection server.out
kill $server
ended 0 "chargen"

# Measuring
server perf --server unix:s
vmsock perf --time 0.2 --verify --json unix:s >out 2>err && follows perf out
result $? "perf over a UNIX socket"
kill $server
ended 0 "its server"
"$run" vmsock perf --retry --deadline 60 --time 0.2 unix:s >out 2>err &
client=$!
server perf --server unix:s
wait $client
result $? "perf --retry waits for its server"
kill $server
ended 0 "which ends"
vmsock perf --retry --deadline 0.2 unix:none >out 2>err
is $? 6 "... or for --deadline"
server perf --server unix:p
perf_server=$server
# The end does not come through: all of the script have the connection.
server cat --listen --sh "'$run' vmsock forward stdio=unix:p | tr '\\203' x" unix:s
vmsock perf --reverse --time 0.2 --timeout 1 --verify unix:s >out 2>err
is $? 7 "perf --verify, with bytes changed on the way"
grep -q 'verified, [1-9][0-9]* blocks wrong' out
result $? "... counts the blocks"
kill $server $perf_server
wait $server $perf_server

# Forwarding with standard input and output as the target
server forward unix:s=stdio
is "$(echo there | vmsock cat unix:s)" "" "to standard output"
ended 0 "the link ends, and the forwarder with it"
is "$(cat server.out)" there "... and has what came"
server echo unix:e
echo_server=$server
server forward --json unix:s=unix:e
# shellcheck disable=SC2094 # only read
vmsock cat unix:s <file | cmp - file
result $? "a file goes through"
kill $server
ended 0 "the forwarder"
[ "$(grep -c '"forth": 3000001, "back": 3000001' server.out)" -eq 1 ] && follows forward server.out
result $? "... --json follows its schema"

# What a monitor has; the forwarder that is stopped accepts nothing, so nothing is answered.
"$run" vmsock wait --interval 0.01 vsock-mux/./m:1 --verbose >out 2>err &
waiter=$!
eventually 20 grep -q 'no such socket' err
server forward unix:m=unix:e
kill -STOP $server
eventually 20 grep -q 'answered in time' err
kill -INT $waiter
wait $waiter
is $? 6 "wait, interrupted amid a look: what the last one ended with"
kill -CONT $server
kill $server $echo_server
wait

vmsock wait --json --timeout 0.1 unix:none >out 2>err
is $? 6 "wait, time is up"
follows wait out
result $? "... --json follows its schema"

# A socket that was passed on; nobody else looks at the descriptor.
if command -v systemd-socket-activate >/dev/null; then
	rm -f s
	systemd-socket-activate -l "$work/s" "$build/run" vmsock echo --count 1 >out 2>err &
	server=$!
	eventually 20 test -S s
	is "$(echo passed | vmsock cat unix:s)" passed "echo on a socket of systemd"
	ended 0 "... which ends"
fi
env -u LISTEN_FDS "$build/run" vmsock echo systemd >out 2>err
is $? 2 "no socket of systemd"

done_testing
