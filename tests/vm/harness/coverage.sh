# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# coverage.sh - which lines of our modules the guests of a kernel have run
#
# Copyright (C) 2026 The vmsock authors
#
# Sourced by run, which sets: kernel, root, output, source. Modules of the debug kernel count
# their lines (scripts/build-modules.sh); each guest that comes to its end tells its counts
# (init), under the names of the objects in the root of the release. There, with the
# compiler's own gcov, they become output/KERNEL/coverage.txt. modules/common is left to the
# unit tests (scripts/coverage.sh).

# Counts in the results $1 of guest $2, if it told any, beside the notes of the compiler.
# shellcheck disable=SC2154
keep_coverage()
{
	grep -q '^vmtest: coverage' "$1" || return 0
	[ -n "$counts" ] || counts=$(mktemp -d "$root/tmp/coverage.XXXXXX")
	mkdir "$counts/$2"
	tr -d '\r' <"$1" | sed -n '/^vmtest: coverage/,/^vmtest: down/p' | grep -v '^vmtest:' |
		base64 -d | tar -xz -C "$counts/$2"
	(cd "$counts/$2" && find . -name '*.gcda') | while read -r file; do
		notes=${file%.gcda}.gcno
		cp "$root/$notes" "$counts/$2/$notes"
	done
}

report_coverage()
{
	[ -n "$counts" ] || return 0
	# shellcheck disable=SC2016 # for the inner shell
	in_root "$root" sh -c 'cd "$0" && find . -name "*.gcda" -exec gcov --stdout {} +' \
		"${counts#"$root"}" 2>"$work/gcov.log" |
		awk -v folder=modules/linux/ -f "$source/scripts/coverage.awk" \
			>"$output/$kernel/coverage.txt"
	rm -rf "$counts"
	counts=
	sed '/^$/,$d' "$output/$kernel/coverage.txt" >&2
}
