/* SPDX-License-Identifier: BSD-2-Clause */
/* topo_net.c - Verbs that make a network and change it; README.md describes them */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "switchd/console_cmds.h"
#include "switchd/rstp.h"
#include "tests/topo/machine.h"
#include "tests/topo/topo.h"

/* Switches. */

static enum vlan_mode topo_vlan_mode(struct topo *t)
{
	const char *word = topo_word(t, "auto, strict or transparent");

	if (!strcmp(word, "strict"))
		return VLAN_STRICT;
	if (!strcmp(word, "transparent"))
		return VLAN_TRANSPARENT;
	if (strcmp(word, "auto"))
		topo_fail(t, "'%s' is not auto, strict or transparent", word);
	return VLAN_AUTO;
}

static uint16_t topo_reserved(struct topo *t)
{
	const char *word = topo_word(t, "forward, standard or a mask");
	uint16_t mask;

	if (!bridge_reserved_parse(word, &mask))
		topo_fail(t, "'%s' is not forward, standard or a mask", word);
	return mask;
}

/* A table of so few addresses as no switch has: they are told apart by hand. */
static void topo_addresses(struct topo *t, struct vsw *vsw, unsigned int n)
{
	struct fdb *fdb = fdb_create(n, vsw->numports + 1, (struct siphash_key){ 1, 2 });

	if (!fdb)
		topo_fail(t, "no memory");
	fdb_destroy(vsw->bridge.fdb);
	vsw->bridge.fdb = fdb;
}

/* bridge NAME [ports N] [addresses N] [hub] [vlans MODE] [reserved WHICH] [stp]
 * [priority N] [snooping] [querier] */
static void topo_verb_bridge(struct topo *t)
{
	const char *name = topo_word(t, "a name");
	unsigned int addresses = 0;
	struct net_bridge *b;
	int ret;

	if (t->net.bridges == NET_BRIDGES || strlen(name) >= NET_NAME)
		topo_fail(t, "too many switches, or too long a name");
	b = &t->net.bridge[t->net.bridges];
	b->cfg = (struct vsw_config){
		.numports = VSW_PORTS_DEFAULT,
		.hashsize = 128,
		.reserved = BRIDGE_RESERVED_FORWARD,
		.priority = RSTP_PRIORITY_DEFAULT,
		.addr = { { 2, 0, 0, 0, 1, (uint8_t)(t->net.bridges + 1) } },
	};
	strcpy(b->name, name);
	while (topo_more(t)) {
		if (topo_take(t, "ports"))
			b->cfg.numports = topo_number(t, "number", 1, VSW_PORTS_MAX);
		else if (topo_take(t, "addresses"))
			addresses = topo_number(t, "number", 1, VSW_FDB_MAX);
		else if (topo_take(t, "hub"))
			b->cfg.hub = true;
		else if (topo_take(t, "vlans"))
			b->cfg.vlan_mode = topo_vlan_mode(t);
		else if (topo_take(t, "reserved"))
			b->cfg.reserved = topo_reserved(t);
		else if (topo_take(t, "stp"))
			b->cfg.stp = true;
		else if (topo_take(t, "priority"))
			b->cfg.priority = (uint16_t)topo_number(t, "priority", 0, 65535);
		else if (topo_take(t, "snooping"))
			b->cfg.mcast_snooping = true;
		else if (topo_take(t, "querier"))
			b->cfg.mcast_querier = true;
		else
			topo_fail(t, "there is no '%s' to set", topo_peek(t));
	}
	ret = net_start(b);
	t->net.bridges += b->vsw != NULL;
	if (ret)
		topo_fail(t, "%s: %s", name, strerror(-ret));
	if (addresses)
		topo_addresses(t, b->vsw, addresses);
}

/* The console. */

/* Run a command. Return: 0 or a positive errno. */
static int topo_exec(struct topo *t, struct vsw *vsw, const char *line)
{
	struct console_call call = { .vsw = vsw, .uid = (uid_t)-1, .gid = (gid_t)-1 };
	char *said = NULL;
	size_t size = 0;
	int err;

	call.out = open_memstream(&said, &size);
	if (!call.out)
		abort();
	machine_look();
	machine_no_memory = t->no_memory;
	err = console_exec(&call, line);
	machine_no_memory = t->no_memory = 0;
	fclose(call.out);
	free(said);
	return err;
}

/* Run one of our own making, which is not refused. */
static void topo_do(struct topo *t, struct vsw *vsw, const char *fmt, ...) PRINTF(3, 4);
static void topo_do(struct topo *t, struct vsw *vsw, const char *fmt, ...)
{
	char line[TOPO_LINE];
	va_list ap;
	int err;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	err = topo_exec(t, vsw, line);
	if (err)
		topo_fail(t, "the switch refuses '%s': %s", line, strerror(err));
}

