/* SPDX-License-Identifier: BSD-2-Clause */
/* pcap_filter.c - Filter expressions; the essay is in pcap_filter.h */
#include "config.h"

#include "switchd/pcap_filter.h"

#include <dlfcn.h>
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/iov.h"

#define PCAP_FILTER_LIB	"libpcap.so.0.8"

/**
 * struct pcap_filter - A filter
 * @lib:	libpcap
 * @offline:	Its pcap_offline_filter()
 * @freecode:	Its pcap_freecode()
 * @program:	What it has compiled
 * @text:	The expression, owned
 * @buf:	A frame that lies in pieces
 */
struct pcap_filter {
	void *lib;
	int (*offline)(const struct bpf_program *program, const struct pcap_pkthdr *hdr,
		       const u_char *bytes);
	void (*freecode)(struct bpf_program *program);
	struct bpf_program program;
	char *text;
	uint8_t buf[ETH_FRAME_MAX];
};

/* What else is needed of libpcap, to compile. */
struct pcap_filter_lib {
	pcap_t *(*open_dead)(int linktype, int snaplen);
	int (*compile)(pcap_t *pcap, struct bpf_program *program, const char *text, int optimize,
		       bpf_u_int32 netmask);
	char *(*geterr)(pcap_t *pcap);
	void (*close)(pcap_t *pcap);
};

/* Find a function of the library. ISO C has no cast from an object's address to a
 * function's; POSIX says that they have the same form. Return: whether it is there. */
static bool pcap_filter_find(void *lib, const char *name, void *function)
{
	void *p = dlsym(lib, name);

	memcpy(function, &p, sizeof(p));
	return p;
}

static int pcap_filter_load(struct pcap_filter *f, struct pcap_filter_lib *lib)
{
	f->lib = dlopen(PCAP_FILTER_LIB, RTLD_NOW | RTLD_LOCAL);
	if (!f->lib ||
	    !pcap_filter_find(f->lib, "pcap_offline_filter", &f->offline) ||
	    !pcap_filter_find(f->lib, "pcap_freecode", &f->freecode) ||
	    !pcap_filter_find(f->lib, "pcap_open_dead", &lib->open_dead) ||
	    !pcap_filter_find(f->lib, "pcap_compile", &lib->compile) ||
	    !pcap_filter_find(f->lib, "pcap_geterr", &lib->geterr) ||
	    !pcap_filter_find(f->lib, "pcap_close", &lib->close))
		return -ENOENT;
	return 0;
}

int pcap_filter_compile(const char *text, struct pcap_filter **filter, char *why, size_t size)
{
	struct pcap_filter *f = calloc(1, sizeof(*f));
	struct pcap_filter_lib lib;
	pcap_t *pcap = NULL;
	int ret = -ENOMEM;

	snprintf(why, size, "out of memory");
	if (!f)
		return ret;
	f->text = strdup(text);
	if (!f->text)
		goto fail;
	ret = pcap_filter_load(f, &lib);
	if (ret) {
		snprintf(why, size, "there is no %s here", PCAP_FILTER_LIB);
		goto fail;
	}
	pcap = lib.open_dead(DLT_EN10MB, ETH_FRAME_MAX);
	if (!pcap) {
		ret = -ENOMEM;
		goto fail;
	}
	if (lib.compile(pcap, &f->program, text, 1, PCAP_NETMASK_UNKNOWN)) {
		snprintf(why, size, "%s", lib.geterr(pcap));
		memset(&f->program, 0, sizeof(f->program));
		lib.close(pcap);
		ret = -EINVAL;
		goto fail;
	}
	lib.close(pcap);
	*filter = f;
	return 0;
fail:
	pcap_filter_free(f);
	return ret;
}

void pcap_filter_free(struct pcap_filter *filter)
{
	if (!filter)
		return;
	if (filter->program.bf_insns)
		filter->freecode(&filter->program);
	if (filter->lib)
		dlclose(filter->lib);
	free(filter->text);
	free(filter);
}

const char *pcap_filter_text(const struct pcap_filter *filter)
{
	return filter->text;
}

bool pcap_filter_match(struct pcap_filter *filter, const struct frame *frame)
{
	const struct pcap_pkthdr hdr = {
		.caplen = (bpf_u_int32)frame->size,
		.len = (bpf_u_int32)frame->size,
	};
	const uint8_t *bytes = filter->buf;

	/* A guest may change what is looked at meanwhile; that changes the answer at most. */
	if (frame->iovcnt == 1)
		bytes = frame->iov[0].iov_base;
	else
		iov_to_buf(frame->iov, frame->iovcnt, 0, filter->buf, frame->size);
	return filter->offline(&filter->program, &hdr, bytes);
}
