#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tables.sh - the tables that say where something is tested are true
#
# Copyright (C) 2026 The vmsock authors
#
# Prints a line for each fault. "Conformance" in tests/README.md has each item of vsock.md 12 once;
# a file in tests/vm has test points for just the items that the table gives it. In
# docs/known-defects.md each row of the specifications' lists of defects has its row, and each
# `FILE: TEXT` there names a file under tests/ (tests/vm/ if it has no folder) with that text.

set -u
cd "$(dirname "$0")/.." || exit
readme=tests/README.md
defects=docs/known-defects.md
vsock=docs/protocol/vsock.md
vmci=docs/protocol/vmci.md

section() # FILE HEADING: its lines up to the next heading of that level
{
	awk -v heading="$2" '
	index($0, heading) == 1 { split($0, word, " "); level = word[1]; inside = 1; next }
	inside && index($0, level " ") == 1 { exit }
	inside' "$1"
}

# items: LETTER-NUMBER of each item
items()
{
	section $vsock '## 12. ' | awk '
	/^### 12\.[A-L] / { letter = substr($2, 4, 1) }
	/^[0-9]+\. / { print letter "-" $1 + 0 }'
}

# places: LETTER-NUMBER FILE ROW for each item and file of the table; FILE "-" where there is none
places()
{
	section $readme '## Conformance' | awk -F ' *[|] *' \
		-v bringers='"guest and device"|"kernel at both ends"|not offered' '
	$2 ~ /^[A-M] [0-9]/ {
		letter = substr($2, 1, 1)
		rest = substr($2, 3)
		files = $3
		gsub(/[`,]/, " ", files)
		if (files ~ /^ *- *$/ && $4 !~ bringers)
			files = "nobody-brings-it"
		for (i = split(rest, range, /, */); i > 0; i--) {
			split(range[i], ends, "-")
			for (n = ends[1]; n <= (ends[2] ? ends[2] : ends[1]); n++)
				for (f = split(files, file, / +/); f > 0; f--)
					if (file[f])
						print letter "-" n, file[f], NR
		}
	}'
}

# points: LETTER-NUMBER FILE for each numbered test point in tests/vm
points()
{
	grep -oE '"12\.[A-M]-[0-9,]+' tests/vm/*.c | sed 's,^tests/vm/,,; s/:"12\./ /' |
		while read -r file name; do
			for number in $(echo "${name#*-}" | tr , ' '); do
				echo "${name%%-*}-$number $file"
			done
		done | sort -u
}

path_of() # FILE of a table
{
	if [ -e "tests/vm/$1" ]; then
		echo "tests/vm/$1"
	else
		echo "tests/$1"
	fi
}

only_in_first() # TEXT: lines of $work/a that are not in $work/b, as faults
{
	comm -23 "$work/a" "$work/b" | sed "s,.*,$1,"
}

conformance()
{
	places | sort >"$work/places"
	items | sort >"$work/a"
	cut -d' ' -f1 "$work/places" | sort -u >"$work/b"
	only_in_first "$readme: item & is not in the table"
	comm -13 "$work/a" "$work/b" | sed "s,.*,$readme: there is no item &,"
	cut -d' ' -f1,3 "$work/places" | sort -u | cut -d' ' -f1 | uniq -d |
		sed "s,.*,$readme: item & is in two rows,"
	sed -n "s,^\(.*\) nobody-brings-it.*,$readme: item \1: nobody brings what it needs,p" \
		"$work/places"

	points >"$work/b"
	cut -d' ' -f1,2 "$work/places" | grep -E ' [^/-][^/]*\.c$' >"$work/a"
	only_in_first "$readme: no test point for &"
	comm -13 "$work/a" "$work/b" | sed "s,.*,$readme: a test point that is not in the table: &,"
	cut -d' ' -f2 "$work/places" | sort -u | grep -vE '^(-|nobody.*)$' | while read -r file; do
		[ -e "$(path_of "$file")" ] || echo "$readme: there is no $file"
	done
}

# first_cells: of the rows of all tables on stdin, "A, B" or "CVE-1-2, -3" taken apart
first_cells()
{
	awk -F ' *[|] *' '
	/^[|] *(---|id|Id|Identifier|No\.|defect) / || /^[|]-/ { next }
	/^[|]/ {
		if ($2 !~ /^CVE/) {
			print $2
			next
		}
		for (i = 1; i <= split($2, id, /, */); i++) {
			if (id[i] ~ /^-[0-9]/) {
				sub(/-[0-9]+$/, "", last)
				id[i] = last id[i]
			}
			last = id[i]
			print id[i]
		}
	}'
}

# known: what the lists have, by identifier; F and N count those without one, M those measured
known()
{
	{
		section $vsock '### 11.2 ' | first_cells
		section $vmci '## 12.4 ' | first_cells
	} | grep '^CVE-'
	section $vmci '## 12.2 ' | first_cells
	section $vmci '## 12.4 ' | first_cells | grep -E '^[0-9]{1,2}$' | sed 's/^/A/'
	section $vsock '### 11.2 ' | first_cells | grep -v '^CVE-' | awk '{ print "F" NR }'
	section $vmci '## 12.4 ' | first_cells | grep -E '[(]no number|CTX_' |
		awk '{ print "N" NR }'
	seq -f 'M%g' 13
}

# cited: each `FILE: TEXT` of the table, as FILE|TEXT
# shellcheck disable=SC2016 # the marks are those of Markdown
cited()
{
	grep -oE '`[a-z/_-]+\.(c|sh): [^`]+`' $defects | tr -d '`' | sed 's/: /|/'
}

# Is TEXT in a line of stdin, and not the beginning of a longer number?
ends_there() # TEXT
{
	TEXT=$1 awk '{
		at = index($0, ENVIRON["TEXT"])
		rest = substr($0, at + length(ENVIRON["TEXT"]), 1)
		if (at && !(ENVIRON["TEXT"] ~ /[0-9]$/ && rest ~ /[0-9]/))
			found = 1
	}
	END { exit !found }'
}

known_defects()
{
	known | sort -u >"$work/a"
	first_cells <$defects | sort -u >"$work/b"
	only_in_first "$defects: no row for &"
	# A row says with which test, or why not: its last cell is no dash and not empty
	awk -F ' *[|] *' -v file=$defects '
	/^[|]/ && !/^[|]-/ && $(NF - 1) ~ /^-?$/ { print file ":" NR ": no answer" }' $defects
	cited | sort -u | while IFS='|' read -r file text; do
		path=$(path_of "$file")
		if [ ! -e "$path" ]; then
			echo "$defects: there is no $file"
		elif ! grep -F -- "$text" "$path" | ends_there "$text"; then
			echo "$defects: $file has no \"$text\""
		fi
	done
}

work=$(mktemp -d) || exit
trap 'rm -rf "$work"' EXIT
LC_ALL=C
export LC_ALL
conformance
known_defects
