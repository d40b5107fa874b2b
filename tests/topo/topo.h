/* SPDX-License-Identifier: BSD-2-Clause */
/* topo.h - The interpreter of topology cases: what its files share
 *
 * The language is described in README.md. topo.c reads lines and runs them; a verb is a
 * function in one of the topo_*.c, and a row in its table. A function that finds something
 * wrong calls topo_fail(), which does not return.
 */
#ifndef TESTS_TOPO_TOPO_H
#define TESTS_TOPO_TOPO_H

#include <netinet/in.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/eth.h"
#include "tests/topo/net.h"
#include "tests/topo/packet.h"

enum {
	TOPO_LINE = 1024,
	TOPO_WORDS = 128,
	TOPO_STATIONS = 64,
	TOPO_SENT = 20000,
	TOPO_WANTED = 1024,
	TOPO_WHY = 1024,
};

/** struct topo_station - A name for an address, and where frames from it come in */
struct topo_station {
	char name[NET_NAME];
	struct eth_addr addr;
	struct net_end *end;
};

/**
 * struct topo_wanted - What a "gets" line asks for
 * @line:	Its number
 * @as_sent:	With the tags that the frame was sent with, else with @tag
 */
struct topo_wanted {
	unsigned int line;
	struct net_end *end;
	bool as_sent;
	struct packet_tag tag[PACKET_TAGS];
	unsigned int tags;
	unsigned int times;
};

/**
 * struct topo - A case being run
 * @line:	Number of the line
 * @words:	Its words, @count of them; @at: those read already
 * @sent:	Frames sent, by number
 * @batch_from:	Those from here on come in together, at @batch_end
 * @must_get:	A frame was sent: "gets" has to follow
 * @did_line:	Where something happened last
 * @wanted:	What came of it, as the case says
 * @no_memory:	So many allocations fail in what happens next
 * @frames_go_round: They may
 */
struct topo {
	const char *path;
	unsigned int line;
	char text[TOPO_LINE];
	const char *words[TOPO_WORDS];
	unsigned int count, at;
	struct net net;
	struct topo_station station[TOPO_STATIONS];
	unsigned int stations;
	struct packet *sent[TOPO_SENT];
	unsigned int sents;
	unsigned int batch_from;
	struct net_end *batch_end;
	bool must_get;
	unsigned int did_line;
	struct topo_wanted wanted[TOPO_WANTED];
	unsigned int wanteds;
	unsigned int no_memory;
	jmp_buf failed;
	char why[TOPO_WHY];
	bool frames_go_round;
};

enum topo_kind {
	TOPO_ACTION,	/* something happens; who gets what comes of it has to be said */
	TOPO_AND,	/* one more frame comes in together with the last */
	TOPO_GETS,	/* what comes of it */
	TOPO_CHECK,	/* how things are */
};

/** struct topo_verb - What a line can begin with */
struct topo_verb {
	const char *name;
	enum topo_kind kind;
	void (*run)(struct topo *t);
};

extern const struct topo_verb topo_net_verbs[], topo_frame_verbs[], topo_check_verbs[];

/* The case failed, at this line. */
_Noreturn void topo_fail(struct topo *t, const char *fmt, ...) PRINTF(2, 3);

/* Words of the line. */

/* The next one; topo_fail() if there is none. @what says what it should be. */
const char *topo_word(struct topo *t, const char *what);
/* The next one, not taken yet, or "". */
const char *topo_peek(const struct topo *t);
/* Take the next one if it is @word. */
bool topo_take(struct topo *t, const char *word);
bool topo_more(const struct topo *t);
unsigned int topo_number(struct topo *t, const char *what, unsigned int min, unsigned int max);
uint64_t topo_duration_us(struct topo *t);

/* Things by their names. */

struct net_bridge *topo_bridge(struct topo *t, const char *name);
struct net_lan *topo_lan(struct topo *t, const char *name);
struct net_end *topo_place(struct topo *t, const char *name);
/* The same, of a port that has to exist. */
struct port *topo_port(struct topo *t, const char *name);
struct topo_station *topo_station(struct topo *t, const char *name);
struct eth_addr topo_addr(struct topo *t, const char *name);
/* PRIORITY.NAME, as a bridge identifier; NAME has 32768, or the switch's own. */
uint64_t topo_bridge_id(struct topo *t, const char *name);
bool topo_ip(const char *text, struct in6_addr *ip);
/* "10", "10/5", "10/5/dei", "88a8:10". */
struct packet_tag topo_tag(struct topo *t, const char *text);

/* What an end is called. */
const char *topo_end_name(const struct net_end *end);
/* What an address is called, for messages. */
const char *topo_addr_name(const struct topo *t, struct eth_addr addr, char buf[static 32]);

/* Frames to be sent, together with others sent so far. */
void topo_send(struct topo *t, struct net_end *from, const struct packet *p);

#endif /* TESTS_TOPO_TOPO_H */
