/* SPDX-License-Identifier: BSD-2-Clause */
/* plugin.c - Which plugins are loaded; the essay is in plugin.h */
#include "config.h"

#include "switchd/plugin.h"

#include <errno.h>
#include <string.h>

#include "switchd/vsw.h"

static const struct plugin *const plugins[PLUGIN_COUNT] = {
	&plugin_dump, &plugin_pdump, &plugin_iplog,
};

const struct plugin *plugin_find(const char *name)
{
	const char *slash = strrchr(name, '/');

	if (slash)
		name = slash + 1;
	for (unsigned int i = 0; i < PLUGIN_COUNT; i++) {
		size_t len = strlen(plugins[i]->name);

		if (!strncmp(name, plugins[i]->name, len) &&
		    (!name[len] || !strcmp(name + len, ".so")))
			return plugins[i];
	}
	return NULL;
}

void *plugin_state(const struct vsw *vsw, const struct plugin *plugin)
{
	for (unsigned int i = 0; i < vsw->plugins.count; i++)
		if (vsw->plugins.loaded[i].plugin == plugin)
			return vsw->plugins.loaded[i].state;
	return NULL;
}

int plugin_load(struct vsw *vsw, const struct plugin *plugin)
{
	struct plugins *all = &vsw->plugins;
	void *state;
	int ret;

	if (plugin_state(vsw, plugin))
		return -EEXIST;
	ret = plugin->load(vsw, &state);
	if (ret)
		return ret;
	all->loaded[all->count++] = (struct plugin_loaded){ plugin, state };
	return 0;
}

static void plugin_unload_nth(struct vsw *vsw, unsigned int n)
{
	struct plugins *all = &vsw->plugins;

	all->loaded[n].plugin->unload(all->loaded[n].state);
	all->count--;
	memmove(&all->loaded[n], &all->loaded[n + 1],
		(all->count - n) * sizeof(all->loaded[0]));
}

int plugin_unload(struct vsw *vsw, const char *prefix)
{
	for (unsigned int i = 0; i < vsw->plugins.count; i++) {
		if (strncmp(vsw->plugins.loaded[i].plugin->name, prefix, strlen(prefix)))
			continue;
		plugin_unload_nth(vsw, i);
		return 0;
	}
	return -ENOENT;
}

void plugin_unload_all(struct vsw *vsw)
{
	while (vsw->plugins.count)
		plugin_unload_nth(vsw, vsw->plugins.count - 1);
}

uint32_t plugin_events(const struct vsw *vsw)
{
	uint32_t kinds = ((uint32_t)1 << EVENT_KIND_COUNT) - 1;

	for (unsigned int i = 0; i < PLUGIN_COUNT; i++)
		if (!plugin_state(vsw, plugins[i]))
			kinds &= ~plugins[i]->events;
	return kinds;
}
