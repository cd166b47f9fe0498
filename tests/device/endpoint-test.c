// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * endpoint-test.c - context 2 as a guest sees it: rules, ends, limits, and a guest that is hostile
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include "world.h"

#define PORT	5000u
#define NOBODY	5999u
#define BY_HAND	1500u	/* a port of the guest that the tests play */
#define MANY	1000u

static struct world world;

/*
 * The connection that a test has made, from the guest's socket to the server's newest program, or
 * it cannot be made
 */
static bool met(struct world *w)
{
	return w->socket->failed ||
	       (w->server.apps && w->socket->hs.state == VMSOCK_ESTABLISHED);
}

static struct app *meet(__u64 size)
{
	world.socket = machine_connect(&world.guest->machine, PORT, size, false);
	world_until(&world, met);
	return world.server.apps;
}

static bool socket_failed(struct world *w)
{
	return w->socket->failed;
}

static bool socket_detached(struct world *w)
{
	return w->socket->detached;
}

static bool socket_ended(struct world *w)
{
	return w->socket->ended;
}

static bool app_ended(struct world *w)
{
	return w->app->ended || w->app->error;
}

static void listen_here(bool reading)
{
	server_start(&world.server, world.loop, world.path, PORT, 2000);
	world.server.like.reading = reading;
}

static bool pair_gone(struct world *w)
{
	return !w->socket->pair;
}

static bool app_written(struct world *w)
{
	return w->app->written == w->app->to_write;
}

/* Another host, with these limits */
static void host_again(struct endpoint_options options)
{
	world.options = options;
	world_unhost(&world);
	world_host(&world);
}

/* After a test: nothing of it is left, or the next one finds no room */
static bool idle(struct world *w)
{
	struct app *app = app_connect(w->loop, w->path, PORT);

	app_free(app);
	return w->guest->function.allocated == 0;
}

static void clean(void)
{
	while (world.guest->machine.sockets)
		machine_close(world.guest->machine.sockets);
	server_stop(&world.server);
	ok(world_until(&world, idle), "nothing is left of it");
}

/*
 * Packets to nobody
 */

static struct vmsock_packet packet(__u8 type, __u32 from, __u32 to)
{
	struct vmsock_addr src = { GUEST_CID, from }, dst = { VMCI_HOST_CONTEXT_ID, to };
	struct vmsock_packet pkt;

	vmsock_packet_init(&pkt, type, src, dst);
	return pkt;
}

static bool inbox_empty(struct world *w)
{
	return !w->guest->function.inbox;
}

/* What @pkt is answered with; VMSOCK_PACKET_TYPE_COUNT for nothing */
static unsigned int answer_to(struct vmsock_packet pkt)
{
	unsigned int *counts = world.guest->machine.packets;

	memset(counts, 0, sizeof(world.guest->machine.packets));
	machine_packet(&world.guest->machine, &pkt);
	world_until(&world, inbox_empty);
	for (unsigned int type = 0; type < VMSOCK_PACKET_TYPE_COUNT; type++)
		if (counts[type])
			return type;
	return VMSOCK_PACKET_TYPE_COUNT;
}

