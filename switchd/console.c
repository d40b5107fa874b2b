/* SPDX-License-Identifier: BSD-2-Clause */
/* console.c - VDE's management console: connections, lines, replies
 *
 * What the commands do is in console_cmds.c; the essay is in console.h.
 */
#include "config.h"

#include "switchd/console.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/activation.h"
#include "lib/fd.h"
#include "lib/listener.h"
#include "lib/log.h"
#include "switchd/console_cmds.h"
#include "switchd/vsw.h"

#define PROMPT "\nvde$ "

struct console {
	struct vsw *vsw;
	struct listener listener;
	struct console_conn *conns;
	unsigned int count;
};

/**
 * struct console_conn - Somebody at the console
 * @io:		Watches @in, or @out while a reply waits
 * @con:	The console
 * @in:		Descriptor lines come from
 * @out:	Descriptor replies go to; the same for a socket
 * @prompt:	Descriptor prompts go to: as in VDE, the one lines come from, so
 *		that a script's output has none in it
 * @closing:	Close when the reply is out
 * @overlong:	The line being read is too long; skip to its end
 * @idle:	Runs while a line is not complete
 * @events:	What happens in the switch, as far as it wants to know
 * @uid:	Who it is, and his group
 * @tx:		Reply, or NULL
 */
struct console_conn {
	ev_io io;
	struct console *con;
	struct console_conn *next;
	int in, out;
	bool closing;
	bool overlong;
	ev_timer idle;
	struct event_listener events;
	uid_t uid;
	gid_t gid;
	char *tx;
	size_t tx_size, tx_done;
	size_t rx_size;
	char rx[CONSOLE_LINE_MAX];
};

static bool console_is_stdin(const struct console_conn *conn)
{
	return conn->in == STDIN_FILENO;
}

static void console_close(struct console_conn *conn)
{
	struct console *con = conn->con;
	struct console_conn **p = &con->conns;

	while (*p != conn)
		p = &(*p)->next;
	*p = conn->next;
	events_unlisten(con->vsw, &conn->events);
	ev_io_stop(con->vsw->loop, &conn->io);
	ev_timer_stop(con->vsw->loop, &conn->idle);
	if (!console_is_stdin(conn)) {
		fd_close(&conn->in);
		if (con->count-- == CONSOLE_CONN_MAX)
			listener_resume(&con->listener);
	}
	free(conn->tx);
	free(conn);
}

static bool console_has_room(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, 0) == 1;
}

/* The prompt of a console on standard input goes where the lines come from, if
 * somebody sits there: a terminal or a socket. */
static void console_prompt_stdin(void)
{
	struct stat st;

	if (!isatty(STDIN_FILENO) &&
	    (fstat(STDIN_FILENO, &st) || !S_ISSOCK(st.st_mode)))
		return;
	if (console_has_room(STDIN_FILENO) &&
	    write(STDIN_FILENO, PROMPT, strlen(PROMPT)) < 0)
		return;
}

/* Send what is left of the reply. Return: false if nobody is there any more. */
static bool console_flush(struct console_conn *conn)
{
	while (conn->tx) {
		ssize_t n;

		/* Standard output may block, others share it: never more at a time
		 * than a pipe with room is sure to take. */
		if (console_is_stdin(conn) && !console_has_room(conn->out))
			return true;
		if (console_is_stdin(conn))
			n = write(conn->out, conn->tx + conn->tx_done,
				  MIN(conn->tx_size - conn->tx_done, (size_t)PIPE_BUF));
		else
			n = send(conn->out, conn->tx + conn->tx_done,
				 conn->tx_size - conn->tx_done, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		conn->tx_done += (size_t)n;
		if (conn->tx_done == conn->tx_size) {
			free(conn->tx);
			conn->tx = NULL;
			if (console_is_stdin(conn) && !conn->closing)
				console_prompt_stdin();
		}
	}
	return !conn->closing;
}

/* Run a command and write the reply to @out. */
static void console_run(struct console_conn *conn, const char *line, FILE *out)
{
	const struct console_call call = {
		.vsw = conn->con->vsw,
		.out = out,
		.conn = conn,
		.uid = conn->uid,
		.gid = conn->gid,
	};
	const char *arg;
	const struct console_cmd *cmd = console_find(call.vsw, line, &arg);

	/* These two are answered by the end of the session alone. */
	if (cmd && (!strcmp(cmd->path, "logout") || !strcmp(cmd->path, "shutdown"))) {
		cmd->run(&call, arg);
		conn->closing |= cmd->path[0] == 's';
		if (conn->closing)
			fputs("9999 END OF SESSION", out);
		return;
	}
	console_exec(&call, line);
}

void console_end(struct console_conn *conn)
{
	if (!console_is_stdin(conn))
		conn->closing = true;
}

uint32_t console_events(const struct console_conn *conn)
{
	return conn->events.wanted;
}

void console_set_events(struct console_conn *conn, uint32_t kinds)
{
	events_want(conn->con->vsw, &conn->events, kinds);
}

/* Append to what is to be sent; takes @text over. Return: false if no memory. */
static bool console_queue(struct console_conn *conn, char *text, size_t size)
{
	size_t waiting = conn->tx_size - conn->tx_done;
	char *more;

	if (!conn->tx) {
		conn->tx = text;
		conn->tx_size = size;
		conn->tx_done = 0;
		return true;
	}
	more = malloc(waiting + size);
	if (more) {
		memcpy(more, conn->tx + conn->tx_done, waiting);
		memcpy(more + waiting, text, size);
		free(conn->tx);
		conn->tx = more;
		conn->tx_size = waiting + size;
		conn->tx_done = 0;
	}
	free(text);
	return more;
}

/* Handle one line (NULL: one that was too long), and queue the reply. */
static void console_line(struct console_conn *conn, const char *line)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	if (!line) {
		console_status(out, E2BIG);
	} else {
		line += strspn(line, " \t");
		if (*line && *line != '#')
			console_run(conn, line, out);
	}
	if (!conn->closing && !console_is_stdin(conn))
		fputs(PROMPT, out);
	if (fclose(out) || !size) {
		free(text);
		if (console_is_stdin(conn))
			console_prompt_stdin();
		return;
	}
	console_queue(conn, text, size);
}

