/* SPDX-License-Identifier: BSD-2-Clause */
/* test-bridge.c - the forwarding decision and the address table, without a clock
 * and without a descriptor; time jumps as the test likes
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "switchd/bridge.h"
#include "switchd/storm.h"
#include "switchd/txq.h"

static const struct siphash_key key = { 1, 2 };

/* 02:00:00:00:00:NN, and the group addresses by number above 0xff. */
static struct eth_addr addr(unsigned int n)
{
	struct eth_addr a = { { 2, 0, 0, (uint8_t)(n >> 16), (uint8_t)(n >> 8),
				(uint8_t)n } };

	return a;
}

static const struct eth_addr broadcast = { { 255, 255, 255, 255, 255, 255 } };

static const struct vlan_port no_vlans;

static struct verdict bring_size(struct bridge *b, uint16_t in, struct eth_addr src,
				 struct eth_addr dst, uint64_t now, size_t size)
{
	uint8_t bytes[64] = { 0 };
	struct iovec iov = { bytes, size };
	struct frame f = { bytes, MIN(size, sizeof(bytes)), size, &iov, 1, NULL };

	memcpy(bytes, &dst, 6);
	memcpy(bytes + 6, &src, 6);
	return bridge_decide(b, in, &no_vlans, &f, now);
}

static struct verdict bring(struct bridge *b, uint16_t in, struct eth_addr src,
			    struct eth_addr dst, uint64_t now)
{
	return bring_size(b, in, src, dst, now, 60);
}

static void assert_unicast(struct verdict v, uint16_t port)
{
	assert_int_equal(v.kind, VERDICT_UNICAST);
	assert_int_equal(v.port, port);
}

static void assert_drop(struct verdict v, enum drop_reason reason)
{
	assert_int_equal(v.kind, VERDICT_DROP);
	assert_int_equal(v.reason, reason);
}

static void learns(void **state UNUSED)
{
	struct bridge b = { .fdb = fdb_create(16, 4, key) };

	assert_int_equal(bring(&b, 1, addr(1), addr(2), 0).kind, VERDICT_FLOOD);
	assert_unicast(bring(&b, 2, addr(2), addr(1), 0), 1);
	assert_unicast(bring(&b, 1, addr(1), addr(2), 0), 2);
	/* The destination is where it came from. */
	assert_drop(bring(&b, 1, addr(3), addr(1), 0), DROP_LOCAL);
	/* It moved. */
	assert_int_equal(bring(&b, 3, addr(1), broadcast, 10).kind, VERDICT_FLOOD);
	assert_unicast(bring(&b, 2, addr(2), addr(1), 10), 3);
	fdb_destroy(b.fdb);
}

static void does_not_learn(void **state UNUSED)
{
	struct bridge b = { .fdb = fdb_create(16, 4, key) };
	struct eth_addr group = { { 3, 0, 0, 0, 0, 1 } }, zero = { { 0 } };

	assert_drop(bring(&b, 1, group, addr(2), 0), DROP_BAD_SOURCE);
	assert_drop(bring(&b, 1, broadcast, addr(2), 0), DROP_BAD_SOURCE);
	assert_int_equal(bring(&b, 1, zero, addr(2), 0).kind, VERDICT_FLOOD);
	assert_drop(bring_size(&b, 1, addr(1), addr(2), 0, 13), DROP_RUNT);
	assert_drop(bring_size(&b, 1, addr(1), addr(2), 0, 65536), DROP_OVERSIZE);
	assert_int_equal(fdb_count(b.fdb), 0);
	assert_int_equal(bring_size(&b, 1, addr(1), addr(2), 0, 14).kind, VERDICT_FLOOD);
	assert_int_equal(bring_size(&b, 1, addr(1), addr(2), 0, 65535).kind, VERDICT_FLOOD);
	assert_int_equal(fdb_count(b.fdb), 1);
	fdb_destroy(b.fdb);
}

