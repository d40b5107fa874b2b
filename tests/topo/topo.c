/* SPDX-License-Identifier: BSD-2-Clause */
/* topo.c - The interpreter of topology cases: lines, words, names; see README.md
 *
 *	topo FILE...	one TAP line for each file
 */
#include "config.h"

#include "tests/topo/topo.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "tests/topo/machine.h"

static const struct topo_verb *const topo_tables[] = {
	topo_net_verbs, topo_frame_verbs, topo_check_verbs,
};

void topo_fail(struct topo *t, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(t->why, sizeof(t->why), "%s:%u: ", t->path, t->line);

	va_start(ap, fmt);
	vsnprintf(t->why + n, sizeof(t->why) - (size_t)n, fmt, ap);
	va_end(ap);
	longjmp(t->failed, 1);
}

/* Words. */

bool topo_more(const struct topo *t)
{
	return t->at < t->count;
}

const char *topo_peek(const struct topo *t)
{
	return topo_more(t) ? t->words[t->at] : "";
}

bool topo_take(struct topo *t, const char *word)
{
	if (strcmp(topo_peek(t), word))
		return false;
	t->at++;
	return true;
}

const char *topo_word(struct topo *t, const char *what)
{
	if (!topo_more(t))
		topo_fail(t, "the line ends where %s should be", what);
	return t->words[t->at++];
}

unsigned int topo_number(struct topo *t, const char *what, unsigned int min, unsigned int max)
{
	const char *word = topo_word(t, what);
	unsigned long n;
	char *end;

	n = strtoul(word, &end, 0);
	if (end == word || *end || n < min || n > max)
		topo_fail(t, "'%s' is no %s from %u to %u", word, what, min, max);
	return (unsigned int)n;
}

uint64_t topo_duration_us(struct topo *t)
{
	static const struct {
		const char *name;
		double us;
	} units[] = {
		{ "us", 1 }, { "ms", 1e3 }, { "s", 1e6 }, { "min", 60e6 }, { "h", 3600e6 },
		{ "days", 86400e6 },
	};
	const char *word = topo_word(t, "a time");
	char *end;
	double n = strtod(word, &end);

	for (size_t i = 0; end != word && n >= 0 && i < ARRAY_SIZE(units); i++)
		if (!strcmp(end, units[i].name))
			return (uint64_t)(n * units[i].us + .5);
	topo_fail(t, "'%s' is no time: 1.5s, 200ms, 3min", word);
}

/* Names. */

struct net_bridge *topo_bridge(struct topo *t, const char *name)
{
	for (unsigned int i = 0; i < t->net.bridges; i++)
		if (!strcmp(t->net.bridge[i].name, name))
			return &t->net.bridge[i];
	topo_fail(t, "there is no switch '%s'", name);
}

struct net_lan *topo_lan(struct topo *t, const char *name)
{
	for (unsigned int i = 0; i < t->net.lans; i++)
		if (!strcmp(t->net.lan[i].name, name))
			return &t->net.lan[i];
	topo_fail(t, "there is no cable '%s'", name);
}

/* A station by its name, or NULL. */
static struct topo_station *topo_find_station(struct topo *t, const char *name)
{
	for (unsigned int i = 0; i < t->stations; i++)
		if (!strcmp(t->station[i].name, name))
			return &t->station[i];
	return NULL;
}

struct net_end *topo_place(struct topo *t, const char *name)
{
	const struct topo_station *s = topo_find_station(t, name);
	const char *dot = strchr(name, '.');
	char bridge[NET_NAME];
	struct net_end *end;
	unsigned long port, nth = 1;
	char *rest;

	if (s && s->end)
		return s->end;
	if (!dot || dot - name >= NET_NAME)
		topo_fail(t, "'%s' is no port (SWITCH.NUMBER) and no host", name);
	snprintf(bridge, sizeof(bridge), "%.*s", (int)(dot - name), name);
	port = strtoul(dot + 1, &rest, 10);
	if (*rest == '/')
		nth = strtoul(rest + 1, &rest, 10);
	if (rest == dot + 1 || *rest || port > VSW_PORTS_MAX || !nth || nth > 100)
		topo_fail(t, "'%s' is no port: SWITCH.NUMBER or SWITCH.NUMBER/ENDPOINT", name);
	end = net_end(&t->net, topo_bridge(t, bridge), (uint16_t)port, (unsigned int)nth);
	if (!end)
		topo_fail(t, "too many ports");
	return end;
}

