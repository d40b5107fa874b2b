/* SPDX-License-Identifier: BSD-2-Clause */
/* wire_options.c - The command line of lanbox-wirefilter, in wirefilter's spellings
 *
 * getopt_long_only() takes -loss, --loss and unambiguous beginnings alike, as
 * wirefilter does.
 */
#include "config.h"

#include "plug/wire_options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/eth.h"
#include "lib/log.h"
#include "lib/parse.h"

enum {
	OPT_MGMTMODE = 256,
	OPT_MGMTGROUP,
	OPT_DAEMON,
	OPT_PIDFILE,
	OPT_BLINK,
	OPT_BLINKID,
	OPT_NOSTDIN,
	OPT_QUEUE,
	OPT_MAX_FRAME,
	OPT_FIXED_SEED,
	OPT_VERSION,
};

#define OPTIONS_SHORT "hNl:L:n:d:M:D:m:b:s:c:v:f:"

static const struct option options_long[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "rcfile", required_argument, NULL, 'f' },
	{ "loss", required_argument, NULL, 'l' },
	{ "lostburst", required_argument, NULL, 'L' },
	{ "delay", required_argument, NULL, 'd' },
	{ "dup", required_argument, NULL, 'D' },
	{ "band", required_argument, NULL, 'b' },
	{ "speed", required_argument, NULL, 's' },
	{ "chanbufsize", required_argument, NULL, 'c' },
	{ "capacity", required_argument, NULL, 'c' },
	{ "noise", required_argument, NULL, 'n' },
	{ "mtu", required_argument, NULL, 'm' },
	{ "nofifo", no_argument, NULL, 'N' },
	{ "mgmt", required_argument, NULL, 'M' },
	{ "mgmtmode", required_argument, NULL, OPT_MGMTMODE },
	{ "mgmtgroup", required_argument, NULL, OPT_MGMTGROUP },
	{ "vde-plug", required_argument, NULL, 'v' },
	{ "daemon", no_argument, NULL, OPT_DAEMON },
	{ "pidfile", required_argument, NULL, OPT_PIDFILE },
	{ "blink", required_argument, NULL, OPT_BLINK },
	{ "blinkid", required_argument, NULL, OPT_BLINKID },
	{ "nostdin", no_argument, NULL, OPT_NOSTDIN },
	{ "queue", required_argument, NULL, OPT_QUEUE },
	{ "max-frame", required_argument, NULL, OPT_MAX_FRAME },
	{ "fixed-seed", required_argument, NULL, OPT_FIXED_SEED },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

/* The options that set a parameter. */
static const struct {
	int c;
	enum wire_param param;
	const char *name;
} options_params[] = {
	{ 'l', WIRE_LOSS, "loss" },
	{ 'L', WIRE_LOSTBURST, "lostburst" },
	{ 'd', WIRE_DELAY, "delay" },
	{ 'D', WIRE_DUP, "dup" },
	{ 'b', WIRE_BAND, "band" },
	{ 's', WIRE_SPEED, "speed" },
	{ 'c', WIRE_CHANBUFSIZE, "chanbufsize" },
	{ 'n', WIRE_NOISE, "noise" },
	{ 'm', WIRE_MTU, "mtu" },
};

static void options_usage(void)
{
	fputs(
"Usage: lanbox-wirefilter [OPTION...]\n"
"       lanbox-wirefilter [OPTION...] VNL VNL\n"
"A wire that delays, loses, damages frames as it is told to: between two streams of\n"
"frames (dpipe vde_plug A = lanbox-wirefilter = vde_plug B), or two networks.\n"
"\n"
"  -l, --loss VALUE          frames lost (percent)\n"
"  -L, --lostburst VALUE     mean length of bursts of lost frames\n"
"  -d, --delay VALUE         delay (ms)\n"
"  -D, --dup VALUE           frames duplicated (percent)\n"
"  -b, --band VALUE          bandwidth of the wire: frames wait (bytes/s)\n"
"  -s, --speed VALUE         speed of the interface: senders wait (bytes/s)\n"
"  -c, --chanbufsize VALUE   most that waits in the wire (bytes)\n"
"      --capacity VALUE      the same\n"
"  -n, --noise VALUE         bits damaged in each 2^20 bytes\n"
"  -m, --mtu VALUE           longer frames are dropped (bytes)\n"
"  -N, --nofifo              frames may overtake each other\n"
"  -f, --rcfile FILE         commands to run at the start\n"
"  -v, --vde-plug VNL:VNL    the networks to join; standard input is a console\n"
"  -M, --mgmt SOCKET         management console on SOCKET\n"
"      --mgmtmode MODE       its octal mode (0700)\n"
"      --mgmtgroup GROUP     its group\n"
"      --nostdin             no console on standard input\n"
"      --daemon              go into the background when all is ready\n"
"      --pidfile FILE        write the process id to FILE\n"
"      --blink SOCKET        tell this datagram socket of each frame\n"
"      --blinkid NAME        and call us NAME (the process id)\n"
"      --queue SIZE          most that ever waits each way (64M bytes)\n"
"      --max-frame BYTES     longest frame sent into a stream (9234, which is what\n"
"                            vde_plug takes; up to 65535)\n"
"      --fixed-seed N        the same chance each time\n"
"  -h, --help                this text\n"
"      --version             version\n"
"\n"
"VALUE is [LR|RL]BASE[+VARIATION][K|M|G][U|N]: left to right or right to left only;\n"
"uniformly or normally distributed. Each long option may be written with one dash,\n"
"and abbreviated.\n", stdout);
}

