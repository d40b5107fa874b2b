/* SPDX-License-Identifier: BSD-2-Clause */
/* gdb.c - Where a debugger comes in: a socket that speaks gdb's remote protocol */
#include "config.h"

#include "vmm/gdb.h"

#include <errno.h>
#include <ev.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/fd.h"
#include "lib/listener.h"
#include "lib/log.h"
#include "vmm/gdb_stub.h"
#include "vmm/gdb_target.h"
#include "vmm/monitor.h"
#include "vmm/opener.h"
#include "vmm/options_gdb.h"
#include "vmm/pause.h"
#include "vmm/save.h"
#include "vmm/vcpu.h"
#include "vmm/vm.h"

enum { BACKLOG = 4, READ_SIZE = 4096 };

/**
 * struct gdb - Where a debugger comes in
 * @fd:		Its connection, -1 for none
 * @io:		Watches it: for input, or until what is to be said is said
 * @wake:	A vCPU has met something: @stop, if
 * @hit:	it is new
 * @rest:	What was read, @size bytes of which @taken are done with
 */
struct gdb {
	struct vm *vm;
	const struct options_gdb *opt;
	struct listener listener;
	int fd;
	ev_io io;
	ev_async wake;
	bool hit;
	struct gdb_stop stop;
	struct gdb_target *target;
	size_t taken, size;
	uint8_t rest[READ_SIZE];
	struct gdb_stub stub;
};

/* Whether the machine is not to be touched: its memory is on its way into a file. */
static bool is_saved(const struct gdb *g)
{
	return save_info(g->vm).status == SAVE_ACTIVE;
}

/* What the stub does with the machine. */

static unsigned int op_cpus(void *ctx)
{
	const struct gdb *g = ctx;

	return g->vm->opt->cpus;
}

static void op_describe(void *ctx, unsigned int cpu, char *text, size_t size)
{
	struct gdb *g = ctx;

	snprintf(text, size, "CPU#%u [%s]", cpu, gdb_target_word(g->target, cpu));
}

static bool op_get_reg(void *ctx, unsigned int cpu, unsigned int n, uint8_t bytes[GDB_REG_SIZE])
{
	struct gdb *g = ctx;

	return gdb_target_get_reg(g->target, cpu, n, bytes);
}

static bool op_set_reg(void *ctx, unsigned int cpu, unsigned int n,
		       const uint8_t bytes[GDB_REG_SIZE])
{
	struct gdb *g = ctx;

	return !is_saved(g) && gdb_target_set_reg(g->target, cpu, n, bytes);
}

static bool op_read(void *ctx, unsigned int cpu, bool physical, uint64_t addr, uint8_t *buf,
		    size_t size)
{
	struct gdb *g = ctx;

	return gdb_target_read(g->target, cpu, physical, addr, buf, size);
}

static bool op_write(void *ctx, unsigned int cpu, bool physical, uint64_t addr,
		     const uint8_t *buf, size_t size)
{
	struct gdb *g = ctx;

	return !is_saved(g) && gdb_target_write(g->target, cpu, physical, addr, buf, size);
}

static int op_insert(void *ctx, unsigned int cpu, enum gdb_point point, uint64_t addr,
		     size_t size)
{
	struct gdb *g = ctx;

	return is_saved(g) ? -EBUSY : gdb_target_insert(g->target, cpu, point, addr, size);
}

static int op_remove(void *ctx, unsigned int cpu, enum gdb_point point, uint64_t addr,
		     size_t size)
{
	struct gdb *g = ctx;

	return gdb_target_remove(g->target, cpu, point, addr, size);
}

static void op_go(void *ctx, const enum gdb_go *go)
{
	struct gdb *g = ctx;

	g->hit = false;
	gdb_target_go(g->target, go);
	pause_debug_end(g->vm);
	if (!is_saved(g))
		pause_end(g->vm);
}

static void op_stop(void *ctx)
{
	struct gdb *g = ctx;
	const struct gdb_stop stop = { .why = GDB_INTERRUPTED, .cpu = g->stub.cpu };

	pause_debug_begin(g->vm);
	gdb_stub_stopped(&g->stub, &stop);
}

static void op_command(void *ctx, const char *line)
{
	struct gdb *g = ctx;
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		return;
	monitor_run(g->vm, line, to);
	if (!fclose(to))
		gdb_stub_print(&g->stub, text, size);
	free(text);
}

