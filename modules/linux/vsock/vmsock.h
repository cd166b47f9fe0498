/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vmsock.h - what the files of vmsock.ko share: the socket and who may touch it
 *
 * Copyright (C) 2026 The vmsock authors
 *
 * Lock order
 *	socket lock (vmsock_lock) of one socket
 *	  > family mutex (family.c)
 *	  > accept.lock of a listener > its wait queue
 *	  > table lock (table.c)
 *	  > input.lock of a socket
 * Two socket locks are waited for together only while a listener makes a child, the
 * child's second; what the two share afterwards is under accept.lock.  Who sends a packet
 * with a socket lock held only tries to get the receiver's, see transport.c.  All code
 * runs in process context.  The lock of struct sock is for what the core keeps there.
 *
 * References: each table that a socket is in, the pending or accept queue of a
 * listener, a queued work item and an armed timer hold one reference each; a
 * child holds one on its listener (vsock.md 11.3).
 */
#ifndef VMSOCK_H
#define VMSOCK_H

#include <linux/cred.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <net/sock.h>

#include "common/address.h"
#include "common/handshake.h"
#include "common/notify.h"
#include "common/packet.h"
#include "vmci_api.h"

/**
 * struct vmsock_accept - what a listener and its children share
 * @lock: protects all of it, and sk_ack_backlog of the listener
 * @closed: the listener is going away, the children belong to the closer
 * @pending: children whose handshake is unfinished
 * @ready: children for accept(), in order of completion
 */
struct vmsock_accept {
	spinlock_t lock;
	bool closed;
	struct list_head pending;
	struct list_head ready;
};

/**
 * struct vmsock_input - packets and events of one socket, in order of arrival
 * @lock: protects @entries, @count and @closed
 * @closed: nothing is queued any more
 * @deferred: only @work handles entries; socket lock
 * @count: of @entries
 * @entries: struct vmsock_input_entry, those that came while somebody had the socket lock
 * @work: handles the entries when the owners of the lock have handled enough
 */
struct vmsock_input {
	spinlock_t lock;
	bool closed;
	bool deferred;
	unsigned int count;
	struct list_head entries;
	struct work_struct work;
};

/**
 * struct vmsock_stage - bytes taken from the queue pair ahead of recv
 * @data: buffer, NULL when there are none
 * @head: next byte to be delivered
 * @tail: end of the bytes
 *
 * In queue-state style the peer announces data only when the queue was empty.  A poll that
 * finds some data, but less than SO_RCVLOWAT, empties the queue into this buffer, so that
 * the next byte is announced (MEASURED defect: lost wake-up).
 */
struct vmsock_stage {
	u8 *data;
	size_t head;
	size_t tail;
};

/**
 * struct vmsock_sock - a socket
 * @sk: must be first
 * @lock: the socket lock
 * @bound: address given to bind, any before; set once under the table lock
 * @peer_addr: what getpeername reports
 * @autobound: the port was chosen by connect or send
 * @trusted: creator had CAP_NET_ADMIN in the initial user namespace
 * @owner: credentials of the creator
 * @limits: SO_VMCI_BUFFER_*
 * @connect_timeout: jiffies
 * @bound_node: entry of the bound table
 * @connected_node: entry of the connected table
 * @handle_node: entry of the handle table
 * @all_node: entry of the list of all sockets
 * @hs: state of the connection; socket lock
 * @notify: flow notification; socket lock
 * @qp: queue pair, NULL before the handshake and after it ended; socket lock
 * @detached: the peer has left @qp; set before the event about it is handled
 * @stage: see there; socket lock
 * @spin_ns: how long to look for an answer before sleeping
 * @bytes_sent: by the program, over streams; written under the socket lock
 * @bytes_received: by the program, likewise
 * @connect_error: positive errno of the attempt that ended last; socket lock
 * @connect_deadline: end of the attempt, in jiffies; socket lock
 * @connect_timer: end of a non-blocking attempt
 * @input: packets waiting to be handled
 * @unsent: VMSOCK_SEND_* bits of notifications that could not be sent; socket lock
 * @unsent_timer: tries them again
 * @listener: of a child that was not accepted, referenced; socket lock
 * @child_node: entry of listener's accept.pending or accept.ready; accept.lock of the listener
 * @pending_timer: end of a pending child
 * @accept: of a listener
 * @dgram: datagram endpoint, invalid before bind
 */