static bool options_value(struct wire_options *opt, int c, const char *arg)
{
	if (opt->settings == WIRE_SETTINGS_MAX) {
		log_err("'%s': more than %d parameters", arg, WIRE_SETTINGS_MAX);
		return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(options_params); i++) {
		if (options_params[i].c != c)
			continue;
		opt->setting[opt->settings++] = (struct wire_option){
			.param = options_params[i].param,
			.name = options_params[i].name,
			.text = arg,
		};
		return true;
	}
	return false;
}

static void options_join(struct wire_options *opt, const char *left, const char *right)
{
	opt->vnl[0] = (struct end_vnl_args){ .vnl = left, .descr = "vde_crosscable" };
	opt->vnl[1] = (struct end_vnl_args){ .vnl = right, .descr = "vde_crosscable" };
}

/* A:B, cut at the one colon that is not part of a scheme (vde://). */
static bool options_vde_plug(struct wire_options *opt, const char *arg)
{
	char *cut = NULL;

	free(opt->vnls);
	opt->vnls = strdup(arg);
	if (!opt->vnls)
		return false;
	for (char *p = strchr(opt->vnls, ':'); p; p = strchr(p + 1, ':')) {
		if (!strncmp(p, "://", 3))
			continue;
		if (cut) {
			log_err("--vde-plug '%s': more than one ':' to cut it at; give the two "
				"networks as arguments of their own", arg);
			return false;
		}
		cut = p;
	}
	if (!cut) {
		log_err("--vde-plug '%s': must be two networks with ':' between", arg);
		return false;
	}
	*cut = 0;
	options_join(opt, opt->vnls, cut + 1);
	return true;
}

static bool options_mgmt(struct wire_options *opt, const char *arg)
{
	char cwd[PATH_MAX] = "";
	int n;

	/* A daemon goes to /, so a path is made absolute now. */
	if (arg[0] != '/' && !getcwd(cwd, sizeof(cwd))) {
		log_err_errno(errno, "current directory");
		return false;
	}
	n = snprintf(opt->mgmt, sizeof(opt->mgmt), "%s%s%s", cwd, cwd[0] ? "/" : "", arg);
	if (n > 0 && (size_t)n < sizeof(opt->mgmt))
		return true;
	log_err("console '%s': name too long", arg);
	return false;
}

static bool options_mgmtmode(struct wire_options *opt, const char *arg)
{
	unsigned int mode;

	if (!parse_octal(arg, 0777, &mode)) {
		log_err("--mgmtmode '%s': not an octal mode", arg);
		return false;
	}
	opt->mgmtmode = mode;
	return true;
}

static bool options_blinkid(struct wire_options *opt, const char *arg)
{
	opt->blink_id = arg;
	if (strlen(arg) < WIRE_BLINK_ID_MAX)
		return true;
	log_err("--blinkid '%s': too long", arg);
	return false;
}

static bool options_queue(struct wire_options *opt, const char *arg)
{
	uint64_t bytes;

	if (!parse_size(arg, 1, &bytes) || !bytes || bytes > SIZE_MAX / 2) {
		log_err("--queue '%s': must be a number of bytes, with K, M or G", arg);
		return false;
	}
	opt->queue = bytes;
	return true;
}

