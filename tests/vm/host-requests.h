/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host-requests.h - /dev/vmci request by request and version by version
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * vmci.md 8, and of 12 what a monitor can do wrong.  Both programs that include this print the same
 * table; ours(x, y) in it is where the kernel's driver does what vmci.md 12.4 forbids, or what it
 * leaves open.
 */
#ifndef TESTS_VM_HOST_REQUESTS_H
#define TESTS_VM_HOST_REQUESTS_H

#include "host.h"

#include <sys/stat.h>

static const int32_t all_versions[] = {
	VMCI_VERSION_PREVERS2, VMCI_VERSION_PREHOSTQP, VMCI_VERSION_HOSTQP,
	VMCI_VERSION_HOSTQP + 3, VMCI_VERSION_NOTIFY, VMCI_VERSION_NOTIFY + 1,
	VMCI_VERSION_NOVMVM, VMCI_VERSION_NOVMVM + 5,
};

static const struct {
	unsigned int number;
	int32_t since, before;		/* versions that may ask for it */
	size_t size;
} with_context[] = {
	{ IOCTL_VMCI_QUEUEPAIR_SETVA, VMCI_VERSION_NOVMVM, INT32_MAX,
	  sizeof(struct vmci_qp_setva_block) },
	{ IOCTL_VMCI_NOTIFY_RESOURCE, VMCI_VERSION_NOTIFY, INT32_MAX,
	  sizeof(struct vmci_notify_resource_block) },
	{ IOCTL_VMCI_NOTIFICATIONS_RECEIVE, VMCI_VERSION_NOTIFY, INT32_MAX,
	  sizeof(struct vmci_notifications_receive_block) },
	{ IOCTL_VMCI_QUEUEPAIR_ALLOC, 0, INT32_MAX, sizeof(struct vmci_qp_alloc_block_old) },
	{ IOCTL_VMCI_QUEUEPAIR_SETPAGEFILE, VMCI_VERSION_HOSTQP, VMCI_VERSION_NOVMVM,
	  sizeof(struct vmci_qp_page_file_block) },
	{ IOCTL_VMCI_QUEUEPAIR_DETACH, 0, INT32_MAX, sizeof(struct vmci_qp_detach_block) },
	{ IOCTL_VMCI_DATAGRAM_SEND, 0, INT32_MAX, sizeof(struct vmci_datagram_block) },
	{ IOCTL_VMCI_DATAGRAM_RECEIVE, 0, INT32_MAX, sizeof(struct vmci_datagram_block) },
	{ IOCTL_VMCI_CTX_ADD_NOTIFICATION, 0, INT32_MAX,
	  sizeof(struct vmci_ctx_notification_block) },
	{ IOCTL_VMCI_CTX_REMOVE_NOTIFICATION, 0, INT32_MAX,
	  sizeof(struct vmci_ctx_notification_block) },
	{ IOCTL_VMCI_CTX_GET_CPT_STATE, 0, INT32_MAX, sizeof(struct vmci_checkpoint_block) },
	{ IOCTL_VMCI_CTX_SET_CPT_STATE, 0, INT32_MAX, sizeof(struct vmci_checkpoint_block) },
	{ IOCTL_VMCI_SET_NOTIFY, 0, INT32_MAX, sizeof(struct vmci_set_notify_block) },
};

/* --- node and versions ---------------------------------------------------------------------- */

static void node(void)
{
	struct stat st;

	need_ok(stat("/dev/vmci", &st));
	expect(S_ISCHR(st.st_mode));
	expect_is(st.st_mode & 07777, 0600);
	expect_is(st.st_uid, 0);
}

static void other_calls(void)
{
	int fd = monitor(FIRST_CID);
	char byte;

	expect_errno(read(fd, &byte, 1), EINVAL);
	expect_errno(write(fd, "x", 1), EINVAL);
	expect(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
	expect_is(errno, ENODEV);
}

static void versions(void)
{
	static const int32_t table[][2] = {	/* declared, answered */
		{ 0, VMCI_VERSION_CURRENT }, { 1, 1 },
		{ VMCI_VERSION_PREVERS2, VMCI_VERSION_PREVERS2 },
		{ VMCI_VERSION_PREHOSTQP, VMCI_VERSION_PREHOSTQP },
		{ VMCI_VERSION_HOSTQP - 1, VMCI_VERSION_HOSTQP - 1 },
		{ VMCI_VERSION_HOSTQP, VMCI_VERSION_CURRENT },
		{ VMCI_VERSION_NOTIFY, VMCI_VERSION_CURRENT },
		{ VMCI_VERSION_NOVMVM, VMCI_VERSION_CURRENT },
		{ VMCI_VERSION_NOVMVM + 99, VMCI_VERSION_CURRENT },
		{ INT32_MAX, VMCI_VERSION_CURRENT },
	};
	int fd = open_vmci();

	expect_is(ioctl(fd, IOCTL_VMCI_VERSION, 0), VMCI_VERSION_CURRENT);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		expect_is(declare(fd, table[i][0]), table[i][1]);
		expect_is(ioctl(fd, IOCTL_VMCI_VERSION, 0), table[i][1]);
	}
	expect_errno(ioctl(fd, IOCTL_VMCI_VERSION2, nowhere()), EFAULT);
	expect_is(ioctl(fd, IOCTL_VMCI_VERSION, 0), VMCI_VERSION_CURRENT);
}

/* No version is negative (8.3); theirs takes it for an old one */
static void negative_version(void)
{
	int fd = open_vmci();

	need_ok(declare(fd, VMCI_VERSION_PREHOSTQP));
	if (is_ours())
		expect_errno(declare(fd, -5), EINVAL);
	else
		expect_is(declare(fd, -5), VMCI_VERSION_CURRENT);
	expect_is(ioctl(fd, IOCTL_VMCI_VERSION, 0),
		  ours(VMCI_VERSION_PREHOSTQP, VMCI_VERSION_CURRENT));
}

static void frozen_version(void)
{
	int fd = monitor_of(VMCI_VERSION_PREHOSTQP, FIRST_CID, 0);

	expect_is(declare(fd, VMCI_VERSION_PREHOSTQP), VMCI_VERSION_PREHOSTQP);
	if (is_ours())
		expect_errno(declare(fd, VMCI_VERSION_CURRENT), EINVAL);
	else
		expect_is(declare(fd, VMCI_VERSION_CURRENT), VMCI_VERSION_CURRENT);
	expect_is(ioctl(fd, IOCTL_VMCI_VERSION, 0),
		  ours(VMCI_VERSION_PREHOSTQP, VMCI_VERSION_CURRENT));
}

/* --- contexts ------------------------------------------------------------------------------- */

