// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * backend_host - the host end in the kernel: /dev/vmci
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * What the guest asks for becomes a request (vmci.md 4.14); none of them waits.  What it is to get
 * is fetched when the descriptor is readable, and also behind each request that may have brought
 * it: the kernel notes in a byte of ours that there is something (8.8), so that is a look at
 * memory.
 *
 * A datagram that the guest has no room for is kept here, and all behind it stay in the kernel,
 * whose quota then holds for the senders.  Some kernels hand out the last of several datagrams
 * first (12.4 no. 6), so that an announcement of bytes may overtake the packet that completes a
 * connection.  Whether this one does is tried with two datagrams to the own context; if so, all
 * that are there are fetched before the first, which is the last of them, is delivered.
 *
 * Pages of a queue pair are lent to the kernel as a view (view.h).  If they are mapped elsewhere,
 * or may not be accessed, the kernel gives them back before anything else happens (SETVA, 5.8), and
 * gets them again when they are back; after RETURN_MS the pair has ended instead, so that nobody
 * on the host waits for a guest that took its memory away.
 *
 * The context lasts as long as the process; a guest that is reset, or a new QEMU, finds it empty.
 */
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backend_host.h"
#include "function.h"
#include "loop.h"
#include "queue_pair.h"
#include "vmci/errors.h"
#include "vmci/ioctl.h"
#include "vmci/regs.h"

#define RETURN_MS	1000u
/* Datagrams fetched at a time, so that QEMU gets its turn */
#define AT_ONCE		64u
/* That a kernel can have for a context */
#define MOST		(VMCI_MAX_DATAGRAM_AND_EVENT_QUEUE_SIZE / sizeof(struct vmci_datagram))
/* Mappings that are not for views: this process's own, and the guest's memory */
#define OWN_MAPPINGS	4096u
#define MAPPINGS_FILE	"/proc/sys/vm/max_map_count"
#define DEFAULT_MAPPINGS 65530u

struct backend_host {
	struct host host;
	int fd;
	struct watch *watch;
	struct timer *lost;		/* pairs without memory end when it expires */
	bool losing;			/* and it is set */
	unsigned char *pending;		/* the kernel's byte, in a page of its own */
	size_t page;
	unsigned int mappings;		/* that views may still cost */
	bool reversed;			/* the kernel hands out the last one first */
	GQueue parcels;			/* fetched, copies, the next one at the head */
	struct vmci_datagram *datagram;	/* of VMCI_MAX_DG_SIZE bytes, the one fetched last */
	struct vmci_handle *rung;	/* as many as fit on a page of the guest's bitmap */
};

/* Most doorbells of a context */
#define RUNG_MAX	4096u

/* A pair's pages as the kernel has them; pair->owner */
struct loan {
	struct view view;	/* closed while the kernel has given them back */
	bool ended;		/* and does not want them again */
};

static struct backend_host *backend_of(struct host *host)
{
	return (struct backend_host *)(void *)host;
}

/*
 * Requests
 */

static const unsigned int requests[] = {
	IOCTL_VMCI_DATAGRAM_SEND, IOCTL_VMCI_DATAGRAM_RECEIVE, IOCTL_VMCI_NOTIFICATIONS_RECEIVE,
	IOCTL_VMCI_NOTIFY_RESOURCE, IOCTL_VMCI_QUEUEPAIR_ALLOC, IOCTL_VMCI_QUEUEPAIR_DETACH,
	IOCTL_VMCI_QUEUEPAIR_SETVA, 0
};

const unsigned int *backend_host_requests(void)
{
	return requests;
}

/* @result is in @argument, and is what the guest gets if the request was carried out */
static __s32 request(const struct backend_host *backend, unsigned long number, void *argument,
		     const __s32 *result)
{
	if (ioctl(backend->fd, number, argument) >= 0)
		return *result;
	switch (errno) {
	case EINVAL:
		return VMCI_ERROR_INVALID_ARGS;
	case ENOMEM:
		return VMCI_ERROR_NO_MEM;
	default:
		return VMCI_ERROR_GENERIC;
	}
}

