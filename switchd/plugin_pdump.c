/* SPDX-License-Identifier: BSD-2-Clause */
/* plugin_pdump.c - The plugin pdump: frames into a pcap file
 *
 * Each frame once, where it comes in. (VDE records it again at each port that it goes
 * out of, with nothing to tell these records apart.)
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "switchd/console_cmds.h"
#include "switchd/pcap_out.h"
#include "switchd/plugin.h"
#include "switchd/vsw.h"
#include "switchd/watch.h"

#define PDUMP_FILE	"vde_dump.cap"

/**
 * struct pdump - The plugin's state
 * @out:	The file, or NULL if it was not opened yet
 * @active:	Frames are recorded
 * @buffered:	Write when there is enough to write, not after each batch of frames
 * @frames:	Recorded since @active
 * @path:	The file's name
 */
struct pdump {
	struct vsw *vsw;
	struct watcher watcher;
	struct pcap_out *out;
	bool active;
	bool buffered;
	uint64_t frames;
	char path[PATH_MAX];
};

static void pdump_pause(struct pdump *pdump)
{
	watch_remove(pdump->vsw, &pdump->watcher);
	pdump->active = false;
}

/* It cannot be written: forwarding matters more. */
static void pdump_stop(struct pdump *pdump, int err)
{
	log_err_errno(-err, "pdump: '%s' ends after about %" PRIu64 " frames", pdump->path,
		      pdump->frames);
	pdump_pause(pdump);
}

static void pdump_in(struct watcher *watcher, const struct endpoint *from UNUSED,
		     const struct frame *frames, unsigned int n)
{
	struct pdump *pdump = container_of(watcher, struct pdump, watcher);
	struct timespec now;
	int ret = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	for (unsigned int i = 0; !ret && i < n; i++) {
		ret = pcap_out_frame(pdump->out, &frames[i], now);
		pdump->frames++;
	}
	if (!ret && !pdump->buffered)
		ret = pcap_out_flush(pdump->out);
	if (ret)
		pdump_stop(pdump, ret);
}

static int pdump_load(struct vsw *vsw, void **state)
{
	struct pdump *pdump = calloc(1, sizeof(*pdump));

	if (!pdump)
		return -ENOMEM;
	pdump->vsw = vsw;
	pdump->watcher.in = pdump_in;
	strcpy(pdump->path, PDUMP_FILE);
	*state = pdump;
	return 0;
}

static void pdump_unload(void *state)
{
	struct pdump *pdump = state;

	watch_remove(pdump->vsw, &pdump->watcher);
	pcap_out_close(pdump->out);
	free(pdump);
}

/* Commands. */

/* Write what is buffered; a file that cannot be written is left. */
static void pdump_flush(struct pdump *pdump)
{
	int ret = pdump->out ? pcap_out_flush(pdump->out) : 0;

	if (ret)
		pdump_stop(pdump, ret);
}

/* Open a file in the place of the one before. Return: errno of the status line. */
static int pdump_open(const struct console_call *call, struct pdump *pdump, const char *path)
{
	struct pcap_out *out;
	int ret;

	/* It may be the same file. */
	pdump_flush(pdump);
	ret = pcap_out_open(call->uid, call->gid, path, &out);
	if (ret) {
		fprintf(call->out, "set_dumper() open(%s): %s\nERROR: cannot dump to %s\n", path,
			ret == -EEXIST ? "it is there, and no capture" : strerror(-ret), path);
		return ret == -EEXIST ? EEXIST : EINVAL;
	}
	pcap_out_close(pdump->out);
	pdump->out = out;
	pdump->frames = 0;
	return 0;
}

static int pdump_active(const struct console_call *call, const char *arg)
{
	struct pdump *pdump = plugin_state(call->vsw, &plugin_pdump);
	unsigned int on;
	int err;

	if (!cmd_only_number(arg, 1, &on))
		return EINVAL;
	if (on == pdump->active)
		return on ? EEXIST : ENOENT;
	if (!on) {
		pdump_pause(pdump);
		pdump_flush(pdump);
		return 0;
	}
	err = pdump->out ? 0 : pdump_open(call, pdump, pdump->path);
	if (err)
		return err;
	pdump->active = true;
	watch_add(pdump->vsw, &pdump->watcher);
	return 0;
}

static int pdump_filename(const struct console_call *call, const char *arg)
{
	struct pdump *pdump = plugin_state(call->vsw, &plugin_pdump);
	int err;

	if (strlen(arg) >= sizeof(pdump->path))
		return EINVAL;
	if (*arg) {
		err = pdump_open(call, pdump, arg);
		if (err)
			return err;
		strcpy(pdump->path, arg);
	}
	fprintf(call->out, "dumpfile=%s\n", pdump->path);
	return 0;
}

static int pdump_buffered(const struct console_call *call, const char *arg)
{
	struct pdump *pdump = plugin_state(call->vsw, &plugin_pdump);
	unsigned int on;

	if (!cmd_only_number(arg, 1, &on))
		return EINVAL;
	pdump->buffered = on;
	if (!on)
		pdump_flush(pdump);
	return 0;
}

static const struct console_cmd pdump_cmds[] = {
	{ "pdump", CONSOLE_MENU, "DUMP Packets to file", false, NULL },
	{ "pdump/active", "0/1", "start dumping data", true, pdump_active },
	{ "pdump/filename", "<file>",
	  "set/show output filename (default: " PDUMP_FILE ")", true, pdump_filename },
	{ "pdump/buffered", "0/1", "set buffered/unbuffered dump", false, pdump_buffered },
	{ NULL, NULL, NULL, false, NULL },
};

const struct plugin plugin_pdump = {
	.name = "pdump",
	.help = "dump packets to file, in pcap format",
	.cmds = pdump_cmds,
	.load = pdump_load,
	.unload = pdump_unload,
};