static void init_refused(void)
{
	int fd = open_vmci();

	expect_is(init_context(fd, FIRST_CID, 0), -1);
	expect_is(errno, EINVAL);
	need_ok(declare(fd, VMCI_VERSION_CURRENT));
	for (int bit = 1; bit < 32; bit++) {
		expect_is(init_context(fd, FIRST_CID, 1u << bit), -1);
		expect_is(errno, EINVAL);
	}
	expect_is(init_context(fd, NONE, 0), -1);
	expect_is(errno, EINVAL);
	expect_errno(ioctl(fd, IOCTL_VMCI_INIT_CONTEXT, nowhere()), EFAULT);
	expect_is(init_context(fd, FIRST_CID, 1), FIRST_CID);
	expect_is(init_context(fd, FIRST_CID + 1, 0), -1);
	expect_is(errno, EINVAL);
}

/* 12.4 no. 1: who is context 0 can send what only the hypervisor may */
static void reserved_ids(void)
{
	for (uint32_t cid = 0; cid < 2; cid++) {
		int fd = open_vmci();

		need_ok(declare(fd, VMCI_VERSION_CURRENT));
		expect_is(init_context(fd, cid, 0), ours(-1, (int64_t)cid));
		if (is_ours())
			expect_is(errno, EINVAL);
		close(fd);
	}
	for (uint32_t cid = 3; cid < VMCI_RESERVED_CID_LIMIT; cid++)
		close(monitor(cid));
}

static void id_in_use(void)
{
	static const uint32_t table[][2] = {	/* wanted, given */
		{ HOST, 16 }, { HOST, 17 }, { 5, 5 }, { 5, 18 }, { 15, 15 }, { 15, 19 },
		{ 16, 20 }, { FIRST_CID, FIRST_CID }, { FIRST_CID, FIRST_CID + 1 },
		{ 0x80000001, 0x80000001 }, { 0x80000001, 0x80000002 },
		{ NONE - 1, NONE - 1 }, { NONE - 1, 21 }, { NONE - 2, NONE - 2 },
		{ NONE - 2, 22 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		int fd = open_vmci();

		need_ok(declare(fd, VMCI_VERSION_CURRENT));
		expect_is(init_context(fd, table[i][0], 0), table[i][1]);
	}
}

static void init_undone(void)
{
	struct vmci_init_block block = { FIRST_CID, 0 };
	int fd = open_vmci();

	need_ok(declare(fd, VMCI_VERSION_CURRENT));
	expect_errno(ioctl(fd, IOCTL_VMCI_INIT_CONTEXT, read_only(&block, sizeof(block))),
		     EFAULT);
	close(monitor(FIRST_CID));
	expect_is(init_context(fd, FIRST_CID, 0), FIRST_CID);
}

static void context_id(void)
{
	int fd = open_vmci();
	uint32_t cid = 0;

	expect_is(ioctl(fd, IOCTL_VMCI_GET_CONTEXT_ID, &cid), 0);
	expect_is(cid, HOST);
	expect_errno(ioctl(fd, IOCTL_VMCI_GET_CONTEXT_ID, nowhere()), EFAULT);
	close(fd);
	fd = monitor(FIRST_CID);
	cid = 0;
	expect_is(ioctl(fd, IOCTL_VMCI_GET_CONTEXT_ID, &cid), 0);
	expect_is(cid, HOST);
}

static void before_init(void)
{
	int fd = open_vmci();

	need_ok(declare(fd, VMCI_VERSION_CURRENT));
	for (size_t i = 0; i < ARRAY_SIZE(with_context); i++)
		expect_errno(ioctl(fd, with_context[i].number, nowhere()), EINVAL);
	expect_is(revents(fd), 0);
}

static void id_free_again(void)
{
	int fd = monitor(FIRST_CID), copy = dup(fd);

	close(fd);
	fd = open_vmci();
	need_ok(declare(fd, VMCI_VERSION_CURRENT));
	expect_is(init_context(fd, FIRST_CID, 0), FIRST_CID + 1);
	close(copy);
	close(monitor(FIRST_CID));
}

/* --- requests as such ----------------------------------------------------------------------- */

static bool known(unsigned int number)
{
	for (size_t i = 0; i < ARRAY_SIZE(with_context); i++)
		if (with_context[i].number == number)
			return true;
	return number == IOCTL_VMCI_VERSION || number == IOCTL_VMCI_VERSION2 ||
	       number == IOCTL_VMCI_INIT_CONTEXT || number == IOCTL_VMCI_GET_CONTEXT_ID;
}

static void unknown_requests(void)
{
	static const unsigned int far[] = { 0, 1, 0xffff, 0x40080799, 0xc00007a0, 0xffffffff };
	int fd = monitor(FIRST_CID);

	for (unsigned int number = 0x780; number < 0x800; number++)
		if (!known(number))
			expect_errno(ioctl(fd, number, nowhere()), EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(far); i++)
		expect_errno(ioctl(fd, far[i], nowhere()), EINVAL);
}

/* A bad pointer of somebody who may ask is EFAULT, so it tells who may */
static void version_gates(void)
{
	for (size_t v = 0; v < ARRAY_SIZE(all_versions); v++) {
		int fd = monitor_of(all_versions[v], FIRST_CID, 0);

		for (size_t i = 0; i < ARRAY_SIZE(with_context); i++) {
			bool may = all_versions[v] >= with_context[i].since &&
				   all_versions[v] < with_context[i].before;

			expect_errno(ioctl(fd, with_context[i].number, nowhere()),
				     may ? EFAULT : EINVAL);
		}
		close(fd);
	}
}

/* --- datagrams ------------------------------------------------------------------------------ */

static const struct vmci_handle mine = { FIRST_CID, 7 };

static void send_lengths(void)
{
	int fd = monitor(FIRST_CID);
	union message *m = message(mine, mine, 8);

	expect_is(send_bytes(fd, m, HDR - 1), NO_RESULT);
	expect_is(errno, EINVAL);
	expect_is(send_bytes(fd, m, 0), NO_RESULT);
	expect_is(errno, EINVAL);
	expect_is(send_bytes(fd, m, VMCI_MAX_DG_SIZE + 1), NO_RESULT);
	expect_is(errno, EINVAL);
	expect_is(send_bytes(fd, m, UINT32_MAX), NO_RESULT);
	expect_is(errno, EINVAL);
	expect_is(send_bytes(fd, m, HDR + 7), NO_RESULT);
	expect_is(errno, EINVAL);
	expect_is(send_bytes(fd, m, HDR + 9), NO_RESULT);
	expect_is(errno, EINVAL);
	m->dg.payload_size = UINT64_MAX - HDR + 1 + 8;
	expect_is(send_bytes(fd, m, HDR + 8), NO_RESULT);
	expect_is(errno, EINVAL);
	m->dg.payload_size = (1ull << 32) + 8;
	expect_is(send_bytes(fd, m, HDR + 8), NO_RESULT);
	expect_is(errno, EINVAL);
	expect_is(send_bytes(fd, nowhere(), HDR), NO_RESULT);
	expect_is(errno, EFAULT);
	expect_is(send_message(fd, mine, mine, 0), HDR);
	expect_is(send_message(fd, mine, mine, VMCI_MAX_DG_PAYLOAD_SIZE), VMCI_MAX_DG_SIZE);
}

static void destinations(void)
{
	int fd = monitor(FIRST_CID), other = monitor(FIRST_CID + 1);
	struct vmci_handle stranger = { FIRST_CID + 1, 7 }, nobody = { 99999, 7 };

	need(other >= 0);
	expect_is(send_message(fd, (struct vmci_handle){ 0, 1 }, mine, 4),
		  VMCI_ERROR_DST_UNREACHABLE);
	expect_is(send_message(fd, (struct vmci_handle){ NONE, 1 }, mine, 4),
		  VMCI_ERROR_INVALID_ARGS);
	expect_is(send_message(fd, stranger, mine, 4), VMCI_ERROR_DST_UNREACHABLE);
	expect_is(send_message(fd, nobody, mine, 4), VMCI_ERROR_DST_UNREACHABLE);
	expect_is(send_message(fd, (struct vmci_handle){ 1, 7 }, mine, 4),
		  VMCI_ERROR_DST_UNREACHABLE);
	expect_is(send_message(fd, (struct vmci_handle){ HOST, 777 }, mine, 4),
		  VMCI_ERROR_INVALID_RESOURCE);
	expect_is(send_message(fd, (struct vmci_handle){ HOST, 0 }, mine, 4),
		  VMCI_ERROR_INVALID_RESOURCE);
}

static void sources(void)
{
	static const struct {
		struct vmci_handle src;
		int32_t to_host, to_self;
	} table[] = {
		{ { FIRST_CID + 1, 7 }, VMCI_ERROR_NO_ACCESS, VMCI_ERROR_DST_UNREACHABLE },
		{ { HOST, 7 }, VMCI_ERROR_NO_ACCESS, VMCI_ERROR_NO_ACCESS },
		{ { 1, 7 }, VMCI_ERROR_NO_ACCESS, VMCI_ERROR_NO_ACCESS },
		{ { 0, 0 }, VMCI_ERROR_NO_ACCESS, VMCI_ERROR_NO_ACCESS },
		{ { NONE, 7 }, VMCI_ERROR_INVALID_ARGS, VMCI_ERROR_INVALID_ARGS },
		{ { NONE, NONE }, VMCI_ERROR_INVALID_ARGS, VMCI_ERROR_INVALID_ARGS },
	};
	int fd = monitor(FIRST_CID);

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		expect_is(send_message(fd, (struct vmci_handle){ HOST, 1 }, table[i].src, 24),
			  table[i].to_host);
		expect_is(send_message(fd, (struct vmci_handle){ HOST, 0 }, table[i].src, 24),
			  table[i].to_host);
		expect_is(send_message(fd, mine, table[i].src, 24), table[i].to_self);
	}
	expect_is(revents(fd), 0);
}

