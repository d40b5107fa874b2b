/* SPDX-License-Identifier: BSD-2-Clause */
/* isolation.c - Private VLANs, by name; the essay is in isolation.h */
#include "config.h"

#include "switchd/isolation.h"

#include <stdio.h>
#include <string.h>

#include "lib/parse.h"

bool isolation_parse(const char *text, uint16_t *isolation)
{
	unsigned int n = ISOLATION_PROMISCUOUS;

	if (!strcmp(text, "isolated"))
		n = ISOLATION_ISOLATED;
	else if (strcmp(text, "promiscuous") && !parse_uint(text, 1, ISOLATION_COMMUNITY_MAX, &n))
		return false;
	*isolation = (uint16_t)n;
	return true;
}

const char *isolation_format(uint16_t isolation, char buf[static ISOLATION_STR])
{
	if (isolation == ISOLATION_PROMISCUOUS)
		return "promiscuous";
	if (isolation == ISOLATION_ISOLATED)
		return "isolated";
	snprintf(buf, ISOLATION_STR, "%u", isolation);
	return buf;
}
