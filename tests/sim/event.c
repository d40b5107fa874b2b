/* SPDX-License-Identifier: BSD-2-Clause */
/* event.c - Events of the simulator: made from a seed, written to files, read again */
#include "config.h"

#include "tests/sim/sim.h"

#include <inttypes.h>
#include <string.h>

#include "switchd/storm.h"
#include "switchd/vlan.h"

const uint8_t sim_reserved[SIM_RESERVED] = { 0, 1, 14, 15 };
const uint8_t sim_groups[SIM_GROUPS][4] = {
	{ 239, 1, 1, 1 }, { 239, 1, 1, 2 }, { 238, 129, 1, 1 }, { 239, 0, 0, 1 },
};
const uint32_t sim_sizes[SIM_SIZES] = {
	60, 64, 14, 13, 17, 1514, 18, 300, 65535, 65531, 65536, 1,
};
const uint16_t sim_vids[SIM_VIDS] = { 0, 1, 2, 64, 100, 4094, 77, 4095 };

uint64_t sim_random(uint64_t *rng)
{
	/* xorshift64*. */
	*rng ^= *rng >> 12;
	*rng ^= *rng << 25;
	*rng ^= *rng >> 27;
	return *rng * 0x2545f4914f6cdd1d;
}

static unsigned int below(uint64_t *rng, unsigned int n)
{
	return (unsigned int)((sim_random(rng) >> 32) * n >> 32);
}

static bool one_in(uint64_t *rng, unsigned int n)
{
	return !below(rng, n);
}

void world_make(struct world *w, uint64_t seed)
{
	uint64_t rng = (seed + 1) * 0x9e3779b97f4a7c15;

	sim_random(&rng);
	*w = (struct world){
		.seed = seed,
		.ports = 2 + below(&rng, SIM_PORTS - 1),
		.addresses = one_in(&rng, 2) ? 256 : 4 + below(&rng, 40),
		.vlan_mode = one_in(&rng, 2) ? VLAN_AUTO : one_in(&rng, 4) ?
			     VLAN_TRANSPARENT : VLAN_STRICT,
		.hub = one_in(&rng, 16),
		.stp = one_in(&rng, 32),
		.snooping = one_in(&rng, 2),
		.reserved = one_in(&rng, 2) ? 0xfffd : 0x4000,
	};
	if (w->hub)
		w->stp = false;
	/* A change of the tree has groups flooded: that is for the topology cases. */
	if (w->stp)
		w->snooping = false;
}

/** struct maker - Making events; @flow: the frame that others are like */
struct maker {
	const struct world *w;
	uint64_t rng;
	struct sim_event *ev;
	unsigned int n, max;
	struct sim_event flow;
};

static void make(struct maker *k, struct sim_event ev)
{
	if (k->n < k->max)
		k->ev[k->n++] = ev;
}

/* A station that is at home at an end, or, sometimes, another. */
static uint8_t make_source(struct maker *k, unsigned int end)
{
	const unsigned int homes = k->w->ports;

	if (one_in(&k->rng, 64))
		return (uint8_t)(SIM_STATIONS + below(&k->rng, FROM_COUNT - SIM_STATIONS));
	if (one_in(&k->rng, 24))
		return (uint8_t)below(&k->rng, SIM_STATIONS);
	return (uint8_t)((end % homes + homes * below(&k->rng, 1 + SIM_STATIONS / homes)) %
			 SIM_STATIONS);
}

static uint8_t make_destination(struct maker *k)
{
	unsigned int c;

	if (!one_in(&k->rng, 4))
		return (uint8_t)below(&k->rng, SIM_STATIONS);
	if (one_in(&k->rng, 2) && !k->w->snooping)
		return TO_BROADCAST;
	/* BPDUs come alone. */
	c = TO_BROADCAST + below(&k->rng, TO_BPDU - TO_BROADCAST);
	return (uint8_t)c;
}

