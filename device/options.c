// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * options - the command line of vmci-device
 *
 * Copyright (C) 2026 The vmsock authors
 */
#include <config.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "vmci/regs.h"

#define CAPS_CLASSIC	(VMCI_CAPS_DATAGRAM | VMCI_CAPS_NOTIFICATIONS | VMCI_CAPS_PPN64)
#define MODE_DEFAULT	0600
#define CAPS_MMIO	(CAPS_CLASSIC | VMCI_CAPS_DMA_DATAGRAM)

static bool fail(GError **error, const char *option, const char *text, const char *wanted)
{
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s: \"%s\" is not %s",
		    option, text, wanted);
	return false;
}

/* A number of base 10, 16 or 8, as C has them; NULL leaves @value alone */
static bool parse_number(const char *option, const char *text, guint64 least, guint64 most,
			 guint64 *value, GError **error)
{
	char wanted[64], *end;
	guint64 number;

	if (!text)
		return true;
	errno = 0;
	number = g_ascii_strtoull(text, &end, 0);
	if (*text && *text != '-' && !*end && !errno && number >= least && number <= most) {
		*value = number;
		return true;
	}
	g_snprintf(wanted, sizeof(wanted), "a number from %" G_GUINT64_FORMAT " to %"
		   G_GUINT64_FORMAT, least, most);
	return fail(error, option, text, wanted);
}

static bool parse_mode(const char *text, unsigned int *mode, GError **error)
{
	char *end;
	guint64 number;

	*mode = MODE_DEFAULT;
	if (!text)
		return true;
	number = g_ascii_strtoull(text, &end, 8);
	if (!g_ascii_isdigit(*text) || *end || number > 0777)
		return fail(error, "--mode", text, "permissions in octal, as 660");
	*mode = (unsigned int)number;
	return true;
}

static bool parse_interrupts(const char *text, enum pci_interrupts *interrupts, GError **error)
{
	static const char *const names[] = {
		[PCI_MSIX] = "msix", [PCI_MSIX_ONE] = "msix1", [PCI_MSI] = "msi",
		[PCI_INTX] = "intx",
	};

	for (unsigned int i = 0; text && i < G_N_ELEMENTS(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			*interrupts = i;
			return true;
		}
	}
	return !text || fail(error, "--interrupts", text, "msix, msix1, msi or intx");
}

/* The words of numbers and choices, before they are understood */
struct words {
	char *cid;
	char *caps;
	char *interrupts;
	char *mode;
	char *pair_memory;
	char *pair_count;
	char *queue_size;
	char *connections;
	gboolean packet_style;
	gboolean classic;
	gboolean no_sandbox;
	gboolean restricted;
	gboolean version;
};

static bool parse_cid(const char *text, __u32 *cid, GError **error)
{
	guint64 number = 0;

	if (!text) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "--cid is needed: the context ID of the virtual machine");
		return false;
	}
	if (!parse_number("--cid", text, 0, VMCI_INVALID_ID, &number, error))
		return false;
	*cid = (__u32)number;
	return function_good_cid(*cid) ||
	       fail(error, "--cid", text, "free for a virtual machine: 16 and more are, but for "
		    "the codes of errors");
}

/* Who is in context 2: programs behind UNIX sockets, the kernel, or nobody */
static bool check_host(struct options *options, const struct words *words, GError **error)
{
	if (options->uds && options->node) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "--uds and --host exclude each other: context 2 is one of them");
		return false;
	}
	if (words->restricted && !options->node) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "--restricted needs --host");
		return false;
	}
	options->restricted = words->restricted;
	return true;
}

static bool understand(struct options *options, const struct words *words, GError **error)
{
	struct function_options *function = &options->function;
	guint64 caps = words->classic ? CAPS_CLASSIC : CAPS_MMIO;
	guint64 memory = VMCI_MAX_GUEST_QP_MEMORY >> 20, count = VMCI_MAX_GUEST_QP_COUNT;
	struct endpoint_options *endpoint = &options->endpoint;
	guint64 size, connections;

	if (!options->socket) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "--socket is needed: where QEMU will connect to");
		return false;
	}
	*endpoint = endpoint_defaults();
	size = endpoint->sizes.size;
	connections = endpoint->connections;
	if (!check_host(options, words, error) || !parse_cid(words->cid, &function->cid, error) ||
	    !parse_number("--caps", words->caps, VMCI_CAPS_DATAGRAM, CAPS_MMIO, &caps, error) ||
	    !parse_interrupts(words->interrupts, &function->interrupts, error) ||
	    !parse_mode(words->mode, &options->mode, error) ||
	    !parse_number("--pair-memory", words->pair_memory, 1, 128, &memory, error) ||
	    !parse_number("--pair-count", words->pair_count, 1, VMCI_MAX_GUEST_QP_COUNT, &count,
			  error) ||
	    !parse_number("--queue-size", words->queue_size, endpoint->sizes.min,
			  endpoint->sizes.max, &size, error) ||
	    !parse_number("--connections", words->connections, 1, ENDPOINT_CONNECTIONS_MAX,
			  &connections, error))
		return false;
	endpoint->sizes.size = size;
	endpoint->connections = (unsigned int)connections;
	endpoint->packet_style = words->packet_style;
	function->caps = (__u32)caps;
	function->classic = words->classic;
	function->pair_memory = memory << 20;
	function->pair_count = (__u32)count;
	options->sandbox = !words->no_sandbox;
	return true;
}

