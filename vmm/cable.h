/* SPDX-License-Identifier: BSD-2-Clause */
/* cable.h - A process that holds a cable of libvdeplug's for a NIC
 *
 * DOC: Theory of operation
 *
 * libvdeplug runs modules that open files and sockets, start programs and do whatever their
 * authors thought of, each time a network is opened anew; and vde_open() waits for a
 * switch's answer without a limit. Neither fits into a VM's process. So a process of its
 * own does it for each such NIC: it opens the network, looks after it, opens it again when
 * it is gone, and closes it when the VM's process ends, whatever ended that.
 *
 * What the VM's process gets is a descriptor that carries one frame a read and one a
 * write. With a VDE switch that is the connection's own, a UNIX datagram socket, and the
 * process has nothing more to do with frames. With any other network it is one end of a
 * pair, and the process carries them between the other end and the module.
 *
 * They talk over a socket, in words:
 *
 *	from the process: 0 and the descriptor: the cable is plugged in; an errno: it is
 *	not, or not any more. The first word is the outcome of the first attempt, then one
 *	comes whenever that changes. An attempt is made each CABLE_RETRY_MS.
 *	to the process: any word: what comes from the descriptor makes no sense; open it
 *	again. The end: it is to end.
 *
 * Security model: the process runs as who started the VM and is not confined, as no module
 * would work. It has nothing of the VM's: no guest memory, no other descriptor. It is forked
 * before the guest's first instruction.
 */
#ifndef VMM_CABLE_H
#define VMM_CABLE_H

#include <libvdeplug.h>
#include <stdint.h>

#include "lib/compiler.h"

enum { CABLE_RETRY_MS = 1000 };

/**
 * struct cable_word - What is said on the socket
 * @err:	0 or an errno
 */
struct cable_word {
	int32_t err;
};

/**
 * cable_start() - Fork it
 * @vnl:	The network
 * @descr:	What a switch shows of it
 * @args:	Arguments of vde_open(), or NULL
 *
 * Return: the socket to it, or -errno
 */
int cable_start(const char *vnl, const char *descr, const struct vde_open_args *args)
	MUST_CHECK;

#endif /* VMM_CABLE_H */
