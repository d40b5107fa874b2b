/* SPDX-License-Identifier: BSD-2-Clause */
/* main.c - lanbox: the one command for people, a table of subcommands */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/compiler.h"
#include "lib/fd.h"
#include "lib/log.h"
#include "tools/capture.h"
#include "tools/switch.h"
#include "tools/vm.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "capture", capture_main, "write the frames of a switch's port as pcap" },
	{ "switch", switch_main, "look into a running switch, and change it" },
	{ "vm", vm_main, "list running VMs, their consoles, their end" },
};

static void usage(FILE *to)
{
	fputs("Usage: lanbox COMMAND [ARGUMENT...]\n\n", to);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].help);
	fputs("\n'lanbox COMMAND -h' says more.\n", to);
}

int main(int argc, char **argv)
{
	fd_open_std();
	log_open("lanbox");
	if (argc < 2) {
		usage(stderr);
		return EXIT_FAILURE;
	}
	if (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help")) {
		usage(stdout);
		return EXIT_SUCCESS;
	}
	if (!strcmp(argv[1], "--version")) {
		puts(PACKAGE_STRING);
		return EXIT_SUCCESS;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	log_err("there is no command '%s' ('lanbox --help' shows them)", argv[1]);
	return EXIT_FAILURE;
}
