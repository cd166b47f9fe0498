# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# tree.sh - build a copy of the source tree, so that a checkout stays as it is
#
# Copyright (C) 2026 The vmsock authors
#
# Sourced after lib.sh by those who set $source, the source tree.

# Paths of what git has or would add, ended by NUL; of a release, everything.
tree_files()
{
	# shellcheck disable=SC2154
	if git -C "$source" rev-parse --is-inside-work-tree >/dev/null 2>&1; then
		(cd "$source" && git ls-files -z --cached --others --exclude-standard |
			xargs -0 ls -d 2>/dev/null | tr '\n' '\0')
	else
		(cd "$source" && find . ! -type d -print0)
	fi
}

# copy_tree FOLDER: FOLDER gets the files of the source tree, with their times
copy_tree()
{
	mkdir -p "$1"
	tree_files | tar -C "$source" --null --no-recursion -c -T - | tar -C "$1" -x
}

# build_tree FOLDER OPTION...: FOLDER/source is the copy, FOLDER/build is configured with
# the options given and made. Called again for the same folder it does what has changed.
build_tree()
{
	copy_tree "$1/source"
	[ -e "$1/source/configure" ] || "$1/source/bootstrap"
	mkdir -p "$1/build"
	if [ ! -e "$1/build/config.status" ]; then
		folder=$1
		shift
		(cd "$folder/build" && ../source/configure -C "$@")
		set -- "$folder"
	fi
	make -C "$1/build" -j"$(nproc)"
}
