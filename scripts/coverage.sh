#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# coverage.sh - do the unit tests run every line of the protocol core?
#
# Copyright (C) 2026 The vmsock authors
#
# coverage.sh: prints TAP, with a row for each file of modules/common; a line that no test
# reaches is shown and is a failure. CC is a gcc, GCOV the gcov of its version.
#
# The tests are compiled once more, without optimisation and sanitizers, so that every line
# has code of its own. How the guests' lines are counted: tests/vm/harness/coverage.sh.

set -eu
source=$(cd "$(dirname "$0")/.." && pwd)
cc=${CC:-gcc}
gcov=${GCOV:-gcov}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# compile OBJECT FILE FLAG...
compile()
{
	object=$1 file=$2
	shift 2
	"$cc" -std=gnu11 -D_GNU_SOURCE -O0 -g -I"$source/include" -I"$source/modules" "$@" \
		-c -o "$work/$object" "$file"
}

# The tests of the core, each with all files that are no tests; route-test.c is about vmci.ko.
build_and_run()
{
	for file in "$source"/modules/common/*.c; do
		compile "core-$(basename "$file" .c).o" "$file" --coverage
	done
	for file in "$source"/tests/unit/*.c; do
		name=$(basename "$file" .c)
		compile "$name.o" "$file"
		case $name in
		*-test) ;;
		*)      mv "$work/$name.o" "$work/core-$name.o" ;;
		esac
	done
	for file in "$source"/tests/unit/*-test.c; do
		name=$(basename "$file" .c)
		[ "$name" != route-test ] || continue
		"$cc" --coverage -o "$work/$name" "$work/$name.o" "$work"/core-*.o
		"$work/$name" >"$work/$name.tap" || { cat "$work/$name.tap"; exit 1; }
	done
}

build_and_run >&2
(cd "$work" && "$gcov" --stdout core-*.gcda) |
	awk -v folder=modules/common/ -f "$source/scripts/coverage.awk" >"$work/report"
awk '
	/^coverage: modules\/common\/.*\.c / {
		print ($3 == $NF ? "ok " : "not ok ") ++count " - " $0
		failed += $3 != $NF
	}
	/^modules\/.*:[0-9]+:/ { print "# " $0 }
	END {
		print "1.." count + 0
		exit failed > 0
	}' "$work/report"
