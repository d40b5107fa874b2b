/* SPDX-License-Identifier: BSD-2-Clause */
/* mirror.h - Port mirrors: copies of some ports' frames at another port
 *
 * DOC: Theory of operation
 *
 * A mirror is known by the port that gets the copies, its destination, and has any number
 * of sources, each with a direction: what comes in there, what goes out, or both. A frame
 * that passes two sources is copied twice. It is copied as it is on the wire of the source,
 * with the tags that it has there, whatever becomes of it in the switch.
 *
 * A destination takes part in nothing else as long as it is one: it is shut
 * (PORT_SHUT_MIRROR), what it brings is dropped, and only copies go there. Or else it is
 * said to stay normal; then it is a port as it was, with copies in between.
 *
 * A mirror is a watcher (watch.h), and copies go to the destination's endpoints past
 * everything that watches: a copy is never copied. No port is source and destination.
 *
 * A copy never makes a sender wait; one for which there is no room is dropped, and counted at
 * the destination.
 */
#ifndef SWITCHD_MIRROR_H
#define SWITCHD_MIRROR_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "switchd/vsw.h"
#include "switchd/watch.h"

enum { MIRROR_MAX = 16 };

/* Directions, as bits, seen from the switch. */
enum { MIRROR_IN = 1, MIRROR_OUT = 2, MIRROR_BOTH = 3 };

struct pcap_filter;

/**
 * struct mirror - A mirror
 * @next:	Next one of the switch
 * @to:		Destination
 * @normal:	That stays a port like others
 * @filter:	Only these frames, or NULL: all
 * @frames:	Copied
 * @ways:	What is copied of a port, by its number; 0: it is no source
 */
struct mirror {
	struct watcher watcher;
	struct vsw *vsw;
	struct mirror *next;
	uint16_t to;
	bool normal;
	struct pcap_filter *filter;
	uint64_t frames;
	uint8_t ways[VSW_PORTS_MAX + 1];
};

/* "in", "out" or "both". */
const char *mirror_way_name(unsigned int ways);
bool mirror_way_parse(const char *text, unsigned int *ways) MUST_CHECK;

/* The mirror whose destination is port @to, or NULL. */
struct mirror *mirror_find(const struct vsw *vsw, unsigned int to);

/**
 * mirror_add() - Copy a port's frames to another one
 * @vsw:	Switch
 * @to:		Destination; becomes one if it was none
 * @source:	Source; if it is one already, with other directions from now on
 * @ways:	Directions
 *
 * Return: 0; -EINVAL for a number out of its range, or twice the same; -ENXIO if there is
 * no such port; -EADDRINUSE if a source would be a destination; -ENOSPC if there are
 * MIRROR_MAX; -ENOMEM
 */
int mirror_add(struct vsw *vsw, unsigned int to, unsigned int source,
	       unsigned int ways) MUST_CHECK;

/* A source is none any more; with the last one the mirror goes. Return: 0 or -ENXIO. */
int mirror_del(struct vsw *vsw, unsigned int to, unsigned int source) MUST_CHECK;

/* Remove a mirror. Return: 0 or -ENXIO. */
int mirror_remove(struct vsw *vsw, unsigned int to) MUST_CHECK;

/* Copy these frames only; @filter becomes the mirror's own. NULL: all. */
void mirror_set_filter(struct mirror *m, struct pcap_filter *filter);

/* Whether the destination stays a port like others. */
void mirror_set_normal(struct mirror *m, bool on);

/* A port is removed: neither source nor destination any more. */
void mirror_port_gone(struct vsw *vsw, uint16_t id);

/* Remove all. */
void mirror_remove_all(struct vsw *vsw);

#endif /* SWITCHD_MIRROR_H */
