/* SPDX-License-Identifier: BSD-2-Clause */
/* test-switch.c - a whole switch in this process, its event loop turned by hand:
 * directory, requests, frames, console, control, capture, pid file, options
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/daemon.h"
#include "lib/fd.h"
#include "lib/pcapfile.h"
#include "lib/qmp_args.h"
#include "lib/vde_wire.h"
#include "switchd/admin.h"
#include "switchd/capture.h"
#include "switchd/options.h"
#include "switchd/vsw.h"

/** struct lan - A switch and where it is */
struct lan {
	char dir[64];
	struct vsw_config cfg;
	struct ev_loop *loop;
	struct vsw *vsw;
};

static int setup(void **state)
{
	struct lan *l = test_calloc(1, sizeof(*l));

	*state = l;
	strcpy(l->dir, "/tmp/unit.XXXXXX");
	assert_non_null(mkdtemp(l->dir));
	l->cfg = (struct vsw_config){
		.dir = l->dir, .mode = 0600, .dirmode = 0700, .gid = (gid_t)-1,
		.mgmtmode = 0600, .mgmtgid = (gid_t)-1, .numports = 4, .hashsize = 128,
	};
	snprintf(l->cfg.mgmt, sizeof(l->cfg.mgmt), "%s.mgmt", l->dir);
	l->loop = ev_loop_new(EVFLAG_AUTO);
	l->vsw = vsw_create(l->loop, &l->cfg);
	assert_non_null(l->vsw);
	return 0;
}

static int teardown(void **state)
{
	struct lan *l = *state;

	vsw_destroy(l->vsw);
	ev_loop_destroy(l->loop);
	assert_int_equal(access(l->dir, F_OK), -1);
	assert_int_equal(access(l->cfg.mgmt, F_OK), -1);
	test_free(l);
	return 0;
}

static void turn(struct lan *l)
{
	for (int i = 0; i < 10; i++)
		ev_run(l->loop, EVRUN_NOWAIT);
}

/** struct client - A VDE client by hand */
struct client {
	int ctl, data;
};

static bool plug(struct lan *l, struct client *c, unsigned int port, size_t cut)
{
	struct vde_request_v3 req = { VDE_MAGIC, VDE_VERSION, port << 8, { AF_UNIX, "" } };
	struct sockaddr_un sa;
	char ctl[96], reply[VDE_SOCKADDR_SIZE];
	bool ok;

	snprintf(ctl, sizeof(ctl), "%s/ctl", l->dir);
	snprintf(req.addr.path, sizeof(req.addr.path), "%s.client", l->dir);
	assert_int_equal(fd_sockaddr(&sa, req.addr.path), 0);
	c->data = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(c->data, (struct sockaddr *)&sa, sizeof(sa)), 0);
	c->ctl = fd_connect_unix(ctl);
	assert_true(c->ctl >= 0);
	assert_int_equal(fd_send(c->ctl, &req, cut, NULL, 0), cut);
	turn(l);
	if (cut < sizeof(req))
		assert_true(fd_send(c->ctl, (char *)&req + cut, sizeof(req) - cut, NULL, 0) > 0);
	turn(l);
	ok = recv(c->ctl, reply, sizeof(reply), MSG_DONTWAIT) == sizeof(reply);
	if (ok) {
		memcpy(&sa, reply, sizeof(sa));
		assert_int_equal(connect(c->data, (struct sockaddr *)&sa, sizeof(sa)), 0);
	}
	unlink(req.addr.path);
	return ok;
}

static void unplug(struct lan *l, struct client *c)
{
	close(c->ctl);
	close(c->data);
	turn(l);
}

static void frame(uint8_t *f, uint8_t dst, uint8_t src)
{
	memset(f, 0, 60);
	memcpy(f, "\2\0\0\0\0", 5);
	memcpy(f + 6, "\2\0\0\0\0", 5);
	f[5] = dst;
	f[11] = src;
}

