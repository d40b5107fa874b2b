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
static size_t iov_copy(const struct iovec *iov, size_t cnt, size_t off,
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
	return iov_copy(iov, cnt, off, buf, size, false);
}

size_t iov_from_buf(const struct iovec *iov, size_t cnt, size_t off,
		    const void *buf, size_t size)
{
	return iov_copy(iov, cnt, off, (uint8_t *)(uintptr_t)buf, size, true);
}
