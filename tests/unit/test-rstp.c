/* SPDX-License-Identifier: BSD-2-Clause */
/* test-rstp.c - the spanning tree among simulated bridges
 *
 * A network of bridges (the real state machine), segments between their ports, and a
 * clock. A segment has any number of ends: one is a host's port, two a cable, more a
 * hub. Frames take a time, may be lost, and die with the segment. Whenever a port
 * begins to forward, the graph of what forwards is searched for a loop. RSTP_SEED in
 * the environment chooses the random networks; a failure names it.
 *
 * Loops: none is allowed, except in the random networks. There, news of a bridge that
 * is gone may chase itself round a ring ("counting to infinity"), and agreements that
 * crossed newer BPDUs on slow cables may close it for a moment. The protocol cannot
 * avoid that; that it is rare and short is what is tested.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "switchd/bpdu.h"
#include "switchd/rstp.h"

enum {
	SIM_BRIDGES = 12,
	SIM_PORTS = 16,
	SIM_SEGMENTS = 48,
	SIM_ENDS = 4,
	SIM_FRAMES = 4096,
	SIM_FRAME_MAX = 64,
	SIM_COST = 20000,
};

struct sim;

struct sim_bridge {
	struct sim *sim;
	struct rstp *rstp;
	unsigned int n;
	bool frozen;			/* its links are up, but it does nothing */
	int segment[SIM_PORTS];		/* -1 if none */
	unsigned int flushed[SIM_PORTS];
	unsigned int sent[SIM_PORTS];
	struct bpdu last_sent[SIM_PORTS];
	unsigned int roots;		/* calls of the root callback */
};

struct sim_segment {
	unsigned int ends;
	struct { unsigned int bridge; uint16_t port; } end[SIM_ENDS];
	bool up;
	unsigned int epoch;		/* frames of another one are lost */
	unsigned int delay;
	unsigned int loss;		/* in 1000 */
};

struct sim_frame {
	uint64_t at;
	uint64_t order;
	int segment;
	unsigned int epoch;
	unsigned int from;		/* end */
	size_t size;
	uint8_t bytes[SIM_FRAME_MAX];
};

struct sim {
	uint64_t now;
	uint64_t rng;
	unsigned int bridges;
	struct sim_bridge bridge[SIM_BRIDGES];
	unsigned int segments;
	struct sim_segment segment[SIM_SEGMENTS];
	unsigned int frames;
	struct sim_frame frame[SIM_FRAMES];
	uint64_t order;
	uint64_t last_change;		/* of a port's state */
	bool allow_loops;		/* any */
	unsigned int loop_max;		/* ms; 0: none may be */
	uint64_t loop_since;		/* 0 if there is none */
	unsigned int loops;
};

static uint64_t sim_random(struct sim *s, uint64_t n)
{
	s->rng = s->rng * 6364136223846793005 + 1442695040888963407;
	return (s->rng >> 33) % n;
}

static struct eth_addr addr(unsigned int n)
{
	return (struct eth_addr){ { 2, 0, 0, 0, (uint8_t)(n >> 8), (uint8_t)n } };
}

/* The identifier of bridge @n with the default priority. */
static uint64_t id(unsigned int n)
{
	return (uint64_t)RSTP_PRIORITY_DEFAULT << 48 | eth_addr_to_u64(addr(n));
}

static bool sim_forwards(const struct sim *s, unsigned int bridge, uint16_t port)
{
	return rstp_port_state(s->bridge[bridge].rstp, port) == RSTP_FORWARDING;
}

static unsigned int find(unsigned int *parent, unsigned int i)
{
	while (parent[i] != i)
		i = parent[i] = parent[parent[i]];
	return i;
}

/* Join what forwards into components. Return: whether there is no loop. */
static bool sim_components(const struct sim *s, unsigned int *parent)
{
	for (unsigned int i = 0; i < SIM_BRIDGES + SIM_SEGMENTS; i++)
		parent[i] = i;
	for (unsigned int i = 0; i < s->segments; i++) {
		const struct sim_segment *g = &s->segment[i];

		for (unsigned int e = 0; g->up && e < g->ends; e++) {
			unsigned int a = find(parent, SIM_BRIDGES + i);
			unsigned int b = find(parent, g->end[e].bridge);

			if (!sim_forwards(s, g->end[e].bridge, g->end[e].port))
				continue;
			if (a == b)
				return false;
			parent[a] = b;
		}
	}
	return true;
}

static void sim_check_loops(struct sim *s)
{
	unsigned int parent[SIM_BRIDGES + SIM_SEGMENTS];

	if (s->allow_loops)
		return;
	if (sim_components(s, parent)) {
		s->loop_since = 0;
		return;
	}
	if (!s->loop_since) {
		s->loop_since = s->now;
		s->loops++;
	}
	if (!s->loop_max || s->now - s->loop_since > s->loop_max)
		fail_msg("a loop at %lu ms", (unsigned long)s->now);
}

static struct rstp_info info(const struct sim *s, unsigned int bridge)
{
	struct rstp_info i;

	rstp_get_info(s->bridge[bridge].rstp, &i);
	return i;
}

static struct rstp_port_info port_info(const struct sim *s, unsigned int bridge,
				       uint16_t port)
{
	struct rstp_port_info i;

	assert_int_equal(rstp_port_get_info(s->bridge[bridge].rstp, port, &i), 0);
	return i;
}

static void on_send(void *ctx, uint16_t port, const uint8_t *frame, size_t size)
{
	struct sim_bridge *b = ctx;
	struct sim *s = b->sim;
	int segment = b->segment[port];
	struct sim_segment *g = &s->segment[segment];
	struct sim_frame *f;

	b->sent[port]++;
	assert_true(segment >= 0);
	/* Bad is what a stranger's times made too old to go on. */
	assert_int_not_equal(bpdu_parse(frame, size, &b->last_sent[port]), BPDU_OTHER);
	assert_true(port_info(s, b->n, port).up);
	for (unsigned int e = 0; e < g->ends; e++) {
		if (g->end[e].bridge != b->n || g->end[e].port != port)
			continue;
		assert_true(s->frames < SIM_FRAMES && size <= SIM_FRAME_MAX);
		f = &s->frame[s->frames++];
		*f = (struct sim_frame){ s->now + g->delay, s->order++, segment,
					 g->epoch, e, size, { 0 } };
		memcpy(f->bytes, frame, size);
	}
}

static void on_state(void *ctx, uint16_t port, enum rstp_state state)
{
	struct sim_bridge *b = ctx;

	assert_int_equal(rstp_port_state(b->rstp, port), state);
	b->sim->last_change = b->sim->now;
	if (state == RSTP_FORWARDING)
		sim_check_loops(b->sim);
}

static void on_flush(void *ctx, uint16_t port)
{
	struct sim_bridge *b = ctx;

	b->flushed[port]++;
}

static void on_root(void *ctx)
{
	struct sim_bridge *b = ctx;

	b->roots++;
}

static const struct rstp_ops ops = { on_send, on_state, on_flush, on_root };

static struct sim *sim_create(unsigned int bridges, uint64_t seed)
{
	struct sim *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->rng = seed;
	s->now = 1000000;
	s->bridges = bridges;
	for (unsigned int i = 0; i < bridges; i++) {
		struct sim_bridge *b = &s->bridge[i];

		b->sim = s;
		b->n = i;
		memset(b->segment, -1, sizeof(b->segment));
		b->rstp = rstp_create(SIM_PORTS, addr(i), &ops, b);
		assert_non_null(b->rstp);
		rstp_set_enabled(b->rstp, true, s->now);
	}
	return s;
}

static void sim_destroy(struct sim *s)
{
	for (unsigned int i = 0; i < s->bridges; i++)
		rstp_destroy(s->bridge[i].rstp);
	free(s);
}

static void sim_set_up(struct sim *s, int segment, bool up)
{
	struct sim_segment *g = &s->segment[segment];

	g->up = up;
	g->epoch++;
	for (unsigned int e = 0; e < g->ends; e++)
		assert_int_equal(rstp_port_set_up(s->bridge[g->end[e].bridge].rstp,
						  g->end[e].port, up, s->now), 0);
}

/* A segment that is down, with no ends. */
static int sim_segment(struct sim *s, unsigned int delay)
{
	assert_true(s->segments < SIM_SEGMENTS);
	s->segment[s->segments] = (struct sim_segment){ .delay = delay };
	return (int)s->segments++;
}

/* Another end of a segment that is down, at the lowest free port of @bridge. */
static uint16_t sim_end(struct sim *s, int segment, unsigned int bridge, uint32_t cost)
{
	struct sim_segment *g = &s->segment[segment];
	struct sim_bridge *b = &s->bridge[bridge];
	uint16_t port = 0;

	while (b->segment[port] >= 0)
		port++;
	assert_true(port < SIM_PORTS && g->ends < SIM_ENDS);
	b->segment[port] = segment;
	assert_int_equal(rstp_port_add(b->rstp, port, cost, s->now), 0);
	g->end[g->ends].bridge = bridge;
	g->end[g->ends++].port = port;
	if (g->ends > 2)
		for (unsigned int e = 0; e < g->ends; e++)
			rstp_port_set_p2p(s->bridge[g->end[e].bridge].rstp,
					  g->end[e].port, false, s->now);
	return port;
}

/* A cable, plugged in. */
static int sim_cable(struct sim *s, unsigned int a, unsigned int b)
{
	int segment = sim_segment(s, 1);

	sim_end(s, segment, a, SIM_COST);
	sim_end(s, segment, b, SIM_COST);
	sim_set_up(s, segment, true);
	return segment;
}

