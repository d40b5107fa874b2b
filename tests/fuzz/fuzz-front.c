/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz-front.c - vhost-user back ends that answer what they like
 *
 * The product is the front end (lib/vhost_front.c), and the back end is played in here:
 * whenever the front end has sent a message, the input says what the answer is. It may be
 * right, of another request, without the flag of answers, of another size, cut off, come
 * with descriptors, or with more bytes than there should be, or not at all. At the end of
 * an answer that is cut off the connection ends, so that nobody waits.
 *
 * What must be true:
 *
 * - Messages make sense: version, size, and no acknowledgement is asked for that was not
 *   negotiated.
 * - Each call returns 0, or an error that stands in an errno; which, says the first wrong
 *   answer. A port is one that a switch may have.
 * - What was negotiated is what both sides have; what is read of a configuration is what
 *   was answered.
 * - No descriptor stays open that a back end has sent.
 */
#include "config.h"

#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/vhost_front.h"

enum { STEPS = 32, LIMIT_MS = 60000, ERRNO_MAX = 4095, RINGS = 4 };

/** struct back - The back end
 * @sock:	Its end
 * @first:	What the next call has to return because of a wrong answer, 1 if it is not
 *		known, 0 while all answers are right
 * @acked:	Acknowledgements were negotiated
 * @wild:	There were more bytes than there should be: from now on all is open
 * @ended:	It says nothing more
 * @offered:	Features that were offered
 * @answer:	The last answer
 */
static struct back {
	struct fuzz_in *in;
	int sock;
	int first;
	bool acked;
	bool wild;
	bool ended;
	uint64_t offered;
	struct vhost_msg answer;
} back;

ssize_t __real_fd_send(int sock, const void *buf, size_t size, const int *fds,
		       unsigned int count);
ssize_t __wrap_fd_send(int sock, const void *buf, size_t size, const int *fds,
		       unsigned int count);

static void fail(int err)
{
	if (!back.first)
		back.first = err;
}

static void end(int err)
{
	shutdown(back.sock, SHUT_WR);
	back.ended = true;
	fail(err);
}

/* Bytes that a right answer to @q has behind its head, and its contents; 0 if it has no
 * answer. */
static uint32_t right_answer(const struct vhost_msg *q, struct vhost_msg *a)
{
	uint8_t how = fuzz_u8(back.in);

	a->request = q->request;
	a->flags = VHOST_VERSION | VHOST_REPLY;
	switch (q->request) {
	case VHOST_GET_FEATURES:
		a->u64 = back.offered = ~fuzz_u64(back.in);
		return sizeof(a->u64);
	case VHOST_GET_PROTOCOL_FEATURES:
		a->u64 = ~fuzz_u64(back.in);
		return sizeof(a->u64);
	case VHOST_HELLO:
		a->u64 = how & 1 ? fuzz_u64(back.in) : how;
		if (a->u64 > UINT16_MAX)
			fail((int64_t)a->u64 < 0 && (int64_t)a->u64 >= -ERRNO_MAX ?
			     (int)(int64_t)a->u64 : -EPROTO);
		return sizeof(a->u64);
	case VHOST_GET_VRING_BASE:
		a->state = (struct vhost_state){ fuzz_u8(back.in), fuzz_u32(back.in) };
		return sizeof(a->state);
	case VHOST_GET_CONFIG:
		a->config = q->config;
		fuzz_bytes(back.in, a->config.bytes, q->config.size);
		if (how & 1) {
			a->config.size = fuzz_u32(back.in);
			fail(a->config.size == q->config.size ? 0 : -EPROTO);
		}
		return q->size;
	default:
		if (!(q->flags & VHOST_NEED_REPLY))
			return 0;
		a->u64 = how & 1 ? fuzz_u8(back.in) : 0;
		fail(a->u64 ? -EPROTO : 0);
		return sizeof(a->u64);
	}
}

