/* SPDX-License-Identifier: BSD-2-Clause */
/* vsock.h - One stream of virtio-vsock (virtio 1.2, section 5.10): what its packets mean,
 * and what is to be said next
 *
 * DOC: Theory of operation
 *
 * A stream joins a port of the guest and one of the host. Each side tells the other how
 * many bytes it keeps for it (buf_alloc) and how many of those that came it has passed on
 * (fwd_cnt): the difference to what was sent is the credit, and nobody sends more.
 *
 * Here are counters, states and decisions only. Whoever owns a stream hands in the
 * guest's packets (vsock_hear()), does what that says, tells what became of the bytes,
 * and sends what is owed (vsock_next()) when there is room for it. What is owed is a set
 * and not a queue, so a guest that takes nothing makes nothing grow.
 *
 * Security model: a packet is the guest's. One that breaks the rules of the stream ends
 * the stream, by VSOCK_OP_RST, and nothing else.
 */
#ifndef VMM_VSOCK_H
#define VMM_VSOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/bytes.h"
#include "lib/compiler.h"

enum {
	VSOCK_HEADER = 44,		/* bytes */
	VSOCK_BUF = 65536,		/* bytes that we keep for the guest, in each stream */
	VSOCK_HOST = 2,			/* our CID */
	VSOCK_LINE = 32,		/* bytes of "CONNECT PORT\n", at most */
};

/** enum vsock_op - Kinds of packets, section 5.10.6 */
enum vsock_op {
	VSOCK_OP_REQUEST = 1,
	VSOCK_OP_RESPONSE = 2,
	VSOCK_OP_RST = 3,
	VSOCK_OP_SHUTDOWN = 4,
	VSOCK_OP_RW = 5,
	VSOCK_OP_CREDIT_UPDATE = 6,
	VSOCK_OP_CREDIT_REQUEST = 7,
};

/* Flags of a shutdown: its sender will not receive, or not send, any more. */
enum { VSOCK_NO_RECV = 1, VSOCK_NO_SEND = 2 };

/** struct vsock_header - What a packet begins with */
struct vsock_header {
	struct le64 src_cid;
	struct le64 dst_cid;
	struct le32 src_port;
	struct le32 dst_port;
	struct le32 len;
	struct le16 type;
	struct le16 op;
	struct le32 flags;
	struct le32 buf_alloc;
	struct le32 fwd_cnt;
};

static_assert(sizeof(struct vsock_header) == VSOCK_HEADER, "virtio 1.2, 5.10.6");

enum vsock_state {
	VSOCK_NAMING,		/* the host has not said which port it wants */
	VSOCK_ASKING,		/* one side has asked the other for a stream */
	VSOCK_OPEN,
	VSOCK_OVER,		/* VSOCK_OP_RST is owed, or nothing */
};

/** enum vsock_deed - What the owner of a stream is to do about a packet */
enum vsock_deed {
	VSOCK_NOTHING,
	VSOCK_OPENED,		/* the guest has accepted */
	VSOCK_DATA,		/* keep its data, and say vsock_forwarded() when they are gone */
	VSOCK_SHUT,		/* ->shut has changed */
	VSOCK_END,		/* it is over: forget all data, both ways */
};

/**
 * struct vsock - A stream
 * @cid:	The guest's
 * @guest:	Its port
 * @host:	Ours
 * @owed:	Packets to be sent, 1 << VSOCK_OP_*
 * @shut:	VSOCK_NO_* of the guest
 * @done:	VSOCK_NO_* of ours, told or owed
 * @received:	Bytes that came from the guest
 * @forwarded:	Those of them that were passed on
 * @told:	@forwarded as the guest knows it
 * @sent:	Bytes sent to the guest
 * @peer_alloc:	and what it said last
 * @peer_fwd:	of its own counters
 */
struct vsock {
	enum vsock_state state;
	uint64_t cid;
	uint32_t guest;
	uint32_t host;
	uint32_t owed;
	unsigned int shut;
	unsigned int done;
	uint32_t received;
	uint32_t forwarded;
	uint32_t told;
	uint32_t sent;
	uint32_t peer_alloc;
	uint32_t peer_fwd;
};

/* The port that "CONNECT PORT\n" names. Return: 1; 0 if the line is not complete; -1 if it
 * is another. */
int vsock_connect_line(const char *line, size_t size, uint32_t *port);

/* The host asks the guest for a stream. */
void vsock_ask(struct vsock *s, uint64_t cid, uint32_t guest, uint32_t host);

/* The guest has asked with this packet; @accept: what for. */
void vsock_asked(struct vsock *s, const struct vsock_header *h);
void vsock_accept(struct vsock *s);

/* A packet has come whose ports are the stream's, but for VSOCK_OP_REQUEST. Its bytes are
 * there, if it says so. */
enum vsock_deed vsock_hear(struct vsock *s, const struct vsock_header *h);

/* Bytes of the guest's have been passed on. */
void vsock_forwarded(struct vsock *s, uint32_t bytes);

/* Bytes that the guest has room for. */
uint32_t vsock_credit(const struct vsock *s);

/* The host will send no more. */
void vsock_finish(struct vsock *s);

/* End it, and say so. */
void vsock_reset(struct vsock *s);

/* The next packet that is owed, which it is not any more. Return: false if there is none. */
bool vsock_next(struct vsock *s, struct vsock_header *h) MUST_CHECK;

/* The header of a packet with so many bytes, within the credit. */
void vsock_data(struct vsock *s, struct vsock_header *h, uint32_t bytes);

/* Answer a packet that belongs to no stream. Return: whether it gets one. */
bool vsock_refuse(const struct vsock_header *h, struct vsock *s) MUST_CHECK;

#endif /* VMM_VSOCK_H */
