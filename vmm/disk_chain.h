/* SPDX-License-Identifier: BSD-2-Clause */
/* disk_chain.h - Images that are based on others: is the format of each one said?
 *
 * An image of some formats holds only what was changed since it was made, and names a
 * backing file for the rest. If it does not say of which format that one is,
 * qemu-storage-daemon guesses it from the content. But that may be a guest's: one that
 * had the file as a raw disk could have written the header of an image whose backing
 * file is any file of the host's, and the next guest would read it. So we refuse what
 * would be guessed.
 *
 * Only this is looked at here. All else is the daemon's business, and it complains
 * about files that are broken or missing.
 */
#ifndef VMM_DISK_CHAIN_H
#define VMM_DISK_CHAIN_H

#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

enum {
	DISK_CHAIN_HEAD = 65536,	/* bytes of an image that are enough to look at */
	DISK_CHAIN_NAME = 1024,
	DISK_CHAIN_FORMAT = 16,
};

/**
 * struct disk_backing - What an image says of its backing file
 * @name:	Its name, as it stands there
 * @format:	Its format, empty if that is not said
 */
struct disk_backing {
	char name[DISK_CHAIN_NAME];
	char format[DISK_CHAIN_FORMAT];
};

/**
 * disk_chain_backing() - Find out what an image says of its backing file
 * @format:	The image's
 * @head:	Its first bytes
 * @size:	How many, up to DISK_CHAIN_HEAD
 * @b:		Filled
 *
 * Return: 1; 0 if it has none, or is not of this format; -EINVAL if that cannot be read
 */
int disk_chain_backing(const char *format, const uint8_t *head, size_t size,
		       struct disk_backing *b) MUST_CHECK;

/**
 * disk_chain_check() - Is no format in an image's chain left to be guessed?
 * @path:	The image
 * @format:	Its format
 *
 * A backing file that is no local file ends the chain. Return: 0 or -EINVAL, logged
 */
int disk_chain_check(const char *path, const char *format) MUST_CHECK;

#endif /* VMM_DISK_CHAIN_H */
