// SPDX-License-Identifier: GPL-2.0-or-later
/* module-neighbours - side by side with the kernel's vsock and VMCI modules, in every order
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Four parts are loaded and unloaded in all orders by modprobe, as a system does; after each step
 * everything that is loaded works, and /dev/vsock belongs to who came first, or to us when the
 * kernel's vsock is gone.
 *
 * vm-boot: own
 * vm-kernels: 6.1 6.12 7.3
 * vm-timeout: 900
 */
#include "module.h"

#include <linux/vhost.h>

/* --- the parts ---------------------------------------------------------------------------- */

static void vhost_works(void)
{
	int fd = expect_ok(open("/dev/vhost-vsock", O_RDWR | O_CLOEXEC));
	uint64_t features = 0;

	expect_ok(ioctl(fd, VHOST_GET_FEATURES, &features));
	expect(features != 0);
	close(fd);
}

static void loopback_works(void)
{
	expect(stream_works(KERNEL_FAMILY, VMADDR_CID_LOCAL));
}

/* Datagrams are what only VMCI has; none is sent, for the kernel's code leaks them. */
static void intree_works(void)
{
	expect_is(why_no_socket(KERNEL_FAMILY, SOCK_DGRAM), 0);
	expect(holds("vmw_vmci", "vmw_vsock_vmci_transport"));
	if (loaded("vmci"))
		expect(!holds("vmci", "vmw_vsock_vmci_transport"));
}

enum { OURS, LOOPBACK, VHOST, INTREE, PARTS };

static const struct {
	const char *module;
	void (*works)(void);
} parts[PARTS] = {
	[OURS]		= { "vmsock", expect_vmsock_works },
	[LOOPBACK]	= { "vsock_loopback", loopback_works },
	[VHOST]		= { "vhost_vsock", vhost_works },
	[INTREE]	= { "vmw_vsock_vmci_transport", intree_works },
};

/* --- who has /dev/vsock ------------------------------------------------------------------- */

static enum { NOBODY, US, KERNEL } node_owner;

static void expect_nodes(void)
{
	dev_t want = 0;

	if (node_owner == US)
		want = device_in("/sys/class/vmsock/vsock/dev");
	if (node_owner == KERNEL)
		want = device_in("/sys/class/misc/vsock/dev");
	expect(node_owner == NOBODY || want != 0);
	expect_is(device_of("/dev/vsock"), want);
	if (loaded("vmsock")) {
		expect(device_in("/sys/class/vmsock/vmsock/dev") != 0);
		expect_is(device_of("/dev/vmsock"), device_in("/sys/class/vmsock/vmsock/dev"));
	} else {
		expect(!exists("/dev/vmsock"));
	}
}

static void arrived(int part)
{
	if (node_owner == NOBODY)
		node_owner = part == OURS ? US : KERNEL;
}

/* Our node comes back when the kernel's vsock has gone; its node does not when we have. */
static void departed(int part)
{
	if (part == OURS && node_owner == US)
		node_owner = NOBODY;
	if (part != OURS && !loaded("vsock") && node_owner == KERNEL)
		node_owner = loaded("vmsock") ? US : NOBODY;
}

/* --- orders ------------------------------------------------------------------------------- */

#define ORDERS	24

/* The parts in the order of number @n. */
static void make_order(int n, int order[PARTS])
{
	int left[PARTS] = { OURS, LOOPBACK, VHOST, INTREE };
	int count = PARTS;

	for (int i = 0; i < PARTS; i++) {
		int pick = n % count;

		n /= count;
		order[i] = left[pick];
		memmove(&left[pick], &left[pick + 1], (count - pick - 1) * sizeof(left[0]));
		count--;
	}
}

static void check_all(void)
{
	for (int part = 0; part < PARTS; part++)
		if (loaded(parts[part].module))
			parts[part].works();
	expect_nodes();
}

static void load_part(int part)
{
	expect_is(run(MODPROBE " %s", parts[part].module), 0);
	arrived(part);
	check_all();
}

static bool part_goes(int part)
{
	return run(MODPROBE " -r %s 2>/dev/null", parts[part].module) == 0;
}

/* What the kernel's parts share, when the last of them has gone. */
static bool core_goes(void)
{
	static const char * const core[] = { "vmw_vsock_virtio_transport_common", "vsock" };

	return all_gone(core, ARRAY_SIZE(core));
}

/* The kernel's modules cannot always go at once after the last close. */
static void unload_kernel_part(int part)
{
	expect_soon(part_goes(part));
	for (int other = 0; other < PARTS; other++)
		if (other != OURS && loaded(parts[other].module))
			return;
	expect_soon(core_goes());
}

static void unload_part(int part)
{
	if (part == OURS)
		expect_is(run(MODPROBE " -r vmsock"), 0);
	else
		unload_kernel_part(part);
	departed(part);
	check_all();
}

