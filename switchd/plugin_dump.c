/* SPDX-License-Identifier: BSD-2-Clause */
/* plugin_dump.c - The plugin dump: frames as events on the console
 *
 * Each frame, where it comes in and at each port that it goes out of, for those at the
 * console who asked for these events (debug/add dump). Who reads more slowly than
 * frames come loses some: see console.h.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/iov.h"
#include "switchd/console_cmds.h"
#include "switchd/plugin.h"
#include "switchd/vsw.h"
#include "switchd/watch.h"

enum { DUMP_BYTES = 1518 };	/* of a frame, at most: VDE's longest */

/** struct dump - The plugin's state */
struct dump {
	struct vsw *vsw;
	struct watcher watcher;
};

static void dump_frame(struct vsw *vsw, enum event_kind kind, uint16_t port,
		       const struct frame *frame)
{
	uint8_t bytes[DUMP_BYTES];

	events_tell(vsw, &(struct event){
		.kind = kind,
		.port = port,
		.bytes = bytes,
		.size = iov_to_buf(frame->iov, frame->iovcnt, 0, bytes,
				   MIN(frame->size, sizeof(bytes))),
		.length = frame->size,
	});
}

static bool dump_is_wanted(const struct vsw *vsw, enum event_kind kind)
{
	return vsw->events.wanted >> kind & 1;
}

static void dump_in(struct watcher *watcher, const struct endpoint *from,
		    const struct frame *frames, unsigned int n)
{
	struct vsw *vsw = container_of(watcher, struct dump, watcher)->vsw;

	if (!dump_is_wanted(vsw, EVENT_PACKET_IN))
		return;
	for (unsigned int i = 0; i < n; i++)
		dump_frame(vsw, EVENT_PACKET_IN, from->port->id, &frames[i]);
}

static void dump_out(struct watcher *watcher, const struct port *to,
		     const struct frame *const *frames, unsigned int n)
{
	struct vsw *vsw = container_of(watcher, struct dump, watcher)->vsw;

	if (!dump_is_wanted(vsw, EVENT_PACKET_OUT))
		return;
	for (unsigned int i = 0; i < n; i++)
		dump_frame(vsw, EVENT_PACKET_OUT, to->id, frames[i]);
}

static int dump_load(struct vsw *vsw, void **state)
{
	struct dump *dump = calloc(1, sizeof(*dump));

	if (!dump)
		return -ENOMEM;
	dump->vsw = vsw;
	dump->watcher.in = dump_in;
	dump->watcher.out = dump_out;
	*state = dump;
	return 0;
}

static void dump_unload(void *state)
{
	struct dump *dump = state;

	watch_remove(dump->vsw, &dump->watcher);
	free(dump);
}

/* Commands. */

static int dump_active(const struct console_call *call, const char *arg)
{
	struct dump *dump = plugin_state(call->vsw, &plugin_dump);
	unsigned int on;

	if (!cmd_only_number(arg, 1, &on))
		return EINVAL;
	watch_remove(dump->vsw, &dump->watcher);
	if (on)
		watch_add(dump->vsw, &dump->watcher);
	return 0;
}

static const struct console_cmd dump_cmds[] = {
	{ "dump", CONSOLE_MENU, "DUMP Packets", false, NULL },
	{ "dump/active", "0/1", "start dumping data", false, dump_active },
	{ NULL, NULL, NULL, false, NULL },
};

const struct plugin plugin_dump = {
	.name = "dump",
	.help = "dump packets",
	.cmds = dump_cmds,
	.events = 1 << EVENT_PACKET_IN | 1 << EVENT_PACKET_OUT,
	.load = dump_load,
	.unload = dump_unload,
};
