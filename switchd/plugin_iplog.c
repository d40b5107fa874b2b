/* SPDX-License-Identifier: BSD-2-Clause */
/* plugin_iplog.c - The plugin iplog: commands, log and events around iplog.h
 *
 * An address that is new, or elsewhere than before, is told as an event, and written
 * into a file or the switch's own log, IPLOG_BURST of them in RATELIMIT_MS at most:
 * guests make addresses up faster than a disk holds them. The table has them all.
 *
 * The log file is opened with the rights of who named it, now and at each SIGHUP.
 */
#include "config.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "lib/parse.h"
#include "switchd/console_cmds.h"
#include "switchd/iplog.h"
#include "switchd/open_as.h"
#include "switchd/plugin.h"
#include "switchd/user.h"
#include "switchd/vsw.h"
#include "switchd/watch.h"

enum {
	IPLOG_BURST = 500,
	IPLOG_GC_S = 10,
	IPLOG_SECONDS_MAX = 1000000,
	IPLOG_TEXT = 640,		/* bytes: a user's name and a description, and more */
};

enum logger_to { LOGGER_OFF, LOGGER_SYSLOG, LOGGER_FILE };

/**
 * struct logger - The plugin's state
 * @table:	The addresses
 * @watcher:	Sees frames
 * @listener:	Hears of endpoints that go, and of SIGHUP
 * @gc:		Forgets old addresses, every @gc_s seconds
 * @told:	Bounds what is told
 * @complaints:	Bounds what is said about a file that cannot be written
 * @to:		Where new addresses are written
 * @fd:		The file; -1: it is not open
 * @path:	Its name, absolute
 * @uid:	Who named it
 * @gid:	His group
 */
struct logger {
	struct vsw *vsw;
	struct iplog *table;
	struct watcher watcher;
	struct event_listener listener;
	ev_timer gc;
	unsigned int gc_s;
	struct ratelimit told;
	struct ratelimit complaints;
	enum logger_to to;
	int fd;
	uid_t uid;
	gid_t gid;
	char path[PATH_MAX];
};

static struct logger *logger_of(const struct console_call *call)
{
	return plugin_state(call->vsw, &plugin_iplog);
}

/* The log. */

/* Write a line into the file, with the time in front of it. */
static void logger_to_file(struct logger *lg, const char *text)
{
	char line[IPLOG_TEXT + 32];
	time_t now = time(NULL);
	size_t size = 0;
	struct tm tm;

	if (lg->fd < 0)
		return;
	if (localtime_r(&now, &tm))
		size = strftime(line, sizeof(line), "%b %e %H:%M:%S ", &tm);
	size += (size_t)snprintf(line + size, sizeof(line) - size, "%s\n", text);
	if (write(lg->fd, line, size) != (ssize_t)size)
		log_limited(&lg->complaints, clock_ms(), LOG_LEVEL_ERR,
			    "iplog: '%s' cannot be written", lg->path);
}

static void logger_write(struct logger *lg, const char *text)
{
	if (lg->to == LOGGER_SYSLOG)
		log_info("%s", text);
	else if (lg->to == LOGGER_FILE)
		logger_to_file(lg, text);
}

static int logger_open(uid_t uid, gid_t gid, const char *path)
{
	return open_as(uid, gid, path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW);
}

static void logger_reopen(struct logger *lg)
{
	if (lg->to != LOGGER_FILE)
		return;
	logger_to_file(lg, "SIGHUP: closing file");
	fd_close(&lg->fd);
	lg->fd = logger_open(lg->uid, lg->gid, lg->path);
	if (lg->fd < 0) {
		log_err_errno(-lg->fd, "iplog: '%s', to be opened again", lg->path);
		lg->fd = -1;
	}
	logger_to_file(lg, "SIGHUP: opening file");
}

/* Seeing. */

static const char *logger_family(const struct iplog_info *info)
{
	return info->ip.version == 4 ? "ipv4" : "ipv6";
}

