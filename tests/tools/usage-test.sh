#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage-test.sh - the command line of vmsock: help, mistakes, exit codes, closed descriptors
#
# Copyright (C) 2026 The vmsock authors
#
# Nothing here reaches a peer: this machine may be a guest of somebody's.
# Uses top_builddir and top_srcdir of the environment.

set -u
: "${top_builddir:=.}" "${top_srcdir:=.}"
work=$(mktemp -d) || exit
trap 'rm -rf "$work"' EXIT
tests=0
failed=0

result()	# STATUS DESCRIPTION
{
	tests=$((tests + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tests - $2"
	else
		failed=$((failed + 1))
		echo "not ok $tests - $2"
		sed 's/^/# /' "$work/out" "$work/err"
	fi
}

vmsock() { "$top_builddir/run" vmsock "$@" >"$work/out" 2>"$work/err"; }

help_of()	# ARGUMENT...
{
	vmsock "$@"
	result $? "vmsock $*"
	# A prompt follows.
	[ "$(wc -l <"$work/out")" -le 23 ] && [ "$(wc -L <"$work/out")" -le 80 ]
	result $? "... fits the screen"
	[ ! -s "$work/err" ]
	result $? "... and is no error"
}

mistake()	# PATTERN ARGUMENT...
{
	pattern=$1
	shift
	vmsock "$@" </dev/null
	[ $? -eq 1 ]
	result $? "vmsock $*: exit code 1"
	[ ! -s "$work/out" ] && [ "$(wc -l <"$work/err")" -eq 1 ] &&
		grep -q -e "^vmsock.*: .*$pattern" "$work/err"
	result $? "... $pattern"
}

help_of --help
help_of -h
help_of help
commands=$("$top_builddir/vmsock-tools/tables" commands)
for command in $commands; do
	help_of "$command" --help
	help_of help "$command"
	vmsock --help
	grep -q "^  $command " "$work/out"
	result $? "$command is in the list"
	vmsock "$command" --version
	[ $? -eq 1 ]
	result $? "$command has no --version of its own"
done
vmsock --version
grep -qx 'vmsock [0-9.]*' "$work/out"
result $? "--version"

vmsock
[ $? -eq 1 ] && [ ! -s "$work/out" ] && grep -q '^Usage: ' "$work/err"
result $? "no command: the help is an error"

mistake "no command 'dog'" dog
mistake "no command ''" ""
mistake "no command 'dog'" help dog
mistake "option.*--dog" info --dog
mistake "too many arguments" info dog
mistake "argument is missing" cat
mistake "too many arguments" cat 2:1 2:2
mistake "not a vsock address: .* at character 1" cat dog:1
mistake "not a vsock address: .* at character 3" cat 2:dog
mistake "not a vsock address" cat 1024
mistake "not a vsock address" cat -- -1:2
mistake "not a vsock address" cat ""
mistake "keep-open goes with --listen" cat --keep-open 2:1
mistake "count goes with --listen" cat --count 3 2:1
mistake "count: '-1' is not a number" cat --listen --count -1 1
mistake "source-port does not go with --listen" cat --listen -p 1 1
mistake "source-port: 'dog' is not a port" cat -p dog 2:1
mistake "timeout: '0' is not a number of seconds" cat -w 0 2:1
mistake "buffer-size: '1X' is not a size" cat -b 1X 2:1
mistake "buffer-size is for streams" cat -d -b 1K 2:1
mistake "datagram-size goes with --datagram" cat -s 1K 2:1
mistake "from goes with --listen" cat --from 3 2:1
mistake "'dog' is not a context ID" cat --listen --from 3,dog 1
mistake "datagram and --seqpacket exclude" cat -d -Q 2:1
mistake "seqpacket: .* is no address for that" cat -Q vsock-stream:2:1
mistake "is no address for that" cat -Q unix:dog
mistake "send-only and --recv-only exclude" cat -S -R 2:1
mistake "exec, --sh, --send-only and --recv-only exclude" cat -e dog -c dog 2:1
mistake "exec, --sh, --send-only and --recv-only exclude" cat -e dog -S 2:1
mistake "do not go with datagrams" cat -d --sh dog 2:1
mistake "holds 69608 bytes at most" cat -d -s 69609 2:1
mistake "datagram: .* is no address for that" cat -d vsock-stream:2:1
mistake "family: 'dog' is not" cat --family dog 2:1
mistake "family: 'dog' is not" doctor --family dog
mistake "family: '0' is not" cat --family 0 2:1
mistake "family: '256' is not" echo --family 256 1
mistake "argument is missing" echo
mistake "stream and --datagram exclude" echo -s -d 1
mistake "once and --count exclude" echo -1 -n 2 1
mistake "discard and --chargen exclude" echo -D -G 1
mistake "count: '-2' is not a number" echo -n -2 1
mistake "buffer-size: '0' is not a size" echo -b 0 1
mistake "exclude each other" perf -r -C 2:1
mistake "exclude each other" perf -R -B 2:1
mistake "once goes with --server" perf --once 2:1
mistake "length: '1X' is not a size from 1 to" perf -l 4K,1X 2:1
mistake "length: '4' is not a size from 8 to" perf -d -l 4 2:1
mistake "there is no check 'dog'" doctor dog
mistake "one of ADDRESS, --device and --cid" wait
mistake "one of ADDRESS, --device and --cid" wait --cid 2:1
mistake "'dog' is not a context ID" scan dog 1
mistake "'5-1' is no port" scan 2 5-1
mistake "'' is no port" scan 2 1,
mistake "more than 65536 ports" scan 2 0-65535,70000
mistake "a rule or --config is needed" forward
mistake "is no rule like" forward dog
mistake "not a vsock address" forward tcp:1=dog
mistake "is not tcp:HOST:PORT" forward tcp:dog=2:1
mistake "cannot be forwarded to itself" forward stdio=stdio
mistake "json does not go with .stdio." forward --json stdio=2:1
mistake "json does not go with .stdio." forward --json --ssh-proxy 2
mistake "must be the only one" forward stdio=2:1 tcp:1=2:1
mistake "takes HOST and PORT" forward --ssh-proxy
mistake "'dog' is not a context ID" forward --allow dog tcp:1=2:1
mistake "UNIX socket has streams only" ping -d unix:dog
mistake "UNIX socket has streams only" perf -d unix:dog
mistake "datagram and --connect exclude" ping -d -C 2:1
mistake "1 MiB at most" ping -s 2M 2:1
mistake "holds 69608 bytes at most" ping -d -s 1M 2:1

vmsock cat --family 200 2:1 </dev/null
[ $? -eq 3 ] && grep -q "no vsock has family 200 here" "$work/err"
result $? "a family that is not vsock: exit code 3"

vmsock info --json
status=$?
"$top_builddir/tests/tools/json-check" "$top_srcdir/docs/json/info.json" <"$work/out" 2>"$work/err"
result $? "info --json follows its schema"
vmsock info
[ $? -eq $status ]
result $? "... and the same exit code, $status, as text"
case $status in
0) grep -q '^Family: ' "$work/out" ;;
3 | 4) grep -q '^Reason: ' "$work/out" ;;
*) false ;;
esac
result $? "... which goes with what it says"

