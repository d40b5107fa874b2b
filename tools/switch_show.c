/* SPDX-License-Identifier: BSD-2-Clause */
/* switch_show.c - What lanbox switch shows, as tables */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "tools/switch_cmds.h"
#include "tools/table.h"

/* Parts of a reply; what is not there is 0 or "-". */

static uint64_t show_u64(const json_t *o, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(o, key));

	return n < 0 ? 0 : (uint64_t)n;
}

static const char *show_text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "-";
}

static uint64_t show_drops(const json_t *o)
{
	json_t *drops = json_object_get(o, "drops"), *n;
	uint64_t sum = 0;
	const char *key;

	json_object_foreach(drops, key, n)
		sum += (uint64_t)json_integer_value(n);
	return sum;
}

/* Words in a list as "csum,tso4". Return: @buf, which has room for those there are. */
static const char *show_words(const json_t *list, char *buf, size_t size)
{
	const json_t *word;
	size_t i, len = 0;

	snprintf(buf, size, "-");
	json_array_foreach(list, i, word) {
		const char *text = json_string_value(word);

		if (text && len < size)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", i ? "," : "",
						text);
	}
	return buf;
}

/* Numbers in a list as "1-3,7". Return: @buf; it ends in "..." if there are more than
 * fit. */
static const char *show_numbers(const json_t *list, char *buf, size_t size)
{
	size_t n = json_array_size(list), len = 0;

	snprintf(buf, size, "-");
	for (size_t i = 0, last; i < n; i = last + 1) {
		json_int_t from = json_integer_value(json_array_get(list, i)), to = from;

		for (last = i; last + 1 < n; last++, to++)
			if (json_integer_value(json_array_get(list, last + 1)) != to + 1)
				break;
		if (size - len < 32) {
			snprintf(buf + len, size - len, "...");
			break;
		}
		len += (size_t)snprintf(buf + len, size - len, "%s%" JSON_INTEGER_FORMAT,
					i ? "," : "", from);
		if (to > from)
			len += (size_t)snprintf(buf + len, size - len,
						"-%" JSON_INTEGER_FORMAT, to);
	}
	return buf;
}

/* A user or group of an access list. */
static void show_owner(struct table *t, const char *what, const json_t *owner)
{
	table_add(t, "%s", what);
	if (!json_is_object(owner))
		table_add(t, "anybody");
	else if (json_object_get(owner, "name"))
		table_add(t, "%s (%" PRIu64 ")", show_text(owner, "name"),
			  show_u64(owner, "id"));
	else
		table_add(t, "%" PRIu64, show_u64(owner, "id"));
}

/* Pairs of a word and what there is to say. */

static const struct table_column pairs[] = { { "", false }, { "", false } };

static void show_traffic(struct table *t, const json_t *o)
{
	char frames[TABLE_NUMBER], bytes[TABLE_NUMBER];

	table_add(t, "received");
	table_add(t, "%s frames, %s", table_count(frames, show_u64(o, "rx-frames")),
		  table_bytes(bytes, show_u64(o, "rx-bytes")));
	table_add(t, "sent");
	table_add(t, "%s frames, %s", table_count(frames, show_u64(o, "tx-frames")),
		  table_bytes(bytes, show_u64(o, "tx-bytes")));
	table_add(t, "dropped");
	table_add(t, "%s frames", table_count(frames, show_drops(o)));
}

static void show_drop_reasons(struct table *t, const json_t *o)
{
	json_t *drops = json_object_get(o, "drops"), *n;
	char frames[TABLE_NUMBER];
	const char *key;

	json_object_foreach(drops, key, n) {
		table_add(t, "  %s", key);
		table_add(t, "%s", table_count(frames, (uint64_t)json_integer_value(n)));
	}
}

