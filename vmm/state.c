/* SPDX-License-Identifier: BSD-2-Clause */
/* state.c - The file that a saved VM is kept in; the essay is in state.h */
#include "config.h"

#include "vmm/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/crc32c.h"
#include "lib/fd.h"
#include "vmm/opener.h"

static const char magic[16] = "lanbox-vm-state\n";

enum {
	RAM_VERSION = 1,
	RUN_PAGES = 256,		/* written or read at one go, at most */
};

/* Collecting. */

static void out_bytes(struct state_out *out, const void *data, size_t size)
{
	if (out->failed || !size)
		return;
	if (size > out->room - out->size) {
		size_t room = MAX(2 * out->room, out->size + size + STATE_PAGE);
		uint8_t *p = realloc(out->data, room);

		if (!p) {
			out->failed = true;
			return;
		}
		out->data = p;
		out->room = room;
	}
	if (data)
		memcpy(out->data + out->size, data, size);
	else
		memset(out->data + out->size, 0, size);
	out->size += size;
}

/* Zeros up to the next multiple of @unit, if @before is what lies before us. */
static void out_pad(struct state_out *out, size_t before, size_t unit)
{
	out_bytes(out, NULL, -(before + out->size) & (unit - 1));
}

void state_put(struct state_out *out, const char *name, uint32_t id, uint32_t version,
	       const void *data, size_t size)
{
	struct state_section s = { .id = id, .version = version, .size = size };

	memcpy(s.name, name, MIN(strlen(name), sizeof(s.name)));
	out_bytes(out, &s, sizeof(s));
	out_bytes(out, data, size);
	out_pad(out, 0, sizeof(uint64_t));
}

void state_out_free(struct state_out *out)
{
	free(out->data);
	*out = (struct state_out){ .data = NULL };
}

/* Writing. */

