/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_plugin.c - plugin/ on the console: VDE's plugins, which are built in */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "switchd/console_cmds.h"
#include "switchd/open_as.h"
#include "switchd/plugin.h"
#include "switchd/vsw.h"

#define PLUGIN_DIR	"/usr/lib/vde2/plugins"
#define PLUGIN_HOME	"/.vde2/plugins/"

static int plugin_list(const struct console_call *call, const char *arg)
{
	const struct plugins *all = &call->vsw->plugins;
	int err = ENOENT;

	fprintf(call->out, "%-22s %s\n%-22s %s\n", "NAME", "HELP", "------------", "----");
	for (unsigned int i = 0; i < all->count; i++) {
		const struct plugin *p = all->loaded[i].plugin;

		if (strncmp(p->name, arg, strlen(arg)))
			continue;
		fprintf(call->out, "%-22s %s\n", p->name, p->help);
		err = 0;
	}
	return err;
}

/* Whether somebody can find a file. */
static bool plugin_is_file(const struct console_call *call, const char *dir,
			   const char *between, const char *name, const char *suffix)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s%s%s%s", dir, between, name, suffix) >=
	    (int)sizeof(path))
		return false;
	fd = open_as(call->uid, call->gid, path, O_PATH);
	if (fd < 0)
		return fd == -EACCES;
	fd_close(&fd);
	return true;
}

/* Whether vde_switch would find a file by this name, in one of its places. */
static bool plugin_is_foreign(const struct console_call *call, const char *name)
{
	static const char *const suffixes[] = { "", ".so" };
	const char *home = getenv("HOME");

	for (unsigned int i = 0; i < ARRAY_SIZE(suffixes); i++)
		if (plugin_is_file(call, "", "", name, suffixes[i]) ||
		    plugin_is_file(call, PLUGIN_DIR, "/", name, suffixes[i]) ||
		    (home && plugin_is_file(call, home, PLUGIN_HOME, name, suffixes[i])))
			return true;
	return false;
}

static int plugin_add(const struct console_call *call, const char *arg)
{
	const struct plugin *plugin = plugin_find(arg);

	if (!*arg)
		return EINVAL;
	if (plugin)
		return -plugin_load(call->vsw, plugin);
	if (!plugin_is_foreign(call, arg))
		return ENOENT;
	log_limited(&call->vsw->complaints, clock_ms(), LOG_LEVEL_WARN,
		    "plugin '%s' refused: foreign binaries are never loaded", arg);
	return EPERM;
}

static int plugin_del(const struct console_call *call, const char *arg)
{
	return -plugin_unload(call->vsw, arg);
}

const struct console_cmd cmd_plugin[] = {
	{ "plugin", CONSOLE_MENU, "PLUGINS MENU", false, NULL },
	{ "plugin/list", "", "list plugins", true, plugin_list },
	{ "plugin/add", "library", "load a plugin", false, plugin_add },
	{ "plugin/del", "name", "unload a plugin", false, plugin_del },
	{ NULL, NULL, NULL, false, NULL },
};
