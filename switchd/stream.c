/* SPDX-License-Identifier: BSD-2-Clause */
/* stream.c - Where streams of frames come in; the essay is in stream.h */
#include "config.h"

#include "switchd/stream.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/activation.h"
#include "lib/fd.h"
#include "lib/listener.h"
#include "lib/log.h"
#include "switchd/named.h"
#include "switchd/port_stream.h"
#include "switchd/vsw.h"

struct stream {
	struct vsw *vsw;
	struct listener listener;
	struct named_port port[VSW_STREAM_PORTS_MAX];
	unsigned int ports;
};

/* DIR/stream. A refusal is in the log, and nobody else is to be told. */
static void stream_accepted(void *ctx, int fd)
{
	const struct port_stream_owner owner = { .port = -1 };
	struct stream *st = ctx;

	if (port_stream_open(st->vsw, fd, &owner))
		return;
}

static void stream_port_gone(void *ctx)
{
	named_port_gone(ctx);
}

static int stream_port_open(struct named_port *np, int fd)
{
	const struct port_stream_owner owner = {
		.port = np->port,
		.descr = np->cfg->name,
		.gone = stream_port_gone,
		.ctx = np,
	};

	return port_stream_open(np->vsw, fd, &owner);
}

int stream_create(struct vsw *vsw, struct stream **out)
{
	struct stream *st = calloc(1, sizeof(*st));
	char path[PATH_MAX + 8];
	int fd;

	if (!st)
		return -ENOMEM;
	*out = st;
	st->vsw = vsw;
	for (unsigned int i = 0; i < vsw->cfg->streams; i++) {
		struct named_port *np = &st->port[st->ports++];
		int ret;

		np->vsw = vsw;
		np->cfg = vsw->cfg->stream[i];
		np->what = "stream port";
		np->open = stream_port_open;
		ret = named_port_create(np);
		if (ret)
			return ret;
	}
	snprintf(path, sizeof(path), "%s/stream", vsw->dir);
	fd = activation_listen(path, vsw->cfg->mode, vsw->cfg->gid);
	if (fd < 0) {
		log_err_errno(-fd, "stream socket '%s'", path);
		return fd;
	}
	listener_start(&st->listener, vsw->loop, fd, stream_accepted, st);
	return 0;
}

void stream_destroy(struct stream *st)
{
	char path[PATH_MAX + 8];

	if (!st)
		return;
	for (unsigned int i = 0; i < st->ports; i++)
		named_port_destroy(&st->port[i]);
	if (st->listener.loop) {
		listener_stop(&st->listener);
		snprintf(path, sizeof(path), "%s/stream", st->vsw->dir);
		activation_unlink(path);
	}
	free(st);
}
