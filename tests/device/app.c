// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * app.c - a program of the host with a UNIX socket, as the tests need it
 *
 * Copyright (C) 2026 The vmsock authors
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "app.h"
#include "guest.h"

#define CHUNK 50000u

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return address;
}

int unix_connect(const char *path)
{
	struct sockaddr_un address = address_of(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	close(fd);
	return -1;
}

static int bound(const char *path, int type)
{
	struct sockaddr_un address = address_of(path);
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	unlink(path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	return fd;
}

int unix_bound(const char *path)
{
	return bound(path, SOCK_DGRAM);
}

static void watch(struct app *app)
{
	bool writes = app->written < app->to_write && !app->connecting;
	bool reads = (app->reading || app->connecting) && !app->ended;

	if (!app->watch)
		return;
	/* What was hung up stays ready whatever it is watched for */
	if ((app->ended && !writes) || app->error) {
		watch_remove(app->watch);
		app->watch = NULL;
		return;
	}
	watch_events(app->watch, (writes ? EPOLLOUT : 0u) | (reads ? EPOLLIN : 0u));
}

static void write_some(struct app *app)
{
	unsigned char buffer[CHUNK];
	uint64_t count = app->to_write - app->written;
	ssize_t done;

	count = count < CHUNK ? count : CHUNK;
	for (uint64_t i = 0; i < count; i++)
		buffer[i] = pattern(app->written + i);
	done = send(app->fd, buffer, count, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (done > 0)
		app->written += (uint64_t)done;
	else if (errno != EAGAIN)
		app->error = errno;
}

static void finish(struct app *app)
{
	if (app->written < app->to_write || !app->finish || app->finished || app->connecting)
		return;
	app->finished = true;
	shutdown(app->fd, SHUT_WR);
}

/* One byte after the other: what comes behind the line is the guest's */
static void read_line(struct app *app)
{
	while (app->connecting) {
		char *at = &app->line[app->length];
		ssize_t done = recv(app->fd, at, 1, MSG_DONTWAIT);

		if (done < 0 && errno == EAGAIN)
			return;
		if (done <= 0) {
			app->ended = true;
			return;
		}
		app->connecting = *at != '\n' && ++app->length < sizeof(app->line) - 1;
	}
}

static void read_some(struct app *app)
{
	unsigned char buffer[CHUNK];
	ssize_t done = recv(app->fd, buffer, sizeof(buffer), MSG_DONTWAIT);

	if (!done)
		app->ended = true;
	else if (done < 0 && errno != EAGAIN)
		app->error = errno;
	for (ssize_t i = 0; i < done; i++)
		app->wrong += buffer[i] != pattern(app->received++);
}

static void event(void *data, uint32_t events)
{
	struct app *app = data;

	if (app->connecting)
		read_line(app);
	if (!app->connecting && app->reading && events & (EPOLLIN | EPOLLHUP))
		read_some(app);
	if (app->written < app->to_write && events & EPOLLOUT)
		write_some(app);
	app_run(app);
}

void app_run(struct app *app)
{
	finish(app);
	watch(app);
}

void app_watch(struct app *app)
{
	if (!app->watch)
		app->watch = loop_watch(app->loop, app->fd, 0, event, app);
	app_run(app);
}

struct app *app_new(struct loop *loop, int fd)
{
	struct app *app = calloc(1, sizeof(*app));

	app->loop = loop;
	app->fd = fd;
	app_watch(app);
	return app;
}

struct app *app_connect(struct loop *loop, const char *path, uint32_t port)
{
	int fd = unix_connect(path);
	struct app *app;

	if (fd < 0)
		return NULL;
	app = app_new(loop, fd);
	app->connecting = true;
	dprintf(fd, "CONNECT %u\n", port);
	watch(app);
	return app;
}

void app_free(struct app *app)
{
	if (!app)
		return;
	watch_remove(app->watch);
	close(app->fd);
	free(app);
}

static void accepts(void *data, uint32_t events)
{
	struct server *server = data;
	int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC);
	struct app *app;

	(void)events;
	if (fd < 0)
		return;
	app = app_new(server->loop, fd);
	app->to_write = server->like.to_write;
	app->reading = server->like.reading;
	app->finish = server->like.finish;
	app->next = server->apps;
	server->apps = app;
	app_run(app);
}

void server_start(struct server *server, struct loop *loop, const char *path, uint32_t port,
		  int backlog)
{
	memset(server, 0, sizeof(*server));
	snprintf(server->path, sizeof(server->path), "%s_%u", path, port);
	server->loop = loop;
	server->fd = bound(server->path, SOCK_STREAM);
	listen(server->fd, backlog);
	server->watch = loop_watch(loop, server->fd, EPOLLIN, accepts, server);
}

void server_stop(struct server *server)
{
	while (server->apps) {
		struct app *app = server->apps;

		server->apps = app->next;
		app_free(app);
	}
	watch_remove(server->watch);
	close(server->fd);
	unlink(server->path);
}
