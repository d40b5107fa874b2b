/* SPDX-License-Identifier: BSD-2-Clause */
/* watch.c - The switch under test, seen from outside; the essay is in front.h */
#include "config.h"

#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "tests/vhost/front.h"

enum {
	START_MS = 10000,
	CONSOLE_MS = 3000,
	LAST_WORDS = 800,	/* bytes of its log */
};

struct sw sw = { .console = -1 };

static void NORETURN broken(const char *what, const char *why)
{
	printf("Bail out! %s: %s\n", what, why);
	exit(99);
}

uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void sleep_ms(unsigned int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

uint64_t random64(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* The console. */

/* Read up to the prompt. Return: whether it came. */
static bool console_read(char *out, size_t size)
{
	uint64_t end = now_us() + CONSOLE_MS * 1000;
	static const char prompt[] = "\nvde$ ";
	size_t n = 0;

	for (;;) {
		struct pollfd p = { .fd = sw.console, .events = POLLIN };
		ssize_t got;

		out[n] = 0;
		if (n >= sizeof(prompt) - 1 &&
		    !strcmp(out + n - (sizeof(prompt) - 1), prompt))
			return true;
		if (now_us() > end || n == size - 1)
			return false;
		if (poll(&p, 1, 100) <= 0)
			continue;
		got = read(sw.console, out + n, size - 1 - n);
		if (got <= 0)
			return false;
		n += (size_t)got;
	}
}

void sw_console(const char *command, char *out, size_t size)
{
	char line[128];
	int n = snprintf(line, sizeof(line), "%s\n", command);

	*out = 0;
	if (sw.console < 0 || send(sw.console, line, (size_t)n, MSG_NOSIGNAL) != n ||
	    !console_read(out, size))
		snprintf(out, size, "(the console does not answer)");
}

/* What is in the processor's books and the descriptor table. */

static FILE *proc_open(const char *file)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)sw.pid, file);
	return fopen(path, "re");
}

static unsigned int count_fds(void)
{
	unsigned int n = 0;
	char path[64];
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)sw.pid);
	d = opendir(path);
	if (!d)
		return 0;
	for (const struct dirent *e; (e = readdir(d)); )
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void count_maps(struct held *h)
{
	FILE *f = proc_open("maps");
	char line[512];

	h->shared = h->maps = 0;
	while (f && fgets(line, sizeof(line), f)) {
		h->maps++;
		h->shared += strstr(line, "memfd:") || strstr(line, "/anon_hugepage") ||
			     strstr(line, "/dev/shm");
	}
	if (f)
		fclose(f);
}

/* Lines of ports and endpoints, without counters. */
static void read_ports(struct held *h)
{
	char text[PORTS_TEXT], *at = text, *line;
	size_t n = 0;

	sw_console("port/print", text, sizeof(text));
	h->ports[0] = 0;
	while ((line = strsep(&at, "\n")))
		if (strstr(line, "Port ") == line || strstr(line, "endpoint ID"))
			n += (size_t)snprintf(h->ports + n, sizeof(h->ports) - n, "%s\n", line);
}

static void held_now(struct held *h)
{
	h->fds = count_fds();
	count_maps(h);
	read_ports(h);
}

static bool held_same(const struct held *a, const struct held *b)
{
	/* A sanitizer makes mappings of its own. */
	return a->fds == b->fds && a->shared == b->shared &&
	       (sw.sanitized || a->maps == b->maps) && !strcmp(a->ports, b->ports);
}

void sw_held(struct held *h)
{
	static struct held before;

	/* Seen twice to be sure: descriptors come and go with messages. */
	held_now(h);
	for (unsigned int i = 0; i < 50; i++) {
		before = *h;
		sleep_ms(10);
		held_now(h);
		if (held_same(h, &before))
			return;
	}
}

bool sw_holds(const struct held *h, unsigned int ms, char *why, size_t size)
{
	uint64_t end = now_us() + (uint64_t)ms * 1000;
	static struct held now;

	do {
		held_now(&now);
		if (held_same(&now, h))
			return true;
		sleep_ms(10);
	} while (now_us() < end);
	snprintf(why, size, "%u descriptors (%u), %u shared mappings (%u), %u mappings (%u)%s%s",
		 now.fds, h->fds, now.shared, h->shared, now.maps, h->maps,
		 strcmp(now.ports, h->ports) ? ", and these ports:\n" : "",
		 strcmp(now.ports, h->ports) ? now.ports : "");
	return false;
}

uint64_t sw_cpu_us(void)
{
	char path[600];
	uint64_t sum = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)sw.pid);
	d = opendir(path);
	if (!d)
		return 0;
	for (const struct dirent *e; (e = readdir(d)); ) {
		uint64_t ns;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", (int)sw.pid,
			 e->d_name);
		f = e->d_name[0] == '.' ? NULL : fopen(path, "re");
		if (!f)
			continue;
		if (fscanf(f, "%" SCNu64, &ns) == 1)
			sum += ns / 1000;
		fclose(f);
	}
	closedir(d);
	return sum;
}

long sw_rss_kib(void)
{
	FILE *f = proc_open("status");
	char line[128];
	long kib = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "RssAnon: %ld", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib;
}