static void loop_back(void)
{
	int fd = monitor_of(VMCI_VERSION_CURRENT, FIRST_CID, VMCI_PRIVILEGE_FLAG_RESTRICTED);
	union message *got;

	expect_is(receive_message(fd, &got), VMCI_ERROR_NO_MORE_DATAGRAMS);
	expect_is(revents(fd), 0);
	expect_is(send_message(fd, mine, mine, 100), HDR + 100);
	expect_is(revents(fd), POLLIN);
	expect_is(receive_message(fd, &got), 0);
	expect(memcmp(got, message(mine, mine, 100), HDR + 100) == 0);
	expect_is(got->bytes[HDR + 100], 0xa5);
	expect_is(revents(fd), 0);
}

static void receive_sizes(void)
{
	int fd = monitor(FIRST_CID);
	union message *got;
	uint8_t small[HDR + 9];

	need(send_message(fd, mine, mine, 10) > 0);
	expect_is(receive_bytes_at(fd, small, HDR + 9), VMCI_ERROR_NO_MEM);
	expect_is(receive_bytes_at(fd, small, 0), VMCI_ERROR_NO_MEM);
	expect_is(revents(fd), POLLIN);
	need(send_message(fd, mine, mine, 20) > 0);
	/* 12.4 no. 6: theirs hands out the last one first */
	expect_is(receive_message(fd, &got), HDR + ours(20, 10));
	expect_is(got->dg.payload_size, ours(10, 20));
	expect_is(receive_message(fd, &got), 0);
	expect_is(got->dg.payload_size, ours(20, 10));
	expect_is(receive_message(fd, &got), VMCI_ERROR_NO_MORE_DATAGRAMS);
}

/* 12.4 no. 6 */
static void receive_order(void)
{
	int fd = monitor(FIRST_CID), count = 100;
	union message *got;

	for (int i = 0; i < count; i++)
		need(send_message(fd, mine, mine, i) > 0);
	for (int i = 0; i < count; i++) {
		need(receive_message(fd, &got) >= 0);
		expect_is(got->dg.payload_size, ours(i, count - 1 - i));
	}
}

static void receive_fault(void)
{
	int fd = monitor(FIRST_CID);
	union message *got;

	need(send_message(fd, mine, mine, 10) > 0);
	expect_is(receive_bytes_at(fd, nowhere(), PAGE), NO_RESULT);
	expect_is(errno, EFAULT);
	expect_is(receive_message(fd, &got), VMCI_ERROR_NO_MORE_DATAGRAMS);
}

/* Bytes that fit in before one of this size does not any more (3.12) */
static uint64_t fill(int fd, uint32_t size)
{
	uint64_t bytes = 0;
	int32_t sent;

	while ((sent = send_message(fd, mine, mine, size)) > 0)
		bytes += sent;
	expect_is(sent, VMCI_ERROR_NO_RESOURCES);
	return bytes;
}

static void queue_quota(void)
{
	static const uint32_t sizes[] = { 0, 1000, VMCI_MAX_DG_PAYLOAD_SIZE };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		int fd = monitor(FIRST_CID);
		uint32_t each = HDR + sizes[i];
		union message *got;
		uint64_t want = (VMCI_MAX_DATAGRAM_QUEUE_SIZE - 1) / each * each;

		expect_is(fill(fd, sizes[i]), want);
		need(receive_message(fd, &got) >= 0);
		expect_is(fill(fd, sizes[i]), each);
		close(fd);
	}
}

/* --- doorbells ------------------------------------------------------------------------------ */

