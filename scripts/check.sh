#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# check.sh - what can be said about the sources without building them; takes seconds
#
# Copyright (C) 2026 The vmsock authors
#
# Prints TAP. A check is a function that prints a line for each fault, as FILE:LINE: what,
# and a name in the list at the end. It looks at all files that git has or would add.

set -u
cd "$(dirname "$0")/.." || exit
LC_ALL=C.UTF-8
export LC_ALL

files()
{
	git ls-files --cached --others --exclude-standard | while read -r file; do
		[ ! -f "$file" ] || echo "$file"
	done
}

is_shell()
{
	case $1 in
	*.sh) true ;;
	*) head -n 1 "$1" | grep -qE '^#!/bin/(ba)?sh' ;;
	esac
}

# Our own text, by kind; licences and recorded test data are not ours to format. Names have no
# blanks, so lists are split where they stand.
# shellcheck disable=SC2086
all=$(files | grep -vE '^LICENSES/|/corpus/')
c_files=$(echo "$all" | grep -E '\.[ch]$')
make_files=$(echo "$all" | grep -E '(\.(am|ac|m4|mk)|/Kbuild|(^|/)Makefile)$')
shell_files=$(for file in $all; do ! is_shell "$file" || echo "$file"; done)
man_files=$(echo "$all" | grep -E '^man/.*\.[1-9](\.in)?$')
code_files=$(printf '%s\n' "$c_files" "$make_files" "$shell_files" | sort -u)
headed_files=$(printf '%s\n' "$code_files" \
	"$(echo "$all" | grep -E '\.(awk|conf|py|rules)$|^[^m].*\.in$|^\.clang-format$')" | sort -u)

check_tools()
{
	missing=
	for tool in git:git shellcheck:shellcheck codespell:codespell man:man-db; do
		command -v "${tool%:*}" >/dev/null 2>&1 || missing="$missing ${tool#*:}"
	done
	[ -z "$missing" ] || echo "missing; on Debian: apt install$missing"
}

#
# The layers of the house: which files a folder may include. Columns: folder or file; our
# files that it may use, itself apart; headers of the system that it may use.
#
layers='
include/vmci/            none                                           linux/(types|ioctl)\.h
include/vmci_sockets.h   none                                           .*
modules/common/          include/vmci/                                  none
modules/linux/compat/    none                                           .*
modules/linux/vmci_api.h include/vmci/                                  linux/.*
modules/linux/vmsock_api.h include/vmci/                                linux/.*
modules/linux/vmci/      modules/linux/vmci_api.h|include/vmci/|modules/common/[rs] kernel
modules/linux/vsock/     modules/linux/vm(ci|sock)_api.h|include/vmci/|modules/common/ kernel
lib/                     include/vmci_sockets.h                         .*
vmsock-tools/            lib/vmsock/                                    .*
device/                  include/|modules/common/                       .*
'

# What the #include of NAME in FILE means: a path in the tree if it is ours, else <NAME>.
include_target() # FILE NAME
{
	for folder in "${1%/*}" include modules modules/linux lib lib/vmsock vmsock-tools device; do
		if [ -e "$folder/$2" ]; then
			realpath --relative-to=. "$folder/$2"
			return
		fi
	done
	echo "<$2>"
}

# Each #include of our C files: FILE:LINE TARGET.
includes()
{
	echo "$c_files" | xargs grep -nE '^[[:space:]]*#[[:space:]]*include' |
		sed -nE 's/^([^:]*):([0-9]*):[^<"]*[<"]([^>"]*).*/\1 \2 \3/p' |
		while read -r file line name; do
			echo "$file:$line $(include_target "$file" "$name")"
		done
}

