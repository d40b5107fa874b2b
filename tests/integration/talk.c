/* SPDX-License-Identifier: BSD-2-Clause */
/* talk.c - Say something to a management console and print the answer
 *
 * talk [OPTION...] SOCKET [TEXT...]
 *
 * Connects, waits for the first prompt, writes each TEXT with a write() of its
 * own (\n, \r and \\ are understood; -g MS between two writes), and copies all
 * that comes to standard output. It ends when as many prompts came as TEXTs
 * have line ends (or -n N), or when the console closes the connection.
 *
 * How the text is cut into writes is up to the caller: that is the point. With
 * -s nothing is read until all is written; with -1 each TEXT waits for the prompt
 * after the one before. -p NAME is for consoles whose prompt is not "vde$ ".
 *
 * Exit status: 0; 1 if the console fell silent for TALK_PATIENCE_MS before the
 * last prompt; 2 if there is no console.
 */
#include "config.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/integration/tool.h"

enum { TALK_PATIENCE_MS = 3000 };

static char prompt[64] = "\nvde$ ";

/* Replace escapes in place. Return: new length. */
static size_t unescape(char *s)
{
	char *to = s;

	for (const char *p = s; *p; p++) {
		if (*p != '\\' || !p[1]) {
			*to++ = *p;
			continue;
		}
		p++;
		*to++ = *p;
		if (*p == 'n')
			to[-1] = '\n';
		else if (*p == 'r')
			to[-1] = '\r';
	}
	return (size_t)(to - s);
}

/* Copy what comes until @n prompts have come. Return: false if the console
 * closed the connection. */
static bool listen_for(int fd, unsigned int n)
{
	size_t matched = 0;
	char c;

	while (n) {
		if (!readable(fd, TALK_PATIENCE_MS))
			die(TOOL_FAILED, "%u prompts still to come", n);
		if (recv(fd, &c, 1, 0) <= 0)
			return false;
		putchar(c);
		if (c != prompt[matched])
			matched = 0;
		if (c == prompt[matched])
			matched++;
		if (!prompt[matched]) {
			matched = 0;
			n--;
		}
	}
	return true;
}

static int console_connect(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		die(TOOL_BROKEN, "%s: %s", path, strerror(errno));
	return fd;
}

int main(int argc, char **argv)
{
	unsigned int prompts = 0, gap_ms = 0;
	bool count = true, speak_first = false, one_by_one = false;
	int fd, c;

	while ((c = getopt(argc, argv, "1n:g:p:s")) != -1) {
		switch (c) {
		case '1':
			one_by_one = true;
			count = false;
			break;
		case 'p':
			snprintf(prompt, sizeof(prompt), "\n%s ", optarg);
			break;
		case 'n':
			prompts = (unsigned int)number("-n", optarg, 1000000);
			count = false;
			break;
		case 'g':
			gap_ms = (unsigned int)number("-g", optarg, 10000);
			break;
		case 's':
			speak_first = true;
			break;
		default:
			return TOOL_BROKEN;
		}
	}
	if (optind >= argc)
		die(TOOL_BROKEN,
		    "usage: talk [-n PROMPTS] [-g MS] [-p PROMPT] [-s] [-1] SOCKET [TEXT...]");
	watchdog(60);
	setlinebuf(stdout);		/* somebody may be looking on */
	signal(SIGPIPE, SIG_IGN);
	fd = console_connect(argv[optind]);
	if (speak_first)
		prompts++;
	else if (!listen_for(fd, 1))
		return TOOL_OK;
	for (int i = optind + 1; i < argc; i++) {
		size_t len = unescape(argv[i]);

		for (size_t j = 0; count && j < len; j++)
			prompts += argv[i][j] == '\n';
		if (send(fd, argv[i], len, MSG_NOSIGNAL) < 0)
			break;
		sleep_us(gap_ms * 1000U);
		if (one_by_one && !listen_for(fd, 1))
			break;
	}
	listen_for(fd, prompts);
	return TOOL_OK;
}
