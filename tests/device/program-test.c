// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * program-test.c - how a program asks for a connection, and where
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "world.h"

#define PORT 5000u

static struct world world;

static void close_accepted(void)
{
	while ((world.socket = machine_accepted(&world.guest->machine, PORT)))
		machine_close(world.socket);
}

static bool line_done(struct world *w)
{
	return w->app->ended || !w->app->connecting;
}

/* Says @text in pieces of @piece bytes; true when it was told its port */
static bool ask(const char *text, size_t length, size_t piece)
{
	int fd = unix_connect(world.path);

	world.app = app_new(world.loop, fd);
	world.app->connecting = true;
	app_run(world.app);
	for (size_t at = 0; at < length; at += piece) {
		send(fd, text + at, length - at < piece ? length - at : piece, MSG_NOSIGNAL);
		if (at + piece < length)
			world_rest(&world);
	}
	return world_until(&world, line_done) && !world.app->ended;
}

static void commands(void)
{
	static const struct {
		const char *text;
		bool good;
	} table[] = {
		{ "CONNECT 5000\n", true },
		{ "connect 5000\n", true },
		{ "Connect \t 5000 \r\n", true },
		{ "CONNECT 000000000000000005000\n", true },
		{ "CONNECT\n", false },
		{ "CONNECT \n", false },
		{ "CONNECT5000\n", false },
		{ "CONNECT x\n", false },
		{ "CONNECT -5000\n", false },
		{ "CONNECT +5000\n", false },
		{ "CONNECT 0x1388\n", false },
		{ "CONNECT 5000 1\n", false },
		{ "CONNECT 5000x\n", false },
		{ "CONNECT 4294967295\n", false },
		{ "CONNECT 4294972296\n", false },
		{ "CONNECT 18446744073709556616\n", false },
		{ " CONNECT 5000\n", false },
		{ "LISTEN 5000\n", false },
		{ "\n", false },
		{ "CONNECT 5000                    \n", false },
		{ "CONNECT 50000000000000000000000000000000000000000", false },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char name[64];

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(table[i].text, "\r\n"),
			 table[i].text);
		is_u64(ask(table[i].text, strlen(table[i].text), 64), table[i].good,
		       "9.1 \"%s\" is %s", name, table[i].good ? "answered" : "refused");
		app_free(world.app);
		is_u64(ask(table[i].text, strlen(table[i].text), 3), table[i].good,
		       "9.1 in pieces, too");
		app_free(world.app);
	}
	ok(!ask("CONNECT 5000\0\n", 14, 64), "9.1 a byte 0 is refused");
	app_free(world.app);
}

static bool socket_ended(struct world *w)
{
	w->socket = machine_accepted(&w->guest->machine, PORT);
	return w->socket && w->socket->ended;
}

static bool app_ended(struct world *w)
{
	return w->app->ended;
}

/* What comes behind the line is the guest's, also from a program that does not wait for OK */
static void bytes_behind(struct socket *listener)
{
	char text[64] = "CONNECT 5000\n";
	size_t length = strlen(text);
	int fd;

	listener->reading = true;
	for (size_t i = 0; i < 20; i++)
		text[length + i] = (char)pattern(i);
	ok(ask(text, length + 20, 64), "9.1 bytes in the same write as the line");
	shutdown(world.app->fd, SHUT_WR);
	ok(world_until(&world, socket_ended) && world.socket->received == 20 &&
	   !world.socket->wrong, "9.1 go to the guest");
	app_free(world.app);
	machine_close(world.socket);

	fd = unix_connect(world.path);
	if (write(fd, text, length + 20) < 0)
		exit(EXIT_FAILURE);
	close(fd);
	ok(world_until(&world, socket_ended) && world.socket->received == 20 &&
	   !world.socket->wrong, "9.1 also when the program has closed before it was answered");
	machine_close(world.socket);
	listener->reading = false;
}

