/* SPDX-License-Identifier: BSD-2-Clause */
/* restart.h - The switch killed under traffic, again and again; see restart.c */
#ifndef TESTS_VHOST_RESTART_H
#define TESTS_VHOST_RESTART_H

/* Kill the switch, which is where sw_paths() said, @times times, or as often as fits
 * into @limit_s seconds (0 = however long it takes), and start it again. Reports by
 * test_report(). */
void restart_run(unsigned int times, unsigned int limit_s);

#endif /* TESTS_VHOST_RESTART_H */
