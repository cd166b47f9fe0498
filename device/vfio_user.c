// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vfio_user - the server's side of a vfio-user connection
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * A message is read in two steps, header and payload, each with a length that ends where the
 * message does: so descriptors belong to the message during which they arrive.  It is carried
 * out when it is complete, and answered with one send.  What the socket does not take is kept,
 * and nothing more is read before it is gone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop.h"
#include "memory.h"
#include "vfio_user.h"

/* Header (vfio-user.md 1.2) */
struct header {
	uint16_t id;
	uint16_t command;
	uint32_t size;
	uint32_t flags;
	uint32_t error;
};

#define FLAGS_TYPE	0x0fu
#define FLAGS_REPLY	0x01u
#define FLAGS_NO_REPLY	0x10u
#define FLAGS_ERROR	0x20u

/* Limits that the version reply names (vfio-user.md 2) */
#define FDS_MAX		16u
#define TRANSFER_MAX	65536u
#define PAYLOAD_MAX	(TRANSFER_MAX + 4096u)
#define CAPABILITIES	\
	"{\"capabilities\":{\"max_msg_fds\":8,\"max_data_xfer_size\":65536," \
	"\"pgsizes\":4096,\"max_dma_maps\":65535}}"

/* Messages at a time, before others have their turn */
#define BUDGET		256u

enum command {
	CMD_VERSION = 1,
	CMD_DMA_MAP = 2,
	CMD_DMA_UNMAP = 3,
	CMD_GET_INFO = 4,
	CMD_GET_REGION_INFO = 5,
	CMD_GET_IRQ_INFO = 7,
	CMD_SET_IRQS = 8,
	CMD_REGION_READ = 9,
	CMD_REGION_WRITE = 10,
	CMD_RESET = 13,
	CMD_REGION_WRITE_MULTI = 15
};

/* Payloads (vfio-user.md 2 and 3) */
struct version {
	uint16_t major;
	uint16_t minor;
	/* text */
};

struct dma_map {
	uint32_t argsz;
	uint32_t flags;
	uint64_t offset;
	uint64_t address;
	uint64_t size;
};

struct dma_unmap {
	uint32_t argsz;
	uint32_t flags;
	uint64_t address;
	uint64_t size;
};

#define UNMAP_BITMAP	0x1u
#define UNMAP_ALL	0x2u

struct device_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t regions;
	uint32_t irqs;
};

#define DEVICE_RESETS	0x1u
#define DEVICE_PCI	0x2u

struct region_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t cap_offset;
	uint64_t size;
	uint64_t offset;
};

#define REGION_READABLE	0x1u
#define REGION_WRITABLE	0x2u

struct irq_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t count;
};

#define IRQ_EVENTFD	0x1u
#define IRQ_MASKABLE	0x2u
#define IRQ_AUTOMASKED	0x4u

struct irq_set {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t start;
	uint32_t count;
	/* data */
};

struct access {
	uint64_t offset;
	uint32_t region;
	uint32_t count;
	/* data */
};

#define WRITES_MAX	200u

struct one_write {
	uint64_t offset;
	uint32_t region;
	uint32_t count;
	uint8_t data[8];
};

struct vfio_user {
	const struct vfio_device *device;
	struct loop *loop;
	struct watch *watch;
	struct irqs *irqs;
	int fd;
	bool negotiated;
	const char *closing;	/* why this ends, or NULL */
	uint64_t messages;

	/* The message under way */
	size_t have;		/* bytes of header and payload */
	struct header header;
	uint8_t payload[PAYLOAD_MAX];
	int fds[FDS_MAX];
	unsigned int fd_count;

	/* The reply to it: header and payload; @left bytes at @sent are still to be sent */
	struct {
		struct header header;
		uint8_t payload[sizeof(struct access) + TRANSFER_MAX];
	} reply;
	size_t reply_payload;
	size_t sent;
	size_t left;
};

static size_t payload_size(const struct vfio_user *vfio)
{
	return vfio->header.size - sizeof(struct header);
}

static void close_fds(struct vfio_user *vfio)
{
	for (unsigned int i = 0; i < vfio->fd_count; i++)
		if (vfio->fds[i] >= 0)
			close(vfio->fds[i]);
	vfio->fd_count = 0;
}

/* Copies of fixed parts: the buffer has no type */
#define get(vfio, object)	memcpy((object), (vfio)->payload, sizeof(*(object)))

