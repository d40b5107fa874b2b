/* SPDX-License-Identifier: BSD-2-Clause */
/* vsw.h - One virtual switch: its ports, its forwarding core, its captures
 *
 * DOC: Theory of operation
 *
 * Endpoints bring batches of frames to vsw_input(). A first pass asks the
 * bridge for a verdict on each frame and notes it with the ports it goes to; a
 * second pass sends to each of these ports once. So a batch for one receiver
 * costs one system call however many frames it has, and the cost of a frame
 * does not depend on how many ports there are.
 *
 * Nothing here is static: a process may hold several switches.
 */
#ifndef SWITCHD_VSW_H
#define SWITCHD_VSW_H

#include <ev.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/clock.h"
#include "lib/eth.h"
#include "lib/ratelimit.h"
#include "switchd/bridge.h"
#include "switchd/events.h"
#include "switchd/plugin.h"
#include "switchd/poller.h"
#include "switchd/port.h"

struct capture;
struct console;
struct port_tap_scratch;
struct port_vhost;
struct port_vhost_scratch;
struct vhost;
struct ctl;
struct finisher;
struct mirror;
struct port_dgram;
struct portgroup;
struct qmp_server;
struct stp;
struct stream;
struct tap;
struct vlan_out;
struct watcher;

enum {
	VSW_PORTS_DEFAULT = 32,
	VSW_PORTS_MAX = 65534,
	VSW_TAPS_MAX = 64,
	VSW_VHOST_PORTS_MAX = 64,
	VSW_STREAM_PORTS_MAX = 64,
	VSW_DGRAM_PORTS_MAX = 64,
	VSW_NAMED_PORTS_MAX = 64,
	VSW_FDB_MAX = 1 << 22,		/* addresses */
};

/**
 * struct vsw_port_config - A named port for VDE clients: DIR/NAME is its socket
 * @name:	Its name
 * @port:	Number, 0 = any
 * @mode:	Permission bits of the socket, or (mode_t)-1: as DIR/ctl
 * @gid:	Its group, or (gid_t)-1: as DIR/ctl
 */
struct vsw_port_config {
	char name[64];
	unsigned int port;
	mode_t mode;
	gid_t gid;
};

/**
 * struct vsw_named_config - A named port with a socket of its own for one peer
 * @name:	Its name
 * @path:	Socket, absolute, or empty: DIR/@name
 * @remote:	The peer's own socket, absolute, if frames go as datagrams
 * @client:	The peer listens at @path, we connect
 * @port:	Number, 0 = any
 * @mode:	Permission bits of the socket, if we listen
 * @gid:	Its group, or (gid_t)-1
 */
struct vsw_named_config {
	char name[64];
	char path[PATH_MAX];
	char remote[PATH_MAX];
	bool client;
	unsigned int port;
	mode_t mode;
	gid_t gid;
};

/**
 * struct vsw_config - What the command line asks for
 * @dir:	Switch directory, as given
 * @mode:	Permission bits of DIR/ctl and of data sockets
 * @dirmode:	Permission bits of the directory
 * @gid:	Group of the directory and its sockets, or (gid_t)-1
 * @mgmt:	Console socket, absolute, or empty
 * @mgmtmode:	Permission bits of the console and control sockets
 * @mgmtgid:	Their group, or (gid_t)-1
 * @numports:	Ports are 1 to this
 * @hub:	Flood everything
 * @hashsize:	Addresses the forwarding database has room for at least, a power of two
 * @vlan_mode:	When tags count
 * @vlan_shared: What is learned in one VLAN is known in all
 * @reserved:	Which reserved group addresses are forwarded
 * @mcast_snooping: Send multicast groups to those who joined
 * @mcast_querier: Ask who has joined
 * @lldp_s:	Seconds between frames that tell neighbours of the switch; 0: none
 * @stp:	Take part in the spanning tree
 * @priority:	The switch's priority there
 * @tap:	Names of taps to attach, or "fd=N", @taps of them; borrowed
 * @port:	Named ports for VDE clients, @named_ports of them
 * @vhost:	Named ports for vhost-user front ends, @vhosts of them; owned by
 *		whoever made them
 * @stream:	Likewise for streams of frames, @streams of them
 * @dgram:	Likewise for frames in datagrams, @dgrams of them
 * @polling:	What becomes of rings without traffic
 * @no_offloads: Nobody may leave checksums and segmentation to others
 * @addr:	The switch's own MAC address
 * @stdin_console: Standard input is a console
 * @rcfile:	Commands to run at start, absolute, or empty: the usual places
 * @strict:	An error in them, or a tap that cannot be attached, is fatal
 */