static void hub(void **state UNUSED)
{
	struct bridge b = { .fdb = fdb_create(16, 4, key), .hub = true };

	bring(&b, 1, addr(1), addr(2), 0);
	assert_int_equal(bring(&b, 2, addr(2), addr(1), 0).kind, VERDICT_FLOOD);
	assert_int_equal(bring(&b, 2, broadcast, addr(1), 0).kind, VERDICT_FLOOD);
	assert_int_equal(fdb_count(b.fdb), 0);
	fdb_destroy(b.fdb);
}

/* 01-80-C2-00-00-00 to -0F, by each mask; -10 and others are groups like others. */
static void reserved(void **state UNUSED)
{
	static const struct { const char *text; uint16_t mask; } cases[] = {
		{ "forward", 0xfffd }, { "standard", 0 }, { "0x4000", 0x4000 },
		{ "0xffff", 0xffff }, { "3", 3 },
	};
	struct bridge b = { .fdb = fdb_create(64, 4, key) };
	struct eth_addr dst = { { 0x01, 0x80, 0xc2, 0, 0, 0 } };

	for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
		assert_true(bridge_reserved_parse(cases[c].text, &b.reserved));
		assert_int_equal(b.reserved, cases[c].mask);
		for (unsigned int i = 0; i < 256; i++) {
			struct verdict v;

			dst.b[5] = (uint8_t)i;
			v = bring(&b, 1, addr(1), dst, 0);
			if (i > 15 || cases[c].mask >> i & 1)
				assert_int_equal(v.kind, VERDICT_FLOOD);
			else
				assert_drop(v, DROP_RESERVED);
		}
	}
	/* Neighbours in every byte. */
	assert_true(bridge_reserved_parse("standard", &b.reserved));
	for (unsigned int i = 0; i < 5; i++) {
		dst = (struct eth_addr){ { 0x01, 0x80, 0xc2, 0, 0, 2 } };
		dst.b[i] ^= 0x10;
		assert_int_equal(bring(&b, 1, addr(1), dst, 0).kind, VERDICT_FLOOD);
	}
	/* Who sent one is known, as 802.1Q has it. */
	fdb_flush(b.fdb);
	dst = (struct eth_addr){ { 0x01, 0x80, 0xc2, 0, 0, 2 } };
	assert_drop(bring(&b, 1, addr(7), dst, 0), DROP_RESERVED);
	assert_unicast(bring(&b, 2, addr(2), addr(7), 0), 1);
	/* A hub is a wire. */
	b.hub = true;
	assert_int_equal(bring(&b, 1, addr(1), dst, 0).kind, VERDICT_FLOOD);
	assert_false(bridge_reserved_parse("0x10000", &b.reserved));
	assert_false(bridge_reserved_parse("", &b.reserved));
	assert_false(bridge_reserved_parse("forwards", &b.reserved));
	assert_int_equal(b.reserved, 0);
	fdb_destroy(b.fdb);
}

/* How many of @n flooded frames to @dst, of one batch each, pass. */
static unsigned int pass(struct storm *s, struct eth_addr dst, enum verdict_kind kind,
			 unsigned int n, uint64_t now)
{
	uint8_t bytes[64] = { 0 };
	const struct frame f = { bytes, 60, 60, NULL, 0, NULL };
	unsigned int passed = 0;

	memcpy(bytes, &dst, sizeof(dst));
	for (unsigned int i = 0; i < n; i++) {
		struct verdict v = { .kind = kind };

		storm_apply(s, &f, 1, now, &v);
		if (v.kind == VERDICT_DROP)
			assert_int_equal(v.reason, DROP_STORM);
		else
			passed++;
	}
	return passed;
}

