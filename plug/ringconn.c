/* SPDX-License-Identifier: BSD-2-Clause */
/* ringconn.c - A plug whose cable is shared memory; the essay is in ringconn.h */
#include "config.h"

#include "plug/ringconn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "lib/eth.h"
#include "lib/fd.h"
#include "lib/offload.h"
#include "lib/vhost_front.h"
#include "lib/vnet.h"
#include "lib/vring_driver.h"

enum {
	RX = 0,
	TX = 1,
	RINGS = 2,
	RX_BATCH = 64,		/* buffers given back to the switch at one go */
	SPINS = 32,		/* looks for a call that is on its way */

	/* What we call our addresses: the switch does not learn where our memory
	 * really is. */
	GUEST = 0x1000000,
};

/**
 * struct ringconn - A connection
 * @path:	The switch's socket
 * @hello:	What we tell it
 * @wanted:	Features we can do with
 * @takes:	What the switch takes of frames that are not finished
 * @vf:		Connection to it; @vf.sock is -1 while it is away
 * @epoll:	What the caller polls: @call[RX], @vf.sock, @timer
 * @timer:	Runs while the switch is away
 * @mem:	Rings and buffers, @mem_size bytes of @mem_fd
 * @ring:	The rings, their buffers at @buf
 * @kick:	We ring, the switch answers
 * @call:	The switch rings, we answer
 * @tx_free:	Descriptors of the transmit ring not in use
 * @tx_pieces:	How many of them each frame under way takes, by its first
 * @tx_next:	The next descriptor to use: they are used in order
 * @tx_suspect:	Frames sent while others lay there
 * @tx_look_ms:	When to look after the switch again
 * @rx_asked:	We asked for a call, and have seen no frame since
 * @rx_owed:	Frames came after we had asked for a call, so there is a call, too,
 *		or will be
 * @rx_taken:	Buffers taken since the switch was last given some
 * @retry_ms:	When to try to connect next
 */
struct ringconn {
	char path[4096];
	struct vhost_hello hello;
	uint64_t wanted;
	uint64_t takes;
	struct vhost_front vf;
	pthread_mutex_t lock[RINGS];
	int epoll;
	int timer;
	uint8_t *mem;
	size_t mem_size;
	int mem_fd;
	struct vring_driver ring[RINGS];
	uint8_t *buf[RINGS];
	int kick[RINGS];
	int call[RINGS];
	unsigned int tx_free;
	uint8_t tx_pieces[RINGCONN_RING];
	uint16_t tx_next;
	unsigned int tx_suspect;
	uint64_t tx_look_ms;
	bool rx_asked;
	bool rx_owed;
	unsigned int rx_taken;
	uint64_t retry_ms;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void ring_bell(int fd)
{
	const uint64_t one = 1;

	/* A full counter is a bell that rings. */
	if (write(fd, &one, sizeof(one)) < 0)
		return;
}

/* Make a bell silent. Return: whether it was ringing. */
static bool answer_bell(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count);
}

static uint64_t guest(const struct ringconn *rc, const void *p)
{
	return GUEST + (uint64_t)((const uint8_t *)p - rc->mem);
}

/* The connection. */

/* Watch for the end of the switch. */
static void ringconn_watch(struct ringconn *rc, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLRDHUP };

	epoll_ctl(rc->epoll, EPOLL_CTL_ADD, fd, &ev);
}

/* The last frame was taken: make the descriptor unreadable until there are more. */
static void ringconn_arm(struct ringconn *rc)
{
	/* A bell that rings when nothing is there would wake the caller in vain. */
	for (unsigned int i = 0; rc->rx_owed && i < SPINS; i++)
		rc->rx_owed = !answer_bell(rc->call[RX]);
	rc->rx_asked = true;
	if (vring_driver_want_call(&rc->ring[RX]))
		ring_bell(rc->call[RX]);
}

