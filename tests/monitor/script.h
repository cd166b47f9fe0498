/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * script.h - a peer on another machine, as tests of the host's sockets write it: a verb a line
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A row boots a virtual machine (boot()), has the host's socket do something, and says (say*())
 * and hears (hear()) packets in the name of a line: a port of the machine and one of the host.
 * Whatever the row names can be wrong.  hear() wants the very next packet, all its bytes, so that
 * what should not have been sent shows where the next thing is heard.  Without a script the
 * machine's sockets answer (machine.h); until() lets them run.
 *
 * It does not matter which driver the host has: VMSOCK_TEST_FAMILY as for vmtest.h.
 */
#ifndef TESTS_MONITOR_SCRIPT_H
#define TESTS_MONITOR_SCRIPT_H

#include "../vm/vmtest.h"

#include <vmci/errors.h>

#include "vm.h"

#define P(name)		VMSOCK_PACKET_##name
#define HOST		2u
#define GUEST_CID	77u
#define OTHER_CID	78u		/* of a second machine */
#define GUEST_PORT	VM_BY_HAND	/* of a script */
#define SIZE		4096u

static const struct vmci_handle no_handle = { VMCI_INVALID_ID, VMCI_INVALID_ID };

/**
 * struct line - what two ports say to each other
 * @vm: the machine
 * @here: its port
 * @there: the host's port, taken from the first packet if it is 0
 * @heard: the latest packet
 * @pair: the queue pair
 */
struct line {
	struct vm *vm;
	unsigned int here;
	unsigned int there;
	struct vmsock_packet heard;
	struct vm_pair *pair;
};

static void vm_or_end(struct vm *vm, unsigned int cid)
{
	need(vm);
	need(vm->machine.cid == cid);
}

UNUSED static struct vm *boot_as(unsigned int cid, unsigned int flags)
{
	struct vm *vm = vm_new(cid, flags);

	vm_or_end(vm, cid);
	/* No handle comes again: the host may still have a pair of an earlier row */
	vm->machine.last_resource += getpid() % 32768 * 1000;
	return vm;
}

UNUSED static struct vm *boot(void)
{
	return boot_as(GUEST_CID, 0);
}

/* The machines' sockets run until it is so; false after SOON_MS */
#define vm_soon(machine_, cond) ({						\
	struct vm *vm_ = (machine_);						\
	long long end_ = now_ms() + SOON_MS;					\
	bool good_;								\
	while (!(good_ = (cond)) && now_ms() < end_)				\
		if (!vm_pump(vm_) && !(cond))					\
			vm_wait(vm_, 1);					\
	good_; })

#define until(machine_, cond) ({						\
	bool until_ = vm_soon(machine_, (cond));				\
	if (!until_)								\
		vm_fail(__FILE__, __LINE__, "never so: %s", #cond);		\
	until_; })

/* --- saying ------------------------------------------------------------------------------- */

UNUSED static struct vmsock_packet packet(const struct line *line, int type)
{
	struct vmsock_packet pkt;

	vmsock_packet_init(&pkt, type, (struct vmsock_addr){ line->vm->machine.cid, line->here },
			   (struct vmsock_addr){ HOST, line->there });
	pkt.dg.src.context = line->vm->machine.cid;
	return pkt;
}

/* The bytes as they are: the result, of which the row may say what it should be */
UNUSED static int transmit(const struct line *line, const struct vmsock_packet *pkt)
{
	return vm_send(line->vm, pkt, sizeof(pkt->dg) + pkt->dg.payload_size);
}

/*
 * What becomes of it shows in what is heard; the result of a refused packet is not the same with
 * all drivers.
 */
UNUSED static void vm_say(const struct line *line, const struct vmsock_packet *pkt, int at)
{
	int result = transmit(line, pkt);

	if (result == VMCI_ERROR_NO_RESOURCES || result == VMCI_ERROR_NO_MEM || result < -100)
		vm_fail("script.h", at, "%s was not sent: %d",
			vmsock_packet_type_name(pkt->type), result);
}

#define say(line, type) ({							\
	struct vmsock_packet pkt_ = packet((line), (type));			\
	vm_say((line), &pkt_, __LINE__); })

#define say_size(line, type, protocols, bytes) ({				\
	struct vmsock_packet pkt_ = packet((line), (type));			\
	pkt_.proto = (protocols);						\
	pkt_.u.size = (bytes);							\
	vm_say((line), &pkt_, __LINE__); })

#define say_handle(line, type, which) ({					\
	struct vmsock_packet pkt_ = packet((line), (type));			\
	pkt_.u.handle = (which);						\
	vm_say((line), &pkt_, __LINE__); })

