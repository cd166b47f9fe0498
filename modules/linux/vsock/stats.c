// SPDX-License-Identifier: GPL-2.0-only
/*
 * stats.c - control packets counted, sockets listed: /sys/kernel/debug/vmsock/
 *
 * Copyright (C) 2026 The vmsock authors
 *
 *	packets		a line for each type: NAME sent COUNT received COUNT
 *	sockets		a line for each socket: type, state, local address, peer address, inode
 *
 * Sent means accepted by vmci.ko; received means taken from it with a valid
 * header, whoever it was for.  A kernel without debugfs has neither file.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/seq_file.h>

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

/* Addresses change under the socket lock; a listing may show an old one */
static void socket_show(struct vmsock_sock *vsk, void *arg)
{
	struct seq_file *m = arg;

	seq_printf(m, "%-9s %5u %10u:%-10u %10u:%-10u %llu\n", type_name(&vsk->sk),
		   READ_ONCE(vsk->sk.sk_state), vsk->hs.local.cid, vsk->hs.local.port,
		   vsk->peer_addr.cid, vsk->peer_addr.port, (u64)sock_i_ino(&vsk->sk));
}

static int sockets_show(struct seq_file *m, void *unused)
{
	seq_puts(m, "type      state local                 peer                  inode\n");
	vmsock_table_for_each(socket_show, m);
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