static void sim_deliver(struct sim *s, unsigned int i)
{
	struct sim_frame f = s->frame[i];
	struct sim_segment *g = &s->segment[f.segment];

	s->frame[i] = s->frame[--s->frames];
	if (!g->up || f.epoch != g->epoch)
		return;
	for (unsigned int e = 0; e < g->ends; e++) {
		struct sim_bridge *b = &s->bridge[g->end[e].bridge];

		if (e == f.from || b->frozen || sim_random(s, 1000) < g->loss)
			continue;
		assert_true(rstp_input(b->rstp, g->end[e].port, f.bytes, f.size, s->now));
	}
}

/* The frame that comes first, or -1. */
static int sim_first_frame(const struct sim *s)
{
	int first = -1;

	for (unsigned int i = 0; i < s->frames; i++)
		if (first < 0 || s->frame[i].at < s->frame[first].at ||
		    (s->frame[i].at == s->frame[first].at &&
		     s->frame[i].order < s->frame[first].order))
			first = (int)i;
	return first;
}

/* Let everything happen that happens until @end. Bridges tick when they asked to. */
static void sim_run_until(struct sim *s, uint64_t end)
{
	for (;;) {
		int frame = sim_first_frame(s);
		uint64_t next = frame >= 0 ? s->frame[frame].at : RSTP_NEVER;
		struct sim_bridge *ticks = NULL;

		for (unsigned int i = 0; i < s->bridges; i++) {
			struct sim_bridge *b = &s->bridge[i];

			if (!b->frozen && rstp_next(b->rstp) < next) {
				next = rstp_next(b->rstp);
				ticks = b;
			}
		}
		if (next > end)
			break;
		s->now = MAX(s->now, next);
		if (s->loop_since)
			sim_check_loops(s);
		if (ticks) {
			rstp_tick(ticks->rstp, s->now);
			assert_true(rstp_next(ticks->rstp) > s->now);
		} else {
			sim_deliver(s, (unsigned int)frame);
		}
	}
	s->now = end;
}

static void sim_run(struct sim *s, unsigned int ms)
{
	sim_run_until(s, s->now + ms);
}

/* Run for a while. Return: ms until the last port's state changed. */
static unsigned int sim_converge(struct sim *s, unsigned int ms)
{
	uint64_t start = s->now;

	s->last_change = start;
	sim_run(s, ms);
	return (unsigned int)(s->last_change - start);
}

static void assert_port(const struct sim *s, unsigned int bridge, uint16_t port,
			enum rstp_role role, enum rstp_state state)
{
	assert_string_equal(rstp_role_name(port_info(s, bridge, port).role),
			    rstp_role_name(role));
	assert_string_equal(rstp_state_name(port_info(s, bridge, port).state),
			    rstp_state_name(state));
}

/* What the protocol must have found, found in another way: which bridges can reach
 * each other, the best of them, and the cheapest paths to it, by relaxing edges.
 */
static void sim_distances(const struct sim *s, const uint64_t *bridge_id, uint64_t *root,
			  uint64_t *cost)
{
	bool moved = true;

	for (unsigned int i = 0; i < s->bridges; i++) {
		root[i] = bridge_id[i];
		cost[i] = 0;
	}
	while (moved) {
		moved = false;
		for (unsigned int i = 0; i < s->segments; i++) {
			const struct sim_segment *g = &s->segment[i];

			for (unsigned int x = 0; g->up && x < g->ends * g->ends; x++) {
				unsigned int f = x / g->ends, t = x % g->ends;
				unsigned int a = g->end[f].bridge, b = g->end[t].bridge;
				uint64_t c = cost[a] + port_info(s, b, g->end[t].port).cost;

				if (root[a] > root[b] || (root[a] == root[b] && c >= cost[b]))
					continue;
				root[b] = root[a];
				cost[b] = c;
				moved = true;
			}
		}
	}
}

/* The tree is one, and it is the right one. */
static void assert_converged(const struct sim *s)
{
	unsigned int parent[SIM_BRIDGES + SIM_SEGMENTS];
	uint64_t ids[SIM_BRIDGES], root[SIM_BRIDGES], cost[SIM_BRIDGES];

	assert_true(sim_components(s, parent));
	for (unsigned int i = 0; i < s->bridges; i++)
		ids[i] = info(s, i).bridge;
	sim_distances(s, ids, root, cost);
	for (unsigned int i = 0; i < s->bridges; i++) {
		assert_int_equal(info(s, i).root, root[i]);
		assert_int_equal(info(s, i).root_cost, cost[i]);
		assert_int_equal(info(s, i).root_port < 0, root[i] == ids[i]);
		for (unsigned int j = 0; j < s->bridges; j++)
			assert_int_equal(find(parent, i) == find(parent, j),
					 root[i] == root[j]);
	}
	/* On every segment one port is designated and forwards; of the others, root
	 * ports forward, too.
	 */
	for (unsigned int i = 0; i < s->segments; i++) {
		const struct sim_segment *g = &s->segment[i];
		unsigned int designated = 0;

		for (unsigned int e = 0; g->up && e < g->ends; e++) {
			struct rstp_port_info p = port_info(s, g->end[e].bridge,
							    g->end[e].port);

			designated += p.role == RSTP_DESIGNATED;
			assert_int_equal(p.state == RSTP_FORWARDING,
					 p.role == RSTP_DESIGNATED || p.role == RSTP_ROOT);
			assert_int_not_equal(p.state, RSTP_LEARNING);
		}
		assert_int_equal(designated, g->up && g->ends);
	}
}

/* A frame that @bridge's neighbour on @port might send. */
static bool hear(struct sim *s, unsigned int bridge, uint16_t port, const struct bpdu *b)
{
	uint8_t frame[BPDU_FRAME_MAX];
	size_t size = bpdu_format(b, addr(0x999), frame);

	return rstp_input(s->bridge[bridge].rstp, port, frame, size, s->now);
}

/* Times of the standard, in a BPDU of the root itself. */
static const struct bpdu_times times = { 0, 20 * BPDU_SECOND, 2 * BPDU_SECOND,
					 15 * BPDU_SECOND };

/* A segment with one end: something that is not simulated is on the other. */
static uint16_t sim_lone(struct sim *s, unsigned int bridge)
{
	int segment = sim_segment(s, 1);
	uint16_t port = sim_end(s, segment, bridge, SIM_COST);

	return port;
}

/* Bytes. */

static void formats(void **state UNUSED)
{
	static const uint8_t rst[] = {
		0x01, 0x80, 0xc2, 0, 0, 0,	2, 0, 0, 0, 0, 7,	0, 39,
		0x42, 0x42, 3,	0, 0,	2,	2,	0x7e,
		0x80, 0, 2, 0, 0, 0, 0, 1,	0x01, 0x02, 0x03, 0x04,
		0x90, 5, 2, 0, 0, 0, 0, 7,	0x80, 0x21,
		1, 0,	20, 0,	2, 0,	15, 0,	0,
	};
	static const uint8_t config[] = {
		0x01, 0x80, 0xc2, 0, 0, 0,	2, 0, 0, 0, 0, 7,	0, 38,
		0x42, 0x42, 3,	0, 0,	0,	0,	0x81,
		0x80, 0, 2, 0, 0, 0, 0, 1,	0x01, 0x02, 0x03, 0x04,
		0x90, 5, 2, 0, 0, 0, 0, 7,	0x80, 0x21,
		1, 0,	20, 0,	2, 0,	15, 0,
	};
	static const uint8_t tcn[] = {
		0x01, 0x80, 0xc2, 0, 0, 0,	2, 0, 0, 0, 0, 7,	0, 7,
		0x42, 0x42, 3,	0, 0,	0,	0x80,
	};
	struct bpdu b = {
		.kind = BPDU_RST, .flags = 0x7e,
		.vector = { 0x8000020000000001, 0x01020304, 0x9005020000000007, 0x8021 },
		.times = { BPDU_SECOND, 20 * BPDU_SECOND, 2 * BPDU_SECOND,
			   15 * BPDU_SECOND },
	}, got;
	uint8_t frame[BPDU_FRAME_MAX];

	assert_int_equal(bpdu_format(&b, addr(7), frame), sizeof(rst));
	assert_memory_equal(frame, rst, sizeof(rst));
	assert_int_equal(bpdu_parse(rst, sizeof(rst), &got), BPDU_GOOD);
	assert_memory_equal(&got.vector.root, &b.vector.root, sizeof(b.vector.root));
	assert_int_equal(bpdu_vector_cmp(&got.vector, &b.vector), 0);
	assert_true(bpdu_times_eq(got.times, b.times));
	assert_int_equal(got.flags, b.flags);

	b.kind = BPDU_CONFIG;
	b.flags = 0x81;
	assert_int_equal(bpdu_format(&b, addr(7), frame), sizeof(config));
	assert_memory_equal(frame, config, sizeof(config));
	assert_int_equal(bpdu_parse(config, sizeof(config), &got), BPDU_GOOD);
	assert_int_equal(got.kind, BPDU_CONFIG);
	assert_int_equal(bpdu_vector_cmp(&got.vector, &b.vector), 0);

	b = (struct bpdu){ .kind = BPDU_TCN };
	assert_int_equal(bpdu_format(&b, addr(7), frame), sizeof(tcn));
	assert_memory_equal(frame, tcn, sizeof(tcn));
	assert_int_equal(bpdu_parse(tcn, sizeof(tcn), &got), BPDU_GOOD);
	assert_int_equal(got.kind, BPDU_TCN);
}

