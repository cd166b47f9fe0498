// SPDX-License-Identifier: GPL-2.0-or-later
/* module-family - which number the family takes, and how long it is held
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vsock.md 2.2 and 12.A; the order of the search is that of the build for kernels that have a
 * vsock of their own, as all kernels of the tests do.  vm_families.ko takes numbers, and tells
 * which ones have an owner in this kernel's configuration.
 *
 * vm-timeout: 240
 */
#include "module.h"

#include <stdatomic.h>

/* --- the numbers of this kernel ----------------------------------------------------------- */

static bool owned[FAMILIES];

static void learn_owned(void)
{
	const char *text = text_of("/sys/module/vm_families/parameters/owned");
	char *end;

	need(text);
	for (long number = strtol(text, &end, 10); end != text; number = strtol(text, &end, 10)) {
		need(number >= 0 && number < FAMILIES);
		owned[number] = true;
		text = end;
	}
	need(owned[AF_INET] && owned[KERNEL_FAMILY]);
}

static void take_number(int number)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", number);
	need_ok(put_text("/sys/module/vm_families/parameters/taken", text));
}

static void load_with_families(void)
{
	need_ok(insert("vm_families"));
	learn_owned();
	load_vmsock();
}

/* The number that a query gives when nothing else holds one. */
static int number_chosen(void)
{
	int control = open_control();
	int number = ask_family(control);

	close(control);
	expect_is(family_in_use(), 0);
	return number;
}

/* --- rows --------------------------------------------------------------------------------- */

static void no_number_after_load(void)
{
	int before[FAMILIES];

	for (int i = 0; i < FAMILIES; i++)
		before[i] = why_no_socket(i, SOCK_STREAM);
	load_vmsock();
	expect_is(family_in_use(), 0);
	for (int i = 0; i < FAMILIES; i++)
		expect_is(why_no_socket(i, SOCK_STREAM), before[i]);
	expect_is(before[FIRST_CHOICE], EAFNOSUPPORT);
}

static void first_query(void)
{
	int control;
	int family;

	load_vmsock();
	control = open_control();
	family = ask_family(control);
	expect(family > 0 && family < FAMILIES);
	expect_is(family_in_use(), family);
	expect_is(why_no_socket(family, SOCK_STREAM), 0);
	expect_is(why_no_socket(family, SOCK_DGRAM), 0);
	close(control);
}

/* Numbers nobody registers any more, in the order in which they are tried. */
static void historic_numbers_first(void)
{
	static const int order[] = { 22, 18, 13, 14, 19, 25, 23, 12, 4 };

	load_with_families();
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		if (owned[order[i]])
			continue;
		expect_is(number_chosen(), order[i]);
		take_number(order[i]);
	}
}

/* Then downwards; numbers that are a socket family of nobody, but an address family, may stay. */
static void rest_from_the_top(void)
{
	static const int may_stay[] = { AF_BRIDGE, AF_IB, AF_MPLS };
	static const int historic[] = { 22, 18, 13, 14, 19, 25, 23, 12, 4 };
	int last = FAMILIES;
	int number;

	load_with_families();
	for (size_t i = 0; i < ARRAY_SIZE(historic); i++)
		if (!owned[historic[i]])
			take_number(historic[i]);
	while ((number = number_chosen()) > 0) {
		diag("then %d", number);
		need(number < last);
		expect(number >= 3);
		expect(!owned[number]);
		take_number(number);
		last = number;
	}
	for (size_t i = 0; i < ARRAY_SIZE(may_stay); i++)
		owned[may_stay[i]] = true;
	for (int i = 3; i < FAMILIES; i++)
		if (!owned[i])
			expect_is(why_no_socket(i, SOCK_STREAM), EPROTONOSUPPORT);
}

/* What is free with every unowned number taken is somebody's, and is left alone. */
static void owners_are_spared(void)
{
	load_with_families();
	for (int i = 3; i < FAMILIES; i++)
		if (!owned[i])
			take_number(i);
	expect(number_chosen() < 0);
	expect_is(why_no_socket(KERNEL_FAMILY, SOCK_STREAM), EAFNOSUPPORT);
}

