/* SPDX-License-Identifier: BSD-2-Clause */
/* test-wire.c - A wire's model: values, chance, times, bounds, the Markov chain, and the
 * console's commands
 *
 * Every seed is fixed, so nothing here fails now and then. Bounds are about four
 * standard deviations wide where something is drawn, and exact where nothing is.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plug/wire_cable.h"
#include "plug/wire_cmds.h"

enum { SEED = 20261121, MANY = 100000, SIZE = 1000 };

#define MS	UINT64_C(1000000)
#define S	UINT64_C(1000000000)

/* Between these two, both included. */
static void assert_near(double x, double low, double high)
{
	if (x < low || x > high)
		fail_msg("%g is not from %g to %g", x, low, high);
}

/* Values. */

static void values_parse(void **state UNUSED)
{
	static const struct {
		const char *text;
		struct wire_setting want;
	} good[] = {
		{ "10", { WIRE_BOTH, { 10, 0, false }, -1 } },
		{ "0", { WIRE_BOTH, { 0, 0, false }, -1 } },
		{ ".5", { WIRE_BOTH, { 0.5, 0, false }, -1 } },
		{ "1e3", { WIRE_BOTH, { 1000, 0, false }, -1 } },
		{ "LR20.5", { WIRE_LR, { 20.5, 0, false }, -1 } },
		{ "RL10", { WIRE_RL, { 10, 0, false }, -1 } },
		{ "1000+500", { WIRE_BOTH, { 1000, 500, false }, -1 } },
		{ "1000+500U", { WIRE_BOTH, { 1000, 500, false }, -1 } },
		{ "1000+500N", { WIRE_BOTH, { 1000, 500, true }, -1 } },
		{ "128K", { WIRE_BOTH, { 131072, 0, false }, -1 } },
		{ "128+64KN", { WIRE_BOTH, { 131072, 65536, true }, -1 } },
		{ "2M", { WIRE_BOTH, { 2097152, 0, false }, -1 } },
		{ "1.5G", { WIRE_BOTH, { 1610612736, 0, false }, -1 } },
		{ "3k", { WIRE_BOTH, { 3072, 0, false }, -1 } },
		{ "100+10N[4]", { WIRE_BOTH, { 100, 10, true }, 4 } },
		{ " LR 1 + 2 K N [ 3 ] ", { WIRE_LR, { 1024, 2048, true }, 3 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct wire_setting got;

		assert_int_equal(wire_setting_parse(good[i].text, &got), 0);
		assert_int_equal(got.dirs, good[i].want.dirs);
		assert_true(fabs(got.value.base - good[i].want.value.base) < 1e-9);
		assert_true(fabs(got.value.variation - good[i].want.value.variation) < 1e-9);
		assert_int_equal(got.value.normal, good[i].want.value.normal);
		assert_int_equal(got.node, good[i].want.node);
	}
}

static void values_refused(void **state UNUSED)
{
	static const char *const bad[] = {
		"", " ", "x", "-1", "+5", "LR", "LR+5", "lr5", "10LR", "LRRL5", "LR RL5",
		"10+", "10+-5", "10+5+5", "10+5X", "10KM", "10UN", "10NK", "10[", "10[]",
		"10[x]", "10[-1]", "10[1", "10[1]x", "10[1][2]", "10[99999999999]", "1K+1K",
		"inf", "nan", "1e999", "1e13", "1+1e13", "999999999999G", "10 5", "1,5", "[1]",
		"10,", "10[1,2]", "K", "U",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct wire_setting s = { .dirs = 77 };

		if (wire_setting_parse(bad[i], &s) != -EINVAL)
			fail_msg("'%s' was taken", bad[i]);
		assert_int_equal(s.dirs, 77);
	}
}

static void values_round_trip(void **state UNUSED)
{
	struct wire_random r = { SEED };

	for (int i = 0; i < 1000; i++) {
		struct wire_value v = {
			.base = (double)(wire_random_u64(&r) % 1000000) / 8.,
			.variation = (double)(wire_random_u64(&r) % 1000),
			.normal = wire_random_u64(&r) % 2,
		};
		char first[WIRE_VALUE_STR], second[WIRE_VALUE_STR];
		struct wire_setting s;

		wire_value_format(&v, first);
		assert_int_equal(wire_setting_parse(first, &s), 0);
		assert_string_equal(wire_value_format(&s.value, second), first);
		assert_int_equal(s.value.normal, v.normal);
		assert_near(s.value.base / (v.base + 1e-9), 1. - 1e-5, 1. + 1e-5);
	}
}

/* As the original shows it. */
static void values_format(void **state UNUSED)
{
	char buf[WIRE_VALUE_STR];

	assert_string_equal(wire_value_format(&(struct wire_value){ 0, 0, false }, buf), "0+0U");
	assert_string_equal(wire_value_format(&(struct wire_value){ 10, 5, true }, buf), "10+5N");
	assert_string_equal(wire_value_format(&(struct wire_value){ 1073741824, 0, false }, buf),
			    "1.07374e+09+0U");
}

static void values_fit(void **state UNUSED)
{
	const struct wire_value whole = { 100, 0, false }, more = { 100.1, 0, false };
	const struct wire_value varies = { 1500, 1, false };

	assert_true(wire_value_is_for(WIRE_LOSS, &whole));
	assert_true(wire_value_is_for(WIRE_DUP, &whole));
	assert_false(wire_value_is_for(WIRE_LOSS, &more));
	assert_false(wire_value_is_for(WIRE_DUP, &more));
	assert_true(wire_value_is_for(WIRE_DELAY, &more));
	assert_false(wire_value_is_for(WIRE_MTU, &varies));
	assert_true(wire_value_is_for(WIRE_BAND, &varies));
}

/* Wires. */

static void set(struct wire *w, enum wire_param param, double base, double variation,
		bool normal)
{
	w->params.v[param] = (struct wire_value){ base, variation, normal };
}

static struct wire wire(void)
{
	struct wire w;

	wire_init(&w, SEED);
	return w;
}

static uint8_t frame_bytes[65535];

static unsigned int push(struct wire *w, size_t size, uint64_t now)
{
	return wire_push(w, frame_bytes, size, now);
}

/* in + dup = out + dropped + waiting */
static void assert_balanced(const struct wire *w)
{
	uint64_t dropped = 0;

	for (int i = 0; i < WIRE_DROP_COUNT; i++)
		dropped += w->stats.drop[i];
	assert_int_equal(w->stats.in + w->stats.dup, w->stats.out + dropped + w->count);
}

static void perfect(void **state UNUSED)
{
	struct wire w = wire();
	const struct wire_frame *f;

	assert_int_equal(wire_next(&w), WIRE_NEVER);
	assert_null(wire_peek(&w, WIRE_NEVER - 1));
	for (size_t i = 0; i < sizeof(frame_bytes); i++)
		frame_bytes[i] = (uint8_t)(i * 7 + i / 256);
	assert_true(wire_accepts(&w, 5));
	assert_int_equal(push(&w, sizeof(frame_bytes), 5), 1);
	assert_int_equal(wire_next(&w), 5);
	assert_null(wire_peek(&w, 4));
	f = wire_peek(&w, 5);
	assert_non_null(f);
	assert_int_equal(f->size, sizeof(frame_bytes));
	assert_memory_equal(f->bytes, frame_bytes, sizeof(frame_bytes));
	wire_pop(&w, WIRE_SENT);
	assert_int_equal(w.stats.out, 1);
	assert_int_equal(w.stats.out_bytes, sizeof(frame_bytes));
	assert_int_equal(w.stats.in_bytes, sizeof(frame_bytes));
	assert_int_equal(w.bytes, 0);
	assert_balanced(&w);
	wire_free(&w);
}

static void loss(void **state UNUSED)
{
	struct wire w = wire();
	unsigned int lost = 0;

	set(&w, WIRE_LOSS, 20, 0, false);
	for (int i = 0; i < MANY; i++) {
		if (!push(&w, 60, 0))
			lost++;
		else
			wire_pop(&w, WIRE_SENT);
	}
	assert_near(lost, 0.2 * MANY - 500, 0.2 * MANY + 500);
	assert_int_equal(w.stats.drop[WIRE_DROP_LOSS], lost);
	assert_balanced(&w);
	wire_free(&w);
}

static void loss_all_and_none(void **state UNUSED)
{
	struct wire w = wire();

	set(&w, WIRE_LOSS, 100, 0, false);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(push(&w, 60, 0), 0);
	set(&w, WIRE_LOSTBURST, 5, 0, false);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(push(&w, 60, 0), 0);
	set(&w, WIRE_LOSS, 0, 0, false);
	push(&w, 60, 0);
	while (w.bad)
		push(&w, 60, 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(push(&w, 60, 0), 1);
	wire_free(&w);
}

/* Gilbert: both the loss and the mean length of bursts are those asked for. */
static void lostburst(void **state UNUSED)
{
	static const struct {
		double loss, burst;
	} cases[] = { { 10, 1 }, { 50, 1 }, { 10, 5 }, { 50, 5 }, { 2, 20 } };

	for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
		unsigned int lost = 0, bursts = 0, n = 4 * MANY;
		struct wire w = wire();
		bool before = false;

		set(&w, WIRE_LOSS, cases[c].loss, 0, false);
		set(&w, WIRE_LOSTBURST, cases[c].burst, 0, false);
		for (unsigned int i = 0; i < n; i++) {
			bool now = !push(&w, 60, 0);

			if (!now)
				wire_pop(&w, WIRE_SENT);
			lost += now;
			bursts += now && !before;
			before = now;
		}
		assert_near(100. * lost / n, 0.93 * cases[c].loss, 1.07 * cases[c].loss);
		assert_near((double)lost / bursts, 0.95 * cases[c].burst,
			    1.05 * cases[c].burst);
		wire_free(&w);
	}
}

/* Times until frames are due, as they come out. */
struct sample {
	double mean, deviation, least, most;
	double within;		/* fraction between 50 and 150 ms */
	unsigned int overtaken;
};

static struct sample sample_delay(struct wire *w)
{
	struct sample s = { .least = 1e30 };
	double sum = 0., squares = 0.;
	uint64_t last_order = 0;

	/* All come at the same time. */
	for (int i = 0; i < MANY; i++)
		assert_int_equal(push(w, 14, 0), 1);
	for (int i = 0; i < MANY; i++) {
		const struct wire_frame *f = wire_peek(w, 1000 * S);
		double ms = (double)f->due_ns / (double)MS;

		sum += ms;
		squares += ms * ms;
		s.least = fmin(s.least, ms);
		s.most = fmax(s.most, ms);
		s.within += ms >= 50. && ms <= 150.;
		s.overtaken += i && f->order < last_order;
		last_order = f->order;
		wire_pop(w, WIRE_SENT);
	}
	s.mean = sum / MANY;
	s.deviation = sqrt(squares / MANY - s.mean * s.mean);
	s.within /= MANY;
	return s;
}

static void delay_uniform(void **state UNUSED)
{
	struct wire w = wire();
	struct sample s;

	w.fifo = false;
	set(&w, WIRE_DELAY, 100, 50, false);
	s = sample_delay(&w);
	assert_near(s.mean, 99.6, 100.4);
	assert_near(s.deviation, 28.7, 29.05);	/* 50 / sqrt(3) = 28.87 */
	assert_near(s.least, 50, 50.1);
	assert_near(s.most, 149.9, 150);
	assert_true(s.overtaken > MANY / 3);
	wire_free(&w);
}

static void delay_normal(void **state UNUSED)
{
	struct wire w = wire();
	struct sample s;

	w.fifo = false;
	set(&w, WIRE_DELAY, 100, 50, true);
	s = sample_delay(&w);
	assert_near(s.mean, 99.7, 100.3);
	assert_near(s.deviation, 16.5, 16.8);	/* 50 / 3 */
	assert_near(s.within, 0.996, 0.998);
	wire_free(&w);
}

static void delay_fixed(void **state UNUSED)
{
	struct wire w = wire();
	struct sample s;

	set(&w, WIRE_DELAY, 0.125, 0, false);
	push(&w, 60, 7);
	assert_int_equal(wire_next(&w), 125007);
	wire_pop(&w, WIRE_SENT);
	s = sample_delay(&w);
	assert_int_equal(s.overtaken, 0);
	wire_free(&w);
}

static void delay_fifo(void **state UNUSED)
{
	struct wire w = wire();
	struct sample s;

	set(&w, WIRE_DELAY, 100, 50, false);
	s = sample_delay(&w);
	assert_int_equal(s.overtaken, 0);
	assert_near(s.least, 50, 150);
	assert_near(s.most, 149.9, 150);
	wire_free(&w);
}

/* A delay that would be negative is none; one beyond all times does not wrap around. */
static void delay_extremes(void **state UNUSED)
{
	struct wire w = wire();

	w.fifo = false;
	set(&w, WIRE_DELAY, 0, 100, false);
	for (int i = 0; i < 1000; i++)
		push(&w, 60, 5 * MS);
	assert_int_equal(wire_next(&w), 5 * MS);
	set(&w, WIRE_DELAY, WIRE_VALUE_MAX, WIRE_VALUE_MAX, false);
	set(&w, WIRE_BAND, 1e-12, 0, false);
	for (int i = 0; i < 1000; i++)
		push(&w, 60, 5 * MS);
	while (wire_peek(&w, 105 * MS))
		wire_pop(&w, WIRE_SENT);
	assert_int_equal(w.count, 1000);
	assert_true(wire_next(&w) > 1000 * S);
	wire_free(&w);
}

static void dup(void **state UNUSED)
{
	struct wire w = wire();
	unsigned int copies = 0;

	set(&w, WIRE_DUP, 50, 0, false);
	for (int i = 0; i < MANY; i++) {
		copies += push(&w, 60, 0);
		while (w.count)
			wire_pop(&w, WIRE_SENT);
	}
	/* 1 + 1/2 + 1/4 + ... */
	assert_near(copies, 1.98 * MANY, 2.02 * MANY);
	assert_int_equal(w.stats.dup, copies - MANY);
	assert_int_equal(w.stats.out, copies);
	assert_balanced(&w);
	set(&w, WIRE_DUP, 100, 0, false);
	assert_int_equal(push(&w, 60, 0), WIRE_COPIES_MAX);
	assert_balanced(&w);
	wire_free(&w);
}

/* Exact to the nanosecond, also where a frame's time is none. */
static void band(void **state UNUSED)
{
	struct wire w = wire();

	set(&w, WIRE_BAND, 12500000, 0, false);
	for (int i = 0; i < 1000; i++)
		push(&w, SIZE, 7);
	for (uint64_t i = 1; i <= 1000; i++) {
		assert_int_equal(wire_next(&w), 7 + i * 80000);
		wire_pop(&w, WIRE_SENT);
	}
	/* It was idle: no credit is kept. */
	push(&w, SIZE, S);
	assert_int_equal(wire_next(&w), S + 80000);
	wire_pop(&w, WIRE_SENT);

	set(&w, WIRE_BAND, 3000000, 0, false);
	for (int i = 0; i < 3000; i++)
		push(&w, SIZE, 2 * S);
	for (uint64_t i = 1; i <= 3000; i++) {
		uint64_t want = 2 * S + i * 1000000 / 3;

		assert_near((double)(int64_t)(wire_next(&w) - want), -1, 0);
		wire_pop(&w, WIRE_SENT);
	}
	/* And then the delay. */
	set(&w, WIRE_DELAY, 50, 0, false);
	push(&w, 3000, 10 * S);
	push(&w, 3000, 10 * S);
	assert_int_equal(wire_next(&w), 10 * S + 51 * MS);
	wire_pop(&w, WIRE_SENT);
	assert_int_equal(wire_next(&w), 10 * S + 52 * MS);
	assert_balanced(&w);
	wire_free(&w);
}

/* Copies and sizes take the bottleneck's time, lost frames do not. */
static void band_of_what(void **state UNUSED)
{
	struct wire w = wire();

	set(&w, WIRE_BAND, 1000000, 0, false);
	set(&w, WIRE_LOSS, 100, 0, false);
	push(&w, SIZE, 0);
	set(&w, WIRE_LOSS, 0, 0, false);
	push(&w, 500, 0);
	push(&w, SIZE, 0);
	assert_int_equal(wire_next(&w), 500000);
	wire_pop(&w, WIRE_SENT);
	assert_int_equal(wire_next(&w), 1500000);
	wire_free(&w);
}

static void speed(void **state UNUSED)
{
	struct wire w = wire();
	uint64_t now = S;

	set(&w, WIRE_SPEED, 10000000, 0, false);
	assert_true(wire_accepts(&w, now));
	push(&w, SIZE, now);
	/* It is through when it is all on the wire, and then comes the next. */
	assert_int_equal(wire_next(&w), now + 100000);
	assert_int_equal(wire_accepts_at(&w), now + 100000);
	assert_false(wire_accepts(&w, now + 99999));
	assert_true(wire_accepts(&w, now + 100000));
	/* Whoever was told to wait, and comes late, has lost no time... */
	push(&w, SIZE, now + 330000);
	assert_int_equal(wire_accepts_at(&w), now + 200000);
	push(&w, SIZE, now + 330000);
	push(&w, SIZE, now + 330000);
	assert_int_equal(wire_accepts_at(&w), now + 400000);
	/* ...which is not so for who comes when that is made up for, nor after long. */
	push(&w, SIZE, now + 430000);
	assert_int_equal(wire_accepts_at(&w), now + 530000);
	assert_false(wire_accepts(&w, now + 500000));
	now += S;
	push(&w, SIZE, now + 5 * MS);
	assert_int_equal(wire_accepts_at(&w), now + 5 * MS + 100000);
	/* Also what is lost afterwards takes its time, but not what is too long for it. */
	set(&w, WIRE_LOSS, 100, 0, false);
	push(&w, SIZE, now + 10 * MS);
	assert_int_equal(wire_accepts_at(&w), now + 10 * MS + 100000);
	set(&w, WIRE_MTU, SIZE - 1, 0, false);
	push(&w, SIZE, now + 20 * MS);
	assert_int_equal(wire_accepts_at(&w), now + 10 * MS + 100000);
	wire_free(&w);
}

static unsigned int bits_set(const uint8_t *p, size_t size)
{
	unsigned int n = 0;

	for (size_t i = 0; i < size; i++)
		n += (unsigned int)__builtin_popcount(p[i]);
	return n;
}

static void noise(void **state UNUSED)
{
	unsigned int bits = 0, halves[2] = { 0, 0 };
	struct wire w = wire();

	memset(frame_bytes, 0, sizeof(frame_bytes));
	set(&w, WIRE_NOISE, 400, 0, false);
	/* A hundred times 2^20 bytes. */
	for (int i = 0; i < 100 * 1024; i++) {
		const struct wire_frame *f;

		push(&w, 1024, 0);
		f = wire_peek(&w, 0);
		assert_int_equal(f->size, 1024);
		bits += bits_set(f->bytes, f->size);
		halves[0] += bits_set(f->bytes, 512);
		wire_pop(&w, WIRE_SENT);
	}
	halves[1] = bits - halves[0];
	assert_near(bits, 40000 - 800, 40000 + 800);
	assert_int_equal(w.stats.bits, bits);
	/* Everywhere alike. */
	assert_near((double)halves[0] / halves[1], 0.96, 1.04);
	/* Each copy has its own. */
	set(&w, WIRE_DUP, 100, 0, false);
	set(&w, WIRE_NOISE, 4000000, 0, false);
	push(&w, 64, 0);
	assert_memory_not_equal(w.heap[0].bytes, w.heap[1].bytes, 64);
	wire_free(&w);
}

static void noise_on_all(void **state UNUSED)
{
	struct wire w = wire();

	set(&w, WIRE_NOISE, 0x1p23, 0, false);
	push(&w, 100, 0);
	assert_int_equal(bits_set(wire_peek(&w, 0)->bytes, 100), 800);
	wire_free(&w);
}

static void mtu(void **state UNUSED)
{
	struct wire w = wire();

	set(&w, WIRE_MTU, 1500, 0, false);
	assert_int_equal(push(&w, 1500, 0), 1);
	assert_int_equal(push(&w, 1501, 0), 0);
	assert_int_equal(w.stats.drop[WIRE_DROP_MTU], 1);
	assert_balanced(&w);
	wire_free(&w);
}

static void chanbufsize(void **state UNUSED)
{
	struct wire w = wire();

	set(&w, WIRE_CHANBUFSIZE, 3000, 0, false);
	set(&w, WIRE_DELAY, 10, 0, false);
	for (int i = 0; i < 10; i++)
		push(&w, SIZE, 0);
	assert_int_equal(w.count, 3);
	assert_int_equal(w.bytes, 3000);
	assert_int_equal(w.stats.drop[WIRE_DROP_CHANBUFSIZE], 7);
	/* What has gone makes room. */
	wire_pop(&w, WIRE_SENT);
	assert_int_equal(push(&w, SIZE, 0), 1);
	assert_int_equal(push(&w, SIZE, 0), 0);
	assert_balanced(&w);
	wire_free(&w);
}

static void bounded_bytes(void **state UNUSED)
{
	struct wire w = wire();

	set(&w, WIRE_DELAY, 1000, 0, false);
	w.queue_bytes = 10 * SIZE - 1;
	for (int i = 0; i < 20; i++)
		push(&w, SIZE, 0);
	assert_int_equal(w.count, 9);
	assert_int_equal(w.stats.drop[WIRE_DROP_QUEUE], 11);
	assert_balanced(&w);
	wire_free(&w);
	assert_int_equal(w.bytes, 0);
}

static void bounded_frames(void **state UNUSED)
{
	struct wire w = wire();

	set(&w, WIRE_DELAY, 1000, 0, false);
	for (int i = 0; i < WIRE_QUEUE_FRAMES + 5; i++)
		push(&w, 14, 0);
	assert_int_equal(w.count, WIRE_QUEUE_FRAMES);
	assert_int_equal(w.stats.drop[WIRE_DROP_QUEUE], 5);
	wire_free(&w);
}

/* The heap beside a plain search. */
static void order(void **state UNUSED)
{
	struct wire_random r = { SEED };
	struct wire w = wire();
	uint64_t last = 0, now = 0;

	w.fifo = false;
	set(&w, WIRE_DELAY, 1, 1, false);
	for (int i = 0; i < MANY; i++) {
		if (wire_random_u64(&r) % 2) {
			push(&w, 14 + i % 50, now);
		} else if (w.count) {
			uint64_t least = WIRE_NEVER;

			for (unsigned int k = 0; k < w.count; k++)
				least = MIN(least, w.heap[k].due_ns);
			assert_int_equal(wire_next(&w), least);
			last = MAX(last, least);
			wire_pop(&w, i % 3 ? WIRE_SENT : WIRE_DROP_END);
		}
		now += 100;
		assert_balanced(&w);
		if (w.count > 500)
			while (w.count > 20)
				wire_pop(&w, WIRE_SENT);
	}
	wire_free(&w);
}

static void same_seed(void **state UNUSED)
{
	struct wire a = wire(), b = wire();
	struct wire other;

	wire_init(&other, SEED + 1);
	set(&a, WIRE_DELAY, 10, 10, true);
	set(&a, WIRE_LOSS, 10, 0, false);
	b.params = other.params = a.params;
	for (int i = 0; i < 1000; i++) {
		push(&a, 60, 0);
		push(&b, 60, 0);
		push(&other, 60, 0);
	}
	assert_int_equal(a.count, b.count);
	while (a.count) {
		assert_int_equal(wire_next(&a), wire_next(&b));
		wire_pop(&a, WIRE_SENT);
		wire_pop(&b, WIRE_SENT);
	}
	assert_int_not_equal(a.random.state, other.random.state);
	assert_int_not_equal(a.last_due_ns, other.last_due_ns);
	wire_free(&a);
	wire_free(&b);
	wire_free(&other);
}

/* The chain. */

static struct markov *chain(unsigned int nodes)
{
	struct markov *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	markov_init(m);
	assert_int_equal(markov_resize(m, nodes), 0);
	return m;
}

static void chain_steps(void **state UNUSED)
{
	struct wire_random r = { SEED };
	struct markov *m = chain(3);
	unsigned int in[3] = { 0 };

	/* Alone: it stays. */
	for (int i = 0; i < 1000; i++)
		assert_false(markov_step(m, &r));
	/* In balance: 0 and 1 as 4 to 1, and 2 is never reached. */
	assert_int_equal(markov_set_edge(m, 0, 1, 10), 0);
	assert_int_equal(markov_set_edge(m, 1, 0, 40), 0);
	assert_int_equal(markov_set_edge(m, 2, 0, 100), 0);
	for (int i = 0; i < MANY; i++) {
		unsigned int from = m->current;
		bool moved = markov_step(m, &r);

		assert_int_equal(moved, m->current != from);
		in[m->current]++;
	}
	assert_near(in[0], 0.79 * MANY, 0.81 * MANY);
	assert_int_equal(in[2], 0);
	/* What is certain happens. */
	m->current = 2;
	assert_true(markov_step(m, &r));
	assert_int_equal(m->current, 0);
	free(m);
}

/* More than 100 %: no loop, and shares. */
static void chain_overfull(void **state UNUSED)
{
	struct wire_random r = { SEED };
	struct markov *m = chain(3);
	unsigned int in[3] = { 0 };

	assert_int_equal(markov_set_edge(m, 0, 1, 100), 0);
	assert_int_equal(markov_set_edge(m, 0, 2, 50), 0);
	assert_near(markov_weight(m, 0, 0), 0, 0);
	for (int i = 0; i < MANY; i++) {
		m->current = 0;
		markov_step(m, &r);
		in[m->current]++;
	}
	assert_int_equal(in[0], 0);
	assert_near(in[1], 0.66 * MANY, 0.675 * MANY);
	free(m);
}

static void chain_edges(void **state UNUSED)
{
	struct markov *m = chain(3);

	assert_int_equal(markov_set_edge(m, 0, 3, 1), -EINVAL);
	assert_int_equal(markov_set_edge(m, 3, 0, 1), -EINVAL);
	assert_int_equal(markov_set_edge(m, 0, 1, -1), -EINVAL);
	assert_int_equal(markov_set_edge(m, 0, 1, 101), -EINVAL);
	assert_int_equal(markov_set_edge(m, 0, 1, NAN), -EINVAL);
	assert_int_equal(markov_set_edge(m, 0, 1, 30), 0);
	assert_int_equal(markov_set_edge(m, 0, 2, 20), 0);
	assert_int_equal(markov_set_edge(m, 0, 0, 7), 0);
	assert_near(markov_weight(m, 0, 0), 50, 50);
	/* Gone: its weight is in the loop, and comes not back. */
	m->current = 2;
	assert_int_equal(markov_set_name(m, 2, "two"), 0);
	assert_int_equal(markov_resize(m, 2), 0);
	assert_int_equal(m->current, 0);
	assert_near(markov_weight(m, 0, 0), 70, 70);
	assert_int_equal(markov_resize(m, 3), 0);
	assert_near(markov_weight(m, 0, 2), 0, 0);
	assert_near(markov_weight(m, 2, 2), 100, 100);
	assert_string_equal(m->name[2], "");
	assert_int_equal(markov_resize(m, 0), -EINVAL);
	assert_int_equal(markov_resize(m, MARKOV_NODES_MAX + 1), -EINVAL);
	assert_int_equal(markov_resize(m, MARKOV_NODES_MAX), 0);
	free(m);
}

static void chain_names(void **state UNUSED)
{
	char name[MARKOV_NAME_MAX + 1];
	struct markov *m = chain(2);

	memset(name, 'x', MARKOV_NAME_MAX);
	name[MARKOV_NAME_MAX] = 0;
	assert_int_equal(markov_set_name(m, 1, name), -ENAMETOOLONG);
	name[MARKOV_NAME_MAX - 1] = 0;
	assert_int_equal(markov_set_name(m, 1, name), 0);
	assert_string_equal(m->name[1], name);
	assert_int_equal(markov_set_name(m, 2, "x"), -EINVAL);
	free(m);
}

/* Cables. */

static struct wire_cable *cable(void)
{
	struct wire_cable *c = wire_cable_create(true, SEED);

	assert_non_null(c);
	return c;
}

static double base(const struct wire_cable *c, unsigned int node, unsigned int dir)
{
	return c->params[node][dir].v[WIRE_LOSS].base;
}

static void cable_sets(void **state UNUSED)
{
	struct wire_cable *c = cable();

	assert_int_equal(wire_cable_set(c, WIRE_LOSS, "LR5"), 0);
	assert_near(base(c, 0, 0), 5, 5);
	assert_near(base(c, 0, 1), 0, 0);
	assert_near(c->wire[0].params.v[WIRE_LOSS].base, 5, 5);
	assert_int_equal(wire_cable_set(c, WIRE_LOSS, "6[1]"), -EINVAL);
	assert_int_equal(wire_cable_set(c, WIRE_LOSS, "101"), -EINVAL);
	assert_int_equal(wire_cable_resize(c, 3), 0);
	assert_int_equal(wire_cable_set(c, WIRE_LOSS, "6[1]"), 0);
	assert_int_equal(wire_cable_set(c, WIRE_LOSS, "RL7[2]"), 0);
	/* The wires are those of the current node. */
	assert_near(c->wire[1].params.v[WIRE_LOSS].base, 0, 0);
	assert_int_equal(wire_cable_go(c, 1), 0);
	assert_near(c->wire[1].params.v[WIRE_LOSS].base, 6, 6);
	/* Without a node it is the first one's, wherever we are. */
	assert_int_equal(wire_cable_set(c, WIRE_LOSS, "RL8"), 0);
	assert_near(base(c, 1, 1), 6, 6);
	assert_near(base(c, 0, 1), 8, 8);
	assert_near(base(c, 0, 0), 5, 5);
	assert_int_equal(wire_cable_go(c, 3), -EINVAL);
	/* A node that comes again is new. */
	assert_int_equal(wire_cable_resize(c, 1), 0);
	assert_near(c->wire[0].params.v[WIRE_LOSS].base, 5, 5);
	assert_int_equal(wire_cable_resize(c, 3), 0);
	assert_near(base(c, 1, 1), 0, 0);
	assert_near(base(c, 2, 1), 0, 0);
	wire_cable_destroy(c);
}

static unsigned int moves, moved_from, moved_to;

static void count_moves(void *ctx UNUSED, unsigned int from, unsigned int to)
{
	moves++;
	moved_from = from;
	moved_to = to;
}

static void cable_steps(void **state UNUSED)
{
	struct wire_cable *c = cable();

	assert_int_equal(wire_cable_next(c), WIRE_NEVER);
	wire_cable_step(c, S);
	c->moved = count_moves;
	moves = 0;
	assert_int_equal(wire_cable_resize(c, 2), 0);
	assert_int_equal(wire_cable_set(c, WIRE_LOSS, "9[1]"), 0);
	assert_int_equal(markov_set_edge(&c->markov, 0, 1, 100), 0);
	assert_int_equal(markov_set_edge(&c->markov, 1, 0, 100), 0);
	assert_int_equal(wire_cable_set_period(c, 10), 0);
	assert_true(wire_cable_next(c) <= S);
	wire_cable_step(c, S);
	assert_int_equal(wire_cable_next(c), S + 10 * MS);
	wire_cable_step(c, S + 10 * MS - 1);
	assert_int_equal(moves, 0);
	wire_cable_step(c, S + 10 * MS);
	assert_int_equal(moves, 1);
	assert_int_equal(moved_from, 0);
	assert_int_equal(moved_to, 1);
	assert_near(c->wire[0].params.v[WIRE_LOSS].base, 9, 9);
	/* Late: each step is taken, and the next one is in time again. */
	wire_cable_step(c, S + 45 * MS);
	assert_int_equal(moves, 4);
	assert_int_equal(wire_cable_next(c), S + 50 * MS);
	/* Very late: not for ever. */
	wire_cable_step(c, 1000000 * S);
	assert_true(moves < 20000);
	assert_true(wire_cable_next(c) >= 1000000 * S);
	assert_int_equal(wire_cable_set_period(c, 0), -EINVAL);
	assert_int_equal(wire_cable_set_period(c, -1), -EINVAL);
	assert_int_equal(wire_cable_set_period(c, NAN), -EINVAL);
	wire_cable_destroy(c);
}

/* Commands. */

/* What a line is answered. Return: text, to be freed. */
static char *answer(struct wire_cable *c, const char *line)
{
	struct wire_call call = { .cable = c };
	char *text = NULL;
	size_t size = 0;

	call.out = open_memstream(&text, &size);
	assert_non_null(call.out);
	wire_exec(&call, line);
	fclose(call.out);
	return text;
}

static void assert_answer(struct wire_cable *c, const char *line, const char *want)
{
	char *text = answer(c, line);

	assert_string_equal(text, want);
	free(text);
}

static void commands_showinfo(void **state UNUSED)
{
	struct wire_cable *c = cable();

	assert_answer(c, "loss 1", "1000 Success\n");
	assert_answer(c, "delay LR10+5N", "1000 Success\n");
	assert_answer(c, "mtu RL1500", "1000 Success\n");
	assert_answer(c, "showinfo",
		      "0000 DATA END WITH '.'\n"
		      "WireFilter: bidirectional\n"
		      "Loss   L->R 1+0U   R->L 1+0U\n"
		      "Lburst L->R 0+0U   R->L 0+0U\n"
		      "Delay  L->R 10+5N   R->L 0+0U\n"
		      "Dup    L->R 0+0U   R->L 0+0U\n"
		      "Bandw  L->R 0+0U   R->L 0+0U\n"
		      "Speed  L->R 0+0U   R->L 0+0U\n"
		      "Noise  L->R 0+0U   R->L 0+0U\n"
		      "MTU    L->R 0     R->L 1500   \n"
		      "Cap.   L->R 0+0U   R->L 0+0U\n"
		      "Current Delay Queue size:   L->R 0      R->L 0   \n"
		      "Fifoness TRUE\n"
		      "Waiting packets in delay queues 0\n"
		      "Queue limit: 67108864 bytes, 262144 packets each way\n"
		      "Dropped packets: L->R 0   R->L 0\n"
		      ".\n"
		      "1000 Success\n");
	wire_cable_destroy(c);
}

static void commands_refused(void **state UNUSED)
{
	static const char *const invalid[] = {
		"loss", "loss x", "loss 5[1]", "delay -1", "fifo", "fifo 2", "fifo x",
		"markov-numnodes", "markov-numnodes 0", "markov-numnodes 201",
		"markov-setnode", "markov-setnode 1", "markov-name", "markov-name 0",
		"markov-name 1,x", "markov-name 0,a\033b", "markov-time", "markov-time 0",
		"markov-time x", "markov-time inf", "setedge", "setedge 0,0", "setedge 0 0 1",
		"setedge 0,1,1", "setedge 0,0,x", "setedge 0,0,1x", "queue", "queue 0",
		"queue -1", "markov-debug x", "mtu 1500+1",
	};
	struct wire_cable *c = cable();

	for (size_t i = 0; i < ARRAY_SIZE(invalid); i++)
		assert_answer(c, invalid[i], "1022 Invalid argument\n");
	assert_answer(c, "nonsense", "1038 Function not implemented\n");
	assert_answer(c, "showinfo 1",
		      "0000 DATA END WITH '.'\n.\n1022 Invalid argument\n");
	assert_answer(c, "showedges 1",
		      "0000 DATA END WITH '.'\n.\n1022 Invalid argument\n");
	/* Nobody said that we may. */
	assert_answer(c, "load /etc/passwd",
		      "0000 DATA END WITH '.'\n.\n1013 Permission denied\n");
	assert_answer(c, "", "");
	assert_answer(c, "  # loss 5", "");
	wire_cable_destroy(c);
}

static void commands_markov(void **state UNUSED)
{
	struct wire_cable *c = cable();
	char *text;

	assert_answer(c, "markov-numnodes 3", "1000 Success\n");
	assert_answer(c, "markov-name 1,bad weather", "1000 Success\n");
	assert_answer(c, "setedge 1, 0, 30.5", "1000 Success\n");
	assert_answer(c, "showedges 1",
		      "0000 DATA END WITH '.'\n"
		      "Edge 1 ->0  \"bad weather\"->\"\" weigth 30.5\n"
		      "Edge 1 ->1  \"bad weather\"->\"bad weather\" weigth 69.5\n"
		      ".\n1000 Success\n");
	assert_answer(c, "markov-setnode 1", "1000 Success\n");
	assert_answer(c, "showcurrent",
		      "0000 DATA END WITH '.'\n"
		      "Current Markov Node 1 \"bad weather\" (0,..,2)\n"
		      ".\n1000 Success\n");
	assert_answer(c, "markov-time 20.5", "1000 Success\n");
	text = answer(c, "showinfo");
	assert_non_null(strstr(text, "\nNode 1 \"bad weather\" (0,..,2) Markov-time 20.5\n"));
	free(text);
	wire_cable_destroy(c);
}

static void commands_counters(void **state UNUSED)
{
	struct wire_cable *c = cable();
	char *text;

	assert_answer(c, "mtu LR100", "1000 Success\n");
	push(&c->wire[0], 100, 0);
	push(&c->wire[0], 101, 0);
	wire_pop(&c->wire[0], WIRE_DROP_LONG);
	push(&c->wire[0], 60, 0);
	wire_pop(&c->wire[0], WIRE_SENT);
	push(&c->wire[1], 2000, 0);
	text = answer(c, "counters");
	assert_non_null(strstr(text, "\nL->R IN:   pkts          3          bytes                  261\n"));
	assert_non_null(strstr(text, "\nL->R OUT:  pkts          1          bytes                   60\n"));
	assert_non_null(strstr(text, "\nL->R DROP: pkts          1          mtu\n"));
	assert_non_null(strstr(text, "\nL->R DROP: pkts          1          long\n"));
	assert_non_null(strstr(text, "\nL->R DROP: pkts          0          loss\n"));
	assert_non_null(strstr(text, "\nR->L WAIT: pkts          1          bytes                 2000\n"));
	free(text);
	text = answer(c, "showinfo");
	assert_non_null(strstr(text, "\nCurrent Delay Queue size:   L->R 0      R->L 2000   \n"));
	assert_non_null(strstr(text, "\nWaiting packets in delay queues 1\n"));
	assert_non_null(strstr(text, "\nDropped packets: L->R 2   R->L 0\n"));
	free(text);
	wire_cable_destroy(c);
}

/* The first entry that a line begins with: no name may hide another. */
static void commands_reachable(void **state UNUSED)
{
	for (const struct wire_cmd *a = wire_cmds; a->name; a++)
		for (const struct wire_cmd *b = a + 1; b->name; b++)
			if (!strncmp(b->name, a->name, strlen(a->name)))
				assert_ptr_equal(a->run, b->run);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(values_parse),
	cmocka_unit_test(values_refused),
	cmocka_unit_test(values_round_trip),
	cmocka_unit_test(values_format),
	cmocka_unit_test(values_fit),
	cmocka_unit_test(perfect),
	cmocka_unit_test(loss),
	cmocka_unit_test(loss_all_and_none),
	cmocka_unit_test(lostburst),
	cmocka_unit_test(delay_uniform),
	cmocka_unit_test(delay_normal),
	cmocka_unit_test(delay_fixed),
	cmocka_unit_test(delay_fifo),
	cmocka_unit_test(delay_extremes),
	cmocka_unit_test(dup),
	cmocka_unit_test(band),
	cmocka_unit_test(band_of_what),
	cmocka_unit_test(speed),
	cmocka_unit_test(noise),
	cmocka_unit_test(noise_on_all),
	cmocka_unit_test(mtu),
	cmocka_unit_test(chanbufsize),
	cmocka_unit_test(bounded_bytes),
	cmocka_unit_test(bounded_frames),
	cmocka_unit_test(order),
	cmocka_unit_test(same_seed),
	cmocka_unit_test(chain_steps),
	cmocka_unit_test(chain_overfull),
	cmocka_unit_test(chain_edges),
	cmocka_unit_test(chain_names),
	cmocka_unit_test(cable_sets),
	cmocka_unit_test(cable_steps),
	cmocka_unit_test(commands_showinfo),
	cmocka_unit_test(commands_refused),
	cmocka_unit_test(commands_markov),
	cmocka_unit_test(commands_counters),
	cmocka_unit_test(commands_reachable),
};

UNIT_MAIN(tests)
