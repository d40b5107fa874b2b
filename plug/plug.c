/* SPDX-License-Identifier: BSD-2-Clause */
/* plug.c - A cable: two ends, and what happens when one of them goes away */
#include "config.h"

#include "plug/plug.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "lib/offload.h"

#define PLUG_FIRST_RETRY_S	0.1

static const char *plug_user(void)
{
	const struct passwd *pw = getpwuid(getuid());

	return pw ? pw->pw_name : "unknown";
}

/* Where we were called from, if it was by ssh. */
static void plug_caller(char *buf, size_t size)
{
	const char *client = getenv("SSH_CLIENT");
	int n = client ? (int)strcspn(client, " ") : 0;

	snprintf(buf, size, "%.*s", n ? n : 18, n ? client : "UNKNOWN_IP_ADDRESS");
}

void plug_record(const char *event)
{
	char caller[64];

	plug_caller(caller, sizeof(caller));
	log_record("%s: user %s IP %s", event, plug_user(), caller);
}

/* A frame came from the second end: log its sender if it is new. */
static void plug_look(struct plug *p, const void *frame, size_t size)
{
	uint64_t now_ms = (uint64_t)(ev_now(p->loop) * 1000.);
	char addr[INET6_ADDRSTRLEN] = "", caller[64];
	struct iplog_host host;
	unsigned int swallowed;

	if (!iplog_look(p->iplog, frame, size, &host) ||
	    !ratelimit_pass(&p->records, now_ms, &swallowed))
		return;
	inet_ntop(host.version == 4 ? AF_INET : AF_INET6, host.addr, addr, sizeof(addr));
	plug_caller(caller, sizeof(caller));
	log_record("user %s Real-IP %s has got VDE-IP%d %s on vlan %d", plug_user(), caller,
		   host.version, addr, host.vlan);
	if (swallowed)
		log_record("user %s: %u more addresses not shown", plug_user(), swallowed);
}

static void plug_finish(struct plug *p, int status)
{
	p->status = status;
	ev_break(p->loop, EVBREAK_ALL);
}

/* Frames. */

static bool plug_frame(void *ctx, struct end *e, const void *frame, size_t size)
{
	struct plug *p = ctx;
	struct end *to = p->end[e == p->end[0]];

	if (p->iplog && e == p->end[1])
		plug_look(p, frame, size);
	return !to || end_send(to, frame, size) != -EAGAIN;
}

static bool plug_frame_vnet(void *ctx, struct end *e, const struct vnet_hdr *hdr,
			    const void *frame, size_t size)
{
	struct plug *p = ctx;
	struct end *to = p->end[e == p->end[0]];

	if (p->iplog && e == p->end[1])
		plug_look(p, frame, size);
	return !to || end_send_vnet(to, hdr, frame, size) != -EAGAIN;
}

static void plug_room(void *ctx, struct end *e)
{
	struct plug *p = ctx;
	struct end *from = p->end[e == p->end[0]];

	if (from)
		end_hold(from, false);
}

static void plug_gone(void *ctx, struct end *e, int err)
{
	struct plug *p = ctx;
	const struct plug_side *side = &p->opt->side[e == p->end[1]];

	if (err)
		log_err_errno(err, "%s", end_name(e));
	else if (side->kind == PLUG_VNL)
		log_info("%s: the switch has closed the connection", end_name(e));
	if (side->kind != PLUG_COMMAND) {
		plug_finish(p, err ? EXIT_FAILURE : EXIT_SUCCESS);
		return;
	}
	/* Whoever waited for room in it need not any more. */
	end_close(e);
	p->end[1] = NULL;
	end_hold(p->end[0], false);
	command_closed(&p->command);
}

static const struct end_handler plug_handler = {
	.frame = plug_frame,
	.frame_vnet = plug_frame_vnet,
	.room = plug_room,
	.gone = plug_gone,
};

/* The command. */

static void plug_restart_later(struct plug *p)
{
	ev_timer_set(&p->restart, p->pause_s, 0.);
	ev_timer_start(p->loop, &p->restart);
	p->pause_s = MIN(2 * p->pause_s, (double)p->opt->retry_s);
}

static void plug_command_ended(void *ctx, int status)
{
	struct plug *p = ctx;
	const char *name = p->opt->side[1].command[0];

	end_close(p->end[1]);
	p->end[1] = NULL;
	end_hold(p->end[0], false);
	if (!p->opt->retry_s) {
		if (status)
			log_err("command '%s' has ended with status %d", name, status);
		plug_finish(p, status);
		return;
	}
	log_warn("command '%s' has ended with status %d; starting it again", name, status);
	if (ev_now(p->loop) - p->since > p->opt->retry_s)
		p->pause_s = PLUG_FIRST_RETRY_S;
	plug_restart_later(p);
}

static int plug_open_command(struct plug *p)
{
	char **argv = p->opt->side[1].command;
	int ret, in, out;

	ret = command_start(&p->command, p->loop, argv, p->opt->daemon, &in, &out);
	if (ret) {
		log_err("command '%s': %s", argv[0], strerror(-ret));
		return ret;
	}
	p->command.ended = plug_command_ended;
	p->command.ctx = p;
	p->since = ev_now(p->loop);
	ret = end_open_stream(&p->end[1], p->loop, in, out, "the command");
	if (!ret)
		end_set_limit(p->end[1], p->opt->max_frame);
	return ret;
}

