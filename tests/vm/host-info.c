// SPDX-License-Identifier: GPL-2.0-or-later
/* host-info - what vmsock info tells of virtual machines and queue pairs
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-modules: vmsock
 * vm-programs: vmsock-tools/vmsock
 */
#include "host.h"

/* What a command prints, static storage */
static const char *output_of(const char *command)
{
	static char text[16384];
	FILE *f = popen(command, "re");
	size_t len;

	need(f);
	len = fread(text, 1, sizeof(text) - 1, f);
	text[len] = 0;
	expect_is(pclose(f), 0);
	return text;
}

static void expect_said(const char *text, const char *line)
{
	if (!expect(strstr(text, line)))
		printf("# no '%s' in\n%s\n", line, text);
}

static void nobody(void)
{
	const char *text = output_of("vmsock info");

	expect(!strstr(text, "Guests:"));
	expect(!strstr(text, "Pairs:"));
	expect_said(output_of("vmsock info --json | tr -d ' \\n'"), "\"guests\":[],\"pairs\":[]");
}

static void somebody(void)
{
	struct vmci_handle handle = { FIRST_CID, 2000 };
	int fd = monitor(FIRST_CID), other = monitor_of(VMCI_VERSION_NOTIFY, FIRST_CID + 1, 1);
	const char *text;

	need(other >= 0);
	need(alloc_pair(fd, handle, HOST, PAGE, 2 * PAGE,
			pair_memory(handle, PAGE, 2 * PAGE)) == 0);
	need(create_bell(fd, handle) == 0);
	need(send_message(fd, handle, handle, 5) > 0);
	text = output_of("vmsock info");
	expect_said(text, "Guests:   context 100, user 0, 1 queue pairs, 1 datagrams and 0 of 1 "
		    "doorbells wait\n");
	expect_said(text, " context 101 (restricted), user 0, 0 queue pairs, 0 datagrams");
	expect_said(text, "Pairs:    100:2000 of context 100, with 2, 4096 and 8192 bytes, "
		    "CREATED_MEM\n");
	text = output_of("vmsock info --json | tr -d ' \\n'");
	expect_said(text, "{\"cid\":100,\"restricted\":false,\"version\":\"11.0\",\"owner\":0,"
		    "\"datagrams\":1,\"datagram_bytes\":29,\"doorbells\":1,\"rung\":0,"
		    "\"queue_pairs\":1}");
	expect_said(text, "{\"handle\":\"100:2000\",\"creator\":\"100\",\"attacher\":\"-\","
		    "\"peer\":\"2\",\"produce\":4096,\"consume\":8192,\"pinned\":5,"
		    "\"state\":\"CREATED_MEM\"}");
	drop_privileges();
	expect(access("/sys/kernel/debug/vmci/contexts", R_OK) < 0);
}

static const struct vmtest rows[] = {
	{ "info", "nothing where there is nothing", nobody },
	{ "info", "virtual machines and queue pairs", somebody },
};

int main(int argc, char **argv)
{
	host_run(argc, argv, rows, ARRAY_SIZE(rows));
	return done_testing();
}
