/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * attempt.c - a connect on its way
 *
 * Copyright (C) 2026 The vmsock authors
 *
 *	start -> connecting -> connected -> asking -> answering -> done
 *	  ^          |             |   (only behind a monitor)
 *	  +- pause <-+-------------+--- failures that may pass, if the client retries
 *
 * The socket is wrapped when connect() has been called: a GSocket is costly, and asking it for the
 * result of its connect makes it notice that it is connected, which it cannot find out by itself
 * for this family.  The wait is the client's, for the exact system error, for cancellation and for
 * monitors; if nothing but time can end it, connect() waits, which is faster, and the stack keeps
 * the limit.
 *
 * A monitor with one UNIX socket for all ports of its virtual machine is told "CONNECT PORT\n" and
 * answers "OK NUMBER\n", where the number is the port that the virtual machine sees as the source.
 * If nobody listens there it closes.  What follows the line is the stream.
 */
#include "attempt.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* The stacks' own limit for a peer; a monitor may take as long. */
#define USUAL_TIMEOUT_MS 2000
/* A stack counts ticks of its clock, and may be early by one. */
#define TICK_MS 10
/* Pauses between tries: the first, doubled each time up to the last. */
#define PAUSE_MIN_MS 10
#define PAUSE_MAX_MS 1000
/* "OK 4294967295\n" and some room to tell what was said instead. */
#define ANSWER_MAX 64

typedef enum attempt_need (*attempt_step)(VmsockAttempt *attempt, GError **error);

struct attempt {
	VmsockClient *client;		/* borrowed */
	struct attempt_settings settings;
	VmsockAddress *address;
	attempt_step step;
	gint64 begun, deadline;		/* of the whole; G_MAXINT64 for none */
	gint64 try_limit;		/* of this try; 0 before it begins */
	gint64 limit;			/* the same, or the end of a pause */
	guint pause_ms;			/* the next one */
	gboolean may_wait;
	int fd;				/* not wrapped yet; or -1 */
	GSocket *socket;
	VmsockConnection *connection;
	GError *last_error;		/* of the try before */
	char line[ANSWER_MAX + 1];	/* what is to be sent, then what was received */
	gsize line_length, line_sent;
};

static enum attempt_need start(VmsockAttempt *attempt, GError **error);

static gint64 in_milliseconds(guint milliseconds)
{
	return g_get_monotonic_time() + (gint64)milliseconds * 1000;
}

VmsockAttempt *_vmsock_attempt_new(VmsockClient *client, const struct attempt_settings *settings,
				   VmsockAddress *address, gboolean may_wait)
{
	VmsockAttempt *attempt = g_new0(struct attempt, 1);

	attempt->client = client;
	attempt->settings = *settings;
	if (settings->stack)
		g_object_ref(settings->stack);
	if (settings->local_address)
		g_object_ref(settings->local_address);
	attempt->address = g_object_ref(address);
	attempt->begun = g_get_monotonic_time();
	attempt->deadline = settings->deadline ? in_milliseconds(settings->deadline) : G_MAXINT64;
	attempt->limit = G_MAXINT64;
	attempt->pause_ms = PAUSE_MIN_MS;
	attempt->may_wait = may_wait &&
			    vmsock_address_get_kind(address) == VMSOCK_ADDRESS_KIND_VSOCK;
	attempt->fd = -1;
	attempt->step = start;
	return attempt;
}

static void drop_socket(VmsockAttempt *attempt)
{
	g_clear_object(&attempt->connection);
	g_clear_object(&attempt->socket);
	if (attempt->fd >= 0)
		close(attempt->fd);
	attempt->fd = -1;
}

void _vmsock_attempt_free(VmsockAttempt *attempt)
{
	drop_socket(attempt);
	g_clear_object(&attempt->settings.stack);
	g_clear_object(&attempt->settings.local_address);
	g_clear_object(&attempt->address);
	g_clear_error(&attempt->last_error);
	g_free(attempt);
}

static void tell(VmsockAttempt *attempt, GSocketClientEvent event)
{
	_vmsock_client_tell(attempt->client, event, attempt->address, attempt->connection);
}

static gboolean is_behind_path(VmsockAttempt *attempt)
{
	return vmsock_address_get_kind(attempt->address) != VMSOCK_ADDRESS_KIND_VSOCK;
}

static VmsockOperation operation_of(VmsockAttempt *attempt)
{
	return is_behind_path(attempt) ? VMSOCK_OPERATION_CONNECT_UNIX : VMSOCK_OPERATION_CONNECT;
}

/* Always returns ATTEMPT_FAILED. */
static enum attempt_need fail(VmsockAttempt *attempt, int system_error, GError **error)
{
	g_autofree char *text = vmsock_address_to_string(attempt->address);