static const struct gdb_ops gdb_ops = {
	.cpus = op_cpus, .describe = op_describe, .get_reg = op_get_reg, .set_reg = op_set_reg,
	.read = op_read, .write = op_write, .insert = op_insert, .remove = op_remove,
	.go = op_go, .stop = op_stop, .command = op_command,
};

/* The connection. */

static void gdb_close(struct gdb *g)
{
	if (g->fd < 0)
		return;
	ev_io_stop(g->vm->loop, &g->io);
	fd_close(&g->fd);
	g->hit = false;
	gdb_target_clear(g->target);
	pause_debug_end(g->vm);
}

/* Return: false if the connection is gone. */
static bool gdb_send(struct gdb *g)
{
	struct gdb_out *out = &g->stub.out;

	while (out->sent < out->size) {
		ssize_t n = write(g->fd, out->data + out->sent, out->size - out->sent);

		if (n < 0 && errno != EINTR)
			return errno == EAGAIN;
		out->sent += n > 0 ? (size_t)n : 0;
	}
	return true;
}

static bool gdb_has_said_all(const struct gdb *g)
{
	return g->stub.out.sent == g->stub.out.size;
}

/* Return: whether to go on. */
static bool gdb_talk(struct gdb *g, enum gdb_talk talk)
{
	switch (talk) {
	case GDB_GO_ON:
		return true;
	case GDB_LEAVES:
		gdb_send(g);
		gdb_close(g);
		/* As if it had continued. */
		if (!is_saved(g))
			pause_end(g->vm);
		log_info("the debugger has detached");
		break;
	case GDB_KILLS:
		gdb_send(g);
		vm_request_by(g->vm, VM_POWEROFF, VM_BY_COMMAND);
		break;
	case GDB_NONSENSE:
		log_warn("-gdb '%s': somebody who does not speak gdb's protocol is sent away",
			 g->opt->shown);
		gdb_close(g);
		break;
	}
	return false;
}

/* Take what was read, as long as it can be answered. Return: whether there is still a
 * debugger to read from. */
static bool gdb_take_rest(struct gdb *g)
{
	while (g->taken < g->size && gdb_has_said_all(g)) {
		if (!gdb_talk(g, gdb_stub_byte(&g->stub, g->rest[g->taken++])))
			return false;
		if (!gdb_send(g)) {
			gdb_close(g);
			return false;
		}
	}
	return true;
}

static void gdb_watch(struct gdb *g)
{
	ev_io_stop(g->vm->loop, &g->io);
	ev_io_set(&g->io, g->fd, gdb_has_said_all(g) ? EV_READ : EV_WRITE);
	ev_io_start(g->vm->loop, &g->io);
}

static void gdb_io_cb(struct ev_loop *loop UNUSED, ev_io *w, int revents UNUSED)
{
	struct gdb *g = container_of(w, struct gdb, io);

	/* What is asked now is about the machine behind a reset, or about none. */
	if (g->vm->request != VM_GO_ON)
		return;
	if (!gdb_send(g)) {
		gdb_close(g);
		return;
	}
	if (gdb_has_said_all(g) && g->taken == g->size) {
		ssize_t n = read(g->fd, g->rest, sizeof(g->rest));

		if (!n || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			log_info("the debugger is gone");
			gdb_close(g);
			return;
		}
		g->taken = 0;
		g->size = n > 0 ? (size_t)n : 0;
	}
	if (gdb_take_rest(g))
		gdb_watch(g);
}

/* Tell of a stop that nobody at the other end has asked for. */
static void gdb_wake_cb(struct ev_loop *loop UNUSED, ev_async *w, int revents UNUSED)
{
	struct gdb *g = container_of(w, struct gdb, wake);

	if (!g->hit || g->fd < 0)
		return;
	g->hit = false;
	pause_debug_begin(g->vm);
	/* Ctrl-C was faster. */
	if (!g->stub.running)
		return;
	gdb_stub_stopped(&g->stub, &g->stop);
	if (gdb_send(g))
		gdb_watch(g);
	else
		gdb_close(g);
}

static void gdb_accepted(void *ctx, int fd)
{
	struct gdb *g = ctx;

	if (g->fd >= 0) {
		log_warn("-gdb '%s': there is a debugger already; another is sent away",
			 g->opt->shown);
		close(fd);
		return;
	}
	g->fd = fd;
	g->taken = g->size = 0;
	gdb_stub_begin(&g->stub, &gdb_ops, g);
	pause_debug_begin(g->vm);
	gdb_watch(g);
	log_info("a debugger has come; the guest stands still");
}

/* In a vCPU's thread. */

/* One after the other: where two meet breakpoints at once, the second meets its own
 * again. */
