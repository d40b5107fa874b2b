/* SPDX-License-Identifier: BSD-2-Clause */
/* sim.h - The simulator: a switch under a random life, and a model that knows better
 *
 * DOC: Theory of operation
 *
 * A seed makes a world (how many ports, how large a table, VLANs or not, snooping or not)
 * and a list of events: frames, receivers that take nothing or a little or go away,
 * commands of an operator, clocks that jump, memory that runs out. A real switch lives
 * through them on a simulated machine (tests/topo/machine.h), and beside it a model: plain
 * arrays by VLAN, station and port, no hash, no list, no cache, written from the rules and
 * not from the code. After each batch of frames, what every receiver got is compared with
 * what the model says, byte by byte, in order; and all counters. So these hold, or the
 * simulator says which event broke them:
 *
 *  P1 conservation	each frame is sent, waits, or is dropped for a named reason
 *  P2 order		a receiver gets the frames of a sender in the order sent
 *  P3 isolation	no frame outside of its VLAN or group
 *  P4 learning		a frame to a known address goes to its port alone
 *  P5 bounds		the table has its size, and who holds most gives up his oldest
 *  P6 integrity	nothing in a frame changes but a tag
 *  P7 life		nothing is given to what was closed
 *  P8 work		at most one send for each endpoint and batch; nobody waits for long
 *  P9 errors		what failed changes nothing: the model does not do it
 *  P10 determinism	one seed, one trace
 *
 * Which address has to go when the table is full is the switch's choice among equals, so
 * the model takes its word for it, and checks that it was fair.
 *
 * The list of events of a seed that fails is shrunk, to be kept as a file (event.c).
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/compiler.h"
#include "switchd/fdb.h"
#include "switchd/stats.h"

enum {
	SIM_PORTS = 12,			/* ports 0 to this less 1 */
	SIM_ENDS = 2 * SIM_PORTS,	/* end E is at port E % ports, as its E / ports */
	SIM_STATIONS = 24,
	SIM_GROUPS = 4,
	SIM_VIDS = 8,
	SIM_RESERVED = 4,
	SIM_QUEUE = 2048,		/* frames; as port.h promises */
	SIM_QUEUE_HIGH = 1024,
	SIM_QUEUE_BYTES = 8 << 20,
	SIM_QUEUE_BYTES_HIGH = 4 << 20,
	SIM_HDR = 64,
	SIM_BATCH = 64,
	SIM_FDB_LOG = 4096,
	SIM_WHY = 512,
};

/** struct world - What does not change in a run */
struct world {
	uint64_t seed;
	unsigned int ports;
	unsigned int addresses;
	unsigned int vlan_mode;
	bool hub;
	bool stp;
	bool snooping;
	uint16_t reserved;
};

/* What can happen. */
enum op {
	OP_FRAME,	/* from end A: source B, destination C; D: see below */
	OP_TIME,	/* D microseconds pass */
	OP_TAKE,	/* end A takes D frames, 0: all from now on */
	OP_BLOCK,	/* end A takes none */
	OP_BREAK,	/* the next frame for end A finds it gone */
	OP_PLUG,	/* end A */
	OP_UNPLUG,
	OP_NO_MEMORY,	/* the next D allocations of the next event fail */
	OP_VLAN_MAKE,	/* number B */
	OP_VLAN_REMOVE,
	OP_UNTAGGED,	/* port A, VLAN B; B >= SIM_VIDS: none */
	OP_TAGGED,	/* port A, VLAN B */
	OP_NOT_TAGGED,
	OP_AGEING,	/* D seconds */
	OP_MIN_STAY,	/* D seconds */
	OP_FLUSH,	/* port A */
	OP_FLUSH_ALL,
	OP_STORM,	/* port A, kind B, D frames per second */
	OP_HUB,		/* B: on */
	OP_SNOOP,	/* B: on */
	OP_FAST_LEAVE,	/* port A, B: on */
	OP_CREATE,	/* port A */
	OP_REMOVE,	/* port A */
	OP_RESET,	/* counters */
	OP_COUNT,
};

/* Destinations, @c of a frame, behind the stations. */
enum {
	TO_BROADCAST = SIM_STATIONS,
	TO_GROUP_MAC,			/* a group that is no IP */
	TO_RESERVED,			/* SIM_RESERVED of them */
	TO_LOCAL = TO_RESERVED + SIM_RESERVED,	/* an IP group that all get */
	TO_GROUP,			/* SIM_GROUPS of them */
	TO_JOIN = TO_GROUP + SIM_GROUPS,
	TO_LEAVE = TO_JOIN + SIM_GROUPS,
	TO_ASK = TO_LEAVE + SIM_GROUPS,	/* about a group */
	TO_ASK_ALL = TO_ASK + SIM_GROUPS,
	TO_BPDU,
	TO_COUNT,
};

/* Sources, @b of a frame, behind the stations. */
enum { FROM_ZERO = SIM_STATIONS, FROM_GROUP, FROM_COUNT };

/* @d of a frame: tag in the lowest bits, then size, then whether the next one comes in
 * together with it; the rest is luck. */