static void packets_to_nobody(void)
{
	struct vmsock_packet pkt;

	listen_here(true);
	for (__u8 type = 0; type <= VMSOCK_PACKET_TYPE_COUNT; type++) {
		bool is_rst = type == VMSOCK_PACKET_RST;

		pkt = packet(type, 2000, NOBODY);
		is_u64(answer_to(pkt), is_rst ? VMSOCK_PACKET_TYPE_COUNT : VMSOCK_PACKET_RST,
		       "5.4 type %u to a port without listener: %s", type,
		       is_rst ? "nothing" : "RST");
		is_s64(world.guest->machine.last_result, VMSOCK_PACKET_SIZE,
		       "5.16 with a positive result");
	}
	is_u64(answer_to(packet(VMSOCK_PACKET_TYPE_COUNT, 2000, PORT)), VMSOCK_PACKET_INVALID,
	       "5.4 an unknown type to a listener: INVALID");
	is_u64(answer_to(packet(VMSOCK_PACKET_WROTE, 2000, PORT)), VMSOCK_PACKET_RST,
	       "5.6 WROTE to a listener: RST");
	is_u64(answer_to(packet(VMSOCK_PACKET_REQUEST2, 2000, PORT)), VMSOCK_PACKET_RST,
	       "5.6 a request of size 0: RST");
	pkt = packet(VMSOCK_PACKET_REQUEST2, 2000, PORT);
	pkt.u.size = 4096;
	pkt.proto = 0x10;
	is_u64(answer_to(pkt), VMSOCK_PACKET_RST, "5.6 a request without a protocol of ours: RST");
	pkt = packet(VMSOCK_PACKET_WROTE, 2000, PORT);
	pkt.version = 2;
	is_u64(answer_to(pkt), VMSOCK_PACKET_RST, "5.2 another version: RST");
	pkt.dg.payload_size = 31;
	machine_packet(&world.guest->machine, &pkt);
	is_s64(world.guest->machine.last_result, VMCI_ERROR_INVALID_ARGS, "5.2 a short packet");
	pkt = packet(VMSOCK_PACKET_WROTE, 2000, PORT);
	pkt.dg.src.resource = 77;
	machine_packet(&world.guest->machine, &pkt);
	is_s64(world.guest->machine.last_result, VMCI_ERROR_INVALID_ARGS,
	       "5.4 from another resource");
	clean();
}

/*
 * Refusal
 */

static void refused_guest(const char *why)
{
	world.socket = machine_connect(&world.guest->machine, PORT, 4096, false);
	ok(world_until(&world, socket_failed), "9.1 the guest is refused: %s", why);
	machine_close(world.socket);
}

static void refusals(void)
{
	char path[128];
	FILE *file;
	int fd;

	snprintf(path, sizeof(path), "%s_%u", world.path, PORT);
	refused_guest("no such socket");
	listen_here(true);
	close(dup(world.server.fd));
	watch_remove(world.server.watch);
	world.server.watch = NULL;
	shutdown(world.server.fd, SHUT_RDWR);
	refused_guest("nobody listens there");
	server_stop(&world.server);
	file = fopen(path, "w");
	fclose(file);
	refused_guest("no socket, but a file");
	unlink(path);
	fd = unix_bound(path);
	refused_guest("a datagram socket");
	close(fd);
	unlink(path);
	server_start(&world.server, world.loop, world.path, PORT, 0);
	watch_remove(world.server.watch);
	world.server.watch = NULL;
	fd = unix_connect(path);
	refused_guest("its queue is full");
	close(fd);
	clean();

	world.app = app_connect(world.loop, world.path, NOBODY);
	ok(world_until(&world, app_ended) && !world.app->length,
	   "9.1 the program is refused, without a word: no listener in the guest");
	app_free(world.app);
	is_u64(world.guest->function.unreached, 0, "9.1 which is no news for the log");
	world.guest->function.absent = true;
	world.app = app_connect(world.loop, world.path, NOBODY);
	ok(world_until(&world, app_ended) && !world.app->length,
	   "9.1 the program is refused, without a word: no driver in the guest");
	is_u64(world.guest->function.unreached, 1, "9.1 of which the log tells");
	app_free(world.app);
	world.guest->function.absent = false;
}

/*
 * Queue pairs
 */

