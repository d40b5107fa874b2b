/* SPDX-License-Identifier: BSD-2-Clause */
/* switch.c - lanbox switch: look into a running switch, and change it
 *
 * A client of the control socket (lanbox-control(7)): options, the table of
 * subcommands, asking. Everything that is wrong with the command line is found
 * before the switch hears of it.
 */
#include "config.h"

#include "tools/switch.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/parse.h"
#include "tools/qmp_client.h"
#include "tools/switch_cmds.h"

enum { SWITCH_SECONDS_MAX = 86400 };

static const struct switch_cmd switch_cmds[] = {
	{ "show", "", "", "query-switch", switch_show_switch, NULL,
	  "what it is, and what it has done", "show" },
	{ "ports", "[PORT]", "", "query-ports", switch_show_ports, NULL,
	  "the ports, or all about one", "ports 2" },
	{ "fdb add", "ADDRESS PORT [VLAN]", "", "fdb-add", NULL, NULL,
	  "an address is behind a port for good", "fdb add 02:00:00:00:00:01 4" },
	{ "fdb del", "ADDRESS [VLAN]", "", "fdb-remove", NULL, NULL,
	  "forget one address, of whatever kind", "fdb del 02:00:00:00:00:01" },
	{ "fdb", "[ADDRESS]", "pv", "query-fdb", switch_show_fdb, NULL,
	  "which address is behind which port", "fdb --port 2" },
	{ "stats", "", "i", NULL, NULL, switch_stats,
	  "counters of all ports; with -i, what is added each second", "stats -i 1" },
	{ "watch", "[EVENT...]", "", NULL, NULL, switch_watch,
	  "what happens, as it does; all events, or those named",
	  "watch PORT_ADDED PORT_REMOVED" },
	{ "vlan list", "[VLAN]", "", "query-vlans", switch_show_vlans, NULL,
	  "the VLANs and their ports", "vlan list" },
	{ "vlan create", "VLAN", "", "vlan-create", NULL, NULL,
	  "make a VLAN", "vlan create 10" },
	{ "vlan remove", "VLAN", "", "vlan-remove", NULL, NULL,
	  "remove a VLAN that no port is in", "vlan remove 10" },
	{ "vlan add", "VLAN PORT", "", "vlan-add-port", NULL, NULL,
	  "make a port a tagged member", "vlan add 10 3" },
	{ "vlan del", "VLAN PORT", "", "vlan-remove-port", NULL, NULL,
	  "and no member any more", "vlan del 10 3" },
	{ "port create", "[PORT]", "", "port-create", switch_show_made, NULL,
	  "make a port, of this number or any; its number is shown", "port create 7" },
	{ "port remove", "PORT", "", "port-remove", NULL, NULL,
	  "remove a port with nothing plugged in", "port remove 7" },
	{ "port set", "PORT vlan=VLAN tag-type=TYPE user=USER group=GROUP allocatable=yes|no name=NAME "
	  "stp-guard=GUARD mcast-fast-leave=yes|no mcast-router=ROUTER "
	  "storm-broadcast=N storm-multicast=N storm-unknown=N "
	  "isolation=ISOLATION ethertypes=TYPES "
	  "rate-in=RATE burst-in=BYTES rate-out=RATE burst-out=BYTES "
	  "max-addresses=N violation=ACTION sticky=yes|no shut=yes|no", "",
	  "port-set", NULL, NULL,
	  "settings of a port, all or nothing: its untagged VLAN, what "
	  "it takes for a tag (802.1q, 802.1ad, none), who may plug in, "
	  "whether it is for anybody, its name, what may not be behind it (bpdu, root), "
	  "whether a leave ends membership of a group at once, whether a multicast router is "
	  "behind it (auto, always, never), how many broadcast, multicast and unknown unicast "
	  "frames it may flood in a second (0: any number), whether it talks to all ports "
	  "(promiscuous), to promiscuous ones only (isolated), or to its community, a number, which "
	  "EtherTypes it may bring (all, or some of ipv4, ipv6, arp, llc and numbers, with "
	  "commas between them), how many bits a second it may bring and get (as 10M; 0: any "
	  "number) and how many bytes at once, how many addresses may live behind it (0: any number), "
	  "whether frames from others pass (ignore), are dropped (drop) or shut it (shutdown), "
	  "whether its addresses stay there for good, whether it is shut; "
	  "'none' "
	  "takes them away",
	  "port set 7 vlan=10 group=kvm" },
	{ "port reset", "[PORT]", "", "port-reset-counters", NULL, NULL,
	  "set the counters of a port, or of all, to 0", "port reset 7" },
	{ "port close", "PORT ID", "", "endpoint-close", NULL, NULL,
	  "unplug one endpoint ('ports PORT' shows its ID)", "port close 7 12" },
	{ "stp", "", "", "query-stp", switch_show_stp, NULL,
	  "the spanning tree, and the ports in it", "stp" },
	{ "mcast list", "", "pv", "query-mcast", switch_show_mcast, NULL,
	  "who has joined which multicast group, and where routers are", "mcast list --vlan 0" },
	{ "mcast add", "GROUP PORT [VLAN]", "", "mcast-add", NULL, NULL,
	  "send a multicast group to a port always", "mcast add 239.1.2.3 4" },
	{ "mcast del", "GROUP PORT [VLAN]", "", "mcast-remove", NULL, NULL,
	  "and no longer", "mcast del 239.1.2.3 4" },
	{ "guard list", "", "pv", "query-guard", switch_show_guard, NULL,
	  "the source guard: what is checked at ports, and which address is bound to which",
	  "guard list --port 3" },
	{ "guard set", "PORT mac=yes|no ip=yes|no ra=yes|no dhcp-trust=yes|no", "", "guard-set", NULL, NULL,
	  "check sources at a port: MAC addresses, IP addresses with ARP and neighbour "
	  "discovery, that no router is behind it; and whether DHCP servers may be there", "guard set 3 ip=yes ra=yes" },
	{ "guard add", "PORT MAC [IP] [VLAN]", "", "guard-add", NULL, NULL,
	  "allow a source MAC address at a port, or bind an IP address to it",
	  "guard add 3 52:54:00:12:34:56 10.0.0.3" },
	{ "guard del", "PORT MAC [IP] [VLAN]", "", "guard-remove", NULL, NULL,
	  "and no longer", "guard del 3 52:54:00:12:34:56 10.0.0.3" },
	{ "mirror list", "", "", "query-mirrors", switch_show_mirrors, NULL,
	  "which ports' frames are copied where", "mirror list" },
	{ "mirror add", "PORT SOURCE [DIRECTION]", "", "mirror-add", NULL, NULL,
	  "copy to a port what comes in at another one (in), goes out of it (out), or both",
	  "mirror add 9 2 in" },
	{ "mirror del", "PORT [SOURCE]", "", "mirror-remove", NULL, NULL,
	  "no longer; without a source, the whole mirror", "mirror del 9 2" },
	{ "mirror set", "PORT filter=FILTER normal=yes|no", "", "mirror-set", NULL, NULL,
	  "copy only what pcap-filter(7) describes (none: all); whether the port that gets "
	  "the copies stays a port like others", "mirror set 9 filter=arp" },
	{ "lldp list", "", "", "query-lldp", switch_show_lldp, NULL,
	  "what neighbours are told of the switch, and by which ports", "lldp list" },
	{ "lldp set", "on=on|off interval=SECONDS name=NAME address=IP", "", "lldp-set", NULL,
	  NULL, "tell neighbours of this switch, so often; by which name, and that it is managed "
	  "at which IP address; 'none' is DIRECTORY@HOST, and no address", "lldp set on=on name=lab1" },
	{ "lldp port", "PORT send=yes|no", "", "lldp-set-port", NULL, NULL,
	  "tell who is behind a port, or not", "lldp port 3 send=no" },
	{ "tap list", "", "", "query-taps", switch_show_taps, NULL,
	  "the tap interfaces", "tap list" },
	{ "tap add", "NAME [PORT]", "", "tap-add", NULL, NULL,
	  "attach a tap interface, at a port", "tap add tap1 5" },
	{ "tap del", "NAME", "", "tap-remove", NULL, NULL,
	  "detach a tap interface", "tap del tap1" },
	{ "flush", "[PORT]", "", "fdb-flush", NULL, NULL,
	  "forget the addresses behind a port, or all", "flush 2" },
	{ "set", "hub=on|off stp=on|off numports=N hashsize=N ageing=SECONDS ageing-interval=SECONDS "
	  "min-stay=SECONDS reserved=MASK "
	  "vlan-learning=independent|shared mcast-snooping=on|off mcast-querier=on|off "
	  "mcast-interval=SECONDS dhcp-snooping=on|off nd-snooping=on|off", "", "set-switch", NULL, NULL,
	  "settings of the switch, all or nothing", "set ageing=300 hub=off" },
	{ "console", "LINE...", "", NULL, NULL, switch_console,
	  "run a line of the console", "console port/print 2" },
	{ "shutdown", "", "", "quit", NULL, NULL,
	  "end the switch", "shutdown" },
};

