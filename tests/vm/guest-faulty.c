// SPDX-License-Identifier: GPL-2.0-or-later
/* guest-faulty - a device that fails now and then, and is as always afterwards
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * It has one interrupt vector, and is behind a root port, where it can be reset.  Another PCI
 * function is told to be a VMCI device, which it is not.
 *
 * vm-modules: vmsock
 * vm-device: --cid 42 --uds %D/host --control %D/host_4000 --interrupts=msix1
 * vm-qemu: -device pcie-root-port,id=root1,slot=1 -device pci-testdev
 * vm-bus: root1
 * vm-kernels: 7.3 debug
 * vm-timeout: 300
 */
#include "bell.h"

/* pci-testdev */
#define OTHER_VENDOR	"0x1b36"
#define OTHER_DEVICE	"0x0005"

static bool is_bound(void)
{
	return exists(DRIVER "/%s", function);
}

/* Was there a line with @text in the kernel's log since the mark? */
static bool said(const char *text)
{
	const char *line;

	while ((line = next_log_line()))
		if (strstr(line, text))
			return true;
	return false;
}

/* On a connection that the command may end */
static void order_once(const char *command)
{
	int fd = commander();

	need(fd >= 0);
	order_device(fd, command);
	close(fd);
}

static void expect_all_well(void)
{
	expect_is(VMCISock_GetLocalCID(), DEVICE_CID);
	expect_host();
	expect_itself(DEVICE_CID);
}

/* --- starting ----------------------------------------------------------------------------- */

static const struct {
	const char *rule;
	const char *line;
} refusals[] = {
	{ "fault VMCI_SET_NOTIFY_BITMAP:error=-1@1", "it does not take the notification page" },
	{ "fault VMCI_RESOURCES_QUERY:error=-1@1", "it does not tell context ids" },
	{ "fault VMCI_RESOURCES_QUERY:drop@1", "it does not tell context ids" },
	{ "fault VMCI_GET_CONTEXT_ID:error=-2@1", "the context id is 0xfffffffe" },
};

static void does_not_start(void)
{
	find_function();
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		need(command_device(refusals[i].rule));
		unbind();
		mark_log();
		expect(!put(DRIVER "/bind", function));
		if (!expect(said(refusals[i].line)))
			diag("after %s", refusals[i].rule);
		expect(!is_bound());
		expect_itself(HOST);
		bind_again();
		expect_all_well();
	}
}

static void does_not_start_again(void)
{
	char path[128];

	find_function();
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", function);
	need(command_device("fault VMCI_RESOURCES_QUERY:error=-1@1"));
	mark_log();
	need(put(path, "1"));
	expect(said("it does not start after a reset"));
	expect(call_host() < 0);
	expect_itself(HOST);
	unbind();
	bind_again();
	expect_all_well();
}

/* Where the other function is among all */
static void find_other(char *other, size_t size)
{
	glob_t found;

	other[0] = 0;
	need(glob("/sys/bus/pci/devices/*", 0, NULL, &found) == 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *vendor = text_of("%s/vendor", found.gl_pathv[i]);

		if (vendor && !strcmp(vendor, OTHER_VENDOR) &&
		    !strcmp(text_of("%s/device", found.gl_pathv[i]), OTHER_DEVICE))
			snprintf(other, size, "%s", strrchr(found.gl_pathv[i], '/') + 1);
	}
	globfree(&found);
	need(other[0]);
}

static void another_device(void)
{
	char other[32];

	find_function();
	find_other(other, sizeof(other));
	mark_log();
	need(put(DRIVER "/new_id", OTHER_VENDOR " " OTHER_DEVICE));
	expect(said("there is another VMCI device"));
	expect_all_well();
	unbind();
	mark_log();
	expect(!put(DRIVER "/bind", other));
	expect(said("is needed"));
	expect_itself(HOST);
	bind_again();
	need(put(DRIVER "/remove_id", OTHER_VENDOR " " OTHER_DEVICE));
	expect_all_well();
}

/* --- doorbells ---------------------------------------------------------------------------- */

