/* SPDX-License-Identifier: BSD-2-Clause */
/* restart.c - The switch killed, and what its lanbox:// plugs make of it
 *
 * DOC: Theory of operation
 *
 * restart MODE DIR SWITCH [OPTION...] starts a switch in DIR, kills it with SIGKILL,
 * and starts it again, over and over, with libvdeplug connections in this process:
 *
 *   traffic   Three plugs, each of which sends to the next all the time. One receives
 *             in a vde_recv() that waits, one polls before each, one drains a
 *             non-blocking descriptor.
 *   listen    A plug that sends nothing and waits.
 *   send      A plug that sends a frame now and then, and never receives.
 *
 * "Back" is a plug's receiver when it has a frame that was sent after the new switch
 * was started. That must be within BACK_MS of when the switch could be connected to.
 *
 * Frames carry a number and the time at which they were sent, and a sender remembers
 * the times of the last ones. A frame may be lost if it was sent between just before
 * the switch was killed and when the receiver was back; one may come twice or late if
 * it was sent just before the kill, or later. Any other time is an error. As each
 * plug then has more peace than "just before" is long, an error cannot hide behind
 * the next kill.
 *
 * At the end the rings themselves are looked at, in the memory of the plugs
 * (plug/ringconn.c): with nothing on its way all transmit buffers must be back, all
 * receive buffers must be with the switch, and each of them once. Then the switch is
 * stopped, and as many frames as a ring has entries must be sent without waiting: the
 * plug, too, knows that it has them all.
 */
#include "config.h"

#include <dirent.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <libvdeplug.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "lib/vring_driver.h"
#include "plug/ringconn.h"
#include "tests/integration/tool.h"

enum {
	PLUGS = 3,
	BURST = 32,		/* frames a turn */
	TURN_US = 1000,
	KEPT = 1 << 18,		/* times that a sender remembers */
	SIZE = 300,
	LONG = 5000,		/* every LONG_EVERY-th frame takes several buffers */
	LONG_EVERY = 16,
	JUST_BEFORE_MS = 50,
	PEACE_MS = 100,		/* and up to as much again */
	AWAY_MS = 300,		/* every fourth time the switch is away so long */
	BACK_MS = 1000,
	PATIENCE_MS = 5000,
	LONELY = 4,
};

/** struct load - What follows the Ethernet header */
struct load {
	uint64_t number;
	uint64_t sent_ns;
	uint64_t check;
};

enum how { WAITS, POLLS, DRAINS };

/**
 * struct plug - A connection, what it sends, and what it gets from the one before
 * @conn:	libvdeplug's
 * @fd:		Its data descriptor
 * @mac:	Our address there
 * @how:	How it receives
 * @to:		Whom it sends to
 * @sent_ns:	When each frame was sent, by the low bits of its number
 * @sent:	Frames sent
 * @next:	The number expected next
 * @got:	Frames got, repeated ones aside
 * @lost:	Frames lost
 * @repeated:	Frames that came again, or late
 * @life:	The switch's life in which it was last seen to be back
 * @back_ns:	Since when
 */
struct plug {
	VDECONN *conn;
	int fd;
	uint8_t mac[6];
	enum how how;
	struct plug *to;
	pthread_t sender, receiver;
	atomic_uint_fast64_t sent_ns[KEPT];
	atomic_uint_fast64_t sent;
	uint64_t next;
	atomic_uint_fast64_t got, lost, repeated;
	atomic_uint life;
	atomic_uint_fast64_t back_ns;
};

static struct plug plugs[PLUGS];
static atomic_bool quiet;

/* The switch: its lives are counted. */
static const char *dir;
static char **switch_argv;
static pid_t switch_pid;
static atomic_uint life = 1;
static atomic_uint_fast64_t killed_ns, started_ns;
static uint64_t ready_ns;

static void on_exit_kill(void)
{
	if (switch_pid <= 0)
		return;
	kill(switch_pid, SIGKILL);
	waitpid(switch_pid, NULL, 0);
}

