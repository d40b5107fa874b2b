/* SPDX-License-Identifier: BSD-2-Clause */
/* port_vde.c - A VDE client as an endpoint: a pair of connected datagram sockets
 *
 * Both sockets are connected to each other, so the kernel lets nobody else send
 * into either, and the queue between them is as long as the sender's SO_SNDBUF.
 *
 * Security model: the client names its own socket by a path. We look at the
 * inode behind it once (O_PATH), insist that it is a socket and belongs to the
 * user the kernel says the client is, and connect to that very inode. A client
 * can therefore not make us talk to the socket of somebody else that has a path,
 * nor pass for its owner. (A name in the abstract namespace, which Bochs uses,
 * tells nothing of its owner.)
 */
#include "config.h"

#include "switchd/port_vde.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "switchd/dgramio.h"
#include "switchd/port.h"
#include "switchd/vsw.h"

enum {
	VDE_SNDBUF = 1 << 20,	/* bytes the kernel may queue to a client */
	VDE_LAST_BATCHES = 64,	/* taken in from one that has gone */
};

/**
 * struct port_vde - A VDE client
 * @rx:		Watches the data socket for frames
 * @tx:		Watches it for room
 * @cable:	Watches the client's connection for its end
 * @data:	Data socket
 * @ctl:	Connection to the client
 * @path:	The data socket's file
 */
struct port_vde {
	struct endpoint ep;
	ev_io rx;
	ev_io tx;
	ev_io cable;
	int data;
	int ctl;
	char path[VDE_SOCKADDR_SIZE];
};

static struct port_vde *port_vde(struct endpoint *ep)
{
	return container_of(ep, struct port_vde, ep);
}

/* Receiving. */

/* Take in a batch. Return: whether there was anything. */
static bool port_vde_receive(struct port_vde *pv)
{
	return dgramio_input(&pv->ep, pv->data);
}

static void port_vde_rx_cb(struct ev_loop *loop UNUSED, ev_io *w,
			   int revents UNUSED)
{
	port_vde_receive(container_of(w, struct port_vde, rx));
}

/* The client's connection is silent after the handshake; its end is the end, but what
 * it sent before is still there. */
static void port_vde_cable_cb(struct ev_loop *loop UNUSED, ev_io *w,
			      int revents UNUSED)
{
	struct port_vde *pv = container_of(w, struct port_vde, cable);
	char c;
	ssize_t n = fd_recv(pv->ctl, &c, 1, NULL, NULL);

	if (n == -EAGAIN)
		return;
	if (n > 0) {
		endpoint_fail(&pv->ep, "it sent something after its request");
		return;
	}
	for (int i = 0; i < VDE_LAST_BATCHES && port_vde_receive(pv); i++)
		;
	endpoint_close(&pv->ep);
}

/* Sending. */

static unsigned int port_vde_send(struct endpoint *ep,
				  const struct frame *const *frames,
				  unsigned int n)
{
	return dgramio_send(ep, port_vde(ep)->data, frames, n);
}

static void port_vde_tx_cb(struct ev_loop *loop UNUSED, ev_io *w,
			   int revents UNUSED)
{
	endpoint_can_send(&container_of(w, struct port_vde, tx)->ep);
}

static void port_vde_wait_send(struct endpoint *ep, bool on)
{
	struct port_vde *pv = port_vde(ep);

	if (on)
		ev_io_start(ep->port->vsw->loop, &pv->tx);
	else
		ev_io_stop(ep->port->vsw->loop, &pv->tx);
}

static void port_vde_hold(struct endpoint *ep, bool on)
{
	struct port_vde *pv = port_vde(ep);

	if (on)
		ev_io_stop(ep->port->vsw->loop, &pv->rx);
	else
		ev_io_start(ep->port->vsw->loop, &pv->rx);
}

/* Life. */

