#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# demo.sh - build everything, boot a guest with the device, and show programs talking
#
# Copyright (C) 2026 The vmsock authors
#
# What is shown is the guest test tests/vm/demo.sh, as it runs. The source tree is not
# written to; the build is kept in the cache, so that a second run takes half a minute.

set -eu
source=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/lib.sh
. "$source/scripts/lib.sh"
# shellcheck source=scripts/tree.sh
. "$source/scripts/tree.sh"

usage()
{
	cat <<END
Usage: demo.sh [--kernel LABEL]

Installs what is missing (as root), builds the kernel modules and the tools, boots a guest
with kernel LABEL ($(kernel_labels | tr '\n' ' '); default 6.1) and a virtual VMCI device, and
shows data going between guest and host. Progress goes to standard error.
END
}

build_tools()
{
	log=$tree/log
	mkdir -p "$tree"
	build_tree "$tree" --without-kernel-modules --disable-guest-tests \
		--disable-introspection >"$log" 2>&1 </dev/null && return
	tail -n 20 "$log" >&2
	die "the build failed, see $log"
}

fetch()
{
	"$source/scripts/fetch.sh" "$(kernel_root "$kernel")"
	have_qemu || "$source/scripts/fetch.sh" qemu
	[ "$kernel" != debug ] || "$source/scripts/debug-kernel.sh"
}

# What the test says, for people: results with a mark, no plan.
narrate()
{
	tr -d '\r' | awk '
		/^vmtest: begin/ { on = 1; next }
		/^vmtest: end/ { exit }
		!on || /^1\.\./ || /^$/ { next }
		/^[0-9]+\. / { print "" }
		{
			sub(/^ok [0-9]+ - /, "   ok: ")
			sub(/^not ok [0-9]+ - /, "   FAILED: ")
			print
			fflush()
		}'
}

# Show guest and host while they run; the guest's end is the end of its file.
show()
{
	results=$output/$kernel/results.1
	host=$output/$kernel/demo-host.log
	"$source/tests/vm/run" --kernel "$kernel" --build "$tree/build" --modules "$modules" \
		--output "$output" demo </dev/null &
	run=$!
	tail -n +1 -F --pid="$run" "$host" 2>/dev/null &
	tail -n +1 -F --pid="$run" "$results" 2>/dev/null | narrate
	wait "$run"
}

clean()
{
	[ -z "$run" ] || kill "$run" 2>/dev/null || :
	rm -rf "$output"
}

kernel=6.1
while [ $# -gt 0 ]; do
	case $1 in
	--kernel) kernel=${2-}; shift ;;
	-h | --help) usage; exit ;;
	*)        usage >&2; exit 2 ;;
	esac
	shift
done
[ -n "$(kernel_root "$kernel")" ] || { usage >&2; exit 2; }

run=
tree=$CACHE/demo-$(echo "$source" | cksum | cut -d' ' -f1)
mkdir -p "$CACHE"
output=$(mktemp -d "$CACHE/demo.XXXXXX")
trap clean EXIT
trap 'exit 130' INT TERM HUP
"$source/scripts/needs.sh" build guest
fetch
say "building the vmsock command and vmci-device"
with_lock "${tree##*/}" build_tools
modules=$("$source/scripts/build-modules.sh" --source "$source" "$kernel")
say "booting a guest with kernel $kernel"
show
run=
if "$source/scripts/tap-count.sh" "$output/$kernel" >"$output/count"; then
	echo
	echo "demo: all went well"
else
	cat "$output/count"
	echo "demo: something failed, see above"
	exit 1
fi
