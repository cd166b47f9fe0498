// SPDX-License-Identifier: GPL-2.0-or-later
/* endpoint.c - fuzz target: the host end of the device under a guest that does anything
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The input is a list of deeds: the guest sends control packets, allocates and leaves queue pairs,
 * writes any indexes at any moment, takes datagrams or has no room, and is reset; programs of the
 * host connect, read, write, shut down and close. Whatever comes, the host sends well-formed
 * packets alone, touches data pages of the pair at hand alone, tells a program of the end once,
 * and has nothing left when all is over.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <unistd.h>

#include <common/ring.h>

#include "endpoint_private.h"
#include "fuzz.h"
#include "memory.h"
#include "vmci/errors.h"

#define CID		3u
#define PAGE		4096u
#define SLOT_PAGES	10u	/* of one queue pair: two of 12288 bytes at most */
#define SLOTS		8u
#define BASE_PAGE	0x1000u
#define PROGRAMS	12u
#define CONNECTIONS	8u

/* A program of the host, or its place */
struct program {
	struct stream *stream;
	bool connecting;	/* stream_connect() has not returned */
};

struct function {
	struct host *host;
	bool full;
};

static struct {
	struct loop *loop;
	struct timer *end;
	struct memory *memory;
	unsigned char *file;
	struct function function;
	struct backend backend;
	struct endpoint *endpoint;
	struct pair *pairs[SLOTS];
	struct program programs[PROGRAMS];
	bool listening, room_called;
	/* what the host has sent last, for the guest to answer */
	struct vmsock_packet last;
} world;

/*
 * The function
 */

static void check_packet(const struct vmsock_packet *pkt)
{
	static const struct vmsock_wait_info none;

	require(pkt->dg.payload_size == VMSOCK_PACKET_PAYLOAD_SIZE);
	require(pkt->dg.dst.context == CID && pkt->dg.dst.resource == VMCI_SOCKET_CONTROL_RID);
	require(pkt->dg.src.context == VMCI_HOST_CONTEXT_ID &&
		pkt->dg.src.resource == VMCI_SOCKET_CONTROL_RID);
	require(pkt->version == VMSOCK_PACKET_VERSION && pkt->type < VMSOCK_PACKET_TYPE_COUNT);
	require(pkt->src_port != VMSOCK_PORT_ANY && pkt->dst_port != VMSOCK_PORT_ANY);
	require(!pkt->reserved);
	require(!pkt->proto || pkt->type == VMSOCK_PACKET_REQUEST2 ||
		pkt->type == VMSOCK_PACKET_NEGOTIATE2);
	switch (pkt->type) {
	case VMSOCK_PACKET_INVALID:
	case VMSOCK_PACKET_WROTE:
	case VMSOCK_PACKET_READ:
	case VMSOCK_PACKET_RST:
		require(!memcmp(&pkt->u, &none, sizeof(none)));
		break;
	case VMSOCK_PACKET_SHUTDOWN:
		require(pkt->u.mode && pkt->u.mode <= VMSOCK_SHUTDOWN_MASK);
		break;
	default:
		break;
	}
}

__s32 function_send(struct function *function, const struct vmci_datagram *datagram)
{
	require(datagram->payload_size <= VMCI_MAX_DG_PAYLOAD_SIZE);
	if (datagram->dst.resource == VMCI_SOCKET_CONTROL_RID) {
		check_packet((const struct vmsock_packet *)(const void *)datagram);
		if (!function->full)
			memcpy(&world.last, datagram, sizeof(world.last));
	}
	if (function->full)
		return VMCI_ERROR_NO_RESOURCES;
	return (__s32)(sizeof(*datagram) + datagram->payload_size);
}

__s32 function_pair_event(struct function *function, enum vmci_event_id event,
			  struct vmci_handle handle)
{
	(void)handle;
	require(event == VMCI_EVENT_QP_PEER_ATTACH || event == VMCI_EVENT_QP_PEER_DETACH);
	return function->full ? VMCI_ERROR_NO_RESOURCES : VMCI_SUCCESS;
}

void function_unreached(struct function *function, __u32 port)
{
	(void)function;
	require(port != VMSOCK_PORT_ANY);
}

__u32 function_cid(const struct function *function)
{
	(void)function;
	return CID;
}

/*
 * Programs of the host
 */

static struct program *unused_program(void)
{
	for (unsigned int i = 0; i < PROGRAMS; i++)
		if (!world.programs[i].stream && !world.programs[i].connecting)
			return &world.programs[i];
	return NULL;
}

