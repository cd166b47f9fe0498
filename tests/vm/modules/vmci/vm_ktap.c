// SPDX-License-Identifier: GPL-2.0-only
/*
 * vm_ktap - tables of tests inside the kernel, results as TAP in debugfs
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * One table at a time. Diagnostics are limited to what fits; the verdicts have room of
 * their own at the end.
 */
#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "ktap.h"

#define TEXT_SIZE	65536
#define DIAGNOSTICS	(TEXT_SIZE - 16384)
#define SLOW_MS		2000

static char *text;
static size_t used;
static DEFINE_SPINLOCK(text_lock);
static atomic_t failures;
static struct dentry *folder;
static struct debugfs_blob_wrapper blob;

static __printf(2, 3) void add(size_t limit, const char *format, ...)
{
	unsigned long flags;
	va_list args;

	spin_lock_irqsave(&text_lock, flags);
	if (text && used < limit) {
		va_start(args, format);
		used += vscnprintf(text + used, limit - used, format, args);
		va_end(args);
	}
	spin_unlock_irqrestore(&text_lock, flags);
}

void ktap_fail(const char *file, int line, const char *format, ...)
{
	struct va_format message = { .fmt = format };
	va_list args;

	atomic_inc(&failures);
	va_start(args, format);
	message.va = &args;
	add(DIAGNOSTICS, "# %s:%d: %pV\n", kbasename(file), line, &message);
	va_end(args);
}
EXPORT_SYMBOL_GPL(ktap_fail);

static void run_row(const struct ktap_test *test, size_t number)
{
	ktime_t start = ktime_get();
	s64 ms;

	atomic_set(&failures, 0);
	test->run();
	ms = ktime_ms_delta(ktime_get(), start);
	if (ms > SLOW_MS)
		add(DIAGNOSTICS, "# took %lld ms\n", ms);
	add(TEXT_SIZE, "%sok %zu - %s\n", atomic_read(&failures) ? "not " : "", number,
	    test->what);
}

int ktap_run(const char *name, const struct ktap_test *tests, size_t count)
{
	size_t i;

	text = kzalloc(TEXT_SIZE, GFP_KERNEL);
	if (!text)
		return -ENOMEM;
	used = 0;
	for (i = 0; i < count; i++)
		run_row(&tests[i], i + 1);
	add(TEXT_SIZE, "1..%zu\n", count);

	blob.data = text;
	blob.size = used;
	debugfs_create_blob(name, 0400, folder, &blob);
	return 0;
}
EXPORT_SYMBOL_GPL(ktap_run);

void ktap_end(void)
{
	debugfs_remove_recursive(folder);
	folder = debugfs_create_dir("ktap", NULL);
	kfree(text);
	text = NULL;
}
EXPORT_SYMBOL_GPL(ktap_end);

static int __init vm_ktap_init(void)
{
	folder = debugfs_create_dir("ktap", NULL);
	return 0;
}

static void __exit vm_ktap_exit(void)
{
	debugfs_remove_recursive(folder);
}

module_init(vm_ktap_init);
module_exit(vm_ktap_exit);
MODULE_DESCRIPTION("Runs tables of tests inside the kernel");
MODULE_LICENSE("GPL");
