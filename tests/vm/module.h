/* SPDX-License-Identifier: GPL-2.0-or-later */
/* module.h - what guest tests that load and unload modules share
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Theory of operation
 *
 * As vmtest.h, but no module is loaded when a row starts: the row loads what it needs.  What it
 * leaves behind is unloaded before the next one, which fails if that cannot be done.  Nothing is
 * loaded by asking for a socket unless the row wants so (autoload_on).
 *
 * Modules are loaded and unloaded by the system calls, for their exact errors; rows about modprobe
 * run modprobe.
 */
#ifndef TESTS_VM_MODULE_H
#define TESTS_VM_MODULE_H

#include "vmtest.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>

#define FAMILIES	46	/* AF_MAX of all kernels supported */
#define FIRST_CHOICE	22	/* if the kernel has a vsock of its own and 22 is free */
#define KERNEL_FAMILY	40
#define MODPROBE	"/usr/sbin/modprobe"	/* of kmod; the shell prefers its own */

/* --- files of one line -------------------------------------------------------------------- */

/* The first line of a file, static storage; NULL if it cannot be read. */
UNUSED __attribute__((format(printf, 1, 2)))
static const char *text_of(const char *fmt, ...)
{
	static char text[4096];
	char path[256];
	va_list args;
	FILE *file;
	bool good;

	va_start(args, fmt);
	vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	file = fopen(path, "re");
	if (!file)
		return NULL;
	good = fgets(text, sizeof(text), file);
	fclose(file);
	if (!good)
		return NULL;
	text[strcspn(text, "\n")] = 0;
	return text;
}

/* write() to a file: 0, or -1 with errno. */
UNUSED static int put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t ret;

	if (fd < 0)
		return -1;
	ret = write(fd, text, strlen(text));
	close(fd);
	return ret < 0 ? -1 : 0;
}

UNUSED __attribute__((format(printf, 1, 2)))
static bool exists(const char *fmt, ...)
{
	char path[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	return access(path, F_OK) == 0;
}

/* The device number in a file of sysfs, "MAJOR:MINOR"; 0 if there is none. */
UNUSED static dev_t device_in(const char *path)
{
	const char *text = text_of("%s", path);
	unsigned int major, minor;

	if (!text || sscanf(text, "%u:%u", &major, &minor) != 2)
		return 0;
	return makedev(major, minor);
}

/* The device number of a node; 0 if it is not there or none. */
UNUSED static dev_t device_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISCHR(st.st_mode) ? st.st_rdev : 0;
}

/* --- modules ------------------------------------------------------------------------------ */

/* Exit status of a shell command; its output goes to the log of the test. */
UNUSED __attribute__((format(printf, 1, 2)))
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

