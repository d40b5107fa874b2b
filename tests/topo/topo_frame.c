/* SPDX-License-Identifier: BSD-2-Clause */
/* topo_frame.c - Verbs that send frames, and say who gets them; see README.md */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/topo/machine.h"
#include "tests/topo/topo.h"

enum {
	FRAME_SIZE = 60,	/* bytes without tags and FCS, if nothing else is said */
	FRAME_TYPE = 0x88b5,	/* for experiments (802) */
};

static struct packet packet;	/* the one being written */

/* What the end of a line says of a frame: tag T..., size N, cut N, times N. */
struct options {
	unsigned int size, type, times;
};

static struct options frame_options(struct topo *t)
{
	struct options o = { .size = FRAME_SIZE, .type = FRAME_TYPE, .times = 1 };

	while (topo_more(t)) {
		if (topo_take(t, "tag")) {
			if (packet.tags == PACKET_TAGS)
				topo_fail(t, "too many tags");
			packet.tag[packet.tags++] = topo_tag(t, topo_word(t, "a tag"));
		} else if (topo_take(t, "size")) {
			o.size = topo_number(t, "size", 0, PACKET_MAX);
		} else if (topo_take(t, "type")) {
			o.type = topo_number(t, "type", 0, 0xffff);
		} else if (topo_take(t, "times")) {
			o.times = topo_number(t, "number", 1, TOPO_SENT);
		} else if (topo_take(t, "cut")) {
			packet.cut = topo_number(t, "size", 1, PACKET_MAX);
		} else {
			topo_fail(t, "'%s' is not known of a frame", topo_peek(t));
		}
	}
	return o;
}

static struct net_end *frame_place_of(struct topo *t, const char *station)
{
	struct net_end *end = topo_station(t, station)->end;

	if (!end)
		topo_fail(t, "'%s' is at no port", station);
	return end;
}

/* [PLACE:] SOURCE > DESTINATION [OPTION]... */
static void topo_verb_and(struct topo *t)
{
	const char *word = topo_word(t, "a station");
	struct net_end *from = NULL;
	struct in6_addr group;
	char place[2 * NET_NAME];
	struct options o;
	const char *dst;
	bool ip;

	packet.tags = 0;
	packet.cut = 0;
	if (strchr(word, '.') && word[strlen(word) - 1] == ':') {
		snprintf(place, sizeof(place), "%.*s", (int)strlen(word) - 1, word);
		from = topo_place(t, place);
		word = topo_word(t, "a station");
	}
	packet.src = topo_addr(t, word);
	if (!topo_take(t, ">"))
		topo_fail(t, "SOURCE > DESTINATION");
	dst = topo_word(t, "a destination");
	ip = topo_ip(dst, &group);
	if (!ip)
		packet.dst = topo_addr(t, dst);
	o = frame_options(t);
	if (ip)
		packet_udp(&packet, &group);
	else
		packet_data(&packet, o.type, o.size);
	for (unsigned int i = 0; i < o.times; i++)
		topo_send(t, from ? from : frame_place_of(t, word), &packet);
}

/* hello STATION...: each says something to all, so that switches know where it is. */
static void topo_verb_hello(struct topo *t)
{
	do {
		const char *name = topo_word(t, "a station");
		struct net_end *end = frame_place_of(t, name);
		static uint8_t bytes[PACKET_MAX];
		struct net_bytes b = { bytes, 0 };

		packet.tags = 0;
		packet.cut = 0;
		packet.src = topo_addr(t, name);
		packet.dst = topo_addr(t, "broadcast");
		packet_data(&packet, FRAME_TYPE, FRAME_SIZE);
		if (topo_take(t, "tag"))
			packet.tag[packet.tags++] = topo_tag(t, topo_word(t, "a tag"));
		b.size = packet_bytes(&packet, NULL, 0, bytes);
		net_input(end, &b, 1);
		if (!net_settle(&t->net))
			topo_fail(t, "frames go round");
	} while (topo_more(t));
	net_clear(&t->net.came);
}

/* Multicast. */

