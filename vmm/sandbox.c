/* SPDX-License-Identifier: BSD-2-Clause */
/* sandbox.c - The steps into the sandbox; the essay is in sandbox.h */
#include "config.h"

#include "vmm/sandbox.h"

#include <cap-ng.h>
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <jansson.h>
#include <malloc.h>
#include <pthread.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/log.h"
#include "vmm/landlock.h"
#include "vmm/opener.h"
#include "vmm/options.h"
#include "vmm/seccomp.h"
#include "vmm/vm.h"

/* Whom root becomes, if nobody says it: the first that there is. */
enum { NOBODY = 65534 };		/* where it has no name */

static const char *const default_users[] = { "lanbox-vmm", "nobody" };

/* What a VM has. */

static unsigned int drive_uses(const struct options_drive *o)
{
	const unsigned int own = SECCOMP_USE_DISK |
				 (o->aio != AIO_THREADS ? SECCOMP_USE_URING : 0);
	unsigned int uses = o->snapshot ? own : 0;
	struct stat st;

	if (o->socket)
		return uses;
	if (o->format && strcmp(o->format, "raw"))
		return uses | SECCOMP_USE_END;
	return own | (!stat(o->file, &st) && S_ISBLK(st.st_mode) ? SECCOMP_USE_BLOCKDEV : 0);
}

static unsigned int chardev_uses(const struct options_chardev *o)
{
	return o->kind == CHARDEV_STDIO ? SECCOMP_USE_TERMINAL : 0;
}

unsigned int sandbox_uses(const struct options *opt)
{
	unsigned int uses = chardev_uses(&opt->serial) | chardev_uses(&opt->monitor);

	for (unsigned int i = 0; i < opt->drives; i++)
		uses |= drive_uses(&opt->drive[i]);
	for (unsigned int i = 0; i < opt->nics; i++) {
		const struct options_netdev *n = &opt->nic[i].netdev;

		uses |= n->tap ? SECCOMP_USE_TAP : (n->fast ? SECCOMP_USE_RINGS : 0) |
			SECCOMP_USE_CABLE;
	}
	uses |= opt->kernel ? SECCOMP_USE_KERNEL : 0;
	uses |= opt->vsock ? SECCOMP_USE_VSOCK : 0;
	uses |= opt->daemonize ? SECCOMP_USE_DAEMON : 0;
	uses |= opt->gdb.given ? SECCOMP_USE_DEBUGGER : 0;
	uses |= opt->incoming ? SECCOMP_USE_RESTORE : 0;
	return uses;
}

/* The steps. Each returns 0 or -errno. */

/* Whom root becomes. */
static int find_user(const struct options *opt, uid_t *uid, gid_t *gid)
{
	const struct passwd *pw = NULL;

	*uid = getuid();
	*gid = getgid();
	if (geteuid()) {
		if (opt->runas)
			log_err("-runas '%s': only root can become another user", opt->runas);
		return opt->runas ? -EPERM : 0;
	}
	if (opt->runas)
		pw = getpwnam(opt->runas);
	for (size_t i = 0; !opt->runas && !pw && i < ARRAY_SIZE(default_users); i++)
		pw = getpwnam(default_users[i]);
	if (!pw && opt->runas) {
		log_err("-runas '%s': there is no such user", opt->runas);
		return -ENOENT;
	}
	*uid = pw ? pw->pw_uid : NOBODY;
	*gid = pw ? pw->pw_gid : NOBODY;
	return 0;
}

static int forbid_cores(void)
{
	const struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return -errno;
#ifndef WITH_SANITIZERS
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
#endif
	return 0;
}

/* As many descriptors as now, and no more ever. */
static int limit_files(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return -errno;
	l.rlim_max = l.rlim_cur;
	return setrlimit(RLIMIT_NOFILE, &l) < 0 ? -errno : 0;
}

/* What a program that is executed might get: empty for who may empty it. For others
 * no_new_privs has the same effect. */
static int drop_bounds(void)
{
	capng_get_caps_process();
	if (!capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP))
		return 0;
	capng_clear(CAPNG_SELECT_BOUNDS);
	return capng_apply(CAPNG_SELECT_BOUNDS) ? -EPERM : 0;
}

static int drop_capabilities(void)
{
	capng_clear(CAPNG_SELECT_CAPS);
	return capng_apply(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT) ? -EPERM : 0;
}

