/* SPDX-License-Identifier: BSD-2-Clause */
/* switch.h - lanbox switch: look into a running switch, and change it */
#ifndef TOOLS_SWITCH_H
#define TOOLS_SWITCH_H

/* The subcommand; argv[0] is "switch". Return: exit status. */
int switch_main(int argc, char **argv);

#endif /* TOOLS_SWITCH_H */
