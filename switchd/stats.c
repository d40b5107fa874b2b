/* SPDX-License-Identifier: BSD-2-Clause */
/* stats.c - The names of drops */
#include "config.h"

#include "switchd/stats.h"

static const char *const texts[DROP_REASON_COUNT] = {
#define X(name, text) [DROP_##name] = text,
	DROP_REASONS(X)
#undef X
};

static const char *const names[DROP_REASON_COUNT] = {
#define X(name, text) [DROP_##name] = #name,
	DROP_REASONS(X)
#undef X
};

const char *drop_reason_text(enum drop_reason reason)
{
	return texts[reason];
}

const char *drop_reason_name(enum drop_reason reason)
{
	return names[reason];
}
