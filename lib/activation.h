/* SPDX-License-Identifier: BSD-2-Clause */
/* activation.h - systemd: sockets it has opened for us, and telling it that we run
 *
 * A socket unit opens sockets and starts the service when somebody connects; the
 * service finds them as descriptors from 3 on (sd_listen_fds(3)). Which is which
 * shows in the path it is bound to, so nothing has to be configured on our side:
 * whoever wants to listen at a path gets the socket that systemd has there, with
 * the permissions of its unit, and otherwise a new one. What systemd opened stays
 * when we end.
 *
 * Everything here does nothing where the environment does not speak of systemd.
 */
#ifndef LIB_ACTIVATION_H
#define LIB_ACTIVATION_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/compiler.h"

enum { ACTIVATION_MAX = 64 };	/* sockets */

/* Take note of what we were given; once, at the start. A child forked later may
 * use it as well. */
void activation_init(void);

/* Whether systemd has a socket for us at @path. */
bool activation_has(const char *path);

/* As fd_listen_unix(), unless we were given a socket at @path: then that one. */
int activation_listen(const char *path, mode_t mode, gid_t gid) MUST_CHECK;

/* Remove the file of a socket of ours; one that we were given stays. */
void activation_unlink(const char *path);

/* Tell whoever started us, if he wants to know (sd_notify(3)): lines of NAME=VALUE,
 * such as "READY=1". */
void activation_notify(const char *lines);

#endif /* LIB_ACTIVATION_H */
