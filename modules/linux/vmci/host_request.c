// SPDX-License-Identifier: GPL-2.0-only
/*
 * host_request.c - what a monitor asks for its virtual machine
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vmci.md 8.2 to 8.4, 8.6 to 8.10.  A request that has been processed
 * returns 0, whatever its result.  Sizes are checked before anything is allocated for them.
 */
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <vmci/errors.h>

#include "context.h"
#include "datagram.h"
#include "doorbell.h"
#include "host.h"
#include "host_qp.h"
#include "resource.h"
#include "user_pages.h"

/* At the expense of the monitor, who is told when there is none; the log is not */
#define GFP_OF_MONITOR (GFP_KERNEL_ACCOUNT | __GFP_NOWARN)

/* Addresses are 64 bits wide for whatever caller; NULL is mapped nowhere */
static void __user *user_pointer(u64 address)
{
	return address > ULONG_MAX ? NULL : (void __user *)(unsigned long)address;
}

/* ---- Datagrams ---- */

static int datagram_send(struct vmci_context *context, union vmci_host_argument *arg)
{
	struct vmci_datagram_block *block = &arg->datagram;
	struct vmci_datagram *dg;
	int err = 0;

	if (block->length < sizeof(*dg) || block->length > VMCI_MAX_DG_SIZE)
		return -EINVAL;
	dg = kvmalloc(block->length, GFP_OF_MONITOR);
	if (!dg)
		return -ENOMEM;
	if (copy_from_user(dg, user_pointer(block->address), block->length))
		err = -EFAULT;
	else if (dg->payload_size != block->length - sizeof(*dg))
		err = -EINVAL;
	else
		block->result = vmci_datagram_from_vm(context, dg);
	kvfree(dg);
	return err;
}

static int datagram_receive(struct vmci_context *context, union vmci_host_argument *arg)
{
	struct vmci_datagram_block *block = &arg->datagram;
	struct vmci_letter *letter;
	u32 next_size;
	int err = 0;

	block->result = vmci_inbox_take(&context->inbox, block->length, &letter, &next_size);
	if (block->result < 0)
		return 0;
	block->result = next_size;
	if (copy_to_user(user_pointer(block->address), &letter->dg, letter->size))
		err = -EFAULT;
	vmci_letter_free(letter);
	return err;
}

/* ---- Doorbells ---- */

static int notify(struct vmci_context *context, const struct vmci_notify_resource_block *block)
{
	bool notifies = block->action == VMCI_NOTIFY_RESOURCE_ACTION_NOTIFY;

	if (notifies && block->resource != VMCI_NOTIFY_RESOURCE_DOORBELL)
		return VMCI_ERROR_UNAVAILABLE;
	if (vmci_handle_is_invalid(block->handle))
		return VMCI_ERROR_INVALID_ARGS;
	switch (block->action) {
	case VMCI_NOTIFY_RESOURCE_ACTION_NOTIFY:
		return vmci_doorbell_ring_from_vm(context, block->handle);
	case VMCI_NOTIFY_RESOURCE_ACTION_CREATE:
		return vmci_inbox_bell_add(&context->inbox, block->handle);
	case VMCI_NOTIFY_RESOURCE_ACTION_DESTROY:
		return vmci_inbox_bell_remove(&context->inbox, block->handle);
	default:
		return VMCI_ERROR_INVALID_ARGS;
	}
}

static int notify_resource(struct vmci_context *context, union vmci_host_argument *arg)
{
	arg->notify_resource.result = notify(context, &arg->notify_resource);
	return 0;
}

static int tell_rung(struct vmci_context *context,
		     struct vmci_notifications_receive_block *block, struct vmci_handle *rung,
		     u32 room)
{
	u32 count = vmci_inbox_rung_take(&context->inbox, rung, room);

	if (count > room) {
		block->result = VMCI_ERROR_MORE_DATA;
		return 0;
	}
	if (copy_to_user(user_pointer(block->doorbell_address), rung, count * sizeof(*rung))) {
		vmci_inbox_rung_return(&context->inbox, rung, count);
		return -EFAULT;
	}
	vmci_inbox_rung_return(&context->inbox, NULL, 0);
	block->doorbell_size = count * sizeof(*rung);
	block->qp_size = 0;
	block->result = VMCI_SUCCESS;
	return 0;
}

