// SPDX-License-Identifier: GPL-2.0-only
/*
 * guest.c - driver of the VMCI device: this machine as the guest of a hypervisor
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vmci.md 2.10 to 2.14; numbers in comments are steps of 2.10 and 2.12.
 *
 * Theory of operation
 *
 * The device is started when it is bound, resumed, or has been reset, and stopped before it is
 * unbound, suspended or reset.  Memory for datagrams and the mapping of registers last from probe
 * to removal, all else from start to stop: a device that comes back has forgotten everything.
 * Clients of queue pairs are told that their peers have gone, doorbells are linked again.
 *
 * A device that hangs or vanishes is dead: whoever waits for it gives up after a bounded time,
 * nobody asks it again before it has been stopped and started, and queue pairs are reported as
 * on stopping.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/pm.h>

#include "datagram.h"
#include "event.h"
#include "guest.h"
#include "personality.h"
#include "vmci_api.h"

static bool disable_guest;
module_param(disable_guest, bool, 0444);
MODULE_PARM_DESC(disable_guest, "leave the VMCI device alone");

static struct vmci_guest the_guest;
static u32 cid_subscription;

static int device_caps_get(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "0x%x\n",
			  READ_ONCE(the_guest.started) ? READ_ONCE(the_guest.caps) : 0);
}

static const struct kernel_param_ops device_caps_ops = {
	.get = device_caps_get,
};
module_param_cb(device_caps, &device_caps_ops, NULL, 0444);
MODULE_PARM_DESC(device_caps, "Capabilities of the VMCI device in use, 0 without (read only)");

/* ---- What clients ask of this half of the driver ---- */

static u32 context_id(void)
{
	return READ_ONCE(the_guest.cid);
}

/* Endpoints of this machine need no hypervisor between them, and keep the order of delivery.c */
static int datagram_send(const struct vmci_datagram *dg, gfp_t gfp)
{
	u32 cid = context_id();

	if (!vmci_datagram_has_sender(dg))
		return VMCI_ERROR_NO_HANDLE;
	if (dg->dst.context != cid)
		return vmci_guest_send(&the_guest, dg);
	return dg->src.context == cid ? vmci_datagram_deliver(dg, gfp) : VMCI_ERROR_NO_ACCESS;
}

static int doorbell_notify(struct vmci_handle handle, u32 priv)
{
	return vmci_guest_call_handle(&the_guest, VMCI_DOORBELL_NOTIFY, handle);
}

static int qpair_alloc(struct vmci_qp *qp, struct vmci_handle *io, u64 produce_size,
		       u64 consume_size, u32 peer, u32 flags, u32 priv)
{
	return vmci_guest_qp_alloc(&the_guest, qp, io, produce_size, consume_size, peer, flags,
				   priv);
}

static const struct vmci_personality guest_personality = {
	.context_id = context_id,
	.datagram_send = datagram_send,
	.doorbell_notify = doorbell_notify,
	.qpair_alloc = qpair_alloc,
};

/* ---- The context id ---- */

/* The event says when, and what the device says then is believed (vmci.md 12.2 S26) */
static void cid_changed(u32 id, const struct vmci_event_data *event, void *data)
{
	struct vmci_guest *guest = data;
	u32 cid;

	if (vmci_guest_call_cid(guest, &cid))
		return;
	if (event->u.ctx.context != cid)
		pr_warn_ratelimited("context id 0x%x is announced, but it is 0x%x\n",
				    event->u.ctx.context, cid);
	if (xchg(&guest->cid, cid) != cid)
		pr_info("this machine is context %u now\n", cid);
}

/* Others learn it, too, if the device was not able to say so */
static void announce_cid(u32 before, u32 cid)
{
	struct vmci_event_msg msg = {
		.hdr.dst = { cid, VMCI_EVENT_HANDLER },
		.hdr.src = { VMCI_HYPERVISOR_CONTEXT_ID, VMCI_CONTEXT_RESOURCE_ID },
		.hdr.payload_size = VMCI_EVENT_CONTEXT_SIZE,
		.data.event = VMCI_EVENT_CTX_ID_UPDATE,
		.data.u.ctx.context = cid,
	};

	if (before && before != cid)
		vmci_event_dispatch(&msg.hdr, false);
}

