/* SPDX-License-Identifier: BSD-2-Clause */
/* monitor.h - The monitor: a few of QEMU's words for people
 *
 * Lines of text in, text out; what they do is what the control socket's commands of
 * the same names do. A monitor has a character device of its own, or shares that of
 * the serial console (Ctrl-A c).
 *
 * Guarded by vm->lock, called in the event loop.
 */
#ifndef VMM_MONITOR_H
#define VMM_MONITOR_H

#include <stdint.h>
#include <stdio.h>

#include "lib/compiler.h"
#include "vmm/chardev.h"

struct monitor;
struct vm;

/* Make one with a device of its own, or on that of somebody who gives it its input.
 * Return: 0 or -errno, logged. */
int monitor_create(struct vm *vm, const struct options_chardev *opt,
		   struct monitor **out) MUST_CHECK;
int monitor_create_on(struct vm *vm, struct chardev *dev, struct monitor **out) MUST_CHECK;

/* NULL is fine. */
void monitor_destroy(struct monitor *m);

/* Greet whoever has come. */
void monitor_greet(struct monitor *m);

/* Input: how much is taken, and @size bytes of it. */
unsigned int monitor_room(const struct monitor *m);
void monitor_input(struct monitor *m, const uint8_t *bytes, unsigned int size);

/* Where a monitor with a device of its own is, as chardev_filename(). */
const char *monitor_filename(const struct monitor *m, char buf[static CHARDEV_FILENAME]);

/**
 * monitor_run() - Do what one line says
 * @vm:		Machine
 * @line:	Without the newline
 * @to:		Where the answer goes, lines ended by newlines
 */
void monitor_run(struct vm *vm, const char *line, FILE *to);

#endif /* VMM_MONITOR_H */