/* Every part of a vector counts, the earlier ones more. */
static void vectors(void **state UNUSED)
{
	const struct bpdu_vector v[] = {
		{ 5, 5, 5, 5 }, { 5, 5, 5, 6 }, { 5, 5, 6, 1 }, { 5, 6, 1, 1 }, { 6, 1, 1, 1 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(v); i++)
		for (unsigned int j = 0; j < ARRAY_SIZE(v); j++) {
			int c = bpdu_vector_cmp(&v[i], &v[j]);

			assert_int_equal((c > 0) - (c < 0), (i > j) - (i < j));
		}
}

/* What 9.3.4 says of a BPDU with @size bytes behind the LLC header. */
static enum bpdu_verdict expected(unsigned int version, unsigned int type, size_t size)
{
	if (size >= 4 && type == 0x80)
		return BPDU_GOOD;
	if (size >= 35 && type == 0)
		return BPDU_GOOD;
	if (size >= 36 && type == 2 && version >= 2)
		return BPDU_GOOD;
	return BPDU_BAD;
}

/* All types, versions and lengths; each in memory of exactly its size. */
static void malformed(void **state UNUSED)
{
	struct bpdu b = { .kind = BPDU_RST, .times = times }, got;
	uint8_t good[BPDU_FRAME_MAX + 8] = { 0 };
	unsigned int n = 0;

	bpdu_format(&b, addr(7), good);
	for (size_t size = 0; size <= 60; size++) {
		uint8_t *frame = malloc(size + !size);

		for (unsigned int x = 0; x < 256 * 256; x++) {
			unsigned int version = x / 256, type = x % 256;
			enum bpdu_verdict want = size < 17 ? BPDU_OTHER :
						 expected(version, type, size - 17);

			/* Only a few versions do not behave as all others do. */
			if (version > 4 && type > 4 && type != 0x80)
				continue;
			memcpy(frame, good, size);
			if (size > 13)
				frame[13] = 46;
			if (size > 20) {
				frame[19] = (uint8_t)version;
				frame[20] = (uint8_t)type;
			}
			assert_int_equal(bpdu_parse(frame, size, &got), want);
			n++;
		}
		free(frame);
	}
	assert_true(n > 61 * 1000);

	/* Bytes beyond the length field are padding, not a BPDU. */
	good[13] = 38;
	assert_int_equal(bpdu_parse(good, 60, &got), BPDU_BAD);
	good[13] = 39;
	assert_int_equal(bpdu_parse(good, 60, &got), BPDU_GOOD);
	/* A type in place of the length, another LLC, protocol, destination. */
	for (unsigned int i = 0; i < 19; i++) {
		uint8_t was = good[i];

		if (i >= 6 && i < 12)
			continue;
		good[i] = (uint8_t)~was;
		assert_int_equal(bpdu_parse(good, 60, &got), i < 13 || (i > 13 && i < 17) ?
				 BPDU_OTHER : i == 13 ? BPDU_GOOD : BPDU_BAD);
		good[i] = was;
	}
	/* A configuration BPDU must not be too old; an RST BPDU's age is not checked. */
	b.kind = BPDU_CONFIG;
	b.times.message_age = b.times.max_age;
	bpdu_format(&b, addr(7), good);
	assert_int_equal(bpdu_parse(good, 60, &got), BPDU_BAD);
	b.kind = BPDU_RST;
	bpdu_format(&b, addr(7), good);
	assert_int_equal(bpdu_parse(good, 60, &got), BPDU_GOOD);
}

/* Trees. */

static void two_cables(void **state UNUSED)
{
	struct sim *s = sim_create(2, 1);

	sim_cable(s, 0, 1);
	sim_cable(s, 1, 0);
	/* Proposal, agreement, and no timer. */
	assert_in_range(sim_converge(s, 2500), 1, 10);
	assert_converged(s);
	assert_port(s, 0, 0, RSTP_DESIGNATED, RSTP_FORWARDING);
	assert_port(s, 0, 1, RSTP_DESIGNATED, RSTP_FORWARDING);
	assert_port(s, 1, 0, RSTP_ROOT, RSTP_FORWARDING);
	assert_port(s, 1, 1, RSTP_ALTERNATE, RSTP_DISCARDING);
	assert_int_equal(s->bridge[1].roots, 1);

	/* The spare takes over at once, and gives way again. */
	sim_set_up(s, 0, false);
	assert_in_range(sim_converge(s, 10000), 0, 5);
	assert_converged(s);
	assert_port(s, 1, 1, RSTP_ROOT, RSTP_FORWARDING);
	assert_port(s, 1, 0, RSTP_DISABLED, RSTP_DISCARDING);
	sim_set_up(s, 0, true);
	assert_in_range(sim_converge(s, 10000), 1, 10);
	assert_port(s, 1, 0, RSTP_ROOT, RSTP_FORWARDING);
	assert_port(s, 1, 1, RSTP_ALTERNATE, RSTP_DISCARDING);
	assert_converged(s);
	sim_destroy(s);
}

static void rings(void **state UNUSED)
{
	for (unsigned int n = 3; n <= 8; n++) {
		for (unsigned int cut = 0; cut < n; cut++) {
			struct sim *s = sim_create(n, 1);

			for (unsigned int i = 0; i < n; i++)
				sim_cable(s, i, (i + 1) % n);
			assert_in_range(sim_converge(s, 20000), 1, 3500);
			assert_converged(s);
			/* A few milliseconds for each bridge that must be asked. */
			sim_set_up(s, (int)cut, false);
			assert_in_range(sim_converge(s, 20000), 0, 20);
			assert_converged(s);
			sim_set_up(s, (int)cut, true);
			assert_in_range(sim_converge(s, 20000), 1, 20);
			assert_converged(s);
			sim_destroy(s);
		}
	}
}

/* The root dies with its cables, or says no more but keeps them up. */
static void root_dies(void **state UNUSED)
{
	for (unsigned int silent = 0; silent < 2; silent++) {
		struct sim *s = sim_create(5, 1);
		unsigned int ms;

		for (unsigned int i = 0; i < 5; i++)
			for (unsigned int j = 0; j < i; j++)
				sim_cable(s, i, j);
		sim_run(s, 20000);
		assert_converged(s);
		assert_int_equal(info(s, 4).root, id(0));
		if (silent) {
			s->bridge[0].frozen = true;
			s->allow_loops = true;
		} else {
			for (unsigned int i = 0; i < s->segments; i++)
				if (s->segment[i].end[1].bridge == 0)
					sim_set_up(s, (int)i, false);
		}
		/* Three hellos without a word; and a while for the dead root's fame to age
		 * away: twenty bridges, a tenth of a second each.
		 */
		ms = sim_converge(s, 30000);
		if (silent)
			assert_in_range(ms, 4000, 12000);
		else
			assert_in_range(ms, 0, 3000);
		for (unsigned int i = 1; i < 5; i++)
			assert_int_equal(info(s, i).root, id(1));
		if (!silent)
			assert_converged(s);
		sim_destroy(s);
	}
}

static void priorities(void **state UNUSED)
{
	struct sim *s = sim_create(4, 1);

	for (unsigned int i = 0; i < 4; i++)
		sim_cable(s, i, (i + 1) % 4);
	sim_run(s, 10000);
	assert_int_equal(info(s, 2).root, id(0));
	rstp_set_priority(s->bridge[3].rstp, 4096, s->now);
	assert_in_range(sim_converge(s, 10000), 1, 50);
	assert_converged(s);
	assert_int_equal(info(s, 1).root >> 48, 4096);
	/* Any value will do, and a small difference is one. */
	rstp_set_priority(s->bridge[2].rstp, 4095, s->now);
	sim_run(s, 10000);
	assert_converged(s);
	assert_int_equal(info(s, 0).root, (uint64_t)4095 << 48 | eth_addr_to_u64(addr(2)));
	rstp_set_priority(s->bridge[2].rstp, 65535, s->now);
	rstp_set_priority(s->bridge[3].rstp, 65535, s->now);
	sim_run(s, 30000);
	assert_converged(s);
	assert_int_equal(info(s, 2).root, id(0));
	sim_destroy(s);
}

/* Ties are broken by cost, designated bridge, designated port, own port (17.5). */
static void ties(void **state UNUSED)
{
	struct sim *s = sim_create(4, 1);

	/* A square: 0 is the root; 3 has two ways of the same cost, by 1 and by 2. */
	sim_cable(s, 0, 1);
	sim_cable(s, 0, 2);
	sim_cable(s, 2, 3);
	sim_cable(s, 1, 3);
	sim_run(s, 5000);
	assert_converged(s);
	assert_int_equal(info(s, 3).root_port, 1);
	assert_port(s, 3, 0, RSTP_ALTERNATE, RSTP_DISCARDING);
	/* A dearer port loses; an equal one wins by the bridge again. */
	assert_int_equal(rstp_port_set_cost(s->bridge[3].rstp, 1, SIM_COST + 1, s->now), 0);
	sim_run(s, 5000);
	assert_int_equal(info(s, 3).root_port, 0);
	assert_converged(s);
	assert_int_equal(rstp_port_set_cost(s->bridge[3].rstp, 1, SIM_COST, s->now), 0);
	sim_run(s, 5000);
	assert_int_equal(info(s, 3).root_port, 1);
	/* A better priority of bridge 2 makes its way the better one. */
	rstp_set_priority(s->bridge[0].rstp, 0, s->now);
	rstp_set_priority(s->bridge[2].rstp, 4096, s->now);
	sim_run(s, 5000);
	assert_int_equal(info(s, 3).root_port, 0);
	assert_converged(s);
	sim_destroy(s);

	/* Two cables: the designated port's identifier decides, not the own one. */
	s = sim_create(2, 1);
	sim_cable(s, 0, 1);
	sim_cable(s, 0, 1);
	sim_run(s, 5000);
	assert_int_equal(info(s, 1).root_port, 0);
	assert_int_equal(rstp_port_set_priority(s->bridge[1].rstp, 1, 16, s->now), 0);
	sim_run(s, 5000);
	assert_int_equal(info(s, 1).root_port, 0);
	assert_int_equal(rstp_port_set_priority(s->bridge[0].rstp, 1, 112, s->now), 0);
	sim_run(s, 5000);
	assert_int_equal(info(s, 1).root_port, 1);
	assert_converged(s);
	sim_destroy(s);

	/* A hub: both ports of 1 hear the same port of 0; its own identifier decides. */
	s = sim_create(2, 1);
	int hub = sim_segment(s, 1);

	sim_end(s, hub, 0, SIM_COST);
	sim_end(s, hub, 1, SIM_COST);
	sim_end(s, hub, 1, SIM_COST);
	sim_set_up(s, hub, true);
	sim_run(s, 60000);
	assert_converged(s);
	assert_int_equal(info(s, 1).root_port, 0);
	assert_port(s, 1, 1, RSTP_ALTERNATE, RSTP_DISCARDING);
	assert_int_equal(rstp_port_set_priority(s->bridge[1].rstp, 1, 16, s->now), 0);
	sim_run(s, 60000);
	assert_int_equal(info(s, 1).root_port, 1);
	assert_converged(s);
	sim_destroy(s);
}

/* Both ends of a cable, or two ends of a hub, in one bridge: one is a backup. */
static void own_ports(void **state UNUSED)
{
	struct sim *s = sim_create(1, 1);
	int hub = sim_segment(s, 1);

	sim_cable(s, 0, 0);
	sim_end(s, hub, 0, SIM_COST);
	sim_end(s, hub, 0, SIM_COST);
	sim_end(s, hub, 0, SIM_COST);
	sim_set_up(s, hub, true);
	sim_run(s, 60000);
	assert_converged(s);
	assert_port(s, 0, 0, RSTP_DESIGNATED, RSTP_FORWARDING);
	assert_port(s, 0, 1, RSTP_BACKUP, RSTP_DISCARDING);
	assert_port(s, 0, 2, RSTP_DESIGNATED, RSTP_FORWARDING);
	assert_port(s, 0, 3, RSTP_BACKUP, RSTP_DISCARDING);
	assert_port(s, 0, 4, RSTP_BACKUP, RSTP_DISCARDING);
	/* The spare of the hub takes over after three hellos. */
	assert_int_equal(rstp_port_set_up(s->bridge[0].rstp, 2, false, s->now), 0);
	sim_run(s, 60000);
	assert_port(s, 0, 3, RSTP_DESIGNATED, RSTP_FORWARDING);
	assert_port(s, 0, 4, RSTP_BACKUP, RSTP_DISCARDING);
	sim_destroy(s);
}

/* A port whose frames all come back, as from a loop beyond it, never forwards. */
static void mirror(void **state UNUSED)
{
	struct sim *s = sim_create(1, 1);
	uint16_t port = sim_lone(s, 0);
	struct bpdu *last = &s->bridge[0].last_sent[port];
	unsigned int sent = 0;

	sim_set_up(s, 0, true);
	for (unsigned int i = 0; i < 600; i++) {
		if (s->bridge[0].sent[port] != sent)
			assert_true(hear(s, 0, port, last));
		sent = s->bridge[0].sent[port];
		sim_run(s, 100);
		assert_int_not_equal(rstp_port_state(s->bridge[0].rstp, port),
				     RSTP_FORWARDING);
	}
	assert_true(port_info(s, 0, port).rx_own > 20);
	/* It ends. */
	sim_run(s, 10000);
	assert_port(s, 0, port, RSTP_DESIGNATED, RSTP_FORWARDING);
	assert_true(hear(s, 0, port, last));
	assert_port(s, 0, port, RSTP_DESIGNATED, RSTP_DISCARDING);
	sim_destroy(s);
}

/* Edges and guards. */

static void edges(void **state UNUSED)
{
	struct sim *s = sim_create(1, 1);
	struct rstp *r = s->bridge[0].rstp;
	uint16_t port = sim_lone(s, 0);
	struct bpdu worse = { .kind = BPDU_RST, .flags = BPDU_ROLE_DESIGNATED,
			      .vector = { UINT64_MAX, 0, UINT64_MAX, 1 }, .times = times };

	/* Found out: three seconds to the millisecond. */
	sim_set_up(s, 0, true);
	sim_run(s, 2999);
	assert_port(s, 0, port, RSTP_DESIGNATED, RSTP_DISCARDING);
	sim_run(s, 1);
	assert_port(s, 0, port, RSTP_DESIGNATED, RSTP_FORWARDING);
	assert_true(port_info(s, 0, port).edge);
	/* The topology does not change with hosts. */
	assert_int_equal(info(s, 0).tc_detected, 0);

	/* Not looked for: the maximum age, then a hello time. */
	sim_set_up(s, 0, false);
	assert_port(s, 0, port, RSTP_DISABLED, RSTP_DISCARDING);
	rstp_port_set_edge(r, port, false, false, s->now);
	sim_set_up(s, 0, true);
	assert_int_equal(sim_converge(s, 60000), 22000);
	assert_false(port_info(s, 0, port).edge);
	assert_int_equal(info(s, 0).tc_detected, 1);

	/* Declared: at once, and a BPDU ends it until the link comes up again. */
	sim_set_up(s, 0, false);
	rstp_port_set_edge(r, port, true, false, s->now);
	sim_set_up(s, 0, true);
	assert_port(s, 0, port, RSTP_DESIGNATED, RSTP_FORWARDING);
	sim_run(s, 60000);
	assert_true(hear(s, 0, port, &worse));
	assert_false(port_info(s, 0, port).edge);
	rstp_port_set_edge(r, port, true, true, s->now);
	assert_false(port_info(s, 0, port).edge);
	sim_set_up(s, 0, false);
	sim_set_up(s, 0, true);
	assert_port(s, 0, port, RSTP_DESIGNATED, RSTP_FORWARDING);
	/* Declared while it is up and has heard nothing: at once. */
	rstp_port_set_edge(r, port, false, true, s->now);
	sim_set_up(s, 0, false);
	sim_set_up(s, 0, true);
	sim_run(s, 10);
	assert_port(s, 0, port, RSTP_DESIGNATED, RSTP_DISCARDING);
	rstp_port_set_edge(r, port, true, true, s->now);
	assert_port(s, 0, port, RSTP_DESIGNATED, RSTP_FORWARDING);

	/* Not point to point: the maximum age. */
	sim_set_up(s, 0, false);
	rstp_port_set_edge(r, port, false, true, s->now);
	rstp_port_set_p2p(r, port, false, s->now);
	sim_set_up(s, 0, true);
	assert_int_equal(sim_converge(s, 60000), 20000);
	sim_destroy(s);
}

/* A loop through a port that was declared an edge ends with the first BPDU. */
static void edge_loop(void **state UNUSED)
{
	struct sim *s = sim_create(2, 1);
	int second;

	sim_cable(s, 0, 1);
	sim_run(s, 5000);
	second = sim_segment(s, 1);
	sim_end(s, second, 0, SIM_COST);
	sim_end(s, second, 1, SIM_COST);
	rstp_port_set_edge(s->bridge[0].rstp, 1, true, true, s->now);
	rstp_port_set_edge(s->bridge[1].rstp, 1, true, true, s->now);
	s->allow_loops = true;
	sim_set_up(s, second, true);
	sim_run(s, 2);
	s->allow_loops = false;
	sim_check_loops(s);
	sim_run(s, 10000);
	assert_converged(s);
	sim_destroy(s);
}

static void bpdu_guard(void **state UNUSED)
{
	struct sim *s = sim_create(1, 1);
	struct rstp *r = s->bridge[0].rstp;
	uint16_t port = sim_lone(s, 0);
	struct bpdu best = { .kind = BPDU_RST, .flags = BPDU_ROLE_DESIGNATED, .times = times };
	const uint8_t bad[21] = { 1, 0x80, 0xc2, [13] = 7, 0x42, 0x42, 3, [20] = 0x55 };

	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(rstp_port_set_guard(r, port, true, false, s->now), 0);
		sim_set_up(s, 0, true);
		sim_run(s, 10000);
		assert_port(s, 0, port, RSTP_DESIGNATED, RSTP_FORWARDING);
		if (i == 0)
			assert_true(hear(s, 0, port, &best));
		else
			assert_true(rstp_input(r, port, bad, sizeof(bad), s->now));
		assert_port(s, 0, port, RSTP_DISABLED, RSTP_DISCARDING);
		assert_true(port_info(s, 0, port).guarded);
		assert_int_equal(info(s, 0).root, id(0));
		sim_run(s, 100000);
		assert_port(s, 0, port, RSTP_DISABLED, RSTP_DISCARDING);
		/* The administrator lets it try again. */
		sim_set_up(s, 0, true);
		assert_false(port_info(s, 0, port).guarded);
		sim_run(s, 3000);
		assert_port(s, 0, port, RSTP_DESIGNATED, RSTP_FORWARDING);
		assert_true(hear(s, 0, port, &best));
		assert_int_equal(rstp_port_set_guard(r, port, false, false, s->now), 0);
		sim_run(s, 3000);
		assert_port(s, 0, port, RSTP_DESIGNATED, RSTP_FORWARDING);
	}
	sim_destroy(s);
}

