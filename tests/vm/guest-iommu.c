// SPDX-License-Identifier: GPL-2.0-or-later
/* guest-iommu - the device behind an IOMMU: it is given addresses, which are no page numbers
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vm-kernels: 6.1 7.3
 * vm-modules: vmsock
 * vm-device: --cid 42 --uds %D/host
 * vm-qemu: -device intel-iommu,caching-mode=on,intremap=off
 * vm-args: intel_iommu=on VMSOCK_DEVICE_CID=42
 * vm-timeout: 600
 */
#include "guest-host.h"
#include "guest-device.h"

static void translated(void)
{
	char path[128], type[16] = "";
	int fd;

	find_function();
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group/type", function);
	fd = need_ok(open(path, O_RDONLY | O_CLOEXEC));
	need_ok(read(fd, type, sizeof(type) - 1));
	expect(!strncmp(type, "DMA", 3));
	close(fd);
}

static void in_turn(void)
{
	sequence(20, 20);
}

static void reload(void)
{
	under_traffic(rebind, 5);
}

static const struct vmtest rows[] = {
	{ "guest-iommu", "each address of the device is translated", translated },
	{ "guest-iommu", "the context is the device's", context },
	{ "guest-iommu", "the guest calls: bytes both ways, all sizes of queues", guest_calls,
	  300 },
	{ "guest-iommu", "the host calls: bytes both ways, all sizes of queues", host_calls, 300 },
	{ "guest-iommu", "connections one after the other", in_turn, 120 },
	{ "guest-iommu", "many connections at a time", parallel, 120 },
	{ "guest-iommu", "datagrams both ways, with their sender", datagrams, 60 },
	{ "guest-iommu", "driver reload under traffic", reload, 120 },
};

int main(int argc, char **argv)
{
	some_mib = 1;
	return vmtest_main(argc, argv, rows, ARRAY_SIZE(rows));
}