static void every_number_taken(void)
{
	int control;

	load_with_families();
	need_ok(put_text("/sys/module/vm_families/parameters/taken", "all"));
	control = open_control();
	mark_log();
	expect(ask_family(control) < 0);
	expect_is(log_lines("vmsock: "), 1);
	expect_is(family_in_use(), 0);
	for (int i = 0; i < 50; i++)
		ask_family(control);
	expect(log_lines("vmsock: ") <= 20);

	take_number(-FIRST_CHOICE);
	expect_is(ask_family(control), FIRST_CHOICE);
	close(control);
}

static void second_query(void)
{
	int first, second;
	int family;

	load_vmsock();
	first = open_control();
	second = open_control();
	family = ask_family(first);
	expect_is(ask_family(first), family);
	expect_is(ask_family(second), family);
	close(first);
	expect_is(ask_family(second), family);
	close(second);
	expect_is(family_in_use(), 0);
}

static void last_descriptor_gives_back(void)
{
	int control;

	load_vmsock();
	control = take_family();
	close(control);
	expect_is(family_in_use(), 0);
	expect_is(why_no_socket(vm_family, SOCK_STREAM), EAFNOSUPPORT);
	expect_is(why_no_socket(vm_family, SOCK_DGRAM), EAFNOSUPPORT);
}

static void duplicate_descriptor_counts_once(void)
{
	int control, copy;

	load_vmsock();
	control = take_family();
	copy = need_ok(dup(control));
	close(control);
	expect_is(family_in_use(), vm_family);
	close(copy);
	expect_is(family_in_use(), 0);
}

static void socket_holds(void)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM };

	load_vmsock();
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		int control = take_family();
		int fd = need_ok(socket(vm_family, types[i] | SOCK_CLOEXEC, 0));

		close(control);
		expect_is(family_in_use(), vm_family);
		expect_is(why_no_socket(vm_family, SOCK_STREAM), 0);
		close(fd);
		expect_is(family_in_use(), 0);
		expect_is(why_no_socket(vm_family, SOCK_STREAM), EAFNOSUPPORT);
	}
}

static void refused_socket_does_not_hold(void)
{
	int control;

	load_vmsock();
	control = take_family();
	expect_is(why_no_socket(vm_family, SOCK_RAW), ESOCKTNOSUPPORT);
	expect_errno(socket(vm_family, SOCK_STREAM, 7), EPROTONOSUPPORT);
	close(control);
	expect_is(family_in_use(), 0);
}

static void silent_descriptor_holds(void)
{
	int control, silent;

	load_vmsock();
	silent = open_control();
	expect_is(family_in_use(), 0);
	control = take_family();
	close(control);
	expect_is(family_in_use(), vm_family);
	expect_is(why_no_socket(vm_family, SOCK_STREAM), 0);
	close(silent);
	expect_is(family_in_use(), 0);
}

static void unaccepted_child_holds(void)
{
	struct sockaddr_vm addr;
	int control, listening, client;

	load_vmsock();
	control = take_family();
	listening = listener(1);
	addr = local_of(listening);
	client = stream_socket();
	need_ok(connect_to(client, vm_cid, addr.svm_port));
	close(control);
	close(client);
	expect_is(family_in_use(), vm_family);
	close(listening);
	expect_soon(family_in_use() == 0);
	expect_is(why_no_socket(vm_family, SOCK_STREAM), EAFNOSUPPORT);
}

/* The same child alone: it is counted, once. */
static void child_holds(void)
{
	struct pair pair;
	int control;

	load_vmsock();
	control = take_family();
	pair = make_pair();
	close(control);
	close(pair.listener);
	close(pair.client);
	expect_is(family_in_use(), vm_family);
	expect_is(why_no_socket(vm_family, SOCK_STREAM), 0);
	close(pair.server);
	expect_soon(family_in_use() == 0);
}