/* An address is new, or elsewhere than before. */
static void logger_tell(struct logger *lg, const struct endpoint *from,
			const struct iplog_info *info, uint64_t now_ms)
{
	char text[IPLOG_TEXT], ip[IPLOG_ADDR_STR], mac[ETH_ADDR_STR], user[USER_NAME];
	unsigned int swallowed;

	if (lg->to == LOGGER_OFF && !(lg->vsw->events.wanted >> EVENT_NEW_IP & 1))
		return;
	if (!ratelimit_pass_burst(&lg->told, now_ms, IPLOG_BURST, &swallowed))
		return;
	if (swallowed) {
		snprintf(text, sizeof(text), "%u more not shown", swallowed);
		logger_write(lg, text);
	}
	snprintf(text, sizeof(text), "%s %s mac=%s port=%u vlan=%u user=%s \"%s\"",
		 logger_family(info), iplog_addr_format(&info->ip, ip),
		 eth_addr_format(info->mac, mac), info->port, info->vid,
		 user_name(info->uid, user), from->descr);
	logger_write(lg, text);
	events_tell(lg->vsw, &(struct event){
		.kind = EVENT_NEW_IP,
		.port = info->port,
		.vid = info->vid,
		.addr = info->mac,
		.text = text,
	});
}

static void logger_in(struct watcher *watcher, const struct endpoint *from,
		      const struct frame *frames, unsigned int n)
{
	struct logger *lg = container_of(watcher, struct logger, watcher);
	const struct port *port = from->port;
	const uint64_t now_ms = clock_ms();

	for (unsigned int i = 0; i < n; i++) {
		struct iplog_info info = { .port = port->id, .uid = from->uid };

		if (iplog_source(frames[i].head, frames[i].head_size, port->vlan.pvid, &info) &&
		    iplog_see(lg->table, &info, now_ms))
			logger_tell(lg, from, &info, now_ms);
	}
}

static void logger_event(struct event_listener *listener, const struct event *event)
{
	struct logger *lg = container_of(listener, struct logger, listener);

	if (event->kind == EVENT_HANGUP)
		logger_reopen(lg);
	else if (!lg->vsw->ports[event->port]->endpoints)
		iplog_flush_port(lg->table, event->port);
}

static void logger_gc_cb(struct ev_loop *loop UNUSED, ev_timer *w, int revents UNUSED)
{
	iplog_age(container_of(w, struct logger, gc)->table, clock_ms());
}

static void logger_set_gc(struct logger *lg, unsigned int s)
{
	lg->gc_s = s;
	lg->gc.repeat = s;
	ev_timer_again(lg->vsw->loop, &lg->gc);
}

/* Life. */

static int logger_load(struct vsw *vsw, void **state)
{
	struct siphash_key key;
	struct logger *lg;

	if (getrandom(&key, sizeof(key), 0) != sizeof(key))
		return -errno;
	lg = calloc(1, sizeof(*lg));
	if (!lg)
		return -ENOMEM;
	lg->table = iplog_create(IPLOG_ENTRIES, key);
	if (!lg->table) {
		free(lg);
		return -ENOMEM;
	}
	lg->vsw = vsw;
	lg->fd = -1;
	lg->watcher.in = logger_in;
	watch_add(vsw, &lg->watcher);
	lg->listener.tell = logger_event;
	lg->listener.wanted = 1 << EVENT_HANGUP | 1 << EVENT_ENDPOINT_REMOVED;
	events_listen(vsw, &lg->listener);
	ev_timer_init(&lg->gc, logger_gc_cb, 0., 0.);
	logger_set_gc(lg, IPLOG_GC_S);
	*state = lg;
	return 0;
}

static void logger_unload(void *state)
{
	struct logger *lg = state;

	watch_remove(lg->vsw, &lg->watcher);
	events_unlisten(lg->vsw, &lg->listener);
	ev_timer_stop(lg->vsw->loop, &lg->gc);
	fd_close(&lg->fd);
	iplog_destroy(lg->table);
	free(lg);
}