/*
 * To the guest
 */

static bool has_more(const struct backend_host *backend)
{
	return __atomic_load_n(backend->pending, __ATOMIC_ACQUIRE);
}

/* The kernel's next datagram is in @backend->datagram; false when it has none */
static bool fetch(struct backend_host *backend)
{
	struct vmci_datagram_block block = {
		.address = (uintptr_t)backend->datagram,
		.length = VMCI_MAX_DG_SIZE,
	};

	return request(backend, IOCTL_VMCI_DATAGRAM_RECEIVE, &block, &block.result) >= 0 &&
	       backend->datagram->payload_size <= VMCI_MAX_DG_PAYLOAD_SIZE;
}

/* Those that the kernel has now */
static void drop_all(struct backend_host *backend)
{
	for (unsigned int most = MOST; most && fetch(backend); most--)
		;
}

/* Fetches the next one; all that there are if the kernel has their order reversed */
static bool refill(struct backend_host *backend)
{
	unsigned int left = backend->reversed ? MOST : 1;

	while (left-- && fetch(backend)) {
		size_t size = sizeof(*backend->datagram) + backend->datagram->payload_size;

		g_queue_push_head(&backend->parcels, g_memdup2(backend->datagram, size));
	}
	return !g_queue_is_empty(&backend->parcels);
}

/* False when the guest has no room; who does not listen, or refuses, does not get it */
static bool deliver(struct backend_host *backend)
{
	if (function_send(backend->host.function, g_queue_peek_head(&backend->parcels)) ==
	    VMCI_ERROR_NO_RESOURCES)
		return false;
	g_free(g_queue_pop_head(&backend->parcels));
	return true;
}

static void ring(struct backend_host *backend)
{
	struct vmci_notifications_receive_block block = {
		.doorbell_address = (uintptr_t)backend->rung,
		.doorbell_size = RUNG_MAX * sizeof(*backend->rung),
	};

	if (request(backend, IOCTL_VMCI_NOTIFICATIONS_RECEIVE, &block, &block.result) < 0)
		return;
	for (size_t i = 0; i < block.doorbell_size / sizeof(*backend->rung); i++)
		function_ring(backend->host.function, backend->rung[i]);
}

/* What is there now, or a good part of it */
static void receive(struct backend_host *backend)
{
	unsigned int left = AT_ONCE;
	bool room = true;

	while (room && (!g_queue_is_empty(&backend->parcels) || (left && refill(backend)))) {
		room = deliver(backend);
		left -= left > 0;
	}
	/* Without room there is nothing to wait for but room() */
	watch_events(backend->watch, room ? EPOLLIN : 0);
	if (has_more(backend))
		ring(backend);
}

static void readable(void *data, __attribute__((unused)) uint32_t events)
{
	receive(data);
}

static void room(struct host *host)
{
	receive(backend_of(host));
}

/* Behind a request of the guest: @result is the guest's */
static __s32 answered(struct backend_host *backend, __s32 result)
{
	if (g_queue_is_empty(&backend->parcels) && has_more(backend))
		receive(backend);
	return result;
}

/*
 * From the guest
 */

static __s32 datagram(struct host *host, const struct vmci_datagram *message)
{
	struct backend_host *backend = backend_of(host);
	struct vmci_datagram_block block = {
		.address = (uintptr_t)message,
		.length = (__u32)(sizeof(*message) + message->payload_size),
	};

	return answered(backend, request(backend, IOCTL_VMCI_DATAGRAM_SEND, &block,
					 &block.result));
}

static __s32 notify_resource(struct host *host, struct vmci_handle handle, __u16 action)
{
	struct vmci_notify_resource_block block = {
		.handle = handle,
		.resource = VMCI_NOTIFY_RESOURCE_DOORBELL,
		.action = action,
	};

	return request(backend_of(host), IOCTL_VMCI_NOTIFY_RESOURCE, &block, &block.result);
}

static __s32 doorbell(struct host *host, struct vmci_handle handle)
{
	return answered(backend_of(host),
			notify_resource(host, handle, VMCI_NOTIFY_RESOURCE_ACTION_NOTIFY));
}