static void bells(void)
{
	struct vmci_handle odd = { HOST, 5000 }, half = { FIRST_CID, NONE };
	struct vmci_notify_resource_block block = { mine, 0, 0, NO_RESULT };
	int fd = monitor(FIRST_CID);

	expect_is(create_bell(fd, no_handle), VMCI_ERROR_INVALID_ARGS);
	expect_is(create_bell(fd, mine), VMCI_SUCCESS);
	expect_is(create_bell(fd, mine), VMCI_ERROR_DUPLICATE_ENTRY);
	expect_is(create_bell(fd, odd), VMCI_SUCCESS);
	expect_is(create_bell(fd, half), VMCI_SUCCESS);
	expect_is(destroy_bell(fd, mine), VMCI_SUCCESS);
	expect_is(destroy_bell(fd, mine), VMCI_ERROR_NOT_FOUND);
	expect_is(destroy_bell(fd, no_handle), VMCI_ERROR_INVALID_ARGS);
	expect_is(bell(fd, 3, mine), VMCI_ERROR_INVALID_ARGS);
	expect_is(bell(fd, 0xffff, mine), VMCI_ERROR_INVALID_ARGS);

	/* The kind is looked at only when one is rung */
	expect_is(request(fd, IOCTL_VMCI_NOTIFY_RESOURCE, &block), VMCI_ERROR_UNAVAILABLE);
	block.action = VMCI_NOTIFY_RESOURCE_ACTION_CREATE;
	expect_is(request(fd, IOCTL_VMCI_NOTIFY_RESOURCE, &block), VMCI_SUCCESS);
	block.resource = 77;
	block.action = VMCI_NOTIFY_RESOURCE_ACTION_DESTROY;
	expect_is(request(fd, IOCTL_VMCI_NOTIFY_RESOURCE, &block), VMCI_SUCCESS);
	block.action = VMCI_NOTIFY_RESOURCE_ACTION_NOTIFY;
	expect_is(request(fd, IOCTL_VMCI_NOTIFY_RESOURCE, &block), VMCI_ERROR_UNAVAILABLE);
}

static void rings(void)
{
	struct vmci_handle stranger = { FIRST_CID + 1, 7 }, nobody = { 99999, 7 };
	int fd = monitor(FIRST_CID), other = monitor(FIRST_CID + 1);
	struct vmci_handle rung[4];

	need(create_bell(other, stranger) == 0);
	expect_is(ring_bell(fd, no_handle), VMCI_ERROR_INVALID_ARGS);
	expect_is(ring_bell(fd, nobody), VMCI_ERROR_NOT_FOUND);
	expect_is(ring_bell(fd, stranger), VMCI_ERROR_DST_UNREACHABLE);
	expect_is(ring_bell(fd, (struct vmci_handle){ HOST, 5000 }), VMCI_ERROR_NOT_FOUND);
	expect_is(ring_bell(fd, mine), VMCI_ERROR_NOT_FOUND);
	expect_is(revents(fd), 0);
	need(create_bell(fd, mine) == 0);
	for (int i = 0; i < 3; i++)
		expect_is(ring_bell(fd, mine), VMCI_SUCCESS);
	expect_is(revents(fd), POLLIN);
	expect_is(take_rung(fd, rung, 4), 1);
	expect(rung[0].context == mine.context && rung[0].resource == mine.resource);
	expect_is(revents(fd), 0);
	expect_is(take_rung(fd, rung, 4), 0);

	/* One that goes is not told */
	need(ring_bell(fd, mine) == 0);
	need(destroy_bell(fd, mine) == 0);
	expect_is(revents(fd), 0);
	expect_is(take_rung(fd, rung, 4), 0);
}

static void bell_quota(void)
{
	int fd = monitor(FIRST_CID);
	struct vmci_handle *rung = map_pages(9);

	for (uint32_t i = 0; i < PAGE; i++)
		need(create_bell(fd, (struct vmci_handle){ FIRST_CID, i }) == 0);
	expect_is(create_bell(fd, (struct vmci_handle){ FIRST_CID, PAGE }), VMCI_ERROR_NO_MEM);
	for (uint32_t i = 0; i < PAGE; i++)
		need(ring_bell(fd, (struct vmci_handle){ FIRST_CID, i }) == 0);
	expect_is(take_rung(fd, rung, PAGE - 1), VMCI_ERROR_MORE_DATA);
	expect_is(take_rung(fd, rung, PAGE), PAGE);
}

static void take_refused(void)
{
	struct vmci_notifications_receive_block block = { .result = NO_RESULT };
	int fd = monitor(FIRST_CID);
	struct vmci_handle rung[4];

	block.doorbell_size = 8;
	expect_is(request(fd, IOCTL_VMCI_NOTIFICATIONS_RECEIVE, &block), NO_RESULT);
	expect_is(errno, EINVAL);
	block.doorbell_size = 0;
	block.qp_size = 8;
	expect_is(request(fd, IOCTL_VMCI_NOTIFICATIONS_RECEIVE, &block), NO_RESULT);
	expect_is(errno, EINVAL);
	block.qp_address = address_of(rung);
	expect_is(request(fd, IOCTL_VMCI_NOTIFICATIONS_RECEIVE, &block), VMCI_SUCCESS);
	expect_is(block.qp_size, 0);

	need(create_bell(fd, mine) == 0);
	need(ring_bell(fd, mine) == 0);
	block = (struct vmci_notifications_receive_block){ .result = NO_RESULT };
	expect_is(request(fd, IOCTL_VMCI_NOTIFICATIONS_RECEIVE, &block), VMCI_ERROR_MORE_DATA);
	expect_is(block.doorbell_size, 0);
	expect_is(take_rung(fd, rung, 1), 1);
}

/* 12.4 no. 15: theirs returns how many bytes it could not write */
static void take_fault(void)
{
	struct vmci_notifications_receive_block block = {
		.doorbell_address = address_of(nowhere()), .doorbell_size = 64,
	};
	int fd = monitor(FIRST_CID);
	struct vmci_handle rung[4];

	need(create_bell(fd, mine) == 0);
	need(ring_bell(fd, mine) == 0);
	if (is_ours())
		expect_errno(ioctl(fd, IOCTL_VMCI_NOTIFICATIONS_RECEIVE, &block), EFAULT);
	else
		expect_is(ioctl(fd, IOCTL_VMCI_NOTIFICATIONS_RECEIVE, &block), 8);
	expect_is(revents(fd), POLLIN);
	expect_is(take_rung(fd, rung, 4), 1);
}

/* The size of a buffer is 64 bits and says nothing about what is allocated (S20) */
static void take_huge(void)
{
	struct vmci_notifications_receive_block block = { .result = NO_RESULT };
	int fd = monitor(FIRST_CID);
	struct vmci_handle rung[4];

	need(create_bell(fd, mine) == 0);
	need(ring_bell(fd, mine) == 0);
	block.doorbell_address = address_of(rung);
	block.doorbell_size = UINT64_MAX;
	expect_is(request(fd, IOCTL_VMCI_NOTIFICATIONS_RECEIVE, &block), VMCI_SUCCESS);
	expect_is(block.doorbell_size, 8);
}

/* --- the notification byte ------------------------------------------------------------------ */

static void flag(void)
{
	int fd = monitor(FIRST_CID);
	volatile uint8_t *page = map_pages(1);
	struct vmci_handle rung[4];
	union message *got;

	expect_is(set_notify(fd, (void *)&page[77]), VMCI_SUCCESS);
	expect_is(page[77], 0);
	expect_is(set_notify(fd, (void *)page), VMCI_ERROR_DUPLICATE_ENTRY);
	expect_is(set_notify(fd, nowhere()), VMCI_ERROR_DUPLICATE_ENTRY);
	need(send_message(fd, mine, mine, 0) > 0);
	expect_is(page[77], 1);
	need(create_bell(fd, mine) == 0 && ring_bell(fd, mine) == 0);
	need(receive_message(fd, &got) == 0);
	expect_is(page[77], 1);
	need(take_rung(fd, rung, 4) == 1);
	expect_is(page[77], 0);
	need(ring_bell(fd, mine) == 0);
	expect_is(page[77], 1);
	need(take_rung(fd, rung, 4) == 1);
	expect_is(page[77], 0);
	expect_is(page[76] | page[78] | page[0], 0);

	expect_is(set_notify(fd, NULL), VMCI_SUCCESS);
	expect_is(set_notify(fd, NULL), VMCI_SUCCESS);
	need(ring_bell(fd, mine) == 0);
	expect_is(page[77], 0);
}

