/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio_net.c - Network device (virtio 1.2, section 5.1) over a net_backend
 *
 * DOC: Theory of operation
 *
 * Queue 0 is for frames to the guest, queue 1 for frames from it. Each frame has
 * a header of 12 bytes (section 5.1.6.1) in front, all zero here but for
 * num_buffers: no offload is offered, since what is behind libvdeplug cannot do
 * any. Mergeable receive buffers are offered, so that a long frame may lie in
 * several of the guest's buffers.
 *
 * Nothing is dropped here that could wait: while the guest has no buffer for a
 * frame it is kept (one), and no more are taken from the back end; while the
 * back end has no room, the guest's frames stay in its ring. Either side goes on
 * when the other says so: a kick, or room.
 *
 * A guest that was restored may be plugged into another switch than before, which does
 * not know it: it is asked to say where it is (VIRTIO_NET_F_GUEST_ANNOUNCE, section
 * 5.1.6.5.4), and answers through queue 2, the control queue, which is ours even where
 * a switch works on the other two.
 *
 * Security model: the guest may write anything into its rings (vring.c). The
 * header is not looked at: nothing in it can apply. Frames shorter than an
 * Ethernet header or longer than ETH_FRAME_MAX are consumed and not sent.
 */
#include "config.h"

#include "vmm/virtio_net.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>

#include "lib/iov.h"
#include "lib/log.h"
#include "lib/vnet.h"
#include "vmm/net.h"
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
	NET_BUDGET = 256,		/* frames in one direction at one go */
	NET_STALE = 4096,		/* frames thrown away when a guest comes up */
	NET_STATE_VERSION = 2,
};

/** struct net_config - Device configuration, section 5.1.4 */
struct net_config {
	struct eth_addr mac;
	struct le16 status;
	struct le16 queue_pairs;
	struct le16 mtu;
};

static_assert(sizeof(struct net_config) == 12, "virtio 1.2, 5.1.4");

/**
 * struct virtio_net - A NIC
 * @config:	What the guest reads
 * @be:		What it is plugged into
 * @kept:	Bytes of the frame in @rx_buf that waits for a guest's buffer
 * @rx_buf:	A frame from the back end
 * @tx_buf:	A frame from the guest that lies in several pieces
 * @chains:	Buffers of the guest's at hand, @iov their pieces
 */
struct virtio_net {
	struct virtio_dev dev;
	struct net_config config;
	struct net_backend *be;
	size_t kept;
	uint8_t rx_buf[ETH_FRAME_MAX + 1];
	uint8_t tx_buf[ETH_FRAME_MAX];
	struct vring_chain chains[NET_CHAINS];
	struct iovec iov[NET_CHAINS + VRING_CHAIN_MAX];
};

static struct virtio_net *virtio_net(struct virtio_dev *dev)
{
	return container_of(dev, struct virtio_net, dev);
}

/* To the guest. */

/* Put the kept frame into the guest's next buffers, at most @max of them. Return:
 * as vnet_put(). */
static int net_deliver_into(struct virtio_net *net, unsigned int max)
{
	const struct vnet vn = vnet_negotiated(net->dev.features);
	const struct iovec frame = { net->rx_buf, net->kept };
	struct vring *vr = &net->dev.queue[NET_RX].vring;
	unsigned int n;
	int used = 0;

	n = vring_pop(vr, net->chains, max, net->iov, ARRAY_SIZE(net->iov));
	if (n)
		used = vnet_put(&vn, vr, net->chains, n, &VNET_HDR_NONE, &frame, 1,
				net->kept);
	vring_unpop(vr, (uint16_t)(n - (unsigned int)MAX(used, 0)));
	return !used && n == NET_CHAINS ? -EMSGSIZE : used;
}

/* Put the kept frame into the guest's buffers. Return: whether it is done with;
 * if not, there are not enough buffers, or the ring is broken. */
static bool net_deliver(struct virtio_net *net)
{
	int used = net_deliver_into(net, 1);

	if (!used && virtio_has(&net->dev, VIRTIO_NET_F_MRG_RXBUF))
		used = net_deliver_into(net, NET_CHAINS);
	/* What will never fit is lost; the guest gets the next one. */
	return used > 0 || used == -EMSGSIZE;
}

