/* SPDX-License-Identifier: BSD-2-Clause */
/* wire_cmds.c - The commands of a wire's console, in the words of wirefilter's
 *
 * The texts are those that scripts in the wild parse, its spelling mistakes included.
 */
#include "config.h"

#include "plug/wire_cmds.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/log.h"
#include "lib/parse.h"

enum {
	WIRE_LOAD_DEPTH = 8,
	WIRE_LOAD_MAX = 1 << 20,	/* bytes of a file */
};

static const char *const dir_names[WIRE_DIRS] = { "L->R", "R->L" };

static unsigned int dirs(const struct wire_cable *c)
{
	return c->both ? WIRE_DIRS : 1;
}

/* The number of a node, or the current one if there is no argument. */
static bool cmd_node(const struct wire_call *call, const char *arg, unsigned int *node)
{
	const struct markov *m = &call->cable->markov;

	*node = m->current;
	return !*arg || parse_uint(arg, 0, m->nodes - 1, node);
}

/* What there is. */

static int cmd_help(struct wire_call *call, const struct wire_cmd *cmd UNUSED,
		    const char *arg UNUSED)
{
	fprintf(call->out, "%-12s %s\n%-12s %s\n", "COMMAND", "HELP", "------------",
		"------------");
	for (const struct wire_cmd *c = wire_cmds; c->name; c++) {
		char left[64];

		if (!c->help)
			continue;
		snprintf(left, sizeof(left), "%s%s%s", c->name, c->syntax ? " " : "",
			 c->syntax ? c->syntax : "");
		fprintf(call->out, "%-*s %s\n", c->syntax ? 18 : 12, left, c->help);
	}
	return 0;
}

/* Showing. */

static void show_value(const struct wire_call *call, unsigned int node,
		       enum wire_param param, const char *label)
{
	const struct wire_params *p = call->cable->params[node];
	char lr[WIRE_VALUE_STR], rl[WIRE_VALUE_STR];

	wire_value_format(&p[0].v[param], lr);
	wire_value_format(&p[1].v[param], rl);
	if (call->cable->both)
		fprintf(call->out, "%-6s L->R %s   R->L %s\n", label, lr, rl);
	else
		fprintf(call->out, "%-6s %s\n", label, lr);
}

static void show_mtu(const struct wire_call *call, unsigned int node)
{
	const struct wire_params *p = call->cable->params[node];

	if (call->cable->both)
		fprintf(call->out, "MTU    L->R %g     R->L %g   \n", p[0].v[WIRE_MTU].base,
			p[1].v[WIRE_MTU].base);
	else
		fprintf(call->out, "MTU    %g\n", p[0].v[WIRE_MTU].base);
}

static uint64_t dropped(const struct wire *w)
{
	uint64_t sum = 0;

	for (int i = 0; i < WIRE_DROP_COUNT; i++)
		sum += w->stats.drop[i];
	return sum;
}

/* What waits, and what the bounds are. */
static void show_queues(const struct wire_call *call)
{
	const struct wire *w = call->cable->wire;
	bool both = call->cable->both;
	FILE *out = call->out;

	fprintf(out, both ? "Current Delay Queue size:   L->R %zu      R->L %zu   \n" :
		"Current Delay Queue size:   %zu\n", w[0].bytes, w[1].bytes);
	fprintf(out, "Fifoness %s\n", w[0].fifo ? "TRUE" : "FALSE");
	fprintf(out, "Waiting packets in delay queues %u\n", w[0].count + w[1].count);
	if (call->blink)
		fprintf(out, "Blink socket: %s\nBlink id:     %s\n", call->blink,
			call->blink_id);
	fprintf(out, "Queue limit: %zu bytes, %d packets each way\n", w[0].queue_bytes,
		WIRE_QUEUE_FRAMES);
	fprintf(out, both ? "Dropped packets: L->R %" PRIu64 "   R->L %" PRIu64 "\n" :
		"Dropped packets: %" PRIu64 "\n", dropped(&w[0]), dropped(&w[1]));
}