#define say_mode(line, bits) ({							\
	struct vmsock_packet pkt_ = packet((line), P(SHUTDOWN));		\
	pkt_.u.mode = (bits);							\
	vm_say((line), &pkt_, __LINE__); })

/* --- hearing ------------------------------------------------------------------------------ */

/* The next packet is of this type and between these ports */
UNUSED static bool vm_hear(struct line *line, int type, const char *file, int at)
{
	struct vm *vm = line->vm;

	if (!vm_soon(vm, vm->heard_count > 0 || vm->wrong)) {
		vm_fail(file, at, "%s is never heard", vmsock_packet_type_name(type));
		return false;
	}
	if (vm->wrong || !vm_heard(vm, &line->heard)) {
		vm_fail(file, at, "a packet that no peer may send");
		return false;
	}
	if (!line->there)
		line->there = line->heard.src_port;
	if (line->heard.type == type && line->heard.dst_port == line->here &&
	    line->heard.src_port == line->there)
		return true;
	vm_fail(file, at, "heard %s from port %u to %u, want %s from %u to %u",
		vmsock_packet_type_name(line->heard.type), line->heard.src_port,
		line->heard.dst_port, vmsock_packet_type_name(type), line->there, line->here);
	return false;
}
#define hear(line, type)	({ if (!vm_hear((line), (type), __FILE__, __LINE__)) _exit(1); })

/*
 * Nothing was said: a packet to a port that nobody has is answered at once, behind everything
 * that was said before.
 */
UNUSED static void vm_hear_nothing(const struct line *line, const char *file, int at)
{
	struct line nobody = { .vm = line->vm, .here = GUEST_PORT + 900, .there = 999999 };
	struct vmsock_packet pkt = packet(&nobody, P(READ));

	transmit(&nobody, &pkt);
	if (!vm_hear(&nobody, P(RST), file, at))
		_exit(1);
}
#define hear_nothing(line)	vm_hear_nothing((line), __FILE__, __LINE__)

/* --- the host as a client ----------------------------------------------------------------- */

/* A loaded machine may take its time */
UNUSED static int patient(int fd)
{
	static const struct timeval patience = { .tv_sec = 30 };

	need_ok(setsockopt(fd, vm_family, SO_VMCI_CONNECT_TIMEOUT, &patience, sizeof(patience)));
	return fd;
}

/* A host's socket has begun to connect to the line */
UNUSED static int host_calls_with(struct line *line, int fd)
{
	set_blocking(patient(fd), false);
	expect_errno(connect_to(fd, line->vm->machine.cid, line->here), EINPROGRESS);
	hear(line, P(REQUEST2));
	return fd;
}

UNUSED static int host_calls(struct line *line)
{
	return host_calls_with(line, stream_socket());
}

/* It has offered a queue pair of this size */
UNUSED static int host_offers(struct line *line, unsigned int size)
{
	int fd = host_calls(line);

	say_size(line, P(NEGOTIATE2), VMSOCK_PROTO_QUEUE_STATE, size);
	hear(line, P(OFFER));
	return fd;
}

/* The machine's half of what was offered */
UNUSED static void attach_pair(struct line *line, unsigned int size)
{
	__s32 result;

	line->pair = vm_pair_new(line->vm, line->heard.u.handle, HOST, VMCI_QPFLAG_ATTACH_ONLY,
				 size, &result);
	if (!line->pair)
		vm_fail("script.h", __LINE__, "the pair cannot be attached: %d", result);
	need(line->pair);
}

UNUSED static void accept_offer(struct line *line, int fd, unsigned int size)
{
	attach_pair(line, size);
	say_handle(line, P(ATTACH), line->pair->handle);
	wait_for(fd, POLLOUT);
	expect_is(socket_error(fd), 0);
	set_blocking(fd, true);
}

/* A connection that the host has made, in queue-state style */
UNUSED static int host_connects(struct line *line, unsigned int size)
{
	int fd = host_offers(line, size);

	accept_offer(line, fd, size);
	return fd;
}

/* The same in packet style, after a fallback */
UNUSED static int host_falls_back(struct line *line, unsigned int size)
{
	int fd = host_calls(line);

	say(line, P(INVALID));
	hear(line, P(REQUEST));
	say(line, P(RST));
	say_size(line, P(NEGOTIATE), 0, size);
	hear(line, P(OFFER));
	attach_pair(line, size);
	say_handle(line, P(ATTACH), line->pair->handle);
	set_blocking(fd, true);	/* poll() would be a reader that waits */
	need(connect_to(fd, line->vm->machine.cid, line->here) == 0 || errno == EISCONN);
	return fd;
}