static void load_and_unload(int load_order, int unload_order)
{
	int before = *vm_failures;
	int in[PARTS], out[PARTS];

	make_order(load_order, in);
	make_order(unload_order, out);
	node_owner = NOBODY;
	for (int i = 0; i < PARTS; i++)
		load_part(in[i]);
	for (int i = 0; i < PARTS; i++)
		unload_part(out[i]);
	expect_is(node_owner, NOBODY);
	if (*vm_failures == before)
		return;
	for (int i = 0; i < PARTS; i++)
		diag("load %s", parts[in[i]].module);
	for (int i = 0; i < PARTS; i++)
		diag("unload %s", parts[out[i]].module);
	need(false);
}

/* Every order of loading and every order of unloading occurs once. */
static void orders_from(int first)
{
	for (int n = 0; n < ORDERS; n++) {
		int order[PARTS];

		make_order(n, order);
		if (order[0] == first)
			load_and_unload(n, (n * 7 + 5) % ORDERS);
	}
}

static void ours_first(void) { orders_from(OURS); }
static void loopback_first(void) { orders_from(LOOPBACK); }
static void vhost_first(void) { orders_from(VHOST); }
static void intree_first(void) { orders_from(INTREE); }

/* --- rows about one thing ----------------------------------------------------------------- */

/* Open descriptors and connections of both live through the other's coming and going. */
static void traffic_during_changes(void)
{
	struct pair ours, theirs;
	int control;

	expect_is(run(MODPROBE " vmsock"), 0);
	control = take_family();
	ours = make_pair();
	expect_is(run(MODPROBE " vsock_loopback"), 0);
	expect_works(ours.client, ours.server);
	vm_family = KERNEL_FAMILY;
	vm_cid = VMADDR_CID_LOCAL;
	theirs = make_pair();
	expect_works(theirs.client, theirs.server);
	expect_works(ours.client, ours.server);
	close_pair(&ours);
	close(control);
	expect_is(run(MODPROBE " -r vmsock"), 0);
	expect_works(theirs.client, theirs.server);

	expect_is(run(MODPROBE " vmsock"), 0);
	control = take_family();
	ours = make_pair();
	close_pair(&theirs);
	unload_kernel_part(LOOPBACK);
	expect_works(ours.client, ours.server);
	close_pair(&ours);
	close(control);
}

static void node_comes_back(void)
{
	int control;
	int32_t value = 0;

	expect_is(run(MODPROBE " vsock_loopback"), 0);
	expect_is(run(MODPROBE " vmsock"), 0);
	expect_is(device_of("/dev/vsock"), device_in("/sys/class/misc/vsock/dev"));
	control = need_ok(open("/dev/vsock", O_RDONLY | O_CLOEXEC));
	expect_errno(ioctl(control, IOCTL_VMCI_SOCKETS_GET_AF_VALUE, &value), ENOTTY);
	close(control);
	unload_kernel_part(LOOPBACK);
	expect(!loaded("vsock"));
	control = need_ok(open("/dev/vsock", O_RDONLY | O_CLOEXEC));
	expect_is(ask_family(control), FIRST_CHOICE);
	close(control);
}

/* An open /dev/vsock of ours is not disturbed when the kernel's module fails to load or goes. */
static void open_node_is_not_disturbed(void)
{
	int control;

	expect_is(run(MODPROBE " vmsock"), 0);
	control = need_ok(open("/dev/vsock", O_RDONLY | O_CLOEXEC));
	vm_family = ask_family(control);
	expect_is(run(MODPROBE " vsock_loopback"), 0);
	expect_is(ask_family(control), vm_family);
	unload_kernel_part(LOOPBACK);
	expect_is(ask_family(control), vm_family);
	expect_is(device_of("/dev/vsock"), device_in("/sys/class/vmsock/vsock/dev"));
	close(control);
}

/* With family=40 ours, the kernel's vsock cannot load; ours keeps number and node. */
static void kernel_vsock_fails_to_load(void)
{
	int control;

	need_ok(insert("vmci"));
	need_ok(insert_with("vmsock", "family=40"));
	control = take_family();
	expect(insert("vsock") < 0);
	expect(!loaded("vsock"));
	expect_is(ask_family(control), KERNEL_FAMILY);
	expect_is(device_of("/dev/vsock"), device_in("/sys/class/vmsock/vsock/dev"));
	close(control);
	expect_vmsock_works();
}

/* What programs built with an old header do: socket(40), which may load modules, then the node. */
static void old_header(void)
{
	int control;

	expect_is(run(MODPROBE " vmsock"), 0);
	autoload_on();
	expect(why_no_socket(KERNEL_FAMILY, SOCK_DGRAM) != 0);
	expect(!loaded("vmw_vsock_vmci_transport"));
	expect(loaded("vsock"));
	control = need_ok(open("/dev/vsock", O_RDONLY | O_CLOEXEC));
	vm_family = ask_family(control);
	vm_cid = VMADDR_CID_HOST;
	expect_is(vm_family, FIRST_CHOICE);
	expect(stream_works(vm_family, vm_cid));
	close(control);
}

