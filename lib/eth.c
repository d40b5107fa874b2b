/* SPDX-License-Identifier: BSD-2-Clause */
/* eth.c - Text form of Ethernet addresses */
#include "config.h"

#include "lib/eth.h"

#include <ctype.h>
#include <stdio.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool eth_addr_parse(const char *s, struct eth_addr *addr)
{
	struct eth_addr a;
	char sep = 0;

	for (int i = 0; i < ETH_ADDR_SIZE; i++) {
		int v = hex_digit(*s);

		if (v < 0)
			return false;
		s++;
		if (hex_digit(*s) >= 0)
			v = v << 4 | hex_digit(*s++);
		a.b[i] = (uint8_t)v;
		if (i == ETH_ADDR_SIZE - 1)
			break;
		if (!sep && (*s == ':' || *s == '-' || *s == '.'))
			sep = *s;
		if (!sep || *s++ != sep)
			return false;
	}
	if (*s)
		return false;
	*addr = a;
	return true;
}

char *eth_addr_format(struct eth_addr a, char buf[static ETH_ADDR_STR])
{
	snprintf(buf, ETH_ADDR_STR, "%02x:%02x:%02x:%02x:%02x:%02x",
		 a.b[0], a.b[1], a.b[2], a.b[3], a.b[4], a.b[5]);
	return buf;
}