static void plug_restart_cb(struct ev_loop *loop UNUSED, ev_timer *w, int revents UNUSED)
{
	struct plug *p = container_of(w, struct plug, restart);

	if (plug_open_command(p)) {
		command_stop(&p->command);
		plug_restart_later(p);
		return;
	}
	end_start(p->end[1], &plug_handler, p);
}

/* Opening. */

static int plug_open_stdio(struct plug *p, int i)
{
	/* Not the numbers themselves: a daemon gives them to /dev/null. */
	int in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	int ret;

	if (in < 0 || out < 0) {
		ret = -errno;
		log_err_errno(-ret, "standard input and output");
		fd_close(&in);
		fd_close(&out);
		return ret;
	}
	ret = end_open_stream(&p->end[i], p->loop, in, out, "standard input and output");
	if (!ret)
		end_set_limit(p->end[i], p->opt->max_frame);
	return ret;
}

/* Whether an end of that kind is worth another try as a VNL like any other: there is no
 * such switch, or not one that takes rings. */
static bool plug_no_ring(int ret)
{
	return ret == -ENOENT || ret == -ECONNREFUSED || ret == -ENOTSUP;
}

static void plug_name_vnl(struct plug *p, int i)
{
	const struct plug_side *side = &p->opt->side[i];

	p->vnl[i] = (struct end_vnl_args){
		.vnl = side->name,
		.descr = p->opt->descr,
		/* Without any of its own, what stands in the VNL decides. */
		.open = side->with_open ? &side->open : NULL,
		.retry_s = p->opt->retry_s,
	};
}

/* A switch of ours and a tap pass frames on that are not finished. */
static int plug_open_vnl(struct plug *p, int i)
{
	struct end *other = p->end[!i];
	int ret = -ENOENT;

	plug_name_vnl(p, i);
	if (other && end_takes(other))
		ret = end_open_ring(&p->end[i], p->loop, &p->vnl[i], end_takes(other));
	if (plug_no_ring(ret))
		return end_open_vnl(&p->end[i], p->loop, &p->vnl[i]);
	if (!ret)
		end_set_gives(other, end_takes(p->end[i]));
	return ret;
}

/* So do two switches of ours: neither is asked what it takes, as an end of this kind
 * finishes what its switch does not take. Return: 0 if both are, or -errno and neither
 * is open. */
static int plug_open_rings(struct plug *p)
{
	int ret = 0;

	for (int i = 0; !ret && i < 2; i++) {
		plug_name_vnl(p, i);
		ret = end_open_ring(&p->end[i], p->loop, &p->vnl[i], OFFLOAD_TAKES);
	}
	if (ret) {
		end_close(p->end[0]);
		p->end[0] = NULL;
	}
	return ret;
}

static int plug_open_end(struct plug *p, int i)
{
	const struct plug_side *side = &p->opt->side[i];

	switch (side->kind) {
	case PLUG_VNL:
		return plug_open_vnl(p, i);
	case PLUG_TAP:
		return end_open_tap(&p->end[i], p->loop, side->name);
	case PLUG_STDIO:
		return plug_open_stdio(p, i);
	case PLUG_COMMAND:
		return plug_open_command(p);
	}
	return -EINVAL;
}

int plug_open(struct plug *p, struct ev_loop *loop, const struct plug_options *opt)
{
	/* A tap comes first: what it takes is said to a switch at the beginning. */
	int first = opt->side[1].kind == PLUG_TAP, ret;

	*p = (struct plug){ .loop = loop, .opt = opt, .pause_s = PLUG_FIRST_RETRY_S };
	ev_timer_init(&p->restart, plug_restart_cb, 0., 0.);
	if (opt->iplog) {
		p->iplog = calloc(1, sizeof(*p->iplog));
		if (!p->iplog)
			return -ENOMEM;
	}
	if (opt->side[0].kind == PLUG_VNL && opt->side[1].kind == PLUG_VNL) {
		ret = plug_open_rings(p);
		if (!plug_no_ring(ret))
			return ret;
	}
	ret = plug_open_end(p, first);
	if (!ret)
		ret = plug_open_end(p, !first);
	return ret;
}

void plug_start(struct plug *p)
{
	for (int i = 0; i < 2; i++)
		end_start(p->end[i], &plug_handler, p);
}

void plug_log_stats(const struct plug *p, bool all)
{
	for (int i = 0; i < 2; i++) {
		const struct end_stats *s = p->end[i] ? end_stats(p->end[i]) : NULL;

		if (!s || (!all && !s->rx_bad && !s->tx_long && !s->tx_lost))
			continue;
		log_info("%s: %" PRIu64 " frames taken (%" PRIu64 " no frames), %" PRIu64
			 " sent (%" PRIu64 " too long for it, %" PRIu64 " lost)",
			 end_name(p->end[i]), s->rx, s->rx_bad, s->tx, s->tx_long, s->tx_lost);
	}
}

void plug_close(struct plug *p)
{
	ev_timer_stop(p->loop, &p->restart);
	for (int i = 0; i < 2; i++) {
		end_close(p->end[i]);
		p->end[i] = NULL;
	}
	command_stop(&p->command);
	free(p->iplog);
}
