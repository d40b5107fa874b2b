/* SPDX-License-Identifier: BSD-2-Clause */
/* options_memory.c - Memory on the command line; see options_memory.h */
#include "config.h"

#include "vmm/options_memory.h"

#include <string.h>

#include "lib/log.h"
#include "lib/parse.h"
#include "vmm/layout.h"
#include "vmm/options.h"

enum { MIB = 1 << 20 };

#define MEMORY_DEFAULT	((uint64_t)128 << 20)
#define MEMORY_MAX	((uint64_t)1 << 40)

static bool bad(const char *name, const char *arg, const char *why)
{
	log_err("-%s '%s': %s", name, arg, why);
	return false;
}

static bool parse_ram(const char *name, const char *v, uint64_t unit, uint64_t *size)
{
	if (!parse_size(v, unit, size))
		return bad(name, v, unit == MIB ? "not a size (megabytes, or with M or G)" :
			   "not a size (bytes, or with M or G)");
	return (*size >= LAYOUT_RAM_MIN && *size % 4096 == 0 && *size <= MEMORY_MAX) ||
	       bad(name, v, "from 16M to 1024G, whole pages");
}

bool memory_parse(struct memory *m, const char *name, char *arg)
{
	uint64_t most = 0;
	struct parse_kv kv;

	if (!*arg)
		return bad(name, arg, "a size is needed");
	while (parse_kv_next(&arg, &kv)) {
		const char *v = kv.value ? kv.value : kv.key;

		if (!kv.value || !strcmp(kv.key, "size")) {
			if (!parse_ram(name, v, MIB, &m->size))
				return false;
		} else if (!strcmp(kv.key, "maxmem")) {
			if (!parse_ram(name, v, MIB, &most))
				return false;
		} else if (strcmp(kv.key, "slots")) {
			return bad(name, kv.key, "unknown key (size=)");
		}
	}
	if (most && most != (m->size ? m->size : MEMORY_DEFAULT))
		return bad(name, "maxmem", "memory cannot be added to a running VM: give it "
			   "what it needs from the start, it takes from the host only what "
			   "it uses");
	return true;
}

/* The size of a page of hugetlbfs. */
static bool parse_page(const char *name, const char *v, uint64_t *page)
{
	return (parse_size(v, 1, page) && *page >= MIB && !(*page & (*page - 1))) ||
	       bad(name, v, "not a size of huge pages (2M, 1G)");
}

static bool object_key(struct memory *m, const char *name, bool file, struct parse_kv kv)
{
	/* What they would change cannot be seen here: memory always is shared and sealed as
	 * far as it can be, not dumped, and where the host's kernel puts it. */
	static const char *const no_matter[] = {
		"share", "seal", "dump", "merge", "host-nodes", "policy", "prealloc-threads",
		"discard-data", "x-use-canonical-path-for-ramblock-id", "reserve",
	};

	if (!kv.value)
		return bad(name, kv.key, "a value is missing");
	if (!strcmp(kv.key, "id"))
		m->id = kv.value;
	else if (!strcmp(kv.key, "size"))
		return parse_ram(name, kv.value, 1, &m->object_size);
	else if (!strcmp(kv.key, "prealloc"))
		return parse_bool(kv.value, &m->object.prealloc) ||
		       bad(name, kv.value, "prealloc is on or off");
	else if (!file && !strcmp(kv.key, "hugetlb"))
		return parse_bool(kv.value, &m->object.hugetlb) ||
		       bad(name, kv.value, "hugetlb is on or off");
	else if (!file && !strcmp(kv.key, "hugetlbsize"))
		return parse_page(name, kv.value, &m->object.page);
	else if (file && !strcmp(kv.key, "mem-path"))
		m->object.path = options_path(kv.value);
	else
		for (size_t i = 0; i <= ARRAY_SIZE(no_matter); i++) {
			if (i == ARRAY_SIZE(no_matter))
				return bad(name, kv.key, "unknown key");
			if (!strcmp(kv.key, no_matter[i]))
				break;
		}
	return true;
}

bool memory_add_object(struct memory *m, const char *name, const char *kind, char *arg)
{
	bool file = !strcmp(kind, "memory-backend-file");
	struct parse_kv kv;

	if (!file && strcmp(kind, "memory-backend-memfd") && strcmp(kind, "memory-backend-ram"))
		return bad(name, kind, "there are only memory-backend-memfd, "
			   "memory-backend-file, memory-backend-ram and rng-random");
	if (m->id)
		return bad(name, kind, "there is one memory");
	while (parse_kv_next(&arg, &kv))
		if (!object_key(m, name, file, kv))
			return false;
	if (!m->id || !m->object_size)
		return bad(name, kind, "id= or size= is missing");
	if (file && !m->object.path)
		return bad(name, kind, "mem-path= is missing");
	if (m->object.page && !m->object.hugetlb)
		return bad(name, kind, "hugetlbsize= without hugetlb=on");
	return true;
}

bool memory_numa(struct memory *m, const char *name, char *arg)
{
	struct parse_kv kv;

	if (!parse_kv_next(&arg, &kv) || strcmp(kv.key, "node") || kv.value)
		return bad(name, kv.key, "must begin with node");
	if (m->nodes++)
		return bad(name, "node", "there is one node: the guest has uniform memory");
	while (parse_kv_next(&arg, &kv)) {
		if (kv.value && !strcmp(kv.key, "memdev"))
			m->wanted = kv.value;
		else if (!kv.value || (strcmp(kv.key, "nodeid") && strcmp(kv.key, "cpus")))
			return bad(name, kv.key, "unknown key (memdev=)");
	}
	return true;
}

bool memory_finish(struct memory *m, struct options *opt)
{
	opt->ram = m->size ? m->size : MEMORY_DEFAULT;
	opt->ram_source = m->source;
	if (m->wanted && (!m->id || strcmp(m->wanted, m->id)))
		return bad("machine", m->wanted, "there is no -object memory-backend of that id");
	if (!m->id)
		return true;
	if (!m->wanted)
		return bad("object", m->id, "nothing uses this memory (-machine "
			   "memory-backend=ID)");
	if (m->source.path)
		return bad("mem-path", m->source.path, "the memory is an -object already");
	if (m->size && m->size != m->object_size)
		return bad("object", m->id, "its size is not that of -m");
	m->object.prealloc |= m->source.prealloc;
	opt->ram = m->object_size;
	opt->ram_source = m->object;
	return true;
}