check_layers()
{
	includes | LAYERS=$layers awk '
	BEGIN {
		count = split(ENVIRON["LAYERS"], lines, "\n")
		for (i = 1; i <= count; i++)
			if (split(lines[i], cell, " ") == 3) {
				folder[++n] = cell[1]; ours[n] = cell[2]; theirs[n] = cell[3]
				if (theirs[n] == "kernel")
					theirs[n] = "(linux|net|asm|uapi|trace|kunit)/.*"
			}
	}
	{
		for (i = 1; i <= n && index($1, folder[i]) != 1; i++)
			;
		if (i > n)
			next
		if ($2 ~ /^</)
			good = $2 ~ ("^<" theirs[i] ">$")
		else
			good = index($2, folder[i]) == 1 || $2 ~ ("^(" ours[i] ")")
		if (!good)
			print $1 ": " folder[i] " must not include " $2
	}'
	grep -nE '__KERNEL__' include/vmci/*.h | sed 's/$/ (wire headers know no kernel)/'
}

# The licence that a file must name: the first row whose pattern matches its path.
licences='
^(include|modules)/.*\.am$      GPL-2.0-or-later
^modules/linux/dkms.conf.in$    GPL-2.0-or-later
^(include|modules/common)/      GPL-2.0-only OR BSD-2-Clause
^modules/linux/                 GPL-2.0-only
^lib/.*\.[ch]$                  LGPL-2.1-or-later
^examples/.*                    [A-Z].*
^tests/vm/modules/              GPL-2.0-(only|or-later)
.                               GPL-2.0-or-later
'

check_licences()
{
	# shellcheck disable=SC2016 # for awk
	printf '%s\n' "$headed_files" "$man_files" | xargs env LICENCES="$licences" awk '
	BEGIN {
		count = split(ENVIRON["LICENCES"], rows, "\n")
		for (i = 1; i <= count; i++)
			if (match(rows[i], / +/)) {
				pattern[++n] = substr(rows[i], 1, RSTART - 1)
				licence[n] = substr(rows[i], RSTART + RLENGTH)
			}
	}
	FNR == 1 {
		for (row = 1; FILENAME !~ pattern[row]; row++)
			;
		missing[FILENAME] = licence[row]
	}
	FNR <= 3 && $0 ~ ("SPDX-License-Identifier: " licence[row] "( [*]/)?$") {
		delete missing[FILENAME]
	}
	END {
		for (file in missing)
			print file ":1: no SPDX line with " missing[file]
	}' | sort
}

# SPDX line, "name - purpose", copyright: all within the first lines.
check_heads()
{
	# shellcheck disable=SC2016 # for awk
	echo "$headed_files" | xargs awk '
	FNR == 1 {
		name = FILENAME
		sub(/.*\//, "", name)
		sub(/\.in$/, "", name)
		stem = name
		sub(/\.[^.]*$/, "", stem)
		no_name[FILENAME] = no_copyright[FILENAME] = 1
	}
	FNR <= 8 {
		line = $0
		sub(/^([#*\/ ]|dnl)* /, "", line)
		sub(/\.in - /, " - ", line)
		if (index(line, name " - ") == 1 || stem && index(line, stem " - ") == 1)
			delete no_name[FILENAME]
	}
	FNR <= 12 && /Copyright \(C\) [0-9]+ The vmsock authors/ { delete no_copyright[FILENAME] }
	END {
		for (file in no_name)
			print file ":1: no line \"name - purpose\""
		for (file in no_copyright)
			if (file !~ /\.(conf|rules|in)$|(^|\/)\.[a-z-]+$/)
				print file ":1: no copyright line"
	}' | sort
	for file in $headed_files; do
		[ -s "$file" ] || echo "$file: empty"
	done
}

# Kernel versions are the business of modules/linux/compat alone.
check_versions()
{
	echo "$code_files" | grep -vE '^modules/linux/compat/|^scripts/check\.sh$' |
		xargs grep -nE '(LINUX|RHEL)_(VERSION_CODE|VERSION_MAJOR|RELEASE)|KERNEL_VERSION' |
		sed 's/$/ (version test outside compat)/'
}

# Specifications are as they came; prose and measurements have no width.
check_whitespace()
{
	# shellcheck disable=SC2016 # for awk
	echo "$all" | grep -v '^docs/protocol/' | xargs awk '
	FNR == 1 {
		code = FILENAME !~ /^completions\// && FILENAME !~ /\.(md|json)$|\.[1-9](\.in)?$/
	}
	/[ \t]+$/ { print FILENAME ":" FNR ": blank at end of line" }
	/\r/ { print FILENAME ":" FNR ": carriage return" }
	code && / \t/ { print FILENAME ":" FNR ": blank before tab" }
	FILENAME ~ /\.[ch]$/ && /^        / { print FILENAME ":" FNR ": indented with blanks" }
	code {
		line = $0
		width = 0
		while ((tab = index(line, "\t")) > 0) {
			width += tab - 1
			width += 8 - width % 8
			line = substr(line, tab + 1)
		}
		if (width + length(line) > 100)
			print FILENAME ":" FNR ": wider than 100 columns"
	}'
	for file in $all; do
		[ -z "$(tail -c 1 "$file")" ] || echo "$file: no newline at the end"
	done
}

# A function of more than 100 lines wants to be two. Kernel style has its braces in column 1.
check_functions()
{
	# shellcheck disable=SC2016 # for awk
	echo "$c_files" | xargs awk '
	FNR == 1 { start = 0 }
	/^\{/ { start = FNR }
	/^\}/ && start {
		if (FNR - start > 101)
			print FILENAME ":" start ": function of " FNR - start - 1 " lines"
		start = 0
	}'
}

# Were a name the same, depmod would bind modules of the kernel to ours (vmw_vmci has vmci_*).
check_exports()
{
	echo "$c_files" | grep '^modules/' | xargs grep -nE 'EXPORT_SYMBOL' |
		grep -vE 'EXPORT_SYMBOL(_GPL)?\((vmsock_[a-z0-9_]+|VMCISock_[A-Za-z]+)\)'
}

# An object without a source beside it comes from modules/common: one name, one file.
check_names()
{
	for file in modules/linux/v*/*.c; do
		[ ! -e "modules/common/${file##*/}" ] || echo "$file: also in modules/common"
	done
}

