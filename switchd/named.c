/* SPDX-License-Identifier: BSD-2-Clause */
/* named.c - A named port with a socket of its own; the essay is in named.h */
#include "config.h"

#include "switchd/named.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/activation.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "switchd/vsw.h"

int named_reserve(struct vsw *vsw, const char *what, const char *name, unsigned int port)
{
	int id = port ? (int)port : port_find_free(vsw, &PORT_CLIENT_OPERATOR);
	int ret;

	ret = id < 0 ? id : (unsigned int)id > vsw->numports ? -ERANGE :
	      port_name(vsw, (uint16_t)id, name, true);
	if (!ret)
		return id;
	log_err_errno(-ret, "%s '%s': no port %u for it", what, name, port);
	return ret;
}

void named_release(struct vsw *vsw, int port)
{
	if (port > 0)
		port_unname(vsw->ports[port]);
}

void named_port_gone(struct named_port *np)
{
	np->peer = false;
	if (np->cfg->client)
		ev_timer_again(np->vsw->loop, &np->retry);
}

static void named_port_accepted(void *ctx, int fd)
{
	struct named_port *np = ctx;

	if (np->peer) {
		log_limited(&np->vsw->complaints, clock_ms(), LOG_LEVEL_WARN,
			    "%s '%s': a second peer is refused", np->what, np->cfg->name);
		close(fd);
		return;
	}
	np->peer = !np->open(np, fd);
}

static void named_port_retry_cb(struct ev_loop *loop, ev_timer *w, int revents UNUSED)
{
	struct named_port *np = container_of(w, struct named_port, retry);
	struct sockaddr_un sa;
	int fd;

	if (fd_sockaddr(&sa, np->path))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	/* A full queue of a peer that does not accept fails, too. */
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		fd_close(&fd);
		return;
	}
	np->peer = !np->open(np, fd);
	if (np->peer)
		ev_timer_stop(loop, w);
}

int named_port_create(struct named_port *np)
{
	const struct vsw_named_config *cfg = np->cfg;
	struct vsw *vsw = np->vsw;
	int fd;

	if (cfg->path[0])
		snprintf(np->path, sizeof(np->path), "%s", cfg->path);
	else
		snprintf(np->path, sizeof(np->path), "%s/%s", vsw->dir, cfg->name);
	ev_timer_init(&np->retry, named_port_retry_cb, 0., NAMED_RETRY_S);
	np->port = named_reserve(vsw, np->what, cfg->name, cfg->port);
	if (np->port < 0)
		return np->port;
	if (cfg->client) {
		named_port_retry_cb(vsw->loop, &np->retry, 0);
		if (!np->peer)
			ev_timer_again(vsw->loop, &np->retry);
		return 0;
	}
	fd = activation_listen(np->path, cfg->mode, cfg->gid);
	if (fd < 0) {
		log_err_errno(-fd, "%s '%s': socket '%s'", np->what, cfg->name, np->path);
		return fd;
	}
	listener_start(&np->listener, vsw->loop, fd, named_port_accepted, np);
	return 0;
}

void named_port_destroy(struct named_port *np)
{
	if (np->listener.loop) {
		listener_stop(&np->listener);
		activation_unlink(np->path);
	}
	named_release(np->vsw, np->port);
	ev_timer_stop(np->vsw->loop, &np->retry);
}
