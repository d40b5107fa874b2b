/* SPDX-License-Identifier: BSD-2-Clause */
/* seccomp.c - The filters for system calls; the essay is in seccomp.h */
#include "config.h"

#include "vmm/seccomp.h"

#include <ev.h>		/* before the kernel's EV_NONE */

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/if_tun.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/ioctl.h>
#include <ucontext.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "vmm/vm.h"

#define THREAD(name)	(1U << SECCOMP_##name)
#define USE(name)	SECCOMP_USE_##name

/* Threads of the VM's process, by what they do. */
enum {
	MAIN = THREAD(MAIN),
	VCPU = THREAD(VCPU),
	DISK = THREAD(DISK),
	NET = THREAD(NET),
	SAVE = THREAD(SAVE),
	OPENER = THREAD(OPENER),
	DEVICES = MAIN | VCPU,		/* have devices work */
	MEMORY = DEVICES | NET | SAVE,	/* allocate it */
	ALL = MEMORY | DISK,
};

enum { CHECKS_MAX = 2, CALLS_MAX = 512 };

/* Stands for the number of the VM's process. */
#define OWN_PID		UINT64_MAX

/**
 * struct check - What an argument has to be
 * @place:	Which one, from 1 on; 0 if there is nothing to be checked
 * @bits:	Those that it may not have; 0: it has to be @value
 */
struct check {
	unsigned int place;
	uint64_t bits;
	uint64_t value;
};

#define IS(arg, number)		{ (arg) + 1, 0, number }
#define HAS_NOT(arg, mask)	{ (arg) + 1, mask, 0 }

/**
 * struct rule - A call that some threads may make
 * @call:	Its number
 * @threads:	Which threads
 * @uses:	What of a VM it is for: any of these; SECCOMP_ALWAYS for every VM
 * @check:	What its arguments have to be
 */
struct rule {
	int call;
	unsigned int threads;
	unsigned int uses;
	struct check check[CHECKS_MAX];
};

#define CALL(name, who, what)		{ .call = SYS_##name, .threads = who, .uses = what }
#define CALL_IF(name, who, what, ...)	{ SYS_##name, who, what, { __VA_ARGS__ } }
#define IOCTL(request, who, what)	CALL_IF(ioctl, who, what, IS(1, request))

