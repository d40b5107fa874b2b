/* SPDX-License-Identifier: BSD-2-Clause */
/* user.h - Users by name and number, as the console shows and takes them
 *
 * The database of users is asked each time; it may be slow, so this is not for the
 * data path.
 */
#ifndef SWITCHD_USER_H
#define SWITCHD_USER_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/compiler.h"

enum { USER_NAME = 256 };	/* bytes */

/* Name of a user, or its number if it has none, or NONE for (uid_t)-1. Return: @buf. */
const char *user_name(uid_t uid, char buf[static USER_NAME]);

/* The user of a name or a number. Return: whether there is one; a number always is. */
bool user_find(const char *word, uid_t *uid) MUST_CHECK;

#endif /* SWITCHD_USER_H */