static uint32_t make_looks(struct maker *k)
{
	uint32_t tag = TAG_NONE, size = 0;

	if (!one_in(&k->rng, 3))
		tag = TAG_SINGLE + below(&k->rng, one_in(&k->rng, 8) ? TAG_COUNT - 1 : 5);
	if (one_in(&k->rng, 16))
		size = below(&k->rng, one_in(&k->rng, 64) ? SIM_SIZES : 8);
	return tag | size << D_SIZE_SHIFT | below(&k->rng, 8) << D_LUCK_SHIFT;
}

/* A batch of frames, of one flow mostly. */
static void make_batch(struct maker *k, unsigned int end, unsigned int n)
{
	const unsigned int stay = 2 + below(&k->rng, 8);

	for (unsigned int i = 0; i < n; i++) {
		if (!i || one_in(&k->rng, stay))
			k->flow = (struct sim_event){
				.op = OP_FRAME, .a = (uint8_t)end, .b = make_source(k, end),
				.c = make_destination(k), .d = make_looks(k),
			};
		k->flow.d |= i + 1 < n ? D_MORE : 0;
		if (i + 1 == n)
			k->flow.d &= ~(uint32_t)D_MORE;
		make(k, k->flow);
	}
}

/* One talks to one who does not listen, until the queue is long; then he does. */
static void make_congestion(struct maker *k)
{
	unsigned int from = below(&k->rng, k->w->ports), to = below(&k->rng, k->w->ports);
	unsigned int batches = 10 + below(&k->rng, 30);
	struct sim_event f = {
		.op = OP_FRAME, .a = (uint8_t)from, .b = (uint8_t)(from % SIM_STATIONS),
		.c = (uint8_t)(to % SIM_STATIONS),
	};
	const struct sim_event hello = {
		.op = OP_FRAME, .a = (uint8_t)to, .b = f.c, .c = TO_BROADCAST,
	};

	make(k, hello);
	make(k, (struct sim_event){ .op = OP_BLOCK, .a = (uint8_t)to });
	for (unsigned int i = 0; i < batches; i++) {
		for (unsigned int j = 0; j < SIM_BATCH; j++) {
			f.d = j + 1 < SIM_BATCH ? D_MORE : 0;
			make(k, f);
		}
		if (one_in(&k->rng, 6))
			make_batch(k, below(&k->rng, 2 * k->w->ports), 1 + below(&k->rng, 20));
		if (one_in(&k->rng, 10))
			make(k, (struct sim_event){ .op = OP_TIME, .d = below(&k->rng, 60000) });
	}
	for (unsigned int i = below(&k->rng, 6); i; i--) {
		make(k, (struct sim_event){ .op = OP_TAKE, .a = (uint8_t)to,
					.d = 1 + below(&k->rng, 700) });
		make_batch(k, below(&k->rng, 2 * k->w->ports), 1 + below(&k->rng, 20));
	}
	if (!one_in(&k->rng, 8))
		make(k, (struct sim_event){ .op = OP_TAKE, .a = (uint8_t)to });
}

static void make_time(struct maker *k)
{
	static const uint32_t most_us[] = { 100, 2000, 100000, 3000000, 300000000 };
	unsigned int i = below(&k->rng, 4) + (one_in(&k->rng, 20) ? 1 : 0);

	make(k, (struct sim_event){ .op = OP_TIME, .d = 1 + below(&k->rng, most_us[i]) });
}

