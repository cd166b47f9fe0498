// SPDX-License-Identifier: GPL-2.0-or-later
/* host-sockets - sockets of the host and a virtual machine that a process plays on /dev/vmci
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-modules: vmsock
 * vm-sources: modules/common/packet.c modules/common/ring.c
 * vm-timeout: 300
 */
#include "host-sockets.h"

/* Is this in a line of the file, which is one of debugfs? */
static bool shows(const char *path, const char *text)
{
	FILE *f = fopen(path, "re");
	char line[256];
	bool found = false;

	need(f);
	while (fgets(line, sizeof(line), f))
		found |= strstr(line, text) != NULL;
	fclose(f);
	return found;
}

#define expect_shown(path, text) ({						\
	if (!shows((path), (text)))						\
		vm_fail(__FILE__, __LINE__, "%s does not show %s", (path), (text)); })

#define PAIRS_FILE	"/sys/kernel/debug/vmci/queue_pairs"
#define SOCKETS_FILE	"/sys/kernel/debug/vmsock/sockets"

/* What an administrator sees of a pair in each state (5.8) */
static void states(void)
{
	struct vm vm = vm_of(0);
	int fd = vm_connection(&vm);

	expect_shown(PAIRS_FILE, " ATTACHED_MEM");
	need(set_va(vm.fd, vm.handle, NULL) == 0);
	expect_shown(PAIRS_FILE, " ATTACHED_NO_MEM");
	need(set_va(vm.fd, vm.handle, vm.memory) == 0);
	close(fd);
	need_detach(&vm);
	expect_shown(PAIRS_FILE, " SHUTDOWN_MEM");
	need(detach_pair(vm.fd, vm.handle) == 0);
	expect_soon(!shows(PAIRS_FILE, "MEM"));

	fd = vm_connection(&vm);
	need(detach_pair(vm.fd, vm.handle) == 0);
	expect_shown(PAIRS_FILE, " SHUTDOWN_NO_MEM");
	close(fd);
	expect_soon(!shows(PAIRS_FILE, "MEM"));
}

struct receiving {
	int fd;
	bool good;
};

static void receive_100(void *arg)
{
	struct receiving *receiving = arg;

	receiving->good = receive_bytes(receiving->fd, 100, 1, 0);
}

/* Bytes wait in memory that is away: who wants them sleeps, and holds up nobody who looks */
static void quiesced_reader(void)
{
	struct vm vm = vm_of(0);
	struct receiving receiving = { .fd = vm_connection(&vm) };
	struct task task;

	vm_writes(&vm, 100, 1, 0);
	need(set_va(vm.fd, vm.handle, NULL) == 0);
	start_task(&task, receive_100, &receiving);
	wait_in_syscall(&task, SYS_recvfrom);
	expect_shown(SOCKETS_FILE, " - - - -");
	expect_shown(PAIRS_FILE, " ATTACHED_NO_MEM");
	need(set_va(vm.fd, vm.handle, vm.memory) == 0);
	join_task(&task);
	expect(receiving.good);
	expect_carries(&vm, receiving.fd);
}

/* A21: who waits for a machine that is quiesced can be killed */
static void quiesced_killed(void)
{
	struct vm vm = vm_of(0);
	int fd = vm_connection(&vm), status;
	pid_t pid;

	need(set_va(vm.fd, vm.handle, NULL) == 0);
	pid = fork();
	if (pid == 0) {
		send(fd, "q", 1, MSG_NOSIGNAL);
		_exit(0);
	}
	need(soon(sleeps_in(pid, SYS_sendto)));
	need_ok(kill(pid, SIGKILL));
	need(waitpid(pid, &status, 0) == pid);
	expect(WIFSIGNALED(status));
	need(set_va(vm.fd, vm.handle, vm.memory) == 0);
	expect_carries(&vm, fd);
}

/* 5.13: a restricted machine and sockets of the user who started it */
static void owner(void)
{
	struct vm vm;
	int fd, node = open_vmci();

	drop_privileges();
	need_ok(declare(node, VMCI_VERSION_CURRENT));
	need(init_context(node, VM, VMCI_PRIVILEGE_FLAG_RESTRICTED) == VM);
	vm = (struct vm){ node, { VM, VM_PORT }, .handle = { VM, 3000 } };
	fd = dgram_bound(VMADDR_PORT_ANY);
	expect_is(send_to(fd, "x", 1, VM, 77), 1);
	drain(&vm);
	expect_carries(&vm, vm_connection(&vm));
	close(fd);
	fd = host_connects();
	vm_accepts(&vm);
	wait_for(fd, POLLOUT);
	expect_is(socket_error(fd), 0);
}

/* A pair that is offered while its memory is away is nothing to attach to (5.7, attach, no. 13) */
static void offered_without_memory(void)
{
	struct vm vm = vm_of(0);
	int listening = host_listener();
	struct vmsock_packet pkt;

	vm.peer = (struct vmsock_addr){ HOST, port_of(listening) };
	pkt = packet(&vm, VMSOCK_PACKET_REQUEST2);
	pkt.proto = VMSOCK_PROTO_QUEUE_STATE;
	pkt.u.size = RING;
	need(send_packet(&vm, &pkt) > 0);
	need_packet(&vm, VMSOCK_PACKET_NEGOTIATE2);
	open_pair(&vm);
	need(set_va(vm.fd, vm.handle, NULL) == 0);
	pkt = packet(&vm, VMSOCK_PACKET_OFFER);
	pkt.u.handle = vm.handle;
	need(send_packet(&vm, &pkt) > 0);
	need_packet(&vm, VMSOCK_PACKET_RST);
	expect_is(revents(listening), 0);
	need(detach_pair(vm.fd, vm.handle) == 0);
	expect_carries(&vm, vm_connects(&vm, listening));
}

/* A handle is the name of one pair: a machine gets none that two sockets of the host have */
static void name_of_local_pair(void)
{
	struct vm vm = vm_of(0);
	struct vmci_handle handle;
	int fd = host_connects(), taken = 0;
	struct pair local;

	vm_accepts(&vm);
	local = make_pair();
	/* Handles are given out in their order */
	handle = vm.handle;
	for (int i = 0; i < 8; i++) {
		void *memory = pair_memory(handle, PAGE, PAGE);
		int32_t result;

		handle.resource++;
		result = alloc_pair(vm.fd, handle, HOST, PAGE, PAGE, memory);
		taken += result == VMCI_ERROR_ALREADY_EXISTS;
		expect(result == VMCI_ERROR_ALREADY_EXISTS || result == VMCI_SUCCESS);
	}
	expect_is(taken, 1);
	expect_works(local.client, local.server);
	close_pair(&local);
	close(fd);
}

static const struct vmtest own_rows[] = {
	{ "5.8", "what is shown of a queue pair", states },
	{ "5.8", "who reads memory that has gone waits, and holds up nobody", quiesced_reader },
	{ "5.7", "a pair whose memory has gone is offered", offered_without_memory },
	{ "5.7", "the name of a pair of two sockets of the host", name_of_local_pair },
	{ "12.3 A21", "waiting for a quiesced machine can be ended", quiesced_killed },
	{ "5.13", "a restricted machine and its owner's sockets", owner },
};

int main(int argc, char **argv)
{
	vmtest_begin();
	host_run(argc, argv, host_rows, ARRAY_SIZE(host_rows));
	host_run(argc, argv, own_rows, ARRAY_SIZE(own_rows));
	return done_testing();
}
