/* SPDX-License-Identifier: BSD-2-Clause */
/* port.h - Ports of the switch and the endpoints plugged into them
 *
 * DOC: Theory of operation
 *
 * A port is a number with counters, VLANs and an access list: what the bridge
 * knows. An endpoint is what is plugged in: a VDE client's datagram socket, a tap. A
 * port may have several endpoints of one user (as in VDE); what is sent to the port
 * goes to all of them, and never from one to another.
 *
 * A port is made when something is plugged into it, or by its number or name from
 * the console, and stays when its last endpoint goes: inactive, with its counters.
 * Whoever asks for any port gets the lowest that is allocatable, has nothing plugged
 * in, and admits him. Settings that somebody made stay with the port; one that came
 * into being with its client is as new for the next.
 *
 * What kind of thing an endpoint is shows only in its struct endpoint_ops. To
 * receive, the kind drains its descriptor and hands batches to vsw_input(). To
 * send, port.c calls ->send() with a batch; the kind says how many the receiver
 * took, and the rest wait in the endpoint's bounded queue until ->wait_send()
 * brings the word that there is room again.
 *
 * Holding senders back. A full queue means loss, and a sender that can be held
 * back should be, as long as the receiver reads. When a unicast flow fills its
 * receiver's queue to the high mark, the endpoint the frames came from is no
 * longer read until the queue is at its low mark: the sender blocks (a VDE
 * client), or its ring or the host's queue fills (a tap). Flooded frames never
 * hold anybody back.
 *
 * But a receiver that stops must cost only itself, so time to wait has to be
 * earned, by both: by the receiver for each frame that it takes, and by the
 * sender for each frame of its own, PATIENCE_FRAME_US and as many microseconds as
 * the frame has times 256 bytes; each has at most PATIENCE_MAX_US. Waiting uses up both, and who has none left does not wait: what
 * does not fit is lost. A receiver that reads at all well rides over any pause of
 * its own up to the maximum without loss, on a busy machine too. One that stops
 * delays a sender by the maximum, once. And however receivers and their
 * accomplices behave, nobody who sends to them is held below one frame in
 * PATIENCE_FRAME_US; a receiver slower than that, under a sender that never stops,
 * loses frames. (Tried before: a fixed time for each wait lost frames of
 * honest receivers on a loaded machine; with the receiver's account alone, two
 * accomplices could keep an innocent sender waiting by filling and draining a
 * queue into which it said a word now and then.)
 *
 * The unit of failure is the endpoint: endpoint_fail() closes it, says why in
 * the log, and nobody else notices.
 */
#ifndef SWITCHD_PORT_H
#define SWITCHD_PORT_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/compiler.h"
#include "switchd/announce.h"
#include "switchd/guard.h"
#include "switchd/policy.h"
#include "switchd/stats.h"
#include "switchd/storm.h"
#include "switchd/stp.h"
#include "switchd/txq.h"
#include "switchd/vlan.h"

enum {
	ENDPOINT_DESCR = 160,		/* bytes */
	ENDPOINT_WHY = 128,
	PORT_ENDPOINTS_MAX = 16,	/* of one port */
	PATIENCE_MAX_US = 500000,
	PATIENCE_MIN_US = 20000,	/* less is not worth waiting */
	PATIENCE_TICK_US = 10000,	/* the accounts are looked at so often */
	PATIENCE_FRAME_US = 250,
	PATIENCE_BYTES_SHIFT = 8,
};

/* Why a port is shut: by an operator; for an address that it may not have; it gets copies
 * only. */
enum port_shut { PORT_SHUT_OPERATOR = 1, PORT_SHUT_SECURITY = 2, PORT_SHUT_MIRROR = 4 };

struct vsw;
struct endpoint;

/**
 * struct endpoint_ops - What kind of thing is plugged in
 * @module:	Name of the kind, as the console prints it
 * @send:	Offer @n frames to the receiver. Return: how many of them are done
 *		with, from the first on; fewer than @n means that the receiver
 *		has no room now, or that endpoint_dead() was called. Frames that
 *		can never be sent are counted with endpoint_drop() and are done
 *		with, too. Each frame sent is counted with endpoint_sent()
 * @wait_send:	Begin (or stop) to watch for room; call endpoint_can_send() then
 * @hold:	Stop (or go on) receiving
 * @close:	Release everything, @ep included
 */