struct port *topo_port(struct topo *t, const char *name)
{
	const struct net_end *end = topo_place(t, name);
	struct port *port = end->bridge->vsw->ports[end->port];

	if (!port)
		topo_fail(t, "there is no port %s", topo_end_name(end));
	return port;
}

struct topo_station *topo_station(struct topo *t, const char *name)
{
	struct topo_station *s = topo_find_station(t, name);

	if (s)
		return s;
	if (t->stations == TOPO_STATIONS)
		topo_fail(t, "too many stations");
	if (strlen(name) >= NET_NAME || strpbrk(name, ".:/,>"))
		topo_fail(t, "'%s' is no name for a station", name);
	s = &t->station[t->stations++];
	*s = (struct topo_station){
		.addr = { { 2, 0, 0, 0, 0, (uint8_t)t->stations } },
	};
	strcpy(s->name, name);
	return s;
}

static const struct {
	const char *name;
	struct eth_addr addr;
} topo_addrs[] = {
	{ "broadcast", { { 255, 255, 255, 255, 255, 255 } } },
	{ "zero", { { 0 } } },
	{ "bpdus", { { 1, 0x80, 0xc2, 0, 0, 0 } } },
	{ "pause", { { 1, 0x80, 0xc2, 0, 0, 1 } } },
	{ "lldp", { { 1, 0x80, 0xc2, 0, 0, 14 } } },
};

struct eth_addr topo_addr(struct topo *t, const char *name)
{
	struct eth_addr a;
	int n = -1;

	for (size_t i = 0; i < ARRAY_SIZE(topo_addrs); i++)
		if (!strcmp(name, topo_addrs[i].name))
			return topo_addrs[i].addr;
	for (unsigned int i = 0; i < t->net.bridges; i++)
		if (!strcmp(name, t->net.bridge[i].name))
			return t->net.bridge[i].cfg.addr;
	if (sscanf(name, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &a.b[0], &a.b[1], &a.b[2],
		   &a.b[3], &a.b[4], &a.b[5], &n) == 6 && !name[n])
		return a;
	return topo_station(t, name)->addr;
}

const char *topo_addr_name(const struct topo *t, struct eth_addr addr, char buf[static 32])
{
	for (unsigned int i = 0; i < t->stations; i++)
		if (!memcmp(&t->station[i].addr, &addr, sizeof(addr)))
			return t->station[i].name;
	for (unsigned int i = 0; i < t->net.bridges; i++)
		if (!memcmp(&t->net.bridge[i].cfg.addr, &addr, sizeof(addr)))
			return t->net.bridge[i].name;
	snprintf(buf, 32, "%02x:%02x:%02x:%02x:%02x:%02x", addr.b[0], addr.b[1], addr.b[2],
		 addr.b[3], addr.b[4], addr.b[5]);
	return buf;
}

uint64_t topo_bridge_id(struct topo *t, const char *name)
{
	const char *dot = strchr(name, '.');
	unsigned long priority = 32768;

	if (dot)
		priority = strtoul(name, NULL, 10);
	for (unsigned int i = 0; !dot && i < t->net.bridges; i++)
		if (!strcmp(name, t->net.bridge[i].name))
			priority = t->net.bridge[i].cfg.priority;
	return (uint64_t)priority << 48 | eth_addr_to_u64(topo_addr(t, dot ? dot + 1 : name));
}

bool topo_ip(const char *text, struct in6_addr *ip)
{
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) == 1) {
		*ip = (struct in6_addr){ { { [10] = 255, [11] = 255 } } };
		memcpy(ip->s6_addr + 12, &v4, sizeof(v4));
		return true;
	}
	return strchr(text, ':') && !strchr(text, '.') && inet_pton(AF_INET6, text, ip) == 1;
}

struct packet_tag topo_tag(struct topo *t, const char *text)
{
	const char *colon = strchr(text, ':'), *p = colon ? colon + 1 : text;
	struct packet_tag tag = { .tpid = ETH_TYPE_VLAN };
	unsigned long vid, priority = 0;
	char *end;