/* Open the file of a module: ours, or one of the kernel's. */
UNUSED static int module_file(const char *name)
{
	static const char * const folders[] = { "updates/vmsock", "kernel" };
	struct utsname uts;
	char path[256];
	int fd = -1;

	uname(&uts);
	for (size_t i = 0; fd < 0 && i < ARRAY_SIZE(folders); i++) {
		snprintf(path, sizeof(path), "/lib/modules/%s/%s/%s.ko", uts.release, folders[i],
			 name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	return fd;
}

/* Load one module, without what it needs: 0, or -1 with errno. */
UNUSED static int insert_with(const char *name, const char *parameters)
{
	int fd = need_ok(module_file(name));
	int ret = syscall(SYS_finit_module, fd, parameters, 0);
	int error = errno;

	close(fd);
	errno = error;
	return ret;
}

UNUSED static int insert(const char *name)
{
	return insert_with(name, "");
}

/* Unload one module now or not at all: 0, or -1 with errno; EWOULDBLOCK if it is in use. */
UNUSED static int take_out(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK);
}

UNUSED static bool loaded(const char *name)
{
	return exists("/sys/module/%s/initstate", name);
}

/* Does the module @user use symbols of @name? */
UNUSED static bool holds(const char *name, const char *user)
{
	return exists("/sys/module/%s/holders/%s", name, user);
}

UNUSED static void load_vmsock_with(const char *parameters)
{
	need_ok(insert("vmci"));
	need_ok(insert_with("vmsock", parameters));
}

UNUSED static void load_vmsock(void)
{
	load_vmsock_with("");
}

UNUSED static void unload_vmsock(void)
{
	need_ok(take_out("vmsock"));
	need_ok(take_out("vmci"));
}

/* All modules of tests and ours, users first. */
static const char * const own_modules[] = {
	"vmsock_client", "vm_kernel_api", "vm_control_rid", "vm_raw", "vmsock", "vmci",
	"vm_families",
};

/* The kernel's, in an order in which they can go. */
static const char * const kernel_modules[] = {
	"vsock_diag", "vhost_vsock", "vsock_loopback", "vmw_vsock_virtio_transport",
	"vmw_vsock_virtio_transport_common", "vmw_vsock_vmci_transport", "vsock", "vmw_balloon",
	"vmw_vmci",
};

static bool all_gone(const char * const *names, size_t count)
{
	bool gone = true;

	for (size_t i = 0; i < count; i++)
		if (loaded(names[i]) && take_out(names[i]) < 0)
			gone = false;
	return gone;
}

/* --- autoload ----------------------------------------------------------------------------- */

/*
 * The kernel answers socket() on a free number by running a program.  With an empty name it does
 * not, so that asking does not change the machine.
 */
static char modprobe_program[256];

UNUSED static void autoload_off(void)
{
	const char *program = text_of("/proc/sys/kernel/modprobe");

	if (!modprobe_program[0] && program)
		snprintf(modprobe_program, sizeof(modprobe_program), "%s", program);
	need_ok(put_text("/proc/sys/kernel/modprobe", "\n"));
}

UNUSED static void autoload_on(void)
{
	need_ok(put_text("/proc/sys/kernel/modprobe", modprobe_program));
}

/* --- the kernel log ----------------------------------------------------------------------- */

static int kernel_log = -1;

/* log_lines() counts from here on. */
UNUSED static void mark_log(void)
{
	if (kernel_log < 0)
		kernel_log = need_ok(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
	lseek(kernel_log, 0, SEEK_END);
}

/* One line of the kernel log after the mark, static storage; NULL at its end. */
static const char *next_log_line(void)
{
	static char record[8192];
	char *text;
	ssize_t len;

	/* EPIPE: lines were overwritten before they were read. */
	do
		len = read(kernel_log, record, sizeof(record) - 1);
	while (len < 0 && errno == EPIPE);
	if (len < 0)
		return NULL;
	record[len] = 0;
	text = strchr(record, ';');
	text = text ? text + 1 : record;
	text[strcspn(text, "\n")] = 0;
	return text;
}

/* Lines after the mark that start with @prefix; the first ones are shown. */
UNUSED static int log_lines(const char *prefix)
{
	const char *line;
	int count = 0;

	while ((line = next_log_line())) {
		if (strncmp(line, prefix, strlen(prefix)))
			continue;
		if (++count <= 5)
			diag("kernel: %s", line);
	}
	return count;
}

/* --- control device and family ------------------------------------------------------------ */

UNUSED static int open_control(void)
{
	return need_ok(open("/dev/vmsock", O_RDONLY | O_CLOEXEC));
}

/* The number, or the negative value that the request reports instead. */
UNUSED static int ask_family(int control)
{
	int32_t family = 0;

	need(ioctl(control, IOCTL_VMCI_SOCKETS_GET_AF_VALUE, &family) == 0);
	return family;
}

/* An open control device whose family is the one of all helpers in vmtest.h from now on. */
UNUSED static int take_family(void)
{
	int control = open_control();

	vm_family = ask_family(control);
	vm_cid = VMADDR_CID_HOST;
	need(vm_family > 0);
	return control;
}

/* What the parameter says, 0 if no number is held. */
UNUSED static int family_in_use(void)
{
	const char *text = text_of("/sys/module/vmsock/parameters/family_in_use");

	need(text);
	return atoi(text);
}

/* errno of socket(), 0 if there is such a socket. */
UNUSED static int why_no_socket(int family, int type)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* --- traffic on any family ---------------------------------------------------------------- */

/* A stream from this machine to @cid, which is itself, works in both directions. */
UNUSED static bool stream_works(int family, unsigned int cid)
{
	int before = *vm_failures;
	struct pair pair;

	vm_family = family;
	vm_cid = cid;
	pair = make_pair();
	expect_works(pair.client, pair.server);
	close_pair(&pair);
	return *vm_failures == before;
}

/* And so does a datagram. */
UNUSED static bool dgram_works(int family, unsigned int cid)
{
	int before = *vm_failures;
	char text[8] = "";
	int to, from;

	vm_family = family;
	to = dgram_bound(VMADDR_PORT_ANY);
	from = dgram_socket();
	expect_ok(send_to(from, "datagram", 8, cid, port_of(to)));
	wait_for(to, POLLIN);
	expect_is(expect_ok(recv(to, text, sizeof(text), 0)), 8);
	expect(memcmp(text, "datagram", 8) == 0);
	close(from);
	close(to);
	return *vm_failures == before;
}

/* Our family is given out, carries both types, and is given back. */
UNUSED static void expect_vmsock_works(void)
{
	int control = take_family();

	expect(stream_works(vm_family, VMADDR_CID_HOST));
	expect(dgram_works(vm_family, VMADDR_CID_HOST));
	close(control);
	expect_soon(family_in_use() == 0);
}

/* --- running the table -------------------------------------------------------------------- */

static void module_clean(void)
{
	if (!soon(all_gone(own_modules, ARRAY_SIZE(own_modules)) &&
		  all_gone(kernel_modules, ARRAY_SIZE(kernel_modules))))
		diag("the row left modules behind that cannot be unloaded");
}

UNUSED static int module_main(int argc, char **argv, const struct vmtest *rows, size_t count)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	vm_failures = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			   -1, 0);
	autoload_off();
	module_clean();
	for (size_t i = 0; i < count; i++) {
		if (argc > 1 && !strstr(rows[i].item, argv[1]))
			continue;
		vm_run_row(&rows[i]);
		autoload_off();
		module_clean();
	}
	autoload_on();
	return done_testing();
}

#endif /* TESTS_VM_MODULE_H */
