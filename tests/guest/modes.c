/* SPDX-License-Identifier: BSD-2-Clause */
/* modes.c - What the test guest does with its NIC
 *
 * A test frame: Ethernet header with a type for local experiments, a kind, a
 * sequence number, and words that follow from the sequence number up to the end,
 * so that the receiver can check each byte. Other frames are left alone, except
 * by the echo mode, which sends back everything.
 */
#include "pollnet.h"

enum {
	TEST_TYPE_0 = 0x88,		/* IEEE 802, local experimental 1 */
	TEST_TYPE_1 = 0xb5,
	KIND_DATA = 1,
	KIND_ACK = 2,
	KIND_PING = 3,
	KIND_HELLO = 4,

	FRAME_MIN = 60,
	BURST = 32,
	ACK_QUIET_MS = 10,
	SEEN_BITS = 1 << 20,
	SAMPLES = 1 << 16,
};

/* Little endian, as this CPU is. */
struct test_frame {
	uint8_t dst[ETH_ADDR];
	uint8_t src[ETH_ADDR];
	uint8_t type[2];
	uint16_t kind;
	uint64_t seq;
	uint64_t words[];
} __attribute__((packed));

_Static_assert(sizeof(struct test_frame) == 24, "the words begin at 24");

static struct nic_info nic;
static uint64_t seen[SEEN_BITS / 64];
static uint64_t samples[SAMPLES];

/* Test frames. */

static uint64_t first_word(uint64_t seq)
{
	return (seq + 1) * 0x9e3779b97f4a7c15ULL;
}

static void frame_fill(struct test_frame *f, unsigned int len, uint16_t kind,
		       uint64_t seq, const uint8_t *dst)
{
	uint64_t word = first_word(seq);
	unsigned int i, n = (len - (unsigned int)sizeof(*f)) / 8;

	__builtin_memcpy(f->dst, dst, ETH_ADDR);
	__builtin_memcpy(f->src, nic.mac, ETH_ADDR);
	f->type[0] = TEST_TYPE_0;
	f->type[1] = TEST_TYPE_1;
	f->kind = kind;
	f->seq = seq;
	for (i = 0; i < n; i++)
		f->words[i] = word + i;
	word += i;
	for (i = (unsigned int)sizeof(*f) + n * 8; i < len; i++, word >>= 8)
		((uint8_t *)f)[i] = (uint8_t)word;
}

static bool frame_is_test(const struct test_frame *f, unsigned int len)
{
	return len >= sizeof(*f) && f->type[0] == TEST_TYPE_0 &&
	       f->type[1] == TEST_TYPE_1;
}

static bool frame_is_for_us(const struct test_frame *f)
{
	return f->dst[0] & 1 || !__builtin_memcmp(f->dst, nic.mac, ETH_ADDR);
}

/* Are all bytes behind the sequence number what they have to be? */
static bool frame_is_good(const struct test_frame *f, unsigned int len)
{
	uint64_t word = first_word(f->seq), wrong = 0;
	unsigned int i, n = (len - (unsigned int)sizeof(*f)) / 8;

	for (i = 0; i < n; i++)
		wrong |= f->words[i] ^ (word + i);
	word += i;
	for (i = (unsigned int)sizeof(*f) + n * 8; i < len; i++, word >>= 8)
		wrong |= (uint8_t)(((const uint8_t *)f)[i] ^ word);
	return !wrong;
}

/* What the options say of the frames to send. */
static unsigned int frame_size(void)
{
	uint64_t size = option_u64("size", FRAME_MIN);

	if (size < FRAME_MIN || size > FRAME_MAX)
		fatal("size=%lu is not within %lu and %lu", size,
		      (unsigned long)FRAME_MIN, (unsigned long)FRAME_MAX);
	return (unsigned int)size;
}

static void frame_dst(uint8_t *dst)
{
	memset(dst, 0xff, ETH_ADDR);
	option_mac("dst", dst);
}

/* Waits for a buffer to send from; the device must give one in time. */
static uint8_t *tx_wait(void)
{
	uint64_t start = rdtsc(), limit = time_ms(option_u64("wait", 30000));
	uint8_t *p = nic_tx();

	while (!p) {
		nic_tx_flush();
		if (rdtsc() - start > limit)
			fatal("the device takes no frames");
		cpu_relax();
		p = nic_tx();
	}
	return p;
}

