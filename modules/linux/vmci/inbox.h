/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * inbox.h - what waits for a virtual machine: datagrams and rung doorbells
 *
 * Copyright (C) 2026 The vmsock authors
 */
#ifndef VMSOCK_VMCI_INBOX_H
#define VMSOCK_VMCI_INBOX_H

#include <linux/gfp.h>
#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/poll.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <vmci/ioctl.h>

struct page;

/* A doorbell may be registered per byte of a notification page (vmci.md 8.12) */
#define VMCI_INBOX_BELLS	PAGE_SIZE
#define VMCI_INBOX_HASH_BITS	8

/**
 * struct vmci_letter - a datagram that waits
 * @node: in the inbox
 * @size: bytes of @dg, header and payload
 * @dg: header
 * @payload: follows it
 */
struct vmci_letter {
	struct list_head node;
	u32 size;
	struct vmci_datagram dg;
	u8 payload[];
};

/**
 * struct vmci_inbox - of one virtual machine
 * @lock: guards everything here, taken with interrupts off
 * @open: takes things
 * @letters: first in, first out
 * @bytes: of all letters
 * @count: of letters
 * @bells: registered doorbells by resource id
 * @bell_count: how many
 * @rung: those that have been rung, in that order
 * @rung_count: how many
 * @flag: byte of the monitor's memory that says whether anything waits; NULL when unset
 * @flag_page: where it is, pinned and mapped
 * @wait: for poll()
 */
struct vmci_inbox {
	spinlock_t lock;
	bool open;
	struct list_head letters;
	u32 bytes;
	u32 count;
	DECLARE_HASHTABLE(bells, VMCI_INBOX_HASH_BITS);
	u32 bell_count;
	struct list_head rung;
	u32 rung_count;
	u8 *flag;
	struct page *flag_page;
	wait_queue_head_t wait;
};

void vmci_inbox_init(struct vmci_inbox *inbox);
void vmci_inbox_close(struct vmci_inbox *inbox);
__poll_t vmci_inbox_poll(struct vmci_inbox *inbox, struct file *file, poll_table *table);

struct vmci_letter *vmci_letter_new(u64 payload_size, gfp_t gfp);
void vmci_letter_write(struct vmci_letter *letter, const struct vmci_datagram *dg);
void vmci_letter_free(struct vmci_letter *letter);
int vmci_inbox_post(struct vmci_inbox *inbox, struct vmci_letter *letter);
int vmci_inbox_put(struct vmci_inbox *inbox, const struct vmci_datagram *dg, gfp_t gfp);
int vmci_inbox_take(struct vmci_inbox *inbox, u32 room, struct vmci_letter **out, u32 *next_size);

int vmci_inbox_bell_add(struct vmci_inbox *inbox, struct vmci_handle handle);
int vmci_inbox_bell_remove(struct vmci_inbox *inbox, struct vmci_handle handle);
int vmci_inbox_bell_ring(struct vmci_inbox *inbox, struct vmci_handle handle);
u32 vmci_inbox_bell_list(struct vmci_inbox *inbox, struct vmci_doorbell_checkpoint *out, u32 room);
u32 vmci_inbox_rung_take(struct vmci_inbox *inbox, struct vmci_handle *out, u32 room);
void vmci_inbox_rung_return(struct vmci_inbox *inbox, const struct vmci_handle *rung, u32 count);

int vmci_inbox_flag_set(struct vmci_inbox *inbox, struct page *page, u32 offset);
void vmci_inbox_flag_unset(struct vmci_inbox *inbox);

#endif /* VMSOCK_VMCI_INBOX_H */
