/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz-igmp.c - Fuzz target: what hosts and routers say about multicast groups
 *
 * DOC: Theory of operation
 *
 * The input is a byte of flags, the number of bytes that come behind the packet, and the
 * packet from its IP header on, in an allocation of its exact size. Unless a flag says
 * otherwise, its checksums are made right first: no fuzzer would get past them.
 *
 * There is no second parser in here. What is checked is what must be true of any:
 *
 * - what lies behind a packet means nothing, and the same packet says the same again;
 * - a packet that is cut short says nothing;
 * - all groups are groups, of the packet's own family, and there are no more records than
 *   the packet has room for;
 * - a message of which one bit was changed on the way is not taken for one: its checksum
 *   has changed, whatever the bit;
 * - a query that the switch writes itself is read as what was meant.
 */
#include "config.h"

#include "tests/fuzz/fuzz.h"

#include "switchd/igmp.h"

enum {
	FLAG_V6 = 1,
	FLAG_SUMS = 2,		/* are as they come */
	PACKET_MAX = 1024,
};

static struct igmp_msg msg, again;

/* Checksums; written with another loop than the product's. */

static unsigned int sum(const uint8_t *p, size_t n, unsigned long start)
{
	for (size_t i = 0; i < n; i++)
		start += i % 2 ? p[i] : p[i] * 256UL;
	return (unsigned int)(start % 65535);
}

static void put_sum(uint8_t *at, const uint8_t *p, size_t n, unsigned long start)
{
	unsigned int s;

	at[0] = at[1] = 0;
	s = 65535 - sum(p, n, start);
	at[0] = (uint8_t)(s >> 8);
	at[1] = (uint8_t)s;
}

/* Where the message is in a packet of @size bytes, and how many it has there: by the
 * header, as far as that is possible. */
static bool find_message(const uint8_t *p, size_t size, bool v6, size_t *at, size_t *n)
{
	size_t end;

	if (size < (v6 ? 40 : 20))
		return false;
	if (!v6) {
		*at = (p[0] & 15) * 4U;
		end = (size_t)p[2] << 8 | p[3];
	} else {
		unsigned int next = p[6];

		*at = 40;
		end = 40 + ((size_t)p[4] << 8 | p[5]);
		while ((next == 0 || next == 43 || next == 44 || next == 60) && *at + 8 <= size) {
			size_t len = next == 44 ? 8 : (p[*at + 1] + 1U) * 8U;

			next = p[*at];
			*at += len;
		}
	}
	if (end > size || *at > end)
		return false;
	*n = end - *at;
	return *n >= 4;
}

static void mend(uint8_t *p, size_t size, bool v6)
{
	size_t at, n, header;

	if (!find_message(p, size, v6, &at, &n))
		return;
	header = (p[0] & 15) * 4U;
	if (!v6 && header >= 20 && header <= size)
		put_sum(p + 10, p, header, 0);
	put_sum(p + at + 2, p + at, n, v6 ? sum(p + 8, 32, n + (p[6] == 103 ? 103 : 58)) : 0);
}

/* What is read from @size bytes, in memory of just that size. */
static enum igmp_kind read_it(const uint8_t *p, size_t size, bool v6, struct igmp_msg *m)
{
	uint8_t *copy = fuzz_alloc(size);
	enum igmp_kind kind;

	memcpy(copy, p, size);
	kind = igmp_parse(copy, size, v6, m);
	free(copy);
	return kind;
}

static bool says_something(enum igmp_kind kind)
{
	return kind != IGMP_NONE && kind != IGMP_BAD;
}

static bool is_family(const struct in6_addr *a, bool v6)
{
	return v6 ? a->s6_addr[0] == 0xff : IN6_IS_ADDR_V4MAPPED(a) && a->s6_addr[12] >> 4 == 14;
}

static void check_message(enum igmp_kind kind, bool v6, size_t size)
{
	FUZZ_CHECK(msg.v6 == v6, "another family");
	if (kind == IGMP_QUERY)
		FUZZ_CHECK(IN6_IS_ADDR_UNSPECIFIED(&msg.group) || is_family(&msg.group, v6),
			   "a query for no group");
	if (kind == IGMP_ROUTER)
		FUZZ_CHECK(msg.lifetime_s && msg.lifetime_s <= 65535, "%u s", msg.lifetime_s);
	if (kind != IGMP_REPORT)
		return;
	FUZZ_CHECK(msg.count <= IGMP_RECORDS_MAX && msg.count <= size / 4, "%u records",
		   msg.count);
	for (unsigned int i = 0; i < msg.count; i++)
		FUZZ_CHECK(is_family(&msg.record[i].group, v6), "record %u has no group", i);
}

