/* SPDX-License-Identifier: BSD-2-Clause */
/* disk.c - A virtio-blk device, driven by polling (virtio 1.2, section 5.2), and what
 * the test guest does with it
 *
 * A test block has 4096 bytes: a magic number, a sequence number from 1 on, and words
 * that follow from it. Block number N of an area of B blocks lies at N - 1 modulo B.
 * Each request has a slot: three descriptors, a header, a status and a block.
 */
#include "virtio.h"

enum {
	VIRTIO_BLK = 0x1042,
	VIRTIO_BLK_TRANSITIONAL = 0x1001,

	BLK_IN = 0,
	BLK_OUT = 1,
	BLK_FLUSH = 4,

	BLOCK = 4096,
	SECTORS = BLOCK / 512,		/* of a block */
	WORDS = BLOCK / 8 - 2,
	SLOTS = 64,

	CONFIG_WCE = 32,		/* where it is in the configuration */
};

#define BLK_F_RO	(1ULL << 5)
#define BLK_F_FLUSH	(1ULL << 9)
#define BLK_F_CONFIG_WCE	(1ULL << 11)
#define BLOCK_MAGIC	0x6b636f6c62636e61ULL

struct blk_header {
	uint32_t type;
	uint32_t priority;
	uint64_t sector;
};

struct block {
	uint64_t magic;
	uint64_t seq;
	uint64_t words[WORDS];
};

_Static_assert(sizeof(struct block) == BLOCK, "a block has 4096 bytes");

static struct queue q;
static struct blk_header headers[SLOTS];
static uint8_t statuses[SLOTS];
static struct block blocks[SLOTS] __attribute__((aligned(4096)));
static unsigned int slots;

static uint64_t capacity(void)
{
	volatile uint32_t *config = virtio.config;

	return config[0] | (uint64_t)config[1] << 32;
}

/* Whether the cache is to be switched off and on while requests are under way. */
static bool cache_turns(void)
{
	return text_eq(option("cache", "stays"), "turns");
}

static void cache_set(bool on)
{
	((volatile uint8_t *)virtio.config)[CONFIG_WCE] = on;
	if (((volatile uint8_t *)virtio.config)[CONFIG_WCE] != on)
		fatal("the disk's cache cannot be switched %s", on ? "on" : "off");
}

static void disk_open(void)
{
	unsigned int number = (unsigned int)option_u64("disk", 0);
	bool flush = !text_eq(option("flush", "on"), "off");

	if (!virtio_open(VIRTIO_BLK, VIRTIO_BLK_TRANSITIONAL, number,
			 BLK_F_RO | (flush ? BLK_F_FLUSH : 0) |
			 (cache_turns() ? BLK_F_CONFIG_WCE : 0)))
		fatal("there is no disk %lu", (unsigned long)number);
	queue_init(&q, 0, "disk");
	slots = q.size / 3 < SLOTS ? q.size / 3 : SLOTS;
	say("disk %lu slot %lu sectors %lu features 0x%lx status 0x%lx",
	    (unsigned long)number, (unsigned long)virtio.slot, capacity(),
	    virtio.features, (unsigned long)virtio_ready());
}

/* Post a request for @size bytes, at @at in blocks[]; a flush has none. */
static void request_at(unsigned int slot, uint32_t type, uint64_t sector, size_t at,
		       uint32_t size)
{
	struct desc *d = &q.desc[3 * slot];
	uint16_t first = (uint16_t)(3 * slot);

	headers[slot] = (struct blk_header){ .type = type, .sector = sector };
	statuses[slot] = 0xff;
	d[0] = (struct desc){ (uintptr_t)&headers[slot], sizeof(headers[slot]), DESC_NEXT,
			      (uint16_t)(first + (type == BLK_FLUSH ? 2 : 1)) };
	d[1] = (struct desc){ (uintptr_t)blocks + at, size,
			      DESC_NEXT | (type == BLK_IN ? DESC_WRITE : 0),
			      (uint16_t)(first + 2) };
	d[2] = (struct desc){ (uintptr_t)&statuses[slot], 1, DESC_WRITE, 0 };
	queue_post(&q, first);
}

/* Post a request; its block, if it has one, is the slot's. */
static void request(unsigned int slot, uint32_t type, uint64_t sector)
{
	request_at(slot, type, sector, slot * sizeof(blocks[0]), BLOCK);
}

/* Let the device know of what was posted and wait until it is done, all well. */
static void await(unsigned int n)
{
	uint64_t start = rdtsc(), limit = time_ms(option_u64("wait", 30000));
	volatile uint8_t *status;
	uint32_t len;
	uint16_t id;

	queue_flush(&q);
	while (n) {
		if (!queue_used(&q, &id, &len)) {
			if (rdtsc() - start > limit)
				fatal("the disk does not answer");
			cpu_relax();
			continue;
		}
		status = &statuses[id / 3];
		if (*status)
			fatal("request of type %lu at sector %lu: status %lu",
			      (unsigned long)headers[id / 3].type,
			      headers[id / 3].sector, (unsigned long)*status);
		n--;
	}
}