/* Move frames to the guest until one side has no more. */
static void net_receive(struct virtio_net *net)
{
	struct vring *vr = &net->dev.queue[NET_RX].vring;
	unsigned int moved = 0;

	if (!net->dev.active || net->dev.frozen || !vr->size) {
		net->be->ops->watch_recv(net->be, false);
		return;
	}
	for (unsigned int i = 0; i < NET_BUDGET; i++) {
		if (!net->kept) {
			ssize_t n = net->be->ops->recv(net->be, net->rx_buf,
						       sizeof(net->rx_buf));

			if (n < 0)
				break;
			if (n < ETH_HDR_SIZE || n > ETH_FRAME_MAX)
				continue;
			net->kept = (size_t)n;
		}
		if (net_deliver(net)) {
			net->kept = 0;
			moved++;
		} else if (vr->broken || !vring_want_kick(vr, 1)) {
			break;
		}
	}
	if (moved)
		virtio_publish(&net->dev, NET_RX);
	if (vr->broken) {
		net->be->ops->watch_recv(net->be, false);
		virtio_break(&net->dev, vr->broken);
		return;
	}
	/* Without a buffer there is no use in being told of more frames; the
	 * guest's kick brings us back. */
	net->be->ops->watch_recv(net->be, !net->kept);
}

/* From the guest. */

/* Send the frame of one chain. Return: 0 if it is done with, -EAGAIN if not. */
static int net_send_chain(struct virtio_net *net, const struct vring_chain *chain)
{
	size_t total = iov_size(chain->iov, chain->out), size;
	const void *frame = net->tx_buf;
	size_t skip = VNET_HDR_SIZE;
	unsigned int i = 0;

	if (total < VNET_HDR_SIZE + ETH_HDR_SIZE ||
	    total > VNET_HDR_SIZE + ETH_FRAME_MAX)
		return 0;
	size = total - VNET_HDR_SIZE;
	while (skip >= chain->iov[i].iov_len)
		skip -= chain->iov[i++].iov_len;
	/* A frame in one piece goes to the kernel from where it lies. */
	if (chain->iov[i].iov_len - skip == size)
		frame = (uint8_t *)chain->iov[i].iov_base + skip;
	else
		iov_to_buf(chain->iov, chain->out, VNET_HDR_SIZE, net->tx_buf, size);
	return net->be->ops->send(net->be, frame, size) == -EAGAIN ? -EAGAIN : 0;
}

/* Move frames from the guest until one side has no more. */
static void net_transmit(struct virtio_net *net)
{
	struct vring *vr = &net->dev.queue[NET_TX].vring;
	struct vring_chain chain;
	unsigned int moved = 0;
	bool full = false;

	if (!net->dev.active || net->dev.frozen || !vr->size)
		return;
	vring_suppress_kicks(vr);
	while (moved < NET_BUDGET && !full) {
		if (!vring_pop(vr, &chain, 1, net->iov, ARRAY_SIZE(net->iov))) {
			if (vr->broken || !vring_want_kick(vr, 1))
				break;
			continue;
		}
		if (net_send_chain(net, &chain) == -EAGAIN) {
			vring_unpop(vr, 1);
			full = true;
		} else {
			vring_push(vr, chain.head, 0);
			moved++;
		}
	}
	if (moved)
		virtio_publish(&net->dev, NET_TX);
	net->be->ops->watch_send(net->be, full);
	if (vr->broken)
		virtio_break(&net->dev, vr->broken);
	else if (moved == NET_BUDGET)
		virtio_kick_again(&net->dev, NET_TX);
}

/* The control queue: one command is known, "I have said where I am". */

