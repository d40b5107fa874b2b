/* SPDX-License-Identifier: BSD-2-Clause */
/* opener.c - The process that opens what a running VM needs; the essay is in opener.h */
#include "config.h"

#include "vmm/opener.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/daemon.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "vmm/landlock.h"

enum opener_kind {
	OPENER_STREAM,
	OPENER_PORT,
	OPENER_LOG,
	OPENER_REMOVE,
	OPENER_END,
	OPENER_SAVE,
};

/* Requests that speak of a saved state; all others are the kind of their line. */
enum { OPENER_SAVE_KEEP = OPENER_SAVE + 1, OPENER_SAVE_DROP };

enum {
	OPENER_SOCKET = 3,		/* in its process, as all descriptors below */
	OPENER_TEMPORARY = 8,		/* a name is made so much longer */
	OPENER_SAVE_TRIES = 100,
};

/**
 * struct opener_line - A line of the list
 * @path:	What it is about; a folder ends without '/'
 * @dev:	OPENER_REMOVE: what is there,
 * @ino:	and its number
 * @ending:	OPENER_SAVE: see opener_may_save()
 * @fd:		OPENER_REMOVE and OPENER_SAVE: the folder, for Landlock and for the work;
 *		OPENER_END: the process
 */
struct opener_line {
	enum opener_kind kind;
	char *path;
	dev_t dev;
	ino_t ino;
	const char *ending;
	int fd;
};

/** struct opener_request - What the VM's process sends */
struct opener_request {
	uint32_t what;
	uint32_t line;
	uint32_t number;
	char name[PATH_MAX];
};

/**
 * struct opener_way - The way to a process
 * @sock:	To it, -1 where there is none
 * @lock:	One request at a time
 */
struct opener_way {
	int sock;
	pthread_mutex_t lock;
};

/**
 * struct opener - The list, and the ways
 * @save:	In the process: it is the one for saved states
 * @any:	The way to the one for all else
 * @saves:	To that for saved states
 * @save_dir:	The folder that a state is being saved in, below that of the list, or -1
 * @save_name:	Its name there
 * @save_temporary: and for now
 */
static struct opener {
	struct opener_line line[OPENER_LINES];
	unsigned int lines;
	bool save;
	struct opener_way any;
	struct opener_way saves;
	int save_dir;
	char save_name[NAME_MAX + 1];
	char save_temporary[NAME_MAX + 1];
} opener = {
	.any = { -1, PTHREAD_MUTEX_INITIALIZER },
	.saves = { -1, PTHREAD_MUTEX_INITIALIZER },
	.save_dir = -1,
};

bool opener_runs(void)
{
	return opener.any.sock >= 0;
}

/* The list. */

static int opener_add(enum opener_kind kind, const char *path, struct opener_line **out)
{
	struct opener_line *line = &opener.line[opener.lines];
	char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	if (opener_runs() || opener.lines == OPENER_LINES) {
		free(copy);
		return -ENOSPC;
	}
	*line = (struct opener_line){ .kind = kind, .path = copy, .fd = -1 };
	*out = line;
	return (int)opener.lines++;
}

int opener_may_connect(const char *path, bool port)
{
	struct opener_line *line;

	return opener_add(port ? OPENER_PORT : OPENER_STREAM, path, &line);
}

int opener_may_log(void)
{
	struct opener_line *line;

	return opener_add(OPENER_LOG, "/dev/log", &line);
}

int opener_may_remove(const char *path)
{
	struct opener_line *line;
	struct stat st;
	char *slash;
	int ret;

	if (lstat(path, &st) < 0)
		return -errno;
	ret = opener_add(OPENER_REMOVE, path, &line);
	if (ret < 0)
		return ret;
	line->dev = st.st_dev;
	line->ino = st.st_ino;
	slash = strrchr(line->path, '/');
	if (!slash) {
		line->fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	} else {
		*slash = 0;
		line->fd = open(slash == line->path ? "/" : line->path,
				O_PATH | O_DIRECTORY | O_CLOEXEC);
		*slash = '/';
	}
	if (line->fd >= 0)
		return ret;
	ret = -errno;
	opener.lines--;
	free(line->path);
	return ret;
}

int opener_may_end(int pidfd)
{
	struct opener_line *line;
	int ret = opener_add(OPENER_END, "", &line);

	if (ret >= 0)
		line->fd = pidfd;
	return ret;
}

