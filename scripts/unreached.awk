# SPDX-License-Identifier: GPL-2.0-or-later
#
# unreached.awk - lines of the modules that no guest reached, and no table explains
#
# Copyright (C) 2026 The vmsock authors
#
# awk -f unreached.awk tests/README.md coverage.txt
#
# The table is in the section "Coverage" of the first file: a file under modules/linux, functions
# of it, the reason. The second file is what coverage.awk printed. Prints nothing if all is said.

FNR == 1 { number++ }

number == 1 {
	if (/^## /)
		inside = /^## Coverage/
	if (inside && match($0, /^[|] `[^`]*\.[ch]` [|] /)) {
		split($0, cell, / *[|] */)
		gsub(/`/, "", cell[2])
		gsub(/`/, "", cell[3])
		for (i = split(cell[3], routine, /, */); i > 0; i--)
			listed["modules/linux/" cell[2] " " routine[i]]
	}
	next
}

/^modules\/linux\/.*:[0-9]+: / {
	split($0, cell, /: */)
	place = cell[1] " " cell[3]
	if (place in listed)
		seen[place]
	else
		print "not in the table: " $0
}

END {
	for (place in listed)
		if (!(place in seen))
			print "in the table, but reached: " place
}