static void root_guard(void **state UNUSED)
{
	struct sim *s = sim_create(2, 1);
	struct rstp *r = s->bridge[1].rstp;
	struct bpdu best = { .kind = BPDU_RST, .flags = BPDU_ROLE_DESIGNATED, .times = times };
	uint16_t port;

	sim_cable(s, 0, 1);
	port = sim_lone(s, 1);
	assert_int_equal(rstp_port_set_guard(r, port, false, true, s->now), 0);
	sim_set_up(s, 1, true);
	sim_run(s, 10000);
	assert_port(s, 1, port, RSTP_DESIGNATED, RSTP_FORWARDING);
	/* A better root there is not the root, and gets nothing. */
	for (unsigned int i = 0; i < 10; i++) {
		assert_true(hear(s, 1, port, &best));
		assert_port(s, 1, port, RSTP_ALTERNATE, RSTP_DISCARDING);
		assert_int_equal(info(s, 1).root, id(0));
		sim_run(s, 2000);
	}
	/* It falls silent. */
	sim_run(s, 12000);
	assert_port(s, 1, port, RSTP_DESIGNATED, RSTP_FORWARDING);
	/* Without the guard it would have been believed. */
	assert_true(hear(s, 1, port, &best));
	assert_int_equal(rstp_port_set_guard(r, port, false, false, s->now), 0);
	assert_port(s, 1, port, RSTP_ROOT, RSTP_FORWARDING);
	assert_int_equal(info(s, 1).root, 0);
	sim_destroy(s);
}