int opener_may_save(const char *dir, const char *ending)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret;
	struct opener_line *line;

	if (fd < 0)
		return -errno;
	ret = opener_add(OPENER_SAVE, dir, &line);
	if (ret < 0) {
		fd_close(&fd);
		return ret;
	}
	line->ending = ending;
	line->fd = fd;
	return ret;
}

static struct opener_line *opener_find(enum opener_kind kind, const char *path)
{
	for (unsigned int i = 0; i < opener.lines; i++)
		if (opener.line[i].kind == kind &&
		    (!path || !strcmp(opener.line[i].path, path)))
			return &opener.line[i];
	return NULL;
}

void opener_forget(void)
{
	for (unsigned int i = 0; i < opener.lines; i++) {
		if (opener.line[i].kind != OPENER_END)
			fd_close(&opener.line[i].fd);
		free(opener.line[i].path);
	}
	opener.lines = 0;
	fd_close(&opener.any.sock);
	fd_close(&opener.saves.sock);
}

/* The work. */

static int do_connect(const struct opener_line *line, unsigned int port)
{
	int type = line->kind == OPENER_LOG ? SOCK_DGRAM : SOCK_STREAM, fd, ret;
	struct sockaddr_un sa;
	char path[sizeof(sa.sun_path)];

	if ((size_t)snprintf(path, sizeof(path), line->kind == OPENER_PORT ? "%s_%u" : "%s",
			     line->path, port) >= sizeof(path))
		return -ENAMETOOLONG;
	ret = fd_sockaddr(&sa, path);
	if (ret)
		return ret;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (line->kind == OPENER_PORT)
		fd_refuse_rights(fd);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		ret = -errno;
		fd_close(&fd);
		return ret;
	}
	return fd;
}

