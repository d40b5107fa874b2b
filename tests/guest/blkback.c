/* SPDX-License-Identifier: BSD-2-Clause */
/* blkback.c - A vhost-user back end with bad manners: a disk, or a switch
 *
 * usage: blkback SOCKET MANNER
 *
 * It listens at SOCKET, serves one front end in its manner, says what became of it and
 * ends when the front end does. It never reads or writes a disk, nor moves a frame.
 */
#include "config.h"

#include <errno.h>
#include <linux/virtio_blk.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/vhost_wire.h"
#include "lib/vring.h"

/**
 * struct back - What it knows
 * @manner:	How it behaves
 * @sock:	The front end
 * @messages:	How many came
 * @region:	Memory, mapped at @host, @regions of it
 * @used:	The used ring
 * @kick:	Eventfds
 * @call:	The same
 */
struct back {
	const char *manner;
	int sock;
	unsigned int messages;
	struct vhost_region region[VHOST_REGIONS_MAX];
	uint8_t *host[VHOST_REGIONS_MAX];
	unsigned int regions;
	struct vring_used *used;
	int kick;
	int call;
};

static bool is(const struct back *b, const char *manner)
{
	return !strcmp(b->manner, manner);
}

static void *pointer(const struct back *b, uint64_t user)
{
	for (unsigned int i = 0; i < b->regions; i++)
		if (user - b->region[i].user < b->region[i].size)
			return b->host[i] + (user - b->region[i].user);
	return NULL;
}

/* Leave, saying why. */
static void leave(const char *why)
{
	puts(why);
	exit(0);
}

static void reply(const struct back *b, struct vhost_msg *msg, uint32_t size)
{
	unsigned int fds = is(b, "fds");

	msg->flags = VHOST_VERSION | VHOST_REPLY;
	/* All that a message can be, and more. */
	if (is(b, "long"))
		size = VHOST_PAYLOAD_MAX;
	msg->size = is(b, "longer") ? 1U << 31 : size;
	if (is(b, "junk"))
		memset(vhost_wire(msg), 0x5a, VHOST_HDR_SIZE + size);
	/* A byte at a time, each of them soon enough. */
	for (uint32_t i = 0; is(b, "drip") && i < VHOST_HDR_SIZE + size; i++) {
		if (fd_send(b->sock, vhost_wire(msg) + i, 1, NULL, 0) < 0)
			leave("the front end is gone");
		usleep(300000);
	}
	if (!is(b, "drip") &&
	    fd_send(b->sock, vhost_wire(msg), VHOST_HDR_SIZE + size, &b->sock, fds) < 0)
		leave("the front end is gone");
}

static void get_config(const struct back *b, struct vhost_msg *msg)
{
	struct virtio_blk_config c = { .capacity = 4096, .seg_max = 126, .blk_size = 512 };

	if (is(b, "empty"))
		c.capacity = 0;
	if (is(b, "huge"))
		c.capacity = UINT64_MAX;
	if (is(b, "blocks"))
		c.blk_size = 1000;
	if (is(b, "no-blocks"))
		c.blk_size = 0;
	if (is(b, "large-blocks"))
		c.blk_size = 1 << 20;
	memcpy(msg->config.bytes, &c, MIN(msg->config.size, sizeof(msg->config.bytes)));
	reply(b, msg, is(b, "no-config") ? 0 : msg->size);
}

static void set_memory(struct back *b, const struct vhost_msg *msg, const int *fds)
{
	b->regions = msg->memory.count;
	for (unsigned int i = 0; i < b->regions; i++) {
		const struct vhost_region *r = &msg->memory.region[i];
		void *p = mmap(NULL, r->size, PROT_READ | PROT_WRITE, MAP_SHARED, fds[i],
			       (off_t)r->offset);

		if (p == MAP_FAILED)
			leave("no memory");
		b->region[i] = *r;
		b->host[i] = p;
	}
}

static uint64_t features(const struct back *b)
{
	uint64_t f = 1ULL << VHOST_F_PROTOCOL_FEATURES | 1ULL << VIRTIO_BLK_F_SEG_MAX |
		     1ULL << VIRTIO_BLK_F_BLK_SIZE | 1ULL << VIRTIO_BLK_F_FLUSH;

	return is(b, "old") ? f : f | 1ULL << 32 | 1ULL << VRING_F_INDIRECT_DESC;
}

