/* SPDX-License-Identifier: BSD-2-Clause */
/* front.c - Peers of the switch's vhost-user ports; the essay is in front.h */
#include "config.h"

#include "tests/vhost/front.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/vnet.h"

enum {
	ANSWER_MS = 2000,
	FRAME_MS = 1000,
	SAY_FDS_MAX = 253,
};

static const struct eth_addr everybody = { { 255, 255, 255, 255, 255, 255 } };

/* Memory. */

bool shared_make(struct shared *m, size_t size, unsigned int flags)
{
	const size_t page = flags & MFD_HUGETLB ? 2 << 20 : 4096;

	*m = (struct shared){
		.fd = memfd_create("front", flags | MFD_CLOEXEC),
		.size = (size + page - 1) / page * page,
		.guest = PEER_GUEST,
		.user = PEER_USER,
	};
	if (m->fd >= 0 && !ftruncate(m->fd, (off_t)m->size)) {
		m->p = mmap(NULL, m->size, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
		if (m->p != MAP_FAILED)
			return true;
	}
	fd_close(&m->fd);
	m->p = NULL;
	return false;
}

void shared_free(struct shared *m)
{
	if (m->p)
		munmap(m->p, m->size);
	m->p = NULL;
	fd_close(&m->fd);
}

struct vhost_region shared_region(const struct shared *m)
{
	return (struct vhost_region){ m->guest, m->size, m->user, 0 };
}

uint64_t peer_guest(const struct peer *p, const void *at)
{
	return p->mem.guest + (uint64_t)((const uint8_t *)at - p->mem.p);
}

uint64_t peer_user(const struct peer *p, const void *at)
{
	return p->mem.user + (uint64_t)((const uint8_t *)at - p->mem.p);
}

/* Messages. */

const char *verdict_name(enum verdict v)
{
	static const char *const names[] = { "taken", "refused", "closed", "not answered" };

	return names[v];
}

bool peer_say_bytes(struct peer *p, const void *bytes, size_t size, const int *fds,
		    unsigned int count)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(SAY_FDS_MAX * sizeof(int))];
	} ctl = { .buf = { 0 } };
	struct iovec iov = { (void *)(uintptr_t)bytes, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (count) {
		struct cmsghdr *c;

		msg.msg_control = ctl.buf;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	}
	do
		n = sendmsg(p->sock, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)size;
}

bool peer_say(struct peer *p, uint32_t request, uint32_t flags, const void *payload,
	      uint32_t size, const int *fds, unsigned int count)
{
	struct vhost_msg msg = { .request = request, .flags = flags, .size = size };

	if (size > VHOST_PAYLOAD_MAX)
		size = VHOST_PAYLOAD_MAX;
	if (size)
		memcpy(&msg.u64, payload, size);
	return peer_say_bytes(p, vhost_wire(&msg), VHOST_HDR_SIZE + size, fds, count);
}

/* Read exactly @size bytes. */
static enum verdict peer_read(struct peer *p, uint8_t *buf, size_t size, int *fd,
			      uint64_t end)
{
	while (size) {
		struct pollfd pfd = { .fd = p->sock, .events = POLLIN };
		uint64_t now = now_us();
		unsigned int fds = 1;
		int got = -1;
		ssize_t n;

		if (now >= end)
			return SILENT;
		if (poll(&pfd, 1, (int)((end - now) / 1000) + 1) <= 0)
			continue;
		n = fd_recv(p->sock, buf, size, &got, &fds);
		if (fds && fd && *fd < 0)
			*fd = got;
		else if (fds)
			close(got);
		if (n == -EAGAIN)
			continue;
		if (n <= 0)
			return CLOSED;
		buf += n;
		size -= (size_t)n;
	}
	return TAKEN;
}

enum verdict peer_hear(struct peer *p, struct vhost_msg *reply, int *fd, unsigned int ms)
{
	uint64_t end = now_us() + ms * 1000ULL;
	enum verdict v;

	memset(reply, 0, sizeof(*reply));
	v = peer_read(p, vhost_wire(reply), VHOST_HDR_SIZE, fd, end);
	if (v == TAKEN && reply->size <= VHOST_PAYLOAD_MAX)
		v = peer_read(p, vhost_wire(reply) + VHOST_HDR_SIZE, reply->size, fd,
			      end + ANSWER_MS * 1000);
	if (v == TAKEN && reply->flags != (VHOST_VERSION | VHOST_REPLY))
		row_fail("an answer with the flags 0x%x", reply->flags);
	return v;
}

