/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guest.h - the driver of the VMCI device: what its parts share
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A virtual machine has one such device (vmci.md 1.5), so there is one struct vmci_guest, which
 * lives as long as the module.  Its parts, in the order in which they are started:
 *
 *	guest_device.c	registers, capabilities, buffers
 *	guest_send.c	datagrams to the device
 *	guest_call.c	the hypervisor's functions
 *	guest_receive.c	datagrams from the device
 *	guest_bell.c	the notification bitmap
 *	guest_qp.c	queue pairs
 *	guest_irq.c	interrupts
 *	guest.c		the PCI driver, which starts and stops all of them
 */
#ifndef VMSOCK_VMCI_GUEST_H
#define VMSOCK_VMCI_GUEST_H

#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <common/slots.h>
#include <vmci/errors.h>
#include <vmci/regs.h>
#include <vmci/wire.h>

struct vmci_qp;

/* Memory that the device reads or writes */
struct vmci_guest_buffer {
	void *memory;
	dma_addr_t address;
};

/**
 * struct vmci_guest - the one VMCI device
 * @pdev: its PCI function, NULL while none is bound
 * @regs: registers, of BAR 0 or in BAR 1
 * @mmio: in BAR 1, so datagrams go by DMA
 * @caps: capabilities in use
 * @cid: own context id
 * @started: between start and stop
 * @send_lock: one message at a time; guards @sends and the transmit buffer
 * @sends: messages may be sent
 * @dead: the device has gone or hangs, and is not asked again before it has been reset
 * @dead_work: what that means to queue pairs
 * @transmit: DMA buffer of messages out
 * @receive: DMA buffer of datagrams in
 * @inbox: private copy of what was received
 * @stopping: receiving comes to an end
 * @receive_work: a pass over the receive channel
 * @transferred: woken up when the device says that a transfer has ended
 * @bitmap: notification page, its memory NULL without
 * @bells: doorbells by index
 * @slots: of the bitmap
 * @bell_work: looks at the bitmap
 * @qp_lock: guards the following
 * @qps: all queue pairs
 * @qp_open: new ones may be made
 * @workqueue: for the works
 * @vectors: interrupt vectors
 * @causes: why the device may interrupt
 */
struct vmci_guest {
	struct pci_dev *pdev;
	void __iomem *regs;
	bool mmio;
	u32 caps;
	u32 cid;
	bool started;

	spinlock_t send_lock;
	bool sends;
	bool dead;
	struct work_struct dead_work;
	struct vmci_guest_buffer transmit;

	struct vmci_guest_buffer receive;
	void *inbox;
	bool stopping;
	struct work_struct receive_work;
	wait_queue_head_t transferred;

	struct vmci_guest_buffer bitmap;
	struct hlist_head *bells;
	struct vmci_slots slots;
	struct work_struct bell_work;

	struct mutex qp_lock;
	struct list_head qps;
	bool qp_open;

	struct workqueue_struct *workqueue;
	int vectors;
	u32 causes;
};

#ifdef CONFIG_PCI
int vmci_guest_init(void);
void vmci_guest_exit(void);
#else
static inline int vmci_guest_init(void) { return 0; }
static inline void vmci_guest_exit(void) {}
#endif

static inline u32 vmci_guest_read(const struct vmci_guest *guest, unsigned int reg)
{
	return ioread32(guest->regs + reg);
}

static inline void vmci_guest_write(const struct vmci_guest *guest, unsigned int reg, u32 value)
{
	iowrite32(value, guest->regs + reg);
}

/* guest_device.c */
int vmci_guest_map(struct vmci_guest *guest);
void vmci_guest_unmap(struct vmci_guest *guest);
int vmci_guest_negotiate(struct vmci_guest *guest);
void vmci_guest_reset(struct vmci_guest *guest);
bool vmci_guest_gone(struct vmci_guest *guest);
void vmci_guest_kill(struct vmci_guest *guest, const char *why);

/* guest_send.c */
int vmci_guest_send(struct vmci_guest *guest, const struct vmci_datagram *dg);
void vmci_guest_send_open(struct vmci_guest *guest, bool open);

/* guest_call.c */
int vmci_guest_call_query(struct vmci_guest *guest);
int vmci_guest_call_cid(struct vmci_guest *guest, u32 *cid);
int vmci_guest_call_bitmap(struct vmci_guest *guest);
int vmci_guest_call_link(struct vmci_guest *guest, struct vmci_handle handle, u32 index);
int vmci_guest_call_handle(struct vmci_guest *guest, enum vmci_function function,
			   struct vmci_handle handle);

/* guest_receive.c */
void vmci_guest_receive_work(struct work_struct *work);

/* guest_bell.c */
int vmci_guest_bell_start(struct vmci_guest *guest);
void vmci_guest_bell_stop(struct vmci_guest *guest);
void vmci_guest_bell_work(struct work_struct *work);

/* guest_qp.c */
void vmci_guest_qp_start(struct vmci_guest *guest);
void vmci_guest_qp_leave(struct vmci_guest *guest);
void vmci_guest_qp_lost(struct vmci_guest *guest);
void vmci_guest_qp_report(struct vmci_guest *guest);
bool vmci_guest_qp_has(struct vmci_handle handle);
int vmci_guest_qp_alloc(struct vmci_guest *guest, struct vmci_qp *qp, struct vmci_handle *io,
			u64 produce_size, u64 consume_size, u32 peer, u32 flags, u32 priv);

/* guest_irq.c */
int vmci_guest_irq_start(struct vmci_guest *guest);
void vmci_guest_irq_want(struct vmci_guest *guest, u32 causes);
void vmci_guest_irq_stop(struct vmci_guest *guest);
const char *vmci_guest_irq_mode(const struct vmci_guest *guest);

#endif /* VMSOCK_VMCI_GUEST_H */