static void silent_program(void)
{
	int fd = unix_connect(world.path);

	close(fd);
	world_rest(&world);
	world.app = app_new(world.loop, unix_connect(world.path));
	world.app->reading = true;
	app_run(world.app);
	dprintf(world.app->fd, "CONN");
	ok(world_until(&world, app_ended), "9.1 who never completes the line is refused");
	app_free(world.app);
}

/* Those that have not said anything count, too */
static void too_many(void)
{
	struct app *apps[3];

	world.options.connections = 2;
	world_unhost(&world);
	world_host(&world);
	for (int i = 0; i < 3; i++) {
		apps[i] = app_new(world.loop, unix_connect(world.path));
		apps[i]->reading = true;
		app_run(apps[i]);
	}
	world.app = apps[2];
	ok(world_until(&world, app_ended) && !apps[0]->ended && !apps[1]->ended,
	   "9.1 more programs than are allowed");
	for (int i = 0; i < 3; i++)
		app_free(apps[i]);
	world.options = endpoint_defaults();
	world_unhost(&world);
	world_host(&world);
}

/* Nothing is accepted while there are no descriptors, and the loop rests */
static void no_descriptors(void)
{
	struct rlimit limit, none;
	int fds[2];

	world.app = NULL;
	getrlimit(RLIMIT_NOFILE, &limit);
	fds[0] = unix_connect(world.path);
	fds[1] = dup(fds[0]);
	none = limit;
	none.rlim_cur = (rlim_t)fds[1];
	close(fds[1]);
	setrlimit(RLIMIT_NOFILE, &none);
	world_rest(&world);
	setrlimit(RLIMIT_NOFILE, &limit);
	dprintf(fds[0], "CONNECT 5000\n");
	world.app = app_new(world.loop, fds[0]);
	world.app->connecting = true;
	app_run(world.app);
	ok(world_until(&world, line_done) && !world.app->ended,
	   "7.2 a program that came while there were no descriptors is served later");
	app_free(world.app);
}

static void refused_path(const char *path, const char *pattern_of_error)
{
	GError *error = NULL;
	struct backend *backend = backend_unix_new(world.loop, path, 0600, 10, &error);

	ok(!backend && error && strstr(error->message, pattern_of_error),
	   "a path of %zu bytes is refused: %s", strlen(path), pattern_of_error);
	g_clear_error(&error);
	backend_unix_free(backend);
}

static void paths(void)
{
	char path[160], file_path[128];
	struct stat status;
	struct sockaddr_un address;
	size_t most = sizeof(address.sun_path) - 1 - strlen("_4294967295.dgram");
	FILE *file;

	ok(!stat(world.path, &status) && S_ISSOCK(status.st_mode) &&
	   (status.st_mode & 0777) == 0600, "9.1 the socket is its owner's alone");
	refused_path("", "path");
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[most + 1] = '\0';
	refused_path(path, "bytes");
	refused_path("/nowhere/vm", "/nowhere/vm");
	refused_path(world.path, "has it");
	snprintf(file_path, sizeof(file_path), "%s/file", world.folder);
	file = fopen(file_path, "w");
	fclose(file);
	refused_path(file_path, "file");
	ok(!stat(file_path, &status) && S_ISREG(status.st_mode), "and a file stays what it is");
	unlink(file_path);
	snprintf(path, sizeof(path), "%s.dgram", file_path);
	file = fopen(path, "w");
	fclose(file);
	refused_path(file_path, "dgram");
	ok(stat(file_path, &status), "and nothing is left behind");
	unlink(path);
	close_accepted();
	world_unhost(&world);
	ok(stat(world.path, &status), "9.1 the sockets go with the device");
	close(unix_bound(world.path));
	world_host(&world);
	ok(ask("CONNECT 5000\n", 13, 64), "9.1 a socket that was left behind is replaced");
	app_free(world.app);
}

int main(void)
{
	struct socket *listener;

	world_init(&world, 4096);
	world_host(&world);
	listener = machine_listen(&world.guest->machine, PORT, 4096);
	commands();
	close_accepted();
	bytes_behind(listener);
	silent_program();
	too_many();
	no_descriptors();
	paths();
	world_free(&world);
	return done_testing();
}