/* Old neighbours. */

/* A bridge that knows STP alone, as root and as a leaf. */
static void stp_neighbour(void **state UNUSED)
{
	struct sim *s = sim_create(2, 1);
	struct sim_bridge *b = &s->bridge[0];
	struct bpdu root = { .kind = BPDU_CONFIG, .vector = { 1, 0, 1, 0x8001 },
			     .times = times };
	struct bpdu tcn = { .kind = BPDU_TCN }, rst = root;
	uint16_t port = sim_lone(s, 0);
	uint64_t up = s->now;

	/* It is the root: its word is taken, in time. */
	sim_set_up(s, 0, true);
	for (unsigned int i = 0; i < 30; i++) {
		assert_true(hear(s, 0, port, &root));
		sim_run(s, 2000);
	}
	assert_port(s, 0, port, RSTP_ROOT, RSTP_FORWARDING);
	assert_int_equal(info(s, 0).root, 1);
	assert_true(port_info(s, 0, port).sends_stp);
	/* A cable elsewhere is a change that STP's root is told of, until it knows. */
	b->sent[port] = 0;
	sim_cable(s, 0, 1);
	for (unsigned int i = 0; i < 5; i++) {
		assert_true(hear(s, 0, port, &root));
		sim_run(s, 2000);
	}
	assert_in_range(b->sent[port], 3, 6);
	assert_int_equal(b->last_sent[port].kind, BPDU_TCN);
	root.flags = BPDU_TOPOLOGY_CHANGE_ACK;
	assert_true(hear(s, 0, port, &root));
	b->sent[port] = 0;
	sim_run(s, 5000);
	assert_int_equal(b->sent[port], 0);

	/* Down and up: a leaf now. It hears configuration BPDUs after a while. */
	sim_set_up(s, 0, false);
	sim_set_up(s, 0, true);
	up = s->now;
	root.vector = (struct bpdu_vector){ UINT64_MAX, 0, UINT64_MAX, 0x8001 };
	root.flags = 0;
	assert_int_equal(b->last_sent[port].kind, BPDU_RST);
	for (unsigned int i = 0; i < 6; i++) {
		assert_true(hear(s, 0, port, &root));
		sim_run(s, 1000);
	}
	assert_int_equal(b->last_sent[port].kind, BPDU_CONFIG);
	assert_port(s, 0, port, RSTP_DESIGNATED, RSTP_DISCARDING);
	/* Nobody agrees in STP, and it is no edge: maximum age and forward delay. */
	s->last_change = 0;
	sim_run(s, 60000);
	assert_int_equal(s->last_change - up, 35000);
	assert_port(s, 0, port, RSTP_DESIGNATED, RSTP_FORWARDING);
	/* It tells of changes; they are acknowledged once, and go on. */
	s->bridge[1].flushed[0] = s->bridge[0].flushed[1] = 0;
	assert_true(hear(s, 0, port, &tcn));
	sim_run(s, 2000);
	assert_int_equal(b->last_sent[port].flags, BPDU_TOPOLOGY_CHANGE |
			 BPDU_TOPOLOGY_CHANGE_ACK);
	sim_run(s, 2000);
	assert_int_equal(b->last_sent[port].flags, BPDU_TOPOLOGY_CHANGE);
	sim_run(s, 40000);
	assert_int_equal(b->last_sent[port].flags, 0);
	assert_int_equal(s->bridge[0].flushed[1], 1);

	/* It is replaced by one that knows better. */
	rst = (struct bpdu){ .kind = BPDU_RST, .flags = BPDU_ROLE_ROOT, .times = times,
			     .vector = { UINT64_MAX, 0, UINT64_MAX, 0x8001 } };
	assert_true(hear(s, 0, port, &rst));
	sim_run(s, 3000);
	assert_int_equal(b->last_sent[port].kind, BPDU_RST);
	assert_false(port_info(s, 0, port).sends_stp);
	/* Back to STP, and the administrator asks again. */
	assert_true(hear(s, 0, port, &root));
	assert_true(port_info(s, 0, port).sends_stp);
	assert_int_equal(rstp_port_mcheck(b->rstp, port, s->now), 0);
	assert_false(port_info(s, 0, port).sends_stp);
	sim_destroy(s);
}

/* vde_switch -F: its frame, byte by byte, and the code in which it is answered. */
static void vde_neighbour(void **state UNUSED)
{
	uint8_t frame[53] = {
		0x01, 0x80, 0xc2, 0, 0, 0,	0, 0xff, 1, 2, 3, 4,	0, 0x27,
		0x42, 0x42, 3,	0, 0,	2,	2,	0x7c,
		0x10, 0, 0, 0xff, 1, 2, 3, 4,	0, 0, 0, 0,
		0x10, 0, 0, 0xff, 1, 2, 3, 4,	0x80, 1,
		0, 0,	40, 0,	4, 0,	0, 0,	0,
	};
	struct sim *s = sim_create(2, 1);
	struct sim_bridge *b = &s->bridge[0];
	uint16_t port = sim_lone(s, 0);

	sim_set_up(s, 0, true);
	sim_cable(s, 0, 1);
	sim_run(s, 100);
	assert_true(rstp_input(b->rstp, port, frame, sizeof(frame), s->now));
	assert_port(s, 0, port, RSTP_ROOT, RSTP_FORWARDING);
	assert_true(port_info(s, 0, port).vde);
	assert_int_equal(info(s, 0).root, 0x100000ff01020304);
	/* Its forward delay of 0 is not taken over. */
	assert_int_equal(info(s, 0).forward_delay, 15000);
	assert_int_equal(info(s, 0).max_age, 40000);
	/* Root is what alternate is elsewhere. */
	assert_int_equal(b->last_sent[port].kind, BPDU_RST);
	assert_int_equal(b->last_sent[port].flags & BPDU_ROLE, BPDU_ROLE_ALTERNATE);
	/* Every four seconds is enough; three times four are not. */
	for (unsigned int i = 0; i < 10; i++) {
		sim_run(s, 4000);
		assert_true(rstp_input(b->rstp, port, frame, sizeof(frame), s->now));
	}
	assert_int_equal(info(s, 1).root, 0x100000ff01020304);
	sim_run(s, 11999);
	assert_int_equal(info(s, 0).root, 0x100000ff01020304);
	sim_run(s, 1);
	assert_int_equal(info(s, 0).root, id(0));
	/* A bridge of the standard in its place gets the standard's code. */
	sim_set_up(s, 0, false);
	sim_set_up(s, 0, true);
	frame[49] = 15;
	assert_true(rstp_input(b->rstp, port, frame, sizeof(frame), s->now));
	sim_run(s, 10);
	assert_false(port_info(s, 0, port).vde);
	assert_int_equal(b->last_sent[port].flags & BPDU_ROLE, BPDU_ROLE_ROOT);
	sim_destroy(s);
}

/* Changes of topology. */

/* All other ports of all other bridges are flushed, once for each who tells them;
 * hosts' are not. */
static void topology_changes(void **state UNUSED)
{
	struct sim *s = sim_create(4, 1);
	int host;

	sim_cable(s, 0, 1);
	sim_cable(s, 1, 2);
	sim_cable(s, 2, 3);
	host = sim_segment(s, 1);
	sim_end(s, host, 2, SIM_COST);
	sim_set_up(s, host, true);
	sim_run(s, 60000);
	for (unsigned int i = 0; i < 4; i++)
		memset(s->bridge[i].flushed, 0, sizeof(s->bridge[i].flushed));
	/* 3 and 0 get a second cable, so 3's root port moves. */
	sim_cable(s, 3, 0);
	sim_run(s, 100);
	assert_converged(s);
	assert_int_equal(info(s, 3).root_port, 1);
	/* 0 learnt of 3 behind its first port, 1 behind its second; 0's own port is new,
	 * and 3 says so. */
	assert_in_range(s->bridge[0].flushed[0], 1, 2);
	assert_in_range(s->bridge[1].flushed[1], 1, 2);
	assert_in_range(s->bridge[1].flushed[0], 0, 1);
	assert_in_range(s->bridge[3].flushed[0], 1, 2);
	assert_int_equal(s->bridge[2].flushed[2], 0);
	assert_true(info(s, 0).tc_received > 0 && info(s, 1).tc_received > 0);
	assert_true(info(s, 3).tc_detected > 0);
	/* It ends. */
	sim_run(s, 10000);
	for (unsigned int i = 0; i < 4; i++)
		memset(s->bridge[i].flushed, 0, sizeof(s->bridge[i].flushed));
	sim_run(s, 60000);
	for (unsigned int i = 0; i < 4; i++)
		for (unsigned int p = 0; p < SIM_PORTS; p++)
			assert_int_equal(s->bridge[i].flushed[p], 0);
	/* A host comes and goes: nothing. */
	sim_set_up(s, host, false);
	sim_run(s, 1000);
	sim_set_up(s, host, true);
	sim_run(s, 10000);
	for (unsigned int i = 0; i < 4; i++)
		for (unsigned int p = 0; p < SIM_PORTS; p++)
			assert_int_equal(s->bridge[i].flushed[p], i == 2 && p == 2);
	sim_destroy(s);
}

