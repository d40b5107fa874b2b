/* SPDX-License-Identifier: BSD-2-Clause */
/* watch.c - Frames for those who watch; the essay is in watch.h */
#include "config.h"

#include "switchd/watch.h"

#include "switchd/vsw.h"

void watch_add(struct vsw *vsw, struct watcher *watcher)
{
	watcher->next = vsw->watchers;
	vsw->watchers = watcher;
}

void watch_remove(struct vsw *vsw, struct watcher *watcher)
{
	struct watcher **p = &vsw->watchers;

	while (*p && *p != watcher)
		p = &(*p)->next;
	if (*p)
		*p = watcher->next;
}

void watch_in(struct watcher *list, const struct endpoint *from,
	      const struct frame *frames, unsigned int n)
{
	for (struct watcher *w = list, *next; w; w = next) {
		next = w->next;
		if (w->in)
			w->in(w, from, frames, n);
	}
}

void watch_out(struct watcher *list, const struct port *to,
	       const struct frame *const *frames, unsigned int n)
{
	for (struct watcher *w = list, *next; w; w = next) {
		next = w->next;
		if (w->out)
			w->out(w, to, frames, n);
	}
}