static void on_signal(int sig)
{
	static const char text[] = "restart: no end in sight, giving up\n";

	on_exit_kill();
	if (sig == SIGALRM && write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(TOOL_BROKEN);
	_exit(TOOL_BROKEN);
}

/* Whether somebody listens at DIR/vhost. */
static bool switch_is_ready(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool good;

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/vhost", dir);
	good = !connect(fd, (struct sockaddr *)&sa, sizeof(sa));
	close(fd);
	return good;
}

static void switch_start(void)
{
	uint64_t now = now_ns();
	int status;

	errno = posix_spawnp(&switch_pid, switch_argv[0], NULL, NULL, switch_argv, environ);
	if (errno)
		die(TOOL_BROKEN, "%s: %s", switch_argv[0], strerror(errno));
	atomic_store(&started_ns, now);
	while (!switch_is_ready()) {
		if (waitpid(switch_pid, &status, WNOHANG) == switch_pid)
			die(TOOL_FAILED, "life %u: the switch ended, status 0x%x", life, status);
		if (now_ns() - now > PATIENCE_MS * 1000000ULL)
			die(TOOL_FAILED, "life %u: the switch does not listen", life);
		sleep_us(1000);
	}
	ready_ns = now_ns();
}

static void switch_kill(void)
{
	int status;

	atomic_store(&started_ns, UINT64_MAX);
	atomic_store(&killed_ns, now_ns());
	atomic_fetch_add(&life, 1);
	kill(switch_pid, SIGKILL);
	if (waitpid(switch_pid, &status, 0) != switch_pid || !WIFSIGNALED(status) ||
	    WTERMSIG(status) != SIGKILL)
		die(TOOL_FAILED, "life %u: the switch did not die of our hand, status 0x%x",
		    life, status);
	switch_pid = -1;
}

/* Plugs. */

static void plug_open(struct plug *p, unsigned int number, enum how how)
{
	char name[4096], descr[] = "restart";

	snprintf(name, sizeof(name), "lanbox://%s", dir);
	memcpy(p->mac, "\x02kill", 5);
	p->mac[5] = (uint8_t)number;
	p->how = how;
	p->conn = vde_open(name, descr, NULL);
	if (!p->conn)
		die(TOOL_FAILED, "%s: cannot open: %s", name, strerror(errno));
	p->fd = vde_datafd(p->conn);
	if (how == DRAINS && fcntl(p->fd, F_SETFL, O_NONBLOCK) < 0)
		die(TOOL_BROKEN, "O_NONBLOCK: %s", strerror(errno));
}

static uint64_t checksum(const struct load *l, size_t size)
{
	return (l->number * 0x9e3779b97f4a7c15U ^ l->sent_ns) + size;
}

/* Send the next frame to @mac. */
static void plug_send(struct plug *p, const uint8_t *mac)
{
	uint64_t number = atomic_load(&p->sent);
	static _Thread_local uint8_t frame[LONG];
	struct load load = { .number = number };
	size_t size = number % LONG_EVERY ? SIZE : LONG;

	memcpy(frame, mac, 6);
	memcpy(frame + 6, p->mac, 6);
	frame[12] = 0x88;	/* IEEE 802, local experimental 1 */
	frame[13] = 0xb5;
	load.sent_ns = now_ns();
	load.check = checksum(&load, size);
	memcpy(frame + 14, &load, sizeof(load));
	memset(frame + 14 + sizeof(load), (int)number, size - 14 - sizeof(load));
	atomic_store(&p->sent_ns[number % KEPT], load.sent_ns);
	atomic_store(&p->sent, number + 1);
	if (vde_send(p->conn, frame, size, 0) != (ssize_t)size)
		die(TOOL_FAILED, "vde_send: %s", strerror(errno));
}

static void *plug_send_run(void *arg)
{
	struct plug *p = arg;

	while (!atomic_load(&quiet)) {
		for (unsigned int i = 0; i < BURST; i++)
			plug_send(p, p->to->mac);
		sleep_us(TURN_US);
	}
	return NULL;
}

/* One frame, or nothing for now. Return: its size or 0. */
static size_t plug_recv(struct plug *p, uint8_t *buf, size_t room)
{
	ssize_t n;

	if (p->how == POLLS && !readable(p->fd, 100))
		return 0;
	n = vde_recv(p->conn, buf, room, 0);
	if (n < 0 && errno == EAGAIN && p->how == DRAINS)
		readable(p->fd, 100);
	else if (n < 0)
		die(TOOL_FAILED, "vde_recv: %s", strerror(errno));
	return n > 1 ? (size_t)n : 0;
}

/* Whether a frame is whole; copies its load out. */
static bool frame_is_good(const uint8_t *frame, size_t n, struct load *load)
{
	if (n < 14 + sizeof(*load))
		return false;
	memcpy(load, frame + 14, sizeof(*load));
	for (size_t i = 14 + sizeof(*load); i < n; i++)
		if (frame[i] != (uint8_t)load->number)
			return false;
	return n == (load->number % LONG_EVERY ? SIZE : LONG) &&
	       load->check == checksum(load, n);
}

/* What may be amiss with a frame that was sent then? */
static void plug_excuse(const struct plug *p, const char *what, uint64_t number, uint64_t when)
{
	uint64_t killed = atomic_load(&killed_ns);

	if (when + JUST_BEFORE_MS * 1000000ULL < killed)
		die(TOOL_FAILED, "life %u: plug %d: frame %" PRIu64 " %s, sent %" PRIu64
		    " us before the switch was killed", life, (int)(p - plugs), number, what,
		    (killed - when) / 1000);
	if (atomic_load(&p->life) == atomic_load(&life) && when > atomic_load(&p->back_ns))
		die(TOOL_FAILED, "life %u: plug %d: frame %" PRIu64 " %s, sent %" PRIu64
		    " us after the plug was back", life, (int)(p - plugs), number, what,
		    (when - atomic_load(&p->back_ns)) / 1000);
}

static void plug_account(struct plug *p, const struct plug *from, const struct load *load)
{
	uint64_t now = now_ns();

	if (load->number < p->next) {
		plug_excuse(p, "came again, or late", load->number, load->sent_ns);
		atomic_fetch_add(&p->repeated, 1);
		return;
	}
	if (load->number > p->next) {
		uint64_t last = load->number - 1;

		if (last - p->next >= KEPT - BURST)
			die(TOOL_FAILED, "plug %d: %" PRIu64 " frames lost at one go",
			    (int)(p - plugs), last - p->next + 1);
		plug_excuse(p, "is lost", p->next,
			    atomic_load(&from->sent_ns[p->next % KEPT]));
		plug_excuse(p, "is lost", last, atomic_load(&from->sent_ns[last % KEPT]));
		atomic_fetch_add(&p->lost, load->number - p->next);
	}
	p->next = load->number + 1;
	if (load->sent_ns > atomic_load(&started_ns) &&
	    atomic_load(&p->life) != atomic_load(&life)) {
		atomic_store(&p->back_ns, now);
		atomic_store(&p->life, atomic_load(&life));
	}
	atomic_fetch_add(&p->got, 1);
}

static void *plug_recv_run(void *arg)
{
	static _Thread_local uint8_t frame[2 * LONG];
	struct plug *p = arg, *from = plugs;
	struct load load;
	size_t n;

	while (from->to != p)
		from++;
	for (;;) {
		n = plug_recv(p, frame, sizeof(frame));
		/* Of a new switch that does not know them yet they get other's, too. */
		if (!n || memcmp(frame, p->mac, 6))
			continue;
		if (memcmp(frame + 6, from->mac, 6) || !frame_is_good(frame, n, &load))
			die(TOOL_FAILED, "life %u: plug %d: a frame of %zu bytes that was never "
			    "sent", life, (int)(p - plugs), n);
		plug_account(p, from, &load);
	}
	return NULL;
}

static void thread_start(pthread_t *thread, void *(*run)(void *), void *arg)
{
	errno = pthread_create(thread, NULL, run, arg);
	if (errno)
		die(TOOL_BROKEN, "cannot start a thread: %s", strerror(errno));
}

/* Wait until all are back. Return: how long it took after the switch was ready. */
static unsigned int plugs_wait(unsigned int count)
{
	uint64_t longest = 0;

	for (struct plug *p = plugs; p < plugs + count; p++) {
		while (atomic_load(&p->life) != atomic_load(&life)) {
			if (now_ns() > ready_ns + PATIENCE_MS * 1000000ULL)
				die(TOOL_FAILED, "life %u: plug %d did not come back within %d ms",
				    life, (int)(p - plugs), PATIENCE_MS);
			sleep_us(200);
		}
		if (atomic_load(&p->back_ns) > ready_ns + longest)
			longest = atomic_load(&p->back_ns) - ready_ns;
	}
	if (longest > BACK_MS * 1000000ULL)
		die(TOOL_FAILED, "life %u: a plug came back after %" PRIu64 " ms", life,
		    longest / 1000000U);
	return (unsigned int)(longest / 1000000U);
}

/* At the end. */

static unsigned int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	if (!d)
		die(TOOL_BROKEN, "/proc/self/fd: %s", strerror(errno));
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Where the plugs' memory is. Return: how many there are. */
static unsigned int find_memory(const uint8_t **mem, unsigned int most)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned int n = 0;
	uintptr_t start;
	char line[512];

	if (!f)
		die(TOOL_BROKEN, "/proc/self/maps: %s", strerror(errno));
	while (fgets(line, sizeof(line), f))
		if (strstr(line, "memfd:lanbox-plug") && n < most &&
		    sscanf(line, "%" SCNxPTR, &start) == 1)
			mem[n++] = (const uint8_t *)start;
	fclose(f);
	return n;
}