bool options_parse(struct options *options, int argc, char **argv, GError **error)
{
	struct words words = { .cid = NULL };
	const GOptionEntry entries[] = {
		{ "socket", 's', 0, G_OPTION_ARG_FILENAME, &options->socket,
		  "where QEMU connects to", "PATH" },
		{ "cid", 'c', 0, G_OPTION_ARG_STRING, &words.cid,
		  "context ID of the virtual machine", "N" },
		{ "uds", 'u', 0, G_OPTION_ARG_FILENAME, &options->uds,
		  "where host programs connect to", "PATH" },
		{ "host", 'H', 0, G_OPTION_ARG_FILENAME, &options->node,
		  "the host kernel, for programs with VMCI sockets: /dev/vmci", "NODE" },
		{ "restricted", 0, 0, G_OPTION_ARG_NONE, &words.restricted,
		  "with --host: the guest may talk to trusted programs only", NULL },
		{ "mode", 'm', 0, G_OPTION_ARG_STRING, &words.mode,
		  "permissions of the sockets [0600]", "OCTAL" },
		{ "trace", 't', 0, G_OPTION_ARG_FILENAME, &options->trace,
		  "write each datagram as text to FILE, or - for stderr", "FILE" },
		{ "pair-memory", 0, 0, G_OPTION_ARG_STRING, &words.pair_memory,
		  "MiB that all queue pairs may have [128]", "N" },
		{ "pair-count", 0, 0, G_OPTION_ARG_STRING, &words.pair_count,
		  "queue pairs that there may be [16384]", "N" },
		{ "queue-size", 0, 0, G_OPTION_ARG_STRING, &words.queue_size,
		  "bytes of each queue of connections to the guest [262144]", "BYTES" },
		{ "connections", 0, 0, G_OPTION_ARG_STRING, &words.connections,
		  "connections at a time [1024]", "N" },
		{ "packet-style", 0, 0, G_OPTION_ARG_NONE, &words.packet_style,
		  "connect to the guest in the older style of notification", NULL },
		{ "interrupts", 'i', 0, G_OPTION_ARG_STRING, &words.interrupts,
		  "msix, msix1, msi or intx [msix]", "KIND" },
		{ "classic", 0, 0, G_OPTION_ARG_NONE, &words.classic,
		  "a function with ports only, as of older products", NULL },
		{ "caps", 0, 0, G_OPTION_ARG_STRING, &words.caps,
		  "capabilities offered [0x3c, classic 0x1c]", "MASK" },
		{ "control", 0, 0, G_OPTION_ARG_FILENAME, &options->control,
		  "socket for commands of tests", "PATH" },
		{ "fault", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->faults,
		  "something that goes wrong, as out:drop@5", "RULE" },
		{ "hostile", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->hostile,
		  "something no device should do: sizes, events, stuck, rings, cid, gone",
		  "KIND" },
		{ "no-sandbox", 0, 0, G_OPTION_ARG_NONE, &words.no_sandbox,
		  "keep all system calls, for debuggers", NULL },
		{ "version", 'V', 0, G_OPTION_ARG_NONE, &words.version,
		  "print the version", NULL },
		{ NULL }
	};
	g_autoptr(GOptionContext) context = g_option_context_new("- a VMCI device for QEMU");
	bool good;

	memset(options, 0, sizeof(*options));
	g_option_context_add_main_entries(context, entries, NULL);
	good = g_option_context_parse(context, &argc, &argv, error);
	if (good && words.version) {
		puts(PACKAGE_STRING);
		exit(EXIT_SUCCESS);
	}
	if (good && argc > 1)
		good = fail(error, "argument", argv[1], "an option");
	good = good && understand(options, &words, error);
	g_free(words.cid);
	g_free(words.caps);
	g_free(words.interrupts);
	g_free(words.mode);
	g_free(words.pair_memory);
	g_free(words.pair_count);
	g_free(words.queue_size);
	g_free(words.connections);
	return good;
}

void options_clear(struct options *options)
{
	g_free(options->socket);
	g_free(options->uds);
	g_free(options->node);
	g_free(options->control);
	g_free(options->trace);
	g_strfreev(options->faults);
	g_strfreev(options->hostile);
}