static void make_command(struct maker *k)
{
	static const uint8_t often[] = {
		OP_VLAN_MAKE, OP_VLAN_MAKE, OP_VLAN_REMOVE, OP_UNTAGGED, OP_UNTAGGED, OP_TAGGED,
		OP_TAGGED, OP_TAGGED, OP_TAGGED, OP_NOT_TAGGED, OP_AGEING, OP_MIN_STAY, OP_FLUSH,
		OP_FLUSH_ALL, OP_STORM, OP_STORM, OP_FAST_LEAVE, OP_CREATE, OP_REMOVE, OP_RESET,
	};
	struct sim_event ev = {
		.op = often[below(&k->rng, ARRAY_SIZE(often))],
		.a = (uint8_t)below(&k->rng, k->w->ports),
	};

	if (one_in(&k->rng, 100))
		ev.op = one_in(&k->rng, 4) && !k->w->stp ? OP_HUB : OP_SNOOP;
	switch (ev.op) {
	case OP_VLAN_MAKE:
	case OP_VLAN_REMOVE:
	case OP_TAGGED:
	case OP_NOT_TAGGED:
		ev.b = (uint8_t)below(&k->rng, one_in(&k->rng, 10) ? SIM_VIDS : 6);
		break;
	case OP_UNTAGGED:
		ev.b = (uint8_t)below(&k->rng, 7);
		ev.b = ev.b == 6 ? SIM_VIDS : ev.b;
		break;
	case OP_AGEING:
		ev.d = below(&k->rng, 30) ? 5 + below(&k->rng, 200) : 0;
		break;
	case OP_MIN_STAY:
		ev.d = one_in(&k->rng, 2) ? 0 : below(&k->rng, 10);
		break;
	case OP_STORM:
		ev.b = (uint8_t)below(&k->rng, STORM_KINDS);
		ev.d = one_in(&k->rng, 2) ? 0 : 1 + below(&k->rng, 2000);
		break;
	case OP_HUB:
	case OP_SNOOP:
	case OP_FAST_LEAVE:
		ev.b = (uint8_t)below(&k->rng, 2);
		break;
	default:
		break;
	}
	if (one_in(&k->rng, 16))
		make(k, (struct sim_event){ .op = OP_NO_MEMORY, .d = 1 + below(&k->rng, 3) });
	make(k, ev);
}

/* A port is emptied and removed, and another of its number comes. */
static void make_replacement(struct maker *k)
{
	const unsigned int a = 1 + below(&k->rng, k->w->ports - 1);

	make(k, (struct sim_event){ .op = OP_UNPLUG, .a = (uint8_t)a });
	make(k, (struct sim_event){ .op = OP_UNPLUG, .a = (uint8_t)(a + k->w->ports) });
	make(k, (struct sim_event){ .op = OP_REMOVE, .a = (uint8_t)a });
	if (one_in(&k->rng, 2))
		make(k, (struct sim_event){ .op = OP_CREATE, .a = (uint8_t)a });
	make(k, (struct sim_event){ .op = OP_PLUG, .a = (uint8_t)a });
}

/* Something about an end: a receiver's mood, its coming and going. */
static void make_mood(struct maker *k)
{
	static const uint8_t often[] = {
		OP_TAKE, OP_TAKE, OP_TAKE, OP_BLOCK, OP_BREAK, OP_UNPLUG, OP_PLUG, OP_PLUG,
		OP_PLUG,
	};
	struct sim_event ev = {
		.op = often[below(&k->rng, ARRAY_SIZE(often))],
		.a = (uint8_t)below(&k->rng, 2 * k->w->ports),
	};

	/* Most ports have one. */
	if (!one_in(&k->rng, 4))
		ev.a %= k->w->ports;
	if (ev.op == OP_TAKE && one_in(&k->rng, 2))
		ev.d = 1 + below(&k->rng, 100);
	if (ev.op == OP_PLUG && one_in(&k->rng, 16))
		make(k, (struct sim_event){ .op = OP_NO_MEMORY, .d = 1 });
	make(k, ev);
}