void switch_show_switch(const struct switch_call *call UNUSED, const json_t *ret)
{
	uint64_t up = show_u64(ret, "uptime");
	char n[TABLE_NUMBER], m[TABLE_NUMBER];
	struct table t;

	table_begin(&t, pairs, 2);
	table_add(&t, "switch");
	table_add(&t, "%s", show_text(ret, "dir"));
	table_add(&t, "version");
	table_add(&t, "%s, process %" PRIu64, show_text(ret, "version"), show_u64(ret, "pid"));
	table_add(&t, "up for");
	table_add(&t, "%" PRIu64 " days, %02" PRIu64 ":%02" PRIu64 ":%02" PRIu64, up / 86400,
		  up / 3600 % 24, up / 60 % 60, up % 60);
	table_add(&t, "address");
	table_add(&t, "%s", show_text(ret, "mac"));
	table_add(&t, "console");
	table_add(&t, "%s", show_text(ret, "mgmt"));
	table_add(&t, "works as");
	table_add(&t, "%s", json_is_true(json_object_get(ret, "hub")) ? "hub" : "switch");
	table_add(&t, "VLAN tags");
	table_add(&t, "%s, they %s now; %s learning", show_text(ret, "vlan-mode"),
		  json_is_true(json_object_get(ret, "vlan-aware")) ? "count" :
		  "do not count", show_text(ret, "vlan-learning"));
	table_add(&t, "reserved");
	table_add(&t, "of 01-80-C2-00-00-0x, mask 0x%04x is forwarded",
		  (unsigned int)show_u64(ret, "reserved"));
	table_add(&t, "ports");
	table_add(&t, "%s active of %s", table_count(n, show_u64(ret, "active-ports")),
		  table_count(m, show_u64(ret, "numports")));
	table_add(&t, "addresses");
	table_add(&t, "%s known, forgotten after %" PRIu64 " s (looked for every %" PRIu64
		  " s)", table_count(n, show_u64(ret, "addresses")), show_u64(ret, "ageing"),
		  show_u64(ret, "ageing-interval"));
	show_traffic(&t, ret);
	show_drop_reasons(&t, ret);
	table_end(&t, stdout);
}

/* Ports. */

static const char *show_state(const json_t *port)
{
	bool active = json_is_true(json_object_get(port, "active"));

	if (strcmp(show_text(port, "shut"), "no"))
		return "shut";
	if (!active)
		return json_is_true(json_object_get(port, "allocatable")) ? "inactive" :
		       "reserved";
	return json_array_size(json_object_get(port, "endpoints")) ? "active" : "waiting";
}

/* Its untagged VLAN. */
static void show_pvid(struct table *t, const json_t *port)
{
	if (json_is_integer(json_object_get(port, "untagged-vlan")))
		table_add(t, "%" PRIu64, show_u64(port, "untagged-vlan"));
	else
		table_add(t, "none");
}

/* How much it may flood; what has no limit is left out. */
static void show_storm(struct table *t, const json_t *port)
{
	static const char *const kinds[] = { "broadcast", "multicast", "unknown" };
	char text[128] = "", key[32];

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t len = strlen(text);

		snprintf(key, sizeof(key), "storm-%s", kinds[i]);
		if (show_u64(port, key))
			snprintf(text + len, sizeof(text) - len, "%s%" PRIu64 " %s/s",
				 len ? ", " : "", show_u64(port, key), kinds[i]);
	}
	table_add(t, "floods up to");
	table_add(t, "%s", text[0] ? text : "any number of frames");
}

/* How much may go one way. */
static void show_rate(struct table *t, const json_t *port, const char *way)
{
	static const char *const units[] = { "", "k", "M", "G", "T" };
	char key[16], burst[TABLE_NUMBER];
	uint64_t bits;
	size_t unit = 0;

	snprintf(key, sizeof(key), "rate-%s", way);
	bits = show_u64(port, key);
	table_add(t, "rate %s", way);
	if (!bits) {
		table_add(t, "any");
		return;
	}
	for (; !(bits % 1000) && unit + 1 < ARRAY_SIZE(units); unit++)
		bits /= 1000;
	snprintf(key, sizeof(key), "burst-%s", way);
	table_add(t, "%" PRIu64 " %sbit/s, %s at once", bits, units[unit],
		  table_bytes(burst, show_u64(port, key)));
}

