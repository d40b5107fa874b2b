/* SPDX-License-Identifier: BSD-2-Clause */
/* qmp_client.h - The client's side of the control protocol (lib/qmp.h) */
#ifndef TOOLS_QMP_CLIENT_H
#define TOOLS_QMP_CLIENT_H

#include <jansson.h>
#include <stddef.h>

#include "lib/compiler.h"

enum {
	QMP_CLIENT_BUF = 65536,
	QMP_CLIENT_LIMIT_S = 10,	/* longest wait for an answer */
};

/** struct qmp_client - A connection; one command at a time */
struct qmp_client {
	int sock;
	size_t size;
	char buf[QMP_CLIENT_BUF];
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
 * Return: what it returned, owned by the caller; NULL on failure
 */
json_t *qmp_client_run(struct qmp_client *c, const char *name, json_t *args,
		       int *fd, char *err, size_t size) MUST_CHECK;

#endif /* TOOLS_QMP_CLIENT_H */
