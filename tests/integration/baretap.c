/* SPDX-License-Identifier: BSD-2-Clause */
/* baretap.c - A command with a tap that somebody else attached
 *
 *   baretap TAP FD COMMAND [ARGUMENT...]
 *
 * COMMAND gets the tap as descriptor FD: frames alone, without a virtio-net header.
 */
#include "config.h"

#include <limits.h>

#include "lib/tap.h"
#include "tests/integration/tool.h"

int main(int argc, char **argv)
{
	int tap, fd;

	if (argc < 4)
		die(TOOL_BROKEN, "usage: baretap TAP FD COMMAND [ARGUMENT...]");
	fd = (int)number("descriptor", argv[2], INT_MAX);
	tap = tap_attach(argv[1], false);
	if (tap < 0)
		die(TOOL_BROKEN, "%s: %s", argv[1], strerror(-tap));
	if (tap == fd || dup2(tap, fd) < 0)
		die(TOOL_BROKEN, "descriptor %d: %s", fd, strerror(errno));
	execvp(argv[3], argv + 3);
	die(TOOL_BROKEN, "%s: %s", argv[3], strerror(errno));
}
