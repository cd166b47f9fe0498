# SPDX-License-Identifier: GPL-2.0-or-later
#
# coverage.awk - which lines of a folder were run, from what "gcov --stdout" says of any number
#                of runs and of objects that were compiled from the same sources
#
# Copyright (C) 2026 The vmsock authors
#
# awk -v folder=modules/common/ -f coverage.awk
#
# Prints a table of the folders and one of the files, then each line that was never reached, with
# its function, which begins in the first column. A line counts as reached if it was in one of the
# runs, in one of the objects.

# The path from the folder on; empty for the files of others.
function path_in_tree(path,   start)
{
	sub(/linux\/\.\.\//, "", path)
	start = index(path, folder)
	return start ? substr(path, start) : ""
}

function folder_of(path)
{
	sub(/\/[^\/]*$/, "", path)
	return path
}

# Counts the lines of a file that were never reached, in their order, or shows them.
function each_line(file, what,   i, count)
{
	for (i = 1; i <= last[file]; i++)
		if ((file, i) in reached && !reached[file, i]) {
			count++
			if (what == "show")
				print file ":" i ":" routine[file, i] text[file, i]
		}
	return count + 0
}

function sorted(set, list,   name, count, i, other)
{
	for (name in set) {
		for (i = ++count; i > 1 && list[i - 1] > name; i--)
			list[i] = list[i - 1]
		list[i] = name
	}
	return count + 0
}

function show(name)
{
	printf("coverage: %s %d lines hit / %d\n", name, total[name] - missed[name], total[name])
}

!match($0, /^ *([0-9]+\*?|#####|=====|-): *[0-9]+:/) { next }

{
	head = substr($0, 1, RLENGTH)
	said = substr($0, RLENGTH + 1)
	split(head, cell, ":")
	line = cell[2] + 0
}

line == 0 {
	if (said ~ /^Source:/)
		file = path_in_tree(substr(said, 8))
	name = ""
	next
}

said ~ /^[a-z].*[(]/ && said !~ /;$/ {
	match(said, /[A-Za-z0-9_]+[(]/)
	name = " " substr(said, RSTART, RLENGTH - 1) ": "
}

file == "" || cell[1] ~ /-/ { next }

{
	files[file]
	reached[file, line] = reached[file, line] || cell[1] ~ /[1-9]/
	routine[file, line] = name
	text[file, line] = said
	if (line > last[file])
		last[file] = line
}

END {
	for (place in reached) {
		split(place, cell, SUBSEP)
		folders[folder_of(cell[1])]
		total[cell[1]]++
		total[folder_of(cell[1])]++
	}
	count = sorted(files, list)
	for (i = 1; i <= count; i++)
		missed[folder_of(list[i])] += missed[list[i]] = each_line(list[i])
	folder_count = sorted(folders, folder_list)
	for (i = 1; i <= folder_count; i++)
		show(folder_list[i])
	print ""
	for (i = 1; i <= count; i++)
		show(list[i])
	print "\nnever reached:"
	for (i = 1; i <= count; i++)
		each_line(list[i], "show")
}
