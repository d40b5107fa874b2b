/* SPDX-License-Identifier: BSD-2-Clause */
/* fwcfg.c - The port through which firmware learns what machine it is in; the essay
 * is in fwcfg.h */
#include "config.h"

#include "vmm/fwcfg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/bytes.h"
#include "vmm/layout.h"
#include "vmm/state.h"
#include "vmm/vm.h"

enum {
	KEY_SIGNATURE = 0x00,
	KEY_ID = 0x01,
	KEY_DIRECTORY = 0x19,
	KEY_FILE_FIRST = 0x20,
	ID_TRADITIONAL = 1,
	ID_DMA = 2,

	OFF_SELECTOR = 0,		/* of PORT_FWCFG */
	OFF_DATA = 1,
	OFF_DMA = 4,
	PORTS = 12,

	DMA_ERROR = 1,
	DMA_READ = 2,
	DMA_SKIP = 4,
	DMA_SELECT = 8,
	DMA_WRITE = 16,
	DMA_MAX = 1 << 24,		/* bytes of one transfer; no item is longer */

	FWCFG_STATE_VERSION = 1,
	NAME = 56,
	ITEMS = 16,
};

/** struct fwcfg_file - An entry of the directory, as the guest reads it */
struct fwcfg_file {
	struct be32 size;
	struct be16 key;
	struct be16 reserved;
	char name[NAME];
};

/** struct fwcfg_dma - A transfer, in guest RAM */
struct fwcfg_dma {
	struct be32 control;
	struct be32 length;
	struct be64 addr;
};

static_assert(sizeof(struct fwcfg_file) == 64, "fw_cfg: directory entry");
static_assert(sizeof(struct fwcfg_dma) == 16, "fw_cfg: FWCfgDmaAccess");

/**
 * struct fwcfg - The device
 * @item:	Values of small items
 * @dir:	Directory: number of files, then the files
 * @data:	Contents of the files, owned
 * @key:	What is selected
 * @pos:	Next byte of it
 * @dma:	Address of the transfer, as far as it was written
 */
struct fwcfg {
	struct vm *vm;
	uint16_t item[ITEMS];
	struct {
		struct be32 count;
		struct fwcfg_file file[FWCFG_FILES_MAX];
	} dir;
	uint8_t *data[FWCFG_FILES_MAX];
	unsigned int files;
	uint16_t key;
	uint32_t pos;
	uint64_t dma;
};

/* The bytes of what is selected. */
static const uint8_t *fwcfg_bytes(const struct fwcfg *fw, size_t *size)
{
	static const uint8_t id[] = { ID_TRADITIONAL | ID_DMA, 0, 0, 0 };
	unsigned int file = (unsigned int)(fw->key - KEY_FILE_FIRST);

	if (fw->key == KEY_SIGNATURE) {
		*size = 4;
		return (const uint8_t *)"QEMU";
	}
	if (fw->key == KEY_ID) {
		*size = sizeof(id);
		return id;
	}
	if (fw->key == KEY_DIRECTORY) {
		*size = sizeof(fw->dir.count) + fw->files * sizeof(fw->dir.file[0]);
		return (const uint8_t *)&fw->dir;
	}
	if (fw->key >= KEY_FILE_FIRST && file < fw->files) {
		*size = be32_get(fw->dir.file[file].size);
		return fw->data[file];
	}
	if (fw->key < ITEMS) {
		*size = sizeof(fw->item[0]);
		return (const uint8_t *)&fw->item[fw->key];
	}
	*size = 0;
	return NULL;
}

/* The next @size bytes of it, zeros behind its end. */
static void fwcfg_take(struct fwcfg *fw, uint8_t *to, size_t size)
{
	size_t len;
	const uint8_t *from = fwcfg_bytes(fw, &len);
	size_t n = fw->pos < len ? MIN(size, len - fw->pos) : 0;

	if (to && n)
		memcpy(to, from + fw->pos, n);
	if (to && n < size)
		memset(to + n, 0, size - n);
	fw->pos = (uint32_t)MIN((uint64_t)fw->pos + size, (uint64_t)UINT32_MAX);
}