/* A device that comes back is told of doorbells again */
static void bells(void)
{
	char path[128];

	find_function();
	need_ok(insert("vm_bell"));
	expect_ring();
	unbind();
	bind_again();
	expect_ring();
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", function);
	need(put(path, "1"));
	expect_ring();
	need(command_device("fault VMCI_DOORBELL_LINK:error=-9@1"));
	unbind();
	bind_again();
	expect_ring();
	need(command_device("fault VMCI_DOORBELL_LINK:error=-4@1"));
	unbind();
	mark_log();
	bind_again();
	expect(said("does not take doorbell"));
	need_ok(take_out("vm_bell"));
	need_ok(insert("vm_bell"));
	expect_ring();
	need_ok(take_out("vm_bell"));
}

/* --- context ids -------------------------------------------------------------------------- */

static void find_context(unsigned int cid)
{
	expect_soon(VMCISock_GetLocalCID() == cid);
	expect_itself(cid);
	expect_host();
}

static void restore_context(void)
{
	order_once("ctx-id-update 42");
	find_context(DEVICE_CID);
}

/* The event comes, but not what it speaks of: nobody is believed until the device is asked again */
static void silent_id(void)
{
	find_function();
	mark_log();
	order_once("fault VMCI_GET_CONTEXT_ID:error=-2@1\nctx-id-update 77");
	expect_soon(said("the context id is 0xfffffffe"));
	expect_is(VMCISock_GetLocalCID(), DEVICE_CID);
	expect(call_host() < 0);
	unbind();
	bind_again();
	find_context(77);
	restore_context();
}

/* The id comes without its event, while the driver is not there to hear it */
static void missed_event(void)
{
	char path[128];

	find_function();
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", function);
	order_once("fault in:drop@1\nctx-id-update 77");
	breathe();
	need(put(path, "1"));
	find_context(77);
	restore_context();
}

/* --- transfers that hang ------------------------------------------------------------------ */

static void hangs(const char *rule, const char *line)
{
	int idle;

	find_function();
	need(command_device(rule));
	mark_log();
	idle = call_host();
	if (idle >= 0)
		close(idle);
	expect_soon(said(line));
	expect(call_host() < 0);
	expect_itself(DEVICE_CID);
	unbind();
	expect_itself(HOST);
	bind_again();
	expect_all_well();
}

static void alloc_hangs(void)
{
	hangs("fault VMCI_QUEUEPAIR_ALLOC:stuck@1", "the device does not take a message");
}

static void receive_hangs(void)
{
	hangs("fault in:stuck@1", "the device does not deliver");
}

static void register_only(void)
{
	need(command_device("hostile mute on"));
	expect_all_well();
	need(command_device("hostile mute off"));
	expect_all_well();
}

/* The last row: it interrupts, and is gone before anybody asks why */
static void gone_in_between(void)
{
	int idle = call_host();

	find_function();
	need(idle >= 0);
	mark_log();
	order_once("qp-resumed\nall-ones on");
	expect_ended(idle);
	expect(said("the device has gone"));
	expect_itself(DEVICE_CID);
	unbind();
	expect_itself(HOST);
}

static const struct vmtest rows[] = {
	{ "guest-faulty", "2.10 calls that fail: it does not start, next time it does",
	  does_not_start, 60 },
	{ "guest-faulty", "2.13 it does not start after a reset", does_not_start_again },
	{ "guest-faulty", "1.5 another device", another_device },
	{ "guest-faulty", "2.14 doorbells of a device that comes back", bells, 60 },
	{ "guest-faulty", "7.2 a new context id that is not told", silent_id },
	{ "guest-faulty", "7.2 a new context id without its event", missed_event },
	{ "guest-faulty", "12.3 the call for a queue pair hangs", alloc_hangs, 60 },
	{ "guest-faulty", "12.3 a delivery hangs", receive_hangs, 60 },
	{ "guest-faulty", "2.7.1 results in the register", register_only },
	{ "guest-faulty", "12.2 S27 it interrupts and vanishes", gone_in_between },
};

int main(int argc, char **argv)
{
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
