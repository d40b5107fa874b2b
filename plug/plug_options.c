/* SPDX-License-Identifier: BSD-2-Clause */
/* plug_options.c - The command lines of lanbox-plug, vde_plug and vde_plug2tap */
#include "config.h"

#include "plug/plug_options.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/compiler.h"
#include "lib/eth.h"
#include "lib/log.h"
#include "lib/parse.h"
#include "plug/end.h"

enum {
	OPT_PORT = 256,
	OPT_PORT2,
	OPT_TAP,
	OPT_RECONNECT,
	OPT_MAX_FRAME,

	RETRY_DEFAULT_S = 10,
	RETRY_MAX_S = 86400,
	PORT_MAX = 65535,
};

static const struct option plug_long[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ "daemon", no_argument, NULL, 'd' },
	{ "pidfile", required_argument, NULL, 'p' },
	{ "log", no_argument, NULL, 'l' },
	{ "iplog", no_argument, NULL, 'L' },
	{ "group", required_argument, NULL, 'g' },
	{ "group2", required_argument, NULL, 'G' },
	{ "mod", required_argument, NULL, 'm' },
	{ "mod2", required_argument, NULL, 'M' },
	{ "port", required_argument, NULL, OPT_PORT },
	{ "port2", required_argument, NULL, OPT_PORT2 },
	{ "descr", required_argument, NULL, 'D' },
	{ "tap", required_argument, NULL, OPT_TAP },
	{ "reconnect", optional_argument, NULL, OPT_RECONNECT },
	{ "max-frame", required_argument, NULL, OPT_MAX_FRAME },
	{ NULL, 0, NULL, 0 },
};

/* vde_plug2tap's, in other letters. */
static const struct option plug2tap_long[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "daemon", no_argument, NULL, 'd' },
	{ "pidfile", required_argument, NULL, 'P' },
	{ "group", required_argument, NULL, 'g' },
	{ "mode", required_argument, NULL, 'm' },
	{ "port", required_argument, NULL, 'p' },
	{ "sock", required_argument, NULL, 's' },
	{ NULL, 0, NULL, 0 },
};

static void plug_usage(const char *program)
{
	printf(
"Usage: %s [OPTION...] [VNL]\n"
"       %s [OPTION...] VNL VNL\n"
"       %s [OPTION...] [VNL] = COMMAND [ARGUMENT...]\n"
"A cable between a switch and a stream of frames on standard input and output, or\n"
"another switch, or a command's standard input and output. VNL is a switch's\n"
"directory or another name for libvdeplug, '' the default switch, - standard input\n"
"and output.\n"
"\n"
"      --tap TAP           the cable begins at the tap interface TAP, and leads to\n"
"                          VNL (the default switch) or the command\n"
"      --reconnect[=SECONDS]\n"
"                          look for a switch that goes away, start a command again\n"
"                          that ends; at most SECONDS (10) between two attempts\n"
"      --max-frame BYTES   longest frame sent into a stream (9234, which is what\n"
"                          vde_plug takes; up to 65535)\n"
"  -d, --daemon            go into the background when all is ready\n"
"  -p, --pidfile FILE      write the process id to FILE\n"
"  -l, --log               log start and stop to syslog\n"
"  -L, --iplog             also IP addresses that the second end sends from\n"
"  -D, --descr TEXT        what the switch shows (%s)\n"
"  -g, --group GROUP       group of the first VNL's socket\n"
"  -m, --mod MODE          octal mode of it\n"
"      --port PORT         port of its switch\n"
"  -G, --group2 GROUP      the same for the second VNL\n"
"  -M, --mod2 MODE\n"
"      --port2 PORT\n"
"  -c NAME                 run as a login shell\n"
"  -h, --help              this text\n"
"  -v, --version           version\n",
	program, program, program, program);
}

static void plug2tap_usage(const char *program)
{
	printf(
"Usage: %s [OPTION...] TAP\n"
"A cable between a switch and the tap interface TAP.\n"
"\n"
"  -s, --sock VNL          the switch's directory or another name for libvdeplug;\n"
"                          -: a stream of frames on standard input and output\n"
"  -p, --port PORT         port of the switch\n"
"  -g, --group GROUP       group of the socket\n"
"  -m, --mode MODE         octal mode of the socket\n"
"  -d, --daemon            go into the background when all is ready\n"
"  -P, --pidfile FILE      write the process id to FILE\n"
"  -h, --help              this text\n", program);
}

/* libvdeplug knows groups by name only. */
static bool options_group(struct plug_side *side, char *arg)
{
	struct group *group;
	gid_t gid;

	if (!parse_group(arg, &gid)) {
		log_err("No such group '%s'", arg);
		return false;
	}
	group = getgrnam(arg) ? NULL : getgrgid(gid);
	side->open.group = group ? group->gr_name : arg;
	side->with_open = true;
	return true;
}