static const struct rule rules[] = {
	/* The C library's own: locks, memory, signals. The last words of any thread are
	 * written, or sent to the host's log. */
	CALL(futex, ALL, 0),
	CALL_IF(mmap, MEMORY, 0, HAS_NOT(2, PROT_EXEC)),
	CALL(munmap, MEMORY, 0),
	CALL(brk, ALL, 0),		/* a thread that ends gives it back */
	CALL_IF(madvise, ALL, 0, IS(2, MADV_DONTNEED)),
	CALL(rt_sigprocmask, ALL & ~MAIN, 0),
	CALL(rt_sigreturn, ALL, 0),
	CALL(exit, ALL & ~MAIN, 0),
	CALL(exit_group, ALL, 0),
	CALL(write, ALL, 0),
	CALL(sendmsg, ALL, 0),

	/* A vCPU says who it is, and is called out of KVM_RUN. */
	CALL(gettid, VCPU, 0),
	CALL_IF(tgkill, DEVICES, 0, IS(0, OWN_PID)),

	/* Time, where it takes a system call. */
	CALL(clock_gettime, DEVICES | NET | SAVE, 0),
	CALL(gettimeofday, MAIN, 0),	/* libev's */

	/* Files, sockets and eventfds that are open. */
	CALL(read, MAIN, 0),
	CALL(fstat, MAIN, 0),
	CALL(close, DEVICES | NET | SAVE, 0),
	CALL(ppoll, DEVICES, 0),
	CALL(recvmsg, DEVICES | NET | SAVE, 0),

	/* The event loop. */
	CALL(epoll_wait, MAIN, 0),
	CALL(epoll_ctl, MAIN, 0),
	/* libev begins anew when it hears of a descriptor that it has closed, which another
	 * process may still have. */
	CALL(epoll_create1, MAIN, 0),
	CALL(accept4, MAIN, 0),

	/* Memory that the guest gives back, or that is to be empty for the next. */
	CALL_IF(madvise, MAIN, 0, IS(2, MADV_REMOVE)),

	/* Disks. */
	CALL(io_uring_enter, MAIN, USE(URING)),
	CALL(preadv, DISK, USE(DISK)),
	CALL(pwritev, DISK, USE(DISK)),
	CALL(fdatasync, DISK, USE(DISK)),
	CALL(fallocate, DISK, USE(DISK)),
	IOCTL(BLKDISCARD, DISK, USE(BLOCKDEV)),
	CALL(wait4, MAIN, USE(END)),

	/* A kernel is read anew whenever the guest starts. */
	CALL(pread64, MAIN, USE(KERNEL) | USE(RESTORE)),

	/* The network. */
	CALL(readv, MAIN, USE(TAP)),
	CALL(writev, MAIN, USE(TAP)),
	IOCTL(TUNSETOFFLOAD, MAIN, USE(TAP)),
	CALL_IF(setsockopt, NET, USE(RINGS), IS(1, SOL_SOCKET), IS(2, SO_RCVTIMEO)),
	CALL_IF(setsockopt, NET, USE(RINGS), IS(1, SOL_SOCKET), IS(2, SO_SNDTIMEO)),
	CALL_IF(fcntl, NET, USE(RINGS), IS(1, F_GETFL)),
	CALL_IF(fcntl, NET, USE(RINGS), IS(1, F_SETFL)),
	CALL(shutdown, MAIN, USE(VSOCK) | USE(CABLE)),
	CALL_IF(sched_getscheduler, MAIN, USE(TAP) | USE(CABLE), IS(0, 0)),
	CALL_IF(sched_setscheduler, MAIN, USE(TAP) | USE(CABLE), IS(0, 0)),

	/* The terminal, and the background. */
	IOCTL(TCGETS, MAIN, USE(TERMINAL)),
	IOCTL(TCSETS, MAIN, USE(TERMINAL)),
	CALL(dup2, MAIN, USE(DAEMON)),

	/* A saved state. */
	CALL(lseek, SAVE, 0),
	CALL(pwrite64, SAVE, 0),
	CALL(fsync, SAVE, 0),

	/* A KVM machine, and its CPUs. */
	IOCTL(KVM_RUN, VCPU, 0),
	IOCTL(KVM_CREATE_VM, MAIN, 0),
	IOCTL(KVM_CHECK_EXTENSION, MAIN, 0),
	IOCTL(KVM_GET_VCPU_MMAP_SIZE, MAIN, 0),
	IOCTL(KVM_GET_SUPPORTED_CPUID, MAIN, 0),
	IOCTL(KVM_SET_IDENTITY_MAP_ADDR, MAIN, 0),
	IOCTL(KVM_SET_TSS_ADDR, MAIN, 0),
	IOCTL(KVM_CREATE_IRQCHIP, MAIN, 0),
	IOCTL(KVM_CREATE_PIT2, MAIN, 0),
	IOCTL(KVM_ENABLE_CAP, MAIN, 0),
	IOCTL(KVM_SET_USER_MEMORY_REGION, MAIN, 0),
	IOCTL(KVM_CREATE_VCPU, MAIN, 0),
	IOCTL(KVM_SET_CPUID2, MAIN, 0),
	IOCTL(KVM_SET_MSRS, MAIN, 0),
	IOCTL(KVM_GET_LAPIC, MAIN, 0),
	IOCTL(KVM_SET_LAPIC, MAIN, 0),
	IOCTL(KVM_SET_REGS, MAIN, 0),
	IOCTL(KVM_SET_SREGS, MAIN, 0),

	/* Its interrupts and doorbells, which a guest sets up. */
	IOCTL(KVM_SET_GSI_ROUTING, DEVICES, 0),
	IOCTL(KVM_IRQFD, DEVICES, 0),
	IOCTL(KVM_IOEVENTFD, DEVICES, 0),
	IOCTL(KVM_IRQ_LINE, DEVICES, 0),

	/* What is shown of a guest that cannot go on. */
	IOCTL(KVM_GET_REGS, DEVICES, 0),
	IOCTL(KVM_GET_SREGS, DEVICES, 0),
	IOCTL(KVM_TRANSLATE, VCPU, 0),
	IOCTL(KVM_GET_DEBUGREGS, DEVICES, 0),
	IOCTL(KVM_GET_MP_STATE, DEVICES, 0),
	IOCTL(KVM_GET_VCPU_EVENTS, DEVICES, 0),

	/* Pausing it: clocks. */
	IOCTL(KVM_GET_CLOCK, MAIN, 0),
	IOCTL(KVM_SET_CLOCK, MAIN, 0),
	IOCTL(KVM_GET_MSRS, MAIN, 0),
	IOCTL(KVM_GET_DEVICE_ATTR, MAIN, 0),
	IOCTL(KVM_SET_DEVICE_ATTR, MAIN, 0),
	IOCTL(KVM_KVMCLOCK_CTRL, MAIN, 0),

	/* Saving it and going on. */
	IOCTL(KVM_GET_MSR_INDEX_LIST, MAIN, 0),
	IOCTL(KVM_GET_XSAVE, MAIN, 0),
	IOCTL(KVM_GET_XSAVE2, MAIN, 0),
	IOCTL(KVM_GET_CPUID2, MAIN, 0),
	IOCTL(KVM_GET_XCRS, MAIN, 0),
	IOCTL(KVM_GET_TSC_KHZ, MAIN, 0),
	IOCTL(KVM_GET_PIT2, MAIN, 0),
	IOCTL(KVM_GET_IRQCHIP, MAIN, 0),
	IOCTL(KVM_SET_XSAVE, MAIN, USE(RESTORE)),
	IOCTL(KVM_SET_XCRS, MAIN, USE(RESTORE)),
	IOCTL(KVM_SET_DEBUGREGS, MAIN, USE(RESTORE)),
	IOCTL(KVM_SET_MP_STATE, MAIN, USE(RESTORE)),
	IOCTL(KVM_SET_VCPU_EVENTS, MAIN, USE(RESTORE)),
	IOCTL(KVM_SET_TSC_KHZ, MAIN, USE(RESTORE)),
	IOCTL(KVM_SET_IRQCHIP, MAIN, USE(RESTORE)),
	IOCTL(KVM_SET_PIT2, MAIN, USE(RESTORE)),

	/* gdb. */
	IOCTL(KVM_SET_GUEST_DEBUG, DEVICES, USE(DEBUGGER)),
	IOCTL(KVM_TRANSLATE, MAIN, USE(DEBUGGER)),
	IOCTL(KVM_GET_FPU, MAIN, USE(DEBUGGER)),
	IOCTL(KVM_SET_FPU, MAIN, USE(DEBUGGER)),

#ifdef WITH_SANITIZERS
	/* The sanitizers' runtime. */
	CALL(sigaltstack, ALL | OPENER, 0),
	CALL(munmap, ALL | OPENER, 0),
	CALL(mprotect, ALL, 0),
	CALL(sched_yield, ALL, 0),
	CALL(madvise, ALL, 0),
	CALL(prctl, ALL, 0),
	CALL(openat, ALL, 0),
	CALL(readlink, ALL, 0),
	CALL(prlimit64, ALL, 0),
	CALL(getuid, ALL, 0),
	CALL(rt_sigaction, ALL, 0),
	CALL(read, ALL, 0),
	CALL(sched_getaffinity, ALL, 0),
#endif

	/* The opener. */
	CALL(recvmsg, OPENER, 0),
	CALL(sendmsg, OPENER, 0),
	CALL(close, OPENER, 0),
	CALL_IF(socket, OPENER, 0, IS(0, AF_UNIX)),
	CALL_IF(setsockopt, OPENER, 0, IS(1, SOL_SOCKET)),
	CALL(connect, OPENER, 0),
	CALL(newfstatat, OPENER, 0),
	CALL(unlinkat, OPENER, 0),
	CALL(exit_group, OPENER, 0),
	CALL(rt_sigreturn, OPENER, 0),
	CALL(openat2, OPENER, 0),
	CALL(renameat, OPENER, 0),
	CALL(fsync, OPENER, 0),
	CALL(getpid, OPENER, 0),
	CALL(pidfd_send_signal, OPENER, USE(END)),
};

