/* SPDX-License-Identifier: BSD-2-Clause */
/* switch_watch.c - Subcommands of lanbox switch that do more than ask and show:
 * counters and rates, console lines, events as they come
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/log.h"
#include "tools/qmp_client.h"
#include "tools/switch_cmds.h"
#include "tools/table.h"

/* Counters. */

static uint64_t stats_get(const json_t *port, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(port, key));
}

/* What was dropped at a port, of a reason, or for all (NULL). */
static uint64_t stats_drops(const json_t *port, const char *reason)
{
	json_t *drops = json_object_get(port, "drops"), *n;
	uint64_t sum = 0;
	const char *key;

	json_object_foreach(drops, key, n)
		if (!reason || !strcmp(key, reason))
			sum += (uint64_t)json_integer_value(n);
	return sum;
}

/* How much was added since @before, in each of @seconds (0: all of it). Counters
 * that were reset begin again. */
static uint64_t stats_rate(uint64_t now, uint64_t before, unsigned int seconds)
{
	return seconds ? (now >= before ? now - before : now) / seconds : now;
}

static void stats_row(struct table *t, const json_t *port, const json_t *before,
		      unsigned int seconds)
{
	static const char *const keys[] = { "rx-frames", "rx-bytes", "tx-frames", "tx-bytes" };
	char n[TABLE_NUMBER];

	table_add(t, "%" PRIu64, stats_get(port, "port"));
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		uint64_t v = stats_rate(stats_get(port, keys[i]), stats_get(before, keys[i]),
					seconds);

		table_add(t, "%s", i % 2 ? table_bytes(n, v) : table_count(n, v));
	}
	table_add(t, "%s", table_count(n, stats_rate(stats_drops(port, NULL),
						     stats_drops(before, NULL), seconds)));
}

static void stats_drop_rows(struct table *t, const json_t *port, const json_t *before,
			    unsigned int seconds)
{
	json_t *drops = json_object_get(port, "drops"), *v;
	char n[TABLE_NUMBER];
	const char *key;

	json_object_foreach(drops, key, v) {
		uint64_t lost = stats_rate((uint64_t)json_integer_value(v),
					   stats_drops(before, key), seconds);

		if (!lost)
			continue;
		table_add(t, "%" PRIu64, stats_get(port, "port"));
		table_add(t, "%s", key);
		table_add(t, "%s", table_count(n, lost));
	}
}

/* The entry for the same port in an older reply; both are in order, and *@i is the
 * caller's place. */
static const json_t *stats_before(const json_t *before, size_t *i, const json_t *port)
{
	const json_t *old;

	while ((old = json_array_get(before, *i)) &&
	       stats_get(old, "port") < stats_get(port, "port"))
		++*i;
	return old && stats_get(old, "port") == stats_get(port, "port") ? old : NULL;
}

static void stats_print(const json_t *now, const json_t *before, unsigned int seconds)
{
	static const struct table_column columns[] = {
		{ "PORT", true }, { "FRAMES IN", true }, { "BYTES IN", true },
		{ "FRAMES OUT", true }, { "BYTES OUT", true }, { "DROPPED", true },
	};
	static const struct table_column drop_columns[] = {
		{ "PORT", true }, { "DROPPED BECAUSE", false }, { "FRAMES", true },
	};
	struct table t, drops;
	const json_t *port;
	size_t i, old = 0;

	table_begin(&t, columns, ARRAY_SIZE(columns));
	table_begin(&drops, drop_columns, ARRAY_SIZE(drop_columns));
	json_array_foreach(now, i, port) {
		const json_t *was = stats_before(before, &old, port);

		stats_row(&t, port, was, seconds);
		stats_drop_rows(&drops, port, was, seconds);
	}
	if (seconds)
		puts("each second:");
	table_end(&t, stdout);
	if (drops.count) {
		putchar('\n');
		table_end(&drops, stdout);
	}
	if (seconds)
		putchar('\n');
	fflush(stdout);
}

