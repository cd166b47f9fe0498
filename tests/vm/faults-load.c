// SPDX-License-Identifier: GPL-2.0-or-later
/* faults-load - every allocation of loading modules fails once (vsock.md 9, 12.L-187)
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-kernels: debug
 * vm-timeout: 300
 * vm-allow: Call Trace:|kmemleak: [0-9]+ new
 *
 * The kernel shows a trace when there is no memory for the code of a module, and loses memory of
 * its own, which harness/leaks.sh knows.
 */
#include "faults.h"

static int file;
static const char *module;

static void prepare_file(void)
{
	file = need_ok(module_file(module));
}

static long call_load(void)
{
	return syscall(SYS_finit_module, file, "", 0);
}

static void check_loaded(long result)
{
	close(file);
	expect_is(loaded(module), result == 0);
	if (result == 0)
		need_ok(take_out(module));
}

static void load_vmci(void)
{
	module = "vmci";
	fail_each_once(&(struct attempt){ "load vmci.ko", prepare_file, call_load, check_loaded,
					  20 });
	need_ok(insert("vmci"));
}

/* Pages are there, or where the faults are would not be the same each time */
static void load_vmci_lasting(void)
{
	module = "vmci";
	fault_setting("fail_page_alloc", "min-order", "100");
	fail_each_lasting(&(struct attempt){ "load vmci.ko", prepare_file, call_load, check_loaded,
					     20 });
	fault_setting("fail_page_alloc", "min-order", "0");
	need_ok(insert("vmci"));
}

static void load_sockets(void)
{
	need_ok(insert("vmci"));
	module = "vmsock";
	fail_each(&(struct attempt){ "load vmsock.ko", prepare_file, call_load, check_loaded,
				     20 });
	need_ok(insert("vmsock"));
	expect_vmsock_works();
}

/* --- a node comes back when the kernel's module of that name goes ------------------------- */

static const char *theirs;	/* the module */

static void insert_theirs(void)
{
	need_ok(insert(theirs));
}

static long call_unload(void)
{
	return take_out(theirs);
}

/* Perhaps without the node, which the next time will be made again; the rest is there. */
static void check_unloaded(long result)
{
	if (result < 0)
		need_ok(take_out(theirs));
	expect(device_of("/dev/vmsock") != 0);
}

/* @node is the one that ours has in @dev when theirs has gone, and @said when it cannot */
static void theirs_goes(const char *node, const char *dev, const char *said)
{
	load_vmsock();
	mark_log();
	fail_each(&(struct attempt){ "unload the kernel's module", insert_theirs, call_unload,
				     check_unloaded, 0 });
	expect(log_lines(said) > 0);
	insert_theirs();
	check_unloaded(call_unload());
	expect(device_of(node) != 0);
	expect_is(device_of(node), device_in(dev));
	expect_vmsock_works();
}

static void kernel_vsock_goes(void)
{
	theirs = "vsock";
	theirs_goes("/dev/vsock", "/sys/class/vmsock/vsock/dev", "vmsock: cannot make /dev/vsock");
}

static void kernel_vmci_goes(void)
{
	theirs = "vmw_vmci";
	theirs_goes("/dev/vmci", "/sys/class/vmci/vmci/dev", "vmci: cannot make /dev/vmci");
}

static const struct vmtest rows[] = {
	{ "faults", "load vmci.ko", load_vmci, 120 },
	{ "faults", "load vmci.ko, and no memory from then on", load_vmci_lasting, 120 },
	{ "faults", "load vmsock.ko", load_sockets, 120 },
	{ "9", "the kernel's vsock goes, and there is no memory for /dev/vsock",
	  kernel_vsock_goes, 60 },
	{ "9", "the kernel's driver goes, and there is no memory for /dev/vmci",
	  kernel_vmci_goes, 60 },
};

int main(int argc, char **argv)
{
	faults_prepare();
	return module_main(argc, argv, rows, ARRAY_SIZE(rows));
}
