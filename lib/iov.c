/* SPDX-License-Identifier: BSD-2-Clause */
/* iov.c - Scattered bytes: size of an iovec array, copies in and out of it */
#include "config.h"

#include "lib/iov.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "lib/compiler.h"

size_t iov_size(const struct iovec *iov, size_t cnt)
{
	size_t size = 0;

	for (size_t i = 0; i < cnt; i++)
		size += iov[i].iov_len;
	return size;
}

/* Walk @size bytes of @iov from @off on; copy from or to @buf. */
static size_t iov_move(const struct iovec *iov, size_t cnt, size_t off,
		       uint8_t *buf, size_t size, bool to_iov)
{
	size_t done = 0;

	for (size_t i = 0; i < cnt && done < size; i++) {
		size_t len = iov[i].iov_len, n;
		uint8_t *p = iov[i].iov_base;

		if (off >= len) {
			off -= len;
			continue;
		}
		n = MIN(len - off, size - done);
		if (to_iov)
			memcpy(p + off, buf + done, n);
		else
			memcpy(buf + done, p + off, n);
		done += n;
		off = 0;
	}
	return done;
}

size_t iov_to_buf(const struct iovec *iov, size_t cnt, size_t off, void *buf,
		  size_t size)
{
	return iov_move(iov, cnt, off, buf, size, false);
}

size_t iov_from_buf(const struct iovec *iov, size_t cnt, size_t off,
		    const void *buf, size_t size)
{
	return iov_move(iov, cnt, off, (uint8_t *)(uintptr_t)buf, size, true);
}

size_t iov_copy(const struct iovec *dst, size_t dst_cnt, size_t dst_off,
		const struct iovec *src, size_t src_cnt, size_t src_off, size_t size)
{
	size_t done = 0;

	for (; src_cnt && done < size; src++, src_cnt--) {
		size_t len;

		if (src_off >= src->iov_len) {
			src_off -= src->iov_len;
			continue;
		}
		len = MIN(src->iov_len - src_off, size - done);
		len = iov_from_buf(dst, dst_cnt, dst_off + done,
				   (const uint8_t *)src->iov_base + src_off, len);
		done += len;
		src_off = 0;
		if (!len)
			break;
	}
	return done;
}

unsigned int iov_rest(struct iovec *dst, const struct iovec *src, unsigned int cnt, size_t skip)
{
	unsigned int n = 0;

	for (; cnt; src++, cnt--) {
		if (skip >= src->iov_len) {
			skip -= src->iov_len;
			continue;
		}
		dst[n++] = (struct iovec){ (uint8_t *)src->iov_base + skip,
					   src->iov_len - skip };
		skip = 0;
	}
	return n;
}