static void answer(const struct vhost_msg *q)
{
	struct vhost_msg *a = &back.answer;
	uint8_t kind = fuzz_u8(back.in), extra[16] = { 0 };
	uint32_t size, whole;
	int fds[2] = { back.sock, back.sock };

	memset(a, 0, sizeof(*a));
	size = right_answer(q, a);
	if (!size || back.ended)
		return;
	a->size = size;
	whole = VHOST_HDR_SIZE + size;
	/* Whatever it says: a wrong head counts before what is in it. */
	if (kind & 0xf0 && !back.wild && back.first && kind % 16 < 5 && kind % 16)
		back.first = 0;
	switch (kind & 0xf0 ? kind % 16 : 0) {
	case 1:
		a->request ^= 1U << fuzz_u8(back.in) % 32;
		fail(-EPROTO);
		break;
	case 2:
		a->flags &= ~(uint32_t)VHOST_REPLY;
		fail(-EPROTO);
		break;
	case 3:
		a->size ^= 1U << fuzz_u8(back.in) % 32;
		fail(-EPROTO);
		break;
	case 4:
		whole = fuzz_u8(back.in) % whole;
		if (whole)
			FUZZ_CHECK(send(back.sock, vhost_wire(a), whole, MSG_NOSIGNAL) ==
				   (ssize_t)whole, "the front end does not read");
		end(-ECONNRESET);
		return;
	case 5:
		back.wild = true;
		break;
	default:
		break;
	}
	FUZZ_CHECK(__real_fd_send(back.sock, vhost_wire(a), whole, fds,
				  kind % 16 == 6 ? 2 : 0) == (ssize_t)whole,
		   "the front end does not read");
	if (back.wild)
		FUZZ_CHECK(send(back.sock, extra, 1 + kind % sizeof(extra), MSG_NOSIGNAL) > 0,
			   "the front end does not read");
	if (back.wild)
		end(1);
}

/* The front end sends: it all comes, and is answered. */
ssize_t __wrap_fd_send(int sock, const void *buf, size_t size, const int *fds,
		       unsigned int count)
{
	static const struct { uint32_t request, size; } sizes[] = {
		{ VHOST_GET_FEATURES, 0 }, { VHOST_SET_OWNER, 0 }, { VHOST_SET_FEATURES, 8 },
		{ VHOST_GET_PROTOCOL_FEATURES, 0 }, { VHOST_SET_PROTOCOL_FEATURES, 8 },
		{ VHOST_SET_VRING_NUM, 8 }, { VHOST_SET_VRING_BASE, 8 },
		{ VHOST_GET_VRING_BASE, 8 }, { VHOST_SET_VRING_ADDR, 40 },
		{ VHOST_SET_VRING_KICK, 8 }, { VHOST_SET_VRING_CALL, 8 },
		{ VHOST_SET_VRING_ENABLE, 8 }, { VHOST_HELLO, sizeof(struct vhost_hello) },
	};
	struct vhost_msg q = { .request = 0 };
	ssize_t n = __real_fd_send(sock, buf, size, fds, count);
	unsigned int got = VHOST_FDS_MAX;
	int sent[VHOST_FDS_MAX];

	FUZZ_CHECK(n == (ssize_t)size && size <= sizeof(q) - 4, "%zd of %zu bytes", n, size);
	FUZZ_CHECK(fd_recv(back.sock, vhost_wire(&q), size, sent, &got) == n && got == count,
		   "the message is another one");
	while (got)
		close(sent[--got]);
	FUZZ_CHECK(q.size == size - VHOST_HDR_SIZE &&
		   (q.flags & VHOST_VERSION_MASK) == VHOST_VERSION && !(q.flags & VHOST_REPLY),
		   "request %u: flags %#x, size %u", q.request, q.flags, q.size);
	FUZZ_CHECK(!(q.flags & VHOST_NEED_REPLY) || back.acked, "request %u wants an answer",
		   q.request);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		FUZZ_CHECK(q.request != sizes[i].request || q.size == sizes[i].size,
			   "request %u of %u bytes", q.request, q.size);
	FUZZ_CHECK(q.request != VHOST_SET_FEATURES || !(q.u64 & ~back.offered),
		   "features that were not offered");
	answer(&q);
	if (q.request == VHOST_SET_PROTOCOL_FEATURES)
		back.acked = q.u64 >> VHOST_PF_REPLY_ACK & 1;
	return n;
}

