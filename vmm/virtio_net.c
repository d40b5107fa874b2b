/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio_net.c - Network device (virtio 1.2, section 5.1) over a net_backend
 *
 * DOC: Theory of operation
 *
 * Queue 0 is for frames to the guest, queue 1 for frames from it. Each frame has
 * a header of 12 bytes (section 5.1.6.1) in front, which may say that the frame is
 * unfinished (offload.h). Offered to the guest is what the back end can do; where that
 * does not cover a frame after all, it is finished here, in either direction.
 * Mergeable receive buffers are offered, so that a long frame may lie in several of the
 * guest's buffers: the back end writes straight into them. Other frames, and those that
 * are to be finished, go through a buffer of our own.
 *
 * Nothing is dropped here that could wait: while the guest has no buffer for a
 * frame it is kept (one), and no more are taken from the back end; while the
 * back end has no room, the guest's frames stay in its ring. Either side goes on
 * when the other says so: a kick, or room.
 *
 * Queue 2, the control queue, is ours even where a switch works on the other two. By it
 * the guest sets what net_filter.c lets through (not with such a switch, as the frames
 * do not come by here), its address, and which unfinished frames it takes. One pair of
 * queues is all there is: one thread moves all frames anyway.
 *
 * The queues share one interrupt. A guest that has frames to fetch mostly has buffers that
 * came back as well, and looks for both when it is interrupted, on the same CPU in any
 * case. Two interrupts at once would be two that it has to acknowledge by leaving guest
 * mode, and to wait for one after the other, where the processor does not do that by itself;
 * one alone it acknowledges in memory (PV EOI).
 *
 * A guest that was restored may be plugged into another switch than before, which does
 * not know it: it is asked to say where it is (VIRTIO_NET_F_GUEST_ANNOUNCE, section
 * 5.1.6.5.4), and answers through the control queue.
 *
 * Security model: the guest may write anything into its rings (vring.c). Its headers
 * are checked by offload_parse() with a private copy of the headers in the frame, and
 * the back end gets that copy and a header of our making. Frames whose headers do not fit
 * are dropped. Frames shorter than an Ethernet header or longer than ETH_FRAME_MAX are
 * consumed and not sent. The host's kernel is believed, but for what the guest takes.
 */
#include "config.h"

#include "vmm/virtio_net.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>

#include "lib/iov.h"
#include "lib/log.h"
#include "lib/offload.h"
#include "lib/vnet.h"
#include "vmm/net.h"
#include "vmm/net_filter.h"
#include "vmm/net_tap.h"
#include "vmm/net_vde.h"
#include "vmm/net_vhost.h"
#include "vmm/state.h"
#include "vmm/virtio.h"
#include "vmm/vm.h"

enum { NET_RX, NET_TX, NET_CTRL, NET_QUEUES };

enum {
	/* What arrives while the guest has no processor waits in its own ring. */
	NET_QUEUE_SIZE = 1024,
	NET_CHAINS = 256,		/* that a frame may take */
	NET_CHAINS_MIN = 8,
	NET_BUDGET = 256,		/* frames in one direction at one go */
	NET_BUDGET_BYTES = 1 << 20,
	NET_PUBLISH = 32,		/* frames until the guest sees them */
	NET_STALE = 4096,		/* frames thrown away when a guest comes up */
	NET_STATE_VERSION = 2,
};

/* All that a driver may be offered for frames that are not finished. */
#define NET_OFFLOADS	(OFFLOAD_TAKES | OFFLOAD_F(VNET_F_CSUM) | \
			 OFFLOAD_F(VNET_F_HOST_TSO4) | OFFLOAD_F(VNET_F_HOST_TSO6) | \
			 OFFLOAD_F(VNET_F_HOST_ECN) | OFFLOAD_F(VNET_F_HOST_USO))

/** struct net_config - Device configuration, section 5.1.4 */
struct net_config {
	struct eth_addr mac;
	struct le16 status;
	struct le16 queue_pairs;
	struct le16 mtu;
};

static_assert(sizeof(struct net_config) == 12, "virtio 1.2, 5.1.4");

/** struct net_frame - A frame that waits for the guest's buffers; none if @size is 0 */
struct net_frame {
	struct vnet_hdr hdr;
	struct iovec iov[2];
	unsigned int cnt;
	size_t size;
};

/**
 * struct virtio_net - A NIC
 * @config:	What the guest reads
 * @mac:	Its address, unless the guest has set another one
 * @be:		What it is plugged into
 * @takes:	Features that frames to the guest may need (offload.h)
 * @filter:	Which frames go to the guest
 * @chains:	The guest's receive buffers at hand, from @next on to @taken; @iov their
 *		pieces, @room their bytes
 * @want:	How many to take at one go
 * @direct:	Pieces of them that the back end may write to, @directs of them
 * @kept:	A frame that waits for buffers, in @rx_buf
 * @cut:	A frame in @rx_buf that is not all cut yet, if @cutting; @todo says how,
 *		@seg has the headers of the segment in @kept
 * @rx_buf:	A frame from the back end
 * @tx_iov:	Pieces of a chain of the guest's
 * @tx_frame:	Pieces of a frame from it, or of a segment (@tx_seg)
 * @tx_head:	Its headers
 * @tx_sent:	Segments of the next frame that are sent already
 * @tx_buf:	A frame from the guest in too many pieces, with its header
 */
