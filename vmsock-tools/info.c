/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * info.c - which vsock this machine has
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <unistd.h>

#include "json.h"
#include "tool.h"

/* Modules that offer vsock or get into its way. */
static const char *const module_names[] = {
	"vmci", "vmsock", "vsock", "vsock_loopback", "vmw_vmci", "vmw_vsock_vmci_transport",
	"vmw_vsock_virtio_transport", "vhost_vsock", "hv_sock",
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

static void print_text(const struct facts *facts)
{
	if (facts->stack)
		print_stack(facts->stack);
	else
		printf("Stack:    none\nReason:   %s\n", facts->reason);
	printf("Modules: ");
	for (gsize i = 0; i < G_N_ELEMENTS(module_names); i++) {
		g_autofree char *version = module_version(module_names[i]);

		if (module_loaded(module_names[i]))
			printf(version ? " %s (%s)" : " %s", module_names[i], version);
	}
	printf("\nDevices: ");
	for (gsize i = 0; i < G_N_ELEMENTS(device_paths); i++)
		if (g_access(device_paths[i], F_OK) == 0)
			printf(g_access(device_paths[i], R_OK) == 0 ? " %s" : " %s (no permission)",
			       device_paths[i]);
	putchar('\n');
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

static int run(int argc G_GNUC_UNUSED, char **argv G_GNUC_UNUSED)
{
	g_autoptr(VmsockStack) stack = NULL;
	g_autoptr(GError) error = NULL;
	struct facts facts = { 0 };

	stack = vmsock_stack_acquire(&error);
	facts.stack = stack;
	facts.reason = error ? error->message : NULL;
	if (only_cid)
		return print_cid(&facts);
	if (common.json)
		print_json(&facts);
	else
		print_text(&facts);
	return stack ? TOOL_OK : tool_exit_for(error);
}

static const struct option options[] = {
	{ "cid", 'c', OPTION_FLAG, &only_cid, NULL,
	  "print the context ID and nothing else", NULL, NULL },
	{ 0 }
};

const struct command info_command = {
	.name = "info",
	.summary = "which vsock this machine has, or why it has none",
	.purpose = "Shows which vsock this machine has, or why it has none.",
	.common = COMMON_JSON,
	.options = options,
	.run = run,
};