/* The automatic number never is one whose owner is loaded by name behind our back. */
static void kernel_family_stays_free(void)
{
	int control;

	expect_is(run(MODPROBE " vmsock"), 0);
	control = take_family();
	expect(vm_family != KERNEL_FAMILY);
	expect_is(run(MODPROBE " vsock_loopback"), 0);
	loopback_works();
	close(control);
}

/* --- the other driver of the device ------------------------------------------------------- */

static bool log_says(const char *prefix, const char *word)
{
	const char *line;
	int count = 0, said = 0;

	while ((line = next_log_line())) {
		if (strncmp(line, prefix, strlen(prefix)))
			continue;
		diag("kernel: %s", line);
		count++;
		said += strstr(line, word) != NULL;
	}
	return count == 1 && said == 1;
}

static void after_vmw_vmci(void)
{
	expect_is(run(MODPROBE " vmw_vmci"), 0);
	mark_log();
	expect_is(run(MODPROBE " vmci"), 0);
	expect(log_says("vmci: ", "version"));
	expect_is(run(MODPROBE " vmsock"), 0);
	expect_vmsock_works();
	expect_is(run(MODPROBE " -r vmw_vmci"), 0);
	expect_vmsock_works();
}

static void before_vmw_vmci(void)
{
	expect_is(run(MODPROBE " vmsock"), 0);
	expect_is(run(MODPROBE " vmw_vmci"), 0);
	expect_vmsock_works();
	expect_is(run(MODPROBE " vmw_vsock_vmci_transport"), 0);
	intree_works();
	expect_vmsock_works();
	expect_is(run(MODPROBE " -r vmsock"), 0);
	intree_works();
}

/* /dev/vmci belongs to who was first, and is ours when theirs has gone */
static bool vmci_node_is_ours(void)
{
	return device_of("/dev/vmci") == device_in("/sys/class/vmci/vmci/dev");
}

static void vmci_node(void)
{
	expect_is(run(MODPROBE " vmci"), 0);
	expect(vmci_node_is_ours());
	expect_is(run(MODPROBE " vmw_vmci"), 0);
	expect(vmci_node_is_ours());
	expect_is(run(MODPROBE " -r vmci"), 0);
	expect_is(run(MODPROBE " -r vmw_vmci"), 0);
	expect_is(run(MODPROBE " vmw_vmci"), 0);
	expect_is(run(MODPROBE " vmci"), 0);
	expect(!vmci_node_is_ours());
	expect_is(run(MODPROBE " -r vmw_vmci"), 0);
	expect(vmci_node_is_ours());
	expect_is(run(MODPROBE " -r vmci"), 0);
	expect(!exists("/dev/vmci"));
}

/* The balloon driver brings vmw_vmci past the blacklist; here it finds no VMware. */
static void balloon_brings_vmw_vmci(void)
{
	expect_is(run(MODPROBE " vmsock"), 0);
	run(MODPROBE " vmw_balloon 2>/dev/null");
	expect(loaded("vmw_vmci"));
	expect(!loaded("vmw_balloon") || holds("vmw_vmci", "vmw_balloon"));
	expect(!holds("vmci", "vmw_balloon"));
	expect_vmsock_works();
}

static const struct vmtest rows[] = {
	{ "D1-orders", "ours first", ours_first, 240 },
	{ "D1-orders", "vsock_loopback first", loopback_first, 240 },
	{ "D1-orders", "vhost_vsock first", vhost_first, 240 },
	{ "D1-orders", "vmw_vsock_vmci_transport first", intree_first, 240 },
	{ "D1-traffic", "connections of both live through the changes", traffic_during_changes },
	{ "D1-node", "/dev/vsock comes back when the kernel's vsock is gone", node_comes_back },
	{ "D1-node", "an open /dev/vsock is not disturbed", open_node_is_not_disturbed },
	{ "D1-node", "a kernel vsock that cannot load takes nothing", kernel_vsock_fails_to_load },
	{ "D1-node", "programs with an old header find us after socket(40)", old_header },
	{ "D2-40", "family 40 is left to the kernel", kernel_family_stays_free },
	{ "D1-vmw_vmci", "loaded before vmci: one clear line, both work", after_vmw_vmci },
	{ "D1-vmw_vmci", "loaded after vmci: both work", before_vmw_vmci },
	{ "D1-vmw_vmci", "/dev/vmci is there for who was first, then for the other", vmci_node },
	{ "D1-vmw_vmci", "vmw_balloon may bring it", balloon_brings_vmw_vmci },
};

int main(int argc, char **argv)
{
	return module_main(argc, argv, rows, ARRAY_SIZE(rows));
}
