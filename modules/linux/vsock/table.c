// SPDX-License-Identifier: GPL-2.0-only
/*
 * table.c - bound sockets, connected sockets, and sockets with a queue pair
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Source: docs/protocol/vsock.md 4.2, 5.4 step 3, 5.14.  One lock protects all
 * three tables.  A table entry holds a reference, and a lookup returns one.
 *
 *	bound		stream sockets by port; datagram ports live in vmci.ko
 *	connected	by peer and own port, from the first packet to the last:
 *			clients since connect, children since their request
 *	handle		by queue pair; both ends of a local pair are in it
 *
 * A list of all sockets, without references, serves those who count them.
 */
#include <linux/hashtable.h>
#include <linux/random.h>

#include "vmsock.h"

#define TABLE_BITS	10

static DEFINE_SPINLOCK(table_lock);
static DEFINE_HASHTABLE(bound_table, TABLE_BITS);
static DEFINE_HASHTABLE(connected_table, TABLE_BITS);
static DEFINE_HASHTABLE(handle_table, TABLE_BITS);
static HLIST_HEAD(all_sockets);

/* The port tried last by automatic binding, random at first use */
static u32 last_port;

static u32 connected_key(struct vmsock_addr peer, u32 port)
{
	return peer.cid ^ peer.port * 31 ^ port * 961;
}

static u32 handle_key(struct vmci_handle handle)
{
	return handle.context ^ handle.resource;
}

#define node_add(table, vsk, node, key) do {		\
	if (hlist_unhashed(&(vsk)->node)) {		\
		sock_hold(&(vsk)->sk);			\
		hash_add(table, &(vsk)->node, key);	\
	}						\
} while (0)

/* True if the caller has to drop the reference of the entry */
static bool node_del(struct hlist_node *node)
{
	if (hlist_unhashed(node))
		return false;
	hlist_del_init(node);
	return true;
}

static bool bound_conflicts(const struct vmsock_sock *vsk, struct vmsock_addr addr)
{
	struct vmsock_sock *other;

	hash_for_each_possible(bound_table, other, bound_node, addr.port)
		if (net_eq(sock_net(&other->sk), sock_net(&vsk->sk)) &&
		    vmsock_addr_conflict(other->bound, addr))
			return true;
	return false;
}

static bool bound_choose_port(const struct vmsock_sock *vsk, struct vmsock_addr *addr)
{
	unsigned int i;

	if (!last_port)
		last_port = get_random_u32() | VMSOCK_LAST_PRIVILEGED_PORT;
	for (i = 0; i < VMSOCK_AUTOBIND_ATTEMPTS; i++) {
		last_port = vmsock_port_next(last_port);
		addr->port = last_port;
		if (!bound_conflicts(vsk, *addr))
			return true;
	}
	return false;
}

/**
 * vmsock_table_bind() - give a stream socket its port
 * @vsk: not bound, socket lock held
 * @addr: port VMSOCK_PORT_ANY chooses one
 *
 * Return: 0, -EADDRINUSE, or -EADDRNOTAVAIL when no port was found.
 */
int vmsock_table_bind(struct vmsock_sock *vsk, struct vmsock_addr addr)
{
	int err = 0;

	spin_lock(&table_lock);
	if (addr.port == VMSOCK_PORT_ANY) {
		if (!bound_choose_port(vsk, &addr))
			err = -EADDRNOTAVAIL;
	} else if (bound_conflicts(vsk, addr)) {
		err = -EADDRINUSE;
	}
	if (!err) {
		vsk->bound = addr;
		node_add(bound_table, vsk, bound_node, addr.port);
	}
	spin_unlock(&table_lock);
	return err;
}

/**
 * vmsock_table_connect() - let a socket receive what comes from its peer
 * @vsk: hs.peer and hs.local.port are set, socket lock held or not yet visible
 */
void vmsock_table_connect(struct vmsock_sock *vsk)
{
	spin_lock(&table_lock);
	node_add(connected_table, vsk, connected_node,
		 connected_key(vsk->hs.peer, vsk->hs.local.port));
	spin_unlock(&table_lock);
}

