/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * error.c - why a call failed, in terms a program can act on
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "private.h"

#include <errno.h>

typedef struct {
	int system_error;
	gssize offset;
} VmsockErrorPrivate;

static void vmsock_error_private_init(VmsockErrorPrivate *private)
{
	private->offset = -1;
}

static void vmsock_error_private_copy(const VmsockErrorPrivate *from, VmsockErrorPrivate *to)
{
	*to = *from;
}

static void vmsock_error_private_clear(VmsockErrorPrivate *private G_GNUC_UNUSED)
{
}

/**
 * vmsock_error_quark:
 *
 * The domain of this library's errors.
 *
 * Returns: the quark
 */
G_DEFINE_EXTENDED_ERROR(VmsockError, vmsock_error)

G_DEFINE_ENUM_TYPE(VmsockError, vmsock_error,
	G_DEFINE_ENUM_VALUE(VMSOCK_ERROR_FAILED, "failed"),
	G_DEFINE_ENUM_VALUE(VMSOCK_ERROR_INVALID_ADDRESS, "invalid-address"),
	G_DEFINE_ENUM_VALUE(VMSOCK_ERROR_NO_STACK, "no-stack"),
	G_DEFINE_ENUM_VALUE(VMSOCK_ERROR_NO_DEVICE, "no-device"),
	G_DEFINE_ENUM_VALUE(VMSOCK_ERROR_DENIED, "denied"),
	G_DEFINE_ENUM_VALUE(VMSOCK_ERROR_NO_LISTENER, "no-listener"),
	G_DEFINE_ENUM_VALUE(VMSOCK_ERROR_UNREACHABLE, "unreachable"),
	G_DEFINE_ENUM_VALUE(VMSOCK_ERROR_TIMED_OUT, "timed-out"),
	G_DEFINE_ENUM_VALUE(VMSOCK_ERROR_RESET, "reset"),
	G_DEFINE_ENUM_VALUE(VMSOCK_ERROR_ADDRESS_IN_USE, "address-in-use"),
	G_DEFINE_ENUM_VALUE(VMSOCK_ERROR_ADDRESS_NOT_LOCAL, "address-not-local"),
	G_DEFINE_ENUM_VALUE(VMSOCK_ERROR_NO_RESOURCES, "no-resources"),
	G_DEFINE_ENUM_VALUE(VMSOCK_ERROR_NOT_SUPPORTED, "not-supported"),
	G_DEFINE_ENUM_VALUE(VMSOCK_ERROR_TOO_LONG, "too-long"),
	G_DEFINE_ENUM_VALUE(VMSOCK_ERROR_PROTOCOL, "protocol"),
	G_DEFINE_ENUM_VALUE(VMSOCK_ERROR_PEER_RESTARTED, "peer-restarted"))

G_DEFINE_ENUM_TYPE(VmsockOperation, vmsock_operation,
	G_DEFINE_ENUM_VALUE(VMSOCK_OPERATION_LOOKUP, "lookup"),
	G_DEFINE_ENUM_VALUE(VMSOCK_OPERATION_SOCKET, "socket"),
	G_DEFINE_ENUM_VALUE(VMSOCK_OPERATION_BIND, "bind"),
	G_DEFINE_ENUM_VALUE(VMSOCK_OPERATION_LISTEN, "listen"),
	G_DEFINE_ENUM_VALUE(VMSOCK_OPERATION_ACCEPT, "accept"),
	G_DEFINE_ENUM_VALUE(VMSOCK_OPERATION_CONNECT, "connect"),
	G_DEFINE_ENUM_VALUE(VMSOCK_OPERATION_SEND, "send"),
	G_DEFINE_ENUM_VALUE(VMSOCK_OPERATION_RECEIVE, "receive"),
	G_DEFINE_ENUM_VALUE(VMSOCK_OPERATION_OPTION, "option"),
	G_DEFINE_ENUM_VALUE(VMSOCK_OPERATION_CONNECT_UNIX, "connect-unix"))

#define IN(operation) (1u << VMSOCK_OPERATION_##operation)
#define ANYWHERE (~0u)

struct cause {
	unsigned int where;	/* operations the row is about */
	int system_error;
	VmsockError code;
	const char *text;	/* cause; remedy */
};