int switch_stats(struct switch_call *call)
{
	json_t *before = NULL, *now;

	for (;;) {
		now = switch_ask(call, "query-ports", NULL);
		if (!now)
			break;
		if (call->json && (before || !call->interval_s))
			switch_print_json(now);
		else if (before || !call->interval_s)
			stats_print(now, before, call->interval_s);
		json_decref(before);
		before = now;
		if (!call->interval_s)
			break;
		nanosleep(&(struct timespec){ .tv_sec = call->interval_s }, NULL);
	}
	json_decref(before);
	return call->status;
}

/* The console. */

/* Print the data of a console's reply, without the lines around it. */
static void console_print(const char *text)
{
	static const char begin[] = "0000 DATA END WITH '.'\n";
	const char *end;

	if (strncmp(text, begin, strlen(begin)))
		return;
	text += strlen(begin);
	end = strstr(text, "\n.\n");
	if (*text == '.' || !end)
		return;
	for (; text <= end; text += strcspn(text, "\n") + 1) {
		char line[4096];

		snprintf(line, sizeof(line), "%.*s", (int)strcspn(text, "\n"), text);
		table_escape(stdout, line);
		putchar('\n');
	}
}

int switch_console(struct switch_call *call)
{
	char line[4096];
	size_t len = 0;
	json_t *ret;
	int status;

	for (int i = 0; i < call->count && len < sizeof(line); i++)
		len += (size_t)snprintf(line + len, sizeof(line) - len, "%s%s", i ? " " : "",
					call->words[i]);
	if (len >= sizeof(line)) {
		log_err("this line is too long");
		return SWITCH_USAGE;
	}
	ret = switch_ask(call, "console", json_pack("{s:s}", "line", line));
	if (!ret)
		return call->status;
	status = (int)json_integer_value(json_object_get(ret, "status"));
	if (call->json) {
		switch_print_json(ret);
	} else {
		const char *text = json_string_value(json_object_get(ret, "text"));

		console_print(text ? text : "");
		if (status)
			log_err("%s: %s", line, strerror(status));
	}
	json_decref(ret);
	return status ? SWITCH_REFUSED : SWITCH_DONE;
}

/* Events. */

/* An event as "12:34:56.789012 PORT_ADDED port=3". */
static void watch_print(const json_t *event)
{
	const json_t *at = json_object_get(event, "timestamp");
	time_t s = (time_t)json_integer_value(json_object_get(at, "seconds"));
	json_t *data = json_object_get(event, "data"), *v;
	const char *name = json_string_value(json_object_get(event, "event")), *key;
	struct tm tm = { 0 };

	localtime_r(&s, &tm);
	printf("%02d:%02d:%02d.%06d ", tm.tm_hour, tm.tm_min, tm.tm_sec,
	       (int)json_integer_value(json_object_get(at, "microseconds")));
	table_escape(stdout, name ? name : "?");
	json_object_foreach(data, key, v) {
		char *text = json_is_string(v) ? NULL : json_dumps(v, JSON_ENCODE_ANY);

		putchar(' ');
		table_escape(stdout, key);
		fputs(json_is_string(v) ? "='" : "=", stdout);
		table_escape(stdout, text ? text : json_is_string(v) ?
			     json_string_value(v) : "?");
		fputs(json_is_string(v) ? "'" : "", stdout);
		free(text);
	}
	putchar('\n');
}

int switch_watch(struct switch_call *call)
{
	json_t *list = json_array(), *v;

	for (int i = 0; i < call->count; i++)
		json_array_append_new(list, json_string(call->words[i]));
	v = json_object();
	if (call->count)
		json_object_set(v, "events", list);
	json_decref(list);
	v = switch_ask(call, "subscribe", v);
	if (!v)
		return call->status;
	json_decref(v);
	while ((v = qmp_client_event(call->client))) {
		if (call->json)
			switch_print_json(v);
		else
			watch_print(v);
		fflush(stdout);
		json_decref(v);
	}
	log_err("switch '%s' has ended", call->dir);
	return SWITCH_ABSENT;
}
