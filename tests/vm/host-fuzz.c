// SPDX-License-Identifier: GPL-2.0-or-later
/* host-fuzz - monitors that ask anything in any order, and sockets that talk to them
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Threads share some files of /dev/vmci and some memory, which others of them map, protect and
 * write meanwhile: what is asked, what lies in queue pairs, and what is in packets is never what
 * it was a moment ago.  Sockets of the host listen, connect, send and receive, and an administrator
 * looks at it all.  Afterwards there must be no virtual machine, no queue pair and no locked
 * memory.  It goes on for half of VMSOCK_STRESS_SECONDS.
 *
 * vm-kernels: 6.1 6.12 7.3 debug
 * vm-modules: vmsock
 * vm-sources: modules/common/packet.c
 * vm-boot: own
 * vm-timeout: 120
 */
#include "host.h"

#include <setjmp.h>
#include <stdatomic.h>

#include <common/packet.h>

#define FILES		4
#define ASKERS		4
#define ARENA_PAGES	64
#define HOST_PORT	900u

static atomic_int files[FILES];
static uint8_t *arena;
static atomic_bool over;
static atomic_ulong asked, succeeded, connected;

/* --- chance --------------------------------------------------------------------------------- */

static __thread uint64_t seed;

static uint32_t chance(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

#define one_of(table)	((table)[chance(ARRAY_SIZE(table))])

static uint32_t some_cid(void)
{
	static const uint32_t cids[] = { 100, 100, 100, 101, 102, HOST, 0, 1, 5, NONE };

	return one_of(cids);
}

static struct vmci_handle some_handle(void)
{
	return (struct vmci_handle){ some_cid(), chance(8) ? 1024 + chance(8) : chance(3) - 1 };
}

static uint64_t some_size(void)
{
	static const uint64_t sizes[] = {
		0, 1, 128, 4096, 4096, 4096, 8192, 5000, 1 << 20, 128 << 20, 1ull << 32, UINT64_MAX,
	};

	return one_of(sizes);
}

static uint64_t some_address(void)
{
	switch (chance(16)) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX - chance(3 * PAGE);
	case 2:
		return address_of(arena + ARENA_PAGES * PAGE) - chance(PAGE);
	case 3:
		return address_of(arena) + chance(ARENA_PAGES * PAGE);
	default:
		return address_of(arena) + chance(ARENA_PAGES) * PAGE;
	}
}

static int some_file(void)
{
	return files[chance(FILES)];
}

static void count(int32_t result)
{
	asked++;
	if (result >= 0 && result != NO_RESULT)
		succeeded++;
}

/* --- requests ------------------------------------------------------------------------------- */

static void open_file(void)
{
	static const int32_t versions[] = {
		VMCI_VERSION_NOVMVM, VMCI_VERSION_NOVMVM, VMCI_VERSION_NOVMVM,
		VMCI_VERSION_NOTIFY, VMCI_VERSION_HOSTQP, VMCI_VERSION_PREHOSTQP, 0, -1,
	};
	atomic_int *slot = &files[chance(FILES)];
	int fd = open("/dev/vmci", O_RDWR | O_CLOEXEC), old;

	if (fd < 0)
		return;
	declare(fd, one_of(versions));
	if (chance(8))
		init_context(fd, some_cid(), chance(4) == 0);
	old = atomic_exchange(slot, fd);
	if (old >= 0)
		close(old);
}

static void do_alloc(void)
{
	uint64_t produce = some_size(), consume = some_size();
	struct vmci_qp_alloc_block block = pair_block(some_handle(), chance(2) ? HOST : some_cid(),
						      produce, consume, NULL);

	block.pages_address = some_address();
	block.flags = chance(4) ? 0 : chance(32);
	if (chance(8) == 0)
		block.page_count = chance(8);
	count(request(some_file(), IOCTL_VMCI_QUEUEPAIR_ALLOC, &block));
}

