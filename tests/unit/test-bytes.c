/* SPDX-License-Identifier: BSD-2-Clause */
/* test-bytes.c - byte orders, SipHash, addresses, text */
#include "tests/unit/unit.h"

#include <string.h>

#include "lib/bytes.h"
#include "lib/eth.h"
#include "lib/iov.h"
#include "lib/parse.h"
#include "lib/ratelimit.h"
#include "lib/siphash.h"

static void byte_orders(void **state UNUSED)
{
	struct be16 b = be16(0x1234);
	struct le32 l = le32(0x12345678);
	struct le64 q = le64(0x0102030405060708);

	assert_memory_equal(&b, "\x12\x34", 2);
	assert_memory_equal(&l, "\x78\x56\x34\x12", 4);
	assert_memory_equal(&q, "\x08\x07\x06\x05\x04\x03\x02\x01", 8);
	assert_int_equal(be16_get(b), 0x1234);
	assert_int_equal(le32_get(l), 0x12345678);
	assert_true(le64_get(q) == 0x0102030405060708);
	assert_int_equal(le16_get(le16(0xfffe)), 0xfffe);
	assert_int_equal(be32_get((struct be32){ { 0x80, 0, 0, 1 } }), 0x80000001);
	assert_memory_equal(be32(0x01020304).b, "\1\2\3\4", 4);
}

/* At any place. */
static void loads_and_stores(void **state UNUSED)
{
	uint8_t bytes[] = { 0xaa, 1, 2, 3, 4, 0xbb };

	assert_int_equal(be16_load(bytes + 1), 0x0102);
	assert_int_equal(be32_load(bytes + 1), 0x01020304);
	assert_int_equal(le16_load(bytes + 1), 0x0201);
	assert_int_equal(le32_load(bytes + 1), 0x04030201);
	be16_store(bytes + 1, 0x1234);
	le16_store(bytes + 3, 0x5678);
	assert_memory_equal(bytes, "\xaa\x12\x34\x78\x56\xbb", sizeof(bytes));
	be32_store(bytes + 1, 0x12345678);
	assert_memory_equal(bytes, "\xaa\x12\x34\x56\x78\xbb", sizeof(bytes));
	le32_store(bytes + 1, 0x12345678);
	assert_memory_equal(bytes, "\xaa\x78\x56\x34\x12\xbb", sizeof(bytes));
}

/* Key 00 01 .. 0f, message 00 01 .. 07: row 8 of the vectors of the paper. */
static void siphash_reference(void **state UNUSED)
{
	const struct siphash_key key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };

	assert_true(siphash_u64(&key, 0x0706050403020100) == 0x93f5f5799a932462);
}

static void eth_text(void **state UNUSED)
{
	const struct eth_addr want = { { 0x52, 0x54, 0, 0xab, 0xc, 0xff } };
	struct eth_addr a = { { 0 } };
	char text[ETH_ADDR_STR];

	assert_true(eth_addr_parse("52:54:00:ab:0c:ff", &a));
	assert_true(eth_addr_eq(a, want));
	assert_true(eth_addr_parse("52.54.0.AB.c.FF", &a));
	assert_true(eth_addr_eq(a, want));
	assert_string_equal(eth_addr_format(a, text), "52:54:00:ab:0c:ff");
	assert_false(eth_addr_parse("52:54:00:ab:0c", &a));
	assert_false(eth_addr_parse("52:54:00:ab:0c:ff:", &a));
	assert_false(eth_addr_parse("52:54:00:ab:0c:fff", &a));
	assert_false(eth_addr_parse("52:54-00:ab:0c:ff", &a));
	assert_false(eth_addr_parse("", &a));
	assert_true(eth_addr_eq(a, want));
	assert_true(eth_addr_is_group((struct eth_addr){ { 1 } }));
	assert_false(eth_addr_is_group(want));
}

