/* SPDX-License-Identifier: BSD-2-Clause */
/* base.c - The test guest's ground: from ring 0 to ring 3, text, options, time
 *
 * Ring 0 gets as little as possible to do: on a KVM without virtualisation
 * hardware each of its instructions is emulated, some are not known at all,
 * and ring 3 runs at full speed. What ring 3 needs is given to it by tables:
 * all memory is mapped for it, and the task state segment allows it all ports.
 * (Allowing the ports by IOPL, which is kept in the flags, is lost on such a
 * KVM the first time that ring 3 runs.)
 */
#include "pollnet.h"

#include <stdarg.h>

#include "layout.h"

enum {
	PORT_COM1 = 0x3f8,
	COM_LSR = 5,
	COM_LSR_THRE = 0x20,

	PORT_PIT_CH2 = 0x42,
	PORT_PIT_MODE = 0x43,
	PORT_PIT_GATE = 0x61,
	PIT_CH2_LATCH = 0x80,
	PIT_CH2_ONE_SHOT = 0xb0,
	PIT_GATE = 0x01,
	PIT_SPEAKER = 0x02,
	PIT_OUT = 0x20,
	PIT_HZ = 1193182,

	PORT_KBD = 0x64,
	KBD_RESET = 0xfe,
	PORT_RESET = 0xcf9,
	RESET_HARD = 6,

	PORTS = 65536,
	VECTOR_UD = 6,
	GATE_INTERRUPT = 0x8e,
	TSS_PRESENT = 0x89,

	/* The loaders' structures. */
	ZERO_PAGE_RSDP = 0x70,
	ZERO_PAGE_CMDLINE = 0x228,
	PVH_CMDLINE = 24,
	PVH_RSDP = 32,
};

/* TSC cycles; the longest wait for the PIT, and for the end. */
#define TIME_LIMIT	2000000000ULL

struct table_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

struct gate {
	uint16_t offset0;
	uint16_t selector;
	uint8_t ist;
	uint8_t type;
	uint16_t offset16;
	uint32_t offset32;
	uint32_t reserved;
};

/* The task state segment, and behind it a bit for each port: 0 is yes. */
struct tss {
	uint32_t reserved0;
	uint64_t rsp0;
	uint8_t unused[90];
	uint16_t io_map;
	uint8_t ports[PORTS / 8];
	uint8_t end;
} __attribute__((packed));

/* What an exception leaves on the stack, the registers as entry.S does. */
struct frame {
	uint64_t r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax;
	uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

_Static_assert(sizeof(struct gate) == 16, "a gate has 16 bytes");
_Static_assert(offsetof(struct tss, ports) == 104, "a TSS has 104 bytes");

/* entry.S and pollnet.ld */
extern uint64_t gdt_tss[2];
extern const char vector_entries[], sysexit_insn[], halt_insn[];
extern const char start_ring3[], exception_stack_end[], user_stack_end[];
extern char bss_start[], bss_end[];
void load_tables(const struct table_pointer *idt);
void enter_ring3(void);
void insn_cmpxchg16b(void);
void insn_ud2(void);
void call_halt(void);
void halt(void) __attribute__((noreturn));

/* Called from entry.S. */
void ring0_main(uint64_t info, uint32_t loader) __attribute__((noreturn));
void ring3_main(void) __attribute__((noreturn));
void exception(struct frame *f);

/* What must survive the clearing of .bss, which ring 3 does. */
#define KEEP __attribute__((section(".data")))

static KEEP struct gate idt[VECTORS] = { 0 };
static KEEP struct tss tss = {
	.io_map = offsetof(struct tss, ports), .end = 0xff,
};
static KEEP char cmdline[CMDLINE_MAX] = "";
static KEEP const char *loader_name = "";
static KEEP const char *ring_name = "ring 3 by sysexit";
static KEEP uint64_t rsdp = 0;
static KEEP bool finishing = false;

static uint64_t tsc_khz;

/* Memory and text. */

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
	void *d = dst;

	__asm__ volatile("rep movsb" : "+D"(d), "+S"(src), "+c"(n) : : "memory");
	return dst;
}

