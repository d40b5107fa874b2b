/* SPDX-License-Identifier: BSD-2-Clause */
/* test-iplog.c - What frames say about IP addresses, and the table of them; time jumps
 * as the test likes
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "switchd/iplog.h"

static const struct siphash_key key = { 1, 2 };

/* Frames. */

enum { FRAME_MAX = 128 };

/** struct bytes - A frame being written */
struct bytes {
	uint8_t b[FRAME_MAX];
	size_t size;
};

/* Append hex digits; blanks are skipped. */
static void put(struct bytes *f, const char *hex)
{
	unsigned int byte;
	int n;

	for (; sscanf(hex, " %2x%n", &byte, &n) == 1; hex += n)
		f->b[f->size++] = (uint8_t)byte;
}

static const char eth_addrs[] = "ffffffffffff 020000000001";
static const char ip4[] = "0800 45000014 00000000 40110000 0a000001 0a000002";
static const char ip6[] = "86dd 60000000 00003b40 fe80000000000000 0000000000000001"
			  "ff020000000000000000000000000001";
static const char arp[] = "0806 0001 0800 06 04 0001 020000000099 0a000007 000000000000"
			  "0a000008";

/* What a frame of so many of its bytes says, as text: "10.0.0.1 vlan 7", or "". The
 * bytes lie at the end of their memory, so that reading on is seen. */
static const char *says_of(const struct bytes *f, size_t size)
{
	struct iplog_info info = { .port = 0 };
	static char text[IPLOG_ADDR_STR + 32];
	char ip[IPLOG_ADDR_STR];
	uint8_t *copy = malloc(size);
	bool any;

	assert_true(copy || !size);
	memcpy(copy, f->b, size);
	any = iplog_source(copy, size, 7, &info);
	free(copy);
	if (!any)
		return "";
	assert_int_equal(info.mac.b[5], 1);
	snprintf(text, sizeof(text), "%s vlan %u", iplog_addr_format(&info.ip, ip), info.vid);
	return text;
}

static const char *says(const char *tag, const char *packet)
{
	struct bytes f = { .size = 0 };

	put(&f, eth_addrs);
	put(&f, tag);
	put(&f, packet);
	return says_of(&f, f.size);
}

static void sources(void **state UNUSED)
{
	assert_string_equal(says("", ip4), "10.0.0.1 vlan 7");
	assert_string_equal(says("", ip6), "fe80::1 vlan 7");
	assert_string_equal(says("", arp), "10.0.0.7 vlan 7");
	/* With a tag; with one that has a priority only. */
	assert_string_equal(says("81000064", ip4), "10.0.0.1 vlan 100");
	assert_string_equal(says("8100efff", ip6), "fe80::1 vlan 4095");
	assert_string_equal(says("8100e000", arp), "10.0.0.7 vlan 7");
	/* A second tag is somebody else's business. */
	assert_string_equal(says("8100006481000065", ip4), "");
}

/* Says what it says only when all of its header is there. */
static void cut(void **state UNUSED)
{
	static const struct {
		const char *packet, *says;
		size_t size;
	} headers[] = { { ip4, "10.0.0.1 vlan 7", 34 }, { ip6, "fe80::1 vlan 7", 54 },
			{ arp, "10.0.0.7 vlan 7", 42 } };

	for (unsigned int i = 0; i < ARRAY_SIZE(headers); i++) {
		for (size_t tag = 0; tag <= 4; tag += 4) {
			struct bytes f = { .size = 0 };

			put(&f, eth_addrs);
			put(&f, tag ? "81000007" : "");
			put(&f, headers[i].packet);
			for (size_t size = 0; size <= f.size; size++)
				assert_string_equal(says_of(&f, size),
						    size < headers[i].size + tag ? "" :
						    headers[i].says);
		}
	}
}