struct ring {
	const struct vring_avail *avail;
	const struct vring_used *used;
};

static struct ring ring_at(const uint8_t *mem)
{
	const struct vring_layout l = vring_layout(RINGCONN_RING);

	return (struct ring){ (const void *)(mem + l.avail), (const void *)(mem + l.used) };
}

static unsigned int ring_away(const struct ring *r)
{
	return (uint16_t)(__atomic_load_n(&r->avail->idx, __ATOMIC_ACQUIRE) -
			  __atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE));
}

static void check_rings(void)
{
	const size_t ring = (vring_layout(RINGCONN_RING).size + 4095) & ~(size_t)4095;
	const uint8_t *mem[PLUGS + 1];

	if (find_memory(mem, PLUGS + 1) != PLUGS)
		die(TOOL_FAILED, "not %d mappings of plugs", PLUGS);
	for (unsigned int i = 0; i < PLUGS; i++) {
		struct ring rx = ring_at(mem[i]);
		struct ring tx = ring_at(mem[i] + ring + (size_t)RINGCONN_RING * RINGCONN_BUF);
		bool seen[RINGCONN_RING] = { false };

		if (ring_away(&rx) != RINGCONN_RING)
			die(TOOL_FAILED, "the switch has %u receive buffers, not %d",
			    ring_away(&rx), RINGCONN_RING);
		if (ring_away(&tx))
			die(TOOL_FAILED, "the switch keeps %u frames sent", ring_away(&tx));
		for (unsigned int n = 0; n < RINGCONN_RING; n++) {
			uint16_t id = rx.avail->ring[n];

			if (id >= RINGCONN_RING || seen[id])
				die(TOOL_FAILED, "receive buffer %u is there twice", id);
			seen[id] = true;
		}
	}
}

