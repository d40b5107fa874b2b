/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_policy.c - The commands of port/ on the console that VDE has not: what a port may do */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/parse.h"
#include "switchd/admin.h"
#include "switchd/console_cmds.h"
#include "switchd/isolation.h"
#include "switchd/vsw.h"

enum { POLICY_WORD = 32 };

/* port/setisolation N promiscuous|isolated|COMMUNITY */
static int policy_setisolation(const struct console_call *call, const char *arg)
{
	char word[POLICY_WORD];
	uint16_t isolation;
	unsigned int n;

	if (!cmd_number(&arg, VSW_PORTS_MAX, &n) || !cmd_word(&arg, word, sizeof(word)) ||
	    *arg || !isolation_parse(word, &isolation))
		return EINVAL;
	return -admin_port_isolation(call->vsw, n, isolation);
}

/* port/setethertypes N all|TYPE,... */
static int policy_setethertypes(const struct console_call *call, const char *arg)
{
	struct ethertypes types;
	char list[ETHERTYPES_STR];
	unsigned int n;

	if (!cmd_number(&arg, VSW_PORTS_MAX, &n) || !cmd_word(&arg, list, sizeof(list)) ||
	    *arg || !ethertypes_parse(list, &types))
		return EINVAL;
	return -admin_port_types(call->vsw, n, &types);
}

/* port/setrate N in|out RATE [BURST] */
static int policy_setrate(const struct console_call *call, const char *arg)
{
	char way[POLICY_WORD], rate[POLICY_WORD], size[POLICY_WORD];
	uint64_t bits, burst = 0;
	unsigned int n;

	if (!cmd_number(&arg, VSW_PORTS_MAX, &n) || !cmd_word(&arg, way, sizeof(way)) ||
	    !cmd_word(&arg, rate, sizeof(rate)) || !rate_parse(rate, &bits) ||
	    (strcmp(way, "in") && strcmp(way, "out")))
		return EINVAL;
	if (*arg && (!cmd_word(&arg, size, sizeof(size)) || *arg || !parse_size(size, 1, &burst)))
		return EINVAL;
	return -admin_port_rate(call->vsw, n, strcmp(way, "in") ? POLICY_OUT : POLICY_IN, bits,
				burst);
}

/* port/setmaxaddr N MAX */
static int policy_setmaxaddr(const struct console_call *call, const char *arg)
{
	unsigned int n, limit;

	if (!cmd_two_numbers(arg, VSW_PORTS_MAX, &n, VSW_FDB_MAX, &limit))
		return EINVAL;
	return -admin_port_limit(call->vsw, n, limit);
}

/* port/setviolation N ignore|drop|shutdown */
static int policy_setviolation(const struct console_call *call, const char *arg)
{
	enum secure_action action;
	char word[POLICY_WORD];
	unsigned int n;

	if (!cmd_number(&arg, VSW_PORTS_MAX, &n) || !cmd_word(&arg, word, sizeof(word)) ||
	    *arg || !secure_action_parse(word, &action))
		return EINVAL;
	return -admin_port_violation(call->vsw, n, action);
}

static int policy_setsticky(const struct console_call *call, const char *arg)
{
	unsigned int n, on;

	if (!cmd_two_numbers(arg, VSW_PORTS_MAX, &n, 1, &on))
		return EINVAL;
	return -admin_port_sticky(call->vsw, n, on);
}

static int policy_setshut(const struct console_call *call, const char *arg)
{
	unsigned int n, on;

	if (!cmd_two_numbers(arg, VSW_PORTS_MAX, &n, 1, &on))
		return EINVAL;
	return -admin_port_shut(call->vsw, n, on);
}

static void policy_print_one(const struct port *port, FILE *out)
{
	const struct policy *policy = &port->policy;
	const struct rate *in = &policy->rate[POLICY_IN], *to = &policy->rate[POLICY_OUT];
	const struct fdb *fdb = port->vsw->bridge.fdb;
	char isolation[ISOLATION_STR], types[ETHERTYPES_STR];

	fprintf(out, "Port %04u shut=%s isolation=%s ethertypes=%s\n", port->id,
		port_shut_name(port), isolation_format(policy->isolation, isolation),
		ethertypes_format(&policy->types, types));
	fprintf(out, " addresses: %u max=%u static=%u sticky=%u setsticky=%s violation=%s "
		"refused=%" PRIu64 "\n", fdb_port_count(fdb, port->id), fdb_limit(fdb, port->id),
		fdb_kind_count(fdb, port->id, FDB_STATIC),
		fdb_kind_count(fdb, port->id, FDB_STICKY),
		fdb_sticky(fdb, port->id) ? "true" : "false",
		secure_action_name(policy->secure.action), policy->secure.refused);
	fprintf(out, " rate: in=%" PRIu64 " burst=%" PRIu64 " out=%" PRIu64 " burst=%" PRIu64
		"\n", in->bits, in->burst, to->bits, to->burst);
	fputs(" floods:", out);
	for (unsigned int i = 0; i < STORM_KINDS; i++)
		fprintf(out, " %s=%" PRIu32, storm_name((enum storm_kind)i),
			port->storm.bucket[i].rate);
	fputc('\n', out);
}

/* port/rules [N] */
static int policy_rules(const struct console_call *call, const char *arg)
{
	const struct vsw *vsw = call->vsw;
	const struct port *port;
	unsigned int n;
	int err;

	if (!*arg) {
		for (unsigned int i = 0; i <= vsw->numports; i++)
			if (vsw->ports[i])
				policy_print_one(vsw->ports[i], call->out);
		return 0;
	}
	if (!cmd_only_number(arg, VSW_PORTS_MAX, &n))
		return EINVAL;
	port = admin_port(vsw, n, &err);
	if (!port)
		return -err;
	policy_print_one(port, call->out);
	return 0;
}

const struct console_cmd cmd_policy[] = {
	{ "port/setisolation", "N promiscuous|isolated|COMMUNITY",
	  "port N talks to all, to promiscuous ports, or to its community and those", false,
	  policy_setisolation },
	{ "port/setethertypes", "N all|TYPE,...",
	  "what port N may bring: all, or ipv4, ipv6, arp, llc, and numbers", false,
	  policy_setethertypes },
	{ "port/setrate", "N in|out RATE [BURST]",
	  "bits per second from or to port N, bytes at once, 0=any number", false,
	  policy_setrate },
	{ "port/setmaxaddr", "N MAX", "so many addresses may live behind port N, 0=any number",
	  false, policy_setmaxaddr },
	{ "port/setviolation", "N ignore|drop|shutdown",
	  "frames from addresses that port N may not have: pass, are dropped, shut it", false,
	  policy_setviolation },
	{ "port/setsticky", "N 0/1", "addresses learnt at port N stay there for good", false,
	  policy_setsticky },
	{ "port/setshut", "N 0/1", "1=no frame goes to port N or comes from it 0=open it again",
	  false, policy_setshut },
	{ "port/rules", "[N]", "print what ports may do, rates in bits/s and bytes, 0=no limit",
	  true, policy_rules },
	{ NULL, NULL, NULL, false, NULL },
};
