/* SPDX-License-Identifier: BSD-2-Clause */
/* qsd.c - A qemu-storage-daemon of our own; the essay is in qsd.h */
#include "config.h"

#include "vmm/qsd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "vmm/opener.h"
#include "vmm/options.h"

#define QSD_PROGRAM	"qemu-storage-daemon"

enum {
	QSD_SOCKET = 3,			/* in the daemon */
	QSD_NOT_STARTED = 127,		/* its exit status then */
	QSD_END_MS = 100,
	QSD_STOP_MS = 30000,		/* how long it may take to write what it has */
	QSD_ARGUMENT = 2 * 4096 + 512,	/* a path may double */
	QSD_LINE = 1024,
};

/**
 * struct qsd - A daemon
 * @path:	Its image
 * @pid:	Its process
 * @pidfd:	The same; readable when it has ended
 * @ticket:	The opener's line for it
 * @words:	Reading end of its stderr
 * @watch:	Watches that
 * @line:	A line of it that is not complete, @length bytes
 */
struct qsd {
	struct ev_loop *loop;
	const char *path;
	char blockdev[QSD_ARGUMENT];
	pid_t pid;
	int pidfd;
	int ticket;
	int words;
	ev_io watch;
	char line[QSD_LINE];
	size_t length;
	struct ratelimit complaints;
};

/* Its arguments. */

bool qsd_knows(const char *format)
{
	/* Those that lie in one file or device, and need no more to be said. */
	static const char *const formats[] = {
		"bochs", "cloop", "dmg", "parallels", "qcow", "qcow2", "qed", "vdi",
		"vhdx", "vmdk", "vpc",
	};

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (!strcmp(format, formats[i]))
			return true;
	return false;
}

bool qsd_blockdev(const struct options_drive *opt, bool device, bool uring,
		  char *buf, size_t size)
{
	int n = snprintf(buf, size, "node-name=disk,driver=%s,read-only=%s,discard=%s,"
			 "cache.direct=%s,cache.no-flush=%s%s%s,file.driver=%s,"
			 "file.filename=", opt->format,
			 opt->readonly || opt->snapshot ? "on" : "off",
			 opt->discard ? "unmap" : "ignore", opt->direct ? "on" : "off",
			 opt->no_flush ? "on" : "off",
			 opt->lock ? "" : ",file.locking=off",
			 uring ? ",file.aio=io_uring" : "",
			 device ? "host_device" : "file");
	size_t at = (size_t)n;

	if (n < 0)
		return false;
	for (const char *p = opt->file; *p; p++) {
		if (at + 2 >= size)
			return false;
		/* A comma that does not end the value is two. */
		if (*p == ',')
			buf[at++] = ',';
		buf[at++] = *p;
	}
	if (at >= size)
		return false;
	buf[at] = 0;
	return true;
}

const char *qsd_error(const char *line, const char *blockdev)
{
	static const char program[] = QSD_PROGRAM ": ", option[] = "--blockdev ";
	size_t n = strlen(blockdev);

	if (!strncmp(line, program, strlen(program)))
		line += strlen(program);
	if (!strncmp(line, option, strlen(option)) &&
	    !strncmp(line + strlen(option), blockdev, n) &&
	    !strncmp(line + strlen(option) + n, ": ", 2))
		line += strlen(option) + n + 2;
	return line;
}

/* Its words. */

static uint64_t qsd_now_ms(const struct qsd *qsd)
{
	return (uint64_t)(ev_now(qsd->loop) * 1000);
}

/* Read on, up to the end of a line. Return: whether there is one in @line. */
static bool qsd_read_line(struct qsd *qsd)
{
	char c;

	while (read(qsd->words, &c, 1) == 1) {
		if (c == '\n' && qsd->length) {
			qsd->line[qsd->length] = 0;
			qsd->length = 0;
			return true;
		}
		if (c != '\n' && qsd->length < sizeof(qsd->line) - 1)
			qsd->line[qsd->length++] = c;
	}
	return false;
}

