#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# host-kernel - the tests of the host's sockets on the kernel's own drivers
#
# Copyright (C) 2026 The vmsock authors
#
# vm-modules: vmw_vsock_vmci_transport
# vm-kernels: 6.1 7.3
# vm-timeout: 180
# vm-allow: .
# vm-programs: tests/vm/host-handshake.c tests/vm/host-notify.c tests/vm/host-machine.c
#
# So the monitor is right where an implementation that is not ours agrees. What is known to fail
# there is listed below with the reason, and left out; "host-kernel known" runs just that, to see
# whether it still does. A reason in brackets is a row of docs/known-defects.md.

. tap.sh
export VMSOCK_TEST_FAMILY=40 VMSOCK_TEST_CID=2

# ITEM WHAT|REASON, or |REASON|RELEASE for that kernel only
table="
12.E-67 nobody listens in the machine: ECONNRESET|then EALREADY for ever [F6]
12.E-82 each end asks the other: EPROTO|then EALREADY for ever [F6]
12.J-149 the second RST ends the attempt, INVALID does not|then EALREADY for ever [F6]
12.J-150 a size below the minimum: EINVAL and RST|then EALREADY for ever [F6]
12.J-150 a size above the maximum: EINVAL and RST|then EALREADY for ever [F6]
12.J-150 a size of more than 32 bits: EINVAL and RST|then EALREADY for ever [F6]
12.J-151 protocol 2: EINVAL and RST|then EALREADY for ever [F6]
12.J-151 protocols 1 and 2: EINVAL and RST|then EALREADY for ever [F6]
12.J-153 a second NEGOTIATE2: EPROTO and RST|then EALREADY for ever [F6]
12.J-154 ATTACH with another handle: EPROTO and RST|then EALREADY for ever [F6]
12.J-154 ATTACH without a handle: EPROTO and RST|then EALREADY for ever [F6]
12.E-79 retry after a failure that follows OFFER|the queue pair stays [F5]
12.L-182 the machine leaves between OFFER and ATTACH|then EALREADY for ever [F6]
12.L-182 a machine killed right after OFFER: the same|nobody tells: ETIMEDOUT
5.5 packets of an earlier connection are ignored|they end the attempt [M9]
12.J-152 another machine or port answers: RST, the attempt survives|accepted [CVE-2026-99123]|6.1
12.J-166 nor does anything from third parties|accepted [CVE-2026-99123]|6.1
12.J-156 OFFER of another machine's pair: the same|the host attaches it
5.2 another version gets RST|the version is not looked at
12.K-180 packet style, queues of 128 bytes|packets overtake each other [A6]
12.K-180 packet style, queues of 262144 bytes|packets overtake each other [A6]
12.K-180 queue-state style, queues of 128 bytes|packets overtake each other [A6]
12.K-180 queue-state style, queues of 262144 bytes|packets overtake each other [A6]
12.K-179 WROTE for every write, READ for every read|packets overtake each other [A6]
12.J-167 WROTE and SHUTDOWN right behind ATTACH|packets overtake each other [M2]
12.F-106 the machine closes: the host reads what is left|it is lost [F16]
12.F-106 the machine dies: the same|it is lost [F16]
5.7 but as soon as the machine has read a byte|packets overtake each other [A6]
8.2 the host closes: an event, the data stays readable|connect()'s timer keeps it [M6]
5.8 close while the machine pauses|connect()'s timer keeps it [M6]
12.L-185 a tail out of range: recv ends the connection|ENOMEM, and the connection goes on
12.L-185 a tail out of range: so does a look at the data|ENOMEM, and the connection goes on
12.L-185 a head out of range: so does send|ENOMEM, and the connection goes on
12.2 S2 the host's own header overwritten|its indexes are those in shared memory [S2]
12.4 A21 a machine that pauses and ends|the host's process cannot be killed [A21]
12.E-83 a restricted machine: EPERM for another user|only what comes from it is refused
12.L-191 a restricted machine: datagrams|only what comes from it is refused
5.13 restricted, not restricted, with the same number|only what comes from it is refused
12.4 A6 datagrams arrive in order|the last one comes first [A6]
"

# The results of one program as our own; its remarks are kept
results()
{
	while read -r line; do
		case $line in
		"ok "*)     tap_result 0 "${line#ok * - }" ;;
		"not ok "*) tap_result 1 "${line#not ok * - }" ;;
		"#"*)       echo "$line" ;;
		esac
	done
}

release=$(uname -r)
table=$(printf '%s' "$table" | awk -F '|' -v release="$release" \
	'NF == 2 || NF && index(release, $3 ".") == 1 { print $1 "|" $2 }')
rows=$(printf '%s\n' "$table" | sed -n 's/|.*//p')
if [ "${1:-}" = known ]; then
	printf '%s\n' "$rows" | cut -d' ' -f1 | sort -u >items
	set --
else
	VMTEST_LEAVE_OUT="$rows
"
	export VMTEST_LEAVE_OUT
	echo all >items
fi
while read -r item; do
	[ "$item" != all ] || item=
	for program in host-handshake host-notify host-machine; do
		# shellcheck disable=SC2086 # no item, no argument
		$program $item >said
		results <said
	done
done <items
printf '%s\n' "$table" | sed -n 's/\(.*\)|\(.*\)/# known: \1: \2/p'
# connect()'s timer keeps sockets, and those the module, for as long as the time-out was [M6]
unused() { grep -q '^vmw_vsock_vmci_transport [0-9]* 0 ' /proc/modules; }
ok "all sockets are gone in the end" eventually 60 unused
done_testing