/* Bridge 0 has 1 behind its second port, and somebody better at its first, @port, who says
 * what is returned. */
static struct bpdu sim_told_of_changes(struct sim *s, uint16_t port)
{
	struct bpdu b = { .kind = BPDU_RST, .times = times, .vector = { 1, 0, 1, 0x8001 },
			  .flags = BPDU_ROLE_DESIGNATED | BPDU_TOPOLOGY_CHANGE |
				   BPDU_PROPOSAL };

	sim_set_up(s, 0, true);
	sim_cable(s, 0, 1);
	sim_run(s, 20000);
	assert_true(hear(s, 0, port, &b));
	sim_run(s, 10000);
	return b;
}

/* A neighbour that tells of a change every millisecond. */
static void tc_storm(void **state UNUSED)
{
	struct sim *s = sim_create(2, 1);
	uint16_t port = sim_lone(s, 0);
	struct bpdu b = sim_told_of_changes(s, port);

	s->bridge[0].flushed[1] = 0;
	s->bridge[0].sent[1] = 0;
	for (unsigned int i = 0; i < 10000; i++) {
		assert_true(hear(s, 0, port, &b));
		sim_run(s, 1);
	}
	assert_in_range(info(s, 0).tc_received, 1000, 1500);
	assert_in_range(port_info(s, 0, port).rx_excess, 8900, 9100);
	/* The neighbour's neighbours do not get more than the hold count. */
	assert_in_range(s->bridge[0].sent[1], 1, RSTP_HOLD_COUNT_DEFAULT + 101);
	/* Of the hundred that it takes in a second, one after the other. */
	assert_in_range(s->bridge[0].flushed[1], 10, 10 * (RSTP_FLUSH_BURST + 1));
	sim_run(s, 10000);
	s->bridge[0].flushed[1] = 0;
	for (unsigned int i = 0; i < 1000; i++) {
		assert_true(hear(s, 0, port, &b));
		sim_run(s, 10);
	}
	assert_in_range(port_info(s, 0, port).rx_excess, 8900, 9100);
	/* At the beginning, and at the end of every tenth of a second. */
	assert_in_range(s->bridge[0].flushed[1], RSTP_FLUSH_BURST + 98, RSTP_FLUSH_BURST + 101);
	assert_true(info(s, 0).flushes_saved > 500);
	/* The flush that was saved last is still done. */
	s->bridge[0].flushed[1] = 0;
	assert_true(hear(s, 0, port, &b));
	assert_int_equal(s->bridge[0].flushed[1], 0);
	sim_run(s, 100);
	assert_int_equal(s->bridge[0].flushed[1], 1);
	sim_destroy(s);
}

/* A ring whose cables are pulled and plugged: when 2 gets its cable to the root back, its
 * other one is blocked, and 1 may not send its frames there for a moment more. The root is
 * all the while still telling 1 of the changes before, at any time between two hellos. */
static void a_change_while_others_are_told(void **state UNUSED)
{
	struct sim *s = sim_create(3, 1);
	int a = sim_cable(s, 0, 1), b = sim_cable(s, 0, 2);

	sim_cable(s, 1, 2);
	sim_run(s, 60000);
	for (unsigned int i = 0; i < 40; i++) {
		sim_set_up(s, a, false);
		sim_run(s, 500);
		sim_set_up(s, a, true);
		sim_run(s, 500 + 50 * i);
		sim_set_up(s, b, false);
		sim_run(s, 500);
		s->bridge[1].flushed[1] = 0;
		sim_set_up(s, b, true);
		sim_run(s, 20);
		assert_int_equal(rstp_port_state(s->bridge[2].rstp, 1), RSTP_DISCARDING);
		assert_true(s->bridge[1].flushed[1] > 0);
		sim_run(s, 20000);
	}
	sim_destroy(s);
}

/* A hello still tells of the last change, and a moment later there is another: nobody
 * waits for addresses that are out of date. */
static void one_change_behind_another(void **state UNUSED)
{
	struct sim *s = sim_create(2, 1);
	uint16_t port = sim_lone(s, 0);
	struct bpdu b = sim_told_of_changes(s, port);

	for (unsigned int i = 0; i < 20; i++) {
		s->bridge[0].flushed[1] = 0;
		/* Of a cable that is pulled: the change, and a hello behind it. */
		assert_true(hear(s, 0, port, &b));
		assert_int_equal(s->bridge[0].flushed[1], 1);
		sim_run(s, 5);
		assert_true(hear(s, 0, port, &b));
		assert_int_equal(s->bridge[0].flushed[1], 2);
		sim_run(s, 495);
	}
	sim_destroy(s);
}

/* However fast things change, a port sends no more than it may. */
static void hold_count(void **state UNUSED)
{
	for (unsigned int count = 1; count <= 10; count += 3) {
		struct sim *s = sim_create(2, 1);
		uint16_t port = sim_lone(s, 0);
		struct bpdu b = { .kind = BPDU_RST, .times = times,
				  .flags = BPDU_ROLE_DESIGNATED | BPDU_PROPOSAL };

		assert_int_equal(rstp_set_hold_count(s->bridge[0].rstp, count), 0);
		sim_set_up(s, 0, true);
		sim_cable(s, 0, 1);
		sim_run(s, 20000);
		s->bridge[0].sent[1] = 0;
		for (unsigned int i = 0; i < 1000; i++) {
			b.vector.cost = i % 2;
			assert_true(hear(s, 0, port, &b));
			sim_run(s, 10);
		}
		/* So many at once, then one in a tenth of a second. */
		assert_in_range(s->bridge[0].sent[1], count + 95, count + 105);
		sim_destroy(s);
	}
	struct sim *s = sim_create(1, 1);

	assert_int_equal(rstp_set_hold_count(s->bridge[0].rstp, 0), -ERANGE);
	assert_int_equal(rstp_set_hold_count(s->bridge[0].rstp, 11), -ERANGE);
	sim_destroy(s);
}

/* One speaks and does not hear: the other end keeps its port shut. */
static void dispute(void **state UNUSED)
{
	struct sim *s = sim_create(1, 1);
	uint16_t port = sim_lone(s, 0);
	struct bpdu b = { .kind = BPDU_RST, .times = times, .vector = { UINT64_MAX, 0, 2, 1 },
			  .flags = BPDU_ROLE_DESIGNATED };

	sim_set_up(s, 0, true);
	sim_run(s, 10000);
	assert_port(s, 0, port, RSTP_DESIGNATED, RSTP_FORWARDING);
	/* A worse bridge that does not forward will understand. */
	assert_true(hear(s, 0, port, &b));
	assert_port(s, 0, port, RSTP_DESIGNATED, RSTP_FORWARDING);
	b.flags |= BPDU_LEARNING | BPDU_FORWARDING;
	for (unsigned int i = 0; i < 20; i++) {
		assert_true(hear(s, 0, port, &b));
		assert_port(s, 0, port, RSTP_DESIGNATED, RSTP_DISCARDING);
		sim_run(s, 1900);
	}
	sim_run(s, 5000);
	assert_port(s, 0, port, RSTP_DESIGNATED, RSTP_FORWARDING);
	sim_destroy(s);
}

/* Information that is too old is not believed: it would go round for ever. */
static void message_age(void **state UNUSED)
{
	struct sim *s = sim_create(2, 1);
	uint16_t port = sim_lone(s, 0);
	struct bpdu b = { .kind = BPDU_RST, .times = times, .vector = { 1, 0, 1, 1 },
			  .flags = BPDU_ROLE_DESIGNATED };

	sim_set_up(s, 0, true);
	sim_cable(s, 0, 1);
	b.times.message_age = 17 * BPDU_SECOND + 100;
	assert_true(hear(s, 0, port, &b));
	sim_run(s, 100);
	assert_int_equal(info(s, 0).root, 1);
	assert_int_equal(info(s, 0).message_age, 18000);
	assert_int_equal(info(s, 1).root, 1);
	assert_int_equal(info(s, 1).message_age, 19000);
	b.times.message_age = 19 * BPDU_SECOND;
	assert_true(hear(s, 0, port, &b));
	sim_run(s, 100);
	assert_int_equal(info(s, 0).root, 1);
	assert_int_equal(info(s, 1).root, id(0) < id(1) ? id(1) : id(0));
	b.times.message_age = 20 * BPDU_SECOND;
	assert_true(hear(s, 0, port, &b));
	sim_run(s, 100);
	assert_int_equal(info(s, 0).root, id(0));
	b.times.message_age = UINT16_MAX;
	assert_true(hear(s, 0, port, &b));
	assert_int_equal(info(s, 0).root, id(0));
	sim_destroy(s);
}

