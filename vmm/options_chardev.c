/* SPDX-License-Identifier: BSD-2-Clause */
/* options_chardev.c - Where streams of characters lead, on the command line */
#include "config.h"

#include "vmm/options_chardev.h"

#include <string.h>

#include "lib/log.h"
#include "lib/parse.h"
#include "vmm/options.h"

static bool bad(const char *name, const char *arg, const char *why)
{
	log_err("-%s '%s': %s", name, arg, why);
	return false;
}

/* A key that is on or off, as its name alone is on: @want, or nothing can be done. */
static bool must_be(const char *name, struct parse_kv kv, bool want)
{
	bool on = true;

	if (kv.value && !parse_bool(kv.value, &on))
		return bad(name, kv.key, "must be on or off");
	return on == want ? true : bad(name, kv.key, want ? "only on can be had" :
				       "only off can be had");
}

/* We always listen and never wait; asking for that is fine. */
static bool socket_key(const char *name, struct parse_kv kv)
{
	if (!strcmp(kv.key, "nowait") && !kv.value)
		return true;
	if (!strcmp(kv.key, "server"))
		return must_be(name, kv, true);
	if (!strcmp(kv.key, "wait"))
		return must_be(name, kv, false);
	return bad(name, kv.key, "only server=on,wait=off can be had");
}

static bool wish_unix(struct options_chardev *opt, const char *name, char *arg)
{
	struct parse_kv kv;

	if (!parse_kv_next(&arg, &kv) || kv.value || !kv.key[0])
		return bad(name, "unix:", "a path is needed");
	opt->kind = CHARDEV_UNIX;
	opt->path = options_path(kv.key);
	while (parse_kv_next(&arg, &kv))
		if (!socket_key(name, kv))
			return false;
	return true;
}

bool chardev_wish_parse(struct chardev_wish *w, const char *name, char *arg)
{
	struct options_chardev *opt = &w->opt;

	*w = (struct chardev_wish){ .given = true, .opt.path = arg };
	if (!strncmp(arg, "unix:", 5))
		return wish_unix(opt, name, arg + 5);
	if (!strncmp(arg, "chardev:", 8) && arg[8]) {
		w->id = arg + 8;
	} else if (!strncmp(arg, "file:", 5) && arg[5]) {
		opt->kind = CHARDEV_FILE;
		opt->path = options_path(arg + 5);
	} else if (!strcmp(arg, "stdio") || !strcmp(arg, "mon:stdio")) {
		opt->kind = CHARDEV_STDIO;
		opt->escape = arg[0] == 'm';
	} else if (!strcmp(arg, "pty")) {
		opt->kind = CHARDEV_PTY;
	} else if (!strcmp(arg, "null") || !strcmp(arg, "none")) {
		opt->kind = CHARDEV_NULL;
	} else {
		return bad(name, arg, "must be stdio, mon:stdio, file:PATH, unix:PATH, pty, "
			   "null or chardev:ID");
	}
	return true;
}

/* A key of -chardev. */
static bool chardev_key(struct options_chardev *opt, const char *name, struct parse_kv kv)
{
	bool path = opt->kind == CHARDEV_UNIX || opt->kind == CHARDEV_FILE;

	if (!strcmp(kv.key, "id") && kv.value) {
		opt->id = kv.value;
	} else if (!strcmp(kv.key, "path") && kv.value && path) {
		if (!kv.value[0])
			return bad(name, kv.key, "must not be empty");
		opt->path = options_path(kv.value);
	} else if (!strcmp(kv.key, "mux")) {
		opt->escape = !kv.value;
		return !kv.value || parse_bool(kv.value, &opt->escape) ||
		       bad(name, kv.key, "must be on or off");
	} else if (!strcmp(kv.key, "append") && opt->kind == CHARDEV_FILE) {
		return must_be(name, kv, true);
	} else if (!strcmp(kv.key, "signal") && opt->kind == CHARDEV_STDIO) {
		/* With mux, Ctrl-C is the guest's; without, it is ours. */
		return true;
	} else if (opt->kind == CHARDEV_UNIX) {
		return socket_key(name, kv);
	} else {
		return bad(name, kv.key, "unknown key");
	}
	return true;
}

bool chardevs_add(struct chardevs *d, const char *name, char *arg)
{
	static const struct { const char *name; enum chardev_kind kind; } kinds[] = {
		{ "socket", CHARDEV_UNIX }, { "file", CHARDEV_FILE }, { "pty", CHARDEV_PTY },
		{ "stdio", CHARDEV_STDIO }, { "null", CHARDEV_NULL },
	};
	struct options_chardev opt = { .id = NULL };
	struct parse_kv kv;
	size_t i = 0;

	if (!parse_kv_next(&arg, &kv) || kv.value)
		return bad(name, kv.key, "must begin with socket, file, pty, stdio or null");
	while (i < ARRAY_SIZE(kinds) && strcmp(kv.key, kinds[i].name))
		i++;
	if (i == ARRAY_SIZE(kinds))
		return bad(name, kv.key, "must be socket, file, pty, stdio or null");
	opt.kind = kinds[i].kind;
	while (parse_kv_next(&arg, &kv))
		if (!chardev_key(&opt, name, kv))
			return false;
	if (!opt.id)
		return bad(name, kinds[i].name, "id= is missing");
	if (!opt.path && (opt.kind == CHARDEV_UNIX || opt.kind == CHARDEV_FILE))
		return bad(name, opt.id, "path= is missing");
	if (opt.escape && opt.kind != CHARDEV_STDIO)
		return bad(name, opt.id, "only stdio can have mux=on");
	if (!opt.path)
		opt.path = kinds[i].name;
	for (unsigned int n = 0; n < d->count; n++)
		if (!strcmp(d->dev[n].id, opt.id))
			return bad(name, opt.id, "there are two of this id");
	if (d->count == CHARDEVS_MAX)
		return bad(name, opt.id, "too many");
	d->dev[d->count++] = opt;
	return true;
}

bool chardevs_find(struct chardevs *d, const char *name, const struct chardev_wish *w,
		   struct options_chardev *out)
{
	if (!w->given)
		return true;
	*out = w->opt;
	for (unsigned int i = 0; w->id && i < d->count; i++) {
		if (strcmp(d->dev[i].id, w->id))
			continue;
		if (d->used[i] && !d->dev[i].escape)
			return bad(name, w->id, "is in use already");
		d->used[i] = true;
		*out = d->dev[i];
		return true;
	}
	return !w->id || bad(name, w->id, "there is no -chardev with this id");
}
