/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz-vhost.c - Fuzz target: a front end that says anything, with any descriptor
 *
 * DOC: Theory of operation
 *
 * The input is a list of steps of a hostile front end. Most are vhost-user
 * messages with descriptors of all kinds, which go to vhost_dev_message() as if
 * they had just come in; others write into the memory that was handed over,
 * truncate it, or let the rings that run do some work, as the switch would.
 *
 * For each message this file knows by itself, from the protocol and from what the
 * device has been told so far, whether it must be refused; the device must agree,
 * in both directions. Besides, after each message:
 *
 * - one that was refused changed nothing, took no descriptor, and says why;
 * - an answer is as long as it should be, and empty behind its end;
 * - rings that run, and only those for which all is known, lie in memory that is
 *   mapped now, where the front end said, aligned as the processor wants it;
 * - the two memory tables and the mappings belong to each other; no two regions
 *   overlap; what was taken away is not mapped any more;
 * - the device has exactly the descriptors that it took and did not give up.
 *
 * At the end the process has as many descriptors as before.
 *
 * Not here: bytes that come in pieces over a socket (that is the port's affair),
 * rings in depth (see fuzz-vring.c), memory of other kinds than memfds.
 */
#include "config.h"

#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/iov.h"
#include "switchd/vhost_dev.h"

enum {
	STEPS = 96,
	MEMFDS = 4,
	BATCH = 8,		/* chains taken at one go */
	CHUNK = 2048,		/* of a frame, at most */
	CLOSED_FD = 999,	/* a number that is no descriptor */
};

/* What descriptors are, in the order in which the input counts them. */
enum kind {
	KIND_EVENTFD, KIND_MEM0, KIND_MEM1, KIND_MEM2, KIND_MEM3, KIND_EVENTFD_AGAIN,
	KIND_PIPE, KIND_NULL, KIND_CLOSED, KIND_EVENTFD_PATH, KIND_EPOLL, KIND_FOLDER,
	KIND_FILE, KIND_MEM0_READ_ONLY, KIND_SOCKET, KIND_SEALED, KINDS
};

/* Sizes of the memfds: enough for all rings; more; no whole number of pages; and
 * more than 32 bits can say. */
static const off_t mem_sizes[MEMFDS] = { 0x10000, 0x40000, 0x5432, 1LL << 33 };

/** struct fuzz_fd - A descriptor that goes with a message, and what it is */
struct fuzz_fd {
	int fd;
	enum kind kind;
};

/**
 * struct peer - One input at work
 * @owned:	SET_OWNER is in force
 * @features:	As negotiated
 * @protocol:	As negotiated
 * @offered:	What the device offers
 * @offered_protocol: The same for the protocol
 * @event:	The eventfd last sent, a duplicate; or -1
 * @mem:	Memory to hand over
 */
struct peer {
	struct fuzz_in in;
	struct vhost_dev *dev;
	bool owned;
	uint64_t features, protocol, offered, offered_protocol;
	struct {
		uint32_t size;
		bool placed;
		uint64_t desc, avail, used;
		int kick, call, err;
	} ring[VHOST_RINGS_MAX];
	int event;
	int mem[MEMFDS];
};

static unsigned int open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned int n = 0;

	if (!d)
		abort();
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Descriptors. */

static int must(int fd)
{
	FUZZ_CHECK(fd >= 0, "out of descriptors: %s", strerror(errno));
	return fd;
}

static int memory(struct peer *p, unsigned int i)
{
	if (p->mem[i] < 0) {
		p->mem[i] = must(memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING));
		must(ftruncate(p->mem[i], mem_sizes[i]));
	}
	return p->mem[i];
}

static int reopen(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return must(open(path, flags | O_CLOEXEC));
}

static struct fuzz_fd make_fd(struct peer *p, enum kind kind)
{
	int fd = -1, two[2];