static void net_control(struct virtio_net *net)
{
	struct vring *vr = &net->dev.queue[NET_CTRL].vring;
	struct vring_chain chain;

	for (unsigned int i = 0; i < VIRTIO_QUEUE_SIZE; i++) {
		struct virtio_net_ctrl_hdr h = { 0 };
		uint8_t ack = VIRTIO_NET_ERR;

		if (!vring_pop(vr, &chain, 1, net->iov, ARRAY_SIZE(net->iov))) {
			if (vr->broken)
				virtio_break(&net->dev, vr->broken);
			if (vr->broken || !vring_want_kick(vr, 1))
				return;
			continue;
		}
		iov_to_buf(chain.iov, chain.out, 0, &h, sizeof(h));
		if (h.class == VIRTIO_NET_CTRL_ANNOUNCE && h.cmd == VIRTIO_NET_CTRL_ANNOUNCE_ACK) {
			net->config.status = le16(le16_get(net->config.status) &
						  (uint16_t)~VIRTIO_NET_S_ANNOUNCE);
			ack = VIRTIO_NET_OK;
		}
		vring_push(vr, chain.head, (uint32_t)iov_from_buf(chain.iov + chain.out,
								  chain.in, 0, &ack, 1));
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

/* A guest's driver came up: what came in before is not for it. */
static void net_activate(struct virtio_dev *dev)
{
	struct virtio_net *net = virtio_net(dev);

	net->kept = 0;
	if (net->be->ops->start) {
		net_hand_over(net);
		return;
	}
	for (int i = 0; i < NET_STALE; i++)
		if (net->be->ops->recv(net->be, net->rx_buf, sizeof(net->rx_buf)) < 0)
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

	net->kept = 0;
	net->config.status = le16(le16_get(net->config.status) &
				  (uint16_t)~VIRTIO_NET_S_ANNOUNCE);
	net_freeze(dev);
}

/** struct net_state - A NIC in a saved VM; a frame that waits for room in the ring is not
 * worth keeping */
struct net_state {
	struct eth_addr mac;
	struct le16 mtu;
};

static void net_save(struct virtio_dev *dev, struct state_out *out)
{
	const struct virtio_net *net = virtio_net(dev);
	const struct net_state x = { .mac = net->config.mac, .mtu = net->config.mtu };

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

	if (!x || !eth_addr_eq(x->mac, net->config.mac))
		return "a NIC has another address";
	if (le16_get(x->mtu) != le16_get(net->config.mtu))
		return "a NIC has another MTU (mtu=)";
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
};

/* Plug it in: into a switch that takes rings, if there is one and it may. */
static int net_plug(struct virtio_net *net, struct vm *vm,
		    const struct options_netdev *opt, uint64_t *features)
{
	const uint64_t transport = 1ULL << VIRTIO_F_VERSION_1 |
				   1ULL << VRING_F_EVENT_IDX |
				   1ULL << VRING_F_INDIRECT_DESC;
	uint64_t both = *features | transport;
	int ret = -ENOENT;

	if (opt->tap)
		return net_tap_open(vm->loop, opt, &net_owner, net, &net->be);
	if (opt->fast)
		ret = net_vhost_open(vm, opt, &net_owner, net, &both, &net->be);
	if (ret == -ENOENT && opt->fast > 0)
		log_err("network '%s': fast=on, but there is no switch that takes rings",
			opt->shown);
	else if (ret == -ENOENT)
		return net_vde_open(vm->loop, opt, vm->opt->name, &net_owner, net,
				    &net->be);
	/* What is the device's own business does not concern the switch. */
	*features &= both | 1ULL << VIRTIO_NET_F_MAC | 1ULL << VIRTIO_NET_F_STATUS |
		     1ULL << VIRTIO_NET_F_MTU | 1ULL << VIRTIO_NET_F_CTRL_VQ |
		     1ULL << VIRTIO_NET_F_GUEST_ANNOUNCE;
	return ret;
}

int virtio_net_create(struct vm *vm, const struct options_nic *nic,
		      struct eth_addr mac, struct virtio_net **out)
{
	uint64_t features = 1ULL << VIRTIO_NET_F_MAC |
			    1ULL << VIRTIO_NET_F_STATUS |
			    1ULL << VIRTIO_NET_F_MRG_RXBUF |
			    1ULL << VIRTIO_NET_F_CTRL_VQ |
			    1ULL << VIRTIO_NET_F_GUEST_ANNOUNCE;
	struct virtio_net *net = calloc(1, sizeof(*net));
	int ret;

	if (!net)
		return -ENOMEM;
	net->config.mac = mac;
	net->config.mtu = le16((uint16_t)nic->mtu);
	if (nic->mtu)
		features |= 1ULL << VIRTIO_NET_F_MTU;
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

void virtio_net_destroy(struct virtio_net *net)
{
	if (!net)
		return;
	virtio_destroy(&net->dev);
	net->be->ops->close(net->be);
	free(net);
}