/* Run the rest of the line, from NAME: on. */
static int topo_console(struct topo *t)
{
	const char *name = topo_word(t, "SWITCH:");
	char switch_name[NET_NAME], line[TOPO_LINE] = "";
	size_t n = 0;

	snprintf(switch_name, sizeof(switch_name), "%.*s", (int)strlen(name) - 1, name);
	while (topo_more(t))
		n += (size_t)snprintf(line + n, sizeof(line) - n, "%s%s", n ? " " : "",
				      topo_word(t, "a command"));
	return topo_exec(t, topo_bridge(t, switch_name)->vsw, line);
}

/* NAME: COMMAND */
static void topo_verb_console(struct topo *t)
{
	int err = topo_console(t);

	if (err)
		topo_fail(t, "the switch refuses that: %s", strerror(err));
}

/* refused ERRNO NAME: COMMAND */
static void topo_verb_refused(struct topo *t)
{
	static const struct {
		const char *name;
		int err;
	} errs[] = {
		{ "EINVAL", EINVAL }, { "ENXIO", ENXIO }, { "EADDRINUSE", EADDRINUSE },
		{ "EEXIST", EEXIST }, { "ENOMEM", ENOMEM }, { "ENOSPC", ENOSPC },
		{ "EPERM", EPERM }, { "ENOSYS", ENOSYS }, { "EBUSY", EBUSY },
	};
	const char *word = topo_word(t, "an error");
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(errs); i++) {
		if (strcmp(errs[i].name, word))
			continue;
		err = topo_console(t);
		if (err != errs[i].err)
			topo_fail(t, "expected: refused with %s; came: %s", word,
				  err ? strerror(err) : "it was done");
		return;
	}
	topo_fail(t, "there is no error '%s'", word);
}

/* VLANs. */

/* vlan NAME VID... */
static void topo_verb_vlan(struct topo *t)
{
	struct vsw *vsw = topo_bridge(t, topo_word(t, "a switch"))->vsw;

	do
		topo_do(t, vsw, "vlan/create %s", topo_word(t, "a VLAN"));
	while (topo_more(t));
}

/* untagged PLACE VID|none */
static void topo_verb_untagged(struct topo *t)
{
	const struct net_end *end = topo_place(t, topo_word(t, "a port"));
	const char *vid = topo_word(t, "a VLAN");

	topo_do(t, end->bridge->vsw, "port/setvlan %u %s", end->port,
		strcmp(vid, "none") ? vid : "4095");
}

/* tagged PLACE VID... */
static void topo_verb_tagged(struct topo *t)
{
	const struct net_end *end = topo_place(t, topo_word(t, "a port"));

	do
		topo_do(t, end->bridge->vsw, "vlan/addport %s %u", topo_word(t, "a VLAN"),
			end->port);
	while (topo_more(t));
}

/* Plugging. */

static void topo_plug(struct topo *t, struct net_end *end)
{
	int ret = end->plugged ? 0 : net_plug(end);

	if (ret)
		topo_fail(t, "%s: %s", topo_end_name(end), strerror(-ret));
}

/* plug PLACE... */
static void topo_verb_plug(struct topo *t)
{
	do
		topo_plug(t, topo_place(t, topo_word(t, "a port")));
	while (topo_more(t));
}

/* unplug PLACE... */
static void topo_verb_unplug(struct topo *t)
{
	do
		net_unplug(topo_place(t, topo_word(t, "a port")));
	while (topo_more(t));
}

/* host NAME... PLACE */
static void topo_verb_host(struct topo *t)
{
	struct topo_station *hosts[TOPO_WORDS];
	unsigned int n = 0;
	struct net_end *end;

	do
		hosts[n++] = topo_station(t, topo_word(t, "a name"));
	while (!strchr(topo_peek(t), '.') && topo_more(t));
	end = topo_place(t, topo_word(t, "a port"));
	topo_plug(t, end);
	while (n--)
		hosts[n]->end = end;
}

/* cable NAME PLACE PLACE [delay TIME], lan NAME PLACE... [delay TIME] */
static void topo_verb_lan(struct topo *t)
{
	const char *name = topo_word(t, "a name");
	struct net_lan *lan = &t->net.lan[t->net.lans];

	if (t->net.lans == NET_LANS || strlen(name) >= NET_NAME)
		topo_fail(t, "too many cables, or too long a name");
	*lan = (struct net_lan){ .ends = 0 };
	strcpy(lan->name, name);
	while (topo_more(t)) {
		struct net_end *end;

		if (topo_take(t, "delay")) {
			lan->delay_us = (unsigned int)topo_duration_us(t);
			break;
		}
		if (lan->ends == NET_LAN_ENDS)
			topo_fail(t, "too many ends");
		end = topo_place(t, topo_word(t, "a port"));
		lan->end[lan->ends++] = end;
		end->lan = lan;
	}
	t->net.lans++;
	for (unsigned int i = 0; i < lan->ends; i++)
		topo_plug(t, lan->end[i]);
}