static void no_sources(void **state UNUSED)
{
	static const char *const packets[] = {
		/* The wrong version, a header too short. */
		"0800 65000014 00000000 40110000 0a000001 0a000002",
		"0800 44000014 00000000 40110000 0a000001 0a000002",
		"86dd 40000000 00003b40 fe80000000000000 0000000000000001"
		"ff020000000000000000000000000001",
		/* ARP of other hardware, protocol, lengths. */
		"0806 0006 0800 06 04 0001 020000000099 0a000007 000000000000 0a000008",
		"0806 0001 86dd 06 04 0001 020000000099 0a000007 000000000000 0a000008",
		"0806 0001 0800 08 04 0001 020000000099 0a000007 000000000000 0a000008",
		"0806 0001 0800 06 10 0001 020000000099 0a000007 000000000000 0a000008",
		/* Nobody's addresses: 0.0.0.0 (a probe), 224.0.0.1, 255.255.255.255, ::,
		 * ff02::1. */
		"0806 0001 0800 06 04 0001 020000000099 00000000 000000000000 0a000008",
		"0800 45000014 00000000 40110000 e0000001 0a000002",
		"0800 45000014 00000000 40110000 ffffffff 0a000002",
		"86dd 60000000 00003b40 0000000000000000 0000000000000000"
		"ff020000000000000000000000000001",
		"86dd 60000000 00003b40 ff02000000000000 0000000000000001"
		"ff020000000000000000000000000001",
		/* Something else. */
		"88b5 45000014 00000000 40110000 0a000001 0a000002",
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(packets); i++)
		assert_string_equal(says("", packets[i]), "");
}

/* The table. */

static struct iplog_addr addr(const char *s)
{
	struct iplog_addr a;

	assert_true(iplog_addr_parse(s, &a));
	return a;
}

static int add(struct iplog *log, const char *s, unsigned int bits)
{
	const struct iplog_addr a = addr(s);

	return iplog_add_range(log, &a, bits);
}

static int del(struct iplog *log, const char *s, unsigned int bits)
{
	const struct iplog_addr a = addr(s);

	return iplog_del_range(log, &a, bits);
}

static bool see(struct iplog *log, const char *s, uint16_t port, uint64_t now)
{
	return iplog_see(log, &(struct iplog_info){
		.ip = addr(s), .mac = { { 2, 0, 0, 0, 0, 1 } }, .port = port,
	}, now);
}

static struct iplog *all(unsigned int entries)
{
	struct iplog *log = iplog_create(entries, key);

	assert_int_equal(add(log, "0.0.0.0", 0), 0);
	assert_int_equal(add(log, "::", 0), 0);
	return log;
}

/* What is in it, the oldest first: "10.0.0.1@3 ". */
static void append(void *ctx, const struct iplog_info *info)
{
	char *text = ctx, ip[IPLOG_ADDR_STR];

	sprintf(text + strlen(text), "%s@%u ", iplog_addr_format(&info->ip, ip), info->port);
}

static void assert_holds(const struct iplog *log, const char *wanted)
{
	char text[512] = "";

	iplog_foreach(log, append, text);
	assert_string_equal(text, wanted);
}

static void assert_ranges(const struct iplog *log, const char *wanted)
{
	char text[512] = "", ip[IPLOG_ADDR_STR];
	struct iplog_addr a;
	unsigned int bits;

	for (unsigned int i = 0; iplog_range(log, i, &a, &bits); i++)
		sprintf(text + strlen(text), "%s/%u ", iplog_addr_format(&a, ip), bits);
	assert_string_equal(text, wanted);
}