struct virtio_net {
	struct virtio_dev dev;
	struct net_config config;
	struct eth_addr mac;
	struct net_backend *be;
	uint64_t takes;
	struct net_filter filter;
	struct vring_chain chains[NET_CHAINS];
	struct iovec iov[NET_CHAINS + VRING_CHAIN_MAX];
	unsigned int next, taken, want;
	size_t room;
	struct iovec direct[NET_PIECES_MAX];
	unsigned int directs;
	struct net_frame kept;
	bool cutting;
	struct offload todo;
	struct offload_cut cut;
	uint8_t seg[OFFLOAD_HDR_MAX];
	uint8_t rx_buf[ETH_FRAME_MAX + 1];
	struct iovec tx_iov[VRING_CHAIN_MAX];
	struct iovec tx_frame[NET_PIECES_MAX];
	struct iovec tx_seg[NET_PIECES_MAX];
	uint8_t tx_head[OFFLOAD_HEAD_MAX];
	unsigned int tx_sent;
	uint8_t tx_buf[VNET_HDR_SIZE + ETH_FRAME_MAX];
};

static struct virtio_net *virtio_net(struct virtio_dev *dev)
{
	return container_of(dev, struct virtio_net, dev);
}

/* The guest takes frames that need @takes from now on. */
static void net_set_takes(struct virtio_net *net, uint64_t takes)
{
	net->takes = takes;
	if (net->be->ops->offloads)
		net->be->ops->offloads(net->be, takes);
}

/* To the guest: its buffers. */

/* Give back what was taken from the ring and not used. */
static void net_untake(struct virtio_net *net)
{
	vring_unpop(&net->dev.queue[NET_RX].vring, (uint16_t)(net->taken - net->next));
	net->next = net->taken = 0;
	net->room = 0;
}

/* Have up to @n buffers at hand. */
static void net_take(struct virtio_net *net, unsigned int n)
{
	net_untake(net);
	net->taken = vring_pop(&net->dev.queue[NET_RX].vring, net->chains, n, net->iov,
			       ARRAY_SIZE(net->iov));
	for (unsigned int i = 0; i < net->taken; i++)
		net->room += iov_size(net->chains[i].iov, net->chains[i].in);
}

/* The next @n were filled, and pushed. */
static void net_took(struct virtio_net *net, unsigned int n)
{
	for (; n; n--, net->next++)
		net->room -= iov_size(net->chains[net->next].iov, net->chains[net->next].in);
}

/* Find room for any frame in buffers that can be merged, and let the back end write
 * there. Return: whether there is. */
static bool net_aim(struct virtio_net *net)
{
	const size_t need = VNET_HDR_SIZE + ETH_FRAME_MAX;
	size_t have = 0;

	net->directs = 0;
	if (!virtio_has(&net->dev, VNET_F_MRG_RXBUF))
		return false;
	if (net->room < need) {
		net_take(net, net->want);
		/* Twice of what is enough serves for several short frames, too. */
		if (net->room < 2 * need && net->taken == net->want)
			net->want = MIN(2 * net->want, NET_CHAINS);
		else if (net->room > 4 * need)
			net->want = MAX(net->want / 2, NET_CHAINS_MIN);
		if (net->room < need)
			return false;
	}
	for (unsigned int i = net->next; have < need; i++) {
		const struct vring_chain *c = &net->chains[i];

		if (i == net->taken || c->out || net->directs + c->in > NET_PIECES_MAX)
			return false;
		memcpy(net->direct + net->directs, c->iov, c->in * sizeof(*c->iov));
		net->directs += c->in;
		have += iov_size(c->iov, c->in);
	}
	if (net->direct[0].iov_len <= VNET_HDR_SIZE)
		return false;
	net->direct[0].iov_base = (uint8_t *)net->direct[0].iov_base + VNET_HDR_SIZE;
	net->direct[0].iov_len -= VNET_HDR_SIZE;
	return true;
}

/* A frame of @size bytes is in the guest's buffers: that is its header, and all of it. */
static void net_commit(struct virtio_net *net, struct vnet_hdr *hdr, size_t size)
{
	struct vring *vr = &net->dev.queue[NET_RX].vring;
	const struct vring_chain *c = net->chains + net->next;
	size_t left = VNET_HDR_SIZE + size;
	unsigned int n = 0;

	for (; left; n++) {
		size_t len = MIN(left, iov_size(c[n].iov, c[n].in));

		vring_push(vr, c[n].head, (uint32_t)len);
		left -= len;
	}
	hdr->num_buffers = le16((uint16_t)n);
	iov_from_buf(c->iov, c->in, 0, hdr, VNET_HDR_SIZE);
	net_took(net, n);
}

/* To the guest: frames. */

/* Put the kept frame into the guest's buffers. Return: whether it is done with;
 * if not, there are not enough buffers, or the ring is broken. */
static bool net_deliver(struct virtio_net *net)
{
	const struct vnet vn = vnet_negotiated(net->dev.features);
	struct vring *vr = &net->dev.queue[NET_RX].vring;
	const struct net_frame *f = &net->kept;
	int used = 0;

	for (int tries = 0; !used && tries < 2; tries++) {
		if (tries)
			net_take(net, NET_CHAINS);
		if (net->next < net->taken)
			used = vnet_put(&vn, vr, net->chains + net->next,
					net->taken - net->next, &f->hdr, f->iov, f->cnt,
					f->size);
	}
	if (!used && net->taken == NET_CHAINS)
		used = -EMSGSIZE;
	if (used > 0)
		net_took(net, (unsigned int)used);
	/* What will never fit is lost; the guest gets the next one. */
	return used > 0 || used == -EMSGSIZE;
}