unsigned int sw_read_log(void)
{
	FILE *f = sw.binary ? fopen(sw.log, "re") : NULL;
	unsigned int lines = 0;
	char line[4096];

	if (!f)
		return 0;
	fseek(f, sw.log_seen, SEEK_SET);
	while (fgets(line, sizeof(line), f)) {
		lines++;
		if (strstr(line, "Sanitizer") || strstr(line, "runtime error"))
			row_fail("the switch's log: %.*s", (int)strcspn(line, "\n"), line);
		for (const char *c = line; *c; c++)
			if (*c != '\n' && ((unsigned char)*c < ' ' || (unsigned char)*c > '~'))
				row_fail("the switch's log has a raw byte 0x%02x",
					 (unsigned char)*c);
	}
	sw.log_seen = ftell(f);
	fclose(f);
	return lines;
}

/* Life. */

/* Who listens on DIR/vhost. Return: its process, or 0. */
static pid_t sw_find(void)
{
	int fd = fd_connect_unix(sw.vhost);
	struct ucred peer = { .pid = 0 };
	socklen_t len = sizeof(peer);

	if (fd < 0)
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		peer.pid = 0;
	close(fd);
	return peer.pid;
}

pid_t sw_spawn(void)
{
	char caller[160];
	const char *argv[] = {
		sw.binary, "-s", sw.dir, "-M", sw.mgmt, "--nostdin", "-n", "64",
		"--vhost-user", "named", "--vhost-user", caller, NULL,
	};
	pid_t pid;
	int fd;

	snprintf(caller, sizeof(caller), "caller,client,path=%s", sw.caller);
	pid = fork();
	if (pid < 0)
		broken("fork", strerror(errno));
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = open(sw.log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	close(fd);
	signal(SIGALRM, SIG_DFL);
	execv(sw.binary, (char **)(uintptr_t)argv);
	_exit(127);
}

void sw_start(void)
{
	uint64_t end = now_us() + START_MS * 1000;
	static struct held h;
	char banner[4096];
	FILE *f;

	if (sw.binary)
		sw.pid = sw_spawn();
	while (!(sw_find() == sw.pid && sw.pid)) {
		if (!sw.binary)
			sw.pid = sw_find();
		if (now_us() > end || (sw.binary && waitpid(sw.pid, NULL, WNOHANG)))
			broken("the switch", "does not start");
		sleep_ms(5);
	}
	do {
		fd_close(&sw.console);
		sw.console = fd_connect_unix(sw.mgmt);
		if (sw.console < 0)
			sleep_ms(5);
	} while (sw.console < 0 && now_us() < end);
	if (sw.console >= 0 && !console_read(banner, sizeof(banner)))
		broken("the switch", "its console says nothing");
	f = proc_open("maps");
	while (f && fgets(banner, sizeof(banner), f))
		sw.sanitized |= strstr(banner, "libasan") || strstr(banner, "libtsan") ||
				strstr(banner, "libubsan");
	if (f)
		fclose(f);
	sw_held(&h);
}

void sw_paths(const char *binary, const char *dir)
{
	sw.binary = binary;
	if (dir[0] != '/')
		broken(dir, "must begin with a slash");
	if (snprintf(sw.dir, sizeof(sw.dir), "%s", dir) >= (int)sizeof(sw.dir))
		broken(dir, "a name too long");
	snprintf(sw.vhost, sizeof(sw.vhost), "%s/vhost", dir);
	snprintf(sw.named, sizeof(sw.named), "%s/named", dir);
	snprintf(sw.caller, sizeof(sw.caller), "%s.caller", dir);
	snprintf(sw.mgmt, sizeof(sw.mgmt), "%s.mgmt", dir);
	snprintf(sw.log, sizeof(sw.log), "%s.log", dir);
}

void sw_open(const char *binary, const char *dir)
{
	sw_paths(binary, dir);
	sw_start();
}

void sw_close(void)
{
	int status;

	fd_close(&sw.console);
	if (!sw.binary || sw.pid <= 0)
		return;
	kill(sw.pid, SIGTERM);
	for (unsigned int i = 0; i < 500; i++) {
		if (waitpid(sw.pid, &status, WNOHANG) == sw.pid) {
			if (!WIFEXITED(status) || WEXITSTATUS(status))
				row_fail("the switch ended with status 0x%x", status);
			sw.pid = 0;
			return;
		}
		sleep_ms(10);
	}
	row_fail("the switch does not end when asked to");
	kill(sw.pid, SIGKILL);
	waitpid(sw.pid, NULL, 0);
	sw.pid = 0;
}

bool sw_lives(void)
{
	int status;

	if (!sw.binary)
		return !kill(sw.pid, 0);
	if (sw.pid > 0 && !waitpid(sw.pid, &status, WNOHANG))
		return true;
	if (sw.pid > 0)
		row_fail("the switch died of %s %d",
			 WIFSIGNALED(status) ? "signal" : "status",
			 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	sw.pid = 0;
	return false;
}

void sw_last_words(void)
{
	char words[LAST_WORDS + 1];
	FILE *log = fopen(sw.log, "r");
	size_t n = 0;

	printf("#   the switch %s\n", sw_lives() ? "lives" : "is dead");
	if (log && !fseek(log, 0, SEEK_END)) {
		long size = ftell(log);

		fseek(log, size > LAST_WORDS ? size - LAST_WORDS : 0, SEEK_SET);
		n = fread(words, 1, LAST_WORDS, log);
	}
	words[n] = 0;
	for (char *rest = words, *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n"))
		printf("#   %s\n", line);
	if (log)
		fclose(log);
}
