/* SPDX-License-Identifier: BSD-2-Clause */
/* admin_policy.c - Changes to the rules of ports; what each does is in admin.h */
#include "config.h"

#include "switchd/admin.h"

#include <errno.h>

#include "switchd/isolation.h"
#include "switchd/vsw.h"

int admin_port_isolation(struct vsw *vsw, unsigned int n, uint16_t isolation)
{
	int err;
	struct port *port = admin_port(vsw, n, &err);

	if (!port)
		return err;
	if (isolation > ISOLATION_COMMUNITY_MAX && isolation != ISOLATION_ISOLATED)
		return -EINVAL;
	port->kept = true;
	port->policy.isolation = isolation;
	return 0;
}