static const char *const thread_names[] = {
	[SECCOMP_MAIN] = "main", [SECCOMP_VCPU] = "vcpu", [SECCOMP_DISK] = "disk",
	[SECCOMP_NET] = "net", [SECCOMP_SAVE] = "save", [SECCOMP_OPENER] = "opener",
};

/* The filters, and the names of calls for the handler, which cannot look them up. */
static struct sock_fprog filters[SECCOMP_THREADS];
static char *call_names[CALLS_MAX];
static bool prepared;

static _Thread_local const char *thread_name = "?";

const char *seccomp_name(enum seccomp_thread thread)
{
	return thread_names[thread];
}

#ifdef WITH_SANITIZERS
/* Looking for leaks takes a process and ptrace(2): it is done without a sandbox only. */
int __lsan_is_turned_off(void);

int __lsan_is_turned_off(void)
{
	return prepared;
}
#endif

/* Assembling. */

/* Whether a rule goes into the filter of a kind of thread. */
static bool rule_applies(const struct rule *r, enum seccomp_thread thread, unsigned int uses)
{
	return r->threads & 1U << thread && (!r->uses || r->uses & uses);
}

static int add_rule(scmp_filter_ctx ctx, const struct rule *r)
{
	struct scmp_arg_cmp check[CHECKS_MAX];
	unsigned int n = 0;

	for (; n < CHECKS_MAX && r->check[n].place; n++) {
		const struct check *c = &r->check[n];

		check[n] = (struct scmp_arg_cmp){
			.arg = c->place - 1,
			.op = c->bits ? SCMP_CMP_MASKED_EQ : SCMP_CMP_EQ,
			.datum_a = c->bits ? c->bits : c->value,
		};
		if (c->value == OWN_PID)
			check[n].datum_a = (uint64_t)getpid();
	}
	return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, r->call, n, check);
}

