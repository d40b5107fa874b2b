/* SPDX-License-Identifier: BSD-2-Clause */
/* doorbell.h - Writing to eventfds that others hold, too
 *
 * A write to an eventfd blocks when its counter is full, unless O_NONBLOCK is
 * set; and whoever else holds the eventfd can fill the counter and clear the
 * flag, at any moment. No look beforehand helps. So while doorbells are rung an
 * interval timer runs, whose signal does nothing but interrupt a write that
 * blocks: DOORBELL_LIMIT_US is the longest that a hostile peer can keep us, once.
 * It stops by itself when no doorbell is rung any more.
 *
 * The timer is the process's (ITIMER_REAL, SIGALRM).
 */
#ifndef SWITCHD_DOORBELL_H
#define SWITCHD_DOORBELL_H

#include <stdbool.h>

#include "lib/compiler.h"

enum { DOORBELL_LIMIT_US = 1000 };

/* Ring; a bell that is ringing already is fine. Return: 0, or -EBUSY if the bell
 * is jammed: its owner means harm. */
int doorbell_ring(int fd) MUST_CHECK;

/* Take note of an eventfd that became readable; never blocks. */
void doorbell_answer(int fd);

#endif /* SWITCHD_DOORBELL_H */
