/* SPDX-License-Identifier: BSD-2-Clause */
/* daemon.c - Going into the background truthfully, and the pid file */
#include "config.h"

#include "lib/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"

/* Wait until the child is ready or dead, and exit as it deserves. */
static void NORETURN daemon_wait(int fd, pid_t child)
{
	int status = 0;
	ssize_t n;
	char c;

	do
		n = read(fd, &c, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		_exit(EXIT_SUCCESS);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE);
}

int daemon_fork(void)
{
	int pipefd[2], ret;
	pid_t pid;

	if (pipe2(pipefd, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		ret = -errno;
		fd_close(&pipefd[0]);
		fd_close(&pipefd[1]);
		return ret;
	}
	if (pid > 0) {
		close(pipefd[1]);
		daemon_wait(pipefd[0], pid);
	}
	close(pipefd[0]);
	setsid();
	return pipefd[1];
}

int daemon_settle(void)
{
	if (chdir("/") < 0) {
		/* Staying where we are harms nobody. */
	}
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

void daemon_detach(int ready_fd, int null)
{
	if (null >= 0) {
		for (int fd = 0; fd <= 2; fd++)
			dup2(null, fd);
		if (null > 2)
			close(null);
	}
	while (write(ready_fd, "", 1) < 0 && errno == EINTR)
		;
	close(ready_fd);
}

void daemon_ready(int ready_fd)
{
	daemon_detach(ready_fd, daemon_settle());
}

/* A handler, and not SIG_IGN, which programs that are executed would inherit. */
static void daemon_stay(int sig UNUSED)
{
}

void daemon_beside(const char *name)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction stay = { .sa_handler = daemon_stay, .sa_flags = SA_RESTART };
	sigset_t none;

	setsid();
	signal(SIGCHLD, SIG_DFL);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &stay, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_NAME, name);
}

static int pidfile_path(struct pidfile *pf, const char *path)
{
	char cwd[PATH_MAX];
	int n;

	if (path[0] == '/') {
		n = snprintf(pf->path, sizeof(pf->path), "%s", path);
	} else {
		if (!getcwd(cwd, sizeof(cwd)))
			return -errno;
		n = snprintf(pf->path, sizeof(pf->path), "%s/%s", cwd, path);
	}
	return n < 0 || (size_t)n >= sizeof(pf->path) ? -ENAMETOOLONG : 0;
}

/* Whether the file at the path is still the one we hold open. */
static int pidfile_is_ours(const struct pidfile *pf)
{
	struct stat a, b;

	return !fstat(pf->fd, &a) && !lstat(pf->path, &b) &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static pid_t pidfile_read(int fd)
{
	char buf[32] = "";

	return pread(fd, buf, sizeof(buf) - 1, 0) > 0 ? (pid_t)atol(buf) : 0;
}

/* Whether a file is a pid file: empty, or one number. Others are not ours to
 * overwrite. */
static int pidfile_looks_like_one(int fd)
{
	char buf[32] = "";
	ssize_t n = pread(fd, buf, sizeof(buf) - 1, 0);
	struct stat st;

	return !fstat(fd, &st) && S_ISREG(st.st_mode) && n >= 0 &&
	       (size_t)n < sizeof(buf) - 1 && buf[strspn(buf, "0123456789 \n")] == 0;
}

static int pidfile_lock(struct pidfile *pf, const char *path, pid_t *holder)
{
	char buf[32];
	int n, ret;

	*holder = 0;
	*pf = PIDFILE_NONE;
	ret = pidfile_path(pf, path);
	if (ret)
		return ret;
	for (;;) {
		pf->fd = open(pf->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
		if (pf->fd < 0)
			return -errno;
		if (flock(pf->fd, LOCK_EX | LOCK_NB) < 0) {
			ret = errno == EWOULDBLOCK ? -EBUSY : -errno;
			*holder = pidfile_read(pf->fd);
			break;
		}
		/* Its last holder may have removed it between our two steps. */
		if (!pidfile_looks_like_one(pf->fd)) {
			ret = -EEXIST;
			break;
		}
		if (pidfile_is_ours(pf)) {
			n = snprintf(buf, sizeof(buf), "%ld\n", (long)getpid());
			if (fchmod(pf->fd, 0644) < 0 || ftruncate(pf->fd, 0) < 0 ||
			    pwrite(pf->fd, buf, (size_t)n, 0) != n) {
				ret = errno ? -errno : -EIO;
				unlink(pf->path);
				break;
			}
			return 0;
		}
		fd_close(&pf->fd);
	}
	fd_close(&pf->fd);
	return ret;
}

int pidfile_create(struct pidfile *pf, const char *path)
{
	pid_t holder;
	int ret = pidfile_lock(pf, path, &holder);

	if (ret == -EBUSY)
		log_err("pid file '%s' belongs to process %ld, which is alive", path,
			(long)holder);
	else if (ret == -EEXIST)
		log_err("pid file '%s' is there and is no pid file", path);
	else if (ret)
		log_err_errno(-ret, "pid file '%s'", path);
	return ret;
}

void pidfile_remove(struct pidfile *pf)
{
	if (pf->fd < 0)
		return;
	if (pidfile_is_ours(pf))
		unlink(pf->path);
	pidfile_close(pf);
}

void pidfile_close(struct pidfile *pf)
{
	fd_close(&pf->fd);
}
