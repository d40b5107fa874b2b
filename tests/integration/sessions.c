/* SPDX-License-Identifier: BSD-2-Clause */
/* sessions.c - Clients of a VDE switch that come and go, as fast as they can
 *
 * sessions DIR COUNT [NAME]
 *
 * Carries out COUNT sessions, in rounds of ROUND: most of them whole (connect,
 * request, answer, data socket connected, close), one after the other; then a
 * burst of BURST that do not wait for their answers; then some that break off
 * in the middle, each at another step, by closing or by being killed.
 *
 * A whole session must be answered. Where it is refused (the switch may still be
 * busy with the burst before it), it is tried again for PATIENCE_MS. What the
 * switch has kept afterwards is the caller's to see.
 *
 * NAME tells apart several that run at once.
 *
 * What it is not: a measurement; and it sends no frames (see vde-load.c).
 *
 * Exit status: 0, with a line of figures; 1 if a session was not answered.
 */
#include "config.h"

#include <inttypes.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tests/integration/tool.h"

enum {
	REQUEST_SIZE = 122,		/* version 3 without a description */
	REQUEST_ADDR = 12,
	ADDR_SIZE = 110,
	PATIENCE_MS = 2000,
	ROUND = 1000,
	BURST = 400,
	BROKEN = 60,			/* of a round, broken off */
	KILLED = 6,			/* of a round, killed */
};

/* How far a session gets. */
enum stage {
	STAGE_CONNECTED,
	STAGE_BEGUN,			/* a part of the request is sent */
	STAGE_ASKED,
	STAGE_ANSWERED,
	STAGE_PLUGGED,
	STAGES,
};

static const char *dir, *who = "one";
static uint64_t done, again, slowest_ns;

/* The address of a file in DIR: ctl, or one of ours. */
static struct sockaddr_un address(const char *name)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	if (snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/%s", dir, name) >=
	    (int)sizeof(sa.sun_path))
		die(TOOL_BROKEN, "%s: name too long", dir);
	return sa;
}

static struct sockaddr_un own_address(unsigned int n)
{
	char name[64];

	snprintf(name, sizeof(name), ".session-%s-%u", who, n);
	return address(name);
}

static int socket_of(int type)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die(TOOL_BROKEN, "socket: %s", strerror(errno));
	return fd;
}

/* Read the answer. Return: false if the switch closed the connection. */
static bool answered(int ctl, struct sockaddr_un *sa)
{
	uint8_t buf[ADDR_SIZE];
	size_t got = 0;
	ssize_t n;

	while (got < sizeof(buf)) {
		if (!readable(ctl, PATIENCE_MS))
			die(TOOL_FAILED, "after %" PRIu64 " sessions: no answer in %d ms",
			    done, PATIENCE_MS);
		n = recv(ctl, buf + got, sizeof(buf) - got, 0);
		if (n <= 0)
			return false;
		got += (size_t)n;
	}
	memcpy(sa, buf, sizeof(buf));
	return true;
}

/* One session, up to @stage; and killed there if @killed. Return: false if it was
 * refused. @n tells the socket's file from others; it is gone afterwards, unless killed. */
static bool session(unsigned int n, enum stage stage, bool killed)
{
	struct sockaddr_un own = own_address(n), ctl_sa = address("ctl"), peer = { 0 };
	const uint32_t head[3] = { 0xfeedface, 3, 0 };
	int ctl = socket_of(SOCK_STREAM), data = socket_of(SOCK_DGRAM);
	size_t size = stage == STAGE_BEGUN ? REQUEST_SIZE / 2 : REQUEST_SIZE;
	uint8_t req[REQUEST_SIZE] = { 0 };
	bool ok = true;

	memcpy(req, head, sizeof(head));
	memcpy(req + REQUEST_ADDR, &own, ADDR_SIZE);
	if (connect(ctl, (struct sockaddr *)&ctl_sa, sizeof(ctl_sa)) < 0)
		die(TOOL_FAILED, "after %" PRIu64 " sessions: %s: %s", done,
		    ctl_sa.sun_path, strerror(errno));
	unlink(own.sun_path);		/* of one that failed before */
	if (bind(data, (struct sockaddr *)&own, sizeof(own)) < 0)
		die(TOOL_BROKEN, "%s: %s", own.sun_path, strerror(errno));
	if (stage >= STAGE_BEGUN)
		ok = send(ctl, req, size, MSG_NOSIGNAL) == (ssize_t)size;
	if (ok && stage >= STAGE_ANSWERED)
		ok = answered(ctl, &peer);
	if (ok && stage >= STAGE_PLUGGED)
		ok = connect(data, (struct sockaddr *)&peer, sizeof(peer)) == 0;
	if (killed)
		raise(SIGKILL);
	unlink(own.sun_path);
	close(ctl);
	close(data);
	return ok;
}

static void whole_session(void)
{
	uint64_t start = now_ns(), until = start + PATIENCE_MS * 1000000ULL;

	while (!session(0, STAGE_PLUGGED, false)) {
		again++;
		if (now_ns() > until)
			die(TOOL_FAILED, "after %" PRIu64 " sessions: refused for %d ms",
			    done, PATIENCE_MS);
		sleep_us(1000);
	}
	if (now_ns() - start > slowest_ns)
		slowest_ns = now_ns() - start;
}

static void killed_session(enum stage stage)
{
	pid_t child = fork();
	struct sockaddr_un sa;

	if (child < 0)
		die(TOOL_BROKEN, "fork: %s", strerror(errno));
	if (child == 0)
		session(0, stage, true);
	waitpid(child, NULL, 0);
	sa = own_address(0);
	unlink(sa.sun_path);
}

int main(int argc, char **argv)
{
	uint64_t count, n, start = now_ns();

	if (argc != 3 && argc != 4)
		die(TOOL_BROKEN, "usage: sessions DIR COUNT [NAME]");
	dir = argv[1];
	if (argc == 4)
		who = argv[3];
	count = number("COUNT", argv[2], 100000000);
	for (; done < count; done++) {
		n = done % ROUND;
		if (n < BURST)
			session((unsigned int)n, STAGE_ASKED, false);
		else if (n < BURST + BROKEN)
			session((unsigned int)n, (enum stage)(n % STAGES), false);
		else if (n < BURST + BROKEN + KILLED)
			killed_session((enum stage)(n % STAGES));
		else
			whole_session();
	}
	printf("%" PRIu64 " sessions in %.1f s, slowest %.1f ms, %" PRIu64 " tried again\n",
	       done, (double)(now_ns() - start) / 1e9, (double)slowest_ns / 1e6, again);
	return TOOL_OK;
}
