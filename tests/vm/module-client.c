// SPDX-License-Identifier: GPL-2.0-or-later
/* module-client - clients inside the kernel: the four calls, and examples/kernel-client
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vsock.md 2.2.
 */
#include "module.h"

#define API(name)	"/sys/module/vm_kernel_api/parameters/" name

static int number_in(const char *path)
{
	const char *text = text_of("%s", path);

	need(text);
	return atoi(text);
}

static void be_clients(const char *count)
{
	need_ok(put_text(API("clients"), count));
}

static void load_with_api(void)
{
	load_vmsock();
	need_ok(insert("vm_kernel_api"));
}

/* --- the calls ---------------------------------------------------------------------------- */

static void nobody_registered(void)
{
	load_with_api();
	expect_is(number_in(API("family")), -1);
	expect_is(number_in(API("cid")), -1);
	expect_is(family_in_use(), 0);
}

static void user_space_is_no_client(void)
{
	load_with_api();
	take_family();
	expect_is(number_in(API("family")), -1);
	expect_is(number_in(API("cid")), -1);
}

static void registered(void)
{
	load_with_api();
	be_clients("1");
	expect_is(family_in_use(), 0);
	expect_is(number_in(API("cid")), VMADDR_CID_HOST);
	expect_is(family_in_use(), 0);
	expect_is(number_in(API("family")), FIRST_CHOICE);
	expect_is(family_in_use(), FIRST_CHOICE);
	expect_is(number_in(API("dgram")), 0);
	be_clients("0");
	expect_is(family_in_use(), 0);
	expect_is(number_in(API("family")), -1);
}

static void registrations_are_counted(void)
{
	load_with_api();
	be_clients("3");
	expect_is(number_in(API("family")), FIRST_CHOICE);
	be_clients("1");
	expect_is(family_in_use(), FIRST_CHOICE);
	be_clients("0");
	expect_is(family_in_use(), 0);
}

static void client_and_descriptor(void)
{
	int control;

	load_with_api();
	control = take_family();
	be_clients("1");
	close(control);
	expect_is(family_in_use(), vm_family);
	control = open_control();
	be_clients("0");
	expect_is(family_in_use(), vm_family);
	close(control);
	expect_is(family_in_use(), 0);
}

static void every_number_taken(void)
{
	load_with_api();
	need_ok(insert("vm_families"));
	need_ok(put_text("/sys/module/vm_families/parameters/taken", "all"));
	be_clients("1");
	expect(number_in(API("family")) < 0);
	expect_is(family_in_use(), 0);
}

static void client_keeps_modules(void)
{
	load_with_api();
	expect_errno(take_out("vmsock"), EWOULDBLOCK);
	expect(holds("vmsock", "vm_kernel_api"));
	be_clients("5");
	expect_is(number_in(API("family")), FIRST_CHOICE);
	need_ok(take_out("vm_kernel_api"));
	expect_is(family_in_use(), 0);
	expect_ok(take_out("vmsock"));
}

/* --- the sample --------------------------------------------------------------------------- */

#define MESSAGE	"over and out"

/* An echo server on @fd for one message; the sample may be loaded when it waits. */
struct echo {
	struct task task;
	int fd;
	char message[64];
	ssize_t len;
};

static void echo_stream(void *arg)
{
	struct echo *echo = arg;
	int fd = need_ok(accept4(echo->fd, NULL, NULL, SOCK_CLOEXEC));

	echo->len = need_ok(recv(fd, echo->message, sizeof(echo->message), 0));
	need_ok(send(fd, echo->message, echo->len, 0));
	expect_eof(fd);
	close(fd);
}

static void echo_dgram(void *arg)
{
	struct echo *echo = arg;
	struct sockaddr_vm from;
	socklen_t size = sizeof(from);

	echo->len = need_ok(recvfrom(echo->fd, echo->message, sizeof(echo->message), 0, SA(&from),
				     &size));
	expect_is(from.svm_cid, VMADDR_CID_HOST);
	need_ok(sendto(echo->fd, echo->message, echo->len, 0, SA(&from), size));
}

static int load_sample(unsigned int port, bool datagram)
{
	char parameters[128];

	snprintf(parameters, sizeof(parameters), "port=%u datagram=%d message=\"%s\"", port,
		 datagram, MESSAGE);
	need_ok(insert_with("vmsock_client", parameters));
	return number_in("/sys/module/vmsock_client/parameters/result");
}

static void expect_echo(int fd, void (*serve)(void *arg), bool datagram)
{
	struct echo echo = { .fd = fd };

	start_task(&echo.task, serve, &echo);
	mark_log();
	expect_is(load_sample(port_of(fd), datagram), strlen(MESSAGE));
	expect_is(log_lines("vmsock_client: "), 2);
	join_task(&echo.task);
	expect_is(echo.len, strlen(MESSAGE));
	expect(memcmp(echo.message, MESSAGE, strlen(MESSAGE)) == 0);
}

/* Everything of user space is closed: now the client alone holds the family. */
static void expect_client_holds(void)
{
	expect_is(family_in_use(), vm_family);
	expect_is(why_no_socket(vm_family, SOCK_STREAM), 0);
	expect_errno(take_out("vmsock"), EWOULDBLOCK);
	need_ok(take_out("vmsock_client"));
	expect_soon(family_in_use() == 0);
	expect_soon(take_out("vmsock") == 0);
}

static void sample_stream(void)
{
	int control, fd;

	load_vmsock();
	control = take_family();
	fd = listener(8);
	expect_echo(fd, echo_stream, false);
	close(fd);
	close(control);
	expect_client_holds();
}

static void sample_dgram(void)
{
	int control, fd;

	load_vmsock();
	control = take_family();
	fd = dgram_bound(VMADDR_PORT_ANY);
	expect_echo(fd, echo_dgram, true);
	close(fd);
	close(control);
	expect_client_holds();
}

/* First of all users, and there is no server. */
static void sample_alone(void)
{
	load_vmsock();
	expect_is(load_sample(4242, false), -ECONNRESET);
	vm_family = family_in_use();
	expect_is(vm_family, FIRST_CHOICE);
	expect_client_holds();
}

static void sample_by_modprobe(void)
{
	expect_is(run(MODPROBE " vmsock_client port=4242"), 0);
	expect(loaded("vmsock") && loaded("vmci"));
	expect_is(run(MODPROBE " -r vmsock_client"), 0);
	expect(!loaded("vmsock_client") && !loaded("vmsock"));
	expect_is(run(MODPROBE " -r vmci"), 0);
}

static const struct vmtest rows[] = {
	{ "2.2-kernel", "who is not registered gets -1", nobody_registered },
	{ "2.2-kernel", "holders in user space do not count as clients", user_space_is_no_client },
	{ "2.2-kernel", "a client gets family and CID, and keeps the number", registered },
	{ "2.2-kernel", "registrations are counted", registrations_are_counted },
	{ "2.2-kernel", "the last of client and descriptor gives back", client_and_descriptor },
	{ "2.2-kernel", "every number taken: a negative errno", every_number_taken },
	{ "2.2-kernel", "a client keeps the module, unloading it deregisters",
	  client_keeps_modules },
	{ "kernel-client", "stream to an echo server in user space", sample_stream },
	{ "kernel-client", "datagram to an echo server in user space", sample_dgram },
	{ "kernel-client", "without a server: ECONNRESET, number held and given back",
	  sample_alone },
	{ "kernel-client", "modprobe brings what it needs", sample_by_modprobe },
};

int main(int argc, char **argv)
{
	return module_main(argc, argv, rows, ARRAY_SIZE(rows));
}
