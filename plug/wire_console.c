/* SPDX-License-Identifier: BSD-2-Clause */
/* wire_console.c - Who sits at a wire's console: connections, lines, replies */
#include "config.h"

#include "plug/wire_console.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/listener.h"
#include "lib/log.h"
#include "plug/wire_cmds.h"

struct wire_console {
	struct ev_loop *loop;
	struct wire_cable *cable;
	const struct wire_console_config *cfg;
	struct listener listener;
	bool listening;
	struct console_conn *conns;
	unsigned int count;
};

/**
 * struct console_conn - Somebody at the console
 * @rx:		Watches for lines
 * @tx:		Watches for room while a reply waits
 * @idle:	Runs while a line is not complete
 * @closing:	Close when the reply is out
 * @overlong:	The line being read is too long; skip to its end
 * @may_load:	May have files read
 * @debug:	Wants to know of the Markov chain's steps, if not 0
 * @out:	What waits to be sent, from @out_done to @out_size
 */
struct console_conn {
	ev_io rx, tx;
	ev_timer idle;
	struct wire_console *con;
	struct console_conn *next;
	bool closing;
	bool overlong;
	bool may_load;
	unsigned int debug;
	char *out;
	size_t out_size, out_done;
	size_t line_size;
	char line[WIRE_CONSOLE_LINE_MAX];
};

static bool conn_is_stdin(const struct console_conn *conn)
{
	return conn->rx.fd == STDIN_FILENO;
}

static void conn_close(struct console_conn *conn)
{
	struct wire_console *con = conn->con;
	struct console_conn **p = &con->conns;
	int fd = conn->rx.fd;

	while (*p != conn)
		p = &(*p)->next;
	*p = conn->next;
	ev_io_stop(con->loop, &conn->rx);
	ev_io_stop(con->loop, &conn->tx);
	ev_timer_stop(con->loop, &conn->idle);
	if (!conn_is_stdin(conn)) {
		close(fd);
		if (con->count-- == WIRE_CONSOLE_CONN_MAX)
			listener_resume(&con->listener);
	}
	free(conn->out);
	free(conn);
}

/* Sending. */

static bool conn_waits(const struct console_conn *conn)
{
	return conn->out_done < conn->out_size;
}

/* Send what fits. Return: false if nobody is there any more. */
static bool conn_flush(struct console_conn *conn)
{
	while (conn_waits(conn)) {
		const char *p = conn->out + conn->out_done;
		size_t size = conn->out_size - conn->out_done;
		struct pollfd room = { .fd = conn->tx.fd, .events = POLLOUT };
		ssize_t n;

		/* Standard output may block, others share it: never more at a time
		 * than a pipe with room is sure to take. */
		if (!conn_is_stdin(conn))
			n = send(conn->tx.fd, p, size, MSG_NOSIGNAL | MSG_DONTWAIT);
		else if (poll(&room, 1, 0) == 1)
			n = write(conn->tx.fd, p, MIN(size, (size_t)PIPE_BUF));
		else
			return true;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		conn->out_done += (size_t)n;
	}
	return !conn->closing;
}

/* Append to what waits; without memory, it is lost. */
static void conn_queue(struct console_conn *conn, const char *text, size_t size)
{
	size_t waiting = conn->out_size - conn->out_done;
	char *more = malloc(waiting + size);

	if (!more)
		return;
	if (waiting)
		memcpy(more, conn->out + conn->out_done, waiting);
	memcpy(more + waiting, text, size);
	free(conn->out);
	conn->out = more;
	conn->out_size = waiting + size;
	conn->out_done = 0;
}

/* Lines. */

/* Run a command, and say so to who waits for times. */
static void conn_run(struct console_conn *conn, const char *line, FILE *out)
{
	struct wire_console *con = conn->con;
	struct wire_call call = {
		.cable = con->cable,
		.out = out,
		.blink = con->cfg->blink,
		.blink_id = con->cfg->blink_id,
		.debug = &conn->debug,
		.may_load = conn->may_load,
	};

	wire_exec(&call, line);
	con->cfg->changed(con->cfg->ctx);
	if (call.end == WIRE_STAY)
		return;
	fputs(WIRE_GOODBYE, out);
	conn->closing = true;
	if (call.end == WIRE_SHUTDOWN || conn_is_stdin(conn))
		ev_break(con->loop, EVBREAK_ALL);
}

/* Handle one line (NULL: one that was too long), and queue the reply. */
static void conn_line(struct console_conn *conn, char *line)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	if (line) {
		size_t len = strlen(line);

		while (len && strchr("\r \t", line[len - 1]))
			line[--len] = 0;
		conn_run(conn, line, out);
	} else {
		fprintf(out, "1%03d %s\n", E2BIG, strerror(E2BIG));
	}
	if (!conn->closing)
		fputs(WIRE_PROMPT, out);
	if (!fclose(out))
		conn_queue(conn, text, size);
	free(text);
}

/* Handle complete lines as long as no reply waits. Return: false to close. */
static bool conn_lines(struct console_conn *conn)
{
	while (!conn_waits(conn)) {
		char *nl = memchr(conn->line, '\n', conn->line_size);
		size_t used;

		if (!nl) {
			if (conn->line_size < sizeof(conn->line))
				return true;
			conn->overlong = true;
			conn->line_size = 0;
			return true;
		}
		used = (size_t)(nl - conn->line) + 1;
		*nl = 0;
		conn_line(conn, conn->overlong ? NULL : conn->line);
		conn->overlong = false;
		conn->line_size -= used;
		memmove(conn->line, conn->line + used, conn->line_size);
		if (!conn_flush(conn))
			return false;
	}
	return true;
}

