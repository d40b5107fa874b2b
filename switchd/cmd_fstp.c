/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_fstp.c - fstp/ on the console: the spanning tree
 *
 * VDE has a tree for each VLAN; here is one for all, shown for each of them.
 */
#include "config.h"

#include <errno.h>

#include "switchd/admin.h"
#include "switchd/console_cmds.h"
#include "switchd/stp.h"
#include "switchd/vsw.h"

static int fstp_showinfo(const struct console_call *call, const char *arg UNUSED)
{
	const struct vsw_config *cfg = call->vsw->cfg;
	char mac[ETH_ADDR_STR];

	fprintf(call->out, "MAC %s Priority %u (0x%x)\nFSTP=%s\n",
		eth_addr_format(cfg->addr, mac), cfg->priority, cfg->priority,
		call->vsw->stp ? "true" : "false");
	return 0;
}

static int fstp_setfstp(const struct console_call *call, const char *arg)
{
	unsigned int on;
	int ret = 0;

	if (!cmd_only_number(arg, 1, &on))
		return EINVAL;
	if (on)
		ret = stp_start(call->vsw);
	else
		stp_stop(call->vsw);
	/* As VDE says it, and with success. */
	if (ret == -EINVAL)
		fputs("Can't use fstp in hub mode\n", call->out);
	return ret == -EINVAL ? 0 : -ret;
}

/* VLAN PORT N: the port, if the VLAN exists; NULL with *@err set otherwise. */
static struct port *fstp_port(const struct console_call *call, const char *arg,
			      unsigned int max, unsigned int *n, int *err)
{
	const struct vlan_table *vlans = &call->vsw->bridge.vlans;
	unsigned int vid, id;
	struct port *port;

	*err = EINVAL;
	if (!cmd_number(&arg, VLAN_MAX, &vid) ||
	    !cmd_two_numbers(arg, VSW_PORTS_MAX, &id, max, n))
		return NULL;
	port = admin_port(call->vsw, id, err);
	*err = -*err;
	if (port && !vlan_exists(vlans, (uint16_t)vid)) {
		*err = ENXIO;
		return NULL;
	}
	return port;
}

static int fstp_setedge(const struct console_call *call, const char *arg)
{
	unsigned int on;
	int err;
	struct port *port = fstp_port(call, arg, 1, &on, &err);

	if (!port)
		return err;
	port->kept = true;
	port->stp_edge = on;
	stp_port_changed(port);
	return 0;
}

static int fstp_bonus(const struct console_call *call, const char *arg)
{
	unsigned int bonus;
	int err;
	struct port *port = fstp_port(call, arg, RSTP_COST_DEFAULT - 1, &bonus, &err);

	if (!port)
		return err;
	port->kept = true;
	port->stp_bonus = bonus;
	stp_port_changed(port);
	return 0;
}

/* PORT none|bpdu|root: VDE has nothing like it. */
static int fstp_setguard(const struct console_call *call, const char *arg)
{
	enum stp_guard guard;
	unsigned int id;

	if (!cmd_number(&arg, VSW_PORTS_MAX, &id) ||
	    !stp_guard_parse(arg + strspn(arg, " "), &guard))
		return EINVAL;
	return -admin_port_guard(call->vsw, id, guard);
}

static void fstp_id(FILE *out, const char *what, uint64_t id)
{
	fprintf(out, " ++ %s ", what);
	for (int i = 56; i >= 0; i -= 8)
		fprintf(out, "%02x%s", (unsigned int)(id >> i & 0xff), i ? ":" : "\n");
}

static const char *fstp_role(const struct rstp_port_info *info)
{
	if (info->edge)
		return "Edge";
	switch (info->role) {
	case RSTP_ROOT:
		return "Root";
	case RSTP_DESIGNATED:
		return "Designated";
	case RSTP_ALTERNATE:
	case RSTP_BACKUP:
		return "Alternate/Backup";
	case RSTP_DISABLED:
		break;
	}
	return "Unknown";
}

static void fstp_print_one(const struct console_call *call, uint16_t vid)
{
	const struct vsw *vsw = call->vsw;
	const struct port *bonus = NULL;
	struct rstp_port_info p;
	struct rstp_info info;

	stp_get_info(vsw, &info);
	for (unsigned int i = 0; i <= vsw->numports; i++)
		if (vsw->ports[i] && vsw->ports[i]->stp_bonus)
			bonus = vsw->ports[i];
	fprintf(call->out, "FST DATA VLAN %04u %s %s\n", vid,
		info.root_port < 0 ? "ROOTSWITCH" : "",
		vsw->stp ? "" : "FSTP IS DISABLED");
	fstp_id(call->out, "root", info.root);
	if (info.root_port >= 0 && vsw->ports[info.root_port] &&
	    !stp_port_get_info(vsw->ports[info.root_port], &p))
		fstp_id(call->out, "designated", p.designated_bridge);
	else
		fstp_id(call->out, "designated", UINT64_MAX);
	fprintf(call->out, " ++ rootport %04d cost %u age %u bonusport %04u bonuscost %u\n",
		info.root_port < 0 ? 0 : info.root_port, info.root_cost,
		info.message_age / 1000, bonus ? bonus->id : 0, bonus ? bonus->stp_bonus : 0);
	for (unsigned int i = 0; i <= vsw->numports; i++) {
		const struct port *port = vsw->ports[i];
		enum vlan_form form = port ? vlan_form(&port->vlan, vid) : VLAN_NOT_MEMBER;

		if (form == VLAN_NOT_MEMBER || !port->active)
			continue;
		/* Without a tree, each port is as if it were alone. */
		if (stp_port_get_info(port, &p))
			p = (struct rstp_port_info){
				.role = RSTP_DESIGNATED,
				.edge = port->stp_edge,
				.cost = RSTP_COST_DEFAULT - port->stp_bonus,
			};
		fprintf(call->out, " -- Port %04u tagged=%d portcost=%u role=%s\n", i,
			form == VLAN_TAGGED, p.cost, fstp_role(&p));
	}
}

static int fstp_print(const struct console_call *call, const char *arg)
{
	const struct vlan_table *vlans = &call->vsw->bridge.vlans;
	unsigned int vid;

	if (*arg) {
		if (!cmd_only_number(arg, VLAN_MAX, &vid))
			return EINVAL;
		if (!vlan_exists(vlans, (uint16_t)vid))
			return ENXIO;
		fstp_print_one(call, (uint16_t)vid);
		return 0;
	}
	for (uint16_t i = 0; i <= VLAN_MAX; i++)
		if (vlan_exists(vlans, i))
			fstp_print_one(call, i);
	return 0;
}

const struct console_cmd cmd_fstp[] = {
	{ "fstp", CONSOLE_MENU, "FAST SPANNING TREE MENU", false, NULL },
	{ "fstp/showinfo", "", "show fstp info", true, fstp_showinfo },
	{ "fstp/setfstp", "0/1", "Fast spanning tree protocol 1=ON 0=OFF", true,
	  fstp_setfstp },
	{ "fstp/setedge", "VLAN PORT 1/0", "Define an edge port for a vlan 1=Y 0=N", false,
	  fstp_setedge },
	{ "fstp/bonus", "VLAN PORT COST", "set the port bonus for a vlan", false,
	  fstp_bonus },
	{ "fstp/setguard", "PORT none/bpdu/root", "what may not be behind a port", false,
	  fstp_setguard },
	{ "fstp/print", "[N]", "print fst data for the defined vlan", true, fstp_print },
	{ NULL, NULL, NULL, false, NULL },
};
