/* SPDX-License-Identifier: BSD-2-Clause */
/* ringname.c - What a name lanbox://DIR[PORT] means; see ringname.h */
#include "config.h"

#include "plug/ringname.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The directory meant by an empty name: the first that has a switch. */
static const char *ringname_default_dir(void)
{
	static const char *const dirs[] = { "/var/run/vde.ctl", "/tmp/vde.ctl" };
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (!stat(dirs[i], &st))
			return dirs[i];
	return dirs[0];
}

/* Take "[PORT]" or "[port=PORT]" off the end of @name. Return: whether it is a port, or
 * not there. */
static bool ringname_port(char *name, long *port)
{
	char *text = strrchr(name, '['), *end;

	*port = RINGNAME_ANY_PORT;
	if (!text || text[strlen(text) - 1] != ']')
		return true;
	*text++ = 0;
	text[strlen(text) - 1] = 0;
	if (!strncmp(text, "port=", 5))
		text += 5;
	*port = strtol(text, &end, 0);
	return end != text && !*end && *port >= 0 && *port <= UINT16_MAX;
}

int ringname_parse(struct ringname *rn, const char *name, const char *descr, int port)
{
	*rn = (struct ringname){ .port = RINGNAME_ANY_PORT };
	if ((size_t)snprintf(rn->dir, sizeof(rn->dir), "%s", name) >= sizeof(rn->dir))
		return -ENAMETOOLONG;
	if (!ringname_port(rn->dir, &rn->port))
		return -EINVAL;
	if (rn->port == RINGNAME_ANY_PORT && port > 0)
		rn->port = port;
	if (!rn->dir[0])
		snprintf(rn->dir, sizeof(rn->dir), "%s", ringname_default_dir());
	rn->hello.port = rn->port > 0 ? (uint32_t)rn->port : 0;
	rn->hello.management = !rn->port;
	snprintf(rn->hello.descr, sizeof(rn->hello.descr), "%s", descr ? descr : "");
	snprintf(rn->path, sizeof(rn->path), "%s/vhost", rn->dir);
	return 0;
}
