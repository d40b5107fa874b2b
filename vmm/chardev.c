/* SPDX-License-Identifier: BSD-2-Clause */
/* chardev.c - A stream of characters to people: terminal, file, socket, pty, or nowhere */
#include "config.h"

#include "vmm/chardev.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/listener.h"
#include "lib/log.h"
#include "vmm/opener.h"

/* How often to look whether somebody has opened a pty, or has gone: the kernel does not
 * tell. */
#define CHARDEV_PTY_S	0.2

enum {
	CHARDEV_WRITE_MAX = 4096,	/* PIPE_BUF: a writable pipe takes it all */
	CHARDEV_ESCAPE = 1,		/* Ctrl-A, as in QEMU's -nographic */
};

/**
 * struct chardev - One
 * @rx_fd:	Where input comes from, -1 if nowhere
 * @tx_fd:	Where output goes, -1 if nowhere
 * @tty_fd:	Standard output opened anew, if it is a terminal, or -1
 * @pty_fd:	The pty's master, or -1
 * @pty:	The name of its other end
 * @raw:	The terminal was made raw; @saved is how it was
 * @escaped:	Ctrl-A was typed
 * @kick:	Another thread has left something to do
 */
struct chardev {
	struct ev_loop *loop;
	const struct options_chardev *opt;
	const char *label;
	bool replay;
	const struct chardev_ops *ops;
	void *ctx;

	ev_io rx, tx;
	ev_async kick;
	ev_timer look;
	struct listener listener;
	int rx_fd, tx_fd;
	int tty_fd;
	int pty_fd;
	char pty[64];
	bool raw;
	struct termios saved;
	bool escaped;

	uint8_t out[CHARDEV_OUT];
	unsigned int first, count;
};

/* Whether clients come and go. */
static bool chardev_has_clients(const struct chardev *c)
{
	return c->opt->kind == CHARDEV_UNIX || c->opt->kind == CHARDEV_PTY;
}

/* Output. */

/* Forget all but the last @max bytes. */
static void chardev_trim(struct chardev *c, unsigned int max)
{
	unsigned int n = c->count > max ? c->count - max : 0;

	c->first = (c->first + n) % CHARDEV_OUT;
	c->count -= n;
}

/* Write some of what waits. Return: 0, -EAGAIN if no more is taken now, or -EPIPE if
 * the client is gone: the next one may have this. Elsewhere what cannot be written is
 * lost. */
static int chardev_write_some(struct chardev *c)
{
	unsigned int n = MIN(c->count, CHARDEV_OUT - c->first);
	ssize_t done;

	n = MIN(n, (unsigned int)CHARDEV_WRITE_MAX);
	done = write(c->tx_fd, c->out + c->first, n);
	if (done < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	if (done < 0 && chardev_has_clients(c))
		return -EPIPE;
	if (done < 0)
		done = n;
	c->first = (c->first + (unsigned int)done) % CHARDEV_OUT;
	c->count -= (unsigned int)done;
	return 0;
}

static void chardev_unplug(struct chardev *c);

static void chardev_tx_cb(struct ev_loop *loop, ev_io *w, int revents UNUSED)
{
	struct chardev *c = container_of(w, struct chardev, tx);

	if (c->count && chardev_write_some(c) == -EPIPE)
		chardev_unplug(c);
	else if (!c->count)
		ev_io_stop(loop, &c->tx);
}

static void chardev_put(struct chardev *c, uint8_t byte)
{
	chardev_trim(c, (c->tx_fd < 0 ? CHARDEV_REPLAY : CHARDEV_OUT) - 1);
	c->out[(c->first + c->count++) % CHARDEV_OUT] = byte;
}

void chardev_write(struct chardev *c, const void *bytes, size_t size)
{
	const uint8_t *p = bytes;
	bool idle = !c->count;

	if (c->tx_fd < 0 && !(c->replay && chardev_has_clients(c)))
		return;
	while (size--)
		chardev_put(c, *p++);
	if (idle && c->tx_fd >= 0)
		ev_async_send(c->loop, &c->kick);
}

/* Input. */

static unsigned int chardev_room(const struct chardev *c)
{
	return MIN(c->ops->room(c->ctx), (unsigned int)CHARDEV_IN);
}

/* Watch what there is to watch. */
static void chardev_watch(struct chardev *c)
{
	/* Ctrl-A and a key must work although nobody takes input. */
	bool reads = c->rx_fd >= 0 && (c->opt->escape || chardev_room(c));

	if (reads)
		ev_io_start(c->loop, &c->rx);
	else
		ev_io_stop(c->loop, &c->rx);
	/* Who is there and not read from may still go away. */
	if (chardev_has_clients(c) && c->rx_fd >= 0 && !reads && !ev_is_active(&c->look))
		ev_timer_again(c->loop, &c->look);
	if (c->tx_fd >= 0 && c->count)
		ev_io_start(c->loop, &c->tx);
}

static void chardev_kick_cb(struct ev_loop *loop UNUSED, ev_async *w, int revents UNUSED)
{
	chardev_watch(container_of(w, struct chardev, kick));
}

void chardev_want_input(struct chardev *c)
{
	ev_async_send(c->loop, &c->kick);
}

static void chardev_typed(struct chardev *c, uint8_t byte)
{
	if (!c->escaped && byte == CHARDEV_ESCAPE) {
		c->escaped = true;
		return;
	}
	if (c->escaped && byte != CHARDEV_ESCAPE) {
		if (c->ops->key)
			c->ops->key(c->ctx, byte);
	} else if (chardev_room(c)) {
		c->ops->input(c->ctx, &byte, 1);
	}
	c->escaped = false;
}

static void chardev_rx_cb(struct ev_loop *loop UNUSED, ev_io *w, int revents UNUSED)
{
	struct chardev *c = container_of(w, struct chardev, rx);
	unsigned int room = c->opt->escape ? CHARDEV_IN : chardev_room(c);
	uint8_t buf[CHARDEV_IN];
	ssize_t n = -1;

	if (room) {
		n = read(c->rx_fd, buf, room);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			chardev_unplug(c);
			return;
		}
	}
	if (c->opt->escape)
		for (ssize_t i = 0; i < n; i++)
			chardev_typed(c, buf[i]);
	else if (n > 0)
		c->ops->input(c->ctx, buf, (unsigned int)n);
	chardev_watch(c);
}