static __s32 link_doorbell(struct host *host, struct vmci_handle handle)
{
	return notify_resource(host, handle, VMCI_NOTIFY_RESOURCE_ACTION_CREATE);
}

static void unlink_doorbell(struct host *host, struct vmci_handle handle)
{
	notify_resource(host, handle, VMCI_NOTIFY_RESOURCE_ACTION_DESTROY);
}

/*
 * Queue pairs
 */

static __s32 lend(struct backend_host *backend, struct loan *loan, const struct pair *pair)
{
	const struct view_pages pages = pair_pages(pair);
	int error = view_open(&loan->view, &pages, backend->mappings);

	switch (error) {
	case 0:
		backend->mappings -= loan->view.count;
		return VMCI_SUCCESS;
	case -EFAULT:
		return VMCI_ERROR_INVALID_ARGS;
	case -ENOSPC:
		function_warn(backend->host.function, "no more queue pairs: their scattered "
			      "pages need more mappings than vm.max_map_count allows");
		return VMCI_ERROR_NO_RESOURCES;
	case -EINVAL:
		function_warn(backend->host.function, "guest RAM in huge pages cannot be lent "
			      "to the kernel: start QEMU with a memory backend of small ones");
		return VMCI_ERROR_NO_RESOURCES;
	default:
		return VMCI_ERROR_NO_MEM;
	}
}

/* The kernel has no page of it any more */
static void take_back(struct backend_host *backend, struct loan *loan)
{
	backend->mappings += loan->view.count;
	view_close(&loan->view);
}

static __s32 offer(struct backend_host *backend, const struct pair *pair, const struct view *view)
{
	struct vmci_qp_alloc_block block = {
		.handle = pair->handle,
		.peer = pair->peer,
		.flags = pair->flags,
		.produce_size = pair->in_size,
		.consume_size = pair->out_size,
		.pages_address = (uintptr_t)view->base,
		.page_count = view->size / backend->page,
		.version = VMCI_VERSION_CURRENT,
	};

	return request(backend, IOCTL_VMCI_QUEUEPAIR_ALLOC, &block, &block.result);
}

static __s32 pair_alloc(struct host *host, struct pair *pair)
{
	struct backend_host *backend = backend_of(host);
	struct loan *loan;
	__s32 result;

	/* Rings of larger pages have another shape than the kernel takes (vmci.md 5.9) */
	if ((size_t)1 << pair_pages(pair).shift != backend->page)
		return VMCI_ERROR_INVALID_ARGS;
	loan = g_new0(struct loan, 1);
	result = lend(backend, loan, pair);
	if (result >= 0)
		result = offer(backend, pair, &loan->view);
	if (result >= 0) {
		pair->owner = loan;
	} else {
		take_back(backend, loan);
		g_free(loan);
	}
	return answered(backend, result);
}

static void detach(struct backend_host *backend, const struct pair *pair)
{
	struct vmci_qp_detach_block block = { .handle = pair->handle };

	request(backend, IOCTL_VMCI_QUEUEPAIR_DETACH, &block, &block.result);
}

static void pair_detach(struct host *host, struct pair *pair)
{
	struct backend_host *backend = backend_of(host);
	struct loan *loan = pair->owner;

	if (!loan->ended)
		detach(backend, pair);
	take_back(backend, loan);
	g_free(loan);
}

/* The kernel is to use the pages at @address; with 0 it lets go of them */
static __s32 set_address(struct backend_host *backend, const struct pair *pair, const void *address)
{
	struct vmci_qp_setva_block block = {
		.handle = pair->handle,
		.address = (uintptr_t)address,
		.page_count = address ? pair_pages(pair).count : 0,
		.version = VMCI_VERSION_CURRENT,
	};

	return request(backend, IOCTL_VMCI_QUEUEPAIR_SETVA, &block, &block.result);
}

/* The guest is told as if the host had left */
static void end_pair(struct backend_host *backend, const struct pair *pair, struct loan *loan)
{
	detach(backend, pair);
	take_back(backend, loan);
	loan->ended = true;
	function_pair_event(backend->host.function, VMCI_EVENT_QP_PEER_DETACH, pair->handle);
}

