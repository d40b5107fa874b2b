/* SPDX-License-Identifier: BSD-2-Clause */
/* disk_chain.c - Images that are based on others; the essay is in the header */
#include "config.h"

#include "vmm/disk_chain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/bytes.h"
#include "lib/fd.h"
#include "lib/log.h"

enum {
	CHAIN_MAX = 64,			/* images in a chain that are looked at */

	QCOW2_V2_HEADER = 72,
	QCOW2_V3_HEADER = 104,
	QCOW2_EXT_END = 0,
	QED_HEADER = 64,
	QED_F_BACKING = 1,
	QED_F_BACKING_IS_RAW = 4,
};

#define QCOW2_EXT_FORMAT	0xe2792acau

/* Of qcow2, and of the qcow before it, as far as it is the same. */
struct qcow_header {
	uint8_t magic[4];
	struct be32 version;
	struct be64 backing;
	struct be32 backing_size;
};

struct qcow2_extension {
	struct be32 type;
	struct be32 size;
};

struct qed_header {
	uint8_t magic[4];
	struct le32 sizes[3];
	struct le64 features;
	struct le64 others[4];
	struct le32 backing;
	struct le32 backing_size;
};

static_assert(sizeof(struct qed_header) == QED_HEADER, "QEMU, docs/interop/qed_spec");

/* Take a name that stands at @at. */
static int chain_name(struct disk_backing *b, const uint8_t *head, size_t size, uint64_t at,
		      uint32_t length)
{
	if (!length || length >= sizeof(b->name) || at > size || length > size - at ||
	    memchr(head + at, 0, length))
		return -EINVAL;
	memcpy(b->name, head + at, length);
	return 1;
}

/* Look for the extension with the backing file's format; they end where the name
 * begins. */
static int qcow2_format(struct disk_backing *b, const uint8_t *head, uint64_t at,
			uint64_t end)
{
	struct qcow2_extension ext;

	while (at + sizeof(ext) <= end) {
		uint32_t type, size;

		memcpy(&ext, head + at, sizeof(ext));
		type = be32_get(ext.type);
		size = be32_get(ext.size);
		at += sizeof(ext);
		if (type == QCOW2_EXT_END)
			break;
		if (size > end - at)
			return -EINVAL;
		if (type == QCOW2_EXT_FORMAT) {
			if (!size || size >= sizeof(b->format))
				return -EINVAL;
			memcpy(b->format, head + at, size);
			break;
		}
		at += (size + 7ULL) & ~7ULL;
	}
	return 1;
}

static int qcow_backing(const uint8_t *head, size_t size, bool two, struct disk_backing *b)
{
	struct qcow_header h;
	struct be32 length;
	uint64_t at;
	int ret;

	if (size < QCOW2_V3_HEADER || memcmp(head, "QFI\xfb", 4) != 0)
		return 0;
	memcpy(&h, head, sizeof(h));
	at = be64_get(h.backing);
	if (!at)
		return 0;
	ret = chain_name(b, head, size, at, be32_get(h.backing_size));
	if (ret < 0 || !two)
		return ret;
	memcpy(&length, head + QCOW2_V3_HEADER - sizeof(length), sizeof(length));
	return qcow2_format(b, head, be32_get(h.version) < 3 ? QCOW2_V2_HEADER :
			    be32_get(length), at);
}

static int qed_backing(const uint8_t *head, size_t size, struct disk_backing *b)
{
	struct qed_header h;
	uint64_t features;

	if (size < sizeof(h) || memcmp(head, "QED", 4) != 0)
		return 0;
	memcpy(&h, head, sizeof(h));
	features = le64_get(h.features);
	if (!(features & QED_F_BACKING))
		return 0;
	if (features & QED_F_BACKING_IS_RAW)
		memcpy(b->format, "raw", 4);
	return chain_name(b, head, size, le32_get(h.backing), le32_get(h.backing_size));
}

int disk_chain_backing(const char *format, const uint8_t *head, size_t size,
		       struct disk_backing *b)
{
	*b = (struct disk_backing){ .name = "" };
	if (!strcmp(format, "qcow2") || !strcmp(format, "qcow"))
		return qcow_backing(head, size, !strcmp(format, "qcow2"), b);
	if (!strcmp(format, "qed"))
		return qed_backing(head, size, b);
	return 0;
}

/* The path of a backing file that an image at @path names. Return: whether it is a local
 * file's. */
static bool chain_path(char *to, size_t size, const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	int dir = slash ? (int)(slash + 1 - path) : 0, n;

	if (!strncmp(name, "file:", 5))
		name += 5;
	else if (strcspn(name, ":") < strcspn(name, "/"))
		return false;
	n = snprintf(to, size, "%.*s%s", *name == '/' ? 0 : dir, path, name);
	return n > 0 && (size_t)n < size;
}

static size_t chain_read(const char *path, uint8_t *head)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : pread(fd, head, DISK_CHAIN_HEAD, 0);

	fd_close(&fd);
	return n < 0 ? 0 : (size_t)n;
}

/* One step of a chain: find out what @image says of its backing file. Return: as
 * disk_chain_backing(), what is wrong being logged. */
static int chain_step(const char *path, const char *image, const char *format,
		      uint8_t *head, struct disk_backing *b)
{
	int ret = disk_chain_backing(format, head, chain_read(image, head), b);

	if (ret < 0)
		log_err("disk '%s': what '%s' says of its backing file makes no sense", path,
			image);
	if (ret <= 0 || b->format[0])
		return ret;
	log_err("disk '%s': '%s' does not say of which format its backing file '%s' is, and "
		"that is not to be guessed (qemu-img rebase -u -f %s -F FORMAT -b FILE says "
		"it)", path, image, b->name, format);
	return -EINVAL;
}

int disk_chain_check(const char *path, const char *format)
{
	char where[2][4096 + DISK_CHAIN_NAME];
	uint8_t *head = malloc(DISK_CHAIN_HEAD);
	struct disk_backing b[2];
	const char *image = path;
	unsigned int n = 0;
	int ret = 0;

	if (!head)
		return -ENOMEM;
	for (; n < CHAIN_MAX; n++) {
		ret = chain_step(path, image, format, head, &b[n % 2]);
		if (ret <= 0 || !chain_path(where[n % 2], sizeof(where[0]), image,
					    b[n % 2].name))
			break;
		image = where[n % 2];
		format = b[n % 2].format;
	}
	free(head);
	if (n < CHAIN_MAX)
		return MIN(ret, 0);
	log_err("disk '%s': its backing files have no end", path);
	return -EINVAL;
}
