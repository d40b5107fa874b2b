/* SPDX-License-Identifier: BSD-2-Clause */
/* user.c - Users by name and number; see user.h */
#include "config.h"

#include "switchd/user.h"

#include <pwd.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/parse.h"

const char *user_name(uid_t uid, char buf[static USER_NAME])
{
	const struct passwd *pw = uid == (uid_t)-1 ? NULL : getpwuid(uid);

	if (pw)
		snprintf(buf, USER_NAME, "%s", pw->pw_name);
	else if (uid == (uid_t)-1)
		snprintf(buf, USER_NAME, "NONE");
	else
		snprintf(buf, USER_NAME, "%lu", (unsigned long)uid);
	return buf;
}

bool user_find(const char *word, uid_t *uid)
{
	const struct passwd *pw;
	unsigned int number;

	if (parse_uint(word, 0, UINT32_MAX - 1, &number)) {
		*uid = number;
		return true;
	}
	pw = getpwnam(word);
	if (pw)
		*uid = pw->pw_uid;
	return pw;
}