/* Take the program out of the library's hands. */
static int read_filter(scmp_filter_ctx ctx, struct sock_fprog *prog)
{
	int fd = memfd_create("filter", MFD_CLOEXEC), ret;
	struct stat st;

	if (fd < 0)
		return -errno;
	ret = seccomp_export_bpf(ctx, fd);
	if (!ret && (fstat(fd, &st) < 0 || st.st_size <= 0))
		ret = -EIO;
	if (!ret) {
		free(prog->filter);
		prog->filter = malloc((size_t)st.st_size);
		prog->len = (unsigned short)((size_t)st.st_size / sizeof(*prog->filter));
		if (!prog->filter)
			ret = -ENOMEM;
		else if (pread(fd, prog->filter, (size_t)st.st_size, 0) != st.st_size)
			ret = -EIO;
	}
	fd_close(&fd);
	return ret;
}

static int assemble(enum seccomp_thread thread, unsigned int uses, struct sock_fprog *prog)
{
	/* Nobody would read what the opener has to say. */
	scmp_filter_ctx ctx = seccomp_init(thread == SECCOMP_OPENER ? SCMP_ACT_KILL_PROCESS :
					   SCMP_ACT_TRAP);
	int ret = 0;

	if (!ctx)
		return -ENOMEM;
	/* A tree of comparisons, not a chain. */
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (size_t i = 0; !ret && i < ARRAY_SIZE(rules); i++)
		if (rule_applies(&rules[i], thread, uses))
			ret = add_rule(ctx, &rules[i]);
	if (!ret)
		ret = read_filter(ctx, prog);
	seccomp_release(ctx);
	return ret;
}

/* A call that is not permitted. */

struct line {
	char text[256];
	size_t size;
};

static void put_text(struct line *l, const char *text)
{
	while (*text && l->size < sizeof(l->text))
		l->text[l->size++] = *text++;
}

