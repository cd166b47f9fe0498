// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sandbox - give up what a process that serves a guest has no use for
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A system call that is not in the list fails with EPERM.  It does not end the process, since that
 * would end a virtual machine.  No memory becomes code, no socket leaves the machine, and no
 * program and no file is opened.
 */
#include <config.h>
#include <errno.h>
#include <gio/gio.h>
#include <string.h>

#include "sandbox.h"

#ifdef HAVE_SECCOMP
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>

static const int allowed[] = {
	/* descriptors */
	SCMP_SYS(close),
	SCMP_SYS(dup),
	SCMP_SYS(fcntl),
	SCMP_SYS(fstat),
	SCMP_SYS(lseek),
	SCMP_SYS(newfstatat),
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	/* sockets */
	SCMP_SYS(accept4),
	SCMP_SYS(bind),
	SCMP_SYS(connect),
	SCMP_SYS(getpeername),
	SCMP_SYS(getsockname),
	SCMP_SYS(getsockopt),
	SCMP_SYS(listen),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(setsockopt),
	SCMP_SYS(shutdown),
	SCMP_SYS(umask),
	/* waiting and time */
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(futex),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(restart_syscall),
	/* memory */
	SCMP_SYS(brk),
	SCMP_SYS(madvise),
	SCMP_SYS(mremap),
	SCMP_SYS(munmap),
	/* the process itself */
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(getpid),
	SCMP_SYS(getrandom),
	SCMP_SYS(gettid),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(tgkill),
};

static int allow_requests(scmp_filter_ctx filter, const struct sandbox_node *node)
{
	int result = 0;

	for (const unsigned int *request = node->requests; !result && *request; request++)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 2,
					  SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)node->fd),
					  SCMP_A1(SCMP_CMP_EQ, *request));
	return result;
}

static int add_rules(scmp_filter_ctx filter, const struct sandbox_node *node)
{
	const struct scmp_arg_cmp no_code = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	const struct scmp_arg_cmp local = SCMP_A0(SCMP_CMP_EQ, AF_UNIX);
	int result = 0;

	for (unsigned int i = 0; !result && i < G_N_ELEMENTS(allowed); i++)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	if (!result)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, no_code);
	if (!result)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, no_code);
	if (!result)
		result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, local);
	if (!result && node)
		result = allow_requests(filter, node);
	return result;
}

bool sandbox_enter(const struct sandbox_node *node, GError **error)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int result = -ENOMEM;

	if (filter)
		result = add_rules(filter, node);
	if (!result)
		result = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	if (result)
		g_set_error(error, G_IO_ERROR, g_io_error_from_errno(-result),
			    "cannot filter system calls: %s; --no-sandbox does without",
			    strerror(-result));
	return !result;
}
#else
bool sandbox_enter(__attribute__((unused)) const struct sandbox_node *node,
		   __attribute__((unused)) GError **error)
{
	return true;
}
#endif
