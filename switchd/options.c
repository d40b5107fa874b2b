/* SPDX-License-Identifier: BSD-2-Clause */
/* options.c - The command line of lanbox-switchd, in vde_switch's spellings
 *
 * getopt_long_only() takes -tap, --tap and unambiguous beginnings alike, as
 * people write them.
 */
#include "config.h"

#include "switchd/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/parse.h"
#include "switchd/lldp.h"
#include "switchd/portgroup.h"

enum {
	OPT_MACADDR = 256,
	OPT_DIRMODE,
	OPT_MGMTMODE,
	OPT_MGMTGROUP,
	OPT_NOSTDIN,
	OPT_VHOST_USER,
	OPT_STREAM,
	OPT_DGRAM,
	OPT_POLL,
	OPT_PRIORITY,
	OPT_HASHSIZE,
	OPT_STRICT,
	OPT_PORT,
	OPT_VLAN,
	OPT_RESERVED,
	OPT_VLAN_LEARNING,
	OPT_MCAST_SNOOPING,
	OPT_OFFLOADS,
	OPT_LLDP,
};

enum { OPTIONS_HASHSIZE = 128 };	/* as vde_switch shows it */

#define OPTIONS_SHORT "hvn:xFs:m:g:t:dp:f:M:D:"

static const struct option options_long[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ "numports", required_argument, NULL, 'n' },
	{ "hub", no_argument, NULL, 'x' },
	{ "fstp", no_argument, NULL, 'F' },
	{ "priority", required_argument, NULL, OPT_PRIORITY },
	{ "hashsize", required_argument, NULL, OPT_HASHSIZE },
	{ "macaddr", required_argument, NULL, OPT_MACADDR },
	{ "sock", required_argument, NULL, 's' },
	{ "vdesock", required_argument, NULL, 's' },
	{ "unix", required_argument, NULL, 's' },
	{ "mod", required_argument, NULL, 'm' },
	{ "mode", required_argument, NULL, 'm' },
	{ "dirmode", required_argument, NULL, OPT_DIRMODE },
	{ "group", required_argument, NULL, 'g' },
	{ "tap", required_argument, NULL, 't' },
	{ "daemon", no_argument, NULL, 'd' },
	{ "pidfile", required_argument, NULL, 'p' },
	{ "rcfile", required_argument, NULL, 'f' },
	{ "strict", no_argument, NULL, OPT_STRICT },
	{ "port", required_argument, NULL, OPT_PORT },
	{ "vlan", required_argument, NULL, OPT_VLAN },
	{ "vlan-learning", required_argument, NULL, OPT_VLAN_LEARNING },
	{ "reserved", required_argument, NULL, OPT_RESERVED },
	{ "mcast-snooping", required_argument, NULL, OPT_MCAST_SNOOPING },
	{ "offloads", required_argument, NULL, OPT_OFFLOADS },
	{ "lldp", required_argument, NULL, OPT_LLDP },
	{ "debugclients", required_argument, NULL, 'D' },
	{ "mgmt", required_argument, NULL, 'M' },
	{ "mgmtmode", required_argument, NULL, OPT_MGMTMODE },
	{ "mgmtgroup", required_argument, NULL, OPT_MGMTGROUP },
	{ "nostdin", no_argument, NULL, OPT_NOSTDIN },
	{ "vhost-user", required_argument, NULL, OPT_VHOST_USER },
	{ "stream", required_argument, NULL, OPT_STREAM },
	{ "dgram", required_argument, NULL, OPT_DGRAM },
	{ "poll", required_argument, NULL, OPT_POLL },
	{ NULL, 0, NULL, 0 },
};