static void ranges(void **state UNUSED)
{
	struct iplog *log = iplog_create(16, key);

	assert_false(see(log, "10.0.0.1", 1, 0));
	assert_int_equal(add(log, "10.1.2.3", 15), 0);
	assert_int_equal(add(log, "10.0.9.9", 15), -EEXIST);
	assert_int_equal(add(log, "10.0.0.0", 16), 0);
	assert_int_equal(add(log, "192.168.0.7", 32), 0);
	assert_int_equal(add(log, "fe80::1:2", 10), 0);
	assert_int_equal(add(log, "10.0.0.0", 33), -EINVAL);
	assert_int_equal(add(log, "::", 129), -EINVAL);
	assert_int_equal(del(log, "10.0.0.0", 33), -EINVAL);
	assert_ranges(log, "10.0.0.0/15 10.0.0.0/16 192.168.0.7/32 fe80::/10 ");
	assert_int_equal(del(log, "10.0.77.0", 16), 0);
	assert_int_equal(del(log, "10.0.0.0", 16), -ENOENT);
	assert_ranges(log, "10.0.0.0/15 192.168.0.7/32 fe80::/10 ");

	assert_true(see(log, "10.1.255.255", 1, 0));
	assert_false(see(log, "10.2.0.0", 1, 0));
	assert_true(see(log, "192.168.0.7", 1, 0));
	assert_false(see(log, "192.168.0.6", 1, 0));
	assert_true(see(log, "febf::1", 1, 0));
	assert_false(see(log, "fec0::1", 1, 0));
	/* The same bits in the other version. */
	assert_false(see(log, "a01::", 1, 0));
	iplog_destroy(log);

	log = iplog_create(16, key);
	for (unsigned int i = 0; i < IPLOG_RANGES_MAX; i++) {
		char s[32];

		sprintf(s, "10.0.%u.0", i);
		assert_int_equal(add(log, s, 24), 0);
	}
	assert_int_equal(add(log, "11.0.0.0", 24), -ENOSPC);
	assert_int_equal(add(log, "10.0.0.0", 24), -EEXIST);
	iplog_destroy(log);
}

static void addresses(void **state UNUSED)
{
	static const char *const bad[] = {
		"", "x", "10.0.0", "10.0.0.256", "10.0.0.1 ", "10.0.0.1/8", "fe80::1%eth0",
		"localhost", "1::2::3",
	};
	struct iplog_addr a, b;

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(iplog_addr_parse(bad[i], &a));
	a = addr("fe80:0:0::1");
	b = addr("fe80::1");
	assert_true(iplog_addr_eq(&a, &b));
	a = addr("10.0.0.1");
	b = addr("a00:1::");
	assert_false(iplog_addr_eq(&a, &b));
}

static void news(void **state UNUSED)
{
	struct iplog_info info = {
		.ip = addr("10.0.0.1"), .mac = { { 2, 0, 0, 0, 0, 1 } }, .port = 1,
	};
	struct iplog *log = all(16);

	assert_true(iplog_see(log, &info, 0));
	assert_false(iplog_see(log, &info, 0));
	assert_false(iplog_see(log, &info, 5000));
	info.port = 2;
	assert_true(iplog_see(log, &info, 5000));
	assert_false(iplog_see(log, &info, 5000));
	info.mac.b[5] = 2;
	assert_true(iplog_see(log, &info, 5000));
	info.uid = 1000;
	assert_true(iplog_see(log, &info, 5000));
	assert_holds(log, "10.0.0.1@2 ");
	/* In another VLAN it is another one. */
	info.vid = 5;
	info.port = 3;
	assert_true(iplog_see(log, &info, 5000));
	assert_holds(log, "10.0.0.1@2 10.0.0.1@3 ");
	iplog_destroy(log);
}

static void ages(void **state UNUSED)
{
	struct iplog *log = all(16);

	see(log, "10.0.0.1", 1, 0);
	see(log, "10.0.0.2", 1, 10000);
	iplog_age(log, IPLOG_EXPIRE_MS);
	assert_holds(log, "10.0.0.1@1 10.0.0.2@1 ");
	see(log, "10.0.0.1", 1, 20000);
	iplog_age(log, IPLOG_EXPIRE_MS + 10001);
	assert_holds(log, "10.0.0.1@1 ");
	assert_int_equal(iplog_expire(log), IPLOG_EXPIRE_MS);
	iplog_set_expire(log, 5000);
	iplog_age(log, 25000);
	assert_holds(log, "10.0.0.1@1 ");
	iplog_age(log, 25001);
	assert_holds(log, "");
	assert_true(see(log, "10.0.0.1", 1, 25001));
	iplog_destroy(log);
}

