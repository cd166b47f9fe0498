// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vfio - fuzz target: a client of vfio-user that says whatever it likes (vfio-user.md 1 to 3)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The input is messages: command, flags, length of the payload and its bytes; a length that
 * lies comes now and then.  What is sent back is counted: one reply for each command that asks
 * for one, none for others.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device.h"
#include "fuzz.h"
#include "loop.h"
#include "memory.h"

static const char *closed_for;

static void closed(__attribute__((unused)) void *owner, const char *reason)
{
	closed_for = reason;
}

static void stop(void *data)
{
	loop_quit(data);
}

static void pump(struct loop *loop)
{
	struct timer *timer = loop_timer(loop, stop, loop);

	timer_set(timer, 0);
	loop_run(loop);
	timer_remove(timer);
}

struct header {
	uint16_t id;
	uint16_t command;
	uint32_t size;
	uint32_t flags;
	uint32_t error;
};

/* Whether @count bytes at @bytes are one reply to @asked, or none when none is due */
static void check_reply(const struct header *asked, const uint8_t *bytes, ssize_t count)
{
	struct header reply;

	if (count <= 0) {
		require(closed_for || (asked->flags & 0x10));
		return;
	}
	require(!(asked->flags & 0x10) && count >= (ssize_t)sizeof(reply));
	memcpy(&reply, bytes, sizeof(reply));
	require(reply.id == asked->id && reply.command == asked->command);
	require(reply.size == (size_t)count);
	require(reply.flags == 0x01 || (reply.flags == 0x21 && reply.size == 16));
	require((reply.flags == 0x21) == (reply.error != 0));
	require(reply.error < 200);
}

/* All but the payload's bytes in a form that gets somewhere */
static void say(struct machine *machine, int fd, struct input *in)
{
	static uint8_t message[16 + 512], reply[128 << 10];
	uint64_t form = take(in, 1), length = take(in, 1);
	struct header header = {
		.id = (uint16_t)take(in, 1),
		.command = (uint16_t)(form % 20),
		.size = (uint32_t)(sizeof(header) + length),
		.flags = form & 0x20 ? 0x10 : 0,
	};

	if (form == 255)
		header.size = (uint32_t)take(in, 4);
	memcpy(message, &header, sizeof(header));
	for (uint64_t i = 0; i < length; i++)
		message[sizeof(header) + i] = (uint8_t)take(in, 1);
	if (send(fd, message, sizeof(header) + length, MSG_NOSIGNAL) < 0)
		return;
	pump(machine->loop);
	length = (uint64_t)recv(fd, reply, sizeof(reply), MSG_DONTWAIT);
	if (form != 255)
		check_reply(&header, reply, (ssize_t)length);
	else
		closed_for = "lengths lie";	/* whatever follows is no message */
}

static void say_version(struct machine *machine, int fd)
{
	static const uint8_t version[20] = { 0, 0, 1, 0, 20 };
	uint8_t reply[256];

	require(send(fd, version, sizeof(version), MSG_NOSIGNAL) == sizeof(version));
	pump(machine->loop);
	require(recv(fd, reply, sizeof(reply), MSG_DONTWAIT) > 20);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct machine *machine = machine_new(0x3c);
	struct vfio_user *vfio;
	int fds[2];

	closed_for = NULL;
	require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
	machine->device.closed = closed;
	vfio = vfio_user_new(machine->loop, fds[1], &machine->device);
	require(vfio);
	function_connect(machine->function, vfio_user_irqs(vfio));
	say_version(machine, fds[0]);
	while (in.left && !closed_for)
		say(machine, fds[0], &in);
	function_connect(machine->function, NULL);
	vfio_user_free(vfio);
	close(fds[0]);
	machine_free(machine);
	return 0;
}
