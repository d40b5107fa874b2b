/* SPDX-License-Identifier: BSD-2-Clause */
/* vhost_wire.h - The vhost-user protocol as bytes (QEMU, docs/interop/vhost-user)
 *
 * A front end (a VMM, a program with a virtio driver) hands its memory, its rings
 * and their eventfds to a back end (the switch) over a UNIX stream socket. A
 * message is a header of 12 bytes and a payload, in the byte order of the
 * machine; descriptors travel with its first byte.
 *
 * One message here is our own: VHOST_HELLO, with which a front end of ours says
 * who it is and which port it wants, before anything else.
 */
#ifndef LIB_VHOST_WIRE_H
#define LIB_VHOST_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

enum {
	/* Header flags */
	VHOST_VERSION = 1,
	VHOST_VERSION_MASK = 3,
	VHOST_REPLY = 4,
	VHOST_NEED_REPLY = 8,

	VHOST_FDS_MAX = 8,		/* with one message */
	VHOST_REGIONS_MAX = 8,		/* of one memory table */

	VHOST_QUEUE_MASK = 0xff,	/* in the word of SET_VRING_KICK, _CALL, _ERR */
	VHOST_QUEUE_NOFD = 0x100,

	/* Feature bit that says there are protocol features */
	VHOST_F_PROTOCOL_FEATURES = 30,

	/* Protocol features */
	VHOST_PF_MQ = 0,
	VHOST_PF_REPLY_ACK = 3,
	VHOST_PF_MTU = 4,
	VHOST_PF_CONFIG = 9,
	VHOST_PF_INFLIGHT = 12,
	VHOST_PF_CONFIGURE_MEM_SLOTS = 15,
};

/* X(name, number, payload, descriptors at most): what the back end understands.
 * Payloads: N nothing, U a word, S ring state, A ring addresses, M memory table,
 * R one region, I in-flight, H hello. */
#define VHOST_REQUESTS(X) \
	X(GET_FEATURES,			1, N, 0) \
	X(SET_FEATURES,			2, U, 0) \
	X(SET_OWNER,			3, N, 0) \
	X(RESET_OWNER,			4, N, 0) \
	X(SET_MEM_TABLE,		5, M, VHOST_REGIONS_MAX) \
	X(SET_VRING_NUM,		8, S, 0) \
	X(SET_VRING_ADDR,		9, A, 0) \
	X(SET_VRING_BASE,		10, S, 0) \
	X(GET_VRING_BASE,		11, S, 0) \
	X(SET_VRING_KICK,		12, U, 1) \
	X(SET_VRING_CALL,		13, U, 1) \
	X(SET_VRING_ERR,		14, U, 1) \
	X(GET_PROTOCOL_FEATURES,	15, N, 0) \
	X(SET_PROTOCOL_FEATURES,	16, U, 0) \
	X(GET_QUEUE_NUM,		17, N, 0) \
	X(SET_VRING_ENABLE,		18, S, 0) \
	X(NET_SET_MTU,			20, U, 0) \
	X(GET_INFLIGHT_FD,		31, I, 0) \
	X(SET_INFLIGHT_FD,		32, I, 1) \
	X(GET_MAX_MEM_SLOTS,		36, N, 0) \
	X(ADD_MEM_REG,			37, R, 1) \
	X(REM_MEM_REG,			38, R, 1) \
	X(HELLO,			0x4c420001, H, 0)

enum vhost_request {
#define X(name, number, payload, fds) VHOST_##name = number,
	VHOST_REQUESTS(X)
#undef X
};

/* What front ends of ours ask of other back ends only. */
enum { VHOST_GET_CONFIG = 24 };

/** struct vhost_state - A ring and a number */
struct vhost_state {
	uint32_t index;
	uint32_t num;
};

/** struct vhost_addr - Where a ring is, in the front end's own addresses */
struct vhost_addr {
	uint32_t index;
	uint32_t flags;
	uint64_t desc;
	uint64_t used;
	uint64_t avail;
	uint64_t log;
};

/** struct vhost_region - A range of guest memory; @offset is in the descriptor */
struct vhost_region {
	uint64_t guest;
	uint64_t size;
	uint64_t user;
	uint64_t offset;
};

/** struct vhost_memory - Payload of SET_MEM_TABLE */
struct vhost_memory {
	uint32_t count;
	uint32_t padding;
	struct vhost_region region[VHOST_REGIONS_MAX];
};

/** struct vhost_one_region - Payload of ADD_MEM_REG and REM_MEM_REG */
struct vhost_one_region {
	uint64_t padding;
	struct vhost_region region;
};

/** struct vhost_inflight - Payload of GET_INFLIGHT_FD and SET_INFLIGHT_FD */
struct vhost_inflight {
	uint64_t size;
	uint64_t offset;
	uint16_t queues;
	uint16_t queue_size;
	uint32_t padding;
};

enum { VHOST_CONFIG_MAX = 64 };

/** struct vhost_config - Payload of GET_CONFIG: @size bytes of a device's configuration
 * from @offset on */
struct vhost_config {
	uint32_t offset;
	uint32_t size;
	uint32_t flags;
	uint8_t bytes[VHOST_CONFIG_MAX];
};

enum { VHOST_DESCR = 128 };

/**
 * struct vhost_hello - Payload of HELLO
 * @port:	Port wanted, 0 = any
 * @management:	The management port, port 0, is wanted
 * @descr:	Who it is, for people; zero-terminated
 *
 * Answered with a word: the number of the port, or a negative errno.
 */
struct vhost_hello {
	uint32_t port;
	uint32_t management;
	char descr[VHOST_DESCR];
};

/** struct vhost_msg - A message; the wire begins at @request, and what is in front
 * of it aligns the payload */
struct vhost_msg {
	uint32_t padding;
	uint32_t request;
	uint32_t flags;
	uint32_t size;
	union {
		uint64_t u64;
		struct vhost_state state;
		struct vhost_addr addr;
		struct vhost_memory memory;
		struct vhost_one_region region;
		struct vhost_inflight inflight;
		struct vhost_config config;
		struct vhost_hello hello;
	};
};

enum {
	VHOST_HDR_SIZE = 12,
	VHOST_PAYLOAD_MAX = sizeof(struct vhost_msg) - VHOST_HDR_SIZE - 4,
};

/* A message's bytes as they are sent: VHOST_HDR_SIZE + @size of them. */
static inline uint8_t *vhost_wire(struct vhost_msg *msg)
{
	return (uint8_t *)&msg->request;
}

static_assert(offsetof(struct vhost_msg, u64) ==
	      offsetof(struct vhost_msg, request) + VHOST_HDR_SIZE, "vhost-user, Header");
static_assert(sizeof(struct vhost_addr) == 40, "vhost-user, A vring address description");
static_assert(sizeof(struct vhost_memory) == 8 + 8 * 32, "vhost-user, Memory region description");
static_assert(offsetof(struct vhost_config, bytes) == 12,
	      "vhost-user, Virtio device config space");
static_assert(sizeof(struct vhost_inflight) == 24, "vhost-user, Inflight description");

#endif /* LIB_VHOST_WIRE_H */
