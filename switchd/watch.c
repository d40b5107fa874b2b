/* SPDX-License-Identifier: BSD-2-Clause */
/* watch.c - Frames for those who watch; the essay is in watch.h */
#include "config.h"

#include "switchd/watch.h"

#include "switchd/finish.h"
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

static void watch_show_in(struct watcher *list, const struct endpoint *from,
			  const struct frame *frames, unsigned int n)
{
	for (struct watcher *w = list, *next; w; w = next) {
		next = w->next;
		if (w->in)
			w->in(w, from, frames, n);
	}
}

static void watch_show_out(struct watcher *list, const struct port *to,
			   const struct frame *const *frames, unsigned int n)
{
	for (struct watcher *w = list, *next; w; w = next) {
		next = w->next;
		if (w->out)
			w->out(w, to, frames, n);
	}
}

void watch_in(struct vsw *vsw, const struct endpoint *from, const struct frame *frames,
	      unsigned int n)
{
	const struct frame *refs[FRAME_BATCH], *const *group;
	struct frame finished[FRAME_BATCH];
	unsigned int count, lost;

	if (!vsw->unfinished) {
		watch_show_in(vsw->watchers, from, frames, n);
		return;
	}
	for (unsigned int i = 0; i < n; i++)
		refs[i] = &frames[i];
	finish_start(vsw->finisher, refs, n, 0);
	while ((count = finish_next(vsw->finisher, &group, &lost))) {
		for (unsigned int i = 0; i < count; i++)
			finished[i] = *group[i];
		/* The list may have lost one that was shown the last group. */
		watch_show_in(vsw->watchers, from, finished, count);
	}
}

void watch_out(struct vsw *vsw, const struct port *to, const struct frame *const *frames,
	       unsigned int n)
{
	const struct frame *const *group;
	unsigned int count, lost;

	if (!vsw->unfinished) {
		watch_show_out(vsw->watchers, to, frames, n);
		return;
	}
	finish_start(vsw->finisher, frames, n, 0);
	while ((count = finish_next(vsw->finisher, &group, &lost)))
		watch_show_out(vsw->watchers, to, group, count);
}