static void do_set_store(void)
{
	struct vmci_qp_page_file_block block = {
		.handle = some_handle(), .produce_address = some_address(),
		.consume_address = some_address(), .result = NO_RESULT,
	};

	count(request(some_file(), IOCTL_VMCI_QUEUEPAIR_SETPAGEFILE, &block));
}

static void do_set_va(void)
{
	count(set_va(some_file(), some_handle(),
		     chance(2) ? (void *)(uintptr_t)some_address() : NULL));
}

static void do_detach(void)
{
	count(detach_pair(some_file(), some_handle()));
}

static void do_send(void)
{
	struct vmci_handle dst = { chance(4) ? HOST : some_cid(), chance(2) ? HOST_PORT : 1 };
	struct vmci_handle src = { some_cid(), chance(2) ? 1 : 88 };

	((struct vmci_datagram *)arena)->payload_size = chance(200);
	((struct vmci_datagram *)arena)->dst = dst;
	((struct vmci_datagram *)arena)->src = src;
	count(send_bytes(some_file(), arena, HDR + chance(200)));
}

/* A control packet that may well belong to a connection */
static void do_packet(void)
{
	struct vmsock_packet pkt;

	vmsock_packet_init(&pkt, chance(VMSOCK_PACKET_TYPE_COUNT + 1),
			   (struct vmsock_addr){ 0, 2000 + chance(4) },
			   (struct vmsock_addr){ HOST, HOST_PORT });
	pkt.dg.src.context = 100 + chance(3);
	pkt.proto = chance(3);
	if (chance(2))
		pkt.u.size = some_size();
	else
		pkt.u.handle = some_handle();
	count(send_bytes(some_file(), &pkt, sizeof(pkt)));
}

/* What a client of the host asks for: the next step of its handshake */
static void do_answer(void)
{
	uint8_t buffer[256];
	struct vmsock_packet *pkt = (void *)buffer;
	int fd = some_file();
	struct vmsock_addr me, host;

	if (receive_bytes_at(fd, buffer, sizeof(buffer)) < 0 ||
	    pkt->dg.payload_size != VMSOCK_PACKET_PAYLOAD_SIZE)
		return;
	me = vmsock_packet_dst(pkt);
	host = vmsock_packet_src(pkt);
	if (pkt->type == VMSOCK_PACKET_OFFER) {
		struct vmci_handle handle = pkt->u.handle;

		count(alloc_pair(fd, handle, HOST, PAGE, PAGE,
				 arena + chance(ARENA_PAGES - 4) * PAGE));
		vmsock_packet_init(pkt, VMSOCK_PACKET_ATTACH, me, host);
		pkt->u.handle = handle;
	} else if (pkt->type == VMSOCK_PACKET_REQUEST2) {
		vmsock_packet_init(pkt, VMSOCK_PACKET_NEGOTIATE2, me, host);
		pkt->proto = VMSOCK_PROTO_QUEUE_STATE;
		pkt->u.size = PAGE;
	} else if (pkt->type == VMSOCK_PACKET_NEGOTIATE2) {
		vmsock_packet_init(pkt, VMSOCK_PACKET_OFFER, me, host);
		pkt->u.handle = some_handle();
		count(alloc_pair(fd, pkt->u.handle, HOST, PAGE, PAGE,
				 arena + chance(ARENA_PAGES - 4) * PAGE));
	} else {
		return;
	}
	pkt->dg.src.context = me.cid;
	count(send_bytes(fd, pkt, sizeof(*pkt)));
}

static void do_receive(void)
{
	count(receive_bytes_at(some_file(), (void *)(uintptr_t)some_address(), chance(70000)));
}

static void do_bell(void)
{
	struct vmci_notify_resource_block block = {
		some_handle(), chance(8) ? 1 : chance(3), chance(4), NO_RESULT
	};

	count(request(some_file(), IOCTL_VMCI_NOTIFY_RESOURCE, &block));
}

