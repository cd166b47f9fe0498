/* SPDX-License-Identifier: GPL-2.0-or-later */
/* module.h - for tests that load and unload modules: modules, the kernel log, the control device
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A test that includes this starts and ends with none of our modules loaded. Calls that fail
 * where the test cannot go on end it through need().
 */
#ifndef TESTS_VM_MODULE_H
#define TESTS_VM_MODULE_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../unit/tap.h"
#include "../../include/vmci_sockets.h"

#define UNUSED		__attribute__((unused))
#define FAMILIES	46	/* AF_MAX of all kernels supported */

#ifndef MODULE_INIT_COMPRESSED_FILE
#define MODULE_INIT_COMPRESSED_FILE 4
#endif

/* need() - ends the test unless @good */
TAP_PRINTF(2, 3)
static void need(bool good, const char *fmt, ...)
{
	va_list args;

	if (good)
		return;
	printf("Bail out! ");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf(" (%s)\n", strerror(errno));
	exit(EXIT_FAILURE);
}

/* Results of calls are compared as 0 or an errno, and shown by name. */
UNUSED static const char *error_name(int err)
{
	return err ? strerrorname_np(err) : "success";
}

/** is_error() - passes if both errnos are equal */
TAP_PRINTF(3, 4)
static bool is_error(int got, int want, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	tap_result(got == want, fmt, args);
	va_end(args);
	if (got != want)
		printf("#  got %s (%d)\n# want %s (%d)\n", error_name(got), got, error_name(want),
		       want);
	return got == want;
}

UNUSED static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/** eventually() - calls @condition until it holds, 3 s at most */
UNUSED static bool eventually(bool (*condition)(void))
{
	double end = seconds() + 3;

	while (!condition()) {
		if (seconds() > end)
			return false;
		poll(NULL, 0, 5);
	}
	return true;
}

/* Files of one line */

/** read_text() - the first line of a file, static storage; NULL if it cannot be read */
TAP_PRINTF(1, 2)
static const char *read_text(const char *fmt, ...)
{
	static char text[4096];
	char path[256];
	va_list args;
	FILE *file;
	bool good;

	va_start(args, fmt);
	vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	file = fopen(path, "r");
	if (!file)
		return NULL;
	good = fgets(text, sizeof(text), file);
	fclose(file);
	if (!good)
		return NULL;
	text[strcspn(text, "\n")] = 0;
	return text;
}

/** write_text() - 0 or an errno */
UNUSED static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	int err = 0;

	if (fd < 0)
		return errno;
	if (write(fd, text, strlen(text)) < 0)
		err = errno;
	close(fd);
	return err;
}

