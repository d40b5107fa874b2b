/* SPDX-License-Identifier: BSD-2-Clause */
/* vde_wire.h - What a VDE client and a VDE switch say to each other
 *
 * A client connects to the stream socket DIR/ctl and sends one request; the
 * switch answers with the address of a datagram socket and then says nothing
 * more: the stream's end is the port's end. Each datagram is one Ethernet
 * frame, without FCS. Integers are in host byte order; a socket address is
 * always sent whole, 110 bytes. There is no error code: a refused client sees
 * the stream close.
 *
 * Requests of version 3 are what every present client sends; version 1 has no
 * version word, a MAC address nobody reads in its place, and the type where
 * version 3 has the version, by which the two are told apart.
 */
#ifndef LIB_VDE_WIRE_H
#define LIB_VDE_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#include "lib/compiler.h"

#define VDE_MAGIC	0xfeedfaceU

enum {
	VDE_SOCKADDR_SIZE = 110,
	VDE_VERSION = 3,
	VDE_TYPE_NEW = 0,		/* low 8 bits: a new port */
	VDE_TYPE_MGMT = 1,		/* the management port, port 0 */
	VDE_DESCR_MAX = 128,		/* description kept, bytes */
	VDE_REQUEST_MAX = 512,		/* longest request we read */
};

/** struct vde_addr - A socket address as sent: family and path, NUL padded */
struct vde_addr {
	uint16_t family;
	char path[108];
} PACKED;

/**
 * struct vde_request_v3 - Request; the description follows, without a NUL
 * @type:	Low 8 bits VDE_TYPE_*, upper 24 bits the port wanted, 0 = any
 * @addr:	The client's own datagram socket
 */
struct vde_request_v3 {
	uint32_t magic;
	uint32_t version;
	uint32_t type;
	struct vde_addr addr;
} PACKED;

struct vde_request_v1 {
	uint32_t magic;
	uint32_t type;
	uint8_t mac[6];
	struct vde_addr addr;
} PACKED;

static_assert(sizeof(struct vde_addr) == VDE_SOCKADDR_SIZE, "VDE wire format");
static_assert(sizeof(struct sockaddr_un) == VDE_SOCKADDR_SIZE, "Linux");
static_assert(sizeof(struct vde_request_v3) == 122, "VDE wire format");
static_assert(sizeof(struct vde_request_v1) == 124, "VDE wire format");

#endif /* LIB_VDE_WIRE_H */
