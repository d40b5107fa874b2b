/* SPDX-License-Identifier: BSD-2-Clause */
/* mirror.c - Port mirrors; the essay is in mirror.h */
#include "config.h"

#include "switchd/mirror.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "switchd/admin.h"
#include "switchd/pcap_filter.h"

static const char *const mirror_ways[] = {
	[MIRROR_IN] = "in",
	[MIRROR_OUT] = "out",
	[MIRROR_BOTH] = "both",
};

const char *mirror_way_name(unsigned int ways)
{
	return mirror_ways[ways];
}

bool mirror_way_parse(const char *text, unsigned int *ways)
{
	for (unsigned int i = MIRROR_IN; i <= MIRROR_BOTH; i++) {
		if (!strcmp(text, mirror_ways[i])) {
			*ways = i;
			return true;
		}
	}
	return false;
}

/* Frames. */

/* Send copies to the destination, of those that the filter lets through. */
static void mirror_copy(struct mirror *m, const struct frame *const *frames, unsigned int n)
{
	struct port *to = m->vsw->ports[m->to];
	const struct frame *copy[FRAME_BATCH];
	unsigned int count = 0;

	/* Somebody has shut it, beside us. */
	if (to->shut & ~PORT_SHUT_MIRROR)
		return;
	for (unsigned int i = 0; i < n; i++) {
		if (frames[i]->size < ETH_HDR_SIZE || frames[i]->size > ETH_FRAME_MAX ||
		    (m->filter && !pcap_filter_match(m->filter, frames[i])))
			continue;
		copy[count++] = frames[i];
	}
	m->frames += count;
	if (count)
		port_copy(to, copy, count);
}

static void mirror_in(struct watcher *watcher, const struct endpoint *from,
		      const struct frame *frames, unsigned int n)
{
	struct mirror *m = container_of(watcher, struct mirror, watcher);
	const struct frame *refs[FRAME_BATCH];

	if (!(m->ways[from->port->id] & MIRROR_IN))
		return;
	for (unsigned int i = 0; i < n; i++)
		refs[i] = &frames[i];
	mirror_copy(m, refs, n);
}

static void mirror_out(struct watcher *watcher, const struct port *to,
		       const struct frame *const *frames, unsigned int n)
{
	struct mirror *m = container_of(watcher, struct mirror, watcher);

	if (m->ways[to->id] & MIRROR_OUT)
		mirror_copy(m, frames, n);
}

/* Settings. */

struct mirror *mirror_find(const struct vsw *vsw, unsigned int to)
{
	struct mirror *m = vsw->mirrors;

	while (m && m->to != to)
		m = m->next;
	return m;
}

static bool mirror_is_source(const struct vsw *vsw, unsigned int port)
{
	for (const struct mirror *m = vsw->mirrors; m; m = m->next)
		if (m->ways[port])
			return true;
	return false;
}

/* A new mirror without sources. */
static int mirror_make(struct vsw *vsw, uint16_t to)
{
	struct mirror *m;
	unsigned int n = 0;

	for (m = vsw->mirrors; m; m = m->next)
		n++;
	if (n == MIRROR_MAX)
		return -ENOSPC;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->vsw = vsw;
	m->to = to;
	m->watcher.in = mirror_in;
	m->watcher.out = mirror_out;
	m->next = vsw->mirrors;
	vsw->mirrors = m;
	watch_add(vsw, &m->watcher);
	port_set_shut(vsw->ports[to], PORT_SHUT_MIRROR, true);
	return 0;
}

int mirror_add(struct vsw *vsw, unsigned int to, unsigned int source, unsigned int ways)
{
	struct port *dst, *src;
	int err;

	dst = admin_port(vsw, to, &err);
	if (!dst)
		return err;
	src = admin_port(vsw, source, &err);
	if (!src || to == source)
		return src ? -EINVAL : err;
	if (mirror_find(vsw, source) || mirror_is_source(vsw, to))
		return -EADDRINUSE;
	err = mirror_find(vsw, to) ? 0 : mirror_make(vsw, dst->id);
	if (err)
		return err;
	dst->kept = src->kept = true;
	mirror_find(vsw, to)->ways[source] = (uint8_t)ways;
	return 0;
}

static void mirror_free(struct mirror *m)
{
	struct mirror **p = &m->vsw->mirrors;

	while (*p != m)
		p = &(*p)->next;
	*p = m->next;
	watch_remove(m->vsw, &m->watcher);
	port_set_shut(m->vsw->ports[m->to], PORT_SHUT_MIRROR, false);
	pcap_filter_free(m->filter);
	free(m);
}

/* A source is none any more; with the last one the mirror goes. */
static void mirror_drop_source(struct mirror *m, unsigned int source)
{
	m->ways[source] = 0;
	for (unsigned int i = 0; i <= m->vsw->numports; i++)
		if (m->ways[i])
			return;
	mirror_free(m);
}

int mirror_del(struct vsw *vsw, unsigned int to, unsigned int source)
{
	struct mirror *m = mirror_find(vsw, to);

	if (!m || source > VSW_PORTS_MAX || !m->ways[source])
		return -ENXIO;
	mirror_drop_source(m, source);
	return 0;
}

int mirror_remove(struct vsw *vsw, unsigned int to)
{
	struct mirror *m = mirror_find(vsw, to);

	if (!m)
		return -ENXIO;
	mirror_free(m);
	return 0;
}

void mirror_set_filter(struct mirror *m, struct pcap_filter *filter)
{
	pcap_filter_free(m->filter);
	m->filter = filter;
}

void mirror_set_normal(struct mirror *m, bool on)
{
	m->normal = on;
	port_set_shut(m->vsw->ports[m->to], PORT_SHUT_MIRROR, !on);
}

void mirror_port_gone(struct vsw *vsw, uint16_t id)
{
	struct mirror *m = vsw->mirrors, *next;

	for (; m; m = next) {
		next = m->next;
		if (m->to == id)
			mirror_free(m);
		else if (m->ways[id])
			mirror_drop_source(m, id);
	}
}

void mirror_remove_all(struct vsw *vsw)
{
	while (vsw->mirrors)
		mirror_free(vsw->mirrors);
}