static void ports(void **state)
{
	struct lan *l = *state;
	struct client c[3];
	uint8_t f[100];

	assert_true(plug(l, &c[0], 0, 122));
	assert_true(plug(l, &c[1], 3, 122));
	/* In two pieces; the next free port is 2. */
	assert_true(plug(l, &c[2], 0, 7));
	assert_non_null(l->vsw->ports[1]);
	assert_non_null(l->vsw->ports[2]);
	assert_non_null(l->vsw->ports[3]);
	frame(f, 9, 1);
	assert_int_equal(send(c[0].data, f, 60, 0), 60);
	turn(l);
	assert_int_equal(recv(c[1].data, f, sizeof(f), 0), 60);
	assert_int_equal(recv(c[2].data, f, sizeof(f), 0), 60);
	assert_int_equal(recv(c[0].data, f, sizeof(f), 0), -1);
	/* Learned: the answer goes to one. */
	frame(f, 1, 2);
	assert_int_equal(send(c[1].data, f, 60, 0), 60);
	turn(l);
	assert_int_equal(recv(c[0].data, f, sizeof(f), 0), 60);
	assert_int_equal(recv(c[2].data, f, sizeof(f), 0), -1);
	assert_int_equal(l->vsw->ports[1]->stats.rx_frames, 1);
	assert_int_equal(l->vsw->ports[1]->stats.tx_frames, 1);
	for (int i = 0; i < 3; i++)
		unplug(l, &c[i]);
	assert_int_equal(l->vsw->active_count, 0);
	assert_int_equal(fdb_count(l->vsw->bridge.fdb), 0);
}

static void refused(void **state)
{
	struct lan *l = *state;
	struct client c;
	char byte;

	assert_false(plug(l, &c, 5, 122));	/* there are 4 */
	assert_int_equal(recv(c.ctl, &byte, 1, MSG_DONTWAIT), 0);
	unplug(l, &c);
	/* Another byte after the request ends the port. */
	assert_true(plug(l, &c, 0, 122));
	assert_int_equal(fd_send(c.ctl, "x", 1, NULL, 0), 1);
	turn(l);
	assert_int_equal(l->vsw->active_count, 0);
	unplug(l, &c);
}

/* Say something on a socket; what is answered. */
static const char *talk(struct lan *l, int fd, const char *text)
{
	static char buf[8192];
	ssize_t n;

	turn(l);
	if (text)
		assert_true(fd_send(fd, text, strlen(text), NULL, 0) > 0);
	turn(l);
	n = recv(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT);
	buf[n > 0 ? n : 0] = 0;
	return buf;
}

static void console(void **state)
{
	struct lan *l = *state;
	int fd = fd_connect_unix(l->cfg.mgmt);

	assert_non_null(strstr(talk(l, fd, NULL), "VDE switch V."));
	assert_string_equal(talk(l, fd, "port/showinfo\n"),
			    "0000 DATA END WITH '.'\nNumports=4\nHUB=false\n"
			    "counters=true\n.\n1000 Success\n\nvde$ ");
	assert_string_equal(talk(l, fd, "nosuch\r\n"),
			    "1038 Function not implemented\n\nvde$ ");
	assert_string_equal(talk(l, fd, "port/print"), "");
	assert_string_equal(talk(l, fd, " 3\n# nothing\n"),
			    "0000 DATA END WITH '.'\n.\n"
			    "1006 No such device or address\n\nvde$ \nvde$ ");
	assert_string_equal(talk(l, fd, "logout\n"), "9999 END OF SESSION");
	close(fd);
}

static void control(void **state)
{
	struct lan *l = *state;
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/control", l->dir);
	fd = fd_connect_unix(path);
	assert_non_null(strstr(talk(l, fd, NULL), "{\"QMP\":"));
	assert_non_null(strstr(talk(l, fd, "{\"execute\":\"query-ports\"}\n"),
			       "CommandNotFound"));
	assert_non_null(strstr(talk(l, fd, "{\"execute\":\"qmp_capabilities\",\"id\":7}\n"),
			       "{\"return\":{},\"id\":7}"));
	assert_non_null(strstr(talk(l, fd, "{\"execute\":\"query-ports\"}\n"),
			       "{\"return\":[]}"));
	assert_non_null(strstr(talk(l, fd, "{nonsense\n"), "JSON parse error"));
	assert_non_null(strstr(talk(l, fd, "{\"execute\":\"capture-start\","
				    "\"arguments\":{\"port\":3}}\n"), "port 3"));
	close(fd);
}

/* A program on the control socket, past its first words. */
static int control_open(struct lan *l)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/control", l->dir);
	fd = fd_connect_unix(path);
	assert_true(fd >= 0);
	assert_non_null(strstr(talk(l, fd, "{\"execute\":\"qmp_capabilities\"}\n"),
			       "{\"return\":{}}"));
	return fd;
}

/* All that can be read from @fd. */
static const char *read_all(struct lan *l, int fd)
{
	static char all[4 << 20];
	size_t size = 0;
	ssize_t got;

	do {
		turn(l);
		got = recv(fd, all + size, sizeof(all) - 1 - size, MSG_DONTWAIT);
		size += got > 0 ? (size_t)got : 0;
	} while (got > 0);
	all[size] = 0;
	return all;
}

/* How often @what is in @text. */
static unsigned int count(const char *text, const char *what)
{
	unsigned int n = 0;

	while ((text = strstr(text, what))) {
		text++;
		n++;
	}
	return n;
}