	if (colon)
		tag.tpid = (uint16_t)strtoul(text, NULL, 16);
	vid = strtoul(p, &end, 10);
	if (end == p || vid > 4095)
		topo_fail(t, "'%s' is no tag: VID, VID/PRIORITY, TPID:VID", text);
	if (*end == '/')
		priority = strtoul(end + 1, &end, 10);
	if (priority > 7 || (*end && strcmp(end, "/dei")))
		topo_fail(t, "'%s' is no tag: VID/PRIORITY/dei", text);
	tag.tci = (uint16_t)(priority << 13 | (*end ? 0x1000 : 0) | vid);
	return tag;
}

const char *topo_end_name(const struct net_end *end)
{
	static char names[4][2 * NET_NAME];
	static unsigned int turn;
	char *name = names[turn++ % 4];

	if (end->nth == 1)
		snprintf(name, 2 * NET_NAME, "%s.%u", end->bridge->name, end->port);
	else
		snprintf(name, 2 * NET_NAME, "%s.%u/%u", end->bridge->name, end->port,
			 end->nth);
	return name;
}

/* Sending. */

static void topo_settle(struct topo *t)
{
	if (!net_settle(&t->net) && !t->frames_go_round)
		topo_fail(t, "frames go round: %u passed the cables at one time",
			  NET_FRAMES_MAX);
}

void topo_send(struct topo *t, struct net_end *from, const struct packet *p)
{
	const size_t size = offsetof(struct packet, rest) + p->rest_size;

	if (t->batch_end && t->batch_end != from)
		topo_fail(t, "frames that come in together come from one port");
	if (t->sents == TOPO_SENT)
		topo_fail(t, "too many frames");
	t->sent[t->sents] = malloc(size);
	if (!t->sent[t->sents])
		abort();
	memcpy(t->sent[t->sents], p, size);
	packet_number(t->sent[t->sents], t->sents);
	t->sents++;
	t->batch_end = from;
	t->must_get = true;
}

/* The frames sent come in, as many at a time as an endpoint takes. */
static void topo_flush(struct topo *t)
{
	static uint8_t bytes[FRAME_BATCH][PACKET_MAX];
	struct net_bytes b[FRAME_BATCH];

	if (!t->batch_end)
		return;
	if (!t->batch_end->plugged || t->batch_end->held)
		topo_fail(t, "%s is %s", topo_end_name(t->batch_end),
			  t->batch_end->plugged ? "held back" : "not plugged in");
	while (t->batch_from < t->sents) {
		unsigned int n = 0;

		for (; n < FRAME_BATCH && t->batch_from < t->sents; n++, t->batch_from++)
			b[n] = (struct net_bytes){
				bytes[n], packet_bytes(t->sent[t->batch_from], NULL, 0,
						       bytes[n]),
			};
		machine_no_memory = t->no_memory;
		net_input(t->batch_end, b, n);
		machine_no_memory = t->no_memory = 0;
		if (t->batch_end->held && t->batch_from < t->sents)
			topo_fail(t, "%s is held back after %u frames",
				  topo_end_name(t->batch_end), t->batch_from);
	}
	t->batch_end = NULL;
	topo_settle(t);
}

/* Running. */

/* Cut a line into words; commas are words of their own, what follows a # is none. */
static void topo_cut(struct topo *t, const char *line)
{
	size_t n = 0;

	t->count = t->at = 0;
	for (const char *p = line; *p && *p != '\n'; ) {
		size_t size = *p == ',' ? 1 : strcspn(p, ", \t\r\n");

		if (*p == '#')
			break;
		if (size && (t->count == TOPO_WORDS || n + size + 1 > sizeof(t->text)))
			topo_fail(t, "the line is too long");
		if (size) {
			t->words[t->count++] = memcpy(t->text + n, p, size);
			t->text[n + size] = 0;
			n += size + 1;
		}
		p += size ? size : 1;
	}
}

static const struct topo_verb *topo_find_verb(const char *name)
{
	/* NAME: is the console of that switch. */
	if (*name && name[strlen(name) - 1] == ':')
		name = ":";
	for (size_t i = 0; i < ARRAY_SIZE(topo_tables); i++)
		for (const struct topo_verb *v = topo_tables[i]; v->name; v++)
			if (!strcmp(v->name, name))
				return v;
	return NULL;
}