static int cmd_showinfo(struct wire_call *call, const struct wire_cmd *cmd UNUSED,
			const char *arg)
{
	static const struct {
		enum wire_param param;
		const char *label;
	} rows[] = {
		{ WIRE_LOSS, "Loss" }, { WIRE_LOSTBURST, "Lburst" },
		{ WIRE_DELAY, "Delay" }, { WIRE_DUP, "Dup" }, { WIRE_BAND, "Bandw" },
		{ WIRE_SPEED, "Speed" }, { WIRE_NOISE, "Noise" },
	};
	const struct markov *m = &call->cable->markov;
	unsigned int node;

	if (!cmd_node(call, arg, &node))
		return EINVAL;
	fprintf(call->out, "WireFilter: %sdirectional\n", call->cable->both ? "bi" : "mono");
	if (m->nodes > 1)
		fprintf(call->out, "Node %u \"%s\" (0,..,%u) Markov-time %g\n", node,
			m->name[node], m->nodes - 1, call->cable->period_ms);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		show_value(call, node, rows[i].param, rows[i].label);
	show_mtu(call, node);
	show_value(call, node, WIRE_CHANBUFSIZE, "Cap.");
	show_queues(call);
	return 0;
}

static int cmd_counters(struct wire_call *call, const struct wire_cmd *cmd UNUSED,
			const char *arg UNUSED)
{
	for (unsigned int dir = 0; dir < dirs(call->cable); dir++) {
		const struct wire *w = &call->cable->wire[dir];
		const struct wire_stats *s = &w->stats;
		const char *name = dir_names[dir];

		fprintf(call->out,
			"%s IN:   pkts %10" PRIu64 "          bytes %20" PRIu64 "\n"
			"%s OUT:  pkts %10" PRIu64 "          bytes %20" PRIu64 "\n"
			"%s DUP:  pkts %10" PRIu64 "\n"
			"%s WAIT: pkts %10u          bytes %20zu\n"
			"%s BITS: flipped %" PRIu64 "\n",
			name, s->in, s->in_bytes, name, s->out, s->out_bytes, name, s->dup,
			name, w->count, w->bytes, name, s->bits);
		for (int i = 0; i < WIRE_DROP_COUNT; i++)
			fprintf(call->out, "%s DROP: pkts %10" PRIu64 "          %s\n", name,
				s->drop[i], wire_drop_text((enum wire_drop)i));
	}
	return 0;
}

static int cmd_showedges(struct wire_call *call, const struct wire_cmd *cmd UNUSED,
			 const char *arg)
{
	const struct markov *m = &call->cable->markov;
	unsigned int from;

	if (!cmd_node(call, arg, &from))
		return EINVAL;
	for (unsigned int to = 0; to < m->nodes; to++) {
		double weight = markov_weight(m, from, to);

		if (weight > 0.)
			fprintf(call->out, "Edge %-2u->%-2u \"%s\"->\"%s\" weigth %g\n", from,
				to, m->name[from], m->name[to], weight);
	}
	return 0;
}

static int cmd_showcurrent(struct wire_call *call, const struct wire_cmd *cmd UNUSED,
			   const char *arg UNUSED)
{
	const struct markov *m = &call->cable->markov;

	fprintf(call->out, "Current Markov Node %u \"%s\" (0,..,%u)\n", m->current,
		m->name[m->current], m->nodes - 1);
	return 0;
}

/* Setting. */

static int cmd_param(struct wire_call *call, const struct wire_cmd *cmd, const char *arg)
{
	return -wire_cable_set(call->cable, cmd->param, arg);
}

static int cmd_fifo(struct wire_call *call, const struct wire_cmd *cmd UNUSED,
		    const char *arg)
{
	unsigned int on;

	if (!parse_uint(arg, 0, 1, &on))
		return EINVAL;
	wire_cable_set_fifo(call->cable, on);
	return 0;
}

static int cmd_queue(struct wire_call *call, const struct wire_cmd *cmd UNUSED,
		     const char *arg)
{
	uint64_t bytes;

	if (!parse_size(arg, 1, &bytes) || !bytes || bytes > SIZE_MAX / 2)
		return EINVAL;
	wire_cable_set_queue(call->cable, bytes);
	return 0;
}

static int cmd_numnodes(struct wire_call *call, const struct wire_cmd *cmd UNUSED,
			const char *arg)
{
	unsigned int n;

	if (!parse_uint(arg, 1, MARKOV_NODES_MAX, &n))
		return EINVAL;
	return -wire_cable_resize(call->cable, n);
}

static int cmd_setnode(struct wire_call *call, const struct wire_cmd *cmd UNUSED,
		       const char *arg)
{
	unsigned int node;

	if (!*arg || !cmd_node(call, arg, &node))
		return EINVAL;
	return -wire_cable_go(call->cable, node);
}

