/* SPDX-License-Identifier: BSD-2-Clause */
/* framecheck.c - Says what frames go into a switch, checks what comes out
 *
 * DOC: Theory of operation
 *
 * framecheck VNL reads a script from standard input, one sentence a line:
 *
 *   plug a b c               three clients, plugged into VNL (conn.h)
 *   plug d at VNL            another one, somewhere else
 *   unplug b
 *   send a to b              a frame from a's address to b's, by plug a
 *   send a to all            broadcast; also "group", "nobody", or an address
 *   send a from c to b       the same with c's source address; "group" too
 *   send a to b size 1514    default 60; without FCS
 *   send a to b type 0x8100  default 0x88b5
 *   send a to b times 1000   the same frame, so often
 *   send a to b tag 5        with an 802.1Q tag; more than one nest. The number
 *                            is of 16 bits: priority, DEI, VLAN
 *   expect b c               b and c have got exactly the last frame sent, bit
 *                            for bit, and nobody else has got anything
 *   expect b untagged c tagged 5 d
 *                            the same, but at c without its outermost tag, and
 *                            at d with another one around the frame
 *   expect                   nobody has got anything
 *   drain                    read all that has come, unseen
 *   learned                  whoever got it: forget the last frame
 *   apart b c                the switch keeps these from each other
 *   ignore c                 from here on c neither reads nor is looked at
 *   wait 500                 milliseconds
 *   done                     as the end of the script
 *   # a comment
 *
 * Plug a has the address 02:00:00:00:00:0a, b 0b, and so on by letter.
 *
 * That a frame does not come is known without waiting for a while and hoping.
 * After the frame its sender sends a broadcast, the fence, from an address that
 * only fences use. The switch takes frames of one client in order, so who has
 * the fence and not the frame will not get the frame any more. A second fence,
 * from another plug, shows that nothing came back to the sender itself.
 *
 * A fence does not pass between plugs of one port ("plug a b at DIR[3]"), nor is
 * the frame before it ever to: such plugs are known by their equal VNL with a
 * bracket in it, and then only the second fence counts. The same goes for plugs that
 * were said to be apart; there must be one that is not, for the second fence.
 */
#include "config.h"

#include <ctype.h>

#include "tests/integration/conn.h"

enum {
	PLUGS = 26,
	FRAME_MAX = 65536,
	FRAMES_KEPT = 4,		/* per plug and sentence */
	WORDS = 40,
	TAGS = 8,
	TYPE_DEFAULT = 0x88b5,
	TYPE_FENCE = 0x88b6,
	FENCE_SIZE = 60,
	PATIENCE_MS = 3000,
	DRAIN_MS = 20,
};

struct frame {
	size_t size;
	uint8_t b[FRAME_MAX];
};

/**
 * struct plug - A client
 * @open:	It is plugged in
 * @got:	Frames it got since the last expectation, fences aside
 * @count:	How many; only the first FRAMES_KEPT are kept
 * @fence:	Number of the last fence it got
 * @ignored:	It neither reads nor is looked at
 * @apart:	It does not get the fences of others of this kind
 */
struct plug {
	struct conn conn;
	bool open;
	char vnl[512];
	struct frame got[FRAMES_KEPT];
	unsigned int count;
	uint32_t fence;
	bool ignored;
	bool apart;
};

static struct plug plugs[PLUGS];
static struct frame last;	/* the last frame sent */
static int last_by = -1;	/* by whom */
static unsigned int line_number;
static const char *default_vnl;
static pid_t self;		/* tells our fences from those of others */

#define fail(...)	fail_line(TOOL_FAILED, __VA_ARGS__)
#define broken(...)	fail_line(TOOL_BROKEN, __VA_ARGS__)