/* Let a socket receive the events of its queue pair hs.handle; socket lock held */
void vmsock_table_set_handle(struct vmsock_sock *vsk)
{
	spin_lock(&table_lock);
	node_add(handle_table, vsk, handle_node, handle_key(vsk->hs.handle));
	spin_unlock(&table_lock);
}

static void table_remove(struct vmsock_sock *vsk, bool unbind)
{
	int refs;

	spin_lock(&table_lock);
	refs = node_del(&vsk->connected_node) + node_del(&vsk->handle_node);
	if (unbind)
		refs += node_del(&vsk->bound_node);
	spin_unlock(&table_lock);
	while (refs--)
		sock_put(&vsk->sk);
}

/* The connection is over: no packets, no events, but the port; the caller has a reference */
void vmsock_table_disconnect(struct vmsock_sock *vsk)
{
	table_remove(vsk, false);
}

/* The same, and the port is free at once */
void vmsock_table_remove(struct vmsock_sock *vsk)
{
	table_remove(vsk, true);
}

static struct vmsock_sock *find_connected(struct vmsock_addr peer, u32 port)
{
	struct vmsock_sock *vsk;

	hash_for_each_possible(connected_table, vsk, connected_node, connected_key(peer, port))
		if (vsk->hs.local.port == port && vmsock_addr_equal(vsk->hs.peer, peer))
			return vsk;
	return NULL;
}

static struct vmsock_sock *find_bound(struct vmsock_addr dst)
{
	struct vmsock_sock *vsk;

	hash_for_each_possible(bound_table, vsk, bound_node, dst.port)
		if (vmsock_net_talks(&vsk->sk) && vmsock_addr_receives(vsk->bound, dst))
			return vsk;
	return NULL;
}

/**
 * vmsock_table_find() - the socket a packet is for (vsock.md 5.4 step 3)
 * @pkt: checked packet
 *
 * Return: a referenced socket or NULL.
 */
struct vmsock_sock *vmsock_table_find(const struct vmsock_packet *pkt)
{
	struct vmsock_addr dst = vmsock_packet_dst(pkt);
	struct vmsock_sock *vsk;

	spin_lock(&table_lock);
	vsk = find_connected(vmsock_packet_src(pkt), dst.port);
	if (!vsk)
		vsk = find_bound(dst);
	if (vsk)
		sock_hold(&vsk->sk);
	spin_unlock(&table_lock);
	return vsk;
}

/**
 * vmsock_table_find_by_handle() - the socket a queue-pair event is for
 * @handle: of the queue pair
 *
 * Both ends of a local pair have the same handle, but the end that leaves is no longer in
 * the table when the event about it comes.
 *
 * Return: a referenced socket or NULL.
 */
struct vmsock_sock *vmsock_table_find_by_handle(struct vmci_handle handle)
{
	struct vmsock_sock *vsk, *found = NULL;

	spin_lock(&table_lock);
	hash_for_each_possible(handle_table, vsk, handle_node, handle_key(handle))
		if (vmci_handle_equal(vsk->hs.handle, handle)) {
			found = vsk;
			sock_hold(&found->sk);
			break;
		}
	spin_unlock(&table_lock);
	return found;
}

/* Every socket is listed from creation to destruction, without a reference */
void vmsock_table_enlist(struct vmsock_sock *vsk)
{
	spin_lock(&table_lock);
	hlist_add_head(&vsk->all_node, &all_sockets);
	spin_unlock(&table_lock);
}

void vmsock_table_delist(struct vmsock_sock *vsk)
{
	spin_lock(&table_lock);
	hlist_del(&vsk->all_node);
	spin_unlock(&table_lock);
}

/* Call @fn for each socket, table lock held */
void vmsock_table_for_each(void (*fn)(struct vmsock_sock *vsk, void *arg), void *arg)
{
	struct vmsock_sock *vsk;

	spin_lock(&table_lock);
	hlist_for_each_entry(vsk, &all_sockets, all_node)
		fn(vsk, arg);
	spin_unlock(&table_lock);
}
