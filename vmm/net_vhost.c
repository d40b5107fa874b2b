/* SPDX-License-Identifier: BSD-2-Clause */
/* net_vhost.c - A NIC whose rings a switch works on; the essay is in net_vhost.h */
#include "config.h"

#include "vmm/net_vhost.h"

#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "lib/offload.h"
#include "lib/vhost_front.h"
#include "lib/vnet.h"
#include "vmm/opener.h"
#include "vmm/thread.h"
#include "vmm/virtio.h"
#include "vmm/vm.h"

#define NET_VHOST_RETRY_S	0.1
#define NET_VHOST_PATIENCE_S	10.	/* then the guest sees the cable pulled */
#define NET_VHOST_RARELY_S	1.	/* and the switch is looked for less often */

enum {
	NET_VHOST_ANSWER_MS = 2000,	/* the switch has so long for an answer */
	NET_VHOST_RINGS = 2,
};

/* What we say our own addresses are: guest addresses, and this. */
#define NET_VHOST_USER	((uint64_t)1 << 44)

/**
 * struct net_vhost - A connection
 * @path:	The switch's socket
 * @line:	Its line in the opener's list
 * @hello:	What we tell it
 * @vf:		The connection; the worker's while @busy
 * @offered:	Feature bits that device and switch have
 * @cable:	Watches for its end
 * @retry:	Looks for the switch
 * @worker:	Hands the rings over, if @busy
 * @handed:	It is done
 * @err:	How it ended
 * @takes:	Which unfinished frames the guest takes now (offload.h)
 * @features:	What the guest negotiated, without what it does not take now
 * @region:	Guest memory, @regions of them
 * @ring:	The guest's rings; those of size 0 are not in use
 * @dev:	The device while the guest's driver is active, or NULL
 * @given:	The switch has the rings
 * @away:	The switch went, and this was said
 * @unfit:	One is there that cannot do what the guest does, and this was said
 * @since:	When that was
 * @complaints:	How often it was said
 */
struct net_vhost {
	struct net_backend be;
	struct vm *vm;
	const struct options_netdev *opt;
	char path[4096];
	int line;
	struct vhost_hello hello;
	struct vhost_front vf;
	uint64_t offered;
	ev_io cable;
	ev_timer retry;
	struct worker worker;
	bool busy;
	ev_async handed;
	int err;
	uint64_t takes;
	uint64_t features;
	struct vhost_region region[VHOST_REGIONS_MAX];
	unsigned int regions;
	struct vhost_front_ring ring[NET_VHOST_RINGS];
	struct virtio_dev *dev;
	bool given;
	bool away;
	bool unfit;
	ev_tstamp since;
	struct ratelimit complaints;
};

static struct net_vhost *net_vhost(struct net_backend *be)
{
	return container_of(be, struct net_vhost, be);
}

/* Handing over. */

/* What the guest takes need not be given to it; what it sends has to be understood. */
static int net_vhost_connect(struct net_vhost *nv, uint64_t needed)
{
	int sock = opener_connect(nv->line, 0), ret = MIN(sock, 0);

	if (!ret)
		ret = fd_set_nonblock(sock, false);
	if (!ret)
		return vhost_front_attach(&nv->vf, sock, &nv->hello, nv->features, needed,
					  NET_VHOST_ANSWER_MS);
	fd_close(&sock);
	return ret;
}

/* The worker's. */
static int net_vhost_hand_over(struct net_vhost *nv)
{
	uint64_t needed = nv->features & ~OFFLOAD_TAKES;
	int fds[VHOST_REGIONS_MAX], ret = 0;

	if (nv->vf.sock < 0)
		ret = net_vhost_connect(nv, needed);
	else if (needed & ~nv->vf.offered)
		ret = -EPROTONOSUPPORT;
	else
		ret = vhost_front_features(&nv->vf, nv->features);
	for (unsigned int i = 0; i < nv->regions; i++)
		fds[i] = nv->vm->ram;
	if (!ret)
		ret = vhost_front_memory(&nv->vf, nv->region, fds, nv->regions);
	for (unsigned int i = 0; !ret && i < NET_VHOST_RINGS; i++)
		if (nv->ring[i].size)
			ret = vhost_front_start(&nv->vf, i, &nv->ring[i]);
	if (ret)
		vhost_front_close(&nv->vf);
	return ret;
}

static void net_vhost_job(void *ctx)
{
	struct net_vhost *nv = ctx;

	nv->err = net_vhost_hand_over(nv);
	ev_async_send(nv->vm->loop, &nv->handed);
}

/* Have the worker begin; what it needs stays as it is until it is done. */
static void net_vhost_begin(struct net_vhost *nv)
{
	if (nv->busy || !nv->dev)
		return;
	ev_io_stop(nv->vm->loop, &nv->cable);
	nv->busy = true;
	worker_give(&nv->worker, net_vhost_job, nv);
}

