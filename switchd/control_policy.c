/* SPDX-License-Identifier: BSD-2-Clause */
/* control_policy.c - The rules of a port on the control socket; see control_policy.h */
#include "config.h"

#include "switchd/control_policy.h"

#include "lib/qmp_args.h"
#include "switchd/admin.h"
#include "switchd/isolation.h"
#include "switchd/vsw.h"

static bool policy_read_isolation(const json_t *args, struct control_policy *p,
				  struct qmp_error *err)
{
	const char *text = "promiscuous";

	p->has_isolation = json_object_get(args, "isolation");
	if (!qmp_arg_text(args, "isolation", &text, err))
		return false;
	if (isolation_parse(text, &p->isolation))
		return true;
	qmp_fail(err, "'isolation' must be promiscuous, isolated, or the number of a community "
		 "from 1 to %d, as a text", ISOLATION_COMMUNITY_MAX);
	return false;
}

bool control_policy_read(const json_t *args, struct control_policy *p,
			 struct qmp_error *err)
{
	return policy_read_isolation(args, p, err);
}

int control_policy_apply(struct vsw *vsw, unsigned int n, const struct control_policy *p)
{
	int ret = 0;

	if (p->has_isolation)
		ret = admin_port_isolation(vsw, n, p->isolation);
	return ret;
}

void control_policy_show(const struct port *port, json_t *o)
{
	char buf[ISOLATION_STR];

	json_object_set_new(o, "isolation",
			    json_string(isolation_format(port->policy.isolation, buf)));
}