/* Whether the guest may have a frame with the kernel's header as it is. */
static bool net_hdr_fits(struct vnet_hdr *hdr, uint64_t takes)
{
	const uint64_t uso = OFFLOAD_F(VNET_F_GUEST_USO4) | OFFLOAD_F(VNET_F_GUEST_USO6);
	uint64_t needs = 0;

	hdr->flags &= VNET_HDR_NEEDS_CSUM | VNET_HDR_DATA_VALID;
	if (!(takes & OFFLOAD_F(VNET_F_GUEST_CSUM)))
		hdr->flags &= (uint8_t)~VNET_HDR_DATA_VALID;
	if (hdr->flags & VNET_HDR_NEEDS_CSUM)
		needs |= OFFLOAD_F(VNET_F_GUEST_CSUM);
	if (hdr->gso_type & VNET_GSO_ECN)
		needs |= OFFLOAD_F(VNET_F_GUEST_ECN);
	switch (hdr->gso_type & ~VNET_GSO_ECN) {
	case VNET_GSO_NONE:
		break;
	case VNET_GSO_TCPV4:
		needs |= OFFLOAD_F(VNET_F_GUEST_TSO4);
		break;
	case VNET_GSO_TCPV6:
		needs |= OFFLOAD_F(VNET_F_GUEST_TSO6);
		break;
	case VNET_GSO_UDP_L4:
		needs |= uso;
		break;
	default:
		return false;
	}
	return !(needs & ~takes);
}

/* Keep the frame of @size bytes in @rx_buf, finished if the guest does not take it as it
 * is. A frame that is to be cut begins with net_cut(). */
static void net_keep(struct virtio_net *net, const struct vnet_hdr *hdr, size_t size)
{
	struct offload *o = &net->todo;

	if (offload_parse(o, hdr, net->rx_buf, size, size))
		return;
	o->valid = hdr->flags & VNET_HDR_DATA_VALID;
	if (!offload_fits(net->takes, o) && o->segs > 1) {
		offload_cut_start(&net->cut, o, net->rx_buf, NULL, 0, net->takes);
		net->cutting = true;
		return;
	}
	if (!offload_fits(net->takes, o))
		offload_csum(o, net->rx_buf, NULL, 0);
	net->kept = (struct net_frame){
		.hdr = offload_hdr(o, net->takes),
		.iov = { { net->rx_buf, size } },
		.cnt = 1,
		.size = size,
	};
}

/* Keep the next segment. Return: whether there was one. */
static bool net_cut(struct virtio_net *net)
{
	struct net_frame *f = &net->kept;
	int n;

	n = offload_segment(&net->cut, net->seg, f->iov, ARRAY_SIZE(f->iov));
	net->cutting = n > 0;
	if (!net->cutting)
		return false;
	f->hdr = net->cut.hdr;
	f->cnt = (unsigned int)n;
	f->size = net->cut.size;
	return true;
}

static bool net_passes(const struct virtio_net *net, const struct iovec *iov, unsigned int cnt)
{
	uint8_t head[NET_FILTER_PEEK] = { 0 };

	if (net_filter_is_open(&net->filter))
		return true;
	iov_to_buf(iov, cnt, 0, head, sizeof(head));
	return net_filter_pass(&net->filter, net->config.mac, head);
}

/* Take a frame from the back end; it is kept, or already with the guest, or lost. Return:
 * its bytes, or a negative number if there is none. */
static ssize_t net_fetch(struct virtio_net *net)
{
	const struct iovec whole = { net->rx_buf, sizeof(net->rx_buf) };
	bool direct = net_aim(net);
	const struct iovec *iov = direct ? net->direct : &whole;
	unsigned int cnt = direct ? net->directs : 1;
	struct vnet_hdr hdr;
	ssize_t n;

	n = net->be->ops->recv(net->be, &hdr, iov, cnt);
	if (n > 0)
		pace_moved(&net->dev.vm->pace, (uint64_t)n);
	if (n < ETH_HDR_SIZE || n > ETH_FRAME_MAX || !net_passes(net, iov, cnt))
		return n;
	if (direct && net_hdr_fits(&hdr, net->takes)) {
		net_commit(net, &hdr, (size_t)n);
		return n;
	}
	if (direct)
		iov_to_buf(iov, cnt, 0, net->rx_buf, (size_t)n);
	net_keep(net, &hdr, (size_t)n);
	return n;
}