static int do_remove(const struct opener_line *line)
{
	const char *slash = strrchr(line->path, '/'), *name = slash ? slash + 1 : line->path;
	struct stat st;

	if (fstatat(line->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (st.st_dev != line->dev || st.st_ino != line->ino)
		return -ESTALE;
	return unlinkat(line->fd, name, 0) < 0 ? -errno : 0;
}

/* Saved states. */

const char *opener_save_name(const char *dir, const char *path)
{
	size_t n = strlen(dir);

	while (n && dir[n - 1] == '/')
		n--;
	if (strncmp(path, dir, n) || path[n] != '/')
		return NULL;
	path += n + strspn(path + n, "/");
	for (const char *p = path; *p; p += strcspn(p, "/"), p += strspn(p, "/"))
		if (!strncmp(p, "..", 2) && (!p[2] || p[2] == '/'))
			return NULL;
	return *path ? path : NULL;
}

/* Whether a name below the folder may be taken. */
static bool save_may(const struct opener_line *line, const char *name)
{
	size_t size = strlen(name), end = line->ending ? strlen(line->ending) : 0;

	return !end || (!strchr(name, '/') && name[0] != '.' && size > end &&
			!strcmp(name + size - end, line->ending));
}

const char *opener_save_refusal(const char *path)
{
	const struct opener_line *line = opener_find(OPENER_SAVE, NULL);
	const char *name = line ? opener_save_name(line->path, path) : NULL;

	if (name && save_may(line, name))
		return NULL;
	return line && !line->ending ? "this is not below the folder of -save-dir" :
	       "without -save-dir it may be saved in the folder that it was started in, as "
	       "NAME.vm, and nowhere else";
}

static int open_beneath(int dir, const char *name, int flags, mode_t mode)
{
	const struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC | O_NOFOLLOW),
		.mode = mode,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, dir, name, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

static int do_save_end(bool keep)
{
	int ret = 0;

	if (opener.save_dir < 0)
		return -EINVAL;
	if (keep && renameat(opener.save_dir, opener.save_temporary, opener.save_dir,
			     opener.save_name) < 0)
		ret = -errno;
	if (!keep || ret)
		unlinkat(opener.save_dir, opener.save_temporary, 0);
	/* Make the new name as safe as the file. There are file systems that cannot, and
	 * need not. */
	else if (fsync(opener.save_dir) < 0 && errno != EINVAL)
		ret = -errno;
	fd_close(&opener.save_dir);
	return ret;
}

/* A name that nobody else has, beside the one that is wanted. */
static int save_temporary(void)
{
	int fd = -EEXIST;

	for (unsigned int i = 0; fd == -EEXIST && i < OPENER_SAVE_TRIES; i++) {
		if ((size_t)snprintf(opener.save_temporary, sizeof(opener.save_temporary),
				     "%s.%ld-%u", opener.save_name, (long)getpid(), i) >=
		    sizeof(opener.save_temporary))
			return -ENAMETOOLONG;
		fd = open_beneath(opener.save_dir, opener.save_temporary,
				  O_RDWR | O_CREAT | O_EXCL, 0600);
	}
	return fd;
}

static int do_save_begin(const struct opener_line *line, const char *name)
{
	const char *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name;
	char dir[PATH_MAX] = ".";
	struct stat st;
	int fd;

	if (opener.save_dir >= 0)
		do_save_end(false);
	if (!save_may(line, name))
		return -EACCES;
	if (!*last || !strcmp(last, ".") || !strcmp(last, ".."))
		return -EISDIR;
	if (strlen(last) > NAME_MAX)
		return -ENAMETOOLONG;
	if (slash)
		snprintf(dir, sizeof(dir), "%.*s", (int)(slash - name), name);
	snprintf(opener.save_name, sizeof(opener.save_name), "%s", last);
	fd = opener.save_dir = open_beneath(line->fd, dir, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	if (!fstatat(opener.save_dir, last, &st, AT_SYMLINK_NOFOLLOW) && !S_ISREG(st.st_mode))
		fd = -EEXIST;
	else
		fd = save_temporary();
	if (fd < 0)
		fd_close(&opener.save_dir);
	return fd;
}

/* Return: a descriptor or 0, as @what has it, or -errno. */
static int opener_do(const struct opener_request *r)
{
	const struct opener_line *line = &opener.line[r->line];

	if (r->line >= opener.lines || !memchr(r->name, 0, sizeof(r->name)))
		return -EINVAL;
	if (line->kind == OPENER_SAVE && r->what == OPENER_SAVE_KEEP)
		return do_save_end(true);
	if (line->kind == OPENER_SAVE && r->what == OPENER_SAVE_DROP)
		return do_save_end(false);
	if (r->what != line->kind)
		return -EINVAL;
	switch (line->kind) {
	case OPENER_STREAM:
	case OPENER_PORT:
	case OPENER_LOG:
		return do_connect(line, r->number);
	case OPENER_REMOVE:
		return do_remove(line);
	case OPENER_END:
		return pidfd_send_signal(line->fd, r->number == SIGKILL ? SIGKILL : SIGTERM,
					 NULL, 0) < 0 ? -errno : 0;
	case OPENER_SAVE:
		return do_save_begin(line, r->name);
	}
	return -EINVAL;
}

/* Its process. */

/* Whether the answer is a descriptor. */
static bool gives_fd(uint32_t what)
{
	return what <= OPENER_LOG || what == OPENER_SAVE;
}

static void opener_serve(int sock)
{
	struct opener_request r;

	while (fd_recv(sock, &r, sizeof(r), NULL, NULL) == (ssize_t)sizeof(r)) {
		int fd = opener_do(&r), answer = MIN(fd, 0);
		bool pass = fd >= 0 && gives_fd(r.what);

		if (fd_send(sock, &answer, sizeof(answer), &fd, pass) < 0)
			break;
		if (pass)
			fd_close(&fd);
	}
	/* The VM's process has ended, whatever it was that ended it. */
	if (opener.save_dir >= 0)
		do_save_end(false);
	for (unsigned int i = 0; i < opener.lines; i++)
		if (opener.line[i].kind == OPENER_END)
			pidfd_send_signal(opener.line[i].fd, SIGTERM, NULL, 0);
}

/* Keep @fd, and bring it to place @at. */
static bool keep_fd(int *fd, int at)
{
	/* All of them are above the places first (opener_run()), so none is lost. */
	if (dup3(*fd, at, O_CLOEXEC) < 0)
		return false;
	*fd = at;
	return true;
}

static bool opener_let_go(int *sock)
{
	const int top = OPENER_SOCKET + 1 + OPENER_LINES;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), at = OPENER_SOCKET;
	bool ok = null >= 0;

	for (int fd = 0; ok && fd <= 2; fd++)
		ok = dup2(null, fd) >= 0;
	*sock = fcntl(*sock, F_DUPFD_CLOEXEC, top);
	for (unsigned int i = 0; i < opener.lines; i++)
		if (opener.line[i].fd >= 0)
			opener.line[i].fd = fcntl(opener.line[i].fd, F_DUPFD_CLOEXEC, top);
	ok = ok && keep_fd(sock, at++);
	for (unsigned int i = 0; ok && i < opener.lines; i++)
		if (opener.line[i].fd >= 0)
			ok = keep_fd(&opener.line[i].fd, at++);
	return ok && !close_range((unsigned int)at, ~0U, 0);
}

static void NORETURN opener_run(int sock, int (*confine)(void))
{
	daemon_beside("lanbox-opener");
	if (!opener_let_go(&sock) || confine())
		_exit(EXIT_FAILURE);
	if (fd_send(sock, "", 1, NULL, 0) == 1)
		opener_serve(sock);
	_exit(EXIT_SUCCESS);
}

int opener_landlock(void)
{
	struct landlock_rule rules[OPENER_LINES];
	unsigned int n = 0;
	bool ends = false;

	for (unsigned int i = 0; i < opener.lines; i++) {
		const struct opener_line *line = &opener.line[i];

		ends |= line->kind == OPENER_END;
		if (line->kind == OPENER_REMOVE && !opener.save)
			rules[n++] = (struct landlock_rule){
				line->fd, LANDLOCK_ACCESS_FS_REMOVE_FILE };
		else if (line->kind == OPENER_SAVE && opener.save)
			rules[n++] = (struct landlock_rule){ line->fd,
				LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
				LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
				LANDLOCK_ACCESS_FS_READ_DIR };
	}
	return landlock_enter(rules, n, ends);
}

/* Fork one of them. */
static int way_start(struct opener_way *way, int (*confine)(void))
{
	int sv[2], ret;
	pid_t pid;
	char c;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return -errno;
	pid = fork();
	if (!pid) {
		opener.save = way == &opener.saves;
		opener_run(sv[1], confine);
	}
	ret = pid < 0 ? -errno : 0;
	fd_close(&sv[1]);
	/* It speaks when it is confined. */
	if (!ret && fd_recv(sv[0], &c, 1, NULL, NULL) != 1)
		ret = -EPROTO;
	if (ret)
		fd_close(&sv[0]);
	way->sock = sv[0];
	return ret;
}

int opener_start(int (*confine)(void))
{
	int ret = way_start(&opener.any, confine);

	if (!ret && opener_find(OPENER_SAVE, NULL))
		ret = way_start(&opener.saves, confine);
	return ret;
}

/* Requests. */

static int opener_ask(uint32_t what, unsigned int line, unsigned int number,
		      const char *name)
{
	struct opener_way *way = opener.line[line].kind == OPENER_SAVE ? &opener.saves :
				 &opener.any;
	struct opener_request r = { .what = what, .line = line, .number = number };
	int fd = -1, answer;
	unsigned int count = 1;
	ssize_t n;

	if ((size_t)snprintf(r.name, sizeof(r.name), "%s", name) >= sizeof(r.name))
		return -ENAMETOOLONG;
	if (way->sock < 0)
		return opener_do(&r);
	pthread_mutex_lock(&way->lock);
	n = fd_send(way->sock, &r, sizeof(r), NULL, 0);
	if (n == (ssize_t)sizeof(r))
		n = fd_recv(way->sock, &answer, sizeof(answer), &fd, &count);
	if (n != (ssize_t)sizeof(answer))
		answer = n < 0 ? (int)n : -EPIPE;
	if (!answer && gives_fd(what))
		answer = fd >= 0 ? fd : -EPROTO;
	pthread_mutex_unlock(&way->lock);
	return answer;
}

int opener_connect(int line, unsigned int port)
{
	if (line < 0 || (unsigned int)line >= opener.lines)
		return -EBADF;
	return opener_ask(opener.line[line].kind, (unsigned int)line, port, "");
}

void opener_remove(const char *path)
{
	const struct opener_line *line = opener_find(OPENER_REMOVE, path);

	if (line)
		opener_ask(OPENER_REMOVE, (unsigned int)(line - opener.line), 0, "");
	else if (!opener_runs())
		unlink(path);
}

void opener_end(int line, int signum)
{
	if (line >= 0)
		opener_ask(OPENER_END, (unsigned int)line, (unsigned int)signum, "");
}

int opener_save_begin(const char *path)
{
	const struct opener_line *line = opener_find(OPENER_SAVE, NULL);
	const char *name = line ? opener_save_name(line->path, path) : NULL;

	if (!name)
		return -EACCES;
	return opener_ask(OPENER_SAVE, (unsigned int)(line - opener.line), 0, name);
}

int opener_save_end(bool keep)
{
	const struct opener_line *line = opener_find(OPENER_SAVE, NULL);

	if (!line)
		return -EINVAL;
	return opener_ask(keep ? OPENER_SAVE_KEEP : OPENER_SAVE_DROP,
			  (unsigned int)(line - opener.line), 0, "");
}
