// SPDX-License-Identifier: GPL-2.0-or-later
/* churn - the modules come and go, and with them the family, while threads use it (12.L-186)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-timeout: 180
 *
 * VMSOCK_STRESS_SECONDS says how long.  Visitors open the control device, ask for the family, use
 * it, and leave in any order; now and then all are away at once and the number is given back.
 * Removers take both modules out whenever nobody is there, and put them back; sometimes they let
 * nobody in until they are through.  What a single call returns does not matter, for somebody may
 * have been faster; that each kind succeeded often enough does, and that all works in the end.
 */
#include "debugfs.h"
#include "memory.h"
#include "module.h"

#define VISITORS	5
#define REMOVERS	2

enum { FAMILIES_GOT, CONNECTED, DATAGRAMS, LOADED, REMOVED, KINDS };
static const struct {
	const char *name;
	int least;
} kinds[KINDS] = {
	{ "family asked for", 100 }, { "connected", 50 }, { "datagrams received", 50 },
	{ "loaded", 3 }, { "removed", 3 },
};
static long done[KINDS];
static volatile bool stop;
static volatile bool closing;	/* no new visits until the modules are out */

static bool count(int kind, bool good)
{
	if (good)
		__atomic_add_fetch(&done[kind], 1, __ATOMIC_RELAXED);
	return good;
}

struct worker {
	struct task task;
	unsigned int seed;
};

static unsigned int chance(struct worker *w, unsigned int n)
{
	return (unsigned int)rand_r(&w->seed) % n;
}

static void linger(struct worker *w, unsigned int most_us)
{
	nanosleep(&(struct timespec){ .tv_nsec = chance(w, most_us) * 1000L }, NULL);
}

/* --- visitors ----------------------------------------------------------------------------- */

/* A visit has a family of its own: the number may change between two. */
static int visit_bound(int family, int type, struct sockaddr_vm *addr)
{
	int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof(*addr);

	*addr = (struct sockaddr_vm){
		.svm_family = family, .svm_cid = VMADDR_CID_ANY, .svm_port = VMADDR_PORT_ANY,
	};
	if (fd < 0)
		return -1;
	if (bind(fd, SA(addr), sizeof(*addr)) < 0 || getsockname(fd, SA(addr), &len) < 0) {
		close(fd);
		return -1;
	}
	addr->svm_cid = VMADDR_CID_HOST;
	return fd;
}

static void visit_stream(struct worker *w, int family)
{
	struct sockaddr_vm addr;
	int server = visit_bound(family, SOCK_STREAM, &addr), child = -1;
	int client = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int first = chance(w, 3);

	if (server >= 0 && client >= 0 && listen(server, 1) == 0 &&
	    count(CONNECTED, connect(client, SA(&addr), sizeof(addr)) == 0)) {
		child = accept(server, NULL, NULL);
		send(client, "churn", chance(w, 6), MSG_NOSIGNAL);
	}
	if (first == 0)
		close(server);
	close(client);
	if (first == 1)
		linger(w, 1000);
	if (first != 0)
		close(server);
	if (child >= 0)
		close(child);
}

static void visit_dgram(struct worker *w, int family)
{
	struct sockaddr_vm addr;
	int to = visit_bound(family, SOCK_DGRAM, &addr);
	int from = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char buf[8];

	sendto(from, "churn", 5, 0, SA(&addr), sizeof(addr));
	if (chance(w, 2)) {
		close(from);
		from = -1;
	}
	if (to >= 0 && revents_within(to, POLLIN, 2))
		count(DATAGRAMS, recv(to, buf, sizeof(buf), 0) == 5);
	close(to);
	close(from);
}

static void visit(struct worker *w)
{
	int control = open("/dev/vmsock", O_RDONLY | O_CLOEXEC);
	int32_t family = -1;

	if (control < 0)
		return;
	if (chance(w, 4))
		ioctl(control, IOCTL_VMCI_SOCKETS_GET_AF_VALUE, &family);
	if (!count(FAMILIES_GOT, family > 0) || chance(w, 8) == 0) {
		close(control);
		control = -1;
	}
	if (family > 0)
		(chance(w, 2) ? visit_stream : visit_dgram)(w, family);
	if (control >= 0)
		close(control);
}

static void visitor(void *arg)
{
	struct worker *w = arg;

	while (!stop) {
		for (unsigned int i = 1 + chance(w, 3); i; i--)
			visit(w);
		do
			linger(w, 20000);
		while (closing && !stop);
	}
}

/* --- removers ----------------------------------------------------------------------------- */

/* Somebody else may have loaded or removed it meanwhile. */
static bool put_back(const char *name)
{
	return insert(name) == 0 || errno == EEXIST;
}

static void remover(void *arg)
{
	struct worker *w = arg;

	while (!stop) {
		linger(w, 200);
		if (chance(w, 50) == 0)
			closing = true;
		if (!count(REMOVED, take_out("vmsock") == 0) && loaded("vmsock"))
			continue;
		closing = false;
		if (chance(w, 2))
			take_out("vmci");
		linger(w, 2000);
		put_back("vmci");
		count(LOADED, insert("vmsock") == 0);
		linger(w, 20000);
	}
}

/* --- rows --------------------------------------------------------------------------------- */

static void start(struct worker *worker, void (*run)(void *), unsigned int seed)
{
	worker->seed = seed;
	start_task(&worker->task, run, worker);
}

static void churn(void)
{
	struct worker workers[VISITORS + REMOVERS];
	struct memory before = memory_now();

	for (int i = 0; i < VISITORS; i++)
		start(&workers[i], visitor, 3000 + i);
	for (int i = VISITORS; i < VISITORS + REMOVERS; i++)
		start(&workers[i], remover, 3000 + i);
	for (unsigned int i = 0; i < stress_seconds(); i++)
		sleep(1);
	stop = true;
	for (int i = 0; i < VISITORS + REMOVERS; i++)
		join_task(&workers[i].task);
	for (int i = 0; i < KINDS; i++) {
		diag("%s: %ld", kinds[i].name, done[i]);
		expect(done[i] >= kinds[i].least);
	}
	show_memory("before", before);
	show_memory("after", memory_now());
}

static void works_afterwards(void)
{
	expect(put_back("vmci") && put_back("vmsock"));
	expect_vmsock_works();
	expect_is(count_sockets(), 0);
	unload_vmsock();
}

int main(int argc, char **argv)
{
	const struct vmtest rows[] = {
		{ "12.L-186", "modules and family come and go", churn, stress_seconds() + 60 },
		{ "12.L-186", "all works afterwards", works_afterwards },
	};

	return module_main(argc, argv, rows, ARRAY_SIZE(rows));
}
