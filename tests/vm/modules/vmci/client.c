// SPDX-License-Identifier: GPL-2.0-only
/*
 * client - a client of vmci.ko that tries all of its kernel API
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vmci.md 1.3, 1.4, 3, 5, 6, 7, 9, 11, as far as a machine without a device goes.
 */
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "client.h"

static int run_worker(void *arg)
{
	struct worker *worker = arg;

	worker->run(worker->arg);
	complete(&worker->done);
	return 0;
}

void start_worker(struct worker *worker, void (*run)(void *arg), void *arg)
{
	struct task_struct *task;

	worker->run = run;
	worker->arg = arg;
	init_completion(&worker->done);
	task = kthread_run(run_worker, worker, "vm_vmci");
	if (!expect(!IS_ERR(task)))
		complete(&worker->done);
}

void join_worker(struct worker *worker)
{
	wait_for_completion(&worker->done);
}

/* --- who we are --------------------------------------------------------------------------- */

static void own_context(void)
{
	expect_is(vmci_get_context_id(), HOST);
}

static void privileges_of_contexts(void)
{
	expect_is(vmci_context_get_priv_flags(HOST), VMCI_NO_PRIVILEGE_FLAGS);
	expect_is(vmci_context_get_priv_flags(99), VMCI_PRIVILEGE_FLAG_RESTRICTED);
	expect_is(vmci_context_get_priv_flags(NONE), VMCI_PRIVILEGE_FLAG_RESTRICTED);
}

static void nobody_owns_the_host(void)
{
	expect(!vmci_is_context_owner(HOST, GLOBAL_ROOT_UID));
	expect(!vmci_is_context_owner(HOST, INVALID_UID));
	expect(!vmci_is_context_owner(99, GLOBAL_ROOT_UID));
	expect(!vmci_is_context_owner(NONE, GLOBAL_ROOT_UID));
}

static bool called_back;

static void personality_changed(bool is_host)
{
	called_back = true;
}

/* No device and no virtual machine: nothing to report. */
static void one_socket_callback(void)
{
	expect_is(vmci_register_vsock_callback(personality_changed), 0);
	expect_is(vmci_register_vsock_callback(personality_changed), -EBUSY);
	expect_is(vmci_register_vsock_callback(NULL), 0);
	expect_is(vmci_register_vsock_callback(personality_changed), 0);
	expect_is(vmci_register_vsock_callback(NULL), 0);
	expect_is(vmci_register_vsock_callback(NULL), 0);
	expect(!called_back);
}

static const struct ktap_test context_tests[] = {
	{ "this machine is context 2", own_context },
	{ "privileges of the host and of unknown contexts", privileges_of_contexts },
	{ "nobody owns the host context", nobody_owns_the_host },
	{ "one callback of the socket module at a time", one_socket_callback },
};

/* --- all tables as one -------------------------------------------------------------------- */

#define TABLE(name, count) { name, &count }

static const size_t context_tests_count = ARRAY_SIZE(context_tests);

static const struct {
	const struct ktap_test *tests;
	const size_t *count;
} tables[] = {
	TABLE(context_tests, context_tests_count),
	TABLE(datagram_tests, datagram_tests_count),
	TABLE(order_tests, order_tests_count),
	TABLE(direct_tests, direct_tests_count),
	TABLE(event_tests, event_tests_count),
	TABLE(doorbell_tests, doorbell_tests_count),
	TABLE(qpair_tests, qpair_tests_count),
	TABLE(transfer_tests, transfer_tests_count),
};

static size_t count_all(void)
{
	size_t count = 0, i;

	for (i = 0; i < ARRAY_SIZE(tables); i++)
		count += *tables[i].count;
	return count;
}

static int __init vm_vmci_init(void)
{
	size_t count = count_all(), at = 0, i;
	struct ktap_test *all = kcalloc(count, sizeof(*all), GFP_KERNEL);
	int err;

	if (!all)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		memcpy(&all[at], tables[i].tests, *tables[i].count * sizeof(*all));
		at += *tables[i].count;
	}
	err = ktap_run("vmci", all, count);
	kfree(all);
	return err;
}

static void __exit vm_vmci_exit(void)
{
	ktap_end();
}

module_init(vm_vmci_init);
module_exit(vm_vmci_exit);
MODULE_DESCRIPTION("Tests of the kernel API of vmci.ko");
MODULE_LICENSE("GPL");