/* How many addresses live behind it, may, and what else is to be said of them. */
static void show_addresses(struct table *t, const json_t *port)
{
	char n[TABLE_NUMBER], max[TABLE_NUMBER] = "any number";

	if (show_u64(port, "max-addresses"))
		table_count(max, show_u64(port, "max-addresses"));
	table_add(t, "%s of %s, static %" PRIu64 ", sticky %" PRIu64 "%s",
		  table_count(n, show_u64(port, "addresses")), max,
		  show_u64(port, "static-addresses"), show_u64(port, "sticky-addresses"),
		  json_is_true(json_object_get(port, "sticky")) ? " (what is learnt stays)" : "");
	table_add(t, "  others");
	table_add(t, "%s, %s frames", show_text(port, "violation"),
		  table_count(n, show_u64(port, "refused")));
}

static void show_one_port(const json_t *port)
{
	static const struct table_column columns[] = {
		{ "ENDPOINT", true }, { "KIND", false }, { "UID", true }, { "QUEUED", true },
		{ "TAKES", false }, { "DESCRIPTION", false },
	};
	const json_t *eps = json_object_get(port, "endpoints"), *ep;
	char vlans[512], takes[64];
	struct table t;
	size_t i;

	table_begin(&t, pairs, 2);
	table_add(&t, "port");
	table_add(&t, "%" PRIu64 ", %s", show_u64(port, "port"), show_state(port));
	table_add(&t, "name");
	table_add(&t, "%s", show_text(port, "name"));
	table_add(&t, "allocatable");
	table_add(&t, "%s", json_is_true(json_object_get(port, "allocatable")) ? "yes" : "no");
	show_owner(&t, "user", json_object_get(port, "user"));
	show_owner(&t, "group", json_object_get(port, "group"));
	table_add(&t, "untagged VLAN");
	show_pvid(&t, port);
	table_add(&t, "tagged VLANs");
	table_add(&t, "%s", show_numbers(json_object_get(port, "tagged-vlans"), vlans,
					 sizeof(vlans)));
	table_add(&t, "type of tags");
	table_add(&t, "%s", show_text(port, "tag-type"));
	table_add(&t, "multicast");
	table_add(&t, "router %s, fast leave %s", show_text(port, "mcast-router"),
		  json_is_true(json_object_get(port, "mcast-fast-leave")) ? "yes" : "no");
	show_storm(&t, port);
	table_add(&t, "shut");
	table_add(&t, "%s", show_text(port, "shut"));
	table_add(&t, "isolation");
	table_add(&t, "%s", show_text(port, "isolation"));
	table_add(&t, "EtherTypes");
	table_add(&t, "%s", show_text(port, "ethertypes"));
	show_rate(&t, port, "in");
	show_rate(&t, port, "out");
	table_add(&t, "addresses");
	show_addresses(&t, port);
	show_traffic(&t, port);
	show_drop_reasons(&t, port);
	table_end(&t, stdout);
	if (!json_array_size(eps))
		return;
	putchar('\n');
	table_begin(&t, columns, ARRAY_SIZE(columns));
	json_array_foreach(eps, i, ep) {
		table_add(&t, "%" PRIu64, show_u64(ep, "id"));
		table_add(&t, "%s", show_text(ep, "module"));
		if (json_is_integer(json_object_get(ep, "uid")))
			table_add(&t, "%" PRIu64, show_u64(ep, "uid"));
		else
			table_add(&t, "-");
		table_add(&t, "%" PRIu64, show_u64(ep, "queued"));
		table_add(&t, "%s", show_words(json_object_get(ep, "takes"), takes,
					       sizeof(takes)));
		table_add(&t, "%s", show_text(ep, "description"));
	}
	table_end(&t, stdout);
}

/* A row; further endpoints of the port are on rows of their own. */
static void show_port_row(struct table *t, const json_t *port)
{
	const json_t *eps = json_object_get(port, "endpoints");
	char vlans[64], n[TABLE_NUMBER];
	size_t count = json_array_size(eps);

	table_add(t, "%" PRIu64, show_u64(port, "port"));
	table_add(t, "%s", show_state(port));
	table_add(t, "%s", show_text(port, "name"));
	show_pvid(t, port);
	table_add(t, "%s", show_numbers(json_object_get(port, "tagged-vlans"), vlans,
					sizeof(vlans)));
	table_add(t, "%s", table_count(n, show_u64(port, "rx-frames")));
	table_add(t, "%s", table_count(n, show_u64(port, "tx-frames")));
	table_add(t, "%s", table_count(n, show_drops(port)));
	table_add(t, "%s", show_text(json_array_get(eps, 0), "description"));
	for (size_t i = 1; i < count; i++) {
		for (int blank = 0; blank < 8; blank++)
			table_add(t, "%s", "");
		table_add(t, "%s", show_text(json_array_get(eps, i), "description"));
	}
}

