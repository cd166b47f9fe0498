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
MODULE_PARM_DESC(fault, "warn, oops, leak, deadlock or hang");

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

static int __init selftest_init(void)
{
	if (!strcmp(fault, "leak"))
		leak();
	else if (!strcmp(fault, "oops"))
		oops();
	else if (!strcmp(fault, "deadlock"))
		deadlock();
	else if (!strcmp(fault, "hang"))
		hang();
	WARN(!strcmp(fault, "warn"), "a warning on request\n");
	return 0;
}

static void __exit selftest_exit(void)
{
}

module_init(selftest_init);
module_exit(selftest_exit);
MODULE_DESCRIPTION("Misbehaves on request, for tests of the test harness");
MODULE_LICENSE("GPL");
