/* SPDX-License-Identifier: BSD-2-Clause */
/* options_nic.h - Properties of a NIC that can be switched off, by QEMU's names
 *
 * Each stands for a feature of virtio-net that is not offered to the guest then. On means
 * only: if what the NIC is plugged into can do it. "gso" is a feature of old, which stands
 * for all that have big frames sent (VIRTIO_NET_F_GSO).
 */
#ifndef VMM_OPTIONS_NIC_H
#define VMM_OPTIONS_NIC_H

#include <stdint.h>

/** struct options_nic_property - Its name, and its features: a bit each */
struct options_nic_property {
	const char *name;
	uint64_t features;
};

/* All of them; the last has no name. */
extern const struct options_nic_property options_nic_properties[];

#endif /* VMM_OPTIONS_NIC_H */
