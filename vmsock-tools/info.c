/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * info.c - which vsock this machine has
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "format.h"
#include "guests.h"
#include "json.h"
#include "pci.h"
#include "socket-table.h"
#include "tool.h"

/* Modules that offer vsock or get into its way. */
static const char *const module_names[] = {
	"vmci", "vmsock", "vsock", "vsock_loopback", "vmw_vmci", "vmw_vsock_vmci_transport",
	"vmw_vsock_virtio_transport", "vhost_vsock", "hv_sock",
};

/* Of these, what they were given is told, too. */
static const char *const our_modules[] = { "vmci", "vmsock" };

/* vmci.md 2.2.1 */
static const char *const capability_names[] = {
	"hypercall", "guestcall", "datagram", "notifications", "ppn64", "dma",
};

static const char *const device_paths[] = { "/dev/vmsock", "/dev/vsock", "/dev/vmci" };

static const struct {
	VmsockStackAbilities ability;
	const char *name;
} abilities[] = {
	{ VMSOCK_STACK_ABILITIES_STREAM, "stream" },
	{ VMSOCK_STACK_ABILITIES_DATAGRAM, "datagram" },
	{ VMSOCK_STACK_ABILITIES_SEQPACKET, "seqpacket" },
};

/* What there is to tell; @stack is NULL where there is none, and then @reason says why. */
struct facts {
	VmsockStack *stack;
	char *reason;
};

/* Queue sizes of streams, and what is there now; SOCKET_UNKNOWN if it cannot be found out. */
struct limits {
	guint64 usual, least, most;
};

struct usage {
	guint64 sockets, queue_pairs;
};

static bool module_loaded(const char *name)
{
	g_autofree char *path = g_build_filename("/sys/module", name, NULL);

	return g_access(path, F_OK) == 0;
}

/* The version a module states, or NULL. */
static char *module_version(const char *name)
{
	g_autofree char *path = g_build_filename("/sys/module", name, "version", NULL);
	char *text = NULL;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return NULL;
	return g_strstrip(text);
}

typedef void (*visit_parameter)(const char *name, const char *value, void *data);

static void for_each_parameter(const char *module, visit_parameter visit, void *data)
{
	g_autofree char *path = g_build_filename("/sys/module", module, "parameters", NULL);
	g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
	const char *name;

	while (folder && (name = g_dir_read_name(folder))) {
		g_autofree char *file = g_build_filename(path, name, NULL);
		g_autofree char *value = NULL;

		if (g_file_get_contents(file, &value, NULL, NULL))
			visit(name, g_strstrip(value), data);
	}
}

/* What the device is used with, or 0. */
static guint32 device_capabilities(void)
{
	g_autofree char *text = NULL;

	if (!g_file_get_contents("/sys/module/vmci/parameters/device_caps", &text, NULL, NULL))
		return 0;
	return (guint32)g_ascii_strtoull(text, NULL, 0);
}

static guint64 queue_size(int fd, int family, int option)
{
	guint64 size = SOCKET_UNKNOWN;
	socklen_t length = sizeof(size);

	return getsockopt(fd, family, option, &size, &length) < 0 ? SOCKET_UNKNOWN : size;
}

static struct limits find_limits(VmsockStack *stack)
{
	int family = vmsock_stack_get_family(stack);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct limits limits = {
		.usual = queue_size(fd, family, SO_VM_SOCKETS_BUFFER_SIZE),
		.least = queue_size(fd, family, SO_VM_SOCKETS_BUFFER_MIN_SIZE),
		.most = queue_size(fd, family, SO_VM_SOCKETS_BUFFER_MAX_SIZE),
	};

	if (fd >= 0)
		close(fd);
	return limits;
}

/* Each end of a connection within this machine counts. */
static struct usage find_usage(VmsockStack *stack)
{
	bool ours = vmsock_stack_get_kind(stack) == VMSOCK_STACK_KIND_VMSOCK;
	g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(struct socket_row));
	struct usage usage = { SOCKET_UNKNOWN, SOCKET_UNKNOWN };

	if (ours ? !socket_table_read_ours(rows, NULL) : !socket_table_read_kernel(rows, NULL))
		return usage;
	usage.sockets = rows->len;
	if (!ours)
		return usage;
	usage.queue_pairs = 0;
	for (guint i = 0; i < rows->len; i++) {
		guint64 size = g_array_index(rows, struct socket_row, i).send_size;

		usage.queue_pairs += size && size != SOCKET_UNKNOWN;
	}
	return usage;
}

static const char *stack_name(VmsockStack *stack)
{
	if (!stack)
		return "none";
	return vmsock_stack_get_kind(stack) == VMSOCK_STACK_KIND_VMSOCK ? "vmsock" : "kernel";
}

static char *api_version(VmsockStack *stack)
{
	guint32 version = vmsock_stack_get_version(stack);

	if (version == VMSOCK_VERSION_UNKNOWN)
		return NULL;
	return g_strdup_printf("%u.%u.%u", version >> 24, version >> 16 & 0xff, version & 0xffff);
}

