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
#include <stdio.h>
#include <stdlib.h>

#include "lib/compiler.h"
#include "plug/ringconn.h"
#include "plug/ringname.h"

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

static VDECONN *module_open(char *args, char *descr, int interface_version UNUSED,
			    struct vde_open_args *open_args)
{
	struct module_conn *mc;
	struct ringname rn;
	char vnl[4096];
	int ret;

	ret = ringname_parse(&rn, args, descr, open_args ? open_args->port : 0);
	if (ret) {
		errno = -ret;
		return NULL;
	}
	mc = calloc(1, sizeof(*mc));
	if (!mc)
		return NULL;
	/* One frame a call, without a header: the switch finishes them. */
	ret = ringconn_open(rn.path, &rn.hello, 0, &mc->ring);
	if (ret == -ENOENT || ret == -ECONNREFUSED || ret == -ENOTSUP) {
		if (rn.port != RINGNAME_ANY_PORT)
			snprintf(vnl, sizeof(vnl), "vde://%s[%ld]", rn.dir, rn.port);
		else
			snprintf(vnl, sizeof(vnl), "vde://%s", rn.dir);
		mc->plain = vde_open(vnl, descr, open_args);
		ret = mc->plain ? 0 : -errno;
		if (mc->plain)
			fprintf(stderr, "lanbox://%s: this switch offers no shared memory; "
				"using plain VDE\n", rn.dir);
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

	return mc->ring ? ringconn_recv(mc->ring, NULL, buf, len)
			: vde_recv(mc->plain, buf, len, flags);
}

static ssize_t module_send(VDECONN *conn, const void *buf, size_t len, int flags)
{
	struct module_conn *mc = module_conn(conn);

	return mc->ring ? ringconn_send(mc->ring, NULL, buf, len)
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