static void gdb_stop_at(struct gdb *g, const struct gdb_stop *stop)
{
	if (!g->hit) {
		g->hit = true;
		g->stop = *stop;
	}
	pause_debug_rush(g->vm);
	ev_async_send(g->vm->loop, &g->wake);
}

void gdb_hit(struct vcpu *vcpu)
{
	struct gdb *g = vcpu->vm->gdb;
	struct gdb_stop stop;

	if (g && gdb_target_hit(g->target, vcpu, &stop) && g->fd >= 0)
		gdb_stop_at(g, &stop);
}

bool gdb_crashed(struct vcpu *vcpu)
{
	const struct gdb_stop stop = { .why = GDB_CRASHED, .cpu = vcpu->id };
	struct gdb *g = vcpu->vm->gdb;

	if (!g || g->fd < 0)
		return false;
	gdb_stop_at(g, &stop);
	return true;
}

/* Others. */

void gdb_power_on(struct gdb *g)
{
	if (g)
		gdb_target_power_on(g->target);
}

void gdb_let_go(struct gdb *g)
{
	if (!g || g->fd < 0 || !g->vm->pause.debugger)
		return;
	log_warn("the debugger is sent away: the guest has to run");
	gdb_close(g);
}

bool gdb_holds(const struct vm *vm)
{
	return vm->pause.debugger;
}

bool gdb_in_memory(const struct gdb *g)
{
	return g && gdb_target_in_memory(g->target);
}

/* Life. */

/* Return: a listening socket, or -errno. */
static int listen_at(const struct addrinfo *a)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		return -errno;
	/* What is accepted has them from the socket that listens. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
		int err = errno;

		close(fd);
		return -err;
	}
	return fd;
}

static bool is_loopback(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)(const void *)sa)->sin_addr.s_addr) >> 24
		       == IN_LOOPBACKNET;
	return sa->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(
		&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr);
}

static int listen_tcp(const struct options_gdb *opt)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *all;
	int fd = -EADDRNOTAVAIL, ret;

	ret = getaddrinfo(opt->host, opt->port, &hints, &all);
	if (ret) {
		log_err("-gdb '%s': host '%s': %s", opt->shown, opt->host,
			gai_strerror(ret));
		return -EADDRNOTAVAIL;
	}
	for (const struct addrinfo *a = all; a && fd < 0; a = a->ai_next) {
		fd = listen_at(a);
		if (fd >= 0 && !is_loopback(a->ai_addr))
			log_warn("-gdb '%s': the guest belongs to whoever reaches this port of "
				 "%s", opt->shown, opt->host);
	}
	freeaddrinfo(all);
	if (fd < 0)
		log_err_errno(-fd, "-gdb '%s': cannot listen on %s, port %s", opt->shown,
			      opt->host, opt->port);
	return fd;
}

static int listen_unix(const struct options_gdb *opt)
{
	int fd = fd_listen_unix(opt->path, 0600, (gid_t)-1);

	if (fd < 0)
		log_err_errno(-fd, "-gdb '%s'", opt->shown);
	else if (opener_may_remove(opt->path) < 0)
		log_debug("-gdb '%s': the socket will be left behind", opt->shown);
	return fd;
}

int gdb_create(struct vm *vm, const struct options_gdb *opt, struct gdb **out)
{
	struct gdb *g = calloc(1, sizeof(*g));
	int fd;

	if (!g || gdb_target_create(vm, &g->target)) {
		free(g);
		return -ENOMEM;
	}
	g->vm = vm;
	g->opt = opt;
	g->fd = -1;
	fd = opt->path ? listen_unix(opt) : listen_tcp(opt);
	if (fd < 0) {
		gdb_target_destroy(g->target);
		free(g);
		return fd;
	}
	listener_start(&g->listener, vm->loop, fd, gdb_accepted, g);
	ev_async_init(&g->wake, gdb_wake_cb);
	ev_async_start(vm->loop, &g->wake);
	ev_init(&g->io, gdb_io_cb);
	*out = g;
	return 0;
}

void gdb_destroy(struct gdb *g)
{
	if (!g)
		return;
	if (g->fd >= 0) {
		gdb_stub_ended(&g->stub);
		gdb_send(g);
		fd_close(&g->fd);
	}
	ev_io_stop(g->vm->loop, &g->io);
	ev_async_stop(g->vm->loop, &g->wake);
	if (g->opt->path)
		opener_remove(g->opt->path);
	listener_stop(&g->listener);
	gdb_target_destroy(g->target);
	free(g);
}