/* What a device that has @features takes of frames which are not finished. */
static uint64_t ringconn_host_takes(uint64_t features)
{
	const struct { unsigned int host; uint64_t takes; } known[] = {
		{ VNET_F_CSUM, OFFLOAD_F(VNET_F_GUEST_CSUM) },
		{ VNET_F_HOST_TSO4, OFFLOAD_F(VNET_F_GUEST_TSO4) },
		{ VNET_F_HOST_TSO6, OFFLOAD_F(VNET_F_GUEST_TSO6) },
		{ VNET_F_HOST_ECN, OFFLOAD_F(VNET_F_GUEST_ECN) },
		{ VNET_F_HOST_USO, OFFLOAD_F(VNET_F_GUEST_USO4) | OFFLOAD_F(VNET_F_GUEST_USO6) },
	};
	uint64_t takes = 0;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (features & OFFLOAD_F(known[i].host))
			takes |= known[i].takes;
	return takes;
}

/* Connect and hand everything over, as it is now. Return: 0 or -errno. */
static int ringconn_connect(struct ringconn *rc)
{
	const uint64_t needed = 1ULL << 32 | 1ULL << VNET_F_MRG_RXBUF |
				1ULL << VRING_F_EVENT_IDX;
	const struct vhost_region region = { GUEST, rc->mem_size, GUEST, 0 };
	int ret;

	ret = vhost_front_open(&rc->vf, rc->path, &rc->hello, needed | rc->wanted, needed,
			       RINGCONN_ANSWER_MS);
	if (ret)
		return ret;
	__atomic_store_n(&rc->takes, ringconn_host_takes(rc->vf.features), __ATOMIC_RELAXED);
	ret = vhost_front_memory(&rc->vf, &region, &rc->mem_fd, 1);
	for (unsigned int r = 0; !ret && r < RINGS; r++) {
		const struct vring_driver *vd = &rc->ring[r];
		const struct vhost_front_ring ring = {
			.size = RINGCONN_RING,
			.desc = guest(rc, vd->desc),
			.avail = guest(rc, vd->avail),
			.used = guest(rc, vd->used),
			.base = __atomic_load_n(&vd->used->idx, __ATOMIC_ACQUIRE),
			.kick = rc->kick[r],
			.call = rc->call[r],
		};

		ret = vhost_front_start(&rc->vf, r, &ring);
	}
	if (ret) {
		vhost_front_close(&rc->vf);
		return ret;
	}
	ringconn_watch(rc, rc->vf.sock);
	/* A switch calls once when it begins with a ring, since a call may have died
	 * with the one before. The sender looks; the receiver is told only if there
	 * is something, and asks for the next call. */
	answer_bell(rc->call[RX]);
	rc->rx_owed = false;
	ringconn_arm(rc);
	return 0;
}

/* Whether the switch is there; if it went, look for it. Both locks are held, or
 * nobody else knows @rc. */