/* Wait for what can happen next. */
static void conn_wait(struct console_conn *conn)
{
	struct ev_loop *loop = conn->con->loop;

	ev_timer_stop(loop, &conn->idle);
	if (conn_waits(conn)) {
		ev_io_stop(loop, &conn->rx);
		ev_io_start(loop, &conn->tx);
		return;
	}
	ev_io_stop(loop, &conn->tx);
	ev_io_start(loop, &conn->rx);
	if (conn->line_size)
		ev_timer_again(loop, &conn->idle);
}

/* Send, handle lines, wait; or close. */
static void conn_go_on(struct console_conn *conn)
{
	if (!conn_flush(conn) || !conn_lines(conn))
		conn_close(conn);
	else
		conn_wait(conn);
}

/* Nothing comes any more. A last line without its end counts. */
static void conn_ended(struct console_conn *conn)
{
	if (conn->line_size) {
		conn->line[conn->line_size++] = '\n';
		conn_lines(conn);
	}
	if (conn_is_stdin(conn)) {
		log_info("EOF on stdin, cleaning up and exiting");
		ev_break(conn->con->loop, EVBREAK_ALL);
	}
	conn_close(conn);
}

static void conn_rx_cb(struct ev_loop *loop UNUSED, ev_io *w, int revents UNUSED)
{
	struct console_conn *conn = container_of(w, struct console_conn, rx);
	ssize_t n = read(w->fd, conn->line + conn->line_size,
			 sizeof(conn->line) - conn->line_size);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		conn_ended(conn);
		return;
	}
	conn->line_size += (size_t)n;
	conn_go_on(conn);
}

static void conn_tx_cb(struct ev_loop *loop UNUSED, ev_io *w, int revents UNUSED)
{
	conn_go_on(container_of(w, struct console_conn, tx));
}

/* There is room for the end of the line: conn_lines() leaves a full buffer to nobody. */
static void conn_idle_cb(struct ev_loop *loop UNUSED, ev_timer *w, int revents UNUSED)
{
	struct console_conn *conn = container_of(w, struct console_conn, idle);

	conn->line[conn->line_size++] = '\n';
	conn_go_on(conn);
}

/* The Markov chain has moved: tell who wants to know. Sent from the loop, so nobody is
 * closed within. */
static void console_moved(void *ctx, unsigned int from, unsigned int to)
{
	const struct wire_console *con = ctx;
	const struct markov *m = &con->cable->markov;

	for (struct console_conn *conn = con->conns; conn; conn = conn->next) {
		char text[2 * MARKOV_NAME_MAX + 64];
		int n;

		if (!conn->debug || conn->closing ||
		    conn->out_size - conn->out_done > WIRE_CONSOLE_TRACE_MAX)
			continue;
		n = snprintf(text, sizeof(text), "%04u Node %u \"%s\" -> %u \"%s\"\n",
			     3800 + to, from, m->name[from], to, m->name[to]);
		conn_queue(conn, text, (size_t)n);
		ev_io_start(con->loop, &conn->tx);
	}
}

/* Connections. */

/* Return: the connection, or NULL, with nothing closed. */
static struct console_conn *console_add(struct wire_console *con, int in, int out)
{
	struct console_conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	conn->con = con;
	conn->next = con->conns;
	con->conns = conn;
	ev_io_init(&conn->rx, conn_rx_cb, in, EV_READ);
	ev_io_init(&conn->tx, conn_tx_cb, out, EV_WRITE);
	ev_timer_init(&conn->idle, conn_idle_cb, 0., WIRE_CONSOLE_IDLE_S);
	ev_io_start(con->loop, &conn->rx);
	return conn;
}

static void console_accepted(void *ctx, int fd)
{
	struct wire_console *con = ctx;
	struct console_conn *conn = console_add(con, fd, fd);
	struct ucred cred = { .uid = (uid_t)-1 };
	socklen_t size = sizeof(cred);

	if (!conn) {
		close(fd);
		return;
	}
	if (++con->count == WIRE_CONSOLE_CONN_MAX)
		listener_pause(&con->listener);
	if (!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size))
		conn->may_load = !cred.uid || cred.uid == geteuid();
	conn_queue(conn, WIRE_BANNER, strlen(WIRE_BANNER));
	conn_queue(conn, WIRE_PROMPT, strlen(WIRE_PROMPT));
	conn_go_on(conn);
}

int wire_console_create(struct wire_console **out, struct ev_loop *loop,
			struct wire_cable *cable, const struct wire_console_config *cfg)
{
	struct wire_console *con = calloc(1, sizeof(*con));
	struct console_conn *conn;
	int fd;

	if (!con)
		return -ENOMEM;
	con->loop = loop;
	con->cable = cable;
	con->cfg = cfg;
	if (cfg->mgmt) {
		fd = fd_listen_unix(cfg->mgmt, cfg->mode, cfg->gid);
		if (fd < 0) {
			log_err_errno(-fd, "console '%s'", cfg->mgmt);
			free(con);
			return fd;
		}
		listener_start(&con->listener, loop, fd, console_accepted, con);
		con->listening = true;
	}
	if (cfg->on_stdin) {
		conn = console_add(con, STDIN_FILENO, STDOUT_FILENO);
		if (!conn) {
			wire_console_destroy(con);
			return -ENOMEM;
		}
		conn->may_load = true;
	}
	cable->moved = console_moved;
	cable->ctx = con;
	*out = con;
	return 0;
}

void wire_console_destroy(struct wire_console *con)
{
	if (!con)
		return;
	con->cable->moved = NULL;
	while (con->conns) {
		conn_flush(con->conns);
		conn_close(con->conns);
	}
	if (con->listening) {
		listener_stop(&con->listener);
		unlink(con->cfg->mgmt);
	}
	free(con);
}
