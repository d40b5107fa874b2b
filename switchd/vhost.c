/* SPDX-License-Identifier: BSD-2-Clause */
/* vhost.c - Where vhost-user front ends come in; the essay is in vhost.h */
#include "config.h"

#include "switchd/vhost.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/activation.h"
#include "lib/fd.h"
#include "lib/listener.h"
#include "lib/log.h"
#include "switchd/port_vhost.h"
#include "switchd/vsw.h"

/**
 * struct vhost_port - A named port
 * @cfg:	What the command line says about it; borrowed
 * @port:	Its number
 * @listener:	Takes its front end in, unless we connect
 * @retry:	Tries to connect
 * @peer:	A front end is there
 * @path:	Its socket
 */
struct vhost_port {
	struct vsw *vsw;
	const struct vsw_vhost_config *cfg;
	int port;
	struct listener listener;
	ev_timer retry;
	bool peer;
	char path[PATH_MAX + 72];
};

struct vhost {
	struct vsw *vsw;
	struct listener listener;
	bool listening;
	struct vhost_port port[VSW_VHOST_PORTS_MAX];
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

/* Its front end is gone: look for it, or let another one come. */
static void vhost_port_gone(void *ctx)
{
	struct vhost_port *vp = ctx;

	vp->peer = false;
	if (vp->cfg->client)
		ev_timer_again(vp->vsw->loop, &vp->retry);
}

/* A connection to its front end. */
static void vhost_port_open(struct vhost_port *vp, int fd)
{
	const struct port_vhost_owner owner = {
		.port = vp->port,
		.descr = vp->cfg->name,
		.gone = vhost_port_gone,
		.ctx = vp,
	};

	vp->peer = !port_vhost_open(vp->vsw, fd, &owner);
}

static void vhost_port_accepted(void *ctx, int fd)
{
	struct vhost_port *vp = ctx;

	if (vp->peer) {
		log_limited(&vp->vsw->complaints, vsw_now_ms(), LOG_LEVEL_WARN,
			    "port '%s': a second front end is refused", vp->cfg->name);
		close(fd);
		return;
	}
	vhost_port_open(vp, fd);
}

static void vhost_port_retry_cb(struct ev_loop *loop, ev_timer *w, int revents UNUSED)
{
	struct vhost_port *vp = container_of(w, struct vhost_port, retry);
	struct sockaddr_un sa;
	int fd;

	if (fd_sockaddr(&sa, vp->path))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	/* A full queue of a front end that does not accept fails, too. */
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		fd_close(&fd);
		return;
	}
	ev_timer_stop(loop, w);
	vhost_port_open(vp, fd);
}

static int vhost_port_create(struct vhost_port *vp, struct vsw *vsw,
			     const struct vsw_vhost_config *cfg)
{
	int fd, ret;

	vp->vsw = vsw;
	vp->cfg = cfg;
	vp->port = cfg->port ? (int)cfg->port : port_find_free(vsw, &PORT_CLIENT_OPERATOR);
	if (cfg->path[0])
		snprintf(vp->path, sizeof(vp->path), "%s", cfg->path);
	else
		snprintf(vp->path, sizeof(vp->path), "%s/%s", vsw->dir, cfg->name);
	ev_timer_init(&vp->retry, vhost_port_retry_cb, 0., VHOST_RETRY_S);
	ret = vp->port < 0 ? vp->port : (unsigned int)vp->port > vsw->numports ? -ERANGE :
	      port_name(vsw, (uint16_t)vp->port, cfg->name, true);
	if (ret) {
		log_err_errno(-ret, "vhost-user port '%s': no port %u for it", cfg->name,
			      cfg->port);
		return ret;
	}
	if (cfg->client) {
		vhost_port_retry_cb(vsw->loop, &vp->retry, 0);
		if (!vp->peer)
			ev_timer_again(vsw->loop, &vp->retry);
		return 0;
	}
	fd = activation_listen(vp->path, cfg->mode, cfg->gid);
	if (fd < 0) {
		log_err_errno(-fd, "vhost-user port '%s': socket '%s'", cfg->name, vp->path);
		return fd;
	}
	fd_accept_rights(fd);
	listener_start(&vp->listener, vsw->loop, fd, vhost_port_accepted, vp);
	return 0;
}

static void vhost_port_destroy(struct vhost_port *vp)
{
	if (!vp->cfg->client && vp->listener.loop) {
		listener_stop(&vp->listener);
		activation_unlink(vp->path);
	}
	port_vhost_close_unplugged(vp->vsw, vp);
	if (vp->port > 0 && vp->vsw->ports[vp->port] && vp->vsw->ports[vp->port]->name)
		port_unname(vp->vsw->ports[vp->port]);
	ev_timer_stop(vp->vsw->loop, &vp->retry);
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
