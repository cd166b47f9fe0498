// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * main - what vmci-device starts, in order, and stops in reverse
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <errno.h>
#include <gio/gio.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "backend_host.h"
#include "backend_unix.h"
#include "control.h"
#include "fault.h"
#include "loop.h"
#include "memory.h"
#include "options.h"
#include "sandbox.h"
#include "server.h"
#include "trace.h"

static bool fail(GError **error, const char *what)
{
	int number = errno;

	g_set_error(error, G_IO_ERROR, g_io_error_from_errno(number), "%s: %s", what,
		    strerror(number));
	return false;
}

/*
 * Machines whose sockets are in one folder are taken for one administrator's: two with the same
 * context ID are a mistake.  The name in the abstract space of sockets goes with the process,
 * however it ends.
 */
static bool claim_cid(const struct options *options, GError **error)
{
	g_autofree char *folder = g_path_get_dirname(options->socket);
	g_autofree char *real = realpath(folder, NULL);
	g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256,
							     real ? real : folder, -1);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int length = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1,
			      "vmci-device/%u/%s", options->function.cid, sum);

	if (fd >= 0 && bind(fd, (const struct sockaddr *)&address,
			    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
					(size_t)length)) == 0)
		return true;	/* kept until the end */
	if (errno != EADDRINUSE)
		return fail(error, "cannot claim the context ID");
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE,
		    "another virtual machine of %s has context ID %u", real ? real : folder,
		    options->function.cid);
	return false;
}

static void stop(void *data, __attribute__((unused)) uint32_t events)
{
	loop_quit(data);
}

/* SIGINT and SIGTERM end the loop */
static bool watch_signals(struct loop *loop, GError **error)
{
	sigset_t signals;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0 || !loop_watch(loop, fd, EPOLLIN, stop, loop))
		return fail(error, "signals");
	return true;
}

static bool add_faults(struct function *function, const struct options *options, GError **error)
{
	for (char **rule = options->faults; rule && *rule; rule++)
		if (!fault_add_rule(function, *rule, error))
			return false;
	for (char **kind = options->hostile; kind && *kind; kind++)
		if (!fault_set_hostile(function, *kind, true, error))
			return false;
	return true;
}

/* Who is in context 2: programs behind UNIX sockets, the kernel, or nobody */
struct sockets {
	struct backend *backend;
	struct endpoint *endpoint;
	struct backend_host *kernel;
};

static bool enter_sandbox(const struct backend_host *kernel, GError **error)
{
	struct sandbox_node node = { .requests = backend_host_requests() };

	if (!kernel)
		return sandbox_enter(NULL, error);
	node.fd = backend_host_fd(kernel);
	return sandbox_enter(&node, error);
}

static bool serve(struct loop *loop, struct function *function, const struct sockets *sockets,
		  const struct options *options, GError **error)
{
	struct server *server = server_new(loop, options->socket, options->mode, function, error);
	struct control *control = NULL;
	bool good = server != NULL;

	if (good && options->control) {
		control = control_new(loop, options->control, options->mode, function, server,
				      error);
		good = control != NULL;
	}
	good = good && (!options->sandbox || enter_sandbox(sockets->kernel, error));
	if (good) {
		g_message("context %u waits for QEMU at %s", options->function.cid,
			  options->socket);
		loop_run(loop);
	}
	control_free(control);
	server_free(server);
	return good;
}

/* Each connection has a descriptor */
static void allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static bool sockets_open(struct sockets *sockets, struct loop *loop, struct function *function,
			 const struct options *options, GError **error)
{
	sockets->backend = backend_unix_new(loop, options->uds, options->mode,
					    options->endpoint.connections, error);
	if (!sockets->backend)
		return false;
	sockets->endpoint = endpoint_new(loop, &options->endpoint, sockets->backend);
	if (!sockets->endpoint)
		return fail(error, "host end of sockets");
	function_set_host(function, endpoint_host(sockets->endpoint));
	return true;
}

static bool kernel_open(struct sockets *sockets, struct loop *loop, struct function *function,
			const struct options *options, GError **error)
{
	const struct backend_host_options chosen = {
		.node = options->node,
		.cid = options->function.cid,
		.restricted = options->restricted,
	};

	sockets->kernel = backend_host_new(loop, &chosen, error);
	if (!sockets->kernel)
		return false;
	function_set_host(function, backend_host_host(sockets->kernel));
	return true;
}

static bool host_open(struct sockets *sockets, struct loop *loop, struct function *function,
		      const struct options *options, GError **error)
{
	if (options->uds)
		return sockets_open(sockets, loop, function, options, error);
	return !options->node || kernel_open(sockets, loop, function, options, error);
}

static void host_close(struct sockets *sockets)
{
	backend_unix_free(sockets->backend);
	endpoint_free(sockets->endpoint);
	backend_host_free(sockets->kernel);
}

static bool run(const struct options *options, GError **error)
{
	struct loop *loop = loop_new();
	struct sockets sockets = { NULL, NULL, NULL };
	struct function *function;
	bool good;

	if (!loop)
		return fail(error, "epoll");
	allow_descriptors();
	function = function_new(loop, &options->function);
	memory_guard(function->memory);
	good = claim_cid(options, error) && watch_signals(loop, error) &&
	       host_open(&sockets, loop, function, options, error) &&
	       (!options->trace || trace_open(function, options->trace, error)) &&
	       add_faults(function, options, error) &&
	       serve(loop, function, &sockets, options, error);
	trace_close(function);
	function_free(function);
	host_close(&sockets);
	loop_free(loop);
	return good;
}

int main(int argc, char **argv)
{
	struct options options;
	GError *error = NULL;

	setlocale(LC_ALL, "");
	if (!options_parse(&options, argc, argv, &error) || !run(&options, &error)) {
		fprintf(stderr, "%s: %s\n", g_get_prgname(), error->message);
		g_error_free(error);
		return EXIT_FAILURE;
	}
	options_clear(&options);
	return EXIT_SUCCESS;
}