static void net_vhost_watch(struct net_vhost *nv)
{
	ev_io_stop(nv->vm->loop, &nv->cable);
	ev_io_set(&nv->cable, nv->vf.sock, EV_READ);
	ev_io_start(nv->vm->loop, &nv->cable);
}

static uint64_t net_vhost_ms(const struct net_vhost *nv)
{
	return (uint64_t)(ev_now(nv->vm->loop) * 1000);
}

/* The switch is not there: look for it. */
static void net_vhost_lost(struct net_vhost *nv, int err)
{
	ev_io_stop(nv->vm->loop, &nv->cable);
	vhost_front_close(&nv->vf);
	nv->given = false;
	if (!nv->away) {
		log_limited(&nv->complaints, net_vhost_ms(nv), LOG_LEVEL_WARN,
			    "network '%s': the switch is gone (%s); looking for it",
			    nv->opt->shown, strerror(err));
		nv->since = ev_now(nv->vm->loop);
		nv->retry.repeat = NET_VHOST_RETRY_S;
	}
	if (err == EPROTONOSUPPORT && !nv->unfit)
		log_warn("network '%s': the switch that is there now cannot do what the guest "
			 "has negotiated with the one before (offloads); the cable stays "
			 "unplugged until one can", nv->opt->shown);
	nv->unfit |= err == EPROTONOSUPPORT;
	nv->away = true;
	ev_timer_again(nv->vm->loop, &nv->retry);
}

/* The worker is done. */
static void net_vhost_settle(struct net_vhost *nv)
{
	if (!nv->busy)
		return;
	worker_wait(&nv->worker);
	nv->busy = false;
	if (nv->err) {
		net_vhost_lost(nv, -nv->err);
		return;
	}
	ev_timer_stop(nv->vm->loop, &nv->retry);
	nv->given = true;
	net_vhost_watch(nv);
	if (nv->away)
		log_limited(&nv->complaints, net_vhost_ms(nv), LOG_LEVEL_INFO,
			    "network '%s': the switch is back", nv->opt->shown);
	nv->away = nv->unfit = false;
	if (!nv->be.up) {
		nv->be.up = true;
		nv->be.owner->link(nv->be.nic, true);
	}
	/* A kick or an interrupt may have died with the old switch. */
	for (unsigned int i = 0; i < NET_VHOST_RINGS; i++) {
		if (!nv->ring[i].size)
			continue;
		eventfd_write(nv->ring[i].kick, 1);
		if (nv->ring[i].call >= 0)
			eventfd_write(nv->ring[i].call, 1);
	}
}

/* What is wrong with the guest's rings, or NULL: the switch hangs up on nonsense, and
 * would do so again and again. */
static const char *net_vhost_nonsense(const struct net_vhost *nv)
{
	struct iovec iov[VRING_CHAIN_MAX];
	struct vring_chain chain;

	for (unsigned int i = 0; i < NET_VHOST_RINGS; i++) {
		struct vring vr = nv->dev->queue[i].vring;

		if (!vr.size)
			continue;
		vring_resume(&vr);
		for (unsigned int n = 0; n < vr.size; n++)
			if (!vring_pop(&vr, &chain, 1, iov, ARRAY_SIZE(iov)))
				break;
		if (vr.broken)
			return vr.broken;
	}
	return NULL;
}

/* The switch has hung up; was it the guest's fault? */
static void net_vhost_blame(struct net_vhost *nv)
{
	const char *why = nv->dev && nv->away ? net_vhost_nonsense(nv) : NULL;

	if (why)
		virtio_break(nv->dev, why);
}

static void net_vhost_handed_cb(struct ev_loop *loop UNUSED, ev_async *w,
				int revents UNUSED)
{
	struct net_vhost *nv = container_of(w, struct net_vhost, handed);

	net_vhost_settle(nv);
	net_vhost_blame(nv);
}

static void net_vhost_retry_cb(struct ev_loop *loop, ev_timer *w, int revents UNUSED)
{
	struct net_vhost *nv = container_of(w, struct net_vhost, retry);

	/* A guest hardly notices a switch that is started anew. One that stays away is a
	 * cable pulled. */
	if (nv->away && nv->be.up && ev_now(loop) - nv->since > NET_VHOST_PATIENCE_S) {
		nv->be.up = false;
		nv->be.owner->link(nv->be.nic, false);
		w->repeat = NET_VHOST_RARELY_S;
	}
	/* Without a driver there is nothing to be handed over. */
	if (nv->dev)
		net_vhost_begin(nv);
	else
		ev_timer_stop(loop, w);
}

