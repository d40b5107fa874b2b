/* SPDX-License-Identifier: BSD-2-Clause */
/* test-lldp.c - The frames that tell neighbours of the switch, byte by byte */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <string.h>

#include "switchd/lldp.h"

static const struct lldp_info example = {
	.mac = { { 0, 0xff, 1, 2, 3, 4 } },
	.port = 17,
	.ttl_s = 121,
	.port_descr = "up",
	.name = "lab",
	.descr = "it",
};

static void test_whole(void **state UNUSED)
{
	static const uint8_t expected[] = {
		0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e,  0x00, 0xff, 1, 2, 3, 4,  0x88, 0xcc,
		0x02, 0x07, 4, 0x00, 0xff, 1, 2, 3, 4,
		0x04, 0x03, 7, '1', '7',
		0x06, 0x02, 0, 121,
		0x08, 0x02, 'u', 'p',
		0x0a, 0x03, 'l', 'a', 'b',
		0x0c, 0x02, 'i', 't',
		0x0e, 0x04, 0, 4, 0, 4,
		0x00, 0x00,
	};
	uint8_t frame[LLDP_FRAME_MAX];

	assert_int_equal(lldp_build(&example, frame), sizeof(expected));
	assert_memory_equal(frame, expected, sizeof(expected));
}

/* What stands before the end of a frame. */
static void ends_with(const struct lldp_info *info, const void *tail, size_t n)
{
	uint8_t frame[LLDP_FRAME_MAX];
	size_t size = lldp_build(info, frame);

	assert_in_range(size, n + 2, sizeof(frame));
	assert_memory_equal(frame + size - 2 - n, tail, n);
	assert_memory_equal(frame + size - 2, "\0\0", 2);
}

static void test_parts(void **state UNUSED)
{
	struct in6_addr v4 = { .s6_addr = { [10] = 0xff, 0xff, 10, 0, 0, 1 } }, v6;
	struct lldp_info info = example;

	info.hub = true;
	ends_with(&info, "\x0e\4\0\2\0\2", 6);
	info.address = &v4;
	ends_with(&info, "\x10\x0c\5\1\x0a\0\0\1\1\0\0\0\0\0", 14);
	assert_int_equal(inet_pton(AF_INET6, "2001:db8::1", &v6), 1);
	info.address = &v6;
	ends_with(&info, "\x10\x18\x11\2\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\1\0\0\0\0\0", 26);
	info.vid = 0x123;
	ends_with(&info, "\xfe\6\0\x80\xc2\1\1\x23", 8);
}

static void test_over(void **state UNUSED)
{
	struct lldp_info info = example;

	info.ttl_s = 0;
	ends_with(&info, "\4\3\7" "17" "\6\2\0\0", 9);
}

/* Texts of any length fit, and none is longer than a length can say. */
static void test_long(void **state UNUSED)
{
	struct lldp_info info = example;
	struct in6_addr v6 = { .s6_addr = { 0x20, 1 } };
	uint8_t frame[LLDP_FRAME_MAX];
	char text[600];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = 0;
	info.port_descr = info.name = info.descr = text;
	info.port = UINT32_MAX;
	info.address = &v6;
	info.vid = 1;
	assert_in_range(lldp_build(&info, frame), 3 * LLDP_TEXT_MAX, sizeof(frame));
	ends_with(&info, "\xfe\6\0\x80\xc2\1\0\1", 8);
}

static void test_ttl(void **state UNUSED)
{
	assert_int_equal(lldp_ttl(30), 121);
	assert_int_equal(lldp_ttl(LLDP_INTERVAL_MAX_S), 14401);
	assert_int_equal(lldp_ttl(20000), 65535);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(test_whole),
	cmocka_unit_test(test_parts),
	cmocka_unit_test(test_over),
	cmocka_unit_test(test_long),
	cmocka_unit_test(test_ttl),
};

UNIT_MAIN(tests)
