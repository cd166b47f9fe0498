#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# options.sh - completions and OPTIONS sections, made anew from the options of the built command
#
# Copyright (C) 2026 The vmsock authors

set -eu

usage()
{
	cat <<END
Usage: scripts/options.sh [--into DIR] [BUILD]

Writes completions/ and the OPTIONS section of man/vmsock-*.1 from the tables in vmsock-tools/,
as built in folder BUILD (default: the source tree).
  --into DIR   write DIR/completions and DIR/man instead
END
}

source=$(cd "$(dirname "$0")/.." && pwd)
into=$source
case ${1-} in
--into) into=$2; shift 2 ;;
--help) usage; exit ;;
-*) usage >&2; exit 2 ;;
esac
tables=$(cd "${1:-$source}" && pwd)/vmsock-tools/tables

# with_options LIST: the page on standard input, with its list of options replaced
with_options()
{
	awk -v list="$1" '
	/^\.Sh/ { inside = 0 }
	!inside { print }
	/^\.Sh OPTIONS/ {
		inside = 1
		while ((getline line <list) > 0)
			print line
	}'
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$into/man" "$into/completions/bash" "$into/completions/zsh" "$into/completions/fish"
"$tables" bash >"$into/completions/bash/vmsock"
"$tables" zsh >"$into/completions/zsh/_vmsock"
"$tables" fish >"$into/completions/fish/vmsock.fish"
for name in $("$tables" commands); do
	"$tables" manual "$name" >"$work/list"
	with_options "$work/list" <"$source/man/vmsock-$name.1" >"$work/page"
	cmp -s "$work/page" "$source/man/vmsock-$name.1" ||
		cp "$work/page" "$into/man/vmsock-$name.1"
done