static void do_take_rung(void)
{
	struct vmci_notifications_receive_block block = {
		some_address(), chance(100), some_address(), chance(2), NO_RESULT, 0
	};

	count(request(some_file(), IOCTL_VMCI_NOTIFICATIONS_RECEIVE, &block));
}

static void do_set_notify(void)
{
	count(set_notify(some_file(), chance(3) ? (void *)(uintptr_t)some_address() : NULL));
}

static void do_checkpoint(void)
{
	struct vmci_checkpoint_block block = {
		some_address(), chance(9), chance(2) ? chance(100) : (uint32_t)some_size(),
		NO_RESULT, 0
	};

	count(request(some_file(), chance(2) ? IOCTL_VMCI_CTX_GET_CPT_STATE :
					       IOCTL_VMCI_CTX_SET_CPT_STATE, &block));
}

static void do_watch(void)
{
	struct vmci_ctx_notification_block block = { some_cid(), NO_RESULT };

	count(request(some_file(), chance(2) ? IOCTL_VMCI_CTX_ADD_NOTIFICATION :
					       IOCTL_VMCI_CTX_REMOVE_NOTIFICATION, &block));
}

/* Any number, with an argument that is being written to */
static void do_anything(void)
{
	asked++;
	ioctl(some_file(), 0x79e + chance(0x30), some_address());
	revents(some_file());
}

/* --- memory --------------------------------------------------------------------------------- */

static void do_write(void)
{
	uint64_t *at = (void *)(arena + chance(ARENA_PAGES) * PAGE);

	for (int i = 0; i < 4; i++)
		at[i] = chance(2) ? chance(8192) : some_size();
}