static void qsd_words_cb(struct ev_loop *loop, ev_io *w, int revents UNUSED)
{
	struct qsd *qsd = container_of(w, struct qsd, watch);
	struct pollfd end = { .fd = qsd->words };

	while (qsd_read_line(qsd))
		log_limited(&qsd->complaints, qsd_now_ms(qsd), LOG_LEVEL_WARN,
			    "disk '%s': " QSD_PROGRAM ": %s", qsd->path,
			    qsd_error(qsd->line, qsd->blockdev));
	if (fd_poll(&end, 1, 0) > 0 && end.revents & POLLHUP)
		ev_io_stop(loop, w);
}

/* Its process. */

/* What the child does. Other threads may have held locks when it was made: system calls
 * only. */
static void qsd_run(char *const *argv, pid_t parent, int sock, int words)
{
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	/* The terminal's signals are for the VM, which ends us when the guest is done. */
	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent)
		_exit(EXIT_FAILURE);
	/* None of them is among those that are overwritten: 0 to 2 are open (main.c),
	 * and the one that might be QSD_SOCKET is first out of the way. */
	words = fcntl(words, F_DUPFD_CLOEXEC, QSD_SOCKET + 1);
	if (null < 0 || words < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
	    dup2(words, 2) < 0)
		_exit(EXIT_FAILURE);
	if (sock == QSD_SOCKET ? fcntl(sock, F_SETFD, 0) : dup2(sock, QSD_SOCKET) < 0)
		_exit(EXIT_FAILURE);
	close_range(QSD_SOCKET + 1, ~0U, 0);
	execvp(argv[0], argv);
	_exit(QSD_NOT_STARTED);
}

static int qsd_fork(struct qsd *qsd, int sock, int words, bool writable)
{
	char program[] = QSD_PROGRAM, blockdev[] = "--blockdev", export[] = "--export";
	char ro[] = "vhost-user-blk,id=e,node-name=disk,addr.type=fd,addr.str=3,"
		    "num-queues=1,writable=off";
	char rw[] = "vhost-user-blk,id=e,node-name=disk,addr.type=fd,addr.str=3,"
		    "num-queues=1,writable=on";
	char *argv[] = { program, blockdev, qsd->blockdev, export, writable ? rw : ro, NULL };
	pid_t parent = getpid();

	qsd->pid = fork();
	if (!qsd->pid)
		qsd_run(argv, parent, sock, words);
	if (qsd->pid < 0)
		return -errno;
	qsd->pidfd = pidfd_open(qsd->pid, 0);
	if (qsd->pidfd < 0) {
		int ret = -errno;

		kill(qsd->pid, SIGKILL);
		waitpid(qsd->pid, NULL, 0);
		return ret;
	}
	qsd->ticket = opener_may_end(qsd->pidfd);
	return MIN(qsd->ticket, 0);
}

/* A socket that listens, for the daemon, and our end of its first connection. */
static int qsd_sockets(int *listening, int *sock)
{
	char dir[] = "/tmp/lanbox-vmm.XXXXXX", path[sizeof(dir) + 2];
	int ret = 0;

	*listening = *sock = -1;
	if (!mkdtemp(dir))
		return -errno;
	snprintf(path, sizeof(path), "%s/s", dir);
	*listening = fd_listen_unix(path, 0600, (gid_t)-1);
	if (*listening >= 0) {
		fd_accept_rights(*listening);
		*sock = fd_connect_unix(path);
	}
	if (*listening < 0)
		ret = *listening;
	else if (*sock < 0)
		ret = *sock;
	if (ret)
		fd_close(listening);
	unlink(path);
	rmdir(dir);
	return ret;
}

static int qsd_pipe(struct qsd *qsd, int *words)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC) < 0)
		return -errno;
	qsd->words = fd[0];
	*words = fd[1];
	return fd_set_nonblock(fd[0], true);
}

static void qsd_free(struct qsd *qsd)
{
	ev_io_stop(qsd->loop, &qsd->watch);
	fd_close(&qsd->words);
	fd_close(&qsd->pidfd);
	free(qsd);
}

