#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# bench.sh - measure sockets within one kernel, or of a guest and its host, and print a table
#
# Copyright (C) 2026 The vmsock authors
#
# What is measured is tests/bench/local.sh, host.sh or nested.sh, in a guest of its own: all
# transports in one boot, one after the other, several times. bench.jq makes the table.

set -eu
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/.." && pwd)
# shellcheck source=scripts/lib.sh
. "$here/lib.sh"

usage()
{
	cat <<END
Usage: bench.sh [OPTION]... [local|host|nested]

Prints a table (Markdown): medians of AF_UNIX (local, the default) or of the kernel's own driver
(host, a guest and its host; nested, the same with a kernel at both ends), and the ratios of the
others to it in the same run, median and range.
  --kernel LABEL  one of: $(kernel_labels | tr '\n' ' ')(default: 6.1)
  --output FILE   keep each measurement there, one JSON object a line
  --from FILE     measure nothing, make the table of that file
  --build DIR     where programs were built (default: the source tree)
END
}

measure()
{
	results=$(mktemp -d "${TMPDIR:-/tmp}/vmsock-bench-XXXXXX")
	trap 'rm -rf "$results"' EXIT
	"$source/tests/vm/run" --tests "$source/tests/bench" --kernel "$kernel" \
		--build "$build" --output "$results" "$what" >&2
	tap=$results/$kernel/$what.tap
	if grep -q '^not ok' "$tap"; then
		cat "$tap" >&2
		die "not everything could be measured"
	fi
	sed -n 's/^# {/{/p' "$tap" >"$output"
}

what=local
build=$source
kernel=6.1
output=
from=
while [ $# -gt 0 ]; do
	case $1 in
	--kernel) kernel=$2; shift ;;
	--output) output=$2; shift ;;
	--from)   from=$2; shift ;;
	--build)  build=$2; shift ;;
	local | host | nested) what=$1 ;;
	-h | --help) usage; exit ;;
	*)        usage >&2; exit 2 ;;
	esac
	shift
done
[ -n "$(kernel_root "$kernel")" ] || die "no kernel $kernel"
case $what in
local)
	base=unix columns='tcp vsock_loopback vmw_vmci vmsock'
	titles='AF_UNIX TCP vsock_loopback vmw_vmci vmsock' ;;
host)
	base=vmw_vmci columns='tcp serial vmsock'
	titles='vmw_vmci TCP virtio-serial vmsock' ;;
nested)
	base=vmw_vmci columns='virtio_vsock vmsock'
	titles='vmw_vmci virtio-vsock vmsock' ;;
esac
if [ -z "$from" ]; then
	"$here/needs.sh" build guest bench
	"$here/fetch.sh" "$(kernel_root "$kernel")"
	have_qemu || "$here/fetch.sh" qemu
	[ -n "$output" ] || output=$CACHE/results/bench-$what-$kernel.json
	mkdir -p "$(dirname "$output")"
	measure
	say "the measurements are in $output"
	from=$output
fi
jq -rs --arg base "$base" --arg columns "$columns" --arg titles "$titles" \
	-f "$here/bench.jq" "$from"