static void options_usage(void)
{
	fputs(
"Usage: lanbox-switchd [OPTION...]\n"
"An Ethernet switch in user space: VDE clients and taps plug into it.\n"
"\n"
"  -s, --sock DIR        switch directory (root: /var/run/vde.ctl, others:\n"
"                        /tmp/vde.ctl)\n"
"  -m, --mod MODE        octal mode of the sockets (0600)\n"
"      --dirmode MODE    octal mode of the directory (02700, or from --mod)\n"
"  -g, --group GROUP     group of the directory and the sockets\n"
"  -t, --tap TAP         attach the tap interface TAP (or fd=N, a tap that is open\n"
"                        as descriptor N); may be repeated\n"
"      --port NAME[,port=N][,mode=MODE][,group=GROUP]\n"
"                        a port that VDE clients reach as DIR[NAME]\n"
"      --vhost-user NAME[,path=SOCKET][,client][,port=N][,mode=MODE][,group=GROUP]\n"
"                        a port for one vhost-user front end, which connects to\n"
"                        SOCKET (DIR/NAME), or listens there (client)\n"
"      --stream NAME[,path=SOCKET][,client][,port=N][,mode=MODE][,group=GROUP]\n"
"                        a port for one stream of frames (QEMU, passt) likewise\n"
"      --dgram NAME,local=SOCKET,remote=SOCKET[,port=N][,mode=MODE][,group=GROUP]\n"
"                        a port for frames in datagrams (QEMU)\n"
"      --poll HOW        rings of vhost-user: adaptive, always (a whole processor),\n"
"                        or never (interrupts only)\n"
"  -n, --numports N      number of ports (32)\n"
"  -x, --hub             send every frame to every port\n"
"  -F, --fstp            take part in the spanning tree\n"
"      --priority N      the switch's priority there (0x8000)\n"
"      --vlan HOW        tags of frames count: auto (once a VLAN is made), strict\n"
"                        (always, as in vde_switch), or transparent (never)\n"
"      --vlan-learning HOW\n"
"                        addresses are known in each VLAN for itself: independent, or\n"
"                        in all: shared\n"
"      --reserved WHICH  group addresses of bridges, 01-80-C2-00-00-00 to -0F: forward\n"
"                        (all but pause frames, as vde_switch), standard (none), or\n"
"                        a mask of those that are forwarded\n"
"      --mcast-snooping HOW\n"
"                        multicast groups go to those who joined: off (no: to all),\n"
"                        on, or querier (and the switch asks who wants them)\n"
"      --offloads on|off whether guests and the host may leave checksums and\n"
"                        segmentation to others (on)\n"
"      --lldp HOW        tell neighbours of this switch: off, on, or each so many seconds\n"
"      --hashsize N      room for N addresses at least (8192)\n"
"      --macaddr MAC     the switch's own address (random)\n"
"  -d, --daemon          go into the background when all is ready\n"
"  -p, --pidfile FILE    write the process id to FILE\n"
"  -f, --rcfile FILE     run the console's commands in FILE (~/.vde2/vde_switch.rc,\n"
"                        /etc/vde2/vde_switch.rc)\n"
"      --strict          an error in the rc file, or a tap that cannot be attached,\n"
"                        is fatal\n"
"  -M, --mgmt SOCKET     management console on SOCKET\n"
"      --mgmtmode MODE   octal mode of console and control sockets (0600)\n"
"      --mgmtgroup GROUP their group\n"
"      --nostdin         no console on standard input\n"
"  -D, --debugclients N  accepted, and means nothing\n"
"  -h, --help            this text\n"
"  -v, --version         version\n"
"\n"
"Each long option may be written with one dash, and abbreviated.\n", stdout);
}

/* The mode of the directory follows from that of the sockets: who may read or
 * write those may search it. The other way round, the directory's set bits but
 * for x are the sockets'. */
static void options_modes(struct vsw_config *cfg, bool mode_given,
			  bool dirmode_given)
{
	if (!mode_given && !dirmode_given) {
		cfg->mode = 0600;
		cfg->dirmode = 02700;
	} else if (!dirmode_given) {
		cfg->dirmode = 02000 | cfg->mode;
		for (int shift = 0; shift <= 6; shift += 3)
			if (cfg->mode >> shift & 6)
				cfg->dirmode |= (mode_t)1 << shift;
	} else if (!mode_given) {
		cfg->mode = cfg->dirmode & 0666;
	}
}

