/* SPDX-License-Identifier: BSD-2-Clause */
/* wirefilter.c - A wire between two ends, with a console: all together in a loop */
#include "config.h"

#include "plug/wirefilter.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "plug/wire_cmds.h"

enum {
	WIRE_BUDGET = 256,	/* frames sent at one wake-up, before others have a turn */
	WIRE_BLINK_HDR = 2,	/* in the lengths that wirefilter tells: the stream's */
};

/* The timer. */

static uint64_t next_ns(const struct wirefilter *wf)
{
	uint64_t next = wire_cable_next(wf->cable);

	for (unsigned int i = 0; i < wf->ways; i++) {
		const struct wire_way *way = &wf->way[i];
		const struct wire *w = &wf->cable->wire[i];

		if (way->stalled)
			continue;
		next = MIN(next, wire_next(w));
		if (way->held)
			next = MIN(next, wire_accepts_at(w));
	}
	return next;
}

/* See to it that the timer goes off when something is next. One that goes off too
 * early does no harm, and a call is saved. */
static void arm(struct wirefilter *wf)
{
	uint64_t next = next_ns(wf);
	struct itimerspec when;

	if (next >= wf->armed_ns)
		return;
	wf->armed_ns = next;
	/* Zero would disarm it. */
	next = MAX(next, (uint64_t)1);
	when = (struct itimerspec){
		.it_value = {
			.tv_sec = (time_t)(next / 1000000000),
			.tv_nsec = (long)(next % 1000000000),
		},
	};
	timerfd_settime(wf->timer.fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* Frames. */

static unsigned int way_index(const struct wire_way *way)
{
	return (unsigned int)(way - way->wf->way);
}

static void blink(struct wire_way *way, size_t size)
{
	const struct wirefilter *wf = way->wf;
	char text[160];
	int n;

	if (wf->blink_fd < 0)
		return;
	n = snprintf(text, sizeof(text), "%s %s %zu\n", wf->blink_id,
		     way_index(way) ? "RL" : "LR", size + WIRE_BLINK_HDR);
	/* Who does not look misses it. */
	if (sendto(wf->blink_fd, text, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL,
		   (const struct sockaddr *)&wf->blink, sizeof(wf->blink)) < 0)
		return;
}

/* Send what is due, as long as there is room and @budget lasts. */
static void way_deliver(struct wire_way *way, uint64_t now)
{
	struct wire *w = &way->wf->cable->wire[way_index(way)];
	const struct wire_frame *f;
	int budget = WIRE_BUDGET;

	while (!way->stalled && budget-- && (f = wire_peek(w, now))) {
		uint64_t lost = end_stats(way->to)->tx_lost;
		int ret = end_send(way->to, f->bytes, f->size);

		if (ret == -EAGAIN) {
			way->stalled = true;
			return;
		}
		if (ret == -EMSGSIZE) {
			wire_pop(w, WIRE_DROP_LONG);
		} else if (end_stats(way->to)->tx_lost != lost) {
			wire_pop(w, WIRE_DROP_END);
		} else {
			blink(way, f->size);
			wire_pop(w, WIRE_SENT);
		}
	}
}

/* Go on reading, if nothing is against it. */
static void way_release(struct wire_way *way, uint64_t now)
{
	if (!way->held || way->stalled ||
	    !wire_accepts(&way->wf->cable->wire[way_index(way)], now))
		return;
	way->held = false;
	end_hold(way->from, false);
}

static bool wirefilter_frame(void *ctx, struct end *e, const void *frame, size_t size)
{
	struct wirefilter *wf = ctx;
	struct wire_way *way = &wf->way[e != wf->way[0].from];
	struct wire *w = &wf->cable->wire[way_index(way)];
	uint64_t now = clock_ns();

	if (way->stalled || !wire_accepts(w, now)) {
		way->held = true;
		arm(wf);
		return false;
	}
	wire_push(w, frame, size, now);
	way_deliver(way, now);
	arm(wf);
	return true;
}

static void wirefilter_room(void *ctx, struct end *e)
{
	struct wirefilter *wf = ctx;
	uint64_t now = clock_ns();

	for (unsigned int i = 0; i < wf->ways; i++) {
		struct wire_way *way = &wf->way[i];

		if (way->to != e)
			continue;
		way->stalled = false;
		way_deliver(way, now);
		way_release(way, now);
	}
	arm(wf);
}

static void wirefilter_gone(void *ctx, struct end *e, int err)
{
	struct wirefilter *wf = ctx;

	if (err)
		log_err_errno(err, "%s", end_name(e));
	else
		log_info("%s: closed by the other side", end_name(e));
	wf->status = err ? EXIT_FAILURE : EXIT_SUCCESS;
	ev_break(wf->loop, EVBREAK_ALL);
}

static const struct end_handler wirefilter_handler = {
	.frame = wirefilter_frame,
	.room = wirefilter_room,
	.gone = wirefilter_gone,
};

static void timer_cb(struct ev_loop *loop UNUSED, ev_io *w, int revents UNUSED)
{
	struct wirefilter *wf = container_of(w, struct wirefilter, timer);
	uint64_t times, now;

	/* It is level-triggered: it must be read, whatever it says. */
	if (read(w->fd, &times, sizeof(times)) < 0 && errno != EAGAIN)
		log_warn_errno(errno, "timer");
	now = clock_ns();
	wf->armed_ns = WIRE_NEVER;
	wire_cable_step(wf->cable, now);
	for (unsigned int i = 0; i < wf->ways; i++) {
		way_deliver(&wf->way[i], now);
		way_release(&wf->way[i], now);
	}
	arm(wf);
}

/* Somebody at the console has changed something. */
static void wirefilter_changed(void *ctx)
{
	arm(ctx);
}

/* Opening. */

static int open_blink(struct wirefilter *wf)
{
	int ret;

	if (!wf->opt->blink)
		return 0;
	if (wf->opt->blink_id)
		snprintf(wf->blink_id, sizeof(wf->blink_id), "%s", wf->opt->blink_id);
	else
		snprintf(wf->blink_id, sizeof(wf->blink_id), "%06ld", (long)getpid());
	ret = fd_sockaddr(&wf->blink, wf->opt->blink);
	if (!ret)
		wf->blink_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (!ret && wf->blink_fd < 0)
		ret = -errno;
	if (ret)
		log_err_errno(-ret, "--blink '%s'", wf->opt->blink);
	return ret;
}

static int open_vnls(struct wirefilter *wf)
{
	int ret = 0;

	for (int i = 0; i < WIRE_DIRS && !ret; i++)
		ret = end_open_vnl(&wf->end[i], wf->loop, &wf->opt->vnl[i]);
	return ret;
}

static int open_streams(struct wirefilter *wf)
{
	const struct wire_options *opt = wf->opt;
	int ret;

	ret = end_open_stream(&wf->end[0], wf->loop, STDIN_FILENO, STDOUT_FILENO,
			      "standard input and output");
	if (!ret && opt->alternate_in >= 0)
		ret = end_open_stream(&wf->end[1], wf->loop, opt->alternate_in,
				      opt->alternate_out, "second input and output");
	for (int i = 0; i < WIRE_DIRS; i++)
		if (wf->end[i])
			end_set_limit(wf->end[i], opt->max_frame);
	return ret;
}

/* Which end leads where. */
static void join_ends(struct wirefilter *wf)
{
	struct end *left = wf->end[0], *right = wf->end[1];

	wf->ways = wf->cable->both ? WIRE_DIRS : 1;
	wf->way[0] = (struct wire_way){ .wf = wf, .from = left, .to = right ? right : left };
	wf->way[1] = (struct wire_way){ .wf = wf, .from = right, .to = left };
}

/* What was set on the command line, and by the file of commands. */
static int configure(struct wirefilter *wf)
{
	const struct wire_options *opt = wf->opt;
	struct wire_call call = { .cable = wf->cable, .may_load = true };
	int ret;

	for (unsigned int i = 0; i < opt->settings; i++) {
		const struct wire_option *set = &opt->setting[i];

		ret = wire_cable_set(wf->cable, set->param, set->text);
		if (ret) {
			log_err("--%s '%s': not a value for it (see --help)", set->name,
				set->text);
			return ret;
		}
	}
	wire_cable_set_fifo(wf->cable, !opt->nofifo);
	wire_cable_set_queue(wf->cable, opt->queue);
	if (!opt->rcfile)
		return 0;
	call.out = fopen("/dev/null", "we");
	if (!call.out)
		return -errno;
	ret = wire_run_file(&call, opt->rcfile);
	fclose(call.out);
	/* As with wirefilter, it may be missing. */
	if (ret)
		log_warn("rc file '%s': %s", opt->rcfile, strerror(-ret));
	return 0;
}

/* A cable, and what it is to do. */
static int open_cable(struct wirefilter *wf)
{
	const struct wire_options *opt = wf->opt;
	uint64_t seed = opt->seed;

	if (!opt->seeded && getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = clock_ns();
	wf->cable = wire_cable_create(opt->vnl[0].vnl || opt->alternate_in >= 0, seed);
	return wf->cable ? configure(wf) : -ENOMEM;
}

static int open_timer(struct wirefilter *wf)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

	if (fd < 0) {
		log_err_errno(errno, "timer");
		return -errno;
	}
	ev_io_init(&wf->timer, timer_cb, fd, EV_READ);
	return 0;
}

static int open_console(struct wirefilter *wf)
{
	const struct wire_options *opt = wf->opt;

	wf->console_cfg = (struct wire_console_config){
		.mgmt = opt->mgmt[0] ? opt->mgmt : NULL,
		.mode = opt->mgmtmode,
		.gid = opt->mgmtgid,
		.on_stdin = opt->vnl[0].vnl && !opt->daemon && !opt->nostdin,
		.blink = opt->blink,
		.blink_id = wf->blink_id,
		.changed = wirefilter_changed,
		.ctx = wf,
	};
	return wire_console_create(&wf->console, wf->loop, wf->cable, &wf->console_cfg);
}

int wirefilter_open(struct wirefilter *wf, struct ev_loop *loop,
		    const struct wire_options *opt)
{
	int ret;

	*wf = (struct wirefilter){
		.loop = loop,
		.opt = opt,
		.armed_ns = WIRE_NEVER,
		.blink_fd = -1,
		.timer = { .fd = -1 },
	};
	ret = open_cable(wf);
	if (!ret)
		ret = open_timer(wf);
	if (!ret)
		ret = open_blink(wf);
	if (!ret)
		ret = opt->vnl[0].vnl ? open_vnls(wf) : open_streams(wf);
	if (!ret)
		ret = open_console(wf);
	if (!ret)
		join_ends(wf);
	return ret;
}

void wirefilter_start(struct wirefilter *wf)
{
	if (wf->opt->vnl[0].vnl)
		log_info("bidirectional vdeplug filter L=%s R=%s starting...",
			 *wf->opt->vnl[0].vnl ? wf->opt->vnl[0].vnl : "DEFAULT_SWITCH",
			 *wf->opt->vnl[1].vnl ? wf->opt->vnl[1].vnl : "DEFAULT_SWITCH");
	else
		log_info("%sdirectional filter starting...", wf->cable->both ? "bi" : "mono");
	ev_io_start(wf->loop, &wf->timer);
	for (int i = 0; i < WIRE_DIRS; i++)
		if (wf->end[i])
			end_start(wf->end[i], &wirefilter_handler, wf);
	arm(wf);
}

void wirefilter_close(struct wirefilter *wf)
{
	wire_console_destroy(wf->console);
	for (int i = 0; i < WIRE_DIRS; i++)
		end_close(wf->end[i]);
	if (wf->timer.fd >= 0) {
		ev_io_stop(wf->loop, &wf->timer);
		fd_close(&wf->timer.fd);
	}
	fd_close(&wf->blink_fd);
	wire_cable_destroy(wf->cable);
}