/* Do a transfer; the guest reads its result in the control word. */
static void fwcfg_transfer(struct fwcfg *fw, uint64_t addr)
{
	struct fwcfg_dma *where = guestmem_ptr(&fw->vm->mem, addr, sizeof(*where)), dma;
	uint32_t control, length, result = 0;
	uint8_t *to = NULL;

	if (!where)
		return;
	memcpy(&dma, where, sizeof(dma));
	control = be32_get(dma.control);
	length = be32_get(dma.length);
	if (control & DMA_SELECT) {
		fw->key = (uint16_t)(control >> 16);
		fw->pos = 0;
	}
	if (control & (DMA_READ | DMA_SKIP)) {
		if (control & DMA_READ && length)
			to = guestmem_ptr(&fw->vm->mem, be64_get(dma.addr), length);
		if (length > DMA_MAX || (control & DMA_READ && length && !to))
			result = DMA_ERROR;
		else
			fwcfg_take(fw, to, length);
	} else if (control & DMA_WRITE) {
		result = DMA_ERROR;
	}
	dma.control = be32(result);
	memcpy(&where->control, &dma.control, sizeof(dma.control));
}

static uint64_t fwcfg_read(void *dev, uint64_t off, unsigned int size)
{
	static const uint8_t signature[] = "QEMU CFG";
	struct fwcfg *fw = dev;
	uint64_t v = 0;
	uint8_t byte;

	if (off == OFF_DATA && size == 1) {
		fwcfg_take(fw, &byte, 1);
		return byte;
	}
	/* The DMA register is big-endian; read, it tells that it is there. */
	if (off >= OFF_DMA && off - OFF_DMA + size <= 8) {
		memcpy(&v, signature + (off - OFF_DMA), size);
		return v;
	}
	return off == OFF_SELECTOR && size == 2 ? fw->key : bus_ones(size);
}

static void fwcfg_write(void *dev, uint64_t off, unsigned int size, uint64_t value)
{
	struct fwcfg *fw = dev;

	if (off == OFF_SELECTOR && size == 2) {
		fw->key = (uint16_t)value;
		fw->pos = 0;
	} else if (off == OFF_DMA && size == 4) {
		fw->dma = (uint64_t)__builtin_bswap32((uint32_t)value) << 32;
	} else if (off == OFF_DMA + 4 && size == 4) {
		fwcfg_transfer(fw, fw->dma | __builtin_bswap32((uint32_t)value));
		fw->dma = 0;
	}
}

static const struct bus_ops fwcfg_ops = { fwcfg_read, fwcfg_write };

int fwcfg_create(struct vm *vm, struct fwcfg **out)
{
	struct fwcfg *fw = calloc(1, sizeof(*fw));
	int ret;

	if (!fw)
		return -ENOMEM;
	fw->vm = vm;
	*out = fw;
	ret = bus_add(&vm->pio, PORT_FWCFG, PORTS, &fwcfg_ops, fw);
	return ret;
}

void fwcfg_reset(struct fwcfg *fw)
{
	for (unsigned int i = 0; i < fw->files; i++)
		free(fw->data[i]);
	fw->files = 0;
	memset(&fw->dir, 0, sizeof(fw->dir));
	memset(fw->item, 0, sizeof(fw->item));
	fw->key = 0;
	fw->pos = 0;
	fw->dma = 0;
}

void fwcfg_destroy(struct fwcfg *fw)
{
	if (!fw)
		return;
	fwcfg_reset(fw);
	free(fw);
}

void fwcfg_set_u16(struct fwcfg *fw, uint16_t key, uint16_t value)
{
	struct le16 v = le16(value);

	memcpy(&fw->item[key], &v, sizeof(v));
}

int fwcfg_add_file(struct fwcfg *fw, const char *name, const void *data, size_t size)
{
	struct fwcfg_file *f = &fw->dir.file[fw->files];
	uint8_t *copy;

	if (fw->files == FWCFG_FILES_MAX || strlen(name) >= sizeof(f->name))
		return -ENOSPC;
	copy = malloc(size ? size : 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, data, size);
	f->size = be32((uint32_t)size);
	f->key = be16((uint16_t)(KEY_FILE_FIRST + fw->files));
	memcpy(f->name, name, strlen(name));
	fw->data[fw->files++] = copy;
	fw->dir.count = be32(fw->files);
	return 0;
}

/** struct fwcfg_state - The selector in a saved VM */
struct fwcfg_state {
	uint64_t dma;
	uint32_t pos;
	uint16_t key;
	uint16_t zero;
};

void fwcfg_save(const struct fwcfg *fw, struct state_out *out)
{
	const struct fwcfg_state x = { .dma = fw->dma, .pos = fw->pos, .key = fw->key };

	state_put(out, "fwcfg", 0, FWCFG_STATE_VERSION, &x, sizeof(x));
}

const char *fwcfg_load(struct fwcfg *fw, const struct state *s)
{
	const struct fwcfg_state *x = state_get(s, "fwcfg", 0, FWCFG_STATE_VERSION,
						sizeof(*x));

	if (!x)
		return "it makes no sense (fw_cfg)";
	fw->dma = x->dma;
	fw->pos = x->pos;
	fw->key = x->key;
	return NULL;
}