static void numbers(void **state UNUSED)
{
	unsigned int u = 7;
	uint64_t v = 7;

	assert_true(parse_uint("0", 0, 10, &u) && u == 0);
	assert_true(parse_uint("0x1f", 0, 31, &u) && u == 31);
	assert_false(parse_uint("32", 0, 31, &u));
	assert_false(parse_uint("-1", 0, 31, &u));
	assert_false(parse_uint(" 1", 0, 31, &u));
	assert_false(parse_uint("1 ", 0, 31, &u));
	assert_false(parse_uint("", 0, 31, &u));
	assert_int_equal(u, 31);
	assert_true(parse_u64("18446744073709551615", 0, UINT64_MAX, &v));
	assert_true(v == UINT64_MAX);
	assert_false(parse_u64("18446744073709551616", 0, UINT64_MAX, &v));
	assert_true(parse_octal("0660", 07777, &u) && u == 0660);
	assert_false(parse_octal("0668", 07777, &u));
	assert_false(parse_octal("10000", 07777, &u));
	assert_true(parse_size("2", 1 << 20, &v) && v == 2 << 20);
	assert_true(parse_size("4G", 1 << 20, &v) && v == 4ULL << 30);
	assert_true(parse_size("3k", 1 << 20, &v) && v == 3072);
	assert_false(parse_size("512Mx", 1, &v));
	assert_false(parse_size("99999999999T", 1, &v));
	assert_true(v == 3072);
}

static void key_values(void **state UNUSED)
{
	char text[] = "nic,macaddr=a=b,path=/x,,y,last", *p = text;
	struct parse_kv kv;

	assert_true(parse_kv_next(&p, &kv));
	assert_string_equal(kv.key, "nic");
	assert_null(kv.value);
	assert_true(parse_kv_next(&p, &kv));
	assert_string_equal(kv.key, "macaddr");
	assert_string_equal(kv.value, "a=b");
	assert_true(parse_kv_next(&p, &kv));
	assert_string_equal(kv.value, "/x,y");
	assert_true(parse_kv_next(&p, &kv));
	assert_string_equal(kv.key, "last");
	assert_false(parse_kv_next(&p, &kv));
	assert_string_equal(kv.key, "");
}

static void scattered(void **state UNUSED)
{
	char a[3] = "abc", b[1] = "d", c[4] = "efgh", out[8];
	const struct iovec iov[] = { { a, 3 }, { b, 1 }, { c, 4 } };
	struct iovec rest[3];

	assert_int_equal(iov_size(iov, 3), 8);
	assert_int_equal(iov_to_buf(iov, 3, 2, out, 3), 3);
	assert_memory_equal(out, "cde", 3);
	assert_int_equal(iov_to_buf(iov, 3, 7, out, 8), 1);
	assert_int_equal(iov_to_buf(iov, 3, 8, out, 8), 0);
	assert_int_equal(iov_from_buf(iov, 3, 3, "XYZ", 3), 3);
	assert_memory_equal(a, "abc", 3);
	assert_memory_equal(b, "X", 1);
	assert_memory_equal(c, "YZgh", 4);
	/* What is left of it, in how many pieces. */
	assert_int_equal(iov_rest(rest, iov, 3, 0), 3);
	assert_int_equal(iov_rest(rest, iov, 3, 3), 2);
	assert_ptr_equal(rest[0].iov_base, b);
	assert_int_equal(iov_rest(rest, iov, 3, 5), 1);
	assert_ptr_equal(rest[0].iov_base, c + 1);
	assert_int_equal(rest[0].iov_len, 3);
	assert_int_equal(iov_rest(rest, iov, 3, 8), 0);
}

static void rate_limit(void **state UNUSED)
{
	struct ratelimit rl = { 0 };
	unsigned int swallowed = 99;

	for (int i = 0; i < RATELIMIT_BURST; i++)
		assert_true(ratelimit_pass(&rl, 1000, &swallowed));
	assert_int_equal(swallowed, 0);
	assert_false(ratelimit_pass(&rl, 1000 + RATELIMIT_MS - 1, &swallowed));
	assert_true(ratelimit_pass(&rl, 1000 + RATELIMIT_MS, &swallowed));
	assert_int_equal(swallowed, 1);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(byte_orders),
	cmocka_unit_test(loads_and_stores),
	cmocka_unit_test(siphash_reference),
	cmocka_unit_test(eth_text),
	cmocka_unit_test(numbers),
	cmocka_unit_test(key_values),
	cmocka_unit_test(scattered),
	cmocka_unit_test(rate_limit),
};

UNIT_MAIN(tests)
