#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# udev-test - our udev rules are rules, and mean our devices
#
# Copyright (C) 2026 The vmsock authors
#
# udev itself ignores a line that it does not understand, and says so in a log nobody reads.

rules=${top_srcdir:-../..}/packaging/udev/60-vmsock.rules
device=${top_srcdir:-../..}/modules/linux/vsock/device.c
registers=${top_srcdir:-../..}/include/vmci/regs.h
count=0
failed=0

# result STATUS WHAT
result()
{
	count=$((count + 1))
	[ "$1" = 0 ] && echo "ok $count - $2" && return
	echo "not ok $count - $2"
	failed=1
}

# Every line is empty, a comment, or KEY OPERATOR "VALUE", ... with a match and an assignment.
syntax()
{
	awk '
		BEGIN {
			match_keys = "^(ACTION|KERNEL|SUBSYSTEM|DRIVER|ATTR|ENV|DEVPATH|TAG)$"
			action_keys = "^(MODE|OWNER|GROUP|SYMLINK|TAG|ENV|OPTIONS|RUN)$"
			key_form = "[A-Z_]+([{][^}]*[}])?"
			value_form = "(==|!=|[+]=|:=|=)\"[^\"]*\""
			item_form = "^[ \t]*" key_form value_form "[ \t]*(,|$)"
		}
		function wrong(why) { print "# line " NR ": " why ": " $0; bad = 1 }
		/^[ \t]*(#|$)/ { next }
		{
			line = $0
			matches = actions = 0
			while (match(line, item_form)) {
				item = substr(line, 1, RLENGTH)
				line = substr(line, RLENGTH + 1)
				key = item
				sub(/^[ \t]*/, "", key)
				sub(/[^A-Z_].*/, "", key)
				if (item ~ /^[^"]*[=!]="/) {
					matches++
					if (key !~ match_keys)
						wrong("no key to match: " key)
				} else {
					actions++
					if (key !~ action_keys)
						wrong("no key to assign: " key)
				}
				if (key == "MODE" && item !~ /="0[0-7][0-7][0-7]"/)
					wrong("no mode")
			}
			if (line != "") wrong("syntax")
			else if (!matches) wrong("matches everything")
			else if (!actions) wrong("does nothing")
		}
		END { exit bad }'
}

syntax <"$rules"
result $? "60-vmsock.rules is well formed"

# The check itself: each of these is refused.
while read -r line; do
	! echo "$line" | syntax
	result $? "refused: $line"
done <<'END'
SUBSYSTEM="vmsock" MODE="0666"
SUBSYSTEM=="vmsock", MODE=0666
SUBSYSTEM=="vmsock", MODE="rw-"
SUBSYSTEM=="vmsock", MODE="0666",, OWNER="root"
SUBSYSTEM=="vmsock"
MODE="0666"
DEVICE=="vmsock", MODE="0666"
SUBSYSTEM=="vmsock", MODUS="0666"
END

class=$(sed -n '/struct class control_class/,/}/s/.*\.name = "\(.*\)".*/\1/p' "$device")
grep -q "^SUBSYSTEM==\"$class\"," "$rules"
result $? "they match the class of the control devices ($class)"

for node in vmsock vsock; do
	grep -q "KERNEL==\"\([^\"]*|\)*$node\(|[^\"]*\)*\".*MODE=\"0666\"" "$rules"
	result $? "/dev/$node gets mode 0666"
done

grep -q '^[^#]*KERNEL=="vmci", GROUP="vmci", MODE="0660"' "$rules"
result $? "/dev/vmci is for the group vmci"
grep -q "^g vmci " "${top_srcdir:-../..}/packaging/sysusers.d/vmsock.conf"
result $? "... which sysusers.d makes"

vendor=$(sed -n 's/^#define VMCI_PCI_VENDOR_ID[ \t]*0x//p' "$registers" | tr a-f A-F)
product=$(sed -n 's/^#define VMCI_PCI_DEVICE_ID[ \t]*0x//p' "$registers" | tr a-f A-F)
grep -q "ENV{PCI_ID}==\"$vendor:$product\".*kmod load vmsock" "$rules"
result $? "a machine with the device, $vendor:$product, gets the sockets"

if udevadm verify --help >/dev/null 2>&1; then
	# Whether there is the group is the business of the machine that has the device.
	udevadm verify --resolve-names=never "$rules" >&2
	result $? "udevadm verify agrees"
fi

echo "1..$count"
exit "$failed"