static int write_all(int fd, const void *data, size_t size, uint64_t off)
{
	const uint8_t *p = data;

	while (size) {
		ssize_t n = pwrite(fd, p, size, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		p += n;
		off += (uint64_t)n;
		size -= (size_t)n;
	}
	return 0;
}

static bool page_is_zero(const uint8_t *page)
{
	return !page[0] && !memcmp(page, page + 1, STATE_PAGE - 1);
}

static bool bit(const uint8_t *bits, uint64_t i)
{
	return bits[i / 8] >> (i % 8) & 1;
}

/* Mark the pages that are not zero. What was never touched, or was given back, is a hole
 * in the memory's file, and is not touched by us either. Return: how many there are. */
static uint64_t mark_pages(const struct state_ram *ram, uint8_t *bits)
{
	uint64_t pages = 0, at = 0;

	while (at < ram->size) {
		off_t data = lseek(ram->fd, (off_t)at, SEEK_DATA);
		off_t hole = data < 0 ? -1 : lseek(ram->fd, data, SEEK_HOLE);
		uint64_t end = ram->size;

		if (data < 0 && errno == ENXIO)
			break;
		if (hole > data) {
			at = (uint64_t)data / STATE_PAGE * STATE_PAGE;
			end = MIN((uint64_t)hole, ram->size);
		}
		for (; at < end; at += STATE_PAGE) {
			if (page_is_zero(ram->host + at))
				continue;
			bits[at / STATE_PAGE / 8] |= (uint8_t)(1 << at / STATE_PAGE % 8);
			pages++;
		}
	}
	return pages;
}

/* The next run of marked pages from @from on, of at most RUN_PAGES. Return: its length, 0
 * if there is none. */
static unsigned int next_run(const uint8_t *bits, uint64_t count, uint64_t from,
			     uint64_t *first)
{
	unsigned int n = 0;

	while (from < count && !bit(bits, from))
		from += bits[from / 8] ? 1 : 8 - from % 8;
	*first = from;
	while (n < RUN_PAGES && from + n < count && bit(bits, from + n))
		n++;
	return n;
}

static int write_ram(int fd, const struct state_ram *ram, const uint8_t *bits,
		     struct state_head *head, struct state_progress *progress)
{
	uint64_t count = ram->size / STATE_PAGE, first = 0, at = head->ram_at;
	unsigned int n;
	int ret = 0;

	for (uint64_t i = 0; !ret && (n = next_run(bits, count, i, &first)); i = first + n) {
		const uint8_t *p = ram->host + first * STATE_PAGE;
		size_t size = (size_t)n * STATE_PAGE;

		if (__atomic_load_n(&progress->cancel, __ATOMIC_RELAXED))
			return -ECANCELED;
		head->pages_sum = crc32c(head->pages_sum, p, size);
		ret = write_all(fd, p, size, at);
		at += size;
		__atomic_add_fetch(&progress->done, n, __ATOMIC_RELAXED);
	}
	return ret;
}

static int write_file(int fd, struct state_out *out, const struct state_ram *ram,
		      struct state_progress *progress)
{
	size_t bits_size = (ram->size / STATE_PAGE + 7) / 8;
	uint8_t *bits = calloc(1, bits_size);
	struct state_head head = { .version = STATE_VERSION };
	int ret;

	if (!bits)
		return -ENOMEM;
	memcpy(head.magic, magic, sizeof(head.magic));
	head.pages = mark_pages(ram, bits);
	__atomic_store_n(&progress->pages, head.pages, __ATOMIC_RELAXED);
	state_put(out, "ram", 0, RAM_VERSION, bits, bits_size);
	out_pad(out, sizeof(head), STATE_PAGE);
	head.ram_at = sizeof(head) + out->size;
	ret = out->failed ? -ENOMEM : out->size > STATE_SECTIONS_MAX ? -EFBIG :
	      write_all(fd, out->data, out->size, sizeof(head));
	if (!ret)
		ret = write_ram(fd, ram, bits, &head, progress);
	free(bits);
	if (ret)
		return ret;
	head.sections_sum = crc32c(0, out->data, out->size);
	head.sum = crc32c(0, &head, sizeof(head));
	return write_all(fd, &head, sizeof(head), 0);
}

int state_write(const char *path, struct state_out *out, const struct state_ram *ram,
		struct state_progress *progress)
{
	int fd = opener_save_begin(path), ret, end;

	if (fd < 0)
		return fd;
	ret = write_file(fd, out, ram, progress);
	if (!ret && fsync(fd) < 0)
		ret = -errno;
	fd_close(&fd);
	if (!ret && __atomic_load_n(&progress->cancel, __ATOMIC_RELAXED))
		ret = -ECANCELED;
	end = opener_save_end(!ret);
	return ret ? ret : end;
}

/* Reading. */

static int read_all(int fd, void *data, size_t size, uint64_t off)
{
	uint8_t *p = data;

	while (size) {
		ssize_t n = pread(fd, p, size, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		p += n;
		off += (uint64_t)n;
		size -= (size_t)n;
	}
	return 0;
}

static const char *check_head(const struct state_head *head, uint64_t file)
{
	struct state_head h = *head;

	if (memcmp(h.magic, magic, sizeof(h.magic)))
		return "it is no saved VM";
	if (h.version != STATE_VERSION)
		return "it was saved by another version of this program";
	h.sum = 0;
	if (crc32c(0, &h, sizeof(h)) != head->sum)
		return "it is damaged (its head)";
	if (h.ram_at < sizeof(h) || h.ram_at % STATE_PAGE ||
	    h.ram_at - sizeof(h) > STATE_SECTIONS_MAX)
		return "it makes no sense (where its pages begin)";
	if (h.ram_at > file || h.pages > (file - h.ram_at) / STATE_PAGE)
		return "its end is missing";
	if (file != h.ram_at + h.pages * STATE_PAGE)
		return "there is something behind its end";
	return NULL;
}

/* The section at @off, its contents within the file's. Return: it, or NULL. */
static const struct state_section *section_at(const struct state *s, size_t off)
{
	const struct state_section *x = (const void *)(s->data + off);
	size_t left = s->size - off;

	if (left < sizeof(*x) || !x->name[0] || x->size > left - sizeof(*x))
		return NULL;
	return x;
}

static size_t section_size(const struct state_section *x)
{
	return (sizeof(*x) + (size_t)x->size + 7) & ~(size_t)7;
}

const void *state_get_any(const struct state *s, const char *name, uint32_t id,
			  uint32_t version, size_t *size)
{
	const struct state_section *x;

	for (size_t off = 0; off < s->size && (x = section_at(s, off));
	     off += section_size(x)) {
		if (strncmp(x->name, name, sizeof(x->name)) || x->id != id)
			continue;
		*size = (size_t)x->size;
		return x->version == version ? x + 1 : NULL;
	}
	return NULL;
}

const void *state_get(const struct state *s, const char *name, uint32_t id,
		      uint32_t version, size_t size)
{
	size_t have;
	const void *p = state_get_any(s, name, id, version, &have);

	return p && have == size ? p : NULL;
}

static const char *read_sections(struct state *s)
{
	s->size = (size_t)s->head.ram_at - sizeof(s->head);
	/* At least one byte, and aligned for whatever a section may hold. */
	s->data = aligned_alloc(64, (s->size + 64) & ~(size_t)63);
	if (!s->data)
		return "there is no memory";
	if (read_all(s->fd, s->data, s->size, sizeof(s->head)))
		return "it cannot be read";
	if (crc32c(0, s->data, s->size) != s->head.sections_sum)
		return "it is damaged (its sections)";
	return NULL;
}

const char *state_open(struct state *s, const char *path)
{
	const char *why = NULL;
	struct stat st;

	*s = (struct state){ .path = path };
	s->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (s->fd < 0)
		return strerror(errno);
	if (fstat(s->fd, &st) < 0 || !S_ISREG(st.st_mode))
		why = "it is no file";
	else if ((uint64_t)st.st_size < sizeof(s->head))
		why = "it is no saved VM";
	else if (read_all(s->fd, &s->head, sizeof(s->head), 0))
		why = "it cannot be read";
	if (!why)
		why = check_head(&s->head, (uint64_t)st.st_size);
	if (!why)
		why = read_sections(s);
	if (why)
		state_close(s);
	return why;
}

const char *state_read_ram(const struct state *s, const struct state_ram *ram)
{
	uint64_t count = ram->size / STATE_PAGE, first = 0, at = s->head.ram_at, marked = 0;
	size_t bits_size = (count + 7) / 8;
	const uint8_t *bits = state_get(s, "ram", 0, RAM_VERSION, bits_size);
	uint32_t sum = 0;
	unsigned int n;

	if (!bits)
		return "its RAM has another size";
	for (size_t i = 0; i < bits_size; i++)
		marked += (uint64_t)__builtin_popcount(bits[i]);
	if (marked != s->head.pages)
		return "it makes no sense (how many pages it has)";
	for (uint64_t i = 0; (n = next_run(bits, count, i, &first)); i = first + n) {
		uint8_t *p = ram->host + first * STATE_PAGE;
		size_t size = (size_t)n * STATE_PAGE;

		if (read_all(s->fd, p, size, at))
			return "its pages cannot be read";
		sum = crc32c(sum, p, size);
		at += size;
	}
	return sum == s->head.pages_sum ? NULL : "it is damaged (its pages)";
}

void state_close(struct state *s)
{
	fd_close(&s->fd);
	free(s->data);
	s->data = NULL;
	s->size = 0;
}