static void check(const char *what, int ret)
{
	FUZZ_CHECK(ret <= 0 && ret >= -ERRNO_MAX, "%s: %d", what, ret);
	FUZZ_CHECK(back.wild || ret == back.first, "%s: %d, not %d", what, ret, back.first);
	/* A connection that has ended stays so. */
	back.first = back.ended ? -ECONNRESET : 0;
}

static void step(struct vhost_front *vf, struct fuzz_in *in, int fd)
{
	struct vhost_front_ring ring = { .size = 256, .kick = fd, .call = -1 };
	struct vhost_region regions[VHOST_REGIONS_MAX + 1] = { { 0 } };
	const int fds[VHOST_REGIONS_MAX + 1] = { fd, fd, fd, fd, fd, fd, fd, fd, fd };
	uint8_t kind = fuzz_u8(in), how = fuzz_u8(in), config[VHOST_CONFIG_MAX];
	uint32_t n = how % (VHOST_CONFIG_MAX + 1);
	uint16_t base;
	int ret;

	switch (kind % 6) {
	case 0:
		if (!(vf->protocol >> VHOST_PF_CONFIG & 1))
			back.first = -EPROTONOSUPPORT;
		ret = vhost_front_config(vf, config, n);
		check("config", ret);
		FUZZ_CHECK(ret || back.wild ||
			   !memcmp(config, back.answer.config.bytes, n), "the configuration");
		break;
	case 1:
		check("features", vhost_front_features(vf, fuzz_u64(in)));
		FUZZ_CHECK(!(vf->features & ~back.offered), "features");
		break;
	case 2:
		n = how % (VHOST_REGIONS_MAX + 2);
		if (n > VHOST_REGIONS_MAX)
			back.first = -ENOSPC;
		check("memory", vhost_front_memory(vf, regions, fds, n));
		break;
	case 3:
		ring.base = how;
		ring.call = how & 1 ? fd : -1;
		check("start", vhost_front_start(vf, how % RINGS, &ring));
		break;
	case 4:
		check("call", vhost_front_call(vf, how % RINGS, how & 1 ? fd : -1));
		break;
	default:
		ret = vhost_front_stop(vf, how % RINGS, &base);
		check("stop", ret);
		FUZZ_CHECK(ret || back.wild || base == (uint16_t)back.answer.state.num, "base");
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct vhost_hello hello = { .port = 3, .descr = "fuzz" };
	struct fuzz_in in = { data, size };
	uint8_t mode = fuzz_u8(&in);
	uint64_t wanted = ~fuzz_u64(&in), needed = mode & 2 ? fuzz_u8(&in) & wanted : 0;
	struct vhost_front vf;
	int pair[2], fd, ret;

	FUZZ_CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair");
	fd = dup(STDERR_FILENO);
	back = (struct back){ .in = &in, .sock = pair[1] };
	ret = vhost_front_attach(&vf, pair[0], mode & 1 ? &hello : NULL, wanted, needed, LIMIT_MS);
	FUZZ_CHECK(ret <= 0 && ret >= -ERRNO_MAX, "attach: %d", ret);
	if (!back.first && ret == -EPROTONOSUPPORT)
		back.first = ~back.offered & needed ? ret : 0;
	FUZZ_CHECK(back.wild || ret == back.first, "attach: %d, not %d", ret, back.first);
	FUZZ_CHECK(ret || !(needed & ~vf.features), "needed, and not there");
	FUZZ_CHECK(ret || (vf.port >= -1 && vf.port <= UINT16_MAX), "port %d", vf.port);
	back.first = back.ended ? -ECONNRESET : 0;
	for (unsigned int i = 0; !ret && !back.ended && in.left && i < STEPS; i++)
		step(&vf, &in, fd);
	vhost_front_close(&vf);
	FUZZ_CHECK(vf.sock < 0, "it is open");
	close(pair[1]);
	close(fd);
	/* The numbers are free again: what was sent with answers is closed. */
	fd = dup(STDERR_FILENO);
	FUZZ_CHECK(fd == MIN(pair[0], pair[1]), "descriptor %d is left", MIN(pair[0], pair[1]));
	close(fd);
	return 0;
}
