/* SPDX-License-Identifier: BSD-2-Clause */
/* net.h - Switches, what is plugged into them, and the cables between
 *
 * The switches are real ones (vsw_create_bare()) on a simulated machine (machine.h). What
 * is plugged into a port is an end: of a LAN, to which other ports belong, or an open one,
 * where a case sends frames and sees what comes. A LAN with two ends is a cable.
 *
 * A frame on a LAN arrives at its other ends after the LAN's delay, in order; one that
 * arrives while its switch does not read from there waits.
 */
#ifndef TESTS_TOPO_NET_H
#define TESTS_TOPO_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "switchd/vsw.h"

enum {
	NET_BRIDGES = 16,
	NET_ENDS = 512,
	NET_LANS = 64,
	NET_LAN_ENDS = 16,
	NET_NAME = 24,
	NET_FRAMES_MAX = 20000,	/* on all LANs at one time, or passing between two waits */
};

struct net;

/** struct net_bridge - A switch */
struct net_bridge {
	char name[NET_NAME];
	struct vsw_config cfg;
	struct vsw *vsw;
};

/**
 * struct net_end - Something plugged in
 * @plugged:	It is
 * @lan:	What it is an end of, or NULL: open
 * @blocked:	The receiver takes nothing
 * @credit:	But so many frames
 * @broken:	The next frame finds it gone
 * @waiting:	Its switch wants to know when there is room
 * @held:	Its switch does not read from it
 */
struct net_end {
	struct endpoint ep;
	struct net *net;
	struct net_bridge *bridge;
	uint16_t port;
	unsigned int nth;
	struct net_lan *lan;
	bool plugged;
	bool blocked;
	unsigned int credit;
	bool broken;
	bool waiting;
	bool held;
};

/** struct net_lan - A LAN; @down: it carries nothing, though all ends are plugged in */
struct net_lan {
	char name[NET_NAME];
	struct net_end *end[NET_LAN_ENDS];
	unsigned int ends;
	unsigned int delay_us;
	bool down;
};

/**
 * struct net_frame - A frame that came to an open end, or is on its way
 * @at_us:	When it came, or comes
 * @end:	Where
 * @taken:	The case has seen it
 */
struct net_frame {
	struct net_frame *next;
	uint64_t at_us;
	struct net_end *end;
	bool taken;
	size_t size;
	uint8_t bytes[];
};

struct net_list {
	struct net_frame *first, **last;
};

/**
 * struct net - All of it
 * @came:	Frames that came to open ends
 * @flying:	Frames on LANs
 * @passed:	How many there were since the time last advanced
 */
struct net {
	struct net_bridge bridge[NET_BRIDGES];
	unsigned int bridges;
	struct net_end *end[NET_ENDS];
	unsigned int ends;
	struct net_lan lan[NET_LANS];
	unsigned int lans;
	struct net_list came, flying;
	unsigned int passed;
};

/* An empty one. */
void net_init(struct net *net);
void net_destroy(struct net *net);

/* Make a switch that @b->cfg describes. Return: 0 or -errno. */
int net_start(struct net_bridge *b) MUST_CHECK;

/* The end plugged into a port as its @nth, made if need be; NULL if there are too many. */
struct net_end *net_end(struct net *net, struct net_bridge *b, uint16_t port,
			unsigned int nth);

/* Plug it in, or out. Return: 0 or -errno. */
int net_plug(struct net_end *end) MUST_CHECK;
void net_unplug(struct net_end *end);

/** struct net_bytes - A frame to send */
struct net_bytes {
	const uint8_t *bytes;
	size_t size;
};

/* @n frames come in at an end, together. */
void net_input(struct net_end *end, const struct net_bytes *frames, unsigned int n);

/* The receiver takes frames again. */
void net_room(struct net_end *end);

/* Let all happen that happens now. Return: false if frames go round. */
bool net_settle(struct net *net) MUST_CHECK;

/* Let time pass. Return: false if frames go round. */
bool net_wait(struct net *net, uint64_t us) MUST_CHECK;

/* Forget the frames of a list. */
void net_clear(struct net_list *list);

#endif /* TESTS_TOPO_NET_H */
