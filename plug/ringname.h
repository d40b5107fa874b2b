/* SPDX-License-Identifier: BSD-2-Clause */
/* ringname.h - What a name lanbox://DIR[PORT] means: a socket, and what to say there
 *
 * DIR is a switch directory, the usual ones if it is empty; PORT is a number, or
 * port=NUMBER. Nothing is opened here.
 */
#ifndef PLUG_RINGNAME_H
#define PLUG_RINGNAME_H

#include "lib/compiler.h"
#include "lib/vhost_wire.h"

enum { RINGNAME_ANY_PORT = -1 };

/**
 * struct ringname - What it means
 * @dir:	The directory
 * @port:	The port, or RINGNAME_ANY_PORT
 * @path:	The switch's vhost socket
 * @hello:	What the switch is told
 */
struct ringname {
	char dir[4000];
	long port;
	char path[4096];
	struct vhost_hello hello;
};

/**
 * ringname_parse() - Read a name
 * @rn:		Filled
 * @name:	What stands behind lanbox://
 * @descr:	What the switch shows, or NULL
 * @port:	Port to ask for if the name has none; 0: any
 *
 * Return: 0; -EINVAL if the port is none; -ENAMETOOLONG
 */
int ringname_parse(struct ringname *rn, const char *name, const char *descr, int port)
	MUST_CHECK;

#endif /* PLUG_RINGNAME_H */