static void pair_rules(void)
{
	static const struct {
		struct vmci_handle handle;
		__u32 peer, flags;
		__s32 result;
		const char *what;
	} table[] = {
		{ { GUEST_CID, 5000 }, 2, 0, VMCI_SUCCESS, "for the host" },
		{ { GUEST_CID, 5000 }, 0, 0, VMCI_SUCCESS, "for the monitor" },
		{ { GUEST_CID, 5000 }, VMCI_INVALID_ID, 0, VMCI_SUCCESS, "for anyone" },
		{ { 2, 5000 }, 2, 0, VMCI_SUCCESS, "under a handle of the host" },
		{ { GUEST_CID, 5000 }, 2, VMCI_QPFLAG_NONBLOCK, VMCI_SUCCESS, "not blocking" },
		{ { GUEST_CID, 5000 }, 2, VMCI_QPFLAG_ATTACH_ONLY, VMCI_ERROR_NOT_FOUND,
		  "only to attach" },
		{ { 2, 5000 }, VMCI_INVALID_ID, 0, VMCI_ERROR_NO_ACCESS,
		  "under a handle of neither" },
		{ { GUEST_CID, 5000 }, 17, 0, VMCI_ERROR_DST_UNREACHABLE, "for another guest" },
		{ { GUEST_CID, VMCI_INVALID_ID }, 2, 0, VMCI_ERROR_NO_HANDLE, "without handle" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		__s32 result;
		struct pair *pair = guest_pair(world.guest, table[i].handle, table[i].peer,
					       table[i].flags, 4096, &result);

		is_s64(result, table[i].result, "5.7 the guest creates a pair %s",
		       table[i].what);
		guest_pair_leave(world.guest, pair);
	}
}

/* The guest's half of a handshake by hand: the host's program is there, the pair is wrong */
static void bad_offer(struct vmci_handle handle, const char *what)
{
	struct vmsock_packet pkt = packet(VMSOCK_PACKET_REQUEST2, BY_HAND, PORT);
	const struct app *before = world.server.apps;

	pkt.u.size = 4096;
	pkt.proto = 1;
	is_u64(answer_to(pkt), VMSOCK_PACKET_NEGOTIATE2, "5.6 a request is answered");
	pkt = packet(VMSOCK_PACKET_OFFER, BY_HAND, PORT);
	pkt.u.handle = handle;
	is_u64(answer_to(pkt), VMSOCK_PACKET_RST, "5.6 an offer of %s: RST", what);
	world_rest(&world);
	world.app = world.server.apps;
	ok(world.app != before && world_until(&world, app_ended),
	   "5.6 and the program hears the end");
}

/* A pair that the guest has created, but not as was agreed on */
static void bad_pair(__u64 size, __u32 peer, const char *what)
{
	struct vmci_handle handle = { GUEST_CID, 6001 };
	__s32 result;
	struct pair *pair = guest_pair(world.guest, handle, peer, 0, size, &result);

	bad_offer(handle, what);
	guest_pair_leave(world.guest, pair);
}

static void bad_offers(void)
{
	struct socket *other;

	listen_here(true);
	bad_offer((struct vmci_handle){ GUEST_CID, 6000 }, "a pair that is not there");
	bad_offer((struct vmci_handle){ VMCI_INVALID_ID, VMCI_INVALID_ID }, "no handle");
	bad_pair(8192, 2, "a pair of another size");
	bad_pair(4096, 0, "a pair for the monitor");
	meet(8192);
	other = world.socket;
	bad_offer(other->hs.handle, "a pair of another connection");
	ok(other->hs.state == VMSOCK_ESTABLISHED && !other->detached, "which does not suffer");
	clean();
}

static bool offered(struct world *w)
{
	return w->guest->machine.packets[VMSOCK_PACKET_OFFER];
}

static bool inbox_filled(struct world *w)
{
	return w->guest->function.inbox;
}

/* A server in the guest says ATTACH, but has not */
static void attach_without_pair(void)
{
	struct socket *listener = machine_listen(&world.guest->machine, PORT, 4096);
	const struct vmsock_packet *offer;
	struct vmsock_packet pkt;

	memset(world.guest->machine.packets, 0, sizeof(world.guest->machine.packets));
	world.guest->function.allocated = VMCI_MAX_GUEST_QP_MEMORY;
	world.app = app_connect(world.loop, world.path, PORT);
	ok(world_until(&world, offered), "5.9 an offer for the guest");
	ok(world_until(&world, app_ended) && !world.app->length,
	   "5.5 the guest cannot attach: the program is refused");
	app_free(world.app);
	machine_close(machine_accepted(&world.guest->machine, PORT));
	machine_close(listener);
	world.guest->function.allocated = 0;

	world.guest->function.deaf = true;
	world.app = app_connect(world.loop, world.path, PORT);
	world_until(&world, inbox_filled);
	pkt = *(struct vmsock_packet *)(void *)world.guest->function.inbox->datagram;
	is_u64(pkt.type, VMSOCK_PACKET_REQUEST2, "5.9 a request for the guest");
	vmsock_packet_reply(&pkt, VMSOCK_PACKET_NEGOTIATE2, &pkt);
	pkt.u.size = 4096;
	pkt.proto = 1;
	machine_packet(&world.guest->machine, &pkt);
	pkt.type = VMSOCK_PACKET_ATTACH;
	pkt.proto = 0;
	offer = (const void *)world.guest->function.inbox->next->datagram;
	pkt.u.handle = offer->u.handle;
	machine_packet(&world.guest->machine, &pkt);
	ok(world_until(&world, app_ended) && !world.app->length,
	   "S14 ATTACH without a pair: the program is refused");
	app_free(world.app);
	world.guest->function.deaf = false;
	guest_reset(world.guest);
}

/*
 * Ends
 */

static void half_close_by_guest(void)
{
	listen_here(true);
	world.app = meet(4096);
	world.socket->to_write = 10000;
	world.socket->finish = true;
	machine_run(world.socket);
	ok(world_until(&world, app_ended) && world.app->received == 10000 && !world.app->wrong,
	   "5.7 the guest half-closes: the program reads all, then the end");
	world.socket->reading = true;
	machine_run(world.socket);
	world.app->to_write = 50000;
	world.app->finish = true;
	app_watch(world.app);
	ok(world_until(&world, socket_ended) && world.socket->received == 50000 &&
	   !world.socket->wrong, "5.7 and can still write to the guest");
	clean();
}

static void half_close_by_host(void)
{
	listen_here(true);
	world.app = meet(4096);
	world.app->to_write = 10000;
	world.app->finish = true;
	app_run(world.app);
	world.socket->reading = true;
	ok(world_until(&world, socket_ended) && world.socket->received == 10000 &&
	   !world.socket->wrong, "5.7 the program half-closes: the guest reads all, then the end");
	ok(!world.socket->detached, "and the queue pair stays");
	world.socket->to_write = 50000;
	world.socket->finish = true;
	machine_run(world.socket);
	ok(world_until(&world, app_ended) && world.app->received == 50000 && !world.app->wrong,
	   "5.7 and can still read from the guest");
	clean();
}

static bool told(struct world *w)
{
	return w->socket->hs.peer_shutdown & VMSOCK_SHUTDOWN_RECEIVE;
}

static void stop_receiving(void)
{
	listen_here(false);
	world.app = meet(4096);
	machine_shutdown(world.socket, VMSOCK_SHUTDOWN_RECEIVE);
	world.app->to_write = 1000000;
	app_run(world.app);
	ok(world_until(&world, app_ended) && world.app->error == EPIPE,
	   "5.7 the guest receives no more: the program's write fails");
	ok(!world.socket->detached, "and the guest may still write");
	clean();
	listen_here(false);
	world.app = meet(4096);
	shutdown(world.app->fd, SHUT_RD);
	world.socket->to_write = 1000000;
	machine_run(world.socket);
	ok(world_until(&world, told) && world.socket->written < 1000000,
	   "5.7 the program reads no more: the guest is told");
	clean();
}

/* The guest's memory goes with it, but what it wrote does not get lost */
static void guest_leaves_bytes(void)
{
	listen_here(false);
	world.app = meet(262144);
	world.socket->chunk = 262144;
	world.socket->to_write = 262143 + 100000;
	world.socket->closes = true;
	machine_run(world.socket);
	ok(world_until(&world, pair_gone),
	   "5.16 the guest writes, and closes while the program reads nothing");
	world.app->reading = true;
	app_run(world.app);
	ok(world_until(&world, app_ended) && world.app->received == 262143 + 100000 &&
	   !world.app->wrong, "5.16 the program gets all of it, then the end");
	clean();
	listen_here(false);
	world.app = meet(262144);
	world.socket->to_write = 300000;
	world.socket->closes = true;
	machine_run(world.socket);
	ok(world_until(&world, pair_gone), "5.16 the same");
	clean();
}

static void program_leaves(void)
{
	listen_here(false);
	world.app = meet(4096);
	world.app->to_write = 100000;
	app_run(world.app);
	world_until(&world, app_written);
	server_stop(&world.server);
	world.socket->reading = true;
	machine_run(world.socket);
	ok(world_until(&world, socket_ended) && world.socket->received == 100000 &&
	   !world.socket->wrong, "9.1 a program writes and closes: the guest gets all");
	ok(world_until(&world, socket_detached), "9.1 and is told that its peer has left");
	listen_here(false);
	clean();
}

/* Guests may see the event before the packets that were sent first: it waits for them */
static void program_leaves_at_once(void)
{
	struct endpoint_options options = endpoint_defaults();
	struct timespec begin, now;

	options.pending_timeout_ms = 1000;
	host_again(options);
	listen_here(false);
	watch_remove(world.server.watch);
	world.server.watch = NULL;
	world.guest->function.detached = 0;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	memset(world.guest->machine.packets, 0, sizeof(world.guest->machine.packets));
	world.socket = machine_connect(&world.guest->machine, PORT, 4096, false);
	server_stop(&world.server);
	world.socket->reading = true;
	ok(world_until(&world, socket_ended) && !world.socket->failed,
	   "9.1 a program closes before the guest knows of it: connected, and the end");
	is_u64(world.guest->machine.packets[VMSOCK_PACKET_SHUTDOWN], 1,
	       "9.1 both ways in one packet");
	clock_gettime(CLOCK_MONOTONIC, &now);
	ok(!world.guest->function.detached || now.tv_sec > begin.tv_sec,
	   "9.1 the host has not left yet, unless a second has passed");
	ok(world_until(&world, socket_detached), "9.1 it leaves after a while");
	machine_close(world.socket);
	listen_here(false);
	watch_remove(world.server.watch);
	world.server.watch = NULL;
	world.socket = machine_connect(&world.guest->machine, PORT, 4096, false);
	server_stop(&world.server);
	world.socket->reading = true;
	world_until(&world, socket_ended);
	machine_shutdown(world.socket, VMSOCK_SHUTDOWN_SEND);
	world_rest(&world);
	ok(world.socket->detached, "9.1 or as soon as the guest has said something");
	listen_here(false);
	clean();
	host_again(endpoint_defaults());
}

static void guest_resets(void)
{
	listen_here(true);
	world.app = meet(16384);
	world.socket->to_write = 500000;
	world.socket->finish = true;
	machine_run(world.socket);
	machine_packet(&world.guest->machine, &(struct vmsock_packet){
		.dg = packet(VMSOCK_PACKET_RST, 0, 0).dg, .version = 1, .type = VMSOCK_PACKET_RST,
		.src_port = world.socket->hs.local.port, .dst_port = PORT });
	ok(world_until(&world, app_ended) && world.app->received >= world.socket->written &&
	   !world.app->wrong, "5.7 RST: the program reads what there was, then the end");
	clean();
}

static void device_reset(void)
{
	struct endpoint_options options = endpoint_defaults();
	struct app *apps[2];

	/* So that no time-out does what the reset should */
	options.connect_timeout_ms = 10 * DEADLINE_MS;
	host_again(options);
	listen_here(true);
	meet(16384);
	world.socket->to_write = 100000000;
	machine_run(world.socket);
	apps[0] = world.app = world.server.apps;
	apps[0]->to_write = 100000000;
	app_run(apps[0]);
	world_rest(&world);
	world.guest->function.deaf = true;
	while (world.guest->function.inbox)
		guest_forget(world.guest);
	machine_connect(&world.guest->machine, PORT, 4096, false);
	while (world.guest->function.inbox)
		guest_forget(world.guest);
	apps[1] = app_connect(world.loop, world.path, PORT);
	world_until(&world, inbox_filled);
	guest_reset(world.guest);
	world.guest->function.deaf = false;
	ok(world_until(&world, app_ended) && !world.app->wrong && world.app->received > 16384,
	   "2.13 a reset in mid-transfer: the program reads what there was, then the end");
	world.app = apps[1];
	ok(world_until(&world, app_ended) && !apps[1]->length,
	   "2.13 a handshake under way ends, too");
	app_free(apps[1]);
	world.app = meet(4096);
	world.app->to_write = 30000;
	world.app->finish = true;
	app_run(world.app);
	world.socket->reading = true;
	ok(world_until(&world, socket_ended) && world.socket->received == 30000,
	   "2.13 afterwards there are connections again");
	clean();
	host_again(endpoint_defaults());
}

/*
 * Time
 */

static void timeouts(void)
{
	struct endpoint_options options = endpoint_defaults();
	struct vmsock_packet pkt = packet(VMSOCK_PACKET_REQUEST2, BY_HAND, PORT);

	options.connect_timeout_ms = options.pending_timeout_ms = 50;
	host_again(options);
	world.guest->function.deaf = true;
	world.app = app_connect(world.loop, world.path, PORT);
	world.guest->function.unreached = 0;
	ok(world_until(&world, app_ended) && !world.app->length,
	   "5.10 a guest that does not answer: the program is refused");
	is_u64(world.guest->function.unreached, 1, "5.10 of which the log tells");
	app_free(world.app);
	world.guest->function.deaf = false;
	guest_reset(world.guest);
	host_again(endpoint_defaults());

	listen_here(true);
	pkt.u.size = 4096;
	pkt.proto = 1;
	is_u64(answer_to(pkt), VMSOCK_PACKET_NEGOTIATE2, "5.6 a request is answered");
	world_rest(&world);
	world.app = world.server.apps;
	ok(world.app && !world.app->ended, "5.6 a program is asked at once");
	ok(world.app && world_until(&world, app_ended),
	   "5.10 a guest that offers nothing: the program hears the end");
	clean();
	host_again(endpoint_defaults());
}

static void stop(void *data)
{
	loop_quit(data);
}

/* Longer than a listener in a kernel waits, as through ports on a busy machine */
static void slow_guest(void)
{
	struct timer *timer = loop_timer(world.loop, stop, world.loop);
	struct function *function = &world.guest->function;

	listen_here(true);
	function->deaf = true;
	world.socket = machine_connect(&world.guest->machine, PORT, 4096, false);
	timer_set(timer, 1500);
	loop_run(world.loop);
	timer_remove(timer);
	function->deaf = false;
	timer_set(function->interrupt, 0);
	world.socket->to_write = 10000;
	world.socket->finish = true;
	ok(world_until(&world, met) && !world.socket->failed,
	   "5.10 a guest that takes 1.5 s for the answer to its request is connected");
	machine_run(world.socket);
	world.app = world.server.apps;
	ok(world.app && world_until(&world, app_ended) && world.app->received == 10000,
	   "5.10 and says all");
	clean();
}

/*
 * Back-pressure
 */

static void stalled_reader(void)
{
	struct socket *stalled;
	struct app *slow;
	__u64 written;

	listen_here(false);
	slow = meet(65536);
	stalled = world.socket;
	stalled->to_write = 8000000;
	stalled->finish = true;
	machine_run(stalled);
	world_rest(&world);
	world_rest(&world);
	written = stalled->written;
	ok(written >= 65535 && written < 8000000,
	   "7.2 a program that does not read stalls the guest");
	world.server.like.reading = true;
	world.app = meet(65536);
	world.socket->to_write = 3000000;
	world.socket->finish = true;
	machine_run(world.socket);
	ok(world_until(&world, app_ended) && world.app->received == 3000000,
	   "7.2 and nobody else");
	is_u64(stalled->written, written, "7.2 which still is where it was");
	slow->reading = true;
	app_run(slow);
	world.app = slow;
	ok(world_until(&world, app_ended) && slow->received == 8000000 && !slow->wrong,
	   "7.2 until it reads on");
	clean();
}

static bool both_have_all(struct world *w)
{
	return w->socket->received == 200000 && w->app->received == 200000;
}

/* The guest's queue takes one datagram at a time: events and packets keep their order */
static void no_room(bool packet_style)
{
	listen_here(true);
	world.guest->function.most = 60;
	world.socket = machine_connect(&world.guest->machine, PORT, 256, packet_style);
	ok(world_until(&world, met), "5.16 a handshake through a queue of one datagram");
	world.app = world.server.apps;
	world.app->to_write = world.socket->to_write = 200000;
	world.socket->reading = world.socket->finish = world.app->finish = true;
	app_run(world.app);
	machine_run(world.socket);
	ok(world_until(&world, both_have_all) && !world.socket->wrong && !world.app->wrong,
	   "5.16 and 200000 bytes each way");
	ok(world_until(&world, socket_detached), "5.16 and the end");
	world.guest->function.most = VMCI_MAX_DATAGRAM_QUEUE_SIZE;
	clean();
}

static bool hears(struct world *w)
{
	return !w->guest->function.inbox && !w->guest->function.starved;
}

/* A guest that only sends: what waits for it has an end */
static void flood(void)
{
	struct vmsock_packet pkt = packet(VMSOCK_PACKET_WROTE, 2000, NOBODY);

	listen_here(true);
	world.guest->function.deaf = true;
	for (int i = 0; i < 40000; i++)
		if (machine_packet(&world.guest->machine, &pkt) <= 0)
			break;
	is_s64(world.guest->machine.last_result, VMSOCK_PACKET_SIZE, "S13 40000 packets to nobody");
	memset(world.guest->machine.packets, 0, sizeof(world.guest->machine.packets));
	world.guest->function.deaf = false;
	timer_set(world.guest->function.interrupt, 0);
	ok(world_until(&world, hears), "S13 the guest listens again");
	ok(world.guest->machine.packets[VMSOCK_PACKET_RST] > 16384 &&
	   world.guest->machine.packets[VMSOCK_PACKET_RST] < 40000,
	   "S13 and has got a part of the answers");
	meet(4096);
	is_u64(world.socket->hs.state, VMSOCK_ESTABLISHED, "S13 and can connect");
	clean();
}

/*
 * Many
 */

static struct app *dialled[MANY];

static bool all_met(struct world *w)
{
	unsigned int count = 0;

	for (struct socket *socket = w->guest->machine.sockets; socket; socket = socket->next)
		count += socket->hs.state == VMSOCK_ESTABLISHED;
	return count >= MANY;
}

static bool all_done(struct world *w)
{
	unsigned int count = 0;

	for (struct socket *socket = w->guest->machine.sockets; socket; socket = socket->next)
		count += !socket->listens && socket->ended && socket->received == 20000;
	for (struct app *app = w->server.apps; app; app = app->next)
		count += app->ended && app->received == 20000 && !app->wrong;
	for (unsigned int i = 0; i < MANY / 2; i++)
		count += dialled[i]->ended && dialled[i]->received == 20000 && !dialled[i]->wrong;
	return count == 2 * MANY;
}

static void begin_writing(void)
{
	for (struct app *app = world.server.apps; app; app = app->next) {
		app->to_write = 20000;
		app->finish = true;
		app_run(app);
	}
	for (unsigned int i = 0; i < MANY / 2; i++) {
		dialled[i]->to_write = 20000;
		dialled[i]->reading = dialled[i]->finish = true;
		app_run(dialled[i]);
	}
	for (struct socket *socket = world.guest->machine.sockets; socket; socket = socket->next)
		if (!socket->listens) {
			socket->to_write = 20000;
			socket->reading = socket->finish = true;
			machine_run(socket);
		}
}

/* Half of them from either side, all open at once, with 16 KiB queues */
static void thousand(void)
{
	struct socket *listener;

	world.options.sizes.size = 16384;
	world.options.connections = MANY;
	host_again(world.options);
	listen_here(true);
	listener = machine_listen(&world.guest->machine, PORT + 1, 16384);
	for (unsigned int i = 0; i < MANY / 2; i++) {
		dialled[i] = app_connect(world.loop, world.path, PORT + 1);
		machine_connect(&world.guest->machine, PORT, 16384, i % 2);
		/* No program connects faster than somebody accepts */
		if (i % 50 == 49)
			world_rest(&world);
	}
	ok(world_until(&world, all_met), "9.1 %u connections at once, half of them from each side",
	   MANY);
	world.socket = machine_connect(&world.guest->machine, PORT, 16384, false);
	ok(world_until(&world, socket_failed), "9.1 one more is refused to the guest");
	machine_close(world.socket);
	world.app = app_connect(world.loop, world.path, PORT + 1);
	ok(world_until(&world, app_ended) && !world.app->length, "9.1 and to a program");
	app_free(world.app);
	begin_writing();
	ok(world_until(&world, all_done), "9.1 20000 bytes each way on each of them");
	for (unsigned int i = 0; i < MANY / 2; i++)
		app_free(dialled[i]);
	machine_close(listener);
	clean();
	host_again(endpoint_defaults());
}

static void quota(void)
{
	unsigned int count = 0;

	listen_here(true);
	do {
		meet(262144);
		count++;
	} while (world.socket->hs.state == VMSOCK_ESTABLISHED && count < 300);
	is_u64(count, 257, "5.5 after 256 connections of the default size the memory is used up");
	is_s64(world.guest->machine.last_result, VMSOCK_PACKET_SIZE, "5.5 the guest can say so");
	world.app = world.server.apps;
	ok(world_until(&world, app_ended), "5.5 the program of the last one hears the end");
	clean();
}

/*
 * A hostile guest
 */

static void hostile_indexes(void)
{
	static const __u64 bad[] = { 4096, 4097, UINT32_MAX, UINT64_MAX };
	struct socket *bystander;
	struct app *app;

	listen_here(true);
	app = meet(4096);
	bystander = world.socket;
	for (size_t i = 0; i < 2 * sizeof(bad) / sizeof(bad[0]); i++) {
		struct vmci_queue_header *header;
		struct vmsock_packet pkt;

		world.app = meet(4096);
		header = machine_header(world.socket);
		if (i % 2)
			header->consumer_head = bad[i / 2];
		else
			header->producer_tail = bad[i / 2];
		world.app->to_write = 10000;
		app_run(world.app);
		pkt = packet(i % 2 ? VMSOCK_PACKET_READ : VMSOCK_PACKET_WROTE,
			     world.socket->hs.local.port, PORT);
		machine_packet(&world.guest->machine, &pkt);
		ok(world_until(&world, app_ended), "S1 %s of %llu: the program hears the end",
		   i % 2 ? "a head" : "a tail", bad[i / 2]);
		ok(world_until(&world, socket_detached), "S1 and the host leaves the pair");
	}
	world.app = app;
	world.socket = bystander;
	bystander->to_write = 50000;
	bystander->finish = true;
	machine_run(bystander);
	ok(world_until(&world, app_ended) && app->received == 50000 && !app->wrong,
	   "S1 another connection does not suffer");
	clean();
}

/* Any packets on a living connection, and any indexes that are within the ring */
static void hostile_mixture(void)
{
	unsigned int seed = 1;

	listen_here(true);
	for (int round = 0; round < 200; round++) {
		world.app = meet(512);
		world.app->to_write = 5000;
		app_run(world.app);
		for (int i = 0; i < 20 && !world.socket->detached; i++) {
			struct vmsock_packet pkt = packet((__u8)(rand_r(&seed) % 14),
							  world.socket->hs.local.port, PORT);

			pkt.u.wait.generation = (__u64)rand_r(&seed) % 600;
			pkt.u.wait.offset = (__u64)rand_r(&seed);
			machine_header(world.socket)->producer_tail = (__u64)rand_r(&seed) % 513;
			machine_header(world.socket)->consumer_head = (__u64)rand_r(&seed) % 513;
			machine_packet(&world.guest->machine, &pkt);
			if (i % 5 == 0)
				world_until(&world, inbox_empty);
		}
		machine_close(world.socket);
	}
	meet(4096);
	is_u64(world.socket->hs.state, VMSOCK_ESTABLISHED,
	       "S3 after 200 connections of a mad guest there are others");
	clean();
}

int main(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < 4 * MANY)
		skip_all("%u descriptors are too few", (unsigned int)limit.rlim_cur);
	world_init(&world, 40000);
	world.guest->machine.by_hand = BY_HAND;
	world_host(&world);
	packets_to_nobody();
	refusals();
	pair_rules();
	bad_offers();
	attach_without_pair();
	half_close_by_guest();
	half_close_by_host();
	stop_receiving();
	guest_leaves_bytes();
	program_leaves();
	program_leaves_at_once();
	guest_resets();
	device_reset();
	timeouts();
	slow_guest();
	stalled_reader();
	no_room(false);
	no_room(true);
	flood();
	thousand();
	quota();
	hostile_indexes();
	hostile_mixture();
	world_free(&world);
	return done_testing();
}