/* Move frames to the guest until one side has no more. */
static void net_receive(struct virtio_net *net)
{
	struct vring *vr = &net->dev.queue[NET_RX].vring;
	size_t bytes = 0;

	if (!net->dev.active || net->dev.frozen || !vr->size) {
		net->be->ops->watch_recv(net->be, false);
		return;
	}
	for (unsigned int i = 0; i < NET_BUDGET && bytes < NET_BUDGET_BYTES; i++) {
		if (i % NET_PUBLISH == NET_PUBLISH - 1)
			virtio_publish(&net->dev, NET_RX);
		if (!net->kept.size && !(net->cutting && net_cut(net))) {
			ssize_t n = net_fetch(net);

			if (n < 0)
				break;
			bytes += (size_t)n;
		}
		if (!net->kept.size || net_deliver(net))
			net->kept.size = 0;
		else if (vr->broken || !vring_want_kick(vr, 1))
			break;
		if (vr->broken)
			break;
	}
	virtio_publish(&net->dev, NET_RX);
	if (vr->broken) {
		net->be->ops->watch_recv(net->be, false);
		virtio_break(&net->dev, vr->broken);
		return;
	}
	/* Without a buffer there is no use in being told of more frames; the
	 * guest's kick brings us back. So do segments that are left. */
	net->be->ops->watch_recv(net->be, !net->kept.size);
	if (net->cutting && !net->kept.size)
		virtio_kick_again(&net->dev, NET_RX);
}

/* From the guest. */

static void net_refuse(struct virtio_net *net, enum offload_error error)
{
	struct virtio_dev *dev = &net->dev;

	log_limited(&dev->complaints, (uint64_t)(ev_now(dev->vm->loop) * 1000),
		    LOG_LEVEL_WARN, "%s in PCI slot %u: a frame of the guest's is dropped: %s",
		    dev->ops->name, dev->pci.slot, offload_error_name(error));
}

/* Send a frame in segments. Return: 0 if it is done with, -EAGAIN if not. */
static int net_send_cut(struct virtio_net *net, const struct offload *o, unsigned int pieces)
{
	uint8_t head[OFFLOAD_HDR_MAX];
	struct offload_cut cut;
	int n;

	offload_cut_start(&cut, o, net->tx_head, net->tx_frame + 1, pieces - 1,
			  net->be->takes);
	for (unsigned int i = 0; ; i++) {
		n = offload_segment(&cut, head, net->tx_seg, ARRAY_SIZE(net->tx_seg));
		if (n <= 0)
			return 0;
		if (i < net->tx_sent)
			continue;
		if (net->be->ops->send(net->be, &cut.hdr, net->tx_seg, (unsigned int)n) ==
		    -EAGAIN)
			return -EAGAIN;
		net->tx_sent = i + 1;
	}
}

/* Send a frame that has @hdr, at @iov, whose first bytes are that header. Return: as
 * above. */
static int net_send_unfinished(struct virtio_net *net, const struct vnet_hdr *hdr,
			       const struct iovec *iov, unsigned int cnt, size_t size)
{
	size_t head_size = MIN(size, (size_t)OFFLOAD_HEAD_MAX);
	struct vnet_hdr real = VNET_HDR_NONE;
	enum offload_error error;
	struct offload o;
	unsigned int n;

	iov_to_buf(iov, cnt, VNET_HDR_SIZE, net->tx_head, head_size);
	error = offload_parse(&o, hdr, net->tx_head, head_size, size);
	if (error) {
		net_refuse(net, error);
		return 0;
	}
	net->tx_frame[0] = (struct iovec){ net->tx_head, head_size };
	n = iov_rest(net->tx_frame + 1, iov, cnt, VNET_HDR_SIZE + head_size);
	if (offload_fits(net->be->takes, &o))
		real = offload_hdr(&o, net->be->takes);
	else if (o.segs > 1)
		return net_send_cut(net, &o, n + 1);
	else
		offload_csum(&o, net->tx_head, net->tx_frame + 1, n);
	return net->be->ops->send(net->be, &real, net->tx_frame, n + 1);
}

/* Send the frame of one chain. Return: 0 if it is done with, -EAGAIN if not. */
static int net_send_chain(struct virtio_net *net, const struct vring_chain *chain)
{
	size_t total = iov_size(chain->iov, chain->out);
	struct iovec flat = { net->tx_buf, total };
	const struct iovec *iov = chain->iov;
	struct vnet_hdr hdr = VNET_HDR_NONE;
	unsigned int cnt = chain->out;
	unsigned int n;

	if (total < VNET_HDR_SIZE + ETH_HDR_SIZE ||
	    total > VNET_HDR_SIZE + ETH_FRAME_MAX)
		return 0;
	/* Segments have two pieces more. */
	if (cnt > NET_PIECES_MAX - 2) {
		iov_to_buf(iov, cnt, 0, net->tx_buf, total);
		iov = &flat;
		cnt = 1;
	}
	/* Who did not negotiate the checksum has nothing to say. */
	if (virtio_has(&net->dev, VNET_F_CSUM))
		iov_to_buf(iov, cnt, 0, &hdr, VNET_HDR_SIZE);
	if (hdr.flags & VNET_HDR_NEEDS_CSUM || hdr.gso_type != VNET_GSO_NONE)
		return net_send_unfinished(net, &hdr, iov, cnt, total - VNET_HDR_SIZE);
	/* A frame goes to the kernel from where it lies. */
	n = iov_rest(net->tx_frame, iov, cnt, VNET_HDR_SIZE);
	hdr = VNET_HDR_NONE;
	return net->be->ops->send(net->be, &hdr, net->tx_frame, n);
}

