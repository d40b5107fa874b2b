/* SPDX-License-Identifier: BSD-2-Clause */
/* test-gdb.c - gdb's remote protocol: packets, registers, and a talk about a machine that
 * is made up
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/gdb_packet.h"
#include "vmm/gdb_regs.h"
#include "vmm/gdb_stub.h"

enum { CPUS = 3, MEMORY = 0x3000, GAP = 0x2000 };

/* A machine: three CPUs, memory with nothing behind GAP, a diary of what was done. */

static struct {
	struct gdb_cpu cpu[CPUS];
	uint8_t memory[MEMORY];
	char diary[512];
	bool physical;
} m;

static struct gdb_stub *stub;

static void note(const char *fmt, ...) PRINTF(1, 2);

static void note(const char *fmt, ...)
{
	size_t n = strlen(m.diary);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(m.diary + n, sizeof(m.diary) - n, fmt, ap);
	va_end(ap);
}

static unsigned int fake_cpus(void *ctx UNUSED)
{
	return CPUS;
}

static void fake_describe(void *ctx UNUSED, unsigned int cpu, char *text, size_t size)
{
	snprintf(text, size, "cpu %u", cpu);
}

static bool fake_get(void *ctx UNUSED, unsigned int cpu, unsigned int n,
		     uint8_t bytes[GDB_REG_SIZE])
{
	assert_true(cpu < CPUS && n < GDB_REGS);
	gdb_reg_get(&m.cpu[cpu], n, bytes);
	return true;
}

static bool fake_set(void *ctx UNUSED, unsigned int cpu, unsigned int n,
		     const uint8_t bytes[GDB_REG_SIZE])
{
	assert_true(cpu < CPUS && n < GDB_REGS);
	return gdb_reg_set(&m.cpu[cpu], n, bytes);
}

static bool in_memory(uint64_t addr, size_t size)
{
	return addr < GAP && size <= GAP - addr;
}

static bool fake_read(void *ctx UNUSED, unsigned int cpu UNUSED, bool physical, uint64_t addr,
		      uint8_t *buf, size_t size)
{
	m.physical = physical;
	if (!in_memory(addr, size))
		return false;
	memcpy(buf, m.memory + addr, size);
	return true;
}

static bool fake_write(void *ctx UNUSED, unsigned int cpu UNUSED, bool physical, uint64_t addr,
		       const uint8_t *buf, size_t size)
{
	m.physical = physical;
	if (!in_memory(addr, size))
		return false;
	memcpy(m.memory + addr, buf, size);
	return true;
}

static int fake_insert(void *ctx UNUSED, unsigned int cpu, enum gdb_point point, uint64_t addr,
		       size_t size)
{
	note("+%d@%x/%zu on %u;", (int)point, (unsigned int)addr, size, cpu);
	return point == GDB_POINT_READ ? -ENOTSUP : addr == 0xbad ? -ENOSPC : 0;
}

static int fake_remove(void *ctx UNUSED, unsigned int cpu UNUSED, enum gdb_point point,
		       uint64_t addr, size_t size UNUSED)
{
	note("-%d@%x;", (int)point, (unsigned int)addr);
	return 0;
}

static void fake_go(void *ctx UNUSED, const enum gdb_go *go)
{
	for (unsigned int i = 0; i < CPUS; i++)
		note("%c", ".cs"[go[i]]);
	note(";");
}

static void fake_stop(void *ctx UNUSED)
{
	const struct gdb_stop stop = { .why = GDB_INTERRUPTED, .cpu = 1 };

	note("stop;");
	gdb_stub_stopped(stub, &stop);
}

static void fake_command(void *ctx UNUSED, const char *line)
{
	note("command %s;", line);
	gdb_stub_print(stub, "said\n", 5);
}

static const struct gdb_ops fake_ops = {
	.cpus = fake_cpus, .describe = fake_describe, .get_reg = fake_get, .set_reg = fake_set,
	.read = fake_read, .write = fake_write, .insert = fake_insert, .remove = fake_remove,
	.go = fake_go, .stop = fake_stop, .command = fake_command,
};

