/* SPDX-License-Identifier: BSD-2-Clause */
/* wire_options.h - The command line of lanbox-wirefilter, in wirefilter's spellings */
#ifndef PLUG_WIRE_OPTIONS_H
#define PLUG_WIRE_OPTIONS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "plug/end.h"
#include "plug/wire_cable.h"

enum wire_options_result {
	WIRE_OPTIONS_RUN,
	WIRE_OPTIONS_EXIT_OK,
	WIRE_OPTIONS_EXIT_FAILURE,
};

enum {
	WIRE_SETTINGS_MAX = 64,
	WIRE_BLINK_ID_MAX = 128,	/* with NUL */
};

/**
 * struct wire_option - A parameter that was set
 * @param:	Which
 * @name:	As it is called
 * @text:	Its value, not checked yet
 */
struct wire_option {
	enum wire_param param;
	const char *name;
	const char *text;
};

/**
 * struct wire_options - The command line
 * @vnl:	The networks to join; without them, streams
 * @alternate_in: Descriptor of the second stream, -1 if there is none
 * @alternate_out: The same, for output
 * @setting:	Parameters, in order
 * @settings:	How many
 * @rcfile:	File of commands, or NULL
 * @mgmt:	Absolute path of the console, "" if there is none
 * @pidfile:	Or NULL
 * @blink:	Socket to tell of each frame, or NULL
 * @blink_id:	What to tell it we are; NULL: the process id
 * @queue:	Bound of what waits in each direction, in bytes
 * @max_frame:	Longest frame for a stream
 * @seeded:	Chance begins with @seed
 * @vnls:	Storage that @vnl points to, or NULL
 */
struct wire_options {
	struct end_vnl_args vnl[WIRE_DIRS];
	int alternate_in, alternate_out;
	struct wire_option setting[WIRE_SETTINGS_MAX];
	unsigned int settings;
	bool nofifo;
	const char *rcfile;
	char mgmt[PATH_MAX];
	mode_t mgmtmode;
	gid_t mgmtgid;
	bool daemon;
	bool nostdin;
	const char *pidfile;
	const char *blink;
	const char *blink_id;
	size_t queue;
	unsigned int max_frame;
	bool seeded;
	uint64_t seed;
	char *vnls;
};

/* Read the command line; messages go to the log. */
enum wire_options_result wire_options_parse(struct wire_options *opt, int argc, char **argv);

void wire_options_free(struct wire_options *opt);

#endif /* PLUG_WIRE_OPTIONS_H */
