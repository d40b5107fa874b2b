/* SPDX-License-Identifier: BSD-2-Clause */
/* thread.c - Threads of a VM's process; the essay is in thread.h */
#include "config.h"

#include "vmm/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

enum {
	THREAD_STACK = 512 << 10,	/* bytes; nothing here recurses */
	THREAD_NAME = 16,
};

/** struct thread_life - What a thread is told */
struct thread_life {
	enum seccomp_thread kind;
	char name[THREAD_NAME];
	void (*run)(void *ctx);
	void *ctx;
};

static void *thread_main(void *arg)
{
	struct thread_life life = *(struct thread_life *)arg;

	free(arg);
	prctl(PR_SET_NAME, life.name);
	seccomp_enter_thread(life.kind);
	life.run(life.ctx);
	return NULL;
}

int thread_start(pthread_t *thread, enum seccomp_thread kind, const char *name,
		 void (*run)(void *ctx), void *ctx)
{
	static const int own[] = { SIGBUS, SIGSEGV, SIGILL, SIGFPE, SIGTRAP, SIGSYS };
	struct thread_life *life = malloc(sizeof(*life));
	sigset_t all, old;
	pthread_attr_t attr;
	int err;

	if (!life)
		return -ENOMEM;
	*life = (struct thread_life){ .kind = kind, .run = run, .ctx = ctx };
	snprintf(life->name, sizeof(life->name), "%s", name);
	/* But for those that are the thread's own deed: blocked, they end the process without
	 * a word. */
	sigfillset(&all);
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		sigdelset(&all, own[i]);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(thread, &attr, thread_main, life);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (err)
		free(life);
	return -err;
}

/* Workers. */

static void worker_run(void *ctx)
{
	struct worker *w = ctx;

	pthread_mutex_lock(&w->lock);
	while (!w->end) {
		if (!w->job) {
			pthread_cond_wait(&w->moved, &w->lock);
			continue;
		}
		pthread_mutex_unlock(&w->lock);
		w->job(w->ctx);
		pthread_mutex_lock(&w->lock);
		w->job = NULL;
		pthread_cond_broadcast(&w->moved);
	}
	pthread_mutex_unlock(&w->lock);
}

int worker_start(struct worker *w, enum seccomp_thread kind, const char *name)
{
	int ret;

	*w = (struct worker){ .job = NULL };
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->moved, NULL);
	ret = thread_start(&w->thread, kind, name, worker_run, w);
	w->started = !ret;
	return ret;
}

void worker_give(struct worker *w, void (*job)(void *ctx), void *ctx)
{
	pthread_mutex_lock(&w->lock);
	w->ctx = ctx;
	w->job = job;
	pthread_cond_broadcast(&w->moved);
	pthread_mutex_unlock(&w->lock);
}

void worker_wait(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	while (w->job)
		pthread_cond_wait(&w->moved, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

void worker_end(struct worker *w)
{
	if (!w->started)
		return;
	worker_wait(w);
	pthread_mutex_lock(&w->lock);
	w->end = true;
	pthread_cond_broadcast(&w->moved);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->moved);
	pthread_mutex_destroy(&w->lock);
	w->started = false;
}
