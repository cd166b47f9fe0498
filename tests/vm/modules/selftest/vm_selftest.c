// SPDX-License-Identifier: GPL-2.0-only
/* vm_selftest - a module that misbehaves on request, to test the guest harness
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * modprobe vm_selftest [fault=NAME]; the fault happens while the module loads.
 */
#include <linux/module.h>
#include <linux/delay.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>

static char *fault = "";
module_param(fault, charp, 0444);
MODULE_PARM_DESC(fault, "one of the names in the table");

/* The only reference to what is allocated here is lost. */
static void leak(void)
{
	char *lost = kmalloc(1234, GFP_KERNEL);

	if (lost)
		strscpy(lost, "lost", 1234);
	OPTIMIZER_HIDE_VAR(lost);
}

static void oops(void)
{
	volatile int *nowhere = (void *)8;

	*nowhere = 1;
}

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);

/* Only lockdep sees that these two orders could meet. */
static void deadlock(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);

	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

/* Neither a signal nor a timeout ends this. */
static void hang(void)
{
	for (;;)
		msleep(1000);
}

static void overrun(void)
{
	char *object = kmalloc(10, GFP_KERNEL);

	if (!object)
		return;
	OPTIMIZER_HIDE_VAR(object);
	WRITE_ONCE(object[0], READ_ONCE(object[10]));
	kfree(object);
}

static void warn(void)
{
	WARN(1, "a warning on request\n");
}

/* Unloading is refused from now on. */
static void pin(void)
{
	__module_get(THIS_MODULE);
}

static const struct {
	const char *name;
	void (*happen)(void);
} faults[] = {
	{ "deadlock", deadlock },
	{ "hang", hang },
	{ "leak", leak },
	{ "oops", oops },
	{ "overrun", overrun },
	{ "pin", pin },
	{ "warn", warn },
};

static int __init selftest_init(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		if (!strcmp(fault, faults[i].name))
			faults[i].happen();
	return 0;
}

static void __exit selftest_exit(void)
{
}

module_init(selftest_init);
module_exit(selftest_exit);
MODULE_DESCRIPTION("Misbehaves on request, for tests of the test harness");
MODULE_LICENSE("GPL");
