/* SPDX-License-Identifier: BSD-2-Clause */
/* secure.c - Port security; the essay is in secure.h */
#include "config.h"

#include "switchd/secure.h"

#include <string.h>

static const char *const secure_names[] = {
	[SECURE_IGNORE] = "ignore",
	[SECURE_DROP] = "drop",
	[SECURE_SHUTDOWN] = "shutdown",
};

const char *secure_action_name(enum secure_action action)
{
	return secure_names[action];
}

bool secure_action_parse(const char *text, enum secure_action *action)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(secure_names); i++) {
		if (!strcmp(text, secure_names[i])) {
			*action = (enum secure_action)i;
			return true;
		}
	}
	return false;
}

bool secure_apply(struct secure *secure, struct fdb *fdb, uint16_t port,
		  const struct frame *frames, unsigned int n, struct verdict *verdicts)
{
	bool shut = false;

	for (unsigned int i = 0; i < n; i++) {
		struct eth_hdr eth;

		if (verdicts[i].kind == VERDICT_DROP)
			continue;
		memcpy(&eth, frames[i].head, sizeof(eth));
		if (!shut && !fdb_refuses(fdb, eth.src, verdicts[i].vlan.vid, port))
			continue;
		if (!shut) {
			secure->refused++;
			secure->last = eth.src;
		}
		if (secure->action == SECURE_IGNORE)
			continue;
		verdicts[i] = (struct verdict){ .reason = shut ? DROP_SHUT : DROP_SECURITY };
		shut |= secure->action == SECURE_SHUTDOWN;
	}
	return shut;
}