/* Children that are still shaking hands when both ends go away are given up by a timer. */
static void abandoned_handshakes_end(void)
{
	int control, listening;
	unsigned int port;

	load_vmsock();
	control = take_family();
	listening = listener(64);
	port = port_of(listening);
	for (int i = 0; i < 32; i++) {
		int client = stream_socket();

		set_blocking(client, false);
		connect_to(client, vm_cid, port);
		close(client);
	}
	close(listening);
	close(control);
	expect_soon(family_in_use() == 0);
	expect_soon(take_out("vmsock") == 0);
}

static void cid_query_leaves_nothing(void)
{
	load_vmsock();
	expect_is(VMCISock_GetLocalCID(), VMADDR_CID_HOST);
	expect_is(family_in_use(), 0);
	expect(VMCISock_Version() != VMCI_SOCKETS_INVALID_VERSION);
	expect_is(family_in_use(), 0);
}

/* The number is free between two uses, and both are complete. */
static void number_can_be_taken_again(void)
{
	load_vmsock();
	for (int i = 0; i < 10; i++)
		expect_vmsock_works();
}

/* Who may open the device must not be able to fill the log. */
static void no_flood(void)
{
	load_vmsock();
	mark_log();
	for (int i = 0; i < 100; i++)
		close(take_family());
	expect(log_lines("vmsock: ") <= 40);
}

/* --- the parameter "family" --------------------------------------------------------------- */

static void fixed_number(void)
{
	int control;

	load_vmsock_with("family=19");
	expect_is(family_in_use(), 0);
	control = take_family();
	expect_is(vm_family, 19);
	expect_is(atoi(text_of("/sys/module/vmsock/parameters/family")), 19);
	close(control);
	expect_vmsock_works();
}

static void fixed_number_taken_later(void)
{
	int control;

	need_ok(insert("vm_families"));
	load_vmsock_with("family=19");
	take_number(19);
	control = open_control();
	mark_log();
	expect(ask_family(control) < 0);
	expect_is(log_lines("vmsock: "), 1);
	expect_is(family_in_use(), 0);
	close(control);
}

/* Loading fails with one line and leaves nothing; modprobe takes EEXIST for success. */
static void expect_refused(const char *parameters)
{
	mark_log();
	expect(insert_with("vmsock", parameters) < 0);
	diag("%s: %s", parameters, strerrorname_np(errno));
	expect(errno != EEXIST);
	expect_is(log_lines("vmsock: "), 1);
	expect(run(MODPROBE " vmsock %s 2>/dev/null", parameters) != 0);
	expect(!loaded("vmsock"));
	expect(!exists("/dev/vmsock"));
	expect(!exists("/sys/class/vmsock"));
	expect(!exists("/sys/kernel/debug/vmsock"));
}

static void bad_numbers_refused(void)
{
	static const char * const bad[] = {
		"family=46", "family=-1", "family=2147483647", "family=2",
	};

	need_ok(insert("vmci"));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		expect_refused(bad[i]);
	expect_errno(insert_with("vmsock", "family=many"), EINVAL);
	need_ok(insert("vmsock"));
	expect_vmsock_works();
}

static void kernel_number_refused(void)
{
	need_ok(insert("vmci"));
	need_ok(insert("vsock"));
	expect_refused("family=40");
	need_ok(insert("vmsock"));
	expect_vmsock_works();
}

static void kernel_number_without_its_owner(void)
{
	int control;

	load_vmsock_with("family=40");
	control = take_family();
	expect_is(vm_family, KERNEL_FAMILY);
	close(control);
	expect_vmsock_works();
}

static void parameters_are_read_only(void)
{
	struct stat st;

	load_vmsock();
	need_ok(stat("/sys/module/vmsock/parameters/family_in_use", &st));
	expect_is(st.st_mode & 07777, 0444);
	need_ok(stat("/sys/module/vmsock/parameters/family", &st));
	expect_is(st.st_mode & 07777, 0444);
	expect_is(atoi(text_of("/sys/module/vmsock/parameters/family")), 0);
}

/* --- many at once ------------------------------------------------------------------------- */