/* join|leave STATION GROUP [v1|v2|v3] [tag T], query STATION [GROUP] [from IP] [v1|v2|v3]
 * [within TIME] [ipv6] [tag T]; with MLD, v3 is its second version. */
static void frame_group(struct topo *t, enum packet_says says)
{
	const char *name = topo_word(t, "a station"), *from_text = NULL;
	struct in6_addr group = in6addr_any, from;
	unsigned int version = 2, resp_ms = 10000;
	bool v6 = false, any = true;

	packet.tags = 0;
	packet.cut = 0;
	packet.src = topo_addr(t, name);
	if (topo_ip(topo_peek(t), &group)) {
		topo_word(t, "a group");
		v6 = !IN6_IS_ADDR_V4MAPPED(&group);
		any = false;
	} else if (says != PACKET_QUERY) {
		topo_fail(t, "'%s' is no group", topo_peek(t));
	}
	while (topo_more(t)) {
		if (topo_take(t, "v1"))
			version = 1;
		else if (topo_take(t, "v2"))
			version = 2;
		else if (topo_take(t, "v3"))
			version = 3;
		else if (topo_take(t, "ipv6"))
			v6 = true;
		else if (topo_take(t, "from"))
			from_text = topo_word(t, "an address");
		else if (topo_take(t, "within"))
			resp_ms = (unsigned int)(topo_duration_us(t) / 1000);
		else if (topo_take(t, "cut"))
			packet.cut = topo_number(t, "size", 1, PACKET_MAX);
		else if (topo_take(t, "tag"))
			packet.tag[packet.tags++] = topo_tag(t, topo_word(t, "a tag"));
		else
			topo_fail(t, "'%s' is not known of groups", topo_peek(t));
	}
	if (!topo_ip(from_text ? from_text : v6 ? "fe80::9" : "10.0.0.9", &from))
		topo_fail(t, "'%s' is no address", from_text);
	packet_group(&packet, says, any ? &in6addr_any : &group, v6, version, &from, resp_ms);
	topo_send(t, frame_place_of(t, name), &packet);
}

static void topo_verb_join(struct topo *t)
{
	frame_group(t, PACKET_JOIN);
}

static void topo_verb_leave(struct topo *t)
{
	frame_group(t, PACKET_LEAVE);
}

static void topo_verb_query(struct topo *t)
{
	frame_group(t, PACKET_QUERY);
}

/* BPDUs. */

static unsigned int frame_flags(struct topo *t)
{
	static const struct {
		const char *name;
		unsigned int bits;
	} flags[] = {
		{ "change", 0x01 }, { "proposal", 0x02 }, { "alternate", 0x04 },
		{ "root-port", 0x08 }, { "designated", 0x0c }, { "learning", 0x10 },
		{ "forwarding", 0x20 }, { "agreement", 0x40 }, { "ack", 0x80 },
	};
	unsigned int all = 0;
	bool any;

	do {
		any = false;
		for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
			if (topo_take(t, flags[i].name)) {
				all |= flags[i].bits;
				any = true;
			}
		}
	} while (any);
	return all;
}

/* bpdu PLACE rst|config|tcn [root ID] [cost N] [bridge ID] [port N] [age S] [max-age S]
 * [hello S] [delay S] [flags F...] [cut N] [version N] [from STATION] [times N] */
