// SPDX-License-Identifier: GPL-2.0-or-later
/* module-load - loading and unloading: twice, while in use, at once afterwards, many times
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vsock.md 2.2, 12.A-10 and 11.
 *
 * vm-timeout: 240
 */
#include "module.h"

#define ROUNDS		20
#define AT_ONCE_MS	100	/* what work that the last close has queued may take */

/* Nothing of ours is left in the kernel's name spaces. */
static void expect_clean(void)
{
	static const char * const traces[] = {
		"/sys/module/vmsock", "/sys/module/vmci", "/sys/class/vmsock", "/dev/vmsock",
		"/dev/vsock", "/dev/vmci", "/sys/kernel/debug/vmsock", "/sys/kernel/debug/vmci",
	};

	for (size_t i = 0; i < ARRAY_SIZE(traces); i++)
		if (!expect(!exists("%s", traces[i])))
			diag("%s is still there", traces[i]);
	expect(run("grep -iE 'vmsock|vmci' /proc/devices /proc/net/protocols /proc/slabinfo") != 0);
}

static void expect_in_use(void)
{
	expect_errno(take_out("vmsock"), EWOULDBLOCK);
	expect_errno(take_out("vmci"), EWOULDBLOCK);
}

/* One attempt, made as soon as the last user is gone. */
static void expect_gone_now(void)
{
	expect_ok(take_out("vmsock"));
	expect_ok(take_out("vmci"));
	expect_clean();
}

/* Connections are taken down by work items: they may still run when close() returns. */
static void expect_gone_soon(void)
{
	long long start = now_ms(), refused = start;

	while (take_out("vmsock") < 0) {
		need(errno == EWOULDBLOCK && now_ms() - start < SOON_MS);
		refused = now_ms();
		breathe();
	}
	if (!expect(refused - start <= AT_ONCE_MS))
		diag("in use for %lld ms", refused - start);
	expect_ok(take_out("vmci"));
	expect_clean();
}

/* --- rows --------------------------------------------------------------------------------- */

static void load_and_unload(void)
{
	expect_clean();
	load_vmsock();
	unload_vmsock();
	expect_clean();
}

static void only_vmci(void)
{
	need_ok(insert("vmci"));
	need_ok(take_out("vmci"));
	expect_clean();
}

static void symbols_needed(void)
{
	expect_errno(insert("vmsock"), ENOENT);
	expect_clean();
}

static void twice(void)
{
	load_vmsock();
	expect_errno(insert("vmci"), EEXIST);
	expect_errno(insert("vmsock"), EEXIST);
	expect_is(run(MODPROBE " vmsock"), 0);
	expect_vmsock_works();
	expect_gone_now();
}

/* insmod of one that is loaded says so in one line. */
static void twice_by_insmod(void)
{
	load_vmsock();
	expect_is(run("cd /lib/modules/$(uname -r)/updates/vmsock; out=/tmp/insmod;"
		      " for module in vmci.ko vmsock.ko; do"
		      " /usr/sbin/insmod $module >$out 2>&1 && exit 1;"
		      " cat $out;"
		      " test $(wc -l <$out) = 1 && grep -q 'File exists' $out || exit 2;"
		      " done"), 0);
}

static void by_modprobe(void)
{
	expect_is(run(MODPROBE " vmsock"), 0);
	expect(loaded("vmci") && loaded("vmsock"));
	expect_vmsock_works();
	expect_is(run(MODPROBE " -r vmsock"), 0);
	expect_clean();
}

static void descriptor_keeps(void)
{
	int control;

	load_vmsock();
	control = open_control();
	expect_in_use();
	close(control);
	expect_gone_now();
}

static void vmsock_keeps_vmci(void)
{
	load_vmsock();
	expect(holds("vmci", "vmsock"));
	expect_errno(take_out("vmci"), EWOULDBLOCK);
	expect_gone_now();
}

static void sockets_keep(void)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		int control, fd;

		load_vmsock();
		control = take_family();
		fd = need_ok(socket(vm_family, types[i] | SOCK_CLOEXEC, 0));
		close(control);
		expect_in_use();
		need_ok(bind_to(fd, VMADDR_CID_ANY, VMADDR_PORT_ANY));
		expect_in_use();
		close(fd);
		expect_gone_now();
	}
}

static void listener_keeps(void)
{
	int control, fd;

	load_vmsock();
	control = take_family();
	fd = listener(8);
	close(control);
	expect_in_use();
	close(fd);
	expect_gone_now();
}

static void connection_keeps(void)
{
	struct pair pair;
	int control;

	load_vmsock();
	control = take_family();
	pair = make_pair();
	close(control);
	expect_in_use();
	close(pair.listener);
	expect_in_use();
	close(pair.client);
	expect_in_use();
	close(pair.server);
	expect_gone_soon();
}

