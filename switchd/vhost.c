/* SPDX-License-Identifier: BSD-2-Clause */
/* vhost.c - Where vhost-user front ends come in; the essay is in vhost.h */
#include "config.h"

#include "switchd/vhost.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/activation.h"
#include "lib/fd.h"
#include "lib/listener.h"
#include "lib/log.h"
#include "switchd/named.h"
#include "switchd/port_vhost.h"
#include "switchd/vsw.h"

struct vhost {
	struct vsw *vsw;
	struct listener listener;
	bool listening;
	struct named_port port[VSW_VHOST_PORTS_MAX];
	unsigned int ports;
};

/* DIR/vhost. */

static void vhost_accepted(void *ctx, int fd)
{
	const struct port_vhost_owner owner = { .port = -1 };
	struct vhost *vh = ctx;

	if (port_vhost_open(vh->vsw, fd, &owner))
		log_warn("no memory for a vhost-user front end");
}

/* Named ports. */

static void vhost_port_gone(void *ctx)
{
	named_port_gone(ctx);
}

static int vhost_port_open(struct named_port *np, int fd)
{
	const struct port_vhost_owner owner = {
		.port = np->port,
		.descr = np->cfg->name,
		.gone = vhost_port_gone,
		.ctx = np,
	};

	return port_vhost_open(np->vsw, fd, &owner);
}

static int vhost_port_create(struct named_port *np, struct vsw *vsw,
			     const struct vsw_named_config *cfg)
{
	int ret;

	np->vsw = vsw;
	np->cfg = cfg;
	np->what = "vhost-user port";
	np->open = vhost_port_open;
	ret = named_port_create(np);
	if (!ret && !cfg->client)
		fd_accept_rights(np->listener.io.fd);
	return ret;
}

static void vhost_port_destroy(struct named_port *np)
{
	port_vhost_close_unplugged(np->vsw, np);
	named_port_destroy(np);
}

/* Life. */

int vhost_create(struct vsw *vsw, struct vhost **out)
{
	struct vhost *vh = calloc(1, sizeof(*vh));
	char path[PATH_MAX + 8];
	int fd, ret = 0;

	if (!vh)
		return -ENOMEM;
	*out = vh;
	vh->vsw = vsw;
	for (unsigned int i = 0; !ret && i < vsw->cfg->vhosts; i++)
		ret = vhost_port_create(&vh->port[vh->ports++], vsw, vsw->cfg->vhost[i]);
	if (ret)
		return ret;
	snprintf(path, sizeof(path), "%s/vhost", vsw->dir);
	fd = activation_listen(path, vsw->cfg->mode, vsw->cfg->gid);
	if (fd < 0) {
		log_err_errno(-fd, "vhost-user socket '%s'", path);
		return fd;
	}
	fd_accept_rights(fd);
	listener_start(&vh->listener, vsw->loop, fd, vhost_accepted, vh);
	vh->listening = true;
	return 0;
}

void vhost_destroy(struct vhost *vh)
{
	char path[PATH_MAX + 8];

	if (!vh)
		return;
	for (unsigned int i = 0; i < vh->ports; i++)
		vhost_port_destroy(&vh->port[i]);
	if (vh->listening) {
		listener_stop(&vh->listener);
		snprintf(path, sizeof(path), "%s/vhost", vh->vsw->dir);
		activation_unlink(path);
	}
	free(vh);
}