struct vsw_config {
	const char *dir;
	mode_t mode;
	mode_t dirmode;
	gid_t gid;
	char mgmt[PATH_MAX];
	mode_t mgmtmode;
	gid_t mgmtgid;
	unsigned int numports;
	bool hub;
	unsigned int hashsize;
	enum vlan_mode vlan_mode;
	bool vlan_shared;
	uint16_t reserved;
	bool mcast_snooping;
	bool mcast_querier;
	unsigned int lldp_s;
	bool stp;
	uint16_t priority;
	const char *tap[VSW_TAPS_MAX];
	unsigned int taps;
	struct vsw_port_config port[VSW_NAMED_PORTS_MAX];
	unsigned int named_ports;
	struct vsw_named_config *vhost[VSW_VHOST_PORTS_MAX];
	unsigned int vhosts;
	struct vsw_named_config *stream[VSW_STREAM_PORTS_MAX];
	unsigned int streams;
	struct vsw_named_config *dgram[VSW_DGRAM_PORTS_MAX];
	unsigned int dgrams;
	enum poller_mode polling;
	bool no_offloads;
	struct eth_addr addr;
	bool stdin_console;
	char rcfile[PATH_MAX];
	bool strict;
};

/**
 * struct vsw - A switch
 * @loop:	Event loop, borrowed
 * @cfg:	Configuration, borrowed
 * @bridge:	Forwarding core
 * @numports:	Ports are 1 to this, and port 0
 * @ports:	By number; NULL where there is none
 * @active:	The active ones, @active_count of them, in no order but that the first
 *		@forwarding_count of them forward
 * @touched:	Ports that got frames in the batch under way
 * @shut_count:	How many ports are shut
 * @stp:	Its part in the spanning tree, or NULL
 * @mcast:	Multicast groups; see snoop.h
 * @snooper:	Their clock, while snooping is on
 * @guard:	Whose addresses are whose; see guarding.h
 * @guard_passed: Of the batch under way, the frames that it lets go on
 * @announce:	What neighbours are told
 * @vlan_out:	Frames with other tags than they came with
 * @finisher:	Finishes frames for those who do not take offloads
 * @unfinished:	What the frames of the batch under way need (lib/offload.h), all bits
 *		of them: who brings such frames sets it for vsw_input()
 * @events:	Who wants to know what happens
 * @dead:	Endpoints waiting for port_reap()
 * @complaints:	Bounds what closed endpoints make us write into the log
 * @rx:		Receive buffers shared by all endpoints
 * @poller:	Polls rings
 * @vhost:	Takes vhost-user front ends in
 * @vhost_unplugged: Front ends that have no port yet, @vhost_waiting of them
 * @vhost_scratch: For their endpoints
 * @hashsize:	As the console shows it
 * @taps:	Interfaces that are to be attached
 * @tap_scratch: For their endpoints
 * @groups:	Named ports for VDE clients
 * @watchers:	Those who see the frames, or NULL
 * @stream:	Takes streams of frames in
 * @dgrams:	Ports whose peers send datagrams
 * @mirrors:	Port mirrors, or NULL
 * @captures:	Captures under way, or NULL
 * @plugins:	Those that are loaded
 * @start_ms:	When it began
 */