/* Times that no bridge may have are brought into the ranges. */
static void lying_times(void **state UNUSED)
{
	struct sim *s = sim_create(1, 1);
	uint16_t port = sim_lone(s, 0);
	struct bpdu b = { .kind = BPDU_RST, .vector = { 1, 0, 1, 1 },
			  .flags = BPDU_ROLE_DESIGNATED };

	sim_set_up(s, 0, true);
	assert_true(hear(s, 0, port, &b));
	assert_int_equal(info(s, 0).root, 1);
	assert_int_equal(info(s, 0).max_age, 6000);
	assert_int_equal(info(s, 0).forward_delay, 15000);
	/* A hello time of 0 is one second. */
	sim_run(s, 2999);
	assert_int_equal(info(s, 0).root, 1);
	sim_run(s, 1);
	assert_int_equal(info(s, 0).root, id(0));
	b.times = (struct bpdu_times){ 0, UINT16_MAX, UINT16_MAX, UINT16_MAX };
	assert_true(hear(s, 0, port, &b));
	assert_int_equal(info(s, 0).max_age, 40000);
	assert_int_equal(info(s, 0).forward_delay, 30000);
	assert_int_equal(info(s, 0).hello, 2000);
	sim_run(s, 29999);
	assert_int_equal(info(s, 0).root, 1);
	sim_run(s, 1);
	assert_int_equal(info(s, 0).root, id(0));
	sim_destroy(s);
}

/* Configuration. */

static void bridge_times(void **state UNUSED)
{
	struct sim *s = sim_create(2, 1);
	struct rstp *r = s->bridge[0].rstp;

	assert_int_equal(rstp_set_times(r, 0, 20, 15, s->now), -ERANGE);
	assert_int_equal(rstp_set_times(r, 11, 40, 30, s->now), -ERANGE);
	assert_int_equal(rstp_set_times(r, 2, 5, 15, s->now), -ERANGE);
	assert_int_equal(rstp_set_times(r, 2, 41, 30, s->now), -ERANGE);
	assert_int_equal(rstp_set_times(r, 2, 20, 3, s->now), -ERANGE);
	assert_int_equal(rstp_set_times(r, 2, 20, 31, s->now), -ERANGE);
	assert_int_equal(rstp_set_times(r, 2, 20, 10, s->now), -EINVAL);
	assert_int_equal(rstp_set_times(r, 10, 21, 15, s->now), -EINVAL);
	assert_int_equal(info(s, 0).forward_delay, 15000);
	sim_cable(s, 0, 1);
	sim_run(s, 5000);
	/* The root's times are everybody's, but for the hello time. */
	assert_int_equal(rstp_set_times(r, 1, 20, 11, s->now), 0);
	sim_run(s, 10);
	assert_int_equal(info(s, 1).forward_delay, 11000);
	assert_int_equal(info(s, 0).hello, 1000);
	assert_int_equal(info(s, 1).hello, 2000);
	assert_int_equal(info(s, 1).message_age, 1000);
	s->bridge[0].sent[0] = 0;
	sim_run(s, 10000);
	assert_in_range(s->bridge[0].sent[0], 10, 11);
	sim_destroy(s);
}

static void off(void **state UNUSED)
{
	struct sim *s = sim_create(2, 1);
	struct rstp *r = s->bridge[0].rstp;
	struct bpdu b = { .kind = BPDU_RST, .times = times, .vector = { 1, 0, 1, 1 },
			  .flags = BPDU_ROLE_DESIGNATED };

	sim_cable(s, 1, 0);
	sim_cable(s, 1, 0);
	sim_run(s, 5000);
	s->allow_loops = true;
	rstp_set_enabled(r, false, s->now);
	assert_port(s, 0, 0, RSTP_DISABLED, RSTP_FORWARDING);
	assert_port(s, 0, 1, RSTP_DISABLED, RSTP_FORWARDING);
	assert_int_equal(rstp_next(r), RSTP_NEVER);
	assert_false(hear(s, 0, 0, &b));
	assert_int_equal(info(s, 0).root, id(0));
	/* Ports come, go up and down, and go, and everything may be set. */
	assert_int_equal(rstp_port_add(r, 5, 1, s->now), 0);
	assert_port(s, 0, 5, RSTP_DISABLED, RSTP_DISCARDING);
	assert_int_equal(rstp_port_set_up(r, 5, true, s->now), 0);
	assert_port(s, 0, 5, RSTP_DISABLED, RSTP_FORWARDING);
	assert_int_equal(rstp_port_set_edge(r, 5, true, false, s->now), 0);
	assert_int_equal(rstp_port_mcheck(r, 5, s->now), 0);
	rstp_set_priority(r, 7, s->now);
	assert_int_equal(info(s, 0).root >> 48, 7);
	rstp_set_priority(r, RSTP_PRIORITY_DEFAULT, s->now);
	rstp_tick(r, s->now + 100000);
	rstp_port_remove(r, 5, s->now);
	rstp_port_remove(r, 5, s->now);
	assert_int_equal(rstp_port_set_up(r, 5, true, s->now), -ENOENT);
	/* On again: discarding first, then as ever. */
	s->now += 100000;
	rstp_set_enabled(r, true, s->now);
	assert_port(s, 0, 0, RSTP_DESIGNATED, RSTP_DISCARDING);
	s->allow_loops = false;
	sim_run(s, 10000);
	assert_converged(s);
	sim_destroy(s);
}

/* 802.3 frames to others, and whatever is not for us, is the bridge's. */
static void not_ours(void **state UNUSED)
{
	struct sim *s = sim_create(1, 1);
	uint16_t port = sim_lone(s, 0);
	uint8_t frame[60] = { 1, 0x80, 0xc2, 0, 0, 2, [12] = 0x88, 0x09 };
	struct bpdu b = { .kind = BPDU_TCN };

	assert_true(hear(s, 0, port, &b));	/* down, but a BPDU */
	assert_true(hear(s, 0, 15, &b));	/* no such port, but a BPDU */
	assert_int_equal(port_info(s, 0, port).rx_tcn, 0);
	sim_set_up(s, 0, true);
	assert_false(rstp_input(s->bridge[0].rstp, port, frame, sizeof(frame), s->now));
	assert_false(rstp_input(s->bridge[0].rstp, port, frame, 0, s->now));
	assert_true(hear(s, 0, port, &b));
	assert_int_equal(port_info(s, 0, port).rx_tcn, 1);
	sim_destroy(s);
}

/* As many ports as there can be. */

static unsigned long sends;

static void many_send(void *ctx UNUSED, uint16_t port UNUSED, const uint8_t *f UNUSED,
		      size_t n UNUSED)
{
	sends++;
}

static void many_state(void *ctx UNUSED, uint16_t port UNUSED, enum rstp_state state UNUSED)
{
}

static void many_flush(void *ctx UNUSED, uint16_t port UNUSED)
{
}

static void many_ports(void **state UNUSED)
{
	static const struct rstp_ops quiet = { many_send, many_state, many_flush, NULL };
	static uint8_t seen[65536];
	struct rstp *r = rstp_create(RSTP_PORTS_MAX, addr(1), &quiet, NULL);
	struct bpdu b = { .kind = BPDU_RST, .times = times, .vector = { 1, 0, 1, 1 },
			  .flags = BPDU_ROLE_DESIGNATED | BPDU_PROPOSAL };
	uint8_t frame[BPDU_FRAME_MAX];
	size_t size = bpdu_format(&b, addr(9), frame);
	struct rstp_port_info p;
	unsigned int wakes = 0;
	clock_t before;
	uint64_t now = 5;

	assert_non_null(r);
	for (unsigned int i = 0; i < RSTP_PORTS_MAX; i++) {
		assert_int_equal(rstp_port_add(r, (uint16_t)i, 1, now), 0);
		assert_int_equal(rstp_port_set_up(r, (uint16_t)i, true, now), 0);
		assert_int_equal(rstp_port_get_info(r, (uint16_t)i, &p), 0);
		assert_int_equal(seen[p.id]++, 0);
	}
	assert_int_equal(rstp_port_add(r, 65535, 1, now), -ERANGE);
	assert_int_equal(rstp_port_add(r, 1, 1, now), -EEXIST);
	/* Identifiers can meet only in the high bits. */
	assert_int_equal(rstp_port_set_priority(r, 4097, 144, now), -EEXIST);
	assert_int_equal(rstp_port_set_priority(r, 4097, 1, now), -EINVAL);
	assert_int_equal(rstp_port_set_priority(r, 4097, 256, now), -EINVAL);
	rstp_port_remove(r, 1, now);
	assert_int_equal(rstp_port_set_priority(r, 4097, 144, now), 0);
	assert_int_equal(rstp_port_add(r, 1, 1, now), -EEXIST);

	rstp_set_enabled(r, true, now);
	for (; now < 10000; now = rstp_next(r)) {
		rstp_tick(r, now);
		wakes++;
	}
	assert_int_equal(rstp_port_state(r, 65534), RSTP_FORWARDING);
	/* All say hello at the same time: some wakes, not one for each port. */
	assert_in_range(wakes, 4, 20);
	assert_true(sends >= 65534ul * 5);
	/* A better root, again and again: each is work for all ports, once. */
	before = clock();
	for (unsigned int i = 0; i < 50; i++) {
		b.vector.cost = 1000 - i;
		bpdu_format(&b, addr(9), frame);
		assert_true(rstp_input(r, 7, frame, size, now));
	}
	assert_true(clock() - before < 5 * CLOCKS_PER_SEC);
	assert_int_equal(rstp_port_state(r, 7), RSTP_FORWARDING);
	rstp_destroy(r);

	/* Of many that could be, a few that are. Nothing to do: no waking. */
	r = rstp_create(RSTP_PORTS_MAX, addr(1), &quiet, NULL);
	rstp_set_enabled(r, true, 0);
	assert_int_equal(rstp_next(r), RSTP_NEVER);
	assert_int_equal(rstp_port_add(r, 65534, 1, 0), 0);
	assert_int_equal(rstp_next(r), RSTP_NEVER);
	rstp_destroy(r);
	rstp_destroy(NULL);
}

