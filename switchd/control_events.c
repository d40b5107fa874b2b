/* SPDX-License-Identifier: BSD-2-Clause */
/* control_events.c - What happens in the switch, told to programs on the control
 * socket
 *
 * A connection that says "subscribe" is one of the switch's listeners (events.h)
 * until it is closed. Events wait in the connection, bounded (qmp.h).
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "switchd/control_cmds.h"
#include "switchd/vsw.h"

enum {
	EVENT_BYTES_MAX = 2048,		/* of a frame */
	EVENT_DEFAULT = ~(1 << EVENT_PACKET_IN | 1 << EVENT_PACKET_OUT),
};

/** struct subscriber - What a connection has that subscribed */
struct subscriber {
	struct event_listener listener;
	struct vsw *vsw;
	struct qmp_conn *conn;
};

/* A frame's first bytes in hexadecimal. */
static json_t *event_bytes(const struct event *e)
{
	static const char digits[] = "0123456789abcdef";
	size_t size = MIN(e->size, (size_t)EVENT_BYTES_MAX);
	char text[2 * EVENT_BYTES_MAX + 1];

	for (size_t i = 0; i < size; i++) {
		text[2 * i] = digits[e->bytes[i] >> 4];
		text[2 * i + 1] = digits[e->bytes[i] & 15];
	}
	text[2 * size] = 0;
	return json_string(text);
}

/* What there is to say of an event. */
static json_t *event_data(const struct event *e)
{
	const char *text = e->text ? e->text : "";
	char mac[ETH_ADDR_STR];

	switch (e->kind) {
	case EVENT_FDB_ADDED:
	case EVENT_FDB_REMOVED:
	case EVENT_FDB_MOVED:
		return json_pack("{s:s,s:i,s:i}", "address", eth_addr_format(e->addr, mac),
				 "vlan", e->vid, "port", e->port);
	case EVENT_PORT_ADDED:
	case EVENT_PORT_REMOVED:
		return json_pack("{s:i}", "port", e->port);
	case EVENT_ENDPOINT_ADDED:
	case EVENT_ENDPOINT_REMOVED:
	case EVENT_PORT_DESCR:
		return json_pack("{s:i,s:i,s:o}", "port", e->port, "id", e->endpoint,
				 "description", control_text(text));
	case EVENT_STP_STATE:
	case EVENT_STP_ROOT:
		return json_pack("{s:i,s:i,s:o}", "port", e->port, "vlan", e->vid,
				 e->kind == EVENT_STP_ROOT ? "root" : "state",
				 control_text(text));
	case EVENT_PORT_SHUT:
		return json_pack("{s:i,s:o}", "port", e->port, "shut", control_text(text));
	case EVENT_STP_PORT_UP:
	case EVENT_STP_PORT_DOWN:
		return json_pack("{s:i,s:i}", "port", e->port, "vlan", e->vid);
	case EVENT_PACKET_IN:
	case EVENT_PACKET_OUT:
		return json_pack("{s:i,s:I,s:o}", "port", e->port, "length",
				 (json_int_t)e->length, "bytes", event_bytes(e));
	case EVENT_NEW_IP:
		return json_pack("{s:o}", "text", control_text(text));
	case EVENT_HANGUP:
	case EVENT_KIND_COUNT:
		break;
	}
	return json_object();
}

static void subscriber_tell(struct event_listener *listener, const struct event *e)
{
	const struct subscriber *s = container_of(listener, struct subscriber, listener);

	if (qmp_event_room(s->conn))
		qmp_event(s->conn, event_name(e->kind), event_data(e));
}

static void subscriber_destroy(void *context)
{
	struct subscriber *s = context;

	events_unlisten(s->vsw, &s->listener);
	free(s);
}

/* The subscriber that a connection is, from now on. Return: it, or NULL. */
static struct subscriber *subscriber_of(struct vsw *vsw, struct qmp_conn *conn)
{
	struct subscriber *s = qmp_context(conn);

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->vsw = vsw;
	s->conn = conn;
	s->listener.tell = subscriber_tell;
	events_listen(vsw, &s->listener);
	qmp_set_context(conn, s, subscriber_destroy);
	return s;
}

/* Add the kind with a name to *@kinds. Return: whether there is one. */
static bool event_add_kind(const char *name, uint32_t *kinds)
{
	for (unsigned int i = 0; name && i < EVENT_KIND_COUNT; i++) {
		if (strcmp(name, event_name((enum event_kind)i)))
			continue;
		*kinds |= (uint32_t)1 << i;
		return true;
	}
	return false;
}

json_t *control_subscribe(void *ctx, struct qmp_conn *conn, json_t *args,
			  struct qmp_error *err)
{
	const json_t *list = json_object_get(args, "events"), *name;
	uint32_t kinds = list ? 0 : (uint32_t)EVENT_DEFAULT;
	struct subscriber *s;
	size_t i;

	if (list && !json_is_array(list))
		return qmp_fail(err, "'events' must be a list of names");
	json_array_foreach(list, i, name)
		if (!event_add_kind(json_string_value(name), &kinds))
			return qmp_fail(err, "'events': there is no event '%.64s'",
					json_is_string(name) ? json_string_value(name) : "?");
	s = subscriber_of(ctx, conn);
	if (!s)
		return NULL;
	events_want(ctx, &s->listener, kinds);
	return json_object();
}

json_t *control_query_events(void *ctx UNUSED, struct qmp_conn *conn UNUSED,
			     json_t *args UNUSED, struct qmp_error *err UNUSED)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < EVENT_KIND_COUNT; i++)
		json_array_append_new(list, json_pack("{s:s,s:s}",
			"name", event_name((enum event_kind)i),
			"description", event_help((enum event_kind)i)));
	return list;
}
