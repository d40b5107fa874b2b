/* SPDX-License-Identifier: BSD-2-Clause */
/* kvmshim.c - A library to preload that makes KVM say what no KVM here says
 *
 * For guest-words.sh alone, and only for what a host would have to be broken, old or of
 * another make for. $LB_KVM has words of the form name=value:
 *
 *	api=N		KVM_GET_API_VERSION
 *	cap=N:V		KVM_CHECK_EXTENSION says V of capability N; several are fine
 *	create=E	KVM_CREATE_VM fails with this errno
 *	run=E		KVM_RUN fails with this errno
 *	busy=N		the first N times KVM_RUN fails with EINTR and EAGAIN in turns
 *	entry=R		KVM_RUN ends with KVM_EXIT_FAIL_ENTRY and this reason
 *	internal=S	... with KVM_EXIT_INTERNAL_ERROR and this suberror
 *	exit=X		... with this exit reason
 *
 * Numbers may be hexadecimal. All else is the host's own KVM.
 */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

/* As the C library declares it. */
int ioctl(int fd, unsigned long request, ...);

static struct kvm_run *vcpu_run;	/* of the first vCPU */

/* The word @name, after @from. Return: its value, or NULL. */
static const char *word(const char *from, const char *name)
{
	size_t len = strlen(name);

	for (const char *w = from; w && *w; w = strchr(w, ' ') ? strchr(w, ' ') + 1 : NULL)
		if (!strncmp(w, name, len) && w[len] == '=')
			return w + len + 1;
	return NULL;
}

static bool number(const char *name, uint64_t *v)
{
	const char *w = word(getenv("LB_KVM"), name);

	if (w)
		*v = strtoull(w, NULL, 0);
	return w;
}

/* What is said of a capability. */
static bool capability(unsigned long cap, int *says)
{
	const char *w = getenv("LB_KVM");

	while ((w = word(w, "cap"))) {
		char *colon;

		if (strtoul(w, &colon, 0) != cap || *colon != ':')
			continue;
		*says = (int)strtol(colon + 1, NULL, 0);
		return true;
	}
	return false;
}

static int failure(uint64_t err)
{
	errno = (int)err;
	return -1;
}

/* KVM_RUN. Return: whether it is ours, and what it returns. */
static bool run(int *ret)
{
	static uint64_t busy_done;
	uint64_t v;

	*ret = 0;
	if (number("busy", &v) && __atomic_load_n(&busy_done, __ATOMIC_RELAXED) < v) {
		*ret = failure(__atomic_fetch_add(&busy_done, 1, __ATOMIC_RELAXED) % 2 ?
			       EAGAIN : EINTR);
		return true;
	}
	if (number("run", &v)) {
		*ret = failure(v);
		return true;
	}
	if (!vcpu_run)
		return false;
	if (number("entry", &v)) {
		vcpu_run->exit_reason = KVM_EXIT_FAIL_ENTRY;
		vcpu_run->fail_entry.hardware_entry_failure_reason = v;
		return true;
	}
	if (number("internal", &v)) {
		vcpu_run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
		vcpu_run->internal.suberror = (uint32_t)v;
		vcpu_run->internal.ndata = 0;
		return true;
	}
	if (number("exit", &v)) {
		vcpu_run->exit_reason = (uint32_t)v;
		return true;
	}
	return false;
}

/* The registers that it shares with whoever runs it. */
static void share(int vcpu, int size)
{
	void *p = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);

	if (p != MAP_FAILED && !vcpu_run)
		vcpu_run = p;
}

int ioctl(int fd, unsigned long request, ...)
{
	static int (*real)(int, unsigned long, ...);
	unsigned long arg;
	va_list ap;
	uint64_t v;
	int ret;

	va_start(ap, request);
	arg = va_arg(ap, unsigned long);
	va_end(ap);
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "ioctl");
	switch (request) {
	case KVM_GET_API_VERSION:
		if (number("api", &v))
			return (int)v;
		break;
	case KVM_CHECK_EXTENSION:
		if (capability(arg, &ret))
			return ret;
		break;
	case KVM_CREATE_VM:
		if (number("create", &v))
			return failure(v);
		break;
	case KVM_CREATE_VCPU:
		ret = real(fd, request, arg);
		if (ret >= 0)
			share(ret, sizeof(struct kvm_run));
		return ret;
	case KVM_RUN:
		if (run(&ret))
			return ret;
		break;
	default:
		break;
	}
	return real(fd, request, arg);
}