#define RACERS		4
#define RACE_ROUNDS	200

/* Asks, makes a socket, closes both; the number is never one that another process just lost. */
static void race(void *arg)
{
	(void)arg;
	for (int i = 0; i < RACE_ROUNDS; i++) {
		int control = open_control();
		int family = ask_family(control);
		int fd;

		need(family == FIRST_CHOICE);
		fd = need_ok(socket(family, i % 2 ? SOCK_STREAM : SOCK_DGRAM, 0));
		close(i % 4 < 2 ? control : fd);
		close(i % 4 < 2 ? fd : control);
	}
}

static void take_and_give_back_at_once(void)
{
	struct task tasks[RACERS];

	load_vmsock();
	for (int i = 0; i < RACERS; i++)
		start_task(&tasks[i], race, NULL);
	for (int i = 0; i < RACERS; i++)
		join_task(&tasks[i]);
	expect_is(family_in_use(), 0);
	expect_ok(take_out("vmsock"));
}

/* socket() without a descriptor of its own, while another gives the number back. */
static void hunt(void *arg)
{
	atomic_int *stop = arg;

	while (!atomic_load(stop)) {
		int error = why_no_socket(FIRST_CHOICE, SOCK_STREAM);

		if (error)
			expect_is(error, EAFNOSUPPORT);
	}
}

static void socket_during_release(void)
{
	atomic_int stop = 0;
	struct task hunter;

	load_vmsock();
	start_task(&hunter, hunt, &stop);
	for (int i = 0; i < RACE_ROUNDS; i++)
		close(take_family());
	atomic_store(&stop, 1);
	join_task(&hunter);
	expect_is(family_in_use(), 0);
	expect_ok(take_out("vmsock"));
}

static const struct vmtest rows[] = {
	{ "12.A-1", "no number is held after load", no_number_after_load },
	{ "12.A-2", "the first query takes one", first_query },
	{ "12.A-3", "unused numbers come first, in order", historic_numbers_first },
	{ "12.A-3", "then the rest from the top", rest_from_the_top },
	{ "12.A-3", "numbers with an owner, loaded or not, are left alone", owners_are_spared },
	{ "12.A-4", "a second query gives the same", second_query },
	{ "12.A-5", "the last descriptor gives it back", last_descriptor_gives_back },
	{ "12.A-5", "a duplicate is the same descriptor", duplicate_descriptor_counts_once },
	{ "12.A-6", "a socket holds it", socket_holds },
	{ "12.A-6", "a socket that was refused does not", refused_socket_does_not_hold },
	{ "12.A-7", "a descriptor that asked nothing holds it", silent_descriptor_holds },
	{ "12.A-8", "an unaccepted child holds it", unaccepted_child_holds },
	{ "12.A-8", "so does a child alone", child_holds },
	{ "12.A-8", "abandoned handshakes end", abandoned_handshakes_end },
	{ "12.A-9", "other queries leave no number", cid_query_leaves_nothing },
	{ "12.A-12", "every number taken: a negative value, one line", every_number_taken },
	{ "family-again", "ten times taken, used and given back", number_can_be_taken_again },
	{ "family-again", "taking and giving back does not flood the log", no_flood },
	{ "family-fixed", "family=19 is used", fixed_number },
	{ "family-fixed", "family=19 taken by another: a negative value, one line",
	  fixed_number_taken_later },
	{ "family-fixed", "impossible numbers are refused in one line", bad_numbers_refused },
	{ "family-fixed", "family=40 beside the kernel's vsock is refused in one line",
	  kernel_number_refused },
	{ "family-fixed", "family=40 without the kernel's vsock works",
	  kernel_number_without_its_owner },
	{ "family-param", "the number in use can be read, and not written",
	  parameters_are_read_only },
	{ "family-race", "take and give back from four threads", take_and_give_back_at_once },
	{ "family-race", "socket() while the number is given back", socket_during_release },
};

int main(int argc, char **argv)
{
	return module_main(argc, argv, rows, ARRAY_SIZE(rows));
}