static int begin(void **state UNUSED)
{
	memset(&m, 0, sizeof(m));
	for (unsigned int i = 0; i < MEMORY; i++)
		m.memory[i] = (uint8_t)i;
	m.cpu[0].main.rax = 0x1122334455667788;
	m.cpu[1].main.rip = 0xffffffff81000000;
	stub = calloc(1, sizeof(*stub));
	gdb_stub_begin(stub, &fake_ops, NULL);
	return 0;
}

static int end(void **state UNUSED)
{
	free(stub);
	return 0;
}

/* Everything that is to be sent; it counts as sent. */
static const char *sent(void)
{
	static char text[GDB_OUT_MAX + 1];
	size_t n = stub->out.size - stub->out.sent;

	memcpy(text, stub->out.data + stub->out.sent, n);
	text[n] = 0;
	stub->out.sent = stub->out.size;
	return text;
}

static enum gdb_talk feed(const char *bytes, size_t size)
{
	enum gdb_talk talk = GDB_GO_ON;

	for (size_t i = 0; i < size && talk == GDB_GO_ON; i++)
		talk = gdb_stub_byte(stub, (uint8_t)bytes[i]);
	return talk;
}

/* Ask, with a right sum. */
static enum gdb_talk say_bytes(const char *text, size_t size)
{
	char frame[2 * GDB_TEXT_MAX];
	uint8_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum = (uint8_t)(sum + (uint8_t)text[i]);
	frame[0] = '$';
	memcpy(frame + 1, text, size);
	frame[size + 1] = '#';
	frame[size + 2] = "0123456789abcdef"[sum >> 4];
	frame[size + 3] = "0123456789abcdef"[sum & 15];
	return feed(frame, size + 4);
}

static enum gdb_talk say(const char *text)
{
	return say_bytes(text, strlen(text));
}

/* The text of the one packet that answers; "?" if there is something else around it. */
static const char *ask(const char *question)
{
	static char text[GDB_OUT_MAX + 1];
	char *hash;

	assert_int_equal(say(question), GDB_GO_ON);
	snprintf(text, sizeof(text), "%s", sent());
	hash = strrchr(text, '#');
	if (strncmp(text, "+$", 2) || !hash || strlen(hash) != 3)
		return "?";
	*hash = 0;
	return text + 2;
}

/* Packets. */

static void packets(void **state UNUSED)
{
	/* The sums were made by hand. */
	assert_int_equal(feed("$?#3f", 5), GDB_GO_ON);
	assert_string_equal(sent(), "+$T05thread:1;#d7");
	assert_int_equal(feed("$?#3e", 5), GDB_GO_ON);
	assert_string_equal(sent(), "-");
	assert_int_equal(feed("$?#3F", 5), GDB_GO_ON);
	assert_string_equal(sent(), "+$T05thread:1;#d7");
	assert_int_equal(feed("$?#zz", 5), GDB_GO_ON);
	assert_string_equal(sent(), "-");
	/* One was lost on the way. */
	assert_int_equal(feed("$m0,$?#3f", 9), GDB_GO_ON);
	assert_string_equal(sent(), "+$T05thread:1;#d7");
	/* Once more, and only the packet. */
	assert_int_equal(feed("-", 1), GDB_GO_ON);
	assert_string_equal(sent(), "$T05thread:1;#d7");
	assert_int_equal(feed("+", 1), GDB_GO_ON);
	assert_string_equal(sent(), "");
	assert_string_equal(ask("unknown"), "");
	assert_string_equal(ask(""), "");
}

static void junk(void **state UNUSED)
{
	static char large[GDB_TEXT_MAX + 2];

	assert_int_equal(feed("GET / HTTP/1.1\r\n", 16), GDB_NONSENSE);
	gdb_stub_begin(stub, &fake_ops, NULL);
	memset(large, 'a', sizeof(large));
	assert_int_equal(say_bytes(large, GDB_TEXT_MAX), GDB_GO_ON);
	assert_string_equal(sent(), "+$#00");
	assert_int_equal(say_bytes(large, GDB_TEXT_MAX + 1), GDB_NONSENSE);
}