struct vmsock_sock {
	struct sock sk;
	struct mutex lock;
	struct vmsock_addr bound;
	struct vmsock_addr peer_addr;
	bool autobound;
	bool trusted;
	const struct cred *owner;
	struct vmsock_limits limits;
	long connect_timeout;

	struct hlist_node bound_node;
	struct hlist_node connected_node;
	struct hlist_node handle_node;
	struct hlist_node all_node;

	struct vmsock_handshake hs;
	struct vmsock_notify notify;
	struct vmci_qp *qp;
	bool detached;
	struct vmsock_stage stage;
	u64 spin_ns;
	u64 bytes_sent;
	u64 bytes_received;
	int connect_error;
	unsigned long connect_deadline;
	struct delayed_work connect_timer;
	struct vmsock_input input;
	unsigned int unsent;
	struct delayed_work unsent_timer;

	struct vmsock_sock *listener;
	struct list_head child_node;
	struct delayed_work pending_timer;
	struct vmsock_accept accept;

	struct vmci_handle dgram;
};

static inline struct vmsock_sock *vmsock_sk(const struct sock *sk)
{
	return (struct vmsock_sock *)sk;
}

static inline bool vmsock_is_dgram(const struct vmsock_sock *vsk)
{
	return vsk->sk.sk_type == SOCK_DGRAM;
}

/* Only the initial network namespace talks (vsock.md 10.9) */
static inline bool vmsock_net_talks(const struct sock *sk)
{
	return net_eq(sock_net(sk), &init_net);
}

extern struct workqueue_struct *vmsock_wq;

/* family.c - the family number and who holds it */
int vmsock_family_init(void);
void vmsock_family_exit(void);
int vmsock_family_get(void);
int vmsock_family_hold_socket(struct sock *sk);
void vmsock_family_put_socket(void);
void vmsock_family_open(void);
void vmsock_family_close(void);

/* device.c - the control device */
int vmsock_device_init(void);
void vmsock_device_exit(void);

/* socket.c - creation, and the calls all types share */
extern struct proto vmsock_proto;
int vmsock_create(struct net *net, struct socket *sock, int protocol, int kern);
struct vmsock_sock *vmsock_sock_alloc(struct net *net, struct socket *sock, int type, int kern,
				      struct vmsock_sock *listener);
int vmsock_errno(int result);
int vmsock_addr_errno(enum vmsock_addr_error error);
bool vmsock_trusted(const struct vmsock_sock *vsk, u32 cid);
bool vmsock_peer_allowed(const struct vmsock_sock *vsk, u32 cid);
int vmsock_autobind(struct vmsock_sock *vsk);
int vmsock_bind(struct socket *sock, struct sockaddr_unsized *addr, int len);
int vmsock_release(struct socket *sock);
int vmsock_getname(struct socket *sock, struct sockaddr *addr, int peer);
int vmsock_shutdown(struct socket *sock, int how);
int vmsock_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg);
int vmsock_compat_ioctl(struct socket *sock, unsigned int cmd, unsigned long arg);

/* option.c - socket options */
int vmsock_setsockopt(struct socket *sock, int level, int name, sockptr_t value,
		      unsigned int len);
int vmsock_getsockopt(struct socket *sock, int level, int name, char __user *value,
		      int __user *len);

/* stream.c, connect.c, accept.c - stream sockets */
extern struct proto_ops vmsock_stream_ops;
void vmsock_stream_init(struct vmsock_sock *vsk);
void vmsock_stream_close(struct vmsock_sock *vsk);
void vmsock_stream_reset(struct vmsock_sock *vsk);
int vmsock_stream_connect(struct socket *sock, struct sockaddr_unsized *addr, int len, int flags);
void vmsock_connect_done(struct vmsock_sock *vsk, int error);
void vmsock_connect_timeout(struct work_struct *work);
int vmsock_listen(struct socket *sock, int backlog);
int vmsock_accept(struct socket *sock, struct socket *newsock, struct proto_accept_arg *arg);
void vmsock_accept_request(struct vmsock_sock *listener, const struct vmsock_packet *pkt);
void vmsock_child_ready(struct vmsock_sock *child);
void vmsock_child_drop(struct vmsock_sock *child);
void vmsock_child_timeout(struct work_struct *work);
void vmsock_listener_close(struct vmsock_sock *vsk);
s64 vmsock_stream_unread(const struct vmsock_sock *vsk);

