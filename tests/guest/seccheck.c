/* SPDX-License-Identifier: BSD-2-Clause */
/* seccheck.c - What the kernel lets a thread do: its filters, read back, and tried out
 *
 * usage: seccheck filters TID
 *        seccheck inject TID CALL [ARGUMENT]...
 *
 * "filters" prints how many filters the thread has and which system calls pass all of
 * them with some arguments. "inject" has the thread make a system call, as somebody would
 * who has broken into it: the thread is stopped wherever it is, given registers as for
 * this call, and goes on at an instruction "syscall". It prints what the call returns, or
 * that the thread is sent SIGSYS for it.
 *
 * Needs root, and a kernel with checkpoint and restore for "filters" (exit status 77).
 */
#include "config.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CALLS = 512, INSNS = 4096, FILTERS = 16, SKIP = 77 };

static int fail(const char *what)
{
	perror(what);
	exit(errno == ENOTSUP || errno == EIO ? SKIP : EXIT_FAILURE);
}

static void attach(pid_t tid)
{
	int status;

	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) < 0)
		fail("PTRACE_SEIZE");
	if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0)
		fail("PTRACE_INTERRUPT");
	if (waitpid(tid, &status, __WALL) != tid || !WIFSTOPPED(status))
		fail("waitpid");
}

/* Filters. */

/* Whether a call can pass, whatever its arguments: words other than its number and the
 * architecture may be anything. Jumps go forward only, so this ends. */
static bool may_pass(const struct sock_filter *f, unsigned int len, unsigned int pc,
		     bool known, uint32_t a, uint32_t call)
{
	while (pc < len) {
		const struct sock_filter *i = &f[pc++];
		bool yes;

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			known = i->k == offsetof(struct seccomp_data, nr) ||
				i->k == offsetof(struct seccomp_data, arch);
			a = i->k == offsetof(struct seccomp_data, nr) ? call : AUDIT_ARCH_X86_64;
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			continue;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			continue;
		case BPF_RET | BPF_K:
			return i->k == SECCOMP_RET_ALLOW;
		case BPF_JMP | BPF_JEQ | BPF_K:
			yes = a == i->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			yes = a > i->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			yes = a >= i->k;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			yes = a & i->k;
			break;
		default:
			fprintf(stderr, "unknown instruction 0x%x\n", i->code);
			exit(EXIT_FAILURE);
		}
		if (!known && may_pass(f, len, pc + i->jt, known, a, call))
			return true;
		pc += known && yes ? i->jt : i->jf;
	}
	return false;
}

static int filters(pid_t tid)
{
	static struct sock_filter f[FILTERS][INSNS];
	int len[FILTERS], n = 0, count = 0;
	bool passes[CALLS];

	attach(tid);
	for (; n < FILTERS; n++) {
		len[n] = (int)ptrace(PTRACE_SECCOMP_GET_FILTER, tid, (void *)(intptr_t)n, NULL);
		if (len[n] < 0 && errno == ENOENT)
			break;
		if (len[n] < 0 || len[n] > INSNS ||
		    ptrace(PTRACE_SECCOMP_GET_FILTER, tid, (void *)(intptr_t)n, f[n]) < 0)
			fail("PTRACE_SECCOMP_GET_FILTER");
	}
	ptrace(PTRACE_DETACH, tid, NULL, NULL);
	for (int call = 0; call < CALLS; call++) {
		passes[call] = n > 0;
		for (int i = 0; i < n; i++)
			passes[call] &= may_pass(f[i], (unsigned int)len[i], 0, true, 0,
						 (uint32_t)call);
		count += passes[call];
	}
	printf("%d %d", n, count);
	for (int call = 0; call < CALLS; call++)
		if (passes[call])
			printf(" %s", seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, call));
	putchar('\n');
	return EXIT_SUCCESS;
}

/* A call that the thread would not make. */

