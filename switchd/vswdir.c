/* SPDX-License-Identifier: BSD-2-Clause */
/* vswdir.c - The switch directory: making it, owning it, leaving it clean */
#include "config.h"

#include "switchd/vswdir.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/activation.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "switchd/vsw.h"

/* The longest name made in the directory: ".12345-00000", "65535.1048576". */
enum { VSWDIR_NAME_MAX = 16 };

bool vswdir_is_socket_name(const char *name)
{
	static const char *const ours[] = { "ctl", "control", "stream", "vhost" };
	const char *p = name;

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (!strcmp(name, ours[i]))
			return true;
	if (*p == '.')
		p++;
	if (!isdigit((unsigned char)*p))
		return false;
	while (isdigit((unsigned char)*p))
		p++;
	if (*p != (name[0] == '.' ? '-' : '.'))
		return false;
	for (p++; isdigit((unsigned char)*p); p++)
		;
	return !*p;
}

/* Remove sockets that a switch which is gone left behind. */
static void vswdir_clean(const struct vsw *vsw)
{
	int fd = openat(vsw->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;

	if (!d) {
		fd_close(&fd);
		return;
	}
	while ((e = readdir(d))) {
		char path[PATH_MAX + NAME_MAX + 2];
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s", vsw->dir, e->d_name);
		if (vswdir_is_socket_name(e->d_name) && !activation_has(path) &&
		    !fstatat(vsw->dirfd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) &&
		    S_ISSOCK(st.st_mode))
			unlinkat(vsw->dirfd, e->d_name, 0);
	}
	closedir(d);
}

/* Make the directory if need be and lock it. */
static int vswdir_lock(struct vsw *vsw)
{
	const char *dir = vsw->cfg->dir;
	struct stat st;
	int ret;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
		ret = -errno;
		log_err_errno(-ret, "cannot make switch directory '%s'", dir);
		return ret;
	}
	/* A link of our own or root's making is meant; others' is a trap. */
	if (!lstat(dir, &st) && S_ISLNK(st.st_mode) && st.st_uid != geteuid() &&
	    st.st_uid != 0)
		errno = ELOOP;
	else
		vsw->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (vsw->dirfd < 0) {
		ret = -errno;
		log_err_errno(-ret, "cannot open switch directory '%s'", dir);
		return ret;
	}
	/* So is a directory of somebody who is not root, for a switch that is. */
	if (geteuid() == 0 && !fstat(vsw->dirfd, &st) && st.st_uid != 0) {
		log_err("switch directory '%s' belongs to uid %ld, who could put anything "
			"in its place", dir, (long)st.st_uid);
		fd_close(&vsw->dirfd);
		return -EPERM;
	}
	if (flock(vsw->dirfd, LOCK_EX | LOCK_NB) < 0) {
		log_err("switch directory '%s' is in use by another switch", dir);
		fd_close(&vsw->dirfd);
		return -EADDRINUSE;
	}
	return 0;
}

static int vswdir_set_mode(const struct vsw *vsw)
{
	const struct vsw_config *cfg = vsw->cfg;
	struct stat st;
	int ret = 0;

	/* What a link leads to was made by somebody else, as he wanted it. */
	if (!lstat(cfg->dir, &st) && S_ISLNK(st.st_mode))
		return 0;
	if (cfg->gid != (gid_t)-1 && fchown(vsw->dirfd, (uid_t)-1, cfg->gid) < 0) {
		ret = -errno;
		log_err_errno(-ret, "cannot give switch directory '%s' to group %ld",
			      vsw->dir, (long)cfg->gid);
	} else if (fchmod(vsw->dirfd, cfg->dirmode) < 0) {
		ret = -errno;
		/* A directory that somebody else prepared is good as it is. */
		if (ret == -EPERM && !fstat(vsw->dirfd, &st) &&
		    st.st_uid != geteuid() && !access(vsw->dir, W_OK | X_OK))
			return 0;
		log_err_errno(-ret, "cannot change the mode of switch directory '%s'",
			      vsw->dir);
	}
	return ret;
}

int vswdir_open(struct vsw *vsw)
{
	char ctl[PATH_MAX + 8];
	struct stat st;
	int ret;

	ret = vswdir_lock(vsw);
	if (ret)
		return ret;
	if (!realpath(vsw->cfg->dir, vsw->dir)) {
		ret = -errno;
		log_err_errno(-ret, "switch directory '%s'", vsw->cfg->dir);
		goto fail;
	}
	if (strlen(vsw->dir) + 1 + VSWDIR_NAME_MAX >=
	    sizeof(((struct sockaddr_un *)0)->sun_path)) {
		ret = -ENAMETOOLONG;
		log_err_errno(-ret, "switch directory '%s' (the sockets in it may "
			      "have 107 bytes with the path)", vsw->dir);
		goto fail;
	}
	snprintf(ctl, sizeof(ctl), "%s/ctl", vsw->dir);
	if (!activation_has(ctl) && fd_unix_is_live(ctl)) {
		ret = -EADDRINUSE;
		log_err("Could not bind to socket '%s': Address already in use", ctl);
		goto fail;
	}
	if (!lstat(ctl, &st) && !S_ISSOCK(st.st_mode)) {
		ret = -EEXIST;
		log_err("Could not bind to socket '%s': something else is there", ctl);
		goto fail;
	}
	vswdir_clean(vsw);
	ret = vswdir_set_mode(vsw);
	if (!ret)
		return 0;
fail:
	rmdir(vsw->cfg->dir);
	fd_close(&vsw->dirfd);
	return ret;
}

void vswdir_close(struct vsw *vsw)
{
	struct stat ours, now;

	if (vsw->dirfd < 0)
		return;
	/* Somebody may have put another directory there meanwhile. */
	if (!fstat(vsw->dirfd, &ours) && !lstat(vsw->dir, &now) &&
	    ours.st_dev == now.st_dev && ours.st_ino == now.st_ino)
		rmdir(vsw->dir);
	fd_close(&vsw->dirfd);
}
