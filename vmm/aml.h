/* SPDX-License-Identifier: BSD-2-Clause */
/* aml.h - Writing ACPI machine language (ACPI 6.4, chapter 20), as little as we need
 *
 * Each call appends to a buffer. Blocks (scope, device, buffer, package) are
 * opened and closed; their length is filled in when they are closed.
 */
#ifndef VMM_AML_H
#define VMM_AML_H

#include <stddef.h>
#include <stdint.h>

enum { AML_SIZE = 4096, AML_DEPTH = 8 };

/**
 * struct aml - A buffer of AML
 * @open:	Where the lengths of open blocks stand
 */
struct aml {
	uint8_t buf[AML_SIZE];
	size_t size;
	size_t open[AML_DEPTH];
	unsigned int depth;
};

/* Blocks; each is ended by aml_close(). Names have four characters, or are a
 * path beginning with a backslash and one name. A method takes @args arguments. */
void aml_scope(struct aml *a, const char *name);
void aml_device(struct aml *a, const char *name);
void aml_method(struct aml *a, const char *name, uint8_t args);
void aml_close(struct aml *a);

/* Name (NAME, ...): followed by exactly one value. */
void aml_name(struct aml *a, const char *name);

/* Values. */
void aml_integer(struct aml *a, uint32_t v);
void aml_string(struct aml *a, const char *s);
void aml_eisa_id(struct aml *a, const char *id);
void aml_bytes(struct aml *a, const uint8_t *bytes, size_t size);

/* Package of integers. */
void aml_package(struct aml *a, const uint8_t *v, uint8_t count);

/* In a method: Notify (NAME, VALUE). */
void aml_notify(struct aml *a, const char *name, uint8_t value);

#endif /* VMM_AML_H */
