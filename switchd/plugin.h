/* SPDX-License-Identifier: BSD-2-Clause */
/* plugin.h - VDE's plugins, built in: which are loaded
 *
 * vde_switch loads shared objects that bring commands and events. Here, the three that
 * VDE has are part of the switch; to load one means that its commands and events are
 * there and that it may watch frames. Nothing else is ever loaded: who is at the
 * console must not be able to run code of his own as the switch.
 */
#ifndef SWITCHD_PLUGIN_H
#define SWITCHD_PLUGIN_H

#include <stdint.h>

#include "lib/compiler.h"

struct console_cmd;
struct vsw;

enum { PLUGIN_COUNT = 3 };

/**
 * struct plugin - What can be loaded
 * @name:	Its name
 * @help:	What it does
 * @cmds:	Its commands
 * @events:	The kinds of events it brings, as bits
 * @load:	Makes its state. Return: 0 or -errno
 * @unload:	Ends what it does and frees its state
 */
struct plugin {
	const char *name;
	const char *help;
	const struct console_cmd *cmds;
	uint32_t events;
	int (*load)(struct vsw *vsw, void **state);
	void (*unload)(void *state);
};

/**
 * struct plugins - Those of a switch; all zero is none
 * @loaded:	In the order in which they were loaded
 */
struct plugins {
	struct plugin_loaded {
		const struct plugin *plugin;
		void *state;
	} loaded[PLUGIN_COUNT];
	unsigned int count;
};

extern const struct plugin plugin_dump, plugin_iplog, plugin_pdump;

/* The plugin that is meant by a name, NAME.so, or a path that ends in either; or
 * NULL. */
const struct plugin *plugin_find(const char *name);

/* Load a plugin. Return: 0; -EEXIST if it is loaded; -errno. */
int plugin_load(struct vsw *vsw, const struct plugin *plugin) MUST_CHECK;

/* Unload the first that was loaded of those whose names begin with @prefix. Return: 0,
 * or -ENOENT. */
int plugin_unload(struct vsw *vsw, const char *prefix) MUST_CHECK;

void plugin_unload_all(struct vsw *vsw);

/* The state of a plugin, or NULL if it is not loaded. */
void *plugin_state(const struct vsw *vsw, const struct plugin *plugin);

/* The kinds of events there are, as bits: without those of plugins that are not
 * loaded. */
uint32_t plugin_events(const struct vsw *vsw);

#endif /* SWITCHD_PLUGIN_H */