/* Handle complete lines as long as no reply waits. Return: false to close. */
static bool console_lines(struct console_conn *conn)
{
	while (!conn->tx) {
		char *nl = memchr(conn->rx, '\n', conn->rx_size);
		size_t used;

		if (!nl) {
			if (conn->rx_size < sizeof(conn->rx))
				return true;
			conn->overlong = true;
			conn->rx_size = 0;
			return true;
		}
		used = (size_t)(nl - conn->rx) + 1;
		*nl = 0;
		if (nl > conn->rx && nl[-1] == '\r')
			nl[-1] = 0;
		console_line(conn, conn->overlong ? NULL : conn->rx);
		conn->overlong = false;
		conn->rx_size -= used;
		memmove(conn->rx, conn->rx + used, conn->rx_size);
		if (!console_flush(conn))
			return false;
	}
	return true;
}

static void console_wait(struct console_conn *conn)
{
	struct ev_loop *loop = conn->con->vsw->loop;

	ev_timer_stop(loop, &conn->idle);
	if (conn->rx_size && !conn->tx)
		ev_timer_again(loop, &conn->idle);
	ev_io_stop(loop, &conn->io);
	ev_io_set(&conn->io, conn->tx ? conn->out : conn->in,
		  conn->tx ? EV_WRITE : EV_READ);
	ev_io_start(loop, &conn->io);
}

static void console_eof(struct console_conn *conn)
{
	if (console_is_stdin(conn)) {
		log_info("EOF on stdin, cleaning up and exiting");
		ev_break(conn->con->vsw->loop, EVBREAK_ALL);
	}
	console_close(conn);
}

static void console_io_cb(struct ev_loop *loop UNUSED, ev_io *w, int revents)
{
	struct console_conn *conn = container_of(w, struct console_conn, io);

	if (revents & EV_READ) {
		ssize_t n = read(conn->in, conn->rx + conn->rx_size,
				 sizeof(conn->rx) - conn->rx_size);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			/* A last line without its end counts, as with vde_switch. */
			if (!n && conn->rx_size) {
				conn->rx[conn->rx_size++] = '\n';
				console_lines(conn);
			}
			console_eof(conn);
			return;
		}
		conn->rx_size += (size_t)n;
	}
	if (!console_flush(conn) || !console_lines(conn))
		console_close(conn);
	else
		console_wait(conn);
}

/* vdeterm sends lines without their ends: one that has stood for a while is
 * complete. */
static void console_idle_cb(struct ev_loop *loop UNUSED, ev_timer *w,
			    int revents UNUSED)
{
	struct console_conn *conn = container_of(w, struct console_conn, idle);

	/* There is room: console_lines() leaves a full buffer to nobody. */
	conn->rx[conn->rx_size++] = '\n';
	if (!console_lines(conn))
		console_close(conn);
	else
		console_wait(conn);
}

