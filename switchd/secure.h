/* SPDX-License-Identifier: BSD-2-Clause */
/* secure.h - Port security: frames from addresses that a port may not have
 *
 * The table of addresses says which those are (fdb_refuses()): one that is another port's
 * for good, and one more than the port may have. This module says what becomes of their
 * frames. It is asked after the table has learnt what it would of a batch.
 *
 * Pure: no descriptor, no clock.
 */
#ifndef SWITCHD_SECURE_H
#define SWITCHD_SECURE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/eth.h"
#include "switchd/bridge.h"
#include "switchd/frame.h"

/* They pass, and are not learnt; they are dropped; the first one shuts the port. */
enum secure_action { SECURE_IGNORE, SECURE_DROP, SECURE_SHUTDOWN };

/**
 * struct secure - What is set for a port; all zero is the default
 * @refused:	Frames from such addresses
 * @last:	The last of these addresses
 */
struct secure {
	enum secure_action action;
	uint64_t refused;
	struct eth_addr last;
};

/* "ignore", "drop" or "shutdown". */
const char *secure_action_name(enum secure_action action);
bool secure_action_parse(const char *text, enum secure_action *action) MUST_CHECK;

/**
 * secure_apply() - Drop what comes from addresses that the port may not have
 * @secure:	Settings; counts
 * @fdb:	Table of addresses
 * @port:	Where the frames came in
 * @frames:	@n frames
 * @verdicts:	Theirs; those of frames that do not pass become drops
 *
 * Return: whether the port is to be shut; then no frame passes from the first bad one on
 */
bool secure_apply(struct secure *secure, struct fdb *fdb, uint16_t port,
		  const struct frame *frames, unsigned int n,
		  struct verdict *verdicts) MUST_CHECK;

#endif /* SWITCHD_SECURE_H */
