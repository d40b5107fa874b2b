/* SPDX-License-Identifier: BSD-2-Clause */
/* topology.c - How the guest's CPUs hang together; see topology.h */
#include "config.h"

#include "vmm/topology.h"

#include <stdbool.h>
#include <stddef.h>

enum { APIC_IDS = 255 };		/* 255 is all of them */

/* Bits needed to number @n things. */
static unsigned int bits_for(unsigned int n)
{
	unsigned int bits = 0;

	while (1U << bits < n)
		bits++;
	return bits;
}

unsigned int topology_thread_bits(const struct topology *t)
{
	return bits_for(t->threads);
}

unsigned int topology_socket_bits(const struct topology *t)
{
	return bits_for(t->threads) + bits_for(t->cores);
}

unsigned int topology_apic_id(const struct topology *t, unsigned int cpu)
{
	unsigned int thread = cpu % t->threads, core = cpu / t->threads % t->cores;
	unsigned int socket = cpu / t->threads / t->cores;

	return socket << topology_socket_bits(t) | core << topology_thread_bits(t) | thread;
}

const char *topology_complete(struct topology *t, unsigned int *cpus)
{
	bool said = t->sockets || t->cores || t->threads;

	if (!t->threads)
		t->threads = 1;
	if (!*cpus) {
		t->cores = t->cores ? t->cores : 1;
		t->sockets = t->sockets ? t->sockets : 1;
		*cpus = t->sockets * t->cores * t->threads;
	} else if (!t->cores) {
		t->sockets = t->sockets ? t->sockets : 1;
		t->cores = *cpus / (t->sockets * t->threads);
	} else if (!t->sockets) {
		t->sockets = *cpus / (t->cores * t->threads);
	}
	if (t->sockets * t->cores * t->threads != *cpus)
		return said ? "sockets, cores and threads do not make that many CPUs" :
		       "no number of CPUs";
	if (*cpus > TOPOLOGY_CPUS_MAX || topology_apic_id(t, *cpus - 1) >= APIC_IDS)
		return "too many CPUs, 254 at most";
	return NULL;
}