/* linger.c - queue pairs of connections that ended before the client knew of them */
void vmsock_linger(struct vmsock_sock *vsk);
void vmsock_linger_exit(void);

/* dgram.c - datagram sockets */
extern struct proto_ops vmsock_dgram_ops;
int vmsock_dgram_bind(struct vmsock_sock *vsk, struct vmsock_addr addr);
void vmsock_dgram_close(struct vmsock_sock *vsk);

/* table.c - bound and connected sockets, and those with a queue pair */
int vmsock_table_bind(struct vmsock_sock *vsk, struct vmsock_addr addr);
void vmsock_table_connect(struct vmsock_sock *vsk);
void vmsock_table_set_handle(struct vmsock_sock *vsk);
void vmsock_table_disconnect(struct vmsock_sock *vsk);
void vmsock_table_remove(struct vmsock_sock *vsk);
struct vmsock_sock *vmsock_table_find(const struct vmsock_packet *pkt);
struct vmsock_sock *vmsock_table_find_by_handle(struct vmci_handle handle);
void vmsock_table_enlist(struct vmsock_sock *vsk);
void vmsock_table_delist(struct vmsock_sock *vsk);
void vmsock_table_for_each(void (*fn)(struct vmsock_sock *vsk, void *arg), void *arg);

/* transport.c - control packets in and out of vmci.ko */
int vmsock_transport_init(void);
void vmsock_transport_exit(void);
int vmsock_send_packet(struct vmsock_packet *pkt);
void vmsock_step(struct vmsock_sock *vsk, struct vmsock_step step);
void vmsock_send_notifications(struct vmsock_sock *vsk, unsigned int what);
void vmsock_unsent_timeout(struct work_struct *work);
void vmsock_input_init(struct vmsock_input *input);
void vmsock_input_run(struct vmsock_sock *vsk);
void vmsock_input_stop(struct vmsock_sock *vsk);
void vmsock_input_close(struct vmsock_sock *vsk);
void vmsock_unlock(struct vmsock_sock *vsk);

/* wait.c - waiting for the peer */
long vmsock_wait(struct vmsock_sock *vsk, struct wait_queue_entry *wait, long timeout);

/* stats.c - counters and the list of sockets in debugfs */
void vmsock_stats_init(void);
void vmsock_stats_exit(void);
void vmsock_stats_sent(u8 type);
void vmsock_stats_received(u8 type);

/* vmsock_unlock() is in transport.c */
static inline void vmsock_lock(struct vmsock_sock *vsk)
{
	mutex_lock(&vsk->lock);
}

/* A new child, with the lock of its listener held */
static inline void vmsock_lock_child(struct vmsock_sock *child)
{
	mutex_lock_nested(&child->lock, SINGLE_DEPTH_NESTING);
}

/**
 * vmsock_arm() - arm a timer of a socket unless it is, one reference while it is armed
 * @vsk: the socket
 * @timer: one of its timers
 * @delay: jiffies
 */
static inline void vmsock_arm(struct vmsock_sock *vsk, struct delayed_work *timer, long delay)
{
	sock_hold(&vsk->sk);
	if (!queue_delayed_work(vmsock_wq, timer, delay))
		sock_put(&vsk->sk);
}

/* Undo vmsock_arm(); the timer may still be running, and then drops its reference itself */
static inline void vmsock_disarm(struct vmsock_sock *vsk, struct delayed_work *timer)
{
	if (cancel_delayed_work(timer))
		sock_put(&vsk->sk);
}

/* The same, and it no longer runs; never from the timer itself nor with the socket lock held */
static inline void vmsock_disarm_sync(struct vmsock_sock *vsk, struct delayed_work *timer)
{
	if (cancel_delayed_work_sync(timer))
		sock_put(&vsk->sk);
}

#endif /* VMSOCK_H */