/* As many frames as a ring has entries go without waiting for anybody. */
static void check_room(void)
{
	uint64_t start, took;

	kill(switch_pid, SIGSTOP);
	for (struct plug *p = plugs; p < plugs + PLUGS; p++) {
		uint8_t frame[60] = { 0x02, 'n', 'o', 'b', 'o', 'd', 0x02 };

		start = now_ns();
		for (unsigned int i = 0; i < RINGCONN_RING; i++)
			vde_send(p->conn, frame, sizeof(frame), 0);
		took = now_ns() - start;
		if (took > RINGCONN_SEND_MS * 500000ULL)
			die(TOOL_FAILED, "plug %d waited %" PRIu64 " ms for room in an empty ring",
			    (int)(p - plugs), took / 1000000U);
		start = now_ns();
		vde_send(p->conn, frame, sizeof(frame), 0);
		if (now_ns() - start < RINGCONN_SEND_MS * 500000ULL)
			die(TOOL_FAILED, "plug %d had room in a full ring", (int)(p - plugs));
	}
	kill(switch_pid, SIGCONT);
}

/* Modes. */

static void mode_traffic(unsigned int times, unsigned int seconds)
{
	uint64_t got = 0, lost = 0, repeated = 0, end, start = now_ns(), total = 0;
	unsigned int longest = 0, n, ms, fds;

	switch_start();
	for (unsigned int i = 0; i < PLUGS; i++) {
		plug_open(&plugs[i], i, (enum how)i);
		plugs[i].to = &plugs[(i + 1) % PLUGS];
	}
	for (struct plug *p = plugs; p < plugs + PLUGS; p++) {
		thread_start(&p->receiver, plug_recv_run, p);
		thread_start(&p->sender, plug_send_run, p);
	}
	plugs_wait(PLUGS);
	fds = count_fds();
	for (n = 0; n < times && (!seconds || now_ns() - start < seconds * 1000000000ULL); n++) {
		sleep_us((PEACE_MS + now_ns() % PEACE_MS) * 1000);
		switch_kill();
		if (n % 4 == 3)
			sleep_us(AWAY_MS * 1000);
		switch_start();
		ms = plugs_wait(PLUGS);
		total += ms;
		longest = ms > longest ? ms : longest;
	}
	sleep_us((uint64_t)PEACE_MS * 1000);
	atomic_store(&quiet, true);
	for (struct plug *p = plugs; p < plugs + PLUGS; p++)
		pthread_join(p->sender, NULL);
	end = now_ns() + PATIENCE_MS * 1000000ULL;
	for (struct plug *p = plugs; p < plugs + PLUGS; p++) {
		while (atomic_load(&p->sent) > atomic_load(&p->to->got) +
		       atomic_load(&p->to->lost) && now_ns() < end)
			sleep_us(1000);
		if (atomic_load(&p->sent) != atomic_load(&p->to->got) + atomic_load(&p->to->lost))
			die(TOOL_FAILED, "plug %d: %" PRIu64 " of its last frames did not come",
			    (int)(p - plugs), atomic_load(&p->sent) -
			    atomic_load(&p->to->got) - atomic_load(&p->to->lost));
		got += atomic_load(&p->got);
		lost += atomic_load(&p->lost);
		repeated += atomic_load(&p->repeated);
	}
	printf("killed %u times: back after %" PRIu64 " ms on average, %u at most; %" PRIu64
	       " frames, %" PRIu64 " lost, %" PRIu64 " repeated or late\n", n,
	       n ? total / n : 0, longest, got, lost, repeated);
	sleep_us(100000);
	check_rings();
	check_room();
	if (count_fds() != fds)
		die(TOOL_FAILED, "%u descriptors, then %u", fds, count_fds());
}