vmsock info --quiet
[ $? -eq $status ] && [ ! -s "$work/out" ] && [ ! -s "$work/err" ]
result $? "... and says nothing with --quiet"

# Descriptors that are closed must not be mistaken for sockets.
"$top_builddir/run" vmsock info <&- >"$work/out" 2>"$work/err"
[ $? -eq $status ]
result $? "standard input closed"
"$top_builddir/run" vmsock info >&- 2>"$work/err"
[ $? -le 4 ]
result $? "standard output closed"
"$top_builddir/run" vmsock info 2>&- >"$work/out"
[ $? -eq $status ]
result $? "standard error closed"

"$top_builddir/run" vmsock info --json >/dev/full 2>"$work/err"
case $?:$status in
2:0 | 3:3 | 4:4) grep -q 'standard output: No space left' "$work/err" ;;
*) false ;;
esac
result $? "standard output full"

# What is made of the table of options is as the table says.
"$top_srcdir/scripts/options.sh" --into "$work/made" "$top_builddir" >"$work/out" 2>"$work/err"
result $? "options.sh"
for file in completions/bash/vmsock completions/zsh/_vmsock completions/fish/vmsock.fish; do
	cmp "$work/made/$file" "$top_srcdir/$file" >"$work/out" 2>"$work/err"
	result $? "$file is up to date (else: scripts/options.sh)"
done
find "$work/made/man" -type f >"$work/out"
[ ! -s "$work/out" ]
result $? "the OPTIONS sections are up to date (else: scripts/options.sh)"
for command in $commands; do
	page=$top_srcdir/man/vmsock-$command.1
	grep -q "^\.Nm vmsock-$command\$" "$page" && grep -q "^\.Sh EXAMPLES" "$page" &&
		grep -q "^\.Xr vmsock-$command 1" "$top_srcdir/man/vmsock.1"
	result $? "vmsock-$command(1) is there, with examples, and vmsock(1) names it"
done
if command -v bash >/dev/null; then
	bash_offers() # WORD...: what bash offers for the last one
	{
		bash -c 'compgen() { builtin compgen "$@"; }; complete() { :; }; . "$0"
			COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
			_vmsock vmsock "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
			printf "%s\n" "${COMPREPLY[@]}"' \
			"$top_srcdir/completions/bash/vmsock" "$@" >"$work/out" 2>"$work/err"
	}
	bash_offers vmsock ec && grep -qx echo "$work/out"
	result $? "bash completes a command"
	bash_offers vmsock cat --li && [ "$(cat "$work/out")" = --listen ]
	result $? "... an option"
	bash_offers vmsock cat --family 4 && [ "$(cat "$work/out")" = 40 ]
	result $? "... a value"
fi

echo "1..$tests"
[ "$failed" -eq 0 ]
