# SPDX-License-Identifier: GPL-2.0-or-later
# functions.awk - the functions of libvmsock.3 and vmci.9 as a list, from their comments
#
# Copyright (C) 2026 The vmsock authors
#
# awk -f functions.awk PAGE.in SOURCE...: the page, with lists where it says @functions@ and, of
# the codes in errors.h, @errors@. Comments are those of gi-docgen in the library, and of
# kernel-doc in vmci_api.h, whose functions are listed under the names that clients use.

# Words of the comments that the reference makes links of
function plain(text,  link)
{
	gsub(/\([a-z][a-z -]*( [A-Za-z]+)?\)( *\([a-z][a-z -]*( [A-Za-z]+)?\))*:/, "", text)
	while (match(text, /\[[a-z]+@[A-Za-z._:-]+\]/)) {
		link = substr(text, RSTART + 1, RLENGTH - 2)
		sub(/^[a-z]+@Vmsock\./, "", link)
		sub(/^[a-z]+@/, "", link)
		sub(/\[[a-z]+@[A-Za-z._:-]+\]/, link, text)
	}
	gsub(/[%@`]/, "", text)
	gsub(/vmsock_vmci_/, "vmci_", text)
	gsub(/ \(vmci\.md [0-9.]+\)/, "", text)
	gsub(/\\/, "\\e", text)
	gsub(/ +/, " ", text)
	sub(/^ +/, "", text)
	return text
}

# Each sentence on a line of its own, none of which looks like a request
function say(text,  i, line, count)
{
	count = split(plain(text), line, /\. +/)
	for (i = 1; i <= count; i++) {
		sub(/^[.']/, "\\\\\\&&", line[i])
		print line[i] (i < count ? "." : "")
	}
}

# "TYPE *name(TYPE a, TYPE b)" as requests
function show_prototype(text,  name, type, arguments, count, i, argument)
{
	gsub(/[ \t]+/, " ", text)
	sub(/ G_GNUC_[A-Z_]+/, "", text)
	# GLib's macro for the domain of errors defines the function
	if (text ~ /^G_DEFINE_EXTENDED_ERROR/)
		text = "GQuark vmsock_error_quark(void)"
	name = text
	sub(/\(.*/, "", name)
	type = name
	sub(/.*[ *]/, "", name)
	type = substr(type, 1, length(type) - length(name))
	sub(/ $/, "", type)
	arguments = text
	sub(/^[^(]*\(/, "", arguments)
	sub(/\)[^)]*$/, "", arguments)
	sub(/^vmsock_vmci_/, "vmci_", name)
	print ".It Xo"
	print ".Ft " type
	printf ".Fn %s", name
	count = split(arguments, argument, /, */)
	for (i = 1; i <= count; i++)
		printf " \"%s\"", argument[i]
	print ""
	print ".Xc"
}

function begin_function(word)
{
	name = word
	sub(/[:(].*/, "", name)
	functions++
	part = "arguments"
	described = 0
}

# What stands behind the dash, as a sentence
function purpose(line)
{
	sub(/^.*\(\) - /, "", line)
	sub(/ *\*\/$/, "", line)
	return toupper(substr(line, 1, 1)) substr(line, 2) "."
}

function show_functions(  i, n, sentence)
{
	for (i = 1; i <= functions; i++) {
		show_prototype(prototype[i])
		if (text[i] != "")
			say(text[i])
		if (returned[i] != "") {
			sentence = plain(returned[i])
			sub(/[.; ]*$/, "", sentence)
			say("It returns " sentence ".")
		}
		if (context[i] != "")
			say("Context: " plain(context[i]))
	}
}

NR == FNR { page[++lines] = $0; next }

# One line that says all
/^\/\*\* vmsock_[a-z0-9_]+\(\) - .* \*\/$/ {
	begin_function($2)
	text[functions] = purpose($0)
	code = 1
	next
}
/^\/\*\*$/ { comment = 1; name = ""; part = ""; next }
comment && name == "" && /^ \* vmsock_[a-z0-9_]+(:|\(\) - )/ {
	begin_function($2)
	if (/\(\) - /)
		text[functions] = purpose($0)
	next
}
comment && /\*\// {
	comment = 0
	if (name != "")
		code = 1
	next
}
comment && name != "" {
	line = $0
	sub(/^ \* ?/, "", line)
	if (line ~ /^Returns?:/)
		part = "returns"
	else if (line ~ /^Context:/)
		part = "context"
	else if (line == "" && part == "arguments")
		part = "text"
	else if (line == "" && (part != "text" || described))
		part = "rest"
	if (part == "text" && line != "") {
		described = 1
		text[functions] = text[functions] " " line
	}
	if (part == "returns") {
		sub(/^Returns?:/, "", line)
		returned[functions] = returned[functions] " " line
	}
	if (part == "context") {
		sub(/^Context:/, "", line)
		context[functions] = context[functions] " " line
	}
	next
}
/^\tX\(VMCI_ERROR_/ {
	sub(/^\tX\(/, "")
	gsub(/[(),\\\t]+/, " ")
	errors = errors ".It " $2 " Ta " $1 "\n"
	next
}
code {
	prototype[functions] = prototype[functions] " " $0
	if (/\);?$/) {
		sub(/^ +/, "", prototype[functions])
		code = 0
	}
}

END {
	for (i = 1; i <= lines; i++)
		if (page[i] == "@functions@")
			show_functions()
		else if (page[i] == "@errors@")
			printf "%s", errors
		else
			print page[i]
}
