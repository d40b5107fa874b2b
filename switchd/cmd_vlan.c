/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_vlan.c - vlan/ on the console */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "switchd/admin.h"
#include "switchd/console_cmds.h"
#include "switchd/stp.h"
#include "switchd/vsw.h"

static int vlan_cmd_create(const struct console_call *call, const char *arg)
{
	unsigned int vid;

	if (!cmd_only_number(arg, VLAN_MAX, &vid))
		return EINVAL;
	return -admin_vlan_create(call->vsw, vid);
}

static int vlan_cmd_remove(const struct console_call *call, const char *arg)
{
	unsigned int vid;

	if (!cmd_only_number(arg, VLAN_MAX, &vid))
		return EINVAL;
	return -admin_vlan_remove(call->vsw, vid);
}

static int vlan_cmd_addport(const struct console_call *call, const char *arg)
{
	unsigned int vid, n;

	if (!cmd_two_numbers(arg, VLAN_MAX, &vid, VSW_PORTS_MAX, &n))
		return EINVAL;
	return -admin_vlan_add_port(call->vsw, vid, n);
}

static int vlan_cmd_delport(const struct console_call *call, const char *arg)
{
	unsigned int vid, n;

	if (!cmd_two_numbers(arg, VLAN_MAX, &vid, VSW_PORTS_MAX, &n))
		return EINVAL;
	return -admin_vlan_del_port(call->vsw, vid, n);
}

/* PORT TYPE */
static int vlan_cmd_settag(const struct console_call *call, const char *arg)
{
	enum vlan_tag tag;
	unsigned int n;
	char word[16];

	if (!cmd_number(&arg, VSW_PORTS_MAX, &n) || !cmd_word(&arg, word, sizeof(word)) ||
	    *arg || !vlan_tag_parse(word, &tag))
		return EINVAL;
	return -admin_vlan_tag(call->vsw, n, tag);
}

static int vlan_cmd_setlearning(const struct console_call *call, const char *arg)
{
	bool shared = !strcmp(arg, "shared");

	if (!shared && strcmp(arg, "independent") != 0)
		return EINVAL;
	admin_vlan_shared(call->vsw, shared);
	return 0;
}

/* What the spanning tree makes of a port; one that is not in use is learning, as in
 * VDE. */
static const char *vlan_status(const struct port *port)
{
	struct rstp_port_info info;

	if (!port->active)
		return rstp_state_name(RSTP_LEARNING);
	return rstp_state_name(stp_port_get_info(port, &info) ? RSTP_FORWARDING : info.state);
}

/* One VLAN and its ports, the inactive ones if @all. */
static void vlan_print_one(const struct console_call *call, uint16_t vid, bool all)
{
	const struct vsw *vsw = call->vsw;

	fprintf(call->out, "VLAN %04u\n", vid);
	for (unsigned int i = 0; i <= vsw->numports; i++) {
		const struct port *port = vsw->ports[i];
		enum vlan_form form = port ? vlan_form(&port->vlan, vid) : VLAN_NOT_MEMBER;

		if (form == VLAN_NOT_MEMBER || (!all && !port->active))
			continue;
		fprintf(call->out, " -- Port %04u tagged=%d active=%d status=%s\n", i,
			form == VLAN_TAGGED, port->active,
			vlan_status(port));
	}
}

static int vlan_print_some(const struct console_call *call, const char *arg, bool all)
{
	const struct vlan_table *vlans = &call->vsw->bridge.vlans;
	unsigned int vid;

	if (*arg) {
		if (!cmd_only_number(arg, VLAN_MAX, &vid))
			return EINVAL;
		if (!vlan_exists(vlans, (uint16_t)vid))
			return ENXIO;
		vlan_print_one(call, (uint16_t)vid, all);
		return 0;
	}
	for (uint16_t i = 0; i <= VLAN_MAX; i++)
		if (vlan_exists(vlans, i))
			vlan_print_one(call, i, all);
	return 0;
}

static int vlan_cmd_print(const struct console_call *call, const char *arg)
{
	return vlan_print_some(call, arg, false);
}

static int vlan_cmd_allprint(const struct console_call *call, const char *arg)
{
	return vlan_print_some(call, arg, true);
}

const struct console_cmd cmd_vlan[] = {
	{ "vlan", CONSOLE_MENU, "VLAN MANAGEMENT MENU", false, NULL },
	{ "vlan/create", "N", "create the VLAN with tag N", false, vlan_cmd_create },
	{ "vlan/remove", "N", "remove the VLAN with tag N", false, vlan_cmd_remove },
	{ "vlan/addport", "N PORT", "add port to the vlan N (tagged)", false,
	  vlan_cmd_addport },
	{ "vlan/delport", "N PORT", "add port to the vlan N (tagged)", false,
	  vlan_cmd_delport },
	{ "vlan/settag", "PORT 802.1q|802.1ad|none",
	  "what port takes for a tag: 0x8100, 0x88a8 or nothing", false, vlan_cmd_settag },
	{ "vlan/setlearning", "independent|shared",
	  "addresses are known in each VLAN for itself, or in all", false,
	  vlan_cmd_setlearning },
	{ "vlan/print", "[N]", "print the list of defined vlan", true, vlan_cmd_print },
	{ "vlan/allprint", "[N]", "print the list of defined vlan (including inactive port)",
	  true, vlan_cmd_allprint },
	{ NULL, NULL, NULL, false, NULL },
};
