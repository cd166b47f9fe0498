#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# man-examples - every command of the EXAMPLES of the manual pages does what the page says
#
# Copyright (C) 2026 The vmsock authors
#
# This machine is its own host: "host:5000" is here.  What begins with "host$" runs in the
# background, until the end of its example.  Words behind a command are what it prints.
#
# The debug kernel has no TCP/IP.
#
# vm-modules: vmsock
# vm-kernels: 6.1
# vm-timeout: 180
# vm-programs: vmsock-tools/vmsock man/vmsock.1 man/vmsock-cat.1 man/vmsock-doctor.1
# vm-programs: man/vmsock-echo.1 man/vmsock-forward.1 man/vmsock-info.1 man/vmsock-perf.1
# vm-programs: man/vmsock-ping.1 man/vmsock-scan.1 man/vmsock-stat.1 man/vmsock-wait.1

. tap.sh

mount -t debugfs none /sys/kernel/debug 2>/dev/null
ifconfig lo up
servers='' ran=''

# listens PORT: on a stream or for datagrams
listens() { vmsock stat --quiet --port="$1" | grep -qE 'listening|dgram'; }

# begin PORT COMMAND: in the background, in a folder of its own
begin()
{
	mkdir -p host
	(cd host && exec sh -c "exec $2") </dev/null >"host.$1" 2>"host.$1.err" &
	servers="$servers $!"
	eventually 20 listens "$1" || diag "$2: nothing at port $1: $(cat "host.$1.err")"
}

idle() { [ -z "$(vmsock stat --quiet --state=established)" ]; }

# When they have served whoever came
end_servers()
{
	eventually 20 idle || diag "$(vmsock stat)"
	# shellcheck disable=SC2086 # a list
	[ -z "$servers" ] || kill $servers 2>/dev/null
	# shellcheck disable=SC2086 # a list
	[ -z "$servers" ] || wait $servers
	ran='' servers=
}

port_of() { echo "$1" | sed -n 's/^.* \([0-9]\{4,5\}\)\( .*\)*$/\1/p'; }

# What leads to no end by itself: it must listen, and end well when it is told to.
run_forward()
{
	sh -c "exec $1" </dev/null >out 2>err &
	forwarder=$!
	ok "$page: $1" eventually 20 listens 5000
	kill $forwarder
	status=0
	wait $forwarder || status=$?
	is $status 0 "$page: and it ends" || diag "$(cat err)"
}

run()
{
	ran=$1
	case $1 in
	"vmsock forward"*) run_forward "$1" ;;
	*) ok "$page: $1" sh -c "$1 >out" ;;
	esac
}

# Output that an example shows; of info the kinds of lines, as the values are the machine's.
compare()
{
	[ -n "$1" ] && [ -n "$ran" ] || return
	case $page in
	vmsock-info) is "$(cut -c 1-9 out)" "$(echo "$1" | cut -c 1-9)" "$page: the lines shown" ;;
	*) is "$(cat out)" "$1" "$page: the output shown" ;;
	esac
}

# Lines of the examples of a page, a blank one after each example
lines()
{
	awk '/^\.Sh/ { inside = $2 == "EXAMPLES" }
		/^\.Ed/ { if (inside) print "" ; shown = 0 }
		inside && shown { print }
		/^\.Bd -literal/ { shown = 1 }' "/usr/share/vmsock/$page.1"
}

run_page()
{
	shown=''
	lines >examples
	while IFS= read -r line <&5; do
		case $line in
		'host$ '*)
			compare "$shown"; shown=''
			command=$(echo "${line#host$ }" | sed 's/^ *//')
			begin "$(port_of "$command")" "$command" ;;
		'guest$ '* | '$ '* | '# '*)
			compare "$shown"; shown=''
			run "${line#*[\$#] }" 5<&- ;;
		'')
			compare "$shown"; shown=''
			end_servers ;;
		*)
			shown="$shown${shown:+
}$line" ;;
		esac
	done 5<examples
}

# What the pages suppose to be there
head -c 100000 /dev/urandom >file
mkdir folder host /etc/vmsock
echo text >folder/text
mkdir -p /run
echo '5000=vsock:4:80   # for test' >/etc/vmsock/forward

for page in vmsock vmsock-info vmsock-doctor vmsock-forward vmsock-echo; do
	run_page
done


page=vmsock-cat
begin 7777 "vmsock echo --datagram 7777"
datagram_server=$servers servers=
run_page
eventually 20 test -s host/folder/text
is "$(cat host/folder/text)" text "$page: the folder has arrived"
is "$(cat host/lines)" ready "$page: and the line"
for page in vmsock-ping vmsock-scan vmsock-stat vmsock-wait; do
	begin 5000 "vmsock echo 5000"
	keep=$servers servers=
	run_page
	servers=$keep
	end_servers
done
page=vmsock-perf
begin 5001 "vmsock perf --server 5001"
keep=$servers servers=
run_page
# shellcheck disable=SC2086 # lists
kill $keep $datagram_server
wait
done_testing