static void put_number(struct line *l, unsigned long n, unsigned int base)
{
	char digits[24], *p = digits + sizeof(digits) - 1;

	*p = 0;
	do
		*--p = "0123456789abcdef"[n % base];
	while (n /= base);
	put_text(l, base == 16 ? "0x" : "");
	put_text(l, p);
}

/* What the C library would write of memory that it found damaged, before it ends us. */
static void put_words(struct line *l, const struct iovec *iov, unsigned long count)
{
	for (; count; count--, iov++)
		for (size_t i = 0; i < iov->iov_len && l->size < sizeof(l->text) / 2; i++) {
			char c = ((const char *)iov->iov_base)[i];

			if (c >= ' ' && c <= '~')
				l->text[l->size++] = c;
		}
}

static void violation(int sig UNUSED, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;
	const greg_t *regs = uc->uc_mcontext.gregs;
	unsigned int call = (unsigned int)info->si_syscall;
	struct line l = { .size = 0 };

	put_text(&l, "sandbox: thread ");
	put_text(&l, thread_name);
	if (call == SYS_writev && regs[REG_RDI] == STDERR_FILENO) {
		put_text(&l, " ends: ");
		put_words(&l, (const struct iovec *)regs[REG_RSI], (unsigned long)regs[REG_RDX]);
		log_last_words(l.text, l.size);
		_exit(VM_EXIT_SANDBOX);
	}
	put_text(&l, " has made the system call ");
	put_text(&l, call < CALLS_MAX && call_names[call] ? call_names[call] : "unknown");
	put_text(&l, " (number ");
	put_number(&l, call, 10);
	put_text(&l, ", arguments ");
	put_number(&l, (unsigned long)regs[REG_RDI], 16);
	put_text(&l, " ");
	put_number(&l, (unsigned long)regs[REG_RSI], 16);
	put_text(&l, " ");
	put_number(&l, (unsigned long)regs[REG_RDX], 16);
	put_text(&l, "), which it may not; the VM ends");
	log_last_words(l.text, l.size);
	_exit(VM_EXIT_SANDBOX);
}

int seccomp_prepare(unsigned int uses, const char **why)
{
	struct sigaction sa = { .sa_sigaction = violation, .sa_flags = SA_SIGINFO };
	int ret = 0;

	*why = "assembling filters for system calls";
	for (unsigned int i = 0; !ret && i < SECCOMP_THREADS; i++)
		ret = assemble((enum seccomp_thread)i, uses, &filters[i]);
	for (int i = 0; !ret && i < CALLS_MAX; i++)
		if (!call_names[i])
			call_names[i] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);
	if (!ret && sigaction(SIGSYS, &sa, NULL) < 0)
		ret = -errno;
	prepared = !ret;
	return ret;
}

int seccomp_enter(enum seccomp_thread thread)
{
	sigset_t sys;

	if (!prepared)
		return 0;
	thread_name = thread_names[thread];
	/* A signal that is blocked would end the process without a word. */
	sigemptyset(&sys);
	sigaddset(&sys, SIGSYS);
	pthread_sigmask(SIG_UNBLOCK, &sys, NULL);
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filters[thread]) < 0 ?
	       -errno : 0;
}

void seccomp_enter_thread(enum seccomp_thread thread)
{
	int ret = seccomp_enter(thread);

	if (!ret)
		return;
	log_err_errno(-ret, "sandbox: filter for thread %s", thread_names[thread]);
	_exit(VM_EXIT_SANDBOX);
}

void seccomp_dump(unsigned int uses, FILE *to)
{
	for (unsigned int t = 0; t < SECCOMP_THREADS; t++) {
		bool has[CALLS_MAX] = { false };
		unsigned int n = 0;

		for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
			if (rule_applies(&rules[i], t, uses))
				has[rules[i].call] = true;
		for (unsigned int i = 0; i < CALLS_MAX; i++)
			n += has[i];
		fprintf(to, "%s %u", thread_names[t], n);
		for (int i = 0; i < CALLS_MAX; i++) {
			char *name = has[i] ?
				seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i) : NULL;

			if (name)
				fprintf(to, " %s", name);
			free(name);
		}
		fputc('\n', to);
	}
}