static bool options_mode(const char *name, const char *arg, mode_t *mode)
{
	unsigned int v;

	if (!parse_octal(arg, 07777, &v)) {
		log_err("%s '%s': not an octal mode", name, arg);
		return false;
	}
	*mode = v;
	return true;
}

static bool options_group(const char *arg, gid_t *gid)
{
	if (parse_group(arg, gid))
		return true;
	log_err("No such group '%s'", arg);
	return false;
}

/* A daemon goes to /, so a path is made absolute now; @path has PATH_MAX bytes. */
static bool options_absolute(char *path, const char *arg)
{
	char cwd[PATH_MAX] = "";
	int n;

	if (arg[0] != '/' && !getcwd(cwd, sizeof(cwd))) {
		log_err_errno(errno, "current directory");
		return false;
	}
	n = snprintf(path, PATH_MAX, "%s%s%s", cwd, cwd[0] ? "/" : "", arg);
	if (n < 0 || n >= PATH_MAX) {
		log_err("socket '%s': name too long", arg);
		return false;
	}
	return true;
}

static bool options_tap(struct vsw_config *cfg, const char *arg)
{
	if (cfg->taps == VSW_TAPS_MAX) {
		log_err("tap '%s': more than %d taps", arg, VSW_TAPS_MAX);
		return false;
	}
	cfg->tap[cfg->taps++] = arg;
	return true;
}

/* Whether a port may be called so: its socket may lie in the switch directory. */
static bool options_is_name(const char *name)
{
	return name[0] && name[0] != '.' && !strchr(name, '/') &&
	       strlen(name) < sizeof(((struct vsw_named_config *)0)->name);
}

/* NAME[,key=value...], the argument of @option. Return: the port, or NULL, logged. */
static struct vsw_named_config *options_named(const char *option, const char *arg,
					      bool dgram)
{
	struct vsw_named_config *v = calloc(1, sizeof(*v));
	char *copy = strdup(arg), *rest = copy;
	const char *wrong = NULL;
	struct parse_kv kv;
	bool good = false;

	if (!v || !copy) {
		log_err("%s '%s': out of memory", option, arg);
		goto fail;
	}
	v->mode = 0600;
	v->gid = (gid_t)-1;
	while (!wrong && parse_kv_next(&rest, &kv)) {
		if (!kv.value && !dgram && !strcmp(kv.key, "client"))
			v->client = true;
		else if (!kv.value && !v->name[0] && options_is_name(kv.key))
			strcpy(v->name, kv.key);
		else if (kv.value && !strcmp(kv.key, dgram ? "local" : "path"))
			wrong = options_absolute(v->path, kv.value) ? NULL : kv.key;
		else if (kv.value && dgram && !strcmp(kv.key, "remote"))
			wrong = options_absolute(v->remote, kv.value) ? NULL : kv.key;
		else if (kv.value && !strcmp(kv.key, "port"))
			wrong = parse_uint(kv.value, 1, VSW_PORTS_MAX, &v->port) ? NULL : kv.key;
		else if (kv.value && !strcmp(kv.key, "mode"))
			wrong = options_mode(option, kv.value, &v->mode) ? NULL : kv.key;
		else if (kv.value && !strcmp(kv.key, "group"))
			wrong = options_group(kv.value, &v->gid) ? NULL : kv.key;
		else
			wrong = kv.key;
	}
	if (wrong)
		log_err("%s '%s': what is '%s'?", option, arg, wrong);
	else if (!v->name[0])
		log_err("%s '%s': it needs a name", option, arg);
	else if (v->client && !v->path[0])
		log_err("%s '%s': a client needs path=SOCKET", option, arg);
	else if (dgram && (!v->path[0] || !v->remote[0]))
		log_err("%s '%s': it needs local=SOCKET and remote=SOCKET", option, arg);
	else
		good = true;
	if (!good)
		goto fail;
	free(copy);
	return v;
fail:
	free(copy);
	free(v);
	return NULL;
}