static void full(void **state UNUSED)
{
	struct iplog *log = all(3);

	see(log, "10.0.0.1", 1, 0);
	see(log, "10.0.0.2", 1, 0);
	see(log, "10.0.0.3", 1, 0);
	see(log, "10.0.0.1", 1, IPLOG_REFRESH_MS);
	assert_true(see(log, "10.0.0.4", 1, IPLOG_REFRESH_MS));
	assert_holds(log, "10.0.0.3@1 10.0.0.1@1 10.0.0.4@1 ");
	assert_true(see(log, "10.0.0.2", 1, IPLOG_REFRESH_MS));
	assert_holds(log, "10.0.0.1@1 10.0.0.4@1 10.0.0.2@1 ");
	iplog_destroy(log);
	/* One bucket, one entry. */
	log = all(1);
	assert_true(see(log, "10.0.0.1", 1, 0));
	assert_true(see(log, "fe80::1", 1, 0));
	assert_true(see(log, "10.0.0.1", 1, 0));
	assert_holds(log, "10.0.0.1@1 ");
	iplog_destroy(log);
}

static void flushes(void **state UNUSED)
{
	struct iplog *log = all(4);

	see(log, "10.0.0.1", 1, 0);
	see(log, "10.0.0.2", 2, 0);
	see(log, "10.0.0.3", 1, 0);
	iplog_flush_port(log, 3);
	assert_holds(log, "10.0.0.1@1 10.0.0.2@2 10.0.0.3@1 ");
	iplog_flush_port(log, 1);
	assert_holds(log, "10.0.0.2@2 ");
	/* What they held is free again. */
	see(log, "10.0.0.4", 1, 0);
	see(log, "10.0.0.5", 1, 0);
	see(log, "10.0.0.6", 1, 0);
	assert_holds(log, "10.0.0.2@2 10.0.0.4@1 10.0.0.5@1 10.0.0.6@1 ");
	iplog_destroy(log);
}

static void count(void *ctx, const struct iplog_info *info UNUSED)
{
	++*(unsigned int *)ctx;
}

/* Many more addresses than there is room for, some of them again and again. */
static void churn(void **state UNUSED)
{
	enum { ENTRIES = 64, ROUNDS = 20000 };
	struct iplog *log = all(ENTRIES);
	unsigned int n = 0, x = 1;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		char s[32];

		x = x * 1103515245 + 12345;
		sprintf(s, "10.0.%u.%u", x >> 30, x >> 16 & 63);
		see(log, s, (uint16_t)(x >> 20 & 3), i * 100);
		if (i % 500 == 499)
			iplog_flush_port(log, 2);
	}
	see(log, "10.1.1.1", 1, ROUNDS * 100);
	assert_false(see(log, "10.1.1.1", 1, ROUNDS * 100));
	iplog_foreach(log, count, &n);
	assert_in_range(n, 2, ENTRIES);
	iplog_age(log, UINT64_MAX / 2);
	n = 0;
	iplog_foreach(log, count, &n);
	assert_int_equal(n, 0);
	iplog_destroy(log);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(sources),
	cmocka_unit_test(cut),
	cmocka_unit_test(no_sources),
	cmocka_unit_test(addresses),
	cmocka_unit_test(ranges),
	cmocka_unit_test(news),
	cmocka_unit_test(ages),
	cmocka_unit_test(full),
	cmocka_unit_test(flushes),
	cmocka_unit_test(churn),
};

UNIT_MAIN(tests)