static void flag_at_once(void)
{
	int fd = monitor(FIRST_CID);
	volatile uint8_t *page = map_pages(1);

	need(send_message(fd, mine, mine, 0) > 0);
	expect_is(set_notify(fd, (void *)page), VMCI_SUCCESS);
	expect_is(page[0], 1);
	close(fd);
	fd = monitor(FIRST_CID);
	need(create_bell(fd, mine) == 0 && ring_bell(fd, mine) == 0);
	expect_is(set_notify(fd, (void *)&page[1]), VMCI_SUCCESS);
	/* Theirs forgets what was rung before (8.8) */
	expect_is(page[1], ours(1, 0));
}

static void flag_refused(void)
{
	int fd = monitor(FIRST_CID);
	uint8_t zero = 0;

	expect_is(set_notify(fd, nowhere()), VMCI_ERROR_GENERIC);
	expect_is(set_notify(fd, read_only(&zero, 1)), VMCI_ERROR_GENERIC);
	expect_is(set_notify(fd, (void *)8), VMCI_ERROR_GENERIC);
	expect_is(set_notify(fd, (void *)-1L), VMCI_ERROR_GENERIC);
	expect_is(set_notify(fd, map_pages(1)), VMCI_SUCCESS);
}

/* --- whose end is to be told, checkpoints --------------------------------------------------- */

static int32_t watch(int fd, unsigned int number, uint32_t cid)
{
	struct vmci_ctx_notification_block block = { cid, NO_RESULT };

	return request(fd, number, &block);
}

static void watching(void)
{
	int fd = monitor(FIRST_CID), other = monitor(FIRST_CID + 1);
	int restricted = monitor_of(VMCI_VERSION_CURRENT, FIRST_CID + 2, 1);

	need(other >= 0);
	expect_is(watch(fd, IOCTL_VMCI_CTX_REMOVE_NOTIFICATION, HOST), VMCI_ERROR_NOT_FOUND);
	for (uint32_t cid = 0; cid <= HOST; cid++) {
		expect_is(watch(fd, IOCTL_VMCI_CTX_ADD_NOTIFICATION, cid), VMCI_SUCCESS);
		expect_is(watch(fd, IOCTL_VMCI_CTX_ADD_NOTIFICATION, cid),
			  VMCI_ERROR_ALREADY_EXISTS);
	}
	expect_is(watch(fd, IOCTL_VMCI_CTX_ADD_NOTIFICATION, NONE), VMCI_SUCCESS);
	expect_is(watch(fd, IOCTL_VMCI_CTX_ADD_NOTIFICATION, FIRST_CID + 1),
		  VMCI_ERROR_DST_UNREACHABLE);
	expect_is(watch(fd, IOCTL_VMCI_CTX_ADD_NOTIFICATION, FIRST_CID),
		  VMCI_ERROR_DST_UNREACHABLE);
	expect_is(watch(fd, IOCTL_VMCI_CTX_ADD_NOTIFICATION, 3), VMCI_ERROR_DST_UNREACHABLE);
	expect_is(watch(fd, IOCTL_VMCI_CTX_REMOVE_NOTIFICATION, 1), VMCI_SUCCESS);
	expect_is(watch(fd, IOCTL_VMCI_CTX_REMOVE_NOTIFICATION, 1), VMCI_ERROR_NOT_FOUND);
	expect_is(watch(restricted, IOCTL_VMCI_CTX_ADD_NOTIFICATION, HOST),
		  VMCI_ERROR_NO_ACCESS);
	expect_is(watch(restricted, IOCTL_VMCI_CTX_ADD_NOTIFICATION, FIRST_CID),
		  VMCI_ERROR_DST_UNREACHABLE);
}

static int32_t checkpoint(int fd, unsigned int number, uint32_t type, void *state, uint32_t *size)
{
	struct vmci_checkpoint_block block = { address_of(state), type, *size, NO_RESULT, 0 };
	int32_t result = request(fd, number, &block);

	*size = block.size;
	return result;
}

static int32_t save(int fd, uint32_t type, void *state, uint32_t *size)
{
	return checkpoint(fd, IOCTL_VMCI_CTX_GET_CPT_STATE, type, state, size);
}

static int32_t restore(int fd, uint32_t type, const void *state, uint32_t size)
{
	return checkpoint(fd, IOCTL_VMCI_CTX_SET_CPT_STATE, type, (void *)state, &size);
}

static void watch_checkpoint(void)
{
	int fd = monitor(FIRST_CID);
	uint32_t cids[8] = { 9, 9, 9 }, size = sizeof(cids);

	expect_is(save(fd, VMCI_CPT_NOTIFICATIONS, cids, &size), VMCI_SUCCESS);
	expect_is(size, 0);
	need(watch(fd, IOCTL_VMCI_CTX_ADD_NOTIFICATION, HOST) == 0);
	need(watch(fd, IOCTL_VMCI_CTX_ADD_NOTIFICATION, 1) == 0);
	size = 7;
	expect_is(save(fd, VMCI_CPT_NOTIFICATIONS, cids, &size), VMCI_ERROR_MORE_DATA);
	expect_is(size, 8);
	expect_is(cids[0], 9);
	expect_is(save(fd, VMCI_CPT_NOTIFICATIONS, cids, &size), VMCI_SUCCESS);
	expect_is(size, 8);
	expect(cids[0] + cids[1] == 3 && cids[2] == 9);
	size = sizeof(cids);
	expect_is(save(fd, VMCI_CPT_NOTIFICATIONS, nowhere(), &size), NO_RESULT);
	expect_is(errno, EFAULT);
	close(fd);

	fd = monitor(FIRST_CID);
	expect_is(restore(fd, VMCI_CPT_NOTIFICATIONS, cids, 8), VMCI_SUCCESS);
	expect_is(watch(fd, IOCTL_VMCI_CTX_ADD_NOTIFICATION, 1), VMCI_ERROR_ALREADY_EXISTS);
	cids[0] = 0;
	cids[1] = FIRST_CID + 1;
	expect_is(restore(fd, VMCI_CPT_NOTIFICATIONS, cids, 8), VMCI_ERROR_DST_UNREACHABLE);
	expect_is(watch(fd, IOCTL_VMCI_CTX_ADD_NOTIFICATION, 0), VMCI_ERROR_ALREADY_EXISTS);
	expect_is(restore(fd, VMCI_CPT_NOTIFICATIONS, nowhere(), 8), NO_RESULT);
	expect_is(errno, EFAULT);
}

