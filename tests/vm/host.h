/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host.h - what guest tests of /dev/vmci share
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * The programs run on our driver and on the kernel's own one.  Where the two differ for a reason,
 * an expectation says both: ours(x, y) is x here and y there.
 */
#ifndef TESTS_VM_HOST_H
#define TESTS_VM_HOST_H

#include "vmtest.h"

#include <sys/resource.h>

#include <vmci/errors.h>
#include <vmci/ioctl.h>

#define NONE		VMCI_INVALID_ID
#define HOST		VMCI_HOST_CONTEXT_ID
#define FIRST_CID	100u

#define PAGE		4096u
#define HDR		sizeof(struct vmci_datagram)

static const struct vmci_handle no_handle UNUSED = { NONE, NONE };

/* Is this our driver? The kernel's is called vmw_vmci. */
UNUSED static bool is_ours(void)
{
	return access("/sys/module/vmci", F_OK) == 0;
}

#define ours(here, there)	(is_ours() ? (here) : (there))

/* --- memory -------------------------------------------------------------------------------- */

UNUSED static void *map_pages(size_t count)
{
	void *pages = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	need(pages != MAP_FAILED);
	return pages;
}

/* An address that nobody may use */
UNUSED static void *nowhere(void)
{
	static void *page;

	if (!page)
		page = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	need(page != MAP_FAILED);
	return page;
}

/* A copy that may be read only */
UNUSED static void *read_only(const void *data, size_t size)
{
	void *page = map_pages(1);

	memcpy(page, data, size);
	need_ok(mprotect(page, PAGE, PROT_READ));
	return page;
}

UNUSED static uint64_t address_of(const void *memory)
{
	return (uintptr_t)memory;
}

/* Locked memory of this process, KiB */
UNUSED static long locked_kib(void)
{
	char line[128];
	long kib = -1;
	FILE *f = fopen("/proc/self/status", "re");

	need(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmLck: %ld kB", &kib) == 1)
			break;
	fclose(f);
	return kib;
}

/* --- a monitor ------------------------------------------------------------------------------ */

UNUSED static int open_vmci(void)
{
	return need_ok(open("/dev/vmci", O_RDWR | O_CLOEXEC));
}

UNUSED static int declare(int fd, int32_t version)
{
	return ioctl(fd, IOCTL_VMCI_VERSION2, &version);
}

/* The id that the virtual machine gets, or -1 */
UNUSED static int64_t init_context(int fd, uint32_t cid, uint32_t flags)
{
	struct vmci_init_block block = { cid, flags };

	return ioctl(fd, IOCTL_VMCI_INIT_CONTEXT, &block) < 0 ? -1 : (int64_t)block.cid;
}

/* A monitor of this version whose virtual machine has this id, which nobody else has */
UNUSED static int monitor_of(int32_t version, uint32_t cid, uint32_t flags)
{
	int fd = open_vmci();

	need_ok(declare(fd, version));
	need(init_context(fd, cid, flags) == cid);
	return fd;
}

UNUSED static int monitor(uint32_t cid)
{
	return monitor_of(VMCI_VERSION_CURRENT, cid, 0);
}

/* What can come of a request besides its result: no result at all */
#define NO_RESULT	INT32_MAX

/* The result of a request that was processed; errno is set if there is none */
#define request(fd, number, block) ({						\
	__auto_type block_ = (block);						\
	errno = 0;								\
	int ret_ = ioctl((fd), (number), block_);				\
	if (ret_ > 0)								\
		diag("%s returned %d", #number, ret_);				\
	ret_ < 0 ? NO_RESULT : block_->result; })

/* --- datagrams ------------------------------------------------------------------------------ */

union message {
	struct vmci_datagram dg;
	uint8_t bytes[VMCI_MAX_DG_SIZE + 64];
};

UNUSED static union message *message(struct vmci_handle dst, struct vmci_handle src, size_t size)
{
	static union message text;

	memset(&text, 0, sizeof(text));
	text.dg = (struct vmci_datagram){ dst, src, size };
	for (size_t i = 0; i < size; i++)
		text.bytes[HDR + i] = i;
	return &text;
}

UNUSED static int32_t send_bytes(int fd, const void *bytes, uint32_t length)
{
	struct vmci_datagram_block block = { address_of(bytes), length, NO_RESULT };

	return request(fd, IOCTL_VMCI_DATAGRAM_SEND, &block);
}

UNUSED static int32_t send_message(int fd, struct vmci_handle dst, struct vmci_handle src,
				   size_t size)
{
	return send_bytes(fd, message(dst, src, size), HDR + size);
}

UNUSED static int32_t receive_bytes_at(int fd, void *bytes, uint32_t length)
{
	struct vmci_datagram_block block = { address_of(bytes), length, NO_RESULT };

	return request(fd, IOCTL_VMCI_DATAGRAM_RECEIVE, &block);
}

