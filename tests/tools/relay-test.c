/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * relay-test.c - copying between pipes, sockets and files: everything arrives, nothing blocks
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "config.h"

#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay.h"

#define LONG_MS 30000

/* What became of a relay. */
struct outcome {
	bool over;
	enum relay_end end;
	int system_error;
};

static void on_done(struct relay *relay, enum relay_end end, int system_error)
{
	struct outcome *outcome = relay->data;

	*outcome = (struct outcome){ true, end, system_error };
}

static gboolean set_flag(gpointer flag)
{
	*(bool *)flag = true;
	return G_SOURCE_REMOVE;
}

/* Run until @over or the time is up; returns @over. */
static bool run_until(const bool *over, guint milliseconds)
{
	bool late = false;
	guint timer = g_timeout_add(milliseconds, set_flag, &late);

	while (!*over && !late)
		g_main_context_iteration(NULL, TRUE);
	if (!late)
		g_source_remove(timer);
	return *over;
}

static void make_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC))
		abort();
}

static void make_sockets(int ends[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		abort();
}

/* A thread that writes a pattern, or reads and checks it. */
struct worker {
	int fd;
	gsize size;
	guint pause_us;		/* between two steps */
	bool good;
	bool finished;
};

static guint8 pattern_at(gsize at)
{
	return (guint8)(at * 7 + at / 251);
}

static gpointer write_pattern(gpointer data)
{
	struct worker *worker = data;
	guint8 buffer[5000];
	gsize done = 0;

	worker->good = true;
	while (done < worker->size && worker->good) {
		gsize part = MIN(sizeof(buffer), worker->size - done);
		ssize_t put;

		for (gsize i = 0; i < part; i++)
			buffer[i] = pattern_at(done + i);
		put = write(worker->fd, buffer, part);
		worker->good = put > 0;
		done += (gsize)MAX(put, 0);
		g_usleep(worker->pause_us);
	}
	close(worker->fd);
	return NULL;
}

static gpointer read_pattern(gpointer data)
{
	struct worker *worker = data;
	guint8 buffer[7000];
	gsize done = 0;
	ssize_t got;

	worker->good = true;
	while ((got = read(worker->fd, buffer, sizeof(buffer))) > 0) {
		for (gsize i = 0; i < (gsize)got; i++)
			worker->good = worker->good && buffer[i] == pattern_at(done + i);
		done += (gsize)got;
		g_usleep(worker->pause_us);
	}
	worker->good = worker->good && got == 0 && done == worker->size;
	close(worker->fd);
	return NULL;
}

static const struct {
	const char *what;
	void (*from)(int ends[2]), (*to)(int ends[2]);
	gsize size, buffer;
	guint writer_pause, reader_pause;
} copies[] = {
	{ "pipe to pipe", make_pipe, make_pipe, 3000001, 65536, 0, 0 },
	{ "pipe to pipe, slow reader", make_pipe, make_pipe, 1000001, 262144, 0, 500 },
	{ "pipe to pipe, slow writer", make_pipe, make_pipe, 300001, 65536, 500, 0 },
	{ "pipe to socket", make_pipe, make_sockets, 3000001, 262144, 0, 0 },
	{ "socket to pipe", make_sockets, make_pipe, 3000001, 262144, 0, 0 },
	{ "socket to pipe, slow reader", make_sockets, make_pipe, 1000001, 262144, 0, 500 },
	{ "socket to socket", make_sockets, make_sockets, 3000001, 65536, 0, 0 },
	{ "socket to socket, slow reader", make_sockets, make_sockets, 1000001, 65536, 0, 500 },
	{ "socket to socket, a byte at a time", make_sockets, make_sockets, 5000, 1, 0, 0 },
	{ "nothing at all", make_pipe, make_sockets, 0, 4096, 0, 0 },
};

static void check_copy(gsize i)
{
	struct outcome outcome = { false };
	struct relay relay = { .done = on_done, .data = &outcome };
	struct worker writer = { .size = copies[i].size, .pause_us = copies[i].writer_pause };
	struct worker reader = { .size = copies[i].size, .pause_us = copies[i].reader_pause };
	struct port from, to;
	int in[2], out[2];
	GThread *threads[2];

	copies[i].from(in);
	copies[i].to(out);
	writer.fd = in[1];
	reader.fd = out[0];
	port_init_input(&from, in[0]);
	port_init_output(&to, out[1]);
	threads[0] = g_thread_new(NULL, write_pattern, &writer);
	threads[1] = g_thread_new(NULL, read_pattern, &reader);
	relay.from = &from;
	relay.to = &to;
	relay_start(&relay, copies[i].buffer);
	ok(run_until(&outcome.over, LONG_MS) && outcome.end == RELAY_EOF &&
	   outcome.system_error == 0, "%s: the end of input arrives", copies[i].what);
	is_u64(relay.bytes, copies[i].size, "... after all bytes");
	relay_stop(&relay);
	port_clear(&to);
	close(in[0]);
	close(out[1]);
	g_thread_join(threads[0]);
	g_thread_join(threads[1]);
	ok(writer.good && reader.good, "... which are the right ones");
}

/* Without a descriptor to spare, a port has no way of its own into a pipe. */
static void init_output(struct port *port, int fd, bool descriptors_left)
{
	struct rlimit usual, none;

	getrlimit(RLIMIT_NOFILE, &usual);
	none = usual;
	none.rlim_cur = 0;
	if (!descriptors_left)
		setrlimit(RLIMIT_NOFILE, &none);
	port_init_output(port, fd);
	setrlimit(RLIMIT_NOFILE, &usual);
	ok(port->owns_fd == descriptors_left, "a port into a pipe, %s",
	   descriptors_left ? "of its own" : "as it is");
}

/* While a reader sleeps, a relay to it must not keep others from their turn. */
static void check_full_pipe(bool descriptors_left)
{
	struct outcome stuck_end = { false }, other_end = { false };
	struct relay stuck = { .done = on_done, .data = &stuck_end };
	struct relay other = { .done = on_done, .data = &other_end };
	struct port in, full, from, to;
	int source[2], sink[2], a[2], b[2];
	static char zeros[300000];

	make_sockets(source);
	make_pipe(sink);
	make_pipe(a);
	make_pipe(b);
	fcntl(source[1], F_SETFL, O_NONBLOCK);
	ok(write(source[1], zeros, sizeof(zeros)) > 70000, "more than a pipe can hold");
	port_init_input(&in, source[0]);
	init_output(&full, sink[1], descriptors_left);
	stuck.from = &in;
	stuck.to = &full;
	relay_start(&stuck, sizeof(zeros));
	ok(write(a[1], "hello", 5) == 5, "... and a few bytes for another one");
	close(a[1]);
	port_init_input(&from, a[0]);
	port_init_output(&to, b[1]);
	other.from = &from;
	other.to = &to;
	relay_start(&other, 4096);
	ok(run_until(&other_end.over, 5000) && other.bytes == 5, "these arrive");
	ok(!stuck_end.over && relay_holds_data(&stuck), "while the full pipe waits");
	ok(stuck.bytes == 65536, "... filled to the brim");
	ok(!(fcntl(sink[1], F_GETFL) & O_NONBLOCK), "and its flags are as they were");
	relay_stop(&stuck);
	relay_stop(&other);
	port_clear(&full);
	port_clear(&to);
	for (int i = 0; i < 2; i++) {
		close(source[i]);
		close(sink[i]);
		close(b[i]);
	}
	close(a[0]);
}

static void check_failure(const char *what, int from_fd, int to_fd, enum relay_end end, int error)
{
	struct outcome outcome = { false };
	struct relay relay = { .done = on_done, .data = &outcome };
	struct port from, to;

	port_init_input(&from, from_fd);
	port_init_output(&to, to_fd);
	relay.from = &from;
	relay.to = &to;
	relay_start(&relay, 4096);
	ok(run_until(&outcome.over, 5000) && outcome.end == end, "%s", what);
	is_s64(outcome.system_error, error, "... errno");
	relay_stop(&relay);
	relay_stop(&relay);
	port_clear(&to);
	port_clear(&to);
}

static void check_failures(void)
{
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	int folder = open("/", O_RDONLY | O_CLOEXEC);
	int ends[2];

	check_failure("a full device", zero, full, RELAY_WRITE_FAILED, ENOSPC);
	check_failure("a folder has no input", folder, full, RELAY_READ_FAILED, EISDIR);
	make_pipe(ends);
	close(ends[0]);
	check_failure("a pipe without a reader", zero, ends[1], RELAY_WRITE_FAILED, EPIPE);
	close(ends[1]);
	make_sockets(ends);
	close(ends[0]);
	check_failure("a socket without a peer", zero, ends[1], RELAY_WRITE_FAILED, EPIPE);
	close(ends[1]);
	close(zero);
	close(full);
	close(folder);
}

/* A relay may be stopped by the call that it makes at its end. */
static void on_done_stop(struct relay *relay, enum relay_end end G_GNUC_UNUSED,
			 int system_error G_GNUC_UNUSED)
{
	bool *over = relay->data;

	relay_stop(relay);
	g_free(relay);
	*over = true;
}

static void check_freed_at_end(void)
{
	struct relay *relay = g_new0(struct relay, 1);
	struct port from, to;
	bool over = false;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	port_init_input(&from, null);
	port_init_output(&to, null);
	relay->from = &from;
	relay->to = &to;
	relay->done = on_done_stop;
	relay->data = &over;
	relay_start(relay, 4096);
	ok(run_until(&over, 5000), "a relay may be freed at its end");
	close(null);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	for (gsize i = 0; i < G_N_ELEMENTS(copies); i++)
		check_copy(i);
	check_full_pipe(true);
	check_full_pipe(false);
	check_failures();
	check_freed_at_end();
	return done_testing();
}