/* Move frames from the guest until one side has no more. */
static void net_transmit(struct virtio_net *net)
{
	struct vring *vr = &net->dev.queue[NET_TX].vring;
	unsigned int moved = 0;
	struct vring_chain chain;
	bool full = false;
	size_t bytes = 0;

	if (!net->dev.active || net->dev.frozen || !vr->size)
		return;
	vring_suppress_kicks(vr);
	while (moved < NET_BUDGET && bytes < NET_BUDGET_BYTES && !full) {
		if (!vring_pop(vr, &chain, 1, net->tx_iov, ARRAY_SIZE(net->tx_iov))) {
			if (vr->broken || !vring_want_kick(vr, 1))
				break;
			continue;
		}
		if (net_send_chain(net, &chain) == -EAGAIN) {
			vring_unpop(vr, 1);
			full = true;
			break;
		}
		net->tx_sent = 0;
		bytes += iov_size(chain.iov, chain.out);
		vring_push(vr, chain.head, 0);
		if (++moved % NET_PUBLISH == 0)
			virtio_publish(&net->dev, NET_TX);
	}
	pace_moved(&net->dev.vm->pace, bytes);
	virtio_publish(&net->dev, NET_TX);
	net->be->ops->watch_send(net->be, full);
	if (vr->broken)
		virtio_break(&net->dev, vr->broken);
	else if (moved == NET_BUDGET || bytes >= NET_BUDGET_BYTES)
		virtio_kick_again(&net->dev, NET_TX);
}

/* The control queue. */

/* Read @size bytes of a command's data, behind the first @off. Return: whether they are
 * there. */
static bool net_data(const struct vring_chain *c, size_t off, void *buf, size_t size)
{
	return iov_to_buf(c->iov, c->out, sizeof(struct virtio_net_ctrl_hdr) + off, buf,
			  size) == size;
}

/* Two tables, each with a count in front. */
static bool net_set_tables(struct virtio_net *net, const struct vring_chain *c)
{
	struct eth_addr addr[2][NET_FILTER_TABLE];
	uint32_t count[2];
	size_t off = 0;

	for (int i = 0; i < 2; i++) {
		size_t kept;

		if (!net_data(c, off, &count[i], sizeof(count[i])))
			return false;
		off += sizeof(count[i]);
		kept = MIN(count[i], (uint32_t)NET_FILTER_TABLE);
		if (off + (size_t)count[i] * sizeof(*addr[i]) +
		    sizeof(struct virtio_net_ctrl_hdr) > iov_size(c->iov, c->out) ||
		    !net_data(c, off, addr[i], kept * sizeof(*addr[i])))
			return false;
		off += (size_t)count[i] * sizeof(*addr[i]);
	}
	for (int i = 0; i < 2; i++)
		net_filter_set_table(&net->filter, i, addr[i], count[i]);
	return true;
}

static bool net_set_mac(struct virtio_net *net, const struct vring_chain *c)
{
	struct eth_addr mac;

	if (!net_data(c, 0, &mac, sizeof(mac)) || eth_addr_is_group(mac))
		return false;
	net->config.mac = mac;
	return true;
}

static bool net_set_offloads(struct virtio_net *net, const struct vring_chain *c)
{
	struct le64 takes;

	if (!net_data(c, 0, &takes, sizeof(takes)) ||
	    le64_get(takes) & ~(net->dev.features & OFFLOAD_TAKES))
		return false;
	net_set_takes(net, le64_get(takes));
	return true;
}

/* Do what a command says. Return: whether it could be done. */
static bool net_command(struct virtio_net *net, const struct vring_chain *c)
{
	struct virtio_dev *dev = &net->dev;
	struct virtio_net_ctrl_hdr h;
	struct le16 vlan;
	uint8_t on;

	if (iov_to_buf(c->iov, c->out, 0, &h, sizeof(h)) != sizeof(h))
		return false;
	switch (h.class << 8 | h.cmd) {
	case VIRTIO_NET_CTRL_RX << 8 | VIRTIO_NET_CTRL_RX_PROMISC:
	case VIRTIO_NET_CTRL_RX << 8 | VIRTIO_NET_CTRL_RX_ALLMULTI:
		return virtio_has(dev, VIRTIO_NET_F_CTRL_RX) && net_data(c, 0, &on, 1) &&
		       net_filter_set_mode(&net->filter, h.cmd, on);
	case VIRTIO_NET_CTRL_RX << 8 | VIRTIO_NET_CTRL_RX_ALLUNI:
	case VIRTIO_NET_CTRL_RX << 8 | VIRTIO_NET_CTRL_RX_NOMULTI:
	case VIRTIO_NET_CTRL_RX << 8 | VIRTIO_NET_CTRL_RX_NOUNI:
	case VIRTIO_NET_CTRL_RX << 8 | VIRTIO_NET_CTRL_RX_NOBCAST:
		return virtio_has(dev, VIRTIO_NET_F_CTRL_RX_EXTRA) &&
		       net_data(c, 0, &on, 1) && net_filter_set_mode(&net->filter, h.cmd, on);
	case VIRTIO_NET_CTRL_MAC << 8 | VIRTIO_NET_CTRL_MAC_TABLE_SET:
		return virtio_has(dev, VIRTIO_NET_F_CTRL_RX) && net_set_tables(net, c);
	case VIRTIO_NET_CTRL_MAC << 8 | VIRTIO_NET_CTRL_MAC_ADDR_SET:
		return virtio_has(dev, VIRTIO_NET_F_CTRL_MAC_ADDR) && net_set_mac(net, c);
	case VIRTIO_NET_CTRL_VLAN << 8 | VIRTIO_NET_CTRL_VLAN_ADD:
	case VIRTIO_NET_CTRL_VLAN << 8 | VIRTIO_NET_CTRL_VLAN_DEL:
		return virtio_has(dev, VIRTIO_NET_F_CTRL_VLAN) &&
		       net_data(c, 0, &vlan, sizeof(vlan)) &&
		       net_filter_set_vlan(&net->filter, le16_get(vlan),
					   h.cmd == VIRTIO_NET_CTRL_VLAN_ADD);
	case VIRTIO_NET_CTRL_GUEST_OFFLOADS << 8 | VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET:
		return virtio_has(dev, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) &&
		       net_set_offloads(net, c);
	case VIRTIO_NET_CTRL_ANNOUNCE << 8 | VIRTIO_NET_CTRL_ANNOUNCE_ACK:
		net->config.status = le16(le16_get(net->config.status) &
					  (uint16_t)~VIRTIO_NET_S_ANNOUNCE);
		return true;
	default:
		return false;
	}
}