static bool listens(struct backend *backend, __u32 port)
{
	(void)backend;
	return world.listening && port < 4;
}

static void *incoming(struct backend *backend, struct stream *stream, __u32 port)
{
	struct program *program = unused_program();

	if (!listens(backend, port) || !program)
		return NULL;
	program->stream = stream;
	return program;
}

static bool known(const struct program *program)
{
	return program >= world.programs && program < world.programs + PROGRAMS &&
	       program->stream;
}

static void transfer(struct program *program, bool in, uint64_t most);

static void established(void *connection)
{
	struct program *program = connection;

	require(known(program));
	require(stream_port(program->stream) != VMSOCK_PORT_ANY);
}

static void ready(void *connection)
{
	struct program *program = connection;

	require(known(program));
	transfer(program, true, 1000);
	if (program->stream && stream_read_ended(program->stream) &&
	    stream_write_ended(program->stream)) {
		stream_close(program->stream);
		program->stream = NULL;
	}
}

static void closed(void *connection)
{
	struct program *program = connection;

	require(known(program));
	program->stream = NULL;
}

static __s32 datagram(struct backend *backend, __u32 from, __u32 to, const void *payload,
		      size_t length)
{
	(void)backend;
	(void)from;
	(void)payload;
	require(to != VMCI_SOCKET_CONTROL_RID);
	return length ? VMCI_SUCCESS : VMCI_ERROR_INVALID_RESOURCE;
}

static void room(struct backend *backend)
{
	(void)backend;
	world.room_called = true;
}

static const struct backend_ops ops = {
	.listens = listens,
	.incoming = incoming,
	.established = established,
	.ready = ready,
	.closed = closed,
	.datagram = datagram,
	.room = room,
};

/* Pieces are data pages of one pair, or what was saved of one that has left */
static void check_pieces(const struct stream *stream, const struct iovec *pieces, int count,
			 ssize_t bytes, bool in)
{
	ssize_t sum = 0;

	require(count >= 0 && count <= PAIR_PIECES);
	for (int i = 0; i < count; i++) {
		unsigned char *at = pieces[i].iov_base;
		const unsigned char *first = memory_at(world.memory, BASE_PAGE * PAGE, 1,
						       MEMORY_READ);
		size_t offset = (size_t)(at - first);

		sum += (ssize_t)pieces[i].iov_len;
		require(pieces[i].iov_len);
		if (stream->saved_tail > stream->saved_head) {
			require(in && count == 1);
			continue;
		}
		require(at >= first && offset + pieces[i].iov_len <= SLOTS * SLOT_PAGES * PAGE);
	}
	require(sum == bytes);
	require(bytes < (ssize_t)stream->hs.size);
}

/* As a back end does it, with bytes of no interest */
static void transfer(struct program *program, bool in, uint64_t most)
{
	struct iovec pieces[PAIR_PIECES];
	struct stream *stream = program->stream;
	ssize_t bytes;
	int count;

	if (stream->hs.state < VMSOCK_ESTABLISHED)
		return;
	if (!in && stream_write_ended(stream))
		return;
	bytes = in ? stream_readable(stream, pieces, &count) :
		     stream_writable(stream, pieces, &count);
	if (bytes < 0) {
		program->stream = NULL;
		stream_reset(stream);
		return;
	}
	check_pieces(stream, pieces, count, bytes, in);
	if (!bytes) {
		if (in)
			stream_wait_read(stream);
		else
			stream_wait_write(stream);
		return;
	}
	if ((uint64_t)bytes > most)
		bytes = (ssize_t)(most ? most : 1);
	if (in)
		stream_consumed(stream, (size_t)bytes);
	else
		stream_produced(stream, (size_t)bytes);
}

static void program_acts(struct input *in)
{
	struct program *program = &world.programs[take(in, 1) % PROGRAMS];
	uint64_t what = take(in, 1);
	struct stream *stream = program->stream;

	if (!stream) {
		program = unused_program();
		if (!program)
			return;
		program->connecting = true;
		program->stream = stream_connect(world.endpoint, (__u32)what, program);
		program->connecting = false;
		return;
	}
	switch (what % 6) {
	case 0:
		transfer(program, true, take_size(in));
		break;
	case 1:
		transfer(program, false, take_size(in));
		break;
	case 2:
		if (stream->hs.state >= VMSOCK_ESTABLISHED)
			stream_shutdown(stream, (unsigned int)take(in, 1) & VMSOCK_SHUTDOWN_MASK);
		break;
	case 3:
		program->stream = NULL;
		stream_reset(stream);
		break;
	case 4:
		program->stream = NULL;
		stream_close(stream);
		break;
	case 5:
		stream_wait_read(stream);
		stream_wait_write(stream);
		break;
	}
}