	_vmsock_error_set(error, operation_of(attempt), system_error, "cannot connect to %s", text);
	return ATTEMPT_FAILED;
}

/* Sockets */

/* In milliseconds, 0 for its own; the deadline counts if nobody else looks at the clock. */
static guint limit_for_stack(VmsockAttempt *attempt)
{
	guint timeout = attempt->settings.connect_timeout;
	gint64 left;

	if (!attempt->may_wait || attempt->deadline == G_MAXINT64)
		return timeout;
	left = MAX(attempt->deadline - g_get_monotonic_time(), 0) / 1000 + TICK_MS;
	return left < (timeout ? timeout : USUAL_TIMEOUT_MS) ? (guint)left : timeout;
}

static gboolean prepare(VmsockAttempt *attempt, VmsockStack *stack, int fd, GError **error)
{
	const struct attempt_settings *settings = &attempt->settings;
	guint limit = limit_for_stack(attempt);

	if (settings->buffer_size &&
	    !_vmsock_stack_set_buffer_size(stack, fd, settings->buffer_size, error))
		return FALSE;
	if (limit && !_vmsock_stack_set_connect_timeout(stack, fd, limit, error))
		return FALSE;
	return !settings->local_address || vmsock_address_get_path(settings->local_address) ||
	       _vmsock_address_bind(settings->local_address, stack, fd, error);
}

static int make_vsock(VmsockAttempt *attempt, VmsockStack *stack, GError **error)
{
	GSocketType type = vmsock_address_get_socket_type(attempt->address);
	int fd;

	if (type == G_SOCKET_TYPE_DATAGRAM) {
		g_set_error_literal(error, VMSOCK_ERROR, VMSOCK_ERROR_NOT_SUPPORTED,
				    "a datagram address cannot be connected to as a stream");
		return -1;
	}
	fd = _vmsock_stack_make_socket(stack, type, attempt->may_wait, error);
	if (fd < 0 || prepare(attempt, stack, fd, error))
		return fd;
	close(fd);
	return -1;
}

static int make_unix(VmsockAttempt *attempt, GError **error)
{
	int size = (int)MIN(attempt->settings.buffer_size, G_MAXINT);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0) {
		_vmsock_error_set(error, VMSOCK_OPERATION_SOCKET, errno, "cannot make a socket");
	} else if (size) {
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	}
	return fd;
}

/* Make the socket and call connect(); FALSE with @error if there is no socket, else its result is
 * in @system_error. */
static gboolean call_connect(VmsockAttempt *attempt, int *system_error, GError **error)
{
	g_autoptr(VmsockStack) stack = NULL;
	union {
		struct sockaddr any;
		struct sockaddr_vm vsock;
		struct sockaddr_un path;
	} native;
	GSocketAddress *base = G_SOCKET_ADDRESS(attempt->address);

	drop_socket(attempt);
	if (is_behind_path(attempt)) {
		if (!g_socket_address_to_native(base, &native, sizeof(native), error))
			return FALSE;
		attempt->fd = make_unix(attempt, error);
	} else {
		stack = _vmsock_client_get_stack(attempt->client, attempt->settings.stack, error);
		if (!stack)
			return FALSE;
		_vmsock_address_fill(attempt->address, stack, &native.vsock);
		attempt->fd = make_vsock(attempt, stack, error);
	}
	if (attempt->fd < 0)
		return FALSE;
	*system_error = 0;
	if (connect(attempt->fd, &native.any,
		    (socklen_t)g_socket_address_get_native_size(base)) < 0)
		*system_error = errno;
	return TRUE;
}

static gboolean wrap_socket(VmsockAttempt *attempt, GError **error)
{
	attempt->socket = g_socket_new_from_fd(attempt->fd, error);
	if (attempt->socket)
		attempt->fd = -1;
	return attempt->socket != NULL;
}

/* Steps, the last first */

static enum attempt_need finish(VmsockAttempt *attempt)
{
	tell(attempt, G_SOCKET_CLIENT_COMPLETE);
	return ATTEMPT_DONE;
}

/* The number behind "OK ". */
static gboolean parse_answer(VmsockAttempt *attempt, guint32 *port)
{
	guint64 value;

	attempt->line[attempt->line_length - 1] = '\0';
	if (strncmp(attempt->line, "OK ", 3) != 0 ||
	    !g_ascii_string_to_unsigned(attempt->line + 3, 10, 0, G_MAXUINT32, &value, NULL))
		return FALSE;
	*port = (guint32)value;
	return TRUE;
}

static enum attempt_need accept_answer(VmsockAttempt *attempt, GError **error)
{
	guint32 port;

	if (!parse_answer(attempt, &port))
		return fail(attempt, EPROTO, error);
	_vmsock_connection_set_port(attempt->connection, port);
	tell(attempt, G_SOCKET_CLIENT_PROXY_NEGOTIATED);
	return finish(attempt);
}