/* ---- Start and stop ---- */

/* Steps 12 and 13 */
static int greet(struct vmci_guest *guest)
{
	if (guest->bitmap.memory && vmci_guest_call_bitmap(guest) != VMCI_SUCCESS) {
		pci_err(guest->pdev, "it does not take the notification page\n");
		return -ENXIO;
	}
	if (vmci_guest_call_query(guest) != 1) {
		pci_err(guest->pdev, "it does not tell context ids\n");
		return -ENXIO;
	}
	return vmci_guest_call_cid(guest, &guest->cid);
}

/* Steps 17 to 19 */
static void go_live(struct vmci_guest *guest)
{
	vmci_guest_qp_start(guest);
	vmci_personality_set(VMCI_ROUTE_GUEST, &guest_personality);
	vmci_guest_irq_want(guest, VMCI_CAUSE_DATAGRAM |
			    (guest->bitmap.memory ? VMCI_CAUSE_NOTIFICATION : 0));
	vmci_guest_write(guest, VMCI_REG_CONTROL, VMCI_CONTROL_INT_ENABLE);
	guest->started = true;
	pci_info(guest->pdev, "this machine is context %u; %s, %u-bit page numbers, %s\n",
		 guest->cid, guest->mmio ? "DMA datagrams" : "port I/O",
		 guest->caps & VMCI_CAPS_PPN64 ? 64 : 32, vmci_guest_irq_mode(guest));
}

static int start(struct vmci_guest *guest)
{
	u32 before = guest->cid;
	int err;

	pci_set_master(guest->pdev);
	err = vmci_guest_negotiate(guest);
	if (err)
		return err;
	WRITE_ONCE(guest->stopping, false);
	vmci_guest_send_open(guest, true);
	err = greet(guest);
	if (err)
		goto reset;
	err = vmci_guest_bell_start(guest);
	if (err)
		goto reset;
	if (vmci_event_subscribe(VMCI_EVENT_CTX_ID_UPDATE, cid_changed, guest,
				 &cid_subscription) < 0)
		pci_warn(guest->pdev, "changes of the context id will not be noticed\n");
	err = vmci_guest_irq_start(guest);
	if (err)
		goto unsubscribe;
	go_live(guest);
	announce_cid(before, guest->cid);
	return 0;

unsubscribe:
	vmci_event_unsubscribe(cid_subscription);
reset:
	vmci_guest_send_open(guest, false);
	vmci_guest_reset(guest);
	vmci_guest_bell_stop(guest);
	return err;
}

/* No message and no work any more, and the device has forgotten all memory (4 and 5) */
static void silence(struct vmci_guest *guest)
{
	vmci_guest_send_open(guest, false);
	WRITE_ONCE(guest->stopping, true);
	wake_up(&guest->transferred);
	vmci_guest_reset(guest);
}

static void stop(struct vmci_guest *guest)
{
	if (!guest->started)
		return;
	guest->started = false;
	vmci_personality_set(VMCI_ROUTE_GUEST, NULL);
	vmci_guest_qp_leave(guest);
	vmci_event_unsubscribe(cid_subscription);
	silence(guest);
	vmci_guest_irq_stop(guest);
	cancel_work_sync(&guest->receive_work);
	cancel_work_sync(&guest->bell_work);
	cancel_work_sync(&guest->dead_work);
	vmci_guest_bell_stop(guest);
	vmci_guest_qp_lost(guest);
	vmci_guest_qp_report(guest);
}

/* The device died: its queue pairs are of no use to anybody */
static void dead_work(struct work_struct *work)
{
	vmci_guest_qp_report(container_of(work, struct vmci_guest, dead_work));
}

/* ---- PCI ---- */