/* Add a named port to the @count of @list, which has room for @max. */
static bool options_add_named(struct vsw_named_config **list, unsigned int *count,
			      unsigned int max, const char *option, const char *arg)
{
	struct vsw_named_config *v;

	if (*count == max) {
		log_err("%s '%s': more than %u ports", option, arg, max);
		return false;
	}
	v = options_named(option, arg, !strcmp(option, "--dgram"));
	if (v)
		list[(*count)++] = v;
	return v;
}

/* NAME[,key=value...] */
static bool options_port(struct vsw_config *cfg, const char *arg)
{
	struct vsw_port_config *p = &cfg->port[cfg->named_ports];
	char *copy = strdup(arg), *rest = copy;
	const char *wrong = NULL;
	struct parse_kv kv;
	bool good;

	if (!copy || cfg->named_ports == VSW_NAMED_PORTS_MAX) {
		log_err("--port '%s': more than %d ports", arg, VSW_NAMED_PORTS_MAX);
		free(copy);
		return false;
	}
	*p = (struct vsw_port_config){ .mode = (mode_t)-1, .gid = (gid_t)-1 };
	while (!wrong && parse_kv_next(&rest, &kv)) {
		if (!kv.value && !p->name[0] && portgroup_is_name(kv.key))
			snprintf(p->name, sizeof(p->name), "%s", kv.key);
		else if (kv.value && !strcmp(kv.key, "port"))
			wrong = parse_uint(kv.value, 1, VSW_PORTS_MAX, &p->port) ? NULL : kv.key;
		else if (kv.value && !strcmp(kv.key, "mode"))
			wrong = options_mode("--port mode", kv.value, &p->mode) ? NULL : kv.key;
		else if (kv.value && !strcmp(kv.key, "group"))
			wrong = options_group(kv.value, &p->gid) ? NULL : kv.key;
		else
			wrong = kv.key;
	}
	good = !wrong && p->name[0];
	if (good)
		cfg->named_ports++;
	else
		log_err("--port '%s': %s%s%s", arg, wrong ? "what is '" : "it needs a name",
			wrong ? wrong : "", wrong ? "'?" : "");
	free(copy);
	return good;
}

/* VDE's number, rounded up to a power of two as there. */
static bool options_hashsize(struct vsw_config *cfg, const char *arg)
{
	unsigned int n, size = 1;

	if (!parse_uint(arg, 1, VSW_FDB_MAX, &n)) {
		log_err("--hashsize '%s': must be a number from 1 to %d", arg, VSW_FDB_MAX);
		return false;
	}
	while (size < n)
		size *= 2;
	if (size != n)
		log_warn("Hash size must be a power of 2. %u rounded to %u", n, size);
	cfg->hashsize = size;
	return true;
}

static bool options_vlan(struct vsw_config *cfg, const char *arg)
{
	static const char *const modes[] = {
		[VLAN_AUTO] = "auto",
		[VLAN_STRICT] = "strict",
		[VLAN_TRANSPARENT] = "transparent",
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(modes); i++) {
		if (!strcmp(arg, modes[i])) {
			cfg->vlan_mode = (enum vlan_mode)i;
			return true;
		}
	}
	log_err("--vlan '%s': must be auto, strict or transparent", arg);
	return false;
}

static bool options_vlan_learning(struct vsw_config *cfg, const char *arg)
{
	cfg->vlan_shared = !strcmp(arg, "shared");
	if (cfg->vlan_shared || !strcmp(arg, "independent"))
		return true;
	log_err("--vlan-learning '%s': must be independent or shared", arg);
	return false;
}