static void binary(void **state UNUSED)
{
	static const char hash[] = "X10,4:a}\x03}\x04}\x5d", open[] = "X10,1:}";

	/* '#', '$' and '}' are escaped; the sum is that of what is sent. */
	assert_int_equal(say_bytes(hash, sizeof(hash) - 1), GDB_GO_ON);
	assert_string_equal(sent(), "+$OK#9a");
	assert_memory_equal(m.memory + 0x10, "a#$}", 4);
	/* An escape with nothing behind it. */
	assert_int_equal(say_bytes(open, sizeof(open) - 1), GDB_GO_ON);
	assert_string_equal(sent(), "-");
	assert_string_equal(ask("X0,0:"), "OK");
	assert_string_equal(ask("X0,2:a"), "E16");
	/* Answers are escaped, too. */
	gdb_out_begin(&stub->out);
	gdb_out_binary(&stub->out, "a#b$c}d*", 8);
	gdb_out_end(&stub->out);
	assert_string_equal(sent(), "$a}\x03" "b}\x04" "c}\x5d" "d}\x0a" "#ec");
}

/* What does not fit becomes an error, and nothing is written behind the end. */
static void too_much(void **state UNUSED)
{
	for (size_t i = 0; i < GDB_OUT_MAX - 8; i++)
		gdb_out_mark(&stub->out, '+');
	gdb_out_begin(&stub->out);
	gdb_out_text(&stub->out, "a text that is longer");
	gdb_out_end(&stub->out);
	assert_true(stub->out.size <= GDB_OUT_MAX);
	assert_memory_equal(stub->out.data + stub->out.size - 7, "$E0c#d8", 7);
}

static void no_ack(void **state UNUSED)
{
	/* This one is still told to have come whole. */
	assert_int_equal(say("QStartNoAckMode"), GDB_GO_ON);
	assert_string_equal(sent(), "+$OK#9a");
	assert_int_equal(say("qC"), GDB_GO_ON);
	assert_string_equal(sent(), "$QC1#c5");
	assert_int_equal(feed("$?#00", 5), GDB_GO_ON);
	assert_string_equal(sent(), "");
}

/* Registers. */

static void described(void **state UNUSED)
{
	char part[64], all[GDB_XML_MAX] = "";
	const char *text;

	for (size_t at = 0; ; at += strlen(text + 1)) {
		snprintf(part, sizeof(part), "qXfer:features:read:target.xml:%zx,400", at);
		text = ask(part);
		assert_true(*text == 'm' || *text == 'l');
		strcat(all, text + 1);
		if (*text == 'l')
			break;
	}
	assert_int_equal(strlen(all), stub->xml_size);
	assert_string_equal(all, stub->xml);
	assert_non_null(strstr(all, "<architecture>i386:x86-64</architecture>"));
	assert_string_equal(all + strlen(all) - 19, "</feature></target>");
	for (unsigned int i = 0; i < GDB_REGS; i++) {
		snprintf(part, sizeof(part), "<reg name=\"%s\" ", gdb_reg_name(i));
		assert_non_null(strstr(all, part));
	}
	/* What gdb knows by these numbers. */
	assert_string_equal(gdb_reg_name(16), "rip");
	assert_string_equal(gdb_reg_name(24), "st0");
	assert_string_equal(gdb_reg_name(40), "xmm0");
	assert_string_equal(gdb_reg_name(56), "mxcsr");
	assert_string_equal(ask("qXfer:features:read:target.xml:ffffffffffffffff,400"), "l");
	assert_string_equal(ask("qXfer:features:read:other.xml:0,400"), "E00");
}

/* gdb has it in mind that there are so many bytes. */
static void all_registers(void **state UNUSED)
{
	const char *text = ask("g");

	assert_int_equal(strlen(text), 2 * 536);
	assert_memory_equal(text, "8877665544332211" "0000000000000000", 32);
	ask("qXfer:features:read:target.xml:0,10");
	assert_int_equal(strlen(ask("g")), 2 * (536 + 9 * 8));
	assert_string_equal(ask("Hg2"), "OK");
	assert_memory_equal(ask("g") + 16 * 16, "00000081ffffffff", 16);
	assert_string_equal(ask("G010000000000000002"), "E01");
	assert_string_equal(ask("G01000000000000000200000000000000"), "OK");
	assert_int_equal(m.cpu[1].main.rax, 1);
	assert_int_equal(m.cpu[1].main.rbx, 2);
	assert_string_equal(ask("G"), "E01");
}