static void tx_finish(void)
{
	uint64_t start = rdtsc(), limit = time_ms(option_u64("wait", 30000));

	nic_tx_flush();
	while (!nic_tx_idle()) {
		if (rdtsc() - start > limit)
			fatal("the device does not finish sending");
		cpu_relax();
	}
}

static void say_rate(const char *what, uint64_t frames, uint64_t bytes,
		     uint64_t cycles)
{
	uint64_t us = time_us(cycles);

	say("%s: %lu frames, %lu bytes in %lu us, %lu kicks", what, frames, bytes,
	    us, nic_kicks());
}

/* send */

/* Looks for what the receiver of a window has acknowledged. */
static uint64_t send_acked(uint64_t acked)
{
	const struct test_frame *f;
	unsigned int len;

	while ((f = (void *)nic_rx(&len))) {
		if (frame_is_test(f, len) && frame_is_for_us(f) &&
		    f->kind == KIND_ACK && frame_is_good(f, len) && f->seq > acked)
			acked = f->seq;
		nic_rx_done();
	}
	nic_rx_flush();
	return acked;
}

static void mode_send(void)
{
	uint64_t count = option_u64("count", 1), window = option_u64("window", 0);
	uint64_t batch = option_u64("batch", BURST), gap = option_u64("gap", 0);
	uint64_t limit = time_ms(option_u64("timeout", 2000));
	uint64_t seq = 0, acked = 0, start, progress;
	unsigned int size = frame_size();
	uint8_t dst[ETH_ADDR], *p;

	frame_dst(dst);
	start = progress = rdtsc();
	while (seq < count) {
		uint64_t before = seq + acked;

		for (uint64_t i = 0; i < batch && seq < count; i++) {
			if (window && seq - acked >= window)
				break;
			p = nic_tx();
			if (!p)
				break;
			frame_fill((void *)p, size, KIND_DATA, seq++, dst);
			nic_tx_post(size);
		}
		nic_tx_flush();
		/* What is not looked at would fill the receive queue. */
		acked = send_acked(acked);
		if (seq + acked != before)
			progress = rdtsc();
		else if (rdtsc() - progress > limit)
			fatal("send: stopped after %lu of %lu, %lu acknowledged", seq,
			      count, acked);
		else
			cpu_relax();
		if (gap)
			for (uint64_t t = rdtsc(); rdtsc() - t < gap; )
				cpu_relax();
	}
	tx_finish();
	say("sent %lu", seq);
	say_rate("send", seq, seq * size, rdtsc() - start);
}

/* recv */

/**
 * struct recv - What was received
 * @next:	One more than the highest sequence number
 * @good:	Frames, each counted once
 * @reordered:	Of them, those that came after a later one
 * @duplicates:	Frames that had come before, or so late that nobody knows
 * @bad:	Frames with wrong bytes or of a wrong size
 * @foreign:	No test frames
 * @bytes:	Of the good ones
 * @unacked:	Frames since the last acknowledgement
 */
struct recv {
	uint64_t next;
	uint64_t good;
	uint64_t reordered;
	uint64_t duplicates;
	uint64_t bad;
	uint64_t foreign;
	uint64_t bytes;
	uint64_t unacked;
	uint8_t peer[ETH_ADDR];
};

static bool seen_before(uint64_t seq)
{
	return seen[seq % SEEN_BITS / 64] >> seq % 64 & 1;
}

static void seen_set(uint64_t seq, bool value)
{
	uint64_t *word = &seen[seq % SEEN_BITS / 64];

	*word = (*word & ~(1ULL << seq % 64)) | (uint64_t)value << seq % 64;
}

/* Accounts for one frame; true if it is a test frame of the data kind. */
static bool recv_frame(struct recv *r, const struct test_frame *f,
		       unsigned int len, uint64_t size, bool whole)
{
	if (!frame_is_test(f, len) || f->kind != KIND_DATA || !frame_is_for_us(f)) {
		r->foreign++;
		return false;
	}
	if ((size && len != size) || (whole && !frame_is_good(f, len))) {
		r->bad++;
		return true;
	}
	if (f->seq >= r->next) {
		/* What comes into the window has not been seen. */
		uint64_t skipped = f->seq - r->next;

		if (skipped >= SEEN_BITS)
			memset(seen, 0, sizeof(seen));
		else
			for (uint64_t s = r->next; s < f->seq; s++)
				seen_set(s, false);
		r->next = f->seq + 1;
	} else if (r->next - f->seq > SEEN_BITS || seen_before(f->seq)) {
		r->duplicates++;
		return true;
	} else {
		r->reordered++;
	}
	seen_set(f->seq, true);
	r->good++;
	r->bytes += len;
	__builtin_memcpy(r->peer, f->src, ETH_ADDR);
	return true;
}

