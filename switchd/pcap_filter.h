/* SPDX-License-Identifier: BSD-2-Clause */
/* pcap_filter.h - Filter expressions of pcap-filter(7), for frames on their way
 *
 * libpcap compiles them and looks at frames. It is loaded when the first expression is
 * compiled: it comes with eight more libraries, and most switches have no use for them.
 */
#ifndef SWITCHD_PCAP_FILTER_H
#define SWITCHD_PCAP_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/compiler.h"
#include "switchd/frame.h"

struct pcap_filter;

/**
 * pcap_filter_compile() - Compile an expression
 * @text:	Expression
 * @filter:	Set, to be freed with pcap_filter_free()
 * @why:	Filled with words on failure
 * @size:	Bytes of @why
 *
 * Names of hosts in it are looked up, and that may take its time. Return: 0; -EINVAL if it
 * is no expression; -ENOENT if there is no libpcap; -ENOMEM
 */
int pcap_filter_compile(const char *text, struct pcap_filter **filter, char *why,
			size_t size) MUST_CHECK;

/* NULL is fine. */
void pcap_filter_free(struct pcap_filter *filter);

/* The expression it was made of. */
const char *pcap_filter_text(const struct pcap_filter *filter);

/* Whether a frame, of at most ETH_FRAME_MAX bytes, is one of those it describes. */
bool pcap_filter_match(struct pcap_filter *filter, const struct frame *frame);

#endif /* SWITCHD_PCAP_FILTER_H */