static int notifications_receive(struct vmci_context *context, union vmci_host_argument *arg)
{
	struct vmci_notifications_receive_block *block = &arg->notifications;
	struct vmci_handle *rung;
	u32 room = min_t(u64, block->doorbell_size / sizeof(*rung), VMCI_INBOX_BELLS);
	int err;

	if ((block->doorbell_size && !block->doorbell_address) ||
	    (block->qp_size && !block->qp_address))
		return -EINVAL;
	rung = kvmalloc_array(room, sizeof(*rung), GFP_OF_MONITOR);
	if (!rung) {
		block->result = VMCI_ERROR_NO_MEM;
		return 0;
	}
	err = tell_rung(context, block, rung, room);
	kvfree(rung);
	return err;
}

static int pin_flag(struct vmci_inbox *inbox, u64 address)
{
	struct page *page;
	int result;

	if (READ_ONCE(inbox->flag))
		return VMCI_ERROR_DUPLICATE_ENTRY;
	page = vmci_user_page_pin(address);
	if (!page)
		return VMCI_ERROR_GENERIC;
	result = vmci_inbox_flag_set(inbox, page, offset_in_page(address));
	if (result < 0)
		unpin_user_pages_dirty_lock(&page, 1, false);
	return result;
}

static int set_notify(struct vmci_context *context, union vmci_host_argument *arg)
{
	struct vmci_set_notify_block *block = &arg->set_notify;

	if (block->address) {
		block->result = pin_flag(&context->inbox, block->address);
	} else {
		vmci_inbox_flag_unset(&context->inbox);
		block->result = VMCI_SUCCESS;
	}
	return 0;
}

/* ---- Queue pairs ---- */

static int qp_alloc(struct vmci_context *context, union vmci_host_argument *arg)
{
	struct vmci_qp_alloc_block *block = &arg->qp_alloc;
	struct vmci_user_range range = { block->pages_address, block->page_count };
	struct vmci_pair_spec spec = {
		block->handle, block->peer, block->flags, block->produce_size,
		block->consume_size,
	};

	block->result = vmci_host_qp_vm_alloc(context, &spec, &range);
	return 0;
}

static void qp_alloc_undo(struct vmci_context *context, const union vmci_host_argument *arg)
{
	if (arg->qp_alloc.result >= 0)
		vmci_host_qp_vm_detach(context, arg->qp_alloc.handle);
}

static int qp_alloc_old(struct vmci_context *context, union vmci_host_argument *arg)
{
	struct vmci_qp_alloc_block_old *block = &arg->qp_alloc_old;
	struct vmci_pair_spec spec = {
		block->handle, block->peer, block->flags, block->produce_size,
		block->consume_size,
	};
	int result = vmci_host_qp_vm_alloc(context, &spec, NULL);

	block->result = result < 0 ? result : VMCI_SUCCESS_QUEUEPAIR_CREATE;
	return 0;
}

static void qp_alloc_old_undo(struct vmci_context *context, const union vmci_host_argument *arg)
{
	if (arg->qp_alloc_old.result >= 0)
		vmci_host_qp_vm_detach(context, arg->qp_alloc_old.handle);
}

static int qp_setva(struct vmci_context *context, union vmci_host_argument *arg)
{
	struct vmci_qp_setva_block *block = &arg->qp_setva;

	block->result = block->address ?
			vmci_host_qp_vm_map(context, block->handle, block->address) :
			vmci_host_qp_vm_unmap(context, block->handle);
	return 0;
}