void events_make(const struct world *w, struct sim_event *ev, unsigned int n)
{
	struct maker k = { .w = w, .ev = ev, .max = n };
	const unsigned int commands = 1 + below(&(uint64_t){ w->seed * 77 + 5 }, 40);

	k.rng = (w->seed + 3) * 0xd1342543de82ef95 | 1;
	sim_random(&k.rng);
	for (unsigned int i = 0; i < w->ports; i++)
		make(&k, (struct sim_event){ .op = OP_PLUG, .a = (uint8_t)i });
	for (unsigned int i = 0; i < 12 && w->vlan_mode != VLAN_TRANSPARENT && commands > 8; i++)
		make_command(&k);
	while (k.n < n) {
		unsigned int what = below(&k.rng, 1000), end = below(&k.rng, w->ports);

		if (what < commands)
			make_command(&k);
		else if (what < commands + 20)
			make_mood(&k);
		else if (what < commands + 100)
			make_time(&k);
		else if (what == 999)
			make_congestion(&k);
		else if (what == 997)
			make_replacement(&k);
		else if (what == 998 && w->stp)
			make(&k, (struct sim_event){ .op = OP_FRAME, .a = (uint8_t)end,
						 .c = TO_BPDU, .d = below(&k.rng, 16) <<
						 D_LUCK_SHIFT });
		else if (what > 990)
			make_batch(&k, end, SIM_BATCH);
		else
			make_batch(&k, one_in(&k.rng, 20) ? below(&k.rng, 2 * w->ports) : end,
				   1 + below(&k.rng, one_in(&k.rng, 2) ? 4 : 40));
	}
}

/* Files. */

static const char *const op_names[OP_COUNT] = {
	[OP_FRAME] = "frame", [OP_TIME] = "time", [OP_TAKE] = "take", [OP_BLOCK] = "block",
	[OP_BREAK] = "break", [OP_PLUG] = "plug", [OP_UNPLUG] = "unplug",
	[OP_NO_MEMORY] = "no-memory", [OP_VLAN_MAKE] = "vlan-make",
	[OP_VLAN_REMOVE] = "vlan-remove", [OP_UNTAGGED] = "untagged", [OP_TAGGED] = "tagged",
	[OP_NOT_TAGGED] = "not-tagged", [OP_AGEING] = "ageing", [OP_MIN_STAY] = "min-stay",
	[OP_FLUSH] = "flush", [OP_FLUSH_ALL] = "flush-all", [OP_STORM] = "storm",
	[OP_HUB] = "hub", [OP_SNOOP] = "snoop", [OP_FAST_LEAVE] = "fast-leave",
	[OP_CREATE] = "create", [OP_REMOVE] = "remove", [OP_RESET] = "reset",
};

void event_print(FILE *f, const struct sim_event *ev)
{
	fprintf(f, "%s %u %u %u %u\n", op_names[ev->op], ev->a, ev->b, ev->c, ev->d);
}

void world_print(FILE *f, const struct world *w)
{
	fprintf(f, "world seed %" PRIu64 " ports %u addresses %u vlans %u hub %u stp %u "
		"snooping %u reserved %u\n", w->seed, w->ports, w->addresses, w->vlan_mode,
		w->hub, w->stp, w->snooping, w->reserved);
}

int events_read(FILE *f, struct world *w, struct sim_event *ev, unsigned int max)
{
	unsigned int hub, stp, snooping, reserved, a, b, c, d;
	char line[160], name[32];
	int n = -1;

	while (fgets(line, sizeof(line), f)) {
		unsigned int op = 0;

		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (n < 0) {
			if (sscanf(line, "world seed %" SCNu64 " ports %u addresses %u vlans %u "
				   "hub %u stp %u snooping %u reserved %u", &w->seed, &w->ports,
				   &w->addresses, &w->vlan_mode, &hub, &stp, &snooping,
				   &reserved) != 8 || !w->ports || w->ports > SIM_PORTS)
				return -1;
			w->hub = hub;
			w->stp = stp;
			w->snooping = snooping;
			w->reserved = (uint16_t)reserved;
			n = 0;
			continue;
		}
		if (sscanf(line, "%31s %u %u %u %u", name, &a, &b, &c, &d) != 5 ||
		    n == (int)max)
			return -1;
		while (op < OP_COUNT && strcmp(op_names[op], name))
			op++;
		if (op == OP_COUNT || a >= SIM_ENDS || b > 255 || c >= TO_COUNT)
			return -1;
		ev[n++] = (struct sim_event){ (uint8_t)op, (uint8_t)a, (uint8_t)b, (uint8_t)c, d };
	}
	return n;
}

