/* SPDX-License-Identifier: BSD-2-Clause */
/* control_policy.h - The rules of a port, as port-set takes and query-ports shows them */
#ifndef SWITCHD_CONTROL_POLICY_H
#define SWITCHD_CONTROL_POLICY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/qmp.h"
#include "switchd/policy.h"

struct port;
struct vsw;

/* Arguments of port-set that are read here. */
#define CONTROL_POLICY_ARGS "isolation? ethertypes? rate-in? burst-in? rate-out? burst-out? " \
	"max-addresses? violation? sticky? shut?"

/**
 * struct control_policy - What port-set is to do to the rules
 * @has_*:	It is among the arguments
 */
struct control_policy {
	bool has_isolation;
	uint16_t isolation;
	bool has_types;
	struct ethertypes types;
	bool has_rate[POLICY_WAYS];
	uint64_t rate[POLICY_WAYS];
	uint64_t burst[POLICY_WAYS];
	bool has_limit, has_violation, has_sticky, has_shut;
	unsigned int limit;
	enum secure_action violation;
	bool sticky;
	bool shut;
};

/* Read the arguments. Return: whether all are good, and nothing can fail any more. */
bool control_policy_read(const json_t *args, struct control_policy *p,
			 struct qmp_error *err) MUST_CHECK;

/* Do it. Return: 0 or -errno, as admin.h. */
int control_policy_apply(struct vsw *vsw, unsigned int n,
			 const struct control_policy *p) MUST_CHECK;

/* Show the rules of a port as members of an object. */
void control_policy_show(const struct port *port, json_t *o);

#endif /* SWITCHD_CONTROL_POLICY_H */