static int qp_set_page_file(struct vmci_context *context, union vmci_host_argument *arg)
{
	struct vmci_qp_page_file_block *block = &arg->qp_page_file;
	u64 addresses[2] = { block->produce_address, block->consume_address };

	block->result = vmci_host_qp_vm_set_store(context, block->handle, addresses);
	return 0;
}

static int qp_detach(struct vmci_context *context, union vmci_host_argument *arg)
{
	int result = vmci_host_qp_vm_detach(context, arg->qp_detach.handle);

	if (result >= 0 && context->version < VMCI_VERSION_NOVMVM)
		result = VMCI_SUCCESS_LAST_DETACH;
	arg->qp_detach.result = result;
	return 0;
}

/* ---- Whose end is to be told, and checkpoints ---- */

static int add_notification(struct vmci_context *context, union vmci_host_argument *arg)
{
	arg->notification.result = vmci_context_watch(context, arg->notification.remote_cid);
	return 0;
}

static int remove_notification(struct vmci_context *context, union vmci_host_argument *arg)
{
	arg->notification.result = vmci_context_unwatch(context, arg->notification.remote_cid);
	return 0;
}

/* All of it or nothing; in either case the monitor learns the size */
static int put_checkpoint(struct vmci_checkpoint_block *block, const void *state, u32 size)
{
	bool fits = size <= block->size;

	if (fits && copy_to_user(user_pointer(block->address), state, size))
		return -EFAULT;
	block->size = size;
	block->result = fits ? VMCI_SUCCESS : VMCI_ERROR_MORE_DATA;
	return 0;
}

static int get_watched(struct vmci_context *context, struct vmci_checkpoint_block *block)
{
	u32 watched[VMCI_MAX_WATCHED];
	u32 count = vmci_context_watched(context, watched);

	return put_checkpoint(block, watched, count * sizeof(*watched));
}

static int get_doorbells(struct vmci_context *context, struct vmci_checkpoint_block *block)
{
	struct vmci_doorbell_checkpoint *bells;
	u32 room = min_t(u32, block->size / sizeof(*bells), VMCI_INBOX_BELLS);
	u32 count;
	int err;

	bells = kvmalloc_array(room, sizeof(*bells), GFP_OF_MONITOR);
	if (!bells)
		return -ENOMEM;
	count = vmci_inbox_bell_list(&context->inbox, bells, room);
	err = put_checkpoint(block, bells, count * sizeof(*bells));
	kvfree(bells);
	return err;
}

static int get_checkpoint(struct vmci_context *context, union vmci_host_argument *arg)
{
	struct vmci_checkpoint_block *block = &arg->checkpoint;

	switch (block->type) {
	case VMCI_CPT_NOTIFICATIONS:
		return get_watched(context, block);
	case VMCI_CPT_WELLKNOWN:
		return put_checkpoint(block, NULL, 0);
	case VMCI_CPT_DOORBELLS:
		return get_doorbells(context, block);
	default:
		block->result = VMCI_ERROR_INVALID_ARGS;
		return 0;
	}
}

static int set_watched(struct vmci_context *context, const u32 *cids, u32 count)
{
	int result = VMCI_SUCCESS;
	u32 i;

	for (i = 0; i < count && result == VMCI_SUCCESS; i++)
		result = vmci_context_watch(context, cids[i]);
	return result;
}

static int set_checkpoint(struct vmci_context *context, union vmci_host_argument *arg)
{
	struct vmci_checkpoint_block *block = &arg->checkpoint;
	u32 *state;

	if (block->size > VMCI_MAX_CONTEXT_NOTIFICATIONS * sizeof(*state))
		return -EINVAL;
	state = memdup_user(user_pointer(block->address), block->size);
	if (IS_ERR(state))
		return PTR_ERR(state);
	if (block->type == VMCI_CPT_NOTIFICATIONS)
		block->result = set_watched(context, state, block->size / sizeof(*state));
	else if (block->type == VMCI_CPT_WELLKNOWN && block->size >= sizeof(*state))
		block->result = VMCI_ERROR_OBSOLETE;
	else
		block->result = VMCI_ERROR_INVALID_ARGS;
	kfree(state);
	return 0;
}

