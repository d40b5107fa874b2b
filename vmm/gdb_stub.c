/* SPDX-License-Identifier: BSD-2-Clause */
/* gdb_stub.c - What gdb asks of a machine, and what it is answered
 *
 * The GDB manual, appendix E "GDB Remote Serial Protocol".
 */
#include "config.h"

#include "vmm/gdb_stub.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	PAGE = 4096,
	SIGNAL_INT = 2,			/* what gdb is told instead of why */
	SIGNAL_TRAP = 5,
	SIGNAL_SEGV = 11,
	READ_MAX = GDB_TEXT_MAX / 2,
	PRINT_MAX = 2048,		/* bytes in one packet */
	THREAD_ANY = 0,
	THREAD_ALL = -1,
};

/* Simple answers. */

static void answer(struct gdb_stub *s, const char *text)
{
	gdb_out_begin(&s->out);
	gdb_out_text(&s->out, text);
	gdb_out_end(&s->out);
}

static void answer_ok(struct gdb_stub *s, bool ok)
{
	answer(s, ok ? "OK" : "E01");
}

/* What was asked makes no sense. */
static void answer_nonsense(struct gdb_stub *s)
{
	answer(s, "E16");
}

static void answer_unknown(struct gdb_stub *s)
{
	answer(s, "");
}

static void answer_stop(struct gdb_stub *s)
{
	static const char *const words[] = {
		[GDB_POINT_SOFTWARE] = "swbreak:;", [GDB_POINT_HARDWARE] = "hwbreak:;",
		[GDB_POINT_WRITE] = "watch:", [GDB_POINT_READ] = "rwatch:",
		[GDB_POINT_ACCESS] = "awatch:",
	};
	const struct gdb_stop *stop = &s->last;
	bool watch = stop->point >= GDB_POINT_WRITE;
	uint8_t signal = stop->why == GDB_INTERRUPTED ? SIGNAL_INT :
			 stop->why == GDB_CRASHED ? SIGNAL_SEGV : SIGNAL_TRAP;

	gdb_out_begin(&s->out);
	gdb_out_char(&s->out, 'T');
	gdb_out_bytes(&s->out, &signal, 1);
	if (stop->why == GDB_HIT && (watch || s->tells_points)) {
		gdb_out_text(&s->out, words[stop->point]);
		if (watch) {
			gdb_out_number(&s->out, stop->addr);
			gdb_out_char(&s->out, ';');
		}
	}
	gdb_out_text(&s->out, "thread:");
	gdb_out_number(&s->out, stop->cpu + 1);
	gdb_out_char(&s->out, ';');
	gdb_out_end(&s->out);
}

/* Threads. */

/* A thread's number, or THREAD_ANY or THREAD_ALL. */
static bool take_thread(const struct gdb_stub *s, struct gdb_text *t, int *thread)
{
	uint64_t n;

	if (gdb_take(t, "-1")) {
		*thread = THREAD_ALL;
		return true;
	}
	if (!gdb_take_number(t, &n) || n > s->ops->cpus(s->ctx))
		return false;
	*thread = (int)n;
	return true;
}

/* H: what is asked from now on is asked of this thread. */
static void ask_thread(struct gdb_stub *s, struct gdb_text *t)
{
	bool look = gdb_take(t, "g");
	int thread;

	if ((!look && !gdb_take(t, "c")) || !take_thread(s, t, &thread) || t->left) {
		answer_nonsense(s);
		return;
	}
	if (look && thread > 0)
		s->cpu = (unsigned int)thread - 1;
	answer(s, "OK");
}

static void ask_alive(struct gdb_stub *s, struct gdb_text *t)
{
	int thread;

	answer_ok(s, take_thread(s, t, &thread) && !t->left && thread > 0);
}

static void ask_thread_list(struct gdb_stub *s, struct gdb_text *t UNUSED)
{
	gdb_out_begin(&s->out);
	for (unsigned int i = 0; i < s->ops->cpus(s->ctx); i++) {
		gdb_out_char(&s->out, i ? ',' : 'm');
		gdb_out_number(&s->out, i + 1);
	}
	gdb_out_end(&s->out);
}

/* All of them were in the first answer. */
static void ask_thread_rest(struct gdb_stub *s, struct gdb_text *t UNUSED)
{
	answer(s, "l");
}

