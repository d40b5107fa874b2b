/* SPDX-License-Identifier: BSD-2-Clause */
/* vm_console.c - This terminal as that of a VM
 *
 * What the guest sends goes to the terminal as it is: that is what a console is for.
 */
#include "config.h"

#include "tools/vm_console.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "lib/fd.h"

enum { CONSOLE_BYTES = 4096, CONSOLE_LEAVE = 0x1d };	/* Ctrl-] */

/* Write it all, waiting where it takes. Return: 0 or -errno. */
static int write_all(int fd, const char *bytes, size_t size)
{
	while (size) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno == EAGAIN)
			poll(&p, 1, -1);
		else if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			bytes += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

/* Carry over what is there. Return: whether there may be more; *@err is set if the
 * other side does not take it. */
static bool carry(int from, int to, bool keys, int *err)
{
	char bytes[CONSOLE_BYTES];
	ssize_t n = read(from, bytes, sizeof(bytes));
	const char *leave;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	leave = keys ? memchr(bytes, CONSOLE_LEAVE, (size_t)n) : NULL;
	*err = write_all(to, bytes, leave ? (size_t)(leave - bytes) : (size_t)n);
	return !leave && !*err;
}

static int console_loop(int fd, bool tty)
{
	struct pollfd p[2] = {
		{ .fd = fd, .events = POLLIN }, { .fd = STDIN_FILENO, .events = POLLIN },
	};
	int err = 0;

	for (;;) {
		if (poll(p, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (p[0].revents && !carry(fd, STDOUT_FILENO, false, &err))
			return err;
		if (!p[1].revents || carry(STDIN_FILENO, fd, tty, &err))
			continue;
		if (tty || err)
			return err == -EPIPE ? 0 : err;
		p[1].fd = -1;
	}
}

int vm_console(int fd)
{
	struct termios saved, raw;
	bool tty = !tcgetattr(STDIN_FILENO, &saved);
	int ret;

	if (tty) {
		raw = saved;
		cfmakeraw(&raw);
		tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	}
	ret = console_loop(fd, tty);
	if (tty)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
	fd_close(&fd);
	return ret;
}