static void net_vhost_cable_cb(struct ev_loop *loop UNUSED, ev_io *w, int revents UNUSED)
{
	struct net_vhost *nv = container_of(w, struct net_vhost, cable);
	struct pollfd p = { .fd = w->fd, .events = POLLIN };

	if (fd_poll(&p, 1, 0) <= 0)
		return;
	net_vhost_lost(nv, ECONNRESET);
	net_vhost_blame(nv);
}

/* The guest's driver. */

/* The eventfd of a queue's interrupt, or -1. */
static int net_vhost_call_fd(const struct virtio_dev *dev, unsigned int q)
{
	uint16_t vector = dev->queue[q].vector;

	return vector < dev->pci.vectors ? dev->pci.vector[vector].eventfd : -1;
}

static void net_vhost_start(struct net_backend *be, struct virtio_dev *dev)
{
	struct net_vhost *nv = net_vhost(be);

	nv->features = dev->features & nv->offered & (nv->takes | ~OFFLOAD_TAKES);
	for (unsigned int i = 0; i < NET_VHOST_RINGS; i++) {
		const struct virtio_queue *q = &dev->queue[i];

		nv->ring[i] = (struct vhost_front_ring){
			.size = q->vring.size,
			.desc = NET_VHOST_USER + q->desc,
			.avail = NET_VHOST_USER + q->avail,
			.used = NET_VHOST_USER + q->used,
			.base = q->vring.next_avail,
			.kick = q->kickfd,
			.call = net_vhost_call_fd(dev, i),
		};
	}
	nv->dev = dev;
	/* A driver that starts again and again is no reason to call a switch that has hung
	 * up more often than each NET_VHOST_RETRY_S. */
	if (!nv->away)
		net_vhost_begin(nv);
	else if (!ev_is_active(&nv->retry))
		ev_timer_again(nv->vm->loop, &nv->retry);
}

/* Take the rings back. When this returns, the switch does not touch them any more,
 * or has lost the connection and will not when it notices. */
static void net_vhost_stop(struct net_backend *be)
{
	struct net_vhost *nv = net_vhost(be);
	uint16_t base;
	int ret = 0;

	net_vhost_settle(nv);
	for (unsigned int i = 0; nv->given && !ret && i < NET_VHOST_RINGS; i++)
		if (nv->ring[i].size)
			ret = vhost_front_stop(&nv->vf, i, &base);
	/* Switches give chains back in order, and have none when they have stopped: the
	 * ring itself says where, even if the switch did not. */
	for (unsigned int i = 0; nv->dev && i < NET_VHOST_RINGS; i++)
		if (nv->ring[i].size)
			vring_resume(&nv->dev->queue[i].vring);
	nv->dev = NULL;
	nv->given = false;
	if (ret)
		net_vhost_lost(nv, -ret);
}

/* A switch that has rings cannot be told other features. */
static void net_vhost_offloads(struct net_backend *be, uint64_t takes)
{
	struct net_vhost *nv = net_vhost(be);
	struct virtio_dev *dev = nv->dev;

	nv->takes = takes;
	if (!dev)
		return;
	net_vhost_stop(be);
	net_vhost_start(be, dev);
}

/* A queue has another interrupt now. */
static void net_vhost_recall(struct net_backend *be, unsigned int q)
{
	struct net_vhost *nv = net_vhost(be);
	int ret;

	net_vhost_settle(nv);
	if (!nv->dev || q >= NET_VHOST_RINGS)
		return;
	nv->ring[q].call = net_vhost_call_fd(nv->dev, q);
	if (!nv->given)
		return;
	ret = vhost_front_call(&nv->vf, q, nv->ring[q].call);
	if (ret)
		net_vhost_lost(nv, -ret);
}

static void net_vhost_close(struct net_backend *be)
{
	struct net_vhost *nv = net_vhost(be);

	worker_end(&nv->worker);
	ev_async_stop(nv->vm->loop, &nv->handed);
	ev_io_stop(nv->vm->loop, &nv->cable);
	ev_timer_stop(nv->vm->loop, &nv->retry);
	vhost_front_close(&nv->vf);
	free(nv);
}

static int net_vhost_start_threads(struct net_backend *be)
{
	return worker_start(&net_vhost(be)->worker, SECCOMP_NET, "lanbox-net");
}

static const struct net_ops net_vhost_ops = {
	.start = net_vhost_start,
	.stop = net_vhost_stop,
	.recall = net_vhost_recall,
	.offloads = net_vhost_offloads,
	.start_threads = net_vhost_start_threads,
	.close = net_vhost_close,
};

/* Which switch? */

/* Take "[PORT]" off the end of a name. Return: the port, 0 if there is none, -1 if
 * it is no number. */