/* Commands. */

static int iplog_showinfo(const struct console_call *call, const char *arg UNUSED)
{
	const struct logger *lg = logger_of(call);

	fputs("iplog: ip/port/user logging plugin\n", call->out);
	if (lg->to == LOGGER_FILE)
		fprintf(call->out, "log on file %s\n", lg->path);
	else
		fputs(lg->to == LOGGER_OFF ? "log disabled\n" : "log on syslog\n", call->out);
	fprintf(call->out, "GC interval %u secs\nGC expire %u secs\n", lg->gc_s,
		(unsigned int)(iplog_expire(lg->table) / 1000));
	return 0;
}

/* A path that means the same file wherever we go. Return: false if it is too long. */
static bool iplog_absolute(const char *arg, char path[static PATH_MAX])
{
	char here[PATH_MAX] = "";

	if (arg[0] != '/' && !getcwd(here, sizeof(here)))
		return false;
	return snprintf(path, PATH_MAX, "%s%s%s", here, here[0] && here[1] ? "/" : "", arg) <
	       PATH_MAX;
}

static int iplog_logfile(const struct console_call *call, const char *arg)
{
	struct logger *lg = logger_of(call);
	enum logger_to to = LOGGER_FILE;
	char path[PATH_MAX];
	int fd = -1;

	if (!*arg || !strcmp(arg, "-")) {
		to = *arg ? LOGGER_SYSLOG : LOGGER_OFF;
	} else {
		if (!iplog_absolute(arg, path))
			return ENAMETOOLONG;
		fd = logger_open(call->uid, call->gid, path);
		if (fd < 0)
			return -fd;
		memcpy(lg->path, path, sizeof(path));
		lg->uid = call->uid;
		lg->gid = call->gid;
	}
	fd_close(&lg->fd);
	lg->fd = fd;
	lg->to = to;
	return 0;
}

/* An address, and how many bits of it count: all, unless they are given. */
static bool iplog_parse_range(const char *arg, struct iplog_addr *addr, unsigned int *bits)
{
	char word[IPLOG_ADDR_STR + 4], *slash;

	if (!cmd_word(&arg, word, sizeof(word)) || *arg)
		return false;
	slash = strchr(word, '/');
	if (slash)
		*slash++ = 0;
	if (!iplog_addr_parse(word, addr))
		return false;
	*bits = addr->version == 4 ? 32 : 128;
	return !slash || parse_uint(slash, 0, *bits, bits);
}

static int iplog_ipadd(const struct console_call *call, const char *arg)
{
	struct iplog_addr addr;
	unsigned int bits;

	if (!iplog_parse_range(arg, &addr, &bits))
		return EINVAL;
	return -iplog_add_range(logger_of(call)->table, &addr, bits);
}

static int iplog_ipdel(const struct console_call *call, const char *arg)
{
	struct iplog_addr addr;
	unsigned int bits;

	if (!iplog_parse_range(arg, &addr, &bits))
		return EINVAL;
	return -iplog_del_range(logger_of(call)->table, &addr, bits);
}

/* As in VDE, those of version 4 first. */
static int iplog_list(const struct console_call *call, const char *arg UNUSED)
{
	const struct iplog *table = logger_of(call)->table;
	char ip[IPLOG_ADDR_STR];

	for (unsigned int version = 4; version <= 6; version += 2) {
		struct iplog_addr addr;
		unsigned int bits;

		for (unsigned int i = 0; iplog_range(table, i, &addr, &bits); i++)
			if (addr.version == version)
				fprintf(call->out, "  ipv%u: %s/%u\n", version,
					iplog_addr_format(&addr, ip), bits);
	}
	return 0;
}

static int iplog_setgcint(const struct console_call *call, const char *arg)
{
	unsigned int s;

	if (!cmd_only_number(arg, IPLOG_SECONDS_MAX, &s) || !s)
		return EINVAL;
	logger_set_gc(logger_of(call), s);
	return 0;
}