/*
 * The guest
 */

static struct vmci_handle take_handle(struct input *in)
{
	uint64_t what = take(in, 1);

	if (what == 255)
		return world.last.u.handle;
	return (struct vmci_handle){ what & 0x80 ? VMCI_HOST_CONTEXT_ID : CID,
				     VMCI_RESERVED_RESOURCE_ID_MAX + 1 + (what & 0x0f) };
}

static __u64 ring_size(struct input *in)
{
	static const __u64 sizes[] = { 2, 3, 128, 4096, 4097, 12288 };

	return sizes[take(in, 1) % (sizeof(sizes) / sizeof(sizes[0]))];
}

static void guest_sends(struct input *in, bool answer)
{
	struct vmsock_addr src = { CID, (__u32)take(in, 1) % 4 };
	struct vmsock_addr dst = { VMCI_HOST_CONTEXT_ID, (__u32)take(in, 1) % 5 };
	struct vmsock_packet pkt;
	__s32 result;

	if (answer) {
		src.port = world.last.dst_port;
		dst.port = world.last.src_port;
	}
	vmsock_packet_init(&pkt, (__u8)take(in, 1) % 15, src, dst);
	pkt.dg.src.context = CID;
	switch (pkt.type) {
	case VMSOCK_PACKET_REQUEST2:
	case VMSOCK_PACKET_NEGOTIATE2:
		pkt.proto = (__u16)take(in, 1) % 3;
		pkt.u.size = ring_size(in);
		break;
	case VMSOCK_PACKET_REQUEST:
	case VMSOCK_PACKET_NEGOTIATE:
		pkt.u.size = ring_size(in);
		break;
	case VMSOCK_PACKET_OFFER:
	case VMSOCK_PACKET_ATTACH:
		pkt.u.handle = take_handle(in);
		break;
	default:
		pkt.u.wait.generation = take(in, 1);
		pkt.version = (__u8)(take(in, 1) % 16 ? 1 : 2);
		break;
	}
	result = world.function.host->ops->datagram(world.function.host, &pkt.dg);
	require(result == VMSOCK_PACKET_SIZE || result == VMCI_ERROR_INVALID_ARGS);
}

static void guest_allocates(struct input *in, unsigned int slot)
{
	struct vmci_qp_alloc_msg message = { .handle = take_handle(in), .peer = 2 };
	struct pair *pair;
	__u64 ppns[SLOT_PAGES];
	__s32 result;

	message.produce_size = message.consume_size = ring_size(in);
	if (message.handle.context == VMCI_HOST_CONTEXT_ID || take(in, 1) % 8 == 0)
		message.flags = VMCI_QPFLAG_ATTACH_ONLY;
	if (message.flags && world.last.type == VMSOCK_PACKET_OFFER)
		message.handle = world.last.u.handle;
	for (unsigned int i = 0; i < SLOTS; i++)
		if (world.pairs[i] && vmci_handle_equal(world.pairs[i]->handle, message.handle))
			return;
	message.ppn_count = vmci_queue_pair_pages(message.produce_size, message.consume_size, 12);
	for (unsigned int i = 0; i < message.ppn_count; i++)
		ppns[i] = BASE_PAGE + slot * SLOT_PAGES + i;
	pair = pair_new(world.memory, 12, &message, ppns, &result);
	require(pair);
	result = world.function.host->ops->pair_alloc(world.function.host, pair);
	if (result < 0)
		pair_free(pair);
	else
		world.pairs[slot] = pair;
}

static void guest_leaves(unsigned int slot)
{
	world.function.host->ops->pair_detach(world.function.host, world.pairs[slot]);
	pair_free(world.pairs[slot]);
	world.pairs[slot] = NULL;
}

/* An index in the header that the guest owns, or in the other one */
static void guest_scribbles(struct input *in, unsigned int slot)
{
	uint64_t where = take(in, 1);
	const struct pair *pair = world.pairs[slot];
	uint64_t page = where & 1 ? vmci_queue_pages(pair->in_size, 12) : 0;
	struct vmci_queue_header *header = (void *)(world.file +
						    (slot * SLOT_PAGES + page) * PAGE);
	uint64_t value = take_size(in);

	if (where & 4)
		value %= pair->in_size;
	if (where & 2)
		header->consumer_head = value;
	else
		header->producer_tail = value;
}

