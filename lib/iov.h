/* SPDX-License-Identifier: BSD-2-Clause */
/* iov.h - Scattered bytes: size of an iovec array, copies in and out of it, parts of it
 *
 * Every function stops at the end of the shorter side; offsets past the end
 * copy nothing. Sizes are bytes, counts are iovecs.
 */
#ifndef LIB_IOV_H
#define LIB_IOV_H

#include <stddef.h>
#include <sys/uio.h>

/* Bytes in all of @iov. */
size_t iov_size(const struct iovec *iov, size_t cnt);

/**
 * iov_to_buf() - Gather bytes from an iovec array
 * @iov:	Array, @cnt elements
 * @cnt:	Elements
 * @off:	Bytes of it to skip
 * @buf:	Storage for @size bytes
 * @size:	Bytes wanted
 *
 * Return: bytes copied
 */
size_t iov_to_buf(const struct iovec *iov, size_t cnt, size_t off, void *buf,
		  size_t size);

/* The other way: scatter @size bytes of @buf into @iov from @off on. */
size_t iov_from_buf(const struct iovec *iov, size_t cnt, size_t off,
		    const void *buf, size_t size);

/**
 * iov_copy() - Copy from one iovec array to another
 * @dst:	Array of @dst_cnt elements
 * @dst_off:	Bytes of it to skip
 * @src:	Array of @src_cnt elements
 * @src_off:	Bytes of it to skip
 * @size:	Bytes wanted
 *
 * Return: bytes copied
 */
size_t iov_copy(const struct iovec *dst, size_t dst_cnt, size_t dst_off,
		const struct iovec *src, size_t src_cnt, size_t src_off, size_t size);

/**
 * iov_rest() - What lies behind the first bytes of an iovec array
 * @dst:	Room for @cnt iovecs
 * @src:	Array, @cnt elements
 * @cnt:	Elements
 * @skip:	Bytes that are left out
 *
 * Return: elements of @dst, which point into what @src does
 */
unsigned int iov_rest(struct iovec *dst, const struct iovec *src, unsigned int cnt,
		      size_t skip);

#endif /* LIB_IOV_H */
