/* SPDX-License-Identifier: BSD-2-Clause */
/* stream.h - Where streams of frames come in: DIR/stream, and named ports
 *
 * Every connection to DIR/stream is a port, as every client of DIR/ctl is. A named
 * port (named.h) is one of its own, with a socket of its own; passt, for one,
 * listens, and the switch connects.
 */
#ifndef SWITCHD_STREAM_H
#define SWITCHD_STREAM_H

#include "lib/compiler.h"

struct stream;
struct vsw;

/* Begin. Failures are logged. Return: 0 or -errno; stream_destroy() is called in
 * any case. */
int stream_create(struct vsw *vsw, struct stream **out) MUST_CHECK;

/* Close listeners and named ports, remove their sockets. NULL is fine. */
void stream_destroy(struct stream *st);

#endif /* SWITCHD_STREAM_H */