/* What was sent came where it should, and nowhere else. */
static void topo_finish_gets(struct topo *t);

static void topo_run_line(struct topo *t, const char *line)
{
	const struct topo_verb *verb;

	topo_cut(t, line);
	if (!t->count)
		return;
	verb = topo_find_verb(t->words[0]);
	if (!verb)
		topo_fail(t, "there is no verb '%s'", t->words[0]);
	if (verb->kind != TOPO_AND)
		topo_flush(t);
	if (verb->kind == TOPO_ACTION || verb->kind == TOPO_CHECK)
		topo_finish_gets(t);
	if (verb->kind == TOPO_ACTION) {
		net_clear(&t->net.came);
		t->did_line = t->line;
	}
	t->at = strcmp(verb->name, ":") ? 1 : 0;
	verb->run(t);
	if (topo_more(t))
		topo_fail(t, "'%s' is not understood", topo_peek(t));
	if (verb->kind == TOPO_ACTION && !t->batch_end)
		topo_settle(t);
}

/* The first comment behind the licence, up to its first end of a sentence. */
static void topo_title(FILE *f, char *title, size_t size)
{
	char line[TOPO_LINE];
	size_t n = 0;

	title[0] = 0;
	while (fgets(line, sizeof(line), f) && line[0] == '#') {
		const char *p = line + 1 + strspn(line + 1, " ");
		size_t len = strcspn(p, "\n");

		if (!strncmp(p, "SPDX", 4))
			continue;
		n += (size_t)snprintf(title + n, size - n, "%s%.*s", n ? " " : "", (int)len, p);
		if (n >= size || memchr(p, '.', len))
			break;
	}
	if (strstr(title, ". "))
		*strstr(title, ". ") = 0;
	n = strlen(title);
	if (n && title[n - 1] == '.')
		title[n - 1] = 0;
	/* In TAP a # begins a directive. */
	for (char *p = title; *p; p++)
		if (*p == '#')
			*p = ' ';
	rewind(f);
}

static void topo_begin(struct topo *t, const char *path)
{
	t->path = path;
	t->line = t->stations = t->sents = t->batch_from = t->wanteds = t->no_memory = 0;
	t->batch_end = NULL;
	t->must_get = t->frames_go_round = false;
	machine_reset(1);
	net_init(&t->net);
}

static void topo_end(struct topo *t)
{
	machine_no_memory = 0;
	net_destroy(&t->net);
	for (unsigned int i = 0; i < t->sents; i++)
		free(t->sent[i]);
	t->sents = 0;
}

/* Return: whether the case held. */
static bool topo_run(struct topo *t, FILE *f)
{
	char line[TOPO_LINE];

	if (setjmp(t->failed))
		return false;
	while (fgets(line, sizeof(line), f)) {
		t->line++;
		topo_run_line(t, line);
	}
	topo_flush(t);
	topo_finish_gets(t);
	return true;
}

/* "cases/vlan/access.topo" is "vlan/access". */
static void topo_name(const char *path, char *name, size_t size)
{
	const char *p = strstr(path, "/cases/");
	char *dot;

	snprintf(name, size, "%s", p ? p + 7 : path);
	dot = strrchr(name, '.');
	if (dot && !strcmp(dot, ".topo"))
		*dot = 0;
}

int main(int argc, char **argv)
{
	static struct topo t;
	char title[160], name[160];
	int failed = 0;

	log_set_level(LOG_LEVEL_ERR);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "re");
		bool ok;

		if (!f) {
			printf("Bail out! %s: cannot be read\n", argv[i]);
			return 99;
		}
		topo_title(f, title, sizeof(title));
		topo_name(argv[i], name, sizeof(name));
		topo_begin(&t, argv[i]);
		ok = topo_run(&t, f);
		printf("%s %d - %s: %s\n", ok ? "ok" : "not ok", i, name, title);
		if (!ok) {
			printf("# %s\n", t.why);
			failed = 1;
		}
		topo_end(&t);
		fclose(f);
	}
	return failed;
}

/* What came of what was sent. */

