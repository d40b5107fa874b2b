/* SPDX-License-Identifier: BSD-2-Clause */
/* capture.h - Copies of frames, as a pcap stream into a pipe
 *
 * DOC: Theory of operation
 *
 * A capture writes a pcap stream into a pipe of the switch's own making; the
 * program that asked for it holds the other end and stores or shows it. So a
 * full disk, a slow network file system or a stopped reader is that program's
 * trouble. The switch never waits: what does not fit into the pipe is kept in a
 * buffer of CAPTURE_BUFFER bytes, and what does not fit there is not captured,
 * and counted.
 *
 * A capture of one port records every frame in and out of it. A capture of the
 * whole switch records every frame once, where it comes in. Frames are recorded
 * whole. It ends when the reader goes away, when its port does, or on request.
 */
#ifndef SWITCHD_CAPTURE_H
#define SWITCHD_CAPTURE_H

#include <stdint.h>

#include "lib/compiler.h"

enum {
	CAPTURE_BUFFER = 4 << 20,	/* bytes */
	CAPTURE_MAX = 16,		/* captures at once */
	CAPTURE_ALL_PORTS = -1,
};

struct capture;
struct vsw;

/**
 * capture_start() - Begin a capture
 * @vsw:	Switch
 * @port:	Port, or CAPTURE_ALL_PORTS
 * @id:		Set to its number, for capture_stop()
 *
 * Return: the read end of the pipe, owned by the caller, or -errno; -EBUSY when
 * CAPTURE_MAX are under way
 */
int capture_start(struct vsw *vsw, int port, unsigned int *id) MUST_CHECK;

/**
 * capture_stop() - End a capture; the reader gets what is buffered, then the end
 * @frames:	Set to the number of frames captured
 * @missed:	Set to the number of frames that did not fit
 *
 * Return: 0, or -ENOENT if it is over already
 */
int capture_stop(struct vsw *vsw, unsigned int id, uint64_t *frames,
		 uint64_t *missed) MUST_CHECK;

/* The port is gone: end its captures. */
void capture_port_gone(struct vsw *vsw, uint16_t port);

/* End all at once, without a flush. */
void capture_stop_all(struct vsw *vsw);

#endif /* SWITCHD_CAPTURE_H */
