#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# interop.sh - tables (Markdown) of which drivers get along, with the virtual device and each other
#
# Copyright (C) 2026 The vmsock authors
#
# interop.sh FOLDER: of the results of tests/vm/run there. A row is a test. A column is a driver of
# a guest on a kernel (guest-host), or the driver of a host and that of its guest (tests/nested);
# below those is what the kernel's own driver is known to do wrong in them.

set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ $# = 1 ] || { echo "Usage: interop.sh FOLDER" >&2; exit 2; }
cd "$1"

# "COLUMN|ROW|yes or NO" to a table; columns and rows in the order in which they come
table()
{
	awk -F '|' '
		!($1 in columns) { columns[$1] = ++width; column[width] = $1 }
		!($2 in rows) { rows[$2] = ++height; row[height] = $2 }
		{ cell[rows[$2], columns[$1]] = $3 }
		END {
			line = "|"
			rule = "|---|"
			for (c = 1; c <= width; c++) {
				line = line " | " column[c]
				rule = rule "---|"
			}
			print line " |"
			print rule
			for (r = 1; r <= height; r++) {
				line = "| " row[r]
				for (c = 1; c <= width; c++)
					line = line " | " cell[r, c]
				print line " |"
			}
		}'
}

# results NAME...: of the files NAME.tap, those of one kernel after the other
results()
{
	for name in "$@"; do
		find . -name "$name.tap"
	done | sort -V
}

guests()
{
	# shellcheck disable=SC2046 # names without blanks
	awk '
		FNR == 1 {
			split(FILENAME, path, "/")
			driver = path[3] == "guest-host.tap" ? "ours" : "vmw_vmci"
		}
		/^(not )?ok [0-9]+ - guest-host / {
			good = $1 == "ok" ? "yes" : "NO"
			sub(/^(not )?ok [0-9]+ - guest-host /, "")
			print driver ", " path[2] "|" $0 "|" good
		}' $(results guest-host guest-host-kernel)
}

hosts()
{
	# shellcheck disable=SC2046 # names without blanks
	awk '
		FNR == 1 { split(FILENAME, path, "/") }
		/^(not )?ok [0-9]+ - host [a-z_]+, guest [a-z_]+: / {
			good = $1 == "ok" ? "yes" : "NO"
			sub(/^(not )?ok [0-9]+ - /, "")
			colon = index($0, ": ")
			row = substr($0, colon + 2)
			sub(/^nested /, "", row)
			print substr($0, 1, colon - 1) ", " path[2] "|" row "|" good
		}' $(results host host-kernel)
}

[ -z "$(results guest-host guest-host-kernel)" ] || guests | table
if [ -n "$(results host host-kernel)" ]; then
	echo
	hosts | table
	echo
	sed -n '/^## What the kernel/,$p' "$here/../docs/interoperability.md"
fi