static void put(struct vfio_user *vfio, const void *payload, size_t size)
{
	memcpy(vfio->reply.payload, payload, size);
	vfio->reply_payload = size;
}

/*
 * Handlers: 0 with the reply's payload, or an errno.  Who takes a descriptor leaves -1.
 */

static int do_version(struct vfio_user *vfio)
{
	static const char text[] = CAPABILITIES;
	struct version version;
	size_t size = payload_size(vfio);

	get(vfio, &version);
	if (vfio->negotiated)
		return EINVAL;
	if (version.major != 0 || (size > sizeof(version) && vfio->payload[size - 1])) {
		vfio->closing = "the client speaks another version of vfio-user";
		return EINVAL;
	}
	vfio->negotiated = true;
	version.minor = 0;
	put(vfio, &version, sizeof(version));
	memcpy(vfio->reply.payload + sizeof(version), text, sizeof(text));
	vfio->reply_payload += sizeof(text);
	return 0;
}

/* Before the reply, for by then nobody may use what was there (vfio-user.md 3.2) */
static int memory_changed(struct vfio_user *vfio, int error)
{
	if (!error)
		vfio->device->ops->memory(vfio->device->data);
	return error;
}

static int do_dma_map(struct vfio_user *vfio)
{
	struct dma_map map;
	int fd = -1, error;

	get(vfio, &map);
	if (vfio->fd_count > 1 || (map.flags & ~(MEMORY_READ | MEMORY_WRITE)))
		return EINVAL;
	if (vfio->fd_count) {
		fd = vfio->fds[0];
		vfio->fds[0] = -1;
	}
	error = memory_map(vfio->device->memory, map.address, map.size, map.flags, fd,
			   map.offset);
	return memory_changed(vfio, -error);
}

static int do_dma_unmap(struct vfio_user *vfio)
{
	struct dma_unmap unmap;
	int error = 0;

	get(vfio, &unmap);
	if (unmap.flags == UNMAP_ALL && !unmap.address && !unmap.size)
		memory_clear(vfio->device->memory);
	else if (unmap.flags)
		error = EINVAL;
	else
		error = -memory_unmap(vfio->device->memory, unmap.address, unmap.size);
	put(vfio, &unmap, sizeof(unmap));
	return memory_changed(vfio, error);
}

static int do_get_info(struct vfio_user *vfio)
{
	const struct device_info info = {
		.argsz = sizeof(info),
		.flags = DEVICE_RESETS | DEVICE_PCI,
		.regions = VFIO_REGIONS,
		.irqs = IRQ_TYPES,
	};

	put(vfio, &info, sizeof(info));
	return vfio->device->ops->start(vfio->device->data);
}

static int do_get_region_info(struct vfio_user *vfio)
{
	struct region_info info;

	get(vfio, &info);
	if (info.index >= VFIO_REGIONS)
		return EINVAL;
	info.argsz = sizeof(info);
	info.size = vfio->device->regions[info.index];
	info.flags = info.size ? REGION_READABLE | REGION_WRITABLE : 0;
	info.cap_offset = 0;
	info.offset = 0;
	put(vfio, &info, sizeof(info));
	return 0;
}

static int do_get_irq_info(struct vfio_user *vfio)
{
	struct irq_info info;

	get(vfio, &info);
	if (info.index >= IRQ_TYPES)
		return EINVAL;
	info.argsz = sizeof(info);
	info.flags = IRQ_EVENTFD;
	if (info.index == IRQ_INTX)
		info.flags |= IRQ_MASKABLE | IRQ_AUTOMASKED;
	info.count = irqs_vectors(vfio->irqs, info.index);
	put(vfio, &info, sizeof(info));
	return 0;
}

static int do_set_irqs(struct vfio_user *vfio)
{
	struct irq_set set;
	struct irq_request request;

	get(vfio, &set);
	request.flags = set.flags;
	request.type = set.index;
	request.start = set.start;
	request.count = set.count;
	request.selected = vfio->payload + sizeof(set);
	request.selected_size = payload_size(vfio) - sizeof(set);
	request.fds = vfio->fds;
	request.fd_count = vfio->fd_count;
	return irqs_request(vfio->irqs, &request);
}

static bool good_access(const struct vfio_user *vfio, uint32_t region, uint64_t offset,
			uint32_t count)
{
	uint64_t size = region < VFIO_REGIONS ? vfio->device->regions[region] : 0;

	return count && count <= TRANSFER_MAX && count <= size && offset <= size - count;
}