static int change_user(uid_t uid, gid_t gid)
{
	if (geteuid())
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, uid) < 0)
		return -errno;
	return uid && !setuid(0) ? -EPERM : 0;
}

static int forbid_privileges(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

static int enter_landlock(int (*enter)(void))
{
	int ret = enter();

	if (ret != -ENOSYS && ret != -EOPNOTSUPP)
		return ret;
	log_info("sandbox: this kernel has no Landlock; user, system calls and limits are "
		 "what confines the VM");
	return 0;
}

static int own_landlock(void)
{
	return landlock_enter(NULL, 0, false);
}

/* The first of some steps that fails is named. */
static int step(const char *what, int ret)
{
	if (ret)
		log_err_errno(-ret, "sandbox: %s (-sandbox off runs the VM without one)", what);
	return ret;
}

/* The opener's own, in its process. Root's keeps the capability to open what belongs to
 * others: it is to reach what could be reached at the start. */
static int confine_opener(void)
{
	int ret = forbid_cores();

	if (!ret)
		ret = drop_bounds();
	capng_clear(CAPNG_SELECT_CAPS);
	if (!geteuid())
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_DAC_OVERRIDE);
	if (!ret && capng_apply(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT))
		ret = -EPERM;
	if (!ret)
		ret = forbid_privileges();
	if (!ret)
		ret = enter_landlock(opener_landlock);
	return ret ? ret : seccomp_enter(SECCOMP_OPENER);
}

/* Landlock and filters are for the calling thread and those that it makes. */
static int be_alone(void)
{
	DIR *dir = opendir("/proc/self/task");
	unsigned int n = 0;

	if (!dir)
		return 0;
	for (const struct dirent *d; (d = readdir(dir)); )
		n += d->d_name[0] != '.';
	closedir(dir);
	return n == 1 ? 0 : -EBUSY;
}

static int compare_nothing(const void *a UNUSED, const void *b UNUSED)
{
	return 0;
}

static void *do_nothing(void *unused)
{
	return unused;
}

/* What is done or read once and kept: the time zone, the handler for a signal of the C
 * library's own that comes with the first thread, the seed of JSON objects, how much memory
 * qsort(3) may take. Memory that grows is not to be moved by mremap(2), and threads have no
 * arenas of their own, which grow by mprotect(2). */
static void read_ahead(void)
{
	int many[1024] = { 0 };
	pthread_t first;

	tzset();
	if (!pthread_create(&first, NULL, do_nothing, NULL))
		pthread_join(first, NULL);
	json_object_seed(0);
	mallopt(M_MMAP_MAX, 0);
	mallopt(M_ARENA_MAX, 1);
	qsort(many, ARRAY_SIZE(many), sizeof(many[0]), compare_nothing);
}

int sandbox_enter(struct vm *vm)
{
	const struct options *opt = vm->opt;
	const char *why;
	uid_t uid;
	gid_t gid;
	int ret;

	/* One that has just ended may still be counted, so before there is any. */
	ret = be_alone();
	read_ahead();
	if (!opt->sandbox) {
		log_warn("the sandbox is off: a guest that finds a hole in this program has all "
			 "that this user has");
		return vm_start_threads(vm);
	}
	ret = step("other threads run already", ret);
	if (!ret)
		ret = find_user(opt, &uid, &gid);
	if (!ret) {
		ret = seccomp_prepare(sandbox_uses(opt), &why);
		step(why, ret);
	}
	if (!ret)
		ret = step("starting the opener", opener_start(confine_opener));
	if (!ret)
		ret = step("a limit of descriptors", limit_files());
	if (!ret)
		ret = step("dropping capabilities", drop_bounds());
	if (!ret)
		ret = step("changing the user", change_user(uid, gid));
	if (!ret)
		ret = step("dropping capabilities", drop_capabilities());
	/* Changing the user may undo this. */
	if (!ret)
		ret = step("no core files", forbid_cores());
	if (!ret)
		ret = step("no new privileges", forbid_privileges());
	if (!ret)
		ret = step("Landlock", enter_landlock(own_landlock));
	if (!ret)
		ret = vm_start_threads(vm);
	if (!ret)
		ret = step("the filter for system calls", seccomp_enter(SECCOMP_MAIN));
	return ret;
}
