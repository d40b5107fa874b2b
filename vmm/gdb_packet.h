/* SPDX-License-Identifier: BSD-2-Clause */
/* gdb_packet.h - Packets of gdb's remote protocol: bytes to packets, answers to bytes
 *
 * A packet is "$", its text, "#" and two hexadecimal digits: the sum of the bytes
 * between. Four bytes may not stand in a text; they are written as "}" and the byte
 * with one bit changed. Around packets there are "+" and "-", which say whether one
 * came whole, and a lone byte 3: Ctrl-C. (The GDB manual, appendix E.)
 *
 * This is the form only; what packets mean is in gdb_stub.h. There is no descriptor and
 * no clock here, and nothing is allocated.
 *
 * Security model: the other end may be anybody who reached the socket. A text has at
 * most GDB_TEXT_MAX bytes; answers have room for GDB_OUT_MAX, what does not fit is left
 * out and counted.
 */
#ifndef VMM_GDB_PACKET_H
#define VMM_GDB_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/compiler.h"

enum {
	GDB_TEXT_MAX = 16384,
	GDB_OUT_MAX = 4 * GDB_TEXT_MAX,
};

/** enum gdb_event - What a byte that came in has made complete */
enum gdb_event {
	GDB_MORE,	/* nothing yet */
	GDB_PACKET,	/* a packet: its text is there */
	GDB_DAMAGED,	/* a packet with a wrong sum */
	GDB_ACK,	/* the last answer has arrived */
	GDB_NAK,	/* it has to be sent again */
	GDB_BREAK,	/* Ctrl-C */
	GDB_JUNK,	/* what gdb does not say: too long, or between packets */
};

/**
 * struct gdb_in - A packet that comes in; all zero at the beginning
 * @text:	Its text, @size bytes and a zero; good until the next byte
 */
struct gdb_in {
	enum { GDB_IN_IDLE, GDB_IN_TEXT, GDB_IN_SUM_1, GDB_IN_SUM_2 } state;
	bool escaped;
	uint8_t sum, claim;
	size_t size;
	uint8_t text[GDB_TEXT_MAX + 1];
};

/* Take the next byte. */
enum gdb_event gdb_in_byte(struct gdb_in *in, uint8_t byte);

/**
 * struct gdb_out - Answers on their way out; all zero at the beginning
 * @data:	@size bytes, of which @sent are sent
 * @frame:	Where the last packet begins
 * @lost:	Bytes of it that did not fit
 */
struct gdb_out {
	size_t size, sent, frame, lost;
	uint8_t sum;
	uint8_t data[GDB_OUT_MAX];
};

/* A packet: its beginning, its text in pieces, its end. One that did not fit as a whole
 * becomes the error "E0c". */
void gdb_out_begin(struct gdb_out *out);
void gdb_out_char(struct gdb_out *out, char c);
void gdb_out_text(struct gdb_out *out, const char *text);
/* Bytes as they are, and as two hexadecimal digits each. */
void gdb_out_binary(struct gdb_out *out, const void *bytes, size_t size);
void gdb_out_bytes(struct gdb_out *out, const void *bytes, size_t size);
/* A number without leading zeros. */
void gdb_out_number(struct gdb_out *out, uint64_t n);
void gdb_out_end(struct gdb_out *out);

/* A byte that is no packet: "+" or "-". */
void gdb_out_mark(struct gdb_out *out, char mark);

/* Have the last packet sent again, if all was sent. */
void gdb_out_again(struct gdb_out *out);

/** struct gdb_text - The rest of a text that is read */
struct gdb_text {
	const uint8_t *p;
	size_t left;
};

/* Each takes something from the front, and says whether it was there; if not, nothing is
 * taken. A number has one to sixteen hexadecimal digits. */
bool gdb_take(struct gdb_text *t, const char *word);
bool gdb_take_number(struct gdb_text *t, uint64_t *n);
/* @size bytes from two digits each. */
bool gdb_take_bytes(struct gdb_text *t, void *bytes, size_t size) MUST_CHECK;

#endif /* VMM_GDB_PACKET_H */
