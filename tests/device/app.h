/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * app.h - a program of the host with a UNIX socket, as the tests need it
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * It writes the guest's pattern and checks the one that it reads, and waits for nothing.
 */
#ifndef TESTS_DEVICE_APP_H
#define TESTS_DEVICE_APP_H

#include <stdbool.h>
#include <stdint.h>

#include "loop.h"

struct app {
	struct loop *loop;
	struct app *next;
	int fd;
	struct watch *watch;
	bool connecting;	/* the line with OK has not come yet */
	char line[32];
	unsigned int length;
	uint64_t to_write, written, received, wrong;
	bool reading;
	bool finish, finished;	/* shutdown(SHUT_WR) when all is written */
	bool ended;		/* the other side has said all */
	int error;		/* of read or write */
};

/* Connects to @path and asks for @port of the guest */
struct app *app_connect(struct loop *loop, const char *path, uint32_t port);
/* One that was accepted or connected otherwise */
struct app *app_new(struct loop *loop, int fd);
/* After its fields have changed */
void app_run(struct app *app);
/* The same for one whose other side has ended */
void app_watch(struct app *app);
void app_free(struct app *app);

/* Listens at PATH_port; what is accepted is in a list, the newest first */
struct server {
	struct loop *loop;
	int fd;
	struct watch *watch;
	struct app *apps;
	struct app like;	/* fields for those that are accepted */
	char path[108];
};

void server_start(struct server *server, struct loop *loop, const char *path, uint32_t port,
		  int backlog);
void server_stop(struct server *server);

/* A socket, connected to @path; -1 when it cannot be */
int unix_connect(const char *path);
/* A datagram socket bound to @path */
int unix_bound(const char *path);

#endif /* TESTS_DEVICE_APP_H */