static const char *cid_role(guint32 cid)
{
	switch (cid) {
	case VMSOCK_CID_ANY:
		return "none, or not to be found out";
	case VMSOCK_CID_LOCAL:
		return "loopback";
	case VMSOCK_CID_HOST:
		return "host, or a machine of its own";
	default:
		return "guest";
	}
}

static void print_stack(VmsockStack *stack)
{
	g_autofree char *version = api_version(stack);
	guint32 cid = vmsock_stack_get_local_cid(stack);

	printf("Stack:    %s\n", vmsock_stack_get_kind(stack) == VMSOCK_STACK_KIND_VMSOCK ?
	       "vmsock, dynamic family number" : "the kernel's own vsock");
	printf("Family:   %d\n", vmsock_stack_get_family(stack));
	if (cid == VMSOCK_CID_ANY)
		printf("CID:      %s\n", cid_role(cid));
	else
		printf("CID:      %u (%s)\n", cid, cid_role(cid));
	if (version)
		printf("API:      %s (what VMCISock_Version() tells)\n", version);
	printf("Sockets: ");
	for (gsize i = 0; i < G_N_ELEMENTS(abilities); i++)
		if (vmsock_stack_get_abilities(stack) & abilities[i].ability)
			printf(" %s", abilities[i].name);
	putchar('\n');
}

static void print_limits(VmsockStack *stack)
{
	struct limits limits = find_limits(stack);
	g_autofree char *usual = format_bytes((double)limits.usual);
	g_autofree char *least = format_bytes((double)limits.least);
	g_autofree char *most = format_bytes((double)limits.most);

	if (limits.usual == SOCKET_UNKNOWN)
		return;
	printf("Limits:   queues of streams %s, from %s to %s", usual, least, most);
	if (vmsock_stack_get_abilities(stack) & VMSOCK_STACK_ABILITIES_DATAGRAM)
		printf("; datagrams of %d bytes", VMSOCK_DATAGRAM_MAX);
	putchar('\n');
}

static void print_usage(VmsockStack *stack)
{
	struct usage usage = find_usage(stack);

	if (usage.sockets == SOCKET_UNKNOWN) {
		puts("In use:   unknown, see vmsock stat");
		return;
	}
	printf("In use:   %" PRIu64 " sockets", usage.sockets);
	if (usage.queue_pairs != SOCKET_UNKNOWN)
		printf(", %" PRIu64 " queue pairs", usage.queue_pairs);
	putchar('\n');
}

static void print_parameter(const char *name, const char *value, void *module)
{
	printf(" %s.%s=%s", (const char *)module, name, value);
}

static void print_capabilities(guint32 capabilities)
{
	for (gsize i = 0; i < G_N_ELEMENTS(capability_names); i++)
		if (capabilities & 1u << i)
			printf(" %s", capability_names[i]);
}

static void print_device(void)
{
	g_autofree char *folder = pci_find_vmci("");
	g_autofree char *driver = folder ? pci_driver("", folder) : NULL;
	guint32 capabilities = device_capabilities();

	if (!folder)
		return;
	printf("VMCI:     %s, %s%s, %u message interrupts", strrchr(folder, '/') + 1,
	       driver ? "driver " : "no driver", driver ? driver : "",
	       pci_count_interrupts("", folder));
	if (capabilities) {
		printf(", capabilities");
		print_capabilities(capabilities);
	}
	putchar('\n');
}

static void print_text(const struct facts *facts)
{
	if (facts->stack) {
		print_stack(facts->stack);
		print_limits(facts->stack);
		print_usage(facts->stack);
	} else {
		printf("Stack:    none\nReason:   %s\n", facts->reason);
	}
	printf("Modules: ");
	for (gsize i = 0; i < G_N_ELEMENTS(module_names); i++) {
		g_autofree char *version = module_version(module_names[i]);

		if (module_loaded(module_names[i]))
			printf(version ? " %s (%s)" : " %s", module_names[i], version);
	}
	if (module_loaded("vmci"))
		printf("\nOptions: ");
	for (gsize i = 0; i < G_N_ELEMENTS(our_modules); i++)
		for_each_parameter(our_modules[i], print_parameter, (void *)our_modules[i]);
	printf("\nDevices: ");
	for (gsize i = 0; i < G_N_ELEMENTS(device_paths); i++)
		if (g_access(device_paths[i], F_OK) == 0)
			printf(g_access(device_paths[i], R_OK) == 0 ? " %s" : " %s (no permission)",
			       device_paths[i]);
	putchar('\n');
	print_device();
	guests_print();
}

static void write_size(struct json *json, const char *name, guint64 size)
{
	if (size == SOCKET_UNKNOWN)
		json_string(json, name, NULL);
	else
		json_number(json, name, (gint64)size);
}