static bool ringconn_is_up(struct ringconn *rc)
{
	const struct itimerspec often = {
		.it_interval = { .tv_nsec = RINGCONN_RETRY_MS * 1000000L },
		.it_value = { .tv_nsec = RINGCONN_RETRY_MS * 1000000L },
	};
	const struct itimerspec off = { .it_value = { 0, 0 } };
	char c;

	if (rc->vf.sock >= 0) {
		if (recv(rc->vf.sock, &c, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN)
			return true;
		vhost_front_close(&rc->vf);
		timerfd_settime(rc->timer, 0, &often, NULL);
		rc->retry_ms = 0;
	}
	answer_bell(rc->timer);
	if (now_ms() < rc->retry_ms)
		return false;
	rc->retry_ms = now_ms() + RINGCONN_RETRY_MS;
	if (ringconn_connect(rc))
		return false;
	timerfd_settime(rc->timer, 0, &off, NULL);
	return true;
}

/* Sending. */

/* Take back the buffers that the switch is done with. */
static void ringconn_reclaim(struct ringconn *rc)
{
	struct vring_driver *vd = &rc->ring[TX];
	uint32_t len;
	int32_t id;

	while ((id = vring_driver_get(vd, &len)) >= 0)
		rc->tx_free += rc->tx_pieces[id];
}

/* Wait until @pieces descriptors are free. Return: whether they are. */
static bool ringconn_wait_room(struct ringconn *rc, unsigned int pieces)
{
	uint64_t end = now_ms() + RINGCONN_SEND_MS;

	for (;;) {
		struct pollfd pfd = { .fd = rc->call[TX], .events = POLLIN };
		uint64_t now;
		bool up;

		ringconn_reclaim(rc);
		if (rc->tx_free >= pieces)
			break;
		if (vring_driver_want_call(&rc->ring[TX]))
			continue;
		now = now_ms();
		if (now >= end)
			break;
		if (poll(&pfd, 1, (int)MIN(end - now, (uint64_t)RINGCONN_RETRY_MS)) > 0) {
			answer_bell(rc->call[TX]);
			continue;
		}
		pthread_mutex_lock(&rc->lock[RX]);
		up = ringconn_is_up(rc);
		pthread_mutex_unlock(&rc->lock[RX]);
		if (!up)
			break;
	}
	vring_driver_suppress_calls(&rc->ring[TX]);
	return rc->tx_free >= pieces;
}

/* Who only sends would notice the end of the switch when the ring is full. If it
 * leaves frames lying, look after it, but not often. */
static void ringconn_suspect(struct ringconn *rc)
{
	uint64_t now;

	if (vring_driver_pending(&rc->ring[TX]) < 2 || ++rc->tx_suspect % 8)
		return;
	ringconn_reclaim(rc);
	now = now_ms();
	if (vring_driver_pending(&rc->ring[TX]) < 2 || now < rc->tx_look_ms)
		return;
	rc->tx_look_ms = now + RINGCONN_RETRY_MS;
	pthread_mutex_lock(&rc->lock[RX]);
	ringconn_is_up(rc);
	pthread_mutex_unlock(&rc->lock[RX]);
}

/* Write a frame into descriptors from @tx_next on. */
static void ringconn_put(struct ringconn *rc, const struct vnet_hdr *hdr,
			 const uint8_t *frame, size_t size, unsigned int pieces)
{
	struct vring_driver *vd = &rc->ring[TX];
	uint16_t head = rc->tx_next;
	size_t room = RINGCONN_BUF - VNET_HDR_SIZE;
	uint8_t *to = rc->buf[TX] + (size_t)head * RINGCONN_BUF;

	memcpy(to, hdr, VNET_HDR_SIZE);
	to += VNET_HDR_SIZE;
	for (unsigned int i = 0; i < pieces; i++) {
		uint16_t d = (uint16_t)((head + i) & (RINGCONN_RING - 1));
		size_t part = MIN(size, room);

		memcpy(to, frame, part);
		vd->desc[d].len = (uint32_t)(part + (i ? 0 : VNET_HDR_SIZE));
		vd->desc[d].flags = i + 1 < pieces ? VRING_DESC_NEXT : 0;
		frame += part;
		size -= part;
		room = RINGCONN_BUF;
		to = rc->buf[TX] + (size_t)((d + 1) & (RINGCONN_RING - 1)) * RINGCONN_BUF;
	}
	rc->tx_pieces[head] = (uint8_t)pieces;
	rc->tx_free -= pieces;
	rc->tx_next = (uint16_t)((head + pieces) & (RINGCONN_RING - 1));
	vring_driver_add(vd, head);
}

uint64_t ringconn_takes(const struct ringconn *rc)
{
	return __atomic_load_n(&rc->takes, __ATOMIC_RELAXED);
}

ssize_t ringconn_send(struct ringconn *rc, const struct vnet_hdr *hdr, const void *frame,
		      size_t size)
{
	const struct vnet_hdr none = { .flags = 0 };
	unsigned int pieces = (unsigned int)((size + VNET_HDR_SIZE + RINGCONN_BUF - 1) /
					     RINGCONN_BUF);

	if (size < ETH_HDR_SIZE || size > ETH_FRAME_MAX)
		return (ssize_t)size;
	pthread_mutex_lock(&rc->lock[TX]);
	if (rc->tx_free < pieces)
		ringconn_reclaim(rc);
	ringconn_suspect(rc);
	if (rc->tx_free >= pieces || ringconn_wait_room(rc, pieces)) {
		ringconn_put(rc, hdr ? hdr : &none, frame, size, pieces);
		if (vring_driver_publish(&rc->ring[TX]))
			ring_bell(rc->kick[TX]);
	}
	pthread_mutex_unlock(&rc->lock[TX]);
	return (ssize_t)size;
}

/* Receiving. */

/* Give the switch the buffers that were taken. */
static void ringconn_give_back(struct ringconn *rc)
{
	if (rc->rx_taken && vring_driver_publish(&rc->ring[RX]))
		ring_bell(rc->kick[RX]);
	rc->rx_taken = 0;
}

/* Take one frame out of the ring. Return: its size, or 0 if there is none. */
static size_t ringconn_take(struct ringconn *rc, struct vnet_hdr *hdr, uint8_t *buf,
			    size_t size)
{
	struct vring_driver *vd = &rc->ring[RX];
	size_t got = 0, skip = VNET_HDR_SIZE;
	unsigned int buffers = 1;

	/* The switch shows all buffers of a frame at once. */
	for (unsigned int i = 0; i < buffers; i++) {
		const uint8_t *from;
		uint32_t len;
		int32_t id = vring_driver_get(vd, &len);

		if (id < 0)
			break;
		from = rc->buf[RX] + (size_t)id * RINGCONN_BUF;
		len = MIN(len, (uint32_t)RINGCONN_BUF);
		if (!i) {
			memcpy(hdr, from, sizeof(*hdr));
			buffers = MAX(le16_get(hdr->num_buffers), 1);
		}
		if (len > skip) {
			size_t part = MIN(len - skip, size - got);

			memcpy(buf + got, from + skip, part);
			got += part;
		}
		skip = 0;
		vring_driver_add(vd, (uint16_t)id);
		rc->rx_taken++;
	}
	return got;
}

/* There is no frame. Return: as ringconn_recv(), or 0 to look again. */
static ssize_t ringconn_none(struct ringconn *rc)
{
	bool woken = answer_bell(rc->call[RX]);

	/* What else can have woken the caller up? Whoever waits for room holds the
	 * other lock, and looks after the connection. */
	if (!woken && !pthread_mutex_trylock(&rc->lock[TX])) {
		woken = !ringconn_is_up(rc);
		pthread_mutex_unlock(&rc->lock[TX]);
	}
	rc->rx_owed &= !woken;
	ringconn_arm(rc);
	if (vring_driver_has_used(&rc->ring[RX]))
		return 0;
	if (fcntl(rc->epoll, F_GETFL) & O_NONBLOCK) {
		errno = EAGAIN;
		return -1;
	}
	if (woken)
		return 1;
	pthread_mutex_unlock(&rc->lock[RX]);
	poll(&(struct pollfd){ .fd = rc->epoll, .events = POLLIN }, 1, -1);
	pthread_mutex_lock(&rc->lock[RX]);
	return 0;
}

ssize_t ringconn_recv(struct ringconn *rc, struct vnet_hdr *hdr, void *buf, size_t size)
{
	struct vnet_hdr unseen;
	ssize_t n = 0;

	pthread_mutex_lock(&rc->lock[RX]);
	while (!n) {
		n = (ssize_t)ringconn_take(rc, hdr ? hdr : &unseen, buf, size);
		if (!n) {
			ringconn_give_back(rc);
			n = ringconn_none(rc);
			continue;
		}
		rc->rx_owed |= rc->rx_asked;
		rc->rx_asked = false;
		if (!vring_driver_has_used(&rc->ring[RX])) {
			ringconn_give_back(rc);
			ringconn_arm(rc);
		} else if (rc->rx_taken >= RX_BATCH) {
			ringconn_give_back(rc);
		}
	}
	pthread_mutex_unlock(&rc->lock[RX]);
	/* No frame has one byte: that was "woken for nothing". */
	return n == 1 ? 0 : n;
}

/* Life. */

int ringconn_fd(const struct ringconn *rc)
{
	return rc->epoll;
}

/* Rings and buffers in shared memory that cannot be taken away. */
static int ringconn_make_memory(struct ringconn *rc)
{
	const size_t buffers = (size_t)RINGCONN_RING * RINGCONN_BUF;
	const size_t ring = (vring_layout(RINGCONN_RING).size + 4095) & ~(size_t)4095;

	rc->mem_size = RINGS * (ring + buffers);
	rc->mem_fd = memfd_create("lanbox-plug", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (rc->mem_fd < 0 || ftruncate(rc->mem_fd, (off_t)rc->mem_size) < 0 ||
	    fcntl(rc->mem_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	rc->mem = mmap(NULL, rc->mem_size, PROT_READ | PROT_WRITE, MAP_SHARED, rc->mem_fd, 0);
	if (rc->mem == MAP_FAILED) {
		rc->mem = NULL;
		return -errno;
	}
	for (unsigned int r = 0; r < RINGS; r++) {
		uint8_t *base = rc->mem + r * (ring + buffers);
		struct vring_driver *vd = &rc->ring[r];

		vring_driver_init(vd, base, RINGCONN_RING, true);
		rc->buf[r] = base + ring;
		for (unsigned int i = 0; i < RINGCONN_RING; i++)
			vd->desc[i] = (struct vring_desc){
				.addr = guest(rc, rc->buf[r] + (size_t)i * RINGCONN_BUF),
				.len = RINGCONN_BUF,
				.flags = r == RX ? VRING_DESC_WRITE : 0,
				.next = (uint16_t)((i + 1) & (RINGCONN_RING - 1)),
			};
		vring_driver_suppress_calls(vd);
	}
	rc->tx_free = RINGCONN_RING;
	for (unsigned int i = 0; i < RINGCONN_RING; i++)
		vring_driver_add(&rc->ring[RX], (uint16_t)i);
	if (vring_driver_publish(&rc->ring[RX]))
		ring_bell(rc->kick[RX]);
	return 0;
}

int ringconn_open(const char *path, const struct vhost_hello *hello, uint64_t takes,
		  struct ringconn **out)
{
	struct ringconn *rc = calloc(1, sizeof(*rc));
	int ret;

	if (!rc)
		return -ENOMEM;
	rc->mem_fd = rc->vf.sock = -1;
	rc->hello = *hello;
	if (takes)
		rc->wanted = takes | OFFLOAD_F(VNET_F_CSUM) | OFFLOAD_F(VNET_F_HOST_TSO4) |
			     OFFLOAD_F(VNET_F_HOST_TSO6) | OFFLOAD_F(VNET_F_HOST_ECN) |
			     OFFLOAD_F(VNET_F_HOST_USO);
	for (unsigned int r = 0; r < RINGS; r++) {
		pthread_mutex_init(&rc->lock[r], NULL);
		rc->kick[r] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		rc->call[r] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	}
	rc->epoll = epoll_create1(EPOLL_CLOEXEC);
	rc->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (strlen(path) >= sizeof(rc->path))
		ret = -ENAMETOOLONG;
	else if (rc->epoll < 0 || rc->timer < 0 || rc->kick[TX] < 0 || rc->call[TX] < 0)
		ret = -EMFILE;
	else
		ret = ringconn_make_memory(rc);
	if (!ret) {
		strcpy(rc->path, path);
		ret = ringconn_connect(rc);
	}
	if (ret) {
		ringconn_close(rc);
		return ret;
	}
	ringconn_watch(rc, rc->call[RX]);
	ringconn_watch(rc, rc->timer);
	*out = rc;
	return 0;
}

void ringconn_close(struct ringconn *rc)
{
	vhost_front_close(&rc->vf);
	fd_close(&rc->epoll);
	fd_close(&rc->timer);
	for (unsigned int r = 0; r < RINGS; r++) {
		fd_close(&rc->kick[r]);
		fd_close(&rc->call[r]);
		pthread_mutex_destroy(&rc->lock[r]);
	}
	if (rc->mem)
		munmap(rc->mem, rc->mem_size);
	fd_close(&rc->mem_fd);
	free(rc);
}