static void bell_checkpoint(void)
{
	struct vmci_doorbell_checkpoint state[4];
	uint32_t size = sizeof(state);
	int fd = monitor(FIRST_CID);

	memset(state, 0xa5, sizeof(state));
	expect_is(save(fd, VMCI_CPT_DOORBELLS, state, &size), VMCI_SUCCESS);
	expect_is(size, 0);
	need(create_bell(fd, mine) == 0);
	need(create_bell(fd, (struct vmci_handle){ FIRST_CID, 8 }) == 0);
	size = 31;
	expect_is(save(fd, VMCI_CPT_DOORBELLS, state, &size), VMCI_ERROR_MORE_DATA);
	expect_is(size, 32);
	expect_is(save(fd, VMCI_CPT_DOORBELLS, state, &size), VMCI_SUCCESS);
	expect_is(size, 32);
	expect_is(state[0].handle.resource + state[1].handle.resource, 15);
	expect_is(state[0].handle.context, FIRST_CID);
	expect_is(state[0].bitmap_index | state[1].bitmap_index, 0);
	expect_is(state[2].handle.context, 0xa5a5a5a5);
	expect_is(restore(fd, VMCI_CPT_DOORBELLS, state, size), VMCI_ERROR_INVALID_ARGS);
	size = 32;
	expect_is(save(fd, VMCI_CPT_DOORBELLS, nowhere(), &size), NO_RESULT);
	expect_is(errno, EFAULT);
}

static void other_checkpoints(void)
{
	int fd = monitor(FIRST_CID);
	uint32_t state[8] = {}, size = sizeof(state);

	expect_is(save(fd, VMCI_CPT_WELLKNOWN, state, &size), VMCI_SUCCESS);
	expect_is(size, 0);
	expect_is(restore(fd, VMCI_CPT_WELLKNOWN, state, 4), VMCI_ERROR_OBSOLETE);
	expect_is(restore(fd, VMCI_CPT_WELLKNOWN, state, 3), VMCI_ERROR_INVALID_ARGS);
	for (uint32_t type = 0; type < 12; type++) {
		if (type == 1 || type == 2 || type == 6)
			continue;
		size = sizeof(state);
		expect_is(save(fd, type, state, &size), VMCI_ERROR_INVALID_ARGS);
		expect_is(restore(fd, type, state, sizeof(state)), VMCI_ERROR_INVALID_ARGS);
	}
}

/* 12.4 no. 23: not one byte is allocated for a size that no state has */
static void huge_checkpoint(void)
{
	int fd = monitor(FIRST_CID);
	uint8_t *state = map_pages(8);

	if (!is_ours())
		return;
	expect_is(restore(fd, VMCI_CPT_NOTIFICATIONS, state, 8001), NO_RESULT);
	expect_is(errno, EINVAL);
	expect_is(restore(fd, VMCI_CPT_NOTIFICATIONS, state, UINT32_MAX), NO_RESULT);
	expect_is(errno, EINVAL);
	/* The first one is watched, all others are the same again */
	expect_is(restore(fd, VMCI_CPT_NOTIFICATIONS, state, 8000), VMCI_ERROR_ALREADY_EXISTS);
}

/* --- queue pairs ---------------------------------------------------------------------------- */

#define NO_FLAGS	0u

/* One page each way unless a row says otherwise */
static const struct vmci_handle pair = { FIRST_CID, 2000 };

static int32_t alloc_block(int fd, struct vmci_qp_alloc_block block)
{
	return request(fd, IOCTL_VMCI_QUEUEPAIR_ALLOC, &block);
}

static struct vmci_qp_alloc_block good_block(void)
{
	return pair_block(pair, HOST, PAGE, PAGE, pair_memory(pair, PAGE, PAGE));
}

/* The pair was not made, and nothing is left of the attempt */
#define expect_refused(fd, block, want) ({					\
	expect_is(alloc_block((fd), (block)), (want));				\
	expect_is(detach_pair((fd), (block).handle), VMCI_ERROR_NOT_FOUND); })

static void pair_arguments(void)
{
	struct vmci_qp_alloc_block block;
	int fd = monitor(FIRST_CID);

	block = good_block();
	block.handle = no_handle;
	expect_is(alloc_block(fd, block), VMCI_ERROR_INVALID_ARGS);
	block.handle = (struct vmci_handle){ NONE, 5 };
	expect_refused(fd, block, VMCI_ERROR_INVALID_ARGS);
	for (int bit = 4; bit < 32; bit++) {
		block = good_block();
		block.flags = 1u << bit;
		expect_refused(fd, block, VMCI_ERROR_INVALID_ARGS);
	}
	block = good_block();
	block.flags = VMCI_QPFLAG_LOCAL;
	expect_refused(fd, block, VMCI_ERROR_INVALID_ARGS);
	block = good_block();
	block.produce_size = block.consume_size = 0;
	expect_refused(fd, block, VMCI_ERROR_INVALID_ARGS);
	for (uint64_t count = 0; count < 2; count++) {
		block = good_block();
		block.page_count = count;
		expect_refused(fd, block, VMCI_ERROR_INVALID_ARGS);
	}
}

/* S8, S19, N3 */
static void pair_sizes(void)
{
	static const uint64_t bad[][2] = {
		{ VMCI_MAX_GUEST_QP_MEMORY, 1 }, { 1, VMCI_MAX_GUEST_QP_MEMORY },
		{ UINT64_MAX, 1 }, { UINT64_MAX, UINT64_MAX }, { 1ull << 32, 1ull << 32 },
		{ 1ull << 63, 1ull << 63 },
	};
	struct vmci_qp_alloc_block block;
	int fd = monitor(FIRST_CID);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		block = good_block();
		block.produce_size = bad[i][0];
		block.consume_size = bad[i][1];
		expect_refused(fd, block, VMCI_ERROR_NO_RESOURCES);
	}
	if (!is_ours())
		return;
	/* Not what the sizes need, one of them only in its low half (8.7) */
	for (uint64_t count = 3; count < 6; count += 2) {
		block = good_block();
		block.page_count = count;
		expect_refused(fd, block, VMCI_ERROR_INVALID_ARGS);
	}
	block = good_block();
	block.page_count += 1ull << 32;
	expect_refused(fd, block, VMCI_ERROR_INVALID_ARGS);
}

static void pair_memory_bad(void)
{
	struct vmci_qp_alloc_block block = good_block();
	uint8_t *memory = map_pages(6);
	int fd = monitor(FIRST_CID);

	block.pages_address = address_of(nowhere());
	expect_refused(fd, block, VMCI_ERROR_NO_MEM);
	block.pages_address = 0;
	expect_refused(fd, block, VMCI_ERROR_NO_MEM);
	block.pages_address = UINT64_MAX - 2 * PAGE;
	expect_refused(fd, block, VMCI_ERROR_NO_MEM);
	block.pages_address = 1ull << 63;
	expect_refused(fd, block, VMCI_ERROR_NO_MEM);
	need_ok(mprotect(memory + 3 * PAGE, PAGE, PROT_READ));
	block.pages_address = address_of(memory);
	expect_refused(fd, block, VMCI_ERROR_NO_MEM);
	need_ok(munmap(memory + 2 * PAGE, PAGE));
	expect_refused(fd, block, VMCI_ERROR_NO_MEM);
	expect_is(alloc_block(fd, good_block()), VMCI_SUCCESS);
}

