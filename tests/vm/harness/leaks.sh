#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# leaks.sh - last test on a kernel with kmemleak: nothing is unreferenced
#
# Copyright (C) 2026 The vmsock authors

# shellcheck source=tests/vm/harness/tap.sh
. tap.sh

report=/sys/kernel/debug/kmemleak

# Put names to addresses in modules that have been unloaded since.
with_symbols()
{
	awk '
		BEGIN {
			while ((getline line <"/run/symbols") > 0) {
				split(line, word, " ")
				address[++count] = word[1]
				symbol[count] = word[3] " " word[4]
			}
		}
		count && $1 ~ /^\[<[0-9a-f]+>\]$/ && $2 ~ /^0x/ {
			wanted = substr($2, 3)
			low = 0; high = count
			while (low < high) {
				middle = int((low + high + 1) / 2)
				if ("x" address[middle] <= "x" wanted)
					low = middle
				else
					high = middle - 1
			}
			$0 = $0 "   near " symbol[low]
		}
		{ print }
	'
}

# What is not the kernel's own loss: it forgets the name that it gave to a cache of objects or
# to a class of devices when it cannot register them (tests/vm/faults-load.c).
ours()
{
	awk '
		/^unreferenced/ { show() }
		{ object = object $0 "\n" }
		function show()
		{
			if (object !~ /sysfs_slab_add|__class_register/)
				printf "%s", object
			object = ""
		}
		END { show() }
	' "$report"
}

[ -e "$report" ] || skip_all "the kernel has no kmemleak"
sort -m /run/symbols-* >/run/symbols 2>/dev/null || : >/run/symbols

# An object counts when it is some seconds old and two scans find it unchanged.
echo scan >"$report"
sleep 3
echo scan >"$report"
is "$(ours | grep -c ^unreferenced)" 0 "no memory is leaked" ||
	diag "$(ours | with_symbols | head -n 200)"
done_testing
