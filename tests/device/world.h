/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * world.h - a guest, the host end and a place for UNIX sockets, in one loop
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef TESTS_DEVICE_WORLD_H
#define TESTS_DEVICE_WORLD_H

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "app.h"
#include "backend_unix.h"
#include "guest.h"
#include "tap.h"
#include "vmci/errors.h"

#define DEADLINE_MS 30000u

struct world {
	struct loop *loop;
	struct guest *guest;
	struct endpoint_options options;
	struct endpoint *endpoint;
	struct backend *backend;
	char folder[64];
	char path[80];
	struct timer *tick, *deadline;
	bool (*done)(struct world *world);
	bool late;
	/* of the test at hand */
	struct socket *socket;
	struct app *app;
	struct server server;
};

__attribute__((unused))
static void world_host(struct world *world)
{
	GError *error = NULL;

	world->backend = backend_unix_new(world->loop, world->path, 0600,
					  world->options.connections, &error);
	if (!world->backend) {
		printf("Bail out! %s\n", error->message);
		exit(EXIT_FAILURE);
	}
	world->endpoint = endpoint_new(world->loop, &world->options, world->backend);
	guest_set_host(world->guest, endpoint_host(world->endpoint));
}

__attribute__((unused))
static void world_unhost(struct world *world)
{
	backend_unix_free(world->backend);
	endpoint_free(world->endpoint);
}

static void world_tick(void *data)
{
	struct world *world = data;

	if (world->done(world))
		loop_quit(world->loop);
	else
		timer_set(world->tick, 1);
}

static void world_late(void *data)
{
	struct world *world = data;

	world->late = true;
	loop_quit(world->loop);
}

/* Runs until @done says so; false after a long time */
__attribute__((unused))
static bool world_until(struct world *world, bool (*done)(struct world *world))
{
	world->done = done;
	world->late = false;
	timer_set(world->deadline, DEADLINE_MS);
	timer_set(world->tick, 0);
	loop_run(world->loop);
	timer_stop(world->deadline);
	timer_stop(world->tick);
	return !world->late;
}

static bool world_rested(struct world *world)
{
	static unsigned int ticks;

	(void)world;
	return ++ticks % 20 == 0;
}

/* Runs for a while, for what should not happen */
__attribute__((unused))
static void world_rest(struct world *world)
{
	world_until(world, world_rested);
}

__attribute__((unused))
static void world_init(struct world *world, __u64 pages)
{
	memset(world, 0, sizeof(*world));
	snprintf(world->folder, sizeof(world->folder), "/tmp/vmsock-test-XXXXXX");
	if (!mkdtemp(world->folder))
		exit(EXIT_FAILURE);
	snprintf(world->path, sizeof(world->path), "%s/vm", world->folder);
	world->loop = loop_new();
	world->tick = loop_timer(world->loop, world_tick, world);
	world->deadline = loop_timer(world->loop, world_late, world);
	world->guest = guest_new(world->loop, pages);
	world->options = endpoint_defaults();
}

/* The host end first */
__attribute__((unused))
static void world_free(struct world *world)
{
	guest_free(world->guest);
	world_unhost(world);
	timer_remove(world->tick);
	timer_remove(world->deadline);
	loop_free(world->loop);
	if (rmdir(world->folder))
		ok(false, "%s is empty when all is over", world->folder);
}

#endif /* TESTS_DEVICE_WORLD_H */
