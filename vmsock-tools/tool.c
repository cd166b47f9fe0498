/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tool.c - what all subcommands share: exit codes, messages, addresses, the stack
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "tool.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "terminal.h"

void tool_complain(const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	progress_clear_any();
	fprintf(stderr, "%s: %s\n", g_get_prgname(), text);
}

enum tool_exit tool_exit_for(const GError *error)
{
	if (error->domain != VMSOCK_ERROR)
		return TOOL_IO;
	switch ((VmsockError)error->code) {
	case VMSOCK_ERROR_INVALID_ADDRESS:
		return TOOL_USAGE;
	case VMSOCK_ERROR_NO_STACK:
	case VMSOCK_ERROR_NO_DEVICE:
		return TOOL_NO_STACK;
	case VMSOCK_ERROR_DENIED:
		return TOOL_DENIED;
	case VMSOCK_ERROR_NO_LISTENER:
	case VMSOCK_ERROR_UNREACHABLE:
		return TOOL_REFUSED;
	case VMSOCK_ERROR_TIMED_OUT:
		return TOOL_TIMED_OUT;
	default:
		return TOOL_IO;
	}
}

enum tool_exit tool_fail(const GError *error)
{
	tool_complain("%s", error->message);
	return tool_exit_for(error);
}

enum tool_exit tool_misused(const char *problem)
{
	tool_complain("%s; try: %s --help", problem, g_get_prgname());
	return TOOL_USAGE;
}

void tool_remark(const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	if (!common.verbose)
		return;
	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	tool_complain("%s", text);
}

void tool_tell(const char *what, VmsockAddress *address)
{
	g_autofree char *text = NULL;

	if (!common.verbose || !address)
		return;
	text = vmsock_address_to_string(address);
	tool_complain("%s %s", what, text);
}

VmsockAddress *tool_parse_address(const char *text)
{
	g_autoptr(GError) error = NULL;
	VmsockAddress *address = vmsock_address_parse(text, &error);

	if (!address)
		tool_complain("%s", error->message);
	return address;
}

VmsockAddress *tool_parse_listen_address(const char *text)
{
	g_autofree char *with_cid = NULL;

	if (strchr(text, ':') == NULL)
		with_cid = g_strconcat("vsock::", text, NULL);
	return tool_parse_address(with_cid ? with_cid : text);
}

bool tool_parse_cid(const char *text, guint32 *cid)
{
	g_autofree char *as_address = g_strconcat("vsock:", text, ":0", NULL);
	g_autoptr(VmsockAddress) address = vmsock_address_parse(as_address, NULL);

	if (!address || !*text || strchr(text, ':')) {
		tool_complain("'%s' is not a context ID", text);
		return false;
	}
	*cid = vmsock_address_get_cid(address);
	return true;
}

GArray *tool_parse_cids(GStrv lists)
{
	g_autoptr(GArray) cids = g_array_new(FALSE, FALSE, sizeof(guint32));

	for (char **list = lists; *list; list++) {
		g_auto(GStrv) words = g_strsplit(*list, ",", -1);

		for (char **word = words; *word; word++) {
			guint32 cid;

			if (!tool_parse_cid(*word, &cid))
				return NULL;
			g_array_append_val(cids, cid);
		}
	}
	return g_steal_pointer(&cids);
}

bool tool_parse_family(guint64 *number)
{
	*number = 0;
	if (!common.family || strcmp(common.family, "auto") == 0 ||
	    g_ascii_string_to_unsigned(common.family, 10, 1, 255, number, NULL))
		return true;
	tool_complain("--family: '%s' is not 'auto' or a family number", common.family);
	return false;
}

VmsockStack *tool_acquire_stack(enum tool_exit *code)
{
	g_autoptr(GError) error = NULL;
	VmsockStack *stack;
	guint64 number;

	*code = TOOL_USAGE;
	if (!tool_parse_family(&number))
		return NULL;
	stack = number ? vmsock_stack_acquire_family((int)number, &error) :
			 vmsock_stack_acquire(&error);
	*code = stack ? TOOL_OK : tool_fail(error);
	return stack;
}

bool tool_acquire_stack_for(VmsockAddress *address, VmsockStack **stack, enum tool_exit *code)
{
	*stack = NULL;
	if (vmsock_address_get_kind(address) != VMSOCK_ADDRESS_KIND_VSOCK)
		return true;
	*stack = tool_acquire_stack(code);
	return *stack;
}

VmsockClient *tool_new_client(VmsockStack *stack, guint64 buffer_size)
{
	VmsockClient *client = vmsock_client_new();

	vmsock_client_set_stack(client, stack);
	vmsock_client_set_buffer_size(client, buffer_size);
	vmsock_client_set_connect_timeout(client, common.timeout_ms);
	vmsock_client_set_deadline(client, common.deadline_ms);
	vmsock_client_set_retry(client, common.retry);
	return client;
}