static bool options_mode(struct plug_side *side, const char *arg)
{
	unsigned int v;

	if (!parse_octal(arg, 0777, &v)) {
		log_err("mode '%s': not an octal mode", arg);
		return false;
	}
	side->open.mode = v;
	side->with_open = true;
	return true;
}

static bool options_port(struct plug_side *side, const char *arg)
{
	unsigned int v;

	if (!parse_uint(arg, 0, PORT_MAX, &v)) {
		log_err("port '%s': must be a number from 0 to %d", arg, PORT_MAX);
		return false;
	}
	side->open.port = (int)v;
	side->with_open = true;
	return true;
}

static bool options_retry(struct plug_options *opt, const char *arg)
{
	opt->retry_s = RETRY_DEFAULT_S;
	if (!arg || parse_uint(arg, 1, RETRY_MAX_S, &opt->retry_s))
		return true;
	log_err("--reconnect '%s': must be a number of seconds from 1 to %d", arg, RETRY_MAX_S);
	return false;
}

static bool options_max_frame(struct plug_options *opt, const char *arg)
{
	if (parse_uint(arg, 60, ETH_FRAME_MAX, &opt->max_frame))
		return true;
	log_err("--max-frame '%s': must be a number of bytes from 60 to %d", arg,
		ETH_FRAME_MAX);
	return false;
}

/* One option of lanbox-plug's. Return: whether it is good. */
static bool plug_option(struct plug_options *opt, int c, char *arg, const char **tap)
{
	switch (c) {
	case 'd':
		return opt->daemon = true;
	case 'p':
		opt->pidfile = arg;
		return true;
	case 'L':
		opt->iplog = true;
		return opt->record = true;
	case 'l':
		return opt->record = true;
	case 'g':
	case 'G':
		return options_group(&opt->side[c == 'G'], arg);
	case 'm':
	case 'M':
		return options_mode(&opt->side[c == 'M'], arg);
	case OPT_PORT:
	case OPT_PORT2:
		return options_port(&opt->side[c == OPT_PORT2], arg);
	case 'D':
		opt->descr = arg;
		return true;
	case OPT_TAP:
		*tap = arg;
		return true;
	case OPT_RECONNECT:
		return options_retry(opt, arg);
	case OPT_MAX_FRAME:
		return options_max_frame(opt, arg);
	default:
		return false;
	}
}

/* What the user of a login shell may ask for. */
static bool is_plug_name(const char *name)
{
	return !strcmp(name, "vde_plug") || !strcmp(name, "lanbox-plug");
}

/* Whether we are in the group whose members' addresses are logged. */
static bool in_iplog_group(void)
{
	struct group *group = getgrnam("vdeplug_iplog");
	gid_t gids[NGROUPS_MAX + 1];
	int n;

	if (!group)
		return false;
	gids[0] = getegid();
	n = MAX(getgroups(NGROUPS_MAX, gids + 1), 0);
	for (int i = 0; i <= n; i++)
		if (gids[i] == group->gr_gid)
			return true;
	return false;
}

static enum plug_options_result options_login(struct plug_options *opt, int argc, char **argv)
{
	if (argc != 3 || strcmp(argv[1], "-c") || !is_plug_name(argv[2]))
		return PLUG_OPTIONS_REFUSED;
	opt->side[1].kind = PLUG_STDIO;
	opt->record = true;
	opt->iplog = in_iplog_group();
	return PLUG_OPTIONS_RUN;
}

/* A VNL from the command line; "-" is standard input and output. */
static void options_vnl(struct plug_side *side, const char *name)
{
	side->kind = strcmp(name, "-") ? PLUG_VNL : PLUG_STDIO;
	side->name = name;
}

/* Take what stands in front of "=". Return: whether there is neither too much nor
 * too little of it. */
static bool options_sides(struct plug_options *opt, const char *tap, int n, char **names)
{
	struct plug_side *side = opt->side;
	bool command = side[1].kind == PLUG_COMMAND;

	if (n > (tap || command ? 1 : 2) || (tap && command && n)) {
		log_err("what is '%s'? (a cable has two ends; see --help)", names[n - 1]);
		return false;
	}
	if (tap) {
		/* The switch is the only one, so it has the first one's options. */
		if (!command) {
			side[1] = side[0];
			options_vnl(&side[1], n ? names[0] : "");
		}
		side[0] = (struct plug_side){ .kind = PLUG_TAP, .name = tap };
		return true;
	}
	options_vnl(&side[0], n ? names[0] : "");
	if (!command)
		options_vnl(&side[1], n > 1 ? names[1] : "-");
	if (side[0].kind == PLUG_STDIO && side[1].kind == PLUG_STDIO) {
		log_err("a cable from standard input and output to itself");
		return false;
	}
	return true;
}

