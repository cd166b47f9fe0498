# SPDX-License-Identifier: GPL-2.0-or-later
#
# judge.awk - the TAP stream of one guest test
#
# Copyright (C) 2026 The vmsock authors
#
# Input: what the test said, with the marks of init. Variables: reports, a file with the
# lines of the kernel log that are failures; log_file, the kernel log of the test.
# Output: the test's own lines, then two more: it ended well and as planned; the kernel
# had nothing to report meanwhile. The plan comes last.

function result(good, what)
{
	print (good ? "ok " : "not ok ") ++count " - " what
}

function show(file, most,   line, shown)
{
	while ((getline line <file) > 0 && shown++ < most)
		print "# " line
	close(file)
}

function fault(what)
{
	faults[++bad] = what
}

/^vmtest: fault / {
	sub(/^vmtest: fault [^:]*: /, "")
	fault($0)
	next
}

/^vmtest: end / {
	ended = 1
	status = $4
	next
}

/^1\.\.0 *#? *[Ss][Kk][Ii][Pp]/ {
	skip = $0
	next
}

/^1\.\.[0-9]+ *$/ {
	planned = substr($0, 4) + 0
	plans++
	next
}

/^$/ { next }

/^(not )?ok( |$)/ { count++ }

{ print }

END {
	if (!ended)
		fault("the guest went down")
	else if (status != 0 && !(skip && status == 77))
		fault("exit status " status)
	if (!skip && plans != 1)
		fault(plans ? "more than one plan" : "no plan")
	else if (!skip && planned != count)
		fault("planned " planned ", ran " count + 0)
	reported = (getline line <reports) > 0
	close(reports)
	if (skip && !bad && !reported) {
		print skip
		exit
	}
	result(!bad, "ends well and as planned")
	for (i = 1; i <= bad; i++)
		print "# " faults[i]
	result(!reported, "the kernel reports nothing")
	if (reported)
		show(reports, 20)
	if (bad || reported) {
		print "# kernel log:"
		show(log_file, 200)
	}
	print "1.." count
}
