/* SPDX-License-Identifier: BSD-2-Clause */
/* memguard.c - Memory of others that may vanish under us; the essay is in memguard.h */
#include "config.h"

#include "lib/memguard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

static struct memguard *_Atomic memguards;

/* SIGBUS: if it comes from guarded memory, put other memory there. Only
 * async-signal-safe things here: a walk over a list, and one system call. */
static void memguard_sigbus(int sig, siginfo_t *info, void *context UNUSED)
{
	const uint8_t *at = info->si_addr;

	for (struct memguard *g = memguards; g; g = g->next) {
		const uint8_t *host = g->host;

		if (info->si_code <= 0 || at < host || at >= host + g->size)
			continue;
		g->lost = true;
		if (mmap(g->host, g->size, PROT_READ | PROT_WRITE,
			 MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			 -1, 0) != MAP_FAILED)
			return;
	}
	/* Not ours: let it end us when the instruction is tried again. */
	signal(sig, SIG_DFL);
}

static void memguard_install(void)
{
	struct sigaction sa = {
		.sa_sigaction = memguard_sigbus,
		.sa_flags = SA_SIGINFO,
	};

	sigfillset(&sa.sa_mask);
	sigaction(SIGBUS, &sa, NULL);
}

int memguard_map(struct memguard *g, int fd, uint64_t off, uint64_t size,
		 size_t *skipped)
{
	uint64_t page, end, begin;
	struct stat st;
	void *host;

	/* Only shared memory knows of seals: no device, no disk, no network. */
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || fcntl(fd, F_GET_SEALS) < 0)
		return -EINVAL;
	/* On hugetlbfs the block size is that of its pages. */
	page = (uint64_t)st.st_blksize;
	if (page < 4096 || page & (page - 1))
		return -EINVAL;
	if (__builtin_add_overflow(off, size, &end) || !size ||
	    end > (uint64_t)st.st_size)
		return -EINVAL;
	begin = off & ~(page - 1);
	end = (end + page - 1) & ~(page - 1);
	host = mmap(NULL, end - begin, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_NORESERVE, fd, (off_t)begin);
	if (host == MAP_FAILED)
		return -errno;
	madvise(host, end - begin, MADV_DONTDUMP);
	madvise(host, end - begin, MADV_DONTFORK);
	if (!memguards)
		memguard_install();
	*skipped = (size_t)(off - begin);
	*g = (struct memguard){ .host = host, .size = (size_t)(end - begin),
				.next = memguards };
	memguards = g;
	return 0;
}

void memguard_unmap(struct memguard *g)
{
	if (!g->host)
		return;
	if (memguards == g) {
		memguards = g->next;
	} else {
		struct memguard *p = memguards;

		while (p->next != g)
			p = p->next;
		p->next = g->next;
	}
	munmap(g->host, g->size);
	g->host = NULL;
}
