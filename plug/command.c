/* SPDX-License-Identifier: BSD-2-Clause */
/* command.c - A command at the other end of two pipes */
#include "config.h"

#include "plug/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fd.h"

enum { COMMAND_IN, COMMAND_OUT, COMMAND_ERROR, COMMAND_PIPES };

static void command_over(struct command *c)
{
	int status = c->status;

	command_stop(c);
	c->ended(c->ctx, status);
}

static void command_exited_cb(struct ev_loop *loop, ev_child *w, int revents UNUSED)
{
	struct command *c = container_of(w, struct command, exited);

	ev_child_stop(loop, w);
	c->pid = 0;
	c->status = WIFEXITED(w->rstatus) ? WEXITSTATUS(w->rstatus)
					  : 128 + WTERMSIG(w->rstatus);
	if (c->closed)
		command_over(c);
	else
		ev_timer_start(loop, &c->linger);
}

static void command_linger_cb(struct ev_loop *loop UNUSED, ev_timer *w, int revents UNUSED)
{
	command_over(container_of(w, struct command, linger));
}

void command_closed(struct command *c)
{
	c->closed = true;
	if (c->pid)
		ev_timer_start(c->loop, &c->linger);
	else
		/* It has exited before. Not from within the caller. */
		ev_feed_event(c->loop, &c->linger, EV_TIMER);
}

void command_stop(struct command *c)
{
	if (!c->loop)
		return;
	ev_child_stop(c->loop, &c->exited);
	ev_timer_stop(c->loop, &c->linger);
	if (c->pid)
		kill(c->pid, SIGTERM);
	c->pid = 0;
}

/* In the new process; says why if it does not become the command. */
static void NORETURN command_exec(char **argv, bool quiet, int in, int out, int error)
{
	sigset_t none;
	int null;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	null = quiet ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;
	if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
	    (null < 0 || dup2(null, STDERR_FILENO) >= 0))
		execvp(argv[0], argv);
	if (write(error, &errno, sizeof(errno)) < 0)
		_exit(126);
	_exit(127);
}

/* Fork, and wait until it is the command or has failed. Return: 0 or -errno. */
static int command_spawn(struct command *c, char **argv, bool quiet,
			 int pipes[COMMAND_PIPES][2])
{
	int err = 0;
	ssize_t n;

	c->pid = fork();
	if (c->pid < 0)
		return -errno;
	if (!c->pid)
		command_exec(argv, quiet, pipes[COMMAND_IN][0], pipes[COMMAND_OUT][1],
			     pipes[COMMAND_ERROR][1]);
	fd_close(&pipes[COMMAND_ERROR][1]);
	do
		n = read(pipes[COMMAND_ERROR][0], &err, sizeof(err));
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return 0;
	waitpid(c->pid, NULL, 0);
	return -err;
}

int command_start(struct command *c, struct ev_loop *loop, char **argv, bool quiet,
		  int *in, int *out)
{
	int pipes[COMMAND_PIPES][2] = { { -1, -1 }, { -1, -1 }, { -1, -1 } };
	int ret = 0;

	*c = (struct command){ .loop = loop };
	for (int i = 0; i < COMMAND_PIPES && !ret; i++)
		if (pipe2(pipes[i], O_CLOEXEC) < 0)
			ret = -errno;
	if (!ret)
		ret = command_spawn(c, argv, quiet, pipes);
	ev_child_init(&c->exited, command_exited_cb, c->pid, 0);
	ev_timer_init(&c->linger, command_linger_cb, COMMAND_LINGER_S, 0.);
	if (ret) {
		c->pid = 0;
	} else {
		ev_child_start(loop, &c->exited);
		*in = pipes[COMMAND_OUT][0];
		*out = pipes[COMMAND_IN][1];
		pipes[COMMAND_OUT][0] = pipes[COMMAND_IN][1] = -1;
	}
	for (int i = 0; i < COMMAND_PIPES; i++) {
		fd_close(&pipes[i][0]);
		fd_close(&pipes[i][1]);
	}
	return ret;
}