/* Long ones by eight bytes: in ring 0 each step may be emulated. */
void *memset(void *dst, int c, size_t n)
{
	uint64_t words = n / 8, rest = n % 8;
	void *d = dst;

	__asm__ volatile("rep stosq" : "+D"(d), "+c"(words) :
			 "a"((uint8_t)c * 0x0101010101010101ULL) : "memory");
	__asm__ volatile("rep stosb" : "+D"(d), "+c"(rest) : "a"(c) : "memory");
	return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;

	for (size_t i = 0; i < n; i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

bool text_eq(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static void put_char(char c)
{
	for (int i = 0; i < 100000; i++)
		if (inb(PORT_COM1 + COM_LSR) & COM_LSR_THRE)
			break;
	outb(PORT_COM1, (uint8_t)c);
}

static void put_text(const char *s)
{
	while (*s)
		put_char(*s++);
}

static void put_number(uint64_t v, unsigned int base)
{
	char text[21], *p = text + sizeof(text) - 1;

	*p = '\0';
	do {
		*--p = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	put_text(p);
}

static void put_format(const char *fmt, va_list ap)
{
	for (; *fmt; fmt++) {
		if (*fmt != '%') {
			put_char(*fmt);
			continue;
		}
		fmt++;
		if (*fmt == 's') {
			put_text(va_arg(ap, const char *));
		} else if (*fmt == 'c') {
			put_char((char)va_arg(ap, int));
		} else if (*fmt == 'l' && (fmt[1] == 'u' || fmt[1] == 'x')) {
			fmt++;
			put_number(va_arg(ap, unsigned long), *fmt == 'u' ? 10 : 16);
		} else {
			put_char(*fmt);
		}
	}
	put_char('\n');
}

void say(const char *fmt, ...)
{
	va_list ap;

	put_text("pollnet: ");
	va_start(ap, fmt);
	put_format(fmt, ap);
	va_end(ap);
}

void fatal(const char *fmt, ...)
{
	va_list ap;

	put_text("pollnet: error: ");
	va_start(ap, fmt);
	put_format(fmt, ap);
	va_end(ap);
	finish();
}

const char *mac_text(char *text, const uint8_t *mac)
{
	char *p = text;

	for (int i = 0; i < ETH_ADDR; i++) {
		*p++ = "0123456789abcdef"[mac[i] >> 4];
		*p++ = "0123456789abcdef"[mac[i] & 15];
		*p++ = ':';
	}
	p[-1] = '\0';
	return text;
}

/* The command line. */

static const char *const option_names[] = {
	"mode", "exit", "s5", "ring", "tsc", "nic", "queue", "count", "size",
	"dst", "timeout", "wait", "window", "announce", "batch", "gap", "check", "insn",
	"disk", "blocks", "first", "flush", "cache", "op", "seed", "wild", "until",
};

void options_init(const char *text)
{
	size_t n = 0;

	if (text)
		while (n < CMDLINE_MAX - 1 && text[n]) {
			cmdline[n] = text[n];
			n++;
		}
	cmdline[n] = '\0';
}

/* Does the word at @word have this name? Then its value. */
static const char *option_match(const char *word, const char *name)
{
	while (*name && *word == *name) {
		word++;
		name++;
	}
	return *name || *word != '=' ? NULL : word + 1;
}

static const char *option_next(const char *p)
{
	while (*p && *p != ' ')
		p++;
	while (*p == ' ')
		p++;
	return p;
}

static const char *option_first(void)
{
	return *cmdline == ' ' ? option_next(cmdline) : cmdline;
}

void options_check(void)
{
	for (const char *p = option_first(); *p; p = option_next(p)) {
		bool known = false;

		for (size_t i = 0; i < ARRAY_SIZE(option_names); i++)
			known |= !!option_match(p, option_names[i]);
		if (!known)
			fatal("unknown option: %s", p);
	}
}

const char *option(const char *name, const char *preset)
{
	static KEEP char value[64] = "";
	const char *v = NULL;
	size_t n = 0;

	for (const char *p = option_first(); *p; p = option_next(p))
		if (option_match(p, name))
			v = option_match(p, name);
	if (!v)
		return preset;
	while (v[n] && v[n] != ' ' && n < sizeof(value) - 1) {
		value[n] = v[n];
		n++;
	}
	value[n] = '\0';
	return value;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/* Reads digits; returns where they end, NULL if there are none. */
static const char *parse_u64(const char *p, uint64_t *v)
{
	int base = 10;

	if (p[0] == '0' && p[1] == 'x') {
		base = 16;
		p += 2;
	}
	if (digit(*p) >= base)
		return NULL;
	for (*v = 0; digit(*p) < base; p++)
		*v = *v * (uint64_t)base + (uint64_t)digit(*p);
	return p;
}

uint64_t option_u64(const char *name, uint64_t preset)
{
	const char *text = option(name, NULL), *end;
	uint64_t v = preset;

	if (!text)
		return preset;
	end = parse_u64(text, &v);
	if (!end || *end)
		fatal("%s=%s is not a number", name, text);
	return v;
}

void option_mac(const char *name, uint8_t *mac)
{
	const char *text = option(name, NULL), *p = text;

	if (!text)
		return;
	for (int i = 0; i < ETH_ADDR; i++, p += 3) {
		if (digit(p[0]) > 15 || digit(p[1]) > 15 ||
		    p[2] != (i < ETH_ADDR - 1 ? ':' : '\0'))
			fatal("%s=%s is not a MAC address", name, text);
		mac[i] = (uint8_t)(digit(p[0]) << 4 | digit(p[1]));
	}
}

/* Time. */

/**
 * struct sample - TSC and PIT at one moment
 * @tsc:	Its value, half way through the reading
 * @width:	How long the reading took
 * @count:	What the PIT counted down to
 */
struct sample {
	uint64_t tsc;
	uint64_t width;
	uint32_t count;
};

/* The narrowest of a few, since the host may let us wait during any of them. */
static struct sample time_sample(void)
{
	struct sample best = { .width = ~0ULL };

	for (int i = 0; i < 5; i++) {
		uint64_t before = rdtsc(), after;
		uint32_t count;

		outb(PORT_PIT_MODE, PIT_CH2_LATCH);
		after = rdtsc();
		count = inb(PORT_PIT_CH2);
		count |= (uint32_t)inb(PORT_PIT_CH2) << 8;
		if (after - before < best.width)
			best = (struct sample){ before + (after - before) / 2,
						after - before, count };
	}
	return best;
}

/* Lets the PIT's third channel count down once, which takes it 55 ms, and looks
 * at it early and late; 0 if there was no time to look. */
static uint64_t time_measure(void)
{
	struct sample a, b;

	outb(PORT_PIT_GATE, (inb(PORT_PIT_GATE) & ~PIT_SPEAKER) | PIT_GATE);
	outb(PORT_PIT_MODE, PIT_CH2_ONE_SHOT);
	outb(PORT_PIT_CH2, 0xff);
	outb(PORT_PIT_CH2, 0xff);
	a = time_sample();
	do
		b = time_sample();
	while (b.count > 0x8000 && b.tsc - a.tsc < TIME_LIMIT);
	if (inb(PORT_PIT_GATE) & PIT_OUT || a.count < b.count + 0x1000)
		return 0;
	return (b.tsc - a.tsc) * PIT_HZ / (a.count - b.count) / 1000;
}

void time_init(void)
{
	tsc_khz = option_u64("tsc", 0);
	for (int i = 0; i < 20 && !tsc_khz; i++)
		tsc_khz = time_measure();
	if (!tsc_khz)
		fatal("the PIT does not count; give the TSC's kHz with tsc=");
}

uint64_t time_khz(void)
{
	return tsc_khz;
}

uint64_t time_ms(uint64_t ms)
{
	return ms * tsc_khz;
}

uint64_t time_us(uint64_t cycles)
{
	return cycles / tsc_khz * 1000 + cycles % tsc_khz * 1000 / tsc_khz;
}

/* The end. */

/* The register that the option "s5" names, as PORT:VALUE; a value of more than
 * a byte is written as a word. */
static void power_off_given(const char *text)
{
	uint64_t port, value;
	const char *p = parse_u64(text, &port);

	if (p && *p == ':')
		p = parse_u64(p + 1, &value);
	if (!p || *p) {
		say("error: s5=%s is not PORT:VALUE", text);
		return;
	}
	if (value > 0xff)
		outw((uint16_t)port, (uint16_t)value);
	else
		outb((uint16_t)port, (uint8_t)value);
}

static void power_off(void)
{
	const char *s5 = option("s5", NULL);

	if (s5)
		power_off_given(s5);
	else
		acpi_power_off(rsdp);
}

/* What was asked for takes effect a moment later. */
static void finish_wait(void)
{
	uint64_t start = rdtsc();

	while (rdtsc() - start < TIME_LIMIT)
		cpu_relax();
}

void finish(void)
{
	const char *how = option("exit", "off");
	bool reset = text_eq(how, "reset");

	/* An error on the way out must not lead here again. */
	if (finishing)
		call_halt();
	finishing = true;

	if (text_eq(how, "off")) {
		power_off();
		finish_wait();
		say("error: the machine did not power off");
	} else if (reset || text_eq(how, "kbd") || text_eq(how, "cf9")) {
		if (!text_eq(how, "cf9")) {
			outb(PORT_KBD, KBD_RESET);
			finish_wait();
		}
		if (!text_eq(how, "kbd")) {
			outb(PORT_RESET, RESET_HARD);
			finish_wait();
		}
		say("error: the machine did not reset");
	} else if (!text_eq(how, "halt")) {
		say("error: exit=%s is not known", how);
	}
	say("halt");
	call_halt();
	halt();
}

/* Ring 0. */

/* An exception, in ring 0. Two are expected, at known places. */
void exception(struct frame *f)
{
	uint64_t cr2;

	if (f->vector == VECTOR_UD && f->rip == (uintptr_t)sysexit_insn) {
		ring_name = "ring 3 by iretq";
		f->rip = (uintptr_t)start_ring3;
		f->cs = SEL_USER_CS;
		f->rsp = (uintptr_t)user_stack_end;
		f->ss = SEL_USER_DS;
		return;
	}
	if (f->vector == VECTOR_UD && f->rip == (uintptr_t)halt_insn)
		halt();
	__asm__ volatile("movq %%cr2, %0" : "=r"(cr2));
	fatal("exception %lu, error code 0x%lx, rip 0x%lx, cs 0x%lx, cr2 0x%lx",
	      f->vector, f->error, f->rip, f->cs, cr2);
}

static void tables_init(void)
{
	const struct table_pointer pointer = {
		.limit = sizeof(idt) - 1, .base = (uintptr_t)idt,
	};
	uint64_t addr;

	for (unsigned int i = 0; i < VECTORS; i++) {
		addr = (uintptr_t)vector_entries + i * VECTOR_ENTRY;
		idt[i] = (struct gate){
			.offset0 = (uint16_t)addr,
			.selector = SEL_KERNEL_CS,
			.type = GATE_INTERRUPT,
			.offset16 = (uint16_t)(addr >> 16),
			.offset32 = (uint32_t)(addr >> 32),
		};
	}
	tss.rsp0 = (uintptr_t)exception_stack_end;
	addr = (uintptr_t)&tss;
	gdt_tss[0] = (sizeof(tss) - 1) | (addr & 0xffffff) << 16 |
		     (uint64_t)TSS_PRESENT << 40 | (addr >> 24 & 0xff) << 56;
	gdt_tss[1] = addr >> 32;
	load_tables(&pointer);
}

static uint64_t loaded_u64(uint64_t addr)
{
	uint64_t v;

	memcpy(&v, (const void *)addr, sizeof(v));
	return v;
}

/* Only here ring 0 matters: on a KVM that emulates it, the first of these is what the
 * emulator does not know, the second asks it what the CPU is, and the third is the slowest
 * loop there is. */
static void ring0_modes(void)
{
	const char *mode = option("mode", "");

	if (text_eq(mode, "ud-emul")) {
		say("ud-emul: lock cmpxchg16b in ring 0");
		insn_cmpxchg16b();
		say("ud-emul: the instruction ran");
		finish();
	}
	if (text_eq(mode, "hostile-cpu")) {
		hostile_cpu();
		finish();
	}
	if (text_eq(mode, "hang")) {
		say("hang: ring 0");
		for (;;)
			cpu_relax();
	}
}

void ring0_main(uint64_t info, uint32_t loader)
{
	if (loader == BOOT_PVH) {
		loader_name = "PVH";
		rsdp = loaded_u64(info + PVH_RSDP);
		options_init((const char *)loaded_u64(info + PVH_CMDLINE));
	} else {
		loader_name = "Linux boot protocol";
		rsdp = loaded_u64(info + ZERO_PAGE_RSDP);
		options_init((const char *)(loaded_u64(info + ZERO_PAGE_CMDLINE) &
					    0xffffffff));
	}
	tables_init();
	if (text_eq(option("ring", "3"), "0")) {
		ring_name = "ring 0";
		ring0_modes();
		ring3_main();
	}
	if (text_eq(option("mode", ""), "ud-emul") ||
	    text_eq(option("mode", ""), "hostile-cpu"))
		ring0_modes();
	enter_ring3();
	halt();
}

/* Ring 3, unless the option "ring" says 0. */

void ring3_main(void)
{
	memset(bss_start, 0, (uintptr_t)bss_end - (uintptr_t)bss_start);
	options_check();
	if (text_eq(option("mode", ""), "hang")) {
		say("hang: ring 3");
		for (;;)
			cpu_relax();
	}
	if (text_eq(option("mode", ""), "triple")) {
		/* No gate is present, so the exception cannot be delivered, nor
		 * can the one that follows from that. */
		say("triple: an exception without handlers");
		memset(idt, 0, sizeof(idt));
		insn_ud2();
	}
	time_init();
	say("%s, %s, tsc %lu kHz", loader_name, ring_name, tsc_khz);
	modes_run();
	finish();
}
