/* SPDX-License-Identifier: BSD-2-Clause */
/* rcfile.c - Commands of the console from a file; the essay is in rcfile.h */
#include "config.h"

#include "switchd/rcfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "switchd/console_cmds.h"
#include "switchd/open_as.h"
#include "switchd/vsw.h"

#define RCFILE_SYSTEM	"/etc/vde2/vde_switch.rc"
#define RCFILE_HOME	".vde2/vde_switch.rc"

/* Open for reading, with the rights of @call's user. Return: descriptor or -errno. */
static int rcfile_open(const struct console_call *call, const char *path)
{
	int fd = open_as(call->uid, call->gid, path, O_RDONLY);
	struct stat st;
	int ret = 0;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st))
		ret = -errno;
	else if (st.st_size > RCFILE_SIZE_MAX)
		ret = -EFBIG;
	if (ret)
		fd_close(&fd);
	return ret ? ret : fd;
}

/* What to do with a line: @number is that in the file. */
typedef int rcfile_line(const struct console_call *call, const char *path,
			unsigned int number, const char *line);

/* Call @run for each command of an open file, and close it. Return: the first
 * error. */
static int rcfile_read(const struct console_call *call, int fd, const char *path,
		       rcfile_line *run)
{
	unsigned int number = 0;
	size_t room = 0;
	char *line = NULL;
	ssize_t len;
	int ret = 0;
	FILE *f;

	f = fdopen(fd, "r");
	if (!f) {
		fd_close(&fd);
		return -ENOMEM;
	}
	while ((len = getline(&line, &room, f)) >= 0) {
		const char *start = line + strspn(line, " \t");
		int err;

		number++;
		while (len > 0 && strchr("\r\n \t", line[len - 1]))
			line[--len] = 0;
		if (!*start || *start == '#')
			continue;
		err = run(call, path, number, start);
		ret = ret ? ret : err;
	}
	free(line);
	fclose(f);
	return ret;
}

/* At start: errors go to the log. */
static int rcfile_start_line(const struct console_call *call, const char *path,
			     unsigned int number, const char *line)
{
	int err = console_exec(call, line);

	if (err)
		log_err("%s:%u: '%s': %s", path, number, line,
			err == ENOSYS ? "there is no such command" : strerror(err));
	return -err;
}

/* Which file to run at start; @path has PATH_MAX bytes. Return: false if none. */
static bool rcfile_find(const struct vsw *vsw, char *path)
{
	const char *home = getenv("HOME");

	snprintf(path, PATH_MAX, "%s", vsw->cfg->rcfile);
	if (path[0])
		return true;
	if (home && snprintf(path, PATH_MAX, "%s/" RCFILE_HOME, home) < PATH_MAX &&
	    !access(path, F_OK))
		return true;
	snprintf(path, PATH_MAX, "%s", RCFILE_SYSTEM);
	return !access(path, F_OK);
}

int rcfile_run(struct vsw *vsw)
{
	struct console_call call = {
		.vsw = vsw,
		.uid = geteuid(),
		.gid = getegid(),
		.depth = 1,
	};
	char path[PATH_MAX];
	int fd, ret;

	if (!rcfile_find(vsw, path))
		return 0;
	fd = rcfile_open(&call, path);
	if (fd < 0) {
		log_err_errno(-fd, "rc file '%s'", path);
		return fd;
	}
	call.out = fopen("/dev/null", "we");
	if (!call.out) {
		ret = -errno;
		fd_close(&fd);
		return ret;
	}
	ret = rcfile_read(&call, fd, path, rcfile_start_line);
	fclose(call.out);
	return ret;
}

static int rcfile_load_line(const struct console_call *call, const char *path,
			    unsigned int number UNUSED, const char *line)
{
	fprintf(call->out, "vde[%s]: %s\n", path, line);
	console_exec(call, line);
	return 0;
}

int rcfile_load(const struct console_call *call, const char *path)
{
	struct console_call deeper = *call;
	int fd;

	if (++deeper.depth > RCFILE_DEPTH)
		return -ELOOP;
	fd = rcfile_open(call, path);
	return fd < 0 ? fd : rcfile_read(&deeper, fd, path, rcfile_load_line);
}
