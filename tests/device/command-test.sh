#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# command-test - vmci-device as a program: arguments, one context ID for one machine, the end
#
# Copyright (C) 2026 The vmsock authors

set -u
device=${top_builddir:?}/device/vmci-device
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit
number=0
failed=0

# ok NAME COMMAND...
ok()
{
	name=$1
	shift
	number=$((number + 1))
	if "$@"; then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name"
		failed=$((failed + 1))
	fi
}

# refused WORDS ARGUMENT...: it does not start, and says WORDS
refused()
{
	words=$1
	shift
	! timeout 20 "$device" "$@" >said 2>&1 && grep -qF -- "$words" said
	good=$?
	[ "$good" = 0 ] || sed 's/^/# /' said
	return "$good"
}

start()
{
	rm -f log
	"$device" "$@" >log 2>&1 &
	pid=$!
	tries=100
	until grep -qs "waits for QEMU" log || [ "$tries" = 0 ]; do
		tries=$((tries - 1))
		sleep 0.1
	done
}

stop()
{
	kill "$1" && wait "$1"
}

status() # NAME VALUE
{
	[ "$(sed -n "s/^$1:[[:space:]]*//p" "/proc/$pid/status")" = "$2" ]
}

ok "no socket" refused "--socket is needed" --cid 42
ok "no context ID" refused "--cid is needed" --socket vm
ok "a reserved context ID" refused "16 and more are" --socket vm --cid 2
ok "the host's context ID" refused "16 and more are" --socket vm --cid 15
ok "a context ID that means an error" refused "16 and more are" --socket vm --cid 4294967295
ok "no number" refused '"many" is not a number from 0' --socket vm --cid many
ok "a number that is too large" refused "is not a number" --socket vm --cid 4294967296
ok "two host ends" refused "exclude each other" --socket vm --cid 42 --uds x --host /dev/vmci
ok "restricted by nobody" refused "needs --host" --socket vm --cid 42 --restricted
ok "a host without a node" refused "vmw_vmci" --socket vm --cid 42 --host no/vmci
ok "a node of something else" refused "no node of a VMCI host" --socket vm --cid 42 --host /dev/null
ok "no kind of interrupt" refused "msix, msix1, msi or intx" --socket vm --cid 42 -i irq
ok "no permissions" refused "in octal" --socket vm --cid 42 --mode 888
ok "no fault" refused "is no fault" --socket vm --cid 42 --fault drop
ok "nothing hostile" refused "is nothing hostile" --socket vm --cid 42 --hostile love
ok "more than an option" refused "is not an option" --socket vm --cid 42 more
ok "a folder that is not there" refused "No such file or directory" --socket no/vm --cid 42
ok "a path that is too long" refused "path of a socket" --cid 42 \
	--socket "$(printf '%0108d' 0)"
ok "a trace that cannot be written" refused "no/trace" --socket vm --cid 42 --trace no/trace
ok "the version" "$device" --version

start --socket vm --cid 42 --mode 660 --control control
ok "it listens" test -S vm
ok "with these permissions" test "$(stat -c %a vm)" = 660
ok "another machine with this context ID" refused "has context ID 42" --socket other --cid 42
ok "another server at this path" refused "another server has it" --socket vm --cid 43
if grep -q 'HAVE_SECCOMP 1' "${top_builddir:?}/config.h"; then
	ok "system calls are filtered" status Seccomp 2
	ok "and no privileges can be had" status NoNewPrivs 1
fi
ok "it ends when it is told to" stop "$pid"
ok "and its sockets are gone" test ! -e vm -a ! -e control

start --socket vm --cid 42
kill -9 "$pid"
wait "$pid" 2>/dev/null
ok "one that was killed leaves its socket" test -S vm
start --socket vm --cid 42
ok "which is replaced" stop "$pid"
echo "1..$number"
[ "$failed" = 0 ]