struct vsw {
	struct ev_loop *loop;
	const struct vsw_config *cfg;
	struct bridge bridge;
	unsigned int numports;
	struct port **ports;
	struct port **active;
	struct port **touched;
	unsigned int active_count;
	unsigned int forwarding_count;
	unsigned int shut_count;
	struct stp *stp;
	struct mcast *mcast;
	ev_timer snooper;
	struct guard *guard;
	struct frame *guard_passed;
	struct announce *announce;
	struct vlan_out *vlan_out;
	struct finisher *finisher;
	uint64_t unfinished;
	struct events events;
	unsigned int dead;
	struct ratelimit complaints;
	struct rxbuf *rx;
	struct poller poller;
	struct vhost *vhost;
	struct port_vhost *vhost_unplugged;
	unsigned int vhost_waiting;
	struct port_vhost_scratch *vhost_scratch;
	unsigned int hashsize;
	struct tap *taps;
	struct port_tap_scratch *tap_scratch;
	struct portgroup *groups;
	struct watcher *watchers;
	struct stream *stream;
	struct port_dgram *dgrams;
	struct mirror *mirrors;
	struct capture *captures;
	struct plugins plugins;
	uint64_t start_ms;
	ev_prepare reaper;
	ev_timer ager;
	int dirfd;
	char dir[PATH_MAX];
	struct ctl *ctl;
	struct console *console;
	struct qmp_server *control;
};

/**
 * vsw_create() - Make a switch: directory, sockets, console, taps
 * @loop:	Event loop, borrowed
 * @cfg:	Configuration, borrowed until vsw_destroy()
 *
 * Every failure is logged, naming the object. Return: the switch, or NULL with
 * nothing left behind and errno set; EADDRINUSE if another switch has the directory
 */
struct vsw *vsw_create(struct ev_loop *loop, const struct vsw_config *cfg);

/* The same without anything visible from outside: ports, bridge and time, but neither
 * directory nor sockets, console or taps, and no spanning tree yet. For tests. */
struct vsw *vsw_create_bare(struct ev_loop *loop, const struct vsw_config *cfg);

/* Close all ports, remove sockets and directory. NULL is fine. */
void vsw_destroy(struct vsw *vsw);

/**
 * vsw_input() - Frames came in: forward them
 * @ep:		Where they came from
 * @frames:	@n frames, at most FRAME_BATCH, all valid until this returns
 * @n:		How many
 *
 * Endpoints found dead while sending are closed later, @ep never before this
 * returns.
 */
void vsw_input(struct endpoint *ep, const struct frame *frames, unsigned int n);

/* Send a frame of the switch's own out of a port. */
void vsw_send(struct port *port, const struct frame *frame);

/**
 * vsw_resize() - Change the number of ports and the size of the address table
 * @vsw:	Switch
 * @numports:	Ports are 1 to this
 * @hashsize:	Addresses there is room for at least
 *
 * All addresses are forgotten but static and sticky ones. Return: 0; -EINVAL if a number
 * is out of its range; -EADDRINUSE if a port above @numports exists; -ENOSPC if there is no
 * room for those addresses; -ENOMEM; with nothing changed then
 */
int vsw_resize(struct vsw *vsw, unsigned int numports, unsigned int hashsize) MUST_CHECK;

/* Change how often old addresses are looked for, in seconds. */
void vsw_set_ageing_interval(struct vsw *vsw, unsigned int s);
unsigned int vsw_ageing_interval(const struct vsw *vsw);

/* A port is inactive from now on: forget its addresses and captures. */
void vsw_port_gone(struct vsw *vsw, uint16_t id);

/* A named port has nothing plugged in any more: forget its addresses. */
void vsw_port_empty(struct vsw *vsw, uint16_t id);

#endif /* SWITCHD_VSW_H */
