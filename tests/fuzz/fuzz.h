/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz.h - What the fuzz targets share: reading the input, and complaining
 *
 * An input is read as bytes from its front; behind its end there are zeros. So a
 * target gives zero the meaning "as usual", and a short input makes a sensible
 * program, of which the fuzzer then bends one byte after the other.
 *
 * A target has one entry, LLVMFuzzerTestOneInput(), which libFuzzer calls, or the
 * main() in replay.c with inputs from files. It keeps nothing from one input to the
 * next.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/compiler.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** struct fuzz_in - The rest of an input */
struct fuzz_in {
	const uint8_t *p;
	size_t left;
};

static inline void fuzz_bytes(struct fuzz_in *in, void *buf, size_t size)
{
	size_t n = MIN(size, in->left);

	memset(buf, 0, size);
	if (n)
		memcpy(buf, in->p, n);
	in->p += n;
	in->left -= n;
}

static inline uint8_t fuzz_u8(struct fuzz_in *in)
{
	uint8_t x;

	fuzz_bytes(in, &x, sizeof(x));
	return x;
}

static inline uint16_t fuzz_u16(struct fuzz_in *in)
{
	uint16_t x;

	fuzz_bytes(in, &x, sizeof(x));
	return x;
}

static inline uint32_t fuzz_u32(struct fuzz_in *in)
{
	uint32_t x;

	fuzz_bytes(in, &x, sizeof(x));
	return x;
}

static inline uint64_t fuzz_u64(struct fuzz_in *in)
{
	uint64_t x;

	fuzz_bytes(in, &x, sizeof(x));
	return x;
}

/* Storage of exactly @size bytes, so that a sanitizer sees each byte too far. */
static inline void *fuzz_alloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (!p)
		abort();
	return p;
}

/* The product did what it must not do unless @cond: say so, and die. */
#define FUZZ_CHECK(cond, ...) \
	do { \
		if (!(cond)) { \
			fprintf(stderr, "%s:%d: (%s) is false: ", __FILE__, \
				__LINE__, #cond); \
			fprintf(stderr, __VA_ARGS__); \
			fputc('\n', stderr); \
			abort(); \
		} \
	} while (0)

#endif /* TESTS_FUZZ_H */