enum verdict peer_ask(struct peer *p, uint32_t request, const void *payload,
		      uint32_t size, const int *fds, unsigned int count)
{
	struct vhost_msg reply;
	enum verdict v;

	if (!peer_say(p, request, VHOST_VERSION | VHOST_NEED_REPLY, payload, size, fds, count))
		return CLOSED;
	v = peer_hear(p, &reply, NULL, ANSWER_MS);
	if (v != TAKEN)
		return v;
	EXPECT(reply.request == request && reply.size == sizeof(reply.u64),
	       "request %u was acknowledged with request %u of %u bytes", request,
	       reply.request, reply.size);
	return reply.u64 ? REFUSED : TAKEN;
}

enum verdict peer_ask_word(struct peer *p, uint32_t request, uint64_t word, int fd)
{
	return peer_ask(p, request, &word, sizeof(word), &fd, fd >= 0);
}

enum verdict peer_ask_state(struct peer *p, uint32_t request, uint32_t index, uint32_t num)
{
	const struct vhost_state s = { index, num };

	return peer_ask(p, request, &s, sizeof(s), NULL, 0);
}

enum verdict peer_get(struct peer *p, uint32_t request, uint64_t *word)
{
	struct vhost_msg reply;
	enum verdict v;

	*word = 0;
	if (!peer_say(p, request, VHOST_VERSION, NULL, 0, NULL, 0))
		return CLOSED;
	v = peer_hear(p, &reply, NULL, ANSWER_MS);
	*word = reply.u64;
	return v;
}

enum verdict peer_get_base(struct peer *p, uint32_t index, uint32_t *base)
{
	const struct vhost_state s = { index, 0 };
	struct vhost_msg reply;
	enum verdict v;

	if (!peer_say(p, VHOST_GET_VRING_BASE, VHOST_VERSION, &s, sizeof(s), NULL, 0))
		return CLOSED;
	v = peer_hear(p, &reply, NULL, ANSWER_MS);
	*base = reply.state.num;
	return v;
}

bool peer_is_closed(struct peer *p, unsigned int ms)
{
	uint64_t end = now_us() + ms * 1000ULL;
	uint8_t junk[4096];

	enum verdict v;

	do {
		struct pollfd pfd = { .fd = p->sock, .events = POLLIN };

		if (!ms && poll(&pfd, 1, 0) <= 0)
			return false;
		v = peer_read(p, junk, 1, NULL, ms ? end : now_us() + 1000);
	} while (v == TAKEN);
	return v == CLOSED;
}

void peer_expect(struct peer *p, enum verdict want, enum verdict got, const char *fmt, ...)
{
	char what[256];
	uint64_t word;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	EXPECT(want == got, "%s: %s, not %s", what, verdict_name(got), verdict_name(want));
	if (want == got && want != CLOSED)
		EXPECT(peer_get(p, VHOST_GET_FEATURES, &word) == TAKEN && word,
		       "%s: no answers after that", what);
}

/* Life. */

static bool peer_check(struct peer *p, const char *what, enum verdict v)
{
	(void)p;
	EXPECT(v == TAKEN, "well-behaved: %s: %s", what, verdict_name(v));
	return v == TAKEN;
}

bool peer_connect(struct peer *p, const char *path)
{
	static unsigned int serial;

	memset(p, 0, sizeof(*p));
	p->mem.fd = -1;
	for (unsigned int i = 0; i < PEER_RINGS; i++)
		p->ring[i].kick = p->ring[i].call = p->ring[i].err = -1;
	serial++;
	p->addr = (struct eth_addr){ { 2, 0xbb, 0, 0, (uint8_t)(serial >> 8),
				       (uint8_t)serial } };
	p->sock = fd_connect_unix(path);
	EXPECT(p->sock >= 0, "%s: %s", path, strerror(p->sock < 0 ? -p->sock : 0));
	return p->sock >= 0;
}

bool peer_greet(struct peer *p, uint64_t features, uint64_t protocol)
{
	const uint64_t merge = FEATURE(32) | FEATURE(VNET_F_MRG_RXBUF);
	uint64_t offered, offered_protocol = 0;

	if (!peer_say(p, VHOST_SET_OWNER, VHOST_VERSION, NULL, 0, NULL, 0) ||
	    !peer_check(p, "features", peer_get(p, VHOST_GET_FEATURES, &offered)))
		return false;
	EXPECT(!(features & ~offered), "the switch offers the features 0x%llx only",
	       (unsigned long long)offered);
	if (features & FEATURE(30)) {
		if (!peer_check(p, "protocol features",
				peer_get(p, VHOST_GET_PROTOCOL_FEATURES, &offered_protocol)))
			return false;
		EXPECT(!(protocol & ~offered_protocol),
		       "the switch offers the protocol features 0x%llx only",
		       (unsigned long long)offered_protocol);
		if (!peer_say(p, VHOST_SET_PROTOCOL_FEATURES, VHOST_VERSION, &protocol,
			      sizeof(protocol), NULL, 0))
			return false;
	}
	p->features = features;
	p->protocol = protocol;
	p->hdr = features & merge ? VNET_HDR_SIZE : VNET_HDR_SIZE_LEGACY;
	return peer_say(p, VHOST_SET_FEATURES, VHOST_VERSION, &features, sizeof(features),
			NULL, 0);
}