static int probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct vmci_guest *guest = &the_guest;
	int err;

	if (cmpxchg(&guest->pdev, NULL, pdev)) {
		pci_err(pdev, "there is another VMCI device, and one is all there can be\n");
		return -EBUSY;
	}
	guest->cid = 0;
	err = pci_enable_device(pdev);
	if (err)
		goto forget;
	err = pci_request_regions(pdev, KBUILD_MODNAME);
	if (err)
		goto disable;
	err = vmci_guest_map(guest);
	if (!err)
		err = start(guest);
	if (err)
		goto unmap;
	return 0;

unmap:
	vmci_guest_unmap(guest);
	pci_clear_master(pdev);
	pci_release_regions(pdev);
disable:
	pci_disable_device(pdev);
forget:
	guest->pdev = NULL;
	return err;
}

static void remove(struct pci_dev *pdev)
{
	struct vmci_guest *guest = &the_guest;

	stop(guest);
	vmci_guest_unmap(guest);
	pci_clear_master(pdev);
	pci_release_regions(pdev);
	pci_disable_device(pdev);
	guest->pdev = NULL;
	pci_info(pdev, "this machine is context %u again\n", VMCI_HOST_CONTEXT_ID);
}

/* The next kernel must find nothing that writes to its memory */
static void shutdown(struct pci_dev *pdev)
{
	if (the_guest.started)
		silence(&the_guest);
}

static int suspend(struct device *dev)
{
	stop(&the_guest);
	return 0;
}

static int resume(struct device *dev)
{
	return start(&the_guest);
}

static void reset_prepare(struct pci_dev *pdev)
{
	stop(&the_guest);
}

static void reset_done(struct pci_dev *pdev)
{
	if (start(&the_guest))
		pci_err(pdev, "it does not start after a reset\n");
}

static DEFINE_SIMPLE_DEV_PM_OPS(pm_ops, suspend, resume);

static const struct pci_error_handlers error_handlers = {
	.reset_prepare = reset_prepare,
	.reset_done = reset_done,
};

static const struct pci_device_id ids[] = {
	{ PCI_DEVICE(VMCI_PCI_VENDOR_ID, VMCI_PCI_DEVICE_ID) },
	{}
};
MODULE_DEVICE_TABLE(pci, ids);

static struct pci_driver driver = {
	.name = KBUILD_MODNAME,
	.id_table = ids,
	.probe = probe,
	.remove = remove,
	.shutdown = shutdown,
	.driver.pm = pm_sleep_ptr(&pm_ops),
	.err_handler = &error_handlers,
};

/* Says who has the device if we have not got it */
static void find_rival(void)
{
	struct pci_dev *pdev = pci_get_device(VMCI_PCI_VENDOR_ID, VMCI_PCI_DEVICE_ID, NULL);

	if (!pdev)
		return;
	device_lock(&pdev->dev);
	if (pdev->driver && pdev->driver != &driver)
		pr_info("driver %s has the VMCI device %s; unbind it there to use it here\n",
			pdev->driver->name, pci_name(pdev));
	device_unlock(&pdev->dev);
	pci_dev_put(pdev);
}

/**
 * vmci_guest_init() - look for the device, now and whenever one comes
 *
 * Return: 0, with a device or without, or a negative errno.
 */
int vmci_guest_init(void)
{
	struct vmci_guest *guest = &the_guest;
	int err;

	if (disable_guest)
		return 0;
	spin_lock_init(&guest->send_lock);
	mutex_init(&guest->qp_lock);
	INIT_LIST_HEAD(&guest->qps);
	init_waitqueue_head(&guest->transferred);
	INIT_WORK(&guest->receive_work, vmci_guest_receive_work);
	INIT_WORK(&guest->bell_work, vmci_guest_bell_work);
	INIT_WORK(&guest->dead_work, dead_work);
	guest->workqueue = alloc_workqueue("vmci_guest",
					   WQ_PERCPU | WQ_HIGHPRI | WQ_CPU_INTENSIVE, 0);
	if (!guest->workqueue)
		return -ENOMEM;
	err = pci_register_driver(&driver);
	if (err) {
		destroy_workqueue(guest->workqueue);
		return err;
	}
	find_rival();
	return 0;
}

void vmci_guest_exit(void)
{
	if (disable_guest)
		return;
	pci_unregister_driver(&driver);
	destroy_workqueue(the_guest.workqueue);
}