/* The first row that fits counts.  Meanings: vsock.md 1.5, 4 and 7. */
static const struct cause causes[] = {
	{ IN(LOOKUP) | IN(SOCKET), EACCES, VMSOCK_ERROR_DENIED, NULL },
	{ IN(LOOKUP) | IN(SOCKET), EPERM, VMSOCK_ERROR_DENIED, NULL },
	{ IN(LOOKUP) | IN(SOCKET), EAFNOSUPPORT, VMSOCK_ERROR_NO_STACK, NULL },
	{ IN(LOOKUP) | IN(SOCKET), ENOENT, VMSOCK_ERROR_NO_STACK, NULL },
	{ IN(LOOKUP) | IN(SOCKET), ENODEV, VMSOCK_ERROR_NO_DEVICE,
	  "the kernel's vsock is there but without VMCI, and only VMCI has datagrams; "
	  "use streams, or load the module vmsock" },
	{ IN(BIND), EACCES, VMSOCK_ERROR_DENIED,
	  "ports below 1024 are for privileged programs; "
	  "take a higher port, or run with CAP_NET_BIND_SERVICE" },
	{ IN(BIND), EADDRNOTAVAIL, VMSOCK_ERROR_ADDRESS_NOT_LOCAL,
	  "that context ID is not this machine's, or no port is free; "
	  "bind to 'any' or 'self'" },
	{ ANYWHERE, EADDRINUSE, VMSOCK_ERROR_ADDRESS_IN_USE,
	  "another socket has that port; stop the program that uses it or take another port" },
	{ IN(CONNECT), ECONNRESET, VMSOCK_ERROR_NO_LISTENER,
	  "the peer refused: nobody listens on that port, or too many connections wait there; "
	  "start the listening program or check the port" },
	{ IN(CONNECT), ECONNREFUSED, VMSOCK_ERROR_NO_LISTENER,
	  "nobody listens on that port; start the listening program or check the port" },
	{ IN(CONNECT), ENODEV, VMSOCK_ERROR_NO_DEVICE,
	  "nothing on this machine reaches that context; for the host, check that the virtual "
	  "machine has a VMCI or vsock device; for this machine, try: modprobe vsock_loopback" },
	{ IN(CONNECT), EPERM, VMSOCK_ERROR_DENIED,
	  "that virtual machine is restricted; "
	  "only its owner or a privileged program may talk to it" },
	{ IN(CONNECT), EPROTO, VMSOCK_ERROR_PROTOCOL,
	  "the peer broke the rules of the protocol, or was itself connecting to our port" },
	{ IN(CONNECT), EINVAL, VMSOCK_ERROR_UNREACHABLE,
	  "there is no such context, or the stack does not take this address" },
	{ IN(CONNECT_UNIX), ENOENT, VMSOCK_ERROR_UNREACHABLE,
	  "there is no such socket; check the path and that the virtual machine runs" },
	{ IN(CONNECT_UNIX), ENOTDIR, VMSOCK_ERROR_UNREACHABLE,
	  "there is no such socket; check the path and that the virtual machine runs" },
	{ IN(CONNECT_UNIX), ENOTSOCK, VMSOCK_ERROR_UNREACHABLE, "that file is no socket" },
	{ IN(CONNECT_UNIX), EPROTOTYPE, VMSOCK_ERROR_UNREACHABLE, "that socket is no stream" },
	{ IN(CONNECT_UNIX), ECONNREFUSED, VMSOCK_ERROR_NO_LISTENER,
	  "nobody listens on that socket; start the program or the virtual machine behind it" },
	{ IN(CONNECT_UNIX), ECONNRESET, VMSOCK_ERROR_NO_LISTENER,
	  "the monitor refused: nobody listens on that port in the virtual machine; "
	  "start the listening program or check the port" },
	{ IN(CONNECT_UNIX), EACCES, VMSOCK_ERROR_DENIED,
	  "the socket may not be used; ask its owner, or run as another user" },
	{ IN(CONNECT_UNIX), ETIMEDOUT, VMSOCK_ERROR_TIMED_OUT,
	  "nothing behind the socket answered in time; check that the virtual machine runs" },
	{ IN(CONNECT_UNIX), EPROTO, VMSOCK_ERROR_PROTOCOL,
	  "what answered is no monitor; check that the path is that of a virtual machine's vsock" },
	{ IN(SEND), EHOSTUNREACH, VMSOCK_ERROR_NO_LISTENER,
	  "nobody receives datagrams on that port; start the receiving program or check the port" },
	{ IN(SEND), EPERM, VMSOCK_ERROR_DENIED,
	  "that virtual machine is restricted; "
	  "only its owner or a privileged program may talk to it" },
	{ IN(SEND), EINVAL, VMSOCK_ERROR_UNREACHABLE,
	  "there is no such context, or the stack does not take this address" },
	{ IN(SEND), EMSGSIZE, VMSOCK_ERROR_TOO_LONG,
	  "a datagram carries 69608 bytes at most; send less at a time" },
	{ IN(SEND), ENOBUFS, VMSOCK_ERROR_NO_RESOURCES,
	  "the queue of the peer is full; send more slowly" },
	{ ANYWHERE, EHOSTUNREACH, VMSOCK_ERROR_UNREACHABLE,
	  "there is no such context; check the context ID and that the machine runs" },
	{ ANYWHERE, ENETUNREACH, VMSOCK_ERROR_UNREACHABLE,
	  "this stack has no way to that context; context 1 needs the kernel's vsock_loopback" },
	{ ANYWHERE, ETIMEDOUT, VMSOCK_ERROR_TIMED_OUT,
	  "the peer did not answer in time; check that the machine runs and has vsock" },
	{ ANYWHERE, ECONNRESET, VMSOCK_ERROR_RESET, "the peer ended the connection" },
	{ ANYWHERE, EPIPE, VMSOCK_ERROR_RESET, "the peer takes no more data" },
	{ ANYWHERE, ENOBUFS, VMSOCK_ERROR_NO_RESOURCES,
	  "queue memory ran out; try again, or ask for smaller buffers" },
	{ ANYWHERE, ENOMEM, VMSOCK_ERROR_NO_RESOURCES, "memory ran out" },
	{ ANYWHERE, EMFILE, VMSOCK_ERROR_NO_RESOURCES,
	  "the program has too many open files; raise its limit (ulimit -n)" },
	{ ANYWHERE, ENFILE, VMSOCK_ERROR_NO_RESOURCES, "the system has too many open files" },
	{ ANYWHERE, EACCES, VMSOCK_ERROR_DENIED, "permission is missing" },
	{ ANYWHERE, EPERM, VMSOCK_ERROR_DENIED, "permission is missing" },
	{ ANYWHERE, EOPNOTSUPP, VMSOCK_ERROR_NOT_SUPPORTED, "this stack cannot do that" },
	{ ANYWHERE, ESOCKTNOSUPPORT, VMSOCK_ERROR_NOT_SUPPORTED,
	  "this stack has no sockets of that type" },
	{ ANYWHERE, EPROTONOSUPPORT, VMSOCK_ERROR_NOT_SUPPORTED, "this stack cannot do that" },
	{ IN(OPTION), ENOTTY, VMSOCK_ERROR_NOT_SUPPORTED, "this stack cannot tell" },
	{ ANYWHERE, ENOPROTOOPT, VMSOCK_ERROR_NOT_SUPPORTED,
	  "this stack does not know the socket option" },
};