void switch_show_ports(const struct switch_call *call, const json_t *ret)
{
	static const struct table_column columns[] = {
		{ "PORT", true }, { "STATE", false }, { "NAME", false }, { "VLAN", true },
		{ "TAGGED", false }, { "FRAMES IN", true }, { "FRAMES OUT", true },
		{ "DROPPED", true }, { "PLUGGED IN", false },
	};
	const json_t *port;
	struct table t;
	size_t i;

	if (json_object_get(call->args, "port")) {
		show_one_port(json_array_get(ret, 0));
		return;
	}
	table_begin(&t, columns, ARRAY_SIZE(columns));
	json_array_foreach(ret, i, port)
		show_port_row(&t, port);
	table_end(&t, stdout);
}

void switch_show_made(const struct switch_call *call UNUSED, const json_t *ret)
{
	printf("%" PRIu64 "\n", show_u64(ret, "port"));
}

/* Addresses, VLANs, taps. */

void switch_show_fdb(const struct switch_call *call UNUSED, const json_t *ret)
{
	static const struct table_column columns[] = {
		{ "ADDRESS", false }, { "VLAN", true }, { "PORT", true },
		{ "SECONDS AGO", true }, { "KIND", false },
	};
	const json_t *entry;
	struct table t;
	size_t i;

	table_begin(&t, columns, ARRAY_SIZE(columns));
	json_array_foreach(json_object_get(ret, "entries"), i, entry) {
		table_add(&t, "%s", show_text(entry, "address"));
		table_add(&t, "%" PRIu64, show_u64(entry, "vlan"));
		table_add(&t, "%" PRIu64, show_u64(entry, "port"));
		table_add(&t, "%" PRIu64, show_u64(entry, "age"));
		table_add(&t, "%s", show_text(entry, "kind"));
	}
	table_end(&t, stdout);
	if (json_is_true(json_object_get(ret, "more")))
		puts("and more: ask for a port or a VLAN");
}

void switch_show_vlans(const struct switch_call *call UNUSED, const json_t *ret)
{
	static const struct table_column columns[] = {
		{ "VLAN", true }, { "UNTAGGED", false }, { "TAGGED", false },
	};
	const json_t *vlan;
	char ports[4096];
	struct table t;
	size_t i;

	table_begin(&t, columns, ARRAY_SIZE(columns));
	json_array_foreach(ret, i, vlan) {
		table_add(&t, "%" PRIu64, show_u64(vlan, "vlan"));
		table_add(&t, "%s", show_numbers(json_object_get(vlan, "untagged-ports"),
						 ports, sizeof(ports)));
		table_add(&t, "%s", show_numbers(json_object_get(vlan, "tagged-ports"),
						 ports, sizeof(ports)));
	}
	table_end(&t, stdout);
}

void switch_show_stp(const struct switch_call *call UNUSED, const json_t *ret)
{
	static const struct table_column columns[] = {
		{ "PORT", true }, { "ROLE", false }, { "STATE", false }, { "COST", true },
		{ "DESIGNATED", false }, { "GUARD", false },
	};
	const json_t *port, *ports = json_object_get(ret, "ports");
	json_int_t root_port = json_integer_value(json_object_get(ret, "root-port"));
	struct table t;
	size_t i;

	if (!json_is_true(json_object_get(ret, "enabled"))) {
		puts("It takes no part in the spanning tree.");
		return;
	}
	printf("bridge %s\nroot   %s", show_text(ret, "bridge"), show_text(ret, "root"));
	if (root_port < 0)
		puts(" (this one)");
	else
		printf(" by port %lld, cost %" PRIu64 "\n", (long long)root_port,
		       show_u64(ret, "root-cost"));
	table_begin(&t, columns, ARRAY_SIZE(columns));
	json_array_foreach(ports, i, port) {
		table_add(&t, "%" PRIu64, show_u64(port, "port"));
		table_add(&t, "%s", json_is_true(json_object_get(port, "edge")) ? "Edge" :
			  show_text(port, "role"));
		table_add(&t, "%s", show_text(port, "state"));
		table_add(&t, "%" PRIu64, show_u64(port, "cost"));
		table_add(&t, "%s", show_text(port, "designated-bridge"));
		table_add(&t, "%s%s", show_text(port, "guard"),
			  json_is_true(json_object_get(port, "guarded")) ? " (shut)" : "");
	}
	table_end(&t, stdout);
}

