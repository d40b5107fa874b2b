/* SPDX-License-Identifier: BSD-2-Clause */
/* table.c - Aligned tables and readable numbers; see table.h */
#include "config.h"

#include "tools/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { TABLE_GAP = 2 };

void table_escape(FILE *to, const char *s)
{
	for (; *s; s++) {
		if (*s < 0x20 || *s > 0x7e)
			fprintf(to, "\\x%02x", (unsigned char)*s);
		else
			fputc(*s, to);
	}
}

void table_begin(struct table *t, const struct table_column *columns, unsigned int width)
{
	*t = (struct table){ .columns = columns, .width = width };
}

/* Without memory for a cell there is nothing sensible left to show: abort(). */
void table_add(struct table *t, const char *fmt, ...)
{
	char *raw = NULL, *cell = NULL;
	size_t raw_size, size;
	va_list ap;
	FILE *out;

	if (t->count == t->room) {
		size_t room = t->room ? 2 * t->room : 64;
		char **more = reallocarray(t->cells, room, sizeof(*more));

		if (!more)
			abort();
		t->cells = more;
		t->room = room;
	}
	out = open_memstream(&raw, &raw_size);
	if (!out)
		abort();
	va_start(ap, fmt);
	vfprintf(out, fmt, ap);
	va_end(ap);
	fclose(out);
	out = open_memstream(&cell, &size);
	if (!out || !raw)
		abort();
	table_escape(out, raw);
	fclose(out);
	free(raw);
	t->cells[t->count++] = cell;
}

/* Print a row: heads, or the cells from @cells on. */
static void table_row(const struct table *t, const size_t *width, char *const *cells,
		      FILE *to)
{
	for (unsigned int c = 0; c < t->width; c++) {
		const char *text = cells ? cells[c] : t->columns[c].head;
		int pad = (int)width[c];

		if (c)
			fprintf(to, "%*s", TABLE_GAP, "");
		if (!t->columns[c].right && c == t->width - 1)
			pad = 0;
		fprintf(to, "%*s", t->columns[c].right ? pad : -pad, text);
	}
	fputc('\n', to);
}

void table_end(struct table *t, FILE *to)
{
	size_t width[TABLE_COLUMNS_MAX] = { 0 };
	bool heads = false;

	for (unsigned int c = 0; c < t->width; c++) {
		width[c] = strlen(t->columns[c].head);
		heads |= width[c];
	}
	for (size_t i = 0; i < t->count; i++)
		width[i % t->width] = MAX(width[i % t->width], strlen(t->cells[i]));
	if (heads)
		table_row(t, width, NULL, to);
	for (size_t i = 0; i + t->width <= t->count; i += t->width)
		table_row(t, width, t->cells + i, to);
	for (size_t i = 0; i < t->count; i++)
		free(t->cells[i]);
	free(t->cells);
}

const char *table_count(char buf[static TABLE_NUMBER], uint64_t n)
{
	char *p = buf + TABLE_NUMBER - 1;
	unsigned int digits = 0;

	*p = 0;
	do {
		if (digits && digits % 3 == 0)
			*--p = ',';
		*--p = (char)('0' + n % 10);
		digits++;
		n /= 10;
	} while (n);
	return memmove(buf, p, strlen(p) + 1);
}

const char *table_bytes(char buf[static TABLE_NUMBER], uint64_t n)
{
	static const char units[] = " kMGTPE";
	unsigned int u = 0;
	uint64_t unit = 1;

	while (n / unit >= 1000) {
		unit *= 1000;
		u++;
	}
	if (!u)
		snprintf(buf, TABLE_NUMBER, "%u B", (unsigned int)n);
	else
		snprintf(buf, TABLE_NUMBER, "%.*f %cB", n / unit < 10 ? 2 : n / unit < 100,
			 (double)n / (double)unit, units[u]);
	return buf;
}
