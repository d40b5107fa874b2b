/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz-gdb.c - Fuzz target: a talk with somebody who may or may not be gdb
 *
 * DOC: Theory of operation
 *
 * The input is a list of events: a byte that says which, one that says how many bytes
 * belong to it, and those. A packet's text gets its escapes and its sum here, since no
 * fuzzer would guess them; other bytes come as they are. Between events the machine may
 * stop, and answers are taken away in pieces.
 *
 * The machine has two CPUs and next to no memory. What is checked:
 *
 * - it is asked only for what there is: CPUs, registers, sizes; it is let run only while
 *   it stands still, and to stop only while it runs;
 * - what is said to gdb is made of marks and packets with right sums, in which no byte
 *   stands that must not, and nothing is said that does not fit;
 * - each packet has one answer, but for those that let the machine run, or end it.
 */
#include "config.h"

#include "tests/fuzz/fuzz.h"

#include <errno.h>

#include "vmm/gdb_stub.h"

enum { CPUS = 2, MEMORY = 8192, EVENTS_MAX = 64 };
enum { EVENT_PACKET, EVENT_BYTES, EVENT_STOP, EVENTS };

static struct gdb_stub stub;
static struct gdb_cpu cpus[CPUS];
static uint8_t memory[MEMORY];
static unsigned int runs, answers, prints;
static bool machine_runs;

/* The machine. */

static void check_cpu(unsigned int cpu)
{
	FUZZ_CHECK(cpu < CPUS, "vCPU %u", cpu);
	FUZZ_CHECK(!machine_runs, "it runs");
}

static unsigned int fake_cpus(void *ctx UNUSED)
{
	return CPUS;
}

static void fake_describe(void *ctx UNUSED, unsigned int cpu, char *text, size_t size)
{
	check_cpu(cpu);
	snprintf(text, size, "#$}*");
}

static bool fake_get(void *ctx UNUSED, unsigned int cpu, unsigned int n,
		     uint8_t bytes[GDB_REG_SIZE])
{
	check_cpu(cpu);
	FUZZ_CHECK(n < GDB_REGS, "register %u", n);
	gdb_reg_get(&cpus[cpu], n, bytes);
	return cpus[0].main.rax != 1;
}

static bool fake_set(void *ctx UNUSED, unsigned int cpu, unsigned int n,
		     const uint8_t bytes[GDB_REG_SIZE])
{
	uint8_t now[GDB_REG_SIZE];
	bool ok;

	check_cpu(cpu);
	FUZZ_CHECK(n < GDB_REGS, "register %u", n);
	ok = gdb_reg_set(&cpus[cpu], n, bytes);
	gdb_reg_get(&cpus[cpu], n, now);
	/* Tags are not all kept. */
	FUZZ_CHECK(!ok || !memcmp(now, bytes, gdb_reg_size(n)) || !strcmp(gdb_reg_name(n), "ftag"),
		   "%s has another value", gdb_reg_name(n));
	return ok;
}

static bool is_memory(uint64_t addr, size_t size)
{
	return addr < MEMORY && size <= MEMORY - addr;
}

static bool fake_read(void *ctx UNUSED, unsigned int cpu, bool physical UNUSED, uint64_t addr,
		      uint8_t *buf, size_t size)
{
	check_cpu(cpu);
	/* All of it is there to be written. */
	memset(buf, 0xa5, size);
	if (!is_memory(addr, size))
		return false;
	memcpy(buf, memory + addr, size);
	return true;
}

static bool fake_write(void *ctx UNUSED, unsigned int cpu, bool physical UNUSED, uint64_t addr,
		       const uint8_t *buf, size_t size)
{
	uint8_t sum = 0;

	check_cpu(cpu);
	for (size_t i = 0; i < size; i++)
		sum ^= buf[i];
	memory[0] ^= sum;
	if (!is_memory(addr, size))
		return false;
	memcpy(memory + addr, buf, size);
	return true;
}

static int fake_point(void *ctx UNUSED, unsigned int cpu, enum gdb_point point, uint64_t addr,
		      size_t size)
{
	check_cpu(cpu);
	FUZZ_CHECK(point <= GDB_POINT_ACCESS, "a point of kind %d", (int)point);
	FUZZ_CHECK(size <= 4096, "a point of %zu bytes", size);
	return addr % 3 == 0 ? 0 : addr % 3 == 1 ? -ENOTSUP : -ENOSPC;
}

static void fake_go(void *ctx UNUSED, const enum gdb_go *go)
{
	FUZZ_CHECK(!machine_runs, "it runs");
	for (unsigned int i = 0; i < CPUS; i++)
		FUZZ_CHECK(go[i] <= GDB_STEP, "go %d", (int)go[i]);
	machine_runs = true;
	runs++;
}