static void recv_ack(struct recv *r)
{
	uint8_t *p = tx_wait();

	frame_fill((void *)p, FRAME_MIN, KIND_ACK, r->next, r->peer);
	nic_tx_post(FRAME_MIN);
	nic_tx_flush();
	r->unacked = 0;
}

static void mode_recv(void)
{
	uint64_t count = option_u64("count", 0), window = option_u64("window", 0);
	uint64_t size = option_u64("size", 0), expected;
	uint64_t limit = time_ms(option_u64("timeout", 2000));
	uint64_t wait = time_ms(option_u64("wait", 30000));
	bool whole = !text_eq(option("check", "all"), "seq");
	bool until_hello = text_eq(option("until", ""), "hello"), over = false;
	uint64_t start, last, now;
	struct recv r = { 0 };
	unsigned int len, n;
	uint8_t *p;

	if (text_eq(option("announce", "off"), "on")) {
		uint8_t all[ETH_ADDR];

		memset(all, 0xff, sizeof(all));
		p = tx_wait();
		frame_fill((void *)p, FRAME_MIN, KIND_HELLO, 0, all);
		nic_tx_post(FRAME_MIN);
		nic_tx_flush();
	}
	say("recv ready");
	start = last = rdtsc();
	do {
		for (n = 0; n < BURST && (p = nic_rx(&len)); n++) {
			over |= until_hello && frame_is_test((void *)p, len) &&
				((struct test_frame *)p)->kind == KIND_HELLO;
			if (recv_frame(&r, (void *)p, len, size, whole)) {
				last = rdtsc();
				r.unacked++;
				if (r.good + r.bad == 1)
					start = last;
			}
			nic_rx_done();
		}
		now = rdtsc();
		if (n)
			nic_rx_flush();
		else
			cpu_relax();
		if (window && r.good && r.unacked && (r.unacked >= window / 2 ||
		    now - last > time_ms(ACK_QUIET_MS)))
			recv_ack(&r);
	} while (!over && (!count || r.good < count) &&
		 now - last < (r.next || r.bad ? limit : wait));
	if (window && r.unacked)
		recv_ack(&r);
	tx_finish();
	expected = count ? count : r.next;
	say("received %lu lost %lu reordered %lu bad %lu duplicate %lu foreign %lu",
	    r.good, expected > r.good ? expected - r.good : 0, r.reordered, r.bad,
	    r.duplicates, r.foreign);
	say_rate("recv", r.good, r.bytes, last - start);
}

/* echo */

static void mode_echo(void)
{
	uint64_t count = option_u64("count", 0), timeout = option_u64("timeout", 0);
	uint64_t echoed = 0, last = rdtsc(), limit = time_ms(timeout);
	struct test_frame *f, *out;
	unsigned int len, n;

	say("echo ready");
	do {
		for (n = 0; n < BURST && (f = (void *)nic_rx(&len)); n++) {
			if (len >= ETH_HDR && len <= FRAME_MAX && frame_is_for_us(f)) {
				out = (void *)tx_wait();
				memcpy(out, f, len);
				__builtin_memcpy(out->dst, f->src, ETH_ADDR);
				__builtin_memcpy(out->src, nic.mac, ETH_ADDR);
				nic_tx_post(len);
				echoed++;
			}
			nic_rx_done();
		}
		if (n) {
			nic_tx_flush();
			nic_rx_flush();
			last = rdtsc();
		} else {
			cpu_relax();
		}
	} while ((!count || echoed < count) && (!timeout || rdtsc() - last < limit));
	tx_finish();
	say("echoed %lu", echoed);
}

/* ping */

/* Waits for the answer to a number; its cycles, 0 if none came in time. Answers to earlier
 * ones are late. */
static uint64_t ping_answer(uint64_t seq, const uint8_t *dst, unsigned int size,
			    uint64_t start, uint64_t limit, uint64_t *bad, uint64_t *late)
{
	const struct test_frame *f;
	uint64_t cycles = 0, now;
	unsigned int len;

	do {
		f = (void *)nic_rx(&len);
		now = rdtsc();
		if (!f) {
			cpu_relax();
			continue;
		}
		if (frame_is_test(f, len) && f->kind == KIND_PING &&
		    f->seq == seq && frame_is_for_us(f) &&
		    (dst[0] & 1 || !__builtin_memcmp(f->src, dst, ETH_ADDR))) {
			cycles = now - start;
			if (len != size || !frame_is_good(f, len))
				++*bad;
		} else if (frame_is_test(f, len) && f->kind == KIND_PING && f->seq < seq &&
			   frame_is_for_us(f)) {
			++*late;
		}
		nic_rx_done();
		nic_rx_flush();
	} while (!cycles && now - start < limit);
	return cycles;
}

