/* SPDX-License-Identifier: BSD-2-Clause */
/* topology.h - How the guest's CPUs hang together: sockets of cores of threads
 *
 * CPUs are numbered threads first, then cores, then sockets. An APIC id has a field of
 * bits for each of them, so ids have gaps where counts are no powers of two: CPU 3 of two
 * sockets of three cores is the first of the second socket, and its id is 4.
 */
#ifndef VMM_TOPOLOGY_H
#define VMM_TOPOLOGY_H

#include "lib/compiler.h"

enum { TOPOLOGY_CPUS_MAX = 254 };

/** struct topology - Sockets, cores of each, threads of each; none is 0 */
struct topology {
	unsigned int sockets;
	unsigned int cores;
	unsigned int threads;
};

/**
 * topology_complete() - Find what was not said, as QEMU does: cores before sockets
 * @t:		0 where nothing was said; filled
 * @cpus:	How many CPUs, 0 if it was not said; set
 *
 * Return: NULL, or what is wrong
 */
const char *topology_complete(struct topology *t, unsigned int *cpus) MUST_CHECK;

/* Bits of an APIC id that tell the threads of a core apart, and all of a socket. */
unsigned int topology_thread_bits(const struct topology *t);
unsigned int topology_socket_bits(const struct topology *t);

/* APIC id of CPU @cpu. */
unsigned int topology_apic_id(const struct topology *t, unsigned int cpu);

#endif /* VMM_TOPOLOGY_H */