static void ask_thread_info(struct gdb_stub *s, struct gdb_text *t)
{
	char text[128];
	int thread;

	if (!take_thread(s, t, &thread) || t->left || thread <= 0) {
		answer_nonsense(s);
		return;
	}
	s->ops->describe(s->ctx, (unsigned int)thread - 1, text, sizeof(text));
	gdb_out_begin(&s->out);
	gdb_out_bytes(&s->out, text, strlen(text));
	gdb_out_end(&s->out);
}

static void ask_current(struct gdb_stub *s, struct gdb_text *t)
{
	/* Other words begin so, too. */
	if (t->left) {
		answer_unknown(s);
		return;
	}
	gdb_out_begin(&s->out);
	gdb_out_text(&s->out, "QC");
	gdb_out_number(&s->out, s->last.cpu + 1);
	gdb_out_end(&s->out);
}

/* Registers. */

static unsigned int registers(const struct gdb_stub *s)
{
	return s->described ? GDB_REGS : GDB_REGS_COMMON;
}

static void ask_registers(struct gdb_stub *s, struct gdb_text *t UNUSED)
{
	uint8_t bytes[GDB_REG_SIZE];

	gdb_out_begin(&s->out);
	for (unsigned int i = 0; i < registers(s); i++) {
		if (s->ops->get_reg(s->ctx, s->cpu, i, bytes))
			gdb_out_bytes(&s->out, bytes, gdb_reg_size(i));
		else
			for (size_t k = 0; k < 2 * gdb_reg_size(i); k++)
				gdb_out_char(&s->out, 'x');
	}
	gdb_out_end(&s->out);
}

/* gdb may leave out the last ones. */
static void tell_registers(struct gdb_stub *s, struct gdb_text *t)
{
	bool ok = t->left > 0;

	for (unsigned int i = 0; i < registers(s) && t->left && ok; i++) {
		uint8_t bytes[GDB_REG_SIZE] = { 0 };

		ok = gdb_take_bytes(t, bytes, gdb_reg_size(i)) &&
		     s->ops->set_reg(s->ctx, s->cpu, i, bytes);
	}
	answer_ok(s, ok && !t->left);
}

static void ask_register(struct gdb_stub *s, struct gdb_text *t)
{
	uint8_t bytes[GDB_REG_SIZE];
	uint64_t n;

	if (!gdb_take_number(t, &n) || t->left || n >= GDB_REGS) {
		answer_nonsense(s);
		return;
	}
	if (!s->ops->get_reg(s->ctx, s->cpu, (unsigned int)n, bytes)) {
		answer_ok(s, false);
		return;
	}
	gdb_out_begin(&s->out);
	gdb_out_bytes(&s->out, bytes, gdb_reg_size((unsigned int)n));
	gdb_out_end(&s->out);
}

static void tell_register(struct gdb_stub *s, struct gdb_text *t)
{
	uint8_t bytes[GDB_REG_SIZE] = { 0 };
	uint64_t n;

	if (!gdb_take_number(t, &n) || n >= GDB_REGS || !gdb_take(t, "=") ||
	    !gdb_take_bytes(t, bytes, gdb_reg_size((unsigned int)n)) || t->left)
		answer_nonsense(s);
	else
		answer_ok(s, s->ops->set_reg(s->ctx, s->cpu, (unsigned int)n, bytes));
}

/* Memory. */

/* "ADDRESS,LENGTH" */
static bool take_range(struct gdb_text *t, uint64_t *addr, uint64_t *size)
{
	return gdb_take_number(t, addr) && gdb_take(t, ",") && gdb_take_number(t, size);
}

static bool read_memory(struct gdb_stub *s, uint64_t addr, size_t size)
{
	return s->ops->read(s->ctx, s->cpu, s->physical, addr, s->buf, size);
}

static void ask_memory(struct gdb_stub *s, struct gdb_text *t)
{
	uint64_t addr, size, page;

	if (!take_range(t, &addr, &size) || t->left) {
		answer_nonsense(s);
		return;
	}
	size = MIN(size, (uint64_t)READ_MAX);
	page = PAGE - addr % PAGE;
	if (!read_memory(s, addr, (size_t)size)) {
		/* Perhaps there is a part of it. */
		if (page >= size || !read_memory(s, addr, (size_t)page)) {
			answer(s, "E0e");
			return;
		}
		size = page;
	}
	gdb_out_begin(&s->out);
	gdb_out_bytes(&s->out, s->buf, (size_t)size);
	gdb_out_end(&s->out);
}

