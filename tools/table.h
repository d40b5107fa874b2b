/* SPDX-License-Identifier: BSD-2-Clause */
/* table.h - Aligned tables and readable numbers, for people
 *
 * Cells may come from strangers: whatever is not printable ASCII is shown as \xNN.
 * Knows nothing of what it shows.
 */
#ifndef TOOLS_TABLE_H
#define TOOLS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/compiler.h"

enum {
	TABLE_COLUMNS_MAX = 16,
	TABLE_NUMBER = 32,	/* bytes of a number as text */
};

/** struct table_column - A heading; "" in all columns: none are shown */
struct table_column {
	const char *head;
	bool right;		/* numbers */
};

/** struct table - A table being filled, row by row; memory is freed by table_end() */
struct table {
	const struct table_column *columns;
	unsigned int width;
	char **cells;
	size_t count, room;
};

/* Begin with @width columns; @columns is borrowed. */
void table_begin(struct table *t, const struct table_column *columns, unsigned int width);

/* Add the next cell; when a row is full, the next one begins. */
void table_add(struct table *t, const char *fmt, ...) PRINTF(2, 3);

/* Print and forget it. */
void table_end(struct table *t, FILE *to);

/* Write @s with everything escaped that is not printable ASCII. */
void table_escape(FILE *to, const char *s);

/* A count with a comma every three digits. Return: @buf. */
const char *table_count(char buf[static TABLE_NUMBER], uint64_t n);

/* Bytes with a unit, three or four digits: "60 B", "1.25 MB" (of 1000 kB). Return:
 * @buf. */
const char *table_bytes(char buf[static TABLE_NUMBER], uint64_t n);

#endif /* TOOLS_TABLE_H */
