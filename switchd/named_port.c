/* SPDX-License-Identifier: BSD-2-Clause */
/* named_port.c - Ports that VDE clients ask for by name; the essay is in
 * named_port.h */
#include "config.h"

#include "switchd/named_port.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/log.h"
#include "switchd/ctl.h"
#include "switchd/vsw.h"
#include "switchd/vswdir.h"

struct named_port {
	struct named_port *next;
	struct port *port;
	struct ctl *ctl;
};

bool named_port_is_name(const char *name)
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

static struct named_port **named_port_find(struct vsw *vsw, const char *name)
{
	struct named_port **p = &vsw->named;

	while (*p && strcmp((*p)->port->name, name))
		p = &(*p)->next;
	return p;
}

int named_port_add(struct vsw *vsw, const struct vsw_port_config *cfg)
{
	struct ctl_config ctl = {
		.name = cfg->name,
		.mode = cfg->mode == (mode_t)-1 ? vsw->cfg->mode : cfg->mode,
		.gid = cfg->gid == (gid_t)-1 ? vsw->cfg->gid : cfg->gid,
		.port = cfg->port ? (int)cfg->port :
			port_find_free(vsw, &PORT_CLIENT_OPERATOR),
	};
	struct named_port *np;
	int ret;

	if (!named_port_is_name(cfg->name))
		ret = -EINVAL;
	else if (*named_port_find(vsw, cfg->name))
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
	np->next = vsw->named;
	vsw->named = np;
	return 0;
}

static void named_port_free(struct named_port **p)
{
	struct named_port *np = *p;

	*p = np->next;
	ctl_destroy(np->ctl);
	port_unname(np->port);
	free(np);
}

int named_port_remove(struct vsw *vsw, const char *name)
{
	struct named_port **p = named_port_find(vsw, name);

	if (!*p)
		return -ENOENT;
	named_port_free(p);
	return 0;
}

void named_port_remove_all(struct vsw *vsw)
{
	while (vsw->named)
		named_port_free(&vsw->named);
}
