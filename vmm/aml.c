/* SPDX-License-Identifier: BSD-2-Clause */
/* aml.c - Writing ACPI machine language (ACPI 6.4, chapter 20) */
#include "config.h"

#include "vmm/aml.h"

#include <assert.h>
#include <string.h>

enum {
	OP_ZERO = 0x00, OP_ONE = 0x01, OP_NAME = 0x08, OP_BYTE = 0x0a,
	OP_WORD = 0x0b, OP_DWORD = 0x0c, OP_STRING = 0x0d, OP_SCOPE = 0x10,
	OP_BUFFER = 0x11, OP_PACKAGE = 0x12, OP_METHOD = 0x14, OP_EXT = 0x5b,
	OP_DEVICE = 0x82, OP_NOTIFY = 0x86,
	PKG_LENGTH = 3,		/* bytes of every length we write */
};

static void aml_byte(struct aml *a, uint8_t b)
{
	assert(a->size < AML_SIZE);
	a->buf[a->size++] = b;
}

static void aml_raw(struct aml *a, const void *p, size_t size)
{
	assert(size <= AML_SIZE - a->size);
	memcpy(a->buf + a->size, p, size);
	a->size += size;
}

/* A block begins: leave room for its length. */
static void aml_open(struct aml *a)
{
	assert(a->depth < AML_DEPTH);
	a->open[a->depth++] = a->size;
	aml_raw(a, "\0\0\0", PKG_LENGTH);
}

/* PkgLength of three bytes (20.2.4): it counts itself. */
void aml_close(struct aml *a)
{
	size_t at, len;

	assert(a->depth);
	at = a->open[--a->depth];
	len = a->size - at;
	a->buf[at] = (uint8_t)(0x80 | (len & 0x0f));
	a->buf[at + 1] = (uint8_t)(len >> 4);
	a->buf[at + 2] = (uint8_t)(len >> 12);
}

void aml_scope(struct aml *a, const char *name)
{
	aml_byte(a, OP_SCOPE);
	aml_open(a);
	aml_raw(a, name, strlen(name));
}

void aml_device(struct aml *a, const char *name)
{
	aml_byte(a, OP_EXT);
	aml_byte(a, OP_DEVICE);
	aml_open(a);
	aml_raw(a, name, strlen(name));
}

void aml_method(struct aml *a, const char *name, uint8_t args)
{
	aml_byte(a, OP_METHOD);
	aml_open(a);
	aml_raw(a, name, strlen(name));
	aml_byte(a, args);
}

void aml_name(struct aml *a, const char *name)
{
	aml_byte(a, OP_NAME);
	aml_raw(a, name, strlen(name));
}

void aml_integer(struct aml *a, uint32_t v)
{
	uint8_t b[4] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16),
			 (uint8_t)(v >> 24) };

	if (v <= 1) {
		aml_byte(a, v ? OP_ONE : OP_ZERO);
	} else if (v <= UINT8_MAX) {
		aml_byte(a, OP_BYTE);
		aml_raw(a, b, 1);
	} else if (v <= UINT16_MAX) {
		aml_byte(a, OP_WORD);
		aml_raw(a, b, 2);
	} else {
		aml_byte(a, OP_DWORD);
		aml_raw(a, b, 4);
	}
}

void aml_string(struct aml *a, const char *s)
{
	aml_byte(a, OP_STRING);
	aml_raw(a, s, strlen(s) + 1);
}

static uint32_t eisa_hex(char c)
{
	return (uint32_t)(c <= '9' ? c - '0' : c - 'A' + 10);
}

/* Three letters and four hex digits, compressed (19.3.4, EISAID). */
void aml_eisa_id(struct aml *a, const char *id)
{
	uint32_t v = ((uint32_t)id[0] - 0x40) << 26 | ((uint32_t)id[1] - 0x40) << 21 |
		     ((uint32_t)id[2] - 0x40) << 16 | eisa_hex(id[3]) << 12 |
		     eisa_hex(id[4]) << 8 | eisa_hex(id[5]) << 4 | eisa_hex(id[6]);

	aml_integer(a, __builtin_bswap32(v));
}

void aml_bytes(struct aml *a, const uint8_t *bytes, size_t size)
{
	aml_byte(a, OP_BUFFER);
	aml_open(a);
	aml_integer(a, (uint32_t)size);
	aml_raw(a, bytes, size);
	aml_close(a);
}

void aml_package(struct aml *a, const uint8_t *v, uint8_t count)
{
	aml_byte(a, OP_PACKAGE);
	aml_open(a);
	aml_byte(a, count);
	for (uint8_t i = 0; i < count; i++)
		aml_integer(a, v[i]);
	aml_close(a);
}

void aml_notify(struct aml *a, const char *name, uint8_t value)
{
	aml_byte(a, OP_NOTIFY);
	aml_raw(a, name, strlen(name));
	aml_integer(a, value);
}