enum {
	D_TAG = 0xff,
	D_SIZE_SHIFT = 8, D_SIZE = 15,
	D_MORE = 1 << 12,
	D_LUCK_SHIFT = 13,
	TAG_NONE = 0,
	TAG_SINGLE = 1,			/* SIM_VIDS of them */
	TAG_DOUBLE = TAG_SINGLE + SIM_VIDS,
	TAG_PROVIDER = TAG_DOUBLE + SIM_VIDS,
	TAG_COUNT,
	SIM_SIZES = 12,
};

/** struct sim_event - Something happens */
struct sim_event {
	uint8_t op, a, b, c;
	uint32_t d;
};

/** struct bytes - What a frame is made of: so much as given, and then the pattern */
struct bytes {
	uint32_t size;
	uint8_t hdr_size;
	uint8_t hdr[SIM_HDR];
};

enum form { FORM_AS_IS, FORM_UNTAGGED, FORM_TAGGED, FORM_COUNT };

/** struct sim_frame - A frame that came in; @as[FORM_TAGGED] is of @tagged_tci */
struct sim_frame {
	const struct sim_event *ev;
	unsigned int tags;		/* of 0x8100, in front */
	uint16_t tci;			/* of the outer one */
	struct bytes as[FORM_COUNT];
};

/** struct fdb_log - What the table of addresses said in a step */
struct fdb_log {
	struct { uint8_t what, vid, station; uint16_t port; } entry[SIM_FDB_LOG];
	unsigned int count, at;
};

/** struct want - Frame @frame of the batch, in a form */
struct want {
	uint8_t frame;
	uint8_t form;
};

struct sim;

/* It is not as it should be; the first reason counts. */
void sim_fail(struct sim *s, const char *fmt, ...) PRINTF(2, 3);
bool sim_failed(const struct sim *s);

/* VLANs, last digits of reserved addresses, IP groups, and bytes of frames. */
extern const uint16_t sim_vids[SIM_VIDS];
extern const uint8_t sim_reserved[SIM_RESERVED];
extern const uint8_t sim_groups[SIM_GROUPS][4];
extern const uint32_t sim_sizes[SIM_SIZES];

/* Events: event.c */

uint64_t sim_random(uint64_t *rng);
void world_make(struct world *w, uint64_t seed);
/* Fill @ev with @n events. */
void events_make(const struct world *w, struct sim_event *ev, unsigned int n);
void event_print(FILE *f, const struct sim_event *ev);
void world_print(FILE *f, const struct world *w);
/* The same in the topology language, as far as it goes: who gets a frame is for its author
 * to say. */
void events_print_topo(FILE *f, const struct world *w, const struct sim_event *ev,
		       unsigned int n);
/* Read a world and its events. Return: how many, at most @max; -1 if it is no such file. */
int events_read(FILE *f, struct world *w, struct sim_event *ev, unsigned int max);

/* The model: model.c */

struct model;

struct model *model_create(struct sim *s, const struct world *w);
void model_destroy(struct model *m);

/* Frames came in at a port that is plugged. @forwards and @learns: what the spanning tree
 * lets each port do, as bits. What ports get is in model_wants() after that. */
void model_input(struct model *m, unsigned int port, struct sim_frame *frames,
		 unsigned int n, uint64_t now_ms, uint32_t forwards, uint32_t learns,
		 struct fdb_log *log);

/* The frames that a port gets of the last batch. */
const struct want *model_wants(const struct model *m, unsigned int port, unsigned int *n,
			       bool *unicast);

/* Time passed; the table said @log meanwhile. */
void model_time(struct model *m, uint64_t now_ms, struct fdb_log *log);

/* A command. Return: 0 or the -errno that it should be refused with. */
int model_command(struct model *m, const struct sim_event *ev, uint64_t now_ms,
		  struct fdb_log *log);

/* Something was plugged in, as first or second; or went. */
void model_plugged(struct model *m, unsigned int port);
void model_unplugged(struct model *m, unsigned int port, struct fdb_log *log);
unsigned int model_plugs(const struct model *m, unsigned int port);

/* Addresses of a port went, for which there is no event. */
void model_forgot(struct model *m, struct fdb_log *log);

/* The counters of a port, for the driver to count what it sees. */
struct port_stats *model_stats(struct model *m, unsigned int port);

/* Where the model has a station: FDB_NO_PORT: nowhere. */
uint16_t model_where(const struct model *m, unsigned int vid, unsigned int station);
unsigned int model_addresses(const struct model *m);
/* Whether a port is in a group (index), or, with @group SIM_GROUPS, a router port. */
bool model_member(const struct model *m, unsigned int vid, unsigned int group,
		  unsigned int port);

/* The driver: drive.c */

/** struct outcome - How a run ended; @events: up to which event */
struct outcome {
	bool good;
	unsigned int events;
	uint64_t trace;
	uint64_t delivered, dropped;
	char why[SIM_WHY];
};

void sim_run(const struct world *w, const struct sim_event *ev, unsigned int n,
	     struct outcome *out);

#endif /* TESTS_SIM_SIM_H */