/* Up to the end of the line and no further: what follows belongs to the user. */
static gssize receive_part(VmsockAttempt *attempt)
{
	int fd = g_socket_get_fd(attempt->socket);
	char *to = attempt->line + attempt->line_length;
	gssize got = recv(fd, to, ANSWER_MAX - attempt->line_length, MSG_PEEK | MSG_DONTWAIT);
	char *end;

	if (got <= 0)
		return got;
	end = memchr(to, '\n', (gsize)got);
	return recv(fd, to, end ? (gsize)(end - to) + 1 : (gsize)got, MSG_DONTWAIT);
}

static enum attempt_need read_answer(VmsockAttempt *attempt, GError **error)
{
	gssize got = receive_part(attempt);

	if (got == 0)
		return fail(attempt, ECONNRESET, error);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return ATTEMPT_READABLE;
	if (got < 0)
		return fail(attempt, errno, error);
	attempt->line_length += (gsize)got;
	if (attempt->line[attempt->line_length - 1] == '\n')
		return accept_answer(attempt, error);
	return attempt->line_length < ANSWER_MAX ? ATTEMPT_AGAIN : fail(attempt, EPROTO, error);
}

static enum attempt_need send_question(VmsockAttempt *attempt, GError **error)
{
	gssize sent = send(g_socket_get_fd(attempt->socket), attempt->line + attempt->line_sent,
			   attempt->line_length - attempt->line_sent, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (sent < 0 && (errno == EAGAIN || errno == EINTR))
		return ATTEMPT_WRITABLE;
	if (sent < 0)
		return fail(attempt, errno == EPIPE ? ECONNRESET : errno, error);
	attempt->line_sent += (gsize)sent;
	if (attempt->line_sent == attempt->line_length) {
		attempt->line_length = 0;
		attempt->step = read_answer;
	}
	return ATTEMPT_AGAIN;
}

static enum attempt_need connected(VmsockAttempt *attempt, GError **error)
{
	if (!g_socket_check_connect_result(attempt->socket, error))
		return ATTEMPT_FAILED;
	/* Is connected already, so this fails; but now GSocket knows the peer's address, too. */
	g_socket_connect(attempt->socket, G_SOCKET_ADDRESS(attempt->address), NULL, NULL);
	attempt->connection = _vmsock_connection_new(attempt->socket, attempt->address);
	tell(attempt, G_SOCKET_CLIENT_CONNECTED);
	if (vmsock_address_get_kind(attempt->address) != VMSOCK_ADDRESS_KIND_MUX)
		return finish(attempt);
	tell(attempt, G_SOCKET_CLIENT_PROXY_NEGOTIATING);
	g_snprintf(attempt->line, sizeof(attempt->line), "CONNECT %u\n",
		   vmsock_address_get_port(attempt->address));
	attempt->line_length = strlen(attempt->line);
	attempt->line_sent = 0;
	attempt->step = send_question;
	return ATTEMPT_AGAIN;
}

static enum attempt_need connecting(VmsockAttempt *attempt, GError **error)
{
	int system_error = 0;

	if (!g_socket_condition_check(attempt->socket, G_IO_OUT))
		return ATTEMPT_WRITABLE;
	if (!g_socket_get_option(attempt->socket, SOL_SOCKET, SO_ERROR, &system_error, error))
		return ATTEMPT_FAILED;
	if (system_error)
		return fail(attempt, system_error, error);
	attempt->step = connected;
	return ATTEMPT_AGAIN;
}

static enum attempt_need paused(VmsockAttempt *attempt, GError **error G_GNUC_UNUSED)
{
	if (g_get_monotonic_time() < attempt->limit)
		return ATTEMPT_TIME;
	attempt->step = start;
	return ATTEMPT_AGAIN;
}

static enum attempt_need pause_a_while(VmsockAttempt *attempt)
{
	attempt->limit = in_milliseconds(attempt->pause_ms);
	attempt->pause_ms = MIN(attempt->pause_ms * 2, PAUSE_MAX_MS);
	attempt->step = paused;
	return ATTEMPT_TIME;
}

/* The stack has its own limit, which is right for the peer; ours is for a stack that ignores it
 * while we wait, and for monitors. */
static gint64 limit_of_try(VmsockAttempt *attempt)
{
	guint timeout = attempt->settings.connect_timeout;

	if (is_behind_path(attempt))
		return in_milliseconds(timeout ? timeout : USUAL_TIMEOUT_MS);
	return timeout ? in_milliseconds(timeout) + G_USEC_PER_SEC : G_MAXINT64;
}

static enum attempt_need start(VmsockAttempt *attempt, GError **error)
{
	int system_error;