static void one_register(void **state UNUSED)
{
	assert_string_equal(ask("p0"), "8877665544332211");
	assert_string_equal(ask("P0=0100000000000000"), "OK");
	assert_int_equal(m.cpu[0].main.rax, 1);
	/* Flags: the upper half, which gdb does not have, stays. */
	m.cpu[0].main.rflags = 0xaaaaaaaa00000002;
	assert_string_equal(ask("P11=46000000"), "OK");
	assert_true(m.cpu[0].main.rflags == 0xaaaaaaaa00000046);
	/* A selector can be given the value that it has. */
	m.cpu[0].special.cs.selector = 0x10;
	assert_string_equal(ask("p12"), "10000000");
	assert_string_equal(ask("P12=10000000"), "OK");
	assert_string_equal(ask("P12=11000000"), "E01");
	assert_string_equal(ask("P12=10000100"), "E01");
	/* x87: two bits for a register where KVM has one. */
	m.cpu[0].fpu.ftwx = 0x81;
	assert_string_equal(ask("p22"), "fc3f0000");
	assert_string_equal(ask("P22=f0ff0000"), "OK");
	assert_int_equal(m.cpu[0].fpu.ftwx, 3);
	assert_string_equal(ask("P22=f0ff0100"), "E01");
	assert_string_equal(ask("P18=0102030405060708090a"), "OK");
	assert_memory_equal(m.cpu[0].fpu.fpr[0], "\1\2\3\4\5\6\7\10\11\12\0", 11);
	/* The last one there is, and none. */
	assert_string_equal(gdb_reg_name(0x41), "efer");
	m.cpu[0].special.efer = 0xd01;
	assert_string_equal(ask("p41"), "010d000000000000");
	assert_string_equal(ask("p42"), "E16");
	assert_string_equal(ask("P42=00"), "E16");
	assert_string_equal(ask("pffffffffffffffff"), "E16");
	assert_string_equal(ask("P0=00"), "E16");
	assert_string_equal(ask("P0=000000000000000000"), "E16");
}

/* Bits by hand, from the CPU's manual. */
static void debug_registers(void **state UNUSED)
{
	const struct gdb_hard hard[] = {
		{ GDB_POINT_HARDWARE, 0xffffffff81000000, 1 },
		{ GDB_POINT_WRITE, 0x1000, 8 },
		{ GDB_POINT_ACCESS, 0x2004, 4 },
		{ GDB_POINT_WRITE, 0x3002, 2 },
	};
	uint64_t dr[8];

	gdb_debug_registers(hard, 0, dr);
	assert_int_equal(dr[7], 0x400);
	gdb_debug_registers(hard, 1, dr);
	assert_true(dr[0] == 0xffffffff81000000);
	assert_int_equal(dr[7], 0x402);
	gdb_debug_registers(hard, 4, dr);
	assert_int_equal(dr[1], 0x1000);
	assert_int_equal(dr[2], 0x2004);
	assert_int_equal(dr[3], 0x3002);
	/* From the left: 2 bytes written, 4 touched, 8 written, executed. */
	assert_true(dr[7] == 0x5f9004aa);
}

/* Memory. */

static void memory(void **state UNUSED)
{
	char text[64];

	assert_string_equal(ask("m10,4"), "10111213");
	/* As much as there is. */
	assert_string_equal(ask("m1ffe,2"), "feff");
	assert_string_equal(ask("m1ffe,4"), "feff");
	assert_string_equal(ask("m2000,1"), "E0e");
	assert_string_equal(ask("mffffffffffffffff,2"), "E0e");
	snprintf(text, sizeof(text), "m0,%x", 2 * GDB_TEXT_MAX);
	assert_int_equal(strlen(ask(text)), GDB_TEXT_MAX);
	assert_string_equal(ask("M20,2:abcd"), "OK");
	assert_memory_equal(m.memory + 0x20, "\xab\xcd\x22", 3);
	assert_string_equal(ask("M20,2:abcdef"), "E16");
	assert_string_equal(ask("M20,2:ab"), "E16");
	assert_string_equal(ask("M20,2:abxx"), "E16");
	assert_string_equal(ask("M1fff,2:0000"), "E0e");
	assert_int_equal(m.memory[0x1fff], 0xff);
	assert_string_equal(ask("M0,ffffffffffffffff:00"), "E16");
	assert_string_equal(ask("m10"), "E16");
	assert_string_equal(ask("m11112222333344445,1"), "E16");
	assert_false(m.physical);
	assert_string_equal(ask("qqemu.PhyMemMode"), "0");
	assert_string_equal(ask("Qqemu.PhyMemMode:1"), "OK");
	assert_string_equal(ask("qqemu.PhyMemMode"), "1");
	assert_string_equal(ask("m10,1"), "10");
	assert_true(m.physical);
	assert_string_equal(ask("Qqemu.PhyMemMode:2"), "E16");
}

