/* SPDX-License-Identifier: BSD-2-Clause */
/* doorbell.c - Writing to eventfds that others hold, too; the essay is in doorbell.h */
#include "config.h"

#include "switchd/doorbell.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

/* Whether the timer runs; whether a bell was rung since it last fired; whether one is
 * being rung: however often the timer fires meanwhile, it has to go on. */
static volatile sig_atomic_t doorbell_watched, doorbell_rung, doorbell_ringing;

static void doorbell_alarm(int sig UNUSED)
{
	static const struct itimerval off;

	if (doorbell_rung || doorbell_ringing) {
		doorbell_rung = 0;
		return;
	}
	doorbell_watched = 0;
	setitimer(ITIMER_REAL, &off, NULL);
}

static void doorbell_watch(void)
{
	const struct itimerval limit = {
		.it_interval = { .tv_usec = DOORBELL_LIMIT_US },
		.it_value = { .tv_usec = DOORBELL_LIMIT_US },
	};
	struct sigaction sa = { .sa_handler = doorbell_alarm };	/* no SA_RESTART */

	doorbell_watched = 1;
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &limit, NULL);
}

int doorbell_ring(int fd)
{
	const uint64_t one = 1;
	int ret = 0;

	doorbell_rung = doorbell_ringing = 1;
	if (!doorbell_watched)
		doorbell_watch();
	if (write(fd, &one, sizeof(one)) != sizeof(one) && errno != EAGAIN)
		ret = -EBUSY;
	doorbell_ringing = 0;
	return ret;
}

void doorbell_answer(int fd)
{
	uint64_t count;
	struct iovec iov = { &count, sizeof(count) };

	/* Its owner may have read it before us, and have made it blocking. */
	if (preadv2(fd, &iov, 1, -1, RWF_NOWAIT) < 0)
		return;
}