static int iplog_setexpire(const struct console_call *call, const char *arg)
{
	unsigned int s;

	if (!cmd_only_number(arg, IPLOG_SECONDS_MAX, &s) || !s)
		return EINVAL;
	iplog_set_expire(logger_of(call)->table, (uint64_t)s * 1000);
	return 0;
}

/**
 * struct iplog_query - Which addresses are to be shown; all zero is all
 * @named:	User of the address shown last
 * @user:	His name
 */
struct iplog_query {
	FILE *out;
	bool by_port, by_user, by_ip;
	unsigned int port;
	uid_t uid;
	struct iplog_addr ip;
	uid_t named;
	char user[USER_NAME];
};

static void iplog_show(void *ctx, const struct iplog_info *info)
{
	struct iplog_query *q = ctx;
	char ip[IPLOG_ADDR_STR];

	if ((q->by_port && info->port != q->port) || (q->by_user && info->uid != q->uid) ||
	    (q->by_ip && !iplog_addr_eq(&info->ip, &q->ip)))
		return;
	if (!q->user[0] || q->named != info->uid)
		user_name(info->uid, q->user);
	q->named = info->uid;
	fprintf(q->out, "%s %s port=%u user=%s\n", logger_family(info),
		iplog_addr_format(&info->ip, ip), info->port, q->user);
}

static int iplog_iplist(const struct console_call *call, const char *arg UNUSED)
{
	struct iplog_query q = { .out = call->out };

	iplog_foreach(logger_of(call)->table, iplog_show, &q);
	return 0;
}

static int iplog_ipport(const struct console_call *call, const char *arg)
{
	struct iplog_query q = { .out = call->out, .by_port = true };

	if (!cmd_only_number(arg, VSW_PORTS_MAX, &q.port))
		return EINVAL;
	iplog_foreach(logger_of(call)->table, iplog_show, &q);
	return 0;
}

static int iplog_ipuser(const struct console_call *call, const char *arg)
{
	struct iplog_query q = { .out = call->out, .by_user = true };

	if (!*arg || !user_find(arg, &q.uid))
		return EINVAL;
	iplog_foreach(logger_of(call)->table, iplog_show, &q);
	return 0;
}

static int iplog_ipsearch(const struct console_call *call, const char *arg)
{
	struct iplog_query q = { .out = call->out, .by_ip = true };

	if (!iplog_addr_parse(arg, &q.ip))
		return EINVAL;
	iplog_foreach(logger_of(call)->table, iplog_show, &q);
	return 0;
}

static const struct console_cmd iplog_cmds[] = {
	{ "iplog", CONSOLE_MENU, "IP/Mac/User Logging", false, NULL },
	{ "iplog/showinfo", "", "Show info on logging", true, iplog_showinfo },
	{ "iplog/logfile", "pathname", "Set the logfile", false, iplog_logfile },
	{ "iplog/ipadd", "ipaddr/mask", "add an ipv4/v6 range", false, iplog_ipadd },
	{ "iplog/ipdel", "ipaddr/mask", "del an ipv6/v6 range", false, iplog_ipdel },
	{ "iplog/list", "", "list ip ranges", true, iplog_list },
	{ "iplog/setgcint", "N", "change garbage collector interval", false, iplog_setgcint },
	{ "iplog/setexpire", "N", "change iplog entries expire time", false, iplog_setexpire },
	{ "iplog/iplist", "", "list active IP", true, iplog_iplist },
	{ "iplog/ipport", "port", "list active IP on a port", true, iplog_ipport },
	{ "iplog/ipuser", "user", "list active IP of a user", true, iplog_ipuser },
	{ "iplog/ipsearch", "ipaddr", "search an IP address", true, iplog_ipsearch },
	{ NULL, NULL, NULL, false, NULL },
};

const struct plugin plugin_iplog = {
	.name = "iplog",
	.help = "log ip/port/user assignment",
	.cmds = iplog_cmds,
	.events = 1 << EVENT_NEW_IP,
	.load = logger_load,
	.unload = logger_unload,
};
