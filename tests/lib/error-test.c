/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * error-test.c - errors by cause, with what the system said
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "tap.h"

#include <errno.h>

#include "private.h"

static const struct {
	VmsockOperation operation;
	int system_error;
	VmsockError code;
} cases[] = {
	{ VMSOCK_OPERATION_LOOKUP, ENOENT, VMSOCK_ERROR_NO_STACK },
	{ VMSOCK_OPERATION_LOOKUP, EAFNOSUPPORT, VMSOCK_ERROR_NO_STACK },
	{ VMSOCK_OPERATION_LOOKUP, EACCES, VMSOCK_ERROR_DENIED },
	{ VMSOCK_OPERATION_SOCKET, ENODEV, VMSOCK_ERROR_NO_DEVICE },
	{ VMSOCK_OPERATION_SOCKET, EMFILE, VMSOCK_ERROR_NO_RESOURCES },
	{ VMSOCK_OPERATION_SOCKET, ESOCKTNOSUPPORT, VMSOCK_ERROR_NOT_SUPPORTED },
	{ VMSOCK_OPERATION_BIND, EACCES, VMSOCK_ERROR_DENIED },
	{ VMSOCK_OPERATION_BIND, EADDRINUSE, VMSOCK_ERROR_ADDRESS_IN_USE },
	{ VMSOCK_OPERATION_BIND, EADDRNOTAVAIL, VMSOCK_ERROR_ADDRESS_NOT_LOCAL },
	{ VMSOCK_OPERATION_BIND, EINVAL, VMSOCK_ERROR_FAILED },
	{ VMSOCK_OPERATION_LISTEN, EADDRINUSE, VMSOCK_ERROR_ADDRESS_IN_USE },
	{ VMSOCK_OPERATION_CONNECT, ECONNRESET, VMSOCK_ERROR_NO_LISTENER },
	{ VMSOCK_OPERATION_CONNECT, ECONNREFUSED, VMSOCK_ERROR_NO_LISTENER },
	{ VMSOCK_OPERATION_CONNECT, ETIMEDOUT, VMSOCK_ERROR_TIMED_OUT },
	{ VMSOCK_OPERATION_CONNECT, EHOSTUNREACH, VMSOCK_ERROR_UNREACHABLE },
	{ VMSOCK_OPERATION_CONNECT, ENETUNREACH, VMSOCK_ERROR_UNREACHABLE },
	{ VMSOCK_OPERATION_CONNECT, EINVAL, VMSOCK_ERROR_UNREACHABLE },
	{ VMSOCK_OPERATION_CONNECT, ENODEV, VMSOCK_ERROR_NO_DEVICE },
	{ VMSOCK_OPERATION_CONNECT, EPERM, VMSOCK_ERROR_DENIED },
	{ VMSOCK_OPERATION_CONNECT, EPROTO, VMSOCK_ERROR_PROTOCOL },
	{ VMSOCK_OPERATION_CONNECT, ENOBUFS, VMSOCK_ERROR_NO_RESOURCES },
	{ VMSOCK_OPERATION_CONNECT, ENOMEM, VMSOCK_ERROR_NO_RESOURCES },
	{ VMSOCK_OPERATION_SEND, EHOSTUNREACH, VMSOCK_ERROR_NO_LISTENER },
	{ VMSOCK_OPERATION_SEND, EMSGSIZE, VMSOCK_ERROR_TOO_LONG },
	{ VMSOCK_OPERATION_SEND, ENOBUFS, VMSOCK_ERROR_NO_RESOURCES },
	{ VMSOCK_OPERATION_SEND, EPIPE, VMSOCK_ERROR_RESET },
	{ VMSOCK_OPERATION_SEND, EPERM, VMSOCK_ERROR_DENIED },
	{ VMSOCK_OPERATION_RECEIVE, ECONNRESET, VMSOCK_ERROR_RESET },
	{ VMSOCK_OPERATION_OPTION, ENOPROTOOPT, VMSOCK_ERROR_NOT_SUPPORTED },
	{ VMSOCK_OPERATION_OPTION, EXDEV, VMSOCK_ERROR_FAILED },
};

static const char *name_of(GType type, int value)
{
	g_autoptr(GEnumClass) class = g_type_class_ref(type);
	GEnumValue *found = g_enum_get_value(class, value);

	return found ? found->value_nick : "?";
}

static void check_case(gsize i)
{
	const char *operation = name_of(VMSOCK_TYPE_OPERATION, (int)cases[i].operation);
	VmsockError code = vmsock_error_from_errno(cases[i].operation, cases[i].system_error);
	g_autofree char *sentence = vmsock_stack_explain(cases[i].operation,
							 cases[i].system_error);
	g_autoptr(GError) error = NULL;
	g_autoptr(GError) copy = NULL;

	is_str(name_of(VMSOCK_TYPE_ERROR, (int)code),
	       name_of(VMSOCK_TYPE_ERROR, (int)cases[i].code),
	       "%s: %s", operation, g_strerror(cases[i].system_error));
	ok(*sentence && !g_str_has_suffix(sentence, ".") && !strchr(sentence, '\n'),
	   "... %s", sentence);
	_vmsock_error_set(&error, cases[i].operation, cases[i].system_error, "case %d", (int)i);
	ok(g_error_matches(error, VMSOCK_ERROR, (int)cases[i].code) &&
	   vmsock_error_get_errno(error) == cases[i].system_error &&
	   vmsock_error_get_offset(error) == -1, "... is kept in an error");
	ok(g_str_has_prefix(error->message, "case ") && g_str_has_suffix(error->message, sentence),
	   "... with the sentence");
	copy = g_error_copy(error);
	is_s64(vmsock_error_get_errno(copy), cases[i].system_error, "... and in its copy");
}

int main(void)
{
	g_autoptr(GError) other = g_error_new_literal(G_IO_ERROR, G_IO_ERROR_CLOSED, "closed");

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
		check_case(i);
	_vmsock_error_set(NULL, VMSOCK_OPERATION_BIND, EACCES, "nowhere");
	_vmsock_error_set_offset(NULL, VMSOCK_ERROR_INVALID_ADDRESS, 1, "nowhere");
	is_s64(vmsock_error_get_errno(other), 0, "another domain's error has no errno");
	is_s64(vmsock_error_get_offset(other), -1, "... and no offset");
	return done_testing();
}
