/* SPDX-License-Identifier: BSD-2-Clause */
/* console_cmds.c - The console's commands: finding and running them
 *
 * The texts and number formats, here and in the files of the menus, are those that
 * scripts in the wild parse.
 */
#include "config.h"

#include "switchd/console_cmds.h"

#include <errno.h>
#include <string.h>

#include "lib/parse.h"
#include "switchd/vsw.h"

/* Arguments. */

bool cmd_word(const char **arg, char *word, size_t size)
{
	size_t len = strcspn(*arg, " \t");

	if (!len || len >= size)
		return false;
	memcpy(word, *arg, len);
	word[len] = 0;
	*arg += len + strspn(*arg + len, " \t");
	return true;
}

bool cmd_number(const char **arg, unsigned int max, unsigned int *n)
{
	char word[16];

	return cmd_word(arg, word, sizeof(word)) && parse_uint(word, 0, max, n);
}

bool cmd_only_number(const char *arg, unsigned int max, unsigned int *n)
{
	return cmd_number(&arg, max, n) && !*arg;
}

bool cmd_two_numbers(const char *arg, unsigned int max_a, unsigned int *a,
		     unsigned int max_b, unsigned int *b)
{
	return cmd_number(&arg, max_a, a) && cmd_only_number(arg, max_b, b);
}

/* The tables, in the order of help. */

static const struct console_cmd *const menus[] = {
	cmd_ds, cmd_general, cmd_debug, cmd_plugin, cmd_hash, cmd_fstp, cmd_port, cmd_policy,
	cmd_vlan, cmd_tap, cmd_mcast, cmd_guard, cmd_mirror, cmd_lldp,
};

const struct console_cmd *console_next(const struct vsw *vsw, const struct console_cmd *c,
				       size_t *menu)
{
	if (!c)
		*menu = 0;
	else if ((++c)->path)
		return c;
	else
		++*menu;
	if (*menu < ARRAY_SIZE(menus))
		return menus[*menu];
	if (*menu - ARRAY_SIZE(menus) < vsw->plugins.count)
		return vsw->plugins.loaded[*menu - ARRAY_SIZE(menus)].plugin->cmds;
	return NULL;
}

const struct console_cmd *console_find(const struct vsw *vsw, const char *line,
				       const char **arg)
{
	size_t menu;

	for (const struct console_cmd *c = console_next(vsw, NULL, &menu); c;
	     c = console_next(vsw, c, &menu)) {
		size_t len = strlen(c->path);

		if (c->syntax[0] == '=' || strncmp(line, c->path, len))
			continue;
		*arg = line + len + strspn(line + len, " \t");
		return c;
	}
	return NULL;
}

void console_status(FILE *out, int err)
{
	fprintf(out, "1%03d %s\n", err, err ? strerror(err) : "Success");
}

int console_exec(const struct console_call *call, const char *line)
{
	const struct console_cmd *cmd;
	const char *arg;
	int err;

	cmd = console_find(call->vsw, line, &arg);
	if (!cmd) {
		err = ENOSYS;
	} else {
		if (cmd->data)
			fputs("0000 DATA END WITH '.'\n", call->out);
		err = cmd->run(call, arg);
		if (cmd->data)
			fputs(".\n", call->out);
	}
	console_status(call->out, err);
	return err;
}