/* The topology language. */

static const char *station_name(unsigned int n, char buf[static 8])
{
	snprintf(buf, 8, n < SIM_STATIONS ? "s%u" : n == FROM_ZERO ? "zero" : "group", n + 1);
	return buf;
}

/* Where a frame goes to. */
static void topo_destination(FILE *f, unsigned int to)
{
	char name[8];

	if (to < SIM_STATIONS)
		fprintf(f, "%s", station_name(to, name));
	else if (to == TO_BROADCAST)
		fprintf(f, "broadcast");
	else if (to == TO_GROUP_MAC)
		fprintf(f, "01:00:5e:00:00:05");
	else if (to < TO_LOCAL)
		fprintf(f, "01:80:c2:00:00:%02x", sim_reserved[to - TO_RESERVED]);
	else if (to == TO_LOCAL)
		fprintf(f, "224.0.0.5");
	else
		fprintf(f, "%u.%u.%u.%u", sim_groups[(to - TO_GROUP) % SIM_GROUPS][0],
			sim_groups[(to - TO_GROUP) % SIM_GROUPS][1],
			sim_groups[(to - TO_GROUP) % SIM_GROUPS][2],
			sim_groups[(to - TO_GROUP) % SIM_GROUPS][3]);
}

static void topo_place(FILE *f, const struct world *w, unsigned int end)
{
	fprintf(f, "S.%u", end % w->ports);
	if (end >= w->ports)
		fprintf(f, "/%u", 1 + end / w->ports);
}

static void topo_frame(FILE *f, const struct world *w, const struct sim_event *ev,
		       bool together)
{
	const unsigned int tag = ev->d & D_TAG;
	const unsigned int size = sim_sizes[(ev->d >> D_SIZE_SHIFT & D_SIZE) % SIM_SIZES];
	static const char *const says[] = { "join", "leave", "query" };
	char name[8];

	if (ev->c >= TO_JOIN && ev->c <= TO_ASK_ALL) {
		fprintf(f, "%s %s ", says[MIN((ev->c - TO_JOIN) / SIM_GROUPS, 2)],
			station_name(ev->b, name));
		if (ev->c != TO_ASK_ALL)
			topo_destination(f, ev->c);
	} else {
		fprintf(f, together ? "  and " : "send ");
		topo_place(f, w, ev->a);
		fprintf(f, ": %s > ", ev->b == FROM_GROUP ? "03:00:00:00:00:1a" :
			station_name(ev->b, name));
		topo_destination(f, ev->c);
		fprintf(f, ev->c < TO_LOCAL ? " size %u" : "", size);
	}
	if (tag >= TAG_SINGLE && tag < TAG_PROVIDER)
		fprintf(f, " tag %u/%u", sim_vids[(tag - TAG_SINGLE) % SIM_VIDS],
			ev->d >> D_LUCK_SHIFT & 7);
	if (tag >= TAG_DOUBLE)
		fprintf(f, tag == TAG_PROVIDER ? " tag 88a8:100" : " tag 100");
	fprintf(f, "\n");
}

