/* SPDX-License-Identifier: BSD-2-Clause */
/* test-thread.c - Workers, and errands that vCPUs have done by the main thread */
#include "tests/unit/unit.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "vmm/errand.h"
#include "vmm/thread.h"
#include "vmm/vm.h"

enum { VCPUS = 3, ERRANDS = 200 };

/** struct job - What a worker has seen */
struct job {
	pid_t tid;
	char name[16];
	sigset_t blocked;
	unsigned int times;
};

static void do_job(void *ctx)
{
	struct job *job = ctx;

	job->tid = gettid();
	prctl(PR_GET_NAME, job->name);
	pthread_sigmask(SIG_SETMASK, NULL, &job->blocked);
	usleep(1000);
	job->times++;
}

static void workers(void **state UNUSED)
{
	struct job a = { 0 }, b = { 0 };
	struct worker w = { .job = NULL };
	sigset_t before, after;

	worker_end(&w);		/* one that never began */
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	assert_int_equal(worker_start(&w, SECCOMP_NET, "unit-worker"), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (int sig = 1; sig < SIGRTMIN; sig++)
		assert_int_equal(sigismember(&before, sig), sigismember(&after, sig));
	worker_wait(&w);	/* it has nothing to do */
	worker_give(&w, do_job, &a);
	worker_wait(&w);
	assert_int_equal(a.times, 1);
	worker_give(&w, do_job, &b);
	/* It ends what it does before it ends. */
	worker_end(&w);
	assert_int_equal(b.times, 1);
	assert_int_equal(a.tid, b.tid);
	assert_int_not_equal(a.tid, gettid());
	assert_string_equal(a.name, "unit-worker");
	assert_true(sigismember(&a.blocked, SIGTERM) && sigismember(&a.blocked, SIGCHLD));
	assert_false(sigismember(&a.blocked, SIGBUS) || sigismember(&a.blocked, SIGSYS));
}

/** struct bench - A machine whose vCPUs do nothing but errands */
struct bench {
	struct vm vm;
	pid_t main;
	unsigned int done;
	unsigned int elsewhere;
	unsigned int over;
};

static void errand(void *ctx)
{
	struct bench *b = ctx;

	b->done++;
	b->elsewhere += gettid() != b->main;
}

static void *vcpu(void *ctx)
{
	struct bench *b = ctx;

	errand_be_vcpu();
	pthread_mutex_lock(&b->vm.lock);
	for (unsigned int i = 0; i < ERRANDS; i++) {
		unsigned int before = b->done;

		errand_run(&b->vm, errand, b);
		/* It is done when the call returns. */
		if (b->done == before)
			b->elsewhere++;
	}
	b->over++;
	pthread_cond_broadcast(&b->vm.moved);
	pthread_mutex_unlock(&b->vm.lock);
	return NULL;
}

static void release(struct ev_loop *loop)
{
	struct vm *vm = ev_userdata(loop);

	pthread_mutex_unlock(&vm->lock);
}

static void acquire(struct ev_loop *loop)
{
	struct vm *vm = ev_userdata(loop);

	pthread_mutex_lock(&vm->lock);
}

static void wake_cb(struct ev_loop *loop, ev_async *w, int revents UNUSED)
{
	struct bench *b = container_of(w, struct bench, vm.wake);

	errand_do_all(&b->vm);
	if (b->done >= VCPUS * ERRANDS / 2)
		ev_break(loop, EVBREAK_ALL);
}

/* The first half is seen to by the event loop, the other by who waits for vCPUs. */
static void errands(void **state UNUSED)
{
	static struct bench b;
	pthread_t thread[VCPUS];

	b.main = gettid();
	pthread_mutex_init(&b.vm.lock, NULL);
	pthread_cond_init(&b.vm.moved, NULL);
	b.vm.loop = ev_loop_new(EVFLAG_AUTO);
	assert_non_null(b.vm.loop);
	ev_set_userdata(b.vm.loop, &b.vm);
	ev_set_loop_release_cb(b.vm.loop, release, acquire);
	ev_async_init(&b.vm.wake, wake_cb);
	ev_async_start(b.vm.loop, &b.vm.wake);
	pthread_mutex_lock(&b.vm.lock);
	/* Who is no vCPU does it himself, at once. */
	errand_run(&b.vm, errand, &b);
	assert_int_equal(b.done, 1);
	assert_false(errand_do_all(&b.vm));
	b.done = 0;
	for (size_t i = 0; i < VCPUS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, vcpu, &b), 0);
	ev_run(b.vm.loop, 0);
	while (b.over < VCPUS)
		if (!errand_do_all(&b.vm))
			pthread_cond_wait(&b.vm.moved, &b.vm.lock);
	pthread_mutex_unlock(&b.vm.lock);
	for (size_t i = 0; i < VCPUS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(b.done, VCPUS * ERRANDS);
	assert_int_equal(b.elsewhere, 0);
	ev_async_stop(b.vm.loop, &b.vm.wake);
	ev_loop_destroy(b.vm.loop);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(workers),
	cmocka_unit_test(errands),
};

UNIT_MAIN(tests)
