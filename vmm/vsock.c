/* SPDX-License-Identifier: BSD-2-Clause */
/* vsock.c - One stream of virtio-vsock; the essay is in the header */
#include "config.h"

#include "vmm/vsock.h"

#include <string.h>

#include "lib/parse.h"

enum { VSOCK_STREAM = 1 };	/* the type of all that is not refused */

int vsock_connect_line(const char *line, size_t size, uint32_t *port)
{
	static const char word[] = "CONNECT ";
	const char *end = memchr(line, '\n', size);
	char number[VSOCK_LINE];
	unsigned int n;
	size_t len;

	if (!end)
		return size < VSOCK_LINE ? 0 : -1;
	len = (size_t)(end - line);
	if (len <= strlen(word) || len >= VSOCK_LINE || memcmp(line, word, strlen(word)))
		return -1;
	memcpy(number, line + strlen(word), len - strlen(word));
	number[len - strlen(word)] = 0;
	if (!parse_uint(number, 0, UINT32_MAX - 1, &n))
		return -1;
	*port = n;
	return 1;
}

void vsock_ask(struct vsock *s, uint64_t cid, uint32_t guest, uint32_t host)
{
	*s = (struct vsock){ .state = VSOCK_ASKING, .cid = cid, .guest = guest, .host = host,
			     .owed = 1U << VSOCK_OP_REQUEST };
}

static void vsock_note_credit(struct vsock *s, const struct vsock_header *h)
{
	s->peer_alloc = le32_get(h->buf_alloc);
	s->peer_fwd = le32_get(h->fwd_cnt);
}

void vsock_asked(struct vsock *s, const struct vsock_header *h)
{
	*s = (struct vsock){ .state = VSOCK_ASKING, .cid = le64_get(h->src_cid),
			     .guest = le32_get(h->src_port), .host = le32_get(h->dst_port) };
	vsock_note_credit(s, h);
}

void vsock_accept(struct vsock *s)
{
	s->state = VSOCK_OPEN;
	s->owed |= 1U << VSOCK_OP_RESPONSE;
}

void vsock_reset(struct vsock *s)
{
	s->state = VSOCK_OVER;
	s->owed = 1U << VSOCK_OP_RST;
}

static enum vsock_deed vsock_break(struct vsock *s)
{
	vsock_reset(s);
	return VSOCK_END;
}

static enum vsock_deed vsock_hear_data(struct vsock *s, uint32_t len)
{
	if (s->shut & VSOCK_NO_SEND || len > VSOCK_BUF - (s->received - s->forwarded))
		return vsock_break(s);
	s->received += len;
	return len ? VSOCK_DATA : VSOCK_NOTHING;
}

enum vsock_deed vsock_hear(struct vsock *s, const struct vsock_header *h)
{
	uint16_t op = le16_get(h->op);

	if (s->state == VSOCK_OVER)
		return VSOCK_NOTHING;
	if (op == VSOCK_OP_RST) {
		s->state = VSOCK_OVER;
		s->owed = 0;
		return VSOCK_END;
	}
	vsock_note_credit(s, h);
	if (s->state == VSOCK_ASKING) {
		/* Before it is asked it cannot answer. */
		if (op != VSOCK_OP_RESPONSE || s->owed)
			return vsock_break(s);
		s->state = VSOCK_OPEN;
		return VSOCK_OPENED;
	}
	switch (op) {
	case VSOCK_OP_RW:
		return vsock_hear_data(s, le32_get(h->len));
	case VSOCK_OP_SHUTDOWN:
		s->shut |= le32_get(h->flags) & (VSOCK_NO_RECV | VSOCK_NO_SEND);
		return VSOCK_SHUT;
	case VSOCK_OP_CREDIT_UPDATE:
		return VSOCK_NOTHING;
	case VSOCK_OP_CREDIT_REQUEST:
		s->owed |= 1U << VSOCK_OP_CREDIT_UPDATE;
		return VSOCK_NOTHING;
	default:
		return vsock_break(s);
	}
}

void vsock_forwarded(struct vsock *s, uint32_t bytes)
{
	s->forwarded += bytes;
	/* A guest that believes that half of its room is gone should know better. */
	if (s->state == VSOCK_OPEN && s->forwarded - s->told >= VSOCK_BUF / 2)
		s->owed |= 1U << VSOCK_OP_CREDIT_UPDATE;
}

uint32_t vsock_credit(const struct vsock *s)
{
	uint32_t under_way = s->sent - s->peer_fwd;

	if (s->state != VSOCK_OPEN || s->shut & VSOCK_NO_RECV || under_way >= s->peer_alloc)
		return 0;
	return s->peer_alloc - under_way;
}

void vsock_finish(struct vsock *s)
{
	if (s->state != VSOCK_OPEN || s->done & VSOCK_NO_SEND)
		return;
	s->done |= VSOCK_NO_SEND;
	s->owed |= 1U << VSOCK_OP_SHUTDOWN;
}

static void vsock_fill(struct vsock *s, struct vsock_header *h, uint16_t op)
{
	*h = (struct vsock_header){
		.src_cid = le64(VSOCK_HOST), .dst_cid = le64(s->cid),
		.src_port = le32(s->host), .dst_port = le32(s->guest),
		.type = le16(VSOCK_STREAM), .op = le16(op),
		.flags = le32(op == VSOCK_OP_SHUTDOWN ? s->done : 0),
		.buf_alloc = le32(VSOCK_BUF), .fwd_cnt = le32(s->forwarded),
	};
	s->told = s->forwarded;
	s->owed &= ~(1U << VSOCK_OP_CREDIT_UPDATE);
}

bool vsock_next(struct vsock *s, struct vsock_header *h)
{
	/* An answer comes first, and what ends the stream last. */
	static const uint16_t order[] = {
		VSOCK_OP_REQUEST, VSOCK_OP_RESPONSE, VSOCK_OP_CREDIT_UPDATE, VSOCK_OP_SHUTDOWN,
		VSOCK_OP_RST,
	};

	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		if (!(s->owed >> order[i] & 1))
			continue;
		vsock_fill(s, h, order[i]);
		s->owed &= ~(1U << order[i]);
		return true;
	}
	return false;
}

void vsock_data(struct vsock *s, struct vsock_header *h, uint32_t bytes)
{
	vsock_fill(s, h, VSOCK_OP_RW);
	h->len = le32(bytes);
	s->sent += bytes;
}

bool vsock_refuse(const struct vsock_header *h, struct vsock *s)
{
	if (le16_get(h->op) == VSOCK_OP_RST)
		return false;
	vsock_asked(s, h);
	vsock_reset(s);
	return true;
}