static int net_vhost_port(char *name)
{
	char *open = strrchr(name, '['), *end;
	long n;

	if (!open || name[strlen(name) - 1] != ']')
		return 0;
	*open++ = 0;
	n = strtol(open, &end, 10);
	return *end == ']' && n >= 0 && n <= UINT16_MAX ? (int)n : -1;
}

/* The directory that libvdeplug would take for an empty name. */
static bool net_vhost_default_dir(char *dir, size_t size)
{
	static const char *const dirs[] = { "/var/run/vde.ctl", "/tmp/vde.ctl" };
	const char *home = getenv("HOME");
	char ctl[4096 + 8];
	struct stat st;

	/* What the user's own settings lead to, the library knows better. */
	if (home && (size_t)snprintf(ctl, sizeof(ctl), "%s/.vdeplug/default", home) <
	    sizeof(ctl) && !stat(ctl, &st))
		return false;
	if (home && (size_t)snprintf(ctl, sizeof(ctl), "%s/.vde2/default.switch", home) <
	    sizeof(ctl) && !stat(ctl, &st)) {
		return S_ISDIR(st.st_mode) &&
		       (size_t)snprintf(dir, size, "%s", ctl) < size;
	}
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(ctl, sizeof(ctl), "%s/ctl", dirs[i]);
		if (stat(ctl, &st))
			continue;
		snprintf(dir, size, "%s", dirs[i]);
		return true;
	}
	return false;
}

/* Find the vhost socket that a network's name leads to. Return: whether there is
 * one. */
static bool net_vhost_find(struct net_vhost *nv)
{
	const char *sock = nv->opt->sock ? nv->opt->sock : "";
	char dir[4000];
	struct stat st;
	int port;

	if (!strncmp(sock, "vde://", 6))
		sock += 6;
	else if (!strncmp(sock, "lanbox://", 9))
		sock += 9;
	else if (strstr(sock, "://"))
		return false;
	if ((size_t)snprintf(dir, sizeof(dir), "%s", sock) >= sizeof(dir))
		return false;
	port = net_vhost_port(dir);
	if (port < 0 || (!dir[0] && !net_vhost_default_dir(dir, sizeof(dir))))
		return false;
	nv->hello.port = (uint32_t)(port ? port : nv->opt->port);
	snprintf(nv->path, sizeof(nv->path), "%s/vhost", dir);
	return !stat(nv->path, &st) && S_ISSOCK(st.st_mode);
}

int net_vhost_open(struct vm *vm, const struct options_netdev *opt,
		   const struct net_owner *owner, void *nic, uint64_t *features,
		   struct net_backend **out)
{
	struct net_vhost *nv = calloc(1, sizeof(*nv));
	int ret;

	if (!nv)
		return -ENOMEM;
	nv->be = (struct net_backend){ .ops = &net_vhost_ops, .owner = owner,
				       .nic = nic, .up = true };
	nv->vm = vm;
	nv->opt = opt;
	nv->vf.sock = -1;
	if (!net_vhost_find(nv)) {
		free(nv);
		return -ENOENT;
	}
	snprintf(nv->hello.descr, sizeof(nv->hello.descr), "lanbox-vmm %s pid %ld",
		 vm->opt->name, (long)getpid());
	ret = vhost_front_open(&nv->vf, nv->path, &nv->hello, *features,
			       1ULL << 32, NET_VHOST_ANSWER_MS);
	if (ret) {
		/* A socket that a dead switch left is no switch. */
		if (ret != -ECONNREFUSED)
			log_err("network '%s': cannot connect to the switch: %s", opt->shown,
				strerror(-ret));
		free(nv);
		return ret == -ECONNREFUSED ? -ENOENT : ret;
	}
	nv->line = opener_may_connect(nv->path, false);
	if (nv->line < 0) {
		log_err_errno(-nv->line, "network '%s'", opt->shown);
		vhost_front_close(&nv->vf);
		ret = nv->line;
		free(nv);
		return ret;
	}
	nv->offered = nv->vf.features;
	*features &= nv->vf.features;
	for (unsigned int i = 0; i < vm->mem.count; i++) {
		const struct guestmem_region *r = &vm->mem.region[i];

		nv->region[nv->regions++] = (struct vhost_region){
			.guest = r->addr,
			.size = r->size,
			.user = NET_VHOST_USER + r->addr,
			.offset = (uint64_t)(r->host - vm->ram_host),
		};
	}
	ev_async_init(&nv->handed, net_vhost_handed_cb);
	ev_async_start(vm->loop, &nv->handed);
	ev_io_init(&nv->cable, net_vhost_cable_cb, -1, EV_READ);
	ev_timer_init(&nv->retry, net_vhost_retry_cb, 0., NET_VHOST_RETRY_S);
	net_vhost_watch(nv);
	*out = &nv->be;
	return 0;
}