static void storm(void **state UNUSED)
{
	struct eth_addr group = { { 1, 0, 0x5e, 0, 0, 1 } };
	struct storm s = { 0 };

	assert_false(s.on);
	storm_set(&s, STORM_BROADCAST, 100, 5000);
	assert_true(s.on);
	/* A second's worth at once, then as time goes. */
	assert_int_equal(pass(&s, broadcast, VERDICT_FLOOD, 1000, 5000), 100);
	assert_int_equal(pass(&s, broadcast, VERDICT_FLOOD, 10, 5009), 0);
	assert_int_equal(pass(&s, broadcast, VERDICT_FLOOD, 10, 5010), 1);
	assert_int_equal(pass(&s, broadcast, VERDICT_FLOOD, 100, 5510), 50);
	/* Time that goes back gives nothing, and a long pause one second's worth. */
	assert_int_equal(pass(&s, broadcast, VERDICT_FLOOD, 10, 100), 0);
	assert_int_equal(pass(&s, broadcast, VERDICT_FLOOD, 1000, 5510 + ((uint64_t)1 << 62)),
			 100);	/* 100 times that is 0 in 64 bits */
	/* Other kinds, and what is not flooded, are not meant. */
	assert_int_equal(pass(&s, group, VERDICT_FLOOD, 200, UINT64_MAX / 2), 200);
	assert_int_equal(pass(&s, addr(1), VERDICT_FLOOD, 200, UINT64_MAX / 2), 200);
	storm_set(&s, STORM_MULTICAST, 3, 0);
	storm_set(&s, STORM_UNKNOWN, STORM_RATE_MAX, 0);
	assert_int_equal(pass(&s, group, VERDICT_FLOOD, 2, 0), 2);
	assert_int_equal(pass(&s, group, VERDICT_GROUP, 9, 0), 1);
	assert_int_equal(pass(&s, addr(1), VERDICT_UNICAST, 9, 0), 9);
	assert_int_equal(pass(&s, addr(1), VERDICT_FLOOD, STORM_RATE_MAX + 9, 0),
			 STORM_RATE_MAX);
	assert_int_equal(pass(&s, addr(1), VERDICT_UNICAST, 9, 0), 9);
	/* Slow ones are exact over time: 3 in a second, whatever the steps. */
	{
		unsigned int passed = 0;

		for (uint64_t t = 1; t <= 10000; t += 7)
			passed += pass(&s, group, VERDICT_FLOOD, 1, t);
		assert_in_range(passed, 29, 30);
	}
	storm_set(&s, STORM_BROADCAST, 0, 0);
	storm_set(&s, STORM_MULTICAST, 0, 0);
	assert_true(s.on);
	storm_set(&s, STORM_UNKNOWN, 0, 0);
	assert_false(s.on);
	assert_int_equal(pass(&s, broadcast, VERDICT_FLOOD, 10, 0), 10);
}

static void ages(void **state UNUSED)
{
	struct fdb *fdb = fdb_create(16, 4, key);
	const uint64_t age = FDB_AGEING_MS_DEFAULT;

	assert_int_equal(fdb_learn(fdb, addr(1), 0, 1, 1000), FDB_NEW);
	assert_int_equal(fdb_learn(fdb, addr(2), 0, 1, 5000), FDB_NEW);
	assert_int_equal(fdb_lookup(fdb, addr(1), 0, 1000 + age), 1);
	assert_int_equal(fdb_lookup(fdb, addr(1), 0, 1000 + age + 1), FDB_NO_PORT);
	assert_int_equal(fdb_age(fdb, 1000 + age + 1), 1);
	assert_int_equal(fdb_count(fdb), 1);
	/* Seen again, it lives on. */
	assert_int_equal(fdb_learn(fdb, addr(2), 0, 1, 5000 + age), FDB_KNOWN);
	assert_int_equal(fdb_age(fdb, 5000 + age + 1), 0);
	assert_int_equal(fdb_lookup(fdb, addr(2), 0, 5000 + 2 * age), 1);
	fdb_flush_port(fdb, 1);
	assert_int_equal(fdb_count(fdb), 0);
	fdb_destroy(fdb);
}

