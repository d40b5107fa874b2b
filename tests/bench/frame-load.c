/* SPDX-License-Identifier: BSD-2-Clause */
/* frame-load.c - What a frame costs in the switch itself, between its endpoints
 *
 * DOC: Theory of operation
 *
 * A whole switch in this process, with ports whose endpoints only count. Batches of
 * frames come in at port 1, always the same sequence, so what is counted from outside
 * (frame-cost does it, with callgrind) is the same each time: no socket and no
 * ring is in it, nor what the clients do. A feature is whatever the lines of an rc file
 * turn on.
 *
 *	unicast		from the address of port 1 to that of port 2
 *	flood		broadcasts, to all other ports
 *	group		to an IP multicast group that port 2 is a member of
 *	many		from any of --addresses, half of which are behind port 1, to any
 *			of the others, which are behind port 2: each frame to another
 *
 * With --time it says how long a frame takes, the best of five runs.
 *
 * It uses nothing that has changed for long, so that it can be built against older
 * commits, too.
 */
#include "config.h"

#include <ev.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "switchd/vsw.h"

enum { PORTS = 4, BATCH = 32, SIZE = 64, RUNS = 5 };

static struct options {
	const char *what;
	char rcfile[PATH_MAX];
	unsigned int batches;
	unsigned int addresses;
	bool time;
} opt = { .what = "unicast", .batches = 1000, .addresses = 2 };

static struct vsw_config cfg;
static struct ev_loop *loop;
static struct vsw *vsw;
static struct endpoint ends[PORTS + 1];
static uint64_t received;

static unsigned int end_send(struct endpoint *ep, const struct frame *const *frames,
			     unsigned int n)
{
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < n; i++)
		bytes += frames[i]->size;
	received += n;
	endpoint_sent(ep, n, bytes);
	return n;
}

static void end_switch(struct endpoint *ep UNUSED, bool on UNUSED)
{
}

static void end_close(struct endpoint *ep UNUSED)
{
}

static const struct endpoint_ops end_ops = {
	.module = "bench",
	.send = end_send,
	.wait_send = end_switch,
	.hold = end_switch,
	.close = end_close,
};

static void make_switch(void)
{
	static char dir[] = "/tmp/frame-load.XXXXXX";
	const struct port_client who = PORT_CLIENT_OPERATOR;

	if (!mkdtemp(dir))
		abort();
	cfg = (struct vsw_config){
		.dir = dir, .mode = 0600, .dirmode = 0700, .gid = (gid_t)-1,
		.mgmtmode = 0600, .mgmtgid = (gid_t)-1, .numports = PORTS,
		.hashsize = 128, .strict = true, .addr = { { 0, 0xff, 1, 2, 3, 4 } },
	};
	snprintf(cfg.rcfile, sizeof(cfg.rcfile), "%s", opt.rcfile);
	while (cfg.hashsize < opt.addresses)
		cfg.hashsize *= 2;
	loop = ev_loop_new(EVFLAG_AUTO);
	vsw = vsw_create(loop, &cfg);
	if (!vsw) {
		fprintf(stderr, "frame-load: no switch with '%s'\n", opt.rcfile);
		exit(2);
	}
	for (unsigned int i = 1; i <= PORTS; i++) {
		ends[i] = (struct endpoint){ .ops = &end_ops, .id = (int)i, .uid = who.uid };
		if (port_plug(vsw, (uint16_t)i, &ends[i], &who))
			abort();
	}
}

/* Frames. */

static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
	return x ^ (x >> 31);
}

/* Address @i behind port @port. */
static void put_address(uint8_t *b, unsigned int port, uint64_t i)
{
	uint64_t m = mix(i * (PORTS + 1) + port);

	b[0] = 2;
	b[1] = (uint8_t)port;
	memcpy(b + 2, &m, 4);
}

static uint8_t bytes[BATCH][SIZE];
static struct iovec iov[BATCH];
static struct frame frames[BATCH];

static void make_frames(void)
{
	static const uint8_t group[6] = { 1, 0, 0x5e, 1, 2, 3 };
	static const uint8_t udp[] = {
		0x08, 0x00, 0x45, 0, 0, 46, 0, 0, 0, 0, 1, 17, 0, 0,
		10, 0, 0, 1, 239, 1, 2, 3,
	};

	for (unsigned int i = 0; i < BATCH; i++) {
		uint8_t *b = bytes[i];

		put_address(b, 2, 0);
		put_address(b + 6, 1, 0);
		memcpy(b + 12, (const uint8_t[]){ 0x88, 0xb5 }, 2);
		if (!strcmp(opt.what, "flood"))
			memset(b, 0xff, 6);
		if (!strcmp(opt.what, "group")) {
			memcpy(b, group, sizeof(group));
			memcpy(b + 12, udp, sizeof(udp));
		}
		iov[i] = (struct iovec){ b, SIZE };
		frames[i] = (struct frame){ b, SIZE, SIZE, &iov[i], 1, NULL };
	}
}

/* The next batch from any address to any other. */
static void spread(void)
{
	static uint64_t n;

	for (unsigned int i = 0; i < BATCH; i++, n++) {
		uint64_t r = mix(n + 1234567);

		put_address(bytes[i], 2, (r >> 32) % (opt.addresses / 2));
		put_address(bytes[i] + 6, 1, (uint32_t)r % (opt.addresses / 2));
	}
}

/* All addresses say something, to themselves. */
static void teach(void)
{
	for (unsigned int port = 1; port <= 2; port++) {
		for (unsigned int i = 0; i < opt.addresses / 2; i++) {
			put_address(bytes[0], port, i);
			put_address(bytes[0] + 6, port, i);
			vsw_input(&ends[port], frames, 1);
		}
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Return: nanoseconds that the switch took for all batches. */
static double run(void)
{
	const bool many = !strcmp(opt.what, "many");
	double sum = 0;

	for (unsigned int i = 0; i < opt.batches; i++) {
		double start;

		if (many)
			spread();
		start = opt.time ? now() : 0;
		vsw_input(&ends[1], frames, BATCH);
		sum += opt.time ? now() - start : 0;
	}
	return sum;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "addresses", required_argument, NULL, 'a' },
		{ "batches", required_argument, NULL, 'n' },
		{ "rcfile", required_argument, NULL, 'f' },
		{ "time", no_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 },
	};
	double best = 0;
	int c;

	while ((c = getopt_long(argc, argv, "a:n:f:t", options, NULL)) != -1) {
		switch (c) {
		case 'a': opt.addresses = (unsigned int)strtoul(optarg, NULL, 0); break;
		case 'n': opt.batches = (unsigned int)strtoul(optarg, NULL, 0); break;
		case 'f': snprintf(opt.rcfile, sizeof(opt.rcfile), "%s", optarg); break;
		case 't': opt.time = true; break;
		default: return 2;
		}
	}
	if (argc > optind)
		opt.what = argv[optind];
	if (opt.addresses < 2)
		opt.addresses = 2;
	make_switch();
	make_frames();
	vsw->poller.now_us = clock_us();
	teach();
	make_frames();
	received = 0;
	for (unsigned int i = 0; i < (opt.time ? RUNS : 1); i++) {
		double ns = run();

		if (!i || ns < best)
			best = ns;
	}
	printf("%s addresses=%u frames=%u sent=%llu", opt.what, opt.addresses,
	       opt.batches * BATCH, (unsigned long long)received);
	if (opt.time)
		printf(" ns=%.1f", best / BATCH / opt.batches);
	putchar('\n');
	vsw_destroy(vsw);
	ev_loop_destroy(loop);
	rmdir(cfg.dir);
	return 0;
}
