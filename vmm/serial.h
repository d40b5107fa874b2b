/* SPDX-License-Identifier: BSD-2-Clause */
/* serial.h - COM1: a 16550A UART
 *
 * The registers (National Semiconductor PC16550D) are those drivers use: data,
 * interrupt enable and identification, FIFO, line and modem control and status,
 * scratch, divisor latch, loopback. Speed is ignored: bytes move at once.
 *
 * What is at the other end of its cable is chardev.h's business; on a terminal of its
 * own, the monitor is there, too. Input that the guest has not read waits in a ring of
 * SERIAL_IN bytes.
 *
 * Guarded by vm->lock.
 */
#ifndef VMM_SERIAL_H
#define VMM_SERIAL_H

#include "lib/compiler.h"
#include "vmm/chardev.h"

enum { SERIAL_IN = 4096 };

struct serial;
struct state;
struct state_out;
struct vm;

/**
 * serial_create() - Put COM1 on the ports, its cable where @opt says
 * @vm:		Machine
 * @opt:	Options; borrowed
 * @out:	Set to the UART
 *
 * Return: 0 or -errno, logged
 */
int serial_create(struct vm *vm, const struct options_chardev *opt,
		  struct serial **out) MUST_CHECK;

/* How many bytes the guest has sent since power-on. */
uint64_t serial_said(const struct serial *s);

/* As after power-on. */
void serial_reset(struct serial *s);

/* Into a saved VM and out of it. Return: NULL, or why that cannot be. */
void serial_save(const struct serial *s, struct state_out *out);
const char *serial_load(struct serial *s, const struct state *from) MUST_CHECK;

/* Where its cable leads, as chardev_filename(). */
const char *serial_filename(const struct serial *s, char buf[static CHARDEV_FILENAME]);

/* As chardev_drain(). */
void serial_drain(struct serial *s);

/* NULL is fine. */
void serial_destroy(struct serial *s);

#endif /* VMM_SERIAL_H */