/* Into static storage */
UNUSED static int32_t receive_message(int fd, union message **out)
{
	static union message text;

	memset(&text, 0xa5, sizeof(text));
	*out = &text;
	return receive_bytes_at(fd, &text, VMCI_MAX_DG_SIZE);
}

/* --- doorbells ------------------------------------------------------------------------------ */

UNUSED static int32_t bell(int fd, uint16_t action, struct vmci_handle handle)
{
	struct vmci_notify_resource_block block = {
		handle, VMCI_NOTIFY_RESOURCE_DOORBELL, action, NO_RESULT
	};

	return request(fd, IOCTL_VMCI_NOTIFY_RESOURCE, &block);
}

UNUSED static int32_t create_bell(int fd, struct vmci_handle handle)
{
	return bell(fd, VMCI_NOTIFY_RESOURCE_ACTION_CREATE, handle);
}

UNUSED static int32_t destroy_bell(int fd, struct vmci_handle handle)
{
	return bell(fd, VMCI_NOTIFY_RESOURCE_ACTION_DESTROY, handle);
}

UNUSED static int32_t ring_bell(int fd, struct vmci_handle handle)
{
	return bell(fd, VMCI_NOTIFY_RESOURCE_ACTION_NOTIFY, handle);
}

/* How many have been rung, or the negative result, or NO_RESULT */
UNUSED static int take_rung(int fd, struct vmci_handle *out, size_t room)
{
	struct vmci_notifications_receive_block block = {
		.doorbell_address = address_of(out), .doorbell_size = room * sizeof(*out),
		.result = NO_RESULT,
	};
	int32_t result = request(fd, IOCTL_VMCI_NOTIFICATIONS_RECEIVE, &block);

	if (result < 0 || result == NO_RESULT)
		return result;
	return block.doorbell_size / sizeof(*out);
}

UNUSED static int32_t set_notify(int fd, const void *flag)
{
	struct vmci_set_notify_block block = { address_of(flag), NO_RESULT, 0 };

	return request(fd, IOCTL_VMCI_SET_NOTIFY, &block);
}

/* --- queue pairs ---------------------------------------------------------------------------- */

/* Pages of a queue pair, its headers included */
UNUSED static size_t pair_pages(uint64_t produce, uint64_t consume)
{
	return 2 + (produce + PAGE - 1) / PAGE + (consume + PAGE - 1) / PAGE;
}

/* Memory for one, with headers as a device writes them */
UNUSED static void *pair_memory(struct vmci_handle handle, uint64_t produce, uint64_t consume)
{
	uint8_t *memory = map_pages(pair_pages(produce, consume));

	*(struct vmci_queue_header *)memory = (struct vmci_queue_header){ handle, 0, 0 };
	*(struct vmci_queue_header *)(memory + (1 + (produce + PAGE - 1) / PAGE) * PAGE) =
		(struct vmci_queue_header){ handle, 0, 0 };
	return memory;
}

UNUSED static struct vmci_qp_alloc_block pair_block(struct vmci_handle handle, uint32_t peer,
						    uint64_t produce, uint64_t consume,
						    void *memory)
{
	return (struct vmci_qp_alloc_block){
		.handle = handle, .peer = peer, .produce_size = produce, .consume_size = consume,
		.pages_address = address_of(memory), .page_count = pair_pages(produce, consume),
		.result = NO_RESULT,
	};
}

UNUSED static int32_t alloc_pair(int fd, struct vmci_handle handle, uint32_t peer,
				 uint64_t produce, uint64_t consume, void *memory)
{
	struct vmci_qp_alloc_block block = pair_block(handle, peer, produce, consume, memory);

	return request(fd, IOCTL_VMCI_QUEUEPAIR_ALLOC, &block);
}

UNUSED static int32_t set_va(int fd, struct vmci_handle handle, void *memory)
{
	struct vmci_qp_setva_block block = {
		.handle = handle, .address = address_of(memory), .result = NO_RESULT,
	};

	return request(fd, IOCTL_VMCI_QUEUEPAIR_SETVA, &block);
}

UNUSED static int32_t detach_pair(int fd, struct vmci_handle handle)
{
	struct vmci_qp_detach_block block = { handle, NO_RESULT, 0 };

	return request(fd, IOCTL_VMCI_QUEUEPAIR_DETACH, &block);
}

/* --- running the table ---------------------------------------------------------------------- */

/* As vmtest_main(), for rows that need no socket; done_testing() is the caller's */
UNUSED static void host_run(int argc, char **argv, const struct vmtest *rows, size_t count)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!vm_failures)
		vm_failures = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < count; i++)
		if (argc < 2 || strstr(rows[i].item, argv[1]))
			vm_run_row(&rows[i]);
}

#endif /* TESTS_VM_HOST_H */