static void net_control(struct virtio_net *net)
{
	struct vring *vr = &net->dev.queue[NET_CTRL].vring;
	struct vring_chain c;

	for (unsigned int i = 0; i < VIRTIO_QUEUE_SIZE; i++) {
		uint8_t ack;

		if (!vring_pop(vr, &c, 1, net->tx_iov, ARRAY_SIZE(net->tx_iov))) {
			if (vr->broken)
				virtio_break(&net->dev, vr->broken);
			if (vr->broken || !vring_want_kick(vr, 1))
				return;
			continue;
		}
		ack = net_command(net, &c) ? VIRTIO_NET_OK : VIRTIO_NET_ERR;
		vring_push(vr, c.head, (uint32_t)iov_from_buf(c.iov + c.out, c.in, 0, &ack, 1));
		virtio_publish(&net->dev, NET_CTRL);
	}
	virtio_kick_again(&net->dev, NET_CTRL);
}

/* The back end's side. */

static void net_can_recv(void *nic)
{
	net_receive(nic);
}

static void net_can_send(void *nic)
{
	net_transmit(nic);
}

static void net_link(void *nic, bool up)
{
	struct virtio_net *net = nic;

	uint16_t announce = le16_get(net->config.status) & VIRTIO_NET_S_ANNOUNCE;

	net->config.status = le16((uint16_t)(announce | (up ? VIRTIO_NET_S_LINK_UP : 0)));
	virtio_config_changed(&net->dev);
}

static const struct net_owner net_owner = { net_can_recv, net_can_send, net_link };

/* The guest's side. */

static void net_kick(struct virtio_dev *dev, unsigned int q)
{
	if (q == NET_RX)
		net_receive(virtio_net(dev));
	else if (q == NET_TX)
		net_transmit(virtio_net(dev));
	else
		net_control(virtio_net(dev));
}

/* The rings are the switch's now, and the kicks for it. */
static void net_hand_over(struct virtio_net *net)
{
	ev_io_stop(net->dev.vm->loop, &net->dev.queue[NET_RX].kick);
	ev_io_stop(net->dev.vm->loop, &net->dev.queue[NET_TX].kick);
	net->be->ops->start(net->be, &net->dev);
}

/* Nothing is known of a guest, or of another one. */
static void net_forget(struct virtio_net *net)
{
	net->next = net->taken = 0;
	net->room = 0;
	net->want = NET_CHAINS_MIN;
	net->kept.size = 0;
	net->cutting = false;
	net->tx_sent = 0;
	net->config.mac = net->mac;
	net_filter_init(&net->filter);
	net->filter.tagged = virtio_has(&net->dev, VIRTIO_NET_F_CTRL_VLAN);
}

/* A guest's driver came up: what came in before is not for it. */
static void net_activate(struct virtio_dev *dev)
{
	struct virtio_net *net = virtio_net(dev);
	const struct iovec whole = { net->rx_buf, sizeof(net->rx_buf) };
	struct vnet_hdr hdr;

	net_forget(net);
	net_set_takes(net, dev->features & OFFLOAD_TAKES);
	if (net->be->ops->start) {
		net_hand_over(net);
		return;
	}
	for (int i = 0; i < NET_STALE; i++)
		if (net->be->ops->recv(net->be, &hdr, &whole, 1) < 0)
			break;
	net->be->ops->watch_recv(net->be, net->dev.queue[NET_RX].vring.size);
}

static void net_freeze(struct virtio_dev *dev)
{
	struct virtio_net *net = virtio_net(dev);

	if (net->be->ops->stop) {
		net->be->ops->stop(net->be);
		return;
	}
	net_untake(net);
	net->be->ops->watch_recv(net->be, false);
	net->be->ops->watch_send(net->be, false);
}

static void net_thaw(struct virtio_dev *dev)
{
	struct virtio_net *net = virtio_net(dev);

	if (net->be->ops->start)
		net_hand_over(net);
}

static void net_reset(struct virtio_dev *dev)
{
	struct virtio_net *net = virtio_net(dev);

	net->config.status = le16(le16_get(net->config.status) &
				  (uint16_t)~VIRTIO_NET_S_ANNOUNCE);
	net_freeze(dev);
	net_forget(net);
	if (net->be->ops->recv)
		net_set_takes(net, 0);
}