/* 5.7, creation */
static void pair_create(void)
{
	int fd = monitor(FIRST_CID), other = monitor(FIRST_CID + 1);
	struct vmci_qp_alloc_block block = good_block();

	block.flags = VMCI_QPFLAG_ATTACH_ONLY;
	expect_refused(fd, block, VMCI_ERROR_NOT_FOUND);
	block = good_block();
	block.handle.context = FIRST_CID + 1;
	expect_refused(fd, block, VMCI_ERROR_NO_ACCESS);
	block = good_block();
	block.peer = FIRST_CID + 1;
	expect_refused(fd, block, VMCI_ERROR_DST_UNREACHABLE);
	block.peer = FIRST_CID;
	expect_refused(fd, block, VMCI_ERROR_DST_UNREACHABLE);
	block.peer = NONE;
	expect_is(alloc_block(fd, block), VMCI_SUCCESS);
	expect_is(alloc_block(fd, block), VMCI_ERROR_ALREADY_EXISTS);
	expect_is(alloc_block(other, block), VMCI_ERROR_DST_UNREACHABLE);
	expect_is(detach_pair(other, pair), VMCI_ERROR_NOT_FOUND);
	expect_is(detach_pair(fd, pair), VMCI_SUCCESS);
	expect_is(detach_pair(fd, pair), VMCI_ERROR_NOT_FOUND);

	/* Named after the host, which may do that as well */
	block = good_block();
	block.handle.context = HOST;
	expect_is(alloc_block(fd, block), VMCI_SUCCESS);
	expect_is(detach_pair(fd, block.handle), VMCI_SUCCESS);
	expect_is(alloc_block(fd, good_block()), VMCI_SUCCESS);
	close(fd);
	fd = monitor(FIRST_CID);
	expect_is(alloc_block(fd, good_block()), VMCI_SUCCESS);
}

static void pair_flags(void)
{
	int fd = monitor(FIRST_CID);
	struct vmci_qp_alloc_block block = good_block();

	block.flags = VMCI_QPFLAG_NONBLOCK | VMCI_QPFLAG_PINNED;
	expect_is(alloc_block(fd, block), VMCI_SUCCESS);
	expect_is(detach_pair(fd, pair), VMCI_SUCCESS);
	block.flags = NO_FLAGS;
	block.produce_size = 0;
	block.page_count = 3;
	expect_is(alloc_block(fd, block), VMCI_SUCCESS);
	expect_is(detach_pair(fd, pair), VMCI_SUCCESS);
	block.produce_size = 1;
	block.page_count = 4;
	expect_is(alloc_block(fd, block), VMCI_SUCCESS);
}

/* S22, N2 */
static void pair_set_va(void)
{
	int fd = monitor(FIRST_CID), other = monitor(FIRST_CID + 1);
	struct vmci_qp_alloc_block block = good_block();
	void *memory = pair_memory(pair, PAGE, PAGE);

	expect_is(set_va(fd, pair, NULL), VMCI_ERROR_NOT_FOUND);
	expect_is(set_va(fd, pair, memory), VMCI_ERROR_NOT_FOUND);
	need(alloc_block(fd, block) == 0);
	expect_is(set_va(other, pair, NULL), VMCI_ERROR_NOT_FOUND);
	expect_is(set_va(other, pair, memory), VMCI_ERROR_NOT_FOUND);
	expect_is(set_va(fd, pair, memory), VMCI_SUCCESS);
	expect_is(set_va(fd, pair, nowhere()), VMCI_SUCCESS);
	for (int i = 0; i < 3; i++)
		expect_is(set_va(fd, pair, NULL), VMCI_SUCCESS);
	expect_is(set_va(fd, pair, nowhere()), VMCI_ERROR_NO_MEM);
	expect_is(set_va(fd, pair, memory), VMCI_SUCCESS);
	expect_is(set_va(fd, pair, NULL), VMCI_SUCCESS);
	expect_is(detach_pair(fd, pair), VMCI_SUCCESS);
	need(alloc_block(fd, block) == 0);
	need(set_va(fd, pair, NULL) == 0);
}

static int32_t alloc_old(int fd, struct vmci_handle handle, uint32_t peer, uint32_t flags,
			 uint64_t produce, uint64_t consume)
{
	struct vmci_qp_alloc_block_old block = {
		.handle = handle, .peer = peer, .flags = flags, .produce_size = produce,
		.consume_size = consume, .result = NO_RESULT,
	};

	return request(fd, IOCTL_VMCI_QUEUEPAIR_ALLOC, &block);
}

static int32_t set_store(int fd, struct vmci_handle handle, void *produce, void *consume)
{
	struct vmci_qp_page_file_block block = {
		.handle = handle, .produce_address = address_of(produce),
		.consume_address = address_of(consume), .result = NO_RESULT,
	};

	return request(fd, IOCTL_VMCI_QUEUEPAIR_SETPAGEFILE, &block);
}

/* Monitors before 11.0: other results, and memory that comes later */
static void pair_old(void)
{
	for (size_t v = 0; v < ARRAY_SIZE(all_versions); v++) {
		int fd = monitor_of(all_versions[v], FIRST_CID, 0);
		bool old = all_versions[v] < VMCI_VERSION_NOVMVM;

		if (old) {
			expect_is(alloc_old(fd, pair, NONE, 0, UINT64_MAX, 1),
				  VMCI_ERROR_NO_RESOURCES);
			expect_is(alloc_old(fd, pair, NONE, 0, 0, 0), VMCI_ERROR_INVALID_ARGS);
			expect_is(alloc_old(fd, pair, NONE, VMCI_QPFLAG_ATTACH_ONLY, PAGE, PAGE),
				  VMCI_ERROR_NOT_FOUND);
			expect_is(alloc_old(fd, pair, HOST, 0, PAGE, PAGE),
				  VMCI_SUCCESS_QUEUEPAIR_CREATE);
			expect_is(alloc_old(fd, pair, HOST, 0, PAGE, PAGE),
				  VMCI_ERROR_ALREADY_EXISTS);
		} else {
			expect_is(alloc_block(fd, good_block()), VMCI_SUCCESS);
		}
		expect_is(detach_pair(fd, pair), old ? VMCI_SUCCESS_LAST_DETACH : VMCI_SUCCESS);
		expect_is(detach_pair(fd, pair), VMCI_ERROR_NOT_FOUND);
		close(fd);
	}
}