void switch_show_mirrors(const struct switch_call *call UNUSED, const json_t *ret)
{
	static const struct table_column columns[] = {
		{ "TO", true }, { "OF", true }, { "DIRECTION", false }, { "FRAMES", true },
		{ "NORMAL", false }, { "FILTER", false },
	};
	const json_t *mirror, *source;
	char n[TABLE_NUMBER];
	struct table t;
	size_t i, s;

	table_begin(&t, columns, ARRAY_SIZE(columns));
	json_array_foreach(ret, i, mirror) {
		json_array_foreach(json_object_get(mirror, "sources"), s, source) {
			table_add(&t, "%" PRIu64, show_u64(mirror, "port"));
			table_add(&t, "%" PRIu64, show_u64(source, "port"));
			table_add(&t, "%s", show_text(source, "direction"));
			/* They are the whole mirror's. */
			table_add(&t, "%s", s ? "" : table_count(n, show_u64(mirror, "frames")));
			table_add(&t, "%s", s ? "" :
				  json_is_true(json_object_get(mirror, "normal")) ? "yes" : "no");
			table_add(&t, "%s", s ? "" : show_text(mirror, "filter"));
		}
	}
	table_end(&t, stdout);
}

/* Until when, of an entry. */
static void show_expires(struct table *t, const json_t *entry)
{
	if (json_is_null(json_object_get(entry, "expires")))
		table_add(t, "for good");
	else
		table_add(t, "%" PRIu64 " s", show_u64(entry, "expires"));
}

static void show_mcast_entries(struct table *t, const json_t *entries)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(entries, i, entry) {
		table_add(t, "%" PRIu64, show_u64(entry, "vlan"));
		table_add(t, "%s", json_object_get(entry, "group") ?
			  show_text(entry, "group") : "all: router");
		table_add(t, "%" PRIu64, show_u64(entry, "port"));
		show_expires(t, entry);
	}
}

void switch_show_mcast(const struct switch_call *call UNUSED, const json_t *ret)
{
	static const struct table_column columns[] = {
		{ "VLAN", true }, { "GROUP", false }, { "PORT", true }, { "FOR", true },
	};
	struct table t;

	if (!json_is_true(json_object_get(ret, "snooping")))
		puts("Snooping is off: multicast goes to all ports.");
	printf("querier %s, every %" PRIu64 " s; heard %" PRIu64 " reports, %" PRIu64
	       " queries, %" PRIu64 " malformed; %" PRIu64 " queries sent\n",
	       json_is_true(json_object_get(ret, "querier")) ? "on" : "off",
	       show_u64(ret, "interval"), show_u64(ret, "reports"),
	       show_u64(ret, "queries"), show_u64(ret, "malformed"),
	       show_u64(ret, "queries-sent"));
	table_begin(&t, columns, ARRAY_SIZE(columns));
	show_mcast_entries(&t, json_object_get(ret, "router-ports"));
	show_mcast_entries(&t, json_object_get(ret, "groups"));
	table_end(&t, stdout);
}