__attribute__((noreturn, format(printf, 2, 3)))
static void fail_line(int status, const char *fmt, ...)
{
	char why[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	die(status, "line %u: %s", line_number, why);
}

static int plug_number(const char *name)
{
	if (name[1] || !islower((unsigned char)name[0]))
		broken("'%s' is not a plug's name", name);
	return name[0] - 'a';
}

static struct plug *plug_find(const char *name)
{
	struct plug *p = &plugs[plug_number(name)];

	if (!p->open)
		broken("%s is not plugged in", name);
	return p;
}

static void plug_open(const char *name, const char *vnl)
{
	struct plug *p = &plugs[plug_number(name)];

	if (p->open)
		broken("%s is plugged in already", name);
	snprintf(p->vnl, sizeof(p->vnl), "%s", vnl);
	p->open = conn_open(&p->conn, vnl, "framecheck");
	if (!p->open)
		fail("cannot plug %s into %s: %s", name, vnl, strerror(errno));
	p->count = 0;
	p->fence = 0;
	p->ignored = false;
	p->apart = false;
}

static bool same_port(const struct plug *a, const struct plug *b)
{
	return strchr(a->vnl, '[') && !strcmp(a->vnl, b->vnl);
}

/* Whether a fence does not pass between two plugs. */
static bool no_fence(const struct plug *a, const struct plug *b)
{
	return same_port(a, b) || (a->apart && b->apart);
}

/* Write an address given by name: of a plug, a word, or six bytes in hex. */
static void put_address(uint8_t *to, const char *name)
{
	unsigned int b[6];
	char end;

	if (!strcmp(name, "all")) {
		memset(to, 0xff, 6);
	} else if (!strcmp(name, "group")) {
		memcpy(to, "\x01\x00\x5e\x00\x00\x01", 6);
	} else if (!strcmp(name, "nobody")) {
		memcpy(to, "\x02\x00\x00\x00\x00\x99", 6);
	} else if (strchr(name, ':')) {
		if (sscanf(name, "%x:%x:%x:%x:%x:%x%c", &b[0], &b[1], &b[2], &b[3],
			   &b[4], &b[5], &end) != 6)
			broken("'%s' is not an address", name);
		for (int i = 0; i < 6; i++)
			to[i] = (uint8_t)b[i];
	} else {
		memcpy(to, "\x02\x00\x00\x00\x00", 5);
		to[5] = (uint8_t)(0x0a + plug_number(name));
	}
}

/* Form in which a plug is to get the last frame. */
enum { FORM_NONE = -3, FORM_SENT = -2, FORM_UNTAGGED = -1 /* or a tag, from 0 on */ };

static void put_type(uint8_t *frame, uint64_t type)
{
	frame[12] = (uint8_t)(type >> 8);
	frame[13] = (uint8_t)type;
}

static void plug_send(struct plug *p, const uint8_t *b, size_t n)
{
	ssize_t ret = conn_send(&p->conn, b, n);

	if (ret != (ssize_t)n)
		fail("cannot send %zu bytes: %s", n, ret < 0 ? strerror(errno) : "cut");
}

/* Receive one frame and keep it or note the fence. Return: false if none came. */
static bool plug_recv(struct plug *p)
{
	static uint8_t buf[FRAME_MAX + 1];
	struct frame *f;
	pid_t whose;
	ssize_t n;

	if (!conn_readable(&p->conn, PATIENCE_MS))
		return false;
	n = conn_recv(&p->conn, buf, sizeof(buf));
	if (n < 0)
		fail("plug %c cannot receive: %s", (char)('a' + (p - plugs)),
		     strerror(errno));
	/* Modules have ways to say "nothing". */
	if (n <= 1)
		return true;
	if (n == FENCE_SIZE && buf[12] == TYPE_FENCE >> 8 &&
	    buf[13] == (TYPE_FENCE & 0xff)) {
		memcpy(&whose, buf + 18, sizeof(whose));
		if (whose == self)
			memcpy(&p->fence, buf + 14, sizeof(p->fence));
		return true;
	}
	if (p->count < FRAMES_KEPT) {
		f = &p->got[p->count];
		f->size = (size_t)n;
		memcpy(f->b, buf, (size_t)n);
	}
	p->count++;
	return true;
}

/* Send a fence by @from. Return: its number. */
static uint32_t send_fence(struct plug *from)
{
	static uint32_t serial;
	uint8_t b[FENCE_SIZE] = { 0 };

	put_address(b, "all");
	memcpy(b + 6, "\x02\xfe\x00\x00\x00", 5);
	b[11] = (uint8_t)(from - plugs);
	put_type(b, TYPE_FENCE);
	serial++;
	memcpy(b + 14, &serial, sizeof(serial));
	memcpy(b + 18, &self, sizeof(self));
	plug_send(from, b, sizeof(b));
	return serial;
}

/* Send a fence by @from and wait until everybody else has it. */
static void fence(struct plug *from)
{
	uint32_t serial = send_fence(from);

	for (struct plug *p = plugs; p < plugs + PLUGS; p++) {
		if (!p->open || p->ignored || p == from || no_fence(p, from))
			continue;
		while (p->fence != serial)
			if (!plug_recv(p))
				fail("plug %c gets no broadcast from plug %c",
				     (char)('a' + (p - plugs)),
				     (char)('a' + (from - plugs)));
	}
}

/* Have all that is to come, at every plug. */
static void settle(void)
{
	struct plug *by;

	if (last_by < 0)
		broken("nothing was sent");
	by = &plugs[last_by];
	fence(by);
	for (struct plug *p = plugs; p < plugs + PLUGS; p++) {
		if (p->open && !p->ignored && p != by && !no_fence(p, by)) {
			fence(p);
			return;
		}
	}
	broken("that takes two plugs on different ports");
}

static void forget(void)
{
	for (struct plug *p = plugs; p < plugs + PLUGS; p++)
		p->count = 0;
}

/* Sentences. */

static void do_plug(char **word, int n)
{
	const char *vnl = default_vnl;
	struct plug *p;

	if (n > 3 && !strcmp(word[n - 2], "at")) {
		vnl = word[n - 1];
		n -= 2;
	}
	for (int i = 1; i < n; i++) {
		plug_open(word[i], vnl);
		/* Only libvdeplug says when the switch has taken one in. */
		p = plug_find(word[i]);
		if (p->conn.vde)
			continue;
		send_fence(p);
		if (!conn_wait_read(&p->conn, PATIENCE_MS))
			fail("the switch does not read from %s", word[i]);
	}
}

static void do_unplug(char **word, int n)
{
	struct plug *p;

	for (int i = 1; i < n; i++) {
		p = plug_find(word[i]);
		conn_close(&p->conn);
		p->open = false;
	}
}

/* What was sent before we read may be more than fits, a fence included. */
static void do_drain(void)
{
	for (struct plug *p = plugs; p < plugs + PLUGS; p++)
		while (p->open && !p->ignored && conn_readable(&p->conn, DRAIN_MS))
			plug_recv(p);
	forget();
}

static void do_send(char **word, int n)
{
	const char *from, *to = NULL;
	static uint32_t noise = 1;
	uint64_t type = TYPE_DEFAULT, times = 1, tag[TAGS];
	size_t size = 60, tags = 0;
	struct plug *p;

	if (n < 2)
		broken("send what?");
	p = plug_find(word[1]);
	from = word[1];
	for (int i = 2; i + 1 < n; i += 2) {
		if (!strcmp(word[i], "from"))
			from = word[i + 1];
		else if (!strcmp(word[i], "to"))
			to = word[i + 1];
		else if (!strcmp(word[i], "size"))
			size = number("size", word[i + 1], FRAME_MAX - 1);
		else if (!strcmp(word[i], "type"))
			type = number("type", word[i + 1], 0xffff);
		else if (!strcmp(word[i], "tag") && tags < TAGS)
			tag[tags++] = number("tag", word[i + 1], 0xffff);
		else if (!strcmp(word[i], "times"))
			times = number("times", word[i + 1], 1000000);
		else
			broken("what is '%s'?", word[i]);
	}
	if (!to || n % 2)
		broken("send to whom?");
	for (size_t i = 0; i < FRAME_MAX; i++) {
		noise = noise * 1664525 + 1013904223;
		last.b[i] = (uint8_t)(noise >> 24);
	}
	put_address(last.b, to);
	put_address(last.b + 6, from);
	for (size_t i = 0; i < tags; i++) {
		put_type(last.b + 4 * i, 0x8100);
		last.b[14 + 4 * i] = (uint8_t)(tag[i] >> 8);
		last.b[15 + 4 * i] = (uint8_t)tag[i];
	}
	put_type(last.b + 4 * tags, type);
	last.size = size;
	last_by = (int)(p - plugs);
	while (times--)
		plug_send(p, last.b, size);
}

/* The last frame in another form. */
static const struct frame *in_form(int form)
{
	static struct frame f;

	f = last;
	if (form > FORM_SENT && last.size < 18)
		broken("too short for a tag");
	if (form == FORM_UNTAGGED) {
		memmove(f.b + 12, last.b + 16, last.size - 16);
		f.size -= 4;
	} else if (form >= 0) {
		memmove(f.b + 16, last.b + 12, last.size - 12);
		put_type(f.b, 0x8100);
		f.b[14] = (uint8_t)(form >> 8);
		f.b[15] = (uint8_t)form;
		f.size += 4;
	}
	return &f;
}

/* What is wrong with what a plug got; NULL if nothing is. */
static const char *check_plug(const struct plug *p, int form, char *buf, size_t size)
{
	const struct frame *f = in_form(form);
	bool wanted = form != FORM_NONE;

	if (!wanted && !p->count)
		return NULL;
	if (wanted && p->count == 1 && p->got[0].size == f->size &&
	    !memcmp(p->got[0].b, f->b, f->size))
		return NULL;
	if (!wanted)
		snprintf(buf, size, "got %u frames (%zu bytes), not meant for it", p->count,
			 p->got[0].size);
	else if (!p->count)
		return "did not get the frame";
	else if (p->count > 1)
		snprintf(buf, size, "got %u frames", p->count);
	else if (p->got[0].size != f->size)
		snprintf(buf, size, "got %zu bytes of %zu", p->got[0].size, f->size);
	else
		return "got the frame changed";
	return buf;
}

static void do_expect(char **word, int n)
{
	int wanted[PLUGS], form = FORM_SENT;
	const char *wrong;
	char buf[128];

	for (int i = 0; i < PLUGS; i++)
		wanted[i] = FORM_NONE;
	for (int i = 1; i < n; i++) {
		if (!strcmp(word[i], "untagged"))
			form = FORM_UNTAGGED;
		else if (!strcmp(word[i], "tagged") && i + 1 < n)
			form = (int)number("tagged", word[++i], 0xffff);
		else
			wanted[plug_find(word[i]) - plugs] = form;
	}
	settle();
	for (int i = 0; i < PLUGS; i++) {
		if (!plugs[i].open || plugs[i].ignored)
			continue;
		wrong = check_plug(&plugs[i], wanted[i], buf, sizeof(buf));
		if (wrong)
			fail("plug %c %s", (char)('a' + i), wrong);
	}
	forget();
}

static void run(char **word, int n)
{
	if (!strcmp(word[0], "plug"))
		do_plug(word, n);
	else if (!strcmp(word[0], "unplug"))
		do_unplug(word, n);
	else if (!strcmp(word[0], "send"))
		do_send(word, n);
	else if (!strcmp(word[0], "expect"))
		do_expect(word, n);
	else if (!strcmp(word[0], "ignore") && n == 2)
		plug_find(word[1])->ignored = true;
	else if (!strcmp(word[0], "apart"))
		for (int i = 1; i < n; i++)
			plug_find(word[i])->apart = true;
	else if (!strcmp(word[0], "wait") && n == 2)
		sleep_us(number("wait", word[1], 100000) * 1000);
	else if (!strcmp(word[0], "drain"))
		do_drain();
	else if (!strcmp(word[0], "learned")) {
		settle();
		forget();
	} else
		broken("what is '%s'?", word[0]);
}

int main(int argc, char **argv)
{
	char *line = NULL, *word[WORDS];
	size_t size = 0;

	if (argc != 2)
		die(TOOL_BROKEN, "usage: framecheck VNL <SCRIPT");
	default_vnl = argv[1];
	self = getpid();
	while (getline(&line, &size, stdin) >= 0) {
		int n = 0;

		/* A sentence must not hang; the next one may be long in coming. */
		watchdog(60);
		line_number++;
		line[strcspn(line, "#\n")] = 0;
		for (char *w = strtok(line, " \t"); w && n < WORDS; w = strtok(NULL, " \t"))
			word[n++] = w;
		if (n && !strcmp(word[0], "done"))
			break;
		if (n)
			run(word, n);
		watchdog(0);
	}
	free(line);
	for (struct plug *p = plugs; p < plugs + PLUGS; p++)
		if (p->open)
			conn_close(&p->conn);
	return TOOL_OK;
}