static void write_memory(struct gdb_stub *s, uint64_t addr, const uint8_t *bytes, size_t size)
{
	answer(s, s->ops->write(s->ctx, s->cpu, s->physical, addr, bytes, size) ? "OK" : "E0e");
}

static void tell_memory(struct gdb_stub *s, struct gdb_text *t)
{
	uint64_t addr, size;

	if (!take_range(t, &addr, &size) || !gdb_take(t, ":") || size > sizeof(s->buf) ||
	    t->left != 2 * size || !gdb_take_bytes(t, s->buf, (size_t)size))
		answer_nonsense(s);
	else
		write_memory(s, addr, s->buf, (size_t)size);
}

static void tell_memory_binary(struct gdb_stub *s, struct gdb_text *t)
{
	uint64_t addr, size;

	if (!take_range(t, &addr, &size) || !gdb_take(t, ":") || t->left != size)
		answer_nonsense(s);
	else
		write_memory(s, addr, t->p, t->left);
}

static void ask_physical(struct gdb_stub *s, struct gdb_text *t UNUSED)
{
	answer(s, s->physical ? "1" : "0");
}

static void tell_physical(struct gdb_stub *s, struct gdb_text *t)
{
	uint64_t n;

	if (!gdb_take_number(t, &n) || t->left || n > 1) {
		answer_nonsense(s);
		return;
	}
	s->physical = n;
	answer(s, "OK");
}

/* Breakpoints. */

static void tell_point(struct gdb_stub *s, struct gdb_text *t, bool insert)
{
	int (*run)(void *ctx, unsigned int cpu, enum gdb_point point, uint64_t addr, size_t size);
	uint64_t kind, addr, size;
	int ret;

	if (!gdb_take_number(t, &kind) || !gdb_take(t, ",") || !take_range(t, &addr, &size) ||
	    size > PAGE) {
		answer_nonsense(s);
		return;
	}
	run = insert ? s->ops->insert : s->ops->remove;
	ret = kind > GDB_POINT_ACCESS ? -ENOTSUP :
	      run(s->ctx, s->cpu, (enum gdb_point)kind, addr, (size_t)size);
	if (ret == -ENOTSUP)
		answer_unknown(s);
	else
		answer_ok(s, !ret);
}

static void tell_insert(struct gdb_stub *s, struct gdb_text *t)
{
	/* What may follow are conditions and commands, which we have not offered. */
	tell_point(s, t, true);
}

static void tell_remove(struct gdb_stub *s, struct gdb_text *t)
{
	tell_point(s, t, false);
}

/* Running. */

static void run(struct gdb_stub *s)
{
	s->running = true;
	s->ops->go(s->ctx, s->go);
}

/* c, s, C, S: the thread that is looked at steps; all continue. */
static void run_old(struct gdb_stub *s, struct gdb_text *t, enum gdb_go go, bool has_signal)
{
	uint64_t signal;

	/* An address to go on from might follow; gdb sets it as a register instead. */
	if ((has_signal && !gdb_take_number(t, &signal)) || t->left) {
		answer_nonsense(s);
		return;
	}
	for (unsigned int i = 0; i < s->ops->cpus(s->ctx); i++)
		s->go[i] = GDB_CONTINUE;
	s->go[s->cpu] = go;
	run(s);
}

static void ask_continue(struct gdb_stub *s, struct gdb_text *t)
{
	run_old(s, t, GDB_CONTINUE, false);
}

static void ask_continue_signal(struct gdb_stub *s, struct gdb_text *t)
{
	run_old(s, t, GDB_CONTINUE, true);
}

static void ask_step(struct gdb_stub *s, struct gdb_text *t)
{
	run_old(s, t, GDB_STEP, false);
}

static void ask_step_signal(struct gdb_stub *s, struct gdb_text *t)
{
	run_old(s, t, GDB_STEP, true);
}

