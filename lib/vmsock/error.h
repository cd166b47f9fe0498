/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * error.h - why a call failed, in terms a program can act on
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef VMSOCK_ERROR_H
#define VMSOCK_ERROR_H

#include <gio/gio.h>
#include <vmsock/version.h>

G_BEGIN_DECLS

/**
 * VMSOCK_ERROR:
 *
 * Error domain of this library, with codes from [error@Vmsock.Error]. A cancelled call ends in
 * [error@Gio.IOErrorEnum] instead, as everywhere in GIO, and so does input and output on the
 * streams of a connection.
 */
#define VMSOCK_ERROR (vmsock_error_quark())

/**
 * VmsockError:
 * @VMSOCK_ERROR_FAILED: none of the others; ask [func@Vmsock.Error.get_errno]
 * @VMSOCK_ERROR_INVALID_ADDRESS: text is not an address; ask [func@Vmsock.Error.get_offset]
 * @VMSOCK_ERROR_NO_STACK: this machine has no vsock at all: no module is loaded
 * @VMSOCK_ERROR_NO_DEVICE: there is vsock, but nothing that reaches the context or has the socket
 *   type asked for
 * @VMSOCK_ERROR_DENIED: permission is missing
 * @VMSOCK_ERROR_NO_LISTENER: the peer is there and nobody listens on the port
 * @VMSOCK_ERROR_UNREACHABLE: there is no such context, or no way to it
 * @VMSOCK_ERROR_TIMED_OUT: the peer did not answer in time
 * @VMSOCK_ERROR_RESET: the peer ended the connection
 * @VMSOCK_ERROR_ADDRESS_IN_USE: another socket has the port
 * @VMSOCK_ERROR_ADDRESS_NOT_LOCAL: the context ID to bind to is not this machine's
 * @VMSOCK_ERROR_NO_RESOURCES: memory, queue space or descriptors ran out; worth another try
 * @VMSOCK_ERROR_NOT_SUPPORTED: the stack here cannot do that
 * @VMSOCK_ERROR_TOO_LONG: the datagram is longer than the stack can carry
 * @VMSOCK_ERROR_PROTOCOL: the peer broke the rules of the protocol
 * @VMSOCK_ERROR_PEER_RESTARTED: the connection ended because the machine at one of its ends was
 *   restarted, resumed or moved; connect again
 *
 * Causes of failure.
 */
typedef enum {
	VMSOCK_ERROR_FAILED,
	VMSOCK_ERROR_INVALID_ADDRESS,
	VMSOCK_ERROR_NO_STACK,
	VMSOCK_ERROR_NO_DEVICE,
	VMSOCK_ERROR_DENIED,
	VMSOCK_ERROR_NO_LISTENER,
	VMSOCK_ERROR_UNREACHABLE,
	VMSOCK_ERROR_TIMED_OUT,
	VMSOCK_ERROR_RESET,
	VMSOCK_ERROR_ADDRESS_IN_USE,
	VMSOCK_ERROR_ADDRESS_NOT_LOCAL,
	VMSOCK_ERROR_NO_RESOURCES,
	VMSOCK_ERROR_NOT_SUPPORTED,
	VMSOCK_ERROR_TOO_LONG,
	VMSOCK_ERROR_PROTOCOL,
	VMSOCK_ERROR_PEER_RESTARTED
} VmsockError;

/**
 * VmsockOperation:
 * @VMSOCK_OPERATION_LOOKUP: finding out which family number to use
 * @VMSOCK_OPERATION_SOCKET: making a socket
 * @VMSOCK_OPERATION_BIND: giving it a local address
 * @VMSOCK_OPERATION_LISTEN: becoming a listener
 * @VMSOCK_OPERATION_ACCEPT: taking a connection
 * @VMSOCK_OPERATION_CONNECT: connecting
 * @VMSOCK_OPERATION_SEND: sending
 * @VMSOCK_OPERATION_RECEIVE: receiving
 * @VMSOCK_OPERATION_OPTION: setting or asking for a socket option
 * @VMSOCK_OPERATION_CONNECT_UNIX: connecting to a UNIX socket, or to a virtual machine behind one
 *
 * What was going on when a system error turned up; the same number means different things in
 * different calls.
 */
typedef enum {
	VMSOCK_OPERATION_LOOKUP,
	VMSOCK_OPERATION_SOCKET,
	VMSOCK_OPERATION_BIND,
	VMSOCK_OPERATION_LISTEN,
	VMSOCK_OPERATION_ACCEPT,
	VMSOCK_OPERATION_CONNECT,
	VMSOCK_OPERATION_SEND,
	VMSOCK_OPERATION_RECEIVE,
	VMSOCK_OPERATION_OPTION,
	VMSOCK_OPERATION_CONNECT_UNIX
} VmsockOperation;

#define VMSOCK_TYPE_ERROR (vmsock_error_get_type())
VMSOCK_AVAILABLE_IN_0_1
GType vmsock_error_get_type(void) G_GNUC_CONST;

#define VMSOCK_TYPE_OPERATION (vmsock_operation_get_type())
VMSOCK_AVAILABLE_IN_0_1
GType vmsock_operation_get_type(void) G_GNUC_CONST;

VMSOCK_AVAILABLE_IN_0_1
GQuark vmsock_error_quark(void);
VMSOCK_AVAILABLE_IN_0_1
VmsockError vmsock_error_from_errno(VmsockOperation operation, int system_error);
VMSOCK_AVAILABLE_IN_0_1
int vmsock_error_get_errno(const GError *error);
VMSOCK_AVAILABLE_IN_0_1
gssize vmsock_error_get_offset(const GError *error);

G_END_DECLS

#endif