static void topo_verb_bpdu(struct topo *t)
{
	struct net_end *end = topo_place(t, topo_word(t, "a port"));
	const char *kind = topo_word(t, "rst, config or tcn");
	unsigned int times = 1;
	struct packet_bpdu b = {
		.max_age = 20, .hello = 2, .delay = 15, .port = 0x8001, .flags = 0x0c,
	};

	const struct {
		const char *name;
		unsigned int max, *to;
	} numbers[] = {
		{ "port", 0xffff, &b.port }, { "age", 255, &b.age },
		{ "max-age", 255, &b.max_age }, { "hello", 255, &b.hello },
		{ "delay", 255, &b.delay }, { "version", 255, &b.version },
		{ "type", 255, &b.type }, { "cost", UINT32_MAX, &b.cost },
	};

	packet.tags = 0;
	packet.cut = 0;
	packet.src = topo_addr(t, "other-bridge");
	if (!strcmp(kind, "rst"))
		b.version = b.type = 2;
	else if (!strcmp(kind, "tcn"))
		b.type = PACKET_BPDU_TCN;
	else if (!strcmp(kind, "config"))
		b.flags = 0;
	else
		topo_fail(t, "'%s' is not rst, config or tcn", kind);
	b.root = b.bridge = topo_bridge_id(t, "32768.other-bridge");
	while (topo_more(t)) {
		size_t i = 0;

		while (i < ARRAY_SIZE(numbers) && !topo_take(t, numbers[i].name))
			i++;
		if (i < ARRAY_SIZE(numbers))
			*numbers[i].to = topo_number(t, numbers[i].name, 0, numbers[i].max);
		else if (topo_take(t, "root"))
			b.root = topo_bridge_id(t, topo_word(t, "a bridge"));
		else if (topo_take(t, "bridge"))
			b.bridge = topo_bridge_id(t, topo_word(t, "a bridge"));
		else if (topo_take(t, "flags"))
			b.flags = frame_flags(t);
		else if (topo_take(t, "cut"))
			packet.cut = topo_number(t, "size", 1, 100);
		else if (topo_take(t, "tag"))
			packet.tag[packet.tags++] = topo_tag(t, topo_word(t, "a tag"));
		else if (topo_take(t, "from"))
			packet.src = topo_addr(t, topo_word(t, "a station"));
		else if (topo_take(t, "times"))
			times = topo_number(t, "number", 1, TOPO_SENT);
		else
			topo_fail(t, "'%s' is not known of BPDUs", topo_peek(t));
	}
	packet_bpdu(&packet, &b);
	while (times--)
		topo_send(t, end, &packet);
}

/* What comes of it. */

/* gets nobody, gets PLACE [untagged|tag T...] [times N], ... */
static void topo_verb_gets(struct topo *t)
{
	do {
		struct topo_wanted *w = &t->wanted[t->wanteds];

		if (t->wanteds++ == TOPO_WANTED)
			topo_fail(t, "too many receivers");
		*w = (struct topo_wanted){ .line = t->line, .as_sent = true, .times = 1 };
		if (topo_take(t, "nobody"))
			return;
		w->end = topo_place(t, topo_word(t, "a port"));
		while (topo_more(t) && strcmp(topo_peek(t), ",")) {
			if (topo_take(t, "untagged")) {
				w->as_sent = false;
			} else if (topo_take(t, "tag")) {
				if (w->tags == PACKET_TAGS)
					topo_fail(t, "too many tags");
				w->as_sent = false;
				w->tag[w->tags++] = topo_tag(t, topo_word(t, "a tag"));
			} else if (topo_take(t, "times")) {
				w->times = topo_number(t, "number", 0, TOPO_SENT);
			} else {
				topo_fail(t, "'%s' is not known of a frame", topo_peek(t));
			}
		}
	} while (topo_take(t, ","));
}

/* round: the frames go round and round, as they do in a loop without a spanning tree. */
static void topo_verb_round(struct topo *t)
{
	t->frames_go_round = true;
	topo_verb_and(t);
}

const struct topo_verb topo_frame_verbs[] = {
	{ "send", TOPO_ACTION, topo_verb_and },
	{ "and", TOPO_AND, topo_verb_and },
	{ "send-round", TOPO_ACTION, topo_verb_round },
	{ "hello", TOPO_ACTION, topo_verb_hello },
	{ "join", TOPO_ACTION, topo_verb_join },
	{ "leave", TOPO_ACTION, topo_verb_leave },
	{ "query", TOPO_ACTION, topo_verb_query },
	{ "bpdu", TOPO_ACTION, topo_verb_bpdu },
	{ "gets", TOPO_GETS, topo_verb_gets },
	{ NULL, TOPO_ACTION, NULL },
};
