/* SPDX-License-Identifier: BSD-2-Clause */
/* rundir.c - The folder where a user's running VMs can be found */
#include "config.h"

#include "lib/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/fd.h"

/* Whether a folder is there and the user's. Who has become another user may still have
 * the first one's environment. */
static bool rundir_is_of(const char *path, uid_t uid)
{
	struct stat st;

	return path && path[0] == '/' && !stat(path, &st) && S_ISDIR(st.st_mode) &&
	       st.st_uid == uid;
}

static int rundir_choose(uid_t uid, const char *given, char path[static RUNDIR_PATH])
{
	char base[RUNDIR_PATH];
	int n;

	snprintf(base, sizeof(base), "/run/user/%lu", (unsigned long)uid);
	if (rundir_is_of(given, uid))
		n = snprintf(path, RUNDIR_PATH, "%s/lanbox", given);
	else if (rundir_is_of(base, uid))
		n = snprintf(path, RUNDIR_PATH, "%s/lanbox", base);
	else if (!uid)
		n = snprintf(path, RUNDIR_PATH, "/run/lanbox");
	else
		n = snprintf(path, RUNDIR_PATH, "/tmp/lanbox-%lu", (unsigned long)uid);
	return n < RUNDIR_PATH ? 0 : -ENAMETOOLONG;
}

int rundir_find(char path[static RUNDIR_PATH])
{
	return rundir_choose(geteuid(), getenv("XDG_RUNTIME_DIR"), path);
}

int rundir_find_of(uid_t uid, char path[static RUNDIR_PATH])
{
	return rundir_choose(uid, NULL, path);
}

int rundir_check(const char *path, uid_t uid)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) && st.st_uid == uid && !(st.st_mode & 0022) ? 0 : -EPERM;
}

int rundir_make(char path[static RUNDIR_PATH])
{
	int ret;

	ret = rundir_find(path);
	if (ret)
		return ret;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	/* Anybody may have made one in /tmp. */
	return rundir_check(path, geteuid());
}

int rundir_lock(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX) < 0) {
		ret = -errno;
		fd_close(&fd);
		return ret;
	}
	return fd;
}

bool rundir_name_fits(const char *name)
{
	return *name && *name != '.' && !strchr(name, '/');
}

int rundir_socket(const char *dir, const char *name, const char *suffix,
		  char path[static RUNDIR_PATH])
{
	const int max = sizeof(((struct sockaddr_un *)NULL)->sun_path);

	return snprintf(path, RUNDIR_PATH, "%s/%s%s", dir, name, suffix) < max ? 0 :
	       -ENAMETOOLONG;
}
