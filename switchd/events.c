/* SPDX-License-Identifier: BSD-2-Clause */
/* events.c - What happens in a switch; the essay is in events.h */
#include "config.h"

#include "switchd/events.h"

#include "switchd/vsw.h"

static const struct {
	const char *name, *path, *tag, *help;
} kinds[EVENT_KIND_COUNT] = {
#define X(name, path, tag, help) [EVENT_##name] = { #name, path, tag, help },
	EVENT_KINDS(X)
#undef X
};

const char *event_path(enum event_kind kind)
{
	return kinds[kind].path;
}

const char *event_tag(enum event_kind kind)
{
	return kinds[kind].tag;
}

const char *event_help(enum event_kind kind)
{
	return kinds[kind].help;
}

const char *event_name(enum event_kind kind)
{
	return kinds[kind].name;
}

static void events_sum_up(struct events *events)
{
	events->wanted = 0;
	for (const struct event_listener *l = events->listeners; l; l = l->next)
		events->wanted |= l->wanted;
}

void events_listen(struct vsw *vsw, struct event_listener *listener)
{
	listener->next = vsw->events.listeners;
	vsw->events.listeners = listener;
	events_sum_up(&vsw->events);
}

void events_unlisten(struct vsw *vsw, struct event_listener *listener)
{
	struct event_listener **p = &vsw->events.listeners;

	while (*p && *p != listener)
		p = &(*p)->next;
	if (*p)
		*p = listener->next;
	events_sum_up(&vsw->events);
}

void events_want(struct vsw *vsw, struct event_listener *listener, uint32_t wanted)
{
	listener->wanted = wanted;
	events_sum_up(&vsw->events);
}

void events_tell(struct vsw *vsw, const struct event *event)
{
	if (!(vsw->events.wanted >> event->kind & 1))
		return;
	for (struct event_listener *l = vsw->events.listeners; l; l = l->next)
		if (l->wanted >> event->kind & 1)
			l->tell(l, event);
}
