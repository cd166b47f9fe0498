// SPDX-License-Identifier: GPL-2.0-only
/*
 * stats.c - control packets counted, sockets listed: /sys/kernel/debug/vmsock/
 *
 * Copyright (C) 2026 The vmsock authors
 *
 *	packets		a line for each type: NAME sent COUNT received COUNT
 *	sockets		a line for each socket: type, state, local address, peer address, inode;
 *			bytes sent and received by its program; bytes that wait in the queue pair to
 *			be read by the peer and by the program, and the sizes of these two queues
 *
 * Sent means accepted by vmci.ko; received means taken from it with a valid
 * header, whoever it was for.  A kernel without debugfs has neither file.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "vmsock.h"

/* Each processor counts for itself, no cache line is shared for it */
struct packet_counts {
	unsigned long sent[VMSOCK_PACKET_TYPE_COUNT];
	unsigned long received[VMSOCK_PACKET_TYPE_COUNT];
};

static DEFINE_PER_CPU(struct packet_counts, counts);
static struct dentry *folder;

void vmsock_stats_sent(u8 type)
{
	if (type < VMSOCK_PACKET_TYPE_COUNT)
		this_cpu_inc(counts.sent[type]);
}

void vmsock_stats_received(u8 type)
{
	if (type < VMSOCK_PACKET_TYPE_COUNT)
		this_cpu_inc(counts.received[type]);
}

static int packets_show(struct seq_file *m, void *unused)
{
	int type, cpu;

	for (type = 0; type < VMSOCK_PACKET_TYPE_COUNT; type++) {
		unsigned long sent = 0, received = 0;

		for_each_possible_cpu(cpu) {
			sent += per_cpu(counts.sent[type], cpu);
			received += per_cpu(counts.received[type], cpu);
		}
		seq_printf(m, "%s sent %lu received %lu\n", vmsock_packet_type_name(type), sent,
			   received);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(packets);

static const char *type_name(const struct sock *sk)
{
	switch (sk->sk_type) {
	case SOCK_STREAM:
		return "stream";
	case SOCK_DGRAM:
		return "dgram";
	default:
		return "seqpacket";
	}
}

/* Of a queue pair; there is one from the handshake to the end of the connection */
static void queues_show(struct vmsock_sock *vsk, struct seq_file *m)
{
	s64 sending = 0, receiving = 0, send_size = 0, receive_size = 0;

	if (vsk->qp) {
		sending = vmci_qpair_produce_buf_ready(vsk->qp);
		receiving = vmci_qpair_consume_buf_ready(vsk->qp);
		send_size = sending + vmci_qpair_produce_free_space(vsk->qp);
		receive_size = receiving + vmci_qpair_consume_free_space(vsk->qp);
	}
	seq_printf(m, " %lld %lld %lld %lld", sending, receiving, send_size, receive_size);
}

/*
 * Who has the socket lock may hold it as long as a page of its buffer takes to come. It is not
 * waited for: addresses may be old then, and of the queues nothing is known.
 */
static void socket_show(struct vmsock_sock *vsk, struct seq_file *m)
{
	seq_printf(m, "%-9s %5u %10u:%-10u %10u:%-10u %10llu %llu %llu", type_name(&vsk->sk),
		   READ_ONCE(vsk->sk.sk_state), vsk->hs.local.cid, vsk->hs.local.port,
		   vsk->peer_addr.cid, vsk->peer_addr.port, (u64)sock_i_ino(&vsk->sk),
		   READ_ONCE(vsk->bytes_sent), READ_ONCE(vsk->bytes_received));
	if (mutex_trylock(&vsk->lock)) {
		queues_show(vsk, m);
		vmsock_unlock(vsk);
	} else {
		seq_puts(m, " - - - -");
	}
	seq_putc(m, '\n');
}

/* References to the sockets that there are */
struct listing {
	struct vmsock_sock **sockets;
	unsigned int count, room;
};

static void count_socket(struct vmsock_sock *vsk, void *arg)
{
	((struct listing *)arg)->room++;
}

/* Table lock held, and a socket leaves the table before its memory goes */
static void list_socket(struct vmsock_sock *vsk, void *arg)
{
	struct listing *listing = arg;

	if (listing->count < listing->room && refcount_inc_not_zero(&vsk->sk.sk_refcnt))
		listing->sockets[listing->count++] = vsk;
}

static int sockets_show(struct seq_file *m, void *unused)
{
	struct listing listing = { };
	unsigned int i;

	vmsock_table_for_each(count_socket, &listing);
	listing.sockets = kvmalloc_array(listing.room + 1, sizeof(*listing.sockets), GFP_KERNEL);
	if (!listing.sockets)
		return -ENOMEM;
	vmsock_table_for_each(list_socket, &listing);
	seq_puts(m, "type      state local                 peer                       inode"
		    " sent received send-queue receive-queue send-size receive-size\n");
	for (i = 0; i < listing.count; i++) {
		socket_show(listing.sockets[i], m);
		sock_put(&listing.sockets[i]->sk);
	}
	kvfree(listing.sockets);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sockets);

void vmsock_stats_init(void)
{
	folder = debugfs_create_dir("vmsock", NULL);
	debugfs_create_file("packets", 0400, folder, NULL, &packets_fops);
	debugfs_create_file("sockets", 0400, folder, NULL, &sockets_fops);
}

void vmsock_stats_exit(void)
{
	debugfs_remove_recursive(folder);
}
