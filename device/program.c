// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * program.c - a connection with a program of the host, and the bytes between it and the guest
 *
 * Copyright (C) 2026 The vmsock authors
 *
 *	accepted at PATH	COMMAND --line complete--> CONNECTING --established--> RELAY
 *	reached at PATH_port				   CONNECTING --established--> RELAY
 *
 * In RELAY bytes go from the socket straight into the guest's memory and from there straight into
 * the socket.  A direction that cannot go on waits for exactly one thing: the socket, and is woken
 * by epoll (needs_input, needs_output), or the guest, and is woken by program_ready().  It ends
 * when its writer has ended and all is through, or when its reader has; both ended is the end.
 *
 * A socket that the program has closed stays ready for epoll whatever it is asked; it is
 * not watched any more (hung), for what is left in it can be read without waiting.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend_private.h"
#include "stream.h"
#include "vmci/packet.h"

#define LINE_MAX_BYTES	32u
#define LINE_TIMEOUT_MS	5000u

/* Bytes moved one way before others get their turn */
#define BUDGET		(1u << 20)

enum program_state {
	COMMAND,
	CONNECTING,
	RELAY,
};

struct program {
	struct unix_backend *unix_backend;
	struct program *previous, *next;
	struct stream *stream;
	enum program_state state;
	bool host_connects;	/* and is told when it is done */
	int fd;
	struct watch *watch;
	struct timer *timer;	/* for the command */
	char line[LINE_MAX_BYTES + 1];
	size_t length;
	bool needs_input, needs_output;
	bool input_ended, output_ended;
	unsigned int untold;	/* VMSOCK_SHUTDOWN_* that the guest should know of */
	bool hung;
};

static void event(void *data, uint32_t events);

/*
 * Beginning and end
 */

static struct program *program_new(struct unix_backend *unix_backend, int fd, uint32_t events)
{
	struct program *program = g_new0(struct program, 1);

	program->watch = loop_watch(unix_backend->loop, fd, events, event, program);
	if (!program->watch) {
		g_free(program);
		return NULL;
	}
	program->unix_backend = unix_backend;
	program->fd = fd;
	program->next = unix_backend->programs;
	if (program->next)
		program->next->previous = program;
	unix_backend->programs = program;
	unix_backend->connected++;
	return program;
}

static void program_free(struct program *program)
{
	if (program->next)
		program->next->previous = program->previous;
	if (program->previous)
		program->previous->next = program->next;
	else
		program->unix_backend->programs = program->next;
	program->unix_backend->connected--;
	timer_remove(program->timer);
	watch_remove(program->watch);
	close(program->fd);
	g_free(program);
}

void program_end(struct program *program)
{
	if (program->stream)
		stream_close(program->stream);
	program_free(program);
}

/* The guest's memory or its indexes cannot be used */
static void program_break(struct program *program)
{
	stream_reset(program->stream);
	program_free(program);
}

static bool full(const struct unix_backend *unix_backend)
{
	return unix_backend->connected >= unix_backend->most;
}

static void timed_out(void *data)
{
	program_end(data);
}

void program_accept(struct unix_backend *unix_backend, int fd)
{
	struct program *program = NULL;

	if (!full(unix_backend))
		program = program_new(unix_backend, fd, EPOLLIN);
	if (!program) {
		close(fd);
		return;
	}
	program->host_connects = true;
	program->timer = loop_timer(unix_backend->loop, timed_out, program);
	if (program->timer)
		timer_set(program->timer, LINE_TIMEOUT_MS);
	else
		program_end(program);
}

/* A UNIX socket connects at once or not at all: EAGAIN says that the listener's queue is full */
static int reach(const char *path, __u32 port)
{
	struct sockaddr_un address;
	socklen_t length = backend_port_address(&address, path, port, "");
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (!connect(fd, (struct sockaddr *)&address, length))
		return fd;
	close(fd);
	return -1;
}

struct program *program_reach(struct unix_backend *unix_backend, struct stream *stream,
			      __u32 port)
{
	struct program *program;
	int fd;

	if (full(unix_backend))
		return NULL;
	fd = reach(unix_backend->path, port);
	if (fd < 0)
		return NULL;
	program = program_new(unix_backend, fd, 0);
	if (!program) {
		close(fd);
		return NULL;
	}
	program->state = CONNECTING;
	program->stream = stream;
	return program;
}