static void message(struct back *b, struct vhost_msg *msg, int *fds)
{
	bool ack = msg->flags & VHOST_NEED_REPLY;
	char leaves[32];

	snprintf(leaves, sizeof(leaves), "leave-%u", b->messages++);
	if (is(b, leaves))
		leave("left");
	/* From that message on it hears, and says no more. */
	if (!strncmp(b->manner, "deaf-", 5) && b->messages > strtoul(b->manner + 5, NULL, 10))
		return;
	switch (msg->request) {
	case VHOST_HELLO:
		msg->u64 = is(b, "full") ? (uint64_t)-EBUSY : 1;
		reply(b, msg, sizeof(msg->u64));
		return;
	case VHOST_GET_VRING_BASE:
		msg->state.num = 0xffff;
		reply(b, msg, sizeof(msg->state));
		return;
	case VHOST_GET_FEATURES:
		msg->u64 = features(b);
		reply(b, msg, sizeof(msg->u64));
		return;
	case VHOST_GET_PROTOCOL_FEATURES:
		msg->u64 = 1 << VHOST_PF_CONFIG | 1 << VHOST_PF_REPLY_ACK;
		reply(b, msg, sizeof(msg->u64));
		return;
	case VHOST_GET_CONFIG:
		get_config(b, msg);
		return;
	case VHOST_SET_MEM_TABLE:
		set_memory(b, msg, fds);
		break;
	case VHOST_SET_VRING_ADDR:
		b->used = pointer(b, msg->addr.used);
		break;
	case VHOST_SET_VRING_KICK:
		b->kick = fds[0];
		break;
	case VHOST_SET_VRING_CALL:
		b->call = fds[0];
		break;
	}
	msg->u64 = is(b, "refuse");
	if (ack)
		reply(b, msg, sizeof(msg->u64));
}

/* The first request came. */
static void kicked(struct back *b)
{
	eventfd_t drop;

	eventfd_read(b->kick, &drop);
	if (is(b, "leave"))
		leave("left");
	if (is(b, "talk") && write(b->sock, "?", 1) != 1)
		leave("the front end is gone");
	if (is(b, "wrong-id"))
		b->used->ring[0] = (struct vring_used_elem){ .id = 77 };
	if (is(b, "large-id"))
		b->used->ring[0] = (struct vring_used_elem){ .id = UINT32_MAX };
	if (is(b, "wrong-id") || is(b, "large-id"))
		__atomic_store_n(&b->used->idx, 1, __ATOMIC_RELEASE);
	if (is(b, "many"))
		__atomic_store_n(&b->used->idx, 60000, __ATOMIC_RELEASE);
	/* It is done, but for its status, that is as it was. */
	if (is(b, "no-status")) {
		b->used->ring[0] = (struct vring_used_elem){ .id = 0 };
		__atomic_store_n(&b->used->idx, 1, __ATOMIC_RELEASE);
	}
	/* It does nothing, and rings for it. */
	while (is(b, "ring")) {
		struct pollfd end = { .fd = b->sock };

		eventfd_write(b->call, 1);
		if (poll(&end, 1, 10) > 0)
			leave("the front end is gone");
	}
	eventfd_write(b->call, 1);
}

static void receive(struct back *b)
{
	struct vhost_msg msg = { .request = 0 };
	unsigned int count = VHOST_FDS_MAX;
	int fds[VHOST_FDS_MAX];
	ssize_t n = fd_recv(b->sock, vhost_wire(&msg), VHOST_HDR_SIZE, fds, &count);

	if (n == VHOST_HDR_SIZE && msg.size)
		n += recv(b->sock, &msg.u64, MIN(msg.size, VHOST_PAYLOAD_MAX), MSG_WAITALL);
	if (n != (ssize_t)(VHOST_HDR_SIZE + msg.size))
		leave("the front end is gone");
	if (!is(b, "silent"))
		message(b, &msg, fds);
}

int main(int argc, char **argv)
{
	struct back b = { .kick = -1, .call = -1 };
	int listening;

	if (argc != 3 || (listening = fd_listen_unix(argv[1], 0600, (gid_t)-1)) < 0) {
		fputs("usage: blkback SOCKET MANNER\n", stderr);
		return 2;
	}
	b.manner = argv[2];
	fd_accept_rights(listening);
	fd_set_nonblock(listening, false);
	puts("ready");
	fflush(stdout);
	b.sock = accept(listening, NULL, NULL);
	if (b.sock < 0)
		return 2;
	for (;;) {
		struct pollfd p[] = {
			{ .fd = b.sock, .events = POLLIN }, { .fd = b.kick, .events = POLLIN },
		};

		if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			return 2;
		if (p[0].revents)
			receive(&b);
		else if (p[1].revents)
			kicked(&b);
	}
}