static void write_limits(struct json *json, VmsockStack *stack)
{
	struct limits limits = find_limits(stack);
	struct usage usage = find_usage(stack);

	json_open(json, "limits", '{');
	write_size(json, "queue", limits.usual);
	write_size(json, "queue_min", limits.least);
	write_size(json, "queue_max", limits.most);
	json_number(json, "datagram", vmsock_stack_get_abilities(stack) &
		    VMSOCK_STACK_ABILITIES_DATAGRAM ? VMSOCK_DATAGRAM_MAX : 0);
	json_close(json, '}');
	json_open(json, "in_use", '{');
	write_size(json, "sockets", usage.sockets);
	write_size(json, "queue_pairs", usage.queue_pairs);
	json_close(json, '}');
}

static void write_device(struct json *json)
{
	g_autofree char *folder = pci_find_vmci("");
	g_autofree char *driver = folder ? pci_driver("", folder) : NULL;

	if (!folder)
		return;
	json_open(json, "vmci", '{');
	json_string(json, "pci", strrchr(folder, '/') + 1);
	json_string(json, "driver", driver);
	json_number(json, "interrupts", pci_count_interrupts("", folder));
	json_number(json, "capabilities", device_capabilities());
	json_close(json, '}');
}

static void write_parameter(const char *name, const char *value, void *json)
{
	json_open(json, NULL, '{');
	json_string(json, "name", name);
	json_string(json, "value", value);
	json_close(json, '}');
}

static void write_stack(struct json *json, VmsockStack *stack)
{
	g_autofree char *version = api_version(stack);
	guint32 cid = vmsock_stack_get_local_cid(stack);

	json_number(json, "family", vmsock_stack_get_family(stack));
	if (cid == VMSOCK_CID_ANY)
		json_string(json, "cid", NULL);
	else
		json_number(json, "cid", cid);
	json_string(json, "api", version);
	for (gsize i = 0; i < G_N_ELEMENTS(abilities); i++)
		json_bool(json, abilities[i].name,
			  vmsock_stack_get_abilities(stack) & abilities[i].ability);
	write_limits(json, stack);
}

static void write_modules(struct json *json)
{
	json_open(json, "modules", '[');
	for (gsize i = 0; i < G_N_ELEMENTS(module_names); i++) {
		g_autofree char *version = module_version(module_names[i]);

		if (!module_loaded(module_names[i]))
			continue;
		json_open(json, NULL, '{');
		json_string(json, "name", module_names[i]);
		json_string(json, "version", version);
		json_open(json, "parameters", '[');
		for_each_parameter(module_names[i], write_parameter, json);
		json_close(json, ']');
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void write_devices(struct json *json)
{
	json_open(json, "devices", '[');
	for (gsize i = 0; i < G_N_ELEMENTS(device_paths); i++) {
		if (g_access(device_paths[i], F_OK) != 0)
			continue;
		json_open(json, NULL, '{');
		json_string(json, "path", device_paths[i]);
		json_bool(json, "readable", g_access(device_paths[i], R_OK) == 0);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void print_json(const struct facts *facts)
{
	struct json json;

	json_start(&json);
	json_string(&json, "stack", stack_name(facts->stack));
	if (facts->stack)
		write_stack(&json, facts->stack);
	else
		json_string(&json, "reason", facts->reason);
	write_modules(&json);
	write_devices(&json);
	write_device(&json);
	guests_write(&json);
	json_finish(&json);
}

static int print_cid(const struct facts *facts)
{
	guint32 cid = VMSOCK_CID_ANY;

	if (facts->stack)
		cid = vmsock_stack_get_local_cid(facts->stack);
	if (cid == VMSOCK_CID_ANY) {
		tool_complain("%s", facts->stack ? "this machine has no context ID"
						 : facts->reason);
		return TOOL_NO_STACK;
	}
	printf("%u\n", cid);
	return TOOL_OK;
}

static gboolean only_cid;

static void print(const struct facts *facts)
{
	if (common.quiet)
		return;
	if (common.json)
		print_json(facts);
	else
		print_text(facts);
}

static int run(int argc G_GNUC_UNUSED, char **argv G_GNUC_UNUSED)
{
	g_autoptr(VmsockStack) stack = NULL;
	g_autoptr(GError) error = NULL;
	struct facts facts = { 0 };
	guint64 family = 0;

	if (!tool_parse_family(&family))
		return TOOL_USAGE;
	if (family)
		stack = vmsock_stack_acquire_family((int)family, &error);
	else
		stack = vmsock_stack_acquire(&error);
	facts.stack = stack;
	facts.reason = error ? error->message : NULL;
	if (only_cid)
		return print_cid(&facts);
	print(&facts);
	return stack ? TOOL_OK : tool_exit_for(error);
}

static const struct option options[] = {
	{ "cid", 'c', OPTION_FLAG, &only_cid, NULL,
	  "print the context ID and nothing else", NULL, NULL },
	{ "quiet", 'q', OPTION_FLAG, &common.quiet, NULL, "print nothing, the exit code tells",
	  "Print nothing: the exit code tells whether there is a stack.", NULL },
	{ 0 }
};

const struct command info_command = {
	.name = "info",
	.summary = "which vsock this machine has, or why it has none",
	.purpose = "Shows which vsock this machine has, or why it has none.",
	.common = COMMON_FAMILY | COMMON_JSON,
	.options = options,
	.run = run,
};