static void check_same(enum igmp_kind kind, enum igmp_kind other)
{
	FUZZ_CHECK(kind == other, "kind %d, then %d", kind, other);
	if (kind == IGMP_REPORT) {
		FUZZ_CHECK(msg.count == again.count, "%u and %u records", msg.count, again.count);
		FUZZ_CHECK(!memcmp(msg.record, again.record, msg.count * sizeof(msg.record[0])),
			   "other records");
	} else if (kind == IGMP_QUERY) {
		FUZZ_CHECK(!memcmp(&msg.group, &again.group, sizeof(msg.group)) &&
			   msg.max_resp_ms == again.max_resp_ms && msg.last == again.last,
			   "another query");
	}
}

/* Each bit of the message in turn, but for a packet that is long. */
static void check_bits(uint8_t *p, size_t size, bool v6)
{
	size_t at, n;

	if (!find_message(p, size, v6, &at, &n))
		return;
	for (size_t i = 0; i < MIN(n, (size_t)64) * 8; i++) {
		enum igmp_kind kind;

		p[at + i / 8] ^= (uint8_t)(1 << i % 8);
		kind = read_it(p, size, v6, &again);
		FUZZ_CHECK(!says_something(kind), "bit %zu was changed, kind %d", i, kind);
		p[at + i / 8] ^= (uint8_t)(1 << i % 8);
	}
}

/* The first bytes of the input as a question of our own. */
static void check_writing(const uint8_t *data, size_t size, bool v6)
{
	struct igmp_ask ask = { .v6 = v6 };
	uint8_t frame[IGMP_QUERY_SIZE];
	struct fuzz_in in = { data, size };
	size_t n;

	fuzz_bytes(&in, &ask.mac, sizeof(ask.mac));
	ask.max_resp_ms = fuzz_u16(&in) % 12701;
	ask.interval_s = fuzz_u16(&in);
	if (fuzz_u8(&in) & 1) {
		uint8_t group[16];

		fuzz_bytes(&in, group, sizeof(group));
		group[0] = v6 ? 0xff : (uint8_t)(224 | (group[0] & 15));
		ask.group = igmp_mapped(group);
		if (v6)
			memcpy(&ask.group, group, sizeof(ask.group));
	}
	n = igmp_build(&ask, frame);
	FUZZ_CHECK(n <= sizeof(frame) && n > ETH_HDR_SIZE, "%zu bytes", n);
	FUZZ_CHECK(read_it(frame + ETH_HDR_SIZE, n - ETH_HDR_SIZE, v6, &again) == IGMP_QUERY,
		   "our own query is none");
	FUZZ_CHECK(!memcmp(&again.group, &ask.group, sizeof(ask.group)), "for another group");
	FUZZ_CHECK(again.max_resp_ms <= ask.max_resp_ms &&
		   again.max_resp_ms + 1000 > ask.max_resp_ms, "%u ms, not %u",
		   again.max_resp_ms, ask.max_resp_ms);
	FUZZ_CHECK(again.last == !IN6_IS_ADDR_UNSPECIFIED(&ask.group), "last");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };
	const uint8_t flags = fuzz_u8(&in), behind = fuzz_u8(&in);
	const bool v6 = flags & FLAG_V6;
	uint8_t packet[PACKET_MAX + UINT8_MAX];
	size_t n = MIN(in.left, (size_t)PACKET_MAX), at, length;
	enum igmp_kind kind;

	fuzz_bytes(&in, packet, n);
	if (!(flags & FLAG_SUMS))
		mend(packet, n, v6);
	kind = read_it(packet, n, v6, &msg);
	check_same(kind, read_it(packet, n, v6, &again));
	if (says_something(kind)) {
		check_message(kind, v6, n);
		FUZZ_CHECK(find_message(packet, n, v6, &at, &length), "no message");
		memset(packet + n, 0xa5, behind);
		check_same(kind, read_it(packet, n + behind, v6, &again));
		for (size_t cut = 0; cut < at + length; cut += 1 + cut / 64)
			FUZZ_CHECK(!says_something(read_it(packet, cut, v6, &again)),
				   "%zu of %zu bytes", cut, at + length);
		check_bits(packet, n, v6);
	}
	check_writing(data, size, v6);
	return 0;
}