static void subscribers(void **state)
{
	static const char want[] = "{\"execute\":\"subscribe\",\"arguments\":{\"events\":"
				   "[\"PORT_ADDED\"]}}\n";
	struct lan *l = *state;
	int one = control_open(l), other = control_open(l);
	unsigned int made;
	const char *said;

	assert_non_null(strstr(talk(l, one, want), "{\"return\":{}}"));
	assert_int_equal(admin_port_create(l->vsw, 3, &made), 0);
	said = talk(l, one, NULL);
	assert_ptr_equal(strstr(said, "{\"event\":\"PORT_ADDED\",\"data\":{\"port\":3},"
				"\"timestamp\":{\"seconds\":"), said);
	assert_non_null(strstr(said, "\"sequence\":1}\r\n"));
	assert_string_equal(talk(l, other, NULL), "");
	/* The same twice is one subscription. */
	talk(l, one, want);
	assert_int_equal(admin_port_create(l->vsw, 4, &made), 0);
	assert_int_equal(count(read_all(l, one), "PORT_ADDED"), 1);
	/* Who leaves wants nothing any more. */
	assert_int_not_equal(l->vsw->events.wanted, 0);
	close(one);
	turn(l);
	assert_int_equal(l->vsw->events.wanted, 0);
	assert_int_equal(admin_port_remove(l->vsw, 4), 0);
	assert_int_equal(admin_port_create(l->vsw, 4, &made), 0);
	close(other);
	turn(l);
}

/* Events, so many of them. */
static void provoke(struct lan *l, unsigned int events)
{
	unsigned int made;

	for (unsigned int i = 0; i < events; i++) {
		assert_int_equal(admin_port_create(l->vsw, 3, &made), 0);
		assert_int_equal(admin_port_remove(l->vsw, 3), 0);
	}
}

static void deaf_subscriber(void **state)
{
	enum { EVENTS = 20000 };
	struct lan *l = *state;
	int fd = control_open(l);
	const char *said;
	unsigned int got;
	char lost[64];

	talk(l, fd, "{\"execute\":\"subscribe\"}\n");
	provoke(l, EVENTS);
	/* None went out yet: what waits is as much as may wait. */
	said = read_all(l, fd);
	got = count(said, "PORT_ADDED");
	assert_in_range(got, QMP_EVENTS_MAX / 120, QMP_EVENTS_MAX / 90);
	/* The loss is told where it happened, and only once; later ones are told again. */
	for (unsigned int round = 1; round <= 2; round++) {
		snprintf(lost, sizeof(lost), "\r\n{\"event\":\"EVENTS_LOST\",\"data\":"
			 "{\"count\":%u},", EVENTS - got);
		assert_int_equal(count(said, lost), 1);
		assert_int_equal(count(said, "EVENTS_LOST"), 1);
		assert_null(strstr(strstr(said, "EVENTS_LOST"), "PORT_ADDED"));
		snprintf(lost, sizeof(lost), "\"sequence\":%u}", round * (EVENTS + 1));
		assert_int_equal(count(said, lost), 1);
		provoke(l, EVENTS);
		said = read_all(l, fd);
		got = count(said, "PORT_ADDED");
	}
	close(fd);
	turn(l);
}

