/* SPDX-License-Identifier: BSD-2-Clause */
/* switch_args.c - Words of lanbox switch's command lines as arguments for the control
 * socket; what they are is read from the usage text (switch_cmds.h)
 */
#include "config.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lib/parse.h"
#include "tools/switch_cmds.h"

enum { ARG_NAME = 32 };

static bool arg_is(const char *kind, size_t len, const char *what)
{
	return strlen(what) == len && !memcmp(kind, what, len);
}

static bool arg_is_number(const char *kind, size_t len)
{
	return arg_is(kind, len, "PORT") || arg_is(kind, len, "VLAN") ||
	       arg_is(kind, len, "ID") || arg_is(kind, len, "N") ||
	       arg_is(kind, len, "SECONDS") || arg_is(kind, len, "MASK") ||
	       arg_is(kind, len, "SOURCE");
}

/* The value of a word, whose kind is @len bytes at @kind; @keyed: it stands behind
 * a '='. Return: the value, or NULL if it is not of the kind. */
static json_t *arg_value(const char *kind, size_t len, bool keyed, const char *word)
{
	const bool owner = keyed && (arg_is(kind, len, "USER") || arg_is(kind, len, "GROUP"));
	unsigned int n;
	bool on;

	if (keyed && !strcmp(word, "none") &&
	    (owner || arg_is(kind, len, "VLAN") || arg_is(kind, len, "NAME") ||
	     arg_is(kind, len, "IP")))
		return json_null();
	if (arg_is_number(kind, len) || (owner && isdigit((unsigned char)*word)))
		return parse_uint(word, 0, UINT32_MAX, &n) ? json_integer(n) : NULL;
	if (memchr(kind, '|', len))
		return parse_bool(word, &on) ? json_boolean(on) : NULL;
	return *word ? json_string(word) : NULL;
}

/* The element of @usage that @word is for: key=KIND if there is one with its key,
 * else the first of the words after *@next, which moves on. Return: its kind, @len
 * bytes, and its @name; NULL if there is none. */
static const char *arg_find(const char *usage, const char **next, const char *word,
			    char name[static ARG_NAME], size_t *len)
{
	const char *kind;
	size_t key = strcspn(word, "=");

	for (const char *p = usage; word[key] && *p; p += strcspn(p, " "), p += *p == ' ') {
		if (strncmp(p, word, key + 1))
			continue;
		snprintf(name, ARG_NAME, "%.*s", (int)key, word);
		*len = strcspn(p + key + 1, " ");
		return p + key + 1;
	}
	kind = *next + strspn(*next, " [");
	*len = strcspn(kind, " ]=");
	if (!*len || kind[*len] == '=')
		return NULL;
	*next = kind + *len + (kind[*len] == ']');
	snprintf(name, ARG_NAME, "%.*s", (int)*len, kind);
	for (char *p = name; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return kind;
}

/* Whether a word can be said in JSON: it is UTF-8. */
static bool arg_is_text(const char *word)
{
	json_t *v = json_string(word);

	json_decref(v);
	return v;
}

bool switch_args(const char *usage, char *const *words, int count, json_t *args, char *err,
		 size_t size)
{
	const char *next = usage;
	bool any_key = false;

	for (int i = 0; i < count; i++) {
		if (arg_is_text(words[i]))
			continue;
		snprintf(err, size, "'%s' is no text", words[i]);
		return false;
	}
	for (int i = 0; i < count; i++) {
		char name[ARG_NAME];
		size_t len;
		const char *kind = arg_find(usage, &next, words[i], name, &len), *word;
		const bool keyed = kind && kind > usage && kind[-1] == '=';
		json_t *v;

		if (!kind) {
			snprintf(err, size, "what is '%s'?", words[i]);
			return false;
		}
		if (len > 3 && !memcmp(kind + len - 3, "...", 3))
			return true;
		word = keyed ? words[i] + strlen(name) + 1 : words[i];
		v = arg_value(kind, len, keyed, word);
		if (!v) {
			snprintf(err, size, "'%s' should be %.*s%s", word, (int)len, kind,
				 arg_is_number(kind, len) ? ", a number" : "");
			return false;
		}
		json_object_set_new(args, name, v);
		any_key |= keyed;
	}
	/* What has no bracket and no '=' must be there. */
	next += strspn(next, " ");
	if (*next && *next != '[' && next[strcspn(next, " =")] != '=') {
		snprintf(err, size, "%.*s is missing", (int)strcspn(next, " "), next);
		return false;
	}
	if (strchr(usage, '=') && !any_key) {
		snprintf(err, size, "nothing to set");
		return false;
	}
	return true;
}
