/* SPDX-License-Identifier: BSD-2-Clause */
/* options_gdb.c - Where a debugger comes in, on the command line */
#include "config.h"

#include "vmm/options_gdb.h"

#include <stdio.h>
#include <string.h>

#include "lib/log.h"
#include "lib/parse.h"
#include "vmm/options.h"

static bool bad(const char *name, const char *arg, const char *why)
{
	log_err("-%s '%s': %s", name, arg, why);
	return false;
}

/* HOST:PORT; an address of IPv6 stands in brackets. Without a host it is the loopback
 * interface: QEMU has all interfaces then, and so everybody. */
static bool gdb_tcp(struct options_gdb *opt, const char *name, const char *where)
{
	const char *colon = strrchr(where, ':');
	size_t len = colon ? (size_t)(colon - where) : 0;
	unsigned int port;

	if (!colon || !parse_uint(colon + 1, 1, 65535, &port))
		return bad(name, opt->shown, "a port from 1 to 65535 is needed (tcp:[HOST]:PORT)");
	if (len > 1 && where[0] == '[' && where[len - 1] == ']') {
		where++;
		len -= 2;
	}
	if (len >= sizeof(opt->host))
		return bad(name, opt->shown, "the host's name is too long");
	snprintf(opt->host, sizeof(opt->host), "%.*s", (int)len, where);
	if (!len)
		snprintf(opt->host, sizeof(opt->host), "127.0.0.1");
	snprintf(opt->port, sizeof(opt->port), "%u", port);
	return true;
}

/* We always listen, and never wait. */
static bool gdb_key(const char *name, struct parse_kv kv)
{
	bool server = !strcmp(kv.key, "server"), wait = !strcmp(kv.key, "wait"), on = true;

	if (!server && !wait && strcmp(kv.key, "nowait") && strcmp(kv.key, "nodelay"))
		return bad(name, kv.key, "only server=on,wait=off can be had");
	if (kv.value && !parse_bool(kv.value, &on))
		return bad(name, kv.key, "must be on or off");
	if (server && !on)
		return bad(name, kv.key, "only on can be had");
	if (wait && on)
		return bad(name, kv.key, "only off can be had; -S has the guest wait");
	return true;
}

bool options_gdb_parse(struct options_gdb *opt, const char *name, char *arg)
{
	struct parse_kv kv;
	bool ok;

	if (opt->given)
		return bad(name, arg, "a debugger's socket was asked for already");
	if (!parse_kv_next(&arg, &kv) || kv.value)
		return bad(name, kv.key, "must be unix:PATH, tcp:[HOST]:PORT or none");
	if (!strcmp(kv.key, "none"))
		return true;
	opt->given = true;
	opt->shown = kv.key;
	if (!strncmp(kv.key, "unix:", 5) && kv.key[5]) {
		opt->path = options_path(kv.key + 5);
		ok = true;
	} else if (!strncmp(kv.key, "tcp:", 4)) {
		ok = gdb_tcp(opt, name, kv.key + 4);
	} else {
		return bad(name, kv.key, "must be unix:PATH, tcp:[HOST]:PORT or none");
	}
	while (ok && parse_kv_next(&arg, &kv))
		ok = gdb_key(name, kv);
	return ok;
}
