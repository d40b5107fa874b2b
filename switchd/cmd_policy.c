/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_policy.c - The commands of port/ on the console that VDE has not: what a port may do */
#include "config.h"

#include <errno.h>

#include "switchd/admin.h"
#include "switchd/console_cmds.h"
#include "switchd/isolation.h"
#include "switchd/vsw.h"

enum { POLICY_WORD = 32 };

/* port/setisolation N promiscuous|isolated|COMMUNITY */
static int policy_setisolation(const struct console_call *call, const char *arg)
{
	char word[POLICY_WORD];
	uint16_t isolation;
	unsigned int n;

	if (!cmd_number(&arg, VSW_PORTS_MAX, &n) || !cmd_word(&arg, word, sizeof(word)) ||
	    *arg || !isolation_parse(word, &isolation))
		return EINVAL;
	return -admin_port_isolation(call->vsw, n, isolation);
}

const struct console_cmd cmd_policy[] = {
	{ "port/setisolation", "N promiscuous|isolated|COMMUNITY",
	  "port N talks to all, to promiscuous ports, or to its community and those", false,
	  policy_setisolation },
	{ NULL, NULL, NULL, false, NULL },
};
