/* SPDX-License-Identifier: BSD-2-Clause */
/* thread.h - Threads of a VM's process, which are all made before the guest runs
 *
 * DOC: Theory of operation
 *
 * A thread inherits the filter for system calls of the one that makes it, and making one
 * takes system calls. So whatever the VM will ever need a thread for gets it at the start,
 * before the main thread is confined (vm_start_threads()): each has a filter of its own
 * kind, the main thread's permits no other thread, and none is ever made by what a guest
 * does. A thread without work sleeps.
 *
 * A worker is such a thread for one thing at a time that may take long: it is given a job,
 * and the one that gave it may wait for it or be told by the job itself.
 */
#ifndef VMM_THREAD_H
#define VMM_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/compiler.h"
#include "vmm/seccomp.h"

/**
 * thread_start() - Make a thread that enters the filter of its kind
 * @thread:	Set to it
 * @kind:	Its kind
 * @name:	What lists of threads show, up to 15 bytes
 * @run:	What it does
 * @ctx:	Passed to @run
 *
 * It has all signals blocked that others send: they are the main thread's.
 *
 * Return: 0 or -errno
 */
int thread_start(pthread_t *thread, enum seccomp_thread kind, const char *name,
		 void (*run)(void *ctx), void *ctx) MUST_CHECK;

/**
 * struct worker - A thread that waits for jobs; all zero before worker_start()
 * @lock:	Guards what follows
 * @moved:	@job or @end was changed
 * @job:	What it does now, NULL if nothing
 * @ctx:	Passed to @job
 * @end:	It is to end
 * @started:	There is a thread
 */
struct worker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	void (*job)(void *ctx);
	void *ctx;
	bool end;
	bool started;
};

/* Make its thread, as thread_start(). Return: 0 or -errno. */
int worker_start(struct worker *w, enum seccomp_thread kind, const char *name) MUST_CHECK;

/* Have it do something. It has nothing else to do: that is for the caller to know. */
void worker_give(struct worker *w, void (*job)(void *ctx), void *ctx);

/* Wait until it has done what it was given. */
void worker_wait(struct worker *w);

/* Wait, and end the thread, if there is one. */
void worker_end(struct worker *w);

#endif /* VMM_THREAD_H */