/* cut NAME..., mend NAME...: it carries nothing, and nobody is told. */
static void topo_verb_cut(struct topo *t)
{
	do
		topo_lan(t, topo_word(t, "a cable"))->down = true;
	while (topo_more(t));
}

static void topo_verb_mend(struct topo *t)
{
	do
		topo_lan(t, topo_word(t, "a cable"))->down = false;
	while (topo_more(t));
}

/* pull NAME..., push NAME...: its ends are plugged out, or in. */
static void topo_verb_pull(struct topo *t)
{
	do {
		const struct net_lan *lan = topo_lan(t, topo_word(t, "a cable"));

		for (unsigned int i = 0; i < lan->ends; i++)
			net_unplug(lan->end[i]);
	} while (topo_more(t));
}

static void topo_verb_push(struct topo *t)
{
	do {
		const struct net_lan *lan = topo_lan(t, topo_word(t, "a cable"));

		for (unsigned int i = 0; i < lan->ends; i++)
			topo_plug(t, lan->end[i]);
	} while (topo_more(t));
}

/* Receivers. */

/* blocks PLACE...: it takes no frames. */
static void topo_verb_blocks(struct topo *t)
{
	do
		topo_place(t, topo_word(t, "a port"))->blocked = true;
	while (topo_more(t));
}

/* takes PLACE [N]: all that waits, or so many frames */
static void topo_verb_takes(struct topo *t)
{
	struct net_end *end = topo_place(t, topo_word(t, "a port"));

	if (topo_more(t))
		end->credit = topo_number(t, "number", 1, TOPO_SENT);
	else
		end->blocked = false;
	net_room(end);
}

/* ready PLACE...: it has room again, and the switch has not heard of that. */
static void topo_verb_ready(struct topo *t)
{
	do
		topo_place(t, topo_word(t, "a port"))->blocked = false;
	while (topo_more(t));
}

/* breaks PLACE...: the next frame for it finds it gone. */
static void topo_verb_breaks(struct topo *t)
{
	do
		topo_place(t, topo_word(t, "a port"))->broken = true;
	while (topo_more(t));
}

/* Time and memory. */

/* wait TIME */
static void topo_verb_wait(struct topo *t)
{
	if (!net_wait(&t->net, topo_duration_us(t)))
		topo_fail(t, "frames go round: %u passed the cables at one time",
			  NET_FRAMES_MAX);
}

/* sleep TIME: nobody runs meanwhile, as when the host is suspended. */
static void topo_verb_sleep(struct topo *t)
{
	machine_now_us += topo_duration_us(t);
}

/* no-memory N: so many allocations fail in what comes next. */
static void topo_verb_no_memory(struct topo *t)
{
	t->no_memory = topo_number(t, "number", 1, 1000000);
}

const struct topo_verb topo_net_verbs[] = {
	{ "bridge", TOPO_ACTION, topo_verb_bridge },
	{ ":", TOPO_ACTION, topo_verb_console },
	{ "refused", TOPO_ACTION, topo_verb_refused },
	{ "vlan", TOPO_ACTION, topo_verb_vlan },
	{ "untagged", TOPO_ACTION, topo_verb_untagged },
	{ "tagged", TOPO_ACTION, topo_verb_tagged },
	{ "plug", TOPO_ACTION, topo_verb_plug },
	{ "unplug", TOPO_ACTION, topo_verb_unplug },
	{ "host", TOPO_ACTION, topo_verb_host },
	{ "cable", TOPO_ACTION, topo_verb_lan },
	{ "lan", TOPO_ACTION, topo_verb_lan },
	{ "cut", TOPO_ACTION, topo_verb_cut },
	{ "mend", TOPO_ACTION, topo_verb_mend },
	{ "pull", TOPO_ACTION, topo_verb_pull },
	{ "push", TOPO_ACTION, topo_verb_push },
	{ "blocks", TOPO_ACTION, topo_verb_blocks },
	{ "takes", TOPO_ACTION, topo_verb_takes },
	{ "ready", TOPO_ACTION, topo_verb_ready },
	{ "breaks", TOPO_ACTION, topo_verb_breaks },
	{ "wait", TOPO_ACTION, topo_verb_wait },
	{ "sleep", TOPO_ACTION, topo_verb_sleep },
	{ "no-memory", TOPO_ACTION, topo_verb_no_memory },
	{ NULL, TOPO_ACTION, NULL },
};
