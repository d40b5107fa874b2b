/* SPDX-License-Identifier: BSD-2-Clause */
/* capture.h - lanbox capture: frames of a switch's port as pcap */
#ifndef TOOLS_CAPTURE_H
#define TOOLS_CAPTURE_H

/* The subcommand; argv[0] is "capture". Return: exit status. */
int capture_main(int argc, char **argv);

#endif /* TOOLS_CAPTURE_H */