static int do_read(struct vfio_user *vfio)
{
	const struct vfio_device *device = vfio->device;
	struct access access;

	get(vfio, &access);
	if (!good_access(vfio, access.region, access.offset, access.count))
		return EINVAL;
	put(vfio, &access, sizeof(access));
	vfio->reply_payload += access.count;
	return device->ops->read(device->data, access.region, access.offset,
				 vfio->reply.payload + sizeof(access), access.count);
}

static int write_region(struct vfio_user *vfio, uint32_t region, uint64_t offset,
			const uint8_t *from, uint32_t count)
{
	const struct vfio_device *device = vfio->device;

	if (!good_access(vfio, region, offset, count))
		return EINVAL;
	return device->ops->write(device->data, region, offset, from, count);
}

static int do_write(struct vfio_user *vfio)
{
	struct access access;

	get(vfio, &access);
	if (access.count > payload_size(vfio) - sizeof(access))
		return EINVAL;
	put(vfio, &access, sizeof(access));
	return write_region(vfio, access.region, access.offset, vfio->payload + sizeof(access),
			    access.count);
}

static int do_write_multi(struct vfio_user *vfio)
{
	uint64_t count;
	struct one_write one;

	get(vfio, &count);
	if (count > WRITES_MAX || payload_size(vfio) < sizeof(count) + count * sizeof(one))
		return EINVAL;
	for (uint64_t i = 0; i < count; i++) {
		memcpy(&one, vfio->payload + sizeof(count) + i * sizeof(one), sizeof(one));
		if (one.count > sizeof(one.data))
			return EINVAL;
		write_region(vfio, one.region, one.offset, one.data, one.count);
	}
	return 0;
}

static int do_reset(struct vfio_user *vfio)
{
	vfio->device->ops->reset(vfio->device->data);
	return 0;
}

static const struct {
	int (*handle)(struct vfio_user *vfio);
	size_t size;		/* of the payload, at least */
} commands[] = {
	[CMD_VERSION]		= { do_version, sizeof(struct version) },
	[CMD_DMA_MAP]		= { do_dma_map, sizeof(struct dma_map) },
	[CMD_DMA_UNMAP]		= { do_dma_unmap, sizeof(struct dma_unmap) },
	[CMD_GET_INFO]		= { do_get_info, sizeof(struct device_info) },
	[CMD_GET_REGION_INFO]	= { do_get_region_info, sizeof(struct region_info) },
	[CMD_GET_IRQ_INFO]	= { do_get_irq_info, sizeof(struct irq_info) },
	[CMD_SET_IRQS]		= { do_set_irqs, sizeof(struct irq_set) },
	[CMD_REGION_READ]	= { do_read, sizeof(struct access) },
	[CMD_REGION_WRITE]	= { do_write, sizeof(struct access) },
	[CMD_RESET]		= { do_reset, 0 },
	[CMD_REGION_WRITE_MULTI] = { do_write_multi, sizeof(uint64_t) },
};

static int carry_out(struct vfio_user *vfio)
{
	uint16_t command = vfio->header.command;

	if (command >= sizeof(commands) / sizeof(commands[0]) || !commands[command].handle)
		return ENOTSUP;
	if (payload_size(vfio) < commands[command].size)
		return EINVAL;
	if (!vfio->negotiated && command != CMD_VERSION)
		return EINVAL;
	return commands[command].handle(vfio);
}

/* False when the socket takes no more, or is no more */
static bool flush(struct vfio_user *vfio)
{
	while (vfio->left) {
		const uint8_t *from = (const uint8_t *)&vfio->reply + vfio->sent;
		ssize_t done = send(vfio->fd, from, vfio->left, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0) {
			if (errno != EAGAIN)
				vfio->closing = "the client reads no replies any more";
			return false;
		}
		vfio->sent += (size_t)done;
		vfio->left -= (size_t)done;
	}
	return true;
}

static void answer(struct vfio_user *vfio, int error)
{
	struct header *header = &vfio->reply.header;

	if (vfio->header.flags & FLAGS_NO_REPLY)
		return;
	if (error)
		vfio->reply_payload = 0;
	header->id = vfio->header.id;
	header->command = vfio->header.command;
	header->size = (uint32_t)(sizeof(*header) + vfio->reply_payload);
	header->flags = FLAGS_REPLY | (error ? FLAGS_ERROR : 0);
	header->error = (uint32_t)error;
	vfio->sent = 0;
	vfio->left = header->size;
	flush(vfio);
}

