/* SPDX-License-Identifier: BSD-2-Clause */
/* throttle.c - How fast a disk may be; the essay is in the header */
#include "config.h"

#include "vmm/throttle.h"

#include "lib/compiler.h"

#define NS_PER_S	1000000000ULL

bool throttle_any(const struct throttle *t)
{
	for (int i = 0; i < THROTTLE_LIMITS; i++)
		if (t->rate[i])
			return true;
	return false;
}

/* Whether limit @i is about such a request. */
static bool throttle_applies(const struct throttle *t, int i, bool write)
{
	if (!t->rate[i])
		return false;
	switch (i) {
	case THROTTLE_BPS_READ:
	case THROTTLE_IOPS_READ:
		return !write;
	case THROTTLE_BPS_WRITE:
	case THROTTLE_IOPS_WRITE:
		return write;
	default:
		return true;
	}
}

uint64_t throttle_wait(const struct throttle *t, uint64_t now_ns, bool write)
{
	uint64_t wait = 0;

	for (int i = 0; i < THROTTLE_LIMITS; i++)
		if (throttle_applies(t, i, write) &&
		    t->paid_ns[i] > now_ns + THROTTLE_BURST_NS)
			wait = MAX(wait, t->paid_ns[i] - now_ns - THROTTLE_BURST_NS);
	return wait;
}

/* Nanoseconds that @n units take at @rate of them in a second. */
static uint64_t throttle_price(uint64_t n, uint64_t rate)
{
	return n / rate * NS_PER_S + n % rate * NS_PER_S / rate;
}

void throttle_charge(struct throttle *t, uint64_t now_ns, bool write, uint64_t bytes)
{
	for (int i = 0; i < THROTTLE_LIMITS; i++) {
		uint64_t units = i < THROTTLE_IOPS_TOTAL ? bytes : 1;

		if (throttle_applies(t, i, write))
			t->paid_ns[i] = MAX(t->paid_ns[i], now_ns) +
					throttle_price(units, t->rate[i]);
	}
}
