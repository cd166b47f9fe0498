// SPDX-License-Identifier: GPL-2.0-only
/*
 * host_debug.c - /sys/kernel/debug/vmci: virtual machines and queue pairs, for root to read
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * One line of names, then one line each; a column may be added at the end.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include "context.h"
#include "host.h"
#include "host_qp.h"

static struct dentry *folder;

static void show_context(struct vmci_context *context, void *data)
{
	struct vmci_inbox *inbox = &context->inbox;
	struct seq_file *m = data;

	if (!vmci_is_vm(context->cid))
		return;
	seq_printf(m, "%10u %8s %4d.%d %10u %9u %8u %9u %6u %5u %10llu\n", context->cid,
		   context->priv & VMCI_PRIVILEGE_FLAG_RESTRICTED ? "yes" : "no",
		   context->version >> 16, context->version & 0xffff,
		   from_kuid_munged(&init_user_ns, context->owner), READ_ONCE(inbox->count),
		   READ_ONCE(inbox->bytes), READ_ONCE(inbox->bell_count),
		   READ_ONCE(inbox->rung_count), READ_ONCE(context->pair_count),
		   READ_ONCE(context->ring_pages));
}

static int contexts_show(struct seq_file *m, void *unused)
{
	seq_puts(m, "       cid restrict version      owner datagrams    bytes doorbells"
		    "   rung pairs ring-pages\n");
	vmci_context_for_each(show_context, m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(contexts);

static void show_id(struct seq_file *m, u32 cid)
{
	if (cid == VMCI_INVALID_ID)
		seq_printf(m, " %10s", "-");
	else
		seq_printf(m, " %10u", cid);
}

static void show_pair(const struct vmci_pair_info *info, void *data)
{
	const struct vmci_pair_spec *spec = &info->spec;
	struct seq_file *m = data;

	seq_printf(m, "%10u:%-10u", spec->handle.context, spec->handle.resource);
	show_id(m, info->creator);
	show_id(m, info->attacher);
	show_id(m, spec->peer);
	seq_printf(m, " %10llu %10llu %8llu %s\n", spec->produce_size, spec->consume_size,
		   info->pages, info->state);
}

static int queue_pairs_show(struct seq_file *m, void *unused)
{
	seq_puts(m, "    handle               creator   attacher       peer    produce    consume"
		    "   pinned state\n");
	vmci_host_qp_for_each(show_pair, m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(queue_pairs);

/* Without debugfs there is nothing to look at, which is no failure */
void vmci_host_debug_init(void)
{
	folder = debugfs_create_dir("vmci", NULL);
	debugfs_create_file("contexts", 0400, folder, NULL, &contexts_fops);
	debugfs_create_file("queue_pairs", 0400, folder, NULL, &queue_pairs_fops);
}

void vmci_host_debug_exit(void)
{
	debugfs_remove_recursive(folder);
}
