/* SPDX-License-Identifier: BSD-2-Clause */
/* open_as.c - Open a file with the rights of who asks; the essay is in open_as.h */
#include "config.h"

#include "switchd/open_as.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"

/** struct rights - The groups that root gave away for a moment */
struct rights {
	gid_t *groups;
	int count;
};

static void rights_restore(struct rights *own)
{
	setfsuid(0);
	setfsgid(getegid());
	if (setgroups((size_t)own->count, own->groups))
		log_err_errno(errno, "groups given away for a moment are lost");
	free(own->groups);
}

/* From root to a user's rights over files. Return: 0, or -errno with nothing changed. */
static int rights_take(struct rights *own, uid_t uid, gid_t gid)
{
	own->count = getgroups(0, NULL);
	if (own->count < 0)
		return -errno;
	own->groups = calloc((size_t)own->count + 1, sizeof(*own->groups));
	if (!own->groups)
		return -ENOMEM;
	own->count = getgroups(own->count, own->groups);
	if (own->count < 0 || setgroups(0, NULL)) {
		free(own->groups);
		return -EPERM;
	}
	setfsgid(gid);
	setfsuid(uid);
	/* They tell of no error; asked for nobody, they tell who we are. */
	if ((uid_t)setfsuid((uid_t)-1) == uid && (gid_t)setfsgid((gid_t)-1) == gid)
		return 0;
	rights_restore(own);
	return -EPERM;
}

int open_as(uid_t uid, gid_t gid, const char *path, int flags)
{
	const bool switched = geteuid() == 0 && uid != 0;
	const bool stranger = !switched && uid != geteuid() && uid != 0;
	struct rights own;
	struct stat st;
	int fd, ret;

	if (stranger && ((flags & O_ACCMODE) != O_RDONLY || flags & O_CREAT))
		return -EACCES;
	if (switched) {
		ret = rights_take(&own, uid, gid);
		if (ret)
			return ret;
	}
	fd = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	ret = fd < 0 ? -errno : 0;
	if (switched)
		rights_restore(&own);
	if (ret)
		return ret;
	if (fstat(fd, &st))
		ret = -errno;
	else if (!S_ISREG(st.st_mode))
		ret = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	else if (stranger && !(st.st_mode & S_IROTH))
		ret = -EACCES;
	if (ret)
		fd_close(&fd);
	return ret ? ret : fd;
}