static void unaccepted_child_keeps(void)
{
	int control, listening, client;

	load_vmsock();
	control = take_family();
	listening = listener(8);
	client = stream_socket();
	need_ok(connect_to(client, vm_cid, port_of(listening)));
	close(control);
	close(client);
	expect_in_use();
	close(listening);
	expect_gone_soon();
}

static void unread_data_is_no_user(void)
{
	struct pair pair;
	int control, to, from;

	load_vmsock();
	control = take_family();
	pair = make_pair();
	fill_queue(pair.client, 1);
	to = dgram_bound(VMADDR_PORT_ANY);
	from = dgram_socket();
	for (int i = 0; i < 8; i++)
		need_ok(send_to(from, "unread", 6, vm_cid, port_of(to)));
	close_pair(&pair);
	close(from);
	close(to);
	close(control);
	expect_gone_soon();
}

static void refused_connect_is_no_user(void)
{
	int control, fd;

	load_vmsock();
	control = take_family();
	fd = stream_socket();
	expect_errno(connect_to(fd, vm_cid, 4242), ECONNRESET);
	close(fd);
	close(control);
	expect_gone_soon();
}

/* The process is killed in the middle of everything; then the module can go. */
static void chat(void *arg)
{
	struct pair *pair = arg;
	char buf[4096];

	while (recv(pair->server, buf, sizeof(buf), 0) > 0)
		;
}

static void dead_process_is_no_user(void)
{
	pid_t pid;
	int ready[2];
	char byte;

	load_vmsock();
	need_ok(pipe(ready));
	pid = need_ok(fork());
	if (pid == 0) {
		struct pair pair;
		struct task task;

		take_family();
		pair = make_pair();
		start_task(&task, chat, &pair);
		need_ok(write(ready[1], "x", 1));
		fill_queue(pair.client, 1);
		for (;;)
			need_ok(send(pair.client, "more", 4, 0));
	}
	close(ready[1]);
	need_ok(read(ready[0], &byte, 1));
	expect_in_use();
	need_ok(kill(pid, SIGKILL));
	need_ok(waitpid(pid, NULL, 0));
	expect_gone_soon();
}

static void load_use_unload(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		load_vmsock();
		expect_vmsock_works();
		expect_gone_soon();
	}
}

/* Opening the device races with unloading: it works, or there is none. */
static void open_and_close(void *arg)
{
	int *stop = arg;

	while (!__atomic_load_n(stop, __ATOMIC_RELAXED)) {
		int fd = open("/dev/vmsock", O_RDONLY | O_CLOEXEC);
		int32_t value;

		if (fd < 0) {
			need(errno == ENOENT || errno == ENXIO || errno == ENODEV);
			continue;
		}
		expect_ok(ioctl(fd, IOCTL_VMCI_SOCKETS_GET_AF_VALUE, &value));
		close(fd);
	}
}

static void unload_while_opened(void)
{
	struct task task;
	int stop = 0;

	load_vmsock();
	start_task(&task, open_and_close, &stop);
	for (int i = 0; i < ROUNDS; i++) {
		need(soon(take_out("vmsock") == 0));
		need_ok(insert("vmsock"));
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	join_task(&task);
	expect_gone_now();
}

static const struct vmtest rows[] = {
	{ "load", "load and unload leave nothing", load_and_unload },
	{ "load", "vmci alone", only_vmci },
	{ "load", "vmsock without vmci does not load", symbols_needed },
	{ "load", "by modprobe, which brings vmci", by_modprobe },
	{ "load-twice", "a second load changes nothing", twice },
	{ "load-twice", "insmod says so in one line", twice_by_insmod },
	{ "12.A-10", "not while a descriptor is open, at once afterwards", descriptor_keeps },
	{ "12.A-10", "vmci not before vmsock", vmsock_keeps_vmci },
	{ "12.A-11", "not while a socket is there, at once afterwards", sockets_keep },
	{ "12.A-11", "not while a listener is there, at once afterwards", listener_keeps },
	{ "12.A-11", "not while one end of a connection is there", connection_keeps },
	{ "12.A-11", "not while a listener has an unaccepted child", unaccepted_child_keeps },
	{ "unload", "unread data keeps nothing", unread_data_is_no_user },
	{ "unload", "a refused connect keeps nothing", refused_connect_is_no_user },
	{ "unload", "a killed process keeps nothing", dead_process_is_no_user },
	{ "12.L-190", "twenty times: load, traffic, unload", load_use_unload, 120 },
	{ "unload", "while the device is being opened", unload_while_opened },
};

int main(int argc, char **argv)
{
	return module_main(argc, argv, rows, ARRAY_SIZE(rows));
}
