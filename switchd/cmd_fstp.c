/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_fstp.c - fstp/ on the console: the spanning tree */
#include "config.h"

#include "switchd/console_cmds.h"
#include "switchd/vsw.h"

static int fstp_showinfo(const struct console_call *call, const char *arg UNUSED)
{
	const struct vsw_config *cfg = call->vsw->cfg;
	char mac[ETH_ADDR_STR];

	fprintf(call->out, "MAC %s Priority %u (0x%x)\nFSTP=false\n",
		eth_addr_format(cfg->addr, mac), cfg->priority, cfg->priority);
	return 0;
}

const struct console_cmd cmd_fstp[] = {
	{ "fstp", CONSOLE_MENU, "FAST SPANNING TREE MENU", false, NULL },
	{ "fstp/showinfo", "", "show fstp info", true, fstp_showinfo },
	{ NULL, NULL, NULL, false, NULL },
};
