/* SPDX-License-Identifier: BSD-2-Clause */
/* options_gdb.c - Where a debugger comes in, on the command line */
#include "config.h"

#include "vmm/options_gdb.h"

#include <string.h>

#include "lib/log.h"
#include "lib/parse.h"
#include "vmm/options.h"

static bool bad(const char *name, const char *arg, const char *why)
{
	log_err("-%s '%s': %s", name, arg, why);
	return false;
}

/* HOST:PORT; an address of IPv6 stands in brackets. */
static bool gdb_tcp(struct options_gdb *opt, const char *name, char *arg)
{
	char *colon = strrchr(arg, ':');
	size_t len;
	unsigned int n;

	if (!colon || !parse_uint(colon + 1, 1, 65535, &n))
		return bad(name, arg, "not [HOST]:PORT, with a port from 1 to 65535");
	*colon = 0;
	opt->port = colon + 1;
	len = strlen(arg);
	if (len > 1 && arg[0] == '[' && arg[len - 1] == ']') {
		arg[len - 1] = 0;
		arg++;
	}
	opt->host = *arg ? arg : NULL;
	return true;
}

/* We always listen, and never wait. */
static bool gdb_key(const char *name, struct parse_kv kv)
{
	bool on = true, server = !strcmp(kv.key, "server");

	if (kv.value && !parse_bool(kv.value, &on))
		return bad(name, kv.key, "must be on or off");
	if (server && on)
		return true;
	if ((!strcmp(kv.key, "nowait") && !kv.value) || !strcmp(kv.key, "nodelay"))
		return true;
	if (!strcmp(kv.key, "wait"))
		return !on || bad(name, kv.key, "-S has the guest wait for gdb");
	return bad(name, kv.key, "only server=on,wait=off can be had");
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