# Each file, or a folder it is in, or what it is compiled to, is in a list of the nearest
# Makefile.am or of a file that such a one includes, so that make dist has it. What automake
# finds by itself needs no list.
check_lists()
{
	# shellcheck disable=SC2016 # for awk
	echo "$all" | awk '
	/(^|\/)Makefile\.am$|\.mk$/ {
		folder = $0
		sub(/[^\/]*$/, "", folder)
		while ((getline line <$0) > 0)
			for (i = split(line, word, /[ \t]+/); i > 0; i--) {
				if (!sub(/^\$\(top_srcdir\)\//, "", word[i]))
					word[i] = folder word[i]
				sub(/\$\(srcdir\)\//, "", word[i])
				listed[word[i]] = listed[word[i] ".c"] = 1
			}
	}
	/(^|\/)Makefile\.am$/ { makefiles[folder] = 1; next }
	/^(configure\.ac|COPYING|NEWS|README\.md)$|^m4\// { next }
	{ files[++count] = $0 }
	END {
		while ((getline line <"configure.ac") > 0) {
			gsub(/[^A-Za-z0-9_.\/-]+/, " ", line)
			for (i = split(line, word, / /); i > 0; i--)
				listed[word[i] ".in"] = 1
		}
		for (i = 1; i <= count; i++) {
			folder = path = files[i]
			do
				sub(/[^\/]*\/?$/, "", folder)
			while (!(folder in makefiles))
			found = 0
			while (!found && length(path) > length(folder)) {
				found = path in listed
				sub(/\/?[^\/]*$/, "", path)
			}
			if (!found)
				print files[i] ": in no list of " folder "Makefile.am"
		}
	}'
}

# Downloads come from where the system's own configuration says. The names of an XML namespace and
# of Debian's format of copyright files are no addresses.
host='(https?|ftp)://[a-z0-9]|([a-z0-9-]+\.){2,}(org|com|net|io|dev)([^a-z0-9_]|$)'
check_hosts()
{
	echo "$all" | grep -v '^docs/protocol/' | xargs grep -nEi "$host" |
		grep -vE -e 'example\.(org|com|net)|localhost|xmlns:|:Format:' \
			-e '^scripts/check.sh:[0-9]*:host='
}

# Guests are told what to run, so their tests need no such mark.
check_executable()
{
	scripts=" $(echo "$all" | xargs awk 'FNR == 1 && /^#!/ { printf "%s ", FILENAME }')"
	for file in $all; do
		case $scripts,$file in
		*" $file "*,*.in | *" $file "*,tests/vm/*.sh) ;;
		*" $file "*) [ -x "$file" ] || echo "$file: script is not executable" ;;
		*) [ ! -x "$file" ] || echo "$file: executable, but no script" ;;
		esac
	done
}

# SC2317: functions are called through variables.
check_shell()
{
	echo "$shell_files" | xargs shellcheck -x -e SC2317 -P SCRIPTDIR -P tests/vm/harness -f gcc
}

# Words that codespell has wrong are in .codespellrc.
check_spelling()
{
	echo "$all" | xargs codespell
}

check_man()
{
	for page in $man_files; do
		# An item stands for a list that make writes
		sed 's/^@[a-z]*@$/.It list/' "$page" |
			MANWIDTH=80 man --warnings=w -E UTF-8 -l -Tutf8 - 2>&1 >/dev/null |
			sed "s,^,$page: ,"
	done
}

# One version, in META, and where it has to be written again
check_version()
{
	version=$(sed -n 's/^VMSOCK_VERSION=//p' META)
	debian=$(sed -n '1s/^vmsock (\(.*\)) .*/\1/p' packaging/debian/changelog)
	[ "$debian" = "$version" ] ||
		echo "packaging/debian/changelog:1: version $debian, META has $version"
}

check_tables()
{
	scripts/tables.sh
}

number=0
failed=0
for name in tools layers licences heads versions whitespace functions exports names lists \
		hosts executable shell spelling man version tables; do
	number=$((number + 1))
	faults=$("check_$name" 2>&1)
	if [ -z "$faults" ]; then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name"
		echo "$faults" | sed 's/^/#   /'
		failed=$((failed + 1))
	fi
done
echo "1..$number"
[ "$failed" = 0 ]