/* Go on to the beginning or the end of the system call. Return: whether it got there. */
static bool go_on(pid_t tid)
{
	int status;

	if (ptrace(PTRACE_SYSCALL, tid, NULL, NULL) < 0 || waitpid(tid, &status, __WALL) != tid)
		fail("PTRACE_SYSCALL");
	return WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;
}

/* Whether a signal waits for the thread. */
static bool is_pending(pid_t tid, int signum)
{
	unsigned long long mask = 0;
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f) && sscanf(line, "SigPnd: %llx", &mask) != 1)
		;
	if (f)
		fclose(f);
	return mask >> (signum - 1) & 1;
}

/* An instruction "syscall" in the program: the kernel's own page has one, and a thread
 * that sleeps in the kernel stands behind one. */
static uint64_t find_syscall(pid_t tid)
{
	char path[64], line[512];
	uint64_t from, to, found = 0;
	FILE *maps, *mem;

	snprintf(path, sizeof(path), "/proc/%d/maps", tid);
	maps = fopen(path, "r");
	snprintf(path, sizeof(path), "/proc/%d/mem", tid);
	mem = fopen(path, "r");
	while (maps && mem && !found && fgets(line, sizeof(line), maps)) {
		unsigned long a, b;
		int last = 0, c;

		if (!strstr(line, " r-xp ") || !strstr(line, "libc.so") ||
		    sscanf(line, "%lx-%lx", &a, &b) != 2)
			continue;
		from = a;
		to = b;
		fseek(mem, (long)from, SEEK_SET);
		for (uint64_t at = from; !found && at < to; at++, last = c) {
			c = fgetc(mem);
			if (last == 0x0f && c == 0x05)
				found = at - 1;
		}
	}
	if (maps)
		fclose(maps);
	if (mem)
		fclose(mem);
	return found;
}

static int inject(pid_t tid, int call, char *const *argv, int argc)
{
	unsigned long long args[6] = { 0 };
	struct user_regs_struct saved, regs;

	for (int i = 0; i < argc && i < 6; i++)
		args[i] = strtoull(argv[i], NULL, 0);
	attach(tid);
	if (ptrace(PTRACE_GETREGS, tid, NULL, &saved) < 0)
		fail("PTRACE_GETREGS");
	regs = saved;
	regs.rip = find_syscall(tid);
	if (!regs.rip)
		fail("no system call in the program");
	regs.rax = (unsigned long long)call;
	regs.orig_rax = ~0ULL;		/* none that would be begun again */
	regs.rdi = args[0];
	regs.rsi = args[1];
	regs.rdx = args[2];
	regs.r10 = args[3];
	regs.r8 = args[4];
	regs.r9 = args[5];
	if (ptrace(PTRACE_SETREGS, tid, NULL, &regs) < 0)
		fail("PTRACE_SETREGS");
	if (!go_on(tid) || !go_on(tid)) {
		puts("ended");
	} else if (is_pending(tid, SIGSYS)) {
		puts("SIGSYS");
		ptrace(PTRACE_DETACH, tid, NULL, NULL);
	} else {
		ptrace(PTRACE_GETREGS, tid, NULL, &regs);
		printf("returns %lld\n", (long long)regs.rax);
		ptrace(PTRACE_SETREGS, tid, NULL, &saved);
		ptrace(PTRACE_DETACH, tid, NULL, NULL);
	}
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	int call;

	if (argc == 3 && !strcmp(argv[1], "filters"))
		return filters(atoi(argv[2]));
	call = argc > 3 ? seccomp_syscall_resolve_name(argv[3]) : -1;
	if (argc > 3 && !strcmp(argv[1], "inject") && call >= 0)
		return inject(atoi(argv[2]), call, argv + 4, argc - 4);
	fprintf(stderr, "usage: seccheck filters TID | inject TID CALL [ARGUMENT]...\n");
	return EXIT_FAILURE;
}