static const struct option switch_options[] = {
	{ "sock", required_argument, NULL, 's' },
	{ "json", no_argument, NULL, 'j' },
	{ "port", required_argument, NULL, 'p' },
	{ "vlan", required_argument, NULL, 'v' },
	{ "interval", required_argument, NULL, 'i' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* Asking. */

/* Why there is no talking to a switch, beside what the kernel says. */
static const char *switch_hint(const char *dir, int err)
{
	if (err == EACCES)
		return "you may not use it; see -mgmtmode and -mgmtgroup of lanbox-switchd";
	if (err == EPROTO)
		return "this is no control socket";
	if (err == ENOENT && !access(dir, F_OK))
		return "a switch without a control socket, as vde_switch has none?";
	return "is lanbox-switchd running there? -s DIR says where else to look";
}

/* Connect, if that was not done. Return: whether it is. */
static bool switch_connect(struct switch_call *call)
{
	char path[PATH_MAX];
	int ret;

	if (call->client)
		return true;
	if (snprintf(path, sizeof(path), "%s/control", call->dir) >= (int)sizeof(path))
		path[0] = 0;
	call->client = malloc(sizeof(*call->client));
	ret = call->client ? qmp_client_open(call->client, path) : -ENOMEM;
	if (!ret)
		return true;
	log_err("no switch at '%s': %s (%s)", path, strerror(-ret),
		switch_hint(call->dir, -ret));
	free(call->client);
	call->client = NULL;
	call->status = SWITCH_ABSENT;
	return false;
}

json_t *switch_ask(struct switch_call *call, const char *execute, json_t *args)
{
	json_t *ret = NULL;
	char err[512];

	if (!switch_connect(call)) {
		json_decref(args);
		return NULL;
	}
	ret = qmp_client_run(call->client, execute, args, NULL, err, sizeof(err));
	if (!ret) {
		log_err("%s", err);
		call->status = call->client->broken ? SWITCH_ABSENT : SWITCH_REFUSED;
	}
	return ret;
}

void switch_print_json(const json_t *v)
{
	json_dumpf(v, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_ENCODE_ANY);
	putchar('\n');
}

/* Running. */

/* A subcommand that is one command of the control socket. Return: exit status. */
static int switch_execute(struct switch_call *call)
{
	json_t *ret = switch_ask(call, call->cmd->execute, json_incref(call->args));

	if (!ret)
		return call->status;
	if (call->json)
		switch_print_json(ret);
	else if (call->cmd->show)
		call->cmd->show(call, ret);
	json_decref(ret);
	return SWITCH_DONE;
}

/* The subcommand that words mean, and how many of them are its name: "vlan" alone is
 * "vlan list". Return: it, or NULL. */
static const struct switch_cmd *switch_find(char *const *words, int count, int *used)
{
	for (size_t i = 0; count && i < ARRAY_SIZE(switch_cmds); i++) {
		const char *name = switch_cmds[i].name, *second = strchr(name, ' ');
		size_t len = strcspn(name, " ");

		if (strlen(words[0]) != len || memcmp(words[0], name, len))
			continue;
		*used = second ? MIN(count, 2) : 1;
		if (!second || !strcmp(count > 1 ? words[1] : "list", second + 1))
			return &switch_cmds[i];
	}
	return NULL;
}

/* Usage of a subcommand, as it is typed. */
static void switch_print_usage(FILE *to, const struct switch_cmd *cmd)
{
	fprintf(to, "%s%s%s%s%s%s\n", cmd->name, strchr(cmd->options, 'p') ?
		" [--port PORT]" : "", strchr(cmd->options, 'v') ? " [--vlan VLAN]" : "",
		strchr(cmd->options, 'i') ? " [-i SECONDS]" : "", *cmd->usage ? " " : "",
		cmd->usage);
}

static void switch_usage(FILE *to)
{
	fputs("Usage: lanbox switch [OPTION...] SUBCOMMAND [ARGUMENT...]\n"
	      "Look into a running switch, and change it.\n\n"
	      "  -s, --sock DIR    the switch's directory (root: /var/run/vde.ctl, others:\n"
	      "                    /tmp/vde.ctl)\n"
	      "  --json            print what the switch returns, as it is\n"
	      "  --port PORT       fdb, mcast, guard: of this port only\n"
	      "  --vlan VLAN       fdb, mcast, guard: in this VLAN only\n"
	      "  -i, --interval SECONDS\n"
	      "                    stats: again and again, so often\n"
	      "  -h, --help        this text\n\n"
	      "Exit status: 0 done, 1 the switch refused, 2 wrong usage, 3 no switch there\n",
	      to);
	for (size_t i = 0; i < ARRAY_SIZE(switch_cmds); i++) {
		fputc('\n', to);
		switch_print_usage(to, &switch_cmds[i]);
		fprintf(to, "        %s\n        $ lanbox switch %s\n", switch_cmds[i].help,
			switch_cmds[i].example);
	}
}

/* Say what is wrong with the command line. Return: exit status. */
static int switch_wrong(const struct switch_cmd *cmd, const char *why)
{
	log_err("%s", why);
	if (cmd) {
		fputs("usage: lanbox switch ", stderr);
		switch_print_usage(stderr, cmd);
	} else {
		fputs("'lanbox switch -h' shows all subcommands\n", stderr);
	}
	return SWITCH_USAGE;
}

/* Find the subcommand and run it; @own are the options that not all take. */
static int switch_run(struct switch_call *call, char **words, int count, const char *own)
{
	char err[512];
	int used = 0;

	call->cmd = switch_find(words, count, &used);
	if (!call->cmd) {
		snprintf(err, sizeof(err), count ? "there is no subcommand '%s%s%s'" :
			 "a subcommand is missing", count ? words[0] : "",
			 used > 1 ? " " : "", used > 1 ? words[1] : "");
		return switch_wrong(NULL, err);
	}
	call->words = words + used;
	call->count = count - used;
	for (const char *p = own; *p; p++) {
		if (strchr(call->cmd->options, *p))
			continue;
		snprintf(err, sizeof(err), "%s has no option %s", call->cmd->name,
			 *p == 'p' ? "--port" : *p == 'v' ? "--vlan" : "-i");
		return switch_wrong(call->cmd, err);
	}
	if (!switch_args(call->cmd->usage, call->words, call->count, call->args, err,
			 sizeof(err)))
		return switch_wrong(call->cmd, err);
	return call->cmd->run ? call->cmd->run(call) : switch_execute(call);
}

/* Take a number that an option has; for @arg as an argument of the subcommand. */
static bool switch_number(json_t *args, const char *arg, unsigned int min,
			  unsigned int max, unsigned int *n)
{
	if (!parse_uint(optarg, min, max, n)) {
		log_err("--%s '%s': must be a number from %u to %u", arg, optarg, min, max);
		return false;
	}
	if (args)
		json_object_set_new(args, arg, json_integer(*n));
	return true;
}

int switch_main(int argc, char **argv)
{
	struct switch_call call = {
		.dir = geteuid() ? "/tmp/vde.ctl" : "/var/run/vde.ctl",
		.args = json_object(),
	};
	int c, status = SWITCH_USAGE;
	unsigned int n, owns = 0;
	char own[8] = "";
	bool ok = true;

	while (ok && (c = getopt_long(argc, argv, "hi:s:", switch_options, NULL)) != -1) {
		if (c == 'h') {
			switch_usage(stdout);
			status = SWITCH_DONE;
			goto out;
		}
		if (c == 's')
			call.dir = optarg;
		else if (c == 'j')
			call.json = true;
		else if (c == 'i')
			ok = switch_number(NULL, "interval", 1, SWITCH_SECONDS_MAX,
					   &call.interval_s);
		else if (c == 'p' || c == 'v')
			ok = switch_number(call.args, c == 'p' ? "port" : "vlan", 0,
					   UINT16_MAX, &n);
		else
			ok = false;
		if (strchr("piv", c) && !strchr(own, c))
			own[owns++] = (char)c;
	}
	if (ok)
		status = switch_run(&call, argv + optind, argc - optind, own);
out:
	json_decref(call.args);
	if (call.client)
		qmp_client_close(call.client);
	free(call.client);
	return status;
}
