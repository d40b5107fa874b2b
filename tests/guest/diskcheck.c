/* SPDX-License-Identifier: BSD-2-Clause */
/* diskcheck.c - Is everything on the image that the guest was told is safe?
 *
 * usage: diskcheck IMAGE BLOCKS SAFE FLYING
 *
 * The guest (disk.c) wrote blocks 1, 2 and so on around an area of BLOCKS, and was
 * told that those up to SAFE are on the disk; of the FLYING after that it was not
 * told, and what they leave in their places may be anything.
 */
#include "config.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BLOCK = 4096, WORDS = BLOCK / 8 };

#define MAGIC	0x6b636f6c62636e61ULL

static bool is_block(const uint64_t *w)
{
	uint64_t word = (w[1] + 1) * 0x9e3779b97f4a7c15ULL;

	for (unsigned int i = 2; i < WORDS; i++)
		if (w[i] != word + i - 2)
			return false;
	return w[0] == MAGIC;
}

int main(int argc, char **argv)
{
	uint64_t blocks, safe, flying, w[WORDS], good = 0, lost = 0, loose = 0;
	int fd;

	if (argc != 5 || (fd = open(argv[1], O_RDONLY)) < 0) {
		fputs("usage: diskcheck IMAGE BLOCKS SAFE FLYING\n", stderr);
		return 2;
	}
	blocks = strtoull(argv[2], NULL, 0);
	safe = strtoull(argv[3], NULL, 0);
	flying = strtoull(argv[4], NULL, 0);
	for (uint64_t at = 0; at < blocks && at < safe; at++) {
		/* The last safe block that was written here. */
		uint64_t want = safe - (safe - 1 - at) % blocks;

		if (want + blocks <= safe + flying) {
			loose++;
			continue;
		}
		if (pread(fd, w, BLOCK, (off_t)(at * BLOCK)) == BLOCK && is_block(w) &&
		    w[1] == want) {
			good++;
			continue;
		}
		if (!lost++)
			printf("block %llu should be number %llu and is %llu\n",
			       (unsigned long long)at, (unsigned long long)want,
			       (unsigned long long)w[1]);
	}
	printf("safe %llu: good %llu lost %llu loose %llu\n", (unsigned long long)safe,
	       (unsigned long long)good, (unsigned long long)lost,
	       (unsigned long long)loose);
	close(fd);
	return lost != 0;
}