/** exists() - is there such a file */
TAP_PRINTF(1, 2)
static bool exists(const char *fmt, ...)
{
	char path[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	return access(path, F_OK) == 0;
}

/* Modules */

/** run() - the exit status of a shell command */
TAP_PRINTF(1, 2)
static int run(const char *fmt, ...)
{
	char command[512];
	va_list args;
	int status;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	fflush(stdout);
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* The file of a module, wherever it is in the folder of the running kernel. */
UNUSED static bool module_path(const char *name, char *path, size_t size)
{
	struct utsname uts;
	char command[256];
	FILE *out;
	bool good;

	uname(&uts);
	snprintf(command, sizeof(command), "find /lib/modules/%s/ -name '%s.ko*' | head -n 1",
		 uts.release, name);
	out = popen(command, "r");
	good = out && fgets(path, size, out);
	if (out)
		pclose(out);
	if (good)
		path[strcspn(path, "\n")] = 0;
	return good;
}

/** module_insert() - loads exactly one module; 0 or an errno */
UNUSED static int module_insert(const char *name, const char *parameters)
{
	char path[512];
	int fd, err;

	need(module_path(name, path, sizeof(path)), "no module %s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	need(fd >= 0, "%s", path);
	err = syscall(SYS_finit_module, fd, parameters,
		      strcmp(path + strlen(path) - 3, ".ko") ? MODULE_INIT_COMPRESSED_FILE : 0) ?
		errno : 0;
	close(fd);
	return err;
}

/** module_remove() - unloads a module without waiting; 0 or an errno */
UNUSED static int module_remove(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? errno : 0;
}

UNUSED static bool module_loaded(const char *name)
{
	return exists("/sys/module/%s/initstate", name);
}

/** vmsock_load() - vmci and vmsock are loaded now, whatever it takes */
UNUSED static void vmsock_load(const char *parameters)
{
	if (!module_loaded("vmci"))
		need((errno = module_insert("vmci", "")) == 0, "cannot load vmci");
	need((errno = module_insert("vmsock", parameters)) == 0, "cannot load vmsock %s", parameters);
}

/** vmsock_unload() - and now they are not */
UNUSED static void vmsock_unload(void)
{
	need((errno = module_remove("vmsock")) == 0, "cannot unload vmsock");
	need((errno = module_remove("vmci")) == 0, "cannot unload vmci");
}

/** family_in_use() - what the parameter says; 0 if no number is held, -1 without module */
UNUSED static int family_in_use(void)
{
	const char *text = read_text("/sys/module/vmsock/parameters/family_in_use");

	return text ? atoi(text) : -1;
}

UNUSED static bool family_released(void)
{
	return family_in_use() == 0;
}

/*
 * autoload_off() - socket() on a free number loads nothing from now on
 *
 * Otherwise asking for a number by socket() changes the machine: the kernel calls modprobe.
 */
static char modprobe_program[256];

UNUSED static void autoload_on(void)
{
	write_text("/proc/sys/kernel/modprobe", modprobe_program);
}

UNUSED static void autoload_off(void)
{
	const char *program = read_text("/proc/sys/kernel/modprobe");

	need(program, "no /proc/sys/kernel/modprobe");
	snprintf(modprobe_program, sizeof(modprobe_program), "%s", program);
	need((errno = write_text("/proc/sys/kernel/modprobe", "\n")) == 0, "cannot turn autoload off");
	atexit(autoload_on);
}

/* The kernel log */

static int kernel_log = -1;

/** log_mark() - log_lines() counts from here on */
UNUSED static void log_mark(void)
{
	if (kernel_log < 0)
		kernel_log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	need(kernel_log >= 0, "/dev/kmsg");
	lseek(kernel_log, 0, SEEK_END);
}

/**
 * log_lines() - lines since the last call or log_mark() that contain @text
 * @last: the last such line, if not NULL
 */
UNUSED static int log_lines(const char *text, char *last, size_t size)
{
	char record[8192];
	int count = 0;
	ssize_t len;

	if (last)
		*last = 0;
	/* EPIPE: records were overwritten before they were read; go on with the next. */
	while ((len = read(kernel_log, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		char *line;

		if (len < 0)
			continue;
		record[len] = 0;
		line = strchr(record, ';');
		if (!line || !strstr(line, text))
			continue;
		count++;
		line[strcspn(line, "\n")] = 0;
		if (last)
			snprintf(last, size, "%s", line + 1);
	}
	return count;
}

/** is_one_line() - passes if the kernel logged one line with @text since log_mark() */
TAP_PRINTF(2, 3)
static bool is_one_line(const char *text, const char *fmt, ...)
{
	char line[1024];
	int count = log_lines(text, line, sizeof(line));
	va_list args;

	va_start(args, fmt);
	tap_result(count == 1, fmt, args);
	va_end(args);
	if (count != 1)
		printf("# %d lines with \"%s\", the last: ", count, text);
	else
		printf("# ");
	puts(line);
	return count == 1;
}

/* The control device and sockets of our family */

/** control() - an open descriptor on the control device */
UNUSED static int control(void)
{
	int fd = open("/dev/vmsock", O_RDONLY | O_CLOEXEC);

	need(fd >= 0, "/dev/vmsock");
	return fd;
}

/** ask() - one request, 0 or an errno */
UNUSED static int ask(int fd, unsigned int request, int32_t *value)
{
	return ioctl(fd, request, value) < 0 ? errno : 0;
}

/** family_of() - the family number, through an open descriptor; negative as the kernel wrote it */
UNUSED static int family_of(int fd)
{
	int32_t family = 0;

	need((errno = ask(fd, IOCTL_VMCI_SOCKETS_GET_AF_VALUE, &family)) == 0, "request 1976");
	return family;
}

/** socket_error() - why socket() fails, 0 if it does not */
UNUSED static int socket_error(int family, int type)
{
	int fd = socket(family, type, 0);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

UNUSED static struct sockaddr_vm vm_address(int family, unsigned int cid, unsigned int port)
{
	struct sockaddr_vm addr;

	memset(&addr, 0, sizeof(addr));
	addr.svm_family = family;
	addr.svm_cid = cid;
	addr.svm_port = port;
	return addr;
}

/** bound() - a bound socket, or -1 */
UNUSED static int bound(int family, int type, unsigned int cid, unsigned int port)
{
	struct sockaddr_vm addr = vm_address(family, cid, port);
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		close(fd);
		return -1;
	}
	return fd;
}

UNUSED static int listener(int family, unsigned int port)
{
	int fd = bound(family, SOCK_STREAM, VMADDR_CID_ANY, port);

	if (fd >= 0 && listen(fd, 8)) {
		close(fd);
		return -1;
	}
	return fd;
}

/** connected() - a socket connected to an address, or -1 */
UNUSED static int connected(int family, int type, unsigned int cid, unsigned int port)
{
	struct sockaddr_vm addr = vm_address(family, cid, port);
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		int err = errno;

		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

struct pair {
	int listener, client, server;
};

/** pair_open() - two connected stream sockets; @pair can be closed whatever the result */
UNUSED static bool pair_open(struct pair *pair, int family, unsigned int cid, unsigned int port)
{
	pair->client = pair->server = -1;
	pair->listener = listener(family, port);
	if (pair->listener < 0)
		return false;
	pair->client = connected(family, SOCK_STREAM, cid, port);
	if (pair->client < 0)
		return false;
	pair->server = accept(pair->listener, NULL, NULL);
	return pair->server >= 0;
}

UNUSED static void pair_close(struct pair *pair)
{
	if (pair->client >= 0)
		close(pair->client);
	if (pair->server >= 0)
		close(pair->server);
	if (pair->listener >= 0)
		close(pair->listener);
}

/* The same bytes arrive; a socket that keeps silent fails after 5 s. */
UNUSED static bool passes_bytes(int from, int to)
{
	static const struct timeval limit = { .tv_sec = 5 };
	unsigned char out[4096], in[4096];

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = i * 7 + i / 256;
	setsockopt(to, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return send(from, out, sizeof(out), MSG_NOSIGNAL) == (ssize_t)sizeof(out) &&
	       recv(to, in, sizeof(in), MSG_WAITALL) == (ssize_t)sizeof(in) &&
	       memcmp(in, out, sizeof(in)) == 0;
}

/** stream_works() - a connection to @cid and bytes in both directions */
UNUSED static bool stream_works(int family, unsigned int cid)
{
	struct pair pair;
	bool good;

	good = pair_open(&pair, family, cid, 7000) && passes_bytes(pair.client, pair.server) &&
	       passes_bytes(pair.server, pair.client);
	if (!good)
		diag("stream on family %d to CID %u: %s", family, cid, strerror(errno));
	pair_close(&pair);
	return good;
}

/** dgrams_work() - datagrams to @cid arrive */
UNUSED static bool dgrams_work(int family, unsigned int cid)
{
	int to = bound(family, SOCK_DGRAM, VMADDR_CID_ANY, 7001);
	int from = connected(family, SOCK_DGRAM, cid, 7001);
	bool good = from >= 0 && to >= 0 && passes_bytes(from, to);

	if (!good)
		diag("datagram on family %d to CID %u: %s", family, cid, strerror(errno));
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	return good;
}

/** vmsock_works() - stream and datagrams of our family, number asked for and given back */
UNUSED static bool vmsock_works(void)
{
	int fd = control();
	int family = family_of(fd);
	bool good = family > 0 && stream_works(family, VMADDR_CID_HOST) &&
		    dgrams_work(family, VMADDR_CID_HOST);

	close(fd);
	return good;
}

#endif /* TESTS_VM_MODULE_H */