/* Where the part of ring @index begins; its buffers follow. */
static size_t peer_ring_bytes(const struct peer *p)
{
	return (vring_layout(p->entries).size + 4095) / 4096 * 4096 +
	       ((size_t)p->entries * p->stride + 4095) / 4096 * 4096;
}

void peer_lay_ring(struct peer *p, unsigned int index)
{
	struct peer_ring *r = &p->ring[index];
	uint8_t *base = p->mem.p + index * peer_ring_bytes(p);
	const size_t ring = (vring_layout(p->entries).size + 4095) / 4096 * 4096;

	memset(base, 0, ring);
	vring_driver_init(&r->vd, base, p->entries, p->features >> 29 & 1);
	r->buf = base + ring;
	for (unsigned int i = 0; i < p->entries; i++) {
		r->vd.desc[i] = (struct vring_desc){
			.addr = peer_guest(p, r->buf + (size_t)i * p->stride),
			.len = p->stride,
			.flags = index & 1 ? 0 : VRING_DESC_WRITE,
		};
		if (index & 1)
			peer_frame(p, index, i, canary_feeder, 60);
		else
			vring_driver_add(&r->vd, (uint16_t)i);
	}
	if (vring_driver_publish(&r->vd))
		peer_kick(p, index);
	vring_driver_suppress_calls(&r->vd);
}

bool peer_lay(struct peer *p, unsigned int pairs, uint16_t entries, uint32_t stride,
	      unsigned int memfd_flags)
{
	p->rings = 2 * pairs;
	p->entries = entries;
	p->stride = stride;
	if (!shared_make(&p->mem, p->rings * peer_ring_bytes(p), memfd_flags)) {
		row_fail("no memory: %s", strerror(errno));
		return false;
	}
	for (unsigned int i = 0; i < p->rings; i++) {
		struct peer_ring *r = &p->ring[i];

		r->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		r->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		r->err = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (r->kick < 0 || r->call < 0 || r->err < 0) {
			row_fail("no eventfd: %s", strerror(errno));
			return false;
		}
		peer_lay_ring(p, i);
	}
	return true;
}

/* Say something that must be taken. */
static bool peer_tell(struct peer *p, const char *what, uint32_t request,
		      const void *payload, uint32_t size, const int *fds,
		      unsigned int count)
{
	if (p->protocol & FEATURE(VHOST_PF_REPLY_ACK))
		return peer_check(p, what, peer_ask(p, request, payload, size, fds, count));
	if (peer_say(p, request, VHOST_VERSION, payload, size, fds, count))
		return true;
	row_fail("well-behaved: %s: closed", what);
	return false;
}

bool peer_give_memory(struct peer *p)
{
	const struct vhost_memory m = { .count = 1, .region = { shared_region(&p->mem) } };

	return peer_tell(p, "memory", VHOST_SET_MEM_TABLE, &m,
			 (uint32_t)(offsetof(struct vhost_memory, region[1])), &p->mem.fd, 1);
}

bool peer_give_ring(struct peer *p, unsigned int index, uint16_t base)
{
	const struct peer_ring *r = &p->ring[index];
	const struct vhost_state num = { index, p->entries }, at = { index, base };
	const struct vhost_state on = { index, 1 };
	const struct vhost_addr addr = {
		.index = index,
		.desc = peer_user(p, r->vd.desc),
		.used = peer_user(p, r->vd.used),
		.avail = peer_user(p, r->vd.avail),
	};
	const uint64_t word = index;

	return peer_tell(p, "ring size", VHOST_SET_VRING_NUM, &num, sizeof(num), NULL, 0) &&
	       peer_tell(p, "ring base", VHOST_SET_VRING_BASE, &at, sizeof(at), NULL, 0) &&
	       peer_tell(p, "ring addresses", VHOST_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0) &&
	       peer_tell(p, "call", VHOST_SET_VRING_CALL, &word, sizeof(word), &r->call, 1) &&
	       peer_tell(p, "err", VHOST_SET_VRING_ERR, &word, sizeof(word), &r->err, 1) &&
	       peer_tell(p, "kick", VHOST_SET_VRING_KICK, &word, sizeof(word), &r->kick, 1) &&
	       (!(p->features & FEATURE(30)) ||
		peer_tell(p, "enable", VHOST_SET_VRING_ENABLE, &on, sizeof(on), NULL, 0));
}

