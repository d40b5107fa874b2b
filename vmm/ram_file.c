/* SPDX-License-Identifier: BSD-2-Clause */
/* ram_file.c - The file that guest RAM is; the essay is in ram_file.h */
#include "config.h"

#include "vmm/ram_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"

#define RAM_NAME	"guest-ram"
#define THP		"/sys/kernel/mm/transparent_hugepage/"

enum {
	HUGE_PAGE = 2 << 20,
	TMPFS_MODE = 0600,
};

/* What the host says. */

enum ram_thp ram_file_thp(const char *enabled, const char *shmem)
{
	if (!enabled[0] || strstr(enabled, "[never]") || !shmem[0] ||
	    strstr(shmem, "[deny]"))
		return RAM_THP_FORBIDDEN;
	return strstr(shmem, "[never]") ? RAM_THP_NEVER : RAM_THP_GIVEN;
}

static void read_line(const char *path, char *line, int size)
{
	FILE *f = fopen(path, "re");

	if (!f || !fgets(line, size, f))
		line[0] = 0;
	if (f)
		fclose(f);
}

static enum ram_thp host_thp(void)
{
	char enabled[128], shmem[128];

	read_line(THP "enabled", enabled, sizeof(enabled));
	read_line(THP "shmem_enabled", shmem, sizeof(shmem));
	return ram_file_thp(enabled, shmem);
}

/* A tmpfs of its own. */

/* Mount a tmpfs nowhere. Return: the root of it, or -errno. */
static int tmpfs_mount(void)
{
	int fs = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC), root = -1;

	if (fs < 0)
		return -errno;
	if (!syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "huge", "always", 0) &&
	    !syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "size", "0", 0) &&
	    !syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		root = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC,
				    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (root < 0)
		root = -errno;
	fd_close(&fs);
	return root;
}

/* Return: a file on it, without a name any more, or -errno. */
static int tmpfs_file(void)
{
	int root = tmpfs_mount(), fd;

	if (root < 0)
		return root;
	/* Not O_TMPFILE: its name shows in /proc/PID/maps. */
	fd = openat(root, RAM_NAME, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, TMPFS_MODE);
	if (fd < 0)
		fd = -errno;
	else
		unlinkat(root, RAM_NAME, 0);
	fd_close(&root);
	return fd;
}

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	fd_close(&fd);
	return ok;
}

/* In a child in a user namespace of its own, in which it has a name: make the file, in
 * the descriptors that we share. Its exit status is the file's descriptor plus one, or
 * 0. */
static int tmpfs_child(uid_t uid, gid_t gid)
{
	char uid_map[32], gid_map[32];
	int fd;

	snprintf(uid_map, sizeof(uid_map), "0 %u 1", uid);
	snprintf(gid_map, sizeof(gid_map), "0 %u 1", gid);
	if (!write_text("/proc/self/uid_map", uid_map) ||
	    !write_text("/proc/self/setgroups", "deny") ||
	    !write_text("/proc/self/gid_map", gid_map))
		return 0;
	fd = tmpfs_file();
	return fd >= 0 && fd < 255 ? fd + 1 : 0;
}

static int tmpfs_file_by_child(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int status;
	long pid;

	/* As fork(), but one table of descriptors. */
	pid = syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWNS | CLONE_FILES | SIGCHLD,
		      NULL, NULL, NULL, NULL);
	if (!pid)
		_exit(tmpfs_child(uid, gid));
	if (pid < 0 || waitpid((pid_t)pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) - 1 : -EPERM;
}

/* The kinds. */

static int open_path(const char *path)
{
	char *name;
	int fd;

	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, TMPFS_MODE);
	if (fd >= 0 || errno != EISDIR)
		return fd;
	if (asprintf(&name, "%s/lanbox-vmm-ram.XXXXXX", path) < 0)
		return -1;
	fd = mkostemp(name, O_CLOEXEC);
	if (fd >= 0)
		unlink(name);
	free(name);
	return fd;
}

/* Open what the user asks for. Return: the file, or -1 with errno. */
static int open_asked(const struct ram_source *src)
{
	unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB;

	if (src->path)
		return open_path(src->path);
	if (src->page)
		flags |= (unsigned int)__builtin_ctzll(src->page) << MAP_HUGE_SHIFT;
	return memfd_create(RAM_NAME, flags);
}

static int open_best(void)
{
	int fd = -EPERM;

	if (host_thp() == RAM_THP_NEVER) {
		fd = tmpfs_file();
		if (fd < 0)
			fd = tmpfs_file_by_child();
	}
	return fd >= 0 ? fd : memfd_create(RAM_NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

/* What the user's file is good for. Return: NULL, or what is wrong with it. */
static const char *check_asked(struct ram_file *f, const struct ram_source *src)
{
	struct statfs fs;
	struct stat st;

	if (fstat(f->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return "not a file";
	if (fstatfs(f->fd, &fs) < 0)
		return "its file system is not to be found out";
	if (fs.f_type == HUGETLBFS_MAGIC) {
		f->align = (uint64_t)fs.f_bsize;
		f->reserve = true;
	}
	/* A file that has something in it may be wanted. */
	return src->path && st.st_size ? "the file is not empty" : NULL;
}

int ram_file_open(struct ram_file *f, const struct ram_source *src, uint64_t size)
{
	const char *shown = src->path ? src->path : src->hugetlb ? "hugetlb" : "memfd";
	bool asked = src->path || src->hugetlb;
	const char *why = NULL;
	int ret;

	*f = (struct ram_file){ .align = HUGE_PAGE };
	f->fd = asked ? open_asked(src) : open_best();
	if (f->fd < 0)
		goto fail;
	if (asked)
		why = check_asked(f, src);
	if (!why && f->reserve && size % f->align)
		why = "-m is not a multiple of its page size";
	if (why) {
		log_err("guest RAM '%s': %s", shown, why);
		fd_close(&f->fd);
		return -EINVAL;
	}
	if (ftruncate(f->fd, (off_t)size) < 0)
		goto fail;
	/* A file of a path cannot be sealed, nor one of a tmpfs; see the essay. */
	fcntl(f->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	return 0;
fail:
	ret = -errno;
	log_err_errno(-ret, "guest RAM '%s', %llu MiB", shown,
		      (unsigned long long)(size >> 20));
	fd_close(&f->fd);
	return ret;
}