/* A flood of addresses from one port pushes out its own, and nobody else's. */
static void fair(void **state UNUSED)
{
	struct fdb *fdb = fdb_create(100, 4, key);

	for (unsigned int i = 0; i < 20; i++)
		fdb_learn(fdb, addr(i), 0, 1, 0);
	for (unsigned int i = 0; i < 100000; i++)
		fdb_learn(fdb, addr(0x10000 + i), 0, 2, 1);
	assert_int_equal(fdb_count(fdb), 100);
	assert_int_equal(fdb_port_count(fdb, 1), 20);
	for (unsigned int i = 0; i < 20; i++)
		assert_int_equal(fdb_lookup(fdb, addr(i), 0, 1), 1);
	/* The youngest of the flood are there, the oldest went. */
	assert_int_equal(fdb_lookup(fdb, addr(0x10000 + 99999), 0, 1), 2);
	assert_int_equal(fdb_lookup(fdb, addr(0x10000), 0, 1), FDB_NO_PORT);
	fdb_destroy(fdb);
}

/* A million random operations beside an obvious model. */
static void like_the_model(void **state UNUSED)
{
	enum { PORTS = 5, ADDRS = 64 };
	struct { uint16_t port; uint64_t seen; } model[ADDRS];
	struct fdb *fdb = fdb_create(ADDRS, PORTS, key);
	uint64_t now = 0, rng = 42;

	for (int i = 0; i < ADDRS; i++)
		model[i].port = FDB_NO_PORT;
	for (int n = 0; n < 1000000; n++) {
		unsigned int a, p, what, alive = 0;

		rng = rng * 6364136223846793005 + 1442695040888963407;
		a = (unsigned int)(rng >> 33) % ADDRS;
		p = (unsigned int)(rng >> 40) % PORTS;
		what = (unsigned int)(rng >> 50) % 1000;
		now += rng >> 60;
		if (what == 0) {
			fdb_flush_port(fdb, (uint16_t)p);
			for (int i = 0; i < ADDRS; i++)
				if (model[i].port == p)
					model[i].port = FDB_NO_PORT;
		} else if (what == 1) {
			now += FDB_AGEING_MS_DEFAULT / 2;
			fdb_age(fdb, now);
			for (int i = 0; i < ADDRS; i++)
				if (now - model[i].seen > FDB_AGEING_MS_DEFAULT)
					model[i].port = FDB_NO_PORT;
			for (int i = 0; i < ADDRS; i++)
				alive += model[i].port != FDB_NO_PORT;
			assert_int_equal(fdb_count(fdb), alive);
		} else {
			fdb_learn(fdb, addr(a), 0, (uint16_t)p, now);
			if (model[a].port != p || now - model[a].seen >= FDB_REFRESH_MS)
				model[a].seen = now;
			model[a].port = (uint16_t)p;
		}
		a = (unsigned int)(rng >> 20) % ADDRS;
		assert_int_equal(fdb_lookup(fdb, addr(a), 0, now),
				 now - model[a].seen > FDB_AGEING_MS_DEFAULT ?
				 FDB_NO_PORT : model[a].port);
	}
	fdb_destroy(fdb);
}

/* A batch in a big table is decided as its frames are one by one in another, with more
 * addresses than the table has room for, so that entries go to others all the time. */
