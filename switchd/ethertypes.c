/* SPDX-License-Identifier: BSD-2-Clause */
/* ethertypes.c - Which protocols a port may bring; the essay is in ethertypes.h */
#include "config.h"

#include "switchd/ethertypes.h"

#include <stdio.h>
#include <string.h>

#include "lib/parse.h"

enum {
	ETHERTYPES_MIN = 0x600,		/* below it is a length */
	ETHERTYPES_AT = 12,		/* where a type, or the first tag, is */
	ETHERTYPES_TAG = 4,		/* bytes of a tag */
	ETHERTYPES_8021AD = 0x88a8,
	ETHERTYPES_WORD = 8,		/* bytes of an element as text, with NUL or comma */
};

static const struct { const char *name; uint16_t type; } ethertypes_names[] = {
	{ "ipv4", 0x0800 },
	{ "ipv6", 0x86dd },
	{ "arp", 0x0806 },
	{ "llc", ETHERTYPES_LLC },
};

static bool ethertypes_parse_one(const char *word, uint16_t *type)
{
	unsigned int n;

	for (size_t i = 0; i < ARRAY_SIZE(ethertypes_names); i++) {
		if (!strcmp(word, ethertypes_names[i].name)) {
			*type = ethertypes_names[i].type;
			return true;
		}
	}
	if (!parse_uint(word, ETHERTYPES_MIN, UINT16_MAX, &n))
		return false;
	*type = (uint16_t)n;
	return true;
}

bool ethertypes_parse(const char *text, struct ethertypes *list)
{
	struct ethertypes read = { 0 };
	char word[ETHERTYPES_WORD];
	size_t len;

	if (!strcmp(text, "all")) {
		*list = read;
		return true;
	}
	for (;; text += len + 1) {
		len = strcspn(text, ",");
		if (len >= sizeof(word) || read.count == ETHERTYPES_MAX)
			return false;
		memcpy(word, text, len);
		word[len] = 0;
		if (!ethertypes_parse_one(word, &read.type[read.count]))
			return false;
		read.count++;
		if (!text[len])
			break;
	}
	*list = read;
	return true;
}

/* The name of a type, or its number. */
static void ethertypes_format_one(uint16_t type, char word[static ETHERTYPES_WORD])
{
	snprintf(word, ETHERTYPES_WORD, "0x%04x", type);
	for (size_t i = 0; i < ARRAY_SIZE(ethertypes_names); i++)
		if (ethertypes_names[i].type == type)
			snprintf(word, ETHERTYPES_WORD, "%s", ethertypes_names[i].name);
}

const char *ethertypes_format(const struct ethertypes *list, char buf[static ETHERTYPES_STR])
{
	char word[ETHERTYPES_WORD];
	size_t len = 0;

	if (!list->count)
		return "all";
	for (unsigned int i = 0; i < list->count; i++) {
		ethertypes_format_one(list->type[i], word);
		len += (size_t)snprintf(buf + len, ETHERTYPES_STR - len, "%s%s", i ? "," : "",
					word);
	}
	return buf;
}

bool ethertypes_allow(const struct ethertypes *list, const struct frame *frame)
{
	uint16_t type;
	size_t at;

	for (at = ETHERTYPES_AT; ; at += ETHERTYPES_TAG) {
		if (at + 2 > frame->head_size)
			return false;
		type = (uint16_t)(frame->head[at] << 8 | frame->head[at + 1]);
		if (type != ETH_TYPE_VLAN && type != ETHERTYPES_8021AD)
			break;
	}
	if (type < ETHERTYPES_MIN)
		type = ETHERTYPES_LLC;
	for (unsigned int i = 0; i < list->count; i++)
		if (list->type[i] == type)
			return true;
	return false;
}

void ethertypes_apply(const struct ethertypes *list, const struct frame *frames,
		      unsigned int n, struct verdict *verdicts)
{
	for (unsigned int i = 0; i < n; i++)
		if (verdicts[i].kind != VERDICT_DROP && !ethertypes_allow(list, &frames[i]))
			verdicts[i] = (struct verdict){ .reason = DROP_ETHERTYPE };
}