struct endpoint_ops {
	const char *module;
	unsigned int (*send)(struct endpoint *ep, const struct frame *const *frames,
			     unsigned int n);
	void (*wait_send)(struct endpoint *ep, bool on);
	void (*hold)(struct endpoint *ep, bool on);
	void (*close)(struct endpoint *ep);
};

/**
 * struct endpoint - Something plugged into a port
 * @ops:	Its kind
 * @port:	Where it is plugged in
 * @next:	Next endpoint of the port
 * @id:		Number shown on the console
 * @uid:	Owner, or (uid_t)-1
 * @descr:	What its owner calls it
 * @takes:	What it takes of frames with offloads (lib/offload.h): 0 for most
 * @q:		Frames waiting for it
 * @recv_us:	What it earned by receiving, less the time others waited for it
 * @send_us:	What it earned by sending, less the time it waited for others
 * @held_us:	Up to when waiting for it is accounted for
 * @patience:	Runs while others wait for it
 * @waits_for:	The endpoint whose queue keeps this one from being read, or NULL
 * @dead:	It is of no use any more, @why says why; port_reap() closes it
 */
struct endpoint {
	const struct endpoint_ops *ops;
	struct port *port;
	struct endpoint *next;
	int id;
	uid_t uid;
	char descr[ENDPOINT_DESCR];
	uint64_t takes;
	struct txq q;
	uint32_t recv_us;
	uint32_t send_us;
	uint64_t held_us;
	ev_timer patience;
	bool dead;
	char why[ENDPOINT_WHY];
	struct endpoint *waits_for;
};

/**
 * struct port - A port
 * @vsw:	The switch
 * @id:		Its number
 * @place:	Its index in vsw->active, if it is active
 * @active:	It is in use: something is plugged in, or it has a @name
 * @forwarding:	The spanning tree lets frames go to it and come from it
 * @shut:	Why no frame goes to it nor comes from it, or 0; change it with
 *		port_set_shut() only
 * @endpoints:	What is plugged in
 * @name:	Given to it by the configuration, owned, or NULL. A named port is
 *		active before its peer is there and after it, and only those get it
 *		who ask for it by its name
 * @single:	A named port for one peer at a time
 * @kept:	Somebody made settings: they stay
 * @reserved:	Only who asks for its number gets it
 * @acl_user:	Only this user may plug in (and root, and @acl_group), or (uid_t)-1
 * @acl_group:	Only members of this group may (and root, and @acl_user), or (gid_t)-1
 * @stp_edge:	There is no bridge behind it
 * @stp_guard:	What may not be behind it
 * @stp_bonus:	What makes it cost less than others in the spanning tree
 * @storm:	How much it may flood
 * @policy:	What else it may do
 * @guard:	What it must show of its sources
 * @announce:	What those behind it are told
 * @vlan:	Its VLANs
 * @stats:	Counters
 * @batch:	Frames decided for it in the batch under way
 * @batch_count: How many
 * @unicast:	One of them was for this port alone
 * @limited:	It has a rate for what goes out; see policy_limit()
 */
struct port {
	struct vsw *vsw;
	uint16_t id;
	unsigned int place;
	bool active;
	bool forwarding;
	uint8_t shut;
	struct endpoint *endpoints;
	char *name;
	bool single;
	bool kept;
	bool reserved;
	uid_t acl_user;
	gid_t acl_group;
	bool stp_edge;
	enum stp_guard stp_guard;
	uint32_t stp_bonus;
	struct storm storm;
	struct policy policy;
	struct guard_port guard;
	struct announce_port announce;
	struct vlan_port vlan;
	struct port_stats stats;
	const struct frame *batch[FRAME_BATCH];
	unsigned int batch_count;
	bool unicast;
	bool limited;
};

/**
 * struct port_client - Who wants to plug in
 * @uid:	User; (uid_t)-1: whoever runs the switch, who may do everything
 * @sock:	Connection, to ask the kernel for his groups; -1: none
 */
struct port_client {
	uid_t uid;
	int sock;
};

#define PORT_CLIENT_OPERATOR	((struct port_client){ (uid_t)-1, -1 })

/* Life of a port. */

