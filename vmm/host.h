/* SPDX-License-Identifier: BSD-2-Clause */
/* host.h - What this host can do for a VM, and what is amiss, in plain words
 *
 * DOC: Theory of operation
 *
 * Facts are read once, before the VM runs (host_read() and its sisters): by the time
 * something fails, this process may have no files to look into any more. What follows
 * from them is said by functions that only look at facts; each names the object and the
 * remedy. -check shows all of it (check.h).
 */
#ifndef VMM_HOST_H
#define VMM_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/compiler.h"

enum {
	HOST_TEXT = 768,		/* bytes of an explanation */
	HOST_CGROUP = 256,
};

/** enum host_verdict - Whether a VM can be had on this host */
enum host_verdict {
	HOST_FINE,
	HOST_NOTE,			/* yes, but the user should know something */
	HOST_BAD,			/* no */
};

/**
 * struct host - What the host's kernel says of its CPU and its KVM
 * @pvm:	KVM without virtualisation hardware (kvm_pvm)
 * @intel:	kvm_intel is there
 * @amd:	kvm_amd is there
 * @vmx:	The CPU shows Intel's virtualisation
 * @svm:	The CPU shows AMD's virtualisation
 * @is_vm:	The host is itself a virtual machine
 * @virtualbox:	Its driver is loaded
 * @vmware:	Its driver is loaded
 * @unrestricted_guest: A parameter of kvm_intel: 'Y', 'N', or 0 if unknown
 * @emulate_invalid: Likewise, emulate_invalid_guest_state
 * @ept:	Likewise
 * @dump_invalid: Likewise, dump_invalid_vmcs
 * @nested:	Likewise, or of kvm_amd: whether guests can have KVM
 * @tdp_mmu:	Likewise, of kvm
 */
struct host {
	bool pvm, intel, amd;
	bool vmx, svm, is_vm;
	bool virtualbox, vmware;
	char unrestricted_guest, emulate_invalid, ept, dump_invalid, nested, tdp_mmu;
};

/* Look at the host whose /proc and /sys are below @root, "" for this one. */
void host_read(struct host *h, const char *root);

/**
 * struct host_door - /dev/kvm, and what came of using it
 * @err:	Errno of open(), or ENOTTY if it does not answer as KVM does
 * @there:	The following is known
 * @mode:	Its type and mode
 * @owner:	Of the file
 * @group:	Of the file
 * @root_group:	That is group 0
 * @user:	Who we are
 * @member:	The user is in that group, but this process is not
 */
struct host_door {
	int err;
	bool there;
	mode_t mode;
	char owner[33], group[33], user[33];
	bool root_group;
	bool member;
};

/* Look at @path and at who we are, after error @err. */
void host_read_door(struct host_door *d, const char *path, int err);

/* Why @d is no way to KVM, and what to do about it: a line without the path. */
void host_explain_door(char text[static HOST_TEXT], const struct host *h,
		       const struct host_door *d);

/* Why KVM_CREATE_VM failed with @err. */
void host_explain_machine(char text[static HOST_TEXT], const struct host *h, int err);

/**
 * host_word() - What is to be said once at the start of each VM
 *
 * Return: a line, or NULL
 */
const char *host_word(const struct host *h);

/**
 * host_judge_cpus() - Whether so many vCPUs are a good idea
 * @text:	Set, unless it is HOST_FINE
 * @cpus:	vCPUs
 * @recommended: KVM_CAP_NR_VCPUS, 0 if unknown
 * @max:	KVM_CAP_MAX_VCPUS, 0 if unknown
 */
enum host_verdict host_judge_cpus(char text[static HOST_TEXT], unsigned int cpus,
				  int recommended, int max);

/**
 * struct host_memory - Memory, in bytes; UINT64_MAX where there is no limit or none known
 * @total:	Of the host
 * @available:	Without swapping
 * @swap:	Free swap
 * @commit:	Left to be promised, where the host promises no more than it has
 * @cgroup_max:	Lowest memory.max of our cgroup and those above it
 * @cgroup:	That cgroup
 * @address_space: What RLIMIT_AS leaves to this process
 * @file_size:	RLIMIT_FSIZE
 */
struct host_memory {
	uint64_t total, available, swap;
	uint64_t commit;
	uint64_t cgroup_max;
	char cgroup[HOST_CGROUP];
	uint64_t address_space;
	uint64_t file_size;
};

void host_read_memory(struct host_memory *m, const char *root);

/**
 * host_judge_memory() - Whether a guest can have so much
 * @text:	Set, unless it is HOST_FINE
 * @m:		The host's
 * @ram:	The guest's, bytes
 * @all_now:	It takes all of it at the start
 * @hugetlb:	Out of a pool that others do not draw from
 */
enum host_verdict host_judge_memory(char text[static HOST_TEXT],
				    const struct host_memory *m, uint64_t ram,
				    bool all_now, bool hugetlb);

/**
 * struct host_pages - A pool of huge pages
 * @size:	Bytes of each
 * @there:	The kernel has such pages
 * @total:	How many there are
 * @free:	Of them, neither used nor promised
 */
struct host_pages {
	uint64_t size;
	bool there;
	uint64_t total, free;
};

/* The pool of pages of @size bytes, or of the default size if that is 0. */
void host_read_pages(struct host_pages *p, uint64_t size, const char *root);

/* Whether the pool has room for @ram bytes. @text: as above. */
enum host_verdict host_judge_pages(char text[static HOST_TEXT],
				   const struct host_pages *p, uint64_t ram);

#endif /* VMM_HOST_H */
