/* SPDX-License-Identifier: BSD-2-Clause */
/* gdb_packet.c - Packets of gdb's remote protocol: bytes to packets, answers to bytes */
#include "config.h"

#include "vmm/gdb_packet.h"

#include <string.h>

enum {
	BREAK = 3,
	ESCAPE = '}',
	ESCAPE_BIT = 0x20,
	END_SIZE = 3,			/* "#" and the sum */
};

static const char digits[] = "0123456789abcdef";

/* Return: the digit's value, or -1. */
static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In. */

static enum gdb_event in_idle(struct gdb_in *in, uint8_t byte)
{
	switch (byte) {
	case '$':
		in->state = GDB_IN_TEXT;
		in->size = 0;
		in->sum = 0;
		in->escaped = false;
		return GDB_MORE;
	case '+':
		return GDB_ACK;
	case '-':
		return GDB_NAK;
	case BREAK:
		return GDB_BREAK;
	default:
		return GDB_JUNK;
	}
}

static enum gdb_event in_text(struct gdb_in *in, uint8_t byte)
{
	/* The rest of a packet was lost on the way, and this is the next. */
	if (byte == '$')
		return in_idle(in, byte);
	if (byte == '#') {
		in->state = GDB_IN_SUM_1;
		return GDB_MORE;
	}
	in->sum = (uint8_t)(in->sum + byte);
	if (byte == ESCAPE && !in->escaped) {
		in->escaped = true;
		return GDB_MORE;
	}
	if (in->size == GDB_TEXT_MAX) {
		in->state = GDB_IN_IDLE;
		return GDB_JUNK;
	}
	in->text[in->size++] = in->escaped ? byte ^ ESCAPE_BIT : byte;
	in->escaped = false;
	return GDB_MORE;
}

enum gdb_event gdb_in_byte(struct gdb_in *in, uint8_t byte)
{
	int high, low;

	switch (in->state) {
	case GDB_IN_IDLE:
		return in_idle(in, byte);
	case GDB_IN_TEXT:
		return in_text(in, byte);
	case GDB_IN_SUM_1:
		in->claim = byte;
		in->state = GDB_IN_SUM_2;
		return GDB_MORE;
	case GDB_IN_SUM_2:
		break;
	}
	in->state = GDB_IN_IDLE;
	in->text[in->size] = 0;
	high = digit(in->claim);
	low = digit(byte);
	if (in->escaped || high < 0 || low < 0 || (high << 4 | low) != in->sum)
		return GDB_DAMAGED;
	return GDB_PACKET;
}

/* Out. */

/* Room is kept for the end of the packet. */
static void out_put(struct gdb_out *out, uint8_t byte)
{
	if (out->size >= GDB_OUT_MAX - END_SIZE) {
		out->lost++;
		return;
	}
	out->data[out->size++] = byte;
	out->sum = (uint8_t)(out->sum + byte);
}

static void out_escaped(struct gdb_out *out, uint8_t byte)
{
	if (byte == '#' || byte == '$' || byte == '*' || byte == ESCAPE) {
		out_put(out, ESCAPE);
		byte ^= ESCAPE_BIT;
	}
	out_put(out, byte);
}

/* What was sent is kept until then, since it may have to be sent again. */
static void out_forget_sent(struct gdb_out *out)
{
	if (out->sent == out->size)
		out->sent = out->size = out->frame = 0;
}

void gdb_out_begin(struct gdb_out *out)
{
	out_forget_sent(out);
	out->frame = out->size;
	out->lost = 0;
	out_put(out, '$');
	out->sum = 0;
}

void gdb_out_char(struct gdb_out *out, char c)
{
	out_escaped(out, (uint8_t)c);
}

void gdb_out_text(struct gdb_out *out, const char *text)
{
	while (*text)
		gdb_out_char(out, *text++);
}

void gdb_out_binary(struct gdb_out *out, const void *bytes, size_t size)
{
	const uint8_t *p = bytes;

	while (size--)
		out_escaped(out, *p++);
}

void gdb_out_bytes(struct gdb_out *out, const void *bytes, size_t size)
{
	const uint8_t *p = bytes;

	for (; size--; p++) {
		out_put(out, (uint8_t)digits[*p >> 4]);
		out_put(out, (uint8_t)digits[*p & 15]);
	}
}

void gdb_out_number(struct gdb_out *out, uint64_t n)
{
	int shift = 60;

	while (shift && !(n >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		out_put(out, (uint8_t)digits[n >> shift & 15]);
}

void gdb_out_end(struct gdb_out *out)
{
	uint8_t sum;

	if (out->lost) {
		out->size = MIN(out->frame, (size_t)(GDB_OUT_MAX - 4 - END_SIZE));
		out->frame = out->size;
		out_put(out, '$');
		out->sum = 0;
		gdb_out_text(out, "E0c");
	}
	sum = out->sum;
	out->data[out->size++] = '#';
	out->data[out->size++] = (uint8_t)digits[sum >> 4];
	out->data[out->size++] = (uint8_t)digits[sum & 15];
}

void gdb_out_mark(struct gdb_out *out, char mark)
{
	out_forget_sent(out);
	if (out->size < GDB_OUT_MAX)
		out->data[out->size++] = (uint8_t)mark;
}

void gdb_out_again(struct gdb_out *out)
{
	if (out->sent == out->size)
		out->sent = out->frame;
}

/* Reading a text. */

bool gdb_take(struct gdb_text *t, const char *word)
{
	size_t n = strlen(word);

	if (t->left < n || memcmp(t->p, word, n))
		return false;
	t->p += n;
	t->left -= n;
	return true;
}

bool gdb_take_number(struct gdb_text *t, uint64_t *n)
{
	uint64_t v = 0;
	size_t i = 0;

	while (i < t->left && digit(t->p[i]) >= 0) {
		if (i == 16)
			return false;
		v = v << 4 | (uint64_t)digit(t->p[i++]);
	}
	if (!i)
		return false;
	*n = v;
	t->p += i;
	t->left -= i;
	return true;
}

bool gdb_take_bytes(struct gdb_text *t, void *bytes, size_t size)
{
	uint8_t *to = bytes;

	if (t->left / 2 < size)
		return false;
	for (size_t i = 0; i < size; i++) {
		int high = digit(t->p[2 * i]), low = digit(t->p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		to[i] = (uint8_t)(high << 4 | low);
	}
	t->p += 2 * size;
	t->left -= 2 * size;
	return true;
}
