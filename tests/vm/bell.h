// SPDX-License-Identifier: GPL-2.0-or-later
/* bell.h - the doorbell of the module vm_bell, or of vm_kernel_bell
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef BELL_H
#define BELL_H

#include "guest-device.h"
#include "module.h"

static const char *bell_module = "vm_bell";

UNUSED static unsigned int bell_number(const char *name)
{
	const char *text = text_of("/sys/module/%s/parameters/%s", bell_module, name);

	return text ? strtoul(text, NULL, 0) : 0;
}

/* By the device, as for somebody on the host */
UNUSED static void expect_ring(void)
{
	unsigned int before = bell_number("rung");
	char command[64];

	snprintf(command, sizeof(command), "ring %u:%u", bell_number("context"),
		 bell_number("resource"));
	expect(command_device(command));
	expect_soon(bell_number("rung") == before + 1);
}

UNUSED static void doorbell(void)
{
	need_ok(insert(bell_module));
	expect_is(bell_number("context"), atoi(getenv("VMSOCK_DEVICE_CID")));
	for (int i = 0; i < 20; i++)
		expect_ring();
	need_ok(take_out(bell_module));
}

#endif
