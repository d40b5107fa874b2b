/* SPDX-License-Identifier: BSD-2-Clause */
/* events.h - What happens in a switch, for those who want to know
 *
 * A port comes, an address moves, the spanning tree changes: whoever is at work
 * tells it as data (struct event), and each listener that asked for this kind of
 * event makes of it what its own client reads, lines on the console, JSON on the
 * control socket. Where nobody listens, telling costs a look at a mask.
 *
 * Telling changes nothing: a listener may neither close endpoints nor send frames.
 */
#ifndef SWITCHD_EVENTS_H
#define SWITCHD_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/eth.h"

struct vsw;

/* X(name, path, tag, help): the kinds, with VDE's path, tag (octal digits of a line
 * on the console) and words for help; in VDE's order. */
#define EVENT_KINDS(X) \
	X(FDB_ADDED,		"hash/+",	"011", "hash: new element") \
	X(FDB_REMOVED,		"hash/-",	"012", "hash: discarded element") \
	X(STP_STATE,		"fstp/status",	"044", "fstp: status change") \
	X(STP_ROOT,		"fstp/root",	"045", "fstp: rootswitch/port change") \
	X(STP_PORT_UP,		"fstp/+",	"041", "fstp: port becomes active") \
	X(STP_PORT_DOWN,	"fstp/-",	"042", "fstp: port becomes inactive") \
	X(PORT_ADDED,		"port/+",	"021", "new port") \
	X(PORT_REMOVED,		"port/-",	"022", "closed port") \
	X(PORT_DESCR,		"port/descr",	"023", "set port description") \
	X(ENDPOINT_ADDED,	"port/ep/+",	"031", "new endpoint") \
	X(ENDPOINT_REMOVED,	"port/ep/-",	"032", "closed endpoint") \
	X(FDB_MOVED,		"hash/move",	"013", "hash: element moved to another port") \
	X(PORT_SHUT,		"port/shut",	"024", "port is shut, or no longer") \
	X(HANGUP,		"sig/hup",	"051", "SIGHUP: logs are opened again") \
	X(PACKET_IN,		"dump/packetin", "101", "dump incoming packet") \
	X(PACKET_OUT,		"dump/packetout", "102", "dump outgoing packet") \
	X(NEW_IP,		"iplog/newip",	"301", "show new ip addresses")

enum event_kind {
#define X(name, path, tag, help) EVENT_##name,
	EVENT_KINDS(X)
#undef X
	EVENT_KIND_COUNT
};

/**
 * struct event - Something happened; fields that mean nothing for @kind are zero
 * @port:	Port number
 * @vid:	VLAN
 * @endpoint:	Number of the endpoint, as the console shows it
 * @addr:	Address
 * @text:	Words: a description, a state; borrowed
 * @bytes:	A frame's first @size bytes; borrowed
 * @length:	Bytes of the whole frame
 */
struct event {
	enum event_kind kind;
	uint16_t port;
	uint16_t vid;
	int endpoint;
	struct eth_addr addr;
	const char *text;
	const uint8_t *bytes;
	size_t size;
	size_t length;
};

/**
 * struct event_listener - Somebody who wants to know
 * @wanted:	Kinds, as bits (1 << kind); change it with events_want() only
 * @tell:	Called for each event that is wanted
 */
struct event_listener {
	struct event_listener *next;
	uint32_t wanted;
	void (*tell)(struct event_listener *listener, const struct event *event);
};

/**
 * struct events - The listeners of a switch; all zero is none
 * @wanted:	What any of them wants
 */
struct events {
	struct event_listener *listeners;
	uint32_t wanted;
};

/* Path, tag and help of a kind. */
const char *event_path(enum event_kind kind);
const char *event_tag(enum event_kind kind);
const char *event_help(enum event_kind kind);

/* A kind's name, in capitals, for programs. */
const char *event_name(enum event_kind kind);

/* Add or remove a listener; the caller's memory. */
void events_listen(struct vsw *vsw, struct event_listener *listener);
void events_unlisten(struct vsw *vsw, struct event_listener *listener);

/* From now on, @listener wants these kinds. */
void events_want(struct vsw *vsw, struct event_listener *listener, uint32_t wanted);

/* Tell those who want to know. */
void events_tell(struct vsw *vsw, const struct event *event);

#endif /* SWITCHD_EVENTS_H */
