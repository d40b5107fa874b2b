/* SPDX-License-Identifier: BSD-2-Clause */
/* module.c - libvdeplug_lanbox.so: the name lanbox://DIR[PORT] for libvdeplug 4
 *
 * Any program on libvdeplug reaches a switch of ours through shared memory with
 * this name, without being rebuilt (ringconn.h). DIR is the switch directory, the
 * usual ones if it is empty; PORT a port number, or port=NUMBER.
 *
 * A switch that has no shared memory to offer (another program, or an older one)
 * is reached by plain VDE, and a line on standard error says so: the program works,
 * only not as fast as the name promises.
 *
 * The module's interface is libvdeplug's: one symbol, vdeplug_ops. What a
 * connection is called by the library must begin with two pointers of its own.
 */
#include "config.h"

#include <errno.h>
#include <libvdeplug_mod.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/compiler.h"
#include "plug/ringconn.h"

/**
 * struct module_conn - What the library knows as a VDECONN
 * @handle:	The library's
 * @module:	The library's
 * @ring:	The fast way, or NULL
 * @plain:	The other
 */
struct module_conn {
	void *handle;
	struct vdeplug_module *module;
	struct ringconn *ring;
	VDECONN *plain;
};

static struct module_conn *module_conn(VDECONN *conn)
{
	return (struct module_conn *)(void *)conn;
}

/* The directory meant by an empty name: the first that has a switch. */
static const char *module_default_dir(void)
{
	static const char *const dirs[] = { "/var/run/vde.ctl", "/tmp/vde.ctl" };
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (!stat(dirs[i], &st))
			return dirs[i];
	return dirs[0];
}

enum { MODULE_ANY_PORT = -1, MODULE_BAD_PORT = -2 };

/* Take "[PORT]" or "[port=PORT]" off the end of @args. Return: the number, or one of
 * the above. */
static long module_port(char *args)
{
	char *text = strrchr(args, '['), *end;
	long n;

	if (!text || text[strlen(text) - 1] != ']')
		return MODULE_ANY_PORT;
	*text++ = 0;
	text[strlen(text) - 1] = 0;
	if (!strncmp(text, "port=", 5))
		text += 5;
	n = strtol(text, &end, 0);
	return end == text || *end || n < 0 || n > UINT16_MAX ? MODULE_BAD_PORT : n;
}

static VDECONN *module_open(char *args, char *descr, int interface_version UNUSED,
			    struct vde_open_args *open_args)
{
	char path[4096], vnl[4096];
	struct vhost_hello hello = { .port = 0 };
	struct module_conn *mc;
	const char *dir;
	long port = module_port(args);
	int ret;

	if (port == MODULE_BAD_PORT) {
		errno = EINVAL;
		return NULL;
	}
	if (port == MODULE_ANY_PORT && open_args && open_args->port > 0)
		port = open_args->port;
	dir = *args ? args : module_default_dir();
	hello.port = port > 0 ? (uint32_t)port : 0;
	hello.management = !port;
	snprintf(hello.descr, sizeof(hello.descr), "%s", descr ? descr : "");
	mc = calloc(1, sizeof(*mc));
	if (!mc)
		return NULL;
	if ((size_t)snprintf(path, sizeof(path), "%s/vhost", dir) >= sizeof(path))
		ret = -ENAMETOOLONG;
	else
		ret = ringconn_open(path, &hello, &mc->ring);
	if (ret == -ENOENT || ret == -ECONNREFUSED || ret == -ENOTSUP) {
		if (port != MODULE_ANY_PORT)
			snprintf(vnl, sizeof(vnl), "vde://%s[%ld]", dir, port);
		else
			snprintf(vnl, sizeof(vnl), "vde://%s", dir);
		mc->plain = vde_open(vnl, descr, open_args);
		ret = mc->plain ? 0 : -errno;
		if (mc->plain)
			fprintf(stderr, "lanbox://%s: this switch offers no shared memory; "
				"using plain VDE\n", dir);
	}
	if (ret) {
		free(mc);
		errno = -ret;
		return NULL;
	}
	return (VDECONN *)(void *)mc;
}

static ssize_t module_recv(VDECONN *conn, void *buf, size_t len, int flags)
{
	struct module_conn *mc = module_conn(conn);

	return mc->ring ? ringconn_recv(mc->ring, buf, len)
			: vde_recv(mc->plain, buf, len, flags);
}

static ssize_t module_send(VDECONN *conn, const void *buf, size_t len, int flags)
{
	struct module_conn *mc = module_conn(conn);

	return mc->ring ? ringconn_send(mc->ring, buf, len)
			: vde_send(mc->plain, buf, len, flags);
}

static int module_datafd(VDECONN *conn)
{
	struct module_conn *mc = module_conn(conn);

	return mc->ring ? ringconn_fd(mc->ring) : vde_datafd(mc->plain);
}

static int module_ctlfd(VDECONN *conn)
{
	struct module_conn *mc = module_conn(conn);

	/* The end of the switch is not the end of a ringconn. */
	return mc->ring ? -1 : vde_ctlfd(mc->plain);
}

static int module_close(VDECONN *conn)
{
	struct module_conn *mc = module_conn(conn);

	if (mc->ring)
		ringconn_close(mc->ring);
	else
		vde_close(mc->plain);
	free(mc);
	return 0;
}

/* The library finds it by this name. */
extern struct vdeplug_module vdeplug_ops;

struct vdeplug_module vdeplug_ops = {
	.vde_open_real = module_open,
	.vde_recv = module_recv,
	.vde_send = module_send,
	.vde_datafd = module_datafd,
	.vde_ctlfd = module_ctlfd,
	.vde_close = module_close,
};
