/* SPDX-License-Identifier: BSD-2-Clause */
/* watch.h - Frames as they come in and go out, for those who watch
 *
 * A switch has a list of watchers, empty most of the time: then watching costs one
 * branch for a batch of frames and one for each port that a batch goes to. A watcher
 * sees each frame where it comes in, before the switch has decided about it, and each
 * one that a port is to get, with the tag it gets it with. Frames with offloads are
 * shown finished, as their segments.
 *
 * Watching changes nothing: a watcher may remove itself and send copies (port_copy()), and
 * nothing else.
 */
#ifndef SWITCHD_WATCH_H
#define SWITCHD_WATCH_H

#include "switchd/frame.h"

struct endpoint;
struct port;
struct vsw;

/**
 * struct watcher - Somebody who watches
 * @in:		Called with frames that came in by an endpoint; may be NULL
 * @out:	Called with frames that are to go out of a port; may be NULL
 */
struct watcher {
	struct watcher *next;
	void (*in)(struct watcher *watcher, const struct endpoint *from,
		   const struct frame *frames, unsigned int n);
	void (*out)(struct watcher *watcher, const struct port *to,
		    const struct frame *const *frames, unsigned int n);
};

/* Begin or end to watch; @watcher is the caller's memory. Ending twice is fine. */
void watch_add(struct vsw *vsw, struct watcher *watcher);
void watch_remove(struct vsw *vsw, struct watcher *watcher);

/* For the forwarding path, when there are watchers: a batch of frames. */
void watch_in(struct vsw *vsw, const struct endpoint *from, const struct frame *frames,
	      unsigned int n);
void watch_out(struct vsw *vsw, const struct port *to, const struct frame *const *frames,
	       unsigned int n);

#endif /* SWITCHD_WATCH_H */
