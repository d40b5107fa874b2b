/* SPDX-License-Identifier: BSD-2-Clause */
/* vhost_front.c - The front end of a vhost-user connection */
#include "config.h"

#include "lib/vhost_front.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "lib/clock.h"
#include "lib/fd.h"

#define BIT(n)	(1ULL << (n))

enum { ERRNO_MAX = 4095 };

static int front_errno(ssize_t n)
{
	if (n == -EAGAIN)
		return -ETIMEDOUT;
	return n < 0 && n != -EPIPE ? (int)n : -ECONNRESET;
}

/* Send a message. */
static int front_send(struct vhost_front *vf, struct vhost_msg *msg, uint32_t size,
		      const int *fds, unsigned int count)
{
	ssize_t n;

	msg->flags |= VHOST_VERSION;
	msg->size = size;
	n = fd_send(vf->sock, vhost_wire(msg), VHOST_HDR_SIZE + size, fds, count);
	return n == (ssize_t)(VHOST_HDR_SIZE + size) ? 0 : front_errno(n);
}

/* Wait for the answer to @request, which has a payload of @size bytes. The socket's own
 * limit is that of each byte, and a back end may send one at a time. */
static int front_recv(struct vhost_front *vf, uint32_t request, struct vhost_msg *msg,
		      uint32_t size)
{
	uint64_t end = clock_ms() + vf->limit_ms;
	uint8_t *buf = vhost_wire(msg);
	size_t have = 0;

	memset(msg, 0, sizeof(*msg));
	while (have < VHOST_HDR_SIZE + size) {
		ssize_t n = fd_recv(vf->sock, buf + have, VHOST_HDR_SIZE + size - have,
				    NULL, NULL);

		if (n <= 0)
			return front_errno(n);
		if (clock_ms() > end)
			return -ETIMEDOUT;
		have += (size_t)n;
	}
	return msg->request == request && msg->size == size &&
	       msg->flags & VHOST_REPLY ? 0 : -EPROTO;
}

/* Ask for a word. */
static int front_get(struct vhost_front *vf, uint32_t request, uint64_t *word)
{
	struct vhost_msg msg = { .request = request };
	int ret;

	ret = front_send(vf, &msg, 0, NULL, 0);
	if (!ret)
		ret = front_recv(vf, request, &msg, sizeof(msg.u64));
	*word = msg.u64;
	return ret;
}

/* Send a message that has no answer, and have it acknowledged if that can be. */
static int front_tell(struct vhost_front *vf, struct vhost_msg *msg, uint32_t size,
		      const int *fds, unsigned int count)
{
	bool ack = vf->protocol & BIT(VHOST_PF_REPLY_ACK);
	uint32_t request = msg->request;
	int ret;

	msg->flags = ack ? VHOST_NEED_REPLY : 0;
	ret = front_send(vf, msg, size, fds, count);
	if (!ret && ack) {
		ret = front_recv(vf, request, msg, sizeof(msg->u64));
		if (!ret && msg->u64)
			ret = -EPROTO;
	}
	return ret;
}

static int front_tell_word(struct vhost_front *vf, uint32_t request, uint64_t word,
			   const int *fds, unsigned int count)
{
	struct vhost_msg msg = { .request = request, .u64 = word };

	return front_tell(vf, &msg, sizeof(msg.u64), fds, count);
}

static int front_tell_state(struct vhost_front *vf, uint32_t request, uint32_t index,
			    uint32_t num)
{
	struct vhost_msg msg = { .request = request, .state = { index, num } };

	return front_tell(vf, &msg, sizeof(msg.state), NULL, 0);
}

static int front_hello(struct vhost_front *vf, const struct vhost_hello *hello)
{
	struct vhost_msg msg = { .request = VHOST_HELLO, .hello = *hello };
	int64_t port;
	int ret;

	ret = front_send(vf, &msg, sizeof(msg.hello), NULL, 0);
	if (!ret)
		ret = front_recv(vf, VHOST_HELLO, &msg, sizeof(msg.u64));
	if (ret)
		return ret;
	port = (int64_t)msg.u64;
	if (port < -ERRNO_MAX || port > UINT16_MAX)
		return -EPROTO;
	vf->port = (int)port;
	return MIN(vf->port, 0);
}

static int front_negotiate(struct vhost_front *vf, uint64_t wanted, uint64_t needed)
{
	const uint64_t protocol = BIT(VHOST_PF_MQ) | BIT(VHOST_PF_REPLY_ACK) |
				  BIT(VHOST_PF_CONFIG);
	struct vhost_msg owner = { .request = VHOST_SET_OWNER };
	uint64_t has, has_protocol;
	int ret;

	ret = front_get(vf, VHOST_GET_FEATURES, &has);
	if (!ret && ~has & needed)
		ret = -EPROTONOSUPPORT;
	if (!ret && has & BIT(VHOST_F_PROTOCOL_FEATURES)) {
		wanted |= BIT(VHOST_F_PROTOCOL_FEATURES);
		ret = front_get(vf, VHOST_GET_PROTOCOL_FEATURES, &has_protocol);
		if (!ret)
			ret = front_tell_word(vf, VHOST_SET_PROTOCOL_FEATURES,
					      protocol & has_protocol, NULL, 0);
		if (!ret)
			vf->protocol = protocol & has_protocol;
	}
	if (!ret)
		ret = front_tell(vf, &owner, 0, NULL, 0);
	vf->offered = has;
	vf->features = has & wanted;
	return ret ? ret : front_tell_word(vf, VHOST_SET_FEATURES, vf->features, NULL, 0);
}