	if (!attempt->try_limit)
		attempt->try_limit = limit_of_try(attempt);
	attempt->limit = attempt->try_limit;
	tell(attempt, G_SOCKET_CLIENT_CONNECTING);
	if (!call_connect(attempt, &system_error, error))
		return ATTEMPT_FAILED;
	switch (system_error) {
	case 0:
		attempt->step = connected;
		return wrap_socket(attempt, error) ? ATTEMPT_AGAIN : ATTEMPT_FAILED;
	case EINPROGRESS:
		attempt->step = connecting;
		return wrap_socket(attempt, error) ? ATTEMPT_WRITABLE : ATTEMPT_FAILED;
	case EINTR:
		/* A signal ended the attempt: from now on we wait ourselves. */
		attempt->may_wait = FALSE;
		return ATTEMPT_AGAIN;
	case ETIMEDOUT:
		/* At the deadline there is more to say. */
		return attempt->deadline <= g_get_monotonic_time() ?
		       ATTEMPT_TIME : fail(attempt, system_error, error);
	case EAGAIN:
		/* The queue of a UNIX listener is full, where a blocking connect() waits. */
		return attempt->limit <= g_get_monotonic_time() ? fail(attempt, ETIMEDOUT, error)
								: pause_a_while(attempt);
	default:
		return fail(attempt, system_error, error);
	}
}

/* What may be otherwise in a moment. */
static gboolean may_pass(const GError *error)
{
	if (error->domain != VMSOCK_ERROR)
		return FALSE;
	switch ((VmsockError)error->code) {
	case VMSOCK_ERROR_NO_LISTENER:
	case VMSOCK_ERROR_UNREACHABLE:
	case VMSOCK_ERROR_TIMED_OUT:
	case VMSOCK_ERROR_RESET:
	case VMSOCK_ERROR_NO_RESOURCES:
		return TRUE;
	case VMSOCK_ERROR_NO_DEVICE:
		return vmsock_error_get_errno(error) == ENODEV;
	default:
		return FALSE;
	}
}

static enum attempt_need fail_at_deadline(VmsockAttempt *attempt, GError **error)
{
	g_autofree char *text = vmsock_address_to_string(attempt->address);

	_vmsock_client_drop_stack(attempt->client);
	_vmsock_error_set(error, operation_of(attempt), ETIMEDOUT,
			  "no connection to %s after %u ms%s%s", text, attempt->settings.deadline,
			  attempt->last_error ? "; the last try: " : "",
			  attempt->last_error ? attempt->last_error->message : "");
	return ATTEMPT_FAILED;
}

/* After a step that failed with @problem, which is taken. */
static enum attempt_need try_again(VmsockAttempt *attempt, GError *problem, GError **error)
{
	_vmsock_client_drop_stack(attempt->client);
	if (!attempt->settings.retry || !may_pass(problem)) {
		g_propagate_error(error, problem);
		return ATTEMPT_FAILED;
	}
	drop_socket(attempt);
	g_clear_error(&attempt->last_error);
	attempt->last_error = problem;
	attempt->try_limit = 0;
	return pause_a_while(attempt);
}

static enum attempt_need check_time(VmsockAttempt *attempt, enum attempt_need need,
				    GError **error)
{
	gint64 now = g_get_monotonic_time();

	if (now >= attempt->deadline)
		return fail_at_deadline(attempt, error);
	if (now >= attempt->limit && attempt->step != paused) {
		GError *problem = NULL;

		fail(attempt, ETIMEDOUT, &problem);
		return try_again(attempt, problem, error);
	}
	return need;
}

static gboolean is_waiting(enum attempt_need need)
{
	return need == ATTEMPT_READABLE || need == ATTEMPT_WRITABLE || need == ATTEMPT_TIME;
}

enum attempt_need _vmsock_attempt_advance(VmsockAttempt *attempt, GError **error)
{
	enum attempt_need need;

	do {
		GError *problem = NULL;

		need = attempt->step(attempt, &problem);
		if (need == ATTEMPT_FAILED)
			need = try_again(attempt, problem, error);
		if (is_waiting(need))
			need = check_time(attempt, need, error);
	} while (need == ATTEMPT_AGAIN);
	return need;
}

GSocket *_vmsock_attempt_get_socket(VmsockAttempt *attempt)
{
	return attempt->socket;
}

gint64 _vmsock_attempt_get_patience(VmsockAttempt *attempt)
{
	gint64 limit = MIN(attempt->limit, attempt->deadline);

	return limit == G_MAXINT64 ? -1 : MAX(limit - g_get_monotonic_time(), 0);
}

VmsockConnection *_vmsock_attempt_take_connection(VmsockAttempt *attempt)
{
	return g_steal_pointer(&attempt->connection);
}
