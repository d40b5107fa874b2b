/* SPDX-License-Identifier: BSD-2-Clause */
/* portgroup.c - Ports that VDE clients ask for by name; the essay is in
 * portgroup.h */
#include "config.h"

#include "switchd/portgroup.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "switchd/ctl.h"
#include "switchd/vsw.h"
#include "switchd/vswdir.h"

struct portgroup {
	struct portgroup *next;
	struct port *port;
	struct ctl *ctl;
};

bool portgroup_is_name(const char *name)
{
	size_t len = strlen(name);

	if (!len || len >= sizeof(((struct vsw_port_config *)0)->name) ||
	    vswdir_is_socket_name(name))
		return false;
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !(p > name && strchr("._-", *p)))
			return false;
	return true;
}

static struct portgroup **portgroup_find(struct vsw *vsw, const char *name)
{
	struct portgroup **p = &vsw->groups;

	while (*p && strcmp((*p)->port->name, name))
		p = &(*p)->next;
	return p;
}

int portgroup_add(struct vsw *vsw, const struct vsw_port_config *cfg)
{
	struct ctl_config ctl = {
		.name = cfg->name,
		.mode = cfg->mode == (mode_t)-1 ? vsw->cfg->mode : cfg->mode,
		.gid = cfg->gid == (gid_t)-1 ? vsw->cfg->gid : cfg->gid,
		.port = cfg->port ? (int)cfg->port :
			port_find_free(vsw, &PORT_CLIENT_OPERATOR),
	};
	struct portgroup *np;
	int ret;

	if (!portgroup_is_name(cfg->name))
		ret = -EINVAL;
	else if (*portgroup_find(vsw, cfg->name))
		ret = -EEXIST;
	else if (ctl.port < 0)
		ret = ctl.port;
	else if ((unsigned int)ctl.port > vsw->numports)
		ret = -ERANGE;
	else
		ret = port_name(vsw, (uint16_t)ctl.port, cfg->name, false);
	if (ret) {
		log_err_errno(-ret, "no port '%s'", cfg->name);
		return ret;
	}
	np = calloc(1, sizeof(*np));
	ret = np ? ctl_create(vsw, &ctl, &np->ctl) : -ENOMEM;
	if (ret) {
		free(np);
		port_unname(vsw->ports[ctl.port]);
		return ret;
	}
	np->port = vsw->ports[ctl.port];
	np->next = vsw->groups;
	vsw->groups = np;
	return 0;
}

static void portgroup_free(struct portgroup **p)
{
	struct portgroup *np = *p;

	*p = np->next;
	ctl_destroy(np->ctl);
	port_unname(np->port);
	free(np);
}

int portgroup_remove(struct vsw *vsw, const char *name)
{
	struct portgroup **p = portgroup_find(vsw, name);

	if (!*p)
		return -ENOENT;
	portgroup_free(p);
	return 0;
}

void portgroup_remove_all(struct vsw *vsw)
{
	while (vsw->groups)
		portgroup_free(&vsw->groups);
}