/**
 * port_make() - The port with a number, made if it does not exist
 * @vsw:	Switch
 * @id:		Number, 0 to vsw->numports
 *
 * Return: the port, inactive if it is new; NULL if there is no memory
 */
struct port *port_make(struct vsw *vsw, uint16_t id);

/**
 * port_name() - Give a name to a port that nobody uses
 * @vsw:	Switch
 * @id:		Port number
 * @name:	Its name; copied
 * @single:	It is for one peer at a time
 *
 * Return: 0; -EEXIST if the port is active; -ENOMEM
 */
int port_name(struct vsw *vsw, uint16_t id, const char *name, bool single) MUST_CHECK;

/* Take its name from a port, closing what is plugged in. */
void port_unname(struct port *port);

/* Let frames go to an active port, or no longer; never to one that is shut. */
void port_set_forwarding(struct port *port, bool on);

/* Shut a port for the reason @why, or take this reason away. What is plugged in stays;
 * what was learnt of the port is forgotten. */
void port_set_shut(struct port *port, enum port_shut why, bool on);

/* "operator", "security", "mirror", or "no". */
const char *port_shut_name(const struct port *port);

/* Remove a port that is not active. */
void port_remove(struct port *port);

/**
 * port_may_plug() - Could somebody plug in?
 * @vsw:	Switch
 * @id:		Port number
 * @who:	Who
 *
 * Return: 0; -EPERM if another user has it, its access list forbids it, or it is a
 * named one; -EUSERS if it has PORT_ENDPOINTS_MAX
 */
int port_may_plug(const struct vsw *vsw, uint16_t id,
		  const struct port_client *who) MUST_CHECK;

/* The lowest port from 1 on that @who gets without asking for a number; as new,
 * unless somebody made settings; none that is shut. Return: it, or -ENOSPC. */
int port_find_free(struct vsw *vsw, const struct port_client *who) MUST_CHECK;

/* Life of an endpoint. */

/**
 * port_plug() - Plug an endpoint into a port, made if it does not exist
 * @vsw:	Switch
 * @id:		Port number
 * @ep:		Endpoint with @ops, @id, @uid and @descr set; borrowed until it is
 *		closed
 * @who:	Whose it is; NULL: the port is a named one, and this is a peer that it
 *		is there for
 *
 * Return: 0; -ENOMEM; -EBUSY if a named port has its peer already; or as
 * port_may_plug()
 */
int port_plug(struct vsw *vsw, uint16_t id, struct endpoint *ep,
	      const struct port_client *who) MUST_CHECK;

/* Unplug and close an endpoint; with the last one its port becomes inactive. */
void endpoint_close(struct endpoint *ep);

/* The same, saying why in the log. */
void endpoint_fail(struct endpoint *ep, const char *fmt, ...) PRINTF(2, 3);

/* For kinds of endpoint. */

/* @n frames of @bytes together were sent. */
void endpoint_sent(struct endpoint *ep, unsigned int n, uint64_t bytes);
void endpoint_drop(struct endpoint *ep, enum drop_reason reason, unsigned int n);

/* It is of no use any more, for the reason given: to be closed when nobody is at
 * work. The first reason counts. */
void endpoint_dead(struct endpoint *ep, const char *fmt, ...) PRINTF(2, 3);

/* There is room again: send what waits. */
void endpoint_can_send(struct endpoint *ep);

/**
 * endpoint_takes() - What its receiver takes of frames with offloads has changed
 * @ep:		Endpoint, plugged in
 * @takes:	VNET_F_GUEST_... bits, see lib/offload.h
 */
void endpoint_takes(struct endpoint *ep, uint64_t takes);

/* For the switch. */

/* It brought @n frames of @bytes together. */
void endpoint_received(struct endpoint *ep, unsigned int n, uint64_t bytes);

/* Send the batch decided for @port, of frames that came from @from. */
void port_flush(struct port *port, struct endpoint *from);

/* Send @n frames, FRAME_BATCH at most, to what is plugged in, past everything that decides
 * and watches. */
void port_copy(struct port *port, const struct frame *const *frames, unsigned int n);

/* Close the endpoints found dead while sending; called between events, when no
 * endpoint is at work. */
void port_reap(struct vsw *vsw);

#endif /* SWITCHD_PORT_H */
