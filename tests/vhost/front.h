/* SPDX-License-Identifier: BSD-2-Clause */
/* front.h - Front ends for the tests of the switch's vhost-user ports
 *
 * DOC: Theory of operation
 *
 * Four things that the rows of the tests are made of:
 *
 * The switch under test: started, watched, and started again when a row killed
 * it. What it holds (descriptors, mappings, ports) can be compared with what it
 * held before.
 *
 * The canary: honest ports in a thread of their own, from one of which numbered
 * frames go to another, all of the time. Each must arrive once, in order, as it
 * was sent. The sender never has more under way than fit into the receiver's
 * ring, so that no loss can be excused. A third honest port, the feeder, takes
 * what hostile peers send, and sends to them on request.
 *
 * Peers: front ends whose every message, descriptor and ring is at the disposal
 * of the row; well-behaved until told otherwise. They use the structures of
 * lib/vhost_wire.h and the ring of lib/vring_driver.h, but send by themselves.
 *
 * Reporting: row_fail() marks the row under way as failed and says why.
 */
#ifndef TESTS_VHOST_FRONT_H
#define TESTS_VHOST_FRONT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/eth.h"
#include "lib/vhost_wire.h"
#include "lib/vring_driver.h"

/* Reporting. */

/**
 * struct row - A test
 * @name:	As the catalogue of hostile input calls it
 * @what:	What it shows, as a sentence
 * @run:	Does it
 * @late_ms:	The longest a frame of the canary may be under way; 0 = 1000
 */
struct row {
	const char *name;
	const char *what;
	void (*run)(void);
	unsigned int late_ms;
};

extern const struct row message_rows[], ring_rows[], doorbell_rows[], memory_rows[],
			offload_rows[];

void row_fail(const char *fmt, ...) PRINTF(1, 2);
/* It cannot be tested here. */
void row_skip(const char *why);
/* One line of TAP. */
void test_report(bool good, const char *name, const char *what);
/* From now on nothing is a failure, or again everything. */
void row_forgive(bool on);
void row_note(const char *fmt, ...) PRINTF(1, 2);
bool row_failed(void);

/* Complain unless @cond; go on. */
#define EXPECT(cond, ...)	do { if (!(cond)) row_fail(__VA_ARGS__); } while (0)

/* How long the racing rows race. */
extern double race_seconds;

/* Time. */

uint64_t now_us(void);
void sleep_ms(unsigned int ms);

/* Numbers at random, the same in each run. */
uint64_t random64(uint64_t *state);

/* The switch. */

enum { PORTS_TEXT = 16384 };

/**
 * struct held - What the switch holds
 * @fds:	Descriptors
 * @shared:	Mappings of memory that it shares with peers
 * @maps:	All mappings
 * @ports:	Ports and what is plugged in, as the console prints it
 */
struct held {
	unsigned int fds;
	unsigned int shared;
	unsigned int maps;
	char ports[PORTS_TEXT];
};

/**
 * struct sw - The switch under test
 * @binary:	Program to start, or NULL if it runs already
 * @pid:	Process
 * @vhost:	Socket of any port
 * @named:	Socket of the port 'named'
 * @caller:	Where the switch connects to, for the port 'caller'
 * @sanitized:	It was built with a sanitizer
 */
struct sw {
	const char *binary;
	pid_t pid;
	char dir[80], vhost[96], named[96], caller[96], mgmt[96], log[96];
	bool sanitized;
	int console;
	long log_seen;
};

extern struct sw sw;

/* Start the switch, or attach to it. Exits if that cannot be. The parts of it:
 * say where it is, start a process, and wait until it answers. */
void sw_open(const char *binary, const char *dir);
void sw_paths(const char *binary, const char *dir);
pid_t sw_spawn(void);
void sw_start(void);
void sw_close(void);

/* Whether it lives; if not, say how it ended. */
bool sw_lives(void);

/* Say whether it lives, and what it said last, as comments. */
void sw_last_words(void);

/* What it holds now. */
void sw_held(struct held *h);

/* Wait until it holds @h again. Return: whether it did, within @ms; if not, @why
 * is what differs. */
bool sw_holds(const struct held *h, unsigned int ms, char *why, size_t size);

/* Processor time used so far, all threads. */
uint64_t sw_cpu_us(void);

/* Resident memory that is its own, KiB. */
long sw_rss_kib(void);

/* What the console answers. */
void sw_console(const char *command, char *out, size_t size);

/* Look at what the log says since the last call: complains about a sanitizer's
 * report, and bytes that could drive a terminal. Return: lines. */
unsigned int sw_read_log(void);

/* The canary. */

struct canary_report {
	uint64_t sent, received, lost, disordered, altered, foreign;
	unsigned int late_us, p99_us;
};

/* Plug the honest ports in; they send until paused. Exits if that cannot be. */
void canary_start(void);
void canary_stop(void);

/* Begin to count. */
void canary_mark(void);

/* Pause, wait for what is under way, and say what became of all since the mark. */
void canary_settle(struct canary_report *r);

void canary_pause(bool on);

/* Send to a peer: @burst frames of @size bytes at each turn of the canary's, which
 * are about 2000 a second. 0 ends that. */
void canary_feed(struct eth_addr to, unsigned int burst, unsigned int size);

/* The same, once, and not until the feeder's ring has taken them. */
void canary_feed_once(struct eth_addr to, unsigned int count, unsigned int size);

/* Frames of peers that came to the feeder so far. */
uint64_t canary_heard(void);

/* Frames that peers sent to it with the type 0x88b6 promise to be of CANARY_SHORT
 * bytes at most, with their header. Return: how many were not, since the last call. */
enum { CANARY_SHORT = 160 };
uint64_t canary_too_long(void);