/* What is checked at a port, and the addresses that are named for it. */
static void show_guard_port(struct table *t, const json_t *port)
{
	static const char *const checks[] = { "mac", "ip", "ra", "dhcp-trust" };
	const json_t *macs = json_object_get(port, "macs");

	table_add(t, "%" PRIu64, show_u64(port, "port"));
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		table_add(t, "%s", json_is_true(json_object_get(port, checks[i])) ? "yes" : "no");
	table_add(t, "%s", json_array_size(macs) ?
		  json_string_value(json_array_get(macs, 0)) : "-");
	for (size_t i = 1; i < json_array_size(macs); i++) {
		for (int blank = 0; blank < 5; blank++)
			table_add(t, "%s", "");
		table_add(t, "%s", json_string_value(json_array_get(macs, i)));
	}
}

void switch_show_guard(const struct switch_call *call UNUSED, const json_t *ret)
{
	static const struct table_column port_columns[] = {
		{ "PORT", true }, { "MAC", false }, { "IP", false }, { "RA", false },
		{ "DHCP TRUST", false }, { "ALLOWED", false },
	};
	static const struct table_column binding_columns[] = {
		{ "VLAN", true }, { "IP", false }, { "MAC", false }, { "PORT", true },
		{ "BY", false }, { "FOR", true },
	};
	const json_t *entry;
	struct table t;
	size_t i;

	if (json_is_true(json_object_get(ret, "dhcp-snooping")) ||
	    json_is_true(json_object_get(ret, "nd-snooping")))
		printf("snooping: %" PRIu64 " questions of DHCP; bindings: %" PRIu64 " learnt, %"
		       PRIu64 " ended early, %" PRIu64 " refused\n", show_u64(ret, "questions"),
		       show_u64(ret, "learnt"), show_u64(ret, "ended"), show_u64(ret, "refused"));
	table_begin(&t, port_columns, ARRAY_SIZE(port_columns));
	json_array_foreach(json_object_get(ret, "ports"), i, entry)
		show_guard_port(&t, entry);
	table_end(&t, stdout);
	if (!json_array_size(json_object_get(ret, "bindings")))
		return;
	putchar('\n');
	table_begin(&t, binding_columns, ARRAY_SIZE(binding_columns));
	json_array_foreach(json_object_get(ret, "bindings"), i, entry) {
		table_add(&t, "%" PRIu64, show_u64(entry, "vlan"));
		table_add(&t, "%s", show_text(entry, "ip"));
		table_add(&t, "%s", show_text(entry, "mac"));
		table_add(&t, "%" PRIu64, show_u64(entry, "port"));
		table_add(&t, "%s", show_text(entry, "kind"));
		show_expires(&t, entry);
	}
	table_end(&t, stdout);
}

void switch_show_lldp(const struct switch_call *call UNUSED, const json_t *ret)
{
	const json_t *port, *ports = json_object_get(ret, "ports");
	json_t *silent = json_array();
	char numbers[512];
	struct table t;
	size_t i;

	json_array_foreach(ports, i, port)
		if (!json_is_true(json_object_get(port, "send")))
			json_array_append(silent, json_object_get(port, "port"));
	table_begin(&t, pairs, 2);
	table_add(&t, "LLDP");
	table_add(&t, "%s, each %" PRIu64 " s", json_is_true(json_object_get(ret, "on")) ?
		  "on" : "off", show_u64(ret, "interval"));
	table_add(&t, "name");
	table_add(&t, "%s", show_text(ret, "name"));
	table_add(&t, "description");
	table_add(&t, "%s", show_text(ret, "description"));
	table_add(&t, "address");
	table_add(&t, "%s", show_text(ret, "address"));
	table_add(&t, "not by ports");
	table_add(&t, "%s", show_numbers(silent, numbers, sizeof(numbers)));
	table_end(&t, stdout);
	json_decref(silent);
}

void switch_show_taps(const struct switch_call *call UNUSED, const json_t *ret)
{
	static const struct table_column columns[] = {
		{ "TAP", false }, { "PORT", true }, { "STATE", false },
	};
	const json_t *tap;
	struct table t;
	size_t i;

	table_begin(&t, columns, ARRAY_SIZE(columns));
	json_array_foreach(ret, i, tap) {
		table_add(&t, "%s", show_text(tap, "name"));
		table_add(&t, "%" PRIu64, show_u64(tap, "port"));
		table_add(&t, "%s", json_is_true(json_object_get(tap, "attached")) ?
			  "attached" : "away");
	}
	table_end(&t, stdout);
}