static void stop(enum gdb_why why, unsigned int x)
{
	const struct gdb_stop s = {
		.why = why, .cpu = x % CPUS, .point = (enum gdb_point)(x / CPUS % 5), .addr = x,
	};

	machine_runs = false;
	answers++;
	gdb_stub_stopped(&stub, &s);
}

static void fake_stop(void *ctx UNUSED)
{
	FUZZ_CHECK(machine_runs, "it stands still");
	stop(GDB_INTERRUPTED, 0);
}

static void fake_command(void *ctx UNUSED, const char *line)
{
	size_t n = strlen(line);

	/* Some say much. */
	prints++;
	gdb_stub_print(&stub, line, n);
	if (n > 2 && line[0] == 'l')
		gdb_stub_print(&stub, (const char *)stub.buf, sizeof(stub.buf));
}

static const struct gdb_ops ops = {
	.cpus = fake_cpus, .describe = fake_describe, .get_reg = fake_get, .set_reg = fake_set,
	.read = fake_read, .write = fake_write, .insert = fake_point, .remove = fake_point,
	.go = fake_go, .stop = fake_stop, .command = fake_command,
};

/* What is said. */

static int value(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 1000;
}

/* Read a packet at @p, of at most @left bytes. Return: its size. */
static size_t read_packet(const uint8_t *p, size_t left)
{
	uint8_t sum = 0;
	size_t n = 1;

	while (n < left && p[n] != '#') {
		FUZZ_CHECK(p[n] != '$' && p[n] != '*', "byte %02x in a packet", p[n]);
		sum = (uint8_t)(sum + p[n++]);
	}
	FUZZ_CHECK(n + 3 <= left, "a packet has no end");
	FUZZ_CHECK(value(p[n + 1]) * 16 + value(p[n + 2]) == sum, "the sum is not %02x", sum);
	/* What a command has said is no answer yet. */
	if (p[1] != 'O' || !memcmp(p + 1, "OK#", 3))
		answers--;
	return n + 3;
}

static void take_all(void)
{
	struct gdb_out *out = &stub.out;
	const uint8_t *p = out->data + out->sent;
	size_t left = out->size - out->sent;

	FUZZ_CHECK(out->size <= GDB_OUT_MAX && out->sent <= out->size, "%zu of %zu bytes",
		   out->sent, out->size);
	while (left) {
		size_t n = 1;

		if (*p == '$')
			n = read_packet(p, left);
		else
			FUZZ_CHECK(*p == '+' || *p == '-', "byte %02x between packets", *p);
		p += n;
		left -= n;
	}
	out->sent = out->size;
}

/* Return: false at the end of the talk. */
static bool give(uint8_t byte, bool packet_ends)
{
	unsigned int before = runs;
	bool again = byte == '-' && stub.in.state == GDB_IN_IDLE;
	enum gdb_talk talk;

	if (again)
		return true;		/* an answer twice is counted by nobody */
	talk = gdb_stub_byte(&stub, byte);
	if (talk == GDB_NONSENSE || talk == GDB_KILLS)
		return false;
	if (packet_ends && runs == before)
		answers++;
	take_all();
	return talk == GDB_GO_ON;
}

static bool give_packet(const uint8_t *text, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t sum = 0;
	bool go_on = give('$', false);

	for (size_t i = 0; i < size && go_on; i++) {
		uint8_t c = text[i];

		if (c == '#' || c == '$' || c == '}') {
			sum = (uint8_t)(sum + '}');
			go_on = give('}', false);
			c ^= 0x20;
		}
		sum = (uint8_t)(sum + c);
		go_on = go_on && give(c, false);
	}
	return go_on && give('#', false) && give((uint8_t)digits[sum >> 4], false) &&
	       give((uint8_t)digits[sum & 15], true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_in in = { data, size };

	memset(cpus, 0, sizeof(cpus));
	memset(memory, 0x5a, sizeof(memory));
	runs = answers = prints = 0;
	machine_runs = false;
	memset(&stub, 0, sizeof(stub));
	gdb_stub_begin(&stub, &ops, NULL);
	for (unsigned int i = 0; i < EVENTS_MAX && in.left; i++) {
		uint8_t event = fuzz_u8(&in), n = fuzz_u8(&in), text[UINT8_MAX];
		bool go_on = true;

		fuzz_bytes(&in, text, n);
		if (event % EVENTS == EVENT_PACKET) {
			go_on = stub.in.state == GDB_IN_IDLE && give_packet(text, n);
			FUZZ_CHECK(!go_on || !answers, "%d answers are missing", (int)answers);
		} else if (event % EVENTS == EVENT_BYTES) {
			for (unsigned int k = 0; k < n && go_on; k++)
				go_on = give(text[k], false);
			answers = 0;
		} else if (machine_runs) {
			stop((enum gdb_why)(n % 4), event);
			take_all();
			FUZZ_CHECK(!answers, "it was not told of a stop");
		}
		if (!go_on)
			break;
	}
	gdb_stub_ended(&stub);
	return 0;
}