static bool options_reserved(struct vsw_config *cfg, const char *arg)
{
	if (bridge_reserved_parse(arg, &cfg->reserved))
		return true;
	log_err("--reserved '%s': must be forward, standard, or a mask from 0 to 0xffff", arg);
	return false;
}

static bool options_offloads(struct vsw_config *cfg, const char *arg)
{
	cfg->no_offloads = !strcmp(arg, "off");
	if (cfg->no_offloads || !strcmp(arg, "on"))
		return true;
	log_err("--offloads '%s': must be on or off", arg);
	return false;
}

static bool options_mcast_snooping(struct vsw_config *cfg, const char *arg)
{
	cfg->mcast_querier = !strcmp(arg, "querier");
	cfg->mcast_snooping = cfg->mcast_querier || !strcmp(arg, "on");
	if (cfg->mcast_snooping || !strcmp(arg, "off"))
		return true;
	log_err("--mcast-snooping '%s': must be off, on or querier", arg);
	return false;
}

static bool options_poll(struct vsw_config *cfg, const char *arg)
{
	static const char *const modes[] = {
		[POLLER_ADAPTIVE] = "adaptive",
		[POLLER_ALWAYS] = "always",
		[POLLER_NEVER] = "never",
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(modes); i++) {
		if (!strcmp(arg, modes[i])) {
			cfg->polling = (enum poller_mode)i;
			return true;
		}
	}
	log_err("--poll '%s': must be adaptive, always or never", arg);
	return false;
}

static bool options_lldp(struct vsw_config *cfg, const char *arg)
{
	bool on;

	if (parse_uint(arg, 1, LLDP_INTERVAL_MAX_S, &cfg->lldp_s))
		return true;
	if (!parse_bool(arg, &on)) {
		log_err("--lldp '%s': must be off, on, or a number from 1 to %d", arg,
			LLDP_INTERVAL_MAX_S);
		return false;
	}
	cfg->lldp_s = on ? LLDP_INTERVAL_S : 0;
	return true;
}

/* 00:ff: and four random bytes, as vde_switch. */
static void options_random_addr(struct eth_addr *addr)
{
	addr->b[0] = 0x00;
	addr->b[1] = 0xff;
	if (getrandom(addr->b + 2, 4, 0) != 4)
		memcpy(addr->b + 2, "\1\2\3\4", 4);
}