/* The frame that @came should be, by its number or, if it has none, the last one sent. */
static const struct packet *topo_sent_as(const struct topo *t, const struct net_frame *came)
{
	uint32_t number;

	if (!packet_find_number(came->bytes, came->size, &number))
		number = t->sents - 1;
	return number < t->sents ? t->sent[number] : NULL;
}

/* Whether a frame is one that the case sent; else a switch made it. */
static bool topo_is_sent(const struct topo *t, const struct net_frame *came)
{
	static uint8_t bytes[PACKET_MAX];
	struct packet_bpdu bpdu;
	struct in6_addr group;
	unsigned int vid;
	uint32_t number;
	bool v6;

	if (packet_find_number(came->bytes, came->size, &number))
		return true;
	if (t->sents && packet_bytes(t->sent[t->sents - 1], NULL, 0, bytes) == came->size &&
	    !memcmp(bytes, came->bytes, came->size))
		return true;
	return !packet_read_bpdu(came->bytes, came->size, &bpdu) &&
	       !packet_read_query(came->bytes, came->size, &group, &v6, &vid);
}

static bool topo_is_new(const struct topo *t, const struct net_frame *f,
			const struct net_end *end)
{
	return !f->taken && (!end || f->end == end) && topo_is_sent(t, f);
}

/* One frame of what a "gets" line wants. */
static void topo_get_one(struct topo *t, const struct topo_wanted *w)
{
	static uint8_t bytes[PACKET_MAX];
	char want[PACKET_TEXT], got[PACKET_TEXT];
	struct net_frame *f = t->net.came.first;
	const struct packet *p;
	size_t size;

	t->line = w->line;
	while (f && !topo_is_new(t, f, w->end))
		f = f->next;
	if (!f) {
		p = t->sent[t->sents - 1];
		size = packet_bytes(p, w->as_sent ? NULL : w->tag, w->tags, bytes);
		topo_fail(t, "expected: %s gets %s; came: nothing", topo_end_name(w->end),
			  packet_text(bytes, size, want));
	}
	f->taken = true;
	p = topo_sent_as(t, f);
	if (!p)
		topo_fail(t, "expected: %s gets what was sent; came: %s",
			  topo_end_name(w->end), packet_text(f->bytes, f->size, got));
	size = packet_bytes(p, w->as_sent ? NULL : w->tag, w->tags, bytes);
	if (size == f->size && !memcmp(bytes, f->bytes, size))
		return;
	packet_text(bytes, size, want);
	packet_text(f->bytes, f->size, got);
	topo_fail(t, "expected: %s gets %s; came: %s%s", topo_end_name(w->end), want, got,
		  strcmp(want, got) ? "" : ", with other bytes in it");
}

/* Whether numbers of the frames that came from one station to one end ascend. */
static void topo_check_order(struct topo *t)
{
	for (const struct net_frame *f = t->net.came.first; f; f = f->next) {
		uint32_t first, second;

		if (!packet_find_number(f->bytes, f->size, &first))
			continue;
		for (const struct net_frame *g = f->next; g; g = g->next) {
			if (g->end != f->end || memcmp(g->bytes + 6, f->bytes + 6, 6) ||
			    !packet_find_number(g->bytes, g->size, &second))
				continue;
			if (second < first && !t->frames_go_round)
				topo_fail(t, "%s got frames of a station in another order",
					  topo_end_name(f->end));
			break;
		}
	}
}

static void topo_finish_gets(struct topo *t)
{
	const unsigned int line = t->line;
	char text[PACKET_TEXT];

	if (t->must_get && !t->wanteds)
		topo_fail(t, "after the frame in line %u: who gets it?", t->did_line);
	topo_check_order(t);
	for (unsigned int i = 0; i < t->wanteds; i++)
		for (unsigned int k = 0; t->wanted[i].end && k < t->wanted[i].times; k++)
			topo_get_one(t, &t->wanted[i]);
	for (struct net_frame *f = t->net.came.first; f; f = f->next) {
		t->line = t->did_line;
		f->taken |= t->frames_go_round;
		if (topo_is_new(t, f, NULL))
			topo_fail(t, "expected: nothing more at %s; came: %s",
				  topo_end_name(f->end), packet_text(f->bytes, f->size, text));
	}
	t->line = line;
	t->wanteds = 0;
	t->must_get = false;
	t->frames_go_round = false;
}
