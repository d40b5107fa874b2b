/* SPDX-License-Identifier: BSD-2-Clause */
/* gdb_stub.h - What gdb asks of a machine, and what it is answered
 *
 * DOC: Theory of operation
 *
 * gdb asks and we answer, one question at a time; each vCPU is a thread of gdb's, with
 * its number plus one. The machine stands still while gdb looks at it (all of it, or
 * none): when gdb lets it run there is no answer until it stands still again. From then
 * on the only question that is taken is Ctrl-C.
 *
 * gdb keeps breakpoints in a list of its own: it sets them before it lets the machine
 * run, takes them away when that stands still, and steps over those that are in its way.
 *
 * Like gdb_packet.h this does nothing by itself. What is to be done with the machine
 * goes through struct gdb_ops: to KVM in gdb_target.c, to a made-up machine in tests.
 *
 * Security model: whoever may talk to us owns the guest, as one who holds its memory
 * does, and nothing else. Every number is checked before it is used; the machine checks
 * addresses.
 */
#ifndef VMM_GDB_STUB_H
#define VMM_GDB_STUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/gdb_packet.h"
#include "vmm/gdb_regs.h"
#include "vmm/topology.h"

/** enum gdb_why - Why the machine stands still */
enum gdb_why { GDB_INTERRUPTED, GDB_STEPPED, GDB_HIT, GDB_CRASHED };

/**
 * struct gdb_stop - A stop
 * @cpu:	vCPU that it is about
 * @point:	For GDB_HIT, at what
 * @addr:	Address of what is watched
 */
struct gdb_stop {
	enum gdb_why why;
	unsigned int cpu;
	enum gdb_point point;
	uint64_t addr;
};

/** enum gdb_go - What a vCPU is to do when the machine runs */
enum gdb_go { GDB_STAY, GDB_CONTINUE, GDB_STEP };

/**
 * struct gdb_ops - A machine
 *
 * @cpu is always one that there is, @n a register. Those that return a bool say whether
 * all is well; an int is 0, -ENOTSUP for a kind of breakpoint that cannot be had, or
 * another -errno.
 * @cpus:	How many vCPUs there are
 * @describe:	What a vCPU is and does, in a few words
 * @read:	Memory as @cpu sees it, or by physical address
 * @go:		Let it run, each vCPU as @go[cpu] says
 * @stop:	Have it stand still; gdb_stub_stopped() tells of it
 * @command:	gdb's "monitor LINE": answers through gdb_stub_print()
 */
struct gdb_ops {
	unsigned int (*cpus)(void *ctx);
	void (*describe)(void *ctx, unsigned int cpu, char *text, size_t size);
	bool (*get_reg)(void *ctx, unsigned int cpu, unsigned int n,
			uint8_t bytes[GDB_REG_SIZE]);
	bool (*set_reg)(void *ctx, unsigned int cpu, unsigned int n,
			const uint8_t bytes[GDB_REG_SIZE]);
	bool (*read)(void *ctx, unsigned int cpu, bool physical, uint64_t addr, uint8_t *buf,
		     size_t size);
	bool (*write)(void *ctx, unsigned int cpu, bool physical, uint64_t addr,
		      const uint8_t *buf, size_t size);
	int (*insert)(void *ctx, unsigned int cpu, enum gdb_point point, uint64_t addr,
		      size_t size);
	int (*remove)(void *ctx, unsigned int cpu, enum gdb_point point, uint64_t addr,
		      size_t size);
	void (*go)(void *ctx, const enum gdb_go *go);
	void (*stop)(void *ctx);
	void (*command)(void *ctx, const char *line);
};

/**
 * struct gdb_stub - A talk with gdb
 * @out:	What is to be sent to it
 * @running:	It has let the machine run
 * @no_ack:	It does not want to be told that its packets came whole
 * @described:	It has read what registers there are
 * @tells_points: It wants to know which kind of breakpoint was hit
 * @physical:	Addresses are physical ones
 * @cpu:	Whose registers and memory it looks at
 * @last:	The last stop
 */
struct gdb_stub {
	const struct gdb_ops *ops;
	void *ctx;
	struct gdb_in in;
	struct gdb_out out;
	bool running;
	bool no_ack;
	bool described;
	bool tells_points;
	bool physical;
	unsigned int cpu;
	struct gdb_stop last;
	char xml[GDB_XML_MAX];
	size_t xml_size;
	uint8_t buf[GDB_TEXT_MAX];
	enum gdb_go go[TOPOLOGY_CPUS_MAX];
};

/** enum gdb_talk - How the talk goes on */
enum gdb_talk { GDB_GO_ON, GDB_LEAVES, GDB_KILLS, GDB_NONSENSE };

/* Begin a talk about a machine that stands still. */
void gdb_stub_begin(struct gdb_stub *s, const struct gdb_ops *ops, void *ctx);

/* What gdb says next; to be called only while nothing is left in @s->out. */
enum gdb_talk gdb_stub_byte(struct gdb_stub *s, uint8_t byte);

/* The machine stands still, having run. */
void gdb_stub_stopped(struct gdb_stub *s, const struct gdb_stop *stop);

/* The machine is no more. */
void gdb_stub_ended(struct gdb_stub *s);

/* Show gdb's user something, within ops->command(). */
void gdb_stub_print(struct gdb_stub *s, const char *text, size_t size);

#endif /* VMM_GDB_STUB_H */
