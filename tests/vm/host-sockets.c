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

static const struct vmtest own_rows[] = {
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
