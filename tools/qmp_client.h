/* SPDX-License-Identifier: BSD-2-Clause */
/* qmp_client.h - The client's side of the control protocol (lib/qmp.h) */
#ifndef TOOLS_QMP_CLIENT_H
#define TOOLS_QMP_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/compiler.h"

enum {
	QMP_CLIENT_LINE_MAX = 64 << 20,	/* bytes of an answer */
	QMP_CLIENT_LIMIT_S = 10,	/* longest wait for one */
};

/**
 * struct qmp_client - A connection; one command at a time
 * @broken:	The other end is gone, or makes no sense
 */
struct qmp_client {
	int sock;
	bool broken;
	char *buf;
	size_t size, room;
};

/* Connect to a control socket and say hello. Return: 0 or -errno. */
int qmp_client_open(struct qmp_client *c, const char *path) MUST_CHECK;

void qmp_client_close(struct qmp_client *c);

/**
 * qmp_client_run() - Run a command and wait for its reply
 * @c:		Connection
 * @name:	Command
 * @args:	Arguments, or NULL; taken over
 * @fd:		Set to the descriptor that came with the reply, or -1; may be NULL
 * @err:	On failure, why
 * @size:	Bytes of @err
 *
 * Events that come before the reply are lost.
 *
 * Return: what it returned, owned by the caller; NULL on failure
 */
json_t *qmp_client_run(struct qmp_client *c, const char *name, json_t *args,
		       int *fd, char *err, size_t size) MUST_CHECK;

/* Wait for an event, for ever. Return: it, owned by the caller; NULL if the
 * connection broke. */
json_t *qmp_client_event(struct qmp_client *c) MUST_CHECK;

#endif /* TOOLS_QMP_CLIENT_H */