int vhost_front_features(struct vhost_front *vf, uint64_t features)
{
	features &= vf->offered;
	features |= vf->features & BIT(VHOST_F_PROTOCOL_FEATURES);
	vf->features = features;
	return front_tell_word(vf, VHOST_SET_FEATURES, features, NULL, 0);
}

int vhost_front_attach(struct vhost_front *vf, int sock, const struct vhost_hello *hello,
		       uint64_t features, uint64_t needed, unsigned int limit_ms)
{
	const struct timeval limit = { limit_ms / 1000, limit_ms % 1000 * 1000 };
	int ret = 0;

	*vf = (struct vhost_front){ .sock = sock, .port = -1, .limit_ms = limit_ms };
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (hello)
		ret = front_hello(vf, hello);
	if (!ret)
		ret = front_negotiate(vf, features, needed);
	if (ret)
		vhost_front_close(vf);
	return ret;
}

int vhost_front_open(struct vhost_front *vf, const char *path,
		     const struct vhost_hello *hello, uint64_t features,
		     uint64_t needed, unsigned int limit_ms)
{
	const struct timeval limit = { limit_ms / 1000, limit_ms % 1000 * 1000 };
	struct sockaddr_un sa;
	int ret, sock;

	*vf = (struct vhost_front){ .sock = -1, .port = -1 };
	ret = fd_sockaddr(&sa, path);
	if (ret)
		return ret;
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return -errno;
	setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(sock, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		ret = front_errno(-errno);
		fd_close(&sock);
		return ret;
	}
	return vhost_front_attach(vf, sock, hello, features, needed, limit_ms);
}

void vhost_front_close(struct vhost_front *vf)
{
	fd_close(&vf->sock);
}

int vhost_front_config(struct vhost_front *vf, void *buf, uint32_t size)
{
	const uint32_t whole = (uint32_t)offsetof(struct vhost_config, bytes) + size;
	struct vhost_msg msg = { .request = VHOST_GET_CONFIG, .config = { .size = size } };
	int ret;

	if (!(vf->protocol & BIT(VHOST_PF_CONFIG)))
		return -EPROTONOSUPPORT;
	ret = front_send(vf, &msg, whole, NULL, 0);
	if (!ret)
		ret = front_recv(vf, VHOST_GET_CONFIG, &msg, whole);
	if (!ret && msg.config.size != size)
		ret = -EPROTO;
	if (!ret)
		memcpy(buf, msg.config.bytes, size);
	return ret;
}

int vhost_front_memory(struct vhost_front *vf, const struct vhost_region *regions,
		       const int *fds, unsigned int count)
{
	struct vhost_msg msg = { .request = VHOST_SET_MEM_TABLE, .memory = { .count = count } };

	if (count > VHOST_REGIONS_MAX)
		return -ENOSPC;
	memcpy(msg.memory.region, regions, count * sizeof(*regions));
	return front_tell(vf, &msg, (uint32_t)(offsetof(struct vhost_memory, region) +
					       count * sizeof(*regions)), fds, count);
}

int vhost_front_call(struct vhost_front *vf, uint32_t index, int call)
{
	return front_tell_word(vf, VHOST_SET_VRING_CALL,
			       index | (call < 0 ? VHOST_QUEUE_NOFD : 0), &call, call >= 0);
}

int vhost_front_start(struct vhost_front *vf, uint32_t index,
		      const struct vhost_front_ring *ring)
{
	struct vhost_msg msg = {
		.request = VHOST_SET_VRING_ADDR,
		.addr = {
			.index = index,
			.desc = ring->desc,
			.avail = ring->avail,
			.used = ring->used,
		},
	};
	int ret;

	ret = front_tell_state(vf, VHOST_SET_VRING_NUM, index, ring->size);
	if (!ret)
		ret = front_tell_state(vf, VHOST_SET_VRING_BASE, index, ring->base);
	if (!ret)
		ret = front_tell(vf, &msg, sizeof(msg.addr), NULL, 0);
	if (!ret)
		ret = vhost_front_call(vf, index, ring->call);
	if (!ret)
		ret = front_tell_word(vf, VHOST_SET_VRING_KICK, index, &ring->kick, 1);
	if (!ret && vhost_front_has(vf, VHOST_F_PROTOCOL_FEATURES))
		ret = front_tell_state(vf, VHOST_SET_VRING_ENABLE, index, 1);
	return ret;
}

int vhost_front_stop(struct vhost_front *vf, uint32_t index, uint16_t *base)
{
	struct vhost_msg msg = { .request = VHOST_GET_VRING_BASE, .state = { index, 0 } };
	int ret;

	ret = front_send(vf, &msg, sizeof(msg.state), NULL, 0);
	if (!ret)
		ret = front_recv(vf, VHOST_GET_VRING_BASE, &msg, sizeof(msg.state));
	*base = (uint16_t)msg.state.num;
	return ret;
}
