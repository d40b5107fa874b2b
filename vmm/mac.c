/* SPDX-License-Identifier: BSD-2-Clause */
/* mac.c - A MAC address for each NIC: the same at every start, never two alike */
#include "config.h"

#include "vmm/mac.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/siphash.h"

enum { MAC_ATTEMPTS = 256 };

/* A fixed key: the result must be the same on every host and day. */
static const struct siphash_key mac_key = { 0x4c616e626f784d41, 0x4320616464726573 };

static uint64_t mac_hash(const char *text, uint64_t h)
{
	for (; *text; text++)
		h = siphash_u64(&mac_key, h << 8 ^ (uint8_t)*text ^ h >> 56);
	return h;
}

struct eth_addr mac_derive(const char *seed, unsigned int nic, unsigned int attempt)
{
	uint64_t h = mac_hash(seed, siphash_u64(&mac_key,
						(uint64_t)nic << 32 | attempt));

	return (struct eth_addr){ { 0x52, 0x54, 0x00, (uint8_t)(h >> 16),
				    (uint8_t)(h >> 8), (uint8_t)h } };
}

/* Bind a name in the abstract namespace, and keep the socket for good. */
static int mac_bind(const char *name)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	size_t len = MIN(strlen(name), sizeof(sa.sun_path) - 1);
	int fd, ret;

	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	memcpy(sa.sun_path + 1, name, len);
	if (!bind(fd, (struct sockaddr *)&sa,
		  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len)))
		return 0;
	ret = -errno;
	close(fd);
	return ret;
}

/* What tells one network from another, however it is spelled. */
static uint64_t mac_network(const char *network)
{
	static const char scheme[] = "vde://";
	const char *path = network && network[0] ? network : "/var/run/vde.ctl";
	struct stat st;

	if (!strncmp(path, scheme, strlen(scheme)))
		path += strlen(scheme);
	if (!path[0])
		path = "/var/run/vde.ctl";
	if (!stat(path, &st))
		return siphash_u64(&mac_key, siphash_u64(&mac_key, st.st_dev) ^ st.st_ino);
	return mac_hash(path, 0);
}

int mac_hold(struct eth_addr addr, const char *network)
{
	char mac[ETH_ADDR_STR], name[64];

	snprintf(name, sizeof(name), "lanbox/mac/%s/%016llx",
		 eth_addr_format(addr, mac), (unsigned long long)mac_network(network));
	return mac_bind(name);
}

int mac_take(const char *seed, unsigned int nic, const char *network,
	     struct eth_addr *addr)
{
	char mac[ETH_ADDR_STR], name[64];
	int ret = -EADDRINUSE;

	for (unsigned int i = 0; i < MAC_ATTEMPTS && ret == -EADDRINUSE; i++) {
		*addr = mac_derive(seed, nic, i);
		if (!seed[0] && getrandom(addr->b + 3, 3, 0) != 3)
			return -EIO;
		snprintf(name, sizeof(name), "lanbox/mac/%s",
			 eth_addr_format(*addr, mac));
		ret = mac_bind(name);
		/* A VM may have been given it by hand. */
		if (!ret)
			ret = mac_hold(*addr, network);
	}
	return ret;
}