UNUSED static void expect_failed(int fd, int error)
{
	need(revents_within(fd, 0, SOON_MS) & POLLERR);
	expect_is(socket_error(fd), error);
}

/* --- the host as a server ----------------------------------------------------------------- */

UNUSED static int host_listens(struct line *line, int backlog)
{
	int fd = listener(backlog);

	line->there = port_of(fd);
	return fd;
}

/* Handles are the machine's own */
static struct vmci_handle new_handle(struct line *line)
{
	struct machine *machine = &line->vm->machine;

	return (struct vmci_handle){ machine->cid, ++machine->last_resource };
}

UNUSED static void create_pair(struct line *line, unsigned int size)
{
	__s32 result;

	line->pair = vm_pair_new(line->vm, new_handle(line), HOST, 0, size, &result);
	if (!line->pair)
		vm_fail("script.h", __LINE__, "the pair cannot be created: %d", result);
	need(line->pair);
}

/* A connection that the machine has made; @proto as for REQUEST2, 0 for REQUEST */
UNUSED static int guest_connects_to(struct line *line, int listening, int proto,
				    unsigned int size)
{
	say_size(line, proto ? P(REQUEST2) : P(REQUEST), proto, size);
	hear(line, proto ? P(NEGOTIATE2) : P(NEGOTIATE));
	create_pair(line, size);
	say_handle(line, P(OFFER), line->pair->handle);
	hear(line, P(ATTACH));
	return need_ok(accept(listening, NULL, NULL));
}

UNUSED static int guest_connects(struct line *line, int proto, unsigned int size)
{
	int listening = host_listens(line, 1), fd;

	fd = guest_connects_to(line, listening, proto, size);
	close(listening);
	return fd;
}

/* --- data --------------------------------------------------------------------------------- */

/* The line writes or reads bytes of the pattern, and tells the host with a packet */
UNUSED static void produce(struct line *line, const void *bytes, size_t count)
{
	need(vm_pair_write(line->pair, bytes, count) == count);
	say(line, P(WROTE));
}

UNUSED static void consume(struct line *line, void *bytes, size_t count)
{
	need(until(line->vm, vm_pair_ready(line->pair) >= count));
	need(vm_pair_read(line->pair, bytes, count) == count);
	say(line, P(READ));
}

/* Notifications that were heard are of no interest */
UNUSED static void forget_notifications(struct vm *vm)
{
	struct vmsock_packet pkt;
	unsigned int count;

	vm_pump(vm);
	count = vm->heard_count;
	while (count-- && vm_heard(vm, &pkt))
		if (pkt.type != P(WROTE) && pkt.type != P(READ) && pkt.type != P(WAITING_READ) &&
		    pkt.type != P(WAITING_WRITE))
			vm->heard[(vm->heard_first + vm->heard_count++) % VM_KEPT] = pkt;
}

/* A byte each way, whatever the style */
UNUSED static void vm_expect_line_works(struct line *line, int fd, const char *file, int at)
{
	char byte = 0;

	produce(line, "g", 1);
	if (recv(fd, &byte, 1, 0) != 1 || byte != 'g' || send(fd, "h", 1, MSG_NOSIGNAL) != 1)
		vm_fail(file, at, "the connection does not work (%s)", strerrorname_np(errno));
	consume(line, &byte, 1);
	if (byte != 'h')
		vm_fail(file, at, "the machine got %#x", byte);
	forget_notifications(line->vm);
}
#define expect_line_works(line, fd) vm_expect_line_works((line), (fd), __FILE__, __LINE__)

/* Whatever became of an attempt, the socket can connect to a socket of the machine */
UNUSED static void expect_can_connect(struct line *line, int fd)
{
	struct socket *listening = machine_listen(&line->vm->machine, 6000, SIZE);
	struct socket *accepted;

	listening->reading = true;
	set_blocking(patient(fd), false);
	expect_errno(connect_to(fd, line->vm->machine.cid, 6000), EINPROGRESS);
	need(until(line->vm, revents_within(fd, POLLOUT, 0) & POLLOUT));
	expect_is(socket_error(fd), 0);
	accepted = machine_accepted(&line->vm->machine, 6000);
	need(accepted);
	need(send(fd, (char[]){ pattern(0), pattern(1) }, 2, 0) == 2);
	until(line->vm, accepted->received == 2);
	expect_is(accepted->wrong, 0);
}

#endif /* TESTS_MONITOR_SCRIPT_H */