/* Threads. */

static void threads(void **state UNUSED)
{
	assert_string_equal(ask("qfThreadInfo"), "m1,2,3");
	assert_string_equal(ask("qsThreadInfo"), "l");
	assert_string_equal(ask("qThreadExtraInfo,3"), "6370752032");
	assert_string_equal(ask("qThreadExtraInfo,4"), "E16");
	assert_string_equal(ask("qThreadExtraInfo,0"), "E16");
	assert_string_equal(ask("T3"), "OK");
	assert_string_equal(ask("T4"), "E01");
	assert_string_equal(ask("T0"), "E01");
	assert_string_equal(ask("Hg4"), "E16");
	assert_string_equal(ask("Hc-1"), "OK");
	assert_string_equal(ask("Hx1"), "E16");
	assert_string_equal(ask("qC"), "QC1");
	assert_string_equal(ask("qCRC:0,1"), "");
	assert_string_equal(ask("qAttached"), "1");
}

/* Breakpoints and running. */

static void points(void **state UNUSED)
{
	assert_string_equal(ask("Hg3"), "OK");
	assert_string_equal(ask("Z0,123,1"), "OK");
	assert_string_equal(ask("Z2,1000,8"), "OK");
	assert_string_equal(ask("Z3,1000,8"), "");
	assert_string_equal(ask("Z5,1000,8"), "");
	assert_string_equal(ask("Z1,bad,1"), "E01");
	assert_string_equal(ask("z0,123,1"), "OK");
	assert_string_equal(ask("Z1,1000"), "E16");
	assert_string_equal(ask("Z1,1000,ffffffffffffffff"), "E16");
	assert_string_equal(m.diary,
			    "+0@123/1 on 2;+2@1000/8 on 2;+3@1000/8 on 2;+1@bad/1 on 2;-0@123;");
}

static void run(const char *how, const char *expected)
{
	const struct gdb_stop stop = { .why = GDB_STEPPED };

	m.diary[0] = 0;
	assert_int_equal(say(how), GDB_GO_ON);
	assert_string_equal(sent(), "+");
	assert_string_equal(m.diary, expected);
	gdb_stub_stopped(stub, &stop);
	assert_string_equal(sent(), "$T05thread:1;#d7");
}

static void runs(void **state UNUSED)
{
	assert_string_equal(ask("vCont?"), "vCont;c;C;s;S");
	run("c", "ccc;");
	run("s", "scc;");
	run("C05", "ccc;");
	run("S05", "scc;");
	run("vCont;c", "ccc;");
	run("vCont;s:2;c", "csc;");
	run("vCont;s:2", ".s.;");
	run("vCont;S05:3;C01:1", "c.s;");
	run("vCont;c;s:2", "ccc;");
	run("vCont;s:0", "s..;");
	run("vCont;c:-1", "ccc;");
	m.diary[0] = 0;
	assert_string_equal(ask("vCont;s:4"), "E16");
	assert_string_equal(ask("vCont;t"), "E16");
	assert_string_equal(ask("vCont;"), "E16");
	assert_string_equal(ask("vCont;c:1x"), "E16");
	assert_string_equal(ask("vCont"), "E16");
	assert_string_equal(ask("c1000"), "E16");
	assert_string_equal(ask("C"), "E16");
	assert_string_equal(m.diary, "");
}