/* Takes pages back that are elsewhere now, and lends those that are there again */
static void follow(struct backend_host *backend, const struct pair *pair, struct loan *loan)
{
	const struct view_pages pages = pair_pages(pair);

	if (loan->ended || (loan->view.base && view_current(&loan->view, &pages)))
		return;
	if (loan->view.base) {
		if (set_address(backend, pair, NULL) < 0) {
			end_pair(backend, pair, loan);
			return;
		}
		take_back(backend, loan);
	}
	if (lend(backend, loan, pair) >= 0) {
		if (set_address(backend, pair, loan->view.base) < 0)
			end_pair(backend, pair, loan);
	} else if (!backend->losing) {
		backend->losing = true;
		timer_set(backend->lost, RETURN_MS);
	}
}

static void memory_changed(struct host *host)
{
	struct backend_host *backend = backend_of(host);
	GHashTableIter iter;
	struct pair *pair;

	pairs_iter(host->function, &iter);
	while ((pair = pairs_next(&iter)))
		follow(backend, pair, pair->owner);
}

static void end_lost(void *data)
{
	struct backend_host *backend = data;
	GHashTableIter iter;
	struct pair *pair;

	backend->losing = false;
	pairs_iter(backend->host.function, &iter);
	while ((pair = pairs_next(&iter))) {
		struct loan *loan = pair->owner;

		if (!loan->ended && !loan->view.base)
			end_pair(backend, pair, loan);
	}
}

/* Whoever reads next is another guest: what is under way was for this one */
static void reset(struct host *host)
{
	struct backend_host *backend = backend_of(host);
	timer_stop(backend->lost);
	backend->losing = false;
	g_queue_clear_full(&backend->parcels, g_free);
	drop_all(backend);
	watch_events(backend->watch, EPOLLIN);
}

static const struct host_ops backend_ops = {
	.datagram = datagram,
	.pair_alloc = pair_alloc,
	.pair_detach = pair_detach,
	.doorbell = doorbell,
	.doorbell_link = link_doorbell,
	.doorbell_unlink = unlink_doorbell,
	.room = room,
	.memory = memory_changed,
	.reset = reset,
};

/*
 * Beginning and end
 */

static bool fail(GError **error, int number, const char *what, const char *remedy)
{
	g_set_error(error, G_IO_ERROR, g_io_error_from_errno(number), "%s: %s%s", what,
		    strerror(number), remedy);
	return false;
}

static bool open_node(struct backend_host *backend, const char *node, GError **error)
{
	backend->fd = open(node, O_RDWR | O_CLOEXEC);
	if (backend->fd >= 0)
		return true;
	return fail(error, errno, node, errno == ENOENT || errno == ENODEV || errno == ENXIO ?
		    "; the module vmci, or the kernel's own vmw_vmci, makes it" : "");
}

static bool agree(struct backend_host *backend, const char *node, GError **error)
{
	__s32 version = VMCI_VERSION_CURRENT;
	int agreed = ioctl(backend->fd, IOCTL_VMCI_VERSION2, &version);

	if (agreed < 0)
		return fail(error, errno, node, "; it is no node of a VMCI host");
	if (agreed == VMCI_VERSION_CURRENT)
		return true;
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
		    "%s: the kernel speaks version %d.%d, and 11.0 is needed", node,
		    agreed >> 16, agreed & 0xffff);
	return false;
}

static bool take_cid(struct backend_host *backend, const struct backend_host_options *options,
		     GError **error)
{
	struct vmci_init_block init = {
		.cid = options->cid,
		.flags = options->restricted ? VMCI_PRIVILEGE_FLAG_RESTRICTED : 0,
	};

	if (ioctl(backend->fd, IOCTL_VMCI_INIT_CONTEXT, &init) < 0)
		return fail(error, errno, "cannot make the context", "");
	if (init.cid == options->cid)
		return true;
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE,
		    "another virtual machine of this host has context ID %u; %u would be free",
		    options->cid, init.cid);
	return false;
}