static bool options_one(struct options *opt, int c, const char *arg,
			bool *mode_given, bool *dirmode_given)
{
	struct vsw_config *cfg = &opt->vsw;
	unsigned int n;

	switch (c) {
	case 'n':
		if (parse_uint(arg, 1, VSW_PORTS_MAX + 1, &cfg->numports)) {
			/* Kathara asks for 65535. */
			cfg->numports = MIN(cfg->numports, (unsigned int)VSW_PORTS_MAX);
			return true;
		}
		log_err("--numports '%s': must be a number from 1 to %d", arg,
			VSW_PORTS_MAX + 1);
		return false;
	case 'x':
		cfg->hub = true;
		cfg->stp = false;
		return true;
	case 'F':
		cfg->stp = !cfg->hub;
		return true;
	case OPT_PRIORITY:
		if (!parse_uint(arg, 0, UINT32_MAX, &n)) {
			log_err("--priority '%s': not a number", arg);
			return false;
		}
		cfg->priority = (uint16_t)n;	/* as vde_switch */
		return true;
	case OPT_HASHSIZE:
		return options_hashsize(cfg, arg);
	case OPT_VLAN:
		return options_vlan(cfg, arg);
	case OPT_VLAN_LEARNING:
		return options_vlan_learning(cfg, arg);
	case OPT_RESERVED:
		return options_reserved(cfg, arg);
	case OPT_MCAST_SNOOPING:
		return options_mcast_snooping(cfg, arg);
	case OPT_OFFLOADS:
		return options_offloads(cfg, arg);
	case OPT_LLDP:
		return options_lldp(cfg, arg);
	case OPT_PORT:
		return options_port(cfg, arg);
	case OPT_STRICT:
		cfg->strict = true;
		return true;
	case 'f':
		return options_absolute(cfg->rcfile, arg);
	case 'D':
		return true;
	case OPT_MACADDR:
		if (eth_addr_parse(arg, &cfg->addr))
			return true;
		log_err("--macaddr '%s': not a MAC address", arg);
		return false;
	case 's':
		cfg->dir = arg;
		return true;
	case 'm':
		*mode_given = true;
		return options_mode("--mod", arg, &cfg->mode);
	case OPT_DIRMODE:
		*dirmode_given = true;
		return options_mode("--dirmode", arg, &cfg->dirmode);
	case 'g':
		return options_group(arg, &cfg->gid);
	case 't':
		return options_tap(cfg, arg);
	case 'd':
		opt->daemon = true;
		return true;
	case 'p':
		opt->pidfile = arg;
		return true;
	case 'M':
		return options_absolute(cfg->mgmt, arg);
	case OPT_MGMTMODE:
		return options_mode("--mgmtmode", arg, &cfg->mgmtmode);
	case OPT_MGMTGROUP:
		return options_group(arg, &cfg->mgmtgid);
	case OPT_VHOST_USER:
		return options_add_named(cfg->vhost, &cfg->vhosts, VSW_VHOST_PORTS_MAX,
					 "--vhost-user", arg);
	case OPT_STREAM:
		return options_add_named(cfg->stream, &cfg->streams,
					 VSW_STREAM_PORTS_MAX, "--stream", arg);
	case OPT_DGRAM:
		return options_add_named(cfg->dgram, &cfg->dgrams, VSW_DGRAM_PORTS_MAX,
					 "--dgram", arg);
	case OPT_POLL:
		return options_poll(cfg, arg);
	case OPT_NOSTDIN:
		cfg->stdin_console = false;
		return true;
	default:
		return false;
	}
}

enum options_result options_parse(struct options *opt, int argc, char **argv)
{
	bool mode_given = false, dirmode_given = false;
	int c;

	*opt = (struct options){
		.vsw = {
			.dir = geteuid() ? "/tmp/vde.ctl" : "/var/run/vde.ctl",
			.gid = (gid_t)-1,
			.mgmtmode = 0600,
			.mgmtgid = getegid(),	/* not the group of a set-gid directory */
			.numports = VSW_PORTS_DEFAULT,
			.hashsize = OPTIONS_HASHSIZE,
			.priority = 0x8000,
			.reserved = BRIDGE_RESERVED_FORWARD,
			.stdin_console = true,
		},
	};
	options_random_addr(&opt->vsw.addr);
	while ((c = getopt_long_only(argc, argv, OPTIONS_SHORT, options_long,
				     NULL)) != -1) {
		if (c == 'h') {
			options_usage();
			return OPTIONS_EXIT_FAILURE;	/* as vde_switch */
		}
		if (c == 'v') {
			puts(PACKAGE_STRING);
			return OPTIONS_EXIT_OK;
		}
		/* getopt has said what is wrong with a '?'. */
		if (!options_one(opt, c, optarg, &mode_given, &dirmode_given))
			return OPTIONS_EXIT_FAILURE;
	}
	if (optind < argc) {
		log_err("what is '%s'? (there are only options; see --help)",
			argv[optind]);
		return OPTIONS_EXIT_FAILURE;
	}
	options_modes(&opt->vsw, mode_given, dirmode_given);
	if (opt->daemon)
		opt->vsw.stdin_console = false;
	return OPTIONS_RUN;
}

void options_free(struct options *opt)
{
	while (opt->vsw.vhosts)
		free(opt->vsw.vhost[--opt->vsw.vhosts]);
	while (opt->vsw.streams)
		free(opt->vsw.stream[--opt->vsw.streams]);
	while (opt->vsw.dgrams)
		free(opt->vsw.dgram[--opt->vsw.dgrams]);
}