	switch (kind) {
	case KIND_EVENTFD:
		fd = must(eventfd(0, EFD_CLOEXEC));
		if (p->event >= 0)
			close(p->event);
		p->event = must(dup(fd));
		break;
	case KIND_EVENTFD_AGAIN:
		fd = p->event >= 0 ? must(dup(p->event)) : must(eventfd(0, EFD_CLOEXEC));
		break;
	case KIND_EVENTFD_PATH:
		two[0] = must(eventfd(0, EFD_CLOEXEC));
		fd = reopen(two[0], O_PATH);
		close(two[0]);
		break;
	case KIND_MEM0:
	case KIND_MEM1:
	case KIND_MEM2:
	case KIND_MEM3:
		fd = must(dup(memory(p, kind - KIND_MEM0)));
		break;
	case KIND_MEM0_READ_ONLY:
		fd = reopen(memory(p, 0), O_RDONLY);
		break;
	case KIND_SEALED:
		fd = must(memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING));
		must(ftruncate(fd, mem_sizes[0]));
		must(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
		break;
	case KIND_PIPE:
		must(pipe2(two, O_CLOEXEC));
		close(two[0]);
		fd = two[1];
		break;
	case KIND_NULL:
		fd = must(open("/dev/null", O_RDWR | O_CLOEXEC));
		break;
	case KIND_EPOLL:
		fd = must(epoll_create1(EPOLL_CLOEXEC));
		break;
	case KIND_FOLDER:
		fd = must(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
		break;
	case KIND_FILE:
		fd = must(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
		break;
	case KIND_SOCKET:
		fd = must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
		break;
	case KIND_CLOSED:
	case KINDS:
		fd = CLOSED_FD;
		break;
	}
	return (struct fuzz_fd){ fd, kind };
}

static bool is_eventfd(const struct fuzz_fd *f)
{
	return f->kind == KIND_EVENTFD || f->kind == KIND_EVENTFD_AGAIN;
}

static bool is_memory(const struct fuzz_fd *f)
{
	return f->kind >= KIND_MEM0 && f->kind <= KIND_MEM3;
}

/* Messages. */

static const struct {
	const char *name;
	uint32_t number;
	char payload;
	uint8_t fds;
} requests[] = {
#define X(name, number, payload, fds) { #name, number, (#payload)[0], fds },
	VHOST_REQUESTS(X)
#undef X
};

/* A region of memory as usual, but for what the input says. */
static struct vhost_region input_region(struct peer *p, unsigned int i, enum kind *kind)
{
	uint8_t odd = fuzz_u8(&p->in);
	struct vhost_region r;

	*kind = KIND_MEM0 + (odd & 3);
	r.guest = 0x1000000ULL * i;
	r.size = (uint64_t)mem_sizes[odd & 3];
	r.user = 0x7f0000000000ULL + 0x400000000ULL * i;
	r.offset = 0;
	if (odd & 4)
		*kind = fuzz_u8(&p->in) % KINDS;
	if (odd & 8)
		r.guest += fuzz_u64(&p->in);
	if (odd & 0x10)
		r.size -= fuzz_u32(&p->in);
	if (odd & 0x20)
		r.user += fuzz_u64(&p->in);
	if (odd & 0x40)
		r.offset = fuzz_u16(&p->in);
	if (odd & 0x80) {
		r.size = fuzz_u64(&p->in);
		r.offset = fuzz_u64(&p->in);
	}
	return r;
}

static uint32_t input_index(struct peer *p)
{
	uint8_t i = fuzz_u8(&p->in);

	return i < 0xf0 ? i & 31U : fuzz_u32(&p->in);
}

static uint64_t input_mask(struct peer *p, uint64_t offered)
{
	uint8_t how = fuzz_u8(&p->in);

	return how == 0 ? offered : how & 1 ? offered & ~fuzz_u64(&p->in) : fuzz_u64(&p->in);
}

/* An address in what the front end calls its memory, or anything. */
static uint64_t input_user(struct peer *p, uint64_t usual)
{
	uint16_t off = fuzz_u16(&p->in);

	return off < 0xff00 ? usual + off : fuzz_u64(&p->in);
}

/* Fill the payload; say which descriptors usually come with it. Return: how many. */
static unsigned int input_payload(struct peer *p, struct vhost_msg *msg, char payload,
				  enum kind *kinds)
{
	uint64_t page;
	uint8_t code;

	switch (payload) {
	case 'U':
		switch (msg->request) {
		case VHOST_SET_FEATURES:
			msg->u64 = input_mask(p, p->offered);
			return 0;
		case VHOST_SET_PROTOCOL_FEATURES:
			msg->u64 = input_mask(p, p->offered_protocol);
			return 0;
		case VHOST_NET_SET_MTU:
			code = fuzz_u8(&p->in);
			msg->u64 = code < 0xf0 ? code * 8U : fuzz_u64(&p->in);
			return 0;
		}
		code = fuzz_u8(&p->in);
		msg->u64 = code < 0xe0 ? code & 31U : code < 0xf0 ?
			   VHOST_QUEUE_NOFD | (code & 15U) : fuzz_u64(&p->in);
		kinds[0] = KIND_EVENTFD;
		return msg->u64 & VHOST_QUEUE_NOFD ? 0 : 1;
	case 'S':
		msg->state.index = input_index(p);
		code = fuzz_u8(&p->in);
		if (msg->request == VHOST_SET_VRING_NUM)
			msg->state.num = code < 32 ? 64U << code % 11 >> 5 : fuzz_u32(&p->in);
		else if (msg->request == VHOST_SET_VRING_ENABLE)
			msg->state.num = code < 0x80 ? 1 : code;
		else
			msg->state.num = code < 0x80 ? code : fuzz_u32(&p->in);
		return 0;
	case 'A':
		msg->addr.index = input_index(p);
		/* Each ring of up to 128 entries has a page of the first region. */
		page = 0x7f0000000000ULL + 0x1000ULL * (msg->addr.index & 15);
		msg->addr.desc = input_user(p, page);
		msg->addr.avail = input_user(p, page + 0x800);
		msg->addr.used = input_user(p, page + 0xa00);
		return 0;
	case 'M':
		code = fuzz_u8(&p->in);
		msg->memory.count = code < 0xf0 ? 1 + code % 9U : fuzz_u32(&p->in);
		for (unsigned int i = 0; i < VHOST_REGIONS_MAX && i < msg->memory.count; i++)
			msg->memory.region[i] = input_region(p, i, &kinds[i]);
		return MIN(msg->memory.count, (uint32_t)VHOST_REGIONS_MAX);
	case 'R':
		msg->region.region = input_region(p, fuzz_u8(&p->in) % 48, &kinds[0]);
		return 1;
	case 'I':
		code = fuzz_u8(&p->in);
		msg->inflight.queues = code < 0xf0 ? 1 + code % 20 : fuzz_u16(&p->in);
		code = fuzz_u8(&p->in);
		msg->inflight.queue_size = code < 0xf0 ? (uint16_t)(1U << (code & 15)) :
					   fuzz_u16(&p->in);
		code = fuzz_u8(&p->in);
		msg->inflight.size = code ? code * 64U : 1ULL << 32;
		kinds[0] = KIND_MEM0;
		return msg->request == VHOST_SET_INFLIGHT_FD;
	case 'H':
		msg->hello.port = fuzz_u8(&p->in);
		return 0;
	default:
		return 0;
	}
}

/* Bytes of payload a message needs. */
static uint32_t needed(const struct vhost_msg *msg, char payload)
{
	uint32_t count = msg->memory.count;

	switch (payload) {
	case 'U':
	case 'S':
		return 8;
	case 'A':
	case 'R':
		return 40;
	case 'M':
		return 8 + 32 * (count <= VHOST_REGIONS_MAX ? count : 0);
	case 'I':
		return 24;
	case 'H':
		return 8 + VHOST_DESCR;
	default:
		return 0;
	}
}

/* What must be refused. */

/* For sums that cannot overflow. */
__extension__ typedef unsigned __int128 wide;

/* Whether two ranges have a byte in common; none of them wraps. */
static bool meet(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a < b ? b - a < a_size : a - b < b_size;
}

/* What is wrong with a region that comes with @f. */
static const char *bad_region(const struct vhost_region *r, const struct fuzz_fd *f)
{
	const wide top = (wide)1 << 64;
	struct stat st;

	if (!is_memory(f))
		return "no shared memory, or none to write to";
	if (fstat(f->fd, &st) < 0)
		abort();
	if (!r->size || (wide)r->offset + r->size > (uint64_t)st.st_size)
		return "empty, or smaller than said";
	if (r->guest + (wide)r->size > top ||
	    r->user + (wide)r->size > top)
		return "goes round the end of the address space";
	return NULL;
}

static bool regions_meet(const struct vhost_region *a, const struct vhost_region *b)
{
	return meet(a->guest, a->size, b->guest, b->size) ||
	       meet(a->user, a->size, b->user, b->size);
}

static const char *bad_table(const struct vhost_memory *m, const struct fuzz_fd *fds,
			     unsigned int count)
{
	const char *why = NULL;

	if (!m->count || m->count > VHOST_REGIONS_MAX || m->count != count)
		return "another number of descriptors than regions, or a number too high";
	for (unsigned int i = 0; !why && i < count; i++) {
		why = bad_region(&m->region[i], &fds[i]);
		for (unsigned int k = 0; !why && k < i; k++)
			if (regions_meet(&m->region[i], &m->region[k]))
				why = "regions that overlap";
	}
	return why;
}

static const char *bad_new_region(const struct peer *p, const struct vhost_region *r,
				  const struct fuzz_fd *fds, unsigned int count)
{
	const char *why;

	if (!count)
		return "no descriptor";
	if (p->dev->slots == VHOST_SLOTS_MAX)
		return "no slot";
	why = bad_region(r, fds);
	for (unsigned int i = 0; !why && i < p->dev->slots; i++)
		if (regions_meet(r, &p->dev->slot[i]->region))
			why = "it overlaps another";
	return why;
}

static bool has_region(const struct peer *p, const struct vhost_region *r)
{
	for (unsigned int i = 0; i < p->dev->slots; i++) {
		const struct vhost_region *s = &p->dev->slot[i]->region;

		if (s->guest == r->guest && s->user == r->user && s->size == r->size)
			return true;
	}
	return false;
}

/* Where @size bytes at the front end's address are here, or NULL. */
static uint8_t *user_at(const struct peer *p, uint64_t addr, uint64_t size)
{
	for (unsigned int i = 0; i < p->dev->slots; i++) {
		const struct vhost_region *r = &p->dev->slot[i]->region;
		uint64_t off = addr - r->user;
		/* What is mapped begins at a whole page of the file. */
		uint64_t skip = r->offset & 4095;

		if (addr >= r->user && off < r->size && size <= r->size - off)
			return (uint8_t *)p->dev->slot[i]->guard.host + skip + off;
	}
	return NULL;
}

static bool ring_fits(const struct peer *p, uint32_t size, uint64_t desc,
		      uint64_t avail, uint64_t used)
{
	const uint8_t *d = user_at(p, desc, 16ULL * size);
	const uint8_t *a = user_at(p, avail, 6 + 2ULL * size);
	const uint8_t *u = user_at(p, used, 6 + 8ULL * size);

	return size && d && a && u && !(desc % 16) && !(avail % 2) && !(used % 4) &&
	       !((uintptr_t)d % 16) && !((uintptr_t)a % 2) && !((uintptr_t)u % 4);
}

static bool any_runs(const struct peer *p)
{
	for (unsigned int i = 0; i < VHOST_RINGS_MAX; i++)
		if (p->dev->ring[i].vr.size)
			return true;
	return false;
}

static bool bad_inflight(const struct vhost_inflight *f)
{
	return !f->queues || f->queues > VHOST_RINGS_MAX || !f->queue_size ||
	       f->queue_size > VRING_SIZE_MAX;
}

/* Sixteen bytes for a ring and each of its entries, in whole cache lines. */
static uint64_t inflight_size(const struct vhost_inflight *f)
{
	return (uint64_t)f->queues * ((16 + 16ULL * f->queue_size + 63) / 64 * 64);
}

/* Why this message must be refused, or NULL. */
static const char *forbidden(const struct peer *p, const struct vhost_msg *msg,
			     const struct fuzz_fd *fds, unsigned int count)
{
	unsigned int which = 0;
	uint32_t index;

	while (which < ARRAY_SIZE(requests) && requests[which].number != msg->request)
		which++;
	if ((msg->flags & 7) != VHOST_VERSION)
		return "another version, or a reply";
	if (which == ARRAY_SIZE(requests) || msg->request == VHOST_HELLO)
		return "not for the device";
	if (msg->size < needed(msg, requests[which].payload))
		return "too short";
	if (count > requests[which].fds)
		return "too many descriptors";

	switch (msg->request) {
	case VHOST_GET_FEATURES:
	case VHOST_GET_PROTOCOL_FEATURES:
	case VHOST_GET_QUEUE_NUM:
	case VHOST_GET_MAX_MEM_SLOTS:
		return NULL;
	case VHOST_GET_INFLIGHT_FD:
		return bad_inflight(&msg->inflight) ? "impossible rings" : NULL;
	case VHOST_SET_OWNER:
		return p->owned ? "owned already" : NULL;
	case VHOST_SET_FEATURES:
		if (msg->u64 & ~p->offered)
			return "not offered";
		return msg->u64 != p->features && any_runs(p) ? "rings run" : NULL;
	case VHOST_SET_PROTOCOL_FEATURES:
		return msg->u64 & ~p->offered_protocol ? "not offered" : NULL;
	}
	if (!p->owned && msg->request != VHOST_GET_VRING_BASE)
		return "not owned";

	index = requests[which].payload == 'A' ? msg->addr.index :
		requests[which].payload == 'S' ? msg->state.index : 0;
	if (index >= VHOST_RINGS_MAX)
		return "no such ring";
	switch (msg->request) {
	case VHOST_SET_MEM_TABLE:
		return bad_table(&msg->memory, fds, count);
	case VHOST_ADD_MEM_REG:
		return bad_new_region(p, &msg->region.region, fds, count);
	case VHOST_REM_MEM_REG:
		return has_region(p, &msg->region.region) ? NULL : "no such region";
	case VHOST_SET_VRING_NUM:
		if (__builtin_popcount(msg->state.num) != 1 || msg->state.num > 32768)
			return "no size of a ring";
		return p->dev->ring[index].vr.size ? "it runs" : NULL;
	case VHOST_SET_VRING_BASE:
		return msg->state.num > 65535 ? "no index of a ring" : NULL;
	case VHOST_SET_VRING_ADDR:
		return ring_fits(p, p->ring[index].size, msg->addr.desc, msg->addr.avail,
				 msg->addr.used) ? NULL : "it does not lie in memory";
	case VHOST_SET_VRING_KICK:
	case VHOST_SET_VRING_CALL:
	case VHOST_SET_VRING_ERR:
		if ((msg->u64 & VHOST_QUEUE_MASK) >= VHOST_RINGS_MAX)
			return "no such ring";
		if (msg->u64 & VHOST_QUEUE_NOFD)
			return msg->request == VHOST_SET_VRING_KICK ? "no kick" : NULL;
		return count && is_eventfd(fds) ? NULL : "no eventfd";
	case VHOST_NET_SET_MTU:
		return msg->u64 < 68 || msg->u64 > 65535 ? "no MTU" : NULL;
	case VHOST_SET_INFLIGHT_FD:
		return !count || bad_inflight(&msg->inflight) ||
		       msg->inflight.size < inflight_size(&msg->inflight) ?
		       "not what GET_INFLIGHT_FD gave" : NULL;
	default:
		return NULL;
	}
}

/* What a message did. */

/* Remember a message that was taken. */
static void remember(struct peer *p, const struct vhost_msg *msg, const struct fuzz_fd *fds)
{
	unsigned int i = msg->state.index % VHOST_RINGS_MAX;
	int *fd;

	switch (msg->request) {
	case VHOST_SET_OWNER:
		p->owned = true;
		break;
	case VHOST_RESET_OWNER:
		p->owned = false;
		for (i = 0; i < VHOST_RINGS_MAX; i++)
			p->ring[i].kick = -1;
		break;
	case VHOST_SET_FEATURES:
		p->features = msg->u64;
		break;
	case VHOST_SET_PROTOCOL_FEATURES:
		p->protocol = msg->u64;
		break;
	case VHOST_SET_VRING_NUM:
		p->ring[i].size = msg->state.num;
		break;
	case VHOST_SET_VRING_ADDR:
		p->ring[i].placed = true;
		p->ring[i].desc = msg->addr.desc;
		p->ring[i].avail = msg->addr.avail;
		p->ring[i].used = msg->addr.used;
		break;
	case VHOST_GET_VRING_BASE:
		p->ring[i].placed = false;
		p->ring[i].kick = p->ring[i].call = -1;
		break;
	case VHOST_SET_VRING_KICK:
	case VHOST_SET_VRING_CALL:
	case VHOST_SET_VRING_ERR:
		i = msg->u64 & VHOST_QUEUE_MASK;
		fd = msg->request == VHOST_SET_VRING_KICK ? &p->ring[i].kick :
		     msg->request == VHOST_SET_VRING_CALL ? &p->ring[i].call :
		     &p->ring[i].err;
		*fd = msg->u64 & VHOST_QUEUE_NOFD ? -1 : fds[0].fd;
		break;
	}
}

/* The memory tables, the mappings, and what the front end called them. */
static void check_memory(const struct peer *p)
{
	const struct vhost_dev *dev = p->dev;

	FUZZ_CHECK(dev->slots <= VHOST_SLOTS_MAX && dev->mem.count == dev->slots &&
		   dev->user.count == dev->slots, "%u mappings, %u and %u regions",
		   dev->slots, dev->mem.count, dev->user.count);
	for (unsigned int i = 0; i < dev->slots; i++) {
		const struct vhost_slot *s = dev->slot[i];
		const struct vhost_region *r = &s->region;
		uint8_t *host = (uint8_t *)s->guard.host + (r->offset & 4095);

		FUZZ_CHECK((r->offset & 4095) + r->size <= s->guard.size &&
			   !msync(s->guard.host, s->guard.size, MS_ASYNC),
			   "region %u is not mapped", i);
		FUZZ_CHECK(guestmem_ptr(&dev->mem, r->guest, r->size) == host &&
			   guestmem_ptr(&dev->user, r->user, r->size) == host,
			   "region %u is not where it should be", i);
		for (unsigned int k = 0; k < i; k++)
			FUZZ_CHECK(!regions_meet(r, &dev->slot[k]->region),
				   "regions %u and %u overlap", i, k);
	}
}

static void check_event(int fd, int expected, const char *what, unsigned int i)
{
	FUZZ_CHECK(fd == expected, "%s of ring %u is %d, not %d", what, i, fd, expected);
	FUZZ_CHECK(fd < 0 || fcntl(fd, F_GETFL) & O_NONBLOCK, "%s of ring %u can block",
		   what, i);
}

/* @tried: rings that could begin to run were to do so now */
static void check_rings(const struct peer *p, bool tried)
{
	for (unsigned int i = 0; i < VHOST_RINGS_MAX; i++) {
		const struct vhost_ring *r = &p->dev->ring[i];
		uint64_t desc = p->ring[i].desc, avail = p->ring[i].avail;
		uint64_t used = p->ring[i].used;
		uint32_t size = p->ring[i].size;
		bool may = p->ring[i].placed && p->ring[i].kick >= 0 &&
			   ring_fits(p, size, desc, avail, used);

		check_event(r->kick, p->ring[i].kick, "kick", i);
		check_event(r->call, p->ring[i].call, "call", i);
		check_event(r->err, p->ring[i].err, "err", i);
		FUZZ_CHECK(may || !r->vr.size, "ring %u runs", i);
		FUZZ_CHECK(!may || !tried || r->vr.size, "ring %u does not run", i);
		if (!r->vr.size)
			continue;
		FUZZ_CHECK(r->vr.size == size && r->vr.mem == &p->dev->mem &&
			   (const uint8_t *)r->vr.desc == user_at(p, desc, 16ULL * size) &&
			   (uint8_t *)r->vr.avail == user_at(p, avail, 6 + 2ULL * size) &&
			   (uint8_t *)r->vr.used == user_at(p, used, 6 + 8ULL * size),
			   "ring %u is not where it should be", i);
		FUZZ_CHECK(r->vr.event_idx == (p->features >> VRING_F_EVENT_IDX & 1) &&
			   r->vr.indirect == (p->features >> VRING_F_INDIRECT_DESC & 1),
			   "ring %u has other features", i);
	}
}

/* Bytes of payload in the answer to a request, or 0 if it has none of its own. */
static uint32_t answer_size(uint32_t request)
{
	switch (request) {
	case VHOST_GET_FEATURES:
	case VHOST_GET_PROTOCOL_FEATURES:
	case VHOST_GET_QUEUE_NUM:
	case VHOST_GET_MAX_MEM_SLOTS:
	case VHOST_GET_VRING_BASE:
		return 8;
	case VHOST_GET_INFLIGHT_FD:
		return 24;
	default:
		return 0;
	}
}

static void check_reply(const struct vhost_msg *msg, const struct vhost_msg *reply,
			uint32_t size)
{
	const uint8_t *payload = (const uint8_t *)&reply->u64;

	FUZZ_CHECK(reply->request == msg->request && reply->flags == 5 &&
		   reply->size == size, "an answer to %u, flags %x, %u bytes, not %u",
		   reply->request, reply->flags, reply->size, size);
	for (uint32_t i = size; i < VHOST_PAYLOAD_MAX; i++)
		FUZZ_CHECK(!payload[i], "byte %u behind the answer", i);
}

/* In-flight memory is as large as it says, and stays so. */
static void check_inflight(const struct vhost_msg *reply, int fd)
{
	struct stat st;

	FUZZ_CHECK(!fstat(fd, &st) && (uint64_t)st.st_size >= reply->inflight.size &&
		   reply->inflight.size >= inflight_size(&reply->inflight) &&
		   fcntl(fd, F_GET_SEALS) & F_SEAL_SHRINK, "in-flight memory is too small");
}

/* Whether two pictures of a device show the same. What is in a table behind its
 * end is nothing. */
static bool same(const struct vhost_dev *a, const struct vhost_dev *b)
{
	return a->features == b->features && a->protocol == b->protocol &&
	       a->owned == b->owned && a->mtu == b->mtu && a->slots == b->slots &&
	       a->vn.hdr_size == b->vn.hdr_size && a->vn.merge == b->vn.merge &&
	       a->mem.count == b->mem.count && a->user.count == b->user.count &&
	       !memcmp(a->mem.region, b->mem.region,
		       a->mem.count * sizeof(a->mem.region[0])) &&
	       !memcmp(a->user.region, b->user.region,
		       a->user.count * sizeof(a->user.region[0])) &&
	       !memcmp(a->slot, b->slot, a->slots * sizeof(a->slot[0])) &&
	       !memcmp(a->ring, b->ring, sizeof(a->ring));
}

/* Hand a message over and look at what becomes of it. */
static void deliver(struct peer *p, const struct vhost_msg *msg, struct fuzz_fd *fds,
		    unsigned int count)
{
	const bool ack = msg->flags & VHOST_NEED_REPLY && p->protocol >> VHOST_PF_REPLY_ACK & 1;
	struct vhost_msg *reply = fuzz_alloc(sizeof(*reply));
	struct memguard was[VHOST_SLOTS_MAX];
	unsigned int were = p->dev->slots;
	struct vhost_dev before = *p->dev;
	int reply_fd = -2, taken = -1, ret;
	int numbers[VHOST_FDS_MAX];
	const char *why, *says;
	bool refused;

	for (unsigned int i = 0; i < were; i++)
		was[i] = p->dev->slot[i]->guard;
	for (unsigned int i = 0; i < count; i++)
		numbers[i] = fds[i].fd;
	memset(reply, 0xa5, sizeof(*reply));
	why = forbidden(p, msg, fds, count);

	ret = vhost_dev_message(p->dev, msg, numbers, count, reply, &reply_fd);

	says = p->dev->why;
	refused = ret < 0 || (ret > 0 && ack && !answer_size(msg->request) && reply->u64) ||
		  (why && ret > 0);
	FUZZ_CHECK(!refused == !why, "request %u was %s: %s", msg->request,
		   refused ? "refused" : "taken", refused ? says : why);
	FUZZ_CHECK(!refused || (says && says[0]), "refused for no reason");

	/* The answer. */
	if (ret > 0 && answer_size(msg->request) && !why) {
		check_reply(msg, reply, answer_size(msg->request));
	} else if (ret > 0) {
		check_reply(msg, reply, 8);
		FUZZ_CHECK(ack && reply->u64 == (why ? 1 : 0), "the answer is %llu",
			   (unsigned long long)reply->u64);
	} else {
		FUZZ_CHECK(ret < 0 ? refused : !ack && !answer_size(msg->request),
			   "there is no answer");
	}
	if (ret > 0 && !why && msg->request == VHOST_GET_INFLIGHT_FD) {
		check_inflight(reply, reply_fd);
		close(reply_fd);
	} else {
		FUZZ_CHECK(reply_fd == -1, "a descriptor with the answer: %d", reply_fd);
	}
	free(reply);

	/* Descriptors. */
	if (!why && count && is_eventfd(fds) && !(msg->u64 & VHOST_QUEUE_NOFD) &&
	    (msg->request == VHOST_SET_VRING_KICK || msg->request == VHOST_SET_VRING_CALL ||
	     msg->request == VHOST_SET_VRING_ERR))
		taken = 0;
	for (unsigned int i = 0; i < count; i++)
		FUZZ_CHECK(numbers[i] == ((int)i == taken ? -1 : fds[i].fd),
			   "descriptor %u, %d, is %d now", i, fds[i].fd, numbers[i]);
	if (taken == 0)
		FUZZ_CHECK(fcntl(fds[0].fd, F_GETFD) >= 0, "it was closed");
	for (unsigned int i = 0; i < count; i++)
		if (numbers[i] >= 0 && fds[i].kind != KIND_CLOSED)
			FUZZ_CHECK(!close(numbers[i]), "descriptor %u was closed", i);

	/* What it left behind. */
	if (why) {
		FUZZ_CHECK(same(&before, p->dev), "something changed");
		for (unsigned int i = 0; i < were; i++)
			FUZZ_CHECK(!memcmp(&was[i], &p->dev->slot[i]->guard, sizeof(was[i])),
				   "mapping %u changed", i);
		return;
	}
	remember(p, msg, fds);
	FUZZ_CHECK(p->dev->features == p->features && p->dev->protocol == p->protocol &&
		   p->dev->owned == p->owned, "features were not taken");
	check_memory(p);
	check_rings(p, msg->request == VHOST_SET_MEM_TABLE ||
		    msg->request == VHOST_ADD_MEM_REG || msg->request == VHOST_REM_MEM_REG);
	if (msg->request == VHOST_SET_VRING_KICK || msg->request == VHOST_SET_VRING_ADDR) {
		unsigned int i = msg->request == VHOST_SET_VRING_ADDR ? msg->addr.index :
				 msg->u64 & VHOST_QUEUE_MASK;

		FUZZ_CHECK(p->dev->ring[i].vr.size || !p->ring[i].placed ||
			   p->ring[i].kick < 0 ||
			   !ring_fits(p, p->ring[i].size, p->ring[i].desc,
				      p->ring[i].avail, p->ring[i].used),
			   "ring %u does not run", i);
	}
	for (unsigned int i = 0; i < were; i++) {
		bool kept = false;

		for (unsigned int k = 0; k < p->dev->slots; k++)
			kept |= p->dev->slot[k]->guard.host == was[i].host;
		FUZZ_CHECK(kept || (msync(was[i].host, was[i].size, MS_ASYNC) < 0 &&
				    errno == ENOMEM), "region %u is still mapped", i);
	}
}

/* Steps of the front end. */

static void step_message(struct peer *p)
{
	unsigned int which = fuzz_u8(&p->in) % (ARRAY_SIZE(requests) + 1), count;
	struct vhost_msg *msg = fuzz_alloc(sizeof(*msg));
	uint8_t odd = fuzz_u8(&p->in);
	struct fuzz_fd fds[VHOST_FDS_MAX];
	enum kind kinds[VHOST_FDS_MAX];
	char payload = 'N';

	if (which < ARRAY_SIZE(requests)) {
		msg->request = requests[which].number;
		payload = requests[which].payload;
	} else {
		msg->request = fuzz_u32(&p->in);
	}
	msg->flags = VHOST_VERSION | (odd & 1 ? VHOST_NEED_REPLY : 0);
	if (odd & 2)
		msg->flags = fuzz_u8(&p->in);
	count = input_payload(p, msg, payload, kinds);
	msg->size = needed(msg, payload);
	if (odd & 4)
		msg->size = fuzz_u16(&p->in) % (VHOST_PAYLOAD_MAX + 1);
	if (odd & 8)
		count = fuzz_u8(&p->in) % (VHOST_FDS_MAX + 1);
	for (unsigned int i = 0; odd & 8 && i < count; i++)
		kinds[i] = fuzz_u8(&p->in) % KINDS;
	for (unsigned int i = 0; i < count; i++)
		fds[i] = make_fd(p, kinds[i]);
	deliver(p, msg, fds, count);
	free(msg);
}

/* Make a ring ready to run, in four messages. */
static void step_ring(struct peer *p)
{
	uint8_t i = fuzz_u8(&p->in) & 15;
	uint64_t page = 0x7f0000000000ULL + 0x1000ULL * i;
	struct vhost_msg msg = { .flags = VHOST_VERSION, .size = 8 };
	struct fuzz_fd fd;

	msg.request = VHOST_SET_VRING_NUM;
	msg.state = (struct vhost_state){ i, 1U << (fuzz_u8(&p->in) & 7) };
	deliver(p, &msg, NULL, 0);
	msg.request = VHOST_SET_VRING_ADDR;
	msg.size = sizeof(msg.addr);
	msg.addr = (struct vhost_addr){ .index = i, .desc = page, .avail = page + 0x800,
					.used = page + 0xa00 };
	deliver(p, &msg, NULL, 0);
	msg.size = 8;
	for (int k = 0; k < 2; k++) {
		msg.request = k ? VHOST_SET_VRING_KICK : VHOST_SET_VRING_CALL;
		msg.u64 = i;
		fd = make_fd(p, KIND_EVENTFD);
		deliver(p, &msg, &fd, 1);
	}
}

/* What every front end says first. */
static void step_begin(struct peer *p)
{
	static const uint32_t order[] = { VHOST_SET_OWNER, VHOST_SET_FEATURES,
		VHOST_SET_PROTOCOL_FEATURES, VHOST_SET_MEM_TABLE };
	struct vhost_msg msg = { .flags = VHOST_VERSION };

	for (unsigned int i = 0; i < ARRAY_SIZE(order); i++) {
		struct fuzz_fd fd = { .fd = -1 };

		msg.request = order[i];
		msg.size = i ? 8 : 0;
		memset(&msg.memory, 0, sizeof(msg.memory));
		msg.u64 = i == 1 ? p->offered & ~(uint64_t)fuzz_u32(&p->in) :
			  i == 2 ? p->offered_protocol : 0;
		if (i == 3) {
			msg.size = 40;
			msg.memory.count = 1;
			msg.memory.region[0] = (struct vhost_region){
				0, (uint64_t)mem_sizes[0], 0x7f0000000000ULL, 0 };
			fd = make_fd(p, KIND_MEM0);
		}
		deliver(p, &msg, &fd, i == 3);
	}
}

/* The bytes are the front end's own, through our mapping of them. */
static void poke(volatile void *at, const void *buf, size_t size)
{
	volatile uint8_t *to = at;
	const uint8_t *from = buf;

	while (size--)
		*to++ = *from++;
}

/* Offer a chain of one descriptor. */
static void step_offer(struct peer *p)
{
	const struct vring *vr = &p->dev->ring[fuzz_u8(&p->in) & 15].vr;
	uint16_t at = fuzz_u8(&p->in), idx, addr = fuzz_u16(&p->in);
	struct vring_desc d;

	d.addr = addr < 0xff00 ? addr : fuzz_u64(&p->in);
	d.len = fuzz_u16(&p->in);
	d.flags = fuzz_u8(&p->in);
	d.next = fuzz_u8(&p->in);
	if (!vr->size)
		return;
	at &= (uint16_t)(vr->size - 1);
	poke((void *)(uintptr_t)&vr->desc[at], &d, sizeof(d));
	idx = vr->avail->idx;
	poke(&vr->avail->ring[idx & (vr->size - 1)], &at, 2);
	idx++;
	poke(&vr->avail->idx, &idx, 2);
}

static void step_poke(struct peer *p)
{
	uint64_t addr = input_user(p, 0x7f0000000000ULL);
	uint8_t *to = user_at(p, addr, 2);
	uint16_t x = fuzz_u16(&p->in);

	if (to)
		poke(to, &x, 2);
}

static void step_truncate(struct peer *p)
{
	uint8_t i = fuzz_u8(&p->in) % MEMFDS;
	off_t size = fuzz_u16(&p->in);

	if (p->mem[i] >= 0)
		must(ftruncate(p->mem[i], size));
	/* Each mapping can be touched, all the same. */
	for (unsigned int k = 0; k < p->dev->slots; k++) {
		const struct memguard *g = &p->dev->slot[k]->guard;
		const volatile uint8_t *last = (const uint8_t *)g->host + g->size - 1;
		bool lost = g->lost;
		uint8_t x = *last;

		FUZZ_CHECK(lost == g->lost || !x, "there is something in new memory");
		FUZZ_CHECK(!g->lost || vhost_dev_is_lost(p->dev), "a loss goes unnoticed");
	}
}

/* Pieces of a chain lie in mappings of the device. */
static void check_pieces(const struct peer *p, const struct vring_chain *c)
{
	for (unsigned int k = 0; k < (unsigned int)c->out + c->in; k++) {
		const uint8_t *at = c->iov[k].iov_base;
		bool mine = false;

		for (unsigned int i = 0; i < p->dev->slots; i++) {
			const struct vhost_region *r = &p->dev->slot[i]->region;
			const uint8_t *host = p->dev->slot[i]->guard.host;

			host += r->offset & 4095;
			mine |= at >= host && at < host + r->size &&
				c->iov[k].iov_len <= (size_t)(host + r->size - at);
		}
		FUZZ_CHECK(mine, "a piece outside of memory");
	}
}

/* Let a ring do some work: frames to the front end on even ones, from it on odd. */
static void step_work(struct peer *p)
{
	enum { ROOM = VRING_CHAIN_MAX + BATCH };
	unsigned int i = fuzz_u8(&p->in) & 15, n, used = 0;
	struct vring *vr = &p->dev->ring[i].vr;
	struct vring_chain chains[BATCH];
	struct iovec *iov;
	uint8_t *buf;
	int ret;

	if (!vr->size)
		return;
	buf = fuzz_alloc(CHUNK);
	iov = fuzz_alloc(ROOM * sizeof(*iov));
	n = vring_pop(vr, chains, BATCH, iov, ROOM);
	FUZZ_CHECK(n <= BATCH, "%u chains", n);
	for (unsigned int k = 0; k < n; k++)
		check_pieces(p, &chains[k]);
	if (i & 1) {
		for (; used < n && !chains[used].in; used++) {
			iov_to_buf(chains[used].iov, chains[used].out, 0, buf, CHUNK);
			vring_push(vr, chains[used].head, 0);
		}
	} else {
		while (used < n) {
			struct iovec frame = { buf, 60 + fuzz_u8(&p->in) * 7U };

			ret = vnet_put(&p->dev->vn, vr, chains + used, n - used,
				       &VNET_HDR_NONE, &frame, 1, frame.iov_len);
			FUZZ_CHECK(ret <= (int)(n - used), "%d chains of %u", ret, n - used);
			if (ret <= 0)
				break;
			used += (unsigned int)ret;
		}
	}
	vring_unpop(vr, (uint16_t)(n - used));
	vring_publish(vr);
	if (vring_should_notify(vr) && p->dev->ring[i].call >= 0 && p->event >= 0)
		fcntl(p->event, F_SETFL, O_NONBLOCK);
	if (!vring_want_kick(vr, 1))
		vring_suppress_kicks(vr);
	free(iov);
	free(buf);
}

static void (*const steps[])(struct peer *p) = {
	step_message, step_message, step_message, step_message, step_begin, step_ring,
	step_offer, step_work, step_poke, step_truncate,
};

/* Learn what the device offers. */
static void learn(struct peer *p)
{
	struct vhost_msg msg = { .request = VHOST_GET_FEATURES, .flags = VHOST_VERSION };
	struct vhost_msg reply;
	int fd;

	FUZZ_CHECK(vhost_dev_message(p->dev, &msg, NULL, 0, &reply, &fd) == 1, "no features");
	p->offered = reply.u64;
	msg.request = VHOST_GET_PROTOCOL_FEATURES;
	FUZZ_CHECK(vhost_dev_message(p->dev, &msg, NULL, 0, &reply, &fd) == 1, "no features");
	p->offered_protocol = reply.u64;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int fds = open_fds(), held = 0;
	struct peer p = { .in = { data, size }, .event = -1 };

	p.dev = fuzz_alloc(sizeof(*p.dev));
	vhost_dev_init(p.dev, true);
	for (unsigned int i = 0; i < MEMFDS; i++)
		p.mem[i] = -1;
	for (unsigned int i = 0; i < VHOST_RINGS_MAX; i++)
		p.ring[i].kick = p.ring[i].call = p.ring[i].err = -1;
	learn(&p);
	for (unsigned int i = 0; p.in.left && i < STEPS; i++)
		steps[fuzz_u8(&p.in) % ARRAY_SIZE(steps)](&p);

	/* Nothing is open but what is known to be. */
	for (unsigned int i = 0; i < VHOST_RINGS_MAX; i++)
		held += (p.ring[i].kick >= 0) + (p.ring[i].call >= 0) + (p.ring[i].err >= 0);
	for (unsigned int i = 0; i < MEMFDS; i++)
		held += p.mem[i] >= 0;
	held += p.event >= 0;
	FUZZ_CHECK(open_fds() == fds + held, "%u descriptors, not %u", open_fds(), fds + held);

	vhost_dev_clear(p.dev);
	free(p.dev);
	for (unsigned int i = 0; i < MEMFDS; i++)
		if (p.mem[i] >= 0)
			close(p.mem[i]);
	if (p.event >= 0)
		close(p.event);
	FUZZ_CHECK(open_fds() == fds, "%u descriptors at the end, not %u", open_fds(), fds);
	return 0;
}