/* One action: "c", "s", "C" or "S" and a signal, each with or without ":THREAD". Signals
 * mean nothing to a machine. The first action that names a thread counts for it. */
static bool take_action(struct gdb_stub *s, struct gdb_text *t, bool *given)
{
	unsigned int cpus = s->ops->cpus(s->ctx);
	enum gdb_go go = GDB_CONTINUE;
	int thread = THREAD_ALL;
	uint64_t signal;

	if (gdb_take(t, "s") || gdb_take(t, "S"))
		go = GDB_STEP;
	else if (!gdb_take(t, "c") && !gdb_take(t, "C"))
		return false;
	/* Only behind the capital letters there is a number. */
	if (t->left && *t->p != ':' && *t->p != ';' && !gdb_take_number(t, &signal))
		return false;
	if (gdb_take(t, ":") && !take_thread(s, t, &thread))
		return false;
	for (unsigned int i = 0; i < cpus; i++) {
		if (given[i] || (thread > 0 && i != (unsigned int)thread - 1))
			continue;
		s->go[i] = go;
		given[i] = true;
		if (thread == THREAD_ANY)
			break;
	}
	return true;
}

static void ask_vcont(struct gdb_stub *s, struct gdb_text *t)
{
	bool given[TOPOLOGY_CPUS_MAX] = { false };

	if (gdb_take(t, "?")) {
		answer(s, "vCont;c;C;s;S");
		return;
	}
	for (unsigned int i = 0; i < TOPOLOGY_CPUS_MAX; i++)
		s->go[i] = GDB_STAY;
	do {
		if (!gdb_take(t, ";") || !take_action(s, t, given)) {
			answer_nonsense(s);
			return;
		}
	} while (t->left);
	run(s);
}

/* Questions about ourselves. */

static void ask_supported(struct gdb_stub *s, struct gdb_text *t)
{
	char text[160];

	/* A list with ';' between: look at each. */
	while (t->left) {
		if (gdb_take(t, "swbreak+"))
			s->tells_points = true;
		while (t->left && !gdb_take(t, ";"))
			t->p++, t->left--;
	}
	snprintf(text, sizeof(text), "PacketSize=%x;qXfer:features:read+;vContSupported+;"
		 "QStartNoAckMode+;swbreak+;hwbreak+", GDB_TEXT_MAX);
	answer(s, text);
}

static void ask_no_ack(struct gdb_stub *s, struct gdb_text *t UNUSED)
{
	answer(s, "OK");
	s->no_ack = true;
}

/* "target.xml:OFFSET,LENGTH" */
static void ask_features(struct gdb_stub *s, struct gdb_text *t)
{
	uint64_t offset, size;
	bool rest;

	if (!gdb_take(t, "target.xml:") || !take_range(t, &offset, &size) || t->left) {
		answer(s, "E00");
		return;
	}
	s->described = true;
	offset = MIN(offset, (uint64_t)s->xml_size);
	rest = size < s->xml_size - offset;
	size = rest ? size : s->xml_size - offset;
	gdb_out_begin(&s->out);
	gdb_out_char(&s->out, rest ? 'm' : 'l');
	gdb_out_binary(&s->out, s->xml + offset, (size_t)size);
	gdb_out_end(&s->out);
}

/* So gdb leaves the machine alone when it ends. */
static void ask_attached(struct gdb_stub *s, struct gdb_text *t UNUSED)
{
	answer(s, "1");
}

static void ask_why(struct gdb_stub *s, struct gdb_text *t UNUSED)
{
	answer_stop(s);
}

static void ask_command(struct gdb_stub *s, struct gdb_text *t)
{
	size_t size = t->left / 2;

	if (size >= sizeof(s->buf) || !gdb_take_bytes(t, s->buf, size) || t->left) {
		answer_nonsense(s);
		return;
	}
	s->buf[size] = 0;
	s->ops->command(s->ctx, (const char *)s->buf);
	answer(s, "OK");
}

void gdb_stub_print(struct gdb_stub *s, const char *text, size_t size)
{
	while (size) {
		size_t n = MIN(size, (size_t)PRINT_MAX);

		/* What is too long for anybody to read is cut short. */
		if (s->out.size + 2 * n + PAGE > GDB_OUT_MAX)
			return;
		gdb_out_begin(&s->out);
		gdb_out_char(&s->out, 'O');
		gdb_out_bytes(&s->out, text, n);
		gdb_out_end(&s->out);
		text += n;
		size -= n;
	}
}

