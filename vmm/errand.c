/* SPDX-License-Identifier: BSD-2-Clause */
/* errand.c - What a vCPU has done by the main thread; the essay is in errand.h */
#include "config.h"

#include "vmm/errand.h"

#include <pthread.h>

#include "vmm/vm.h"

/** struct errand - One, on the stack of the vCPU that waits for it */
struct errand {
	struct errand *next;
	void (*do_it)(void *ctx);
	void *ctx;
	bool done;
};

static _Thread_local bool is_vcpu;

void errand_be_vcpu(void)
{
	is_vcpu = true;
}

void errand_run(struct vm *vm, void (*do_it)(void *ctx), void *ctx)
{
	struct errand e = { .next = vm->errands, .do_it = do_it, .ctx = ctx };

	if (!is_vcpu) {
		do_it(ctx);
		return;
	}
	vm->errands = &e;
	/* It sleeps in the event loop, or waits for vCPUs. */
	ev_async_send(vm->loop, &vm->wake);
	pthread_cond_broadcast(&vm->moved);
	while (!e.done)
		pthread_cond_wait(&vm->moved, &vm->lock);
}

bool errand_do_all(struct vm *vm)
{
	bool any = vm->errands != NULL;

	while (vm->errands) {
		struct errand *e = vm->errands;

		vm->errands = e->next;
		e->do_it(e->ctx);
		e->done = true;
	}
	if (any)
		pthread_cond_broadcast(&vm->moved);
	return any;
}
