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
#include "json.h"
#include "tool.h"

static struct {
	char *device;
	gboolean cid;
	guint interval_ms;
} options = { .interval_ms = 100 };

/*
 * One look; true: it is there.  Else @why says why not, and @code what that means, both for the
 * last look that came to its end.
 */
struct wish {
	bool (*is_there)(struct wish *wish);
	VmsockAddress *address;
	GCancellable *interrupt;
	gint64 start, end;		/* microseconds; 0: no end */
	guint32 cid;			/* what was waited for, if it was that */
	char *why;
	enum tool_exit code;
};

/* Told when it is another one than before. */
static void set_reason(struct wish *wish, enum tool_exit code, const char *text)
{
	if (g_strcmp0(wish->why, text) != 0)
		tool_remark("%s", text);
	g_free(wish->why);
	wish->why = g_strdup(text);
	wish->code = code;
}

/* No look may take longer than there is time. */
static guint milliseconds_left(const struct wish *wish)
{
	gint64 left = wish->end - g_get_monotonic_time();

	return wish->end ? (guint)MAX(left / 1000, 1) : 0;
}

static bool peer_accepts(struct wish *wish)
{
	g_autoptr(VmsockStack) stack = NULL;
	g_autoptr(VmsockClient) client = NULL;
	g_autoptr(VmsockConnection) connection = NULL;
	g_autoptr(GError) error = NULL;
	guint64 family = 0;

	if (tool_parse_family(&family) && family)
		stack = vmsock_stack_acquire_family((int)family, &error);
	else
		stack = vmsock_stack_acquire(&error);
	if (stack) {
		client = tool_new_client(stack, 0);
		vmsock_client_set_deadline(client, milliseconds_left(wish));
		connection = vmsock_client_connect(client, wish->address, wish->interrupt, &error);
	}
	/* A look that was broken off says nothing about the peer. */
	if (!connection && !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
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

	wish->cid = stack ? vmsock_stack_get_local_cid(stack) : VMSOCK_CID_ANY;
	if (wish->cid != VMSOCK_CID_ANY)
		return true;
	set_reason(wish, TOOL_NO_STACK, error ? error->message : "this machine has no context ID");
	return false;
}

/* When to give up: --deadline or --timeout, whichever was given; 0 for never. */
static gint64 end_of_patience(gint64 start)
{
	guint limit = common.deadline_ms ? common.deadline_ms : common.timeout_ms;

	return limit ? start + (gint64)limit * 1000 : 0;
}

static void write_result(const struct wish *wish, bool there)
{
	struct json json;

	json_start(&json);
	json_bool(&json, "there", there);
	json_double(&json, "seconds",
		    (double)(g_get_monotonic_time() - wish->start) / G_USEC_PER_SEC);
	if (options.cid && there)
		json_number(&json, "cid", wish->cid);
	json_string(&json, "reason", there ? NULL : wish->why);
	json_finish(&json);
}

static int conclude(const struct wish *wish, bool there)
{
	if (common.json)
		write_result(wish, there);
	else if (options.cid && there)
		printf("%u\n", wish->cid);
	return there ? TOOL_OK : wish->code;
}

static int give_up(struct wish *wish, const char *what)
{
	if (!common.quiet)
		tool_complain("%s: %s", what, wish->why);
	return conclude(wish, false);
}

static int wait_for(struct wish *wish)
{
	gint64 next;

	wish->start = g_get_monotonic_time();
	wish->end = end_of_patience(wish->start);
	wish->interrupt = interrupt_catch();
	wish->why = g_strdup("the first look has not come to its end");
	wish->code = TOOL_TIMED_OUT;
	while (!wish->is_there(wish)) {
		next = g_get_monotonic_time() + (gint64)options.interval_ms * 1000;
		if (wish->end && next >= wish->end) {
			wish->code = TOOL_TIMED_OUT;
			return give_up(wish, "time is up");
		}
		if (!interrupt_sleep(wish->interrupt, next))
			return give_up(wish, "interrupted");
	}
	return conclude(wish, true);
}

static const char *problem(int argc)
{
	if ((argc == 1) + (options.device != NULL) + !!options.cid != 1)
		return "one of ADDRESS, --device and --cid is needed";
	return NULL;
}

static int run(int argc, char **argv)
{
	struct wish wish = { .is_there = options.device ? device_opens : cid_is_known };
	int code;

	guint64 family;

	if (problem(argc))
		return tool_misused(problem(argc));
	if (!tool_parse_family(&family))
		return TOOL_USAGE;
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
	{ "retry", 0, OPTION_FLAG, &common.retry, NULL, "what it does in any case", NULL, NULL },
	{ 0 }
};

const struct command wait_command = {
	.name = "wait",
	.summary = "until a peer accepts, a device appears or a CID is known",
	.arguments = "ADDRESS | --device=FILE | --cid",
	.purpose = "Waits until a peer accepts, a device appears or a context ID is known.",
	.min = 0,
	.max = 1,
	.common = COMMON_FAMILY | COMMON_TIMEOUT | COMMON_DEADLINE | COMMON_JSON |
		  COMMON_QUIET | COMMON_VERBOSE,
	.options = option_table,
	.run = run,
};
