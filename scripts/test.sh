#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# test.sh - build everything and run all tests, from nothing; one summary at the end
#
# Copyright (C) 2026 The vmsock authors
#
# Each part below is a function with a log and a line in parts.tap; what it tests in detail
# are TAP files in a folder of its own. All of them are counted at the end. The source tree
# is not written to.

set -eu
source=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/lib.sh
. "$source/scripts/lib.sh"
# shellcheck source=scripts/tree.sh
. "$source/scripts/tree.sh"

usage()
{
	cat <<END
Usage: test.sh [--full] [--output DIR]

Installs what is missing (as root), builds, and tests on this machine and in guests with
kernels $(packaged_kernels | tr '\n' ' ').
  --full        also the debug kernel, long simulation and fuzzing, and make distcheck
  --output DIR  keep results there; TAP files that are there already count, too
END
}

packaged_kernels() { printf '%s' "$KERNELS" | awk 'NF && $3 != "built" {print $1}'; }
peer_kernels() { printf '%s' "$PEERS" | awk 'NF {print $1}'; }

# Minutes that --full may take from a cold cache on 2 cores. A part that grows over its
# budget shrinks its counts.
BUDGET='
fetch and build          12
debug kernel             6
modules and conformance  25
device                   21
library and tools        10
packages                 12
proof                    6
'

# What --full gives to the simulation, and to each fuzz target
SEEDS=200000
FUZZ_SECONDS=20

# Tests of guests and their host, which --full runs with all counts in a part of their own; the
# debug kernel has them among the others
INTEROP="guest-host guest-host-kernel"

# Releases of Debian that packages are installed in; trixie is the other
SUITES=${VMSOCK_SUITES:-bookworm}

# ---- Parts ----

part_needs() { "$source/scripts/needs.sh" build modules guest check ${full:+packages}; }

part_build() { build_tree "$work" --enable-werror --with-kernel-modules --disable-guest-tests \
	--enable-sanitizers --enable-introspection; }

part_fetch() { "$source/scripts/fetch.sh"; }

part_modules()
{
	for kernel in $kernels; do
		modules=$("$source/scripts/build-modules.sh" --check --source "$source" "$kernel")
		ln -s "$modules" "$work/modules-$kernel"
	done
}

# The log that automake's driver keeps of a TAP test is what the test said.
part_check()
{
	status=0
	make -k -C "$work/build" check || status=$?
	(cd "$work/build/tests" && find . -name '*.trs' | sed 's,^\./,,') | while read -r file; do
		mkdir -p "$output/check/$(dirname "$file")"
		cp "$work/build/tests/${file%.trs}.log" "$output/check/${file%.trs}.tap"
	done
	return "$status"
}

# Two processes, each with half of the seeds
part_simulation()
{
	mkdir -p "$output/simulation"
	half=$((SEEDS / 2))
	run=$work/build/tests/unit/simulation-test
	printf '%s\n' 1 $((half + 1)) |
		xargs -P 2 -I FIRST sh -c "'$run' FIRST $half >'$output/simulation/FIRST.tap'"
}

part_fuzz()
{
	"$source/tests/fuzz/run" --seconds "$FUZZ_SECONDS" --jobs 2 --output "$output/fuzz"
}

part_install()
{
	mkdir -p "$output/install"
	status=0
	for name in install man; do
		"$source/tests/packaging/$name.sh" "$work/build" >"$output/install/$name.tap" ||
			status=$?
	done
	return "$status"
}

# Packages, and the systems of Debian that are made, booted and thrown away with them
part_packages()
{
	mkdir -p "$output/packages"
	tests=$source/tests/packaging
	"$tests/packages.sh" "$work/build" "$work/debs" >"$output/packages/debian.tap"
	for suite in $SUITES; do
		echo "'$tests/system.sh' $suite '$work/debs' '$output/packages'" \
			">'$output/packages/$suite.tap'"
	done >"$work/package-jobs"
	echo "'$tests/rpm.sh' '$work/build' >'$output/packages/rpm.tap'" >>"$work/package-jobs"
	xargs -P "$guests" -d '\n' -n 1 sh -c <"$work/package-jobs"
}

part_coverage()
{
	mkdir -p "$output/coverage"
	"$source/scripts/coverage.sh" >"$output/coverage/common.tap"
}

part_debug() { "$source/scripts/debug-kernel.sh"; }

# Command lines that boot guests, those that take longest first; on the debug kernel what is
# done at random takes longer, too
guest_jobs()
{
	for kernel in $kernels; do
		stress=
		except=${full:+$INTEROP}
		if [ "$kernel" = debug ]; then
			stress='VMSOCK_STRESS_SECONDS=120 '
			except=
		fi
		echo "$stress'$source/tests/vm/run' --kernel $kernel --build '$work/build'" \
			"--modules '$work/modules-$kernel' --again --except '$except'" \
			"--output '$output/guest'"
	done
	# They have nothing but what is in INTEROP.
	for kernel in $([ "$full" ] || peer_kernels); do
		echo "'$source/tests/vm/run' --kernel $kernel --build '$work/build'" \
			"--again --output '$output/guest'"
	done
	for kernel in $selftests; do
		echo "'$source/tests/vm/selftest' $kernel >'$output/selftest/$kernel.tap'"
	done
}

part_guests()
{
	mkdir -p "$output/guest" "$output/selftest"
	guest_jobs | xargs -P "$guests" -d '\n' -n 1 sh -c
}