/* One option. Return: whether it is good. */
static bool options_one(struct wire_options *opt, int c, const char *arg)
{
	switch (c) {
	case 'N':
		return opt->nofifo = true;
	case 'f':
		opt->rcfile = arg;
		return true;
	case 'v':
		return options_vde_plug(opt, arg);
	case 'M':
		return options_mgmt(opt, arg);
	case OPT_MGMTMODE:
		return options_mgmtmode(opt, arg);
	case OPT_MGMTGROUP:
		if (parse_group(arg, &opt->mgmtgid))
			return true;
		log_err("No such group '%s'", arg);
		return false;
	case OPT_NOSTDIN:
		return opt->nostdin = true;
	case OPT_DAEMON:
		return opt->daemon = true;
	case OPT_PIDFILE:
		opt->pidfile = arg;
		return true;
	case OPT_BLINK:
		opt->blink = arg;
		return true;
	case OPT_BLINKID:
		return options_blinkid(opt, arg);
	case OPT_QUEUE:
		return options_queue(opt, arg);
	case OPT_MAX_FRAME:
		if (parse_uint(arg, 60, ETH_FRAME_MAX, &opt->max_frame))
			return true;
		log_err("--max-frame '%s': must be a number of bytes from 60 to %d", arg,
			ETH_FRAME_MAX);
		return false;
	case OPT_FIXED_SEED:
		opt->seeded = parse_u64(arg, 0, UINT64_MAX, &opt->seed);
		if (!opt->seeded)
			log_err("--fixed-seed '%s': must be a number", arg);
		return opt->seeded;
	default:
		/* getopt has said what is wrong with a '?'. */
		return c != '?' && options_value(opt, c, arg);
	}
}

/* Streams: whether these descriptors are some. */

static bool options_is_stream(int fd, const char *name)
{
	struct stat st;

	if (!fstat(fd, &st) && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
		return true;
	log_err("%s is no pipe (to join two networks, name them; see --help)", name);
	return false;
}

/* A descriptor whose number is in the environment, put there by dpipe. */
static bool options_alternate(const char *name, int *fd)
{
	const char *text = getenv(name);
	unsigned int n;

	if (!text)
		return true;
	if (!parse_uint(text, STDERR_FILENO + 1, INT_MAX, &n)) {
		log_err("%s='%s': not the number of a descriptor", name, text);
		return false;
	}
	*fd = (int)n;
	if (!options_is_stream(*fd, name))
		return false;
	fcntl(*fd, F_SETFD, FD_CLOEXEC);
	return true;
}

static bool options_streams(struct wire_options *opt)
{
	if (opt->daemon) {
		log_err("--daemon: only for a wire between two networks");
		return false;
	}
	if (!options_is_stream(STDIN_FILENO, "standard input") ||
	    !options_is_stream(STDOUT_FILENO, "standard output") ||
	    !options_alternate("ALTERNATE_STDIN", &opt->alternate_in) ||
	    !options_alternate("ALTERNATE_STDOUT", &opt->alternate_out))
		return false;
	if ((opt->alternate_in < 0) == (opt->alternate_out < 0))
		return true;
	log_err("of ALTERNATE_STDIN and ALTERNATE_STDOUT only one is there");
	return false;
}

enum wire_options_result wire_options_parse(struct wire_options *opt, int argc, char **argv)
{
	int c;

	*opt = (struct wire_options){
		.alternate_in = -1,
		.alternate_out = -1,
		.mgmtmode = 0700,
		.mgmtgid = (gid_t)-1,
		.queue = WIRE_QUEUE_BYTES,
		.max_frame = END_STREAM_MAX,
	};
	while ((c = getopt_long_only(argc, argv, OPTIONS_SHORT, options_long, NULL)) != -1) {
		if (c == 'h') {
			options_usage();
			return WIRE_OPTIONS_EXIT_FAILURE;	/* as wirefilter */
		}
		if (c == OPT_VERSION) {
			puts(PACKAGE_STRING);
			return WIRE_OPTIONS_EXIT_OK;
		}
		if (!options_one(opt, c, optarg))
			return WIRE_OPTIONS_EXIT_FAILURE;
	}
	if (!opt->vnl[0].vnl && argc - optind == WIRE_DIRS) {
		options_join(opt, argv[optind], argv[optind + 1]);
	} else if (optind < argc) {
		log_err("what is '%s'? (see --help)", argv[optind]);
		return WIRE_OPTIONS_EXIT_FAILURE;
	}
	if (!opt->vnl[0].vnl && !options_streams(opt))
		return WIRE_OPTIONS_EXIT_FAILURE;
	return WIRE_OPTIONS_RUN;
}

void wire_options_free(struct wire_options *opt)
{
	free(opt->vnls);
}
