/* SPDX-License-Identifier: BSD-2-Clause */
/* save.h - A running VM into a file, and out of it in another process
 *
 * DOC: Theory of operation
 *
 * Saving stops the guest (pause.h) and then freezes its devices (virtio.h): disks end
 * what they have begun and make it safe, a switch gives the rings back. From then on
 * nothing changes the guest's memory. Registers of vCPUs and devices are collected at
 * once; the memory takes its time and is written by a thread, beside which the control
 * socket goes on answering. The form of the file is state.h's business.
 *
 * Afterwards the guest stays paused, as after QEMU's migrate; it may go on here
 * (pause_end() thaws the devices), or in another process from the file, but not both:
 * there is one disk. If the saving fails, a guest that ran before runs on.
 *
 * Restoring powers on a machine of the same kind as ever, and then replaces its memory
 * and all registers. What comes out is a paused machine with frozen devices, as it was
 * when it was saved, and running on is what it is after any pause. So the time in between
 * is none for the guest, but for its clock chip.
 *
 * What has to be the same: RAM, number of CPUs, kernel or firmware, devices in their
 * order, addresses of NICs (a NIC that is given none takes the saved one), disks and what
 * is on them, and a CPU with at least the features that the guest was shown. What need
 * not be: where networks and consoles lead.
 *
 * Security model: see state.h. Whatever is in a file, the worst is a guest that does
 * something else than it did; what is out of bounds is refused with one line that names
 * the file.
 *
 * Guarded by vm->lock, called in the event loop.
 */
#ifndef VMM_SAVE_H
#define VMM_SAVE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/compiler.h"
#include "lib/eth.h"

struct save;
struct vm;

enum save_status { SAVE_NONE, SAVE_ACTIVE, SAVE_COMPLETED, SAVE_FAILED, SAVE_CANCELLED };

/**
 * struct save_info - How far it is
 * @status:	What became of the last saving
 * @path:	The file, or NULL
 * @why:	With SAVE_FAILED, why, or NULL
 * @total:	Bytes of RAM
 * @pages:	Pages that are not zero, once that is known
 * @done:	Pages that have been written
 * @ms:		How long it took, or takes until now
 */
struct save_info {
	enum save_status status;
	const char *path;
	const char *why;
	uint64_t total;
	uint64_t pages;
	uint64_t done;
	uint64_t ms;
};

/* Be ready to save, and open the file that vm->opt->incoming names, if it does, and check
 * it against the options. Return: 0 or -errno, logged. */
int save_create(struct vm *vm, struct save **out) MUST_CHECK;

/* Make the thread that writes; see thread.h. Return: 0 or -errno, logged. */
int save_start_thread(struct save *save) MUST_CHECK;

/* NULL is fine. */
void save_destroy(struct save *save);

/* Saving. */

/**
 * save_begin() - Stop the guest and begin to save it
 * @vm:		Machine, powered on
 * @path:	File, replaced when all is written
 *
 * Return: NULL, or why that cannot be; good until the next call
 */
const char *save_begin(struct vm *vm, const char *path) MUST_CHECK;

/* Give up what is under way; a guest that ran before runs on. */
void save_abort(struct vm *vm);

/* The same without that, because the machine ends. */
void save_cancel(struct vm *vm);

/* Devices work again, because the guest is about to; gives up what is under way. */
void save_release(struct vm *vm);

/* "cancelled" and so on, in QEMU's words; "none" if there was no saving. */
const char *save_word(enum save_status status);

struct save_info save_info(const struct vm *vm);

/* Whether it is being saved. */
bool save_is_active(const struct vm *vm);

/* Whether the guest stands still because it was saved. */
bool save_is_done(const struct vm *vm);

/* Restoring. */

/* The address that NIC @i of a VM to be restored has; false if there is none. */
bool save_mac(const struct vm *vm, unsigned int i, struct eth_addr *mac);

/* Whether the machine that is powered on now is to be restored. */
bool save_has_incoming(const struct vm *vm);

/* Do it, and never again. Return: 0 or -errno, logged. */
int save_restore(struct vm *vm) MUST_CHECK;

#endif /* VMM_SAVE_H */
