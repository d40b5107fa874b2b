/* SPDX-License-Identifier: BSD-2-Clause */
/* tap-wire.c - Two taps, and what arrives at the one is written to the other
 *
 *   tap-wire TAP TAP
 *
 * The least that a program between two taps can do: frames pass as the kernel has them,
 * with their offloads, and nobody looks at them. What a switch does more is what it
 * costs; what this one does is what taps cost. Until it gets a signal.
 */
#include "config.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/eth.h"
#include "lib/offload.h"
#include "lib/tap.h"
#include "lib/vnet.h"
#include "tests/integration/tool.h"

enum { BUDGET = 64 };

static uint8_t buf[VNET_HDR_SIZE + ETH_FRAME_MAX];

static void move(int from, int to)
{
	for (int i = 0; i < BUDGET; i++) {
		ssize_t n = read(from, buf, sizeof(buf));

		if (n <= 0 || write(to, buf, (size_t)n) < 0)
			return;
	}
}

int main(int argc, char **argv)
{
	struct pollfd fd[2] = { { .events = POLLIN }, { .events = POLLIN } };

	if (argc != 3)
		die(TOOL_BROKEN, "usage: tap-wire TAP TAP");
	for (int i = 0; i < 2; i++) {
		fd[i].fd = tap_attach(argv[1 + i], true);
		if (fd[i].fd < 0)
			die(TOOL_BROKEN, "tap '%s'", argv[1 + i]);
		tap_set_takes(fd[i].fd, OFFLOAD_TAKES);
	}
	puts("ready");
	fflush(stdout);
	while (poll(fd, 2, -1) >= 0)
		for (int i = 0; i < 2; i++)
			if (fd[i].revents)
				move(fd[i].fd, fd[!i].fd);
	return 0;
}