/* A number at *@s and the comma after it; *@s moves on behind it. */
static bool cmd_number_comma(const char **s, unsigned int *n)
{
	char digits[16];
	size_t len = strcspn(*s, ",");

	if (!(*s)[len] || len >= sizeof(digits))
		return false;
	memcpy(digits, *s, len);
	digits[len] = 0;
	if (!parse_uint(digits, 0, MARKOV_NODES_MAX - 1, n))
		return false;
	*s += len + 1;
	return true;
}

static bool cmd_double(const char *s, double *v)
{
	char *end;

	/* strtod() takes signs, and inf and nan, too. */
	if (!strchr("0123456789.", *s))
		return false;
	*v = strtod(s, &end);
	return end != s && !*end;
}

static int cmd_name(struct wire_call *call, const struct wire_cmd *cmd UNUSED,
		    const char *arg)
{
	unsigned int node;

	if (!cmd_number_comma(&arg, &node))
		return EINVAL;
	/* It will be shown to others. */
	for (const char *p = arg; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return EINVAL;
	return -markov_set_name(&call->cable->markov, node, arg);
}

static int cmd_time(struct wire_call *call, const struct wire_cmd *cmd UNUSED,
		    const char *arg)
{
	double ms;

	if (!cmd_double(arg, &ms))
		return EINVAL;
	return -wire_cable_set_period(call->cable, ms);
}

static int cmd_setedge(struct wire_call *call, const struct wire_cmd *cmd UNUSED,
		       const char *arg)
{
	unsigned int from, to;
	double weight;

	if (!cmd_number_comma(&arg, &from))
		return EINVAL;
	arg += strspn(arg, " \t");
	if (!cmd_number_comma(&arg, &to))
		return EINVAL;
	arg += strspn(arg, " \t");
	if (!cmd_double(arg, &weight))
		return EINVAL;
	return -markov_set_edge(&call->cable->markov, from, to, weight);
}

static int cmd_debug(struct wire_call *call, const struct wire_cmd *cmd UNUSED,
		     const char *arg)
{
	unsigned int level = 0;

	if (*arg && !parse_uint(arg, 0, UINT32_MAX, &level))
		return EINVAL;
	if (!call->debug)
		return EOPNOTSUPP;
	*call->debug = level;
	return 0;
}

/* Files of commands. */

static FILE *load_open(const char *path, int *err)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	FILE *f = NULL;

	if (fd < 0) {
		*err = errno;
		return NULL;
	}
	if (fstat(fd, &st))
		*err = errno;
	else if (!S_ISREG(st.st_mode))
		*err = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
	else if (st.st_size > WIRE_LOAD_MAX)
		*err = EFBIG;
	else
		f = fdopen(fd, "r");
	if (!f)
		fd_close(&fd);
	return f;
}

/* The next line, without its end; *@line is allocated. Return: false at the end. */
static bool load_line(FILE *f, char **line, size_t *room)
{
	ssize_t len = getline(line, room, f);

	if (len < 0)
		return false;
	while (len > 0 && strchr("\r\n \t", (*line)[len - 1]))
		(*line)[--len] = 0;
	return true;
}

static int cmd_load(struct wire_call *call, const struct wire_cmd *cmd UNUSED,
		    const char *arg)
{
	struct wire_call deeper = *call;
	char *line = NULL;
	size_t room = 0;
	int err = EIO;
	FILE *f;

	if (!call->may_load)
		return EACCES;
	if (++deeper.depth > WIRE_LOAD_DEPTH)
		return ELOOP;
	f = load_open(arg, &err);
	if (!f)
		return err;
	while (deeper.end == WIRE_STAY && load_line(f, &line, &room)) {
		fprintf(call->out, "%s (%s) %s\n", WIRE_PROMPT, arg, line);
		wire_exec(&deeper, line);
	}
	free(line);
	fclose(f);
	call->end = deeper.end;
	return 0;
}

int wire_run_file(struct wire_call *call, const char *path)
{
	unsigned int number = 0;
	char *line = NULL;
	size_t room = 0;
	FILE *f;

	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (load_line(f, &line, &room)) {
		int err = wire_exec(call, line);

		number++;
		if (err)
			log_err("%s:%u: '%s': %s", path, number, line, err == ENOSYS ?
				"there is no such command" : strerror(err));
	}
	free(line);
	fclose(f);
	return 0;
}

/* Ending. */

