/* SPDX-License-Identifier: BSD-2-Clause */
/* rig.h - What fuzz targets put around a board (board.h): no threads, no network, no noise
 *
 * Link it, and it takes the place of three parts of the product:
 *
 * - log.c: nothing is written, but all is formatted, and errors are counted. So is what
 *   a line is made of: it is one line.
 * - aio.c: requests are carried out by aio_turn(), in the order in which they came.
 * - net_tap.c: a NIC at a tap is at a cable that comes back to itself. Whatever it sends,
 *   it receives, offloads and all, in so far as it has said that it takes them.
 */
#ifndef TESTS_RIG_H
#define TESTS_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/harness/board.h"

/** struct rig_log - What was logged
 * @errors:	Lines that were errors
 * @last:	The last of them
 */
struct rig_log {
	unsigned int errors;
	char last[1024];
};

extern struct rig_log rig_log;

/** struct rig_direct - A file whose requests have to be for whole blocks of @block bytes, in
 * memory as in the file, or this is the end; -1 to begin with
 */
struct rig_direct {
	int fd;
	unsigned int block;
};

extern struct rig_direct rig_direct;

enum { RIG_CABLE = 8 };		/* frames that are on their way at a time */

/** struct rig_cable - The cable of the NIC that was opened last
 * @sent:	Frames that it has sent
 * @full:	It takes nothing more
 */
struct rig_cable {
	unsigned int sent;
	bool full;
};

extern struct rig_cable rig_cable;

/* Tell the NIC of frames that wait for it, or of room for its own. */
void rig_cable_turn(void);

/* A frame from elsewhere, with a header as in virtio-net (12 bytes). */
void rig_cable_put(const void *hdr, const void *frame, size_t size);

/* A file of @size bytes in memory, and its name. Return: its descriptor. */
int rig_file(size_t size, char path[static 32]);

enum { RIG_RAM = 2 << 20, RIG_DISK = 64 << 10, RIG_CID = 3, RIG_SLOTS = 5 };

/** enum rig_slot - Devices of the machine below, by their places on the bus */
enum rig_slot { RIG_NET = 1, RIG_BLK, RIG_RNG, RIG_BALLOON, RIG_VSOCK };

/** struct rig - A board with one device of each kind, powered on
 * @opt:	Its options
 * @disk:	The disk's file, RIG_DISK bytes, all zero in the beginning
 * @vsock:	The socket's name
 */
struct rig {
	struct vm *vm;
	struct options opt;
	int disk;
	char path[32];
	char vsock[64];
};

/* Change ->opt between the two, if need be. */
void rig_options(struct rig *r);
void rig_start(struct rig *r);

void rig_stop(struct rig *r);

/* The event loop turns, and so does the cable. */
void rig_spin(struct rig *r);

/* A device that has done whatever it has: with a reset and a driver that keeps to the
 * rules it works as ever, or this is the end. */
void rig_check_device(struct rig *r, enum rig_slot slot);

/* What is true of rings at any time: no more is under way than there is room for. */
void rig_check_rings(const struct rig *r);

#endif /* TESTS_RIG_H */