/* The page is another one; whoever has pinned it keeps the old one */
static void do_map(void)
{
	uint8_t *page = arena + chance(ARENA_PAGES) * PAGE;

	switch (chance(4)) {
	case 0:
		munmap(page, PAGE);
		break;
	case 1:
		mprotect(page, PAGE, PROT_READ);
		break;
	case 2:
		madvise(page, PAGE, MADV_REMOVE);
		break;
	}
	mmap(page, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

/* What a thread touches may be away for a moment; it does something else then */
static __thread sigjmp_buf *elsewhere;

static void faulted(int sig)
{
	if (!elsewhere)
		_exit(128 + sig);
	siglongjmp(*elsewhere, 1);
}

static void ask(void *arg)
{
	static void (*const acts[])(void) = {
		open_file, do_alloc, do_alloc, do_alloc, do_set_store, do_set_va, do_detach,
		do_send, do_packet, do_packet, do_answer, do_answer, do_answer, do_receive,
		do_bell, do_take_rung, do_set_notify, do_checkpoint, do_watch, do_anything,
		do_write, do_write, do_map,
	};
	sigjmp_buf place;

	seed = (uintptr_t)arg;
	sigsetjmp(place, 1);
	elsewhere = &place;
	while (!over)
		one_of(acts)();
}

/* --- the host ------------------------------------------------------------------------------- */

/* Whatever comes goes back; nobody waits long */
static void exchange(int fd)
{
	uint8_t bytes[3000];

	set_blocking(fd, false);
	for (int i = 0; i < 20 && !over; i++) {
		if (recv(fd, bytes, 1 + chance(sizeof(bytes)), 0) == 0)
			break;
		send(fd, bytes, 1 + chance(sizeof(bytes)), MSG_NOSIGNAL);
		revents_within(fd, POLLIN, 2);
	}
	close(fd);
}

static void listen_to_them(void *arg)
{
	int listening = stream_bound(HOST_PORT), fd;

	seed = (uintptr_t)arg;
	set_size(listening, PAGE);
	need_ok(listen(listening, 16));
	set_blocking(listening, false);
	while (!over) {
		revents_within(listening, POLLIN, 20);
		fd = accept(listening, NULL, NULL);
		if (fd < 0)
			continue;
		connected++;
		exchange(fd);
	}
	close(listening);
}

static void connect_to_them(void *arg)
{
	seed = (uintptr_t)arg;
	while (!over) {
		int fd = stream_socket();

		set_size(fd, PAGE);
		set_blocking(fd, false);
		connect_to(fd, 100 + chance(3), 2000 + chance(4));
		if (revents_within(fd, POLLOUT, 20) & POLLOUT && !socket_error(fd))
			connected++;
		exchange(fd);
	}
}

static void send_to_them(void *arg)
{
	int fd = dgram_bound(HOST_PORT);
	uint8_t bytes[512];

	seed = (uintptr_t)arg;
	set_blocking(fd, false);
	while (!over) {
		send_to(fd, bytes, chance(sizeof(bytes)), 100 + chance(3), 88);
		recv(fd, bytes, sizeof(bytes), 0);
		breathe();
	}
	close(fd);
}

/* --- who looks ------------------------------------------------------------------------------ */

#define CONTEXTS_FILE	"/sys/kernel/debug/vmci/contexts"
#define PAIRS_FILE	"/sys/kernel/debug/vmci/queue_pairs"
#define SOCKETS_FILE	"/sys/kernel/debug/vmsock/sockets"

/* Lines of a file of debugfs behind its head */
static int lines_of(const char *path)
{
	FILE *f = fopen(path, "re");
	int lines = -1, c;

	need(f);
	while ((c = getc(f)) != EOF)
		lines += c == '\n';
	fclose(f);
	return lines;
}

static void look_at_them(void *arg)
{
	static const char *const paths[] = { CONTEXTS_FILE, PAIRS_FILE, SOCKETS_FILE };

	seed = (uintptr_t)arg;
	while (!over) {
		expect(lines_of(one_of(paths)) >= 0);
		breathe();
	}
}

/* --- all ------------------------------------------------------------------------------------ */

static void anything(void)
{
	static void (*const of_host[])(void *arg) = {
		listen_to_them, connect_to_them, connect_to_them, send_to_them, look_at_them,
	};
	struct task tasks[ASKERS + ARRAY_SIZE(of_host)];
	size_t i;

	/* Nothing of the test's own lies behind it, such as the count of failures */
	arena = map_pages(ARENA_PAGES + 1);
	need_ok(mprotect(arena + ARENA_PAGES * PAGE, PAGE, PROT_NONE));
	for (i = 0; i < FILES; i++)
		files[i] = -1;
	signal(SIGSEGV, faulted);
	signal(SIGBUS, faulted);
	for (i = 0; i < ASKERS; i++)
		start_task(&tasks[i], ask, (void *)(uintptr_t)(i + 1));
	for (i = 0; i < ARRAY_SIZE(of_host); i++)
		start_task(&tasks[ASKERS + i], of_host[i], (void *)(uintptr_t)(i + 100));
	sleep(stress_seconds() / 2);
	over = true;
	for (i = 0; i < ASKERS; i++)
		join_task(&tasks[i]);
	for (i = 0; i < FILES; i++)
		close(files[i]);
	for (; i < ARRAY_SIZE(tasks); i++)
		join_task(&tasks[i]);
	diag("%lu requests, %lu of them granted, %lu connections", asked, succeeded, connected);
	expect(asked > 1000 && succeeded > 100);
	expect_is(locked_kib(), 0);
	expect_soon(lines_of(PAIRS_FILE) == 0);
	expect_is(lines_of(CONTEXTS_FILE), 0);
	close(monitor(100));
}

int main(int argc, char **argv)
{
	struct vmtest rows[] = {
		{ "12.2", "any request, any order, any memory", anything, 60 + stress_seconds() },
	};

	vmtest_begin();
	host_run(argc, argv, rows, ARRAY_SIZE(rows));
	return done_testing();
}