# Guests and their host with all counts, our driver and the kernel's own
interop_jobs()
{
	for kernel in $(packaged_kernels) $(peer_kernels); do
		modules=$work/modules-$kernel
		echo "VMSOCK_FULL=1 '$source/tests/vm/run' --kernel $kernel --build '$work/build'" \
			"--modules '$modules' --again --output '$output/interop'" \
			"$INTEROP"
	done
}

part_interop()
{
	mkdir -p "$output/interop"
	for kernel in $(peer_kernels); do
		mkdir -p "$work/modules-$kernel"
	done
	interop_jobs | xargs -P "$guests" -d '\n' -n 1 sh -c
}

# A kernel as the host of a virtual machine, in a guest that has guests: both have our driver. The
# other pairs, and 7.3, are tried by hand: the emulator fails in one of five runs of two guests.
part_nested()
{
	mkdir -p "$output/nested"
	"$source/tests/vm/run" --tests "$source/tests/nested" --kernel 6.1 --build "$work/build" \
		--modules "$work/modules-6.1" --again --output "$output/nested" host
}

part_distcheck() { make -C "$work/build" distcheck; }

# ---- The frame ----

# part NAME GROUP [must]: run part_NAME; what it says goes to a log, how it ended to
# parts.tap. After a part that must succeed and does not, the others are not run.
part()
{
	parts=$((parts + 1))
	if [ -n "$stopped" ]; then
		echo "not ok $parts - $1: not run" >>"$output/parts.tap"
		return
	fi
	say "$1 ..."
	start=$(date +%s)
	log=$output/logs/$1.log
	("part_$1") >"$log" 2>&1 </dev/null &
	status=0
	wait $! || status=$?
	seconds=$(($(date +%s) - start))
	printf '%s\t%s\t%s\n' "$2" "$1" "$seconds" >>"$output/times"
	if [ "$status" = 0 ]; then
		echo "ok $parts - $1" >>"$output/parts.tap"
		say "$1 took $seconds s"
		return
	fi
	[ "${3-}" != must ] || stopped=yes
	echo "not ok $parts - $1: status $status" >>"$output/parts.tap"
	tail -n 20 "$log" | sed 's/^/# /' >>"$output/parts.tap"
	say "$1 failed after $seconds s, see $log"
}

all_parts()
{
	part needs 'fetch and build' must
	part build 'fetch and build' must
	part fetch 'fetch and build' must
	[ -z "$full" ] || part debug 'debug kernel' must
	part modules 'fetch and build' must
	part check 'library and tools'
	part coverage 'library and tools'
	part install 'library and tools'
	[ -z "$full" ] || part simulation proof
	[ -z "$full" ] || part fuzz proof
	part guests 'modules and conformance'
	[ -z "$full" ] || part interop device
	[ -z "$full" ] || part nested device
	[ -z "$full" ] || part packages packages
	[ -z "$full" ] || part distcheck 'library and tools'
}

show_times()
{
	printf '%s' "$BUDGET" | sed '/^$/d' | awk -v times="$output/times" '
		BEGIN {
			while ((getline line <times) > 0) {
				split(line, cell, "\t")
				spent[cell[1]] += cell[3] / 60
				total += cell[3] / 60
			}
			print "\nminutes  budget  part"
		}
		{
			budget = $NF
			sub(/ *[0-9]+$/, "")
			if ($0 in spent)
				printf("%7.1f %7d  %s%s\n", spent[$0], budget, $0,
					(spent[$0] > budget) ? " (over budget)" : "")
		}
		END { printf "%7.1f          in all\n", total }'
}

# Lines of the core that unit tests run, and of the modules that guests on the debug kernel
# run; those never reached are listed in these files, and here if nobody has said why.
show_coverage()
{
	echo
	sed -n 's/^.*ok [0-9]* - coverage: /coverage: /p' "$output/coverage/common.tap" || :
	file=$output/guest/debug/coverage.txt
	[ -e "$file" ] || return 0
	sed '/^$/,$d' "$file"
	echo "lines never reached: $file"
	awk -f "$source/scripts/unreached.awk" "$source/tests/README.md" "$file"
}

# Which driver does what with the device, and with the other at the other end
show_interop()
{
	for folder in interop nested; do
		[ ! -d "$output/$folder" ] || "$source/scripts/interop.sh" "$output/$folder"
	done
}

clean() { rm -rf "$work"; }

full=
output=
while [ $# -gt 0 ]; do
	case $1 in
	--full)   full=yes ;;
	--output) output=$2; shift ;;
	-h | --help) usage; exit ;;
	*)        usage >&2; exit 2 ;;
	esac
	shift
done

mkdir -p "$CACHE/results"
[ -n "$output" ] || output=$CACHE/results/test-$(date +%Y%m%d-%H%M%S)
mkdir -p "$output/logs"
output=$(cd "$output" && pwd)
work=$(mktemp -d "$CACHE/test.XXXXXX")
trap clean EXIT
trap 'exit 130' INT TERM HUP
guests=${VMSOCK_GUESTS:-2}
kernels=$(packaged_kernels)
selftests=6.1
if [ -n "$full" ]; then
	# The slowest first, so that the others run beside it.
	kernels="debug $kernels"
fi
parts=0
stopped=
rm -f "$output/parts.tap" "$output/times"
all_parts
echo "1..$parts" >>"$output/parts.tap"
show_times
show_coverage
show_interop
status=0
"$source/scripts/tap-count.sh" "$output" || status=$?
say "logs and results are in $output"
exit "$status"
