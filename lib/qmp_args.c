/* SPDX-License-Identifier: BSD-2-Clause */
/* qmp_args.c - Arguments of commands of the control protocol; see qmp_args.h */
#include "config.h"

#include "lib/qmp_args.h"

#include <stdio.h>
#include <string.h>

enum { QMP_ARG_NAME = 32 };

/* Take the next name off @spec, and whether it may be missing. Return: false at the
 * end. */
static bool qmp_args_next(const char **spec, char name[static QMP_ARG_NAME],
			  bool *optional)
{
	const char *p = *spec + strspn(*spec, " ");
	size_t len = strcspn(p, " ?");

	snprintf(name, QMP_ARG_NAME, "%.*s", (int)len, p);
	*optional = p[len] == '?';
	*spec = p + len + *optional;
	return len;
}

static bool qmp_args_knows(const char *spec, const char *key)
{
	char name[QMP_ARG_NAME];
	bool optional;

	while (qmp_args_next(&spec, name, &optional))
		if (!strcmp(name, key))
			return true;
	return false;
}

bool qmp_args_check(json_t *args, const char *spec, struct qmp_error *err)
{
	char name[QMP_ARG_NAME];
	const char *key;
	bool optional;
	json_t *value;

	if (!spec)
		spec = "";
	json_object_foreach(args, key, value) {
		if (qmp_args_knows(spec, key))
			continue;
		qmp_fail(err, "there is no argument '%.100s'", key);
		return false;
	}
	while (qmp_args_next(&spec, name, &optional)) {
		if (optional || json_object_get(args, name))
			continue;
		qmp_fail(err, "argument '%s' is missing", name);
		return false;
	}
	return true;
}

bool qmp_arg_uint(const json_t *args, const char *name, unsigned int min, unsigned int max,
		  unsigned int *v, struct qmp_error *err)
{
	const json_t *arg = json_object_get(args, name);
	json_int_t n = json_integer_value(arg);

	if (!arg)
		return true;
	if (!json_is_integer(arg) || n < min || n > max) {
		qmp_fail(err, "'%s' must be a number from %u to %u", name, min, max);
		return false;
	}
	*v = (unsigned int)n;
	return true;
}

bool qmp_arg_bool(const json_t *args, const char *name, bool *v, struct qmp_error *err)
{
	const json_t *arg = json_object_get(args, name);

	if (!arg)
		return true;
	if (!json_is_boolean(arg)) {
		qmp_fail(err, "'%s' must be true or false", name);
		return false;
	}
	*v = json_is_true(arg);
	return true;
}

bool qmp_arg_text(const json_t *args, const char *name, const char **v,
		  struct qmp_error *err)
{
	const json_t *arg = json_object_get(args, name);

	if (!arg)
		return true;
	if (!json_is_string(arg)) {
		qmp_fail(err, "'%s' must be a text", name);
		return false;
	}
	*v = json_string_value(arg);
	return true;
}
