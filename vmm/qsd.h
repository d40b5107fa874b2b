/* SPDX-License-Identifier: BSD-2-Clause */
/* qsd.h - A qemu-storage-daemon of our own, which knows a format that we do not
 *
 * DOC: Theory of operation
 *
 * A daemon serves one image to one VM, as vhost-user-blk. It is started when the image
 * is opened and ended when it is closed, by SIGTERM, on which it writes what it still
 * has. If the VM's process dies, however that is, the kernel sends that signal.
 *
 * It gets its socket as an open descriptor, whose other end is ours already: there is
 * no moment in which somebody else could connect to it, and no waiting for a file to
 * appear. An answer on that socket says that it runs, the socket's end that it does not.
 *
 * What it writes to stderr is passed on as lines of our own log, with the image's name;
 * before it runs, its last words say why it does not.
 *
 * It locks the image in the same way as we lock others (disk_file.h). The format is
 * what the user says; nothing here looks at the image for it.
 */
#ifndef VMM_QSD_H
#define VMM_QSD_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/compiler.h"

struct options_drive;
struct qsd;

/* Whether it is a format that a daemon may be started for. */
bool qsd_knows(const char *format);

/**
 * qsd_blockdev() - What the daemon's --blockdev is to be
 * @opt:	The disk, with a format
 * @device:	Its image is a block device
 * @uring:	It is to use io_uring
 * @buf:	Set to it
 * @size:	Its room
 *
 * Return: whether there was room
 */
bool qsd_blockdev(const struct options_drive *opt, bool device, bool uring,
		  char *buf, size_t size) MUST_CHECK;

/**
 * qsd_error() - The message in a line of the daemon's
 * @line:	What it wrote
 * @blockdev:	What its --blockdev was
 *
 * Return: the line without the program's and the option's name
 */
const char *qsd_error(const char *line, const char *blockdev);

/**
 * qsd_start() - Start a daemon
 * @loop:	Event loop
 * @opt:	The disk, with a format; borrowed
 * @out:	Set
 * @sock:	Set to a socket to it; the caller's
 *
 * Failures are logged. It may still fail when this returns: then the socket ends.
 * Return: 0 or -errno
 */
int qsd_start(struct ev_loop *loop, const struct options_drive *opt, struct qsd **out,
	      int *sock) MUST_CHECK;

/* Say why it does not run; @err is what its socket said, an errno. To be called
 * before the event loop has run. */
void qsd_explain(struct qsd *qsd, int err);

/* End it at once, and wait until it has left the guest's memory. Return: if it had ended
 * by itself, how, as waitpid(2) says; -1 otherwise, or if that is not known. NULL is
 * fine. */
int qsd_kill(struct qsd *qsd);

/* End it in an orderly manner, its socket being closed, and wait for that. NULL is
 * fine. */
void qsd_stop(struct qsd *qsd);

#endif /* VMM_QSD_H */