static void big(void **state UNUSED)
{
	enum { ENTRIES = 3000, ADDRS = 6000, PORTS = 4, BATCHES = 4000 };
	struct bridge one = { .fdb = fdb_create(ENTRIES, PORTS, key) };
	struct bridge many = { .fdb = fdb_create(ENTRIES, PORTS, key), .big = true };
	uint8_t bytes[FRAME_BATCH][64] = { { 0 } };
	struct iovec iov[FRAME_BATCH];
	struct frame frames[FRAME_BATCH];
	struct verdict v[FRAME_BATCH];
	unsigned int seed = 7, unicast = 0;

	for (unsigned int i = 0; i < FRAME_BATCH; i++) {
		iov[i] = (struct iovec){ bytes[i], 64 };
		frames[i] = (struct frame){ bytes[i], 64, 64, &iov[i], 1, NULL };
	}
	for (uint64_t n = 0; n < BATCHES; n++) {
		uint16_t in = (uint16_t)(rand_r(&seed) % PORTS);

		for (unsigned int i = 0; i < FRAME_BATCH; i++) {
			struct eth_addr src = addr((unsigned int)rand_r(&seed) % ADDRS);
			struct eth_addr dst = rand_r(&seed) % 8 ?
					      addr((unsigned int)rand_r(&seed) % ADDRS) : broadcast;

			memcpy(bytes[i], &dst, 6);
			memcpy(bytes[i] + 6, &src, 6);
		}
		frames[n % FRAME_BATCH].size = n % 3 ? 64 : 10;
		if (rand_r(&seed) % 100 == 0) {
			fdb_flush_port(one.fdb, in);
			fdb_flush_port(many.fdb, in);
		}
		bridge_decide_batch(&many, in, &no_vlans, frames, FRAME_BATCH, n, v);
		for (unsigned int i = 0; i < FRAME_BATCH; i++) {
			struct verdict w = bridge_decide(&one, in, &no_vlans, &frames[i], n);

			assert_int_equal(v[i].kind, w.kind);
			if (w.kind == VERDICT_UNICAST)
				assert_int_equal(v[i].port, w.port);
			unicast += w.kind == VERDICT_UNICAST;
		}
		frames[n % FRAME_BATCH].size = 64;
	}
	assert_true(unicast > BATCHES);
	assert_int_equal(fdb_count(one.fdb), fdb_count(many.fdb));
	fdb_destroy(one.fdb);
	fdb_destroy(many.fdb);
}

static void table_of_one(void **state UNUSED)
{
	struct fdb *fdb = fdb_create(1, 2, key);

	fdb_learn(fdb, addr(1), 0, 0, 0);
	fdb_learn(fdb, addr(2), 0, 1, 0);
	assert_int_equal(fdb_count(fdb), 1);
	assert_int_equal(fdb_lookup(fdb, addr(1), 0, 0), FDB_NO_PORT);
	assert_int_equal(fdb_lookup(fdb, addr(2), 0, 0), 1);
	fdb_destroy(fdb);
}

static void queue(void **state UNUSED)
{
	static uint8_t bytes[ETH_FRAME_MAX];
	struct iovec iov[2] = { { bytes, 10 }, { bytes + 10, 50 } };
	struct frame f = { bytes, 60, 60, iov, 2, NULL };
	struct txq q = { 0 };

	for (int i = 0; i < 60; i++)
		bytes[i] = (uint8_t)i;
	for (int i = 0; i < TXQ_FRAMES_MAX; i++) {
		assert_int_equal(txq_is_high(&q), i >= TXQ_FRAMES_HIGH);
		assert_int_equal(txq_is_low(&q), i <= TXQ_FRAMES_LOW);
		assert_true(txq_push(&q, &f));
	}
	assert_false(txq_push(&q, &f));
	assert_memory_equal(txq_peek(&q, TXQ_FRAMES_MAX - 1).head, bytes, 60);
	txq_drop(&q, TXQ_FRAMES_MAX - 1);
	assert_int_equal(q.bytes, 60);
	/* The ring goes round. */
	assert_true(txq_push(&q, &f));
	assert_int_equal(txq_clear(&q), 2);
	assert_int_equal(q.bytes, 0);

	/* Bytes are bounded, too. */
	iov[0] = (struct iovec){ bytes, ETH_FRAME_MAX };
	f = (struct frame){ bytes, 60, ETH_FRAME_MAX, iov, 1, NULL };
	while (txq_push(&q, &f))
		;
	assert_int_equal(q.count, TXQ_BYTES_MAX / ETH_FRAME_MAX);
	txq_clear(&q);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(learns),
	cmocka_unit_test(does_not_learn),
	cmocka_unit_test(hub),
	cmocka_unit_test(reserved),
	cmocka_unit_test(storm),
	cmocka_unit_test(ages),
	cmocka_unit_test(fair),
	cmocka_unit_test(like_the_model),
	cmocka_unit_test(big),
	cmocka_unit_test(table_of_one),
	cmocka_unit_test(queue),
};

UNIT_MAIN(tests)