/* What the operator does, as the console has it. */
static void topo_command(FILE *f, const struct sim_event *ev)
{
	const unsigned int vid = ev->b < SIM_VIDS ? sim_vids[ev->b] : VLAN_NONE;

	switch ((enum op)ev->op) {
	case OP_VLAN_MAKE:
		fprintf(f, "S: vlan/create %u\n", vid);
		break;
	case OP_VLAN_REMOVE:
		fprintf(f, "S: vlan/remove %u\n", vid);
		break;
	case OP_UNTAGGED:
		fprintf(f, "S: port/setvlan %u %u\n", ev->a, vid);
		break;
	case OP_TAGGED:
		fprintf(f, "S: vlan/addport %u %u\n", vid, ev->a);
		break;
	case OP_NOT_TAGGED:
		fprintf(f, "S: vlan/delport %u %u\n", vid, ev->a);
		break;
	case OP_AGEING:
		fprintf(f, "S: hash/setexpire %u\n", ev->d);
		break;
	case OP_MIN_STAY:
		fprintf(f, "S: hash/setminper %u\n", ev->d);
		break;
	case OP_STORM:
		fprintf(f, "S: port/setstorm %u %s %u\n", ev->a, storm_name(ev->b), ev->d);
		break;
	case OP_HUB:
		fprintf(f, "S: port/sethub %u\n", ev->b);
		break;
	case OP_SNOOP:
		fprintf(f, "S: mcast/setsnooping %u\n", ev->b);
		break;
	case OP_FAST_LEAVE:
		fprintf(f, "S: mcast/setfastleave %u %u\n", ev->a, ev->b);
		break;
	case OP_CREATE:
		fprintf(f, "S: port/create %u\n", ev->a);
		break;
	case OP_REMOVE:
		fprintf(f, "S: port/remove %u\n", ev->a);
		break;
	case OP_RESET:
		fprintf(f, "S: port/resetcounter\n");
		break;
	default:
		fprintf(f, "# the addresses of port %u, or all, are flushed\n", ev->a);
		break;
	}
}

static void topo_event(FILE *f, const struct world *w, const struct sim_event *ev)
{
	static const char *const verbs[OP_COUNT] = {
		[OP_BLOCK] = "blocks", [OP_BREAK] = "breaks", [OP_PLUG] = "plug",
		[OP_UNPLUG] = "unplug", [OP_TAKE] = "takes",
	};

	if (ev->op == OP_TIME) {
		fprintf(f, "wait %uus\n", ev->d);
	} else if (ev->op == OP_NO_MEMORY) {
		fprintf(f, "no-memory %u\n", ev->d);
	} else if (verbs[ev->op]) {
		fprintf(f, "%s ", verbs[ev->op]);
		topo_place(f, w, ev->a);
		if (ev->op == OP_TAKE && ev->d)
			fprintf(f, " %u", ev->d);
		fprintf(f, "\n");
	} else {
		topo_command(f, ev);
	}
}

void events_print_topo(FILE *f, const struct world *w, const struct sim_event *ev,
		       unsigned int n)
{
	static const char *const modes[] = { "auto", "strict", "transparent" };
	char name[8];

	fprintf(f, "bridge S ports %u addresses %u vlans %s reserved %u%s%s%s\n", w->ports,
		w->addresses, modes[w->vlan_mode], w->reserved, w->hub ? " hub" : "",
		w->stp ? " stp" : "", w->snooping ? " snooping" : "");
	for (unsigned int i = 0; i < n; i++) {
		bool more = ev[i].op == OP_FRAME && (ev[i].d & D_MORE) && i + 1 < n &&
			    ev[i + 1].op == OP_FRAME && ev[i + 1].a == ev[i].a;
		bool together = i && ev[i - 1].op == OP_FRAME && (ev[i - 1].d & D_MORE) &&
				ev[i].op == OP_FRAME && ev[i - 1].a == ev[i].a;

		if (ev[i].op != OP_FRAME) {
			topo_event(f, w, &ev[i]);
			continue;
		}
		if (ev[i].c >= TO_JOIN && ev[i].c <= TO_ASK_ALL) {
			fprintf(f, "host %s ", station_name(ev[i].b, name));
			topo_place(f, w, ev[i].a);
			fprintf(f, "\n");
		}
		topo_frame(f, w, &ev[i], together);
		if (!more)
			fprintf(f, "  gets ?\n");
	}
}