static const struct cause *find_cause(VmsockOperation operation, int system_error)
{
	for (gsize i = 0; i < G_N_ELEMENTS(causes); i++)
		if (causes[i].system_error == system_error &&
		    causes[i].where & (1u << operation))
			return &causes[i];
	return NULL;
}

const char *_vmsock_error_cause(VmsockOperation operation, int system_error)
{
	const struct cause *cause = find_cause(operation, system_error);

	return cause ? cause->text : NULL;
}

/**
 * vmsock_error_from_errno:
 * @operation: what failed
 * @system_error: the errno it left
 *
 * Sorts a system error by cause.
 *
 * Returns: the code, [error@Vmsock.Error.FAILED] for anything unusual
 */
VmsockError vmsock_error_from_errno(VmsockOperation operation, int system_error)
{
	const struct cause *cause = find_cause(operation, system_error);

	return cause ? cause->code : VMSOCK_ERROR_FAILED;
}

/**
 * vmsock_error_get_errno:
 * @error: an error
 *
 * The system error behind an error of this library.
 *
 * Returns: the errno, or 0 if there was none
 */
int vmsock_error_get_errno(const GError *error)
{
	g_return_val_if_fail(error != NULL, 0);
	return error->domain == VMSOCK_ERROR ? vmsock_error_get_private(error)->system_error : 0;
}

/**
 * vmsock_error_get_offset:
 * @error: an error
 *
 * Where in the text [func@Vmsock.Address.parse] stopped to understand, in bytes.
 *
 * Returns: the offset, or -1 if the error is about something else
 */
gssize vmsock_error_get_offset(const GError *error)
{
	g_return_val_if_fail(error != NULL, -1);
	return error->domain == VMSOCK_ERROR ? vmsock_error_get_private(error)->offset : -1;
}

void _vmsock_error_set(GError **error, VmsockOperation operation, int system_error,
		       const char *what, ...)
{
	g_autofree char *explanation = NULL;
	g_autofree char *text = NULL;
	va_list args;

	if (!error)
		return;
	va_start(args, what);
	text = g_strdup_vprintf(what, args);
	va_end(args);
	explanation = vmsock_stack_explain(operation, system_error);
	g_set_error(error, VMSOCK_ERROR, vmsock_error_from_errno(operation, system_error),
		    "%s: %s", text, explanation);
	vmsock_error_get_private(*error)->system_error = system_error;
}

void _vmsock_error_set_offset(GError **error, VmsockError code, gsize offset,
			      const char *format, ...)
{
	va_list args;

	if (!error)
		return;
	va_start(args, format);
	*error = g_error_new_valist(VMSOCK_ERROR, code, format, args);
	va_end(args);
	vmsock_error_get_private(*error)->offset = (gssize)offset;
}
