#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# interop.sh - a table (Markdown) of what drivers of guests do with the virtual device
#
# Copyright (C) 2026 The vmsock authors
#
# interop.sh FOLDER: of the results of tests/vm/run there. A row is a test, a column a driver on a
# kernel.

set -eu
[ $# = 1 ] || { echo "Usage: interop.sh FOLDER" >&2; exit 2; }
cd "$1"
# shellcheck disable=SC2016 # awk's variables
find . -name 'guest-host.tap' -o -name 'guest-host-kernel.tap' | sort -V |
	xargs awk '
		FNR == 1 {
			split(FILENAME, path, "/")
			driver = path[3] == "guest-host.tap" ? "ours" : "vmw_vmci"
			column[++columns] = driver ", " path[2]
		}
		/^(not )?ok [0-9]+ - guest-host / {
			good = $1 == "ok"
			sub(/^(not )?ok [0-9]+ - guest-host /, "")
			if (!($0 in known)) {
				known[$0] = 1
				row[++rows] = $0
			}
			cell[$0, columns] = good ? "yes" : "NO"
		}
		END {
			line = "|"
			rule = "|---|"
			for (c = 1; c <= columns; c++) {
				line = line " | " column[c]
				rule = rule "---|"
			}
			print line " |"
			print rule
			for (r = 1; r <= rows; r++) {
				line = "| " row[r]
				for (c = 1; c <= columns; c++)
					line = line " | " cell[row[r], c]
				print line " |"
			}
		}'