/* ---- Table ---- */

#define ANY_VERSION	.since = S32_MIN, .until = S32_MAX
#define ARGUMENT(name)	.size = sizeof(((union vmci_host_argument *)NULL)->name)

static const struct vmci_host_request requests[] = {
	{
		.number = IOCTL_VMCI_DATAGRAM_SEND,
		ANY_VERSION,
		ARGUMENT(datagram),
		.run = datagram_send,
	}, {
		.number = IOCTL_VMCI_DATAGRAM_RECEIVE,
		ANY_VERSION,
		ARGUMENT(datagram),
		.run = datagram_receive,
	}, {
		.number = IOCTL_VMCI_NOTIFY_RESOURCE,
		.since = VMCI_VERSION_NOTIFY,
		.until = S32_MAX,
		ARGUMENT(notify_resource),
		.run = notify_resource,
	}, {
		.number = IOCTL_VMCI_NOTIFICATIONS_RECEIVE,
		.since = VMCI_VERSION_NOTIFY,
		.until = S32_MAX,
		ARGUMENT(notifications),
		.run = notifications_receive,
	}, {
		.number = IOCTL_VMCI_SET_NOTIFY,
		ANY_VERSION,
		ARGUMENT(set_notify),
		.run = set_notify,
	}, {
		.number = IOCTL_VMCI_QUEUEPAIR_ALLOC,
		.since = VMCI_VERSION_NOVMVM,
		.until = S32_MAX,
		ARGUMENT(qp_alloc),
		.run = qp_alloc,
		.undo = qp_alloc_undo,
	}, {
		.number = IOCTL_VMCI_QUEUEPAIR_ALLOC,
		.since = S32_MIN,
		.until = VMCI_VERSION_NOVMVM - 1,
		ARGUMENT(qp_alloc_old),
		.run = qp_alloc_old,
		.undo = qp_alloc_old_undo,
	}, {
		.number = IOCTL_VMCI_QUEUEPAIR_SETVA,
		.since = VMCI_VERSION_NOVMVM,
		.until = S32_MAX,
		ARGUMENT(qp_setva),
		.run = qp_setva,
	}, {
		.number = IOCTL_VMCI_QUEUEPAIR_SETPAGEFILE,
		.since = VMCI_VERSION_HOSTQP,
		.until = VMCI_VERSION_NOVMVM - 1,
		ARGUMENT(qp_page_file),
		.run = qp_set_page_file,
	}, {
		.number = IOCTL_VMCI_QUEUEPAIR_DETACH,
		ANY_VERSION,
		ARGUMENT(qp_detach),
		.run = qp_detach,
	}, {
		.number = IOCTL_VMCI_CTX_ADD_NOTIFICATION,
		ANY_VERSION,
		ARGUMENT(notification),
		.run = add_notification,
	}, {
		.number = IOCTL_VMCI_CTX_REMOVE_NOTIFICATION,
		ANY_VERSION,
		ARGUMENT(notification),
		.run = remove_notification,
	}, {
		.number = IOCTL_VMCI_CTX_GET_CPT_STATE,
		ANY_VERSION,
		ARGUMENT(checkpoint),
		.run = get_checkpoint,
	}, {
		.number = IOCTL_VMCI_CTX_SET_CPT_STATE,
		ANY_VERSION,
		ARGUMENT(checkpoint),
		.run = set_checkpoint,
	},
};

/**
 * vmci_host_request_find() - what a monitor of some version means by a number
 * @number: of the request
 * @version: of the monitor
 *
 * Return: a constant, or NULL if it may not ask for that.
 */
const struct vmci_host_request *vmci_host_request_find(unsigned int number, s32 version)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		if (requests[i].number == number && version >= requests[i].since &&
		    version <= requests[i].until)
			return &requests[i];
	}
	return NULL;
}
