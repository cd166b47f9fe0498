// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stream-test.c - bytes between programs of the host and sockets of a guest, both ways
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "world.h"

#define PORT 5000u

static struct world world;

/* An end of it all: both sides have read the end of the stream */
static bool both_ended(struct world *w)
{
	const struct app *app = w->app ? w->app : w->server.apps;

	if (!w->socket)
		w->socket = machine_accepted(&w->guest->machine, PORT);
	return app && app->ended && w->socket && w->socket->ended;
}

struct transfer {
	__u64 size, bytes, chunk;
};

static void check(const struct transfer *t, const char *who, bool packet_style)
{
	const char *style = packet_style ? "packet" : "queue-state";
	const struct app *app = world.app ? world.app : world.server.apps;

	ok(world_until(&world, both_ended), "%s connects, %s style, %llu bytes: both ends end",
	   who, style, t->size);
	app = world.app ? world.app : world.server.apps;
	ok(app && app->received == t->bytes && !app->wrong,
	   "%s connects, %s style, %llu bytes: the host has got all", who, style, t->size);
	ok(world.socket && world.socket->received == t->bytes && !world.socket->wrong,
	   "%s connects, %s style, %llu bytes: the guest has got all", who, style, t->size);
	ok(world.socket && world.socket->hs.size == t->size &&
	   world.socket->hs.proto == !packet_style, "and size and style were agreed on");
}

static bool is_detached(struct world *w)
{
	return w->socket->detached;
}

static void guest_connects(const struct transfer *t, bool packet_style)
{
	server_start(&world.server, world.loop, world.path, PORT, 16);
	world.server.like = (struct app){ .to_write = t->bytes, .reading = true, .finish = true };
	world.app = NULL;
	world.socket = machine_connect(&world.guest->machine, PORT, t->size, packet_style);
	world.socket->to_write = t->bytes;
	world.socket->chunk = t->chunk;
	world.socket->reading = world.socket->finish = true;
	check(t, "guest", packet_style);
	ok(world_until(&world, is_detached), "5.7 when both have ended the host leaves the pair");
	machine_close(world.socket);
	server_stop(&world.server);
}

static void host_connects(const struct transfer *t, bool packet_style)
{
	struct socket *listener;

	world.options.packet_style = packet_style;
	world.options.sizes.size = t->size;
	world_unhost(&world);
	world_host(&world);
	listener = machine_listen(&world.guest->machine, PORT, t->size);
	listener->to_write = t->bytes;
	listener->chunk = t->chunk;
	listener->reading = listener->finish = true;
	world.socket = NULL;
	world.app = app_connect(world.loop, world.path, PORT);
	world.app->to_write = t->bytes;
	world.app->reading = world.app->finish = true;
	check(t, "host", packet_style);
	ok(!strncmp(world.app->line, "OK 10737418", 11), "9.1 the program was told its port");
	app_free(world.app);
	machine_close(world.socket);
	machine_close(listener);
}

static void transfers(void)
{
	static const struct transfer table[] = {
		{ 2, 200, 1 },
		{ 128, 128 * 3000, 100 },
		{ 129, 129 * 1000, 128 },
		{ 4096, 4096 * 500, 5000 },
		{ 16384 + 1, 2000000, 3000 },
		{ 65536, 65536 * 50, 20000 },
		{ 262144, 262144 * 16, 262144 },
		{ 1048576, 1048576 * 8, 300000 },
	};

	world.options.sizes.min = 2;
	world_unhost(&world);
	world_host(&world);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		for (int style = 0; style < 2; style++) {
			guest_connects(&table[i], style);
			host_connects(&table[i], style);
		}
	world.options = endpoint_defaults();
	world_unhost(&world);
	world_host(&world);
}

int main(void)
{
	world_init(&world, 4096);
	world_host(&world);
	transfers();
	world_free(&world);
	return done_testing();
}