static void complete(struct vfio_user *vfio)
{
	int error;

	vfio->messages++;
	vfio->reply_payload = 0;
	error = carry_out(vfio);
	close_fds(vfio);
	vfio->have = 0;
	answer(vfio, error);
}

static const char *bad_header(const struct header *header)
{
	if ((header->flags & FLAGS_TYPE) != 0)
		return "the client replied, but nothing was asked";
	if (header->size < sizeof(*header) || header->size > sizeof(*header) + PAYLOAD_MAX)
		return "a message has an impossible size";
	return NULL;
}

/* Takes over the descriptors of a message; false when there are more than a message can have */
static bool take_fds(struct vfio_user *vfio, struct msghdr *message)
{
	bool good = !(message->msg_flags & MSG_CTRUNC);

	struct cmsghdr *part;

	for (part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
		size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(part) + i * sizeof(fd), sizeof(fd));
			if (vfio->fd_count < FDS_MAX) {
				vfio->fds[vfio->fd_count++] = fd;
			} else {
				close(fd);
				good = false;
			}
		}
	}
	return good;
}

/* At most @length bytes to @to; false when there are none now, or never again */
static bool receive(struct vfio_user *vfio, void *to, size_t length)
{
	char control[CMSG_SPACE(FDS_MAX * sizeof(int))] __attribute__((aligned(8)));
	struct iovec piece = { .iov_base = to, .iov_len = length };
	struct msghdr message = {
		.msg_iov = &piece, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t got;

	do
		got = recvmsg(vfio->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		return false;
	if (got <= 0) {
		vfio->closing = got < 0 ? strerror(errno) : "the client closed it";
		return false;
	}
	if (!take_fds(vfio, &message)) {
		vfio->closing = "a message has too many descriptors";
		return false;
	}
	vfio->have += (size_t)got;
	return true;
}

/* Reads some of the message under way; false when that is not possible now */
static bool step(struct vfio_user *vfio)
{
	size_t header = sizeof(vfio->header), body;

	if (vfio->have < header)
		return receive(vfio, (uint8_t *)&vfio->header + vfio->have, header - vfio->have);
	vfio->closing = bad_header(&vfio->header);
	if (vfio->closing)
		return false;
	body = vfio->have - header;
	if (vfio->have < vfio->header.size)
		return receive(vfio, vfio->payload + body, vfio->header.size - vfio->have);
	complete(vfio);
	return !vfio->closing && !vfio->left;
}

static void shut(struct vfio_user *vfio)
{
	watch_remove(vfio->watch);
	vfio->watch = NULL;
	vfio->device->closed(vfio->device->owner, vfio->closing);
}

static void ready(void *data, __attribute__((unused)) uint32_t events)
{
	struct vfio_user *vfio = data;
	uint64_t end = vfio->messages + BUDGET;

	if (flush(vfio))
		while (step(vfio) && vfio->messages < end)
			;
	if (vfio->closing)
		shut(vfio);
	else
		watch_events(vfio->watch, vfio->left ? EPOLLOUT : EPOLLIN);
}

static void interrupts_changed(void *data)
{
	struct vfio_user *vfio = data;

	vfio->device->ops->interrupts(vfio->device->data);
}

struct vfio_user *vfio_user_new(struct loop *loop, int fd, const struct vfio_device *device)
{
	struct vfio_user *vfio = calloc(1, sizeof(*vfio));

	if (!vfio) {
		close(fd);
		return NULL;
	}
	vfio->device = device;
	vfio->loop = loop;
	vfio->fd = fd;
	vfio->irqs = irqs_new(loop, device->vectors, interrupts_changed, vfio);
	if (vfio->irqs)
		vfio->watch = loop_watch(loop, fd, EPOLLIN, ready, vfio);
	if (vfio->watch)
		return vfio;
	vfio_user_free(vfio);
	return NULL;
}

void vfio_user_free(struct vfio_user *vfio)
{
	if (!vfio)
		return;
	if (vfio->watch)
		watch_remove(vfio->watch);
	close_fds(vfio);
	irqs_free(vfio->irqs);
	close(vfio->fd);
	free(vfio);
}

struct irqs *vfio_user_irqs(struct vfio_user *vfio)
{
	return vfio->irqs;
}

uint64_t vfio_user_messages(const struct vfio_user *vfio)
{
	return vfio->messages;
}