/**
 * struct net_state - A NIC in a saved VM; a frame that waits for room in the ring is not
 * worth keeping
 * @takes:	What its driver takes of frames with offloads
 * @mac:	The NIC's own address
 * @said:	The one its driver has given it
 */
struct net_state {
	uint64_t takes;
	struct net_filter filter;
	struct eth_addr mac;
	struct eth_addr said;
	struct le16 mtu;
};

static void net_save(struct virtio_dev *dev, struct state_out *out)
{
	const struct virtio_net *net = virtio_net(dev);
	struct net_state x;

	memset(&x, 0, sizeof(x));
	x.takes = net->takes;
	x.filter = net->filter;
	x.mac = net->mac;
	x.said = net->config.mac;
	x.mtu = net->config.mtu;
	state_put(out, "virtio-net", dev->pci.slot, NET_STATE_VERSION, &x, sizeof(x));
}

static const struct net_state *net_saved(const struct state *s, unsigned int slot)
{
	return state_get(s, "virtio-net", slot, NET_STATE_VERSION, sizeof(struct net_state));
}

const struct eth_addr *virtio_net_saved_mac(const struct state *s, unsigned int slot)
{
	const struct net_state *x = net_saved(s, slot);

	return x ? &x->mac : NULL;
}

static const char *net_load(struct virtio_dev *dev, const struct state *s)
{
	const struct net_state *x = net_saved(s, dev->pci.slot);
	struct virtio_net *net = virtio_net(dev);

	if (!x || !eth_addr_eq(x->mac, net->mac))
		return "a NIC has another address";
	if (le16_get(x->mtu) != le16_get(net->config.mtu))
		return "a NIC has another MTU (mtu=)";
	if (!net_filter_is_sane(&x->filter) || eth_addr_is_group(x->said) ||
	    x->takes & ~(dev->features & OFFLOAD_TAKES))
		return "it makes no sense (a NIC)";
	net_forget(net);
	net->config.mac = x->said;
	net->filter = x->filter;
	net_set_takes(net, x->takes);
	if (virtio_has(dev, VIRTIO_NET_F_GUEST_ANNOUNCE))
		net->config.status = le16(le16_get(net->config.status) |
					  VIRTIO_NET_S_ANNOUNCE);
	return NULL;
}

static void net_vector(struct virtio_dev *dev, unsigned int q)
{
	struct virtio_net *net = virtio_net(dev);

	if (net->be->ops->recall)
		net->be->ops->recall(net->be, q);
}

static void net_config_read(struct virtio_dev *dev, unsigned int off,
			    void *buf, unsigned int size)
{
	const struct virtio_net *net = virtio_net(dev);

	memcpy(buf, (const uint8_t *)&net->config + off, size);
}

static const struct virtio_ops net_ops = {
	.name = "virtio-net",
	.id = VIRTIO_ID_NET,
	.class = 0x020000,
	.activate = net_activate,
	.reset = net_reset,
	.kick = net_kick,
	.vector = net_vector,
	.freeze = net_freeze,
	.thaw = net_thaw,
	.save = net_save,
	.load = net_load,
	.config_read = net_config_read,
	.config_size = sizeof(struct net_config),
	.queue_size = NET_QUEUE_SIZE,
	.one_vector = true,
};

/* The features of a set that make sense: some need others (section 5.1.3.1). */
static uint64_t net_sensible(uint64_t features)
{
	static const struct { uint8_t feature, needs, or; } rules[] = {
		{ VNET_F_HOST_TSO4, VNET_F_CSUM, VNET_F_CSUM },
		{ VNET_F_HOST_TSO6, VNET_F_CSUM, VNET_F_CSUM },
		{ VNET_F_HOST_USO, VNET_F_CSUM, VNET_F_CSUM },
		{ VNET_F_HOST_ECN, VNET_F_HOST_TSO4, VNET_F_HOST_TSO6 },
		{ VNET_F_GUEST_TSO4, VNET_F_GUEST_CSUM, VNET_F_GUEST_CSUM },
		{ VNET_F_GUEST_TSO6, VNET_F_GUEST_CSUM, VNET_F_GUEST_CSUM },
		{ VNET_F_GUEST_USO4, VNET_F_GUEST_CSUM, VNET_F_GUEST_CSUM },
		{ VNET_F_GUEST_USO6, VNET_F_GUEST_CSUM, VNET_F_GUEST_CSUM },
		{ VNET_F_GUEST_ECN, VNET_F_GUEST_TSO4, VNET_F_GUEST_TSO6 },
		{ VIRTIO_NET_F_CTRL_GUEST_OFFLOADS, VNET_F_GUEST_CSUM, VNET_F_GUEST_CSUM },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (!(features & (OFFLOAD_F(rules[i].needs) | OFFLOAD_F(rules[i].or))))
			features &= ~OFFLOAD_F(rules[i].feature);
	}
	return features;
}

/* What a back end that moves frames makes possible: it takes what it gives. */
static uint64_t net_offloads(uint64_t takes)
{
	static const struct { uint8_t guest, host; } pairs[] = {
		{ VNET_F_GUEST_CSUM, VNET_F_CSUM },
		{ VNET_F_GUEST_TSO4, VNET_F_HOST_TSO4 },
		{ VNET_F_GUEST_TSO6, VNET_F_HOST_TSO6 },
		{ VNET_F_GUEST_ECN, VNET_F_HOST_ECN },
		{ VNET_F_GUEST_USO4, VNET_F_HOST_USO },
	};
	uint64_t features = takes;

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		if (takes & OFFLOAD_F(pairs[i].guest))
			features |= OFFLOAD_F(pairs[i].host);
	}
	return features;
}

