/* SPDX-License-Identifier: BSD-2-Clause */
/* policy.h - What a port may do, beside its VLANs: the settings, in one place
 *
 * Each rule is a module of its own, pure code that knows nothing of the others. This one
 * holds what they have to remember for a port.
 */
#ifndef SWITCHD_POLICY_H
#define SWITCHD_POLICY_H

#include <stdint.h>

/**
 * struct policy - The rules of a port; all zero is none
 * @isolation:	Which ports it may talk to; see isolation.h
 */
struct policy {
	uint16_t isolation;
};

#endif /* SWITCHD_POLICY_H */