/* What an event says, after its path. */
static void console_event_text(FILE *out, const struct event *e)
{
	char mac[ETH_ADDR_STR];

	switch (e->kind) {
	case EVENT_FDB_ADDED:
	case EVENT_FDB_REMOVED:
	case EVENT_FDB_MOVED:
		fprintf(out, "%s VLAN %02x:%02x Port %u", eth_addr_format(e->addr, mac),
			e->vid >> 8, e->vid & 0xff, e->port);
		break;
	case EVENT_PORT_ADDED:
	case EVENT_PORT_REMOVED:
		fprintf(out, "%02u", e->port);
		break;
	case EVENT_ENDPOINT_ADDED:
	case EVENT_ENDPOINT_REMOVED:
		fprintf(out, "Port %02u FD %2d", e->port, e->endpoint);
		break;
	case EVENT_PORT_DESCR:
		fprintf(out, "Port %02u FD %2d -> \"%s\"", e->port, e->endpoint, e->text);
		break;
	case EVENT_STP_STATE:
		fprintf(out, "Port %04u VLAN %02x:%02x %s", e->port, e->vid >> 8,
			e->vid & 0xff, e->text);
		break;
	case EVENT_STP_ROOT:
		fprintf(out, "Port %04u VLAN %02x:%02x -> %s", e->port, e->vid >> 8,
			e->vid & 0xff, e->text);
		break;
	case EVENT_STP_PORT_UP:
	case EVENT_STP_PORT_DOWN:
		fprintf(out, "Port %04u VLAN %02x:%02x", e->port, e->vid >> 8, e->vid & 0xff);
		break;
	case EVENT_PORT_SHUT:
		fprintf(out, "Port %04u %s", e->port, e->text);
		break;
	case EVENT_PACKET_IN:
	case EVENT_PACKET_OUT:
		fprintf(out, "Pkt: Port %04u len=%04zu ", e->port, e->length);
		for (size_t i = 0; i < e->size; i++)
			fprintf(out, "%02x ", e->bytes[i]);
		break;
	case EVENT_HANGUP:
	case EVENT_NEW_IP:
	case EVENT_KIND_COUNT:
		fputs(e->text ? e->text : "", out);
		break;
	}
}

static void console_event(struct event_listener *listener, const struct event *e)
{
	struct console_conn *conn = container_of(listener, struct console_conn, events);
	char *text = NULL;
	size_t size = 0;
	FILE *out;

	if (conn->closing || conn->tx_size - conn->tx_done > CONSOLE_EVENTS_MAX)
		return;
	out = open_memstream(&text, &size);
	if (!out)
		return;
	fprintf(out, "3%s %s ", event_tag(e->kind), event_path(e->kind));
	console_event_text(out, e);
	fputc('\n', out);
	if (fclose(out) || !console_queue(conn, text, size))
		return;
	/* Sent from the loop: nobody is closed while an event is told. */
	if (!ev_is_active(&conn->idle) || conn->tx)
		console_wait(conn);
}

static struct console_conn *console_add(struct console *con, int in, int out)
{
	struct console_conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	conn->con = con;
	conn->in = in;
	conn->out = out;
	conn->next = con->conns;
	con->conns = conn;
	conn->uid = geteuid();
	conn->gid = getegid();
	conn->events.tell = console_event;
	events_listen(con->vsw, &conn->events);
	ev_io_init(&conn->io, console_io_cb, in, EV_READ);
	ev_timer_init(&conn->idle, console_idle_cb, 0., CONSOLE_IDLE_S);
	ev_io_start(con->vsw->loop, &conn->io);
	return conn;
}

static void console_accepted(void *ctx, int fd)
{
	static const char hello[] = CONSOLE_BANNER;
	struct console *con = ctx;
	struct console_conn *conn = console_add(con, fd, fd);
	socklen_t len = sizeof(struct ucred);
	struct ucred peer;

	if (!conn) {
		close(fd);
		return;
	}
	if (!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len)) {
		conn->uid = peer.uid;
		conn->gid = peer.gid;
	}
	if (++con->count == CONSOLE_CONN_MAX)
		listener_pause(&con->listener);
	/* Two writes, as in VDE: a client may take the first read for the banner. */
	if (send(fd, hello, strlen(hello), MSG_NOSIGNAL) < 0 ||
	    send(fd, PROMPT, strlen(PROMPT), MSG_NOSIGNAL) < 0)
		console_close(conn);
}

int console_create(struct vsw *vsw, struct console **out)
{
	const struct vsw_config *cfg = vsw->cfg;
	struct console *con;
	int fd;

	if (!cfg->mgmt[0] && !cfg->stdin_console)
		return 0;
	con = calloc(1, sizeof(*con));
	if (!con)
		return -ENOMEM;
	con->vsw = vsw;
	if (cfg->mgmt[0]) {
		fd = activation_listen(cfg->mgmt, cfg->mgmtmode, cfg->mgmtgid);
		if (fd < 0) {
			free(con);
			return fd;
		}
		listener_start(&con->listener, vsw->loop, fd, console_accepted, con);
	}
	if (cfg->stdin_console) {
		console_add(con, STDIN_FILENO, STDOUT_FILENO);
		console_prompt_stdin();
	}
	*out = con;
	return 0;
}

void console_destroy(struct console *con)
{
	if (!con)
		return;
	while (con->conns) {
		console_flush(con->conns);
		console_close(con->conns);
	}
	if (con->vsw->cfg->mgmt[0]) {
		listener_stop(&con->listener);
		activation_unlink(con->vsw->cfg->mgmt);
	}
	free(con);
}