static void guest_has_pair(struct input *in)
{
	unsigned int slot = (unsigned int)take(in, 1) % SLOTS;

	if (!world.pairs[slot])
		guest_allocates(in, slot);
	else if (take(in, 1) % 4 == 0)
		guest_leaves(slot);
	else
		guest_scribbles(in, slot);
}

static void guest_is_reset(void)
{
	for (unsigned int i = 0; i < SLOTS; i++)
		if (world.pairs[i])
			guest_leaves(i);
	world.function.host->ops->reset(world.function.host);
}

static void guest_datagram(struct input *in)
{
	struct {
		struct vmci_datagram head;
		char payload[8];
	} dg = {
		.head.src = { CID, (__u32)take(in, 1) },
		.head.dst = { VMCI_HOST_CONTEXT_ID, (__u32)take(in, 1) },
		.head.payload_size = take(in, 1) % 9,
	};
	__s32 result = world.function.host->ops->datagram(world.function.host, &dg.head);

	require(result < 0 || result == (__s32)(sizeof(dg.head) + dg.head.payload_size));
	result = endpoint_datagram(world.endpoint, dg.head.dst.resource, dg.head.src.resource,
				   dg.payload, sizeof(dg.payload));
	require(result != VMCI_SUCCESS);
}

static void guest_has_room(void)
{
	bool was_full = world.function.full;

	world.function.full = false;
	world.room_called = false;
	if (was_full)
		world.function.host->ops->room(world.function.host);
	require(!was_full || world.room_called);
	require(!world.endpoint->outbox || !was_full);
}

/*
 * The world
 */

static void quit(void *data)
{
	(void)data;
	loop_quit(world.loop);
}

/* What is due is done: attempts are given up, and what is over is freed */
static void time_passes(void)
{
	timer_set(world.end, 0);
	loop_run(world.loop);
}

static void build(void)
{
	size_t size = SLOTS * SLOT_PAGES * PAGE;
	int fd = memfd_create("guest", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)size))
		abort();
	world.file = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	world.memory = memory_new();
	if (memory_map(world.memory, (uint64_t)BASE_PAGE * PAGE, size,
		       MEMORY_READ | MEMORY_WRITE, fd, 0))
		abort();
	world.loop = loop_new();
	world.end = loop_timer(world.loop, quit, NULL);
}

static void begin(void)
{
	struct endpoint_options options = endpoint_defaults();

	if (!world.loop)
		build();
	options.sizes = (struct vmsock_limits){ .size = 4096, .min = 2, .max = 12288 };
	options.connections = CONNECTIONS;
	options.connect_timeout_ms = 0;
	world.backend.ops = &ops;
	world.endpoint = endpoint_new(world.loop, &options, &world.backend);
	world.function = (struct function){ .host = endpoint_host(world.endpoint) };
	world.function.host->function = &world.function;
	world.listening = true;
	memset(&world.last, 0, sizeof(world.last));
}

static void end(void)
{
	world.function.full = false;
	guest_is_reset();
	for (unsigned int i = 0; i < PROGRAMS; i++)
		if (world.programs[i].stream) {
			stream_close(world.programs[i].stream);
			world.programs[i].stream = NULL;
		}
	time_passes();
	require(!world.endpoint->streams);
	require(!world.endpoint->saved);
	require(!world.endpoint->waiting);
	endpoint_free(world.endpoint);
}

static void deed(struct input *in)
{
	switch (take(in, 1) % 10) {
	case 0:
	case 1:
		guest_sends(in, false);
		break;
	case 2:
		guest_sends(in, true);
		break;
	case 3:
	case 4:
		guest_has_pair(in);
		break;
	case 5:
	case 6:
		program_acts(in);
		break;
	case 7:
		if (world.function.full)
			guest_has_room();
		else
			world.function.full = take(in, 1) % 4 == 0;
		break;
	case 8:
		guest_datagram(in);
		break;
	case 9:
		if (take(in, 1) % 16 == 0)
			guest_is_reset();
		else
			time_passes();
		break;
	}
	require(world.endpoint->streams <= CONNECTIONS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	begin();
	while (in.left)
		deed(&in);
	end();
	return 0;
}