static void block_fill(struct block *b, uint64_t seq)
{
	uint64_t word = (seq + 1) * 0x9e3779b97f4a7c15ULL;

	b->magic = BLOCK_MAGIC;
	b->seq = seq;
	for (unsigned int i = 0; i < WORDS; i++)
		b->words[i] = word + i;
}

static bool block_is_good(const struct block *b)
{
	uint64_t word = (b->seq + 1) * 0x9e3779b97f4a7c15ULL, wrong = 0;

	for (unsigned int i = 0; i < WORDS; i++)
		wrong |= b->words[i] ^ (word + i);
	return b->magic == BLOCK_MAGIC && !wrong;
}

/* The area, in blocks: what was asked for, or all there is. */
static uint64_t area(void)
{
	uint64_t all = capacity() / SECTORS, n = option_u64("blocks", all);

	if (!n || n > all)
		fatal("blocks=%lu is not within 1 and %lu", n, all);
	return n;
}

static unsigned int batch(void)
{
	uint64_t n = option_u64("batch", 8);

	if (!n || n > slots)
		fatal("batch=%lu is not within 1 and %lu", n, (unsigned long)slots);
	return (unsigned int)n;
}

/* Write blocks in order, and say which ones are safe as soon as they are. */
static void mode_write(void)
{
	uint64_t seq = option_u64("first", 1), count = option_u64("count", 0);
	uint64_t end = count ? seq + count : ~0ULL, n = area(), from = seq;
	unsigned int many = batch();
	uint64_t start = rdtsc();
	bool turns = cache_turns();

	say("write ready");
	while (seq < end) {
		unsigned int i;

		for (i = 0; i < many && seq < end; i++, seq++) {
			block_fill(&blocks[i], seq);
			request(i, BLK_OUT, (seq - 1) % n * SECTORS);
		}
		if (turns)
			cache_set(false);
		await(i);
		if (turns)
			cache_set(true);
		if (virtio.accepted & BLK_F_FLUSH) {
			request(0, BLK_FLUSH, 0);
			await(1);
		}
		say("safe %lu", seq - 1);
	}
	say("wrote %lu blocks in %lu us", seq - from, time_us(rdtsc() - start));
}

/* Read the area and look at each block. */
static void mode_read(void)
{
	uint64_t n = area(), good = 0, highest = 0, start = rdtsc();
	unsigned int many = batch();

	for (uint64_t at = 0; at < n; at += many) {
		unsigned int k = n - at < many ? (unsigned int)(n - at) : many;

		for (unsigned int i = 0; i < k; i++)
			request(i, BLK_IN, (at + i) * SECTORS);
		await(k);
		for (unsigned int i = 0; i < k; i++) {
			const struct block *b = &blocks[i];

			if (!block_is_good(b) || (b->seq - 1) % n != at + i)
				continue;
			good++;
			highest = b->seq > highest ? b->seq : highest;
		}
	}
	say("read %lu good %lu highest %lu in %lu us", n, good, highest,
	    time_us(rdtsc() - start));
}

/* Requests of one size at random places, as many at a time as batch says: each that is
 * done is followed by another at once. Contents do not matter. */
static void mode_bench(void)
{
	uint32_t size = (uint32_t)option_u64("size", BLOCK);
	bool write = text_eq(option("op", "read"), "write");
	uint64_t count = option_u64("count", 10000), places = capacity() * 512 / size;
	uint64_t seed = 1, posted = 0, done = 0, start, limit = time_ms(10000), last;
	unsigned int many = batch(), idle = many;
	uint16_t free[SLOTS], id;
	uint32_t len;

	if (!size || size % 512 || size > sizeof(blocks) / many || !places)
		fatal("size=%lu is no size of a request", (unsigned long)size);
	for (unsigned int i = 0; i < many; i++)
		free[i] = (uint16_t)i;
	start = last = rdtsc();
	while (done < count) {
		while (idle && posted < count) {
			unsigned int slot = free[--idle];

			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			request_at(slot, write ? BLK_OUT : BLK_IN,
				   (seed >> 20) % places * (size / 512), slot * size, size);
			posted++;
		}
		queue_flush(&q);
		while (queue_used(&q, &id, &len)) {
			if (*(volatile uint8_t *)&statuses[id / 3])
				fatal("a request failed");
			free[idle++] = (uint16_t)(id / 3);
			done++;
			last = rdtsc();
		}
		if (rdtsc() - last > limit)
			fatal("the disk does not answer");
		cpu_relax();
	}
	say("bench: %lu requests in %lu us, %lu kicks", done, time_us(rdtsc() - start),
	    virtio.kicks);
}

static void mode_info(void)
{
}

static const struct {
	const char *name;
	void (*run)(void);
} modes[] = {
	{ "disk-bench", mode_bench },
	{ "disk-info", mode_info },
	{ "disk-write", mode_write },
	{ "disk-read", mode_read },
};

bool disk_modes_run(const char *mode)
{
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (!text_eq(mode, modes[i].name))
			continue;
		disk_open();
		modes[i].run();
		return true;
	}
	return false;
}