/* The first that fits counts: longer words stand before those that they begin with. */
static const struct {
	const char *word;
	void (*run)(struct gdb_stub *s, struct gdb_text *t);
} questions[] = {
	{ "?", ask_why },
	{ "C", ask_continue_signal },
	{ "G", tell_registers },
	{ "H", ask_thread },
	{ "M", tell_memory },
	{ "P", tell_register },
	{ "QStartNoAckMode", ask_no_ack },
	{ "Qqemu.PhyMemMode:", tell_physical },
	{ "S", ask_step_signal },
	{ "T", ask_alive },
	{ "X", tell_memory_binary },
	{ "Z", tell_insert },
	{ "c", ask_continue },
	{ "g", ask_registers },
	{ "m", ask_memory },
	{ "p", ask_register },
	{ "qAttached", ask_attached },
	{ "qC", ask_current },
	{ "qRcmd,", ask_command },
	{ "qSupported", ask_supported },
	{ "qThreadExtraInfo,", ask_thread_info },
	{ "qXfer:features:read:", ask_features },
	{ "qfThreadInfo", ask_thread_list },
	{ "qqemu.PhyMemMode", ask_physical },
	{ "qsThreadInfo", ask_thread_rest },
	{ "s", ask_step },
	{ "vCont", ask_vcont },
	{ "z", tell_remove },
};

/* A packet. */

static enum gdb_talk take_packet(struct gdb_stub *s)
{
	struct gdb_text t = { s->in.text, s->in.size };

	/* gdb does not ask while it waits; whoever does may wait, too. */
	if (s->running) {
		answer(s, "E10");
		return GDB_GO_ON;
	}
	if (gdb_take(&t, "D")) {
		answer(s, "OK");
		return GDB_LEAVES;
	}
	if (gdb_take(&t, "vKill")) {
		answer(s, "OK");
		return GDB_KILLS;
	}
	if (s->in.size == 1 && gdb_take(&t, "k"))
		return GDB_KILLS;
	for (size_t i = 0; i < ARRAY_SIZE(questions); i++) {
		if (!gdb_take(&t, questions[i].word))
			continue;
		questions[i].run(s, &t);
		return GDB_GO_ON;
	}
	answer_unknown(s);
	return GDB_GO_ON;
}

enum gdb_talk gdb_stub_byte(struct gdb_stub *s, uint8_t byte)
{
	switch (gdb_in_byte(&s->in, byte)) {
	case GDB_PACKET:
		if (!s->no_ack)
			gdb_out_mark(&s->out, '+');
		return take_packet(s);
	case GDB_DAMAGED:
		if (!s->no_ack)
			gdb_out_mark(&s->out, '-');
		break;
	case GDB_NAK:
		gdb_out_again(&s->out);
		break;
	case GDB_BREAK:
		if (s->running)
			s->ops->stop(s->ctx);
		break;
	case GDB_JUNK:
		return GDB_NONSENSE;
	case GDB_ACK:
	case GDB_MORE:
		break;
	}
	return GDB_GO_ON;
}

void gdb_stub_stopped(struct gdb_stub *s, const struct gdb_stop *stop)
{
	bool asked = s->running;

	s->last = *stop;
	s->cpu = stop->cpu;
	s->running = false;
	if (asked)
		answer_stop(s);
}

void gdb_stub_ended(struct gdb_stub *s)
{
	if (s->running)
		answer(s, "W00");
}

void gdb_stub_begin(struct gdb_stub *s, const struct gdb_ops *ops, void *ctx)
{
	/* The buffers need not be cleared. */
	memset(&s->in, 0, offsetof(struct gdb_in, text));
	memset(&s->out, 0, offsetof(struct gdb_out, data));
	s->ops = ops;
	s->ctx = ctx;
	s->running = s->no_ack = s->described = s->tells_points = s->physical = false;
	s->cpu = 0;
	s->last = (struct gdb_stop){ .why = GDB_STEPPED };
	s->xml_size = gdb_regs_xml(s->xml);
}
