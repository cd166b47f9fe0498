/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wait.c - until a peer accepts, a device is there, or a context ID is known
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "interrupt.h"
#include "tool.h"

static struct {
	char *device;
	gboolean cid;
	guint interval_ms;
} options = { .interval_ms = 100 };

/* One look; true: it is there.  Else @why says why not, and @code what that means. */
struct wish {
	bool (*is_there)(struct wish *wish);
	VmsockAddress *address;
	GCancellable *interrupt;
	char *why;
	enum tool_exit code;
};

static void set_reason(struct wish *wish, enum tool_exit code, const char *text)
{
	g_free(wish->why);
	wish->why = g_strdup(text);
	wish->code = code;
}

static bool peer_accepts(struct wish *wish)
{
	g_autoptr(VmsockStack) stack = NULL;
	g_autoptr(VmsockClient) client = NULL;
	g_autoptr(VmsockConnection) connection = NULL;
	g_autoptr(GError) error = NULL;
	guint64 family = 0;

	if (g_ascii_string_to_unsigned(common.family ? common.family : "", 10, 1, 255, &family,
				       NULL))
		stack = vmsock_stack_acquire_family((int)family, &error);
	else
		stack = vmsock_stack_acquire(&error);
	if (stack) {
		client = tool_new_client(stack, 0);
		connection = vmsock_client_connect(client, wish->address, wish->interrupt, &error);
	}
	if (!connection)
		set_reason(wish, tool_exit_for(error), error->message);
	return connection;
}

static bool device_opens(struct wish *wish)
{
	int fd = open(options.device, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		set_reason(wish, errno == EACCES || errno == EPERM ? TOOL_DENIED : TOOL_NO_STACK,
			   g_strerror(errno));
		return false;
	}
	close(fd);
	return true;
}

static bool cid_is_known(struct wish *wish)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VmsockStack) stack = vmsock_stack_acquire(&error);
	guint32 cid = stack ? vmsock_stack_get_local_cid(stack) : VMSOCK_CID_ANY;

	if (cid != VMSOCK_CID_ANY) {
		printf("%u\n", cid);
		return true;
	}
	set_reason(wish, TOOL_NO_STACK, error ? error->message : "this machine has no context ID");
	return false;
}

/* When to give up: --deadline or --timeout, whichever was given; 0 for never. */
static gint64 end_of_patience(void)
{
	guint limit = common.deadline_ms ? common.deadline_ms : common.timeout_ms;

	return limit ? g_get_monotonic_time() + (gint64)limit * 1000 : 0;
}

static int wait_for(struct wish *wish)
{
	gint64 end = end_of_patience(), next;

	wish->interrupt = interrupt_catch();
	while (!wish->is_there(wish)) {
		tool_remark("%s", wish->why);
		next = g_get_monotonic_time() + (gint64)options.interval_ms * 1000;
		if (end && next >= end) {
			tool_complain("time is up: %s", wish->why);
			return TOOL_TIMED_OUT;
		}
		if (!interrupt_sleep(wish->interrupt, next)) {
			tool_complain("interrupted: %s", wish->why);
			return wish->code;
		}
	}
	return TOOL_OK;
}

static const char *problem(int argc)
{
	if ((argc == 1) + (options.device != NULL) + !!options.cid != 1)
		return "one of ADDRESS, --device and --cid is needed";
	if (common.family && strcmp(common.family, "auto") != 0 &&
	    !g_ascii_string_to_unsigned(common.family, 10, 1, 255, NULL, NULL))
		return "--family is 'auto' or a family number";
	return NULL;
}

static int run(int argc, char **argv)
{
	struct wish wish = { .is_there = options.device ? device_opens : cid_is_known };
	int code;

	if (problem(argc))
		return tool_misused(problem(argc));
	if (argc == 1) {
		wish.address = tool_parse_address(argv[0]);
		wish.is_there = peer_accepts;
		if (!wish.address)
			return TOOL_USAGE;
	}
	code = wait_for(&wish);
	g_clear_object(&wish.address);
	g_free(wish.why);
	return code;
}

static const struct option option_table[] = {
	{ "device", 'D', OPTION_TEXT, &options.device, "FILE", "until this device can be opened",
	  NULL, "file" },
	{ "cid", 'c', OPTION_FLAG, &options.cid, NULL, "until this machine has a CID; print it",
	  "Until this machine has a context ID, which is printed.", NULL },
	{ "interval", 'i', OPTION_SECONDS, &options.interval_ms, "SECONDS",
	  "time between two looks [0.1]", NULL, NULL },
	{ 0 }
};

const struct command wait_command = {
	.name = "wait",
	.summary = "until a peer accepts, a device appears or a CID is known",
	.arguments = "ADDRESS | --device=FILE | --cid",
	.purpose = "Waits until a peer accepts, a device appears or a context ID is known.",
	.min = 0,
	.max = 1,
	.common = COMMON_FAMILY | COMMON_TIMEOUT | COMMON_DEADLINE | COMMON_VERBOSE,
	.options = option_table,
	.run = run,
};
