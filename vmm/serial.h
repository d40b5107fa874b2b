/* SPDX-License-Identifier: BSD-2-Clause */
/* serial.h - COM1: a 16550A UART, and what is at the other end of its cable
 *
 * The registers (National Semiconductor PC16550D) are those drivers use: data,
 * interrupt enable and identification, FIFO, line and modem control and status,
 * scratch, divisor latch, loopback. Speed is ignored: bytes move at once.
 *
 * Output goes to a ring of SERIAL_OUT bytes, which the event loop writes to the
 * cable; a vCPU never waits for a terminal. What does not fit is dropped. Input
 * is read from the cable only while the input ring has room.
 *
 * Guarded by vm->lock.
 */
#ifndef VMM_SERIAL_H
#define VMM_SERIAL_H

#include "lib/compiler.h"
#include "vmm/options.h"

enum {
	SERIAL_OUT = 256 << 10,
	SERIAL_IN = 4096,
};

struct serial;
struct vm;

/**
 * serial_create() - Put COM1 on the ports, its cable where @opt says
 * @vm:		Machine
 * @opt:	Options; borrowed
 * @out:	Set to the UART
 *
 * Return: 0 or -errno, logged
 */
int serial_create(struct vm *vm, const struct options_serial *opt,
		  struct serial **out) MUST_CHECK;

/* As after power-on. */
void serial_reset(struct serial *s);

/* Write out what is left, restore the terminal, remove the socket. NULL is fine. */
void serial_destroy(struct serial *s);

#endif /* VMM_SERIAL_H */