/* Who is there. */

static void chardev_plug(struct chardev *c, int rx, int tx)
{
	c->rx_fd = rx;
	c->tx_fd = tx;
	if (rx >= 0)
		ev_io_set(&c->rx, rx, EV_READ);
	if (tx >= 0)
		ev_io_set(&c->tx, tx, EV_WRITE);
	if (c->ops->opened)
		c->ops->opened(c->ctx);
	chardev_watch(c);
}

/* The end of input: a client hung up, or standard input is at its end. */
static void chardev_unplug(struct chardev *c)
{
	ev_io_stop(c->loop, &c->rx);
	if (!chardev_has_clients(c)) {
		c->rx_fd = -1;
		return;
	}
	ev_io_stop(c->loop, &c->tx);
	/* It may have said its last word and wait for the answer. */
	while (!c->replay && c->count && !chardev_write_some(c))
		;
	chardev_trim(c, c->replay ? CHARDEV_REPLAY : 0);
	c->tx_fd = -1;
	if (c->opt->kind == CHARDEV_UNIX) {
		fd_close(&c->rx_fd);
		listener_resume(&c->listener);
	} else {
		c->rx_fd = -1;
		ev_timer_again(c->loop, &c->look);
	}
}

/* One client at a time; the next waits until this one is gone. */
static void chardev_accepted(void *ctx, int fd)
{
	struct chardev *c = ctx;

	listener_pause(&c->listener);
	chardev_plug(c, fd, fd);
}

/* Has somebody opened the pty, or has gone who was not read from? */
static void chardev_look_cb(struct ev_loop *loop, ev_timer *w, int revents UNUSED)
{
	struct chardev *c = container_of(w, struct chardev, look);
	struct pollfd p = { .fd = c->rx_fd >= 0 ? c->rx_fd : c->pty_fd };
	bool gone = fd_poll(&p, 1, 0) < 0 || p.revents & (POLLHUP | POLLERR);

	if (ev_is_active(&c->rx)) {
		ev_timer_stop(loop, &c->look);
	} else if (c->rx_fd >= 0 && gone) {
		chardev_unplug(c);
	} else if (c->rx_fd < 0 && !gone) {
		ev_timer_stop(loop, &c->look);
		chardev_plug(c, c->pty_fd, c->pty_fd);
	}
}

/* Opening. */

/* A terminal may take less than it promised, so it is opened anew, without blocking;
 * others may share the open file we were given. */
static int chardev_open_stdio(struct chardev *c)
{
	if (isatty(STDOUT_FILENO))
		c->tty_fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY |
				 O_CLOEXEC);
	chardev_plug(c, STDIN_FILENO, c->tty_fd >= 0 ? c->tty_fd : STDOUT_FILENO);
	return 0;
}

static int chardev_open_file(struct chardev *c)
{
	int fd = open(c->opt->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC |
		      O_NONBLOCK | O_NOCTTY, 0600);

	if (fd < 0)
		return -errno;
	chardev_plug(c, -1, fd);
	return 0;
}

static int chardev_open_unix(struct chardev *c)
{
	int fd = fd_listen_unix(c->opt->path, 0600, (gid_t)-1);

	if (fd < 0)
		return fd;
	/* What cannot be removed in the end is replaced by the next who listens. */
	if (opener_may_remove(c->opt->path) < 0)
		log_debug("%s '%s' will be left behind", c->label, c->opt->path);
	listener_start(&c->listener, c->loop, fd, chardev_accepted, c);
	return 0;
}

/* A pty is raw from the beginning: it must not send back what the guest says before
 * anybody has opened it. */