static const uint8_t everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

/* Receive until there is a frame of this life. */
static void lonely_recv(struct plug *p)
{
	uint8_t frame[2 * LONG];
	struct load load;

	while (atomic_load(&p->life) != atomic_load(&life)) {
		size_t n = plug_recv(p, frame, sizeof(frame));

		if (n && frame_is_good(frame, n, &load) &&
		    load.sent_ns > atomic_load(&started_ns)) {
			atomic_store(&p->back_ns, now_ns());
			atomic_store(&p->life, atomic_load(&life));
		}
	}
}

static void *lonely_recv_run(void *arg)
{
	for (;;) {
		lonely_recv(arg);
		sleep_us(1000);
	}
	return NULL;
}

static void *lonely_send_run(void *arg)
{
	while (!atomic_load(&quiet)) {
		plug_send(arg, everybody);
		sleep_us(20000);
	}
	return NULL;
}

/* One that listens; whom it hears was not there before. */
static void mode_listen(void)
{
	struct plug *p = plugs, *other = plugs + 1;
	unsigned int longest = 0, ms;

	for (unsigned int n = 0; n < 3 * LONELY; n++) {
		if (n % LONELY == 0) {
			/* The one before keeps listening. */
			p = &plugs[n / LONELY];
			if (!n)
				switch_start();
			plug_open(p, n / LONELY, (enum how)(n / LONELY));
			thread_start(&p->receiver, lonely_recv_run, p);
		}
		sleep_us(50000);
		switch_kill();
		sleep_us(n % 2 * AWAY_MS * 1000U);
		switch_start();
		other = calloc(1, sizeof(*other));
		if (!other)
			die(TOOL_BROKEN, "out of memory");
		plug_open(other, 99, POLLS);
		thread_start(&other->sender, lonely_send_run, other);
		ms = plugs_wait(n / LONELY + 1);
		atomic_store(&quiet, true);
		pthread_join(other->sender, NULL);
		atomic_store(&quiet, false);
		longest = ms > longest ? ms : longest;
		vde_close(other->conn);
		free(other);
	}
	printf("back after %u ms at most\n", longest);
}