static void port_vde_free(struct port_vde *pv)
{
	if (pv->path[0])
		unlink(pv->path);
	fd_close(&pv->data);
	fd_close(&pv->ctl);
	free(pv);
}

static void port_vde_close(struct endpoint *ep)
{
	struct port_vde *pv = port_vde(ep);
	struct ev_loop *loop = ep->port->vsw->loop;

	ev_io_stop(loop, &pv->rx);
	ev_io_stop(loop, &pv->tx);
	ev_io_stop(loop, &pv->cable);
	port_vde_free(pv);
}

static const struct endpoint_ops port_vde_ops = {
	.module = "unix prog",
	.send = port_vde_send,
	.wait_send = port_vde_wait_send,
	.hold = port_vde_hold,
	.close = port_vde_close,
};

static int PRINTF(4, 5) port_vde_error(char *err, size_t size, int ret,
				       const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, size, fmt, ap);
	va_end(ap);
	return ret;
}

/* Connect our data socket to the very inode the client's path names now. */
static int port_vde_connect(const struct port_vde *pv,
			    const struct vde_request *req, char *err, size_t size)
{
	const char *path = req->addr.path;
	struct sockaddr_un sa;
	char proc[64];
	struct stat st;
	int fd, ret = 0;

	if (req->addr.family != AF_UNIX)
		return port_vde_error(err, size, -EINVAL,
				      "its address is not a UNIX socket's");
	if (!path[0]) {
		/* An abstract name, as Bochs uses, and user-mode Linux, whose begins
		 * with more zeros; always sent whole. */
		if (!memcmp(path, path + 1, sizeof(req->addr.path) - 1))
			return port_vde_error(err, size, -EINVAL,
					      "its socket has no name");
		memcpy(&sa, &req->addr, sizeof(sa));
		if (connect(pv->data, (struct sockaddr *)&sa, sizeof(sa)) < 0)
			return port_vde_error(err, size, -errno,
					      "cannot connect to its abstract socket: %s",
					      strerror(errno));
		return 0;
	}
	if (path[0] != '/' || !memchr(path, 0, sizeof(req->addr.path)))
		return port_vde_error(err, size, -EINVAL,
				      "the path of its socket is not absolute, or too long");
	fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return port_vde_error(err, size, -errno, "its socket '%s': %s", path,
				      strerror(errno));
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	if (fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode))
		ret = port_vde_error(err, size, -ENOTSOCK, "'%s' is not a socket",
				     path);
	else if (st.st_uid != req->uid)
		ret = port_vde_error(err, size, -EPERM,
				     "the socket '%s' belongs to uid %ld", path,
				     (long)st.st_uid);
	else if (fd_sockaddr(&sa, proc) ||
		 connect(pv->data, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		ret = port_vde_error(err, size, -errno,
				     "cannot connect to its socket '%s': %s", path,
				     strerror(errno));
	fd_close(&fd);
	return ret;
}

/* Bind the data socket to DIR/PPP.F, with VDE's permission bits and owner. */
static int port_vde_bind(struct port_vde *pv, const struct vsw *vsw,
			 const struct vde_request *req, unsigned int port,
			 struct sockaddr_un *sa)
{
	const struct vsw_config *cfg = vsw->cfg;
	mode_t mode = req->mgmt ? cfg->mgmtmode : cfg->mode;
	gid_t gid = req->mgmt ? cfg->mgmtgid : cfg->gid;
	bool root = geteuid() == 0;
	char path[PATH_MAX + 32];
	int ret;

	snprintf(path, sizeof(path), "%s/%03u.%d", vsw->dir, port, pv->data);
	ret = fd_sockaddr(sa, path);
	if (ret)
		return ret;
	unlink(path);
	ret = fd_bind_unix(pv->data, sa, root ? mode & 0700 : mode,
			   root ? req->uid : (uid_t)-1, gid);
	if (!ret)
		snprintf(pv->path, sizeof(pv->path), "%s", sa->sun_path);
	return ret;
}

static int port_vde_find(struct vsw *vsw, const struct vde_request *req,
			 const struct port_client *who, char *err, size_t size)
{
	int id = (int)req->port;

	if (req->named)
		return id;
	if (req->mgmt) {
		id = 0;
	} else if (!id) {
		id = port_find_free(vsw, who);
		if (id < 0)
			return port_vde_error(err, size, id,
					      "none of the %u ports is free for it",
					      vsw->numports);
	} else if (req->port > vsw->numports) {
		return port_vde_error(err, size, -EINVAL,
				      "there is no port %u, only 1 to %u", req->port,
				      vsw->numports);
	}
	switch (port_may_plug(vsw, (uint16_t)id, who)) {
	case 0:
		return id;
	case -EPERM:
		return port_vde_error(err, size, -EPERM,
				      "port %d is in use by another user, or not for it", id);
	default:
		return port_vde_error(err, size, -EUSERS,
				      "port %d has %d endpoints already", id,
				      PORT_ENDPOINTS_MAX);
	}
}

static struct port_vde *port_vde_new(const struct vde_request *req)
{
	struct port_vde *pv = calloc(1, sizeof(*pv));

	if (!pv)
		return NULL;
	pv->ep.ops = &port_vde_ops;
	pv->ep.uid = req->uid;
	pv->ctl = -1;
	snprintf(pv->ep.descr, sizeof(pv->ep.descr), "%s",
		 req->descr[0] ? req->descr : "no endpoint description");
	/* Peers choose it; from here on it is safe for a terminal and for JSON. */
	for (char *p = pv->ep.descr; *p; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
	pv->data = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (pv->data < 0) {
		free(pv);
		return NULL;
	}
	fd_refuse_rights(pv->data);
	fd_set_send_buffer(pv->data, VDE_SNDBUF);
	return pv;
}

int port_vde_open(struct vsw *vsw, const struct vde_request *req, int ctl,
		  char *err, size_t size)
{
	const struct port_client who = { req->uid, ctl };
	struct sockaddr_un sa;
	struct port_vde *pv;
	ssize_t sent;
	int id, ret;

	id = port_vde_find(vsw, req, &who, err, size);
	if (id < 0)
		return id;
	pv = port_vde_new(req);
	if (!pv)
		return port_vde_error(err, size, -errno, "no data socket: %s",
				      strerror(errno));
	ret = port_vde_connect(pv, req, err, size);
	if (ret)
		goto fail;
	ret = port_vde_bind(pv, vsw, req, (unsigned int)id, &sa);
	if (ret) {
		port_vde_error(err, size, ret, "data socket '%s': %s", sa.sun_path,
			       strerror(-ret));
		goto fail;
	}
	pv->ep.id = ctl;
	ret = port_plug(vsw, (uint16_t)id, &pv->ep, req->named ? NULL : &who);
	if (ret) {
		port_vde_error(err, size, ret, "port %d: %s", id, strerror(-ret));
		goto fail;
	}
	ev_io_init(&pv->rx, port_vde_rx_cb, pv->data, EV_READ);
	ev_io_init(&pv->tx, port_vde_tx_cb, pv->data, EV_WRITE);
	ev_io_init(&pv->cable, port_vde_cable_cb, ctl, EV_READ);
	sent = fd_send(ctl, &sa, sizeof(sa), NULL, 0);
	if (sent != sizeof(sa)) {
		ret = sent < 0 ? (int)sent : -EIO;
		port_vde_error(err, size, ret, "cannot answer it: %s",
			       strerror(-ret));
		endpoint_close(&pv->ep);
		return ret;
	}
	pv->ctl = ctl;
	ev_io_start(vsw->loop, &pv->rx);
	ev_io_start(vsw->loop, &pv->cable);
	return 0;
fail:
	port_vde_free(pv);
	return ret;
}