static int chardev_open_pty(struct chardev *c)
{
	struct termios t;
	int fd;

	c->pty_fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (c->pty_fd < 0 || grantpt(c->pty_fd) || unlockpt(c->pty_fd) ||
	    ptsname_r(c->pty_fd, c->pty, sizeof(c->pty)))
		return -errno;
	fd = open(c->pty, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || tcgetattr(fd, &t))
		return -errno;
	cfmakeraw(&t);
	tcsetattr(fd, TCSANOW, &t);
	close(fd);
	fd_set_nonblock(c->pty_fd, true);
	ev_timer_again(c->loop, &c->look);
	printf("char device redirected to %s (label %s)\n", c->pty, c->label);
	fflush(stdout);
	return 0;
}

static int chardev_open(struct chardev *c)
{
	switch (c->opt->kind) {
	case CHARDEV_STDIO:
		return chardev_open_stdio(c);
	case CHARDEV_FILE:
		return chardev_open_file(c);
	case CHARDEV_UNIX:
		return chardev_open_unix(c);
	case CHARDEV_PTY:
		return chardev_open_pty(c);
	case CHARDEV_NULL:
		break;
	}
	return 0;
}

int chardev_create(struct ev_loop *loop, const struct options_chardev *opt,
		   const char *label, bool replay, const struct chardev_ops *ops,
		   void *ctx, struct chardev **out)
{
	struct chardev *c = calloc(1, sizeof(*c));
	int ret;

	if (!c)
		return -ENOMEM;
	c->loop = loop;
	c->opt = opt;
	c->label = label;
	c->replay = replay;
	c->ops = ops;
	c->ctx = ctx;
	c->rx_fd = c->tx_fd = c->tty_fd = c->pty_fd = -1;
	ev_io_init(&c->rx, chardev_rx_cb, -1, EV_READ);
	ev_io_init(&c->tx, chardev_tx_cb, -1, EV_WRITE);
	ev_timer_init(&c->look, chardev_look_cb, 0., CHARDEV_PTY_S);
	ev_async_init(&c->kick, chardev_kick_cb);
	ev_async_start(loop, &c->kick);
	/* Somebody may be there at once. */
	*out = c;
	ret = chardev_open(c);
	if (ret && opt->optional) {
		log_warn_errno(-ret, "%s '%s'", label, opt->path);
		ret = 0;
	}
	if (ret) {
		*out = NULL;
		log_err_errno(-ret, "%s '%s'", label, opt->path);
		fd_close(&c->pty_fd);
		ev_async_stop(loop, &c->kick);
		free(c);
		return ret;
	}
	return 0;
}

void chardev_take_terminal(struct chardev *c)
{
	struct termios t;

	if (c->opt->kind != CHARDEV_STDIO || c->raw || !isatty(STDIN_FILENO) ||
	    tcgetattr(STDIN_FILENO, &c->saved))
		return;
	t = c->saved;
	t.c_iflag &= (tcflag_t)~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR |
				 ICRNL | IXON);
	t.c_lflag &= (tcflag_t)~(ECHO | ECHONL | ICANON | IEXTEN);
	if (c->opt->escape)
		t.c_lflag &= (tcflag_t)~ISIG;
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	c->raw = !tcsetattr(STDIN_FILENO, TCSANOW, &t);
}

const char *chardev_filename(const struct chardev *c, char buf[static CHARDEV_FILENAME])
{
	const char *gone = c->rx_fd < 0 ? "disconnected:" : "";

	if (c->opt->kind == CHARDEV_UNIX)
		snprintf(buf, CHARDEV_FILENAME, "%sunix:%s,server=on", gone, c->opt->path);
	else if (c->opt->kind == CHARDEV_PTY)
		snprintf(buf, CHARDEV_FILENAME, "pty:%s", c->pty);
	else
		snprintf(buf, CHARDEV_FILENAME, "%s", c->opt->kind == CHARDEV_FILE ? "file" :
			 c->opt->kind == CHARDEV_STDIO ? "stdio" : "null");
	return buf;
}

void chardev_drain(struct chardev *c)
{
	struct pollfd p = { .fd = c->tx_fd, .events = POLLOUT };
	int patience = 10;

	while (c->tx_fd >= 0 && c->count && patience) {
		if (fd_poll(&p, 1, 100) != 1 || chardev_write_some(c))
			patience--;
	}
}

void chardev_destroy(struct chardev *c)
{
	if (!c)
		return;
	chardev_drain(c);
	ev_io_stop(c->loop, &c->rx);
	ev_io_stop(c->loop, &c->tx);
	ev_timer_stop(c->loop, &c->look);
	ev_async_stop(c->loop, &c->kick);
	if (c->raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &c->saved);
	if (c->opt->kind == CHARDEV_UNIX) {
		fd_close(&c->rx_fd);
		/* What we could not have is somebody else's. */
		if (c->listener.loop)
			opener_remove(c->opt->path);
		listener_stop(&c->listener);
	} else if (c->opt->kind == CHARDEV_FILE) {
		fd_close(&c->tx_fd);
	}
	fd_close(&c->pty_fd);
	fd_close(&c->tty_fd);
	free(c);
}