int qsd_start(struct ev_loop *loop, const struct options_drive *opt, struct qsd **out,
	      int *sock)
{
	struct qsd *qsd = calloc(1, sizeof(*qsd));
	bool uring = opt->aio == AIO_URING ||
		     (opt->aio == AIO_AUTO && aio_has_uring());
	int listening = -1, words = -1, ret = 0;
	struct stat st;

	if (!qsd)
		return -ENOMEM;
	*sock = -1;
	qsd->loop = loop;
	qsd->path = opt->file;
	qsd->pidfd = qsd->words = -1;
	if (stat(opt->file, &st) < 0)
		ret = -errno;
	else if (!qsd_blockdev(opt, S_ISBLK(st.st_mode), uring,
			       qsd->blockdev, sizeof(qsd->blockdev)))
		ret = -ENAMETOOLONG;
	if (!ret)
		ret = qsd_sockets(&listening, sock);
	if (!ret)
		ret = qsd_pipe(qsd, &words);
	if (!ret)
		ret = qsd_fork(qsd, listening, words, !opt->readonly && !opt->snapshot);
	fd_close(&listening);
	fd_close(&words);
	ev_io_init(&qsd->watch, qsd_words_cb, qsd->words, EV_READ);
	if (ret) {
		log_err_errno(-ret, "disk '%s': starting " QSD_PROGRAM, opt->file);
		fd_close(sock);
		qsd_free(qsd);
		return ret;
	}
	ev_io_start(loop, &qsd->watch);
	*out = qsd;
	return 0;
}

/* Wait for its end. Return: whether it came. */
static bool qsd_wait(struct qsd *qsd, int limit_ms)
{
	struct pollfd end = { .fd = qsd->pidfd, .events = POLLIN };
	int n;

	do
		n = fd_poll(&end, 1, limit_ms);
	while (n < 0 && errno == EINTR);
	return n > 0;
}

int qsd_kill(struct qsd *qsd)
{
	int status = -1;
	bool ended;

	if (!qsd)
		return -1;
	/* Its socket ends a moment before it does. */
	ended = qsd_wait(qsd, QSD_END_MS);
	opener_end(qsd->ticket, SIGKILL);
	qsd_wait(qsd, -1);
	if (waitpid(qsd->pid, &status, WNOHANG) != qsd->pid || !ended)
		status = -1;
	qsd_words_cb(qsd->loop, &qsd->watch, EV_READ);
	qsd_free(qsd);
	return status;
}

void qsd_stop(struct qsd *qsd)
{
	if (!qsd)
		return;
	opener_end(qsd->ticket, SIGTERM);
	if (!qsd_wait(qsd, QSD_STOP_MS))
		log_err("disk '%s': " QSD_PROGRAM " does not end; it is killed", qsd->path);
	qsd_kill(qsd);
}

void qsd_explain(struct qsd *qsd, int err)
{
	int status = -1;

	/* Its socket is the last that it closes, or nearly so. */
	if (err == ECONNRESET && qsd_wait(qsd, QSD_STOP_MS))
		waitpid(qsd->pid, &status, WNOHANG);
	if (WIFEXITED(status) && WEXITSTATUS(status) == QSD_NOT_STARTED)
		log_err("disk '%s': there is no " QSD_PROGRAM " to read its format with "
			"(Debian has it in qemu-system-common)", qsd->path);
	else if (!qsd_read_line(qsd))
		log_err_errno(err, "disk '%s': " QSD_PROGRAM, qsd->path);
	else if (strstr(qsd->line, "Failed to get") && strstr(qsd->line, "lock"))
		log_err("disk '%s': another VM uses it", qsd->path);
	else
		log_err("disk '%s': %s", qsd->path, qsd_error(qsd->line, qsd->blockdev));
	/* One line is enough. */
	ev_io_stop(qsd->loop, &qsd->watch);
	fd_close(&qsd->words);
}