static void stops(void **state UNUSED)
{
	const struct gdb_stop at = { .why = GDB_HIT, .cpu = 2, .point = GDB_POINT_SOFTWARE };
	const struct gdb_stop watch = {
		.why = GDB_HIT, .cpu = 1, .point = GDB_POINT_ACCESS, .addr = 0xffffffff81234560,
	};
	const struct gdb_stop crash = { .why = GDB_CRASHED };

	/* Ctrl-C means nothing to what stands still. */
	feed("\3", 1);
	assert_string_equal(m.diary, "");
	assert_string_equal(sent(), "");
	say("vCont;c");
	sent();
	/* It runs: that is no time for questions. */
	assert_string_equal(ask("g"), "E10");
	feed("\3", 1);
	assert_string_equal(m.diary, "ccc;stop;");
	assert_string_equal(sent(), "$T02thread:2;#d5");
	/* What gdb does not know of it is not told. */
	say("c");
	sent();
	gdb_stub_stopped(stub, &at);
	assert_string_equal(sent(), "$T05thread:3;#d9");
	assert_non_null(strstr(ask("qSupported:multiprocess+;swbreak+;hwbreak+"),
			       "PacketSize=4000;qXfer:features:read+;"));
	say("c");
	sent();
	gdb_stub_stopped(stub, &at);
	assert_string_equal(sent(), "$T05swbreak:;thread:3;#3d");
	assert_string_equal(ask("qC"), "QC3");
	say("c");
	sent();
	gdb_stub_stopped(stub, &watch);
	assert_string_equal(sent(), "$T05awatch:ffffffff81234560;thread:2;#92");
	assert_string_equal(ask("?"), "T05awatch:ffffffff81234560;thread:2;");
	say("c");
	sent();
	gdb_stub_stopped(stub, &crash);
	assert_string_equal(sent(), "$T0bthread:1;#04");
}

static void leaves(void **state UNUSED)
{
	assert_int_equal(say("D"), GDB_LEAVES);
	assert_string_equal(sent(), "+$OK#9a");
	assert_int_equal(say("k"), GDB_KILLS);
	assert_int_equal(say("vKill;1"), GDB_KILLS);
	sent();
	gdb_stub_ended(stub);
	assert_string_equal(sent(), "");
	say("c");
	sent();
	gdb_stub_ended(stub);
	assert_string_equal(sent(), "$W00#b7");
}

static void commands(void **state UNUSED)
{
	assert_int_equal(say("qRcmd,68656c70"), GDB_GO_ON);
	assert_string_equal(sent(), "+$O736169640a#8a$OK#9a");
	assert_string_equal(m.diary, "command help;");
	assert_string_equal(ask("qRcmd,6"), "E16");
	assert_string_equal(ask("qRcmd,zz"), "E16");
}

/* A long answer comes in pieces, and ends where there is no room. */
static void long_answer(void **state UNUSED)
{
	static char text[GDB_OUT_MAX];

	memset(text, 'x', sizeof(text));
	gdb_stub_print(stub, text, 3000);
	assert_int_equal(strlen(sent()), 2 * 3000 + 2 * 5);
	gdb_stub_print(stub, text, sizeof(text));
	assert_true(stub->out.size < GDB_OUT_MAX);
	assert_int_equal(stub->out.lost, 0);
	assert_true(stub->out.size > GDB_OUT_MAX / 2);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(packets, begin, end),
	cmocka_unit_test_setup_teardown(junk, begin, end),
	cmocka_unit_test_setup_teardown(binary, begin, end),
	cmocka_unit_test_setup_teardown(too_much, begin, end),
	cmocka_unit_test_setup_teardown(no_ack, begin, end),
	cmocka_unit_test_setup_teardown(described, begin, end),
	cmocka_unit_test_setup_teardown(all_registers, begin, end),
	cmocka_unit_test_setup_teardown(one_register, begin, end),
	cmocka_unit_test(debug_registers),
	cmocka_unit_test_setup_teardown(memory, begin, end),
	cmocka_unit_test_setup_teardown(threads, begin, end),
	cmocka_unit_test_setup_teardown(points, begin, end),
	cmocka_unit_test_setup_teardown(runs, begin, end),
	cmocka_unit_test_setup_teardown(stops, begin, end),
	cmocka_unit_test_setup_teardown(leaves, begin, end),
	cmocka_unit_test_setup_teardown(commands, begin, end),
	cmocka_unit_test_setup_teardown(long_answer, begin, end),
};

UNIT_MAIN(tests)