static void arguments(void **state UNUSED)
{
	static const struct {
		const char *args, *spec, *why;
	} cases[] = {
		{ "{}", NULL, NULL },
		{ "{}", "a? b?", NULL },
		{ "{\"a\":1,\"b\":2}", "a b", NULL },
		{ "{\"a\":1}", "a b?", NULL },
		{ "{\"a\":1}", NULL, "there is no argument 'a'" },
		{ "{\"a\":1}", "aa? b?", "there is no argument 'a'" },
		{ "{\"aa\":1}", "a?", "there is no argument 'aa'" },
		{ "{\"\":1}", "a?", "there is no argument ''" },
		{ "{\"b\":1}", "a b?", "argument 'a' is missing" },
		{ "{\"a\":1}", "a  b", "argument 'b' is missing" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *args = json_loads(cases[i].args, 0, NULL);
		struct qmp_error err = { 0 };

		assert_non_null(args);
		assert_int_equal(qmp_args_check(args, cases[i].spec, &err), !cases[i].why);
		assert_string_equal(err.desc, cases[i].why ? cases[i].why : "");
		json_decref(args);
	}
}

static void capture(void **state)
{
	struct lan *l = *state;
	struct client c[2];
	uint64_t frames, missed;
	struct pcap_rec_hdr rec;
	uint8_t f[60], buf[1024];
	unsigned int id;
	int fd;

	assert_true(plug(l, &c[0], 0, 122));
	assert_true(plug(l, &c[1], 0, 122));
	fd = capture_start(l->vsw, 2, &id);
	assert_true(fd >= 0);
	frame(f, 9, 1);
	send(c[0].data, f, 60, 0);	/* out of port 2 */
	turn(l);
	frame(f, 1, 9);
	send(c[1].data, f, 60, 0);	/* into it */
	turn(l);
	assert_int_equal(capture_stop(l->vsw, id, &frames, &missed), 0);
	assert_int_equal(frames, 2);
	assert_int_equal(missed, 0);
	assert_int_equal(read(fd, buf, sizeof(buf)), 24 + 2 * (16 + 60));
	memcpy(&rec, buf + 24 + 76, sizeof(rec));
	assert_int_equal(le32_get(rec.caplen), 60);
	assert_memory_equal(buf + 24 + 76 + 16, f, 60);
	assert_int_equal(read(fd, buf, sizeof(buf)), 0);
	assert_int_equal(capture_stop(l->vsw, id, &frames, &missed), -ENOENT);
	close(fd);
	unplug(l, &c[0]);
	unplug(l, &c[1]);
}

static void one_at_a_time(void **state)
{
	struct lan *l = *state;

	assert_null(vsw_create(l->loop, &l->cfg));
	assert_int_equal(access(l->dir, F_OK), 0);
}

static void pid_file(void **state UNUSED)
{
	struct pidfile a = PIDFILE_NONE;
	char path[] = "/tmp/unit-pid.XXXXXX", buf[32] = "";
	int fd = mkstemp(path), status;

	assert_int_equal(write(fd, "4000000000\n", 11), 11);
	assert_int_equal(pidfile_create(&a, path), 0);
	assert_true(pread(fd, buf, sizeof(buf) - 1, 0) > 0);
	assert_int_equal(atol(buf), getpid());
	if (!fork()) {
		struct pidfile b;

		_exit(pidfile_create(&b, path) == -EBUSY ? 0 : 1);
	}
	wait(&status);
	assert_int_equal(status, 0);
	pidfile_remove(&a);
	assert_int_equal(access(path, F_OK), -1);
	close(fd);
}

static enum options_result parse(struct options *o, char *a, char *b, char *c, char *d)
{
	char name[] = "switch", *argv[] = { name, a, b, c, d, NULL };

	optind = 0;
	opterr = 0;
	return options_parse(o, !a ? 1 : !b ? 2 : !c ? 3 : !d ? 4 : 5, argv);
}

static void options(void **state UNUSED)
{
	static struct options o;
	static char mod[] = "-mod", m660[] = "660", dirmode[] = "--dirmode";
	static char m2755[] = "2755", tap[] = "-tap", t0[] = "tap0", n[] = "-n";
	static char zero[] = "0", bad[] = "-nosuch", extra[] = "extra", m9[] = "999";

	assert_int_equal(parse(&o, NULL, NULL, NULL, NULL), OPTIONS_RUN);
	assert_int_equal(o.vsw.mode, 0600);
	assert_int_equal(o.vsw.dirmode, 02700);
	assert_int_equal(parse(&o, mod, m660, tap, t0), OPTIONS_RUN);
	assert_int_equal(o.vsw.mode, 0660);
	assert_int_equal(o.vsw.dirmode, 02770);
	assert_string_equal(o.vsw.tap[0], "tap0");
	assert_int_equal(parse(&o, dirmode, m2755, NULL, NULL), OPTIONS_RUN);
	assert_int_equal(o.vsw.mode, 0644);
	assert_int_equal(parse(&o, n, zero, NULL, NULL), OPTIONS_EXIT_FAILURE);
	assert_int_equal(parse(&o, mod, m9, NULL, NULL), OPTIONS_EXIT_FAILURE);
	assert_int_equal(parse(&o, bad, NULL, NULL, NULL), OPTIONS_EXIT_FAILURE);
	assert_int_equal(parse(&o, extra, NULL, NULL, NULL), OPTIONS_EXIT_FAILURE);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(ports, setup, teardown),
	cmocka_unit_test_setup_teardown(refused, setup, teardown),
	cmocka_unit_test_setup_teardown(console, setup, teardown),
	cmocka_unit_test_setup_teardown(control, setup, teardown),
	cmocka_unit_test_setup_teardown(subscribers, setup, teardown),
	cmocka_unit_test_setup_teardown(deaf_subscriber, setup, teardown),
	cmocka_unit_test(arguments),
	cmocka_unit_test_setup_teardown(capture, setup, teardown),
	cmocka_unit_test_setup_teardown(one_at_a_time, setup, teardown),
	cmocka_unit_test(pid_file),
	cmocka_unit_test(options),
};

UNIT_MAIN(tests)