bool peer_start(struct peer *p)
{
	uint64_t heard;

	if (!peer_give_memory(p))
		return false;
	for (unsigned int i = 0; i < p->rings; i++)
		if (!peer_give_ring(p, i, 0))
			return false;
	/* So that the switch knows where it is. */
	heard = canary_heard();
	peer_frame(p, TX, p->ring[TX].vd.next_avail & (p->entries - 1U), everybody, 60);
	peer_transmit(p, TX, 1);
	for (unsigned int ms = 0; vring_driver_pending(&p->ring[TX].vd) ||
	     canary_heard() == heard; ms++) {
		if (ms == FRAME_MS) {
			row_fail("well-behaved: its first frame is not taken");
			return false;
		}
		sleep_ms(1);
		peer_transmit(p, TX, 0);
	}
	peer_frame(p, TX, (p->ring[TX].vd.next_avail - 1) & (p->entries - 1U), canary_feeder,
		   60);
	return true;
}

bool peer_open(struct peer *p)
{
	return peer_connect(p, sw.vhost) && peer_greet(p, PEER_FEATURES, PEER_PROTOCOL) &&
	       peer_lay(p, 1, PEER_SIZE, PEER_STRIDE, 0) && peer_start(p);
}

void peer_close(struct peer *p)
{
	fd_close(&p->sock);
	for (unsigned int i = 0; i < PEER_RINGS; i++) {
		fd_close(&p->ring[i].kick);
		fd_close(&p->ring[i].call);
		fd_close(&p->ring[i].err);
	}
	shared_free(&p->mem);
}

/* Frames. */

void peer_frame(struct peer *p, unsigned int ring, unsigned int slot, struct eth_addr dst,
		unsigned int size)
{
	struct peer_ring *r = &p->ring[ring];
	uint8_t *f = r->buf + (size_t)slot * p->stride;

	memset(f, 0, p->hdr + size);
	f += p->hdr;
	memcpy(f, dst.b, ETH_ADDR_SIZE);
	memcpy(f + ETH_ADDR_SIZE, p->addr.b, ETH_ADDR_SIZE);
	f[12] = 0x88;
	f[13] = 0xb5;
	r->vd.desc[slot].len = (uint32_t)(p->hdr + size);
}

void peer_kick(struct peer *p, unsigned int ring)
{
	if (p->ring[ring].kick >= 0)
		eventfd_write(p->ring[ring].kick, 1);
}

unsigned int peer_transmit(struct peer *p, unsigned int ring, unsigned int n)
{
	struct vring_driver *vd = &p->ring[ring].vd;
	uint32_t len;

	while (vring_driver_get(vd, &len) >= 0)
		;
	n = MIN(n, (unsigned int)(uint16_t)(vd->size - vring_driver_pending(vd)));
	for (unsigned int i = 0; i < n; i++)
		vring_driver_add(vd, vd->next_avail & (uint16_t)(vd->size - 1));
	if (vring_driver_publish(vd))
		peer_kick(p, ring);
	return n;
}

unsigned int peer_receive(struct peer *p, unsigned int ring)
{
	struct vring_driver *vd = &p->ring[ring].vd;
	unsigned int n = 0;
	uint32_t len;
	int32_t id;

	while ((id = vring_driver_get(vd, &len)) >= 0) {
		vring_driver_add(vd, (uint16_t)id);
		n++;
	}
	if (vring_driver_publish(vd))
		peer_kick(p, ring);
	return n;
}

static unsigned int peer_receive_all(struct peer *p)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < p->rings; i += 2)
		n += peer_receive(p, i);
	return n;
}

bool peer_works(struct peer *p, const char *when)
{
	uint64_t heard = canary_heard(), end = now_us() + FRAME_MS * 1000;
	bool sent, received = false;

	(void)peer_receive_all(p);
	peer_frame(p, TX, p->ring[TX].vd.next_avail & (p->entries - 1U), canary_feeder, 60);
	sent = peer_transmit(p, TX, 1);
	while (sent && canary_heard() == heard && now_us() < end)
		sleep_ms(1);
	sent = canary_heard() != heard;
	EXPECT(sent, "%s: no frame of its comes through", when);
	canary_feed_once(p->addr, 1, 100);
	for (end = now_us() + FRAME_MS * 1000; !received && now_us() < end; ) {
		received = peer_receive_all(p);
		if (!received)
			sleep_ms(1);
	}
	EXPECT(received, "%s: no frame comes through to it", when);
	return sent && received;
}