/* Sorts by heaps. */
static void sort_sift(uint64_t *v, size_t root, size_t n)
{
	uint64_t x = v[root];
	size_t child;

	while ((child = 2 * root + 1) < n) {
		if (child + 1 < n && v[child + 1] > v[child])
			child++;
		if (v[child] <= x)
			break;
		v[root] = v[child];
		root = child;
	}
	v[root] = x;
}

static void sort(uint64_t *v, size_t n)
{
	for (size_t i = n / 2; i-- > 0; )
		sort_sift(v, i, n);
	for (size_t i = n; i-- > 1; ) {
		uint64_t x = v[0];

		v[0] = v[i];
		v[i] = x;
		sort_sift(v, 0, i);
	}
}

static void mode_ping(void)
{
	uint64_t count = option_u64("count", 10), gap = option_u64("gap", 0);
	uint64_t limit = time_ms(option_u64("timeout", 2000));
	uint64_t lost = 0, bad = 0, late = 0, sum = 0, start, cycles;
	unsigned int size = frame_size();
	uint8_t dst[ETH_ADDR], *p;
	size_t n = 0;

	if (!count || count > SAMPLES)
		fatal("ping: count=%lu is not within 1 and %lu", count,
		      (unsigned long)SAMPLES);
	frame_dst(dst);
	for (uint64_t seq = 0; seq < count; seq++) {
		p = tx_wait();
		start = rdtsc();
		frame_fill((void *)p, size, KIND_PING, seq, dst);
		nic_tx_post(size);
		nic_tx_flush();
		cycles = ping_answer(seq, dst, size, start, limit, &bad, &late);
		if (cycles) {
			samples[n++] = cycles;
			sum += cycles;
		} else {
			lost++;
			say("ping: no answer to %lu in time", seq);
		}
		if (gap)
			for (start = rdtsc(); rdtsc() - start < gap; )
				cpu_relax();
	}
	if (late)
		say("ping: %lu answers came later", late);
	say("ping %lu lost %lu bad %lu", count, lost, bad);
	if (!n)
		return;
	sort(samples, n);
	say("ping cycles: min %lu avg %lu p50 %lu p99 %lu max %lu", samples[0],
	    sum / n, samples[n / 2], samples[n * 99 / 100], samples[n - 1]);
}

/* hello */

static void say_nic(unsigned int number)
{
	char mac[MAC_TEXT];

	say("nic %lu slot %lu mac %s link %s status 0x%lx features 0x%lx "
	    "accepted 0x%lx rx %lu tx %lu", (unsigned long)number,
	    (unsigned long)nic.slot, mac_text(mac, nic.mac),
	    nic.link_up ? "up" : "down", (unsigned long)nic.status, nic.features,
	    nic.accepted, (unsigned long)nic.rx_size, (unsigned long)nic.tx_size);
}

static void mode_hello(void)
{
	unsigned int n = 0;

	while (nic_open(n, &nic))
		say_nic(n++);
	say("hello from %lu", (unsigned long)n);
}

static const struct {
	const char *name;
	void (*run)(void);
} modes[] = {
	{ "send", mode_send },
	{ "recv", mode_recv },
	{ "echo", mode_echo },
	{ "ping", mode_ping },
};

void modes_run(void)
{
	char mode[24] = "";
	const char *text = option("mode", "hello");
	unsigned int number;
	uint64_t start;

	for (size_t i = 0; i < sizeof(mode) - 1 && text[i]; i++)
		mode[i] = text[i];
	if (text_eq(mode, "hello")) {
		mode_hello();
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (!text_eq(mode, modes[i].name))
			continue;
		number = (unsigned int)option_u64("nic", 0);
		if (!nic_open(number, &nic))
			fatal("there is no NIC %lu", (unsigned long)number);
		start = rdtsc();
		while (!nic.link_up && rdtsc() - start < time_ms(10000))
			nic.link_up = nic_link_up();
		say_nic(number);
		modes[i].run();
		return;
	}
	if (!disk_modes_run(mode) && !hostile_modes_run(mode))
		fatal("mode=%s is not known", mode);
}