/*
 * The command
 */

/* "CONNECT 1234", in capitals or not; VMSOCK_PORT_ANY for anything else */
static __u32 command_port(const char *line, size_t length)
{
	static const char keyword[] = "CONNECT";
	const char *digits = line + strlen(keyword);
	guint64 port;
	char *end;

	if (strlen(line) != length || strncasecmp(line, keyword, strlen(keyword)) ||
	    !g_ascii_isspace(*digits))
		return VMSOCK_PORT_ANY;
	while (g_ascii_isspace(*digits))
		digits++;
	if (!g_ascii_isdigit(*digits))
		return VMSOCK_PORT_ANY;
	port = g_ascii_strtoull(digits, &end, 10);
	while (g_ascii_isspace(*end))
		end++;
	return *end || port > VMSOCK_PORT_ANY ? VMSOCK_PORT_ANY : (__u32)port;
}

static bool line_complete(const struct program *program)
{
	return program->length && program->line[program->length - 1] == '\n';
}

/* Up to the end of the line and not a byte more; false when it is gone or talks nonsense */
static bool read_line(struct program *program)
{
	char *at = program->line + program->length;
	size_t room = LINE_MAX_BYTES - program->length;
	ssize_t seen = recv(program->fd, at, room, MSG_PEEK | MSG_DONTWAIT);
	const char *end;

	if (seen <= 0)
		return seen < 0 && (errno == EAGAIN || errno == EINTR);
	end = memchr(at, '\n', (size_t)seen);
	if (end)
		seen = end + 1 - at;
	seen = recv(program->fd, at, (size_t)seen, MSG_DONTWAIT);
	if (seen <= 0)
		return false;
	program->length += (size_t)seen;
	return line_complete(program) || program->length < LINE_MAX_BYTES;
}

/* Refusal is closing without a word (vfio-user.md 9.1) */
static void command(struct program *program)
{
	struct unix_backend *unix_backend = program->unix_backend;
	__u32 port;

	if (!read_line(program)) {
		program_end(program);
		return;
	}
	if (!line_complete(program))
		return;
	timer_stop(program->timer);
	/* What comes behind the line stays in the socket for now */
	watch_events(program->watch, 0);
	program->state = CONNECTING;
	port = command_port(program->line, program->length);
	if (port != VMSOCK_PORT_ANY)
		program->stream = stream_connect(unix_backend->backend.endpoint, port, program);
	if (!program->stream)
		program_end(program);
}

/*
 * Relay
 */

/* What has ended a transfer that has moved nothing */
enum transfer {
	MOVED,
	WAITS,			/* for the socket */
	GONE,			/* the program has closed this direction */
	BROKEN,			/* the guest's memory has gone */
};

static enum transfer transfer_of(ssize_t result)
{
	if (result > 0)
		return MOVED;
	if (result < 0 && (errno == EAGAIN || errno == EINTR))
		return WAITS;
	return result < 0 && errno == EFAULT ? BROKEN : GONE;
}

static enum transfer send_some(struct program *program, struct iovec *pieces, int count)
{
	struct msghdr message = { .msg_iov = pieces, .msg_iovlen = (size_t)count };
	ssize_t result = sendmsg(program->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (result > 0)
		stream_consumed(program->stream, (size_t)result);
	return transfer_of(result);
}

static enum transfer receive_some(struct program *program, struct iovec *pieces, int count)
{
	struct msghdr message = { .msg_iov = pieces, .msg_iovlen = (size_t)count };
	ssize_t result = recvmsg(program->fd, &message, MSG_DONTWAIT);