/* Plug it in: into a switch that takes rings, if there is one and it may. */
static int net_plug(struct virtio_net *net, struct vm *vm,
		    const struct options_netdev *opt, uint64_t *features)
{
	const uint64_t filters = 1ULL << VIRTIO_NET_F_CTRL_RX |
				 1ULL << VIRTIO_NET_F_CTRL_RX_EXTRA |
				 1ULL << VIRTIO_NET_F_CTRL_VLAN;
	const uint64_t transport = 1ULL << VIRTIO_F_VERSION_1 |
				   1ULL << VRING_F_EVENT_IDX |
				   1ULL << VRING_F_INDIRECT_DESC;
	uint64_t both = *features | transport;
	int ret = -ENOENT;

	if (opt->tap)
		ret = net_tap_open(vm->loop, opt, &net_owner, net, &net->be);
	else if (opt->fast)
		ret = net_vhost_open(vm, opt, &net_owner, net, &both, &net->be);
	if (ret == -ENOENT && !opt->tap && opt->fast > 0)
		log_err("network '%s': fast=on, but there is no switch that takes rings",
			opt->shown);
	else if (ret == -ENOENT && !opt->tap)
		ret = net_vde_open(vm->loop, opt, vm->opt->name, &net_owner, net, &net->be);
	if (ret)
		return ret;
	if (net->be->ops->recv)
		*features &= ~NET_OFFLOADS | net_offloads(net->be->takes);
	else
		/* Frames do not come by here. What is the device's own business does not
		 * concern the switch. */
		*features &= (both & ~filters) | 1ULL << VIRTIO_NET_F_MAC |
			     1ULL << VIRTIO_NET_F_STATUS | 1ULL << VIRTIO_NET_F_MTU |
			     1ULL << VIRTIO_NET_F_CTRL_VQ |
			     1ULL << VIRTIO_NET_F_CTRL_MAC_ADDR |
			     1ULL << VIRTIO_NET_F_CTRL_GUEST_OFFLOADS |
			     1ULL << VIRTIO_NET_F_GUEST_ANNOUNCE;
	*features = net_sensible(*features);
	return 0;
}

int virtio_net_create(struct vm *vm, const struct options_nic *nic,
		      struct eth_addr mac, struct virtio_net **out)
{
	uint64_t features = 1ULL << VIRTIO_NET_F_MAC |
			    1ULL << VIRTIO_NET_F_STATUS |
			    1ULL << VIRTIO_NET_F_MRG_RXBUF |
			    1ULL << VIRTIO_NET_F_CTRL_VQ |
			    1ULL << VIRTIO_NET_F_CTRL_RX |
			    1ULL << VIRTIO_NET_F_CTRL_RX_EXTRA |
			    1ULL << VIRTIO_NET_F_CTRL_VLAN |
			    1ULL << VIRTIO_NET_F_CTRL_MAC_ADDR |
			    1ULL << VIRTIO_NET_F_CTRL_GUEST_OFFLOADS |
			    1ULL << VIRTIO_NET_F_GUEST_ANNOUNCE | NET_OFFLOADS;
	struct virtio_net *net = calloc(1, sizeof(*net));
	int ret;

	if (!net)
		return -ENOMEM;
	net->mac = net->config.mac = mac;
	net->config.mtu = le16((uint16_t)nic->mtu);
	if (nic->mtu)
		features |= 1ULL << VIRTIO_NET_F_MTU;
	features &= ~nic->off;
	if (nic->off & OFFLOAD_F(VIRTIO_NET_F_GSO))
		features &= ~(OFFLOAD_F(VNET_F_HOST_TSO4) | OFFLOAD_F(VNET_F_HOST_TSO6) |
			      OFFLOAD_F(VNET_F_HOST_USO));
	ret = net_plug(net, vm, &nic->netdev, &features);
	if (ret) {
		free(net);
		return ret;
	}
	net->config.status = le16(net->be->up ? VIRTIO_NET_S_LINK_UP : 0);
	ret = virtio_init(&net->dev, vm, &net_ops, features, NET_QUEUES);
	if (ret) {
		log_err_errno(-ret, "NIC");
		net->be->ops->close(net->be);
		free(net);
		return ret;
	}
	*out = net;
	return 0;
}

void virtio_net_reset(struct virtio_net *net)
{
	virtio_reset(&net->dev);
}

struct eth_addr virtio_net_mac(const struct virtio_net *net)
{
	return net->config.mac;
}

bool virtio_net_link(const struct virtio_net *net)
{
	return le16_get(net->config.status) & VIRTIO_NET_S_LINK_UP;
}

int virtio_net_start_threads(struct virtio_net *net)
{
	struct net_backend *be = net->be;
	int ret = be && be->ops->start_threads ? be->ops->start_threads(be) : 0;

	if (ret)
		log_err_errno(-ret, "cannot start a thread for a NIC");
	return ret;
}

void virtio_net_destroy(struct virtio_net *net)
{
	if (!net)
		return;
	virtio_destroy(&net->dev);
	net->be->ops->close(net->be);
	free(net);
}
