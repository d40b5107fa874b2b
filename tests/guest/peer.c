/* SPDX-License-Identifier: BSD-2-Clause */
/* peer.c - A plug that talks to the test guest in its echo mode
 *
 * It sends one frame of each size, a few of them on their way at a time, and
 * expects each back, in order, with the addresses exchanged and every other byte
 * as it was. No two frames have the same bytes, so that what is left over from
 * an earlier one is seen. Frames of other types are not its business.
 */
#include "config.h"

#include <getopt.h>
#include <libvdeplug.h>

#include "tests/integration/tool.h"

enum {
	ADDR = 6,
	HDR = 14,
	FIRST = 60,
	LAST = 1514,
	SIZE_MAX_ = 2036,		/* the guest has no larger buffers */
	ROOM = 4096,
	WINDOW_MAX = 64,
	TYPE_0 = 0x88,			/* IEEE 802, local experimental 2 */
	TYPE_1 = 0xb6,
};

static const uint8_t own[ADDR] = { 0x02, 0x70, 0x65, 0x65, 0x72, 0x01 };

/**
 * struct peer - What was asked for
 * @conn:	The plug
 * @guest:	Address of the guest
 * @first:	Smallest frame
 * @last:	Largest frame
 * @window:	Frames on their way at a time
 * @timeout_ms:	How long to wait for one
 */
struct peer {
	VDECONN *conn;
	uint8_t guest[ADDR];
	unsigned int first;
	unsigned int last;
	unsigned int window;
	int timeout_ms;
};

/* The frame of this size: xorshift, begun anew for each. */
static void make_frame(const struct peer *p, uint8_t *frame, unsigned int size)
{
	uint64_t x = 0x9e3779b97f4a7c15ULL * (size + 1);

	memcpy(frame, p->guest, ADDR);
	memcpy(frame + ADDR, own, ADDR);
	frame[2 * ADDR] = TYPE_0;
	frame[2 * ADDR + 1] = TYPE_1;
	for (unsigned int i = HDR; i < size; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		frame[i] = (uint8_t)(x >> 32);
	}
}

static void send_frame(const struct peer *p, unsigned int size)
{
	uint8_t frame[ROOM];

	make_frame(p, frame, size);
	if (vde_send(p->conn, frame, size, 0) != (ssize_t)size)
		die(TOOL_BROKEN, "cannot send %u bytes: %s", size, strerror(errno));
}

/* Takes frames until one has our type; its size. */
static unsigned int recv_frame(const struct peer *p, uint8_t *frame)
{
	uint64_t end = now_ns() + (uint64_t)p->timeout_ms * 1000000U, now;
	ssize_t n;

	while ((now = now_ns()) < end) {
		if (!readable(vde_datafd(p->conn), (int)((end - now) / 1000000U) + 1))
			continue;
		n = vde_recv(p->conn, frame, ROOM, 0);
		if (n < 0)
			die(TOOL_BROKEN, "cannot receive: %s", strerror(errno));
		if (n >= HDR && frame[2 * ADDR] == TYPE_0 &&
		    frame[2 * ADDR + 1] == TYPE_1)
			return (unsigned int)n;
	}
	return 0;
}

static void expect_frame(const struct peer *p, unsigned int size)
{
	uint8_t want[ROOM], got[ROOM];
	unsigned int n, i;

	make_frame(p, want, size);
	memcpy(want, own, ADDR);
	memcpy(want + ADDR, p->guest, ADDR);
	n = recv_frame(p, got);
	if (!n)
		die(TOOL_FAILED, "the frame of %u bytes did not come back", size);
	if (n != size)
		die(TOOL_FAILED, "instead of the frame of %u bytes came one of %u",
		    size, n);
	for (i = 0; i < size; i++)
		if (got[i] != want[i])
			die(TOOL_FAILED, "the frame of %u bytes came back with 0x%02x, "
			    "not 0x%02x, at %u", size, got[i], want[i], i);
}

static void parse_mac(uint8_t *mac, const char *text)
{
	int n = 0;

	if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx%n", &mac[0], &mac[1],
		   &mac[2], &mac[3], &mac[4], &mac[5], &n) != ADDR || text[n])
		die(TOOL_BROKEN, "'%s' is not a MAC address", text);
}

int main(int argc, char **argv)
{
	struct peer p = {
		.first = FIRST, .last = LAST, .window = 4, .timeout_ms = 20000,
	};
	unsigned int sent, got;
	int opt;

	while ((opt = getopt(argc, argv, "f:l:w:t:")) != -1) {
		switch (opt) {
		case 'f':
			p.first = (unsigned int)number("size", optarg, SIZE_MAX_);
			break;
		case 'l':
			p.last = (unsigned int)number("size", optarg, SIZE_MAX_);
			break;
		case 'w':
			p.window = (unsigned int)number("window", optarg, WINDOW_MAX);
			break;
		case 't':
			p.timeout_ms = (int)number("timeout", optarg, 600000);
			break;
		default:
			optind = argc;
		}
	}
	if (argc - optind != 2 || !p.window || p.first < HDR || p.last < p.first)
		die(TOOL_BROKEN, "usage: peer [-f FIRST] [-l LAST] [-w WINDOW] "
		    "[-t MS] VNL GUEST_MAC");
	parse_mac(p.guest, argv[optind + 1]);
	watchdog(120);
	p.conn = vde_open(argv[optind], (char *)(uintptr_t)"peer", NULL);
	if (!p.conn)
		die(TOOL_BROKEN, "%s: %s", argv[optind], strerror(errno));
	for (sent = got = p.first; got <= p.last; got++) {
		while (sent <= p.last && sent - got < p.window)
			send_frame(&p, sent++);
		expect_frame(&p, got);
	}
	vde_close(p.conn);
	printf("%u frames of %u to %u bytes came back\n", p.last - p.first + 1,
	       p.first, p.last);
	return TOOL_OK;
}