static bool set_notify(struct backend_host *backend, GError **error)
{
	struct vmci_set_notify_block block = { .address = 0 };

	backend->pending = mmap(NULL, backend->page, PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (backend->pending == MAP_FAILED) {
		backend->pending = NULL;
		return fail(error, errno, "memory", "");
	}
	block.address = (uintptr_t)backend->pending;
	if (ioctl(backend->fd, IOCTL_VMCI_SET_NOTIFY, &block) < 0)
		return fail(error, errno, "cannot set the notification byte", "");
	if (block.result < 0) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
			    "cannot set the notification byte: VMCI error %d", block.result);
		return false;
	}
	return true;
}

/* Two to the context itself, which nobody else knows yet: which comes back first? */
static void try_order(struct backend_host *backend, __u32 cid)
{
	for (__u32 i = 0; i < 2; i++) {
		struct vmci_datagram message = {
			.dst = { cid, VMCI_RESERVED_RESOURCE_ID_MAX + 1 },
			.src = { cid, i },
		};
		struct vmci_datagram_block block = {
			.address = (uintptr_t)&message,
			.length = sizeof(message),
		};

		request(backend, IOCTL_VMCI_DATAGRAM_SEND, &block, &block.result);
	}
	backend->reversed = fetch(backend) && backend->datagram->src.resource == 1 &&
			    fetch(backend);
	drop_all(backend);
}

/* How many mappings views may cost: a guest must not be able to use up those of malloc() */
static unsigned int count_mappings(void)
{
	g_autofree char *text = NULL;
	guint64 most = DEFAULT_MAPPINGS;

	if (g_file_get_contents(MAPPINGS_FILE, &text, NULL, NULL))
		most = g_ascii_strtoull(text, NULL, 10);
	return most > OWN_MAPPINGS ? (unsigned int)MIN(most - OWN_MAPPINGS, G_MAXINT) : 0;
}

/* Some kernels count pages that they keep as locked ones of this process */
static void allow_locked_pages(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_MEMLOCK, &limit);
	}
}

static bool start(struct backend_host *backend, struct loop *loop,
		  const struct backend_host_options *options, GError **error)
{
	if (!open_node(backend, options->node, error) ||
	    !agree(backend, options->node, error) || !take_cid(backend, options, error) ||
	    !set_notify(backend, error))
		return false;
	try_order(backend, options->cid);
	backend->watch = loop_watch(loop, backend->fd, EPOLLIN, readable, backend);
	backend->lost = loop_timer(loop, end_lost, backend);
	if (!backend->watch || !backend->lost)
		return fail(error, errno, "cannot wait for the kernel", "");
	if (backend->reversed)
		g_message("%s hands out the last datagram first; their order is put right here",
			  options->node);
	return true;
}

struct backend_host *backend_host_new(struct loop *loop,
				      const struct backend_host_options *options, GError **error)
{
	struct backend_host *backend = g_new0(struct backend_host, 1);

	allow_locked_pages();
	backend->host.ops = &backend_ops;
	backend->page = (size_t)sysconf(_SC_PAGESIZE);
	backend->mappings = count_mappings();
	backend->datagram = g_malloc(VMCI_MAX_DG_SIZE);
	backend->rung = g_new(struct vmci_handle, RUNG_MAX);
	if (start(backend, loop, options, error))
		return backend;
	backend_host_free(backend);
	return NULL;
}

void backend_host_free(struct backend_host *backend)
{
	if (!backend)
		return;
	watch_remove(backend->watch);
	timer_remove(backend->lost);
	if (backend->fd >= 0)
		close(backend->fd);
	if (backend->pending)
		munmap(backend->pending, backend->page);
	g_queue_clear_full(&backend->parcels, g_free);
	g_free(backend->datagram);
	g_free(backend->rung);
	g_free(backend);
}

struct host *backend_host_host(struct backend_host *backend)
{
	return &backend->host;
}

int backend_host_fd(const struct backend_host *backend)
{
	return backend->fd;
}
