/* SPDX-License-Identifier: BSD-2-Clause */
/* qmp_args.h - Arguments of commands of the control protocol (qmp.h): are they what
 * the command takes?
 *
 * Every function says in the error which argument it is about. Those that read one
 * leave the result as it was when the argument is missing: preset it with the
 * default, since qmp_args_check() has seen to those that must be there.
 */
#ifndef LIB_QMP_ARGS_H
#define LIB_QMP_ARGS_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/compiler.h"
#include "lib/qmp.h"

/**
 * qmp_args_check() - Are all there that must be, and no others?
 * @args:	Arguments, an object or NULL
 * @spec:	As in struct qmp_command; NULL: it takes none
 * @err:	Filled if not
 */
bool qmp_args_check(json_t *args, const char *spec, struct qmp_error *err) MUST_CHECK;

/* A number from @min to @max. Return: false if it is there and is none. */
bool qmp_arg_uint(const json_t *args, const char *name, unsigned int min, unsigned int max,
		  unsigned int *v, struct qmp_error *err) MUST_CHECK;

/* true or false. */
bool qmp_arg_bool(const json_t *args, const char *name, bool *v,
		  struct qmp_error *err) MUST_CHECK;

/* A text; borrowed from @args. */
bool qmp_arg_text(const json_t *args, const char *name, const char **v,
		  struct qmp_error *err) MUST_CHECK;

#endif /* LIB_QMP_ARGS_H */
