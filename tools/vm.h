/* SPDX-License-Identifier: BSD-2-Clause */
/* vm.h - lanbox vm: running VMs by their names */
#ifndef TOOLS_VM_H
#define TOOLS_VM_H

/* The subcommand; argv[0] is "vm". Return: exit status. */
int vm_main(int argc, char **argv);

#endif /* TOOLS_VM_H */