static void pair_store(void)
{
	int fd = monitor_of(VMCI_VERSION_NOTIFY, FIRST_CID, 0);
	uint8_t *memory = pair_memory(pair, PAGE, PAGE);

	expect_is(set_store(fd, pair, memory, memory + 2 * PAGE), VMCI_ERROR_NOT_FOUND);
	need(alloc_old(fd, pair, HOST, 0, PAGE, PAGE) == VMCI_SUCCESS_QUEUEPAIR_CREATE);
	expect_is(set_store(fd, pair, NULL, memory), VMCI_ERROR_INVALID_ARGS);
	expect_is(set_store(fd, pair, memory, NULL), VMCI_ERROR_INVALID_ARGS);
	expect_is(set_store(fd, pair, memory, nowhere()), VMCI_ERROR_NO_MEM);
	expect_is(set_store(fd, pair, nowhere(), memory), VMCI_ERROR_NO_MEM);
	expect_is(set_store(fd, pair, memory, memory + 2 * PAGE), VMCI_SUCCESS);
	expect_is(set_store(fd, pair, memory, memory + 2 * PAGE), VMCI_ERROR_UNAVAILABLE);
	expect_is(detach_pair(fd, pair), VMCI_SUCCESS_LAST_DETACH);
}

/* Who does not learn the result has no pair */
static void pair_undone(void)
{
	struct vmci_qp_alloc_block block = good_block();
	int fd = monitor(FIRST_CID);

	expect_errno(ioctl(fd, IOCTL_VMCI_QUEUEPAIR_ALLOC, read_only(&block, sizeof(block))),
		     EFAULT);
	expect_is(detach_pair(fd, pair), VMCI_ERROR_NOT_FOUND);
	expect_is(alloc_block(fd, block), VMCI_SUCCESS);
}

static void pair_undone_old(void)
{
	struct vmci_qp_alloc_block_old block = {
		.handle = pair, .peer = HOST, .produce_size = PAGE, .consume_size = PAGE,
	};
	int fd = monitor_of(VMCI_VERSION_NOTIFY, FIRST_CID, 0);

	expect_errno(ioctl(fd, IOCTL_VMCI_QUEUEPAIR_ALLOC, read_only(&block, sizeof(block))),
		     EFAULT);
	expect_is(detach_pair(fd, pair), VMCI_ERROR_NOT_FOUND);
	expect_is(alloc_old(fd, pair, HOST, 0, PAGE, PAGE), VMCI_SUCCESS_QUEUEPAIR_CREATE);
}

/* A pair without memory costs nothing, so old monitors show the limits */
static void ring_quota(void)
{
	struct vmci_handle handle = { FIRST_CID, 0 };
	int fd = monitor_of(VMCI_VERSION_NOTIFY, FIRST_CID, 0);
	uint64_t half = VMCI_MAX_GUEST_QP_MEMORY / 2;

	/* Theirs limits each pair but not their sum (8.12) */
	need(alloc_old(fd, pair, HOST, 0, half, PAGE) == VMCI_SUCCESS_QUEUEPAIR_CREATE);
	expect_is(alloc_old(fd, handle, HOST, 0, half, 1),
		  ours(VMCI_ERROR_NO_RESOURCES, VMCI_SUCCESS_QUEUEPAIR_CREATE));
}

/* --- the table ----------------------------------------------------------------------------- */

static const struct vmtest host_rows[] = {
	{ "8.1", "the node is for root alone", node },
	{ "8.1", "no read, write, mmap", other_calls },
	{ "8.3", "VERSION and VERSION2", versions },
	{ "8.3", "no version is negative", negative_version },
	{ "8.3 A8", "the version of a virtual machine stays", frozen_version },
	{ "8.5 S18", "INIT_CONTEXT: what is refused", init_refused },
	{ "8.5 S17 A1", "INIT_CONTEXT: nobody is the hypervisor", reserved_ids },
	{ "8.5 S17", "INIT_CONTEXT: an id in use", id_in_use },
	{ "8.5", "INIT_CONTEXT: who does not learn the id has none", init_undone },
	{ "8.10", "GET_CONTEXT_ID in every state", context_id },
	{ "8.4 S21", "nothing else before INIT_CONTEXT", before_init },
	{ "8.11", "the last descriptor ends the context", id_free_again },
	{ "8.2", "unknown requests", unknown_requests },
	{ "8.3", "which version may ask what", version_gates },
	{ "8.6 S15", "DATAGRAM_SEND: lengths", send_lengths },
	{ "8.6", "DATAGRAM_SEND: destinations", destinations },
	{ "8.6 S16 S31", "DATAGRAM_SEND: sources", sources },
	{ "8.6", "a restricted machine sends to itself", loop_back },
	{ "8.6", "DATAGRAM_RECEIVE: sizes", receive_sizes },
	{ "3.12 A6", "first in, first out", receive_order },
	{ "8.6", "DATAGRAM_RECEIVE: a bad buffer", receive_fault },
	{ "3.12", "how much waits for a context", queue_quota },
	{ "8.9", "NOTIFY_RESOURCE: create, destroy", bells },
	{ "8.9", "NOTIFY_RESOURCE: ring", rings },
	{ "8.12", "how many doorbells a context has", bell_quota, 120 },
	{ "8.9", "NOTIFICATIONS_RECEIVE: what is refused", take_refused },
	{ "8.9 A15", "NOTIFICATIONS_RECEIVE: a bad buffer", take_fault },
	{ "8.9 S20", "NOTIFICATIONS_RECEIVE: a huge size", take_huge },
	{ "8.8", "SET_NOTIFY: the byte says whether something waits", flag },
	{ "8.8", "SET_NOTIFY: it says so at once", flag_at_once },
	{ "8.8", "SET_NOTIFY: memory that cannot be written", flag_refused },
	{ "8.10", "CTX_ADD_NOTIFICATION, CTX_REMOVE_NOTIFICATION", watching },
	{ "8.10", "checkpoint: notifications", watch_checkpoint },
	{ "8.10", "checkpoint: doorbells", bell_checkpoint },
	{ "8.10", "checkpoint: all other types", other_checkpoints },
	{ "8.10 S20 A23", "checkpoint: huge sizes", huge_checkpoint },
	{ "8.7 S14", "QUEUEPAIR_ALLOC: arguments", pair_arguments },
	{ "8.7 S8 N3", "QUEUEPAIR_ALLOC: sizes", pair_sizes },
	{ "8.7 S19", "QUEUEPAIR_ALLOC: memory that cannot be used", pair_memory_bad },
	{ "5.7 S14", "QUEUEPAIR_ALLOC: who may create what", pair_create },
	{ "5.7", "QUEUEPAIR_ALLOC: flags, and a queue without bytes", pair_flags },
	{ "8.7 S22 N2", "QUEUEPAIR_SETVA", pair_set_va },
	{ "8.3", "QUEUEPAIR_ALLOC and DETACH of each version", pair_old },
	{ "8.7 S22", "QUEUEPAIR_SETPAGEFILE", pair_store },
	{ "8.7 A9", "QUEUEPAIR_ALLOC: a result that cannot be told", pair_undone },
	{ "8.7 A9", "QUEUEPAIR_ALLOC of an old version: a result that cannot be told",
	  pair_undone_old },
	{ "8.12 S19", "how many bytes the queue pairs of a context have", ring_quota },
};

#endif /* TESTS_VM_HOST_REQUESTS_H */
