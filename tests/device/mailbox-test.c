// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mailbox-test.c - datagrams between a guest and UNIX datagram sockets
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "world.h"

#define GUEST_PORT	3000u
#define PORT		6000u

static struct world world;
static int mine;		/* the program's socket */
static struct sockaddr_un device;

struct datagram {
	__u32 context, port;
	unsigned char payload[VMCI_MAX_DG_PAYLOAD_SIZE + 1];
};

static struct datagram outgoing, incoming;

static void fill(size_t length)
{
	for (size_t i = 0; i < length; i++)
		outgoing.payload[i] = pattern(i);
}

static ssize_t post(int fd, __u32 context, __u32 port, size_t length)
{
	outgoing.context = context;
	outgoing.port = port;
	return sendto(fd, &outgoing, 8 + length, MSG_DONTWAIT, (struct sockaddr *)&device,
		      sizeof(device));
}

static bool arrived(struct world *w)
{
	return w->guest->function.datagrams;
}

static void to_guest(size_t length)
{
	const struct vmci_datagram *datagram;

	fill(length);
	world.guest->function.datagrams = 0;
	is_s64(post(mine, GUEST_CID, GUEST_PORT, length), (ssize_t)length + 8,
	       "7.2 a program sends %zu bytes", length);
	ok(world_until(&world, arrived), "7.2 and the guest receives them");
	datagram = world.guest->received;
	ok(datagram->src.context == VMCI_HOST_CONTEXT_ID && datagram->src.resource == PORT &&
	   datagram->dst.context == GUEST_CID && datagram->dst.resource == GUEST_PORT,
	   "7.1 from the program's port to the guest's");
	ok(datagram->payload_size == length && !memcmp(datagram + 1, outgoing.payload, length),
	   "7.1 unchanged");
}

static void to_host(size_t length)
{
	ssize_t got;

	fill(length);
	is_s64(guest_send(world.guest, GUEST_PORT, PORT, outgoing.payload, length),
	       (__s32)(24 + length), "7.2 the guest sends %zu bytes", length);
	got = recv(mine, &incoming, sizeof(incoming), MSG_DONTWAIT);
	is_s64(got, (ssize_t)length + 8, "7.2 and the program receives them");
	ok(incoming.context == GUEST_CID && incoming.port == GUEST_PORT &&
	   !memcmp(incoming.payload, outgoing.payload, length), "7.1 unchanged, with their sender");
}

static void nobody(void)
{
	char path[128];
	FILE *file;

	is_s64(guest_send(world.guest, GUEST_PORT, PORT + 1, "x", 1), VMCI_ERROR_INVALID_RESOURCE,
	       "5.16 to a port that no program has");
	snprintf(path, sizeof(path), "%s_%u.dgram", world.path, PORT + 1);
	close(unix_bound(path));
	is_s64(guest_send(world.guest, GUEST_PORT, PORT + 1, "x", 1), VMCI_ERROR_INVALID_RESOURCE,
	       "5.16 to a socket that was left behind");
	unlink(path);
	file = fopen(path, "w");
	fclose(file);
	is_s64(guest_send(world.guest, GUEST_PORT, PORT + 1, "x", 1), VMCI_ERROR_INVALID_RESOURCE,
	       "5.16 to a file");
	unlink(path);
}

/* Neither end may look like the control channel, and a program is one port */
static void refused(void)
{
	static const __u32 reserved[] = { 0, 1, 0xffffffff };
	static const char *const names[] = {
		"%s_x.dgram", "%s_06000.dgram", "%s_4294967295.dgram", "%s_1.dgram", "%s_0.dgram",
		"%s_7000.dgrams", "%s-7000.dgram", "%s_7000",
	};
	int fd;

	world.guest->function.datagrams = 0;
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		post(mine, GUEST_CID, reserved[i], 10);
	post(mine, GUEST_CID + 1, GUEST_PORT, 10);
	fill(VMCI_MAX_DG_PAYLOAD_SIZE + 1);
	post(mine, GUEST_CID, GUEST_PORT, VMCI_MAX_DG_PAYLOAD_SIZE + 1);
	sendto(mine, "short", 5, MSG_DONTWAIT, (struct sockaddr *)&device, sizeof(device));
	world_rest(&world);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[128];

		snprintf(path, sizeof(path), names[i], world.path);
		fd = unix_bound(path);
		post(fd, GUEST_CID, GUEST_PORT, 10);
		world_rest(&world);
		close(fd);
		unlink(path);
	}
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	post(fd, GUEST_CID, GUEST_PORT, 10);
	close(fd);
	world_rest(&world);
	is_u64(world.guest->function.datagrams, 0, "S31 what looks like anything else is dropped");
	post(mine, 0xffffffff, GUEST_PORT, 10);
	ok(world_until(&world, arrived), "3.2 the guest's context may be any");
}

static unsigned int sent;

static bool all_arrived(struct world *w)
{
	return w->guest->function.datagrams == sent;
}

/* A guest that does not receive: the sender has to wait, and nothing is lost */
static void back_pressure(void)
{
	struct function *function = &world.guest->function;

	function->datagrams = 0;
	function->deaf = true;
	fill(60000);
	for (int idle = 0; idle < 5;) {
		if (post(mine, GUEST_CID, GUEST_PORT, 60000) > 0) {
			sent++;
			idle = 0;
		} else {
			world_rest(&world);
			idle++;
		}
	}
	ok(sent > 2 && sent < 1000, "5.16 a program has to wait after %u datagrams", sent);
	ok(function->waiting <= VMCI_MAX_DATAGRAM_QUEUE_SIZE, "3.12 the guest's queue is full");
	function->deaf = false;
	timer_set(function->interrupt, 0);
	ok(world_until(&world, all_arrived), "5.16 when the guest receives again all arrive");
	sent = 0;
	while (guest_send(world.guest, GUEST_PORT, PORT, outgoing.payload, 60000) > 0)
		sent++;
	is_s64(guest_send(world.guest, GUEST_PORT, PORT, outgoing.payload, 60000),
	       VMCI_ERROR_NO_RESOURCES, "7.2 a program that does not receive: ENOBUFS");
	while (recv(mine, &incoming, sizeof(incoming), MSG_DONTWAIT) > 0)
		sent--;
	is_u64(sent, 0, "7.2 it has all that was sent");
}

int main(void)
{
	static const size_t lengths[] = { 0, 1, 4096, 69608 };
	char path[128];

	world_init(&world, 16);
	world_host(&world);
	snprintf(path, sizeof(path), "%s_%u.dgram", world.path, PORT);
	mine = unix_bound(path);
	device.sun_family = AF_UNIX;
	snprintf(device.sun_path, sizeof(device.sun_path), "%s.dgram", world.path);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		to_guest(lengths[i]);
		to_host(lengths[i]);
	}
	nobody();
	refused();
	back_pressure();
	close(mine);
	unlink(path);
	/* The same by a relative name */
	if (chdir(world.folder))
		exit(EXIT_FAILURE);
	mine = unix_bound("vm_6000.dgram");
	to_guest(10);
	to_host(10);
	close(mine);
	unlink("vm_6000.dgram");
	world_free(&world);
	return done_testing();
}