	if (result > 0)
		stream_produced(program->stream, (size_t)result);
	return transfer_of(result);
}

/* The program does not receive any more: what the guest still sends is nobody's */
static void output_gone(struct program *program)
{
	if (program->output_ended)
		return;
	program->output_ended = true;
	program->needs_output = false;
	program->untold |= VMSOCK_SHUTDOWN_RECEIVE;
}

/* The guest has said all it had to say */
static void output_done(struct program *program)
{
	program->output_ended = true;
	shutdown(program->fd, SHUT_WR);
}

/* From the guest; false when the connection is broken */
static bool relay_output(struct program *program)
{
	struct iovec pieces[PAIR_PIECES];
	size_t moved = 0;
	bool waited = false;
	int count;

	program->needs_output = false;
	while (!program->output_ended) {
		ssize_t ready = stream_readable(program->stream, pieces, &count);

		if (ready < 0)
			return false;
		if (!ready && stream_read_ended(program->stream)) {
			output_done(program);
		} else if (!ready) {
			if (waited)
				break;
			stream_wait_read(program->stream);
			waited = true;
		} else if (moved >= BUDGET) {
			program->needs_output = true;
			break;
		} else {
			switch (send_some(program, pieces, count)) {
			case MOVED:
				moved += (size_t)ready;
				waited = false;
				break;
			case WAITS:
				program->needs_output = true;
				return true;
			case GONE:
				output_gone(program);
				break;
			case BROKEN:
				return false;
			}
		}
	}
	return true;
}

/* The program has said all it had to say */
static void input_done(struct program *program)
{
	program->input_ended = true;
	program->untold |= VMSOCK_SHUTDOWN_SEND;
}

/* The guest does not receive any more: the program gets EPIPE */
static void input_gone(struct program *program)
{
	program->input_ended = true;
	shutdown(program->fd, SHUT_RD);
}

/* To the guest; false when the connection is broken */
static bool relay_input(struct program *program)
{
	struct iovec pieces[PAIR_PIECES];
	size_t moved = 0;
	bool waited = false;
	int count;

	program->needs_input = false;
	while (!program->input_ended) {
		ssize_t space;

		if (stream_write_ended(program->stream)) {
			input_gone(program);
			break;
		}
		space = stream_writable(program->stream, pieces, &count);
		if (space < 0)
			return false;
		if (!space) {
			if (waited)
				break;
			stream_wait_write(program->stream);
			waited = true;
		} else if (moved >= BUDGET && !program->hung) {
			program->needs_input = true;
			break;
		} else {
			switch (receive_some(program, pieces, count)) {
			case MOVED:
				moved += (size_t)space;
				waited = false;
				break;
			case WAITS:
				program->needs_input = true;
				return true;
			case GONE:
				input_done(program);
				break;
			case BROKEN:
				return false;
			}
		}
	}
	return true;
}

/* After either direction has been looked at.  The end of both needs no packet */
static void settle(struct program *program, bool good)
{
	if (!good) {
		program_break(program);
		return;
	}
	if (program->input_ended && program->output_ended) {
		program_end(program);
		return;
	}
	stream_shutdown(program->stream, program->untold);
	if (program->watch)
		watch_events(program->watch, (program->needs_input ? EPOLLIN : 0u) |
					     (program->needs_output ? EPOLLOUT : 0u));
}

static void relay(struct program *program)
{
	settle(program, relay_output(program) && relay_input(program));
}

/* What waits for the socket need not be tried */
void program_ready(void *connection)
{
	struct program *program = connection;
	bool good = true;

	if (program->state != RELAY)
		return;
	if (!program->needs_output)
		good = relay_output(program);
	if (good && (!program->needs_input || stream_write_ended(program->stream)))
		good = relay_input(program);
	settle(program, good);
}

static void tell_program(struct program *program)
{
	char text[LINE_MAX_BYTES];
	int length = g_snprintf(text, sizeof(text), "OK %u\n", stream_port(program->stream));

	if (send(program->fd, text, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL) != length)
		output_gone(program);
}

void program_established(void *connection)
{
	struct program *program = connection;

	program->state = RELAY;
	if (program->host_connects)
		tell_program(program);
	if (program->hung)
		output_gone(program);
	relay(program);
}

void program_closed(void *connection)
{
	struct program *program = connection;

	program_free(program);
}

static void hang_up(struct program *program)
{
	program->hung = true;
	watch_remove(program->watch);
	program->watch = NULL;
	if (program->state == RELAY)
		output_gone(program);
}

static void event(void *data, uint32_t events)
{
	struct program *program = data;
	bool good = true;

	if (program->state == COMMAND) {
		command(program);
		return;
	}
	if (events & (EPOLLHUP | EPOLLERR))
		hang_up(program);
	if (program->state != RELAY)
		return;
	if (events & EPOLLOUT)
		good = relay_output(program);
	if (good && (events & EPOLLIN || program->hung))
		good = relay_input(program);
	settle(program, good);
}