static int cmd_logout(struct wire_call *call, const struct wire_cmd *cmd UNUSED,
		      const char *arg UNUSED)
{
	call->end = WIRE_LOGOUT;
	return 0;
}

static int cmd_shutdown(struct wire_call *call, const struct wire_cmd *cmd UNUSED,
			const char *arg UNUSED)
{
	call->end = WIRE_SHUTDOWN;
	return 0;
}

/* In the order of wirefilter's help; ours come last. */
const struct wire_cmd wire_cmds[] = {
	{ "help", NULL, "print a summary of mgmt commands", true, cmd_help, 0 },
	{ "load", NULL, "load a configuration file", true, cmd_load, 0 },
	{ "showinfo", NULL, "show status and parameter values", true, cmd_showinfo, 0 },
	{ "loss", NULL, "set loss percentage", false, cmd_param, WIRE_LOSS },
	{ "lostburst", NULL, "mean length of lost packet bursts", false, cmd_param,
	  WIRE_LOSTBURST },
	{ "delay", NULL, "set delay ms", false, cmd_param, WIRE_DELAY },
	{ "dup", NULL, "set dup packet percentage", false, cmd_param, WIRE_DUP },
	{ "bandwidth", NULL, "set channel bandwidth bytes/sec", false, cmd_param, WIRE_BAND },
	{ "band", NULL, NULL, false, cmd_param, WIRE_BAND },
	{ "speed", NULL, "set interface speed bytes/sec", false, cmd_param, WIRE_SPEED },
	{ "noise", NULL, "set noise factor bits/Mbyte", false, cmd_param, WIRE_NOISE },
	{ "mtu", NULL, "set channel MTU (bytes)", false, cmd_param, WIRE_MTU },
	{ "chanbufsize", NULL, "set channel buffer size (bytes)", false, cmd_param,
	  WIRE_CHANBUFSIZE },
	{ "capacity", NULL, NULL, false, cmd_param, WIRE_CHANBUFSIZE },
	{ "fifo", NULL, "set channel fifoness", false, cmd_fifo, 0 },
	{ "shutdown", NULL, "shut the channel down", false, cmd_shutdown, 0 },
	{ "logout", NULL, "log out from this mgmt session", false, cmd_logout, 0 },
	{ "markov-numnodes", "n", "markov mode: set number of states", false, cmd_numnodes, 0 },
	{ "markov-setnode", "n", "markov mode: set current state", false, cmd_setnode, 0 },
	{ "markov-name", "n,name", "markov mode: set state's name", false, cmd_name, 0 },
	{ "markov-time", "ms", "markov mode: transition period", false, cmd_time, 0 },
	{ "setedge", "n1,n2,w", "markov mode: set edge weight", false, cmd_setedge, 0 },
	{ "showinfo", "n", "markov mode: show parameter values", true, cmd_showinfo, 0 },
	{ "showedges", "n", "markov mode: show edge weights", true, cmd_showedges, 0 },
	{ "showcurrent", "", "markov mode: show current state", true, cmd_showcurrent, 0 },
	{ "markov-debug", "n", "markov mode: set debug level", false, cmd_debug, 0 },
	{ "counters", NULL, "show what was passed and dropped", true, cmd_counters, 0 },
	{ "queue", NULL, "limit what waits in each direction (bytes)", false, cmd_queue, 0 },
	{ NULL, NULL, NULL, false, NULL, 0 },
};

/* What a command line means: the first entry whose name it begins with. */
static const struct wire_cmd *wire_find(const char *line, const char **arg)
{
	for (const struct wire_cmd *c = wire_cmds; c->name; c++) {
		size_t len = strlen(c->name);

		if (strncmp(line, c->name, len))
			continue;
		*arg = line + len + strspn(line + len, " \t");
		return c;
	}
	return NULL;
}

int wire_exec(struct wire_call *call, const char *line)
{
	const struct wire_cmd *cmd;
	const char *arg = "";
	int err = ENOSYS;

	line += strspn(line, " \t");
	if (!*line || *line == '#')
		return 0;
	cmd = wire_find(line, &arg);
	if (cmd && cmd->data)
		fputs("0000 DATA END WITH '.'\n", call->out);
	if (cmd)
		err = cmd->run(call, cmd, arg);
	if (cmd && cmd->data)
		fputs(".\n", call->out);
	/* These are answered by the end of the session. */
	if (call->end == WIRE_STAY)
		fprintf(call->out, "1%03d %s\n", err, err ? strerror(err) : "Success");
	return err;
}