/* A daemon goes to /, so the path in a VNL is made absolute now, if it is one and
 * will be needed again. */
static bool options_absolute(struct plug_side *side)
{
	static const char *const schemes[] = { "vde://", "lanbox://", "hub://", "switch://" };
	char cwd[PATH_MAX], *all;
	size_t scheme = 0;

	if (side->kind != PLUG_VNL)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (!strncmp(side->name, schemes[i], strlen(schemes[i])))
			scheme = strlen(schemes[i]);
	if ((!scheme && strstr(side->name, "://")) || !side->name[scheme] ||
	    side->name[scheme] == '/' || side->name[scheme] == '[')
		return true;
	if (!getcwd(cwd, sizeof(cwd)) ||
	    asprintf(&all, "%.*s%s/%s", (int)scheme, side->name, cwd,
		     side->name + scheme) < 0) {
		log_err_errno(errno, "network '%s'", side->name);
		return false;
	}
	side->name = all;
	return side->allocated = true;
}

/* vde_plug2tap's command line. */
static enum plug_options_result plug2tap_parse(struct plug_options *opt, const char *program,
					       int argc, char **argv)
{
	const char *sock = "";
	bool good = true;
	int c;

	while (good && (c = getopt_long(argc, argv, "hdP:g:m:p:s:", plug2tap_long, NULL)) != -1) {
		switch (c) {
		case 'h':
			plug2tap_usage(program);
			return PLUG_OPTIONS_EXIT_OK;
		case 'd':
			opt->daemon = true;
			break;
		case 'P':
			opt->pidfile = optarg;
			break;
		case 'g':
			good = options_group(&opt->side[0], optarg);
			break;
		case 'm':
			good = options_mode(&opt->side[0], optarg);
			break;
		case 'p':
			good = options_port(&opt->side[0], optarg);
			break;
		case 's':
			sock = optarg;
			break;
		default:
			good = false;
		}
	}
	if (good && optind + 1 != argc) {
		log_err(optind == argc ? "which tap interface? (see --help)" :
			"more than one tap interface (see --help)");
		good = false;
	}
	if (!good || !options_sides(opt, argv[optind], 1, (char *[]){ (char *)(uintptr_t)sock }))
		return PLUG_OPTIONS_USAGE;
	return PLUG_OPTIONS_RUN;
}

static enum plug_options_result plug_parse(struct plug_options *opt, const char *program,
					   int argc, char **argv)
{
	const char *tap = NULL;
	int c;

	/* What follows "=" belongs to the command. */
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "="))
			continue;
		if (i + 1 == argc) {
			log_err("which command? (see --help)");
			return PLUG_OPTIONS_USAGE;
		}
		opt->side[1].kind = PLUG_COMMAND;
		opt->side[1].command = argv + i + 1;
		argv[i] = NULL;
		argc = i;
	}
	while ((c = getopt_long(argc, argv, "hvdp:lLg:G:m:M:D:c:", plug_long, NULL)) != -1) {
		if (c == 'h') {
			plug_usage(program);
			return PLUG_OPTIONS_EXIT_OK;
		}
		if (c == 'v') {
			puts(PACKAGE_STRING);
			return PLUG_OPTIONS_EXIT_OK;
		}
		if (c == 'c')
			return options_login(opt, argc, argv);
		if (!plug_option(opt, c, optarg, &tap))
			return PLUG_OPTIONS_USAGE;
	}
	if (!options_sides(opt, tap, argc - optind, argv + optind))
		return PLUG_OPTIONS_USAGE;
	return PLUG_OPTIONS_RUN;
}

enum plug_options_result plug_options_parse(struct plug_options *opt, const char *program,
					    int argc, char **argv)
{
	enum plug_options_result result;

	*opt = (struct plug_options){
		.descr = program,
		.max_frame = END_STREAM_MAX,
		.side = { { .name = "", .open.mode = 0700 }, { .name = "", .open.mode = 0700 } },
	};
	/* A name that begins with a dash is that of a login shell. */
	if (argv[0] && argv[0][0] == '-')
		return options_login(opt, argc, argv);
	if (!strcmp(program, "vde_plug2tap"))
		result = plug2tap_parse(opt, program, argc, argv);
	else
		result = plug_parse(opt, program, argc, argv);
	for (int i = 0; i < 2 && result == PLUG_OPTIONS_RUN && opt->daemon && opt->retry_s; i++)
		if (!options_absolute(&opt->side[i]))
			result = PLUG_OPTIONS_USAGE;
	return result;
}

void plug_options_free(struct plug_options *opt)
{
	for (int i = 0; i < 2; i++)
		if (opt->side[i].allocated)
			free((char *)(uintptr_t)opt->side[i].name);
}