/* Its address: what peers send to. */
extern const struct eth_addr canary_feeder;

/* Peers. */

enum {
	RX = 0,
	TX = 1,
	PEER_RINGS = 16,
	PEER_GUEST = 0x10000000,	/* guest addresses and others differ */
	PEER_USER = 0x7000000,
	PEER_STRIDE = 2048,
	PEER_SIZE = 256,
};

#define FEATURE(n)		(1ULL << (n))
#define PEER_FEATURES		(FEATURE(32) | FEATURE(30) | FEATURE(28) | FEATURE(29) | \
				 FEATURE(15))
#define PEER_PROTOCOL		(FEATURE(VHOST_PF_MQ) | FEATURE(VHOST_PF_REPLY_ACK) | \
				 FEATURE(VHOST_PF_MTU) | FEATURE(VHOST_PF_INFLIGHT) | \
				 FEATURE(VHOST_PF_CONFIGURE_MEM_SLOTS))

/** struct shared - Memory for the switch to map */
struct shared {
	int fd;
	uint8_t *p;
	size_t size;
	uint64_t guest, user;
};

/* Return: whether there is such memory. @flags are memfd_create()'s. */
bool shared_make(struct shared *m, size_t size, unsigned int flags);
void shared_free(struct shared *m);
struct vhost_region shared_region(const struct shared *m);

struct peer_ring {
	struct vring_driver vd;
	uint8_t *buf;
	int kick, call, err;
};

/**
 * struct peer - A front end
 * @sock:	Its connection, or -1
 * @mem:	Its memory: rings, then buffers
 * @ring:	@rings of them, in pairs, receive rings first
 * @entries:	Of each ring
 * @stride:	From buffer to buffer
 * @hdr:	Bytes of a frame's virtio-net header
 * @addr:	Its MAC address
 */
struct peer {
	int sock;
	uint64_t features, protocol;
	struct shared mem;
	struct peer_ring ring[PEER_RINGS];
	unsigned int rings;
	uint16_t entries;
	uint32_t stride;
	size_t hdr;
	struct eth_addr addr;
};

/* How a request ended. */
enum verdict {
	TAKEN,		/* acknowledged with 0 */
	REFUSED,	/* acknowledged with something else */
	CLOSED,		/* the connection ended */
	SILENT,		/* no answer within two seconds */
};

const char *verdict_name(enum verdict v);

/* All at once: connect, negotiate, lay out one pair of rings, hand over, say hello
 * to the network. Return: whether it worked; complains if not. */
bool peer_open(struct peer *p);

/* Its steps. They complain, too. */
bool peer_connect(struct peer *p, const char *path);
bool peer_greet(struct peer *p, uint64_t features, uint64_t protocol);
bool peer_lay(struct peer *p, unsigned int pairs, uint16_t entries,
	      uint32_t stride, unsigned int memfd_flags);
void peer_lay_ring(struct peer *p, unsigned int index);
bool peer_give_memory(struct peer *p);
bool peer_give_ring(struct peer *p, unsigned int index, uint16_t base);
bool peer_start(struct peer *p);

/* Close everything; harmless twice. */
void peer_close(struct peer *p);

uint64_t peer_guest(const struct peer *p, const void *at);
uint64_t peer_user(const struct peer *p, const void *at);

/* Send one message as it is. Return: whether the switch took it. */
bool peer_say(struct peer *p, uint32_t request, uint32_t flags, const void *payload,
	      uint32_t size, const int *fds, unsigned int count);

/* The same with bytes: no header is made. */
bool peer_say_bytes(struct peer *p, const void *bytes, size_t size, const int *fds,
		    unsigned int count);

/* Take in an answer, within @ms. A descriptor that comes with it goes to @fd, or is
 * closed. Return: TAKEN, CLOSED or SILENT. */
enum verdict peer_hear(struct peer *p, struct vhost_msg *reply, int *fd,
		       unsigned int ms);

/* Send a message that has no answer of its own, and ask for an acknowledgement. */
enum verdict peer_ask(struct peer *p, uint32_t request, const void *payload,
		      uint32_t size, const int *fds, unsigned int count);
enum verdict peer_ask_word(struct peer *p, uint32_t request, uint64_t word, int fd);
enum verdict peer_ask_state(struct peer *p, uint32_t request, uint32_t index,
			    uint32_t num);

/* Ask for a word. */
enum verdict peer_get(struct peer *p, uint32_t request, uint64_t *word);

/* Take a ring back. */
enum verdict peer_get_base(struct peer *p, uint32_t index, uint32_t *base);

/* Complain unless a request ended as it should, and, unless it is closed, unless
 * the connection still answers. */
void peer_expect(struct peer *p, enum verdict want, enum verdict got,
		 const char *fmt, ...) PRINTF(4, 5);

/* Whether the switch closes the connection within @ms. */
bool peer_is_closed(struct peer *p, unsigned int ms);

/* Frames. */

/* Write a frame into a transmit buffer: to @dst, from the peer. */
void peer_frame(struct peer *p, unsigned int ring, unsigned int slot,
		struct eth_addr dst, unsigned int size);

/* Offer up to @n frames of ring @ring, as they lie there, and kick if wanted.
 * Return: how many. */
unsigned int peer_transmit(struct peer *p, unsigned int ring, unsigned int n);

/* Take in what came to ring @ring, and offer the buffers again. Return: how much. */
unsigned int peer_receive(struct peer *p, unsigned int ring);

/* Kick. */
void peer_kick(struct peer *p, unsigned int ring);

/* Whether a frame of its gets through to the feeder, and one of the feeder's to it,
 * within a second; complain if not, saying when that was. */
bool peer_works(struct peer *p, const char *when);

#endif /* TESTS_VHOST_FRONT_H */