/* Random networks. */

static uint64_t seed(void)
{
	const char *s = getenv("RSTP_SEED");

	return s ? strtoull(s, NULL, 0) : 1;
}

/* So that the test that fails says which one it was in: a line of its own, for a TAP
 * reader counts lines that begin with "ok". */
static void print_seed(uint64_t network)
{
	printf("# network %lu of RSTP_SEED=%lu\n", (unsigned long)network,
	       (unsigned long)seed());
}

/* A network with rings, parallel cables, hubs, and cables to nowhere. */
static struct sim *sim_random_network(uint64_t n, unsigned int loss)
{
	struct sim *s = sim_create(2, n * 0x9e3779b97f4a7c15);
	unsigned int bridges = 2 + (unsigned int)sim_random(s, SIM_BRIDGES - 2);
	uint64_t rng = s->rng;
	unsigned int segments;

	sim_destroy(s);
	s = sim_create(bridges, rng);
	segments = bridges + (unsigned int)sim_random(s, 2 * bridges);
	for (unsigned int i = 0; i < bridges; i++)
		if (!sim_random(s, 3))
			rstp_set_priority(s->bridge[i].rstp,
					  (uint16_t)sim_random(s, 65536), s->now);
	for (unsigned int i = 0; i < segments; i++) {
		static const unsigned int delays[] = { 0, 1, 1, 5, 30 };
		unsigned int ends = sim_random(s, 12) ? 2 : 3 + (unsigned int)sim_random(s, 2);
		int g = sim_segment(s, delays[sim_random(s, ARRAY_SIZE(delays))]);

		s->segment[g].loss = loss;
		for (unsigned int e = 0; e < ends; e++) {
			/* A line of all of them, so that there is one network. */
			unsigned int b = i + e < bridges && ends == 2 ? i + e :
					 (unsigned int)sim_random(s, bridges);
			uint32_t cost = 1 + (uint32_t)sim_random(s, 4) * 1000;

			if (s->bridge[b].segment[SIM_PORTS - 1] < 0)
				sim_end(s, g, b, cost);
		}
	}
	return s;
}

/* Something happens to it. */
static void sim_random_event(struct sim *s)
{
	unsigned int b = (unsigned int)sim_random(s, s->bridges);
	int g = (int)sim_random(s, s->segments);
	uint16_t port;

	switch (sim_random(s, 10)) {
	case 0:
		rstp_set_priority(s->bridge[b].rstp, (uint16_t)sim_random(s, 65536), s->now);
		break;
	case 1:
		port = (uint16_t)sim_random(s, SIM_PORTS);
		if (s->bridge[b].segment[port] >= 0)
			assert_int_equal(rstp_port_set_cost(s->bridge[b].rstp, port,
					 1 + (uint32_t)sim_random(s, 5000), s->now), 0);
		break;
	case 2:
		port = (uint16_t)sim_random(s, SIM_PORTS);
		if (s->bridge[b].segment[port] >= 0)
			assert_int_equal(rstp_port_set_priority(s->bridge[b].rstp, port,
					 16 * (unsigned int)sim_random(s, 16), s->now), 0);
		break;
	case 3:
		/* All cables of a bridge at once: it dies, or is born again. */
		for (unsigned int i = 0; i < SIM_PORTS; i++)
			if (s->bridge[b].segment[i] >= 0)
				sim_set_up(s, s->bridge[b].segment[i], g % 2);
		break;
	default:
		sim_set_up(s, g, !s->segment[g].up);
		break;
	}
}

static void random_networks(void **state UNUSED)
{
	enum { NETWORKS = 1000, BURSTS = 6, LOOP_MS = 2000 };
	unsigned int worst = 0, loops = 0;

	for (uint64_t n = 0; n < NETWORKS; n++) {
		struct sim *s = sim_random_network(seed() * NETWORKS + n, 0);

		s->loop_max = LOOP_MS;
		print_seed(n);
		for (unsigned int i = 0; i < s->segments; i++)
			sim_set_up(s, (int)i, true);
		for (unsigned int i = 0; i < BURSTS; i++) {
			unsigned int ms = sim_converge(s, 120000);

			assert_converged(s);
			worst = MAX(worst, ms);
			for (uint64_t k = 1 + sim_random(s, 5); k; k--) {
				sim_random_event(s);
				sim_run(s, (unsigned int)sim_random(s, 2) *
					   (unsigned int)sim_random(s, 300));
			}
		}
		loops += s->loops;
		sim_destroy(s);
	}
	print_message("slowest of all: %u ms; %u short loops\n", worst, loops);
	assert_in_range(loops, 0, NETWORKS / 10);
}

/* Rings, and bridges with two cables between them, one event at a time: no loop. */
static void no_loops(void **state UNUSED)
{
	for (uint64_t n = 0; n < 200; n++) {
		struct sim *s = sim_create(3 + (unsigned int)(n % 8), seed() * 9999 + n);
		unsigned int extra = (unsigned int)sim_random(s, 3);

		print_seed(n);
		for (unsigned int i = 0; i < s->bridges; i++)
			sim_cable(s, i, (i + 1) % s->bridges);
		for (unsigned int i = 0; i < extra; i++) {
			unsigned int b = (unsigned int)sim_random(s, s->bridges);

			sim_cable(s, b, (b + 1) % s->bridges);
		}
		for (unsigned int i = 0; i < 10; i++) {
			int g = (int)sim_random(s, s->segments);

			sim_run(s, 30000);
			assert_converged(s);
			sim_set_up(s, g, !s->segment[g].up);
		}
		sim_destroy(s);
	}
}

/* One BPDU in ten is lost: trees come later, but they come, and no loops. */
static void lossy_networks(void **state UNUSED)
{
	for (uint64_t n = 0; n < 100; n++) {
		struct sim *s = sim_random_network(seed() * 7777 + n, 100);

		s->loop_max = 5000;
		print_seed(n);
		for (unsigned int i = 0; i < s->segments; i++)
			sim_set_up(s, (int)i, true);
		for (unsigned int i = 0; i < 3; i++) {
			sim_run(s, 60000);
			sim_random_event(s);
		}
		for (unsigned int i = 0; i < s->segments; i++)
			s->segment[i].loss = 0;
		sim_run(s, 120000);
		assert_converged(s);
		sim_destroy(s);
	}
}

/* Strangers say anything at all, on hosts' ports. It ends, and so does the harm. */
static void strangers(void **state UNUSED)
{
	for (uint64_t n = 0; n < 20; n++) {
		struct sim *s = sim_random_network(seed() * 8888 + n, 0);
		unsigned int cables = s->segments;

		for (unsigned int b = 0; b < s->bridges; b++)
			if (s->bridge[b].segment[SIM_PORTS - 1] < 0)
				sim_lone(s, b);
		for (unsigned int i = 0; i < s->segments; i++)
			sim_set_up(s, (int)i, true);
		/* Who says the worst at the worst time may make loops. */
		s->allow_loops = true;
		for (unsigned int i = 0; i < 5000; i++) {
			const struct sim_segment *g = &s->segment[cables + sim_random(s,
							s->segments - cables)];
			struct sim_bridge *b = &s->bridge[g->end[0].bridge];
			struct bpdu bpdu = {
				.kind = (enum bpdu_kind)sim_random(s, 3),
				.flags = (uint8_t)sim_random(s, 256),
				.vector = { id(0) + sim_random(s, 4) - 2,
					    (uint32_t)sim_random(s, 3) * 0x7fffffff,
					    id((unsigned int)sim_random(s, SIM_BRIDGES)),
					    (uint16_t)(0x8000 + sim_random(s, 16)) },
				.times = { (uint16_t)sim_random(s, 6000),
					   (uint16_t)sim_random(s, 65536),
					   (uint16_t)sim_random(s, 65536),
					   (uint16_t)sim_random(s, 65536) },
			};

			hear(s, b->n, g->end[0].port, &bpdu);
			sim_run(s, (unsigned int)sim_random(s, 40));
		}
		for (unsigned int i = cables; i < s->segments; i++)
			sim_set_up(s, (int)i, false);
		sim_run(s, 120000);
		s->allow_loops = false;
		assert_converged(s);
		sim_destroy(s);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(formats),
	cmocka_unit_test(vectors),
	cmocka_unit_test(malformed),
	cmocka_unit_test(two_cables),
	cmocka_unit_test(rings),
	cmocka_unit_test(root_dies),
	cmocka_unit_test(priorities),
	cmocka_unit_test(ties),
	cmocka_unit_test(own_ports),
	cmocka_unit_test(mirror),
	cmocka_unit_test(edges),
	cmocka_unit_test(edge_loop),
	cmocka_unit_test(bpdu_guard),
	cmocka_unit_test(root_guard),
	cmocka_unit_test(stp_neighbour),
	cmocka_unit_test(vde_neighbour),
	cmocka_unit_test(topology_changes),
	cmocka_unit_test(tc_storm),
	cmocka_unit_test(a_change_while_others_are_told),
	cmocka_unit_test(one_change_behind_another),
	cmocka_unit_test(hold_count),
	cmocka_unit_test(dispute),
	cmocka_unit_test(message_age),
	cmocka_unit_test(lying_times),
	cmocka_unit_test(bridge_times),
	cmocka_unit_test(off),
	cmocka_unit_test(not_ours),
	cmocka_unit_test(many_ports),
	cmocka_unit_test(no_loops),
	cmocka_unit_test(random_networks),
	cmocka_unit_test(lossy_networks),
	cmocka_unit_test(strangers),
};

UNIT_MAIN(tests)