/* One that sends; who hears it was not there before. */
static void mode_send(void)
{
	struct plug *p = &plugs[1], *other = &plugs[0];
	unsigned int longest = 0, ms;

	switch_start();
	plug_open(p, 1, WAITS);
	thread_start(&p->sender, lonely_send_run, p);
	for (unsigned int n = 0; n < LONELY; n++) {
		sleep_us(50000);
		switch_kill();
		sleep_us(n % 2 * AWAY_MS * 1000U);
		switch_start();
		plug_open(other, 99, POLLS);
		while (atomic_load(&other->life) != atomic_load(&life)) {
			uint8_t frame[2 * LONG];
			struct load load;
			size_t size = plug_recv(other, frame, sizeof(frame));

			if (size && frame_is_good(frame, size, &load) &&
			    load.sent_ns > atomic_load(&started_ns)) {
				atomic_store(&other->back_ns, now_ns());
				atomic_store(&other->life, atomic_load(&life));
			}
			if (now_ns() > ready_ns + PATIENCE_MS * 1000000ULL)
				break;
		}
		ms = plugs_wait(1);
		longest = ms > longest ? ms : longest;
		vde_close(other->conn);
	}
	printf("back after %u ms at most\n", longest);
}

static const char usage_text[] =
	"usage: restart [-n TIMES] [-l SECONDS] traffic|listen|send DIR SWITCH [OPTION...]\n"
	"Kills the switch TIMES times (1000), no longer than for SECONDS (0: no limit).\n"
	"SWITCH is started with -s DIR --nostdin and the options.\n";

int main(int argc, char **argv)
{
	unsigned int times = 1000, seconds = 0;
	const char *mode;
	int c;

	while ((c = getopt(argc, argv, "+n:l:")) != -1) {
		if (c == 'n')
			times = (unsigned int)number("times", optarg, 1000000);
		else if (c == 'l')
			seconds = (unsigned int)number("seconds", optarg, 1000000);
		else
			argc = 0;
	}
	if (argc - optind < 3)
		die(TOOL_BROKEN, "%s", usage_text);
	mode = argv[optind];
	dir = argv[optind + 1];
	switch_argv = calloc((size_t)argc + 4, sizeof(*switch_argv));
	if (!switch_argv)
		die(TOOL_BROKEN, "out of memory");
	for (int i = optind + 2, n = 0; i < argc; i++) {
		switch_argv[n++] = argv[i];
		if (i == optind + 2) {
			switch_argv[n++] = (char *)(uintptr_t)"-s";
			switch_argv[n++] = argv[optind + 1];
			switch_argv[n++] = (char *)(uintptr_t)"--nostdin";
		}
	}
	atexit(on_exit_kill);
	signal(SIGALRM, on_signal);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	watchdog(seconds ? seconds + 60 : 60 + times);
	if (!strcmp(mode, "traffic"))
		mode_traffic(times, seconds);
	else if (!strcmp(mode, "listen"))
		mode_listen();
	else if (!strcmp(mode, "send"))
		mode_send();
	else
		die(TOOL_BROKEN, "%s", usage_text);
	return TOOL_OK;
}
